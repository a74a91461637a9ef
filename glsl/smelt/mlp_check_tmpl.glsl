// SPDX-License-Identifier: MIT
// mlp_check_tmpl.glsl: checks every parameter of mlp_tmpl.glsl.
//
// what    see mlp_tmpl.glsl
// params  those of mlp_tmpl.glsl (not undefined here)
// makes   nothing
// errors  none (no arithmetic)
// needs   mlp_tmpl.glsl around it
// source  DESIGN: every parameter is required and checked
#ifndef SMELT_BASE_GLSL
#error "mlp_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_MLP
#error "mlp_tmpl.glsl: SMELT_MLP (name of the network) is not defined"
#endif
#ifndef SMELT_MLP_SCOPE
#error "mlp_tmpl.glsl: SMELT_MLP_SCOPE (invocations that work together) is not defined"
#endif
#if SMELT_MLP_SCOPE < SMELT_SCOPE_THREAD || SMELT_MLP_SCOPE > SMELT_SCOPE_WORKGROUP
#error "mlp_tmpl.glsl: SMELT_MLP_SCOPE must be SMELT_SCOPE_THREAD, SMELT_SCOPE_SUBGROUP or _WORKGROUP"
#endif
#ifndef SMELT_MLP_SAMPLES
#error "mlp_tmpl.glsl: SMELT_MLP_SAMPLES (of one invocation, 1, 2 or 4) is not defined"
#endif
#if SMELT_MLP_SAMPLES != 1 && SMELT_MLP_SAMPLES != 2 && SMELT_MLP_SAMPLES != 4
#error "mlp_tmpl.glsl: SMELT_MLP_SAMPLES (of one invocation) must be 1, 2 or 4"
#endif
#ifndef SMELT_MLP_LAYERS
#error "mlp_tmpl.glsl: SMELT_MLP_LAYERS (number of layers, 1 to 8) is not defined"
#endif
#if SMELT_MLP_LAYERS < 1 || SMELT_MLP_LAYERS > 8
#error "mlp_tmpl.glsl: SMELT_MLP_LAYERS (number of layers) must be a literal, 1 to 8"
#endif
#ifndef SMELT_MLP_BIAS
#error "mlp_tmpl.glsl: SMELT_MLP_BIAS (1: every layer has a bias, 0: none has) is not defined"
#endif
#ifndef SMELT_MLP_STORED
#error "mlp_tmpl.glsl: SMELT_MLP_STORED (SMELT_DTYPE_x of weights and biases) is not defined"
#endif
#ifndef SMELT_MLP_COMPUTED
#error "mlp_tmpl.glsl: SMELT_MLP_COMPUTED (SMELT_DTYPE_x of the factors) is not defined"
#endif
#ifndef SMELT_MLP_ACCUMULATED
#error "mlp_tmpl.glsl: SMELT_MLP_ACCUMULATED (SMELT_DTYPE_x of the sums) is not defined"
#endif
#ifndef SMELT_MLP_LAYOUT
#error "mlp_tmpl.glsl: SMELT_MLP_LAYOUT (SMELT_LAYOUT_x of the weights) is not defined"
#endif
#ifndef SMELT_MLP_BACKEND
#error "mlp_tmpl.glsl: SMELT_MLP_BACKEND (SMELT_BACKEND_x) is not defined"
#endif
#if SMELT_MLP_STORED < SMELT_DTYPE_F32 || SMELT_MLP_STORED > SMELT_DTYPE_F8E5M2
#error "mlp_tmpl.glsl: SMELT_MLP_STORED (of weights) must be F32, F16, BF16, F8E4M3 or F8E5M2"
#endif
#if SMELT_MLP_COMPUTED != SMELT_DTYPE_F32 && SMELT_MLP_COMPUTED != SMELT_DTYPE_F16
#error "mlp_tmpl.glsl: SMELT_MLP_COMPUTED (of the factors) must be SMELT_DTYPE_F32 or SMELT_DTYPE_F16"
#endif
#if SMELT_MLP_LAYOUT != SMELT_LAYOUT_ROW_MAJOR && SMELT_MLP_LAYOUT != SMELT_LAYOUT_OPTIMAL
#error "mlp_tmpl.glsl: SMELT_MLP_LAYOUT (of the weights) must be SMELT_LAYOUT_ROW_MAJOR or _OPTIMAL"
#endif
#if SMELT_MLP_ACCUMULATED != SMELT_DTYPE_F32 && SMELT_MLP_ACCUMULATED != SMELT_DTYPE_F16
#error "mlp_tmpl.glsl: SMELT_MLP_ACCUMULATED (of the sums) must be SMELT_DTYPE_F32 or SMELT_DTYPE_F16"
#endif
#if SMELT_MLP_SCOPE == SMELT_SCOPE_THREAD && SMELT_MLP_BACKEND != SMELT_BACKEND_PORTABLE &&                  \
    SMELT_MLP_BACKEND != SMELT_BACKEND_COOPVEC
#error "mlp_tmpl.glsl: SMELT_MLP_BACKEND must be SMELT_BACKEND_PORTABLE or SMELT_BACKEND_COOPVEC"
#endif
#if SMELT_MLP_SCOPE != SMELT_SCOPE_THREAD && SMELT_MLP_BACKEND != SMELT_BACKEND_PORTABLE &&                  \
    SMELT_MLP_BACKEND != SMELT_BACKEND_COOPMAT && SMELT_MLP_BACKEND != SMELT_BACKEND_COOPMAT2
#error                                                                                                       \
    "mlp_tmpl.glsl: SMELT_MLP_BACKEND must be PORTABLE, COOPMAT or COOPMAT2 at SUBGROUP and WORKGROUP scope"
#endif

#ifndef SMELT_MLP_WIDTH0
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH0 (elements of the input) is not defined"
#endif
#if SMELT_MLP_WIDTH0 < 1 || SMELT_MLP_WIDTH0 > 1024
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH0 (elements of the input) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MLP_WIDTH1
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH1 (elements of layer 0's output) is not defined"
#endif
#if SMELT_MLP_WIDTH1 < 1 || SMELT_MLP_WIDTH1 > 1024
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH1 (elements of layer 0's output) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MLP_ACTIVATION0
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION0 (of layer 0, SMELT_ACTIVATION_x) is not defined"
#endif
#if SMELT_MLP_LAYERS >= 2
#ifndef SMELT_MLP_WIDTH2
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH2 (elements of layer 1's output) is not defined"
#endif
#if SMELT_MLP_WIDTH2 < 1 || SMELT_MLP_WIDTH2 > 1024
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH2 (elements of layer 1's output) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MLP_ACTIVATION1
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION1 (of layer 1, SMELT_ACTIVATION_x) is not defined"
#endif
#else
#if defined(SMELT_MLP_WIDTH2)
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH2 is defined, but SMELT_MLP_LAYERS says there is no layer 1"
#endif
#if defined(SMELT_MLP_ACTIVATION1)
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION1 is defined, but SMELT_MLP_LAYERS says there is no layer 1"
#endif
#endif
#if SMELT_MLP_LAYERS >= 3
#ifndef SMELT_MLP_WIDTH3
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH3 (elements of layer 2's output) is not defined"
#endif
#if SMELT_MLP_WIDTH3 < 1 || SMELT_MLP_WIDTH3 > 1024
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH3 (elements of layer 2's output) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MLP_ACTIVATION2
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION2 (of layer 2, SMELT_ACTIVATION_x) is not defined"
#endif
#else
#if defined(SMELT_MLP_WIDTH3)
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH3 is defined, but SMELT_MLP_LAYERS says there is no layer 2"
#endif
#if defined(SMELT_MLP_ACTIVATION2)
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION2 is defined, but SMELT_MLP_LAYERS says there is no layer 2"
#endif
#endif
#if SMELT_MLP_LAYERS >= 4
#ifndef SMELT_MLP_WIDTH4
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH4 (elements of layer 3's output) is not defined"
#endif
#if SMELT_MLP_WIDTH4 < 1 || SMELT_MLP_WIDTH4 > 1024
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH4 (elements of layer 3's output) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MLP_ACTIVATION3
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION3 (of layer 3, SMELT_ACTIVATION_x) is not defined"
#endif
#else
#if defined(SMELT_MLP_WIDTH4)
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH4 is defined, but SMELT_MLP_LAYERS says there is no layer 3"
#endif
#if defined(SMELT_MLP_ACTIVATION3)
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION3 is defined, but SMELT_MLP_LAYERS says there is no layer 3"
#endif
#endif
#if SMELT_MLP_LAYERS >= 5
#ifndef SMELT_MLP_WIDTH5
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH5 (elements of layer 4's output) is not defined"
#endif
#if SMELT_MLP_WIDTH5 < 1 || SMELT_MLP_WIDTH5 > 1024
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH5 (elements of layer 4's output) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MLP_ACTIVATION4
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION4 (of layer 4, SMELT_ACTIVATION_x) is not defined"
#endif
#else
#if defined(SMELT_MLP_WIDTH5)
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH5 is defined, but SMELT_MLP_LAYERS says there is no layer 4"
#endif
#if defined(SMELT_MLP_ACTIVATION4)
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION4 is defined, but SMELT_MLP_LAYERS says there is no layer 4"
#endif
#endif
#if SMELT_MLP_LAYERS >= 6
#ifndef SMELT_MLP_WIDTH6
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH6 (elements of layer 5's output) is not defined"
#endif
#if SMELT_MLP_WIDTH6 < 1 || SMELT_MLP_WIDTH6 > 1024
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH6 (elements of layer 5's output) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MLP_ACTIVATION5
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION5 (of layer 5, SMELT_ACTIVATION_x) is not defined"
#endif
#else
#if defined(SMELT_MLP_WIDTH6)
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH6 is defined, but SMELT_MLP_LAYERS says there is no layer 5"
#endif
#if defined(SMELT_MLP_ACTIVATION5)
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION5 is defined, but SMELT_MLP_LAYERS says there is no layer 5"
#endif
#endif
#if SMELT_MLP_LAYERS >= 7
#ifndef SMELT_MLP_WIDTH7
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH7 (elements of layer 6's output) is not defined"
#endif
#if SMELT_MLP_WIDTH7 < 1 || SMELT_MLP_WIDTH7 > 1024
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH7 (elements of layer 6's output) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MLP_ACTIVATION6
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION6 (of layer 6, SMELT_ACTIVATION_x) is not defined"
#endif
#else
#if defined(SMELT_MLP_WIDTH7)
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH7 is defined, but SMELT_MLP_LAYERS says there is no layer 6"
#endif
#if defined(SMELT_MLP_ACTIVATION6)
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION6 is defined, but SMELT_MLP_LAYERS says there is no layer 6"
#endif
#endif
#if SMELT_MLP_LAYERS >= 8
#ifndef SMELT_MLP_WIDTH8
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH8 (elements of layer 7's output) is not defined"
#endif
#if SMELT_MLP_WIDTH8 < 1 || SMELT_MLP_WIDTH8 > 1024
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH8 (elements of layer 7's output) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_MLP_ACTIVATION7
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION7 (of layer 7, SMELT_ACTIVATION_x) is not defined"
#endif
#else
#if defined(SMELT_MLP_WIDTH8)
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH8 is defined, but SMELT_MLP_LAYERS says there is no layer 7"
#endif
#if defined(SMELT_MLP_ACTIVATION7)
#error "mlp_tmpl.glsl: SMELT_MLP_ACTIVATION7 is defined, but SMELT_MLP_LAYERS says there is no layer 7"
#endif
#endif
