// SPDX-License-Identifier: MIT
// Arguments: values set by name for the argument block of a shader, and for its descriptor bindings.
//
// The argument block is a buffer_reference block in scalar layout that the shader reaches by one 64-bit
// address; the caller delivers that address as it likes. An arguments object keeps one copy of the block for
// every frame in flight, so it may be updated while earlier frames run. Setting and binding allocate nothing.
//
// Thread-safety: one thread at a time per object.
#ifndef SMELT_ARGUMENTS_H
#define SMELT_ARGUMENTS_H

#include "shader.h"

SMELT_BEGIN

typedef struct smelt_arguments_t *smelt_arguments;

struct smelt_arguments_params {
    // The shaders that are used together (vertex and fragment, or compute). Their blocks of the same name and
    // their bindings of the same place must agree. Read during the call only.
    const smelt_shader *shaders;
    uint32_t shader_count;
    const char *block; // type name of the argument block. NULL: the only one. "": no block, bindings only
    uint32_t frames_in_flight; // copies, at most 16; 0: 2
    // Descriptors of one set, by name. Without it the object has a block only (bindless, push constants).
    bool descriptors;
    uint32_t set; // which set
    // Borrowed, with the bindings that the shaders have in the set and no others; null: made from the reflection
    // (smelt_arguments_set_layout).
    VkDescriptorSetLayout set_layout;
    uint32_t max_runtime_array; // elements for runtime arrays in the set; 0: 1024, or what the device allows
    const char *name;           // for debuggers and messages; NULL: the block's name
};

// Errors: NOT_FOUND (block; names those there are), INVALID_ARGUMENT (shaders disagree: says where), UNSUPPORTED
// (more descriptors than the device has; a runtime array where runtimeDescriptorArray and
// descriptorBindingPartiallyBound are not enabled), BUDGET, OUT_OF_DEVICE_MEMORY, VULKAN. Thread-safe.
SMELT_API enum smelt_result smelt_arguments_create(smelt_context context,
                                                   const struct smelt_arguments_params *params,
                                                   smelt_arguments *arguments);
SMELT_API void smelt_arguments_destroy(smelt_arguments *arguments);

// --- Setting, by name ("net.layer0.weight"); the value is kept until set again ------------------------
// Errors of all: NOT_FOUND (lists near names), and what does not fit, got and wanted: SHAPE, DTYPE,
// INVALID_ARGUMENT. A failing call changes nothing.

// Rank, dtype and every static extent must agree; where all extents are static the tensor must be packed (shaders
// do not read its strides) or, for shaders compiled for COOPVEC, in the device's layout (weights.h). Writes
// address, extents and strides. The tensor must live until the GPU has finished with it.
SMELT_API enum smelt_result smelt_arguments_set_tensor(smelt_arguments arguments, const char *name,
                                                       smelt_tensor tensor);
// A constant, vector, matrix or array: `size` must be the member's size in the block (scalar layout).
SMELT_API enum smelt_result smelt_arguments_set_constant(smelt_arguments arguments, const char *name,
                                                         const void *value, uint32_t size);
// A member of kind ADDRESS.
SMELT_API enum smelt_result smelt_arguments_set_address(smelt_arguments arguments, const char *name,
                                                        VkDeviceAddress address);
// A buffer binding (uniform or storage), or an element of an array of them ("lights[2]"); `range` may be
// VK_WHOLE_SIZE.
SMELT_API enum smelt_result smelt_arguments_set_buffer(smelt_arguments arguments, const char *name,
                                                       VkBuffer buffer, uint64_t offset, uint64_t range);
// Element `index` of a texture or image binding. A combined image sampler needs the sampler too; otherwise it
// is ignored. `layout` is what the image will be in.
SMELT_API enum smelt_result smelt_arguments_set_texture(smelt_arguments arguments, const char *name,
                                                        uint32_t index, VkImageView view, VkSampler sampler,
                                                        VkImageLayout layout);
// Element `index` of a sampler binding.
SMELT_API enum smelt_result smelt_arguments_set_sampler(smelt_arguments arguments, const char *name,
                                                        uint32_t index, VkSampler sampler);

// A name looked up once, for calls that run every frame. `member` stays valid as long as the object.
SMELT_API enum smelt_result smelt_arguments_find(smelt_arguments arguments, const char *name,
                                                 uint32_t *member);
SMELT_API enum smelt_result smelt_arguments_set_tensor_at(smelt_arguments arguments, uint32_t member,
                                                          smelt_tensor tensor);
SMELT_API enum smelt_result smelt_arguments_set_constant_at(smelt_arguments arguments, uint32_t member,
                                                            const void *value, uint32_t size);

// --- Using --------------------------------------------------------------------------------------------

// OK when everything has been set; NOT_READY otherwise, naming every unset entry. Elements of runtime arrays
// need not be set.
SMELT_API enum smelt_result smelt_arguments_check(smelt_arguments arguments);

// Makes the values set so far those of frame `frame` (any number of the caller's; frame - frames_in_flight must
// have finished on the GPU) and gives the block's address for it (0 without a block; `address` may be NULL). A
// frame has one set of values: draws of one frame that differ have an object each. Cheap when nothing changed.
// Errors: NOT_READY as smelt_arguments_check.
SMELT_API enum smelt_result smelt_arguments_flush(smelt_arguments arguments, uint64_t frame,
                                                  VkDeviceAddress *address);

// flush, then binds: the descriptor set (if the object has one) at its set index, and the block's address as a
// push constant where the shaders' push constant block has a member that points to it.
//   layout  the caller's pipeline layout, compatible with the set layout and with a push constant range that
//           covers the shaders'
//   stages  of that push constant range
// Errors: NOT_READY, INVALID_ARGUMENT (two members of one push constant block point to the block: flush, and push
// the address yourself).
SMELT_API enum smelt_result smelt_arguments_bind(smelt_arguments arguments, VkCommandBuffer commands,
                                                 VkPipelineBindPoint bind_point, VkPipelineLayout layout,
                                                 VkShaderStageFlags stages, uint64_t frame);

// The set layout in use, made or borrowed; null without descriptors. Owned by the object if made.
SMELT_API VkDescriptorSetLayout smelt_arguments_set_layout(smelt_arguments arguments);
// The descriptor set that flush brings up to date for a frame; null without descriptors. Owned by the object.
SMELT_API VkDescriptorSet smelt_arguments_descriptor_set(smelt_arguments arguments, uint64_t frame);

SMELT_END

#endif
