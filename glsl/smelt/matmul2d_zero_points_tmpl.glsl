// SPDX-License-Identifier: MIT
// matmul2d_zero_points_tmpl.glsl: zero points of a product of integers; part of matmul2d_cooperative_tmpl.glsl.
//
// what    sum (a - x) (b - y) = sum a b - x sum b - y sum a + K x y. Rows of a and columns of b are added up as they lie in
//         the scratch, block by block
// params  those of matmul2d_cooperative_tmpl.glsl
// makes   NAME_clear_sums(); NAME_add_sums() of the blocks in the scratch; NAME_subtract_zeros(inout d, column, terms), which
//         begins and ends with a barrier
// errors  exact modulo 2^32
// needs   matmul2d_cooperative_tmpl.glsl around it; int NAME_zero_left() and int NAME_zero_right(uint column) before
// source  Jacob et al. 2018, Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
//         section 2.3
#define SMELT_ZP_LINES (SMELT_MATMUL2D_M + SMELT_MATMUL2D_N)
#define SMELT_ZP_EACH ((SMELT_ZP_LINES + SMELT_MM_THREADS - 1) / SMELT_MM_THREADS)
// A byte of the scratch stands for what it is as a signed (unsigned) one, plus 128 where it was flipped.
#define SMELT_ZP_LEFT_FLIPPED (SMELT_MM_MIXED != 0 && SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_U8)
#define SMELT_ZP_RIGHT_FLIPPED (SMELT_MM_MIXED != 0 && SMELT_MM_RIGHT_BYTE == SMELT_DTYPE_U8)

// Of the lines that are this invocation's: M rows of a, then N columns of b.
int SMELT_CAT(SMELT_MATMUL2D, _sums)[SMELT_ZP_EACH];

void SMELT_CAT(SMELT_MATMUL2D, _clear_sums)()
{
    [[unroll]] for (uint i = 0u; i != SMELT_ZP_EACH; i++) SMELT_CAT(SMELT_MATMUL2D, _sums)[i] = 0;
}

// The TILE_K terms of a line of the block at `at`; `along`: they follow each other.
int SMELT_CAT(SMELT_MATMUL2D, _line_sum)(uint at, uint pitch, uint group, uint line, bool along,
                                         bool is_signed, bool flipped)
{
    int sum = flipped ? 128 * SMELT_MATMUL2D_TILE_K : 0;
    for (uint k = 0u; k < SMELT_MATMUL2D_TILE_K; k += along ? 4u : 1u) {
        uint first = along ? k : line, row = along ? line : k;
        uint word = SMELT_MATMUL2D_SCRATCH[at + row * pitch + first / group][first % group / 4u];
        int place = int(line % 4u * 8u);
        if (along)
            sum += is_signed ? smelt_dot4(int(word), 0x01010101) : smelt_dot4(word, 0x01010101u);
        else
            sum += is_signed ? bitfieldExtract(int(word), place, 8) : int(bitfieldExtract(word, place, 8));
    }
    return sum;
}

void SMELT_CAT(SMELT_MATMUL2D, _add_sums)()
{
    [[unroll]] for (uint i = 0u; i != SMELT_ZP_EACH; i++)
    {
        uint line = SMELT_MM_THREAD + i * SMELT_MM_THREADS;
        if (line < SMELT_MATMUL2D_M)
            SMELT_CAT(SMELT_MATMUL2D, _sums)
        [i] += SMELT_CAT(SMELT_MATMUL2D, _line_sum)(
            SMELT_MM_LEFT_ORIGIN, SMELT_MM_LEFT_PITCH, SMELT_MM_LEFT_GROUP, line,
            SMELT_MATMUL2D_TRANSPOSE_LEFT == 0,
            SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_I8 || SMELT_ZP_LEFT_FLIPPED, SMELT_ZP_LEFT_FLIPPED);
        else if (line < SMELT_ZP_LINES) SMELT_CAT(SMELT_MATMUL2D, _sums)[i] +=
            SMELT_CAT(SMELT_MATMUL2D, _line_sum)(
                SMELT_MM_RIGHT_ORIGIN, SMELT_MM_RIGHT_PITCH, SMELT_MM_RIGHT_GROUP, line - SMELT_MATMUL2D_M,
                SMELT_MATMUL2D_TRANSPOSE_RIGHT == 1,
                SMELT_MM_RIGHT_BYTE == SMELT_DTYPE_I8 || SMELT_ZP_RIGHT_FLIPPED, SMELT_ZP_RIGHT_FLIPPED);
    }
}

int SMELT_CAT(SMELT_MATMUL2D, _sum_of)(uint line)
{
    return int(SMELT_MATMUL2D_SCRATCH[SMELT_MM_BASE + SMELT_MM_SUMS_AT + line / 4u][line % 4u]);
}

void SMELT_CAT(SMELT_MATMUL2D, _subtract_zeros)(inout SMELT_MM_RESULT d, uint column, uint terms)
{
    SMELT_CAT(SMELT_MM_RESULT, _barrier)();
    [[unroll]] for (uint i = 0u; i != SMELT_ZP_EACH; i++)
    {
        uint line = SMELT_MM_THREAD + i * SMELT_MM_THREADS;
        if (line < SMELT_ZP_LINES)
            SMELT_MATMUL2D_SCRATCH[SMELT_MM_BASE + SMELT_MM_SUMS_AT + line / 4u][line % 4u] =
                uint(SMELT_CAT(SMELT_MATMUL2D, _sums)[i]);
    }
    SMELT_CAT(SMELT_MM_RESULT, _barrier)();
    SMELT_CAT(SMELT_MM_RESULT, _places) p = SMELT_CAT(SMELT_MM_RESULT, _locate)();
    int x = SMELT_CAT(SMELT_MATMUL2D, _zero_left)();
    [[unroll]] for (int piece = 0; piece != SMELT_CAT(SMELT_MM_RESULT, _pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(d); i++)
    {
        uvec2 place = min(smelt_place(p, piece, i), uvec2(SMELT_MATMUL2D_M - 1u, SMELT_MATMUL2D_N - 1u));
        int y = SMELT_CAT(SMELT_MATMUL2D, _zero_right)(column + place.y);
        int row = SMELT_CAT(SMELT_MATMUL2D, _sum_of)(place.x);
        int across = SMELT_CAT(SMELT_MATMUL2D, _sum_of)(SMELT_MATMUL2D_M + place.y);
        smelt_set(d, piece, i, smelt_get(d, piece, i) - x * (across - int(terms) * y) - y * row);
    }
    SMELT_CAT(SMELT_MM_RESULT, _barrier)();
}

#undef SMELT_ZP_LINES
#undef SMELT_ZP_EACH
#undef SMELT_ZP_LEFT_FLIPPED
#undef SMELT_ZP_RIGHT_FLIPPED
