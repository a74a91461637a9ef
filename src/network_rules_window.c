// SPDX-License-Identifier: MIT
// Operators that slide a window: convolutions and poolings.
#include "network_lower.h"

#include <string.h>

#define WINDOW                                                                                               \
    SMELT_WORD("auto_pad", "NOTSET SAME_UPPER SAME_LOWER VALID"), SMELT_INTEGERS("dilations"),               \
        SMELT_INTEGERS("pads"), SMELT_INTEGERS("strides")
static const struct smelt_attribute_schema convolution[] = {
    WINDOW, SMELT_RANGE("group", 1, 1, INT32_MAX), SMELT_INTEGERS("kernel_shape"), {0}};
static const struct smelt_attribute_schema transposed[] = {WINDOW,
                                                           SMELT_RANGE("group", 1, 1, INT32_MAX),
                                                           SMELT_INTEGERS("kernel_shape"),
                                                           SMELT_INTEGERS("output_padding"),
                                                           SMELT_INTEGERS("output_shape"),
                                                           {0}};
#define KERNEL                                                                                               \
    {                                                                                                        \
        .name = "kernel_shape", .kind = SMELT_ATTRIBUTE_INTEGERS, .required = true                           \
    }
static const struct smelt_attribute_schema average_pool[] = {
    WINDOW, KERNEL, SMELT_FLAG("ceil_mode", 0), SMELT_FLAG("count_include_pad", 0), {0}};
static const struct smelt_attribute_schema max_pool[] = {
    WINDOW, KERNEL, SMELT_FLAG("ceil_mode", 0), SMELT_FLAG("storage_order", 0), {0}};

// `count` integers of an attribute, each in [least, 2^31); `fallback` when it is not given.
static enum smelt_result read_list(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                   const char *name, uint32_t count, int64_t least, int64_t fallback,
                                   int64_t *out)
{
    const struct smelt_ir_attribute *a = smelt_ir_attribute(node, name);
    if (a->set && a->count && a->count != count)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT,
                                  "attribute \"%s\": wanted %u integers, got %u", name, count, a->count);
    for (uint32_t i = 0; i < count; i++) {
        out[i] = a->set && a->count ? a->integers[i] : fallback;
        if (out[i] < least || out[i] > INT32_MAX)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT,
                                      "attribute \"%s\": wanted %lld to %d, got %lld", name, (long long)least,
                                      INT32_MAX, (long long)out[i]);
    }
    return SMELT_OK;
}

// The padding that makes the output what SAME says, divided into both sides.
static void same_padding(struct smelt_ir *ir, struct smelt_ir_window *w, uint32_t i, struct smelt_dim needed,
                         struct smelt_dim in, bool upper)
{
    struct smelt_dim total = smelt_dim_max(ir, smelt_dim_sub(ir, needed, in), smelt_dim_constant(0));
    struct smelt_dim half = smelt_dim_floor_div(ir, total, smelt_dim_constant(2)),
                     rest = smelt_dim_sub(ir, total, half);
    w->pad_begin[i] = upper ? half : rest;
    w->pad_end[i] = upper ? rest : half;
}

static enum smelt_result read_window(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                     const struct smelt_dim *kernel, uint32_t rank, struct smelt_ir_window *w)
{
    int64_t pads[2 * SMELT_IR_MAX_RANK], shape[SMELT_IR_MAX_RANK];
    bool notset = smelt_ir_word_is(node, "auto_pad", "NOTSET");
    w->rank = rank;
    enum smelt_result result = read_list(ir, node, "strides", rank, 1, 1, w->stride);
    if (!result)
        result = read_list(ir, node, "dilations", rank, 1, 1, w->dilation);
    if (!result)
        result = read_list(ir, node, "pads", 2 * rank, 0, 0, pads);
    if (!result)
        result = read_list(ir, node, "kernel_shape", rank, 1, 1, shape);
    for (uint32_t i = 0; i < rank && !result; i++) {
        w->kernel[i] = kernel ? kernel[i] : smelt_dim_constant(shape[i]);
        if (smelt_ir_attribute(node, "kernel_shape")->count && !w->kernel[i].expression &&
            w->kernel[i].constant != shape[i])
            result = smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                        "kernel_shape[%u] is %lld, the weight's extent %lld", i,
                                        (long long)shape[i], (long long)w->kernel[i].constant);
        w->pad_begin[i] = smelt_dim_constant(notset ? pads[i] : 0);
        w->pad_end[i] = smelt_dim_constant(notset ? pads[rank + i] : 0);
        // Extent of the dilated kernel.
        w->reach[i] = smelt_dim_add(ir,
                                    smelt_dim_mul(ir, smelt_dim_sub(ir, w->kernel[i], smelt_dim_constant(1)),
                                                  smelt_dim_constant(w->dilation[i])),
                                    smelt_dim_constant(1));
    }
    return result;
}

enum smelt_result smelt_ir_window(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                  const struct smelt_dim *in, const struct smelt_dim *kernel, uint32_t rank,
                                  struct smelt_ir_window *w)
{
    enum smelt_result result = read_window(ir, node, kernel, rank, w);
    bool upper = smelt_ir_word_is(node, "auto_pad", "SAME_UPPER"),
         same = upper || smelt_ir_word_is(node, "auto_pad", "SAME_LOWER");
    for (uint32_t i = 0; i < rank && !result; i++) {
        struct smelt_dim stride = smelt_dim_constant(w->stride[i]), one = smelt_dim_constant(1);
        if (same) {
            w->out[i] = smelt_dim_ceil_div(ir, in[i], stride);
            struct smelt_dim last = smelt_dim_mul(ir, smelt_dim_sub(ir, w->out[i], one), stride);
            same_padding(ir, w, i, smelt_dim_add(ir, last, w->reach[i]), in[i], upper);
            continue;
        }
        struct smelt_dim begun = smelt_dim_add(ir, in[i], w->pad_begin[i]);
        struct smelt_dim free = smelt_dim_sub(ir, smelt_dim_add(ir, begun, w->pad_end[i]), w->reach[i]);
        if (!free.expression && free.constant < 0)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                      "the window does not fit axis %u of its input", i + 2);
        if (smelt_ir_integer(node, "ceil_mode")) // no window begins in the padding at the end
            w->out[i] = smelt_dim_min(ir, smelt_dim_add(ir, smelt_dim_ceil_div(ir, free, stride), one),
                                      smelt_dim_ceil_div(ir, begun, stride));
        else
            w->out[i] = smelt_dim_add(ir, smelt_dim_floor_div(ir, free, stride), one);
    }
    return result;
}

// Convolutions of x [n][c][...] with w [m][c / group][...]; `weight` is its input.
static enum smelt_result convolve(struct smelt_ir *ir, struct smelt_ir_node *node, uint32_t weight,
                                  enum smelt_element element)
{
    const struct smelt_ir_value *x = node->inputs[0], *w = node->inputs[weight];
    enum smelt_result result = smelt_ir_want_rank(ir, node, 0, 3, 5);
    if (!result)
        result = smelt_ir_want_rank(ir, node, weight, x->rank, x->rank);
    if (result)
        return result;
    struct smelt_dim group = smelt_dim_constant(smelt_ir_integer(node, "group"));
    struct smelt_dim shape[SMELT_IR_MAX_RANK] = {x->shape[0], w->shape[0]};
    struct smelt_ir_window window;
    if ((result = smelt_ir_want_extent(ir, node, 0, 1, smelt_dim_mul(ir, w->shape[1], group))))
        return result;
    if (!w->shape[0].expression && w->shape[0].constant % group.constant)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                  "%lld output channels are no multiple of %lld groups",
                                  (long long)w->shape[0].constant, (long long)group.constant);
    if ((result = smelt_ir_window(ir, node, x->shape + 2, w->shape + 2, x->rank - 2, &window)))
        return result;
    memcpy(shape + 2, window.out, window.rank * sizeof(*shape));
    smelt_ir_set_output(node, 0, element, x->rank, shape);
    return SMELT_OK;
}

static enum smelt_result rule_conv(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_float(ir, node, 0);
    if (!result)
        result = smelt_ir_want_same(ir, node, 1);
    if (!result)
        result = convolve(ir, node, 1, node->inputs[0]->element);
    return result ? result : smelt_ir_want_vector(ir, node, 2, node->inputs[1]->shape[0]);
}

// A zero point: the elements of input `of`, a scalar or a vector along its axis 0 or 1.
static enum smelt_result want_zero_point(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                         uint32_t input, uint32_t of)
{
    enum smelt_result result = smelt_ir_want_element(ir, node, input, node->inputs[of]->element);
    return result ? result : smelt_ir_want_rank(ir, node, input, 0, 1);
}

static enum smelt_result rule_conv_integer(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_8_bits(ir, node, 0);
    if (!result)
        result = smelt_ir_want_8_bits(ir, node, 1);
    if (!result)
        result = want_zero_point(ir, node, 2, 0);
    if (!result)
        result = want_zero_point(ir, node, 3, 1);
    return result ? result : convolve(ir, node, 1, SMELT_ELEMENT_I32);
}

// x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, bias
static enum smelt_result rule_qlinear_conv(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_8_bits(ir, node, 0);
    if (!result)
        result = smelt_ir_want_8_bits(ir, node, 3);
    if (!result)
        result = want_zero_point(ir, node, 2, 0);
    if (!result)
        result = want_zero_point(ir, node, 5, 3);
    if (!result)
        result = smelt_ir_want_8_bits(ir, node, 7);
    for (uint32_t i = 1; i <= 6 && !result; i += i == 1 ? 3 : 2) // 1, 4, 6
        if (!(result = smelt_ir_want_float(ir, node, i)))
            result = smelt_ir_want_rank(ir, node, i, 0, 1);
    if (!result)
        result = smelt_ir_want_element(ir, node, 8, SMELT_ELEMENT_I32);
    if (!result)
        result = convolve(ir, node, 3, node->inputs[7]->element);
    return result ? result : smelt_ir_want_vector(ir, node, 8, node->inputs[3]->shape[0]);
}

enum smelt_result smelt_ir_transposed_window(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                             struct smelt_ir_window *window)
{
    const struct smelt_ir_value *x = node->inputs[0];
    int64_t more[SMELT_IR_MAX_RANK], given[SMELT_IR_MAX_RANK];
    bool upper = smelt_ir_word_is(node, "auto_pad", "SAME_UPPER"),
         same = upper || smelt_ir_word_is(node, "auto_pad", "SAME_LOWER");
    bool has_shape = smelt_ir_attribute(node, "output_shape")->count > 0;
    enum smelt_result result = read_window(ir, node, node->inputs[1]->shape + 2, x->rank - 2, window);
    if (!result)
        result = read_list(ir, node, "output_padding", window->rank, 0, 0, more);
    if (!result)
        result = read_list(ir, node, "output_shape", window->rank, 1, 1, given);
    for (uint32_t i = 0; i < window->rank && !result; i++) {
        struct smelt_dim stride = smelt_dim_constant(window->stride[i]);
        struct smelt_dim full =
            smelt_dim_mul(ir, smelt_dim_sub(ir, x->shape[2 + i], smelt_dim_constant(1)), stride);
        full = smelt_dim_add(ir, smelt_dim_add(ir, full, window->reach[i]), smelt_dim_constant(more[i]));
        if (has_shape || same) {
            window->out[i] =
                has_shape ? smelt_dim_constant(given[i]) : smelt_dim_mul(ir, x->shape[2 + i], stride);
            same_padding(ir, window, i, full, window->out[i], upper);
        } else {
            window->out[i] =
                smelt_dim_sub(ir, smelt_dim_sub(ir, full, window->pad_begin[i]), window->pad_end[i]);
        }
    }
    return result;
}

// w [c][m / group][...]
static enum smelt_result rule_conv_transpose(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *w = node->inputs[1];
    enum smelt_result result = smelt_ir_want_float(ir, node, 0);
    if (!result)
        result = smelt_ir_want_same(ir, node, 1);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 0, 3, 5);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 1, x->rank, x->rank);
    if (!result)
        result = smelt_ir_want_extent(ir, node, 0, 1, w->shape[0]);
    if (result)
        return result;
    struct smelt_dim group = smelt_dim_constant(smelt_ir_integer(node, "group"));
    struct smelt_dim shape[SMELT_IR_MAX_RANK] = {x->shape[0], smelt_dim_mul(ir, w->shape[1], group)};
    if (!w->shape[0].expression && w->shape[0].constant % group.constant)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                  "%lld input channels are no multiple of %lld groups",
                                  (long long)w->shape[0].constant, (long long)group.constant);
    struct smelt_ir_window window;
    if ((result = smelt_ir_transposed_window(ir, node, &window)))
        return result;
    memcpy(shape + 2, window.out, window.rank * sizeof(*shape));
    smelt_ir_set_output(node, 0, x->element, x->rank, shape);
    return smelt_ir_want_vector(ir, node, 2, shape[1]);
}

static enum smelt_result rule_pool(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    enum smelt_result result = smelt_ir_want_rank(ir, node, 0, 3, 5);
    struct smelt_ir_window window;
    if (!result && !smelt_ir_attribute(node, "kernel_shape")->count)
        result = smelt_ir_node_fail(
            ir, node, SMELT_ERROR_FORMAT,
            "attribute \"kernel_shape\" is empty, wanted an extent for each dimension of the image");
    if (!result)
        result = smelt_ir_window(ir, node, x->shape + 2, NULL, x->rank - 2, &window);
    if (result)
        return result;
    struct smelt_dim shape[SMELT_IR_MAX_RANK] = {x->shape[0], x->shape[1]};
    memcpy(shape + 2, window.out, window.rank * sizeof(*shape));
    smelt_ir_set_output(node, 0, x->element, x->rank, shape);
    smelt_ir_set_output(node, 1, SMELT_ELEMENT_I64, x->rank, shape); // indices
    return SMELT_OK;
}

static enum smelt_result rule_average_pool(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    enum smelt_result result = smelt_ir_want_float(ir, node, 0);
    return result ? result : rule_pool(ir, node);
}

static enum smelt_result rule_global_pool(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    enum smelt_result result = smelt_ir_want_float(ir, node, 0);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 0, 3, SMELT_IR_MAX_RANK);
    if (result)
        return result;
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    for (uint32_t i = 0; i < x->rank; i++)
        shape[i] = i < 2 ? x->shape[i] : smelt_dim_constant(1);
    smelt_ir_set_output(node, 0, x->element, x->rank, shape);
    return SMELT_OK;
}

static const struct smelt_operator operators[] = {
    {"AveragePool", 1, 1, 1, 1, average_pool, rule_average_pool, NULL, 0, 0, smelt_lower_pool, true},
    {"Conv", 1, 2, 3, 1, convolution, rule_conv, NULL, 0, 0, smelt_lower_conv, true},
    {"ConvInteger", 10, 2, 4, 1, convolution, rule_conv_integer, NULL, 0, 0, smelt_lower_conv_integer, false},
    {"ConvTranspose", 1, 2, 3, 1, transposed, rule_conv_transpose, NULL, 0, 0, smelt_lower_conv_transpose,
     true},
    {"GlobalAveragePool", 1, 1, 1, 1, NULL, rule_global_pool, NULL, 0, 0, smelt_lower_global_pool, false},
    {"GlobalMaxPool", 1, 1, 1, 1, NULL, rule_global_pool, NULL, 0, 0, smelt_lower_global_pool, false},
    {"MaxPool", 1, 1, 1, 2, max_pool, rule_pool, NULL, 0, 0, smelt_lower_pool, true},
    {"QLinearConv", 10, 8, 9, 1, convolution, rule_qlinear_conv, NULL, 0, 1 << 1 | 1 << 4 | 1 << 6,
     smelt_lower_qlinear_conv, false},
};

const struct smelt_operator_family smelt_family_window = {operators, SMELT_COUNT_OF(operators),
                                                          "Convolutions and poolings"};
