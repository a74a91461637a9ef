// SPDX-License-Identifier: MIT
// Loads and stores of a tile.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
shared uvec4 scratch[1];
#define SMELT_COOPERATIVE tile
#define SMELT_COOPERATIVE_SCOPE SMELT_SCOPE_WORKGROUP
#define SMELT_COOPERATIVE_ROWS 32
#define SMELT_COOPERATIVE_COLUMNS 32
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_SUBGROUP_SIZE 32
#define SMELT_COOPERATIVE_SUBGROUPS_M 2
#define SMELT_COOPERATIVE_SUBGROUPS_N 1
#define SMELT_COOPERATIVE_FRAGMENT_M 4
#define SMELT_COOPERATIVE_FRAGMENT_N 4
#define SMELT_COOPERATIVE_SCRATCH scratch
#define SMELT_COOPERATIVE_SCRATCH_STRIDE 1
#define SMELT_COOPERATIVE_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/cooperative_tmpl.glsl"
#define SMELT_TENSOR t
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_COOPERATIVE tile                            // name
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32           // name
#define SMELT_COOPERATIVE_BACKEND SMELT_BACKEND_PORTABLE  // wrong: 0 SMELT_BACKEND_COOPVEC
#define SMELT_COOPERATIVE_TENSOR t_f32_2_r_0x0            // name
#define SMELT_COOPERATIVE_TENSOR_DTYPE SMELT_DTYPE_F32    // wrong: 0
#define SMELT_COOPERATIVE_TENSOR_ACCESS SMELT_ACCESS_READ // wrong: 0 4
#include "smelt/cooperative_tensor_tmpl.glsl"
layout(local_size_x = 64) in;
void main()
{
}
