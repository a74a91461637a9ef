// SPDX-License-Identifier: MIT
// cooperative_coopmat2_tmpl.glsl: cooperative tensors as NV cooperative matrices 2; part of cooperative_tmpl.glsl.
//
// what    as cooperative_coopmat_tmpl.glsl with matrices of flexible size; one for the
//         whole workgroup when FRAGMENT_M x FRAGMENT_N is the tile of more than one subgroup. The device tells where an
//         element is
// params  those of cooperative_tmpl.glsl
// makes   see cooperative_tmpl.glsl. NAME_locate does not use the scratch
// errors  see cooperative_tmpl.glsl
// needs   cooperative_tmpl.glsl around it; VK_NV_cooperative_matrix2 with flexible dimensions, conversions, reductions and
//         per-element operations; a matrix of the workgroup: workgroup scope
// source  GLSL_NV_cooperative_matrix2 revision 1
#if SMELT_COOPERATIVE_FRAGMENT_M == SMELT_COOPERATIVE_ROWS &&                                                \
    SMELT_COOPERATIVE_FRAGMENT_N == SMELT_COOPERATIVE_COLUMNS &&                                             \
    SMELT_COOPERATIVE_SUBGROUPS_M * SMELT_COOPERATIVE_SUBGROUPS_N > 1
#define SMELT_CO_WIDE 1
#else
#define SMELT_CO_WIDE 0
#endif
#include "smelt/cooperative_fragments_tmpl.glsl"
#undef SMELT_CO_WIDE

// Row and column are apart: in f16 only integers up to 2048 are exact.
struct SMELT_CO_PLACES {
    SMELT_CO_MATRIX row, column; // in the fragment
    uvec2 first;                 // of the subgroup's elements
};

SMELT_CO_S SMELT_CAT(SMELT_COOPERATIVE, _element_row)(const in uint row, const in uint column,
                                                      const in SMELT_CO_S v)
{
    return SMELT_CO_S(row);
}

SMELT_CO_S SMELT_CAT(SMELT_COOPERATIVE, _element_column)(const in uint row, const in uint column,
                                                         const in SMELT_CO_S v)
{
    return SMELT_CO_S(column);
}

SMELT_CO_PLACES SMELT_CAT(SMELT_COOPERATIVE, _locate)()
{
    SMELT_CO_PLACES p;
    SMELT_CO_MATRIX any = SMELT_CO_MATRIX(SMELT_CO_S(0.0));
    coopMatPerElementNV(p.row, any, SMELT_CAT(SMELT_COOPERATIVE, _element_row));
    coopMatPerElementNV(p.column, any, SMELT_CAT(SMELT_COOPERATIVE, _element_column));
    p.first = SMELT_CAT(SMELT_COOPERATIVE, _first)();
    return p;
}

uvec2 smelt_place(SMELT_CO_PLACES p, int piece, int i)
{
    uvec2 fragment = uvec2(piece / SMELT_CO_ACROSS, piece % SMELT_CO_ACROSS);
    return p.first + fragment * uvec2(SMELT_COOPERATIVE_FRAGMENT_M, SMELT_COOPERATIVE_FRAGMENT_N) +
           uvec2(p.row[i], p.column[i]);
}

bool smelt_valid(SMELT_CO_PLACES p)
{
    return true;
}
