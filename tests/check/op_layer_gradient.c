// SPDX-License-Identifier: MIT
// A network of two layers taken back: the gradients of all weights and of the inputs, of one sample or summed over those of
// a workgroup, against central differences of the network in double. The bounds follow the errors of every value forward and
// then back.
#include "feature_table.h"
#include "gradient.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH0, WIDTH1, WIDTH2, ACTIVATION0, ACTIVATION1, NO_BIAS };
#define MAX_WIDTH 32
#define GROUP 32
#define STEP 1e-6 // of the differences: corners of relu are farther from all samples

static const struct check_shape shapes[] = {
    {"3-7-5", {3, 7, 5, SMELT_ACTIVATION_TANH, SMELT_ACTIVATION_NONE}, CHECK_CI},
    {"1-1-1", {1, 1, 1, SMELT_ACTIVATION_SIGMOID, SMELT_ACTIVATION_EXP}, CHECK_CI},
    {"6-9-2 no bias", {6, 9, 2, SMELT_ACTIVATION_SILU, SMELT_ACTIVATION_SOFTPLUS, 1}, CHECK_CI},
    {"12-16-5", {12, 16, 5, SMELT_ACTIVATION_RELU, SMELT_ACTIVATION_NONE}, CHECK_CI},
};

static const struct check_types types[] = {
    {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
};

// Of a whole network by a workgroup, mlp_gradient_tmpl.glsl: widths that need no padding.
static const struct check_shape network_shapes[] = {
    {"16-32-16", {16, 32, 16, SMELT_ACTIVATION_GELU, SMELT_ACTIVATION_NONE}, CHECK_CI},
    {"32-16-16", {32, 16, 16, SMELT_ACTIVATION_TANH, SMELT_ACTIVATION_SIGMOID}, CHECK_FULL},
};

static const struct check_types network_types[] = {
    {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
};

static bool of_network(const struct check_case *c)
{
    return c->op == &check_mlp_gradient;
}

static bool together(const struct check_case *c)
{
    return c->op == &check_layer_gradient_workgroup || of_network(c);
}

// Gradients of a layer's weights, a row with its bias at the end.
static uint32_t row_of(const struct check_case *c, uint32_t layer)
{
    return c->shape->d[WIDTH0 + layer] + !c->shape->d[NO_BIAS];
}

static uint32_t weights_of(const struct check_case *c, uint32_t layer)
{
    return row_of(c, layer) * c->shape->d[WIDTH1 + layer];
}

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    const uint32_t *d = c->shape->d;
    uint32_t samples = together(c) ? GROUP : 1;
    c->mlp = (struct smelt_mlp_descriptor){
        .layer_count = 2,
        .widths = {d[WIDTH0], d[WIDTH1], d[WIDTH2]},
        .activations = {(enum smelt_activation)d[ACTIVATION0], (enum smelt_activation)d[ACTIVATION1]},
        .no_bias = d[NO_BIAS],
        .stored = c->types.stored,
        .computed = c->types.computed,
        .accumulated = c->types.accumulated,
        .backend = c->backend};
    c->smelt = (struct smelt_op){.name = "net", .kind = SMELT_OP_MLP, .mlp = &c->mlp};
    c->evaluations = together(c) ? 2 : 35;
    c->outputs = weights_of(c, 0) + weights_of(c, 1) + samples * d[WIDTH0];
    // Of a sample: the input, then the gradient of the output.
    check_add_floats(c, CHECK_INPUT, SMELT_DTYPE_F32,
                     (uint64_t)c->evaluations * samples * (d[WIDTH0] + d[WIDTH2]));
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t shape[2] = {d[WIDTH1 + i], d[WIDTH0 + i]};
        check_add(c, CHECK_WEIGHT, c->types.stored, 2, shape);
        if (!d[NO_BIAS])
            check_add(c, CHECK_BIAS, c->types.stored, 1, shape);
    }
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)c->evaluations * c->outputs);
    check_define(c, "#define CHECK_K %u\n#define CHECK_H %u\n#define CHECK_N %u", d[WIDTH0], d[WIDTH1],
                 d[WIDTH2]);
    check_define(c, "#define CHECK_ACTIVATION0 %u\n#define CHECK_ACTIVATION1 %u\n#define CHECK_BIAS %d",
                 d[ACTIVATION0], d[ACTIVATION1], !d[NO_BIAS]);
    check_define(c, "#define CHECK_SAMPLES %u\n#define CHECK_TOGETHER %d", samples, together(c));
}

// --- The network in double --------------------------------------------------------------------------------

struct network {
    const struct check_case *c;
    double x[MAX_WIDTH], dy[MAX_WIDTH]; // of the sample
    double *weights[2];                 // rows with their bias at the end
    double *varied;                     // what the differences move: one of the above
};

static double activate(const struct check_case *c, uint32_t layer, double z)
{
    return check_reference_activation(c->mlp.activations[layer], z);
}

static double sum_of(const struct network *net, uint32_t layer, uint32_t n, const double *h)
{
    uint32_t width = net->c->shape->d[WIDTH0 + layer], row = row_of(net->c, layer);
    const double *w = net->weights[layer] + (size_t)n * row;
    double sum = row > width ? w[width] : 0;
    for (uint32_t k = 0; k < width; k++)
        sum += w[k] * h[k];
    return sum;
}

// dot(dy, the output)
static double objective(const void *user, double value)
{
    const struct network *net = user;
    const uint32_t *d = net->c->shape->d;
    double before = *net->varied, h[MAX_WIDTH], sum = 0;
    *net->varied = value;
    for (uint32_t n = 0; n < d[WIDTH1]; n++)
        h[n] = activate(net->c, 0, sum_of(net, 0, n, net->x));
    for (uint32_t n = 0; n < d[WIDTH2]; n++)
        sum += net->dy[n] * activate(net->c, 1, sum_of(net, 1, n, h));
    *net->varied = before;
    return sum;
}

static double difference(struct network *net, double *varied)
{
    net->varied = varied;
    return check_central_difference(objective, net, *varied, STEP);
}

// A value and what it may be off by.
struct number {
    double value, error;
};

// Values between layers, their slopes and their gradients are rounded to f16 by matrices.
static double rounding(const struct check_case *c, double value)
{
    return c->types.computed == SMELT_DTYPE_F16 ? 0x1p-11 * fabs(value) + 0x1p-24 : 0;
}

// Adds what a sample's gradients may be off by to the bounds: first the values of the layers, then back.
static void add_bounds(const struct network *net, double *bound, double *dx_bound)
{
    const struct check_case *c = net->c;
    const uint32_t *d = c->shape->d;
    const double u = c->types.accumulated == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-23;
    struct number h[3][MAX_WIDTH] = {{{0, 0}}}, slope[2][MAX_WIDTH], dh[MAX_WIDTH];
    for (uint32_t k = 0; k < d[WIDTH0]; k++)
        h[0][k].value = net->x[k];
    for (uint32_t layer = 0; layer < 2; layer++)
        for (uint32_t n = 0; n < d[WIDTH1 + layer]; n++) {
            uint32_t width = d[WIDTH0 + layer], row = row_of(c, layer);
            const double *w = net->weights[layer] + (size_t)n * row;
            double z = row > width ? w[width] : 0, terms = fabs(z), error = 0;
            for (uint32_t k = 0; k < width; k++) {
                z += w[k] * h[layer][k].value;
                terms += fabs(w[k]) * (fabs(h[layer][k].value) + h[layer][k].error);
                error += fabs(w[k]) * h[layer][k].error;
            }
            error += (of_network(c) ? 2 * width + 8 : width + 3) * u * terms;
            enum smelt_activation activation = c->mlp.activations[layer];
            h[layer + 1][n] =
                (struct number){check_reference_activation(activation, z),
                                check_activation_bound(activation, c->backend, SMELT_DTYPE_F32, z, error)};
            slope[layer][n] = (struct number){check_activation_slope(activation, z),
                                              check_activation_slope_bound(activation, z, error)};
            if (layer == 0) {
                h[1][n].error += rounding(c, fabs(h[1][n].value) + h[1][n].error);
                slope[0][n].error += rounding(c, fabs(slope[0][n].value) + slope[0][n].error);
            }
        }
    for (uint32_t n = 0; n < d[WIDTH2]; n++)
        dh[n] = (struct number){net->dy[n], 0};
    for (uint32_t layer = 2; layer-- > 0;) {
        uint32_t width = d[WIDTH0 + layer], row = row_of(c, layer);
        double *to = layer ? bound + weights_of(c, 0) : bound;
        struct number before[MAX_WIDTH] = {{0, 0}};
        for (uint32_t n = 0; n < d[WIDTH1 + layer]; n++) {
            struct number s = slope[layer][n];
            double dz = fabs(dh[n].value * s.value);
            double error = fabs(dh[n].value) * s.error + dh[n].error * (fabs(s.value) + s.error) + u * dz;
            error += rounding(c, dz + error);
            for (uint32_t k = 0; k < row; k++) {
                struct number f = k < width ? h[layer][k] : (struct number){1, 0};
                to[n * row + k] += dz * f.error + error * (fabs(f.value) + f.error) +
                                   (2 * GROUP + 8) * u * (dz + error) * (fabs(f.value) + f.error);
            }
            for (uint32_t k = 0; k < width; k++) {
                double w = fabs(net->weights[layer][n * row + k]);
                before[k].value += net->weights[layer][n * row + k] * dh[n].value * s.value;
                before[k].error += w * error + (d[WIDTH1 + layer] + 2) * u * w * (dz + error);
            }
        }
        memcpy(dh, before, sizeof(dh));
    }
    for (uint32_t k = 0; k < d[WIDTH0]; k++)
        dx_bound[k] += dh[k].error + rounding(c, fabs(dh[k].value) + dh[k].error);
}

// From rows with their bias at the end to the weight and then the bias.
static void bias_behind(const struct check_case *c, double *values)
{
    double sorted[MAX_WIDTH * (MAX_WIDTH + 1)];
    for (uint32_t layer = 0; layer < 2; values += weights_of(c, layer++)) {
        uint32_t width = c->shape->d[WIDTH0 + layer], rows = c->shape->d[WIDTH1 + layer];
        for (uint32_t i = 0; i < weights_of(c, layer); i++) {
            uint32_t n = i / (width + 1), k = i % (width + 1);
            sorted[k < width ? n * width + k : rows * width + n] = values[i];
        }
        memcpy(values, sorted, weights_of(c, layer) * sizeof(double));
    }
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    uint32_t samples = together(c) ? GROUP : 1;
    uint32_t each = d[WIDTH0] + d[WIDTH2], count = weights_of(c, 0) + weights_of(c, 1);
    double rows[2][MAX_WIDTH * (MAX_WIDTH + 1)];
    struct network net = {.c = c, .weights = {rows[0], rows[1]}};
    for (uint32_t layer = 0, tensor = 1; layer < 2; layer++) {
        uint32_t width = d[WIDTH0 + layer], row = row_of(c, layer);
        const double *w, *bias;
        if (of_network(c)) {
            w = c->tensors[1].values + (layer ? weights_of(c, 0) : 0);
            bias = w + width * d[WIDTH1 + layer];
        } else {
            w = c->tensors[tensor++].values;
            bias = d[NO_BIAS] ? NULL : c->tensors[tensor++].values;
        }
        for (uint32_t i = 0; i < weights_of(c, layer); i++)
            rows[layer][i] = i % row == width ? bias[i / row] : w[i / row * width + i % row];
    }
    for (uint32_t o = 0; o < c->outputs; o++)
        wanted[o] = bound[o] = 0;
    for (uint32_t s = 0; s < samples; s++) {
        const double *input = c->tensors[0].values + ((size_t)evaluation * samples + s) * each;
        double *dx = wanted + count + s * d[WIDTH0], *dx_bound = bound + count + s * d[WIDTH0];
        memcpy(net.x, input, d[WIDTH0] * sizeof(double));
        memcpy(net.dy, input + d[WIDTH0], d[WIDTH2] * sizeof(double));
        for (uint32_t layer = 0, o = 0; layer < 2; layer++)
            for (uint32_t i = 0; i < weights_of(c, layer); i++)
                wanted[o++] += difference(&net, &rows[layer][i]);
        for (uint32_t k = 0; k < d[WIDTH0]; k++)
            dx[k] = difference(&net, &net.x[k]);
        add_bounds(&net, bound, dx_bound);
    }
    if (of_network(c)) {
        bias_behind(c, wanted);
        bias_behind(c, bound);
    }
    for (uint32_t o = 0; o < c->outputs; o++) // what the differences themselves are off by
        bound[o] += 1e-8 * samples;
}

// --- A whole network --------------------------------------------------------------------------------------

static void describe_network(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    const uint32_t *d = c->shape->d;
    uint64_t count = weights_of(c, 0) + weights_of(c, 1);
    c->mlp = (struct smelt_mlp_descriptor){
        .layer_count = 2,
        .widths = {d[WIDTH0], d[WIDTH1], d[WIDTH2]},
        .activations = {(enum smelt_activation)d[ACTIVATION0], (enum smelt_activation)d[ACTIVATION1]},
        .stored = c->types.stored,
        .computed = c->types.computed,
        .accumulated = c->types.accumulated,
        .backend = c->backend,
        .scope = c->backend == SMELT_BACKEND_COOPVEC ? SMELT_SCOPE_THREAD : SMELT_SCOPE_SUBGROUP};
    c->evaluations = 2;
    c->outputs = (uint32_t)count + GROUP * d[WIDTH0];
    check_add_floats(c, CHECK_INPUT, c->types.computed,
                     (uint64_t)c->evaluations * GROUP * (d[WIDTH0] + d[WIDTH2]));
    check_add(c, CHECK_WEIGHT, c->types.stored, 1, &count)->pointer = true;
    // Accumulators of cooperative vectors, 8 bytes for a weight, of a bias multiples of 64.
    uint64_t words = (uint64_t)c->evaluations * (2 * count + 32);
    check_add(c, CHECK_WEIGHT, SMELT_DTYPE_F32, 1, &words)->pointer = true;
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)c->evaluations * c->outputs);
    check_define(c, "#define CHECK_K %u\n#define CHECK_H %u\n#define CHECK_N %u", d[WIDTH0], d[WIDTH1],
                 d[WIDTH2]);
    check_define(c, "#define CHECK_ACTIVATION0 %u\n#define CHECK_ACTIVATION1 %u", d[ACTIVATION0],
                 d[ACTIVATION1]);
}

// Matrices of f16 with f32 sums by their backends, vectors with f16 sums, f32 by PORTABLE.
static bool network_exists(const struct check_case *c)
{
    return (c->backend == SMELT_BACKEND_PORTABLE) == (c->types.computed == SMELT_DTYPE_F32) &&
           (c->backend == SMELT_BACKEND_COOPVEC) == (c->types.accumulated == SMELT_DTYPE_F16);
}

static bool network_eligible(smelt_context context, struct check_case *c, char what[200])
{
    struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &c->mlp};
    if (smelt_op_query(context, &op, c->stage, &c->info)) {
        snprintf(what, 200, "%s", smelt_last_error());
        return false;
    }
    const struct smelt_matmul2d_tiling *t = &c->info.tiling;
    if (c->backend == SMELT_BACKEND_COOPVEC) {
        if (!smelt_context_capabilities(context)->cooperative_vector_training) {
            snprintf(what, 200, "the device lacks cooperativeVectorTraining");
            return false;
        }
        c->info.features |= SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_VECTOR_TRAINING);
        check_define(c, "#define CHECK_SUBGROUP_SIZE %u\n#define CHECK_SUBGROUPS 1", GROUP);
        return true;
    }
    check_define(c, "#define CHECK_SUBGROUP_SIZE %u\n#define CHECK_SUBGROUPS %u", t->subgroup_size,
                 c->backend == SMELT_BACKEND_PORTABLE ? 2 : SMELT_MAX(GROUP / t->fragment_m, 1));
    check_define(c, "#define CHECK_FRAGMENT_M %u\n#define CHECK_FRAGMENT_N %u\n#define CHECK_FRAGMENT_K %u",
                 t->fragment_m, t->fragment_n, t->fragment_k);
    return true;
}

static void grid(const struct check_case *c, uint32_t groups[3])
{
    groups[0] = c->evaluations;
}

#define LAYER_OP                                                                                             \
    .fixture = "layer_gradient", CHECK_TABLES, .describe = describe,                                         \
    .backends = 1 << SMELT_BACKEND_PORTABLE, .stages = VK_SHADER_STAGE_COMPUTE_BIT,                          \
    .values = 1 << CHECK_RANDOM | 1 << CHECK_ZEROS | 1 << CHECK_NEGATIVE,                                    \
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4

const struct check_op check_layer_gradient = {.name = "layer_gradient", LAYER_OP};
const struct check_op check_layer_gradient_workgroup = {
    .name = "layer_gradient_wg", .scope = SMELT_SCOPE_WORKGROUP, .grid = grid, LAYER_OP};
const struct check_op check_mlp_gradient = {
    .name = "mlp_gradient",
    .scope = SMELT_SCOPE_WORKGROUP,
    .fixture = "mlp_gradient",
    .shapes = network_shapes,
    .shape_count = SMELT_COUNT_OF(network_shapes),
    .types = network_types,
    .type_count = SMELT_COUNT_OF(network_types),
    .exists = network_exists,
    .describe = describe_network,
    .eligible = network_eligible,
    .grid = grid,
    .reference = reference,
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_COOPVEC | 1 << SMELT_BACKEND_COOPMAT |
                1 << SMELT_BACKEND_COOPMAT2,
    .stages = VK_SHADER_STAGE_COMPUTE_BIT,
    .values = 1 << CHECK_RANDOM | 1 << CHECK_ZEROS | 1 << CHECK_NEGATIVE,
    .wrong = 1 << 1 | 1 << 2 | 1 << 4,
};
