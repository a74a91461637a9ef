// SPDX-License-Identifier: MIT
// A map that the shader does not declare.
// expect: line_map
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_TENSOR a
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_REDUCE line
#define SMELT_REDUCE_SCOPE SMELT_SCOPE_THREAD
#define SMELT_REDUCE_TENSOR a_f32_2_r_0x0
#define SMELT_REDUCE_DTYPE SMELT_DTYPE_F32
#define SMELT_REDUCE_RANK 2
#define SMELT_REDUCE_AXIS 1
#define SMELT_REDUCE_GROUP 1
#define SMELT_REDUCE_SCRATCH none
#define SMELT_REDUCE_SCRATCH_STRIDE 0
#define SMELT_REDUCE_KIND SMELT_REDUCE_SUM
#define SMELT_REDUCE_MAP 1
#include "smelt/reduce_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
