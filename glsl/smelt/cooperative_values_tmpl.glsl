// SPDX-License-Identifier: MIT
// cooperative_values_tmpl.glsl: one value for each row, or each column, of a cooperative tensor; part of
// cooperative_tmpl.glsl.
//
// what    an invocation has the values of the rows (columns) that its elements lie in, so that a value finds its way back
//         to the elements without any exchange
// params  SMELT_VALUES name; SMELT_VALUES_COUNT how many pieces; SMELT_VALUES_OF(r, piece, i) the value for element
//         (piece, i) of the tile. The first two are undefined afterwards. And SMELT_CO_VALUE_x of the backend
// makes   struct NAME_per_row (or NAME_per_column); see cooperative_tmpl.glsl
// errors  see cooperative_tmpl.glsl
// needs   cooperative_tmpl.glsl around it
// source  cooperative_tmpl.glsl
struct SMELT_VALUES {
    SMELT_CO_VALUE e[SMELT_VALUES_COUNT];
};

const int SMELT_CAT(SMELT_VALUES, _pieces) = SMELT_VALUES_COUNT;

void smelt_fill(out SMELT_VALUES r, float v)
{
    [[unroll]] for (int i = 0; i < SMELT_VALUES_COUNT; i++) r.e[i] = SMELT_CO_VALUE_FILL(v);
}

int smelt_length(SMELT_VALUES r)
{
    return SMELT_CO_VALUE_LENGTH(r);
}

float smelt_get(SMELT_VALUES r, int piece, int i)
{
    return float(SMELT_CO_VALUE_AT(r, piece, i));
}

void smelt_set(inout SMELT_VALUES r, int piece, int i, float v)
{
    SMELT_CO_VALUE_AT(r, piece, i) = SMELT_CO_S(v);
}

float smelt_reduced(SMELT_VALUES r, int piece, int i)
{
    return float(SMELT_VALUES_OF(r, piece, i));
}

// The partner of an element, for cooperative_zip_tmpl.glsl.
float smelt_partner(SMELT_COOPERATIVE t, SMELT_VALUES r, int piece, int i)
{
    return smelt_reduced(r, piece, i);
}

float smelt_partner(SMELT_VALUES t, SMELT_VALUES r, int piece, int i)
{
    return smelt_get(r, piece, i);
}

#undef SMELT_VALUES
#undef SMELT_VALUES_COUNT
#undef SMELT_VALUES_OF
