// SPDX-License-Identifier: MIT
// Input encodings: frequency, triangle wave, one-blob, spherical harmonics, each from its definition.
#include "gradient.h"

#include <stdio.h>

enum { MODE, PARAMETER }; // the parameter: elements of the encoding, bins, or the degree
enum { FREQUENCY, TRIANGLE_WAVE, ONE_BLOB, HARMONICS };

static const struct check_shape shapes[] = {
    {"frequency", {FREQUENCY, 16}, CHECK_CI},  {"triangle_wave", {TRIANGLE_WAVE, 12}, CHECK_CI},
    {"one_blob 1", {ONE_BLOB, 1}, CHECK_CI},   {"one_blob 2", {ONE_BLOB, 2}, CHECK_CI},
    {"one_blob 16", {ONE_BLOB, 16}, CHECK_CI}, {"one_blob 61", {ONE_BLOB, 61}, CHECK_CI},
    {"harmonics 1", {HARMONICS, 1}, CHECK_CI}, {"harmonics 3", {HARMONICS, 3}, CHECK_CI},
    {"harmonics 8", {HARMONICS, 8}, CHECK_CI},
};

static const struct check_types types[] = {{SMELT_DTYPE_NONE, SMELT_DTYPE_F32, SMELT_DTYPE_NONE}};

#define INPUTS 257

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    uint32_t mode = c->shape->d[MODE], parameter = c->shape->d[PARAMETER];
    c->evaluations = INPUTS;
    // Before the elements: the scalar and the vec2 form of a wave.
    c->outputs = mode == FREQUENCY       ? parameter + 6
                 : mode == TRIANGLE_WAVE ? parameter + 3
                 : mode == ONE_BLOB      ? parameter
                                         : parameter * parameter;
    check_add_floats(c, CHECK_INPUT, SMELT_DTYPE_F32, INPUTS * 3);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)INPUTS * c->outputs);
    check_define(c, "#define CHECK_MODE %u\n#define CHECK_PARAMETER %u", mode, parameter);
}

static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    static const double axes[][3] = {{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}};
    static const double places[] = {0, 0.25, 0.5, 0.75, 1, 1e-6, 0x1p-140, 0.9999999, -1e-9};
    for (uint32_t e = 0; e < INPUTS; e++) {
        double *v = tensor->values + 3 * e;
        if (c->shape->d[MODE] == HARMONICS) {
            double length = 0;
            for (int i = 0; i < 3; i++) {
                v[i] = e < SMELT_COUNT_OF(axes) ? axes[e][i] : check_uniform(random, -1, 1);
                length += v[i] * v[i];
            }
            for (int i = 0; i < 3; i++)
                v[i] /= sqrt(length);
            continue;
        }
        bool unit = c->shape->d[MODE] == ONE_BLOB;
        v[0] = e < SMELT_COUNT_OF(places) ? places[e] : check_uniform(random, unit ? 0 : -4, unit ? 1 : 4);
        v[1] = check_uniform(random, -1000, 1000);
        v[2] = 0;
    }
}

double check_triangle_wave(double p)
{
    return 4 * fabs(p - floor(p) - 0.5) - 1;
}

// The integral of 15/16 (1 - t^2)^2 from -1 to u.
static double quartic(double u)
{
    u = fmin(fmax(u, -1), 1);
    return 15.0 / 16 * (u - 2.0 / 3 * u * u * u + u * u * u * u * u / 5) + 0.5;
}

// The kernel of width 1 / bins around x and its copies around x - 1 and x + 1, integrated over bin j.
double check_one_blob(double x, uint32_t j, uint32_t bins)
{
    double sum = 0;
    for (int copy = -1; copy <= 1; copy++)
        sum += quartic((j + 1) - (x + copy) * bins) - quartic(j - (x + copy) * bins);
    return sum;
}

// The real harmonic (l, m) with the phase of Condon and Shortley, from the explicit sum of P(l, |m|): every factor
// sin^m goes with (x + i y)^m.
double check_harmonic(int l, int signed_m, const double d[3])
{
    int m = signed_m < 0 ? -signed_m : signed_m;
    double legendre = 0, re = 1, im = 0;
    for (int k = 0; 2 * k <= l - m; k++)
        legendre += (k & 1 ? -1 : 1) * tgamma(2 * l - 2 * k + 1) /
                    (exp2(l) * tgamma(k + 1) * tgamma(l - k + 1) * tgamma(l - m - 2 * k + 1)) *
                    pow(d[2], l - m - 2 * k);
    for (int i = 0; i < m; i++) {
        double next = re * d[0] - im * d[1];
        im = re * d[1] + im * d[0];
        re = next;
    }
    double norm = sqrt((2 * l + 1) / (4 * acos(-1)) * tgamma(l - m + 1) / tgamma(l + m + 1));
    double scale = (m & 1 ? -1 : 1) * norm * legendre * (m ? sqrt(2) : 1);
    return scale * (signed_m < 0 ? im : re);
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const double *v = c->tensors[0].values + 3 * evaluation;
    const double u = 0x1p-23, turn = 2 * acos(-1);
    uint32_t parameter = c->shape->d[PARAMETER];
    for (uint32_t o = 0; o < c->outputs; o++) {
        switch (c->shape->d[MODE]) {
        case FREQUENCY: {
            int j = (int)o - 6;
            double p = o < 4 ? v[0] : v[1];
            if (o >= 6)
                p = ldexp(v[0], j / 2 - 1);
            wanted[o] = o & 1 ? cos(turn * fmod(p, 1)) : sin(turn * fmod(p, 1));
            bound[o] = 6 * u;
            break;
        }
        case TRIANGLE_WAVE: {
            int j = (int)o - 3;
            double p = o < 2 ? v[0] : v[1];
            if (o >= 3)
                p = ldexp(v[0], j - 1) + 0.25 * j;
            wanted[o] = check_triangle_wave(p);
            bound[o] = 3 * u + (o >= 3 ? 4 * u * fabs(p) : 0); // there p itself is rounded
            break;
        }
        case ONE_BLOB:
            wanted[o] = check_one_blob(v[0], o, parameter);
            bound[o] = (16 + 8 * parameter) * u;
            break;
        default: {
            int l = (int)sqrt(o);
            wanted[o] = check_harmonic(l, (int)o - l * l - l, v);
            bound[o] = 64 * u;
        }
        }
    }
}

int check_encoding_selftest(void)
{
    const double d[3] = {0.48, 0.6,
                         0.64}; // a unit vector; factors of y[l * l + l + m]: Sloan 2008, appendix A2
    const struct {
        const char *what;
        double got, wanted;
    } cases[] = {
        {"one_blob(1/4, 0, 2)", check_one_blob(0.25, 0, 2), 0.79296875}, // 15/8 (1/2 - 1/12 + 1/160)
        {"one_blob(1/2, 1, 2)", check_one_blob(0.5, 1, 2), 0.5},
        {"one_blob around the end", check_one_blob(0, 3, 4), 0.5},
        {"triangle(1/8)", check_triangle_wave(0.125), 0.5},
        {"Y(0, 0)", check_harmonic(0, 0, d), 0.28209479177387814},
        {"Y(1, -1)", check_harmonic(1, -1, d), -0.48860251190291992 * d[1]},
        {"Y(1, 0)", check_harmonic(1, 0, d), 0.48860251190291992 * d[2]},
        {"Y(1, 1)", check_harmonic(1, 1, d), -0.48860251190291992 * d[0]},
        {"Y(2, -2)", check_harmonic(2, -2, d), 1.0925484305920792 * d[0] * d[1]},
        {"Y(2, 0)", check_harmonic(2, 0, d), 0.94617469575756008 * d[2] * d[2] - 0.31539156525252005},
        {"Y(2, 2)", check_harmonic(2, 2, d), 0.54627421529603959 * (d[0] * d[0] - d[1] * d[1])},
        {"Y(3, 3)", check_harmonic(3, 3, d), 0.59004358992664352 * d[0] * (3 * d[1] * d[1] - d[0] * d[0])},
    };
    int failed = 0;
    for (size_t i = 0; i < SMELT_COUNT_OF(cases); i++)
        if (fabs(cases[i].got - cases[i].wanted) > 1e-14) {
            printf("FAIL  reference: %s is %.17g, by hand %.17g\n", cases[i].what, cases[i].got,
                   cases[i].wanted);
            failed++;
        }
    return failed;
}

const struct check_op check_encoding = {
    .name = "encoding",
    .fixture = "encoding",
    CHECK_PLAIN_OP,
    .wrong_shape = 0,
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
};
