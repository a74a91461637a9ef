// SPDX-License-Identifier: MIT
// Merges convolutions of an inferred network where one does the work of two, and of more products by zero than there were, in
// less time than another dispatch takes:
// - those of one image whose results lie side by side in a Concat: one with the channels of both, by a kernel that holds both;
// - that of each channel by itself, and one of 1 x 1 behind it: one of all channels.
#include "network_internal.h"

#include <stdlib.h>
#include <string.h>

// What a merge may cost: multiplications, and elements of the weight. A GPU with matrices does so many in 2 us or less, half of
// what a dispatch takes (docs/performance.md).
#define MOST_PRODUCTS (1u << 27)
#define MOST_WEIGHTS (1u << 19)

// A convolution with two axes of space, and constants as weight and bias.
struct window {
    struct smelt_ir_node *node;
    uint64_t outputs, channels; // channels: of a group
    uint64_t groups, pixels;    // pixels: of all images of the result
    int64_t kernel[2], stride[2], before[2], after[2];
};

static bool is(const struct smelt_ir_node *node, const char *op)
{
    return node && !strcmp(node->op->name, op);
}

static bool is_weight(const struct smelt_ir_value *value)
{
    return value->constant && value->data && !value->keep_f32;
}

static bool read_window(struct smelt_ir *ir, struct smelt_ir_node *node, struct window *w)
{
    if (!is(node, "Conv") ||
        (node->inputs[0]->element != SMELT_ELEMENT_F32 && node->inputs[0]->element != SMELT_ELEMENT_F16) ||
        node->inputs[0]->keep_f32 || node->outputs[0]->keep_f32 || node->inputs[0]->rank != 4 ||
        !is_weight(node->inputs[1]) || (smelt_ir_input(node, 2) && !is_weight(node->inputs[2])))
        return false;
    const struct smelt_dim *in = node->inputs[0]->shape, *shape = node->inputs[1]->shape;
    struct smelt_ir_window window;
    *w = (struct window){.node = node,
                         .outputs = (uint64_t)shape[0].constant,
                         .channels = (uint64_t)shape[1].constant,
                         .groups = (uint64_t)smelt_ir_integer(node, "group"),
                         .pixels = (uint64_t)in[0].constant};
    if (smelt_ir_window(ir, node, in + 2, shape + 2, 2, &window))
        return false;
    for (uint32_t d = 0; d < 2; d++) {
        w->kernel[d] = window.kernel[d].constant;
        w->stride[d] = window.stride[d];
        w->before[d] = window.pad_begin[d].constant;
        w->after[d] = window.pad_end[d].constant;
        w->pixels *= (uint64_t)window.out[d].constant;
        if (window.dilation[d] != 1 || window.out[d].expression)
            return false;
    }
    return !in[0].expression && w->pixels <= MOST_PRODUCTS;
}

static uint64_t weights_of(const struct window *w)
{
    return w->outputs * w->channels * (uint64_t)(w->kernel[0] * w->kernel[1]);
}

static bool is_cheap(const struct window *merged, const struct window *a, const struct window *b)
{
    uint64_t weights = weights_of(merged), before = weights_of(a) + weights_of(b);
    return weights <= MOST_WEIGHTS &&
           merged->pixels * weights <= MOST_PRODUCTS + merged->pixels * before; // of one result each
}

// A weight or bias as f32; zeros where there is none.
static float *read_weight(struct smelt_ir *ir, const struct smelt_ir_value *value, uint64_t count)
{
    float *numbers = smelt_ir_allocate(ir, (size_t)count * sizeof(float));
    if (numbers && value &&
        smelt_dtype_convert(SMELT_DTYPE_F32, numbers, smelt_element_info(value->stored)->dtype, value->data,
                            count))
        return NULL;
    return numbers;
}

static uint64_t count_of(const struct window *w, uint32_t input)
{
    return input == 2 ? w->outputs : weights_of(w);
}

static float *allocate(struct smelt_ir *ir, const struct window *w, uint32_t input)
{
    return smelt_ir_allocate(ir, (size_t)count_of(w, input) * sizeof(float));
}

// A constant of the type of a's image. `data` is borrowed.
static enum smelt_result add_constant(struct smelt_ir *ir, const struct window *w, const struct window *a,
                                      uint32_t input, const float *data, struct smelt_ir_value **value)
{
    uint64_t shape[4] = {w->outputs, w->channels, (uint64_t)w->kernel[0], (uint64_t)w->kernel[1]};
    uint64_t count = count_of(w, input);
    bool narrow = a->node->inputs[0]->element == SMELT_ELEMENT_F16;
    void *halves = narrow ? smelt_ir_allocate(ir, (size_t)count * 2) : NULL;
    enum smelt_result result = halves || !narrow ? smelt_ir_value(ir, NULL, value) : smelt_ir_no_memory(ir);
    if (!result && narrow)
        result = smelt_dtype_convert(SMELT_DTYPE_F16, halves, SMELT_DTYPE_F32, data, count);
    return result ? result
                  : smelt_ir_set_constant(ir, *value, narrow ? SMELT_ELEMENT_F16 : SMELT_ELEMENT_F32,
                                          input == 2 ? 1 : 4, shape, narrow ? halves : data,
                                          count * (narrow ? 2 : sizeof(float)));
}

static enum smelt_result set_integers(struct smelt_ir *ir, struct smelt_ir_node *node, const char *name,
                                      const int64_t *integers, uint32_t count)
{
    const struct smelt_ir_attribute a = {.set = true, .integers = integers, .count = count};
    return smelt_ir_set_attribute(ir, node, name, &a);
}

// Makes a node the merged convolution of x.
static enum smelt_result set_node(struct smelt_ir *ir, const struct window *w, struct smelt_ir_value *x,
                                  struct smelt_ir_value *weight, struct smelt_ir_value *bias)
{
    const struct smelt_ir_attribute one = {.set = true, .integer = 1},
                                    notset = {.set = true, .word = "NOTSET"};
    const int64_t pads[4] = {w->before[0], w->before[1], w->after[0], w->after[1]};
    struct smelt_ir_value **inputs = smelt_ir_allocate(ir, 3 * sizeof(*inputs));
    if (!inputs)
        return smelt_ir_no_memory(ir);
    for (uint32_t i = 0; w->node->op->attributes[i].name; i++)
        w->node->attributes[i].set = false; // given anew
    inputs[0] = x;
    inputs[1] = weight;
    inputs[2] = bias;
    w->node->inputs = inputs;
    w->node->input_count = bias ? 3 : 2;
    enum smelt_result result = smelt_ir_set_attribute(ir, w->node, "group", &one);
    if (!result)
        result = smelt_ir_set_attribute(ir, w->node, "auto_pad", &notset);
    if (!result)
        result = set_integers(ir, w->node, "pads", pads, 4);
    if (!result)
        result = set_integers(ir, w->node, "strides", w->stride, 2);
    return result ? result : set_integers(ir, w->node, "kernel_shape", w->kernel, 2);
}

// --- Side by side ---------------------------------------------------------------------------------------------

// The convolution behind a value that only one node reads, or behind its Relu.
static struct smelt_ir_node *find_convolution(const struct smelt_ir_value *value, const uint32_t *uses)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct smelt_ir_node *node = value->producer;
        if (!node || value->is_output || uses[value->id] != 1)
            return NULL;
        if (is(node, "Conv") || !is(node, "Relu"))
            return is(node, "Conv") ? node : NULL;
        value = node->inputs[0];
    }
    return NULL;
}

static bool can_stand_together(const struct window *a, const struct window *b, struct window *merged)
{
    *merged = *a;
    merged->outputs += b->outputs;
    bool fits = a->groups == 1 && b->groups == 1 && a->channels == b->channels &&
                a->node->inputs[0] == b->node->inputs[0] && a->node != b->node && a->pixels == b->pixels;
    for (uint32_t d = 0; d < 2; d++) {
        int64_t after[2] = {a->kernel[d] - 1 - a->before[d], b->kernel[d] - 1 - b->before[d]},
                most = SMELT_MAX(after[0], after[1]);
        merged->before[d] = SMELT_MAX(a->before[d], b->before[d]);
        merged->after[d] = a->after[d] + most - after[0];
        merged->kernel[d] = merged->before[d] + 1 + most;
        fits = fits && a->stride[d] == b->stride[d] && merged->after[d] == b->after[d] + most - after[1];
    }
    return fits && is_cheap(merged, a, b);
}

// A convolution's weight among those of the merged one, from channel `first` on.
static void put_weight(const struct window *merged, const struct window *part, uint64_t first, const float *w,
                       float *data)
{
    uint64_t plane = (uint64_t)(merged->kernel[0] * merged->kernel[1]),
             down = (uint64_t)(merged->before[0] - part->before[0]),
             right = (uint64_t)(merged->before[1] - part->before[1]), at = 0;
    for (uint64_t i = 0; i < part->outputs * part->channels; i++)
        for (uint64_t y = 0; y < (uint64_t)part->kernel[0]; y++)
            for (uint64_t x = 0; x < (uint64_t)part->kernel[1]; x++)
                data[(first * part->channels + i) * plane + (y + down) * (uint64_t)merged->kernel[1] + x +
                     right] = w[at++];
}

// `a` becomes both; what `b` made is left out of the Concat.
static enum smelt_result stand_together(struct smelt_ir *ir, const struct window *a, const struct window *b,
                                        const struct window *merged)
{
    struct smelt_ir_value *weight,
        *bias = NULL, *const biases[2] = {smelt_ir_input(a->node, 2), smelt_ir_input(b->node, 2)};
    float *weights = allocate(ir, merged, 1), *sums = allocate(ir, merged, 2);
    const float *first = read_weight(ir, a->node->inputs[1], weights_of(a)),
                *second = read_weight(ir, b->node->inputs[1], weights_of(b)),
                *shifts[2] = {read_weight(ir, biases[0], a->outputs), read_weight(ir, biases[1], b->outputs)};
    if (!weights || !sums || !first || !second || !shifts[0] || !shifts[1])
        return smelt_ir_no_memory(ir);
    put_weight(merged, a, 0, first, weights);
    put_weight(merged, b, a->outputs, second, weights);
    memcpy(sums, shifts[0], a->outputs * sizeof(float));
    memcpy(sums + a->outputs, shifts[1], b->outputs * sizeof(float));
    enum smelt_result result = add_constant(ir, merged, a, 1, weights, &weight);
    if (!result && (biases[0] || biases[1]))
        result = add_constant(ir, merged, a, 2, sums, &bias);
    return result ? result : set_node(ir, merged, a->node->inputs[0], weight, bias);
}

static enum smelt_result drop_input(struct smelt_ir *ir, struct smelt_ir_node *node, uint32_t dropped)
{
    struct smelt_ir_value **inputs = smelt_ir_allocate(ir, node->input_count * sizeof(*inputs));
    if (!inputs)
        return smelt_ir_no_memory(ir);
    for (uint32_t i = 0; i + 1 < node->input_count; i++)
        inputs[i] = node->inputs[i + (i >= dropped)];
    node->inputs = inputs;
    node->input_count--;
    return SMELT_OK;
}

static enum smelt_result merge_neighbours(struct smelt_ir *ir, struct smelt_ir_node *concat,
                                          const uint32_t *uses, bool *merges)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t k = 0; k + 1 < concat->input_count && !result;) {
        struct smelt_ir_node *const pair[2] = {find_convolution(concat->inputs[k], uses),
                                               find_convolution(concat->inputs[k + 1], uses)};
        struct window a, b, merged;
        if (!pair[0] || !pair[1] ||
            is(concat->inputs[k]->producer, "Relu") != is(concat->inputs[k + 1]->producer, "Relu") ||
            !read_window(ir, pair[0], &a) || !read_window(ir, pair[1], &b) ||
            !can_stand_together(&a, &b, &merged)) {
            k++;
            continue;
        }
        *merges = true;
        result = stand_together(ir, &a, &b, &merged);
        if (!result)
            result = drop_input(ir, concat, k + 1);
    }
    return result;
}

// --- One behind the other -------------------------------------------------------------------------------------

static bool can_go_through(const struct window *each, const struct window *all, struct window *merged)
{
    *merged = *each;
    merged->node = all->node;
    merged->outputs = all->outputs;
    merged->channels = all->channels;
    bool fits = each->channels == 1 && each->groups > 1 && each->groups == each->outputs &&
                all->groups == 1 && all->channels == each->outputs;
    for (uint32_t d = 0; d < 2; d++)
        fits = fits && all->kernel[d] == 1 && all->stride[d] == 1 && !all->before[d] && !all->after[d];
    return fits && is_cheap(merged, each, all);
}

static enum smelt_result go_through(struct smelt_ir *ir, const struct window *each, const struct window *all,
                                    const struct window *merged)
{
    const struct smelt_ir_value *shift = smelt_ir_input(each->node, 2), *last = smelt_ir_input(all->node, 2);
    uint64_t plane = (uint64_t)(each->kernel[0] * each->kernel[1]), channels = all->channels;
    struct smelt_ir_value *weight, *bias = NULL;
    float *weights = allocate(ir, merged, 1), *sums = allocate(ir, merged, 2);
    const float *w = read_weight(ir, all->node->inputs[1], weights_of(all)),
                *taps = read_weight(ir, each->node->inputs[1], weights_of(each)),
                *shifts = read_weight(ir, shift, channels), *lasts = read_weight(ir, last, all->outputs);
    if (!weights || !sums || !w || !taps || !shifts || !lasts)
        return smelt_ir_no_memory(ir);
    for (uint64_t i = 0; i < weights_of(merged); i++)
        weights[i] = w[i / plane] * taps[i % (channels * plane)];
    for (uint64_t o = 0; o < all->outputs; o++) {
        double sum = lasts[o];
        for (uint64_t c = 0; c < channels; c++)
            sum += (double)w[o * channels + c] * shifts[c];
        sums[o] = (float)sum;
    }
    enum smelt_result result = add_constant(ir, merged, each, 1, weights, &weight);
    if (!result && (shift || last))
        result = add_constant(ir, merged, each, 2, sums, &bias);
    return result ? result : set_node(ir, merged, each->node->inputs[0], weight, bias);
}

static enum smelt_result merge_through(struct smelt_ir *ir, struct smelt_ir_node *node, const uint32_t *uses,
                                       bool *merges)
{
    struct smelt_ir_value *between = node->inputs[0];
    struct window each, all, merged;
    if (!is(between->producer, "Conv") || between->is_output || uses[between->id] != 1 ||
        !read_window(ir, between->producer, &each) || !read_window(ir, node, &all) ||
        !can_go_through(&each, &all, &merged))
        return SMELT_OK;
    *merges = true;
    return go_through(ir, &each, &all, &merged);
}

enum smelt_result smelt_network_merge(struct smelt_ir *ir, bool *merges)
{
    uint32_t *uses = calloc((size_t)ir->value_count + 1, sizeof(*uses)), count = ir->node_count;
    enum smelt_result result = uses ? SMELT_OK : smelt_ir_no_memory(ir);
    for (uint32_t i = 0; i < count && !result; i++)
        for (uint32_t k = 0; k < ir->nodes[i]->input_count; k++)
            if (ir->nodes[i]->inputs[k])
                uses[ir->nodes[i]->inputs[k]->id]++;
    *merges = false;
    for (uint32_t i = 0; i < count && !result; i++) {
        struct smelt_ir_node *node = ir->nodes[i];
        if (is(node, "Conv"))
            result = merge_through(ir, node, uses, merges);
        else if (is(node, "Concat") && smelt_ir_integer(node, "axis") == 1)
            result = merge_neighbours(ir, node, uses, merges);
    }
    free(uses);
    return result;
}
