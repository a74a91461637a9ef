// SPDX-License-Identifier: MIT
// bilinear.glsl: the four texels that bilinear filtering weighs, for bilinear_tmpl.glsl and bilinear_gradient_tmpl.glsl.
//
// what    coordinates repeat; texel i's middle is at i + 1/2
// params  none
// makes   vec2 smelt_bilinear_corners(vec2 uv, ivec2 size, out ivec2 low, out ivec2 high)
//                 the texels are (low.x or high.x, low.y or high.y); returns the weights of high
// errors  weights: u |uv| size, u = 2^-23
// needs   nothing
// source  Vulkan 1.3, "Texel Filtering": i = floor(u - 1/2), weight fract(u - 1/2)
#ifndef SMELT_BILINEAR_GLSL
#define SMELT_BILINEAR_GLSL

vec2 smelt_bilinear_corners(vec2 uv, ivec2 size, out ivec2 low, out ivec2 high)
{
    vec2 p = (uv - floor(uv)) * vec2(size) - 0.5; // at least -1/2, at most size - 1/2
    vec2 below = floor(p);
    low = ivec2(below);
    high = low + 1;
    low += ivec2(lessThan(low, ivec2(0))) * size;
    high -= ivec2(greaterThanEqual(high, size)) * size;
    return p - below;
}

#endif
