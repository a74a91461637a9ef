// SPDX-License-Identifier: MIT
// cooperative_fragments_tmpl.glsl: cooperative tensors as arrays of the device's matrices; part of
// cooperative_coopmat_tmpl.glsl and cooperative_coopmat2_tmpl.glsl.
//
// what    each subgroup, or with workgroup-wide matrices the workgroup, holds DOWN x ACROSS accumulators of FRAGMENT_M x
//         FRAGMENT_N elements, which lie side by side in the tile
// params  those of cooperative_tmpl.glsl, and SMELT_CO_WIDE: 1 when one matrix of workgroup scope is the whole tile
// makes   struct NAME { e[DOWN][ACROSS] }; NAME_down, _across, _pieces, _matrix_scope; NAME_parts_m, _parts_n: parts of
//         the tile that different subgroups hold; NAME_first(): place of the subgroup's first element; smelt_fill,
//         _length, _get, _set; macros for the rest of the includer
// errors  see cooperative_tmpl.glsl
// needs   cooperative_tmpl.glsl around it
// source  GLSL_KHR_cooperative_matrix revision 2
#if SMELT_CO_WIDE
#define SMELT_CO_PARTS_M 1
#define SMELT_CO_PARTS_N 1
#define SMELT_CO_MATRIX_SCOPE gl_ScopeWorkgroup
#else
#define SMELT_CO_PARTS_M SMELT_COOPERATIVE_SUBGROUPS_M
#define SMELT_CO_PARTS_N SMELT_COOPERATIVE_SUBGROUPS_N
#define SMELT_CO_MATRIX_SCOPE gl_ScopeSubgroup
#endif
#if SMELT_COOPERATIVE_ROWS % (SMELT_COOPERATIVE_FRAGMENT_M * SMELT_CO_PARTS_M) != 0
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_FRAGMENT_M * _SUBGROUPS_M must divide SMELT_COOPERATIVE_ROWS"
#endif
#if SMELT_COOPERATIVE_COLUMNS % (SMELT_COOPERATIVE_FRAGMENT_N * SMELT_CO_PARTS_N) != 0
#error                                                                                                       \
    "cooperative_tmpl.glsl: SMELT_COOPERATIVE_FRAGMENT_N * _SUBGROUPS_N must divide SMELT_COOPERATIVE_COLUMNS"
#endif
#define SMELT_CO_DOWN (SMELT_COOPERATIVE_ROWS / (SMELT_COOPERATIVE_FRAGMENT_M * SMELT_CO_PARTS_M))
#define SMELT_CO_ACROSS (SMELT_COOPERATIVE_COLUMNS / (SMELT_COOPERATIVE_FRAGMENT_N * SMELT_CO_PARTS_N))
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_F16
#define SMELT_CO_S float16_t
#elif SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32
#define SMELT_CO_S int
#else
#define SMELT_CO_S float
#endif
#define SMELT_CO_MATRIX                                                                                      \
    coopmat<SMELT_CO_S, SMELT_CO_MATRIX_SCOPE, SMELT_COOPERATIVE_FRAGMENT_M, SMELT_COOPERATIVE_FRAGMENT_N,   \
            gl_MatrixUseAccumulator>

struct SMELT_COOPERATIVE {
    SMELT_CO_MATRIX e[SMELT_CO_DOWN][SMELT_CO_ACROSS];
};

const int SMELT_CAT(SMELT_COOPERATIVE, _pieces) = SMELT_CO_DOWN * SMELT_CO_ACROSS;
const uint SMELT_CAT(SMELT_COOPERATIVE, _down) = SMELT_CO_DOWN;
const uint SMELT_CAT(SMELT_COOPERATIVE, _across) = SMELT_CO_ACROSS;
const uint SMELT_CAT(SMELT_COOPERATIVE, _parts_m) = SMELT_CO_PARTS_M;
const uint SMELT_CAT(SMELT_COOPERATIVE, _parts_n) = SMELT_CO_PARTS_N;
const int SMELT_CAT(SMELT_COOPERATIVE, _matrix_scope) = SMELT_CO_MATRIX_SCOPE;

// Which part of the tile, in (row, column) of parts.
uvec2 SMELT_CAT(SMELT_COOPERATIVE, _part)()
{
#if SMELT_CO_WIDE
    return uvec2(0);
#else
    return uvec2(SMELT_CO_SUBGROUP / SMELT_CO_PARTS_N, SMELT_CO_SUBGROUP % SMELT_CO_PARTS_N);
#endif
}

// Row and column of the subgroup's first element.
uvec2 SMELT_CAT(SMELT_COOPERATIVE, _first)()
{
    return SMELT_CAT(SMELT_COOPERATIVE, _part)() * uvec2(SMELT_CO_DOWN * SMELT_COOPERATIVE_FRAGMENT_M,
                                                         SMELT_CO_ACROSS * SMELT_COOPERATIVE_FRAGMENT_N);
}

void smelt_fill(out SMELT_COOPERATIVE t, SMELT_CO_T v)
{
    [[unroll]] for (int i = 0; i < SMELT_CO_DOWN; i++) [[unroll]] for (int j = 0; j < SMELT_CO_ACROSS; j++)
        t.e[i][j] = SMELT_CO_MATRIX(SMELT_CO_S(v));
}

int smelt_length(SMELT_COOPERATIVE t)
{
    return t.e[0][0].length();
}

SMELT_CO_T smelt_get(SMELT_COOPERATIVE t, int piece, int i)
{
    return SMELT_CO_T(t.e[piece / SMELT_CO_ACROSS][piece % SMELT_CO_ACROSS][i]);
}

void smelt_set(inout SMELT_COOPERATIVE t, int piece, int i, SMELT_CO_T v)
{
    t.e[piece / SMELT_CO_ACROSS][piece % SMELT_CO_ACROSS][i] = SMELT_CO_S(v);
}

// Values for rows and columns: matrices whose rows, or columns, are all the same.
#define SMELT_CO_VALUE SMELT_CO_MATRIX
#define SMELT_CO_VALUE_FILL(v) SMELT_CO_MATRIX(SMELT_CO_S(v))
#define SMELT_CO_VALUE_LENGTH(r) r.e[0].length()
#define SMELT_CO_VALUE_AT(r, piece, i) r.e[piece][i]
#define SMELT_CO_VALUE_OF_ROW(r, piece, i) r.e[(piece) / SMELT_CO_ACROSS][i]
#define SMELT_CO_VALUE_OF_COLUMN(r, piece, i) r.e[(piece) % SMELT_CO_ACROSS][i]
