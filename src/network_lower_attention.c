// SPDX-License-Identifier: MIT
// Lowering of Attention, and of products with a softmax between that are one (layer 3): smelt_encode_attention, which keeps no
// scores; where that does not serve, products and a softmax on [batch x heads of k][rows][size], where the query heads that
// share a head of keys are rows of one product; what stands between (cap, masks) by glsl/kernels/operator_scores.glsl.
#include "kernels_attention.h"
#include "kernels_operator.h"
#include "network_internal.h"
#include "network_lower_views.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// From so many scores on (4 MiB of f32) attention without matrices is one kernel, which takes as long as products do
// (docs/performance.md, "Software device"); below there is little heap to save.
#define LEAST_SCORES (1u << 20)

struct attention {
    uint64_t batch, heads, key_heads, queries, past, keys, size, value_size;
    smelt_tensor heads_of[3];      // q, k, v: [batch][heads][tokens][size]
    smelt_tensor q, k, v;          // the same as [batch x key_heads][...][...]
    smelt_tensor scores;           // f32 [batch x key_heads][heads / key_heads x queries][keys]
    smelt_tensor mask, lengths;    // NULL: none
    smelt_tensor y, output_scores; // the latter NULL: not wanted
    float scale, cap;
    bool causal;
};

// [batch][length][heads x size], or [batch][heads][length][size] as it is, in the latter form.
static smelt_tensor by_heads(struct smelt_lowering *lowering, smelt_tensor t, uint64_t heads)
{
    const struct smelt_tensor_info *i = &t->info;
    if (i->rank == 4)
        return t;
    uint64_t size = i->shape[2] / heads;
    const uint64_t shape[] = {i->shape[0], heads, i->shape[1], size};
    const uint64_t strides[] = {i->strides[0], size * i->strides[2], i->strides[1], i->strides[2]};
    return smelt_lower_view(lowering, t, 0, 4, shape, strides);
}

static bool follows(const struct smelt_tensor_info *i, uint32_t d) // dimensions d and d + 1 are one
{
    return i->shape[d] == 1 || i->shape[d + 1] == 1 || i->strides[d] == i->shape[d + 1] * i->strides[d + 1];
}

// A view of [batch][heads][length][size] as [batch x key_heads][heads / key_heads x length][size]; NULL without an error: it
// does not lie so.
static smelt_tensor as_matrices(struct smelt_lowering *lowering, smelt_tensor t, uint64_t key_heads)
{
    const struct smelt_tensor_info *i = &t->info;
    uint64_t shared = i->shape[1] / key_heads;
    bool lies = (i->shape[0] == 1 || i->strides[0] == i->shape[1] * i->strides[1] || i->shape[1] == 1) &&
                (shared == 1 || follows(i, 1)) && (i->shape[3] == 1 || i->strides[3] == 1);
    if (!lies)
        return NULL;
    const uint64_t shape[] = {i->shape[0] * key_heads, shared * i->shape[2], i->shape[3]};
    const uint64_t strides[] = {i->shape[1] == 1 ? i->strides[0] : shared * i->strides[1],
                                i->shape[2] == 1 ? i->strides[1] : i->strides[2], i->strides[3]};
    return smelt_lower_view(lowering, t, 0, 3, shape, strides);
}

static smelt_tensor operand(struct smelt_lowering *lowering, smelt_tensor t, uint64_t key_heads)
{
    smelt_tensor view = as_matrices(lowering, t, key_heads);
    if (view || lowering->result)
        return view;
    smelt_tensor copy = smelt_lower_temporary(lowering, t->info.dtype, 4, t->info.shape);
    if (!copy || (lowering->result = smelt_encode_copy(lowering->encoder, copy, t, NULL)))
        return NULL;
    return as_matrices(lowering, copy, key_heads);
}

// The keys or values: those of the past and the new ones, in output `present` where that is wanted.
static smelt_tensor with_past(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                              smelt_tensor fresh, uint32_t past_input, uint32_t present_output)
{
    smelt_tensor past = smelt_lower_input(lowering, node, past_input),
                 present = smelt_lower_output(lowering, node, present_output, SMELT_ORDER_ROWS);
    uint64_t shape[4], length = past ? past->info.shape[2] : 0;
    for (uint32_t d = 0; d < 4; d++)
        shape[d] = fresh->info.shape[d] + (d == 2 ? length : 0);
    if (lowering->result || (!past && !present))
        return fresh;
    if (!present && !(present = smelt_lower_temporary(lowering, fresh->info.dtype, 4, shape)))
        return NULL;
    smelt_tensor tail = smelt_lower_view(lowering, present, length * present->info.strides[2], 4,
                                         fresh->info.shape, present->info.strides);
    if (!tail || (lowering->result = smelt_encode_copy(lowering->encoder, tail, fresh, NULL)))
        return NULL;
    if (past) {
        smelt_tensor head =
            smelt_lower_view(lowering, present, 0, 4, past->info.shape, present->info.strides);
        if (!head || (lowering->result = smelt_encode_copy(lowering->encoder, head, past, NULL)))
            return NULL;
    }
    return present;
}

static enum smelt_result read_inputs(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                     struct attention *a)
{
    smelt_tensor in[3];
    for (uint32_t i = 0; i < 3; i++)
        if (!(in[i] = smelt_lower_input(lowering, node, i)) ||
            !(in[i] = by_heads(lowering, in[i],
                               (uint64_t)smelt_ir_integer(node, i ? "kv_num_heads" : "q_num_heads"))))
            return lowering->result;
    a->past = smelt_ir_input(node, 4) ? (uint64_t)smelt_ir_input(node, 4)->shape[2].constant : 0;
    for (uint32_t i = 1; i < 3; i++)
        if (!(in[i] = with_past(lowering, node, in[i], 3 + i, i)) || lowering->result)
            return lowering->result;
    a->batch = in[0]->info.shape[0];
    a->heads = in[0]->info.shape[1];
    a->key_heads = in[1]->info.shape[1];
    a->queries = in[0]->info.shape[2];
    a->keys = in[1]->info.shape[2];
    a->size = in[0]->info.shape[3];
    a->value_size = in[2]->info.shape[3];
    if (a->heads % a->key_heads)
        return smelt_lower_fail(lowering, node, SMELT_ERROR_SHAPE,
                                "%llu heads of q are no multiple of %llu of k", (unsigned long long)a->heads,
                                (unsigned long long)a->key_heads);
    a->scale = (float)smelt_ir_number(node, "scale");
    if (!smelt_ir_attribute(node, "scale")->set)
        a->scale = (float)(1 / sqrt((double)a->size));
    a->cap = (float)smelt_ir_number(node, "softcap");
    a->causal = smelt_ir_integer(node, "is_causal");
    memcpy(a->heads_of, in, sizeof(in));
    a->mask = smelt_lower_input(lowering, node, 3);
    a->lengths = smelt_lower_input(lowering, node, 6);
    a->y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS);
    a->output_scores = smelt_lower_output(lowering, node, 3, SMELT_ORDER_ROWS);
    return lowering->result;
}

// --- As one kernel ----------------------------------------------------------------------------------------------

static bool serves(const struct smelt_lowering *lowering, enum smelt_dtype dtype, const uint64_t scores[4],
                   uint64_t size, uint64_t value_size)
{
    enum smelt_backend backend;
    return smelt_attention_backend(lowering->context, dtype, scores, size, value_size, lowering->backend,
                                   &backend) &&
           (backend != SMELT_BACKEND_PORTABLE ||
            scores[0] * scores[1] * scores[2] * scores[3] >= LEAST_SCORES);
}

// A mask of any rank as [batch][heads][queries][keys], extents of 1 serving all.
static smelt_tensor spread_mask(struct smelt_lowering *lowering, smelt_tensor mask)
{
    const struct smelt_tensor_info *m = &mask->info;
    uint64_t extents[4], steps[4];
    for (uint32_t d = 0; d < 4; d++) {
        bool there = d + m->rank >= 4;
        extents[d] = there ? m->shape[d + m->rank - 4] : 1;
        steps[d] = there ? m->strides[d + m->rank - 4] : 1;
    }
    return smelt_lower_view(lowering, mask, 0, 4, extents, steps);
}

// Its rows as the kernel takes them: a copy where elements do not lie next to each other.
static smelt_tensor with_rows(struct smelt_lowering *lowering, smelt_tensor t)
{
    if (!t || t->info.shape[3] == 1 || t->info.strides[3] == 1)
        return t;
    smelt_tensor copy = smelt_lower_temporary(lowering, t->info.dtype, 4, t->info.shape);
    return copy && !smelt_lower_take(lowering, smelt_encode_copy(lowering->encoder, copy, t, NULL)) ? copy
                                                                                                    : NULL;
}

static bool is_served(const struct smelt_lowering *lowering, const struct attention *a)
{
    enum smelt_dtype dtype = a->y->info.dtype, mask = a->mask ? a->mask->info.dtype : SMELT_DTYPE_NONE;
    for (uint32_t i = 0; i < 3; i++)
        if (a->heads_of[i]->info.dtype != dtype)
            return false;
    const uint64_t scores[] = {a->batch, a->heads, a->queries, a->keys};
    uint64_t last = a->mask && a->mask->info.rank ? a->mask->info.shape[a->mask->info.rank - 1] : 1;
    bool masked = (!mask || mask == SMELT_DTYPE_F32 || mask == SMELT_DTYPE_F16 || mask == SMELT_DTYPE_U8) &&
                  (last == 1 || last == a->keys);
    return masked && !a->output_scores && a->scale > 0 && a->cap >= 0 && !(a->lengths && a->past) &&
           (!a->lengths || a->lengths->info.dtype == SMELT_DTYPE_I32) && a->past <= a->keys &&
           serves(lowering, dtype, scores, a->size, a->value_size);
}

static enum smelt_result attend(struct smelt_lowering *lowering, const struct attention *a)
{
    const struct smelt_attention_params params = {
        .q = with_rows(lowering, a->heads_of[0]),
        .k = with_rows(lowering, a->heads_of[1]),
        .v = with_rows(lowering, a->heads_of[2]),
        .y = by_heads(lowering, a->y, a->heads),
        .mask = a->mask ? spread_mask(lowering, a->mask) : NULL,
        .lengths = a->lengths,
        .scale = a->scale,
        .cap = a->cap,
        .causal = a->causal,
        .past = (uint32_t)a->past,
        .backend = lowering->backend,
    };
    return lowering->result ? lowering->result : smelt_encode_attention(lowering->encoder, &params);
}

// --- As products ------------------------------------------------------------------------------------------------

// to = cap(scale scores) + mask, the cap and the masks only if asked for.
static enum smelt_result adjust(struct smelt_lowering *lowering, const struct attention *a, smelt_tensor to,
                                bool cap, bool masks)
{
    bool by_length = a->lengths && !a->past;
    const uint64_t shape[] = {a->batch, a->heads, a->queries, a->keys};
    const uint64_t strides[] = {a->heads * a->queries * a->keys, a->queries * a->keys, a->keys, 1};
    struct smelt_operator_call call = {
        .body = "operator_scores.glsl",
        .options = !masks || !a->causal ? "CAUSAL=0"
                   : by_length          ? "CAUSAL=2"
                                        : "CAUSAL=1",
        .tensors = {smelt_lower_view(lowering, to, 0, 4, shape, strides),
                    smelt_lower_view(lowering, a->scores, 0, 4, shape, strides)},
        .sizes = {(int32_t)a->past},
        .size_count = 1,
        .numbers = {a->scale, cap ? a->cap : 0},
        .number_count = 2,
    };
    call.tensors[2] = masks && a->mask ? spread_mask(lowering, a->mask) : NULL;
    call.tensors[3] = masks ? a->lengths : NULL;
    return lowering->result ? lowering->result : smelt_encode_operator(lowering->encoder, &call);
}

// What output 3 receives: scores as they are, capped, masked (modes 0 to 2). Mode 3 are the probabilities.
static enum smelt_result give_scores(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                     const struct attention *a)
{
    int64_t mode = smelt_ir_integer(node, "qk_matmul_output_mode");
    return !a->output_scores || mode == 3 ? SMELT_OK
                                          : adjust(lowering, a, a->output_scores, mode >= 1, mode == 2);
}

static enum smelt_result give_probabilities(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                            const struct attention *a)
{
    if (!a->output_scores || smelt_ir_integer(node, "qk_matmul_output_mode") != 3)
        return SMELT_OK;
    smelt_tensor all = smelt_lower_view(lowering, a->scores, 0, 4, a->output_scores->info.shape,
                                        a->output_scores->info.strides);
    return all ? smelt_encode_copy(lowering->encoder, a->output_scores, all, NULL) : lowering->result;
}

// y = scores v; in y's own memory where its heads lie so.
static enum smelt_result weigh_values(struct smelt_lowering *lowering, const struct attention *a)
{
    smelt_tensor weights = a->scores, heads = by_heads(lowering, a->y, a->heads), d = NULL, packed = NULL;
    enum smelt_result result = lowering->result;
    const uint64_t shape[] = {a->batch, a->heads, a->queries, a->value_size};
    if (!result && a->v->info.dtype != SMELT_DTYPE_F32) {
        if (!(weights = smelt_lower_temporary(lowering, a->v->info.dtype, 3, a->scores->info.shape)))
            return lowering->result;
        result = smelt_encode_copy(lowering->encoder, weights, a->scores, NULL);
    }
    if (!result && !(d = as_matrices(lowering, heads, a->key_heads)) && !(result = lowering->result)) {
        packed = smelt_lower_temporary(lowering, a->y->info.dtype, 4, shape);
        d = packed ? as_matrices(lowering, packed, a->key_heads) : NULL;
        result = lowering->result;
    }
    if (!result)
        result = smelt_encode_matmul2d(lowering->encoder,
                                       &(struct smelt_matmul2d_params){.a = weights,
                                                                       .b = a->v,
                                                                       .d = d,
                                                                       .accumulated = SMELT_DTYPE_F32,
                                                                       .backend = lowering->backend});
    return result || !packed ? result : smelt_encode_copy(lowering->encoder, heads, packed, NULL);
}

enum smelt_result smelt_lower_attention(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    struct attention a = {0};
    enum smelt_result result = read_inputs(lowering, node, &a);
    if (result)
        return result;
    if (is_served(lowering, &a))
        return attend(lowering, &a);
    a.q = operand(lowering, a.heads_of[0], a.key_heads);
    a.k = operand(lowering, a.heads_of[1], a.key_heads);
    a.v = operand(lowering, a.heads_of[2], a.key_heads);
    const uint64_t shape[] = {a.batch * a.key_heads, a.heads / a.key_heads * a.queries, a.keys};
    if (!(a.scores = smelt_lower_temporary(lowering, SMELT_DTYPE_F32, 3, shape)))
        return lowering->result;
    bool plain = !a.mask && !a.lengths && !a.causal && !(a.cap > 0) && a.scale != 0;
    result = smelt_encode_matmul2d(lowering->encoder,
                                   &(struct smelt_matmul2d_params){.a = a.q,
                                                                   .b = a.k,
                                                                   .d = a.scores,
                                                                   .transpose_right = true,
                                                                   .accumulated = SMELT_DTYPE_F32,
                                                                   .backend = lowering->backend});
    if (!result)
        result = give_scores(lowering, node, &a);
    if (!result && !plain)
        result = adjust(lowering, &a, a.scores, true, true);
    if (!result)
        result = smelt_encode_softmax(
            lowering->encoder, &(struct smelt_softmax_params){
                                   .x = a.scores, .y = a.scores, .axis = 2, .scale = plain ? a.scale : 1});
    if (!result)
        result = give_probabilities(lowering, node, &a);
    return result ? result : weigh_values(lowering, &a);
}

// --- Written as products ----------------------------------------------------------------------------------------

// MatMul, a scale (Mul or Div by one constant), a mask (Add), Softmax, MatMul.
struct smelt_lowering_attention {
    struct smelt_ir_node *nodes[4]; // those in front of the last product, NULL: none; the first product at 0
    const struct smelt_ir_value *mask;
    float scale; // 0: the last product is no attention
};

static bool is(const struct smelt_ir_node *node, const char *op)
{
    return node && !strcmp(node->op->name, op);
}

// What makes a value that one node alone reads.
static struct smelt_ir_node *only_for(const struct smelt_ir_value *value, const uint32_t *uses)
{
    return value && value->producer && uses[value->id] == 1 && !value->is_output ? value->producer : NULL;
}

static bool same_shape(const struct smelt_ir_value *a, const struct smelt_ir_value *b)
{
    bool same = a->rank == b->rank;
    for (uint32_t d = 0; d < a->rank && same; d++)
        same = smelt_dim_equal(a->shape[d], b->shape[d]);
    return same;
}

// The factor of a Mul or Div of the scores by one constant above 0; 0: it is none. `input`: which one the scores are.
static double factor_of(const struct smelt_ir_node *node, uint32_t input)
{
    const struct smelt_ir_value *by = node->inputs[1 - input];
    bool divides = is(node, "Div");
    if ((!divides && !is(node, "Mul")) || (divides && input) || !by->constant || !by->data ||
        smelt_ir_element_count(by) != 1 || !smelt_element_is_float(by->stored))
        return 0;
    double factor = smelt_element_number(by->stored, by->data, 0);
    return divides ? 1 / factor : factor;
}

// Which input of a node is made for it alone by a node like that; -1: none.
static int made_by_product(const struct smelt_ir_node *node, const uint32_t *uses)
{
    for (int i = 0; i < 2; i++) {
        const struct smelt_ir_node *maker = only_for(node->inputs[i], uses);
        if (is(maker, "MatMul") || (maker && (is(maker, "Mul") || is(maker, "Div")) &&
                                    (is(only_for(maker->inputs[0], uses), "MatMul") ||
                                     is(only_for(maker->inputs[1], uses), "MatMul"))))
            return i;
    }
    return -1;
}

// From the last product backwards.
static bool read_products(const struct smelt_ir_node *last, const uint32_t *uses,
                          struct smelt_lowering_attention *found)
{
    struct smelt_ir_node *softmax = only_for(last->inputs[0], uses), *at;
    *found = (struct smelt_lowering_attention){.nodes = {NULL, NULL, NULL, softmax}};
    if (!is(softmax, "Softmax"))
        return false;
    int64_t axis = smelt_ir_integer(softmax, "axis");
    if (axis != -1 && axis != (int64_t)softmax->inputs[0]->rank - 1)
        return false;
    double scale = 1;
    at = only_for(softmax->inputs[0], uses);
    int input = is(at, "Add") ? made_by_product(at, uses) : -1;
    if (input >= 0) {
        found->nodes[2] = at;
        found->mask = at->inputs[1 - input];
        if (!same_shape(at->inputs[input], at->outputs[0]))
            return false;
        at = at->inputs[input]->producer;
    }
    if (is(at, "Mul") || is(at, "Div")) {
        uint32_t i = is(only_for(at->inputs[0], uses), "MatMul") ? 0 : 1;
        scale = factor_of(at, i);
        found->nodes[1] = at;
        if (!same_shape(at->inputs[i], at->outputs[0]))
            return false;
        at = only_for(at->inputs[i], uses);
    }
    found->nodes[0] = at;
    found->scale = scale > 0 && scale < 1e30 ? (float)scale : 0;
    return is(at, "MatMul") && found->scale > 0;
}

// Whether the kernel takes q, k, v and y: floats of one type, of one rank from 2 to 4 and one batch.
static bool takes(struct smelt_lowering *lowering, const struct smelt_ir_node *last,
                  const struct smelt_lowering_attention *found)
{
    const struct smelt_ir_node *first = found->nodes[0];
    const struct smelt_ir_value *of[] = {first->inputs[0], first->inputs[1], last->inputs[1],
                                         last->outputs[0]};
    enum smelt_dtype dtype = smelt_lower_dtype(lowering, of[0]);
    uint32_t rank = of[0]->rank;
    for (uint32_t i = 0; i < 4; i++) {
        if (of[i]->rank != rank || rank < 2 || rank > 4 || smelt_lower_dtype(lowering, of[i]) != dtype ||
            !smelt_ir_element_count(of[i]))
            return false;
        for (uint32_t d = 0; d + 2 < rank; d++)
            if (!smelt_dim_equal(of[i]->shape[d], of[0]->shape[d]))
                return false;
    }
    bool wide = smelt_network_is_wide(lowering, last);
    for (uint32_t i = 0; i < 4; i++)
        wide |= found->nodes[i] && smelt_network_is_wide(lowering, found->nodes[i]);
    enum smelt_dtype mask = found->mask ? smelt_lower_dtype(lowering, found->mask) : SMELT_DTYPE_F32;
    uint64_t scores[4] = {1, 1, 1, 1};
    for (uint32_t d = 0; d < rank; d++)
        scores[d + 2 < rank ? d : d + 4 - rank] = (uint64_t)first->outputs[0]->shape[d].constant;
    return !wide && (mask == SMELT_DTYPE_F32 || mask == SMELT_DTYPE_F16) &&
           serves(lowering, dtype, scores, (uint64_t)of[0]->shape[rank - 1].constant,
                  (uint64_t)of[2]->shape[rank - 1].constant);
}

enum smelt_result smelt_network_attend(struct smelt_lowering *lowering)
{
    const struct smelt_ir *ir = lowering->ir;
    uint32_t *uses = calloc((size_t)ir->value_count + 1, sizeof(*uses));
    lowering->attentions = calloc((size_t)ir->value_count + 1, sizeof(*lowering->attentions));
    if (!uses || !lowering->attentions) {
        free(uses);
        return smelt_ir_no_memory(ir);
    }
    for (uint32_t n = 0; n < ir->node_count; n++)
        for (uint32_t i = 0; i < ir->nodes[n]->input_count; i++)
            if (ir->nodes[n]->inputs[i])
                uses[ir->nodes[n]->inputs[i]->id]++;
    for (uint32_t n = 0; n < ir->node_count && !lowering->network->no_fusion; n++) {
        struct smelt_lowering_attention found;
        const struct smelt_ir_node *node = ir->nodes[n];
        if (!is(node, "MatMul") || !read_products(node, uses, &found) || !takes(lowering, node, &found))
            continue;
        lowering->attentions[node->outputs[0]->id] = found;
        for (uint32_t i = 0; i < 4; i++)
            if (found.nodes[i])
                found.nodes[i]->taken = true;
    }
    free(uses);
    return SMELT_OK;
}

// Of rank 2 to 4 as [batch][heads][rows][columns], or with rows and columns exchanged. `rank`: of what it is broadcast to.
static smelt_tensor as_heads(struct smelt_lowering *lowering, smelt_tensor t, uint32_t rank, bool turned)
{
    static const uint32_t places[3][4] = {{2, 3}, {0, 2, 3}, {0, 1, 2, 3}};
    uint64_t shape[4] = {1, 1, 1, 1}, strides[4] = {1, 1, 1, 1};
    if (!t)
        return NULL;
    for (uint32_t d = 0; d < t->info.rank; d++) {
        uint32_t to = places[rank - 2][d + rank - t->info.rank];
        to = turned && to >= 2 ? 5 - to : to;
        shape[to] = t->info.shape[d];
        strides[to] = t->info.strides[d];
    }
    return smelt_lower_view(lowering, t, 0, 4, shape, strides);
}

bool smelt_lower_is_attention(const struct smelt_lowering *lowering, const struct smelt_ir_node *node)
{
    return lowering->attentions[node->outputs[0]->id].scale > 0;
}

enum smelt_result smelt_lower_products(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    const struct smelt_lowering_attention *found = &lowering->attentions[node->outputs[0]->id];
    uint32_t rank = node->outputs[0]->rank;
    smelt_tensor q = smelt_lower_input(lowering, found->nodes[0], 0),
                 k = smelt_lower_input(lowering, found->nodes[0], 1),
                 v = smelt_lower_input(lowering, node, 1),
                 y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS), mask = NULL;
    if (found->mask)
        mask = smelt_lower_input(lowering, found->nodes[2], found->nodes[2]->inputs[1] == found->mask);
    const struct smelt_attention_params params = {
        .q = with_rows(lowering, as_heads(lowering, q, rank, false)),
        .k = with_rows(lowering, as_heads(lowering, k, rank, true)),
        .v = with_rows(lowering, as_heads(lowering, v, rank, false)),
        .y = as_heads(lowering, y, rank, false),
        .mask = mask ? as_heads(lowering, mask, rank, false) : NULL,
        .scale = found->scale,
        .backend = lowering->backend,
    };
    return lowering->result ? lowering->result : smelt_encode_attention(lowering->encoder, &params);
}
