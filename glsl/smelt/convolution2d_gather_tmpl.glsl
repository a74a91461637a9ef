// SPDX-License-Identifier: MIT
// convolution2d_gather_tmpl.glsl: reads elements of a tensor from anywhere into a group for shared memory; part of
// convolution2d_cooperative_tmpl.glsl.
//
// what    elements become COMPUTED as they stand in shared memory: SMELT_CV_GROUP of them make a uvec4
// params  SMELT_GATHER prefix of the functions; SMELT_GATHER_TENSOR, SMELT_GATHER_STORED its type;
//         SMELT_GATHER_ALIGNMENT of offsets, in elements. All undefined afterwards
// makes   const uint PREFIX_vector; PREFIX_read(inout words, v, tensor, at, inside): the PREFIX_vector elements from
//         offset `at` on become elements v... of words, 0 unless `inside`; `at` is valid in any case. PREFIX_one: a single one
// errors  exact
// needs   convolution2d_cooperative_tmpl.glsl around it
// source  matmul2d_stage_tmpl.glsl
#if SMELT_GATHER_STORED != SMELT_CONVOLUTION2D_COMPUTED
#define SMELT_GATHER_VECTOR 1
#elif SMELT_GATHER_ALIGNMENT > SMELT_CV_GROUP
#define SMELT_GATHER_VECTOR SMELT_CV_GROUP
#else
#define SMELT_GATHER_VECTOR SMELT_GATHER_ALIGNMENT
#endif
const uint SMELT_CAT(SMELT_GATHER, _vector) = SMELT_GATHER_VECTOR;

void SMELT_CAT(SMELT_GATHER, _one)(inout uvec4 words, uint v, SMELT_GATHER_TENSOR m, uint at, bool inside)
{
#if SMELT_GATHER_STORED != SMELT_CONVOLUTION2D_COMPUTED
    float value = inside ? smelt_load_at(m, at) : 0.0;
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_F16
    words[v / 2u] |= packHalf2x16(vec2(value, 0.0)) << (16u * (v & 1u));
#else
    words[v] = floatBitsToUint(value);
#endif
#elif SMELT_GATHER_STORED == SMELT_DTYPE_F32
    uint read = smelt_words1_data(uvec2(m.data)).e[at];
    words[v] = inside ? read : 0u;
#else
    uint read = uint(m.data.e[at]);
    words[v / 2u] |= (inside ? read : 0u) << (16u * (v & 1u));
#endif
}

void SMELT_CAT(SMELT_GATHER, _read)(inout uvec4 words, uint v, SMELT_GATHER_TENSOR m, uint at, bool inside)
{
#if SMELT_GATHER_VECTOR == 1
    SMELT_CAT(SMELT_GATHER, _one)(words, v, m, at, inside);
#elif SMELT_GATHER_VECTOR == SMELT_CV_GROUP
    uvec4 read = smelt_words4_data(uvec2(m.data)).e[at / SMELT_GATHER_VECTOR];
    words = inside ? read : uvec4(0u);
#elif SMELT_GATHER_VECTOR * 2 == SMELT_CV_GROUP
    uvec2 read = smelt_words2_data(uvec2(m.data)).e[at / SMELT_GATHER_VECTOR];
    read = inside ? read : uvec2(0u);
    words[v / SMELT_GATHER_VECTOR * 2u] = read.x;
    words[v / SMELT_GATHER_VECTOR * 2u + 1u] = read.y;
#else
    uint read = smelt_words1_data(uvec2(m.data)).e[at / SMELT_GATHER_VECTOR];
    words[v / SMELT_GATHER_VECTOR] = inside ? read : 0u;
#endif
}

#undef SMELT_GATHER
#undef SMELT_GATHER_TENSOR
#undef SMELT_GATHER_STORED
#undef SMELT_GATHER_ALIGNMENT
#undef SMELT_GATHER_VECTOR
