// SPDX-License-Identifier: MIT
// A tiny material package with every part of the description in it, and ways to spoil it.
#ifndef SMELT_TEST_MATERIAL_TINY_H
#define SMELT_TEST_MATERIAL_TINY_H

#include "test.h"

#include <unistd.h>

enum { TINY_LATENTS = 2, TINY_WIDTH = 8, TINY_HEIGHT = 4, TINY_MIPS = 3, TINY_INPUT = 24, TINY_OUTPUTS = 10 };

// Two textures with 3 mips; 8 latent features, u and v, 2 octaves of sine (8), 2 of triangles (4), 2 zeros.
static const char tiny_description[] =
    "{\"kind\":\"material\",\"name\":\"tiny\",\"source\":{\"width\":16,\"height\":8},"
    "\"latents\":{\"format\":\"rgba8_unorm\",\"width\":8,\"height\":4,\"filter\":\"linear\",\"address\":"
    "\"repeat\","
    "\"remap\":[2,-1],\"textures\":[{\"mips\":[\"latent0.mip2\",\"latent0.mip1\",\"latent0.mip0\"]},"
    "{\"mips\":[\"latent1.mip2\",\"latent1.mip1\",\"latent1.mip0\"]}]},"
    "\"encoding\":[{\"type\":\"identity\",\"input\":\"latents\"},{\"type\":\"identity\",\"input\":\"uv\"},"
    "{\"type\":\"frequency\",\"input\":\"uv\",\"n_frequencies\":2,\"scale\":2},"
    "{\"type\":\"triangle_wave\",\"input\":\"uv\",\"n_frequencies\":2,\"scale\":1},"
    "{\"type\":\"padding\",\"count\":2}],"
    "\"network\":{\"input\":24,\"layers\":["
    "{\"weight\":\"layer0.weight\",\"bias\":\"layer0.bias\",\"activation\":\"none\"}]},"
    "\"channels\":[{\"name\":\"base_color\",\"semantic\":\"base_color\",\"transfer\":\"srgb\",\"first\":0,"
    "\"count\":3},"
    "{\"name\":\"bumps\",\"semantic\":\"normal\",\"transfer\":\"linear\",\"first\":3,\"count\":3,"
    "\"normal\":{\"encoding\":\"unorm\",\"y\":\"down\"}},"
    "{\"name\":\"roughness\",\"semantic\":\"roughness\",\"transfer\":\"linear\",\"first\":6,\"count\":1,"
    "\"range\":[-1,3]},"
    "{\"name\":\"paint\",\"semantic\":\"other\",\"transfer\":\"srgb\",\"first\":6,\"count\":4}]}";

struct tiny {
    uint8_t texels[TINY_LATENTS][TINY_MIPS][TINY_HEIGHT][TINY_WIDTH][4]; // of mip l the first rows, packed
    float weight[TINY_OUTPUTS][TINY_INPUT], bias[TINY_OUTPUTS];
    struct smelt_package_tensor tensors[2 + TINY_LATENTS * TINY_MIPS + 1]; // room for one more
    char names[TINY_LATENTS * TINY_MIPS][16];
    uint32_t tensor_count;
    char description[4096];
};

// Texel values and weights differ with `seed`; outputs stay around 0..1.
static inline void tiny_make(struct tiny *t, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 12345;
    memset(t, 0, sizeof(*t));
    strcpy(t->description, tiny_description);
    for (uint32_t o = 0; o < TINY_OUTPUTS; o++) {
        for (uint32_t i = 0; i < TINY_INPUT; i++) {
            state = state * 1664525 + 1013904223;
            t->weight[o][i] = ((float)(state >> 16) / 65536 - 0.5f) / 4;
        }
        t->bias[o] = 0.5f + 0.01f * (float)o;
    }
    t->tensors[0] = (struct smelt_package_tensor){.name = "layer0.weight",
                                                  .dtype = SMELT_DTYPE_F32,
                                                  .rank = 2,
                                                  .shape = {TINY_OUTPUTS, TINY_INPUT},
                                                  .data = t->weight,
                                                  .size = sizeof(t->weight)};
    t->tensors[1] = (struct smelt_package_tensor){.name = "layer0.bias",
                                                  .dtype = SMELT_DTYPE_F32,
                                                  .rank = 1,
                                                  .shape = {TINY_OUTPUTS},
                                                  .data = t->bias,
                                                  .size = sizeof(t->bias)};
    t->tensor_count = 2;
    for (uint32_t l = TINY_MIPS; l-- > 0;) {
        for (uint32_t i = 0; i < TINY_LATENTS; i++) {
            uint8_t *texels = &t->texels[i][l][0][0][0];
            uint32_t w = TINY_WIDTH >> l, h = TINY_HEIGHT >> l;
            for (uint32_t b = 0; b < w * h * 4; b++) {
                state = state * 1664525 + 1013904223;
                texels[b] = (uint8_t)(state >> 24);
            }
            struct smelt_package_tensor *tensor = &t->tensors[t->tensor_count];
            char *name = t->names[t->tensor_count++ - 2];
            snprintf(name, sizeof(t->names[0]), "latent%u.mip%u", i, l);
            *tensor = (struct smelt_package_tensor){.name = name,
                                                    .dtype = SMELT_DTYPE_U8,
                                                    .rank = 3,
                                                    .shape = {h, w, 4},
                                                    .data = texels,
                                                    .size = w * h * 4};
        }
    }
}

static inline struct smelt_package_tensor *tiny_tensor(struct tiny *t, const char *name)
{
    for (uint32_t i = 0; i < t->tensor_count; i++)
        if (!strcmp(t->tensors[i].name, name))
            return &t->tensors[i];
    CHECK(!"no such tensor");
    return NULL;
}

// The first `from` of the description becomes `to`.
static inline void tiny_replace(struct tiny *t, const char *from, const char *to)
{
    char *at = strstr(t->description, from), rest[4096];
    if (!at)
        printf("    not in the description: %s\n", from);
    CHECK(at);
    strcpy(rest, at + strlen(from));
    CHECK((size_t)(at - t->description) + strlen(to) + strlen(rest) < sizeof(t->description));
    strcpy(at, to);
    strcat(at, rest);
}

static inline void tiny_path(char *path, size_t size)
{
    const char *directory = getenv("TMPDIR");
    snprintf(path, size, "%s/smelt-test-%ld.safetensors", directory ? directory : "/tmp", (long)getpid());
}

// An open package of it; the file is gone again.
static inline smelt_package tiny_package(struct tiny *t)
{
    char path[256];
    smelt_package package = NULL;
    tiny_path(path, sizeof(path));
    CHECK_OK(smelt_package_write(path, t->tensors, t->tensor_count, t->description, NULL, 0));
    CHECK_OK(smelt_package_open(path, &package));
    CHECK(!unlink(path));
    return package;
}

#endif
