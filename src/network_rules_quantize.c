// SPDX-License-Identifier: MIT
// Operators between floats and scaled integers.
#include "network_lower.h"

#include <string.h>

// A scale and its zero point: scalars, vectors along the axis, or blocks of `block_size` along it.
static enum smelt_result check_scale(struct smelt_ir *ir, const struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *scale = node->inputs[1],
                                *zero = smelt_ir_input(node, 2);
    int64_t block = smelt_ir_integer(node, "block_size");
    uint32_t axis = 0;
    enum smelt_result result = smelt_ir_want_float(ir, node, 1);
    if (!result && (block || (scale->rank == 1 && !smelt_dim_is(scale->shape[0], 1))))
        result = smelt_ir_axis(ir, node, smelt_ir_integer(node, "axis"), x->rank, &axis);
    if (result)
        return result;
    if (block) {
        result = smelt_ir_want_rank(ir, node, 1, x->rank, x->rank);
        for (uint32_t d = 0; d < x->rank && !result; d++)
            result = smelt_ir_want_extent(
                ir, node, 1, d,
                d == axis ? smelt_dim_ceil_div(ir, x->shape[d], smelt_dim_constant(block)) : x->shape[d]);
    } else if (!(result = smelt_ir_want_rank(ir, node, 1, 0, 1)) && scale->rank &&
               !smelt_dim_is(scale->shape[0], 1)) {
        result = smelt_ir_want_extent(ir, node, 1, 0, x->shape[axis]);
    }
    if (!result && zero && !smelt_dim_is(smelt_ir_product(ir, zero->shape, 0, zero->rank), 1)) {
        result = smelt_ir_want_rank(ir, node, 2, scale->rank, scale->rank);
        for (uint32_t d = 0; d < zero->rank && !result; d++)
            result = smelt_ir_want_extent(ir, node, 2, d, scale->shape[d]);
    }
    return result;
}

static enum smelt_result rule_quantize(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *zero = smelt_ir_input(node, 2);
    enum smelt_element wanted = (enum smelt_element)smelt_ir_integer(node, "output_dtype");
    enum smelt_element element = zero ? zero->element : wanted ? wanted : SMELT_ELEMENT_U8;
    if (wanted && wanted != element)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_DTYPE, "output_dtype is %s, the zero point's type %s",
                                  smelt_element_info(wanted)->name, smelt_element_info(element)->name);
    enum smelt_result result = check_scale(ir, node);
    if (!result && !smelt_element_is_float(x->element))
        result = smelt_ir_want_element(ir, node, 0, SMELT_ELEMENT_I32);
    if (!result)
        smelt_ir_set_output(node, 0, element, x->rank, x->shape);
    return result;
}

static enum smelt_result rule_dequantize(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    enum smelt_element wanted = (enum smelt_element)smelt_ir_integer(node, "output_dtype");
    enum smelt_result result = check_scale(ir, node);
    if (!result && smelt_ir_input(node, 2))
        result = smelt_ir_want_element(ir, node, 2, x->element);
    if (!result)
        smelt_ir_set_output(node, 0, wanted ? wanted : node->inputs[1]->element, x->rank, x->shape);
    return result;
}

static enum smelt_result rule_dynamic_quantize(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    enum smelt_result result = smelt_ir_want_element(ir, node, 0, SMELT_ELEMENT_F32);
    smelt_ir_set_output(node, 0, SMELT_ELEMENT_U8, x->rank, x->shape);
    smelt_ir_set_output(node, 1, SMELT_ELEMENT_F32, 0, NULL);
    smelt_ir_set_output(node, 2, SMELT_ELEMENT_U8, 0, NULL);
    return result;
}

static const struct smelt_attribute_schema quantize[] = {SMELT_INTEGER("axis", 1),
                                                         SMELT_RANGE("block_size", 0, 0, INT32_MAX),
                                                         SMELT_ELEMENT("output_dtype", SMELT_ELEMENT_NONE),
                                                         SMELT_ELEMENT("precision", SMELT_ELEMENT_NONE),
                                                         SMELT_FLAG("saturate", 1),
                                                         {0}};
static const struct smelt_attribute_schema dequantize[] = {SMELT_INTEGER("axis", 1),
                                                           SMELT_RANGE("block_size", 0, 0, INT32_MAX),
                                                           SMELT_ELEMENT("output_dtype", SMELT_ELEMENT_NONE),
                                                           {0}};

static const struct smelt_operator operators[] = {
    {"DequantizeLinear", 10, 2, 3, 1, dequantize, rule_dequantize, NULL, 0, 2, smelt_lower_quantize, false},
    {"DynamicQuantizeLinear", 11, 1, 1, 3, NULL, rule_dynamic_quantize, NULL, 0, 0,
     smelt_lower_dynamic_quantize, false},
    {"QuantizeLinear", 10, 2, 3, 1, quantize, rule_quantize, NULL, 0, 2, smelt_lower_quantize, false},
};

const struct smelt_operator_family smelt_family_quantize = {operators, SMELT_COUNT_OF(operators),
                                                            "Quantisation"};
