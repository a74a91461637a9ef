// SPDX-License-Identifier: MIT
// The channels of a metallic-roughness material of a glTF 2.0 file: .gltf or .glb, textures beside it or inside.
#include "train_maps.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE (1u << 30)

struct bytes {
    uint8_t *data;
    size_t size;
};

struct gltf {
    struct train_maps *maps;
    const char *path;
    cJSON *root;
    struct bytes file;
    const uint8_t *chunk; // a .glb's binary chunk, in `file`; NULL: none
    size_t chunk_size;
    bool wrap_known;
};

static int read_file(const char *path, struct bytes *bytes)
{
    FILE *file = fopen(path, "rb");
    long size = file && !fseek(file, 0, SEEK_END) ? ftell(file) : -1;
    int status = TOOL_OK;
    if (size < 0 || size > (long)MAX_FILE)
        status = tool_fail("cannot read %s: %s", path, size < 0 ? strerror(errno) : "it is above 1 GiB");
    else if (!(bytes->data = malloc((size_t)size + 1)))
        status = tool_fail("out of memory for %s", path);
    else {
        rewind(file);
        bytes->size = fread(bytes->data, 1, (size_t)size, file);
        bytes->data[bytes->size] = 0;
    }
    if (file)
        fclose(file);
    return status;
}

// RFC 4648; ends at the first character that is none of base64.
static int decode_base64(const struct gltf *g, const char *text, struct bytes *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t held = 0, bits = 0;
    const char *digit;
    if (!(bytes->data = malloc(strlen(text) + 1)))
        return tool_fail("out of memory for %s", g->path);
    for (; *text && (digit = strchr(digits, *text)); text++) {
        held = held << 6 | (uint32_t)(digit - digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes->data[bytes->size++] = (uint8_t)(held >> bits);
        }
    }
    return TOOL_OK;
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

// The path of a file beside the glTF file; NULL after a message.
static char *path_of(const struct gltf *g, const char *uri)
{
    const char *slash = strrchr(g->path, '/');
    size_t used = slash ? (size_t)(slash - g->path) + 1 : 0;
    char *path = malloc(used + strlen(uri) + 1);
    if (!path) {
        tool_fail("out of memory");
        return NULL;
    }
    memcpy(path, g->path, used);
    for (const char *c = uri; *c; c++) { // RFC 3986, 2.1
        unsigned byte;
        if (*c == '%' && isxdigit((unsigned char)c[1]) && isxdigit((unsigned char)c[2]) &&
            sscanf(c + 1, "%2x", &byte) == 1 && byte) {
            path[used++] = (char)byte;
            c += 2;
        } else {
            path[used++] = *c;
        }
    }
    path[used] = 0;
    return path;
}

// What "data:...;base64,..." says.
static int read_data_uri(const struct gltf *g, const char *what, const char *uri, struct bytes *bytes)
{
    const char *comma = strstr(uri, ";base64,");
    return comma ? decode_base64(g, comma + 8, bytes)
                 : tool_fail("%s: %s: wanted a \"data:\" URI of base64, got \"%.40s\"", g->path, what, uri);
}

// A copy of the bytes of a bufferView.
static int read_view(const struct gltf *g, const char *what, const cJSON *view, struct bytes *bytes)
{
    const cJSON *buffer = element(g->root, "buffers", cJSON_GetObjectItemCaseSensitive(view, "buffer"));
    const char *uri = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(buffer, "uri"));
    double first = number(view, "byteOffset", 0), size = number(view, "byteLength", 0);
    struct bytes whole = {.data = NULL};
    char *path = NULL;
    int status = TOOL_OK;
    if (uri && !strncmp(uri, "data:", 5))
        status = read_data_uri(g, what, uri, &whole);
    else if (uri)
        status = (path = path_of(g, uri)) ? read_file(path, &whole) : TOOL_FAILED;
    const uint8_t *from = uri ? whole.data : g->chunk;
    double all = (double)(uri ? whole.size : g->chunk_size);
    if (!status && !(buffer && from && first >= 0 && size >= 1 && first + size <= all))
        status = tool_fail("%s: %s: wanted a picture within its buffer of %.0f bytes, got %.0f from %.0f on",
                           g->path, what, from && buffer ? all : 0.0, size, first);
    if (!status && !(bytes->data = malloc((size_t)size)))
        status = tool_fail("out of memory for %s", g->path);
    if (!status) {
        bytes->size = (size_t)size;
        memcpy(bytes->data, from + (size_t)first, bytes->size);
    }
    free(path);
    free(whole.data);
    return status;
}

// The picture of a texture: a file beside the glTF file, or bytes inside it.
static int read_picture(const struct gltf *g, const cJSON *info, struct train_map *map)
{
    const cJSON *texture = element(g->root, "textures", cJSON_GetObjectItemCaseSensitive(info, "index"));
    const cJSON *source = cJSON_GetObjectItemCaseSensitive(texture, "source");
    const cJSON *image = element(g->root, "images", source);
    const cJSON *view =
        element(g->root, "bufferViews", cJSON_GetObjectItemCaseSensitive(image, "bufferView"));
    const char *uri = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(image, "uri"));
    struct bytes bytes = {.data = NULL};
    if (!uri && !view)
        return tool_fail("%s: %s: wanted a PNG or JPEG picture, there is none", g->path, map->name);
    if (uri && strncmp(uri, "data:", 5) != 0)
        return (map->file = path_of(g, uri)) ? TOOL_OK : TOOL_FAILED;
    int status = uri ? read_data_uri(g, map->name, uri, &bytes) : read_view(g, map->name, view, &bytes);
    size_t room = strlen(g->path) + 32;
    map->bytes = bytes.data;
    map->size = bytes.size;
    if (!status && !(map->file = malloc(room)))
        return tool_fail("out of memory");
    if (!status)
        snprintf(map->file, room, "%s, image %d", g->path, (int)source->valuedouble);
    return status;
}

// Repeat or clamp, of all textures alike.
static int read_wrap(struct gltf *g, const char *channel, const cJSON *info)
{
    const cJSON *texture = element(g->root, "textures", cJSON_GetObjectItemCaseSensitive(info, "index"));
    const cJSON *sampler = element(g->root, "samplers", cJSON_GetObjectItemCaseSensitive(texture, "sampler"));
    double s = number(sampler, "wrapS", 10497), t = number(sampler, "wrapT", 10497);
    if (s != t || (s != 10497 && s != 33071))
        return tool_fail("%s: %s: wanted both axes repeated or clamped, got wrapS %g and wrapT %g", g->path,
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
    return read_picture(g, info, map) ? NULL : map;
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
    if (!status && emission) {
        if (!(map = add(g, emission, SMELT_SEMANTIC_EMISSION, -1)))
            return TOOL_FAILED;
        const cJSON *factor = cJSON_GetObjectItemCaseSensitive(material, "emissiveFactor");
        for (int c = 0; c < 3; c++)
            map->factor[c] =
                cJSON_GetArraySize(factor) == 3 ? (float)cJSON_GetArrayItem(factor, c)->valuedouble : 0;
    }
    for (uint32_t m = 0; m < g->maps->count && !status; m++)
        for (int c = 0; c < 4 && !status; c++) {
            map = &g->maps->maps[m];
            if (!(fabsf(map->factor[c]) <= 1000))
                status = tool_fail("%s: %s: wanted a factor of at most 1000, got %g", g->path, map->name,
                                   (double)map->factor[c]);
        }
    return status;
}

// By its name, or by its place in the file, as names need be neither there nor different.
static const cJSON *find_material(const struct gltf *g, const char *name)
{
    const cJSON *materials = cJSON_GetObjectItemCaseSensitive(g->root, "materials"), *material, *found = NULL;
    char names[400] = "", *end = NULL;
    unsigned long place = name && isdigit((unsigned char)*name) ? strtoul(name, &end, 10) : 0;
    int count = cJSON_GetArraySize(materials), at = 0, same = 0;
    cJSON_ArrayForEach(material, materials)
    {
        const char *own = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(material, "name"));
        size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, " %d \"%.60s\"", at++, own ? own : "");
        if (!name ? count == 1 : own && !strcmp(own, name)) {
            found = material;
            same++;
        }
    }
    if (!found && end && !*end && place < (unsigned long)count)
        return cJSON_GetArrayItem(materials, (int)place);
    if (same != 1)
        tool_fail("%s: wanted %s%s%s by its name or number; there are:%s", g->path,
                  name ? "one material \"" : "one material, or --material", name ? name : "",
                  name ? "\"" : "", names);
    return same == 1 ? found : NULL;
}

static uint32_t word_at(const struct gltf *g, size_t at)
{
    const uint8_t *b = g->file.data + at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

// glTF 2.0, 4.4: a header, a chunk of JSON, and mostly a chunk of bytes.
static int read_chunks(struct gltf *g)
{
    const uint32_t json_type = 0x4e4f534a, bytes_type = 0x004e4942;
    size_t size = g->file.size, json = size >= 20 ? word_at(g, 12) : 0, next = 20 + json;
    if (size < 20 || word_at(g, 4) != 2 || word_at(g, 16) != json_type || json > size - 20)
        return tool_fail("%s: wanted a .glb file of version 2 that begins with JSON, it is none", g->path);
    g->root = cJSON_ParseWithLength((const char *)g->file.data + 20, json);
    if (size < 8 || next > size - 8 || word_at(g, next + 4) != bytes_type)
        return TOOL_OK;
    g->chunk = g->file.data + next + 8;
    g->chunk_size = word_at(g, next);
    return g->chunk_size <= size - next - 8
               ? TOOL_OK
               : tool_fail("%s: it ends within its binary chunk of %zu bytes", g->path, g->chunk_size);
}

int train_maps_from_gltf(struct train_maps *maps, const char *path, const char *material)
{
    struct gltf g = {.maps = maps, .path = path};
    const cJSON *found = NULL;
    maps->no_alpha = true; // alphaMode says what it means
    int status = read_file(path, &g.file);
    if (!status && g.file.size >= 4 && !memcmp(g.file.data, "glTF", 4))
        status = read_chunks(&g);
    else if (!status)
        g.root = cJSON_Parse((const char *)g.file.data);
    if (!status && !cJSON_IsObject(g.root))
        status = tool_fail("%s: wanted glTF as JSON, it is none", path);
    if (!status && !(found = find_material(&g, material)))
        status = TOOL_FAILED;
    if (!status)
        status = read_maps(&g, found);
    if (!status && !maps->count)
        status = tool_fail("%s: the material has no textures", path);
    cJSON_Delete(g.root);
    free(g.file.data);
    return status;
}
