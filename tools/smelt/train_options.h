// SPDX-License-Identifier: MIT
// The command line of smelt material train.
#ifndef SMELT_TOOL_TRAIN_OPTIONS_H
#define SMELT_TOOL_TRAIN_OPTIONS_H

#include "train_settings.h"

struct train_options {
    // Not given: NULL, 0, false
    const char *output, *name, *gltf, *material, *preview, *device, *plan;
    char stem[64]; // of the output's name
    double bits_per_texel, target_psnr;
    enum smelt_dtype weights;
    uint32_t steps, batch, seed, memory;
    bool resume, any_map, normal_down, address, print_plan;
};

// Options are zero-initialised; maps receive those that are named. A tool_status, after its message.
int train_options_parse(int argc, char **argv, struct train_options *options, struct train_maps *maps);

#endif
