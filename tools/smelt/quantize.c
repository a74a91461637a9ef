// SPDX-License-Identifier: MIT
// Convolutions and products of floats into integer ones (docs/networks.md), and what that costs in dB.
#include "quantize.h"

#include "network_operators.h"
#include "tensor_math.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A value as i8: (q - zero) scale.
struct form {
    struct smelt_ir_value *value, *scale, *zero; // NULL: none yet
    double step;
    int32_t offset;
};

struct work {
    struct smelt_ir *ir;
    const struct value_range *ranges; // of the values that were there before
    uint32_t value_count;             // how many those are
    struct form *forms;               // by their ids
    uint32_t *uses;
    struct smelt_ir_node **user; // the last one that reads it
    struct quantized_layers *layers;
};

// --- Constants and nodes ----------------------------------------------------------------------------------------

static struct smelt_ir_value *constant(struct work *work, enum smelt_element element, uint32_t rank,
                                       const uint64_t *shape, const void *data, size_t size)
{
    struct smelt_ir_value *value = NULL;
    void *copy = smelt_ir_allocate(work->ir, size + 1);
    if (!copy || smelt_ir_value(work->ir, NULL, &value))
        return NULL;
    memcpy(copy, data, size);
    return smelt_ir_set_constant(work->ir, value, element, rank, shape, copy, size) ? NULL : value;
}

static struct smelt_ir_value *number(struct work *work, double x)
{
    const float f = (float)x;
    return constant(work, SMELT_ELEMENT_F32, 0, NULL, &f, sizeof(f));
}

static struct smelt_ir_value *byte(struct work *work, int32_t x)
{
    const int8_t b = (int8_t)x;
    return constant(work, SMELT_ELEMENT_I8, 0, NULL, &b, 1);
}

// A value that nothing else has, called after another one.
static struct smelt_ir_value *value_after(struct work *work, const struct smelt_ir_value *like,
                                          const char *ending)
{
    struct smelt_text name = {0};
    struct smelt_ir_value *value = NULL;
    smelt_text_add(&name, "%s%s", like->name, ending);
    bool taken = name.failed || smelt_ir_find(work->ir, name.data);
    if (smelt_ir_value(work->ir, taken ? NULL : name.data, &value))
        value = NULL;
    smelt_text_free(&name);
    return value;
}

// A node with default attributes; NULL when one of its inputs is missing for want of memory, or it cannot be made.
static struct smelt_ir_node *add(struct work *work, const char *op, const char *name,
                                 struct smelt_ir_value *const *inputs, uint32_t count,
                                 struct smelt_ir_value *output)
{
    struct smelt_ir_node *node = NULL;
    bool whole = output != NULL;
    for (uint32_t i = 0; i < count; i++)
        whole &= inputs[i] != NULL;
    if (!whole)
        smelt_ir_no_memory(work->ir);
    else if (smelt_ir_add_node(work->ir, smelt_operator_find(op), name, inputs, count, &output, 1, &node))
        node = NULL;
    return node;
}

// --- Activations ------------------------------------------------------------------------------------------------

// Scale and zero point of a range that has 0 in it, exactly.
static void fit_range(const struct value_range *range, struct form *form)
{
    float step = (float)((range->most - range->least) / 255);
    form->step = step > 0 ? (double)step : 1;
    form->offset = (int32_t)fmin(127, fmax(-128, nearbyint(-128 - range->least / form->step)));
}

static bool is_moved_only(const struct smelt_ir_node *node)
{
    static const char *const ops[] = {"Flatten", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze"};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(ops); i++)
        if (!strcmp(node->op->name, ops[i]))
            return node->output_count == 1;
    return false;
}

static void copy_attributes(struct smelt_ir_node *to, const struct smelt_ir_node *from)
{
    for (uint32_t a = 0; from->op->attributes && from->op->attributes[a].name; a++)
        for (uint32_t b = 0; to->op->attributes && to->op->attributes[b].name; b++)
            if (!strcmp(from->op->attributes[a].name, to->op->attributes[b].name))
                to->attributes[b] = from->attributes[a];
}

// Whether an integer operator made it, or something that only moves elements did of such a value.
static bool is_bytes_already(const struct work *work, const struct smelt_ir_value *value)
{
    const struct smelt_ir_node *maker = value->producer;
    return work->forms[value->id].value ||
           (maker && is_moved_only(maker) && is_bytes_already(work, maker->inputs[0]));
}

// The value as i8: what an integer operator made, that moved by what only moves elements, or quantised here.
static const struct form *form_of(struct work *work, struct smelt_ir_value *value)
{
    struct form *form = &work->forms[value->id];
    struct smelt_ir_node *maker = value->producer;
    if (form->value)
        return form;
    struct smelt_ir_value *quantized = value_after(work, value, "_i8");
    if (maker && is_moved_only(maker) && is_bytes_already(work, maker->inputs[0])) {
        const struct form *from = form_of(work, maker->inputs[0]);
        if (!from)
            return NULL;
        *form = *from;
        form->value = NULL;
        struct smelt_ir_value *inputs[8] = {from->value};
        for (uint32_t i = 1; i < maker->input_count && i < 8; i++)
            inputs[i] = maker->inputs[i];
        struct smelt_ir_node *node =
            add(work, maker->op->name, maker->name, inputs, maker->input_count, quantized);
        if (!node)
            return NULL;
        copy_attributes(node, maker);
    } else {
        fit_range(&work->ranges[value->id], form);
        form->scale = number(work, form->step);
        form->zero = byte(work, form->offset);
        struct smelt_ir_value *const inputs[] = {value, form->scale, form->zero};
        if (!add(work, "QuantizeLinear", "", inputs, 3, quantized))
            return NULL;
    }
    form->value = quantized;
    return form;
}

// --- Weights ----------------------------------------------------------------------------------------------------

// A layer's weights as i8, [outer][channels][inner] in memory, and their scales.
struct weights {
    struct smelt_ir_value *value;
    float *scales; // one for each channel
    uint64_t channels;
};

// `turned`: the matrix [channels][inner] of a Gemm with transB, stored as [inner][channels].
static enum smelt_result make_weights(struct work *work, const struct smelt_ir_value *w, uint32_t axis,
                                      bool turned, struct weights *out)
{
    uint64_t count = smelt_ir_element_count(w), inner = 1, shape[SMELT_IR_MAX_RANK];
    for (uint32_t d = 0; d < w->rank; d++) {
        shape[d] = (uint64_t)w->shape[d].constant;
        inner *= d > axis ? shape[d] : 1;
    }
    out->channels = shape[axis];
    out->scales = smelt_ir_allocate(work->ir, (size_t)out->channels * sizeof(float));
    int8_t *bytes = smelt_ir_allocate(work->ir, (size_t)count + 1);
    if (!out->scales || !bytes)
        return smelt_ir_no_memory(work->ir);
    for (uint64_t i = 0; i < count; i++) {
        float *scale = &out->scales[i / inner % out->channels];
        *scale = fmaxf(*scale, (float)fabs(smelt_element_number(w->stored, w->data, i)) / 127);
    }
    for (uint64_t c = 0; c < out->channels; c++)
        out->scales[c] = out->scales[c] > 0 ? out->scales[c] : 1;
    for (uint64_t i = 0; i < count; i++) {
        double x = nearbyint(smelt_element_number(w->stored, w->data, i) /
                             (double)out->scales[i / inner % out->channels]);
        bytes[turned ? i % inner * out->channels + i / inner : i] = (int8_t)fmin(127, fmax(-127, x));
    }
    if (turned) {
        shape[0] = inner;
        shape[1] = out->channels;
    }
    enum smelt_result result = smelt_ir_value(work->ir, NULL, &out->value);
    return result
               ? result
               : smelt_ir_set_constant(work->ir, out->value, SMELT_ELEMENT_I8, w->rank, shape, bytes, count);
}

// --- Layers -----------------------------------------------------------------------------------------------------

// The bias of a layer, one number for each channel; 0 without one.
static double bias_of(const struct smelt_ir_value *bias, uint64_t channel)
{
    return bias ? smelt_element_number(bias->stored, bias->data,
                                       smelt_ir_element_count(bias) == 1 ? 0 : channel)
                : 0;
}

static bool is_f32_constant(const struct smelt_ir_value *value)
{
    return value && value->constant && value->element == SMELT_ELEMENT_F32 && value->data;
}

static bool is_convolution(const struct smelt_ir_node *node)
{
    return !strcmp(node->op->name, "Conv");
}

static bool is_plain_gemm(const struct smelt_ir_node *node)
{
    const struct smelt_ir_value *c = smelt_ir_input(node, 2);
    uint32_t transposed = (uint32_t)smelt_ir_integer(node, "transB");
    return !smelt_ir_integer(node, "transA") && smelt_ir_number(node, "alpha") == 1 &&
           smelt_ir_number(node, "beta") == 1 &&
           (!c || smelt_ir_element_count(c) == (uint64_t)node->inputs[1]->shape[!transposed].constant);
}

// A convolution or a product of a value that was measured and a constant.
static bool is_layer(const struct work *work, const struct smelt_ir_node *node)
{
    bool gemm = !strcmp(node->op->name, "Gemm"), product = gemm || !strcmp(node->op->name, "MatMul");
    if ((!is_convolution(node) && !product) || !is_f32_constant(node->inputs[1]) ||
        node->inputs[0]->constant || node->inputs[0]->element != SMELT_ELEMENT_F32 ||
        node->inputs[0]->id >= work->value_count ||
        (smelt_ir_input(node, 2) && !is_f32_constant(node->inputs[2])))
        return false;
    const struct value_range *range = &work->ranges[node->inputs[0]->id];
    return !node->outputs[0]->keep_f32 && !range->others && range->most > range->least &&
           (is_convolution(node) ? node->inputs[1]->rank >= 3 : node->inputs[1]->rank == 2) &&
           (!gemm || is_plain_gemm(node)) && (gemm || is_convolution(node) || node->inputs[0]->rank >= 2);
}

// Whether all that reads the value takes it as i8.
static bool is_read_as_bytes(const struct work *work, const struct smelt_ir_value *value)
{
    bool all = !value->is_output && work->uses[value->id] > 0;
    for (uint32_t i = 0; all && i < work->value_count; i++)
        if (work->ir->values[i]->producer) {
            const struct smelt_ir_node *node = work->ir->values[i]->producer;
            for (uint32_t k = 0; k < node->input_count; k++)
                if (node->inputs[k] == value)
                    all &= (!k && is_layer(work, node)) ||
                           (is_moved_only(node) && is_read_as_bytes(work, node->outputs[0]));
        }
    return all;
}

// What a layer's result becomes with a saturating activation behind it, when nothing else reads it in between.
static struct smelt_ir_value *with_activation(const struct work *work, struct smelt_ir_value *value)
{
    const struct smelt_ir_node *node =
        work->uses[value->id] == 1 && !value->is_output ? work->user[value->id] : NULL;
    bool saturates = node && node->inputs[0] == value &&
                     (!strcmp(node->op->name, "Relu") || !strcmp(node->op->name, "Clip"));
    return saturates && !node->outputs[0]->keep_f32 ? node->outputs[0] : value;
}

static enum smelt_result note_layer(struct work *work, const struct smelt_ir_node *node,
                                    const struct smelt_ir_value *value, const struct form *form)
{
    struct quantized_layers *all = work->layers;
    struct quantized_layer *layers = realloc(all->layers, (all->count + 1) * sizeof(*layers));
    if (!layers)
        return smelt_ir_no_memory(work->ir);
    all->layers = layers;
    layers[all->count++] = (struct quantized_layer){.node = *node->name ? node->name : value->name,
                                                    .op = node->op->name,
                                                    .value = value->name,
                                                    .stored = form ? form->value->name : NULL,
                                                    .scale = form ? form->step : 1,
                                                    .zero = form ? form->offset : 0};
    return SMELT_OK;
}

// QLinearConv, whose saturation is the activation; the value as floats for whoever else wants it.
static enum smelt_result to_bytes(struct work *work, struct smelt_ir_node *node, const struct form *x,
                                  const struct weights *w, struct smelt_ir_value *value)
{
    struct form *y = &work->forms[value->id];
    fit_range(&work->ranges[value->id], y);
    y->scale = number(work, y->step);
    y->zero = byte(work, y->offset);
    struct smelt_ir_value *quantized = value_after(work, value, "_i8");
    int32_t *sums = smelt_ir_allocate(work->ir, (size_t)w->channels * sizeof(*sums));
    if (!sums || !quantized)
        return smelt_ir_no_memory(work->ir);
    for (uint64_t c = 0; c < w->channels; c++)
        sums[c] = (int32_t)fmin(0x1p30, fmax(-0x1p30, nearbyint(bias_of(smelt_ir_input(node, 2), c) /
                                                                (x->step * (double)w->scales[c]))));
    struct smelt_ir_value *const inputs[] = {
        x->value,
        x->scale,
        x->zero,
        w->value,
        constant(work, SMELT_ELEMENT_F32, 1, &w->channels, w->scales, (size_t)w->channels * sizeof(float)),
        byte(work, 0),
        y->scale,
        y->zero,
        constant(work, SMELT_ELEMENT_I32, 1, &w->channels, sums, (size_t)w->channels * sizeof(*sums))};
    struct smelt_ir_node *made = add(work, "QLinearConv", node->name, inputs, 9, quantized);
    if (!made)
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    copy_attributes(made, node);
    y->value = quantized;
    node->outputs[0]->producer = NULL;
    value->producer = NULL; // an activation's
    struct smelt_ir_value *const back[] = {quantized, y->scale, y->zero};
    if (!add(work, "DequantizeLinear", node->name, back, 3, value))
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    return note_layer(work, node, value, y);
}

// ConvInteger or MatMulInteger, scaled as f32, plus the bias.
static enum smelt_result to_floats(struct work *work, struct smelt_ir_node *node, const struct form *x,
                                   const struct weights *w)
{
    bool convolution = is_convolution(node);
    const struct smelt_ir_value *bias = smelt_ir_input(node, 2);
    struct smelt_ir_value *value = node->outputs[0], *sum = value_after(work, value, "_i32"),
                          *number_of_sum = value_after(work, value, "_sum"),
                          *scaled = bias ? value_after(work, value, "_scaled") : value;
    uint64_t shape[SMELT_IR_MAX_RANK] = {w->channels, 1, 1, 1, 1, 1, 1, 1};
    uint32_t rank = convolution ? node->inputs[1]->rank - 1 : 1;
    float *factors = smelt_ir_allocate(work->ir, (size_t)w->channels * sizeof(float)),
          *terms = smelt_ir_allocate(work->ir, (size_t)w->channels * sizeof(float));
    if (!factors || !terms)
        return smelt_ir_no_memory(work->ir);
    for (uint64_t c = 0; c < w->channels; c++) {
        factors[c] = (float)(x->step * (double)w->scales[c]);
        terms[c] = (float)bias_of(bias, c);
    }
    struct smelt_ir_value *scale = constant(work, SMELT_ELEMENT_F32, rank, shape, factors,
                                            (size_t)w->channels * sizeof(float)),
                          *offset = constant(work, SMELT_ELEMENT_F32, rank, shape, terms,
                                             (size_t)w->channels * sizeof(float));
    if (!scale || !offset)
        return smelt_ir_no_memory(work->ir);
    scale->keep_f32 = true; // products of scales are small
    value->producer = NULL;
    struct smelt_ir_value *const product[] = {x->value, w->value, x->zero, byte(work, 0)},
                                 *const scaling[] = {number_of_sum, scale},
                                 *const adding[] = {scaled, offset};
    struct smelt_ir_node *made =
        add(work, convolution ? "ConvInteger" : "MatMulInteger", node->name, product, 4, sum);
    struct smelt_ir_node *cast = made ? add(work, "Cast", node->name, &sum, 1, number_of_sum) : NULL;
    const struct smelt_ir_attribute to = {.integer = SMELT_ELEMENT_F32, .word = ""};
    if (!cast || smelt_ir_set_attribute(work->ir, cast, "to", &to) ||
        !add(work, "Mul", node->name, scaling, 2, scaled) ||
        (bias && !add(work, "Add", node->name, adding, 2, value)))
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    if (convolution)
        copy_attributes(made, node);
    return note_layer(work, node, value, NULL);
}

static enum smelt_result quantize_layer(struct work *work, struct smelt_ir_node *node)
{
    bool turned = !strcmp(node->op->name, "Gemm") && smelt_ir_integer(node, "transB");
    struct weights w = {0};
    const struct form *x = form_of(work, node->inputs[0]);
    enum smelt_result result =
        x ? make_weights(work, node->inputs[1], is_convolution(node) || turned ? 0 : 1, turned, &w)
          : SMELT_ERROR_OUT_OF_HOST_MEMORY;
    if (result)
        return result;
    struct smelt_ir_value *value = with_activation(work, node->outputs[0]);
    return is_convolution(node) && is_read_as_bytes(work, value) ? to_bytes(work, node, x, &w, value)
                                                                 : to_floats(work, node, x, &w);
}

// --- The network ------------------------------------------------------------------------------------------------

static void count_uses(struct work *work)
{
    for (uint32_t i = 0; i < work->ir->node_count; i++)
        for (uint32_t k = 0; k < work->ir->nodes[i]->input_count; k++) {
            const struct smelt_ir_value *value = work->ir->nodes[i]->inputs[k];
            if (value) {
                work->uses[value->id]++;
                work->user[value->id] = work->ir->nodes[i];
            }
        }
}

// Nodes that make nothing any more: their values have other producers.
static void remove_replaced(struct smelt_ir *ir)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ir->node_count; i++) {
        struct smelt_ir_node *node = ir->nodes[i];
        bool makes = false;
        for (uint32_t k = 0; k < node->output_count; k++)
            makes |= node->outputs[k] && node->outputs[k]->producer == node;
        if (makes)
            ir->nodes[kept++] = node;
    }
    ir->node_count = kept;
}

enum smelt_result quantize(struct smelt_ir *ir, const struct value_range *ranges,
                           struct quantized_layers *layers)
{
    uint32_t nodes = ir->node_count;
    struct work work = {.ir = ir, .ranges = ranges, .value_count = ir->value_count, .layers = layers};
    struct smelt_ir_node **list = calloc((size_t)nodes + 1, sizeof(*list));
    work.forms = calloc((size_t)ir->value_count + 1, sizeof(*work.forms));
    work.uses = calloc((size_t)ir->value_count + 1, sizeof(*work.uses));
    work.user = calloc((size_t)ir->value_count + 1, sizeof(*work.user));
    enum smelt_result result =
        list && work.forms && work.uses && work.user ? SMELT_OK : smelt_ir_no_memory(ir);
    if (!result) {
        memcpy(list, ir->nodes, nodes * sizeof(*list));
        count_uses(&work);
    }
    for (uint32_t i = 0; i < nodes && !result; i++)
        if (is_layer(&work, list[i]))
            result = quantize_layer(&work, list[i]);
    free(list);
    free(work.forms);
    free(work.uses);
    free(work.user);
    if (result)
        return result;
    remove_replaced(ir);
    result = smelt_ir_sort(ir);
    if (!result)
        result = smelt_ir_infer(ir);
    return result ? result : smelt_ir_simplify(ir);
}

// --- What it costs ----------------------------------------------------------------------------------------------

struct loss {
    double signal, error;
};

static double decibels(const struct loss *loss)
{
    return loss->error > 0 ? 10 * log10(loss->signal / loss->error) : INFINITY;
}

// `layer`: got holds its i8 elements; NULL: floats.
static void add_loss(struct loss *loss, const struct smelt_onnx_tensor *want,
                     const struct smelt_onnx_tensor *got, const struct quantized_layer *layer)
{
    uint64_t count = tensor_elements(want);
    if (!smelt_element_is_float(want->element) || count != tensor_elements(got))
        return;
    for (uint64_t i = 0; i < count; i++) {
        double w = smelt_element_number(want->element, want->data, i),
               g = layer && layer->stored
                       ? (double)(smelt_element_integer(got->element, got->data, i) - layer->zero) *
                             layer->scale
                       : smelt_element_number(got->element, got->data, i);
        loss->signal += w * w;
        loss->error += (w - g) * (w - g);
    }
}

static enum smelt_result compare(struct probe *before, struct probe *after, const char *name,
                                 const struct quantized_layer *layer, struct loss *loss)
{
    struct smelt_onnx_tensor want = {0}, got = {0};
    enum smelt_result result = probe_read(before, name, &want);
    if (!result)
        result = probe_read(after, layer && layer->stored ? layer->stored : name, &got);
    if (!result)
        add_loss(loss, &want, &got, layer);
    smelt_onnx_tensor_free(&want);
    smelt_onnx_tensor_free(&got);
    return result;
}

enum { FEW_LAYERS = 16 }; // whose values are kept at once

static enum smelt_result compare_layers(smelt_context context, const struct smelt_ir *reference,
                                        const struct smelt_ir *ir, const struct samples *samples,
                                        const struct quantized_layers *layers, uint32_t first,
                                        struct loss *losses, struct loss *outputs)
{
    const char *names_before[FEW_LAYERS], *names_after[FEW_LAYERS];
    uint32_t count = SMELT_MIN((uint32_t)FEW_LAYERS, layers->count - first);
    for (uint32_t i = 0; i < count; i++) {
        const struct quantized_layer *layer = &layers->layers[first + i];
        names_before[i] = layer->value;
        names_after[i] = layer->stored ? layer->stored : layer->value;
    }
    struct probe before = {.context = context, .ir = reference, .names = names_before, .name_count = count},
                 after = {.context = context, .ir = ir, .names = names_after, .name_count = count};
    enum smelt_result result = SMELT_OK;
    for (uint32_t s = 0; s < samples->count && !result; s++) {
        tool_progress("comparing: sample %u of %u, operator %u of %u", s + 1, samples->count, first + 1,
                      layers->count);
        result = probe_run(&before, samples, s);
        if (!result)
            result = probe_run(&after, samples, s);
        for (uint32_t i = 0; i < count && !result; i++)
            result = compare(&before, &after, layers->layers[first + i].value, &layers->layers[first + i],
                             &losses[first + i]);
        for (uint32_t i = 0; i < ir->output_count && !result && !first; i++)
            result = compare(&before, &after, ir->outputs[i]->name, NULL, &outputs[i]);
    }
    probe_free(&before);
    probe_free(&after);
    return result;
}

enum smelt_result report_quantization(smelt_context context, const struct smelt_ir *reference,
                                      const struct smelt_ir *ir, const struct samples *samples,
                                      const struct quantized_layers *layers)
{
    struct loss *losses = calloc((size_t)layers->count + ir->output_count + 1, sizeof(*losses)),
                *outputs = losses ? losses + layers->count : NULL;
    enum smelt_result result = losses ? SMELT_OK : smelt_ir_no_memory(ir);
    for (uint32_t first = 0; first < layers->count && !result; first += FEW_LAYERS)
        result = compare_layers(context, reference, ir, samples, layers, first, losses, outputs);
    tool_progress_end();
    for (uint32_t i = 0; i < layers->count && !result; i++)
        printf("  %-40s %-8s %6.1f dB\n", layers->layers[i].node, layers->layers[i].op, decibels(&losses[i]));
    for (uint32_t i = 0; i < ir->output_count && !result && layers->count; i++)
        printf("output %-34s %-8s %6.1f dB\n", ir->outputs[i]->name, "", decibels(&outputs[i]));
    free(losses);
    return result;
}
