// SPDX-License-Identifier: MIT
// Fuzz target: any text as the description of a package whose tensors are right (libFuzzer's entry point).
#include <smelt/smelt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

// As in the corpus: two mips of one latent, two layers.
#define TENSORS                                                                                              \
    "\"layer0.weight\":{\"dtype\":\"F16\",\"shape\":[8,16],\"data_offsets\":[0,256]},"                       \
    "\"layer0.bias\":{\"dtype\":\"F16\",\"shape\":[8],\"data_offsets\":[256,272]},"                          \
    "\"layer1.weight\":{\"dtype\":\"F16\",\"shape\":[4,8],\"data_offsets\":[272,336]},"                      \
    "\"layer1.bias\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[336,344]},"                          \
    "\"latent0.mip1\":{\"dtype\":\"U8\",\"shape\":[2,2,4],\"data_offsets\":[344,360]},"                      \
    "\"latent0.mip0\":{\"dtype\":\"U8\",\"shape\":[4,4,4],\"data_offsets\":[360,424]}"
enum { DATA_SIZE = 424 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "{\"__metadata__\":{\"smelt\":\"", tail[] = "\"}," TENSORS "}";
    uint8_t *file = malloc(8 + sizeof(head) + 6 * size + sizeof(tail) + DATA_SIZE);
    if (!file)
        return 0;
    uint8_t *at = file + 8;
    memcpy(at, head, sizeof(head) - 1);
    at += sizeof(head) - 1;
    for (size_t i = 0; i < size; i++) {
        if (data[i] < 0x20 || data[i] == '"' || data[i] == '\\')
            at += sprintf((char *)at, "\\u%04x", data[i]);
        else
            *at++ = data[i];
    }
    memcpy(at, tail, sizeof(tail) - 1);
    at += sizeof(tail) - 1;
    uint64_t length = (uint64_t)(at - file) - 8;
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)(length >> 8 * i);
    memset(at, 0x3c, DATA_SIZE);
    smelt_package package = NULL;
    if (smelt_package_open_memory(file, 8 + length + DATA_SIZE, "fuzz", &package) == SMELT_OK) {
        struct smelt_material_params params = {.package = package, .description_only = true};
        smelt_material material = NULL;
        char *text = NULL;
        if (smelt_material_create(NULL, &params, &material) == SMELT_OK) {
            sink += smelt_material_info(material)->architecture;
            if (smelt_material_glsl(material, "fuzz", &text) == SMELT_OK)
                sink += strlen(text);
        }
        smelt_free_text(&text);
        smelt_material_destroy(&material);
        smelt_package_close(&package);
    }
    free(file);
    return 0;
}
