// SPDX-License-Identifier: MIT
// matmul2d_tmpl.glsl: a matrix product; at THREAD scope its left operand and result live in the invocation.
//
// what    SMELT_SCOPE_SUBGROUP and _WORKGROUP: see matmul2d_cooperative_tmpl.glsl, which has other parameters; here and
//         below SMELT_SCOPE_THREAD:
//         d[m][n] = activation(sum_k a[m][k] b[k][n] + bias[n]), or with ACCUMULATE
//         d[m][n] = activation(d[m][n] + sum_k a[m][k] b[k][n] + bias[n]). `a` and `d` are inline tensors, `b`
//         (called weight) and `bias` are packed tensors in device memory
// params  all required, all undefined afterwards:
//         SMELT_MATMUL2D                  name of the op
//         SMELT_MATMUL2D_SCOPE            SMELT_SCOPE_THREAD
//         SMELT_MATMUL2D_M _N _K          decimal literals, 1 to 16, 1 to 1024, 1 to 1024
//         SMELT_MATMUL2D_TRANSPOSE_RIGHT  1: weight is stored [N][K] (out, in); 0: [K][N]
//         SMELT_MATMUL2D_ACCUMULATE       1 or 0
//         SMELT_MATMUL2D_BIAS             1 or 0
//         SMELT_MATMUL2D_ACTIVATION       SMELT_ACTIVATION_x (activation.glsl)
//         SMELT_MATMUL2D_STORED           SMELT_DTYPE_x of weight: F32 F16 BF16 F8E4M3 F8E5M2 I8 U8 I4 U4
//         SMELT_MATMUL2D_SCALE            SMELT_SCALE_x of weight: scales and zero points of blocks of terms, with two
//                                         parameters more, see matmul2d_scaled_tmpl.glsl
//         SMELT_MATMUL2D_COMPUTED         SMELT_DTYPE_F32 or _F16: what both factors are converted to; I8: products of
//                                         integers, with SCALE NONE, ACTIVATION NONE or RELU
//         SMELT_MATMUL2D_STORED_LEFT      with COMPUTED I8 only: SMELT_DTYPE_I8 or _U8, of a. STORED is then any integer
//         SMELT_MATMUL2D_ACCUMULATED      SMELT_DTYPE_F32 or _F16: of sums; not narrower than COMPUTED. I32 with I8
//         SMELT_MATMUL2D_LAYOUT           of weight: SMELT_LAYOUT_ROW_MAJOR or SMELT_LAYOUT_OPTIMAL
//         SMELT_MATMUL2D_LEFT             type of a: an inline tensor of F32 or F16, of STORED_LEFT with COMPUTED I8; M rows
//                                         and K columns
//         SMELT_MATMUL2D_RESULT           type of d: an inline tensor of ACCUMULATED, M rows and N columns
//         SMELT_MATMUL2D_BACKEND          SMELT_BACKEND_PORTABLE, _COOPVEC, or with COMPUTED I8 _DOT8; both inline tensors
//                                         are made for the same one (those of PORTABLE and DOT8 are alike)
//         COMPUTED F16 takes no STORED F32 or BF16 (the conversion is exact). COOPVEC takes F16 for all three types, and
//         with ROW_MAJOR only rows of weight that are a multiple of 8 long
// makes   for the name NAME, with <w> = <N>x<K> or <K>x<N>:
//         NAME_weight_<stored>_2_r_<w>, NAME_bias_<type>_1_r_<N>   tensor types (tensor_tmpl.glsl); the type of bias is
//         STORED, or ACCUMULATED where STORED is an integer or has scales
//         struct NAME { weight; bias }        for an argument block; without `bias` when BIAS is 0; with SCALE `scale` and
//                                             then, with a ZERO, `zero` stand after weight
//         RESULT NAME_run(LEFT a, NAME w)     ACCUMULATE 0
//         void NAME_run(inout RESULT d, LEFT a, NAME w)   ACCUMULATE 1
// errors  before the activation, for every element, with K the terms of the sum:
//             |d - exact| <= c u (sum_k |a[k]||b[k]| + |bias| + |d before|),
//             n = K + 3, c = n (1 + n u), u = 2^-23 for ACCUMULATED F32, u = 2^-10 for ACCUMULATED F16
//         where a and b are the values after conversion to COMPUTED. Derivation: every operation of Vulkan's
//         f32 and f16 is wrong by at most u relatively (rounding mode open, fma may round twice); in whatever
//         order they are added, a term passes one product, at most K + 1 additions (bias, d before) and one
//         conversion, and (1 + u)^n - 1 <= n u (1 + n u) for n u <= 1.79. Where a product or sum is
//         below 2^-14 in f16 (2^-126 in f32) the device may flush it: each adds at most that much. COMPUTED F16
//         with ACCUMULATED F32 forms exact products. COMPUTED I8: exact modulo 2^32. Scales add what
//         matmul2d_scaled_tmpl.glsl says. The activation's own error: activation.glsl
// needs   base.glsl first; weight and bias aligned to 16 bytes (COOPVEC: weight to 64); COMPUTED or
//         ACCUMULATED F16: shaderFloat16; COOPVEC: cooperativeVector and its stage
// source  GL_NV_cooperative_vector; error analysis: Higham, Accuracy and Stability of Numerical Algorithms,
//         2nd ed., section 3.1
#ifndef SMELT_BASE_GLSL
#error "matmul2d_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_MATMUL2D
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D (name of the op) is not defined"
#endif
#ifndef SMELT_MATMUL2D_SCOPE
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SCOPE (invocations that work together) is not defined"
#endif
#if SMELT_MATMUL2D_SCOPE == SMELT_SCOPE_SUBGROUP || SMELT_MATMUL2D_SCOPE == SMELT_SCOPE_WORKGROUP
#include "smelt/matmul2d_cooperative_tmpl.glsl"
#elif SMELT_MATMUL2D_SCOPE != SMELT_SCOPE_THREAD
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SCOPE must be SMELT_SCOPE_THREAD, SMELT_SCOPE_SUBGROUP or _WORKGROUP"
#else
#ifndef SMELT_MATMUL2D_M
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_M (rows of the left operand) is not defined"
#endif
#if SMELT_MATMUL2D_M < 1 || SMELT_MATMUL2D_M > 16
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_M (rows of the left operand) must be a literal, 1 to 16"
#endif
#ifndef SMELT_MATMUL2D_N
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_N (columns of the result) is not defined"
#endif
#if SMELT_MATMUL2D_N < 1 || SMELT_MATMUL2D_N > 1024
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_N (columns of the result) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MATMUL2D_K
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_K (columns of the left operand) is not defined"
#endif
#if SMELT_MATMUL2D_K < 1 || SMELT_MATMUL2D_K > 1024
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_K (columns of the left operand) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MATMUL2D_TRANSPOSE_RIGHT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_TRANSPOSE_RIGHT (1: weight is [N][K], 0: [K][N]) is not defined"
#endif
#ifndef SMELT_MATMUL2D_ACCUMULATE
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACCUMULATE (1: add to the result, 0: overwrite it) is not defined"
#endif
#ifndef SMELT_MATMUL2D_BIAS
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BIAS (1: add a bias, 0: there is none) is not defined"
#endif
#ifndef SMELT_MATMUL2D_ACTIVATION
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACTIVATION (SMELT_ACTIVATION_x) is not defined"
#endif
#ifndef SMELT_MATMUL2D_STORED
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED (SMELT_DTYPE_x of weight and bias) is not defined"
#endif
#ifndef SMELT_MATMUL2D_SCALE
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SCALE (SMELT_SCALE_x of weight) is not defined"
#endif
#ifndef SMELT_MATMUL2D_COMPUTED
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_COMPUTED (SMELT_DTYPE_x of the factors) is not defined"
#endif
#ifndef SMELT_MATMUL2D_ACCUMULATED
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACCUMULATED (SMELT_DTYPE_x of the sums) is not defined"
#endif
#ifndef SMELT_MATMUL2D_LAYOUT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_LAYOUT (SMELT_LAYOUT_x of weight) is not defined"
#endif
#ifndef SMELT_MATMUL2D_LEFT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_LEFT (type of the left operand, an inline tensor) is not defined"
#endif
#ifndef SMELT_MATMUL2D_RESULT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_RESULT (type of the result, an inline tensor) is not defined"
#endif
#ifndef SMELT_MATMUL2D_BACKEND
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BACKEND (SMELT_BACKEND_x) is not defined"
#endif

#include "smelt/matmul2d_types_tmpl.glsl"
#if SMELT_MATMUL2D_LAYOUT != SMELT_LAYOUT_ROW_MAJOR && SMELT_MATMUL2D_LAYOUT != SMELT_LAYOUT_OPTIMAL
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_LAYOUT (of weight) must be SMELT_LAYOUT_ROW_MAJOR or _OPTIMAL"
#endif

#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8
#ifndef SMELT_MATMUL2D_STORED_LEFT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED_LEFT (SMELT_DTYPE_x of the left operand) is not defined"
#endif
#if SMELT_MATMUL2D_STORED_LEFT != SMELT_DTYPE_I8 && SMELT_MATMUL2D_STORED_LEFT != SMELT_DTYPE_U8
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED_LEFT must be I8 or U8 with COMPUTED I8"
#endif
#elif defined SMELT_MATMUL2D_STORED_LEFT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED_LEFT is defined at THREAD scope, but COMPUTED is not I8"
#endif
#include "smelt/memory.glsl"
#if SMELT_MATMUL2D_ACCUMULATED == SMELT_DTYPE_F16
#include "smelt/activation16.glsl"
#elif SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8
#include "smelt/integer.glsl"
#endif

#define SMELT_TENSOR SMELT_CAT(SMELT_MATMUL2D, _weight)
#define SMELT_DTYPE SMELT_MATMUL2D_STORED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
#define SMELT_EXTENT0 SMELT_MATMUL2D_N
#define SMELT_EXTENT1 SMELT_MATMUL2D_K
#else
#define SMELT_EXTENT0 SMELT_MATMUL2D_K
#define SMELT_EXTENT1 SMELT_MATMUL2D_N
#endif
#include "smelt/tensor_tmpl.glsl"

#if SMELT_MATMUL2D_STORED < SMELT_DTYPE_I8 && SMELT_MATMUL2D_SCALE == SMELT_SCALE_NONE
#define SMELT_MATMUL2D_BIAS_DTYPE SMELT_MATMUL2D_STORED
#else
#define SMELT_MATMUL2D_BIAS_DTYPE SMELT_MATMUL2D_ACCUMULATED
#endif
#if SMELT_MATMUL2D_BIAS
#define SMELT_TENSOR SMELT_CAT(SMELT_MATMUL2D, _bias)
#define SMELT_DTYPE SMELT_MATMUL2D_BIAS_DTYPE
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 SMELT_MATMUL2D_N
#include "smelt/tensor_tmpl.glsl"
#endif

#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
#define SMELT_MATMUL2D_WEIGHT_ROWS SMELT_MATMUL2D_N
#define SMELT_MATMUL2D_WEIGHT_COLUMNS SMELT_MATMUL2D_K
#else
#define SMELT_MATMUL2D_WEIGHT_ROWS SMELT_MATMUL2D_K
#define SMELT_MATMUL2D_WEIGHT_COLUMNS SMELT_MATMUL2D_N
#endif
// The types just made, as tensor_tmpl.glsl names them.
#define SMELT_MATMUL2D_WEIGHT_PREFIX                                                                         \
    SMELT_CAT(SMELT_CAT(SMELT_CAT(SMELT_MATMUL2D, _weight), SMELT_CAT(SMELT_TAG_, SMELT_MATMUL2D_STORED)),   \
              SMELT_CAT(_2_r_, SMELT_MATMUL2D_WEIGHT_ROWS))
#define SMELT_MATMUL2D_BIAS_PREFIX                                                                           \
    SMELT_CAT(SMELT_CAT(SMELT_MATMUL2D, _bias), SMELT_CAT(SMELT_TAG_, SMELT_MATMUL2D_BIAS_DTYPE))

#if SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE
#include "smelt/matmul2d_scaled_tmpl.glsl"
#endif

struct SMELT_MATMUL2D {
    SMELT_CAT(SMELT_MATMUL2D_WEIGHT_PREFIX, SMELT_CAT(x, SMELT_MATMUL2D_WEIGHT_COLUMNS)) weight;
#if SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE
    SMELT_CAT(SMELT_CAT(SMELT_CAT(SMELT_MATMUL2D, _scale), SMELT_CAT(SMELT_TAG_, SMELT_MM_SCALE_DTYPE)),
              _2_r_0x0)
    scale;
#if SMELT_MATMUL2D_ZERO != SMELT_ZERO_NONE
    SMELT_CAT(SMELT_CAT(SMELT_CAT(SMELT_MATMUL2D, _zero), SMELT_CAT(SMELT_TAG_, SMELT_MM_ZERO_DTYPE)),
              _2_r_0x0)
    zero;
#endif
#endif
#if SMELT_MATMUL2D_BIAS
    SMELT_CAT(SMELT_MATMUL2D_BIAS_PREFIX, SMELT_CAT(_1_r_, SMELT_MATMUL2D_N)) bias;
#endif
};

// Shapes of the operands, and values for which 0 has a meaning. An error here names what is wrong.
void SMELT_CAT(SMELT_MATMUL2D, _left_must_be_M_by_K)(int rows[SMELT_MATMUL2D_M],
                                                     int columns[SMELT_MATMUL2D_K])
{
}
void SMELT_CAT(SMELT_MATMUL2D, _result_must_be_M_by_N)(int rows[SMELT_MATMUL2D_M],
                                                       int columns[SMELT_MATMUL2D_N])
{
}
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8
void SMELT_CAT(SMELT_MATMUL2D, _left_must_be_of_STORED_LEFT)(int dtype[SMELT_MATMUL2D_STORED_LEFT])
{
}
#define SMELT_MM_LEFT_DTYPE SMELT_CAT(SMELT_MATMUL2D, _left_must_be_of_STORED_LEFT)
#else
void SMELT_CAT(SMELT_MATMUL2D, _left_must_be_F32_or_F16)(int dtype[SMELT_DTYPE_F32])
{
}
void SMELT_CAT(SMELT_MATMUL2D, _left_must_be_F32_or_F16)(int dtype[SMELT_DTYPE_F16])
{
}
#define SMELT_MM_LEFT_DTYPE SMELT_CAT(SMELT_MATMUL2D, _left_must_be_F32_or_F16)
#endif
void SMELT_CAT(SMELT_MATMUL2D, _result_must_be_of_ACCUMULATED)(int dtype[SMELT_MATMUL2D_ACCUMULATED])
{
}
void SMELT_CAT(SMELT_MATMUL2D, _check)()
{
    int left_dtype[SMELT_CAT(SMELT_MATMUL2D_LEFT, _dtype)];
    SMELT_MM_LEFT_DTYPE(left_dtype);
    int result_dtype[SMELT_CAT(SMELT_MATMUL2D_RESULT, _dtype)];
    SMELT_CAT(SMELT_MATMUL2D, _result_must_be_of_ACCUMULATED)(result_dtype);
    int left_rows[SMELT_CAT(SMELT_MATMUL2D_LEFT, _rows)];
    int left_columns[SMELT_CAT(SMELT_MATMUL2D_LEFT, _columns)];
    SMELT_CAT(SMELT_MATMUL2D, _left_must_be_M_by_K)(left_rows, left_columns);
    int result_rows[SMELT_CAT(SMELT_MATMUL2D_RESULT, _rows)];
    int result_columns[SMELT_CAT(SMELT_MATMUL2D_RESULT, _columns)];
    SMELT_CAT(SMELT_MATMUL2D, _result_must_be_M_by_N)(result_rows, result_columns);
    const int transpose_right = SMELT_CAT(smelt_flag_is_, SMELT_MATMUL2D_TRANSPOSE_RIGHT);
    const int accumulate = SMELT_CAT(smelt_flag_is_, SMELT_MATMUL2D_ACCUMULATE);
    const int bias = SMELT_CAT(smelt_flag_is_, SMELT_MATMUL2D_BIAS);
    const int scale = SMELT_CAT(smelt_scale_is_, SMELT_MATMUL2D_SCALE);
    SMELT_CAT(smelt_activation_, SMELT_MATMUL2D_ACTIVATION)(0.0);
}

// For PORTABLE and DOT8.
// Rows of the left operand that share a load of a weight: a divisor of M.
#if SMELT_MATMUL2D_M % 4 == 0
#define SMELT_MM_M 4
#elif SMELT_MATMUL2D_M % 3 == 0
#define SMELT_MM_M 3
#elif SMELT_MATMUL2D_M % 2 == 0
#define SMELT_MM_M 2
#else
#define SMELT_MM_M 1
#endif

#if SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_PORTABLE
#if ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_PORTABLE) == 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BACKEND is PORTABLE, but SMELT_BACKENDS lacks it"
#endif
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8
#define SMELT_MM_DOT(x, y) smelt_dot4(x, y)
#include "smelt/matmul2d_thread_integer_tmpl.glsl"
#else
#include "smelt/matmul2d_thread_portable_tmpl.glsl"
#endif
#elif SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_DOT8
#if ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_DOT8) == 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BACKEND is DOT8, but SMELT_BACKENDS lacks it"
#endif
#include "smelt/matmul2d_dot8_tmpl.glsl"
#elif SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_COOPVEC
#if ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_COOPVEC) == 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BACKEND is COOPVEC, but SMELT_BACKENDS lacks it"
#endif
#include "smelt/matmul2d_thread_coopvec_tmpl.glsl"
#else
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BACKEND must be PORTABLE, DOT8 or COOPVEC at THREAD scope"
#endif

#undef SMELT_MM_M
#undef SMELT_MATMUL2D
#undef SMELT_MATMUL2D_SCOPE
#undef SMELT_MATMUL2D_M
#undef SMELT_MATMUL2D_N
#undef SMELT_MATMUL2D_K
#undef SMELT_MATMUL2D_TRANSPOSE_RIGHT
#undef SMELT_MATMUL2D_ACCUMULATE
#undef SMELT_MATMUL2D_BIAS
#undef SMELT_MATMUL2D_ACTIVATION
#undef SMELT_MATMUL2D_STORED_LEFT
#undef SMELT_MATMUL2D_STORED
#if SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE
#undef SMELT_MATMUL2D_BLOCK
#undef SMELT_MATMUL2D_ZERO
#undef SMELT_MM_SCALE_DTYPE
#undef SMELT_MM_ZERO_DTYPE
#endif
#undef SMELT_MATMUL2D_SCALE
#undef SMELT_MATMUL2D_COMPUTED
#undef SMELT_MATMUL2D_ACCUMULATED
#undef SMELT_MATMUL2D_LAYOUT
#undef SMELT_MATMUL2D_LEFT
#undef SMELT_MATMUL2D_RESULT
#undef SMELT_MATMUL2D_BACKEND
#undef SMELT_MATMUL2D_BIAS_DTYPE
#undef SMELT_MATMUL2D_BIAS_PREFIX
#undef SMELT_MATMUL2D_WEIGHT_ROWS
#undef SMELT_MATMUL2D_WEIGHT_COLUMNS
#undef SMELT_MATMUL2D_WEIGHT_PREFIX
#undef SMELT_MM_LEFT_DTYPE
#endif
