// SPDX-License-Identifier: MIT
// The inside of a tensor, and the strided copies that tensor.c, tensor_copy.c and kernels.c do for each other.
#ifndef SMELT_TENSOR_INTERNAL_H
#define SMELT_TENSOR_INTERNAL_H

#include "internal.h"

// What a shader and the hazard tracking know of a tensor: made once, as it is copied for every dispatch.
struct smelt_tensor_form {
    uint32_t type; // smelt_tensor_type; 0: opaque, or more than 32 bits can index
    VkDeviceAddress end;
    VkDeviceAddress address; // from here on as in an argument block, version 1: address, extents, strides
    uint32_t extents_strides[2 * SMELT_TENSOR_MAX_RANK];
};

static inline uint32_t smelt_tensor_type(enum smelt_dtype dtype, uint32_t rank)
{
    return 1 + (uint32_t)dtype + 256 * rank;
}

// Pixels of an image as a tensor's elements, packed with channels last: kernels read it as a texture at set 0, binding 0, or
// write it as a storage image there, and find scale and offset of four channels where the tensor's address points.
struct smelt_picture {
    uint32_t width, height, channels;
    const char *format; // in GLSL: it is written. NULL: it is read. Static storage
    uint32_t first;     // element of it that the tensor's first one is
};

// Aligned to a line of the cache, which holds what a dispatch reads of it.
#define SMELT_TENSOR_LINE 64
struct smelt_tensor_t {
    smelt_context context;
    struct smelt_tensor_form form;
    struct smelt_tensor_info info;
    struct smelt_buffer memory; // of its own; all zero when it lives elsewhere
    char *name;                 // NULL in a slice, whose info.name is its root's
    bool opaque;                // a device-optimal matrix: only binds
    bool transient;             // without memory: its address is one of those below
    bool part;                  // a slice or view of another one
    // NULL: elements are in memory. In calls of graphs only (graph_picture.c).
    const struct smelt_picture *picture;
};

// Transient tensors and what graphs call the memory that they will have: addresses that no device has. Those of tensors are
// different for all tensors of a context; read as a float, their upper half is NaN.
#define SMELT_TRANSIENT_BASE 0xffc0000000000000ull
#define SMELT_TRANSIENT_HEAP 0x8000000000000000ull
#define SMELT_TRANSIENT_ALIGNMENT 256u // of their addresses, and of their places

static inline bool smelt_is_transient(VkDeviceAddress address)
{
    return address >= SMELT_TRANSIENT_BASE;
}

// SMELT_ERROR_UNSUPPORTED for an opaque tensor, naming what was tried; INVALID_ARGUMENT for NULL.
enum smelt_result smelt_tensor_require_plain(smelt_tensor tensor, const char *action);

// Whether two tensors are of one shape; and whether of one type, shape and strides.
bool smelt_tensor_same_shape(const struct smelt_tensor_info *a, const struct smelt_tensor_info *b);
bool smelt_tensor_lies_as(const struct smelt_tensor_info *a, const struct smelt_tensor_info *b);
// Whether elements lie row-major without gaps; axes of extent 1 do not count.
bool smelt_tensor_is_packed(const struct smelt_tensor_info *t);

// Whether two tensors share bytes: told exactly for disjoint boxes of one layout, else by the ranges that they span.
bool smelt_tensor_share_bytes(const struct smelt_tensor_info *a, const struct smelt_tensor_info *b);

// Strided elements anywhere on the device, for the copy kernel. Strides in elements.
struct smelt_view {
    enum smelt_dtype dtype;
    VkDeviceAddress address;
    uint64_t strides[SMELT_TENSOR_MAX_RANK];
};

// Records destination[i] = source[i] for all i < shape, converted. The span of each side is below 2^32 elements.
enum smelt_result smelt_kernels_copy(smelt_context context, VkCommandBuffer commands, uint32_t rank,
                                     const uint64_t *shape, const struct smelt_view *destination,
                                     const struct smelt_view *source);

#endif
