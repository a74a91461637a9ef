// SPDX-License-Identifier: MIT
// matmul2d_sources_undef_tmpl.glsl: undefines what matmul2d_sources_tmpl.glsl takes and makes; part of
// matmul2d_cooperative_tmpl.glsl.
//
// what    the end of the parameters
// params  none
// makes   nothing
// errors  none (no arithmetic)
// needs   nothing
// source  matmul2d_sources_tmpl.glsl
#undef SMELT_MATMUL2D_SOURCE_LEFT
#undef SMELT_MATMUL2D_SOURCE_RIGHT
#undef SMELT_MATMUL2D_LEFT
#undef SMELT_MATMUL2D_LEFT_SHARED
#undef SMELT_MATMUL2D_LEFT_PITCH
#undef SMELT_MATMUL2D_RIGHT_SHARED
#undef SMELT_MATMUL2D_RIGHT_PITCH
#undef SMELT_MM_WIDE
#undef SMELT_MM_HELD
#undef SMELT_MM_LEFT_MEMORY
#undef SMELT_MM_RIGHT_MEMORY
#undef SMELT_MM_LEFT_ORIGIN
#undef SMELT_MM_RIGHT_ORIGIN
#undef SMELT_MM_RIGHT_SIZE
#undef SMELT_MM_LEFT_PITCH
#undef SMELT_MM_RIGHT_PITCH
#undef SMELT_MM_LEFT_SIZE
#undef SMELT_MM_STAGE_LEFT
#undef SMELT_MM_STAGE_RIGHT
#undef SMELT_MM_C_MATRIX
#undef SMELT_MM_ADD
#undef SMELT_MM_LEFT_GROUP
#undef SMELT_MM_RIGHT_GROUP
#undef SMELT_MM_MIXED
#undef SMELT_MM_TENSOR
#undef SMELT_MM_T
#undef SMELT_MM_BIAS_DTYPE
#undef SMELT_MM_RIGHT_WEIGHT
