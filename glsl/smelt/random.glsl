// SPDX-License-Identifier: MIT
// random.glsl: numbers that look random, from counters: the same for the same counters, on every device, in any order.
//
// what    training draws its batches and its noise from (sample, step, seed, purpose), so that no state is kept and none depends
//         on which invocation came first
// params  none
// makes   uvec4 smelt_random(uvec4 counters)     four words from four
//         float smelt_random_share(uint word), vec4 smelt_random_share(uvec4 words)     in [0, 1), multiples of 2^-24
// errors  none: integers, and products that are exact
// needs   nothing
// source  PCG4D: Jarzynski and Olano 2020, Hash functions for GPU rendering
#ifndef SMELT_RANDOM_GLSL
#define SMELT_RANDOM_GLSL

uvec4 smelt_random(uvec4 v)
{
    v = v * 1664525u + 1013904223u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> 16u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    return v;
}

float smelt_random_share(uint word)
{
    return float(word >> 8u) / 16777216.0;
}

vec4 smelt_random_share(uvec4 words)
{
    return vec4(words >> 8u) / 16777216.0;
}

#endif
