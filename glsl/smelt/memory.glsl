// SPDX-License-Identifier: MIT
// memory.glsl: raw reads of device memory, wider than an element.
//
// what    tensors' data is read through these where an op knows its alignment; the names end in _data because
//         they are never argument blocks
// params  none
// makes   smelt_f16_matrix_data (float16_t, 2 byte aligned), read and written by cooperative matrices; buffer references
//         smelt_words4_data (uvec4, 16 byte aligned), smelt_words2_data (uvec2, 8), smelt_words1_data (uint, 4), smelt_halfs_data
//         (uint16_t), smelt_bytes_data (uint8_t), with member e[];
//         smelt_words4_write_data, smelt_words1_write_data, to be written only
//         vec2 smelt_pair_unpack(vec2), vec2 smelt_pair_pack(vec2): what a private array of f32 pairs holds, for
//         templates that also take f16 (memory16.glsl)
// errors  none (no arithmetic). What is read this way must not be written while the shader runs
// needs   base.glsl first
// source  GL_EXT_buffer_reference2
#ifndef SMELT_MEMORY_GLSL
#define SMELT_MEMORY_GLSL

layout(buffer_reference, scalar, buffer_reference_align = 16) restrict readonly buffer smelt_words4_data
{
    uvec4 e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 8) restrict readonly buffer smelt_words2_data
{
    uvec2 e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) restrict readonly buffer smelt_words1_data
{
    uint e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 2) restrict readonly buffer smelt_halfs_data
{
    uint16_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 1) restrict readonly buffer smelt_bytes_data
{
    uint8_t e[];
};
layout(buffer_reference, scalar,
       buffer_reference_align = 16) restrict writeonly buffer smelt_words4_write_data
{
    uvec4 e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) restrict writeonly buffer smelt_words1_write_data
{
    uint e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer smelt_f16_matrix_data
{
    float16_t e[];
};

vec2 smelt_pair_unpack(vec2 e)
{
    return e;
}
vec2 smelt_pair_pack(vec2 v)
{
    return v;
}

#endif
