// SPDX-License-Identifier: MIT
// Runs paint.comp, which evaluates a network with smelt's GLSL modules, in raw Vulkan, and writes a PPM.
//
//     paint WEIGHTS OUTPUT.ppm [WIDTH HEIGHT [DEVICE-INDEX]]
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

static const uint32_t paint_spirv[] =
#include "paint.comp.inc"
    ;

// --- The argument block: what paint.comp finds at the address in its push constant ---------------------
//
// Every tensor is its address, its extents and its strides in elements, slowest dimension first, packed (scalar
// layout): 8 + 8 * rank bytes.

struct matrix {
    VkDeviceAddress address;
    uint32_t extent[2], stride[2];
};
struct vector {
    VkDeviceAddress address;
    uint32_t extent[1], stride[1];
};
struct image {
    VkDeviceAddress address;
    uint32_t extent[3], stride[3];
};
struct block {
    struct {
        struct matrix weight; // [out][in], f16
        struct vector bias;   // [out], f16
    } layer[3];
    struct image canvas; // [height][width][3], u8
};
_Static_assert(sizeof(struct matrix) == 24 && sizeof(struct vector) == 16 && sizeof(struct image) == 32,
               "a tensor has 8 + 8 * rank bytes");

enum { LAYERS = 3, WEIGHTS = 32 * 64 + 64 + 64 * 64 + 64 + 64 * 3 + 3 };
static const uint32_t widths[LAYERS + 1] = {32, 64, 64, 3};

// All of it lies in one buffer: block, weights and biases, picture.
struct layout {
    VkDeviceSize weights[LAYERS], biases[LAYERS], canvas, size;
};

static VkDeviceSize align(VkDeviceSize offset)
{
    return (offset + 15) / 16 * 16; // what the PORTABLE backend wants of weights and biases
}

static struct layout make_layout(uint32_t width, uint32_t height)
{
    struct layout layout;
    VkDeviceSize end = sizeof(struct block);
    for (int i = 0; i < LAYERS; i++) {
        layout.weights[i] = align(end);
        layout.biases[i] = align(layout.weights[i] + 2 * widths[i] * widths[i + 1]);
        end = layout.biases[i] + 2 * widths[i + 1];
    }
    layout.canvas = align(end);
    layout.size = layout.canvas + (VkDeviceSize)width * height * 3;
    return layout;
}

static void fill(uint8_t *mapped, VkDeviceAddress address, const struct layout *layout,
                 const uint16_t *weights, uint32_t width, uint32_t height)
{
    struct block *block = (struct block *)(void *)mapped;
    for (int i = 0; i < LAYERS; i++) {
        uint32_t in = widths[i], out = widths[i + 1];
        memcpy(mapped + layout->weights[i], weights, 2 * in * out);
        weights += in * out;
        memcpy(mapped + layout->biases[i], weights, 2 * out);
        weights += out;
        block->layer[i].weight = (struct matrix){address + layout->weights[i], {out, in}, {in, 1}};
        block->layer[i].bias = (struct vector){address + layout->biases[i], {out}, {1}};
    }
    block->canvas = (struct image){address + layout->canvas, {height, width, 3}, {width * 3, 3, 1}};
}

// --- Vulkan as everywhere ------------------------------------------------------------------------------

struct vulkan {
    VkInstance instance;
    VkPhysicalDevice physical_device;
    uint32_t queue_family;
    VkDevice device;
    VkQueue queue;
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint8_t *mapped;
    VkDeviceAddress address;
    VkShaderModule module;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkCommandPool pool;
};

static bool fail(const char *what, VkResult result)
{
    fprintf(stderr, result ? "paint: %s: VkResult %d\n" : "paint: %s\n", what, (int)result);
    return false;
}

static bool choose_device(struct vulkan *vk, uint32_t index)
{
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .apiVersion = VK_API_VERSION_1_3};
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pApplicationInfo = &application};
    VkResult result = vkCreateInstance(&info, NULL, &vk->instance);
    if (result)
        return fail("no Vulkan driver", result);
    VkPhysicalDevice devices[16];
    uint32_t count = 16;
    if (vkEnumeratePhysicalDevices(vk->instance, &count, devices) < 0 || index >= count)
        return fail("there is no Vulkan device of this index", 0);
    vk->physical_device = devices[index];
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(vk->physical_device, &properties);
    printf("device %s\n", properties.deviceName);
    if (properties.apiVersion < VK_API_VERSION_1_3)
        return fail("the device does not have Vulkan 1.3", 0);
    VkQueueFamilyProperties families[32];
    count = 32;
    vkGetPhysicalDeviceQueueFamilyProperties(vk->physical_device, &count, families);
    while (vk->queue_family < count && !(families[vk->queue_family].queueFlags & VK_QUEUE_COMPUTE_BIT))
        vk->queue_family++;
    return vk->queue_family < count || fail("the device has no compute queue", 0);
}

// What smelt's modules need of a device: base.glsl and the modules' `needs` fields list it.
static bool create_device(struct vulkan *vk)
{
    VkPhysicalDeviceVulkan11Features has11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES};
    VkPhysicalDeviceVulkan12Features has12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                              .pNext = &has11};
    VkPhysicalDeviceFeatures2 has = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &has12};
    vkGetPhysicalDeviceFeatures2(vk->physical_device, &has);
    if (!has11.storageBuffer16BitAccess || !has12.storageBuffer8BitAccess || !has12.bufferDeviceAddress ||
        !has12.scalarBlockLayout)
        return fail(
            "the device lacks storageBuffer16BitAccess, storageBuffer8BitAccess, bufferDeviceAddress or "
            "scalarBlockLayout",
            0);
    VkPhysicalDeviceVulkan11Features features11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, .storageBuffer16BitAccess = VK_TRUE};
    VkPhysicalDeviceVulkan12Features features12 = {.sType =
                                                       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                                   .pNext = &features11,
                                                   .storageBuffer8BitAccess = VK_TRUE,
                                                   .bufferDeviceAddress = VK_TRUE,
                                                   .scalarBlockLayout = VK_TRUE};
    const float priority = 1.0f;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = vk->queue_family,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = &features12,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &queue};
    VkResult result = vkCreateDevice(vk->physical_device, &info, NULL, &vk->device);
    if (result)
        return fail("vkCreateDevice", result);
    vkGetDeviceQueue(vk->device, vk->queue_family, 0, &vk->queue);
    return true;
}

// A host-visible buffer with a device address.
static bool create_buffer(struct vulkan *vk, VkDeviceSize size)
{
    const VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                     .size = size,
                                     .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                              VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT};
    if (vkCreateBuffer(vk->device, &info, NULL, &vk->buffer))
        return fail("vkCreateBuffer", 0);
    VkMemoryRequirements needs;
    VkPhysicalDeviceMemoryProperties memory;
    vkGetBufferMemoryRequirements(vk->device, vk->buffer, &needs);
    vkGetPhysicalDeviceMemoryProperties(vk->physical_device, &memory);
    const VkMemoryPropertyFlags wanted =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    uint32_t type = 0;
    while (type < memory.memoryTypeCount && !((needs.memoryTypeBits >> type & 1) &&
                                              (memory.memoryTypes[type].propertyFlags & wanted) == wanted))
        type++;
    const VkMemoryAllocateFlagsInfo flags = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                             .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
    const VkMemoryAllocateInfo allocation = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                             .pNext = &flags,
                                             .allocationSize = needs.size,
                                             .memoryTypeIndex = type};
    void *mapped;
    if (type == memory.memoryTypeCount || vkAllocateMemory(vk->device, &allocation, NULL, &vk->memory) ||
        vkBindBufferMemory(vk->device, vk->buffer, vk->memory, 0) ||
        vkMapMemory(vk->device, vk->memory, 0, VK_WHOLE_SIZE, 0, &mapped))
        return fail("no memory for the buffer", 0);
    const VkBufferDeviceAddressInfo address = {.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                               .buffer = vk->buffer};
    vk->mapped = mapped;
    vk->address = vkGetBufferDeviceAddress(vk->device, &address);
    return true;
}

static bool create_pipeline(struct vulkan *vk)
{
    const VkPushConstantRange push = {VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(VkDeviceAddress)};
    const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &push};
    const VkShaderModuleCreateInfo module = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                             .codeSize = sizeof(paint_spirv),
                                             .pCode = paint_spirv};
    if (vkCreatePipelineLayout(vk->device, &layout, NULL, &vk->layout) ||
        vkCreateShaderModule(vk->device, &module, NULL, &vk->module))
        return fail("vkCreateShaderModule", 0);
    const VkComputePipelineCreateInfo pipeline = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = vk->module,
                  .pName = "main"},
        .layout = vk->layout};
    VkResult result = vkCreateComputePipelines(vk->device, VK_NULL_HANDLE, 1, &pipeline, NULL, &vk->pipeline);
    return !result || fail("vkCreateComputePipelines", result);
}

static bool dispatch(struct vulkan *vk, uint32_t width, uint32_t height)
{
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .queueFamilyIndex = vk->queue_family};
    VkCommandBuffer commands;
    if (vkCreateCommandPool(vk->device, &pool, NULL, &vk->pool))
        return fail("vkCreateCommandPool", 0);
    const VkCommandBufferAllocateInfo allocation = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                    .commandPool = vk->pool,
                                                    .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                                    .commandBufferCount = 1};
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    if (vkAllocateCommandBuffers(vk->device, &allocation, &commands) ||
        vkBeginCommandBuffer(commands, &begin))
        return fail("vkBeginCommandBuffer", 0);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, vk->pipeline);
    vkCmdPushConstants(commands, vk->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(vk->address),
                       &vk->address);
    vkCmdDispatch(commands, (width + 7) / 8, (height + 7) / 8, 1);
    const VkMemoryBarrier to_host = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                     .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
                                     .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
    vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                         &to_host, 0, NULL, 0, NULL);
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
    VkResult result = vkEndCommandBuffer(commands);
    result = result ? result : vkQueueSubmit(vk->queue, 1, &submit, VK_NULL_HANDLE);
    result = result ? result : vkQueueWaitIdle(vk->queue);
    return !result || fail("vkQueueSubmit", result);
}

static void destroy(struct vulkan *vk)
{
    if (vk->device) {
        vkDestroyCommandPool(vk->device, vk->pool, NULL);
        vkDestroyPipeline(vk->device, vk->pipeline, NULL);
        vkDestroyShaderModule(vk->device, vk->module, NULL);
        vkDestroyPipelineLayout(vk->device, vk->layout, NULL);
        vkDestroyBuffer(vk->device, vk->buffer, NULL);
        vkFreeMemory(vk->device, vk->memory, NULL);
        vkDestroyDevice(vk->device, NULL);
    }
    if (vk->instance)
        vkDestroyInstance(vk->instance, NULL);
}

// --- Files ---------------------------------------------------------------------------------------------

static bool read_weights(const char *path, uint16_t *weights)
{
    FILE *file = fopen(path, "rb");
    size_t count = file ? fread(weights, 2, WEIGHTS, file) : 0;
    bool whole = count == WEIGHTS && fgetc(file) == EOF;
    if (file)
        fclose(file);
    if (!whole)
        fprintf(stderr, "paint: %s: wanted %d f16 values, got %s\n", path, WEIGHTS,
                !file             ? "no file"
                : count < WEIGHTS ? "fewer"
                                  : "more");
    return whole;
}

static bool write_ppm(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height)
{
    FILE *file = fopen(path, "wb");
    size_t size = (size_t)width * height * 3;
    bool done =
        file && fprintf(file, "P6\n%u %u\n255\n", width, height) > 0 && fwrite(pixels, 1, size, file) == size;
    if (file && fclose(file))
        done = false;
    if (!done)
        fprintf(stderr, "paint: cannot write %s\n", path);
    return done;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5 && argc != 6) {
        fprintf(stderr, "usage: paint WEIGHTS OUTPUT.ppm [WIDTH HEIGHT [DEVICE-INDEX]]\n");
        return 2;
    }
    uint32_t width = argc > 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 600;
    uint32_t height = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 400;
    if (width < 1 || width > 16384 || height < 1 || height > 16384) {
        fprintf(stderr, "paint: width and height are from 1 to 16384\n");
        return 2;
    }
    uint16_t weights[WEIGHTS];
    struct vulkan vk = {0};
    struct layout layout = make_layout(width, height);
    bool done = read_weights(argv[1], weights) &&
                choose_device(&vk, argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 0) &&
                create_device(&vk) && create_buffer(&vk, layout.size) && create_pipeline(&vk);
    if (done) {
        fill(vk.mapped, vk.address, &layout, weights, width, height);
        done = dispatch(&vk, width, height) && write_ppm(argv[2], vk.mapped + layout.canvas, width, height);
    }
    destroy(&vk);
    return done ? 0 : 1;
}
