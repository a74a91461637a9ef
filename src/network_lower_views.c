// SPDX-License-Identifier: MIT
// Views and small calls that several families' lowering functions share.
#include "network_lower_views.h"

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

// [n][c][h][w], or what broadcasts to it, as [n][h][w][c].
static smelt_tensor with_channels_last(struct smelt_lowering *lowering, smelt_tensor t)
{
    static const uint32_t axes[4] = {0, 2, 3, 1};
    uint64_t shape[4], strides[4];
    uint32_t missing = 4 - t->info.rank;
    for (uint32_t d = 0; d < 4; d++) {
        bool there = axes[d] >= missing;
        shape[d] = there ? t->info.shape[axes[d] - missing] : 1;
        strides[d] = there ? t->info.strides[axes[d] - missing] : 1;
    }
    return smelt_tensor_element_count(t) == 1 ? t : smelt_lower_view(lowering, t, 0, 4, shape, strides);
}

enum smelt_result smelt_lower_channels_last(struct smelt_lowering *lowering,
                                            struct smelt_elementwise_params *params)
{
    bool found = params->y->info.rank == 4 && is_channels_last(params->y, params->y);
    for (uint32_t i = 0; i < params->input_count && params->y->info.rank == 4; i++)
        found |= is_channels_last(params->inputs[i], params->y);
    if (!found || lowering->result)
        return lowering->result;
    params->y = with_channels_last(lowering, params->y);
    for (uint32_t i = 0; i < params->input_count; i++)
        params->inputs[i] = with_channels_last(lowering, params->inputs[i]);
    return lowering->result;
}

enum smelt_result smelt_lower_steps(struct smelt_lowering *lowering, const smelt_tensor *inputs,
                                    uint32_t input_count, const struct smelt_elementwise_step *steps,
                                    uint32_t step_count, smelt_tensor y)
{
    struct smelt_elementwise_params params = {
        .input_count = input_count, .steps = steps, .step_count = step_count, .y = y};
    memcpy(params.inputs, inputs, input_count * sizeof(*inputs));
    enum smelt_result result = smelt_lower_channels_last(lowering, &params);
    return result ? result : smelt_encode_elementwise(lowering->encoder, &params);
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
