// SPDX-License-Identifier: MIT
// Lowering of reductions, arg-max and softmax (layer 3): smelt_encode_reduction and smelt_encode_softmax on views in which
// the axes are one; what those do not do by glsl/kernels/operator_reduce.glsl.
#include "kernels_operator.h"
#include "network_lower_views.h"

#include <stdio.h>
#include <string.h>

#define MAX_LINES 3 // dimensions beside the axis that the calls take, whatever their strides

static enum smelt_result encode(struct smelt_lowering *lowering, enum smelt_reduce reduce, smelt_tensor x,
                                uint32_t axis, smelt_tensor y)
{
    struct smelt_reduction_params params = {.x = x, .y = y, .axis = axis, .reduce = reduce};
    uint64_t size = 0;
    enum smelt_result result = smelt_reduction_scratch_size(&params, &size);
    if (!result && size) {
        params.scratch = smelt_lower_temporary(lowering, SMELT_DTYPE_U32, 1, &(uint64_t){size / 4});
        result = params.scratch ? SMELT_OK : lowering->result;
    }
    return result ? result : smelt_encode_reduction(lowering->encoder, &params);
}

// Along the largest run of the axes, into y; where there are others, into [others of lines][other runs], which are reduced
// then, in f32.
static enum smelt_result reduce_runs(struct smelt_lowering *lowering, enum smelt_reduce reduce,
                                     smelt_tensor x, const struct smelt_lines_shape *lines, smelt_tensor y)
{
    const struct smelt_shape *axes = &lines->axes;
    struct smelt_shape source = lines->others, packed = {0};
    bool rest[SMELT_TENSOR_MAX_RANK] = {false};
    uint32_t largest = 0;
    smelt_tensor target = y, view;
    for (uint32_t i = 1; i < axes->rank; i++)
        largest = axes->extents[i] > axes->extents[largest] ? i : largest;
    for (uint32_t i = 0; i < axes->rank; i++)
        if (i != largest) {
            rest[source.rank] = true;
            smelt_shape_add(&source, axes->extents[i], axes->strides[i]);
        }
    packed = source;
    smelt_lower_strides(SMELT_DTYPE_F32, packed.rank, packed.extents, SMELT_ORDER_ROWS, packed.strides);
    if (axes->rank > 1)
        target = smelt_lower_temporary(lowering, SMELT_DTYPE_F32, packed.rank, packed.extents);
    source.extents[source.rank] = axes->extents[largest];
    source.strides[source.rank++] = axes->strides[largest];
    if (!target || !(view = smelt_lower_shape_view(lowering, x, &source)) ||
        !(target = smelt_lower_shape_view(lowering, target, &packed)))
        return lowering->result;
    enum smelt_result result = encode(lowering, reduce, view, packed.rank, target);
    if (result || axes->rank == 1)
        return result;
    smelt_tensor whole = y->info.dtype == SMELT_DTYPE_F32
                             ? y
                             : smelt_lower_temporary(lowering, SMELT_DTYPE_F32, y->info.rank, y->info.shape);
    if (!whole)
        return lowering->result;
    result = smelt_lower_reduction(lowering, reduce == SMELT_REDUCE_SUM_SQUARES ? SMELT_REDUCE_SUM : reduce,
                                   target, rest, whole);
    return result || whole == y ? result : smelt_encode_copy(lowering->encoder, y, whole, NULL);
}

enum smelt_result smelt_lower_reduction(struct smelt_lowering *lowering, enum smelt_reduce reduce,
                                        smelt_tensor x, const bool *axes, smelt_tensor y)
{
    struct smelt_lines_shape lines;
    bool last[SMELT_TENSOR_MAX_RANK] = {false};
    smelt_lines_shape(&x->info, axes, &lines);
    if (lines.others.rank + lines.axes.rank - 1 > MAX_LINES) {
        uint32_t count = 0;
        for (uint32_t d = 0; d < x->info.rank; d++)
            count += axes[d];
        if (!(x = smelt_lower_lines_copy(lowering, x, axes)))
            return lowering->result;
        for (uint32_t d = x->info.rank - count; d < x->info.rank; d++)
            last[d] = true;
        smelt_lines_shape(&x->info, last, &lines);
    }
    return reduce_runs(lowering, reduce, x, &lines, y);
}

// --- Operators --------------------------------------------------------------------------------------------

// What an operator is: a reduction of f(x), and g of that. OPERATION_COUNT: nothing.
#define NOTHING SMELT_ELEMENTWISE_COUNT
static const struct reduction {
    const char *op;
    enum smelt_reduce reduce;
    enum smelt_elementwise before, after;
    const char *integers; // options of operator_reduce.glsl
} reductions[] = {
    {"ReduceL1", SMELT_REDUCE_SUM, SMELT_ELEMENTWISE_ABSOLUTE, NOTHING, "KIND=SMELT_REDUCE_SUM ABSOLUTE=1"},
    {"ReduceL2", SMELT_REDUCE_SUM_SQUARES, NOTHING, SMELT_ELEMENTWISE_ROOT, NULL},
    {"ReduceLogSum", SMELT_REDUCE_SUM, NOTHING, SMELT_ELEMENTWISE_LOGARITHM, NULL},
    {"ReduceLogSumExp", SMELT_REDUCE_LOG_SUM_EXP, NOTHING, NOTHING, NULL},
    {"ReduceMax", SMELT_REDUCE_MAX, NOTHING, NOTHING, "KIND=SMELT_REDUCE_MAX ABSOLUTE=0"},
    {"ReduceMean", SMELT_REDUCE_MEAN, NOTHING, NOTHING, "KIND=SMELT_REDUCE_MEAN ABSOLUTE=0"},
    {"ReduceMin", SMELT_REDUCE_MIN, NOTHING, NOTHING, "KIND=SMELT_REDUCE_MIN ABSOLUTE=0"},
    {"ReduceProd", SMELT_REDUCE_PRODUCT, NOTHING, NOTHING, "KIND=SMELT_REDUCE_PRODUCT ABSOLUTE=0"},
    {"ReduceSum", SMELT_REDUCE_SUM, NOTHING, NOTHING, "KIND=SMELT_REDUCE_SUM ABSOLUTE=0"},
    {"ReduceSumSquare", SMELT_REDUCE_SUM_SQUARES, NOTHING, NOTHING,
     "KIND=SMELT_REDUCE_SUM_SQUARES ABSOLUTE=0"},
};

// By an invocation for each element of y: y gets x's rank, with extents of 1.
static enum smelt_result reduce_plainly(struct smelt_lowering *lowering, const char *options, smelt_tensor x,
                                        const bool *axes, smelt_tensor y)
{
    struct smelt_operator_call call = {
        .body = "operator_reduce.glsl", .options = options, .tensors = {NULL, x}, .size_count = x->info.rank};
    uint64_t shape[SMELT_TENSOR_MAX_RANK], strides[SMELT_TENSOR_MAX_RANK];
    bool kept_ones = y->info.rank == x->info.rank;
    for (uint32_t d = 0, own = 0; d < x->info.rank; d++) {
        shape[d] = axes[d] ? 1 : x->info.shape[d];
        strides[d] = axes[d] ? 1 : y->info.strides[own];
        own += kept_ones || !axes[d];
        call.sizes[d] = axes[d];
    }
    call.tensors[0] = smelt_lower_view(lowering, y, 0, x->info.rank, shape, strides);
    return call.tensors[0] ? smelt_encode_operator(lowering->encoder, &call) : lowering->result;
}

static enum smelt_result reduce_floats(struct smelt_lowering *lowering, const struct reduction *r,
                                       smelt_tensor x, const bool *axes, smelt_tensor y)
{
    struct smelt_elementwise_step step = {.operation = r->before};
    smelt_tensor reduced = y;
    enum smelt_result result = SMELT_OK;
    if (r->before != NOTHING) {
        smelt_tensor changed = smelt_lower_temporary_like(lowering, x->info.dtype, x, x->info.shape);
        result = changed ? smelt_lower_steps(lowering, &x, 1, &step, 1, changed) : lowering->result;
        x = changed;
    }
    bool as_is = r->after == NOTHING && (y->info.dtype == SMELT_DTYPE_F32 || y->info.dtype == x->info.dtype);
    if (!result && !as_is &&
        !(reduced = smelt_lower_temporary(lowering, SMELT_DTYPE_F32, y->info.rank, y->info.shape)))
        return lowering->result;
    if (!result)
        result = smelt_lower_reduction(lowering, r->reduce, x, axes, reduced);
    if (result || as_is)
        return result;
    step.operation = r->after;
    return r->after == NOTHING ? smelt_encode_copy(lowering->encoder, y, reduced, NULL)
                               : smelt_lower_steps(lowering, &reduced, 1, &step, 1, y);
}

enum smelt_result smelt_lower_reduce(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    bool axes[SMELT_TENSOR_MAX_RANK] = {false};
    uint32_t i = 0;
    enum smelt_result result = smelt_ir_reduced_axes(lowering->ir, node, axes);
    smelt_tensor x, y;
    if (result)
        return result;
    if (!(x = smelt_lower_input(lowering, node, 0)) ||
        !(y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS)))
        return lowering->result;
    while (strcmp(reductions[i].op, node->op->name))
        i++;
    return smelt_dtype_is_float(x->info.dtype) ? reduce_floats(lowering, &reductions[i], x, axes, y)
                                               : reduce_plainly(lowering, reductions[i].integers, x, axes, y);
}

enum smelt_result smelt_lower_arg(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    bool axes[SMELT_TENSOR_MAX_RANK] = {false}, greatest = !strcmp(node->op->name, "ArgMax");
    uint32_t axis;
    smelt_tensor x = smelt_lower_input(lowering, node, 0), y;
    if (!x || !(y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS)))
        return lowering->result;
    enum smelt_result result =
        smelt_ir_axis(lowering->ir, node, smelt_ir_integer(node, "axis"), x->info.rank, &axis);
    if (result)
        return result;
    axes[axis] = true;
    if (smelt_ir_integer(node, "select_last_index"))
        return reduce_plainly(lowering,
                              greatest ? "KIND=SMELT_REDUCE_ARG_MAX ABSOLUTE=0"
                                       : "KIND=SMELT_REDUCE_ARG_MIN ABSOLUTE=0",
                              x, axes, y);
    return smelt_lower_reduction(lowering, greatest ? SMELT_REDUCE_ARG_MAX : SMELT_REDUCE_ARG_MIN, x, axes,
                                 y);
}

enum smelt_result smelt_lower_softmax(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    struct smelt_softmax_params params = {.logarithm = !strcmp(node->op->name, "LogSoftmax")};
    enum smelt_result result = smelt_ir_axis(lowering->ir, node, smelt_ir_integer(node, "axis"),
                                             node->inputs[0]->rank, &params.axis);
    if (result)
        return result;
    bool many = node->inputs[0]->rank > MAX_LINES + 1; // packed ones always step evenly
    params.x = many ? smelt_lower_packed_input(lowering, node, 0) : smelt_lower_input(lowering, node, 0);
    params.y = smelt_lower_output(lowering, node, 0, many ? SMELT_ORDER_ROWS : SMELT_ORDER_LARGEST_INPUT);
    if (!params.x || !params.y)
        return lowering->result;
    return smelt_encode_softmax(lowering->encoder, &params);
}
