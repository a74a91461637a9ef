// SPDX-License-Identifier: MIT
// Pictures of floats at other extents, and the extents of mips.
#ifndef SMELT_TOOL_IMAGE_RESAMPLE_H
#define SMELT_TOOL_IMAGE_RESAMPLE_H

#include <stdbool.h>
#include <stdint.h>

// Halved from level to level, rounded down, at least 1.
uint32_t image_level_extent(uint32_t extent, uint32_t level);

// [height][width][components] to another extent: each result is the mean over the area it covers, between texels where
// that is less than one.
void image_resample(const float *from, uint32_t width, uint32_t height, uint32_t components, float *to,
                    uint32_t to_width, uint32_t to_height, bool clamp);

#endif
