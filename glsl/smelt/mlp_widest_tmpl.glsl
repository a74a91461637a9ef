// SPDX-License-Identifier: MIT
// mlp_widest_tmpl.glsl: the pairs of values of a sample that hold any layer; part of mlp_cooperative_tmpl.glsl.
//
// what    SMELT_ML_PAIRS: half of the widest layer, padded as mlp_cooperative_layer_tmpl.glsl pads
// params  the widths of mlp_tmpl.glsl
// makes   SMELT_ML_PAIRS
// errors  none (no arithmetic)
// needs   mlp_cooperative_tmpl.glsl around it
// source  see mlp_cooperative_tmpl.glsl
const uint SMELT_CAT(SMELT_MLP, _widest0) = SMELT_MLP_WIDTH0;
const uint SMELT_CAT(SMELT_MLP, _widest1) = max(SMELT_CAT(SMELT_MLP, _widest0), SMELT_MLP_WIDTH1);
#if SMELT_MLP_LAYERS >= 2
const uint SMELT_CAT(SMELT_MLP, _widest2) = max(SMELT_CAT(SMELT_MLP, _widest1), SMELT_MLP_WIDTH2);
#else
const uint SMELT_CAT(SMELT_MLP, _widest2) = SMELT_CAT(SMELT_MLP, _widest1);
#endif
#if SMELT_MLP_LAYERS >= 3
const uint SMELT_CAT(SMELT_MLP, _widest3) = max(SMELT_CAT(SMELT_MLP, _widest2), SMELT_MLP_WIDTH3);
#else
const uint SMELT_CAT(SMELT_MLP, _widest3) = SMELT_CAT(SMELT_MLP, _widest2);
#endif
#if SMELT_MLP_LAYERS >= 4
const uint SMELT_CAT(SMELT_MLP, _widest4) = max(SMELT_CAT(SMELT_MLP, _widest3), SMELT_MLP_WIDTH4);
#else
const uint SMELT_CAT(SMELT_MLP, _widest4) = SMELT_CAT(SMELT_MLP, _widest3);
#endif
#if SMELT_MLP_LAYERS >= 5
const uint SMELT_CAT(SMELT_MLP, _widest5) = max(SMELT_CAT(SMELT_MLP, _widest4), SMELT_MLP_WIDTH5);
#else
const uint SMELT_CAT(SMELT_MLP, _widest5) = SMELT_CAT(SMELT_MLP, _widest4);
#endif
#if SMELT_MLP_LAYERS >= 6
const uint SMELT_CAT(SMELT_MLP, _widest6) = max(SMELT_CAT(SMELT_MLP, _widest5), SMELT_MLP_WIDTH6);
#else
const uint SMELT_CAT(SMELT_MLP, _widest6) = SMELT_CAT(SMELT_MLP, _widest5);
#endif
#if SMELT_MLP_LAYERS >= 7
const uint SMELT_CAT(SMELT_MLP, _widest7) = max(SMELT_CAT(SMELT_MLP, _widest6), SMELT_MLP_WIDTH7);
#else
const uint SMELT_CAT(SMELT_MLP, _widest7) = SMELT_CAT(SMELT_MLP, _widest6);
#endif
#if SMELT_MLP_LAYERS >= 8
const uint SMELT_CAT(SMELT_MLP, _widest8) = max(SMELT_CAT(SMELT_MLP, _widest7), SMELT_MLP_WIDTH8);
#else
const uint SMELT_CAT(SMELT_MLP, _widest8) = SMELT_CAT(SMELT_MLP, _widest7);
#endif
#if SMELT_MLP_STAGE > 8
#define SMELT_ML_STEP SMELT_MLP_STAGE
#else
#define SMELT_ML_STEP 8
#endif
const uint SMELT_CAT(SMELT_MLP, _pairs) = (SMELT_CAT(SMELT_MLP, _widest8) + SMELT_ML_STEP - 1) / SMELT_ML_STEP
                                          * SMELT_ML_STEP / 2;
#define SMELT_ML_PAIRS SMELT_CAT(SMELT_MLP, _pairs)
#undef SMELT_ML_STEP
