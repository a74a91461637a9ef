// SPDX-License-Identifier: MIT
// Captures and graphs: what an encoder hands over is kept, planned, and replayed from a secondary command buffer.
#include "graph_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LOOK_AHEAD 64
#define DEFAULT_VERSIONS 2

// --- Capture ----------------------------------------------------------------------------------------------

struct capture {
    struct smelt_capture base;
    struct smelt_graph_list list;
};

static enum smelt_result capture_dispatch(struct smelt_capture *base, const struct smelt_dispatch *dispatch)
{
    struct capture *capture = (struct capture *)base;
    return smelt_graph_list_dispatch(&capture->list, dispatch);
}

static enum smelt_result capture_barrier(struct smelt_capture *base,
                                         const struct smelt_barrier_request *request)
{
    struct capture *capture = (struct capture *)base;
    return smelt_graph_list_barrier(&capture->list, request);
}

static void capture_drop(struct smelt_capture *base)
{
    struct capture *capture = (struct capture *)base;
    smelt_graph_list_free(&capture->list, true);
    free(capture);
}

static enum smelt_result start_capture(smelt_encoder encoder)
{
    if (encoder->capture)
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder '%s': start_capture: it captures already, wanted take_capture first",
                          encoder->name);
    struct capture *capture = calloc(1, sizeof(*capture));
    if (!capture)
        return smelt_fail(encoder->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                          "encoder '%s': no memory for a capture", encoder->name);
    *capture = (struct capture){{capture_dispatch, capture_barrier, capture_drop}, {0}};
    encoder->capture = &capture->base;
    return SMELT_OK;
}

enum smelt_result smelt_encoder_start_capture(smelt_encoder encoder)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "start_capture");
    return result ? result : smelt_encoder_leave(encoder, start_capture(encoder));
}

struct smelt_graph_list smelt_capture_take(smelt_encoder encoder)
{
    struct capture *capture = (struct capture *)encoder->capture;
    struct smelt_graph_list list = capture->list;
    capture->list = (struct smelt_graph_list){0};
    return list;
}

bool smelt_encoder_is_capturing(smelt_encoder encoder)
{
    return encoder && encoder->capture;
}

// --- Taking it --------------------------------------------------------------------------------------------

static bool switched_off(const char *variable)
{
    const char *value = getenv(variable);
    return value && !strcmp(value, "0");
}

static void read_environment(struct smelt_graph_params *params)
{
    params->no_fusion = params->no_fusion || switched_off("SMELT_GRAPH_FUSION");
    params->no_dead_nodes = params->no_dead_nodes || switched_off("SMELT_GRAPH_DEAD_NODES");
    params->no_reordering = params->no_reordering || switched_off("SMELT_GRAPH_REORDERING");
    params->no_barrier_minimization = params->no_barrier_minimization || switched_off("SMELT_GRAPH_BARRIERS");
}

static enum smelt_result remember_all(smelt_graph graph)
{
    for (uint32_t i = 0; i < graph->captured.count; i++) {
        const struct smelt_graph_item *item = graph->captured.items[i];
        for (uint32_t d = 0; d < item->dispatch_count; d++)
            for (uint32_t r = 0; r < item->dispatches[d]->range_count; r++) {
                smelt_tensor tensor = item->dispatches[d]->ranges[r].tensor;
                if (tensor && !smelt_graph_remember(graph, tensor))
                    return smelt_graph_no_memory(graph);
            }
    }
    return SMELT_OK;
}

static enum smelt_result check_params(smelt_context context, const struct smelt_graph_params *p)
{
    if (p->versions > SMELT_GRAPH_MAX_VERSIONS || (p->output_count && !p->outputs))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "take_capture: %u versions%s, wanted 0 to %d and an output for each of %u",
                          p->versions, p->outputs ? "" : ", outputs NULL", SMELT_GRAPH_MAX_VERSIONS,
                          p->output_count);
    for (uint32_t i = 0; i < p->output_count; i++)
        if (!p->outputs[i] || smelt_tensor_context(p->outputs[i]) != context)
            return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                              "take_capture: output %u is %s, wanted a tensor of the encoder's context", i,
                              p->outputs[i] ? "of another context" : "NULL");
    return SMELT_OK;
}

static enum smelt_result fill_graph(smelt_graph graph, const struct smelt_graph_params *params)
{
    smelt_context context = graph->context;
    graph->params = *params;
    graph->params.outputs = NULL;
    graph->params.look_ahead = params->look_ahead ? params->look_ahead : DEFAULT_LOOK_AHEAD;
    graph->params.versions = params->versions ? params->versions : DEFAULT_VERSIONS;
    read_environment(&graph->params);
    graph->name = smelt_copy_string(params->name ? params->name : "graph");
    graph->outputs = calloc(SMELT_MAX(params->output_count, 1), sizeof(smelt_tensor));
    graph->places = calloc(1, sizeof(*graph->places));
    if (!graph->name || !graph->outputs || !graph->places)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "take_capture: out of host memory");
    for (uint32_t i = 0; i < params->output_count; i++) {
        graph->outputs[i] = params->outputs[i];
        if (!smelt_graph_remember(graph, params->outputs[i]))
            return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "take_capture: out of host memory");
    }
    return remember_all(graph);
}

static enum smelt_result take_capture(smelt_encoder encoder, const struct smelt_graph_params *params,
                                      smelt_graph *out)
{
    const struct smelt_graph_params defaults = {0};
    smelt_context context = encoder->context;
    struct capture *capture = (struct capture *)encoder->capture;
    params = params ? params : &defaults;
    if (!capture || !out)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "encoder '%s': take_capture: %s",
                          encoder->name,
                          out ? "it captures nothing, wanted start_capture first" : "graph is NULL");
    enum smelt_result result = check_params(context, params);
    if (result)
        return result;
    smelt_graph graph = calloc(1, sizeof(*graph));
    if (!graph)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "take_capture: out of host memory");
    graph->context = context;
    graph->hazards = encoder->mode;
    graph->slice = encoder->slice;
    graph->captured = capture->list;
    result = fill_graph(graph, params);
    if (result) {
        graph->captured = (struct smelt_graph_list){0}; // the encoder goes on capturing
        smelt_graph_destroy(&graph);
        return result;
    }
    free(capture);
    encoder->capture = NULL;
    *out = graph;
    return SMELT_OK;
}

enum smelt_result smelt_encoder_take_capture(smelt_encoder encoder, const struct smelt_graph_params *params,
                                             smelt_graph *graph)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "take_capture");
    return result ? result : smelt_encoder_leave(encoder, take_capture(encoder, params, graph));
}

static void program_free(struct smelt_graph_program *program)
{
    smelt_graph_list_free(&program->list, false);
    smelt_graph_plan_free(&program->plan);
    free(program->units);
    free(program->nodes);
    *program = (struct smelt_graph_program){0};
}

void smelt_graph_destroy(smelt_graph *handle)
{
    if (!handle || !*handle)
        return;
    smelt_graph graph = *handle;
    *handle = NULL;
    for (uint32_t i = 0; i < SMELT_GRAPH_MAX_VERSIONS; i++) {
        smelt_encoder_destroy(&graph->versions[i].part);
        free(graph->versions[i].places);
        free(graph->versions[i].ranges);
    }
    for (uint32_t i = 0; i < graph->bound_count; i++) {
        free(graph->bound[i].name);
        smelt_graph_picture_free(graph->bound[i].picture);
    }
    free(graph->bound);
    free(graph->places);
    free(graph->scratch);
    smelt_graph_memory_free(&graph->memory);
    smelt_encoder_destroy(&graph->maker);
    program_free(&graph->before);
    program_free(&graph->after);
    smelt_graph_list_free(&graph->made, true);
    smelt_graph_list_free(&graph->captured, true);
    for (uint32_t i = 0; i < graph->tensor_count; i++)
        free(graph->tensors[i].name);
    for (uint32_t i = 0; i < graph->vector_count; i++)
        smelt_tensor_destroy(&graph->vectors[i]);
    free(graph->vectors);
    free(graph->tensor_table);
    free(graph->tensors);
    free(graph->outputs);
    free(graph->ranges);
    free(graph->name);
    free(graph);
}

enum smelt_result smelt_graph_no_memory(smelt_graph graph)
{
    return smelt_fail(graph->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "graph '%s': out of host memory",
                      graph->name);
}

bool smelt_graph_renew(smelt_graph graph, smelt_tensor tensor)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    struct smelt_graph_tensor *entry = smelt_graph_remember(graph, tensor);
    char *name = entry ? smelt_copy_string(info->name) : NULL;
    if (!name)
        return false;
    free(entry->name);
    entry->name = name;
    entry->dtype = info->dtype;
    entry->rank = info->rank;
    memcpy(entry->shape, info->shape, sizeof(entry->shape));
    return true;
}

// Where a tensor's number is in the table, or an empty place for it.
static uint32_t *table_place(smelt_graph graph, smelt_tensor tensor)
{
    uint32_t mask = 2 * graph->tensor_capacity - 1;
    uint32_t at = (uint32_t)(((uint64_t)(uintptr_t)tensor * 0x9e3779b97f4a7c15ull) >> 32) & mask;
    while (graph->tensor_table[at] && graph->tensors[graph->tensor_table[at] - 1].tensor != tensor)
        at = (at + 1) & mask;
    return &graph->tensor_table[at];
}

static bool grow_tensors(smelt_graph graph)
{
    uint32_t capacity = graph->tensor_capacity ? 2 * graph->tensor_capacity : 32; // powers of two
    struct smelt_graph_tensor *tensors = realloc(graph->tensors, capacity * sizeof(*tensors));
    if (!tensors)
        return false;
    graph->tensors = tensors;
    uint32_t *table = calloc(2 * (size_t)capacity, sizeof(*table));
    if (!table)
        return false;
    free(graph->tensor_table);
    graph->tensor_table = table;
    graph->tensor_capacity = capacity;
    for (uint32_t i = 0; i < graph->tensor_count; i++)
        *table_place(graph, tensors[i].tensor) = i + 1;
    return true;
}

struct smelt_graph_tensor *smelt_graph_remember(smelt_graph graph, smelt_tensor tensor)
{
    uint32_t *place = graph->tensor_capacity ? table_place(graph, tensor) : NULL;
    if (place && *place)
        return &graph->tensors[*place - 1];
    if (graph->tensor_count == graph->tensor_capacity) {
        if (!grow_tensors(graph))
            return NULL;
        place = table_place(graph, tensor);
    }
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    struct smelt_graph_tensor *entry = &graph->tensors[graph->tensor_count];
    *entry = (struct smelt_graph_tensor){
        .tensor = tensor, .name = smelt_copy_string(info->name), .dtype = info->dtype, .rank = info->rank};
    memcpy(entry->shape, info->shape, sizeof(entry->shape));
    if (!entry->name)
        return NULL;
    *place = ++graph->tensor_count;
    return entry;
}

smelt_tensor smelt_graph_vector(smelt_graph graph, smelt_tensor tensor, uint32_t at)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    const struct smelt_tensor_params params = {.dtype = info->dtype,
                                               .rank = 1,
                                               .shape = {info->shape[at]},
                                               .strides = {SMELT_MAX(info->strides[at], 1)},
                                               .name = info->name};
    for (uint32_t v = 0; v < graph->vector_count; v++) {
        const struct smelt_tensor_info *is = smelt_tensor_info(graph->vectors[v]);
        if (is->address == info->address && is->dtype == info->dtype && is->shape[0] == params.shape[0] &&
            is->strides[0] == params.strides[0])
            return graph->vectors[v];
    }
    smelt_tensor *vectors = realloc(graph->vectors, (graph->vector_count + 1) * sizeof(smelt_tensor));
    if (!vectors)
        return NULL;
    graph->vectors = vectors;
    return smelt_tensor_view(tensor, 0, &params, &vectors[graph->vector_count])
               ? NULL
               : vectors[graph->vector_count++];
}

// --- Planning ---------------------------------------------------------------------------------------------

// Whether every byte of what a dispatch only writes is written: calls of the library write each element.
static bool writes_whole(const struct smelt_graph_item *item, const struct smelt_dispatch *dispatch)
{
    if (item->operation < SMELT_OPERATION_COPY || dispatch->parts > 1)
        return false;
    for (uint32_t r = 0; r < dispatch->range_count; r++) {
        const struct smelt_range *range = &dispatch->ranges[r];
        if (range->access != SMELT_ACCESS_WRITE)
            continue;
        if (!range->tensor)
            return false;
        uint64_t packed = smelt_dtype_size(smelt_tensor_info(range->tensor)->dtype,
                                           smelt_tensor_element_count(range->tensor));
        if (packed != range->end - range->begin)
            return false;
    }
    return true;
}

static void add_node(struct smelt_graph_program *program, uint32_t item, uint32_t dispatch)
{
    const struct smelt_graph_item *from = program->list.items[item];
    struct smelt_graph_plan_node *node = &program->nodes[program->count];
    program->units[program->count++] = (struct smelt_graph_unit){item, dispatch};
    if (from->is_barrier) {
        *node = (struct smelt_graph_plan_node){.ranges = from->barrier.ranges,
                                               .range_count = from->barrier.range_count,
                                               .barrier = &from->barrier.barrier};
        return;
    }
    const struct smelt_dispatch *d = from->dispatches[dispatch];
    *node = (struct smelt_graph_plan_node){.ranges = d->ranges,
                                           .range_count = d->range_count,
                                           .indirect = d->indirect_range,
                                           .untagged = from->operation == SMELT_OPERATION_UNTAGGED,
                                           .whole = writes_whole(from, d),
                                           .ordered = d->part > 0};
}

static enum smelt_result make_program(smelt_graph graph, struct smelt_graph_program *program,
                                      const struct smelt_graph_plan_params *params)
{
    size_t count = 0;
    for (uint32_t i = 0; i < program->list.count; i++)
        count += program->list.items[i]->is_barrier ? 1 : program->list.items[i]->dispatch_count;
    program->units = malloc(SMELT_MAX(count, 1) * sizeof(*program->units));
    program->nodes = malloc(SMELT_MAX(count, 1) * sizeof(*program->nodes));
    if (!program->units || !program->nodes)
        return smelt_graph_no_memory(graph);
    for (uint32_t i = 0; i < program->list.count; i++)
        for (uint32_t d = 0;
             d < (program->list.items[i]->is_barrier ? 1 : program->list.items[i]->dispatch_count); d++)
            add_node(program, i, d);
    return smelt_graph_plan_make(graph->context, params, program->nodes, program->count, &program->plan);
}

static enum smelt_result copy_list(const struct smelt_graph_list *from, struct smelt_graph_list *to)
{
    *to = (struct smelt_graph_list){malloc(SMELT_MAX(from->count, 1) * sizeof(*to->items)), from->count,
                                    SMELT_MAX(from->count, 1)};
    if (!to->items) {
        *to = (struct smelt_graph_list){0};
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "graph: out of host memory");
    }
    if (from->count)
        memcpy(to->items, from->items, from->count * sizeof(*to->items));
    return SMELT_OK;
}

// Adds a set's intervals but for those that lie in a range of `written` others, which conflict with as much.
static enum smelt_result merge(smelt_graph graph, struct smelt_interval_set *set, enum smelt_access access,
                               uint32_t written, uint32_t *capacity)
{
    uint32_t leaf = 0, index = 0, near = 0;
    struct smelt_interval interval;
    if (!smelt_interval_set_settle(set))
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    while (smelt_interval_set_next(set, &leaf, &index, &interval)) {
        while (near < written && graph->ranges[near].end <= interval.begin)
            near++;
        if (near < written && graph->ranges[near].begin <= interval.begin &&
            interval.end <= graph->ranges[near].end)
            continue;
        if (graph->range_count == *capacity) {
            uint32_t more = *capacity ? 2 * *capacity : 32;
            struct smelt_range *ranges = realloc(graph->ranges, more * sizeof(*ranges));
            if (!ranges)
                return SMELT_ERROR_OUT_OF_HOST_MEMORY;
            graph->ranges = ranges;
            *capacity = more;
        }
        graph->ranges[graph->range_count++] =
            (struct smelt_range){interval.begin, interval.end, access, UINT32_MAX, NULL};
    }
    return SMELT_OK;
}

static bool add_interval(struct smelt_interval_set *set, VkDeviceAddress begin, VkDeviceAddress end)
{
    return begin >= end || smelt_interval_set_add(set, begin, end);
}

// What the whole graph reads and writes, for the barrier in front of it and after it.
static enum smelt_result merge_ranges(smelt_graph graph)
{
    const struct smelt_graph_program *program = &graph->after;
    struct smelt_interval_set reads = {0}, writes = {0};
    uint32_t capacity = 0;
    bool kept = true;
    free(graph->ranges);
    graph->ranges = NULL;
    graph->range_count = 0;
    graph->indirect = (struct smelt_interval){0};
    for (uint32_t i = 0; i < program->plan.count && kept; i++) {
        const struct smelt_graph_plan_node *node = &program->nodes[program->plan.entries[i].node];
        for (uint32_t r = 0; r < node->range_count && kept; r++) {
            const struct smelt_range *range = &node->ranges[r];
            if (range->begin >= SMELT_TRANSIENT_HEAP)
                continue; // its place is that of a version
            if (range->access != SMELT_ACCESS_WRITE)
                kept = add_interval(&reads, range->begin, range->end);
            if (range->access != SMELT_ACCESS_READ)
                kept = kept && add_interval(&writes, range->begin, range->end);
        }
        if (node->indirect.begin < node->indirect.end) {
            bool first = graph->indirect.begin >= graph->indirect.end;
            graph->indirect.begin =
                first ? node->indirect.begin : SMELT_MIN(graph->indirect.begin, node->indirect.begin);
            graph->indirect.end = SMELT_MAX(graph->indirect.end, node->indirect.end);
        }
    }
    enum smelt_result result =
        kept ? merge(graph, &writes, SMELT_ACCESS_WRITE, 0, &capacity) : SMELT_ERROR_OUT_OF_HOST_MEMORY;
    if (!result)
        result = merge(graph, &reads, SMELT_ACCESS_READ, graph->range_count, &capacity);
    smelt_interval_set_free(&reads);
    smelt_interval_set_free(&writes);
    return result ? smelt_fail(graph->context, result, "graph '%s': out of host memory", graph->name)
                  : SMELT_OK;
}

// What is replayed, in the order of the capture: fused, with all kernels. Captured calls may have none before.
static enum smelt_result make_items(smelt_graph graph)
{
    struct smelt_graph_list *list = &graph->after.list;
    enum smelt_result result = copy_list(&graph->captured, list);
    if (!result && !graph->params.no_fusion)
        result = smelt_graph_fuse(graph, list);
    if (!result)
        result = smelt_graph_place_pictures(graph, list);
    return result ? result : smelt_graph_make_kernels(graph, list);
}

static enum smelt_result plan(smelt_graph graph, const struct smelt_interval *live)
{
    const struct smelt_graph_params *p = &graph->params;
    bool minimize = !p->no_barrier_minimization;
    const struct smelt_graph_plan_params params = {
        .minimize = minimize,
        .remove_dead = !p->no_dead_nodes && p->output_count,
        .reorder = minimize && !p->no_reordering && !p->compact_memory,
        .track = minimize || graph->hazards != SMELT_HAZARDS_MANUAL,
        .look_ahead = p->look_ahead,
        .live = live,
        .live_count = p->output_count,
        .place = smelt_graph_place_pieces,
        .user = graph,
    };
    enum smelt_result result = make_program(graph, &graph->after, &params);
    return result ? result : merge_ranges(graph);
}

enum smelt_result smelt_graph_prepare(smelt_graph graph)
{
    if (graph->planned)
        return SMELT_OK;
    program_free(&graph->before);
    program_free(&graph->after);
    smelt_graph_list_free(&graph->made, true);
    smelt_graph_memory_free(&graph->memory);
    graph->fused = 0;
    struct smelt_interval *live = malloc(SMELT_MAX(graph->params.output_count, 1) * sizeof(*live));
    if (!live)
        return smelt_graph_no_memory(graph);
    for (uint32_t i = 0; i < graph->params.output_count; i++) {
        struct smelt_range range = smelt_range_of(graph->outputs[i], SMELT_ACCESS_READ);
        live[i] = (struct smelt_interval){range.begin, range.end};
    }
    const struct smelt_graph_plan_params as_captured = {.track = graph->hazards != SMELT_HAZARDS_MANUAL};
    enum smelt_result result = make_items(graph);
    if (!result)
        result = copy_list(&graph->captured, &graph->before.list);
    if (!result)
        result = make_program(graph, &graph->before, &as_captured);
    if (!result)
        result = plan(graph, live);
    free(live);
    graph->planned = result == SMELT_OK;
    return result;
}

// --- Replay -----------------------------------------------------------------------------------------------

static enum smelt_result record_barrier(smelt_encoder encoder, const struct smelt_barrier *barrier)
{
    const struct smelt_barrier_request request = {.barrier = *barrier};
    return smelt_encoder_record_barrier(encoder, &request);
}

// Every node by itself. A captured call is handed on with its parameters, so that a capture of a replay is as good as the
// first one.
static enum smelt_result record_nodes(smelt_graph graph, smelt_encoder encoder)
{
    const struct smelt_graph_program *program = &graph->after;
    bool place = graph->memory.count && !encoder->capture;
    enum smelt_result result = place ? smelt_graph_check_places(graph) : SMELT_OK;
    for (uint32_t i = 0; i < program->plan.count && !result; i++) {
        const struct smelt_graph_plan_entry *entry = &program->plan.entries[i];
        const struct smelt_graph_unit *unit = &program->units[entry->node];
        const struct smelt_graph_item *item = program->list.items[unit->item];
        struct smelt_dispatch dispatch = *item->dispatches[unit->dispatch];
        if (item->call && dispatch.parts == 1) {
            dispatch.call = item->call;
            dispatch.call_size = sizeof(*item->call);
        }
        if (entry->barrier)
            result = record_barrier(encoder, &program->plan.barriers[entry->barrier - 1]);
        if (!result && place)
            result = smelt_graph_place_dispatch(graph, &dispatch);
        if (!result)
            result = smelt_encoder_record(encoder, &dispatch);
    }
    return !result && program->plan.ends_with_barrier ? record_barrier(encoder, &program->plan.last) : result;
}

// What the graph accesses with its transient tensors where they are now: its heap as a whole.
static bool place_ranges(smelt_graph graph, struct smelt_graph_version *version)
{
    uint32_t count = graph->range_count;
    struct smelt_range *ranges = malloc((count + graph->bound_count + 1) * sizeof(*ranges));
    VkDeviceAddress *places = malloc((graph->bound_count + 1) * sizeof(*places));
    free(version->ranges);
    free(version->places);
    version->ranges = ranges;
    version->places = places;
    if (!ranges || !places)
        return false;
    memcpy(places, graph->places, (graph->bound_count + 1) * sizeof(*places));
    if (count)
        memcpy(ranges, graph->ranges, count * sizeof(*ranges));
    if (graph->memory.size)
        ranges[count++] = (struct smelt_range){places[0], places[0] + graph->memory.size,
                                               SMELT_ACCESS_READ_WRITE, UINT32_MAX, NULL};
    for (uint32_t b = 0; b < graph->bound_count; b++)
        if (places[b + 1])
            ranges[count++] = (struct smelt_range){
                places[b + 1], places[b + 1] + graph->bound[b].range.end - graph->bound[b].range.begin,
                graph->bound[b].written ? SMELT_ACCESS_READ_WRITE : SMELT_ACCESS_READ, UINT32_MAX, NULL};
    version->range_count = count;
    return true;
}

// Makes the secondary command buffer of the next version.
static enum smelt_result record_part(smelt_graph graph, struct smelt_graph_version *version)
{
    const struct smelt_encoder_params params = {
        .hazards = SMELT_HAZARDS_MANUAL, .frames_in_flight = 1, .name = graph->name};
    const struct smelt_recording_params recording = {.part = true, .label = graph->name};
    smelt_encoder part = NULL;
    enum smelt_result result = smelt_encoder_create(graph->context, &params, &part);
    if (result)
        return result;
    part->reusable = true;
    if ((result = smelt_encoder_begin(part, &recording)) || (result = record_nodes(graph, part)) ||
        (result = smelt_encoder_end(part))) {
        smelt_encoder_destroy(&part);
        return result;
    }
    smelt_encoder_destroy(&version->part);
    version->part = part;
    version->valid = place_ranges(graph, version);
    if (!version->valid)
        return smelt_graph_no_memory(graph);
    graph->recordings++;
    return SMELT_OK;
}

// The recording of the plan with all where it is now, made if there is none.
static enum smelt_result find_version(smelt_graph graph, const struct smelt_graph_version **found)
{
    size_t size = (graph->bound_count + 1) * sizeof(*graph->places);
    for (uint32_t v = 0; v < graph->params.versions; v++) {
        struct smelt_graph_version *version = &graph->versions[v];
        version->valid = version->valid && graph->recorded;
        *found = version;
        if (version->valid && !memcmp(version->places, graph->places, size))
            return SMELT_OK;
    }
    struct smelt_graph_version *next = &graph->versions[graph->recordings % graph->params.versions];
    *found = next;
    graph->recorded = true;
    return record_part(graph, next);
}

static enum smelt_result replay(smelt_encoder encoder, smelt_graph graph)
{
    if (!graph || graph->context != encoder->context)
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder '%s': replay: the graph is %s", encoder->name,
                          graph ? "of another context" : "NULL");
    enum smelt_result result = smelt_graph_prepare(graph);
    if (result)
        return result;
    const struct smelt_graph_version *version = NULL;
    bool one_by_one = encoder->check || encoder->profile || encoder->capture || encoder->part ||
                      encoder->mode == SMELT_HAZARDS_SERIAL;
    if (!one_by_one)
        result = find_version(graph, &version);
    if (!result)
        result = one_by_one
                     ? record_nodes(graph, encoder)
                     : smelt_encoder_record_commands(encoder, version->part->last->secondary, graph->name,
                                                     version->ranges, version->range_count, graph->indirect);
    graph->replays += result == SMELT_OK;
    return result;
}

enum smelt_result smelt_encoder_replay(smelt_encoder encoder, smelt_graph graph)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "replay");
    return result ? result : smelt_encoder_leave(encoder, replay(encoder, graph));
}

// --- Looking at it ----------------------------------------------------------------------------------------

static uint32_t count_commands(const struct smelt_graph_program *program)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->plan.count; i++) {
        const struct smelt_graph_unit *unit = &program->units[program->plan.entries[i].node];
        count += smelt_dispatch_commands(program->list.items[unit->item]->dispatches[unit->dispatch]);
    }
    return count;
}

enum smelt_result smelt_graph_count(smelt_graph graph, struct smelt_graph_counts *counts)
{
    if (!graph || !counts)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "graph_count: %s is NULL",
                          graph ? "counts" : "graph");
    enum smelt_result result = smelt_graph_prepare(graph);
    if (result)
        return result;
    const struct smelt_graph_plan *before = &graph->before.plan, *after = &graph->after.plan;
    *counts = (struct smelt_graph_counts){
        .dispatches = before->count,
        .barriers = before->barrier_count + before->ends_with_barrier,
        .optimized_dispatches = after->count,
        .optimized_commands = count_commands(&graph->after),
        .optimized_barriers = after->barrier_count + after->ends_with_barrier,
        .fused = graph->fused,
        .dead = after->dead,
        .moved = after->moved,
        .recordings = graph->recordings,
        .replays = graph->replays,
    };
    return SMELT_OK;
}
