// SPDX-License-Identifier: MIT
// convolution2d_geometry_tmpl.glsl: where a convolution reads its operands; part of convolution2d_tmpl.glsl.
//
// what    the tensor types; the extents of the result; from an output pixel and a tap of the kernel to an element of the
//         image
// params  those of convolution2d_tmpl.glsl
// makes   the tensor types and NAME_extents of convolution2d_tmpl.glsl; ivec3 NAME_origin(IMAGE a, uvec4 extents, uint pixel),
//         what is the same for all taps of a pixel; uint NAME_element_of(IMAGE a, ivec3 origin, uvec3 tap, out bool inside),
//         the offset of element (ky, kx, channel) from a's first one, 0 when that lies outside; and SMELT_CV_x
// errors  exact
// needs   convolution2d_tmpl.glsl around it
// source  convolution2d_tmpl.glsl
#if SMELT_CONVOLUTION2D_IMAGE_LAYOUT == SMELT_LAYOUT_NHWC
#define SMELT_CV_N 0
#define SMELT_CV_H 1
#define SMELT_CV_W 2
#define SMELT_CV_C 3
#else
#define SMELT_CV_N 0
#define SMELT_CV_C 1
#define SMELT_CV_H 2
#define SMELT_CV_W 3
#endif
#if SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_HWIO
#define SMELT_CV_WH 0
#define SMELT_CV_WW 1
#define SMELT_CV_WI 2
#define SMELT_CV_WO 3
#elif SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_OHWI
#define SMELT_CV_WO 0
#define SMELT_CV_WH 1
#define SMELT_CV_WW 2
#define SMELT_CV_WI 3
#elif SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_OIHW
#define SMELT_CV_WO 0
#define SMELT_CV_WI 1
#define SMELT_CV_WH 2
#define SMELT_CV_WW 3
#else
#define SMELT_CV_WI 0
#define SMELT_CV_WO 1
#define SMELT_CV_WH 2
#define SMELT_CV_WW 3
#endif

#define SMELT_TENSOR SMELT_CAT(SMELT_CONVOLUTION2D, _image)
#define SMELT_DTYPE SMELT_CONVOLUTION2D_STORED_LEFT
#define SMELT_RANK 4
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 0
#define SMELT_EXTENT3 0
#include "smelt/tensor_tmpl.glsl"

#define SMELT_TENSOR SMELT_CAT(SMELT_CONVOLUTION2D, _weight)
#define SMELT_DTYPE SMELT_CONVOLUTION2D_STORED
#define SMELT_RANK 4
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 0
#define SMELT_EXTENT3 0
#include "smelt/tensor_tmpl.glsl"

#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
#define SMELT_CV_T int
#define SMELT_CV_BIAS_DTYPE SMELT_CONVOLUTION2D_ACCUMULATED
#else
#define SMELT_CV_T float
#define SMELT_CV_BIAS_DTYPE SMELT_CONVOLUTION2D_STORED
#endif
#if SMELT_CONVOLUTION2D_BIAS
#define SMELT_TENSOR SMELT_CAT(SMELT_CONVOLUTION2D, _bias)
#define SMELT_DTYPE SMELT_CV_BIAS_DTYPE
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
#endif

// The types just made, as tensor_tmpl.glsl names them.
#define SMELT_CV_TENSOR(name, dtype, shape)                                                                  \
    SMELT_CAT(SMELT_CAT(SMELT_CAT(SMELT_CONVOLUTION2D, name), SMELT_CAT(SMELT_TAG_, dtype)), shape)
#define SMELT_CV_IMAGE SMELT_CV_TENSOR(_image, SMELT_CONVOLUTION2D_STORED_LEFT, _4_r_0x0x0x0)
#define SMELT_CV_WEIGHT SMELT_CV_TENSOR(_weight, SMELT_CONVOLUTION2D_STORED, _4_r_0x0x0x0)
#define SMELT_CV_BIAS SMELT_CV_TENSOR(_bias, SMELT_CV_BIAS_DTYPE, _1_r_0)

#if SMELT_CONVOLUTION2D_KERNEL_H > 0
#define SMELT_CV_KERNEL_H(b) uint(SMELT_CONVOLUTION2D_KERNEL_H)
#else
#define SMELT_CV_KERNEL_H(b) smelt_extent(b, SMELT_CV_WH)
#endif
#if SMELT_CONVOLUTION2D_KERNEL_W > 0
#define SMELT_CV_KERNEL_W(b) uint(SMELT_CONVOLUTION2D_KERNEL_W)
#else
#define SMELT_CV_KERNEL_W(b) smelt_extent(b, SMELT_CV_WW)
#endif
#if SMELT_CONVOLUTION2D_CHANNELS > 0
#define SMELT_CV_CHANNELS(b) uint(SMELT_CONVOLUTION2D_CHANNELS)
#elif SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_IOHW
#define SMELT_CV_CHANNELS(b) (smelt_extent(b, SMELT_CV_WI) / SMELT_CONVOLUTION2D_GROUPS)
#else
#define SMELT_CV_CHANNELS(b) smelt_extent(b, SMELT_CV_WI)
#endif

uvec4 SMELT_CAT(SMELT_CONVOLUTION2D, _extents)(SMELT_CV_IMAGE a, SMELT_CV_WEIGHT b)
{
    uvec2 image = uvec2(smelt_extent(a, SMELT_CV_H), smelt_extent(a, SMELT_CV_W));
    uvec2 kernel = uvec2(SMELT_CV_KERNEL_H(b), SMELT_CV_KERNEL_W(b));
    uvec2 stride = uvec2(SMELT_CONVOLUTION2D_STRIDE_Y, SMELT_CONVOLUTION2D_STRIDE_X);
    // Not a sum of vectors, which SPIRV-Tools 2023.1 folds wrongly where they are specialization constants (validation does).
    uvec2 padding = uvec2(SMELT_CONVOLUTION2D_PADDING_TOP + SMELT_CONVOLUTION2D_PADDING_BOTTOM,
                          SMELT_CONVOLUTION2D_PADDING_LEFT + SMELT_CONVOLUTION2D_PADDING_RIGHT);
    uvec2 reach = (kernel - 1u) * uvec2(SMELT_CONVOLUTION2D_DILATION_Y, SMELT_CONVOLUTION2D_DILATION_X) + 1u;
#if SMELT_CONVOLUTION2D_TRANSPOSED
    uvec2 whole = (image - 1u) * stride + reach +
                  uvec2(SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y, SMELT_CONVOLUTION2D_OUTPUT_PADDING_X);
    uvec2 size = whole - min(padding, whole);
#else
    uvec2 whole = image + padding;
    uvec2 size = uvec2(whole.x < reach.x ? 0u : (whole.x - reach.x) / stride.x + 1u,
                       whole.y < reach.y ? 0u : (whole.y - reach.y) / stride.y + 1u);
#endif
    uint channels = smelt_extent(b, SMELT_CV_WO);
#if SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_IOHW
    channels *= SMELT_CONVOLUTION2D_GROUPS;
#endif
    return uvec4(smelt_extent(a, SMELT_CV_N), size, channels);
}

ivec3 SMELT_CAT(SMELT_CONVOLUTION2D, _origin_of)(SMELT_CV_IMAGE a, uvec3 place)
{
    ivec2 padding = ivec2(SMELT_CONVOLUTION2D_PADDING_TOP, SMELT_CONVOLUTION2D_PADDING_LEFT);
    uint offset = place.x * smelt_stride(a, SMELT_CV_N);
#if SMELT_CONVOLUTION2D_TRANSPOSED
    ivec2 first = ivec2(place.yz) + padding;
#else
    ivec2 first =
        ivec2(place.yz * uvec2(SMELT_CONVOLUTION2D_STRIDE_Y, SMELT_CONVOLUTION2D_STRIDE_X)) - padding;
    offset += uint(first.x) * smelt_stride(a, SMELT_CV_H) + uint(first.y) * smelt_stride(a, SMELT_CV_W);
#endif
    return ivec3(first, int(offset)); // the offset of what lies outside wraps, and back
}

// Of a pixel beyond the last one: those of the last.
ivec3 SMELT_CAT(SMELT_CONVOLUTION2D, _origin)(SMELT_CV_IMAGE a, uvec4 extents, uint pixel)
{
    uint area = extents.y * extents.z;
    pixel = min(pixel, extents.x * area - 1u);
    uint n = pixel / area, in_image = pixel - n * area, y = in_image / extents.z;
    return SMELT_CAT(SMELT_CONVOLUTION2D, _origin_of)(a, uvec3(n, y, in_image - y * extents.z));
}

uint SMELT_CAT(SMELT_CONVOLUTION2D, _element_of)(SMELT_CV_IMAGE a, ivec3 origin, uvec3 tap, out bool inside)
{
    uvec2 extent = uvec2(smelt_extent(a, SMELT_CV_H), smelt_extent(a, SMELT_CV_W));
    uvec2 step = tap.xy * uvec2(SMELT_CONVOLUTION2D_DILATION_Y, SMELT_CONVOLUTION2D_DILATION_X);
    uint offset = tap.z * smelt_stride(a, SMELT_CV_C) + uint(origin.z);
#if SMELT_CONVOLUTION2D_TRANSPOSED
    uvec2 stride = uvec2(SMELT_CONVOLUTION2D_STRIDE_Y, SMELT_CONVOLUTION2D_STRIDE_X);
    uvec2 scaled = uvec2(origin.xy) - step, at = scaled / stride; // above 2^31 when negative: outside
    bool inside_y =
        all(lessThan(uvec3(scaled.x, at.x, scaled.x - at.x * stride.x), uvec3(0x80000000u, extent.x, 1u)));
    bool inside_x =
        all(lessThan(uvec3(scaled.y, at.y, scaled.y - at.y * stride.y), uvec3(0x80000000u, extent.y, 1u)));
    inside = inside_y && inside_x;
    offset += at.x * smelt_stride(a, SMELT_CV_H) + at.y * smelt_stride(a, SMELT_CV_W);
#else
    inside = all(lessThan(uvec2(origin.xy) + step, extent));
    offset += step.x * smelt_stride(a, SMELT_CV_H) + step.y * smelt_stride(a, SMELT_CV_W);
#endif
    return inside ? offset : 0u;
}
