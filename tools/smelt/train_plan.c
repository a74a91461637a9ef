// SPDX-License-Identifier: MIT
// From bits per texel to latents and a network, and from a trainer's state to a package.
#include "train_plan.h"

#include "image_resample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAD = 16, HIDDEN = 64, LODS = 4, GRIDS = 2, MAX_PARTS = 128 };

// Textures of four 4-bit channels. The finer one is fetched four times, so that the network finds its texels apart from each
// other; of maps that are smaller than its second mip, the coarser ones hold enough.
static const struct {
    uint32_t textures, taps, mips;
} grids[GRIDS] = {{1, 4, 2}, {2, 1, SMELT_TRAINER_MAX_LEVELS}};

static uint64_t chain_texels(uint32_t width, uint32_t height, uint32_t mips)
{
    uint64_t texels = 0;
    for (uint32_t m = 0; m < mips; m++)
        texels += (uint64_t)image_level_extent(width, m) * image_level_extent(height, m);
    return texels;
}

static uint32_t mips_of(uint32_t width, uint32_t height)
{
    uint32_t mips = 1;
    while ((width > height ? width : height) >> mips)
        mips++;
    return mips;
}

static uint64_t latent_size(const struct smelt_trainer_params *p)
{
    uint64_t size = 0;
    for (uint32_t g = 0; g < p->grid_count; g++)
        size += chain_texels(p->grids[g].width, p->grids[g].height, p->grids[g].mips) * p->grids[g].textures *
                p->grids[g].bits / 2;
    return size;
}

static uint64_t network_size(const struct train_plan *plan)
{
    const struct smelt_trainer_params *p = &plan->params;
    uint64_t size = 0;
    for (uint32_t i = 0; i < p->layer_count; i++)
        size += (uint64_t)p->widths[i] * p->widths[i + 1] * (plan->weights == SMELT_DTYPE_F16 ? 2 : 1) +
                p->widths[i + 1] * (plan->weights == SMELT_DTYPE_F16 ? 2 : 6);
    return size;
}

// The coarser grid at 1 / (2 scale) of the maps, the finer one at twice its extent.
static void set_grids(struct smelt_trainer_params *p, const struct train_maps *maps, double scale)
{
    uint32_t width = (uint32_t)(0.5 * maps->width / scale + 0.5),
             height = (uint32_t)(0.5 * maps->height / scale + 0.5);
    for (uint32_t g = 0; g < GRIDS; g++) {
        struct smelt_trainer_grid *grid = &p->grids[g];
        *grid = (struct smelt_trainer_grid){.width = (width ? width : 1) * (GRIDS - g),
                                            .height = (height ? height : 1) * (GRIDS - g),
                                            .textures = grids[g].textures,
                                            .bits = 4,
                                            .taps = grids[g].taps};
        uint32_t mips = mips_of(grid->width, grid->height);
        grid->mips = mips < grids[g].mips ? mips : grids[g].mips;
    }
    p->grid_count = GRIDS;
    // Waves of two texels of the finer grid: where between its texels a place is.
    p->encodings[1] = (struct smelt_trainer_encoding){
        .feature = SMELT_TRAINER_FREQUENCY, .count = 1, .scale = (float)(width ? width : 1)};
}

static void set_network(struct smelt_trainer_params *p, const struct train_maps *maps, uint32_t hidden)
{
    uint32_t inputs = 4 + LODS;
    for (uint32_t g = 0; g < GRIDS; g++)
        inputs += 4 * grids[g].textures * grids[g].taps;
    p->encodings[0] = (struct smelt_trainer_encoding){.feature = SMELT_TRAINER_LATENTS};
    // The finest mips share latents: each has an input that parts it from the next.
    for (uint32_t i = 0; i < LODS; i++) {
        uint32_t most = i + 1 < LODS || maps->levels <= LODS ? i + 1 : maps->levels - 1;
        p->encodings[2 + i] = (struct smelt_trainer_encoding){
            .feature = SMELT_TRAINER_LOD, .count = 1, .scale = 1 / (float)most};
    }
    uint32_t padding = (PAD - inputs % PAD) % PAD;
    p->encodings[2 + LODS] =
        (struct smelt_trainer_encoding){.feature = SMELT_TRAINER_PADDING, .count = padding};
    p->encoding_count = padding ? 3 + LODS : 2 + LODS;
    p->layer_count = 3;
    p->widths[0] = inputs + padding;
    p->widths[1] = p->widths[2] = hidden;
    p->widths[3] = maps->outputs;
    p->activations[0] = p->activations[1] = SMELT_ACTIVATION_GELU;
    p->activations[2] = SMELT_ACTIVATION_NONE;
}

// Of the samples. The finest mip and the next share all latents: with a quarter of the samples from level to level the second one
// would be worse than BC7 of as many bytes.
static void set_shares(struct smelt_trainer_params *p)
{
    const float finest = 0.6F, even = 0.1F;
    float all = 0;
    for (uint32_t i = 1; i < p->levels; i++)
        all += ldexpf(1, -2 * (int)i);
    p->level_share[0] = finest;
    for (uint32_t i = 1; i < p->levels; i++)
        p->level_share[i] =
            (1 - finest) * ((1 - even) * ldexpf(1, -2 * (int)i) / all + even / (float)(p->levels - 1));
}

int train_plan_make(struct train_plan *plan, const struct train_maps *maps, double bits_per_texel,
                    enum smelt_dtype weights)
{
    struct smelt_trainer_params *p = &plan->params;
    double texels = (double)maps->width * maps->height, budget = bits_per_texel * texels / 8;
    *plan = (struct train_plan){.weights = weights};
    *p = (struct smelt_trainer_params){.source_width = maps->width,
                                       .source_height = maps->height,
                                       .levels = maps->levels,
                                       .clamp = maps->clamp,
                                       .fractional = 0.1F,
                                       .remap_scale = 2,
                                       .remap_bias = -1};
    set_shares(p);
    // Small maps: a smaller network, which leaves at least half to the latents.
    uint32_t hidden = HIDDEN;
    for (set_network(p, maps, hidden); hidden > 16 && (double)network_size(plan) > budget / 2; hidden /= 2)
        set_network(p, maps, hidden / 2);
    double left = budget - (double)network_size(plan);
    set_grids(p, maps, maps->width + maps->height);
    if (left < (double)latent_size(p))
        return tool_usage_error(
            "%.2f bits for each of %ux%u texels do not hold the network, which takes %.2f; wanted more "
            "bits, or larger maps",
            bits_per_texel, maps->width, maps->height, 8 * (double)network_size(plan) / texels);
    double low = 1, high = maps->width + maps->height; // the latents are never finer than the maps
    for (int i = 0; i < 48; i++) {
        double middle = 0.5 * (low + high);
        set_grids(p, maps, middle);
        if ((double)latent_size(p) > left)
            low = middle;
        else
            high = middle;
    }
    // Texels of the maps that lie alike in those of the latents are learnt together.
    double whole = exp2(ceil(log2(high)));
    set_grids(p, maps, whole < 1.05 * high ? whole : high);
    plan->size = latent_size(p) + network_size(plan);
    plan->bits_per_texel = 8 * (double)plan->size / texels;
    return TOOL_OK;
}

// --- The package ------------------------------------------------------------------------------------------

struct package {
    struct smelt_package_tensor parts[MAX_PARTS];
    char names[MAX_PARTS][32];
    uint32_t count;
    bool failed;
};

// A tensor of the package to be filled; NULL when there is no memory.
static void *add_part(struct package *p, enum smelt_dtype dtype, const char *name, uint32_t rank,
                      const uint64_t *shape)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= shape[i];
    void *data = p->count < MAX_PARTS ? malloc(count * smelt_dtype_bits(dtype) / 8) : NULL;
    if (!data) {
        p->failed = true;
        return NULL;
    }
    struct smelt_package_tensor *part = &p->parts[p->count];
    snprintf(p->names[p->count], sizeof(p->names[0]), "%s", name);
    *part = (struct smelt_package_tensor){.name = p->names[p->count],
                                          .dtype = dtype,
                                          .rank = rank,
                                          .data = data,
                                          .size = count * smelt_dtype_bits(dtype) / 8};
    memcpy(part->shape, shape, rank * sizeof(*shape));
    p->count++;
    return data;
}

static float *read_master(smelt_trainer trainer, enum smelt_trainer_part part, uint32_t index, uint32_t mip,
                          uint64_t count)
{
    float *values = malloc(count * sizeof(*values));
    smelt_tensor tensor = smelt_trainer_tensor(trainer, part, index, mip);
    if (values && tensor && !smelt_tensor_read_and_wait(tensor, NULL, values, count * sizeof(*values)))
        return values;
    free(values);
    return NULL;
}

static void round_row(const float *row, uint32_t columns, enum smelt_dtype dtype, uint8_t *out, float *scale)
{
    float most = 0;
    for (uint32_t i = 0; i < columns; i++)
        most = fmaxf(most, fabsf(row[i]));
    *scale = dtype == SMELT_DTYPE_I8 && most > 0 ? most / 127 : 1;
    for (uint32_t i = 0; i < columns; i++)
        out[i] = dtype == SMELT_DTYPE_I8 ? (uint8_t)(int8_t)lrintf(row[i] / *scale)
                                         : smelt_f8e4m3_from_f32(row[i]);
}

static bool add_layer(struct package *p, const struct train_plan *plan, smelt_trainer trainer, uint32_t layer,
                      enum smelt_dtype dtype)
{
    uint32_t columns = plan->params.widths[layer], rows = plan->params.widths[layer + 1];
    const uint64_t shape[] = {rows, columns};
    bool quantised = dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_F8E4M3;
    char name[32];
    float *weight = read_master(trainer, SMELT_TRAINER_WEIGHT, layer, 0, (uint64_t)rows * columns);
    float *bias = read_master(trainer, SMELT_TRAINER_BIAS, layer, 0, rows);
    snprintf(name, sizeof(name), "layer%u.weight", layer);
    uint8_t *w = add_part(p, dtype, name, 2, shape);
    snprintf(name, sizeof(name), "layer%u.scale", layer);
    float *s = quantised ? add_part(p, SMELT_DTYPE_F32, name, 1, shape) : NULL;
    snprintf(name, sizeof(name), "layer%u.bias", layer);
    enum smelt_dtype bias_dtype = quantised ? SMELT_DTYPE_F16 : dtype;
    void *b = add_part(p, bias_dtype, name, 1, shape);
    bool read = weight && bias && !p->failed;
    for (uint32_t i = 0; i < rows && read && quantised; i++)
        round_row(weight + (size_t)i * columns, columns, dtype, w + (size_t)i * columns, &s[i]);
    if (read && !quantised)
        read = !smelt_dtype_convert(dtype, w, SMELT_DTYPE_F32, weight, (uint64_t)rows * columns);
    if (read)
        read = !smelt_dtype_convert(bias_dtype, b, SMELT_DTYPE_F32, bias, rows);
    free(weight);
    free(bias);
    return read;
}

// One texture of a grid's mip: 4 of each texel's channels, as bytes or as B4G4R4A4.
static void round_texture(const float *values, uint64_t texels, uint32_t channels, uint32_t first,
                          uint32_t bits, uint8_t *out)
{
    for (uint64_t t = 0; t < texels; t++) {
        uint32_t q[4];
        for (uint32_t c = 0; c < 4; c++) {
            float v = values[t * channels + first + c], most = bits == 4 ? 15 : 255;
            q[c] = (uint32_t)lrintf((v > 0 ? v < 1 ? v : 1 : 0) * most);
        }
        for (uint32_t c = 0; c < 4 && bits == 8; c++)
            out[4 * t + c] = (uint8_t)q[c];
        if (bits == 4) {
            out[2 * t] = (uint8_t)(q[0] << 4 | q[3]);
            out[2 * t + 1] = (uint8_t)(q[2] << 4 | q[1]);
        }
    }
}

static bool add_latents(struct package *p, const struct train_plan *plan, smelt_trainer trainer,
                        uint32_t bits)
{
    const struct smelt_trainer_params *params = &plan->params;
    for (uint32_t m = SMELT_TRAINER_MAX_LEVELS; m-- > 0;) {
        uint32_t texture = 0;
        for (uint32_t g = 0; g < params->grid_count; texture += params->grids[g++].textures) {
            const struct smelt_trainer_grid *grid = &params->grids[g];
            if (m >= grid->mips)
                continue;
            const uint64_t shape[] = {image_level_extent(grid->height, m), image_level_extent(grid->width, m),
                                      bits / 2};
            uint64_t texels = shape[0] * shape[1];
            uint32_t channels = 4 * grid->textures;
            float *values = read_master(trainer, SMELT_TRAINER_LATENT_IMAGE, g, m, texels * channels);
            for (uint32_t t = 0; t < grid->textures && values; t++) {
                char name[32];
                snprintf(name, sizeof(name), "latent%u.mip%u", texture + t, m);
                uint8_t *out = add_part(p, SMELT_DTYPE_U8, name, 3, shape);
                if (out)
                    round_texture(values, texels, channels, 4 * t, bits, out);
            }
            free(values);
            if (!values || p->failed)
                return false;
        }
    }
    return true;
}

static cJSON *describe_latents(const struct train_maps *maps, const struct smelt_trainer_params *p,
                               uint32_t bits)
{
    cJSON *latents = cJSON_CreateObject();
    const double remap[] = {(double)p->remap_scale, (double)p->remap_bias};
    cJSON_AddStringToObject(latents, "format", bits == 4 ? "bgra4_unorm" : "rgba8_unorm");
    cJSON_AddNumberToObject(latents, "width", maps->width);
    cJSON_AddNumberToObject(latents, "height", maps->height);
    cJSON_AddStringToObject(latents, "filter", "linear");
    cJSON_AddStringToObject(latents, "address", maps->clamp ? "clamp" : "repeat");
    cJSON_AddItemToObject(latents, "remap", cJSON_CreateDoubleArray(remap, 2));
    cJSON *list = cJSON_AddArrayToObject(latents, "textures");
    uint32_t texture = 0;
    for (uint32_t g = 0; g < p->grid_count; g++)
        for (uint32_t t = 0; t < p->grids[g].textures; t++, texture++) {
            cJSON *item = cJSON_CreateObject();
            cJSON_AddNumberToObject(item, "width", p->grids[g].width);
            cJSON_AddNumberToObject(item, "height", p->grids[g].height);
            if (p->grids[g].taps > 1)
                cJSON_AddNumberToObject(item, "taps", p->grids[g].taps);
            cJSON *mips = cJSON_AddArrayToObject(item, "mips");
            for (uint32_t m = p->grids[g].mips; m-- > 0;) {
                char name[32];
                snprintf(name, sizeof(name), "latent%u.mip%u", texture, m);
                cJSON_AddItemToArray(mips, cJSON_CreateString(name));
            }
            cJSON_AddItemToArray(list, item);
        }
    return latents;
}

static cJSON *describe_encodings(const struct smelt_trainer_params *p)
{
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < p->encoding_count; i++) {
        const struct smelt_trainer_encoding *e = &p->encodings[i];
        cJSON *item = cJSON_CreateObject();
        static const char *const types[] = {[SMELT_TRAINER_LATENTS] = "identity",
                                            [SMELT_TRAINER_FREQUENCY] = "frequency",
                                            [SMELT_TRAINER_PADDING] = "padding",
                                            [SMELT_TRAINER_LOD] = "identity"};
        static const char *const inputs[] = {[SMELT_TRAINER_LATENTS] = "latents",
                                             [SMELT_TRAINER_FREQUENCY] = "uv",
                                             [SMELT_TRAINER_LOD] = "lod"};
        cJSON_AddStringToObject(item, "type", types[e->feature]);
        if (e->feature == SMELT_TRAINER_PADDING)
            cJSON_AddNumberToObject(item, "count", e->count);
        else
            cJSON_AddStringToObject(item, "input", inputs[e->feature]);
        if (e->feature == SMELT_TRAINER_LOD)
            cJSON_AddNumberToObject(item, "maximum", round(1 / (double)e->scale));
        if (e->feature == SMELT_TRAINER_FREQUENCY) {
            cJSON_AddNumberToObject(item, "n_frequencies", e->count);
            cJSON_AddNumberToObject(item, "scale", (double)e->scale);
        }
        cJSON_AddItemToArray(list, item);
    }
    return list;
}

static cJSON *describe_network(const struct smelt_trainer_params *p, bool scales)
{
    cJSON *network = cJSON_CreateObject();
    cJSON_AddNumberToObject(network, "input", p->widths[0]);
    cJSON *layers = cJSON_AddArrayToObject(network, "layers");
    static const char *const parts[] = {"weight", "bias", "scale"};
    for (uint32_t i = 0; i < p->layer_count; i++) {
        cJSON *layer = cJSON_CreateObject();
        for (uint32_t k = 0; k < (scales ? 3 : 2); k++) {
            char name[32];
            snprintf(name, sizeof(name), "layer%u.%s", i, parts[k]);
            cJSON_AddStringToObject(layer, parts[k], name);
        }
        cJSON_AddStringToObject(layer, "activation", smelt_activation_name(p->activations[i]));
        cJSON_AddItemToArray(layers, layer);
    }
    return network;
}

static cJSON *describe_channels(const struct train_maps *maps)
{
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < maps->count; i++) {
        const struct train_map *map = &maps->maps[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", map->name);
        cJSON_AddStringToObject(item, "semantic", smelt_semantic_name(map->semantic));
        cJSON_AddStringToObject(item, "transfer", map->srgb ? "srgb" : "linear");
        cJSON_AddNumberToObject(item, "first", map->first);
        cJSON_AddNumberToObject(item, "count", map->count);
        if (map->low != 0 || map->high != 1) {
            const double range[] = {(double)map->low, (double)map->high};
            cJSON_AddItemToObject(item, "range", cJSON_CreateDoubleArray(range, 2));
        }
        if (map->semantic == SMELT_SEMANTIC_NORMAL) {
            cJSON *normal = cJSON_AddObjectToObject(item, "normal");
            cJSON_AddStringToObject(normal, "encoding", "unorm");
            cJSON_AddStringToObject(normal, "y", map->y_down ? "down" : "up");
        }
        cJSON_AddItemToArray(list, item);
    }
    return list;
}

static char *describe(const char *name, const struct train_maps *maps, const struct train_plan *plan,
                      struct train_rounding rounding)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "kind", "material");
    cJSON_AddStringToObject(root, "name", name);
    cJSON *source = cJSON_AddObjectToObject(root, "source");
    cJSON_AddNumberToObject(source, "width", maps->width);
    cJSON_AddNumberToObject(source, "height", maps->height);
    cJSON_AddItemToObject(root, "latents", describe_latents(maps, &plan->params, rounding.latent_bits));
    cJSON_AddItemToObject(root, "encoding", describe_encodings(&plan->params));
    cJSON_AddItemToObject(root, "network",
                          describe_network(&plan->params, rounding.weights != SMELT_DTYPE_F32 &&
                                                              rounding.weights != SMELT_DTYPE_F16));
    cJSON_AddItemToObject(root, "channels", describe_channels(maps));
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    return text;
}

int train_package_write(const char *path, const char *name, const struct train_maps *maps,
                        const struct train_plan *plan, smelt_trainer trainer, struct train_rounding rounding)
{
    struct package package = {0};
    char *description = describe(name, maps, plan, rounding);
    bool read = description != NULL;
    for (uint32_t i = 0; i < plan->params.layer_count && read; i++)
        read = add_layer(&package, plan, trainer, i, rounding.weights);
    read = read && add_latents(&package, plan, trainer, rounding.latent_bits);
    int status = package.failed || !description ? tool_fail("out of memory for the package")
                 : !read                        ? tool_fail_smelt()
                                                : TOOL_OK;
    if (!status && smelt_package_write(path, package.parts, package.count, description, NULL, 0))
        status = tool_fail_smelt();
    for (uint32_t i = 0; i < package.count; i++)
        free((void *)package.parts[i].data);
    cJSON_free(description);
    return status;
}
