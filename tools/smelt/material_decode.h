// SPDX-License-Identifier: MIT
// The outputs of a material package, evaluated on the device at the points of a grid.
#ifndef SMELT_TOOL_MATERIAL_DECODE_H
#define SMELT_TOOL_MATERIAL_DECODE_H

#include "tool.h"

// Point (x, y) of a grid has the texture coordinates origin + step (x + 1/2, y + 1/2).
struct material_grid {
    uint32_t width, height;
    float origin[2], step[2];
    float lod; // of the latents
};

struct material_choice {
    const char *device;
    enum smelt_backend backend; // AUTO: the best
    enum smelt_dtype computed;  // NONE: as smelt_material_params
    bool deferred;              // by whole workgroups, as smelt_material_params.deferred
};
enum { MATERIAL_DEVICE = 512, MATERIAL_BACKEND, MATERIAL_PRECISION };
#define MATERIAL_OPTIONS                                                                                     \
    {"device", required_argument, NULL, MATERIAL_DEVICE},                                                    \
        {"backend", required_argument, NULL, MATERIAL_BACKEND},                                              \
    {                                                                                                        \
        "precision", required_argument, NULL, MATERIAL_PRECISION                                             \
    }
// Takes one of these options with its argument; any other is wrong usage. Returns a tool_status.
int material_option(struct material_choice *choice, int option, const char *argument);

// Zero-initialised before it is opened; the first members are for reading.
struct material_decoder {
    const struct smelt_material_info *info;
    smelt_context context;
    uint64_t device_size; // bytes of weights and latents on the device
    bool deferred;
    smelt_material material;
    smelt_shader shader;
    smelt_encoder encoder;
    smelt_arguments surface, arguments;
    smelt_tensor points;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    uint32_t portion; // points of a dispatch, as many as the device does in a slice
};

// As material_decoder_open, without a message: smelt_last_error has it.
enum smelt_result material_decoder_try(struct material_decoder *decoder, const char *path,
                                       const struct material_choice *choice);
// Loads the package at `path` and compiles its evaluation. Of both: a tool_status, after its message.
int material_decoder_open(struct material_decoder *decoder, const char *path,
                          const struct material_choice *choice);
// The whole of [0, 1]^2 at the level `mip` of a source with a finest level of width x height.
struct material_grid material_grid_of_level(const struct material_decoder *decoder, uint32_t width,
                                            uint32_t height, uint32_t mip);
// `values`: [height][width][outputs]. Adds the device's time to *time (ns) unless NULL; a device without timestamps: 0.
int material_decoder_run(struct material_decoder *decoder, const struct material_grid *grid, float *values,
                         uint64_t *time);
void material_decoder_close(struct material_decoder *decoder);

#endif
