// SPDX-License-Identifier: MIT
// Places for things that are in use for a time: offsets so that those in use at once do not overlap, and few bytes in all.
#ifndef SMELT_GRAPH_MEMORY_H
#define SMELT_GRAPH_MEMORY_H

#include "internal.h"

struct smelt_memory_item {
    uint64_t size;
    uint32_t first, last; // steps between which it is in use, both included
    uint64_t offset;      // its place: a multiple of the alignment
};

// Places `count` items best fit, in several orders, of which the one that takes least is kept. `size` is where the last one
// ends. The same items give the same places. Errors: OUT_OF_HOST_MEMORY.
enum smelt_result smelt_memory_place(smelt_context context, struct smelt_memory_item *items, uint32_t count,
                                     uint64_t alignment, uint64_t *size);
// The most bytes that are in use at one step: no placement takes less. UINT64_MAX: out of memory.
uint64_t smelt_memory_lower_bound(const struct smelt_memory_item *items, uint32_t count);

#endif
