// SPDX-License-Identifier: MIT
// A material evaluated in double precision on the host, with a bound of what the GPU may differ.
#ifndef SMELT_TEST_MATERIAL_REFERENCE_H
#define SMELT_TEST_MATERIAL_REFERENCE_H

#include "test.h"

#include <math.h>

enum { REFERENCE_WIDEST = 64 };

// Encodings in this order: latents, u and v, sines, triangles, zeros.
struct reference {
    uint32_t latents, mips, width, height;
    uint32_t taps;                // of the last latent
    const uint8_t *texels[16][4]; // [][0]: the finest
    bool uv, clamp;
    uint32_t octaves, triangles;
    double tap_fade, wave_fade, triangle_fade; // 0: none
    double until[16];                          // of the latents; 0: none
    double scale, triangle_scale;
    uint32_t layers, widths[9];
    float *weight[8], *bias[8];
    bool relu[8];
};

// What the GPU's arithmetic may do.
struct tolerance {
    double layer;     // c * u of the network's sums (smelt_op_info)
    double rounding;  // relative, of what enters a layer
    double feature;   // absolute, of every feature
    int sampler_bits; // of fraction in a hardware sampler; 0: exact interpolation
};

static inline float *reference_floats(smelt_package package, const char *format, uint32_t index)
{
    char name[32];
    snprintf(name, sizeof(name), format, index);
    const struct smelt_package_tensor *t = smelt_package_find(package, name);
    CHECK(t);
    uint64_t count = t->size * 8 / smelt_dtype_bits(t->dtype);
    float *values = malloc(count * sizeof(float));
    CHECK(values);
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F32, values, t->dtype, t->data, count));
    return values;
}

// From a package with the names that `smelt material import` gives; `info` of the same.
static inline struct reference reference_make(smelt_package package, const struct smelt_material_info *info)
{
    struct reference r = {.latents = info->latent_count,
                          .taps = info->latents[info->latent_count - 1].taps,
                          .mips = info->latent_mips,
                          .width = info->latent_width,
                          .height = info->latent_height,
                          .layers = info->mlp.layer_count};
    for (uint32_t i = 0; i < r.latents; i++) {
        for (uint32_t l = 0; l < r.mips; l++) {
            char name[32];
            snprintf(name, sizeof(name), "latent%u.mip%u", i, l);
            CHECK(smelt_package_find(package, name));
            r.texels[i][l] = smelt_package_find(package, name)->data;
        }
    }
    memcpy(r.widths, info->mlp.widths, sizeof(r.widths));
    for (uint32_t i = 0; i < r.layers; i++) {
        r.weight[i] = reference_floats(package, "layer%u.weight", i);
        r.bias[i] = reference_floats(package, "layer%u.bias", i);
        r.relu[i] = info->mlp.activations[i] == SMELT_ACTIVATION_RELU;
        CHECK(r.relu[i] || info->mlp.activations[i] == SMELT_ACTIVATION_NONE);
    }
    return r;
}

static inline void reference_free(struct reference *r)
{
    for (uint32_t i = 0; i < r->layers; i++) {
        free(r->weight[i]);
        free(r->bias[i]);
    }
}

static inline double reference_texel(const struct reference *r, uint32_t latent, uint32_t level, int64_t x,
                                     int64_t y, uint32_t c)
{
    int64_t w = r->width >> level ? r->width >> level : 1, h = r->height >> level ? r->height >> level : 1;
    x = r->clamp ? (x < 0 ? 0 : x >= w ? w - 1 : x) : (x % w + w) % w;
    y = r->clamp ? (y < 0 ? 0 : y >= h ? h - 1 : y) : (y % h + h) % h;
    return r->texels[latent][level][(y * w + x) * 4 + c] / 255.0;
}

// Bilinear in one mip; `steep` receives the sum of the largest differences along x and y.
static inline double reference_bilinear(const struct reference *r, uint32_t latent, uint32_t level, double u,
                                        double v, uint32_t c, double *steep)
{
    double w = r->width >> level ? r->width >> level : 1, h = r->height >> level ? r->height >> level : 1;
    double x = u * w - 0.5, y = v * h - 0.5, fx = x - floor(x), fy = y - floor(y), t[2][2];
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++)
            t[j][i] = reference_texel(r, latent, level, (int64_t)floor(x) + i, (int64_t)floor(y) + j, c);
    *steep = fmax(fabs(t[0][1] - t[0][0]), fabs(t[1][1] - t[1][0])) +
             fmax(fabs(t[1][0] - t[0][0]), fabs(t[1][1] - t[0][1]));
    return (t[0][0] * (1 - fx) + t[0][1] * fx) * (1 - fy) + (t[1][0] * (1 - fx) + t[1][1] * fx) * fy;
}

static inline double reference_left(double fade, double lod)
{
    return fade > 0 ? fmin(fmax(1 - lod / fade, 0), 1) : 1;
}

static inline uint32_t reference_features(const struct reference *r, double u, double v, double lod,
                                          const struct tolerance *tolerance, double *x, double *error)
{
    uint32_t n = 0;
    double level = fmin(fmax(lod, 0), r->mips - 1.0), fraction = level - floor(level), steep[2] = {0, 0};
    uint32_t low = (uint32_t)level, high = low + 1 < r->mips ? low + 1 : low;
    uint32_t fetched = 4 * (r->latents - 1 + r->taps);
    for (; n < fetched; n++) {
        uint32_t i = n / 4 < r->latents ? n / 4 : r->latents - 1, tap = n / 4 - i;
        bool spread = i + 1 == r->latents && r->taps == 4;
        double distance = spread ? 0.25 * reference_left(r->tap_fade, lod) : 0;
        double s = u + (tap & 1 ? distance : -distance) / r->width;
        double t = v + (tap & 2 ? distance : -distance) / r->height;
        double a = reference_bilinear(r, i, low, s, t, n % 4, &steep[0]);
        double b = reference_bilinear(r, i, high, s, t, n % 4, &steep[1]);
        double share = r->until[i] > 0 ? fmin(fmax(r->until[i] - fmax(lod, 0), 0), 1) : 1;
        x[n] = share * (2 * (a * (1 - fraction) + b * fraction) - 1);
        // A sampler's fractions are rounded or cut, and so may be its result: to 8 bits, the texels' own.
        error[n] =
            tolerance->sampler_bits
                ? 2 * share *
                      (ldexp(fmax(steep[0], steep[1]) + fabs(a - b), -tolerance->sampler_bits) + 1 / 256.0)
                : 0;
    }
    if (r->uv) {
        x[n++] = u;
        x[n++] = v;
    }
    for (uint32_t o = 0; o < r->octaves; o++) {
        for (int axis = 0; axis < 2; axis++) {
            double angle = 2 * 3.14159265358979323846 * ldexp(r->scale, (int)o) * (axis ? v : u);
            x[n++] = sin(angle) * reference_left(r->wave_fade, lod);
            x[n++] = cos(angle) * reference_left(r->wave_fade, lod);
        }
    }
    for (uint32_t o = 0; o < r->triangles; o++) {
        for (int axis = 0; axis < 2; axis++) {
            double turns = ldexp(r->triangle_scale, (int)o) * (axis ? v : u);
            x[n++] = (fabs(turns - floor(turns) - 0.5) * 4 - 1) * reference_left(r->triangle_fade, lod);
        }
    }
    for (uint32_t i = n; i < r->widths[0]; i++)
        x[i] = 0;
    for (uint32_t i = 0; i < r->widths[0]; i++)
        error[i] = (i < fetched ? error[i] : 0) + tolerance->feature;
    return n;
}

// y[widths[layers]] and how far the GPU's may be from it.
static inline void reference_eval(const struct reference *r, double u, double v, double lod,
                                  const struct tolerance *tolerance, double *y, double *bound)
{
    double x[2][REFERENCE_WIDEST], e[2][REFERENCE_WIDEST];
    reference_features(r, u, v, lod, tolerance, x[0], e[0]);
    for (uint32_t l = 0; l < r->layers; l++) {
        const double *in = x[l % 2], *error = e[l % 2];
        for (uint32_t i = 0; i < r->widths[l + 1]; i++) {
            const float *w = r->weight[l] + (size_t)i * r->widths[l];
            double sum = r->bias[l][i], size = fabs(sum), carried = 0;
            for (uint32_t j = 0; j < r->widths[l]; j++) {
                double in_error = error[j] + tolerance->rounding * (fabs(in[j]) + error[j]);
                sum += w[j] * in[j];
                carried += fabs(w[j]) * in_error;
                size += fabs(w[j]) * (fabs(in[j]) + in_error);
            }
            x[(l + 1) % 2][i] = r->relu[l] && sum < 0 ? 0 : sum;
            e[(l + 1) % 2][i] = carried + tolerance->layer * size;
        }
    }
    memcpy(y, x[r->layers % 2], r->widths[r->layers] * sizeof(double));
    memcpy(bound, e[r->layers % 2], r->widths[r->layers] * sizeof(double));
}

#endif
