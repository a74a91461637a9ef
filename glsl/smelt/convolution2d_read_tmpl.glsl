// SPDX-License-Identifier: MIT
// convolution2d_read_tmpl.glsl: reads neighbouring elements of a tensor at once; part of convolution2d_thread_tmpl.glsl.
//
// what    elements of f16, f32, i8 and u8 come in loads of up to 16 bytes, of other types one by one
// params  SMELT_READ name of the function; SMELT_READ_TENSOR, SMELT_READ_STORED its type; SMELT_READ_VECTOR 1, 2, 4 or 8
//         elements, which offsets are multiples of; SMELT_READ_TYPE float, float16_t or int. All undefined afterwards
// makes   void NAME(TENSOR m, uint at, out TYPE e[VECTOR])
// errors  exact
// needs   convolution2d_thread_tmpl.glsl around it
// source  convolution2d_thread_tmpl.glsl
void SMELT_READ(SMELT_READ_TENSOR m, uint at, out SMELT_READ_TYPE e[SMELT_READ_VECTOR])
{
#if SMELT_READ_STORED == SMELT_DTYPE_F16 && SMELT_READ_VECTOR > 1
#if SMELT_READ_VECTOR == 8
    uvec4 words = smelt_words4_data(uvec2(m.data)).e[at / 8u];
#elif SMELT_READ_VECTOR == 4
    uvec2 words = smelt_words2_data(uvec2(m.data)).e[at / 4u];
#else
    uint words[1] = uint[1](smelt_words1_data(uvec2(m.data)).e[at / 2u]);
#endif
    [[unroll]] for (uint i = 0u; i < SMELT_READ_VECTOR; i += 2u)
    {
        vec2 pair = unpackHalf2x16(words[i / 2u]);
        e[i] = SMELT_READ_TYPE(pair.x);
        e[i + 1u] = SMELT_READ_TYPE(pair.y);
    }
#elif SMELT_READ_STORED == SMELT_DTYPE_F32 && SMELT_READ_VECTOR >= 4
    [[unroll]] for (uint i = 0u; i < SMELT_READ_VECTOR; i += 4u)
    {
        uvec4 words = smelt_words4_data(uvec2(m.data)).e[(at + i) / 4u];
        [[unroll]] for (uint k = 0u; k != 4u; k++) e[i + k] = SMELT_READ_TYPE(uintBitsToFloat(words[k]));
    }
#elif (SMELT_READ_STORED == SMELT_DTYPE_I8 || SMELT_READ_STORED == SMELT_DTYPE_U8) && SMELT_READ_VECTOR >= 4
    [[unroll]] for (uint i = 0u; i < SMELT_READ_VECTOR; i += 4u)
    {
        uint word = smelt_words1_data(uvec2(m.data)).e[(at + i) / 4u];
        [[unroll]] for (int k = 0; k != 4; k++) e[i + k] = SMELT_READ_STORED == SMELT_DTYPE_I8
                                                               ? bitfieldExtract(int(word), 8 * k, 8)
                                                               : int(bitfieldExtract(word, 8 * k, 8));
    }
#else
    [[unroll]] for (uint i = 0u; i != SMELT_READ_VECTOR; i++) e[i] =
        SMELT_READ_TYPE(smelt_load_at(m, at + i));
#endif
}

#undef SMELT_READ
#undef SMELT_READ_TENSOR
#undef SMELT_READ_STORED
#undef SMELT_READ_VECTOR
#undef SMELT_READ_TYPE
