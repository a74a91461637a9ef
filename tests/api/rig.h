// SPDX-License-Identifier: MIT
// What a test that dispatches and draws needs around smelt: submissions, an offscreen target, and graphics
// pipelines with dynamic rendering. It reaches into the context (internal.h) for its command buffer and memory.
#ifndef SMELT_TEST_RIG_H
#define SMELT_TEST_RIG_H

#include "../../examples/neural-material/graphics_state.h"
#include "internal.h"
#include "test.h"

// Entry points that the library itself does not use.
#define RIG_VK(X)                                                                                            \
    X(CreateGraphicsPipelines)                                                                               \
    X(CmdBeginRendering)                                                                                     \
    X(CmdEndRendering)                                                                                       \
    X(CmdDraw)                                                                                               \
    X(CmdCopyImageToBuffer)                                                                                  \
    X(CreateSemaphore)                                                                                       \
    X(DestroySemaphore)                                                                                      \
    X(SignalSemaphore)                                                                                       \
    X(WaitSemaphores)

struct rig_vk {
    RIG_VK(SMELT_VK_FIELD)
};

static struct rig_vk rig_vk;

// The test context, after loading the entry points.
static inline smelt_context rig_context(void)
{
    smelt_context context = test_context();
    struct smelt_context_handles handles = smelt_context_handles(context);
#define RIG_LOAD(name)                                                                                       \
    rig_vk.name = (PFN_vk##name)handles.get_device_proc_addr(handles.device, "vk" #name);                    \
    CHECK(rig_vk.name);
    RIG_VK(RIG_LOAD)
#undef RIG_LOAD
    return context;
}

static inline smelt_shader rig_shader(smelt_context context, const char *name, const char *source,
                                      VkShaderStageFlagBits stage)
{
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    struct smelt_shader_params params = {.path = name, .source = source, .stage = stage, .no_cache = true};
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(context, &params, &shader));
    return shader;
}

static inline smelt_tensor rig_tensor(smelt_context context, enum smelt_dtype dtype, uint32_t rank,
                                      const uint64_t *shape, const void *data)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = rank};
    for (uint32_t d = 0; d < rank; d++)
        params.shape[d] = shape[d];
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(context, &params, &tensor));
    if (data) {
        uint64_t size = smelt_dtype_size(dtype, smelt_tensor_element_count(tensor));
        CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, size));
    }
    return tensor;
}

// The values of a tensor, in its type and as floats.
static inline void rig_write_floats(smelt_tensor tensor, const float *values)
{
    uint64_t count = smelt_tensor_element_count(tensor);
    enum smelt_dtype dtype = smelt_tensor_info(tensor)->dtype;
    void *data = malloc(smelt_dtype_size(dtype, count));
    smelt_dtype_convert(dtype, data, SMELT_DTYPE_F32, values, count);
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, smelt_dtype_size(dtype, count)));
    free(data);
}

static inline void rig_read_floats(smelt_tensor tensor, float *values)
{
    uint64_t count = smelt_tensor_element_count(tensor);
    enum smelt_dtype dtype = smelt_tensor_info(tensor)->dtype;
    void *data = malloc(smelt_dtype_size(dtype, count));
    CHECK_OK(smelt_tensor_read_and_wait(tensor, NULL, data, smelt_dtype_size(dtype, count)));
    smelt_dtype_convert(SMELT_DTYPE_F32, values, dtype, data, count);
    free(data);
}

static inline VkPipelineLayout rig_layout(smelt_context context, VkDescriptorSetLayout set,
                                          uint32_t push_size, VkShaderStageFlags stages)
{
    VkPushConstantRange range = {.stageFlags = stages, .size = push_size};
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = set ? 1 : 0,
        .pSetLayouts = &set,
        .pushConstantRangeCount = push_size ? 1 : 0,
        .pPushConstantRanges = &range,
    };
    VkPipelineLayout layout;
    CHECK(context->vk.CreatePipelineLayout(context->device, &info, NULL, &layout) == VK_SUCCESS);
    return layout;
}

static inline VkPipeline rig_compute(smelt_context context, smelt_shader shader, VkPipelineLayout layout)
{
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .pName = "main"},
        .layout = layout,
    };
    VkPipeline pipeline;
    CHECK_OK(smelt_shader_module(shader, &info.stage.module));
    CHECK(context->vk.CreateComputePipelines(context->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline) ==
          VK_SUCCESS);
    return pipeline;
}

#define RIG_FORMAT VK_FORMAT_R32G32B32A32_SFLOAT

// A triangle list without vertex buffers, depth or blending, into one target of RIG_FORMAT.
static inline VkPipeline rig_graphics(smelt_context context, smelt_shader vertex, smelt_shader fragment,
                                      VkPipelineLayout layout, uint32_t width, uint32_t height)
{
    VkFormat format = RIG_FORMAT;
    struct graphics_params params = {
        .layout = layout, .colors = &format, .color_count = 1, .extent = {width, height}};
    struct graphics_state state;
    CHECK_OK(smelt_shader_module(vertex, &params.vertex));
    CHECK_OK(smelt_shader_module(fragment, &params.fragment));
    graphics_state(&state, &params);
    VkPipeline pipeline;
    CHECK(rig_vk.CreateGraphicsPipelines(context->device, VK_NULL_HANDLE, 1, &state.info, NULL, &pipeline) ==
          VK_SUCCESS);
    return pipeline;
}

struct rig_image {
    VkImage image;
    VkDeviceMemory memory;
    uint64_t size;
    uint32_t width, height, layers;
    VkFormat format;
};

static inline struct rig_image rig_image(smelt_context context, VkFormat format, uint32_t width,
                                         uint32_t height, uint32_t layers, VkImageUsageFlags usage)
{
    struct rig_image image = {.width = width, .height = height, .layers = layers, .format = format};
    VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = format,
        .extent = {width, height, 1},
        .mipLevels = 1,
        .arrayLayers = layers,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = usage,
    };
    CHECK(context->vk.CreateImage(context->device, &info, NULL, &image.image) == VK_SUCCESS);
    VkMemoryRequirements requirements;
    context->vk.GetImageMemoryRequirements(context->device, image.image, &requirements);
    image.size = requirements.size;
    CHECK_OK(smelt_memory_allocate(context, &requirements, SMELT_PLACE_DEVICE, SMELT_MEMORY_TEXTURE,
                                   &image.memory));
    CHECK(context->vk.BindImageMemory(context->device, image.image, image.memory, 0) == VK_SUCCESS);
    return image;
}

static inline void rig_image_destroy(smelt_context context, struct rig_image *image)
{
    context->vk.DestroyImage(context->device, image->image, NULL);
    smelt_memory_free(context, &image->memory, image->size, SMELT_MEMORY_TEXTURE);
}

static inline VkImageView rig_view(smelt_context context, const struct rig_image *image, uint32_t layer)
{
    VkImageViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = image->image,
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = image->format,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, layer, 1},
    };
    VkImageView view;
    CHECK(context->vk.CreateImageView(context->device, &info, NULL, &view) == VK_SUCCESS);
    return view;
}

static inline VkSampler rig_sampler(smelt_context context)
{
    VkSamplerCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
    VkSampler sampler;
    CHECK(context->vk.CreateSampler(context->device, &info, NULL, &sampler) == VK_SUCCESS);
    return sampler;
}

// A whole-image layout change with a barrier between everything before and everything after.
static inline void rig_transition(smelt_context context, VkCommandBuffer commands,
                                  const struct rig_image *image, VkImageLayout from, VkImageLayout to)
{
    VkImageMemoryBarrier2 barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
        .srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
        .srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT,
        .dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
        .dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT,
        .oldLayout = from,
        .newLayout = to,
        .image = image->image,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, image->layers},
    };
    VkDependencyInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
        .imageMemoryBarrierCount = 1,
        .pImageMemoryBarriers = &barrier,
    };
    context->vk.CmdPipelineBarrier2(commands, &info);
}

// Texels of all layers, layer after layer, and the layout for sampling.
static inline void rig_upload(smelt_context context, const struct rig_image *image, const void *texels,
                              uint64_t size)
{
    struct smelt_buffer staging;
    VkCommandBuffer commands;
    CHECK_OK(smelt_buffer_create(context, size, SMELT_PLACE_HOST_WRITE, SMELT_MEMORY_STAGING, "test upload",
                                 &staging));
    memcpy(staging.mapped, texels, size);
    CHECK_OK(smelt_submit_begin(context, &commands));
    rig_transition(context, commands, image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    VkBufferImageCopy copy = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, image->layers},
        .imageExtent = {image->width, image->height, 1},
    };
    context->vk.CmdCopyBufferToImage(commands, staging.buffer, image->image,
                                     VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
    rig_transition(context, commands, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                   VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    CHECK_OK(smelt_submit_end(context, true));
    smelt_buffer_destroy(context, &staging);
}

// An offscreen target and the host's copy of its pixels.
struct rig_target {
    struct rig_image image;
    VkImageView view;
    struct smelt_buffer pixels; // float[height][width][4]
};

static inline struct rig_target rig_target(smelt_context context, uint32_t width, uint32_t height)
{
    struct rig_target target;
    target.image = rig_image(context, RIG_FORMAT, width, height, 1,
                             VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT);
    target.view = rig_view(context, &target.image, 0);
    CHECK_OK(smelt_buffer_create(context, 16ull * width * height, SMELT_PLACE_HOST_READ, SMELT_MEMORY_STAGING,
                                 "test pixels", &target.pixels));
    return target;
}

static inline void rig_target_destroy(smelt_context context, struct rig_target *target)
{
    context->vk.DestroyImageView(context->device, target->view, NULL);
    rig_image_destroy(context, &target->image);
    smelt_buffer_destroy(context, &target->pixels);
}

// Around the draws: cleared to a colour no test draws.
static inline void rig_begin_rendering(smelt_context context, VkCommandBuffer commands,
                                       const struct rig_target *target)
{
    rig_transition(context, commands, &target->image, VK_IMAGE_LAYOUT_UNDEFINED,
                   VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL);
    VkRenderingAttachmentInfo attachment = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
        .imageView = target->view,
        .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
        .clearValue = {.color = {.float32 = {-1, -1, -1, -1}}},
    };
    VkRenderingInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
        .renderArea = {.extent = {target->image.width, target->image.height}},
        .layerCount = 1,
        .colorAttachmentCount = 1,
        .pColorAttachments = &attachment,
    };
    rig_vk.CmdBeginRendering(commands, &info);
}

static inline void rig_end_rendering(smelt_context context, VkCommandBuffer commands,
                                     const struct rig_target *target)
{
    rig_vk.CmdEndRendering(commands);
    rig_transition(context, commands, &target->image, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                   VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    VkBufferImageCopy copy = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = {target->image.width, target->image.height, 1},
    };
    rig_vk.CmdCopyImageToBuffer(commands, target->image.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                                target->pixels.buffer, 1, &copy);
    smelt_memory_barrier(context, commands, VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                         VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
}

#endif
