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

#if SMELT_MATMUL2D_BIAS
#define SMELT_TENSOR SMELT_CAT(SMELT_MATMUL2D, _bias)
#define SMELT_DTYPE SMELT_MATMUL2D_STORED
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
#endif

// The types just made, as tensor_tmpl.glsl names them.
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_FUNCTION
#define SMELT_MM_LEFT SMELT_CAT(SMELT_MATMUL2D, _left)
#elif SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_F32
#define SMELT_MM_LEFT SMELT_CAT(SMELT_MATMUL2D, _left_f32_2_r_0x0)
#elif SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_F16
#define SMELT_MM_LEFT SMELT_CAT(SMELT_MATMUL2D, _left_f16_2_r_0x0)
#elif SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_BF16
#define SMELT_MM_LEFT SMELT_CAT(SMELT_MATMUL2D, _left_bf16_2_r_0x0)
#elif SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_F8E4M3
#define SMELT_MM_LEFT SMELT_CAT(SMELT_MATMUL2D, _left_f8e4m3_2_r_0x0)
#else
#define SMELT_MM_LEFT SMELT_CAT(SMELT_MATMUL2D, _left_f8e5m2_2_r_0x0)
#endif
#if SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_FUNCTION
#define SMELT_MM_RIGHT SMELT_CAT(SMELT_MATMUL2D, _right)
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_F32
#define SMELT_MM_RIGHT SMELT_CAT(SMELT_MATMUL2D, _right_f32_2_r_0x0)
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_F16
#define SMELT_MM_RIGHT SMELT_CAT(SMELT_MATMUL2D, _right_f16_2_r_0x0)
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_BF16
#define SMELT_MM_RIGHT SMELT_CAT(SMELT_MATMUL2D, _right_bf16_2_r_0x0)
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_F8E4M3
#define SMELT_MM_RIGHT SMELT_CAT(SMELT_MATMUL2D, _right_f8e4m3_2_r_0x0)
#else
#define SMELT_MM_RIGHT SMELT_CAT(SMELT_MATMUL2D, _right_f8e5m2_2_r_0x0)
#endif
#if SMELT_MATMUL2D_STORED == SMELT_DTYPE_F32
#define SMELT_MM_BIAS SMELT_CAT(SMELT_MATMUL2D, _bias_f32_1_r_0)
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_F16
#define SMELT_MM_BIAS SMELT_CAT(SMELT_MATMUL2D, _bias_f16_1_r_0)
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_BF16
#define SMELT_MM_BIAS SMELT_CAT(SMELT_MATMUL2D, _bias_bf16_1_r_0)
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_F8E4M3
#define SMELT_MM_BIAS SMELT_CAT(SMELT_MATMUL2D, _bias_f8e4m3_1_r_0)
#else
#define SMELT_MM_BIAS SMELT_CAT(SMELT_MATMUL2D, _bias_f8e5m2_1_r_0)
#endif
