// SPDX-License-Identifier: MIT
// smelt material transcode: a neural material to BC7 textures.
#ifndef SMELT_TOOL_MATERIAL_TRANSCODE_H
#define SMELT_TOOL_MATERIAL_TRANSCODE_H

struct material_choice;

// Evaluates all levels of the package `input` (width and height 0: those of its source) and writes a DDS file with all mips
// for each of its maps into `directory`, made when it does not exist: colours as sRGB, up to three numbers together. Returns a
// tool_status, after its message.
int material_transcode(const char *input, const char *directory, unsigned width, unsigned height,
                       const struct material_choice *choice);

#endif
