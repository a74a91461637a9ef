// SPDX-License-Identifier: MIT
// A network of one invocation.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_MLP net                               // name
#define SMELT_MLP_SCOPE SMELT_SCOPE_THREAD          // wrong: 0 4
#define SMELT_MLP_SAMPLES 1                         // wrong: 0 3
#define SMELT_MLP_LAYERS 2                          // wrong: 0 9
#define SMELT_MLP_WIDTH0 3                          // wrong: 0 1025
#define SMELT_MLP_WIDTH1 5                          // wrong: 0 1025
#define SMELT_MLP_WIDTH2 7                          // wrong: 0 1025
#define SMELT_MLP_ACTIVATION0 SMELT_ACTIVATION_RELU // wrong: 99
#define SMELT_MLP_ACTIVATION1 SMELT_ACTIVATION_NONE // wrong: 99
#define SMELT_MLP_BIAS 1                            // wrong: 2
#define SMELT_MLP_STORED SMELT_DTYPE_F16            // wrong: 0 SMELT_DTYPE_I8
#define SMELT_MLP_COMPUTED SMELT_DTYPE_F32          // wrong: 0
#define SMELT_MLP_ACCUMULATED SMELT_DTYPE_F32       // wrong: SMELT_DTYPE_F16
#define SMELT_MLP_LAYOUT SMELT_LAYOUT_OPTIMAL       // wrong: 0 3
#define SMELT_MLP_BACKEND SMELT_BACKEND_PORTABLE    // wrong: 0 SMELT_BACKEND_COOPMAT SMELT_BACKEND_COOPVEC
#include "smelt/mlp_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
