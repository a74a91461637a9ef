// SPDX-License-Identifier: MIT
// The deferred path: the mesh's parts leave their material and place in attachments, and compute shaders evaluate, with
// one pipeline for each architecture among the materials.
#ifndef EXAMPLE_DEFERRED_H
#define EXAMPLE_DEFERRED_H

#include "neural.h"

enum { DEFERRED_MOST_MATERIALS = 8 };

struct deferred_params {
    const char *const *packages; // of the mesh's parts
    uint32_t count;
    enum smelt_backend backend; // AUTO: the best of the device in compute shaders
    enum smelt_dtype precision;
    bool levels; // the level of detail follows from the derivatives; else it is `mip`, as inline
    uint32_t mip;
    bool stochastic; // one texel of each latent instead of a filtered one
    bool accumulate; // each picture is the average of all frames so far
};

struct deferred {
    struct renderer *renderer;
    struct deferred_params params;
    struct gpu_image texels, positions, normals, tangents, lit;
    struct surface_pipeline attachments, composite;
    VkDescriptorSetLayout composite_layout;
    VkDescriptorPool composite_pool;
    VkDescriptorSet composite_set;
    smelt_image texels_image;
    smelt_deferred lists;
    smelt_encoder encoder;
    struct deferred_material {
        smelt_material material;
        smelt_arguments block;
        uint32_t part;                         // of the mesh
    } materials[DEFERRED_MOST_MATERIALS];      // those of one architecture beside each other
    uint32_t numbers[DEFERRED_MOST_MATERIALS]; // of the materials of the parts
    uint32_t group_count;
    struct deferred_group {
        uint32_t first, count;
        smelt_shader shader;
        smelt_arguments sets;
        smelt_pipeline pipeline;
    } groups[DEFERRED_MOST_MATERIALS];
    uint64_t first_frame;
    bool drawn;
};

// Errors are one line on standard error.
bool deferred_create(smelt_context context, struct renderer *renderer, const struct deferred_params *params,
                     struct deferred *deferred);
void deferred_destroy(struct deferred *deferred);
// For renderer_draw, with deferred->composite.
struct renderer_post deferred_post(struct deferred *deferred);

#endif
