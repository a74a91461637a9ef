// SPDX-License-Identifier: MIT
// mlp_cooperative_run_tmpl.glsl: whole evaluations of mlp_cooperative_tmpl.glsl: weights to the scratch, samples to the
// operands of the first layer, sums to outputs.
//
// what    see mlp_cooperative_tmpl.glsl
// params  those of mlp_cooperative_tmpl.glsl, undefined afterwards
// makes   NAME_load_weights, NAME_run, NAME_run_rows, NAME_scratch
// errors  see mlp_cooperative_tmpl.glsl
// needs   mlp_tmpl.glsl around it
// source  see mlp_cooperative_tmpl.glsl
#if SMELT_MLP_LAYERS == 1
#define SMELT_ML_WEIGHTS_END SMELT_CAT(SMELT_MLP, _layer0_end)
#elif SMELT_MLP_LAYERS == 2
#define SMELT_ML_WEIGHTS_END SMELT_CAT(SMELT_MLP, _layer1_end)
#elif SMELT_MLP_LAYERS == 3
#define SMELT_ML_WEIGHTS_END SMELT_CAT(SMELT_MLP, _layer2_end)
#elif SMELT_MLP_LAYERS == 4
#define SMELT_ML_WEIGHTS_END SMELT_CAT(SMELT_MLP, _layer3_end)
#elif SMELT_MLP_LAYERS == 5
#define SMELT_ML_WEIGHTS_END SMELT_CAT(SMELT_MLP, _layer4_end)
#elif SMELT_MLP_LAYERS == 6
#define SMELT_ML_WEIGHTS_END SMELT_CAT(SMELT_MLP, _layer5_end)
#elif SMELT_MLP_LAYERS == 7
#define SMELT_ML_WEIGHTS_END SMELT_CAT(SMELT_MLP, _layer6_end)
#else
#define SMELT_ML_WEIGHTS_END SMELT_CAT(SMELT_MLP, _layer7_end)
#endif
const uint SMELT_CAT(SMELT_MLP, _scratch) = SMELT_ML_WEIGHTS_END + SMELT_MLP_SUBGROUPS * SMELT_ML_AREA;
SMELT_REQUIRE(SMELT_CAT(SMELT_MLP, _scratch_is_too_small),
              SMELT_MLP_SCRATCH.length() >= SMELT_CAT(SMELT_MLP, _scratch))

#include "smelt/mlp_samples_tmpl.glsl"
#if SMELT_MLP_BACKEND == SMELT_BACKEND_PORTABLE
#include "smelt/mlp_portable_samples_tmpl.glsl"
#else
#include "smelt/mlp_coopmat_samples_tmpl.glsl"
#endif

#if SMELT_MLP_SCOPE == SMELT_SCOPE_SUBGROUP
bool SMELT_CAT(SMELT_MLP, _direct);

void SMELT_CAT(SMELT_MLP, _load_weights)(SMELT_CAT(SMELT_MLP, _weights) w)
{
    barrier();
    SMELT_CAT(SMELT_MLP, _layer0_stage)(w.layer0, 0u);
#if SMELT_MLP_LAYERS > 1
    SMELT_CAT(SMELT_MLP, _layer1_stage)(w.layer1, 0u);
#endif
#if SMELT_MLP_LAYERS > 2
    SMELT_CAT(SMELT_MLP, _layer2_stage)(w.layer2, 0u);
#endif
#if SMELT_MLP_LAYERS > 3
    SMELT_CAT(SMELT_MLP, _layer3_stage)(w.layer3, 0u);
#endif
#if SMELT_MLP_LAYERS > 4
    SMELT_CAT(SMELT_MLP, _layer4_stage)(w.layer4, 0u);
#endif
#if SMELT_MLP_LAYERS > 5
    SMELT_CAT(SMELT_MLP, _layer5_stage)(w.layer5, 0u);
#endif
#if SMELT_MLP_LAYERS > 6
    SMELT_CAT(SMELT_MLP, _layer6_stage)(w.layer6, 0u);
#endif
#if SMELT_MLP_LAYERS > 7
    SMELT_CAT(SMELT_MLP, _layer7_stage)(w.layer7, 0u);
#endif
    SMELT_CAT(SMELT_MLP, _direct) = SMELT_CAT(SMELT_MLP, _same_places)();
    barrier();
}
#define SMELT_ML_WITH
#define SMELT_ML_ARGUMENT
#define SMELT_ML_IS_DIRECT SMELT_CAT(SMELT_MLP, _direct)
#else
#define SMELT_ML_WITH SMELT_CAT(SMELT_MLP, _weights) w,
#define SMELT_ML_ARGUMENT w,
#define SMELT_ML_IS_DIRECT SMELT_CAT(SMELT_MLP, _same_places)()
#endif

// `direct` is known in each call, so that what is not taken is dropped.
SMELT_MLP_LAST SMELT_CAT(SMELT_MLP, _forward_any)(SMELT_ML_WITH SMELT_MLP_FIRST x)
{
#if SMELT_MLP_BACKEND == SMELT_BACKEND_COOPMAT && SMELT_MLP_FRAGMENT_N == SMELT_MLP_FRAGMENT_K
    SMELT_MLP_LAST y;
    if (SMELT_ML_IS_DIRECT)
        y = SMELT_CAT(SMELT_MLP, _forward)(SMELT_ML_ARGUMENT x, true);
    else
        y = SMELT_CAT(SMELT_MLP, _forward)(SMELT_ML_ARGUMENT x, false);
    return y;
#else
    return SMELT_CAT(SMELT_MLP, _forward)(SMELT_ML_ARGUMENT x, false);
#endif
}

SMELT_CAT(SMELT_MLP, _output) SMELT_CAT(SMELT_MLP, _run)(SMELT_ML_WITH SMELT_CAT(SMELT_MLP, _input) x)
{
    return SMELT_CAT(SMELT_MLP, _scatter)(
        SMELT_CAT(SMELT_MLP, _forward_any)(SMELT_ML_ARGUMENT SMELT_CAT(SMELT_MLP, _gather)(x)));
}

void SMELT_CAT(SMELT_MLP, _run_rows)(SMELT_ML_WITH SMELT_MLP_SAMPLES_T x, SMELT_MLP_RESULTS_T y, uint row)
{
    SMELT_CAT(SMELT_MLP, _group_store)
    (SMELT_CAT(SMELT_MLP, _forward_any)(SMELT_ML_ARGUMENT SMELT_CAT(SMELT_MLP, _group_load)(x, row)), y, row);
}

#undef SMELT_ML_WEIGHTS_END
#undef SMELT_ML_WITH
#undef SMELT_ML_ARGUMENT
#undef SMELT_ML_IS_DIRECT
