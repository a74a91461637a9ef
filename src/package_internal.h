// SPDX-License-Identifier: MIT
// What the reader and the writer of packages share (package_write.c).
#ifndef SMELT_PACKAGE_INTERNAL_H
#define SMELT_PACKAGE_INTERNAL_H

#include "json.h"

// JSON text costs up to 40 times its size when parsed; real headers stay under 1 MiB.
#define SMELT_PACKAGE_MAX_HEADER (16u << 20)

// Bits of an element type by its name in files, and smelt's type for it (NONE: it has none). 0: a type this
// version has not heard of; its size cannot be checked.
uint32_t smelt_file_dtype_bits(const char *name, enum smelt_dtype *dtype);
// Bytes of a shape in a type of `bits`; false on overflow or a size that is no whole number of bytes.
bool smelt_shape_size(const uint64_t *shape, uint32_t rank, uint32_t bits, uint64_t *size);
// CRC-32 as zlib's.
uint32_t smelt_checksum(const void *data, uint64_t size);

#endif
