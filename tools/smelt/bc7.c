// SPDX-License-Identifier: MIT
// BC7 by the device's encoder, a decoder written for reading (Khronos Data Format 1.3, section 20), and DDS files.
#include "bc7.h"
#include "output_file.h"
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t bc7_size(uint32_t width, uint32_t height)
{
    return (size_t)((width + 3) / 4) * ((height + 3) / 4) * 16;
}

// --- Encoding ---------------------------------------------------------------------------------------------

// Rows of blocks, as many at once as the device does in a slice.
static enum smelt_result encode_bands(smelt_encoder encoder, smelt_tensor from, smelt_tensor to,
                                      uint32_t width, uint32_t height)
{
    uint32_t down = (height + 3) / 4, across = (width + 3) / 4, band = 1 + 256 / across;
    enum smelt_result result = SMELT_OK;
    for (uint32_t row = 0, rows; row < down && !result; row += rows) {
        rows = down - row < band ? down - row : band;
        const uint64_t texel[] = {4 * row, 0, 0}, block[] = {row, 0, 0}, blocks[] = {rows, across, 4};
        const uint64_t texels[] = {height - 4 * row < 4 * rows ? height - 4 * row : 4 * rows, width, 4};
        smelt_tensor image = NULL, result_blocks = NULL;
        uint64_t before = tool_time();
        result = smelt_tensor_slice(from, texel, texels, &image);
        if (!result)
            result = smelt_tensor_slice(to, block, blocks, &result_blocks);
        if (!result)
            result = smelt_encode_bc7(encoder, image, result_blocks);
        if (!result)
            result = smelt_encoder_commit_and_wait(encoder);
        smelt_tensor_destroy(&image);
        smelt_tensor_destroy(&result_blocks);
        band = tool_next_portion(rows, tool_time() - before, down);
    }
    return result;
}

enum smelt_result bc7_encode(smelt_context context, const uint8_t *rgba, uint32_t width, uint32_t height,
                             uint8_t *blocks)
{
    const struct smelt_tensor_params image = {
        .dtype = SMELT_DTYPE_U8, .rank = 3, .shape = {height, width, 4}, .name = "bc7 image"};
    const struct smelt_tensor_params result_blocks = {.dtype = SMELT_DTYPE_U32,
                                                      .rank = 3,
                                                      .shape = {(height + 3) / 4, (width + 3) / 4, 4},
                                                      .name = "bc7 blocks"};
    smelt_tensor from = NULL, to = NULL;
    smelt_encoder encoder = NULL;
    enum smelt_result result = smelt_tensor_create(context, &image, &from);
    if (!result)
        result = smelt_tensor_create(context, &result_blocks, &to);
    if (!result)
        result = smelt_tensor_write_and_wait(from, NULL, rgba, (size_t)width * height * 4);
    if (!result)
        result = smelt_encoder_create(context, NULL, &encoder);
    if (!result)
        result = encode_bands(encoder, from, to, width, height);
    if (!result)
        result = smelt_tensor_read_and_wait(to, NULL, blocks, bc7_size(width, height));
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&from);
    smelt_tensor_destroy(&to);
    return result;
}

// --- Decoding ---------------------------------------------------------------------------------------------

// Which of a block's texels are in the second subset, texel i in bit i.
static const uint16_t masks[64] = {
    0xcccc, 0x8888, 0xeeee, 0xecc8, 0xc880, 0xfeec, 0xfec8, 0xec80, 0xc800, 0xffec, 0xfe80, 0xe800, 0xffe8,
    0xff00, 0xfff0, 0xf000, 0xf710, 0x008e, 0x7100, 0x08ce, 0x008c, 0x7310, 0x3100, 0x8cce, 0x088c, 0x3110,
    0x6666, 0x366c, 0x17e8, 0x0ff0, 0x718e, 0x399c, 0xaaaa, 0xf0f0, 0x5a5a, 0x33cc, 0x3c3c, 0x55aa, 0x9696,
    0xa55a, 0x73ce, 0x13c8, 0x324c, 0x3bdc, 0x6996, 0xc33c, 0x9966, 0x0660, 0x0272, 0x04e4, 0x4e40, 0x2720,
    0xc936, 0x936c, 0x39c6, 0x639c, 0x9336, 0x9cc6, 0x817e, 0xe718, 0xccf0, 0x0fcc, 0x7744, 0xee22};
static const uint8_t anchors[64] = {15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
                                    15, 2,  8,  2,  2,  8,  8,  15, 2,  8,  2,  2,  8,  8,  2,  2,
                                    15, 15, 6,  8,  2,  8,  15, 15, 2,  8,  2,  2,  2,  15, 15, 6,
                                    6,  2,  6,  8,  15, 15, 2,  2,  15, 15, 15, 15, 15, 2,  2,  15};

struct bits {
    const uint8_t *block;
    uint32_t at;
};

static uint32_t take(struct bits *bits, uint32_t count)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < count; i++, bits->at++)
        value |= (uint32_t)(bits->block[bits->at / 8] >> bits->at % 8 & 1) << i;
    return value;
}

static uint8_t expand(uint32_t value, uint32_t bits)
{
    return (uint8_t)(bits == 8 ? value : value << (8 - bits) | value >> (2 * bits - 8));
}

static uint8_t between(uint8_t low, uint8_t high, uint32_t step, uint32_t step_bits)
{
    uint32_t last = (1u << step_bits) - 1, weight = (128 * step + last) / (2 * last);
    return (uint8_t)(((64 - weight) * low + weight * high + 32) >> 6);
}

static const struct mode {
    uint32_t subsets, color_bits, alpha_bits, shared_bits, step_bits; // shared_bits: of a subset
    bool apart; // steps of alpha by themselves, and one component that changes places with it
} modes[7] = {
    [1] = {2, 6, 0, 1, 3, false},
    [3] = {2, 7, 0, 2, 2, false},
    [5] = {1, 7, 8, 0, 2, true},
    [6] = {1, 7, 7, 2, 4, false},
};

static void decode_block(const uint8_t *block, uint8_t texels[16][4])
{
    struct bits bits = {block, 0};
    uint32_t number = 0;
    memset(texels, 0, 64);
    while (number < 7 && !take(&bits, 1))
        number++;
    if (number >= 7 || !modes[number].subsets)
        return;
    const struct mode *mode = &modes[number];
    uint32_t part = mode->subsets == 2 ? take(&bits, 6) : 0, turned = mode->apart ? take(&bits, 2) : 0;
    uint32_t mask = mode->subsets == 2 ? masks[part] : 0, anchor = mode->subsets == 2 ? anchors[part] : 0;
    uint32_t ends[2][2][4], shared[2][2] = {{0}};
    for (uint32_t c = 0; c < 4; c++)
        for (uint32_t s = 0; s < mode->subsets; s++)
            for (uint32_t e = 0; e < 2; e++)
                ends[s][e][c] = take(&bits, c == 3 ? mode->alpha_bits : mode->color_bits);
    for (uint32_t s = 0; s < mode->subsets && mode->shared_bits; s++) {
        shared[s][0] = take(&bits, 1);
        shared[s][1] = mode->shared_bits == 2 ? take(&bits, 1) : shared[s][0];
    }
    uint8_t values[2][2][4];
    uint32_t more = mode->shared_bits ? 1 : 0;
    for (uint32_t s = 0; s < mode->subsets; s++)
        for (uint32_t e = 0; e < 2; e++)
            for (uint32_t c = 0; c < 4; c++) {
                uint32_t width = (c == 3 ? mode->alpha_bits : mode->color_bits);
                values[s][e][c] =
                    width ? expand(more ? ends[s][e][c] << 1 | shared[s][e] : ends[s][e][c], width + more)
                          : 255;
            }
    uint32_t steps[2][16] = {{0}};
    for (uint32_t set = 0; set < (mode->apart ? 2u : 1u); set++)
        for (uint32_t i = 0; i < 16; i++)
            steps[set][i] = take(&bits, mode->step_bits - (i == 0 || (mask && i == anchor) ? 1 : 0));
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t s = mask >> i & 1;
        for (uint32_t c = 0; c < 4; c++)
            texels[i][c] =
                between(values[s][0][c], values[s][1][c], steps[mode->apart && c == 3][i], mode->step_bits);
        if (turned) {
            uint8_t alpha = texels[i][3];
            texels[i][3] = texels[i][turned - 1];
            texels[i][turned - 1] = alpha;
        }
    }
}

void bc7_decode(const uint8_t *blocks, uint32_t width, uint32_t height, uint8_t *rgba)
{
    for (uint32_t y = 0; y < height; y += 4)
        for (uint32_t x = 0; x < width; x += 4, blocks += 16) {
            uint8_t texels[16][4];
            decode_block(blocks, texels);
            for (uint32_t i = 0; i < 16; i++)
                if (x + i % 4 < width && y + i / 4 < height)
                    memcpy(rgba + ((size_t)(y + i / 4) * width + x + i % 4) * 4, texels[i], 4);
        }
}

// --- Files ------------------------------------------------------------------------------------------------

#define DDS_HEADER 148 // magic, header, DX10 header

static void put(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

bool bc7_write_dds(const char *path, uint32_t width, uint32_t height, uint32_t levels,
                   const uint8_t *const *blocks, bool srgb, char message[256])
{
    uint8_t header[DDS_HEADER] = "DDS ";
    put(header + 4, 124);
    put(header + 8, 0x000a1007); // caps, height, width, pixel format, mip count, linear size
    put(header + 12, height);
    put(header + 16, width);
    put(header + 20, (uint32_t)bc7_size(width, height));
    put(header + 28, levels);
    put(header + 76, 32);
    put(header + 80, 4); // four characters
    memcpy(header + 84, "DX10", 4);
    put(header + 108, levels > 1 ? 0x00401008 : 0x00001000); // texture, with mips
    put(header + 128, srgb ? 99 : 98);                       // DXGI_FORMAT_BC7_UNORM_SRGB, _UNORM
    put(header + 132, 3);                                    // 2D
    put(header + 140, 1);
    struct output_file file;
    bool done = output_open(&file, path);
    bool whole = done && fwrite(header, DDS_HEADER, 1, file.stream) == 1;
    for (uint32_t i = 0; whole && i < levels; i++) {
        uint32_t w = width >> i ? width >> i : 1, h = height >> i ? height >> i : 1;
        whole = fwrite(blocks[i], bc7_size(w, h), 1, file.stream) == 1;
    }
    done = done && output_close(&file, whole);
    if (!done)
        snprintf(message, 256, "cannot write %.150s: %s", path, strerror(errno));
    return done;
}
