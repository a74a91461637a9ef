// SPDX-License-Identifier: MIT
// Evaluation of nodes whose inputs are known when the network is packed or loaded: shape arithmetic with symbols, and
// constants. The evaluators of operators are in network_evaluate.c.
#include "network_operators.h"

#include <stdlib.h>
#include <string.h>

static bool is_number(enum smelt_element element)
{
    return smelt_element_is_float(element);
}

static bool allocate_cells(struct smelt_cells *cells)
{
    size_t count = (size_t)cells->count + 1;
    if (is_number(cells->element))
        cells->numbers = malloc(count * sizeof(*cells->numbers));
    else
        cells->integers = calloc(count, sizeof(*cells->integers));
    return cells->numbers || cells->integers;
}

static void free_cells(struct smelt_cells *cells, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(cells[i].integers);
        free(cells[i].numbers);
    }
    free(cells);
}

// Type and shape; false when the shape is not known or too large to be worth it.
// Charges for it too.
static bool describe(struct smelt_ir *ir, const struct smelt_ir_value *value, struct smelt_cells *cells)
{
    cells->element = value->element;
    cells->rank = value->rank;
    cells->count = smelt_ir_element_count(value);
    for (uint32_t i = 0; i < value->rank; i++)
        cells->shape[i] = (uint64_t)value->shape[i].constant;
    if (cells->count > SMELT_IR_MAX_FOLD || ir->work > SMELT_IR_MAX_WORK)
        return false;
    ir->work += cells->count;
    return true;
}

enum load { LOADED, UNKNOWN, NO_MEMORY };

static enum load load(struct smelt_ir *ir, const struct smelt_ir_value *value, struct smelt_cells *cells)
{
    if (!value)
        return LOADED;
    if ((!value->constant && !value->content) || !describe(ir, value, cells))
        return UNKNOWN;
    if (!allocate_cells(cells))
        return NO_MEMORY;
    for (uint64_t i = 0; i < cells->count; i++) {
        if (cells->numbers)
            cells->numbers[i] = smelt_element_number(value->stored, value->data, i);
        else if (value->content)
            cells->integers[i] = value->content[i];
        else
            cells->integers[i] = smelt_dim_constant(smelt_element_integer(value->stored, value->data, i));
    }
    return LOADED;
}

// An integer as the type wraps it.
static int64_t wrap(const struct smelt_element_info *info, int64_t value)
{
    uint64_t raw = (uint64_t)value;
    if (info->kind == SMELT_ELEMENT_IS_BOOL)
        return value != 0;
    if (info->bits == 64)
        return value;
    raw &= (UINT64_C(1) << info->bits) - 1;
    if (info->kind == SMELT_ELEMENT_IS_SIGNED && raw >> (info->bits - 1))
        raw |= UINT64_MAX << info->bits;
    return (int64_t)raw;
}

static void encode(enum smelt_element element, const struct smelt_cells *cells, uint64_t index,
                   unsigned char *data)
{
    const struct smelt_element_info *info = smelt_element_info(element);
    if (info->kind == SMELT_ELEMENT_IS_FLOAT) {
        double number = cells->numbers[index];
        float single = (float)number;
        if (element == SMELT_ELEMENT_F64)
            memcpy(data + index * 8, &number, 8);
        else // the types and pointers are good
            (void)smelt_dtype_convert(info->dtype, data + index * (info->bits / 8), SMELT_DTYPE_F32, &single,
                                      1);
        return;
    }
    int64_t value = wrap(info, cells->integers[index].constant);
    if (info->bits == 4)
        data[index / 2] |= (unsigned char)((value & 15) << (index % 2 * 4));
    else
        memcpy(data + index * (info->bits / 8), &value, info->bits / 8);
}

// The output becomes a constant, or symbolic contents.
static enum smelt_result store(struct smelt_ir *ir, struct smelt_ir_value *value,
                               const struct smelt_cells *cells)
{
    const struct smelt_element_info *info = smelt_element_info(cells->element);
    bool symbolic = false;
    for (uint64_t i = 0; i < cells->count && cells->integers; i++)
        symbolic |= cells->integers[i].expression != NULL;
    if (symbolic) {
        struct smelt_dim *content = smelt_ir_allocate(ir, (size_t)cells->count * sizeof(*content));
        if (!content)
            return smelt_ir_no_memory(ir);
        memcpy(content, cells->integers, (size_t)cells->count * sizeof(*content));
        value->content = content;
        return SMELT_OK;
    }
    value->size = (cells->count * info->bits + 7) / 8;
    unsigned char *data = smelt_ir_allocate(ir, (size_t)value->size + 1);
    if (!data)
        return smelt_ir_no_memory(ir);
    for (uint64_t i = 0; i < cells->count; i++)
        encode(cells->element, cells, i, data);
    value->data = data;
    value->stored = value->element;
    value->constant = true;
    return SMELT_OK;
}

enum smelt_result smelt_ir_fold(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    if (!node->op->evaluate)
        return SMELT_OK;
    // Room for the arguments that the operator has at most, absent ones with the element NONE.
    uint32_t count = SMELT_MAX(node->input_count, 5u);
    struct smelt_cells *inputs = calloc(count, sizeof(*inputs)),
                       *outputs = calloc(node->output_count, sizeof(*outputs));
    enum load state = inputs && outputs ? LOADED : NO_MEMORY;
    // The shape of an input is enough for Shape and Size.
    bool contents = node->op->evaluate != smelt_evaluate_shape && node->op->evaluate != smelt_evaluate_size;
    for (uint32_t i = 0; i < node->input_count && state == LOADED && contents; i++)
        state = load(ir, node->inputs[i], &inputs[i]);
    for (uint32_t i = 0; i < node->output_count && state == LOADED; i++) {
        if (!node->outputs[i])
            continue;
        if (!describe(ir, node->outputs[i], &outputs[i]))
            state = UNKNOWN;
        else if (!allocate_cells(&outputs[i]))
            state = NO_MEMORY;
    }
    if (state == LOADED && !node->op->evaluate(ir, node, inputs, outputs))
        state = UNKNOWN;
    // What cannot be expressed is not known, and no error: a kernel may compute it.
    if (ir->dims_failed) {
        ir->dims_failed = false;
        state = UNKNOWN;
    }
    enum smelt_result result = state == NO_MEMORY ? smelt_ir_no_memory(ir) : SMELT_OK;
    for (uint32_t i = 0; i < node->output_count && state == LOADED && !result; i++)
        if (node->outputs[i])
            result = store(ir, node->outputs[i], &outputs[i]);
    if (inputs)
        free_cells(inputs, count);
    if (outputs)
        free_cells(outputs, node->output_count);
    return result;
}
