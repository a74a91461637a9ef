// SPDX-License-Identifier: MIT
// Fuzz target: any bytes as a picture (PNG, JPEG, OpenEXR), or as a glTF file whose one material is loaded with its mips
// (libFuzzer's entry point).
#include "image_decode.h"
#include "train_maps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// In the place of the tool's, which has a main of its own.
int tool_fail(const char *format, ...)
{
    return *format ? TOOL_FAILED : TOOL_OK;
}

int tool_usage_error(const char *format, ...)
{
    return *format ? TOOL_USAGE : TOOL_OK;
}

static void decode(const char *path)
{
    struct image image = {0};
    char message[256] = "";
    if (image_decode(path, &image, message)) {
        // EXR's numbers are checked to be finite; all are there.
        size_t count = (size_t)image.width * image.height * image.components;
        for (size_t i = 0; i < count; i++)
            if (!(image.pixels[i] - image.pixels[i] == 0))
                abort();
        if (image.components < 1 || image.components > 4)
            abort();
    } else if (!*message || image.pixels) {
        abort(); // it says why, and gives nothing
    }
    image_release(&image);
}

static void load(const char *path)
{
    struct train_maps maps = {0};
    if (!train_maps_from_gltf(&maps, path, NULL) && !train_maps_load(&maps) && (!maps.values || !maps.levels))
        abort();
    train_maps_release(&maps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int file = memfd_create("fuzz", 0); // OpenEXR wants a path
    if (file < 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    if (write(file, data, size) == (ssize_t)size) {
        bool gltf = size && (*data == '{' || (size >= 4 && !memcmp(data, "glTF", 4)));
        (gltf ? load : decode)(path);
    }
    close(file);
    return 0;
}
