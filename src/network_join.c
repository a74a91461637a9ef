// SPDX-License-Identifier: MIT
// Values that only a Concat puts together are written where it wants them: each is a slice of the Concat's output, which then
// has nothing to copy. Of images along their channels, made by operators that write any strides.
#include "network_internal.h"
#include "network_operators.h"

#include <stdlib.h>
#include <string.h>

static bool can_join(const struct smelt_lowering *lowering, const struct smelt_ir_node *concat,
                     const struct smelt_ir_value *value)
{
    enum smelt_dtype dtype = smelt_lower_dtype(lowering, value);
    return value->producer && !value->constant && !value->is_output && smelt_ir_element_count(value) &&
           (dtype == SMELT_DTYPE_F32 || dtype == SMELT_DTYPE_F16) && value->producer->op->writes_slices &&
           !smelt_network_is_wide(lowering, concat) && !smelt_network_is_wide(lowering, value->producer) &&
           dtype == smelt_lower_dtype(lowering, concat->outputs[0]) && value->rank == 4 &&
           concat->outputs[0]->rank == 4;
}

enum smelt_result smelt_network_join(struct smelt_lowering *lowering)
{
    const struct smelt_ir *ir = lowering->ir;
    lowering->joins = calloc((size_t)ir->value_count + 1, sizeof(*lowering->joins));
    if (!lowering->joins)
        return smelt_ir_no_memory(ir);
    for (uint32_t n = 0; n < ir->node_count; n++) {
        struct smelt_ir_node *node = ir->nodes[n];
        uint64_t begin = 0;
        if (!strcmp(node->op->name, "Conv") || !strcmp(node->op->name, "ConvTranspose"))
            lowering->joins[node->inputs[0]->id].convolved = true;
        if (strcmp(node->op->name, "Concat") != 0 || node->input_count < 2 ||
            smelt_ir_integer(node, "axis") != 1)
            continue;
        for (uint32_t i = 0; i < node->input_count && node->inputs[i]; i++) {
            struct smelt_lowering_join *join = &lowering->joins[node->inputs[i]->id];
            if (!join->concat && can_join(lowering, node, node->inputs[i])) {
                join->concat = node;
                join->begin = begin;
            }
            begin += (uint64_t)node->inputs[i]->shape[1].constant;
        }
    }
    return SMELT_OK;
}

smelt_tensor smelt_lower_joined(struct smelt_lowering *lowering, const struct smelt_ir_value *value,
                                bool channels_last)
{
    const struct smelt_lowering_join *join = &lowering->joins[value->id];
    channels_last = channels_last || lowering->joins[join->concat->outputs[0]->id].convolved;
    smelt_tensor whole = smelt_lower_output(lowering, join->concat, 0,
                                            channels_last ? SMELT_ORDER_CHANNELS_LAST : SMELT_ORDER_ROWS);
    if (!whole)
        return NULL;
    uint64_t shape[SMELT_IR_MAX_RANK];
    const struct smelt_tensor_info *info = smelt_tensor_info(whole);
    smelt_lower_shape(value, shape);
    return smelt_lower_view(lowering, whole, join->begin * info->strides[1], 4, shape, info->strides);
}
