// SPDX-License-Identifier: MIT
// Read record at the end first: what a frame of the deferred path is. Above it: what that needs.
#include "deferred.h"

#include <stdio.h>
#include <string.h>

// SPIR-V made by glslc at build time (meson.build).
static const uint32_t attachments_frag[] =
#include "attachments.frag.inc"
    ;
static const uint32_t composite_frag[] =
#include "composite.frag.inc"
    ;

static bool ok(enum smelt_result result)
{
    return result == SMELT_OK || fail("%s", smelt_last_error());
}

// --- Images and the pipelines that draw ---------------------------------------------------------------------

static bool create_images(struct deferred *d)
{
    struct gpu *gpu = d->renderer->gpu;
    const VkImageUsageFlags attachment = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_SAMPLED_BIT,
                            stored = VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_SAMPLED_BIT |
                                     VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    VkExtent2D extent = d->renderer->extent;
    return gpu_image_create(gpu, VK_FORMAT_R32G32B32A32_UINT, extent, VK_SAMPLE_COUNT_1_BIT, attachment,
                            &d->texels) &&
           gpu_image_create(gpu, VK_FORMAT_R32G32B32A32_SFLOAT, extent, VK_SAMPLE_COUNT_1_BIT, attachment,
                            &d->positions) &&
           gpu_image_create(gpu, VK_FORMAT_R16G16B16A16_SFLOAT, extent, VK_SAMPLE_COUNT_1_BIT, attachment,
                            &d->normals) &&
           gpu_image_create(gpu, VK_FORMAT_R16G16B16A16_SFLOAT, extent, VK_SAMPLE_COUNT_1_BIT, attachment,
                            &d->tangents) &&
           gpu_image_create(gpu, VK_FORMAT_R32G32B32A32_SFLOAT, extent, VK_SAMPLE_COUNT_1_BIT, stored,
                            &d->lit);
}

static bool create_composite_set(struct deferred *d)
{
    VkDevice device = d->renderer->gpu->device;
    const VkDescriptorSetLayoutBinding binding = {.descriptorType = VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE,
                                                  .descriptorCount = 1,
                                                  .stageFlags = VK_SHADER_STAGE_FRAGMENT_BIT};
    const VkDescriptorSetLayoutCreateInfo layout = {.sType =
                                                        VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                    .bindingCount = 1,
                                                    .pBindings = &binding};
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, 1};
    const VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = 1,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    if (!GPU_CALL(vkCreateDescriptorSetLayout, device, &layout, NULL, &d->composite_layout) ||
        !GPU_CALL(vkCreateDescriptorPool, device, &pool, NULL, &d->composite_pool))
        return false;
    const VkDescriptorSetAllocateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                             .descriptorPool = d->composite_pool,
                                             .descriptorSetCount = 1,
                                             .pSetLayouts = &d->composite_layout};
    if (!GPU_CALL(vkAllocateDescriptorSets, device, &set, &d->composite_set))
        return false;
    const VkDescriptorImageInfo image = {.imageView = d->lit.view, .imageLayout = VK_IMAGE_LAYOUT_GENERAL};
    const VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                        .dstSet = d->composite_set,
                                        .descriptorCount = 1,
                                        .descriptorType = VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE,
                                        .pImageInfo = &image};
    vkUpdateDescriptorSets(device, 1, &write, 0, NULL);
    return true;
}

static bool bind_composite(void *user, VkCommandBuffer commands, VkPipelineLayout layout, uint64_t frame)
{
    struct deferred *d = user;
    (void)frame;
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout, 1, 1, &d->composite_set, 0,
                            NULL);
    return true;
}

static bool create_passes(struct deferred *d)
{
    const VkFormat formats[] = {d->texels.format, d->positions.format, d->normals.format, d->tangents.format};
    struct gpu *gpu = d->renderer->gpu;
    VkShaderModule attachments = VK_NULL_HANDLE, composite = VK_NULL_HANDLE;
    d->composite.bind = bind_composite;
    d->composite.user = d;
    bool done = gpu_shader_module(gpu, attachments_frag, sizeof(attachments_frag), &attachments) &&
                gpu_shader_module(gpu, composite_frag, sizeof(composite_frag), &composite) &&
                renderer_attachments_create(d->renderer, attachments, formats, 4, &d->attachments) &&
                renderer_screen_create(d->renderer, composite, d->composite_layout, &d->composite);
    vkDestroyShaderModule(gpu->device, attachments, NULL);
    vkDestroyShaderModule(gpu->device, composite, NULL);
    return done;
}

// --- Materials, by architecture -----------------------------------------------------------------------------

static bool load_materials(smelt_context context, struct deferred *d)
{
    for (uint32_t i = 0; i < d->params.count; i++) {
        const struct smelt_material_params params = {.path = d->params.packages[i],
                                                     .backend = d->params.backend,
                                                     .computed = d->params.precision,
                                                     .deferred = true,
                                                     .frames_in_flight = FRAMES_IN_FLIGHT};
        smelt_material material = NULL;
        if (!ok(smelt_material_create(context, &params, &material)))
            return false;
        // In front of the first one of another architecture that follows one of its own.
        uint32_t at = i;
        for (uint32_t k = 0; k < i; k++)
            if (smelt_material_info(d->materials[k].material)->architecture ==
                smelt_material_info(material)->architecture)
                at = k + 1;
        memmove(&d->materials[at + 1], &d->materials[at], (i - at) * sizeof(d->materials[0]));
        d->materials[at] = (struct deferred_material){.material = material, .part = i};
        if (!ok(smelt_material_upload_and_wait(material)))
            return false;
    }
    for (uint32_t i = 0; i < d->params.count; i++) {
        struct deferred_group *group = d->group_count ? &d->groups[d->group_count - 1] : NULL;
        d->numbers[d->materials[i].part] = i;
        if (!group || smelt_material_info(d->materials[i].material)->architecture !=
                          smelt_material_info(d->materials[group->first].material)->architecture) {
            group = &d->groups[d->group_count++];
            group->first = i;
        }
        group->count++;
    }
    return true;
}

static bool compile(smelt_context context, struct deferred *d, struct deferred_group *group)
{
    smelt_material material = d->materials[group->first].material;
    uint32_t latents = smelt_material_info(material)->latent_count * group->count;
    struct neural_source source = {0};
    if (!neural_describe(material, "deferred.comp", latents, &source))
        return false;
    neural_define(&source, "STOCHASTIC", d->params.stochastic);
    neural_define(&source, "LEVELS", d->params.levels);
    neural_define(&source, "MIP", d->params.mip);
    neural_define(&source, "SELECT", d->renderer->gpu->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU);
    source.params.ops = &source.op;
    source.params.op_count = 1;
    bool done = ok(smelt_shader_create(context, &source.params, &group->shader));
    smelt_free_text(&source.module);
    return done;
}

static bool set_images(struct deferred *d, struct deferred_group *group)
{
    const struct {
        const char *name;
        const struct gpu_image *image;
        VkImageLayout layout;
    } images[] = {{"samples", &d->texels, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL},
                  {"positions", &d->positions, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL},
                  {"normals", &d->normals, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL},
                  {"tangents", &d->tangents, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL},
                  {"lit", &d->lit, VK_IMAGE_LAYOUT_GENERAL}};
    for (size_t i = 0; i < sizeof(images) / sizeof(*images); i++)
        if (!ok(smelt_arguments_set_texture(group->sets, images[i].name, 0, images[i].image->view,
                                            VK_NULL_HANDLE, images[i].layout)))
            return false;
    uint32_t texture = 0;
    for (uint32_t m = group->first; m < group->first + group->count; m++) {
        smelt_material material = d->materials[m].material;
        if (!ok(smelt_material_set_arguments(material, d->materials[m].block, "", texture)))
            return false;
        for (uint32_t i = 0; i < smelt_material_info(material)->latent_count; i++, texture++)
            if (!ok(smelt_arguments_set_texture(
                    group->sets, "latents", texture, smelt_material_latent(material, i),
                    smelt_material_sampler(material), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL)))
                return false;
    }
    return true;
}

static bool create_group(smelt_context context, struct deferred *d, struct deferred_group *group)
{
    if (!compile(context, d, group))
        return false;
    const struct smelt_arguments_params sets = {.shaders = &group->shader,
                                                .shader_count = 1,
                                                .block = "",
                                                .descriptors = true,
                                                .set = 1,
                                                .frames_in_flight = FRAMES_IN_FLIGHT};
    const struct smelt_arguments_params block = {.shaders = &group->shader,
                                                 .shader_count = 1,
                                                 .block = "neural_block",
                                                 .frames_in_flight = FRAMES_IN_FLIGHT};
    for (uint32_t m = group->first; m < group->first + group->count; m++)
        if (!ok(smelt_arguments_create(context, &block, &d->materials[m].block)))
            return false;
    if (!ok(smelt_arguments_create(context, &sets, &group->sets)) || !set_images(d, group))
        return false;
    const VkDescriptorSetLayout layouts[] = {d->renderer->scene_layout,
                                             smelt_arguments_set_layout(group->sets)};
    const struct smelt_pipeline_params pipeline = {
        .shader = group->shader, .set_layouts = layouts, .set_layout_count = 2};
    return ok(smelt_pipeline_create(context, &pipeline, &group->pipeline));
}

static bool create_lists(smelt_context context, struct deferred *d)
{
    struct smelt_deferred_group groups[DEFERRED_MOST_MATERIALS] = {{0}};
    VkExtent2D extent = d->renderer->extent;
    for (uint32_t i = 0; i < d->group_count; i++)
        groups[i].material_count = d->groups[i].count;
    const struct smelt_deferred_params lists = {
        .width = extent.width, .height = extent.height, .groups = groups, .group_count = d->group_count};
    const struct smelt_image_params image = {.view = d->texels.view,
                                             .format = d->texels.format,
                                             .width = extent.width,
                                             .height = extent.height,
                                             .usage = VK_IMAGE_USAGE_SAMPLED_BIT};
    const struct smelt_encoder_params encoder = {.frames_in_flight = FRAMES_IN_FLIGHT};
    return ok(smelt_deferred_create(context, &lists, &d->lists)) &&
           ok(smelt_image_create(context, &image, &d->texels_image)) &&
           ok(smelt_encoder_create(context, &encoder, &d->encoder));
}

bool deferred_create(smelt_context context, struct renderer *renderer, const struct deferred_params *params,
                     struct deferred *d)
{
    d->renderer = renderer;
    d->params = *params;
    if (!create_images(d) || !create_composite_set(d) || !create_passes(d) || !load_materials(context, d))
        return false;
    for (uint32_t i = 0; i < d->group_count; i++)
        if (!create_group(context, d, &d->groups[i]))
            return false;
    return create_lists(context, d);
}

void deferred_destroy(struct deferred *d)
{
    if (!d->renderer)
        return;
    struct gpu *gpu = d->renderer->gpu;
    smelt_encoder_destroy(&d->encoder);
    smelt_deferred_destroy(&d->lists);
    smelt_image_destroy(&d->texels_image);
    for (uint32_t i = 0; i < DEFERRED_MOST_MATERIALS; i++) {
        smelt_pipeline_destroy(&d->groups[i].pipeline);
        smelt_arguments_destroy(&d->groups[i].sets);
        smelt_arguments_destroy(&d->materials[i].block);
        smelt_shader_destroy(&d->groups[i].shader);
        smelt_material_destroy(&d->materials[i].material);
    }
    renderer_surface_destroy(d->renderer, &d->attachments);
    renderer_surface_destroy(d->renderer, &d->composite);
    vkDestroyDescriptorPool(gpu->device, d->composite_pool, NULL);
    vkDestroyDescriptorSetLayout(gpu->device, d->composite_layout, NULL);
    struct gpu_image *const images[] = {&d->texels, &d->positions, &d->normals, &d->tangents, &d->lit};
    for (int i = 0; i < 5; i++)
        gpu_image_destroy(gpu, images[i]);
    *d = (struct deferred){0};
}

// --- A frame ------------------------------------------------------------------------------------------------

static const struct gpu_access
    attachment_write = {VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                        VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT,
                        VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT},
    compute_read = {VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                    VK_ACCESS_2_SHADER_SAMPLED_READ_BIT},
    compute_write = {VK_IMAGE_LAYOUT_GENERAL, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                     VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT},
    clear_write = {VK_IMAGE_LAYOUT_GENERAL, VK_PIPELINE_STAGE_2_CLEAR_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT},
    fragment_read = {VK_IMAGE_LAYOUT_GENERAL, VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT,
                     VK_ACCESS_2_SHADER_SAMPLED_READ_BIT};

// What is no mesh stays clear; frames that are averaged build on the ones before.
static void begin_lit(struct deferred *d, VkCommandBuffer commands, bool keep)
{
    struct gpu_access used = fragment_read;
    if (keep) {
        gpu_image_barrier(commands, &d->lit, used, compute_write);
        return;
    }
    used.layout = VK_IMAGE_LAYOUT_UNDEFINED;
    gpu_image_barrier(commands, &d->lit, used, clear_write);
    const VkImageSubresourceRange whole = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    vkCmdClearColorImage(commands, d->lit.image, VK_IMAGE_LAYOUT_GENERAL, &(VkClearColorValue){{0}}, 1,
                         &whole);
    gpu_image_barrier(commands, &d->lit, clear_write, compute_write);
}

static bool evaluate(struct deferred *d, VkCommandBuffer commands, uint64_t frame)
{
    struct smelt_deferred_pass passes[DEFERRED_MOST_MATERIALS];
    struct smelt_argument arguments[DEFERRED_MOST_MATERIALS][3];
    VkDeviceAddress blocks[DEFERRED_MOST_MATERIALS];
    uint32_t number = (uint32_t)(frame - d->first_frame), kept = d->params.accumulate ? number : 0;
    begin_lit(d, commands, kept > 0);
    for (uint32_t i = 0; i < d->params.count; i++)
        if (!ok(smelt_arguments_flush(d->materials[i].block, frame, &blocks[i])))
            return false;
    for (uint32_t i = 0; i < d->group_count; i++) {
        struct deferred_group *group = &d->groups[i];
        arguments[i][0] = (struct smelt_argument){
            .name = "materials", .bytes = &blocks[group->first], .size = group->count * sizeof(blocks[0])};
        arguments[i][1] = (struct smelt_argument){.name = "frame", .bytes = &number, .size = 4};
        arguments[i][2] = (struct smelt_argument){.name = "kept", .bytes = &kept, .size = 4};
        if (!ok(smelt_arguments_flush(group->sets, frame, NULL)))
            return false;
        passes[i] = (struct smelt_deferred_pass){
            group->pipeline,
            arguments[i],
            3,
            {d->renderer->scene_set, smelt_arguments_descriptor_set(group->sets, frame)}};
    }
    const struct smelt_recording_params recording = {.commands = commands, .frame = frame};
    return ok(smelt_encoder_begin(d->encoder, &recording)) &&
           ok(smelt_encode_deferred(d->encoder, d->lists, d->texels_image, passes)) &&
           ok(smelt_encoder_end(d->encoder));
}

// Called by the renderer between the shadow map and the picture.
static bool record(void *user, VkCommandBuffer commands, uint64_t frame)
{
    struct deferred *d = user;
    const struct gpu_image *const images[] = {&d->texels, &d->positions, &d->normals, &d->tangents};
    d->first_frame = d->drawn ? d->first_frame : frame;
    d->drawn = true;
    renderer_draw_attachments(d->renderer, commands, &d->attachments, images, d->numbers, 4);
    for (int i = 0; i < 4; i++)
        gpu_image_barrier(commands, images[i], attachment_write, compute_read);
    if (!evaluate(d, commands, frame))
        return false;
    gpu_image_barrier(commands, &d->lit, compute_write, fragment_read);
    return true;
}

struct renderer_post deferred_post(struct deferred *deferred)
{
    return (struct renderer_post){.before = record, .user = deferred};
}
