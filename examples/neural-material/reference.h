// SPDX-License-Identifier: MIT
// The same surface from its original, uncompressed textures: what the neural material is compared with.
#ifndef EXAMPLE_REFERENCE_H
#define EXAMPLE_REFERENCE_H

#include "renderer.h"

struct reference {
    struct gpu *gpu;
    struct gpu_image maps[3]; // base colour (sRGB); normal; occlusion, roughness, metalness
    VkSampler sampler;
    VkDescriptorSetLayout set_layout;
    VkDescriptorPool pool;
    VkDescriptorSet set;
    VkShaderModule fragment;
    struct surface_pipeline surface;
    uint32_t width, height; // of the textures
};

// Reads base_color.jpg, normal_gl.jpg, roughness.jpg and, where they exist, ao.jpg (else 1) and metalness.jpg
// (else 0) of a folder. Errors are one line on standard error.
bool reference_create(struct renderer *renderer, const char *folder, struct reference *reference);
void reference_destroy(struct renderer *renderer, struct reference *reference);

#endif
