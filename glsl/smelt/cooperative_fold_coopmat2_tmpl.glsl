// SPDX-License-Identifier: MIT
// cooperative_fold_coopmat2_tmpl.glsl: a reduction of a COOPMAT2 cooperative tensor; part of cooperative_fold_tmpl.glsl.
//
// what    fragments are reduced to one element by element, that one by the device. Where several subgroups share a line, the
//         values of each pass the scratch
// params  those of cooperative_fold_tmpl.glsl
// makes   FOLD
// errors  see cooperative_reduce_tmpl.glsl
// needs   cooperative_fold_tmpl.glsl around it
// source  GLSL_NV_cooperative_matrix2, coopMatReduceNV

SMELT_CO_S SMELT_CAT(SMELT_CO_FOLD, _both)(const in SMELT_CO_S a, const in SMELT_CO_S b)
{
    return SMELT_CO_S(SMELT_CO_BOTH(a, b));
}

SMELT_CO_S SMELT_CAT(SMELT_CO_FOLD, _give)(const in uint row, const in uint column, const in SMELT_CO_S v,
                                           const in uint first)
{
    if (SMELT_CO_PART(uvec2(row, column)) == 0u)
        SMELT_CO_SET(first + SMELT_CO_LINE(uvec2(row, column)) * SMELT_CO_PARTS, float(v));
    return v;
}

SMELT_CO_S SMELT_CAT(SMELT_CO_FOLD, _take)(const in uint row, const in uint column, const in SMELT_CO_S v,
                                           const in uint first)
{
    uint at = first + SMELT_CO_LINE(uvec2(row, column)) * SMELT_CO_PARTS;
    float sum = SMELT_CO_GET(at);
    for (uint part = 1u; part < SMELT_CO_PARTS; part++)
        sum = SMELT_CO_BOTH(sum, SMELT_CO_GET(at + part));
    return SMELT_CO_S(sum);
}

SMELT_REQUIRE(SMELT_CAT(SMELT_CO_FOLD, _scratch_is_too_small),
              SMELT_CO_PARTS <= 1u ||
                  SMELT_CAT(SMELT_COOPERATIVE, _scratch_floats) >= SMELT_CO_LINES * SMELT_CO_PARTS)

void SMELT_CO_FOLD(out SMELT_CO_VALUES r, SMELT_COOPERATIVE t)
{
    [[unroll]] for (uint i = 0u; i < SMELT_CO_KEPT; i++)
    {
        SMELT_CO_MATRIX(SMELT_CO_S) v = SMELT_CO_AT(t, i, 0), sum;
        [[unroll]] for (uint j = 1u; j < SMELT_CO_FOLDED; j++) [[unroll]] for (int k = 0; k < v.length(); k++)
            v[k] = SMELT_CO_S(SMELT_CO_BOTH(v[k], SMELT_CO_AT(t, i, j)[k]));
#if SMELT_COOPERATIVE_AXIS
        coopMatReduceNV(sum, v, gl_CooperativeMatrixReduceRowNV, SMELT_CAT(SMELT_CO_FOLD, _both));
#else
        coopMatReduceNV(sum, v, gl_CooperativeMatrixReduceColumnNV, SMELT_CAT(SMELT_CO_FOLD, _both));
#endif
        r.e[i] = sum;
    }
    if (SMELT_CO_PARTS == 1u)
        return;
    uvec2 part = SMELT_CAT(SMELT_COOPERATIVE, _part)();
    uint first = SMELT_CO_LINE(SMELT_CAT(SMELT_COOPERATIVE, _first)()) * SMELT_CO_PARTS;
    SMELT_CO_BARRIER();
    [[unroll]] for (uint i = 0u; i < SMELT_CO_KEPT; i++)
    {
        uint at = first + i * SMELT_CO_LENGTH * SMELT_CO_PARTS + SMELT_CO_PART(part);
        coopMatPerElementNV(r.e[i], r.e[i], SMELT_CAT(SMELT_CO_FOLD, _give), at);
    }
    SMELT_CO_BARRIER();
    [[unroll]] for (uint i = 0u; i < SMELT_CO_KEPT; i++)
    {
        uint at = first + i * SMELT_CO_LENGTH * SMELT_CO_PARTS;
        coopMatPerElementNV(r.e[i], r.e[i], SMELT_CAT(SMELT_CO_FOLD, _take), at);
    }
    SMELT_CO_BARRIER();
}
