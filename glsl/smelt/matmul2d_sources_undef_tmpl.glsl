// SPDX-License-Identifier: MIT
// matmul2d_sources_undef_tmpl.glsl: undefines what matmul2d_sources_tmpl.glsl takes and what was made with it; part of
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
#undef SMELT_MM_LEFT
#undef SMELT_MM_RIGHT
#undef SMELT_MM_BIAS
#undef SMELT_MM_RESULT
#undef SMELT_MM_GROUP
#undef SMELT_MM_LEFT_STRAIGHT
#undef SMELT_MM_RIGHT_STRAIGHT
#undef SMELT_MM_LEFT_SHIFTED
#undef SMELT_MM_RIGHT_SHIFTED
#undef SMELT_MM_PEELED
#undef SMELT_MM_INNER
#undef SMELT_MM_STRAIGHT
#undef SMELT_MM_SIZE
#undef SMELT_MM_THREADS
#undef SMELT_MM_LEFT_ROWS
#undef SMELT_MM_LEFT_COLUMNS
#undef SMELT_MM_RIGHT_ROWS
#undef SMELT_MM_RIGHT_COLUMNS
#undef SMELT_MM_OPERANDS
#undef SMELT_MM_TABLE
#undef SMELT_MM_SCRATCH
#undef SMELT_MM_THREAD
#undef SMELT_MM_SUBGROUP
#undef SMELT_MM_BASE
#undef SMELT_MM_FACTOR
#undef SMELT_MM_A_MATRIX
#undef SMELT_MM_B_MATRIX
#undef SMELT_MM_A_LAYOUT
#undef SMELT_MM_A_AT
#undef SMELT_MM_B_LAYOUT
#undef SMELT_MM_B_AT
#undef SMELT_MM_LEFT_AT
#undef SMELT_MM_RIGHT_AT
#undef SMELT_MM_RIGHT_BYTE
