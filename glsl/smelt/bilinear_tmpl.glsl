// SPDX-License-Identifier: MIT
// bilinear_tmpl.glsl: bilinear and trilinear filtering done in the shader, in f32, with repeat addressing.
//
// what    what a sampler does with VK_FILTER_LINEAR and VK_SAMPLER_ADDRESS_MODE_REPEAT, but with exact fractions
//         (a sampler may keep only 8 bits of them: up to 2^-9 of the difference between texels)
// params  all required, all undefined afterwards:
//         SMELT_BILINEAR         name of the functions
//         SMELT_BILINEAR_SOURCE  a type of the user's, passed through: what the two functions need to know
//         SMELT_BILINEAR_SIZE    name of a function ivec2 f(SOURCE s, int mip): texels across and down
//         SMELT_BILINEAR_TEXEL   name of a function vec4 f(SOURCE s, ivec2 p, int mip): the texel at p, which is
//                                inside
// makes   for the name NAME:
//         vec4 NAME(SOURCE s, vec2 uv, int mip)             one mip
//         vec4 NAME(SOURCE s, vec2 uv, float lod, int mips) between the two nearest of `mips` mips, lod clamped
// errors  |y - exact| <= 12 u max |texel| + (u |uv| size) (difference between neighbouring texels), u = 2^-23
// needs   bilinear.glsl, which it includes
// source  bilinear.glsl
#include "smelt/bilinear.glsl"
#ifndef SMELT_BILINEAR
#error "bilinear_tmpl.glsl: SMELT_BILINEAR (name of the functions) is not defined"
#endif
#ifndef SMELT_BILINEAR_SOURCE
#error "bilinear_tmpl.glsl: SMELT_BILINEAR_SOURCE (type that is passed to the texel function) is not defined"
#endif
#ifndef SMELT_BILINEAR_SIZE
#error "bilinear_tmpl.glsl: SMELT_BILINEAR_SIZE (function ivec2 f(SOURCE, int mip)) is not defined"
#endif
#ifndef SMELT_BILINEAR_TEXEL
#error "bilinear_tmpl.glsl: SMELT_BILINEAR_TEXEL (function vec4 f(SOURCE, ivec2, int mip)) is not defined"
#endif

vec4 SMELT_BILINEAR(SMELT_BILINEAR_SOURCE s, vec2 uv, int mip)
{
    ivec2 size = SMELT_BILINEAR_SIZE(s, mip);
    ivec2 low, high;
    vec2 weight = smelt_bilinear_corners(uv, size, low, high);
    vec4 t00 = SMELT_BILINEAR_TEXEL(s, low, mip);
    vec4 t10 = SMELT_BILINEAR_TEXEL(s, ivec2(high.x, low.y), mip);
    vec4 t01 = SMELT_BILINEAR_TEXEL(s, ivec2(low.x, high.y), mip);
    vec4 t11 = SMELT_BILINEAR_TEXEL(s, high, mip);
    return mix(mix(t00, t10, weight.x), mix(t01, t11, weight.x), weight.y);
}

vec4 SMELT_BILINEAR(SMELT_BILINEAR_SOURCE s, vec2 uv, float lod, int mips)
{
    float level = clamp(lod, 0.0, float(mips - 1));
    int mip = int(level);
    vec4 t = SMELT_BILINEAR(s, uv, mip);
    float weight = level - float(mip);
    if (weight > 0.0)
        t = mix(t, SMELT_BILINEAR(s, uv, mip + 1), weight);
    return t;
}

#undef SMELT_BILINEAR
#undef SMELT_BILINEAR_SOURCE
#undef SMELT_BILINEAR_SIZE
#undef SMELT_BILINEAR_TEXEL
