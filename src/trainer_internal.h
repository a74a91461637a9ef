// SPDX-License-Identifier: MIT
// The inside of a trainer: its layout, shared by what checks and runs it (trainer.c), what lays it out and fills it
// (trainer_layout.c) and what writes its kernels (trainer_glsl.c).
#ifndef SMELT_TRAINER_INTERNAL_H
#define SMELT_TRAINER_INTERNAL_H

#include "kernels_cache.h"

#include <smelt/graph.h>
#include <smelt/trainer.h>

#define SMELT_TRAINER_MAX_MIPS (SMELT_TRAINER_MAX_GRIDS * SMELT_TRAINER_MAX_LEVELS)
#define SMELT_TRAINER_GRAPH_STEPS 16 // in a captured graph
#define SMELT_TRAINER_BETA2 0.99F    // of Adam: latents see few samples, and the maps' details come late

// A mip of a grid, or a level of the maps.
struct smelt_trainer_image {
    uint32_t width, height;
    uint32_t first; // texel of the maps; latents: group of 4 values
};

struct smelt_trainer_layout {
    struct smelt_trainer_params params; // with defaults filled in; targets and weights not to be used
    float weights[SMELT_TRAINER_MAX_OUTPUTS];
    enum smelt_backend backend;
    uint32_t subgroup_size, subgroups, fragment[3];
    bool unroll, copy;                             // of mlp_gradient_tmpl.glsl
    uint32_t padded[SMELT_TRAINER_MAX_LAYERS + 1]; // widths
    uint32_t layer_begin[SMELT_TRAINER_MAX_LAYERS], weight_count;
    uint32_t scratch, portable_scratch;       // uvec4
    uint32_t outputs, output_groups, partial; // partial: f32 that a workgroup leaves
    uint32_t textures, fetches;               // of all grids; each texture is fetched `taps` times
    uint32_t first_group;                     // of 4 inputs that is latents
    uint32_t grid_mip[SMELT_TRAINER_MAX_GRIDS + 1];
    struct smelt_trainer_image mips[SMELT_TRAINER_MAX_MIPS], levels[SMELT_TRAINER_MAX_LEVELS];
    uint32_t latent_groups, texels;        // groups of 4 of all grids; of all levels
    uint32_t target_words;                 // of a texel
    uint32_t frozen_from;                  // step; UINT32_MAX: never
    uint32_t schedule_begin, schedule_end; // steps between which the rate falls
};

// Checks the params, chooses the backend and lays everything out. Errors: those of smelt_trainer_create.
enum smelt_result smelt_trainer_lay_out(smelt_context context, const struct smelt_trainer_params *params,
                                        struct smelt_trainer_layout *layout);
// Errors: DTYPE.
enum smelt_result smelt_trainer_check_weight_dtype(smelt_context context, enum smelt_dtype dtype);
// Start values of weights and latents: layout->weight_count + 4 latent_groups floats, zeros before.
void smelt_trainer_fill(const struct smelt_trainer_layout *layout, float *parameters);
// The kernels' texts; `user` is the layout.
void smelt_trainer_write_step(struct smelt_text *text, const void *user);
void smelt_trainer_write_update(struct smelt_text *text, const void *user);
void smelt_trainer_write_round(struct smelt_text *text, const void *user); // of weight_dtype I8

#endif
