// SPDX-License-Identifier: MIT
// matmul2d_tmpl.glsl: a matrix product whose left operand and result live in the invocation (THREAD scope).
//
// what    d[m][n] = activation(sum_k a[m][k] b[k][n] + bias[n]), or with ACCUMULATE
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
//         SMELT_MATMUL2D_STORED           SMELT_DTYPE_x of weight and bias: F32 F16 BF16 F8E4M3 F8E5M2
//         SMELT_MATMUL2D_COMPUTED         SMELT_DTYPE_F32 or _F16: what both factors are converted to
//         SMELT_MATMUL2D_ACCUMULATED      SMELT_DTYPE_F32 or _F16: of sums; not narrower than COMPUTED
//         SMELT_MATMUL2D_LAYOUT           of weight: SMELT_LAYOUT_ROW_MAJOR or SMELT_LAYOUT_OPTIMAL
//         SMELT_MATMUL2D_LEFT             type of a: an inline tensor of F32 or F16, M rows and K columns
//         SMELT_MATMUL2D_RESULT           type of d: an inline tensor of ACCUMULATED, M rows and N columns
//         SMELT_MATMUL2D_BACKEND          SMELT_BACKEND_PORTABLE or SMELT_BACKEND_COOPVEC; both inline tensors
//                                         are made for the same one
//         COMPUTED F16 takes STORED F16, F8E4M3 or F8E5M2 (that conversion is exact). COOPVEC takes F16 for all
//         three types, and with ROW_MAJOR only rows of weight that are a multiple of 8 long
// makes   for the name NAME, with <w> = <N>x<K> or <K>x<N>:
//         NAME_weight_<stored>_2_r_<w>, NAME_bias_<stored>_1_r_<N>   tensor types (tensor_tmpl.glsl)
//         struct NAME { weight; bias }        for an argument block; without `bias` when BIAS is 0
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
//         with ACCUMULATED F32 forms exact products. The activation's own error: activation.glsl
// needs   base.glsl first; weight and bias aligned to 16 bytes (COOPVEC: weight to 64); COMPUTED or
//         ACCUMULATED F16: shaderFloat16; COOPVEC: cooperativeVector and its stage
// source  GL_NV_cooperative_vector; error analysis: Higham, Accuracy and Stability of Numerical Algorithms,
//         2nd ed., section 3.1
