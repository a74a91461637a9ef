// SPDX-License-Identifier: MIT
// convolution2d_operands.glsl: the operands of a call as tensors, and what becomes of a sum.
//
// The op `conv` has been made. KERNEL_IMAGE, KERNEL_WEIGHT, KERNEL_BIAS, KERNEL_DATA (types), KERNEL_STORED,
// KERNEL_IMAGE_LAYOUT and KERNEL_WEIGHT_LAYOUT are the includer's; KERNEL_DATA and KERNEL_STORED (of bias) of integers too, with
// KERNEL_WEIGHT_DATA.
#if KERNEL_INTEGER
#define KERNEL_BIAS_DATA smelt_i32_r_data
#else
#define KERNEL_BIAS_DATA KERNEL_DATA
#endif
#define SMELT_TENSOR bias
#define SMELT_DTYPE KERNEL_STORED
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"

// Extents (n, h, w, channels) in the order of the image's layout.
uint[4] in_layout(uvec4 extents)
{
#if KERNEL_IMAGE_LAYOUT == SMELT_LAYOUT_NHWC
    return uint[4](extents.x, extents.y, extents.z, extents.w);
#else
    return uint[4](extents.x, extents.w, extents.y, extents.z);
#endif
}

KERNEL_IMAGE the_image()
{
    KERNEL_IMAGE t;
    t.data = KERNEL_DATA(a);
    t.extent = in_layout(uvec4(
        fixed_batch != 0 ? fixed_batch : batch, fixed_height != 0 ? fixed_height : height,
        fixed_width != 0 ? fixed_width : width, (fixed_channels != 0 ? fixed_channels : channels) * groups));
    t.stride = stride_a;
    return t;
}

KERNEL_WEIGHT the_weight()
{
    KERNEL_WEIGHT t;
    uint h = fixed_kernel_h != 0 ? fixed_kernel_h : kernel_h,
         w = fixed_kernel_w != 0 ? fixed_kernel_w : kernel_w,
         i = fixed_channels != 0 ? fixed_channels : channels,
         o = fixed_outputs != 0 ? fixed_outputs : outputs;
    t.data = KERNEL_WEIGHT_DATA(b);
#if KERNEL_WEIGHT_LAYOUT == SMELT_LAYOUT_HWIO
    t.extent = uint[4](h, w, i, o);
#elif KERNEL_WEIGHT_LAYOUT == SMELT_LAYOUT_OHWI
    t.extent = uint[4](o, h, w, i);
#elif KERNEL_WEIGHT_LAYOUT == SMELT_LAYOUT_OIHW
    t.extent = uint[4](o, i, h, w);
#else
    t.extent = uint[4](i * groups, o / groups, h, w);
#endif
#if KERNEL_INTEGER
    t.stride[0] = stride_b0;
    t.stride[1] = stride_b1;
    t.stride[2] = stride_b2;
    t.stride[3] = stride_b3;
#else
    t.stride = stride_b;
#endif
    return t;
}

// Of the residual; 2^32 - 1 outside d.
uint residual_at(uvec4 place)
{
    uint[4] o = in_layout(place);
    bool inside = place.x < (fixed_batch != 0 ? fixed_batch : batch) &&
                  place.w < (fixed_outputs != 0 ? fixed_outputs : outputs);
    return inside ? o[0] * stride_d[0] + o[1] * stride_d[1] + o[2] * stride_d[2] + o[3] * stride_d[3]
                  : 0xffffffffu;
}

KERNEL_SUM conv_element(KERNEL_SUM v, uvec4 place)
{
    if (KERNEL_HAS_BIAS) {
        KERNEL_BIAS t;
        t.data = KERNEL_BIAS_DATA(bias);
        t.extent = uint[1](fixed_outputs != 0 ? fixed_outputs : outputs);
        t.stride = uint[1](1);
        v += smelt_load(t, place.w);
    }
#if KERNEL_INTEGER
    return finish_integer(v, place.w, KERNEL_HAS_RESIDUAL ? residual_at(place) : 0xffffffffu);
#else
    if (KERNEL_HAS_RESIDUAL) {
        uint i = residual_at(place);
        if (i != 0xffffffffu)
            v += KERNEL_D_IS_F32 ? smelt_f32_r_data(residual).e[i]
                                 : smelt_f16_to_f32(uint(smelt_u16_r_data(residual).e[i]));
    }
    return KERNEL_ACTIVATE(v);
#endif
}
