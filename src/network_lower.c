// SPDX-License-Identifier: MIT
// What the lowering of operators stands on: tensors of values, views, temporaries, constants; and the pass over the nodes.
#include "network_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSIONS 4 // of the graph: sets of arguments in turn that cost nothing

// --- Errors -------------------------------------------------------------------------------------------------

enum smelt_result smelt_lower_take(struct smelt_lowering *lowering, enum smelt_result result)
{
    if (!lowering->result)
        lowering->result = result;
    return lowering->result;
}

enum smelt_result smelt_lower_fail(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                   enum smelt_result result, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (!lowering->result)
        smelt_ir_node_fail(lowering->ir, node, result, "%s", text);
    return smelt_lower_take(lowering, result);
}

static enum smelt_result no_memory(struct smelt_lowering *lowering)
{
    return smelt_lower_take(lowering, smelt_ir_no_memory(lowering->ir));
}

// --- Shapes and types ---------------------------------------------------------------------------------------

enum smelt_dtype smelt_lower_dtype(const struct smelt_lowering *lowering, const struct smelt_ir_value *value)
{
    switch (value->element) {
    case SMELT_ELEMENT_F32:
        return value->keep_f32 || lowering->wide || (lowering->keeps_f32 && lowering->keeps_f32[value->id])
                   ? SMELT_DTYPE_F32
                   : lowering->storage;
    case SMELT_ELEMENT_I64:
        return SMELT_DTYPE_I32;
    case SMELT_ELEMENT_U64:
        return SMELT_DTYPE_U32;
    case SMELT_ELEMENT_BOOL:
        return SMELT_DTYPE_U8;
    case SMELT_ELEMENT_I4:
        return lowering->wide ? SMELT_DTYPE_I8 : SMELT_DTYPE_I4;
    case SMELT_ELEMENT_U4:
        return lowering->wide ? SMELT_DTYPE_U8 : SMELT_DTYPE_U4;
    default:
        return smelt_element_info(value->element)->dtype;
    }
}

void smelt_lower_shape(const struct smelt_ir_value *value, uint64_t shape[SMELT_IR_MAX_RANK])
{
    for (uint32_t d = 0; d < value->rank; d++)
        shape[d] = (uint64_t)value->shape[d].constant;
}

// How far the innermost elements reach: rows of 4 bit types are whole bytes.
static uint64_t row_of(enum smelt_dtype dtype, uint64_t extent)
{
    return smelt_dtype_bits(dtype) == 4 ? extent + extent % 2 : extent;
}

void smelt_lower_strides(enum smelt_dtype dtype, uint32_t rank, const uint64_t *shape, enum smelt_order order,
                         uint64_t *strides)
{
    uint64_t step = 1;
    bool channels_last = order == SMELT_ORDER_CHANNELS_LAST && rank >= 3;
    if (channels_last) {
        strides[1] = 1;
        step = row_of(dtype, shape[1]);
    }
    for (uint32_t d = rank; d-- > 0;) {
        if (channels_last && d == 1)
            continue;
        strides[d] = step;
        step *= step == 1 ? row_of(dtype, shape[d]) : shape[d];
    }
}

// --- Tensors ------------------------------------------------------------------------------------------------

// The plan owns it from now on. NULL: out of memory.
static smelt_tensor keep(struct smelt_lowering *lowering, smelt_tensor tensor)
{
    struct smelt_network_plan *plan = lowering->plan;
    if (plan->tensor_count == plan->tensor_capacity) {
        uint32_t capacity = plan->tensor_capacity ? 2 * plan->tensor_capacity : 64;
        smelt_tensor *tensors = realloc(plan->tensors, capacity * sizeof(smelt_tensor));
        if (!tensors) {
            smelt_tensor_destroy(&tensor);
            no_memory(lowering);
            return NULL;
        }
        plan->tensors = tensors;
        plan->tensor_capacity = capacity;
    }
    return plan->tensors[plan->tensor_count++] = tensor;
}

// An intermediate tensor: the graph gives it a place.
static smelt_tensor make_tensor(struct smelt_lowering *lowering, const struct smelt_tensor_params *params)
{
    smelt_tensor tensor = NULL;
    if (lowering->result ||
        smelt_lower_take(lowering, smelt_tensor_create_transient(lowering->context, params, &tensor)))
        return NULL;
    return keep(lowering, tensor);
}

static struct smelt_tensor_params describe(const struct smelt_lowering *lowering,
                                           const struct smelt_ir_value *value, const uint64_t *strides)
{
    struct smelt_tensor_params params = {
        .dtype = smelt_lower_dtype(lowering, value), .rank = value->rank, .name = value->name};
    smelt_lower_shape(value, params.shape);
    if (strides)
        memcpy(params.strides, strides, value->rank * sizeof(*strides));
    return params;
}

smelt_tensor smelt_lower_temporary(struct smelt_lowering *lowering, enum smelt_dtype dtype, uint32_t rank,
                                   const uint64_t *shape)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = rank, .name = "temporary"};
    memcpy(params.shape, shape, rank * sizeof(*shape));
    return make_tensor(lowering, &params);
}

smelt_tensor smelt_lower_view(struct smelt_lowering *lowering, smelt_tensor base, uint64_t offset,
                              uint32_t rank, const uint64_t *shape, const uint64_t *strides)
{
    if (lowering->result || !base)
        return NULL;
    const struct smelt_tensor_info *info = smelt_tensor_info(base);
    struct smelt_tensor_params params = {.dtype = info->dtype, .rank = rank, .name = info->name};
    smelt_tensor view = NULL;
    memcpy(params.shape, shape, rank * sizeof(*shape));
    memcpy(params.strides, strides, rank * sizeof(*strides));
    enum smelt_result result = smelt_tensor_view(base, smelt_dtype_size(info->dtype, offset), &params, &view);
    return smelt_lower_take(lowering, result) ? NULL : keep(lowering, view);
}

// --- Constants ----------------------------------------------------------------------------------------------

// Converts stored elements into packed ones of `dtype`. Both may be the same.
static enum smelt_result convert(struct smelt_lowering *lowering, const struct smelt_ir_value *value,
                                 enum smelt_dtype dtype, void *out)
{
    uint64_t count = smelt_ir_element_count(value);
    enum smelt_dtype stored = smelt_element_info(value->stored)->dtype;
    if (value->stored == SMELT_ELEMENT_BOOL || stored == dtype) {
        memcpy(out, value->data, (size_t)value->size);
        return SMELT_OK;
    }
    if (stored != SMELT_DTYPE_NONE)
        return smelt_dtype_convert(dtype, out, stored, value->data, count);
    bool is_signed = value->stored == SMELT_ELEMENT_I64;
    for (uint64_t i = 0; i < count; i++) { // i64, u64
        int64_t wide = smelt_element_integer(value->stored, value->data, i);
        if (is_signed ? wide < INT32_MIN || wide > INT32_MAX : wide < 0 || wide > UINT32_MAX)
            return smelt_fail(
                lowering->context, SMELT_ERROR_UNSUPPORTED,
                "%s: constant \"%.80s\" has the element %lld; 64-bit integers are kept in 32 bits",
                lowering->ir->file, value->name, (long long)wide);
        ((uint32_t *)out)[i] = (uint32_t)wide;
    }
    return SMELT_OK;
}

// Rows of 4 bit elements that follow each other, each to whole bytes.
static void scatter_rows_of_4_bits(uint64_t rows, uint64_t extent, const uint8_t *from, uint8_t *to)
{
    memset(to, 0, (size_t)(rows * (extent + 1) / 2));
    for (uint64_t i = 0; i < rows * extent; i++) {
        uint64_t place = i / extent * row_of(SMELT_DTYPE_U4, extent) + i % extent;
        to[place / 2] |= (uint8_t)((from[i / 2] >> (4 * (i % 2)) & 15) << (4 * (place % 2)));
    }
}

// Elements from row-major to any strides; the innermost loop goes along what is innermost there.
static void scatter(uint32_t bytes, uint32_t rank, const uint64_t *shape, const uint64_t *strides,
                    const char *from, char *to)
{
    uint64_t c[SMELT_IR_MAX_RANK] = {0}, steps[SMELT_IR_MAX_RANK], count = 1, step = 1;
    uint32_t inner = 0;
    for (uint32_t d = rank; d-- > 0; step *= shape[d]) {
        steps[d] = step;
        if (shape[d] > 1 && (shape[inner] == 1 || strides[d] < strides[inner]))
            inner = d;
    }
    for (uint32_t d = 0; d < rank; d++)
        count *= d == inner ? 1 : shape[d];
    for (uint64_t i = 0; i < count; i++) {
        uint64_t source = 0, place = 0;
        for (uint32_t d = 0; d < rank; d++) {
            source += c[d] * steps[d];
            place += c[d] * strides[d];
        }
        for (uint64_t k = 0; k < (rank ? shape[inner] : 1); k++) {
            const char *element = from + (source + (rank ? k * steps[inner] : 0)) * bytes;
            char *at = to + (place + (rank ? k * strides[inner] : 0)) * bytes;
            if (bytes == 2)
                memcpy(at, element, 2);
            else
                memcpy(at, element, bytes);
        }
        for (uint32_t d = rank; d-- > 0;)
            if (d != inner) {
                if (++c[d] < shape[d])
                    break;
                c[d] = 0;
            }
    }
}

// Writes a constant to `out` with the strides of `params`.
static enum smelt_result write_weight(struct smelt_lowering *lowering, const struct smelt_ir_value *value,
                                      const struct smelt_tensor_params *params, void *out)
{
    uint32_t bits = smelt_dtype_bits(params->dtype);
    uint64_t packed[SMELT_IR_MAX_RANK];
    smelt_lower_strides(params->dtype, params->rank, params->shape, SMELT_ORDER_ROWS, packed);
    bool rows_follow = !memcmp(packed, params->strides, params->rank * sizeof(*packed));
    uint64_t inner = params->rank ? params->shape[params->rank - 1] : 1;
    if (rows_follow && inner == row_of(params->dtype, inner))
        return convert(lowering, value, params->dtype, out);
    if (bits < 8 && !rows_follow)
        return smelt_fail(lowering->context, SMELT_ERROR_UNSUPPORTED,
                          "%s: constant \"%.80s\" of %s cannot be reordered", lowering->ir->file, value->name,
                          smelt_dtype_name(params->dtype));
    void *rows = malloc((size_t)smelt_dtype_size(params->dtype, smelt_ir_element_count(value)));
    if (!rows)
        return smelt_ir_no_memory(lowering->ir);
    enum smelt_result result = convert(lowering, value, params->dtype, rows);
    if (!result && bits < 8)
        scatter_rows_of_4_bits(smelt_ir_element_count(value) / inner, inner, rows, out);
    else if (!result)
        scatter(bits / 8, params->rank, params->shape, params->strides, rows, out);
    free(rows);
    return result;
}

// Whether a constant is the network's at all shapes. Others follow from the shapes or from contents of inputs, and are known by
// what they hold.
static bool is_stored(const struct smelt_lowering *lowering, const struct smelt_ir_value *value)
{
    const struct smelt_ir *source = lowering->network->source;
    return value->id < source->value_count && source->values[value->id]->constant;
}

static void add_contents(struct smelt_text *key, enum smelt_dtype dtype, const struct smelt_ir_value *value)
{
    uint64_t shape[SMELT_IR_MAX_RANK];
    smelt_lower_shape(value, shape);
    smelt_text_add(key, "=%s/%s/%016llx", smelt_dtype_name(dtype), smelt_element_info(value->stored)->name,
                   (unsigned long long)smelt_hash(SMELT_HASH_START, value->data, (size_t)value->size));
    for (uint32_t d = 0; d < value->rank; d++)
        smelt_text_add(key, "/%llu", (unsigned long long)shape[d]);
}

smelt_tensor smelt_lower_weight(struct smelt_lowering *lowering, const struct smelt_ir_value *value,
                                const uint32_t *axes)
{
    struct smelt_tensor_params params = describe(lowering, value, NULL);
    struct smelt_text key = {0};
    smelt_tensor tensor = NULL;
    void *data;
    uint64_t step = 1;
    if (lowering->result || !smelt_ir_element_count(value))
        return NULL;
    bool stored = is_stored(lowering, value);
    if (stored)
        smelt_text_add(&key, "%s/%s", value->name, smelt_dtype_name(params.dtype));
    else
        add_contents(&key, params.dtype, value);
    for (uint32_t i = value->rank; i-- > 0;) {
        params.strides[axes[i]] = step;
        step *= i + 1 == value->rank ? row_of(params.dtype, params.shape[axes[i]]) : params.shape[axes[i]];
        smelt_text_add(&key, "/%u", axes[i]);
    }
    enum smelt_result result =
        key.failed ? smelt_ir_no_memory(lowering->ir)
                   : smelt_weights_place(lowering->network, key.data, stored ? value->name : NULL, &params,
                                         &tensor, &data);
    if (!result && data)
        result = write_weight(lowering, value, &params, data);
    smelt_text_free(&key);
    return smelt_lower_take(lowering, result) ? NULL : tensor;
}

smelt_tensor smelt_lower_constant(struct smelt_lowering *lowering, enum smelt_dtype dtype, uint32_t rank,
                                  const uint64_t *shape, const void *data)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = rank, .name = "constant"};
    uint64_t count = 1;
    struct smelt_text key = {0};
    smelt_tensor tensor = NULL;
    void *out;
    if (lowering->result)
        return NULL;
    for (uint32_t d = 0; d < rank; d++)
        count *= params.shape[d] = shape[d];
    uint64_t size = smelt_dtype_size(dtype, count);
    smelt_text_add(&key, "=%s/%016llx", smelt_dtype_name(dtype),
                   (unsigned long long)smelt_hash(SMELT_HASH_START, data, (size_t)size));
    for (uint32_t d = 0; d < rank; d++)
        smelt_text_add(&key, "/%llu", (unsigned long long)shape[d]);
    enum smelt_result result =
        key.failed ? smelt_ir_no_memory(lowering->ir)
                   : smelt_weights_place(lowering->network, key.data, NULL, &params, &tensor, &out);
    if (!result && out)
        memcpy(out, data, (size_t)size);
    smelt_text_free(&key);
    return smelt_lower_take(lowering, result) ? NULL : tensor;
}

// --- Inputs and outputs of nodes ----------------------------------------------------------------------------

const struct smelt_ir_value *smelt_lower_host_input(const struct smelt_ir_node *node, uint32_t index)
{
    struct smelt_ir_value *value = smelt_ir_input(node, index);
    if (!value || !value->constant)
        return NULL;
    value->read_on_host = true;
    return value;
}

smelt_tensor smelt_lower_input(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                               uint32_t index)
{
    static const uint32_t rows[SMELT_IR_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    const struct smelt_ir_value *value = smelt_ir_input(node, index);
    if (!value || lowering->result)
        return NULL;
    if (value->constant)
        return smelt_lower_weight(lowering, value, rows);
    return smelt_lower_widened(lowering, value, lowering->plan->of_value[value->id]);
}

smelt_tensor smelt_lower_packed_input(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                      uint32_t index)
{
    smelt_tensor tensor = smelt_lower_input(lowering, node, index);
    if (!tensor || smelt_tensor_is_packed(&tensor->info))
        return tensor;
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    smelt_tensor packed = smelt_lower_temporary(lowering, info->dtype, info->rank, info->shape);
    if (!packed || smelt_lower_take(lowering, smelt_encode_copy(lowering->encoder, packed, tensor, NULL)))
        return NULL;
    return packed;
}

// The largest input of this rank that a node computes, or the network's; NULL: none.
static smelt_tensor largest_input(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                  uint32_t rank)
{
    smelt_tensor largest = NULL;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct smelt_ir_value *value = node->inputs[i];
        smelt_tensor x = value && !value->constant ? smelt_lower_input(lowering, node, i) : NULL;
        if (x && value->rank == rank &&
            (!largest || smelt_tensor_element_count(x) > smelt_tensor_element_count(largest)))
            largest = x;
    }
    return largest;
}

// Strides for an output as its largest input lies: the same order of axes, without gaps.
static bool order_of_input(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                           const struct smelt_ir_value *value, uint64_t *strides)
{
    uint64_t shape[SMELT_IR_MAX_RANK], step = 1;
    uint32_t axes[SMELT_IR_MAX_RANK];
    smelt_tensor x = largest_input(lowering, node, value->rank);
    if (!x)
        return false;
    const struct smelt_tensor_info *info = smelt_tensor_info(x);
    smelt_lower_shape(value, shape);
    for (uint32_t d = 0; d < value->rank; d++) { // axes by stride, the innermost first
        uint32_t at = d;
        for (; at > 0 && info->strides[axes[at - 1]] >= info->strides[d]; at--)
            axes[at] = axes[at - 1];
        axes[at] = d;
    }
    for (uint32_t i = 0; i < value->rank; i++) {
        strides[axes[i]] = step;
        step *= i ? shape[axes[i]] : row_of(smelt_lower_dtype(lowering, value), shape[axes[i]]);
    }
    return true;
}

smelt_tensor smelt_lower_output(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                uint32_t index, enum smelt_order order)
{
    const struct smelt_ir_value *value = smelt_ir_output(node, index);
    if (!value || lowering->result || !smelt_ir_element_count(value))
        return NULL;
    smelt_tensor *place = &lowering->plan->of_value[value->id];
    if (*place) // an output of the network
        return *place;
    uint64_t shape[SMELT_IR_MAX_RANK], strides[SMELT_IR_MAX_RANK];
    smelt_lower_shape(value, shape);
    if (order == SMELT_ORDER_LARGEST_INPUT && value->rank == 4 && lowering->joins[value->id].convolved)
        order = SMELT_ORDER_CHANNELS_LAST;
    if (order != SMELT_ORDER_LARGEST_INPUT || !order_of_input(lowering, node, value, strides))
        smelt_lower_strides(smelt_lower_dtype(lowering, value), value->rank, shape, order, strides);
    if (lowering->joins[value->id].concat)
        return *place = smelt_lower_joined(lowering, value, value->rank == 4 && strides[1] == 1);
    const struct smelt_tensor_params params = describe(lowering, value, strides);
    return *place = make_tensor(lowering, &params);
}

enum smelt_result smelt_lower_output_view(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                          uint32_t index, smelt_tensor base, uint64_t offset,
                                          const uint64_t *strides)
{
    const struct smelt_ir_value *value = smelt_ir_output(node, index);
    if (!value || lowering->result || !base || !smelt_ir_element_count(value))
        return lowering->result;
    uint64_t shape[SMELT_IR_MAX_RANK];
    smelt_lower_shape(value, shape);
    smelt_tensor view = smelt_lower_view(lowering, base, offset, value->rank, shape, strides);
    smelt_tensor *place = &lowering->plan->of_value[value->id];
    if (view && *place)
        return smelt_lower_take(lowering, smelt_encode_copy(lowering->encoder, *place, view, NULL));
    *place = view;
    return lowering->result;
}

// --- The pass -----------------------------------------------------------------------------------------------

// Every node that cannot run, in one error.
static enum smelt_result check_operators(struct smelt_lowering *lowering)
{
    const struct smelt_ir *ir = lowering->ir;
    struct smelt_text text = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < ir->node_count; i++) {
        const struct smelt_ir_node *node = ir->nodes[i];
        if (node->op->lower)
            continue;
        if (count++ < 20)
            smelt_text_add(&text, "%s\"%.60s\" (%s)", count > 1 ? ", " : "", node->name, node->op->name);
    }
    if (!count)
        return SMELT_OK;
    smelt_fail(lowering->context, SMELT_ERROR_UNSUPPORTED, "%s: %u nodes cannot run on a device: %s%s",
               ir->file, count, text.data ? text.data : "", count > 20 ? ", ..." : "");
    smelt_text_free(&text);
    return SMELT_ERROR_UNSUPPORTED;
}

static enum smelt_result check_types(struct smelt_lowering *lowering)
{
    for (uint32_t i = 0; i < lowering->ir->node_count; i++) {
        const struct smelt_ir_node *node = lowering->ir->nodes[i];
        for (uint32_t k = 0; k < node->input_count + node->output_count; k++) {
            const struct smelt_ir_value *value =
                k < node->input_count ? node->inputs[k] : node->outputs[k - node->input_count];
            if (value && !smelt_lower_dtype(lowering, value))
                return smelt_ir_node_fail(lowering->ir, node, SMELT_ERROR_UNSUPPORTED,
                                          "\"%.80s\" has elements of %s, which no tensor has", value->name,
                                          smelt_element_info(value->element)->name);
        }
    }
    return SMELT_OK;
}

static bool has_elements(const struct smelt_ir_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] && smelt_ir_element_count(node->outputs[i]))
            return true;
    return false;
}

void smelt_network_label(const struct smelt_ir_node *node, char *label, size_t size)
{
    snprintf(label, size, "%s %s", node->op->name,
             *node->name        ? node->name
             : node->outputs[0] ? node->outputs[0]->name
                                : "");
}

static enum smelt_result lower_node(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    char label[128];
    smelt_network_label(node, label, sizeof(label));
    enum smelt_result result = smelt_encoder_set_label(lowering->encoder, label);
    if (!result)
        result = smelt_network_is_wide(lowering, node) ? smelt_lower_wide(lowering, node)
                                                       : node->op->lower(lowering, node);
    return smelt_lower_take(lowering, result);
}

// Inputs and outputs: dispatches bind them to the caller's tensors.
static enum smelt_result bind_ends(struct smelt_lowering *lowering)
{
    struct smelt_network_plan *plan = lowering->plan;
    const struct smelt_ir *ir = lowering->ir;
    for (uint32_t i = 0; i < ir->input_count + ir->output_count; i++) {
        const struct smelt_ir_value *value =
            i < ir->input_count ? ir->inputs[i] : ir->outputs[i - ir->input_count];
        if (!smelt_ir_element_count(value))
            continue;
        const struct smelt_tensor_params params = describe(lowering, value, plan->bindings[i].strides);
        plan->bound[i] = make_tensor(lowering, &params);
        if (i < ir->input_count || !(value->constant || value->is_input))
            plan->of_value[value->id] = plan->bound[i];
    }
    return lowering->result;
}

// Outputs that are constants or inputs.
static enum smelt_result copy_ends(struct smelt_lowering *lowering)
{
    static const uint32_t rows[SMELT_IR_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    const struct smelt_ir *ir = lowering->ir;
    for (uint32_t i = 0; i < ir->output_count && !lowering->result; i++) {
        const struct smelt_ir_value *value = ir->outputs[i];
        smelt_tensor to = lowering->plan->bound[ir->input_count + i];
        smelt_tensor from = value->constant   ? smelt_lower_weight(lowering, value, rows)
                            : value->is_input ? lowering->plan->of_value[value->id]
                                              : NULL;
        if (from && to)
            smelt_lower_take(lowering, smelt_encode_copy(lowering->encoder, to, from, NULL));
    }
    return lowering->result;
}

static enum smelt_result take_graph(struct smelt_lowering *lowering)
{
    struct smelt_network_plan *plan = lowering->plan;
    smelt_tensor *outputs = calloc((size_t)lowering->ir->output_count + 1, sizeof(smelt_tensor));
    uint32_t count = 0;
    if (!outputs)
        return no_memory(lowering);
    for (uint32_t i = 0; i < lowering->ir->output_count; i++)
        if (plan->bound[lowering->ir->input_count + i])
            outputs[count++] = plan->bound[lowering->ir->input_count + i];
    const struct smelt_graph_params params = {.outputs = outputs,
                                              .output_count = count,
                                              .no_fusion = lowering->network->no_fusion,
                                              .versions = VERSIONS,
                                              .name = lowering->network->name};
    enum smelt_result result = smelt_encoder_take_capture(plan->maker, &params, &plan->graph);
    free(outputs);
    for (uint32_t i = 0; i < lowering->ir->input_count + lowering->ir->output_count && !result; i++)
        if (plan->bound[i]) // so that they take no memory of the heap
            result = smelt_graph_bind(plan->graph, plan->bound[i], NULL);
    if (!result)
        result = smelt_network_use_images(lowering->network, plan);
    return smelt_lower_take(lowering, result);
}

enum smelt_result smelt_network_lower(smelt_network network, struct smelt_network_plan *plan)
{
    struct smelt_lowering lowering = {.context = network->context,
                                      .ir = plan->ir,
                                      .network = network,
                                      .plan = plan,
                                      .storage = network->storage,
                                      .backend = network->backend};
    const struct smelt_encoder_params params = {.hazards = SMELT_HAZARDS_TRACKED, .name = network->name};
    enum smelt_result result = check_operators(&lowering);
    if (!result)
        result = check_types(&lowering);
    if (!result)
        result = smelt_network_keep_f32(&lowering);
    if (!result)
        result = smelt_network_join(&lowering);
    if (!result)
        result = smelt_network_attend(&lowering);
    if (!result)
        result = smelt_encoder_create(network->context, &params, &plan->maker);
    if (!result)
        result = smelt_encoder_start_capture(plan->maker);
    if (!result)
        plan->maker->slice = network->slice;
    lowering.encoder = plan->maker;
    if (!result)
        result = bind_ends(&lowering);
    for (uint32_t i = 0; i < plan->ir->node_count && !result; i++)
        if (has_elements(plan->ir->nodes[i]) && !plan->ir->nodes[i]->taken)
            result = lower_node(&lowering, plan->ir->nodes[i]);
    if (!result)
        result = copy_ends(&lowering);
    uint64_t at = smelt_os_time_ns();
    if (!result)
        result = smelt_weights_upload(network);
    smelt_log_time(network->context, "network", "upload", &at);
    if (!result)
        result = take_graph(&lowering);
    free(lowering.joins);
    free(lowering.attentions);
    free(lowering.keeps_f32);
    return result;
}
