// SPDX-License-Identifier: MIT
// PNG files, by libpng's simplified interface.
#include "image_file.h"
#include "output_file.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const png_uint_32 formats[] = {0, PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB, PNG_FORMAT_RGBA};

bool image_write_png(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height,
                     uint32_t components, char message[256])
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = formats[components]};
    struct output_file file;
    bool open = output_open(&file, path);
    bool written = open && png_image_write_to_stdio(&image, file.stream, 0, pixels, 0, NULL);
    bool refused = open && !written && !ferror(file.stream); // by libpng, not by the disk
    bool done = open && output_close(&file, written);
    if (!done)
        snprintf(message, 256, "cannot write %.128s: %s", path, refused ? image.message : strerror(errno));
    return done;
}

bool image_read_png(const char *path, uint32_t components, uint8_t **pixels, uint32_t *width,
                    uint32_t *height, char message[256])
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    const png_color black = {0};
    uint8_t *bytes = NULL;
    bool read = png_image_begin_read_from_file(&image, path);
    if (read && (image.width > 1 << 20 || image.height > 1 << 20 ||
                 (uint64_t)image.width * image.height > UINT64_C(1) << 30)) {
        snprintf(message, 256, "%.128s: an image of %ux%u is too large", path, image.width, image.height);
        png_image_free(&image);
        return false;
    }
    *width = image.width;
    *height = image.height;
    if (read && pixels) {
        image.format = formats[components];
        bytes = malloc(PNG_IMAGE_SIZE(image));
        read = bytes && png_image_finish_read(&image, &black, bytes, 0, NULL);
    }
    if (!read) {
        snprintf(message, 256, "cannot read %.128s: %s", path, *image.message ? image.message : "no memory");
        free(bytes);
    } else if (pixels) {
        *pixels = bytes;
    }
    png_image_free(&image);
    return read;
}
