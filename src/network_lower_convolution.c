// SPDX-License-Identifier: MIT
// Conv and ConvTranspose as smelt_encode_convolution2d on views: of one axis as an image of one row, of two as it is, of
// three as sums over the depth of the kernel. Images lie with channels last, weights with output channels last.
#include "network_internal.h"

#include <string.h>

// A convolution with its shapes, spatial axes filled up to three in front by such of extent 1.
struct convolution {
    struct smelt_lowering *lowering;
    struct smelt_ir_node *node;
    smelt_tensor x, w, bias, y;
    bool transposed;
    uint32_t groups, block; // block: of the DepthToSpace that y is the output of; 0: it is the node's
    uint64_t in[3], out[3], kernel[3];
    uint32_t stride[3], dilation[3], pad_begin[3], pad_end[3], more[3]; // more: output padding
};

enum { DEPTH, HEIGHT, WIDTH };

// Elements of x or y: [n][c][d][h][w] whatever the rank is.
struct image {
    smelt_tensor tensor;
    uint64_t shape[5], strides[5];
};

static struct image image_of(smelt_tensor tensor)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    struct image image = {.tensor = tensor, .shape = {1, 1, 1, 1, 1}};
    for (uint32_t d = 0; d < info->rank; d++) {
        uint32_t at = d < 2 ? d : d + 5 - info->rank;
        image.shape[at] = info->shape[d];
        image.strides[at] = info->strides[d];
    }
    for (uint32_t d = 7 - info->rank; d-- > 2;) // of extent 1
        image.strides[d] = image.strides[d + 1] * image.shape[d + 1];
    return image;
}

// Whether neighbours along the width are neighbours in memory, and channels are not.
static bool is_planar(const struct image *image)
{
    return image->shape[1] > 1 && image->strides[1] != 1 && image->strides[4] == 1;
}

// `count` images of rank 4, `step` elements apart from `offset` on, in a layout.
static smelt_tensor slice(const struct convolution *c, const struct image *image, uint64_t offset,
                          uint64_t count, uint64_t step, enum smelt_image_layout layout)
{
    static const uint32_t nhwc[4] = {0, 3, 4, 1}, nchw[4] = {0, 1, 3, 4};
    const uint32_t *axes = layout == SMELT_IMAGE_NHWC ? nhwc : nchw;
    uint64_t shape[4], strides[4];
    for (int i = 0; i < 4; i++) {
        shape[i] = i ? image->shape[axes[i]] : count;
        strides[i] = i ? image->strides[axes[i]] : step;
    }
    return smelt_lower_view(c->lowering, image->tensor, offset, 4, shape, strides);
}

// The weight's [h][w] at one depth of the kernel. `order` is where [o][i][h][w] stand in the layout.
static smelt_tensor weight_slice(const struct convolution *c, uint64_t depth, enum smelt_weight_layout layout)
{
    static const uint32_t axes[4][4] = {{2, 3, 1, 0}, {0, 2, 3, 1}, {0, 1, 2, 3}, {1, 0, 2, 3}};
    const struct smelt_tensor_info *info = smelt_tensor_info(c->w);
    uint64_t shape[4], strides[4], all[4] = {info->shape[0], info->shape[1], c->kernel[1], c->kernel[2]};
    uint64_t step[4] = {info->strides[0], info->strides[1],
                        info->rank > 3 ? info->strides[info->rank - 2] : 1, info->strides[info->rank - 1]};
    if (info->rank == 3) // of height 1
        step[2] = step[3] * all[3];
    // A transposed weight is [i][o][h][w].
    for (int i = 0; i < 4; i++) {
        uint32_t axis = axes[layout][i];
        if (c->transposed && axis < 2)
            axis = 1 - axis;
        shape[i] = all[axis];
        strides[i] = step[axis];
    }
    uint64_t offset = info->rank == 5 ? depth * info->strides[2] : 0;
    return smelt_lower_view(c->lowering, c->w, offset, 4, shape, strides);
}

// What of images goes into one call.
struct part {
    uint64_t offset_x, step_x, offset_y, step_y, count, depth;
    bool add; // to y
    bool bias;
};

// UNSUPPORTED of a call with blocks is not the network's error: there is another way.
static enum smelt_result convolve(const struct convolution *c, const struct image *x, const struct image *y,
                                  const struct part *part)
{
    bool planar = is_planar(x) && is_planar(y);
    enum smelt_image_layout layout = planar ? SMELT_IMAGE_NCHW : SMELT_IMAGE_NHWC;
    bool constant = c->node->inputs[1]->constant;
    // In several groups a transposed weight is output channels of a group by all input channels.
    enum smelt_weight_layout weights = c->transposed && c->groups > 1 ? SMELT_WEIGHT_IOHW
                                       : constant                     ? SMELT_WEIGHT_HWIO
                                                                      : SMELT_WEIGHT_OIHW;
    smelt_tensor d = slice(c, y, part->offset_y, part->count, part->step_y, layout);
    struct smelt_convolution2d_params params = {
        .a = slice(c, x, part->offset_x, part->count, part->step_x, layout),
        .b = weight_slice(c, part->depth, weights),
        .bias = part->bias ? c->bias : NULL,
        .d = d,
        .residual = part->add ? d : NULL,
        .image_layout = layout,
        .weight_layout = weights,
        .geometry = {.stride_y = c->stride[HEIGHT],
                     .stride_x = c->stride[WIDTH],
                     .dilation_y = c->dilation[HEIGHT],
                     .dilation_x = c->dilation[WIDTH],
                     .padding_top = c->pad_begin[HEIGHT],
                     .padding_left = c->pad_begin[WIDTH],
                     .padding_bottom = c->pad_end[HEIGHT],
                     .padding_right = c->pad_end[WIDTH],
                     .output_padding_y = c->more[HEIGHT],
                     .output_padding_x = c->more[WIDTH],
                     .groups = c->groups,
                     .transposed = c->transposed},
        .accumulated = SMELT_DTYPE_F32,
        .backend = c->lowering->backend,
        .depth_to_space = c->block,
    };
    if (c->lowering->result ||
        (SMELT_HAVE_COMPILER && c->lowering->network->tune && smelt_tune_convolution2d(c->lowering, &params)))
        return c->lowering->result;
    if (!c->block)
        return smelt_lower_take(c->lowering, smelt_encode_convolution2d(c->lowering->encoder, &params));
    smelt_hold_errors(true);
    enum smelt_result result = smelt_encode_convolution2d(c->lowering->encoder, &params);
    smelt_hold_errors(false);
    return result == SMELT_ERROR_UNSUPPORTED ? result : smelt_lower_take(c->lowering, result);
}

// --- Three axes -----------------------------------------------------------------------------------------------

// Planes that a plane of the kernel joins: out = in stride - pad + k dilation transposed, in = out stride - pad + k dilation
// else. `count` of the side that steps by 1 from `first` on.
struct planes {
    uint64_t in, out, count;
};

static struct planes planes_of(const struct convolution *c, uint64_t k)
{
    int64_t stride = c->stride[DEPTH], shift = (int64_t)(k * c->dilation[DEPTH]) - c->pad_begin[DEPTH];
    int64_t near = (int64_t)(c->transposed ? c->in[DEPTH] : c->out[DEPTH]),
            far = (int64_t)(c->transposed ? c->out[DEPTH] : c->in[DEPTH]);
    int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0,
            last = far - 1 - shift < 0 ? -1 : SMELT_MIN((far - 1 - shift) / stride, near - 1);
    struct planes planes = {.count = last >= first ? (uint64_t)(last - first + 1) : 0};
    uint64_t one = (uint64_t)first, other = (uint64_t)(first * stride + shift);
    planes.in = c->transposed ? one : other;
    planes.out = c->transposed ? other : one;
    return planes;
}

static enum smelt_result add_bias(const struct convolution *c, smelt_tensor y, smelt_tensor out)
{
    const struct smelt_elementwise_step step = {.operation = SMELT_ELEMENTWISE_ADD, .operands = {0, 1}};
    const uint64_t shape[4] = {smelt_tensor_info(c->bias)->shape[0], 1, 1, 1}, strides[4] = {1, 1, 1, 1};
    struct smelt_elementwise_params params = {
        .inputs = {y}, .input_count = 1, .steps = &step, .step_count = 1, .y = out};
    params.inputs[params.input_count++] = smelt_lower_view(c->lowering, c->bias, 0, 4, shape, strides);
    return c->lowering->result ? c->lowering->result
                               : smelt_encode_elementwise(c->lowering->encoder, &params);
}

// The sum over planes of the kernel, in f32. A plane of it that meets every plane of the result goes first, if there is one.
static enum smelt_result convolve_deep(const struct convolution *c)
{
    struct smelt_lowering *lowering = c->lowering;
    smelt_tensor sum = c->y;
    const struct smelt_tensor_info *info = smelt_tensor_info(c->y);
    if (info->dtype != SMELT_DTYPE_F32)
        sum = smelt_lower_temporary(lowering, SMELT_DTYPE_F32, info->rank, info->shape);
    if (lowering->result)
        return lowering->result;
    struct image x = image_of(c->x), y = image_of(sum);
    uint64_t whole = c->kernel[DEPTH];
    for (uint64_t k = 0; k < c->kernel[DEPTH] && whole == c->kernel[DEPTH] && !c->transposed; k++)
        if (planes_of(c, k).count == c->out[DEPTH])
            whole = k;
    bool filled = whole == c->kernel[DEPTH];
    enum smelt_result result = filled ? smelt_encode_fill(lowering->encoder, sum, 0) : SMELT_OK;
    for (uint64_t i = 0; i < c->kernel[DEPTH] && !result; i++) {
        uint64_t k = filled ? i : i == 0 ? whole : i <= whole ? i - 1 : i;
        struct planes planes = planes_of(c, k);
        for (uint64_t n = 0; n < x.shape[0] && planes.count && !result; n++) {
            const struct part part = {
                .offset_x = n * x.strides[0] + planes.in * x.strides[2],
                .step_x = x.strides[2] * (c->transposed ? 1 : c->stride[DEPTH]),
                .offset_y = n * y.strides[0] + planes.out * y.strides[2],
                .step_y = y.strides[2] * (c->transposed ? c->stride[DEPTH] : 1),
                .count = planes.count,
                .depth = k,
                .add = filled || i > 0,
                .bias = !filled && i == 0,
            };
            result = convolve(c, &x, &y, &part);
        }
    }
    if (result)
        return result;
    if (filled && c->bias)
        return add_bias(c, sum, c->y);
    return sum == c->y ? SMELT_OK : smelt_encode_copy(lowering->encoder, c->y, sum, NULL);
}

// --- The operators --------------------------------------------------------------------------------------------

static enum smelt_result read_window(struct convolution *c)
{
    struct smelt_ir *ir = c->lowering->ir;
    const struct smelt_ir_value *x = c->node->inputs[0], *w = c->node->inputs[1];
    struct smelt_ir_window window;
    enum smelt_result result =
        c->transposed ? smelt_ir_transposed_window(ir, c->node, &window)
                      : smelt_ir_window(ir, c->node, x->shape + 2, w->shape + 2, x->rank - 2, &window);
    for (uint32_t i = 0; i < 3 && !result; i++) {
        bool there = i + window.rank >= 3;
        uint32_t from = there ? i + window.rank - 3 : 0;
        c->in[i] = there ? (uint64_t)x->shape[2 + from].constant : 1;
        c->out[i] = there ? (uint64_t)window.out[from].constant : 1;
        c->kernel[i] = there ? (uint64_t)window.kernel[from].constant : 1;
        c->stride[i] = there ? (uint32_t)window.stride[from] : 1;
        c->dilation[i] = there ? (uint32_t)window.dilation[from] : 1;
        c->pad_begin[i] = there ? (uint32_t)window.pad_begin[from].constant : 0;
        c->pad_end[i] = there ? (uint32_t)window.pad_end[from].constant : 0;
        if (c->transposed) {
            int64_t reach = (int64_t)(c->kernel[i] - 1) * c->dilation[i] + 1;
            int64_t more = (int64_t)c->out[i] + c->pad_begin[i] + c->pad_end[i] -
                           (int64_t)(c->in[i] - 1) * c->stride[i] - reach;
            if (more < 0)
                return smelt_lower_fail(c->lowering, c->node, SMELT_ERROR_UNSUPPORTED,
                                        "an output of %llu on axis %u that ends inside",
                                        (unsigned long long)c->out[i], i);
            c->more[i] = (uint32_t)more;
        }
    }
    return result;
}

// Axes of the weight from the slowest to the innermost: [d][h][w][i][o], as the layout HWIO has it.
static smelt_tensor weight(struct convolution *c)
{
    const struct smelt_ir_value *w = c->node->inputs[1];
    uint32_t axes[SMELT_IR_MAX_RANK], last = w->rank - 1;
    if (!w->constant || (c->transposed && c->groups > 1))
        return smelt_lower_input(c->lowering, c->node, 1);
    for (uint32_t i = 2; i < w->rank; i++)
        axes[i - 2] = i;
    axes[last - 1] = c->transposed ? 0 : 1;
    axes[last] = c->transposed ? 1 : 0;
    return smelt_lower_weight(c->lowering, w, axes);
}

// A DepthToSpace that is all that reads the node's output.
static struct smelt_ir_node *find_depth_to_space(const struct smelt_lowering *lowering,
                                                 const struct smelt_ir_node *node)
{
    const struct smelt_ir_value *value = node->outputs[0];
    struct smelt_ir_node *found = NULL;
    uint32_t uses = value->is_output;
    for (uint32_t i = 0; i < lowering->ir->node_count; i++)
        for (uint32_t k = 0; k < lowering->ir->nodes[i]->input_count; k++)
            if (lowering->ir->nodes[i]->inputs[k] == value) {
                found = lowering->ir->nodes[i];
                uses++;
            }
    bool moves = uses == 1 && found && !lowering->wide && !strcmp(found->op->name, "DepthToSpace") &&
                 !lowering->network->no_fusion && lowering->network->merges &&
                 !smelt_network_is_wide(lowering, found);
    uint64_t block = moves ? (uint64_t)smelt_ir_integer(found, "blocksize") : 0;
    return moves && (smelt_ir_word_is(found, "mode", "CRD") ||
                     (uint64_t)value->shape[1].constant == block * block)
               ? found
               : NULL;
}

// Writes the output of a DepthToSpace behind the convolution at once, where a kernel can.
static bool goes_to_space(struct convolution c, struct smelt_ir_node *to_space)
{
    struct smelt_lowering *lowering = c.lowering;
    c.block = (uint32_t)smelt_ir_integer(to_space, "blocksize");
    c.y = smelt_lower_output(lowering, to_space, 0, SMELT_ORDER_LARGEST_INPUT);
    if (lowering->result || !c.y)
        return false;
    const struct image x = image_of(c.x), y = image_of(c.y);
    if (is_planar(&x) && is_planar(&y))
        return false; // blocks are of NHWC
    const struct part part = {
        .step_x = x.strides[0], .step_y = y.strides[0], .count = x.shape[0], .bias = true};
    return convolve(&c, &x, &y, &part) == SMELT_OK;
}

static enum smelt_result lower(struct smelt_lowering *lowering, struct smelt_ir_node *node, bool transposed)
{
    struct convolution c = {.lowering = lowering,
                            .node = node,
                            .transposed = transposed,
                            .groups = (uint32_t)smelt_ir_integer(node, "group")};
    enum smelt_dtype dtype = smelt_lower_dtype(lowering, node->inputs[0]);
    if (dtype != SMELT_DTYPE_F32 && dtype != SMELT_DTYPE_F16)
        return smelt_lower_fail(lowering, node, SMELT_ERROR_UNSUPPORTED, "elements of %s, wanted f32 or f16",
                                smelt_dtype_name(dtype));
    enum smelt_result result = read_window(&c);
    if (result)
        return smelt_lower_take(lowering, result);
    c.x = smelt_lower_input(lowering, node, 0);
    c.w = weight(&c);
    c.bias = smelt_lower_packed_input(lowering, node, 2);
    if (lowering->result)
        return lowering->result;
    if (!c.x || !c.w)
        return smelt_lower_fail(lowering, node, SMELT_ERROR_UNSUPPORTED, "an input without elements");
    struct smelt_ir_node *to_space =
        transposed || node->inputs[0]->rank != 4 ? NULL : find_depth_to_space(lowering, node);
    if (to_space && goes_to_space(c, to_space)) {
        to_space->taken = true;
        return SMELT_OK;
    }
    c.y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_CHANNELS_LAST);
    if (lowering->result)
        return lowering->result;
    if (node->inputs[0]->rank == 5)
        return convolve_deep(&c);
    const struct image x = image_of(c.x), y = image_of(c.y);
    const struct part part = {
        .step_x = x.strides[0], .step_y = y.strides[0], .count = x.shape[0], .bias = true};
    return convolve(&c, &x, &y, &part);
}

enum smelt_result smelt_lower_conv(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    return lower(lowering, node, false);
}

enum smelt_result smelt_lower_conv_transpose(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    return lower(lowering, node, true);
}
