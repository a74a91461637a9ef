// SPDX-License-Identifier: MIT
// The activation functions, alone: one shape per function, swept over small, large, random and limit values, in
// their scalar, vec2 and vec4 forms.
#include "check.h"

// One function each; the number is enum smelt_activation.
static const struct check_shape shapes[] = {
    {"none", {SMELT_ACTIVATION_NONE}, CHECK_CI},
    {"relu", {SMELT_ACTIVATION_RELU}, CHECK_CI},
    {"leaky_relu", {SMELT_ACTIVATION_LEAKY_RELU}, CHECK_CI},
    {"silu", {SMELT_ACTIVATION_SILU}, CHECK_CI},
    {"gelu", {SMELT_ACTIVATION_GELU}, CHECK_CI},
    {"sigmoid", {SMELT_ACTIVATION_SIGMOID}, CHECK_CI},
    {"tanh", {SMELT_ACTIVATION_TANH}, CHECK_CI},
    {"exp", {SMELT_ACTIVATION_EXP}, CHECK_CI},
    {"softplus", {SMELT_ACTIVATION_SOFTPLUS}, CHECK_CI},
    {"sine", {SMELT_ACTIVATION_SINE}, CHECK_CI},
};

static const struct check_types types[] = {
    {SMELT_DTYPE_NONE, SMELT_DTYPE_F32, SMELT_DTYPE_NONE},
    {SMELT_DTYPE_NONE, SMELT_DTYPE_F16, SMELT_DTYPE_NONE},
};

#define INPUTS 1021

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    c->evaluations = INPUTS;
    c->outputs = 3; // from the scalar, from a vec2, from a vec4
    bool half = c->types.computed == SMELT_DTYPE_F16;
    check_add_floats(c, CHECK_INPUT, c->types.computed, INPUTS);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, INPUTS * 3);
    check_define(c, "#define CHECK_HALF %d\n#define CHECK_ACTIVATION smelt_%s", half,
                 smelt_activation_name((enum smelt_activation)c->shape->d[0]));
    check_define(c, "#define CHECK_T1 %s\n#define CHECK_T2 %s\n#define CHECK_T4 %s",
                 half ? "float16_t" : "float", half ? "f16vec2" : "vec2", half ? "f16vec4" : "vec4");
}

static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    double largest = check_largest(c->types.computed), tiny = check_smallest_normal(c->types.computed);
    const double limits[] = {0,   -0.0, 1,    -1,    tiny, -tiny, tiny / 4, -tiny / 4, largest, -largest,
                             10,  -10,  11,   -11,   17.5, -17.5, 88,       -88,       104,     -104,
                             700, -700, 4000, -4000, 1e-4, -1e-4, 3.14,     -3.14,     0.5,     -0.5};
    for (uint64_t i = 0; i < tensor->count; i++) {
        double sign = check_random(random) & 1 ? -1 : 1;
        if (i < SMELT_COUNT_OF(limits))
            tensor->values[i] = limits[i];
        else if (i % 3) // where the functions bend
            tensor->values[i] = check_uniform(random, -8, 8);
        else // every magnitude
            tensor->values[i] = sign * exp2(check_uniform(random, log2(tiny) - 3, log2(largest)));
    }
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    enum smelt_activation activation = (enum smelt_activation)c->shape->d[0];
    double x = c->tensors[0].values[evaluation];
    for (uint32_t i = 0; i < 3; i++) {
        wanted[i] = check_reference_activation(activation, x);
        bound[i] = check_activation_bound(activation, c->backend, c->types.computed, x,
                                          check_flushed(c->types.computed, x));
    }
}

const struct check_op check_activation = {
    .name = "activation",
    .fixture = "activation",
    CHECK_PLAIN_OP,
    .wrong_shape = 6,
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
};
