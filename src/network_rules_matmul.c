// SPDX-License-Identifier: MIT
// Operators that multiply matrices: products, their integer forms, attention.
#include "network_lower.h"

#include <string.h>

// Batched, broadcasting product as numpy's matmul, of inputs `left` and `right`.
static enum smelt_result multiply(struct smelt_ir *ir, struct smelt_ir_node *node, uint32_t left,
                                  uint32_t right, enum smelt_element element)
{
    const struct smelt_ir_value *a = node->inputs[left], *b = node->inputs[right];
    enum smelt_result result = smelt_ir_want_rank(ir, node, left, 1, SMELT_IR_MAX_RANK);
    if (!result)
        result = smelt_ir_want_rank(ir, node, right, 1, SMELT_IR_MAX_RANK);
    if (!result)
        result = smelt_ir_want_extent(ir, node, right, b->rank > 1 ? b->rank - 2 : 0, a->shape[a->rank - 1]);
    if (result)
        return result;
    struct smelt_dim shape[SMELT_IR_MAX_RANK + 2];
    uint32_t batch_a = a->rank > 2 ? a->rank - 2 : 0, batch_b = b->rank > 2 ? b->rank - 2 : 0, rank = batch_a;
    memcpy(shape, a->shape, batch_a * sizeof(*shape));
    if ((result = smelt_ir_broadcast(ir, node, &rank, shape, batch_b, b->shape)))
        return result;
    if (a->rank > 1)
        shape[rank++] = a->shape[a->rank - 2];
    if (b->rank > 1)
        shape[rank++] = b->shape[b->rank - 1];
    smelt_ir_set_output(node, 0, element, rank, shape);
    return SMELT_OK;
}

static enum smelt_result rule_matmul(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_same(ir, node, 1);
    return result ? result : multiply(ir, node, 0, 1, node->inputs[0]->element);
}

static enum smelt_result rule_gemm(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *a = node->inputs[0], *b = node->inputs[1], *c = smelt_ir_input(node, 2);
    bool turn_a = smelt_ir_integer(node, "transA"), turn_b = smelt_ir_integer(node, "transB");
    enum smelt_result result = smelt_ir_want_same(ir, node, 1);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 0, 2, 2);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 1, 2, 2);
    if (!result)
        result = smelt_ir_want_extent(ir, node, 1, turn_b, a->shape[!turn_a]);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 2, 0, 2);
    if (result)
        return result;
    struct smelt_dim shape[2] = {a->shape[turn_a], b->shape[!turn_b]}, with_c[2];
    uint32_t rank = 2;
    memcpy(with_c, shape, sizeof(shape));
    if (c && (result = smelt_ir_broadcast(ir, node, &rank, with_c, c->rank, c->shape)))
        return result;
    for (uint32_t i = 0; i < 2; i++)
        if (!with_c[i].expression && !shape[i].expression && with_c[i].constant != shape[i].constant)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                      "input 2 \"%.60s\" is larger than the product on axis %u", c->name, i);
    smelt_ir_set_output(node, 0, a->element, 2, shape);
    return SMELT_OK;
}

static enum smelt_result rule_matmul_integer(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < node->input_count && !result; i++)
        result = smelt_ir_want_8_bits(ir, node, i);
    if (!result && smelt_ir_input(node, 2))
        result = smelt_ir_want_element(ir, node, 2, node->inputs[0]->element);
    if (!result && smelt_ir_input(node, 3))
        result = smelt_ir_want_element(ir, node, 3, node->inputs[1]->element);
    return result ? result : multiply(ir, node, 0, 1, SMELT_ELEMENT_I32);
}

// a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point
static enum smelt_result rule_qlinear_matmul(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < 8 && !result; i++)
        result =
            i == 1 || i == 4 || i == 6 ? smelt_ir_want_float(ir, node, i) : smelt_ir_want_8_bits(ir, node, i);
    if (!result)
        result = smelt_ir_want_element(ir, node, 2, node->inputs[0]->element);
    if (!result)
        result = smelt_ir_want_element(ir, node, 5, node->inputs[3]->element);
    return result ? result : multiply(ir, node, 0, 3, node->inputs[7]->element);
}

// Heads of an input of rank 3, [batch][length][heads * size], as rank 4 [batch][heads][length][size].
static enum smelt_result split_heads(struct smelt_ir *ir, const struct smelt_ir_node *node, uint32_t input,
                                     const char *attribute, struct smelt_dim *shape)
{
    const struct smelt_ir_value *v = node->inputs[input];
    int64_t heads = smelt_ir_integer(node, attribute);
    if (v->rank == 4) {
        memcpy(shape, v->shape, 4 * sizeof(*shape));
        return SMELT_OK;
    }
    if (heads < 1 || (!v->shape[2].expression && v->shape[2].constant % heads))
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                  "wanted the attribute \"%s\" to divide the last extent of input %u",
                                  attribute, input);
    shape[0] = v->shape[0];
    shape[1] = smelt_dim_constant(heads);
    shape[2] = v->shape[1];
    shape[3] = smelt_dim_floor_div(ir, v->shape[2], shape[1]);
    return SMELT_OK;
}

// q, k, v, attn_mask, past_key, past_value, nonpad_kv_seqlen -> y, present_key, present_value, qk_matmul_output
static enum smelt_result rule_attention(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    struct smelt_dim q[4], k[4], v[4];
    const struct smelt_ir_value *past = smelt_ir_input(node, 4);
    uint32_t rank = node->inputs[0]->rank;
    enum smelt_result result = smelt_ir_want_rank(ir, node, 0, 3, 4);
    for (uint32_t i = 1; i < 3 && !result; i++)
        result = smelt_ir_want_rank(ir, node, i, rank, rank);
    for (uint32_t i = 4; i < 6 && !result; i++)
        result = smelt_ir_want_rank(ir, node, i, 4, 4);
    for (uint32_t i = 0; i < 3 && !result; i++)
        result = smelt_ir_want_float(ir, node, i);
    if (!result && (past == NULL) != (smelt_ir_input(node, 5) == NULL))
        result =
            smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT, "wanted past_key and past_value, or neither");
    if (!result)
        result = split_heads(ir, node, 0, "q_num_heads", q);
    if (!result)
        result = split_heads(ir, node, 1, "kv_num_heads", k);
    if (!result)
        result = split_heads(ir, node, 2, "kv_num_heads", v);
    if (result)
        return result;
    if (!q[3].expression && !k[3].expression && q[3].constant != k[3].constant)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                  "heads of q have %lld elements, heads of k %lld", (long long)q[3].constant,
                                  (long long)k[3].constant);
    struct smelt_dim length = past ? smelt_dim_add(ir, past->shape[2], k[2]) : k[2];
    enum smelt_element element = node->inputs[0]->element;
    struct smelt_dim wide[4] = {q[0], q[1], q[2], v[3]},
                     flat[3] = {q[0], q[2], smelt_dim_mul(ir, q[1], v[3])};
    smelt_ir_set_output(node, 0, element, rank, rank == 4 ? wide : flat);
    k[2] = v[2] = length;
    smelt_ir_set_output(node, 1, node->inputs[1]->element, 4, k);
    smelt_ir_set_output(node, 2, node->inputs[2]->element, 4, v);
    struct smelt_dim scores[4] = {q[0], q[1], q[2], length};
    smelt_ir_set_output(node, 3, element, 4, scores);
    return SMELT_OK;
}

static const struct smelt_attribute_schema gemm[] = {
    SMELT_NUMBER("alpha", 1), SMELT_NUMBER("beta", 1), SMELT_FLAG("transA", 0), SMELT_FLAG("transB", 0), {0}};
static const struct smelt_attribute_schema attention[] = {
    SMELT_FLAG("is_causal", 0),
    SMELT_RANGE("kv_num_heads", 0, 0, INT32_MAX),
    SMELT_RANGE("q_num_heads", 0, 0, INT32_MAX),
    SMELT_RANGE("qk_matmul_output_mode", 0, 0, 3),
    SMELT_NUMBER("scale", 0), // not given: 1 / sqrt(size of a head)
    SMELT_NUMBER("softcap", 0),
    {.name = "softmax_precision", .kind = SMELT_ATTRIBUTE_ELEMENT},
    {0}};

static const struct smelt_operator operators[] = {
    {"Attention", 23, 3, 7, 4, attention, rule_attention, NULL, 0, 0, smelt_lower_attention, false},
    {"Gemm", 1, 2, 3, 1, gemm, rule_gemm, NULL, 0, 0, smelt_lower_gemm, false},
    {"MatMul", 1, 2, 2, 1, NULL, rule_matmul, NULL, 0, 0, smelt_lower_matmul, false},
    {"MatMulInteger", 10, 2, 4, 1, NULL, rule_matmul_integer, NULL, 0, 0, smelt_lower_matmul_integer, false},
    {"QLinearMatMul", 10, 8, 8, 1, NULL, rule_qlinear_matmul, NULL, 0, 1 << 1 | 1 << 4 | 1 << 6,
     smelt_lower_qlinear_matmul, false},
};

const struct smelt_operator_family smelt_family_matmul = {operators, SMELT_COUNT_OF(operators),
                                                          "Matrix products"};
