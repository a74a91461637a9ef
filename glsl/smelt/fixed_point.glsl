// SPDX-License-Identifier: MIT
// fixed_point.glsl: numbers as multiples of 1 / scale in an int, so that sums do not depend on their order.
//
// what    atomicAdd of ints is in every device, and a sum of ints has the same bits whichever invocation came first: what
//         gradients scattered into a grid need for a training that can be repeated
// params  none
// makes   int smelt_fixed_point(float v, float scale)     v scale rounded to the nearest int; beyond +-2^30 clamped to it
//         float smelt_from_fixed_point(int v, float scale)    v / scale
// errors  a sum of n numbers within +-2^30 / scale: |sum - exact| <= n / (2 scale) + u |sum|, u = 2^-23, with a scale that is a
//         power of two. Sums beyond +-2^31 / scale wrap around
// needs   nothing
// source  the fixed-point accumulators of molecular dynamics (Le Grand, Goetz, Walker 2013, SPFP)
#ifndef SMELT_FIXED_POINT_GLSL
#define SMELT_FIXED_POINT_GLSL

int smelt_fixed_point(float v, float scale)
{
    return int(roundEven(clamp(v * scale, -1073741824.0, 1073741824.0)));
}

float smelt_from_fixed_point(int v, float scale)
{
    return float(v) / scale;
}

#endif
