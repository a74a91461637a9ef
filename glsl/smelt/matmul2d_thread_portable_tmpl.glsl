// SPDX-License-Identifier: MIT
// matmul2d_thread_portable_tmpl.glsl: matmul2d at THREAD scope in plain arithmetic; part of matmul2d_tmpl.glsl.
//
// what    a rolled loop over blocks of 2 or 4 columns of the result, an unrolled one over K in it. Two neighbouring
//         k (or n, for a weight that is not transposed) make a pair, so f16 runs two to an instruction; weights
//         are read 16 bytes at a time where the rows allow it, else 8, 4, or element by element: never past
//         their end. The left operand is copied to registers first; beyond 128 columns it stays an array and
//         the loop over K is rolled
// params  those of matmul2d_tmpl.glsl
// makes   NAME_run
//         Quantised weights are scaled and rounded to COMPUTED as they are loaded; a scale is read once for each load where
//         BLOCK is a multiple of its terms
// errors  see matmul2d_tmpl.glsl. A sum is taken in two halves (even and odd k), which are then added. A stored
//         f16 subnormal may be flushed to 0 (unpackHalf2x16, f16 arithmetic)
// needs   matmul2d_tmpl.glsl around it
// source  measured on an H200 (driver 580, 32-64-64-9, 2^20 evaluations, GPU clocks warm): f16 2.2e9 evaluations a
//         second for blocks of 2, 4, 8 and 16 alike, which is 4.0 cycles for each 16 byte load of a warp: the rate
//         at which loads return to registers (512 bytes at 128 a cycle), so no lane that works alone can be
//         faster (lanes that share loads can: docs/performance.md); f16 stored with f32 sums 1.4e9, limited by
//         conversions (blocks of 4: 0.9e9); f32 stored 0.9e9, limited by loads. Unrolling all columns takes 36 s to compile with
//         the optimiser
#if SMELT_MATMUL2D_ACCUMULATED == SMELT_DTYPE_F16
#define SMELT_MM_S float16_t
#define SMELT_MM_P f16vec2
#define SMELT_MM_HALFS(w) unpackFloat2x16(w)
#else
#define SMELT_MM_S float
#define SMELT_MM_P vec2
#define SMELT_MM_HALFS(w) unpackHalf2x16(w)
#endif

// Factors of type COMPUTED, held in the type of the sums.
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F16 && SMELT_MATMUL2D_ACCUMULATED == SMELT_DTYPE_F32
#define SMELT_MM_FACTOR(p) vec2(f16vec2(p))
#else
#define SMELT_MM_FACTOR(p) SMELT_MM_P(p)
#endif

// STORED: bits of an element; PAIR(q, j) is the pair j of the loaded words q, in floats of any kind; SINGLE(a, i) reads
// element i from address a and BIAS(p) the pair p of a bias.
#if SMELT_MATMUL2D_STORED == SMELT_DTYPE_F32
#define SMELT_MM_BITS 32
#define SMELT_MM_PAIR(q, j) uintBitsToFloat(uvec2(q[2 * (j)], q[2 * (j) + 1]))
#define SMELT_MM_SINGLE(a, i) uintBitsToFloat(smelt_words1_data(a).e[i])
#define SMELT_MM_BIAS(p) uintBitsToFloat(smelt_words2_data(w.bias.data).e[p])
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_F16
#define SMELT_MM_BITS 16
#define SMELT_MM_PAIR(q, j) SMELT_MM_HALFS(q[j])
#define SMELT_MM_SINGLE(a, i) SMELT_MM_HALFS(uint(smelt_halfs_data(a).e[i])).x
#define SMELT_MM_BIAS(p) SMELT_MM_HALFS(smelt_words1_data(w.bias.data).e[p])
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_BF16
#define SMELT_MM_BITS 16
#define SMELT_MM_PAIR(q, j) uintBitsToFloat(uvec2(q[j] << 16, q[j] & 0xffff0000u))
#define SMELT_MM_SINGLE(a, i) uintBitsToFloat(uint(smelt_halfs_data(a).e[i]) << 16)
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_F8E5M2
// An f8e5m2 is the upper byte of an f16.
#define SMELT_MM_BITS 8
#define SMELT_MM_PAIR(q, j)                                                                                  \
    SMELT_MM_HALFS((q[(j) >> 1] >> (16 * ((j)&1)) & 0xffu) << 8 | (q[(j) >> 1] >> (16 * ((j)&1)) & 0xff00u)  \
                                                                      << 16)
#define SMELT_MM_SINGLE(a, i) SMELT_MM_HALFS(uint(smelt_bytes_data(a).e[i]) << 8).x
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_F8E4M3
#define SMELT_MM_BITS 8
#define SMELT_MM_PAIR(q, j)                                                                                  \
    SMELT_MM_P(smelt_f8e4m3_to_f32(q[(j) >> 1] >> (16 * ((j)&1))),                                           \
               smelt_f8e4m3_to_f32(q[(j) >> 1] >> (16 * ((j)&1) + 8)))
#define SMELT_MM_SINGLE(a, i) smelt_f8e4m3_to_f32(uint(smelt_bytes_data(a).e[i]))
#else
#if SMELT_MATMUL2D_STORED == SMELT_DTYPE_I8 || SMELT_MATMUL2D_STORED == SMELT_DTYPE_U8
#define SMELT_MM_BITS 8
#define SMELT_MM_SINGLE(a, i) SMELT_MM_INTEGER(uint(smelt_bytes_data(a).e[i]), 0)
#else
#define SMELT_MM_BITS 4
#define SMELT_MM_SINGLE(a, i) SMELT_MM_INTEGER(uint(smelt_bytes_data(a).e[(i) >> 1]), 4 * ((i)&1))
#endif
#if SMELT_MATMUL2D_STORED == SMELT_DTYPE_I8 || SMELT_MATMUL2D_STORED == SMELT_DTYPE_I4
#define SMELT_MM_INTEGER(word, at) float(bitfieldExtract(int(word), at, SMELT_MM_BITS))
#else
#define SMELT_MM_INTEGER(word, at) float(bitfieldExtract(word, at, SMELT_MM_BITS))
#endif
#define SMELT_MM_AT(j) (2 * SMELT_MM_BITS * (j) % 32)
#define SMELT_MM_PAIR(q, j)                                                                                  \
    vec2(SMELT_MM_INTEGER(q[2 * SMELT_MM_BITS * (j) / 32], SMELT_MM_AT(j)),                                  \
         SMELT_MM_INTEGER(q[2 * SMELT_MM_BITS * (j) / 32], SMELT_MM_AT(j) + SMELT_MM_BITS))
#endif
#if SMELT_MATMUL2D_BIAS_DTYPE != SMELT_MATMUL2D_STORED
#define SMELT_MM_BIAS(p)                                                                                     \
    SMELT_MM_P(smelt_load_unchecked(w.bias, 2 * (p)), smelt_load_unchecked(w.bias, 2 * (p) + 1))
#define SMELT_MM_BIAS_SINGLE(i) SMELT_MM_S(smelt_load_unchecked(w.bias, i))
#else
#ifndef SMELT_MM_BIAS // narrow pairs are put together
#define SMELT_MM_BIAS(p)                                                                                     \
    SMELT_MM_P(SMELT_MM_SINGLE(w.bias.data, 2 * (p)), SMELT_MM_SINGLE(w.bias.data, 2 * (p) + 1))
#endif
#define SMELT_MM_BIAS_SINGLE(i) SMELT_MM_S(SMELT_MM_SINGLE(w.bias.data, i))
#endif

// How rows of weight are read: words per load, and pairs in a load (0: single elements). Neighbours in n are not read
// by 32: their sums would not stay in registers.
#define SMELT_MM_ROW_BITS (SMELT_MATMUL2D_WEIGHT_COLUMNS * SMELT_MM_BITS)
#if SMELT_MM_ROW_BITS % 128 == 0 && (SMELT_MM_BITS > 4 || SMELT_MATMUL2D_TRANSPOSE_RIGHT)
#define SMELT_MM_LOAD(a, i) smelt_words4_data(a).e[i]
#define SMELT_MM_WORDS uvec4
#define SMELT_MM_PAIRS (64 / SMELT_MM_BITS)
#elif SMELT_MM_ROW_BITS % 64 == 0
#define SMELT_MM_LOAD(a, i) smelt_words2_data(a).e[i]
#define SMELT_MM_WORDS uvec2
#define SMELT_MM_PAIRS (32 / SMELT_MM_BITS)
#elif SMELT_MM_ROW_BITS % 32 == 0 && SMELT_MM_BITS < 32
#define SMELT_MM_LOAD(a, i) uint[1](smelt_words1_data(a).e[i])
#define SMELT_MM_WORDS uint[1]
#define SMELT_MM_PAIRS (16 / SMELT_MM_BITS)
#else
#define SMELT_MM_PAIRS 0
#endif
// Elements from row to row: those of 4 bits begin on a byte.
#if SMELT_MM_BITS == 4
#define SMELT_MM_PITCH ((SMELT_MATMUL2D_WEIGHT_COLUMNS + 1) / 2 * 2)
#else
#define SMELT_MM_PITCH SMELT_MATMUL2D_WEIGHT_COLUMNS
#endif

// Whether it takes 10 or more instructions to make a factor.
#define SMELT_MM_LONG                                                                                        \
    (SMELT_MATMUL2D_STORED == SMELT_DTYPE_F8E4M3 || SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE)

// Columns of the result in a block. A weight that is not transposed gives neighbours in n with a load.
#if !SMELT_MATMUL2D_TRANSPOSE_RIGHT && SMELT_MM_PAIRS > 0
#define SMELT_MM_BLOCK (2 * SMELT_MM_PAIRS)
#elif SMELT_MATMUL2D_ACCUMULATED == SMELT_DTYPE_F32 || SMELT_MM_LONG
#define SMELT_MM_BLOCK 2 // 4 is slower by half on an H200, and longer
#else
#define SMELT_MM_BLOCK 4
#endif

// Steps over k: loads of a transposed row, else single k; those of one unrolled stretch divide their number.
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT && SMELT_MM_PAIRS > 0
#define SMELT_MM_STEPS (SMELT_MATMUL2D_K / (2 * SMELT_MM_PAIRS))
#else
#define SMELT_MM_STEPS SMELT_MATMUL2D_K
#endif
#if SMELT_MM_LONG
#define SMELT_MM_UNROLLED (SMELT_MATMUL2D_K <= 16)
#elif SMELT_MATMUL2D_TRANSPOSE_RIGHT && SMELT_MM_PAIRS > 0
#define SMELT_MM_UNROLLED (SMELT_MATMUL2D_K <= 128)
#else
#define SMELT_MM_UNROLLED (SMELT_MATMUL2D_K <= 64)
#endif
#if SMELT_MM_UNROLLED
#define SMELT_MM_STRETCH SMELT_MM_STEPS
#elif SMELT_MM_LONG
#define SMELT_MM_STRETCH 1
#elif SMELT_MM_STEPS % 8 == 0
#define SMELT_MM_STRETCH 8
#elif SMELT_MM_STEPS % 4 == 0
#define SMELT_MM_STRETCH 4
#elif SMELT_MM_STEPS % 2 == 0
#define SMELT_MM_STRETCH 2
#else
#define SMELT_MM_STRETCH 1
#endif

#if SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE
#include "smelt/matmul2d_thread_scaled_tmpl.glsl"
#else
#define SMELT_MM_SCALE(k, n) vec2(0.0)
#define SMELT_MM_SCALED(p, s0, s1) SMELT_MM_P(p)
#endif

#define SMELT_MM_LEFT_PAIRS ((SMELT_MATMUL2D_K + 1) / 2)
#define SMELT_MM_RESULT_PAIRS ((SMELT_MATMUL2D_N + 1) / 2)
#if SMELT_MM_UNROLLED
#define SMELT_MM_LEFT(m, p) x[(m)*SMELT_MM_LEFT_PAIRS + (p)]
#else
#define SMELT_MM_LEFT(m, p) SMELT_MM_FACTOR(smelt_pair_unpack(a.e[(m0 + (m)) * SMELT_MM_LEFT_PAIRS + (p)]))
#endif

#if SMELT_MATMUL2D_ACCUMULATE
void SMELT_CAT(SMELT_MATMUL2D, _run)(inout SMELT_MATMUL2D_RESULT d, SMELT_MATMUL2D_LEFT a, SMELT_MATMUL2D w)
{
#else
SMELT_MATMUL2D_RESULT SMELT_CAT(SMELT_MATMUL2D, _run)(SMELT_MATMUL2D_LEFT a, SMELT_MATMUL2D w)
{
    SMELT_MATMUL2D_RESULT d;
#endif
    for (int m0 = 0; m0 < SMELT_MATMUL2D_M; m0 += SMELT_MM_M) {
#if SMELT_MM_UNROLLED
        SMELT_MM_P x[SMELT_MM_M * SMELT_MM_LEFT_PAIRS];
        [[unroll]] for (int i = 0; i != SMELT_MM_M * SMELT_MM_LEFT_PAIRS; i++)
        {
            x[i] = SMELT_MM_FACTOR(smelt_pair_unpack(a.e[m0 * SMELT_MM_LEFT_PAIRS + i]));
        }
#endif
#if SMELT_MATMUL2D_N >= SMELT_MM_BLOCK
        for (int n0 = 0; n0 < SMELT_MATMUL2D_N / SMELT_MM_BLOCK * SMELT_MM_BLOCK; n0 += SMELT_MM_BLOCK) {
#define SMELT_MM_N SMELT_MM_BLOCK
#include "smelt/matmul2d_thread_portable_block_tmpl.glsl"
        }
#endif
#if SMELT_MATMUL2D_N % SMELT_MM_BLOCK != 0
        {
            const int n0 = SMELT_MATMUL2D_N / SMELT_MM_BLOCK * SMELT_MM_BLOCK;
#define SMELT_MM_N (SMELT_MATMUL2D_N % SMELT_MM_BLOCK)
#include "smelt/matmul2d_thread_portable_block_tmpl.glsl"
        }
#endif
    }
#if !SMELT_MATMUL2D_ACCUMULATE
    return d;
#endif
}

#undef SMELT_MM_S
#undef SMELT_MM_P
#undef SMELT_MM_HALFS
#undef SMELT_MM_FACTOR
#undef SMELT_MM_BITS
#undef SMELT_MM_PAIR
#undef SMELT_MM_SINGLE
#undef SMELT_MM_INTEGER
#undef SMELT_MM_AT
#undef SMELT_MM_BIAS
#undef SMELT_MM_BIAS_SINGLE
#undef SMELT_MM_ROW_BITS
#undef SMELT_MM_PITCH
#undef SMELT_MM_LONG
#undef SMELT_MM_SCALED
#undef SMELT_MM_SCALE
#undef SMELT_MM_LOAD
#undef SMELT_MM_WORDS
#undef SMELT_MM_PAIRS
#undef SMELT_MM_BLOCK
#undef SMELT_MM_STEPS
#undef SMELT_MM_UNROLLED
#undef SMELT_MM_STRETCH
#undef SMELT_MM_LEFT_PAIRS
#undef SMELT_MM_RESULT_PAIRS
#undef SMELT_MM_LEFT
