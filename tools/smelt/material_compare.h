// SPDX-License-Identifier: MIT
// `smelt material compare`: what was found, for text, JSON and the page.
#ifndef SMELT_TOOL_MATERIAL_COMPARE_H
#define SMELT_TOOL_MATERIAL_COMPARE_H

#include "material_maps.h"

struct map_difference {
    double squared[4], ssim[4];
    double flip;
    double chroma, angle; // of colours, of normals; else NaN
};

// At one mip: over all components; FLIP over maps, the chroma error over those that are colours.
struct level_difference {
    struct map_difference maps[MAPS_MAX]; // as in the source
    double psnr, ssim, flip, chroma;
};

// Mean absolute change from frame to frame of the minified surface, and of its difference from the source.
struct flicker {
    double change, error;
};

struct contender {
    const char *label;
    struct maps maps;
    double bits_per_texel; // of the source's texels, with all mips
    uint64_t device_size;
    // To evaluate the finest level by a backend, ns; 0: not this way. [1]: as deferred materials are, by whole workgroups
    uint64_t times[2][SMELT_BACKEND_COUNT];
    struct flicker flicker;
    struct level_difference levels[MAPS_LEVELS];
};

enum { CONTENDERS_MAX = 3 };

struct comparison {
    struct maps source;              // the maps that all have
    char left_out[2 * MAPS_MAX][64]; // names of maps that not all have
    uint32_t left_out_count;
    struct flicker source_flicker;
    char device[256]; // on which packages were evaluated; "": none
    struct contender contenders[CONTENDERS_MAX];
    uint32_t count;
};

int material_compare(int argc, char **argv);

// The page. A tool_status, after its message.
int compare_page(const struct comparison *found, const char *path);
// All of it but pictures.
cJSON *compare_json(const struct comparison *found);
void compare_text(const struct comparison *found);
// The names of the maps that were left out, as a sentence lists them.
void compare_left_out(const struct comparison *found, char *text, size_t size);

#endif
