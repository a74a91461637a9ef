// SPDX-License-Identifier: MIT
// matmul2d_portable_tmpl.glsl: the product of two blocks in plain arithmetic; part of matmul2d_cooperative_tmpl.glsl.
//
// what    each invocation adds outer products of a piece of a column of the left block and of a row of the right one to
//         its block of the result, in pairs along the row (packed in f16). COMPUTED F16 with ACCUMULATED F32 forms
//         exact products; COMPUTED I8 goes to matmul2d_integer_tmpl.glsl
// params  those of matmul2d_cooperative_tmpl.glsl
// makes   NAME_multiply(inout NAME_result d)
// errors  see matmul2d_cooperative_tmpl.glsl
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8
#define SMELT_MM_DOT(x, y) smelt_dot4(x, y)
#include "smelt/matmul2d_integer_tmpl.glsl"
#else
#if SMELT_MATMUL2D_FRAGMENT_K != 1
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_FRAGMENT_K must be 1 with PORTABLE"
#endif
#if SMELT_MATMUL2D_ACCUMULATED == SMELT_DTYPE_F16
#define SMELT_MM_S float16_t
#define SMELT_MM_V f16vec2
#else
#define SMELT_MM_S float
#define SMELT_MM_V vec2
#endif

// Component `lane` (0 to SMELT_MM_GROUP - 1) of a uvec4 of the scratch, and the pair from an even lane on.
SMELT_MM_S SMELT_CAT(SMELT_MATMUL2D, _one)(uvec4 words, uint lane)
{
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F32
    return uintBitsToFloat(words[lane]);
#elif SMELT_MATMUL2D_ACCUMULATED == SMELT_DTYPE_F16
    return unpackFloat2x16(words[lane / 2u])[lane % 2u];
#else
    return unpackHalf2x16(words[lane / 2u])[lane % 2u];
#endif
}

void SMELT_CAT(SMELT_MATMUL2D, _multiply)(inout SMELT_MM_RESULT d)
{
    for (uint k = 0u; k < SMELT_MATMUL2D_TILE_K; k += SMELT_MM_GROUP) {
#if !SMELT_MATMUL2D_TRANSPOSE_LEFT // a group lies along k: one load serves SMELT_MM_GROUP steps
        uvec4 a[SMELT_MATMUL2D_FRAGMENT_M];
        [[unroll]] for (uint i = 0u; i != SMELT_MATMUL2D_FRAGMENT_M; i++) a[i] =
            SMELT_MM_LEFT_MEMORY[SMELT_MM_LEFT_ORIGIN +
                                 min(SMELT_CAT(SMELT_MM_RESULT, _row)(i), SMELT_MATMUL2D_M - 1u) *
                                     SMELT_MM_LEFT_PITCH +
                                 k / SMELT_MM_GROUP];
#endif
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
        uvec4 b[SMELT_MATMUL2D_FRAGMENT_N];
        [[unroll]] for (uint j = 0u; j != SMELT_MATMUL2D_FRAGMENT_N; j++) b[j] =
            SMELT_MM_RIGHT_MEMORY[SMELT_MM_RIGHT_ORIGIN +
                                  SMELT_CAT(SMELT_MM_RESULT, _column)(j) * SMELT_MM_RIGHT_PITCH +
                                  k / SMELT_MM_GROUP];
#endif
        [[unroll]] for (uint step = 0u; step != SMELT_MM_GROUP; step++)
        {
            SMELT_MM_V y[SMELT_MATMUL2D_FRAGMENT_N / 2];
            [[unroll]] for (uint j = 0u; j < SMELT_MATMUL2D_FRAGMENT_N; j += 2u)
            {
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
                y[j / 2u] = SMELT_MM_V(SMELT_CAT(SMELT_MATMUL2D, _one)(b[j], step),
                                       SMELT_CAT(SMELT_MATMUL2D, _one)(b[j + 1u], step));
#else
                uint n = SMELT_CAT(SMELT_MM_RESULT, _column)(j);
                uvec4 words = SMELT_MM_RIGHT_MEMORY[SMELT_MM_RIGHT_ORIGIN +
                                                    (k + step) * SMELT_MM_RIGHT_PITCH + n / SMELT_MM_GROUP];
                y[j / 2u] = SMELT_MM_V(SMELT_CAT(SMELT_MATMUL2D, _one)(words, n % SMELT_MM_GROUP),
                                       SMELT_CAT(SMELT_MATMUL2D, _one)(words, n % SMELT_MM_GROUP + 1u));
#endif
            }
            [[unroll]] for (uint i = 0u; i != SMELT_MATMUL2D_FRAGMENT_M; i++)
            {
#if SMELT_MATMUL2D_TRANSPOSE_LEFT
                uint m = min(SMELT_CAT(SMELT_MM_RESULT, _row)(i), SMELT_MATMUL2D_M - 1u);
                SMELT_MM_S x = SMELT_CAT(SMELT_MATMUL2D, _one)(
                    SMELT_MM_LEFT_MEMORY[SMELT_MM_LEFT_ORIGIN + (k + step) * SMELT_MM_LEFT_PITCH +
                                         m / SMELT_MM_GROUP],
                    m % SMELT_MM_GROUP);
#else
                SMELT_MM_S x = SMELT_CAT(SMELT_MATMUL2D, _one)(a[i], step);
#endif
                [[unroll]] for (uint j = 0u; j != SMELT_MATMUL2D_FRAGMENT_N / 2; j++) d.e[i][j] =
                    fma(SMELT_MM_V(x), y[j], d.e[i][j]);
            }
        }
    }
}

#undef SMELT_MM_S
#undef SMELT_MM_V
#endif
