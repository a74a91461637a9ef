// SPDX-License-Identifier: MIT
// `smelt material import`: a plain safetensors file of a trained network becomes a material package.
#ifndef SMELT_MATERIAL_IMPORT_H
#define SMELT_MATERIAL_IMPORT_H

#include "tool.h"

// Reads `input`: tensors latentI (U8 [h][w][4]), layerI.weight (F16 or F32 [out][in]), layerI.bias ([out]), and the
// string metadata hidden_layers, latent_size, input_width, latent_remap, encoding, activation, channels, source_size
// (docs/packages.md, "Importing"). Writes `output`, whole or not at all. `name` NULL: the input's file name.
// Returns a tool_status, after its message.
int material_import(const char *input, const char *name, const char *output);

#endif
