// SPDX-License-Identifier: MIT
// Packages: safetensors files whose metadata key "smelt" describes what the tensors are (docs/packages.md).
//
// The reader maps the file and treats it as hostile: sizes, offsets, shape products, overlaps, holes and
// duplicate names are checked before anything is used. Thread-safety: an open package is read-only and may be
// shared.
#ifndef SMELT_PACKAGE_H
#define SMELT_PACKAGE_H

#include "dtype.h"

SMELT_BEGIN

#define SMELT_PACKAGE_VERSION 1
#define SMELT_PACKAGE_MAX_RANK 16

typedef struct smelt_package_t *smelt_package;

struct smelt_package_tensor {
    const char *name;
    // NONE for types of the format that smelt has no element type for (F64, I64, BOOL...)
    enum smelt_dtype dtype;
    const char *dtype_name; // as in the file: "F16"
    uint32_t rank;
    uint64_t shape[SMELT_PACKAGE_MAX_RANK]; // an extent may be 0
    const void *data;                       // in the mapping; aligned to the element as far as the file is
    uint64_t size;
};

// Opens any safetensors file. Errors: NOT_FOUND, IO, FORMAT (says which tensor or offset, wanted and got),
// VERSION (metadata "smelt" of a newer format version; names both).
SMELT_API enum smelt_result smelt_package_open(const char *path, smelt_package *package);
// From memory, which is borrowed until the package is closed. `name` is for messages. Errors: FORMAT, VERSION.
SMELT_API enum smelt_result smelt_package_open_memory(const void *data, size_t size, const char *name,
                                                      smelt_package *package);
SMELT_API void smelt_package_close(smelt_package *package);

SMELT_API const char *smelt_package_name(smelt_package package); // the path or name it was opened with
SMELT_API uint32_t smelt_package_tensor_count(smelt_package package);
// In file order. NULL when out of range.
SMELT_API const struct smelt_package_tensor *smelt_package_tensor(smelt_package package, uint32_t index);
// NULL when there is no such tensor.
SMELT_API const struct smelt_package_tensor *smelt_package_find(smelt_package package, const char *name);
// A metadata string; NULL when the key is absent. "smelt" is the description, JSON.
SMELT_API const char *smelt_package_metadata(smelt_package package, const char *key);
// Metadata by index, for listings; false past the end.
SMELT_API bool smelt_package_metadata_at(smelt_package package, uint32_t index, const char **key,
                                         const char **value);
// What the description says it is ("material", "shader"), or "" for a plain safetensors file.
SMELT_API const char *smelt_package_kind(smelt_package package);

// Recomputes every tensor's checksum (CRC-32 as zlib's) against the description's. OK also when the file has
// none. Errors: FORMAT naming the first tensor that differs.
SMELT_API enum smelt_result smelt_package_verify(smelt_package package);

struct smelt_metadata {
    const char *key, *value;
};

// Writes a package, contiguous and in the order given, to a temporary name beside `path`, then renames it.
// `description` is a JSON object without checksums and version, which are added; NULL: a plain safetensors
// file. Errors: INVALID_ARGUMENT, IO, FORMAT (description is no JSON object).
SMELT_API enum smelt_result smelt_package_write(const char *path, const struct smelt_package_tensor *tensors,
                                                uint32_t tensor_count, const char *description,
                                                const struct smelt_metadata *metadata,
                                                uint32_t metadata_count);

SMELT_END

#endif
