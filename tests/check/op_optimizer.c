// SPDX-License-Identifier: MIT
// Optimizers: a step of one weight with the memory that goes with it, and the schedules of learning rates.
#include "check.h"

#include <string.h>

enum { SGD, ADAM, AVERAGE, RATE };
#define RATES 12

static const struct check_shape shapes[] = {
    {"sgd", {SGD}, CHECK_CI},
    {"adam", {ADAM}, CHECK_CI},
    {"average", {AVERAGE}, CHECK_CI},
    {"constant rate", {RATE, 0}, CHECK_CI},
    {"linear rate", {RATE, 1}, CHECK_CI},
    {"cosine rate", {RATE, 2}, CHECK_CI},
    {"exponential rate", {RATE, 3}, CHECK_CI},
};

static const struct check_types types[] = {{SMELT_DTYPE_NONE, SMELT_DTYPE_F32, SMELT_DTYPE_NONE}};

#define INPUTS 257
#define INPUT 10
// BETA1: momentum of SGD; BETA2: what an average keeps; FIRST and BETA2: the ends of a schedule.
enum { W, MEMORY1, MEMORY2, FILLED, FIRST, BETA1, BETA2, EPSILON, DECAY, GRADIENT };

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    c->evaluations = INPUTS;
    c->outputs = c->shape->d[0] == RATE ? RATES : 5; // the weight, two of memory, two of filled
    check_add_floats(c, CHECK_INPUT, SMELT_DTYPE_F32, INPUTS * INPUT);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)INPUTS * c->outputs);
    check_define(c, "#define CHECK_MODE %u\n#define CHECK_SCHEDULE %u", c->shape->d[0], c->shape->d[1]);
}

static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    bool adam = c->shape->d[0] == ADAM;
    for (uint32_t e = 0; e < INPUTS; e++) {
        double *v = tensor->values + (size_t)INPUT * e;
        for (uint32_t i = 0; i < INPUT; i++)
            v[i] = check_uniform(random, -1, 1);
        v[MEMORY2] = fabs(v[MEMORY2]);
        v[FIRST] = check_uniform(random, 1e-4, 0.1);
        v[BETA1] = e % 5 ? 0.9 : 0;
        v[BETA2] = e % 3 ? 0.999 : 0.9;
        v[EPSILON] = e % 2 ? 1e-8 : 1e-15;
        v[DECAY] = e % 4 ? 0 : 0.01;
        if (e % 7 == 0) // the first step of all
            v[MEMORY1] = v[MEMORY2] = v[FILLED] = 0;
        else
            v[FILLED] = adam ? 1 - exp2(-(double)(e % 6)) : 0;
        if (e % 11 == 0) // a gradient of 0, a tiny one, a huge one
            v[GRADIENT] = e % 3 == 0 ? 0 : e % 3 == 1 ? 1e-12 : 1e12;
    }
}

// --- References -------------------------------------------------------------------------------------------

#define U 0x1p-23

static void reference_sgd(const double *v, double *wanted, double *bound)
{
    double terms = fabs(v[BETA1] * v[MEMORY1]) + fabs(v[GRADIENT]) + fabs(v[DECAY] * v[W]);
    wanted[1] = v[BETA1] * v[MEMORY1] + v[GRADIENT] + v[DECAY] * v[W];
    bound[1] = 2 * U * terms;
    wanted[0] = v[W] - v[FIRST] * wanted[1];
    bound[0] = 2 * U * fabs(v[W]) + v[FIRST] * (2 * U * fabs(wanted[1]) + bound[1]);
}

static void reference_adam(const double *v, double *wanted, double *bound)
{
    double g = v[GRADIENT], b1 = v[BETA1], b2 = v[BETA2];
    wanted[1] = b1 * v[MEMORY1] + (1 - b1) * g;
    bound[1] = 2 * U * (fabs(b1 * v[MEMORY1]) + fabs((1 - b1) * g));
    wanted[2] = b2 * v[MEMORY2] + (1 - b2) * g * g;
    bound[2] = 3 * U * wanted[2] + 0x1p-126;
    for (int i = 0; i < 2; i++) {
        wanted[3 + i] = v[FILLED] + (1 - v[FILLED]) * (1 - (i ? b2 : b1));
        bound[3 + i] = (2 * U + U * (1 - wanted[3 + i])) * wanted[3 + i];
    }
    double root = sqrt(wanted[2] / wanted[4]) + v[EPSILON], quotient = wanted[1] / wanted[3] / root;
    wanted[0] = v[W] - v[FIRST] * (quotient + v[DECAY] * v[W]);
    bound[0] = 2 * U * (fabs(v[W]) + v[FIRST] * v[DECAY] * fabs(v[W])) +
               v[FIRST] * (16 * U * fabs(quotient) + bound[1] / wanted[3] / root);
}

static double rate(uint32_t schedule, double first, double last, double step, double warmup, double steps)
{
    if (step < warmup)
        return first * (step + 1) / warmup;
    double t = step < steps ? (step - warmup) / (steps - warmup) : 1;
    double shares[] = {1, 1 - t, (1 + cos(acos(-1) * t)) / 2};
    return schedule == 3 ? first * pow(last / first, t)
                         : shares[schedule] * first + (1 - shares[schedule]) * last;
}

// Of step 0 to RATES - 1 with 3 steps of warmup and 9 in all.
static void reference_rate(uint32_t schedule, const double *v, double *wanted, double *bound)
{
    double first = v[FIRST], last = v[BETA2];
    for (int step = 0; step < RATES; step++) {
        wanted[step] = rate(schedule, first, last, step, 3, 9);
        bound[step] = step < 3        ? 4 * U * first
                      : schedule == 3 ? (8 + 4 * fabs(log2(last / first))) * U * wanted[step]
                                      : 4 * U * fmax(first, last) * (schedule == 0 ? 0 : schedule);
    }
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const double *v = c->tensors[0].values + (size_t)INPUT * evaluation;
    memset(wanted, 0, c->outputs * sizeof(*wanted));
    memset(bound, 0, c->outputs * sizeof(*bound));
    switch (c->shape->d[0]) {
    case SGD:
        reference_sgd(v, wanted, bound);
        break;
    case ADAM:
        reference_adam(v, wanted, bound);
        break;
    case AVERAGE:
        wanted[0] = v[BETA2] * v[MEMORY1] + (1 - v[BETA2]) * v[W];
        bound[0] = 2 * U * (fabs(v[BETA2] * v[MEMORY1]) + fabs((1 - v[BETA2]) * v[W]));
        break;
    default:
        reference_rate(c->shape->d[1], v, wanted, bound);
    }
}

const struct check_op check_optimizer = {
    .name = "optimizer",
    .fixture = "optimizer",
    CHECK_PLAIN_OP,
    .wrong_shape = 1,
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
};
