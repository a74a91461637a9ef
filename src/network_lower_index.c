// SPDX-License-Identifier: MIT
// Elements by indices, triangles and running sums: one dispatch each.
#include "network_lower.h"

#include "kernels_operator.h"

#include <stdio.h>

static enum smelt_result index_call(struct smelt_lowering *lowering, struct smelt_ir_node *node, int mode,
                                    int64_t size)
{
    static const char *const reductions[] = {"none", "add", "mul", "max", "min"};
    char options[32];
    int reduction = 0;
    while (mode > 1 && !smelt_ir_word_is(node, "reduction", reductions[reduction]))
        reduction++;
    snprintf(options, sizeof(options), "MODE=%d REDUCTION=%d", mode, reduction);
    const struct smelt_operator_call call = {
        .body = "operator_index.glsl",
        .options = options,
        .tensors = {smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS),
                    smelt_lower_input(lowering, node, 0), smelt_lower_input(lowering, node, 1),
                    smelt_lower_input(lowering, node, 2)},
        .sizes = {(int32_t)size},
        .size_count = 1};
    if (lowering->result)
        return lowering->result;
    for (uint32_t i = 1; i < 3; i++)
        if (!call.tensors[i])
            return smelt_lower_fail(lowering, node, SMELT_ERROR_UNSUPPORTED, "an input without elements");
    return smelt_encode_operator(lowering->encoder, &call);
}

static enum smelt_result along_axis(struct smelt_lowering *lowering, struct smelt_ir_node *node, int mode)
{
    uint32_t axis;
    enum smelt_result result =
        smelt_ir_axis(lowering->ir, node, smelt_ir_integer(node, "axis"), node->inputs[0]->rank, &axis);
    return result ? smelt_lower_take(lowering, result) : index_call(lowering, node, mode, axis);
}

enum smelt_result smelt_lower_gather_elements(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    return along_axis(lowering, node, 0);
}

enum smelt_result smelt_lower_gather_nd(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    return index_call(lowering, node, 1, smelt_ir_integer(node, "batch_dims"));
}

// Without updates the output is the input.
static bool has_updates(const struct smelt_ir_node *node)
{
    return smelt_ir_element_count(node->inputs[2]) > 0;
}

static enum smelt_result copy_input(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    smelt_tensor x = smelt_lower_input(lowering, node, 0),
                 y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS);
    return lowering->result ? lowering->result : smelt_encode_copy(lowering->encoder, y, x, NULL);
}

enum smelt_result smelt_lower_scatter_elements(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    return has_updates(node) ? along_axis(lowering, node, 2) : copy_input(lowering, node);
}

enum smelt_result smelt_lower_scatter_nd(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    return has_updates(node) ? index_call(lowering, node, 3, 0) : copy_input(lowering, node);
}

// `sizes`: three.
static enum smelt_result triangle_call(struct smelt_lowering *lowering, struct smelt_ir_node *node, int mode,
                                       const int32_t *sizes)
{
    const struct smelt_operator_call call = {
        .body = "operator_triangle.glsl",
        .options = mode ? "MODE=1" : "MODE=0",
        .tensors = {smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS),
                    smelt_lower_input(lowering, node, 0)},
        .sizes = {sizes[0], sizes[1], sizes[2]},
        .size_count = 3};
    return lowering->result ? lowering->result : smelt_encode_operator(lowering->encoder, &call);
}

enum smelt_result smelt_lower_trilu(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *k = smelt_lower_host_input(node, 1);
    int64_t diagonal = k && k->size ? smelt_element_integer(k->stored, k->data, 0) : 0;
    const int32_t sizes[3] = {(int32_t)SMELT_MAX(-INT32_MAX, SMELT_MIN(diagonal, INT32_MAX)),
                              !smelt_ir_integer(node, "upper")};
    return triangle_call(lowering, node, 0, sizes);
}

enum smelt_result smelt_lower_cumsum(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *given = smelt_lower_host_input(node, 1);
    uint32_t axis;
    enum smelt_result result =
        smelt_ir_axis(lowering->ir, node, smelt_element_integer(given->stored, given->data, 0),
                      node->inputs[0]->rank, &axis);
    const int32_t sizes[3] = {(int32_t)axis, (int32_t)smelt_ir_integer(node, "exclusive"),
                              (int32_t)smelt_ir_integer(node, "reverse")};
    return result ? smelt_lower_take(lowering, result) : triangle_call(lowering, node, 1, sizes);
}
