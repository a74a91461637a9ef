// SPDX-License-Identifier: MIT
// mlp_coopmat_layer_tmpl.glsl: the product of one layer by cooperative matrices; part of
// mlp_cooperative_layer_tmpl.glsl.
//
// what    rows are samples: accumulators begin as the bias (loaded with stride 0), take x times the transposed weight,
//         are activated element by element, and become left operands of the next layer. COOPMAT2 converts; COOPMAT
//         copies elements where the device keeps them in the same places (`direct`), else they pass the scratch
// params  those of mlp_cooperative_layer_tmpl.glsl
// makes   SMELT_MLP_RESULT, SMELT_MLP_LAYER_run
// errors  see mlp_cooperative_tmpl.glsl
// needs   mlp_cooperative_layer_tmpl.glsl around it
// source  see mlp_cooperative_tmpl.glsl
#define SMELT_ML_ACROSS (SMELT_ML_CHUNK / SMELT_MLP_FRAGMENT_N)
#define SMELT_ML_DEEP (SMELT_ML_COLUMNS / SMELT_MLP_FRAGMENT_K)
// Matrices in a layer that are unrolled; the others' loops are the driver's affair.
#if SMELT_ML_ACROSS * SMELT_ML_DEEP * SMELT_ML_DOWN <= 128
#define SMELT_ML_LOOP SMELT_ML_UNROLL
#else
#define SMELT_ML_LOOP
#endif
#if SMELT_MLP_FINAL
#define SMELT_ML_RESULT_TILES (SMELT_ML_OUTPUTS / SMELT_MLP_FRAGMENT_N)
struct SMELT_MLP_RESULT {
    SMELT_ML_C e[SMELT_ML_DOWN * SMELT_ML_RESULT_TILES];
};
#else
#define SMELT_ML_RESULT_TILES (SMELT_ML_OUTPUTS / SMELT_MLP_FRAGMENT_K)
struct SMELT_MLP_RESULT {
    SMELT_ML_A e[SMELT_ML_DOWN * SMELT_ML_RESULT_TILES];
};
#endif
const uint SMELT_CAT(SMELT_MLP_RESULT, _tiles) = SMELT_ML_RESULT_TILES;

SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP_LAYER, _run)(SMELT_MLP_LEFT x, const bool direct
#if SMELT_MLP_SCOPE == SMELT_SCOPE_WORKGROUP
                                                  ,
                                                  SMELT_MLP_LAYER w
#endif
)
{
    SMELT_MLP_RESULT y;
    const uint left = SMELT_CAT(SMELT_MLP_LEFT, _tiles);
    SMELT_ML_LOOP for (uint n0 = 0u; n0 < SMELT_ML_OUTPUTS; n0 += SMELT_ML_CHUNK)
    {
#if SMELT_MLP_SCOPE == SMELT_SCOPE_WORKGROUP
        barrier();
        SMELT_CAT(SMELT_MLP_LAYER, _stage)(w, n0);
        barrier();
#endif
        SMELT_ML_C c[SMELT_ML_DOWN * SMELT_ML_ACROSS];
        SMELT_ML_LOOP for (uint j = 0u; j < SMELT_ML_ACROSS; j++)
        {
#if SMELT_MLP_BIAS
            coopMatLoad(c[j], SMELT_MLP_SCRATCH,
                        SMELT_ML_BEGIN + SMELT_ML_CHUNK * SMELT_ML_STRIDE +
                            j * (SMELT_MLP_FRAGMENT_N / SMELT_ML_SUMS),
                        0, gl_CooperativeMatrixLayoutRowMajor);
#else
            c[j] = SMELT_ML_C(SMELT_ML_S(0));
#endif
            SMELT_ML_UNROLL for (uint r = 1u; r < SMELT_ML_DOWN; r++) c[r * SMELT_ML_ACROSS + j] = c[j];
        }
        SMELT_ML_LOOP for (uint k = 0u; k < SMELT_ML_DEEP; k++)
        {
            SMELT_ML_LOOP for (uint j = 0u; j < SMELT_ML_ACROSS; j++)
            {
                SMELT_ML_B b;
                coopMatLoad(b, SMELT_MLP_SCRATCH,
                            SMELT_ML_BEGIN + j * (SMELT_MLP_FRAGMENT_N * SMELT_ML_STRIDE) +
                                k * (SMELT_MLP_FRAGMENT_K / 8),
                            SMELT_ML_STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
                SMELT_ML_UNROLL for (uint r = 0u; r < SMELT_ML_DOWN; r++) c[r * SMELT_ML_ACROSS + j] =
                    coopMatMulAdd(x.e[r * left + k], b, c[r * SMELT_ML_ACROSS + j]);
            }
        }
        SMELT_ML_LOOP for (uint j = 0u; j < SMELT_ML_DOWN * SMELT_ML_ACROSS; j++)
        {
            SMELT_ML_UNROLL for (uint i = 0u; i < c[j].length(); i++) c[j][i] =
                SMELT_CAT(smelt_activation_, SMELT_MLP_ACTIVATION)(c[j][i]);
        }
        SMELT_ML_LOOP for (uint r = 0u; r < SMELT_ML_DOWN; r++)
        {
#if SMELT_MLP_FINAL
            SMELT_ML_LOOP for (uint j = 0u; j < SMELT_ML_ACROSS; j++)
            {
                y.e[r * SMELT_ML_RESULT_TILES + n0 / SMELT_MLP_FRAGMENT_N + j] = c[r * SMELT_ML_ACROSS + j];
            }
#else
            SMELT_ML_LOOP for (uint t = 0u; t < SMELT_ML_CHUNK; t += SMELT_ML_UNIT)
            {
                uint from = r * SMELT_ML_ACROSS + t / SMELT_MLP_FRAGMENT_N;
                uint to = r * SMELT_ML_RESULT_TILES + (n0 + t) / SMELT_MLP_FRAGMENT_K;
#if SMELT_MLP_FRAGMENT_N == SMELT_MLP_FRAGMENT_K && SMELT_MLP_BACKEND == SMELT_BACKEND_COOPMAT2
                y.e[to] = SMELT_ML_A(SMELT_ML_H(c[from]));
#else
#if SMELT_MLP_FRAGMENT_N == SMELT_MLP_FRAGMENT_K
                if (direct) {
                    SMELT_ML_UNROLL for (uint i = 0u; i < c[from].length(); i++) y.e[to][i] =
                        float16_t(c[from][i]);
                } else
#endif
                {
                    uint area = SMELT_CAT(SMELT_MLP, _area)();
                    SMELT_CAT(SMELT_MLP, _barrier)();
                    SMELT_ML_UNROLL for (uint j = 0u; j < SMELT_ML_UNIT / SMELT_MLP_FRAGMENT_N; j++)
                        coopMatStore(SMELT_ML_H(c[from + j]), SMELT_MLP_SCRATCH,
                                     area + j * (SMELT_MLP_FRAGMENT_N / 8), SMELT_ML_PITCH,
                                     gl_CooperativeMatrixLayoutRowMajor);
                    SMELT_CAT(SMELT_MLP, _barrier)();
                    SMELT_ML_UNROLL for (uint k = 0u; k < SMELT_ML_UNIT / SMELT_MLP_FRAGMENT_K; k++)
                        coopMatLoad(y.e[to + k], SMELT_MLP_SCRATCH, area + k * (SMELT_MLP_FRAGMENT_K / 8),
                                    SMELT_ML_PITCH, gl_CooperativeMatrixLayoutRowMajor);
                }
#endif
            }
#endif
        }
    }
    return y;
}

#undef SMELT_ML_ACROSS
#undef SMELT_ML_DEEP
#undef SMELT_ML_LOOP
#undef SMELT_ML_RESULT_TILES
