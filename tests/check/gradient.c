// SPDX-License-Identifier: MIT
// Central differences of the references, and the bounds of activation_gradient.glsl.
#include "gradient.h"

double check_central_difference(check_function *f, const void *user, double x, double h)
{
    return (8 * (f(user, x + h) - f(user, x - h)) - (f(user, x + 2 * h) - f(user, x - 2 * h))) / (12 * h);
}

static double activation_of(const void *user, double x)
{
    return check_reference_activation(*(const enum smelt_activation *)user, x);
}

static bool has_corner(enum smelt_activation activation)
{
    return activation == SMELT_ACTIVATION_RELU || activation == SMELT_ACTIVATION_LEAKY_RELU;
}

double check_activation_slope(enum smelt_activation activation, double x)
{
    if (activation == SMELT_ACTIVATION_NONE)
        return 1;
    if (!has_corner(activation))
        return check_central_difference(activation_of, &activation, x, 0x1p-8);
    if (x == 0)
        return activation == SMELT_ACTIVATION_RELU ? 0 : 0.01;
    return check_central_difference(activation_of, &activation, x, fabs(x) / 4);
}

double check_activation_slope_bound(enum smelt_activation activation, double x, double error)
{
    const double u = 0x1p-23;
    switch (activation) {
    case SMELT_ACTIVATION_NONE:
        return 0;
    case SMELT_ACTIVATION_RELU:
    case SMELT_ACTIVATION_LEAKY_RELU: // within the error of the corner it is either slope
        return error > 0 && fabs(x) <= error ? 1 : u * (activation == SMELT_ACTIVATION_LEAKY_RELU);
    case SMELT_ACTIVATION_SIGMOID:
    case SMELT_ACTIVATION_SOFTPLUS:
        return 8 * u + 0.25 * error;
    case SMELT_ACTIVATION_TANH:
        return 12 * u + 0.77 * error;
    case SMELT_ACTIVATION_SILU:
        return 16 * u + 0.5 * error;
    case SMELT_ACTIVATION_GELU:
        return 40 * u + 1.2 * error;
    case SMELT_ACTIVATION_EXP:
        return exp(x) * (expm1(error) + (3 + 2 * (fabs(x) + error)) * u * exp(error));
    default: // sine
        return fabs(x) + error > acos(-1) ? 2 : 0x1p-11 + error;
    }
}
