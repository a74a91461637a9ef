// SPDX-License-Identifier: MIT
// A filtered fetch.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
ivec2 the_size(uint s, int mip)
{
    return ivec2(4);
}
vec4 the_texel(uint s, ivec2 p, int mip)
{
    return vec4(p, mip, s);
}
#define SMELT_BILINEAR fetch       // name
#define SMELT_BILINEAR_SOURCE uint // name
#define SMELT_BILINEAR_SIZE the_size
#define SMELT_BILINEAR_TEXEL the_texel
#include "smelt/bilinear_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
