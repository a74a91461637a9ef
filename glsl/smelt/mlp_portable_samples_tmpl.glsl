// SPDX-License-Identifier: MIT
// mlp_portable_samples_tmpl.glsl: samples of mlp_cooperative_tmpl.glsl in plain arithmetic; part of
// mlp_cooperative_run_tmpl.glsl.
//
// what    an invocation's inputs, padded by zeros, are what its first layer takes; its last layer's sums its outputs
// params  those of mlp_cooperative_run_tmpl.glsl
// makes   NAME_gather, NAME_scatter, NAME_group_load, NAME_group_store, NAME_same_places
// errors  none: nothing is rounded
// needs   mlp_cooperative_run_tmpl.glsl around it
// source  see mlp_cooperative_tmpl.glsl
// A pair of inputs as the array holds pairs of sums.
#if SMELT_MLP_COMPUTED == SMELT_MLP_ACCUMULATED
#define SMELT_ML_WIDENED(pair) (pair)
#else
#define SMELT_ML_WIDENED(pair) unpackHalf2x16(pair)
#endif

SMELT_MLP_FIRST SMELT_CAT(SMELT_MLP, _gather)(SMELT_MLP_X x)
{
    [[unroll]] for (int s = 0; s < SMELT_MLP_SAMPLES; s++)
    {
        [[unroll]] for (int p = 0; p < SMELT_ML_INPUTS / 2; p++)
        {
            SMELT_MLP_PAIR pair = SMELT_MLP_TWO(SMELT_MLP_NONE, SMELT_MLP_NONE);
            if (p < SMELT_MLP_X_PAIRS)
                pair = x.e[s * SMELT_MLP_X_PAIRS + min(p, SMELT_MLP_X_PAIRS - 1)];
            if (2 * p + 1 == SMELT_MLP_WIDTH0)
                pair = SMELT_MLP_FIRST_HALF(pair);
            SMELT_ML_HELD[s * SMELT_ML_PAIRS + p] = SMELT_ML_WIDENED(pair);
        }
    }
    return SMELT_MLP_FIRST(true);
}

SMELT_MLP_Y SMELT_CAT(SMELT_MLP, _scatter)(SMELT_MLP_LAST g)
{
    SMELT_MLP_Y y;
    [[unroll]] for (int s = 0; s < SMELT_MLP_SAMPLES; s++)
    {
        [[unroll]] for (int p = 0; p < SMELT_MLP_Y_PAIRS; p++)
        {
            y.e[s * SMELT_MLP_Y_PAIRS + p] = SMELT_ML_HELD[s * SMELT_ML_PAIRS + p];
        }
    }
    return y;
}

SMELT_MLP_FIRST SMELT_CAT(SMELT_MLP, _group_load)(SMELT_MLP_SAMPLES_T t, uint row)
{
    return SMELT_CAT(SMELT_MLP, _gather)(
        SMELT_CAT(SMELT_MLP, _read)(t, row + gl_LocalInvocationIndex, SMELT_ML_THREADS));
}

void SMELT_CAT(SMELT_MLP, _group_store)(SMELT_MLP_LAST g, SMELT_MLP_RESULTS_T t, uint row)
{
    SMELT_CAT(SMELT_MLP, _write)
    (t, row + gl_LocalInvocationIndex, SMELT_ML_THREADS, SMELT_CAT(SMELT_MLP, _scatter)(g));
}

bool SMELT_CAT(SMELT_MLP, _same_places)()
{
    return false;
}
#undef SMELT_ML_WIDENED
