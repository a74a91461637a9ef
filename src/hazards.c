// SPDX-License-Identifier: MIT
// The tracker of hazards.h: interval sets, what conflicts, and the barrier that orders it.
#include "hazards.h"

#include <stdlib.h>
#include <string.h>

#define LEAF 128 // intervals; what an addition may have to move

struct smelt_interval_leaf {
    uint32_t count;
    struct smelt_interval intervals[LEAF];
};

// --- Interval sets ----------------------------------------------------------------------------------------

// The last leaf that begins at or before an address, or the first.
static uint32_t find_leaf(const struct smelt_interval_set *set, VkDeviceAddress address)
{
    uint32_t low = 0, high = set->count;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (set->begins[middle] <= address)
            low = middle;
        else
            high = middle;
    }
    return low;
}

// The first interval of a leaf that ends at or after an address, or its count.
static uint32_t find_end(const struct smelt_interval_leaf *leaf, VkDeviceAddress address)
{
    uint32_t low = 0, high = leaf->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (leaf->intervals[middle].end < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool smelt_interval_set_find(const struct smelt_interval_set *set, VkDeviceAddress begin, VkDeviceAddress end)
{
    const struct smelt_interval_leaf *leaf = set->leaves[find_leaf(set, end - 1)];
    uint32_t low = 0, high = leaf->count; // the number of intervals that begin before `end`
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (leaf->intervals[middle].begin < end)
            low = middle + 1;
        else
            high = middle;
    }
    return low && leaf->intervals[low - 1].end > begin;
}

// Makes room for a leaf at `at` of the index.
static bool insert_leaf(struct smelt_interval_set *set, uint32_t at)
{
    if (set->made == set->count) {
        if (set->made == set->capacity) {
            uint32_t capacity = set->capacity ? 2 * set->capacity : 4;
            struct smelt_interval_leaf **leaves = realloc(set->leaves, capacity * sizeof(*leaves));
            if (!leaves)
                return false;
            set->leaves = leaves;
            VkDeviceAddress *begins = realloc(set->begins, capacity * sizeof(*begins));
            if (!begins)
                return false;
            set->begins = begins;
            set->capacity = capacity;
        }
        if (!(set->leaves[set->made] = malloc(sizeof(**set->leaves))))
            return false;
        set->made++;
        set->allocations++;
    }
    struct smelt_interval_leaf *leaf = set->leaves[set->count];
    memmove(&set->leaves[at + 1], &set->leaves[at], (set->count - at) * sizeof(set->leaves[0]));
    memmove(&set->begins[at + 1], &set->begins[at], (set->count - at) * sizeof(set->begins[0]));
    leaf->count = 0;
    set->leaves[at] = leaf;
    set->count++;
    return true;
}

static void remove_leaf(struct smelt_interval_set *set, uint32_t at)
{
    struct smelt_interval_leaf *leaf = set->leaves[at];
    set->count--;
    memmove(&set->leaves[at], &set->leaves[at + 1], (set->count - at) * sizeof(set->leaves[0]));
    memmove(&set->begins[at], &set->begins[at + 1], (set->count - at) * sizeof(set->begins[0]));
    set->leaves[set->count] = leaf; // spare
}

static bool insert(struct smelt_interval_set *set, uint32_t l, uint32_t at, struct smelt_interval interval)
{
    struct smelt_interval_leaf *leaf = set->leaves[l];
    if (leaf->count == LEAF) {
        if (!insert_leaf(set, l + 1))
            return false;
        // Addresses often rise: then the full leaf stays full, and the next one takes over.
        uint32_t kept = at == LEAF ? LEAF - 1 : LEAF / 2;
        struct smelt_interval_leaf *next = set->leaves[l + 1];
        next->count = LEAF - kept;
        memcpy(next->intervals, leaf->intervals + kept, next->count * sizeof(interval));
        leaf->count = kept;
        set->begins[l + 1] = next->intervals[0].begin;
        if (at > kept) {
            leaf = next;
            at -= kept;
            l++;
        }
    }
    memmove(&leaf->intervals[at + 1], &leaf->intervals[at], (leaf->count - at) * sizeof(interval));
    leaf->intervals[at] = interval;
    leaf->count++;
    set->begins[l] = leaf->intervals[0].begin;
    return true;
}

// Takes in the intervals after `at` of a leaf that the one at `at` now reaches.
static void absorb(struct smelt_interval_set *set, uint32_t l, uint32_t at)
{
    struct smelt_interval_leaf *leaf = set->leaves[l];
    struct smelt_interval *merged = &leaf->intervals[at];
    for (uint32_t first = at + 1;; first = 0) {
        struct smelt_interval_leaf *from = set->leaves[first ? l : l + 1];
        uint32_t last = first;
        while (last < from->count && from->intervals[last].begin <= merged->end) {
            merged->end = SMELT_MAX(merged->end, from->intervals[last].end);
            last++;
        }
        bool more = last == from->count;
        memmove(&from->intervals[first], &from->intervals[last],
                (from->count - last) * sizeof(from->intervals[0]));
        from->count -= last - first;
        if (!from->count)
            remove_leaf(set, l + 1);
        else if (!first)
            set->begins[l + 1] = from->intervals[0].begin;
        if (!more || l + 1 == set->count)
            return;
    }
}

static bool unite(struct smelt_interval_set *set, VkDeviceAddress begin, VkDeviceAddress end)
{
    struct smelt_interval interval = {begin, end};
    if (!set->count)
        return insert_leaf(set, 0) && insert(set, 0, 0, interval);
    uint32_t l = find_leaf(set, begin), at = find_end(set->leaves[l], begin);
    bool next = at == set->leaves[l]->count && l + 1 < set->count && set->begins[l + 1] <= end;
    if (next) {
        l++;
        at = 0;
    }
    struct smelt_interval_leaf *leaf = set->leaves[l];
    if (at == leaf->count || leaf->intervals[at].begin > end)
        return insert(set, l, at, interval);
    struct smelt_interval *touched = &leaf->intervals[at];
    touched->begin = SMELT_MIN(touched->begin, begin);
    set->begins[l] = leaf->intervals[0].begin;
    if (end > touched->end) {
        touched->end = end;
        absorb(set, l, at);
    }
    return true;
}

bool smelt_interval_set_settle(struct smelt_interval_set *set)
{
    while (set->recent_count) {
        struct smelt_interval last = set->recent[set->recent_count - 1];
        if (!unite(set, last.begin, last.end))
            return false;
        set->recent_count--;
    }
    return true;
}

void smelt_interval_set_free(struct smelt_interval_set *set)
{
    for (uint32_t i = 0; i < set->made; i++)
        free(set->leaves[i]);
    free(set->leaves);
    free(set->begins);
    *set = (struct smelt_interval_set){0};
}

bool smelt_interval_set_next(const struct smelt_interval_set *set, uint32_t *leaf, uint32_t *index,
                             struct smelt_interval *interval)
{
    if (*leaf < set->count && *index == set->leaves[*leaf]->count) {
        ++*leaf;
        *index = 0;
    }
    if (*leaf >= set->count)
        return false;
    *interval = set->leaves[*leaf]->intervals[(*index)++];
    return true;
}

// --- Hazards ----------------------------------------------------------------------------------------------

void smelt_hazards_barrier(struct smelt_hazards *hazards, bool indirect, struct smelt_barrier *barrier)
{
    // Only reads came before: an execution dependency is enough.
    bool writes = indirect || !smelt_interval_set_is_empty(&hazards->writes);
    *barrier = (struct smelt_barrier){
        .source_stages = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
        .source_access = writes ? VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT : 0,
        .destination_stages = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
        .destination_access =
            writes ? VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT : 0,
    };
    if (hazards->indirect_read)
        barrier->source_stages |= VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT;
    if (indirect) {
        barrier->destination_stages |= VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT;
        barrier->destination_access |= VK_ACCESS_2_INDIRECT_COMMAND_READ_BIT;
    }
    smelt_hazards_apply(hazards, barrier);
}

static bool has_stage(VkPipelineStageFlags2 stages, VkPipelineStageFlags2 stage)
{
    return (stages & (stage | VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT)) != 0;
}

// What was written and shaders now see, the stage that reads commands does not.
static void keep_unseen(struct smelt_hazards *hazards)
{
    struct smelt_interval_set *unseen = &hazards->unseen;
    struct smelt_interval hull = smelt_interval_set_hull(unseen),
                          written = smelt_interval_set_hull(&hazards->writes), each;
    uint32_t leaf = 0, index = 0;
    bool exact = hazards->commands && smelt_interval_set_settle(&hazards->writes);
    while (exact && smelt_interval_set_next(&hazards->writes, &leaf, &index, &each))
        exact = smelt_interval_set_add(unseen, each.begin, each.end);
    if (exact || written.begin >= written.end)
        return;
    // One interval around all of them, in which there are no others.
    bool empty = hull.begin >= hull.end;
    smelt_interval_set_clear(unseen);
    smelt_interval_set_add(unseen, empty ? written.begin : SMELT_MIN(hull.begin, written.begin),
                           empty ? written.end : SMELT_MAX(hull.end, written.end));
}

void smelt_hazards_apply(struct smelt_hazards *hazards, const struct smelt_barrier *b)
{
    const VkPipelineStageFlags2 compute = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    const VkPipelineStageFlags2 indirect = VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT;
    const VkAccessFlags2 any_read = VK_ACCESS_2_SHADER_READ_BIT | VK_ACCESS_2_MEMORY_READ_BIT;
    const VkAccessFlags2 any_write = VK_ACCESS_2_SHADER_WRITE_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT;
    bool available = has_stage(b->source_stages, compute) &&
                     (b->source_access & (any_write | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT));
    bool visible = (b->destination_access & (any_read | VK_ACCESS_2_SHADER_STORAGE_READ_BIT)) &&
                   (b->destination_access & (any_write | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT));
    bool ordered = has_stage(b->source_stages, compute) && has_stage(b->destination_stages, compute);
    bool seen =
        available && has_stage(b->destination_stages, indirect) &&
        (b->destination_access & (VK_ACCESS_2_INDIRECT_COMMAND_READ_BIT | VK_ACCESS_2_MEMORY_READ_BIT));
    if (ordered && (!hazards->indirect_read || has_stage(b->source_stages, indirect))) {
        smelt_interval_set_clear(&hazards->reads);
        hazards->indirect_read = false;
    }
    if (seen)
        smelt_interval_set_clear(&hazards->unseen);
    if (!ordered || !available || !visible)
        return;
    if (!seen)
        keep_unseen(hazards);
    smelt_interval_set_clear(&hazards->writes);
}

void smelt_hazards_clear(struct smelt_hazards *hazards)
{
    smelt_interval_set_clear(&hazards->reads);
    smelt_interval_set_clear(&hazards->writes);
    smelt_interval_set_clear(&hazards->unseen);
    hazards->indirect_read = hazards->commands = false;
}

void smelt_hazards_free(struct smelt_hazards *hazards)
{
    smelt_interval_set_free(&hazards->reads);
    smelt_interval_set_free(&hazards->writes);
    smelt_interval_set_free(&hazards->unseen);
}

uint64_t smelt_hazards_allocations(const struct smelt_hazards *hazards)
{
    return hazards->reads.allocations + hazards->writes.allocations + hazards->unseen.allocations;
}
