// SPDX-License-Identifier: MIT
// dtype.h: every pattern of the small types, every midpoint between neighbours, every pair of types, against
// a reference in double.
#include "test.h"
#include "dtype_reference.h"
#include "internal.h"

static const enum smelt_dtype small_floats[] = {SMELT_DTYPE_F16, SMELT_DTYPE_BF16, SMELT_DTYPE_F8E4M3,
                                                SMELT_DTYPE_F8E5M2};

static uint32_t from_f32(enum smelt_dtype dtype, float value)
{
    switch (dtype) {
    case SMELT_DTYPE_F16:
        return smelt_f16_from_f32(value);
    case SMELT_DTYPE_BF16:
        return smelt_bf16_from_f32(value);
    case SMELT_DTYPE_F8E4M3:
        return smelt_f8e4m3_from_f32(value);
    default:
        return smelt_f8e5m2_from_f32(value);
    }
}

static float to_f32(enum smelt_dtype dtype, uint32_t pattern)
{
    switch (dtype) {
    case SMELT_DTYPE_F16:
        return smelt_f16_to_f32((uint16_t)pattern);
    case SMELT_DTYPE_BF16:
        return smelt_bf16_to_f32((uint16_t)pattern);
    case SMELT_DTYPE_F8E4M3:
        return smelt_f8e4m3_to_f32((uint8_t)pattern);
    default:
        return smelt_f8e5m2_to_f32((uint8_t)pattern);
    }
}

static void test_properties(void)
{
    static const struct {
        enum smelt_dtype dtype;
        const char *name;
        uint32_t bits;
        bool is_float;
    } wanted[] = {
        {SMELT_DTYPE_F32, "f32", 32, true},
        {SMELT_DTYPE_F16, "f16", 16, true},
        {SMELT_DTYPE_BF16, "bf16", 16, true},
        {SMELT_DTYPE_F8E4M3, "f8e4m3", 8, true},
        {SMELT_DTYPE_F8E5M2, "f8e5m2", 8, true},
        {SMELT_DTYPE_I8, "i8", 8, false},
        {SMELT_DTYPE_U8, "u8", 8, false},
        {SMELT_DTYPE_I16, "i16", 16, false},
        {SMELT_DTYPE_U16, "u16", 16, false},
        {SMELT_DTYPE_I32, "i32", 32, false},
        {SMELT_DTYPE_U32, "u32", 32, false},
        {SMELT_DTYPE_I4, "i4", 4, false},
        {SMELT_DTYPE_U4, "u4", 4, false},
        {SMELT_DTYPE_NONE, "none", 0, false},
        {(enum smelt_dtype)14, "invalid", 0, false},
        {(enum smelt_dtype) - 1, "invalid", 0, false},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(wanted); i++) {
        CHECK(smelt_dtype_bits(wanted[i].dtype) == wanted[i].bits);
        CHECK(!strcmp(smelt_dtype_name(wanted[i].dtype), wanted[i].name));
        CHECK(smelt_dtype_is_float(wanted[i].dtype) == wanted[i].is_float);
        CHECK(smelt_dtype_from_name(wanted[i].name) == (wanted[i].bits ? wanted[i].dtype : SMELT_DTYPE_NONE));
    }
    CHECK(smelt_dtype_from_name("F32") == SMELT_DTYPE_NONE);
    CHECK(smelt_dtype_from_name("") == SMELT_DTYPE_NONE);
    CHECK(smelt_dtype_from_name(NULL) == SMELT_DTYPE_NONE);
}

static void test_size(void)
{
    CHECK(smelt_dtype_size(SMELT_DTYPE_F32, 3) == 12);
    CHECK(smelt_dtype_size(SMELT_DTYPE_BF16, 3) == 6);
    CHECK(smelt_dtype_size(SMELT_DTYPE_U8, UINT64_MAX) == UINT64_MAX);
    CHECK(smelt_dtype_size(SMELT_DTYPE_I4, 0) == 0);
    CHECK(smelt_dtype_size(SMELT_DTYPE_I4, 1) == 1);
    CHECK(smelt_dtype_size(SMELT_DTYPE_U4, 5) == 3);
    CHECK(smelt_dtype_size(SMELT_DTYPE_U4, UINT64_MAX) == 1ull << 63);
    CHECK(smelt_dtype_size(SMELT_DTYPE_F32, UINT64_MAX / 4) == UINT64_MAX - 3);
    CHECK(smelt_dtype_size(SMELT_DTYPE_F32, UINT64_MAX / 4 + 1) == UINT64_MAX);
    CHECK(smelt_dtype_size(SMELT_DTYPE_F16, 1ull << 63) == UINT64_MAX);
    CHECK(smelt_dtype_size(SMELT_DTYPE_NONE, 5) == 0);
}

// Every pattern gives its value and comes back; a NaN comes back as the quiet NaN of its sign.
static void test_round_trip(void)
{
    for (size_t t = 0; t < SMELT_COUNT_OF(small_floats); t++) {
        enum smelt_dtype dtype = small_floats[t];
        struct reference_float f = reference_float(dtype);
        uint32_t bits = smelt_dtype_bits(dtype), sign = 1u << (bits - 1);
        for (uint32_t pattern = 0; pattern < 2 * sign; pattern++) {
            float value = to_f32(dtype, pattern);
            double wanted = reference_value(dtype, pattern);
            CHECK(isnan(wanted) ? isnan(value) : (double)value == wanted);
            CHECK(!signbit(value) == !(pattern & sign));
            uint32_t back = pattern;
            if (isnan(wanted))
                back = (pattern & sign) | f.nan;
            else if (isinf(wanted))
                back = (pattern & sign) | f.overflow;
            CHECK(from_f32(dtype, value) == back);
        }
    }
}

static float next(float value, float to)
{
    return nextafterf(value, to);
}

// Between each pair of neighbours: the midpoint (a tie) and the floats on its two sides, both signs.
static void test_midpoints(void)
{
    for (size_t t = 0; t < SMELT_COUNT_OF(small_floats); t++) {
        enum smelt_dtype dtype = small_floats[t];
        struct reference_float f = reference_float(dtype);
        uint32_t sign = 1u << (smelt_dtype_bits(dtype) - 1);
        for (uint32_t pattern = 0; pattern < f.largest; pattern++) {
            double low = reference_value(dtype, pattern), high = reference_value(dtype, pattern + 1);
            float middle = (float)((low + high) / 2);
            CHECK((double)middle == (low + high) / 2); // so that the tie itself is tested
            uint32_t even = pattern % 2 ? pattern + 1 : pattern;
            CHECK(from_f32(dtype, middle) == even);
            CHECK(from_f32(dtype, -middle) == (even | sign));
            CHECK(from_f32(dtype, next(middle, 0)) == pattern);
            CHECK(from_f32(dtype, next(middle, INFINITY)) == pattern + 1);
            CHECK(from_f32(dtype, next((float)low, INFINITY)) == pattern);
            CHECK(from_f32(dtype, -next((float)high, 0)) == ((pattern + 1) | sign));
        }
    }
}

static void test_overflow(void)
{
    CHECK(smelt_f16_from_f32(65504) == 0x7bff);
    CHECK(smelt_f16_from_f32(next(65520, 0)) == 0x7bff);
    CHECK(smelt_f16_from_f32(65520) == 0x7c00);
    CHECK(smelt_f16_from_f32(-3e38f) == 0xfc00);
    CHECK(smelt_f16_from_f32(INFINITY) == 0x7c00);
    CHECK(smelt_bf16_from_f32(3.3961775e38f) == 0x7f80); // 2^128 - 2^119: a tie, to even
    CHECK(smelt_bf16_from_f32(next(3.3961775e38f, 0)) == 0x7f7f);
    CHECK(smelt_bf16_from_f32(-INFINITY) == 0xff80);
    CHECK(smelt_f8e4m3_from_f32(448) == 0x7e);
    CHECK(smelt_f8e4m3_from_f32(465) == 0x7e);
    CHECK(smelt_f8e4m3_from_f32(-1e30f) == 0xfe);
    CHECK(smelt_f8e4m3_from_f32(-INFINITY) == 0xfe);
    CHECK(smelt_f8e5m2_from_f32(57344) == 0x7b);
    CHECK(smelt_f8e5m2_from_f32(61440) == 0x7b);
    CHECK(smelt_f8e5m2_from_f32(INFINITY) == 0x7b);
    CHECK(isinf(smelt_f8e5m2_to_f32(0x7c)));
    CHECK(smelt_f8e4m3_to_f32(0x7e) == 448);
}

static void test_nan(void)
{
    static const uint32_t patterns[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xff812345, 0x7fffffff};
    for (size_t i = 0; i < SMELT_COUNT_OF(patterns); i++) {
        uint32_t sign16 = patterns[i] >> 31 << 15, sign8 = patterns[i] >> 31 << 7;
        // Through the array form: passing a signalling NaN as a float may quiet it.
        uint16_t half;
        uint8_t byte;
        int32_t integer = 7;
        CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F16, &half, SMELT_DTYPE_F32, &patterns[i], 1));
        CHECK(half == (sign16 | 0x7e00));
        CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_BF16, &half, SMELT_DTYPE_F32, &patterns[i], 1));
        CHECK(half == (sign16 | 0x7fc0));
        CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F8E4M3, &byte, SMELT_DTYPE_F32, &patterns[i], 1));
        CHECK(byte == (sign8 | 0x7f));
        CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F8E5M2, &byte, SMELT_DTYPE_F32, &patterns[i], 1));
        CHECK(byte == (sign8 | 0x7e));
        CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_I32, &integer, SMELT_DTYPE_F32, &patterns[i], 1));
        CHECK(integer == 0);
    }
}

// --- Every pair of types ----------------------------------------------------------------------------------

static void test_every_pair(void)
{
    static uint32_t source_words[TEST_MOST_PATTERNS], destination_words[TEST_MOST_PATTERNS];
    uint8_t *source = (uint8_t *)source_words, *destination = (uint8_t *)destination_words;
    test_random_state = 20240607;
    for (int s = 1; s < SMELT_DTYPE_COUNT; s++) {
        size_t count = test_patterns((enum smelt_dtype)s, source);
        CHECK(count <= TEST_MOST_PATTERNS);
        for (int d = 1; d < SMELT_DTYPE_COUNT; d++) {
            CHECK_OK(
                smelt_dtype_convert((enum smelt_dtype)d, destination, (enum smelt_dtype)s, source, count));
            for (size_t i = 0; i < count; i++) {
                uint32_t pattern = test_get((enum smelt_dtype)s, source, i);
                uint32_t got = test_get((enum smelt_dtype)d, destination, i);
                uint32_t wanted = pattern;
                if (d != s)
                    wanted =
                        reference_pattern((enum smelt_dtype)d, reference_value((enum smelt_dtype)s, pattern));
                if (got != wanted) {
                    printf("    %s -> %s: %#x gave %#x, wanted %#x\n", smelt_dtype_name((enum smelt_dtype)s),
                           smelt_dtype_name((enum smelt_dtype)d), pattern, got, wanted);
                    CHECK(got == wanted);
                }
            }
        }
    }
}

// A double has more bits than any type: double -> f32 -> f16 would round twice.
static void test_encode_double(void)
{
    test_random_state = 7;
    for (int d = 1; d < SMELT_DTYPE_COUNT; d++) {
        enum smelt_dtype dtype = (enum smelt_dtype)d;
        uint32_t mask = smelt_dtype_bits(dtype) == 32 ? UINT32_MAX : (1u << smelt_dtype_bits(dtype)) - 1;
        for (int i = 0; i < 20000; i++) {
            // Just beside the midpoint of two neighbours, nearer than an f32 can tell.
            uint32_t pattern = test_random() & mask;
            double low = reference_value(dtype, pattern), high = reference_value(dtype, (pattern + 1) & mask);
            double values[] = {(low + high) / 2, nextafter((low + high) / 2, INFINITY), nextafter(low, 0),
                               low};
            for (size_t k = 0; k < SMELT_COUNT_OF(values); k++)
                CHECK(smelt_dtype_encode(dtype, values[k]) == reference_pattern(dtype, values[k]));
        }
        static const double extremes[] = {1e300, -1e300, 1e-300, -5e-324, INFINITY, -INFINITY, NAN, 0, -0.0};
        for (size_t k = 0; k < SMELT_COUNT_OF(extremes); k++)
            CHECK(smelt_dtype_encode(dtype, extremes[k]) == reference_pattern(dtype, extremes[k]));
    }
}

// --- The array form ---------------------------------------------------------------------------------------

static void test_nibbles(void)
{
    const int8_t values[] = {-9, -8, -1, 0, 1, 7, 8};
    uint8_t packed[] = {0xee, 0xee, 0xee, 0xee, 0xee};
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_I4, packed, SMELT_DTYPE_I8, values, 7));
    CHECK(!memcmp(packed, "\x88\x0f\x71\x07\xee", 5)); // element 2i low; the unused half is 0; nothing beyond
    memset(packed, 0xee, sizeof(packed));
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_U4, packed, SMELT_DTYPE_I8, values, 7));
    CHECK(!memcmp(packed, "\x00\x00\x71\x08\xee", 5));
    const uint8_t odd[] = {0x21, 0xf3};
    memset(packed, 0xee, sizeof(packed));
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_U4, packed, SMELT_DTYPE_U4, odd, 3));
    CHECK(!memcmp(packed, "\x21\x03\xee", 3));
    memset(packed, 0xee, sizeof(packed));
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_U8, packed, SMELT_DTYPE_U4, odd, 3));
    CHECK(!memcmp(packed, "\x01\x02\x03\xee", 4));
}

static void test_any_alignment(void)
{
    const float values[] = {1.5f, -2, 0.25f};
    uint8_t source[16], destination[9];
    memset(source, 0xcc, sizeof(source));
    memset(destination, 0xcc, sizeof(destination));
    memcpy(source + 3, values, sizeof(values));
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_BF16, destination + 1, SMELT_DTYPE_F32, source + 3, 3));
    CHECK(!memcmp(destination, "\xcc\xc0\x3f\x00\xc0\x80\x3e\xcc\xcc", 9));
}

static void test_convert_errors(void)
{
    float value = 1;
    CHECK_FAILS(smelt_dtype_convert(SMELT_DTYPE_NONE, &value, SMELT_DTYPE_F32, &value, 1), SMELT_ERROR_DTYPE,
                "f32 (1) to none (0)");
    CHECK_FAILS(smelt_dtype_convert(SMELT_DTYPE_F32, &value, (enum smelt_dtype)99, &value, 1),
                SMELT_ERROR_DTYPE, "invalid (99)");
    CHECK_FAILS(smelt_dtype_convert(SMELT_DTYPE_F16, NULL, SMELT_DTYPE_F32, &value, 2),
                SMELT_ERROR_INVALID_ARGUMENT, "2 elements: destination is NULL");
    CHECK_FAILS(smelt_dtype_convert(SMELT_DTYPE_F16, &value, SMELT_DTYPE_F32, NULL, 2),
                SMELT_ERROR_INVALID_ARGUMENT, "source is NULL");
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F16, NULL, SMELT_DTYPE_F32, NULL, 0));
}

static const struct test tests[] = {
    {"names, bits and classes of all types", test_properties},
    {"sizes round up to bytes and overflow to UINT64_MAX", test_size},
    {"all patterns of f16, bf16 and fp8 round trip", test_round_trip},
    {"ties go to even and neighbours of ties to their side", test_midpoints},
    {"overflow gives infinity or the largest finite value", test_overflow},
    {"NaN stays NaN with its sign, and 0 as an integer", test_nan},
    {"every pair of types rounds once", test_every_pair},
    {"a double rounds once into every type", test_encode_double},
    {"4-bit elements pack low half first", test_nibbles},
    {"arrays of any alignment convert", test_any_alignment},
    {"conversion errors", test_convert_errors},
};

TEST_MAIN(tests)
