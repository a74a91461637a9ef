// SPDX-License-Identifier: MIT
// Sums along rows.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
shared uvec4 scratch[512];
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
#define SMELT_COOPERATIVE tile                           // name
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32          // wrong: 0 SMELT_DTYPE_I32
#define SMELT_COOPERATIVE_BACKEND SMELT_BACKEND_PORTABLE // wrong: 0 SMELT_BACKEND_COOPVEC
#define SMELT_COOPERATIVE_AXIS 1                         // wrong: 2
#define SMELT_COOPERATIVE_REDUCTION SMELT_REDUCE_SUM     // wrong: 0 99 SMELT_REDUCE_SPECIALIZED
#define SMELT_COOPERATIVE_REDUCE tile_sums               // name
#include "smelt/cooperative_reduce_tmpl.glsl"
layout(local_size_x = 64) in;
void main()
{
}
