// SPDX-License-Identifier: MIT
// The Vulkan that any renderer has: entry points, a device, buffers, images, one-time commands. Nothing here
// knows of smelt.
#ifndef EXAMPLE_GPU_H
#define EXAMPLE_GPU_H

#include "fail.h"
#include "graphics_state.h"

#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

// The entry points are loaded when the program runs, so that it can say "no Vulkan loader" instead of not
// starting. They are variables with the functions' names.
#define GPU_GLOBAL_FUNCTIONS(X)                                                                              \
    X(vkCreateInstance)                                                                                      \
    X(vkEnumerateInstanceExtensionProperties)                                                                \
    X(vkEnumerateInstanceLayerProperties)                                                                    \
    X(vkEnumerateInstanceVersion)

#define GPU_FUNCTIONS(X)                                                                                     \
    X(vkAllocateCommandBuffers)                                                                              \
    X(vkAllocateDescriptorSets)                                                                              \
    X(vkAllocateMemory)                                                                                      \
    X(vkBeginCommandBuffer)                                                                                  \
    X(vkBindBufferMemory)                                                                                    \
    X(vkBindImageMemory)                                                                                     \
    X(vkCmdBeginRendering)                                                                                   \
    X(vkCmdBindDescriptorSets)                                                                               \
    X(vkCmdBindIndexBuffer)                                                                                  \
    X(vkCmdBindPipeline)                                                                                     \
    X(vkCmdBindVertexBuffers)                                                                                \
    X(vkCmdClearColorImage)                                                                                  \
    X(vkCmdCopyBufferToImage)                                                                                \
    X(vkCmdCopyImageToBuffer)                                                                                \
    X(vkCmdDraw)                                                                                             \
    X(vkCmdDrawIndexed)                                                                                      \
    X(vkCmdEndRendering)                                                                                     \
    X(vkCmdPipelineBarrier2)                                                                                 \
    X(vkCmdPushConstants)                                                                                    \
    X(vkCmdResetQueryPool)                                                                                   \
    X(vkCmdSetScissor)                                                                                       \
    X(vkCmdSetViewport)                                                                                      \
    X(vkCmdWriteTimestamp2)                                                                                  \
    X(vkCreateBuffer)                                                                                        \
    X(vkCreateCommandPool)                                                                                   \
    X(vkCreateDescriptorPool)                                                                                \
    X(vkCreateDescriptorSetLayout)                                                                           \
    X(vkCreateDevice)                                                                                        \
    X(vkCreateFence)                                                                                         \
    X(vkCreateGraphicsPipelines)                                                                             \
    X(vkCreateImage)                                                                                         \
    X(vkCreateImageView)                                                                                     \
    X(vkCreatePipelineLayout)                                                                                \
    X(vkCreateQueryPool)                                                                                     \
    X(vkCreateSampler)                                                                                       \
    X(vkCreateShaderModule)                                                                                  \
    X(vkDestroyBuffer)                                                                                       \
    X(vkDestroyCommandPool)                                                                                  \
    X(vkDestroyDescriptorPool)                                                                               \
    X(vkDestroyDescriptorSetLayout)                                                                          \
    X(vkDestroyDevice)                                                                                       \
    X(vkDestroyFence)                                                                                        \
    X(vkDestroyImage)                                                                                        \
    X(vkDestroyImageView)                                                                                    \
    X(vkDestroyInstance)                                                                                     \
    X(vkDestroyPipeline)                                                                                     \
    X(vkDestroyPipelineLayout)                                                                               \
    X(vkDestroyQueryPool)                                                                                    \
    X(vkDestroySampler)                                                                                      \
    X(vkDestroyShaderModule)                                                                                 \
    X(vkDeviceWaitIdle)                                                                                      \
    X(vkEndCommandBuffer)                                                                                    \
    X(vkEnumerateDeviceExtensionProperties)                                                                  \
    X(vkEnumeratePhysicalDevices)                                                                            \
    X(vkFreeCommandBuffers)                                                                                  \
    X(vkFreeMemory)                                                                                          \
    X(vkGetBufferMemoryRequirements)                                                                         \
    X(vkGetDeviceQueue)                                                                                      \
    X(vkGetImageMemoryRequirements)                                                                          \
    X(vkGetPhysicalDeviceFeatures2)                                                                          \
    X(vkGetPhysicalDeviceMemoryProperties)                                                                   \
    X(vkGetPhysicalDeviceProperties)                                                                         \
    X(vkGetPhysicalDeviceQueueFamilyProperties)                                                              \
    X(vkGetQueryPoolResults)                                                                                 \
    X(vkMapMemory)                                                                                           \
    X(vkQueueSubmit2)                                                                                        \
    X(vkResetCommandPool)                                                                                    \
    X(vkResetFences)                                                                                         \
    X(vkUpdateDescriptorSets)                                                                                \
    X(vkWaitForFences)

#define GPU_DECLARE(name) extern PFN_##name name;
GPU_DECLARE(vkGetInstanceProcAddr)
GPU_GLOBAL_FUNCTIONS(GPU_DECLARE)
GPU_FUNCTIONS(GPU_DECLARE)
#undef GPU_DECLARE

// True for VK_SUCCESS; otherwise fails with the name of the call.
bool gpu_check(VkResult result, const char *call);
#define GPU_CALL(function, ...) gpu_check(function(__VA_ARGS__), #function)

struct gpu {
    void *loader;
    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    uint32_t validation_messages; // warnings and errors so far

    VkPhysicalDevice physical_device;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    uint32_t queue_family;   // with graphics and compute
    uint32_t timestamp_bits; // 0: no timestamps

    VkDevice device;
    VkQueue queue;
    VkCommandPool upload_pool;
};

// Opens the loader, makes an instance (with the validation layer if asked for) and chooses a physical device:
// an index, a type ("discrete", "integrated", "virtual", "cpu", "gpu") or a part of its name. NULL: the
// environment variable SMELT_DEVICE, else the first discrete, integrated, virtual, cpu device.
bool gpu_open_instance(struct gpu *gpu, const char *device, bool validate);

// Makes the device, with exactly these features and extensions, and its queue.
bool gpu_open_device(struct gpu *gpu, const VkPhysicalDeviceFeatures2 *features,
                     const char *const *extensions, uint32_t extension_count);
// Returns how many warnings and errors the validation layer gave.
uint32_t gpu_close(struct gpu *gpu);

struct gpu_buffer {
    VkBuffer buffer;
    VkDeviceMemory memory;
    void *mapped;
    VkDeviceSize size;
};

// Host-visible, coherent and mapped; in device memory too where the device has such memory.
bool gpu_buffer_create(struct gpu *gpu, VkDeviceSize size, VkBufferUsageFlags usage,
                       struct gpu_buffer *buffer);
void gpu_buffer_destroy(struct gpu *gpu, struct gpu_buffer *buffer);

struct gpu_image {
    VkImage image;
    VkDeviceMemory memory;
    VkImageView view;
    VkFormat format;
    VkExtent2D extent;
    VkImageAspectFlags aspect;
};

bool gpu_image_create(struct gpu *gpu, VkFormat format, VkExtent2D extent, VkSampleCountFlagBits samples,
                      VkImageUsageFlags usage, struct gpu_image *image);
void gpu_image_destroy(struct gpu *gpu, struct gpu_image *image);

// Fills a 2D image with `size` bytes, packed texels or blocks of its format, and leaves it in SHADER_READ_ONLY_OPTIMAL;
// waits.
bool gpu_image_upload(struct gpu *gpu, struct gpu_image *image, const void *texels, size_t size);

struct gpu_access {
    VkImageLayout layout;
    VkPipelineStageFlags2 stages;
    VkAccessFlags2 access;
};
void gpu_image_barrier(VkCommandBuffer commands, const struct gpu_image *image, struct gpu_access before,
                       struct gpu_access after);

// A command buffer of its own for work that is waited for.
bool gpu_begin_once(struct gpu *gpu, VkCommandBuffer *commands);
bool gpu_submit_once(struct gpu *gpu, VkCommandBuffer commands);

bool gpu_shader_module(struct gpu *gpu, const uint32_t *spirv, size_t size, VkShaderModule *module);
bool gpu_pipeline_create(struct gpu *gpu, const struct graphics_params *params, VkPipeline *pipeline);

#endif
