// SPDX-License-Identifier: MIT
// Networks have 1 to 8 layers.
// expect: mlp_tmpl.glsl: SMELT_MLP_LAYERS (number of layers) must be a literal, 1 to 8
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_MLP net
#define SMELT_MLP_SCOPE SMELT_SCOPE_THREAD
#define SMELT_MLP_SAMPLES 1
#define SMELT_MLP_LAYERS 9
#define SMELT_MLP_WIDTH0 4
#define SMELT_MLP_WIDTH1 4
#define SMELT_MLP_ACTIVATION0 SMELT_ACTIVATION_RELU
#define SMELT_MLP_BIAS 1
#define SMELT_MLP_STORED SMELT_DTYPE_F16
#define SMELT_MLP_COMPUTED SMELT_DTYPE_F32
#define SMELT_MLP_ACCUMULATED SMELT_DTYPE_F32
#define SMELT_MLP_LAYOUT SMELT_LAYOUT_OPTIMAL
#define SMELT_MLP_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/mlp_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
