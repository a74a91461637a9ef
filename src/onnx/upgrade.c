// SPDX-License-Identifier: MIT
// Older forms of operators into what SMELT_IR_OPSET says, so that everything behind knows one form. Each entry of the
// table below names the opset from which on the file needs no change. Source: the Changelog of the ONNX operators.
#include "import.h"

#include <float.h>
#include <string.h>

// An attribute of the file, which then is dealt with; NULL when it is not given.
static const Onnx__AttributeProto *take(struct smelt_onnx_draft *draft, const char *name)
{
    for (size_t i = 0; i < draft->proto->n_attribute; i++)
        if (!strcmp(draft->proto->attribute[i]->name, name)) {
            draft->taken[i] = true;
            return draft->proto->attribute[i];
        }
    return NULL;
}

static void set(struct smelt_onnx_draft *draft, const char *name, struct smelt_ir_attribute value)
{
    value.word = value.word ? value.word : "";
    draft->extra[draft->extra_count].name = name;
    draft->extra[draft->extra_count++].value = value;
}

static void set_word(struct smelt_onnx_draft *draft, const char *name, const char *word)
{
    set(draft, name, (struct smelt_ir_attribute){.word = word});
}

static void set_integer(struct smelt_onnx_draft *draft, const char *name, int64_t integer)
{
    set(draft, name, (struct smelt_ir_attribute){.integer = integer});
}

// Input `index` of a draft, which the file did not have.
static enum smelt_result put_input(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft,
                                   uint32_t index, struct smelt_ir_value *value)
{
    if (draft->input_count > index || index >= draft->proto->n_input + SMELT_ONNX_MAX_EXTRA)
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT,
                                     "it has %u inputs, and as many in opset %lld as %u", draft->input_count,
                                     (long long)in->opset, index);
    draft->inputs[index] = value;
    draft->input_count = index + 1;
    return SMELT_OK;
}

static enum smelt_result put_integers(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft,
                                      uint32_t index, const int64_t *integers, size_t count)
{
    struct smelt_ir_value *value;
    enum smelt_result result = smelt_ir_integers_constant(in->ir, integers, (uint32_t)count, &value);
    return result ? result : put_input(in, draft, index, value);
}

// A new f32 constant of this shape.
static enum smelt_result floats(struct smelt_onnx_importer *in, const float *numbers, size_t count,
                                uint32_t rank, struct smelt_ir_value **value)
{
    uint64_t extent = count;
    float *copy = smelt_ir_allocate(in->ir, count * sizeof(*copy) + 1);
    enum smelt_result result = copy ? smelt_ir_value(in->ir, NULL, value) : smelt_ir_no_memory(in->ir);
    if (result)
        return result;
    if (count)
        memcpy(copy, numbers, count * sizeof(*copy));
    return smelt_ir_set_constant(in->ir, *value, SMELT_ELEMENT_F32, rank, &extent, copy,
                                 count * sizeof(*copy));
}

static enum smelt_result put_scalar(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft,
                                    uint32_t index, float number)
{
    struct smelt_ir_value *value;
    enum smelt_result result = floats(in, &number, 1, 0, &value);
    return result ? result : put_input(in, draft, index, value);
}

// A node that the file does not have, between two values; attributes have their defaults but for one.
static enum smelt_result add_node(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft,
                                  const char *op, struct smelt_ir_value *a, struct smelt_ir_value *b,
                                  struct smelt_ir_value *output, const char *attribute, int64_t integer)
{
    struct smelt_ir_value *inputs[2] = {a, b};
    struct smelt_ir_node *node;
    struct smelt_ir_attribute value = {.integer = integer, .word = ""};
    const char *name = draft->proto->name ? draft->proto->name : "";
    if (!smelt_utf8_valid(name, strlen(name)))
        name = "";
    enum smelt_result result =
        smelt_ir_add_node(in->ir, smelt_operator_find(op), name, inputs, 2, &output, 1, &node);
    return result || !attribute ? result : smelt_ir_set_attribute(in->ir, node, attribute, &value);
}

// --- The rules ------------------------------------------------------------------------------------------------

// Attribute "axes" becomes input 1 (Squeeze, Unsqueeze, Reduce*).
static enum smelt_result axes_to_input(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *axes = take(draft, "axes");
    return axes ? put_integers(in, draft, 1, axes->ints, axes->n_ints) : SMELT_OK;
}

static enum smelt_result split_to_input(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *split = take(draft, "split");
    return split ? put_integers(in, draft, 1, split->ints, split->n_ints) : SMELT_OK;
}

static enum smelt_result slice_to_inputs(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *starts = take(draft, "starts"), *ends = take(draft, "ends"),
                               *axes = take(draft, "axes");
    if (!starts || !ends)
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT, "wanted the attributes starts and ends");
    enum smelt_result result = put_integers(in, draft, 1, starts->ints, starts->n_ints);
    if (!result)
        result = put_integers(in, draft, 2, ends->ints, ends->n_ints);
    return result || !axes ? result : put_integers(in, draft, 3, axes->ints, axes->n_ints);
}

static enum smelt_result pad_to_inputs(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *pads = take(draft, "pads"), *value = take(draft, "value");
    if (!pads)
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT, "wanted the attribute pads");
    enum smelt_result result = put_integers(in, draft, 1, pads->ints, pads->n_ints);
    return result || !value ? result : put_scalar(in, draft, 2, value->f);
}

static enum smelt_result clip_to_inputs(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *low = take(draft, "min"), *high = take(draft, "max");
    enum smelt_result result = low || high ? put_scalar(in, draft, 1, low ? low->f : -FLT_MAX) : SMELT_OK;
    return result || !high ? result : put_scalar(in, draft, 2, high->f);
}

// Softmax of the input seen as a matrix, cut at the axis: Reshape(Softmax(Flatten(x, axis), 1), Shape(x)).
static enum smelt_result softmax_of_matrix(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *given = take(draft, "axis");
    int64_t axis = given ? given->i : 1;
    struct smelt_ir_value *x = draft->inputs[0], *matrix, *shape, *result_matrix;
    if (axis == -1) {
        set_integer(draft, "axis", -1);
        return SMELT_OK;
    }
    if (draft->input_count != 1 || draft->output_count != 1 || !x || !draft->outputs[0])
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT, "wanted one input and one output");
    enum smelt_result result = smelt_ir_value(in->ir, NULL, &matrix);
    if (!result)
        result = add_node(in, draft, "Flatten", x, NULL, matrix, "axis", axis);
    if (!result)
        result = smelt_ir_value(in->ir, NULL, &result_matrix);
    if (!result)
        result = add_node(in, draft, draft->op, matrix, NULL, result_matrix, "axis", 1);
    if (!result)
        result = smelt_ir_value(in->ir, NULL, &shape);
    if (!result)
        result = add_node(in, draft, "Shape", x, NULL, shape, NULL, 0);
    draft->gone = true;
    return result ? result
                  : add_node(in, draft, "Reshape", result_matrix, shape, draft->outputs[0], "allowzero", 1);
}

// What Upsample and the first Resize did.
static void old_resize(struct smelt_onnx_draft *draft)
{
    draft->op = "Resize";
    set_word(draft, "coordinate_transformation_mode", "asymmetric");
    set_word(draft, "nearest_mode", "floor");
}

static enum smelt_result resize_10(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    if (draft->input_count != 2)
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT, "wanted 2 inputs, got %u",
                                     draft->input_count);
    old_resize(draft);
    draft->inputs[2] = draft->inputs[1];
    draft->inputs[1] = NULL;
    draft->input_count = 3;
    return SMELT_OK;
}

static enum smelt_result upsample(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *scales = take(draft, "scales");
    struct smelt_ir_value *value;
    if (!scales || draft->input_count != 1)
        return resize_10(in, draft);
    old_resize(draft);
    enum smelt_result result = floats(in, scales->floats, scales->n_floats, 1, &value);
    return result ? result : put_input(in, draft, 2, value);
}

static enum smelt_result batch_normalization(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *spatial = take(draft, "spatial"), *training = take(draft, "training_mode");
    (void)take(draft, "momentum");
    (void)take(draft, "is_test");
    if ((spatial && !spatial->i) || (training && training->i))
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_UNSUPPORTED,
                                     "statistics per element, or training");
    return SMELT_OK;
}

static enum smelt_result no_broadcast(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *axis = take(draft, "axis");
    (void)take(draft, "broadcast"); // wider broadcasting holds what the narrower one gave
    (void)take(draft, "consumed_inputs");
    return axis ? smelt_onnx_draft_fail(in, draft, SMELT_ERROR_UNSUPPORTED,
                                        "broadcasting from an axis (before opset 7)")
                : SMELT_OK;
}

// Its mask is of no use when it drops nothing; training_mode is input 2.
static enum smelt_result dropout(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const struct smelt_ir_value *training = draft->input_count > 2 ? draft->inputs[2] : NULL;
    (void)take(draft, "ratio");
    (void)take(draft, "seed");
    (void)take(draft, "is_test");
    if (training && (!training->constant || !training->size ||
                     smelt_element_integer(training->stored, training->data, 0)))
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_UNSUPPORTED, "training");
    draft->op = "Identity";
    draft->input_count = SMELT_MIN(draft->input_count, 1u);
    draft->output_count =
        SMELT_MIN(draft->output_count, 1u); // a use of the mask finds that it comes from nowhere
    return SMELT_OK;
}

static enum smelt_result grid_sample(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *mode = take(draft, "mode");
    (void)in;
    if (mode && mode->s.len == 7 && !memcmp(mode->s.data, "nearest", 7))
        set_word(draft, "mode", "nearest");
    else if (mode && mode->s.len == 7 && !memcmp(mode->s.data, "bicubic", 7))
        set_word(draft, "mode", "cubic");
    else if (mode && !(mode->s.len == 8 && !memcmp(mode->s.data, "bilinear", 8)))
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT, "a mode that is none");
    return SMELT_OK;
}

static enum smelt_result group_normalization(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    (void)in;
    set_integer(draft, "scale_per_group", 1);
    return SMELT_OK;
}

static enum smelt_result constant(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *a = draft->proto->n_attribute == 1 ? draft->proto->attribute[0] : NULL;
    struct smelt_ir_value *v = draft->output_count == 1 ? draft->outputs[0] : NULL;
    uint64_t extent = 0;
    void *copy = NULL;
    draft->gone = true;
    if (!a || !v || draft->input_count)
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT,
                                     "wanted one attribute, one output and no input");
    if (!strcmp(a->name, "value") && a->t)
        return smelt_onnx_constant(in, v, a->t);
    bool integers = !strcmp(a->name, "value_int") || !strcmp(a->name, "value_ints");
    bool list = !strcmp(a->name, "value_ints") || !strcmp(a->name, "value_floats");
    if (!integers && !list && strcmp(a->name, "value_float") != 0)
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_UNSUPPORTED, "attribute \"%.40s\"", a->name);
    const void *from = integers ? list ? (const void *)a->ints : &a->i
                       : list   ? (const void *)a->floats
                                : &a->f;
    extent = !list ? 1 : integers ? a->n_ints : a->n_floats;
    size_t size = (size_t)extent * (integers ? sizeof(int64_t) : sizeof(float));
    if (!(copy = smelt_ir_allocate(in->ir, size + 1)))
        return smelt_ir_no_memory(in->ir);
    if (size)
        memcpy(copy, from, size);
    return smelt_ir_set_constant(in->ir, v, integers ? SMELT_ELEMENT_I64 : SMELT_ELEMENT_F32, list, &extent,
                                 copy, size);
}

// Expand(value, shape).
static enum smelt_result constant_of_shape(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    const Onnx__AttributeProto *given = take(draft, "value");
    struct smelt_ir_value *value;
    if (draft->input_count != 1)
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT, "wanted one input, got %u",
                                     draft->input_count);
    enum smelt_result result =
        given && given->t ? smelt_ir_value(in->ir, NULL, &value) : floats(in, &(float){0}, 1, 0, &value);
    if (!result && given && given->t)
        result = smelt_onnx_constant(in, value, given->t);
    if (!result && smelt_ir_element_count(value) != 1)
        result = smelt_onnx_draft_fail(in, draft, SMELT_ERROR_SHAPE, "wanted one element as \"value\"");
    if (result)
        return result;
    value->rank = 0;
    draft->op = "Expand";
    draft->inputs[1] = draft->inputs[0];
    draft->inputs[0] = value;
    draft->input_count = 2;
    return SMELT_OK;
}

static const struct upgrade {
    const char *op;
    uint32_t until; // opsets before this one; 0: all of them
    enum smelt_result (*apply)(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft);
} upgrades[] = {
    {"Add", 7, no_broadcast},
    {"BatchNormalization", 0, batch_normalization},
    {"Clip", 11, clip_to_inputs},
    {"Constant", 0, constant},
    {"ConstantOfShape", 0, constant_of_shape},
    {"Div", 7, no_broadcast},
    {"Dropout", 0, dropout},
    {"Equal", 7, no_broadcast},
    {"Gemm", 7, no_broadcast},
    {"Greater", 7, no_broadcast},
    {"GridSample", 20, grid_sample},
    {"GroupNormalization", 21, group_normalization},
    {"Less", 7, no_broadcast},
    {"LogSoftmax", 13, softmax_of_matrix},
    {"Mul", 7, no_broadcast},
    {"Pad", 11, pad_to_inputs},
    {"Pow", 7, no_broadcast},
    {"ReduceL1", 18, axes_to_input},
    {"ReduceL2", 18, axes_to_input},
    {"ReduceLogSum", 18, axes_to_input},
    {"ReduceLogSumExp", 18, axes_to_input},
    {"ReduceMax", 18, axes_to_input},
    {"ReduceMean", 18, axes_to_input},
    {"ReduceMin", 18, axes_to_input},
    {"ReduceProd", 18, axes_to_input},
    {"ReduceSum", 13, axes_to_input},
    {"ReduceSumSquare", 18, axes_to_input},
    {"Resize", 11, resize_10},
    {"Slice", 10, slice_to_inputs},
    {"Softmax", 13, softmax_of_matrix},
    {"Split", 13, split_to_input},
    {"Squeeze", 13, axes_to_input},
    {"Sub", 7, no_broadcast},
    {"Unsqueeze", 13, axes_to_input},
    {"Upsample", 0, upsample},
};

bool smelt_onnx_is_rewritten(const char *op)
{
    return !strcmp(op, "Constant") || !strcmp(op, "ConstantOfShape") || !strcmp(op, "Dropout") ||
           !strcmp(op, "Upsample");
}

enum smelt_result smelt_onnx_upgrade(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    for (size_t i = 0; i < SMELT_COUNT_OF(upgrades); i++)
        if (!strcmp(upgrades[i].op, draft->op) && (!upgrades[i].until || in->opset < upgrades[i].until))
            return upgrades[i].apply(in, draft);
    return SMELT_OK;
}
