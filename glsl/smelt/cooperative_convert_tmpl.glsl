// SPDX-License-Identifier: MIT
// cooperative_convert_tmpl.glsl: a cooperative tensor in another type.
//
// what    two cooperative types that differ in DTYPE alone; elements keep their places
// params  all required, all undefined afterwards:
//         SMELT_COOPERATIVE           the cooperative type
//         SMELT_COOPERATIVE_TO        the other one: same extents, subgroups, fragments and backend
//         SMELT_COOPERATIVE_TO_DTYPE  its SMELT_DTYPE_x
//         SMELT_COOPERATIVE_BACKEND   their SMELT_BACKEND_x
// makes   void smelt_convert(out TO d, NAME t)    by the whole group; PORTABLE may use the scratch; types that do not fit do not
//         compile
// errors  one rounding, by at most 2^-10 of the value to F16; exact to F32
// needs   cooperative_tmpl.glsl before for both types; PORTABLE: a row of floats in the scratch
// source  GLSL_KHR_cooperative_matrix, conversion of component types
#ifndef SMELT_BASE_GLSL
#error "cooperative_convert_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_COOPERATIVE
#error "cooperative_convert_tmpl.glsl: SMELT_COOPERATIVE (the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_TO
#error                                                                                                       \
    "cooperative_convert_tmpl.glsl: SMELT_COOPERATIVE_TO (the cooperative type that is made) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_TO_DTYPE
#error                                                                                                       \
    "cooperative_convert_tmpl.glsl: SMELT_COOPERATIVE_TO_DTYPE (SMELT_DTYPE_x of the type that is made) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_BACKEND
#error "cooperative_convert_tmpl.glsl: SMELT_COOPERATIVE_BACKEND (of the cooperative type) is not defined"
#endif
#if SMELT_COOPERATIVE_TO_DTYPE < SMELT_DTYPE_F32
#error                                                                                                       \
    "cooperative_convert_tmpl.glsl: SMELT_COOPERATIVE_TO_DTYPE must be that of the cooperative type, a SMELT_DTYPE_x"
#endif
#if SMELT_COOPERATIVE_BACKEND < SMELT_BACKEND_PORTABLE || SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPVEC
#error "cooperative_convert_tmpl.glsl: SMELT_COOPERATIVE_BACKEND must be that of the cooperative type"
#endif

void SMELT_CAT(SMELT_COOPERATIVE, SMELT_CAT(_must_fit_, SMELT_COOPERATIVE_TO))()
{
    int layouts_differ
        [SMELT_CAT(SMELT_COOPERATIVE, _rows) == SMELT_CAT(SMELT_COOPERATIVE_TO, _rows) &&
                 SMELT_CAT(SMELT_COOPERATIVE, _columns) == SMELT_CAT(SMELT_COOPERATIVE_TO, _columns) &&
                 SMELT_CAT(SMELT_COOPERATIVE, _down) == SMELT_CAT(SMELT_COOPERATIVE_TO, _down) &&
                 SMELT_CAT(SMELT_COOPERATIVE, _across) == SMELT_CAT(SMELT_COOPERATIVE_TO, _across)
             ? 1
             : 0];
}

void smelt_convert(out SMELT_COOPERATIVE_TO d, SMELT_COOPERATIVE t)
{
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_PORTABLE
    const bool alike = SMELT_CAT(SMELT_COOPERATIVE, _run_m) == SMELT_CAT(SMELT_COOPERATIVE_TO, _run_m) &&
                       SMELT_CAT(SMELT_COOPERATIVE, _run_n) == SMELT_CAT(SMELT_COOPERATIVE_TO, _run_n);
    if (alike) {
        [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_COOPERATIVE, _pieces); piece++)
            [[unroll]] for (int i = 0; i < smelt_length(t); i++)
                smelt_set(d, piece, i, smelt_get(t, piece, i));
        return;
    }
    // Runs of f16 are longer (cooperative_portable_tmpl.glsl): by way of as many rows as the scratch holds.
    const uint columns = SMELT_CAT(SMELT_COOPERATIVE, _columns);
    const uint height = SMELT_CAT(SMELT_COOPERATIVE, _scratch_floats) / columns;
    int scratch_is_too_small[height < 1u ? 0 : 1];
    SMELT_CAT(SMELT_COOPERATIVE, _places) from = SMELT_CAT(SMELT_COOPERATIVE, _locate)();
    SMELT_CAT(SMELT_COOPERATIVE_TO, _places) to = SMELT_CAT(SMELT_COOPERATIVE_TO, _locate)();
    for (uint first = 0u; first < SMELT_CAT(SMELT_COOPERATIVE, _rows); first += height) {
        SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
        [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_COOPERATIVE, _pieces); piece++)
            [[unroll]] for (int i = 0; i < smelt_length(t); i++)
        {
            uvec2 place = smelt_place(from, piece, i);
            if (smelt_valid(from) && place.x - first < height) // below `first` it wraps around
                SMELT_CAT(SMELT_COOPERATIVE, _scratch_set)
            ((place.x - first) * columns + place.y, smelt_get(t, piece, i));
        }
        SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
        [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_COOPERATIVE_TO, _pieces); piece++)
            [[unroll]] for (int i = 0; i < smelt_length(d); i++)
        {
            uvec2 place = smelt_place(to, piece, i);
            if (smelt_valid(to) && place.x - first < height)
                smelt_set(d, piece, i,
                          SMELT_CAT(SMELT_COOPERATIVE, _scratch_get)((place.x - first) * columns + place.y));
        }
    }
    SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
#else
#if SMELT_COOPERATIVE_TO_DTYPE == SMELT_DTYPE_F16
#define SMELT_CO_S float16_t
#else
#define SMELT_CO_S float
#endif
    [[unroll]] for (uint i = 0u; i < SMELT_CAT(SMELT_COOPERATIVE, _down); i++)
        [[unroll]] for (uint j = 0u; j < SMELT_CAT(SMELT_COOPERATIVE, _across); j++) d.e[i][j] =
        coopmat<SMELT_CO_S, SMELT_CAT(SMELT_COOPERATIVE, _matrix_scope),
                SMELT_CAT(SMELT_COOPERATIVE, _fragment_m), SMELT_CAT(SMELT_COOPERATIVE, _fragment_n),
                gl_MatrixUseAccumulator>(t.e[i][j]);
#undef SMELT_CO_S
#endif
}

#undef SMELT_COOPERATIVE
#undef SMELT_COOPERATIVE_TO
#undef SMELT_COOPERATIVE_TO_DTYPE
#undef SMELT_COOPERATIVE_BACKEND
