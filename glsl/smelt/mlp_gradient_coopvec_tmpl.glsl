// SPDX-License-Identifier: MIT
// mlp_gradient_coopvec_tmpl.glsl: the products of a layer of mlp_gradient_tmpl.glsl by cooperative vectors.
//
// what    an invocation has a sample, whose values stay in vectors. Gradients of weights are outer products that the device adds
//         up in a layout of its own, in f16 and in any order: the same steps twice do not give the same bits. At the end
//         each column comes back as the product with a unit vector
// params  those of mlp_gradient_layer_tmpl.glsl
// makes   LAYER_begin, LAYER_forward, LAYER_backward, LAYER_end; const uint LAYER_place_end: bytes
// errors  see mlp_gradient_tmpl.glsl
// needs   mlp_gradient_layer_tmpl.glsl around it
// source  GLSL_NV_cooperative_vector, the training part
#define SMELT_MG_VK coopvecNV<float16_t, SMELT_MG_K>
#define SMELT_MG_VN coopvecNV<float16_t, SMELT_MG_N>
#define SMELT_MG_WEIGHTS smelt_words1_data(SMELT_CAT(SMELT_MG, _weights)).e
#define SMELT_MG_ACCUMULATED smelt_f16_matrix_data(SMELT_CAT(SMELT_MG, _accumulators_at)).e
#define SMELT_MG_OWN_FROM (SMELT_MG_FROM + gl_LocalInvocationIndex * SMELT_MG_FROM_PITCH)
#define SMELT_MG_OWN_TO (SMELT_MG_TO + gl_LocalInvocationIndex * SMELT_MG_TO_PITCH)
// Bytes of the accumulators: 8 for each weight, then the bias.
#if SMELT_MG_INNER
const uint SMELT_CAT(SMELT_MG_LAYER, _place) = SMELT_CAT(SMELT_MG_BEFORE, _place_end);
#else
const uint SMELT_CAT(SMELT_MG_LAYER, _place) = 0u;
#endif
const uint SMELT_CAT(SMELT_MG_LAYER, _bias_place) = SMELT_CAT(SMELT_MG_LAYER, _place) +
                                                    8 * SMELT_MG_N * SMELT_MG_K;
const uint SMELT_CAT(SMELT_MG_LAYER, _place_end) = SMELT_CAT(SMELT_MG_LAYER, _bias_place) +
                                                   (2 * SMELT_MG_N + 63) / 64 * 64;

SMELT_MG_VK SMELT_CAT(SMELT_MG_LAYER, _x);
SMELT_MG_VN SMELT_CAT(SMELT_MG_LAYER, _y), SMELT_CAT(SMELT_MG_LAYER, _slope), SMELT_CAT(SMELT_MG_LAYER, _dz);

void SMELT_CAT(SMELT_MG_LAYER, _begin)()
{
    [[dont_unroll]] for (uint i = SMELT_CAT(SMELT_MG_LAYER, _place) / 2 + gl_LocalInvocationIndex;
                         i < SMELT_CAT(SMELT_MG_LAYER, _place_end) / 2; i += SMELT_MG_THREADS)
        SMELT_MG_ACCUMULATED[i] = float16_t(0.0);
    memoryBarrierBuffer();
}

void SMELT_CAT(SMELT_MG_LAYER, _forward)()
{
    SMELT_MG_VN z;
#if SMELT_MG_INNER
    SMELT_CAT(SMELT_MG_LAYER, _x) = SMELT_CAT(SMELT_MG_BEFORE, _y);
#else
    [[unroll]] for (uint i = 0u; i < SMELT_MG_K; i++) SMELT_CAT(SMELT_MG_LAYER, _x)[i] =
        float16_t(unpackHalf2x16(SMELT_MG_SCRATCH[SMELT_MG_OWN_FROM + i / 8][i / 2 % 4])[i % 2]);
#endif
    coopVecMatMulAddNV(z, SMELT_CAT(SMELT_MG_LAYER, _x), gl_ComponentTypeFloat16NV, SMELT_MG_WEIGHTS,
                       2 * SMELT_MG_BEGIN, gl_ComponentTypeFloat16NV, SMELT_MG_WEIGHTS,
                       2 * (SMELT_MG_BEGIN + SMELT_MG_N * SMELT_MG_K), gl_ComponentTypeFloat16NV, SMELT_MG_N,
                       SMELT_MG_K, gl_CooperativeVectorMatrixLayoutRowMajorNV, false, 2 * SMELT_MG_K);
    [[unroll]] for (uint n = 0u; n < SMELT_MG_N; n++)
    {
        float v = float(z[n]);
        SMELT_CAT(SMELT_MG_LAYER, _slope)
        [n] = float16_t(SMELT_CAT(smelt_activation_gradient_, SMELT_MG_ACTIVATION)(v));
        SMELT_CAT(SMELT_MG_LAYER, _y)[n] = float16_t(SMELT_CAT(smelt_activation_, SMELT_MG_ACTIVATION)(v));
    }
#if SMELT_MG_FINAL
    [[unroll]] for (uint n = 0u; n < SMELT_MG_N; n++) SMELT_MG_SCRATCH[SMELT_MG_OWN_TO + n / 4][n % 4] =
        floatBitsToUint(float(SMELT_CAT(SMELT_MG_LAYER, _y)[n]));
#endif
}

void SMELT_CAT(SMELT_MG_LAYER, _backward)()
{
    SMELT_MG_VN dz;
    SMELT_MG_VK dx;
#if SMELT_MG_FINAL
    [[unroll]] for (uint n = 0u; n < SMELT_MG_N; n++) dz[n] =
        float16_t(unpackHalf2x16(SMELT_MG_SCRATCH[SMELT_MG_OWN_TO + n / 8][n / 2 % 4])[n % 2]);
#else
    dz = SMELT_CAT(SMELT_MG_LAYER, _dz);
#endif
    coopVecOuterProductAccumulateNV(
        dz, SMELT_CAT(SMELT_MG_LAYER, _x), SMELT_MG_ACCUMULATED, SMELT_CAT(SMELT_MG_LAYER, _place), 0,
        gl_CooperativeVectorMatrixLayoutTrainingOptimalNV, gl_ComponentTypeFloat16NV);
    coopVecReduceSumAccumulateNV(dz, SMELT_MG_ACCUMULATED, SMELT_CAT(SMELT_MG_LAYER, _bias_place));
    // The transposed weight: the same elements, column-major.
    coopVecMatMulNV(dx, dz, gl_ComponentTypeFloat16NV, SMELT_MG_WEIGHTS, 2 * SMELT_MG_BEGIN,
                    gl_ComponentTypeFloat16NV, SMELT_MG_K, SMELT_MG_N,
                    gl_CooperativeVectorMatrixLayoutColumnMajorNV, false, 2 * SMELT_MG_K);
#if SMELT_MG_INNER
    SMELT_CAT(SMELT_MG_BEFORE, _dz) = dx * SMELT_CAT(SMELT_MG_BEFORE, _slope);
#else
    [[unroll]] for (uint i = 0u; i < SMELT_MG_K; i += 2)
        SMELT_MG_SCRATCH[SMELT_MG_OWN_FROM + i / 8][i / 2 % 4] = packHalf2x16(vec2(dx[i], dx[i + 1]));
    barrier();
#endif
}

void SMELT_CAT(SMELT_MG_LAYER, _end)()
{
    memoryBarrierBuffer();
    barrier();
    [[dont_unroll]] for (uint k = gl_LocalInvocationIndex; k < SMELT_MG_K; k += SMELT_MG_THREADS)
    {
        SMELT_MG_VK unit;
        SMELT_MG_VN column;
        [[unroll]] for (uint i = 0u; i < SMELT_MG_K; i++) unit[i] = float16_t(i == k ? 1.0 : 0.0);
        coopVecMatMulNV(column, unit, gl_ComponentTypeFloat16NV, SMELT_MG_ACCUMULATED,
                        SMELT_CAT(SMELT_MG_LAYER, _place), gl_ComponentTypeFloat16NV, SMELT_MG_N, SMELT_MG_K,
                        gl_CooperativeVectorMatrixLayoutTrainingOptimalNV, false, 0);
        [[unroll]] for (uint n = 0u; n < SMELT_MG_N; n++) smelt_f32_w_data(SMELT_CAT(SMELT_MG, _sums))
            .e[SMELT_MG_BEGIN + n * SMELT_MG_K + k] = float(column[n]);
    }
    for (uint n = gl_LocalInvocationIndex; n < SMELT_MG_N; n += SMELT_MG_THREADS)
        smelt_f32_w_data(SMELT_CAT(SMELT_MG, _sums)).e[SMELT_MG_BEGIN + SMELT_MG_N * SMELT_MG_K + n] =
            float(SMELT_MG_ACCUMULATED[SMELT_CAT(SMELT_MG_LAYER, _bias_place) / 2 + n]);
}

#undef SMELT_MG_VK
#undef SMELT_MG_VN
#undef SMELT_MG_WEIGHTS
#undef SMELT_MG_ACCUMULATED
#undef SMELT_MG_OWN_FROM
#undef SMELT_MG_OWN_TO
