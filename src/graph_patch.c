// SPDX-License-Identifier: MIT
// Patches of graphs: arguments of captured nodes by name. A patch of a tensor makes the item anew and takes its place when
// all has gone well.
#include "graph_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- Names ------------------------------------------------------------------------------------------------

static enum smelt_result no_node(smelt_graph graph, const char *node)
{
    struct smelt_text text = {0};
    uint32_t listed = 0;
    for (uint32_t i = 0; i < graph->captured.count && listed < 8; i++)
        if (!graph->captured.items[i]->is_barrier)
            smelt_text_add(&text, "%s\"%s\"", listed++ ? ", " : "", graph->captured.items[i]->label);
    smelt_fail(graph->context, SMELT_ERROR_NOT_FOUND, "graph '%s': there is no node \"%s\"; there are: %s%s",
               graph->name, node, text.data ? text.data : "none", listed == 8 ? ", ..." : "");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_FOUND;
}

// The place of a node among the items, by "label" or "label#index".
static enum smelt_result find_node(smelt_graph graph, const char *call, const char *node, uint32_t *place)
{
    if (!graph || !node)
        return smelt_fail(graph ? graph->context : NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "graph: %s: %s is NULL", call, graph ? "node" : "graph");
    uint32_t found = 0, indexed = 0;
    const char *mark = strrchr(node, '#');
    char *end = NULL;
    unsigned long wanted = mark && mark[1] >= '0' && mark[1] <= '9' ? strtoul(mark + 1, &end, 10) : 0;
    for (uint32_t i = 0; i < graph->captured.count; i++) {
        const struct smelt_graph_item *item = graph->captured.items[i];
        if (item->is_barrier)
            continue;
        if (!strcmp(item->label, node)) {
            *place = i;
            found++;
        } else if (end && !*end && !strncmp(item->label, node, (size_t)(mark - node)) &&
                   !item->label[mark - node] && indexed++ == wanted && !found) {
            *place = i;
            return SMELT_OK;
        }
    }
    if (found == 1)
        return SMELT_OK;
    return found ? smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                              "graph '%s': %s: %" PRIu32
                              " nodes have the label \"%s\", wanted \"%s#0\" to \"%s#%" PRIu32 "\"",
                              graph->name, call, found, node, node, node, found - 1)
                 : no_node(graph, node);
}

static enum smelt_result no_argument(smelt_graph graph, const struct smelt_graph_item *item,
                                     const char *argument)
{
    struct smelt_text text = {0};
    const struct smelt_graph_field *field = item->call ? smelt_graph_fields(item->operation) : NULL;
    for (; field && field->name; field++)
        smelt_text_add(&text, "%s\"%s\"", text.size ? ", " : "", field->name);
    for (uint32_t i = 0; item->call && item->operation == SMELT_OPERATION_ELEMENTWISE &&
                         i < item->call->elementwise.input_count;
         i++)
        smelt_text_add(&text, ", \"inputs[%" PRIu32 "]\"", i);
    smelt_fail(graph->context, SMELT_ERROR_NOT_FOUND,
               "graph '%s': node \"%s\" (%s) has no argument \"%s\"; there are: %s", graph->name, item->label,
               smelt_operation_name(item->operation), argument, text.data ? text.data : "none");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_FOUND;
}

// "NAME[INDEX]REST" with that name and rest, and an index below `count`.
static bool indexed(const char *text, const char *name, const char *rest, uint32_t count, uint32_t *index)
{
    size_t length = strlen(name);
    char *end;
    if (strncmp(text, name, length) || text[length] != '[' || text[length + 1] < '0' ||
        text[length + 1] > '9')
        return false;
    unsigned long value = strtoul(text + length + 1, &end, 10);
    *index = (uint32_t)value;
    return value < count && *end == ']' && !strcmp(end + 1, rest);
}

// Where a parameter of a call is: a tensor (size 0), or a number of `size` bytes, which it fills in. NULL: there is none of
// that name and kind.
static void *find_field(const struct smelt_graph_item *item, union smelt_graph_call *call,
                        const char *argument, bool is_tensor, uint32_t *size)
{
    uint32_t i;
    for (const struct smelt_graph_field *field = smelt_graph_fields(item->operation); field->name; field++)
        if (!strcmp(field->name, argument))
            return *size = field->size, is_tensor == !field->size ? (uint8_t *)call + field->offset : NULL;
    if (item->operation != SMELT_OPERATION_ELEMENTWISE)
        return NULL;
    struct smelt_elementwise_params *p = &call->elementwise;
    *size = sizeof(float);
    if (is_tensor && indexed(argument, "inputs", "", p->input_count, &i))
        return &p->inputs[i];
    if (!is_tensor && indexed(argument, "steps", ".value", p->step_count, &i))
        return &((struct smelt_elementwise_step *)(uintptr_t)p->steps)[i].value;
    return NULL;
}

// --- Tensors ----------------------------------------------------------------------------------------------

static void describe(struct smelt_text *text, enum smelt_dtype dtype, uint32_t rank, const uint64_t *shape)
{
    smelt_text_add(text, "%s", smelt_dtype_name(dtype));
    for (uint32_t d = 0; d < rank; d++)
        smelt_text_add(text, "[%" PRIu64 "]", shape[d]);
}

// The new tensor is of the old one's dtype and shape.
static enum smelt_result check_same(smelt_graph graph, const char *where, const char *argument,
                                    smelt_tensor old, smelt_tensor tensor)
{
    if (!tensor || smelt_tensor_context(tensor) != graph->context)
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "graph '%s': \"%s\" of \"%s\": the tensor is %s", graph->name, argument, where,
                          tensor ? "of another context" : "NULL");
    const struct smelt_graph_tensor *was = smelt_graph_remember(graph, old);
    const struct smelt_tensor_info *is = smelt_tensor_info(tensor);
    if (!was)
        return smelt_graph_no_memory(graph);
    if (was->dtype == is->dtype && was->rank == is->rank &&
        !memcmp(was->shape, is->shape, is->rank * sizeof(is->shape[0])))
        return SMELT_OK;
    enum smelt_result result = was->dtype != is->dtype ? SMELT_ERROR_DTYPE : SMELT_ERROR_SHAPE;
    struct smelt_text wanted = {0}, got = {0};
    describe(&wanted, was->dtype, was->rank, was->shape);
    describe(&got, is->dtype, is->rank, is->shape);
    smelt_fail(graph->context, result, "graph '%s': \"%s\" of \"%s\" is '%s' %s, got '%s' %s", graph->name,
               argument, where, was->name, wanted.data ? wanted.data : "", is->name,
               got.data ? got.data : "");
    smelt_text_free(&wanted);
    smelt_text_free(&got);
    return result;
}

// A copy of an item for a patch, without its dispatches where it is a call.
static struct smelt_graph_item *copy_item(const struct smelt_graph_item *item)
{
    struct smelt_graph_item *copy = calloc(1, sizeof(*copy));
    if (!copy)
        return NULL;
    copy->operation = item->operation;
    copy->label = smelt_copy_string(item->label);
    bool whole = copy->label != NULL;
    if (item->call) {
        copy->call = smelt_graph_call_copy(item->operation, item->call);
        whole = whole && copy->call;
    } else {
        copy->dispatches = calloc(SMELT_MAX(item->dispatch_count, 1), sizeof(struct smelt_dispatch *));
        for (uint32_t i = 0; copy->dispatches && whole && i < item->dispatch_count; i++) {
            whole = (copy->dispatches[i] = smelt_graph_copy_dispatch(item->dispatches[i])) != NULL;
            copy->dispatch_count += whole;
        }
        whole = whole && copy->dispatches;
    }
    if (!whole) {
        smelt_graph_item_free(copy);
        return NULL;
    }
    return copy;
}

// Where an argument's bytes are in a dispatch.
static uint8_t *bytes_of(const struct smelt_dispatch *d, uint32_t argument)
{
    const void *side = d->source->arguments[argument].in_push ? d->push : d->block;
    return (uint8_t *)(uintptr_t)side + d->source->info.arguments[argument].offset;
}

static struct smelt_range *range_of(const struct smelt_dispatch *d, uint32_t argument)
{
    for (uint32_t r = 0; r < d->range_count; r++)
        if (d->ranges[r].argument == argument)
            return (struct smelt_range *)(uintptr_t)&d->ranges[r];
    return NULL;
}

static enum smelt_result write_tensor(smelt_graph graph, const struct smelt_graph_item *item,
                                      const struct smelt_dispatch *d, uint32_t argument, smelt_tensor tensor)
{
    const struct smelt_member *member = &d->source->info.arguments[argument];
    struct smelt_range *range = range_of(d, argument);
    if (member->kind != SMELT_MEMBER_TENSOR || !range)
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "graph '%s': \"%s\" of \"%s\" is %s, got a tensor", graph->name, member->name,
                          item->label, smelt_member_kind_name(member->kind));
    enum smelt_result result = check_same(graph, item->label, member->name, range->tensor, tensor);
    if (!result)
        result = smelt_member_check_tensor(graph->context, item->label, d->source->coopvec, member, tensor);
    if (result)
        return result;
    smelt_member_write_tensor(tensor, bytes_of(d, argument));
    *range = smelt_range_of(tensor, member->access);
    range->argument = argument;
    return SMELT_OK;
}

// Puts a tensor into a copy of an item. `argument` NULL: wherever `old` is.
static enum smelt_result put_tensor(smelt_graph graph, struct smelt_graph_item *item, const char *argument,
                                    smelt_tensor old, smelt_tensor tensor)
{
    enum smelt_result result = SMELT_OK;
    if (item->call) {
        uint32_t size,
            inputs = item->operation == SMELT_OPERATION_ELEMENTWISE ? item->call->elementwise.input_count : 0;
        smelt_tensor *field = argument ? find_field(item, item->call, argument, true, &size) : NULL;
        if (argument && (!field || !*field))
            return no_argument(graph, item, argument);
        if (argument && (result = check_same(graph, item->label, argument, *field, tensor)))
            return result;
        if (argument)
            *field = tensor;
        const struct smelt_graph_field *all = argument ? NULL : smelt_graph_fields(item->operation);
        for (; all && all->name; all++) {
            smelt_tensor *place = (smelt_tensor *)(void *)((uint8_t *)item->call + all->offset);
            if (!all->size && *place == old)
                *place = tensor;
        }
        for (uint32_t i = 0; i < inputs && !argument; i++)
            if (item->call->elementwise.inputs[i] == old)
                item->call->elementwise.inputs[i] = tensor;
        return smelt_graph_item_refresh(graph, item);
    }
    for (uint32_t d = 0; d < item->dispatch_count && !result; d++) {
        const struct smelt_dispatch *dispatch = item->dispatches[d];
        uint32_t index = 0;
        if (!dispatch->source)
            return argument ? no_argument(graph, item, argument)
                            : smelt_fail(graph->context, SMELT_ERROR_UNSUPPORTED,
                                         "graph '%s': the arguments of \"%s\" (%s) are fixed", graph->name,
                                         item->label, smelt_operation_name(item->operation));
        if (argument) {
            result = smelt_pipeline_find(dispatch->source, argument, &index);
            if (!result)
                result = write_tensor(graph, item, dispatch, index, tensor);
            continue;
        }
        for (uint32_t r = 0; r < dispatch->range_count && !result; r++)
            if (dispatch->ranges[r].tensor == old && dispatch->ranges[r].argument != UINT32_MAX)
                result = write_tensor(graph, item, dispatch, dispatch->ranges[r].argument, tensor);
    }
    return result;
}

static enum smelt_result patched(smelt_graph graph, const struct smelt_graph_item *item, const char *argument,
                                 smelt_tensor old, smelt_tensor tensor, struct smelt_graph_item **made)
{
    struct smelt_graph_item *copy = copy_item(item);
    if (!copy)
        return smelt_graph_no_memory(graph);
    enum smelt_result result = put_tensor(graph, copy, argument, old, tensor);
    if (!result && !smelt_graph_renew(graph, tensor))
        result = smelt_graph_no_memory(graph);
    if (result) {
        smelt_graph_item_free(copy);
        return result;
    }
    *made = copy;
    return SMELT_OK;
}

static void swap_in(smelt_graph graph, uint32_t place, struct smelt_graph_item *item)
{
    smelt_graph_item_free(graph->captured.items[place]);
    graph->captured.items[place] = item;
    graph->planned = graph->recorded = false;
}

enum smelt_result smelt_graph_set_tensor(smelt_graph graph, const char *node, const char *argument,
                                         smelt_tensor tensor)
{
    uint32_t place;
    struct smelt_graph_item *made;
    enum smelt_result result = find_node(graph, "set_tensor", node, &place);
    if (!result && !argument)
        result =
            smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT, "graph: set_tensor: argument is NULL");
    if (!result)
        result = patched(graph, graph->captured.items[place], argument, NULL, tensor, &made);
    if (!result)
        swap_in(graph, place, made);
    return result;
}

static bool uses(const struct smelt_graph_item *item, smelt_tensor tensor)
{
    for (uint32_t d = 0; d < item->dispatch_count; d++)
        for (uint32_t r = 0; r < item->dispatches[d]->range_count; r++)
            if (item->dispatches[d]->ranges[r].tensor == tensor)
                return true;
    return false;
}

static enum smelt_result replace(smelt_graph graph, smelt_tensor old, smelt_tensor tensor, uint32_t *used)
{
    struct smelt_graph_item **made =
        calloc(SMELT_MAX(graph->captured.count, 1), sizeof(struct smelt_graph_item *));
    if (!made)
        return smelt_graph_no_memory(graph);
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < graph->captured.count && !result; i++)
        if (uses(graph->captured.items[i], old))
            result = patched(graph, graph->captured.items[i], NULL, old, tensor, &made[i]);
    for (uint32_t i = 0; i < graph->captured.count; i++) {
        if (made[i] && result)
            smelt_graph_item_free(made[i]);
        else if (made[i])
            swap_in(graph, i, made[i]), (*used)++;
    }
    free(made);
    for (uint32_t i = 0; i < graph->params.output_count && !result; i++)
        if (graph->outputs[i] == old) {
            graph->outputs[i] = tensor;
            graph->planned = graph->recorded = false;
            (*used)++;
        }
    return result;
}

enum smelt_result smelt_graph_replace_tensor(smelt_graph graph, const char *name, smelt_tensor tensor)
{
    if (!graph || !name)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "graph: replace_tensor: %s is NULL",
                          graph ? "name" : "graph");
    uint32_t used = 0, count = graph->tensor_count;
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < count && !result; i++)
        if (!strcmp(graph->tensors[i].name, name))
            result = check_same(graph, "the graph", name, graph->tensors[i].tensor, tensor);
    for (uint32_t i = 0; i < count && !result; i++)
        if (!strcmp(graph->tensors[i].name, name) && graph->tensors[i].tensor != tensor)
            result = replace(graph, graph->tensors[i].tensor, tensor, &used);
        else if (!strcmp(graph->tensors[i].name, name))
            used++;
    return result || used
               ? result
               : smelt_fail(graph->context, SMELT_ERROR_NOT_FOUND,
                            "graph '%s': replace_tensor: no node uses a tensor \"%s\"", graph->name, name);
}

// --- Buffers, bytes, sizes --------------------------------------------------------------------------------

// The dispatch of the caller's pipeline that a node is, and the index of an argument of it.
static enum smelt_result find_argument(smelt_graph graph, const char *call, const char *node,
                                       const char *argument, const struct smelt_dispatch **dispatch,
                                       uint32_t *index)
{
    uint32_t place;
    enum smelt_result result = find_node(graph, call, node, &place);
    if (result)
        return result;
    const struct smelt_graph_item *item = graph->captured.items[place];
    *dispatch = item->dispatches[0];
    if (!argument)
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT, "graph: %s: argument is NULL", call);
    return (*dispatch)->source ? smelt_pipeline_find((*dispatch)->source, argument, index)
                               : no_argument(graph, item, argument);
}

enum smelt_result smelt_graph_set_buffer(smelt_graph graph, const char *node, const char *argument,
                                         const struct smelt_buffer_range *range)
{
    const struct smelt_dispatch *d;
    uint32_t index;
    enum smelt_result result = find_argument(graph, "set_buffer", node, argument, &d, &index);
    if (result)
        return result;
    struct smelt_range *old = range_of(d, index);
    if (!old || old->tensor || old->begin >= old->end)
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "graph '%s': \"%s\" of \"%s\" was not set with a buffer", graph->name, argument,
                          node);
    if (!range || !range->buffer || !range->size || (uint32_t)range->access > SMELT_ACCESS_WRITE)
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT, "graph '%s': set_buffer: %s",
                          graph->name,
                          !range || !range->buffer ? "the buffer is null"
                          : !range->size           ? "size is 0, wanted the bytes that the shader accesses"
                                                   : "access is not one of enum smelt_access");
    VkDeviceAddress address = smelt_buffer_address(graph->context, range->buffer) + range->offset;
    memcpy(bytes_of(d, index), &address, sizeof(address));
    *old = (struct smelt_range){address, address + range->size, range->access, index, NULL};
    graph->planned = graph->recorded = false;
    return SMELT_OK;
}

static enum smelt_result wrong_size(smelt_graph graph, const char *node, const char *argument,
                                    uint64_t wanted, uint64_t got)
{
    return smelt_fail(graph->context, SMELT_ERROR_SHAPE,
                      "graph '%s': \"%s\" of \"%s\" has %" PRIu64 " bytes, got %" PRIu64, graph->name,
                      argument, node, wanted, got);
}

static enum smelt_result set_call_bytes(smelt_graph graph, uint32_t place, const char *argument,
                                        const void *data, uint64_t size)
{
    const struct smelt_graph_item *item = graph->captured.items[place];
    struct smelt_graph_item *copy = copy_item(item);
    if (!copy)
        return smelt_graph_no_memory(graph);
    uint32_t wanted = 0;
    void *field = copy->call ? find_field(copy, copy->call, argument, false, &wanted) : NULL;
    enum smelt_result result = !field           ? no_argument(graph, item, argument)
                               : size != wanted ? wrong_size(graph, item->label, argument, wanted, size)
                                                : SMELT_OK;
    if (!result) {
        memcpy(field, data, wanted);
        result = smelt_graph_item_refresh(graph, copy);
    }
    if (result) {
        smelt_graph_item_free(copy);
        return result;
    }
    swap_in(graph, place, copy);
    return SMELT_OK;
}

enum smelt_result smelt_graph_set_bytes(smelt_graph graph, const char *node, const char *argument,
                                        const void *data, uint64_t size)
{
    uint32_t place, index;
    const struct smelt_dispatch *d;
    enum smelt_result result = find_node(graph, "set_bytes", node, &place);
    if (!result && (!data || !argument))
        result = smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT, "graph: set_bytes: %s is NULL",
                            data ? "argument" : "data");
    if (!result && !graph->captured.items[place]->dispatches[0]->source)
        return set_call_bytes(graph, place, argument, data, size);
    if (!result)
        result = find_argument(graph, "set_bytes", node, argument, &d, &index);
    if (result)
        return result;
    const struct smelt_member *member = &d->source->info.arguments[index];
    if (member->kind == SMELT_MEMBER_CONSTANT) {
        if (size != member->size)
            return wrong_size(graph, node, argument, member->size, size);
        memcpy(bytes_of(d, index), data, size);
        graph->recorded = false;
        return SMELT_OK;
    }
    for (uint32_t i = 0; i < d->inline_count; i++) {
        const struct smelt_inline_bytes *bytes = &d->inline_bytes[i];
        if (!bytes->size || bytes->argument != index)
            continue;
        if (size != bytes->size)
            return wrong_size(graph, node, argument, bytes->size, size);
        memcpy((void *)(uintptr_t)bytes->data, data, size);
        graph->recorded = false;
        return SMELT_OK;
    }
    return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                      "graph '%s': \"%s\" of \"%s\" is %s, which was not set with bytes", graph->name,
                      argument, node, smelt_member_kind_name(member->kind));
}

enum smelt_result smelt_graph_set_descriptors(smelt_graph graph, const char *node, uint32_t set,
                                              VkDescriptorSet descriptors)
{
    uint32_t place;
    enum smelt_result result = find_node(graph, "set_descriptors", node, &place);
    if (result)
        return result;
    struct smelt_dispatch *d = graph->captured.items[place]->dispatches[0];
    if (set >= d->set_count || !d->sets[set] || !descriptors)
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "graph '%s': set_descriptors: %s set %u of \"%s\"", graph->name,
                          descriptors ? "there is no" : "NULL for", set, node);
    d->sets[set] = descriptors;
    graph->recorded = false;
    return SMELT_OK;
}

enum smelt_result smelt_graph_set_groups(smelt_graph graph, const char *node, uint32_t x, uint32_t y,
                                         uint32_t z)
{
    uint32_t place;
    enum smelt_result result = find_node(graph, "set_groups", node, &place);
    if (result)
        return result;
    struct smelt_dispatch *d = graph->captured.items[place]->dispatches[0];
    const uint32_t *most = graph->context->capabilities.max_workgroup_count;
    if (!d->source || d->indirect)
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "graph '%s': set_groups: \"%s\" is %s, wanted a direct dispatch of a pipeline",
                          graph->name, node, d->indirect ? "indirect" : "a call of the library");
    if (!x || !y || !z || x > most[0] || y > most[1] || z > most[2])
        return smelt_fail(graph->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "graph '%s': set_groups: \"%s\" of %u x %u x %u groups, wanted 1 to %u x %u x %u",
                          graph->name, node, x, y, z, most[0], most[1], most[2]);
    d->groups[0] = x;
    d->groups[1] = y;
    d->groups[2] = z;
    graph->recorded = false;
    return SMELT_OK;
}
