// SPDX-License-Identifier: MIT
// Images as files.
#ifndef SMELT_TOOL_IMAGE_FILE_H
#define SMELT_TOOL_IMAGE_FILE_H

#include <stdbool.h>
#include <stdint.h>

// Writes [height][width][components] bytes (1 grey, 3 RGB, 4 RGBA) as PNG, to a temporary name that is then
// renamed. On failure `message` says why.
bool image_write_png(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height,
                     uint32_t components, char message[256]);

// Reads a PNG into bytes [height][width][components] (as above, and 2: grey and alpha), to be freed; what is transparent is
// put on black where `components` has no alpha. `pixels` NULL: only the size. On failure `message` says why.
bool image_read_png(const char *path, uint32_t components, uint8_t **pixels, uint32_t *width,
                    uint32_t *height, char message[256]);

#endif
