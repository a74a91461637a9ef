// SPDX-License-Identifier: MIT
// Weights from a package of kind "weights": reads the description, whose every member, reference, shape and type is checked,
// and hands the layers to weights.c.
#include "json.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LAYERS (1u << 16)
#define ONLY(at, ...)                                                                                        \
    smelt_json_only(at, (const char *const[]){__VA_ARGS__},                                                  \
                    SMELT_COUNT_OF(((const char *const[]){__VA_ARGS__})))

enum { MATRICES, BIASES, SCALES, ZEROS, ARRAY_COUNT };

struct reader {
    smelt_context context;
    smelt_package package;
    struct smelt_weights_layer *layers;
    uint32_t layer_count;
    const void **data[ARRAY_COUNT];
};

static enum smelt_result wrong_dtype(const struct smelt_json *at, const struct smelt_package_tensor *tensor,
                                     const char *wanted)
{
    return smelt_fail(at->context, SMELT_ERROR_DTYPE,
                      "%s: description: %s: tensor \"%.60s\": wanted %s, got %.16s", at->file, at->path,
                      tensor->name, wanted, tensor->dtype_name);
}

// The tensor that the member names.
static enum smelt_result find(const struct reader *reader, const struct smelt_json *layer, const char *key,
                              struct smelt_json *at, const struct smelt_package_tensor **tensor)
{
    *at = smelt_json_member(layer, key);
    return smelt_package_tensor_of(reader->package, at, tensor);
}

// Elements of a type of smelt as a file has them: rows of 4 bit types as bytes.
static enum smelt_result check_elements(const struct smelt_json *at,
                                        const struct smelt_package_tensor *tensor, enum smelt_dtype dtype,
                                        uint64_t rows, uint64_t columns)
{
    bool nibbles = smelt_dtype_bits(dtype) == 4;
    uint64_t shape[] = {rows, nibbles ? (columns + 1) / 2 : columns};
    if (tensor->dtype != (nibbles ? SMELT_DTYPE_U8 : dtype))
        return wrong_dtype(at, tensor, nibbles ? "U8, two elements to a byte" : smelt_dtype_name(dtype));
    return smelt_package_check_shape(at, tensor, 2, shape);
}

static enum smelt_result read_matrix(struct reader *reader, const struct smelt_json *json, uint32_t index)
{
    static const char *const words[] = {"i4", "u4"};
    static const enum smelt_dtype dtypes[] = {SMELT_DTYPE_I4, SMELT_DTYPE_U4};
    struct smelt_weights_layer *layer = &reader->layers[index];
    const struct smelt_package_tensor *tensor = NULL;
    struct smelt_json at;
    uint32_t word;
    enum smelt_result result = find(reader, json, "weight", &at, &tensor);
    if (result)
        return result;
    if (tensor->rank != 2 || !tensor->shape[0] || !tensor->shape[1] || tensor->shape[0] > UINT32_MAX ||
        tensor->shape[1] > UINT32_MAX)
        return smelt_fail(
            at.context, SMELT_ERROR_SHAPE,
            "%s: description: %s: tensor \"%.60s\": wanted rank 2 with extents of 1 to 2^32 - 1", at.file,
            at.path, tensor->name);
    layer->rows = (uint32_t)tensor->shape[0];
    layer->columns = (uint32_t)tensor->shape[1];
    layer->dtype = tensor->dtype;
    if (!smelt_json_has(json, "dtype") && !smelt_json_has(json, "columns")) {
        if (tensor->dtype == SMELT_DTYPE_NONE)
            return wrong_dtype(&at, tensor, "a type that smelt computes with");
    } else {
        if ((result = smelt_json_word(json, "dtype", words, 2, &word)) ||
            (result = smelt_json_u32(json, "columns", 1, UINT32_MAX, &layer->columns)))
            return result;
        layer->dtype = dtypes[word];
        if ((result = check_elements(&at, tensor, layer->dtype, layer->rows, layer->columns)))
            return result;
    }
    reader->data[MATRICES][index] = tensor->data;
    return SMELT_OK;
}

// Scales, and zero points or offsets of their shape.
static enum smelt_result read_scale(struct reader *reader, const struct smelt_json *json, uint32_t index)
{
    struct smelt_weights_layer *layer = &reader->layers[index];
    const struct smelt_package_tensor *tensor = NULL;
    struct smelt_json at;
    bool zero = smelt_json_has(json, "zero_point"), offset = smelt_json_has(json, "offset");
    if (!smelt_json_has(json, "scale")) {
        const char *without[] = {"block", "zero_point", "offset"};
        for (int i = 0; i < 3; i++)
            if (smelt_json_has(json, without[i])) {
                at = smelt_json_member(json, without[i]);
                return smelt_json_fail(&at, "a member \"scale\" beside it");
            }
        return SMELT_OK;
    }
    enum smelt_result result = smelt_json_u32(json, "block", 1, 1u << 30, &layer->block);
    if (result || (result = find(reader, json, "scale", &at, &tensor)))
        return result;
    enum smelt_dtype dtype = tensor->dtype;
    layer->scale = dtype == SMELT_DTYPE_F32   ? SMELT_SCALE_F32
                   : dtype == SMELT_DTYPE_F16 ? SMELT_SCALE_F16
                                              : SMELT_SCALE_UE8M0;
    if (layer->scale == SMELT_SCALE_UE8M0 && dtype != SMELT_DTYPE_U8 &&
        strcmp(tensor->dtype_name, "F8_E8M0") != 0)
        return wrong_dtype(&at, tensor, "F32, F16, F8_E8M0 or U8");
    uint64_t shape[] = {layer->rows, ((uint64_t)layer->columns + layer->block - 1) / layer->block};
    if ((result = smelt_package_check_shape(&at, tensor, 2, shape)))
        return result;
    reader->data[SCALES][index] = tensor->data;
    if (!zero && !offset)
        return SMELT_OK;
    if (zero && offset) {
        at = smelt_json_member(json, "offset");
        return smelt_json_fail(&at, "no \"zero_point\" beside it");
    }
    layer->zero = zero ? SMELT_ZERO_POINT : SMELT_ZERO_OFFSET;
    if ((result = find(reader, json, zero ? "zero_point" : "offset", &at, &tensor)))
        return result;
    reader->data[ZEROS][index] = tensor->data;
    return check_elements(&at, tensor, zero ? layer->dtype : dtype, shape[0], shape[1]);
}

static enum smelt_result read_layer(struct reader *reader, const struct smelt_json *json, uint32_t index)
{
    struct smelt_weights_layer *layer = &reader->layers[index];
    const struct smelt_package_tensor *tensor = NULL;
    struct smelt_json at;
    if (!cJSON_IsObject(json->value))
        return smelt_json_fail(json, "an object");
    enum smelt_result result =
        ONLY(json, "weight", "dtype", "columns", "scale", "block", "zero_point", "offset", "bias");
    if (result || (result = read_matrix(reader, json, index)) || (result = read_scale(reader, json, index)))
        return result;
    if (!smelt_json_has(json, "bias"))
        return SMELT_OK;
    if ((result = find(reader, json, "bias", &at, &tensor)))
        return result;
    if (tensor->dtype == SMELT_DTYPE_NONE)
        return wrong_dtype(&at, tensor, "a type that smelt computes with");
    layer->bias = true;
    layer->bias_dtype = tensor->dtype;
    reader->data[BIASES][index] = tensor->data;
    return smelt_package_check_shape(&at, tensor, 1, (const uint64_t[]){layer->rows});
}

static enum smelt_result read_layers(struct reader *reader)
{
    const char *file = smelt_package_name(reader->package), *kind = smelt_package_kind(reader->package);
    if (strcmp(kind, "weights") != 0)
        return smelt_fail(reader->context, SMELT_ERROR_FORMAT,
                          "%s: wanted a package of kind \"weights\", got %s%.60s%s", file,
                          kind[0] ? "\"" : "a file without a description", kind, kind[0] ? "\"" : "");
    struct smelt_json root =
                          smelt_json_root(reader->context, file, smelt_package_description(reader->package)),
                      array;
    enum smelt_result result = ONLY(&root, "format", "kind", "layers", "mlp", "checksums");
    if (result || (result = smelt_json_array(&root, "layers", 1, MAX_LAYERS, &array, &reader->layer_count)))
        return result;
    reader->layers = calloc(reader->layer_count, sizeof(*reader->layers));
    bool memory = reader->layers != NULL;
    for (int i = 0; i < ARRAY_COUNT; i++) {
        reader->data[i] = calloc(reader->layer_count, sizeof(*reader->data[i]));
        memory = memory && reader->data[i];
    }
    if (!memory)
        return smelt_fail(reader->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for %u layers",
                          file, reader->layer_count);
    for (uint32_t i = 0; i < reader->layer_count && !result; i++) {
        struct smelt_json layer = smelt_json_element(&array, i);
        result = read_layer(reader, &layer, i);
    }
    return result;
}

enum smelt_result smelt_weights_create_from_package(smelt_context context,
                                                    const struct smelt_weights_params *params,
                                                    smelt_package package, smelt_weights *weights)
{
    if (!params || !package || !weights || params->dtype)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "smelt_weights_create_from_package: %s",
                          !params    ? "params is NULL"
                          : !package ? "package is NULL"
                          : !weights ? "weights is NULL"
                                     : "params.dtype is set, wanted NONE: the package says it");
    struct reader reader = {.context = context, .package = package};
    smelt_weights made = NULL;
    enum smelt_result result = smelt_package_verify(package);
    if (!result)
        result = read_layers(&reader);
    if (!result) {
        struct smelt_weights_params own = *params;
        own.layers = reader.layers;
        own.layer_count = reader.layer_count;
        result = smelt_weights_create(context, &own, &made);
    }
    if (!result) {
        const struct smelt_weights_data data = {.matrices = reader.data[MATRICES],
                                                .biases = reader.data[BIASES],
                                                .scales = reader.data[SCALES],
                                                .zeros = reader.data[ZEROS]};
        result = smelt_weights_update_and_wait(made, &data);
    }
    for (int i = 0; i < ARRAY_COUNT; i++)
        free(reader.data[i]);
    free(reader.layers);
    if (result)
        smelt_weights_destroy(&made);
    else
        *weights = made;
    return result;
}
