// SPDX-License-Identifier: MIT
// Tensors have at most 16 dimensions.
// expect: tensor_tmpl.glsl: SMELT_RANK (number of dimensions) must be 0 to 16
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_TENSOR t
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 17
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 0
#define SMELT_EXTENT3 0
#define SMELT_EXTENT4 0
#define SMELT_EXTENT5 0
#define SMELT_EXTENT6 0
#define SMELT_EXTENT7 0
#define SMELT_EXTENT8 0
#define SMELT_EXTENT9 0
#define SMELT_EXTENT10 0
#define SMELT_EXTENT11 0
#define SMELT_EXTENT12 0
#define SMELT_EXTENT13 0
#define SMELT_EXTENT14 0
#define SMELT_EXTENT15 0
#define SMELT_EXTENT16 0
#include "smelt/tensor_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
