// SPDX-License-Identifier: MIT
// Reshape, Transpose, Reshape that move blocks between depth and space become the one operator that does it, which has no
// shape in it: x [n][c r r][h][w] as six axes in another order as [n][c][h r][w r], or back.
#include "network_operators.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *op, *mode; // mode NULL: it has none
    uint8_t perm[6];
    // Of the first Reshape's axes: the two of r, and those of c, h and w.
    uint8_t blocks[2], c, h, w;
} shuffles[] = {
    {"DepthToSpace", "CRD", {0, 1, 4, 2, 5, 3}, {2, 3}, 1, 4, 5},
    {"DepthToSpace", "DCR", {0, 3, 4, 1, 5, 2}, {1, 2}, 3, 4, 5},
    {"SpaceToDepth", NULL, {0, 3, 5, 1, 2, 4}, {3, 5}, 1, 2, 4},
};

static bool is(const struct smelt_ir_node *node, const char *op)
{
    return node && !strcmp(node->op->name, op);
}

// What makes a node's first input, if that is all that the value is for.
static struct smelt_ir_node *source(const struct smelt_ir_node *node, const uint32_t *uses, const char *op)
{
    const struct smelt_ir_value *v = node->input_count ? node->inputs[0] : NULL;
    return v && !v->is_output && uses[v->id] == 1 && is(v->producer, op) ? v->producer : NULL;
}

static bool has_perm(const struct smelt_ir_node *node, const uint8_t *perm)
{
    const struct smelt_ir_attribute *is = smelt_ir_attribute(node, "perm");
    bool same = is->set && is->count == 6;
    for (uint32_t i = 0; same && i < 6; i++)
        same = is->integers[i] == perm[i];
    return same;
}

// Which of the three a Reshape ends, and its r; 0: none.
static int64_t find_shuffle(struct smelt_ir *ir, const struct smelt_ir_node *last, const uint32_t *uses,
                            uint32_t *shuffle, const struct smelt_ir_node **transpose,
                            const struct smelt_ir_node **first)
{
    *transpose = is(last, "Reshape") ? source(last, uses, "Transpose") : NULL;
    *first = *transpose ? source(*transpose, uses, "Reshape") : NULL;
    if (!*first)
        return 0;
    const struct smelt_ir_value *x = (*first)->inputs[0], *six = (*first)->outputs[0], *y = last->outputs[0];
    if (x->rank != 4 || six->rank != 6 || y->rank != 4)
        return 0;
    for (uint32_t s = 0; s < SMELT_COUNT_OF(shuffles); s++) {
        struct smelt_dim r = six->shape[shuffles[s].blocks[0]], c = six->shape[shuffles[s].c],
                         h = six->shape[shuffles[s].h], w = six->shape[shuffles[s].w];
        if (!has_perm(*transpose, shuffles[s].perm) || r.expression || r.constant < 2 || r.constant > 64 ||
            !smelt_dim_equal(r, six->shape[shuffles[s].blocks[1]]))
            continue;
        // The side with blocks in its depth, and the one with them in space.
        bool to_space = s < 2;
        const struct smelt_dim *deep = to_space ? x->shape : y->shape, *wide = to_space ? y->shape : x->shape;
        struct smelt_dim depth = smelt_dim_mul(ir, c, smelt_dim_constant(r.constant * r.constant));
        bool same = smelt_dim_equal(x->shape[0], six->shape[0]) &&
                    smelt_dim_equal(x->shape[0], y->shape[0]) && smelt_dim_equal(deep[1], depth) &&
                    smelt_dim_equal(deep[2], h) && smelt_dim_equal(deep[3], w) &&
                    smelt_dim_equal(wide[1], c) && smelt_dim_equal(wide[2], smelt_dim_mul(ir, h, r)) &&
                    smelt_dim_equal(wide[3], smelt_dim_mul(ir, w, r));
        if (same) {
            *shuffle = s;
            return r.constant;
        }
    }
    return 0;
}

// In the place of the last of the three; the other two go.
static enum smelt_result replace(struct smelt_ir *ir, uint32_t at, uint32_t shuffle, int64_t r,
                                 const struct smelt_ir_node *transpose, const struct smelt_ir_node *first)
{
    struct smelt_ir_node *last = ir->nodes[at], *made;
    const struct smelt_ir_attribute block = {.integer = r}, mode = {.word = shuffles[shuffle].mode};
    last->outputs[0]->producer = NULL;
    enum smelt_result result = smelt_ir_add_node(ir, smelt_operator_find(shuffles[shuffle].op), last->name,
                                                 first->inputs, 1, last->outputs, 1, &made);
    if (!result)
        result = smelt_ir_set_attribute(ir, made, "blocksize", &block);
    if (!result && mode.word)
        result = smelt_ir_set_attribute(ir, made, "mode", &mode);
    if (result)
        return result;
    first->outputs[0]->producer = transpose->outputs[0]->producer = NULL;
    ir->nodes[at] = made;
    uint32_t kept = 0;
    for (uint32_t i = 0; i + 1 < ir->node_count; i++) // the last one stands at `at` now
        if (ir->nodes[i] != transpose && ir->nodes[i] != first)
            ir->nodes[kept++] = ir->nodes[i];
    ir->node_count = kept;
    return SMELT_OK;
}

enum smelt_result smelt_ir_join_shuffles(struct smelt_ir *ir)
{
    uint32_t *uses = calloc((size_t)ir->value_count + 1, sizeof(*uses));
    enum smelt_result result = uses ? SMELT_OK : smelt_ir_no_memory(ir);
    for (uint32_t i = 0; uses && i < ir->node_count; i++)
        for (uint32_t k = 0; k < ir->nodes[i]->input_count; k++)
            if (ir->nodes[i]->inputs[k])
                uses[ir->nodes[i]->inputs[k]->id]++;
    for (uint32_t i = ir->node_count; i-- > 0 && !result;) {
        const struct smelt_ir_node *transpose, *first;
        uint32_t shuffle;
        int64_t r = find_shuffle(ir, ir->nodes[i], uses, &shuffle, &transpose, &first);
        if (r) {
            result = replace(ir, i, shuffle, r, transpose, first);
            i = SMELT_MIN(i, ir->node_count);
        }
    }
    ir->dims_failed = false; // products that are too large are none of these
    free(uses);
    return result;
}
