// SPDX-License-Identifier: MIT
// Which byte ranges have been read and written since the last barrier, and whether an access conflicts with them.
//
// Two sets of disjoint intervals, ordered by address: leaves of a fixed size under one index, so that a look-up takes two
// binary searches and an addition moves at most one leaf, however many ranges there are. A barrier empties both sets in
// constant time; their memory is kept, so that nothing is allocated once a recording of the same kind has been made.
#ifndef SMELT_HAZARDS_H
#define SMELT_HAZARDS_H

#include "internal.h"

// Bytes [begin, end) of the device's address space.
struct smelt_interval {
    VkDeviceAddress begin, end;
};

struct smelt_interval_leaf;
struct smelt_interval_set {
    struct smelt_interval_leaf **leaves; // by address; none is empty
    VkDeviceAddress *begins;             // of the first interval of each leaf
    uint32_t count, made, capacity;      // leaves in use; those after them are spare
    uint64_t allocations;
};

// Whether an interval of the set has a byte of [begin, end).
bool smelt_interval_set_meets(const struct smelt_interval_set *set, VkDeviceAddress begin,
                              VkDeviceAddress end);
// Unites the set with [begin, end). False: out of memory, the set is as it was.
bool smelt_interval_set_add(struct smelt_interval_set *set, VkDeviceAddress begin, VkDeviceAddress end);
void smelt_interval_set_clear(struct smelt_interval_set *set); // keeps the memory
void smelt_interval_set_free(struct smelt_interval_set *set);
// The first interval at or after (leaf, index), which it moves on past; false at the end. Start at 0, 0.
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
    // barrier orders for that stage only where it has to. `unseen_all`: anything, as there was no memory to tell.
    struct smelt_interval_set unseen;
    bool unseen_all;
    bool indirect_read; // that stage has read since the last barrier
};

// What a dispatch that accesses these ranges conflicts with: the first that is found, NONE when there is nothing.
// `indirect` is what its command is read from (empty: not indirect).
enum smelt_hazard smelt_hazards_find(const struct smelt_hazards *hazards, const struct smelt_range *ranges,
                                     uint32_t count, struct smelt_interval indirect);
// Adds a dispatch. False: out of memory (some may have been added: the caller puts a barrier and clears).
bool smelt_hazards_add(struct smelt_hazards *hazards, const struct smelt_range *ranges, uint32_t count,
                       struct smelt_interval indirect);
// The lightest barrier that orders all that was added before a dispatch (an indirect one: its command, too), and forgets
// what it has ordered.
void smelt_hazards_barrier(struct smelt_hazards *hazards, bool indirect, struct smelt_barrier *barrier);
// What an explicit barrier has ordered is forgotten; one that is too weak for that forgets nothing.
void smelt_hazards_apply(struct smelt_hazards *hazards, const struct smelt_barrier *barrier);
void smelt_hazards_clear(struct smelt_hazards *hazards); // for a new recording
void smelt_hazards_free(struct smelt_hazards *hazards);
uint64_t smelt_hazards_allocations(const struct smelt_hazards *hazards); // so far

#endif
