// SPDX-License-Identifier: MIT
// A convolution of integers of a workgroup.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
shared uvec4 scratch[400];
#define SMELT_CONVOLUTION2D conv                            // name
#define SMELT_CONVOLUTION2D_SCOPE SMELT_SCOPE_WORKGROUP     // wrong: 0 4
#define SMELT_CONVOLUTION2D_M 32                            // wrong: 0 1025
#define SMELT_CONVOLUTION2D_N 32                            // wrong: 0 24 1032
#define SMELT_CONVOLUTION2D_IMAGE_LAYOUT SMELT_LAYOUT_NHWC  // wrong: 0 SMELT_LAYOUT_OIHW
#define SMELT_CONVOLUTION2D_WEIGHT_LAYOUT SMELT_LAYOUT_HWIO // wrong: 0 SMELT_LAYOUT_NHWC
#define SMELT_CONVOLUTION2D_KERNEL_H 3
#define SMELT_CONVOLUTION2D_KERNEL_W 3
#define SMELT_CONVOLUTION2D_CHANNELS 8
#define SMELT_CONVOLUTION2D_STRIDE_Y 1         // wrong: 0
#define SMELT_CONVOLUTION2D_STRIDE_X 1         // wrong: 0
#define SMELT_CONVOLUTION2D_DILATION_Y 1       // wrong: 0
#define SMELT_CONVOLUTION2D_DILATION_X 1       // wrong: 0
#define SMELT_CONVOLUTION2D_GROUPS 1           // wrong: 0
#define SMELT_CONVOLUTION2D_PADDING_TOP 1      // wrong: -1
#define SMELT_CONVOLUTION2D_PADDING_LEFT 1     // wrong: -1
#define SMELT_CONVOLUTION2D_PADDING_BOTTOM 1   // wrong: -1
#define SMELT_CONVOLUTION2D_PADDING_RIGHT 1    // wrong: -1
#define SMELT_CONVOLUTION2D_OUTPUT_PADDING_Y 0 // wrong: -1 1
#define SMELT_CONVOLUTION2D_OUTPUT_PADDING_X 0 // wrong: -1 1
#define SMELT_CONVOLUTION2D_LITERAL 1
#define SMELT_CONVOLUTION2D_TRANSPOSED 0                     // wrong: 2
#define SMELT_CONVOLUTION2D_BIAS 1                           // wrong: 2
#define SMELT_CONVOLUTION2D_ACTIVATION SMELT_ACTIVATION_RELU // wrong: 99 SMELT_ACTIVATION_GELU
#define SMELT_CONVOLUTION2D_EPILOGUE 0                       // wrong: 2
#define SMELT_CONVOLUTION2D_STORED_LEFT SMELT_DTYPE_U8       // wrong: 0 SMELT_DTYPE_F16
#define SMELT_CONVOLUTION2D_STORED SMELT_DTYPE_I8            // wrong: 0 SMELT_DTYPE_I4
#define SMELT_CONVOLUTION2D_COMPUTED SMELT_DTYPE_I8          // wrong: 0
#define SMELT_CONVOLUTION2D_ACCUMULATED SMELT_DTYPE_I32      // wrong: SMELT_DTYPE_F32
#define SMELT_CONVOLUTION2D_ZERO_POINTS 0                    // wrong: 2
#define SMELT_CONVOLUTION2D_ALIGNMENT 1                      // wrong: 0 3 16
#define SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT 1               // wrong: 0 3 16
#define SMELT_CONVOLUTION2D_TILE_K 16                        // wrong: 0 24
#define SMELT_CONVOLUTION2D_ACCUMULATE 0                     // wrong: 2
#define SMELT_CONVOLUTION2D_WEIGHT_STRIDED 0                 // wrong: 2
#define SMELT_CONVOLUTION2D_WHOLE 0                          // wrong: 2
#define SMELT_CONVOLUTION2D_RELAXED 0                        // wrong: 2
#define SMELT_CONVOLUTION2D_SUBGROUP_SIZE 32                 // wrong: 0 129
#define SMELT_CONVOLUTION2D_SUBGROUPS_M 2                    // wrong: 0
#define SMELT_CONVOLUTION2D_SUBGROUPS_N 1                    // wrong: 0
#define SMELT_CONVOLUTION2D_FRAGMENT_M 4                     // wrong: 0
#define SMELT_CONVOLUTION2D_FRAGMENT_N 4                     // wrong: 0 3
#define SMELT_CONVOLUTION2D_FRAGMENT_K 1                     // wrong: 0
#define SMELT_CONVOLUTION2D_SCRATCH scratch                  // name
#define SMELT_CONVOLUTION2D_BACKEND SMELT_BACKEND_PORTABLE   // wrong: 0 SMELT_BACKEND_COOPVEC
#include "smelt/convolution2d_tmpl.glsl"
layout(local_size_x = 64) in;
void main()
{
}
