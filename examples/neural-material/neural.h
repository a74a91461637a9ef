// SPDX-License-Identifier: MIT
// A surface made of a neural material: what an engine adds to use smelt, all of it.
#ifndef EXAMPLE_NEURAL_H
#define EXAMPLE_NEURAL_H

#include "renderer.h"

#include <smelt/smelt.h>

// What is compiled for a material's architecture: a shader of shaders/ with the generated module as a virtual file, and
// the expressions by which it reads the channels.
enum { NEURAL_DEFINES = 10, NEURAL_FILES = 4 };
struct neural_source {
    char *module; // smelt_free_text when it has been compiled
    struct smelt_define defines[NEURAL_DEFINES];
    char values[NEURAL_DEFINES][80];
    struct smelt_virtual_file files[NEURAL_FILES];
    struct smelt_op op; // of a material for the deferred path
    struct smelt_shader_params params;
};
// `latents`: textures that it binds; 0: the material's. Errors are one line on standard error.
bool neural_describe(smelt_material material, const char *shader, uint32_t latents,
                     struct neural_source *source);
void neural_define(struct neural_source *source, const char *name, uint32_t value); // one more

struct neural {
    smelt_material material;
    smelt_shader fragment;
    smelt_arguments arguments;
    struct surface_pipeline surface;
};

struct neural_params {
    const char *package;        // path of the material
    enum smelt_backend backend; // AUTO: the best of the device
    enum smelt_dtype precision; // of the network's arithmetic. NONE: what suits the device
    bool levels;                // the level of detail follows from derivatives; else it is `mip`
    uint32_t mip;               // of the latents, 0: the finest
    const char *bundles;        // folder of shaders made by neural_bake; NULL: compile
};

// Loads, uploads, compiles, binds. Errors are one line on standard error.
bool neural_create(smelt_context context, struct renderer *renderer, const struct neural_params *params,
                   struct neural *neural);
void neural_destroy(struct renderer *renderer, struct neural *neural);

// Compiles the fragment shader for a material's architecture ahead of time, for every backend that the GLSL
// compiler knows and both precisions, into a folder for neural_params.bundles. Needs no device.
bool neural_bake(const char *package, const char *folder);

#endif
