// SPDX-License-Identifier: MIT
// Training of a neural material (material.h): latent images and a network that reproduce maps, on any device.
//
//     batch       places of the maps' mips, drawn on the device from (seed, step, sample)
//     forward     latents, fetched trilinearly, and encodings of the place go through the network
//     backward    the loss's gradient goes back to weights and latents; sums of both have a fixed order
//     optimizer   Adam over f32 masters; the network reads rounded copies, latents with noise of their quantisation
//
// A step is three dispatches (more where one would take long), and none needs the host: many are recorded at once. The same
// device, driver, backend and params give the same bits. Errors of all calls: INVALID_ARGUMENT (names the field), and those
// listed. Thread-safety: a trainer belongs to one thread at a time.
#ifndef SMELT_TRAINER_H
#define SMELT_TRAINER_H

#include "train.h"

SMELT_BEGIN

#define SMELT_TRAINER_MAX_GRIDS 4
#define SMELT_TRAINER_MAX_TEXTURES 16 // of all grids
#define SMELT_TRAINER_MAX_LEVELS 15
#define SMELT_TRAINER_MAX_ENCODINGS 8
#define SMELT_TRAINER_MAX_LAYERS 4
#define SMELT_TRAINER_MAX_OUTPUTS 32

typedef struct smelt_trainer_t *smelt_trainer;

// A pyramid of latents: mip m is max(1, extent >> m), each texel 4 textures values.
struct smelt_trainer_grid {
    uint32_t width, height, mips; // 1 to 16384; mips: 1 to SMELT_TRAINER_MAX_LEVELS
    uint32_t textures;            // of 4 channels
    uint32_t bits;                // 1 to 8: values are 0..1 in steps of 1 / (2^bits - 1). 0: any floats
    uint32_t taps; // fetches of each: 1, or 4 at +-1/4 of a texel of mip 0 across and down. 0: 1
    float
        fade; // level of detail in mips of the maps at which 4 taps have become one, linearly from 0 on. 0: never
    // level of detail in mips of the maps from which on the inputs are 0, linearly over the one before it. 0: never
    float until;
};

enum smelt_trainer_feature {
    // Of all grids and textures, 4 for each tap, left to right and top to bottom: value * remap_scale + remap_bias
    SMELT_TRAINER_LATENTS = 0,
    SMELT_TRAINER_UV = 1,            // u, v
    SMELT_TRAINER_FREQUENCY = 2,     // count octaves o: sin, cos of 2 pi 2^o scale u, then of v
    SMELT_TRAINER_TRIANGLE_WAVE = 3, // count octaves o: the triangle wave of 2^o scale u, then of v
    SMELT_TRAINER_PADDING = 4,       // count zeros
    SMELT_TRAINER_LOD = 5,           // scale times the level of detail in mips of the maps, at most 1
    SMELT_TRAINER_FEATURE_COUNT = 6,
};

struct smelt_trainer_encoding {
    enum smelt_trainer_feature feature;
    uint32_t count;
    float scale; // 0: 1
    float
        fade; // of waves: the level of detail in mips of the maps at which they are 0, linearly from 0 on. 0: never
};

struct smelt_trainer_params {
    // The maps: each level, finest first, [height][width][outputs], halved (at least 1) from level to level. Read in the call.
    const float *targets;
    uint32_t source_width, source_height, levels; // to 16384; levels to SMELT_TRAINER_MAX_LEVELS
    bool clamp;                                   // maps and latents end at their edges instead of repeating
    // of the batch, in proportion; all 0: a quarter from level to level, and one in ten samples spread over all
    float level_share[SMELT_TRAINER_MAX_LEVELS];
    float fractional; // share of the samples between texels and levels, the others are at texels of one
    float
        level_fractional[SMELT_TRAINER_MAX_LEVELS]; // of those from each level to the next; all 0: fractional
    // The network. LATENTS come once, behind a multiple of 4 inputs, where there are grids.
    struct smelt_trainer_grid grids[SMELT_TRAINER_MAX_GRIDS];
    uint32_t grid_count;           // 0: none
    float remap_scale, remap_bias; // both 0: 1 and 0
    struct smelt_trainer_encoding encodings[SMELT_TRAINER_MAX_ENCODINGS];
    uint32_t encoding_count;
    uint32_t layer_count; // to SMELT_TRAINER_MAX_LAYERS
    // to 128; [0] is what the encodings give, the last is outputs
    uint32_t widths[SMELT_TRAINER_MAX_LAYERS + 1];
    // The last one not of SILU GELU SINE
    enum smelt_activation activations[SMELT_TRAINER_MAX_LAYERS];
    // The loss of a sample is the sum over outputs, and Oklab's of three of them that are an sRGB-encoded colour.
    enum smelt_loss loss; // not OKLAB
    const float *weights; // [outputs]; NULL: ones
    uint32_t oklab_first;
    float oklab_weights[3]; // of L, a, b; all 0: no such term
    // The optimizer.
    uint32_t batch; // 0: 65536, on a CPU 4096
    // of the whole schedule: 1 to 2^24; steps beyond go on at last_rate, with latents frozen if any ever are
    uint32_t steps;
    uint32_t warmup, frozen_steps; // the last of `steps`, with latents rounded and left as they are
    float rate, last_rate;         // 0: 0.01 and a hundredth of rate; along a cosine
    float latent_rate;             // times the rate. 0: 4
    // What the network reads of weights: F32 (f16 by COOPMAT and COOPMAT2), F16, F8E4M3, or I8 with a scale for each output, the
    // row's largest / 127. NONE: F16
    enum smelt_dtype weight_dtype;
    uint32_t seed;
    enum smelt_backend backend; // PORTABLE, COOPMAT, COOPMAT2; AUTO: the best
    uint32_t samples, groups;   // of a workgroup at a time; workgroups of a step. 0: chosen
    // ms that a dispatch may take: the first step is timed, and those that take longer are recorded as several dispatches, with
    // the same bits. 0: 50, on a CPU no limit
    float slice;
};

// Takes memory, uploads the maps, and fills weights (uniform, +-sqrt(6 / inputs)) and latents (around a half) by the seed.
// Errors: SHAPE, DTYPE, UNSUPPORTED (the backend; shared memory; no compiler), COMPILE, BUDGET, OUT_OF_HOST_MEMORY,
// OUT_OF_DEVICE_MEMORY, DEVICE_LOST, VULKAN.
SMELT_API enum smelt_result smelt_trainer_create(smelt_context context,
                                                 const struct smelt_trainer_params *params,
                                                 smelt_trainer *trainer);
SMELT_API void smelt_trainer_destroy(smelt_trainer *trainer);

// Takes that many steps and waits for them. Errors: OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, DEVICE_LOST, VULKAN.
SMELT_API enum smelt_result smelt_trainer_run_and_wait(smelt_trainer trainer, uint32_t steps);

// From here on the network reads weights as `weight_dtype`, latents stay as they are, rounded, and the rate goes from `rate` to
// `last_rate` over the next `steps`, 1 to 2^24: what it learns is to live with narrow weights. Not part of a state. Errors:
// DTYPE, DEVICE_LOST, VULKAN.
SMELT_API enum smelt_result smelt_trainer_fine_tune_and_wait(smelt_trainer trainer,
                                                             enum smelt_dtype weight_dtype, float rate,
                                                             float last_rate, uint32_t steps);

struct smelt_trainer_info {
    enum smelt_backend backend;
    uint32_t batch, samples, groups;
    uint32_t pieces;       // dispatches of a step's batch; 0: no step has been timed
    uint32_t weight_count; // with padding
    uint64_t latent_count;
    uint64_t state_size; // bytes, for smelt_trainer_read_state_and_wait
    uint64_t memory;     // bytes on the device
};
SMELT_API struct smelt_trainer_info smelt_trainer_info(smelt_trainer trainer);

struct smelt_trainer_progress {
    uint32_t steps;                                  // taken in all
    uint32_t counted;                                // since this was read last
    double squared_error[SMELT_TRAINER_MAX_OUTPUTS]; // of each output, the mean over their samples
};
// Reads it and begins to count anew. Errors: those of copies (smelt_tensor_read_and_wait).
SMELT_API enum smelt_result smelt_trainer_progress_and_wait(smelt_trainer trainer,
                                                            struct smelt_trainer_progress *progress);

enum smelt_trainer_part {
    SMELT_TRAINER_WEIGHT = 0,       // [out][in] of a layer
    SMELT_TRAINER_BIAS = 1,         // [out] of a layer
    SMELT_TRAINER_LATENT_IMAGE = 2, // [height][width][4 textures] of a mip of a grid
};
// The f32 master, borrowed, to be read, or written before the first step. `index` is a layer or a grid. NULL: there is none.
SMELT_API smelt_tensor smelt_trainer_tensor(smelt_trainer trainer, enum smelt_trainer_part part,
                                            uint32_t index, uint32_t mip);

// All that a training goes on from: weights, latents, moments, steps. `size` is state_size, and the params that it is written
// into are those it was read from. Errors: SHAPE (size), and those of copies.
SMELT_API enum smelt_result smelt_trainer_read_state_and_wait(smelt_trainer trainer, void *state,
                                                              uint64_t size);
SMELT_API enum smelt_result smelt_trainer_write_state_and_wait(smelt_trainer trainer, const void *state,
                                                               uint64_t size);

SMELT_END

#endif
