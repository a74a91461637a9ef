// SPDX-License-Identifier: MIT
// Scaled integers: to and from floats, and products of them.
#include "network_lower.h"

#include "kernels_operator.h"
#include "network_lower_views.h"

#include <stdio.h>
#include <string.h>

// A scale or zero point: a vector along an axis of which `behind` follow, as a view that broadcasts; what is not a vector stays.
static smelt_tensor input_along(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                uint32_t index, uint32_t behind)
{
    smelt_tensor t = smelt_lower_input(lowering, node, index);
    bool vector = t && behind && smelt_tensor_info(t)->rank == 1;
    return vector ? smelt_lower_along(lowering, t, behind + 1, 0) : t;
}

// --- QuantizeLinear, DequantizeLinear -------------------------------------------------------------------------------

enum smelt_result smelt_lower_quantize(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    bool quantizes = !strcmp(node->op->name, "QuantizeLinear");
    uint32_t axis = 0;
    int64_t block = smelt_ir_integer(node, "block_size");
    bool vector = !block && node->inputs[1]->rank == 1 && !smelt_dim_is(node->inputs[1]->shape[0], 1);
    if ((block || vector) &&
        smelt_ir_axis(lowering->ir, node, smelt_ir_integer(node, "axis"), node->inputs[0]->rank, &axis))
        return smelt_lower_take(lowering, SMELT_ERROR_SHAPE);
    char options[48];
    snprintf(options, sizeof(options), "QUANTIZE=%d VECTOR=%d UNSATURATED=%d", quantizes, vector,
             quantizes && !smelt_ir_integer(node, "saturate"));
    const struct smelt_operator_call call = {
        .body = "operator_quantize.glsl",
        .options = options,
        .tensors = {smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT),
                    smelt_lower_input(lowering, node, 0), smelt_lower_input(lowering, node, 1),
                    smelt_lower_input(lowering, node, 2)},
        .sizes = {(int32_t)axis, block ? (int32_t)block : 1},
        .size_count = 2};
    return lowering->result ? lowering->result : smelt_encode_operator(lowering->encoder, &call);
}

// --- DynamicQuantizeLinear ------------------------------------------------------------------------------------------

// One extreme of all elements.
static smelt_tensor extreme(struct smelt_lowering *lowering, smelt_tensor x, enum smelt_reduce reduce)
{
    bool all[SMELT_IR_MAX_RANK];
    memset(all, true, sizeof(all));
    smelt_tensor y = smelt_lower_temporary(lowering, SMELT_DTYPE_F32, 0, (const uint64_t[]){1});
    if (x && y)
        smelt_lower_take(lowering, smelt_lower_reduction(lowering, reduce, x, all, y));
    return y;
}

enum smelt_result smelt_lower_dynamic_quantize(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    const uint64_t one = 1;
    smelt_tensor x = smelt_lower_input(lowering, node, 0),
                 y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT),
                 scale = smelt_lower_output(lowering, node, 1, SMELT_ORDER_ROWS),
                 zero = smelt_lower_output(lowering, node, 2, SMELT_ORDER_ROWS);
    if (!scale)
        scale = smelt_lower_temporary(lowering, SMELT_DTYPE_F32, 1, &one);
    if (!zero)
        zero = smelt_lower_temporary(lowering, SMELT_DTYPE_U8, 1, &one);
    const struct smelt_operator_call measure = {.body = "operator_dynamic_quantize.glsl",
                                                .tensors = {scale, zero,
                                                            extreme(lowering, x, SMELT_REDUCE_MIN),
                                                            extreme(lowering, x, SMELT_REDUCE_MAX)},
                                                .written = 1 << 1};
    const struct smelt_operator_call quantize = {.body = "operator_quantize.glsl",
                                                 .options = "QUANTIZE=1 VECTOR=0",
                                                 .tensors = {y, x, scale, zero},
                                                 .sizes = {0, 1},
                                                 .size_count = 2};
    if (!lowering->result)
        smelt_lower_take(lowering, smelt_encode_operator(lowering->encoder, &measure));
    return lowering->result ? lowering->result : smelt_encode_operator(lowering->encoder, &quantize);
}

// --- Products -------------------------------------------------------------------------------------------------------

// A matrix product's operands and result have rank 2 at least: a vector is a row on the left, a column on the right.
static smelt_tensor matrix(struct smelt_lowering *lowering, smelt_tensor t, bool left)
{
    if (!t || smelt_tensor_info(t)->rank != 1)
        return t;
    const struct smelt_tensor_info *info = smelt_tensor_info(t);
    uint64_t n = info->shape[0], step = info->strides[0], far = SMELT_MAX(n * step, 1);
    const uint64_t row[2] = {1, n}, row_strides[2] = {far, step}, column[2] = {n, 1},
                   column_strides[2] = {step, 1};
    return smelt_lower_view(lowering, t, 0, 2, left ? row : column, left ? row_strides : column_strides);
}

// The sum of products in i32: inputs `a` and `b` with their zero points.
static enum smelt_result encode_product(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                        smelt_tensor sum, uint32_t a, uint32_t b, uint32_t a_zero,
                                        uint32_t b_zero)
{
    bool a_is_row = node->inputs[a]->rank == 1, b_is_column = node->inputs[b]->rank == 1;
    if (sum && (a_is_row || b_is_column)) { // y without those axes
        uint64_t shape[SMELT_IR_MAX_RANK], strides[SMELT_IR_MAX_RANK];
        const struct smelt_tensor_info *info = smelt_tensor_info(sum);
        uint32_t rank = 0, missing = a_is_row + b_is_column;
        for (uint32_t d = 0; d + 2 < info->rank + missing; d++, rank++)
            shape[rank] = info->shape[d], strides[rank] = info->strides[d];
        uint64_t m = a_is_row ? 1 : info->shape[rank], m_step = a_is_row ? info->size : info->strides[rank];
        uint64_t n = b_is_column ? 1 : info->shape[info->rank - 1],
                 n_step = b_is_column ? 1 : info->strides[info->rank - 1];
        shape[rank] = m, strides[rank] = m_step;
        shape[rank + 1] = n, strides[rank + 1] = n_step;
        sum = smelt_lower_view(lowering, sum, 0, rank + 2, shape, strides);
    }
    const struct smelt_operator_call call = {
        .body = "operator_matmul_integer.glsl",
        .tensors = {sum, matrix(lowering, smelt_lower_input(lowering, node, a), true),
                    matrix(lowering, smelt_lower_input(lowering, node, b), false),
                    input_along(lowering, node, a_zero, 1), smelt_lower_input(lowering, node, b_zero)}};
    return lowering->result ? lowering->result
                            : smelt_lower_take(lowering, smelt_encode_operator(lowering->encoder, &call));
}

enum smelt_result smelt_lower_matmul_integer(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    return encode_product(lowering, node, smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS), 0, 1, 2,
                          3);
}

// An i32 tensor that lies as y.
static smelt_tensor sum_like(struct smelt_lowering *lowering, smelt_tensor y)
{
    return y ? smelt_lower_temporary(lowering, SMELT_DTYPE_I32, smelt_tensor_info(y)->rank,
                                     smelt_tensor_info(y)->shape)
             : NULL;
}

static enum smelt_result requantize(struct smelt_lowering *lowering, smelt_tensor y, smelt_tensor sum,
                                    smelt_tensor a_scale, smelt_tensor b_scale, smelt_tensor scale,
                                    smelt_tensor zero)
{
    const struct smelt_operator_call call = {.body = "operator_requantize.glsl",
                                             .tensors = {y, sum, a_scale, b_scale, scale, zero}};
    return lowering->result ? lowering->result : smelt_encode_operator(lowering->encoder, &call);
}

// a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point
enum smelt_result smelt_lower_qlinear_matmul(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    smelt_tensor y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS), sum = sum_like(lowering, y);
    encode_product(lowering, node, sum, 0, 3, 2, 5);
    return requantize(lowering, y, sum, input_along(lowering, node, 1, node->inputs[3]->rank > 1),
                      smelt_lower_input(lowering, node, 4), smelt_lower_input(lowering, node, 6),
                      smelt_lower_input(lowering, node, 7));
}

// --- Convolutions ---------------------------------------------------------------------------------------------------

static enum smelt_result encode_convolution(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                            smelt_tensor sum, uint32_t weight, uint32_t x_zero,
                                            uint32_t w_zero, uint32_t bias)
{
    const struct smelt_ir_value *x = node->inputs[0], *w = node->inputs[weight];
    struct smelt_ir_window window;
    enum smelt_result result =
        smelt_ir_window(lowering->ir, node, x->shape + 2, w->shape + 2, x->rank - 2, &window);
    if (result)
        return smelt_lower_take(lowering, result);
    struct smelt_operator_call call = {
        .body = "operator_convolution_integer.glsl",
        .tensors = {sum, smelt_lower_input(lowering, node, 0), smelt_lower_input(lowering, node, weight),
                    smelt_lower_input(lowering, node, x_zero), smelt_lower_input(lowering, node, w_zero),
                    bias ? smelt_lower_input(lowering, node, bias) : NULL},
        .sizes = {(int32_t)smelt_ir_integer(node, "group")},
        .size_count = 1 + 3 * window.rank};
    for (uint32_t d = 0; d < window.rank; d++) {
        call.sizes[1 + 3 * d] = (int32_t)window.stride[d];
        call.sizes[2 + 3 * d] = (int32_t)window.dilation[d];
        call.sizes[3 + 3 * d] = (int32_t)window.pad_begin[d].constant;
    }
    return lowering->result ? lowering->result
                            : smelt_lower_take(lowering, smelt_encode_operator(lowering->encoder, &call));
}

enum smelt_result smelt_lower_conv_integer(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    return encode_convolution(lowering, node,
                              smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT), 1, 2, 3, 0);
}

// x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, bias
enum smelt_result smelt_lower_qlinear_conv(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    smelt_tensor y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT),
                 sum = sum_like(lowering, y);
    encode_convolution(lowering, node, sum, 3, 2, 5, 8);
    return requantize(lowering, y, sum, smelt_lower_input(lowering, node, 1),
                      input_along(lowering, node, 4, node->inputs[0]->rank - 2),
                      smelt_lower_input(lowering, node, 6), smelt_lower_input(lowering, node, 7));
}
