// SPDX-License-Identifier: MIT
// The output of one network is not the input of another.
// expect: 'two_run' : no matching overloaded function found
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_MLP one
#define SMELT_MLP_SCOPE SMELT_SCOPE_THREAD
#define SMELT_MLP_SAMPLES 1
#define SMELT_MLP_LAYERS 1
#define SMELT_MLP_WIDTH0 4
#define SMELT_MLP_WIDTH1 6
#define SMELT_MLP_ACTIVATION0 SMELT_ACTIVATION_RELU
#define SMELT_MLP_BIAS 1
#define SMELT_MLP_STORED SMELT_DTYPE_F16
#define SMELT_MLP_COMPUTED SMELT_DTYPE_F32
#define SMELT_MLP_ACCUMULATED SMELT_DTYPE_F32
#define SMELT_MLP_LAYOUT SMELT_LAYOUT_OPTIMAL
#define SMELT_MLP_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/mlp_tmpl.glsl"
#define SMELT_MLP two
#define SMELT_MLP_SCOPE SMELT_SCOPE_THREAD
#define SMELT_MLP_SAMPLES 1
#define SMELT_MLP_LAYERS 1
#define SMELT_MLP_WIDTH0 6
#define SMELT_MLP_WIDTH1 4
#define SMELT_MLP_ACTIVATION0 SMELT_ACTIVATION_RELU
#define SMELT_MLP_BIAS 1
#define SMELT_MLP_STORED SMELT_DTYPE_F16
#define SMELT_MLP_COMPUTED SMELT_DTYPE_F32
#define SMELT_MLP_ACCUMULATED SMELT_DTYPE_F32
#define SMELT_MLP_LAYOUT SMELT_LAYOUT_OPTIMAL
#define SMELT_MLP_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/mlp_tmpl.glsl"
layout(push_constant, scalar) uniform push
{
    one_weights w1;
    two_weights w2;
};
layout(local_size_x = 1) in;
void main()
{
    one_input x;
    smelt_fill(x, 1.0);
    two_output y = two_run(w2, one_run(w1, x));
}
