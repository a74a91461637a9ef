// SPDX-License-Identifier: MIT
// mlp_gradient_undef_tmpl.glsl: undefines what mlp_gradient_tmpl.glsl was given and what it defined for itself.
//
// what    see mlp_gradient_tmpl.glsl
// params  those of mlp_gradient_tmpl.glsl
// makes   nothing
// errors  none
// needs   mlp_gradient_tmpl.glsl around it
// source  see mlp_gradient_tmpl.glsl
#undef SMELT_MG
#undef SMELT_MG_SAMPLES
#undef SMELT_MG_SCRATCH
#undef SMELT_MG_SUBGROUPS
#undef SMELT_MG_THREADS
#undef SMELT_MG_M
#undef SMELT_MG_FN
#undef SMELT_MG_FK
#undef SMELT_MG_GROUP
#undef SMELT_MG_UNIT
#undef SMELT_MG_UNROLL
#undef SMELT_MG_PADDED
#undef SMELT_MG_PITCH
#undef SMELT_MG_LAST_PITCH
#undef SMELT_MG_LAST
#undef SMELT_MG_LAST_WIDTH
#undef SMELT_MG_LAST_ACTIVATION
#undef SMELT_MG_INNER_PITCH
#undef SMELT_MG_LAST_LAYER
#undef SMELT_MLP_GRADIENT
#undef SMELT_MLP_GRADIENT_LAYERS
#undef SMELT_MLP_GRADIENT_SAMPLES
#undef SMELT_MLP_GRADIENT_SUBGROUP_SIZE
#undef SMELT_MLP_GRADIENT_SUBGROUPS
#undef SMELT_MLP_GRADIENT_FRAGMENT_M
#undef SMELT_MLP_GRADIENT_FRAGMENT_N
#undef SMELT_MLP_GRADIENT_FRAGMENT_K
#undef SMELT_MLP_GRADIENT_UNROLL
#undef SMELT_MLP_GRADIENT_COPY
#undef SMELT_MLP_GRADIENT_SCRATCH
#undef SMELT_MLP_GRADIENT_BACKEND
#undef SMELT_MLP_GRADIENT_WIDTH0
#undef SMELT_MLP_GRADIENT_WIDTH1
#undef SMELT_MLP_GRADIENT_WIDTH2
#undef SMELT_MLP_GRADIENT_WIDTH3
#undef SMELT_MLP_GRADIENT_WIDTH4
#undef SMELT_MLP_GRADIENT_ACTIVATION0
#undef SMELT_MLP_GRADIENT_ACTIVATION1
#undef SMELT_MLP_GRADIENT_ACTIVATION2
#undef SMELT_MLP_GRADIENT_ACTIVATION3
