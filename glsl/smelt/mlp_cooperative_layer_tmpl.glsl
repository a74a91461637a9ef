// SPDX-License-Identifier: MIT
// mlp_cooperative_layer_tmpl.glsl: one layer of mlp_cooperative_tmpl.glsl: its weights' types and place in the
// scratch, and its product.
//
// what    rows of the weight, padded by zeros to whole tiles, pitch odd in uvec4 (no two of eight rows share a bank);
//         then the bias as sums. At WORKGROUP scope CHUNK rows at a time
// params  those of mlp_layer_tmpl.glsl (not undefined here)
// makes   SMELT_MLP_RESULT, SMELT_MLP_LAYER, its _stage and _run
// errors  see mlp_cooperative_tmpl.glsl
// needs   mlp_cooperative_tmpl.glsl before it
// source  see mlp_cooperative_tmpl.glsl
#define SMELT_TENSOR SMELT_CAT(SMELT_MLP_LAYER, _weight)
#define SMELT_DTYPE SMELT_MLP_STORED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 SMELT_MLP_N
#define SMELT_EXTENT1 SMELT_MLP_K
#include "smelt/tensor_tmpl.glsl"
#if SMELT_MLP_BIAS
#define SMELT_TENSOR SMELT_CAT(SMELT_MLP_LAYER, _bias)
#define SMELT_DTYPE SMELT_MLP_STORED
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 SMELT_MLP_N
#include "smelt/tensor_tmpl.glsl"
#endif

struct SMELT_MLP_LAYER {
    SMELT_CAT(SMELT_CAT(SMELT_CAT(SMELT_MLP_LAYER, SMELT_ML_WEIGHT_TAG), SMELT_MLP_N),
              SMELT_CAT(x, SMELT_MLP_K))
    weight;
#if SMELT_MLP_BIAS
    SMELT_CAT(SMELT_CAT(SMELT_MLP_LAYER, SMELT_ML_BIAS_TAG), SMELT_MLP_N) bias;
#endif
};
void SMELT_CAT(SMELT_MLP_LAYER, _check)()
{
    const int bias = SMELT_CAT(smelt_flag_is_, SMELT_MLP_BIAS);
    const int unroll = SMELT_CAT(smelt_flag_is_, SMELT_MLP_UNROLL);
    SMELT_CAT(smelt_activation_, SMELT_MLP_ACTIVATION)(0.0);
}

#define SMELT_ML_COLUMNS ((SMELT_MLP_K + SMELT_ML_UNIT - 1) / SMELT_ML_UNIT * SMELT_ML_UNIT)
#if SMELT_MLP_FINAL
#define SMELT_ML_WHOLE ((SMELT_MLP_N + SMELT_ML_LAST_UNIT - 1) / SMELT_ML_LAST_UNIT * SMELT_ML_LAST_UNIT)
#else
#define SMELT_ML_WHOLE ((SMELT_MLP_N + SMELT_ML_UNIT - 1) / SMELT_ML_UNIT * SMELT_ML_UNIT)
#endif
#if SMELT_MLP_SCOPE == SMELT_SCOPE_SUBGROUP || SMELT_MLP_STAGE > SMELT_ML_WHOLE
#define SMELT_ML_CHUNK SMELT_ML_WHOLE
#else
#define SMELT_ML_CHUNK SMELT_MLP_STAGE
#endif
#define SMELT_ML_OUTPUTS ((SMELT_ML_WHOLE + SMELT_ML_CHUNK - 1) / SMELT_ML_CHUNK * SMELT_ML_CHUNK)
#define SMELT_ML_STRIDE (SMELT_ML_COLUMNS / SMELT_ML_GROUP | 1)
#define SMELT_ML_BIASES ((SMELT_ML_CHUNK + SMELT_ML_SUMS - 1) / SMELT_ML_SUMS)

// From `begin` on; `end` is that of the scratch for weights, up to this layer.
const uint SMELT_CAT(SMELT_MLP_LAYER, _size) = SMELT_ML_CHUNK * SMELT_ML_STRIDE
                                               + SMELT_ML_BIASES * SMELT_MLP_BIAS;
#ifndef SMELT_MLP_BEFORE
#define SMELT_ML_BEGIN 0u
const uint SMELT_CAT(SMELT_MLP_LAYER, _end) = SMELT_CAT(SMELT_MLP_LAYER, _size);
#elif SMELT_MLP_SCOPE == SMELT_SCOPE_SUBGROUP
#define SMELT_ML_BEGIN SMELT_CAT(SMELT_MLP_BEFORE, _end)
const uint SMELT_CAT(SMELT_MLP_LAYER, _end) = SMELT_ML_BEGIN + SMELT_CAT(SMELT_MLP_LAYER, _size);
#else
#define SMELT_ML_BEGIN 0u
const uint SMELT_CAT(SMELT_MLP_LAYER, _end) = max(SMELT_CAT(SMELT_MLP_BEFORE, _end),
                                                  SMELT_CAT(SMELT_MLP_LAYER, _size));
#endif

// GROUP elements of a row of the weight; 0 outside.
uvec4 SMELT_CAT(SMELT_MLP_LAYER, _words)(SMELT_MLP_LAYER w, uint row, uint column)
{
    uvec4 words = uvec4(0u);
#if SMELT_MLP_STORED == SMELT_MLP_COMPUTED && SMELT_MLP_K % SMELT_ML_GROUP == 0
    if (row < SMELT_MLP_N && column < SMELT_MLP_K)
        words = smelt_words4_data(uvec2(w.weight.data)).e[(row * SMELT_MLP_K + column) / SMELT_ML_GROUP];
#else
    for (uint j = 0u; j < SMELT_ML_GROUP; j++) {
        float v = smelt_load(w.weight, row, column + j);
#if SMELT_MLP_COMPUTED == SMELT_DTYPE_F16
        words[j / 2u] |= packHalf2x16(vec2(v, 0.0)) << (16u * (j & 1u));
#else
        words[j] = floatBitsToUint(v);
#endif
    }
#endif
    return words;
}

// Writes rows first to first + CHUNK - 1 to the scratch. By the whole workgroup.
void SMELT_CAT(SMELT_MLP_LAYER, _stage)(SMELT_MLP_LAYER w, uint first)
{
    const uint groups = SMELT_ML_COLUMNS / SMELT_ML_GROUP;
    for (uint i = gl_LocalInvocationIndex; i < SMELT_ML_CHUNK * groups; i += SMELT_ML_THREADS)
        SMELT_MLP_SCRATCH[SMELT_ML_BEGIN + i / groups * SMELT_ML_STRIDE + i % groups] =
            SMELT_CAT(SMELT_MLP_LAYER, _words)(w, first + i / groups, i % groups * SMELT_ML_GROUP);
#if SMELT_MLP_BIAS
    for (uint i = gl_LocalInvocationIndex; i < SMELT_ML_BIASES; i += SMELT_ML_THREADS) {
        uvec4 words = uvec4(0u);
        for (uint j = 0u; j < SMELT_ML_SUMS; j++) {
            float v = smelt_load(w.bias, first + i * SMELT_ML_SUMS + j);
#if SMELT_MLP_ACCUMULATED == SMELT_DTYPE_F16
            words[j / 2u] |= packHalf2x16(vec2(v, 0.0)) << (16u * (j & 1u));
#else
            words[j] = floatBitsToUint(v);
#endif
        }
        SMELT_MLP_SCRATCH[SMELT_ML_BEGIN + SMELT_ML_CHUNK * SMELT_ML_STRIDE + i] = words;
    }
#endif
}

#if SMELT_MLP_BACKEND == SMELT_BACKEND_PORTABLE
#include "smelt/mlp_portable_layer_tmpl.glsl"
#else
#include "smelt/mlp_coopmat_layer_tmpl.glsl"
#endif

#undef SMELT_ML_COLUMNS
#undef SMELT_ML_WHOLE
#undef SMELT_ML_CHUNK
#undef SMELT_ML_OUTPUTS
#undef SMELT_ML_STRIDE
#undef SMELT_ML_BIASES
#undef SMELT_ML_BEGIN
