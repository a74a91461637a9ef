// SPDX-License-Identifier: MIT
// Scores of packages and of BC7 textures against the maps, and a picture of both.
#include "train_report.h"

#include "bc7.h"
#include "image_file.h"
#include "image_metrics.h"
#include "image_resample.h"
#include "material_decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PREVIEW = 256, MAX_GROUPS = TRAIN_MAX_OUTPUTS };

static float byte_of(float v)
{
    return v > 0 ? v < 1 ? floorf(v * 255 + 0.5F) : 255 : 0; // a NaN becomes 0
}

// As 8-bit images of both would differ.
static void add_errors(const struct train_maps *maps, uint32_t level, const float *values,
                       struct train_score *score)
{
    size_t texels = (size_t)image_level_extent(maps->width, level) * image_level_extent(maps->height, level);
    const float *wanted = train_maps_level(maps, level);
    for (uint32_t c = 0; c < maps->outputs; c++) {
        double sum = 0;
        for (size_t i = 0; i < texels; i++) {
            double d =
                (double)byte_of(values[i * maps->outputs + c]) / 255 - (double)wanted[i * maps->outputs + c];
            sum += d * d;
        }
        score->error[level][c] = sum / (double)texels;
    }
}

// Of the finest mip.
static double hue_error(const struct train_maps *maps, const float *values)
{
    size_t texels = (size_t)maps->width * maps->height;
    const struct train_map *color = NULL;
    for (uint32_t m = 0; m < maps->count; m++)
        if (maps->maps[m].semantic == SMELT_SEMANTIC_BASE_COLOR)
            color = &maps->maps[m];
    float *pixels = color ? malloc(2 * texels * 3 * sizeof(*pixels)) : NULL;
    if (!pixels)
        return -1;
    const struct image_view a = {pixels, maps->width, maps->height, 3},
                            b = {pixels + texels * 3, maps->width, maps->height, 3};
    for (size_t i = 0; i < texels; i++)
        for (uint32_t c = 0; c < 3; c++) {
            pixels[3 * i + c] = maps->values[i * maps->outputs + color->first + c];
            pixels[3 * (texels + i) + c] = byte_of(values[i * maps->outputs + color->first + c]) / 255;
        }
    double error = metric_chroma_error(&a, &b);
    free(pixels);
    return error;
}

double train_psnr(const struct train_score *score, uint32_t level, uint32_t first, uint32_t count)
{
    double sum = 0;
    for (uint32_t c = first; c < first + count; c++)
        sum += score->error[level][c];
    return -10 * log10(fmax(sum / count, 1e-10));
}

int train_score_package(const struct train_maps *maps, const char *path, const char *device,
                        struct train_score *score)
{
    struct material_decoder decoder = {0};
    const struct material_choice choice = {.device = device};
    float *values = malloc((size_t)maps->width * maps->height * maps->outputs * sizeof(*values));
    uint64_t time = 0;
    *score = (struct train_score){0};
    int status = values ? material_decoder_open(&decoder, path, &choice) : tool_fail("out of memory");
    // The finest level last: its time is taken on a device that is awake, in dispatches that have grown.
    for (uint32_t l = maps->levels; l-- > 0 && !status;) {
        const struct material_grid grid = material_grid_of_level(&decoder, maps->width, maps->height, l);
        status = material_decoder_run(&decoder, &grid, values, l ? NULL : &time);
        if (!status)
            add_errors(maps, l, values, score);
        if (!status && !l)
            score->hue = hue_error(maps, values);
    }
    score->time = (double)time / ((double)maps->width * maps->height);
    score->device_size = decoder.device_size;
    material_decoder_close(&decoder);
    free(values);
    return status;
}

// --- BC7 --------------------------------------------------------------------------------------------------

// The outputs of each texture: three of a colour or direction, the others four together.
static uint32_t group_outputs(const struct train_maps *maps, uint32_t groups[MAX_GROUPS][4],
                              uint32_t counts[MAX_GROUPS])
{
    uint32_t count = 0, open = UINT32_MAX;
    for (uint32_t m = 0; m < maps->count; m++) {
        const struct train_map *map = &maps->maps[m];
        uint32_t group = open;
        if (map->count > 1 || open == UINT32_MAX || counts[open] == 4) {
            group = count++;
            counts[group] = 0;
            open = map->count > 1 ? open : group;
        }
        for (uint32_t c = 0; c < map->count; c++)
            groups[group][counts[group]++] = map->first + c;
    }
    return count;
}

// A texture of outputs [count] of a mip through BC7 and back.
static int through_bc7(smelt_context context, const struct train_maps *maps, uint32_t level,
                       const uint32_t *outputs, uint32_t count, float *values)
{
    uint32_t width = image_level_extent(maps->width, level), height = image_level_extent(maps->height, level);
    size_t texels = (size_t)width * height;
    const float *from = train_maps_level(maps, level);
    uint8_t *rgba = malloc(texels * 4), *blocks = malloc(bc7_size(width, height));
    int status = rgba && blocks ? TOOL_OK : tool_fail("out of memory for %ux%u texels", width, height);
    for (size_t i = 0; i < texels && !status; i++)
        for (uint32_t c = 0; c < 4; c++)
            rgba[4 * i + c] = c < count ? (uint8_t)byte_of(from[i * maps->outputs + outputs[c]]) : 255;
    if (!status && bc7_encode(context, rgba, width, height, blocks))
        status = tool_fail_smelt();
    if (!status) {
        bc7_decode(blocks, width, height, rgba);
        for (size_t i = 0; i < texels; i++)
            for (uint32_t c = 0; c < count; c++)
                values[i * maps->outputs + outputs[c]] = (float)rgba[4 * i + c] / 255;
    }
    free(rgba);
    free(blocks);
    return status;
}

static uint64_t chain_size(const struct train_maps *maps, uint32_t first)
{
    uint64_t size = 0;
    for (uint32_t l = first; l < maps->levels; l++)
        size += bc7_size(image_level_extent(maps->width, l), image_level_extent(maps->height, l));
    return size;
}

int train_score_bc7(smelt_context context, const struct train_maps *maps, uint64_t *size,
                    struct train_score *score)
{
    uint32_t groups[MAX_GROUPS][4], counts[MAX_GROUPS], first = 0;
    uint32_t count = group_outputs(maps, groups, counts);
    while (*size && first + 1 < maps->levels && count * chain_size(maps, first) > *size + *size / 20)
        first++;
    *size = count * chain_size(maps, first);
    *score = (struct train_score){0};
    size_t finest = (size_t)maps->width * maps->height * maps->outputs;
    float *values = malloc(finest * sizeof(float)), *fine = malloc(finest * sizeof(float));
    int status = values && fine ? TOOL_OK : tool_fail("out of memory");
    for (uint32_t l = first; l < maps->levels && !status; l++) {
        for (uint32_t g = 0; g < count && !status; g++)
            status = through_bc7(context, maps, l, groups[g], counts[g], values);
        if (!status)
            add_errors(maps, l, values, score);
        if (!status && !l)
            score->hue = hue_error(maps, values);
        for (uint32_t finer = 0; l == first && finer < first && !status; finer++) {
            image_resample(values, image_level_extent(maps->width, l), image_level_extent(maps->height, l),
                           maps->outputs, fine, image_level_extent(maps->width, finer),
                           image_level_extent(maps->height, finer), maps->clamp);
            add_errors(maps, finer, fine, score);
            if (!finer)
                score->hue = hue_error(maps, fine);
        }
    }
    free(values);
    free(fine);
    return status;
}

// --- Preview ----------------------------------------------------------------------------------------------

static void draw(const struct train_maps *maps, const float *small, uint32_t map, uint32_t row,
                 uint32_t width, uint32_t height, uint8_t *picture)
{
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++) {
                uint32_t output = maps->maps[map].first + (maps->maps[map].count >= 3 ? c : 0);
                size_t at = ((size_t)(row * height + y) * maps->count + map) * width + x;
                picture[3 * at + c] =
                    (uint8_t)byte_of(small[((size_t)y * width + x) * maps->outputs + output]);
            }
}

int train_preview(const struct train_maps *maps, const char *path, const char *device, const char *picture)
{
    struct material_decoder decoder = {0};
    const struct material_choice choice = {.device = device};
    uint32_t width = maps->width < PREVIEW ? maps->width : PREVIEW;
    uint32_t height = maps->height < PREVIEW ? maps->height : PREVIEW;
    size_t texels = (size_t)width * height;
    float *values = malloc((size_t)maps->width * maps->height * maps->outputs * sizeof(*values));
    float *small = malloc(texels * maps->outputs * sizeof(*small));
    uint8_t *bytes = malloc(texels * 2 * maps->count * 3);
    int status = values && small && bytes ? material_decoder_open(&decoder, path, &choice)
                                          : tool_fail("out of memory");
    if (!status) {
        const struct material_grid grid = material_grid_of_level(&decoder, maps->width, maps->height, 0);
        status = material_decoder_run(&decoder, &grid, values, NULL);
    }
    for (uint32_t row = 0; row < 2 && !status; row++) {
        image_resample(row ? values : maps->values, maps->width, maps->height, maps->outputs, small, width,
                       height, maps->clamp);
        for (uint32_t m = 0; m < maps->count; m++)
            draw(maps, small, m, row, width, height, bytes);
    }
    char message[256];
    if (!status && !image_write_png(picture, bytes, width * maps->count, 2 * height, 3, message))
        status = tool_fail("%s", message);
    material_decoder_close(&decoder);
    free(values);
    free(small);
    free(bytes);
    return status;
}
