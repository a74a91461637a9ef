// SPDX-License-Identifier: MIT
// Turns a plain safetensors file of latents, layers and string metadata into a described material package.
#include "material_import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_LAYERS SMELT_MLP_MAX_LAYERS
#define MAX_LATENTS 16

// The plain file's contents, as far as its metadata says what they are.
struct source {
    smelt_package package;
    const char *path;
    uint32_t layers, latents, latent_size, input_width, octaves, period, width, height, features;
    const struct smelt_package_tensor *weight[MAX_LAYERS], *bias[MAX_LAYERS], *latent[MAX_LATENTS];
};

static const char *const keys[] = {"hidden_layers", "hidden_width", "latent_size",
                                   "input_width",   "latent_remap", "encoding",
                                   "activation",    "channels",     "source_size"};

// The metadata string `key` is `pattern`, in which each # stands for a number of up to 6 digits.
static int match(const struct source *s, const char *key, const char *pattern, uint32_t *a, uint32_t *b)
{
    const char *text = smelt_package_metadata(s->package, key), *c = text, *p = pattern;
    if (!text)
        return tool_fail("%s: wanted the metadata \"%s\", there is none", s->path, key);
    for (; *p && *c; p++) {
        uint32_t digits = 0, *number = a;
        if (*p != '#') {
            if (*c++ != *p)
                break;
            continue;
        }
        *number = 0;
        for (; *c >= '0' && *c <= '9' && digits < 6; digits++)
            *number = *number * 10 + (uint32_t)(*c++ - '0');
        if (!digits)
            break;
        a = b;
    }
    if (*p || *c)
        return tool_fail("%s: metadata \"%s\": wanted \"%s\" (#: a number), got \"%.80s\"", s->path, key,
                         pattern, text);
    return TOOL_OK;
}

static int read_metadata(struct source *s)
{
    uint32_t hidden = 0;
    int status = match(s, "hidden_layers", "#", &hidden, NULL);
    if (status || (status = match(s, "latent_size", "#", &s->latent_size, NULL)) ||
        (status = match(s, "input_width", "#", &s->input_width, NULL)) ||
        (status = match(s, "latent_remap", "2*x-1", NULL, NULL)) ||
        (status = match(s, "activation", "relu", NULL, NULL)) ||
        (status = match(s, "source_size", "#x#", &s->width, &s->height)) ||
        (status = match(s, "encoding", "sin,cos per axis, # octaves, frequency 2*pi*2^o*latent_size/#",
                        &s->octaves, &s->period)) ||
        (status = match(s, "channels", "base.r,base.g,base.b,normal.r,normal.g,normal.b,orm.r,orm.g,orm.b",
                        NULL, NULL)))
        return status;
    if (hidden + 1 > MAX_LAYERS || !s->period)
        return tool_fail("%s: wanted at most %d hidden layers and a period of at least 1, got %u and %u",
                         s->path, MAX_LAYERS - 1, hidden, s->period);
    s->layers = hidden + 1;
    return TOOL_OK;
}

// A tensor "<stem><index><suffix>"; NULL when there is none.
static const struct smelt_package_tensor *find(const struct source *s, const char *stem, uint32_t index,
                                               const char *suffix)
{
    char name[32];
    snprintf(name, sizeof(name), "%s%u%s", stem, index, suffix);
    return smelt_package_find(s->package, name);
}

static int find_tensors(struct source *s)
{
    for (uint32_t i = 0; i < s->layers; i++) {
        s->weight[i] = find(s, "layer", i, ".weight");
        s->bias[i] = find(s, "layer", i, ".bias");
        if (!s->weight[i] || !s->bias[i])
            return tool_fail("%s: wanted a tensor \"layer%u.%s\", there is none", s->path, i,
                             s->weight[i] ? "bias" : "weight");
    }
    while (s->latents < MAX_LATENTS && (s->latent[s->latents] = find(s, "latent", s->latents, "")))
        s->latents++;
    s->features = 4 * s->latents + 4 * s->octaves;
    if (!s->latents || s->features > s->input_width)
        return tool_fail("%s: wanted latents and octaves of at most input_width %u features, got %u latents "
                         "and %u octaves",
                         s->path, s->input_width, s->latents, s->octaves);
    return TOOL_OK;
}

static cJSON *add_channel(cJSON *channels, const char *name, const char *transfer, int first, int count)
{
    cJSON *c = cJSON_CreateObject();
    cJSON_AddStringToObject(c, "name", name);
    cJSON_AddStringToObject(c, "semantic", name);
    cJSON_AddStringToObject(c, "transfer", transfer);
    cJSON_AddNumberToObject(c, "first", first);
    cJSON_AddNumberToObject(c, "count", count);
    cJSON_AddItemToArray(channels, c);
    return c;
}

static void describe_latents(const struct source *s, cJSON *root)
{
    cJSON *latents = cJSON_AddObjectToObject(root, "latents"), *textures;
    const double remap[] = {2, -1};
    cJSON_AddStringToObject(latents, "format", "rgba8_unorm");
    cJSON_AddNumberToObject(latents, "width", s->latent_size);
    cJSON_AddNumberToObject(latents, "height", s->latent_size);
    cJSON_AddStringToObject(latents, "filter", "linear");
    cJSON_AddStringToObject(latents, "address", "repeat");
    cJSON_AddItemToObject(latents, "remap", cJSON_CreateDoubleArray(remap, 2));
    textures = cJSON_AddArrayToObject(latents, "textures");
    for (uint32_t i = 0; i < s->latents; i++) {
        char name[32];
        snprintf(name, sizeof(name), "latent%u.mip0", i);
        cJSON *texture = cJSON_CreateObject(), *mips = cJSON_AddArrayToObject(texture, "mips");
        cJSON_AddItemToArray(mips, cJSON_CreateString(name));
        cJSON_AddItemToArray(textures, texture);
    }
}

static void describe_network(const struct source *s, cJSON *root)
{
    cJSON *encoding = cJSON_AddArrayToObject(root, "encoding"), *e = cJSON_CreateObject();
    cJSON_AddStringToObject(e, "type", "identity");
    cJSON_AddStringToObject(e, "input", "latents");
    cJSON_AddItemToArray(encoding, e);
    e = cJSON_CreateObject();
    cJSON_AddStringToObject(e, "type", "frequency");
    cJSON_AddStringToObject(e, "input", "uv");
    cJSON_AddNumberToObject(e, "n_frequencies", s->octaves);
    cJSON_AddNumberToObject(e, "scale", (double)s->latent_size / s->period);
    cJSON_AddItemToArray(encoding, e);
    if (s->features < s->input_width) {
        e = cJSON_CreateObject();
        cJSON_AddStringToObject(e, "type", "padding");
        cJSON_AddNumberToObject(e, "count", s->input_width - s->features);
        cJSON_AddItemToArray(encoding, e);
    }
    cJSON *network = cJSON_AddObjectToObject(root, "network");
    cJSON_AddNumberToObject(network, "input", s->input_width);
    cJSON *layers = cJSON_AddArrayToObject(network, "layers");
    for (uint32_t i = 0; i < s->layers; i++) {
        cJSON *layer = cJSON_CreateObject();
        cJSON_AddStringToObject(layer, "weight", s->weight[i]->name);
        cJSON_AddStringToObject(layer, "bias", s->bias[i]->name);
        cJSON_AddStringToObject(layer, "activation", i + 1 < s->layers ? "relu" : "none");
        cJSON_AddItemToArray(layers, layer);
    }
}

static char *describe(const struct source *s, const char *name)
{
    cJSON *root = cJSON_CreateObject(), *source, *channels, *normal;
    cJSON_AddStringToObject(root, "kind", "material");
    cJSON_AddStringToObject(root, "name", name);
    source = cJSON_AddObjectToObject(root, "source");
    cJSON_AddNumberToObject(source, "width", s->width);
    cJSON_AddNumberToObject(source, "height", s->height);
    describe_latents(s, root);
    describe_network(s, root);
    channels = cJSON_AddArrayToObject(root, "channels");
    add_channel(channels, "base_color", "srgb", 0, 3);
    // The sources are OpenGL-style normal maps: green points up.
    normal = cJSON_AddObjectToObject(add_channel(channels, "normal", "linear", 3, 3), "normal");
    cJSON_AddStringToObject(normal, "encoding", "unorm");
    cJSON_AddStringToObject(normal, "y", "up");
    add_channel(channels, "occlusion", "linear", 6, 1);
    add_channel(channels, "roughness", "linear", 7, 1);
    add_channel(channels, "metalness", "linear", 8, 1);
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    return text;
}

// The network first, then the latents: what comes last is the largest. Metadata that the description does not
// replace (a licence, an author) goes along.
static int write_package(const struct source *s, const char *description, const char *output)
{
    struct smelt_package_tensor tensors[2 * MAX_LAYERS + MAX_LATENTS];
    struct smelt_metadata metadata[32];
    char names[MAX_LATENTS][32];
    uint32_t count = 0, kept = 0;
    for (uint32_t i = 0; i < s->layers; i++) {
        tensors[count++] = *s->weight[i];
        tensors[count++] = *s->bias[i];
    }
    for (uint32_t i = 0; i < s->latents; i++) {
        snprintf(names[i], sizeof(names[i]), "latent%u.mip0", i);
        tensors[count] = *s->latent[i];
        tensors[count++].name = names[i];
    }
    for (uint32_t i = 0;
         kept < 32 && smelt_package_metadata_at(s->package, i, &metadata[kept].key, &metadata[kept].value);
         i++) {
        bool replaced = !strcmp(metadata[kept].key, "smelt");
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
            replaced |= !strcmp(metadata[kept].key, keys[k]);
        kept += !replaced;
    }
    return smelt_package_write(output, tensors, count, description, metadata, kept) ? tool_fail_smelt()
                                                                                    : TOOL_OK;
}

// What was written must load: the loader checks shapes and types.
static int check(const char *path)
{
    struct smelt_material_params params = {.path = path, .description_only = true};
    smelt_material material = NULL;
    if (smelt_material_create(NULL, &params, &material))
        return tool_fail_smelt();
    smelt_material_destroy(&material);
    return TOOL_OK;
}

// Under another name until it has been checked, so that a failure leaves nothing and an older output as it was.
static int write_checked(const struct source *s, const char *description, const char *output)
{
    char part[4096];
    if (snprintf(part, sizeof(part), "%s.part", output) >= (int)sizeof(part))
        return tool_fail("%.80s...: the path is longer than %zu bytes", output, sizeof(part) - 6);
    int status = write_package(s, description, part);
    if (status)
        return status;
    status = check(part);
    if (!status && rename(part, output))
        status = tool_fail("%s: cannot rename %s to it: %s", output, part, strerror(errno));
    if (status)
        remove(part);
    return status;
}

int material_import(const char *input, const char *name, const char *output)
{
    struct source s = {.path = input};
    char stem[128];
    const char *base = strrchr(input, '/');
    snprintf(stem, sizeof(stem), "%.120s", base ? base + 1 : input);
    stem[strcspn(stem, ".")] = 0;
    if (smelt_package_open(input, &s.package))
        return tool_fail_smelt();
    int status = read_metadata(&s);
    if (!status)
        status = find_tensors(&s);
    if (!status) {
        char *description = describe(&s, name ? name : stem);
        status = description ? write_checked(&s, description, output) : tool_fail("no memory");
        cJSON_free(description);
    }
    smelt_package_close(&s.package);
    return status;
}
