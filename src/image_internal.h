// SPDX-License-Identifier: MIT
// The inside of an image.
#ifndef SMELT_IMAGE_INTERNAL_H
#define SMELT_IMAGE_INTERNAL_H

#include <smelt/image.h>

#include "internal.h"

struct smelt_image_t {
    smelt_context context;
    char *name;
    uint32_t width, height;
    const char *layout_name; // of its format, in GLSL; NULL: it is not written
    VkDescriptorSetLayout layouts[2];
    VkDescriptorPool pool;
    VkDescriptorSet sets[2]; // to be read, to be written; null: it cannot be
};

// With 1 for a scale of zeros.
struct smelt_image_map smelt_image_whole_map(const struct smelt_image_map *map);
// Of a format that is written, in GLSL; NULL: it is not written. Static storage.
const char *smelt_image_layout_name(VkFormat format);

// That an image can be read or written at all, and has this size. `call` is for the message.
enum smelt_result smelt_image_require(smelt_image image, smelt_context context, const char *call,
                                      uint64_t width, uint64_t height, bool written);

#endif
