// SPDX-License-Identifier: MIT
// Operators that exist to compute shapes; they never reach a device.
#include "network_operators.h"

static enum smelt_result rule_shape(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    (void)ir;
    int64_t rank = node->inputs[0]->rank, end = rank, begin = smelt_ir_integer(node, "start");
    if (smelt_ir_attribute(node, "end")->set)
        end = smelt_ir_integer(node, "end");
    begin = SMELT_MIN(SMELT_MAX(begin < 0 ? begin + rank : begin, 0), rank);
    end = SMELT_MIN(SMELT_MAX(end < 0 ? end + rank : end, 0), rank);
    struct smelt_dim count = smelt_dim_constant(SMELT_MAX(end - begin, 0));
    smelt_ir_set_output(node, 0, SMELT_ELEMENT_I64, 1, &count);
    return SMELT_OK;
}

static enum smelt_result rule_size(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    (void)ir;
    smelt_ir_set_output(node, 0, SMELT_ELEMENT_I64, 0, NULL);
    return SMELT_OK;
}

// start, limit, delta: scalars of one type
static enum smelt_result rule_range(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_dim *dims[3];
    const double *numbers[3];
    struct smelt_dim count = smelt_dim_constant(0);
    bool floats = smelt_element_is_float(node->inputs[0]->element);
    enum smelt_result result = smelt_ir_want_same(ir, node, 1);
    for (uint32_t i = 0; i < 3 && !result; i++) {
        uint32_t elements;
        result = floats ? smelt_ir_host_numbers(ir, node, i, &numbers[i], &elements)
                        : smelt_ir_host_dims(ir, node, i, &dims[i], &elements);
        if (!result && elements != 1)
            result = smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "input %u: wanted a scalar", i);
    }
    if (result)
        return result;
    if (floats) {
        double steps = (*numbers[1] - *numbers[0]) / *numbers[2];
        if (!(steps <= SMELT_IR_MAX_FOLD))
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "a range of %g elements", steps);
        count = smelt_dim_constant(steps > 0 ? (int64_t)steps + ((double)(int64_t)steps < steps) : 0);
    } else {
        struct smelt_dim distance = smelt_dim_sub(ir, *dims[1], *dims[0]);
        if (!dims[2]->expression && dims[2]->constant < 0 && dims[2]->constant > INT64_MIN)
            count = smelt_dim_ceil_div(ir, smelt_dim_sub(ir, smelt_dim_constant(0), distance),
                                       smelt_dim_constant(-dims[2]->constant));
        else
            count = smelt_dim_ceil_div(ir, distance, *dims[2]);
        count = smelt_dim_max(ir, count, smelt_dim_constant(0));
    }
    smelt_ir_set_output(node, 0, node->inputs[0]->element, 1, &count);
    return SMELT_OK;
}

static const struct smelt_attribute_schema shape[] = {
    SMELT_INTEGER("end", 0), SMELT_INTEGER("start", 0), {0}};

static const struct smelt_operator operators[] = {
    {"Range", 11, 3, 3, 1, NULL, rule_range, smelt_evaluate_range, 7, 7, NULL, false},
    {"Shape", 1, 1, 1, 1, shape, rule_shape, smelt_evaluate_shape, 0, 0, NULL, false},
    {"Size", 1, 1, 1, 1, NULL, rule_size, smelt_evaluate_size, 0, 0, NULL, false},
};

const struct smelt_operator_family smelt_family_shape = {operators, SMELT_COUNT_OF(operators),
                                                         "Shape arithmetic"};
