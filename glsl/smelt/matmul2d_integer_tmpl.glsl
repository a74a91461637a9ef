// SPDX-License-Identifier: MIT
// matmul2d_integer_tmpl.glsl: the product of two blocks of 8 bit integers by dot products of four bytes; part of
// matmul2d_portable_tmpl.glsl and matmul2d_dot8_tmpl.glsl.
//
// what    each invocation adds, four terms at a time, to its block of the result. A block whose rows do not run along the
//         sum gives a word of four terms from four rows
// params  those of matmul2d_cooperative_tmpl.glsl; SMELT_MM_DOT(x, y) int: the dot product of the bytes of two words,
//         each int or uint; undefined afterwards
// makes   NAME_multiply(inout NAME_result d)
// errors  exact modulo 2^32
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
#if SMELT_MATMUL2D_FRAGMENT_K != 1
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_FRAGMENT_K must be 1 with PORTABLE and DOT8"
#endif
#if SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_I8
#define SMELT_MM_LEFT_BYTES int
#else
#define SMELT_MM_LEFT_BYTES uint
#endif
#if SMELT_MM_RIGHT_BYTE == SMELT_DTYPE_I8
#define SMELT_MM_RIGHT_BYTES int
#else
#define SMELT_MM_RIGHT_BYTES uint
#endif

// Terms k to k + 3 of row m of the left block.
SMELT_MM_LEFT_BYTES SMELT_CAT(SMELT_MATMUL2D, _left_word)(uint m, uint k)
{
#if SMELT_MATMUL2D_TRANSPOSE_LEFT
    uint word = 0u;
    [[unroll]] for (uint i = 0u; i != 4u; i++) word |=
        bitfieldExtract(
            SMELT_MM_LEFT_MEMORY[SMELT_MM_LEFT_ORIGIN + (k + i) * SMELT_MM_LEFT_PITCH + m / 16u][m / 4u % 4u],
            int(m % 4u * 8u), 8)
        << (8u * i);
    return SMELT_MM_LEFT_BYTES(word);
#else
    return SMELT_MM_LEFT_BYTES(
        SMELT_MM_LEFT_MEMORY[SMELT_MM_LEFT_ORIGIN + m * SMELT_MM_LEFT_PITCH + k / 16u][k / 4u % 4u]);
#endif
}

// Terms k to k + 3 of column n of the right block.
SMELT_MM_RIGHT_BYTES SMELT_CAT(SMELT_MATMUL2D, _right_word)(uint k, uint n)
{
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
    return SMELT_MM_RIGHT_BYTES(
        SMELT_MM_RIGHT_MEMORY[SMELT_MM_RIGHT_ORIGIN + n * SMELT_MM_RIGHT_PITCH + k / 16u][k / 4u % 4u]);
#else
    uint word = 0u;
    [[unroll]] for (uint i = 0u; i != 4u; i++) word |=
        bitfieldExtract(SMELT_MM_RIGHT_MEMORY[SMELT_MM_RIGHT_ORIGIN + (k + i) * SMELT_MM_RIGHT_PITCH +
                                              n / 16u][n / 4u % 4u],
                        int(n % 4u * 8u), 8)
        << (8u * i);
    return SMELT_MM_RIGHT_BYTES(word);
#endif
}

void SMELT_CAT(SMELT_MATMUL2D, _multiply)(inout SMELT_MM_RESULT d)
{
    for (uint k = 0u; k < SMELT_MATMUL2D_TILE_K; k += 4u) {
        SMELT_MM_RIGHT_BYTES y[SMELT_MATMUL2D_FRAGMENT_N];
        [[unroll]] for (uint j = 0u; j != SMELT_MATMUL2D_FRAGMENT_N; j++) y[j] =
            SMELT_CAT(SMELT_MATMUL2D, _right_word)(k, SMELT_CAT(SMELT_MM_RESULT, _column)(j));
        [[unroll]] for (uint i = 0u; i != SMELT_MATMUL2D_FRAGMENT_M; i++)
        {
            SMELT_MM_LEFT_BYTES x = SMELT_CAT(SMELT_MATMUL2D, _left_word)(
                min(SMELT_CAT(SMELT_MM_RESULT, _row)(i), SMELT_MATMUL2D_M - 1u), k);
            [[unroll]] for (uint j = 0u; j != SMELT_MATMUL2D_FRAGMENT_N / 2; j++) d.e[i][j] +=
                ivec2(SMELT_MM_DOT(x, y[2u * j]), SMELT_MM_DOT(x, y[2u * j + 1u]));
        }
    }
}

#undef SMELT_MM_LEFT_BYTES
#undef SMELT_MM_RIGHT_BYTES
#undef SMELT_MM_DOT
