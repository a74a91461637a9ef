// SPDX-License-Identifier: MIT
// Buffers, images, uploads and one-time commands.
#include "gpu.h"

#include <string.h>

// The first memory type that has `wanted` and, if there is such a one, `liked` too; UINT32_MAX: none.
static uint32_t memory_type(const struct gpu *gpu, uint32_t allowed, VkMemoryPropertyFlags wanted,
                            VkMemoryPropertyFlags liked)
{
    for (int pass = 0; pass < 2; pass++) {
        VkMemoryPropertyFlags flags = pass ? wanted : wanted | liked;
        for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++)
            if ((allowed >> i & 1) && (gpu->memory.memoryTypes[i].propertyFlags & flags) == flags)
                return i;
    }
    return UINT32_MAX;
}

static bool allocate(struct gpu *gpu, VkMemoryRequirements needs, VkMemoryPropertyFlags wanted,
                     VkMemoryPropertyFlags liked, VkDeviceMemory *memory)
{
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                 .allocationSize = needs.size,
                                 .memoryTypeIndex = memory_type(gpu, needs.memoryTypeBits, wanted, liked)};
    if (info.memoryTypeIndex == UINT32_MAX)
        return fail("the device has no memory type with properties 0x%x", (unsigned)wanted);
    return GPU_CALL(vkAllocateMemory, gpu->device, &info, NULL, memory);
}

bool gpu_buffer_create(struct gpu *gpu, VkDeviceSize size, VkBufferUsageFlags usage,
                       struct gpu_buffer *buffer)
{
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = usage};
    // Pictures that the host reads back want cached memory, everything else a place in the device's own.
    bool read_back = usage & VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    VkMemoryRequirements needs;
    buffer->size = size;
    if (!GPU_CALL(vkCreateBuffer, gpu->device, &info, NULL, &buffer->buffer))
        return false;
    vkGetBufferMemoryRequirements(gpu->device, buffer->buffer, &needs);
    return allocate(gpu, needs, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                    read_back ? VK_MEMORY_PROPERTY_HOST_CACHED_BIT : VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                    &buffer->memory) &&
           GPU_CALL(vkBindBufferMemory, gpu->device, buffer->buffer, buffer->memory, 0) &&
           GPU_CALL(vkMapMemory, gpu->device, buffer->memory, 0, VK_WHOLE_SIZE, 0, &buffer->mapped);
}

void gpu_buffer_destroy(struct gpu *gpu, struct gpu_buffer *buffer)
{
    if (!gpu->device)
        return;
    vkDestroyBuffer(gpu->device, buffer->buffer, NULL);
    vkFreeMemory(gpu->device, buffer->memory, NULL);
    *buffer = (struct gpu_buffer){0};
}

bool gpu_image_create(struct gpu *gpu, VkFormat format, VkExtent2D extent, VkSampleCountFlagBits samples,
                      VkImageUsageFlags usage, struct gpu_image *image)
{
    VkMemoryRequirements needs;
    image->format = format;
    image->extent = extent;
    image->aspect = format == VK_FORMAT_D32_SFLOAT ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT;
    const VkImageCreateInfo info = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                    .imageType = VK_IMAGE_TYPE_2D,
                                    .format = format,
                                    .extent = {extent.width, extent.height, 1},
                                    .mipLevels = 1,
                                    .arrayLayers = 1,
                                    .samples = samples,
                                    .usage = usage};
    if (!GPU_CALL(vkCreateImage, gpu->device, &info, NULL, &image->image))
        return false;
    vkGetImageMemoryRequirements(gpu->device, image->image, &needs);
    if (!allocate(gpu, needs, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, &image->memory) ||
        !GPU_CALL(vkBindImageMemory, gpu->device, image->image, image->memory, 0))
        return false;
    const VkImageViewCreateInfo view = {.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                                        .image = image->image,
                                        .viewType = VK_IMAGE_VIEW_TYPE_2D,
                                        .format = format,
                                        .subresourceRange = {image->aspect, 0, 1, 0, 1}};
    return GPU_CALL(vkCreateImageView, gpu->device, &view, NULL, &image->view);
}

void gpu_image_destroy(struct gpu *gpu, struct gpu_image *image)
{
    if (!gpu->device)
        return;
    vkDestroyImageView(gpu->device, image->view, NULL);
    vkDestroyImage(gpu->device, image->image, NULL);
    vkFreeMemory(gpu->device, image->memory, NULL);
    *image = (struct gpu_image){0};
}

void gpu_image_barrier(VkCommandBuffer commands, const struct gpu_image *image, struct gpu_access before,
                       struct gpu_access after)
{
    const VkImageMemoryBarrier2 barrier = {.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
                                           .srcStageMask = before.stages,
                                           .srcAccessMask = before.access,
                                           .dstStageMask = after.stages,
                                           .dstAccessMask = after.access,
                                           .oldLayout = before.layout,
                                           .newLayout = after.layout,
                                           .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                           .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                           .image = image->image,
                                           .subresourceRange = {image->aspect, 0, 1, 0, 1}};
    vkCmdPipelineBarrier2(commands, &(VkDependencyInfo){.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                                        .imageMemoryBarrierCount = 1,
                                                        .pImageMemoryBarriers = &barrier});
}

bool gpu_image_upload(struct gpu *gpu, struct gpu_image *image, const void *texels, size_t size)
{
    static const struct gpu_access undefined = {.layout = VK_IMAGE_LAYOUT_UNDEFINED},
                                   written = {VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                                              VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT},
                                   sampled = {VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
                                              VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT,
                                              VK_ACCESS_2_SHADER_SAMPLED_READ_BIT};
    const VkBufferImageCopy region = {.imageSubresource = {image->aspect, 0, 0, 1},
                                      .imageExtent = {image->extent.width, image->extent.height, 1}};
    struct gpu_buffer staging = {0};
    VkCommandBuffer commands = VK_NULL_HANDLE;
    bool done = gpu_buffer_create(gpu, size, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, &staging) &&
                gpu_begin_once(gpu, &commands);
    if (done) {
        memcpy(staging.mapped, texels, size);
        gpu_image_barrier(commands, image, undefined, written);
        vkCmdCopyBufferToImage(commands, staging.buffer, image->image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                               1, &region);
        gpu_image_barrier(commands, image, written, sampled);
        done = gpu_submit_once(gpu, commands);
    }
    gpu_buffer_destroy(gpu, &staging);
    return done;
}

bool gpu_begin_once(struct gpu *gpu, VkCommandBuffer *commands)
{
    const VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                              .commandPool = gpu->upload_pool,
                                              .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                              .commandBufferCount = 1};
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                            .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    return GPU_CALL(vkAllocateCommandBuffers, gpu->device, &info, commands) &&
           GPU_CALL(vkBeginCommandBuffer, *commands, &begin);
}

bool gpu_submit_once(struct gpu *gpu, VkCommandBuffer commands)
{
    const VkCommandBufferSubmitInfo buffer = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                              .commandBuffer = commands};
    const VkSubmitInfo2 submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                                  .commandBufferInfoCount = 1,
                                  .pCommandBufferInfos = &buffer};
    return GPU_CALL(vkEndCommandBuffer, commands) &&
           GPU_CALL(vkQueueSubmit2, gpu->queue, 1, &submit, VK_NULL_HANDLE) &&
           GPU_CALL(vkDeviceWaitIdle, gpu->device) &&
           (vkFreeCommandBuffers(gpu->device, gpu->upload_pool, 1, &commands), true);
}

bool gpu_shader_module(struct gpu *gpu, const uint32_t *spirv, size_t size, VkShaderModule *module)
{
    const VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = size, .pCode = spirv};
    return GPU_CALL(vkCreateShaderModule, gpu->device, &info, NULL, module);
}

bool gpu_pipeline_create(struct gpu *gpu, const struct graphics_params *params, VkPipeline *pipeline)
{
    struct graphics_state state;
    graphics_state(&state, params);
    return GPU_CALL(vkCreateGraphicsPipelines, gpu->device, VK_NULL_HANDLE, 1, &state.info, NULL, pipeline);
}
