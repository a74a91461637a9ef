// SPDX-License-Identifier: MIT
// Non-local means (Buades, Coll, Morel 2005) as attention: a pixel becomes the mean of those around it whose patches look
// like its own. Queries and keys are patches, values are colours, softmax(Q K^T / sqrt(D)) V is the filter.
//
//     attention-denoise INPUT.png OUTPUT.png [--noise N] [--strength N] [--backend NAME] [--device NAME]
#include "attention.h"

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define D 64      // head dimension: the patch, the place, a constant term, zeros
#define RADIUS 3  // patches are 7 x 7 grey values
#define TILE 32   // pixels of a head's queries
#define WINDOW 64 // pixels of its keys, around the tile
#define REACH                                                                                                \
    6.0 // deviation of a pixel's own window, in pixels: at the end of its tile's keys little is left of it
#define SIDE 16384 // of an image, at most

struct options {
    const char *input, *output, *backend, *device;
    double noise, strength;
};

struct image {
    uint32_t width, height;
    float *rgb; // 0 to 1
};

static bool parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){.strength = 0.7};
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (argv[i][0] != '-' && !o->input)
            o->input = argv[i];
        else if (argv[i][0] != '-' && !o->output)
            o->output = argv[i];
        else if (next && !strcmp(argv[i], "--noise"))
            o->noise = strtod(argv[++i], NULL);
        else if (next && !strcmp(argv[i], "--strength"))
            o->strength = strtod(argv[++i], NULL);
        else if (next && !strcmp(argv[i], "--backend"))
            o->backend = argv[++i];
        else if (next && !strcmp(argv[i], "--device"))
            o->device = argv[++i];
        else
            return false;
    }
    return o->output && o->noise >= 0 && o->noise <= 1 && o->strength >= 0.01 && o->strength <= 100;
}

static bool fail(const char *what, const char *why)
{
    fprintf(stderr, "attention-denoise: %s: %s\n", what, why);
    return false;
}

// --- Images -----------------------------------------------------------------------------------------------

static bool read_image(const char *path, struct image *image)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&png, path))
        return fail(path, png.message);
    png.format = PNG_FORMAT_RGB;
    image->width = png.width;
    image->height = png.height;
    bool fits = png.width <= SIDE && png.height <= SIDE;
    size_t count = (size_t)png.width * png.height * 3;
    uint8_t *texels = fits ? malloc(count) : NULL;
    image->rgb = fits ? malloc(count * sizeof(float)) : NULL;
    bool ok = texels && image->rgb && png_image_finish_read(&png, NULL, texels, 0, NULL);
    for (size_t i = 0; ok && i < count; i++)
        image->rgb[i] = (float)texels[i] / 255;
    if (!ok)
        fail(path, !fits            ? "more than 16384 pixels along a side"
                   : png.message[0] ? png.message
                                    : "no memory");
    png_image_free(&png);
    free(texels);
    return ok;
}

// The two beside each other.
static bool write_images(const char *path, const struct image *left, const float *right)
{
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = 2 * left->width,
                     .height = left->height,
                     .format = PNG_FORMAT_RGB};
    size_t row = (size_t)left->width * 3;
    uint8_t *texels = malloc(2 * row * left->height);
    char temporary[4096];
    bool ok = texels && snprintf(temporary, sizeof(temporary), "%s.part", path) < (int)sizeof(temporary);
    for (size_t y = 0; ok && y < left->height; y++) {
        for (size_t x = 0; x < row; x++) {
            texels[2 * y * row + x] = (uint8_t)lrintf(255 * fminf(fmaxf(left->rgb[y * row + x], 0), 1));
            texels[(2 * y + 1) * row + x] = (uint8_t)lrintf(255 * fminf(fmaxf(right[y * row + x], 0), 1));
        }
    }
    bool named = ok;
    ok = ok && png_image_write_to_file(&png, temporary, 0, texels, 0, NULL) && !rename(temporary, path);
    if (named && !ok)
        remove(temporary);
    if (!ok)
        fail(path, png.message[0] ? png.message : "cannot be written");
    free(texels);
    return ok;
}

// Gaussian noise of this deviation, by Box and Muller; the same each time.
static void add_noise(struct image *image, double deviation)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < (size_t)image->width * image->height * 3; i++) {
        double u[2];
        for (int j = 0; j < 2; j++) {
            seed = seed * 1664525u + 1013904223u; // Numerical Recipes
            u[j] = ((seed >> 8) + 0.5) / (1 << 24);
        }
        image->rgb[i] += (float)(deviation * sqrt(-2 * log(u[0])) * cos(6.283185307179586 * u[1]));
    }
}

static double psnr(const struct image *image, const float *a, const float *b)
{
    double sum = 0;
    size_t count = (size_t)image->width * image->height * 3;
    for (size_t i = 0; i < count; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return 10 * log10(count / sum);
}

// --- Attention --------------------------------------------------------------------------------------------

static size_t pixel(const struct image *image, int x, int y)
{
    int right = (int)image->width - 1, bottom = (int)image->height - 1;
    x = x < 0 ? 0 : x > right ? right : x;
    y = y < 0 ? 0 : y > bottom ? bottom : y;
    return ((size_t)y * image->width + (size_t)x) * 3;
}

// The weight of a pixel is exp(-|p - p'|^2 / h^2 - |x - x'|^2 / (2 REACH^2)) with patches p and places x, those from the middle
// of the tile: each pixel has a window of its own, and no edge is seen where another tile begins. The score q.k / sqrt(D)
// differs from the exponent by a term of the query alone, which a softmax does not see: with sqrt(D) = 8
// q = (4/h p, sqrt(8)/REACH x, 4), k = (4/h p', sqrt(8)/REACH x', -2/h^2 |p'|^2 - 1/REACH^2 |x'|^2).
static void write_token(const struct image *image, int left, int top, int x, int y, double h, bool key,
                        float token[D])
{
    double squares = 0, place[2] = {x - TILE / 2, y - TILE / 2};
    uint32_t n = 0;
    memset(token, 0, D * sizeof(float));
    for (int j = -RADIUS; j <= RADIUS; j++) {
        for (int i = -RADIUS; i <= RADIUS; i++) {
            const float *p = image->rgb + pixel(image, left + x + i, top + y + j);
            double grey = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] - 0.5;
            squares += grey * grey;
            token[n++] = (float)(4 / h * grey);
        }
    }
    double distances = place[0] * place[0] + place[1] * place[1];
    for (int i = 0; i < 2; i++)
        token[n++] = (float)(sqrt(8) / REACH * place[i]);
    token[n] = (float)(key ? -2 / (h * h) * squares - distances / (REACH * REACH) : 4);
}

// What a row of tiles goes through: a head for each tile.
struct filter {
    struct attention attention;
    smelt_encoder encoder;
    smelt_tensor q, k, v, o, lengths;
    uint32_t heads;
    float *tokens;
    uint16_t *halves;
};

static bool upload(struct filter *f, smelt_tensor tensor, uint64_t count)
{
    smelt_dtype_convert(SMELT_DTYPE_F16, f->halves, SMELT_DTYPE_F32, f->tokens, count);
    return !smelt_tensor_write_and_wait(tensor, NULL, f->halves, count * sizeof(uint16_t)) ||
           fail("upload", smelt_last_error());
}

static bool upload_row(struct filter *f, const struct image *image, double h, int top)
{
    const uint32_t queries = TILE * TILE, keys = WINDOW * WINDOW;
    const int edge = (WINDOW - TILE) / 2;
    for (uint32_t i = 0; i < f->heads * queries; i++) {
        int left = (int)(i / queries * TILE), x = (int)(i % TILE), y = (int)(i % queries / TILE);
        write_token(image, left, top, x, y, h, false, f->tokens + (size_t)i * D);
    }
    bool ok = upload(f, f->q, (uint64_t)f->heads * queries * D);
    for (int values = 0; ok && values < 2; values++) {
        for (uint32_t i = 0; i < f->heads * keys; i++) {
            int left = (int)(i / keys * TILE), x = (int)(i % WINDOW) - edge,
                y = (int)(i % keys / WINDOW) - edge;
            float *token = f->tokens + (size_t)i * D;
            if (!values) {
                write_token(image, left, top, x, y, h, true, token);
                continue;
            }
            memset(token, 0, D * sizeof(float));
            memcpy(token, image->rgb + pixel(image, left + x, top + y), 3 * sizeof(float));
        }
        ok = upload(f, values ? f->v : f->k, (uint64_t)f->heads * keys * D);
    }
    return ok;
}

static bool filter_row(struct filter *f, const struct image *image, double h, uint32_t top, float *result)
{
    struct attention_call call = {f->q, f->k, f->v, f->o, f->lengths, f->heads};
    const uint32_t queries = TILE * TILE;
    uint64_t count = (uint64_t)f->heads * queries * D;
    if (!upload_row(f, image, h, (int)top))
        return false;
    if (smelt_encoder_begin(f->encoder, &(struct smelt_recording_params){.label = "a row of tiles"}))
        return fail("encoder", smelt_last_error());
    attention_record(&f->attention, smelt_encoder_commands(f->encoder), &call);
    if (smelt_encoder_commit_and_wait(f->encoder) ||
        smelt_tensor_read_and_wait(f->o, NULL, f->halves, count * sizeof(uint16_t)))
        return fail("attention", smelt_last_error());
    smelt_dtype_convert(SMELT_DTYPE_F32, f->tokens, SMELT_DTYPE_F16, f->halves, count);
    for (uint32_t i = 0; i < f->heads * queries; i++) {
        uint32_t x = i / queries * TILE + i % TILE, y = top + i % queries / TILE;
        if (x < image->width && y < image->height)
            memcpy(result + pixel(image, (int)x, (int)y), f->tokens + (size_t)i * D, 3 * sizeof(float));
    }
    return true;
}

static bool make_filter(smelt_context context, const struct options *o, const struct image *image,
                        struct filter *f)
{
    struct attention_params wanted = {
        .head_dim = D, .backend = o->backend ? smelt_backend_from_name(o->backend) : SMELT_BACKEND_AUTO};
    f->heads = (image->width + TILE - 1) / TILE;
    uint64_t queries = TILE * TILE, keys = WINDOW * WINDOW, largest = f->heads * keys * D;
    f->tokens = malloc(largest * sizeof(float));
    f->halves = malloc(largest * sizeof(uint16_t));
    if (!f->tokens || !f->halves)
        return fail("tokens", "no memory");
    if (!attention_create(context, &wanted, &f->attention) ||
        smelt_encoder_create(context, NULL, &f->encoder))
        return fail("filter", smelt_last_error());
    smelt_tensor *tensors[] = {&f->q, &f->o, &f->k, &f->v};
    for (int i = 0; i < 4; i++) {
        struct smelt_tensor_params p = {
            .dtype = SMELT_DTYPE_F16, .rank = 3, .shape = {f->heads, i < 2 ? queries : keys, D}};
        if (smelt_tensor_create(context, &p, tensors[i]))
            return fail("tensor", smelt_last_error());
    }
    struct smelt_tensor_params known = {.dtype = SMELT_DTYPE_U32, .rank = 1, .shape = {1}};
    uint32_t length = (uint32_t)keys;
    if (smelt_tensor_create(context, &known, &f->lengths) ||
        smelt_tensor_write_and_wait(f->lengths, NULL, &length, sizeof(length)))
        return fail("lengths", smelt_last_error());
    return true;
}

static void free_filter(struct filter *f)
{
    smelt_encoder_destroy(&f->encoder);
    smelt_tensor *tensors[] = {&f->q, &f->k, &f->v, &f->o, &f->lengths};
    for (int i = 0; i < 5; i++)
        smelt_tensor_destroy(tensors[i]);
    attention_destroy(&f->attention);
    free(f->tokens);
    free(f->halves);
}

static bool denoise(smelt_context context, const struct options *o, const struct image *clean)
{
    size_t bytes = (size_t)clean->width * clean->height * 3 * sizeof(float);
    struct image noisy = {clean->width, clean->height, malloc(bytes)};
    float *result = malloc(bytes);
    struct filter filter = {0};
    bool ok = noisy.rgb && result;
    if (ok) {
        memcpy(noisy.rgb, clean->rgb, bytes);
        add_noise(&noisy, o->noise);
        ok = make_filter(context, o, clean, &filter);
    } else {
        fail("image", "no memory");
    }
    // The patches of one thing differ by the noise alone: |p - p'|^2 is 2 * 49 deviations squared.
    double h = o->strength * (2 * RADIUS + 1) * (o->noise > 0 ? o->noise : 0.05);
    for (uint32_t top = 0; ok && top < clean->height; top += TILE) {
        ok = filter_row(&filter, &noisy, h, top, result);
        fprintf(stderr, "\r%u of %u rows", top + TILE < clean->height ? top + TILE : clean->height,
                clean->height);
    }
    fprintf(stderr, "\n");
    ok = ok && write_images(o->output, &noisy, result);
    if (ok)
        printf("%s on %s: PSNR %.2f dB before, %.2f dB after\n", o->output,
               smelt_backend_name(filter.attention.backend), psnr(clean, clean->rgb, noisy.rgb),
               psnr(clean, clean->rgb, result));
    free_filter(&filter);
    free(noisy.rgb);
    free(result);
    return ok;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!parse(argc, argv, &options)) {
        fprintf(stderr,
                "usage: attention-denoise INPUT.png OUTPUT.png [--noise N] [--strength N] [--backend NAME]\n"
                "                         [--device NAME]\n"
                "Writes the input with noise and the same denoised by attention, beside each other.\n"
                "  --noise N     deviation of Gaussian noise that is added first, 0 to 1 (default 0)\n"
                "  --strength N  how unlike patches may be, in deviations of the noise (default 0.7)\n");
        return 2;
    }
    struct smelt_context_params params = {.device_name = options.device};
    smelt_context context = NULL;
    struct image image = {0};
    bool ok = read_image(options.input, &image) &&
              (!smelt_context_create(&params, &context) || fail("context", smelt_last_error())) &&
              denoise(context, &options, &image);
    smelt_context_destroy(&context);
    free(image.rgb);
    return !ok;
}
