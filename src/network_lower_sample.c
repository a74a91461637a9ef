// SPDX-License-Identifier: MIT
// Lowering of resampling (layer 3): Resize by tables of weights that are worked out here in double precision
// (glsl/kernels/operator_resample.glsl), GridSample, and the two moves between depth and space as copies of views.
#include "kernels_operator.h"
#include "network_lower_views.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define AXES 3      // of one dispatch
#define MAX_TAPS 16 // of one dispatch: else an axis after the other
#define OUTSIDE INT32_MIN

// --- Resize -----------------------------------------------------------------------------------------------

// One axis.
struct resized {
    uint32_t axis;
    uint64_t in, out;
    double scale, begin, end; // of the region of interest, in extents
    int first;                // the first weight's element beside the coordinate's floor
    uint32_t taps;
};

// Where index i of the output lies in the input, in elements. ONNX, Resize, "coordinate_transformation_mode".
static double coordinate(const struct smelt_ir_node *node, const struct resized *r, uint64_t i)
{
    static const char mode[] = "coordinate_transformation_mode";
    double x = (double)i, in = (double)r->in, out = r->scale * in;
    if (smelt_ir_word_is(node, mode, "align_corners"))
        return out == 1 ? 0 : x * (in - 1) / (out - 1);
    if (smelt_ir_word_is(node, mode, "asymmetric"))
        return x / r->scale;
    if (smelt_ir_word_is(node, mode, "tf_crop_and_resize")) {
        double span = (r->end - r->begin) * (in - 1);
        return r->begin * (in - 1) + (r->out == 1 ? span / 2 : x * span / (double)(r->out - 1));
    }
    double centre = (x + 0.5) / r->scale - 0.5;
    if (smelt_ir_word_is(node, mode, "pytorch_half_pixel"))
        return r->out == 1 ? -0.5 : centre;
    if (smelt_ir_word_is(node, mode, "half_pixel_symmetric"))
        return in / 2 * (1 - (double)r->out / out) + centre;
    return centre;
}

static double nearest(const struct smelt_ir_node *node, double x)
{
    bool half_up = smelt_ir_word_is(node, "nearest_mode", "round_prefer_ceil");
    if (smelt_ir_word_is(node, "nearest_mode", "floor"))
        return floor(x);
    if (smelt_ir_word_is(node, "nearest_mode", "ceil"))
        return ceil(x);
    return half_up ? floor(x + 0.5) : ceil(x - 0.5);
}

// The weight of an element at this distance.
static double filter(const struct smelt_ir_node *node, double x)
{
    double a = smelt_ir_number(node, "cubic_coeff_a");
    x = fabs(x);
    if (smelt_ir_word_is(node, "mode", "linear"))
        return fmax(1 - x, 0);
    return x <= 1  ? ((a + 2) * x - (a + 3)) * x * x + 1
           : x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
                   : 0;
}

// How far apart the filter's elements are drawn: wider where antialias shrinks.
static double density(const struct smelt_ir_node *node, const struct resized *r)
{
    return smelt_ir_integer(node, "antialias") ? fmin(r->scale, 1) : 1;
}

static void set_taps(const struct smelt_ir_node *node, struct resized *r)
{
    double reach = smelt_ir_word_is(node, "mode", "linear") ? 1 : 2;
    r->first = (int)floor(-reach / density(node, r)) + 1;
    r->taps = (uint32_t)(2 - 2 * r->first);
    if (smelt_ir_word_is(node, "mode", "nearest"))
        r->taps = 1;
}

// A row of the table: the first element, the weights.
static void write_row(const struct smelt_ir_node *node, const struct resized *r, uint64_t i, int32_t *row)
{
    double x = coordinate(node, r, i), whole = floor(x), sum = 0;
    bool crop = smelt_ir_word_is(node, "coordinate_transformation_mode", "tf_crop_and_resize");
    bool is_nearest = smelt_ir_word_is(node, "mode", "nearest"),
         inside = smelt_ir_integer(node, "exclude_outside");
    float *weights = (float *)(row + 1);
    x = fmin(fmax(x, -1e9), 1e9);
    row[0] = (int32_t)(is_nearest ? nearest(node, x) : whole + r->first);
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t t = 0; t < r->taps; t++) {
            int64_t at = (int64_t)row[0] + t;
            bool counts = is_nearest || !inside || (at >= 0 && at < (int64_t)r->in);
            double w = is_nearest ? 1 : counts ? filter(node, ((double)at - x) * density(node, r)) : 0;
            if (pass)
                weights[t] = (float)(w / sum);
            else
                sum += w;
        }
    if (crop && (x < 0 || x > (double)r->in - 1))
        row[0] = OUTSIDE;
}

static smelt_tensor make_table(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                               const struct resized *list, uint32_t count, int32_t *sizes)
{
    uint64_t size = 2, at = 0;
    uint32_t there = 0;
    for (uint32_t i = 0; i < count; i++)
        size += list[i].out * (1 + list[i].taps);
    int32_t *table = smelt_ir_allocate(lowering->ir, size * sizeof(*table));
    if (!table) {
        lowering->result = smelt_ir_no_memory(lowering->ir);
        return NULL;
    }
    for (uint32_t i = 0; i < AXES; i++) {
        bool is = i < count;
        uint32_t taps = is ? list[i].taps : 1;
        const int32_t fields[] = {is ? (int32_t)list[i].axis : 0, (int32_t)taps,
                                  (int32_t)(is ? at : size - 2), is ? 1 + (int32_t)taps : 0};
        memcpy(sizes + 4 * i, fields, sizeof(fields));
        for (uint64_t o = 0; is && o < list[i].out; o++, at += 1 + taps)
            write_row(node, &list[i], o, table + at);
        there |= is ? 1u << list[i].axis : 0;
    }
    sizes[4 * AXES] = (int32_t)there;
    memcpy(table + size - 1, &(float){1}, sizeof(float)); // the row of an axis that is not there
    return smelt_lower_constant(lowering, SMELT_DTYPE_I32, 1, &size, table);
}

static uint32_t channels_at_a_time(const struct smelt_tensor_info *x, const struct smelt_tensor_info *y,
                                   const struct resized *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i].axis == 1)
            return 1;
    return smelt_lower_channels_at_a_time(x, y);
}

static enum smelt_result resample(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                  const struct resized *list, uint32_t count, smelt_tensor x, smelt_tensor y)
{
    bool is_nearest = smelt_ir_word_is(node, "mode", "nearest");
    struct smelt_operator_call call = {
        .body = "operator_resample.glsl",
        .options = is_nearest ? "NEAREST=1" : "NEAREST=0",
        .tensors = {y, x},
        .per = channels_at_a_time(smelt_tensor_info(x), smelt_tensor_info(y), list, count),
        .size_count = 4 * AXES + 1,
        .numbers = {(float)smelt_ir_number(node, "extrapolation_value")},
        .number_count = 1,
    };
    call.tensors[2] = make_table(lowering, node, list, count, call.sizes);
    return call.tensors[2] ? smelt_encode_operator(lowering->encoder, &call) : lowering->result;
}

// The axes that change, with their scales. Errors as the operator's rule.
static enum smelt_result read_resized(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                      struct resized *list, uint32_t *count)
{
    const struct smelt_ir_value *x = node->inputs[0], *y = node->outputs[0];
    struct smelt_ir_resize resize;
    enum smelt_result result = smelt_ir_resize(lowering->ir, node, &resize);
    *count = 0;
    for (uint32_t i = 0; i < resize.count && !result; i++) {
        uint32_t axis = resize.axes[i];
        struct resized r = {.axis = axis,
                            .in = (uint64_t)x->shape[axis].constant,
                            .out = (uint64_t)y->shape[axis].constant,
                            .scale = resize.scales[i],
                            .begin = resize.begins[i],
                            .end = resize.ends[i]};
        set_taps(node, &r);
        if (r.in != r.out || r.scale != 1 || r.begin != 0 || r.end != 1)
            list[(*count)++] = r;
    }
    return result;
}

enum smelt_result smelt_lower_resize(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    struct resized list[SMELT_IR_MAX_RANK];
    uint32_t count, done = 0;
    enum smelt_result result = read_resized(lowering, node, list, &count);
    if (result)
        return result;
    smelt_tensor x = smelt_lower_input(lowering, node, 0),
                 y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT);
    if (!x || !y)
        return lowering->result;
    if (!count)
        return smelt_encode_copy(lowering->encoder, y, x, NULL);
    while (done < count && !result) {
        uint32_t now = 1, taps = list[done].taps;
        while (now < AXES && done + now < count && taps * list[done + now].taps <= MAX_TAPS)
            taps *= list[done + now++].taps;
        smelt_tensor to = y;
        if (done + now < count) {
            uint64_t shape[SMELT_TENSOR_MAX_RANK];
            memcpy(shape, x->info.shape, sizeof(shape));
            for (uint32_t i = done; i < done + now; i++)
                shape[list[i].axis] = list[i].out;
            bool exact = smelt_ir_word_is(node, "mode", "nearest");
            to = smelt_lower_temporary_like(lowering, exact ? x->info.dtype : SMELT_DTYPE_F32, x, shape);
        }
        result = to ? resample(lowering, node, list + done, now, x, to) : lowering->result;
        done += now;
        x = to;
    }
    return result;
}

// --- GridSample -------------------------------------------------------------------------------------------

enum smelt_result smelt_lower_grid_sample(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    char options[64];
    int taps = smelt_ir_word_is(node, "mode", "nearest")  ? 1
               : smelt_ir_word_is(node, "mode", "linear") ? 2
                                                          : 4;
    int padding = smelt_ir_word_is(node, "padding_mode", "zeros")    ? 0
                  : smelt_ir_word_is(node, "padding_mode", "border") ? 1
                                                                     : 2;
    snprintf(options, sizeof(options), "TAPS=%d PADDING=%d CORNERS=%d", taps, padding,
             (int)smelt_ir_integer(node, "align_corners"));
    smelt_tensor x = smelt_lower_input(lowering, node, 0), grid = smelt_lower_input(lowering, node, 1);
    bool channels_last = x && x->info.strides[1] == 1; // as x lies, whatever the grid's size
    struct smelt_operator_call call = {
        .body = "operator_grid_sample.glsl",
        .options = options,
        .tensors = {smelt_lower_output(lowering, node, 0,
                                       channels_last ? SMELT_ORDER_CHANNELS_LAST : SMELT_ORDER_ROWS),
                    x, grid},
    };
    return lowering->result ? lowering->result : smelt_encode_operator(lowering->encoder, &call);
}

// --- Depth and space --------------------------------------------------------------------------------------

// A tensor [n][c][h][w] as [n][c][h / b][b][w / b][b].
static smelt_tensor split_space(struct smelt_lowering *lowering, smelt_tensor t, uint64_t b)
{
    const struct smelt_tensor_info *i = &t->info;
    const uint64_t shape[] = {i->shape[0], i->shape[1], i->shape[2] / b, b, i->shape[3] / b, b};
    const uint64_t strides[] = {i->strides[0], i->strides[1],     i->strides[2] * b,
                                i->strides[2], i->strides[3] * b, i->strides[3]};
    return smelt_lower_view(lowering, t, 0, 6, shape, strides);
}

// A tensor [n][c b b][h][w] as [n][c][h][b][w][b]; `outer`: the blocks' axes come before c.
static smelt_tensor split_depth(struct smelt_lowering *lowering, smelt_tensor t, uint64_t b, bool outer)
{
    const struct smelt_tensor_info *i = &t->info;
    uint64_t c = i->shape[1] / (b * b), step = i->strides[1];
    const uint64_t shape[] = {i->shape[0], c, i->shape[2], b, i->shape[3], b};
    const uint64_t strides[] = {i->strides[0], outer ? step : step * b * b,
                                i->strides[2], outer ? step * c * b : step * b,
                                i->strides[3], outer ? step * c : step};
    return smelt_lower_view(lowering, t, 0, 6, shape, strides);
}

enum smelt_result smelt_lower_depth_and_space(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    bool to_space = !strcmp(node->op->name, "DepthToSpace");
    bool outer = !to_space || smelt_ir_word_is(node, "mode", "DCR");
    uint64_t b = (uint64_t)smelt_ir_integer(node, "blocksize");
    smelt_tensor x = smelt_lower_input(lowering, node, 0),
                 y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT);
    if (!x || !y)
        return lowering->result;
    smelt_tensor from = to_space ? split_depth(lowering, x, b, outer) : split_space(lowering, x, b);
    smelt_tensor to = to_space ? split_space(lowering, y, b) : split_depth(lowering, y, b, outer);
    return from && to ? smelt_encode_copy(lowering->encoder, to, from, NULL) : lowering->result;
}
