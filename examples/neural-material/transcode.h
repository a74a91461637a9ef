// SPDX-License-Identifier: MIT
// The transcode path: the network runs once, at load, into BC7 textures; then the material is as any other.
#ifndef EXAMPLE_TRANSCODE_H
#define EXAMPLE_TRANSCODE_H

#include "neural.h"
#include "textures.h"

struct transcode {
    smelt_material material;
    smelt_shader shader;
    struct textures textures;
};

// Loads, evaluates at the size of the material's source, encodes, uploads; one level only. Of `params`, package,
// backend, precision and mip count. Errors are one line on standard error; one is a device without BC7 textures.
bool transcode_create(smelt_context context, struct renderer *renderer, const struct neural_params *params,
                      struct transcode *transcode);
void transcode_destroy(struct renderer *renderer, struct transcode *transcode);

#endif
