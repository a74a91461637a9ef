// SPDX-License-Identifier: MIT
// What smelt material compare found, as text, as JSON and as a page with pictures.
#include "material_compare.h"
#include "page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_PICTURE = 512 }; // a page shows this much of the middle of larger maps

// --- Text -------------------------------------------------------------------------------------------------------------------

// How `package` stands against half-size BC7, which takes as many bytes as a package usually does.
static void tell_verdict(const struct comparison *found, const struct contender *package,
                         const struct contender *bc7)
{
    uint32_t psnr = 0, flip = 0, levels = found->source.level_count;
    for (uint32_t l = 0; l < levels; l++) {
        psnr += package->levels[l].psnr >= bc7->levels[l].psnr;
        flip += package->levels[l].flip <= bc7->levels[l].flip;
    }
    printf(
        "\nagainst %s: %+.2f dB at the finest mip; not behind in PSNR at %u of %u mips, in FLIP at %u; %s\n",
        bc7->label, package->levels[0].psnr - bc7->levels[0].psnr, psnr, levels, flip,
        package->flicker.error <= bc7->flicker.error ? "flickers no more" : "flickers more");
}

static void tell_maps(const struct comparison *found, const struct contender *contender)
{
    printf("\n%s:\n  %-12s %9s  %-27s %7s %7s %8s %7s\n", contender->label, "map", "PSNR", "by component",
           "SSIM", "FLIP", "chroma", "angle");
    for (uint32_t i = 0; i < found->source.count; i++) {
        const struct map_difference *d = &contender->levels[0].maps[i];
        const struct map *map = &found->source.maps[i];
        double squared = 0, ssim = 0;
        char parts[64] = "", *at = parts;
        for (uint32_t c = 0; c < map->components; c++) {
            squared += d->squared[c] / map->components;
            ssim += d->ssim[c] / map->components;
            at += snprintf(at, sizeof(parts) - (size_t)(at - parts), "%s%.2f", c ? " / " : "",
                           metric_psnr(d->squared[c]));
        }
        printf("  %-12s %6.2f dB  %-27s %7.4f %7.4f", map->name, metric_psnr(squared), parts, ssim, d->flip);
        if (!isnan(d->chroma))
            printf(" %8.5f", d->chroma);
        if (!isnan(d->angle))
            printf(" %8s %6.2f\302\260", "", d->angle);
        putchar('\n');
    }
}

// Without the folders that it lies in.
static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void tell_mips(const struct comparison *found)
{
    printf("\n%-14s", "mip");
    for (uint32_t k = 0; k < found->count; k++)
        printf("  %-26.26s", file_name(found->contenders[k].label));
    putchar('\n');
    for (uint32_t l = 0; l < found->source.level_count; l++) {
        char size[32];
        snprintf(size, sizeof(size), "%u: %ux%u", l, level_width(&found->source, l),
                 level_height(&found->source, l));
        printf("%-14s", size);
        for (uint32_t k = 0; k < found->count; k++)
            printf("  %6.2f dB, FLIP %.4f%5s", found->contenders[k].levels[l].psnr,
                   found->contenders[k].levels[l].flip, "");
        putchar('\n');
    }
}

// The ways to evaluate a package are 0 to 2 SMELT_BACKEND_COUNT - 1. Milliseconds; 0: not this way.
static double time_of_way(const struct contender *contender, int way, char name[32])
{
    bool deferred = way >= SMELT_BACKEND_COUNT;
    int backend = way % SMELT_BACKEND_COUNT;
    snprintf(name, 32, "%s%s", deferred ? "deferred " : "", smelt_backend_name((enum smelt_backend)backend));
    return (double)contender->times[deferred][backend] * 1e-6;
}

void compare_left_out(const struct comparison *found, char *text, size_t size)
{
    *text = 0;
    for (uint32_t i = 0; i < found->left_out_count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", i ? ", " : "", found->left_out[i]);
    }
}

void compare_text(const struct comparison *found)
{
    const struct maps *source = &found->source;
    char name[32], left_out[400];
    printf("source %s: %ux%u, %u maps, changes by %.5f from frame to frame when minified\n", source->path,
           source->width, source->height, source->count, found->source_flicker.change);
    compare_left_out(found, left_out, sizeof(left_out));
    if (*left_out)
        printf("not on both sides, and left out: %s\n", left_out);
    for (uint32_t k = 0; k < found->count; k++) {
        const struct contender *c = &found->contenders[k];
        printf("\n%s\n  %.2f bits per texel, %.2f MiB on the device, changes by %.5f, %.5f of it not as the "
               "source\n",
               c->label, c->bits_per_texel, (double)c->device_size / (1 << 20), c->flicker.change,
               c->flicker.error);
        printf("  PSNR %.2f dB, SSIM %.4f, FLIP %.4f", c->levels[0].psnr, c->levels[0].ssim,
               c->levels[0].flip);
        if (!isnan(c->levels[0].chroma))
            printf(", Oklab chroma error %.5f", c->levels[0].chroma);
        putchar('\n');
        for (int way = 0; way < 2 * SMELT_BACKEND_COUNT; way++)
            if (time_of_way(c, way, name) > 0)
                printf("  %s evaluates the finest mip in %.*f ms on %s\n", name,
                       time_of_way(c, way, name) < 100 ? 3 : 0, time_of_way(c, way, name), found->device);
    }
    for (uint32_t k = 0; k < found->count; k++)
        tell_maps(found, &found->contenders[k]);
    tell_mips(found);
    if (found->count > 1)
        tell_verdict(found, &found->contenders[0], &found->contenders[1]);
}

// --- JSON --------------------------------------------------------------------------------------------------

// Infinity, of equal pictures, as a word, which JSON has no number for; nothing for NaN.
static void add_number(cJSON *object, const char *key, double x)
{
    if (isinf(x))
        cJSON_AddStringToObject(object, key, "inf");
    else if (!isnan(x))
        cJSON_AddNumberToObject(object, key, x);
}

static cJSON *map_json(const struct map *map, const struct map_difference *d)
{
    cJSON *item = cJSON_CreateObject(), *psnr = cJSON_CreateArray(), *similar = cJSON_CreateArray();
    double squared = 0;
    for (uint32_t c = 0; c < map->components; c++) {
        double x = metric_psnr(d->squared[c]);
        squared += d->squared[c] / map->components;
        cJSON_AddItemToArray(psnr, isinf(x) ? cJSON_CreateString("inf") : cJSON_CreateNumber(x));
        cJSON_AddItemToArray(similar, cJSON_CreateNumber(d->ssim[c]));
    }
    add_number(item, "psnr", metric_psnr(squared));
    cJSON_AddItemToObject(item, "psnr_components", psnr);
    cJSON_AddItemToObject(item, "ssim_components", similar);
    add_number(item, "flip", d->flip);
    add_number(item, "chroma_error", d->chroma);
    add_number(item, "angle", d->angle);
    return item;
}

static cJSON *level_json(const struct comparison *found, const struct level_difference *level, uint32_t l)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddNumberToObject(item, "width", level_width(&found->source, l));
    cJSON_AddNumberToObject(item, "height", level_height(&found->source, l));
    add_number(item, "psnr", level->psnr);
    add_number(item, "ssim", level->ssim);
    add_number(item, "flip", level->flip);
    add_number(item, "chroma_error", level->chroma);
    cJSON *maps = cJSON_AddObjectToObject(item, "maps");
    for (uint32_t i = 0; i < found->source.count; i++)
        cJSON_AddItemToObject(maps, found->source.maps[i].name,
                              map_json(&found->source.maps[i], &level->maps[i]));
    return item;
}

static cJSON *contender_json(const struct comparison *found, const struct contender *contender)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", contender->label);
    cJSON_AddNumberToObject(item, "bits_per_texel", contender->bits_per_texel);
    cJSON_AddNumberToObject(item, "device_bytes", (double)contender->device_size);
    cJSON_AddNumberToObject(item, "temporal_change", contender->flicker.change);
    cJSON_AddNumberToObject(item, "temporal_error", contender->flicker.error);
    cJSON *times = cJSON_AddObjectToObject(item, "evaluate_ms");
    for (int way = 0; way < 2 * SMELT_BACKEND_COUNT; way++) {
        char name[32];
        double time = time_of_way(contender, way, name);
        if (time > 0)
            cJSON_AddNumberToObject(times, name, time);
    }
    cJSON *mips = cJSON_AddArrayToObject(item, "mips");
    for (uint32_t l = 0; l < found->source.level_count; l++)
        cJSON_AddItemToArray(mips, level_json(found, &contender->levels[l], l));
    return item;
}

cJSON *compare_json(const struct comparison *found)
{
    cJSON *json = cJSON_CreateObject(), *source = cJSON_AddObjectToObject(json, "source");
    cJSON_AddStringToObject(source, "name", found->source.path);
    cJSON_AddNumberToObject(source, "width", found->source.width);
    cJSON_AddNumberToObject(source, "height", found->source.height);
    cJSON_AddNumberToObject(source, "temporal_change", found->source_flicker.change);
    cJSON *maps = cJSON_AddArrayToObject(source, "maps");
    for (uint32_t i = 0; i < found->source.count; i++)
        cJSON_AddItemToArray(maps, cJSON_CreateString(found->source.maps[i].name));
    cJSON *left_out = cJSON_AddArrayToObject(json, "left_out");
    for (uint32_t i = 0; i < found->left_out_count; i++)
        cJSON_AddItemToArray(left_out, cJSON_CreateString(found->left_out[i]));
    if (*found->device)
        cJSON_AddStringToObject(json, "device", found->device);
    cJSON *contenders = cJSON_AddArrayToObject(json, "contenders");
    for (uint32_t k = 0; k < found->count; k++)
        cJSON_AddItemToArray(contenders, contender_json(found, &found->contenders[k]));
    return json;
}

// --- Pictures ----------------------------------------------------------------------------------------------

// The middle of a level.
struct crop {
    uint32_t x, y, width, height, stride;
};

static struct crop crop_of(const struct maps *maps, uint32_t level)
{
    uint32_t extent[2] = {level_width(maps, level), level_height(maps, level)}, first[2];
    struct crop crop = {.stride = extent[0]};
    uint32_t most = LARGEST_PICTURE >> level ? LARGEST_PICTURE >> level : 1;
    for (int d = 0; d < 2; d++) {
        uint32_t shown = extent[d] < most ? extent[d] : most;
        first[d] = (extent[d] - shown) / 2;
        extent[d] = shown;
    }
    crop.x = first[0];
    crop.y = first[1];
    crop.width = extent[0];
    crop.height = extent[1];
    return crop;
}

static uint8_t to_byte(double x)
{
    return (uint8_t)((x > 0 ? x < 1 ? x : 1 : 0) * 255 + 0.5);
}

// From black by violet and orange to pale yellow.
static void heat_colour(double x, uint8_t rgb[3])
{
    static const double ramp[5][3] = {
        {0, 0, 4}, {81, 18, 124}, {183, 55, 121}, {252, 137, 97}, {252, 253, 191}};
    double at = (x > 0 ? x < 1 ? x : 1 : 0) * 4;
    int i = at < 4 ? (int)at : 3;
    for (int c = 0; c < 3; c++)
        rgb[c] = (uint8_t)(ramp[i][c] + (at - i) * (ramp[i + 1][c] - ramp[i][c]) + 0.5);
}

static void add_url(cJSON *item, const char *key, const struct crop *crop, uint32_t components,
                    const uint8_t *bytes)
{
    char *url = page_png_url(bytes, crop->width, crop->height, components);
    if (url)
        cJSON_AddStringToObject(item, key, url);
    free(url);
}

static void add_picture(cJSON *item, const char *key, const struct image_view *picture,
                        const struct crop *crop, uint8_t *bytes)
{
    uint32_t components = picture->components < 3 ? 1 : 3;
    uint8_t *to = bytes;
    for (uint32_t y = crop->y; y < crop->y + crop->height; y++)
        for (uint32_t x = crop->x; x < crop->x + crop->width; x++)
            for (uint32_t c = 0; c < components; c++)
                *to++ = to_byte(picture->pixels[((size_t)y * crop->stride + x) * picture->components + c]);
    add_url(item, key, crop, components, bytes);
}

static void add_heat(cJSON *item, const float *map, const struct crop *crop, uint8_t *bytes)
{
    uint8_t *to = bytes;
    for (uint32_t y = crop->y; y < crop->y + crop->height; y++)
        for (uint32_t x = crop->x; x < crop->x + crop->width; x++, to += 3)
            heat_colour(map[(size_t)y * crop->stride + x], to);
    add_url(item, "heat", crop, 3, bytes);
}

// Of one map at one level: {source, others: [{picture, heat}]}. `flip` and `bytes` are for the work.
static cJSON *pictures_json(const struct comparison *found, uint32_t map, uint32_t level, float *flip,
                            uint8_t *bytes)
{
    const struct image_view source = map_level(&found->source, &found->source.maps[map], level);
    const struct crop crop = crop_of(&found->source, level);
    cJSON *item = cJSON_CreateObject();
    add_picture(item, "source", &source, &crop, bytes);
    cJSON *others = cJSON_AddArrayToObject(item, "others");
    for (uint32_t k = 0; k < found->count; k++) {
        const struct contender *contender = &found->contenders[k];
        const struct map *other = maps_find(&contender->maps, found->source.maps[map].name);
        const struct image_view picture = map_level(&contender->maps, other, level);
        cJSON *pair = cJSON_CreateObject();
        cJSON_AddItemToArray(others, pair);
        add_picture(pair, "picture", &picture, &crop, bytes);
        metric_flip(&source, &picture, flip);
        add_heat(pair, flip, &crop, bytes);
    }
    return item;
}

static cJSON *page_json(const struct comparison *found, float *flip, uint8_t *bytes)
{
    cJSON *json = compare_json(found), *pictures = cJSON_AddObjectToObject(json, "pictures");
    for (uint32_t i = 0; i < found->source.count; i++) {
        cJSON *levels = cJSON_AddArrayToObject(pictures, found->source.maps[i].name);
        for (uint32_t l = 0; l < found->source.level_count; l++)
            cJSON_AddItemToArray(levels, pictures_json(found, i, l, flip, bytes));
    }
    return json;
}

// A path without its folders.
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

int compare_page(const struct comparison *found, const char *path)
{
    struct page page = {0};
    size_t texels = (size_t)found->source.width * found->source.height;
    float *flip = malloc(texels * sizeof(*flip));
    uint8_t *bytes = malloc((size_t)LARGEST_PICTURE * LARGEST_PICTURE * 3);
    char title[512];
    snprintf(title, sizeof(title), "%.200s, of %.200s", last_part(found->contenders[0].label),
             last_part(found->source.path));
    int status = flip && bytes ? page_begin(&page, path, title, "compare.css") : tool_fail("no memory");
    if (!status) {
        page_add(
            &page,
            "<label>map <select id=\"map\"></select></label>"
            "<label>mip <select id=\"mip\"></select></label>"
            "<label>against <select id=\"other\"></select></label>"
            "<label><input type=\"checkbox\" id=\"heat\"> FLIP</label>"
            "<label>zoom <select id=\"zoom\"></select></label>"
            "<span id=\"told\" class=\"facts\"></span></header>\n"
            "<main><div id=\"view\"><img id=\"left\" alt=\"the source\"><img id=\"right\" alt=\"the other\">"
            "<div id=\"line\"></div><span>source</span><span id=\"name\"></span></div>"
            "<input type=\"range\" id=\"slider\" min=\"0\" max=\"1000\" value=\"500\" aria-label=\"where the "
            "pictures meet\"></main>\n<section id=\"numbers\"></section>\n");
        cJSON *json = page_json(found, flip, bytes);
        status = page_end(&page, json, "compare.js");
        cJSON_Delete(json);
    }
    free(flip);
    free(bytes);
    return status;
}
