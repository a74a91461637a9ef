// SPDX-License-Identifier: MIT
// Inference of types and shapes: the driver, and what the rules of all operators share.
#include "network_operators.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void smelt_ir_set_output(struct smelt_ir_node *node, uint32_t index, enum smelt_element element,
                         uint32_t rank, const struct smelt_dim *shape)
{
    struct smelt_ir_value *v = smelt_ir_output(node, index);
    if (!v)
        return;
    v->element = element;
    v->ranked = true;
    v->rank = rank;
    if (rank)
        memmove(v->shape, shape, rank * sizeof(*shape));
}

void smelt_ir_output_like(struct smelt_ir_node *node, uint32_t index, const struct smelt_ir_value *like)
{
    smelt_ir_set_output(node, index, like->element, like->rank, like->shape);
}

enum smelt_result smelt_ir_want_rank(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                     uint32_t input, uint32_t least, uint32_t most)
{
    const struct smelt_ir_value *v = smelt_ir_input(node, input);
    if (!v || (v->rank >= least && v->rank <= most))
        return SMELT_OK;
    return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                              "input %u \"%.60s\": wanted a rank of %u to %u, got %u", input, v->name, least,
                              most, v->rank);
}

static enum smelt_result bad_element(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                     uint32_t input, const char *wanted)
{
    const struct smelt_ir_value *v = smelt_ir_input(node, input);
    return smelt_ir_node_fail(ir, node, SMELT_ERROR_DTYPE,
                              "input %u \"%.60s\": wanted elements of %s, got %s", input, v->name, wanted,
                              smelt_element_info(v->element)->name);
}

enum smelt_result smelt_ir_want_float(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                      uint32_t input)
{
    const struct smelt_ir_value *v = smelt_ir_input(node, input);
    return !v || smelt_element_is_float(v->element) ? SMELT_OK : bad_element(ir, node, input, "a float type");
}

enum smelt_result smelt_ir_want_element(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                        uint32_t input, enum smelt_element element)
{
    const struct smelt_ir_value *v = smelt_ir_input(node, input);
    return !v || v->element == element ? SMELT_OK
                                       : bad_element(ir, node, input, smelt_element_info(element)->name);
}

enum smelt_result smelt_ir_want_8_bits(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                       uint32_t input)
{
    const struct smelt_ir_value *v = smelt_ir_input(node, input);
    return !v || v->element == SMELT_ELEMENT_I8 || v->element == SMELT_ELEMENT_U8
               ? SMELT_OK
               : bad_element(ir, node, input, "i8 or u8");
}

enum smelt_result smelt_ir_want_same(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                     uint32_t first)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = first; i < node->input_count && !result; i++)
        result = smelt_ir_want_element(ir, node, i, node->inputs[0]->element);
    return result;
}

enum smelt_result smelt_ir_want_extent(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                       uint32_t input, uint32_t axis, struct smelt_dim wanted)
{
    const struct smelt_ir_value *v = smelt_ir_input(node, input);
    if (!v || v->shape[axis].expression || wanted.expression || v->shape[axis].constant == wanted.constant)
        return SMELT_OK;
    return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                              "input %u \"%.60s\": wanted extent %lld on axis %u, got %lld", input, v->name,
                              (long long)wanted.constant, axis, (long long)v->shape[axis].constant);
}

enum smelt_result smelt_ir_want_vector(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                       uint32_t input, struct smelt_dim extent)
{
    enum smelt_result result = smelt_ir_want_rank(ir, node, input, 1, 1);
    return result ? result : smelt_ir_want_extent(ir, node, input, 0, extent);
}

enum smelt_result smelt_ir_axis(const struct smelt_ir *ir, const struct smelt_ir_node *node, int64_t axis,
                                uint32_t rank, uint32_t *out)
{
    if (axis < -(int64_t)rank || axis >= (int64_t)rank)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted an axis in [-%u, %u), got %lld", rank,
                                  rank, (long long)axis);
    *out = (uint32_t)(axis < 0 ? axis + (int64_t)rank : axis);
    return SMELT_OK;
}

// One extent of two that broadcast. Two different expressions are equal, or one of them is 1: the larger one.
static bool broadcast_extent(struct smelt_ir *ir, struct smelt_dim *a, struct smelt_dim b)
{
    if (smelt_dim_equal(*a, b) || smelt_dim_is(b, 1))
        return true;
    if (smelt_dim_is(*a, 1) || (a->expression && !b.expression))
        *a = b;
    else if (a->expression && b.expression)
        *a = smelt_dim_max(ir, *a, b);
    else
        return b.expression != NULL;
    return true;
}

enum smelt_result smelt_ir_broadcast(struct smelt_ir *ir, const struct smelt_ir_node *node, uint32_t *rank,
                                     struct smelt_dim *shape, uint32_t other_rank,
                                     const struct smelt_dim *other)
{
    if (other_rank > *rank) {
        uint32_t more = other_rank - *rank;
        memmove(shape + more, shape, *rank * sizeof(*shape));
        for (uint32_t i = 0; i < more; i++)
            shape[i] = smelt_dim_constant(1);
        *rank = other_rank;
    }
    uint32_t lead = *rank - other_rank;
    for (uint32_t i = 0; i < other_rank; i++)
        if (!broadcast_extent(ir, &shape[lead + i], other[i]))
            return smelt_ir_node_fail(
                ir, node, SMELT_ERROR_SHAPE, "shapes do not broadcast: extents %lld and %lld on axis %u",
                (long long)shape[lead + i].constant, (long long)other[i].constant, lead + i);
    return SMELT_OK;
}

struct smelt_dim smelt_ir_product(struct smelt_ir *ir, const struct smelt_dim *shape, uint32_t begin,
                                  uint32_t end)
{
    struct smelt_dim product = smelt_dim_constant(1);
    for (uint32_t i = begin; i < end; i++)
        product = smelt_dim_mul(ir, product, shape[i]);
    return product;
}

// --- Contents of host inputs ------------------------------------------------------------------------------------

static enum smelt_result host_input(struct smelt_ir *ir, const struct smelt_ir_node *node, uint32_t input,
                                    bool known, uint32_t *count)
{
    const struct smelt_ir_value *v = smelt_ir_input(node, input);
    uint64_t elements = smelt_ir_element_count(v);
    if (v->rank > 1 || elements > 1u << 16)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "input %u \"%.60s\": wanted a small vector",
                                  input, v->name);
    if (!known)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_UNSUPPORTED,
                                  "input %u \"%.60s\": its contents decide a shape and must not depend on "
                                  "what the network is given",
                                  input, v->name);
    if ((ir->host_work += elements) > SMELT_IR_MAX_WORK)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_UNSUPPORTED,
                                  "the shapes of this network take too much to compute");
    *count = (uint32_t)elements;
    return SMELT_OK;
}

enum smelt_result smelt_ir_host_dims(struct smelt_ir *ir, const struct smelt_ir_node *node, uint32_t input,
                                     const struct smelt_dim **dims, uint32_t *count)
{
    struct smelt_ir_value *v = smelt_ir_input(node, input);
    *dims = NULL;
    *count = 0;
    if (!v)
        return SMELT_OK;
    if (!smelt_element_is_integer(v->element))
        return bad_element(ir, node, input, "an integer type");
    enum smelt_result result = host_input(ir, node, input, v->constant || v->content, count);
    if (result || v->content) {
        *dims = v->content;
        return result;
    }
    struct smelt_dim *content = smelt_ir_allocate(ir, (*count + 1) * sizeof(*content));
    if (!content)
        return smelt_ir_no_memory(ir);
    for (uint32_t i = 0; i < *count; i++)
        content[i] = smelt_dim_constant(smelt_element_integer(v->stored, v->data, i));
    v->content = *dims = content;
    return SMELT_OK;
}

enum smelt_result smelt_ir_host_integers(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                         uint32_t input, const int64_t **integers, uint32_t *count)
{
    const struct smelt_dim *dims;
    enum smelt_result result = smelt_ir_host_dims(ir, node, input, &dims, count);
    *integers = NULL;
    if (result || !dims)
        return result;
    int64_t *numbers = smelt_ir_allocate(ir, (*count + 1) * sizeof(*numbers));
    if (!numbers)
        return smelt_ir_no_memory(ir);
    for (uint32_t i = 0; i < *count; i++) {
        if (dims[i].expression)
            return smelt_ir_node_fail(
                ir, node, SMELT_ERROR_UNSUPPORTED,
                "input %u \"%.60s\": wanted plain numbers, got one that depends on free extents", input,
                smelt_ir_input(node, input)->name);
        numbers[i] = dims[i].constant;
    }
    *integers = numbers;
    return SMELT_OK;
}

enum smelt_result smelt_ir_host_numbers(struct smelt_ir *ir, const struct smelt_ir_node *node, uint32_t input,
                                        const double **numbers, uint32_t *count)
{
    const struct smelt_ir_value *v = smelt_ir_input(node, input);
    *numbers = NULL;
    *count = 0;
    if (!v)
        return SMELT_OK;
    enum smelt_result result = smelt_ir_want_float(ir, node, input);
    if (result || (result = host_input(ir, node, input, v->constant, count)))
        return result;
    double *copy = smelt_ir_allocate(ir, (*count + 1) * sizeof(*copy));
    if (!copy)
        return smelt_ir_no_memory(ir);
    for (uint32_t i = 0; i < *count; i++)
        copy[i] = smelt_element_number(v->stored, v->data, i);
    *numbers = copy;
    return SMELT_OK;
}

// --- The driver -----------------------------------------------------------------------------------------------

// Whatever a rule made, extents of values are not negative and an element type is set.
static enum smelt_result check_outputs(struct smelt_ir *ir, const struct smelt_ir_node *node)
{
    if (ir->dims_failed) {
        ir->dims_failed = false;
        return smelt_ir_node_fail(
            ir, node, SMELT_ERROR_SHAPE,
            "an extent overflows, divides by zero or depends on the free ones in too complex "
            "a way");
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        const struct smelt_ir_value *v = node->outputs[i];
        for (uint32_t d = 0; v && d < v->rank; d++)
            if (!v->shape[d].expression && v->shape[d].constant < 0)
                return smelt_ir_node_fail(
                    ir, node, SMELT_ERROR_SHAPE,
                    "extent %lld on axis %u of its output \"%.60s\": the input is too small",
                    (long long)v->shape[d].constant, d, v->name);
        if (v && v->declared && v->declared != v->element)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_DTYPE,
                                      "the model says that \"%.60s\" has elements of %s, but they are %s",
                                      v->name, smelt_element_info(v->declared)->name,
                                      smelt_element_info(v->element)->name);
        if (v && (v->element == SMELT_ELEMENT_NONE || !v->ranked))
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_UNSUPPORTED, "output %u \"%.60s\" cannot be used",
                                      i, v->name);
    }
    return SMELT_OK;
}

static enum smelt_result check_inputs(struct smelt_ir *ir)
{
    for (uint32_t i = 0; i < ir->input_count; i++) {
        const struct smelt_ir_value *v = ir->inputs[i];
        if (v->element == SMELT_ELEMENT_NONE)
            return smelt_fail(NULL, SMELT_ERROR_DTYPE, "%s: input \"%.80s\" has no element type", ir->file,
                              v->name);
        if (!v->ranked)
            return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                              "%s: input \"%.80s\" has no shape: give it one (--input-shape)", ir->file,
                              v->name);
    }
    return SMELT_OK;
}

static void forget(struct smelt_ir *ir)
{
    for (uint32_t i = 0; i < ir->value_count; i++) {
        struct smelt_ir_value *v = ir->values[i];
        if (!v->producer)
            continue;
        v->element = v->stored = SMELT_ELEMENT_NONE;
        v->ranked = v->constant = false;
        v->content = NULL;
        v->data = NULL;
    }
}

enum smelt_result smelt_ir_infer(struct smelt_ir *ir)
{
    enum smelt_result result = check_inputs(ir);
    forget(ir);
    ir->work = ir->host_work = 0;
    for (uint32_t i = 0; i < ir->node_count && !result; i++) {
        struct smelt_ir_node *node = ir->nodes[i];
        if (!(result = smelt_ir_check_attributes(ir, node)) && !(result = node->op->rule(ir, node)) &&
            !(result = check_outputs(ir, node)))
            result = smelt_ir_fold(ir, node);
    }
    ir->inferred = !result;
    return result;
}

static enum smelt_result no_input(const struct smelt_ir *ir, const char *name)
{
    struct smelt_text names = {0};
    for (uint32_t i = 0; i < ir->input_count; i++)
        smelt_text_add(&names, "%s%.80s", i ? ", " : "", ir->inputs[i]->name);
    enum smelt_result result =
        smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "%s: no input \"%.80s\"; there are: %.400s", ir->file, name,
                   names.data ? names.data : "none");
    smelt_text_free(&names);
    return result;
}

enum smelt_result smelt_ir_set_input_shape(struct smelt_ir *ir, const char *name, uint32_t rank,
                                           const char *const *extents)
{
    struct smelt_ir_value *v = smelt_ir_find(ir, name);
    if (!v || !v->is_input)
        return no_input(ir, name);
    if (rank > SMELT_IR_MAX_RANK || (v->ranked && rank != v->rank))
        return smelt_fail(NULL, SMELT_ERROR_SHAPE, "%s: input \"%.80s\" has rank %u, got a shape of rank %u",
                          ir->file, name, v->ranked ? v->rank : SMELT_IR_MAX_RANK, rank);
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    for (uint32_t i = 0; i < rank; i++) {
        char *end;
        long long extent = strtoll(extents[i], &end, 10);
        bool number = end != extents[i] && !*end;
        bool word = (extents[i][0] >= 'a' && extents[i][0] <= 'z') ||
                    (extents[i][0] >= 'A' && extents[i][0] <= 'Z') || extents[i][0] == '_';
        if (number ? extent < 1 || extent > INT32_MAX : !word || strlen(extents[i]) > 63)
            return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                              "%s: input \"%.80s\": extent %u: wanted 1 to %d or a name, got \"%.40s\"",
                              ir->file, name, i, INT32_MAX, extents[i]);
        shape[i] = number ? smelt_dim_constant(extent) : smelt_dim_symbol(ir, extents[i]);
    }
    if (ir->dims_failed)
        return smelt_ir_no_memory(ir);
    memcpy(v->shape, shape, rank * sizeof(*shape));
    v->rank = rank;
    v->ranked = true;
    ir->inferred = false;
    return SMELT_OK;
}

enum smelt_result smelt_ir_bind_input(struct smelt_ir *ir, const char *name, enum smelt_element element,
                                      uint32_t rank, const uint64_t *shape, const void *data, uint64_t size)
{
    struct smelt_ir_value *v = smelt_ir_find(ir, name);
    uint32_t index = 0;
    while (index < ir->input_count && ir->inputs[index] != v)
        index++;
    if (!v || index == ir->input_count)
        return no_input(ir, name);
    if (element != v->element)
        return smelt_fail(NULL, SMELT_ERROR_DTYPE, "%s: input \"%.80s\": wanted elements of %s, got %s",
                          ir->file, name, smelt_element_info(v->element)->name,
                          smelt_element_info(element)->name);
    if (v->ranked && rank != v->rank)
        return smelt_fail(NULL, SMELT_ERROR_SHAPE, "%s: input \"%.80s\": wanted rank %u, got %u", ir->file,
                          name, v->rank, rank);
    void *copy = smelt_ir_allocate(ir, size ? (size_t)size : 1);
    if (!copy)
        return smelt_ir_no_memory(ir);
    if (size)
        memcpy(copy, data, (size_t)size);
    v->is_input = false;
    enum smelt_result result = smelt_ir_set_constant(ir, v, element, rank, shape, copy, size);
    if (result) {
        v->is_input = true;
        return result;
    }
    memmove(&ir->inputs[index], &ir->inputs[index + 1], (ir->input_count - index - 1) * sizeof(*ir->inputs));
    ir->input_count--;
    ir->inferred = false;
    return SMELT_OK;
}

bool smelt_ir_wants_contents(const struct smelt_ir *ir, const struct smelt_ir_value *input)
{
    for (uint32_t i = 0; i < ir->node_count; i++)
        for (uint32_t k = 0; k < ir->nodes[i]->input_count && k < 32; k++)
            if (ir->nodes[i]->inputs[k] == input && ir->nodes[i]->op->host_inputs >> k & 1)
                return true;
    return false;
}
