// SPDX-License-Identifier: MIT
// The order of a graph's nodes and the barriers between them, from the byte ranges that each accesses and nothing else.
//
// Passes, in this order: explicit barriers that ranges replace are dropped, dead nodes are removed, nodes are reordered,
// barriers are placed.
#ifndef SMELT_GRAPH_PLAN_H
#define SMELT_GRAPH_PLAN_H

#include "hazards.h"

struct smelt_graph_plan_node {
    const struct smelt_range *ranges; // of a barrier: those that it is asked for, or none
    uint32_t range_count;
    struct smelt_interval indirect; // read as a dispatch's command; empty: not indirect
    bool untagged;                  // stays where it is, and nothing is moved past it; never dead
    bool whole;                     // it writes every byte of the ranges that it only writes
    bool ordered; // waits for what it conflicts with also where nothing is tracked: a later part of a call
    const struct smelt_barrier *barrier; // not NULL: an explicit barrier
};

struct smelt_graph_plan_params {
    bool minimize;                     // drop explicit barriers between compute shaders of tagged nodes
    bool remove_dead;                  // nodes that write nothing that is read later or live
    bool reorder;                      // with `minimize` only: explicit barriers stay where they are
    bool track;                        // place barriers where ranges conflict; else explicit ones only
    uint32_t look_ahead;               // nodes that a node is moved past, at most
    const struct smelt_interval *live; // bytes that are read after the graph
    uint32_t live_count;
    // Called with the order, before barriers are placed: may put other ranges into the nodes. NULL: nothing is.
    enum smelt_result (*place)(void *user, const uint32_t *order, uint32_t count);
    void *user;
};

struct smelt_graph_plan_entry {
    uint32_t node;
    uint32_t barrier; // before it: 1 + place among `barriers`; 0: none
};

struct smelt_graph_plan {
    struct smelt_graph_plan_entry *entries; // without explicit barriers' nodes
    uint32_t count;
    struct smelt_barrier *barriers;
    uint32_t barrier_count;
    bool ends_with_barrier; // an explicit one after the last node, which is `last`
    struct smelt_barrier last;
    uint32_t dropped, dead, moved; // explicit barriers, nodes, nodes that stand elsewhere than before
};

// Errors: OUT_OF_HOST_MEMORY. Free with smelt_graph_plan_free, also after an error.
enum smelt_result smelt_graph_plan_make(smelt_context context, const struct smelt_graph_plan_params *params,
                                        const struct smelt_graph_plan_node *nodes, uint32_t count,
                                        struct smelt_graph_plan *plan);
void smelt_graph_plan_free(struct smelt_graph_plan *plan);

#endif
