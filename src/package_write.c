// SPDX-License-Identifier: MIT
// The safetensors writer, and what it shares with the reader: element types, sizes, checksums.
#include "package_internal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const struct {
    const char *name;
    enum smelt_dtype dtype;
    uint32_t bits;
} file_dtypes[] = {
    {"F32", SMELT_DTYPE_F32, 32},       {"F16", SMELT_DTYPE_F16, 16},       {"BF16", SMELT_DTYPE_BF16, 16},
    {"F8_E4M3", SMELT_DTYPE_F8E4M3, 8}, {"F8_E5M2", SMELT_DTYPE_F8E5M2, 8}, {"I8", SMELT_DTYPE_I8, 8},
    {"U8", SMELT_DTYPE_U8, 8},          {"I16", SMELT_DTYPE_I16, 16},       {"U16", SMELT_DTYPE_U16, 16},
    {"I32", SMELT_DTYPE_I32, 32},       {"U32", SMELT_DTYPE_U32, 32},       {"F64", SMELT_DTYPE_NONE, 64},
    {"I64", SMELT_DTYPE_NONE, 64},      {"U64", SMELT_DTYPE_NONE, 64},      {"BOOL", SMELT_DTYPE_NONE, 8},
    {"C64", SMELT_DTYPE_NONE, 64},      {"F8_E8M0", SMELT_DTYPE_NONE, 8},   {"F4", SMELT_DTYPE_NONE, 4},
    {"F6_E2M3", SMELT_DTYPE_NONE, 6},   {"F6_E3M2", SMELT_DTYPE_NONE, 6},
};

uint32_t smelt_file_dtype_bits(const char *name, enum smelt_dtype *dtype)
{
    for (size_t i = 0; i < SMELT_COUNT_OF(file_dtypes); i++) {
        if (!strcmp(file_dtypes[i].name, name)) {
            *dtype = file_dtypes[i].dtype;
            return file_dtypes[i].bits;
        }
    }
    *dtype = SMELT_DTYPE_NONE;
    return 0;
}

bool smelt_shape_size(const uint64_t *shape, uint32_t rank, uint32_t bits, uint64_t *size)
{
    uint64_t count = 1;
    bool empty = false;
    for (uint32_t i = 0; i < rank; i++) {
        empty |= shape[i] == 0;
        if (shape[i] && count > UINT64_MAX / shape[i])
            return false;
        count *= shape[i] ? shape[i] : 1;
    }
    if (count > UINT64_MAX / bits || (!empty && count * bits % 8))
        return false;
    *size = empty ? 0 : count * bits / 8;
    return true;
}

// The name in files of a tensor's type; NULL when the format has none.
static const char *file_dtype_name(const struct smelt_package_tensor *tensor)
{
    if (tensor->dtype == SMELT_DTYPE_NONE)
        return tensor->dtype_name;
    for (size_t i = 0; i < SMELT_COUNT_OF(file_dtypes); i++)
        if (file_dtypes[i].dtype == tensor->dtype)
            return file_dtypes[i].name;
    return NULL;
}

// zlib takes 32-bit lengths.
uint32_t smelt_checksum(const void *data, uint64_t size)
{
    uLong crc = crc32(0, NULL, 0);
    for (const unsigned char *p = data; size;) {
        uInt n = (uInt)SMELT_MIN(size, 1u << 30);
        crc = crc32(crc, p, n);
        p += n;
        size -= n;
    }
    return (uint32_t)crc;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum smelt_result check_written_tensor(const char *path, const struct smelt_package_tensor *t)
{
    enum smelt_dtype dtype;
    const char *name = t->name ? t->name : "(NULL)", *type = file_dtype_name(t);
    if (!t->name || !strcmp(t->name, "__metadata__") || !smelt_utf8_valid(t->name, strlen(t->name)))
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: tensor \"%.80s\": wanted a UTF-8 name other than __metadata__", path, name);
    uint32_t bits = type ? smelt_file_dtype_bits(type, &dtype) : 0;
    if (!bits)
        return smelt_fail(
            NULL, SMELT_ERROR_INVALID_ARGUMENT,
            "%s: tensor \"%.80s\": wanted a dtype of the safetensors format (4-bit types are stored as "
            "u8), got %s",
            path, name, t->dtype == SMELT_DTYPE_NONE ? type ? type : "none" : smelt_dtype_name(t->dtype));
    uint64_t size;
    if (t->rank > SMELT_PACKAGE_MAX_RANK || !smelt_shape_size(t->shape, t->rank, bits, &size) ||
        size != t->size || (size && !t->data))
        return smelt_fail(
            NULL, SMELT_ERROR_INVALID_ARGUMENT,
            "%s: tensor \"%.80s\": wanted rank <= %d, data, and a size that its shape gives; got rank %u, "
            "%llu bytes",
            path, name, SMELT_PACKAGE_MAX_RANK, t->rank, (unsigned long long)t->size);
    return SMELT_OK;
}

// Names once each; `what` for the message.
static enum smelt_result check_unique(const char *path, const char *what, const char **names, uint32_t count)
{
    qsort(names, count, sizeof(*names), compare_strings);
    for (uint32_t i = 1; i < count; i++)
        if (!strcmp(names[i - 1], names[i]))
            return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: two %s named \"%.80s\"", path, what,
                              names[i]);
    return SMELT_OK;
}

static enum smelt_result check_written(const char *path, const struct smelt_package_tensor *tensors,
                                       uint32_t tensor_count, bool description,
                                       const struct smelt_metadata *metadata, uint32_t metadata_count)
{
    const char **names = calloc((size_t)SMELT_MAX(tensor_count, metadata_count) + 2, sizeof(*names));
    if (!names)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for %u names", path,
                          tensor_count);
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < tensor_count && !result; i++) {
        result = check_written_tensor(path, &tensors[i]);
        names[i] = tensors[i].name;
    }
    if (!result)
        result = check_unique(path, "tensors", names, tensor_count);
    for (uint32_t i = 0; i < metadata_count && !result; i++) {
        names[i] = metadata[i].key;
        if (!names[i] || !metadata[i].value || !smelt_utf8_valid(names[i], strlen(names[i])) ||
            !smelt_utf8_valid(metadata[i].value, strlen(metadata[i].value)))
            result = smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                                "%s: metadata %u: wanted a key and a value in UTF-8", path, i);
    }
    names[metadata_count] = "smelt";
    if (!result)
        result = check_unique(path, "metadata entries", names, metadata_count + description);
    free(names);
    return result;
}

// The description with "format" first and "checksums" last.
static enum smelt_result complete_description(const char *path, const char *description,
                                              const struct smelt_package_tensor *tensors,
                                              uint32_t tensor_count, struct smelt_text *text)
{
    cJSON *json = NULL;
    enum smelt_result result = smelt_json_parse(NULL, path, description, strlen(description), &json);
    if (result)
        return result;
    if (!cJSON_IsObject(json))
        result = smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: description: wanted a JSON object", path);
    else if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, "kind")))
        result = smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: description: kind: wanted a string", path);
    cJSON_DeleteItemFromObjectCaseSensitive(json, "format");
    cJSON_DeleteItemFromObjectCaseSensitive(json, "checksums");
    char *body = result ? NULL : cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (result)
        return result;
    if (!body)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the description", path);
    smelt_text_add(text, "{\"format\":%d,%.*s,\"checksums\":{", SMELT_PACKAGE_VERSION, (int)strlen(body) - 2,
                   body + 1);
    cJSON_free(body);
    for (uint32_t i = 0; i < tensor_count; i++) {
        smelt_text_add(text, "%s", i ? "," : "");
        smelt_json_add_string(text, tensors[i].name);
        smelt_text_add(text, ":\"%08x\"", smelt_checksum(tensors[i].data, tensors[i].size));
    }
    smelt_text_add(text, "}}");
    return SMELT_OK;
}

static void add_entry(struct smelt_text *text, const struct smelt_package_tensor *t, uint64_t begin)
{
    smelt_json_add_string(text, t->name);
    smelt_text_add(text, ":{\"dtype\":\"%s\",\"shape\":[", file_dtype_name(t));
    for (uint32_t d = 0; d < t->rank; d++)
        smelt_text_add(text, "%s%llu", d ? "," : "", (unsigned long long)t->shape[d]);
    smelt_text_add(text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin,
                   (unsigned long long)(begin + t->size));
}

// The header text, from "{" to "}" and spaces up to a multiple of 8, so that the data begins aligned.
static void add_header(struct smelt_text *text, const struct smelt_package_tensor *tensors,
                       uint32_t tensor_count, const struct smelt_text *description,
                       const struct smelt_metadata *metadata, uint32_t metadata_count)
{
    uint64_t begin = 0;
    const char *separator = "";
    smelt_text_add(text, "{");
    if (description->data || metadata_count) {
        smelt_text_add(text, "\"__metadata__\":{");
        if (description->data) {
            smelt_text_add(text, "\"smelt\":");
            smelt_json_add_string(text, description->data);
            separator = ",";
        }
        for (uint32_t i = 0; i < metadata_count; i++, separator = ",") {
            smelt_text_add(text, "%s", separator);
            smelt_json_add_string(text, metadata[i].key);
            smelt_text_add(text, ":");
            smelt_json_add_string(text, metadata[i].value);
        }
        smelt_text_add(text, "}");
        separator = ",";
    }
    for (uint32_t i = 0; i < tensor_count; i++, separator = ",") {
        smelt_text_add(text, "%s", separator);
        add_entry(text, &tensors[i], begin);
        begin += tensors[i].size;
    }
    smelt_text_add(text, "}");
    while (text->size % 8 && !text->failed)
        smelt_text_add(text, " ");
}

enum smelt_result smelt_package_write(const char *path, const struct smelt_package_tensor *tensors,
                                      uint32_t tensor_count, const char *description,
                                      const struct smelt_metadata *metadata, uint32_t metadata_count)
{
    if (!path || (!tensors && tensor_count) || (!metadata && metadata_count))
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_package_write: wanted a path, tensors and metadata, "
                          "got NULL");
    struct smelt_text complete = {0}, header = {0}, file = {0};
    enum smelt_result result =
        check_written(path, tensors, tensor_count, description != NULL, metadata, metadata_count);
    if (!result && description)
        result = complete_description(path, description, tensors, tensor_count, &complete);
    if (!result) {
        unsigned char length[8];
        add_header(&header, tensors, tensor_count, &complete, metadata, metadata_count);
        if (header.size > SMELT_PACKAGE_MAX_HEADER)
            result = smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                                "%s: wanted a header of at most %u bytes, got %zu", path,
                                SMELT_PACKAGE_MAX_HEADER, header.size);
        for (int i = 0; i < 8; i++)
            length[i] = (unsigned char)((uint64_t)header.size >> 8 * i);
        smelt_text_add_bytes(&file, length, 8);
        smelt_text_add_bytes(&file, header.data, header.size);
        for (uint32_t i = 0; i < tensor_count; i++)
            if (tensors[i].size)
                smelt_text_add_bytes(&file, tensors[i].data, tensors[i].size);
        if (!result && (complete.failed || header.failed || file.failed))
            result = smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the file", path);
        if (!result)
            result = smelt_os_write_file(NULL, path, file.data, file.size);
    }
    smelt_text_free(&complete);
    smelt_text_free(&header);
    smelt_text_free(&file);
    return result;
}
