// SPDX-License-Identifier: MIT
// mlp_gradient_check_tmpl.glsl: checks the parameters of mlp_gradient_tmpl.glsl.
//
// what    an error for each that is missing or out of its range
// params  those of mlp_gradient_tmpl.glsl, not undefined
// makes   nothing
// errors  none
// needs   nothing
// source  mlp_gradient_tmpl.glsl
#ifndef SMELT_BASE_GLSL
#error "mlp_gradient_tmpl.glsl: include smelt/base.glsl first"
#endif
#include "smelt/activation_gradient.glsl"
#ifndef SMELT_MLP_GRADIENT
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT (name of the network) is not defined"
#endif
#ifndef SMELT_MLP_GRADIENT_LAYERS
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_LAYERS (1 to 4) is not defined"
#endif
#if SMELT_MLP_GRADIENT_LAYERS < 1 || SMELT_MLP_GRADIENT_LAYERS > 4
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_LAYERS must be 1 to 4"
#endif
#ifndef SMELT_MLP_GRADIENT_SAMPLES
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_SAMPLES (of the workgroup at a time) is not defined"
#endif
#ifndef SMELT_MLP_GRADIENT_SUBGROUP_SIZE
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_SUBGROUP_SIZE (of the pipeline) is not defined"
#endif
#ifndef SMELT_MLP_GRADIENT_SUBGROUPS
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_SUBGROUPS (of the workgroup) is not defined"
#endif
#ifndef SMELT_MLP_GRADIENT_FRAGMENT_M
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_FRAGMENT_M (rows of a matrix) is not defined"
#endif
#ifndef SMELT_MLP_GRADIENT_FRAGMENT_N
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_FRAGMENT_N (columns of a matrix) is not defined"
#endif
#ifndef SMELT_MLP_GRADIENT_FRAGMENT_K
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_FRAGMENT_K (terms of a product of matrices) is not defined"
#endif
#ifndef SMELT_MLP_GRADIENT_UNROLL
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_UNROLL (1: loops over matrices are unrolled, 0: not) is not defined"
#endif
#ifndef SMELT_MLP_GRADIENT_SCRATCH
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_SCRATCH (name of a shared uvec4 array) is not defined"
#endif
#ifndef SMELT_MLP_GRADIENT_BACKEND
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_BACKEND (SMELT_BACKEND_x) is not defined"
#endif
#if SMELT_MLP_GRADIENT_UNROLL != 0 && SMELT_MLP_GRADIENT_UNROLL != 1
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_UNROLL must be 0 or 1"
#endif
#ifndef SMELT_MLP_GRADIENT_COPY
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_COPY (1: weights are copied to the scratch, 0: not) is not defined"
#endif
#if SMELT_MLP_GRADIENT_COPY != 0 && SMELT_MLP_GRADIENT_COPY != 1
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_COPY must be 0 or 1"
#endif
#if SMELT_MLP_GRADIENT_SUBGROUP_SIZE < 1 || SMELT_MLP_GRADIENT_SUBGROUP_SIZE > 128
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_SUBGROUP_SIZE must be a literal, 1 to 128"
#endif
#if SMELT_MLP_GRADIENT_SUBGROUPS < 1 || SMELT_MLP_GRADIENT_SUBGROUPS > 64
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_SUBGROUPS must be a literal, 1 to 64"
#endif
#if SMELT_MLP_GRADIENT_SAMPLES < 4 || SMELT_MLP_GRADIENT_SAMPLES > 1024 || SMELT_MLP_GRADIENT_SAMPLES % 4 != 0
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_SAMPLES must be a literal, 4 to 1024, a multiple of 4"
#endif
#if SMELT_MLP_GRADIENT_BACKEND != SMELT_BACKEND_PORTABLE &&                                                  \
    SMELT_MLP_GRADIENT_BACKEND != SMELT_BACKEND_COOPVEC &&                                                   \
    SMELT_MLP_GRADIENT_BACKEND != SMELT_BACKEND_COOPMAT &&                                                   \
    SMELT_MLP_GRADIENT_BACKEND != SMELT_BACKEND_COOPMAT2
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_BACKEND must be SMELT_BACKEND_PORTABLE, _COOPVEC, _COOPMAT or _COOPMAT2"
#endif
#if SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_COOPVEC && (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPVEC) == 0
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_BACKEND is COOPVEC, but SMELT_BACKENDS lacks it"
#endif
#if SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_COOPVEC &&                                                   \
    SMELT_MLP_GRADIENT_SAMPLES != SMELT_MLP_GRADIENT_SUBGROUP_SIZE * SMELT_MLP_GRADIENT_SUBGROUPS
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_SAMPLES must be SUBGROUP_SIZE * SUBGROUPS with COOPVEC"
#endif
#if SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_COOPMAT && (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPMAT) == 0
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_BACKEND is COOPMAT, but SMELT_BACKENDS lacks it"
#endif
#if SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_COOPMAT2 && (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPMAT2) == 0
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_BACKEND is COOPMAT2, but SMELT_BACKENDS lacks it"
#endif
#if SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_PORTABLE ||                                                  \
    SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_COOPVEC
#if SMELT_MLP_GRADIENT_FRAGMENT_M != 1 || SMELT_MLP_GRADIENT_FRAGMENT_N != 1 ||                              \
    SMELT_MLP_GRADIENT_FRAGMENT_K != 1
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_FRAGMENT_M, _N and _K must be 1 with PORTABLE and COOPVEC"
#endif
#if SMELT_MLP_GRADIENT_COPY
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_COPY must be 0 with PORTABLE and COOPVEC"
#endif
#else
#if SMELT_MLP_GRADIENT_FRAGMENT_M < 8 || SMELT_MLP_GRADIENT_FRAGMENT_M > 64 ||                               \
    (SMELT_MLP_GRADIENT_FRAGMENT_M & (SMELT_MLP_GRADIENT_FRAGMENT_M - 1)) != 0
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_FRAGMENT_M must be 8, 16, 32 or 64"
#endif
#if SMELT_MLP_GRADIENT_FRAGMENT_N < 8 || SMELT_MLP_GRADIENT_FRAGMENT_N > 64 ||                               \
    (SMELT_MLP_GRADIENT_FRAGMENT_N & (SMELT_MLP_GRADIENT_FRAGMENT_N - 1)) != 0
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_FRAGMENT_N must be 8, 16, 32 or 64"
#endif
#if SMELT_MLP_GRADIENT_FRAGMENT_K < 8 || SMELT_MLP_GRADIENT_FRAGMENT_K > 64 ||                               \
    (SMELT_MLP_GRADIENT_FRAGMENT_K & (SMELT_MLP_GRADIENT_FRAGMENT_K - 1)) != 0
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_FRAGMENT_K must be 8, 16, 32 or 64"
#endif
#if SMELT_MLP_GRADIENT_SAMPLES % (SMELT_MLP_GRADIENT_SUBGROUPS * SMELT_MLP_GRADIENT_FRAGMENT_M) != 0 ||      \
    SMELT_MLP_GRADIENT_SAMPLES % SMELT_MLP_GRADIENT_FRAGMENT_K != 0
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_SAMPLES must be a multiple of SUBGROUPS * FRAGMENT_M and of FRAGMENT_K"
#endif
#endif
#ifndef SMELT_MLP_GRADIENT_WIDTH0
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH0 (elements of the input) is not defined"
#endif
#if SMELT_MLP_GRADIENT_WIDTH0 < 1 || SMELT_MLP_GRADIENT_WIDTH0 > 128
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH0 (elements of the input) must be a literal, 1 to 128"
#endif
#ifndef SMELT_MLP_GRADIENT_WIDTH1
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH1 (elements of layer 0's output) is not defined"
#endif
#if SMELT_MLP_GRADIENT_WIDTH1 < 1 || SMELT_MLP_GRADIENT_WIDTH1 > 128
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH1 (elements of layer 0's output) must be a literal, 1 to 128"
#endif
#ifndef SMELT_MLP_GRADIENT_ACTIVATION0
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION0 (of layer 0, SMELT_ACTIVATION_x) is not defined"
#endif
#if SMELT_MLP_GRADIENT_ACTIVATION0 < 0 || SMELT_MLP_GRADIENT_ACTIVATION0 > SMELT_ACTIVATION_SINE
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION0 (of layer 0) must be one of SMELT_ACTIVATION_x"
#endif
#if SMELT_MLP_GRADIENT_LAYERS >= 2
#ifndef SMELT_MLP_GRADIENT_WIDTH2
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH2 (elements of layer 1's output) is not defined"
#endif
#if SMELT_MLP_GRADIENT_WIDTH2 < 1 || SMELT_MLP_GRADIENT_WIDTH2 > 128
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH2 (elements of layer 1's output) must be a literal, 1 to 128"
#endif
#ifndef SMELT_MLP_GRADIENT_ACTIVATION1
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION1 (of layer 1, SMELT_ACTIVATION_x) is not defined"
#endif
#if SMELT_MLP_GRADIENT_ACTIVATION1 < 0 || SMELT_MLP_GRADIENT_ACTIVATION1 > SMELT_ACTIVATION_SINE
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION1 (of layer 1) must be one of SMELT_ACTIVATION_x"
#endif
#else
#if defined(SMELT_MLP_GRADIENT_WIDTH2) || defined(SMELT_MLP_GRADIENT_ACTIVATION1)
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH2 or ACTIVATION1 is defined, but SMELT_MLP_GRADIENT_LAYERS says there is no layer 1"
#endif
#endif
#if SMELT_MLP_GRADIENT_LAYERS >= 3
#ifndef SMELT_MLP_GRADIENT_WIDTH3
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH3 (elements of layer 2's output) is not defined"
#endif
#if SMELT_MLP_GRADIENT_WIDTH3 < 1 || SMELT_MLP_GRADIENT_WIDTH3 > 128
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH3 (elements of layer 2's output) must be a literal, 1 to 128"
#endif
#ifndef SMELT_MLP_GRADIENT_ACTIVATION2
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION2 (of layer 2, SMELT_ACTIVATION_x) is not defined"
#endif
#if SMELT_MLP_GRADIENT_ACTIVATION2 < 0 || SMELT_MLP_GRADIENT_ACTIVATION2 > SMELT_ACTIVATION_SINE
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION2 (of layer 2) must be one of SMELT_ACTIVATION_x"
#endif
#else
#if defined(SMELT_MLP_GRADIENT_WIDTH3) || defined(SMELT_MLP_GRADIENT_ACTIVATION2)
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH3 or ACTIVATION2 is defined, but SMELT_MLP_GRADIENT_LAYERS says there is no layer 2"
#endif
#endif
#if SMELT_MLP_GRADIENT_LAYERS >= 4
#ifndef SMELT_MLP_GRADIENT_WIDTH4
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH4 (elements of layer 3's output) is not defined"
#endif
#if SMELT_MLP_GRADIENT_WIDTH4 < 1 || SMELT_MLP_GRADIENT_WIDTH4 > 128
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH4 (elements of layer 3's output) must be a literal, 1 to 128"
#endif
#ifndef SMELT_MLP_GRADIENT_ACTIVATION3
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION3 (of layer 3, SMELT_ACTIVATION_x) is not defined"
#endif
#if SMELT_MLP_GRADIENT_ACTIVATION3 < 0 || SMELT_MLP_GRADIENT_ACTIVATION3 > SMELT_ACTIVATION_SINE
#error "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION3 (of layer 3) must be one of SMELT_ACTIVATION_x"
#endif
#else
#if defined(SMELT_MLP_GRADIENT_WIDTH4) || defined(SMELT_MLP_GRADIENT_ACTIVATION3)
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_WIDTH4 or ACTIVATION3 is defined, but SMELT_MLP_GRADIENT_LAYERS says there is no layer 3"
#endif
#endif
#if SMELT_MLP_GRADIENT_LAYERS == 1
#if SMELT_MLP_GRADIENT_ACTIVATION0 == SMELT_ACTIVATION_SILU ||                                               \
    SMELT_MLP_GRADIENT_ACTIVATION0 == SMELT_ACTIVATION_GELU ||                                               \
    SMELT_MLP_GRADIENT_ACTIVATION0 == SMELT_ACTIVATION_SINE
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION0 is the last one: its derivative must follow from its result"
#endif
#endif
#if SMELT_MLP_GRADIENT_LAYERS == 2
#if SMELT_MLP_GRADIENT_ACTIVATION1 == SMELT_ACTIVATION_SILU ||                                               \
    SMELT_MLP_GRADIENT_ACTIVATION1 == SMELT_ACTIVATION_GELU ||                                               \
    SMELT_MLP_GRADIENT_ACTIVATION1 == SMELT_ACTIVATION_SINE
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION1 is the last one: its derivative must follow from its result"
#endif
#endif
#if SMELT_MLP_GRADIENT_LAYERS == 3
#if SMELT_MLP_GRADIENT_ACTIVATION2 == SMELT_ACTIVATION_SILU ||                                               \
    SMELT_MLP_GRADIENT_ACTIVATION2 == SMELT_ACTIVATION_GELU ||                                               \
    SMELT_MLP_GRADIENT_ACTIVATION2 == SMELT_ACTIVATION_SINE
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION2 is the last one: its derivative must follow from its result"
#endif
#endif
#if SMELT_MLP_GRADIENT_LAYERS == 4
#if SMELT_MLP_GRADIENT_ACTIVATION3 == SMELT_ACTIVATION_SILU ||                                               \
    SMELT_MLP_GRADIENT_ACTIVATION3 == SMELT_ACTIVATION_GELU ||                                               \
    SMELT_MLP_GRADIENT_ACTIVATION3 == SMELT_ACTIVATION_SINE
#error                                                                                                       \
    "mlp_gradient_tmpl.glsl: SMELT_MLP_GRADIENT_ACTIVATION3 is the last one: its derivative must follow from its result"
#endif
#endif
const int SMELT_CAT(SMELT_MLP_GRADIENT, _unroll_is) = SMELT_CAT(smelt_flag_is_, SMELT_MLP_GRADIENT_UNROLL);
const int SMELT_CAT(SMELT_MLP_GRADIENT, _copy_is) = SMELT_CAT(smelt_flag_is_, SMELT_MLP_GRADIENT_COPY);
