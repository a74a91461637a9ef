// SPDX-License-Identifier: MIT
// An extent below 0.
// expect: tensor_tmpl.glsl: SMELT_EXTENT1 (elements in dimension 1) is negative
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_TENSOR t
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 4
#define SMELT_EXTENT1 -4
#include "smelt/tensor_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
