// SPDX-License-Identifier: MIT
// mlp_vector_tmpl.glsl: the type of a layer's values for the samples of one invocation; part of mlp_tmpl.glsl.
//
// what    an inline tensor: a vector for one sample, else a matrix with the sample first
// params  SMELT_MLP_VECTOR name, SMELT_MLP_VECTOR_DTYPE (both undefined afterwards), SMELT_MLP_N elements
// makes   the type
// errors  see inline_tensor_tmpl.glsl
// needs   mlp_tmpl.glsl around it
// source  see mlp_tmpl.glsl
#define SMELT_INLINE SMELT_MLP_VECTOR
#define SMELT_DTYPE SMELT_MLP_VECTOR_DTYPE
#if SMELT_MLP_SAMPLES == 1
#define SMELT_RANK 1
#define SMELT_EXTENT0 SMELT_MLP_N
#else
#define SMELT_RANK 2
#define SMELT_EXTENT0 SMELT_MLP_SAMPLES
#define SMELT_EXTENT1 SMELT_MLP_N
#endif
#if SMELT_MLP_SCOPE == SMELT_SCOPE_THREAD
#define SMELT_INLINE_BACKEND SMELT_MLP_BACKEND
#else
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE
#endif
#include "smelt/inline_tensor_tmpl.glsl"
#undef SMELT_MLP_VECTOR
#undef SMELT_MLP_VECTOR_DTYPE
