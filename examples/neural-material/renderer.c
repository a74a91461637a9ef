// SPDX-License-Identifier: MIT
// Sets the renderer up: targets, the scene's descriptor set, pipelines, frames.
#include "renderer.h"
#include "scene.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// SPIR-V made by glslc at build time (meson.build).
static const uint32_t mesh_vert[] =
#include "mesh.vert.inc"
    ;
static const uint32_t shadow_vert[] =
#include "shadow.vert.inc"
    ;
static const uint32_t backdrop_vert[] =
#include "backdrop.vert.inc"
    ;
static const uint32_t backdrop_frag[] =
#include "backdrop.frag.inc"
    ;

static const VkFormat color_format = VK_FORMAT_R8G8B8A8_SRGB, depth_format = VK_FORMAT_D32_SFLOAT;
static const VkExtent2D shadow_extent = {2048, 2048};

// --- Images and buffers ---------------------------------------------------------------------------------

static bool create_targets(struct renderer *r)
{
    const VkImageUsageFlags color = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
                            depth = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
    if (r->samples > 1 &&
        !gpu_image_create(r->gpu, color_format, r->extent, r->samples, color, &r->samples_color))
        return false;
    return gpu_image_create(r->gpu, color_format, r->extent, VK_SAMPLE_COUNT_1_BIT,
                            color | VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                            &r->color) &&
           gpu_image_create(r->gpu, depth_format, r->extent, r->samples, depth, &r->depth) &&
           gpu_image_create(r->gpu, depth_format, shadow_extent, VK_SAMPLE_COUNT_1_BIT,
                            depth | VK_IMAGE_USAGE_SAMPLED_BIT, &r->shadow);
}

void renderer_look(struct renderer *r, const struct mesh *mesh, const struct scene_view *view)
{
    const struct scene scene =
        scene_for_mesh(mesh, view, (float)r->extent.width / (float)r->extent.height, r->tiling);
    memcpy(r->uniforms.mapped, &scene, sizeof(scene));
}

static bool create_buffers(struct renderer *r, const struct mesh *mesh)
{
    VkDeviceSize vertices = mesh->vertex_count * sizeof(*mesh->vertices),
                 indices = mesh->index_count * sizeof(*mesh->indices);
    if (!gpu_buffer_create(r->gpu, vertices, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, &r->vertices) ||
        !gpu_buffer_create(r->gpu, indices, VK_BUFFER_USAGE_INDEX_BUFFER_BIT, &r->indices) ||
        !gpu_buffer_create(r->gpu, sizeof(struct scene), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, &r->uniforms))
        return false;
    memcpy(r->vertices.mapped, mesh->vertices, (size_t)vertices);
    memcpy(r->indices.mapped, mesh->indices, (size_t)indices);
    renderer_look(r, mesh, &(struct scene_view){.elevation = mesh->elevation, .zoom = 1.0f});
    r->index_count = mesh->index_count;
    r->part_count = r->part_count ? r->part_count : 1;
    return true;
}

// --- Descriptor set 0 -----------------------------------------------------------------------------------

static bool create_scene_layout(struct renderer *r)
{
    // Beyond the edge of the shadow map everything is lit.
    const VkSamplerCreateInfo sampler = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                                         .addressModeU = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER,
                                         .addressModeV = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER,
                                         .addressModeW = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER,
                                         .borderColor = VK_BORDER_COLOR_FLOAT_OPAQUE_WHITE};
    const VkDescriptorSetLayoutBinding bindings[] = {
        {.binding = 0,
         .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
         .descriptorCount = 1,
         .stageFlags =
             VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT | VK_SHADER_STAGE_COMPUTE_BIT},
        {.binding = 1,
         .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
         .descriptorCount = 1,
         .stageFlags = VK_SHADER_STAGE_FRAGMENT_BIT | VK_SHADER_STAGE_COMPUTE_BIT}};
    const VkDescriptorSetLayoutCreateInfo layout = {.sType =
                                                        VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                    .bindingCount = 2,
                                                    .pBindings = bindings};
    return GPU_CALL(vkCreateSampler, r->gpu->device, &sampler, NULL, &r->shadow_sampler) &&
           GPU_CALL(vkCreateDescriptorSetLayout, r->gpu->device, &layout, NULL, &r->scene_layout);
}

static bool create_scene_set(struct renderer *r)
{
    const VkDescriptorPoolSize sizes[] = {{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1},
                                          {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1}};
    const VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = 1,
                                             .poolSizeCount = 2,
                                             .pPoolSizes = sizes};
    if (!GPU_CALL(vkCreateDescriptorPool, r->gpu->device, &pool, NULL, &r->descriptor_pool))
        return false;
    const VkDescriptorSetAllocateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                             .descriptorPool = r->descriptor_pool,
                                             .descriptorSetCount = 1,
                                             .pSetLayouts = &r->scene_layout};
    if (!GPU_CALL(vkAllocateDescriptorSets, r->gpu->device, &set, &r->scene_set))
        return false;
    const VkDescriptorBufferInfo buffer = {r->uniforms.buffer, 0, VK_WHOLE_SIZE};
    const VkDescriptorImageInfo image = {r->shadow_sampler, r->shadow.view,
                                         VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    const VkWriteDescriptorSet writes[] = {{.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                            .dstSet = r->scene_set,
                                            .dstBinding = 0,
                                            .descriptorCount = 1,
                                            .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
                                            .pBufferInfo = &buffer},
                                           {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                            .dstSet = r->scene_set,
                                            .dstBinding = 1,
                                            .descriptorCount = 1,
                                            .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                            .pImageInfo = &image}};
    vkUpdateDescriptorSets(r->gpu->device, 2, writes, 0, NULL);
    return true;
}

// --- Pipelines ------------------------------------------------------------------------------------------

enum pass { PASS_SHADOW, PASS_BACKDROP, PASS_MESH };
struct formats {
    uint32_t count;
    const VkFormat *formats;
};
static const struct formats picture_formats = {1, &color_format}, no_formats = {0, &color_format};

static bool create_pipeline(struct renderer *r, enum pass pass, VkShaderModule vertex,
                            VkShaderModule fragment, VkPipelineLayout layout, struct formats formats,
                            VkPipeline *pipeline)
{
    static const VkVertexInputBindingDescription binding = {0, sizeof(struct vertex),
                                                            VK_VERTEX_INPUT_RATE_VERTEX};
    static const VkVertexInputAttributeDescription attributes[] = {
        {0, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(struct vertex, position)},
        {1, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(struct vertex, normal)},
        {2, 0, VK_FORMAT_R32G32B32A32_SFLOAT, offsetof(struct vertex, tangent)},
        {3, 0, VK_FORMAT_R32G32_SFLOAT, offsetof(struct vertex, uv)}};
    const VkPipelineVertexInputStateCreateInfo input = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
        .vertexBindingDescriptionCount = 1,
        .pVertexBindingDescriptions = &binding,
        .vertexAttributeDescriptionCount = pass == PASS_SHADOW ? 1 : 4,
        .pVertexAttributeDescriptions = attributes};
    const struct graphics_params params = {
        .vertex = vertex,
        .fragment = fragment,
        .layout = layout,
        .colors = formats.formats,
        .color_count = formats.count,
        .input = pass == PASS_BACKDROP ? NULL : &input,
        .depth = depth_format,
        .depth_tested = pass != PASS_BACKDROP,
        .samples = pass == PASS_SHADOW ? VK_SAMPLE_COUNT_1_BIT : r->samples,
        .each_sample_shaded = pass == PASS_MESH && r->samples > 1}; // the material is finer than a pixel
    return gpu_pipeline_create(r->gpu, &params, pipeline);
}

static bool create_pipelines(struct renderer *r)
{
    const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .setLayoutCount = 1,
                                               .pSetLayouts = &r->scene_layout};
    VkShaderModule shadow = VK_NULL_HANDLE, fragment = VK_NULL_HANDLE;
    bool done =
        GPU_CALL(vkCreatePipelineLayout, r->gpu->device, &layout, NULL, &r->layout) &&
        gpu_shader_module(r->gpu, mesh_vert, sizeof(mesh_vert), &r->mesh_vertex) &&
        gpu_shader_module(r->gpu, shadow_vert, sizeof(shadow_vert), &shadow) &&
        gpu_shader_module(r->gpu, backdrop_vert, sizeof(backdrop_vert), &r->screen_vertex) &&
        gpu_shader_module(r->gpu, backdrop_frag, sizeof(backdrop_frag), &fragment) &&
        create_pipeline(r, PASS_SHADOW, shadow, VK_NULL_HANDLE, r->layout, no_formats, &r->shadow_pipeline) &&
        create_pipeline(r, PASS_BACKDROP, r->screen_vertex, fragment, r->layout, picture_formats,
                        &r->backdrop_pipeline);
    vkDestroyShaderModule(r->gpu->device, shadow, NULL);
    vkDestroyShaderModule(r->gpu->device, fragment, NULL);
    return done;
}

// Of set 0, `set_layout` where there is one, and push constants where they have a size.
static bool create_layout(struct renderer *r, VkDescriptorSetLayout set_layout, uint32_t push_constant_size,
                          VkPipelineLayout *pipeline_layout)
{
    const VkDescriptorSetLayout sets[] = {r->scene_layout, set_layout};
    const VkPushConstantRange push = {VK_SHADER_STAGE_FRAGMENT_BIT, 0, push_constant_size};
    const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .setLayoutCount = set_layout ? 2 : 1,
                                               .pSetLayouts = sets,
                                               .pushConstantRangeCount = push_constant_size > 0,
                                               .pPushConstantRanges = &push};
    return GPU_CALL(vkCreatePipelineLayout, r->gpu->device, &layout, NULL, pipeline_layout);
}

bool renderer_surface_create(struct renderer *r, VkShaderModule fragment, VkDescriptorSetLayout set_layout,
                             uint32_t push_constant_size, struct surface_pipeline *surface)
{
    return create_layout(r, set_layout, push_constant_size, &surface->layout) &&
           create_pipeline(r, PASS_MESH, r->mesh_vertex, fragment, surface->layout, picture_formats,
                           &surface->pipeline);
}

bool renderer_screen_create(struct renderer *r, VkShaderModule fragment, VkDescriptorSetLayout set_layout,
                            struct surface_pipeline *surface)
{
    surface->screen = true;
    return create_layout(r, set_layout, 0, &surface->layout) &&
           create_pipeline(r, PASS_BACKDROP, r->screen_vertex, fragment, surface->layout, picture_formats,
                           &surface->pipeline);
}

bool renderer_attachments_create(struct renderer *r, VkShaderModule fragment, const VkFormat *formats,
                                 uint32_t count, struct surface_pipeline *surface)
{
    return create_layout(r, VK_NULL_HANDLE, sizeof(uint32_t), &surface->layout) &&
           create_pipeline(r, PASS_MESH, r->mesh_vertex, fragment, surface->layout,
                           (struct formats){count, formats}, &surface->pipeline);
}

void renderer_surface_destroy(struct renderer *r, struct surface_pipeline *surface)
{
    if (r->gpu && r->gpu->device) {
        vkDestroyPipeline(r->gpu->device, surface->pipeline, NULL);
        vkDestroyPipelineLayout(r->gpu->device, surface->layout, NULL);
    }
    *surface = (struct surface_pipeline){0};
}

// --- All of it ------------------------------------------------------------------------------------------

static bool create_frames(struct renderer *r)
{
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .queueFamilyIndex = r->gpu->queue_family};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    const VkQueryPoolCreateInfo times = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                         .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                         .queryCount = 2};
    for (int i = 0; i < FRAMES_IN_FLIGHT; i++) {
        struct renderer_frame *frame = r->frames + i;
        VkCommandBufferAllocateInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                                .commandBufferCount = 1};
        if (!GPU_CALL(vkCreateCommandPool, r->gpu->device, &pool, NULL, &frame->pool) ||
            !GPU_CALL(vkCreateFence, r->gpu->device, &fence, NULL, &frame->done) ||
            !GPU_CALL(vkCreateQueryPool, r->gpu->device, &times, NULL, &frame->times))
            return false;
        commands.commandPool = frame->pool;
        if (!GPU_CALL(vkAllocateCommandBuffers, r->gpu->device, &commands, &frame->commands))
            return false;
    }
    return true;
}

bool renderer_create(struct gpu *gpu, const struct renderer_params *params, const struct mesh *mesh,
                     struct renderer *r)
{
    const VkPhysicalDeviceLimits *limits = &gpu->properties.limits;
    r->gpu = gpu;
    r->extent = (VkExtent2D){params->width, params->height};
    r->samples = (VkSampleCountFlagBits)params->samples;
    r->part_count = params->parts;
    if (params->width > limits->maxFramebufferWidth || params->height > limits->maxFramebufferHeight)
        return fail("--size: %ux%u is larger than the %ux%u of this device", params->width, params->height,
                    limits->maxFramebufferWidth, limits->maxFramebufferHeight);
    r->tiling = params->tiling > 0.0f ? params->tiling : mesh->tiling;
    return create_targets(r) && create_buffers(r, mesh) && create_scene_layout(r) && create_scene_set(r) &&
           create_pipelines(r) && create_frames(r);
}

void renderer_destroy(struct renderer *r)
{
    if (!r->gpu || !r->gpu->device)
        return;
    VkDevice device = r->gpu->device;
    for (int i = 0; i < FRAMES_IN_FLIGHT; i++) {
        vkDestroyCommandPool(device, r->frames[i].pool, NULL);
        vkDestroyFence(device, r->frames[i].done, NULL);
        vkDestroyQueryPool(device, r->frames[i].times, NULL);
    }
    vkDestroyPipeline(device, r->shadow_pipeline, NULL);
    vkDestroyPipeline(device, r->backdrop_pipeline, NULL);
    vkDestroyShaderModule(device, r->mesh_vertex, NULL);
    vkDestroyShaderModule(device, r->screen_vertex, NULL);
    vkDestroyPipelineLayout(device, r->layout, NULL);
    vkDestroyDescriptorPool(device, r->descriptor_pool, NULL);
    vkDestroyDescriptorSetLayout(device, r->scene_layout, NULL);
    vkDestroySampler(device, r->shadow_sampler, NULL);
    gpu_image_destroy(r->gpu, &r->samples_color);
    gpu_image_destroy(r->gpu, &r->color);
    gpu_image_destroy(r->gpu, &r->depth);
    gpu_image_destroy(r->gpu, &r->shadow);
    gpu_buffer_destroy(r->gpu, &r->vertices);
    gpu_buffer_destroy(r->gpu, &r->indices);
    gpu_buffer_destroy(r->gpu, &r->uniforms);
    *r = (struct renderer){0};
}
