// SPDX-License-Identifier: MIT
// Lowering of poolings (layer 3): windows by glsl/kernels/operator_pool.glsl, whole planes by a reduction.
#include "kernels_operator.h"
#include "network_lower_views.h"

#include <string.h>

#define SPACE 3  // axes of space that the body knows
#define FIELDS 6 // of each: see the body

enum smelt_result smelt_lower_pool(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    struct smelt_ir_window w;
    uint32_t space = x->rank - 2;
    bool mean = !strcmp(node->op->name, "AveragePool");
    enum smelt_result result = smelt_ir_window(lowering->ir, node, x->shape + 2, NULL, space, &w);
    if (result)
        return result;
    bool padded = mean && smelt_ir_integer(node, "count_include_pad");
    struct smelt_operator_call call = {
        .body = "operator_pool.glsl",
        .options = !mean    ? "MEAN=0 PADDING=0"
                   : padded ? "MEAN=1 PADDING=1"
                            : "MEAN=1 PADDING=0",
        .size_count = SPACE * FIELDS,
    };
    for (uint32_t a = 0; a < SPACE - space; a++)
        memcpy(call.sizes + FIELDS * a, (const int32_t[FIELDS]){1, 0, 1}, sizeof(int32_t[FIELDS]));
    bool columns = !mean && smelt_ir_integer(node, "storage_order");
    int64_t step = 1; // between indices
    for (uint32_t i = 0; i < space; i++) {
        uint32_t a = columns ? i : space - 1 - i;
        const int32_t fields[FIELDS] = {(int32_t)w.kernel[a].constant,  (int32_t)w.stride[a],
                                        (int32_t)w.dilation[a],         (int32_t)w.pad_begin[a].constant,
                                        (int32_t)w.pad_end[a].constant, (int32_t)step};
        memcpy(call.sizes + FIELDS * (a + SPACE - space), fields, sizeof(fields));
        step *= x->shape[2 + a].constant;
    }
    call.tensors[0] = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT);
    call.tensors[1] = smelt_lower_input(lowering, node, 0);
    call.tensors[2] = smelt_lower_output(lowering, node, 1, SMELT_ORDER_LARGEST_INPUT);
    call.written = call.tensors[2] ? 1u << 2 : 0;
    if (lowering->result)
        return lowering->result;
    if (call.tensors[0] && call.tensors[1] && !call.tensors[2])
        call.per = smelt_lower_channels_at_a_time(&call.tensors[1]->info, &call.tensors[0]->info);
    return smelt_encode_operator(lowering->encoder, &call);
}

enum smelt_result smelt_lower_global_pool(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    bool axes[SMELT_TENSOR_MAX_RANK] = {false};
    smelt_tensor x = smelt_lower_input(lowering, node, 0),
                 y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS);
    if (!x || !y)
        return lowering->result;
    for (uint32_t d = 2; d < x->info.rank; d++)
        axes[d] = true;
    return smelt_lower_reduction(
        lowering, !strcmp(node->op->name, "GlobalMaxPool") ? SMELT_REDUCE_MAX : SMELT_REDUCE_MEAN, x, axes,
        y);
}
