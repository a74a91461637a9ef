// SPDX-License-Identifier: MIT
// Operators that take or put elements by indices, or by where they are: gathers, scatters, triangles, running sums.
#include "network_lower.h"

static enum smelt_result want_indices(const struct smelt_ir *ir, const struct smelt_ir_node *node)
{
    return node->inputs[1]->element == SMELT_ELEMENT_I32
               ? SMELT_OK
               : smelt_ir_want_element(ir, node, 1, SMELT_ELEMENT_I64);
}

// Indices along `axis`, of the rank of input 0.
static enum smelt_result want_elements(const struct smelt_ir *ir, const struct smelt_ir_node *node)
{
    uint32_t axis, rank = node->inputs[0]->rank;
    enum smelt_result result = want_indices(ir, node);
    if (!result)
        result = smelt_ir_axis(ir, node, smelt_ir_integer(node, "axis"), rank, &axis);
    return result ? result : smelt_ir_want_rank(ir, node, 1, rank, rank);
}

static enum smelt_result rule_gather_elements(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *indices = node->inputs[1];
    enum smelt_result result = want_elements(ir, node);
    if (!result)
        smelt_ir_set_output(node, 0, x->element, indices->rank, indices->shape);
    return result;
}

// The length of the indices' last axis: coordinates behind `first` axes of input 0.
static enum smelt_result tuple_length(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                      int64_t first, uint32_t *length)
{
    const struct smelt_ir_value *x = node->inputs[0], *indices = node->inputs[1];
    enum smelt_result result = want_indices(ir, node);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 1, 1, SMELT_IR_MAX_RANK);
    if (result)
        return result;
    struct smelt_dim last = indices->shape[indices->rank - 1];
    if (last.expression || last.constant < 1 || first + last.constant > x->rank || first >= indices->rank)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                  "wanted indices whose last axis has 1 to %lld coordinates",
                                  (long long)(x->rank - first));
    *length = (uint32_t)last.constant;
    return SMELT_OK;
}

static enum smelt_result rule_gather_nd(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *indices = node->inputs[1];
    int64_t batch = smelt_ir_integer(node, "batch_dims");
    struct smelt_dim shape[2 * SMELT_IR_MAX_RANK];
    uint32_t length = 0, rank = 0;
    enum smelt_result result = tuple_length(ir, node, batch, &length);
    if (result)
        return result;
    for (uint32_t d = 0; d + 1 < indices->rank; d++)
        shape[rank++] = indices->shape[d];
    for (uint32_t d = (uint32_t)batch + length; d < x->rank; d++)
        shape[rank++] = x->shape[d];
    if (rank > SMELT_IR_MAX_RANK)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted a rank of at most %d",
                                  SMELT_IR_MAX_RANK);
    smelt_ir_set_output(node, 0, x->element, rank, shape);
    return SMELT_OK;
}

static enum smelt_result want_updates(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                      uint32_t rank)
{
    enum smelt_result result = smelt_ir_want_element(ir, node, 2, node->inputs[0]->element);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 2, rank, rank);
    if (!result && !smelt_ir_word_is(node, "reduction", "none") &&
        node->inputs[0]->element == SMELT_ELEMENT_BOOL)
        result = smelt_ir_node_fail(ir, node, SMELT_ERROR_DTYPE, "wanted numbers to reduce, got bool");
    return result;
}

static enum smelt_result rule_scatter_elements(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *indices = node->inputs[1];
    enum smelt_result result = want_elements(ir, node);
    if (!result)
        result = want_updates(ir, node, x->rank);
    for (uint32_t d = 0; d < x->rank && !result; d++)
        result = smelt_ir_want_extent(ir, node, 2, d, indices->shape[d]);
    if (!result)
        smelt_ir_output_like(node, 0, x);
    return result;
}

static enum smelt_result rule_scatter_nd(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *indices = node->inputs[1];
    uint32_t length = 0;
    enum smelt_result result = tuple_length(ir, node, 0, &length);
    if (!result)
        result = want_updates(ir, node, indices->rank - 1 + x->rank - length);
    for (uint32_t d = 0; !result && d < node->inputs[2]->rank; d++)
        result = smelt_ir_want_extent(ir, node, 2, d,
                                      d + 1 < indices->rank ? indices->shape[d]
                                                            : x->shape[d + 1 - indices->rank + length]);
    if (!result)
        smelt_ir_output_like(node, 0, x);
    return result;
}

static enum smelt_result rule_trilu(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const int64_t *diagonal;
    uint32_t count;
    enum smelt_result result = smelt_ir_want_rank(ir, node, 0, 2, SMELT_IR_MAX_RANK);
    if (!result && smelt_ir_input(node, 1))
        result = smelt_ir_host_integers(ir, node, 1, &diagonal, &count);
    if (!result)
        smelt_ir_output_like(node, 0, node->inputs[0]);
    return result;
}

static enum smelt_result rule_cumsum(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const int64_t *given;
    uint32_t count, axis;
    enum smelt_result result = smelt_ir_host_integers(ir, node, 1, &given, &count);
    if (!result && count != 1)
        result = smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted one axis, got %u", count);
    if (!result)
        result = smelt_ir_axis(ir, node, given[0], node->inputs[0]->rank, &axis);
    if (!result)
        smelt_ir_output_like(node, 0, node->inputs[0]);
    return result;
}

static const struct smelt_attribute_schema along[] = {SMELT_INTEGER("axis", 0), {0}};
static const struct smelt_attribute_schema batched[] = {SMELT_RANGE("batch_dims", 0, 0, SMELT_IR_MAX_RANK),
                                                        {0}};
static const struct smelt_attribute_schema scatter_along[] = {
    SMELT_INTEGER("axis", 0), SMELT_WORD("reduction", "none add mul max min"), {0}};
static const struct smelt_attribute_schema scatter[] = {SMELT_WORD("reduction", "none add mul max min"), {0}};
static const struct smelt_attribute_schema triangle[] = {SMELT_FLAG("upper", 1), {0}};
static const struct smelt_attribute_schema running[] = {
    SMELT_FLAG("exclusive", 0), SMELT_FLAG("reverse", 0), {0}};

static const struct smelt_operator operators[] = {
    {"CumSum", 11, 2, 2, 1, running, rule_cumsum, NULL, 2, 0, smelt_lower_cumsum, false},
    {"GatherElements", 11, 2, 2, 1, along, rule_gather_elements, NULL, 0, 0, smelt_lower_gather_elements,
     false},
    {"GatherND", 11, 2, 2, 1, batched, rule_gather_nd, NULL, 0, 0, smelt_lower_gather_nd, false},
    {"ScatterElements", 11, 3, 3, 1, scatter_along, rule_scatter_elements, NULL, 0, 0,
     smelt_lower_scatter_elements, false},
    {"ScatterND", 11, 3, 3, 1, scatter, rule_scatter_nd, NULL, 0, 0, smelt_lower_scatter_nd, false},
    {"Trilu", 14, 1, 2, 1, triangle, rule_trilu, NULL, 2, 0, smelt_lower_trilu, false},
};

const struct smelt_operator_family smelt_family_index = {operators, SMELT_COUNT_OF(operators),
                                                         "Elements by indices"};
