// SPDX-License-Identifier: MIT
// A number that is no element type.
// expect: tensor_tmpl.glsl: SMELT_DTYPE (element type) is not one of SMELT_DTYPE_x
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_TENSOR t
#define SMELT_DTYPE 14
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
