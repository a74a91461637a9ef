// SPDX-License-Identifier: MIT
// convolution2d_gather_tmpl.glsl: reads elements of a tensor from anywhere into a group for shared memory; part of
// convolution2d_cooperative_tmpl.glsl.
//
// what    elements become COMPUTED as they stand in shared memory: SMELT_GATHER_GROUP of them make a uvec4
// params  SMELT_GATHER prefix of the functions; SMELT_GATHER_TENSOR, SMELT_GATHER_STORED its type; SMELT_GATHER_GROUP;
//         SMELT_GATHER_ALIGNMENT of offsets, in elements. All undefined afterwards
// makes   const uint PREFIX_vector; PREFIX_read(inout words, v, tensor, at, inside, other): the PREFIX_vector elements from
//         offset `at` on become elements v... of words, or the low bits of `other` unless `inside`; `at` is valid in any case.
//         PREFIX_one: a single one
// errors  exact
// needs   convolution2d_cooperative_tmpl.glsl around it
// source  matmul2d_stage_tmpl.glsl
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
#define SMELT_GATHER_BITS 8
#define SMELT_GATHER_CONVERT 0
#elif SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_F16
#define SMELT_GATHER_BITS 16
#define SMELT_GATHER_CONVERT (SMELT_GATHER_STORED != SMELT_DTYPE_F16)
#else
#define SMELT_GATHER_BITS 32
#define SMELT_GATHER_CONVERT (SMELT_GATHER_STORED != SMELT_DTYPE_F32)
#endif
#define SMELT_GATHER_ROUNDS 0
#if SMELT_GATHER_CONVERT && SMELT_GATHER_STORED == SMELT_DTYPE_F32 && SMELT_GATHER_ALIGNMENT >= 4
#undef SMELT_GATHER_ROUNDS
#define SMELT_GATHER_ROUNDS 1
#define SMELT_GATHER_VECTOR 4
#elif SMELT_GATHER_CONVERT
#define SMELT_GATHER_VECTOR 1
#elif SMELT_GATHER_ALIGNMENT > SMELT_GATHER_GROUP
#define SMELT_GATHER_VECTOR SMELT_GATHER_GROUP
#else
#define SMELT_GATHER_VECTOR SMELT_GATHER_ALIGNMENT
#endif
const uint SMELT_CAT(SMELT_GATHER, _vector) = SMELT_GATHER_VECTOR;

void SMELT_CAT(SMELT_GATHER, _one)(inout uvec4 words, uint v, SMELT_GATHER_TENSOR m, uint at, bool inside,
                                   uint other)
{
#if SMELT_GATHER_CONVERT
    float value = inside ? smelt_load_at(m, at) : 0.0;
#if SMELT_GATHER_BITS == 16
    words[v / 2u] |= packHalf2x16(vec2(value, 0.0)) << (16u * (v & 1u));
#else
    words[v] = floatBitsToUint(value);
#endif
#elif SMELT_GATHER_BITS == 32
    uint read = smelt_words1_data(uvec2(m.data)).e[at];
    words[v] = inside ? read : other;
#else
    uint read = inside ? uint(m.data.e[at]) : other;
    words[v * SMELT_GATHER_BITS / 32u] |= bitfieldExtract(read, 0, SMELT_GATHER_BITS)
                                          << (v * SMELT_GATHER_BITS % 32u);
#endif
}

void SMELT_CAT(SMELT_GATHER, _read)(inout uvec4 words, uint v, SMELT_GATHER_TENSOR m, uint at, bool inside,
                                    uint other)
{
#if SMELT_GATHER_VECTOR == 1
    SMELT_CAT(SMELT_GATHER, _one)(words, v, m, at, inside, other);
#elif SMELT_GATHER_ROUNDS
    vec4 read = uintBitsToFloat(smelt_words4_data(uvec2(m.data)).e[at / 4u]);
    words[v / 2u] = inside ? packHalf2x16(read.xy) : 0u;
    words[v / 2u + 1u] = inside ? packHalf2x16(read.zw) : 0u;
#elif SMELT_GATHER_VECTOR * SMELT_GATHER_BITS == 128
    uvec4 read = smelt_words4_data(uvec2(m.data)).e[at / SMELT_GATHER_VECTOR];
    words = inside ? read : uvec4(other);
#elif SMELT_GATHER_VECTOR * SMELT_GATHER_BITS == 64
    uvec2 read = smelt_words2_data(uvec2(m.data)).e[at / SMELT_GATHER_VECTOR];
    read = inside ? read : uvec2(other);
    words[v / SMELT_GATHER_VECTOR * 2u] = read.x;
    words[v / SMELT_GATHER_VECTOR * 2u + 1u] = read.y;
#elif SMELT_GATHER_VECTOR * SMELT_GATHER_BITS == 32
    uint read = smelt_words1_data(uvec2(m.data)).e[at / SMELT_GATHER_VECTOR];
    words[v / SMELT_GATHER_VECTOR] = inside ? read : other;
#else
    uint read = inside ? uint(smelt_halfs_data(uvec2(m.data)).e[at / 2u]) : other & 65535u;
    words[v / 4u] |= read << (v % 4u * 8u);
#endif
}

#undef SMELT_GATHER
#undef SMELT_GATHER_TENSOR
#undef SMELT_GATHER_STORED
#undef SMELT_GATHER_GROUP
#undef SMELT_GATHER_ALIGNMENT
#undef SMELT_GATHER_BITS
#undef SMELT_GATHER_CONVERT
#undef SMELT_GATHER_VECTOR
#undef SMELT_GATHER_ROUNDS
