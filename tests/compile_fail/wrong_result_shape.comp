// SPDX-License-Identifier: MIT
// The result has 16 columns where the op makes 4.
// expect: 'second_result_must_be_M_by_N' : no matching overloaded function found
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_INLINE a
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 1
#define SMELT_EXTENT0 8
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/inline_tensor_tmpl.glsl"
#define SMELT_INLINE b
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 1
#define SMELT_EXTENT0 16
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/inline_tensor_tmpl.glsl"
#define SMELT_INLINE c
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 1
#define SMELT_EXTENT0 4
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/inline_tensor_tmpl.glsl"
#define SMELT_MATMUL2D second
#define SMELT_MATMUL2D_SCOPE SMELT_SCOPE_THREAD
#define SMELT_MATMUL2D_M 1
#define SMELT_MATMUL2D_N 4
#define SMELT_MATMUL2D_K 8
#define SMELT_MATMUL2D_TRANSPOSE_RIGHT 1
#define SMELT_MATMUL2D_ACCUMULATE 0
#define SMELT_MATMUL2D_BIAS 1
#define SMELT_MATMUL2D_ACTIVATION SMELT_ACTIVATION_RELU
#define SMELT_MATMUL2D_STORED SMELT_DTYPE_F16
#define SMELT_MATMUL2D_SCALE SMELT_SCALE_NONE
#define SMELT_MATMUL2D_COMPUTED SMELT_DTYPE_F32
#define SMELT_MATMUL2D_ACCUMULATED SMELT_DTYPE_F32
#define SMELT_MATMUL2D_LAYOUT SMELT_LAYOUT_OPTIMAL
#define SMELT_MATMUL2D_LEFT a
#define SMELT_MATMUL2D_RESULT b
#define SMELT_MATMUL2D_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/matmul2d_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
