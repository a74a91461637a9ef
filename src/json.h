// SPDX-License-Identifier: MIT
// JSON from files that are not trusted: a checked parse, and typed member access whose errors name the member
// by its path, what was wanted and what was got.
#ifndef SMELT_JSON_H
#define SMELT_JSON_H

#include "internal.h"

#include <cjson/cJSON.h>

// Nesting beyond this is refused; the formats of smelt need 6.
#define SMELT_JSON_MAX_DEPTH 32

// Parses one value that fills `text` (white space around it allowed). Refuses control characters, bad UTF-8,
// deep nesting and duplicate keys anywhere. `file` is for messages. Errors: FORMAT, OUT_OF_HOST_MEMORY. Free
// with cJSON_Delete.
enum smelt_result smelt_json_parse(smelt_context context, const char *file, const char *text, size_t size,
                                   cJSON **json);

// A value and where it stands, for messages.
struct smelt_json {
    smelt_context context;
    const char *file; // borrowed
    const cJSON *value;
    char path[160]; // "network.layers[1].activation"; "" for the root
};
struct smelt_json smelt_json_root(smelt_context context, const char *file, const cJSON *value);

// "FILE: PATH: wanted WANTED, got <the value, shortened>". Returns FORMAT.
enum smelt_result smelt_json_fail(const struct smelt_json *at, const char *wanted, ...) SMELT_PRINTF(2, 3);

// Members of an object. All fail with FORMAT when the member is absent or of another type or range. Those
// with a `fallback` take it when the member is absent.
bool smelt_json_has(const struct smelt_json *object, const char *key);
// The member itself, for messages; its value is NULL when it is absent.
struct smelt_json smelt_json_member(const struct smelt_json *object, const char *key);
enum smelt_result smelt_json_object(const struct smelt_json *object, const char *key,
                                    struct smelt_json *member);
enum smelt_result smelt_json_array(const struct smelt_json *object, const char *key, uint32_t least,
                                   uint32_t most, struct smelt_json *member, uint32_t *count);
struct smelt_json smelt_json_element(const struct smelt_json *array, uint32_t index);
enum smelt_result smelt_json_string(const struct smelt_json *object, const char *key, const char *fallback,
                                    const char **value);
enum smelt_result smelt_json_u32(const struct smelt_json *object, const char *key, uint32_t least,
                                 uint32_t most, uint32_t *value);
enum smelt_result smelt_json_number(const struct smelt_json *object, const char *key, double least,
                                    double most, double *value);
// One of `count` words; `value` receives its index.
enum smelt_result smelt_json_word(const struct smelt_json *object, const char *key, const char *const *words,
                                  uint32_t count, uint32_t *value);
// The object has no members but these: what an older reader does not know may change the meaning of the rest.
enum smelt_result smelt_json_only(const struct smelt_json *object, const char *const *keys, uint32_t count);

// True for a whole number in [0, 2^53].
bool smelt_json_to_u64(const cJSON *value, uint64_t *number);
// Adds `string` quoted and escaped.
void smelt_json_add_string(struct smelt_text *text, const char *string);
bool smelt_utf8_valid(const char *text, size_t size);

// The parsed description of a package (package.c); NULL when it has none. Valid as long as the package.
const cJSON *smelt_package_description(smelt_package package);
// The tensor that a member names. Error: FORMAT.
enum smelt_result smelt_package_tensor_of(smelt_package package, const struct smelt_json *at,
                                          const struct smelt_package_tensor **tensor);
// Error: SHAPE, which says both shapes and the member.
enum smelt_result smelt_package_check_shape(const struct smelt_json *at,
                                            const struct smelt_package_tensor *tensor, uint32_t rank,
                                            const uint64_t *shape);
// An independent package with the same contents: the file's bytes are copied.
enum smelt_result smelt_package_copy(smelt_package package, smelt_package *copy);

#endif
