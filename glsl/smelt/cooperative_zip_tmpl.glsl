// SPDX-License-Identifier: MIT
// cooperative_zip_tmpl.glsl: a function of the elements of two cooperative tensors, or of elements and what was reduced.
//
// what    t = f(t, other) for each element. `other` is a tensor of the same type, or the values of t's rows or columns, which
//         come back to all elements of the row or column; two values of rows (columns) are zipped likewise
// params  all required, all undefined afterwards:
//         SMELT_COOPERATIVE           type of t: NAME, NAME_per_row or NAME_per_column
//         SMELT_COOPERATIVE_OTHER     type of `other`: the same, or NAME_per_row or NAME_per_column of NAME
//         SMELT_COOPERATIVE_ZIP       name of the function that is made
//         SMELT_COOPERATIVE_FUNCTION  name of a function `float f(float v, float other)`, declared before
// makes   void ZIP(inout TYPE t, OTHER other)    each invocation by itself; other types do not compile
// errors  the function's, and one rounding to DTYPE
// needs   cooperative_tmpl.glsl before for this type
// source  Metal Performance Primitives, map_iterator
#ifndef SMELT_BASE_GLSL
#error "cooperative_zip_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_COOPERATIVE
#error "cooperative_zip_tmpl.glsl: SMELT_COOPERATIVE (the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_OTHER
#error "cooperative_zip_tmpl.glsl: SMELT_COOPERATIVE_OTHER (type of the other operand) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_ZIP
#error "cooperative_zip_tmpl.glsl: SMELT_COOPERATIVE_ZIP (name of the function that is made) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_FUNCTION
#error "cooperative_zip_tmpl.glsl: SMELT_COOPERATIVE_FUNCTION (float f(float v, float other)) is not defined"
#endif

void SMELT_COOPERATIVE_ZIP(inout SMELT_COOPERATIVE t, SMELT_COOPERATIVE_OTHER other)
{
    [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_COOPERATIVE, _pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(t); i++)
            smelt_set(t, piece, i,
                      SMELT_COOPERATIVE_FUNCTION(smelt_get(t, piece, i), smelt_partner(t, other, piece, i)));
}

#undef SMELT_COOPERATIVE
#undef SMELT_COOPERATIVE_OTHER
#undef SMELT_COOPERATIVE_ZIP
#undef SMELT_COOPERATIVE_FUNCTION
