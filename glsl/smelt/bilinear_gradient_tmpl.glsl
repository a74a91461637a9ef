// SPDX-License-Identifier: MIT
// bilinear_gradient_tmpl.glsl: the gradient of bilinear_tmpl.glsl's fetch with respect to the texels: a scatter.
//
// what    a fetch is a weighted sum of four texels (eight between two mips), so each of them gets the result's gradient times
//         its weight. How they are added to memory is the user's: by atomics of f32 where a device has them, by atomics
//         of fixed_point.glsl where every run has to give the same bits
// params  all required, all undefined afterwards:
//         SMELT_BILINEAR_GRADIENT         name of the functions
//         SMELT_BILINEAR_GRADIENT_SOURCE  a type of the user's, passed through: what the two functions need to know
//         SMELT_BILINEAR_GRADIENT_SIZE    name of a function ivec2 f(SOURCE s, int mip): texels across and down
//         SMELT_BILINEAR_GRADIENT_ADD     name of a function void f(SOURCE s, ivec2 p, int mip, vec4 g): adds g to the gradient
//                                         of the texel at p, which is inside
// makes   for the name NAME, with the gradient dy of what a fetch with the same arguments gave:
//         void NAME(SOURCE s, vec2 uv, int mip, vec4 dy)             one mip: ADD is called four times
//         void NAME(SOURCE s, vec2 uv, float lod, int mips, vec4 dy) between mips: four or eight times
// errors  of a call's sum for one texel: |g - exact| <= (12 u + u |uv| size) |dy|, u = 2^-23
// needs   bilinear.glsl, which it includes
// source  bilinear_tmpl.glsl
#include "smelt/bilinear.glsl"
#ifndef SMELT_BILINEAR_GRADIENT
#error "bilinear_gradient_tmpl.glsl: SMELT_BILINEAR_GRADIENT (name of the functions) is not defined"
#endif
#ifndef SMELT_BILINEAR_GRADIENT_SOURCE
#error                                                                                                       \
    "bilinear_gradient_tmpl.glsl: SMELT_BILINEAR_GRADIENT_SOURCE (type that is passed through) is not defined"
#endif
#ifndef SMELT_BILINEAR_GRADIENT_SIZE
#error                                                                                                       \
    "bilinear_gradient_tmpl.glsl: SMELT_BILINEAR_GRADIENT_SIZE (function ivec2 f(SOURCE, int mip)) is not defined"
#endif
#ifndef SMELT_BILINEAR_GRADIENT_ADD
#error                                                                                                       \
    "bilinear_gradient_tmpl.glsl: SMELT_BILINEAR_GRADIENT_ADD (void f(SOURCE, ivec2, int mip, vec4)) is not defined"
#endif

void SMELT_BILINEAR_GRADIENT(SMELT_BILINEAR_GRADIENT_SOURCE s, vec2 uv, int mip, vec4 dy)
{
    ivec2 size = SMELT_BILINEAR_GRADIENT_SIZE(s, mip);
    ivec2 low, high;
    vec2 weight = smelt_bilinear_corners(uv, size, low, high);
    vec4 upper = dy * (1.0 - weight.y), lower = dy * weight.y;
    SMELT_BILINEAR_GRADIENT_ADD(s, low, mip, upper * (1.0 - weight.x));
    SMELT_BILINEAR_GRADIENT_ADD(s, ivec2(high.x, low.y), mip, upper * weight.x);
    SMELT_BILINEAR_GRADIENT_ADD(s, ivec2(low.x, high.y), mip, lower * (1.0 - weight.x));
    SMELT_BILINEAR_GRADIENT_ADD(s, high, mip, lower * weight.x);
}

void SMELT_BILINEAR_GRADIENT(SMELT_BILINEAR_GRADIENT_SOURCE s, vec2 uv, float lod, int mips, vec4 dy)
{
    float level = clamp(lod, 0.0, float(mips - 1));
    int mip = int(level);
    float weight = level - float(mip);
    SMELT_BILINEAR_GRADIENT(s, uv, mip, dy * (1.0 - weight));
    if (weight > 0.0)
        SMELT_BILINEAR_GRADIENT(s, uv, mip + 1, dy * weight);
}

#undef SMELT_BILINEAR_GRADIENT
#undef SMELT_BILINEAR_GRADIENT_SOURCE
#undef SMELT_BILINEAR_GRADIENT_SIZE
#undef SMELT_BILINEAR_GRADIENT_ADD
