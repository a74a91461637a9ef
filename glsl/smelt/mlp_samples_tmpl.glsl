// SPDX-License-Identifier: MIT
// mlp_samples_tmpl.glsl: inputs and outputs of mlp_tmpl.glsl in device memory; part of it.
//
// what    rows of a tensor to the invocation's NAME_input and its NAME_output to rows of another, 16 bytes at a time
//         where rows allow it
// params  those of mlp_tmpl.glsl
// makes   NAME_samples_<computed>_2_r_0x<in>, NAME_results_<accumulated>_2_w_0x<out>, NAME_read, NAME_write
// errors  none: bits are copied
// needs   mlp_tmpl.glsl around it
// source  see mlp_tmpl.glsl
#define SMELT_TENSOR SMELT_CAT(SMELT_MLP, _samples)
#define SMELT_DTYPE SMELT_MLP_COMPUTED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 SMELT_MLP_WIDTH0
#include "smelt/tensor_tmpl.glsl"

#define SMELT_TENSOR SMELT_CAT(SMELT_MLP, _results)
#define SMELT_DTYPE SMELT_MLP_ACCUMULATED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 SMELT_MLP_WIDTH
#include "smelt/tensor_tmpl.glsl"

// The types just made. GROUP: elements of 16 bytes; PAIRS of a row; WORDS: a uvec4 of such as pairs.
#if SMELT_MLP_COMPUTED == SMELT_DTYPE_F16
#define SMELT_MLP_SAMPLES_T SMELT_CAT(SMELT_CAT(SMELT_MLP, _samples_f16_2_r_0x), SMELT_MLP_WIDTH0)
#define SMELT_MLP_GROUP 8
#define SMELT_MLP_PAIR uint
#define SMELT_MLP_FROM(q, j) q[j]
#define SMELT_MLP_ONE(t, i) uint((t).data.e[i])
#define SMELT_MLP_TWO(a, b) ((a) | (b) << 16)
#define SMELT_MLP_NONE 0u
#define SMELT_MLP_FIRST_HALF(e) ((e)&0xffffu)
#else
#define SMELT_MLP_SAMPLES_T SMELT_CAT(SMELT_CAT(SMELT_MLP, _samples_f32_2_r_0x), SMELT_MLP_WIDTH0)
#define SMELT_MLP_GROUP 4
#define SMELT_MLP_PAIR vec2
#define SMELT_MLP_FROM(q, j) uintBitsToFloat(uvec2(q[2 * (j)], q[2 * (j) + 1]))
#define SMELT_MLP_ONE(t, i) (t).data.e[i]
#define SMELT_MLP_TWO(a, b) vec2(a, b)
#define SMELT_MLP_NONE 0.0
#define SMELT_MLP_FIRST_HALF(e) vec2((e).x, 0.0)
#endif
#if SMELT_MLP_ACCUMULATED == SMELT_DTYPE_F16
#define SMELT_MLP_RESULTS_T SMELT_CAT(SMELT_CAT(SMELT_MLP, _results_f16_2_w_0x), SMELT_MLP_WIDTH)
#define SMELT_MLP_RESULT_GROUP 8
#define SMELT_MLP_RESULT_PAIR uint
#define SMELT_MLP_TO(e, p) uvec4(e[p], e[(p) + 1], e[(p) + 2], e[(p) + 3])
#define SMELT_MLP_RESULT_FROM(q, j) q[j]
#define SMELT_MLP_OF(e, i) uint16_t(e >> 16 * ((i)&1))
#else
#define SMELT_MLP_RESULTS_T SMELT_CAT(SMELT_CAT(SMELT_MLP, _results_f32_2_w_0x), SMELT_MLP_WIDTH)
#define SMELT_MLP_RESULT_GROUP 4
#define SMELT_MLP_RESULT_PAIR vec2
#define SMELT_MLP_TO(e, p) floatBitsToUint(vec4(e[p], e[(p) + 1]))
#define SMELT_MLP_RESULT_FROM(q, j) uintBitsToFloat(uvec2(q[2 * (j)], q[2 * (j) + 1]))
#define SMELT_MLP_OF(e, i) e[(i)&1]
#endif
#define SMELT_MLP_X SMELT_CAT(SMELT_MLP, _input)
#define SMELT_MLP_Y SMELT_CAT(SMELT_MLP, _output)
#define SMELT_MLP_X_PAIRS ((SMELT_MLP_WIDTH0 + 1) / 2)
#define SMELT_MLP_Y_PAIRS ((SMELT_MLP_WIDTH + 1) / 2)

#if SMELT_MLP_WIDTH0 <= 64
#define SMELT_MLP_X_LOOP [[unroll]]
#else
#define SMELT_MLP_X_LOOP
#endif
#if SMELT_MLP_WIDTH <= 64
#define SMELT_MLP_Y_LOOP [[unroll]]
#else
#define SMELT_MLP_Y_LOOP
#endif

// Sample s is row + s step; what lies outside is 0. A loop that may stay rolled fills an array of its own, so that x
// is only ever indexed by constants.
SMELT_MLP_X SMELT_CAT(SMELT_MLP, _read)(SMELT_MLP_SAMPLES_T t, uint row, uint step)
{
    SMELT_MLP_X x;
    bool vectors = SMELT_MLP_WIDTH0 % SMELT_MLP_GROUP == 0 && smelt_stride(t, 1u) == 1u &&
                   smelt_stride(t, 0u) % SMELT_MLP_GROUP == 0u && (uvec2(t.data).x & 15u) == 0u;
    [[unroll]] for (int s = 0; s < SMELT_MLP_SAMPLES; s++)
    {
        uint sample_row = row + uint(s) * step;
        bool inside = sample_row < smelt_extent(t, 0u);
        uint first = inside ? sample_row * smelt_stride(t, 0u) : 0u;
#if SMELT_MLP_BACKEND == SMELT_BACKEND_COOPVEC
        x.e[s] = coopvecNV<float16_t, SMELT_MLP_WIDTH0>(float16_t(0));
        if (vectors && inside) {
            coopVecLoadNV(x.e[s], smelt_words1_data(uvec2(t.data)).e, 2u * first);
        } else if (inside) {
            SMELT_MLP_X_LOOP for (uint i = 0u; i < SMELT_MLP_WIDTH0; i++)
            {
                uint bits = uint(t.data.e[first + i * smelt_stride(t, 1u)]);
                x.e[s][i] = unpackFloat2x16(bits).x;
            }
        }
#else
        if (vectors) {
            [[unroll]] for (int g = 0; g < SMELT_MLP_WIDTH0 / SMELT_MLP_GROUP; g++)
            {
                uvec4 q = uvec4(0u);
                if (inside)
                    q = smelt_words4_data(uvec2(t.data)).e[first / SMELT_MLP_GROUP + uint(g)];
                [[unroll]] for (int j = 0; j < SMELT_MLP_GROUP / 2; j++)
                {
                    x.e[s * SMELT_MLP_X_PAIRS + g * (SMELT_MLP_GROUP / 2) + j] = SMELT_MLP_FROM(q, j);
                }
            }
        } else {
            SMELT_MLP_PAIR pairs[SMELT_MLP_X_PAIRS];
            SMELT_MLP_X_LOOP for (int p = 0; p < SMELT_MLP_X_PAIRS; p++)
            {
                uint at = first + 2u * uint(p) * smelt_stride(t, 1u);
                pairs[p] = SMELT_MLP_TWO(SMELT_MLP_NONE, SMELT_MLP_NONE);
                if (inside)
                    pairs[p] = SMELT_MLP_TWO(SMELT_MLP_ONE(t, at), SMELT_MLP_NONE);
                if (inside && 2 * p + 1 < SMELT_MLP_WIDTH0)
                    pairs[p] =
                        SMELT_MLP_TWO(SMELT_MLP_ONE(t, at), SMELT_MLP_ONE(t, at + smelt_stride(t, 1u)));
            }
            [[unroll]] for (int p = 0; p < SMELT_MLP_X_PAIRS; p++)
            {
                x.e[s * SMELT_MLP_X_PAIRS + p] = pairs[p];
            }
        }
#endif
    }
    return x;
}

void SMELT_CAT(SMELT_MLP, _write)(SMELT_MLP_RESULTS_T t, uint row, uint step, SMELT_MLP_Y y)
{
    bool vectors = SMELT_MLP_WIDTH % SMELT_MLP_RESULT_GROUP == 0 && smelt_stride(t, 1u) == 1u &&
                   smelt_stride(t, 0u) % SMELT_MLP_RESULT_GROUP == 0u && (uvec2(t.data).x & 15u) == 0u;
    [[unroll]] for (int s = 0; s < SMELT_MLP_SAMPLES; s++)
    {
        uint sample_row = row + uint(s) * step;
        if (sample_row < smelt_extent(t, 0u)) {
            uint first = sample_row * smelt_stride(t, 0u);
#if SMELT_MLP_BACKEND == SMELT_BACKEND_COOPVEC
            if (vectors) {
                coopVecStoreNV(y.e[s], smelt_words1_write_data(uvec2(t.data)).e, 2u * first);
            } else {
                SMELT_MLP_Y_LOOP for (uint i = 0u; i < SMELT_MLP_WIDTH; i++)
                {
                    uint bits = packFloat2x16(f16vec2(y.e[s][i], float16_t(0)));
                    t.data.e[first + i * smelt_stride(t, 1u)] = uint16_t(bits);
                }
            }
#else
            if (vectors) {
                [[unroll]] for (int g = 0; g < SMELT_MLP_WIDTH / SMELT_MLP_RESULT_GROUP; g++)
                {
                    smelt_words4_write_data(uvec2(t.data)).e[first / SMELT_MLP_RESULT_GROUP + uint(g)] =
                        SMELT_MLP_TO(y.e, s * SMELT_MLP_Y_PAIRS + g * (SMELT_MLP_RESULT_GROUP / 2));
                }
            } else {
                SMELT_MLP_RESULT_PAIR pairs[SMELT_MLP_Y_PAIRS];
                [[unroll]] for (int p = 0; p < SMELT_MLP_Y_PAIRS; p++)
                {
                    pairs[p] = y.e[s * SMELT_MLP_Y_PAIRS + p];
                }
                SMELT_MLP_Y_LOOP for (int i = 0; i < SMELT_MLP_WIDTH; i++)
                {
                    t.data.e[first + uint(i) * smelt_stride(t, 1u)] = SMELT_MLP_OF(pairs[i / 2], i);
                }
            }
#endif
        }
    }
}
