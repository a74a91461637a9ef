// SPDX-License-Identifier: MIT
// Lowering of normalisations (layer 3): layer_norm and rms_norm where the axes are one line, else statistics by reductions
// and the rest element by element; batch normalisation as a scale and a shift, which fuse.
#include "kernels_operator.h"
#include "network_lower_views.h"

#include <float.h>
#include <math.h>
#include <string.h>

// y = (x - mean) / sqrt(variance + epsilon) scale + bias, mean and variance along the axes; without `centred` mean is 0.
struct normalization {
    smelt_tensor x, y;
    smelt_tensor scale, bias; // broadcast from the last dimension; NULL: none
    smelt_tensor mean,
        deviation; // outputs with extents of 1 along the axes: the mean, 1 / sqrt(...). NULL: none
    bool axes[SMELT_TENSOR_MAX_RANK];
    bool centred;
    float epsilon;
};

static smelt_tensor statistic(struct smelt_lowering *lowering, const struct normalization *n)
{
    uint64_t shape[SMELT_TENSOR_MAX_RANK];
    for (uint32_t d = 0; d < n->x->info.rank; d++)
        shape[d] = n->axes[d] ? 1 : n->x->info.shape[d];
    return smelt_lower_temporary(lowering, SMELT_DTYPE_F32, n->x->info.rank, shape);
}

#define STEP(kind, ...)                                                                                      \
    (struct smelt_elementwise_step)                                                                          \
    {                                                                                                        \
        .operation = SMELT_ELEMENTWISE_##kind, .operands = __VA_ARGS__                                       \
    }
#define VALUE SMELT_ELEMENTWISE_VALUE

// The mean, and x without it.
static enum smelt_result centre(struct smelt_lowering *lowering, struct normalization *n)
{
    const struct smelt_elementwise_step difference = STEP(SUBTRACT, {0, 1});
    smelt_tensor mean = statistic(lowering, n), inputs[] = {n->x, mean};
    smelt_tensor centred = smelt_lower_temporary_like(lowering, n->x->info.dtype, n->x, n->x->info.shape);
    if (!mean || !centred)
        return lowering->result;
    enum smelt_result result = smelt_lower_reduction(lowering, SMELT_REDUCE_MEAN, n->x, n->axes, mean);
    if (!result)
        result = smelt_lower_steps(lowering, inputs, 2, &difference, 1, centred);
    if (!result && n->mean)
        result = smelt_encode_copy(lowering->encoder, n->mean, mean, NULL);
    n->x = centred;
    return result;
}

// Steps that make 1 / sqrt(input 0 / count + epsilon); the first one is step `first`.
static void add_deviation(const struct normalization *n, uint32_t first,
                          struct smelt_elementwise_step list[4])
{
    double count = 1;
    for (uint32_t d = 0; d < n->x->info.rank; d++)
        count *= n->axes[d] ? (double)n->x->info.shape[d] : 1;
    list[0] = STEP(MULTIPLY, {0, VALUE});
    list[0].value = (float)(1 / count);
    list[1] = STEP(ADD, {first, VALUE});
    list[1].value = n->epsilon;
    list[2] = STEP(ROOT, {first + 1});
    list[3] = STEP(RECIPROCAL, {first + 2});
}

static enum smelt_result normalize(struct smelt_lowering *lowering, struct normalization *n)
{
    struct smelt_elementwise_step list[7];
    enum smelt_result result = n->centred ? centre(lowering, n) : SMELT_OK;
    smelt_tensor squares = result ? NULL : statistic(lowering, n), inputs[4] = {squares, n->x};
    if (result || !squares)
        return result ? result : lowering->result;
    result = smelt_lower_reduction(lowering, SMELT_REDUCE_SUM_SQUARES, n->x, n->axes, squares);
    if (!result && n->deviation) {
        add_deviation(n, 1, list);
        result = smelt_lower_steps(lowering, &squares, 1, list, 4, n->deviation);
    }
    uint32_t given = 2, steps = 5;
    if (n->scale)
        inputs[given++] = n->scale;
    if (n->bias)
        inputs[given++] = n->bias;
    add_deviation(n, given, list);
    list[4] = STEP(MULTIPLY, {1, given + 3});
    if (n->scale)
        list[steps++] = STEP(MULTIPLY, {given + 4, 2});
    if (n->bias) {
        list[steps] = STEP(ADD, {given + steps - 1, given - 1});
        steps++;
    }
    return result ? result : smelt_lower_steps(lowering, inputs, given, list, steps, n->y);
}

// --- Layer and RMS ----------------------------------------------------------------------------------------

// A weight as the vector that a line's call takes; NULL: it is none.
static smelt_tensor line_weight(struct smelt_lowering *lowering, smelt_tensor weight, smelt_tensor x,
                                uint64_t n)
{
    bool axes[SMELT_TENSOR_MAX_RANK];
    struct smelt_lines_shape lines;
    memset(axes, 1, sizeof(axes));
    smelt_lines_shape(&weight->info, axes, &lines);
    if (weight->info.dtype != x->info.dtype || lines.axes.rank != 1 || lines.axes.extents[0] != n)
        return NULL;
    return smelt_lower_view(lowering, weight, 0, 1, lines.axes.extents, lines.axes.strides);
}

// Whether the axes' elements follow each other in memory as those of x do. The dimensions of `tensor` are the last ones of x.
static bool ordered_as_x(const struct normalization *n, smelt_tensor tensor)
{
    const uint64_t *own = n->x->info.strides, *strides = tensor->info.strides;
    uint32_t rank = n->x->info.rank, missing = rank - tensor->info.rank;
    for (uint32_t d = missing; d < rank; d++)
        for (uint32_t e = d + 1; e < rank; e++)
            if (n->axes[d] && n->axes[e] && n->x->info.shape[d] > 1 && n->x->info.shape[e] > 1 &&
                (own[d] > own[e]) != (strides[d - missing] > strides[e - missing]))
                return false;
    return true;
}

// As one call of the library. `done` is false where it has none for this.
static enum smelt_result normalize_lines(struct smelt_lowering *lowering, const struct normalization *n,
                                         bool *done)
{
    struct smelt_lines_shape from, to;
    smelt_tensor scale = NULL, bias = NULL;
    *done = false;
    smelt_lines_shape(&n->x->info, n->axes, &from);
    smelt_lines_shape(&n->y->info, n->axes, &to);
    uint64_t extent = from.axes.extents[0];
    if (n->mean || n->deviation || from.axes.rank != 1 || to.axes.rank != 1 || from.others.rank > 3 ||
        !ordered_as_x(n, n->y) || (n->scale && !ordered_as_x(n, n->scale)) ||
        (n->bias && !ordered_as_x(n, n->bias)) ||
        (n->scale && !(scale = line_weight(lowering, n->scale, n->x, extent))) ||
        (n->bias && !(bias = line_weight(lowering, n->bias, n->x, extent))))
        return lowering->result;
    uint32_t axis = from.others.rank++;
    to.others.rank++;
    from.others.extents[axis] = to.others.extents[axis] = extent;
    from.others.strides[axis] = from.axes.strides[0];
    to.others.strides[axis] = to.axes.strides[0];
    smelt_tensor x = smelt_lower_shape_view(lowering, n->x, &from.others),
                 y = smelt_lower_shape_view(lowering, n->y, &to.others);
    float epsilon = fmaxf(n->epsilon, FLT_MIN); // 0 would be the calls' default
    if (!x || !y)
        return lowering->result;
    *done = true;
    if (n->centred)
        return smelt_encode_layer_norm(
            lowering->encoder,
            &(struct smelt_layer_norm_params){
                .x = x, .y = y, .gamma = scale, .beta = bias, .axis = axis, .epsilon = epsilon});
    return smelt_encode_rms_norm(
        lowering->encoder,
        &(struct smelt_rms_norm_params){.x = x, .y = y, .gamma = scale, .axis = axis, .epsilon = epsilon});
}

// What has no call as it lies, in copies whose rows lie one behind the other: along others, weights would need strides of their own.
static enum smelt_result normalize_rows(struct smelt_lowering *lowering, struct normalization *n)
{
    const struct smelt_tensor_info *x = &n->x->info;
    bool rows = true, done;
    for (uint32_t d = 1; d < x->rank; d++)
        rows = rows && x->strides[d - 1] >= x->strides[d];
    if (rows)
        return normalize(lowering, n);
    smelt_tensor y = n->y, from = n->x;
    n->x = smelt_lower_temporary(lowering, x->dtype, x->rank, x->shape);
    n->y = smelt_lower_temporary(lowering, y->info.dtype, x->rank, x->shape);
    if (!n->x || !n->y)
        return lowering->result;
    enum smelt_result result = smelt_encode_copy(lowering->encoder, n->x, from, NULL);
    if (!result)
        result = normalize_lines(lowering, n, &done);
    if (!result && !done)
        result = normalize(lowering, n);
    return result ? result : smelt_encode_copy(lowering->encoder, y, n->y, NULL);
}

enum smelt_result smelt_lower_layer_normalization(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    struct normalization n = {.centred = !strcmp(node->op->name, "LayerNormalization"),
                              .epsilon = (float)smelt_ir_number(node, "epsilon")};
    uint32_t axis;
    bool done;
    enum smelt_result result =
        smelt_ir_axis(lowering->ir, node, smelt_ir_integer(node, "axis"), node->inputs[0]->rank, &axis);
    if (result)
        return result;
    n.x = smelt_lower_input(lowering, node, 0);
    n.scale = smelt_lower_input(lowering, node, 1);
    n.bias = smelt_lower_input(lowering, node, 2);
    n.y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT);
    n.mean = smelt_lower_output(lowering, node, 1, SMELT_ORDER_ROWS);
    n.deviation = smelt_lower_output(lowering, node, 2, SMELT_ORDER_ROWS);
    if (lowering->result)
        return lowering->result;
    for (uint32_t d = axis; d < n.x->info.rank; d++)
        n.axes[d] = true;
    result = normalize_lines(lowering, &n, &done);
    return result || done ? result : normalize_rows(lowering, &n);
}

// --- Instance and group -----------------------------------------------------------------------------------

// A tensor [n][c]... as [n][groups][c / groups]...
static smelt_tensor split_channels(struct smelt_lowering *lowering, smelt_tensor x, uint64_t groups)
{
    uint64_t shape[SMELT_TENSOR_MAX_RANK], strides[SMELT_TENSOR_MAX_RANK];
    uint32_t rank = x->info.rank;
    memcpy(shape + 1, x->info.shape, rank * sizeof(*shape));
    memcpy(strides + 1, x->info.strides, rank * sizeof(*strides));
    shape[0] = shape[1], strides[0] = strides[1];
    shape[1] = groups, strides[1] = strides[2] * (shape[2] / groups);
    shape[2] /= groups;
    return smelt_lower_view(lowering, x, 0, rank + 1, shape, strides);
}

// A weight of each channel as [groups][c / groups], or of each group as [groups][1], before `space` extents of 1.
static smelt_tensor group_weight(struct smelt_lowering *lowering, smelt_tensor vector, uint64_t groups,
                                 uint32_t space)
{
    uint64_t shape[SMELT_TENSOR_MAX_RANK], strides[SMELT_TENSOR_MAX_RANK];
    uint64_t each = vector->info.shape[0] / groups, stride = SMELT_MAX(vector->info.strides[0], 1);
    for (uint32_t d = 0; d < space + 2; d++) {
        shape[d] = d == 0 ? groups : d == 1 ? each : 1;
        strides[d] = d == 0 ? each * stride : stride;
    }
    return smelt_lower_view(lowering, vector, 0, space + 2, shape, strides);
}

enum smelt_result smelt_lower_group_normalization(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    struct normalization n = {.centred = true, .epsilon = (float)smelt_ir_number(node, "epsilon")};
    smelt_tensor x = smelt_lower_input(lowering, node, 0), scale = smelt_lower_input(lowering, node, 1),
                 bias = smelt_lower_input(lowering, node, 2),
                 y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT);
    if (!x || !scale || !bias || !y)
        return lowering->result;
    bool instance = !strcmp(node->op->name, "InstanceNormalization");
    uint64_t groups = instance ? x->info.shape[1] : (uint64_t)smelt_ir_integer(node, "num_groups");
    uint32_t space = x->info.rank - 2;
    n.x = split_channels(lowering, x, groups);
    n.y = split_channels(lowering, y, groups);
    n.scale = group_weight(lowering, scale, groups, space);
    n.bias = group_weight(lowering, bias, groups, space);
    if (!n.x || !n.y || !n.scale || !n.bias)
        return lowering->result;
    for (uint32_t d = 2; d < n.x->info.rank; d++)
        n.axes[d] = true;
    return normalize(lowering, &n);
}

// --- Batch ------------------------------------------------------------------------------------------------

// y = x a + b with a = scale / sqrt(variance + epsilon), b = bias - mean a, worked out here.
static enum smelt_result scale_and_shift(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                         smelt_tensor x, smelt_tensor y)
{
    const struct smelt_elementwise_step steps[] = {STEP(MULTIPLY, {0, 1}), STEP(ADD, {3, 2})};
    uint64_t channels = x->info.shape[1];
    float *numbers = smelt_ir_allocate(lowering->ir, 2 * channels * sizeof(*numbers));
    if (!numbers)
        return smelt_ir_no_memory(lowering->ir);
    for (uint64_t c = 0; c < channels; c++) {
        double v[5];
        for (uint32_t i = 1; i < 5; i++)
            v[i] = smelt_element_number(node->inputs[i]->stored, node->inputs[i]->data, c);
        double a = v[1] / sqrt(v[4] + smelt_ir_number(node, "epsilon"));
        numbers[c] = (float)a;
        numbers[channels + c] = (float)(v[2] - v[3] * a);
    }
    smelt_tensor inputs[3] = {x};
    for (uint32_t i = 0; i < 2; i++) {
        inputs[1 + i] = smelt_lower_constant(lowering, SMELT_DTYPE_F32, 1, &channels, numbers + i * channels);
        if (!inputs[1 + i] || !(inputs[1 + i] = smelt_lower_along(lowering, inputs[1 + i], x->info.rank, 1)))
            return lowering->result;
    }
    return smelt_lower_steps(lowering, inputs, 3, steps, 2, y);
}

enum smelt_result smelt_lower_batch_normalization(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    smelt_tensor inputs[5], y;
    bool known = true;
    for (uint32_t i = 1; i < 5; i++)
        known &= smelt_lower_host_input(node, i) != NULL;
    if (!(inputs[0] = smelt_lower_input(lowering, node, 0)) ||
        !(y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT)))
        return lowering->result;
    if (known)
        return scale_and_shift(lowering, node, inputs[0], y);
    for (uint32_t i = 1; i < 5; i++) // scale, bias, mean, variance
        if (!(inputs[i] = smelt_lower_input(lowering, node, i)) ||
            !(inputs[i] = smelt_lower_along(lowering, inputs[i], inputs[0]->info.rank, 1)))
            return lowering->result;
    struct smelt_elementwise_step steps[] = {STEP(ADD, {4, VALUE}),  STEP(ROOT, {5}),
                                             STEP(DIVIDE, {1, 6}),   STEP(SUBTRACT, {0, 3}),
                                             STEP(MULTIPLY, {8, 7}), STEP(ADD, {9, 2})};
    steps[0].value = (float)smelt_ir_number(node, "epsilon");
    return smelt_lower_steps(lowering, inputs, 5, steps, 6, y);
}

// --- Across channels --------------------------------------------------------------------------------------

enum smelt_result smelt_lower_lrn(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    int32_t size = (int32_t)smelt_ir_integer(node, "size");
    struct smelt_operator_call call = {
        .body = "operator_lrn.glsl",
        .tensors = {smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT),
                    smelt_lower_input(lowering, node, 0)},
        .sizes = {size},
        .size_count = 1,
        .numbers = {(float)(smelt_ir_number(node, "alpha") / size), (float)smelt_ir_number(node, "beta"),
                    (float)smelt_ir_number(node, "bias")},
        .number_count = 3,
    };
    return lowering->result ? lowering->result : smelt_encode_operator(lowering->encoder, &call);
}
