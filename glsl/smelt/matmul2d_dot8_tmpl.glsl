// SPDX-License-Identifier: MIT
// matmul2d_dot8_tmpl.glsl: products of 8 bit integers by the device's integer dot product; part of matmul2d_tmpl.glsl.
//
// what    as matmul2d_integer_tmpl.glsl and matmul2d_thread_integer_tmpl.glsl, with one instruction for four terms
// params  those of matmul2d_tmpl.glsl
// makes   SUBGROUP, WORKGROUP: NAME_multiply(inout NAME_result d); THREAD: NAME_run
// errors  exact modulo 2^32
// needs   matmul2d_tmpl.glsl around it; shaderIntegerDotProduct
// source  GL_EXT_integer_dot_product
#if SMELT_MATMUL2D_COMPUTED != SMELT_DTYPE_I8
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_COMPUTED (of the factors) must be SMELT_DTYPE_I8 with DOT8"
#endif
#define SMELT_MM_DOT(x, y) int(dotPacked4x8EXT(x, y))
#if SMELT_MATMUL2D_SCOPE == SMELT_SCOPE_THREAD
#include "smelt/matmul2d_thread_integer_tmpl.glsl"
#else
#include "smelt/matmul2d_integer_tmpl.glsl"
#endif
