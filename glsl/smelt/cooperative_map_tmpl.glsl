// SPDX-License-Identifier: MIT
// cooperative_map_tmpl.glsl: a function of every element of a cooperative tensor and of its place.
//
// what    t = f(t, place) for each element, place being (row, column) in the tile: masks, scales, activations, offsets
// params  all required, all undefined afterwards:
//         SMELT_COOPERATIVE           the cooperative type
//         SMELT_COOPERATIVE_DTYPE     its SMELT_DTYPE_x
//         SMELT_COOPERATIVE_BACKEND   its SMELT_BACKEND_x
//         SMELT_COOPERATIVE_MAP       name of the function that is made
//         SMELT_COOPERATIVE_FUNCTION  name of a function `float f(float v, uvec2 place)`, declared before; what else it
//                                     needs it finds in variables of the shader. It has no barriers
// makes   void MAP(inout NAME t)    by the whole group; COOPMAT uses the scratch
// errors  the function's, and one rounding to DTYPE
// needs   cooperative_tmpl.glsl before for this type; COOPMAT2: per-element operations
// source  Metal Performance Primitives, map_iterator; GLSL_NV_cooperative_matrix2, coopMatPerElementNV
#ifndef SMELT_BASE_GLSL
#error "cooperative_map_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_COOPERATIVE
#error "cooperative_map_tmpl.glsl: SMELT_COOPERATIVE (the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_DTYPE
#error                                                                                                       \
    "cooperative_map_tmpl.glsl: SMELT_COOPERATIVE_DTYPE (SMELT_DTYPE_x of the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_BACKEND
#error "cooperative_map_tmpl.glsl: SMELT_COOPERATIVE_BACKEND (of the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_MAP
#error "cooperative_map_tmpl.glsl: SMELT_COOPERATIVE_MAP (name of the function that is made) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_FUNCTION
#error "cooperative_map_tmpl.glsl: SMELT_COOPERATIVE_FUNCTION (float f(float v, uvec2 place)) is not defined"
#endif
#if SMELT_COOPERATIVE_DTYPE < SMELT_DTYPE_F32
#error                                                                                                       \
    "cooperative_map_tmpl.glsl: SMELT_COOPERATIVE_DTYPE must be that of the cooperative type, a SMELT_DTYPE_x"
#endif
#if SMELT_COOPERATIVE_BACKEND < SMELT_BACKEND_PORTABLE || SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPVEC
#error "cooperative_map_tmpl.glsl: SMELT_COOPERATIVE_BACKEND must be that of the cooperative type"
#endif

#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPMAT2
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_F16
#define SMELT_CO_S float16_t
#else
#define SMELT_CO_S float
#endif

SMELT_CO_S SMELT_CAT(SMELT_COOPERATIVE_MAP, _one)(const in uint r, const in uint c, const in SMELT_CO_S v,
                                                  const in uvec2 first)
{
    return SMELT_CO_S(SMELT_COOPERATIVE_FUNCTION(float(v), first + uvec2(r, c)));
}

void SMELT_COOPERATIVE_MAP(inout SMELT_COOPERATIVE t)
{
    uvec2 first = SMELT_CAT(SMELT_COOPERATIVE, _first)();
    [[unroll]] for (uint i = 0u; i < SMELT_CAT(SMELT_COOPERATIVE, _down); i++)
        [[unroll]] for (uint j = 0u; j < SMELT_CAT(SMELT_COOPERATIVE, _across); j++)
    {
        uvec2 at = first + uvec2(i, j) * uvec2(SMELT_CAT(SMELT_COOPERATIVE, _fragment_m),
                                               SMELT_CAT(SMELT_COOPERATIVE, _fragment_n));
        coopMatPerElementNV(t.e[i][j], t.e[i][j], SMELT_CAT(SMELT_COOPERATIVE_MAP, _one), at);
    }
}
#undef SMELT_CO_S
#else
void SMELT_COOPERATIVE_MAP(inout SMELT_COOPERATIVE t)
{
    SMELT_CAT(SMELT_COOPERATIVE, _places) p = SMELT_CAT(SMELT_COOPERATIVE, _locate)();
    [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_COOPERATIVE, _pieces);
                    piece++) [[unroll]] for (int i = 0; i < smelt_length(t); i++)
        smelt_set(t, piece, i, SMELT_COOPERATIVE_FUNCTION(smelt_get(t, piece, i), smelt_place(p, piece, i)));
}
#endif

#undef SMELT_COOPERATIVE
#undef SMELT_COOPERATIVE_DTYPE
#undef SMELT_COOPERATIVE_BACKEND
#undef SMELT_COOPERATIVE_MAP
#undef SMELT_COOPERATIVE_FUNCTION
