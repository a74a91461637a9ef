// SPDX-License-Identifier: MIT
// Rewrites a network that is not inferred into one that computes the same with fewer and wider operators:
// - Concat(Relu(x), Relu(-x)) of a convolution x is one Relu of a convolution with the weights and their negatives;
// - channels of a convolution are filled up to a multiple of 8 where matrices read them: zeros on images and weights.
#include "network_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is(const struct smelt_ir_node *node, const char *op)
{
    return node && !strcmp(node->op->name, op);
}

// A convolution of one group whose weight and bias are f32 constants.
static bool is_constant_convolution(const struct smelt_ir_node *node)
{
    if (!is(node, "Conv") || node->input_count < 2 || smelt_ir_integer(node, "group") != 1)
        return false;
    for (uint32_t i = 1; i < node->input_count; i++)
        if (node->inputs[i] && (!node->inputs[i]->constant || node->inputs[i]->element != SMELT_ELEMENT_F32 ||
                                !node->inputs[i]->data))
            return false;
    return node->inputs[1] && node->inputs[1]->rank >= 3;
}

static uint32_t *count_uses(const struct smelt_ir *ir)
{
    uint32_t *uses = calloc((size_t)ir->value_count + 1, sizeof(*uses));
    for (uint32_t i = 0; uses && i < ir->node_count; i++)
        for (uint32_t k = 0; k < ir->nodes[i]->input_count; k++)
            if (ir->nodes[i]->inputs[k])
                uses[ir->nodes[i]->inputs[k]->id]++;
    return uses;
}

// A new constant [extents][...] like `like` with other leading extents; its elements are for the caller to fill.
static enum smelt_result make_weight(struct smelt_ir *ir, const struct smelt_ir_value *like, uint64_t first,
                                     uint64_t second, struct smelt_ir_value **value, float **data)
{
    uint64_t shape[SMELT_IR_MAX_RANK], count = 1;
    smelt_lower_shape(like, shape);
    shape[0] = first;
    if (like->rank > 1)
        shape[1] = second;
    for (uint32_t d = 0; d < like->rank; d++)
        count *= shape[d];
    *data = smelt_ir_allocate(ir, (size_t)count * sizeof(float));
    enum smelt_result result = *data ? smelt_ir_value(ir, NULL, value) : smelt_ir_no_memory(ir);
    return result ? result
                  : smelt_ir_set_constant(ir, *value, SMELT_ELEMENT_F32, like->rank, shape, *data,
                                          count * sizeof(float));
}

static enum smelt_result set_inputs(struct smelt_ir *ir, struct smelt_ir_node *node,
                                    struct smelt_ir_value *const *values, uint32_t count)
{
    struct smelt_ir_value **inputs = smelt_ir_allocate(ir, (count + 1) * sizeof(*inputs));
    if (!inputs)
        return smelt_ir_no_memory(ir);
    memcpy(inputs, values,
           count * sizeof(*inputs)); // the node's own may be shared with a copy of the network
    node->inputs = inputs;
    node->input_count = count;
    return SMELT_OK;
}

// --- Relu of both signs ---------------------------------------------------------------------------------------

// The convolution whose Relus of both signs inputs `at` and `at + 1` are; NULL: they are not, or others read between.
static struct smelt_ir_node *find_signs(const struct smelt_ir_node *concat, uint32_t at, const uint32_t *uses)
{
    const struct smelt_ir_value *plus = concat->inputs[at],
                                *minus = at + 1 < concat->input_count ? concat->inputs[at + 1] : NULL;
    if (!plus || !minus || !is(plus->producer, "Relu") || !is(minus->producer, "Relu") || plus->is_output ||
        minus->is_output || uses[plus->id] != uses[minus->id])
        return NULL;
    const struct smelt_ir_value *x = plus->producer->inputs[0], *negative = minus->producer->inputs[0];
    bool fits = is(negative->producer, "Neg") && negative->producer->inputs[0] == x &&
                uses[negative->id] == 1 && uses[x->id] == 2 && !negative->is_output && !x->is_output &&
                is_constant_convolution(x->producer);
    return fits ? x->producer : NULL;
}

// Whether the two are neighbours wherever they are read: in as many Concats as they are read at all.
static bool are_always_pairs(const struct smelt_ir *ir, const struct smelt_ir_value *plus,
                             const struct smelt_ir_value *minus, uint32_t uses)
{
    uint32_t found = 0;
    for (uint32_t n = 0; n < ir->node_count; n++) {
        const struct smelt_ir_node *node = ir->nodes[n];
        for (uint32_t k = 0;
             is(node, "Concat") && smelt_ir_integer(node, "axis") == 1 && k + 1 < node->input_count; k++)
            found += node->inputs[k] == plus && node->inputs[k + 1] == minus;
    }
    return found == uses;
}

// [w; -w]
static enum smelt_result add_negatives(struct smelt_ir *ir, struct smelt_ir_value **value)
{
    const struct smelt_ir_value *w = *value;
    uint64_t count = smelt_ir_element_count(w), first = (uint64_t)w->shape[0].constant;
    struct smelt_ir_value *made;
    float *data;
    enum smelt_result result =
        make_weight(ir, w, 2 * first, w->rank > 1 ? (uint64_t)w->shape[1].constant : 0, &made, &data);
    for (uint64_t i = 0; i < count && !result; i++) {
        data[i] = (float)smelt_element_number(w->stored, w->data, i);
        data[count + i] = -data[i];
    }
    *value = made;
    return result;
}

static enum smelt_result join_signs(struct smelt_ir *ir, struct smelt_ir_node *conv,
                                    const struct smelt_ir_value *plus, struct smelt_ir_value *minus)
{
    struct smelt_ir_value *inputs[3] = {conv->inputs[0], conv->inputs[1], smelt_ir_input(conv, 2)};
    enum smelt_result result = add_negatives(ir, &inputs[1]);
    if (!result && inputs[2])
        result = add_negatives(ir, &inputs[2]);
    if (!result)
        result = set_inputs(ir, conv, inputs, inputs[2] ? 3 : 2);
    for (uint32_t n = 0; n < ir->node_count && !result; n++) {
        struct smelt_ir_node *node = ir->nodes[n];
        uint32_t kept = 0;
        struct smelt_ir_value **left = NULL;
        for (uint32_t k = 0; k + 1 < node->input_count && is(node, "Concat"); k++)
            if (!left && node->inputs[k] == plus && node->inputs[k + 1] == minus)
                left = calloc(node->input_count, sizeof(struct smelt_ir_value *));
        for (uint32_t k = 0; left && k < node->input_count; k++)
            if (node->inputs[k] != minus)
                left[kept++] = node->inputs[k];
        if (left)
            result = set_inputs(ir, node, left, kept);
        free(left);
    }
    return result; // what made `minus` is read by nothing now and goes when the network is simplified
}

static enum smelt_result rewrite_signs(struct smelt_ir *ir)
{
    uint32_t *uses = count_uses(ir);
    enum smelt_result result = uses ? SMELT_OK : smelt_ir_no_memory(ir);
    for (uint32_t n = 0; n < ir->node_count && !result; n++) {
        struct smelt_ir_node *node = ir->nodes[n];
        for (uint32_t k = 0;
             is(node, "Concat") && smelt_ir_integer(node, "axis") == 1 && k < node->input_count && !result;
             k++) {
            struct smelt_ir_node *conv = find_signs(node, k, uses);
            struct smelt_ir_value *plus = node->inputs[k], *minus = conv ? node->inputs[k + 1] : NULL;
            if (conv && are_always_pairs(ir, plus, minus, uses[plus->id])) {
                result = join_signs(ir, conv, plus, minus);
                uses[conv->outputs[0]->id] = 0; // not again
            }
        }
    }
    free(uses);
    return result;
}

// --- Channels -------------------------------------------------------------------------------------------------

// The image with `more` channels of zeros; of one image the same value each time.
static enum smelt_result pad_channels(struct smelt_ir *ir, struct smelt_ir_value *x, int64_t more,
                                      struct smelt_ir_value **padded)
{
    const int64_t pads[8] = {0, 0, 0, 0, 0, more, 0, 0};
    struct smelt_ir_value *inputs[2] = {x, NULL};
    struct smelt_ir_node *node;
    struct smelt_text name = {0};
    smelt_text_add(&name, "%s + %d channels", x->name, (int)more);
    *padded = NULL;
    for (uint32_t n = 0; name.data && n < ir->node_count; n++)
        if (is(ir->nodes[n], "Pad") && ir->nodes[n]->inputs[0] == x && !strcmp(ir->nodes[n]->name, name.data))
            *padded = ir->nodes[n]->outputs[0];
    enum smelt_result result = name.data ? SMELT_OK : smelt_ir_no_memory(ir);
    if (!result && !*padded && !(result = smelt_ir_value(ir, NULL, padded)) &&
        !(result = smelt_ir_integers_constant(ir, pads, 8, &inputs[1])))
        result = smelt_ir_add_node(ir, smelt_operator_find("Pad"), name.data, inputs, 2, padded, 1, &node);
    smelt_text_free(&name);
    return result;
}

static enum smelt_result pad_weight(struct smelt_ir *ir, struct smelt_ir_value **value, uint64_t channels)
{
    const struct smelt_ir_value *w = *value;
    uint64_t outputs = (uint64_t)w->shape[0].constant, had = (uint64_t)w->shape[1].constant,
             plane = smelt_ir_element_count(w) / outputs / had;
    struct smelt_ir_value *made;
    float *data;
    enum smelt_result result = make_weight(ir, w, outputs, channels, &made, &data);
    for (uint64_t o = 0; o < outputs && !result; o++)
        for (uint64_t i = 0; i < had * plane; i++)
            data[o * channels * plane + i] =
                (float)smelt_element_number(w->stored, w->data, o * had * plane + i);
    *value = made;
    return result;
}

static enum smelt_result fill_channels(struct smelt_ir *ir, struct smelt_ir_node *conv, uint64_t channels,
                                       int64_t more, const uint32_t *uses)
{
    struct smelt_ir_value *x = conv->inputs[0], *padded,
                          *inputs[3] = {x, conv->inputs[1], smelt_ir_input(conv, 2)};
    struct smelt_ir_node *concat = x->producer;
    bool joins =
        is(concat, "Concat") && smelt_ir_integer(concat, "axis") == 1 && uses[x->id] == 1 && !x->is_output;
    if (!joins && !x->is_input)
        return SMELT_OK; // what computes it would write it twice
    enum smelt_result result =
        pad_channels(ir, joins ? concat->inputs[concat->input_count - 1] : x, more, &padded);
    if (!result && joins) {
        struct smelt_ir_value **parts = smelt_ir_allocate(ir, concat->input_count * sizeof(*parts));
        if (!parts)
            return smelt_ir_no_memory(ir);
        memcpy(parts, concat->inputs, concat->input_count * sizeof(*parts));
        parts[concat->input_count - 1] = padded;
        concat->inputs = parts;
    } else if (!result) {
        inputs[0] = padded;
    }
    if (!result)
        result = pad_weight(ir, &inputs[1], channels + (uint64_t)more);
    return result ? result : set_inputs(ir, conv, inputs, inputs[2] ? 3 : 2);
}

static enum smelt_result rewrite_channels(struct smelt_ir *ir)
{
    uint32_t *uses = count_uses(ir), count = ir->node_count;
    enum smelt_result result = uses ? SMELT_OK : smelt_ir_no_memory(ir);
    for (uint32_t n = 0; n < count && !result; n++) {
        struct smelt_ir_node *node = ir->nodes[n];
        if (!is_constant_convolution(node) || node->inputs[1]->rank != 4)
            continue;
        uint64_t channels = (uint64_t)node->inputs[1]->shape[1].constant;
        if (channels > 8 && channels % 8) // of fewer most would be zeros
            result = fill_channels(ir, node, channels, (int64_t)(8 - channels % 8), uses);
    }
    free(uses);
    return result || ir->node_count == count ? result : smelt_ir_sort(ir);
}

enum smelt_result smelt_network_rewrite(struct smelt_ir *ir, bool matrices)
{
    enum smelt_result result = rewrite_signs(ir);
    return result || !matrices ? result : rewrite_channels(ir);
}
