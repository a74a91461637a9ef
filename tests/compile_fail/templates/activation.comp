// SPDX-License-Identifier: MIT
// Activations of another type.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_ACTIVATION_TYPE vec3 // name
#define SMELT_ACTIVATION_WIDE vec3 // name
#include "smelt/activation_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
