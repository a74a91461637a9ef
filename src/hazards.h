// SPDX-License-Identifier: MIT
// Which byte ranges have been read and written since the last barrier, and whether an access conflicts with them.
//
// Two sets of intervals. What was added last is a short list, which is looked through; when it is full it goes into
// disjoint intervals ordered by address: leaves of a fixed size under one index, so that a look-up takes two binary searches
// and an addition moves at most one leaf, however many ranges there are. A barrier empties both sets in constant time;
// their memory is kept, so that nothing is allocated once a recording of the same kind has been made.
#ifndef SMELT_HAZARDS_H
#define SMELT_HAZARDS_H

#include "internal.h"

// Bytes [begin, end) of the device's address space.
struct smelt_interval {
    VkDeviceAddress begin, end;
};

#define SMELT_RECENT_INTERVALS 32

struct smelt_interval_leaf;
struct smelt_interval_set {
    // The hull of all: its end, and 2^64 - 1 less its begin, so that an empty one is 0 and both only grow.
    VkDeviceAddress end, beginless;
    uint32_t recent_count;
    struct smelt_interval recent[SMELT_RECENT_INTERVALS];
    struct smelt_interval_leaf **leaves; // by address; none is empty
    VkDeviceAddress *begins;             // of the first interval of each leaf
    uint32_t count, made, capacity;      // leaves in use; those after them are spare
    uint64_t allocations;
};

bool smelt_interval_set_find(const struct smelt_interval_set *set, VkDeviceAddress begin,
                             VkDeviceAddress end); // among the ordered ones
bool smelt_interval_set_settle(
    struct smelt_interval_set *set); // orders the recent ones. False: out of memory

static inline struct smelt_interval smelt_interval_set_hull(const struct smelt_interval_set *set)
{
    return (struct smelt_interval){~set->beginless, set->end}; // begin > end when there is none
}

static inline bool smelt_interval_set_is_empty(const struct smelt_interval_set *set)
{
    return set->end == 0;
}

// Whether an interval of the set has a byte of [begin, end).
SMELT_ALWAYS_INLINE bool smelt_interval_set_meets(const struct smelt_interval_set *set, VkDeviceAddress begin,
                                                  VkDeviceAddress end)
{
    if (begin >= set->end || end <= ~set->beginless || begin >= end)
        return false;
    for (uint32_t i = 0; i < set->recent_count; i++)
        if (begin < set->recent[i].end && set->recent[i].begin < end)
            return true;
    return set->count && smelt_interval_set_find(set, begin, end);
}

// Unites the set with [begin, end). False: out of memory.
SMELT_ALWAYS_INLINE bool smelt_interval_set_add(struct smelt_interval_set *set, VkDeviceAddress begin,
                                                VkDeviceAddress end)
{
    if (begin >= end)
        return true;
    if (set->recent_count == SMELT_RECENT_INTERVALS && !smelt_interval_set_settle(set))
        return false;
    set->beginless = SMELT_MAX(set->beginless, ~begin);
    set->end = SMELT_MAX(set->end, end);
    set->recent[set->recent_count++] = (struct smelt_interval){begin, end};
    return true;
}

static inline void smelt_interval_set_clear(struct smelt_interval_set *set) // keeps the memory
{
    set->count = set->recent_count = 0;
    set->beginless = set->end = 0;
}
void smelt_interval_set_free(struct smelt_interval_set *set);
// The first interval of a settled set at or after (leaf, index), which it moves on past; false at the end. Start at 0, 0.
bool smelt_interval_set_next(const struct smelt_interval_set *set, uint32_t *leaf, uint32_t *index,
                             struct smelt_interval *interval);

// A range that a dispatch accesses.
struct smelt_range {
    VkDeviceAddress begin, end;
    enum smelt_access access;
    uint32_t argument;   // of the dispatch's pipeline; UINT32_MAX: none
    smelt_tensor tensor; // NULL: a buffer of the caller's
};

enum smelt_hazard {
    SMELT_HAZARD_NONE = 0,
    SMELT_HAZARD_READ_AFTER_WRITE = 1,
    SMELT_HAZARD_WRITE_AFTER_WRITE = 2,
    SMELT_HAZARD_WRITE_AFTER_READ = 3,
};

struct smelt_hazards {
    struct smelt_interval_set reads, writes;
    // Writes that barriers have shown to shaders, but not to the stage that reads the commands of indirect dispatches: a
    // barrier orders for that stage only where it has to. The hull of them until there is such a dispatch, then each.
    struct smelt_interval_set unseen;
    bool commands;      // there is such a dispatch in the recording
    bool indirect_read; // that stage has read since the last barrier
};

// What a dispatch that accesses these ranges conflicts with: the first that is found, NONE when there is nothing.
// `indirect` is what its command is read from (empty: not indirect).
SMELT_ALWAYS_INLINE enum smelt_hazard smelt_hazards_find(const struct smelt_hazards *hazards,
                                                         const struct smelt_range *ranges, uint32_t count,
                                                         struct smelt_interval indirect)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct smelt_range *r = &ranges[i];
        if (smelt_interval_set_meets(&hazards->writes, r->begin, r->end))
            return r->access == SMELT_ACCESS_WRITE ? SMELT_HAZARD_WRITE_AFTER_WRITE
                                                   : SMELT_HAZARD_READ_AFTER_WRITE;
        if (r->access != SMELT_ACCESS_READ && smelt_interval_set_meets(&hazards->reads, r->begin, r->end))
            return SMELT_HAZARD_WRITE_AFTER_READ;
    }
    return indirect.begin < indirect.end &&
                   (smelt_interval_set_meets(&hazards->writes, indirect.begin, indirect.end) ||
                    smelt_interval_set_meets(&hazards->unseen, indirect.begin, indirect.end))
               ? SMELT_HAZARD_READ_AFTER_WRITE
               : SMELT_HAZARD_NONE;
}

// Adds a dispatch. False: out of memory (some may have been added: the caller puts a barrier and clears).
SMELT_ALWAYS_INLINE bool smelt_hazards_add(struct smelt_hazards *hazards, const struct smelt_range *ranges,
                                           uint32_t count, struct smelt_interval indirect)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct smelt_range *r = &ranges[i];
        // What is written conflicts with everything: that it is read as well adds nothing.
        bool reads = r->access == SMELT_ACCESS_READ;
        if (!smelt_interval_set_add(reads ? &hazards->reads : &hazards->writes, r->begin, r->end))
            return false;
    }
    if (indirect.begin >= indirect.end)
        return true;
    hazards->commands = hazards->indirect_read = true;
    return smelt_interval_set_add(&hazards->reads, indirect.begin, indirect.end);
}

// The lightest barrier that orders all that was added before a dispatch (an indirect one: its command, too), and forgets
// what it has ordered.
void smelt_hazards_barrier(struct smelt_hazards *hazards, bool indirect, struct smelt_barrier *barrier);
// What an explicit barrier has ordered is forgotten; one that is too weak for that forgets nothing.
void smelt_hazards_apply(struct smelt_hazards *hazards, const struct smelt_barrier *barrier);
void smelt_hazards_clear(struct smelt_hazards *hazards); // for a new recording
void smelt_hazards_free(struct smelt_hazards *hazards);
uint64_t smelt_hazards_allocations(const struct smelt_hazards *hazards); // so far

#endif
