// SPDX-License-Identifier: MIT
// PNG files, by libpng's simplified interface.
#include "image_file.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <string.h>

bool image_write_png(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height,
                     uint32_t components, char message[256])
{
    static const png_uint_32 formats[] = {0, PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB, PNG_FORMAT_RGBA};
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = formats[components]};
    char temporary[4096];
    if (snprintf(temporary, sizeof(temporary), "%s.tmp", path) >= (int)sizeof(temporary)) {
        snprintf(message, 256, "path too long: %.80s...", path);
        return false;
    }
    bool written = png_image_write_to_file(&image, temporary, 0, pixels, 0, NULL);
    if (written && !rename(temporary, path))
        return true;
    snprintf(message, 256, "cannot write %.128s: %s", path, written ? strerror(errno) : image.message);
    remove(temporary);
    return false;
}
