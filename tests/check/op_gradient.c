// SPDX-License-Identifier: MIT
// Gradients of the plain functions: activations, encodings, the bilinear fetch, each against central differences of
// what the forward rows are checked with.
#include "gradient.h"

#include <string.h>

enum { MODE, PARAMETER }; // the parameter: an activation, elements of an encoding, bins, or the degree
enum { ACTIVATION, FREQUENCY, TRIANGLE_WAVE, ONE_BLOB, HARMONICS };

static const struct check_shape shapes[] = {
    {"none", {ACTIVATION, SMELT_ACTIVATION_NONE}, CHECK_CI},
    {"relu", {ACTIVATION, SMELT_ACTIVATION_RELU}, CHECK_CI},
    {"leaky_relu", {ACTIVATION, SMELT_ACTIVATION_LEAKY_RELU}, CHECK_CI},
    {"silu", {ACTIVATION, SMELT_ACTIVATION_SILU}, CHECK_CI},
    {"gelu", {ACTIVATION, SMELT_ACTIVATION_GELU}, CHECK_CI},
    {"sigmoid", {ACTIVATION, SMELT_ACTIVATION_SIGMOID}, CHECK_CI},
    {"tanh", {ACTIVATION, SMELT_ACTIVATION_TANH}, CHECK_CI},
    {"exp", {ACTIVATION, SMELT_ACTIVATION_EXP}, CHECK_CI},
    {"softplus", {ACTIVATION, SMELT_ACTIVATION_SOFTPLUS}, CHECK_CI},
    {"sine", {ACTIVATION, SMELT_ACTIVATION_SINE}, CHECK_CI},
    {"frequency", {FREQUENCY, 16}, CHECK_CI},
    {"triangle_wave", {TRIANGLE_WAVE, 12}, CHECK_CI},
    {"one_blob 1", {ONE_BLOB, 1}, CHECK_CI},
    {"one_blob 16", {ONE_BLOB, 16}, CHECK_CI},
    {"one_blob 61", {ONE_BLOB, 61}, CHECK_CI},
    {"harmonics 1", {HARMONICS, 1}, CHECK_CI},
    {"harmonics 3", {HARMONICS, 3}, CHECK_CI},
    {"harmonics 8", {HARMONICS, 8}, CHECK_CI},
};

static const struct check_types types[] = {{SMELT_DTYPE_NONE, SMELT_DTYPE_F32, SMELT_DTYPE_NONE}};

#define INPUTS 509
#define INPUT 68 // x or a direction, then 64 gradients of elements; of an activation x and an output

// Functions whose derivative follows from their result.
static bool from_output(uint32_t activation)
{
    return activation != SMELT_ACTIVATION_SILU && activation != SMELT_ACTIVATION_GELU &&
           activation != SMELT_ACTIVATION_SINE;
}

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    uint32_t mode = c->shape->d[MODE], parameter = c->shape->d[PARAMETER];
    c->evaluations = INPUTS;
    // Of an activation: the scalar, a vec2, a vec4, the one named at run time, and that from the output.
    c->outputs = mode == ACTIVATION ? 4u + from_output(parameter) : mode == HARMONICS ? 3 : parameter;
    check_add_floats(c, CHECK_INPUT, SMELT_DTYPE_F32, INPUTS * INPUT);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)INPUTS * c->outputs);
    check_define(c, "#define CHECK_MODE %u\n#define CHECK_PARAMETER %u\n#define CHECK_FROM_OUTPUT %d", mode,
                 parameter, mode == ACTIVATION && from_output(parameter));
    check_define(
        c, "#define CHECK_ACTIVATION(suffix) smelt_%s_##suffix",
        smelt_activation_name(mode == ACTIVATION ? (enum smelt_activation)parameter : SMELT_ACTIVATION_NONE));
}

static void fill_activation(enum smelt_activation activation, double *v, uint32_t e, uint64_t *random)
{
    static const double limits[] = {0,    -0.0,  1,  -1,  1e-30, -1e-30, 10,   -10,   11,   -11,
                                    17.5, -17.5, 88, -88, 700,   -700,   4000, -4000, 3.14, -3.14};
    v[0] = e < SMELT_COUNT_OF(limits) ? limits[e] : check_uniform(random, -8, 8);
    v[1] = check_reference_activation(activation, check_uniform(random, -4, 4));
}

static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    static const double axes[][3] = {{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}};
    static const double places[] = {0, 0.25, 0.5, 0.75, 1, 1e-6, 0x1p-140, 0.9999999, -1e-9};
    uint32_t mode = c->shape->d[MODE];
    for (uint32_t e = 0; e < INPUTS; e++) {
        double *v = tensor->values + (size_t)INPUT * e, length = 0;
        for (uint32_t i = 3; i < INPUT; i++)
            v[i] = check_uniform(random, -1, 1);
        if (mode == ACTIVATION) {
            fill_activation((enum smelt_activation)c->shape->d[PARAMETER], v, e, random);
        } else if (mode == HARMONICS) {
            for (int i = 0; i < 3; i++) {
                v[i] = e < SMELT_COUNT_OF(axes) ? axes[e][i] : check_uniform(random, -1, 1);
                length += v[i] * v[i];
            }
            for (int i = 0; i < 3; i++)
                v[i] /= sqrt(length);
        } else {
            bool unit = mode == ONE_BLOB;
            v[0] =
                e < SMELT_COUNT_OF(places) ? places[e] : check_uniform(random, unit ? 0 : -4, unit ? 1 : 4);
        }
    }
}

// --- References -------------------------------------------------------------------------------------------

// What went in when the activation gave y.
static double inverse_activation(enum smelt_activation activation, double y)
{
    switch (activation) {
    case SMELT_ACTIVATION_SIGMOID:
        return log(y / (1 - y));
    case SMELT_ACTIVATION_TANH:
        return atanh(y);
    case SMELT_ACTIVATION_EXP:
        return log(y);
    case SMELT_ACTIVATION_SOFTPLUS:
        return log(expm1(y));
    default: // of one sign with y
        return y;
    }
}

static double from_output_bound(enum smelt_activation activation, double y)
{
    const double u = 0x1p-23;
    switch (activation) {
    case SMELT_ACTIVATION_SIGMOID:
        return u;
    case SMELT_ACTIVATION_TANH:
        return 2 * u;
    case SMELT_ACTIVATION_EXP: // y itself: the bound is what the differences leave
        return 1e-9 * y;
    case SMELT_ACTIVATION_SOFTPLUS:
        return 8 * u;
    default:
        return activation == SMELT_ACTIVATION_LEAKY_RELU ? u : 0;
    }
}

static void reference_activation(enum smelt_activation activation, const double *v, uint32_t outputs,
                                 double *wanted, double *bound)
{
    for (uint32_t o = 0; o < 4; o++) {
        wanted[o] = check_activation_slope(activation, v[0]);
        bound[o] = check_activation_slope_bound(activation, v[0], check_flushed(SMELT_DTYPE_F32, v[0])) +
                   fmin(0x1p-126, fabs(wanted[o]) * (wanted[o] < 1));
        if (wanted[o] > check_largest(SMELT_DTYPE_F32))
            bound[o] = INFINITY;
    }
    if (outputs < 5)
        return;
    wanted[4] = check_activation_slope(activation, inverse_activation(activation, v[1]));
    bound[4] = from_output_bound(activation, v[1]);
}

struct element {
    const struct check_case *c;
    uint32_t j, axis; // of the encoding; of the direction
    const double *d;
};

static double element_of(const void *user, double x)
{
    const struct element *e = user;
    uint32_t parameter = e->c->shape->d[PARAMETER];
    double d[3] = {0, 0, 0};
    switch (e->c->shape->d[MODE]) {
    case FREQUENCY:
        return e->j & 1 ? cos(acos(-1) * ldexp(x, (int)e->j / 2)) : sin(acos(-1) * ldexp(x, (int)e->j / 2));
    case TRIANGLE_WAVE:
        return check_triangle_wave(ldexp(x, (int)e->j - 1) + 0.25 * e->j);
    case ONE_BLOB:
        return check_one_blob(x, e->j, parameter);
    default:
        memcpy(d, e->d, sizeof(d));
        d[e->axis] = x;
        int l = (int)sqrt(e->j);
        return check_harmonic(l, (int)e->j - l * l - l, d);
    }
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const double *v = c->tensors[0].values + (size_t)INPUT * evaluation, u = 0x1p-23;
    uint32_t parameter = c->shape->d[PARAMETER], mode = c->shape->d[MODE];
    if (mode == ACTIVATION) {
        reference_activation((enum smelt_activation)parameter, v, c->outputs, wanted, bound);
        return;
    }
    for (uint32_t o = 0; o < c->outputs; o++) {
        struct element element = {c, o, o, v};
        double octave = ldexp(1, (int)o / 2);
        if (mode == FREQUENCY) {
            wanted[o] = check_central_difference(element_of, &element, v[0], 0x1p-10 / octave);
            bound[o] = 8 * u * acos(-1) * octave;
        } else if (mode == TRIANGLE_WAVE) {
            double p = ldexp(v[0], (int)o - 1) + 0.25 * o, corner = fabs(2 * p - rint(2 * p)) / 2;
            double h = fmin(ldexp(corner, -(int)o - 1), 0x1p-10); // p + 2 h 2^(o - 1) stays on its side
            wanted[o] = check_central_difference(element_of, &element, v[0], h);
            bound[o] = corner < 4 * u * (1 + fabs(p)) ? INFINITY : 1e-4 * ldexp(1, (int)o);
        } else if (mode == ONE_BLOB) {
            wanted[o] = check_central_difference(element_of, &element, v[0], 0x1p-14 / parameter);
            bound[o] = (4 + 2.0 * parameter) * parameter * u;
        } else {
            wanted[o] = bound[o] = 0;
            for (element.j = 0; element.j < parameter * parameter; element.j++) {
                double slope = check_central_difference(element_of, &element, v[o], 0x1p-10);
                wanted[o] += v[3 + element.j] * slope;
                bound[o] += 4.0 * parameter * parameter * u * fabs(v[3 + element.j]);
            }
        }
    }
}

const struct check_op check_gradient = {
    .name = "gradient",
    .fixture = "gradient",
    CHECK_PLAIN_OP,
    .wrong_shape = 6,
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
};
