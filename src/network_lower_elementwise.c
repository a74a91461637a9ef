// SPDX-License-Identifier: MIT
// Operators element by element: of floats as steps of smelt_encode_elementwise, which graphs join into one kernel; of all
// else as an expression for operator_elementwise.glsl.
#include "network_lower_views.h"

#include "kernels_operator.h"
#include "tensor_internal.h"

#include <stdio.h>
#include <string.h>

// --- Chains of steps --------------------------------------------------------------------------------------------

#define MAX_STEPS 24

struct operand {
    uint32_t place; // as in struct smelt_elementwise_step
    float value;
};
#define ABSENT (UINT32_MAX - 1)

struct chain {
    struct smelt_elementwise_params params;
    struct smelt_elementwise_step steps[MAX_STEPS];
    struct operand operands[SMELT_ELEMENTWISE_MAX_INPUTS]; // the node's inputs
    uint32_t operand_count;
    float alpha; // of the node; 0: it has none
};

static struct operand number(double value)
{
    return (struct operand){SMELT_ELEMENTWISE_VALUE, (float)value};
}

// A step; of two operands at most one is a number.
static struct operand put(struct chain *c, enum smelt_elementwise operation, struct operand p,
                          struct operand q)
{
    struct smelt_elementwise_step *step = &c->steps[c->params.step_count];
    step->operation = operation;
    step->operands[0] = p.place;
    step->operands[1] = q.place;
    step->value = p.place == SMELT_ELEMENTWISE_VALUE ? p.value : q.value;
    return (struct operand){c->params.input_count + c->params.step_count++, 0};
}

static struct operand put_one(struct chain *c, enum smelt_elementwise operation, struct operand p)
{
    return put(c, operation, p, number(0));
}

static struct operand activate(struct chain *c, enum smelt_activation activation, struct operand p)
{
    c->steps[c->params.step_count].activation = activation;
    return put_one(c, SMELT_ELEMENTWISE_ACTIVATE, p);
}

#define ADD(p, q) put(c, SMELT_ELEMENTWISE_ADD, p, q)
#define MULTIPLY(p, q) put(c, SMELT_ELEMENTWISE_MULTIPLY, p, q)
#define MAXIMUM(p, q) put(c, SMELT_ELEMENTWISE_MAXIMUM, p, q)
#define MINIMUM(p, q) put(c, SMELT_ELEMENTWISE_MINIMUM, p, q)

// --- What operators compute of floats; the first operand is x ------------------------------------------------------

typedef struct operand builder(struct chain *c, const struct smelt_ir_node *node, struct operand x);

// max(x, 0) + slope min(x, 0)
static struct operand bend(struct chain *c, struct operand x, struct operand slope)
{
    struct operand low = MULTIPLY(MINIMUM(x, number(0)), slope);
    return ADD(MAXIMUM(x, number(0)), low);
}

static struct operand build_leaky_relu(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    return c->alpha == 0.01f ? activate(c, SMELT_ACTIVATION_LEAKY_RELU, x) : bend(c, x, number(c->alpha));
}

static struct operand build_prelu(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    return bend(c, x, c->operands[1]);
}

// max(x, 0) + alpha (exp(min(x, 0) / width) - 1)
static struct operand exponential(struct chain *c, struct operand x, double width)
{
    struct operand low = MINIMUM(x, number(0));
    if (width != 1)
        low = put(c, SMELT_ELEMENTWISE_DIVIDE, low, number(width));
    low = ADD(activate(c, SMELT_ACTIVATION_EXP, low), number(-1));
    low = MULTIPLY(low, number(c->alpha));
    return ADD(MAXIMUM(x, number(0)), low);
}

static struct operand build_elu(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    return exponential(c, x, 1);
}

static struct operand build_celu(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    return exponential(c, x, c->alpha);
}

static struct operand build_selu(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    return MULTIPLY(exponential(c, x, 1), number(smelt_ir_number(node, "gamma")));
}

static struct operand build_clip(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    if (c->operand_count > 1 && c->operands[1].place != ABSENT)
        x = MAXIMUM(x, c->operands[1]);
    if (c->operand_count > 2 && c->operands[2].place != ABSENT)
        x = MINIMUM(x, c->operands[2]);
    return c->params.step_count ? x : activate(c, SMELT_ACTIVATION_NONE, x);
}

static struct operand build_gelu(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    if (smelt_ir_word_is(node, "approximate", "tanh"))
        return activate(c, SMELT_ACTIVATION_GELU, x);
    struct operand e = put_one(c, SMELT_ELEMENTWISE_ERF, MULTIPLY(x, number(0.70710678118654752)));
    struct operand half = MULTIPLY(x, number(0.5));
    return MULTIPLY(half, ADD(e, number(1)));
}

// clamp(alpha x + beta, 0, 1)
static struct operand ramp(struct chain *c, struct operand x, double alpha, double beta)
{
    struct operand line = ADD(MULTIPLY(x, number(alpha)), number(beta));
    return MINIMUM(MAXIMUM(line, number(0)), number(1));
}

static struct operand build_hard_sigmoid(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    return ramp(c, x, c->alpha, smelt_ir_number(node, "beta"));
}

static struct operand build_hard_swish(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    return MULTIPLY(x, ramp(c, x, 1.0 / 6, 0.5));
}

static struct operand build_mish(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    return MULTIPLY(x, activate(c, SMELT_ACTIVATION_TANH, activate(c, SMELT_ACTIVATION_SOFTPLUS, x)));
}

static struct operand build_softsign(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    return put(c, SMELT_ELEMENTWISE_DIVIDE, x, ADD(put_one(c, SMELT_ELEMENTWISE_ABSOLUTE, x), number(1)));
}

static struct operand build_swish(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    if (c->alpha == 1)
        return activate(c, SMELT_ACTIVATION_SILU, x);
    return MULTIPLY(x, activate(c, SMELT_ACTIVATION_SIGMOID, MULTIPLY(x, number(c->alpha))));
}

static struct operand build_threshold(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    return put(c, SMELT_ELEMENTWISE_THRESHOLD, x, number(c->alpha));
}

static struct operand build_power(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    struct operand q = c->operands[1];
    (void)node;
    if (q.place == SMELT_ELEMENTWISE_VALUE && q.value == 2)
        return MULTIPLY(x, x);
    if (q.place == SMELT_ELEMENTWISE_VALUE && q.value == 0.5f)
        return put_one(c, SMELT_ELEMENTWISE_ROOT, x);
    return put(c, SMELT_ELEMENTWISE_POWER, x, q);
}

static struct operand build_mod(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    struct operand q = c->operands[1];
    if (smelt_ir_integer(node, "fmod"))
        return put(c, SMELT_ELEMENTWISE_REMAINDER, x, q);
    struct operand whole = put_one(c, SMELT_ELEMENTWISE_FLOOR, put(c, SMELT_ELEMENTWISE_DIVIDE, x, q));
    return put(c, SMELT_ELEMENTWISE_SUBTRACT, x, MULTIPLY(whole, q));
}

static struct operand build_cast(struct chain *c, const struct smelt_ir_node *node, struct operand x)
{
    (void)node;
    return activate(c, SMELT_ACTIVATION_NONE, x);
}

// --- The operators ------------------------------------------------------------------------------------------------

// An operator has an activation, a step of one or two operands (FOLD: of all inputs in turn) or a builder for floats, and an
// expression of a, b, d for everything else.
enum form { ACTIVATION, STEP, FOLD, BUILD, EXPRESSION };
struct row {
    const char *name;
    enum form form;
    int of; // activation or step
    builder *build;
    const char *expression; // NULL: floats only
};

static const struct row rows[] = {
    {"Abs", STEP, SMELT_ELEMENTWISE_ABSOLUTE, NULL, "magnitude(a)"},
    {"Acos", STEP, SMELT_ELEMENTWISE_ARCCOSINE, NULL, NULL},
    {"Acosh", STEP, SMELT_ELEMENTWISE_ARCOSH, NULL, NULL},
    {"Add", STEP, SMELT_ELEMENTWISE_ADD, NULL, "a+b"},
    {"And", EXPRESSION, 0, NULL, "a&b"},
    {"Asin", STEP, SMELT_ELEMENTWISE_ARCSINE, NULL, NULL},
    {"Asinh", STEP, SMELT_ELEMENTWISE_ARSINH, NULL, NULL},
    {"Atan", STEP, SMELT_ELEMENTWISE_ARCTANGENT, NULL, NULL},
    {"Atanh", STEP, SMELT_ELEMENTWISE_ARTANH, NULL, NULL},
    {"Ceil", STEP, SMELT_ELEMENTWISE_CEIL, NULL, NULL},
    {"Celu", BUILD, 0, build_celu, NULL},
    {"Cos", STEP, SMELT_ELEMENTWISE_COSINE, NULL, NULL},
    {"Cosh", STEP, SMELT_ELEMENTWISE_COSH, NULL, NULL},
    {"Div", STEP, SMELT_ELEMENTWISE_DIVIDE, NULL, "divide(a,b)"},
    {"Elu", BUILD, 0, build_elu, NULL},
    {"Equal", EXPRESSION, 0, NULL, "uint(a==b)"},
    {"Erf", STEP, SMELT_ELEMENTWISE_ERF, NULL, NULL},
    {"Exp", ACTIVATION, SMELT_ACTIVATION_EXP, NULL, NULL},
    {"Floor", STEP, SMELT_ELEMENTWISE_FLOOR, NULL, NULL},
    {"Gelu", BUILD, 0, build_gelu, NULL},
    {"Greater", EXPRESSION, 0, NULL, "uint(a>b)"},
    {"GreaterOrEqual", EXPRESSION, 0, NULL, "uint(a>=b)"},
    {"HardSigmoid", BUILD, 0, build_hard_sigmoid, NULL},
    {"HardSwish", BUILD, 0, build_hard_swish, NULL},
    {"IsNaN", EXPRESSION, 0, NULL, "is_nan(a)"},
    {"LeakyRelu", BUILD, 0, build_leaky_relu, NULL},
    {"Less", EXPRESSION, 0, NULL, "uint(a<b)"},
    {"LessOrEqual", EXPRESSION, 0, NULL, "uint(a<=b)"},
    {"Log", STEP, SMELT_ELEMENTWISE_LOGARITHM, NULL, NULL},
    {"Max", FOLD, SMELT_ELEMENTWISE_MAXIMUM, NULL, "max(a,b)"},
    {"Mean", FOLD, SMELT_ELEMENTWISE_ADD, NULL, NULL},
    {"Min", FOLD, SMELT_ELEMENTWISE_MINIMUM, NULL, "min(a,b)"},
    {"Mish", BUILD, 0, build_mish, NULL},
    {"Mul", STEP, SMELT_ELEMENTWISE_MULTIPLY, NULL, "a*b"},
    {"Neg", STEP, SMELT_ELEMENTWISE_NEGATE, NULL, "-a"},
    {"Not", EXPRESSION, 0, NULL, "1u-a"},
    {"Or", EXPRESSION, 0, NULL, "a|b"},
    {"PRelu", BUILD, 0, build_prelu, "a<T1_V(0)?a*b:a"},
    {"Pow", BUILD, 0, build_power, "power(a,b)"},
    {"Reciprocal", STEP, SMELT_ELEMENTWISE_RECIPROCAL, NULL, NULL},
    {"Relu", ACTIVATION, SMELT_ACTIVATION_RELU, NULL, "max(a,T1_V(0))"},
    {"Round", STEP, SMELT_ELEMENTWISE_ROUND, NULL, NULL},
    {"Selu", BUILD, 0, build_selu, NULL},
    {"Sigmoid", ACTIVATION, SMELT_ACTIVATION_SIGMOID, NULL, NULL},
    {"Sign", STEP, SMELT_ELEMENTWISE_SIGN, NULL, "signum(a)"},
    {"Sin", ACTIVATION, SMELT_ACTIVATION_SINE, NULL, NULL},
    {"Sinh", STEP, SMELT_ELEMENTWISE_SINH, NULL, NULL},
    {"Softplus", ACTIVATION, SMELT_ACTIVATION_SOFTPLUS, NULL, NULL},
    {"Softsign", BUILD, 0, build_softsign, NULL},
    {"Sqrt", STEP, SMELT_ELEMENTWISE_ROOT, NULL, NULL},
    {"Sub", STEP, SMELT_ELEMENTWISE_SUBTRACT, NULL, "a-b"},
    {"Sum", FOLD, SMELT_ELEMENTWISE_ADD, NULL, "a+b"},
    {"Swish", BUILD, 0, build_swish, NULL},
    {"Tan", STEP, SMELT_ELEMENTWISE_TANGENT, NULL, NULL},
    {"Tanh", ACTIVATION, SMELT_ACTIVATION_TANH, NULL, NULL},
    {"ThresholdedRelu", BUILD, 0, build_threshold, NULL},
    {"Where", EXPRESSION, 0, NULL, "a!=0u?b:d"},
    {"Xor", EXPRESSION, 0, NULL, "a^b"},
};
static const struct row clip_row = {"Clip", BUILD, 0, build_clip, NULL},
                        cast_row = {"Cast", BUILD, 0, build_cast, NULL},
                        mod_row = {"Mod", BUILD, 0, build_mod, NULL};

// --- Expressions --------------------------------------------------------------------------------------------------

struct axis {
    uint64_t extent, strides[4];
};

// Views of y and its inputs with as few axes as all of them allow, the largest strides of y first: fewer kernels, and less to
// compute for each element. Elements of 4 bits stay as they are.
static void collapse(struct smelt_lowering *lowering, uint32_t count, smelt_tensor *tensors)
{
    const struct smelt_tensor_info *y = smelt_tensor_info(tensors[0]);
    struct axis axes[SMELT_IR_MAX_RANK] = {0};
    uint32_t rank = 0, kept = 0;
    for (uint32_t t = 0; t < count; t++)
        if (smelt_dtype_bits(smelt_tensor_info(tensors[t])->dtype) == 4)
            return;
    for (uint32_t d = 0; d < y->rank; d++) {
        if (y->shape[d] == 1)
            continue;
        struct axis axis = {.extent = y->shape[d]};
        for (uint32_t t = 0; t < count; t++) {
            const struct smelt_tensor_info *x = smelt_tensor_info(tensors[t]);
            uint32_t missing = y->rank - x->rank;
            axis.strides[t] = d < missing || x->shape[d - missing] == 1 ? 0 : x->strides[d - missing];
        }
        uint32_t at = rank++;
        for (; at > 0 && axes[at - 1].strides[0] < axis.strides[0]; at--)
            axes[at] = axes[at - 1];
        axes[at] = axis;
    }
    for (uint32_t d = 0; d < rank; d++) {
        bool even = kept > 0;
        for (uint32_t t = 0; t < count && even; t++)
            even = axes[kept - 1].strides[t] == axes[d].strides[t] * axes[d].extent;
        uint64_t outer = even ? axes[kept - 1].extent : 1;
        axes[even ? kept - 1 : kept++] = axes[d];
        axes[kept - 1].extent = axes[d].extent * outer;
    }
    if (!kept)
        axes[kept++] = (struct axis){.extent = 1};
    for (uint32_t t = 0; t < count; t++) {
        uint64_t shape[SMELT_IR_MAX_RANK], strides[SMELT_IR_MAX_RANK];
        for (uint32_t d = 0; d < kept; d++) {
            shape[d] = axes[d].strides[t] ? axes[d].extent : 1;
            strides[d] = SMELT_MAX(axes[d].strides[t], 1);
        }
        tensors[t] = smelt_lower_view(lowering, tensors[t], 0, kept, shape, strides);
    }
}

// y = expression of up to three inputs.
static enum smelt_result encode_expression(struct smelt_lowering *lowering, const char *options,
                                           smelt_tensor y, uint32_t count, const smelt_tensor *inputs)
{
    struct smelt_operator_call call = {
        .body = "operator_elementwise.glsl", .options = options, .tensors = {y}};
    memcpy(&call.tensors[1], inputs, count * sizeof(*inputs));
    collapse(lowering, count + 1, call.tensors);
    return lowering->result ? lowering->result : smelt_encode_operator(lowering->encoder, &call);
}

static enum smelt_result lower_expression(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                          const struct row *row, smelt_tensor y)
{
    smelt_tensor inputs[3] = {0};
    char options[64];
    if (!row->expression)
        return smelt_lower_fail(lowering, node, SMELT_ERROR_UNSUPPORTED, "elements of %s",
                                smelt_element_info(node->inputs[0]->element)->name);
    snprintf(options, sizeof(options), "EXPRESSION=%s", row->expression);
    if (row->form != FOLD) {
        for (uint32_t i = 0; i < node->input_count; i++)
            inputs[i] = smelt_lower_input(lowering, node, i);
        return lowering->result ? lowering->result
                                : encode_expression(lowering, options, y, node->input_count, inputs);
    }
    inputs[0] = smelt_lower_input(lowering, node, 0);
    if (node->input_count == 1)
        return lowering->result ? lowering->result
                                : encode_expression(lowering, "EXPRESSION=a", y, 1, inputs);
    for (uint32_t i = 1; i < node->input_count && !lowering->result; i++, inputs[0] = y) {
        inputs[1] = smelt_lower_input(lowering, node, i);
        if (!lowering->result)
            smelt_lower_take(lowering, encode_expression(lowering, options, y, 2, inputs));
    }
    return lowering->result;
}

// --- Steps --------------------------------------------------------------------------------------------------------

// Whether it is a constant of one element: a number of a step.
static bool is_number(const struct smelt_ir_node *node, uint32_t i)
{
    const struct smelt_ir_value *value = smelt_ir_input(node, i);
    return value && value->constant && smelt_element_is_float(value->stored) &&
           smelt_ir_element_count(value) == 1;
}

// The inputs [first, end) of the node, and `sum` in front unless NULL.
static void add_inputs(struct smelt_lowering *lowering, const struct smelt_ir_node *node, struct chain *c,
                       smelt_tensor sum, uint32_t first, uint32_t end)
{
    // A step has one number at most: the first input is one where the second is none.
    bool tensor_next = first + 1 < end && smelt_ir_input(node, first + 1) && !is_number(node, first + 1);
    if (sum) {
        c->params.inputs[c->params.input_count] = sum;
        c->operands[c->operand_count++] = (struct operand){c->params.input_count++, 0};
    }
    for (uint32_t i = first; i < end; i++) {
        struct operand *operand = &c->operands[c->operand_count++];
        const struct smelt_ir_value *value = smelt_ir_input(node, i);
        if (!value) {
            operand->place = ABSENT;
        } else if (is_number(node, i) && (i > first || sum || tensor_next)) {
            value = smelt_lower_host_input(node, i);
            *operand = number(smelt_element_number(value->stored, value->data, 0));
        } else {
            c->params.inputs[c->params.input_count] = smelt_lower_input(lowering, node, i);
            operand->place = c->params.input_count++;
        }
    }
}

static void build(struct chain *c, const struct row *row, const struct smelt_ir_node *node, bool last)
{
    struct operand x = c->operands[0];
    switch (row->form) {
    case ACTIVATION:
        activate(c, (enum smelt_activation)row->of, x);
        break;
    case STEP:
        put(c, (enum smelt_elementwise)row->of, x, c->operand_count > 1 ? c->operands[1] : number(0));
        break;
    case FOLD:
        for (uint32_t i = 1; i < c->operand_count; i++)
            x = put(c, (enum smelt_elementwise)row->of, x, c->operands[i]);
        if (last && !strcmp(row->name, "Mean"))
            x = MULTIPLY(x, number(1.0 / node->input_count));
        if (!c->params.step_count)
            activate(c, SMELT_ACTIVATION_NONE, x);
        break;
    default:
        row->build(c, node, x);
    }
}

static float alpha_of(const struct smelt_ir_node *node)
{
    const struct smelt_attribute_schema *schema = node->op->attributes;
    while (schema && schema->name && strcmp(schema->name, "alpha") != 0)
        schema++;
    return schema && schema->name ? (float)smelt_ir_number(node, "alpha") : 0;
}

static enum smelt_result lower_steps(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                     const struct row *row, smelt_tensor y)
{
    // Inputs beyond what a call takes join what came before, in y.
    uint32_t most = SMELT_ELEMENTWISE_MAX_INPUTS - 1;
    for (uint32_t first = 0; first < node->input_count && !lowering->result; first += most) {
        uint32_t end = SMELT_MIN(first + most, node->input_count);
        struct chain c = {.alpha = alpha_of(node)};
        add_inputs(lowering, node, &c, first ? y : NULL, first, end);
        if (lowering->result)
            break;
        build(&c, row, node, end == node->input_count);
        smelt_lower_take(lowering, smelt_lower_steps(lowering, c.params.inputs, c.params.input_count, c.steps,
                                                     c.params.step_count, y));
    }
    return lowering->result;
}

static bool all_floats(const struct smelt_lowering *lowering, const struct smelt_ir_node *node)
{
    bool floats = smelt_dtype_is_float(smelt_lower_dtype(lowering, node->outputs[0]));
    for (uint32_t i = 0; i < node->input_count && floats; i++)
        floats = !node->inputs[i] || smelt_dtype_is_float(smelt_lower_dtype(lowering, node->inputs[i]));
    return floats;
}

static enum smelt_result lower_row(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                   const struct row *row)
{
    smelt_tensor y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT);
    if (lowering->result)
        return lowering->result;
    if (row->form != EXPRESSION && all_floats(lowering, node))
        return lower_steps(lowering, node, row, y);
    return lower_expression(lowering, node, row, y);
}

enum smelt_result smelt_lower_elementwise(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    for (uint32_t i = 0; i < SMELT_COUNT_OF(rows); i++)
        if (!strcmp(rows[i].name, node->op->name))
            return lower_row(lowering, node, &rows[i]);
    return smelt_lower_fail(lowering, node, SMELT_ERROR_UNSUPPORTED, "no steps for it");
}

// --- Operators whose expression depends on more than their name ---------------------------------------------------------

enum smelt_result smelt_lower_mod(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    struct row row = mod_row;
    row.expression = smelt_ir_integer(node, "fmod") ? "remainder(a,b)" : "modulo(a,b)";
    return lower_row(lowering, node, &row);
}

enum smelt_result smelt_lower_is_infinite(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    char expression[32];
    snprintf(expression, sizeof(expression), "is_infinite(a,%d,%d)",
             (int)smelt_ir_integer(node, "detect_negative"), (int)smelt_ir_integer(node, "detect_positive"));
    const struct row row = {"IsInf", EXPRESSION, 0, NULL, expression};
    return lower_row(lowering, node, &row);
}

enum smelt_result smelt_lower_clip(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    smelt_tensor y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT);
    if (lowering->result || all_floats(lowering, node))
        return lowering->result ? lowering->result : lower_steps(lowering, node, &clip_row, y);
    smelt_tensor inputs[3] = {smelt_lower_input(lowering, node, 0)},
                 low = smelt_lower_input(lowering, node, 1), high = smelt_lower_input(lowering, node, 2);
    inputs[1] = low ? low : high;
    inputs[2] = low ? high : NULL;
    const char *options = low && high ? "EXPRESSION=min(max(a,b),d)"
                          : low       ? "EXPRESSION=max(a,b)"
                          : high      ? "EXPRESSION=min(a,b)"
                                      : "EXPRESSION=a";
    return encode_expression(lowering, options, y, 1u + (low || high) + (low && high), inputs);
}

// Between types whose tensors are of one type, elements stay where they are.
enum smelt_result smelt_lower_cast(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    enum smelt_dtype to = smelt_lower_dtype(lowering, node->outputs[0]);
    enum smelt_element element = node->outputs[0]->element;
    smelt_tensor x = smelt_lower_input(lowering, node, 0);
    if (lowering->result)
        return lowering->result;
    const struct smelt_tensor_info *info = smelt_tensor_info(x);
    bool truth = element == SMELT_ELEMENT_BOOL && node->inputs[0]->element != SMELT_ELEMENT_BOOL;
    if (info->dtype == to && !truth)
        return smelt_lower_output_view(lowering, node, 0, x, 0, info->strides);
    smelt_tensor y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_LARGEST_INPUT);
    if (lowering->result)
        return lowering->result;
    bool f8 = to == SMELT_DTYPE_F8E4M3 || to == SMELT_DTYPE_F8E5M2;
    if (f8 && !smelt_ir_integer(node, "saturate"))
        return encode_expression(lowering, "EXPRESSION=float(a) UNSATURATED=1", y, 1, &x);
    if (smelt_dtype_is_float(to) && smelt_dtype_is_float(info->dtype))
        return lower_steps(lowering, node, &cast_row, y);
    const char *options = truth                      ? "EXPRESSION=uint(a!=T1_V(0))"
                          : smelt_dtype_is_float(to) ? "EXPRESSION=float(a)"
                          : element == SMELT_ELEMENT_U32 || element == SMELT_ELEMENT_U64
                              ? "EXPRESSION=to_uint(a)"
                              : "EXPRESSION=T0_V(to_int(a))";
    return encode_expression(lowering, options, y, 1, &x);
}

enum smelt_result smelt_lower_identity(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    smelt_tensor x = smelt_lower_input(lowering, node, 0);
    return x ? smelt_lower_output_view(lowering, node, 0, x, 0, smelt_tensor_info(x)->strides)
             : lowering->result;
}
