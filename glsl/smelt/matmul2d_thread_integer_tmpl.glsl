// SPDX-License-Identifier: MIT
// matmul2d_thread_integer_tmpl.glsl: matmul2d of integers at THREAD scope by dot products of four bytes; part of
// matmul2d_tmpl.glsl, for PORTABLE and DOT8.
//
// what    a rolled loop over blocks of four columns of the result, and in it four terms at a time. Where rows of weight are
//         a multiple of 4 long they are read four elements at a time, else one by one: never past their end
// params  those of matmul2d_tmpl.glsl; SMELT_MM_DOT(x, y) int: the dot product of the bytes of two words, each int or uint;
//         undefined afterwards
// makes   NAME_run
// errors  exact modulo 2^32
// needs   matmul2d_tmpl.glsl around it; DOT8: shaderIntegerDotProduct
// source  GL_EXT_integer_dot_product
#if SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_I8
#define SMELT_MM_LEFT_BYTES int
#else
#define SMELT_MM_LEFT_BYTES uint
#endif
#if SMELT_MATMUL2D_STORED == SMELT_DTYPE_I8 || SMELT_MATMUL2D_STORED == SMELT_DTYPE_I4
#define SMELT_MM_RIGHT_BYTES int
#else
#define SMELT_MM_RIGHT_BYTES uint
#endif

// Elements 4 i to 4 i + 3 of a weight whose rows are a multiple of 4 long.
#if SMELT_MATMUL2D_STORED == SMELT_DTYPE_I4
#define SMELT_MM_FOUR(i) smelt_i4_to_bytes(uint(smelt_halfs_data(w.weight.data).e[i]))
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_U4
#define SMELT_MM_FOUR(i) smelt_u4_to_bytes(uint(smelt_halfs_data(w.weight.data).e[i]))
#else
#define SMELT_MM_FOUR(i) smelt_words1_data(w.weight.data).e[i]
#endif

#define SMELT_MM_LEFT_WORDS ((SMELT_MATMUL2D_K + 3) / 4)
#define SMELT_MM_RESULT_PAIRS ((SMELT_MATMUL2D_N + 1) / 2)
#if SMELT_MM_M * SMELT_MATMUL2D_K <= 64
#define SMELT_MM_UNROLL [[unroll]]
#else
#define SMELT_MM_UNROLL [[dont_unroll]]
#endif

// Terms k to k + 3 of columns n to n + 3, both multiples of 4, a word for each column. Terms beyond the end are 0.
uvec4 SMELT_CAT(SMELT_MATMUL2D, _terms)(SMELT_MATMUL2D w, uint k, uint n)
{
    uvec4 y = uvec4(0u);
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT && SMELT_MATMUL2D_K % 4 == 0
    [[unroll]] for (uint c = 0u; c != 4u; c++) y[c] =
        SMELT_MM_FOUR((min(n + c, SMELT_MATMUL2D_N - 1u) * SMELT_MATMUL2D_K + k) / 4u);
#elif !SMELT_MATMUL2D_TRANSPOSE_RIGHT && SMELT_MATMUL2D_N % 4 == 0
    [[unroll]] for (uint i = 0u; i != 4u; i++) if (k + i < SMELT_MATMUL2D_K)
    {
        uint row = SMELT_MM_FOUR(((k + i) * SMELT_MATMUL2D_N + n) / 4u);
        y |= (uvec4(row, row >> 8, row >> 16, row >> 24) & 255u) << (8u * i);
    }
#else
    [[unroll]] for (uint c = 0u; c != 4u; c++)
        [[unroll]] for (uint i = 0u; i != 4u; i++) if (n + c < SMELT_MATMUL2D_N && k + i < SMELT_MATMUL2D_K)
    {
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
        uint element = uint(smelt_load_unchecked(w.weight, n + c, k + i));
#else
        uint element = uint(smelt_load_unchecked(w.weight, k + i, n + c));
#endif
        y[c] |= (element & 255u) << (8u * i);
    }
#endif
    return y;
}

#if SMELT_MATMUL2D_ACCUMULATE
void SMELT_CAT(SMELT_MATMUL2D, _run)(inout SMELT_MATMUL2D_RESULT d, SMELT_MATMUL2D_LEFT a, SMELT_MATMUL2D w)
{
#else
SMELT_MATMUL2D_RESULT SMELT_CAT(SMELT_MATMUL2D, _run)(SMELT_MATMUL2D_LEFT a, SMELT_MATMUL2D w)
{
    SMELT_MATMUL2D_RESULT d;
#endif
    for (uint m0 = 0u; m0 < SMELT_MATMUL2D_M; m0 += SMELT_MM_M)
        for (uint n = 0u; n < SMELT_MATMUL2D_N; n += 4u) {
            ivec4 sum[SMELT_MM_M];
            [[unroll]] for (uint m = 0u; m != SMELT_MM_M; m++) sum[m] = ivec4(0);
            SMELT_MM_UNROLL for (uint k = 0u; k < SMELT_MM_LEFT_WORDS; k++)
            {
                uvec4 terms = SMELT_CAT(SMELT_MATMUL2D, _terms)(w, 4u * k, n);
                [[unroll]] for (uint m = 0u; m != SMELT_MM_M; m++)
                {
                    SMELT_MM_LEFT_BYTES x = SMELT_MM_LEFT_BYTES(a.e[(m0 + m) * SMELT_MM_LEFT_WORDS + k]);
                    [[unroll]] for (uint c = 0u; c != 4u; c++) sum[m][c] +=
                        SMELT_MM_DOT(x, SMELT_MM_RIGHT_BYTES(terms[c]));
                }
            }
            // The second column of the last pair is padding when N is odd.
            [[unroll]] for (uint c = 0u; c < 4u; c += 2u) if (n + c < SMELT_MATMUL2D_N)
            {
                ivec2 bias = ivec2(0);
#if SMELT_MATMUL2D_BIAS
                bias = ivec2(smelt_load(w.bias, n + c), smelt_load(w.bias, n + c + 1u));
#endif
                [[unroll]] for (uint m = 0u; m != SMELT_MM_M; m++)
                {
                    uint at = (m0 + m) * SMELT_MM_RESULT_PAIRS + (n + c) / 2u;
                    ivec2 v = ivec2(sum[m][c], sum[m][c + 1u]) + bias;
#if SMELT_MATMUL2D_ACCUMULATE
                    v += d.e[at];
#endif
                    d.e[at] = SMELT_CAT(smelt_activation_, SMELT_MATMUL2D_ACTIVATION)(v);
                }
            }
        }
#if !SMELT_MATMUL2D_ACCUMULATE
    return d;
#endif
}

#undef SMELT_MM_LEFT_BYTES
#undef SMELT_MM_RIGHT_BYTES
#undef SMELT_MM_FOUR
#undef SMELT_MM_LEFT_WORDS
#undef SMELT_MM_RESULT_PAIRS
#undef SMELT_MM_UNROLL
#undef SMELT_MM_DOT
