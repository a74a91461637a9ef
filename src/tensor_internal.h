// SPDX-License-Identifier: MIT
// The inside of a tensor, and the strided copies that tensor.c, tensor_copy.c and kernels.c do for each other.
#ifndef SMELT_TENSOR_INTERNAL_H
#define SMELT_TENSOR_INTERNAL_H

#include "internal.h"

struct smelt_tensor_t {
    smelt_context context;
    struct smelt_tensor_info info;
    struct smelt_buffer memory; // of its own; all zero when it lives elsewhere
    char *name;                 // NULL in a slice, whose info.name is its root's
    bool opaque;                // a device-optimal matrix: only binds
};

// SMELT_ERROR_UNSUPPORTED for an opaque tensor, naming what was tried; INVALID_ARGUMENT for NULL.
enum smelt_result smelt_tensor_require_plain(smelt_tensor tensor, const char *action);

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
