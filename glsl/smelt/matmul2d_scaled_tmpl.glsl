// SPDX-License-Identifier: MIT
// matmul2d_scaled_tmpl.glsl: the tensors of a quantised right operand; part of matmul2d_tmpl.glsl.
//
// what    an element of b is s q, (q - z) s or s q + z with q what is stored and s, z those of its column and its block of
//         BLOCK terms: term k is in block k / BLOCK. SCALE NONE: b is what is stored, and there are no _BLOCK and _ZERO
// params  those of matmul2d_tmpl.glsl; SMELT_MATMUL2D_STORED I8, U8, I4, U4, F8E4M3 or F8E5M2;
//         SMELT_MATMUL2D_SCALE  type of s: SMELT_SCALE_F32, _F16, _UE8M0
//         SMELT_MATMUL2D_BLOCK  terms with one scale, decimal literal, 1 to 2^30; it need not divide K or TILE_K. One
//                               that is not below K: one scale for each column
//         SMELT_MATMUL2D_ZERO   SMELT_ZERO_NONE: s q; SMELT_ZERO_POINT: (q - z) s, z of the stored type, an integer;
//                               SMELT_ZERO_OFFSET: s q + z, z of the type of s, F32 or F16
// makes   tensor types NAME_scale_<f32|f16|u8>_2_r, NAME_zero_<type>_2_r. Their extents are those of b with BLOCK terms as
//         one: [N][ceil(K / BLOCK)] with TRANSPOSE_RIGHT, else [ceil(K / BLOCK)][N]
// errors  to the bound of the product, with b exact as above (|b| = |s q| + |z| with an offset), come
//         v (1 + c u) sum_k |a[k]||b[k]|, v = 2^-10 for COMPUTED F16, 2^-22 for F32 (0 for F16 and UE8M0 scales without
//         offset): b is computed in f32 and rounded once to COMPUTED. b, and s q with an offset, must be within the range
//         of COMPUTED; below its smallest normal number, and where s or z is subnormal, it may be flushed. A NaN scale
//         makes NaN of its block
// needs   matmul2d_tmpl.glsl around it
// source  OCP microscaling formats 1.0; GGUF (ggml, block_q4_0, block_q4_1, block_q8_0); GPTQ; AWQ
#if SMELT_MATMUL2D_STORED < SMELT_DTYPE_F8E4M3 ||                                                            \
    (SMELT_MATMUL2D_STORED > SMELT_DTYPE_U8 && SMELT_MATMUL2D_STORED < SMELT_DTYPE_I4)
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_STORED with scales must be I8, U8, I4, U4, F8E4M3 or F8E5M2"
#endif
#ifndef SMELT_MATMUL2D_BLOCK
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BLOCK (terms that have one scale) is not defined"
#endif
#if SMELT_MATMUL2D_BLOCK < 1 || SMELT_MATMUL2D_BLOCK > 1073741824
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BLOCK (terms that have one scale) must be a literal, 1 to 2^30"
#endif
#ifndef SMELT_MATMUL2D_ZERO
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ZERO (SMELT_ZERO_x of the scaled operand) is not defined"
#endif
#if SMELT_MATMUL2D_ZERO == SMELT_ZERO_POINT && SMELT_MATMUL2D_STORED < SMELT_DTYPE_I8
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ZERO must be SMELT_ZERO_NONE or _OFFSET with STORED F8E4M3, F8E5M2"
#endif
#if SMELT_MATMUL2D_ZERO == SMELT_ZERO_OFFSET && SMELT_MATMUL2D_SCALE == SMELT_SCALE_UE8M0
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_ZERO must be SMELT_ZERO_NONE or _POINT with SMELT_SCALE_UE8M0"
#endif
#if SMELT_MATMUL2D_SCALE == SMELT_SCALE_F32
#define SMELT_MM_SCALE_DTYPE SMELT_DTYPE_F32
#elif SMELT_MATMUL2D_SCALE == SMELT_SCALE_F16
#define SMELT_MM_SCALE_DTYPE SMELT_DTYPE_F16
#elif SMELT_MATMUL2D_SCALE == SMELT_SCALE_UE8M0
#define SMELT_MM_SCALE_DTYPE SMELT_DTYPE_U8
#else
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SCALE must be one of SMELT_SCALE_x"
#endif
#if SMELT_MATMUL2D_ZERO == SMELT_ZERO_POINT
#define SMELT_MM_ZERO_DTYPE SMELT_MATMUL2D_STORED
#else
#define SMELT_MM_ZERO_DTYPE SMELT_MM_SCALE_DTYPE
#endif
void SMELT_CAT(SMELT_MATMUL2D, _check_scaled)()
{
    const int zero = SMELT_CAT(smelt_zero_is_, SMELT_MATMUL2D_ZERO);
}

#define SMELT_TENSOR SMELT_CAT(SMELT_MATMUL2D, _scale)
#define SMELT_DTYPE SMELT_MM_SCALE_DTYPE
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#if SMELT_MATMUL2D_ZERO != SMELT_ZERO_NONE
#define SMELT_TENSOR SMELT_CAT(SMELT_MATMUL2D, _zero)
#define SMELT_DTYPE SMELT_MM_ZERO_DTYPE
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#endif
