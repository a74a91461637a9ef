// SPDX-License-Identifier: MIT
// Images of any common kind as floats: PNG (palette, grey, alpha, 16 bits), JPEG, OpenEXR.
#ifndef SMELT_TOOL_IMAGE_DECODE_H
#define SMELT_TOOL_IMAGE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef IMAGE_MAX_EXTENT // the fuzz target sets less
#define IMAGE_MAX_EXTENT 16384
#endif

struct image {
    // [height][width][components], to be released by image_release. PNG and JPEG: 0..1 as stored, without any transfer or
    // colour profile undone; EXR: the numbers as they are
    float *pixels;
    uint32_t width, height;
    uint32_t components; // 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA
    uint32_t bits;       // of a stored component: 8, 16 or 32; what is stored in fewer counts as 8
    bool linear;         // EXR: linear light, not of 0..1 only
};

// Tells the kind by the first bytes. The extents are at most IMAGE_MAX_EXTENT. EXR: one part, channels R, G, B, A or Y
// or a single one of any name; a number that is not finite is an error. On failure `message` names the file and says
// why.
bool image_decode(const char *path, struct image *image, char message[256]);
// The same of a PNG or JPEG in memory, whose name is for the message.
bool image_decode_bytes(const char *name, const void *bytes, size_t size, struct image *image,
                        char message[256]);
void image_release(struct image *image);

#endif
