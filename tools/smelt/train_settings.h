// SPDX-License-Identifier: MIT
// What decides how a material is trained, before any maps: the defaults, and what a plan file says instead (docs/materials.md).
#ifndef SMELT_TOOL_TRAIN_SETTINGS_H
#define SMELT_TOOL_TRAIN_SETTINGS_H

#include "train_maps.h"

enum { TRAIN_LEAST_BATCH = 256, TRAIN_MOST_BATCH = 1 << 22, TRAIN_MOST_STEPS = 1 << 24 };
#define TRAIN_MAX_HIDDEN (SMELT_TRAINER_MAX_LAYERS - 1)
#define TRAIN_MAX_INPUTS (SMELT_TRAINER_MAX_ENCODINGS - 2) // beside latents, in front, and padding, behind

struct train_latents {
    uint32_t width, height;              // 0: as large as the rate allows, of all latents
    float relative;                      // their extent over each other's, where the rate decides
    uint32_t textures, bits, taps, mips; // bits: 4 or 8; mips: at most
    float fade, until;
};

struct train_input {
    enum smelt_trainer_feature feature; // neither LATENTS nor PADDING
    uint32_t octaves;
    float period;  // of the first octave, in texels of the first latents
    float maximum; // of LOD; 0: the coarsest level
    float fade;    // of waves
};

struct train_settings {
    double bits_per_texel;
    enum smelt_dtype weights; // F16, F8E4M3 or I8
    struct train_latents latents[SMELT_TRAINER_MAX_GRIDS];
    uint32_t latent_count; // 0: chosen by the rate and the size of the maps
    struct train_input inputs[TRAIN_MAX_INPUTS];
    uint32_t input_count;
    uint32_t hidden[TRAIN_MAX_HIDDEN], hidden_count; // 0: chosen by the rate and the size of the maps
    enum smelt_activation activation;
    enum smelt_loss loss;
    float lightness, hue; // weights of Oklab's L, and of a and b, of the base colour
    float scalar_maps;    // weight of maps of one component
    struct {
        char name[64];
        float weight;
    } maps[TRAIN_MAX_MAPS]; // of maps that have their own
    uint32_t map_count;
    float rate, last_rate, latent_rate; // last_rate 0: a hundredth of rate
    float warmup, frozen;               // shares of the steps
    uint32_t steps, batch;              // 0: as suits the device
    // Of the samples: shares of each level, or that of the finest and the ratio from level to level behind it, of which `even` is
    // spread over all; `between`: of each level's, between texels and on the way to the next, or one for all.
    float finest, ratio, even;
    float levels[TRAIN_MAX_LEVELS], between[TRAIN_MAX_LEVELS];
    uint32_t level_count, between_count; // 0: no list; between_count 1: for all
};

struct train_settings train_settings_default(void);

// What the file says replaces settings. A tool_status, after its message, which names what is wrong.
int train_settings_read(struct train_settings *settings, const char *path);
// The file that says all of it; NULL: no memory.
cJSON *train_settings_tell(const struct train_settings *settings);

#endif
