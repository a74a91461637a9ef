// SPDX-License-Identifier: MIT
// The package that a trainer's state makes.
#ifndef SMELT_TOOL_TRAIN_PACKAGE_H
#define SMELT_TOOL_TRAIN_PACKAGE_H

#include "train_plan.h"

// What is written of a trainer's state: each step of rounding on the way to a package can be looked at alone.
struct train_rounding {
    uint32_t latent_bits;     // 8 or 4; latents that the plan has at 8 bits keep them
    enum smelt_dtype weights; // F32, F16, F8E4M3 or I8
};

// A tool_status, after its message. `name` is the material's.
int train_package_write(const char *path, const char *name, const struct train_maps *maps,
                        const struct train_plan *plan, smelt_trainer trainer, struct train_rounding rounding);

#endif
