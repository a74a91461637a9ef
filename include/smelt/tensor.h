// SPDX-License-Identifier: MIT
// Tensors: typed, strided views of device memory with a 64-bit address, for any shader (Metal: MTLTensor).
//
// A tensor never owns more than its memory: it has no layout transitions and no hidden copies. Thread-safety:
// a tensor's description is immutable; host copies to different tensors may run in parallel.
#ifndef SMELT_TENSOR_H
#define SMELT_TENSOR_H

#include "heap.h"

SMELT_BEGIN

#define SMELT_TENSOR_MAX_RANK 16

typedef struct smelt_tensor_t *smelt_tensor;

enum smelt_tensor_usage {
    SMELT_TENSOR_USAGE_COMPUTE = 1 << 0,
    SMELT_TENSOR_USAGE_RENDER = 1 << 1,
    SMELT_TENSOR_USAGE_MACHINE_LEARNING = 1 << 2, // rows aligned: the innermost stride is 1, the next one a
                                                  // multiple of 64 bytes
    SMELT_TENSOR_USAGE_HOST = 1 << 3, // mapped for the host: copies need no staging and no queue. In
                                      // memory of its own (host-cached) or in a heap that is mapped
};

struct smelt_tensor_params {
    enum smelt_dtype dtype;
    uint32_t rank;                           // 0 (a scalar) to SMELT_TENSOR_MAX_RANK
    uint64_t shape[SMELT_TENSOR_MAX_RANK];   // extents, slowest first; each >= 1, product < 2^32
    uint64_t strides[SMELT_TENSOR_MAX_RANK]; // in elements. All zero: packed row-major (rows aligned with
                                             // USAGE_MACHINE_LEARNING, and to whole bytes for 4-bit types).
                                             // Given strides span < 2^32 elements and must not make elements
                                             // overlap: from the smallest up, each steps over all that the
                                             // smaller ones cover. A 4-bit type needs even strides but for
                                             // the innermost, which must be 1
    uint32_t usage;                          // smelt_tensor_usage bits; 0: COMPUTE | RENDER
    // Where it lives: memory of its own, a place in a heap, or a view of the caller's buffer.
    smelt_heap heap;        // borrowed
    uint64_t heap_offset;   // a multiple of the alignment smelt_tensor_size_and_alignment gives
    VkBuffer buffer;        // borrowed; with SHADER_DEVICE_ADDRESS, STORAGE_BUFFER and TRANSFER usage
    uint64_t buffer_offset; // a multiple of the element size (4-bit types: any byte)
    uint64_t buffer_size;   // bytes of `buffer`, checked against; required with `buffer`
    const char *name;       // for debuggers and messages; NULL: "tensor". Copied
};

// Bytes that a tensor of these params spans, from its first to past its last element, and the alignment of
// its place in a heap (64 with USAGE_MACHINE_LEARNING, else 16). Only dtype, rank, shape, strides, usage are
// read. Errors: SHAPE, DTYPE. Thread-safe.
SMELT_API enum smelt_result smelt_tensor_size_and_alignment(const struct smelt_tensor_params *params,
                                                            uint64_t *size, uint64_t *alignment);

// Contents of new memory are undefined. Errors: SHAPE (rank, zero extent, product or byte size overflow,
// overlapping strides, does not fit the heap or buffer), DTYPE, INVALID_ARGUMENT (misaligned offset, heap and
// buffer both given, USAGE_HOST where nothing is mapped), UNSUPPORTED (larger than a buffer of the device can
// be), BUDGET, OUT_OF_DEVICE_MEMORY, VULKAN. Thread-safe.
SMELT_API enum smelt_result
smelt_tensor_create(smelt_context context, const struct smelt_tensor_params *params, smelt_tensor *tensor);

// A tensor without memory, for graphs (graph.h): calls and dispatches that are captured take it as any other, and the graph
// gives it a place when it is replayed. Its contents are undefined when a replay begins. info's `address` is a number
// that no device has: what is not captured and what reads or writes it from the host is refused. Of the place in `params`
// nothing is given, and not USAGE_HOST. Errors: SHAPE, DTYPE, INVALID_ARGUMENT, BUDGET (2^53 bytes have been given out
// since the context was made), OUT_OF_HOST_MEMORY. Thread-safe.
SMELT_API enum smelt_result smelt_tensor_create_transient(smelt_context context,
                                                          const struct smelt_tensor_params *params,
                                                          smelt_tensor *tensor);

// A tensor with its own dtype, shape and strides (those of `params`, of which the rest is 0, but for `usage` and `name`) on
// the bytes of another one, from `offset` bytes after its first element on; `offset` is a multiple of the element size. The
// other tensor, which may be transient, must outlive it. Errors: SHAPE (also when it reaches past the other tensor),
// DTYPE, INVALID_ARGUMENT, UNSUPPORTED for a matrix in the device's own layout, OUT_OF_HOST_MEMORY. Thread-safe.
SMELT_API enum smelt_result smelt_tensor_view(smelt_tensor tensor, uint64_t offset,
                                              const struct smelt_tensor_params *params, smelt_tensor *view);

// Frees the tensor and the memory it made itself. Slices and views of it must have been destroyed.
SMELT_API void smelt_tensor_destroy(smelt_tensor *tensor);

// A view of the sub-box that starts at `origin` and has `shape` (arrays of rank extents), on the same memory.
// The parent must outlive it. A sub-box of a 4-bit tensor starts at an even innermost index.
// Errors: SHAPE when the box leaves the tensor, UNSUPPORTED for a matrix in the device's own layout
// (weights.h). Thread-safe.
SMELT_API enum smelt_result smelt_tensor_slice(smelt_tensor tensor, const uint64_t *origin,
                                               const uint64_t *shape, smelt_tensor *slice);

struct smelt_tensor_info {
    enum smelt_dtype dtype;
    uint32_t rank;
    uint64_t shape[SMELT_TENSOR_MAX_RANK];
    uint64_t strides[SMELT_TENSOR_MAX_RANK]; // elements
    uint32_t usage;
    VkBuffer buffer;
    uint64_t buffer_offset;  // of the first element
    uint64_t size;           // bytes from the first to past the last element
    VkDeviceAddress address; // of the first element
    void *mapped;            // of the first element; NULL when the host cannot see it
    const char *name;
};
// Valid as long as the tensor. Never NULL for a live tensor.
SMELT_API const struct smelt_tensor_info *smelt_tensor_info(smelt_tensor tensor);

// Product of the extents; 1 for a scalar.
SMELT_API uint64_t smelt_tensor_element_count(smelt_tensor tensor);

// --- Host copies, which submit to the context's queue and wait unless the tensor is host-visible ----

// A box of a tensor and the host's side of it.
struct smelt_tensor_box {
    uint64_t origin[SMELT_TENSOR_MAX_RANK]; // all zero: the tensor's first element
    uint64_t shape[SMELT_TENSOR_MAX_RANK];  // all zero: up to the end in every dimension
    // of the host's array, in elements; all zero: packed. 4-bit: packed, so that a row of odd extent ends in the middle of a
    // byte, in whose other half the next row begins
    uint64_t strides[SMELT_TENSOR_MAX_RANK];
};

// Copies host elements (of the tensor's dtype) into a box of the tensor, or back. NULL box: the whole tensor.
// `size` is what the caller's array holds, in bytes: checked, so that nothing outside is read or written.
// Elements of the tensor outside the box keep their values; so does the unused half of an odd 4-bit array's
// last byte.
// GPU work submitted earlier to the context's queue is ordered before the copy. A tensor that is mapped is read
// or written at once instead: GPU work on it must have finished, its writes made visible to the host.
// Errors: SHAPE, INVALID_ARGUMENT (size too small), UNSUPPORTED (a matrix in the device's own layout), BUDGET (of
// staging), OUT_OF_DEVICE_MEMORY, DEVICE_LOST, VULKAN. Thread-safe.
SMELT_API enum smelt_result smelt_tensor_write_and_wait(smelt_tensor tensor,
                                                        const struct smelt_tensor_box *box, const void *data,
                                                        uint64_t size);
SMELT_API enum smelt_result smelt_tensor_read_and_wait(smelt_tensor tensor,
                                                       const struct smelt_tensor_box *box, void *data,
                                                       uint64_t size);

// --- GPU operations, recorded by an encoder (encoder.h), which orders what conflicts ---
//
// All run at stage COMPUTE_SHADER with SHADER_STORAGE_READ/WRITE access, outside a render pass. Source and
// destination must not share bytes (told exactly for boxes of one layout, such as slices of one tensor, else by the
// ranges that they span).
// Where a row of a 4-bit destination ends inside a byte, that byte is read and written back, so writes to slices
// that meet in a byte conflict. Errors: SHAPE, INVALID_ARGUMENT (overlap, not a permutation),
// UNSUPPORTED (a matrix in the device's own layout), OUT_OF_HOST_MEMORY, VULKAN, and those of a dispatch
// (smelt_encoder_dispatch_groups). They bind a compute pipeline and push constants; nothing else of the command
// buffer's state changes.

// destination[i] = source[i], converted to the destination's dtype (rounding and saturation as dtype.h) when
// the two differ. With `permutation` (rank entries), destination dimension d is source dimension
// permutation[d]: { 1, 0 } transposes a matrix. NULL: none.
SMELT_API enum smelt_result smelt_encode_copy(smelt_encoder encoder, smelt_tensor destination,
                                              smelt_tensor source, const uint32_t *permutation);

// Every element = value, converted to the tensor's dtype; bytes between strided elements keep their values.
SMELT_API enum smelt_result smelt_encode_fill(smelt_encoder encoder, smelt_tensor destination, double value);

SMELT_END

#endif
