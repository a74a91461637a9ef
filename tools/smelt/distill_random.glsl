// SPDX-License-Identifier: MIT
// Places in [0, 1)^INPUTS, uniform, from a seed, a step and a sample, by a hash (Ettinger's lowbias32).

uint random_mix(uint x)
{
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

void random_place(uint seed, uint step, uint index, out float t[INPUTS])
{
    uint x = random_mix(random_mix(random_mix(seed) + step) + index);
    for (uint i = 0; i < INPUTS; i++) {
        x = random_mix(x + 0x9e3779b9u);
        t[i] = float(x >> 8) * (1.0 / 16777216.0);
    }
}
