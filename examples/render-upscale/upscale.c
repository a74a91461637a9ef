// SPDX-License-Identifier: MIT
// Records the frame: read upscale_record first. Above it: the network, the two render passes around it.
#include "upscale.h"

#include <string.h>

// SPIR-V made by glslc at build time (meson.build).
static const uint32_t screen_vert[] =
#include "backdrop.vert.inc"
    ;
static const uint32_t luma_frag[] =
#include "luma.frag.inc"
    ;
static const uint32_t show_frag[] =
#include "show.frag.inc"
    ;

static bool ok(enum smelt_result result)
{
    return result == SMELT_OK || fail("%s", smelt_last_error());
}

// --- The network ----------------------------------------------------------------------------------------

static bool create_network(smelt_context context, const struct upscale_params *params, struct upscale *u)
{
    if (!ok(smelt_package_open(params->package, &u->package)))
        return false;
    VkExtent2D scene = u->renderer->extent;
    static const char *const images[] = {"input", "output"}; // pixels instead of tensors, in the kernels
    static const VkFormat formats[] = {VK_FORMAT_UNDEFINED, VK_FORMAT_R8G8B8A8_UNORM};
    const struct smelt_network_input input = {
        .name = "input", .rank = 4, .shape = {1, 1, scene.height, scene.width}};
    const struct smelt_network_params network = {.inputs = &input,
                                                 .input_count = 1,
                                                 .storage = params->dtype,
                                                 .images = images,
                                                 .image_count = 2,
                                                 .image_formats = formats};
    if (!ok(smelt_network_create(context, u->package, &network, &u->network)))
        return false;
    const struct smelt_heap_params heap = {.size = smelt_network_info(u->network)->intermediates_size};
    const struct smelt_encoder_params encoder = {.frames_in_flight = FRAMES_IN_FLIGHT, .name = "upscale"};
    return ok(smelt_heap_create(context, &heap, &u->heap)) &&
           ok(smelt_encoder_create(context, &encoder, &u->encoder));
}

static bool create_image(struct gpu *gpu, VkFormat format, VkExtent2D extent, VkImageUsageFlags usage,
                         struct gpu_image *image)
{
    return gpu_image_create(gpu, format, extent, VK_SAMPLE_COUNT_1_BIT, usage, image);
}

static bool lend_image(smelt_context context, const struct gpu_image *image, VkImageUsageFlags usage,
                       smelt_image *lent)
{
    const struct smelt_image_params params = {.view = image->view,
                                              .format = image->format,
                                              .width = image->extent.width,
                                              .height = image->extent.height,
                                              .usage = usage};
    return ok(smelt_image_create(context, &params, lent));
}

static bool create_images(smelt_context context, VkExtent2D picture, struct upscale *u)
{
    const VkImageUsageFlags drawn = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, sampled = VK_IMAGE_USAGE_SAMPLED_BIT;
    const uint64_t *shape = smelt_network_info(u->network)->outputs[0].shape;
    VkExtent2D fine = {(uint32_t)shape[3], (uint32_t)shape[2]};
    struct gpu *gpu = u->renderer->gpu;
    return create_image(gpu, VK_FORMAT_R8_UNORM, u->renderer->extent, drawn | sampled, &u->luma) &&
           create_image(gpu, VK_FORMAT_R8G8B8A8_UNORM, fine, VK_IMAGE_USAGE_STORAGE_BIT | sampled,
                        &u->fine_luma) &&
           create_image(gpu, u->renderer->color.format, picture, drawn | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                        &u->picture) &&
           lend_image(context, &u->luma, sampled, &u->network_input) &&
           lend_image(context, &u->fine_luma, VK_IMAGE_USAGE_STORAGE_BIT, &u->network_output);
}

// --- The passes -----------------------------------------------------------------------------------------

static bool create_set_layout(struct upscale *u)
{
    VkDevice device = u->renderer->gpu->device;
    const VkSamplerCreateInfo sampler = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                                         .magFilter = VK_FILTER_LINEAR,
                                         .minFilter = VK_FILTER_LINEAR,
                                         .addressModeU = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE,
                                         .addressModeV = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE,
                                         .addressModeW = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE};
    if (!GPU_CALL(vkCreateSampler, device, &sampler, NULL, &u->sampler))
        return false;
    VkDescriptorSetLayoutBinding bindings[2];
    for (uint32_t i = 0; i < 2; i++)
        bindings[i] =
            (VkDescriptorSetLayoutBinding){.binding = i,
                                           .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                           .descriptorCount = 1,
                                           .stageFlags = VK_SHADER_STAGE_FRAGMENT_BIT,
                                           .pImmutableSamplers = &u->sampler};
    const VkDescriptorSetLayoutCreateInfo set_layout = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 2,
        .pBindings = bindings};
    return GPU_CALL(vkCreateDescriptorSetLayout, device, &set_layout, NULL, &u->set_layout);
}

// The scene and what the network made of it.
static bool create_set(struct upscale *u)
{
    VkDevice device = u->renderer->gpu->device;
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 2};
    const VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = 1,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    if (!GPU_CALL(vkCreateDescriptorPool, device, &pool, NULL, &u->descriptor_pool))
        return false;
    const VkDescriptorSetAllocateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                             .descriptorPool = u->descriptor_pool,
                                             .descriptorSetCount = 1,
                                             .pSetLayouts = &u->set_layout};
    if (!GPU_CALL(vkAllocateDescriptorSets, device, &set, &u->set))
        return false;
    const VkDescriptorImageInfo images[] = {
        {.imageView = u->renderer->color.view, .imageLayout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL},
        {.imageView = u->fine_luma.view, .imageLayout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL}};
    const VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                        .dstSet = u->set,
                                        .descriptorCount = 2, // goes on in binding 1
                                        .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                        .pImageInfo = images};
    vkUpdateDescriptorSets(device, 1, &write, 0, NULL);
    return true;
}

// One triangle over all of a colour attachment.
static bool create_pipeline(struct upscale *u, VkShaderModule vertex, VkShaderModule fragment,
                            VkFormat format, VkPipeline *pipeline)
{
    const struct graphics_params params = {
        .vertex = vertex, .fragment = fragment, .layout = u->layout, .colors = &format, .color_count = 1};
    return gpu_pipeline_create(u->renderer->gpu, &params, pipeline);
}

static bool create_pipelines(struct upscale *u)
{
    struct gpu *gpu = u->renderer->gpu;
    const VkPushConstantRange push = {VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(u->split)};
    const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .setLayoutCount = 1,
                                               .pSetLayouts = &u->set_layout,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &push};
    VkShaderModule vertex = VK_NULL_HANDLE, luma = VK_NULL_HANDLE, show = VK_NULL_HANDLE;
    bool done = GPU_CALL(vkCreatePipelineLayout, gpu->device, &layout, NULL, &u->layout) &&
                gpu_shader_module(gpu, screen_vert, sizeof(screen_vert), &vertex) &&
                gpu_shader_module(gpu, luma_frag, sizeof(luma_frag), &luma) &&
                gpu_shader_module(gpu, show_frag, sizeof(show_frag), &show) &&
                create_pipeline(u, vertex, luma, u->luma.format, &u->luma_pipeline) &&
                create_pipeline(u, vertex, show, u->picture.format, &u->show_pipeline);
    vkDestroyShaderModule(gpu->device, vertex, NULL);
    vkDestroyShaderModule(gpu->device, luma, NULL);
    vkDestroyShaderModule(gpu->device, show, NULL);
    return done;
}

// --- A frame --------------------------------------------------------------------------------------------

static void record_pass(struct upscale *u, VkCommandBuffer commands, VkPipeline pipeline,
                        const struct gpu_image *target)
{
    const VkExtent2D extent = target->extent;
    const VkRenderingAttachmentInfo color = {.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                             .imageView = target->view,
                                             .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                                             .loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE, // all is covered
                                             .storeOp = VK_ATTACHMENT_STORE_OP_STORE};
    const VkRenderingInfo rendering = {.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                                       .renderArea.extent = extent,
                                       .layerCount = 1,
                                       .colorAttachmentCount = 1,
                                       .pColorAttachments = &color};
    vkCmdBeginRendering(commands, &rendering);
    vkCmdSetViewport(commands, 0, 1, &(VkViewport){0, 0, (float)extent.width, (float)extent.height, 0, 1});
    vkCmdSetScissor(commands, 0, 1, &(VkRect2D){{0, 0}, extent});
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, u->layout, 0, 1, &u->set, 0, NULL);
    vkCmdPushConstants(commands, u->layout, VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(u->split), &u->split);
    vkCmdDraw(commands, 3, 1, 0, 0);
    vkCmdEndRendering(commands);
}

// Orders what stages (smelt_stage bits) do with an image, and changes its layout; from UNDEFINED its contents are lost.
static void barrier(VkCommandBuffer commands, const struct gpu_image *image, uint32_t source,
                    uint32_t destination, VkImageLayout from, VkImageLayout to)
{
    struct smelt_barrier b = smelt_barrier_between(source, destination);
    gpu_image_barrier(commands, image, (struct gpu_access){from, b.source_stages, b.source_access},
                      (struct gpu_access){to, b.destination_stages, b.destination_access});
}

static bool record_network(struct upscale *u, VkCommandBuffer commands, uint64_t frame)
{
    const struct smelt_recording_params recording = {.commands = commands, .frame = frame};
    const struct smelt_network_argument arguments[] = {{.name = "input", .image = u->network_input},
                                                       {.name = "output", .image = u->network_output}};
    const struct smelt_network_dispatch dispatch = {
        .arguments = arguments, .argument_count = 2, .heap = u->heap};
    // The frame before this one may still be in the heap.
    const struct smelt_barrier heap =
        smelt_barrier_between(SMELT_STAGE_MACHINE_LEARNING, SMELT_STAGE_MACHINE_LEARNING);
    return ok(smelt_encoder_begin(u->encoder, &recording)) && ok(smelt_encoder_barrier(u->encoder, &heap)) &&
           ok(smelt_encoder_dispatch_network(u->encoder, u->network, &dispatch)) &&
           ok(smelt_encoder_end(u->encoder));
}

bool upscale_record(void *user, VkCommandBuffer commands, uint64_t frame)
{
    enum {
        COLOR = SMELT_STAGE_COLOR,
        FRAGMENT = SMELT_STAGE_FRAGMENT,
        NETWORK = SMELT_STAGE_MACHINE_LEARNING,
    };
    const VkImageLayout undefined = VK_IMAGE_LAYOUT_UNDEFINED,
                        drawn = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                        sampled = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, stored = VK_IMAGE_LAYOUT_GENERAL;
    struct upscale *u = user;
    const struct gpu_image *scene = &u->renderer->color;

    // The scene's luma; the network of the frame before may still read the image.
    barrier(commands, scene, COLOR, FRAGMENT, drawn, sampled);
    barrier(commands, &u->luma, NETWORK, COLOR, undefined, drawn);
    record_pass(u, commands, u->luma_pipeline, &u->luma);

    // The network; the last pass of the frame before may still read its output.
    barrier(commands, &u->luma, COLOR, NETWORK, drawn, sampled);
    barrier(commands, &u->fine_luma, FRAGMENT, NETWORK, undefined, stored);
    if (!record_network(u, commands, frame))
        return false;

    // The picture.
    barrier(commands, &u->fine_luma, NETWORK, FRAGMENT, stored, sampled);
    barrier(commands, &u->picture, COLOR, COLOR, undefined, drawn);
    record_pass(u, commands, u->show_pipeline, &u->picture);
    barrier(commands, scene, FRAGMENT, COLOR, sampled, drawn); // for the next frame
    return true;
}

// --- All of it ------------------------------------------------------------------------------------------

bool upscale_create(smelt_context context, struct renderer *renderer, const struct upscale_params *params,
                    struct upscale *u)
{
    u->renderer = renderer;
    return create_network(context, params, u) && create_images(context, params->extent, u) &&
           create_set_layout(u) && create_set(u) && create_pipelines(u);
}

void upscale_destroy(struct upscale *u)
{
    if (!u->renderer || !u->renderer->gpu)
        return;
    struct gpu *gpu = u->renderer->gpu;
    vkDestroyPipeline(gpu->device, u->luma_pipeline, NULL);
    vkDestroyPipeline(gpu->device, u->show_pipeline, NULL);
    vkDestroyPipelineLayout(gpu->device, u->layout, NULL);
    vkDestroyDescriptorPool(gpu->device, u->descriptor_pool, NULL);
    vkDestroyDescriptorSetLayout(gpu->device, u->set_layout, NULL);
    vkDestroySampler(gpu->device, u->sampler, NULL);
    smelt_image_destroy(&u->network_input);
    smelt_image_destroy(&u->network_output);
    gpu_image_destroy(gpu, &u->luma);
    gpu_image_destroy(gpu, &u->fine_luma);
    gpu_image_destroy(gpu, &u->picture);
    smelt_encoder_destroy(&u->encoder);
    smelt_heap_destroy(&u->heap);
    smelt_network_destroy(&u->network);
    smelt_package_close(&u->package);
    *u = (struct upscale){0};
}
