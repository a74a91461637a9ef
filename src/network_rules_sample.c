// SPDX-License-Identifier: MIT
// Operators that resample: resize, grid sample, and the two that trade depth for space.
#include "network_lower.h"

#include <math.h>
#include <string.h>

// X, roi, scales, sizes: the axes they speak of.
static enum smelt_result resized_axes(struct smelt_ir *ir, const struct smelt_ir_node *node, uint32_t *axes,
                                      uint32_t *count)
{
    const struct smelt_ir_attribute *list = smelt_ir_attribute(node, "axes");
    uint32_t rank = node->inputs[0]->rank, seen = 0;
    *count = list->set ? list->count : rank;
    if (*count > rank)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "%u axes, the input has %u", *count, rank);
    for (uint32_t i = 0; i < *count; i++) {
        enum smelt_result result = SMELT_OK;
        axes[i] = i;
        if (list->set && (result = smelt_ir_axis(ir, node, list->integers[i], rank, &axes[i])))
            return result;
        if (seen >> axes[i] & 1)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "axis %u appears twice", axes[i]);
        seen |= 1u << axes[i];
    }
    return SMELT_OK;
}

// The one scale of all axes under a policy that keeps the aspect ratio.
static enum smelt_result common_scale(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                      const uint32_t *axes, uint32_t count, const struct smelt_dim *sizes,
                                      double *scale)
{
    bool larger = smelt_ir_word_is(node, "keep_aspect_ratio_policy", "not_smaller");
    *scale = larger ? 0 : INFINITY;
    for (uint32_t i = 0; i < count; i++) {
        struct smelt_dim in = node->inputs[0]->shape[axes[i]];
        if (in.expression || sizes[i].expression || !in.constant)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_UNSUPPORTED,
                                      "keep_aspect_ratio_policy needs extents that are not free");
        double ratio = (double)sizes[i].constant / (double)in.constant;
        *scale = larger ? fmax(*scale, ratio) : fmin(*scale, ratio);
    }
    return SMELT_OK;
}

// Sizes under such a policy, rounded half up.
static enum smelt_result keep_aspect(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                     const uint32_t *axes, uint32_t count, const struct smelt_dim *sizes,
                                     struct smelt_dim *shape)
{
    double scale;
    enum smelt_result result = common_scale(ir, node, axes, count, sizes, &scale);
    for (uint32_t i = 0; i < count && !result; i++) {
        double extent = floor(scale * (double)node->inputs[0]->shape[axes[i]].constant + 0.5);
        if (!(extent >= 0 && extent <= INT32_MAX))
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "an extent overflows");
        shape[axes[i]] = smelt_dim_constant((int64_t)extent);
    }
    return result;
}

static enum smelt_result resize_by_scales(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                          const uint32_t *axes, uint32_t count, struct smelt_dim *shape)
{
    const double *scales, *roi = NULL;
    uint32_t given, roi_count = 0;
    bool crop = smelt_ir_word_is(node, "coordinate_transformation_mode", "tf_crop_and_resize");
    enum smelt_result result = smelt_ir_host_numbers(ir, node, 2, &scales, &given);
    if (!result && crop)
        result = smelt_ir_host_numbers(ir, node, 1, &roi, &roi_count);
    if (result)
        return result;
    if (given != count || (crop && roi_count != 2 * count))
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted %u scales, got %u", count, given);
    for (uint32_t i = 0; i < count; i++) {
        double scale = scales[i] * (crop ? roi[count + i] - roi[i] : 1);
        if (!(scale > 0 && scale <= 0x1p31))
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                      "scale %u is %g, wanted one above 0, at most 2^31", i, scale);
        shape[axes[i]] = smelt_dim_scale(ir, shape[axes[i]], scale);
    }
    return SMELT_OK;
}

static bool is_empty(const struct smelt_ir_value *value)
{
    return !value || (value->rank == 1 && smelt_dim_is(value->shape[0], 0));
}

// Scales from sizes.
static enum smelt_result scales_of_sizes(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                         struct smelt_ir_resize *resize)
{
    const struct smelt_dim *sizes;
    uint32_t given;
    double common;
    enum smelt_result result = smelt_ir_host_dims(ir, node, 3, &sizes, &given);
    bool stretch = smelt_ir_word_is(node, "keep_aspect_ratio_policy", "stretch");
    if (!result && !stretch)
        result = common_scale(ir, node, resize->axes, resize->count, sizes, &common);
    for (uint32_t i = 0; i < resize->count && !result; i++)
        resize->scales[i] =
            stretch ? (double)sizes[i].constant / (double)node->inputs[0]->shape[resize->axes[i]].constant
                    : common;
    return result;
}

enum smelt_result smelt_ir_resize(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                  struct smelt_ir_resize *resize)
{
    const double *scales = NULL, *roi = NULL;
    uint32_t given;
    enum smelt_result result = resized_axes(ir, node, resize->axes, &resize->count);
    if (!result && smelt_ir_word_is(node, "coordinate_transformation_mode", "tf_crop_and_resize"))
        result = smelt_ir_host_numbers(ir, node, 1, &roi, &given);
    if (!result && roi && given != 2 * resize->count)
        result = smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted %u numbers in roi, got %u",
                                    2 * resize->count, given);
    if (!result && is_empty(smelt_ir_input(node, 2)))
        result = scales_of_sizes(ir, node, resize);
    else if (!result)
        result = smelt_ir_host_numbers(ir, node, 2, &scales, &given);
    for (uint32_t i = 0; i < resize->count && !result; i++) {
        resize->begins[i] = roi ? roi[i] : 0;
        resize->ends[i] = roi ? roi[resize->count + i] : 1;
        resize->scales[i] = scales ? scales[i] : resize->scales[i];
    }
    return result;
}

static enum smelt_result rule_resize(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0];
    uint32_t axes[SMELT_IR_MAX_RANK], count, given;
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    const struct smelt_dim *sizes;
    bool by_scales = !is_empty(smelt_ir_input(node, 2)), by_sizes = !is_empty(smelt_ir_input(node, 3));
    enum smelt_result result = resized_axes(ir, node, axes, &count);
    if (result)
        return result;
    if (by_scales == by_sizes)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT, "wanted scales or sizes, got %s",
                                  by_scales ? "both" : "neither");
    memcpy(shape, x->shape, sizeof(shape));
    if (by_scales) {
        result = resize_by_scales(ir, node, axes, count, shape);
    } else if (!(result = smelt_ir_host_dims(ir, node, 3, &sizes, &given))) {
        if (given != count)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE, "wanted %u sizes, got %u", count, given);
        for (uint32_t i = 0; i < count; i++)
            shape[axes[i]] = sizes[i];
        if (!smelt_ir_word_is(node, "keep_aspect_ratio_policy", "stretch"))
            result = keep_aspect(ir, node, axes, count, sizes, shape);
    }
    if (!result)
        smelt_ir_set_output(node, 0, x->element, x->rank, shape);
    return result;
}

// x [n][c][...], grid [n][...][coordinates]
static enum smelt_result rule_grid_sample(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    const struct smelt_ir_value *x = node->inputs[0], *grid = node->inputs[1];
    struct smelt_dim shape[SMELT_IR_MAX_RANK] = {x->shape[0], x->shape[1]};
    enum smelt_result result = smelt_ir_want_rank(ir, node, 0, 3, 5);
    if (!result)
        result = smelt_ir_want_float(ir, node, 1);
    if (!result)
        result = smelt_ir_want_rank(ir, node, 1, x->rank, x->rank);
    if (!result)
        result = smelt_ir_want_extent(ir, node, 1, 0, x->shape[0]);
    if (!result)
        result = smelt_ir_want_extent(ir, node, 1, x->rank - 1, smelt_dim_constant(x->rank - 2));
    if (result)
        return result;
    memcpy(shape + 2, grid->shape + 1, (x->rank - 2) * sizeof(*shape));
    smelt_ir_set_output(node, 0, x->element, x->rank, shape);
    return SMELT_OK;
}

// One of the two moves: b^2 channels against b x b elements.
static enum smelt_result trade(struct smelt_ir *ir, struct smelt_ir_node *node, bool into_space)
{
    const struct smelt_ir_value *x = node->inputs[0];
    struct smelt_dim b = smelt_dim_constant(smelt_ir_integer(node, "blocksize")),
                     square = smelt_dim_mul(ir, b, b);
    enum smelt_result result = smelt_ir_want_rank(ir, node, 0, 4, 4);
    if (result)
        return result;
    for (uint32_t i = 1; i < 4; i++) {
        int64_t divisor = i == 1 ? into_space ? square.constant : 1 : into_space ? 1 : b.constant;
        if (divisor > 0 && !x->shape[i].expression && x->shape[i].constant % divisor)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_SHAPE,
                                      "extent %lld on axis %u is no multiple of %lld",
                                      (long long)x->shape[i].constant, i, (long long)divisor);
    }
    struct smelt_dim shape[4] = {x->shape[0]};
    if (into_space) {
        shape[1] = smelt_dim_floor_div(ir, x->shape[1], square);
        shape[2] = smelt_dim_mul(ir, x->shape[2], b);
        shape[3] = smelt_dim_mul(ir, x->shape[3], b);
    } else {
        shape[1] = smelt_dim_mul(ir, x->shape[1], square);
        shape[2] = smelt_dim_floor_div(ir, x->shape[2], b);
        shape[3] = smelt_dim_floor_div(ir, x->shape[3], b);
    }
    smelt_ir_set_output(node, 0, x->element, 4, shape);
    return SMELT_OK;
}

static enum smelt_result rule_depth_to_space(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    return trade(ir, node, true);
}

static enum smelt_result rule_space_to_depth(struct smelt_ir *ir, struct smelt_ir_node *node)
{
    return trade(ir, node, false);
}

#define BLOCKSIZE                                                                                            \
    {                                                                                                        \
        .name = "blocksize", .kind = SMELT_ATTRIBUTE_INTEGER, .required = true, .least = 1, .most = 1 << 15  \
    }
static const struct smelt_attribute_schema depth_to_space[] = {BLOCKSIZE, SMELT_WORD("mode", "DCR CRD"), {0}};
static const struct smelt_attribute_schema space_to_depth[] = {BLOCKSIZE, {0}};
static const struct smelt_attribute_schema grid_sample[] = {
    SMELT_FLAG("align_corners", 0),
    SMELT_WORD("mode", "linear nearest cubic"),
    SMELT_WORD("padding_mode", "zeros border reflection"),
    {0}};
static const struct smelt_attribute_schema resize[] = {
    SMELT_FLAG("antialias", 0),
    SMELT_INTEGERS("axes"),
    SMELT_WORD(
        "coordinate_transformation_mode",
        "half_pixel half_pixel_symmetric pytorch_half_pixel align_corners asymmetric tf_crop_and_resize"),
    SMELT_NUMBER("cubic_coeff_a", -0.75),
    SMELT_FLAG("exclude_outside", 0),
    SMELT_NUMBER("extrapolation_value", 0),
    SMELT_WORD("keep_aspect_ratio_policy", "stretch not_larger not_smaller"),
    SMELT_WORD("mode", "nearest linear cubic"),
    SMELT_WORD("nearest_mode", "round_prefer_floor round_prefer_ceil floor ceil"),
    {0}};

static const struct smelt_operator operators[] = {
    {"DepthToSpace", 1, 1, 1, 1, depth_to_space, rule_depth_to_space, NULL, 0, 0, smelt_lower_depth_and_space,
     false},
    {"GridSample", 16, 2, 2, 1, grid_sample, rule_grid_sample, NULL, 0, 0, smelt_lower_grid_sample, true},
    {"Resize", 10, 1, 4, 1, resize, rule_resize, NULL, 14, 14, smelt_lower_resize, true},
    {"SpaceToDepth", 1, 1, 1, 1, space_to_depth, rule_space_to_depth, NULL, 0, 0, smelt_lower_depth_and_space,
     false},
};

const struct smelt_operator_family smelt_family_sample = {operators, SMELT_COUNT_OF(operators), "Resampling"};
