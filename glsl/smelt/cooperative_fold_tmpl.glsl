// SPDX-License-Identifier: MIT
// cooperative_fold_tmpl.glsl: one reduction by an operation of two values; part of cooperative_reduce_tmpl.glsl.
//
// what    PORTABLE: blocks, then rows in the scratch. COOPMAT: fragments element by element, then each remaining fragment in the
//         scratch. COOPMAT2: the device's own reduction. Then what the subgroups along the axis have
// params  SMELT_CO_FOLD name of the function; SMELT_CO_KIND SMELT_REDUCE_SUM to _MIN; undefined afterwards. And those of
//         cooperative_reduce_tmpl.glsl
// makes   void FOLD(out NAME_per_row r, NAME t) (or NAME_per_column)
// errors  see cooperative_reduce_tmpl.glsl
// needs   cooperative_reduce_tmpl.glsl around it
// source  cooperative_reduce_tmpl.glsl

#if SMELT_CO_KIND == SMELT_REDUCE_SUM
#define SMELT_CO_BOTH(a, b) ((a) + (b))
#elif SMELT_CO_KIND == SMELT_REDUCE_PRODUCT
#define SMELT_CO_BOTH(a, b) ((a) * (b))
#elif defined SMELT_COOPERATIVE_NO_NAN && SMELT_CO_KIND == SMELT_REDUCE_MAX
#define SMELT_CO_BOTH(a, b) max(float(a), float(b))
#elif defined SMELT_COOPERATIVE_NO_NAN
#define SMELT_CO_BOTH(a, b) min(float(a), float(b))
#else // by keys: a NaN is kept
#define SMELT_CO_BOTH(a, b) smelt_reduce_combine(SMELT_CO_KIND, float(a), float(b))
#endif
#define SMELT_CO_GET SMELT_CAT(SMELT_COOPERATIVE, _scratch_get)
#define SMELT_CO_SET SMELT_CAT(SMELT_COOPERATIVE, _scratch_set)
#define SMELT_CO_BARRIER SMELT_CAT(SMELT_COOPERATIVE, _barrier)
#define SMELT_CO_THREADS SMELT_CAT(SMELT_COOPERATIVE, _threads)
// Lines are what is reduced to one value each; parts of a line are reduced apart.
#if SMELT_COOPERATIVE_AXIS
#define SMELT_CO_LINES SMELT_CAT(SMELT_COOPERATIVE, _rows)
#else
#define SMELT_CO_LINES SMELT_CAT(SMELT_COOPERATIVE, _columns)
#endif

#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_PORTABLE
#include "smelt/cooperative_fold_portable_tmpl.glsl"
#else
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_F16
#define SMELT_CO_S float16_t
#else
#define SMELT_CO_S float
#endif
#if SMELT_COOPERATIVE_AXIS
#define SMELT_CO_PARTS SMELT_CAT(SMELT_COOPERATIVE, _parts_n)
#define SMELT_CO_KEPT SMELT_CAT(SMELT_COOPERATIVE, _down)
#define SMELT_CO_FOLDED SMELT_CAT(SMELT_COOPERATIVE, _across)
#define SMELT_CO_AT(t, kept, folded) t.e[kept][folded]
#define SMELT_CO_LINE(place) (place).x
#define SMELT_CO_PART(place) (place).y
#define SMELT_CO_LENGTH SMELT_CAT(SMELT_COOPERATIVE, _fragment_m)
#else
#define SMELT_CO_PARTS SMELT_CAT(SMELT_COOPERATIVE, _parts_m)
#define SMELT_CO_KEPT SMELT_CAT(SMELT_COOPERATIVE, _across)
#define SMELT_CO_FOLDED SMELT_CAT(SMELT_COOPERATIVE, _down)
#define SMELT_CO_AT(t, kept, folded) t.e[folded][kept]
#define SMELT_CO_LINE(place) (place).y
#define SMELT_CO_PART(place) (place).x
#define SMELT_CO_LENGTH SMELT_CAT(SMELT_COOPERATIVE, _fragment_n)
#endif
#define SMELT_CO_MATRIX(type)                                                                                \
    coopmat<type, SMELT_CAT(SMELT_COOPERATIVE, _matrix_scope), SMELT_CAT(SMELT_COOPERATIVE, _fragment_m),    \
            SMELT_CAT(SMELT_COOPERATIVE, _fragment_n), gl_MatrixUseAccumulator>
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPMAT
#include "smelt/cooperative_fold_coopmat_tmpl.glsl"
#else
#include "smelt/cooperative_fold_coopmat2_tmpl.glsl"
#endif
#undef SMELT_CO_S
#undef SMELT_CO_PARTS
#undef SMELT_CO_KEPT
#undef SMELT_CO_FOLDED
#undef SMELT_CO_AT
#undef SMELT_CO_LINE
#undef SMELT_CO_PART
#undef SMELT_CO_LENGTH
#undef SMELT_CO_MATRIX
#endif

#undef SMELT_CO_FOLD
#undef SMELT_CO_KIND
#undef SMELT_CO_BOTH
#undef SMELT_CO_GET
#undef SMELT_CO_SET
#undef SMELT_CO_BARRIER
#undef SMELT_CO_THREADS
#undef SMELT_CO_LINES
