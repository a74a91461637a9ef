// SPDX-License-Identifier: MIT
// A tile held by a workgroup.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
shared uvec4 scratch[1];
// wrong: SMELT_COOPERATIVE_SUBGROUPS_M=2 SMELT_COOPERATIVE_SCOPE=SMELT_SCOPE_SUBGROUP
#define SMELT_COOPERATIVE tile                        // name
#define SMELT_COOPERATIVE_SCOPE SMELT_SCOPE_WORKGROUP // wrong: SMELT_SCOPE_THREAD 4
#define SMELT_COOPERATIVE_ROWS 32                     // wrong: 0 1025
#define SMELT_COOPERATIVE_COLUMNS 32                  // wrong: 0 1025
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32       // wrong: SMELT_DTYPE_BF16
#define SMELT_COOPERATIVE_SUBGROUP_SIZE 32            // wrong: 0 129
#define SMELT_COOPERATIVE_SUBGROUPS_M 2               // wrong: 0
#define SMELT_COOPERATIVE_SUBGROUPS_N 1               // wrong: 0
#define SMELT_COOPERATIVE_FRAGMENT_M 4                // wrong: 0 3
#define SMELT_COOPERATIVE_FRAGMENT_N 4                // wrong: 0 3 2
#define SMELT_COOPERATIVE_SCRATCH scratch             // name
#define SMELT_COOPERATIVE_SCRATCH_STRIDE 1            // name
#define SMELT_COOPERATIVE_BACKEND                                                                            \
    SMELT_BACKEND_PORTABLE // wrong: 0 SMELT_BACKEND_COOPVEC SMELT_BACKEND_COOPMAT SMELT_BACKEND_COOPMAT2
#include "smelt/cooperative_tmpl.glsl"
layout(local_size_x = 64) in;
void main()
{
}
