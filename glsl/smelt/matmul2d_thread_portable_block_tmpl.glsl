// SPDX-License-Identifier: MIT
// matmul2d_thread_portable_block_tmpl.glsl: SMELT_MM_N columns of the result from n0 on; part of
// matmul2d_thread_portable_tmpl.glsl, inside its function.
//
// what    sums over all k for SMELT_MM_M rows and SMELT_MM_N columns, then bias, activation and store in pairs
// params  SMELT_MM_N (columns, undefined afterwards); the macros of matmul2d_thread_portable_tmpl.glsl; a, d, w,
//         x, m0, n0 of its function
// makes   statements
// errors  see matmul2d_tmpl.glsl
// needs   matmul2d_thread_portable_tmpl.glsl around it
// source  see there
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT || SMELT_MM_PAIRS == 0
// One pair of sums for each column: even and odd k.
#define SMELT_MM_SUMS SMELT_MM_N
#define SMELT_MM_SUM(m, n) (sum[(m)*SMELT_MM_SUMS + (n)].x + sum[(m)*SMELT_MM_SUMS + (n)].y)
#else
// One pair of sums for each pair of columns.
#define SMELT_MM_SUMS (SMELT_MM_N / 2)
#define SMELT_MM_SUM(m, n) sum[(m)*SMELT_MM_SUMS + (n) / 2][(n)&1]
#endif
SMELT_MM_P sum[SMELT_MM_M * SMELT_MM_SUMS];
[[unroll]] for (int i = 0; i != SMELT_MM_M * SMELT_MM_SUMS; i++)
{
    sum[i] = SMELT_MM_P(SMELT_MM_S(0));
}

for (int k0 = 0; k0 < SMELT_MM_STEPS; k0 += SMELT_MM_STRETCH)
    [[unroll]] for (int k = k0; k != k0 + SMELT_MM_STRETCH; k++)
    {
#if SMELT_MM_PAIRS == 0
        [[unroll]] for (int n = 0; n != SMELT_MM_N; n++)
        {
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
            int at = (n0 + n) * SMELT_MM_PITCH + k;
#else
            int at = k * SMELT_MM_PITCH + n0 + n;
#endif
            vec2 scale = SMELT_MM_SCALE(k, n0 + n);
            SMELT_MM_S f = SMELT_MM_SCALED(SMELT_MM_SINGLE(w.weight.data, at), scale, scale).x;
            [[unroll]] for (int m = 0; m != SMELT_MM_M; m++)
            {
                sum[m * SMELT_MM_SUMS + n].x =
                    fma(f, SMELT_MM_LEFT(m, k >> 1)[k & 1], sum[m * SMELT_MM_SUMS + n].x);
            }
        }
#elif SMELT_MATMUL2D_TRANSPOSE_RIGHT
        [[unroll]] for (int n = 0; n != SMELT_MM_N; n++)
        {
            SMELT_MM_WORDS q = SMELT_MM_LOAD(w.weight.data, (n0 + n) * SMELT_MM_STEPS + k);
#if SMELT_MATMUL2D_SCALE == SMELT_SCALE_NONE || SMELT_MATMUL2D_BLOCK % (2 * SMELT_MM_PAIRS) == 0
            vec2 s0 = SMELT_MM_SCALE(2 * SMELT_MM_PAIRS * k, n0 + n), s1 = s0;
#endif
            [[unroll]] for (int j = 0; j != SMELT_MM_PAIRS; j++)
            {
#if SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE && SMELT_MATMUL2D_BLOCK % (2 * SMELT_MM_PAIRS) != 0
                int first = 2 * (SMELT_MM_PAIRS * k + j);
                vec2 s0 = SMELT_MM_SCALE(first, n0 + n), s1 = SMELT_MM_SCALE(first + 1, n0 + n);
#endif
                SMELT_MM_P f = SMELT_MM_SCALED(SMELT_MM_PAIR(q, j), s0, s1);
                [[unroll]] for (int m = 0; m != SMELT_MM_M; m++)
                {
                    sum[m * SMELT_MM_SUMS + n] =
                        fma(f, SMELT_MM_LEFT(m, k * SMELT_MM_PAIRS + j), sum[m * SMELT_MM_SUMS + n]);
                }
            }
        }
#else
        SMELT_MM_WORDS q = SMELT_MM_LOAD(w.weight.data, (k * SMELT_MATMUL2D_N + n0) / SMELT_MM_N);
        [[unroll]] for (int j = 0; j != SMELT_MM_PAIRS; j++)
        {
            SMELT_MM_P f = SMELT_MM_SCALED(SMELT_MM_PAIR(q, j), SMELT_MM_SCALE(k, n0 + 2 * j),
                                           SMELT_MM_SCALE(k, n0 + 2 * j + 1));
            [[unroll]] for (int m = 0; m != SMELT_MM_M; m++)
            {
                sum[m * SMELT_MM_SUMS + j] =
                    fma(f, SMELT_MM_P(SMELT_MM_LEFT(m, k >> 1)[k & 1]), sum[m * SMELT_MM_SUMS + j]);
            }
        }
#endif
    }

// Columns 2 p and 2 p + 1; the second of the last pair is padding when N is odd.
[[unroll]] for (int p = 0; p != (SMELT_MM_N + 1) / 2; p++)
{
#if SMELT_MATMUL2D_BIAS
    SMELT_MM_P bias;
    if (2 * p + 1 < SMELT_MM_N)
        bias = SMELT_MM_BIAS(n0 / 2 + p);
    else
        bias = SMELT_MM_P(SMELT_MM_BIAS_SINGLE(n0 + 2 * p), SMELT_MM_S(0));
#endif
    [[unroll]] for (int m = 0; m != SMELT_MM_M; m++)
    {
        int second = 2 * p + 1 < SMELT_MM_N ? 2 * p + 1 : 2 * p;
        SMELT_MM_P v = SMELT_MM_P(SMELT_MM_SUM(m, 2 * p), SMELT_MM_SUM(m, second));
#if SMELT_MATMUL2D_BIAS
        v += bias;
#endif
#if SMELT_MATMUL2D_ACCUMULATE
        v += smelt_pair_unpack(d.e[(m0 + m) * SMELT_MM_RESULT_PAIRS + n0 / 2 + p]);
#endif
        d.e[(m0 + m) * SMELT_MM_RESULT_PAIRS + n0 / 2 + p] =
            smelt_pair_pack(SMELT_CAT(smelt_activation_, SMELT_MATMUL2D_ACTIVATION)(v));
    }
}
#undef SMELT_MM_SUMS
#undef SMELT_MM_SUM
#undef SMELT_MM_N
