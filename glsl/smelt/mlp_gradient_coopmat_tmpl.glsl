// SPDX-License-Identifier: MIT
// mlp_gradient_coopmat_tmpl.glsl: the products of a layer of mlp_gradient_tmpl.glsl by cooperative matrices.
//
// what    forward, and back to the input, a subgroup has rows of its own; tiles of the weight's gradient are dealt out among
//         the subgroups, each over all samples, and stay in their accumulators until the end. Bias: the tile beside the
//         last column, a product with ones
// params  those of mlp_gradient_layer_tmpl.glsl
// makes   LAYER_begin, LAYER_forward, LAYER_backward, LAYER_end
// errors  see mlp_gradient_tmpl.glsl
// needs   mlp_gradient_layer_tmpl.glsl around it
// source  GLSL_KHR_cooperative_matrix
#define SMELT_MG_A coopmat<float16_t, gl_ScopeSubgroup, SMELT_MG_M, SMELT_MG_FK, gl_MatrixUseA>
#define SMELT_MG_B coopmat<float16_t, gl_ScopeSubgroup, SMELT_MG_FK, SMELT_MG_FN, gl_MatrixUseB>
#define SMELT_MG_C coopmat<float, gl_ScopeSubgroup, SMELT_MG_M, SMELT_MG_FN, gl_MatrixUseAccumulator>
#define SMELT_MG_H coopmat<float16_t, gl_ScopeSubgroup, SMELT_MG_M, SMELT_MG_FN, gl_MatrixUseAccumulator>
#define SMELT_MG_WEIGHTS smelt_words4_data(SMELT_CAT(SMELT_MG, _weights)).e
#define SMELT_MG_ROWS (SMELT_MG_SAMPLES / SMELT_MG_SUBGROUPS)
#define SMELT_MG_DOWN (SMELT_MG_ROWS / SMELT_MG_M)
// Tiles of the gradient, one more in each row; and how many a subgroup has.
#define SMELT_MG_COLUMNS (SMELT_MG_K / SMELT_MG_FN + 1)
#define SMELT_MG_TILES (SMELT_MG_N / SMELT_MG_M * SMELT_MG_COLUMNS)
#define SMELT_MG_SHARE ((SMELT_MG_TILES + SMELT_MG_SUBGROUPS - 1) / SMELT_MG_SUBGROUPS)

SMELT_MG_C SMELT_CAT(SMELT_MG_LAYER, _gradient)[SMELT_MG_SHARE];
#if !SMELT_MG_FINAL
SMELT_MG_H SMELT_CAT(SMELT_MG_LAYER, _slope)[SMELT_MG_DOWN * SMELT_MG_N / SMELT_MG_FN]; // f'(z) of own rows
#endif

void SMELT_CAT(SMELT_MG_LAYER, _begin)()
{
    SMELT_MG_UNROLL for (uint i = 0u; i < SMELT_MG_SHARE; i++) SMELT_CAT(SMELT_MG_LAYER, _gradient)[i] =
        SMELT_MG_C(0.0);
}

void SMELT_CAT(SMELT_MG_LAYER, _forward)()
{
    uint row = gl_SubgroupID * SMELT_MG_ROWS;
    SMELT_MG_A x[SMELT_MG_DOWN * SMELT_MG_K / SMELT_MG_FK];
    SMELT_MG_UNROLL for (uint i = 0u; i < SMELT_MG_DOWN * SMELT_MG_K / SMELT_MG_FK; i++) coopMatLoad(
        x[i], SMELT_MG_SCRATCH,
        SMELT_MG_FROM + (row + i / (SMELT_MG_K / SMELT_MG_FK) * SMELT_MG_M) * SMELT_MG_FROM_PITCH +
            i % (SMELT_MG_K / SMELT_MG_FK) * (SMELT_MG_FK / 8),
        SMELT_MG_FROM_PITCH, gl_CooperativeMatrixLayoutRowMajor);
    SMELT_MG_UNROLL for (uint j = 0u; j < SMELT_MG_N / SMELT_MG_FN; j++)
    {
        SMELT_MG_H bias;
        SMELT_MG_C z[SMELT_MG_DOWN];
        coopMatLoad(bias, SMELT_MG_WEIGHTS, (SMELT_MG_BEGIN + SMELT_MG_N * SMELT_MG_K + j * SMELT_MG_FN) / 8,
                    0, gl_CooperativeMatrixLayoutRowMajor);
        SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++) z[r] = SMELT_MG_C(bias);
        SMELT_MG_UNROLL for (uint k = 0u; k < SMELT_MG_K / SMELT_MG_FK; k++)
        {
            SMELT_MG_B w;
            coopMatLoad(w, SMELT_MG_WEIGHTS,
                        (SMELT_MG_BEGIN + j * SMELT_MG_FN * SMELT_MG_K + k * SMELT_MG_FK) / 8, SMELT_MG_K / 8,
                        gl_CooperativeMatrixLayoutColumnMajor);
            SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++) z[r] =
                coopMatMulAdd(x[r * (SMELT_MG_K / SMELT_MG_FK) + k], w, z[r]);
        }
        SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++)
        {
#if !SMELT_MG_FINAL
            SMELT_MG_UNROLL for (uint i = 0u; i < z[r].length(); i++)
                SMELT_CAT(SMELT_MG_LAYER, _slope)[r * (SMELT_MG_N / SMELT_MG_FN) + j][i] =
                    float16_t(SMELT_CAT(smelt_activation_gradient_, SMELT_MG_ACTIVATION)(z[r][i]));
#endif
            SMELT_MG_UNROLL for (uint i = 0u; i < z[r].length(); i++) z[r][i] =
                SMELT_CAT(smelt_activation_, SMELT_MG_ACTIVATION)(z[r][i]);
            uint place = SMELT_MG_TO + (row + r * SMELT_MG_M) * SMELT_MG_TO_PITCH +
                         j * (SMELT_MG_FN / SMELT_MG_TO_GROUP);
#if SMELT_MG_FINAL
            coopMatStore(z[r], SMELT_MG_SCRATCH, place, SMELT_MG_TO_PITCH,
                         gl_CooperativeMatrixLayoutRowMajor);
#else
            coopMatStore(SMELT_MG_H(z[r]), SMELT_MG_SCRATCH, place, SMELT_MG_TO_PITCH,
                         gl_CooperativeMatrixLayoutRowMajor);
#endif
        }
    }
    controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
}

void SMELT_CAT(SMELT_MG_LAYER, _backward_weights)()
{
    SMELT_MG_UNROLL for (uint i = 0u; i < SMELT_MG_SHARE; i++)
    {
        uint tile = gl_SubgroupID + i * SMELT_MG_SUBGROUPS;
        uint n = tile / SMELT_MG_COLUMNS, k = tile % SMELT_MG_COLUMNS;
        if (tile < SMELT_MG_TILES) {
            SMELT_MG_UNROLL for (uint s = 0u; s < SMELT_MG_SAMPLES; s += SMELT_MG_FK)
            {
                SMELT_MG_A dz;
                SMELT_MG_B x = SMELT_MG_B(1.0);
                coopMatLoad(dz, SMELT_MG_SCRATCH, SMELT_MG_TO + s * SMELT_MG_TO_PITCH + n * (SMELT_MG_M / 8),
                            SMELT_MG_TO_PITCH, gl_CooperativeMatrixLayoutColumnMajor);
                if (k < SMELT_MG_COLUMNS - 1)
                    coopMatLoad(x, SMELT_MG_SCRATCH,
                                SMELT_MG_FROM + s * SMELT_MG_FROM_PITCH + k * (SMELT_MG_FN / 8),
                                SMELT_MG_FROM_PITCH, gl_CooperativeMatrixLayoutRowMajor);
                SMELT_CAT(SMELT_MG_LAYER, _gradient)
                [i] = coopMatMulAdd(dz, x, SMELT_CAT(SMELT_MG_LAYER, _gradient)[i]);
            }
        }
    }
}

void SMELT_CAT(SMELT_MG_LAYER, _backward)()
{
    SMELT_CAT(SMELT_MG_LAYER, _backward_weights)();
    barrier();
    uint row = gl_SubgroupID * SMELT_MG_ROWS;
    SMELT_MG_A dz[SMELT_MG_DOWN * SMELT_MG_N / SMELT_MG_FK];
    SMELT_MG_UNROLL for (uint i = 0u; i < SMELT_MG_DOWN * SMELT_MG_N / SMELT_MG_FK; i++)
        coopMatLoad(dz[i], SMELT_MG_SCRATCH,
                    SMELT_MG_TO + (row + i / (SMELT_MG_N / SMELT_MG_FK) * SMELT_MG_M) * SMELT_MG_TO_PITCH +
                        i % (SMELT_MG_N / SMELT_MG_FK) * (SMELT_MG_FK / 8),
                    SMELT_MG_TO_PITCH, gl_CooperativeMatrixLayoutRowMajor);
    SMELT_MG_UNROLL for (uint j = 0u; j < SMELT_MG_K / SMELT_MG_FN; j++)
    {
        SMELT_MG_C dx[SMELT_MG_DOWN];
        SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++) dx[r] = SMELT_MG_C(0.0);
        SMELT_MG_UNROLL for (uint n = 0u; n < SMELT_MG_N / SMELT_MG_FK; n++)
        {
            SMELT_MG_B w;
            coopMatLoad(w, SMELT_MG_WEIGHTS,
                        (SMELT_MG_BEGIN + n * SMELT_MG_FK * SMELT_MG_K + j * SMELT_MG_FN) / 8, SMELT_MG_K / 8,
                        gl_CooperativeMatrixLayoutRowMajor);
            SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++) dx[r] =
                coopMatMulAdd(dz[r * (SMELT_MG_N / SMELT_MG_FK) + n], w, dx[r]);
        }
        SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++)
        {
            uint place = SMELT_MG_FROM + (row + r * SMELT_MG_M) * SMELT_MG_FROM_PITCH + j * (SMELT_MG_FN / 8);
#if SMELT_MG_INNER
            SMELT_MG_UNROLL for (uint i = 0u; i < dx[r].length(); i++) dx[r][i] *=
                float(SMELT_CAT(SMELT_MG_BEFORE, _slope)[r * (SMELT_MG_K / SMELT_MG_FN) + j][i]);
#endif
            coopMatStore(SMELT_MG_H(dx[r]), SMELT_MG_SCRATCH, place, SMELT_MG_FROM_PITCH,
                         gl_CooperativeMatrixLayoutRowMajor);
        }
    }
    barrier();
}

// Accumulators go to device memory; of a bias the first column, by way of the scratch.
void SMELT_CAT(SMELT_MG_LAYER, _end)()
{
    uint area = gl_SubgroupID * (SMELT_MG_M * SMELT_MG_FN / 4);
    SMELT_MG_UNROLL for (uint i = 0u; i < SMELT_MG_SHARE; i++)
    {
        uint tile = gl_SubgroupID + i * SMELT_MG_SUBGROUPS;
        uint n = tile / SMELT_MG_COLUMNS, k = tile % SMELT_MG_COLUMNS;
        if (tile < SMELT_MG_TILES && k < SMELT_MG_COLUMNS - 1)
            coopMatStore(SMELT_CAT(SMELT_MG_LAYER, _gradient)[i],
                         smelt_words4_write_data(SMELT_CAT(SMELT_MG, _sums)).e,
                         (SMELT_MG_BEGIN + n * SMELT_MG_M * SMELT_MG_K + k * SMELT_MG_FN) / 4, SMELT_MG_K / 4,
                         gl_CooperativeMatrixLayoutRowMajor);
        barrier();
        if (tile < SMELT_MG_TILES)
            coopMatStore(SMELT_CAT(SMELT_MG_LAYER, _gradient)[i], SMELT_MG_SCRATCH, area, SMELT_MG_FN / 4,
                         gl_CooperativeMatrixLayoutRowMajor);
        barrier();
        if (tile < SMELT_MG_TILES && k == SMELT_MG_COLUMNS - 1)
            for (uint m = gl_SubgroupInvocationID; m < SMELT_MG_M; m += gl_SubgroupSize)
                smelt_f32_w_data(SMELT_CAT(SMELT_MG, _sums))
                    .e[SMELT_MG_BEGIN + SMELT_MG_N * SMELT_MG_K + n * SMELT_MG_M + m] =
                    uintBitsToFloat(SMELT_MG_SCRATCH[area + m * (SMELT_MG_FN / 4)].x);
    }
}

#undef SMELT_MG_A
#undef SMELT_MG_B
#undef SMELT_MG_C
#undef SMELT_MG_H
#undef SMELT_MG_WEIGHTS
#undef SMELT_MG_ROWS
#undef SMELT_MG_DOWN
#undef SMELT_MG_COLUMNS
#undef SMELT_MG_TILES
#undef SMELT_MG_SHARE
