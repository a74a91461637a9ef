// SPDX-License-Identifier: MIT
// The state of a plain graphics pipeline, for any way of calling Vulkan: triangles from both sides, nothing blended.
#ifndef GRAPHICS_STATE_H
#define GRAPHICS_STATE_H

#include <stdbool.h>
#include <vulkan/vulkan_core.h>

#define GRAPHICS_MOST_COLORS 4

struct graphics_params {
    VkShaderModule vertex, fragment; // fragment: null for depth alone
    VkPipelineLayout layout;
    const VkFormat *colors; // attachments, all components written
    uint32_t color_count;
    VkExtent2D extent;                                 // all of which is drawn to; 0: set when drawing
    const VkPipelineVertexInputStateCreateInfo *input; // NULL: no vertex buffers
    VkFormat depth;                                    // attachment; UNDEFINED: none
    bool depth_tested;                                 // and written: nearer is less
    VkSampleCountFlagBits samples;                     // 0: 1
    bool each_sample_shaded;
};

// `info` points into this, into what params point to, and at nothing else; pNext may be prepended to.
struct graphics_state {
    VkGraphicsPipelineCreateInfo info;
    VkViewport viewport;
    VkRect2D scissor;
    VkDynamicState dynamic[2];
    VkPipelineShaderStageCreateInfo stages[2];
    VkPipelineColorBlendAttachmentState blended[GRAPHICS_MOST_COLORS];
    VkPipelineVertexInputStateCreateInfo no_input;
    VkPipelineInputAssemblyStateCreateInfo assembly;
    VkPipelineViewportStateCreateInfo view;
    VkPipelineRasterizationStateCreateInfo raster;
    VkPipelineMultisampleStateCreateInfo samples;
    VkPipelineDepthStencilStateCreateInfo depth;
    VkPipelineColorBlendStateCreateInfo blend;
    VkPipelineDynamicStateCreateInfo when_drawing;
    VkPipelineRenderingCreateInfo rendering;
};

static inline void graphics_state_fixed(struct graphics_state *s, const struct graphics_params *p)
{
    bool is_set = p->extent.width > 0;
    s->viewport = (VkViewport){0, 0, (float)p->extent.width, (float)p->extent.height, 0, 1};
    s->scissor = (VkRect2D){{0, 0}, p->extent};
    s->dynamic[0] = VK_DYNAMIC_STATE_VIEWPORT;
    s->dynamic[1] = VK_DYNAMIC_STATE_SCISSOR;
    s->no_input.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO;
    s->assembly = (VkPipelineInputAssemblyStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
    s->view =
        (VkPipelineViewportStateCreateInfo){.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
                                            .viewportCount = 1,
                                            .pViewports = is_set ? &s->viewport : NULL,
                                            .scissorCount = 1,
                                            .pScissors = is_set ? &s->scissor : NULL};
    s->raster = (VkPipelineRasterizationStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
        .frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE,
        .lineWidth = 1.0f};
    s->when_drawing =
        (VkPipelineDynamicStateCreateInfo){.sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
                                           .dynamicStateCount = is_set ? 0 : 2,
                                           .pDynamicStates = s->dynamic};
}

static inline void graphics_state_outputs(struct graphics_state *s, const struct graphics_params *p)
{
    for (uint32_t i = 0; i < GRAPHICS_MOST_COLORS; i++)
        s->blended[i].colorWriteMask = 0xf;
    s->samples = (VkPipelineMultisampleStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = p->samples ? p->samples : VK_SAMPLE_COUNT_1_BIT,
        .sampleShadingEnable = p->each_sample_shaded,
        .minSampleShading = 1.0f};
    s->depth = (VkPipelineDepthStencilStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
        .depthTestEnable = p->depth_tested,
        .depthWriteEnable = p->depth_tested,
        .depthCompareOp = VK_COMPARE_OP_LESS};
    s->blend = (VkPipelineColorBlendStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = p->color_count,
        .pAttachments = s->blended};
    s->rendering = (VkPipelineRenderingCreateInfo){.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
                                                   .colorAttachmentCount = p->color_count,
                                                   .pColorAttachmentFormats = p->colors,
                                                   .depthAttachmentFormat = p->depth};
}

static inline void graphics_state(struct graphics_state *s, const struct graphics_params *p)
{
    *s = (struct graphics_state){.viewport = {0}};
    for (int i = 0; i < 2; i++)
        s->stages[i] = (VkPipelineShaderStageCreateInfo){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .stage = i ? VK_SHADER_STAGE_FRAGMENT_BIT : VK_SHADER_STAGE_VERTEX_BIT,
            .module = i ? p->fragment : p->vertex,
            .pName = "main"};
    graphics_state_fixed(s, p);
    graphics_state_outputs(s, p);
    s->info = (VkGraphicsPipelineCreateInfo){.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                             .pNext = &s->rendering,
                                             .stageCount = p->fragment ? 2 : 1,
                                             .pStages = s->stages,
                                             .pVertexInputState = p->input ? p->input : &s->no_input,
                                             .pInputAssemblyState = &s->assembly,
                                             .pViewportState = &s->view,
                                             .pRasterizationState = &s->raster,
                                             .pMultisampleState = &s->samples,
                                             .pDepthStencilState = &s->depth,
                                             .pColorBlendState = &s->blend,
                                             .pDynamicState = &s->when_drawing,
                                             .layout = p->layout};
}

#endif
