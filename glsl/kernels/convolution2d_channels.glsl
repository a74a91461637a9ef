// SPDX-License-Identifier: MIT
// convolution2d_channels.glsl: what becomes of the sums of 8 neighbouring channels of a pixel, for kernels of f16 that add up in
// shared memory: d = activation(sums + bias + residual).
//
// smelt/memory.glsl and smelt/activation.glsl come before, and the push constants bias, d, residual (addresses; bias, residual: 0
// for none; elements of the residual lie as those of d) and outputs. KERNEL_ACTIVATE(float), KERNEL_D_IS_F32, KERNEL_D_WHOLE (1:
// 8 channels are 16 bytes at a multiple of 16; of bias and residual too) are the includer's.
// KERNEL_CHANNEL_AT(at, channel, i) says where channel + i is, if not i elements behind `at`.
#ifndef KERNEL_CHANNEL_AT
#define KERNEL_CHANNEL_AT(at, channel, i) ((at) + (i))
#endif

void unpack(uvec4 words, out float v[8])
{
    [[unroll]] for (uint i = 0u; i < 4u; i++)
    {
        vec2 both = unpackHalf2x16(words[i]);
        v[2u * i] = both.x;
        v[2u * i + 1u] = both.y;
    }
}

// The channels from `channel` on, whose first is d's element `at`.
void store_channels(uint at, uint channel, float v[8])
{
    bool has_bias = (bias.x | bias.y) != 0u, has_residual = (residual.x | residual.y) != 0u;
#if KERNEL_D_WHOLE
    float more[8];
    if (has_bias) {
        unpack(smelt_words4_data(bias).e[channel / 8u], more);
        [[unroll]] for (uint i = 0u; i < 8u; i++) v[i] += more[i];
    }
    if (has_residual) {
#if KERNEL_D_IS_F32
        [[unroll]] for (uint i = 0u; i < 8u; i++) v[i] +=
            uintBitsToFloat(smelt_words4_data(residual).e[at / 4u + i / 4u][i % 4u]);
#else
        unpack(smelt_words4_data(residual).e[at / 8u], more);
        [[unroll]] for (uint i = 0u; i < 8u; i++) v[i] += more[i];
#endif
    }
    [[unroll]] for (uint i = 0u; i < 8u; i++) v[i] = KERNEL_ACTIVATE(v[i]);
#if KERNEL_D_IS_F32
    smelt_words4_write_data(d).e[at / 4u] = floatBitsToUint(vec4(v[0], v[1], v[2], v[3]));
    smelt_words4_write_data(d).e[at / 4u + 1u] = floatBitsToUint(vec4(v[4], v[5], v[6], v[7]));
#else
    smelt_words4_write_data(d).e[at / 8u] =
        uvec4(packHalf2x16(vec2(v[0], v[1])), packHalf2x16(vec2(v[2], v[3])), packHalf2x16(vec2(v[4], v[5])),
              packHalf2x16(vec2(v[6], v[7])));
#endif
#else
    [[unroll]] for (uint i = 0u; i < 8u; i++)
    {
        if (channel + i >= outputs)
            break;
        uint to = KERNEL_CHANNEL_AT(at, channel, i);
        float sum = v[i];
        if (has_bias)
            sum += unpackHalf2x16(uint(smelt_halfs_data(bias).e[channel + i])).x;
#if KERNEL_D_IS_F32
        if (has_residual)
            sum += uintBitsToFloat(smelt_words1_data(residual).e[to]);
        smelt_words1_write_data(d).e[to] = floatBitsToUint(KERNEL_ACTIVATE(sum));
#else
        if (has_residual)
            sum += unpackHalf2x16(uint(smelt_halfs_data(residual).e[to])).x;
        smelt_u16_w_data(d).e[to] = uint16_t(packHalf2x16(vec2(KERNEL_ACTIVATE(sum), 0.0)));
#endif
    }
#endif
}
