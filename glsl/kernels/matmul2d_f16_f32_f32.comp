// SPDX-License-Identifier: MIT
// matmul2d_f16_f32_f32.comp: the baked matmul2d of f16 operands, computed in f32, accumulated in f32.
#version 460
#define KERNEL_STORED SMELT_DTYPE_F16
#define KERNEL_COMPUTED SMELT_DTYPE_F32
#define KERNEL_ACCUMULATED SMELT_DTYPE_F32
#define KERNEL_NARROW SMELT_DTYPE_F16
#include "matmul2d_portable.glsl"
