// SPDX-License-Identifier: MIT
// smelt material compare: a material, or any images, against a source, with BC7 of the source beside it.
#include "material_compare.h"

#include "bc7.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: smelt material compare A B [-o REPORT.html] [OPTIONS]\n"
    "\n"
    "Tells how B differs from the source A: PSNR, SSIM, FLIP, the error of hue, at every mip, with bits per "
    "texel,\n"
    "memory, the time to evaluate it and how much it flickers when minified. Each is a folder of maps, a "
    "material\n"
    "package, or an image. Beside a package stand BC7 textures of A: at half resolution, and at full.\n"
    "\n"
    "  -o, --output REPORT.html  a page with the pictures side by side and where they differ\n"
    "      --json                all numbers as JSON instead of text\n"
    "      --no-bc7              without BC7\n"
    "      --device D            the device, as in smelt devices (default: SMELT_DEVICE, else the best)\n"
    "      --backend B           that evaluates packages: portable or coopvec; default: the best\n"
    "      --precision P         of their arithmetic, f32 or f16; default: f32 on a CPU, else f16 where "
    "possible\n"
    "      --help\n";

// Of the turntable: frames whose centres stand on a circle of one pixel, at two scales in texels of the source per pixel.
enum { FRAMES = 8, FRAME_EXTENT = 64 };
static const float MINIFICATIONS[] = {1.7f, 4.6f};

struct request {
    const char *a, *b, *output;
    struct material_choice choice;
    bool json, no_bc7;
};

// --- Differences ------------------------------------------------------------------------------------------------------------

static struct map_difference compare_maps(const struct map *map, const struct image_view *a,
                                          const struct image_view *b)
{
    struct map_difference d = {.chroma = NAN, .angle = NAN, .flip = metric_flip(a, b, NULL)};
    for (uint32_t c = 0; c < a->components; c++) {
        d.squared[c] = metric_squared_error(a, b, c);
        d.ssim[c] = metric_ssim(a, b, c);
    }
    if (map->colour)
        d.chroma = metric_chroma_error(a, b);
    if (map->semantic == SMELT_SEMANTIC_NORMAL)
        d.angle = metric_angle(a, b);
    return d;
}

static void sum_up(const struct maps *source, struct level_difference *level)
{
    double squared = 0, ssim = 0, flip = 0, chroma = 0;
    uint32_t components = 0, maps = 0, colours = 0;
    for (uint32_t i = 0; i < source->count; i++) {
        const struct map_difference *d = &level->maps[i];
        for (uint32_t c = 0; c < source->maps[i].components; c++, components++) {
            squared += d->squared[c];
            ssim += d->ssim[c];
        }
        flip += d->flip;
        maps++;
        if (!isnan(d->chroma)) {
            chroma += d->chroma;
            colours++;
        }
    }
    level->psnr = metric_psnr(squared / components);
    level->ssim = ssim / components;
    level->flip = flip / maps;
    level->chroma = colours ? chroma / colours : NAN;
}

static int compare_contender(const struct maps *source, struct contender *contender)
{
    for (uint32_t l = 0; l < source->level_count; l++) {
        struct level_difference *level = &contender->levels[l];
        for (uint32_t i = 0; i < source->count; i++) {
            const struct map *map = &source->maps[i];
            tool_progress("%s: comparing level %u of %u, %s", contender->label, l + 1, source->level_count,
                          map->name);
            const struct image_view a = map_level(source, map, l),
                                    b = map_level(&contender->maps, maps_find(&contender->maps, map->name),
                                                  l);
            level->maps[i] = compare_maps(map, &a, &b);
            if (isnan(level->maps[i].flip) || isnan(level->maps[i].ssim[0]))
                return tool_fail("out of memory to compare %ux%u texels", source->width, source->height);
        }
        sum_up(source, level);
    }
    return TOOL_OK;
}

// Adds the names of maps that `other` has not, each once.
static void name_missing(struct comparison *found, const struct maps *maps, const struct maps *other)
{
    for (uint32_t i = 0; i < maps->count; i++) {
        const struct map *map = &maps->maps[i], *same = maps_find(other, map->name);
        bool named = same && same->components == map->components;
        for (uint32_t k = 0; k < found->left_out_count; k++)
            named |= !strcmp(found->left_out[k], map->name);
        if (!named)
            memcpy(found->left_out[found->left_out_count++], map->name, sizeof(map->name));
    }
}

// Leaves the maps that both sides have.
static int keep_common(struct comparison *found, struct maps *other)
{
    struct maps *source = &found->source;
    name_missing(found, source, other);
    name_missing(found, other, source);
    maps_keep_common(source, other);
    maps_keep_common(other, source);
    maps_convert(other, source);
    if (source->count)
        return TOOL_OK;
    char names[400];
    compare_left_out(found, names, sizeof(names));
    return tool_fail("%s and %s have no map in common: there are %s", source->path, other->path, names);
}

// --- Flicker ------------------------------------------------------------------------------------------------------------------

static struct material_grid frame_grid(const struct maps *source, float minification, uint32_t frame)
{
    double angle = 2 * acos(-1) * frame / FRAMES;
    float step[2] = {minification / (float)source->width, minification / (float)source->height};
    return (struct material_grid){.width = FRAME_EXTENT,
                                  .height = FRAME_EXTENT,
                                  .origin = {(float)cos(angle) * step[0], (float)sin(angle) * step[1]},
                                  .step = {step[0], step[1]},
                                  .lod = log2f(minification)};
}

// One frame of one map into [FRAME_EXTENT]^2[components]: by lookups, or from what a package gave for the whole frame.
static void take_frame(const struct maps *maps, const struct map *map, const struct material_grid *grid,
                       const struct material_decoder *decoder, const float *outputs, float *frame)
{
    if (!outputs) {
        map_sample(maps, map, grid, frame);
        return;
    }
    for (uint32_t c = 0; c < decoder->info->channel_count; c++) {
        const struct map own = map_of_channel(&decoder->info->channels[c]);
        if (strcmp(own.name, map->name) != 0)
            continue;
        channel_values(&decoder->info->channels[c], outputs, FRAME_EXTENT * FRAME_EXTENT,
                       decoder->info->output_count, frame);
        map_convert(&own, map, frame, FRAME_EXTENT * FRAME_EXTENT);
    }
}

static int evaluate_frame(struct material_decoder *decoder, struct material_grid grid,
                          const struct maps *source, float *outputs)
{
    grid.lod += log2f((float)decoder->info->latent_width / (float)source->width);
    return material_decoder_run(decoder, &grid, outputs, NULL);
}

// From one frame to the next, over the maps of the source. `decoder`: evaluates `maps`, or NULL for lookups.
static int measure_flicker(const struct maps *source, const struct maps *maps,
                           struct material_decoder *decoder, struct flicker *flicker)
{
    enum { POINTS = FRAME_EXTENT * FRAME_EXTENT };
    size_t size = (size_t)MAPS_MAX * POINTS * 4;
    float *frames = calloc(4 * size, sizeof(*frames)); // of two times: this side's and the source's
    float *outputs = decoder ? malloc((size_t)POINTS * decoder->info->output_count * sizeof(*outputs)) : NULL;
    int status = frames && (outputs || !decoder) ? TOOL_OK : tool_fail("out of memory for frames");
    double change = 0, error = 0, count = 0;
    for (uint32_t k = 0; k < 2 * (FRAMES + 1) && !status; k++) {
        uint32_t f = k % (FRAMES + 1);
        const struct material_grid grid = frame_grid(source, MINIFICATIONS[k / (FRAMES + 1)], f);
        if (decoder)
            status = evaluate_frame(decoder, grid, source, outputs);
        for (uint32_t i = 0; i < source->count && !status; i++) {
            const struct map *map = maps_find(maps, source->maps[i].name);
            float *now = frames + (f & 1) * size + (size_t)i * POINTS * 4,
                  *before = frames + (~f & 1) * size + (size_t)i * POINTS * 4;
            take_frame(maps, map, &grid, decoder, outputs, now);
            map_sample(source, &source->maps[i], &grid, now + 2 * size);
            for (size_t e = 0; f && e < (size_t)POINTS * map->components; e++, count++) {
                double own = (double)now[e] - before[e];
                change += fabs(own);
                error += fabs(own - ((double)now[2 * size + e] - before[2 * size + e]));
            }
        }
    }
    free(frames);
    free(outputs);
    *flicker = (struct flicker){count > 0 ? change / count : 0, count > 0 ? error / count : 0};
    return status;
}

// --- BC7 ---------------------------------------------------------------------------------------------------

// Three components of one texture: of one map or of several.
struct texture {
    struct {
        uint32_t map, component;
    } planes[3];
    uint32_t count;
};

// Maps of three components get a texture each; the others share, three to a texture.
static uint32_t pack_textures(const struct maps *source, struct texture textures[2 * MAPS_MAX])
{
    struct texture shared = {.count = 0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < source->count; i++)
        for (uint32_t c = 0; c < source->maps[i].components; c++) {
            struct texture *to = source->maps[i].components >= 3 && c < 3 ? &textures[count] : &shared;
            if (!c && to != &shared)
                to->count = 0;
            to->planes[to->count].map = i;
            to->planes[to->count++].component = c;
            if (to->count == 3) {
                if (to == &shared) {
                    textures[count] = shared;
                    shared.count = 0;
                }
                count++;
            }
        }
    if (shared.count)
        textures[count++] = shared;
    return count;
}

// Encodes and decodes one texture at one level; `work` has room for the texels as RGBA8 and for the blocks.
static bool pass_through_bc7(smelt_context context, const struct maps *source, const struct texture *texture,
                             uint32_t level, uint8_t *work, struct maps *decoded)
{
    uint32_t w = level_width(source, level), h = level_height(source, level);
    uint8_t *rgba = work, *blocks = work + (size_t)w * h * 4;
    for (size_t i = 0; i < (size_t)w * h; i++) {
        rgba[4 * i + 3] = 255;
        for (uint32_t p = 0; p < 3; p++) {
            uint32_t k = p < texture->count ? p : texture->count - 1;
            const struct map *map = &source->maps[texture->planes[k].map];
            float x = map->levels[level][i * map->components + texture->planes[k].component];
            rgba[4 * i + p] = (uint8_t)((x > 0 ? x < 1 ? x : 1 : 0) * 255 + 0.5f);
        }
    }
    if (bc7_encode(context, rgba, w, h, blocks))
        return false;
    bc7_decode(blocks, w, h, rgba);
    for (uint32_t p = 0; p < texture->count; p++) {
        const struct map *map = &decoded->maps[texture->planes[p].map];
        for (size_t i = 0; i < (size_t)w * h; i++)
            map->levels[level][i * map->components + texture->planes[p].component] =
                (float)rgba[4 * i + p] / 255;
    }
    return true;
}

// BC7 textures of the source whose finest level is `first` (0 or 1).
static int make_bc7(smelt_context context, const struct maps *source, uint32_t first,
                    struct contender *contender)
{
    struct texture textures[2 * MAPS_MAX];
    uint32_t count = pack_textures(source, textures);
    uint8_t *work =
        malloc((size_t)source->width * source->height * 4 + bc7_size(source->width, source->height));
    contender->label = first ? "BC7, half resolution" : "BC7, full resolution";
    int status = maps_like(source, &contender->maps);
    contender->maps.path = contender->label;
    if (!work && !status)
        status = tool_fail("out of memory for %ux%u texels", source->width, source->height);
    for (uint32_t l = first; l < source->level_count && !status; l++) {
        contender->device_size += (uint64_t)count * bc7_size(level_width(source, l), level_height(source, l));
        tool_progress("%s: level %u of %u", contender->label, l + 1, source->level_count);
        for (uint32_t t = 0; t < count && !status; t++)
            if (!pass_through_bc7(context, source, &textures[t], l, work, &contender->maps))
                status = tool_fail_smelt();
    }
    free(work);
    for (uint32_t i = 0; i < source->count && !status; i++)
        for (uint32_t l = first; l < source->level_count; l++)
            map_make_unit(&source->maps[i], contender->maps.maps[i].levels[l],
                          (size_t)level_width(source, l) * level_height(source, l));
    for (uint32_t i = 0; first && i < source->count && !status; i++)
        map_upsample(&contender->maps, &contender->maps.maps[i]);
    contender->bits_per_texel = (double)contender->device_size * 8 / ((double)source->width * source->height);
    return status;
}

// --- The two sides -----------------------------------------------------------------------------------------

enum { SLOW = 500 * 1000 * 1000 }; // ns: so long that one run says enough

// The shortest of three evaluations of the finest level, unless they are slow; what the device cannot do stays 0.
static void time_way(const struct request *request, const struct maps *source,
                     const struct material_choice *choice, uint64_t *best)
{
    struct material_decoder decoder = {0};
    float *outputs = NULL;
    if (!material_decoder_try(&decoder, request->b, choice))
        outputs = malloc((size_t)source->width * source->height * decoder.info->output_count * sizeof(float));
    for (int run = 0; run < 3 && outputs; run++) {
        const struct material_grid grid = material_grid_of_level(&decoder, source->width, source->height, 0);
        uint64_t time = 0;
        if (!material_decoder_run(&decoder, &grid, outputs, &time) && (!*best || time < *best))
            *best = time;
        if (run > 0 && time > SLOW) // a first run may have compiled
            break;
    }
    free(outputs);
    material_decoder_close(&decoder);
}

// Evaluates a package in every way that the device can, for the times.
static void time_backends(const struct request *request, const struct maps *source,
                          uint64_t times[2][SMELT_BACKEND_COUNT])
{
    for (int deferred = 0; deferred < 2; deferred++)
        for (int b = SMELT_BACKEND_AUTO + 1; b < SMELT_BACKEND_COUNT; b++) {
            struct material_choice choice = request->choice;
            choice.backend = (enum smelt_backend)b;
            choice.deferred = deferred;
            if (times[deferred][b] <= SLOW)
                time_way(request, source, &choice, &times[deferred][b]);
        }
}

static int add_package(const struct request *request, struct comparison *found)
{
    struct material_decoder decoder = {0};
    struct contender *package = &found->contenders[found->count++];
    const struct maps *source = &found->source;
    int status = material_decoder_open(&decoder, request->b, &request->choice);
    if (!status) {
        snprintf(found->device, sizeof(found->device), "%s",
                 smelt_context_capabilities(decoder.context)->device_name);
        status = maps_evaluate(&decoder, request->b, source->width, source->height, &package->maps,
                               &package->times[0][decoder.info->mlp.backend]);
    }
    if (!status) {
        package->label = request->b;
        package->device_size = package->maps.device_size;
        double own_texels = (double)decoder.info->source_width * decoder.info->source_height;
        double bits =
            own_texels > 0 ? decoder.info->bits_per_texel * own_texels : (double)package->maps.file_size * 8;
        package->bits_per_texel = bits / ((double)source->width * source->height);
        status = keep_common(found, &package->maps);
    }
    if (!status)
        status = measure_flicker(source, source, NULL, &found->source_flicker);
    if (!status)
        status = measure_flicker(source, &package->maps, &decoder, &package->flicker);
    for (uint32_t first = 1; first != UINT32_MAX && !request->no_bc7 && !status; first--) {
        if (first >= source->level_count)
            continue; // a single texel has no half
        struct contender *bc7 = &found->contenders[found->count++];
        status = make_bc7(decoder.context, source, first, bc7);
        if (!status)
            status = measure_flicker(source, &bc7->maps, NULL, &bc7->flicker);
    }
    material_decoder_close(&decoder);
    if (!status)
        time_backends(request, source, package->times);
    return status;
}

static int add_images(const struct request *request, struct comparison *found)
{
    struct contender *images = &found->contenders[found->count++];
    const struct maps *source = &found->source;
    images->label = request->b;
    int status = maps_read(request->b, source->kind != MAPS_IMAGE, &images->maps);
    if (status)
        return status;
    if (images->maps.width != source->width || images->maps.height != source->height)
        return tool_fail("%s is %ux%u, but %s is %ux%u: images of one size are compared", request->b,
                         images->maps.width, images->maps.height, request->a, source->width, source->height);
    images->device_size = images->maps.device_size;
    images->bits_per_texel = (double)images->maps.file_size * 8 / ((double)source->width * source->height);
    status = keep_common(found, &images->maps);
    if (!status)
        status = measure_flicker(source, source, NULL, &found->source_flicker);
    return status ? status : measure_flicker(source, &images->maps, NULL, &images->flicker);
}

// A package as the source: at the size that it was made from, or that of the images on the other side.
static int evaluate_source(const struct request *request, enum maps_kind other, struct maps *source)
{
    struct material_decoder decoder = {0};
    struct maps images = {0};
    int status = material_decoder_open(&decoder, request->a, &request->choice);
    if (!status && other != MAPS_PACKAGE)
        status = maps_read(request->b, true, &images);
    if (!status) {
        uint32_t width = other == MAPS_PACKAGE ? decoder.info->source_width : images.width;
        uint32_t height = other == MAPS_PACKAGE ? decoder.info->source_height : images.height;
        status = width && height ? maps_evaluate(&decoder, request->a, width, height, source, NULL)
                                 : tool_fail("%s does not say how large its source was", request->a);
    }
    maps_release(&images);
    material_decoder_close(&decoder);
    return status;
}

static int compare(const struct request *request, struct comparison *found)
{
    enum maps_kind a, b;
    int status = maps_kind_of(request->a, &a);
    if (!status)
        status = maps_kind_of(request->b, &b);
    if (!status)
        status = a == MAPS_PACKAGE ? evaluate_source(request, b, &found->source)
                                   : maps_read(request->a, b != MAPS_IMAGE, &found->source);
    if (!status)
        status = b == MAPS_PACKAGE ? add_package(request, found) : add_images(request, found);
    for (uint32_t i = 0; i < found->count && !status; i++)
        status = compare_contender(&found->source, &found->contenders[i]);
    return status;
}

// --- The command -------------------------------------------------------------------------------------------

static int parse_option(void *command, int option)
{
    struct request *request = command;
    switch (option) {
    case 'o':
        request->output = optarg;
        return TOOL_OK;
    case 'j':
        request->json = true;
        return TOOL_OK;
    case 'n':
        request->no_bc7 = true;
        return TOOL_OK;
    default:
        return material_option(&request->choice, option, optarg);
    }
}

static int parse(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'}, {"json", no_argument, NULL, 'j'},
        {"no-bc7", no_argument, NULL, 'n'},       MATERIAL_OPTIONS,
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int status = tool_parse(argc, argv, "o:h", options, help, parse_option, request);
    if (status)
        return status;
    if (optind + 2 != argc)
        return tool_usage_error("wanted a source and what to compare with it, got %d names", argc - optind);
    request->a = argv[optind];
    request->b = argv[optind + 1];
    return TOOL_OK;
}

int material_compare(int argc, char **argv)
{
    struct request request = {0};
    int status = parse(argc, argv, &request);
    if (status)
        return status;
    if (request.output && !(status = tool_check_apart(request.output, request.a)) &&
        !(status = tool_check_apart(request.output, request.b)))
        status = tool_check_output(request.output);
    if (status)
        return status;
    struct comparison *found = calloc(1, sizeof(*found));
    status = found ? compare(&request, found) : tool_fail("no memory");
    tool_progress_end();
    if (!status && request.output)
        status = compare_page(found, request.output);
    if (!status && request.json)
        tool_print_json(compare_json(found));
    else if (!status)
        compare_text(found);
    if (!status && request.output && !request.json)
        printf("\n%s: the same with the pictures side by side\n", request.output);
    if (found) {
        maps_release(&found->source);
        for (uint32_t i = 0; i < found->count; i++)
            maps_release(&found->contenders[i].maps);
    }
    free(found);
    return status;
}
