// SPDX-License-Identifier: MIT
// cooperative_fold_coopmat_tmpl.glsl: a reduction of a COOPMAT cooperative tensor; part of cooperative_fold_tmpl.glsl.
//
// what    where a matrix keeps an element is not known, but matrices of one shape keep it alike: fragments are reduced to one
//         element by element, which each subgroup then reduces in its own piece of the scratch; a load with stride 0 makes values
//         of a line into a matrix again
// params  those of cooperative_fold_tmpl.glsl
// makes   FOLD
// errors  see cooperative_reduce_tmpl.glsl
// needs   cooperative_fold_tmpl.glsl around it
// source  GLSL_KHR_cooperative_matrix

// In floats of the scratch: the subgroups' fragments, rows of which lie in different banks, and what they made of them.
#define SMELT_CO_PITCH (SMELT_CAT(SMELT_COOPERATIVE, _fragment_n) + 4u)
#define SMELT_CO_FRAGMENT (SMELT_CAT(SMELT_COOPERATIVE, _fragment_m) * SMELT_CO_PITCH)
#define SMELT_CO_SUBGROUPS (SMELT_CAT(SMELT_COOPERATIVE, _parts_m) * SMELT_CAT(SMELT_COOPERATIVE, _parts_n))
#define SMELT_CO_MADE (max(SMELT_CO_SUBGROUPS * SMELT_CO_FRAGMENT, SMELT_CO_LINES))
#if SMELT_COOPERATIVE_AXIS
#define SMELT_CO_STEPS SMELT_CAT(SMELT_COOPERATIVE, _fragment_n)
#define SMELT_CO_STORED(line, step) ((line)*SMELT_CO_PITCH + (step))
#define SMELT_CO_LAYOUT gl_CooperativeMatrixLayoutColumnMajor
#else
#define SMELT_CO_STEPS SMELT_CAT(SMELT_COOPERATIVE, _fragment_m)
#define SMELT_CO_STORED(line, step) ((step)*SMELT_CO_PITCH + (line))
#define SMELT_CO_LAYOUT gl_CooperativeMatrixLayoutRowMajor
#endif

SMELT_REQUIRE(SMELT_CAT(SMELT_CO_FOLD, _scratch_is_too_small),
              SMELT_CAT(SMELT_COOPERATIVE, _scratch_floats) >=
                  SMELT_CO_MADE + SMELT_CO_LINES * SMELT_CO_PARTS)

void SMELT_CO_FOLD(out SMELT_CO_VALUES r, SMELT_COOPERATIVE t)
{
    uvec2 part = SMELT_CAT(SMELT_COOPERATIVE, _part)(), first = SMELT_CAT(SMELT_COOPERATIVE, _first)();
    uint own = (part.x * SMELT_CAT(SMELT_COOPERATIVE, _parts_n) + part.y) * SMELT_CO_FRAGMENT;
    [[unroll]] for (uint i = 0u; i < SMELT_CO_KEPT; i++)
    {
        SMELT_CO_MATRIX(float) v = SMELT_CO_MATRIX(float)(SMELT_CO_AT(t, i, 0));
        [[unroll]] for (uint j = 1u; j < SMELT_CO_FOLDED; j++) [[unroll]] for (int k = 0; k < v.length(); k++)
            v[k] = SMELT_CO_BOTH(v[k], float(SMELT_CO_AT(t, i, j)[k]));
        SMELT_CO_BARRIER();
        SMELT_CAT(SMELT_COOPERATIVE, _scratch_store)(v, own, SMELT_CO_PITCH);
        SMELT_CO_BARRIER();
        for (uint line = gl_SubgroupInvocationID; line < SMELT_CO_LENGTH; line += gl_SubgroupSize) {
            float sum = SMELT_CO_GET(own + SMELT_CO_STORED(line, 0u));
            for (uint step = 1u; step < SMELT_CO_STEPS; step++)
                sum = SMELT_CO_BOTH(sum, SMELT_CO_GET(own + SMELT_CO_STORED(line, step)));
            SMELT_CO_SET(SMELT_CO_MADE +
                             (SMELT_CO_LINE(first) + i * SMELT_CO_LENGTH + line) * SMELT_CO_PARTS +
                             SMELT_CO_PART(part),
                         sum);
        }
    }
    SMELT_CO_BARRIER();
    for (uint line = SMELT_CAT(SMELT_COOPERATIVE, _thread)(); line < SMELT_CO_LINES;
         line += SMELT_CO_THREADS) {
        float sum = SMELT_CO_GET(SMELT_CO_MADE + line * SMELT_CO_PARTS);
        for (uint j = 1u; j < SMELT_CO_PARTS; j++)
            sum = SMELT_CO_BOTH(sum, SMELT_CO_GET(SMELT_CO_MADE + line * SMELT_CO_PARTS + j));
        SMELT_CO_SET(line, sum);
    }
    SMELT_CO_BARRIER();
    [[unroll]] for (uint i = 0u; i < SMELT_CO_KEPT; i++)
    {
        SMELT_CO_MATRIX(float) v;
        SMELT_CAT(SMELT_COOPERATIVE, _scratch_spread)
        (v, SMELT_CO_LINE(first) + i * SMELT_CO_LENGTH, SMELT_CO_LAYOUT);
        r.e[i] = SMELT_CO_MATRIX(SMELT_CO_S)(v);
    }
    SMELT_CO_BARRIER();
}

#undef SMELT_CO_PITCH
#undef SMELT_CO_FRAGMENT
#undef SMELT_CO_SUBGROUPS
#undef SMELT_CO_MADE
#undef SMELT_CO_STEPS
#undef SMELT_CO_STORED
#undef SMELT_CO_LAYOUT
