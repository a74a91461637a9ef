// SPDX-License-Identifier: MIT
// matmul2d_f16_f16_f16.comp: the baked matmul2d of f16 operands, computed in f16, accumulated in f16.
#version 460
#define KERNEL_STORED SMELT_DTYPE_F16
#define KERNEL_COMPUTED SMELT_DTYPE_F16
#define KERNEL_ACCUMULATED SMELT_DTYPE_F16
#define KERNEL_NARROW SMELT_DTYPE_F16
#include "matmul2d_portable.glsl"
