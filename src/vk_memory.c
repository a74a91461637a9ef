// SPDX-License-Identifier: MIT
// Device memory by purpose and within the budget, buffers, barriers, and submissions that wait.
#include "internal.h"

#include <inttypes.h>
#include <string.h>

const char *smelt_memory_purpose_name(enum smelt_memory_purpose purpose)
{
    static const char *const names[SMELT_MEMORY_PURPOSE_COUNT] = {
        [SMELT_MEMORY_TENSOR] = "tensor",       [SMELT_MEMORY_HEAP] = "heap",
        [SMELT_MEMORY_WEIGHTS] = "weights",     [SMELT_MEMORY_TEXTURE] = "texture",
        [SMELT_MEMORY_ARGUMENTS] = "arguments", [SMELT_MEMORY_STAGING] = "staging",
    };
    return (unsigned)purpose < SMELT_MEMORY_PURPOSE_COUNT ? names[purpose] : "invalid";
}

struct smelt_memory_report smelt_context_memory(smelt_context context)
{
    mtx_lock(&context->mutex);
    struct smelt_memory_report report = context->memory;
    mtx_unlock(&context->mutex);
    return report;
}

// Counts bytes before they are allocated, so that concurrent allocations cannot pass the budget together.
static enum smelt_result memory_reserve(smelt_context context, uint64_t size,
                                        enum smelt_memory_purpose purpose)
{
    mtx_lock(&context->mutex);
    struct smelt_memory_report *memory = &context->memory;
    struct smelt_memory_report now = *memory;
    bool fits = size <= UINT64_MAX - now.total && (!now.budget || now.total + size <= now.budget);
    if (fits) {
        memory->bytes[purpose] += size;
        memory->total += size;
    }
    mtx_unlock(&context->mutex);
    if (fits)
        return SMELT_OK;
    return smelt_fail(
        context, SMELT_ERROR_BUDGET,
        "%" PRIu64 " bytes of %s memory wanted, %" PRIu64 " of the budget of %" PRIu64 " bytes are left",
        size, smelt_memory_purpose_name(purpose), now.budget - SMELT_MIN(now.total, now.budget), now.budget);
}

static void memory_unreserve(smelt_context context, uint64_t size, enum smelt_memory_purpose purpose)
{
    mtx_lock(&context->mutex);
    context->memory.bytes[purpose] -= size;
    context->memory.total -= size;
    mtx_unlock(&context->mutex);
}

// How well a memory type serves a place; negative: not at all.
static int memory_score(VkMemoryPropertyFlags flags, enum smelt_memory_place place)
{
    const VkMemoryPropertyFlags coherent =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    if (flags & (VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
                 VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD))
        return -1;
    bool device = flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    bool visible = flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    bool cached = flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    switch (place) {
    case SMELT_PLACE_DEVICE: // memory the host does not see is the larger and the faster where both exist
        return (device ? 2 : 0) + (visible ? 0 : 1);
    case SMELT_PLACE_HOST_WRITE: // uncached: written front to back, never read
        return (flags & coherent) != coherent ? -1 : (device ? 2 : 0) + (cached ? 0 : 1);
    case SMELT_PLACE_HOST_READ:
        return (flags & coherent) != coherent ? -1 : (cached ? 2 : 0) + (device ? 0 : 1);
    }
    return -1;
}

// The best type that was not tried yet, or -1. The first of equals wins: drivers list the better first.
static int memory_next_type(smelt_context context, const VkMemoryRequirements *requirements,
                            enum smelt_memory_place place, uint32_t tried)
{
    const VkPhysicalDeviceMemoryProperties *properties = &context->memory_properties;
    int best = -1, best_score = -1;
    for (uint32_t i = 0; i < properties->memoryTypeCount; i++) {
        const VkMemoryType *type = &properties->memoryTypes[i];
        if (!(requirements->memoryTypeBits >> i & 1) || (tried >> i & 1) ||
            properties->memoryHeaps[type->heapIndex].size < requirements->size)
            continue;
        int score = memory_score(type->propertyFlags, place);
        if (score > best_score) {
            best = (int)i;
            best_score = score;
        }
    }
    return best;
}

enum smelt_result smelt_memory_allocate(smelt_context context, const VkMemoryRequirements *requirements,
                                        enum smelt_memory_place place, enum smelt_memory_purpose purpose,
                                        VkDeviceMemory *memory)
{
    enum smelt_result result = memory_reserve(context, requirements->size, purpose);
    if (result != SMELT_OK)
        return result;
    uint32_t tried = 0;
    VkResult vk = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    for (;;) { // a small heap that is full (device memory the host sees) is no reason to fail
        int type = memory_next_type(context, requirements, place, tried);
        if (type < 0)
            break;
        VkMemoryAllocateFlagsInfo flags = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                           .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
        VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .pNext = &flags,
                                     .allocationSize = requirements->size,
                                     .memoryTypeIndex = (uint32_t)type};
        vk = context->vk.AllocateMemory(context->device, &info, context->allocation_callbacks, memory);
        if (vk != VK_ERROR_OUT_OF_DEVICE_MEMORY)
            break;
        tried |= 1u << type;
    }
    if (vk == VK_SUCCESS) {
        mtx_lock(&context->mutex);
        context->memory.peak = SMELT_MAX(context->memory.peak, context->memory.total);
        mtx_unlock(&context->mutex);
        return SMELT_OK;
    }
    memory_unreserve(context, requirements->size, purpose);
    if (vk != VK_ERROR_OUT_OF_DEVICE_MEMORY)
        return smelt_fail_vk(context, vk, "vkAllocateMemory");
    return smelt_fail(context, SMELT_ERROR_OUT_OF_DEVICE_MEMORY,
                      "%" PRIu64
                      " bytes of %s memory wanted, no memory type of the device (bits 0x%x) gives them",
                      requirements->size, smelt_memory_purpose_name(purpose), requirements->memoryTypeBits);
}

void smelt_memory_free(smelt_context context, VkDeviceMemory *memory, uint64_t size,
                       enum smelt_memory_purpose purpose)
{
    if (!*memory)
        return;
    context->vk.FreeMemory(context->device, *memory, context->allocation_callbacks);
    *memory = VK_NULL_HANDLE;
    memory_unreserve(context, size, purpose);
}

VkBufferUsageFlags smelt_buffer_usage(void)
{
    return VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
           VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
           VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
}

// Gives a created buffer its memory, mapping and address.
static enum smelt_result buffer_back(smelt_context context, enum smelt_memory_place place,
                                     struct smelt_buffer *buffer)
{
    VkMemoryRequirements requirements;
    context->vk.GetBufferMemoryRequirements(context->device, buffer->buffer, &requirements);
    enum smelt_result result =
        smelt_memory_allocate(context, &requirements, place, buffer->purpose, &buffer->memory);
    if (result != SMELT_OK)
        return result;
    buffer->allocated = requirements.size;
    VkResult vk = context->vk.BindBufferMemory(context->device, buffer->buffer, buffer->memory, 0);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkBindBufferMemory");
    if (place != SMELT_PLACE_DEVICE) {
        vk = context->vk.MapMemory(context->device, buffer->memory, 0, VK_WHOLE_SIZE, 0, &buffer->mapped);
        if (vk != VK_SUCCESS)
            return smelt_fail_vk(context, vk, "vkMapMemory");
    }
    buffer->address = smelt_buffer_address(context, buffer->buffer);
    return SMELT_OK;
}

enum smelt_result smelt_buffer_create(smelt_context context, uint64_t size, enum smelt_memory_place place,
                                      enum smelt_memory_purpose purpose, const char *name,
                                      struct smelt_buffer *buffer)
{
    const char *shown = name ? name : "";
    if (size == 0 || size > context->capabilities.max_buffer_size)
        return smelt_fail(context, size ? SMELT_ERROR_UNSUPPORTED : SMELT_ERROR_INVALID_ARGUMENT,
                          "buffer '%s': %" PRIu64 " bytes wanted, 1 to %" PRIu64
                          " are possible on this device",
                          shown, size, context->capabilities.max_buffer_size);
    struct smelt_buffer made = {.size = size, .purpose = purpose};
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .size = size,
                               .usage = smelt_buffer_usage(),
                               .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
    VkResult vk =
        context->vk.CreateBuffer(context->device, &info, context->allocation_callbacks, &made.buffer);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreateBuffer");
    enum smelt_result result = buffer_back(context, place, &made);
    if (result != SMELT_OK) {
        smelt_buffer_destroy(context, &made);
        return result;
    }
    if (name) {
        smelt_set_debug_name(context, VK_OBJECT_TYPE_BUFFER, (uint64_t)made.buffer, name);
        smelt_set_debug_name(context, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)made.memory, name);
    }
    *buffer = made;
    return SMELT_OK;
}

void smelt_buffer_destroy(smelt_context context, struct smelt_buffer *buffer)
{
    context->vk.DestroyBuffer(context->device, buffer->buffer, context->allocation_callbacks);
    smelt_memory_free(context, &buffer->memory, buffer->allocated, buffer->purpose); // unmaps, too
    *buffer = (struct smelt_buffer){0};
}

VkDeviceAddress smelt_buffer_address(smelt_context context, VkBuffer buffer)
{
    VkBufferDeviceAddressInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                      .buffer = buffer};
    return context->vk.GetBufferDeviceAddress(context->device, &info);
}

void smelt_memory_barrier(smelt_context context, VkCommandBuffer commands,
                          VkPipelineStageFlags2 source_stages, VkAccessFlags2 source_access,
                          VkPipelineStageFlags2 destination_stages, VkAccessFlags2 destination_access)
{
    VkMemoryBarrier2 barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
                                .srcStageMask = source_stages,
                                .srcAccessMask = source_access,
                                .dstStageMask = destination_stages,
                                .dstAccessMask = destination_access};
    VkDependencyInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO, .memoryBarrierCount = 1, .pMemoryBarriers = &barrier};
    context->vk.CmdPipelineBarrier2(commands, &info);
}

// Makes the pool, the command buffer and the fence at the first submission.
static enum smelt_result submit_prepare(smelt_context context)
{
    if (context->submit_fence)
        return SMELT_OK;
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                    .queueFamilyIndex = context->queue_family};
    VkResult vk = VK_SUCCESS;
    if (!context->submit_pool)
        vk = context->vk.CreateCommandPool(context->device, &pool, context->allocation_callbacks,
                                           &context->submit_pool);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreateCommandPool");
    VkCommandBufferAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = context->submit_pool,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
    if (!context->submit_commands)
        vk = context->vk.AllocateCommandBuffers(context->device, &allocate, &context->submit_commands);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkAllocateCommandBuffers");
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    vk = context->vk.CreateFence(context->device, &fence, context->allocation_callbacks,
                                 &context->submit_fence);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreateFence");
    smelt_set_debug_name(context, VK_OBJECT_TYPE_COMMAND_POOL, (uint64_t)context->submit_pool,
                         "smelt submit");
    smelt_set_debug_name(context, VK_OBJECT_TYPE_COMMAND_BUFFER,
                         (uint64_t)(uintptr_t)context->submit_commands, "smelt submit");
    smelt_set_debug_name(context, VK_OBJECT_TYPE_FENCE, (uint64_t)context->submit_fence, "smelt submit");
    return SMELT_OK;
}

enum smelt_result smelt_submit_begin(smelt_context context, VkCommandBuffer *commands)
{
    mtx_lock(&context->submit_mutex);
    enum smelt_result result = submit_prepare(context);
    if (result != SMELT_OK)
        goto error;
    VkResult vk = context->vk.ResetCommandPool(context->device, context->submit_pool, 0);
    if (vk != VK_SUCCESS) {
        result = smelt_fail_vk(context, vk, "vkResetCommandPool");
        goto error;
    }
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                     .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    vk = context->vk.BeginCommandBuffer(context->submit_commands, &info);
    if (vk != VK_SUCCESS) {
        result = smelt_fail_vk(context, vk, "vkBeginCommandBuffer");
        goto error;
    }
    *commands = context->submit_commands;
    return SMELT_OK;
error:
    mtx_unlock(&context->submit_mutex);
    return result;
}

VkResult smelt_queue_submit(smelt_context context, const VkSubmitInfo2 *submit, VkFence fence)
{
    mtx_lock(&context->queue_mutex);
    if (context->queue_lock)
        context->queue_lock(context->queue_user);
    VkResult vk = context->vk.QueueSubmit2(context->queue, 1, submit, fence);
    if (context->queue_unlock)
        context->queue_unlock(context->queue_user);
    mtx_unlock(&context->queue_mutex);
    return vk;
}

static enum smelt_result submit_and_wait(smelt_context context)
{
    VkResult vk = context->vk.EndCommandBuffer(context->submit_commands);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkEndCommandBuffer");
    VkCommandBufferSubmitInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                          .commandBuffer = context->submit_commands};
    VkSubmitInfo2 submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                            .commandBufferInfoCount = 1,
                            .pCommandBufferInfos = &commands};
    vk = smelt_queue_submit(context, &submit, context->submit_fence);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkQueueSubmit2");
    vk = context->vk.WaitForFences(context->device, 1, &context->submit_fence, VK_TRUE, UINT64_MAX);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkWaitForFences");
    vk = context->vk.ResetFences(context->device, 1, &context->submit_fence);
    return vk == VK_SUCCESS ? SMELT_OK : smelt_fail_vk(context, vk, "vkResetFences");
}

enum smelt_result smelt_submit_end(smelt_context context, bool submit)
{
    enum smelt_result result = submit ? submit_and_wait(context) : SMELT_OK;
    mtx_unlock(&context->submit_mutex);
    return result;
}
