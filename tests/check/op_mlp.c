// SPDX-License-Identifier: MIT
// mlp: whole networks in compute and fragment shaders, and those that a workgroup evaluates together. The bound is carried through the layers: what a layer's
// inputs are off by passes its weights' absolute values and its activation.
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#define RELU SMELT_ACTIVATION_RELU
#define NONE SMELT_ACTIVATION_NONE

// Layers, widths (9 places), activations (8 places), no_bias, samples of an invocation; with PADDED rows of the tensors
// do not follow each other.
enum { LAYERS, WIDTHS, ACTIVATIONS = WIDTHS + 9, NO_BIAS = ACTIVATIONS + 8, SAMPLES };
#define PADDED 16

static const struct check_shape shapes[] = {
    {"1-1", {1, 1, 1, [ACTIVATIONS] = NONE}, CHECK_CI},
    {"64-64", {1, 64, 64, [ACTIVATIONS] = RELU}, CHECK_CI},
    {"3-7-5", {2, 3, 7, 5, [ACTIVATIONS] = SMELT_ACTIVATION_TANH, NONE}, CHECK_CI},
    {"3-7-5 no bias",
     {2, 3, 7, 5, [ACTIVATIONS] = SMELT_ACTIVATION_LEAKY_RELU, RELU, [NO_BIAS] = 1},
     CHECK_CI},
    {"32-64-64-9", {3, 32, 64, 64, 9, [ACTIVATIONS] = RELU, RELU, NONE}, CHECK_CI},
    {"32-32-32-9",
     {3, 32, 32, 32, 9, [ACTIVATIONS] = SMELT_ACTIVATION_GELU, SMELT_ACTIVATION_SILU,
      SMELT_ACTIVATION_SIGMOID},
     CHECK_CI},
    {"16-17-15-13-11-9-7-5-3",
     {8, 16, 17, 15, 13, 11, 9, 7, 5, 3, [ACTIVATIONS] = RELU, SMELT_ACTIVATION_TANH,
      SMELT_ACTIVATION_LEAKY_RELU, SMELT_ACTIVATION_SILU, SMELT_ACTIVATION_SOFTPLUS, SMELT_ACTIVATION_SINE,
      SMELT_ACTIVATION_SIGMOID, SMELT_ACTIVATION_EXP},
     CHECK_CI},
    {"8-8-8-8-8-8-8-8-8",
     {8, 8, 8, 8, 8, 8, 8, 8, 8, 8, [ACTIVATIONS] = RELU, RELU, RELU, RELU, RELU, RELU, RELU, NONE},
     CHECK_CI},
    {"32-64-64-64-16", {4, 32, 64, 64, 64, 16, [ACTIVATIONS] = RELU, RELU, RELU, NONE}, CHECK_FULL},
    {"128-128-128-128", {3, 128, 128, 128, 128, [ACTIVATIONS] = RELU, RELU, NONE}, CHECK_FULL},
    {"97-193-1", {2, 97, 193, 1, [ACTIVATIONS] = SMELT_ACTIVATION_TANH, NONE}, CHECK_FULL},
};

// At the scope of a group: all backends in one row of matrices, more than that, ragged, two and four samples.
static const struct check_shape group_shapes[] = {
    {"1-1", {1, 1, 1, [ACTIVATIONS] = NONE}, CHECK_CI},
    {"3-7-5", {2, 3, 7, 5, [ACTIVATIONS] = SMELT_ACTIVATION_TANH, NONE, [SAMPLES] = PADDED}, CHECK_CI},
    {"32-24-16 no bias x2",
     {2, 32, 24, 16, [ACTIVATIONS] = SMELT_ACTIVATION_LEAKY_RELU, RELU, [NO_BIAS] = 1, [SAMPLES] = 2},
     CHECK_CI},
    {"16-17-15-13-11-9-7-5-3",
     {8, 16, 17, 15, 13, 11, 9, 7, 5, 3, [ACTIVATIONS] = RELU, SMELT_ACTIVATION_TANH,
      SMELT_ACTIVATION_LEAKY_RELU, SMELT_ACTIVATION_SILU, SMELT_ACTIVATION_SOFTPLUS, SMELT_ACTIVATION_SINE,
      SMELT_ACTIVATION_SIGMOID, SMELT_ACTIVATION_EXP},
     CHECK_CI},
    {"32-48-9 x4",
     {2, 32, 48, 9, [ACTIVATIONS] = SMELT_ACTIVATION_GELU, NONE, [SAMPLES] = 4 | PADDED},
     CHECK_CI},
    {"17-200-40-8", {3, 17, 200, 40, 8, [ACTIVATIONS] = RELU, RELU, NONE}, CHECK_CI},
    {"32-64-64-64-16", {4, 32, 64, 64, 64, 16, [ACTIVATIONS] = RELU, RELU, RELU, NONE}, CHECK_FULL},
    {"32-64-64-64-16 x2",
     {4, 32, 64, 64, 64, 16, [ACTIVATIONS] = RELU, RELU, RELU, NONE, [SAMPLES] = 2},
     CHECK_FULL},
    {"64 x 8",
     {8, 64, 64, 64, 64, 64, 64, 64, 64, 64, [ACTIVATIONS] = RELU, RELU, RELU, RELU, RELU, RELU, RELU, NONE},
     CHECK_FULL},
    {"256-256-256", {2, 256, 256, 256, [ACTIVATIONS] = RELU, NONE}, CHECK_FULL},
};

static const struct check_types group_types[] = {
    {SMELT_DTYPE_BF16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
};

static const struct check_types types[] = {
    {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
};

// Of the network; `rows`: inputs and outputs are tensors, else 32 bit numbers.
static void describe_as(struct check_case *c, uint32_t wanted, bool rows)
{
    enum smelt_scope scope = c->op->scope;
    const uint32_t *d = c->shape->d;
    c->mlp = (struct smelt_mlp_descriptor){.layer_count = d[LAYERS],
                                           .no_bias = d[NO_BIAS],
                                           .stored = c->types.stored,
                                           .computed = c->types.computed,
                                           .accumulated = c->types.accumulated,
                                           .backend = c->backend,
                                           .scope = scope,
                                           .samples = d[SAMPLES] % PADDED};
    for (uint32_t i = 0; i <= d[LAYERS]; i++)
        c->mlp.widths[i] = d[WIDTHS + i];
    for (uint32_t i = 0; i < d[LAYERS]; i++)
        c->mlp.activations[i] = (enum smelt_activation)d[ACTIVATIONS + i];
    c->smelt = (struct smelt_op){.name = "net", .kind = SMELT_OP_MLP, .mlp = &c->mlp};
    c->evaluations = wanted;
    c->outputs = d[WIDTHS + d[LAYERS]];
    uint64_t from[2] = {wanted, d[WIDTHS]}, to[2] = {wanted, c->outputs};
    if (rows)
        check_add(c, CHECK_INPUT, c->types.computed, 2, from)->strides[0] += d[SAMPLES] / PADDED;
    else
        check_add_floats(c, CHECK_INPUT, c->types.computed, (uint64_t)wanted * d[WIDTHS]);
    for (uint32_t i = 0; i < d[LAYERS]; i++) {
        uint64_t shape[2] = {d[WIDTHS + i + 1], d[WIDTHS + i]};
        check_add(c, CHECK_WEIGHT, c->types.stored, 2, shape)->layer = i;
        if (!d[NO_BIAS])
            check_add(c, CHECK_BIAS, c->types.stored, 1, shape)->layer = i;
        c->layers[i] = (struct smelt_weights_layer){
            .rows = (uint32_t)shape[0], .columns = (uint32_t)shape[1], .bias = !d[NO_BIAS]};
    }
    c->layer_count = d[LAYERS];
    if (rows)
        check_add(c, CHECK_OUTPUT, c->types.accumulated, 2, to)->strides[0] += d[SAMPLES] / PADDED;
    else
        check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)wanted * c->outputs);
    check_define(c, "#define CHECK_K %u\n#define CHECK_ROWS %d\n#define CHECK_SAMPLES_EACH %u", d[WIDTHS],
                 rows, SMELT_MAX(d[SAMPLES] % PADDED, 1u));
    check_define(c, "#define CHECK_SUBGROUP %d", scope == SMELT_SCOPE_SUBGROUP);
    check_define(
        c, "#define CHECK_SAMPLES net_samples_%s_2_r_0x%u\n#define CHECK_RESULTS net_results_%s_2_w_0x%u",
        smelt_dtype_name(c->types.computed), d[WIDTHS], smelt_dtype_name(c->types.accumulated), c->outputs);
}

static void describe(struct check_case *c, uint32_t wanted)
{
    describe_as(c, wanted, false);
}

static void describe_rows(struct check_case *c, uint32_t wanted)
{
    describe_as(c, wanted, true);
}

// Values between layers are in the accumulated type and enter the next product in the computed one.
static double convert_bound(const struct check_numbers *numbers, double value, double bound)
{
    if (numbers->computed == numbers->accumulated)
        return bound;
    double reach = fabs(value) + bound;
    bound += 0x1p-10 * reach + fmin(check_smallest_normal(numbers->computed), reach);
    return fabs(value) + bound > check_largest(numbers->computed) ? INFINITY : bound;
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    double values[2][1024], errors[2][1024];
    for (uint32_t i = 0; i < d[WIDTHS]; i++) {
        values[0][i] = c->tensors[0].values[(uint64_t)evaluation * d[WIDTHS] + i];
        errors[0][i] = 0;
    }
    uint32_t tensor = 1;
    for (uint32_t layer = 0; layer < d[LAYERS]; layer++) {
        uint32_t k = d[WIDTHS + layer], from = layer & 1, to = !from;
        bool last = layer + 1 == d[LAYERS];
        const struct check_numbers numbers = {c->layer_c[layer], c->info.error_u, c->types.stored,
                                              c->types.computed, c->types.accumulated};
        const double *w = c->tensors[tensor++].values;
        const double *bias = d[NO_BIAS] ? NULL : c->tensors[tensor++].values;
        for (uint32_t n = 0; n < d[WIDTHS + layer + 1]; n++) {
            struct check_dot dot = check_reference_dot(&numbers, k, values[from], errors[from],
                                                       w + (uint64_t)n * k, 1, bias ? bias[n] : 0);
            double y = check_reference_activation(c->mlp.activations[layer], dot.value);
            double e = check_activation_bound(c->mlp.activations[layer], c->backend, numbers.accumulated,
                                              dot.value, dot.bound);
            values[to][n] = y;
            errors[to][n] = last ? e : convert_bound(&numbers, y, e);
        }
    }
    for (uint32_t i = 0; i < c->outputs; i++) {
        wanted[i] = values[d[LAYERS] & 1][i];
        bound[i] = errors[d[LAYERS] & 1][i];
    }
}

int check_mlp_selftest(void)
{
    // y = 2 relu(x0 - x1 + 1) - 3 relu(2 x1 - 1) + 1/2, at (3, 1): 2 * 3 - 3 * 1 + 1/2; at (0, 2): 0 - 9 + 1/2.
    static const struct check_shape shape = {"2-2-1", {2, 2, 2, 1, [ACTIVATIONS] = RELU, NONE}, CHECK_CI};
    double x[] = {3, 1, 0, 2}, w0[] = {1, -1, 0, 2}, b0[] = {1, -1}, w1[] = {2, -3}, b1[] = {0.5};
    struct check_case *c = calloc(1, sizeof(*c));
    if (!c)
        return 1;
    c->op = &check_mlp;
    c->shape = &shape;
    c->types = types[0];
    c->backend = SMELT_BACKEND_PORTABLE;
    describe(c, 2);
    double *values[] = {x, w0, b0, w1, b1};
    for (int i = 0; i < 5; i++)
        c->tensors[i].values = values[i];
    int failed = 0;
    for (uint32_t e = 0; e < 2; e++) {
        double wanted, bound, by_hand = e ? -8.5 : 3.5;
        reference(c, e, &wanted, &bound);
        if (wanted != by_hand) {
            printf("FAIL  reference: mlp evaluation %u is %g, by hand %g\n", e, wanted, by_hand);
            failed++;
        }
    }
    free(c);
    return failed;
}

static double flops(const struct check_shape *shape)
{
    double sum = 0;
    for (uint32_t i = 0; i < shape->d[LAYERS]; i++)
        sum += 2.0 * shape->d[WIDTHS + i] * shape->d[WIDTHS + i + 1];
    return sum;
}

const struct check_op check_mlp = {
    .name = "mlp",
    .fixture = "mlp",
    CHECK_TABLES,
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_COOPVEC,
    .stages = VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_FRAGMENT_BIT,
    .values = CHECK_FINITE_VALUES,
    .wrong_shape = 2,
    .wrong = 1 << 1 | 1 << 2 | 1 << 4,
    .describe = describe,
    .flops = flops,
};

static void grid_subgroup(const struct check_case *c, uint32_t groups[3])
{
    (void)c;
    groups[0] = 1;
}

static void grid_workgroup(const struct check_case *c, uint32_t groups[3])
{
    uint32_t block = c->info.tiling.m * c->info.tiling.subgroups_m;
    groups[0] = (c->evaluations + block - 1) / block;
}

#define GROUP_OP                                                                                             \
    .fixture = "mlp_group", .shapes = group_shapes, .shape_count = SMELT_COUNT_OF(group_shapes),             \
    .types = group_types, .type_count = SMELT_COUNT_OF(group_types),                                         \
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_COOPMAT | 1 << SMELT_BACKEND_COOPMAT2,      \
    .stages = VK_SHADER_STAGE_COMPUTE_BIT, .values = CHECK_FINITE_VALUES, .reference = reference,            \
    .flops = flops

const struct check_op check_mlp_subgroup = {.name = "mlp_subgroup",
                                            .scope = SMELT_SCOPE_SUBGROUP,
                                            .describe = describe,
                                            .grid = grid_subgroup,
                                            .wrong_shape = 1,
                                            .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
                                            GROUP_OP};
const struct check_op check_mlp_workgroup = {.name = "mlp_workgroup",
                                             .scope = SMELT_SCOPE_WORKGROUP,
                                             .describe = describe,
                                             .grid = grid_workgroup,
                                             .wrong_shape = 1,
                                             .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
                                             GROUP_OP};
const struct check_op check_mlp_rows = {.name = "mlp_rows",
                                        .scope = SMELT_SCOPE_SUBGROUP,
                                        .describe = describe_rows,
                                        .grid = grid_subgroup,
                                        .wrong = 1 << 1 | 1 << 3,
                                        GROUP_OP};
const struct check_op check_mlp_rows_workgroup = {.name = "mlp_rows_workgroup",
                                                  .scope = SMELT_SCOPE_WORKGROUP,
                                                  .describe = describe_rows,
                                                  .grid = grid_workgroup,
                                                  .wrong = 1 << 1 | 1 << 3,
                                                  GROUP_OP};
