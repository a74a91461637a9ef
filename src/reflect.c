// SPDX-License-Identifier: MIT
// Reflection of an unoptimised SPIR-V module by SPIRV-Cross: bindings, push constants, specialization constants,
// local size; argument blocks by reflect_block.c.
#include "reflect.h"

#include <stdlib.h>
#include <string.h>

enum smelt_result smelt_reflect_fail(struct reflector *r, const char *what)
{
    return smelt_fail(r->context, SMELT_ERROR_COMPILE, "%s: reflection: cannot read %s: %s", r->name, what,
                      spvc_context_get_last_error_string(r->spvc));
}

char *smelt_reflect_copy_name(struct reflector *r, const char *name)
{
    char *copy = smelt_copy_string(name);
    r->out_of_memory |= !copy;
    return copy;
}

void *smelt_reflect_grow(struct reflector *r, void *list, uint32_t count, size_t entry_size)
{
    if (count & (count - 1)) // not 0, 1, 2, 4, ...: there is room
        return list;
    void *grown = realloc(list, (count ? (size_t)count * 2 : 1) * entry_size);
    r->out_of_memory |= !grown;
    return grown;
}

uint32_t smelt_reflect_array_extent(struct reflector *r, spvc_type type, unsigned dimension)
{
    uint32_t value = spvc_type_get_array_dimension(type, dimension);
    if (spvc_type_array_dimension_is_literal(type, dimension))
        return value;
    spvc_constant constant = spvc_compiler_get_constant_handle(r->compiler, value);
    return constant ? spvc_constant_get_scalar_u32(constant, 0, 0) : 0;
}

// --- Resources --------------------------------------------------------------------------------------------

static enum smelt_access access_of(bool no_read, bool no_write)
{
    if (no_read == no_write)
        return SMELT_ACCESS_READ_WRITE;
    return no_write ? SMELT_ACCESS_READ : SMELT_ACCESS_WRITE;
}

static enum smelt_access binding_access(struct reflector *r, spvc_resource_type kind, SpvId id)
{
    bool no_read = false, no_write = false;
    if (kind == SPVC_RESOURCE_TYPE_STORAGE_IMAGE) {
        no_read = spvc_compiler_has_decoration(r->compiler, id, SpvDecorationNonReadable);
        no_write = spvc_compiler_has_decoration(r->compiler, id, SpvDecorationNonWritable);
    } else if (kind == SPVC_RESOURCE_TYPE_STORAGE_BUFFER) {
        const SpvDecoration *decorations;
        size_t count = 0;
        if (!spvc_compiler_get_buffer_block_decorations(r->compiler, id, &decorations, &count))
            for (size_t i = 0; i < count; i++) {
                no_read |= decorations[i] == SpvDecorationNonReadable;
                no_write |= decorations[i] == SpvDecorationNonWritable;
            }
    } else {
        return SMELT_ACCESS_READ;
    }
    return access_of(no_read, no_write);
}

static VkDescriptorType descriptor_type(spvc_resource_type kind, spvc_type type)
{
    bool buffer = false;
    if (kind == SPVC_RESOURCE_TYPE_STORAGE_IMAGE || kind == SPVC_RESOURCE_TYPE_SAMPLED_IMAGE ||
        kind == SPVC_RESOURCE_TYPE_SEPARATE_IMAGE)
        buffer = spvc_type_get_image_dimension(type) == SpvDimBuffer;
    switch (kind) {
    case SPVC_RESOURCE_TYPE_UNIFORM_BUFFER:
        return VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
    case SPVC_RESOURCE_TYPE_STORAGE_BUFFER:
        return VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    case SPVC_RESOURCE_TYPE_STORAGE_IMAGE:
        return buffer ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_IMAGE;
    case SPVC_RESOURCE_TYPE_SAMPLED_IMAGE:
        return buffer ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
    case SPVC_RESOURCE_TYPE_SEPARATE_IMAGE:
        return buffer ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
    case SPVC_RESOURCE_TYPE_SEPARATE_SAMPLERS:
        return VK_DESCRIPTOR_TYPE_SAMPLER;
    case SPVC_RESOURCE_TYPE_SUBPASS_INPUT:
        return VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT;
    default:
        return VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR;
    }
}

static enum smelt_result add_binding(struct reflector *r, spvc_resource_type kind,
                                     const spvc_reflected_resource *resource)
{
    spvc_type type = spvc_compiler_get_type_handle(r->compiler, resource->type_id);
    if (!type)
        return smelt_reflect_fail(r, "a binding");
    const char *name = spvc_compiler_get_name(r->compiler, resource->id);
    if (!name || !*name) // a block without an instance name
        name = spvc_compiler_get_name(r->compiler, resource->base_type_id);
    struct smelt_binding b = {
        .set = spvc_compiler_get_decoration(r->compiler, resource->id, SpvDecorationDescriptorSet),
        .binding = spvc_compiler_get_decoration(r->compiler, resource->id, SpvDecorationBinding),
        .type = descriptor_type(kind, type),
        .count = 1,
        .access = binding_access(r, kind, resource->id),
    };
    for (unsigned d = 0; d < spvc_type_get_num_array_dimensions(type); d++)
        b.count *= smelt_reflect_array_extent(r, type, d);
    struct smelt_reflection *out = r->out;
    struct smelt_binding *bindings =
        smelt_reflect_grow(r, (struct smelt_binding *)out->bindings, out->binding_count, sizeof(*bindings));
    if (!bindings)
        return SMELT_OK;
    out->bindings = bindings;
    b.name = smelt_reflect_copy_name(r, name);
    bindings[out->binding_count++] = b;
    return SMELT_OK;
}

static enum smelt_result add_resources(struct reflector *r)
{
    static const spvc_resource_type kinds[] = {
        SPVC_RESOURCE_TYPE_UNIFORM_BUFFER, SPVC_RESOURCE_TYPE_STORAGE_BUFFER,
        SPVC_RESOURCE_TYPE_STORAGE_IMAGE,  SPVC_RESOURCE_TYPE_SAMPLED_IMAGE,
        SPVC_RESOURCE_TYPE_SEPARATE_IMAGE, SPVC_RESOURCE_TYPE_SEPARATE_SAMPLERS,
        SPVC_RESOURCE_TYPE_SUBPASS_INPUT,  SPVC_RESOURCE_TYPE_ACCELERATION_STRUCTURE,
    };
    spvc_resources resources;
    const spvc_reflected_resource *list;
    size_t count;
    if (spvc_compiler_create_shader_resources(r->compiler, &resources))
        return smelt_reflect_fail(r, "the resources");
    for (size_t k = 0; k < SMELT_COUNT_OF(kinds); k++) {
        if (spvc_resources_get_resource_list_for_type(resources, kinds[k], &list, &count))
            return smelt_reflect_fail(r, "the bindings");
        for (size_t i = 0; i < count; i++) {
            enum smelt_result result = add_binding(r, kinds[k], &list[i]);
            if (result || r->out_of_memory)
                return result;
        }
    }
    if (spvc_resources_get_resource_list_for_type(resources, SPVC_RESOURCE_TYPE_PUSH_CONSTANT, &list, &count))
        return smelt_reflect_fail(r, "the push constants");
    if (!count)
        return SMELT_OK;
    char **targets = NULL;
    enum smelt_result result =
        smelt_reflect_block(r, list[0].base_type_id, &r->out->push_constants, &targets);
    r->out->push_constant_targets = (const char *const *)targets;
    r->out->push_constants.alignment = 4;
    return result;
}

// --- Constants and local size -----------------------------------------------------------------------------

static uint64_t default_bits(spvc_constant constant, uint32_t size)
{
    if (size == 8) { // the only 64-bit value that the interface hands out; its bits are what is wanted
        double value = spvc_constant_get_scalar_fp64(constant, 0, 0);
        uint64_t bits;
        memcpy(&bits, &value, sizeof(bits));
        return bits;
    }
    uint32_t bits = spvc_constant_get_scalar_u32(constant, 0, 0);
    return size == 4 ? bits : bits & ((1u << 8 * size) - 1);
}

// glslang can give one id to two constants, of which one has no name (local sizes).
static enum smelt_result add_specialization(struct reflector *r, const spvc_specialization_constant *found,
                                            const char *name)
{
    struct smelt_reflection *out = r->out;
    struct smelt_specialization *list = (struct smelt_specialization *)out->specializations;
    spvc_constant constant = spvc_compiler_get_constant_handle(r->compiler, found->id);
    spvc_type type =
        constant ? spvc_compiler_get_type_handle(r->compiler, spvc_constant_get_type(constant)) : NULL;
    if (!type)
        return smelt_reflect_fail(r, "a specialization constant");
    uint32_t at = 0;
    while (at < out->specialization_count && list[at].id != found->constant_id)
        at++;
    if (at < out->specialization_count && *list[at].name)
        return SMELT_OK;
    char *copy = smelt_reflect_copy_name(r, name);
    if (at < out->specialization_count)
        free((char *)list[at].name);
    else if (!(list = smelt_reflect_grow(r, list, at, sizeof(*list))))
        return free(copy), SMELT_OK;
    out->specializations = list;
    out->specialization_count = SMELT_MAX(out->specialization_count, at + 1);
    bool boolean = spvc_type_get_basetype(type) == SPVC_BASETYPE_BOOLEAN;
    uint32_t size = boolean ? 4 : spvc_type_get_bit_width(type) / 8;
    list[at] = (struct smelt_specialization){copy, found->constant_id, size, default_bits(constant, size)};
    return SMELT_OK;
}

static enum smelt_result add_specializations(struct reflector *r)
{
    static const char *const axes[] = {"local_size_x", "local_size_y", "local_size_z"};
    spvc_specialization_constant local[3] = {{0}};
    const spvc_specialization_constant *list;
    size_t count;
    struct smelt_reflection *out = r->out;
    if (spvc_compiler_get_specialization_constants(r->compiler, &list, &count))
        return smelt_reflect_fail(r, "the specialization constants");
    spvc_compiler_get_work_group_size_specialization_constants(r->compiler, &local[0], &local[1], &local[2]);
    bool compute = spvc_compiler_get_execution_model(r->compiler) == SpvExecutionModelGLCompute;
    for (unsigned i = 0; i < 3 && compute; i++) {
        out->local_size[i] =
            spvc_compiler_get_execution_mode_argument_by_index(r->compiler, SpvExecutionModeLocalSize, i);
        if (local[i].id)
            out->local_size[i] = spvc_constant_get_scalar_u32(
                spvc_compiler_get_constant_handle(r->compiler, local[i].id), 0, 0);
    }
    for (size_t k = 0; k < count; k++) {
        const char *name = spvc_compiler_get_name(r->compiler, list[k].id);
        for (unsigned i = 0; i < 3; i++)
            if ((!name || !*name) && local[i].id == list[k].id)
                name = axes[i];
        enum smelt_result result = add_specialization(r, &list[k], name ? name : "");
        if (result || r->out_of_memory)
            return result;
    }
    return SMELT_OK;
}

static enum smelt_result reflect(struct reflector *r)
{
    spvc_parsed_ir ir;
    if (spvc_context_parse_spirv(r->spvc, r->words, r->word_count, &ir) ||
        spvc_context_create_compiler(r->spvc, SPVC_BACKEND_NONE, ir, SPVC_CAPTURE_MODE_TAKE_OWNERSHIP,
                                     &r->compiler))
        return smelt_fail(r->context, SMELT_ERROR_COMPILE,
                          "%s: reflection: SPIRV-Cross cannot read the PORTABLE form of the shader: %s; use "
                          "cooperative types only where SMELT_BACKEND_DEFAULT or an op's backend says so",
                          r->name, spvc_context_get_last_error_string(r->spvc));
    enum smelt_result result = smelt_reflect_blocks(r);
    if (!result)
        result = add_resources(r);
    return result ? result : add_specializations(r);
}

enum smelt_result smelt_reflect(smelt_context context, const char *name, const uint32_t *words, size_t count,
                                struct smelt_reflection **reflection)
{
    struct reflector r = {.context = context, .name = name, .words = words, .word_count = count};
    if (!smelt_spirv_is_valid(words, count))
        return smelt_fail(context, SMELT_ERROR_COMPILE, "%s: reflection: the compiler gave malformed SPIR-V",
                          name);
    r.out = calloc(1, sizeof(*r.out));
    // Without an error callback SPIRV-Cross keeps its messages to itself.
    enum smelt_result result = SMELT_OK;
    if (!r.out || spvc_context_create(&r.spvc))
        r.out_of_memory = true;
    else
        result = reflect(&r);
    if (!result && r.out_of_memory)
        result =
            smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the reflection", name);
    if (r.spvc)
        spvc_context_destroy(r.spvc);
    if (result)
        smelt_reflection_free(r.out);
    else
        *reflection = r.out;
    return result;
}
