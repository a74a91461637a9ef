// SPDX-License-Identifier: MIT
// A product of a workgroup.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
shared uvec4 scratch[320];
// wrong: SMELT_MATMUL2D_STORED=SMELT_DTYPE_BF16 SMELT_MATMUL2D_COMPUTED=SMELT_DTYPE_F16
// wrong: SMELT_MATMUL2D_STORED_LEFT=SMELT_DTYPE_F32 SMELT_MATMUL2D_COMPUTED=SMELT_DTYPE_F16
// wrong: SMELT_MATMUL2D_SOURCE_LEFT=SMELT_SOURCE_ADDRESSED
// wrong: SMELT_MATMUL2D_SOURCE_RIGHT=SMELT_SOURCE_ADDRESSED
// wrong: SMELT_MATMUL2D_SOURCE_RIGHT=SMELT_SOURCE_WALKED
// wrong: SMELT_MATMUL2D_SOURCE_LEFT=SMELT_SOURCE_WALKED SMELT_MATMUL2D_SOURCE_RIGHT=SMELT_SOURCE_WALKED
// wrong: SMELT_MATMUL2D_SOURCE_LEFT=SMELT_SOURCE_COOPERATIVE SMELT_MATMUL2D_COMPUTED=SMELT_DTYPE_BF16
// wrong: SMELT_MATMUL2D_M=36 SMELT_MATMUL2D_TRANSPOSE_LEFT=1
// wrong: SMELT_MATMUL2D_ZERO_POINTS=0
#define SMELT_MATMUL2D product                     // name
#define SMELT_MATMUL2D_SCOPE SMELT_SCOPE_WORKGROUP // wrong: 0 4
#define SMELT_MATMUL2D_M 32                        // wrong: 0 1025
#define SMELT_MATMUL2D_N 32                        // wrong: 0 1032 12
#define SMELT_MATMUL2D_K 0
#define SMELT_MATMUL2D_SOURCE_LEFT SMELT_SOURCE_TENSOR  // wrong: 0 9
#define SMELT_MATMUL2D_SOURCE_RIGHT SMELT_SOURCE_TENSOR // wrong: 0 9
#define SMELT_MATMUL2D_TILE_K 16                        // wrong: 0 264 12
#define SMELT_MATMUL2D_TRANSPOSE_LEFT 0                 // wrong: 2
#define SMELT_MATMUL2D_TRANSPOSE_RIGHT 1                // wrong: 2
#define SMELT_MATMUL2D_ACCUMULATE 0                     // wrong: 2
#define SMELT_MATMUL2D_BIAS 1                           // wrong: 2
#define SMELT_MATMUL2D_ACTIVATION SMELT_ACTIVATION_RELU // wrong: 99
#define SMELT_MATMUL2D_EPILOGUE 0                       // wrong: 2
#define SMELT_MATMUL2D_RELAXED 0                        // wrong: 2
#define SMELT_MATMUL2D_STORED_LEFT SMELT_DTYPE_F16      // wrong: 0 SMELT_DTYPE_I32
#define SMELT_MATMUL2D_STORED SMELT_DTYPE_F16           // wrong: 0 SMELT_DTYPE_I32
#define SMELT_MATMUL2D_SCALE SMELT_SCALE_NONE           // wrong: 77
#define SMELT_MATMUL2D_COMPUTED SMELT_DTYPE_F32         // wrong: SMELT_DTYPE_BF16
#define SMELT_MATMUL2D_ACCUMULATED SMELT_DTYPE_F32      // wrong: SMELT_DTYPE_F16 SMELT_DTYPE_BF16
#define SMELT_MATMUL2D_ALIGNMENT 1                      // wrong: 3 32
#define SMELT_MATMUL2D_SUBGROUP_SIZE 32                 // wrong: 0 129
#define SMELT_MATMUL2D_SUBGROUPS_M 2                    // wrong: 0
#define SMELT_MATMUL2D_SUBGROUPS_N 1                    // wrong: 0
#define SMELT_MATMUL2D_FRAGMENT_M 4                     // wrong: 0
#define SMELT_MATMUL2D_FRAGMENT_N 4                     // wrong: 0 3
#define SMELT_MATMUL2D_FRAGMENT_K 1                     // wrong: 0
#define SMELT_MATMUL2D_SCRATCH scratch                  // name
#define SMELT_MATMUL2D_BACKEND SMELT_BACKEND_PORTABLE   // wrong: 0 SMELT_BACKEND_COOPVEC
#include "smelt/matmul2d_tmpl.glsl"
layout(local_size_x = 64) in;
void main()
{
}
