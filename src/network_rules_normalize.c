// SPDX-License-Identifier: MIT
// Operators that normalise: by batch statistics, instance, group, layer, root mean square, across channels.
#include "network_lower.h"

#include <string.h>

// Input 0 is [n][c]...; inputs 1.. are vectors of c.
static enum smelt_result rule_channels(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_float(ir, node, 0);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 0, 2, SMELT_IR_MAX_RANK);
    for (uint32_t i = 1; i < node->input_count && !result; i++)
        if (!(result = smelt_ir_want_float(ir, node, i)))
            result = smelt_ir_want_vector(ir, node, i, node->inputs[0]->shape[1]);
    if (!result)
        smelt_ir_output_like(node, 0, node->inputs[0]);
    return result;
}

static enum smelt_result rule_group(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    int64_t groups = smelt_ir_integer(node, "num_groups");
    enum smelt_result result = smelt_ir_want_rank(ir, node, 0, 2, SMELT_IR_MAX_RANK);
    if (result)
        return result;
    struct smelt_dim channels = node->inputs[0]->shape[1];
    if (!channels.expression && channels.constant % groups)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "%lld channels are no multiple of %lld groups",
                                  (long long)channels.constant, (long long)groups);
    if (!smelt_ir_integer(node, "scale_per_group"))
        return rule_channels(ir, node);
    for (uint32_t i = 1; i < 3 && !result; i++)
        result = smelt_ir_want_vector(ir, node, i, smelt_dim_constant(groups));
    if (!result)
        result = smelt_ir_want_float(ir, node, 0);
    if (!result)
        smelt_ir_output_like(node, 0, node->inputs[0]);
    return result;
}

// Scale (and bias) broadcast to the input; outputs 1 and 2 are the statistics, of extent 1 from the axis on.
static enum smelt_result rule_layer(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    uint32_t axis;
    enum smelt_result result = smelt_ir_want_float(ir, node, 0);
    if (!result)
        result = smelt_ir_axis(ir, node, smelt_ir_integer(node, "axis"), x->rank, &axis);
    for (uint32_t i = 1; i < node->input_count && !result; i++) {
        struct smelt_dim shape[SMELT_IR_MAX_RANK];
        uint32_t rank = x->rank;
        memcpy(shape, x->shape, sizeof(shape));
        if (!node->inputs[i])
            continue;
        if (!(result = smelt_ir_want_float(ir, node, i)) &&
            !(result = smelt_ir_want_rank(ir, node, i, 0, rank)))
            result =
                smelt_ir_broadcast(ir, node, &rank, shape, node->inputs[i]->rank, node->inputs[i]->shape);
        for (uint32_t d = 0; d < rank && !result; d++)
            if (smelt_dim_is(x->shape[d], 1) && !smelt_dim_is(shape[d], 1))
                result = smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                            "input %u does not broadcast to input 0", i);
    }
    if (result)
        return result;
    smelt_ir_output_like(node, 0, x);
    struct smelt_dim statistics[SMELT_IR_MAX_RANK];
    for (uint32_t d = 0; d < x->rank; d++)
        statistics[d] = d < axis ? x->shape[d] : smelt_dim_constant(1);
    enum smelt_element element = (enum smelt_element)smelt_ir_integer(node, "stash_type");
    smelt_ir_set_output(node, 1, element, x->rank, statistics);
    smelt_ir_set_output(node, 2, element, x->rank, statistics);
    return SMELT_OK;
}

#define EPSILON SMELT_NUMBER("epsilon", 1e-5f)
#define STASH_TYPE                                                                                           \
    {                                                                                                        \
        .name = "stash_type", .kind = SMELT_ATTRIBUTE_ELEMENT, .integer = SMELT_ELEMENT_F32                  \
    }
static const struct smelt_attribute_schema epsilon[] = {EPSILON, {0}};
static const struct smelt_attribute_schema layer[] = {EPSILON, SMELT_INTEGER("axis", -1), STASH_TYPE, {0}};
static const struct smelt_attribute_schema group[] = {
    EPSILON,
    {.name = "num_groups", .kind = SMELT_ATTRIBUTE_INTEGER, .required = true, .least = 1, .most = INT32_MAX},
    STASH_TYPE,
    SMELT_FLAG("scale_per_group", 0), // before opset 21
    {0}};
static const struct smelt_attribute_schema lrn[] = {
    SMELT_NUMBER("alpha", 0.0001f),
    SMELT_NUMBER("beta", 0.75),
    SMELT_NUMBER("bias", 1),
    {.name = "size", .kind = SMELT_ATTRIBUTE_INTEGER, .required = true, .least = 1, .most = INT32_MAX},
    {0}};

static const struct smelt_operator operators[] = {
    {"BatchNormalization", 1, 5, 5, 1, epsilon, rule_channels, NULL, 0, 0, smelt_lower_batch_normalization,
     true},
    {"GroupNormalization", 18, 3, 3, 1, group, rule_group, NULL, 0, 0, smelt_lower_group_normalization,
     false},
    {"InstanceNormalization", 1, 3, 3, 1, epsilon, rule_channels, NULL, 0, 0, smelt_lower_group_normalization,
     false},
    {"LRN", 1, 1, 1, 1, lrn, rule_channels, NULL, 0, 0, smelt_lower_lrn, false},
    {"LayerNormalization", 17, 2, 3, 3, layer, rule_layer, NULL, 0, 0, smelt_lower_layer_normalization,
     false},
    {"RMSNormalization", 23, 2, 2, 1, layer, rule_layer, NULL, 0, 0, smelt_lower_layer_normalization, false},
};

const struct smelt_operator_family smelt_family_normalize = {operators, SMELT_COUNT_OF(operators),
                                                             "Normalisations"};
