// SPDX-License-Identifier: MIT
// Which latents and which network a rate allows, and the package that a trainer's state makes.
#ifndef SMELT_TOOL_TRAIN_PLAN_H
#define SMELT_TOOL_TRAIN_PLAN_H

#include "train_maps.h"

struct train_plan {
    struct smelt_trainer_params params; // without targets; steps, batch, seed and rates are the caller's
    enum smelt_dtype weights;           // as the package has them: F16, F8E4M3 or I8
    uint64_t size;                      // bytes of the package's tensors
    double bits_per_texel;              // of them, over the finest level
};

// The largest latents that fit. A tool_status, after its message: the rate does not even hold the network.
int train_plan_make(struct train_plan *plan, const struct train_maps *maps, double bits_per_texel,
                    enum smelt_dtype weights);

// What is written of a trainer's state: each step of rounding on the way to a package can be looked at alone.
struct train_rounding {
    uint32_t latent_bits;     // 8 or 4; at most those of the plan's package are kept anyway
    enum smelt_dtype weights; // F32, F16, F8E4M3 or I8
};

// A tool_status, after its message. `name` is the material's.
int train_package_write(const char *path, const char *name, const struct train_maps *maps,
                        const struct train_plan *plan, smelt_trainer trainer, struct train_rounding rounding);

#endif
