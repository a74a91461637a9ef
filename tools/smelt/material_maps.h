// SPDX-License-Identifier: MIT
// A surface as maps with all their mips: from a folder of images, one image, or a material package.
#ifndef SMELT_TOOL_MATERIAL_MAPS_H
#define SMELT_TOOL_MATERIAL_MAPS_H

#include "image_metrics.h"
#include "material_decode.h"

enum { MAPS_MAX = 32, MAPS_LEVELS = 15 };

enum maps_kind { MAPS_IMAGE, MAPS_FOLDER, MAPS_PACKAGE };

struct map {
    char name[64]; // what it is, however its file calls it: "normal" for Metal053_NormalGL.png
    enum smelt_semantic semantic;
    uint32_t components;        // 1 to 4
    bool colour;                // the first three are an sRGB-encoded colour
    float low, high;            // what a stored 0 and 1 stand for, decoded
    float *levels[MAPS_LEVELS]; // [height >> l][width >> l][components], at least 1 each; normals with Y up
};

struct maps {
    const char *path; // borrowed
    enum maps_kind kind;
    uint32_t width, height, level_count, count;
    struct map maps[MAPS_MAX];
    uint64_t file_size; // bytes of the files
    // bytes on the device: of a package's weights and latents, of images as 8-bit textures with mips
    uint64_t device_size;
};

// Of all: a tool_status, after its message; *maps is to be released in any case.
// Which of the three `path` is; a package is not read.
int maps_kind_of(const char *path, enum maps_kind *kind);
// The images of a folder, all of one size, or one image, and their mips: averages of linear light, of directions, of numbers.
// `named`: a single image is what its file's name says, as in a folder, else any picture.
int maps_read(const char *path, bool named, struct maps *maps);
// All levels of a package at a source size, evaluated. *time: of the finest level on the device, ns.
int maps_evaluate(struct material_decoder *decoder, const char *path, uint32_t width, uint32_t height,
                  struct maps *maps, uint64_t *time);
// Releases the maps that `other` has no counterpart of: one of the same name and number of components.
void maps_keep_common(struct maps *maps, const struct maps *other);
// Stored values of one map become those that another one of its name would store: its transfer and range.
void map_convert(const struct map *from, const struct map *to, float *values, size_t points);
// All of `maps` as their counterparts in `other` are stored.
void maps_convert(struct maps *maps, const struct maps *other);
// Maps like those of `maps`, of the same names, with memory for all levels but nothing in it.
int maps_like(const struct maps *maps, struct maps *copy);
void maps_release(struct maps *maps);

const struct map *maps_find(const struct maps *maps, const char *name); // NULL: none
uint32_t level_width(const struct maps *maps, uint32_t level);
uint32_t level_height(const struct maps *maps, uint32_t level);
struct image_view map_level(const struct maps *maps, const struct map *map, uint32_t level);

// The finest level made from the next one by bilinear interpolation, as a sampler would.
void map_upsample(const struct maps *maps, const struct map *map);
// A trilinear lookup at every point of a grid (its lod in mips of these maps), repeated: values [height][width][components]. Of
// normals, as a shader does, the direction.
void map_sample(const struct maps *maps, const struct map *map, const struct material_grid *grid,
                float *values);
// Normals [points][3], as stored, become unit vectors; of other maps nothing changes.
void map_make_unit(const struct map *map, float *values, size_t points);
// The channel of an evaluated grid [points][outputs] as values [points][components], normals with Y up and of unit length.
void channel_values(const struct smelt_channel *channel, const float *outputs, size_t points,
                    uint32_t output_count, float *values);
// The map, without levels, that a channel of a package is.
struct map map_of_channel(const struct smelt_channel *channel);

#endif
