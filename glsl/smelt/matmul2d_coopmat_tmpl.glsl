// SPDX-License-Identifier: MIT
// matmul2d_coopmat_tmpl.glsl: the product of two blocks by cooperative matrices; part of
// matmul2d_cooperative_tmpl.glsl, for COOPMAT and COOPMAT2.
//
// what    each subgroup multiplies its rows of the left block with its columns of the right one; a fragment of the left
//         operand is loaded once for all columns. Of bytes with different signs the unsigned ones are multiplied less
//         128, and the rest is added
// params  those of matmul2d_cooperative_tmpl.glsl
// makes   NAME_multiply(inout NAME_result d), and for matmul2d_coopmat_loop_tmpl.glsl SMELT_MM_FACTOR, _A_MATRIX,
//         _A_LAYOUT, _A_AT, the same for B, _C_MATRIX, _ADD, undefined by the includer
// errors  see matmul2d_cooperative_tmpl.glsl
// needs   matmul2d_cooperative_tmpl.glsl around it; a device matrix product COMPUTED x COMPUTED -> ACCUMULATED of shape
//         FRAGMENT_M x FRAGMENT_N x FRAGMENT_K
// source  GLSL_KHR_cooperative_matrix
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F16
#define SMELT_MM_FACTOR float16_t
#elif SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_BF16
#define SMELT_MM_FACTOR bfloat16_t
#elif SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F8E4M3
#define SMELT_MM_FACTOR floate4m3_t
#elif SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F8E5M2
#define SMELT_MM_FACTOR floate5m2_t
#elif SMELT_MATMUL2D_COMPUTED != SMELT_DTYPE_I8
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_COMPUTED (of the factors) must be F16, BF16, F8E4M3, F8E5M2 or I8 with COOPMAT, COOPMAT2"
#elif SMELT_MM_RIGHT_BYTE == SMELT_DTYPE_U8 && !SMELT_MM_MIXED
#define SMELT_MM_FACTOR uint8_t
#else
#define SMELT_MM_FACTOR int8_t
#endif
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8 &&                                                             \
    ((SMELT_MATMUL2D_FRAGMENT_M != 8 && SMELT_MATMUL2D_FRAGMENT_M % 16 != 0) ||                              \
     (SMELT_MATMUL2D_FRAGMENT_N != 8 && SMELT_MATMUL2D_FRAGMENT_N % 16 != 0) ||                              \
     (SMELT_MATMUL2D_FRAGMENT_K != 8 && SMELT_MATMUL2D_FRAGMENT_K % 16 != 0))
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_FRAGMENT_M, _N, _K must be 8 or multiples of 16 with COMPUTED I8"
#endif
#if SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_U8
#define SMELT_MM_MISSING SMELT_CAT(SMELT_MM_RESULT, _across)
#define SMELT_MM_MISSING_AT(i, j) j
#else
#define SMELT_MM_MISSING SMELT_CAT(SMELT_MM_RESULT, _down)
#define SMELT_MM_MISSING_AT(i, j) i
#endif
#if SMELT_MATMUL2D_TILE_K % SMELT_MATMUL2D_FRAGMENT_K != 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_FRAGMENT_K must divide SMELT_MATMUL2D_TILE_K"
#endif
#if SMELT_MATMUL2D_TRANSPOSE_LEFT
#define SMELT_MM_A_LAYOUT gl_CooperativeMatrixLayoutColumnMajor
#define SMELT_MM_A_AT(m, k) ((k)*SMELT_MM_LEFT_PITCH + (m) / SMELT_MM_LEFT_GROUP)
#else
#define SMELT_MM_A_LAYOUT gl_CooperativeMatrixLayoutRowMajor
#define SMELT_MM_A_AT(m, k) ((m)*SMELT_MM_LEFT_PITCH + (k) / SMELT_MM_LEFT_GROUP)
#endif
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
#define SMELT_MM_B_LAYOUT gl_CooperativeMatrixLayoutColumnMajor
#define SMELT_MM_B_AT(k, n) ((n)*SMELT_MM_RIGHT_PITCH + (k) / SMELT_MM_RIGHT_GROUP)
#else
#define SMELT_MM_B_LAYOUT gl_CooperativeMatrixLayoutRowMajor
#define SMELT_MM_B_AT(k, n) ((k)*SMELT_MM_RIGHT_PITCH + (n) / SMELT_MM_RIGHT_GROUP)
#endif

#define SMELT_MM_A_MATRIX                                                                                    \
    coopmat<SMELT_MM_FACTOR, SMELT_CAT(SMELT_MM_RESULT, _matrix_scope), SMELT_MATMUL2D_FRAGMENT_M,           \
            SMELT_MATMUL2D_FRAGMENT_K, gl_MatrixUseA>
#define SMELT_MM_B_MATRIX                                                                                    \
    coopmat<SMELT_MM_FACTOR, SMELT_CAT(SMELT_MM_RESULT, _matrix_scope), SMELT_MATMUL2D_FRAGMENT_K,           \
            SMELT_MATMUL2D_FRAGMENT_N, gl_MatrixUseB>
#define SMELT_MM_C_MATRIX(T)                                                                                 \
    coopmat<T, SMELT_CAT(SMELT_MM_RESULT, _matrix_scope), SMELT_MATMUL2D_FRAGMENT_M,                         \
            SMELT_MATMUL2D_FRAGMENT_N, gl_MatrixUseAccumulator>
// a b + c. A device multiplies U8 with U8 to U32, whose bits are those of I32.
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8 && SMELT_MM_RIGHT_BYTE == SMELT_DTYPE_U8 && !SMELT_MM_MIXED
#define SMELT_MM_ADD(a, b, c) SMELT_MM_C_MATRIX(int)(coopMatMulAdd(a, b, SMELT_MM_C_MATRIX(uint)(c)))
#else
#define SMELT_MM_ADD(a, b, c) coopMatMulAdd(a, b, c)
#endif

void SMELT_CAT(SMELT_MATMUL2D, _multiply)(inout SMELT_MM_RESULT d)
{
    uvec2 first = SMELT_CAT(SMELT_MM_RESULT, _first)();
#if SMELT_MM_MIXED
    // sum (a - 128) b misses 128 times the sum of b, a product with ones; likewise sum a (b - 128).
    SMELT_MM_C_MATRIX(int) missing[SMELT_MM_MISSING];
    [[unroll]] for (uint i = 0u; i != SMELT_MM_MISSING; i++) missing[i] = SMELT_MM_C_MATRIX(int)(0);
#endif
    [[unroll]] for (uint k = 0u; k < SMELT_MATMUL2D_TILE_K; k += SMELT_MATMUL2D_FRAGMENT_K)
    {
        SMELT_MM_A_MATRIX a[SMELT_CAT(SMELT_MM_RESULT, _down)];
        [[unroll]] for (uint i = 0u; i != SMELT_CAT(SMELT_MM_RESULT, _down); i++)
            coopMatLoad(a[i], SMELT_MM_LEFT_MEMORY,
                        SMELT_MM_LEFT_ORIGIN + SMELT_MM_A_AT(first.x + i * SMELT_MATMUL2D_FRAGMENT_M, k),
                        SMELT_MM_LEFT_PITCH, SMELT_MM_A_LAYOUT);
        [[unroll]] for (uint j = 0u; j != SMELT_CAT(SMELT_MM_RESULT, _across); j++)
        {
            SMELT_MM_B_MATRIX b;
            coopMatLoad(b, SMELT_MM_RIGHT_MEMORY,
                        SMELT_MM_RIGHT_ORIGIN + SMELT_MM_B_AT(k, first.y + j * SMELT_MATMUL2D_FRAGMENT_N),
                        SMELT_MM_RIGHT_PITCH, SMELT_MM_B_LAYOUT);
            [[unroll]] for (uint i = 0u; i != SMELT_CAT(SMELT_MM_RESULT, _down); i++) d.e[i][j] =
                SMELT_MM_ADD(a[i], b, d.e[i][j]);
#if SMELT_MM_MIXED && SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_U8
            missing[j] = coopMatMulAdd(SMELT_MM_A_MATRIX(int8_t(1)), b, missing[j]);
#endif
        }
#if SMELT_MM_MIXED && SMELT_MM_RIGHT_BYTE == SMELT_DTYPE_U8
        [[unroll]] for (uint i = 0u; i != SMELT_CAT(SMELT_MM_RESULT, _down); i++) missing[i] =
            coopMatMulAdd(a[i], SMELT_MM_B_MATRIX(int8_t(1)), missing[i]);
#endif
    }
#if SMELT_MM_MIXED
    [[unroll]] for (uint i = 0u; i != SMELT_CAT(SMELT_MM_RESULT, _down); i++)
        [[unroll]] for (uint j = 0u; j != SMELT_CAT(SMELT_MM_RESULT, _across); j++)
            d.e[i][j] += missing[SMELT_MM_MISSING_AT(i, j)] * 128;
#endif
}

#undef SMELT_MM_MISSING
#undef SMELT_MM_MISSING_AT
