// SPDX-License-Identifier: MIT
// A surface from ordinary textures: what a neural material is compared with, and what it is transcoded to.
#ifndef EXAMPLE_TEXTURES_H
#define EXAMPLE_TEXTURES_H

#include "renderer.h"

struct textures {
    struct gpu *gpu;
    struct gpu_image maps[3]; // base colour (sRGB); normal; occlusion, roughness, metalness
    VkSampler sampler;
    VkDescriptorSetLayout set_layout;
    VkDescriptorPool pool;
    VkDescriptorSet set;
    VkShaderModule fragment;
    struct surface_pipeline surface;
    VkExtent2D extent; // of the maps
    bool clamp;        // at their edges; else they repeat. The caller's to set, before textures_create
};

// A map of `size` bytes; waits. Errors of all are one line on standard error.
bool textures_upload(struct gpu *gpu, uint32_t index, VkFormat format, VkExtent2D extent, const void *texels,
                     size_t size, struct textures *textures);
// The rest, when all three maps are there.
bool textures_create(struct renderer *renderer, struct textures *textures);
void textures_destroy(struct renderer *renderer, struct textures *textures);

#endif
