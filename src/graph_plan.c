// SPDX-License-Identifier: MIT
// The passes of graph_plan.h. All ranges are cut at each other's ends into segments, so that two ranges share bytes
// just where they share a segment.
#include "graph_plan.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY UINT32_MAX

// A reader of a segment since it was last written, in a list.
struct reader {
    uint32_t node, next;
};
struct edge {
    uint32_t to, next; // of the list of the node that comes before
};

struct work {
    smelt_context context;
    const struct smelt_graph_plan_params *params;
    const struct smelt_graph_plan_node *nodes;
    uint32_t count;
    bool *gone;              // dropped or dead
    VkDeviceAddress *points; // ends of all ranges, rising; segment i is [points[i], points[i + 1])
    uint32_t point_count;
    uint32_t *order, order_count;
    // Reordering.
    uint32_t *writers, *readers; // of each segment: the last writer, the list of readers
    struct reader *reader_pool;
    uint32_t reader_count, reader_capacity;
    struct edge *edges;
    uint32_t edge_count, edge_capacity;
    uint32_t *successors, *waiting,
        *stamps; // of each node: a list, unfinished predecessors, the last one with an edge
};

static enum smelt_result no_memory(const struct work *work)
{
    return smelt_fail(work->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "graph: out of host memory");
}

static bool reads(const struct smelt_range *range)
{
    return range->access != SMELT_ACCESS_WRITE;
}

static bool writes(const struct smelt_range *range)
{
    return range->access != SMELT_ACCESS_READ;
}

// --- Segments ---------------------------------------------------------------------------------------------

static int compare_points(const void *a, const void *b)
{
    VkDeviceAddress x = *(const VkDeviceAddress *)a, y = *(const VkDeviceAddress *)b;
    return (x > y) - (x < y);
}

static void add_points(struct work *work, VkDeviceAddress begin, VkDeviceAddress end)
{
    if (begin >= end)
        return;
    work->points[work->point_count++] = begin;
    work->points[work->point_count++] = end;
}

static enum smelt_result make_segments(struct work *work)
{
    size_t most = 2 * ((size_t)work->params->live_count + work->count);
    for (uint32_t n = 0; n < work->count; n++)
        most += 2 * (size_t)work->nodes[n].range_count;
    work->points = malloc(SMELT_MAX(most, 1) * sizeof(*work->points));
    if (!work->points)
        return no_memory(work);
    for (uint32_t i = 0; i < work->params->live_count; i++)
        add_points(work, work->params->live[i].begin, work->params->live[i].end);
    for (uint32_t n = 0; n < work->count; n++) {
        const struct smelt_graph_plan_node *node = &work->nodes[n];
        for (uint32_t r = 0; r < node->range_count; r++)
            add_points(work, node->ranges[r].begin, node->ranges[r].end);
        add_points(work, node->indirect.begin, node->indirect.end);
    }
    qsort(work->points, work->point_count, sizeof(*work->points), compare_points);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < work->point_count; i++)
        if (!kept || work->points[i] != work->points[kept - 1])
            work->points[kept++] = work->points[i];
    work->point_count = kept;
    return SMELT_OK;
}

// The segment that begins at a range's end; the range's segments are those from that of its begin on.
static uint32_t segment(const struct work *work, VkDeviceAddress point)
{
    uint32_t low = 0, high = work->point_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (work->points[middle] < point)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// --- Explicit barriers ------------------------------------------------------------------------------------

static bool between_shaders(const struct smelt_barrier *barrier)
{
    const VkPipelineStageFlags2 compute = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    const VkAccessFlags2 shader = VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT |
                                  VK_ACCESS_2_SHADER_READ_BIT | VK_ACCESS_2_SHADER_WRITE_BIT;
    return !(barrier->source_stages & ~compute) && !(barrier->destination_stages & ~compute) &&
           !((barrier->source_access | barrier->destination_access) & ~shader);
}

// A barrier goes when all nodes from the barrier before it to the one after it are tagged: then their ranges say what it
// is for.
static void drop_barriers(struct work *work, struct smelt_graph_plan *plan)
{
    bool tagged = true; // since the barrier before
    for (uint32_t n = 0; n < work->count; n++) {
        const struct smelt_graph_plan_node *node = &work->nodes[n];
        if (!node->barrier) {
            tagged = tagged && !node->untagged;
            continue;
        }
        bool after = true;
        for (uint32_t i = n + 1; i < work->count && !work->nodes[i].barrier && after; i++)
            after = !work->nodes[i].untagged;
        if (tagged && after && between_shaders(node->barrier)) {
            work->gone[n] = true;
            plan->dropped++;
        }
        tagged = true;
    }
}

// --- Dead nodes -------------------------------------------------------------------------------------------

static bool is_wall(const struct work *work, uint32_t n)
{
    return work->nodes[n].untagged || work->nodes[n].barrier;
}

static void mark(bool *live, const struct work *work, VkDeviceAddress begin, VkDeviceAddress end, bool value)
{
    for (uint32_t s = segment(work, begin); s < work->point_count && work->points[s] < end; s++)
        live[s] = value;
}

static bool any_live(const bool *live, const struct work *work, const struct smelt_range *range)
{
    for (uint32_t s = segment(work, range->begin); s < work->point_count && work->points[s] < range->end; s++)
        if (live[s])
            return true;
    return false;
}

static enum smelt_result remove_dead(struct work *work, struct smelt_graph_plan *plan)
{
    bool *live = calloc(work->point_count + 1, sizeof(*live));
    if (!live)
        return no_memory(work);
    for (uint32_t i = 0; i < work->params->live_count; i++)
        mark(live, work, work->params->live[i].begin, work->params->live[i].end, true);
    for (uint32_t n = work->count; n-- > 0;) {
        const struct smelt_graph_plan_node *node = &work->nodes[n];
        bool needed = node->untagged;
        if (node->barrier)
            continue;
        for (uint32_t r = 0; r < node->range_count && !needed; r++)
            needed = writes(&node->ranges[r]) && any_live(live, work, &node->ranges[r]);
        if (!needed) {
            work->gone[n] = true;
            plan->dead++;
            continue;
        }
        for (uint32_t r = 0; r < node->range_count && node->whole; r++)
            if (!reads(&node->ranges[r]))
                mark(live, work, node->ranges[r].begin, node->ranges[r].end, false);
        for (uint32_t r = 0; r < node->range_count; r++)
            if (reads(&node->ranges[r]))
                mark(live, work, node->ranges[r].begin, node->ranges[r].end, true);
        mark(live, work, node->indirect.begin, node->indirect.end, true);
    }
    free(live);
    return SMELT_OK;
}

// --- Reordering -------------------------------------------------------------------------------------------

// `to` must come after `from`.
static enum smelt_result add_edge(struct work *work, uint32_t from, uint32_t to)
{
    if (from == NOBODY || from == to || work->stamps[from] == to)
        return SMELT_OK;
    if (work->edge_count == work->edge_capacity) {
        uint32_t capacity = work->edge_capacity ? 2 * work->edge_capacity : 1024;
        struct edge *edges = realloc(work->edges, capacity * sizeof(*edges));
        if (!edges)
            return no_memory(work);
        work->edges = edges;
        work->edge_capacity = capacity;
    }
    work->stamps[from] = to;
    work->edges[work->edge_count] = (struct edge){to, work->successors[from]};
    work->successors[from] = work->edge_count++;
    work->waiting[to]++;
    return SMELT_OK;
}

static enum smelt_result add_reader(struct work *work, uint32_t segment, uint32_t node)
{
    if (work->reader_count == work->reader_capacity) {
        uint32_t capacity = work->reader_capacity ? 2 * work->reader_capacity : 1024;
        struct reader *pool = realloc(work->reader_pool, capacity * sizeof(*pool));
        if (!pool)
            return no_memory(work);
        work->reader_pool = pool;
        work->reader_capacity = capacity;
    }
    work->reader_pool[work->reader_count] = (struct reader){node, work->readers[segment]};
    work->readers[segment] = work->reader_count++;
    return SMELT_OK;
}

// Edges to node n for its access to a segment.
static enum smelt_result depend(struct work *work, uint32_t n, uint32_t s, bool write)
{
    enum smelt_result result = add_edge(work, work->writers[s], n);
    for (uint32_t r = work->readers[s]; write && r != NOBODY && !result; r = work->reader_pool[r].next)
        result = add_edge(work, work->reader_pool[r].node, n);
    return result;
}

static enum smelt_result depend_range(struct work *work, uint32_t n, VkDeviceAddress begin,
                                      VkDeviceAddress end, bool write)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t s = segment(work, begin);
         s < work->point_count && work->points[s] < end && begin < end && !result; s++)
        result = depend(work, n, s, write);
    return result;
}

// Now that node n's edges are made, its accesses count for those after it: reads first, as a write ends their list.
static enum smelt_result leave(struct work *work, uint32_t n, VkDeviceAddress begin, VkDeviceAddress end,
                               bool write)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t s = segment(work, begin);
         s < work->point_count && work->points[s] < end && begin < end && !result; s++) {
        if (write) {
            work->writers[s] = n;
            work->readers[s] = NOBODY;
        } else if (work->writers[s] != n) {
            result = add_reader(work, s, n);
        }
    }
    return result;
}

static enum smelt_result make_edges(struct work *work)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t n = 0; n < work->count && !result; n++) {
        const struct smelt_graph_plan_node *node = &work->nodes[n];
        if (work->gone[n] || node->barrier)
            continue;
        result = depend_range(work, n, node->indirect.begin, node->indirect.end, false);
        for (uint32_t r = 0; r < node->range_count && !result; r++)
            result =
                depend_range(work, n, node->ranges[r].begin, node->ranges[r].end, writes(&node->ranges[r]));
        for (uint32_t r = 0; r < node->range_count && !result; r++)
            if (writes(&node->ranges[r]))
                result = leave(work, n, node->ranges[r].begin, node->ranges[r].end, true);
        for (uint32_t r = 0; r < node->range_count && !result; r++)
            if (!writes(&node->ranges[r]))
                result = leave(work, n, node->ranges[r].begin, node->ranges[r].end, false);
        if (!result)
            result = leave(work, n, node->indirect.begin, node->indirect.end, false);
    }
    return result;
}

// The nodes that come after those of order[first...] may wait for one less.
static void finish(struct work *work, uint32_t first)
{
    for (uint32_t i = first; i < work->order_count; i++)
        for (uint32_t e = work->successors[work->order[i]]; e != NOBODY; e = work->edges[e].next)
            work->waiting[work->edges[e].to]--;
}

// Puts the nodes of [from, to), none of which is a wall, in groups that wait for nothing in themselves. A node joins when
// at most look_ahead nodes that cannot are passed.
static void group_stretch(struct work *work, uint32_t from, uint32_t to, bool *placed)
{
    uint32_t head = from;
    while (true) {
        while (head < to && (placed[head] || work->gone[head]))
            head++;
        if (head == to)
            return;
        uint32_t first = work->order_count, passed = 0;
        for (uint32_t n = head; n < to && passed <= work->params->look_ahead; n++) {
            if (placed[n] || work->gone[n])
                continue;
            if (work->waiting[n] == 0) {
                work->order[work->order_count++] = n;
                placed[n] = true;
            } else {
                passed++;
            }
        }
        finish(work, first);
    }
}

static enum smelt_result allocate_edges(struct work *work)
{
    size_t segments = SMELT_MAX(work->point_count, 1), nodes = SMELT_MAX(work->count, 1);
    work->writers = malloc(segments * sizeof(uint32_t));
    work->readers = malloc(segments * sizeof(uint32_t));
    work->successors = malloc(nodes * sizeof(uint32_t));
    work->stamps = malloc(nodes * sizeof(uint32_t));
    work->waiting = calloc(nodes, sizeof(uint32_t));
    if (!work->writers || !work->readers || !work->successors || !work->stamps || !work->waiting)
        return no_memory(work);
    memset(work->writers, 0xff, segments * sizeof(uint32_t));
    memset(work->readers, 0xff, segments * sizeof(uint32_t));
    memset(work->successors, 0xff, nodes * sizeof(uint32_t));
    memset(work->stamps, 0xff, nodes * sizeof(uint32_t));
    return SMELT_OK;
}

static enum smelt_result reorder(struct work *work)
{
    bool *placed = calloc(SMELT_MAX(work->count, 1), sizeof(*placed));
    enum smelt_result result = placed ? allocate_edges(work) : no_memory(work);
    if (!result)
        result = make_edges(work);
    for (uint32_t n = 0; n < work->count && !result;) {
        uint32_t end = n;
        while (end < work->count && (work->gone[end] || !is_wall(work, end)))
            end++;
        group_stretch(work, n, end, placed);
        if (end < work->count) {
            work->order[work->order_count++] = end;
            finish(work, work->order_count - 1);
        }
        n = end + 1;
    }
    free(placed);
    return result;
}

// --- Barriers ---------------------------------------------------------------------------------------------

static void put_barrier(struct smelt_graph_plan *plan, uint32_t *pending, const struct smelt_barrier *barrier)
{
    if (*pending) { // two in a row become one
        struct smelt_barrier *old = &plan->barriers[*pending - 1];
        old->source_stages |= barrier->source_stages;
        old->source_access |= barrier->source_access;
        old->destination_stages |= barrier->destination_stages;
        old->destination_access |= barrier->destination_access;
        return;
    }
    plan->barriers[plan->barrier_count++] = *barrier;
    *pending = plan->barrier_count;
}

static enum smelt_result place_barriers(struct work *work, struct smelt_graph_plan *plan)
{
    struct smelt_hazards hazards = {0};
    uint32_t pending = 0;
    size_t most = SMELT_MAX(work->order_count, 1);
    plan->entries = malloc(most * sizeof(*plan->entries));
    plan->barriers = malloc(most * sizeof(*plan->barriers));
    if (!plan->entries || !plan->barriers)
        return no_memory(work);
    for (uint32_t i = 0; i < work->order_count; i++) {
        const struct smelt_graph_plan_node *node = &work->nodes[work->order[i]];
        bool conflict = smelt_hazards_find(&hazards, node->ranges, node->range_count, node->indirect);
        struct smelt_barrier barrier;
        if (node->barrier && !node->range_count) {
            put_barrier(plan, &pending, node->barrier);
            smelt_hazards_apply(&hazards, node->barrier);
        } else if (conflict && (work->params->track || node->barrier || node->ordered)) {
            smelt_hazards_barrier(&hazards, node->indirect.begin < node->indirect.end, &barrier);
            put_barrier(plan, &pending, &barrier);
        }
        if (node->barrier)
            continue;
        plan->entries[plan->count++] = (struct smelt_graph_plan_entry){work->order[i], pending};
        pending = 0;
        if (!smelt_hazards_add(&hazards, node->ranges, node->range_count, node->indirect)) {
            smelt_hazards_free(&hazards);
            return no_memory(work);
        }
    }
    if (pending) {
        plan->ends_with_barrier = true;
        plan->last = plan->barriers[--plan->barrier_count];
    }
    smelt_hazards_free(&hazards);
    return SMELT_OK;
}

// --- All --------------------------------------------------------------------------------------------------

static enum smelt_result make(struct work *work, struct smelt_graph_plan *plan)
{
    const struct smelt_graph_plan_params *params = work->params;
    work->gone = calloc(SMELT_MAX(work->count, 1), sizeof(*work->gone));
    work->order = malloc(SMELT_MAX(work->count, 1) * sizeof(*work->order));
    if (!work->gone || !work->order)
        return no_memory(work);
    enum smelt_result result = make_segments(work);
    if (!result && params->minimize)
        drop_barriers(work, plan);
    if (!result && params->remove_dead)
        result = remove_dead(work, plan);
    if (!result && params->reorder) {
        result = reorder(work);
    } else {
        for (uint32_t n = 0; n < work->count; n++)
            if (!work->gone[n])
                work->order[work->order_count++] = n;
    }
    uint32_t at = 0;
    for (uint32_t n = 0; n < work->count && !result; n++)
        if (!work->gone[n])
            plan->moved += work->order[at++] != n;
    if (!result && params->place)
        result = params->place(params->user, work->order, work->order_count);
    return result ? result : place_barriers(work, plan);
}

enum smelt_result smelt_graph_plan_make(smelt_context context, const struct smelt_graph_plan_params *params,
                                        const struct smelt_graph_plan_node *nodes, uint32_t count,
                                        struct smelt_graph_plan *plan)
{
    struct work work = {.context = context, .params = params, .nodes = nodes, .count = count};
    *plan = (struct smelt_graph_plan){0};
    enum smelt_result result = make(&work, plan);
    free(work.gone);
    free(work.points);
    free(work.order);
    free(work.writers);
    free(work.readers);
    free(work.reader_pool);
    free(work.edges);
    free(work.successors);
    free(work.waiting);
    free(work.stamps);
    return result;
}

void smelt_graph_plan_free(struct smelt_graph_plan *plan)
{
    free(plan->entries);
    free(plan->barriers);
    *plan = (struct smelt_graph_plan){0};
}
