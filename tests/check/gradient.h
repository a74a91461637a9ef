// SPDX-License-Identifier: MIT
// Derivatives of references, for the rows that check gradients.
#ifndef CHECK_GRADIENT_H
#define CHECK_GRADIENT_H

#include "check.h"

// The central difference of five points: its own error is h^4 / 30 times the fifth derivative, and what rounding of the
// values in double leaves, 1.5 * 2^-53 |f| / h.
typedef double check_function(const void *user, double x);
double check_central_difference(check_function *f, const void *user, double x, double h);

// The derivative of check_reference_activation, with the conventions of activation_gradient.glsl at corners.
double check_activation_slope(enum smelt_activation activation, double x);
// How far the module may be off for an input that is `error` off itself.
double check_activation_slope_bound(enum smelt_activation activation, double x, double error);

// What the elements of encodings are (op_encoding.c).
double check_triangle_wave(double p);
double check_one_blob(double x, uint32_t j, uint32_t bins);
double check_harmonic(int l, int signed_m, const double d[3]);

#endif
