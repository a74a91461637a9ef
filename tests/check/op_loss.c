// SPDX-License-Identifier: MIT
// Losses and their gradients, against central differences of the losses in double.
#include "gradient.h"

#include <string.h>

enum { L1, L2, RELATIVE_L2, OKLAB };

static const struct check_shape shapes[] = {
    {"l1", {L1}, CHECK_CI},
    {"l2", {L2}, CHECK_CI},
    {"relative l2", {RELATIVE_L2}, CHECK_CI},
    {"oklab", {OKLAB}, CHECK_CI},
};

static const struct check_types types[] = {{SMELT_DTYPE_NONE, SMELT_DTYPE_F32, SMELT_DTYPE_NONE}};

#define INPUTS 307
#define INPUT 9 // result, target, weights: three of each

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    c->evaluations = INPUTS;
    c->outputs = c->shape->d[0] == OKLAB ? 7 : 2; // L a b of the result; the loss; the gradient
    check_add_floats(c, CHECK_INPUT, SMELT_DTYPE_F32, INPUTS * INPUT);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)INPUTS * c->outputs);
    check_define(c, "#define CHECK_LOSS %u", c->shape->d[0]);
}

static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    bool color = c->shape->d[0] == OKLAB;
    for (uint32_t e = 0; e < INPUTS; e++) {
        double *v = tensor->values + (size_t)INPUT * e;
        for (uint32_t i = 0; i < 6; i++)
            v[i] = color ? check_uniform(random, e % 4 ? 0 : -0.05, e % 3 ? 1 : 0.02)
                         : check_uniform(random, -2, 2);
        for (uint32_t i = 6; i < INPUT; i++)
            v[i] = check_uniform(random, 0, 4);
        for (uint32_t i = 0; i < 3 && e % 7 == 0; i++) // at the target, in black, in white
            v[i] = e % 14 ? v[3 + i] : e % 28 / 14;
        if (e == 1)
            v[0] = v[3] = 0;
    }
}

// --- References -------------------------------------------------------------------------------------------

static const double waves[3][3] = {{0.4122214708, 0.5363325363, 0.0514459929},
                                   {0.2119034982, 0.6806995451, 0.1073969566},
                                   {0.0883024619, 0.2817188376, 0.6299787005}};
static const double lab_of_roots[3][3] = {{0.2104542553, 0.7936177850, -0.0040720468},
                                          {1.9779984951, -2.4285922050, 0.4505937099},
                                          {0.0259040371, 0.7827717662, -0.8086757660}};

static double root(double v)
{
    return v < 1.0 / 512 ? 0.125 + (v - 1.0 / 512) * 64 / 3 : cbrt(v);
}

// `absolute`: with the absolute value of every term.
static void oklab(const double rgb[3], bool absolute, double lab[3])
{
    memset(lab, 0, 3 * sizeof(*lab));
    for (int w = 0; w < 3; w++) {
        double wave = 0;
        for (int i = 0; i < 3; i++)
            wave += waves[w][i] * (absolute ? fabs(rgb[i]) : rgb[i]);
        for (int k = 0; k < 3; k++)
            lab[k] += absolute ? fabs(lab_of_roots[k][w]) * (fabs(root(wave)) + 0.25)
                               : lab_of_roots[k][w] * root(wave);
    }
}

struct at {
    uint32_t loss, channel;
    const double *v;
};

static double loss_at(const void *user, double y)
{
    const struct at *at = user;
    const double *v = at->v;
    double d = y - v[3], lab[2][3], moved[3], sum = 0;
    switch (at->loss) {
    case L1:
        return fabs(d);
    case L2:
        return d * d;
    case RELATIVE_L2: // the denominator is that of the result, unmoved
        return d * d / (v[0] * v[0] + 0.01f);
    default:
        memcpy(moved, v, sizeof(moved));
        moved[at->channel] = y;
        oklab(moved, false, lab[0]);
        oklab(v + 3, false, lab[1]);
        for (int k = 0; k < 3; k++)
            sum += v[6 + k] * (lab[0][k] - lab[1][k]) * (lab[0][k] - lab[1][k]);
        return sum;
    }
}

// The gradient's expression with absolute values, and what relative error the sums of waves bring along.
static double oklab_reach(const double *v, const double reach[3], uint32_t channel)
{
    double sum = 0;
    for (int w = 0; w < 3; w++) {
        double wave = 0, terms = 0, by_root = 0;
        for (int i = 0; i < 3; i++) {
            wave += waves[w][i] * v[i];
            terms += waves[w][i] * fabs(v[i]);
        }
        for (int k = 0; k < 3; k++)
            by_root += 2 * v[6 + k] * reach[k] * fabs(lab_of_roots[k][w]);
        double least = fmax(wave, 1.0 / 512);
        sum += by_root / (3 * cbrt(least) * cbrt(least)) * waves[w][channel] * (1 + terms / least);
    }
    return sum;
}

static void reference_oklab(const double *v, double *wanted, double *bound)
{
    const double u = 0x1p-23;
    double lab[2][3], reach[3];
    oklab(v, true, lab[0]);
    oklab(v + 3, true, lab[1]);
    oklab(v, false, wanted);
    wanted[3] = loss_at(&(struct at){OKLAB, 0, v}, v[0]);
    bound[3] = 0;
    double other[3];
    oklab(v + 3, false, other);
    for (int k = 0; k < 3; k++) {
        reach[k] = lab[0][k] + lab[1][k];
        bound[k] = 16 * u * lab[0][k];
        double d = fabs(wanted[k] - other[k]), off = 16 * u * reach[k];
        bound[3] += v[6 + k] * (2 * d * off + off * off + 4 * u * d * d);
    }
    for (uint32_t i = 0; i < 3; i++) {
        struct at at = {OKLAB, i, v};
        wanted[4 + i] = check_central_difference(loss_at, &at, v[i], 1e-6);
        bound[4 + i] = 16 * u * oklab_reach(v, reach, i);
    }
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const double *v = c->tensors[0].values + (size_t)INPUT * evaluation, u = 0x1p-23;
    struct at at = {c->shape->d[0], 0, v};
    if (at.loss == OKLAB) {
        reference_oklab(v, wanted, bound);
        return;
    }
    double d = fabs(v[0] - v[3]), h = at.loss == L1 ? d / 4 : 1;
    wanted[0] = loss_at(&at, v[0]);
    wanted[1] = d == 0 ? 0 : check_central_difference(loss_at, &at, v[0], h);
    bound[0] = wanted[0] * u * (at.loss == L1 ? 0.5 : at.loss == L2 ? 2 : 8);
    bound[1] = fabs(wanted[1]) * u * (at.loss == L1 ? 1e-6 : at.loss == L2 ? 1 : 6);
    if (at.loss == L1) // exactly, where rounding in double is not
        wanted[1] = rint(wanted[1]);
}

const struct check_op check_loss = {
    .name = "loss",
    .fixture = "loss",
    CHECK_PLAIN_OP,
    .wrong_shape = 3,
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
};
