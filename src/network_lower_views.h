// SPDX-License-Identifier: MIT
// Views for lowering (layer 3): tensors of networks as the fewer dimensions, or lines, that the library's calls take.
#ifndef SMELT_NETWORK_LOWER_VIEWS_H
#define SMELT_NETWORK_LOWER_VIEWS_H

#include "network_lower.h"
#include "tensor_internal.h"

// Dimensions of a view in the making; extents of 1 are left out.
struct smelt_shape {
    uint32_t rank;
    uint64_t extents[SMELT_TENSOR_MAX_RANK], strides[SMELT_TENSOR_MAX_RANK];
};
void smelt_shape_add(struct smelt_shape *shape, uint64_t extent, uint64_t stride);
smelt_tensor smelt_lower_shape_view(struct smelt_lowering *lowering, smelt_tensor base,
                                    const struct smelt_shape *shape);

// The dimensions of a tensor in two parts: lines along those of `axes`, which are joined where they step evenly (largest
// stride first; one of extent 1 when there are none), and the others.
struct smelt_lines_shape {
    struct smelt_shape others, axes;
};
void smelt_lines_shape(const struct smelt_tensor_info *tensor, const bool *axes,
                       struct smelt_lines_shape *lines);

// A temporary of this shape, of x's rank and order in memory, without gaps.
smelt_tensor smelt_lower_temporary_like(struct smelt_lowering *lowering, enum smelt_dtype dtype,
                                        smelt_tensor x, const uint64_t *shape);
// A packed copy of x with the dimensions of `axes` behind the others.
smelt_tensor smelt_lower_lines_copy(struct smelt_lowering *lowering, smelt_tensor x, const bool *axes);
// A vector as the elements along `axis` of tensors of `rank`, to broadcast from the last dimension.
smelt_tensor smelt_lower_along(struct smelt_lowering *lowering, smelt_tensor vector, uint32_t rank,
                               uint32_t axis);
// Elements of 16 bytes that are neighbours in both images along the channels; 1 where they are not, and for the few that
// pictures have.
uint32_t smelt_lower_channels_at_a_time(const struct smelt_tensor_info *x, const struct smelt_tensor_info *y);
// y = steps(inputs).
enum smelt_result smelt_lower_steps(struct smelt_lowering *lowering, const smelt_tensor *inputs,
                                    uint32_t input_count, const struct smelt_elementwise_step *steps,
                                    uint32_t step_count, smelt_tensor y);
// y = x reduced along the axes, in one dispatch or a few; y is packed, with x's rank (extents of 1) or without the axes. Kinds
// that give indices take one axis.
enum smelt_result smelt_lower_reduction(struct smelt_lowering *lowering, enum smelt_reduce reduce,
                                        smelt_tensor x, const bool *axes, smelt_tensor y);

#endif
