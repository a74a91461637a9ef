// SPDX-License-Identifier: MIT
// Heaps: one addressable buffer, on smelt's memory or on the caller's, in which tensors are placed.
#include "internal.h"

#include <inttypes.h>
#include <stdlib.h>

struct smelt_heap_t {
    smelt_context context;
    struct smelt_buffer memory; // what smelt made of it: nothing, the buffer, or the buffer and its memory
    struct smelt_heap_info info;
};

smelt_context smelt_heap_context(smelt_heap heap)
{
    return heap->context;
}

static enum smelt_result make_buffer(smelt_context context, uint64_t size, VkBuffer *buffer)
{
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .size = size,
                               .usage = smelt_buffer_usage(),
                               .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
    VkResult vk = context->vk.CreateBuffer(context->device, &info, context->allocation_callbacks, buffer);
    return vk == VK_SUCCESS ? SMELT_OK : smelt_fail_vk(context, vk, "vkCreateBuffer");
}

static enum smelt_result check_params(smelt_context context, const struct smelt_heap_params *params,
                                      const char *name)
{
    const enum smelt_result invalid = SMELT_ERROR_INVALID_ARGUMENT;
    uint64_t most = context->capabilities.max_buffer_size;
    bool borrowed = params->memory || params->buffer;
    if (params->size == 0 || params->size > most)
        return smelt_fail(context, invalid,
                          "heap '%s': size %" PRIu64 ", wanted 1 to %" PRIu64 " bytes on this device", name,
                          params->size, most);
    if (params->memory && params->buffer)
        return smelt_fail(context, invalid, "heap '%s': memory and buffer are both given, wanted one", name);
    if (params->buffer && params->buffer_offset % 16)
        return smelt_fail(context, invalid, "heap '%s': buffer_offset %" PRIu64 ", wanted a multiple of 16",
                          name, params->buffer_offset);
    if (params->mapped && !borrowed)
        return smelt_fail(context, invalid, "heap '%s': mapped is given without memory or buffer", name);
    if (params->host_visible && borrowed && !params->mapped)
        return smelt_fail(context, invalid,
                          "heap '%s': host_visible on the caller's memory, wanted where it is mapped", name);
    if ((unsigned)params->purpose >= SMELT_MEMORY_PURPOSE_COUNT)
        return smelt_fail(context, invalid, "heap '%s': purpose %d, wanted less than %d", name,
                          (int)params->purpose, SMELT_MEMORY_PURPOSE_COUNT);
    return SMELT_OK;
}

static enum smelt_result bind_memory(smelt_context context, const struct smelt_heap_params *params,
                                     const char *name, VkBuffer buffer)
{
    VkMemoryRequirements needs;
    context->vk.GetBufferMemoryRequirements(context->device, buffer, &needs);
    if (params->memory_type >= context->memory_properties.memoryTypeCount ||
        !(needs.memoryTypeBits >> params->memory_type & 1))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "heap '%s': memory type %" PRIu32 ", wanted one of the bits 0x%" PRIx32, name,
                          params->memory_type, needs.memoryTypeBits);
    if (params->memory_offset % needs.alignment)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "heap '%s': memory_offset %" PRIu64 ", wanted a multiple of %" PRIu64, name,
                          params->memory_offset, needs.alignment);
    VkMemoryPropertyFlags flags = context->memory_properties.memoryTypes[params->memory_type].propertyFlags;
    if (params->mapped && !(flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "heap '%s': mapped memory of type %" PRIu32 ", wanted a host-coherent type", name,
                          params->memory_type);
    VkResult vk =
        context->vk.BindBufferMemory(context->device, buffer, params->memory, params->memory_offset);
    return vk == VK_SUCCESS ? SMELT_OK : smelt_fail_vk(context, vk, "vkBindBufferMemory");
}

// The heap's buffer: the caller's, one made on the caller's memory, or one with memory of its own.
static enum smelt_result heap_fill(smelt_heap heap, const struct smelt_heap_params *params, const char *name)
{
    smelt_context context = heap->context;
    heap->info.size = params->size;
    heap->info.mapped = params->mapped;
    if (params->buffer) {
        heap->info.buffer = params->buffer;
        heap->info.buffer_offset = params->buffer_offset;
        heap->info.address = smelt_buffer_address(context, params->buffer) + params->buffer_offset;
        return SMELT_OK;
    }
    enum smelt_result result;
    if (params->memory) {
        result = make_buffer(context, params->size, &heap->memory.buffer);
        if (result == SMELT_OK)
            result = bind_memory(context, params, name, heap->memory.buffer);
        if (result != SMELT_OK)
            return result;
        heap->memory.address = smelt_buffer_address(context, heap->memory.buffer);
        smelt_set_debug_name(context, VK_OBJECT_TYPE_BUFFER, (uint64_t)heap->memory.buffer, name);
    } else {
        enum smelt_memory_purpose purpose =
            params->purpose == SMELT_MEMORY_TENSOR ? SMELT_MEMORY_HEAP : params->purpose;
        result = smelt_buffer_create(context, params->size,
                                     params->host_visible ? SMELT_PLACE_HOST_WRITE : SMELT_PLACE_DEVICE,
                                     purpose, name, &heap->memory);
        if (result != SMELT_OK)
            return result;
        heap->info.mapped = heap->memory.mapped;
    }
    heap->info.buffer = heap->memory.buffer;
    heap->info.address = heap->memory.address;
    return SMELT_OK;
}

enum smelt_result smelt_heap_create(smelt_context context, const struct smelt_heap_params *params,
                                    smelt_heap *heap)
{
    if (!context || !params || !heap)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "heap: %s is NULL, wanted one",
                          !context  ? "context"
                          : !params ? "params"
                                    : "heap");
    const char *name = params->name ? params->name : "smelt heap";
    enum smelt_result result = check_params(context, params, name);
    if (result != SMELT_OK)
        return result;
    smelt_heap made = calloc(1, sizeof(*made));
    if (!made)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "heap '%s': out of host memory", name);
    made->context = context;
    result = heap_fill(made, params, name);
    if (result != SMELT_OK) {
        smelt_heap_destroy(&made);
        return result;
    }
    *heap = made;
    return SMELT_OK;
}

void smelt_heap_destroy(smelt_heap *heap)
{
    if (!heap || !*heap)
        return;
    smelt_buffer_destroy((*heap)->context, &(*heap)->memory);
    free(*heap);
    *heap = NULL;
}

struct smelt_heap_info smelt_heap_info(smelt_heap heap)
{
    return heap->info;
}

enum smelt_result smelt_heap_memory_requirements(smelt_context context, uint64_t size,
                                                 VkMemoryRequirements *requirements)
{
    if (!context || !requirements)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "heap requirements: %s is NULL, wanted one",
                          context ? "requirements" : "context");
    if (size == 0 || size > context->capabilities.max_buffer_size)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "heap requirements: size %" PRIu64 ", wanted 1 to %" PRIu64 " bytes on this device",
                          size, context->capabilities.max_buffer_size);
    VkBuffer buffer;
    enum smelt_result result = make_buffer(context, size, &buffer);
    if (result != SMELT_OK)
        return result;
    context->vk.GetBufferMemoryRequirements(context->device, buffer, requirements);
    context->vk.DestroyBuffer(context->device, buffer, context->allocation_callbacks);
    return SMELT_OK;
}
