// SPDX-License-Identifier: MIT
// Items of graphs: copies of what an encoder hands to a capture, and library calls as data.
#include "graph_internal.h"

#include <stdlib.h>
#include <string.h>

// --- Library calls as data --------------------------------------------------------------------------------

#define TENSOR(type, field)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct smelt_##type, field), 0                                                      \
    }
#define NUMBER(type, field)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct smelt_##type, field), sizeof(((struct smelt_##type *)NULL)->field)           \
    }
#define QUANTIZATION(type)                                                                                   \
    TENSOR(type, quantization.zero_a), TENSOR(type, quantization.zero_b), TENSOR(type, quantization.scale),  \
        TENSOR(type, quantization.zero_d)
#define END                                                                                                  \
    {                                                                                                        \
        NULL, 0, 0                                                                                           \
    }

static const struct smelt_graph_field copy_fields[] = {TENSOR(copy_call, destination),
                                                       TENSOR(copy_call, source), END};
static const struct smelt_graph_field fill_fields[] = {TENSOR(fill_call, destination),
                                                       NUMBER(fill_call, value), END};
static const struct smelt_graph_field matmul2d_fields[] = {
    TENSOR(matmul2d_params, a),        TENSOR(matmul2d_params, b),
    TENSOR(matmul2d_params, bias),     TENSOR(matmul2d_params, d),
    TENSOR(matmul2d_params, residual), TENSOR(matmul2d_params, scale),
    TENSOR(matmul2d_params, zero),     TENSOR(matmul2d_params, scratch),
    QUANTIZATION(matmul2d_params),     END};
static const struct smelt_graph_field convolution2d_fields[] = {TENSOR(convolution2d_params, a),
                                                                TENSOR(convolution2d_params, b),
                                                                TENSOR(convolution2d_params, bias),
                                                                TENSOR(convolution2d_params, d),
                                                                TENSOR(convolution2d_params, residual),
                                                                QUANTIZATION(convolution2d_params),
                                                                END};
static const struct smelt_graph_field reduction_fields[] = {
    TENSOR(reduction_params, x), TENSOR(reduction_params, y), TENSOR(reduction_params, scratch), END};
static const struct smelt_graph_field softmax_fields[] = {
    TENSOR(softmax_params, x), TENSOR(softmax_params, y), TENSOR(softmax_params, mask),
    NUMBER(softmax_params, scale), END};
static const struct smelt_graph_field layer_norm_fields[] = {
    TENSOR(layer_norm_params, x),        TENSOR(layer_norm_params, y),
    TENSOR(layer_norm_params, gamma),    TENSOR(layer_norm_params, beta),
    TENSOR(layer_norm_params, residual), TENSOR(layer_norm_params, sum),
    NUMBER(layer_norm_params, epsilon),  END};
static const struct smelt_graph_field rms_norm_fields[] = {TENSOR(rms_norm_params, x),
                                                           TENSOR(rms_norm_params, y),
                                                           TENSOR(rms_norm_params, gamma),
                                                           TENSOR(rms_norm_params, residual),
                                                           TENSOR(rms_norm_params, sum),
                                                           NUMBER(rms_norm_params, epsilon),
                                                           END};
static const struct smelt_graph_field attention_fields[] = {
    TENSOR(attention_params, q),     TENSOR(attention_params, k),
    TENSOR(attention_params, v),     TENSOR(attention_params, y),
    TENSOR(attention_params, mask),  TENSOR(attention_params, lengths),
    NUMBER(attention_params, scale), NUMBER(attention_params, cap),
    NUMBER(attention_params, past),  END};
static const struct smelt_graph_field elementwise_fields[] = {TENSOR(elementwise_params, y), END};
#define OPERAND(i)                                                                                           \
    {                                                                                                        \
        "t" #i, offsetof(struct smelt_operator_call, tensors) + (i) * sizeof(smelt_tensor), 0                \
    }
static const struct smelt_graph_field operator_fields[] = {OPERAND(0), OPERAND(1), OPERAND(2), OPERAND(3),
                                                           OPERAND(4), OPERAND(5), END};

static const struct {
    size_t size;
    const struct smelt_graph_field *fields;
} calls[SMELT_OPERATION_COUNT] = {
    [SMELT_OPERATION_COPY] = {sizeof(struct smelt_copy_call), copy_fields},
    [SMELT_OPERATION_FILL] = {sizeof(struct smelt_fill_call), fill_fields},
    [SMELT_OPERATION_MATMUL2D] = {sizeof(struct smelt_matmul2d_params), matmul2d_fields},
    [SMELT_OPERATION_CONVOLUTION2D] = {sizeof(struct smelt_convolution2d_params), convolution2d_fields},
    [SMELT_OPERATION_REDUCTION] = {sizeof(struct smelt_reduction_params), reduction_fields},
    [SMELT_OPERATION_SOFTMAX] = {sizeof(struct smelt_softmax_params), softmax_fields},
    [SMELT_OPERATION_LAYER_NORM] = {sizeof(struct smelt_layer_norm_params), layer_norm_fields},
    [SMELT_OPERATION_RMS_NORM] = {sizeof(struct smelt_rms_norm_params), rms_norm_fields},
    [SMELT_OPERATION_ELEMENTWISE] = {sizeof(struct smelt_elementwise_params), elementwise_fields},
    [SMELT_OPERATION_ATTENTION] = {sizeof(struct smelt_attention_params), attention_fields},
    [SMELT_OPERATION_OPERATOR] = {sizeof(struct smelt_operator_call), operator_fields},
};

const struct smelt_graph_field *smelt_graph_fields(enum smelt_operation operation)
{
    return calls[operation].fields;
}

union smelt_graph_call *smelt_graph_call_copy(enum smelt_operation operation, const void *call)
{
    // What the call points to besides tensors.
    const void *behind = NULL;
    size_t size = 0;
    if (operation == SMELT_OPERATION_ELEMENTWISE) {
        const struct smelt_elementwise_params *p = call;
        behind = p->steps;
        size = p->step_count * sizeof(*p->steps);
    } else if (operation == SMELT_OPERATION_OPERATOR) {
        behind = ((const struct smelt_operator_call *)call)->options;
        size = behind ? strlen(behind) + 1 : 0;
    }
    union smelt_graph_call *copy = calloc(1, sizeof(*copy) + size);
    if (!copy)
        return NULL;
    memcpy(copy, call, calls[operation].size);
    if (size)
        memcpy(copy + 1, behind, size);
    if (operation == SMELT_OPERATION_ELEMENTWISE)
        copy->elementwise.steps = (const void *)(copy + 1);
    else if (size)
        copy->operator_call.options = (const void *)(copy + 1);
    return copy;
}

// Records the call on an encoder.
static enum smelt_result encode_call(smelt_encoder encoder, enum smelt_operation operation,
                                     const union smelt_graph_call *call)
{
    switch (operation) {
    case SMELT_OPERATION_COPY:
        return smelt_encode_copy(encoder, call->copy.destination, call->copy.source,
                                 call->copy.permuted ? call->copy.permutation : NULL);
    case SMELT_OPERATION_FILL:
        return smelt_encode_fill(encoder, call->fill.destination, call->fill.value);
    case SMELT_OPERATION_MATMUL2D:
        return smelt_encode_matmul2d(encoder, &call->matmul2d);
    case SMELT_OPERATION_CONVOLUTION2D:
        return smelt_encode_convolution2d(encoder, &call->convolution2d);
    case SMELT_OPERATION_REDUCTION:
        return smelt_encode_reduction(encoder, &call->reduction);
    case SMELT_OPERATION_SOFTMAX:
        return smelt_encode_softmax(encoder, &call->softmax);
    case SMELT_OPERATION_LAYER_NORM:
        return smelt_encode_layer_norm(encoder, &call->layer_norm);
    case SMELT_OPERATION_RMS_NORM:
        return smelt_encode_rms_norm(encoder, &call->rms_norm);
    case SMELT_OPERATION_ELEMENTWISE:
        return smelt_encode_elementwise(encoder, &call->elementwise);
    case SMELT_OPERATION_ATTENTION:
        return smelt_encode_attention(encoder, &call->attention);
    case SMELT_OPERATION_OPERATOR:
        return smelt_encode_operator(encoder, &call->operator_call);
    default:
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED, "graph: %s is not a call with parameters",
                          smelt_operation_name(operation));
    }
}

// --- Dispatches -------------------------------------------------------------------------------------------

// Lays pieces out one after the other in one allocation; the first pass only counts.
struct pieces {
    uint8_t *memory; // NULL: count
    size_t used;
};

static void *piece(struct pieces *pieces, const void *data, size_t size)
{
    size_t at = pieces->used;
    pieces->used += (size + 15) & ~(size_t)15;
    if (!data || !pieces->memory)
        return NULL;
    memcpy(pieces->memory + at, data, size);
    return pieces->memory + at;
}

static struct smelt_dispatch *lay_out(struct pieces *pieces, const struct smelt_dispatch *d)
{
    struct smelt_dispatch *copy = piece(pieces, d, sizeof(*d));
    void *push = piece(pieces, d->push, d->push_size);
    void *block = piece(pieces, d->block, d->block ? d->block_size : 0);
    struct smelt_inline_bytes *bytes =
        piece(pieces, d->inline_bytes, d->inline_count * sizeof(*d->inline_bytes));
    void *ranges = piece(pieces, d->ranges, d->range_count * sizeof(*d->ranges));
    void *label = piece(pieces, d->label, strlen(d->label) + 1);
    for (uint32_t i = 0; i < d->inline_count; i++) {
        void *data = piece(pieces, d->inline_bytes[i].data, d->inline_bytes[i].size);
        if (bytes)
            bytes[i].data = data;
    }
    if (!copy)
        return NULL;
    copy->push = push;
    copy->block = block;
    copy->inline_bytes = bytes;
    copy->ranges = ranges;
    copy->label = label;
    copy->call = NULL; // the item's
    return copy;
}

struct smelt_dispatch *smelt_graph_copy_dispatch(const struct smelt_dispatch *dispatch)
{
    struct pieces pieces = {0};
    lay_out(&pieces, dispatch);
    pieces.memory = calloc(1, pieces.used);
    pieces.used = 0;
    return pieces.memory ? lay_out(&pieces, dispatch) : NULL;
}

// --- Items and lists --------------------------------------------------------------------------------------

void smelt_graph_item_free(struct smelt_graph_item *item)
{
    if (!item)
        return;
    for (uint32_t i = 0; i < item->dispatch_count; i++)
        free(item->dispatches[i]);
    free(item->dispatches);
    free((void *)(uintptr_t)item->barrier.ranges);
    free(item->label);
    free(item->call);
    free(item);
}

enum smelt_result smelt_graph_list_add(struct smelt_graph_list *list, struct smelt_graph_item *item)
{
    if (item && list->count == list->capacity) {
        uint32_t capacity = list->capacity ? 2 * list->capacity : 64;
        struct smelt_graph_item **items = realloc(list->items, capacity * sizeof(struct smelt_graph_item *));
        if (items) {
            list->items = items;
            list->capacity = capacity;
        }
    }
    if (!item || list->count == list->capacity) {
        smelt_graph_item_free(item);
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "graph: out of host memory");
    }
    list->items[list->count++] = item;
    return SMELT_OK;
}

void smelt_graph_list_free(struct smelt_graph_list *list, bool items)
{
    for (uint32_t i = 0; i < list->count && items; i++)
        smelt_graph_item_free(list->items[i]);
    free(list->items);
    *list = (struct smelt_graph_list){0};
}

static struct smelt_graph_item *new_item(const struct smelt_dispatch *d)
{
    struct smelt_graph_item *item = calloc(1, sizeof(*item));
    if (!item)
        return NULL;
    item->operation = d->operation;
    item->label = smelt_copy_string(d->label);
    if (d->call && calls[d->operation].size)
        item->call = smelt_graph_call_copy(d->operation, d->call);
    if (!item->label || (d->call && calls[d->operation].size && !item->call)) {
        smelt_graph_item_free(item);
        return NULL;
    }
    return item;
}

static enum smelt_result add_dispatch(struct smelt_graph_item *item, const struct smelt_dispatch *dispatch)
{
    struct smelt_dispatch *copy = smelt_graph_copy_dispatch(dispatch);
    struct smelt_dispatch **dispatches =
        realloc(item->dispatches, (item->dispatch_count + 1) * sizeof(struct smelt_dispatch *));
    if (dispatches)
        item->dispatches = dispatches;
    if (!dispatches || !copy) {
        free(copy);
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "graph: out of host memory");
    }
    dispatches[item->dispatch_count++] = copy;
    return SMELT_OK;
}

enum smelt_result smelt_graph_list_dispatch(struct smelt_graph_list *list,
                                            const struct smelt_dispatch *dispatch)
{
    enum smelt_result result = SMELT_OK;
    if (dispatch->part == 0)
        result = smelt_graph_list_add(list, new_item(dispatch));
    return result ? result : add_dispatch(list->items[list->count - 1], dispatch);
}

enum smelt_result smelt_graph_list_barrier(struct smelt_graph_list *list,
                                           const struct smelt_barrier_request *request)
{
    const struct smelt_graph_item *last = list->count ? list->items[list->count - 1] : NULL;
    if (last && last->dispatch_count && last->dispatch_count < last->dispatches[0]->parts)
        return SMELT_OK; // within a call: plans order its parts
    struct smelt_graph_item *item = calloc(1, sizeof(*item));
    struct smelt_range *ranges = NULL;
    if (item && request->range_count) {
        ranges = malloc(request->range_count * sizeof(*ranges));
        if (!ranges) {
            free(item);
            item = NULL;
        } else {
            memcpy(ranges, request->ranges, request->range_count * sizeof(*ranges));
        }
    }
    if (item) {
        item->is_barrier = true;
        item->barrier = *request;
        item->barrier.ranges = ranges;
    }
    return smelt_graph_list_add(list, item);
}

enum smelt_result smelt_graph_make_maker(smelt_graph graph, smelt_encoder *maker)
{
    const struct smelt_encoder_params params = {.hazards = SMELT_HAZARDS_MANUAL, .name = graph->name};
    enum smelt_result result = smelt_encoder_create(graph->context, &params, maker);
    if (!result && (result = smelt_encoder_start_capture(*maker)))
        smelt_encoder_destroy(maker);
    if (!result)
        (*maker)->slice = graph->slice;
    return result;
}

enum smelt_result smelt_graph_item_make(smelt_encoder maker, struct smelt_graph_item *item,
                                        enum smelt_kernel_making kernels)
{
    enum smelt_result result = SMELT_OK;
    maker->kernels = kernels;
    if (item->label) // so that profiles name what was fused
        result = smelt_encoder_set_label(maker, item->label);
    if (!result)
        result = encode_call(maker, item->operation, item->call);
    struct smelt_graph_list list = smelt_capture_take(maker);
    if (!result) {
        struct smelt_dispatch **dispatches = item->dispatches;
        uint32_t count = item->dispatch_count;
        item->dispatches = list.items[0]->dispatches;
        item->dispatch_count = list.items[0]->dispatch_count;
        list.items[0]->dispatches = dispatches;
        list.items[0]->dispatch_count = count;
    }
    smelt_graph_list_free(&list, true);
    return result;
}

enum smelt_result smelt_graph_item_refresh(smelt_graph graph, struct smelt_graph_item *item)
{
    enum smelt_result result = graph->maker ? SMELT_OK : smelt_graph_make_maker(graph, &graph->maker);
    return result ? result : smelt_graph_item_make(graph->maker, item, SMELT_KERNELS_KNOWN);
}
