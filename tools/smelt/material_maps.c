// SPDX-License-Identifier: MIT
// Reads and evaluates maps, and filters them.
#include "material_maps.h"

#include "image_decode.h"
#include "image_resample.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// --- What a map is, by its file's name ------------------------------------------------------------------------------------

static const struct alias {
    const char *suffix;
    enum smelt_semantic semantic;
    bool y_down;
} aliases[] = {
    {"base_color", SMELT_SEMANTIC_BASE_COLOR, false},
    {"basecolor", SMELT_SEMANTIC_BASE_COLOR, false},
    {"albedo", SMELT_SEMANTIC_BASE_COLOR, false},
    {"diffuse", SMELT_SEMANTIC_BASE_COLOR, false},
    {"color", SMELT_SEMANTIC_BASE_COLOR, false},
    {"normal", SMELT_SEMANTIC_NORMAL, false},
    {"normal_gl", SMELT_SEMANTIC_NORMAL, false},
    {"normalgl", SMELT_SEMANTIC_NORMAL, false},
    {"normal_dx", SMELT_SEMANTIC_NORMAL, true},
    {"normaldx", SMELT_SEMANTIC_NORMAL, true},
    {"ao", SMELT_SEMANTIC_OCCLUSION, false},
    {"occlusion", SMELT_SEMANTIC_OCCLUSION, false},
    {"ambientocclusion", SMELT_SEMANTIC_OCCLUSION, false},
    {"roughness", SMELT_SEMANTIC_ROUGHNESS, false},
    {"metalness", SMELT_SEMANTIC_METALNESS, false},
    {"metallic", SMELT_SEMANTIC_METALNESS, false},
    {"height", SMELT_SEMANTIC_HEIGHT, false},
    {"displacement", SMELT_SEMANTIC_HEIGHT, false},
    {"opacity", SMELT_SEMANTIC_OPACITY, false},
    {"emission", SMELT_SEMANTIC_EMISSION, false},
    {"emissive", SMELT_SEMANTIC_EMISSION, false},
};

// The longest alias that the stem is or ends with, behind a separator; NULL: none.
static const struct alias *find_alias(const char *stem)
{
    const struct alias *best = NULL;
    size_t length = strlen(stem);
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        size_t size = strlen(aliases[i].suffix);
        bool ends = size <= length && (!best || size > strlen(best->suffix)) &&
                    (size == length || strchr("_-. ", stem[length - size - 1]));
        for (size_t k = 0; ends && k < size; k++)
            ends = tolower((unsigned char)stem[length - size + k]) == aliases[i].suffix[k];
        if (ends)
            best = &aliases[i];
    }
    return best;
}

static uint32_t components_of(enum smelt_semantic semantic, uint32_t otherwise)
{
    switch (semantic) {
    case SMELT_SEMANTIC_BASE_COLOR:
    case SMELT_SEMANTIC_NORMAL:
    case SMELT_SEMANTIC_EMISSION:
        return 3;
    case SMELT_SEMANTIC_OTHER:
        return otherwise;
    default:
        return 1;
    }
}

struct map map_of_channel(const struct smelt_channel *channel)
{
    struct map map = {.semantic = channel->semantic,
                      .components = channel->count,
                      .colour = channel->transfer == SMELT_TRANSFER_SRGB && channel->count >= 3,
                      .low = channel->minimum,
                      .high = channel->maximum};
    snprintf(map.name, sizeof(map.name), "%s",
             map.semantic == SMELT_SEMANTIC_OTHER ? channel->name : smelt_semantic_name(map.semantic));
    return map;
}

// --- Levels -----------------------------------------------------------------------------------------------------------------

uint32_t level_width(const struct maps *maps, uint32_t level)
{
    return image_level_extent(maps->width, level);
}

uint32_t level_height(const struct maps *maps, uint32_t level)
{
    return image_level_extent(maps->height, level);
}

struct image_view map_level(const struct maps *maps, const struct map *map, uint32_t level)
{
    return (struct image_view){map->levels[level], level_width(maps, level), level_height(maps, level),
                               map->components};
}

static uint32_t levels_of(uint32_t width, uint32_t height)
{
    uint32_t count = 1;
    while (count < MAPS_LEVELS && (width >> count || height >> count))
        count++;
    return count;
}

static int allocate_levels(const struct maps *maps, struct map *map)
{
    for (uint32_t l = 0; l < maps->level_count; l++) {
        size_t texels = (size_t)level_width(maps, l) * level_height(maps, l);
        map->levels[l] = malloc(texels * map->components * sizeof(float));
        if (!map->levels[l])
            return tool_fail("out of memory for a map of %ux%u", maps->width, maps->height);
    }
    return TOOL_OK;
}

// Stored values to what may be averaged, and back.
static void open_texel(const struct map *map, const float *stored, double *value)
{
    for (uint32_t c = 0; c < map->components; c++)
        value[c] = map->semantic == SMELT_SEMANTIC_NORMAL ? 2.0 * stored[c] - 1
                   : map->colour && c < 3                 ? srgb_decode(stored[c])
                                                          : stored[c];
}

static void make_unit(const struct map *map, double *value)
{
    double length = sqrt(value[0] * value[0] + value[1] * value[1] + value[2] * value[2]);
    for (uint32_t c = 0; c < 3 && map->semantic == SMELT_SEMANTIC_NORMAL; c++)
        value[c] = length > 0 ? value[c] / length : c == 2;
}

static void close_texel(const struct map *map, const double *value, float *stored)
{
    for (uint32_t c = 0; c < map->components; c++)
        stored[c] = (float)(map->semantic == SMELT_SEMANTIC_NORMAL ? value[c] * 0.5 + 0.5
                            : map->colour && c < 3                 ? srgb_encode(value[c])
                                                                   : value[c]);
}

void map_make_unit(const struct map *map, float *values, size_t points)
{
    double value[4];
    bool directions = map->semantic == SMELT_SEMANTIC_NORMAL && map->components == 3;
    for (size_t i = 0; i < points && directions; i++) {
        open_texel(map, values + i * map->components, value);
        make_unit(map, value);
        close_texel(map, value, values + i * map->components);
    }
}

// A level from the finer one.
static int shrink(const struct maps *maps, const struct map *map, uint32_t level)
{
    uint32_t w = level_width(maps, level), h = level_height(maps, level), components = map->components;
    uint32_t from_w = level_width(maps, level - 1), from_h = level_height(maps, level - 1);
    size_t texels = (size_t)w * h, from = (size_t)from_w * from_h;
    float *fine = malloc(from * components * sizeof(*fine)),
          *coarse = malloc(texels * components * sizeof(*coarse));
    bool room = fine && coarse;
    double value[4] = {0};
    for (size_t i = 0; i < from && room; i++) {
        open_texel(map, map->levels[level - 1] + i * components, value);
        for (uint32_t c = 0; c < components; c++)
            fine[i * components + c] = (float)value[c];
    }
    if (room)
        image_resample(fine, from_w, from_h, components, coarse, w, h, false);
    for (size_t i = 0; i < texels && room; i++) {
        for (uint32_t c = 0; c < components; c++)
            value[c] = coarse[i * components + c];
        make_unit(map, value);
        close_texel(map, value, map->levels[level] + i * components);
    }
    free(fine);
    free(coarse);
    return room ? TOOL_OK : tool_fail("out of memory for a map of %ux%u", maps->width, maps->height);
}

// Adds `weight` of the bilinear lookup at (u, v), repeated, in one level.
static void add_bilinear(const struct maps *maps, const struct map *map, uint32_t level, double u, double v,
                         double weight, double *sum)
{
    uint32_t w = level_width(maps, level), h = level_height(maps, level);
    double x = u * w - 0.5, y = v * h - 0.5, x0 = floor(x), y0 = floor(y);
    for (int k = 0; k < 4; k++) {
        double part = weight * (k & 1 ? x - x0 : 1 - (x - x0)) * (k & 2 ? y - y0 : 1 - (y - y0)), value[4];
        uint32_t i = (uint32_t)((((int64_t)x0 + (k & 1)) % w + w) % w);
        uint32_t j = (uint32_t)((((int64_t)y0 + (k >> 1)) % h + h) % h);
        if (part == 0)
            continue;
        open_texel(map, map->levels[level] + ((size_t)j * w + i) * map->components, value);
        for (uint32_t c = 0; c < map->components; c++)
            sum[c] += part * value[c];
    }
}

void map_sample(const struct maps *maps, const struct map *map, const struct material_grid *grid,
                float *values)
{
    double lod = fmin(fmax(grid->lod, 0), maps->level_count - 1);
    uint32_t level = (uint32_t)lod;
    for (uint32_t y = 0; y < grid->height; y++)
        for (uint32_t x = 0; x < grid->width; x++) {
            double u = grid->origin[0] + grid->step[0] * (x + 0.5), sum[4] = {0};
            double v = grid->origin[1] + grid->step[1] * (y + 0.5);
            add_bilinear(maps, map, level, u, v, 1 - (lod - level), sum);
            if (lod > level)
                add_bilinear(maps, map, level + 1, u, v, lod - level, sum);
            make_unit(map, sum);
            close_texel(map, sum, values + ((size_t)y * grid->width + x) * map->components);
        }
}

void map_upsample(const struct maps *maps, const struct map *map)
{
    const struct material_grid grid = {
        .width = maps->width,
        .height = maps->height,
        .step = {1.0f / (float)maps->width, 1.0f / (float)maps->height},
        .lod = 1,
    };
    map_sample(maps, map, &grid, map->levels[0]);
}

// --- Reading ------------------------------------------------------------------------------------------------------------------

static bool is_image_name(const char *name)
{
    static const char *const extensions[] = {".png", ".jpg", ".jpeg", ".exr"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        size_t k = 0;
        while (dot[k] && tolower((unsigned char)dot[k]) == extensions[i][k])
            k++;
        if (!dot[k] && !extensions[i][k])
            return true;
    }
    return false;
}

int maps_kind_of(const char *path, enum maps_kind *kind)
{
    struct stat status;
    if (stat(path, &status))
        return tool_fail("cannot read %s: %s", path, strerror(errno));
    *kind = S_ISDIR(status.st_mode) ? MAPS_FOLDER : is_image_name(path) ? MAPS_IMAGE : MAPS_PACKAGE;
    return TOOL_OK;
}

// How a map that is linear in its file is stored, as smelt material train does it: a base colour and what is only a picture
// encoded, any other number as a share of the range that it needs.
static void choose_range(const struct image *image, bool picture, struct map *map)
{
    size_t count = (size_t)image->width * image->height * image->components;
    float low = 0, high = 1;
    for (size_t i = 0; i < count; i++) {
        low = fminf(low, image->pixels[i]);
        high = fmaxf(high, image->pixels[i]);
    }
    if (map->semantic == SMELT_SEMANTIC_BASE_COLOR || picture || (map->colour && low >= 0 && high <= 1))
        return;
    map->colour = false;
    map->low = map->semantic == SMELT_SEMANTIC_NORMAL && low < 0 ? -1 : low; // of unit vectors
    map->high = high;
}

// The finest level of a map from a decoded image: grey becomes a colour where one is wanted, and alpha is left out.
static void take_image(const struct image *image, bool y_down, struct map *map)
{
    uint32_t colours = image->components < 3 ? 1 : 3;
    for (size_t i = 0; i < (size_t)image->width * image->height; i++)
        for (uint32_t c = 0; c < map->components; c++) {
            float x = image->pixels[i * image->components + (c < colours ? c : 0)];
            x = (x - map->low) / (map->high - map->low);
            if (map->colour && image->linear)
                x = (float)srgb_encode(x < 0 ? 0 : x);
            map->levels[0][i * map->components + c] = y_down && c == 1 ? 1 - x : x;
        }
    if (map->semantic == SMELT_SEMANTIC_NORMAL) { // directions have no range
        map->low = 0;
        map->high = 1;
    }
    map_make_unit(map, map->levels[0], (size_t)image->width * image->height);
}

// `stem`: the file's name, which tells what it is; NULL: only a picture.
static int add_image(const char *path, const char *stem, struct maps *maps)
{
    struct image image = {0};
    struct stat status;
    char message[256];
    const struct alias *alias = stem ? find_alias(stem) : NULL;
    struct map *map = &maps->maps[maps->count];
    snprintf(map->name, sizeof(map->name), "%s",
             alias  ? smelt_semantic_name(alias->semantic)
             : stem ? stem
                    : "image");
    if (maps_find(maps, map->name))
        return TOOL_OK; // a second file of the same map
    if (!image_decode(path, &image, message))
        return tool_fail("%s", message);
    map->semantic = alias ? alias->semantic : SMELT_SEMANTIC_OTHER;
    map->components = components_of(map->semantic, stem && image.components < 3 ? 1 : 3);
    map->colour = map->components == 3 && map->semantic != SMELT_SEMANTIC_NORMAL;
    map->high = 1;
    if (image.linear)
        choose_range(&image, !stem, map);
    int result = TOOL_OK;
    if (!maps->count) {
        maps->width = image.width;
        maps->height = image.height;
        maps->level_count = levels_of(image.width, image.height);
    } else if (image.width != maps->width || image.height != maps->height) {
        result =
            tool_fail("%s is %ux%u, but %s/%s is %ux%u: the maps of a folder are of one size", path,
                      image.width, image.height, maps->path, maps->maps[0].name, maps->width, maps->height);
    }
    maps->count++;
    if (!result)
        result = allocate_levels(maps, map);
    if (!result)
        take_image(&image, alias && alias->y_down, map);
    for (uint32_t l = 1; !result && l < maps->level_count; l++)
        result = shrink(maps, map, l);
    for (uint32_t l = 0; l < maps->level_count; l++) // RGB takes as much as RGBA
        maps->device_size +=
            (uint64_t)level_width(maps, l) * level_height(maps, l) * (map->components < 3 ? 1 : 4);
    if (!stat(path, &status))
        maps->file_size += (uint64_t)status.st_size;
    image_release(&image);
    return result;
}

static int is_visible_image(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && is_image_name(entry->d_name);
}

// The name of a file that is_image_name, without its ending.
static void stem_of(const char *name, char stem[256])
{
    snprintf(stem, 256, "%.*s", (int)(strrchr(name, '.') - name), name);
}

static int read_folder(struct maps *maps)
{
    struct dirent **entries = NULL;
    int count = scandir(maps->path, &entries, is_visible_image, alphasort), status = TOOL_OK;
    if (count < 0)
        return tool_fail("cannot read %s: %s", maps->path, strerror(errno));
    if (count > MAPS_MAX)
        status = tool_fail("%s has %d images; at most %d are maps of one surface", maps->path, count,
                           (int)MAPS_MAX);
    for (int i = 0; i < count; i++) {
        char path[4096], stem[256];
        snprintf(path, sizeof(path), "%s/%s", maps->path, entries[i]->d_name);
        stem_of(entries[i]->d_name, stem);
        if (!status)
            status = add_image(path, stem, maps);
        free(entries[i]);
    }
    free(entries);
    if (!status && !maps->count)
        return tool_fail("%s has no image (.png, .jpg, .exr) in it", maps->path);
    return status;
}

int maps_read(const char *path, bool named, struct maps *maps)
{
    char stem[256];
    const char *slash = strrchr(path, '/');
    *maps = (struct maps){.path = path};
    int status = maps_kind_of(path, &maps->kind);
    if (status)
        return status;
    if (maps->kind == MAPS_FOLDER)
        return read_folder(maps);
    if (named)
        stem_of(slash ? slash + 1 : path, stem);
    return add_image(path, named ? stem : NULL, maps);
}

// --- Evaluating --------------------------------------------------------------------------------------------

void channel_values(const struct smelt_channel *channel, const float *outputs, size_t points,
                    uint32_t output_count, float *values)
{
    for (size_t i = 0; i < points; i++)
        for (uint32_t k = 0; k < channel->count; k++) {
            float x = outputs[i * output_count + channel->first + k];
            x = x > 0 ? (x < 1 ? x : 1) : 0; // as NAME_eval does; a NaN becomes 0
            values[i * channel->count + k] = channel->normal_y_down && k == 1 ? 1 - x : x;
        }
    const struct map map = map_of_channel(channel);
    map_make_unit(&map, values, points);
}

static int add_channel(const struct smelt_channel *channel, struct maps *maps)
{
    struct map *map = &maps->maps[maps->count++];
    *map = map_of_channel(channel);
    return allocate_levels(maps, map);
}

int maps_evaluate(struct material_decoder *decoder, const char *path, uint32_t width, uint32_t height,
                  struct maps *maps, uint64_t *time)
{
    const struct smelt_material_info *info = decoder->info;
    struct stat file;
    *maps = (struct maps){.path = path,
                          .kind = MAPS_PACKAGE,
                          .width = width,
                          .height = height,
                          .level_count = levels_of(width, height),
                          .file_size = stat(path, &file) ? 0 : (uint64_t)file.st_size,
                          .device_size = decoder->device_size};
    float *outputs = malloc((size_t)width * height * info->output_count * sizeof(*outputs));
    int status = outputs ? TOOL_OK : tool_fail("out of memory for %ux%u texels", width, height);
    for (uint32_t c = 0; c < info->channel_count && !status; c++)
        status = add_channel(&info->channels[c], maps);
    // The finest level last: its time is taken on a device that is awake, in dispatches that have grown.
    for (uint32_t l = maps->level_count; l-- > 0 && !status;) {
        const struct material_grid grid = material_grid_of_level(decoder, width, height, l);
        status = material_decoder_run(decoder, &grid, outputs, l ? NULL : time);
        for (uint32_t c = 0; c < info->channel_count && !status; c++)
            channel_values(&info->channels[c], outputs, (size_t)grid.width * grid.height, info->output_count,
                           maps->maps[c].levels[l]);
    }
    free(outputs);
    return status;
}

void map_convert(const struct map *from, const struct map *to, float *values, size_t points)
{
    // What is not known by its name has the numbers that its file has.
    bool encoded = from->colour != to->colour && from->semantic != SMELT_SEMANTIC_OTHER;
    if (!encoded && from->low == to->low && from->high == to->high)
        return;
    for (size_t i = 0; i < points * from->components; i++) {
        double x = values[i];
        if (encoded && from->colour && i % from->components < 3)
            x = srgb_decode(x);
        x = (from->low + x * (from->high - from->low) - to->low) / (to->high - to->low);
        if (encoded && to->colour && i % from->components < 3)
            x = srgb_encode(x > 0 ? x : 0);
        values[i] = (float)x;
    }
}

void maps_convert(struct maps *maps, const struct maps *other)
{
    for (uint32_t i = 0; i < maps->count; i++) {
        struct map *map = &maps->maps[i];
        const struct map *to = maps_find(other, map->name);
        for (uint32_t l = 0; l < maps->level_count; l++)
            map_convert(map, to, map->levels[l], (size_t)level_width(maps, l) * level_height(maps, l));
        map->colour = to->colour;
        map->low = to->low;
        map->high = to->high;
    }
}

int maps_like(const struct maps *maps, struct maps *copy)
{
    *copy = *maps;
    int status = TOOL_OK;
    for (uint32_t i = 0; i < maps->count; i++)
        memset(copy->maps[i].levels, 0, sizeof(copy->maps[i].levels));
    for (uint32_t i = 0; i < maps->count && !status; i++)
        status = allocate_levels(copy, &copy->maps[i]);
    return status;
}

static void release_map(struct map *map)
{
    for (uint32_t l = 0; l < MAPS_LEVELS; l++) {
        free(map->levels[l]);
        map->levels[l] = NULL;
    }
}

void maps_keep_common(struct maps *maps, const struct maps *other)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < maps->count; i++) {
        const struct map *same = maps_find(other, maps->maps[i].name);
        if (same && same->components == maps->maps[i].components)
            maps->maps[kept++] = maps->maps[i];
        else
            release_map(&maps->maps[i]);
    }
    maps->count = kept;
}

void maps_release(struct maps *maps)
{
    for (uint32_t i = 0; i < maps->count; i++)
        release_map(&maps->maps[i]);
    maps->count = 0;
}

const struct map *maps_find(const struct maps *maps, const char *name)
{
    for (uint32_t i = 0; i < maps->count; i++)
        if (!strcmp(maps->maps[i].name, name))
            return &maps->maps[i];
    return NULL;
}
