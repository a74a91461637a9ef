// SPDX-License-Identifier: MIT
// A heap: one buffer with a device address in which the caller places tensors at offsets it chooses. Tensors
// placed in one heap may overlap; keeping their uses apart is then the caller's task (barriers).
#ifndef SMELT_HEAP_H
#define SMELT_HEAP_H

#include "context.h"

SMELT_BEGIN

typedef struct smelt_heap_t *smelt_heap;

struct smelt_heap_params {
    uint64_t size; // bytes; > 0
    // mapped for the host (coherent); device-local as well where the device has such memory
    bool host_visible;
    // The caller's memory, instead of smelt's: at most one of these two. Borrowed.
    VkDeviceMemory memory;  // a buffer is made on it. Allocated with VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    uint32_t memory_type;   // its memory type index,
    uint64_t memory_offset; // and a multiple of the buffer's alignment
    VkBuffer buffer;        // used as it is; created with STORAGE_BUFFER, SHADER_DEVICE_ADDRESS, TRANSFER_SRC
    uint64_t buffer_offset; // and TRANSFER_DST usage; a multiple of 16
    void *mapped;           // where `memory_offset` or `buffer_offset` is mapped (host-coherent memory), or
                            // NULL; borrowed. Needed for host_visible on the caller's memory
    enum smelt_memory_purpose purpose; // 0 (TENSOR) counts as HEAP
    const char *name;                  // for debuggers; NULL: "smelt heap"
};

// Errors: INVALID_ARGUMENT, BUDGET, OUT_OF_DEVICE_MEMORY, VULKAN. Thread-safe.
SMELT_API enum smelt_result smelt_heap_create(smelt_context context, const struct smelt_heap_params *params,
                                              smelt_heap *heap);
// Tensors placed in the heap must have been destroyed.
SMELT_API void smelt_heap_destroy(smelt_heap *heap);

struct smelt_heap_info {
    uint64_t size;
    VkBuffer buffer;
    uint64_t buffer_offset;  // of the heap's first byte
    VkDeviceAddress address; // of the heap's first byte
    void *mapped;            // NULL when the host cannot see it
};
SMELT_API struct smelt_heap_info smelt_heap_info(smelt_heap heap);

// What a heap of this size needs from caller-given VkDeviceMemory. Errors: INVALID_ARGUMENT (size 0 or beyond
// what the device can do), VULKAN. Thread-safe.
SMELT_API enum smelt_result smelt_heap_memory_requirements(smelt_context context, uint64_t size,
                                                           VkMemoryRequirements *requirements);

SMELT_END

#endif
