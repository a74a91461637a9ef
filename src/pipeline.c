// SPDX-License-Identifier: MIT
// Compute pipelines for the encoder: the arguments of a shader under one numbering, and its specialized forms.
#include "arguments_internal.h"
#include "encoder_internal.h"
#include "shader_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// What a pipeline and those specialized from it have in common.
struct smelt_pipeline_family {
    smelt_shader shader;
    struct name_table names; // of the arguments, which own them
    struct smelt_member *members;
    struct smelt_pipeline_argument *arguments;
    char *name;
    VkPipelineLayout layout;
    uint32_t local_size_ids[3]; // 1 + constant_id; 0: a literal
    mtx_t mutex;                // guards `first` and what follows it
    bool has_mutex;
    struct smelt_pipeline_t *first; // linked by `next`
};

// --- Arguments --------------------------------------------------------------------------------------------

// The block that the push constants point to; NULL: none, or more than one, which are arguments of kind ADDRESS.
static const struct smelt_block *argument_block(const struct smelt_reflection *reflection, uint32_t *push)
{
    const char *name = NULL;
    for (uint32_t i = 0; i < reflection->push_constants.member_count; i++)
        if (reflection->push_constant_targets[i]) {
            if (name)
                return NULL;
            name = reflection->push_constant_targets[i];
            *push = reflection->push_constants.members[i].offset;
        }
    for (uint32_t b = 0; name && b < reflection->block_count; b++)
        if (!strcmp(reflection->blocks[b].name, name))
            return &reflection->blocks[b];
    return NULL;
}

// The type of tensors that need no further look: those of dynamic extents.
static uint32_t plain_type(const struct smelt_member *member)
{
    uint32_t type = smelt_tensor_type(member->dtype, member->rank);
    for (uint32_t d = 0; d < member->rank; d++)
        if (member->shape[d])
            type = SMELT_NO_PLAIN_TYPE;
    bool is_static = member->rank > 0; // by constants, which a tensor's strides have to go with
    for (uint32_t d = 0; d < member->rank; d++)
        is_static = is_static && member->shape_constant[d];
    return member->kind == SMELT_MEMBER_TENSOR && member->rank && !is_static ? type : SMELT_NO_PLAIN_TYPE;
}

static enum smelt_result add_arguments(smelt_pipeline p, const struct smelt_block *block, bool in_push,
                                       const char **names)
{
    struct smelt_pipeline_family *family = p->family;
    for (uint32_t i = 0; i < block->member_count; i++) {
        const struct smelt_member *member = &block->members[i];
        if (in_push && p->block_size && member->offset == p->block_push)
            continue; // the block's address
        for (uint32_t k = 0; k < p->info.argument_count; k++)
            if (!strcmp(names[k], member->name))
                return smelt_fail(p->context, SMELT_ERROR_INVALID_ARGUMENT,
                                  "pipeline '%s': \"%s\" is in the block and in the push constants, wanted "
                                  "arguments of different names",
                                  family->name, member->name);
        if (!smelt_member_fits(block, member))
            return smelt_fail(p->context, SMELT_ERROR_INVALID_ARGUMENT,
                              "pipeline '%s': argument \"%s\" (%u bytes at %u) does not fit its block of %u",
                              family->name, member->name, member->size, member->offset, block->size);
        uint32_t at = p->info.argument_count;
        family->members[at] = *member;
        family->arguments[at] = (struct smelt_pipeline_argument){
            .type = plain_type(member),
            .place = (in_push ? p->push_at : 0) + member->offset,
            .size = member->size,
            .access = member->access,
            .in_push = in_push,
            .range = member->kind == SMELT_MEMBER_CONSTANT ? UINT32_MAX : p->range_count++,
        };
        if (!(family->members[at].name = names[at] = smelt_copy_string(member->name)))
            return smelt_fail(p->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "pipeline: out of host memory");
        p->info.argument_count++;
    }
    return SMELT_OK;
}

static enum smelt_result reflect(smelt_pipeline p)
{
    struct smelt_pipeline_family *family = p->family;
    const struct smelt_reflection *reflection = smelt_shader_info(family->shader)->reflection;
    const struct smelt_block *block = argument_block(reflection, &p->block_push);
    uint32_t count = (block ? block->member_count : 0) + reflection->push_constants.member_count;
    const char **names = calloc(SMELT_MAX(count, 1), sizeof(*names));
    family->members = calloc(SMELT_MAX(count, 1), sizeof(*family->members));
    family->arguments = calloc(SMELT_MAX(count, 1), sizeof(*family->arguments));
    enum smelt_result result = SMELT_OK;
    if (!names || !family->members || !family->arguments)
        result = smelt_fail(p->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "pipeline: out of host memory");
    if (!result && block) {
        p->block_size = block->size;
        p->block_alignment = SMELT_MAX(16, block->alignment);
        p->push_at = (block->size + 7) & ~7u;
        result = add_arguments(p, block, false, names);
        p->info.block_argument_count = p->info.argument_count;
    }
    p->push_size = (reflection->push_constants.size + 3) & ~3u; // as in the layout
    if (!result)
        result = add_arguments(p, &reflection->push_constants, true, names);
    p->info.arguments = family->members;
    p->arguments = family->arguments;
    if (!result && p->block_alignment > SMELT_RECORDING_ALIGNMENT)
        result = smelt_fail(p->context, SMELT_ERROR_UNSUPPORTED,
                            "pipeline '%s': its block wants an alignment of %u bytes, at most %u is possible",
                            family->name, p->block_alignment, SMELT_RECORDING_ALIGNMENT);
    if (!result)
        return smelt_name_table_create(p->context, names, p->info.argument_count, &family->names);
    free(names);
    return result;
}

enum smelt_result smelt_pipeline_find(smelt_pipeline pipeline, const char *name, uint32_t *argument)
{
    if (!pipeline || !name || !argument)
        return smelt_fail(
            pipeline ? pipeline->context : NULL, SMELT_ERROR_INVALID_ARGUMENT,
            "smelt_pipeline_find: wanted a pipeline, a name and a place for the index, got NULL");
    const struct name_table *names = &pipeline->family->names;
    uint32_t found = smelt_name_table_find(names, name, strlen(name));
    if (found != UINT32_MAX) {
        *argument = found;
        return SMELT_OK;
    }
    struct smelt_text text = {0};
    smelt_name_table_suggest(names, name, &text);
    smelt_fail(pipeline->context, SMELT_ERROR_NOT_FOUND, "pipeline '%s': no argument \"%s\"%s",
               pipeline->info.name, name, text.data ? text.data : "");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_FOUND;
}

// --- Constants --------------------------------------------------------------------------------------------

static enum smelt_result unknown_constant(smelt_pipeline p, const char *name)
{
    const struct smelt_reflection *reflection = smelt_shader_info(p->family->shader)->reflection;
    struct smelt_text text = {0};
    for (uint32_t i = 0; i < reflection->specialization_count; i++)
        smelt_text_add(&text, "%s\"%s\"", i ? ", " : "", reflection->specializations[i].name);
    smelt_fail(p->context, SMELT_ERROR_NOT_FOUND,
               "pipeline '%s': no specialization constant \"%s\"; there are: %s", p->info.name,
               name ? name : "(NULL)", text.data ? text.data : "none");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_FOUND;
}

static enum smelt_result set_constants(smelt_pipeline p, const struct smelt_constant *constants,
                                       uint32_t count)
{
    const struct smelt_reflection *reflection = smelt_shader_info(p->family->shader)->reflection;
    if (count && !constants)
        return smelt_fail(p->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "pipeline '%s': constants is NULL, wanted %u", p->info.name, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;
        while (at < reflection->specialization_count && constants[i].name &&
               strcmp(reflection->specializations[at].name, constants[i].name) != 0)
            at++;
        if (!constants[i].name || at == reflection->specialization_count)
            return unknown_constant(p, constants[i].name);
        p->constants[at] = constants[i].bits;
    }
    const struct smelt_capabilities *c = &p->context->capabilities;
    uint64_t invocations = 1;
    for (int d = 0; d < 3; d++) {
        uint32_t id = p->family->local_size_ids[d];
        p->info.local_size[d] = reflection->local_size[d];
        for (uint32_t k = 0; id && k < reflection->specialization_count; k++)
            if (reflection->specializations[k].id == id - 1)
                p->info.local_size[d] = (uint32_t)p->constants[k];
        uint32_t size = p->info.local_size[d];
        invocations *= size;
        if (!size || size > c->max_workgroup_size[d] || invocations > c->max_workgroup_invocations)
            return smelt_fail(p->context, SMELT_ERROR_UNSUPPORTED,
                              "pipeline '%s': a local size of %u in dimension %d (%" PRIu64
                              " invocations so far), the device has 1 to %u (%u)",
                              p->info.name, size, d, invocations, c->max_workgroup_size[d],
                              c->max_workgroup_invocations);
    }
    return SMELT_OK;
}

// --- Life -------------------------------------------------------------------------------------------------

static void destroy_one(smelt_pipeline p)
{
    p->context->vk.DestroyPipeline(p->context->device, p->info.pipeline, p->context->allocation_callbacks);
    free(p->constants);
    free(p);
}

// The set layouts are for the first one of the family, which makes its layout.
static enum smelt_result make_vulkan(smelt_pipeline p, const VkDescriptorSetLayout *set_layouts)
{
    struct smelt_pipeline_family *family = p->family;
    const struct smelt_reflection *reflection = smelt_shader_info(family->shader)->reflection;
    uint32_t count = reflection->specialization_count;
    VkSpecializationMapEntry *entries = calloc(SMELT_MAX(count, 1), sizeof(*entries));
    if (!entries)
        return smelt_fail(p->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "pipeline: out of host memory");
    for (uint32_t i = 0; i < count; i++)
        entries[i] =
            (VkSpecializationMapEntry){reflection->specializations[i].id, i * (uint32_t)sizeof(uint64_t),
                                       reflection->specializations[i].size};
    VkSpecializationInfo info = {count, entries, count * sizeof(uint64_t), p->constants};
    enum smelt_result result =
        family->layout
            ? smelt_shader_create_pipeline_in(family->shader, &info, family->layout, &p->info.pipeline)
            : smelt_shader_create_compute_pipeline(family->shader, set_layouts, p->set_count, &info,
                                                   &family->layout, &p->info.pipeline);
    free(entries);
    p->info.layout = family->layout;
    if (!result)
        smelt_set_debug_name(p->context, VK_OBJECT_TYPE_PIPELINE, (uint64_t)p->info.pipeline, p->info.name);
    return result;
}

static enum smelt_result check_params(smelt_context context, const struct smelt_pipeline_params *params,
                                      smelt_pipeline *pipeline)
{
    if (!context || !params || !params->shader || !pipeline)
        return smelt_fail(
            context, SMELT_ERROR_INVALID_ARGUMENT,
            "smelt_pipeline_create: wanted a context, params with a shader, and a place for the "
            "pipeline, got NULL");
    const struct smelt_shader_info *info = smelt_shader_info(params->shader);
    if (params->shader->context != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "pipeline: shader '%s' is of %s", info->name,
                          params->shader->context ? "another context" : "no context");
    if (info->stage != VK_SHADER_STAGE_COMPUTE_BIT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "pipeline: '%s' is a %s shader, wanted a compute shader", info->name,
                          smelt_stage_name(info->stage));
    if (params->set_layout_count > SMELT_MAX_SETS)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "pipeline: '%s' with %u descriptor sets, at most %u are possible", info->name,
                          params->set_layout_count, SMELT_MAX_SETS);
    return SMELT_OK;
}

// One with the constants of the shader (`from` NULL) or of another one of the family.
static enum smelt_result allocate(smelt_context context, struct smelt_pipeline_family *family,
                                  const struct smelt_pipeline_t *from, smelt_pipeline *pipeline)
{
    const struct smelt_reflection *reflection = smelt_shader_info(family->shader)->reflection;
    uint32_t count = reflection->specialization_count;
    smelt_pipeline p = calloc(1, sizeof(*p));
    uint64_t *constants = calloc(SMELT_MAX(count, 1), sizeof(*constants));
    if (!p || !constants) {
        free(p);
        free(constants);
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "pipeline: out of host memory");
    }
    if (from)
        *p = *from;
    p->context = context;
    p->family = family;
    p->constants = constants;
    p->info.name = family->name;
    p->info.pipeline = VK_NULL_HANDLE;
    p->next = NULL;
    for (uint32_t i = 0; i < count; i++)
        constants[i] = from ? from->constants[i] : reflection->specializations[i].default_bits;
    *pipeline = p;
    return SMELT_OK;
}

enum smelt_result smelt_pipeline_create(smelt_context context, const struct smelt_pipeline_params *params,
                                        smelt_pipeline *pipeline)
{
    enum smelt_result result = check_params(context, params, pipeline);
    if (result)
        return result;
    const struct smelt_shader_info *info = smelt_shader_info(params->shader);
    struct smelt_pipeline_family *family = calloc(1, sizeof(*family));
    if (!family)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "pipeline: out of host memory");
    family->shader = params->shader;
    smelt_pipeline p = NULL;
    result = allocate(context, family, NULL, &p);
    if (result) {
        free(family);
        return result;
    }
    p->coopvec = info->backend == SMELT_BACKEND_COOPVEC;
    family->first = p;
    family->has_mutex = mtx_init(&family->mutex, mtx_plain) == thrd_success;
    p->info.name = family->name = smelt_copy_string(params->name ? params->name : info->name);
    if (!family->name || !family->has_mutex)
        result = smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "pipeline: out of host memory");
    smelt_spirv_local_size_ids(info->spirv, info->spirv_size / 4, family->local_size_ids);
    if (!result)
        result = reflect(p);
    if (!result)
        result = set_constants(p, params->constants, params->constant_count);
    p->set_count = params->set_layout_count;
    for (uint32_t i = 0; i < info->reflection->binding_count; i++)
        if (info->reflection->bindings[i].set < SMELT_MAX_SETS)
            p->set_mask |= 1u << info->reflection->bindings[i].set;
    if (!result)
        result = make_vulkan(p, params->set_layouts);
    if (result)
        smelt_pipeline_destroy(&p);
    else
        *pipeline = p;
    return result;
}

void smelt_pipeline_destroy(smelt_pipeline *pipeline)
{
    smelt_pipeline p = *pipeline;
    *pipeline = NULL;
    if (!p)
        return;
    smelt_context context = p->context;
    struct smelt_pipeline_family *family = p->family;
    for (uint32_t i = 0; i < p->info.argument_count; i++)
        free((char *)family->members[i].name);
    while (family->first) {
        smelt_pipeline next = family->first->next;
        destroy_one(family->first);
        family->first = next;
    }
    context->vk.DestroyPipelineLayout(context->device, family->layout, context->allocation_callbacks);
    smelt_name_table_destroy(&family->names);
    if (family->has_mutex)
        mtx_destroy(&family->mutex);
    free(family->members);
    free(family->arguments);
    free(family->name);
    free(family);
}

enum smelt_result smelt_pipeline_specialize(smelt_pipeline pipeline, const struct smelt_constant *constants,
                                            uint32_t constant_count, smelt_pipeline *specialized)
{
    if (!pipeline || !specialized)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_pipeline_specialize: wanted a pipeline and a place for the other, got NULL");
    struct smelt_pipeline_family *family = pipeline->family;
    size_t size = smelt_shader_info(family->shader)->reflection->specialization_count * sizeof(uint64_t);
    smelt_pipeline p = NULL;
    enum smelt_result result = allocate(pipeline->context, family, pipeline, &p);
    if (result)
        return result;
    mtx_lock(&family->mutex);
    result = set_constants(p, constants, constant_count);
    smelt_pipeline found = family->first;
    while (!result && found && memcmp(found->constants, p->constants, size) != 0)
        found = found->next;
    if (!result && !found && !(result = make_vulkan(p, NULL))) {
        p->next = family->first->next;
        family->first->next = found = p;
    } else {
        destroy_one(p);
    }
    mtx_unlock(&family->mutex);
    if (!result)
        *specialized = found;
    return result;
}

const struct smelt_pipeline_info *smelt_pipeline_info(smelt_pipeline pipeline)
{
    return &pipeline->info;
}
