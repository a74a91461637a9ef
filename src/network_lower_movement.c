// SPDX-License-Identifier: MIT
// Operators that move elements: views where strides can say it, else a copy or a kernel.
#include "network_lower.h"

#include "kernels_operator.h"

#include <stdio.h>
#include <string.h>

static bool is_4_bits(smelt_tensor tensor)
{
    return smelt_dtype_bits(smelt_tensor_info(tensor)->dtype) == 4;
}

// --- Reshape and its kin ------------------------------------------------------------------------------------------

// Strides that give the elements of `x` another shape, where they lie; false: they have to be copied.
static bool restride(const struct smelt_tensor_info *x, uint32_t rank, const uint64_t *shape,
                     uint64_t *strides)
{
    uint64_t extents[SMELT_TENSOR_MAX_RANK], steps[SMELT_TENSOR_MAX_RANK];
    uint32_t count = 0, from = 0;
    for (uint32_t d = 0; d < x->rank;
         d++) { // axes of one element do not count; neighbours that step evenly are one
        if (x->shape[d] == 1)
            continue;
        bool even = count && steps[count - 1] == x->strides[d] * x->shape[d];
        uint64_t outer = even ? extents[count - 1] : 1;
        count += !even;
        extents[count - 1] = outer * x->shape[d];
        steps[count - 1] = x->strides[d];
    }
    uint64_t rest = 1; // of the axis `from - 1` that is cut into pieces
    for (uint32_t d = 0; d < rank; d++) {
        if (shape[d] == 1) {
            strides[d] = 1;
            continue;
        }
        if (rest == 1 && from < count)
            rest = extents[from++];
        if (rest % shape[d])
            return false;
        rest /= shape[d];
        strides[d] = rest * steps[from - 1];
    }
    return true;
}

enum smelt_result smelt_lower_reshape(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *value = node->outputs[0];
    uint64_t shape[SMELT_IR_MAX_RANK], strides[SMELT_IR_MAX_RANK];
    smelt_tensor x = smelt_lower_input(lowering, node, 0);
    smelt_lower_shape(value, shape);
    if (x && !restride(smelt_tensor_info(x), value->rank, shape, strides)) {
        x = smelt_lower_packed_input(lowering, node, 0);
        smelt_lower_strides(smelt_tensor_info(x)->dtype, value->rank, shape, SMELT_ORDER_ROWS, strides);
    }
    return smelt_lower_output_view(lowering, node, 0, x, 0, strides);
}

enum smelt_result smelt_lower_transpose(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    uint32_t permutation[SMELT_IR_MAX_RANK];
    uint64_t strides[SMELT_IR_MAX_RANK];
    smelt_tensor x = smelt_lower_input(lowering, node, 0);
    enum smelt_result result = smelt_ir_permutation(lowering->ir, node, permutation);
    if (result || lowering->result)
        return smelt_lower_take(lowering, result);
    for (uint32_t d = 0; d < node->inputs[0]->rank; d++)
        strides[d] = smelt_tensor_info(x)->strides[permutation[d]];
    return smelt_lower_output_view(lowering, node, 0, x, 0, strides);
}

// --- Slices --------------------------------------------------------------------------------------------------------

// What operator_move.glsl is given for an axis.
struct way {
    int64_t begin, step;
};

// y = x at other places; x has y's rank.
static enum smelt_result encode_move(struct smelt_lowering *lowering, smelt_tensor y, smelt_tensor x,
                                     smelt_tensor value, int mode, const struct way *ways)
{
    char options[16];
    struct smelt_operator_call call = {
        .body = "operator_move.glsl", .options = options, .tensors = {y, x, value}};
    snprintf(options, sizeof(options), "MODE=%d", mode);
    // A scalar shows as an axis of one element.
    uint32_t rank = smelt_tensor_info(y)->rank;
    call.size_count = 2 * SMELT_MAX(rank, 1);
    for (uint32_t d = 0; d < rank; d++) {
        call.sizes[2 * d] = (int32_t)ways[d].begin;
        call.sizes[2 * d + 1] = (int32_t)ways[d].step;
    }
    return smelt_encode_operator(lowering->encoder, &call);
}

enum smelt_result smelt_lower_slice(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    struct smelt_ir_slice slices[SMELT_IR_MAX_RANK];
    uint64_t strides[SMELT_IR_MAX_RANK], offset = 0;
    struct way ways[SMELT_IR_MAX_RANK];
    smelt_tensor x = smelt_lower_input(lowering, node, 0);
    enum smelt_result result = smelt_ir_slices(lowering->ir, node, slices);
    if (result || lowering->result)
        return smelt_lower_take(lowering, result);
    bool view = !is_4_bits(x);
    for (uint32_t d = 0; d < node->inputs[0]->rank; d++) {
        ways[d] = (struct way){slices[d].begin.constant, slices[d].step};
        bool one = slices[d].count.constant == 1; // a step says nothing then
        view = view && (slices[d].step > 0 || one);
        offset += (uint64_t)ways[d].begin * smelt_tensor_info(x)->strides[d];
        strides[d] = smelt_tensor_info(x)->strides[d] * (one ? 1 : (uint64_t)slices[d].step);
    }
    if (view)
        return smelt_lower_output_view(lowering, node, 0, x, offset, strides);
    smelt_tensor y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT);
    return lowering->result ? lowering->result : encode_move(lowering, y, x, NULL, 2, ways);
}

enum smelt_result smelt_lower_split(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    uint32_t axis;
    struct way ways[SMELT_IR_MAX_RANK];
    smelt_tensor x = smelt_lower_input(lowering, node, 0);
    enum smelt_result result =
        smelt_ir_axis(lowering->ir, node, smelt_ir_integer(node, "axis"), node->inputs[0]->rank, &axis);
    if (result || lowering->result)
        return smelt_lower_take(lowering, result);
    const struct smelt_tensor_info *info = smelt_tensor_info(x);
    int64_t begin = 0;
    for (uint32_t d = 0; d < info->rank; d++)
        ways[d] = (struct way){0, 1};
    for (uint32_t i = 0; i < node->output_count && !lowering->result; i++) {
        const struct smelt_ir_value *value = smelt_ir_output(node, i);
        if (!value || !smelt_ir_element_count(value))
            continue;
        ways[axis].begin = begin;
        if (!is_4_bits(x)) {
            smelt_lower_output_view(lowering, node, i, x, (uint64_t)begin * info->strides[axis],
                                    info->strides);
        } else {
            smelt_tensor y = smelt_lower_output(lowering, node, i, SMELT_ORDER_ROWS);
            if (y)
                smelt_lower_take(lowering, encode_move(lowering, y, x, NULL, 2, ways));
        }
        begin += value->shape[axis].constant;
    }
    return lowering->result;
}

// --- Copies --------------------------------------------------------------------------------------------------------

static bool is_in_place(smelt_tensor x, smelt_tensor part)
{
    const struct smelt_tensor_info *a = smelt_tensor_info(x), *b = smelt_tensor_info(part);
    return a->address == b->address && !memcmp(a->strides, b->strides, a->rank * sizeof(*a->strides));
}

// Each input is copied to its place in y, unless it was made there (network_join.c).
enum smelt_result smelt_lower_concat(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    uint32_t axis;
    uint64_t begin = 0;
    smelt_tensor y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT);
    enum smelt_result result =
        smelt_ir_axis(lowering->ir, node, smelt_ir_integer(node, "axis"), node->inputs[0]->rank, &axis);
    if (result || lowering->result)
        return smelt_lower_take(lowering, result);
    const struct smelt_tensor_info *info = smelt_tensor_info(y);
    for (uint32_t i = 0; i < node->input_count && !lowering->result; i++) {
        smelt_tensor x = smelt_lower_input(lowering, node, i);
        if (!x)
            continue; // of no element
        smelt_tensor part = smelt_lower_view(lowering, y, begin * info->strides[axis], info->rank,
                                             smelt_tensor_info(x)->shape, info->strides);
        if (part && !is_in_place(x, part))
            smelt_lower_take(lowering, smelt_encode_copy(lowering->encoder, part, x, NULL));
        begin += smelt_tensor_info(x)->shape[axis];
    }
    return lowering->result;
}

// Input 0 with axes of one element in front, up to this rank.
static smelt_tensor widen(struct smelt_lowering *lowering, smelt_tensor x, uint32_t rank)
{
    uint64_t shape[SMELT_IR_MAX_RANK], strides[SMELT_IR_MAX_RANK];
    if (!x || smelt_tensor_info(x)->rank == rank)
        return x;
    const struct smelt_tensor_info *info = smelt_tensor_info(x);
    uint32_t more = rank - info->rank;
    for (uint32_t d = 0; d < rank; d++) {
        shape[d] = d < more ? 1 : info->shape[d - more];
        strides[d] = d < more ? info->size * 2 : info->strides[d - more];
    }
    return smelt_lower_view(lowering, x, 0, rank, shape, strides);
}

enum smelt_result smelt_lower_expand(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    struct way ways[SMELT_IR_MAX_RANK];
    smelt_tensor y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT),
                 x = widen(lowering, smelt_lower_input(lowering, node, 0), node->outputs[0]->rank);
    for (uint32_t d = 0; d < node->outputs[0]->rank; d++)
        ways[d] = (struct way){0, 1};
    return lowering->result ? lowering->result : encode_move(lowering, y, x, NULL, 2, ways);
}

enum smelt_result smelt_lower_tile(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    struct way ways[SMELT_IR_MAX_RANK];
    smelt_tensor y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT),
                 x = smelt_lower_input(lowering, node, 0);
    for (uint32_t d = 0; d < node->outputs[0]->rank; d++)
        ways[d] = (struct way){0, 1};
    return lowering->result ? lowering->result : encode_move(lowering, y, x, NULL, 3, ways);
}

// What negative pads leave of `x`. The mode wrap repeats that; others find the same elements in all of x.
static smelt_tensor crop(struct smelt_lowering *lowering, const struct smelt_ir_node *node, smelt_tensor x,
                         struct way *ways, const int64_t *ends)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(x);
    uint64_t shape[SMELT_IR_MAX_RANK], offset = 0;
    bool whole = true;
    for (uint32_t d = 0; d < info->rank; d++) {
        int64_t begin = SMELT_MAX(ways[d].begin, 0);
        int64_t count = (int64_t)info->shape[d] - begin + SMELT_MIN(ends[d], 0);
        if (count < 1) {
            smelt_lower_fail(lowering, node, SMELT_ERROR_SHAPE, "its pads leave nothing of axis %u to repeat",
                             d);
            return NULL;
        }
        shape[d] = (uint64_t)count;
        offset += (uint64_t)begin * info->strides[d];
        ways[d].begin -= begin;
        whole = whole && shape[d] == info->shape[d];
    }
    if (whole)
        return x;
    if (is_4_bits(x)) {
        smelt_lower_fail(lowering, node, SMELT_ERROR_UNSUPPORTED,
                         "wrap with negative pads, of 4-bit elements");
        return NULL;
    }
    return smelt_lower_view(lowering, x, offset, info->rank, shape, info->strides);
}

enum smelt_result smelt_lower_pad(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    struct way ways[SMELT_IR_MAX_RANK];
    int64_t ends[SMELT_IR_MAX_RANK] = {0};
    const int64_t *pads, *axes;
    uint32_t rank = node->inputs[0]->rank, count, axis_count;
    enum smelt_result result = smelt_ir_host_integers(lowering->ir, node, 1, &pads, &count);
    if (!result)
        result = smelt_ir_host_integers(lowering->ir, node, 3, &axes, &axis_count);
    smelt_tensor y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT),
                 x = smelt_lower_input(lowering, node, 0), value = smelt_lower_input(lowering, node, 2);
    if (result || lowering->result)
        return smelt_lower_take(lowering, result);
    for (uint32_t d = 0; d < rank; d++)
        ways[d] = (struct way){0, 1};
    for (uint32_t i = 0; i < count / 2; i++) {
        uint32_t axis = i;
        if (axes && (result = smelt_ir_axis(lowering->ir, node, axes[i], rank, &axis)))
            return smelt_lower_take(lowering, result);
        ways[axis].begin = -pads[i];
        ends[axis] = pads[count / 2 + i];
    }
    int mode = smelt_ir_word_is(node, "mode", "reflect") ? 1
               : smelt_ir_word_is(node, "mode", "edge")  ? 2
               : smelt_ir_word_is(node, "mode", "wrap")  ? 3
                                                         : 0;
    if (!x) // all of it is padding
        return smelt_lower_fail(lowering, node, SMELT_ERROR_UNSUPPORTED, "an input without elements");
    if (mode == 3 && !(x = crop(lowering, node, x, ways, ends)))
        return lowering->result;
    return encode_move(lowering, y, x, mode ? NULL : value, mode, ways);
}

// --- Gather --------------------------------------------------------------------------------------------------------

// A constant index makes a view.
static bool constant_index(const struct smelt_ir_node *node, uint32_t axis, int64_t *index)
{
    if (node->inputs[1]->rank || !node->inputs[1]->constant)
        return false;
    const struct smelt_ir_value *value = smelt_lower_host_input(node, 1);
    int64_t n = node->inputs[0]->shape[axis].constant;
    *index = smelt_element_integer(value->stored, value->data, 0);
    *index += *index < 0 ? n : 0;
    return *index >= 0 && *index < n;
}

enum smelt_result smelt_lower_gather(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    uint32_t axis;
    int64_t index;
    uint64_t strides[SMELT_IR_MAX_RANK];
    char options[24];
    smelt_tensor x = smelt_lower_input(lowering, node, 0);
    enum smelt_result result =
        smelt_ir_axis(lowering->ir, node, smelt_ir_integer(node, "axis"), node->inputs[0]->rank, &axis);
    if (result || lowering->result)
        return smelt_lower_take(lowering, result);
    if (!x)
        return smelt_lower_fail(lowering, node, SMELT_ERROR_UNSUPPORTED, "an input without elements");
    if (!is_4_bits(x) && constant_index(node, axis, &index)) {
        const struct smelt_tensor_info *info = smelt_tensor_info(x);
        for (uint32_t d = 0; d + 1 < info->rank; d++)
            strides[d] = info->strides[d < axis ? d : d + 1];
        return smelt_lower_output_view(lowering, node, 0, x, (uint64_t)index * info->strides[axis], strides);
    }
    smelt_tensor indices = smelt_lower_input(lowering, node, 1),
                 y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS);
    snprintf(options, sizeof(options), "INDEX_RANK=%u", node->inputs[1]->rank);
    const struct smelt_operator_call call = {.body = "operator_gather.glsl",
                                             .options = options,
                                             .tensors = {y, x, indices},
                                             .sizes = {(int32_t)axis},
                                             .size_count = 1};
    return lowering->result ? lowering->result : smelt_encode_operator(lowering->encoder, &call);
}
