// SPDX-License-Identifier: MIT
// The library's own kernels: compiled or taken from what was baked when first needed, with a pipeline for each set of
// specialization constants.
#ifndef SMELT_KERNELS_CACHE_H
#define SMELT_KERNELS_CACHE_H

#include "encoder_internal.h"
#include "ops_internal.h"

#define SMELT_KERNEL_MAX_CONSTANTS 160
#define SMELT_KERNEL_BYTE 10.0 // operations for which a byte of memory counts

// Bytes of shared memory that a kernel may take: NVIDIA's driver says it has more than it compiles, and ends the process.
static inline uint32_t smelt_kernel_most_shared(const struct smelt_capabilities *c)
{
    return SMELT_MIN(c->max_shared_memory_size, 48u * 1024);
}

struct smelt_kernel_request {
    const char *
        name; // "matmul2d": in debug names and messages; static storage. Kernels of two names are never the same
    const void *key; // what the kernel is compiled for, compared as bytes: no padding in it; not empty
    size_t key_size;
    const char *baked; // name of the SPIR-V in glsl/kernels; NULL: compiled from what `write` gives
    void (*write)(struct smelt_text *text, const void *user); // the GLSL
    const void *user;
    const struct smelt_op *ops; // of the compiled kernel
    uint32_t op_count;
    enum smelt_backend backend;
    enum smelt_dtype dtype; // of what it computes; for messages
    uint32_t push_size;     // bytes of push constants, 4 to 128
    // Of the dispatch, about; a byte of memory counts as SMELT_KERNEL_BYTE. 0: too few to be sliced (encoder->slice).
    double operations;
    // It takes unit gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x, if there is one, and no other where
    // gl_WorkGroupID.z is 1. Others have no use for gl_NumWorkGroups
    bool linear;
    VkDescriptorType image_type; // of an image at set 0, binding 0 of a compiled kernel; 0: none
    VkPipelineShaderStageCreateFlags stage_flags;
    uint32_t subgroup_size; // to require; 0: none
    // Specialization constants by their ids from 0 on. The first `size_count` are sizes: after many pipelines of a
    // kernel they are all 0, which kernels take as "read it from the push constants".
    uint32_t constants[SMELT_KERNEL_MAX_CONSTANTS];
    uint32_t constant_count, size_count;
};

struct smelt_kernel {
    VkPipeline pipeline;
    VkPipelineLayout layout; // push constants of COMPUTE, and set 0 of a kernel with an image
    bool reads_sizes;        // the request had sizes, but the pipeline has 0 for them
    bool linear;             // as requested
    bool image;              // as requested: it takes a tensor that is a picture (tensor_internal.h)
    uint32_t slices;         // commands that a dispatch is to be
};

// The only binding of a kernel's set 0.
static inline VkDescriptorSetLayoutBinding smelt_kernel_image_binding(VkDescriptorType type)
{
    return (VkDescriptorSetLayoutBinding){
        .descriptorType = type, .descriptorCount = 1, .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
}

// Finds or makes the kernel and its pipeline for a dispatch of the encoder; both are the context's and live as long. Where
// the encoder captures, encoder->kernels says what is made; the pipeline of what is not is null, and the graph makes what is
// left of its calls after fusion. Errors: COMPILE, UNSUPPORTED (not baked, and this build has no compiler),
// OUT_OF_HOST_MEMORY, VULKAN. Thread-safe but for the encoder: threads compile at the same time, each kernel once.
enum smelt_result smelt_kernel_get(smelt_encoder encoder, const struct smelt_kernel_request *request,
                                   struct smelt_kernel *kernel);
// Gives the encoder a dispatch of it, with `push` (of request->push_size). `what` has the rest: ranges, label, operation
// and call. Of a linear kernel x may be more than the device takes: it goes over the rest.
enum smelt_result smelt_kernel_dispatch(smelt_encoder encoder, const struct smelt_kernel *kernel,
                                        const void *push, uint32_t push_size, uint64_t x, uint32_t y,
                                        uint32_t z, const struct smelt_dispatch *what);
// In front of a dispatch that needs what an earlier one of the same call has done, also where nothing is tracked.
enum smelt_result smelt_kernel_order(smelt_encoder encoder, const struct smelt_dispatch *what);

// That `tensor` (NULL: there is none) has the type, shape and strides of another one, and is that or apart from it. `role`
// and `as` are for messages. Errors: INVALID_ARGUMENT, DTYPE, SHAPE.
enum smelt_result smelt_kernel_check_lies_as(const char *kernel, const char *role, smelt_tensor tensor,
                                             const char *as, smelt_tensor other);
// That an extent of a call's tensors is `wanted`. Errors: SHAPE, "KERNEL: WHAT is GOT, wanted WANTED".
enum smelt_result smelt_kernel_check_extent(smelt_context context, const char *kernel, const char *what,
                                            uint64_t got, uint64_t wanted);

// Whether calls on this thread make kernels of text: by the compiler, or by SPIR-V that a package has (kernels_code.h).
bool smelt_kernels_have_text(void);
// The text of glsl/kernels/NAME for kernels compiled at run time; the name must be one of glsl/meson.build's.
const char *smelt_kernel_text(const char *name);

#endif
