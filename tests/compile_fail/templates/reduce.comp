// SPDX-License-Identifier: MIT
// Sums of rows by a workgroup.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
shared uvec4 scratch[16];
#define SMELT_TENSOR a
#define SMELT_DTYPE SMELT_DTYPE_F16
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_REDUCE op                          // name
#define SMELT_REDUCE_KIND SMELT_REDUCE_SUM       // wrong: 0 11
#define SMELT_REDUCE_SCOPE SMELT_SCOPE_WORKGROUP // wrong: 0 4
#define SMELT_REDUCE_TENSOR a_f16_2_r_0x0        // name
#define SMELT_REDUCE_DTYPE SMELT_DTYPE_F16       // wrong: 0 14
#define SMELT_REDUCE_RANK 2                      // wrong: 0 17
#define SMELT_REDUCE_AXIS 1                      // wrong: 2
#define SMELT_REDUCE_GROUP 64
#define SMELT_REDUCE_SCRATCH scratch // name
#define SMELT_REDUCE_SCRATCH_STRIDE 0
#define SMELT_REDUCE_MAP 0 // wrong: 2
#include "smelt/reduce_tmpl.glsl"
layout(local_size_x = 64) in;
void main()
{
}
