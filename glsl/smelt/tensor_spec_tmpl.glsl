// SPDX-License-Identifier: MIT
// tensor_spec_tmpl.glsl: a tensor in device memory, some of whose extents are specialization constants.
//
// what    as tensor_tmpl.glsl. One shader then serves every shape, and each pipeline has its own as constants: sizes
//         that are read from memory or pushed cost several times as much on matrix hardware
// params  those of tensor_tmpl.glsl, all undefined afterwards, and
//         SMELT_SPEC_DIMENSIONS   decimal literal: the sum of 2^d over the dimensions d whose extent is a specialization
//                                 constant. There SMELT_EXTENT<d> is s<id>, and SMELT_SPEC_EXTENT(<id>, default); has
//                                 declared the constant before (base.glsl); several tensors may share it
// makes   as tensor_tmpl.glsl, with s<id> in the name: struct state_f32_2_rw_s3x16. A constant of value 0 leaves its
//         extent to run time. When no other extent is 0 and no constant is, the tensor is packed: strides follow from the
//         extents and those in memory are not read
// errors  as tensor_tmpl.glsl
// needs   as tensor_tmpl.glsl; the tensor has the extents that the pipeline's constants say
// source  DESIGN 4: extents are LITERAL, SPEC or DYNAMIC
#ifndef SMELT_BASE_GLSL
#error "tensor_spec_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_RANK
#error "tensor_tmpl.glsl: SMELT_RANK (number of dimensions, 0 to 16) is not defined"
#endif
#ifndef SMELT_SPEC_DIMENSIONS
#error "tensor_spec_tmpl.glsl: SMELT_SPEC_DIMENSIONS (sum of 2^d over its dimensions d) is not defined"
#endif
#if SMELT_SPEC_DIMENSIONS < 1 || SMELT_SPEC_DIMENSIONS >= 1 << SMELT_RANK
#error "tensor_spec_tmpl.glsl: SMELT_SPEC_DIMENSIONS must be a literal, 1 to 2^SMELT_RANK - 1"
#endif
#define SMELT_TENSOR_SPEC SMELT_SPEC_DIMENSIONS
#include "smelt/tensor_tmpl.glsl"
#undef SMELT_SPEC_DIMENSIONS
