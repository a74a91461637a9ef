// SPDX-License-Identifier: MIT
// The references that several ops share, in double, with the bounds that the modules' headers state; and the cases
// computed by hand that the references themselves are checked with.
#include "check.h"

#include <stdio.h>

static bool is_integer(enum smelt_dtype dtype)
{
    return dtype != SMELT_DTYPE_NONE && !smelt_dtype_is_float(dtype);
}

double check_smallest_normal(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_F16      ? 0x1p-14
           : dtype == SMELT_DTYPE_F8E5M2 ? 0x1p-14
           : dtype == SMELT_DTYPE_F8E4M3 ? 0x1p-6
           : is_integer(dtype)           ? 0
                                         : 0x1p-126; // f32 and bf16
}

static bool has_sign(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_I4 || dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_I16 ||
           dtype == SMELT_DTYPE_I32;
}

double check_largest(enum smelt_dtype dtype)
{
    switch (dtype) {
    case SMELT_DTYPE_F16:
        return 65504;
    case SMELT_DTYPE_F8E4M3:
        return 448;
    case SMELT_DTYPE_F8E5M2:
        return 57344;
    case SMELT_DTYPE_BF16:
        return 0x1.fep127;
    case SMELT_DTYPE_F32:
    case SMELT_DTYPE_NONE:
        return 0x1.fffffep127;
    default:
        return exp2(smelt_dtype_bits(dtype) - has_sign(dtype)) - 1;
    }
}

double check_least(enum smelt_dtype dtype)
{
    return !is_integer(dtype) ? -check_largest(dtype) : has_sign(dtype) ? -1 - check_largest(dtype) : 0;
}

double check_flushed(enum smelt_dtype dtype, double v)
{
    return fabs(v) < check_smallest_normal(dtype) ? fabs(v) : 0;
}

double check_reference_activation(enum smelt_activation activation, double x)
{
    switch (activation) {
    case SMELT_ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case SMELT_ACTIVATION_LEAKY_RELU:
        return x > 0 ? x : x / 100;
    case SMELT_ACTIVATION_SILU:
        return x / (1 + exp(-x));
    case SMELT_ACTIVATION_GELU:
        return x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x))) / 2;
    case SMELT_ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-x));
    case SMELT_ACTIVATION_TANH:
        return tanh(x);
    case SMELT_ACTIVATION_EXP:
        return exp(x);
    case SMELT_ACTIVATION_SOFTPLUS:
        return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case SMELT_ACTIVATION_SINE:
        return sin(x);
    default:
        return x;
    }
}

// glsl/smelt/activation.glsl, "errors", for f32.
static double own_error(enum smelt_activation activation, double x, double y)
{
    double u = 0x1p-23;
    switch (activation) {
    case SMELT_ACTIVATION_LEAKY_RELU:
        return 3 * u * fabs(y);
    case SMELT_ACTIVATION_SIGMOID:
        return 8 * u;
    case SMELT_ACTIVATION_TANH:
        return 16 * u;
    case SMELT_ACTIVATION_SILU:
        return 8 * u * fabs(x);
    case SMELT_ACTIVATION_GELU:
        return 24 * u * fabs(x);
    case SMELT_ACTIVATION_SOFTPLUS:
        return 8 * u + 2 * u * fabs(y);
    case SMELT_ACTIVATION_EXP:
        return (3 + 2 * fabs(x)) * u * fabs(y);
    case SMELT_ACTIVATION_SINE: // beyond pi the device gives what it likes within [-1, 1]
        return fabs(x) <= acos(-1) ? 0x1p-11 : 2;
    default:
        return 0;
    }
}

// glsl/smelt/matmul2d_thread_coopvec_tmpl.glsl: activations in f16 arithmetic, beyond what activation16.glsl states.
static double coopvec_error(enum smelt_activation activation, double reach, double y)
{
    switch (activation) {
    case SMELT_ACTIVATION_NONE:
    case SMELT_ACTIVATION_RELU:
    case SMELT_ACTIVATION_LEAKY_RELU:
    case SMELT_ACTIVATION_SINE:
        return 0;
    case SMELT_ACTIVATION_EXP:
        return 0x1p-7 * (1 + reach) * fabs(y);
    default:
        return 0x1p-8 * (1 + fabs(y));
    }
}

double check_activation_bound(enum smelt_activation activation, enum smelt_backend backend,
                              enum smelt_dtype computed, double x, double error)
{
    double y = check_reference_activation(activation, x);
    double slope = activation == SMELT_ACTIVATION_GELU      ? 1.13
                   : activation == SMELT_ACTIVATION_SILU    ? 1.1
                   : activation == SMELT_ACTIVATION_SIGMOID ? 0.25
                                                            : 1;
    double carried = activation == SMELT_ACTIVATION_EXP ? y * expm1(error) : slope * error;
    double reach = fabs(x) + error;
    if (activation == SMELT_ACTIVATION_SINE && reach > acos(-1))
        return 2;
    double sign = x < 0 ? -1 : 1;
    double bound = carried + own_error(activation, sign * reach, fabs(y) + carried);
    if (backend == SMELT_BACKEND_COOPVEC)
        bound += coopvec_error(activation, reach, fabs(y) + carried);
    if (computed == SMELT_DTYPE_F16 && activation != SMELT_ACTIVATION_NONE &&
        activation != SMELT_ACTIVATION_RELU)
        bound += (activation == SMELT_ACTIVATION_LEAKY_RELU ? 3 : 1) * 0x1p-10 * (fabs(y) + bound);
    // A result below the smallest normal number may be flushed or lose bits.
    double tiny = check_smallest_normal(computed);
    if (y != 0 && fabs(y) < tiny + bound)
        bound += fmin(fabs(y), tiny);
    // Only exp can leave the type for an argument that is in it.
    double reach_y = fabs(y) + (activation == SMELT_ACTIVATION_EXP ? bound : 0);
    return reach_y > check_largest(computed) ? INFINITY : bound;
}

struct check_dot check_reference_dot(const struct check_numbers *numbers, uint32_t k, const double *x,
                                     const double *x_error, const double *w, uint64_t w_stride, double bias)
{
    enum smelt_dtype narrow = numbers->stored == SMELT_DTYPE_F16 || numbers->computed == SMELT_DTYPE_F16
                                  ? SMELT_DTYPE_F16
                                  : SMELT_DTYPE_F32;
    double cu = numbers->c * numbers->u;
    double tiny = check_smallest_normal(numbers->accumulated);
    struct check_dot dot = {bias, 0};
    double sum = fabs(bias), carried = 0, flushed = check_flushed(narrow, bias), largest_product = 0;
    uint32_t terms = bias != 0;
    for (uint32_t i = 0; i < k; i++) {
        double factor = w[i * w_stride], product = factor * x[i];
        double error = x_error ? x_error[i] : 0;
        dot.value += product;
        sum += fabs(product);
        carried += fabs(factor) * error;
        flushed += check_flushed(narrow, factor) * fabs(x[i]) +
                   check_flushed(numbers->computed, x[i]) * fabs(factor) +
                   check_flushed(numbers->computed, product);
        terms += product != 0;
        largest_product = fmax(largest_product, fabs(product) + fabs(factor) * error);
    }
    // Partial sums below the smallest normal number, at most one for each addition.
    flushed += (k + 2) * fmin(tiny, sum + carried);
    dot.bound = cu * (sum + carried) + carried + flushed;
    double reach = terms > 1 || carried > 0 ? (sum + carried) * (1 + cu) : sum;
    if (reach > check_largest(numbers->accumulated) || largest_product > check_largest(numbers->computed) ||
        isnan(dot.bound))
        dot.bound = INFINITY;
    return dot;
}

static int expect(const char *what, double got, double wanted, double tolerance)
{
    if (fabs(got - wanted) <= tolerance)
        return 0;
    printf("FAIL  reference: %s is %.17g, by hand %.17g\n", what, got, wanted);
    return 1;
}

int check_reference_selftest(void)
{
    static const struct {
        enum smelt_activation activation;
        double x, y;
    } cases[] = {
        {SMELT_ACTIVATION_NONE, -3, -3},
        {SMELT_ACTIVATION_RELU, -3, 0},
        {SMELT_ACTIVATION_RELU, 3, 3},
        {SMELT_ACTIVATION_LEAKY_RELU, -2, -0.02},
        {SMELT_ACTIVATION_SILU, 1, 0.73105857863000490},
        {SMELT_ACTIVATION_GELU, 1, 0.84119199060827676},
        {SMELT_ACTIVATION_SIGMOID, 0, 0.5},
        {SMELT_ACTIVATION_TANH, 1, 0.76159415595576489},
        {SMELT_ACTIVATION_EXP, 1, 2.7182818284590452},
        {SMELT_ACTIVATION_SOFTPLUS, 0, 0.69314718055994531},
        {SMELT_ACTIVATION_SINE, 0.52359877559829887, 0.5},
    };
    int failed = 0;
    for (size_t i = 0; i < SMELT_COUNT_OF(cases); i++)
        failed += expect(smelt_activation_name(cases[i].activation),
                         check_reference_activation(cases[i].activation, cases[i].x), cases[i].y, 1e-15);
    // 1/2 - 2 + 6 + 1/4, and the sum of absolute values 8 3/4 times c u = 1/8; the second input is off by 1/16.
    const struct check_numbers numbers = {.c = 2,
                                          .u = 0x1p-4,
                                          .stored = SMELT_DTYPE_F32,
                                          .computed = SMELT_DTYPE_F32,
                                          .accumulated = SMELT_DTYPE_F32};
    const double x[] = {1, 2, 3}, w[] = {0.5, -1, 2}, errors[] = {0, 0.0625, 0};
    struct check_dot dot = check_reference_dot(&numbers, 3, x, NULL, w, 1, 0.25);
    failed += expect("dot", dot.value, 4.75, 0) + expect("dot's bound", dot.bound, 8.75 / 8, 1e-30);
    dot = check_reference_dot(&numbers, 3, x, errors, w, 1, 0.25);
    failed += expect("dot's bound with errors", dot.bound, 8.8125 / 8 + 0.0625, 1e-30);
    // The same numbers with the weights as a column of a matrix [3][2].
    const double columns[] = {0.5, 9, -1, 9, 2, 9};
    failed += expect("dot with a stride", check_reference_dot(&numbers, 3, x, NULL, columns, 2, 0.25).value,
                     4.75, 0);
    // d tanh <= 1: the error of the argument comes through, and 16 u of tanh itself.
    failed += expect(
        "tanh's bound",
        check_activation_bound(SMELT_ACTIVATION_TANH, SMELT_BACKEND_PORTABLE, SMELT_DTYPE_F32, 1, 0.125),
        0.125 + 16 * 0x1p-23, 1e-18);
    return failed;
}
