// SPDX-License-Identifier: MIT
// matvec_matrix_chunks.glsl: 16 bytes of a quantised matrix b, stored [n][k], as pairs of f16, and what belongs to them of the
// vectors: for the two kernels that multiply such a matrix by the device's matrices. Integers are exact in f16.
//
// matvec_matrix_head.glsl and matvec_scales.glsl come before, matvec_matrix_scaled_body.glsl (one vector) or
// matvec_matrix_rounded_body.glsl (two to eight) follows.
#if KERNEL_RIGHT_STORED == SMELT_DTYPE_I8 || KERNEL_RIGHT_STORED == SMELT_DTYPE_U8
#define CHUNK 16
#else
#define CHUNK 32
#endif
#if KERNEL_RIGHT_STORED == SMELT_DTYPE_I4
#define FLIPPED 0x64086408u
#define EXCESS 1032.0
#elif KERNEL_RIGHT_STORED == SMELT_DTYPE_I8
#define FLIPPED 0x64806480u
#define EXCESS 1152.0
#else
#define FLIPPED 0x64006400u
#define EXCESS 1024.0
#endif
#define QUAD (4u * CHUNK)

// Pair i of a chunk. Integers become the last bits of 1024: a conversion takes several times as long.
f16vec2 matrix_pair(uvec4 words, uint i, f16vec2 excess)
{
#if CHUNK == 16
    return unpackFloat2x16((words[i / 2u] >> 8u * (i % 2u) & 0x00ff00ffu) ^ FLIPPED) - excess;
#else
    uint word = words[i / 4u] >> 8u * (i % 4u / 2u);
    if (i % 2u == 0u)
        return unpackFloat2x16((word & 0x000f000fu) ^ FLIPPED) - excess;
    return fma(unpackFloat2x16((word & 0x00f000f0u) ^ (0x64006400u | (FLIPPED & 0x00ff00ffu) << 4u)),
               f16vec2(0.0625), f16vec2(960.0) - excess); // 16 times as much over 1024
#endif
}

// Pair i of eight terms of a vector, as those of the matrix: elements that are unpacked at once.
uint vector_pair(uvec4 x, uint i)
{
#if CHUNK == 16
    uint low = x[i / 2u * 2u], high = x[i / 2u * 2u + 1u];
#else
    uint low = x[i / 2u], high = x[i / 2u + 2u];
#endif
    return i % 2u == 0u ? (low & 0xffffu) | high << 16u : low >> 16u | (high & 0xffff0000u);
}

float element(operands o, uint row, uint k)
{
    uint bits = 128 / CHUNK, at = k % CHUNK;
    uint word = smelt_words1_data(o.matrix).e[(row * o.step + k) / (32u / bits)];
    uint one = bitfieldExtract(word, int(at * bits % 32u), int(bits));
    float excess = zero_of(row, k), offset = 0.0;
#if KERNEL_ZERO == SMELT_ZERO_OFFSET
    offset = excess;
    excess = 0.0;
#endif
    one ^= FLIPPED & 0xffu;
    return fma(float(int(one)) - (EXCESS - 1024.0) - excess, scale_of(row, k), offset);
}
