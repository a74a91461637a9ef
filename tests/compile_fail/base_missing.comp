// SPDX-License-Identifier: MIT
// A template before base.glsl.
// expect: tensor_tmpl.glsl: include smelt/base.glsl first
#version 460
#define SMELT_TENSOR t
#define SMELT_DTYPE 1
#define SMELT_RANK 0
#define SMELT_ACCESS 1
#include "smelt/tensor_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
