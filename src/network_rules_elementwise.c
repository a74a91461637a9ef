// SPDX-License-Identifier: MIT
// Operators that compute each element from the elements at its place: unary, broadcasting, activations, casts.
#include "network_lower.h"

#include <string.h>

static enum smelt_result rule_unary(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    (void)ir;
    smelt_ir_output_like(node, 0, node->inputs[0]);
    return SMELT_OK;
}

static enum smelt_result rule_unary_number(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_element e = node->inputs[0]->element;
    if (!smelt_element_is_float(e) && !smelt_element_is_integer(e))
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_DTYPE, "wanted elements of a number type, got %s",
                                  smelt_element_info(e)->name);
    return rule_unary(ir, node);
}

static enum smelt_result rule_unary_float(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_float(ir, node, 0);
    return result ? result : rule_unary(ir, node);
}

static enum smelt_result rule_not(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_element(ir, node, 0, SMELT_ELEMENT_BOOL);
    return result ? result : rule_unary(ir, node);
}

static enum smelt_result rule_test(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_float(ir, node, 0);
    smelt_ir_set_output(node, 0, SMELT_ELEMENT_BOOL, node->inputs[0]->rank, node->inputs[0]->shape);
    return result;
}

static enum smelt_result rule_cast(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    (void)ir;
    smelt_ir_set_output(node, 0, (enum smelt_element)smelt_ir_integer(node, "to"), node->inputs[0]->rank,
                        node->inputs[0]->shape);
    return SMELT_OK;
}

// All inputs broadcast; the output's elements are `element`.
static enum smelt_result broadcast_all(struct smelt_ir *ir, struct smelt_ir_node *node,
                                       enum smelt_element element)
{
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    uint32_t rank = 0;
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < node->input_count && !result; i++) {
        if (!node->inputs[i])
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT, "input %u is left out", i);
        result = smelt_ir_broadcast(ir, node, &rank, shape, node->inputs[i]->rank, node->inputs[i]->shape);
    }
    if (!result)
        smelt_ir_set_output(node, 0, element, rank, shape);
    return result;
}

static enum smelt_result rule_nary(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_same(ir, node, 1);
    if (!result && node->inputs[0]->element == SMELT_ELEMENT_BOOL)
        result =
            smelt_ir_node_fail(ir, node, SMELT_ERROR_DTYPE, "wanted elements of a number type, got bool");
    return result ? result : broadcast_all(ir, node, node->inputs[0]->element);
}

static enum smelt_result rule_pow(struct smelt_ir *ir,
                                  struct smelt_ir_node *node) // the exponent has its own type
{
    return broadcast_all(ir, node, node->inputs[0]->element);
}

static enum smelt_result rule_logical(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_element(ir, node, 0, SMELT_ELEMENT_BOOL);
    if (!result)
        result = smelt_ir_want_element(ir, node, 1, SMELT_ELEMENT_BOOL);
    return result ? result : broadcast_all(ir, node, SMELT_ELEMENT_BOOL);
}

static enum smelt_result rule_compare(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_same(ir, node, 1);
    return result ? result : broadcast_all(ir, node, SMELT_ELEMENT_BOOL);
}

static enum smelt_result rule_where(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_element(ir, node, 0, SMELT_ELEMENT_BOOL);
    if (!result)
        result = smelt_ir_want_element(ir, node, 2, node->inputs[1]->element);
    return result ? result : broadcast_all(ir, node, node->inputs[1]->element);
}

// The slope broadcasts to the input.
static enum smelt_result rule_prelu(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    const struct smelt_ir_value *x = node->inputs[0], *slope = node->inputs[1];
    uint32_t rank = x->rank;
    enum smelt_result result = smelt_ir_want_same(ir, node, 1);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 1, 0, rank);
    if (result)
        return result;
    memcpy(shape, x->shape, sizeof(shape));
    if ((result = smelt_ir_broadcast(ir, node, &rank, shape, slope->rank, slope->shape)))
        return result;
    smelt_ir_output_like(node, 0, x);
    return SMELT_OK;
}

// Limits are scalars; of the input's type, or f32 when they came from attributes.
static enum smelt_result rule_clip(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    for (uint32_t i = 1; i < node->input_count; i++) {
        enum smelt_result result = smelt_ir_want_rank(ir, node, i, 0, 1);
        bool floats = smelt_element_is_float(node->inputs[0]->element);
        if (!result && node->inputs[i] && node->inputs[i]->element != node->inputs[0]->element &&
            !(floats && node->inputs[i]->element == SMELT_ELEMENT_F32))
            result = smelt_ir_want_element(ir, node, i, node->inputs[0]->element);
        if (!result && node->inputs[i] && node->inputs[i]->rank)
            result = smelt_ir_want_extent(ir, node, i, 0, smelt_dim_constant(1));
        if (result)
            return result;
    }
    return rule_unary(ir, node);
}

#define ALPHA(value) ((const struct smelt_attribute_schema[]){SMELT_NUMBER("alpha", value), {0}})
#define FLOAT_FUNCTION(name, since)                                                                          \
    {                                                                                                        \
        name, since, 1, 1, 1, NULL, rule_unary_float, NULL, 0, 0, smelt_lower_elementwise, true              \
    }
#define EVALUATED(name, since, rule)                                                                         \
    {                                                                                                        \
        name, since, 1, 1, 1, NULL, rule, smelt_evaluate_unary, 0, 0, smelt_lower_elementwise, true          \
    }
#define BINARY(name, since, rule)                                                                            \
    {                                                                                                        \
        name, since, 2, 2, 1, NULL, rule, smelt_evaluate_nary, 0, 0, smelt_lower_elementwise, true           \
    }
#define VARIADIC(name)                                                                                       \
    {                                                                                                        \
        name, 1, 1, SMELT_IR_VARIADIC, 1, NULL, rule_nary, smelt_evaluate_nary, 0, 0,                        \
            smelt_lower_elementwise, true                                                                    \
    }

static const struct smelt_attribute_schema selu[] = {
    SMELT_NUMBER("alpha", 1.67326319217681884765625), SMELT_NUMBER("gamma", 1.05070102214813232421875), {0}};
static const struct smelt_attribute_schema hard_sigmoid[] = {
    SMELT_NUMBER("alpha", 0.2f), SMELT_NUMBER("beta", 0.5), {0}};
static const struct smelt_attribute_schema gelu[] = {SMELT_WORD("approximate", "none tanh"), {0}};
static const struct smelt_attribute_schema mod[] = {SMELT_FLAG("fmod", 0), {0}};
static const struct smelt_attribute_schema is_infinite[] = {
    SMELT_FLAG("detect_negative", 1), SMELT_FLAG("detect_positive", 1), {0}};
static const struct smelt_attribute_schema cast[] = {
    {.name = "to", .kind = SMELT_ATTRIBUTE_ELEMENT, .required = true},
    SMELT_FLAG("saturate", 1),
    SMELT_WORD("round_mode", "up down nearest"),
    {0}};

static const struct smelt_operator operators[] = {
    EVALUATED("Abs", 1, rule_unary_number),
    FLOAT_FUNCTION("Acos", 7),
    FLOAT_FUNCTION("Acosh", 9),
    BINARY("Add", 1, rule_nary),
    BINARY("And", 1, rule_logical),
    FLOAT_FUNCTION("Asin", 7),
    FLOAT_FUNCTION("Asinh", 9),
    FLOAT_FUNCTION("Atan", 7),
    FLOAT_FUNCTION("Atanh", 9),
    {"Cast", 1, 1, 1, 1, cast, rule_cast, smelt_evaluate_cast, 0, 0, smelt_lower_cast, false},
    EVALUATED("Ceil", 1, rule_unary_float),
    {"Celu", 12, 1, 1, 1, ALPHA(1), rule_unary_float, NULL, 0, 0, smelt_lower_elementwise, true},
    {"Clip", 1, 1, 3, 1, NULL, rule_clip, NULL, 0, 6, smelt_lower_clip, true},
    FLOAT_FUNCTION("Cos", 7),
    FLOAT_FUNCTION("Cosh", 9),
    BINARY("Div", 1, rule_nary),
    {"Elu", 1, 1, 1, 1, ALPHA(1), rule_unary_float, NULL, 0, 0, smelt_lower_elementwise, true},
    BINARY("Equal", 1, rule_compare),
    FLOAT_FUNCTION("Erf", 9),
    EVALUATED("Exp", 1, rule_unary_float),
    EVALUATED("Floor", 1, rule_unary_float),
    {"Gelu", 20, 1, 1, 1, gelu, rule_unary_float, NULL, 0, 0, smelt_lower_elementwise, true},
    BINARY("Greater", 1, rule_compare),
    BINARY("GreaterOrEqual", 12, rule_compare),
    {"HardSigmoid", 1, 1, 1, 1, hard_sigmoid, rule_unary_float, NULL, 0, 0, smelt_lower_elementwise, true},
    FLOAT_FUNCTION("HardSwish", 14),
    {"Identity", 1, 1, 1, 1, NULL, rule_unary, smelt_evaluate_copy, 0, 0, smelt_lower_identity, false},
    {"IsInf", 10, 1, 1, 1, is_infinite, rule_test, NULL, 0, 0, smelt_lower_is_infinite, false},
    {"IsNaN", 9, 1, 1, 1, NULL, rule_test, NULL, 0, 0, smelt_lower_elementwise, false},
    {"LeakyRelu", 1, 1, 1, 1, ALPHA(0.01f), rule_unary_float, NULL, 0, 0, smelt_lower_elementwise, true},
    BINARY("Less", 1, rule_compare),
    BINARY("LessOrEqual", 12, rule_compare),
    EVALUATED("Log", 1, rule_unary_float),
    VARIADIC("Max"),
    VARIADIC("Mean"),
    VARIADIC("Min"),
    FLOAT_FUNCTION("Mish", 18),
    {"Mod", 10, 2, 2, 1, mod, rule_nary, smelt_evaluate_nary, 0, 0, smelt_lower_mod, false},
    BINARY("Mul", 1, rule_nary),
    EVALUATED("Neg", 1, rule_unary_number),
    EVALUATED("Not", 1, rule_not),
    BINARY("Or", 1, rule_logical),
    {"PRelu", 1, 2, 2, 1, NULL, rule_prelu, NULL, 0, 0, smelt_lower_elementwise, true},
    BINARY("Pow", 1, rule_pow),
    EVALUATED("Reciprocal", 1, rule_unary_float),
    EVALUATED("Relu", 1, rule_unary_number),
    EVALUATED("Round", 11, rule_unary_float),
    {"Selu", 1, 1, 1, 1, selu, rule_unary_float, NULL, 0, 0, smelt_lower_elementwise, true},
    FLOAT_FUNCTION("Sigmoid", 1),
    EVALUATED("Sign", 9, rule_unary_number),
    FLOAT_FUNCTION("Sin", 7),
    FLOAT_FUNCTION("Sinh", 9),
    FLOAT_FUNCTION("Softplus", 1),
    FLOAT_FUNCTION("Softsign", 1),
    EVALUATED("Sqrt", 1, rule_unary_float),
    BINARY("Sub", 1, rule_nary),
    VARIADIC("Sum"),
    {"Swish", 24, 1, 1, 1, ALPHA(1), rule_unary_float, NULL, 0, 0, smelt_lower_elementwise, true},
    FLOAT_FUNCTION("Tan", 7),
    FLOAT_FUNCTION("Tanh", 1),
    {"ThresholdedRelu", 10, 1, 1, 1, ALPHA(1), rule_unary_float, NULL, 0, 0, smelt_lower_elementwise, true},
    {"Where", 9, 3, 3, 1, NULL, rule_where, smelt_evaluate_where, 0, 0, smelt_lower_elementwise, true},
    BINARY("Xor", 1, rule_logical),
};

const struct smelt_operator_family smelt_family_elementwise = {operators, SMELT_COUNT_OF(operators),
                                                               "Element by element"};
