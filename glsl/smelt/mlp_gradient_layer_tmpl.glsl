// SPDX-License-Identifier: MIT
// mlp_gradient_layer_tmpl.glsl: one layer of mlp_gradient_tmpl.glsl: its places in the scratch and in the vectors of weights.
//
// what    see mlp_gradient_tmpl.glsl
// params  SMELT_MG_LAYER (name), _INNER (1: another layer is before it, SMELT_MG_BEFORE; 0: none), _K, _N (padded widths),
//         _ACTIVATION, _FINAL (1: no layer follows); all undefined afterwards
// makes   const uint LAYER_to, LAYER_pitch, LAYER_end_of; LAYER_begin, _forward, _backward, _end
// errors  see mlp_gradient_tmpl.glsl
// needs   mlp_gradient_tmpl.glsl around it
// source  see mlp_gradient_tmpl.glsl
// BEGIN: in the vectors of weights. FROM, FROM_PITCH: the input in the scratch.
#if SMELT_MG_INNER
#define SMELT_MG_BEGIN SMELT_CAT(SMELT_MG_BEFORE, _end_of)
#else
#define SMELT_MG_BEGIN 0u
#endif
#if SMELT_MG_INNER && SMELT_MG_GROUP == 4
#define SMELT_MG_FROM SMELT_CAT(SMELT_MG_BEFORE, _to)
#define SMELT_MG_FROM_PITCH SMELT_CAT(SMELT_MG_BEFORE, _pitch)
#else
#define SMELT_MG_FROM 0u
#define SMELT_MG_FROM_PITCH SMELT_CAT(SMELT_MG, _from_pitch)
#endif
const uint SMELT_CAT(SMELT_MG_LAYER, _end_of) = SMELT_MG_BEGIN + SMELT_MG_N * (SMELT_MG_K + 1);
#if SMELT_MG_GROUP == 8
const uint SMELT_CAT(SMELT_MG_LAYER, _to) = SMELT_MG_SAMPLES * SMELT_MG_FROM_PITCH;
const uint SMELT_CAT(SMELT_MG_LAYER, _pitch) = SMELT_CAT(SMELT_MG, _to_pitch);
#if SMELT_MG_INNER
const uint SMELT_CAT(SMELT_MG_LAYER, _copy) = SMELT_CAT(SMELT_MG_BEFORE, _scratch_end);
#else
const uint SMELT_CAT(SMELT_MG_LAYER, _copy) = SMELT_CAT(SMELT_MG, _ones) + SMELT_MG_FN / 8;
#endif
const uint SMELT_CAT(SMELT_MG_LAYER, _scratch_end) =
    SMELT_CAT(SMELT_MG_LAYER, _copy) + SMELT_MLP_GRADIENT_COPY *
                                           (SMELT_MG_N * (SMELT_MG_K / 8 | 1) + SMELT_MG_N / 8);
#else
const uint SMELT_CAT(SMELT_MG_LAYER, _to) = SMELT_MG_FROM + SMELT_MG_SAMPLES * SMELT_MG_FROM_PITCH;
const uint SMELT_CAT(SMELT_MG_LAYER, _pitch) = SMELT_MG_N / 4 | 1;
const uint SMELT_CAT(SMELT_MG_LAYER,
                     _scratch_end) = SMELT_CAT(SMELT_MG_LAYER, _to) + SMELT_MG_SAMPLES *
                                                                          SMELT_CAT(SMELT_MG_LAYER, _pitch);
#endif
#define SMELT_MG_TO SMELT_CAT(SMELT_MG_LAYER, _to)
#define SMELT_MG_TO_PITCH SMELT_CAT(SMELT_MG_LAYER, _pitch)
#if SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_PORTABLE
#include "smelt/mlp_gradient_portable_tmpl.glsl"
#elif SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_COOPVEC
#include "smelt/mlp_gradient_coopvec_tmpl.glsl"
#else
#include "smelt/mlp_gradient_coopmat_tmpl.glsl"
#endif

#undef SMELT_MG_TO
#undef SMELT_MG_TO_PITCH
#undef SMELT_MG_LAYER
#undef SMELT_MG_K
#undef SMELT_MG_N
#undef SMELT_MG_INNER
#undef SMELT_MG_BEFORE
#undef SMELT_MG_ACTIVATION
#undef SMELT_MG_FROM
#undef SMELT_MG_FROM_PITCH
#undef SMELT_MG_BEGIN
#undef SMELT_MG_FINAL
