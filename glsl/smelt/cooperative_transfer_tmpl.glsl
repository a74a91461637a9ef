// SPDX-License-Identifier: MIT
// cooperative_transfer_tmpl.glsl: values of the rows of one cooperative tensor as values of the rows of another.
//
// what    a result of a reduction of one tile scales the rows of a tile with other columns, as an online softmax wants. In
//         registers where the rows lie alike in both, else through the scratch
// params  all required, all undefined afterwards:
//         SMELT_COOPERATIVE           the cooperative type
//         SMELT_COOPERATIVE_TO        another one of the same DTYPE, group and backend, with as many rows and, but for
//                                     PORTABLE, the same FRAGMENT_M; COOPMAT: the same FRAGMENT_N
//         SMELT_COOPERATIVE_DTYPE     their SMELT_DTYPE_x
//         SMELT_COOPERATIVE_BACKEND   their SMELT_BACKEND_x
// makes   void smelt_transfer(out TO_per_row d, NAME_per_row r)    by the whole group; PORTABLE uses the scratch
// errors  exact
// needs   cooperative_tmpl.glsl before for both types; PORTABLE: scratch of ROWS / 4 elements; COOPMAT2: reductions
// source  GLSL_NV_cooperative_matrix2, coopMatReduceNV
#ifndef SMELT_BASE_GLSL
#error "cooperative_transfer_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_COOPERATIVE
#error "cooperative_transfer_tmpl.glsl: SMELT_COOPERATIVE (the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_TO
#error "cooperative_transfer_tmpl.glsl: SMELT_COOPERATIVE_TO (the other cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_DTYPE
#error                                                                                                       \
    "cooperative_transfer_tmpl.glsl: SMELT_COOPERATIVE_DTYPE (SMELT_DTYPE_x of the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_BACKEND
#error "cooperative_transfer_tmpl.glsl: SMELT_COOPERATIVE_BACKEND (of the cooperative type) is not defined"
#endif
#if SMELT_COOPERATIVE_DTYPE < SMELT_DTYPE_F32
#error                                                                                                       \
    "cooperative_transfer_tmpl.glsl: SMELT_COOPERATIVE_DTYPE must be that of the cooperative type, a SMELT_DTYPE_x"
#endif
#if SMELT_COOPERATIVE_BACKEND < SMELT_BACKEND_PORTABLE || SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPVEC
#error "cooperative_transfer_tmpl.glsl: SMELT_COOPERATIVE_BACKEND must be that of the cooperative type"
#endif

void SMELT_CAT(SMELT_COOPERATIVE, SMELT_CAT(_rows_must_be_those_of_, SMELT_COOPERATIVE_TO))()
{
    int rows_differ[SMELT_CAT(SMELT_COOPERATIVE, _rows) == SMELT_CAT(SMELT_COOPERATIVE_TO, _rows) ? 1 : 0];
#if SMELT_COOPERATIVE_BACKEND != SMELT_BACKEND_PORTABLE
    int parts_differ[SMELT_CAT(SMELT_COOPERATIVE, _down) == SMELT_CAT(SMELT_COOPERATIVE_TO, _down) &&
                             SMELT_CAT(SMELT_COOPERATIVE, _parts_n) ==
                                 SMELT_CAT(SMELT_COOPERATIVE_TO, _parts_n)
                         ? 1
                         : 0];
#endif
}
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_PORTABLE
SMELT_REQUIRE(SMELT_CAT(SMELT_COOPERATIVE, SMELT_CAT(_scratch_is_too_small_for_, SMELT_COOPERATIVE_TO)),
              SMELT_CAT(SMELT_COOPERATIVE, _scratch_floats) >= SMELT_CAT(SMELT_COOPERATIVE, _rows))
#endif

#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPMAT2
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_F16
#define SMELT_CO_S float16_t
#else
#define SMELT_CO_S float
#endif

SMELT_CO_S SMELT_CAT(SMELT_COOPERATIVE, SMELT_CAT(_same_, SMELT_COOPERATIVE_TO))(const in SMELT_CO_S a,
                                                                                 const in SMELT_CO_S b)
{
    return a;
}
#undef SMELT_CO_S
#endif

void smelt_transfer(out SMELT_CAT(SMELT_COOPERATIVE_TO, _per_row) d, SMELT_CAT(SMELT_COOPERATIVE, _per_row) r)
{
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_PORTABLE
    SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
    uint thread = SMELT_CAT(SMELT_COOPERATIVE, _thread)();
    uint blocks = SMELT_CAT(SMELT_COOPERATIVE, _down) * SMELT_CAT(SMELT_COOPERATIVE, _across);
    if (thread < blocks && thread % SMELT_CAT(SMELT_COOPERATIVE, _across) == 0u) [[unroll]]
        for (int i = 0; i < SMELT_CAT(SMELT_COOPERATIVE, _pieces); i++)
            SMELT_CAT(SMELT_COOPERATIVE, _scratch_set)
    (SMELT_CAT(SMELT_COOPERATIVE, _row)(uint(i)), r.e[i]);
    SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
    [[unroll]] for (int i = 0; i < SMELT_CAT(SMELT_COOPERATIVE_TO, _pieces); i++) d.e[i] =
        SMELT_CAT(SMELT_COOPERATIVE, _scratch_get)(
            min(SMELT_CAT(SMELT_COOPERATIVE_TO, _row)(uint(i)), SMELT_CAT(SMELT_COOPERATIVE, _rows) - 1u));
    SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
#else
    [[unroll]] for (uint i = 0u; i < SMELT_CAT(SMELT_COOPERATIVE, _down); i++)
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPMAT2
    {
        if (SMELT_CAT(SMELT_COOPERATIVE, _fragment_n) == SMELT_CAT(SMELT_COOPERATIVE_TO, _fragment_n) &&
            SMELT_CAT(SMELT_COOPERATIVE, _fragment_m) == SMELT_CAT(SMELT_COOPERATIVE_TO, _fragment_m)) {
            [[unroll]] for (int j = 0; j < d.e[i].length(); j++) d.e[i][j] = r.e[i][j];
        } else {
            coopMatReduceNV(d.e[i], r.e[i], gl_CooperativeMatrixReduceRowNV,
                            SMELT_CAT(SMELT_COOPERATIVE, SMELT_CAT(_same_, SMELT_COOPERATIVE_TO)));
        }
    }
#else
        d.e[i] = r.e[i];
#endif
#endif
}

#undef SMELT_COOPERATIVE
#undef SMELT_COOPERATIVE_TO
#undef SMELT_COOPERATIVE_DTYPE
#undef SMELT_COOPERATIVE_BACKEND
