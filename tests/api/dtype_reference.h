// SPDX-License-Identifier: MIT
// An independent reference for dtype.h: values by their defining formula in double, rounding by searching the
// table of a type's values. Nothing here looks like the library's bit arithmetic. And the patterns to try.
#ifndef SMELT_DTYPE_REFERENCE_H
#define SMELT_DTYPE_REFERENCE_H

#include <smelt/dtype.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

struct reference_float {
    int exponent_bits, mantissa_bits;
    uint32_t largest; // the last finite pattern
    bool infinity;    // the pattern after it is one
    uint32_t overflow, nan;
};

static inline struct reference_float reference_float(enum smelt_dtype dtype)
{
    switch (dtype) {
    case SMELT_DTYPE_F16:
        return (struct reference_float){5, 10, 0x7bff, true, 0x7c00, 0x7e00};
    case SMELT_DTYPE_BF16:
        return (struct reference_float){8, 7, 0x7f7f, true, 0x7f80, 0x7fc0};
    case SMELT_DTYPE_F8E4M3:
        return (struct reference_float){4, 3, 0x7e, false, 0x7e, 0x7f};
    case SMELT_DTYPE_F8E5M2:
        return (struct reference_float){5, 2, 0x7b, true, 0x7b, 0x7e};
    default:
        return (struct reference_float){8, 23, 0x7f7fffff, true, 0x7f800000, 0x7fc00000};
    }
}

// Smallest and largest value of an integer type.
static inline void reference_range(enum smelt_dtype dtype, double *low, double *high)
{
    uint32_t bits = smelt_dtype_bits(dtype);
    bool is_signed = dtype == SMELT_DTYPE_I4 || dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_I16 ||
                     dtype == SMELT_DTYPE_I32;
    *low = is_signed ? -ldexp(1, (int)bits - 1) : 0;
    *high = ldexp(1, (int)bits - is_signed) - 1;
}

// The value of a pattern; infinities and NaN (with their sign) as in double.
static inline double reference_value(enum smelt_dtype dtype, uint32_t pattern)
{
    uint32_t bits = smelt_dtype_bits(dtype);
    if (!smelt_dtype_is_float(dtype)) {
        double low, high, value = pattern;
        reference_range(dtype, &low, &high);
        return value > high ? value - ldexp(1, (int)bits) : value;
    }
    struct reference_float f = reference_float(dtype);
    double sign = pattern >> (bits - 1) ? -1 : 1;
    pattern &= ~(1u << (bits - 1));
    if (pattern > f.largest)
        return copysign(f.infinity && pattern == f.largest + 1 ? INFINITY : NAN, sign);
    int bias = (1 << (f.exponent_bits - 1)) - 1;
    int exponent = (int)(pattern >> f.mantissa_bits);
    double fraction = ldexp(pattern & ((1u << f.mantissa_bits) - 1), -f.mantissa_bits);
    return sign * (exponent ? ldexp(1 + fraction, exponent - bias) : ldexp(fraction, 1 - bias));
}

// The pattern nearest to a value, ties to the even pattern.
static inline uint32_t reference_pattern(enum smelt_dtype dtype, double value)
{
    uint32_t bits = smelt_dtype_bits(dtype);
    uint32_t mask = bits == 32 ? UINT32_MAX : (1u << bits) - 1;
    if (!smelt_dtype_is_float(dtype)) {
        double low, high;
        reference_range(dtype, &low, &high);
        if (isnan(value))
            return 0;
        value = fmin(fmax(nearbyint(value), low), high);
        return (uint32_t)(int64_t)value & mask;
    }
    struct reference_float f = reference_float(dtype);
    uint32_t sign = signbit(value) ? 1u << (bits - 1) : 0;
    double magnitude = fabs(value);
    if (isnan(value))
        return sign | f.nan;
    if (isinf(value))
        return sign | f.overflow;
    if (dtype == SMELT_DTYPE_F32) {
        float nearest = (float)magnitude;
        uint32_t pattern;
        memcpy(&pattern, &nearest, sizeof(pattern));
        return sign | pattern;
    }
    uint32_t low = 0, high = f.largest; // value(low) <= magnitude, and high is the last candidate
    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;
        if (reference_value(dtype, middle) <= magnitude)
            low = middle;
        else
            high = middle - 1;
    }
    double below = reference_value(dtype, low);
    double step =
        low == f.largest ? below - reference_value(dtype, low - 1) : reference_value(dtype, low + 1) - below;
    double midpoint = below + step / 2; // exact in double for types of 16 bits and fewer
    if (magnitude > midpoint || (magnitude == midpoint && low % 2))
        low++;
    return sign | (low > f.largest ? f.overflow : low);
}

// Repeatable pseudo-random bits; a test sets the state, which is its seed.
static uint32_t test_random_state;

static inline uint32_t test_random(void)
{
    test_random_state = test_random_state * 1664525u + 1013904223u;
    return test_random_state ^ test_random_state >> 15;
}

// The pattern of an element of a packed array.
static inline uint32_t test_get(enum smelt_dtype dtype, const uint8_t *data, size_t index)
{
    uint32_t bits = smelt_dtype_bits(dtype), value = 0;
    if (bits == 4)
        return index % 2 ? data[index / 2] >> 4 : data[index / 2] & 15;
    memcpy(&value, data + index * bits / 8, bits / 8);
    return value;
}

// Source patterns that matter: all of them up to 16 bits; for 32 bits, what lies at and next to the values
// and midpoints of every small type, powers of two, and random patterns. Returns the count (odd, for 4-bit
// types).
#define TEST_MOST_PATTERNS 400001
static inline size_t test_patterns(enum smelt_dtype dtype, uint8_t *data)
{
    uint32_t bits = smelt_dtype_bits(dtype);
    if (bits == 4) {
        for (int i = 0; i < 16; i++)
            data[i / 2] = (uint8_t)(i % 2 ? data[i / 2] | i << 4 : i);
        data[8] = 9;
        return 17;
    }
    if (bits < 32) {
        for (uint32_t i = 0; i < 1u << bits; i++)
            memcpy(data + i * bits / 8, &i, bits / 8);
        return (size_t)1 << bits;
    }
    uint32_t *words = (uint32_t *)(void *)data;
    size_t count = 0;
    for (uint32_t i = 0; i < 32; i++)
        for (uint32_t j = 0; j <= i; j++)
            for (int k = -1; k <= 1; k++)
                words[count++] = (1u << i | 1u << j) + (uint32_t)k;
    for (int i = 0; i < 20000; i++)
        words[count++] = test_random() >> test_random() % 32;
    for (uint32_t pattern = 0; pattern < 0x7bff && dtype == SMELT_DTYPE_F32; pattern += 3) {
        float middle = (float)((reference_value(SMELT_DTYPE_F16, pattern) +
                                reference_value(SMELT_DTYPE_F16, pattern + 1)) /
                               2);
        float values[] = {middle, -middle, nextafterf(middle, 0), nextafterf(middle, INFINITY)};
        memcpy(words + count, values, sizeof(values));
        count += 4;
    }
    for (double half = 0; half < 70000 && dtype == SMELT_DTYPE_F32; half += 0.5) {
        float values[] = {(float)half, -(float)half};
        memcpy(words + count, values, sizeof(values));
        count += 2;
    }
    return count;
}

#endif
