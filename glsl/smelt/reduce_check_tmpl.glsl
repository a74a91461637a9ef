// SPDX-License-Identifier: MIT
// reduce_check_tmpl.glsl: checks the parameters of reduce_tmpl.glsl, which includes it.
//
// what    an #error that names the parameter for each one that is missing or out of range
// params  those of reduce_tmpl.glsl
// makes   nothing
// errors  none (no arithmetic)
// needs   reduce_tmpl.glsl around it
// source  reduce_tmpl.glsl
#ifndef SMELT_REDUCE
#error "reduce_tmpl.glsl: SMELT_REDUCE (name of the op) is not defined"
#endif
#ifndef SMELT_REDUCE_KIND
#error "reduce_tmpl.glsl: SMELT_REDUCE_KIND (SMELT_REDUCE_SUM, _MAX, ...) is not defined"
#endif
#ifndef SMELT_REDUCE_SCOPE
#error "reduce_tmpl.glsl: SMELT_REDUCE_SCOPE (SMELT_SCOPE_x) is not defined"
#endif
#if SMELT_REDUCE_SCOPE < SMELT_SCOPE_THREAD || SMELT_REDUCE_SCOPE > SMELT_SCOPE_WORKGROUP
#error "reduce_tmpl.glsl: SMELT_REDUCE_SCOPE must be SMELT_SCOPE_THREAD, _SUBGROUP or _WORKGROUP"
#endif
#ifndef SMELT_REDUCE_TENSOR
#error "reduce_tmpl.glsl: SMELT_REDUCE_TENSOR (type of the tensor) is not defined"
#endif
#ifndef SMELT_REDUCE_DTYPE
#error "reduce_tmpl.glsl: SMELT_REDUCE_DTYPE (element type, SMELT_DTYPE_x) is not defined"
#endif
#if SMELT_REDUCE_DTYPE < SMELT_DTYPE_F32 || SMELT_REDUCE_DTYPE > SMELT_DTYPE_U4
#error "reduce_tmpl.glsl: SMELT_REDUCE_DTYPE (element type) is not one of SMELT_DTYPE_x"
#endif
#ifndef SMELT_REDUCE_RANK
#error "reduce_tmpl.glsl: SMELT_REDUCE_RANK (of the tensor) is not defined"
#endif
#if SMELT_REDUCE_RANK < 1 || SMELT_REDUCE_RANK > 16
#error "reduce_tmpl.glsl: SMELT_REDUCE_RANK (of the tensor) must be 1 to 16"
#endif
#ifndef SMELT_REDUCE_AXIS
#error "reduce_tmpl.glsl: SMELT_REDUCE_AXIS (dimension that is reduced) is not defined"
#endif
#if SMELT_REDUCE_AXIS < 0 || SMELT_REDUCE_AXIS >= SMELT_REDUCE_RANK
#error "reduce_tmpl.glsl: SMELT_REDUCE_AXIS (dimension that is reduced) must be 0 to SMELT_REDUCE_RANK - 1"
#endif
#ifndef SMELT_REDUCE_MAP
#error "reduce_tmpl.glsl: SMELT_REDUCE_MAP (1: NAME_map is declared, 0: there is none) is not defined"
#endif
#if SMELT_REDUCE_MAP != 0 && SMELT_REDUCE_MAP != 1
#error "reduce_tmpl.glsl: SMELT_REDUCE_MAP must be 0 or 1"
#endif
#ifndef SMELT_REDUCE_GROUP
#error "reduce_tmpl.glsl: SMELT_REDUCE_GROUP (invocations of the group) is not defined"
#endif
#ifndef SMELT_REDUCE_SCRATCH
#error "reduce_tmpl.glsl: SMELT_REDUCE_SCRATCH (name of a shared uvec4 array) is not defined"
#endif
#ifndef SMELT_REDUCE_SCRATCH_STRIDE
#error "reduce_tmpl.glsl: SMELT_REDUCE_SCRATCH_STRIDE (uvec4 of the array for a subgroup) is not defined"
#endif
#if SMELT_REDUCE_KIND < SMELT_REDUCE_SUM || SMELT_REDUCE_KIND > SMELT_REDUCE_SPECIALIZED
#error "reduce_tmpl.glsl: SMELT_REDUCE_KIND is not one of SMELT_REDUCE_SUM, _PRODUCT, ..., _LOG_SUM_EXP"
#endif
