// SPDX-License-Identifier: MIT
// BC7 textures: blocks of an image made on the device, read back to texels on the host, and written as DDS files.
#ifndef SMELT_TOOL_BC7_H
#define SMELT_TOOL_BC7_H

#include <smelt/smelt.h>

// Bytes of the blocks of an image.
size_t bc7_size(uint32_t width, uint32_t height);

// rgba [height][width][4] to blocks of bc7_size bytes, by smelt_encode_bc7; waits. Errors: those of the calls.
enum smelt_result bc7_encode(smelt_context context, const uint8_t *rgba, uint32_t width, uint32_t height,
                             uint8_t *blocks);

// The texels that a device samples. Reads the modes that the encoder writes, 1, 3, 5 and 6; blocks of others become
// transparent black, as reserved ones do.
void bc7_decode(const uint8_t *blocks, uint32_t width, uint32_t height, uint8_t *rgba);

// A DDS file with a DX10 header: `levels` mips, each half its predecessor rounded down, the first width x height.
// False with one line in `message`.
bool bc7_write_dds(const char *path, uint32_t width, uint32_t height, uint32_t levels,
                   const uint8_t *const *blocks, bool srgb, char message[256]);

#endif
