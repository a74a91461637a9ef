// SPDX-License-Identifier: MIT
// Packages into networks (docs/networks.md). The description is hostile until every name, type and number is checked.
#include "network_internal.h"
#include "shader_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ITEMS = 1 << 20 };

// Element `index` of an array, without a walk from its start.
static struct smelt_json element_at(const struct smelt_json *array, const cJSON *value, uint32_t index)
{
    struct smelt_json at = *array;
    snprintf(at.path, sizeof(at.path), "%.140s[%u]", array->path, index);
    at.value = value;
    return at;
}

static enum smelt_result read_element(const struct smelt_json *object, const char *key,
                                      enum smelt_element *element)
{
    const char *name;
    enum smelt_result result = smelt_json_string(object, key, NULL, &name);
    if (!result && !(*element = smelt_element_from_name(name)))
        result = smelt_json_fail(object, "the name of an element type as \"%s\"", key);
    return result;
}

// A value by the string `at`; "" gives NULL.
static enum smelt_result read_value(struct smelt_ir *ir, const struct smelt_json *at,
                                    struct smelt_ir_value **value)
{
    *value = NULL;
    if (!cJSON_IsString(at->value))
        return smelt_json_fail(at, "a string");
    return *at->value->valuestring ? smelt_ir_value(ir, at->value->valuestring, value) : SMELT_OK;
}

// Member "name" of an object, a value that must not be "".
static enum smelt_result read_named(struct smelt_ir *ir, const struct smelt_json *object,
                                    struct smelt_ir_value **value)
{
    const char *name;
    enum smelt_result result = smelt_json_string(object, "name", NULL, &name);
    if (!result && !*name)
        result = smelt_json_fail(object, "a name that is not empty");
    return result ? result : smelt_ir_value(ir, name, value);
}

static enum smelt_result read_input(struct smelt_ir *ir, const struct smelt_json *object)
{
    static const char *const keys[] = {"name", "dtype", "shape"};
    struct smelt_ir_value *v;
    struct smelt_json shape;
    uint32_t rank, i = 0;
    enum smelt_result result = smelt_json_only(object, keys, SMELT_COUNT_OF(keys));
    if (!result)
        result = read_named(ir, object, &v);
    if (!result)
        result = smelt_ir_add_input(ir, v);
    if (!result)
        result = read_element(object, "dtype", &v->element);
    if (!result)
        result = smelt_json_array(object, "shape", 0, SMELT_IR_MAX_RANK, &shape, &rank);
    if (result)
        return result;
    for (const cJSON *item = shape.value->child; item; item = item->next, i++) {
        struct smelt_json at = element_at(&shape, item, i);
        uint64_t extent;
        if (cJSON_IsString(item) && *item->valuestring && strlen(item->valuestring) < 64)
            v->shape[i] = smelt_dim_symbol(ir, item->valuestring);
        else if (smelt_json_to_u64(item, &extent))
            v->shape[i] = smelt_dim_constant((int64_t)extent);
        else
            return smelt_json_fail(&at, "an extent, or the name of a free one of at most 63 bytes");
    }
    v->rank = rank;
    v->ranked = true;
    return ir->dims_failed ? smelt_ir_no_memory(ir) : SMELT_OK;
}

// 4-bit types: the shape is in the description, the tensor holds bytes.
static enum smelt_result read_packed_shape(const struct smelt_json *object, uint64_t *shape, uint32_t *rank)
{
    struct smelt_json list;
    uint32_t i = 0;
    enum smelt_result result = smelt_json_array(object, "shape", 0, SMELT_IR_MAX_RANK, &list, rank);
    for (const cJSON *item = result ? NULL : list.value->child; item; item = item->next, i++) {
        struct smelt_json at = element_at(&list, item, i);
        if (!smelt_json_to_u64(item, &shape[i]))
            return smelt_json_fail(&at, "an extent");
    }
    return result;
}

static enum smelt_result read_constant(struct smelt_ir *ir, smelt_package package,
                                       const struct smelt_json *object)
{
    static const char *const keys[] = {"name", "dtype", "shape"};
    struct smelt_ir_value *v;
    enum smelt_element element;
    uint64_t shape[SMELT_IR_MAX_RANK], packed[SMELT_IR_MAX_RANK];
    uint32_t rank;
    enum smelt_result result = smelt_json_only(object, keys, SMELT_COUNT_OF(keys));
    if (!result)
        result = read_named(ir, object, &v);
    if (!result)
        result = read_element(object, "dtype", &element);
    if (result)
        return result;
    bool four = smelt_element_info(element)->bits == 4;
    const struct smelt_package_tensor *t = smelt_package_find(package, v->name);
    if (!t)
        return smelt_json_fail(object, "a tensor of this name");
    if (t->rank > SMELT_IR_MAX_RANK)
        return smelt_json_fail(object, "a tensor of rank up to %d", SMELT_IR_MAX_RANK);
    rank = t->rank;
    memcpy(shape, t->shape, rank * sizeof(*shape));
    if (four ? (result = read_packed_shape(object, packed, &rank)) : smelt_json_has(object, "shape"))
        return result ? result : smelt_json_fail(object, "no \"shape\" but for a 4-bit type");
    enum smelt_element stored = element;
    if (element == SMELT_ELEMENT_F32 && !strcmp(t->dtype_name, "F16"))
        stored = SMELT_ELEMENT_F16;
    if (strcmp(t->dtype_name, smelt_element_info(stored)->file_name) != 0 || (four && t->rank != 1))
        return smelt_json_fail(object, "a tensor of %s%s", smelt_element_info(element)->file_name,
                               element == SMELT_ELEMENT_F32 ? " or F16" : "");
    result = smelt_ir_set_constant(ir, v, stored, rank, four ? packed : shape, t->data, t->size);
    v->element = element;
    return result;
}

static enum smelt_result read_numbers(const struct smelt_json *at, enum smelt_attribute_kind kind,
                                      struct smelt_ir_attribute *a)
{
    const struct smelt_json where = *at;
    int count = cJSON_IsArray(at->value) ? cJSON_GetArraySize(at->value) : -1;
    if (count < 0 || count > 1 << 16)
        return smelt_json_fail(at, "an array of numbers");
    void *list = calloc((size_t)count + 1, sizeof(int64_t));
    if (!list)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for %d numbers", at->file,
                          count);
    a->integers = kind == SMELT_ATTRIBUTE_INTEGERS ? list : NULL;
    a->numbers = kind == SMELT_ATTRIBUTE_NUMBERS ? list : NULL;
    for (const cJSON *item = at->value->child; item; item = item->next) {
        double number = cJSON_IsNumber(item) ? item->valuedouble : NAN;
        if (!(fabs(number) <= (a->integers ? 0x1p53 : 0x1p1000)) ||
            (a->integers && number != floor(number))) {
            free(list);
            struct smelt_json element = element_at(&where, item, a->count);
            a->integers = NULL;
            a->numbers = NULL;
            return smelt_json_fail(&element,
                                   kind == SMELT_ATTRIBUTE_INTEGERS ? "a whole number" : "a number");
        }
        if (a->integers)
            ((int64_t *)list)[a->count++] = (int64_t)number;
        else
            ((double *)list)[a->count++] = number;
    }
    return SMELT_OK;
}

static enum smelt_result read_attribute(struct smelt_ir *ir, struct smelt_ir_node *node,
                                        const struct smelt_json *at)
{
    struct smelt_ir_attribute a = {.word = ""};
    const struct smelt_attribute_schema *schema = node->op->attributes;
    const char *name = at->value->string;
    while (schema && schema->name && strcmp(schema->name, name) != 0)
        schema++;
    if (!schema || !schema->name)
        return smelt_json_fail(at, "no such attribute of %s", node->op->name);
    bool number = schema->kind == SMELT_ATTRIBUTE_INTEGER || schema->kind == SMELT_ATTRIBUTE_NUMBER;
    bool list = schema->kind == SMELT_ATTRIBUTE_INTEGERS || schema->kind == SMELT_ATTRIBUTE_NUMBERS;
    enum smelt_result result = SMELT_OK;
    if (list) {
        result = read_numbers(at, schema->kind, &a);
    } else if (number) {
        double value = cJSON_IsNumber(at->value) ? at->value->valuedouble : NAN;
        bool whole = schema->kind == SMELT_ATTRIBUTE_INTEGER;
        if (!(fabs(value) <= (whole ? 0x1p53 : 0x1p1000)) || (whole && value != floor(value)))
            return smelt_json_fail(at, whole ? "a whole number" : "a number");
        a.number = value;
        a.integer = whole ? (int64_t)value : 0;
    } else {
        if (!cJSON_IsString(at->value))
            return smelt_json_fail(at, "a string");
        a.word = at->value->valuestring;
        if (schema->kind == SMELT_ATTRIBUTE_ELEMENT && !(a.integer = smelt_element_from_name(a.word)))
            return smelt_json_fail(at, "the name of an element type");
    }
    if (!result)
        result = smelt_ir_set_attribute(ir, node, name, &a);
    free((void *)(uintptr_t)a.integers);
    free((void *)(uintptr_t)a.numbers);
    return result;
}

// The values named by an array of strings, into memory to be freed.
static enum smelt_result read_values(struct smelt_ir *ir, const struct smelt_json *object, const char *key,
                                     struct smelt_ir_value ***values, uint32_t *count)
{
    struct smelt_json list;
    uint32_t i = 0;
    enum smelt_result result = smelt_json_array(object, key, 0, MAX_ITEMS, &list, count);
    if (result)
        return result;
    *values = calloc((size_t)*count + 1, sizeof(struct smelt_ir_value *));
    if (!*values)
        return smelt_ir_no_memory(ir);
    for (const cJSON *item = list.value->child; item && !result; item = item->next, i++) {
        struct smelt_json at = element_at(&list, item, i);
        result = read_value(ir, &at, &(*values)[i]);
    }
    return result;
}

static enum smelt_result read_node(struct smelt_ir *ir, const struct smelt_json *object)
{
    static const char *const keys[] = {"op", "name", "inputs", "outputs", "attributes"};
    const char *op_name, *name;
    struct smelt_ir_value **inputs = NULL, **outputs = NULL;
    uint32_t input_count, output_count;
    struct smelt_ir_node *node;
    struct smelt_json attributes;
    enum smelt_result result = smelt_json_only(object, keys, SMELT_COUNT_OF(keys));
    if (!result)
        result = smelt_json_string(object, "op", NULL, &op_name);
    if (!result)
        result = smelt_json_string(object, "name", NULL, &name);
    const struct smelt_operator *op = result ? NULL : smelt_operator_find(op_name);
    if (!result && !op)
        result = smelt_json_fail(object, "an operator that is known as \"op\", not \"%.40s\"", op_name);
    if (!result)
        result = smelt_json_object(object, "attributes", &attributes);
    if (!result)
        result = read_values(ir, object, "inputs", &inputs, &input_count);
    if (!result)
        result = read_values(ir, object, "outputs", &outputs, &output_count);
    if (!result)
        result = smelt_ir_add_node(ir, op, name, inputs, input_count, outputs, output_count, &node);
    for (const cJSON *a = result ? NULL : attributes.value->child; a && !result; a = a->next) {
        struct smelt_json at = attributes;
        snprintf(at.path, sizeof(at.path), "%.90s.%.60s", attributes.path, a->string);
        at.value = a;
        result = read_attribute(ir, node, &at);
    }
    free(inputs);
    free(outputs);
    return result;
}

static enum smelt_result read_head(struct smelt_ir *ir, const struct smelt_json *root)
{
    static const char *const keys[] = {"format",  "kind",      "opset", "name",     "storage", "inputs",
                                       "outputs", "constants", "nodes", "keep_f32", "kernels", "checksums"};
    const char *name;
    uint32_t opset;
    enum smelt_result result = smelt_json_only(root, keys, SMELT_COUNT_OF(keys));
    if (!result)
        result = smelt_json_u32(root, "opset", 1, UINT32_MAX, &opset);
    if (!result && opset > SMELT_IR_OPSET)
        result = smelt_fail(NULL, SMELT_ERROR_VERSION, "%s: wanted operators of opset up to %d, got %u",
                            root->file, SMELT_IR_OPSET, opset);
    if (!result)
        result = smelt_json_string(root, "name", NULL, &name);
    if (!result && !(ir->name = smelt_ir_copy(ir, name)))
        result = smelt_ir_no_memory(ir);
    if (!result)
        result = read_element(root, "storage", &ir->storage);
    if (!result && ir->storage != SMELT_ELEMENT_F32 && ir->storage != SMELT_ELEMENT_F16)
        result = smelt_json_fail(root, "\"storage\" to be f32 or f16");
    return result;
}

static enum smelt_result read_kept(struct smelt_ir *ir, const struct smelt_json *root)
{
    struct smelt_json list;
    uint32_t count, i = 0;
    if (!smelt_json_has(root, "keep_f32"))
        return SMELT_OK;
    enum smelt_result result = smelt_json_array(root, "keep_f32", 0, MAX_ITEMS, &list, &count);
    for (const cJSON *item = result ? NULL : list.value->child; item && !result; item = item->next) {
        struct smelt_json at = element_at(&list, item, i++);
        struct smelt_ir_value *value = cJSON_IsString(item) ? smelt_ir_find(ir, item->valuestring) : NULL;
        if (!value)
            result = smelt_json_fail(&at, "the name of a value");
        else
            value->keep_f32 = true;
    }
    return result;
}

static enum smelt_result read_all(struct smelt_ir *ir, smelt_package package, const struct smelt_json *root)
{
    struct smelt_json list;
    struct smelt_ir_value **outputs = NULL;
    uint32_t count, i = 0;
    enum smelt_result result = read_head(ir, root);
    if (!result)
        result = smelt_json_array(root, "inputs", 0, MAX_ITEMS, &list, &count);
    for (const cJSON *item = result ? NULL : list.value->child; item && !result; item = item->next) {
        struct smelt_json at = element_at(&list, item, i++);
        result = read_input(ir, &at);
    }
    if (!result)
        result = smelt_json_array(root, "constants", 0, MAX_ITEMS, &list, &count);
    i = 0;
    for (const cJSON *item = result ? NULL : list.value->child; item && !result; item = item->next) {
        struct smelt_json at = element_at(&list, item, i++);
        result = read_constant(ir, package, &at);
    }
    if (!result)
        result = smelt_json_array(root, "nodes", 0, MAX_ITEMS, &list, &count);
    i = 0;
    for (const cJSON *item = result ? NULL : list.value->child; item && !result; item = item->next) {
        struct smelt_json at = element_at(&list, item, i++);
        result = read_node(ir, &at);
    }
    if (!result)
        result = read_values(ir, root, "outputs", &outputs, &count);
    for (i = 0; !result && i < count; i++)
        result =
            outputs[i] ? smelt_ir_add_output(ir, outputs[i]) : smelt_json_fail(root, "outputs with names");
    free(outputs);
    if (!result)
        result = read_kept(ir, root);
    return result ? result : smelt_ir_sort(ir);
}

static enum smelt_result read_kernel(smelt_package package, const struct smelt_json *object,
                                     struct smelt_kernel_code *code)
{
    static const char *const keys[] = {"kernel", "backend", "key", "tensor"};
    const char *texts[4];
    unsigned long long high, low;
    char rest;
    enum smelt_result result = smelt_json_only(object, keys, SMELT_COUNT_OF(keys));
    for (int i = 0; i < 4 && !result; i++)
        result = smelt_json_string(object, keys[i], NULL, &texts[i]);
    if (result)
        return result;
    const struct smelt_package_tensor *t = smelt_package_find(package, texts[3]);
    code->name = texts[0];
    code->backend = smelt_backend_from_name(texts[1]);
    if (code->backend == SMELT_BACKEND_AUTO || code->backend == SMELT_BACKEND_COUNT)
        return smelt_json_fail(object, "a backend, not \"%.40s\"", texts[1]);
    if (strlen(texts[2]) != 32 || strspn(texts[2], "0123456789abcdef") != 32 ||
        sscanf(texts[2], "%16llx%16llx%c", &high, &low, &rest) != 2)
        return smelt_json_fail(object, "a key of 32 hexadecimal digits");
    if (!t || t->dtype != SMELT_DTYPE_U32 || t->rank != 1 ||
        !smelt_spirv_is_valid(t->data, (size_t)(t->size / 4)))
        return smelt_json_fail(object, "a tensor of SPIR-V words as \"tensor\"");
    code->key[0] = high;
    code->key[1] = low;
    code->words = t->data;
    code->size = t->size;
    return SMELT_OK;
}

enum smelt_result smelt_network_read_kernels(smelt_package package, struct smelt_kernel_codes *codes)
{
    struct smelt_json list,
        root = smelt_json_root(NULL, smelt_package_name(package), smelt_package_description(package));
    uint32_t count;
    if (!smelt_json_has(&root, "kernels"))
        return SMELT_OK;
    enum smelt_result result = smelt_json_array(&root, "kernels", 0, MAX_ITEMS, &list, &count);
    if (!result && !(codes->list = calloc((size_t)count + 1, sizeof(*codes->list))))
        result = smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for its kernels", root.file);
    for (const cJSON *item = result ? NULL : list.value->child; item && !result; item = item->next) {
        struct smelt_json at = element_at(&list, item, codes->count);
        result = read_kernel(package, &at, &codes->list[codes->count]);
        codes->count += !result;
    }
    return result;
}

enum smelt_result smelt_ir_read(smelt_package package, struct smelt_ir **out)
{
    struct smelt_ir *ir = NULL;
    struct smelt_json root =
        smelt_json_root(NULL, smelt_package_name(package), smelt_package_description(package));
    if (strcmp(smelt_package_kind(package), "network") != 0)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: wanted a package of kind \"network\", got \"%.40s\"",
                          root.file, smelt_package_kind(package));
    enum smelt_result result = smelt_package_verify(package);
    if (!result)
        result = smelt_ir_create(root.file, &ir);
    if (!result)
        result = read_all(ir, package, &root);
    if (result)
        smelt_ir_destroy(&ir);
    else
        *out = ir;
    return result;
}
