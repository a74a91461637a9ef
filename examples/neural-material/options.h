// SPDX-License-Identifier: MIT
// The command line.
#ifndef EXAMPLE_OPTIONS_H
#define EXAMPLE_OPTIONS_H

#include <smelt/context.h>

#define OPTIONS_MOST_MATERIALS 8
enum options_path { PATH_INLINE, PATH_DEFERRED, PATH_TRANSCODE };

struct options {
    const char *materials[OPTIONS_MOST_MATERIALS];
    uint32_t material_count;
    const char *mesh, *output;
    enum options_path path;
    bool stochastic, accumulate, levels;
    const char *device;   // NULL: the best
    const char *bundles;  // a folder of shaders compiled ahead of time; NULL: compile
    const char *bake;     // write such a folder instead of rendering; or NULL
    bool reference;       // render the original textures too
    const char *textures; // their folder; NULL: the one that comes with the material
    uint32_t width, height, samples, frames;
    float tiling; // 0: what suits the mesh
    enum smelt_backend backend;
    enum smelt_dtype precision; // NONE: what suits the device
    bool validate;
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_WRONG };

// HELP: the usage has been printed. WRONG: one line on standard error says why. Strings point into argv.
enum options_result options_parse(int argc, char **argv, struct options *options);

// DATA/FORMAT..., where DATA is $SMELT_DATA or the examples folder of the source tree. False if it is too long.
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
bool data_path(char *path, size_t size, const char *format, ...);

#endif
