// SPDX-License-Identifier: MIT
// A network that is trained by a workgroup whose shared array has too few elements.
// expect: mlp_gradient_tmpl.glsl
// expect: 'net_scratch_is_too_small' : function already has a body
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
shared uvec4 scratch[32 * 4 - 1];
#define SMELT_MLP_GRADIENT net
#define SMELT_MLP_GRADIENT_LAYERS 1
#define SMELT_MLP_GRADIENT_WIDTH0 3
#define SMELT_MLP_GRADIENT_WIDTH1 9
#define SMELT_MLP_GRADIENT_ACTIVATION0 SMELT_ACTIVATION_NONE
#define SMELT_MLP_GRADIENT_SAMPLES 32
#define SMELT_MLP_GRADIENT_SUBGROUP_SIZE 32
#define SMELT_MLP_GRADIENT_SUBGROUPS 1
#define SMELT_MLP_GRADIENT_FRAGMENT_M 1
#define SMELT_MLP_GRADIENT_FRAGMENT_N 1
#define SMELT_MLP_GRADIENT_FRAGMENT_K 1
#define SMELT_MLP_GRADIENT_UNROLL 0
#define SMELT_MLP_GRADIENT_COPY 0
#define SMELT_MLP_GRADIENT_SCRATCH scratch
#define SMELT_MLP_GRADIENT_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/mlp_gradient_tmpl.glsl"
layout(local_size_x = 32) in;
void main()
{
}
