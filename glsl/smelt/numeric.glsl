// SPDX-License-Identifier: MIT
// numeric.glsl: conversions between f32 and the narrow element types, on bits, exactly rounded.
//
// what    for X in f16, bf16, f8e4m3, f8e5m2: float smelt_X_to_f32(uint bits) and uint smelt_X_from_f32(float),
//         as the C functions of the same names (include/smelt/dtype.h), on the low bits of a uint; and
//         smelt_ue8m0_to_f32, smelt_i4_to_int, smelt_int_from_f32, smelt_uint_from_f32, smelt_nan, smelt_remainder
// params  none
// makes   the functions above. They need no 8 or 16 bit types
// errors  to f32: exact. From f32: one rounding to nearest, ties to even, subnormals kept. A NaN stays a quiet
//         NaN with its sign. Too large: f16 and bf16 give infinity, f8e4m3 and f8e5m2 the largest finite value
//         (448, 57344), infinities included. Integers saturate, a NaN gives 0. Only the conversion itself is
//         promised: Vulkan lets a device flush an f32 subnormal in any arithmetic before or after it
// needs   nothing
// source  IEEE 754-2019; OCP 8-bit floating point specification 1.0, section 5; ue8m0: OCP
//         microscaling formats 1.0, section 5.4
#ifndef SMELT_NUMERIC_GLSL
#define SMELT_NUMERIC_GLSL

// True for the bits of a NaN; isnan may be optimised away where NaN is not preserved.
bool smelt_nan(uint f32_bits)
{
    return (f32_bits & 0x7fffffffu) > 0x7f800000u;
}

// The magnitude of f32 bits without sign, not NaN, rounded to `mantissa` bits and exponent bias `bias`; the
// result has the fields exponent and mantissa adjoining and may carry into an exponent that does not exist.
uint smelt_round_magnitude(uint magnitude, uint mantissa, uint bias)
{
    uint exponent = magnitude >> 23;
    uint least = 128u - bias; // biased f32 exponent of the smallest normal number of the narrow type
    uint shift = 23u - mantissa;
    uint value = magnitude - ((127u - bias) << 23);
    if (exponent < least) {
        // Subnormal there: the significand moves right by the missing exponents. Below half an ulp it is 0.
        // So is every f32 subnormal, whose significand has no leading one.
        value = (magnitude & 0x7fffffu) | 0x800000u;
        shift += least - exponent;
        if (shift > 25u)
            return 0u;
    }
    uint result = value >> shift;
    uint rest = value & ((1u << shift) - 1u);
    uint tie = 1u << (shift - 1u);
    return result + (rest > tie || (rest == tie && (result & 1u) != 0u) ? 1u : 0u);
}

// unpackHalf2x16 may flush subnormals, so they do not go through it.
float smelt_f16_to_f32(uint bits)
{
    uint sign = (bits & 0x8000u) << 16;
    if ((bits & 0x7fffu) > 0x7c00u)
        return uintBitsToFloat(sign | 0x7fc00000u);
    if ((bits & 0x7c00u) != 0u)
        return unpackHalf2x16(bits & 0xffffu).x;
    float value = float(bits & 0x3ffu) * uintBitsToFloat(0x33800000u); // times 2^-24
    return uintBitsToFloat(floatBitsToUint(value) | sign);
}

uint smelt_f16_from_f32(float value)
{
    uint bits = floatBitsToUint(value);
    uint sign = (bits >> 16) & 0x8000u;
    if (smelt_nan(bits))
        return sign | 0x7e00u;
    return sign | min(smelt_round_magnitude(min(bits & 0x7fffffffu, 0x47800000u), 10u, 15u), 0x7c00u);
}

float smelt_bf16_to_f32(uint bits)
{
    if ((bits & 0x7fffu) > 0x7f80u)
        return uintBitsToFloat(((bits & 0x8000u) << 16) | 0x7fc00000u);
    return uintBitsToFloat((bits & 0xffffu) << 16);
}

uint smelt_bf16_from_f32(float value)
{
    uint bits = floatBitsToUint(value);
    if (smelt_nan(bits))
        return ((bits >> 16) & 0x8000u) | 0x7fc0u;
    return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

// A subnormal m 2^-9 is (1 + m / 8) 2^-6 less 2^-6: selections instead of branches, since matrix products are
// full of these.
float smelt_f8e4m3_to_f32(uint bits)
{
    uint magnitude = bits & 0x7fu;
    bool subnormal = magnitude < 8u;
    float value = uintBitsToFloat((magnitude << 20) + (subnormal ? 0x3c800000u : 0x3c000000u)) -
                  (subnormal ? 0.015625 : 0.0);
    uint result = magnitude == 0x7fu ? 0x7fc00000u : floatBitsToUint(value);
    return uintBitsToFloat(result | ((bits & 0x80u) << 24));
}

uint smelt_f8e4m3_from_f32(float value)
{
    uint bits = floatBitsToUint(value);
    uint sign = (bits >> 24) & 0x80u;
    if (smelt_nan(bits))
        return sign | 0x7fu;
    return sign | min(smelt_round_magnitude(min(bits & 0x7fffffffu, 0x43e00000u), 3u, 7u), 0x7eu);
}

float smelt_f8e5m2_to_f32(uint bits)
{
    return smelt_f16_to_f32((bits & 0xffu) << 8); // the upper byte of an f16
}

uint smelt_f8e5m2_from_f32(float value)
{
    uint bits = floatBitsToUint(value);
    uint sign = (bits >> 24) & 0x80u;
    if (smelt_nan(bits))
        return sign | 0x7eu;
    return sign | min(smelt_round_magnitude(min(bits & 0x7fffffffu, 0x47600000u), 2u, 15u), 0x7bu);
}

// A scale of a block, 2^(bits - 127); 255 is a NaN. 2^-127 is subnormal.
float smelt_ue8m0_to_f32(uint bits)
{
    return uintBitsToFloat(bits == 0u ? 0x00400000u : bits == 255u ? 0x7fc00000u : bits << 23);
}

// Sign-extends the low 4 bits.
int smelt_i4_to_int(uint bits)
{
    return int(bits << 28) >> 28;
}

// To the nearest integer, ties to even, within [low, high]; exact for 32 bit limits too.
int smelt_int_from_f32(float value, int low, int high)
{
    if (smelt_nan(floatBitsToUint(value)))
        return 0;
    float nearest = roundEven(value);
    if (nearest <= -2147483648.0)
        return low;
    if (nearest >= 2147483648.0)
        return high;
    return clamp(int(nearest), low, high);
}

uint smelt_uint_from_f32(float value, uint high)
{
    if (smelt_nan(floatBitsToUint(value)))
        return 0u;
    float nearest = roundEven(value);
    if (nearest >= 4294967296.0)
        return high;
    return nearest <= 0.0 ? 0u : min(uint(nearest), high);
}

// What is left of a when b is taken from it as often as it fits: of a's sign, as C's fmod, but with a quotient of f32. That may be
// rounded to the next integer; with an infinite b it is 0.
float smelt_remainder(float a, float b)
{
    float whole = trunc(a / b);
    float rest = whole == 0.0 ? a : a - b * whole;
    if (rest * a < 0.0)
        rest += rest < 0.0 ? abs(b) : -abs(b);
    return abs(rest) >= abs(b) ? rest - sign(rest) * abs(b) : rest;
}

#endif
