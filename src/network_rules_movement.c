// SPDX-License-Identifier: MIT
// Operators that move elements and compute none: reshape and its kin, transpose, concat, slice, pad, gather.
#include "network_lower.h"

#include <string.h>

// The shape's entries: an extent, 0 for input 0's (unless allowzero), -1 for what is left.
static enum smelt_result rule_reshape(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    const struct smelt_dim *entries;
    struct smelt_dim shape[SMELT_IR_MAX_RANK], rest = smelt_dim_constant(1);
    uint32_t rank, free = UINT32_MAX;
    bool zero = smelt_ir_integer(node, "allowzero");
    enum smelt_result result = smelt_ir_host_dims(ir, node, 1, &entries, &rank);
    if (result)
        return result;
    if (rank > SMELT_IR_MAX_RANK)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "a shape of rank %u, wanted at most %d", rank,
                                  SMELT_IR_MAX_RANK);
    for (uint32_t i = 0; i < rank; i++) {
        shape[i] = entries[i];
        if (smelt_dim_is(entries[i], 0) && !zero) {
            if (i >= x->rank)
                return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                          "shape[%u] is 0, but the input has rank %u", i, x->rank);
            shape[i] = x->shape[i];
        } else if (smelt_dim_is(entries[i], -1)) {
            if (free != UINT32_MAX)
                return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "-1 appears twice in the shape");
            free = i;
            continue;
        } else if (!entries[i].expression && entries[i].constant < 0) {
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "shape[%u] is %lld, wanted -1 or more", i,
                                      (long long)entries[i].constant);
        }
        rest = smelt_dim_mul(ir, rest, shape[i]);
    }
    struct smelt_dim all = smelt_ir_product(ir, x->shape, 0, x->rank);
    if (free != UINT32_MAX)
        shape[free] = smelt_dim_is(rest, 0) ? smelt_dim_constant(0) : smelt_dim_floor_div(ir, all, rest);
    struct smelt_dim made = free == UINT32_MAX ? rest : smelt_dim_mul(ir, rest, shape[free]);
    if (!all.expression && !made.expression && all.constant != made.constant)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "the shape has %lld elements, the input %lld",
                                  (long long)made.constant, (long long)all.constant);
    smelt_ir_set_output(node, 0, x->element, rank, shape);
    return SMELT_OK;
}

static enum smelt_result rule_flatten(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    int64_t axis = smelt_ir_integer(node, "axis");
    if (axis < -(int64_t)x->rank || axis > (int64_t)x->rank)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted an axis in [-%u, %u], got %lld",
                                  x->rank, x->rank, (long long)axis);
    uint32_t at = (uint32_t)(axis < 0 ? axis + (int64_t)x->rank : axis);
    struct smelt_dim shape[2] = {smelt_ir_product(ir, x->shape, 0, at),
                                 smelt_ir_product(ir, x->shape, at, x->rank)};
    smelt_ir_set_output(node, 0, x->element, 2, shape);
    return SMELT_OK;
}

// The axes of input 1 as flags; each once.
static enum smelt_result read_axes(struct smelt_ir *ir, const struct smelt_ir_node *node, uint32_t rank,
                                   bool *axes, uint32_t *count)
{
    const int64_t *list;
    enum smelt_result result = smelt_ir_host_integers(ir, node, 1, &list, count);
    for (uint32_t i = 0; i < *count && !result; i++) {
        uint32_t axis;
        if ((result = smelt_ir_axis(ir, node, list[i], rank, &axis)))
            return result;
        if (axes[axis])
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "axis %u appears twice", axis);
        axes[axis] = true;
    }
    return result;
}

static enum smelt_result rule_squeeze(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    bool axes[SMELT_IR_MAX_RANK] = {0};
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    uint32_t count, rank = 0;
    enum smelt_result result = read_axes(ir, node, x->rank, axes, &count);
    for (uint32_t i = 0; i < x->rank && !result; i++) {
        if (!smelt_ir_input(node, 1) && x->shape[i].expression)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_UNSUPPORTED,
                                      "without axes, whether extent %u goes depends on the free ones", i);
        if (smelt_ir_input(node, 1) ? !axes[i] : !smelt_dim_is(x->shape[i], 1))
            shape[rank++] = x->shape[i];
        else
            result = smelt_ir_want_extent(ir, node, 0, i, smelt_dim_constant(1));
    }
    if (!result)
        smelt_ir_set_output(node, 0, x->element, rank, shape);
    return result;
}

static enum smelt_result rule_unsqueeze(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *list = node->inputs[1];
    bool axes[SMELT_IR_MAX_RANK] = {0};
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    uint64_t more = smelt_ir_element_count(list);
    if (more > SMELT_IR_MAX_RANK || x->rank + more > SMELT_IR_MAX_RANK)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted a rank of at most %d",
                                  SMELT_IR_MAX_RANK);
    uint32_t count, rank = x->rank + (uint32_t)more;
    enum smelt_result result = read_axes(ir, node, rank, axes, &count);
    for (uint32_t i = 0, from = 0; i < rank && !result; i++)
        shape[i] = axes[i] ? smelt_dim_constant(1) : x->shape[from++];
    if (!result)
        smelt_ir_set_output(node, 0, x->element, rank, shape);
    return result;
}

enum smelt_result smelt_ir_permutation(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                       uint32_t permutation[SMELT_IR_MAX_RANK])
{
    const struct smelt_ir_attribute *perm = smelt_ir_attribute(node, "perm");
    uint32_t rank = node->inputs[0]->rank, seen = 0;
    if (perm->set && perm->count != rank)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "perm has %u entries, the input rank %u",
                                  perm->count, rank);
    for (uint32_t i = 0; i < rank; i++) {
        enum smelt_result result = SMELT_OK;
        permutation[i] = rank - 1 - i;
        if (perm->set && (result = smelt_ir_axis(ir, node, perm->integers[i], rank, &permutation[i])))
            return result;
        seen |= 1u << permutation[i];
    }
    return seen == (1u << rank) - 1
               ? SMELT_OK
               : smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "perm is no permutation of %u axes", rank);
}

static enum smelt_result rule_transpose(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    uint32_t permutation[SMELT_IR_MAX_RANK];
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    enum smelt_result result = smelt_ir_permutation(ir, node, permutation);
    if (result)
        return result;
    for (uint32_t i = 0; i < x->rank; i++)
        shape[i] = x->shape[permutation[i]];
    smelt_ir_set_output(node, 0, x->element, x->rank, shape);
    return SMELT_OK;
}

static enum smelt_result rule_concat(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *first = node->inputs[0];
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    uint32_t axis;
    enum smelt_result result = smelt_ir_axis(ir, node, smelt_ir_integer(node, "axis"), first->rank, &axis);
    if (!result)
        result = smelt_ir_want_same(ir, node, 1);
    if (result)
        return result;
    memcpy(shape, first->shape, sizeof(shape));
    for (uint32_t i = 1; i < node->input_count; i++) {
        const struct smelt_ir_value *v = node->inputs[i];
        if (!v)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT, "input %u is left out", i);
        if ((result = smelt_ir_want_rank(ir, node, i, first->rank, first->rank)))
            return result;
        for (uint32_t d = 0; d < first->rank; d++) {
            if (d == axis) {
                shape[d] = smelt_dim_add(ir, shape[d], v->shape[d]);
                continue;
            }
            if ((result = smelt_ir_want_extent(ir, node, i, d, shape[d])))
                return result;
            if (shape[d].expression && !v->shape[d].expression)
                shape[d] = v->shape[d];
        }
    }
    smelt_ir_set_output(node, 0, first->element, first->rank, shape);
    return SMELT_OK;
}

static enum smelt_result rule_split(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    const struct smelt_dim *sizes;
    struct smelt_dim shape[SMELT_IR_MAX_RANK], sum = smelt_dim_constant(0);
    uint32_t axis, count, parts = node->output_count;
    enum smelt_result result = smelt_ir_axis(ir, node, smelt_ir_integer(node, "axis"), x->rank, &axis);
    if (!result)
        result = smelt_ir_host_dims(ir, node, 1, &sizes, &count);
    if (result)
        return result;
    int64_t wanted = smelt_ir_integer(node, "num_outputs");
    if (sizes ? count != parts : wanted != 0 && wanted != (int64_t)parts)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "%u outputs, but the split makes %lld", parts,
                                  (long long)(sizes ? count : wanted));
    memcpy(shape, x->shape, sizeof(shape));
    struct smelt_dim part = smelt_dim_ceil_div(ir, x->shape[axis], smelt_dim_constant(parts));
    for (uint32_t i = 0; i < parts; i++) {
        shape[axis] = sizes ? sizes[i] : i + 1 == parts ? smelt_dim_sub(ir, x->shape[axis], sum) : part;
        sum = smelt_dim_add(ir, sum, shape[axis]);
        smelt_ir_set_output(node, i, x->element, x->rank, shape);
    }
    if (!sum.expression && !x->shape[axis].expression && sum.constant != x->shape[axis].constant)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                  "the parts have %lld elements of %lld on axis %u", (long long)sum.constant,
                                  (long long)x->shape[axis].constant, axis);
    return SMELT_OK;
}

// A start or an end as an index: counted from the back when negative, no further out than [low, high].
static struct smelt_dim clamp_index(struct smelt_ir *ir, struct smelt_dim index, struct smelt_dim extent,
                                    struct smelt_dim low, struct smelt_dim high)
{
    if (!index.expression && index.constant >= INT32_MAX)
        return high;
    if (!index.expression && index.constant <= -INT32_MAX)
        return low;
    if (!index.expression && index.constant < 0)
        index = smelt_dim_add(ir, index, extent);
    return smelt_dim_max(ir, smelt_dim_min(ir, index, high), low);
}

enum smelt_result smelt_ir_slices(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                  struct smelt_ir_slice *slices)
{
    const struct smelt_ir_value *x = node->inputs[0];
    const struct smelt_dim *starts, *ends;
    const int64_t *axes, *steps;
    uint32_t start_count, end_count, axis_count, step_count, seen = 0;
    enum smelt_result result = smelt_ir_host_dims(ir, node, 1, &starts, &start_count);
    if (!result)
        result = smelt_ir_host_dims(ir, node, 2, &ends, &end_count);
    if (!result)
        result = smelt_ir_host_integers(ir, node, 3, &axes, &axis_count);
    if (!result)
        result = smelt_ir_host_integers(ir, node, 4, &steps, &step_count);
    if (result)
        return result;
    if (end_count != start_count || (axes && axis_count != start_count) ||
        (steps && step_count != start_count) || (!axes && start_count > x->rank))
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                  "starts, ends, axes and steps differ in number");
    for (uint32_t d = 0; d < x->rank; d++)
        slices[d] = (struct smelt_ir_slice){smelt_dim_constant(0), x->shape[d], 1};
    for (uint32_t i = 0; i < start_count; i++) {
        uint32_t axis = i;
        int64_t step = steps ? steps[i] : 1;
        if (axes && (result = smelt_ir_axis(ir, node, axes[i], x->rank, &axis)))
            return result;
        if (seen >> axis & 1 || step == 0 || step < -INT32_MAX || step > INT32_MAX)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                      "axis %u: step %lld, or an axis given twice", axis, (long long)step);
        seen |= 1u << axis;
        struct smelt_dim in = x->shape[axis], zero = smelt_dim_constant(0),
                         last = smelt_dim_add(ir, in, smelt_dim_constant(-1));
        struct smelt_dim low = step > 0 ? zero : smelt_dim_constant(-1), high = step > 0 ? in : last;
        struct smelt_dim begin = clamp_index(ir, starts[i], in, step > 0 ? low : zero, high);
        struct smelt_dim end = clamp_index(ir, ends[i], in, low, high);
        struct smelt_dim distance = step > 0 ? smelt_dim_sub(ir, end, begin) : smelt_dim_sub(ir, begin, end);
        struct smelt_dim count =
            smelt_dim_ceil_div(ir, distance, smelt_dim_constant(step > 0 ? step : -step));
        slices[axis] = (struct smelt_ir_slice){begin, smelt_dim_max(ir, count, zero), step};
    }
    return SMELT_OK;
}

static enum smelt_result rule_slice(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    struct smelt_ir_slice slices[SMELT_IR_MAX_RANK];
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    enum smelt_result result = smelt_ir_slices(ir, node, slices);
    if (result)
        return result;
    for (uint32_t d = 0; d < node->inputs[0]->rank; d++)
        shape[d] = slices[d].count;
    smelt_ir_set_output(node, 0, node->inputs[0]->element, node->inputs[0]->rank, shape);
    return SMELT_OK;
}

static enum smelt_result rule_pad(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *value = smelt_ir_input(node, 2);
    const struct smelt_dim *pads;
    const int64_t *axes;
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    uint32_t count, axis_count, seen = 0;
    enum smelt_result result = smelt_ir_host_dims(ir, node, 1, &pads, &count);
    if (!result)
        result = smelt_ir_host_integers(ir, node, 3, &axes, &axis_count);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 2, 0, 1);
    if (!result && value && value->element != SMELT_ELEMENT_F32) // an attribute's value is f32
        result = smelt_ir_want_element(ir, node, 2, x->element);
    if (result)
        return result;
    if (!axes)
        axis_count = x->rank;
    if (axis_count > x->rank || count != 2 * axis_count)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted 2 pads for each of %u axes, got %u",
                                  axis_count, count);
    memcpy(shape, x->shape, sizeof(shape));
    for (uint32_t i = 0; i < axis_count; i++) {
        uint32_t axis = i;
        if (axes && (result = smelt_ir_axis(ir, node, axes[i], x->rank, &axis)))
            return result;
        if (seen >> axis & 1)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "axis %u appears twice", axis);
        seen |= 1u << axis;
        shape[axis] = smelt_dim_add(ir, smelt_dim_add(ir, shape[axis], pads[i]), pads[axis_count + i]);
    }
    smelt_ir_set_output(node, 0, x->element, x->rank, shape);
    return SMELT_OK;
}

static enum smelt_result rule_expand(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    const struct smelt_dim *entries;
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    uint32_t count, rank = x->rank;
    enum smelt_result result = smelt_ir_host_dims(ir, node, 1, &entries, &count);
    if (!result && count > SMELT_IR_MAX_RANK)
        result = smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "a shape of rank %u, wanted at most %d",
                                    count, SMELT_IR_MAX_RANK);
    if (result)
        return result;
    memcpy(shape, x->shape, sizeof(shape));
    if ((result = smelt_ir_broadcast(ir, node, &rank, shape, count, entries)))
        return result;
    smelt_ir_set_output(node, 0, x->element, rank, shape);
    return SMELT_OK;
}

static enum smelt_result rule_tile(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    const struct smelt_dim *repeats;
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    uint32_t count;
    enum smelt_result result = smelt_ir_host_dims(ir, node, 1, &repeats, &count);
    if (!result && count != x->rank)
        result = smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted %u repeats, got %u", x->rank, count);
    for (uint32_t i = 0; i < x->rank && !result; i++)
        shape[i] = smelt_dim_mul(ir, x->shape[i], repeats[i]);
    if (!result)
        smelt_ir_set_output(node, 0, x->element, x->rank, shape);
    return result;
}

static enum smelt_result rule_gather(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *indices = node->inputs[1];
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    uint32_t axis, rank = 0;
    enum smelt_result result = smelt_ir_axis(ir, node, smelt_ir_integer(node, "axis"), x->rank, &axis);
    if (!result && indices->element != SMELT_ELEMENT_I32)
        result = smelt_ir_want_element(ir, node, 1, SMELT_ELEMENT_I64);
    if (!result && x->rank - 1 + indices->rank > SMELT_IR_MAX_RANK)
        result =
            smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted a rank of at most %d", SMELT_IR_MAX_RANK);
    if (result)
        return result;
    for (uint32_t i = 0; i < axis; i++)
        shape[rank++] = x->shape[i];
    for (uint32_t i = 0; i < indices->rank; i++)
        shape[rank++] = indices->shape[i];
    for (uint32_t i = axis + 1; i < x->rank; i++)
        shape[rank++] = x->shape[i];
    smelt_ir_set_output(node, 0, x->element, rank, shape);
    return SMELT_OK;
}

#define AXIS                                                                                                 \
    {                                                                                                        \
        .name = "axis", .kind = SMELT_ATTRIBUTE_INTEGER, .required = true                                    \
    }
static const struct smelt_attribute_schema concat[] = {AXIS, {0}};
static const struct smelt_attribute_schema flatten[] = {SMELT_INTEGER("axis", 1), {0}};
static const struct smelt_attribute_schema gather[] = {SMELT_INTEGER("axis", 0), {0}};
static const struct smelt_attribute_schema pad[] = {SMELT_WORD("mode", "constant reflect edge wrap"), {0}};
static const struct smelt_attribute_schema reshape[] = {SMELT_FLAG("allowzero", 0), {0}};
static const struct smelt_attribute_schema split[] = {
    SMELT_INTEGER("axis", 0), SMELT_RANGE("num_outputs", 0, 0, INT32_MAX), {0}};
static const struct smelt_attribute_schema transpose[] = {SMELT_INTEGERS("perm"), {0}};

static const struct smelt_operator operators[] = {
    {"Concat", 1, 1, SMELT_IR_VARIADIC, 1, concat, rule_concat, smelt_evaluate_concat, 0, 0,
     smelt_lower_concat, true},
    {"Expand", 8, 2, 2, 1, NULL, rule_expand, smelt_evaluate_expand, 2, 0, smelt_lower_expand, false},
    {"Flatten", 1, 1, 1, 1, flatten, rule_flatten, smelt_evaluate_copy, 0, 0, smelt_lower_reshape, false},
    {"Gather", 1, 2, 2, 1, gather, rule_gather, smelt_evaluate_gather, 0, 0, smelt_lower_gather, false},
    {"Pad", 2, 2, 4, 1, pad, rule_pad, NULL, 1 << 1 | 1 << 3, 1 << 2, smelt_lower_pad, true},
    {"Reshape", 5, 2, 2, 1, reshape, rule_reshape, smelt_evaluate_copy, 2, 0, smelt_lower_reshape, false},
    {"Slice", 1, 3, 5, 1, NULL, rule_slice, smelt_evaluate_slice, 30, 0, smelt_lower_slice, false},
    {"Split", 2, 1, 2, SMELT_IR_VARIADIC, split, rule_split, smelt_evaluate_split, 2, 0, smelt_lower_split,
     false},
    {"Squeeze", 1, 1, 2, 1, NULL, rule_squeeze, smelt_evaluate_copy, 2, 0, smelt_lower_reshape, false},
    {"Tile", 6, 2, 2, 1, NULL, rule_tile, smelt_evaluate_tile, 2, 0, smelt_lower_tile, false},
    {"Transpose", 1, 1, 1, 1, transpose, rule_transpose, smelt_evaluate_transpose, 0, 0,
     smelt_lower_transpose, false},
    {"Unsqueeze", 1, 2, 2, 1, NULL, rule_unsqueeze, smelt_evaluate_copy, 2, 0, smelt_lower_reshape, false},
};

const struct smelt_operator_family smelt_family_movement = {operators, SMELT_COUNT_OF(operators),
                                                            "Shapes and places"};
