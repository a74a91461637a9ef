// SPDX-License-Identifier: MIT
// Transient tensors of a graph: which pieces of them its plan uses and when, where they go in the graph's heap, and real
// addresses in the place of theirs when a dispatch is recorded.
#include "graph_internal.h"
#include "graph_memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE UINT32_MAX
#define SMALL (1u << 20)    // bytes of all transient tensors together
#define BOUND_ALIGNMENT 64u // of what a transient tensor is bound to: kernels are chosen by its own address

// --- Pieces -----------------------------------------------------------------------------------------------

struct placing {
    smelt_graph graph;
    const uint32_t *order;
    uint32_t count;
    uint32_t *groups; // of order[i]: how many barriers stand before it
};

static int compare_pieces(const void *a, const void *b)
{
    const struct smelt_graph_piece *x = a, *y = b;
    return (x->range.begin > y->range.begin) - (x->range.begin < y->range.begin);
}

static uint32_t find_piece(const struct smelt_graph_memory_plan *memory, VkDeviceAddress address)
{
    uint32_t low = 0, high = memory->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memory->pieces[middle].range.end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < memory->count && memory->pieces[low].range.begin <= address ? low : NOWHERE;
}

// Ranges of transient tensors that share bytes, or that begin in the same SMELT_TRANSIENT_ALIGNMENT bytes, are one piece.
static enum smelt_result make_pieces(smelt_graph graph, const struct placing *placing)
{
    struct smelt_graph_memory_plan *memory = &graph->memory;
    const struct smelt_graph_plan_node *nodes = graph->after.nodes;
    size_t ranges = 0, transient = 0;
    for (uint32_t i = 0; i < placing->count; i++)
        ranges += nodes[placing->order[i]].range_count;
    memory->ranges = malloc(SMELT_MAX(ranges, 1) * sizeof(*memory->ranges));
    memory->pieces = malloc(SMELT_MAX(ranges, 1) * sizeof(*memory->pieces));
    if (!memory->ranges || !memory->pieces)
        return smelt_graph_no_memory(graph);
    for (uint32_t i = 0; i < placing->count; i++) {
        const struct smelt_graph_plan_node *node = &nodes[placing->order[i]];
        for (uint32_t r = 0; r < node->range_count; r++) {
            const struct smelt_range *range = &node->ranges[r];
            if (!smelt_is_transient(range->begin) || range->begin >= range->end)
                continue;
            VkDeviceAddress begin = range->begin & ~(VkDeviceAddress)(SMELT_TRANSIENT_ALIGNMENT - 1);
            memory->pieces[transient++] = (struct smelt_graph_piece){.range = {begin, range->end},
                                                                     .tensor = range->tensor,
                                                                     .first = NOWHERE,
                                                                     .first_node = NOWHERE};
        }
    }
    qsort(memory->pieces, transient, sizeof(*memory->pieces), compare_pieces);
    for (size_t i = 0; i < transient; i++) {
        struct smelt_graph_piece *last = memory->count ? &memory->pieces[memory->count - 1] : NULL;
        const struct smelt_graph_piece *next = &memory->pieces[i];
        if (last && next->range.begin < last->range.end)
            last->range.end = SMELT_MAX(last->range.end, next->range.end);
        else
            memory->pieces[memory->count++] = *next;
    }
    return SMELT_OK;
}

// --- When they are in use ----------------------------------------------------------------------------------

// Numbers the groups of nodes between two barriers, as they are before pieces share memory.
static enum smelt_result number_groups(smelt_graph graph, struct placing *placing)
{
    const struct smelt_graph_plan_node *nodes = graph->after.nodes;
    struct smelt_hazards hazards = {0};
    struct smelt_barrier barrier;
    uint32_t group = 0;
    bool kept = true;
    for (uint32_t i = 0; i < placing->count && kept; i++) {
        const struct smelt_graph_plan_node *node = &nodes[placing->order[i]];
        if (node->barrier && !node->range_count) {
            smelt_hazards_apply(&hazards, node->barrier);
            group++;
        } else if (smelt_hazards_find(&hazards, node->ranges, node->range_count, node->indirect)) {
            smelt_hazards_barrier(&hazards, false, &barrier);
            group++;
        }
        placing->groups[i] = graph->params.compact_memory ? i : group;
        if (!node->barrier)
            kept = smelt_hazards_add(&hazards, node->ranges, node->range_count, node->indirect);
    }
    smelt_hazards_free(&hazards);
    return kept ? SMELT_OK : smelt_graph_no_memory(graph);
}

static void use_piece(struct smelt_graph_piece *piece, const struct smelt_range *range, uint32_t group,
                      uint32_t node)
{
    bool is_new = piece->first == NOWHERE;
    if (is_new)
        piece->reader = range->access == SMELT_ACCESS_READ ? node : NOWHERE;
    else if (piece->reader == node && range->access != SMELT_ACCESS_READ)
        piece->reader = NOWHERE; // it writes it, too
    piece->first = SMELT_MIN(piece->first, group);
    piece->last = is_new ? group : SMELT_MAX(piece->last, group);
    piece->first_node = SMELT_MIN(piece->first_node, node);
    piece->last_node = is_new ? node : SMELT_MAX(piece->last_node, node);
    piece->written |= range->access != SMELT_ACCESS_READ;
}

// Outputs are in use to the end. Where nothing would order pieces that share memory, all are all the time.
static void use_pieces(smelt_graph graph, const struct placing *placing)
{
    struct smelt_graph_memory_plan *memory = &graph->memory;
    const struct smelt_graph_plan_node *nodes = graph->after.nodes;
    for (uint32_t b = 0; b < graph->bound_count; b++)
        graph->bound[b].written = false;
    bool shares = !graph->params.no_barrier_minimization || graph->hazards != SMELT_HAZARDS_MANUAL;
    uint32_t end = placing->count ? placing->groups[placing->count - 1] : 0;
    for (uint32_t i = 0; i < placing->count; i++) {
        const struct smelt_graph_plan_node *node = &nodes[placing->order[i]];
        for (uint32_t r = 0; r < node->range_count; r++) {
            uint32_t p = find_piece(memory, node->ranges[r].begin);
            if (p != NOWHERE && node->ranges[r].begin < node->ranges[r].end)
                use_piece(&memory->pieces[p], &node->ranges[r], placing->groups[i], placing->order[i]);
        }
    }
    for (uint32_t p = 0; p < memory->count; p++) {
        struct smelt_graph_piece *piece = &memory->pieces[p];
        bool is_output = false;
        for (uint32_t o = 0; o < graph->params.output_count; o++) {
            const struct smelt_range output = smelt_range_of(graph->outputs[o], SMELT_ACCESS_READ);
            is_output |= output.begin < piece->range.end && piece->range.begin < output.end;
        }
        if (is_output) {
            piece->last = end;
            piece->last_node = graph->after.count;
        }
        piece->first = shares ? piece->first : 0;
        piece->last = shares ? piece->last : end;
        for (uint32_t b = 0; b < graph->bound_count; b++)
            if (graph->bound[b].range.begin <= piece->range.begin &&
                piece->range.begin < graph->bound[b].range.end) {
                piece->bound = b + 1;
                graph->bound[b].written |= piece->written;
            }
    }
}

// --- Where they go ----------------------------------------------------------------------------------------

static enum smelt_result place_pieces(smelt_graph graph)
{
    struct smelt_graph_memory_plan *memory = &graph->memory;
    struct smelt_memory_item *items = malloc(SMELT_MAX(memory->count, 1) * sizeof(*items));
    uint32_t count = 0, next = 0;
    if (!items)
        return smelt_graph_no_memory(graph);
    for (uint32_t p = 0; p < memory->count; p++) {
        const struct smelt_graph_piece *piece = &memory->pieces[p];
        uint64_t size = piece->range.end - piece->range.begin;
        if (piece->bound)
            continue;
        items[count++] =
            (struct smelt_memory_item){.size = size, .first = piece->first_node, .last = piece->last_node};
        memory->total += size;
    }
    memory->lower_bound = smelt_memory_lower_bound(items, count);
    for (uint32_t p = 0; p < memory->count; p++)
        if (!memory->pieces[p].bound) {
            items[next].first = memory->pieces[p].first;
            items[next++].last = memory->pieces[p].last;
        }
    // Small ones lie close together: 256 would be much of the whole.
    uint64_t alignment = memory->total < SMALL ? BOUND_ALIGNMENT : SMELT_TRANSIENT_ALIGNMENT;
    enum smelt_result result =
        memory->lower_bound == UINT64_MAX
            ? smelt_graph_no_memory(graph)
            : smelt_memory_place(graph->context, items, count, alignment, &memory->size);
    for (uint32_t p = 0, i = 0; p < memory->count && !result; p++)
        if (!memory->pieces[p].bound)
            memory->pieces[p].offset = items[i++].offset;
    free(items);
    return result;
}

// Ranges in the heap for the plan's nodes: what shares memory conflicts from now on. What is bound keeps its addresses.
static void move_ranges(smelt_graph graph, const struct placing *placing)
{
    struct smelt_graph_memory_plan *memory = &graph->memory;
    struct smelt_graph_plan_node *nodes = graph->after.nodes;
    struct smelt_range *to = memory->ranges;
    for (uint32_t i = 0; i < placing->count; i++) {
        struct smelt_graph_plan_node *node = &nodes[placing->order[i]];
        const struct smelt_range *from = node->ranges;
        node->ranges = to;
        for (uint32_t r = 0; r < node->range_count; r++, to++) {
            *to = from[r];
            uint32_t p = smelt_is_transient(to->begin) ? find_piece(memory, to->begin) : NOWHERE;
            if (p == NOWHERE || memory->pieces[p].bound)
                continue;
            VkDeviceAddress begin =
                SMELT_TRANSIENT_HEAP + memory->pieces[p].offset + (to->begin - memory->pieces[p].range.begin);
            to->end = begin + (to->end - to->begin);
            to->begin = begin;
        }
    }
}

enum smelt_result smelt_graph_place_pieces(void *user, const uint32_t *order, uint32_t count)
{
    smelt_graph graph = user;
    struct placing placing = {.graph = graph, .order = order, .count = count};
    enum smelt_result result = make_pieces(graph, &placing);
    if (result || !graph->memory.count)
        return result;
    placing.groups = malloc(SMELT_MAX(count, 1) * sizeof(*placing.groups));
    result = placing.groups ? number_groups(graph, &placing) : smelt_graph_no_memory(graph);
    if (!result) {
        use_pieces(graph, &placing);
        result = place_pieces(graph);
    }
    if (!result)
        move_ranges(graph, &placing);
    free(placing.groups);
    return result;
}

void smelt_graph_memory_free(struct smelt_graph_memory_plan *memory)
{
    free(memory->pieces);
    free(memory->ranges);
    *memory = (struct smelt_graph_memory_plan){0};
}

// --- Real addresses ---------------------------------------------------------------------------------------

// Where a transient address is now; false: nowhere.
static bool real_address(smelt_graph graph, VkDeviceAddress address, VkDeviceAddress *real)
{
    uint32_t p = find_piece(&graph->memory, address);
    if (p == NOWHERE)
        return false;
    const struct smelt_graph_piece *piece = &graph->memory.pieces[p];
    *real = piece->bound
                ? graph->places[piece->bound] + (address - graph->bound[piece->bound - 1].range.begin)
                : graph->places[0] + piece->offset + (address - piece->range.begin);
    return true;
}

// What holds a transient address and is bound; NULL: nothing.
static const struct smelt_graph_bound *bound_at(smelt_graph graph, VkDeviceAddress address)
{
    uint32_t p = find_piece(&graph->memory, address);
    return p == NOWHERE || !graph->memory.pieces[p].bound ? NULL
                                                          : &graph->bound[graph->memory.pieces[p].bound - 1];
}

// An address in the copy of a call's push constants; `range` is one that the call accesses.
static bool patch_push(smelt_graph graph, uint8_t *push, const uint8_t *from, uint32_t size,
                       const struct smelt_range *range)
{
    bool found = false;
    for (uint32_t at = 0; at + 8 <= size; at += 4) {
        VkDeviceAddress value;
        memcpy(&value, from + at, sizeof(value));
        if (value < range->begin || value >= range->end || !real_address(graph, value, &value))
            continue;
        memcpy(push + at, &value, sizeof(value));
        found = true;
    }
    return found;
}

enum smelt_result smelt_graph_place_dispatch(smelt_graph graph, struct smelt_dispatch *d)
{
    uint32_t block_size = d->block ? d->block_size : 0, ranges_at = (d->push_size + block_size + 15) & ~15u;
    size_t size = ranges_at + d->range_count * sizeof(struct smelt_range);
    if (size > graph->scratch_size) {
        uint8_t *scratch = realloc(graph->scratch, 2 * size);
        if (!scratch)
            return smelt_graph_no_memory(graph);
        graph->scratch = scratch;
        graph->scratch_size = 2 * size;
    }
    uint8_t *push = graph->scratch, *block = push + d->push_size;
    struct smelt_range *ranges = (struct smelt_range *)(void *)(graph->scratch + ranges_at);
    if (d->push_size)
        memcpy(push, d->push, d->push_size);
    if (block_size)
        memcpy(block, d->block, block_size);
    for (uint32_t r = 0; r < d->range_count; r++) {
        const struct smelt_range *range = &d->ranges[r];
        ranges[r] = *range;
        if (!smelt_is_transient(range->begin) || !real_address(graph, range->begin, &ranges[r].begin))
            continue;
        ranges[r].end = ranges[r].begin + (range->end - range->begin);
        const struct smelt_graph_bound *bound = bound_at(graph, range->begin);
        if (bound && bound->picture && bound->picture->taken) {
            smelt_graph_give_picture(bound, ranges[r].begin, range, d);
        } else if (d->source) {
            const struct smelt_member *member = &d->source->info.arguments[range->argument];
            uint8_t *side = d->source->arguments[range->argument].in_push ? push : block;
            memcpy(side + member->offset, &ranges[r].begin, sizeof(ranges[r].begin));
        } else if (!patch_push(graph, push, d->push, d->push_size, range)) {
            return smelt_fail(graph->context, SMELT_ERROR_UNSUPPORTED,
                              "graph '%s': '%s' does not take the address of transient tensor '%s' as a push "
                              "constant",
                              graph->name, d->label, smelt_tensor_info(range->tensor)->name);
        }
    }
    d->push = push;
    d->block = block_size ? block : d->block; // a picture's is where it is
    d->ranges = ranges;
    return SMELT_OK;
}

// --- Whether all have a place -------------------------------------------------------------------------------

static enum smelt_result overlap(smelt_graph graph, const struct smelt_graph_bound *bound, const char *what)
{
    return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                      "graph '%s': what '%s' is bound to shares bytes with %s, wanted memory apart",
                      graph->name, bound->name, what);
}

static bool meet(VkDeviceAddress a, uint64_t a_size, VkDeviceAddress b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

// What is bound was a tensor apart for the passes: it stays so where one of two is written.
static enum smelt_result check_bound(smelt_graph graph, uint32_t b)
{
    const struct smelt_graph_bound *bound = &graph->bound[b];
    VkDeviceAddress begin = graph->places[b + 1];
    uint64_t size = bound->range.end - bound->range.begin;
    if (!begin)
        return SMELT_OK;
    if (graph->memory.size && meet(begin, size, graph->places[0], graph->memory.size))
        return overlap(graph, bound, "the graph's heap");
    for (uint32_t o = 0; o < b; o++) {
        const struct smelt_graph_bound *other = &graph->bound[o];
        if (graph->places[o + 1] && (bound->written || other->written) &&
            meet(begin, size, graph->places[o + 1], other->range.end - other->range.begin))
            return overlap(graph, bound, other->name);
    }
    for (uint32_t r = 0; r < graph->range_count; r++) {
        const struct smelt_range *range = &graph->ranges[r];
        if ((bound->written || range->access != SMELT_ACCESS_READ) &&
            meet(begin, size, range->begin, range->end - range->begin))
            return overlap(graph, bound, "what other nodes access");
    }
    return SMELT_OK;
}

static enum smelt_result check_heap(smelt_graph graph)
{
    uint64_t size = graph->memory.size;
    if (size && !graph->places[0])
        return smelt_fail(
            graph->context, SMELT_ERROR_INVALID_ARGUMENT,
            "graph '%s': its transient tensors have no memory: wanted smelt_graph_set_heap with "
            "%" PRIu64 " bytes",
            graph->name, size);
    return size <= graph->heap_room || !graph->places[0]
               ? SMELT_OK
               : smelt_fail(graph->context, SMELT_ERROR_SHAPE,
                            "graph '%s': its transient tensors need %" PRIu64 " bytes, the heap has %" PRIu64
                            " from the offset on",
                            graph->name, size, graph->heap_room);
}

enum smelt_result smelt_graph_check_places(smelt_graph graph)
{
    const struct smelt_graph_memory_plan *memory = &graph->memory;
    for (uint32_t p = 0; p < memory->count; p++) {
        const struct smelt_graph_piece *piece = &memory->pieces[p];
        if (piece->bound ? !graph->places[piece->bound] : piece->reader != NOWHERE)
            return smelt_fail(
                graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                "graph '%s': transient tensor '%s' is read and nothing is written to it before: "
                "wanted smelt_graph_bind",
                graph->name, smelt_tensor_info(piece->tensor)->name);
    }
    enum smelt_result result = check_heap(graph);
    for (uint32_t b = 0; b < graph->bound_count && !result; b++)
        result = check_bound(graph, b);
    return result;
}

// --- Public calls -----------------------------------------------------------------------------------------

enum smelt_result smelt_graph_plan_memory(smelt_graph graph, struct smelt_graph_memory *memory)
{
    if (!graph || !memory)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "graph: plan_memory: %s is NULL",
                          graph ? "memory" : "graph");
    enum smelt_result result = smelt_graph_prepare(graph);
    if (result)
        return result;
    *memory = (struct smelt_graph_memory){.size = graph->memory.size,
                                          .alignment = SMELT_TRANSIENT_ALIGNMENT,
                                          .lower_bound = graph->memory.lower_bound,
                                          .unshared_size = graph->memory.total};
    return SMELT_OK;
}

enum smelt_result smelt_graph_set_heap(smelt_graph graph, smelt_heap heap, uint64_t offset)
{
    if (!graph || (heap && smelt_heap_context(heap) != graph->context))
        return smelt_fail(graph ? graph->context : NULL, SMELT_ERROR_INVALID_ARGUMENT, "graph: set_heap: %s",
                          graph ? "the heap is of another context" : "graph is NULL");
    enum smelt_result result = smelt_graph_prepare(graph);
    if (result)
        return result;
    struct smelt_heap_info info = heap ? smelt_heap_info(heap) : (struct smelt_heap_info){0};
    if (offset > info.size || (info.address + offset) % SMELT_TRANSIENT_ALIGNMENT)
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "graph '%s': set_heap: offset %" PRIu64 " in a heap of %" PRIu64
                          " bytes at address 0x%" PRIx64 ", wanted a place in it that is a multiple of %u",
                          graph->name, offset, info.size, info.address, SMELT_TRANSIENT_ALIGNMENT);
    VkDeviceAddress place = graph->places[0];
    uint64_t room = graph->heap_room;
    graph->places[0] = heap ? info.address + offset : 0;
    graph->heap_room = info.size - offset;
    if ((result = heap ? check_heap(graph) : SMELT_OK)) {
        graph->places[0] = place;
        graph->heap_room = room;
    }
    return result;
}

static enum smelt_result check_binding(smelt_graph graph, smelt_tensor transient, smelt_tensor tensor)
{
    if (!transient || !transient->transient || transient->part || transient->context != graph->context)
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "graph '%s': bind: '%s' is not a transient tensor of its context, but %s",
                          graph->name, transient ? transient->info.name : "(NULL)",
                          !transient             ? "NULL"
                          : transient->part      ? "a slice or view"
                          : transient->transient ? "of another one"
                                                 : "one with memory");
    if (!tensor)
        return SMELT_OK;
    const struct smelt_tensor_info *is = &tensor->info, *was = &transient->info;
    if (tensor->transient || tensor->opaque || tensor->context != graph->context)
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "graph '%s': bind '%s': tensor '%s' is %s", graph->name, was->name, is->name,
                          tensor->transient ? "transient"
                          : tensor->opaque  ? "in the device's own layout"
                                            : "of another context");
    if (is->dtype != was->dtype)
        return smelt_fail(graph->context, SMELT_ERROR_DTYPE,
                          "graph '%s': bind: '%s' is of %s, got '%s' of %s", graph->name, was->name,
                          smelt_dtype_name(was->dtype), is->name, smelt_dtype_name(is->dtype));
    bool same = is->rank == was->rank && !memcmp(is->shape, was->shape, is->rank * sizeof(is->shape[0])) &&
                !memcmp(is->strides, was->strides, is->rank * sizeof(is->strides[0]));
    if (!same)
        return smelt_fail(graph->context, SMELT_ERROR_SHAPE,
                          "graph '%s': bind: '%s' and '%s' differ in shape or strides", graph->name,
                          was->name, is->name);
    return is->address % BOUND_ALIGNMENT
               ? smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                            "graph '%s': bind '%s': '%s' is at address 0x%" PRIx64
                            ", wanted a multiple of %u",
                            graph->name, was->name, is->name, is->address, BOUND_ALIGNMENT)
               : SMELT_OK;
}

// A new entry: the transient tensor leaves the heap, so that a new plan is needed.
static enum smelt_result add_bound(smelt_graph graph, smelt_tensor transient)
{
    struct smelt_graph_bound *bound = realloc(graph->bound, (graph->bound_count + 1) * sizeof(*graph->bound));
    if (bound)
        graph->bound = bound;
    VkDeviceAddress *places = realloc(graph->places, (graph->bound_count + 2) * sizeof(*graph->places));
    if (places)
        graph->places = places;
    char *name = smelt_copy_string(transient->info.name);
    if (!bound || !places || !name) {
        free(name);
        return smelt_graph_no_memory(graph);
    }
    bound[graph->bound_count] = (struct smelt_graph_bound){
        .range = {transient->info.address, transient->info.address + transient->info.size}, .name = name};
    places[++graph->bound_count] = 0;
    graph->planned = graph->recorded = false;
    return SMELT_OK;
}

enum smelt_result smelt_graph_bind(smelt_graph graph, smelt_tensor transient, smelt_tensor tensor)
{
    if (!graph)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "graph: bind: graph is NULL");
    enum smelt_result result = check_binding(graph, transient, tensor);
    uint32_t b = 0;
    while (!result && b < graph->bound_count && graph->bound[b].range.begin != transient->info.address)
        b++;
    if (!result && b == graph->bound_count)
        result = add_bound(graph, transient);
    if (!result)
        graph->places[b + 1] = tensor ? tensor->info.address : 0;
    return result;
}
