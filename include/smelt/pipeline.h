// SPDX-License-Identifier: MIT
// Compute pipelines for the encoder: a shader with its specialization constants, and its arguments by name
// (Metal: MTLComputePipelineState with its reflection).
//
// Arguments are the members of the shader's argument block (the buffer_reference block that the push constants point
// to) and of the push constants themselves. Descriptor bindings (images, samplers, buffers) are not part of them: whole
// sets are given to the encoder (smelt_encoder_set_descriptors).
#ifndef SMELT_PIPELINE_H
#define SMELT_PIPELINE_H

#include "shader.h"

SMELT_BEGIN

typedef struct smelt_pipeline_t *smelt_pipeline;

// A specialization constant by its name in the shader. The size of a `shared` array is set so.
struct smelt_constant {
    const char *name;
    uint64_t bits; // of the value, in the low bytes: a float's by memcpy
};

struct smelt_pipeline_params {
    smelt_shader shader;                    // a compute shader. Borrowed
    const struct smelt_constant *constants; // others keep their defaults
    uint32_t constant_count;
    // Of the shader's descriptor sets from 0 on, at most 4; read during the call (smelt_arguments_set_layout makes them)
    const VkDescriptorSetLayout *set_layouts;
    uint32_t set_layout_count;
    const char *name; // for debuggers, messages and profiles; NULL: the shader's. Copied
};

// Errors: INVALID_ARGUMENT (no compute shader; two arguments of one name; a reflection that contradicts itself; bindings
// in a set without a layout), NOT_FOUND (a constant; names those there are), UNSUPPORTED (more than 4 sets; a local
// size, with the constants, or push constants beyond the device's), COMPILE, OUT_OF_HOST_MEMORY, VULKAN. Thread-safe.
SMELT_API enum smelt_result smelt_pipeline_create(smelt_context context,
                                                  const struct smelt_pipeline_params *params,
                                                  smelt_pipeline *pipeline);
// The GPU must have finished with it, and so must encoders and graphs: what they recorded names it.
SMELT_API void smelt_pipeline_destroy(smelt_pipeline *pipeline);

// The same shader with other values for some constants; the rest as in `pipeline`. Made at the first call with these
// values, then found again; it belongs to `pipeline` and lives as long (never destroy it). Its arguments have the same
// indices. Errors: as smelt_pipeline_create. Thread-safe.
SMELT_API enum smelt_result smelt_pipeline_specialize(smelt_pipeline pipeline,
                                                      const struct smelt_constant *constants,
                                                      uint32_t constant_count, smelt_pipeline *specialized);

struct smelt_pipeline_info {
    const char *name;
    VkPipeline pipeline;
    VkPipelineLayout layout;
    // those of the block first; offsets are within block or push constants
    const struct smelt_member *arguments;
    uint32_t argument_count, block_argument_count;
    uint32_t local_size[3]; // with the constants in force
};
// Valid as long as the pipeline.
SMELT_API const struct smelt_pipeline_info *smelt_pipeline_info(smelt_pipeline pipeline);

// The index of an argument, for calls that run often. Errors: NOT_FOUND (lists near names). Thread-safe.
SMELT_API enum smelt_result smelt_pipeline_find(smelt_pipeline pipeline, const char *name,
                                                uint32_t *argument);

SMELT_END

#endif
