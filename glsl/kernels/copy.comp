// SPDX-License-Identifier: MIT
// copy.comp: destination[i] = source[i] (or one value for all) between strided tensors of any element types.
//
// what    conversions decode to an exact integer times a power of two and encode from it, the steps of
//         src/dtype.c in 32-bit integers: one rounding, bit-equal to the host, subnormals kept on every device
// params  specialization constants: the two element types; push constants: see struct push in src/kernels.c
// errors  none beyond the rounding of the destination's type (include/smelt/dtype.h)
// needs   storageBuffer8BitAccess, storageBuffer16BitAccess, bufferDeviceAddress
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"

layout(local_size_x = 128) in; // what every device allows
layout(constant_id = 0) const uint destination_type = SMELT_DTYPE_U32;
// 0: the bits push.value for every element; equal to destination_type: bits are copied.
layout(constant_id = 1) const uint source_type = SMELT_DTYPE_U32;

layout(push_constant, scalar) uniform push_block
{
    uvec2 destination, source; // 64-bit addresses, low word first
    uint extent[8], destination_stride[8], source_stride[8];
    uint rank;         // 1 to 8
    uint items;        // invocations with work: elements, or bytes of a 4-bit destination
    uint source_first; // index of the first element: 1 when a 4-bit source starts in a high half
    uint value;
}
push;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer word_reference
{
    uint e;
};
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer half_reference
{
    uint16_t e;
};
layout(buffer_reference, scalar, buffer_reference_align = 1) buffer byte_reference
{
    uint8_t e;
};

// base + (index << shift) in 64 bits: an array index in SPIR-V is signed, and 32 bits would end at 2 Gi elements.
uvec2 address_of(uvec2 base, uint index, uint shift)
{
    uint carry;
    uint low = uaddCarry(base.x, index << shift, carry);
    return uvec2(low, base.y + carry + (shift == 0u ? 0u : index >> (32u - shift)));
}

uint bits_of(uint type)
{
    if (type == SMELT_DTYPE_F32 || type == SMELT_DTYPE_I32 || type == SMELT_DTYPE_U32)
        return 32u;
    if (type == SMELT_DTYPE_F16 || type == SMELT_DTYPE_BF16 || type == SMELT_DTYPE_I16 ||
        type == SMELT_DTYPE_U16)
        return 16u;
    return type == SMELT_DTYPE_I4 || type == SMELT_DTYPE_U4 ? 4u : 8u;
}

uint load(uint index)
{
    if (source_type == 0u)
        return push.value;
    if (bits_of(source_type) == 32u)
        return word_reference(address_of(push.source, index, 2u)).e;
    if (bits_of(source_type) == 16u)
        return uint(half_reference(address_of(push.source, index, 1u)).e);
    if (bits_of(source_type) == 8u)
        return uint(byte_reference(address_of(push.source, index, 0u)).e);
    return uint(byte_reference(address_of(push.source, index >> 1, 0u)).e) >> ((index & 1u) * 4u) & 15u;
}

struct float_format {
    int mantissa_bits, bias;
    uint largest, infinity, overflow, nan; // patterns without the sign; infinity 0: the type has none
};

float_format format_of(uint type)
{
    if (type == SMELT_DTYPE_F32)
        return float_format(23, 127, 0x7f7fffffu, 0x7f800000u, 0x7f800000u, 0x7fc00000u);
    if (type == SMELT_DTYPE_F16)
        return float_format(10, 15, 0x7bffu, 0x7c00u, 0x7c00u, 0x7e00u);
    if (type == SMELT_DTYPE_BF16)
        return float_format(7, 127, 0x7f7fu, 0x7f80u, 0x7f80u, 0x7fc0u);
    if (type == SMELT_DTYPE_F8E4M3)
        return float_format(3, 7, 0x7eu, 0u, 0x7eu, 0x7fu);
    return float_format(2, 15, 0x7bu, 0x7cu, 0x7bu, 0x7eu);
}

bool is_float(uint type)
{
    return type >= SMELT_DTYPE_F32 && type <= SMELT_DTYPE_F8E5M2;
}

bool is_signed(uint type)
{
    return type == SMELT_DTYPE_I4 || type == SMELT_DTYPE_I8 || type == SMELT_DTYPE_I16 ||
           type == SMELT_DTYPE_I32;
}

// +-magnitude * 2^exponent, or an infinity, or a NaN.
struct exact {
    bool negative, infinite, nan;
    int exponent;
    uint magnitude;
};

exact decode(uint type, uint bits)
{
    uint sign = 1u << (bits_of(type) - 1u);
    exact x = exact((bits & sign) != 0u, false, false, 0, bits);
    if (is_float(type)) {
        float_format f = format_of(type);
        bits &= sign - 1u;
        x.infinite = bits > f.largest && bits == f.infinity;
        x.nan = bits > f.largest && bits != f.infinity;
        int exponent = int(bits >> f.mantissa_bits);
        x.magnitude = bits & ((1u << f.mantissa_bits) - 1u);
        x.magnitude |= exponent != 0 ? 1u << f.mantissa_bits : 0u;
        x.exponent = max(exponent, 1) - f.bias - f.mantissa_bits;
    } else if (is_signed(type)) {
        x.magnitude = x.negative ? (0u - bits) & (sign | (sign - 1u)) : bits;
    } else {
        x.negative = false;
    }
    return x;
}

// magnitude / 2^shift, to nearest, ties to even; shift > 0. A shift beyond 31 comes from floats only, whose
// magnitude is below 2^24: less than half.
uint divide_to_even(uint magnitude, int shift)
{
    if (shift > 31)
        return 0u;
    uint quotient = magnitude >> shift;
    uint rest = magnitude << (32 - shift);
    return quotient + uint(rest > 0x80000000u || (rest == 0x80000000u && (quotient & 1u) != 0u));
}

uint encode_float(uint type, exact x)
{
    float_format f = format_of(type);
    uint sign = x.negative ? 1u << (bits_of(type) - 1u) : 0u;
    int top = findMSB(x.magnitude) + x.exponent;
    if (x.nan)
        return sign | f.nan;
    if (x.infinite || (x.magnitude != 0u && top > f.bias + 1))
        return sign | f.overflow;
    if (x.magnitude == 0u)
        return sign;
    int least = 1 - f.bias - f.mantissa_bits;
    int unit = max(top - f.mantissa_bits, least);
    int shift = unit - x.exponent;
    uint mantissa = shift > 0 ? divide_to_even(x.magnitude, shift) : x.magnitude << uint(-shift);
    uint bits = (uint(unit - least) << f.mantissa_bits) + mantissa;
    return sign | (bits > f.largest ? f.overflow : bits);
}

uint encode_integer(uint type, exact x)
{
    uint sign = 1u << (bits_of(type) - 1u);
    uint ones = sign | (sign - 1u);
    uint limit = x.negative ? 0u : ones;
    if (is_signed(type))
        limit = x.negative ? sign : sign - 1u;
    uint magnitude = limit;
    if (x.nan)
        magnitude = 0u;
    else if (!x.infinite && x.exponent < 0)
        magnitude = divide_to_even(x.magnitude, -x.exponent);
    else if (!x.infinite && findMSB(x.magnitude) + x.exponent < 32)
        magnitude = x.magnitude << uint(x.exponent);
    magnitude = min(magnitude, limit);
    return (x.negative ? 0u - magnitude : magnitude) & ones;
}

uint converted(uint index)
{
    uint bits = load(index);
    if (source_type == 0u || source_type == destination_type)
        return bits;
    exact x = decode(source_type, bits);
    return is_float(destination_type) ? encode_float(destination_type, x)
                                      : encode_integer(destination_type, x);
}

void main()
{
    uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    uint item = group * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    if (item >= push.items)
        return;
    uint last = push.rank - 1u;
    uint step = bits_of(destination_type) == 4u ? 2u : 1u; // an invocation owns whole bytes
    uint steps = (push.extent[last] + step - 1u) / step;
    uint first = item % steps * step;
    uint destination = first * push.destination_stride[last];
    uint source = push.source_first + first * push.source_stride[last];
    uint rest = item / steps;
    for (uint d = last; d-- > 0u;) {
        uint index = rest % push.extent[d];
        rest /= push.extent[d];
        destination += index * push.destination_stride[d];
        source += index * push.source_stride[d];
    }
    uint bits = converted(source);
    if (step == 2u) {
        byte_reference target = byte_reference(address_of(push.destination, destination >> 1, 0u));
        // The high half beyond an odd extent is not the destination's.
        uint high = first + 1u < push.extent[last] ? converted(source + push.source_stride[last])
                                                   : uint(target.e) >> 4;
        target.e = uint8_t(high << 4 | bits);
    } else if (bits_of(destination_type) == 32u) {
        word_reference(address_of(push.destination, destination, 2u)).e = bits;
    } else if (bits_of(destination_type) == 16u) {
        half_reference(address_of(push.destination, destination, 1u)).e = uint16_t(bits);
    } else {
        byte_reference(address_of(push.destination, destination, 0u)).e = uint8_t(bits);
    }
}
