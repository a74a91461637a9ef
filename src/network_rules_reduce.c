// SPDX-License-Identifier: MIT
// Operators that reduce along axes: sums and their kin, arg-max, softmax.
#include "network_lower.h"

#include <string.h>

enum smelt_result smelt_ir_reduced_axes(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                        bool axes[SMELT_IR_MAX_RANK])
{
    const int64_t *list;
    uint32_t count, rank = node->inputs[0]->rank;
    enum smelt_result result = smelt_ir_host_integers(ir, node, 1, &list, &count);
    for (uint32_t d = 0; d < SMELT_IR_MAX_RANK; d++)
        axes[d] = d < rank && !count && !smelt_ir_integer(node, "noop_with_empty_axes");
    for (uint32_t i = 0; i < count && !result; i++) {
        uint32_t axis;
        if (!(result = smelt_ir_axis(ir, node, list[i], rank, &axis)))
            axes[axis] = true;
    }
    return result;
}

// Input 0's shape with the axes gone, or 1 with keepdims.
static void set_reduced(struct smelt_ir_node *node, const bool *axes, enum smelt_element element)
{
    const struct smelt_ir_value *x = node->inputs[0];
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    bool keep = smelt_ir_integer(node, "keepdims");
    uint32_t rank = 0;
    for (uint32_t i = 0; i < x->rank; i++)
        if (!axes[i] || keep)
            shape[rank++] = axes[i] ? smelt_dim_constant(1) : x->shape[i];
    smelt_ir_set_output(node, 0, element, rank, shape);
}

static enum smelt_result rule_reduce(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    bool axes[SMELT_IR_MAX_RANK];
    enum smelt_result result = smelt_ir_reduced_axes(ir, node, axes);
    if (!result)
        set_reduced(node, axes, node->inputs[0]->element);
    return result;
}

static enum smelt_result rule_reduce_float(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_float(ir, node, 0);
    return result ? result : rule_reduce(ir, node);
}

static enum smelt_result rule_arg(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    bool axes[SMELT_IR_MAX_RANK] = {0};
    uint32_t axis;
    enum smelt_result result =
        smelt_ir_axis(ir, node, smelt_ir_integer(node, "axis"), node->inputs[0]->rank, &axis);
    if (result)
        return result;
    axes[axis] = true;
    set_reduced(node, axes, SMELT_ELEMENT_I64);
    return SMELT_OK;
}

static enum smelt_result rule_softmax(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    uint32_t axis;
    enum smelt_result result = smelt_ir_want_float(ir, node, 0);
    if (!result)
        result = smelt_ir_axis(ir, node, smelt_ir_integer(node, "axis"), node->inputs[0]->rank, &axis);
    if (!result)
        smelt_ir_output_like(node, 0, node->inputs[0]);
    return result;
}

static const struct smelt_attribute_schema reduce[] = {
    SMELT_FLAG("keepdims", 1), SMELT_FLAG("noop_with_empty_axes", 0), {0}};
static const struct smelt_attribute_schema arg[] = {
    SMELT_INTEGER("axis", 0), SMELT_FLAG("keepdims", 1), SMELT_FLAG("select_last_index", 0), {0}};
static const struct smelt_attribute_schema softmax[] = {SMELT_INTEGER("axis", -1), {0}};

#define REDUCE(name, rule, evaluate)                                                                         \
    {                                                                                                        \
        name, 1, 1, 2, 1, reduce, rule, evaluate, 2, 0, smelt_lower_reduce, false                            \
    }
static const struct smelt_operator operators[] = {
    {"ArgMax", 1, 1, 1, 1, arg, rule_arg, NULL, 0, 0, smelt_lower_arg, false},
    {"ArgMin", 1, 1, 1, 1, arg, rule_arg, NULL, 0, 0, smelt_lower_arg, false},
    {"LogSoftmax", 1, 1, 1, 1, softmax, rule_softmax, NULL, 0, 0, smelt_lower_softmax, false},
    REDUCE("ReduceL1", rule_reduce, NULL),
    REDUCE("ReduceL2", rule_reduce_float, NULL),
    REDUCE("ReduceLogSum", rule_reduce_float, NULL),
    REDUCE("ReduceLogSumExp", rule_reduce_float, NULL),
    REDUCE("ReduceMax", rule_reduce, smelt_evaluate_reduce),
    REDUCE("ReduceMean", rule_reduce, NULL),
    REDUCE("ReduceMin", rule_reduce, smelt_evaluate_reduce),
    REDUCE("ReduceProd", rule_reduce, smelt_evaluate_reduce),
    REDUCE("ReduceSum", rule_reduce, smelt_evaluate_reduce),
    REDUCE("ReduceSumSquare", rule_reduce, NULL),
    {"Softmax", 1, 1, 1, 1, softmax, rule_softmax, NULL, 0, 0, smelt_lower_softmax, false},
};

const struct smelt_operator_family smelt_family_reduce = {operators, SMELT_COUNT_OF(operators), "Reductions"};
