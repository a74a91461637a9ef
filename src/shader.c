// SPDX-License-Identifier: MIT
// Shader objects: what a compiled shader is asked for, its Vulkan module, compute pipelines, the embedded modules.
#include "shader_internal.h"
#include "embedded.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    VkShaderStageFlagBits stage;
    const char *name;
} stages[] = {
    {VK_SHADER_STAGE_VERTEX_BIT, "vertex"},
    {VK_SHADER_STAGE_FRAGMENT_BIT, "fragment"},
    {VK_SHADER_STAGE_COMPUTE_BIT, "compute"},
    {VK_SHADER_STAGE_GEOMETRY_BIT, "geometry"},
    {VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT, "tessellation_control"},
    {VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT, "tessellation_evaluation"},
    {VK_SHADER_STAGE_TASK_BIT_EXT, "task"},
    {VK_SHADER_STAGE_MESH_BIT_EXT, "mesh"},
};

const char *smelt_stage_name(VkShaderStageFlags stage)
{
    for (size_t i = 0; i < SMELT_COUNT_OF(stages); i++)
        if ((VkShaderStageFlags)stages[i].stage == stage)
            return stages[i].name;
    return NULL;
}

VkShaderStageFlagBits smelt_stage_from_name(const char *name)
{
    for (size_t i = 0; i < SMELT_COUNT_OF(stages); i++)
        if (!strcmp(stages[i].name, name))
            return stages[i].stage;
    return 0;
}

void smelt_shader_require(struct smelt_shader_info *info, uint32_t subgroup_size,
                          VkPipelineShaderStageCreateFlags flags)
{
    info->subgroup_size.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO;
    if (subgroup_size)
        info->subgroup_size.requiredSubgroupSize = subgroup_size;
    info->stage_flags |= flags;
}

void smelt_shader_info_free(struct smelt_shader_info *info)
{
    for (uint32_t i = 0; i < info->dependency_count; i++)
        free((char *)info->dependencies[i]);
    free((void *)info->dependencies);
    free((uint32_t *)info->spirv);
    free((char *)info->name);
    smelt_reflection_free((struct smelt_reflection *)info->reflection);
    *info = (struct smelt_shader_info){0};
}

enum smelt_result smelt_shader_wrap(smelt_context context, struct smelt_shader_info *info,
                                    smelt_shader *shader)
{
    smelt_shader s = calloc(1, sizeof(*s));
    if (!s || mtx_init(&s->mutex, mtx_plain) != thrd_success) {
        free(s);
        enum smelt_result result =
            smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the shader", info->name);
        smelt_shader_info_free(info);
        return result;
    }
    s->context = context;
    s->info = *info;
    *info = (struct smelt_shader_info){0};
    *shader = s;
    return SMELT_OK;
}

enum smelt_result smelt_shader_create(smelt_context context, const struct smelt_shader_params *params,
                                      smelt_shader *shader)
{
    if (!params || !shader)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_shader_create: wanted params and a place for the shader, got NULL");
    struct smelt_shader_info info = {0};
    enum smelt_result result = smelt_compile(context, params, &info);
    return result ? result : smelt_shader_wrap(context, &info, shader);
}

void smelt_shader_destroy(smelt_shader *shader)
{
    if (!shader || !*shader)
        return;
    smelt_shader s = *shader;
    if (s->module)
        s->context->vk.DestroyShaderModule(s->context->device, s->module, s->context->allocation_callbacks);
    mtx_destroy(&s->mutex);
    smelt_shader_info_free(&s->info);
    free(s);
    *shader = NULL;
}

const struct smelt_shader_info *smelt_shader_info(smelt_shader shader)
{
    return shader ? &shader->info : NULL;
}

static enum smelt_result create_module(smelt_shader s)
{
    VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = s->info.spirv_size,
        .pCode = s->info.spirv,
    };
    VkResult result = s->context->vk.CreateShaderModule(s->context->device, &info,
                                                        s->context->allocation_callbacks, &s->module);
    if (result != VK_SUCCESS)
        return smelt_fail_vk(s->context, result, "vkCreateShaderModule");
    smelt_set_debug_name(s->context, VK_OBJECT_TYPE_SHADER_MODULE, (uint64_t)s->module, s->info.name);
    return SMELT_OK;
}

enum smelt_result smelt_shader_module(smelt_shader shader, VkShaderModule *module)
{
    if (!shader || !module)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_shader_module: wanted a shader and a place for the module, got NULL");
    if (!shader->context)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: a VkShaderModule needs a device, but the shader was created without a context",
                          shader->info.name);
    mtx_lock(&shader->mutex);
    enum smelt_result result = shader->module ? SMELT_OK : create_module(shader);
    if (!result)
        *module = shader->module;
    mtx_unlock(&shader->mutex);
    return result;
}

const struct smelt_block *smelt_shader_block(smelt_shader shader, const char *name)
{
    if (!shader)
        return NULL;
    const struct smelt_reflection *reflection = shader->info.reflection;
    if (!name)
        return reflection->block_count == 1 ? reflection->blocks : NULL;
    for (uint32_t i = 0; i < reflection->block_count; i++)
        if (!strcmp(reflection->blocks[i].name, name))
            return &reflection->blocks[i];
    return NULL;
}

static enum smelt_result check_layout(smelt_shader shader, const VkDescriptorSetLayout *set_layouts,
                                      uint32_t set_layout_count)
{
    const struct smelt_reflection *reflection = shader->info.reflection;
    const struct smelt_capabilities *capabilities = &shader->context->capabilities;
    for (uint32_t i = 0; i < reflection->binding_count; i++) {
        const struct smelt_binding *b = &reflection->bindings[i];
        if (b->set >= set_layout_count)
            return smelt_fail(shader->context, SMELT_ERROR_INVALID_ARGUMENT,
                              "%s: binding \"%s\" is in set %u: wanted at least %u set layouts, got %u",
                              shader->info.name, b->name, b->set, b->set + 1, set_layout_count);
    }
    for (uint32_t i = 0; i < set_layout_count; i++)
        if (!set_layouts || !set_layouts[i])
            return smelt_fail(shader->context, SMELT_ERROR_INVALID_ARGUMENT,
                              "%s: set layout %u of %u is null", shader->info.name, i, set_layout_count);
    if (reflection->push_constants.size > capabilities->max_push_constants_size)
        return smelt_fail(shader->context, SMELT_ERROR_UNSUPPORTED,
                          "%s: %u bytes of push constants, but the device has %u", shader->info.name,
                          reflection->push_constants.size, capabilities->max_push_constants_size);
    return SMELT_OK;
}

enum smelt_result smelt_shader_create_pipeline_in(smelt_shader shader,
                                                  const VkSpecializationInfo *specialization,
                                                  VkPipelineLayout layout, VkPipeline *pipeline)
{
    smelt_context context = shader->context;
    VkShaderModule module;
    enum smelt_result found = smelt_shader_module(shader, &module);
    if (found)
        return found;
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size = shader->info.subgroup_size;
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = size.requiredSubgroupSize ? &size : NULL,
                  .flags = shader->info.stage_flags,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main",
                  .pSpecializationInfo = specialization},
        .layout = layout,
    };
    VkPipeline made = VK_NULL_HANDLE;
    VkResult result = context->vk.CreateComputePipelines(context->device, context->pipeline_cache, 1, &info,
                                                         context->allocation_callbacks, &made);
    if (result != VK_SUCCESS)
        return smelt_fail_vk(context, result, "vkCreateComputePipelines");
    smelt_set_debug_name(context, VK_OBJECT_TYPE_PIPELINE, (uint64_t)made, shader->info.name);
    *pipeline = made;
    return SMELT_OK;
}

enum smelt_result smelt_shader_create_compute_pipeline(smelt_shader shader,
                                                       const VkDescriptorSetLayout *set_layouts,
                                                       uint32_t set_layout_count,
                                                       const VkSpecializationInfo *specialization,
                                                       VkPipelineLayout *layout, VkPipeline *pipeline)
{
    if (!shader || !layout || !pipeline)
        return smelt_fail(
            NULL, SMELT_ERROR_INVALID_ARGUMENT,
            "smelt_shader_create_compute_pipeline: wanted a shader and places for the layout and "
            "the pipeline, got NULL");
    if (shader->info.stage != VK_SHADER_STAGE_COMPUTE_BIT)
        return smelt_fail(shader->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: a compute pipeline wants a compute shader, got a %s shader", shader->info.name,
                          smelt_stage_name(shader->info.stage));
    smelt_context context = shader->context;
    if (!context)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: a pipeline needs a device, but the shader was created without a context",
                          shader->info.name);
    enum smelt_result result = check_layout(shader, set_layouts, set_layout_count);
    if (result)
        return result;
    VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                 shader->info.reflection->push_constants.size};
    range.size = (range.size + 3) & ~3u; // ranges are in words
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = set_layout_count,
        .pSetLayouts = set_layouts,
        .pushConstantRangeCount = range.size != 0,
        .pPushConstantRanges = &range,
    };
    VkPipelineLayout made = VK_NULL_HANDLE;
    VkResult vk_result =
        context->vk.CreatePipelineLayout(context->device, &info, context->allocation_callbacks, &made);
    if (vk_result != VK_SUCCESS)
        return smelt_fail_vk(context, vk_result, "vkCreatePipelineLayout");
    result = smelt_shader_create_pipeline_in(shader, specialization, made, pipeline);
    if (result) {
        context->vk.DestroyPipelineLayout(context->device, made, context->allocation_callbacks);
        return result;
    }
    smelt_set_debug_name(context, VK_OBJECT_TYPE_PIPELINE_LAYOUT, (uint64_t)made, shader->info.name);
    *layout = made;
    return SMELT_OK;
}

const char *smelt_module_text(uint32_t index, const char **name)
{
    for (uint32_t i = 0; i <= index; i++)
        if (!smelt_embedded_modules[i].name)
            return NULL;
    if (name)
        *name = smelt_embedded_modules[index].name;
    return (const char *)smelt_embedded_modules[index].data;
}
