// SPDX-License-Identifier: MIT
// Values that keep f32 where the storage is f16: what f16 would lose wholly, between operators that take operands of any
// float type each. These are single numbers (scales, and their products, may be far below 2^-24), what integers of 16 bits
// and more are cast to (sums of products pass 65504), and weights that an operator wants exactly.
#include "network_internal.h"

#include <stdlib.h>

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
            if (ir->nodes[n]->inputs[i] && !takes_any_float(ir->nodes[n]))
                lowering->keeps_f32[ir->nodes[n]->inputs[i]->id] = false;
    return SMELT_OK;
}
