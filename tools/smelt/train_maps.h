// SPDX-License-Identifier: MIT
// The maps a material is trained from: their files, what they mean, and their mips as the network is to give them.
#ifndef SMELT_TOOL_TRAIN_MAPS_H
#define SMELT_TOOL_TRAIN_MAPS_H

#include "tool.h"

#define TRAIN_MAX_MAPS 16
#define TRAIN_MAX_OUTPUTS 32
#define TRAIN_MAX_LEVELS 15

// One channel of the material.
struct train_map {
    char name[64];
    enum smelt_semantic semantic;
    bool srgb, y_down;
    char *file;     // owned; NULL: `constant` everywhere
    uint8_t *bytes; // owned: the picture itself, and `file` is what messages call it. NULL: it is in the file
    size_t size;
    float constant;    // 0..1 as stored
    int32_t component; // of the file; -1: what the semantic wants, from the first on
    uint32_t count;    // components; 0: as many as the file has
    float factor[4];   // of the filterable value (linear light, the normal's x and y, ...)
    float offset;      // added after it
    float low, high;   // what a stored 0 and 1 stand for
    uint32_t first;    // output, set by train_maps_load
};

struct train_maps {
    struct train_map maps[TRAIN_MAX_MAPS];
    uint32_t count, outputs;
    uint32_t width, height, levels; // 0 before loading: the files' own size, which is then one
    bool clamp;                     // the maps end at their edges instead of repeating
    bool no_alpha;                  // the alpha of a base colour means nothing
    float cutoff;                   // of an opacity that is a mask; 0: it is none
    float *values;                  // every level, finest first, [height][width][outputs], as stored
    uint64_t texels;                // of all levels
};

// A channel with the defaults of its semantic; NULL after a message: a name twice, or too many.
struct train_map *train_maps_add(struct train_maps *maps, const char *name, enum smelt_semantic semantic);
// The channels of a material of a glTF file. A tool_status, after its message.
int train_maps_from_gltf(struct train_maps *maps, const char *path, const char *material);
// Reads the files and makes the mips: colours are averaged in linear light and by their opacity, normals as directions.
// A tool_status, after its message.
int train_maps_load(struct train_maps *maps);
void train_maps_release(struct train_maps *maps);

// Where a level begins in `values`.
const float *train_maps_level(const struct train_maps *maps, uint32_t level);

#endif
