// SPDX-License-Identifier: MIT
// smelt_encode_bc7: blocks that a decoder written from the specification reads, how near they come, and its errors.
#include "../../tools/smelt/bc7.h"
#include "rig.h"

#include <math.h>

#define SIZE 64

static double psnr(const uint8_t *a, const uint8_t *b, uint32_t texels, int components)
{
    double sum = 0;
    for (uint32_t i = 0; i < texels; i++)
        for (int c = 0; c < components; c++) {
            double d = (double)a[4 * i + (uint32_t)c] - b[4 * i + (uint32_t)c];
            sum += d * d;
        }
    return sum > 0 ? 10 * log10(255.0 * 255.0 * texels * components / sum) : 99;
}

static double round_trip(const uint8_t *rgba, uint32_t width, uint32_t height, uint8_t *back, int components)
{
    uint8_t *blocks = malloc(bc7_size(width, height));
    CHECK(blocks);
    CHECK_OK(bc7_encode(rig_context(), rgba, width, height, blocks));
    bc7_decode(blocks, width, height, back);
    free(blocks);
    return psnr(rgba, back, width * height, components);
}

static uint32_t random_word(uint32_t *state) // xorshift32 (Marsaglia 2003)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

// Each kind of picture has a mode that fits it; with any of them missing or wrong its bound fails.
static void kinds(void)
{
    static uint8_t texels[SIZE * SIZE * 4], back[SIZE * SIZE * 4];
    static const struct {
        const char *name;
        int components;
        double least; // dB
    } rows[] = {
        {"smooth", 3, 52}, {"two lines", 3, 43}, {"apart", 3, 46}, {"alpha", 4, 53}, {"noise", 3, 17}};
    for (uint32_t kind = 0; kind < 5; kind++) {
        uint32_t state = 17;
        for (uint32_t y = 0; y < SIZE; y++)
            for (uint32_t x = 0; x < SIZE; x++) {
                uint8_t *t = texels + 4 * (y * SIZE + x);
                uint32_t r = random_word(&state);
                bool side = (x / 2 + y / 3) & 1;
                const uint8_t smooth[4] = {(uint8_t)(60 + x + y / 2), (uint8_t)(40 + 2 * y),
                                           (uint8_t)(200 - x), 255};
                const uint8_t lines[4] = {(uint8_t)(side ? 200 + r % 16 : 20),
                                          (uint8_t)(side ? 40 : 90 + r % 16), (uint8_t)(side ? 30 : 180),
                                          255};
                const uint8_t apart[4] = {(uint8_t)(4 * (r % 8) + 100), (uint8_t)(2 * x + 60),
                                          (uint8_t)(2 * x + 40), 255};
                const uint8_t alpha[4] = {(uint8_t)(2 * x), (uint8_t)(2 * x + 20), 70, (uint8_t)(r % 4 * 60)};
                const uint8_t noise[4] = {(uint8_t)r, (uint8_t)(r >> 8), (uint8_t)(r >> 16), 255};
                const uint8_t *const all[] = {smooth, lines, apart, alpha, noise};
                memcpy(t, all[kind], 4);
            }
        double got = round_trip(texels, SIZE, SIZE, back, rows[kind].components);
        printf("%-10s %.2f dB\n", rows[kind].name, got);
        CHECK(got > rows[kind].least);
    }
}

// One colour a block, with and without alpha: within 1.
static void flat(void)
{
    static uint8_t texels[SIZE * SIZE * 4], back[SIZE * SIZE * 4];
    uint32_t state = 5;
    for (uint32_t y = 0; y < SIZE; y += 4)
        for (uint32_t x = 0; x < SIZE; x += 4) {
            uint32_t r = random_word(&state) | (x < SIZE / 2 ? 0xff000000u : 0);
            for (uint32_t i = 0; i < 16; i++)
                memcpy(texels + 4 * ((y + i / 4) * SIZE + x + i % 4), &r, 4);
        }
    round_trip(texels, SIZE, SIZE, back, 4);
    for (uint32_t i = 0; i < sizeof(texels); i++)
        CHECK(abs(texels[i] - back[i]) <= 1);
}

// Sizes that are no multiples of 4: the same blocks as of the image with its edge repeated.
static void edges(void)
{
    static const uint32_t sizes[][2] = {{1, 1}, {5, 3}, {13, 7}};
    for (uint32_t s = 0; s < 3; s++) {
        uint32_t w = sizes[s][0], h = sizes[s][1], W = (w + 3) / 4 * 4, H = (h + 3) / 4 * 4, state = 3;
        uint8_t small[13 * 7 * 4], large[16 * 8 * 4], a[16 * 8], b[16 * 8];
        for (uint32_t i = 0; i < w * h * 4; i++)
            small[i] = (uint8_t)(random_word(&state) >> 8);
        for (uint32_t y = 0; y < H; y++)
            for (uint32_t x = 0; x < W; x++)
                memcpy(large + 4 * (y * W + x), small + 4 * ((y < h ? y : h - 1) * w + (x < w ? x : w - 1)),
                       4);
        CHECK_OK(bc7_encode(rig_context(), small, w, h, a));
        CHECK_OK(bc7_encode(rig_context(), large, W, H, b));
        CHECK(!memcmp(a, b, bc7_size(w, h)));
    }
}

static smelt_tensor make(enum smelt_dtype dtype, uint64_t rows, uint64_t columns, uint64_t last)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = 3, .shape = {rows, columns, last}};
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(rig_context(), &params, &tensor));
    return tensor;
}

static void errors(void)
{
    smelt_tensor image = make(SMELT_DTYPE_U8, 8, 8, 4), blocks = make(SMELT_DTYPE_U32, 2, 2, 4),
                 few = make(SMELT_DTYPE_U32, 2, 1, 4), three = make(SMELT_DTYPE_U8, 8, 8, 3);
    smelt_encoder encoder = NULL;
    CHECK_OK(smelt_encoder_create(rig_context(), NULL, &encoder));
    CHECK_FAILS(smelt_encode_bc7(encoder, NULL, blocks), SMELT_ERROR_INVALID_ARGUMENT, "image is NULL");
    CHECK_FAILS(smelt_encode_bc7(encoder, image, NULL), SMELT_ERROR_INVALID_ARGUMENT, "blocks is NULL");
    CHECK_FAILS(smelt_encode_bc7(encoder, blocks, blocks), SMELT_ERROR_DTYPE, "is u32, wanted u8");
    CHECK_FAILS(smelt_encode_bc7(encoder, image, image), SMELT_ERROR_DTYPE, "is u8, wanted u32");
    CHECK_FAILS(smelt_encode_bc7(encoder, image, few), SMELT_ERROR_SHAPE, "wanted [2][2][4]");
    CHECK_FAILS(smelt_encode_bc7(encoder, three, blocks), SMELT_ERROR_SHAPE, "wanted [height][width][4]");
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&image);
    smelt_tensor_destroy(&blocks);
    smelt_tensor_destroy(&few);
    smelt_tensor_destroy(&three);
}

static const struct test tests[] = {
    {"each mode fits its kind of picture", kinds},
    {"one colour in a block", flat},
    {"an edge is repeated", edges},
    {"what does not fit", errors},
};

TEST_MAIN(tests)
