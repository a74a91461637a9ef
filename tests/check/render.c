// SPDX-License-Identifier: MIT
// The fragment stage of a row: a target of four outputs per fragment, the pipeline, the draw, the picture.
#include "program.h"

#include <stdio.h>
#include <string.h>

static enum smelt_result create_target(struct check_program *p)
{
    struct check_device *d = p->device;
    smelt_context context = d->context;
    const struct smelt_vk *vk = &context->vk;
    VkImageCreateInfo image = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                               .imageType = VK_IMAGE_TYPE_2D,
                               .format = VK_FORMAT_R32G32B32A32_SFLOAT,
                               .extent = {p->width, p->height, 1},
                               .mipLevels = 1,
                               .arrayLayers = 1,
                               .samples = VK_SAMPLE_COUNT_1_BIT,
                               .usage =
                                   VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT};
    VkResult r = vk->CreateImage(context->device, &image, NULL, &p->image);
    if (r)
        return smelt_fail_vk(context, r, "vkCreateImage");
    VkMemoryRequirements needs;
    vk->GetImageMemoryRequirements(context->device, p->image, &needs);
    enum smelt_result result =
        smelt_memory_allocate(context, &needs, SMELT_PLACE_DEVICE, SMELT_MEMORY_TEXTURE, &p->image_memory);
    if (result)
        return result;
    p->image_size = needs.size;
    r = vk->BindImageMemory(context->device, p->image, p->image_memory, 0);
    VkImageViewCreateInfo view = {.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                                  .image = p->image,
                                  .viewType = VK_IMAGE_VIEW_TYPE_2D,
                                  .format = image.format,
                                  .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
    if (!r)
        r = vk->CreateImageView(context->device, &view, NULL, &p->view);
    VkAttachmentDescription attachment = {.format = image.format,
                                          .samples = VK_SAMPLE_COUNT_1_BIT,
                                          .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                          .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                          .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL};
    VkAttachmentReference reference = {0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    VkSubpassDescription subpass = {.colorAttachmentCount = 1, .pColorAttachments = &reference};
    VkSubpassDependency after = {.srcSubpass = 0,
                                 .dstSubpass = VK_SUBPASS_EXTERNAL,
                                 .srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
                                 .srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
                                 .dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
                                 .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT};
    VkRenderPassCreateInfo pass = {.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                   .attachmentCount = 1,
                                   .pAttachments = &attachment,
                                   .subpassCount = 1,
                                   .pSubpasses = &subpass,
                                   .dependencyCount = 1,
                                   .pDependencies = &after};
    if (!r)
        r = d->vk.CreateRenderPass(context->device, &pass, NULL, &p->render_pass);
    VkFramebufferCreateInfo framebuffer = {.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                                           .renderPass = p->render_pass,
                                           .attachmentCount = 1,
                                           .pAttachments = &p->view,
                                           .width = p->width,
                                           .height = p->height,
                                           .layers = 1};
    if (!r)
        r = d->vk.CreateFramebuffer(context->device, &framebuffer, NULL, &p->framebuffer);
    return r ? smelt_fail_vk(context, r, "making a render target") : SMELT_OK;
}

static enum smelt_result create_graphics_pipeline(struct check_program *p)
{
    struct check_device *d = p->device;
    smelt_context context = d->context;
    VkShaderModule vertex, fragment;
    enum smelt_result result = smelt_shader_module(d->vertex, &vertex);
    if (result || (result = smelt_shader_module(p->shader, &fragment)))
        return result;
    VkPushConstantRange range = {VK_SHADER_STAGE_FRAGMENT_BIT, 0, 8};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .pushConstantRangeCount = 1,
                                         .pPushConstantRanges = &range};
    VkResult r = context->vk.CreatePipelineLayout(context->device, &layout, NULL, &p->layout);
    if (r)
        return smelt_fail_vk(context, r, "vkCreatePipelineLayout");
    VkPipelineShaderStageCreateInfo stages[2] = {
        {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_VERTEX_BIT,
         .module = vertex,
         .pName = "main"},
        {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
         .module = fragment,
         .pName = "main"}};
    VkPipelineVertexInputStateCreateInfo input = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
    VkPipelineInputAssemblyStateCreateInfo assembly = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
    VkViewport viewport = {0, 0, (float)p->width, (float)p->height, 0, 1};
    VkRect2D scissor = {{0, 0}, {p->width, p->height}};
    VkPipelineViewportStateCreateInfo viewports = {.sType =
                                                       VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
                                                   .viewportCount = 1,
                                                   .pViewports = &viewport,
                                                   .scissorCount = 1,
                                                   .pScissors = &scissor};
    VkPipelineRasterizationStateCreateInfo raster = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO, .lineWidth = 1};
    VkPipelineMultisampleStateCreateInfo samples = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
    VkPipelineColorBlendAttachmentState attachment = {.colorWriteMask = 15};
    VkPipelineColorBlendStateCreateInfo blend = {.sType =
                                                     VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
                                                 .attachmentCount = 1,
                                                 .pAttachments = &attachment};
    VkGraphicsPipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                         .stageCount = 2,
                                         .pStages = stages,
                                         .pVertexInputState = &input,
                                         .pInputAssemblyState = &assembly,
                                         .pViewportState = &viewports,
                                         .pRasterizationState = &raster,
                                         .pMultisampleState = &samples,
                                         .pColorBlendState = &blend,
                                         .layout = p->layout,
                                         .renderPass = p->render_pass};
    r = d->vk.CreateGraphicsPipelines(context->device, VK_NULL_HANDLE, 1, &info, NULL, &p->pipeline);
    return r ? smelt_fail_vk(context, r, "vkCreateGraphicsPipelines") : SMELT_OK;
}

enum smelt_result check_render_create(struct check_program *p)
{
    enum smelt_result result = create_target(p);
    return result ? result : create_graphics_pipeline(p);
}

void check_render_destroy(struct check_program *p)
{
    smelt_context context = p->device->context;
    if (p->framebuffer)
        p->device->vk.DestroyFramebuffer(context->device, p->framebuffer, NULL);
    if (p->render_pass)
        p->device->vk.DestroyRenderPass(context->device, p->render_pass, NULL);
    if (p->view)
        context->vk.DestroyImageView(context->device, p->view, NULL);
    if (p->image)
        context->vk.DestroyImage(context->device, p->image, NULL);
    if (p->image_memory)
        smelt_memory_free(context, &p->image_memory, p->image_size, SMELT_MEMORY_TEXTURE);
}

void check_render_record(struct check_program *p, VkCommandBuffer commands)
{
    VkClearValue clear = {.color = {.uint32 = {0xAAAAAAAA, 0xAAAAAAAA, 0xAAAAAAAA, 0xAAAAAAAA}}};
    VkRenderPassBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                   .renderPass = p->render_pass,
                                   .framebuffer = p->framebuffer,
                                   .renderArea = {{0, 0}, {p->width, p->height}},
                                   .clearValueCount = 1,
                                   .pClearValues = &clear};
    p->device->vk.CmdBeginRenderPass(commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
    p->device->vk.CmdDraw(commands, 3, 1, 0, 0);
    p->device->vk.CmdEndRenderPass(commands);
}

void check_render_read(const struct check_program *p, double *got, bool *intact, char what[200])
{
    const float *pixels = p->host.mapped;
    for (uint32_t e = 0; e < p->c->evaluations; e++)
        for (uint32_t i = 0; i < p->c->outputs; i++) {
            uint64_t row = (uint64_t)(e / p->width) * p->groups + i / 4;
            const float *value = &pixels[(row * p->width + e % p->width) * 4 + i % 4];
            uint32_t bits;
            memcpy(&bits, value, 4);
            if (bits == 0xAAAAAAAA && *intact) {
                *intact = false;
                snprintf(what, 200, "evaluation %u output %u was not written", e, i);
            }
            got[(uint64_t)e * p->c->outputs + i] = *value;
        }
}
