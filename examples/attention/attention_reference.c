// SPDX-License-Identifier: MIT
// Attention in double precision, written for reading.
#include "attention_reference.h"

#include <math.h>
#include <stdlib.h>

uint32_t attention_seen(uint32_t length, bool causal, uint32_t query)
{
    return causal && query + 1 < length ? query + 1 : length;
}

// How far each element may be off: scores as matmul2d's bound says, their exponentials, the rounding of these to f16, the
// sums, the store.
double attention_error(uint32_t d, uint32_t count, const float *q, const float *k, const float *v,
                       const float *got)
{
    double scale = 1 / sqrt(d), largest = -INFINITY, total = 0, worst = 0, off = 0;
    double *p = malloc((count + 1) * sizeof(double)), u = 0x1p-23;
    for (uint32_t j = 0; p && j < count; j++) {
        double dot = 0, size = 0;
        for (uint32_t i = 0; i < d; i++) {
            dot += (double)q[i] * k[(uint64_t)j * d + i];
            size += fabs((double)q[i] * k[(uint64_t)j * d + i]);
        }
        p[j] = dot * scale;
        largest = fmax(largest, p[j]);
        off = fmax(off, (2.0 * d + 8) * u * size * scale);
    }
    for (uint32_t j = 0; p && j < count; j++)
        total += p[j] = exp(p[j] - largest);
    // exp2: (3 + 2 |x|) u, x to 40 where it matters; each block of keys rescales what was before
    double relative = 2 * (2 * off + 0x1p-10 + (90 + 8.0 * count + 100) * u);
    for (uint32_t i = 0; p && i < d; i++) {
        double value = 0, size = 0;
        for (uint32_t j = 0; j < count; j++) {
            value += p[j] / total * v[(uint64_t)j * d + i];
            size += (p[j] + 0x1p-14) / total * fabs((double)v[(uint64_t)j * d + i]);
        }
        if (!count)
            continue; // nothing is seen: nothing is promised
        double bound = relative * size + count * 0x1p-24 / total * 2 + 0x1p-10 * fabs(value);
        double ratio = fabs(got[i] - value) / bound;
        worst = ratio <= worst ? worst : isnan(ratio) ? INFINITY : ratio;
    }
    free(p);
    return p ? worst : INFINITY;
}
