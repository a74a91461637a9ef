// SPDX-License-Identifier: MIT
// Lowering of Attention (layer 3): products and a softmax on [batch x heads of k][rows][size], where the query heads that
// share a head of keys are rows of one product; what stands between (cap, masks) by glsl/kernels/operator_scores.glsl.
#include "kernels_operator.h"
#include "network_lower_views.h"

#include <math.h>

struct attention {
    uint64_t batch, heads, key_heads, queries, past, keys, size, value_size;
    smelt_tensor q, k, v;          // [batch x key_heads][...][...]
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
    a->q = operand(lowering, in[0], a->key_heads);
    a->k = operand(lowering, in[1], a->key_heads);
    a->v = operand(lowering, in[2], a->key_heads);
    a->mask = smelt_lower_input(lowering, node, 3);
    a->lengths = smelt_lower_input(lowering, node, 6);
    a->y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS);
    a->output_scores = smelt_lower_output(lowering, node, 3, SMELT_ORDER_ROWS);
    return lowering->result;
}

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
    if (masks && a->mask) {
        const struct smelt_tensor_info *m = &a->mask->info;
        uint64_t extents[4], steps[4];
        for (uint32_t d = 0; d < 4; d++) {
            bool there = d + m->rank >= 4;
            extents[d] = there ? m->shape[d + m->rank - 4] : 1;
            steps[d] = there ? m->strides[d + m->rank - 4] : 1;
        }
        call.tensors[2] = smelt_lower_view(lowering, a->mask, 0, 4, extents, steps);
    }
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
