// SPDX-License-Identifier: MIT
// Values that keep f32 where the storage is f16: what f16 would lose wholly, between operators that take operands of any
// float type each. These are single numbers (scales, and their products, may be far below 2^-24), what integers of 16 bits
// and more are cast to (sums of products pass 65504), and weights that an operator wants exactly. And what the package names.
// Operators that move elements of 4 bits to other rows do so as bytes: two of them cannot be written at once.
#include "kernels_operator.h"
#include "network_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_of(const struct smelt_operator_family *family, const struct smelt_operator *op)
{
    return op >= family->operators && op < family->operators + family->count;
}

static bool takes_any_float(const struct smelt_ir_node *node)
{
    return is_of(&smelt_family_elementwise, node->op) || is_of(&smelt_family_quantize, node->op);
}

static bool is_cast_of_wide_integers(const struct smelt_ir_node *node)
{
    return node == node->outputs[0]->producer && node->op == smelt_operator_find("Cast") &&
           smelt_element_is_integer(node->inputs[0]->element) &&
           smelt_element_info(node->inputs[0]->element)->bits >= 16;
}

static bool wants_f32(const struct smelt_ir_value *value)
{
    return smelt_ir_element_count(value) == 1 ||
           (value->producer && is_cast_of_wide_integers(value->producer));
}

static void keep_exact(struct smelt_lowering *lowering, const struct smelt_ir_node *node, uint32_t input)
{
    const struct smelt_ir_value *v = node->inputs[input];
    if (v && smelt_ir_is_weight(v) && v->element == SMELT_ELEMENT_F32 && !v->is_output &&
        (node->op->exact_inputs >> input & 1))
        lowering->keeps_f32[v->id] = true;
}

enum smelt_result smelt_network_keep_f32(struct smelt_lowering *lowering)
{
    const struct smelt_ir *ir = lowering->ir;
    lowering->keeps_f32 = calloc((size_t)ir->value_count + 1, sizeof(*lowering->keeps_f32));
    if (!lowering->keeps_f32)
        return smelt_ir_no_memory(ir);
    for (uint32_t i = 0; i < ir->value_count; i++) {
        const struct smelt_ir_value *v = ir->values[i];
        lowering->keeps_f32[i] = v->element == SMELT_ELEMENT_F32 && !v->is_input && !v->is_output &&
                                 v->ranked && wants_f32(v) && (!v->producer || takes_any_float(v->producer));
    }
    for (uint32_t n = 0; n < ir->node_count; n++)
        for (uint32_t i = 0; i < ir->nodes[n]->input_count; i++)
            keep_exact(lowering, ir->nodes[n], i);
    for (uint32_t n = 0; n < ir->node_count; n++)
        for (uint32_t i = 0; i < ir->nodes[n]->input_count; i++)
            if (ir->nodes[n]->inputs[i] && !takes_any_float(ir->nodes[n]) &&
                !(ir->nodes[n]->op->exact_inputs >> i & 1))
                lowering->keeps_f32[ir->nodes[n]->inputs[i]->id] = false;
    return SMELT_OK;
}

// --- Nodes that compute in wider types --------------------------------------------------------------------------

static bool is_4_bits(const struct smelt_ir_value *value)
{
    return value && (value->element == SMELT_ELEMENT_I4 || value->element == SMELT_ELEMENT_U4);
}

static bool has_odd_rows(const struct smelt_ir_value *value)
{
    return value->rank && value->shape[value->rank - 1].constant % 2;
}

static bool moves_halves(const struct smelt_ir_node *node)
{
    static smelt_lower_rule *const rules[] = {smelt_lower_transpose,       smelt_lower_concat,
                                              smelt_lower_depth_and_space, smelt_lower_gather_elements,
                                              smelt_lower_gather_nd,       smelt_lower_scatter_elements,
                                              smelt_lower_scatter_nd,      smelt_lower_trilu};
    bool moves = node->op->lower == smelt_lower_reshape && node->inputs[0] && node->outputs[0] &&
                 (has_odd_rows(node->inputs[0]) || has_odd_rows(node->outputs[0]));
    for (uint32_t i = 0; i < SMELT_COUNT_OF(rules); i++)
        moves |= node->op->lower == rules[i];
    return moves && is_4_bits(node->outputs[0]);
}

// What elements that are wide are kept as.
static enum smelt_dtype wide_dtype(const struct smelt_ir_value *value)
{
    return value->element == SMELT_ELEMENT_I4   ? SMELT_DTYPE_I8
           : value->element == SMELT_ELEMENT_U4 ? SMELT_DTYPE_U8
                                                : SMELT_DTYPE_F32;
}

static enum smelt_result convert(struct smelt_lowering *lowering, smelt_tensor to, smelt_tensor from)
{
    if (smelt_dtype_is_float(smelt_tensor_info(to)->dtype))
        return smelt_lower_take(lowering, smelt_encode_copy(lowering->encoder, to, from, NULL));
    const struct smelt_operator_call call = {.body = "operator_copy.glsl", .tensors = {to, from}};
    return smelt_lower_take(lowering, smelt_encode_operator(lowering->encoder, &call));
}

bool smelt_network_is_wide(const struct smelt_lowering *lowering, const struct smelt_ir_node *node)
{
    bool wide = false;
    if (moves_halves(node))
        return true;
    if (lowering->storage == SMELT_DTYPE_F32 || takes_any_float(node))
        return false;
    for (uint32_t i = 0; i < node->input_count + node->output_count; i++) {
        const struct smelt_ir_value *v =
            i < node->input_count ? node->inputs[i] : node->outputs[i - node->input_count];
        wide |= v && v->keep_f32 && v->element == SMELT_ELEMENT_F32;
    }
    return wide;
}

smelt_tensor smelt_lower_widened(struct smelt_lowering *lowering, const struct smelt_ir_value *value,
                                 smelt_tensor tensor)
{
    enum smelt_dtype dtype = wide_dtype(value);
    if (!lowering->wide || !tensor || (value->element != SMELT_ELEMENT_F32 && !is_4_bits(value)) ||
        smelt_tensor_info(tensor)->dtype == dtype)
        return tensor;
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    smelt_tensor copy = smelt_lower_temporary(lowering, dtype, info->rank, info->shape);
    bool channels_last = info->rank >= 3 && info->strides[1] == 1 && info->shape[1] > 1;
    if (copy && channels_last) { // as it lies
        uint64_t strides[SMELT_IR_MAX_RANK];
        smelt_lower_strides(dtype, info->rank, info->shape, SMELT_ORDER_CHANNELS_LAST, strides);
        copy = smelt_lower_view(lowering, copy, 0, info->rank, info->shape, strides);
    }
    return copy && !convert(lowering, copy, tensor) ? copy : NULL;
}

// An output that is kept in less: its tensor, and what the node wrote into it.
static enum smelt_result narrow_output(struct smelt_lowering *lowering, struct smelt_ir_node *node,
                                       uint32_t index, smelt_tensor place)
{
    smelt_tensor *of_value = &lowering->plan->of_value[node->outputs[index]->id], wide = *of_value;
    *of_value = place;
    if (!wide)
        return lowering->result;
    const struct smelt_tensor_info *info = smelt_tensor_info(wide);
    bool channels_last = info->rank >= 3 && info->strides[1] == 1 && info->shape[1] > 1;
    smelt_tensor narrow = smelt_lower_output(lowering, node, index,
                                             channels_last ? SMELT_ORDER_CHANNELS_LAST : SMELT_ORDER_ROWS);
    return narrow ? convert(lowering, narrow, wide) : lowering->result;
}

static bool narrows(const struct smelt_ir_value *output)
{
    return output && (is_4_bits(output) || (output->element == SMELT_ELEMENT_F32 && !output->keep_f32));
}

enum smelt_result smelt_lower_wide(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    smelt_tensor *of_value = lowering->plan->of_value,
                 *places = calloc((size_t)node->output_count + 1, sizeof(smelt_tensor));
    if (!places)
        return smelt_ir_no_memory(lowering->ir);
    lowering->wide = true;
    for (uint32_t i = 0; i < node->output_count; i++) // those of the network's outputs
        if (narrows(node->outputs[i])) {
            places[i] = of_value[node->outputs[i]->id];
            of_value[node->outputs[i]->id] = NULL;
        }
    enum smelt_result result = node->op->lower(lowering, node);
    lowering->wide = false;
    for (uint32_t i = 0; i < node->output_count && !result; i++)
        if (narrows(node->outputs[i]))
            result = narrow_output(lowering, node, i, places[i]);
    free(places);
    return result;
}
