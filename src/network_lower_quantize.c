// SPDX-License-Identifier: MIT
// Scaled integers: to and from floats, and products of them.
#include "network_lower.h"

#include "kernels_operator.h"
#include "network_lower_views.h"

#include <stdio.h>
#include <string.h>

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

// An integer product or convolution of inputs, by their indices; and what becomes of its sums.
struct product {
    struct smelt_lowering *lowering;
    const struct smelt_ir_node *node;
    smelt_tensor a, b, a_zero, b_zero, bias, y;
    uint32_t b_index;
    bool scaled; // y = a_scale b_scale / scale (sum + bias) + zero; else the sum
    smelt_tensor a_scale, b_scale, scale, zero;
};

// The smaller products are left to bodies that are compiled in no time.
#define CALL_TERMS (1u << 15)

static bool is_one(smelt_tensor t)
{
    return !t || smelt_tensor_element_count(t) == 1;
}

// Whether it is one number, or a vector without gaps.
static bool is_dense(smelt_tensor t)
{
    return is_one(t) || (smelt_tensor_info(t)->rank == 1 && smelt_tensor_info(t)->strides[0] == 1);
}

static smelt_tensor vector_of(const struct product *p, smelt_tensor t)
{
    const uint64_t one = 1, count = t ? smelt_tensor_element_count(t) : 0;
    return t && smelt_tensor_info(t)->rank != 1 ? smelt_lower_view(p->lowering, t, 0, 1, &count, &one) : t;
}

// Whether the library's calls take what there is besides the operands.
static bool fits_call(const struct product *p, uint64_t terms)
{
    return terms >= CALL_TERMS && is_one(p->a_zero) && is_dense(p->b_zero) && is_one(p->a_scale) &&
           is_dense(p->b_scale) && is_one(p->scale) && is_one(p->zero);
}

static struct smelt_quantization quantization_of(const struct product *p)
{
    struct smelt_quantization quantization = {.zero_a = vector_of(p, p->a_zero),
                                              .zero_b = vector_of(p, p->b_zero)};
    if (!p->scaled)
        return quantization;
    const struct smelt_elementwise_step steps[2] = {
        {.operation = SMELT_ELEMENTWISE_MULTIPLY, .operands = {0, 1}},
        {.operation = SMELT_ELEMENTWISE_DIVIDE, .operands = {3, 2}}};
    const smelt_tensor inputs[3] = {vector_of(p, p->a_scale), vector_of(p, p->b_scale),
                                    vector_of(p, p->scale)};
    const uint64_t count = smelt_tensor_element_count(p->b_scale);
    quantization.scale = smelt_lower_temporary(p->lowering, SMELT_DTYPE_F32, 1, &count);
    quantization.zero_d = vector_of(p, p->zero);
    if (!p->lowering->result)
        smelt_lower_take(p->lowering,
                         smelt_lower_steps(p->lowering, inputs, 3, steps, 2, quantization.scale));
    return quantization;
}

// What the bodies write: y, or sums that become y in another dispatch.
static smelt_tensor sum_of(const struct product *p)
{
    const struct smelt_tensor_info *y = smelt_tensor_info(p->y);
    return p->scaled ? smelt_lower_temporary(p->lowering, SMELT_DTYPE_I32, y->rank, y->shape) : p->y;
}

static enum smelt_result requantize(const struct product *p, smelt_tensor sum)
{
    const struct smelt_operator_call call = {
        .body = "operator_requantize.glsl",
        .tensors = {p->y, sum, p->a_scale, p->b_scale, p->scale, p->zero}};
    return p->lowering->result || !p->scaled ? p->lowering->result
                                             : smelt_encode_operator(p->lowering->encoder, &call);
}

// The sums by a body, then what becomes of them.
static enum smelt_result encode(const struct product *p, const struct smelt_operator_call *call,
                                smelt_tensor sum)
{
    if (!p->lowering->result)
        smelt_lower_take(p->lowering, smelt_encode_operator(p->lowering->encoder, call));
    return requantize(p, sum);
}

// --- Matrices -------------------------------------------------------------------------------------------------------

// A matrix product's operands and result have rank 2 at least: a vector is a row on the left, a column on the right.
static smelt_tensor matrix(struct smelt_lowering *lowering, smelt_tensor t, bool left)
{
    if (smelt_tensor_info(t)->rank != 1)
        return t;
    const struct smelt_tensor_info *info = smelt_tensor_info(t);
    uint64_t n = info->shape[0], step = info->strides[0], far = SMELT_MAX(n * step, 1);
    const uint64_t row[2] = {1, n}, row_strides[2] = {far, step}, column[2] = {n, 1},
                   column_strides[2] = {step, 1};
    return smelt_lower_view(lowering, t, 0, 2, left ? row : column, left ? row_strides : column_strides);
}

// The result with the axes that a row or a column leaves out.
static smelt_tensor with_axes(const struct product *p, smelt_tensor sum)
{
    bool row = smelt_tensor_info(p->a)->rank == 1, column = smelt_tensor_info(p->b)->rank == 1;
    if (!sum || (!row && !column))
        return sum;
    uint64_t shape[SMELT_IR_MAX_RANK], strides[SMELT_IR_MAX_RANK];
    const struct smelt_tensor_info *info = smelt_tensor_info(sum);
    uint32_t rank = 0, missing = row + column;
    for (uint32_t d = 0; d + 2 < info->rank + missing; d++, rank++)
        shape[rank] = info->shape[d], strides[rank] = info->strides[d];
    shape[rank] = row ? 1 : info->shape[rank];
    strides[rank] = row ? info->size : info->strides[rank];
    shape[rank + 1] = column ? 1 : info->shape[info->rank - 1];
    strides[rank + 1] = column ? 1 : info->strides[info->rank - 1];
    return smelt_lower_view(p->lowering, sum, 0, rank + 2, shape, strides);
}

// Rows of a batch of matrices that lie one after the other, as those of one.
static smelt_tensor rows_of(const struct product *p, smelt_tensor t)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(t);
    uint64_t columns = info->shape[info->rank - 1];
    const uint64_t shape[2] = {smelt_tensor_element_count(t) / columns, columns}, strides[2] = {columns, 1};
    return info->rank == 2 ? t : smelt_lower_view(p->lowering, t, 0, 2, shape, strides);
}

static enum smelt_result multiply(const struct product *p)
{
    const struct smelt_tensor_info *a = smelt_tensor_info(p->a);
    uint64_t terms = smelt_tensor_element_count(p->y) * a->shape[a->rank - 1];
    if (fits_call(p, terms) && a->rank > 1 && smelt_tensor_info(p->b)->rank == 2 &&
        smelt_tensor_is_packed(&p->a->info) && smelt_tensor_is_packed(&p->y->info)) {
        const struct smelt_matmul2d_params params = {.a = rows_of(p, p->a),
                                                     .b = p->b,
                                                     .d = rows_of(p, p->y),
                                                     .quantization = quantization_of(p),
                                                     .backend = p->lowering->backend};
        return p->lowering->result ? p->lowering->result
                                   : smelt_encode_matmul2d(p->lowering->encoder, &params);
    }
    smelt_tensor sum = sum_of(p), a_zero = p->a_zero;
    if (a_zero && smelt_tensor_info(a_zero)->rank == 1)
        a_zero = smelt_lower_along(p->lowering, a_zero, 2, 0); // for each row
    struct product along = *p;
    if (p->scaled && smelt_tensor_info(p->a_scale)->rank == 1 && smelt_tensor_info(p->y)->rank > 1)
        along.a_scale = smelt_lower_along(p->lowering, p->a_scale, 2, 0);
    const struct smelt_operator_call call = {.body = "operator_matmul_integer.glsl",
                                             .tensors = {with_axes(p, sum), matrix(p->lowering, p->a, true),
                                                         matrix(p->lowering, p->b, false), a_zero,
                                                         p->b_zero}};
    return encode(&along, &call, sum);
}

enum smelt_result smelt_lower_matmul_integer(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    const struct product p = {.lowering = lowering,
                              .node = node,
                              .a = smelt_lower_input(lowering, node, 0),
                              .b = smelt_lower_input(lowering, node, 1),
                              .a_zero = smelt_lower_input(lowering, node, 2),
                              .b_zero = smelt_lower_input(lowering, node, 3),
                              .y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS)};
    return lowering->result ? lowering->result : multiply(&p);
}

// a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point (, bias of a convolution)
static struct product scaled_product(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                     enum smelt_order order)
{
    return (struct product){.lowering = lowering,
                            .node = node,
                            .a = smelt_lower_input(lowering, node, 0),
                            .a_scale = smelt_lower_input(lowering, node, 1),
                            .a_zero = smelt_lower_input(lowering, node, 2),
                            .b = smelt_lower_input(lowering, node, 3),
                            .b_index = 3,
                            .b_scale = smelt_lower_input(lowering, node, 4),
                            .b_zero = smelt_lower_input(lowering, node, 5),
                            .scale = smelt_lower_input(lowering, node, 6),
                            .zero = smelt_lower_input(lowering, node, 7),
                            .bias = smelt_lower_input(lowering, node, 8),
                            .scaled = true,
                            .y = smelt_lower_output(lowering, node, 0, order)};
}

enum smelt_result smelt_lower_qlinear_matmul(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    const struct product p = scaled_product(lowering, node, SMELT_ORDER_ROWS);
    return lowering->result ? lowering->result : multiply(&p);
}

// --- Convolutions ---------------------------------------------------------------------------------------------------

static smelt_tensor permuted(const struct product *p, smelt_tensor t, const uint32_t axes[4])
{
    uint64_t shape[4], strides[4];
    for (uint32_t i = 0; i < 4 && t; i++) {
        shape[i] = smelt_tensor_info(t)->shape[axes[i]];
        strides[i] = smelt_tensor_info(t)->strides[axes[i]];
    }
    return t ? smelt_lower_view(p->lowering, t, 0, 4, shape, strides) : NULL;
}

static enum smelt_result convolve_images(const struct product *p, const struct smelt_ir_window *window)
{
    static const uint32_t nhwc[4] = {0, 2, 3, 1}, hwio[4] = {2, 3, 1, 0};
    bool constant = p->node->inputs[p->b_index]->constant;
    smelt_tensor b = constant ? smelt_lower_weight(p->lowering, p->node->inputs[p->b_index], hwio) : p->b;
    const struct smelt_convolution2d_params params = {
        .a = permuted(p, p->a, nhwc),
        .b = constant ? permuted(p, b, hwio) : b,
        .bias = p->bias,
        .d = permuted(p, p->y, nhwc),
        .image_layout = SMELT_IMAGE_NHWC,
        .weight_layout = constant ? SMELT_WEIGHT_HWIO : SMELT_WEIGHT_OIHW,
        .geometry = {.stride_y = (uint32_t)window->stride[0],
                     .stride_x = (uint32_t)window->stride[1],
                     .dilation_y = (uint32_t)window->dilation[0],
                     .dilation_x = (uint32_t)window->dilation[1],
                     .padding_top = (uint32_t)window->pad_begin[0].constant,
                     .padding_left = (uint32_t)window->pad_begin[1].constant,
                     .padding_bottom = (uint32_t)window->pad_end[0].constant,
                     .padding_right = (uint32_t)window->pad_end[1].constant,
                     .groups = (uint32_t)smelt_ir_integer(p->node, "group")},
        .quantization = quantization_of(p),
        .backend = p->lowering->backend,
    };
    return p->lowering->result ? p->lowering->result
                               : smelt_encode_convolution2d(p->lowering->encoder, &params);
}

static enum smelt_result convolve(const struct product *p)
{
    const struct smelt_ir_value *x = p->node->inputs[0], *w = p->node->inputs[p->b_index];
    struct smelt_ir_window window;
    enum smelt_result result =
        smelt_ir_window(p->lowering->ir, p->node, x->shape + 2, w->shape + 2, x->rank - 2, &window);
    if (result)
        return smelt_lower_take(p->lowering, result);
    uint64_t channels = smelt_tensor_info(p->b)->shape[0];
    if (x->rank == 4 &&
        fits_call(p, smelt_tensor_element_count(p->y) * (smelt_tensor_element_count(p->b) / channels)))
        return convolve_images(p, &window);
    struct product along = *p;
    if (p->scaled && smelt_tensor_info(p->b_scale)->rank == 1)
        along.b_scale = smelt_lower_along(p->lowering, p->b_scale, x->rank - 1, 0); // for each channel
    struct smelt_operator_call call = {.body = "operator_convolution_integer.glsl",
                                       .tensors = {sum_of(p), p->a, p->b, p->a_zero, p->b_zero, p->bias},
                                       .sizes = {(int32_t)smelt_ir_integer(p->node, "group")},
                                       .size_count = 1 + 3 * window.rank};
    for (uint32_t d = 0; d < window.rank; d++) {
        call.sizes[1 + 3 * d] = (int32_t)window.stride[d];
        call.sizes[2 + 3 * d] = (int32_t)window.dilation[d];
        call.sizes[3 + 3 * d] = (int32_t)window.pad_begin[d].constant;
    }
    return encode(&along, &call, call.tensors[0]);
}

enum smelt_result smelt_lower_conv_integer(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    const struct product p = {.lowering = lowering,
                              .node = node,
                              .a = smelt_lower_input(lowering, node, 0),
                              .b = smelt_lower_input(lowering, node, 1),
                              .b_index = 1,
                              .a_zero = smelt_lower_input(lowering, node, 2),
                              .b_zero = smelt_lower_input(lowering, node, 3),
                              .y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_CHANNELS_LAST)};
    return lowering->result ? lowering->result : convolve(&p);
}

enum smelt_result smelt_lower_qlinear_conv(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    const struct product p = scaled_product(lowering, node, SMELT_ORDER_CHANNELS_LAST);
    return lowering->result ? lowering->result : convolve(&p);
}
