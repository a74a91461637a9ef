// SPDX-License-Identifier: MIT
// matmul2d_operands_tmpl.glsl: the types of the operands; part of matmul2d_cooperative_tmpl.glsl.
//
// what    tensor types of the operands that are tensors, and names for all of them
// params  those of matmul2d_cooperative_tmpl.glsl
// makes   the tensor types of matmul2d_cooperative_tmpl.glsl; SMELT_MM_LEFT, SMELT_MM_RIGHT, SMELT_MM_BIAS
// errors  none (no arithmetic)
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_TENSOR || SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_ADDRESSED
#define SMELT_TENSOR SMELT_CAT(SMELT_MATMUL2D, _left)
#define SMELT_DTYPE SMELT_MATMUL2D_STORED_LEFT
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#endif

#if SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_TENSOR ||                                                    \
    SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_ADDRESSED
#define SMELT_TENSOR SMELT_CAT(SMELT_MATMUL2D, _right)
#define SMELT_DTYPE SMELT_MATMUL2D_STORED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#endif

#if SMELT_MATMUL2D_STORED < SMELT_DTYPE_I8 && SMELT_MATMUL2D_SCALE == SMELT_SCALE_NONE
#define SMELT_MM_BIAS_DTYPE SMELT_MATMUL2D_STORED
#else
#define SMELT_MM_BIAS_DTYPE SMELT_MATMUL2D_ACCUMULATED
#endif
#if SMELT_MATMUL2D_BIAS
#define SMELT_TENSOR SMELT_CAT(SMELT_MATMUL2D, _bias)
#define SMELT_DTYPE SMELT_MM_BIAS_DTYPE
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
#endif

// The types just made, as tensor_tmpl.glsl names them.
#define SMELT_MM_TENSOR(name, dtype, shape)                                                                  \
    SMELT_CAT(SMELT_CAT(SMELT_CAT(SMELT_MATMUL2D, name), SMELT_CAT(SMELT_TAG_, dtype)), shape)
#define SMELT_MM_BIAS SMELT_MM_TENSOR(_bias, SMELT_MM_BIAS_DTYPE, _1_r_0)
#define SMELT_MM_RIGHT_WEIGHT SMELT_MM_TENSOR(_right, SMELT_MATMUL2D_STORED, _2_r_0x0)
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_FUNCTION || SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_WALKED
#define SMELT_MM_LEFT SMELT_CAT(SMELT_MATMUL2D, _left)
#else
#define SMELT_MM_LEFT SMELT_MM_TENSOR(_left, SMELT_MATMUL2D_STORED_LEFT, _2_r_0x0)
#endif
#if SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_FUNCTION ||                                                  \
    SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_WALKED || SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE
#define SMELT_MM_RIGHT SMELT_CAT(SMELT_MATMUL2D, _right)
#else
#define SMELT_MM_RIGHT SMELT_MM_RIGHT_WEIGHT
#endif

#if SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE
#if SMELT_MATMUL2D_SOURCE_RIGHT != SMELT_SOURCE_TENSOR
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SCALE must be NONE where SMELT_MATMUL2D_SOURCE_RIGHT is no tensor"
#endif
#include "smelt/matmul2d_scaled_tmpl.glsl"
struct SMELT_MM_RIGHT {
    SMELT_MM_RIGHT_WEIGHT weight;
    SMELT_MM_TENSOR(_scale, SMELT_MM_SCALE_DTYPE, _2_r_0x0) scale;
#if SMELT_MATMUL2D_ZERO != SMELT_ZERO_NONE
    SMELT_MM_TENSOR(_zero, SMELT_MM_ZERO_DTYPE, _2_r_0x0) zero;
#endif
};
uint smelt_extent(SMELT_MM_RIGHT b, uint d)
{
    return smelt_extent(b.weight, d);
}
#endif
