// SPDX-License-Identifier: MIT
// mlp_coopmat_samples_tmpl.glsl: samples of mlp_cooperative_tmpl.glsl as cooperative matrices; part of
// mlp_cooperative_run_tmpl.glsl.
//
// what    row r of the subgroup's samples is sample r / SUBGROUP_SIZE of invocation r % SUBGROUP_SIZE. Inputs and
//         outputs pass the subgroup's area of the scratch, PASS rows and UNIT columns at a time; tensors whose rows
//         allow it are loaded and stored as matrices
// params  those of mlp_cooperative_run_tmpl.glsl
// makes   NAME_gather, NAME_scatter, NAME_group_load, NAME_group_store, NAME_same_places, NAME_area
// errors  none: bits are copied
// needs   mlp_cooperative_run_tmpl.glsl around it
// source  see mlp_cooperative_tmpl.glsl; the table of indices: cooperative_coopmat_tmpl.glsl
#define SMELT_ML_EACH (SMELT_ML_PASS / SMELT_MLP_SUBGROUP_SIZE) // rows of an invocation in a pass

uint SMELT_CAT(SMELT_MLP, _area)()
{
    return SMELT_ML_WEIGHTS_END + gl_SubgroupID * SMELT_ML_AREA;
}

SMELT_MLP_FIRST SMELT_CAT(SMELT_MLP, _gather)(SMELT_MLP_X x)
{
    SMELT_MLP_FIRST g;
    uint area = SMELT_CAT(SMELT_MLP, _area)();
    const uint tiles = SMELT_CAT(SMELT_MLP_FIRST, _tiles);
    SMELT_ML_UNROLL for (int pass = 0; pass < SMELT_ML_ROWS / SMELT_ML_PASS; pass++)
    {
        SMELT_ML_UNROLL for (int k = 0; k < SMELT_ML_INPUTS; k += SMELT_ML_UNIT)
        {
            SMELT_CAT(SMELT_MLP, _barrier)();
            SMELT_ML_UNROLL for (int i = 0; i < SMELT_ML_EACH; i++)
            {
                SMELT_ML_UNROLL for (int u = 0; u < SMELT_ML_UNIT / 8; u++)
                {
                    uvec4 words = uvec4(0u);
                    SMELT_ML_UNROLL for (int j = 0; j < 4; j++)
                    {
                        int p = k / 2 + 4 * u + j;
                        if (p < SMELT_MLP_X_PAIRS)
                            words[j] = x.e[(pass * SMELT_ML_EACH + i) * SMELT_MLP_X_PAIRS +
                                           min(p, SMELT_MLP_X_PAIRS - 1)];
                        if (2 * p + 1 == SMELT_MLP_WIDTH0)
                            words[j] = SMELT_MLP_FIRST_HALF(words[j]);
                    }
                    SMELT_MLP_SCRATCH[area +
                                      (i * SMELT_MLP_SUBGROUP_SIZE + gl_SubgroupInvocationID) *
                                          SMELT_ML_PITCH +
                                      u] = words;
                }
            }
            SMELT_CAT(SMELT_MLP, _barrier)();
            SMELT_ML_UNROLL for (uint r = 0u; r < SMELT_ML_PASS / SMELT_MLP_FRAGMENT_M; r++)
            {
                SMELT_ML_UNROLL for (uint t = 0u; t < SMELT_ML_UNIT / SMELT_MLP_FRAGMENT_K; t++) coopMatLoad(
                    g.e[(pass * (SMELT_ML_PASS / SMELT_MLP_FRAGMENT_M) + r) * tiles +
                        k / SMELT_MLP_FRAGMENT_K + t],
                    SMELT_MLP_SCRATCH,
                    area + r * (SMELT_MLP_FRAGMENT_M * SMELT_ML_PITCH) + t * (SMELT_MLP_FRAGMENT_K / 8),
                    SMELT_ML_PITCH, gl_CooperativeMatrixLayoutRowMajor);
            }
        }
    }
    return g;
}

SMELT_MLP_Y SMELT_CAT(SMELT_MLP, _scatter)(SMELT_MLP_LAST g)
{
    SMELT_MLP_Y y;
    uint area = SMELT_CAT(SMELT_MLP, _area)();
    const uint tiles = SMELT_CAT(SMELT_MLP_LAST, _tiles);
    SMELT_ML_UNROLL for (int pass = 0; pass < SMELT_ML_ROWS / SMELT_ML_PASS; pass++)
    {
        SMELT_ML_UNROLL for (int n = 0; n < SMELT_MLP_WIDTH; n += SMELT_MLP_FRAGMENT_N)
        {
            SMELT_CAT(SMELT_MLP, _barrier)();
            SMELT_ML_UNROLL for (uint r = 0u; r < SMELT_ML_PASS / SMELT_MLP_FRAGMENT_M; r++) coopMatStore(
                g.e[(pass * (SMELT_ML_PASS / SMELT_MLP_FRAGMENT_M) + r) * tiles + n / SMELT_MLP_FRAGMENT_N],
                SMELT_MLP_SCRATCH, area + r * (SMELT_MLP_FRAGMENT_M * SMELT_ML_SUM_PITCH), SMELT_ML_SUM_PITCH,
                gl_CooperativeMatrixLayoutRowMajor);
            SMELT_CAT(SMELT_MLP, _barrier)();
            SMELT_ML_UNROLL for (int i = 0; i < SMELT_ML_EACH; i++)
            {
                SMELT_ML_UNROLL for (int u = 0; u < SMELT_MLP_FRAGMENT_N / SMELT_ML_SUMS; u++)
                {
                    uvec4 words = SMELT_MLP_SCRATCH[area +
                                                    (i * SMELT_MLP_SUBGROUP_SIZE + gl_SubgroupInvocationID) *
                                                        SMELT_ML_SUM_PITCH +
                                                    u];
                    SMELT_ML_UNROLL for (int j = 0; j < SMELT_ML_SUMS / 2; j++)
                    {
                        int p = n / 2 + u * (SMELT_ML_SUMS / 2) + j;
                        if (p < SMELT_MLP_Y_PAIRS)
                            y.e[(pass * SMELT_ML_EACH + i) * SMELT_MLP_Y_PAIRS +
                                min(p, SMELT_MLP_Y_PAIRS - 1)] = SMELT_MLP_RESULT_FROM(words, j);
                    }
                }
            }
        }
    }
    return y;
}

SMELT_MLP_FIRST SMELT_CAT(SMELT_MLP, _group_load)(SMELT_MLP_SAMPLES_T t, uint row)
{
    SMELT_MLP_FIRST g;
    uint mine = row + gl_SubgroupID * SMELT_ML_ROWS;
#if SMELT_MLP_WIDTH0 % SMELT_ML_UNIT == 0
    if (row + SMELT_CAT(SMELT_MLP, _block) <= smelt_extent(t, 0u) && smelt_stride(t, 1u) == 1u &&
        smelt_stride(t, 0u) % 8u == 0u && (uvec2(t.data).x & 15u) == 0u) {
        uint pitch = smelt_stride(t, 0u) / 8u;
        SMELT_ML_UNROLL for (uint r = 0u; r < SMELT_ML_DOWN; r++)
        {
            SMELT_ML_UNROLL for (uint k = 0u; k < SMELT_ML_INPUTS / SMELT_MLP_FRAGMENT_K; k++) coopMatLoad(
                g.e[r * (SMELT_ML_INPUTS / SMELT_MLP_FRAGMENT_K) + k], smelt_words4_data(uvec2(t.data)).e,
                (mine + r * SMELT_MLP_FRAGMENT_M) * pitch + k * (SMELT_MLP_FRAGMENT_K / 8), pitch,
                gl_CooperativeMatrixLayoutRowMajor);
        }
        return g;
    }
#endif
    return SMELT_CAT(SMELT_MLP, _gather)(
        SMELT_CAT(SMELT_MLP, _read)(t, mine + gl_SubgroupInvocationID, SMELT_MLP_SUBGROUP_SIZE));
}

void SMELT_CAT(SMELT_MLP, _group_store)(SMELT_MLP_LAST g, SMELT_MLP_RESULTS_T t, uint row)
{
    uint mine = row + gl_SubgroupID * SMELT_ML_ROWS;
#if SMELT_MLP_WIDTH % SMELT_MLP_FRAGMENT_N == 0
    if (row + SMELT_CAT(SMELT_MLP, _block) <= smelt_extent(t, 0u) && smelt_stride(t, 1u) == 1u &&
        smelt_stride(t, 0u) % SMELT_ML_SUMS == 0u && (uvec2(t.data).x & 15u) == 0u) {
        uint pitch = smelt_stride(t, 0u) / SMELT_ML_SUMS;
        const uint tiles = SMELT_CAT(SMELT_MLP_LAST, _tiles);
        SMELT_ML_UNROLL for (uint r = 0u; r < SMELT_ML_DOWN; r++)
        {
            SMELT_ML_UNROLL for (uint n = 0u; n < SMELT_MLP_WIDTH / SMELT_MLP_FRAGMENT_N; n++) coopMatStore(
                g.e[r * tiles + n], smelt_words4_write_data(uvec2(t.data)).e,
                (mine + r * SMELT_MLP_FRAGMENT_M) * pitch + n * (SMELT_MLP_FRAGMENT_N / SMELT_ML_SUMS), pitch,
                gl_CooperativeMatrixLayoutRowMajor);
        }
        return;
    }
#endif
    SMELT_CAT(SMELT_MLP, _write)
    (t, mine + gl_SubgroupInvocationID, SMELT_MLP_SUBGROUP_SIZE, SMELT_CAT(SMELT_MLP, _scatter)(g));
}

// Whether an invocation holds the same elements of an accumulator and of a left operand, in the same order: asked of
// the device by a table of indices (f16 is exact to 2048). The answer is one for the subgroup.
bool SMELT_CAT(SMELT_MLP, _same_places)()
{
#if SMELT_MLP_BACKEND == SMELT_BACKEND_COOPMAT && SMELT_MLP_FRAGMENT_N == SMELT_MLP_FRAGMENT_K
    uint area = SMELT_CAT(SMELT_MLP, _area)();
    const uint groups = SMELT_MLP_FRAGMENT_K / 8;
    SMELT_CAT(SMELT_MLP, _barrier)();
    for (uint i = gl_SubgroupInvocationID; i < SMELT_MLP_FRAGMENT_M * groups; i += SMELT_MLP_SUBGROUP_SIZE) {
        vec4 index = vec4(i * 8u) + vec4(0.0, 1.0, 2.0, 3.0), next = index + 4.0;
        SMELT_MLP_SCRATCH[area + i / groups * SMELT_ML_PITCH + i % groups] = uvec4(
            packHalf2x16(index.xy), packHalf2x16(index.zw), packHalf2x16(next.xy), packHalf2x16(next.zw));
    }
    SMELT_CAT(SMELT_MLP, _barrier)();
    SMELT_ML_A operand;
    coopMatLoad(operand, SMELT_MLP_SCRATCH, area, SMELT_ML_PITCH, gl_CooperativeMatrixLayoutRowMajor);
    SMELT_CAT(SMELT_MLP, _barrier)();
#if SMELT_MLP_ACCUMULATED == SMELT_DTYPE_F32
    const uint quads = SMELT_MLP_FRAGMENT_N / 4;
    for (uint i = gl_SubgroupInvocationID; i < SMELT_MLP_FRAGMENT_M * quads; i += SMELT_MLP_SUBGROUP_SIZE)
        SMELT_MLP_SCRATCH[area + i / quads * SMELT_ML_SUM_PITCH + i % quads] =
            floatBitsToUint(vec4(i * 4u) + vec4(0.0, 1.0, 2.0, 3.0));
    SMELT_CAT(SMELT_MLP, _barrier)();
#endif
    SMELT_ML_C sums;
    coopMatLoad(sums, SMELT_MLP_SCRATCH, area, SMELT_ML_SUM_PITCH, gl_CooperativeMatrixLayoutRowMajor);
    SMELT_CAT(SMELT_MLP, _barrier)();
    bool same = operand.length() == sums.length();
    for (uint i = 0u; same && i < sums.length(); i++)
        same = float(operand[i]) == float(sums[i]);
    SMELT_MLP_SCRATCH[area].x = 1u;
    SMELT_CAT(SMELT_MLP, _barrier)();
    if (!same)
        SMELT_MLP_SCRATCH[area].x = 0u;
    SMELT_CAT(SMELT_MLP, _barrier)();
    bool all_same = SMELT_MLP_SCRATCH[area].x != 0u;
    SMELT_CAT(SMELT_MLP, _barrier)();
    return all_same;
#else
    return false;
#endif
}

#undef SMELT_ML_EACH
