// SPDX-License-Identifier: MIT
// tensor_extents_undef_tmpl.glsl: the end of tensor_extents_tmpl.glsl: undefines every extent.
//
// what    takes the extents away, so that the next instance cannot inherit them
// params  SMELT_EXTENT<d>, SMELT_TENSOR_E<d>
// makes   nothing
// errors  none (no arithmetic)
// needs   tensor_extents_tmpl.glsl before it
// source  DESIGN: a template undefines what it consumed
#undef SMELT_EXTENT0
#undef SMELT_TENSOR_E0
#undef SMELT_TENSOR_K0
#undef SMELT_EXTENT1
#undef SMELT_TENSOR_E1
#undef SMELT_TENSOR_K1
#undef SMELT_EXTENT2
#undef SMELT_TENSOR_E2
#undef SMELT_TENSOR_K2
#undef SMELT_EXTENT3
#undef SMELT_TENSOR_E3
#undef SMELT_TENSOR_K3
#undef SMELT_EXTENT4
#undef SMELT_TENSOR_E4
#undef SMELT_TENSOR_K4
#undef SMELT_EXTENT5
#undef SMELT_TENSOR_E5
#undef SMELT_TENSOR_K5
#undef SMELT_EXTENT6
#undef SMELT_TENSOR_E6
#undef SMELT_TENSOR_K6
#undef SMELT_EXTENT7
#undef SMELT_TENSOR_E7
#undef SMELT_TENSOR_K7
#undef SMELT_EXTENT8
#undef SMELT_TENSOR_E8
#undef SMELT_TENSOR_K8
#undef SMELT_EXTENT9
#undef SMELT_TENSOR_E9
#undef SMELT_TENSOR_K9
#undef SMELT_EXTENT10
#undef SMELT_TENSOR_E10
#undef SMELT_TENSOR_K10
#undef SMELT_EXTENT11
#undef SMELT_TENSOR_E11
#undef SMELT_TENSOR_K11
#undef SMELT_EXTENT12
#undef SMELT_TENSOR_E12
#undef SMELT_TENSOR_K12
#undef SMELT_EXTENT13
#undef SMELT_TENSOR_E13
#undef SMELT_TENSOR_K13
#undef SMELT_EXTENT14
#undef SMELT_TENSOR_E14
#undef SMELT_TENSOR_K14
#undef SMELT_EXTENT15
#undef SMELT_TENSOR_E15
#undef SMELT_TENSOR_K15
#undef SMELT_TENSOR_SPEC
