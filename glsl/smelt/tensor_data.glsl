// SPDX-License-Identifier: MIT
// tensor_data.glsl: the buffer references behind tensors, one per storage type and access.
//
// what    tensors of the same storage type share a block: were there one per tensor type, spirv-opt (2022.4 to
//         2025.1) would confuse pointers to equal blocks and write invalid SPIR-V
// params  none
// makes   smelt_<type>_<r|w|rw>_data { <type> e[]; } for f32 u32 i32 u16 i16 u8 i8
// errors  none (no arithmetic)
// needs   base.glsl first
// source  spirv-val on scalar-replacement's output
#ifndef SMELT_TENSOR_DATA_GLSL
#define SMELT_TENSOR_DATA_GLSL

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer smelt_f32_r_data
{
    float e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer smelt_f32_w_data
{
    float e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer smelt_f32_rw_data
{
    float e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer smelt_u32_r_data
{
    uint e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer smelt_u32_w_data
{
    uint e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer smelt_u32_rw_data
{
    uint e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer smelt_i32_r_data
{
    int e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer smelt_i32_w_data
{
    int e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer smelt_i32_rw_data
{
    int e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 2) readonly buffer smelt_u16_r_data
{
    uint16_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 2) writeonly buffer smelt_u16_w_data
{
    uint16_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer smelt_u16_rw_data
{
    uint16_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 2) readonly buffer smelt_i16_r_data
{
    int16_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 2) writeonly buffer smelt_i16_w_data
{
    int16_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer smelt_i16_rw_data
{
    int16_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 1) readonly buffer smelt_u8_r_data
{
    uint8_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 1) writeonly buffer smelt_u8_w_data
{
    uint8_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 1) buffer smelt_u8_rw_data
{
    uint8_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 1) readonly buffer smelt_i8_r_data
{
    int8_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 1) writeonly buffer smelt_i8_w_data
{
    int8_t e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 1) buffer smelt_i8_rw_data
{
    int8_t e[];
};

#endif
