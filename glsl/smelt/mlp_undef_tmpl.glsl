// SPDX-License-Identifier: MIT
// mlp_undef_tmpl.glsl: takes back what the parts of mlp_tmpl.glsl define for each other.
//
// what    see mlp_tmpl.glsl
// params  those that it undefines
// makes   nothing
// errors  none (no arithmetic)
// needs   mlp_tmpl.glsl around it
// source  see mlp_tmpl.glsl
#undef SMELT_MLP_FIRST
#undef SMELT_MLP_FIRST_HALF
#undef SMELT_MLP_FRAGMENT_K
#undef SMELT_MLP_FRAGMENT_M
#undef SMELT_MLP_FRAGMENT_N
#undef SMELT_MLP_FROM
#undef SMELT_MLP_GROUP
#undef SMELT_MLP_LAST
#undef SMELT_MLP_NONE
#undef SMELT_MLP_OF
#undef SMELT_MLP_ONE
#undef SMELT_MLP_PAIR
#undef SMELT_MLP_RESULTS_T
#undef SMELT_MLP_RESULT_FROM
#undef SMELT_MLP_RESULT_GROUP
#undef SMELT_MLP_RESULT_PAIR
#undef SMELT_MLP_RUN
#undef SMELT_MLP_SAMPLES_T
#undef SMELT_MLP_SCRATCH
#undef SMELT_MLP_STAGE
#undef SMELT_MLP_SUBGROUPS
#undef SMELT_MLP_SUBGROUP_SIZE
#undef SMELT_MLP_TO
#undef SMELT_MLP_TWO
#undef SMELT_MLP_UNROLL
#undef SMELT_MLP_WIDTH
#undef SMELT_MLP_WITH
#undef SMELT_MLP_X
#undef SMELT_MLP_X_LOOP
#undef SMELT_MLP_X_PAIRS
#undef SMELT_MLP_Y
#undef SMELT_MLP_Y_LOOP
#undef SMELT_MLP_Y_PAIRS
#undef SMELT_ML_A
#undef SMELT_ML_AREA
#undef SMELT_ML_B
#undef SMELT_ML_BIAS_TAG
#undef SMELT_ML_C
#undef SMELT_ML_DOWN
#undef SMELT_ML_E
#undef SMELT_ML_FACTOR
#undef SMELT_ML_GROUP
#undef SMELT_ML_H
#undef SMELT_ML_INPUTS
#undef SMELT_ML_LAST_UNIT
#undef SMELT_ML_HELD
#undef SMELT_ML_P
#undef SMELT_ML_PAIRS
#undef SMELT_ML_PASS
#undef SMELT_ML_PITCH
#undef SMELT_ML_ROWS
#undef SMELT_ML_S
#undef SMELT_ML_SUMS
#undef SMELT_ML_SUM_PITCH
#undef SMELT_ML_THREADS
#undef SMELT_ML_UNIT
#undef SMELT_ML_UNROLL
#undef SMELT_ML_WEIGHT_TAG
