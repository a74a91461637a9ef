// SPDX-License-Identifier: MIT
// What attention.comp must give, in double precision.
#ifndef ATTENTION_REFERENCE_H
#define ATTENTION_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

// How many keys a query sees.
uint32_t attention_seen(uint32_t length, bool causal, uint32_t query);

// One row of the result: q and got [head_dim], k and v [count][head_dim]. The largest error among its elements, in
// multiples of its bound; NaN counts as infinite.
double attention_error(uint32_t head_dim, uint32_t count, const float *q, const float *k, const float *v,
                       const float *got);

#endif
