// SPDX-License-Identifier: MIT
// Reflection as plain data: freeing it, writing it as JSON and reading it back as a hostile file.
#include "shader_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ENTRIES 65536 // of any list in a file

static const char *const kinds[] = {"tensor", "constant", "address"};
static const char *const accesses[] = {"read_write", "read", "write"};

static const struct {
    VkDescriptorType type;
    const char *name;
} descriptor_types[] = {
    {VK_DESCRIPTOR_TYPE_SAMPLER, "sampler"},
    {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, "combined_image_sampler"},
    {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, "sampled_image"},
    {VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, "storage_image"},
    {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, "uniform_texel_buffer"},
    {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, "storage_texel_buffer"},
    {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, "uniform_buffer"},
    {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, "storage_buffer"},
    {VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT, "input_attachment"},
    {VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR, "acceleration_structure"},
};

// --- Freeing ----------------------------------------------------------------------------------------------

static void free_block(const struct smelt_block *block)
{
    for (uint32_t i = 0; i < block->member_count; i++)
        free((char *)block->members[i].name);
    free((struct smelt_member *)block->members);
    free((char *)block->name);
}

void smelt_reflection_free(struct smelt_reflection *r)
{
    if (!r)
        return;
    for (uint32_t i = 0; i < r->block_count; i++)
        free_block(&r->blocks[i]);
    free((struct smelt_block *)r->blocks);
    for (uint32_t i = 0; r->push_constant_targets && i < r->push_constants.member_count; i++)
        free((char *)r->push_constant_targets[i]);
    free((void *)r->push_constant_targets);
    free_block(&r->push_constants);
    for (uint32_t i = 0; i < r->binding_count; i++)
        free((char *)r->bindings[i].name);
    free((struct smelt_binding *)r->bindings);
    for (uint32_t i = 0; i < r->specialization_count; i++)
        free((char *)r->specializations[i].name);
    free((struct smelt_specialization *)r->specializations);
    free(r);
}

// --- Writing ----------------------------------------------------------------------------------------------

static void write_member(const struct smelt_member *m, struct smelt_text *json)
{
    smelt_text_add(json, "{\"name\":");
    smelt_json_add_string(json, m->name);
    smelt_text_add(json, ",\"kind\":\"%s\",\"offset\":%u,\"size\":%u", kinds[m->kind], m->offset, m->size);
    if (m->kind != SMELT_MEMBER_ADDRESS)
        smelt_text_add(json, ",\"dtype\":\"%s\"", smelt_dtype_name(m->dtype));
    if (m->kind == SMELT_MEMBER_TENSOR) {
        smelt_text_add(json, ",\"access\":\"%s\",\"shape\":[", accesses[m->access]);
        for (uint32_t i = 0; i < m->rank; i++)
            smelt_text_add(json, "%s%u", i ? "," : "", m->shape[i]);
        smelt_text_add(json, "],\"shape_constant\":[");
        for (uint32_t i = 0; i < m->rank; i++)
            smelt_text_add(json, "%s%u", i ? "," : "", m->shape_constant[i]);
        smelt_text_add(json, "]");
    } else if (m->kind == SMELT_MEMBER_CONSTANT) {
        smelt_text_add(json, ",\"vector_size\":%u,\"columns\":%u,\"array_count\":%u,\"array_stride\":%u",
                       m->vector_size, m->columns, m->array_count, m->array_stride);
    }
    smelt_text_add(json, "}");
}

static void write_block(const struct smelt_block *block, struct smelt_text *json)
{
    smelt_text_add(json, "{\"name\":");
    smelt_json_add_string(json, block->name);
    smelt_text_add(json, ",\"size\":%u,\"alignment\":%u,\"members\":[", block->size, block->alignment);
    for (uint32_t i = 0; i < block->member_count; i++) {
        smelt_text_add(json, "%s", i ? "," : "");
        write_member(&block->members[i], json);
    }
    smelt_text_add(json, "]}");
}

static void write_bindings(const struct smelt_reflection *r, struct smelt_text *json)
{
    smelt_text_add(json, ",\"bindings\":[");
    for (uint32_t i = 0; i < r->binding_count; i++) {
        const struct smelt_binding *b = &r->bindings[i];
        uint32_t type = 0;
        while (descriptor_types[type].type != b->type)
            type++;
        smelt_text_add(json, "%s{\"name\":", i ? "," : "");
        smelt_json_add_string(json, b->name);
        smelt_text_add(json, ",\"set\":%u,\"binding\":%u,\"type\":\"%s\",\"count\":%u,\"access\":\"%s\"}",
                       b->set, b->binding, descriptor_types[type].name, b->count, accesses[b->access]);
    }
    smelt_text_add(json, "]");
}

void smelt_reflection_write(const struct smelt_reflection *r, struct smelt_text *json)
{
    smelt_text_add(json, "{\"blocks\":[");
    for (uint32_t i = 0; i < r->block_count; i++) {
        smelt_text_add(json, "%s", i ? "," : "");
        write_block(&r->blocks[i], json);
    }
    smelt_text_add(json, "]");
    if (r->push_constants.member_count) {
        smelt_text_add(json, ",\"push_constants\":");
        write_block(&r->push_constants, json);
        smelt_text_add(json, ",\"push_constant_targets\":[");
        for (uint32_t i = 0; i < r->push_constants.member_count; i++) { // "": points to no block
            smelt_text_add(json, "%s", i ? "," : "");
            smelt_json_add_string(json, r->push_constant_targets[i] ? r->push_constant_targets[i] : "");
        }
        smelt_text_add(json, "]");
    }
    write_bindings(r, json);
    smelt_text_add(json, ",\"specializations\":[");
    for (uint32_t i = 0; i < r->specialization_count; i++) {
        const struct smelt_specialization *s = &r->specializations[i];
        smelt_text_add(json, "%s{\"name\":", i ? "," : "");
        smelt_json_add_string(json, s->name);
        // As text: JSON numbers end at 2^53.
        smelt_text_add(json, ",\"id\":%u,\"size\":%u,\"default_bits\":\"%" PRIx64 "\"}", s->id, s->size,
                       s->default_bits);
    }
    smelt_text_add(json, "],\"local_size\":[%u,%u,%u]}", r->local_size[0], r->local_size[1],
                   r->local_size[2]);
}

// --- Reading ----------------------------------------------------------------------------------------------

// Walks an array in linear time: `element` is moved from one value to the next.
static bool next_element(const struct smelt_json *array, uint32_t index, struct smelt_json *element)
{
    if (index == 0)
        *element = *array;
    element->value = index == 0 ? array->value->child : element->value->next;
    snprintf(element->path, sizeof(element->path), "%.140s[%u]", array->path, index);
    return element->value != NULL;
}

static enum smelt_result out_of_memory(const struct smelt_json *at)
{
    return smelt_fail(at->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the reflection",
                      at->file);
}

// An array under `key` and zeroed room for its entries (one more than needed: never NULL for none).
static enum smelt_result read_list(const struct smelt_json *object, const char *key, size_t entry_size,
                                   struct smelt_json *array, uint32_t *count, void **list)
{
    enum smelt_result result = smelt_json_array(object, key, 0, MAX_ENTRIES, array, count);
    if (result)
        return result;
    *list = calloc((size_t)*count + 1, entry_size);
    return *list ? SMELT_OK : out_of_memory(object);
}

static enum smelt_result read_name(const struct smelt_json *object, const char **name)
{
    const char *text;
    enum smelt_result result = smelt_json_string(object, "name", NULL, &text);
    if (result)
        return result;
    *name = smelt_copy_string(text);
    return *name ? SMELT_OK : out_of_memory(object);
}

static enum smelt_result read_dtype(const struct smelt_json *object, bool none_allowed,
                                    enum smelt_dtype *dtype)
{
    const char *text;
    enum smelt_result result = smelt_json_string(object, "dtype", NULL, &text);
    if (result)
        return result;
    *dtype = smelt_dtype_from_name(text);
    if (*dtype == SMELT_DTYPE_NONE && !(none_allowed && !strcmp(text, "none")))
        return smelt_json_fail(object, "a known dtype, not \"%.40s\"", text);
    return SMELT_OK;
}

static enum smelt_result read_extents(const struct smelt_json *shape, uint32_t rank,
                                      uint32_t extents[SMELT_TENSOR_MAX_RANK])
{
    struct smelt_json extent;
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; !result && i < rank && next_element(shape, i, &extent); i++) {
        uint64_t value;
        if (!smelt_json_to_u64(extent.value, &value) || value > UINT32_MAX)
            result = smelt_json_fail(&extent, "an extent");
        else
            extents[i] = (uint32_t)value;
    }
    return result;
}

static enum smelt_result read_tensor(const struct smelt_json *object, struct smelt_member *m)
{
    struct smelt_json shape;
    uint32_t constants;
    uint32_t access = 0;
    enum smelt_result result = read_dtype(object, false, &m->dtype);
    if (!result)
        result = smelt_json_word(object, "access", accesses, SMELT_COUNT_OF(accesses), &access);
    if (!result)
        result = smelt_json_array(object, "shape", 0, SMELT_TENSOR_MAX_RANK, &shape, &m->rank);
    if (!result)
        result = read_extents(&shape, m->rank, m->shape);
    if (!result && smelt_json_has(object, "shape_constant")) { // older files have none
        result = smelt_json_array(object, "shape_constant", m->rank, m->rank, &shape, &constants);
        if (!result)
            result = read_extents(&shape, m->rank, m->shape_constant);
    }
    m->access = (enum smelt_access)access;
    if (!result && m->size != 8 + 8 * m->rank)
        result = smelt_json_fail(object, "a size of %u for a tensor of rank %u", 8 + 8 * m->rank, m->rank);
    return result;
}

static enum smelt_result read_constant(const struct smelt_json *object, struct smelt_member *m)
{
    enum smelt_result result = read_dtype(object, true, &m->dtype);
    if (!result)
        result = smelt_json_u32(object, "vector_size", 1, 4, &m->vector_size);
    if (!result)
        result = smelt_json_u32(object, "columns", 1, 4, &m->columns);
    if (!result)
        result = smelt_json_u32(object, "array_count", 0, UINT32_MAX, &m->array_count);
    if (!result)
        result = smelt_json_u32(object, "array_stride", 0, UINT32_MAX, &m->array_stride);
    return result;
}

static enum smelt_result read_member(const struct smelt_json *object, uint32_t block_size,
                                     struct smelt_member *m)
{
    uint32_t kind = 0;
    enum smelt_result result = read_name(object, &m->name);
    if (!result)
        result = smelt_json_word(object, "kind", kinds, SMELT_COUNT_OF(kinds), &kind);
    if (!result)
        result = smelt_json_u32(object, "offset", 0, block_size, &m->offset);
    if (!result)
        result = smelt_json_u32(object, "size", 0, block_size - m->offset, &m->size);
    if (result)
        return result;
    m->kind = (enum smelt_member_kind)kind;
    if (m->kind == SMELT_MEMBER_TENSOR)
        return read_tensor(object, m);
    if (m->kind == SMELT_MEMBER_CONSTANT)
        return read_constant(object, m);
    return m->size == 8 ? SMELT_OK : smelt_json_fail(object, "a size of 8 for an address");
}

static enum smelt_result read_block(const struct smelt_json *object, struct smelt_block *block)
{
    struct smelt_json array, element;
    uint32_t count;
    void *list = NULL;
    enum smelt_result result = read_name(object, &block->name);
    if (!result)
        result = smelt_json_u32(object, "size", 0, UINT32_MAX, &block->size);
    if (!result)
        result = smelt_json_u32(object, "alignment", 1, 65536, &block->alignment);
    if (!result && (block->alignment & (block->alignment - 1)))
        result = smelt_json_fail(object, "a power of two as alignment");
    if (!result)
        result = read_list(object, "members", sizeof(struct smelt_member), &array, &count, &list);
    struct smelt_member *members = list;
    block->members = members;
    for (uint32_t i = 0; !result && i < count && next_element(&array, i, &element); i++) {
        block->member_count = i + 1;
        result = read_member(&element, block->size, &members[i]);
    }
    return result;
}

static enum smelt_result read_blocks(const struct smelt_json *json, struct smelt_reflection *r)
{
    struct smelt_json array, element;
    uint32_t count;
    void *list = NULL;
    enum smelt_result result = read_list(json, "blocks", sizeof(struct smelt_block), &array, &count, &list);
    struct smelt_block *blocks = list;
    r->blocks = blocks;
    for (uint32_t i = 0; !result && i < count && next_element(&array, i, &element); i++) {
        r->block_count = i + 1;
        result = read_block(&element, &blocks[i]);
    }
    return result;
}

static enum smelt_result read_push_constants(const struct smelt_json *json, struct smelt_reflection *r)
{
    struct smelt_json object, array, element;
    if (!smelt_json_has(json, "push_constants"))
        return SMELT_OK;
    enum smelt_result result = smelt_json_object(json, "push_constants", &object);
    if (!result)
        result = read_block(&object, &r->push_constants);
    uint32_t count = 0;
    void *list = NULL;
    if (!result)
        result = read_list(json, "push_constant_targets", sizeof(char *), &array, &count, &list);
    char **targets = list;
    if (!result && count != r->push_constants.member_count)
        result = smelt_json_fail(&array, "one target for each of %u members", r->push_constants.member_count);
    if (result) {
        free(targets);
        return result;
    }
    r->push_constant_targets = (const char *const *)targets;
    for (uint32_t i = 0; !result && i < count && next_element(&array, i, &element); i++) {
        if (!cJSON_IsString(element.value))
            result = smelt_json_fail(&element, "a string");
        else if (*element.value->valuestring && !(targets[i] = smelt_copy_string(element.value->valuestring)))
            result = out_of_memory(&element);
    }
    return result;
}

static enum smelt_result read_binding(const struct smelt_json *object, struct smelt_binding *b)
{
    const char *names[SMELT_COUNT_OF(descriptor_types)];
    uint32_t type = 0, access = 0;
    for (size_t i = 0; i < SMELT_COUNT_OF(names); i++)
        names[i] = descriptor_types[i].name;
    enum smelt_result result = read_name(object, &b->name);
    if (!result)
        result = smelt_json_u32(object, "set", 0, UINT32_MAX - 1, &b->set);
    if (!result)
        result = smelt_json_u32(object, "binding", 0, UINT32_MAX, &b->binding);
    if (!result)
        result = smelt_json_u32(object, "count", 0, UINT32_MAX, &b->count);
    if (!result)
        result = smelt_json_word(object, "type", names, SMELT_COUNT_OF(names), &type);
    if (!result)
        result = smelt_json_word(object, "access", accesses, SMELT_COUNT_OF(accesses), &access);
    b->type = descriptor_types[type].type;
    b->access = (enum smelt_access)access;
    return result;
}

static enum smelt_result read_bindings(const struct smelt_json *json, struct smelt_reflection *r)
{
    struct smelt_json array, element;
    uint32_t count;
    void *list = NULL;
    enum smelt_result result =
        read_list(json, "bindings", sizeof(struct smelt_binding), &array, &count, &list);
    struct smelt_binding *bindings = list;
    r->bindings = bindings;
    for (uint32_t i = 0; !result && i < count && next_element(&array, i, &element); i++) {
        r->binding_count = i + 1;
        result = read_binding(&element, &bindings[i]);
    }
    return result;
}

static enum smelt_result read_specialization(const struct smelt_json *object, struct smelt_specialization *s)
{
    const char *bits;
    enum smelt_result result = read_name(object, &s->name);
    if (!result)
        result = smelt_json_u32(object, "id", 0, UINT32_MAX, &s->id);
    if (!result)
        result = smelt_json_u32(object, "size", 1, 8, &s->size);
    if (!result)
        result = smelt_json_string(object, "default_bits", NULL, &bits);
    if (result)
        return result;
    size_t digits = strspn(bits, "0123456789abcdef");
    if (!digits || digits > 16 || bits[digits])
        return smelt_json_fail(object, "default_bits of 1 to 16 hexadecimal digits");
    s->default_bits = strtoull(bits, NULL, 16);
    return SMELT_OK;
}

static enum smelt_result read_specializations(const struct smelt_json *json, struct smelt_reflection *r)
{
    struct smelt_json array, element;
    uint32_t count;
    void *list = NULL;
    enum smelt_result result =
        read_list(json, "specializations", sizeof(struct smelt_specialization), &array, &count, &list);
    struct smelt_specialization *specializations = list;
    r->specializations = specializations;
    for (uint32_t i = 0; !result && i < count && next_element(&array, i, &element); i++) {
        r->specialization_count = i + 1;
        result = read_specialization(&element, &specializations[i]);
    }
    return result;
}

static enum smelt_result read_local_size(const struct smelt_json *json, struct smelt_reflection *r)
{
    struct smelt_json array, element;
    uint32_t count;
    enum smelt_result result = smelt_json_array(json, "local_size", 3, 3, &array, &count);
    for (uint32_t i = 0; !result && i < 3 && next_element(&array, i, &element); i++) {
        uint64_t value;
        if (!smelt_json_to_u64(element.value, &value) || value > UINT32_MAX)
            result = smelt_json_fail(&element, "a size");
        else
            r->local_size[i] = (uint32_t)value;
    }
    return result;
}

enum smelt_result smelt_reflection_read(const struct smelt_json *json, struct smelt_reflection **reflection)
{
    struct smelt_reflection *r = calloc(1, sizeof(*r));
    if (!r)
        return out_of_memory(json);
    enum smelt_result result = read_blocks(json, r);
    if (!result)
        result = read_push_constants(json, r);
    if (!result)
        result = read_bindings(json, r);
    if (!result)
        result = read_specializations(json, r);
    if (!result)
        result = read_local_size(json, r);
    if (result)
        smelt_reflection_free(r);
    else
        *reflection = r;
    return result;
}
