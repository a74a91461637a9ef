// SPDX-License-Identifier: MIT
// Offsets for items that are in use for a time (graph_memory.h).
#include "graph_memory.h"

#include <stdlib.h>
#include <string.h>

#define MOST_TRIES 64         // orders, at most
#define MOST_STEPS (1u << 24) // looks at a placed item, over all orders

struct placement {
    struct smelt_memory_item *items;
    uint32_t count;
    uint64_t alignment;
    uint32_t *order;  // in which they are placed
    uint32_t *placed; // by offset
    uint64_t *best;   // offsets
};

static bool at_once(const struct smelt_memory_item *a, const struct smelt_memory_item *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) / alignment * alignment;
}

// The smallest gap that takes the item between those that are in use at once with it; behind them all if there is none.
static uint64_t find_place(const struct placement *p, uint32_t placed, const struct smelt_memory_item *item)
{
    uint64_t end = 0, best = UINT64_MAX, smallest = UINT64_MAX;
    for (uint32_t i = 0; i < placed; i++) {
        const struct smelt_memory_item *other = &p->items[p->placed[i]];
        if (!at_once(item, other))
            continue;
        uint64_t gap = other->offset > end ? other->offset - end : 0;
        if (gap >= item->size && gap < smallest) {
            smallest = gap;
            best = end;
        }
        end = SMELT_MAX(end, align_up(other->offset + other->size, p->alignment));
    }
    return best == UINT64_MAX ? end : best;
}

// Places all in the order; the number of the item that ends last is in `top`.
static uint64_t place_all(struct placement *p, uint32_t *top)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        struct smelt_memory_item *item = &p->items[p->order[i]];
        item->offset = find_place(p, i, item);
        uint32_t at = i;
        for (; at > 0 && p->items[p->placed[at - 1]].offset > item->offset; at--)
            p->placed[at] = p->placed[at - 1];
        p->placed[at] = p->order[i];
        if (item->offset + item->size > size) {
            size = item->offset + item->size;
            *top = i;
        }
    }
    return size;
}

// Sorted by `before`, those that are equal by their number.
static void sort(struct placement *p,
                 bool (*before)(const struct smelt_memory_item *a, const struct smelt_memory_item *b))
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t at = i;
        for (; at > 0 && before(&p->items[i], &p->items[p->order[at - 1]]); at--)
            p->order[at] = p->order[at - 1];
        p->order[at] = i;
    }
}

static bool is_larger(const struct smelt_memory_item *a, const struct smelt_memory_item *b)
{
    return a->size > b->size || (a->size == b->size && a->last - a->first > b->last - b->first);
}

static bool is_earlier(const struct smelt_memory_item *a, const struct smelt_memory_item *b)
{
    return a->first < b->first || (a->first == b->first && a->size > b->size);
}

static bool takes_more(const struct smelt_memory_item *a, const struct smelt_memory_item *b)
{
    double x = (double)a->size * (a->last - a->first + 1.0), y = (double)b->size * (b->last - b->first + 1.0);
    return x > y;
}

// Tries the order, and then others in which what ended last comes first.
static void try_order(struct placement *p, uint32_t tries, uint64_t enough, uint64_t *size)
{
    for (uint32_t t = 0; t<tries && * size> enough; t++) {
        uint32_t top = 0;
        uint64_t needed = place_all(p, &top);
        if (needed < *size) {
            *size = needed;
            for (uint32_t i = 0; i < p->count; i++)
                p->best[i] = p->items[i].offset;
        }
        uint32_t first = p->order[top];
        memmove(&p->order[1], &p->order[0], top * sizeof(*p->order));
        p->order[0] = first;
    }
}

enum smelt_result smelt_memory_place(smelt_context context, struct smelt_memory_item *items, uint32_t count,
                                     uint64_t alignment, uint64_t *size)
{
    size_t room = SMELT_MAX(count, 1);
    struct placement p = {.items = items, .count = count, .alignment = alignment};
    uint64_t enough = smelt_memory_lower_bound(items, count);
    p.order = malloc(room * sizeof(*p.order));
    p.placed = malloc(room * sizeof(*p.placed));
    p.best = calloc(room, sizeof(*p.best));
    bool kept = p.order && p.placed && p.best && enough != UINT64_MAX;
    uint64_t tries = MOST_STEPS / ((uint64_t)room * room);
    *size = count ? UINT64_MAX : 0;
    for (int o = 0; o < 3 && kept; o++) {
        sort(&p, o == 0 ? is_larger : o == 1 ? is_earlier : takes_more);
        try_order(&p, (uint32_t)SMELT_MAX(SMELT_MIN(tries, MOST_TRIES), 1), enough, size);
    }
    for (uint32_t i = 0; i < count && kept; i++)
        items[i].offset = p.best[i];
    free(p.order);
    free(p.placed);
    free(p.best);
    return kept ? SMELT_OK
                : smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "memory plan: out of host memory");
}

uint64_t smelt_memory_lower_bound(const struct smelt_memory_item *items, uint32_t count)
{
    uint32_t steps = 0;
    for (uint32_t i = 0; i < count; i++)
        steps = SMELT_MAX(steps, items[i].last + 1);
    uint64_t *change = calloc((size_t)steps + 1, sizeof(*change)); // modulo 2^64
    if (!change)
        return UINT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        change[items[i].first] += items[i].size;
        change[items[i].last + 1] -= items[i].size;
    }
    uint64_t most = 0, now = 0;
    for (uint32_t s = 0; s < steps; s++) {
        now += change[s];
        most = SMELT_MAX(most, now);
    }
    free(change);
    return most;
}
