// SPDX-License-Identifier: MIT
// cooperative_reduce_tmpl.glsl: reductions of a cooperative tensor along its rows or columns.
//
// what    one value for each row, of all its elements (AXIS 1), or for each column (AXIS 0). Values lie where the elements do:
//         smelt_reduced and cooperative_zip_tmpl.glsl take them back. Elements of the tile that lie outside of a tensor
//         count: give them the identity first (cooperative_map_tmpl.glsl)
// params  all required, all undefined afterwards:
//         SMELT_COOPERATIVE            the cooperative type
//         SMELT_COOPERATIVE_DTYPE      its SMELT_DTYPE_x, _F32 or _F16; I32 is converted first (cooperative_convert_tmpl.glsl)
//         SMELT_COOPERATIVE_BACKEND    its SMELT_BACKEND_x
//         SMELT_COOPERATIVE_AXIS       1: the sum runs along a row, the result is NAME_per_row; 0: NAME_per_column
//         SMELT_COOPERATIVE_REDUCTION  SMELT_REDUCE_SUM, _PRODUCT, _MAX, _MIN, _MEAN, _ARG_MAX, _ARG_MIN, _SUM_SQUARES or
//                                      _LOG_SUM_EXP (reduce.glsl)
//         SMELT_COOPERATIVE_REDUCE     name of the function that is made
//         SMELT_COOPERATIVE_NO_NAN     may be left out. Defined: MAX and MIN may drop a NaN, which takes a fifth of the
//                                      operations of finding each. Nothing to LOG_SUM_EXP, whose exponentials keep a NaN
// makes   void REDUCE(out NAME_per_row r, NAME t)    by the whole group; uses the scratch (COOPMAT2: with more than one subgroup
//         along the axis). MEAN: void REDUCE(out NAME_per_row r, NAME t, uint count), the sum divided by `count`: the elements of
//         a line that are inside, the others being 0; NaN for 0
// errors  MAX, MIN: exact; ARG_x: the first one's column (row) in the tile, exactly. For n elements of a line of the tile, y
//         being exact, u = 2^-23 for F32, 2^-10 for F16: SUM n u sum |t|, SUM_SQUARES (n + 1) u y + n tiny, MEAN (n + 4) u sum
//         |t| / count + tiny, PRODUCT n u |y|, LOG_SUM_EXP (3 n + 8 + 2 |y| + 3 sum p |t - max|) u, p = exp(t - y); tiny is the
//         smallest normal number of DTYPE. Sums, squares and products must stay in the range of DTYPE. As reduce_tmpl.glsl: a NaN
//         gives NaN, and is what ARG_x finds first; LOG_SUM_EXP of infinities is one, of -infinity alone -infinity
// needs   cooperative_tmpl.glsl before for this type; scratch, where it is too small it does not compile: PORTABLE a float for
//         each row of each block; COOPMAT FRAGMENT_M (FRAGMENT_N + 4) floats for each subgroup and 2 for each row;
//         COOPMAT2 one for each row and each subgroup along the axis
// source  Metal Performance Primitives, reduce_rows, reduce_columns; GLSL_NV_cooperative_matrix2, coopMatReduceNV
#ifndef SMELT_BASE_GLSL
#error "cooperative_reduce_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_COOPERATIVE
#error "cooperative_reduce_tmpl.glsl: SMELT_COOPERATIVE (the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_DTYPE
#error                                                                                                       \
    "cooperative_reduce_tmpl.glsl: SMELT_COOPERATIVE_DTYPE (SMELT_DTYPE_x of the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_BACKEND
#error "cooperative_reduce_tmpl.glsl: SMELT_COOPERATIVE_BACKEND (of the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_AXIS
#error "cooperative_reduce_tmpl.glsl: SMELT_COOPERATIVE_AXIS (1: along rows, 0: along columns) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_REDUCTION
#error "cooperative_reduce_tmpl.glsl: SMELT_COOPERATIVE_REDUCTION (SMELT_REDUCE_x) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_REDUCE
#error                                                                                                       \
    "cooperative_reduce_tmpl.glsl: SMELT_COOPERATIVE_REDUCE (name of the function that is made) is not defined"
#endif
#if SMELT_COOPERATIVE_DTYPE != SMELT_DTYPE_F32 && SMELT_COOPERATIVE_DTYPE != SMELT_DTYPE_F16
#error                                                                                                       \
    "cooperative_reduce_tmpl.glsl: SMELT_COOPERATIVE_DTYPE must be SMELT_DTYPE_F32 or _F16, that of the type"
#endif
#if SMELT_COOPERATIVE_BACKEND < SMELT_BACKEND_PORTABLE || SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPVEC
#error "cooperative_reduce_tmpl.glsl: SMELT_COOPERATIVE_BACKEND must be that of the cooperative type"
#endif

#include "smelt/reduce.glsl"
#if SMELT_COOPERATIVE_REDUCTION < SMELT_REDUCE_SUM || SMELT_COOPERATIVE_REDUCTION > SMELT_REDUCE_LOG_SUM_EXP
#error "cooperative_reduce_tmpl.glsl: SMELT_COOPERATIVE_REDUCTION must be SMELT_REDUCE_SUM to _LOG_SUM_EXP"
#endif
#if SMELT_COOPERATIVE_AXIS
#define SMELT_CO_VALUES SMELT_CAT(SMELT_COOPERATIVE, _per_row)
#else
#define SMELT_CO_VALUES SMELT_CAT(SMELT_COOPERATIVE, _per_column)
#endif
void SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _check)()
{
    const int axis = SMELT_CAT(smelt_flag_is_, SMELT_COOPERATIVE_AXIS);
}

#if SMELT_COOPERATIVE_REDUCTION < SMELT_REDUCE_MEAN
#define SMELT_CO_FOLD SMELT_COOPERATIVE_REDUCE
#define SMELT_CO_KIND SMELT_COOPERATIVE_REDUCTION
#include "smelt/cooperative_fold_tmpl.glsl"
#elif SMELT_COOPERATIVE_REDUCTION == SMELT_REDUCE_ARG_MAX ||                                                 \
    SMELT_COOPERATIVE_REDUCTION == SMELT_REDUCE_ARG_MIN
#define SMELT_CO_FOLD SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _extreme)
#if SMELT_COOPERATIVE_REDUCTION == SMELT_REDUCE_ARG_MAX
#define SMELT_CO_KIND SMELT_REDUCE_MAX
#else
#define SMELT_CO_KIND SMELT_REDUCE_MIN
#endif
#include "smelt/cooperative_fold_tmpl.glsl"
#define SMELT_CO_FOLD SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _first)
#define SMELT_CO_KIND SMELT_REDUCE_MIN
#include "smelt/cooperative_fold_tmpl.glsl"

// The least place among those that hold the extreme.
void SMELT_COOPERATIVE_REDUCE(out SMELT_CO_VALUES r, SMELT_COOPERATIVE t)
{
    SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _extreme)(r, t);
    SMELT_CAT(SMELT_COOPERATIVE, _places) p = SMELT_CAT(SMELT_COOPERATIVE, _locate)();
    [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_COOPERATIVE, _pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(t); i++)
    {
        bool found = smelt_reduce_key(SMELT_COOPERATIVE_REDUCTION, smelt_get(t, piece, i)) ==
                     smelt_reduce_key(SMELT_COOPERATIVE_REDUCTION, smelt_reduced(r, piece, i));
        smelt_set(t, piece, i, found ? float(smelt_place(p, piece, i)[SMELT_COOPERATIVE_AXIS]) : 1024.0);
    }
    SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _first)(r, t);
}
#else // made of a sum
#define SMELT_CO_FOLD SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _sum)
#define SMELT_CO_KIND SMELT_REDUCE_SUM
#include "smelt/cooperative_fold_tmpl.glsl"
#if SMELT_COOPERATIVE_REDUCTION == SMELT_REDUCE_MEAN
void SMELT_COOPERATIVE_REDUCE(out SMELT_CO_VALUES r, SMELT_COOPERATIVE t, uint count)
{
    SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _sum)(r, t);
    [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_CO_VALUES, _pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(r); i++) smelt_set(
            r, piece, i, count == 0u ? uintBitsToFloat(0x7fc00000u) : smelt_get(r, piece, i) / float(count));
}
#elif SMELT_COOPERATIVE_REDUCTION == SMELT_REDUCE_SUM_SQUARES
void SMELT_COOPERATIVE_REDUCE(out SMELT_CO_VALUES r, SMELT_COOPERATIVE t)
{
    [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_COOPERATIVE, _pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(t); i++)
            smelt_set(t, piece, i, smelt_get(t, piece, i) * smelt_get(t, piece, i));
    SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _sum)(r, t);
}
#else
#ifndef SMELT_COOPERATIVE_NO_NAN
#define SMELT_COOPERATIVE_NO_NAN
#endif
#define SMELT_CO_FOLD SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _greatest)
#define SMELT_CO_KIND SMELT_REDUCE_MAX
#include "smelt/cooperative_fold_tmpl.glsl"

// Exponents are of differences to a finite maximum: see smelt_reduce_lse_of.
void SMELT_COOPERATIVE_REDUCE(out SMELT_CO_VALUES r, SMELT_COOPERATIVE t)
{
    const float largest = smelt_reduce_largest;
    SMELT_CO_VALUES sum;
    SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _greatest)(r, t);
    [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_COOPERATIVE, _pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(t); i++) smelt_set(
            t, piece, i, exp(smelt_get(t, piece, i) - clamp(smelt_reduced(r, piece, i), -largest, largest)));
    SMELT_CAT(SMELT_COOPERATIVE_REDUCE, _sum)(sum, t);
    [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_CO_VALUES, _pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(r); i++) smelt_set(
            r, piece, i, clamp(smelt_get(r, piece, i), -largest, largest) + log(smelt_get(sum, piece, i)));
}
#endif
#endif

#undef SMELT_COOPERATIVE
#undef SMELT_COOPERATIVE_DTYPE
#undef SMELT_COOPERATIVE_BACKEND
#undef SMELT_COOPERATIVE_AXIS
#undef SMELT_COOPERATIVE_REDUCTION
#undef SMELT_COOPERATIVE_REDUCE
#undef SMELT_COOPERATIVE_NO_NAN
#undef SMELT_CO_VALUES
