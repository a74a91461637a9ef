// SPDX-License-Identifier: MIT
// Derivatives of activations of another type.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#include "smelt/activation_gradient.glsl"
vec3 smelt_sigmoid(vec3 x)
{
    return 1.0 / (1.0 + exp(-x));
}
#define SMELT_ACTIVATION_GRADIENT_TYPE vec3 // name
#include "smelt/activation_gradient_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
