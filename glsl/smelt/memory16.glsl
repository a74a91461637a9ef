// SPDX-License-Identifier: MIT
// memory16.glsl: pairs of f16 held as words, in f16 arithmetic.
//
// what    private arrays of f16 are held as words of 32 bits: NVIDIA 580.159 loses or misplaces elements of an array
//         of f16vec2 that is indexed at run time (checkglsl, inline f16, on an H200)
// params  none
// makes   f16vec2 smelt_pair_unpack(uint), uint smelt_pair_pack(f16vec2); for vec2 see memory.glsl
// errors  none: bits are kept
// needs   base.glsl first; shaderFloat16
// source  GL_EXT_shader_explicit_arithmetic_types, packFloat2x16
#ifndef SMELT_MEMORY16_GLSL
#define SMELT_MEMORY16_GLSL

f16vec2 smelt_pair_unpack(uint e)
{
    return unpackFloat2x16(e);
}
uint smelt_pair_pack(f16vec2 v)
{
    return packFloat2x16(v);
}

#endif
