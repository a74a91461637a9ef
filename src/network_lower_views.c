// SPDX-License-Identifier: MIT
// Views and small calls that several families' lowering functions share.
#include "network_lower_views.h"

#include "elementwise_internal.h"

#include <string.h>

void smelt_shape_add(struct smelt_shape *shape, uint64_t extent, uint64_t stride)
{
    if (extent == 1)
        return;
    shape->extents[shape->rank] = extent;
    shape->strides[shape->rank++] = stride;
}

smelt_tensor smelt_lower_shape_view(struct smelt_lowering *lowering, smelt_tensor base,
                                    const struct smelt_shape *shape)
{
    return smelt_lower_view(lowering, base, 0, shape->rank, shape->extents, shape->strides);
}

// Dimensions by falling stride.
static void sort(const struct smelt_tensor_info *tensor, uint32_t *order)
{
    for (uint32_t d = 0; d < tensor->rank; d++) {
        uint32_t at = d;
        for (; at > 0 && tensor->strides[order[at - 1]] < tensor->strides[d]; at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
}

void smelt_lines_shape(const struct smelt_tensor_info *tensor, const bool *axes,
                       struct smelt_lines_shape *lines)
{
    uint32_t order[SMELT_TENSOR_MAX_RANK];
    struct smelt_shape *joined = &lines->axes;
    memset(lines, 0, sizeof(*lines));
    for (uint32_t d = 0; d < tensor->rank; d++)
        if (!axes[d])
            smelt_shape_add(&lines->others, tensor->shape[d], tensor->strides[d]);
    sort(tensor, order);
    for (uint32_t i = 0; i < tensor->rank; i++) {
        uint64_t extent = tensor->shape[order[i]], stride = tensor->strides[order[i]];
        if (!axes[order[i]] || extent == 1)
            continue;
        if (joined->rank && joined->strides[joined->rank - 1] == stride * extent) {
            joined->extents[joined->rank - 1] *= extent;
            joined->strides[joined->rank - 1] = stride;
        } else {
            smelt_shape_add(joined, extent, stride);
        }
    }
    if (!joined->rank) {
        joined->rank = 1;
        joined->extents[0] = joined->strides[0] = 1;
    }
}

smelt_tensor smelt_lower_temporary_like(struct smelt_lowering *lowering, enum smelt_dtype dtype,
                                        smelt_tensor x, const uint64_t *shape)
{
    uint32_t order[SMELT_TENSOR_MAX_RANK], rank = x->info.rank;
    uint64_t sorted[SMELT_TENSOR_MAX_RANK], strides[SMELT_TENSOR_MAX_RANK];
    sort(&x->info, order);
    for (uint32_t i = 0; i < rank; i++)
        sorted[i] = shape[order[i]];
    smelt_tensor memory = smelt_lower_temporary(lowering, dtype, rank, sorted);
    if (!memory)
        return NULL;
    for (uint32_t i = 0; i < rank; i++)
        strides[order[i]] = memory->info.strides[i];
    return smelt_lower_view(lowering, memory, 0, rank, shape, strides);
}

smelt_tensor smelt_lower_lines_copy(struct smelt_lowering *lowering, smelt_tensor x, const bool *axes)
{
    uint32_t permutation[SMELT_TENSOR_MAX_RANK], rank = 0;
    uint64_t shape[SMELT_TENSOR_MAX_RANK];
    for (int last = 0; last < 2; last++)
        for (uint32_t d = 0; d < x->info.rank; d++)
            if (axes[d] == last)
                permutation[rank++] = d;
    for (uint32_t i = 0; i < rank; i++)
        shape[i] = x->info.shape[permutation[i]];
    smelt_tensor copy = smelt_lower_temporary(lowering, x->info.dtype, rank, shape);
    if (!copy)
        return NULL;
    lowering->result = smelt_encode_copy(lowering->encoder, copy, x, permutation);
    return lowering->result ? NULL : copy;
}

smelt_tensor smelt_lower_along(struct smelt_lowering *lowering, smelt_tensor vector, uint32_t rank,
                               uint32_t axis)
{
    uint64_t shape[SMELT_TENSOR_MAX_RANK], strides[SMELT_TENSOR_MAX_RANK];
    for (uint32_t d = axis; d < rank; d++) {
        shape[d - axis] = d == axis ? vector->info.shape[0] : 1;
        strides[d - axis] = d == axis ? SMELT_MAX(vector->info.strides[0], 1) : 1;
    }
    return smelt_lower_view(lowering, vector, 0, rank - axis, shape, strides);
}

static bool is_channels_last(smelt_tensor tensor, smelt_tensor y)
{
    return tensor->info.rank == y->info.rank && tensor->info.shape[1] == y->info.shape[1] &&
           tensor->info.shape[1] > 1 && tensor->info.strides[1] == 1;
}

// A tensor of rank `rank`, or what broadcasts to it, with its dimensions in this order.
static smelt_tensor in_order(struct smelt_lowering *lowering, smelt_tensor t, uint32_t rank,
                             const uint32_t *order)
{
    uint64_t shape[SMELT_TENSOR_MAX_RANK], strides[SMELT_TENSOR_MAX_RANK];
    uint32_t missing = rank - t->info.rank;
    for (uint32_t d = 0; d < rank; d++) {
        bool there = order[d] >= missing;
        shape[d] = there ? t->info.shape[order[d] - missing] : 1;
        strides[d] = there ? t->info.strides[order[d] - missing] : 1;
    }
    return smelt_tensor_element_count(t) == 1 ? t : smelt_lower_view(lowering, t, 0, rank, shape, strides);
}

static enum smelt_result order_all(struct smelt_lowering *lowering, struct smelt_elementwise_params *params,
                                   const uint32_t *order)
{
    uint32_t rank = params->y->info.rank;
    params->y = in_order(lowering, params->y, rank, order);
    for (uint32_t i = 0; i < params->input_count && !lowering->result; i++)
        params->inputs[i] = in_order(lowering, params->inputs[i], rank, order);
    return lowering->result;
}

// Views with channels last, as those of convolutions are, where one of y's shape lies so: fusion compares views.
static enum smelt_result prefer_channels_last(struct smelt_lowering *lowering,
                                              struct smelt_elementwise_params *params)
{
    static const uint32_t order[4] = {0, 2, 3, 1};
    bool found = params->y->info.rank == 4 && is_channels_last(params->y, params->y);
    for (uint32_t i = 0; i < params->input_count && params->y->info.rank == 4; i++)
        found |= is_channels_last(params->inputs[i], params->y);
    return found && !lowering->result ? order_all(lowering, params, order) : lowering->result;
}

// Each element of `to` is the one that `from` has for it.
static enum smelt_result spread(struct smelt_lowering *lowering, smelt_tensor from, smelt_tensor to)
{
    const struct smelt_elementwise_step same = {.operation = SMELT_ELEMENTWISE_ACTIVATE,
                                                .activation = SMELT_ACTIVATION_NONE};
    const struct smelt_elementwise_params params = {
        .inputs = {from}, .input_count = 1, .steps = &same, .step_count = 1, .y = to};
    return smelt_lower_take(lowering, smelt_encode_elementwise(lowering->encoder, &params));
}

// More strides than a call can push: all in the order of y's elements in memory, and as many inputs as it takes, if need be y too,
// by way of temporaries that lie one element behind the other.
static enum smelt_result encode_spread(struct smelt_lowering *lowering,
                                       struct smelt_elementwise_params *params)
{
    uint32_t order[SMELT_TENSOR_MAX_RANK];
    sort(&params->y->info, order);
    order_all(lowering, params, order);
    smelt_tensor y = params->y;
    for (uint32_t i = 0; !lowering->result && !smelt_elementwise_fits(params); i++) {
        smelt_tensor *tensor = i < params->input_count ? &params->inputs[i] : &params->y;
        smelt_tensor copy =
            smelt_lower_temporary(lowering, (*tensor)->info.dtype, y->info.rank, y->info.shape);
        if (copy && i < params->input_count)
            spread(lowering, *tensor, copy);
        *tensor = copy;
    }
    if (!lowering->result)
        smelt_lower_take(lowering, smelt_encode_elementwise(lowering->encoder, params));
    return lowering->result || params->y == y ? lowering->result : spread(lowering, params->y, y);
}

enum smelt_result smelt_lower_steps(struct smelt_lowering *lowering, const smelt_tensor *inputs,
                                    uint32_t input_count, const struct smelt_elementwise_step *steps,
                                    uint32_t step_count, smelt_tensor y)
{
    struct smelt_elementwise_params params = {
        .input_count = input_count, .steps = steps, .step_count = step_count, .y = y};
    memcpy(params.inputs, inputs, input_count * sizeof(*inputs));
    enum smelt_result result = prefer_channels_last(lowering, &params);
    if (result)
        return result;
    return smelt_elementwise_fits(&params) ? smelt_encode_elementwise(lowering->encoder, &params)
                                           : encode_spread(lowering, &params);
}

uint32_t smelt_lower_channels_at_a_time(const struct smelt_tensor_info *x, const struct smelt_tensor_info *y)
{
    uint32_t per = x->dtype == SMELT_DTYPE_F16 ? 8 : 4;
    bool fits = x->rank == 4 && x->dtype == y->dtype && (per == 8 || x->dtype == SMELT_DTYPE_F32) &&
                x->shape[1] > 4 && x->shape[1] % per == 0 && x->address % 16 == 0 && y->address % 16 == 0;
    for (uint32_t d = 0; d < x->rank && fits; d++)
        fits = d == 1 ? x->strides[d] == 1 && y->strides[d] == 1
                      : x->strides[d] % per == 0 && y->strides[d] % per == 0;
    return fits ? per : 1;
}
