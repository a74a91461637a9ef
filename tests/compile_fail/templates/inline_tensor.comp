// SPDX-License-Identifier: MIT
// A tensor of one invocation. A specialization constant cannot size what it holds.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
SMELT_SPEC_EXTENT(3, 64);
// wrong: SMELT_RANK=3 SMELT_EXTENT2=0
// wrong: SMELT_RANK=4 SMELT_EXTENT2=2 SMELT_EXTENT3=0
#define SMELT_INLINE v                              // name
#define SMELT_DTYPE SMELT_DTYPE_F32                 // wrong: SMELT_DTYPE_BF16 SMELT_DTYPE_I16
#define SMELT_RANK 2                                // wrong: 0 5
#define SMELT_EXTENT0 3                             // wrong: 0 -1 s3
#define SMELT_EXTENT1 5                             // wrong: 0 -1 s3
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE // wrong: SMELT_BACKEND_COOPMAT SMELT_BACKEND_COOPVEC 0
#include "smelt/inline_tensor_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
