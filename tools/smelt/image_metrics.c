// SPDX-License-Identifier: MIT
// PSNR, SSIM, and errors of colours and directions; FLIP is in image_flip.c.
#include "image_metrics.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

double srgb_decode(double encoded)
{
    return encoded <= 0.04045 ? encoded / 12.92 : pow((encoded + 0.055) / 1.055, 2.4);
}

double srgb_encode(double linear)
{
    return linear <= 0.0031308 ? linear * 12.92 : 1.055 * pow(linear, 1 / 2.4) - 0.055;
}

double metric_squared_error(const struct image_view *a, const struct image_view *b, uint32_t component)
{
    size_t count = (size_t)a->width * a->height;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double d =
            (double)a->pixels[i * a->components + component] - b->pixels[i * b->components + component];
        sum += d * d;
    }
    return sum / (double)count;
}

double metric_psnr(double squared_error)
{
    return -10 * log10(squared_error);
}

// --- SSIM -------------------------------------------------------------------------------------------------------------

enum { SSIM_RADIUS = 5, SSIM_MOMENTS = 5 };

// The weighted sum of `in` along one axis; a window cut at the edge is made whole again by its weights.
static void blur(const float *in, float *out, uint32_t lines, uint32_t length, size_t line_stride,
                 size_t stride)
{
    float weights[2 * SSIM_RADIUS + 1];
    for (int i = -SSIM_RADIUS; i <= SSIM_RADIUS; i++)
        weights[i + SSIM_RADIUS] = (float)exp(-i * i / (2 * 1.5 * 1.5));
    for (uint32_t line = 0; line < lines; line++)
        for (uint32_t x = 0; x < length; x++) {
            int first = x < SSIM_RADIUS ? -(int)x : -SSIM_RADIUS;
            int last = length - 1 - x < SSIM_RADIUS ? (int)(length - 1 - x) : SSIM_RADIUS;
            const float *at = in + line * line_stride + x * stride;
            float sum = 0, weight = 0;
            for (int i = first; i <= last; i++) {
                sum += weights[i + SSIM_RADIUS] * at[i * (ptrdiff_t)stride];
                weight += weights[i + SSIM_RADIUS];
            }
            out[line * line_stride + x * stride] = sum / weight;
        }
}

static double similarity(const float *const m[SSIM_MOMENTS], size_t i)
{
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    double ma = m[0][i], mb = m[1][i];
    double va = m[2][i] - ma * ma, vb = m[3][i] - mb * mb, cov = m[4][i] - ma * mb;
    return (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
}

double metric_ssim(const struct image_view *a, const struct image_view *b, uint32_t component)
{
    uint32_t w = a->width, h = a->height;
    size_t count = (size_t)w * h;
    float *memory = malloc((SSIM_MOMENTS + 1) * count * sizeof(*memory)), *m[SSIM_MOMENTS];
    if (!memory)
        return NAN;
    for (int k = 0; k < SSIM_MOMENTS; k++)
        m[k] = memory + (size_t)(k + 1) * count;
    for (size_t i = 0; i < count; i++) {
        float x = a->pixels[i * a->components + component], y = b->pixels[i * b->components + component];
        m[0][i] = x;
        m[1][i] = y;
        m[2][i] = x * x;
        m[3][i] = y * y;
        m[4][i] = x * y;
    }
    for (int k = 0; k < SSIM_MOMENTS; k++) {
        blur(m[k], memory, h, w, w, 1);
        blur(memory, m[k], w, h, 1, w);
    }
    uint32_t x0 = w > 2 * SSIM_RADIUS ? SSIM_RADIUS : 0, y0 = h > 2 * SSIM_RADIUS ? SSIM_RADIUS : 0;
    double sum = 0;
    for (uint32_t y = y0; y < h - y0; y++)
        for (uint32_t x = x0; x < w - x0; x++)
            sum += similarity((const float *const *)m, (size_t)y * w + x);
    free(memory);
    return sum / ((double)(w - 2 * x0) * (h - 2 * y0));
}

// --- Colours and directions ---------------------------------------------------------------------------------------------

// The a and b of Oklab.
static void chroma(const float *encoded, double ab[2])
{
    double r = srgb_decode(encoded[0]), g = srgb_decode(encoded[1]), b = srgb_decode(encoded[2]);
    double l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    double m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    double s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    ab[0] = 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s;
    ab[1] = 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s;
}

double metric_chroma_error(const struct image_view *a, const struct image_view *b)
{
    size_t count = (size_t)a->width * a->height;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double x[2], y[2];
        chroma(a->pixels + i * a->components, x);
        chroma(b->pixels + i * b->components, y);
        sum += hypot(x[0] - y[0], x[1] - y[1]);
    }
    return sum / (double)count;
}

double metric_angle(const struct image_view *a, const struct image_view *b)
{
    size_t count = (size_t)a->width * a->height;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double x[3], y[3], cross[3], dot = 0;
        for (int k = 0; k < 3; k++) {
            x[k] = 2.0 * a->pixels[i * a->components + (size_t)k] - 1;
            y[k] = 2.0 * b->pixels[i * b->components + (size_t)k] - 1;
            dot += x[k] * y[k];
        }
        for (int k = 0; k < 3; k++)
            cross[k] = x[(k + 1) % 3] * y[(k + 2) % 3] - x[(k + 2) % 3] * y[(k + 1) % 3];
        sum += atan2(hypot(hypot(cross[0], cross[1]), cross[2]), dot);
    }
    return sum / (double)count * 180 / acos(-1);
}
