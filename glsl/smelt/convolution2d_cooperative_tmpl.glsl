// SPDX-License-Identifier: MIT
// convolution2d_cooperative_tmpl.glsl: a convolution of a subgroup or a workgroup; part of convolution2d_tmpl.glsl.
//
// what    an implicit matrix product (matmul2d_cooperative_tmpl.glsl): rows are pixels, columns channels, terms the taps
//         of the kernel. The left operand is gathered on its way to shared memory. Terms are ordered (ky, kx, channel),
//         or (channel, ky, kx) where image and weight both have channels before height and width
// params  those of convolution2d_tmpl.glsl
// makes   see convolution2d_tmpl.glsl
// errors  see convolution2d_tmpl.glsl
// needs   convolution2d_tmpl.glsl around it
// source  convolution2d_tmpl.glsl
#ifndef SMELT_CONVOLUTION2D_TILE_K
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_TILE_K (terms in shared memory at a time) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_ACCUMULATE
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ACCUMULATE (1: add to the result) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_WEIGHT_STRIDED
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_WEIGHT_STRIDED (1: any strides, 0: packed) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_WHOLE
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_WHOLE (1: blocks of terms are of one tap, 0: any extents) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_RELAXED
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_RELAXED (1: F32 and BF16 may be rounded to F16, 0: no) is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_SUBGROUP_SIZE
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_SUBGROUP_SIZE (invocations of a subgroup) is not defined"
#endif
#if !defined SMELT_CONVOLUTION2D_SUBGROUPS_M || !defined SMELT_CONVOLUTION2D_SUBGROUPS_N
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_SUBGROUPS_M or _N (subgroups over the tile) is not defined"
#endif
#if !defined SMELT_CONVOLUTION2D_FRAGMENT_M || !defined SMELT_CONVOLUTION2D_FRAGMENT_N ||                    \
    !defined SMELT_CONVOLUTION2D_FRAGMENT_K
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_FRAGMENT_M, _N or _K is not defined"
#endif
#ifndef SMELT_CONVOLUTION2D_SCRATCH
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_SCRATCH (name of a shared uvec4 array) is not defined"
#endif
#define SMELT_CV_LEFT SMELT_CAT(SMELT_CONVOLUTION2D, _left)
#define SMELT_CV_THREADS                                                                                     \
    (SMELT_CONVOLUTION2D_SUBGROUP_SIZE * SMELT_CONVOLUTION2D_SUBGROUPS_M * SMELT_CONVOLUTION2D_SUBGROUPS_N)
#if SMELT_CONVOLUTION2D_SCOPE == SMELT_SCOPE_SUBGROUP
#define SMELT_CV_THREAD gl_SubgroupInvocationID
#else
#define SMELT_CV_THREAD gl_LocalInvocationIndex
#endif

// How the operands lie in shared memory, and the order of terms.
#if SMELT_CONVOLUTION2D_IMAGE_LAYOUT == SMELT_LAYOUT_NCHW
#define SMELT_CV_TRANSPOSE_LEFT 1
#else
#define SMELT_CV_TRANSPOSE_LEFT 0
#endif
#if SMELT_CONVOLUTION2D_IMAGE_LAYOUT == SMELT_LAYOUT_NCHW &&                                                 \
    SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_OIHW
#define SMELT_CV_CHANNEL_FIRST 1
#else
#define SMELT_CV_CHANNEL_FIRST 0
#endif
#if SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_HWIO &&                                                \
    (!SMELT_CONVOLUTION2D_WEIGHT_STRIDED || SMELT_CONVOLUTION2D_WHOLE)
#define SMELT_CV_TRANSPOSE_RIGHT 0
#else
#define SMELT_CV_TRANSPOSE_RIGHT 1
#endif
#if SMELT_CONVOLUTION2D_WEIGHT_STRIDED || SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_IOHW ||          \
    (SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_OIHW && !SMELT_CV_CHANNEL_FIRST) ||                   \
    SMELT_CONVOLUTION2D_WHOLE
#define SMELT_CV_GATHER_RIGHT 1
#define SMELT_CV_RIGHT SMELT_CAT(SMELT_CONVOLUTION2D, _right)
#else
#define SMELT_CV_GATHER_RIGHT 0
#define SMELT_CV_RIGHT SMELT_CV_TENSOR(_right, SMELT_CONVOLUTION2D_STORED, _2_r_0x0)
#endif

// Elements that make a uvec4 of shared memory (matmul2d_groups_tmpl.glsl).
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_F16
#define SMELT_CV_LEFT_GROUP 8
#define SMELT_CV_RIGHT_GROUP 8
#elif SMELT_CONVOLUTION2D_COMPUTED != SMELT_DTYPE_I8
#define SMELT_CV_LEFT_GROUP 4
#define SMELT_CV_RIGHT_GROUP 4
#elif SMELT_CONVOLUTION2D_BACKEND < SMELT_BACKEND_COOPMAT
#define SMELT_CV_LEFT_GROUP 16
#define SMELT_CV_RIGHT_GROUP 16
#else
#if (SMELT_CV_TRANSPOSE_LEFT && SMELT_CONVOLUTION2D_FRAGMENT_M == 8) ||                                      \
    (!SMELT_CV_TRANSPOSE_LEFT && SMELT_CONVOLUTION2D_FRAGMENT_K == 8)
#define SMELT_CV_LEFT_GROUP 8
#else
#define SMELT_CV_LEFT_GROUP 16
#endif
#if SMELT_CV_TRANSPOSE_RIGHT && SMELT_CONVOLUTION2D_FRAGMENT_K == 8
#define SMELT_CV_RIGHT_GROUP 8
#else
#define SMELT_CV_RIGHT_GROUP 16
#endif
#endif
// Unsigned bytes that meet signed ones in matrices are taken less 128.
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8 &&                                                        \
    SMELT_CONVOLUTION2D_BACKEND >= SMELT_BACKEND_COOPMAT &&                                                  \
    SMELT_CONVOLUTION2D_STORED != SMELT_CONVOLUTION2D_STORED_LEFT
#define SMELT_CV_FLIP(dtype) ((dtype) == SMELT_DTYPE_U8 ? 0x80808080u : 0u)
#else
#define SMELT_CV_FLIP(dtype) 0u
#endif

// Pixels that an invocation gathers for: their origins are computed once. NHWC: a pixel for each of its groups of terms.
// NCHW: the pixels of one group, for all its terms, where invocations make up whole rows of groups.
#define SMELT_CV_COUNT (SMELT_CONVOLUTION2D_M * SMELT_CONVOLUTION2D_TILE_K / SMELT_CV_LEFT_GROUP)
#if !SMELT_CV_TRANSPOSE_LEFT
#define SMELT_CV_ORIGINS ((SMELT_CV_COUNT + SMELT_CV_THREADS - 1) / SMELT_CV_THREADS)
#elif SMELT_CV_THREADS % (SMELT_CONVOLUTION2D_M / SMELT_CV_LEFT_GROUP) == 0
#define SMELT_CV_ORIGINS SMELT_CV_LEFT_GROUP
#else
#define SMELT_CV_ORIGINS 0
#endif

struct SMELT_CV_LEFT {
    SMELT_CV_IMAGE image; // of the group
    uvec4 extents;        // of the result
    uvec3 kernel;         // height, width, channels
};
#if SMELT_CV_ORIGINS > 0 && !SMELT_CONVOLUTION2D_WHOLE
// Not in the struct, which would then be copied as a whole where an element is taken.
ivec3 SMELT_CAT(SMELT_CONVOLUTION2D, _origins)[SMELT_CV_ORIGINS];
#endif

// Zero points, known once `run` has begun.
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
#if SMELT_CONVOLUTION2D_ZERO_POINTS
int SMELT_CAT(SMELT_CONVOLUTION2D, _outside);
uint SMELT_CAT(SMELT_CONVOLUTION2D, _channel); // of the first column
#define SMELT_CV_OTHER(counts)                                                                               \
    ((counts) ? uint(SMELT_CAT(SMELT_CONVOLUTION2D, _outside) & 255) * 0x01010101u : 0u)
int SMELT_CAT(SMELT_CONVOLUTION2D, _zero_left)()
{
    return SMELT_CAT(SMELT_CONVOLUTION2D, _outside);
}
int SMELT_CAT(SMELT_CONVOLUTION2D, _zero_right)(uint column)
{
    return SMELT_CAT(SMELT_CONVOLUTION2D, _zero_weight)(SMELT_CAT(SMELT_CONVOLUTION2D, _channel) + column);
}
#else
#define SMELT_CV_OTHER(counts) 0u
#endif
#else
#define SMELT_CV_OTHER(counts) 0u
#endif

uint smelt_extent(SMELT_CV_LEFT a, uint d)
{
    return d == SMELT_CV_TRANSPOSE_LEFT ? a.extents.x * a.extents.y * a.extents.z
                                        : a.kernel.x * a.kernel.y * a.kernel.z;
}

#if SMELT_CONVOLUTION2D_WHOLE
#include "smelt/convolution2d_walk_tmpl.glsl"
#else
#include "smelt/convolution2d_stage_tmpl.glsl"
#endif

// The matrix product, under the convolution's name.
#define SMELT_MATMUL2D SMELT_CONVOLUTION2D
#define SMELT_MATMUL2D_SCOPE SMELT_CONVOLUTION2D_SCOPE
#define SMELT_MATMUL2D_M SMELT_CONVOLUTION2D_M
#define SMELT_MATMUL2D_N SMELT_CONVOLUTION2D_N
#define SMELT_MATMUL2D_K                                                                                     \
    (SMELT_CONVOLUTION2D_KERNEL_H * SMELT_CONVOLUTION2D_KERNEL_W * SMELT_CONVOLUTION2D_CHANNELS)
#define SMELT_MATMUL2D_TILE_K SMELT_CONVOLUTION2D_TILE_K
#define SMELT_MATMUL2D_TRANSPOSE_LEFT SMELT_CV_TRANSPOSE_LEFT
#define SMELT_MATMUL2D_TRANSPOSE_RIGHT SMELT_CV_TRANSPOSE_RIGHT
#define SMELT_MATMUL2D_ACCUMULATE SMELT_CONVOLUTION2D_ACCUMULATE
#define SMELT_MATMUL2D_BIAS 0
#define SMELT_MATMUL2D_ACTIVATION SMELT_ACTIVATION_NONE
#define SMELT_MATMUL2D_EPILOGUE 0
#define SMELT_MATMUL2D_RELAXED SMELT_CONVOLUTION2D_RELAXED
#if SMELT_CONVOLUTION2D_WHOLE
#define SMELT_MATMUL2D_SOURCE_LEFT SMELT_SOURCE_WALKED
#define SMELT_MATMUL2D_SOURCE_RIGHT SMELT_SOURCE_WALKED
#else
#define SMELT_MATMUL2D_SOURCE_LEFT SMELT_SOURCE_FUNCTION
#if SMELT_CV_GATHER_RIGHT
#define SMELT_MATMUL2D_SOURCE_RIGHT SMELT_SOURCE_FUNCTION
#else
#define SMELT_MATMUL2D_SOURCE_RIGHT SMELT_SOURCE_TENSOR
#endif
#endif
#define SMELT_MATMUL2D_STORED_LEFT SMELT_CONVOLUTION2D_STORED_LEFT
#define SMELT_MATMUL2D_STORED SMELT_CONVOLUTION2D_STORED
#define SMELT_MATMUL2D_COMPUTED SMELT_CONVOLUTION2D_COMPUTED
#define SMELT_MATMUL2D_ACCUMULATED SMELT_CONVOLUTION2D_ACCUMULATED
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
#define SMELT_MATMUL2D_ZERO_POINTS SMELT_CONVOLUTION2D_ZERO_POINTS
#endif
#define SMELT_MATMUL2D_SCALE SMELT_SCALE_NONE
#define SMELT_MATMUL2D_ALIGNMENT SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT
#define SMELT_MATMUL2D_SUBGROUP_SIZE SMELT_CONVOLUTION2D_SUBGROUP_SIZE
#define SMELT_MATMUL2D_SUBGROUPS_M SMELT_CONVOLUTION2D_SUBGROUPS_M
#define SMELT_MATMUL2D_SUBGROUPS_N SMELT_CONVOLUTION2D_SUBGROUPS_N
#define SMELT_MATMUL2D_FRAGMENT_M SMELT_CONVOLUTION2D_FRAGMENT_M
#define SMELT_MATMUL2D_FRAGMENT_N SMELT_CONVOLUTION2D_FRAGMENT_N
#define SMELT_MATMUL2D_FRAGMENT_K SMELT_CONVOLUTION2D_FRAGMENT_K
#define SMELT_MATMUL2D_SCRATCH SMELT_CONVOLUTION2D_SCRATCH
#define SMELT_MATMUL2D_BACKEND SMELT_CONVOLUTION2D_BACKEND
#include "smelt/matmul2d_tmpl.glsl"

void SMELT_CAT(SMELT_CONVOLUTION2D, _run)(inout SMELT_CAT(SMELT_CONVOLUTION2D, _result) d,
                                          SMELT_CV_IMAGE image, SMELT_CV_WEIGHT weight, uvec3 tile)
{
    SMELT_CV_LEFT a;
    a.kernel = uvec3(SMELT_CV_KERNEL_H(weight), SMELT_CV_KERNEL_W(weight), SMELT_CV_CHANNELS(weight));
    a.extents = SMELT_CAT(SMELT_CONVOLUTION2D, _extents)(image, weight);
    uint channels = a.extents.w / SMELT_CONVOLUTION2D_GROUPS;
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
#if SMELT_CONVOLUTION2D_ZERO_POINTS
    SMELT_CAT(SMELT_CONVOLUTION2D, _outside) = SMELT_CAT(SMELT_CONVOLUTION2D, _zero_image)();
    SMELT_CAT(SMELT_CONVOLUTION2D, _channel) = tile.x * channels;
#endif
#endif
    uint first[4] = uint[4](0u, 0u, 0u, 0u), extent[4] = image.extent;
    first[SMELT_CV_C] = tile.x * a.kernel.z;
    extent[SMELT_CV_C] = a.kernel.z;
    a.image = smelt_slice(image, first, extent);
#if SMELT_CONVOLUTION2D_WHOLE
    SMELT_CAT(SMELT_CONVOLUTION2D, _start)(a, tile.y);
#elif !SMELT_CV_TRANSPOSE_LEFT
    [[unroll]] for (uint i = 0u; i != SMELT_CV_ORIGINS; i++) SMELT_CAT(SMELT_CONVOLUTION2D, _origins)[i] =
        SMELT_CAT(SMELT_CONVOLUTION2D, _origin)(
            a.image, a.extents,
            tile.y +
                SMELT_CAT(SMELT_CONVOLUTION2D, _stage_left_spot)(SMELT_CV_THREAD + i * SMELT_CV_THREADS).x);
#elif SMELT_CV_ORIGINS > 0
    uint group = SMELT_CV_THREAD % (SMELT_CONVOLUTION2D_M / SMELT_CV_LEFT_GROUP);
    [[unroll]] for (uint v = 0u; v != SMELT_CV_ORIGINS; v++) SMELT_CAT(SMELT_CONVOLUTION2D, _origins)[v] =
        SMELT_CAT(SMELT_CONVOLUTION2D, _origin)(a.image, a.extents, tile.y + group * SMELT_CV_LEFT_GROUP + v);
#endif
    uint origin[4] = uint[4](0u, 0u, 0u, 0u), size[4] = weight.extent;
#if SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_IOHW
    origin[SMELT_CV_WI] = first[SMELT_CV_C];
    size[SMELT_CV_WI] = a.kernel.z;
#else
    origin[SMELT_CV_WO] = tile.x * channels;
    size[SMELT_CV_WO] = channels;
#endif
    SMELT_CV_WEIGHT part = smelt_slice(weight, origin, size);
    SMELT_CV_RIGHT b;
#if SMELT_CV_GATHER_RIGHT
    b.weight = part;
    b.kernel = a.kernel;
#if SMELT_CONVOLUTION2D_WHOLE
    SMELT_CAT(SMELT_CONVOLUTION2D, _start)(b, tile.z);
#endif
#else
    uint terms = a.kernel.x * a.kernel.y * a.kernel.z;
    b.data = part.data;
#if SMELT_CV_TRANSPOSE_RIGHT
    b.extent = uint[2](channels, terms);
    b.stride = uint[2](terms, 1u);
#else
    b.extent = uint[2](terms, channels);
    b.stride = uint[2](smelt_extent(weight, SMELT_CV_WO), 1u);
#endif
#endif
    SMELT_CAT(SMELT_CONVOLUTION2D, _run)(d, a, b, tile.y, tile.z);
}

void SMELT_CAT(SMELT_CONVOLUTION2D, _finish)(inout SMELT_CAT(SMELT_CONVOLUTION2D, _result) d,
#if SMELT_CONVOLUTION2D_BIAS
                                             SMELT_CV_BIAS bias,
#endif
                                             uvec4 extents, uvec3 tile)
{
    SMELT_CAT(SMELT_CONVOLUTION2D, _result_places) p = SMELT_CAT(SMELT_CONVOLUTION2D, _result_locate)();
    uint first = tile.x * (extents.w / SMELT_CONVOLUTION2D_GROUPS) + tile.z, area = extents.y * extents.z;
    [[unroll]] for (int piece = 0; piece != SMELT_CAT(SMELT_CONVOLUTION2D, _result_pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(d); i++)
    {
        SMELT_CV_T v = smelt_get(d, piece, i);
        uvec2 place = smelt_place(p, piece, i) + uvec2(tile.y, first);
#if SMELT_CONVOLUTION2D_BIAS
        v += smelt_load(bias, place.y);
#endif
        v = SMELT_CAT(smelt_activation_, SMELT_CONVOLUTION2D_ACTIVATION)(v);
#if SMELT_CONVOLUTION2D_EPILOGUE
        uint n = place.x / area, y = (place.x - n * area) / extents.z;
        v = SMELT_CAT(SMELT_CONVOLUTION2D,
                      _element)(v, uvec4(n, y, place.x - n * area - y * extents.z, place.y));
#endif
        smelt_set(d, piece, i, v);
    }
}

#undef SMELT_CONVOLUTION2D_TILE_K
#undef SMELT_CONVOLUTION2D_ACCUMULATE
#undef SMELT_CONVOLUTION2D_SUBGROUP_SIZE
#undef SMELT_CONVOLUTION2D_SUBGROUPS_M
#undef SMELT_CONVOLUTION2D_SUBGROUPS_N
#undef SMELT_CONVOLUTION2D_FRAGMENT_M
#undef SMELT_CONVOLUTION2D_FRAGMENT_N
#undef SMELT_CONVOLUTION2D_FRAGMENT_K
#undef SMELT_CONVOLUTION2D_SCRATCH
#undef SMELT_CONVOLUTION2D_WEIGHT_STRIDED
#undef SMELT_CONVOLUTION2D_WHOLE
#undef SMELT_CONVOLUTION2D_RELAXED
#undef SMELT_CV_LEFT
#undef SMELT_CV_RIGHT
#undef SMELT_CV_LEFT_GROUP
#undef SMELT_CV_RIGHT_GROUP
#undef SMELT_CV_FLIP
#undef SMELT_CV_OTHER
#undef SMELT_CV_THREADS
#undef SMELT_CV_THREAD
#undef SMELT_CV_TRANSPOSE_LEFT
#undef SMELT_CV_TRANSPOSE_RIGHT
#undef SMELT_CV_CHANNEL_FIRST
#undef SMELT_CV_GATHER_RIGHT
#undef SMELT_CV_COUNT
#undef SMELT_CV_ORIGINS
