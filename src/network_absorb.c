// SPDX-License-Identifier: MIT
// Folds a BatchNormalization into the convolution in front of it: its factors go into weight and bias. In double, rounded
// once to f32.
#include "network_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The convolution that makes a normalisation's input, when all that matters is constant and nothing else reads between.
static struct smelt_ir_node *find_convolution(const struct smelt_ir_node *node, const uint32_t *uses)
{
    if (strcmp(node->op->name, "BatchNormalization") != 0 || !node->inputs[0]->producer)
        return NULL;
    struct smelt_ir_value *between = node->inputs[0];
    struct smelt_ir_node *conv = between->producer;
    bool plain = !strcmp(conv->op->name, "Conv"), transposed = !strcmp(conv->op->name, "ConvTranspose");
    if ((!plain && !transposed) || between->is_output || uses[between->id] != 1)
        return NULL;
    for (uint32_t i = 1; i < conv->input_count; i++) // weight, bias
        if (conv->inputs[i] && (!conv->inputs[i]->constant || conv->inputs[i]->element != SMELT_ELEMENT_F32 ||
                                !conv->inputs[i]->data))
            return NULL;
    if (conv->inputs[1]->rank < 3 || (transposed && smelt_ir_integer(conv, "group") != 1))
        return NULL;
    int64_t channels = conv->inputs[1]->shape[transposed].constant;
    for (uint32_t i = 1; i < 5; i++) // scale, bias, mean, variance
        if (!node->inputs[i]->constant || node->inputs[i]->element != SMELT_ELEMENT_F32 ||
            node->inputs[i]->rank != 1 || node->inputs[i]->shape[0].constant != channels)
            return NULL;
    return conv;
}

static double number(const struct smelt_ir_value *value, uint64_t index)
{
    return value ? smelt_element_number(value->stored, value->data, index) : 0;
}

static enum smelt_result add_constant(struct smelt_ir *ir, const struct smelt_ir_value *like, uint64_t count,
                                      float *data, struct smelt_ir_value **value)
{
    uint64_t shape[SMELT_IR_MAX_RANK] = {count};
    uint32_t rank = like ? like->rank : 1;
    if (like)
        smelt_lower_shape(like, shape);
    enum smelt_result result = smelt_ir_value(ir, NULL, value);
    return result ? result
                  : smelt_ir_set_constant(ir, *value, SMELT_ELEMENT_F32, rank, shape, data,
                                          count * sizeof(float));
}

static enum smelt_result absorb(struct smelt_ir *ir, struct smelt_ir_node *node, struct smelt_ir_node *conv)
{
    const struct smelt_ir_value *w = conv->inputs[1], *bias = smelt_ir_input(conv, 2);
    bool transposed = !strcmp(conv->op->name, "ConvTranspose");
    uint64_t count = smelt_ir_element_count(w), channels = (uint64_t)w->shape[transposed].constant;
    uint64_t inner = count / (uint64_t)w->shape[0].constant; // elements of one index of the first axis
    uint64_t plane = transposed ? inner / channels : inner;  // ... of one output channel
    float *weights = smelt_ir_allocate(ir, (size_t)count * sizeof(float)),
          *sums = smelt_ir_allocate(ir, (size_t)channels * sizeof(float));
    double *factors = calloc((size_t)channels, sizeof(double)), epsilon = smelt_ir_number(node, "epsilon");
    if (!weights || !sums || !factors) {
        free(factors);
        return smelt_ir_no_memory(ir);
    }
    for (uint64_t o = 0; o < channels; o++) {
        factors[o] = number(node->inputs[1], o) / sqrt(number(node->inputs[4], o) + epsilon);
        sums[o] =
            (float)((number(bias, o) - number(node->inputs[3], o)) * factors[o] + number(node->inputs[2], o));
    }
    for (uint64_t i = 0; i < count; i++)
        weights[i] = (float)(number(w, i) * factors[i / plane % channels]);
    free(factors);
    struct smelt_ir_value *scaled, *shifted;
    enum smelt_result result = add_constant(ir, w, count, weights, &scaled);
    if (!result)
        result = add_constant(ir, NULL, channels, sums, &shifted);
    if (result)
        return result;
    struct smelt_ir_value **inputs = smelt_ir_allocate(ir, 4 * sizeof(*inputs));
    if (!inputs)
        return smelt_ir_no_memory(ir);
    inputs[0] = conv->inputs[0];
    inputs[1] = scaled;
    inputs[2] = shifted;
    conv->inputs = inputs;
    conv->input_count = 3;
    conv->outputs[0]->producer = NULL;
    conv->outputs[0] = node->outputs[0];
    conv->outputs[0]->producer = conv;
    return SMELT_OK;
}

enum smelt_result smelt_network_absorb(struct smelt_ir *ir)
{
    uint32_t *uses = calloc((size_t)ir->value_count + 1, sizeof(*uses)), kept = 0;
    if (!uses)
        return smelt_ir_no_memory(ir);
    for (uint32_t i = 0; i < ir->node_count; i++)
        for (uint32_t k = 0; k < ir->nodes[i]->input_count; k++)
            if (ir->nodes[i]->inputs[k])
                uses[ir->nodes[i]->inputs[k]->id]++;
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < ir->node_count; i++) {
        struct smelt_ir_node *node = ir->nodes[i],
                             *conv = result || node->output_count != 1 ? NULL : find_convolution(node, uses);
        if (conv)
            result = absorb(ir, node, conv);
        else
            ir->nodes[kept++] = node;
    }
    ir->node_count = kept;
    free(uses);
    return result;
}
