// SPDX-License-Identifier: MIT
// GPU times: two timestamps around each dispatch of a recording, and what is made of them.
#include "encoder_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_QUERIES 1024

// --- Recording --------------------------------------------------------------------------------------------

void smelt_timestamps_forget(struct smelt_timestamps *t)
{
    for (uint32_t i = 0; i < t->used / 2; i++) {
        free(t->timed[i].label);
        t->timed[i].label = NULL;
    }
    t->used = 0;
}

static enum smelt_result add_pool(smelt_encoder encoder, struct smelt_timestamps *t)
{
    smelt_context context = encoder->context;
    VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                  .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                  .queryCount = POOL_QUERIES};
    uint32_t capacity = t->pool_count;
    enum smelt_result result =
        smelt_encoder_grow(encoder, &t->pools, &capacity, t->pool_count + 1, sizeof(*t->pools));
    if (result)
        return result;
    VkResult vk = context->vk.CreateQueryPool(context->device, &info, context->allocation_callbacks,
                                              &t->pools[t->pool_count]);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreateQueryPool");
    t->pool_count++;
    return SMELT_OK;
}

enum smelt_result smelt_timestamps_open(smelt_encoder encoder, const char *label,
                                        enum smelt_operation operation, const struct smelt_range *ranges,
                                        uint32_t range_count, const uint32_t *groups)
{
    smelt_context context = encoder->context;
    struct smelt_timestamps *t = &encoder->slot->timestamps;
    uint32_t pool = t->used / POOL_QUERIES, query = t->used % POOL_QUERIES;
    if (context->capabilities.timestamp_period <= 0)
        return SMELT_OK;
    enum smelt_result result =
        smelt_encoder_grow(encoder, &t->timed, &t->timed_capacity, t->used / 2 + 1, sizeof(*t->timed));
    if (!result && pool == t->pool_count)
        result = add_pool(encoder, t);
    char *copy = result ? NULL : smelt_copy_string(label);
    if (!copy)
        return result ? result
                      : smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "profile: out of host memory");
    struct smelt_timed *timed = &t->timed[t->used / 2];
    *timed = (struct smelt_timed){
        .label = copy, .operation = operation, .groups = {groups[0], groups[1], groups[2]}};
    for (uint32_t i = 0; i < range_count; i++)
        timed->bytes += ranges[i].end - ranges[i].begin;
    t->used += 2;
    if (!query)
        context->vk.CmdResetQueryPool(encoder->commands, t->pools[pool], 0, POOL_QUERIES);
    context->vk.CmdWriteTimestamp2(encoder->commands, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT, t->pools[pool],
                                   query);
    return SMELT_OK;
}

void smelt_timestamps_close(smelt_encoder encoder)
{
    const struct smelt_timestamps *t = &encoder->slot->timestamps;
    if (encoder->context->capabilities.timestamp_period > 0)
        encoder->context->vk.CmdWriteTimestamp2(encoder->commands, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                                                t->pools[(t->used - 1) / POOL_QUERIES],
                                                (t->used - 1) % POOL_QUERIES);
}

void smelt_timestamps_free(smelt_context context, struct smelt_timestamps *t)
{
    smelt_timestamps_forget(t);
    for (uint32_t i = 0; i < t->pool_count; i++)
        context->vk.DestroyQueryPool(context->device, t->pools[i], context->allocation_callbacks);
    free(t->pools);
    free(t->timed);
    *t = (struct smelt_timestamps){0};
}

// --- Reading ----------------------------------------------------------------------------------------------

static uint64_t to_ns(smelt_context context, uint64_t ticks)
{
    return (uint64_t)((double)ticks * (double)context->capabilities.timestamp_period);
}

static enum smelt_result read_queries(smelt_context context, VkQueryPool pool, uint32_t count,
                                      uint64_t *ticks)
{
    VkResult vk = context->vk.GetQueryPoolResults(context->device, pool, 0, count, count * sizeof(*ticks),
                                                  ticks, sizeof(*ticks), VK_QUERY_RESULT_64_BIT);
    if (vk == VK_NOT_READY)
        return smelt_fail(context, SMELT_ERROR_NOT_READY, "profile: the recording has not finished");
    return vk == VK_SUCCESS ? SMELT_OK : smelt_fail_vk(context, vk, "vkGetQueryPoolResults");
}

static enum smelt_result require_timestamps(smelt_encoder encoder)
{
    return encoder->context->capabilities.timestamp_period > 0
               ? SMELT_OK
               : smelt_fail(encoder->context, SMELT_ERROR_UNSUPPORTED,
                            "encoder '%s': the queue has no timestamps", encoder->name);
}

static enum smelt_result gpu_time(smelt_encoder encoder, uint64_t *begin, uint64_t *end)
{
    uint64_t ticks[2];
    enum smelt_result result = require_timestamps(encoder);
    if (result)
        return result;
    if (!encoder->finished || !begin || !end)
        return smelt_fail(encoder->context,
                          begin && end ? SMELT_ERROR_NOT_READY : SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder '%s': gpu_time: %s", encoder->name,
                          begin && end ? "no recording of its own has finished" : "a place is NULL");
    if ((result = read_queries(encoder->context, encoder->finished->times, 2, ticks)))
        return result;
    *begin = to_ns(encoder->context, ticks[0]);
    *end = to_ns(encoder->context, ticks[1]);
    return SMELT_OK;
}

enum smelt_result smelt_encoder_gpu_time(smelt_encoder encoder, uint64_t *begin, uint64_t *end)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "gpu_time");
    return result ? result : smelt_encoder_leave(encoder, gpu_time(encoder, begin, end));
}

static enum smelt_result read_nodes(smelt_encoder encoder, const struct smelt_timestamps *t)
{
    uint64_t ticks[POOL_QUERIES];
    enum smelt_result result = smelt_encoder_grow(encoder, &encoder->nodes, &encoder->node_capacity,
                                                  t->used / 2, sizeof(*encoder->nodes));
    for (uint32_t first = 0; first < t->used && !result; first += POOL_QUERIES) {
        uint32_t count = SMELT_MIN(POOL_QUERIES, t->used - first);
        result = read_queries(encoder->context, t->pools[first / POOL_QUERIES], count, ticks);
        for (uint32_t i = 0; i < count && !result; i += 2) {
            const struct smelt_timed *timed = &t->timed[(first + i) / 2];
            encoder->nodes[(first + i) / 2] = (struct smelt_profile_node){
                .label = timed->label,
                .operation = timed->operation,
                .begin = to_ns(encoder->context, ticks[i]),
                .end = to_ns(encoder->context, SMELT_MAX(ticks[i], ticks[i + 1])),
                .bytes = timed->bytes,
                .groups = {timed->groups[0], timed->groups[1], timed->groups[2]},
            };
        }
    }
    return result;
}

enum smelt_result smelt_encoder_profile(smelt_encoder encoder, const struct smelt_profile_node **nodes,
                                        uint32_t *count)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "profile");
    if (result)
        return result;
    const struct smelt_encoder_slot *slot = encoder->own ? encoder->finished : encoder->last;
    if (!encoder->profile || !nodes || !count)
        result = smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT, "encoder '%s': profile: %s",
                            encoder->name,
                            encoder->profile ? "a place is NULL" : "wanted an encoder made with `profile`");
    else if (!slot || slot == encoder->slot)
        result = smelt_fail(encoder->context, SMELT_ERROR_NOT_READY,
                            "encoder '%s': profile: no recording has finished", encoder->name);
    if (!result)
        result = require_timestamps(encoder);
    if (!result)
        result = read_nodes(encoder, &slot->timestamps);
    if (!result) {
        *nodes = encoder->nodes;
        *count = slot->timestamps.used / 2;
    }
    return smelt_encoder_leave(encoder, result);
}

// --- Showing ----------------------------------------------------------------------------------------------

static void add_json_string(struct smelt_text *text, const char *string)
{
    smelt_text_add(text, "\"");
    for (const unsigned char *c = (const unsigned char *)string; *c; c++)
        if (*c < 0x20 || *c == '"' || *c == '\\')
            smelt_text_add(text, "\\u%04x", *c);
        else
            smelt_text_add_bytes(text, c, 1);
    smelt_text_add(text, "\"");
}

#define TRACE_ROWS 64 // dispatches that are shown side by side; more share the last row

// Trace Event Format (Google, 2016): complete events, microseconds.
enum smelt_result smelt_profile_write_trace(const struct smelt_profile_node *nodes, uint32_t count,
                                            const char *path)
{
    uint64_t row_end[TRACE_ROWS] = {0}, start = UINT64_MAX;
    struct smelt_text text = {0};
    if (!path || (count && !nodes))
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "trace: %s is NULL", path ? "nodes" : "path");
    for (uint32_t i = 0; i < count; i++)
        start = SMELT_MIN(start, nodes[i].begin);
    smelt_text_add(&text, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
                          "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":0,\"args\":{\"name\":\"GPU\"}}");
    for (uint32_t i = 0; i < count; i++) {
        const struct smelt_profile_node *n = &nodes[i];
        uint32_t row = 0;
        while (row < TRACE_ROWS - 1 && row_end[row] > n->begin)
            row++;
        row_end[row] = SMELT_MAX(row_end[row], n->end);
        smelt_text_add(&text, ",\n{\"name\":");
        add_json_string(&text, n->label);
        smelt_text_add(&text,
                       ",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":0,\"tid\":%u,\"ts\":%.3f,\"dur\":%.3f,\"args\":{"
                       "\"index\":%u,\"groups\":\"%ux%ux%u\",\"bytes\":%" PRIu64 "}}",
                       smelt_operation_name(n->operation), row, (double)(n->begin - start) / 1e3,
                       (double)(n->end - n->begin) / 1e3, i, n->groups[0], n->groups[1], n->groups[2],
                       n->bytes);
    }
    smelt_text_add(&text, "\n]}\n");
    enum smelt_result result =
        text.failed ? smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "trace: out of host memory")
                    : smelt_os_write_file(NULL, path, text.data, text.size);
    smelt_text_free(&text);
    return result;
}

struct row {
    const char *label;
    uint64_t total, shortest, longest, bytes;
    uint32_t count;
};

static int by_label(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->label, ((const struct row *)b)->label);
}

static int by_total(const void *a, const void *b)
{
    uint64_t x = ((const struct row *)a)->total, y = ((const struct row *)b)->total;
    return x == y ? by_label(a, b) : x < y ? 1 : -1;
}

static uint32_t join_rows(struct row *rows, uint32_t count)
{
    uint32_t kept = 0;
    qsort(rows, count, sizeof(*rows), by_label);
    for (uint32_t i = 0; i < count; i++) {
        struct row *last = kept ? &rows[kept - 1] : NULL;
        if (!last || strcmp(last->label, rows[i].label) != 0) {
            rows[kept++] = rows[i];
            continue;
        }
        last->count++;
        last->total += rows[i].total;
        last->bytes += rows[i].bytes;
        last->shortest = SMELT_MIN(last->shortest, rows[i].shortest);
        last->longest = SMELT_MAX(last->longest, rows[i].longest);
    }
    qsort(rows, kept, sizeof(*rows), by_total);
    return kept;
}

enum smelt_result smelt_profile_table(const struct smelt_profile_node *nodes, uint32_t count, char **out)
{
    struct smelt_text text = {0};
    uint64_t all = 0;
    if (!out || (count && !nodes))
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "profile: %s is NULL", out ? "nodes" : "text");
    struct row *rows = calloc(SMELT_MAX(count, 1), sizeof(*rows));
    if (!rows)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "profile: out of host memory");
    for (uint32_t i = 0; i < count; i++) {
        uint64_t time = nodes[i].end - nodes[i].begin;
        rows[i] = (struct row){nodes[i].label, time, time, time, nodes[i].bytes, 1};
        all += time;
    }
    uint32_t kept = join_rows(rows, count);
    smelt_text_add(&text, "%-32s %6s %12s %6s %10s %10s %8s\n", "dispatch", "count", "total us", "share",
                   "min us", "max us", "GB/s");
    for (uint32_t i = 0; i < kept; i++) {
        const struct row *r = &rows[i];
        smelt_text_add(&text, "%-32.32s %6u %12.3f %5.1f%% %10.3f %10.3f %8.1f\n", r->label, r->count,
                       (double)r->total / 1e3, all ? 100.0 * (double)r->total / (double)all : 0,
                       (double)r->shortest / 1e3, (double)r->longest / 1e3,
                       r->total ? (double)r->bytes / (double)r->total : 0);
    }
    free(rows);
    if (text.failed) {
        smelt_text_free(&text);
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "profile: out of host memory");
    }
    *out = text.data;
    return SMELT_OK;
}
