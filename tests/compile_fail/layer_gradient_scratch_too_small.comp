// SPDX-License-Identifier: MIT
// A layer taken back by a workgroup whose shared array has too few elements.
// expect: layer_gradient_tmpl.glsl
// expect: 'layer_scratch_is_too_small' : function already has a body
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_TENSOR w
#define SMELT_DTYPE SMELT_DTYPE_F16
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 5
#define SMELT_EXTENT1 3
#include "smelt/tensor_tmpl.glsl"
#define SMELT_TENSOR b
#define SMELT_DTYPE SMELT_DTYPE_F16
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 5
#include "smelt/tensor_tmpl.glsl"
struct the_layer {
    w_f16_2_r_5x3 weight;
    b_f16_1_r_5 bias;
};
shared float scratch[32 * 8 - 1];
void the_add(uint target, uint n, uint k, float g)
{
}
#define SMELT_LAYER_GRADIENT layer
#define SMELT_LAYER_GRADIENT_WEIGHTS the_layer
#define SMELT_LAYER_GRADIENT_K 3
#define SMELT_LAYER_GRADIENT_N 5
#define SMELT_LAYER_GRADIENT_BIAS 1
#define SMELT_LAYER_GRADIENT_ACTIVATION SMELT_ACTIVATION_RELU
#define SMELT_LAYER_GRADIENT_SCOPE SMELT_SCOPE_WORKGROUP
#define SMELT_LAYER_GRADIENT_SAMPLES 32
#define SMELT_LAYER_GRADIENT_SCRATCH scratch
#define SMELT_LAYER_GRADIENT_TARGET uint
#define SMELT_LAYER_GRADIENT_ADD the_add
#include "smelt/layer_gradient_tmpl.glsl"
layout(local_size_x = 32) in;
void main()
{
}
