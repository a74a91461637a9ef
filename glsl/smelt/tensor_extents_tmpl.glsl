// SPDX-License-Identifier: MIT
// tensor_extents_tmpl.glsl: checks SMELT_EXTENT0 to SMELT_EXTENT15 for tensor_tmpl and inline_tensor_tmpl.
//
// what    one block per dimension, the same for all
// params  SMELT_RANK, and an extent for each dimension (not undefined here: the including template does);
//         tensor_spec_tmpl.glsl alone defines SMELT_TENSOR_SPEC, the bits of those that are specialization constants
// makes   SMELT_TENSOR_E0 to SMELT_TENSOR_E15: the extent, or 1 beyond the rank; of a specialization constant its name
//         SMELT_TENSOR_K0 to SMELT_TENSOR_K15: 0 when it is known at run time only
// errors  none (no arithmetic)
// needs   base.glsl
// source  DESIGN: every parameter is required and checked
#ifndef SMELT_TENSOR_SPEC
#define SMELT_TENSOR_SPEC 0
#endif

#if SMELT_RANK > 0
#ifndef SMELT_EXTENT0
#error "tensor_tmpl.glsl: SMELT_EXTENT0 (elements in dimension 0; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT0 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT0 (elements in dimension 0) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 1) != 0
#define SMELT_TENSOR_E0 SMELT_CAT(smelt_spec_, SMELT_EXTENT0)
#define SMELT_TENSOR_K0 1
#else
#define SMELT_TENSOR_E0 SMELT_EXTENT0
#define SMELT_TENSOR_K0 SMELT_EXTENT0
#endif
#else
#if defined(SMELT_EXTENT0)
#error "tensor_tmpl.glsl: SMELT_EXTENT0 is defined, but SMELT_RANK says there is no dimension 0"
#endif
#define SMELT_TENSOR_E0 1
#define SMELT_TENSOR_K0 1
#endif

#if SMELT_RANK > 1
#ifndef SMELT_EXTENT1
#error "tensor_tmpl.glsl: SMELT_EXTENT1 (elements in dimension 1; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT1 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT1 (elements in dimension 1) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 2) != 0
#define SMELT_TENSOR_E1 SMELT_CAT(smelt_spec_, SMELT_EXTENT1)
#define SMELT_TENSOR_K1 1
#else
#define SMELT_TENSOR_E1 SMELT_EXTENT1
#define SMELT_TENSOR_K1 SMELT_EXTENT1
#endif
#else
#if defined(SMELT_EXTENT1)
#error "tensor_tmpl.glsl: SMELT_EXTENT1 is defined, but SMELT_RANK says there is no dimension 1"
#endif
#define SMELT_TENSOR_E1 1
#define SMELT_TENSOR_K1 1
#endif

#if SMELT_RANK > 2
#ifndef SMELT_EXTENT2
#error "tensor_tmpl.glsl: SMELT_EXTENT2 (elements in dimension 2; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT2 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT2 (elements in dimension 2) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 4) != 0
#define SMELT_TENSOR_E2 SMELT_CAT(smelt_spec_, SMELT_EXTENT2)
#define SMELT_TENSOR_K2 1
#else
#define SMELT_TENSOR_E2 SMELT_EXTENT2
#define SMELT_TENSOR_K2 SMELT_EXTENT2
#endif
#else
#if defined(SMELT_EXTENT2)
#error "tensor_tmpl.glsl: SMELT_EXTENT2 is defined, but SMELT_RANK says there is no dimension 2"
#endif
#define SMELT_TENSOR_E2 1
#define SMELT_TENSOR_K2 1
#endif

#if SMELT_RANK > 3
#ifndef SMELT_EXTENT3
#error "tensor_tmpl.glsl: SMELT_EXTENT3 (elements in dimension 3; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT3 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT3 (elements in dimension 3) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 8) != 0
#define SMELT_TENSOR_E3 SMELT_CAT(smelt_spec_, SMELT_EXTENT3)
#define SMELT_TENSOR_K3 1
#else
#define SMELT_TENSOR_E3 SMELT_EXTENT3
#define SMELT_TENSOR_K3 SMELT_EXTENT3
#endif
#else
#if defined(SMELT_EXTENT3)
#error "tensor_tmpl.glsl: SMELT_EXTENT3 is defined, but SMELT_RANK says there is no dimension 3"
#endif
#define SMELT_TENSOR_E3 1
#define SMELT_TENSOR_K3 1
#endif

#if SMELT_RANK > 4
#ifndef SMELT_EXTENT4
#error "tensor_tmpl.glsl: SMELT_EXTENT4 (elements in dimension 4; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT4 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT4 (elements in dimension 4) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 16) != 0
#define SMELT_TENSOR_E4 SMELT_CAT(smelt_spec_, SMELT_EXTENT4)
#define SMELT_TENSOR_K4 1
#else
#define SMELT_TENSOR_E4 SMELT_EXTENT4
#define SMELT_TENSOR_K4 SMELT_EXTENT4
#endif
#else
#if defined(SMELT_EXTENT4)
#error "tensor_tmpl.glsl: SMELT_EXTENT4 is defined, but SMELT_RANK says there is no dimension 4"
#endif
#define SMELT_TENSOR_E4 1
#define SMELT_TENSOR_K4 1
#endif

#if SMELT_RANK > 5
#ifndef SMELT_EXTENT5
#error "tensor_tmpl.glsl: SMELT_EXTENT5 (elements in dimension 5; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT5 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT5 (elements in dimension 5) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 32) != 0
#define SMELT_TENSOR_E5 SMELT_CAT(smelt_spec_, SMELT_EXTENT5)
#define SMELT_TENSOR_K5 1
#else
#define SMELT_TENSOR_E5 SMELT_EXTENT5
#define SMELT_TENSOR_K5 SMELT_EXTENT5
#endif
#else
#if defined(SMELT_EXTENT5)
#error "tensor_tmpl.glsl: SMELT_EXTENT5 is defined, but SMELT_RANK says there is no dimension 5"
#endif
#define SMELT_TENSOR_E5 1
#define SMELT_TENSOR_K5 1
#endif

#if SMELT_RANK > 6
#ifndef SMELT_EXTENT6
#error "tensor_tmpl.glsl: SMELT_EXTENT6 (elements in dimension 6; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT6 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT6 (elements in dimension 6) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 64) != 0
#define SMELT_TENSOR_E6 SMELT_CAT(smelt_spec_, SMELT_EXTENT6)
#define SMELT_TENSOR_K6 1
#else
#define SMELT_TENSOR_E6 SMELT_EXTENT6
#define SMELT_TENSOR_K6 SMELT_EXTENT6
#endif
#else
#if defined(SMELT_EXTENT6)
#error "tensor_tmpl.glsl: SMELT_EXTENT6 is defined, but SMELT_RANK says there is no dimension 6"
#endif
#define SMELT_TENSOR_E6 1
#define SMELT_TENSOR_K6 1
#endif

#if SMELT_RANK > 7
#ifndef SMELT_EXTENT7
#error "tensor_tmpl.glsl: SMELT_EXTENT7 (elements in dimension 7; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT7 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT7 (elements in dimension 7) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 128) != 0
#define SMELT_TENSOR_E7 SMELT_CAT(smelt_spec_, SMELT_EXTENT7)
#define SMELT_TENSOR_K7 1
#else
#define SMELT_TENSOR_E7 SMELT_EXTENT7
#define SMELT_TENSOR_K7 SMELT_EXTENT7
#endif
#else
#if defined(SMELT_EXTENT7)
#error "tensor_tmpl.glsl: SMELT_EXTENT7 is defined, but SMELT_RANK says there is no dimension 7"
#endif
#define SMELT_TENSOR_E7 1
#define SMELT_TENSOR_K7 1
#endif

#if SMELT_RANK > 8
#ifndef SMELT_EXTENT8
#error "tensor_tmpl.glsl: SMELT_EXTENT8 (elements in dimension 8; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT8 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT8 (elements in dimension 8) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 256) != 0
#define SMELT_TENSOR_E8 SMELT_CAT(smelt_spec_, SMELT_EXTENT8)
#define SMELT_TENSOR_K8 1
#else
#define SMELT_TENSOR_E8 SMELT_EXTENT8
#define SMELT_TENSOR_K8 SMELT_EXTENT8
#endif
#else
#if defined(SMELT_EXTENT8)
#error "tensor_tmpl.glsl: SMELT_EXTENT8 is defined, but SMELT_RANK says there is no dimension 8"
#endif
#define SMELT_TENSOR_E8 1
#define SMELT_TENSOR_K8 1
#endif

#if SMELT_RANK > 9
#ifndef SMELT_EXTENT9
#error "tensor_tmpl.glsl: SMELT_EXTENT9 (elements in dimension 9; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT9 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT9 (elements in dimension 9) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 512) != 0
#define SMELT_TENSOR_E9 SMELT_CAT(smelt_spec_, SMELT_EXTENT9)
#define SMELT_TENSOR_K9 1
#else
#define SMELT_TENSOR_E9 SMELT_EXTENT9
#define SMELT_TENSOR_K9 SMELT_EXTENT9
#endif
#else
#if defined(SMELT_EXTENT9)
#error "tensor_tmpl.glsl: SMELT_EXTENT9 is defined, but SMELT_RANK says there is no dimension 9"
#endif
#define SMELT_TENSOR_E9 1
#define SMELT_TENSOR_K9 1
#endif

#if SMELT_RANK > 10
#ifndef SMELT_EXTENT10
#error "tensor_tmpl.glsl: SMELT_EXTENT10 (elements in dimension 10; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT10 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT10 (elements in dimension 10) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 1024) != 0
#define SMELT_TENSOR_E10 SMELT_CAT(smelt_spec_, SMELT_EXTENT10)
#define SMELT_TENSOR_K10 1
#else
#define SMELT_TENSOR_E10 SMELT_EXTENT10
#define SMELT_TENSOR_K10 SMELT_EXTENT10
#endif
#else
#if defined(SMELT_EXTENT10)
#error "tensor_tmpl.glsl: SMELT_EXTENT10 is defined, but SMELT_RANK says there is no dimension 10"
#endif
#define SMELT_TENSOR_E10 1
#define SMELT_TENSOR_K10 1
#endif

#if SMELT_RANK > 11
#ifndef SMELT_EXTENT11
#error "tensor_tmpl.glsl: SMELT_EXTENT11 (elements in dimension 11; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT11 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT11 (elements in dimension 11) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 2048) != 0
#define SMELT_TENSOR_E11 SMELT_CAT(smelt_spec_, SMELT_EXTENT11)
#define SMELT_TENSOR_K11 1
#else
#define SMELT_TENSOR_E11 SMELT_EXTENT11
#define SMELT_TENSOR_K11 SMELT_EXTENT11
#endif
#else
#if defined(SMELT_EXTENT11)
#error "tensor_tmpl.glsl: SMELT_EXTENT11 is defined, but SMELT_RANK says there is no dimension 11"
#endif
#define SMELT_TENSOR_E11 1
#define SMELT_TENSOR_K11 1
#endif

#if SMELT_RANK > 12
#ifndef SMELT_EXTENT12
#error "tensor_tmpl.glsl: SMELT_EXTENT12 (elements in dimension 12; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT12 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT12 (elements in dimension 12) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 4096) != 0
#define SMELT_TENSOR_E12 SMELT_CAT(smelt_spec_, SMELT_EXTENT12)
#define SMELT_TENSOR_K12 1
#else
#define SMELT_TENSOR_E12 SMELT_EXTENT12
#define SMELT_TENSOR_K12 SMELT_EXTENT12
#endif
#else
#if defined(SMELT_EXTENT12)
#error "tensor_tmpl.glsl: SMELT_EXTENT12 is defined, but SMELT_RANK says there is no dimension 12"
#endif
#define SMELT_TENSOR_E12 1
#define SMELT_TENSOR_K12 1
#endif

#if SMELT_RANK > 13
#ifndef SMELT_EXTENT13
#error "tensor_tmpl.glsl: SMELT_EXTENT13 (elements in dimension 13; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT13 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT13 (elements in dimension 13) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 8192) != 0
#define SMELT_TENSOR_E13 SMELT_CAT(smelt_spec_, SMELT_EXTENT13)
#define SMELT_TENSOR_K13 1
#else
#define SMELT_TENSOR_E13 SMELT_EXTENT13
#define SMELT_TENSOR_K13 SMELT_EXTENT13
#endif
#else
#if defined(SMELT_EXTENT13)
#error "tensor_tmpl.glsl: SMELT_EXTENT13 is defined, but SMELT_RANK says there is no dimension 13"
#endif
#define SMELT_TENSOR_E13 1
#define SMELT_TENSOR_K13 1
#endif

#if SMELT_RANK > 14
#ifndef SMELT_EXTENT14
#error "tensor_tmpl.glsl: SMELT_EXTENT14 (elements in dimension 14; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT14 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT14 (elements in dimension 14) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 16384) != 0
#define SMELT_TENSOR_E14 SMELT_CAT(smelt_spec_, SMELT_EXTENT14)
#define SMELT_TENSOR_K14 1
#else
#define SMELT_TENSOR_E14 SMELT_EXTENT14
#define SMELT_TENSOR_K14 SMELT_EXTENT14
#endif
#else
#if defined(SMELT_EXTENT14)
#error "tensor_tmpl.glsl: SMELT_EXTENT14 is defined, but SMELT_RANK says there is no dimension 14"
#endif
#define SMELT_TENSOR_E14 1
#define SMELT_TENSOR_K14 1
#endif

#if SMELT_RANK > 15
#ifndef SMELT_EXTENT15
#error "tensor_tmpl.glsl: SMELT_EXTENT15 (elements in dimension 15; 0: known at run time) is not defined"
#endif
#if SMELT_EXTENT15 < 0
#error "tensor_tmpl.glsl: SMELT_EXTENT15 (elements in dimension 15) is negative"
#endif
#if (SMELT_TENSOR_SPEC & 32768) != 0
#define SMELT_TENSOR_E15 SMELT_CAT(smelt_spec_, SMELT_EXTENT15)
#define SMELT_TENSOR_K15 1
#else
#define SMELT_TENSOR_E15 SMELT_EXTENT15
#define SMELT_TENSOR_K15 SMELT_EXTENT15
#endif
#else
#if defined(SMELT_EXTENT15)
#error "tensor_tmpl.glsl: SMELT_EXTENT15 is defined, but SMELT_RANK says there is no dimension 15"
#endif
#define SMELT_TENSOR_E15 1
#define SMELT_TENSOR_K15 1
#endif
