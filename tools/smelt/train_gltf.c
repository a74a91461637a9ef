// SPDX-License-Identifier: MIT
// The channels of a metallic-roughness material of a glTF 2.0 file with textures beside it.
#include "train_maps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE (64u << 20)

struct gltf {
    struct train_maps *maps;
    const char *path;
    cJSON *root;
    bool wrap_known;
};

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? malloc(MAX_FILE + 1) : NULL;
    size_t size = text ? fread(text, 1, MAX_FILE + 1, file) : 0;
    if (file)
        fclose(file);
    if (!text || size > MAX_FILE) {
        tool_fail("cannot read %s%s", path, size > MAX_FILE ? ": it is above 64 MiB" : "");
        free(text);
        return NULL;
    }
    text[size] = 0;
    return text;
}

static const cJSON *element(const cJSON *root, const char *array, const cJSON *index)
{
    return cJSON_IsNumber(index) && index->valuedouble >= 0 && index->valuedouble < 1e6
               ? cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, array), (int)index->valuedouble)
               : NULL;
}

static double number(const cJSON *object, const char *key, double otherwise)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(value) ? value->valuedouble : otherwise;
}

// The file of a texture's picture, relative to the glTF file; NULL after a message.
static char *picture_of(struct gltf *g, const char *channel, const cJSON *info)
{
    const cJSON *texture = element(g->root, "textures", cJSON_GetObjectItemCaseSensitive(info, "index"));
    const cJSON *image = element(g->root, "images", cJSON_GetObjectItemCaseSensitive(texture, "source"));
    const char *uri = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(image, "uri"));
    const char *slash = strrchr(g->path, '/');
    int folder = slash ? (int)(slash - g->path) + 1 : 0;
    if (!uri || !strncmp(uri, "data:", 5)) {
        tool_fail("%s: %s: wanted a picture in a file of its own, %s", g->path, channel,
                  image ? "it is inside the glTF file" : "there is none");
        return NULL;
    }
    size_t size = (size_t)folder + strlen(uri) + 1, used = (size_t)folder;
    char *file = malloc(size);
    if (!file) {
        tool_fail("out of memory");
        return NULL;
    }
    memcpy(file, g->path, (size_t)folder);
    for (const char *c = uri; *c; c++) { // RFC 3986, 2.1
        unsigned byte;
        if (*c == '%' && sscanf(c + 1, "%2x", &byte) == 1 && byte) {
            file[used++] = (char)byte;
            c += 2;
        } else {
            file[used++] = *c;
        }
    }
    file[used] = 0;
    return file;
}

// Repeat or clamp, of all textures alike.
static int read_wrap(struct gltf *g, const char *channel, const cJSON *info)
{
    const cJSON *texture = element(g->root, "textures", cJSON_GetObjectItemCaseSensitive(info, "index"));
    const cJSON *sampler = element(g->root, "samplers", cJSON_GetObjectItemCaseSensitive(texture, "sampler"));
    int s = (int)number(sampler, "wrapS", 10497), t = (int)number(sampler, "wrapT", 10497);
    if (s != t || (s != 10497 && s != 33071))
        return tool_fail("%s: %s: wanted both axes repeated or clamped, got wrapS %d and wrapT %d", g->path,
                         channel, s, t);
    if (g->wrap_known && g->maps->clamp != (s == 33071))
        return tool_fail("%s: %s: wanted all textures repeated or all clamped", g->path, channel);
    g->maps->clamp = s == 33071;
    g->wrap_known = true;
    if (number(info, "texCoord", 0) != 0 ||
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(info, "extensions"),
                                         "KHR_texture_transform"))
        return tool_fail("%s: %s: wanted texture coordinates 0 without a transform", g->path, channel);
    return TOOL_OK;
}

static struct train_map *add(struct gltf *g, const cJSON *info, enum smelt_semantic semantic,
                             int32_t component)
{
    const char *name = smelt_semantic_name(semantic);
    if (read_wrap(g, name, info))
        return NULL;
    struct train_map *map = train_maps_add(g->maps, name, semantic);
    if (!map)
        return NULL;
    map->component = component;
    map->file = picture_of(g, name, info);
    return map->file ? map : NULL;
}

static int read_base_color(struct gltf *g, const cJSON *material, const cJSON *surface)
{
    const cJSON *info = cJSON_GetObjectItemCaseSensitive(surface, "baseColorTexture");
    const cJSON *factor = cJSON_GetObjectItemCaseSensitive(surface, "baseColorFactor");
    const char *mode = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(material, "alphaMode"));
    bool opaque = !mode || !strcmp(mode, "OPAQUE");
    struct train_map *map;
    if (!info)
        return TOOL_OK;
    if (!(map = add(g, info, SMELT_SEMANTIC_BASE_COLOR, -1)))
        return TOOL_FAILED;
    for (int c = 0; c < 3 && cJSON_GetArraySize(factor) == 4; c++)
        map->factor[c] = (float)cJSON_GetArrayItem(factor, c)->valuedouble;
    if (!opaque && !(map = add(g, info, SMELT_SEMANTIC_OPACITY, 3)))
        return TOOL_FAILED;
    if (!opaque && cJSON_GetArraySize(factor) == 4)
        map->factor[0] = (float)cJSON_GetArrayItem(factor, 3)->valuedouble;
    if (!opaque && !strcmp(mode, "MASK"))
        g->maps->cutoff = (float)number(material, "alphaCutoff", 0.5);
    return TOOL_OK;
}

static int read_maps(struct gltf *g, const cJSON *material)
{
    const cJSON *surface = cJSON_GetObjectItemCaseSensitive(material, "pbrMetallicRoughness");
    const cJSON *rough = cJSON_GetObjectItemCaseSensitive(surface, "metallicRoughnessTexture");
    const cJSON *normal = cJSON_GetObjectItemCaseSensitive(material, "normalTexture");
    const cJSON *occlusion = cJSON_GetObjectItemCaseSensitive(material, "occlusionTexture");
    const cJSON *emission = cJSON_GetObjectItemCaseSensitive(material, "emissiveTexture");
    struct train_map *map;
    int status = read_base_color(g, material, surface);
    if (!status && normal) {
        if (!(map = add(g, normal, SMELT_SEMANTIC_NORMAL, -1)))
            return TOOL_FAILED;
        map->factor[0] = map->factor[1] = (float)number(normal, "scale", 1);
    }
    if (!status && rough) {
        if (!(map = add(g, rough, SMELT_SEMANTIC_ROUGHNESS, 1)))
            return TOOL_FAILED;
        map->factor[0] = (float)number(surface, "roughnessFactor", 1);
        if (!(map = add(g, rough, SMELT_SEMANTIC_METALNESS, 2)))
            return TOOL_FAILED;
        map->factor[0] = (float)number(surface, "metallicFactor", 1);
    }
    if (!status && occlusion) {
        if (!(map = add(g, occlusion, SMELT_SEMANTIC_OCCLUSION, 0)))
            return TOOL_FAILED;
        map->factor[0] = (float)number(occlusion, "strength", 1);
        map->offset = 1 - map->factor[0];
    }
    if (!status && emission && !add(g, emission, SMELT_SEMANTIC_EMISSION, -1))
        return TOOL_FAILED;
    return status;
}

static const cJSON *find_material(const struct gltf *g, const char *name)
{
    const cJSON *materials = cJSON_GetObjectItemCaseSensitive(g->root, "materials"), *material, *found = NULL;
    char names[400] = "";
    cJSON_ArrayForEach(material, materials)
    {
        const char *own = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(material, "name"));
        size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, " \"%.60s\"", own ? own : "");
        if (!name ? cJSON_GetArraySize(materials) == 1 : own && !strcmp(own, name))
            found = material;
    }
    if (!found)
        tool_fail("%s: wanted %s%s%s; there are:%s", g->path,
                  name ? "the material \"" : "one material, or --material NAME", name ? name : "",
                  name ? "\"" : "", names);
    return found;
}

int train_maps_from_gltf(struct train_maps *maps, const char *path, const char *material)
{
    struct gltf g = {.maps = maps, .path = path};
    maps->no_alpha = true; // alphaMode says what it means
    char *text = read_text(path);
    if (!text)
        return TOOL_FAILED;
    g.root = cJSON_Parse(text);
    free(text);
    const cJSON *found = NULL;
    int status = cJSON_IsObject(g.root) ? TOOL_OK : tool_fail("%s: wanted glTF as JSON, it is none", path);
    if (!status && !(found = find_material(&g, material)))
        status = TOOL_FAILED;
    if (!status)
        status = read_maps(&g, found);
    if (!status && !maps->count)
        status = tool_fail("%s: the material has no textures", path);
    cJSON_Delete(g.root);
    return status;
}
