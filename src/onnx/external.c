// SPDX-License-Identifier: MIT
// External data: tensors whose bytes are in another file beside the model, and nowhere else.
#include "import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct smelt_onnx_external {
    const char *location;
    struct smelt_mapping *mapping; // owned by the network
};

static void unmap(void *object)
{
    smelt_os_unmap_file(object);
    free(object);
}

static const char *entry(const Onnx__TensorProto *tensor, const char *key)
{
    for (size_t i = 0; i < tensor->n_external_data; i++)
        if (tensor->external_data[i]->key && !strcmp(tensor->external_data[i]->key, key))
            return tensor->external_data[i]->value;
    return NULL;
}

static bool read_number(const char *text, uint64_t fallback, uint64_t *number)
{
    char *end;
    *number = fallback;
    if (!text)
        return true;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

// Notes the file in the network.
static enum smelt_result tell_beside(const struct smelt_onnx_importer *importer, const char *location)
{
    struct smelt_ir *ir = importer->ir;
    size_t size = strlen(importer->directory) + strlen(location) + 2;
    const char **longer = smelt_ir_allocate(ir, (ir->beside_count + 1) * sizeof(*longer));
    char *path = smelt_ir_allocate(ir, size);
    if (!longer || !path)
        return smelt_ir_no_memory(ir);
    snprintf(path, size, "%s/%s", importer->directory, location);
    if (ir->beside_count)
        memcpy(longer, ir->beside, ir->beside_count * sizeof(*longer));
    longer[ir->beside_count++] = path;
    ir->beside = longer;
    return SMELT_OK;
}

// Each file is mapped once.
static enum smelt_result map(struct smelt_onnx_importer *importer, const char *location,
                             const struct smelt_mapping **mapping)
{
    struct smelt_ir *ir = importer->ir;
    for (uint32_t i = 0; i < importer->external_count; i++)
        if (!strcmp(importer->external[i].location, location)) {
            *mapping = importer->external[i].mapping;
            return SMELT_OK;
        }
    struct smelt_onnx_external *larger =
        realloc(importer->external, (importer->external_count + 1) * sizeof(*importer->external));
    if (larger)
        importer->external = larger;
    struct smelt_mapping *made = calloc(1, sizeof(*made));
    if (!larger || !made) {
        free(made);
        return smelt_ir_no_memory(ir);
    }
    enum smelt_result result = smelt_os_map_file_beneath(NULL, importer->directory, location, made);
    if (result)
        free(made);
    else if (!(result = smelt_ir_own(ir, unmap, made)))
        result = tell_beside(importer, location);
    if (result)
        return result;
    larger[importer->external_count++] = (struct smelt_onnx_external){location, made};
    *mapping = made;
    return SMELT_OK;
}

enum smelt_result smelt_onnx_external(struct smelt_onnx_importer *importer, const char *what,
                                      const Onnx__TensorProto *tensor, struct smelt_onnx_contents *contents)
{
    const char *file = importer->ir->file, *location = entry(tensor, "location");
    const struct smelt_mapping *mapping = NULL;
    uint64_t offset, length;
    enum smelt_result result = smelt_onnx_describe(file, what, tensor, contents);
    if (result)
        return result;
    if (!importer->directory || !location || !*location)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: tensor \"%.80s\": external data %s", file, what,
                          location ? "in a model that is no file" : "without a location");
    const char *begin = entry(tensor, "offset"), *size = entry(tensor, "length");
    if (!read_number(begin, 0, &offset) || !read_number(size, contents->size, &length))
        return smelt_fail(NULL, SMELT_ERROR_FORMAT,
                          "%s: tensor \"%.80s\": external data of offset \"%.40s\" and length \"%.40s\", "
                          "wanted whole numbers",
                          file, what, begin ? begin : "", size ? size : "");
    if (length != contents->size)
        return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                          "%s: tensor \"%.80s\": its shape wants %llu bytes, its external data has %llu",
                          file, what, (unsigned long long)contents->size, (unsigned long long)length);
    if ((result = map(importer, location, &mapping)))
        return result;
    if (offset > mapping->size || length > mapping->size - offset)
        return smelt_fail(
            NULL, SMELT_ERROR_FORMAT,
            "%s: tensor \"%.80s\": its external data [%llu, +%llu) is not inside the %zu bytes of "
            "\"%.80s\"",
            file, what, (unsigned long long)offset, (unsigned long long)length, mapping->size, location);
    contents->data = length ? (const char *)mapping->data + offset : NULL;
    return SMELT_OK;
}
