// SPDX-License-Identifier: MIT
// A filtered fetch taken back.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
vec4 the_sum;
ivec2 the_size(uint s, int mip)
{
    return ivec2(4);
}
void the_add(uint s, ivec2 p, int mip, vec4 g)
{
    the_sum += g * vec4(p, mip, s);
}
#define SMELT_BILINEAR_GRADIENT scatter     // name
#define SMELT_BILINEAR_GRADIENT_SOURCE uint // name
#define SMELT_BILINEAR_GRADIENT_SIZE the_size
#define SMELT_BILINEAR_GRADIENT_ADD the_add
#include "smelt/bilinear_gradient_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
