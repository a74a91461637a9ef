// SPDX-License-Identifier: MIT
// Maps from files to the pyramid that a network is trained on.
#include "train_maps.h"

#include "image_decode.h"
#include "image_metrics.h"
#include "image_resample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const float *train_maps_level(const struct train_maps *maps, uint32_t level)
{
    uint64_t texels = 0;
    for (uint32_t l = 0; l < level; l++)
        texels += (uint64_t)image_level_extent(maps->width, l) * image_level_extent(maps->height, l);
    return maps->values + texels * maps->outputs;
}

void train_maps_release(struct train_maps *maps)
{
    for (uint32_t i = 0; i < maps->count; i++) {
        free(maps->maps[i].file);
        free(maps->maps[i].bytes);
    }
    free(maps->values);
    *maps = (struct train_maps){0};
}

struct train_map *train_maps_add(struct train_maps *maps, const char *name, enum smelt_semantic semantic)
{
    for (uint32_t i = 0; i < maps->count; i++)
        if (!strcmp(maps->maps[i].name, name)) {
            tool_usage_error("the channel %s is given twice", name);
            return NULL;
        }
    if (maps->count == TRAIN_MAX_MAPS || strlen(name) >= sizeof(maps->maps[0].name)) {
        tool_usage_error("wanted at most %d channels with names below %zu characters, got %s too",
                         TRAIN_MAX_MAPS, sizeof(maps->maps[0].name), name);
        return NULL;
    }
    struct train_map *map = &maps->maps[maps->count++];
    bool color = semantic == SMELT_SEMANTIC_BASE_COLOR || semantic == SMELT_SEMANTIC_EMISSION;
    bool three = color || semantic == SMELT_SEMANTIC_NORMAL;
    *map = (struct train_map){.semantic = semantic,
                              .srgb = color,
                              .component = -1,
                              .count = three                              ? 3
                                       : semantic == SMELT_SEMANTIC_OTHER ? 0
                                                                          : 1,
                              .factor = {1, 1, 1, 1},
                              .high = 1};
    snprintf(map->name, sizeof(map->name), "%s", name);
    return map;
}

// --- From a file to filterable values ---------------------------------------------------------------------

// A component of the image; its alpha is behind its colours, also where it has none.
static int find_component(const struct train_map *map, const struct image *image, uint32_t c,
                          uint32_t *component)
{
    bool alpha = image->components == 2 || image->components == 4;
    uint32_t colors = image->components - alpha;
    if (map->component >= 0) {
        *component = map->component == 3 ? colors : colors == 1 ? 0 : (uint32_t)map->component;
        return TOOL_OK;
    }
    if (map->semantic == SMELT_SEMANTIC_NORMAL && colors != 3)
        return tool_fail("%s: %s: wanted a picture of directions with red, green and blue, it is grey",
                         map->name, map->file);
    *component = colors == 1 && map->semantic != SMELT_SEMANTIC_OTHER ? 0 : c;
    return TOOL_OK;
}

// Heights and the like in EXR files are of any range; it becomes 0..1. Colours are put into 0..1.
static void set_range(struct train_map *map, const struct image *image)
{
    size_t count = (size_t)image->width * image->height * image->components;
    float low = 0, high = 1;
    for (size_t i = 0; i < count; i++) {
        low = fminf(low, image->pixels[i]);
        high = fmaxf(high, image->pixels[i]);
    }
    if (map->semantic == SMELT_SEMANTIC_NORMAL) {
        map->offset = low < 0 ? 1 : 0; // x y z themselves instead of (n + 1) / 2
    } else if (map->semantic == SMELT_SEMANTIC_BASE_COLOR) {
        if (low < 0 || high > 1)
            fprintf(stderr, "smelt: warning: %s goes from %g to %g: cut to 0..1\n", map->file, (double)low,
                    (double)high);
    } else {
        map->srgb = map->srgb && low >= 0 && high <= 1;
        map->low = low;
        map->high = high;
    }
}

static float filterable(const struct train_map *map, const struct image *image, float v, uint32_t c)
{
    if (map->semantic == SMELT_SEMANTIC_NORMAL)
        return (image->linear && map->offset != 0 ? v : 2 * v - 1) * map->factor[c];
    if (map->srgb)
        return (image->linear ? v : (float)srgb_decode(v)) * map->factor[c];
    return ((v - map->low) / (map->high - map->low)) * map->factor[c] + map->offset;
}

// What a loading holds besides the result.
struct loading {
    struct train_maps *maps;
    float *fine, *coarse; // filterable values of two levels
};

static int read_map(struct loading *l, struct train_map *map, const struct image *image)
{
    struct train_maps *maps = l->maps;
    size_t source = (size_t)image->width * image->height, texels = (size_t)maps->width * maps->height;
    bool same = image->width == maps->width && image->height == maps->height;
    float *values = malloc(source * map->count * sizeof(float));
    float *resized = same ? values : malloc(texels * map->count * sizeof(float));
    int status = values && resized ? TOOL_OK : tool_fail("out of memory for %s", map->file);
    if (!status && image->linear)
        set_range(map, image);
    for (uint32_t c = 0; c < map->count && !status; c++) {
        uint32_t component = 0;
        status = find_component(map, image, c, &component);
        for (size_t i = 0; i < source && !status; i++)
            values[i * map->count + c] = filterable(
                map, image,
                component < image->components ? image->pixels[i * image->components + component] : 1, c);
    }
    if (!status && !same)
        image_resample(values, image->width, image->height, map->count, resized, maps->width, maps->height,
                       maps->clamp);
    for (size_t i = 0; i < texels && !status; i++)
        memcpy(l->fine + i * maps->outputs + map->first, resized + i * map->count,
               map->count * sizeof(float));
    if (!same)
        free(resized);
    free(values);
    return status;
}

static void fill_constant(struct loading *l, const struct train_map *map)
{
    size_t texels = (size_t)l->maps->width * l->maps->height;
    float value = map->srgb ? (float)srgb_decode(map->constant) : map->constant;
    for (size_t i = 0; i < texels; i++)
        for (uint32_t c = 0; c < map->count; c++)
            l->fine[i * l->maps->outputs + map->first + c] = value;
}

// --- Mips -------------------------------------------------------------------------------------------------

static const struct train_map *find_semantic(const struct train_maps *maps, enum smelt_semantic semantic)
{
    for (uint32_t i = 0; i < maps->count; i++)
        if (maps->maps[i].semantic == semantic)
            return &maps->maps[i];
    return NULL;
}

// Colours times their opacity, or back; what is fully transparent keeps its colour, as nothing else is known of it.
static void premultiply(const struct train_maps *maps, float *values, size_t texels, bool back)
{
    const struct train_map *opacity = find_semantic(maps, SMELT_SEMANTIC_OPACITY);
    for (uint32_t m = 0; m < maps->count && opacity; m++) {
        const struct train_map *map = &maps->maps[m];
        for (size_t i = 0; i < texels && map->srgb; i++) {
            float alpha = fmaxf(values[i * maps->outputs + opacity->first], 1.0F / 1024);
            for (uint32_t c = 0; c < map->count; c++)
                values[i * maps->outputs + map->first + c] *= back ? 1 / alpha : alpha;
        }
    }
}

static void normalise(const struct train_maps *maps, float *values, size_t texels)
{
    for (uint32_t m = 0; m < maps->count; m++)
        for (size_t i = 0; i < texels && maps->maps[m].semantic == SMELT_SEMANTIC_NORMAL; i++) {
            float *n = values + i * maps->outputs + maps->maps[m].first;
            float length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
            float scale = length > 1e-6F ? 1 / length : 0;
            n[0] *= scale;
            n[1] *= scale;
            n[2] = length > 1e-6F ? n[2] * scale : 1;
        }
}

static double covered(const float *alpha, size_t texels, uint32_t stride, float scale, float cutoff)
{
    size_t count = 0;
    for (size_t i = 0; i < texels; i++)
        count += alpha[i * stride] * scale >= cutoff;
    return (double)count / (double)texels;
}

// A mask's mips are scaled so that as much of them passes the cutoff as of the finest level (Castano 2010).
static void keep_coverage(const struct train_maps *maps, float *values, size_t texels, double wanted)
{
    const struct train_map *opacity = find_semantic(maps, SMELT_SEMANTIC_OPACITY);
    float low = 0.25F, high = 4, *alpha = values + opacity->first;
    for (int i = 0; i < 16; i++) {
        float middle = 0.5F * (low + high);
        if (covered(alpha, texels, maps->outputs, middle, maps->cutoff) < wanted)
            low = middle;
        else
            high = middle;
    }
    // Smaller ones than 1 let as much pass as larger ones up to the next step of what passes: the one nearest to 1.
    double passing = covered(alpha, texels, maps->outputs, high, maps->cutoff);
    float scale = high, above = 1;
    if (scale < 1 && covered(alpha, texels, maps->outputs, 1, maps->cutoff) <= passing)
        scale = 1;
    for (int i = 0; i < 16 && scale < 1; i++) {
        float middle = 0.5F * (scale + above);
        if (covered(alpha, texels, maps->outputs, middle, maps->cutoff) <= passing)
            scale = middle;
        else
            above = middle;
    }
    for (size_t i = 0; i < texels; i++)
        alpha[i * maps->outputs] = fminf(alpha[i * maps->outputs] * scale, 1);
}

// Filterable values as the network is to give them.
static void store(const struct train_maps *maps, const float *values, size_t texels, float *out)
{
    for (size_t i = 0; i < texels; i++)
        for (uint32_t m = 0; m < maps->count; m++) {
            const struct train_map *map = &maps->maps[m];
            for (uint32_t c = 0; c < map->count; c++) {
                size_t at = i * maps->outputs + map->first + c;
                float v = values[at];
                out[at] = map->semantic == SMELT_SEMANTIC_NORMAL ? 0.5F * v + 0.5F
                          : map->srgb ? (float)srgb_encode(v > 0 ? v < 1 ? v : 1 : 0)
                                      : fminf(fmaxf(v, 0), 1);
            }
        }
}

static int make_levels(struct loading *l)
{
    struct train_maps *maps = l->maps;
    size_t texels = (size_t)maps->width * maps->height;
    const struct train_map *opacity = find_semantic(maps, SMELT_SEMANTIC_OPACITY);
    double coverage = opacity ? covered(l->fine + opacity->first, texels, maps->outputs, 1, maps->cutoff) : 0;
    if (maps->cutoff > 0 && !opacity)
        return tool_usage_error("--alpha-mask without an opacity: all of the base colour is opaque");
    normalise(maps, l->fine, texels);
    for (uint32_t level = 0; level < maps->levels; level++) {
        uint32_t width = image_level_extent(maps->width, level),
                 height = image_level_extent(maps->height, level);
        float *out = maps->values + (train_maps_level(maps, level) - maps->values);
        texels = (size_t)width * height;
        store(maps, l->fine, texels, out);
        if (level + 1 == maps->levels)
            break;
        uint32_t w = image_level_extent(maps->width, level + 1),
                 h = image_level_extent(maps->height, level + 1);
        premultiply(maps, l->fine, texels, false);
        image_resample(l->fine, width, height, maps->outputs, l->coarse, w, h, maps->clamp);
        premultiply(maps, l->coarse, (size_t)w * h, true);
        normalise(maps, l->coarse, (size_t)w * h);
        if (opacity && maps->cutoff > 0)
            keep_coverage(maps, l->coarse, (size_t)w * h, coverage);
        float *swap = l->fine;
        l->fine = l->coarse;
        l->coarse = swap;
    }
    return TOOL_OK;
}

// --- Loading ----------------------------------------------------------------------------------------------

// All files' extents, before any memory is taken for them together; fills the counts of components.
static int read_files(struct train_maps *maps, struct image *images)
{
    const struct train_map *first = NULL;
    bool given = maps->width != 0;
    for (uint32_t i = 0; i < maps->count; i++) {
        struct train_map *map = &maps->maps[i];
        char message[256];
        if (!map->file) {
            map->count = map->count ? map->count : 1;
            continue;
        }
        if (!(map->bytes ? image_decode_bytes(map->file, map->bytes, map->size, &images[i], message)
                         : image_decode(map->file, &images[i], message)))
            return tool_fail("%s: %s", map->name, message);
        map->count = map->count ? map->count : images[i].components;
        if (given)
            continue;
        if (first && (images[i].width != maps->width || images[i].height != maps->height))
            return tool_fail("%s is %ux%u, but %s is %ux%u: give --size WxH to bring them to one size",
                             map->file, images[i].width, images[i].height, first->file, maps->width,
                             maps->height);
        if (!first) {
            first = map;
            maps->width = images[i].width;
            maps->height = images[i].height;
        }
    }
    return maps->width ? TOOL_OK : tool_usage_error("only constants: give --size WxH, or a map");
}

// A picture of a base colour with alpha is also the opacity, unless one was given or nothing is transparent.
static int add_opacity(struct train_maps *maps, struct image *images)
{
    for (uint32_t i = 0; i < maps->count; i++) {
        const struct train_map *map = &maps->maps[i];
        const struct image *image = &images[i];
        if (map->semantic != SMELT_SEMANTIC_BASE_COLOR || !map->file || image->components % 2 ||
            find_semantic(maps, SMELT_SEMANTIC_OPACITY))
            continue;
        size_t texels = (size_t)image->width * image->height, opaque = 0;
        for (size_t t = 0; t < texels; t++)
            opaque += image->pixels[(t + 1) * image->components - 1] >= 1;
        if (opaque == texels)
            return TOOL_OK;
        struct train_map *opacity = train_maps_add(maps, "opacity", SMELT_SEMANTIC_OPACITY);
        if (!opacity)
            return TOOL_USAGE;
        opacity->component = 3;
        opacity->file = strdup(maps->maps[i].file);
        char message[256];
        if (!opacity->file || !image_decode(opacity->file, &images[maps->count - 1], message))
            return tool_fail("opacity: %s", opacity->file ? message : "out of memory");
        return TOOL_OK;
    }
    return TOOL_OK;
}

static int take_memory(struct loading *l)
{
    struct train_maps *maps = l->maps;
    uint32_t longest = maps->width > maps->height ? maps->width : maps->height;
    maps->outputs = maps->levels = 0;
    for (uint32_t i = 0; i < maps->count; i++) {
        maps->maps[i].first = maps->outputs;
        maps->outputs += maps->maps[i].count;
    }
    if (maps->outputs > TRAIN_MAX_OUTPUTS)
        return tool_fail("the maps have %u components, wanted at most %d", maps->outputs, TRAIN_MAX_OUTPUTS);
    for (maps->texels = 0; longest >> maps->levels; maps->levels++)
        maps->texels += (uint64_t)image_level_extent(maps->width, maps->levels) *
                        image_level_extent(maps->height, maps->levels);
    size_t finest = (size_t)maps->width * maps->height * maps->outputs * sizeof(float);
    maps->values = malloc(maps->texels * maps->outputs * sizeof(float));
    l->fine = malloc(finest);
    l->coarse = malloc(finest);
    return maps->values && l->fine && l->coarse
               ? TOOL_OK
               : tool_fail("out of memory for maps of %ux%u", maps->width, maps->height);
}

int train_maps_load(struct train_maps *maps)
{
    struct loading l = {.maps = maps};
    struct image images[TRAIN_MAX_MAPS] = {0};
    int status = read_files(maps, images);
    if (!status && !maps->no_alpha)
        status = add_opacity(maps, images);
    if (!status)
        status = take_memory(&l);
    for (uint32_t i = 0; i < maps->count && !status; i++) {
        if (maps->maps[i].file)
            status = read_map(&l, &maps->maps[i], &images[i]);
        else
            fill_constant(&l, &maps->maps[i]);
        image_release(&images[i]);
    }
    if (!status)
        status = make_levels(&l);
    for (uint32_t i = 0; i < TRAIN_MAX_MAPS; i++)
        image_release(&images[i]);
    free(l.fine);
    free(l.coarse);
    return status;
}
