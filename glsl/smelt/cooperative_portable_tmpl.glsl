// SPDX-License-Identifier: MIT
// cooperative_portable_tmpl.glsl: cooperative tensors in plain registers; part of cooperative_tmpl.glsl.
//
// what    invocation t holds block (t / across, t % across) of the tile, FRAGMENT_M x FRAGMENT_N elements. A block's
//         rows and columns lie apart in runs of at most 8 (f16) or 4, so that neighbours read neighbouring words
// params  those of cooperative_tmpl.glsl
// makes   see cooperative_tmpl.glsl; and NAME_row(uint i), NAME_column(uint j): where row i and column j of the
//         invocation's block lie in the tile
// errors  see cooperative_tmpl.glsl
// needs   cooperative_tmpl.glsl around it
// source  cooperative_tmpl.glsl
#if SMELT_COOPERATIVE_FRAGMENT_N % 2 != 0
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_FRAGMENT_N (columns of one invocation) must be even"
#endif
#if SMELT_COOPERATIVE_ROWS % SMELT_COOPERATIVE_FRAGMENT_M != 0 ||                                            \
    SMELT_COOPERATIVE_COLUMNS % SMELT_COOPERATIVE_FRAGMENT_N != 0
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_FRAGMENT_M, _N must divide SMELT_COOPERATIVE_ROWS, _COLUMNS"
#endif
#define SMELT_CO_DOWN (SMELT_COOPERATIVE_ROWS / SMELT_COOPERATIVE_FRAGMENT_M)
#define SMELT_CO_ACROSS (SMELT_COOPERATIVE_COLUMNS / SMELT_COOPERATIVE_FRAGMENT_N)
#if SMELT_CO_DOWN * SMELT_CO_ACROSS >                                                                        \
    SMELT_COOPERATIVE_SUBGROUP_SIZE * SMELT_COOPERATIVE_SUBGROUPS_M * SMELT_COOPERATIVE_SUBGROUPS_N
#error                                                                                                       \
    "cooperative_tmpl.glsl: SMELT_COOPERATIVE_FRAGMENT_M, _N are too small: invocations cannot hold the tile"
#endif
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_F16
#define SMELT_CO_V f16vec2
#define SMELT_CO_S float16_t
#define SMELT_CO_RUN 8
#elif SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32
#define SMELT_CO_V ivec2
#define SMELT_CO_S int
#define SMELT_CO_RUN 4
#else
#define SMELT_CO_V vec2
#define SMELT_CO_S float
#define SMELT_CO_RUN 4
#endif
#if SMELT_COOPERATIVE_FRAGMENT_M % SMELT_CO_RUN == 0
#define SMELT_CO_RUN_M SMELT_CO_RUN
#else
#define SMELT_CO_RUN_M SMELT_COOPERATIVE_FRAGMENT_M
#endif
#if SMELT_COOPERATIVE_FRAGMENT_N % SMELT_CO_RUN == 0
#define SMELT_CO_RUN_N SMELT_CO_RUN
#else
#define SMELT_CO_RUN_N SMELT_COOPERATIVE_FRAGMENT_N
#endif

// Pairs along a row, for packed arithmetic in f16.
struct SMELT_COOPERATIVE {
    SMELT_CO_V e[SMELT_COOPERATIVE_FRAGMENT_M][SMELT_COOPERATIVE_FRAGMENT_N / 2];
};
struct SMELT_CO_PLACES {
    uvec2 block;
};

const int SMELT_CAT(SMELT_COOPERATIVE, _pieces) = SMELT_COOPERATIVE_FRAGMENT_M;
const uint SMELT_CAT(SMELT_COOPERATIVE, _down) = SMELT_CO_DOWN;
const uint SMELT_CAT(SMELT_COOPERATIVE, _across) = SMELT_CO_ACROSS;
const uint SMELT_CAT(SMELT_COOPERATIVE, _run_m) = SMELT_CO_RUN_M;
const uint SMELT_CAT(SMELT_COOPERATIVE, _run_n) = SMELT_CO_RUN_N;

// The block of an invocation that has none lies below the tile.
uint SMELT_CAT(SMELT_COOPERATIVE, _row)(uint i)
{
    return (i / SMELT_CO_RUN_M * SMELT_CO_DOWN + SMELT_CO_THREAD / SMELT_CO_ACROSS) * SMELT_CO_RUN_M +
           i % SMELT_CO_RUN_M;
}

uint SMELT_CAT(SMELT_COOPERATIVE, _column)(uint j)
{
    return (j / SMELT_CO_RUN_N * SMELT_CO_ACROSS + SMELT_CO_THREAD % SMELT_CO_ACROSS) * SMELT_CO_RUN_N +
           j % SMELT_CO_RUN_N;
}

void smelt_fill(out SMELT_COOPERATIVE t, SMELT_CO_T v)
{
    [[unroll]] for (int i = 0; i != SMELT_COOPERATIVE_FRAGMENT_M; i++)
        [[unroll]] for (int j = 0; j != SMELT_COOPERATIVE_FRAGMENT_N / 2; j++) t.e[i][j] = SMELT_CO_V(v);
}

int smelt_length(SMELT_COOPERATIVE t)
{
    return SMELT_COOPERATIVE_FRAGMENT_N;
}

SMELT_CO_T smelt_get(SMELT_COOPERATIVE t, int piece, int i)
{
    return SMELT_CO_T(t.e[piece][i / 2][i % 2]);
}

void smelt_set(inout SMELT_COOPERATIVE t, int piece, int i, SMELT_CO_T v)
{
    t.e[piece][i / 2][i % 2] = SMELT_CO_S(v);
}

SMELT_CO_PLACES SMELT_CAT(SMELT_COOPERATIVE, _locate)()
{
    return SMELT_CO_PLACES(uvec2(SMELT_CO_THREAD / SMELT_CO_ACROSS, SMELT_CO_THREAD % SMELT_CO_ACROSS));
}

uvec2 smelt_place(SMELT_CO_PLACES p, int piece, int i)
{
    return uvec2(SMELT_CAT(SMELT_COOPERATIVE, _row)(uint(piece)),
                 SMELT_CAT(SMELT_COOPERATIVE, _column)(uint(i)));
}

bool smelt_valid(SMELT_CO_PLACES p)
{
    return p.block.x < SMELT_CO_DOWN;
}

// Values for rows and columns: those of the invocation's block.
#define SMELT_CO_VALUE float
#define SMELT_CO_VALUE_FILL(v) v
#define SMELT_CO_VALUE_LENGTH(r) 1
#define SMELT_CO_VALUE_AT(r, piece, i) r.e[piece]
#define SMELT_CO_VALUE_OF_ROW(r, piece, i) r.e[piece]
#define SMELT_CO_VALUE_OF_COLUMN(r, piece, i) r.e[i]

#undef SMELT_CO_V
#undef SMELT_CO_RUN
#undef SMELT_CO_RUN_M
#undef SMELT_CO_RUN_N
