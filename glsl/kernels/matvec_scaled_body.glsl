// SPDX-License-Identifier: MIT
// matvec_scaled_body.glsl: products of 1 to 8 vectors, the rows of a, with a quantised matrix b, stored [n][k]: they cost no
// more than reading the matrix, each of whose bytes is read once. An invocation takes KERNEL_PER neighbours of a few rows
// of b at a time, and of every vector what belongs to them. All sums are of f32; a scale multiplies the sum of KERNEL_PER
// products.
//
// matmul2d_head.glsl, matvec_finish.glsl (KERNEL_SWAPPED 1) and matvec_scales.glsl come before. The includer's, besides
// theirs: KERNEL_PER (8, or what 16 bytes of b hold): it divides k, the block and the distance of rows of b.
// KERNEL_LEFT_STORED is F32, F16 or BF16. Rows of a begin at multiples of 8 elements.
#include "smelt/memory.glsl"

#if KERNEL_RIGHT_STORED == SMELT_DTYPE_I4 || KERNEL_RIGHT_STORED == SMELT_DTYPE_U4
#define PER_WORD 8
#else
#define PER_WORD 4
#endif
#if KERNEL_PER / PER_WORD == 1
#define WORDS uint
#define WORDS_DATA smelt_words1_data
#define WORD(w, i) w
#elif KERNEL_PER / PER_WORD == 2
#define WORDS uvec2
#define WORDS_DATA smelt_words2_data
#define WORD(w, i) w[(i) / PER_WORD]
#else
#define WORDS uvec4
#define WORDS_DATA smelt_words4_data
#define WORD(w, i) w[(i) / PER_WORD]
#endif
// Of each row, before they are used: together they keep the memory busy.
#if KERNEL_VECTORS > 4 || KERNEL_PER / PER_WORD == 4
#define PIECES 1
#elif KERNEL_VECTORS > 2 || PER_WORD == 4
#define PIECES 2
#else
#define PIECES 4
#endif

// Element i, and by how much it is too large. Integers become the last bits of 2^23: a conversion takes several times as long
// on most devices.
#if KERNEL_RIGHT_STORED == SMELT_DTYPE_I4 || KERNEL_RIGHT_STORED == SMELT_DTYPE_U4
#define ELEMENT(w, i) uintBitsToFloat(bitfieldExtract(WORD(w, i), 4 * ((i) % 8), 4) | 0x4b000000u)
#elif KERNEL_RIGHT_STORED == SMELT_DTYPE_I8 || KERNEL_RIGHT_STORED == SMELT_DTYPE_U8
#define ELEMENT(w, i) uintBitsToFloat(bitfieldExtract(WORD(w, i), 8 * ((i) % 4), 8) | 0x4b000000u)
#elif KERNEL_RIGHT_STORED == SMELT_DTYPE_F8E4M3
#define ELEMENT(w, i) smelt_f8e4m3_to_f32(bitfieldExtract(WORD(w, i), 8 * ((i) % 4), 8))
#else
#define ELEMENT(w, i) smelt_f8e5m2_to_f32(bitfieldExtract(WORD(w, i), 8 * ((i) % 4), 8))
#endif
#if KERNEL_RIGHT_STORED == SMELT_DTYPE_I4
#define FLIPPED 0x88888888u
#define EXCESS (8388608.0 + 8.0)
#elif KERNEL_RIGHT_STORED == SMELT_DTYPE_I8
#define FLIPPED 0x80808080u
#define EXCESS (8388608.0 + 128.0)
#elif KERNEL_RIGHT_STORED == SMELT_DTYPE_U4 || KERNEL_RIGHT_STORED == SMELT_DTYPE_U8
#define FLIPPED 0u
#define EXCESS 8388608.0
#else
#define FLIPPED 0u
#define EXCESS 0.0
#endif

// Scale, and zero point or offset, of term k of a row.
vec2 scale_and_zero_of(uint row, uint k)
{
    float s = scale_of(row, k);
    return vec2(s, zero_of(row, k));
}

// Eight elements of a vector from element `at` on.
float[8] vector_at(uvec2 data, uint at)
{
    float x[8];
#if KERNEL_LEFT_STORED == SMELT_DTYPE_F32
    [[unroll]] for (uint part = 0u; part < 2u; part++)
    {
        uvec4 e = smelt_words4_data(data).e[at / 4u + part];
        [[unroll]] for (uint i = 0u; i < 4u; i++) x[4u * part + i] = uintBitsToFloat(e[i]);
    }
#else
    uvec4 e = smelt_words4_data(data).e[at / 8u];
    [[unroll]] for (uint i = 0u; i < 4u; i++)
    {
#if KERNEL_LEFT_STORED == SMELT_DTYPE_F16
        vec2 pair = unpackHalf2x16(e[i]);
#else
        vec2 pair = vec2(uintBitsToFloat(e[i] << 16u), uintBitsToFloat(e[i] & 0xffff0000u));
#endif
        x[2u * i] = pair.x;
        x[2u * i + 1u] = pair.y;
    }
#endif
    return x;
}

void main()
{
    uint rows = fixed_m != 0 ? fixed_m : m, columns = fixed_n != 0 ? fixed_n : n,
         terms = fixed_k != 0 ? fixed_k : k;
    uint step_a = fixed_stride_a != 0 ? fixed_stride_a : stride_a[0];
    uint step_b = fixed_stride_b != 0 ? fixed_stride_b : stride_b[0];
    uint step_d = fixed_stride_d != 0 ? fixed_stride_d : stride_d;
    uint first = gl_WorkGroupID.x * ROWS;
    uvec2 vectors = KERNEL_A, matrix = KERNEL_B;
    float sums[ROWS][KERNEL_VECTORS];
    [[unroll]] for (uint r = 0u; r < ROWS; r++) [[unroll]] for (uint v = 0u; v < KERNEL_VECTORS; v++)
        sums[r][v] = 0.0;
    for (uint from = gl_LocalInvocationIndex * KERNEL_PER; from < terms;
         from += PIECES * THREADS * KERNEL_PER) {
        WORDS w[PIECES][ROWS];
        vec2 s[PIECES][ROWS];
        [[unroll]] for (uint p = 0u; p < PIECES; p++) [[unroll]] for (uint r = 0u; r < ROWS; r++)
        {
            uint at = min(from + p * (THREADS * KERNEL_PER), terms - KERNEL_PER),
                 row = min(first + r, columns - 1u);
            w[p][r] = WORDS_DATA(matrix).e[row * (step_b / KERNEL_PER) + at / KERNEL_PER] ^ FLIPPED;
            s[p][r] = scale_and_zero_of(row, at);
        }
        [[unroll]] for (uint p = 0u; p < PIECES; p++)
        {
            uint at = from + p * (THREADS * KERNEL_PER);
            if (p > 0u && at >= terms)
                break;
            [[unroll]] for (uint v = 0u; v < KERNEL_VECTORS; v++)
            {
                float parts[ROWS], all = 0.0;
                [[unroll]] for (uint r = 0u; r < ROWS; r++) parts[r] = 0.0;
                [[unroll]] for (int eight = 0; eight < KERNEL_PER; eight += 8)
                {
                    float x[8] = vector_at(vectors, v * step_a + at + eight);
                    [[unroll]] for (int i = 0; i < 8; i++)
                    {
                        all += x[i];
                        [[unroll]] for (uint r = 0u; r < ROWS; r++)
                        {
#if KERNEL_ZERO == SMELT_ZERO_POINT
                            float excess = EXCESS + s[p][r].y;
#else
                            float excess = EXCESS;
#endif
                            parts[r] = fma(ELEMENT(w[p][r], eight + i) - excess, x[i], parts[r]);
                        }
                    }
                }
                [[unroll]] for (uint r = 0u; r < ROWS; r++)
                {
                    sums[r][v] = fma(s[p][r].x, parts[r], sums[r][v]);
#if KERNEL_ZERO == SMELT_ZERO_OFFSET
                    sums[r][v] = fma(s[p][r].y, all, sums[r][v]);
#endif
                }
            }
        }
    }
    finish(sums, first, rows, columns, step_d);
}
