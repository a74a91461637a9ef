// SPDX-License-Identifier: MIT
// Element types: their properties, and conversions that round once from the exact value.
//
// Every value of every type is an integer times a power of two (or an infinity or a NaN). A conversion
// decodes into that form and encodes from it, so nothing is rounded twice. glsl/kernels/copy.comp does the
// same steps on the device and gives the same bits.
#include "internal.h"

#include <string.h>

enum kind {
    KIND_NONE,
    KIND_FLOAT,
    KIND_SIGNED,
    KIND_UNSIGNED,
};

struct type {
    const char *name;
    uint32_t bits;
    enum kind kind;
    // Floats only; the bit patterns are without the sign.
    int mantissa_bits, bias;
    uint32_t largest;  // finite
    uint32_t infinity; // 0: the type has none
    uint32_t overflow; // what larger values become
    uint32_t nan;
};

static const struct type types[SMELT_DTYPE_COUNT] = {
    [SMELT_DTYPE_NONE] = {.name = "none"},
    [SMELT_DTYPE_F32] = {"f32", 32, KIND_FLOAT, 23, 127, 0x7f7fffff, 0x7f800000, 0x7f800000, 0x7fc00000},
    [SMELT_DTYPE_F16] = {"f16", 16, KIND_FLOAT, 10, 15, 0x7bff, 0x7c00, 0x7c00, 0x7e00},
    [SMELT_DTYPE_BF16] = {"bf16", 16, KIND_FLOAT, 7, 127, 0x7f7f, 0x7f80, 0x7f80, 0x7fc0},
    [SMELT_DTYPE_F8E4M3] = {"f8e4m3", 8, KIND_FLOAT, 3, 7, 0x7e, 0, 0x7e, 0x7f},
    [SMELT_DTYPE_F8E5M2] = {"f8e5m2", 8, KIND_FLOAT, 2, 15, 0x7b, 0x7c, 0x7b, 0x7e},
    [SMELT_DTYPE_I8] = {.name = "i8", .bits = 8, .kind = KIND_SIGNED},
    [SMELT_DTYPE_U8] = {.name = "u8", .bits = 8, .kind = KIND_UNSIGNED},
    [SMELT_DTYPE_I16] = {.name = "i16", .bits = 16, .kind = KIND_SIGNED},
    [SMELT_DTYPE_U16] = {.name = "u16", .bits = 16, .kind = KIND_UNSIGNED},
    [SMELT_DTYPE_I32] = {.name = "i32", .bits = 32, .kind = KIND_SIGNED},
    [SMELT_DTYPE_U32] = {.name = "u32", .bits = 32, .kind = KIND_UNSIGNED},
    [SMELT_DTYPE_I4] = {.name = "i4", .bits = 4, .kind = KIND_SIGNED},
    [SMELT_DTYPE_U4] = {.name = "u4", .bits = 4, .kind = KIND_UNSIGNED},
};

static bool is_known(enum smelt_dtype dtype)
{
    return (unsigned)dtype < SMELT_DTYPE_COUNT;
}

uint32_t smelt_dtype_bits(enum smelt_dtype dtype)
{
    return is_known(dtype) ? types[dtype].bits : 0;
}

const char *smelt_dtype_name(enum smelt_dtype dtype)
{
    return is_known(dtype) ? types[dtype].name : "invalid";
}

enum smelt_dtype smelt_dtype_from_name(const char *name)
{
    for (int i = 1; name && i < SMELT_DTYPE_COUNT; i++)
        if (!strcmp(types[i].name, name))
            return (enum smelt_dtype)i;
    return SMELT_DTYPE_NONE;
}

bool smelt_dtype_is_float(enum smelt_dtype dtype)
{
    return is_known(dtype) && types[dtype].kind == KIND_FLOAT;
}

uint64_t smelt_dtype_size(enum smelt_dtype dtype, uint64_t count)
{
    uint32_t bits = smelt_dtype_bits(dtype);
    if (bits < 8)
        return bits ? count / 2 + count % 2 : 0;
    return count > UINT64_MAX / (bits / 8) ? UINT64_MAX : count * (bits / 8);
}

// --- The exact form -------------------------------------------------------------------------------------

enum exact_kind {
    EXACT_FINITE,
    EXACT_INFINITY,
    EXACT_NAN,
};

// +-magnitude * 2^exponent. The magnitude stays below 2^63, which divide_to_even relies on.
struct exact {
    enum exact_kind kind;
    bool negative;
    int exponent;
    uint64_t magnitude;
};

static struct exact decode_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t mantissa = bits & ((1ull << 52) - 1);
    struct exact x = {.negative = bits >> 63};
    if (exponent == 0x7ff)
        x.kind = mantissa ? EXACT_NAN : EXACT_INFINITY;
    x.magnitude = mantissa | (exponent ? 1ull << 52 : 0);
    x.exponent = SMELT_MAX(exponent, 1) - 1075;
    return x;
}

static struct exact decode(const struct type *type, uint32_t bits)
{
    uint32_t sign = 1u << (type->bits - 1);
    struct exact x = {.negative = bits & sign, .magnitude = bits};
    if (type->kind == KIND_UNSIGNED) {
        x.negative = false;
    } else if (type->kind == KIND_SIGNED) {
        x.magnitude = x.negative ? 2 * (uint64_t)sign - bits : bits;
    } else {
        bits &= sign - 1;
        if (bits > type->largest)
            x.kind = bits == type->infinity ? EXACT_INFINITY : EXACT_NAN;
        int exponent = (int)(bits >> type->mantissa_bits);
        x.magnitude = bits & ((1u << type->mantissa_bits) - 1);
        x.magnitude |= exponent ? 1u << type->mantissa_bits : 0;
        x.exponent = SMELT_MAX(exponent, 1) - type->bias - type->mantissa_bits;
    }
    return x;
}

// magnitude / 2^shift, to nearest, ties to even; shift > 0.
static uint64_t divide_to_even(uint64_t magnitude, int shift)
{
    if (shift > 63)
        return 0; // less than half, as the magnitude is below 2^63
    uint64_t quotient = magnitude >> shift;
    uint64_t rest = magnitude << (64 - shift), half = 1ull << 63;
    return quotient + (rest > half || (rest == half && (quotient & 1)));
}

static uint32_t encode_float(const struct type *type, const struct exact *x)
{
    uint32_t sign = x->negative ? 1u << (type->bits - 1) : 0;
    if (x->kind != EXACT_FINITE)
        return sign | (x->kind == EXACT_NAN ? type->nan : type->overflow);
    if (!x->magnitude)
        return sign;
    int top = 63 - __builtin_clzll(x->magnitude) + x->exponent;
    if (top > type->bias + 1) // f8e4m3 has finite values up to this exponent, the others one less
        return sign | type->overflow;
    // The exponent of the last place kept: it stops falling where subnormals begin.
    int least = 1 - type->bias - type->mantissa_bits;
    int unit = SMELT_MAX(top - type->mantissa_bits, least);
    int shift = unit - x->exponent;
    uint64_t mantissa = shift > 0 ? divide_to_even(x->magnitude, shift) : x->magnitude << -shift;
    // The leading one of a mantissa carries 1 into the exponent field; rounding up to a power of two does
    // too.
    uint64_t bits = ((uint64_t)(unit - least) << type->mantissa_bits) + mantissa;
    return sign | (bits > type->largest ? type->overflow : (uint32_t)bits);
}

static uint32_t encode_integer(const struct type *type, const struct exact *x)
{
    uint64_t ones = (1ull << type->bits) - 1;
    uint64_t limit = type->kind == KIND_SIGNED ? (ones >> 1) + x->negative : x->negative ? 0 : ones;
    if (x->kind == EXACT_NAN)
        return 0;
    uint64_t magnitude = limit;
    if (x->kind == EXACT_FINITE && x->exponent < 0)
        magnitude = divide_to_even(x->magnitude, -x->exponent);
    else if (x->kind == EXACT_FINITE && (!x->magnitude || x->exponent < __builtin_clzll(x->magnitude)))
        magnitude = x->magnitude << (x->magnitude ? x->exponent : 0);
    magnitude = SMELT_MIN(magnitude, limit);
    return (uint32_t)((x->negative ? 0 - magnitude : magnitude) & ones);
}

static uint32_t encode(const struct type *type, const struct exact *x)
{
    return type->kind == KIND_FLOAT ? encode_float(type, x) : encode_integer(type, x);
}

uint32_t smelt_dtype_encode(enum smelt_dtype dtype, double value)
{
    struct exact x = decode_double(value);
    return encode(&types[dtype], &x);
}

// --- Single values --------------------------------------------------------------------------------------

static uint32_t from_f32(enum smelt_dtype dtype, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    struct exact x = decode(&types[SMELT_DTYPE_F32], bits);
    return encode_float(&types[dtype], &x);
}

static float to_f32(enum smelt_dtype dtype, uint32_t bits)
{
    struct exact x = decode(&types[dtype], bits);
    bits = encode_float(&types[SMELT_DTYPE_F32], &x);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

uint16_t smelt_f16_from_f32(float value)
{
    return (uint16_t)from_f32(SMELT_DTYPE_F16, value);
}

float smelt_f16_to_f32(uint16_t bits)
{
    return to_f32(SMELT_DTYPE_F16, bits);
}

uint16_t smelt_bf16_from_f32(float value)
{
    return (uint16_t)from_f32(SMELT_DTYPE_BF16, value);
}

float smelt_bf16_to_f32(uint16_t bits)
{
    return to_f32(SMELT_DTYPE_BF16, bits);
}

uint8_t smelt_f8e4m3_from_f32(float value)
{
    return (uint8_t)from_f32(SMELT_DTYPE_F8E4M3, value);
}

float smelt_f8e4m3_to_f32(uint8_t bits)
{
    return to_f32(SMELT_DTYPE_F8E4M3, bits);
}

uint8_t smelt_f8e5m2_from_f32(float value)
{
    return (uint8_t)from_f32(SMELT_DTYPE_F8E5M2, value);
}

float smelt_f8e5m2_to_f32(uint8_t bits)
{
    return to_f32(SMELT_DTYPE_F8E5M2, bits);
}

// --- Arrays ---------------------------------------------------------------------------------------------

// Bits of element `index`; memory is little-endian, as the device's.
static uint32_t load(const uint8_t *bytes, uint32_t bits, uint64_t index)
{
    if (bits == 4)
        return bytes[index / 2] >> index % 2 * 4 & 15;
    bytes += index * (bits / 8);
    uint32_t value = 0;
    for (uint32_t i = 0; i < bits / 8; i++)
        value |= (uint32_t)bytes[i] << 8 * i;
    return value;
}

// A 4-bit store to the low half clears the high one.
static void store(uint8_t *bytes, uint32_t bits, uint64_t index, uint32_t value)
{
    if (bits == 4) {
        bytes[index / 2] = (uint8_t)(index % 2 ? (bytes[index / 2] & 15) | value << 4 : value);
        return;
    }
    bytes += index * (bits / 8);
    for (uint32_t i = 0; i < bits / 8; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

// What nearly all conversions of weights are, in little time: f16 and f32 to each other, of zeros and where both are normal
// numbers. False: not such a one.
static inline bool convert_common(enum smelt_dtype destination_dtype, void *destination,
                                  enum smelt_dtype source_dtype, const void *source, uint64_t i)
{
    const uint32_t shift = (127u - 15u) << 23; // of the exponent
    uint32_t wide;
    uint16_t narrow;
    if (source_dtype == SMELT_DTYPE_F16 && destination_dtype == SMELT_DTYPE_F32) {
        memcpy(&narrow, (const char *)source + 2 * i, 2);
        uint32_t rest = narrow & 0x7fffu;
        if (rest && (rest < 0x0400u || rest >= 0x7c00u))
            return false;
        wide = (narrow & 0x8000u) << 16 | (rest ? (rest << 13) + shift : 0);
        memcpy((char *)destination + 4 * i, &wide, 4);
        return true;
    }
    if (source_dtype != SMELT_DTYPE_F32 || destination_dtype != SMELT_DTYPE_F16)
        return false;
    memcpy(&wide, (const char *)source + 4 * i, 4);
    uint32_t rest = wide & 0x7fffffffu, even = rest >> 13 & 1; // to nearest, ties to even
    if (rest && (rest < 0x38800000u || rest >= 0x477fe000u))   // 2^-14 to 65504
        return false;
    narrow = (uint16_t)((wide >> 16 & 0x8000u) | (rest ? (rest - shift + 0xfffu + even) >> 13 : 0));
    memcpy((char *)destination + 2 * i, &narrow, 2);
    return true;
}

enum smelt_result smelt_dtype_convert(enum smelt_dtype destination_dtype, void *destination,
                                      enum smelt_dtype source_dtype, const void *source, uint64_t count)
{
    uint32_t destination_bits = smelt_dtype_bits(destination_dtype);
    uint32_t source_bits = smelt_dtype_bits(source_dtype);
    if (!destination_bits || !source_bits)
        return smelt_fail(NULL, SMELT_ERROR_DTYPE, "conversion from dtype %s (%d) to %s (%d): no such type",
                          smelt_dtype_name(source_dtype), (int)source_dtype,
                          smelt_dtype_name(destination_dtype), (int)destination_dtype);
    if (!count)
        return SMELT_OK;
    if (!destination || !source)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "conversion of %llu elements: %s is NULL",
                          (unsigned long long)count, destination ? "source" : "destination");
    if (source_dtype == destination_dtype) {
        uint64_t size = smelt_dtype_size(source_dtype, count);
        memcpy(destination, source, (size_t)size);
        if (source_bits == 4 && count % 2)
            ((uint8_t *)destination)[size - 1] &= 15;
        return SMELT_OK;
    }
    const struct type *from = &types[source_dtype], *to = &types[destination_dtype];
    for (uint64_t i = 0; i < count; i++) {
        if (convert_common(destination_dtype, destination, source_dtype, source, i))
            continue;
        struct exact x = decode(from, load(source, source_bits, i));
        store(destination, destination_bits, i, encode(to, &x));
    }
    return SMELT_OK;
}
