// SPDX-License-Identifier: MIT
// Deferred materials: the render pass leaves for each pixel which material it is and where on it; compute passes gather
// the pixels of each material and evaluate them there, with cooperative matrices or vectors, which fragment shaders of many
// devices do not have.
//
// The fragment shader writes smelt_deferred_pack (glsl/smelt/deferred.glsl) to an attachment; the caller's compute shader,
// one for each architecture of materials, evaluates (smelt_material_params.deferred), shades and stores. smelt lists and
// dispatches. Thread-safety: an object is used by one thread at a time.
#ifndef SMELT_DEFERRED_H
#define SMELT_DEFERRED_H

#include "image.h"

SMELT_BEGIN

typedef struct smelt_deferred_t *smelt_deferred;

#define SMELT_DEFERRED_MAX_MATERIALS 1024
#define SMELT_DEFERRED_MAX_GROUPS 32

// The materials of one architecture have numbers that follow each other.
struct smelt_deferred_group {
    uint32_t material_count; // 1 or more; the first group's are numbers 0, 1, ...
    uint32_t tile;           // pixels that a workgroup of its shader is given; 0: 1024
};
struct smelt_deferred_params {
    uint32_t width, height;                    // of the largest attachment, each to 65536
    const struct smelt_deferred_group *groups; // read during the call
    uint32_t group_count;
    const char *name; // for debuggers and messages; NULL: "deferred". Copied
};

// Makes a list of 4 bytes for each pixel and 16 for each material, as intermediates. Errors: INVALID_ARGUMENT (names the
// field, the value and what is allowed), those of smelt_tensor_create. Thread-safe.
SMELT_API enum smelt_result smelt_deferred_create(smelt_context context,
                                                  const struct smelt_deferred_params *params,
                                                  smelt_deferred *deferred);
// What was recorded with it must have finished on the GPU.
SMELT_API void smelt_deferred_destroy(smelt_deferred *deferred);

// What a group's pixels are dispatched with.
struct smelt_deferred_pass {
    // Its argument block has a member `smelt_deferred_group deferred`, which smelt_encode_deferred sets. The local size
    // is the shader's business: it goes through the tile that smelt_deferred_find gives it.
    smelt_pipeline pipeline;
    const struct smelt_argument *arguments; // all others
    uint32_t argument_count;
    VkDescriptorSet descriptors[4]; // of the pipeline's sets from 0 on; null: none
};

// Records into an encoder that has begun a recording in the caller's command buffer, or its own: pixels
// counted and their places added up, pixels listed, and one indirect dispatch for each group. Pixels without a material,
// and those whose number no group has, are in no list.
//   samples    the attachment, made with usage SAMPLED and a format of 4 uint32 components, at most width x height; it is
//              read in the layout of the smelt_image
//   passes     one for each group
// Barriers are the caller's: before, smelt_barrier_between(SMELT_STAGE_COLOR, SMELT_STAGE_MACHINE_LEARNING) with the change of
// layout; behind, from SMELT_STAGE_MACHINE_LEARNING to what reads what the shaders store. Recordings that may run at the
// same time want an object each; within a queue one is enough. Takes part in the hazard tracking, but for images.
// Errors: INVALID_ARGUMENT, NOT_FOUND (a pipeline without that member), SHAPE (a larger attachment), and those of dispatches.
SMELT_API enum smelt_result smelt_encode_deferred(smelt_encoder encoder, smelt_deferred deferred,
                                                  smelt_image samples,
                                                  const struct smelt_deferred_pass *passes);

SMELT_END

#endif
