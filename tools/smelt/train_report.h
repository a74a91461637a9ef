// SPDX-License-Identifier: MIT
// What a trained material is worth: its error at every mip, its cost on this device, and BC7 of the same bytes beside it.
#ifndef SMELT_TOOL_TRAIN_REPORT_H
#define SMELT_TOOL_TRAIN_REPORT_H

#include "train_maps.h"

struct train_score {
    double error[TRAIN_MAX_LEVELS][TRAIN_MAX_OUTPUTS]; // mean squared, of each mip's outputs as stored
    double hue;           // mean error of Oklab's a and b, of the finest mip's base colour; -1: there is none
    double time;          // nanoseconds for a texel on the device; 0: not known
    uint64_t device_size; // bytes there
};
// Of the package at `path`. Of both: a tool_status, after its message.
int train_score_package(const struct train_maps *maps, const char *path, const char *device,
                        struct train_score *score);
// Of BC7 textures of the maps, at the largest half of their extents that takes at most `size` bytes with its mips, filtered
// up; size 0: at full extent. `size` receives the bytes.
int train_score_bc7(smelt_context context, const struct train_maps *maps, uint64_t *size,
                    struct train_score *score);

// In dB, of outputs [first, first + count) of a mip.
double train_psnr(const struct train_score *score, uint32_t level, uint32_t first, uint32_t count);

// The first three outputs of each map, above the source and below the package, as one PNG.
int train_preview(const struct train_maps *maps, const char *path, const char *device, const char *picture);

#endif
