// SPDX-License-Identifier: MIT
// A width for a layer that the layer count denies.
// expect: mlp_tmpl.glsl: SMELT_MLP_WIDTH2 is defined, but SMELT_MLP_LAYERS says there is no layer 1
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_MLP net
#define SMELT_MLP_SCOPE SMELT_SCOPE_THREAD
#define SMELT_MLP_SAMPLES 1
#define SMELT_MLP_LAYERS 1
#define SMELT_MLP_WIDTH0 4
#define SMELT_MLP_WIDTH1 4
#define SMELT_MLP_ACTIVATION0 SMELT_ACTIVATION_RELU
#define SMELT_MLP_BIAS 1
#define SMELT_MLP_STORED SMELT_DTYPE_F16
#define SMELT_MLP_COMPUTED SMELT_DTYPE_F32
#define SMELT_MLP_ACCUMULATED SMELT_DTYPE_F32
#define SMELT_MLP_LAYOUT SMELT_LAYOUT_OPTIMAL
#define SMELT_MLP_BACKEND SMELT_BACKEND_PORTABLE
#define SMELT_MLP_WIDTH2 4
#include "smelt/mlp_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
