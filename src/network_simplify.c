// SPDX-License-Identifier: MIT
// Makes an inferred network smaller: computed nodes become constants, identities and dead nodes go. And the choice of
// what weights are stored as.
#include "network_operators.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Whether every output is a constant now.
static bool is_computed(const struct smelt_ir_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] && !node->outputs[i]->constant)
            return false;
    return true;
}

static bool is_identity(const struct smelt_ir_node *node)
{
    const char *op = node->op->name;
    if (!strcmp(op, "Cast"))
        return node->inputs[0]->element == node->outputs[0]->element;
    if (!strcmp(op, "Transpose")) {
        const struct smelt_ir_attribute *perm = smelt_ir_attribute(node, "perm");
        for (uint32_t i = 0; i < perm->count; i++)
            if (perm->integers[i] != i)
                return false;
        return perm->set || node->inputs[0]->rank < 2;
    }
    return !strcmp(op, "Identity") || (!strcmp(op, "Concat") && node->input_count == 1);
}

// Goes when its output is no output of the network; else the maker of its input writes the output instead, which it
// cannot when the input is one of the network's ends itself.
static bool remove_identity(struct smelt_ir_node *node, struct smelt_ir_value **forward)
{
    struct smelt_ir_value *in = node->inputs[0], *out = node->outputs[0];
    if (!out->is_output) {
        forward[out->id] = in;
        return true;
    }
    if (!in->producer || in->is_output || in->is_input || in->constant)
        return false;
    for (uint32_t i = 0; i < in->producer->output_count; i++)
        if (in->producer->outputs[i] == in)
            in->producer->outputs[i] = out;
    out->producer = in->producer;
    in->producer = NULL;
    forward[in->id] = out;
    return true;
}

static void follow(struct smelt_ir_node *node, struct smelt_ir_value *const *forward)
{
    for (uint32_t k = 0; k < node->input_count; k++)
        if (node->inputs[k] && forward[node->inputs[k]->id])
            node->inputs[k] = forward[node->inputs[k]->id];
}

static void forget_producer(struct smelt_ir_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] && node->outputs[i]->producer == node)
            node->outputs[i]->producer = NULL;
}

// From the back, so that what only dead nodes use is dead. `used` by id.
static void remove_dead(struct smelt_ir *ir, unsigned char *used)
{
    for (uint32_t i = 0; i < ir->output_count; i++)
        used[ir->outputs[i]->id] = 1;
    uint32_t kept = ir->node_count;
    for (uint32_t i = ir->node_count; i-- > 0;) {
        struct smelt_ir_node *node = ir->nodes[i];
        bool live = false;
        for (uint32_t k = 0; k < node->output_count; k++)
            live |= node->outputs[k] && used[node->outputs[k]->id];
        if (!live) {
            forget_producer(node);
            continue;
        }
        for (uint32_t k = 0; k < node->input_count; k++)
            if (node->inputs[k])
                used[node->inputs[k]->id] = 1;
        ir->nodes[--kept] = node;
    }
    if (kept) // a network without nodes has no list
        memmove(ir->nodes, ir->nodes + kept, (ir->node_count - kept) * sizeof(*ir->nodes));
    ir->node_count -= kept;
}

// Constants that nothing uses stay listed as values; make them plain names.
static void forget_unused(struct smelt_ir *ir, const unsigned char *used)
{
    for (uint32_t i = 0; i < ir->value_count; i++)
        if (!used[i] && smelt_ir_is_weight(ir->values[i]))
            ir->values[i]->constant = false;
}

enum smelt_result smelt_ir_simplify(struct smelt_ir *ir)
{
    if (!ir->inferred)
        return smelt_fail(NULL, SMELT_ERROR_NOT_READY, "%s: wanted an inferred network", ir->file);
    enum smelt_result result = smelt_ir_join_shuffles(ir);
    if (result)
        return result;
    unsigned char *used = calloc((size_t)ir->value_count + 1, 1);
    struct smelt_ir_value **forward = calloc((size_t)ir->value_count + 1, sizeof(struct smelt_ir_value *));
    if (!used || !forward) {
        free(used);
        free(forward);
        return smelt_ir_no_memory(ir);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ir->node_count; i++) {
        struct smelt_ir_node *node = ir->nodes[i];
        follow(node, forward); // nodes are in order: one step is enough
        if (is_computed(node))
            forget_producer(node);
        else if (!is_identity(node) || !remove_identity(node, forward))
            ir->nodes[kept++] = node;
    }
    ir->node_count = kept;
    for (uint32_t i = 0; i < kept; i++) // users before an identity that wrote an output
        follow(ir->nodes[i], forward);
    remove_dead(ir, used);
    forget_unused(ir, used);
    free(used);
    free(forward);
    return SMELT_OK;
}

// --- What weights are stored as ---------------------------------------------------------------------------------

// Marks constants that some operator needs exactly: its host inputs and its exact ones.
static void mark_exact(const struct smelt_ir *ir, unsigned char *exact)
{
    for (uint32_t i = 0; i < ir->node_count; i++) {
        const struct smelt_ir_node *node = ir->nodes[i];
        uint32_t mask = node->op->host_inputs | node->op->exact_inputs;
        for (uint32_t k = 0; k < node->input_count && k < 32; k++)
            if (node->inputs[k] && mask >> k & 1)
                exact[node->inputs[k]->id] = 1;
    }
    for (uint32_t i = 0; i < ir->output_count; i++)
        exact[ir->outputs[i]->id] = 1;
}

static enum smelt_result narrow(struct smelt_ir *ir, struct smelt_ir_value *v, uint32_t *overflowed)
{
    uint64_t count = v->size / 4;
    if (count < 2) // a factor of everything: it costs nothing and would shift all
        return SMELT_OK;
    uint16_t *halves = smelt_ir_allocate(ir, (size_t)count * 2 + 1);
    if (!halves)
        return smelt_ir_no_memory(ir);
    for (uint64_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, (const char *)v->data + i * 4, 4);
        halves[i] = smelt_f16_from_f32(value);
        if (isfinite(value) && (halves[i] & 0x7fff) == 0x7c00) {
            ++*overflowed;
            return SMELT_OK;
        }
    }
    v->data = halves;
    v->size = count * 2;
    v->stored = SMELT_ELEMENT_F16;
    return SMELT_OK;
}

enum smelt_result smelt_ir_set_storage(struct smelt_ir *ir, enum smelt_element storage, uint32_t *overflowed)
{
    uint32_t count = 0;
    unsigned char *exact = calloc((size_t)ir->value_count + 1, 1);
    enum smelt_result result = exact ? SMELT_OK : smelt_ir_no_memory(ir);
    if (!result)
        mark_exact(ir, exact);
    for (uint32_t i = 0; i < ir->value_count && !result && storage == SMELT_ELEMENT_F16; i++)
        if (smelt_ir_is_weight(ir->values[i]) && ir->values[i]->stored == SMELT_ELEMENT_F32 && !exact[i] &&
            !ir->values[i]->keep_f32)
            result = narrow(ir, ir->values[i], &count);
    free(exact);
    if (!result)
        ir->storage = storage;
    if (overflowed)
        *overflowed = count;
    return result;
}

void smelt_ir_weigh(const struct smelt_ir *ir, uint64_t *elements, uint64_t *size)
{
    *elements = *size = 0;
    for (uint32_t i = 0; i < ir->value_count; i++)
        if (smelt_ir_is_weight(ir->values[i])) {
            *elements += smelt_ir_element_count(ir->values[i]);
            *size += ir->values[i]->size;
        }
}
