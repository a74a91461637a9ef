// SPDX-License-Identifier: MIT
// How much two pictures differ. Pictures are floats [height][width][components], 0..1 as stored; sums are in double.
#ifndef SMELT_TOOL_IMAGE_METRICS_H
#define SMELT_TOOL_IMAGE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

struct image_view {
    const float *pixels;
    uint32_t width, height, components; // components: 1 to 4
};

// Mean squared difference of one component. Of all: the two pictures have the same extents.
double metric_squared_error(const struct image_view *a, const struct image_view *b, uint32_t component);
// 10 log10(1 / squared error), in dB; infinity for 0.
double metric_psnr(double squared_error);

// Mean structural similarity of one component (Wang et al. 2004): windows are an 11 x 11 Gaussian of sigma 1.5, K1 = 0.01,
// K2 = 0.03, range 1; the mean is over texels whose window lies inside, or, along extents below 11, over all, with windows
// cut at the edge. NaN without memory.
double metric_ssim(const struct image_view *a, const struct image_view *b, uint32_t component);

// FLIP of the first three components as sRGB-encoded colours, or of one as grey (Andersson et al., "FLIP: A Difference
// Evaluator for Alternating Images", 2020; the LDR metric), of `a` as the reference, seen at 67.02 pixels per degree: a 0.7 m
// wide screen of 3840 pixels from 0.7 m. `map` [height][width], or NULL, gets each pixel's, 0..1. Returns the mean; NaN without
// memory.
double metric_flip(const struct image_view *a, const struct image_view *b, float *map);

// Mean distance in the a, b plane of Oklab (Ottosson 2020) of sRGB-encoded colours: an error of hue and saturation that
// lightness does not enter.
double metric_chroma_error(const struct image_view *a, const struct image_view *b);

// Mean angle, in degrees, between directions stored as (n + 1) / 2.
double metric_angle(const struct image_view *a, const struct image_view *b);

double srgb_decode(double encoded);
double srgb_encode(double linear);

#endif
