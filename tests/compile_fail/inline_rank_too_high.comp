// SPDX-License-Identifier: MIT
// Inline tensors have at most 4 dimensions.
// expect: inline_tensor_tmpl.glsl: SMELT_RANK (number of dimensions) must be 1 to 4
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_INLINE v
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 5
#define SMELT_EXTENT0 2
#define SMELT_EXTENT1 2
#define SMELT_EXTENT2 2
#define SMELT_EXTENT3 2
#define SMELT_EXTENT4 2
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/inline_tensor_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
