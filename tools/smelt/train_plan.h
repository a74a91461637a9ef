// SPDX-License-Identifier: MIT
// Settings and maps to what is trained: which latents and which network a rate allows, what samples and outputs count.
#ifndef SMELT_TOOL_TRAIN_PLAN_H
#define SMELT_TOOL_TRAIN_PLAN_H

#include "train_settings.h"

struct train_plan {
    struct train_settings settings;     // with all that was left to be chosen
    struct smelt_trainer_params params; // without targets, weights and seed
    float weights[TRAIN_MAX_OUTPUTS];   // of the outputs, in the loss
    uint64_t size;                      // bytes of the package's tensors
    double bits_per_texel;              // of them, over the finest level
};

// The largest latents that fit, unless the settings, which have steps and batch, have their extents. A tool_status, after its
// message: the rate does not even hold the network, or the settings do not suit the maps.
int train_plan_make(struct train_plan *plan, const struct train_maps *maps,
                    const struct train_settings *settings);

// Warm-up and frozen steps with them.
void train_plan_set_steps(struct train_plan *plan, uint32_t steps);

#endif
