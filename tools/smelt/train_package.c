// SPDX-License-Identifier: MIT
// From a trainer's state to a material package: latents and weights rounded to what is stored, and their description.
#include "train_package.h"

#include "image_resample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PARTS = SMELT_TRAINER_MAX_TEXTURES * SMELT_TRAINER_MAX_LEVELS + 3 * SMELT_TRAINER_MAX_LAYERS };

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

static uint32_t stored_bits(const struct smelt_trainer_grid *grid, uint32_t bits)
{
    return grid->bits > bits ? grid->bits : bits;
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
            uint32_t stored = stored_bits(grid, bits);
            const uint64_t shape[] = {image_level_extent(grid->height, m), image_level_extent(grid->width, m),
                                      stored / 2};
            uint64_t texels = shape[0] * shape[1];
            uint32_t channels = 4 * grid->textures;
            float *values = read_master(trainer, SMELT_TRAINER_LATENT_IMAGE, g, m, texels * channels);
            for (uint32_t t = 0; t < grid->textures && values; t++) {
                char name[32];
                snprintf(name, sizeof(name), "latent%u.mip%u", texture + t, m);
                uint8_t *out = add_part(p, SMELT_DTYPE_U8, name, 3, shape);
                if (out)
                    round_texture(values, texels, channels, 4 * t, stored, out);
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
    static const char *const formats[] = {"bgra4_unorm", "rgba8_unorm"};
    cJSON *latents = cJSON_CreateObject();
    const double remap[] = {(double)p->remap_scale, (double)p->remap_bias};
    cJSON_AddStringToObject(latents, "format", formats[bits == 8]);
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
            if (stored_bits(&p->grids[g], bits) != bits)
                cJSON_AddStringToObject(item, "format", formats[1]);
            if (p->grids[g].taps > 1)
                cJSON_AddNumberToObject(item, "taps", p->grids[g].taps);
            if (p->grids[g].fade > 0)
                cJSON_AddNumberToObject(item, "fade", (double)p->grids[g].fade);
            if (p->grids[g].until > 0)
                cJSON_AddNumberToObject(item, "until", (double)p->grids[g].until);
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

// Of a level of detail: the number that it was made from.
static double maximum_of(const struct smelt_trainer_encoding *e)
{
    char text[32];
    snprintf(text, sizeof(text), "%.6g", 1 / (double)e->scale);
    return strtod(text, NULL);
}

static cJSON *describe_encodings(const struct smelt_trainer_params *p)
{
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < p->encoding_count; i++) {
        const struct smelt_trainer_encoding *e = &p->encodings[i];
        cJSON *item = cJSON_CreateObject();
        static const char *const types[] = {
            [SMELT_TRAINER_LATENTS] = "identity",    [SMELT_TRAINER_UV] = "identity",
            [SMELT_TRAINER_FREQUENCY] = "frequency", [SMELT_TRAINER_TRIANGLE_WAVE] = "triangle_wave",
            [SMELT_TRAINER_PADDING] = "padding",     [SMELT_TRAINER_LOD] = "identity"};
        static const char *const inputs[] = {[SMELT_TRAINER_LATENTS] = "latents",
                                             [SMELT_TRAINER_UV] = "uv",
                                             [SMELT_TRAINER_FREQUENCY] = "uv",
                                             [SMELT_TRAINER_TRIANGLE_WAVE] = "uv",
                                             [SMELT_TRAINER_LOD] = "lod"};
        cJSON_AddStringToObject(item, "type", types[e->feature]);
        if (e->feature == SMELT_TRAINER_PADDING)
            cJSON_AddNumberToObject(item, "count", e->count);
        else
            cJSON_AddStringToObject(item, "input", inputs[e->feature]);
        if (e->feature == SMELT_TRAINER_LOD)
            cJSON_AddNumberToObject(item, "maximum", maximum_of(e));
        if (e->feature == SMELT_TRAINER_FREQUENCY || e->feature == SMELT_TRAINER_TRIANGLE_WAVE) {
            cJSON_AddNumberToObject(item, "n_frequencies", e->count);
            cJSON_AddNumberToObject(item, "scale", (double)e->scale);
            if (e->fade > 0)
                cJSON_AddNumberToObject(item, "fade", (double)e->fade);
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
