// SPDX-License-Identifier: MIT
// The safetensors reader and writer (https://github.com/huggingface/safetensors, "Format"): the file is
// hostile until every size, offset and name of its header has been checked.
#include "package_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct package_tensor {
    struct smelt_package_tensor tensor;
    uint64_t begin, end;
    uint32_t header_order;
};

struct smelt_package_t {
    struct smelt_mapping mapping; // size 0 and data NULL when from memory
    const void *bytes;            // the whole file, wherever it is
    size_t size;
    void *owned; // what smelt_package_copy allocated
    char *name, *kind;
    cJSON *header, *description; // description NULL: a plain safetensors file
    const cJSON *metadata;       // in `header`, or NULL
    struct package_tensor *tensors;
    const struct package_tensor **by_name;
    uint32_t tensor_count;
};

static enum smelt_result bad_tensor(smelt_package package, const char *tensor, const char *format, ...)
    SMELT_PRINTF(3, 4);
static enum smelt_result bad_tensor(smelt_package package, const char *tensor, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: tensor \"%.80s\": %s", package->name, tensor, text);
}

static enum smelt_result read_shape(smelt_package package, const cJSON *entry,
                                    struct smelt_package_tensor *tensor)
{
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape");
    if (!cJSON_IsArray(shape))
        return bad_tensor(package, entry->string, "wanted an array \"shape\"");
    tensor->rank = 0;
    for (const cJSON *extent = shape->child; extent; extent = extent->next) {
        if (tensor->rank == SMELT_PACKAGE_MAX_RANK)
            return bad_tensor(package, entry->string, "wanted a rank of at most %d, got %d",
                              SMELT_PACKAGE_MAX_RANK, cJSON_GetArraySize(shape));
        if (!smelt_json_to_u64(extent, &tensor->shape[tensor->rank]))
            return bad_tensor(package, entry->string, "shape[%u]: wanted a whole number up to 2^53",
                              tensor->rank);
        tensor->rank++;
    }
    return SMELT_OK;
}

static enum smelt_result read_tensor(smelt_package package, const cJSON *entry, uint64_t data_size,
                                     struct package_tensor *out)
{
    struct smelt_package_tensor *tensor = &out->tensor;
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(entry, "dtype");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    if (!cJSON_IsString(dtype))
        return bad_tensor(package, entry->string, "wanted a string \"dtype\"");
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !smelt_json_to_u64(offsets->child, &out->begin) ||
        !smelt_json_to_u64(offsets->child->next, &out->end))
        return bad_tensor(package, entry->string, "wanted \"data_offsets\" of two whole numbers");
    if (out->begin > out->end || out->end > data_size)
        return bad_tensor(
            package, entry->string,
            "data_offsets [%llu, %llu]: wanted begin <= end <= %llu bytes of data (is the file cut "
            "short?)",
            (unsigned long long)out->begin, (unsigned long long)out->end, (unsigned long long)data_size);
    enum smelt_result result = read_shape(package, entry, tensor);
    if (result)
        return result;
    tensor->name = entry->string;
    tensor->dtype_name = dtype->valuestring;
    tensor->size = out->end - out->begin;
    uint32_t bits = smelt_file_dtype_bits(tensor->dtype_name, &tensor->dtype);
    uint64_t wanted;
    if (!smelt_shape_size(tensor->shape, tensor->rank, bits ? bits : 1, &wanted) && bits)
        return bad_tensor(package, entry->string,
                          "shape: the product of its extents times the element size "
                          "overflows or is no whole number of bytes");
    if (bits && wanted != tensor->size)
        return bad_tensor(package, entry->string,
                          "its dtype %s and shape want %llu bytes, its data_offsets give %llu",
                          tensor->dtype_name, (unsigned long long)wanted, (unsigned long long)tensor->size);
    return SMELT_OK;
}

static int compare_offsets(const void *a, const void *b)
{
    const struct package_tensor *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x->header_order < y->header_order ? -1 : x->header_order > y->header_order;
}

static int compare_names(const void *a, const void *b)
{
    const struct package_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->tensor.name, (*y)->tensor.name);
}

// The data is covered exactly: from 0 to its end, no byte twice, none left out.
static enum smelt_result check_cover(smelt_package package, uint64_t data_size)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < package->tensor_count; i++) {
        const struct package_tensor *t = &package->tensors[i];
        if (t->begin < at)
            return bad_tensor(
                package, t->tensor.name, "overlaps \"%.80s\": wanted it to begin at %llu, got %llu",
                package->tensors[i - 1].tensor.name, (unsigned long long)at, (unsigned long long)t->begin);
        if (t->begin > at)
            return bad_tensor(package, t->tensor.name,
                              "a hole before it: wanted it to begin at %llu, got %llu",
                              (unsigned long long)at, (unsigned long long)t->begin);
        at = t->end;
    }
    if (at != data_size)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT,
                          "%s: wanted the tensors to fill %llu bytes of data, they fill %llu", package->name,
                          (unsigned long long)data_size, (unsigned long long)at);
    return SMELT_OK;
}

static enum smelt_result check_metadata(smelt_package package)
{
    if (!cJSON_IsObject(package->metadata))
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: __metadata__: wanted an object", package->name);
    for (const cJSON *m = package->metadata->child; m; m = m->next)
        if (!cJSON_IsString(m))
            return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: __metadata__ \"%.80s\": wanted a string",
                              package->name, m->string);
    return SMELT_OK;
}

static enum smelt_result read_description(smelt_package package)
{
    const char *text = smelt_package_metadata(package, "smelt"), *kind = "";
    if (text) {
        enum smelt_result result =
            smelt_json_parse(NULL, package->name, text, strlen(text), &package->description);
        if (result)
            return result;
        struct smelt_json root = smelt_json_root(NULL, package->name, package->description);
        uint32_t format;
        if (!cJSON_IsObject(package->description))
            return smelt_json_fail(&root, "an object");
        if ((result = smelt_json_u32(&root, "format", 1, UINT32_MAX, &format)))
            return result;
        if (format > SMELT_PACKAGE_VERSION)
            return smelt_fail(NULL, SMELT_ERROR_VERSION,
                              "%s: wanted a package of format version up to %d, got %u", package->name,
                              SMELT_PACKAGE_VERSION, format);
        if ((result = smelt_json_string(&root, "kind", NULL, &kind)))
            return result;
    }
    package->kind = smelt_copy_string(kind);
    return package->kind ? SMELT_OK
                         : smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for a package");
}

static enum smelt_result read_header(smelt_package package, const unsigned char *data, size_t size)
{
    if (size < 8)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT,
                          "%s: not a safetensors file: wanted at least 8 bytes, got %zu", package->name,
                          size);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | data[i];
    if (length < 2 || length > SMELT_PACKAGE_MAX_HEADER || length > size - 8)
        return smelt_fail(
            NULL, SMELT_ERROR_FORMAT,
            "%s: not a safetensors file: wanted a header of 2 to %u bytes inside the file's %zu, got "
            "%llu",
            package->name, SMELT_PACKAGE_MAX_HEADER, size, (unsigned long long)length);
    if (data[8] != '{')
        return smelt_fail(NULL, SMELT_ERROR_FORMAT,
                          "%s: not a safetensors file: wanted a header that begins with '{', got byte 0x%02x",
                          package->name, data[8]);
    enum smelt_result result =
        smelt_json_parse(NULL, package->name, (const char *)data + 8, (size_t)length, &package->header);
    if (result)
        return result;
    uint32_t entries = (uint32_t)cJSON_GetArraySize(package->header);
    package->tensors = calloc(entries + 1, sizeof(*package->tensors));
    package->by_name = calloc(entries + 1, sizeof(*package->by_name));
    if (!package->tensors || !package->by_name)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for %u tensors", package->name,
                          entries);
    uint64_t data_size = size - 8 - length;
    for (const cJSON *entry = package->header->child; entry; entry = entry->next) {
        if (!strcmp(entry->string, "__metadata__")) {
            package->metadata = entry;
            continue;
        }
        struct package_tensor *t = &package->tensors[package->tensor_count];
        t->header_order = package->tensor_count++;
        if ((result = read_tensor(package, entry, data_size, t)))
            return result;
    }
    qsort(package->tensors, package->tensor_count, sizeof(*package->tensors), compare_offsets);
    for (uint32_t i = 0; i < package->tensor_count; i++) {
        package->tensors[i].tensor.data = data + 8 + length + package->tensors[i].begin;
        package->by_name[i] = &package->tensors[i];
    }
    qsort(package->by_name, package->tensor_count, sizeof(*package->by_name), compare_names);
    if (!(result = check_cover(package, data_size)) && package->metadata)
        result = check_metadata(package);
    return result ? result : read_description(package);
}

static enum smelt_result open_bytes(const void *data, size_t size, const char *name,
                                    struct smelt_mapping mapping, smelt_package *package)
{
    smelt_package p = calloc(1, sizeof(*p));
    if (p)
        p->name = smelt_copy_string(name);
    if (!p || !p->name) {
        free(p);
        smelt_os_unmap_file(&mapping);
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for a package", name);
    }
    p->mapping = mapping;
    p->bytes = data;
    p->size = size;
    enum smelt_result result = read_header(p, data, size);
    if (result)
        smelt_package_close(&p);
    else
        *package = p;
    return result;
}

enum smelt_result smelt_package_open(const char *path, smelt_package *package)
{
    struct smelt_mapping mapping = {0};
    if (!path || !package)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_package_open: wanted a path and a place for the "
                          "package, got NULL");
    enum smelt_result result = smelt_os_map_file(NULL, path, &mapping);
    return result ? result : open_bytes(mapping.data, mapping.size, path, mapping, package);
}

enum smelt_result smelt_package_open_memory(const void *data, size_t size, const char *name,
                                            smelt_package *package)
{
    if ((!data && size) || !package)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_package_open_memory: wanted data and a place for "
                          "the package, got NULL");
    return open_bytes(data, size, name ? name : "memory", (struct smelt_mapping){0}, package);
}

void smelt_package_close(smelt_package *package)
{
    if (!package || !*package)
        return;
    smelt_package p = *package;
    cJSON_Delete(p->header);
    cJSON_Delete(p->description);
    free(p->tensors);
    free(p->by_name);
    free(p->kind);
    free(p->name);
    free(p->owned);
    smelt_os_unmap_file(&p->mapping);
    free(p);
    *package = NULL;
}

enum smelt_result smelt_package_copy(smelt_package package, smelt_package *copy)
{
    void *bytes = malloc(package->size);
    if (!bytes)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for a copy of %zu bytes",
                          package->name, package->size);
    memcpy(bytes, package->bytes, package->size);
    enum smelt_result result = smelt_package_open_memory(bytes, package->size, package->name, copy);
    if (result)
        free(bytes);
    else
        (*copy)->owned = bytes;
    return result;
}

const char *smelt_package_name(smelt_package package)
{
    return package->name;
}

uint32_t smelt_package_tensor_count(smelt_package package)
{
    return package->tensor_count;
}

const struct smelt_package_tensor *smelt_package_tensor(smelt_package package, uint32_t index)
{
    return index < package->tensor_count ? &package->tensors[index].tensor : NULL;
}

const struct smelt_package_tensor *smelt_package_find(smelt_package package, const char *name)
{
    struct package_tensor key = {.tensor.name = name};
    const struct package_tensor *k = &key, **found;
    if (!name || !package->tensor_count)
        return NULL;
    found = bsearch(&k, package->by_name, package->tensor_count, sizeof(*package->by_name), compare_names);
    return found ? &(*found)->tensor : NULL;
}

const char *smelt_package_metadata(smelt_package package, const char *key)
{
    const cJSON *value =
        package->metadata && key ? cJSON_GetObjectItemCaseSensitive(package->metadata, key) : NULL;
    return value ? value->valuestring : NULL;
}

bool smelt_package_metadata_at(smelt_package package, uint32_t index, const char **key, const char **value)
{
    const cJSON *item =
        package->metadata ? cJSON_GetArrayItem(package->metadata, (int)SMELT_MIN(index, 1u << 30)) : NULL;
    if (!item)
        return false;
    *key = item->string;
    *value = item->valuestring;
    return true;
}

const char *smelt_package_kind(smelt_package package)
{
    return package->kind;
}

const cJSON *smelt_package_description(smelt_package package)
{
    return package->description;
}

enum smelt_result smelt_package_tensor_of(smelt_package package, const struct smelt_json *at,
                                          const struct smelt_package_tensor **tensor)
{
    *tensor = cJSON_IsString(at->value) ? smelt_package_find(package, at->value->valuestring) : NULL;
    return *tensor ? SMELT_OK : smelt_json_fail(at, "the name of a tensor in the package");
}

enum smelt_result smelt_package_check_shape(const struct smelt_json *at,
                                            const struct smelt_package_tensor *tensor, uint32_t rank,
                                            const uint64_t *shape)
{
    if (tensor->rank == rank && !memcmp(tensor->shape, shape, rank * sizeof(*shape)))
        return SMELT_OK;
    char text[2][128] = {"", ""};
    for (int k = 0; k < 2; k++) {
        const uint64_t *extents = k ? tensor->shape : shape;
        for (uint32_t i = 0, used = 0; i < (k ? SMELT_MIN(tensor->rank, 5u) : rank);
             i++, used = (uint32_t)strlen(text[k]))
            snprintf(text[k] + used, sizeof(text[k]) - used, "[%llu]", (unsigned long long)extents[i]);
    }
    return smelt_fail(at->context, SMELT_ERROR_SHAPE,
                      "%s: description: %s: tensor \"%.60s\": wanted shape %s, got %s (rank %u)", at->file,
                      at->path, tensor->name, text[0], text[1], tensor->rank);
}

enum smelt_result smelt_package_verify(smelt_package package)
{
    if (!package)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "smelt_package_verify: package is NULL");
    const cJSON *sums = cJSON_GetObjectItemCaseSensitive(package->description, "checksums");
    if (!sums)
        return SMELT_OK;
    struct smelt_json root = smelt_json_root(NULL, package->name, package->description), at;
    enum smelt_result result = smelt_json_object(&root, "checksums", &at);
    for (const cJSON *sum = result ? NULL : sums->child; sum; sum = sum->next)
        if (!smelt_package_find(package, sum->string))
            return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: a checksum of \"%.80s\", but no such tensor",
                              package->name, sum->string);
    // The sums are in the order of the tensors in what the writer makes; a walk along both stays linear.
    const cJSON *next = sums->child;
    for (uint32_t i = 0; i < package->tensor_count && !result; i++) {
        const struct smelt_package_tensor *t = &package->tensors[i].tensor;
        const cJSON *sum =
            next && !strcmp(next->string, t->name) ? next : cJSON_GetObjectItemCaseSensitive(sums, t->name);
        char got[9];
        next = sum ? sum->next : NULL;
        snprintf(got, sizeof(got), "%08x", smelt_checksum(t->data, t->size));
        if (!cJSON_IsString(sum))
            result = bad_tensor(package, t->name, "wanted a checksum string in the description");
        else if (strcmp(sum->valuestring, got))
            result = bad_tensor(package, t->name, "its data is damaged: wanted CRC-32 %.16s, got %s",
                                sum->valuestring, got);
    }
    return result;
}
