// SPDX-License-Identifier: MIT
// A copy of a network's description that can be given shapes, inferred and simplified while the original stays.
#include "network_internal.h"

#include <stdlib.h>
#include <string.h>

// A free extent is a symbol of its own network.
static enum smelt_result clone_value(struct smelt_ir *to, const struct smelt_ir_value *from)
{
    struct smelt_ir_value *v;
    enum smelt_result result = smelt_ir_value(to, from->name, &v);
    if (result)
        return result;
    v->declared = from->declared;
    v->keep_f32 = from->keep_f32;
    if (from->producer)
        return SMELT_OK;
    v->element = from->element;
    v->ranked = from->ranked;
    v->rank = from->rank;
    v->constant = from->constant;
    v->stored = from->stored;
    v->data = from->data;
    v->size = from->size;
    for (uint32_t d = 0; d < from->rank; d++) {
        const char *symbol = smelt_dim_symbol_name(from->shape[d]);
        v->shape[d] = symbol ? smelt_dim_symbol(to, symbol) : from->shape[d];
    }
    return to->dims_failed ? smelt_ir_no_memory(to) : SMELT_OK;
}

static enum smelt_result clone_node(struct smelt_ir *to, const struct smelt_ir_node *from,
                                    struct smelt_ir_value **ends)
{
    for (uint32_t i = 0; i < from->input_count; i++)
        ends[i] = from->inputs[i] ? to->values[from->inputs[i]->id] : NULL;
    for (uint32_t i = 0; i < from->output_count; i++)
        ends[from->input_count + i] = from->outputs[i] ? to->values[from->outputs[i]->id] : NULL;
    struct smelt_ir_node *node;
    enum smelt_result result = smelt_ir_add_node(to, from->op, from->name, ends, from->input_count,
                                                 ends + from->input_count, from->output_count, &node);
    for (uint32_t a = 0; !result && from->op->attributes && from->op->attributes[a].name; a++)
        node->attributes[a] = from->attributes[a];
    return result;
}

enum smelt_result smelt_ir_clone(const struct smelt_ir *from, struct smelt_ir **clone)
{
    struct smelt_ir *to = NULL;
    enum smelt_result result = smelt_ir_create(from->file, &to);
    if (result)
        return result;
    to->storage = from->storage;
    to->name = from->name;
    uint32_t most = 0;
    for (uint32_t i = 0; i < from->node_count; i++)
        most = SMELT_MAX(most, from->nodes[i]->input_count + from->nodes[i]->output_count);
    struct smelt_ir_value **ends = calloc((size_t)most + 1, sizeof(struct smelt_ir_value *));
    if (!ends)
        result = smelt_ir_no_memory(to);
    for (uint32_t i = 0; i < from->value_count && !result; i++)
        result = clone_value(to, from->values[i]);
    for (uint32_t i = 0; i < from->input_count && !result; i++)
        result = smelt_ir_add_input(to, to->values[from->inputs[i]->id]);
    for (uint32_t i = 0; i < from->node_count && !result; i++)
        result = clone_node(to, from->nodes[i], ends);
    for (uint32_t i = 0; i < from->output_count && !result; i++)
        result = smelt_ir_add_output(to, to->values[from->outputs[i]->id]);
    free(ends);
    if (result)
        smelt_ir_destroy(&to);
    else
        *clone = to;
    return result;
}
