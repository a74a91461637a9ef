// SPDX-License-Identifier: MIT
// Fuzz target: any bytes as a package file, and as a material when they make one (libFuzzer's entry point).
#include <smelt/smelt.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    smelt_package package = NULL;
    if (smelt_package_open_memory(data, size, "fuzz", &package))
        return 0;
    // Every byte that the package gives out is readable.
    for (uint32_t i = 0; i < smelt_package_tensor_count(package); i++) {
        const struct smelt_package_tensor *t = smelt_package_tensor(package, i);
        for (uint64_t b = 0; b < t->size; b++)
            sink += ((const uint8_t *)t->data)[b];
        sink += smelt_package_find(package, t->name) == t;
        for (uint32_t d = 0; d < t->rank; d++)
            sink += t->shape[d];
    }
    const char *key, *value;
    for (uint32_t i = 0; smelt_package_metadata_at(package, i, &key, &value); i++)
        sink += strlen(key) + strlen(value);
    sink += (uint64_t)smelt_package_verify(package);
    struct smelt_material_params params = {.package = package, .description_only = true};
    smelt_material material = NULL;
    char *text = NULL;
    if (smelt_material_create(NULL, &params, &material) == SMELT_OK &&
        smelt_material_glsl(material, "fuzz", &text) == SMELT_OK)
        sink += strlen(text);
    smelt_free_text(&text);
    smelt_material_destroy(&material);
    smelt_package_close(&package);
    return 0;
}
