// SPDX-License-Identifier: MIT
// Pictures of 8-bit RGBA in host memory: JPEG in, PNG out, their difference.
#ifndef EXAMPLE_IMAGE_H
#define EXAMPLE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

struct picture {
    uint32_t width, height;
    uint8_t *texels; // [height][width][4], row 0 at the top
};

// Errors are one line on standard error. Free with picture_destroy.
bool picture_read_jpeg(const char *path, struct picture *picture);
void picture_destroy(struct picture *picture);

// Writes the colour (not the alpha) to a temporary name beside `path`, then renames it.
bool picture_write_png(const struct picture *picture, const char *path);

// Whether `path` can be made: its folder exists and can be written to. Asked before rendering for minutes.
bool picture_can_write(const char *path);

// 10 log10(255^2 / mean squared difference) of the colours where both have alpha above one half, in dB, as they
// are stored (sRGB); infinity when they are equal there. `share`: of the picture that was compared, 0..1.
double picture_psnr(const struct picture *a, const struct picture *b, double *share);

#endif
