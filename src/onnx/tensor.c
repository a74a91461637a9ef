// SPDX-License-Identifier: MIT
// TensorProto messages: types, shapes, and data in any of the places where the format keeps it.
#include "import.h"

#include <stdlib.h>
#include <string.h>

enum smelt_element smelt_onnx_element(int64_t code)
{
    // By TensorProto.DataType; complex numbers, strings, the FNUZ floats and sub-byte floats have no counterpart.
    static const enum smelt_element elements[] = {
        [1] = SMELT_ELEMENT_F32,   [2] = SMELT_ELEMENT_U8,      [3] = SMELT_ELEMENT_I8,
        [4] = SMELT_ELEMENT_U16,   [5] = SMELT_ELEMENT_I16,     [6] = SMELT_ELEMENT_I32,
        [7] = SMELT_ELEMENT_I64,   [9] = SMELT_ELEMENT_BOOL,    [10] = SMELT_ELEMENT_F16,
        [11] = SMELT_ELEMENT_F64,  [12] = SMELT_ELEMENT_U32,    [13] = SMELT_ELEMENT_U64,
        [16] = SMELT_ELEMENT_BF16, [17] = SMELT_ELEMENT_F8E4M3, [19] = SMELT_ELEMENT_F8E5M2,
        [21] = SMELT_ELEMENT_U4,   [22] = SMELT_ELEMENT_I4,
    };
    return code > 0 && code < (int64_t)SMELT_COUNT_OF(elements) ? elements[code] : SMELT_ELEMENT_NONE;
}

bool smelt_onnx_is_external(const Onnx__TensorProto *tensor)
{
    return tensor->has_data_location && tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

enum smelt_result smelt_onnx_describe(const char *file, const char *what, const Onnx__TensorProto *tensor,
                                      struct smelt_onnx_contents *contents)
{
    memset(contents, 0, sizeof(*contents));
    contents->element = smelt_onnx_element(tensor->data_type);
    if (contents->element == SMELT_ELEMENT_NONE)
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED,
                          "%s: tensor \"%.80s\": element type %d of ONNX has no support", file, what,
                          (int)tensor->data_type);
    if (tensor->segment)
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED, "%s: tensor \"%.80s\" is stored in segments", file,
                          what);
    if (tensor->n_dims > SMELT_IR_MAX_RANK)
        return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                          "%s: tensor \"%.80s\": wanted a rank of at most %d, got %zu", file, what,
                          SMELT_IR_MAX_RANK, tensor->n_dims);
    uint64_t count = 1, bits = smelt_element_info(contents->element)->bits;
    contents->rank = (uint32_t)tensor->n_dims;
    for (uint32_t i = 0; i < contents->rank; i++) {
        contents->shape[i] = (uint64_t)tensor->dims[i];
        if (tensor->dims[i] < 0 || __builtin_mul_overflow(count, contents->shape[i], &count) ||
            count > UINT64_C(1) << 56)
            return smelt_fail(
                NULL, SMELT_ERROR_SHAPE,
                "%s: tensor \"%.80s\": extent %lld on axis %u is negative, or the shape too large", file,
                what, (long long)tensor->dims[i], i);
    }
    contents->size = (count * bits + 7) / 8;
    return SMELT_OK;
}

// The numbers of the typed field that the format has for the element type, and how many.
struct typed {
    const void *data;
    size_t count, stride;
};

static struct typed typed_field(const Onnx__TensorProto *t, enum smelt_element element)
{
    switch (element) {
    case SMELT_ELEMENT_F32:
        return (struct typed){t->float_data, t->n_float_data, 4};
    case SMELT_ELEMENT_F64:
        return (struct typed){t->double_data, t->n_double_data, 8};
    case SMELT_ELEMENT_I64:
        return (struct typed){t->int64_data, t->n_int64_data, 8};
    case SMELT_ELEMENT_U32:
    case SMELT_ELEMENT_U64:
        return (struct typed){t->uint64_data, t->n_uint64_data, 8};
    default:
        return (struct typed){t->int32_data, t->n_int32_data, 4};
    }
}

// Each number of the field holds one element in its low bits; of 4-bit types, one byte of two.
static enum smelt_result narrow(const char *file, const char *what, const struct typed *field,
                                struct smelt_onnx_contents *contents)
{
    size_t bytes = SMELT_MAX(smelt_element_info(contents->element)->bits / 8, 1u);
    uint64_t wanted = contents->size / bytes;
    if (field->count != wanted)
        return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                          "%s: tensor \"%.80s\": its shape wants %llu numbers of data, it has %zu", file,
                          what, (unsigned long long)wanted, field->count);
    if (bytes == field->stride) {
        contents->data = field->data;
        return SMELT_OK;
    }
    unsigned char *data = malloc((size_t)contents->size + 1);
    if (!data)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for tensor \"%.80s\"", file,
                          what);
    for (size_t i = 0; i < field->count; i++)
        memcpy(data + i * bytes, (const unsigned char *)field->data + i * field->stride,
               bytes); // little-endian
    contents->data = contents->owned = data;
    return SMELT_OK;
}

enum smelt_result smelt_onnx_contents(const char *file, const char *what, const Onnx__TensorProto *tensor,
                                      struct smelt_onnx_contents *contents)
{
    enum smelt_result result = smelt_onnx_describe(file, what, tensor, contents);
    if (result)
        return result;
    if (smelt_onnx_is_external(tensor))
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED,
                          "%s: tensor \"%.80s\" keeps its data in another file", file, what);
    if (!tensor->has_raw_data) {
        struct typed field = typed_field(tensor, contents->element);
        return narrow(file, what, &field, contents);
    }
    if (tensor->raw_data.len != contents->size)
        return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                          "%s: tensor \"%.80s\": its shape wants %llu bytes of data, it has %zu", file, what,
                          (unsigned long long)contents->size, tensor->raw_data.len);
    contents->data = tensor->raw_data.data;
    return SMELT_OK;
}

enum smelt_result smelt_onnx_tensor_read_memory(const void *data, size_t size, const char *name,
                                                struct smelt_onnx_tensor *tensor)
{
    struct smelt_onnx_unpacked *unpacked = NULL;
    struct smelt_onnx_contents contents = {0};
    enum smelt_result result =
        smelt_onnx_unpack(name, &onnx__tensor_proto__descriptor, data, size, &unpacked);
    if (result)
        return result;
    const Onnx__TensorProto *proto = (const Onnx__TensorProto *)unpacked->message;
    result = smelt_onnx_contents(name, proto->name ? proto->name : "", proto, &contents);
    if (!result) {
        *tensor = (struct smelt_onnx_tensor){
            .element = contents.element, .rank = contents.rank, .size = contents.size};
        memcpy(tensor->shape, contents.shape, sizeof(tensor->shape));
        tensor->data = contents.owned ? contents.owned : malloc((size_t)contents.size + 1);
        if (!tensor->data)
            result = smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for a tensor", name);
        else if (!contents.owned && contents.size)
            memcpy(tensor->data, contents.data, (size_t)contents.size);
    }
    smelt_onnx_unpacked_free(unpacked);
    return result;
}

enum smelt_result smelt_onnx_tensor_read(const char *path, struct smelt_onnx_tensor *tensor)
{
    struct smelt_mapping mapping;
    size_t length = strlen(path);
    if (length > 4 && !strcmp(path + length - 4, ".npy"))
        return smelt_onnx_npy_read(path, tensor);
    enum smelt_result result = smelt_os_map_file(NULL, path, &mapping);
    if (result)
        return result;
    result = smelt_onnx_tensor_read_memory(mapping.data, mapping.size, path, tensor);
    smelt_os_unmap_file(&mapping);
    return result;
}
