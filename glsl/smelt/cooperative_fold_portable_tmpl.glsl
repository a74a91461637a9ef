// SPDX-License-Identifier: MIT
// cooperative_fold_portable_tmpl.glsl: a reduction of a PORTABLE cooperative tensor; part of cooperative_fold_tmpl.glsl.
//
// what    each invocation reduces its block; the values of a line, one of each block in it, are reduced in the scratch by one
//         invocation
// params  those of cooperative_fold_tmpl.glsl
// makes   FOLD
// errors  see cooperative_reduce_tmpl.glsl
// needs   cooperative_fold_tmpl.glsl around it
// source  cooperative_reduce_tmpl.glsl

#if SMELT_COOPERATIVE_AXIS
#define SMELT_CO_PARTS SMELT_CAT(SMELT_COOPERATIVE, _across)
#define SMELT_CO_PART (thread % SMELT_CAT(SMELT_COOPERATIVE, _across))
#define SMELT_CO_LINE SMELT_CAT(SMELT_COOPERATIVE, _row)
#define SMELT_CO_KEPT int(SMELT_CAT(SMELT_COOPERATIVE, _fragment_m))
#define SMELT_CO_FOLDED int(SMELT_CAT(SMELT_COOPERATIVE, _fragment_n))
#define SMELT_CO_AT(t, kept, folded) smelt_get(t, kept, folded)
#else
#define SMELT_CO_PARTS SMELT_CAT(SMELT_COOPERATIVE, _down)
#define SMELT_CO_PART (thread / SMELT_CAT(SMELT_COOPERATIVE, _across))
#define SMELT_CO_LINE SMELT_CAT(SMELT_COOPERATIVE, _column)
#define SMELT_CO_KEPT int(SMELT_CAT(SMELT_COOPERATIVE, _fragment_n))
#define SMELT_CO_FOLDED int(SMELT_CAT(SMELT_COOPERATIVE, _fragment_m))
#define SMELT_CO_AT(t, kept, folded) smelt_get(t, folded, kept)
#endif

SMELT_REQUIRE(SMELT_CAT(SMELT_CO_FOLD, _scratch_is_too_small),
              SMELT_CAT(SMELT_COOPERATIVE, _scratch_floats) >= SMELT_CO_LINES * SMELT_CO_PARTS)

void SMELT_CO_FOLD(out SMELT_CO_VALUES r, SMELT_COOPERATIVE t)
{
    uint thread = SMELT_CAT(SMELT_COOPERATIVE, _thread)();
    bool holds = thread < SMELT_CAT(SMELT_COOPERATIVE, _down) * SMELT_CAT(SMELT_COOPERATIVE, _across);
    SMELT_CO_BARRIER();
    [[unroll]] for (int i = 0; i < SMELT_CO_KEPT; i++)
    {
        float v = SMELT_CO_AT(t, i, 0);
        [[unroll]] for (int j = 1; j < SMELT_CO_FOLDED; j++) v = SMELT_CO_BOTH(v, SMELT_CO_AT(t, i, j));
        if (holds)
            SMELT_CO_SET(SMELT_CO_LINE(uint(i)) * SMELT_CO_PARTS + SMELT_CO_PART, v);
    }
    SMELT_CO_BARRIER();
    for (uint line = thread; line < SMELT_CO_LINES; line += SMELT_CO_THREADS) {
        float v = SMELT_CO_GET(line * SMELT_CO_PARTS);
        for (uint part = 1u; part < SMELT_CO_PARTS; part++)
            v = SMELT_CO_BOTH(v, SMELT_CO_GET(line * SMELT_CO_PARTS + part));
        SMELT_CO_SET(line * SMELT_CO_PARTS, v);
    }
    SMELT_CO_BARRIER();
    [[unroll]] for (int i = 0; i < SMELT_CO_KEPT; i++) r.e[i] =
        SMELT_CO_GET(min(SMELT_CO_LINE(uint(i)), SMELT_CO_LINES - 1u) * SMELT_CO_PARTS);
    SMELT_CO_BARRIER();
}

#undef SMELT_CO_PARTS
#undef SMELT_CO_PART
#undef SMELT_CO_LINE
#undef SMELT_CO_KEPT
#undef SMELT_CO_FOLDED
#undef SMELT_CO_AT
