// SPDX-License-Identifier: MIT
// mlp_cooperative_check_tmpl.glsl: checks the parameters that mlp_tmpl.glsl takes at SUBGROUP and WORKGROUP scope.
//
// what    see mlp_cooperative_tmpl.glsl
// params  those of mlp_cooperative_tmpl.glsl (not undefined here)
// makes   nothing
// errors  none (no arithmetic)
// needs   mlp_cooperative_tmpl.glsl around it
// source  DESIGN: every parameter is required and checked
#ifndef SMELT_MLP_SUBGROUP_SIZE
#error "mlp_tmpl.glsl: SMELT_MLP_SUBGROUP_SIZE (invocations of a subgroup) is not defined"
#endif
#if SMELT_MLP_SUBGROUP_SIZE < 1 || SMELT_MLP_SUBGROUP_SIZE > 128
#error "mlp_tmpl.glsl: SMELT_MLP_SUBGROUP_SIZE must be a literal, 1 to 128"
#endif
#ifndef SMELT_MLP_SUBGROUPS
#error "mlp_tmpl.glsl: SMELT_MLP_SUBGROUPS (subgroups of the workgroup) is not defined"
#endif
#if SMELT_MLP_SUBGROUPS < 1 || SMELT_MLP_SUBGROUPS > 64
#error "mlp_tmpl.glsl: SMELT_MLP_SUBGROUPS (of the workgroup) must be a literal, 1 to 64"
#endif
#ifndef SMELT_MLP_FRAGMENT_M
#error "mlp_tmpl.glsl: SMELT_MLP_FRAGMENT_M (rows of the device's matrices; PORTABLE: 1) is not defined"
#endif
#ifndef SMELT_MLP_FRAGMENT_N
#error "mlp_tmpl.glsl: SMELT_MLP_FRAGMENT_N (columns of the device's matrices; PORTABLE: 1) is not defined"
#endif
#ifndef SMELT_MLP_FRAGMENT_K
#error "mlp_tmpl.glsl: SMELT_MLP_FRAGMENT_K (terms of the device's matrices; PORTABLE: 1) is not defined"
#endif
#if SMELT_MLP_BACKEND == SMELT_BACKEND_PORTABLE
#if SMELT_MLP_FRAGMENT_M != 1 || SMELT_MLP_FRAGMENT_N != 1 || SMELT_MLP_FRAGMENT_K != 1
#error                                                                                                       \
    "mlp_tmpl.glsl: SMELT_MLP_FRAGMENT_M, SMELT_MLP_FRAGMENT_N and SMELT_MLP_FRAGMENT_K must be 1 with PORTABLE"
#endif
#elif SMELT_MLP_FRAGMENT_M < 8 || SMELT_MLP_FRAGMENT_M % 8 != 0 || SMELT_MLP_FRAGMENT_N < 8 ||               \
    SMELT_MLP_FRAGMENT_N % 8 != 0 || SMELT_MLP_FRAGMENT_K < 8 || SMELT_MLP_FRAGMENT_K % 8 != 0
#error "mlp_tmpl.glsl: SMELT_MLP_FRAGMENT_M, _N and _K must be literals, multiples of 8"
#elif SMELT_MLP_FRAGMENT_N % SMELT_MLP_FRAGMENT_K != 0 && SMELT_MLP_FRAGMENT_K % SMELT_MLP_FRAGMENT_N != 0
#error "mlp_tmpl.glsl: SMELT_MLP_FRAGMENT_N and _K: one must divide the other"
#elif SMELT_MLP_SAMPLES * SMELT_MLP_SUBGROUP_SIZE % SMELT_MLP_FRAGMENT_M != 0
#error "mlp_tmpl.glsl: SMELT_MLP_FRAGMENT_M must divide SMELT_MLP_SAMPLES * SMELT_MLP_SUBGROUP_SIZE"
#elif SMELT_MLP_SUBGROUP_SIZE % SMELT_MLP_FRAGMENT_M != 0 &&                                                 \
    SMELT_MLP_FRAGMENT_M % SMELT_MLP_SUBGROUP_SIZE != 0
#error "mlp_tmpl.glsl: SMELT_MLP_FRAGMENT_M and SMELT_MLP_SUBGROUP_SIZE: one must divide the other"
#elif SMELT_MLP_FRAGMENT_M * SMELT_MLP_FRAGMENT_N > 2048 || SMELT_MLP_FRAGMENT_M * SMELT_MLP_FRAGMENT_K > 2048
#error "mlp_tmpl.glsl: SMELT_MLP_FRAGMENT_M * _N and _M * _K must be at most 2048"
#endif
#if SMELT_MLP_BACKEND != SMELT_BACKEND_PORTABLE && SMELT_MLP_COMPUTED != SMELT_DTYPE_F16
#error "mlp_tmpl.glsl: SMELT_MLP_COMPUTED (of the factors) must be SMELT_DTYPE_F16 with COOPMAT and COOPMAT2"
#endif
#if SMELT_MLP_COMPUTED == SMELT_DTYPE_F32 && SMELT_MLP_ACCUMULATED == SMELT_DTYPE_F16
#error "mlp_tmpl.glsl: SMELT_MLP_ACCUMULATED (of the sums) is narrower than SMELT_MLP_COMPUTED"
#endif
#if SMELT_MLP_COMPUTED == SMELT_DTYPE_F16 &&                                                                 \
    (SMELT_MLP_STORED == SMELT_DTYPE_F32 || SMELT_MLP_STORED == SMELT_DTYPE_BF16)
#error "mlp_tmpl.glsl: SMELT_MLP_STORED must be F16, F8E4M3 or F8E5M2 with COMPUTED F16"
#endif
#ifndef SMELT_MLP_STAGE
#error                                                                                                       \
    "mlp_tmpl.glsl: SMELT_MLP_STAGE (rows of a weight in the scratch at a time; SUBGROUP: 0) is not defined"
#endif
#if SMELT_MLP_SCOPE == SMELT_SCOPE_SUBGROUP
#if SMELT_MLP_STAGE != 0
#error "mlp_tmpl.glsl: SMELT_MLP_STAGE must be 0 with SMELT_MLP_SCOPE SMELT_SCOPE_SUBGROUP"
#endif
#elif SMELT_MLP_STAGE < 8 || SMELT_MLP_STAGE > 256 || SMELT_MLP_STAGE % 8 != 0 ||                            \
    SMELT_MLP_STAGE % SMELT_MLP_FRAGMENT_N != 0 || SMELT_MLP_STAGE % SMELT_MLP_FRAGMENT_K != 0
#error "mlp_tmpl.glsl: SMELT_MLP_STAGE must be a multiple of 8, SMELT_MLP_FRAGMENT_N and _K, 8 to 256"
#endif
#ifndef SMELT_MLP_UNROLL
#error "mlp_tmpl.glsl: SMELT_MLP_UNROLL (1: loops over matrices are unrolled; PORTABLE: 0) is not defined"
#endif
#if SMELT_MLP_UNROLL != 0 && (SMELT_MLP_UNROLL != 1 || SMELT_MLP_BACKEND == SMELT_BACKEND_PORTABLE)
#error "mlp_tmpl.glsl: SMELT_MLP_UNROLL must be 0 or, with COOPMAT and COOPMAT2, 1"
#endif
#ifndef SMELT_MLP_SCRATCH
#error "mlp_tmpl.glsl: SMELT_MLP_SCRATCH (name of a shared uvec4 array) is not defined"
#endif
#if SMELT_MLP_WIDTH0 > 256
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH0 must be at most 256 at SUBGROUP and WORKGROUP scope"
#endif
#if SMELT_MLP_LAYERS >= 1 && SMELT_MLP_WIDTH1 > 256
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH1 must be at most 256 at SUBGROUP and WORKGROUP scope"
#endif
#if SMELT_MLP_LAYERS >= 2 && SMELT_MLP_WIDTH2 > 256
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH2 must be at most 256 at SUBGROUP and WORKGROUP scope"
#endif
#if SMELT_MLP_LAYERS >= 3 && SMELT_MLP_WIDTH3 > 256
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH3 must be at most 256 at SUBGROUP and WORKGROUP scope"
#endif
#if SMELT_MLP_LAYERS >= 4 && SMELT_MLP_WIDTH4 > 256
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH4 must be at most 256 at SUBGROUP and WORKGROUP scope"
#endif
#if SMELT_MLP_LAYERS >= 5 && SMELT_MLP_WIDTH5 > 256
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH5 must be at most 256 at SUBGROUP and WORKGROUP scope"
#endif
#if SMELT_MLP_LAYERS >= 6 && SMELT_MLP_WIDTH6 > 256
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH6 must be at most 256 at SUBGROUP and WORKGROUP scope"
#endif
#if SMELT_MLP_LAYERS >= 7 && SMELT_MLP_WIDTH7 > 256
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH7 must be at most 256 at SUBGROUP and WORKGROUP scope"
#endif
#if SMELT_MLP_LAYERS >= 8 && SMELT_MLP_WIDTH8 > 256
#error "mlp_tmpl.glsl: SMELT_MLP_WIDTH8 must be at most 256 at SUBGROUP and WORKGROUP scope"
#endif
