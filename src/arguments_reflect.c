// SPDX-License-Identifier: MIT
// What the shaders of an arguments object ask for, joined: their block, who points to it, and their bindings;
// and the table that finds all of it by name.
#include "arguments_internal.h"

#include <stdlib.h>
#include <string.h>

// --- Names -----------------------------------------------------------------------------------------------

static uint32_t first_slot(const struct name_table *table, const char *name, size_t length)
{
    uint64_t hash = smelt_hash(SMELT_HASH_START, name, length);
    return (uint32_t)(hash ^ hash >> 32) & table->mask;
}

uint32_t smelt_name_table_find(const struct name_table *table, const char *name, size_t length)
{
    if (!table->count)
        return UINT32_MAX;
    for (uint32_t i = first_slot(table, name, length); table->slots[i]; i = (i + 1) & table->mask) {
        const char *candidate = table->names[table->slots[i] - 1];
        if (!strncmp(candidate, name, length) && !candidate[length])
            return table->slots[i] - 1;
    }
    return UINT32_MAX;
}

enum smelt_result smelt_name_table_create(smelt_context context, const char **names, uint32_t count,
                                          struct name_table *table)
{
    uint32_t capacity = 2;
    while (capacity < 2 * count)
        capacity *= 2;
    *table = (struct name_table){.names = names, .count = count, .mask = capacity - 1};
    table->slots = calloc(capacity, sizeof(*table->slots));
    if (!table->slots)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "arguments: out of host memory");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = first_slot(table, names[i], strlen(names[i]));
        while (table->slots[slot])
            slot = (slot + 1) & table->mask;
        table->slots[slot] = i + 1;
    }
    return SMELT_OK;
}

void smelt_name_table_destroy(struct name_table *table)
{
    free(table->names);
    free(table->slots);
    *table = (struct name_table){0};
}

#define LONGEST_COMPARED 96 // characters; longer names are compared by their beginning

// Levenshtein distance (Wagner and Fischer 1974), one row at a time.
static uint32_t edit_distance(const char *a, const char *b)
{
    uint32_t row[LONGEST_COMPARED + 1];
    uint32_t length_a = (uint32_t)strnlen(a, LONGEST_COMPARED),
             length_b = (uint32_t)strnlen(b, LONGEST_COMPARED);
    for (uint32_t j = 0; j <= length_b; j++)
        row[j] = j;
    for (uint32_t i = 1; i <= length_a; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= length_b; j++) {
            uint32_t replace = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = SMELT_MIN(replace, SMELT_MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[length_b];
}

void smelt_name_table_suggest(const struct name_table *table, const char *name, struct smelt_text *text)
{
    enum { SHOWN = 3 };
    uint32_t best[SHOWN], distance[SHOWN], found = 0;
    uint32_t limit = SMELT_MAX(2, (uint32_t)strnlen(name, LONGEST_COMPARED) / 3);
    for (uint32_t i = 0; i < table->count; i++) {
        // A name that contains the wanted one ("weight" in "net.layer0.weight") is near, too.
        uint32_t d = edit_distance(name, table->names[i]);
        if (d > limit) {
            if (!name[0] || !strstr(table->names[i], name))
                continue;
            d = limit + 1;
        }
        uint32_t at = found;
        while (at && distance[at - 1] > d)
            at--;
        if (at == SHOWN)
            continue;
        found = SMELT_MIN(found + 1, SHOWN);
        for (uint32_t j = found - 1; j > at; j--) {
            best[j] = best[j - 1];
            distance[j] = distance[j - 1];
        }
        best[at] = i;
        distance[at] = d;
    }
    if (found) {
        for (uint32_t i = 0; i < found; i++)
            smelt_text_add(text, "%s\"%s\"", i ? ", " : "; near names: ", table->names[best[i]]);
        return;
    }
    for (uint32_t i = 0; i < table->count && i < SHOWN; i++)
        smelt_text_add(text, "%s\"%s\"", i ? ", " : "; there are: ", table->names[i]);
    if (table->count > SHOWN)
        smelt_text_add(text, " and %u more", table->count - SHOWN);
    else if (!table->count)
        smelt_text_add(text, "; there are none");
}

// --- The block ---------------------------------------------------------------------------------------------

static bool same_member(const struct smelt_member *a, const struct smelt_member *b)
{
    return !strcmp(a->name, b->name) && a->kind == b->kind && a->offset == b->offset && a->size == b->size &&
           a->dtype == b->dtype && a->rank == b->rank && !memcmp(a->shape, b->shape, sizeof(a->shape)) &&
           !memcmp(a->shape_constant, b->shape_constant, sizeof(a->shape_constant)) &&
           a->vector_size == b->vector_size && a->columns == b->columns && a->array_count == b->array_count &&
           a->array_stride == b->array_stride;
}

static void describe_member(const struct smelt_member *member, struct smelt_text *text)
{
    smelt_text_add(text, "\"%s\" at offset %u, %u bytes, ", member->name, member->offset, member->size);
    if (member->kind == SMELT_MEMBER_TENSOR)
        smelt_text_add(text, "tensor %s of rank %u", smelt_dtype_name(member->dtype), member->rank);
    else
        smelt_text_add(text, "%s", member->kind == SMELT_MEMBER_ADDRESS ? "address" : "constant");
}

// Both blocks have the same name; the error says where they differ.
static enum smelt_result compare_blocks(smelt_context context, const char *shader_a,
                                        const struct smelt_block *a, const char *shader_b,
                                        const struct smelt_block *b)
{
    uint32_t count = SMELT_MAX(a->member_count, b->member_count), i = 0;
    while (i < count && i < a->member_count && i < b->member_count &&
           same_member(&a->members[i], &b->members[i]))
        i++;
    if (i == count && a->size == b->size)
        return SMELT_OK;
    struct smelt_text text = {0};
    smelt_text_add(&text, "shaders \"%s\" and \"%s\" disagree on argument block \"%s\": ", shader_a, shader_b,
                   a->name);
    if (i == count)
        smelt_text_add(&text, "%u and %u bytes", a->size, b->size);
    for (int side = 0; side < 2 && i < count; side++) {
        const struct smelt_block *block = side ? b : a;
        if (side)
            smelt_text_add(&text, " and ");
        if (i < block->member_count)
            describe_member(&block->members[i], &text);
        else
            smelt_text_add(&text, "nothing");
    }
    smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s", text.data ? text.data : "shaders disagree");
    smelt_text_free(&text);
    return SMELT_ERROR_INVALID_ARGUMENT;
}

static const struct smelt_block *block_of(const struct smelt_reflection *reflection, const char *name)
{
    for (uint32_t i = 0; i < reflection->block_count; i++)
        if (!strcmp(reflection->blocks[i].name, name))
            return &reflection->blocks[i];
    return NULL;
}

static bool block_seen(const struct smelt_arguments_params *params, uint32_t shaders, const char *name)
{
    for (uint32_t s = 0; s < shaders; s++)
        if (block_of(smelt_shader_info(params->shaders[s])->reflection, name))
            return true;
    return false;
}

// The block that params->block means, in the first shader that has it (`*shader`).
static enum smelt_result choose_block(smelt_arguments arguments, const struct smelt_arguments_params *params,
                                      const struct smelt_block **block, uint32_t *shader)
{
    const struct smelt_block *found = NULL;
    struct smelt_text names = {0};
    uint32_t count = 0, matches = 0;
    for (uint32_t s = 0; s < params->shader_count; s++) {
        const struct smelt_reflection *reflection = smelt_shader_info(params->shaders[s])->reflection;
        for (uint32_t b = 0; b < reflection->block_count; b++) {
            if (block_seen(params, s, reflection->blocks[b].name))
                continue;
            smelt_text_add(&names, "%s\"%s\"", count++ ? ", " : "", reflection->blocks[b].name);
            if (params->block && strcmp(params->block, reflection->blocks[b].name))
                continue;
            matches++;
            found = &reflection->blocks[b];
            *shader = s;
        }
    }
    const char *there = names.data ? names.data : "none";
    enum smelt_result result = SMELT_OK;
    if (params->block && !matches)
        result = smelt_fail(arguments->context, SMELT_ERROR_NOT_FOUND,
                            "no argument block \"%s\" in the shaders; there are: %s", params->block, there);
    else if (!matches)
        result = smelt_fail(arguments->context, SMELT_ERROR_NOT_FOUND,
                            "the shaders have no argument block; give \"\" for an object with bindings only");
    else if (!params->block && matches > 1)
        result = smelt_fail(arguments->context, SMELT_ERROR_NOT_FOUND,
                            "the shaders have %u argument blocks, name one: %s", matches, there);
    smelt_text_free(&names);
    *block = found;
    return result;
}

// A reflection may come from a file: what the setters rely on is checked here.
bool smelt_member_fits(const struct smelt_block *block, const struct smelt_member *member)
{
    if (member->offset > block->size || member->size > block->size - member->offset)
        return false;
    if (member->kind == SMELT_MEMBER_TENSOR)
        return member->rank <= SMELT_TENSOR_MAX_RANK && member->size == 8 + 8 * member->rank;
    return member->kind == SMELT_MEMBER_CONSTANT ||
           (member->kind == SMELT_MEMBER_ADDRESS && member->size == sizeof(VkDeviceAddress));
}

static enum smelt_result copy_block(smelt_arguments arguments, const struct smelt_block *block)
{
    smelt_context context = arguments->context;
    uint32_t count = block->member_count;
    if (!block->size || (block->alignment & (block->alignment - 1)))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "argument block \"%s\" has %u bytes and alignment %u; wanted at least 1 byte and a "
                          "power of two",
                          block->name, block->size, block->alignment);
    arguments->block_size = block->size;
    arguments->block_alignment = SMELT_MAX(16, block->alignment);
    arguments->block_name = smelt_copy_string(block->name);
    arguments->values = calloc(1, block->size);
    arguments->members = calloc(SMELT_MAX(count, 1), sizeof(*arguments->members));
    const char **names = calloc(SMELT_MAX(count, 1), sizeof(*names));
    if (!arguments->block_name || !arguments->values || !arguments->members || !names)
        goto out_of_memory;
    for (uint32_t i = 0; i < count; i++) {
        const struct smelt_member *from = &block->members[i];
        struct arguments_member *to = &arguments->members[i];
        if (!smelt_member_fits(block, from)) {
            free(names);
            return smelt_fail(
                context, SMELT_ERROR_INVALID_ARGUMENT,
                "member \"%s\" of argument block \"%s\": offset %u, %u bytes, rank %u do not fit "
                "the block's %u bytes",
                from->name, block->name, from->offset, from->size, from->rank, block->size);
        }
        to->info = *from;
        to->info.name = names[i] = smelt_copy_string(from->name);
        arguments->member_count = i + 1;
        if (!names[i])
            goto out_of_memory;
        to->set = !from->size;
        arguments->unset_members += !to->set;
    }
    return smelt_name_table_create(context, names, count, &arguments->member_names);
out_of_memory:
    free(names);
    return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "arguments: out of host memory");
}

// Where push constants take the block's address.
static enum smelt_result find_pushes(smelt_arguments arguments, const struct smelt_arguments_params *params)
{
    arguments->push_offsets = calloc(params->shader_count, sizeof(*arguments->push_offsets));
    if (!arguments->push_offsets)
        return smelt_fail(arguments->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                          "arguments: out of host memory");
    for (uint32_t s = 0; s < params->shader_count; s++) {
        const struct smelt_reflection *reflection = smelt_shader_info(params->shaders[s])->reflection;
        const struct smelt_member *taker = NULL;
        for (uint32_t i = 0; i < reflection->push_constants.member_count; i++) {
            const struct smelt_member *member = &reflection->push_constants.members[i];
            const char *target = reflection->push_constant_targets[i];
            if (member->kind != SMELT_MEMBER_ADDRESS || !target || strcmp(target, arguments->block_name))
                continue;
            if (taker && !arguments->push_conflict) {
                struct smelt_text text = {0};
                smelt_text_add(&text, "push constants \"%s\" and \"%s\" of shader \"%s\"", taker->name,
                               member->name, smelt_shader_info(params->shaders[s])->name);
                arguments->push_conflict = text.data;
                if (!text.data)
                    return smelt_fail(arguments->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                                      "arguments: out of host memory");
            }
            taker = member;
        }
        bool known = !taker;
        for (uint32_t i = 0; i < arguments->push_count && !known; i++)
            known = arguments->push_offsets[i] == taker->offset;
        if (!known)
            arguments->push_offsets[arguments->push_count++] = taker->offset;
    }
    return SMELT_OK;
}

// --- The bindings ------------------------------------------------------------------------------------------

static enum smelt_result add_binding(smelt_arguments arguments, const struct smelt_arguments_params *params,
                                     const struct smelt_binding *from, const struct smelt_shader_info *info)
{
    for (uint32_t i = 0; i < arguments->binding_count; i++) {
        struct arguments_binding *there = &arguments->bindings[i];
        bool same_place = there->binding == from->binding, same_name = !strcmp(there->name, from->name);
        if (!same_place && !same_name)
            continue;
        if (same_place && same_name && there->type == from->type && there->runtime == !from->count &&
            (there->runtime || there->count == from->count)) {
            there->stages |= info->stage;
            return SMELT_OK;
        }
        return smelt_fail(
            arguments->context, SMELT_ERROR_INVALID_ARGUMENT,
            "shader \"%s\" disagrees on set %u: \"%s\" at binding %u, type %d, %u elements; before "
            "it was \"%s\" at binding %u, type %d, %u elements",
            info->name, from->set, from->name, from->binding, (int)from->type, from->count, there->name,
            there->binding, (int)there->type, there->runtime ? 0 : there->count);
    }
    struct arguments_binding *to = &arguments->bindings[arguments->binding_count];
    *to = (struct arguments_binding){
        .name = smelt_copy_string(from->name),
        .binding = from->binding,
        .type = from->type,
        .count = from->count,
        .runtime = !from->count,
        .stages = (VkShaderStageFlags)info->stage,
    };
    if (!to->name)
        return smelt_fail(arguments->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                          "arguments: out of host memory");
    if (to->runtime)
        to->count = params->max_runtime_array ? params->max_runtime_array : ARGUMENTS_DEFAULT_RUNTIME_ARRAY;
    arguments->binding_count++;
    return SMELT_OK;
}

static int by_place(const void *a, const void *b)
{
    uint32_t left = ((const struct arguments_binding *)a)->binding;
    uint32_t right = ((const struct arguments_binding *)b)->binding;
    return (left > right) - (left < right);
}

static enum smelt_result collect_bindings(smelt_arguments arguments,
                                          const struct smelt_arguments_params *params)
{
    uint32_t most = 0;
    for (uint32_t s = 0; s < params->shader_count; s++)
        most += smelt_shader_info(params->shaders[s])->reflection->binding_count;
    arguments->bindings = calloc(SMELT_MAX(most, 1), sizeof(*arguments->bindings));
    const char **names = calloc(SMELT_MAX(most, 1), sizeof(*names));
    enum smelt_result result = SMELT_OK;
    if (!arguments->bindings || !names)
        result =
            smelt_fail(arguments->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "arguments: out of host memory");
    for (uint32_t s = 0; s < params->shader_count && result == SMELT_OK; s++) {
        const struct smelt_shader_info *info = smelt_shader_info(params->shaders[s]);
        for (uint32_t b = 0; b < info->reflection->binding_count && result == SMELT_OK; b++)
            if (info->reflection->bindings[b].set == params->set)
                result = add_binding(arguments, params, &info->reflection->bindings[b], info);
    }
    if (result == SMELT_OK && !arguments->binding_count)
        result = smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT,
                            "descriptors of set %u are wanted, but the shaders have no binding in it",
                            params->set);
    if (result != SMELT_OK) {
        free(names);
        return result;
    }
    qsort(arguments->bindings, arguments->binding_count, sizeof(*arguments->bindings), by_place);
    for (uint32_t i = 0; i < arguments->binding_count; i++)
        names[i] = arguments->bindings[i].name;
    return smelt_name_table_create(arguments->context, names, arguments->binding_count,
                                   &arguments->binding_names);
}

enum smelt_result smelt_arguments_reflect(smelt_arguments arguments,
                                          const struct smelt_arguments_params *params)
{
    for (uint32_t s = 0; s < params->shader_count; s++)
        arguments->coopvec |= smelt_shader_info(params->shaders[s])->backend == SMELT_BACKEND_COOPVEC;
    if (!params->block || params->block[0]) {
        const struct smelt_block *block;
        uint32_t first = 0;
        enum smelt_result result = choose_block(arguments, params, &block, &first);
        for (uint32_t s = first + 1; s < params->shader_count && result == SMELT_OK; s++) {
            const struct smelt_shader_info *info = smelt_shader_info(params->shaders[s]);
            const struct smelt_block *other = block_of(info->reflection, block->name);
            if (other)
                result = compare_blocks(arguments->context, smelt_shader_info(params->shaders[first])->name,
                                        block, info->name, other);
        }
        if (result == SMELT_OK)
            result = copy_block(arguments, block);
        if (result == SMELT_OK)
            result = find_pushes(arguments, params);
        if (result != SMELT_OK)
            return result;
    }
    if (params->descriptors)
        return collect_bindings(arguments, params);
    return SMELT_OK;
}
