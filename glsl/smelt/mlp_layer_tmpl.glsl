// SPDX-License-Identifier: MIT
// mlp_layer_tmpl.glsl: one layer of mlp_tmpl.glsl: the type of its result and the product.
//
// what    see mlp_tmpl.glsl
// params  all undefined afterwards: SMELT_MLP_LAYER name of the op; SMELT_MLP_K, SMELT_MLP_N widths before and
//         after; SMELT_MLP_ACTIVATION; SMELT_MLP_LEFT, SMELT_MLP_RESULT names of the vectors; SMELT_MLP_BEFORE
//         name of the layer before, not defined for the first one; SMELT_MLP_FINAL 1: the last layer, 0: not
// makes   SMELT_MLP_RESULT, SMELT_MLP_LAYER and its functions
// errors  see matmul2d_tmpl.glsl
// needs   mlp_tmpl.glsl around it
// source  see mlp_tmpl.glsl
#if SMELT_MLP_SCOPE == SMELT_SCOPE_THREAD
#define SMELT_MLP_VECTOR SMELT_MLP_RESULT
#define SMELT_MLP_VECTOR_DTYPE SMELT_MLP_ACCUMULATED
#include "smelt/mlp_vector_tmpl.glsl"

#define SMELT_MATMUL2D SMELT_MLP_LAYER
#define SMELT_MATMUL2D_SCOPE SMELT_SCOPE_THREAD
#define SMELT_MATMUL2D_M SMELT_MLP_SAMPLES
#define SMELT_MATMUL2D_N SMELT_MLP_N
#define SMELT_MATMUL2D_K SMELT_MLP_K
#define SMELT_MATMUL2D_TRANSPOSE_RIGHT 1
#define SMELT_MATMUL2D_ACCUMULATE 0
#define SMELT_MATMUL2D_BIAS SMELT_MLP_BIAS
#define SMELT_MATMUL2D_ACTIVATION SMELT_MLP_ACTIVATION
#define SMELT_MATMUL2D_STORED SMELT_MLP_STORED
#define SMELT_MATMUL2D_SCALE SMELT_SCALE_NONE
#define SMELT_MATMUL2D_COMPUTED SMELT_MLP_COMPUTED
#define SMELT_MATMUL2D_ACCUMULATED SMELT_MLP_ACCUMULATED
#define SMELT_MATMUL2D_LAYOUT SMELT_MLP_LAYOUT
#define SMELT_MATMUL2D_LEFT SMELT_MLP_LEFT
#define SMELT_MATMUL2D_RESULT SMELT_MLP_RESULT
#define SMELT_MATMUL2D_BACKEND SMELT_MLP_BACKEND
#include "smelt/matmul2d_tmpl.glsl"
#else
#include "smelt/mlp_cooperative_layer_tmpl.glsl"
#endif

#undef SMELT_MLP_LAYER
#undef SMELT_MLP_BEFORE
#undef SMELT_MLP_FINAL
#undef SMELT_MLP_K
#undef SMELT_MLP_N
#undef SMELT_MLP_ACTIVATION
#undef SMELT_MLP_LEFT
#undef SMELT_MLP_RESULT
