// SPDX-License-Identifier: MIT
// A product of one invocation.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_INLINE v
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 2
#define SMELT_EXTENT0 3
#define SMELT_EXTENT1 5
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/inline_tensor_tmpl.glsl"
#define SMELT_INLINE r
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 2
#define SMELT_EXTENT0 3
#define SMELT_EXTENT1 7
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/inline_tensor_tmpl.glsl"
#define SMELT_INLINE i
#define SMELT_DTYPE SMELT_DTYPE_I8
#define SMELT_RANK 2
#define SMELT_EXTENT0 3
#define SMELT_EXTENT1 5
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/inline_tensor_tmpl.glsl"
#define SMELT_INLINE u
#define SMELT_DTYPE SMELT_DTYPE_I32
#define SMELT_RANK 2
#define SMELT_EXTENT0 3
#define SMELT_EXTENT1 7
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/inline_tensor_tmpl.glsl"
// wrong: SMELT_MATMUL2D_STORED=SMELT_DTYPE_BF16 SMELT_MATMUL2D_COMPUTED=SMELT_DTYPE_F16
// wrong: SMELT_MATMUL2D_STORED=SMELT_DTYPE_F32 SMELT_MATMUL2D_COMPUTED=SMELT_DTYPE_F16
// wrong: SMELT_MATMUL2D_STORED_LEFT=SMELT_DTYPE_I8
// wrong: SMELT_MATMUL2D_RELAXED=0
// wrong: SMELT_MATMUL2D_RELAXED=1
// wrong: SMELT_MATMUL2D_BLOCK=32
// wrong: SMELT_MATMUL2D_ZERO=SMELT_ZERO_NONE
// wrong: SMELT_MATMUL2D_COMPUTED=SMELT_DTYPE_F16 SMELT_MATMUL2D_ACCUMULATED=SMELT_DTYPE_F16
#define SMELT_MATMUL2D mm                               // name
#define SMELT_MATMUL2D_SCOPE SMELT_SCOPE_THREAD         // wrong: 0 4
#define SMELT_MATMUL2D_M 3                              // wrong: 0 17
#define SMELT_MATMUL2D_N 7                              // wrong: 0 1025
#define SMELT_MATMUL2D_K 5                              // wrong: 0 1025
#define SMELT_MATMUL2D_TRANSPOSE_RIGHT 1                // wrong: 2
#define SMELT_MATMUL2D_ACCUMULATE 0                     // wrong: 2
#define SMELT_MATMUL2D_BIAS 0                           // wrong: 2
#define SMELT_MATMUL2D_ACTIVATION SMELT_ACTIVATION_NONE // wrong: 99
#define SMELT_MATMUL2D_STORED SMELT_DTYPE_F16           // wrong: 0 SMELT_DTYPE_I32
#define SMELT_MATMUL2D_SCALE SMELT_SCALE_NONE           // wrong: 77
#define SMELT_MATMUL2D_COMPUTED SMELT_DTYPE_F32         // wrong: SMELT_DTYPE_BF16
#define SMELT_MATMUL2D_ACCUMULATED SMELT_DTYPE_F32      // wrong: SMELT_DTYPE_F16 SMELT_DTYPE_BF16
#define SMELT_MATMUL2D_LAYOUT SMELT_LAYOUT_OPTIMAL      // wrong: 0 3
#define SMELT_MATMUL2D_LEFT v                           // wrong: r i
#define SMELT_MATMUL2D_RESULT r                         // wrong: v u
#define SMELT_MATMUL2D_BACKEND                                                                               \
    SMELT_BACKEND_PORTABLE // wrong: SMELT_BACKEND_COOPMAT SMELT_BACKEND_COOPVEC SMELT_BACKEND_DOT8 0
#include "smelt/matmul2d_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
