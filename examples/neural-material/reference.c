// SPDX-License-Identifier: MIT
// Loads a folder of JPEG textures and makes a surface of them.
#include "reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool file_path(const char *folder, const char *name, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/%s", folder, name);
    return (length > 0 && (size_t)length < size) || fail("%s: the path is too long", folder);
}

static bool read_map(const char *folder, const char *name, struct picture *picture)
{
    char path[4096];
    return file_path(folder, name, path, sizeof(path)) && picture_read_jpeg(path, picture);
}

// Puts the red channel of a file into channel `c` of a picture of the same size. A file that may be absent
// leaves the channel as it is.
static bool read_channel(const char *folder, const char *name, bool optional, struct picture *orm, int c)
{
    char path[4096];
    struct picture map = {0};
    if (!file_path(folder, name, path, sizeof(path)))
        return false;
    if (optional && access(path, F_OK))
        return true;
    if (!picture_read_jpeg(path, &map))
        return false;
    bool fits = map.width == orm->width && map.height == orm->height;
    for (size_t i = 0; fits && i < (size_t)map.width * map.height; i++)
        orm->texels[4 * i + c] = map.texels[4 * i];
    if (!fits)
        fail("%s: %u x %u texels; wanted %u x %u as base_color.jpg has", path, map.width, map.height,
             orm->width, orm->height);
    picture_destroy(&map);
    return fits;
}

static bool upload(struct gpu *gpu, uint32_t index, VkFormat format, const struct picture *picture,
                   struct textures *textures)
{
    return textures_upload(gpu, index, format, (VkExtent2D){picture->width, picture->height}, picture->texels,
                           (size_t)picture->width * picture->height * 4, textures);
}

static bool load_maps(struct gpu *gpu, const char *folder, struct textures *textures)
{
    struct picture color = {0}, normal = {0}, orm = {0};
    bool done = read_map(folder, "base_color.jpg", &color) && read_map(folder, "normal_gl.jpg", &normal);
    if (done) {
        size_t texels = (size_t)color.width * color.height;
        orm = (struct picture){color.width, color.height, calloc(texels, 4)};
        done = orm.texels || fail("%s: out of memory", folder);
        for (size_t i = 0; done && i < texels; i++)
            orm.texels[4 * i] = 255;
    }
    done = done && read_channel(folder, "ao.jpg", true, &orm, 0) &&
           read_channel(folder, "roughness.jpg", false, &orm, 1) &&
           read_channel(folder, "metalness.jpg", true, &orm, 2) &&
           upload(gpu, 0, VK_FORMAT_R8G8B8A8_SRGB, &color, textures) &&
           upload(gpu, 1, VK_FORMAT_R8G8B8A8_UNORM, &normal, textures) &&
           upload(gpu, 2, VK_FORMAT_R8G8B8A8_UNORM, &orm, textures);
    picture_destroy(&color);
    picture_destroy(&normal);
    picture_destroy(&orm);
    return done;
}

bool reference_create(struct renderer *renderer, const char *folder, struct textures *textures)
{
    return load_maps(renderer->gpu, folder, textures) && textures_create(renderer, textures);
}
