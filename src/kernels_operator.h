// SPDX-License-Identifier: MIT
// Kernels of networks' operators that are no call of the public library: one dispatch over a few tensors, of a body from
// glsl/kernels/operator_*.glsl.
#ifndef SMELT_KERNELS_OPERATOR_H
#define SMELT_KERNELS_OPERATOR_H

#include "kernels_cache.h"

#define SMELT_OPERATOR_MAX_TENSORS 6
#define SMELT_OPERATOR_MAX_RANK 8
#define SMELT_OPERATOR_MAX_SIZES 32  // integers for the body
#define SMELT_OPERATOR_MAX_NUMBERS 8 // floats for the body

// The body is GLSL that defines `void operator_run(uint c[T0_RANK])`, called once for each element of tensor 0 (what is
// written) with its coordinates, in the order in which tensor 0's elements lie in memory: neighbouring invocations write
// neighbouring elements. What it finds, for each tensor i:
//     T<i>_DTYPE (SMELT_DTYPE_x), T<i>_BITS (of an element), T<i>_V (float, int or uint: what its elements load as),
//     T<i>_RANK (a scalar shows as rank 1 of one element); not defined: the tensor is absent
//     uint t<i>_extent(uint axis), uint t<i>_stride(uint axis)
//     uint t<i>_place(uint c[T<i>_RANK])             where an element is
//     uint t<i>_broadcast(uint c[T0_RANK])           where the one is that serves c: axes count from the last, an extent of
//                                                    1 serves all (if its rank is at most tensor 0's)
//     T<i>_V t<i>_load(uint place)
//     void t<i>_store(uint place, T<i>_V v)          of tensors that are written; rounded once, saturating, as tensors do
//     int size(uint i), float number(uint i)         call->sizes, call->numbers
// and the macros of `options`. Extents, strides, sizes and numbers are constants when the pipeline is made, until one body has
// been used with many of them; from then on they are read.
struct smelt_operator_call {
    const char *body;                                 // "operator_pool.glsl"; static storage
    const char *options;                              // "MAXIMUM=1 MODE=2": macros; NULL: none. Borrowed
    smelt_tensor tensors[SMELT_OPERATOR_MAX_TENSORS]; // of any type; NULL: absent (not tensor 0)
    uint32_t written; // bits: tensors that are written, each element, beside tensor 0
    // bits: tensors that are read and written, or not written everywhere; tensor 0 too if it is in it
    uint32_t updated;
    int32_t sizes[SMELT_OPERATOR_MAX_SIZES];
    float numbers[SMELT_OPERATOR_MAX_NUMBERS];
    uint32_t size_count, number_count; // they must follow from body and options
    // The body takes so many elements of tensor 0's innermost axis at a time, of which that has a multiple: macro PER. 0: 1
    uint32_t per;
    // An image that the body declares at set 0, binding 0; `only_reads`: the body writes it and nothing else, tensor 0 tells
    // its elements and is read.
    VkDescriptorSet image; // null: none
    VkDescriptorType image_type;
    bool only_reads;
};

// Records one dispatch. Tensors that are written must be apart from all others, or be the same elements where the body reads
// each for its own place only. Errors: INVALID_ARGUMENT (tensor 0 is NULL, two contexts), SHAPE (a rank above
// SMELT_OPERATOR_MAX_RANK), UNSUPPORTED (device-optimal tensors; this build has no compiler), COMPILE, OUT_OF_HOST_MEMORY,
// VULKAN. Thread-safe but for the encoder.
enum smelt_result smelt_encode_operator(smelt_encoder encoder, const struct smelt_operator_call *call);

#endif
