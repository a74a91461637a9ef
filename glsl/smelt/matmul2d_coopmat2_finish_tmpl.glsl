// SPDX-License-Identifier: MIT
// matmul2d_coopmat2_finish_tmpl.glsl: NAME_finish by per-element operations; part of matmul2d_cooperative_tmpl.glsl.
//
// what    the device says where an element is as it hands it over, so that no index table is made
// params  those of matmul2d_cooperative_tmpl.glsl
// makes   NAME_finish
// errors  see matmul2d_cooperative_tmpl.glsl
// needs   matmul2d_cooperative_tmpl.glsl around it; per-element operations
// source  GLSL_NV_cooperative_matrix2, coopMatPerElementNV
#if SMELT_MATMUL2D_ACCUMULATED == SMELT_DTYPE_F16
#define SMELT_MM_S float16_t
#else
#define SMELT_MM_S SMELT_MM_T
#endif

// A struct as an argument of the operation stops lavapipe (Mesa 26.1).
#if SMELT_MATMUL2D_BIAS
SMELT_MM_BIAS SMELT_CAT(SMELT_MATMUL2D, _finish_bias);
#endif

SMELT_MM_S SMELT_CAT(SMELT_MATMUL2D, _finished)(const in uint r, const in uint c, const in SMELT_MM_S v,
                                                const in uvec2 first)
{
    return SMELT_MM_S(SMELT_CAT(SMELT_MATMUL2D, _finish_one)(SMELT_MM_T(v),
#if SMELT_MATMUL2D_BIAS
                                                             SMELT_CAT(SMELT_MATMUL2D, _finish_bias),
#endif
                                                             first + uvec2(r, c)));
}

void SMELT_CAT(SMELT_MATMUL2D, _finish)(inout SMELT_MM_RESULT d,
#if SMELT_MATMUL2D_BIAS
                                        SMELT_MM_BIAS bias,
#endif
                                        uint row, uint column)
{
#if SMELT_MATMUL2D_BIAS
    SMELT_CAT(SMELT_MATMUL2D, _finish_bias) = bias;
#endif
    uvec2 first = SMELT_CAT(SMELT_MM_RESULT, _first)() + uvec2(row, column);
    [[unroll]] for (uint i = 0u; i < SMELT_CAT(SMELT_MM_RESULT, _down); i++)
        [[unroll]] for (uint j = 0u; j < SMELT_CAT(SMELT_MM_RESULT, _across); j++)
    {
        uvec2 at = first + uvec2(i * SMELT_MATMUL2D_FRAGMENT_M, j * SMELT_MATMUL2D_FRAGMENT_N);
        coopMatPerElementNV(d.e[i][j], d.e[i][j], SMELT_CAT(SMELT_MATMUL2D, _finished), at);
    }
}

#undef SMELT_MM_S
