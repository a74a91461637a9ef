// SPDX-License-Identifier: MIT
// Box filters where a result covers several texels, bilinear ones where it covers less than one.
#include "image_resample.h"

#include <math.h>
#include <string.h>

uint32_t image_level_extent(uint32_t extent, uint32_t level)
{
    return extent >> level ? extent >> level : 1;
}

// The texels of one axis that a result is the mean of, with weights whose sum is 1.
struct taps {
    int32_t first, count;
    float weight[2]; // of the first and the last; those between count 1 before the scale
    float scale;
};

static struct taps taps_of(uint32_t at, uint32_t from, uint32_t to)
{
    double ratio = (double)from / to;
    if (ratio <= 1) { // between two texels
        double x = (at + 0.5) * ratio - 0.5, below = floor(x);
        return (struct taps){(int32_t)below, 2, {(float)(1 - (x - below)), (float)(x - below)}, 1};
    }
    double low = at * ratio, high = (at + 1) * ratio;
    int32_t first = (int32_t)floor(low + 1e-9), last = (int32_t)ceil(high - 1e-9) - 1;
    return (struct taps){
        first, last - first + 1, {(float)(first + 1 - low), (float)(high - last)}, (float)(1 / ratio)};
}

static uint32_t wrap(int32_t at, uint32_t extent, bool clamp)
{
    int32_t size = (int32_t)extent;
    if (clamp)
        return at < 0 ? 0 : at >= size ? extent - 1 : (uint32_t)at;
    return (uint32_t)((at % size + size) % size);
}

void image_resample(const float *from, uint32_t width, uint32_t height, uint32_t components, float *to,
                    uint32_t to_width, uint32_t to_height, bool clamp)
{
    for (uint32_t y = 0; y < to_height; y++) {
        struct taps down = taps_of(y, height, to_height);
        for (uint32_t x = 0; x < to_width; x++) {
            struct taps across = taps_of(x, width, to_width);
            float *out = to + ((size_t)y * to_width + x) * components;
            memset(out, 0, components * sizeof(*out));
            for (int32_t j = 0; j < down.count; j++)
                for (int32_t i = 0; i < across.count; i++) {
                    float v = j == 0 ? down.weight[0] : j == down.count - 1 ? down.weight[1] : 1;
                    float u = i == 0 ? across.weight[0] : i == across.count - 1 ? across.weight[1] : 1;
                    const float *in = from + ((size_t)wrap(down.first + j, height, clamp) * width +
                                              wrap(across.first + i, width, clamp)) *
                                                 components;
                    float weight = u * v * across.scale * down.scale;
                    for (uint32_t c = 0; c < components; c++)
                        out[c] += weight * in[c];
                }
        }
    }
}
