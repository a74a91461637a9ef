// SPDX-License-Identifier: MIT
// matmul2d_f16_f32_f32.comp: the baked matmul2d of f16 operands, computed in f32, accumulated in f32.
#version 460
#define KERNEL_STORED SMELT_DTYPE_F16
#define KERNEL_COMPUTED SMELT_DTYPE_F32
#define KERNEL_ACCUMULATED SMELT_DTYPE_F32
#define KERNEL_NARROW SMELT_DTYPE_F16
#define KERNEL_RESULT narrow_f16_2_w_0x0
#define KERNEL_LEFT product_left_f16_2_r_0x0
#define KERNEL_RIGHT product_right_f16_2_r_0x0
#define KERNEL_BIAS bias_f16_1_r_0
#define KERNEL_DATA smelt_u16_r_data
#include "matmul2d_portable.glsl"
