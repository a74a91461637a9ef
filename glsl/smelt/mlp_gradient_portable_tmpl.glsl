// SPDX-License-Identifier: MIT
// mlp_gradient_portable_tmpl.glsl: the products of a layer of mlp_gradient_tmpl.glsl in f32, 4 x 4 results an invocation.
//
// what    rows of a tile lie a quarter of the samples apart, so that neighbouring invocations read neighbouring rows; sums of
//         gradients stay in device memory, each with the invocation that owns it
// params  those of mlp_gradient_layer_tmpl.glsl
// makes   LAYER_begin, LAYER_forward, LAYER_backward, LAYER_end
// errors  see mlp_gradient_tmpl.glsl
// needs   mlp_gradient_layer_tmpl.glsl around it
// source  see mlp_gradient_tmpl.glsl
#define SMELT_MG_AT(place) uintBitsToFloat(SMELT_MG_SCRATCH[place])
#define SMELT_MG_WEIGHTS smelt_words4_data(SMELT_CAT(SMELT_MG, _weights))
#define SMELT_MG_SUMS smelt_f32_rw_data(SMELT_CAT(SMELT_MG, _sums))
#define SMELT_MG_QUARTER (SMELT_MG_SAMPLES / 4)
// Tiles of a matrix with a row for each sample that an invocation has, at most.
#define SMELT_MG_TURNS(width) ((SMELT_MG_QUARTER * (width / 4) + SMELT_MG_THREADS - 1) / SMELT_MG_THREADS)

#if !SMELT_MG_FINAL
vec4 SMELT_CAT(SMELT_MG_LAYER, _slope)[SMELT_MG_TURNS(SMELT_MG_N) * 4]; // f'(z) of own tiles
#endif

void SMELT_CAT(SMELT_MG_LAYER, _begin)()
{
    for (uint i = gl_LocalInvocationIndex; i < SMELT_MG_N * (SMELT_MG_K + 1); i += SMELT_MG_THREADS)
        SMELT_MG_SUMS.e[SMELT_MG_BEGIN + i] = 0.0;
}

void SMELT_CAT(SMELT_MG_LAYER, _forward)()
{
    [[dont_unroll]] for (uint t = gl_LocalInvocationIndex; t < SMELT_MG_QUARTER * (SMELT_MG_N / 4);
                         t += SMELT_MG_THREADS)
    {
        uint row = t % SMELT_MG_QUARTER, n = t / SMELT_MG_QUARTER;
        uint bias = (SMELT_MG_BEGIN + SMELT_MG_N * SMELT_MG_K) / 4 + n;
        uint weight = SMELT_MG_BEGIN / 4 + n * SMELT_MG_K;
        vec4 z[4];
        for (uint i = 0u; i < 4u; i++)
            z[i] = uintBitsToFloat(SMELT_MG_WEIGHTS.e[bias]);
        [[dont_unroll]] for (uint k = 0u; k < SMELT_MG_K / 4; k++)
        {
            vec4 w[4];
            for (uint j = 0u; j < 4u; j++)
                w[j] = uintBitsToFloat(SMELT_MG_WEIGHTS.e[weight + j * (SMELT_MG_K / 4) + k]);
            for (uint i = 0u; i < 4u; i++) {
                vec4 x = SMELT_MG_AT(SMELT_MG_FROM + (row + i * SMELT_MG_QUARTER) * SMELT_MG_FROM_PITCH + k);
                for (uint j = 0u; j < 4u; j++)
                    z[i][j] += dot(x, w[j]);
            }
        }
#if !SMELT_MG_FINAL
        for (uint i = 0u; i < 4u; i++)
            SMELT_CAT(SMELT_MG_LAYER, _slope)
        [t / SMELT_MG_THREADS * 4u + i] = SMELT_CAT(smelt_activation_gradient_, SMELT_MG_ACTIVATION)(z[i]);
#endif
        for (uint i = 0u; i < 4u; i++)
            SMELT_MG_SCRATCH[SMELT_MG_TO + (row + i * SMELT_MG_QUARTER) * SMELT_MG_TO_PITCH + n] =
                floatBitsToUint(SMELT_CAT(smelt_activation_, SMELT_MG_ACTIVATION)(z[i]));
    }
    barrier();
}

// Tiles of the weight's gradient, with the bias as one more column of them.
void SMELT_CAT(SMELT_MG_LAYER, _backward_weights)()
{
    const uint columns = SMELT_MG_K / 4 + 1;
    [[dont_unroll]] for (uint t = gl_LocalInvocationIndex; t < SMELT_MG_N / 4 * columns;
                         t += SMELT_MG_THREADS)
    {
        uint n = t / columns, k = t % columns;
        vec4 g[4];
        for (uint j = 0u; j < 4u; j++)
            g[j] = vec4(0.0);
        [[dont_unroll]] for (uint s = 0u; s < SMELT_MG_SAMPLES; s++)
        {
            vec4 dz = SMELT_MG_AT(SMELT_MG_TO + s * SMELT_MG_TO_PITCH + n), x = vec4(1.0);
            if (k < SMELT_MG_K / 4)
                x = SMELT_MG_AT(SMELT_MG_FROM + s * SMELT_MG_FROM_PITCH + k);
            for (uint j = 0u; j < 4u; j++)
                g[j] += dz[j] * x;
        }
        for (uint j = 0u; j < 4u; j++) {
            if (k < SMELT_MG_K / 4)
                for (uint i = 0u; i < 4u; i++)
                    SMELT_MG_SUMS.e[SMELT_MG_BEGIN + (4u * n + j) * SMELT_MG_K + 4u * k + i] += g[j][i];
            else
                SMELT_MG_SUMS.e[SMELT_MG_BEGIN + SMELT_MG_N * SMELT_MG_K + 4u * n + j] += g[j].x;
        }
    }
}

void SMELT_CAT(SMELT_MG_LAYER, _backward)()
{
    SMELT_CAT(SMELT_MG_LAYER, _backward_weights)();
    barrier();
    [[dont_unroll]] for (uint t = gl_LocalInvocationIndex; t < SMELT_MG_QUARTER * (SMELT_MG_K / 4);
                         t += SMELT_MG_THREADS)
    {
        uint row = t % SMELT_MG_QUARTER, k = t / SMELT_MG_QUARTER;
        vec4 dx[4];
        for (uint i = 0u; i < 4u; i++)
            dx[i] = vec4(0.0);
        [[dont_unroll]] for (uint n = 0u; n < SMELT_MG_N / 4; n++)
        {
            vec4 w[4];
            for (uint j = 0u; j < 4u; j++)
                w[j] = uintBitsToFloat(
                    SMELT_MG_WEIGHTS.e[SMELT_MG_BEGIN / 4 + (4u * n + j) * (SMELT_MG_K / 4) + k]);
            for (uint i = 0u; i < 4u; i++) {
                vec4 dz = SMELT_MG_AT(SMELT_MG_TO + (row + i * SMELT_MG_QUARTER) * SMELT_MG_TO_PITCH + n);
                for (uint j = 0u; j < 4u; j++)
                    dx[i] += dz[j] * w[j];
            }
        }
        for (uint i = 0u; i < 4u; i++) {
            uint place = SMELT_MG_FROM + (row + i * SMELT_MG_QUARTER) * SMELT_MG_FROM_PITCH + k;
#if SMELT_MG_INNER
            dx[i] *= SMELT_CAT(SMELT_MG_BEFORE, _slope)[t / SMELT_MG_THREADS * 4u + i];
#endif
            SMELT_MG_SCRATCH[place] = floatBitsToUint(dx[i]);
        }
    }
    barrier();
}

void SMELT_CAT(SMELT_MG_LAYER, _end)()
{
}

#undef SMELT_MG_AT
#undef SMELT_MG_WEIGHTS
#undef SMELT_MG_SUMS
#undef SMELT_MG_QUARTER
#undef SMELT_MG_TURNS
