// SPDX-License-Identifier: MIT
// matmul2d_coopmat2_tmpl.glsl: products of NV cooperative matrices 2 with operands that do not pass shared memory of this
// module; part of matmul2d_cooperative_tmpl.glsl.
//
// what    SOURCE_LEFT COOPERATIVE: accumulators become left operands in registers. ADDRESSED: matrices are loaded from
//         device memory by tensor addressing; a tile inside the operands without clamping, which costs a quarter of the
//         speed, others with
// params  those of matmul2d_cooperative_tmpl.glsl
// makes   SOURCE_RIGHT TENSOR or SHARED: NAME_multiply(inout d, a); ADDRESSED: NAME_run
// errors  see matmul2d_cooperative_tmpl.glsl
// needs   matmul2d_cooperative_tmpl.glsl around it; COOPERATIVE: FRAGMENT_M and FRAGMENT_K are FRAGMENT_M and FRAGMENT_N of
//         the left tensor. ADDRESSED: cooperativeMatrixTensorAddressing, operands of f16 at multiples of 16 bytes
// source  GLSL_NV_cooperative_matrix2
#define SMELT_MM_A                                                                                           \
    coopmat<float16_t, SMELT_CAT(SMELT_MM_RESULT, _matrix_scope), SMELT_MATMUL2D_FRAGMENT_M,                 \
            SMELT_MATMUL2D_FRAGMENT_K, gl_MatrixUseA>
#define SMELT_MM_B                                                                                           \
    coopmat<float16_t, SMELT_CAT(SMELT_MM_RESULT, _matrix_scope), SMELT_MATMUL2D_FRAGMENT_K,                 \
            SMELT_MATMUL2D_FRAGMENT_N, gl_MatrixUseB>
#define SMELT_MM_DOWN SMELT_CAT(SMELT_MM_RESULT, _down)
#define SMELT_MM_ACROSS SMELT_CAT(SMELT_MM_RESULT, _across)

#if SMELT_MATMUL2D_SOURCE_RIGHT != SMELT_SOURCE_ADDRESSED
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
#define SMELT_MM_B_LAYOUT gl_CooperativeMatrixLayoutColumnMajor
#define SMELT_MM_B_AT(k, n) ((n)*SMELT_MM_RIGHT_PITCH + (k) / SMELT_MM_GROUP)
#else
#define SMELT_MM_B_LAYOUT gl_CooperativeMatrixLayoutRowMajor
#define SMELT_MM_B_AT(k, n) ((k)*SMELT_MM_RIGHT_PITCH + (n) / SMELT_MM_GROUP)
#endif

// Adds all terms: TILE_K of them.
void SMELT_CAT(SMELT_MATMUL2D, _multiply)(inout SMELT_MM_RESULT d, SMELT_MATMUL2D_LEFT a)
{
    uint column = SMELT_CAT(SMELT_MM_RESULT, _first)().y;
    [[unroll]] for (uint k = 0u; k < SMELT_MATMUL2D_TILE_K; k += SMELT_MATMUL2D_FRAGMENT_K)
    {
        SMELT_MM_A x[SMELT_MM_DOWN];
        [[unroll]] for (uint i = 0u; i < SMELT_MM_DOWN; i++) x[i] =
            SMELT_MM_A(a.e[i][k / SMELT_MATMUL2D_FRAGMENT_K]);
        [[unroll]] for (uint j = 0u; j < SMELT_MM_ACROSS; j++)
        {
            SMELT_MM_B b;
            coopMatLoad(b, SMELT_MM_RIGHT_MEMORY,
                        SMELT_MM_RIGHT_ORIGIN + SMELT_MM_B_AT(k, column + j * SMELT_MATMUL2D_FRAGMENT_N),
                        SMELT_MM_RIGHT_PITCH, SMELT_MM_B_LAYOUT);
            [[unroll]] for (uint i = 0u; i < SMELT_MM_DOWN; i++) d.e[i][j] =
                coopMatMulAdd(x[i], b, d.e[i][j]);
        }
    }
}
#else
#if SMELT_MATMUL2D_STORED != SMELT_DTYPE_F16 || SMELT_MATMUL2D_STORED_LEFT != SMELT_DTYPE_F16 ||             \
    SMELT_MATMUL2D_ALIGNMENT != 8
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_SOURCE_ADDRESSED wants SMELT_MATMUL2D_STORED, _STORED_LEFT F16, _ALIGNMENT 8"
#endif
#if SMELT_MATMUL2D_TRANSPOSE_LEFT
#define SMELT_MM_A_SLICE(t, m, k)                                                                            \
    sliceTensorLayoutNV(t, k, SMELT_MATMUL2D_FRAGMENT_K, m, SMELT_MATMUL2D_FRAGMENT_M), turned
#else
#define SMELT_MM_A_SLICE(t, m, k)                                                                            \
    sliceTensorLayoutNV(t, m, SMELT_MATMUL2D_FRAGMENT_M, k, SMELT_MATMUL2D_FRAGMENT_K)
#endif
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
#define SMELT_MM_B_SLICE(t, k, n)                                                                            \
    sliceTensorLayoutNV(t, n, SMELT_MATMUL2D_FRAGMENT_N, k, SMELT_MATMUL2D_FRAGMENT_K), turned
#else
#define SMELT_MM_B_SLICE(t, k, n)                                                                            \
    sliceTensorLayoutNV(t, k, SMELT_MATMUL2D_FRAGMENT_K, n, SMELT_MATMUL2D_FRAGMENT_N)
#endif
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_ADDRESSED
#define SMELT_MM_ARGUMENT SMELT_MM_LEFT
#define SMELT_MM_LOOP
// An element of an array as the matrix that is loaded stops glslang (shaderc 2025.2).
#define SMELT_MM_LOAD_A(layout, i)                                                                           \
    SMELT_MM_A one;                                                                                          \
    coopMatLoadTensorNV(one, smelt_words4_data(uvec2(a.data)).e, 0,                                          \
                        SMELT_MM_A_SLICE(layout, row + i * SMELT_MATMUL2D_FRAGMENT_M, k));                   \
    x[i] = one
#define SMELT_MM_LAY_LEFT(layout)                                                                            \
    layout = setTensorLayoutDimensionNV(layout, smelt_extent(a, 0), smelt_extent(a, 1));                     \
    layout = setTensorLayoutStrideNV(layout, smelt_stride(a, 0), 1)
#else
#define SMELT_MM_ARGUMENT SMELT_MATMUL2D_LEFT
#define SMELT_MM_LOOP [[unroll]] // the pieces of `a` are registers
#define SMELT_MM_LOAD_A(layout, i) x[i] = SMELT_MM_A(a.e[i][k / SMELT_MATMUL2D_FRAGMENT_K])
#define SMELT_MM_LAY_LEFT(layout)
#endif
// The sum with these layouts.
#define SMELT_MM_SUM(left, right)                                                                            \
    SMELT_MM_LOOP for (uint k = 0u; k < terms; k += SMELT_MATMUL2D_FRAGMENT_K)                               \
    {                                                                                                        \
        SMELT_MM_A x[SMELT_MM_DOWN];                                                                         \
        [[unroll]] for (uint i = 0u; i < SMELT_MM_DOWN; i++)                                                 \
        {                                                                                                    \
            SMELT_MM_LOAD_A(left, i);                                                                        \
        }                                                                                                    \
        [[unroll]] for (uint j = 0u; j < SMELT_MM_ACROSS; j++)                                               \
        {                                                                                                    \
            SMELT_MM_B y;                                                                                    \
            coopMatLoadTensorNV(y, smelt_words4_data(uvec2(b.data)).e, 0,                                    \
                                SMELT_MM_B_SLICE(right, k, column + j * SMELT_MATMUL2D_FRAGMENT_N));         \
            [[unroll]] for (uint i = 0u; i < SMELT_MM_DOWN; i++) d.e[i][j] =                                 \
                coopMatMulAdd(x[i], y, d.e[i][j]);                                                           \
        }                                                                                                    \
    }

void SMELT_CAT(SMELT_MATMUL2D, _run)(inout SMELT_MM_RESULT d, SMELT_MM_ARGUMENT a, SMELT_MM_RIGHT b, uint row,
                                     uint column)
{
#if SMELT_MATMUL2D_K > 0
    const uint terms = SMELT_MATMUL2D_K;
#else
    uint terms = smelt_extent(b, SMELT_MATMUL2D_TRANSPOSE_RIGHT);
#endif
    bool inside =
        column + SMELT_MATMUL2D_N <= smelt_extent(b, 1u - SMELT_MATMUL2D_TRANSPOSE_RIGHT) &&
        (terms + SMELT_MATMUL2D_FRAGMENT_K - 1u) / SMELT_MATMUL2D_FRAGMENT_K * SMELT_MATMUL2D_FRAGMENT_K <=
            smelt_extent(b, SMELT_MATMUL2D_TRANSPOSE_RIGHT);
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_ADDRESSED
    inside = inside && row + SMELT_MATMUL2D_M <= smelt_extent(a, SMELT_MATMUL2D_TRANSPOSE_LEFT);
#endif
    row += SMELT_CAT(SMELT_MM_RESULT, _first)().x;
    column += SMELT_CAT(SMELT_MM_RESULT, _first)().y;
    tensorViewNV<2, false, 1, 0> turned = createTensorViewNV(2, false, 1, 0);
#if !SMELT_MATMUL2D_ACCUMULATE
    smelt_fill(d, 0.0);
#endif
    if (inside) {
        tensorLayoutNV<2> left = createTensorLayoutNV(2), right = createTensorLayoutNV(2);
        SMELT_MM_LAY_LEFT(left);
        right = setTensorLayoutDimensionNV(right, smelt_extent(b, 0), smelt_extent(b, 1));
        right = setTensorLayoutStrideNV(right, smelt_stride(b, 0), 1);
        SMELT_MM_SUM(left, right)
    } else {
        tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> left =
            createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
        tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> right =
            createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
        SMELT_MM_LAY_LEFT(left);
        right = setTensorLayoutDimensionNV(right, smelt_extent(b, 0), smelt_extent(b, 1));
        right = setTensorLayoutStrideNV(right, smelt_stride(b, 0), 1);
        SMELT_MM_SUM(left, right)
    }
}
#undef SMELT_MM_A_SLICE
#undef SMELT_MM_B_SLICE
#undef SMELT_MM_ARGUMENT
#undef SMELT_MM_LOOP
#undef SMELT_MM_LOAD_A
#undef SMELT_MM_LAY_LEFT
#undef SMELT_MM_SUM
#endif

#undef SMELT_MM_A
#undef SMELT_MM_B
#undef SMELT_MM_DOWN
#undef SMELT_MM_ACROSS
