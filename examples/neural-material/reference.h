// SPDX-License-Identifier: MIT
// The same surface from its original, uncompressed textures: what the neural material is compared with.
#ifndef EXAMPLE_REFERENCE_H
#define EXAMPLE_REFERENCE_H

#include "textures.h"

// Reads base_color.jpg, normal_gl.jpg, roughness.jpg and, where they exist, ao.jpg (else 1) and metalness.jpg
// (else 0) of a folder. Errors are one line on standard error. Free with textures_destroy.
bool reference_create(struct renderer *renderer, const char *folder, struct textures *textures);

#endif
