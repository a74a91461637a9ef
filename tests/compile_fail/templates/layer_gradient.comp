// SPDX-License-Identifier: MIT
// A layer taken back by a workgroup.
// wrong: SMELT_LAYER_GRADIENT_SCOPE=SMELT_SCOPE_THREAD SMELT_LAYER_GRADIENT_SAMPLES=2
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
shared float scratch[32 * 8];
void the_add(uint target, uint n, uint k, float g)
{
}
#define SMELT_LAYER_GRADIENT layer                            // name
#define SMELT_LAYER_GRADIENT_WEIGHTS the_layer                // name
#define SMELT_LAYER_GRADIENT_K 3                              // wrong: 0 1025
#define SMELT_LAYER_GRADIENT_N 5                              // wrong: 0 1025
#define SMELT_LAYER_GRADIENT_BIAS 1                           // wrong: 2
#define SMELT_LAYER_GRADIENT_ACTIVATION SMELT_ACTIVATION_RELU // wrong: 99
#define SMELT_LAYER_GRADIENT_SCOPE SMELT_SCOPE_WORKGROUP      // wrong: 0 SMELT_SCOPE_SUBGROUP
#define SMELT_LAYER_GRADIENT_SAMPLES 32                       // wrong: 0 1025
#define SMELT_LAYER_GRADIENT_SCRATCH scratch
#define SMELT_LAYER_GRADIENT_TARGET uint // name
#define SMELT_LAYER_GRADIENT_ADD the_add
#include "smelt/layer_gradient_tmpl.glsl"
layout(local_size_x = 32) in;
void main()
{
}
