// SPDX-License-Identifier: MIT
// mlp_gradient_coopmat_tmpl.glsl: the products of a layer of mlp_gradient_tmpl.glsl by cooperative matrices.
//
// what    a subgroup keeps the values of its own rows as left operands, from forward to back. The scratch has inputs and
//         gradients of one layer at a time, for the tiles of the weight's gradient, which are dealt out among the
//         subgroups, each over all samples, and stay in their accumulators until the end. Bias: the tile beside the last
//         column, a product with ones. Ones are in the scratch, too, and with COPY the weights,
//         behind those rows. What is an accumulator becomes a left operand by conversion (COOPMAT2, where
//         FRAGMENT_N is FRAGMENT_K), or by way of the scratch
// params  those of mlp_gradient_layer_tmpl.glsl
// makes   LAYER_begin, LAYER_forward, LAYER_backward, LAYER_end
// errors  see mlp_gradient_tmpl.glsl
// needs   mlp_gradient_layer_tmpl.glsl around it
// source  GLSL_KHR_cooperative_matrix, GLSL_NV_cooperative_matrix2
#define SMELT_MG_A coopmat<float16_t, gl_ScopeSubgroup, SMELT_MG_M, SMELT_MG_FK, gl_MatrixUseA>
#define SMELT_MG_B coopmat<float16_t, gl_ScopeSubgroup, SMELT_MG_FK, SMELT_MG_FN, gl_MatrixUseB>
#define SMELT_MG_C coopmat<float, gl_ScopeSubgroup, SMELT_MG_M, SMELT_MG_FN, gl_MatrixUseAccumulator>
#define SMELT_MG_H coopmat<float16_t, gl_ScopeSubgroup, SMELT_MG_M, SMELT_MG_FN, gl_MatrixUseAccumulator>
#define SMELT_MG_WEIGHTS smelt_words4_data(SMELT_CAT(SMELT_MG, _weights)).e
#define SMELT_MG_ROWS (SMELT_MG_SAMPLES / SMELT_MG_SUBGROUPS)
#define SMELT_MG_DOWN (SMELT_MG_ROWS / SMELT_MG_M)
#if SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_COOPMAT2 && SMELT_MG_FN == SMELT_MG_FK
#define SMELT_MG_CONVERTS 1
#else
#define SMELT_MG_CONVERTS 0
#endif
// Where products read the weight and the bias.
#if SMELT_MLP_GRADIENT_COPY
#define SMELT_MG_SOURCE SMELT_MG_SCRATCH
#define SMELT_MG_SOURCE_AT SMELT_CAT(SMELT_MG_LAYER, _copy)
#define SMELT_MG_SOURCE_PITCH (SMELT_MG_K / 8 | 1)
#else
#define SMELT_MG_SOURCE SMELT_MG_WEIGHTS
#define SMELT_MG_SOURCE_AT (SMELT_MG_BEGIN / 8)
#define SMELT_MG_SOURCE_PITCH (SMELT_MG_K / 8)
#endif
#define SMELT_MG_BIAS (SMELT_MG_SOURCE_AT + SMELT_MG_N * SMELT_MG_SOURCE_PITCH)
// Own rows of an area of the scratch to matrices, or from them: `count` beside each other, `across` wide.
#define SMELT_MG_MOVE(call, matrices, count, across, area, pitch)                                            \
    SMELT_MG_UNROLL for (uint i = 0u; i < SMELT_MG_DOWN * (count); i++)                                      \
        call(matrices[i], SMELT_MG_SCRATCH,                                                                  \
             area + (gl_SubgroupID * SMELT_MG_ROWS + i / (count)*SMELT_MG_M) * pitch +                       \
                 i % (count) * (across / 8),                                                                 \
             pitch, gl_CooperativeMatrixLayoutRowMajor)
#define SMELT_MG_OWN_BARRIER                                                                                 \
    controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease)
// Tiles of the gradient, one more in each row; and how many a subgroup has.
#define SMELT_MG_COLUMNS (SMELT_MG_K / SMELT_MG_FN + 1)
#define SMELT_MG_TILES (SMELT_MG_N / SMELT_MG_M * SMELT_MG_COLUMNS)
#define SMELT_MG_SHARE ((SMELT_MG_TILES + SMELT_MG_SUBGROUPS - 1) / SMELT_MG_SUBGROUPS)

SMELT_MG_C SMELT_CAT(SMELT_MG_LAYER, _gradient)[SMELT_MG_SHARE];
SMELT_MG_A SMELT_CAT(SMELT_MG_LAYER, _x)[SMELT_MG_DOWN * SMELT_MG_K / SMELT_MG_FK];
#if !SMELT_MG_FINAL
SMELT_MG_H SMELT_CAT(SMELT_MG_LAYER, _y)[SMELT_MG_DOWN * SMELT_MG_N / SMELT_MG_FN];
SMELT_MG_H SMELT_CAT(SMELT_MG_LAYER, _slope)[SMELT_MG_DOWN * SMELT_MG_N / SMELT_MG_FN]; // f'(z)
SMELT_MG_H SMELT_CAT(SMELT_MG_LAYER, _dz)[SMELT_MG_DOWN * SMELT_MG_N / SMELT_MG_FN];
#endif

void SMELT_CAT(SMELT_MG_LAYER, _begin)()
{
    SMELT_MG_UNROLL for (uint i = 0u; i < SMELT_MG_SHARE; i++) SMELT_CAT(SMELT_MG_LAYER, _gradient)[i] =
        SMELT_MG_C(0.0);
#if SMELT_MLP_GRADIENT_COPY
    for (uint i = gl_LocalInvocationIndex; i < SMELT_MG_N * SMELT_MG_K / 8; i += SMELT_MG_THREADS)
        SMELT_MG_SCRATCH[SMELT_MG_SOURCE_AT + i / (SMELT_MG_K / 8) * SMELT_MG_SOURCE_PITCH +
                         i % (SMELT_MG_K / 8)] = SMELT_MG_WEIGHTS[SMELT_MG_BEGIN / 8 + i];
    for (uint i = gl_LocalInvocationIndex; i < SMELT_MG_N / 8; i += SMELT_MG_THREADS)
        SMELT_MG_SCRATCH[SMELT_MG_BIAS + i] =
            SMELT_MG_WEIGHTS[(SMELT_MG_BEGIN + SMELT_MG_N * SMELT_MG_K) / 8 + i];
#endif
#if !SMELT_MG_INNER
    if (gl_LocalInvocationIndex < SMELT_MG_FN / 8)
        SMELT_MG_SCRATCH[SMELT_CAT(SMELT_MG, _ones) + gl_LocalInvocationIndex] =
            uvec4(packHalf2x16(vec2(1.0)));
#endif
}

// Left operands: the input's from the scratch, others from the results of the layer before.
void SMELT_CAT(SMELT_MG_LAYER, _left)()
{
#if SMELT_MG_INNER && SMELT_MG_CONVERTS
    SMELT_MG_UNROLL for (uint i = 0u; i < SMELT_MG_DOWN * SMELT_MG_K / SMELT_MG_FK; i++)
        SMELT_CAT(SMELT_MG_LAYER, _x)[i] = SMELT_MG_A(SMELT_CAT(SMELT_MG_BEFORE, _y)[i]);
#else
#if SMELT_MG_INNER
    SMELT_MG_MOVE(coopMatStore, SMELT_CAT(SMELT_MG_BEFORE, _y), SMELT_MG_K / SMELT_MG_FN, SMELT_MG_FN,
                  SMELT_MG_FROM, SMELT_MG_FROM_PITCH);
    SMELT_MG_OWN_BARRIER;
#endif
    SMELT_MG_MOVE(coopMatLoad, SMELT_CAT(SMELT_MG_LAYER, _x), SMELT_MG_K / SMELT_MG_FK, SMELT_MG_FK,
                  SMELT_MG_FROM, SMELT_MG_FROM_PITCH);
#endif
}

void SMELT_CAT(SMELT_MG_LAYER, _forward)()
{
    SMELT_CAT(SMELT_MG_LAYER, _left)();
    SMELT_MG_UNROLL for (uint j = 0u; j < SMELT_MG_N / SMELT_MG_FN; j++)
    {
        SMELT_MG_H bias;
        SMELT_MG_C z[SMELT_MG_DOWN];
        coopMatLoad(bias, SMELT_MG_SOURCE, SMELT_MG_BIAS + j * SMELT_MG_FN / 8, 0,
                    gl_CooperativeMatrixLayoutRowMajor);
        SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++) z[r] = SMELT_MG_C(bias);
        SMELT_MG_UNROLL for (uint k = 0u; k < SMELT_MG_K / SMELT_MG_FK; k++)
        {
            SMELT_MG_B w;
            coopMatLoad(w, SMELT_MG_SOURCE,
                        SMELT_MG_SOURCE_AT + j * SMELT_MG_FN * SMELT_MG_SOURCE_PITCH + k * (SMELT_MG_FK / 8),
                        SMELT_MG_SOURCE_PITCH, gl_CooperativeMatrixLayoutColumnMajor);
            SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++) z[r] =
                coopMatMulAdd(SMELT_CAT(SMELT_MG_LAYER, _x)[r * (SMELT_MG_K / SMELT_MG_FK) + k], w, z[r]);
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
#if SMELT_MG_FINAL
            coopMatStore(z[r], SMELT_MG_SCRATCH,
                         SMELT_MG_TO + (gl_SubgroupID * SMELT_MG_ROWS + r * SMELT_MG_M) * SMELT_MG_TO_PITCH +
                             j * (SMELT_MG_FN / 4),
                         SMELT_MG_TO_PITCH, gl_CooperativeMatrixLayoutRowMajor);
#else
            SMELT_CAT(SMELT_MG_LAYER, _y)[r * (SMELT_MG_N / SMELT_MG_FN) + j] = SMELT_MG_H(z[r]);
#endif
        }
    }
}

void SMELT_CAT(SMELT_MG_LAYER, _backward_weights)()
{
    SMELT_MG_UNROLL for (uint i = 0u; i < SMELT_MG_SHARE; i++)
    {
        uint tile = gl_SubgroupID + i * SMELT_MG_SUBGROUPS;
        uint n = tile / SMELT_MG_COLUMNS, k = tile % SMELT_MG_COLUMNS;
        bool bias = k == SMELT_MG_COLUMNS - 1;
        uint right = bias ? SMELT_CAT(SMELT_MG, _ones) : SMELT_MG_FROM + k * (SMELT_MG_FN / 8);
        uint pitch = bias ? 0u : SMELT_MG_FROM_PITCH;
        if (tile < SMELT_MG_TILES) {
            SMELT_MG_UNROLL for (uint s = 0u; s < SMELT_MG_SAMPLES; s += SMELT_MG_FK)
            {
                SMELT_MG_A dz;
                SMELT_MG_B x;
                coopMatLoad(dz, SMELT_MG_SCRATCH, SMELT_MG_TO + s * SMELT_MG_TO_PITCH + n * (SMELT_MG_M / 8),
                            SMELT_MG_TO_PITCH, gl_CooperativeMatrixLayoutColumnMajor);
                coopMatLoad(x, SMELT_MG_SCRATCH, right + s * pitch, pitch,
                            gl_CooperativeMatrixLayoutRowMajor);
                SMELT_CAT(SMELT_MG_LAYER, _gradient)
                [i] = coopMatMulAdd(dz, x, SMELT_CAT(SMELT_MG_LAYER, _gradient)[i]);
            }
        }
    }
}

void SMELT_CAT(SMELT_MG_LAYER, _backward)()
{
    SMELT_MG_A dz[SMELT_MG_DOWN * SMELT_MG_N / SMELT_MG_FK];
    SMELT_MG_H dx[SMELT_MG_DOWN * SMELT_MG_K / SMELT_MG_FN];
    SMELT_MG_MOVE(coopMatStore, SMELT_CAT(SMELT_MG_LAYER, _x), SMELT_MG_K / SMELT_MG_FK, SMELT_MG_FK,
                  SMELT_MG_FROM, SMELT_MG_FROM_PITCH);
#if SMELT_MG_CONVERTS && !SMELT_MG_FINAL
    SMELT_MG_UNROLL for (uint i = 0u; i < SMELT_MG_DOWN * SMELT_MG_N / SMELT_MG_FK; i++) dz[i] =
        SMELT_MG_A(SMELT_CAT(SMELT_MG_LAYER, _dz)[i]);
#else
    SMELT_MG_MOVE(coopMatLoad, dz, SMELT_MG_N / SMELT_MG_FK, SMELT_MG_FK, SMELT_MG_TO, SMELT_MG_TO_PITCH);
#endif
    barrier();
    SMELT_CAT(SMELT_MG_LAYER, _backward_weights)();
    SMELT_MG_UNROLL for (uint j = 0u; j < SMELT_MG_K / SMELT_MG_FN; j++)
    {
        SMELT_MG_C sum[SMELT_MG_DOWN];
        SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++) sum[r] = SMELT_MG_C(0.0);
        SMELT_MG_UNROLL for (uint n = 0u; n < SMELT_MG_N / SMELT_MG_FK; n++)
        {
            SMELT_MG_B w;
            coopMatLoad(w, SMELT_MG_SOURCE,
                        SMELT_MG_SOURCE_AT + n * SMELT_MG_FK * SMELT_MG_SOURCE_PITCH + j * (SMELT_MG_FN / 8),
                        SMELT_MG_SOURCE_PITCH, gl_CooperativeMatrixLayoutRowMajor);
            SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++) sum[r] =
                coopMatMulAdd(dz[r * (SMELT_MG_N / SMELT_MG_FK) + n], w, sum[r]);
        }
        SMELT_MG_UNROLL for (uint r = 0u; r < SMELT_MG_DOWN; r++)
        {
#if SMELT_MG_INNER
            SMELT_MG_UNROLL for (uint i = 0u; i < sum[r].length(); i++) sum[r][i] *=
                float(SMELT_CAT(SMELT_MG_BEFORE, _slope)[r * (SMELT_MG_K / SMELT_MG_FN) + j][i]);
#endif
            dx[r * (SMELT_MG_K / SMELT_MG_FN) + j] = SMELT_MG_H(sum[r]);
        }
    }
    barrier();
#if SMELT_MG_INNER
    SMELT_CAT(SMELT_MG_BEFORE, _dz) = dx;
    SMELT_MG_MOVE(coopMatStore, dx, SMELT_MG_K / SMELT_MG_FN, SMELT_MG_FN, SMELT_MG_TO, SMELT_MG_TO_PITCH);
#if !SMELT_MG_CONVERTS
    SMELT_MG_OWN_BARRIER;
#endif
#else
    SMELT_MG_MOVE(coopMatStore, dx, SMELT_MG_K / SMELT_MG_FN, SMELT_MG_FN, SMELT_MG_FROM,
                  SMELT_MG_FROM_PITCH);
    barrier();
#endif
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
#undef SMELT_MG_CONVERTS
#undef SMELT_MG_SOURCE
#undef SMELT_MG_SOURCE_AT
#undef SMELT_MG_SOURCE_PITCH
#undef SMELT_MG_BIAS
#undef SMELT_MG_MOVE
#undef SMELT_MG_OWN_BARRIER
#undef SMELT_MG_COLUMNS
#undef SMELT_MG_TILES
#undef SMELT_MG_SHARE
