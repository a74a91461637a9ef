// SPDX-License-Identifier: MIT
// matmul2d_cooperative_check_tmpl.glsl: checks the parameters of matmul2d_cooperative_tmpl.glsl, which includes it.
//
// what    an #error that names the parameter for each one that is missing or out of range
// params  those of matmul2d_cooperative_tmpl.glsl
// makes   nothing
// errors  none (no arithmetic)
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
#if !defined SMELT_MATMUL2D_M || !defined SMELT_MATMUL2D_N
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_M or SMELT_MATMUL2D_N (the group's tile) is not defined"
#endif
#if SMELT_MATMUL2D_M < 1 || SMELT_MATMUL2D_M > 1024
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_M (rows of the tile) must be a literal, 1 to 1024"
#endif
#if SMELT_MATMUL2D_N < 1 || SMELT_MATMUL2D_N > 1024 || SMELT_MATMUL2D_N % 8 != 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_N (columns of the tile) must be a multiple of 8, 8 to 1024"
#endif
#ifndef SMELT_MATMUL2D_K
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_K (terms of the sum; 0: known at run time) is not defined"
#endif
#ifndef SMELT_MATMUL2D_TILE_K
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_TILE_K (terms in shared memory at a time) is not defined"
#endif
#if SMELT_MATMUL2D_TILE_K < 8 || SMELT_MATMUL2D_TILE_K > 256 || SMELT_MATMUL2D_TILE_K % 8 != 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_TILE_K (terms in shared memory) must be a multiple of 8, 8 to 256"
#endif
#ifndef SMELT_MATMUL2D_TRANSPOSE_LEFT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_TRANSPOSE_LEFT (1: a is [K][M], 0: [M][K]) is not defined"
#endif
#if SMELT_MATMUL2D_TRANSPOSE_LEFT && SMELT_MATMUL2D_M % 8 != 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_M (rows of the tile) must be a multiple of 8 with TRANSPOSE_LEFT"
#endif
#ifndef SMELT_MATMUL2D_TRANSPOSE_RIGHT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_TRANSPOSE_RIGHT (1: b is [N][K], 0: [K][N]) is not defined"
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
#ifndef SMELT_MATMUL2D_EPILOGUE
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_EPILOGUE (1: NAME_element is declared, 0: there is none) is not defined"
#endif
#ifndef SMELT_MATMUL2D_RELAXED
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_RELAXED (1: F32 and BF16 may be rounded to F16, 0: no) is not defined"
#endif
#ifndef SMELT_MATMUL2D_STORED_LEFT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED_LEFT (SMELT_DTYPE_x of the left operand) is not defined"
#endif
#ifndef SMELT_MATMUL2D_STORED
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED (SMELT_DTYPE_x of the right operand and bias) is not defined"
#endif
#ifndef SMELT_MATMUL2D_SCALE
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SCALE (SMELT_SCALE_x of the right operand) is not defined"
#endif
#ifndef SMELT_MATMUL2D_COMPUTED
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_COMPUTED (SMELT_DTYPE_x of the factors) is not defined"
#endif
#ifndef SMELT_MATMUL2D_ACCUMULATED
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACCUMULATED (SMELT_DTYPE_x of the sums) is not defined"
#endif
#include "smelt/matmul2d_types_tmpl.glsl"
#if SMELT_MATMUL2D_STORED_LEFT < SMELT_DTYPE_F32 || SMELT_MATMUL2D_STORED_LEFT > SMELT_DTYPE_U4 ||           \
    (SMELT_MATMUL2D_STORED_LEFT > SMELT_DTYPE_U8 && SMELT_MATMUL2D_STORED_LEFT < SMELT_DTYPE_I4)
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED_LEFT must be F32, F16, BF16, F8E4M3, F8E5M2, I8, U8, I4 or U4"
#endif
#if SMELT_MATMUL2D_COMPUTED >= SMELT_DTYPE_BF16 && SMELT_MATMUL2D_COMPUTED <= SMELT_DTYPE_F8E5M2
#if SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_PORTABLE
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_COMPUTED must be F32 (for BF16) or F16 (for F8E4M3, F8E5M2) with PORTABLE"
#endif
#if SMELT_MATMUL2D_STORED_LEFT != SMELT_MATMUL2D_COMPUTED || SMELT_MATMUL2D_STORED != SMELT_MATMUL2D_COMPUTED
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED, _STORED_LEFT must be COMPUTED, if that is BF16, F8E4M3 or F8E5M2"
#endif
#if SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SCALE must be NONE with COMPUTED BF16, F8E4M3 or F8E5M2"
#endif
#if ((SMELT_NATIVE_DTYPES) & (1 << SMELT_MATMUL2D_COMPUTED)) == 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_COMPUTED is a type that SMELT_NATIVE_DTYPES (base.glsl) lacks"
#endif
#endif
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_BF16 && SMELT_MATMUL2D_ACCUMULATED == SMELT_DTYPE_F16
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACCUMULATED (of the sums) is narrower than SMELT_MATMUL2D_COMPUTED"
#endif
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F16 && !SMELT_MATMUL2D_RELAXED &&                                 \
    (SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_F32 || SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_BF16)
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED_LEFT must not be F32 or BF16 with COMPUTED F16"
#endif
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8
#if SMELT_MATMUL2D_STORED_LEFT != SMELT_DTYPE_I8 && SMELT_MATMUL2D_STORED_LEFT != SMELT_DTYPE_U8
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED_LEFT must be I8 or U8 with COMPUTED I8"
#endif
#if SMELT_MATMUL2D_TILE_K % 16 != 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_TILE_K (terms in shared memory) must be a multiple of 16 with I8"
#endif
#if SMELT_MATMUL2D_N % 16 != 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_N (columns of the tile) must be a multiple of 16 with COMPUTED I8"
#endif
#ifndef SMELT_MATMUL2D_ZERO_POINTS
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ZERO_POINTS (1: NAME_zero_left, NAME_zero_right are declared) is not defined"
#endif
#if SMELT_MATMUL2D_ZERO_POINTS && (SMELT_MATMUL2D_SOURCE_LEFT > SMELT_SOURCE_FUNCTION ||                     \
                                   SMELT_MATMUL2D_SOURCE_RIGHT > SMELT_SOURCE_FUNCTION)
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ZERO_POINTS wants SMELT_SOURCE_TENSOR or _FUNCTION of both operands"
#endif
#if SMELT_MATMUL2D_TRANSPOSE_LEFT && SMELT_MATMUL2D_M % 16 != 0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_M must be a multiple of 16 with TRANSPOSE_LEFT and COMPUTED I8"
#endif
#endif
#if (SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F8E4M3 || SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F8E5M2) &&      \
    (SMELT_MATMUL2D_N % 16 != 0 || SMELT_MATMUL2D_TILE_K % 16 != 0)
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_N and _TILE_K must be multiples of 16 with COMPUTED F8E4M3 or F8E5M2"
#endif
#ifndef SMELT_MATMUL2D_ALIGNMENT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ALIGNMENT (of the operands, in elements) is not defined"
#endif
#if SMELT_MATMUL2D_ALIGNMENT != 0 && SMELT_MATMUL2D_ALIGNMENT != 1 && SMELT_MATMUL2D_ALIGNMENT != 2 &&       \
    SMELT_MATMUL2D_ALIGNMENT != 4 && SMELT_MATMUL2D_ALIGNMENT != 8 && SMELT_MATMUL2D_ALIGNMENT != 16
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ALIGNMENT (of the operands, in elements) must be 0, 1, 2, 4, 8 or 16"
#endif
#ifndef SMELT_MATMUL2D_SUBGROUP_SIZE
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SUBGROUP_SIZE (invocations of a subgroup) is not defined"
#endif
#if SMELT_MATMUL2D_SUBGROUP_SIZE < 1 || SMELT_MATMUL2D_SUBGROUP_SIZE > 128
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SUBGROUP_SIZE must be a literal, 1 to 128"
#endif
#if !defined SMELT_MATMUL2D_SUBGROUPS_M || !defined SMELT_MATMUL2D_SUBGROUPS_N
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SUBGROUPS_M or _N (subgroups over the tile) is not defined"
#endif
#if SMELT_MATMUL2D_SUBGROUPS_M < 1 || SMELT_MATMUL2D_SUBGROUPS_N < 1
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SUBGROUPS_M and _N must be literals, 1 or more"
#endif
#if !defined SMELT_MATMUL2D_FRAGMENT_M || !defined SMELT_MATMUL2D_FRAGMENT_N ||                              \
    !defined SMELT_MATMUL2D_FRAGMENT_K
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_FRAGMENT_M, _N or _K (what is computed in one piece) is not defined"
#endif
#if SMELT_MATMUL2D_FRAGMENT_M < 1 || SMELT_MATMUL2D_FRAGMENT_N < 1 || SMELT_MATMUL2D_FRAGMENT_K < 1
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_FRAGMENT_M, _N and _K must be literals, 1 or more"
#endif
#ifndef SMELT_MATMUL2D_SCRATCH
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SCRATCH (name of a shared uvec4 array) is not defined"
#endif
#ifndef SMELT_MATMUL2D_BACKEND
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BACKEND (SMELT_BACKEND_x) is not defined"
#endif
#if SMELT_MATMUL2D_COMPUTED != SMELT_DTYPE_I8 && defined SMELT_MATMUL2D_ZERO_POINTS
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ZERO_POINTS is defined, but SMELT_MATMUL2D_COMPUTED is not I8"
#endif
