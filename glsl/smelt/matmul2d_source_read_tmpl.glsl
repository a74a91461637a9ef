// SPDX-License-Identifier: MIT
// matmul2d_source_read_tmpl.glsl: raw elements of a tensor, as many as one load moves, and what they stand for; part of
// matmul2d_source_tensor_tmpl.glsl and matmul2d_source_scaled_tmpl.glsl.
//
// what    ALIGNMENT says how many neighbours one load may fetch
// params  SMELT_STAGE, SMELT_STAGE_GROUP, SMELT_STAGE_STORED (left defined); SMELT_ST_TENSOR type of the tensor
// makes   SMELT_ST_BITS of an element; SMELT_ST_VECTOR elements of a load; SMELT_ST_DECODE(bits) float, of the low bits;
//         uvec4 PREFIX_read(TENSOR m, uint at): VECTOR elements from element `at` on, a multiple of VECTOR, in the low bits.
//         The macros are the includer's to undefine
// errors  exact
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
#if SMELT_STAGE_STORED == SMELT_DTYPE_F32
#define SMELT_ST_BITS 32
#define SMELT_ST_DECODE(bits) uintBitsToFloat(bits)
#elif SMELT_STAGE_STORED == SMELT_DTYPE_F16
#define SMELT_ST_BITS 16
#define SMELT_ST_DECODE(bits) smelt_f16_to_f32(bits)
#elif SMELT_STAGE_STORED == SMELT_DTYPE_BF16
#define SMELT_ST_BITS 16
#define SMELT_ST_DECODE(bits) smelt_bf16_to_f32(bits)
#elif SMELT_STAGE_STORED == SMELT_DTYPE_F8E4M3
#define SMELT_ST_BITS 8
#define SMELT_ST_DECODE(bits) smelt_f8e4m3_to_f32(bits)
#elif SMELT_STAGE_STORED == SMELT_DTYPE_F8E5M2
#define SMELT_ST_BITS 8
#define SMELT_ST_DECODE(bits) smelt_f8e5m2_to_f32(bits)
#elif SMELT_STAGE_STORED == SMELT_DTYPE_I8
#define SMELT_ST_BITS 8
#define SMELT_ST_DECODE(bits) float(bitfieldExtract(int(bits), 0, 8))
#elif SMELT_STAGE_STORED == SMELT_DTYPE_U8
#define SMELT_ST_BITS 8
#define SMELT_ST_DECODE(bits) float((bits)&255u)
#elif SMELT_STAGE_STORED == SMELT_DTYPE_I4
#define SMELT_ST_BITS 4
#define SMELT_ST_DECODE(bits) float(smelt_i4_to_int(bits))
#else
#define SMELT_ST_BITS 4
#define SMELT_ST_DECODE(bits) float((bits)&15u)
#endif
#if SMELT_MATMUL2D_ALIGNMENT > SMELT_STAGE_GROUP && SMELT_STAGE_GROUP * SMELT_ST_BITS <= 128
#define SMELT_ST_VECTOR SMELT_STAGE_GROUP
#elif SMELT_MATMUL2D_ALIGNMENT * SMELT_ST_BITS > 128 // F32 that becomes F16
#define SMELT_ST_VECTOR (128 / SMELT_ST_BITS)
#elif SMELT_MATMUL2D_ALIGNMENT == 0
#define SMELT_ST_VECTOR 1
#else
#define SMELT_ST_VECTOR SMELT_MATMUL2D_ALIGNMENT
#endif

uvec4 SMELT_CAT(SMELT_STAGE, _read)(SMELT_ST_TENSOR m, uint at)
{
#if SMELT_ST_VECTOR * SMELT_ST_BITS == 128
    return smelt_words4_data(uvec2(m.data)).e[at / SMELT_ST_VECTOR];
#elif SMELT_ST_VECTOR * SMELT_ST_BITS == 64
    return uvec4(smelt_words2_data(uvec2(m.data)).e[at / SMELT_ST_VECTOR], 0u, 0u);
#elif SMELT_ST_VECTOR * SMELT_ST_BITS == 32
    return uvec4(smelt_words1_data(uvec2(m.data)).e[at / SMELT_ST_VECTOR], 0u, 0u, 0u);
#elif SMELT_ST_VECTOR == 1 && SMELT_ST_BITS == 4
    return uvec4(uint(m.data.e[at >> 1]) >> (4u * (at & 1u)) & 15u, 0u, 0u, 0u);
#elif SMELT_ST_VECTOR * SMELT_ST_BITS == 16 && SMELT_ST_BITS != 16
    return uvec4(uint(smelt_halfs_data(uvec2(m.data)).e[at / SMELT_ST_VECTOR]), 0u, 0u, 0u);
#else
    return uvec4(uint(m.data.e[at / SMELT_ST_VECTOR]) & ((1u << (SMELT_ST_VECTOR * SMELT_ST_BITS)) - 1u), 0u,
                 0u, 0u);
#endif
}
