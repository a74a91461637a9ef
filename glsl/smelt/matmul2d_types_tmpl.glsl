// SPDX-License-Identifier: MIT
// matmul2d_types_tmpl.glsl: checks the types of matmul2d_tmpl.glsl that every scope has; part of it.
//
// what    an #error that names the parameter for each one that does not go with the others
// params  SMELT_MATMUL2D_STORED, _SCALE, _COMPUTED, _ACCUMULATED, _ACTIVATION, which are defined
// makes   nothing
// errors  none (no arithmetic)
// needs   matmul2d_tmpl.glsl around it
// source  matmul2d_tmpl.glsl
#include "smelt/activation.glsl"
#if SMELT_MATMUL2D_SCOPE == SMELT_SCOPE_THREAD
#if defined SMELT_MATMUL2D_RELAXED
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_RELAXED is defined, but THREAD scope rounds no operand"
#endif
#define SMELT_MT_RELAXED 0
#else
#define SMELT_MT_RELAXED SMELT_MATMUL2D_RELAXED
#endif
#if SMELT_MATMUL2D_STORED < SMELT_DTYPE_F32 || SMELT_MATMUL2D_STORED > SMELT_DTYPE_U4 ||                     \
    (SMELT_MATMUL2D_STORED > SMELT_DTYPE_U8 && SMELT_MATMUL2D_STORED < SMELT_DTYPE_I4)
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED must be F32, F16, BF16, F8E4M3, F8E5M2, I8, U8, I4 or U4"
#endif
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8
#if SMELT_MATMUL2D_STORED < SMELT_DTYPE_I8
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED must be I8, U8, I4 or U4 with COMPUTED I8"
#endif
#if SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SCALE must be SMELT_SCALE_NONE with COMPUTED I8"
#endif
#if SMELT_MATMUL2D_ACCUMULATED != SMELT_DTYPE_I32
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACCUMULATED (of the sums) must be SMELT_DTYPE_I32 with COMPUTED I8"
#endif
#if SMELT_MATMUL2D_ACTIVATION != SMELT_ACTIVATION_NONE && SMELT_MATMUL2D_ACTIVATION != SMELT_ACTIVATION_RELU
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACTIVATION must be NONE or RELU with COMPUTED I8"
#endif
#elif SMELT_MATMUL2D_COMPUTED < SMELT_DTYPE_F32 || SMELT_MATMUL2D_COMPUTED > SMELT_DTYPE_F8E5M2
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_COMPUTED (of the factors) must be F32, F16, BF16, F8E4M3, F8E5M2 or I8"
#elif SMELT_MATMUL2D_SCOPE == SMELT_SCOPE_THREAD && SMELT_MATMUL2D_COMPUTED > SMELT_DTYPE_F16
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_COMPUTED (of the factors) must be F32, F16 or I8 at THREAD scope"
#elif SMELT_MATMUL2D_ACCUMULATED != SMELT_DTYPE_F32 && SMELT_MATMUL2D_ACCUMULATED != SMELT_DTYPE_F16
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACCUMULATED (of the sums) must be SMELT_DTYPE_F32 or _F16"
#elif SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F32 && SMELT_MATMUL2D_ACCUMULATED == SMELT_DTYPE_F16
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ACCUMULATED (of the sums) is narrower than SMELT_MATMUL2D_COMPUTED"
#elif SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F16 && !SMELT_MT_RELAXED &&                                     \
    (SMELT_MATMUL2D_STORED == SMELT_DTYPE_F32 || SMELT_MATMUL2D_STORED == SMELT_DTYPE_BF16)
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED must not be F32 or BF16 with COMPUTED F16"
#endif
#if SMELT_MATMUL2D_SCALE == SMELT_SCALE_NONE && (defined SMELT_MATMUL2D_BLOCK || defined SMELT_MATMUL2D_ZERO)
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BLOCK or _ZERO is defined, but SMELT_MATMUL2D_SCALE is NONE"
#endif
#undef SMELT_MT_RELAXED
