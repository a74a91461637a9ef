// SPDX-License-Identifier: MIT
// convolution2d_store_tmpl.glsl: stores the tile of a convolution of a subgroup or a workgroup to an image.
//
// what    an overload for one result (convolution2d_tmpl.glsl) and one tensor type of rank 4 (tensor_tmpl.glsl)
// params  all required, all undefined afterwards:
//         SMELT_CONVOLUTION2D_STORE           name of the convolution
//         SMELT_CONVOLUTION2D_STORE_DTYPE     SMELT_DTYPE_x of its sums
//         SMELT_CONVOLUTION2D_STORE_BACKEND   its SMELT_BACKEND_x
//         SMELT_CONVOLUTION2D_STORE_LAYOUT    SMELT_LAYOUT_NHWC or SMELT_LAYOUT_NCHW: of the tensor
//         SMELT_CONVOLUTION2D_STORE_GROUPS    as the convolution's
//         SMELT_CONVOLUTION2D_STORE_ROWS      1: a promise that the pixels of the tensor are the rows of a matrix: NHWC, and
//                                             each follows the one before by the same stride; 0: any strides
//         SMELT_CONVOLUTION2D_STORE_IMAGE     name of the image, which becomes a tensor type here
//         SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE   its SMELT_DTYPE_x: F32 or F16; of sums of I32: I8 to U32
// makes   the tensor type IMAGE_<dtype>_4_w_0x0x0x0 and
//         void smelt_store(NAME_result d, TENSOR t, uvec3 tile)   tile as in NAME_run; what lies outside t is dropped. For the
//         whole group, with the same arguments in all of it; uses the scratch
// errors  one rounding to the tensor's type; integers saturate
// needs   convolution2d_tmpl.glsl included before for NAME
// source  convolution2d_tmpl.glsl
#ifndef SMELT_BASE_GLSL
#error "convolution2d_store_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_CONVOLUTION2D_STORE
#error "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE (name of the convolution) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STORE_DTYPE
#error                                                                                                       \
    "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_DTYPE (SMELT_DTYPE_x of the sums) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STORE_BACKEND
#error "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_BACKEND (SMELT_BACKEND_x) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STORE_LAYOUT
#error "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_LAYOUT (SMELT_LAYOUT_x) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STORE_GROUPS
#error "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_GROUPS (as the convolution's) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STORE_ROWS
#error                                                                                                       \
    "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_ROWS (1: pixels are rows of a matrix) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STORE_IMAGE
#error "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_IMAGE (name of the image) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE
#error                                                                                                       \
    "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE (SMELT_DTYPE_x of the image) is not defined"
#endif
#if SMELT_CONVOLUTION2D_STORE_DTYPE != SMELT_DTYPE_F32 &&                                                    \
    SMELT_CONVOLUTION2D_STORE_DTYPE != SMELT_DTYPE_F16 && SMELT_CONVOLUTION2D_STORE_DTYPE != SMELT_DTYPE_I32
#error "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_DTYPE must be SMELT_DTYPE_F32, _F16 or _I32"
#endif
#if SMELT_CONVOLUTION2D_STORE_LAYOUT != SMELT_LAYOUT_NHWC &&                                                 \
    SMELT_CONVOLUTION2D_STORE_LAYOUT != SMELT_LAYOUT_NCHW
#error                                                                                                       \
    "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_LAYOUT must be SMELT_LAYOUT_NHWC or SMELT_LAYOUT_NCHW"
#endif
#if SMELT_CONVOLUTION2D_STORE_DTYPE == SMELT_DTYPE_I32
#if SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE < SMELT_DTYPE_I8 ||                                                \
    SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE > SMELT_DTYPE_U32
#error                                                                                                       \
    "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE must be I8, U8, I16, U16, I32 or U32 with sums of I32"
#endif
#elif SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE != SMELT_DTYPE_F32 &&                                            \
    SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE != SMELT_DTYPE_F16
#error "convolution2d_store_tmpl.glsl: SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE must be SMELT_DTYPE_F32 or _F16"
#endif
#if SMELT_CONVOLUTION2D_STORE_LAYOUT == SMELT_LAYOUT_NHWC
#define SMELT_CS_H 1
#define SMELT_CS_W 2
#define SMELT_CS_C 3
#else
#define SMELT_CS_C 1
#define SMELT_CS_H 2
#define SMELT_CS_W 3
#endif
#define SMELT_CS_TYPE(name, shape)                                                                           \
    SMELT_CAT(SMELT_CAT(name, SMELT_CAT(SMELT_TAG_, SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE)), shape)
#define SMELT_CS_TENSOR SMELT_CS_TYPE(SMELT_CONVOLUTION2D_STORE_IMAGE, _4_w_0x0x0x0)
#define SMELT_CS_MATRIX_NAME SMELT_CAT(SMELT_CONVOLUTION2D_STORE_IMAGE, _pixels)
#define SMELT_CS_MATRIX SMELT_CS_TYPE(SMELT_CS_MATRIX_NAME, _2_w_0x0)
#if SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE == SMELT_DTYPE_U8 ||                                               \
    SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE == SMELT_DTYPE_U16 ||                                              \
    SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE == SMELT_DTYPE_U32
#define SMELT_CS_VALUE(v) uint(max(v, 0))
#else
#define SMELT_CS_VALUE(v) (v)
#endif
#define SMELT_CS_RESULT SMELT_CAT(SMELT_CONVOLUTION2D_STORE, _result)

#define SMELT_TENSOR SMELT_CONVOLUTION2D_STORE_IMAGE
#define SMELT_DTYPE SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE
#define SMELT_RANK 4
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 0
#define SMELT_EXTENT3 0
#include "smelt/tensor_tmpl.glsl"

#if SMELT_CONVOLUTION2D_STORE_ROWS
#define SMELT_TENSOR SMELT_CS_MATRIX_NAME
#define SMELT_DTYPE SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_COOPERATIVE SMELT_CS_RESULT
#define SMELT_COOPERATIVE_DTYPE SMELT_CONVOLUTION2D_STORE_DTYPE
#define SMELT_COOPERATIVE_BACKEND SMELT_CONVOLUTION2D_STORE_BACKEND
#define SMELT_COOPERATIVE_TENSOR SMELT_CS_MATRIX
#define SMELT_COOPERATIVE_TENSOR_DTYPE SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE
#define SMELT_COOPERATIVE_TENSOR_ACCESS SMELT_ACCESS_WRITE
#include "smelt/cooperative_tensor_tmpl.glsl"
#endif

// A value for which 0 has a meaning. An error here names what is wrong.
void SMELT_CAT(SMELT_CONVOLUTION2D_STORE_IMAGE, _check_flags)()
{
    const int rows = SMELT_CAT(smelt_flag_is_, SMELT_CONVOLUTION2D_STORE_ROWS);
}

void smelt_store(SMELT_CS_RESULT d, SMELT_CS_TENSOR t, uvec3 tile)
{
    uint channels = smelt_extent(t, SMELT_CS_C) / SMELT_CONVOLUTION2D_STORE_GROUPS;
    uint origin[4] = uint[4](0u, 0u, 0u, 0u), extent[4] = t.extent;
    origin[SMELT_CS_C] = tile.x * channels;
    extent[SMELT_CS_C] = channels;
    t = smelt_slice(t, origin, extent);
    uint height = smelt_extent(t, SMELT_CS_H), width = smelt_extent(t, SMELT_CS_W), area = height * width;
    uint pixels = smelt_extent(t, 0) * area, step = smelt_stride(t, SMELT_CS_W);
#if SMELT_CONVOLUTION2D_STORE_ROWS
    SMELT_CS_MATRIX m;
    m.data = t.data;
    m.extent = uint[2](pixels, channels);
    m.stride = uint[2](step, smelt_stride(t, SMELT_CS_C));
    smelt_store(d, m, tile.y, tile.z);
#else
    SMELT_CAT(SMELT_CS_RESULT, _places) p = SMELT_CAT(SMELT_CS_RESULT, _locate)();
    if (!smelt_valid(p))
        return;
    [[unroll]] for (int piece = 0; piece != SMELT_CAT(SMELT_CS_RESULT, _pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(d); i++)
    {
        uvec2 place = smelt_place(p, piece, i) + tile.yz;
        uint n = place.x / area, in_image = place.x - n * area, y = in_image / width;
        uint offset = n * smelt_stride(t, 0) + y * smelt_stride(t, SMELT_CS_H) +
                      (in_image - y * width) * step + place.y * smelt_stride(t, SMELT_CS_C);
        if (place.x < pixels && place.y < channels)
            smelt_store_at(t, offset, SMELT_CS_VALUE(smelt_get(d, piece, i)));
    }
#endif
}

#undef SMELT_CONVOLUTION2D_STORE
#undef SMELT_CONVOLUTION2D_STORE_DTYPE
#undef SMELT_CONVOLUTION2D_STORE_BACKEND
#undef SMELT_CONVOLUTION2D_STORE_LAYOUT
#undef SMELT_CONVOLUTION2D_STORE_GROUPS
#undef SMELT_CONVOLUTION2D_STORE_ROWS
#undef SMELT_CONVOLUTION2D_STORE_IMAGE
#undef SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE
#undef SMELT_CS_H
#undef SMELT_CS_W
#undef SMELT_CS_C
#undef SMELT_CS_TENSOR
#undef SMELT_CS_MATRIX_NAME
#undef SMELT_CS_MATRIX
#undef SMELT_CS_TYPE
#undef SMELT_CS_VALUE
#undef SMELT_CS_RESULT
