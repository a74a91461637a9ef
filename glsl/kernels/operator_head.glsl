// SPDX-License-Identifier: MIT
// operator_head.glsl: in front of an operator's body (src/kernels_operator.c, which adds the tensors): what a call gives it.
#include "smelt/memory.glsl"
#include "smelt/numeric.glsl"
layout(constant_id = 0) const uint fixed_words = 0; // 0: words are read, else they are constants

// The push constants of src/kernels_operator.c, word for word.
layout(push_constant, scalar) uniform push
{
    uvec2 tensors[6], words; // addresses
    uint count;              // of invocations
};

// 16 bytes of a tensor's elements, of PER elements, where they begin at such a place.
uvec4 wide_load(uint tensor, uint place)
{
    return smelt_words4_data(tensors[tensor]).e[place / PER];
}

void wide_store(uint tensor, uint place, uvec4 v)
{
    smelt_words4_write_data(tensors[tensor]).e[place / PER] = v;
}

// The same as floats, of `bits` 16 (8 of them) or 32 (4, in `low`).
struct floats {
    vec4 low, high;
};

floats wide_unpack(uvec4 v, uint bits)
{
    if (bits == 32u)
        return floats(uintBitsToFloat(v), vec4(0.0));
    return floats(vec4(unpackHalf2x16(v.x), unpackHalf2x16(v.y)),
                  vec4(unpackHalf2x16(v.z), unpackHalf2x16(v.w)));
}

uint wide_pair(vec2 v)
{
    return smelt_f16_from_f32(v.x) | smelt_f16_from_f32(v.y) << 16;
}

uvec4 wide_pack(floats v, uint bits)
{
    return bits == 32u
               ? floatBitsToUint(v.low)
               : uvec4(wide_pair(v.low.xy), wide_pair(v.low.zw), wide_pair(v.high.xy), wide_pair(v.high.zw));
}

uint word(uint constant, uint i)
{
    uint result = constant;
    if (fixed_words == 0u)
        result = smelt_words1_data(words).e[i];
    return result;
}

// Bits of an 8 bit float that does not saturate, as stores do: what is past the largest number is infinite, or a NaN where there
// is no infinity.
uint f8_bits(float v, bool e4m3)
{
    uint sign = (floatBitsToUint(v) >> 24) & 0x80u;
    if (e4m3)
        return abs(v) > 464.0 ? sign | 0x7fu : smelt_f8e4m3_from_f32(v);
    return abs(v) >= 61440.0 ? sign | 0x7cu : smelt_f8e5m2_from_f32(v);
}
