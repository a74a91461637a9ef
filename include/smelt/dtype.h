// SPDX-License-Identifier: MIT
// Element types and their conversions on the host, exactly rounded.
//
// Rounding is to nearest, ties to even, from the exact value; subnormals are kept in both directions. A NaN
// stays a NaN (quiet, sign kept, payload not). Overflow: f16 and bf16 give infinity; f8e4m3 has no infinity
// and f8e5m2 is treated like it: both saturate to the largest finite value (OCP 8-bit floating point
// specification 1.0, section 5, saturating mode), infinities included. Integers saturate and a NaN gives 0.
// Between equal types the bits are copied.
#ifndef SMELT_DTYPE_H
#define SMELT_DTYPE_H

#include "common.h"

SMELT_BEGIN

enum smelt_dtype {
    SMELT_DTYPE_NONE = 0,
    SMELT_DTYPE_F32 = 1,
    SMELT_DTYPE_F16 = 2,
    SMELT_DTYPE_BF16 = 3,
    SMELT_DTYPE_F8E4M3 = 4, // OCP E4M3: no infinities, largest 448
    SMELT_DTYPE_F8E5M2 = 5, // OCP E5M2: largest 57344
    SMELT_DTYPE_I8 = 6,
    SMELT_DTYPE_U8 = 7,
    SMELT_DTYPE_I16 = 8,
    SMELT_DTYPE_U16 = 9,
    SMELT_DTYPE_I32 = 10,
    SMELT_DTYPE_U32 = 11,
    SMELT_DTYPE_I4 = 12, // two's complement, two to a byte, element 2i in the low half of byte i
    SMELT_DTYPE_U4 = 13,
    SMELT_DTYPE_COUNT = 14,
};

// Bits of one element: 32, 16, 8 or 4; 0 for NONE and unknown values.
SMELT_API uint32_t smelt_dtype_bits(enum smelt_dtype dtype);

// The short lower-case name used in files, GLSL type names and messages: "f32", "f8e4m3", "i4". "none" for
// NONE, "invalid" for unknown values. Static storage.
SMELT_API const char *smelt_dtype_name(enum smelt_dtype dtype);

// The inverse of smelt_dtype_name; SMELT_DTYPE_NONE when there is no such name.
SMELT_API enum smelt_dtype smelt_dtype_from_name(const char *name);

// True for f32, f16, bf16, f8e4m3, f8e5m2.
SMELT_API bool smelt_dtype_is_float(enum smelt_dtype dtype);

// Bytes of `count` packed elements, rounded up to a whole byte; UINT64_MAX when it would overflow.
SMELT_API uint64_t smelt_dtype_size(enum smelt_dtype dtype, uint64_t count);

// Single values. `smelt_X_from_f32` returns the bits of X in the low bits.
SMELT_API uint16_t smelt_f16_from_f32(float value);
SMELT_API float smelt_f16_to_f32(uint16_t bits);
SMELT_API uint16_t smelt_bf16_from_f32(float value);
SMELT_API float smelt_bf16_to_f32(uint16_t bits);
SMELT_API uint8_t smelt_f8e4m3_from_f32(float value);
SMELT_API float smelt_f8e4m3_to_f32(uint8_t bits);
SMELT_API uint8_t smelt_f8e5m2_from_f32(float value);
SMELT_API float smelt_f8e5m2_to_f32(uint8_t bits);

// Converts `count` packed elements. Every pair of types is allowed; source and destination must not overlap.
// The conversion is a single rounding from the exact source value, saturating as described above.
//   source       smelt_dtype_size(source_dtype, count) bytes, any alignment
//   destination  smelt_dtype_size(destination_dtype, count) bytes, any alignment; when a 4-bit count is odd
//                the unused half of the last byte becomes 0
// Errors: SMELT_ERROR_DTYPE for NONE or unknown types, SMELT_ERROR_INVALID_ARGUMENT for NULL with a count.
// Thread-safe.
SMELT_API enum smelt_result smelt_dtype_convert(enum smelt_dtype destination_dtype, void *destination,
                                                enum smelt_dtype source_dtype, const void *source,
                                                uint64_t count);

SMELT_END

#endif
