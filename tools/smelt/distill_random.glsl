// SPDX-License-Identifier: MIT
// Places in [0, 1)^INPUTS, uniform, from a seed, a step and a sample.
#include "smelt/random.glsl"

void random_place(uint seed, uint step, uint index, out float t[INPUTS])
{
    for (uint i = 0; i < INPUTS; i++)
        t[i] = smelt_random_share(smelt_random(uvec4(seed, step, index, i)).x);
}
