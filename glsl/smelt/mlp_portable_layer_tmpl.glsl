// SPDX-License-Identifier: MIT
// mlp_portable_layer_tmpl.glsl: the product of one layer in plain arithmetic, with the weights in shared memory; part of
// mlp_cooperative_layer_tmpl.glsl.
//
// what    each invocation its own samples, which share every read of a weight; a rolled loop over blocks of columns, an
//         unrolled one over K in it. Pairs of neighbouring k: f16 runs two to an instruction
// params  those of mlp_cooperative_layer_tmpl.glsl
// makes   SMELT_MLP_RESULT, SMELT_MLP_LAYER_run
// errors  see mlp_cooperative_tmpl.glsl. A sum is taken in two halves (even and odd k), which are then added
// needs   mlp_cooperative_layer_tmpl.glsl around it
// source  measured on an H200: reads of shared memory that all lanes make alike return 256 bytes a cycle, so two samples
//         for each read meet the rate of f16 arithmetic
#if SMELT_MLP_SAMPLES > 2
#define SMELT_ML_BLOCK 2
#else
#define SMELT_ML_BLOCK 4
#endif
#define SMELT_ML_STEPS (SMELT_ML_COLUMNS / SMELT_ML_GROUP)
#define SMELT_ML_LEFT_PAIRS (SMELT_ML_COLUMNS / 2)
#if SMELT_ML_COLUMNS <= 128
#define SMELT_ML_STRETCH SMELT_ML_STEPS
#define SMELT_ML_X(s, p) a[(s)*SMELT_ML_LEFT_PAIRS + (p)]
#else
#define SMELT_ML_X(s, p) SMELT_ML_FACTOR(before[(s)*SMELT_ML_LEFT_PAIRS + (p)])
#if SMELT_ML_STEPS % 4 == 0
#define SMELT_ML_STRETCH 4
#elif SMELT_ML_STEPS % 2 == 0
#define SMELT_ML_STRETCH 2
#else
#define SMELT_ML_STRETCH 1
#endif
#endif
#if SMELT_MLP_COMPUTED == SMELT_DTYPE_F32
#define SMELT_ML_WEIGHT(q, j) uintBitsToFloat(uvec2(q[2 * (j)], q[2 * (j) + 1]))
#elif SMELT_MLP_ACCUMULATED == SMELT_DTYPE_F32
#define SMELT_ML_WEIGHT(q, j) unpackHalf2x16(q[j])
#else
#define SMELT_ML_WEIGHT(q, j) unpackFloat2x16(q[j])
#endif
#if SMELT_MLP_ACCUMULATED == SMELT_DTYPE_F16
#define SMELT_ML_PUT(v) smelt_pair_pack(v)
#define SMELT_ML_PAIR_OF_BIAS(p) unpackFloat2x16(SMELT_MLP_SCRATCH[bias + (p) / 4u][(p) % 4u])
#else
#define SMELT_ML_PUT(v) (v)
#define SMELT_ML_PAIR_OF_BIAS(p)                                                                             \
    uintBitsToFloat(uvec2(SMELT_MLP_SCRATCH[bias + (p) / 2u][(p) % 2u * 2u],                                 \
                          SMELT_MLP_SCRATCH[bias + (p) / 2u][(p) % 2u * 2u + 1u]))
#endif

struct SMELT_MLP_RESULT {
    bool held;
};

SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP_LAYER, _run)(SMELT_MLP_LEFT x, const bool direct
#if SMELT_MLP_SCOPE == SMELT_SCOPE_WORKGROUP
                                                  ,
                                                  SMELT_MLP_LAYER w
#endif
)
{
    const uint bias = SMELT_ML_BEGIN + SMELT_ML_CHUNK * SMELT_ML_STRIDE;
#if SMELT_ML_COLUMNS <= 128
    SMELT_ML_P a[SMELT_MLP_SAMPLES * SMELT_ML_LEFT_PAIRS];
    [[unroll]] for (uint s = 0u; s < SMELT_MLP_SAMPLES; s++)
    {
        [[unroll]] for (uint p = 0u; p < SMELT_ML_LEFT_PAIRS; p++)
        {
            a[s * SMELT_ML_LEFT_PAIRS + p] = SMELT_ML_FACTOR(SMELT_ML_HELD[s * SMELT_ML_PAIRS + p]);
        }
    }
#else
    SMELT_ML_E before[SMELT_MLP_SAMPLES * SMELT_ML_LEFT_PAIRS];
    for (uint s = 0u; s < SMELT_MLP_SAMPLES; s++)
        for (uint p = 0u; p < SMELT_ML_LEFT_PAIRS; p++)
            before[s * SMELT_ML_LEFT_PAIRS + p] = SMELT_ML_HELD[s * SMELT_ML_PAIRS + p];
#endif
    for (uint chunk = 0u; chunk < SMELT_ML_OUTPUTS; chunk += SMELT_ML_CHUNK) {
#if SMELT_MLP_SCOPE == SMELT_SCOPE_WORKGROUP
        barrier();
        SMELT_CAT(SMELT_MLP_LAYER, _stage)(w, chunk);
        barrier();
#endif
        for (uint n0 = 0u; n0 < SMELT_ML_CHUNK; n0 += SMELT_ML_BLOCK) {
            SMELT_ML_P sum[SMELT_MLP_SAMPLES * SMELT_ML_BLOCK];
            [[unroll]] for (uint i = 0u; i < SMELT_MLP_SAMPLES * SMELT_ML_BLOCK; i++) sum[i] =
                SMELT_ML_P(SMELT_ML_S(0));
            for (uint k0 = 0u; k0 < SMELT_ML_STEPS; k0 += SMELT_ML_STRETCH)
                [[unroll]] for (uint k = k0; k < k0 + SMELT_ML_STRETCH; k++)
                {
                    [[unroll]] for (uint n = 0u; n < SMELT_ML_BLOCK; n++)
                    {
                        uvec4 q = SMELT_MLP_SCRATCH[SMELT_ML_BEGIN + (n0 + n) * SMELT_ML_STRIDE + k];
                        [[unroll]] for (uint j = 0u; j < SMELT_ML_GROUP / 2; j++)
                        {
                            SMELT_ML_P f = SMELT_ML_WEIGHT(q, j);
                            [[unroll]] for (uint s = 0u; s < SMELT_MLP_SAMPLES; s++)
                            {
                                sum[s * SMELT_ML_BLOCK + n] =
                                    fma(f, SMELT_ML_X(s, k * (SMELT_ML_GROUP / 2) + j),
                                        sum[s * SMELT_ML_BLOCK + n]);
                            }
                        }
                    }
                }
            [[unroll]] for (uint p = 0u; p < SMELT_ML_BLOCK / 2; p++)
            {
#if SMELT_MLP_BIAS
                SMELT_ML_P start = SMELT_ML_PAIR_OF_BIAS(n0 / 2u + p);
#else
                SMELT_ML_P start = SMELT_ML_P(SMELT_ML_S(0));
#endif
                [[unroll]] for (uint s = 0u; s < SMELT_MLP_SAMPLES; s++)
                {
                    SMELT_ML_P even = sum[s * SMELT_ML_BLOCK + 2u * p];
                    SMELT_ML_P odd = sum[s * SMELT_ML_BLOCK + 2u * p + 1u];
                    SMELT_ML_P v = SMELT_ML_P(even.x + even.y, odd.x + odd.y) + start;
                    SMELT_ML_HELD[s * SMELT_ML_PAIRS + (chunk + n0) / 2u + p] =
                        SMELT_ML_PUT(SMELT_CAT(smelt_activation_, SMELT_MLP_ACTIVATION)(v));
                }
            }
        }
    }
    return SMELT_MLP_RESULT(true);
}

#undef SMELT_ML_BLOCK
#undef SMELT_ML_STEPS
#undef SMELT_ML_LEFT_PAIRS
#undef SMELT_ML_STRETCH
#undef SMELT_ML_X
#undef SMELT_ML_WEIGHT
#undef SMELT_ML_PUT
#undef SMELT_ML_PAIR_OF_BIAS
