// SPDX-License-Identifier: MIT
// Graphs as JSON files, for people and tools: written by smelt_graph_save, read as hostile by smelt_graph_describe_file.
#include "graph_internal.h"
#include "json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define MAX_NODES 16384
#define MAX_RANGES 64 // of a node

static const char *const accesses[] = {"read_write", "read", "write"}; // enum smelt_access

// --- Writing ----------------------------------------------------------------------------------------------

static void add_listing(struct smelt_text *text, const char *key, const struct smelt_listing *listing)
{
    smelt_text_add(text, ",\n\"%s\": [", key);
    for (uint32_t n = 0; n < listing->count; n++) {
        const struct smelt_listing_node *node = &listing->nodes[n];
        smelt_text_add(text, "%s\n{\"label\": ", n ? "," : "");
        smelt_json_add_string(text, node->label);
        smelt_text_add(text,
                       ", \"operation\": \"%s\", \"barrier\": %d, \"fused\": %" PRIu32
                       ", \"groups\": [%" PRIu32 ", %" PRIu32 ", %" PRIu32 "], \"ranges\": [",
                       smelt_operation_name(node->operation), node->barrier, node->fused, node->groups[0],
                       node->groups[1], node->groups[2]);
        for (uint32_t r = 0; r < node->range_count; r++) {
            const struct smelt_listing_range *range = &node->ranges[r];
            smelt_text_add(text,
                           "%s\n  {\"begin\": \"%016" PRIx64 "\", \"end\": \"%016" PRIx64
                           "\", \"access\": \"%s\", \"name\": ",
                           r ? "," : "", range->begin, range->end, accesses[range->access]);
            smelt_json_add_string(text, range->name);
            smelt_text_add(text, ", \"type\": ");
            smelt_json_add_string(text, range->type);
            smelt_text_add(text, "}");
        }
        smelt_text_add(text, "]}");
    }
    smelt_text_add(text, "]");
}

enum smelt_result smelt_graph_save(smelt_graph graph, const char *path)
{
    struct smelt_listing before = {0}, after = {0};
    struct smelt_text text = {0};
    if (!graph || !path)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "graph_save: %s is NULL",
                          graph ? "path" : "graph");
    enum smelt_result result = smelt_graph_prepare(graph);
    if (!result)
        result = smelt_graph_list_program(graph, false, &before);
    if (!result)
        result = smelt_graph_list_program(graph, true, &after);
    if (!result) {
        smelt_text_add(&text, "{\"smelt_graph\": %d,\n\"name\": ", VERSION);
        smelt_json_add_string(&text, graph->name);
        add_listing(&text, "captured", &before);
        add_listing(&text, "optimized", &after);
        smelt_text_add(&text, "}\n");
        result = text.failed ? smelt_graph_no_memory(graph)
                             : smelt_os_write_file(graph->context, path, text.data, text.size);
    }
    smelt_text_free(&text);
    smelt_listing_free(&before);
    smelt_listing_free(&after);
    return result;
}

// --- Reading ----------------------------------------------------------------------------------------------

static enum smelt_result no_memory(const struct smelt_json *at)
{
    return smelt_fail(at->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the graph", at->file);
}

// Sixteen hexadecimal digits.
static enum smelt_result read_address(const struct smelt_json *object, const char *key, uint64_t *value)
{
    const char *text;
    enum smelt_result result = smelt_json_string(object, key, NULL, &text);
    if (result)
        return result;
    if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return smelt_json_fail(object, "\"%s\" of 16 hexadecimal digits", key);
    *value = strtoull(text, NULL, 16);
    return SMELT_OK;
}

static enum smelt_result copy_text(const struct smelt_json *object, const char *key, char **copy)
{
    const char *text;
    enum smelt_result result = smelt_json_string(object, key, NULL, &text);
    if (!result && !(*copy = smelt_copy_string(text)))
        result = no_memory(object);
    return result;
}

static enum smelt_result read_range(const struct smelt_json *object, struct smelt_listing_range *range)
{
    uint32_t access = 0;
    enum smelt_result result = SMELT_OK;
    if ((result = read_address(object, "begin", &range->begin)) ||
        (result = read_address(object, "end", &range->end)) ||
        (result = smelt_json_word(object, "access", accesses, SMELT_COUNT_OF(accesses), &access)) ||
        (result = copy_text(object, "name", &range->name)) ||
        (result = copy_text(object, "type", &range->type)))
        return result;
    range->access = (enum smelt_access)access;
    return range->begin < range->end ? SMELT_OK : smelt_json_fail(object, "an end behind the begin");
}

static enum smelt_result read_ranges(const struct smelt_json *object, struct smelt_listing_node *node)
{
    struct smelt_json array;
    uint32_t count;
    enum smelt_result result = smelt_json_array(object, "ranges", 0, MAX_RANGES, &array, &count);
    if (result)
        return result;
    node->ranges = calloc(SMELT_MAX(count, 1), sizeof(*node->ranges));
    if (!node->ranges)
        return no_memory(object);
    for (uint32_t r = 0; r < count && !result; r++) {
        struct smelt_json element = smelt_json_element(&array, r);
        node->range_count++;
        result = read_range(&element, &node->ranges[r]);
    }
    return result;
}

static enum smelt_result read_node(const struct smelt_json *object, struct smelt_listing_node *node)
{
    const char *words[SMELT_OPERATION_COUNT];
    uint32_t operation = 0, barrier = 0;
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < SMELT_OPERATION_COUNT; i++)
        words[i] = smelt_operation_name((enum smelt_operation)i);
    if ((result = copy_text(object, "label", &node->label)) ||
        (result = smelt_json_word(object, "operation", words, SMELT_OPERATION_COUNT, &operation)) ||
        (result = smelt_json_u32(object, "barrier", 0, 1, &barrier)) ||
        (result = smelt_json_u32(object, "fused", 0, UINT32_MAX - 1, &node->fused)))
        return result;
    node->operation = (enum smelt_operation)operation;
    node->barrier = barrier;
    return read_ranges(object, node);
}

static enum smelt_result read_listing(const struct smelt_json *root, const char *key,
                                      struct smelt_listing *listing)
{
    struct smelt_json array;
    uint32_t count;
    enum smelt_result result = smelt_json_array(root, key, 0, MAX_NODES, &array, &count);
    if (result)
        return result;
    listing->nodes = calloc(SMELT_MAX(count, 1), sizeof(*listing->nodes));
    if (!listing->nodes)
        return no_memory(root);
    for (uint32_t n = 0; n < count && !result; n++) {
        struct smelt_json element = smelt_json_element(&array, n);
        listing->count++;
        result = read_node(&element, &listing->nodes[n]);
    }
    return result;
}

static enum smelt_result describe(const struct smelt_json *root, enum smelt_graph_form form, bool optimized,
                                  char **text)
{
    struct smelt_listing listing = {0};
    uint32_t version;
    const char *name;
    enum smelt_result result = smelt_json_u32(root, "smelt_graph", 1, UINT32_MAX, &version);
    if (!result && version > VERSION)
        result = smelt_fail(root->context, SMELT_ERROR_VERSION,
                            "%s: graph format %" PRIu32 ", wanted at most %d", root->file, version, VERSION);
    if (!result)
        result = smelt_json_string(root, "name", NULL, &name);
    if (!result)
        result = read_listing(root, optimized ? "optimized" : "captured", &listing);
    if (!result)
        result = smelt_listing_write(root->context, &listing, name, form, text);
    smelt_listing_free(&listing);
    return result;
}

enum smelt_result smelt_graph_describe_memory(smelt_context context, const char *file, const void *data,
                                              size_t size, enum smelt_graph_form form, bool optimized,
                                              char **text)
{
    cJSON *json = NULL;
    enum smelt_result result = smelt_json_parse(context, file, data, size, &json);
    if (result)
        return result;
    struct smelt_json root = smelt_json_root(context, file, json);
    result = describe(&root, form, optimized, text);
    cJSON_Delete(json);
    return result;
}

enum smelt_result smelt_graph_describe_file(smelt_context context, const char *path,
                                            enum smelt_graph_form form, bool optimized, char **text)
{
    struct smelt_mapping mapping;
    if (!path)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "graph_describe_file: path is NULL");
    enum smelt_result result = smelt_os_map_file(context, path, &mapping);
    if (result)
        return result;
    result = smelt_graph_describe_memory(context, path, mapping.data, mapping.size, form, optimized, text);
    smelt_os_unmap_file(&mapping);
    return result;
}
