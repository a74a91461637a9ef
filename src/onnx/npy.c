// SPDX-License-Identifier: MIT
// Files of numpy's (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): versions 1 to 3, plain
// little-endian types, C order. The header is a Python dictionary; only what numpy itself writes is understood.
#include "onnx.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum smelt_element element;
} types[] = {
    {"<f4", SMELT_ELEMENT_F32}, {"<f2", SMELT_ELEMENT_F16}, {"<f8", SMELT_ELEMENT_F64},
    {"|i1", SMELT_ELEMENT_I8},  {"|u1", SMELT_ELEMENT_U8},  {"<i2", SMELT_ELEMENT_I16},
    {"<u2", SMELT_ELEMENT_U16}, {"<i4", SMELT_ELEMENT_I32}, {"<u4", SMELT_ELEMENT_U32},
    {"<i8", SMELT_ELEMENT_I64}, {"<u8", SMELT_ELEMENT_U64}, {"|b1", SMELT_ELEMENT_BOOL},
};

// What follows "'key':" and spaces in the header; NULL when the key is not there.
static const char *member(const char *header, const char *key)
{
    size_t length = strlen(key);
    for (const char *at = header; (at = strstr(at, key)); at += length) {
        if (at == header || at[-1] != '\'' || at[length] != '\'' || at[length + 1] != ':')
            continue;
        at += length + 2;
        return at + strspn(at, " ");
    }
    return NULL;
}

static enum smelt_result read_shape(const char *name, const char *at, struct smelt_onnx_tensor *t)
{
    uint64_t count = 1;
    if (!at || *at != '(')
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: no shape in the .npy header", name);
    for (at++; *at != ')';) {
        char *end;
        if (*at < '0' || *at > '9' || t->rank == SMELT_IR_MAX_RANK)
            return smelt_fail(NULL, SMELT_ERROR_FORMAT,
                              "%s: a bad shape, or a rank past %d, in the .npy header", name,
                              SMELT_IR_MAX_RANK);
        unsigned long long extent = strtoull(at, &end, 10);
        if (__builtin_mul_overflow(count, (uint64_t)extent, &count) || count > UINT64_C(1) << 56)
            return smelt_fail(NULL, SMELT_ERROR_SHAPE, "%s: the shape in the .npy header is too large", name);
        t->shape[t->rank++] = extent;
        at = end + strspn(end, " ,");
    }
    t->size = count * (smelt_element_info(t->element)->bits / 8);
    return SMELT_OK;
}

static enum smelt_result read_header(const char *name, const char *header, struct smelt_onnx_tensor *t)
{
    const char *type = member(header, "descr"), *order = member(header, "fortran_order");
    for (size_t i = 0; type && i < SMELT_COUNT_OF(types); i++)
        if (*type == '\'' && !strncmp(type + 1, types[i].name, 3) && type[4] == '\'')
            t->element = types[i].element;
    if (t->element == SMELT_ELEMENT_NONE)
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED,
                          "%s: the element type in the .npy header has no support: %.24s", name,
                          type ? type : "none");
    if (!order || strncmp(order, "False", 5) != 0)
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED, "%s: wanted C order in the .npy header", name);
    return read_shape(name, member(header, "shape"), t);
}

enum smelt_result smelt_onnx_npy_read_memory(const void *data, size_t size, const char *name,
                                             struct smelt_onnx_tensor *tensor)
{
    const unsigned char *bytes = data;
    struct smelt_onnx_tensor t = {0};
    if (size < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0 || bytes[6] < 1 || bytes[6] > 3)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: not a .npy file of version 1 to 3", name);
    size_t begin = bytes[6] == 1 ? 10 : 12, length = bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > size - begin || length > 1 << 16)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: a .npy header of %zu bytes in a file of %zu", name,
                          length, size);
    char *header = malloc(length + 1);
    if (!header)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the header", name);
    memcpy(header, bytes + begin, length);
    header[length] = 0;
    enum smelt_result result = read_header(name, header, &t);
    free(header);
    if (!result && t.size != size - begin - length)
        result = smelt_fail(NULL, SMELT_ERROR_SHAPE, "%s: its shape wants %llu bytes of data, it has %zu",
                            name, (unsigned long long)t.size, size - begin - length);
    if (result)
        return result;
    if (!(t.data = malloc((size_t)t.size + 1)))
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for a tensor", name);
    memcpy(t.data, bytes + begin + length, (size_t)t.size);
    *tensor = t;
    return SMELT_OK;
}

enum smelt_result smelt_onnx_npy_read(const char *path, struct smelt_onnx_tensor *tensor)
{
    struct smelt_mapping mapping;
    enum smelt_result result = smelt_os_map_file(NULL, path, &mapping);
    if (result)
        return result;
    result = smelt_onnx_npy_read_memory(mapping.data, mapping.size, path, tensor);
    smelt_os_unmap_file(&mapping);
    return result;
}

void smelt_onnx_tensor_free(struct smelt_onnx_tensor *tensor)
{
    free(tensor->data);
    memset(tensor, 0, sizeof(*tensor));
}

enum smelt_result smelt_onnx_npy_write(const struct smelt_onnx_tensor *tensor, const char *name,
                                       struct smelt_text *text)
{
    const char *type = NULL;
    struct smelt_text header = {0};
    for (size_t i = 0; i < SMELT_COUNT_OF(types); i++)
        if (types[i].element == tensor->element)
            type = types[i].name;
    if (!type)
        return smelt_fail(NULL, SMELT_ERROR_DTYPE, "%s: a .npy file cannot hold elements of type %s", name,
                          smelt_element_info(tensor->element)->name);
    smelt_text_add(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
    for (uint32_t i = 0; i < tensor->rank; i++)
        smelt_text_add(&header, "%llu%s", (unsigned long long)tensor->shape[i],
                       tensor->rank == 1      ? ","
                       : i + 1 < tensor->rank ? ", "
                                              : "");
    smelt_text_add(&header, "), }");
    // Spaces up to a line's end that makes the data's offset a multiple of 64.
    while ((header.size + 11) % 64 && !header.failed)
        smelt_text_add_bytes(&header, " ", 1);
    smelt_text_add_bytes(&header, "\n", 1);
    const unsigned char begin[] = {0x93,
                                   'N',
                                   'U',
                                   'M',
                                   'P',
                                   'Y',
                                   1,
                                   0,
                                   (unsigned char)(header.size & 255),
                                   (unsigned char)(header.size >> 8)};
    smelt_text_add_bytes(text, begin, sizeof(begin));
    if (!header.failed)
        smelt_text_add_bytes(text, header.data, header.size);
    smelt_text_add_bytes(text, tensor->data, (size_t)tensor->size);
    bool failed = header.failed || text->failed;
    smelt_text_free(&header);
    return failed ? smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory", name) : SMELT_OK;
}
