// SPDX-License-Identifier: MIT
// A neural material to BC7 textures: its maps at every level, encoded on the device, with what that loses.
#include "material_transcode.h"
#include "bc7.h"
#include "material_maps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// Maps that share a texture.
struct texture {
    char name[128];
    const struct map *maps[3];
    uint32_t count, components; // maps; 8-bit components in use
};

static uint32_t plan(const struct maps *maps, struct texture *textures)
{
    uint32_t count = 0, open = MAPS_MAX; // `open`: a texture with room for another number
    for (uint32_t i = 0; i < maps->count; i++) {
        const struct map *map = &maps->maps[i];
        bool joins = map->components == 1 && open < count && textures[open].count < 3;
        struct texture *t = joins ? &textures[open] : &textures[count];
        if (!joins) {
            *t = (struct texture){.count = 0};
            open = map->components == 1 ? count : open;
            count++;
        }
        size_t used = strlen(t->name);
        snprintf(t->name + used, sizeof(t->name) - used, "%s%.30s", used ? "_" : "", map->name);
        t->maps[t->count++] = map;
        t->components += map->components;
    }
    return count;
}

// A level as bytes; components that are not there are 255.
static void fill(const struct texture *t, uint32_t level, size_t texels, uint8_t *rgba)
{
    memset(rgba, 255, 4 * texels);
    for (uint32_t m = 0, first = 0; m < t->count; first += t->maps[m++]->components)
        for (size_t i = 0; i < texels; i++)
            for (uint32_t c = 0; c < t->maps[m]->components; c++) {
                float v = t->maps[m]->levels[level][i * t->maps[m]->components + c];
                v = v > 0 ? (v < 1 ? v : 1) : 0; // a NaN becomes 0
                rgba[4 * i + first + c] = (uint8_t)(v * 255.0f + 0.5f);
            }
}

// The mean squared difference of the components in use, of 0..1.
static double difference(const uint8_t *a, const uint8_t *b, size_t texels, uint32_t components)
{
    double sum = 0;
    for (size_t i = 0; i < texels; i++)
        for (uint32_t c = 0; c < components; c++) {
            double d = (a[4 * i + c] - b[4 * i + c]) / 255.0;
            sum += d * d;
        }
    return sum / ((double)texels * components);
}

static int write_texture(smelt_context context, const struct maps *maps, const struct texture *t,
                         const char *directory)
{
    size_t most = (size_t)maps->width * maps->height;
    uint8_t *rgba = malloc(4 * most), *back = malloc(4 * most), *blocks[MAPS_LEVELS] = {NULL};
    bool room = rgba && back, encoded = true;
    double lost = 0;
    for (uint32_t level = 0; room && encoded && level < maps->level_count; level++) {
        uint32_t w = level_width(maps, level), h = level_height(maps, level);
        tool_progress("%s: level %u of %u", t->name, level + 1, maps->level_count);
        blocks[level] = malloc(bc7_size(w, h));
        room = blocks[level] != NULL;
        if (!room)
            break;
        fill(t, level, (size_t)w * h, rgba);
        encoded = bc7_encode(context, rgba, w, h, blocks[level]) == SMELT_OK;
        bc7_decode(blocks[level], w, h, back);
        if (level == 0)
            lost = difference(rgba, back, (size_t)w * h, t->components);
    }
    char path[4096], message[256];
    int status = !room      ? tool_fail("out of memory for %ux%u texels", maps->width, maps->height)
                 : !encoded ? tool_fail_smelt()
                            : TOOL_OK;
    bool srgb = t->maps[0]->colour;
    snprintf(path, sizeof(path), "%.3900s/%.127s.dds", directory, t->name);
    if (!status)
        status = tool_check_apart(path, maps->path);
    if (!status && !bc7_write_dds(path, maps->width, maps->height, maps->level_count,
                                  (const uint8_t *const *)blocks, srgb, message))
        status = tool_fail("%s", message);
    tool_progress_end();
    if (!status)
        printf("%s: %ux%u, %u mips, BC7%s, %.2f dB from the material\n", path, maps->width, maps->height,
               maps->level_count, srgb ? " sRGB" : "", metric_psnr(lost));
    for (uint32_t level = 0; level < MAPS_LEVELS; level++)
        free(blocks[level]);
    free(rgba);
    free(back);
    return status;
}

static int transcode(struct material_decoder *decoder, struct maps *maps, const char *input,
                     const char *directory, unsigned width, unsigned height)
{
    const struct smelt_material_info *info = decoder->info;
    struct texture textures[MAPS_MAX];
    uint64_t time = 0;
    width = width ? width : info->source_width;
    height = height ? height : info->source_height;
    if (!width || !height)
        return tool_usage_error("%s does not say how large its source was: give --size WxH", input);
    if (mkdir(directory, 0777) && errno != EEXIST)
        return tool_fail("cannot make the folder %s: %s", directory, strerror(errno));
    int status = maps_evaluate(decoder, input, width, height, maps, &time);
    tool_progress_end();
    uint32_t count = status ? 0 : plan(maps, textures);
    for (uint32_t i = 0; !status && i < count; i++)
        status = write_texture(decoder->context, maps, &textures[i], directory);
    return status;
}

int material_transcode(const char *input, const char *directory, unsigned width, unsigned height,
                       const struct material_choice *choice)
{
    struct material_decoder decoder = {.info = NULL};
    struct maps maps = {.path = input};
    int status = material_decoder_open(&decoder, input, choice);
    if (!status)
        status = transcode(&decoder, &maps, input, directory, width, height);
    maps_release(&maps);
    material_decoder_close(&decoder);
    return status;
}
