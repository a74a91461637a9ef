// SPDX-License-Identifier: MIT
// Judges a schedule from the ranges of the nodes and the barriers alone, pair by pair. It shares no code with the
// tracker, and none with the passes.
#ifndef SMELT_TEST_GRAPH_JUDGE_H
#define SMELT_TEST_GRAPH_JUDGE_H

#include "graph_plan.h"

#include <stdlib.h>
#include <string.h>

enum judge_kind { JUDGE_NONE, JUDGE_READ_AFTER_WRITE, JUDGE_WRITE_AFTER_WRITE, JUDGE_WRITE_AFTER_READ };

struct judge_verdict {
    uint32_t first, second; // nodes, in the order of the program
    enum judge_kind kind;   // NONE: the schedule is right
    const char *what;
};

static inline bool judge_meet(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
    return a < b_end && b < a_end;
}

// Whether `second` has to wait for `first`, and whether `second` reads its command from what `first` wrote.
static inline enum judge_kind judge_conflict(const struct smelt_graph_plan_node *first,
                                             const struct smelt_graph_plan_node *second, bool *command)
{
    enum judge_kind found = JUDGE_NONE;
    *command = false;
    for (uint32_t i = 0; i < first->range_count; i++) {
        const struct smelt_range *a = &first->ranges[i];
        if (a->access != SMELT_ACCESS_READ &&
            judge_meet(a->begin, a->end, second->indirect.begin, second->indirect.end)) {
            *command = true;
            found = JUDGE_READ_AFTER_WRITE;
        }
        for (uint32_t j = 0; j < second->range_count; j++) {
            const struct smelt_range *b = &second->ranges[j];
            if (!judge_meet(a->begin, a->end, b->begin, b->end))
                continue;
            if (a->access != SMELT_ACCESS_READ)
                found = b->access != SMELT_ACCESS_WRITE   ? JUDGE_READ_AFTER_WRITE
                        : found == JUDGE_READ_AFTER_WRITE ? found
                                                          : JUDGE_WRITE_AFTER_WRITE;
            else if (b->access != SMELT_ACCESS_READ && found == JUDGE_NONE)
                found = JUDGE_WRITE_AFTER_READ;
        }
    }
    for (uint32_t j = 0; j < second->range_count && found == JUDGE_NONE; j++)
        if (second->ranges[j].access != SMELT_ACCESS_READ &&
            judge_meet(first->indirect.begin, first->indirect.end, second->ranges[j].begin,
                       second->ranges[j].end))
            found = JUDGE_WRITE_AFTER_READ;
    return found;
}

// Whether one barrier orders such a pair. After reads an execution dependency is enough.
static inline bool judge_orders(const struct smelt_barrier *b, enum judge_kind kind, bool command,
                                bool from_command)
{
    VkPipelineStageFlags2 all = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
    VkPipelineStageFlags2 source =
        from_command ? VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT : VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    VkPipelineStageFlags2 destination =
        command ? VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT : VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    if (!(b->source_stages & (source | all)) || !(b->destination_stages & (destination | all)))
        return false;
    if (kind == JUDGE_WRITE_AFTER_READ)
        return true;
    VkAccessFlags2 write =
        VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT | VK_ACCESS_2_SHADER_WRITE_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT;
    VkAccessFlags2 wanted =
        command ? VK_ACCESS_2_INDIRECT_COMMAND_READ_BIT | VK_ACCESS_2_MEMORY_READ_BIT
        : kind == JUDGE_WRITE_AFTER_WRITE
            ? write
            : VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_READ_BIT | VK_ACCESS_2_MEMORY_READ_BIT;
    return (b->source_access & write) && (b->destination_access & wanted);
}

// `places[n]`: where node n of the program stands among the entries; UINT32_MAX: it is not there. `without`: a barrier
// (from 1 on) that is taken out; 0: none.
static inline struct judge_verdict judge(const struct smelt_graph_plan_node *nodes, uint32_t count,
                                         const struct smelt_graph_plan *plan, uint32_t without)
{
    struct judge_verdict verdict = {0};
    uint32_t *places = malloc((count + 1) * sizeof(*places));
    memset(places, 0xff, (count + 1) * sizeof(*places));
    for (uint32_t i = 0; i < plan->count; i++) {
        if (places[plan->entries[i].node] != UINT32_MAX)
            verdict = (struct judge_verdict){plan->entries[i].node, 0, JUDGE_WRITE_AFTER_WRITE, "twice"};
        places[plan->entries[i].node] = i;
    }
    for (uint32_t i = 0; i < count && !verdict.kind; i++)
        for (uint32_t j = i + 1; j < count && !verdict.kind && places[i] != UINT32_MAX; j++) {
            bool command, ordered = false, from = nodes[i].indirect.begin < nodes[i].indirect.end;
            enum judge_kind kind = JUDGE_NONE;
            if (places[j] != UINT32_MAX)
                kind = judge_conflict(&nodes[i], &nodes[j], &command);
            if (kind == JUDGE_NONE)
                continue;
            for (uint32_t p = places[i] + 1; p <= places[j] && places[i] < places[j]; p++) {
                uint32_t b = plan->entries[p].barrier;
                ordered = ordered || (b && b != without &&
                                      judge_orders(&plan->barriers[b - 1], kind, command,
                                                   kind == JUDGE_WRITE_AFTER_READ && from));
            }
            if (!ordered)
                verdict = (struct judge_verdict){
                    i, j, kind, places[i] < places[j] ? "no barrier between" : "turned round"};
        }
    free(places);
    return verdict;
}

#endif
