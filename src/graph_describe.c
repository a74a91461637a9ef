// SPDX-License-Identifier: MIT
// Listings of graphs, as text and for Graphviz.
#include "graph_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_BACK 4096 // nodes among which the writer of what a node reads is looked for

// --- From a graph -----------------------------------------------------------------------------------------

void smelt_listing_free(struct smelt_listing *listing)
{
    for (uint32_t n = 0; n < listing->count; n++) {
        struct smelt_listing_node *node = &listing->nodes[n];
        for (uint32_t r = 0; r < node->range_count; r++) {
            free(node->ranges[r].name);
            free(node->ranges[r].type);
        }
        free(node->ranges);
        free(node->label);
    }
    free(listing->nodes);
    *listing = (struct smelt_listing){0};
}

static char *type_of(const struct smelt_graph_tensor *tensor)
{
    struct smelt_text text = {0};
    smelt_text_add(&text, "%s", tensor->rank ? smelt_dtype_name(tensor->dtype) : "");
    for (uint32_t d = 0; d < tensor->rank; d++)
        smelt_text_add(&text, "[%" PRIu64 "]", tensor->shape[d]);
    if (!tensor->rank)
        smelt_text_add(&text, "%s", smelt_dtype_name(tensor->dtype));
    if (text.failed)
        smelt_text_free(&text);
    return text.data;
}

static bool list_range(smelt_graph graph, const struct smelt_range *range, struct smelt_listing_range *out)
{
    const struct smelt_graph_tensor *tensor =
        range->tensor ? smelt_graph_remember(graph, range->tensor) : NULL;
    *out = (struct smelt_listing_range){range->begin, range->end, range->access,
                                        smelt_copy_string(tensor ? tensor->name : ""),
                                        tensor ? type_of(tensor) : smelt_copy_string("")};
    return out->name && out->type;
}

static bool list_node(smelt_graph graph, const struct smelt_graph_item *item, const struct smelt_dispatch *d,
                      struct smelt_listing_node *node)
{
    bool indirect = d->indirect_range.begin < d->indirect_range.end;
    *node = (struct smelt_listing_node){
        .label = smelt_copy_string(item->label),
        .operation = item->operation,
        .fused = item->fused,
        .ranges = calloc((size_t)d->range_count + 1, sizeof(*node->ranges)),
    };
    memcpy(node->groups, d->groups, sizeof(node->groups));
    if (!node->label || !node->ranges)
        return false;
    for (uint32_t r = 0; r < d->range_count; r++)
        if (d->ranges[r].begin < d->ranges[r].end &&
            !list_range(graph, &d->ranges[r], &node->ranges[node->range_count++]))
            return false;
    const struct smelt_range command = {
        .begin = d->indirect_range.begin, .end = d->indirect_range.end, .access = SMELT_ACCESS_READ};
    return !indirect || list_range(graph, &command, &node->ranges[node->range_count++]);
}

enum smelt_result smelt_graph_list_program(smelt_graph graph, bool optimized, struct smelt_listing *listing)
{
    const struct smelt_graph_program *program = optimized ? &graph->after : &graph->before;
    uint32_t count = program->plan.count;
    *listing = (struct smelt_listing){calloc(SMELT_MAX(count, 1), sizeof(*listing->nodes)), 0};
    bool kept = listing->nodes != NULL;
    for (uint32_t i = 0; i < count && kept; i++) {
        const struct smelt_graph_plan_entry *entry = &program->plan.entries[i];
        const struct smelt_graph_unit *unit = &program->units[entry->node];
        const struct smelt_graph_item *item = program->list.items[unit->item];
        kept = list_node(graph, item, item->dispatches[unit->dispatch], &listing->nodes[i]);
        listing->nodes[i].barrier = entry->barrier != 0;
        listing->count++;
    }
    if (kept)
        return SMELT_OK;
    smelt_listing_free(listing);
    return smelt_graph_no_memory(graph);
}

// --- Text -------------------------------------------------------------------------------------------------

// Control characters would be commands to a terminal.
static void add_printable(struct smelt_text *text, const char *string)
{
    for (; *string; string++) {
        char c = (unsigned char)*string < 32 || *string == 127 ? '?' : *string;
        smelt_text_add_bytes(text, &c, 1);
    }
}

static void add_range(struct smelt_text *text, const struct smelt_listing_range *range)
{
    if (range->name[0])
        add_printable(text, range->name);
    else
        smelt_text_add(text, "0x%" PRIx64 "+%" PRIu64, range->begin, range->end - range->begin);
    if (range->type[0]) {
        smelt_text_add(text, " ");
        add_printable(text, range->type);
    }
}

static void add_ranges(struct smelt_text *text, const struct smelt_listing_node *node, const char *word,
                       bool reads)
{
    bool first = true;
    for (uint32_t r = 0; r < node->range_count; r++) {
        enum smelt_access access = node->ranges[r].access;
        if (access == (reads ? SMELT_ACCESS_WRITE : SMELT_ACCESS_READ))
            continue;
        smelt_text_add(text, "%s", first ? word : ", ");
        add_range(text, &node->ranges[r]);
        first = false;
    }
}

static void write_text(struct smelt_text *text, const struct smelt_listing *listing, const char *name)
{
    uint32_t barriers = 0;
    for (uint32_t n = 0; n < listing->count; n++)
        barriers += listing->nodes[n].barrier;
    smelt_text_add(text, "graph \"");
    add_printable(text, name);
    smelt_text_add(text, "\": %" PRIu32 " dispatches, %" PRIu32 " barriers\n", listing->count, barriers);
    for (uint32_t n = 0; n < listing->count; n++) {
        const struct smelt_listing_node *node = &listing->nodes[n];
        if (node->barrier)
            smelt_text_add(text, "      ---- barrier ----\n");
        smelt_text_add(text, "%5" PRIu32 "  %-14s \"", n, smelt_operation_name(node->operation));
        add_printable(text, node->label);
        smelt_text_add(text, "\"");
        if (node->fused)
            smelt_text_add(text, " (%" PRIu32 " nodes in one)", node->fused + 1);
        add_ranges(text, node, "  reads ", true);
        add_ranges(text, node, "  writes ", false);
        smelt_text_add(text, "\n");
    }
}

// --- Graphviz ---------------------------------------------------------------------------------------------

static void add_quoted(struct smelt_text *text, const char *string)
{
    for (; *string; string++) {
        if (*string == '"' || *string == '\\')
            smelt_text_add(text, "\\");
        char c = (unsigned char)*string < 32 || *string == 127 ? '?' : *string;
        smelt_text_add_bytes(text, &c, 1);
    }
}

// An edge from the last writer of each range that node n reads.
static void add_edges(struct smelt_text *text, const struct smelt_listing *listing, uint32_t n)
{
    const struct smelt_listing_node *node = &listing->nodes[n];
    uint32_t last = n > LOOK_BACK ? n - LOOK_BACK : 0;
    for (uint32_t r = 0; r < node->range_count; r++) {
        const struct smelt_listing_range *read = &node->ranges[r];
        bool found = read->access == SMELT_ACCESS_WRITE;
        for (uint32_t i = n; i-- > last && !found;)
            for (uint32_t w = 0; w < listing->nodes[i].range_count && !found; w++) {
                const struct smelt_listing_range *write = &listing->nodes[i].ranges[w];
                if (write->access == SMELT_ACCESS_READ || write->begin >= read->end ||
                    read->begin >= write->end)
                    continue;
                smelt_text_add(text, "  n%" PRIu32 " -> n%" PRIu32 " [label=\"", i, n);
                add_quoted(text, read->name);
                smelt_text_add(text, "\"];\n");
                found = true;
            }
    }
}

static void write_dot(struct smelt_text *text, const struct smelt_listing *listing, const char *name)
{
    uint32_t group = 0;
    smelt_text_add(text, "digraph \"");
    add_quoted(text, name);
    smelt_text_add(text, "\" {\n  node [shape=box, fontname=monospace];\n");
    for (uint32_t n = 0; n < listing->count; n++) {
        const struct smelt_listing_node *node = &listing->nodes[n];
        if (n == 0 || node->barrier)
            smelt_text_add(text, "%s  subgraph cluster_%" PRIu32 " {\n    label=\"%" PRIu32 "\";\n",
                           n ? "  }\n" : "", group, group),
                group++;
        smelt_text_add(text, "    n%" PRIu32 " [label=\"%s\\n", n, smelt_operation_name(node->operation));
        add_quoted(text, node->label);
        smelt_text_add(text, "\"%s];\n", node->fused ? ", style=bold" : "");
    }
    smelt_text_add(text, "%s", listing->count ? "  }\n" : "");
    for (uint32_t n = 0; n < listing->count; n++)
        add_edges(text, listing, n);
    smelt_text_add(text, "}\n");
}

enum smelt_result smelt_listing_write(smelt_context context, const struct smelt_listing *listing,
                                      const char *name, enum smelt_graph_form form, char **text)
{
    struct smelt_text written = {0};
    if ((uint32_t)form > SMELT_GRAPH_DOT || !text)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "graph: form is %d%s, wanted 0 or 1",
                          (int)form, text ? "" : " and text NULL");
    if (form == SMELT_GRAPH_DOT)
        write_dot(&written, listing, name);
    else
        write_text(&written, listing, name);
    if (written.failed) {
        smelt_text_free(&written);
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "graph: no memory for its description");
    }
    *text = written.data;
    return SMELT_OK;
}

enum smelt_result smelt_graph_describe(smelt_graph graph, enum smelt_graph_form form, bool optimized,
                                       char **text)
{
    struct smelt_listing listing;
    if (!graph)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "graph_describe: graph is NULL");
    enum smelt_result result = smelt_graph_prepare(graph);
    if (result || (result = smelt_graph_list_program(graph, optimized, &listing)))
        return result;
    result = smelt_listing_write(graph->context, &listing, graph->name, form, text);
    smelt_listing_free(&listing);
    return result;
}
