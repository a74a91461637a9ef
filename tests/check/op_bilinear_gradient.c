// SPDX-License-Identifier: MIT
// The bilinear fetch taken back: what each texel of a small pyramid gets, as f32 and as fixed-point numbers, against central
// differences of the fetch, which is linear in its texels.
#include "gradient.h"

enum { WIDTH, HEIGHT, MIPS, FIXED };

static const struct check_shape shapes[] = {
    {"1x1", {1, 1, 1}, CHECK_CI},
    {"5x3", {5, 3, 1}, CHECK_CI},
    {"4x1 mips", {4, 1, 3}, CHECK_CI},
    {"6x4 mips", {6, 4, 2}, CHECK_CI},
    {"6x4 mips fixed point", {6, 4, 2, 1}, CHECK_CI},
};

static const struct check_types types[] = {{SMELT_DTYPE_NONE, SMELT_DTYPE_F32, SMELT_DTYPE_NONE}};

#define INPUTS 131
#define INPUT 7 // uv, lod, the gradient of the four components
#define SCALE 0x1p20

static uint32_t extent(uint32_t size, uint32_t mip)
{
    return SMELT_MAX(size >> mip, 1u);
}

static uint32_t first_texel(const uint32_t *d, uint32_t mip)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < mip; i++)
        count += extent(d[WIDTH], i) * extent(d[HEIGHT], i);
    return count;
}

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    const uint32_t *d = c->shape->d;
    c->evaluations = INPUTS;
    c->outputs = 4 * first_texel(d, d[MIPS]);
    check_add_floats(c, CHECK_INPUT, SMELT_DTYPE_F32, INPUTS * INPUT);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)INPUTS * c->outputs);
    check_define(c, "#define CHECK_SIZE ivec2(%u, %u)\n#define CHECK_MIPS %u\n#define CHECK_FIXED %u",
                 d[WIDTH], d[HEIGHT], d[MIPS], d[FIXED]);
}

static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    static const double places[][2] = {{0, 0}, {1, 1}, {0.5, 0.5}, {-0.25, 1.75}, {0.999, 0.001}};
    for (uint32_t e = 0; e < INPUTS; e++) {
        double *v = tensor->values + (size_t)INPUT * e;
        for (uint32_t i = 0; i < INPUT; i++)
            v[i] = check_uniform(random, -1, 1);
        for (uint32_t i = 0; i < 2 && e < SMELT_COUNT_OF(places); i++)
            v[i] = places[e][i];
        v[2] = e % 5 == 0 ? e / 5 % 4 - 1.0 : check_uniform(random, -0.5, c->shape->d[MIPS]);
    }
}

struct fetch {
    const struct check_case *c;
    const double *v;           // of the evaluation
    uint32_t texel, component; // the one that is varied; all others are 0
};

static double fetch_mip(const struct fetch *f, uint32_t mip, double value)
{
    const uint32_t *d = f->c->shape->d;
    int size[2] = {(int)extent(d[WIDTH], mip), (int)extent(d[HEIGHT], mip)}, low[2], high[2];
    double weight[2], sum = 0;
    for (int i = 0; i < 2; i++) {
        double p = (f->v[i] - floor(f->v[i])) * size[i] - 0.5;
        weight[i] = p - floor(p);
        low[i] = ((int)floor(p) + size[i]) % size[i];
        high[i] = ((int)floor(p) + 1) % size[i];
    }
    for (int corner = 0; corner < 4; corner++) {
        int x = corner & 1 ? high[0] : low[0], y = corner & 2 ? high[1] : low[1];
        double w = (corner & 1 ? weight[0] : 1 - weight[0]) * (corner & 2 ? weight[1] : 1 - weight[1]);
        uint32_t texel = first_texel(d, mip) + (uint32_t)(y * size[0] + x);
        sum += texel == f->texel ? w * value : 0;
    }
    return sum;
}

static double fetch(const void *user, double value)
{
    const struct fetch *f = user;
    double top = f->c->shape->d[MIPS] - 1.0, level = fmin(fmax(f->v[2], 0), top);
    uint32_t mip = (uint32_t)level;
    double weight = level - mip, sum = (1 - weight) * fetch_mip(f, mip, value);
    if (weight > 0)
        sum += weight * fetch_mip(f, mip + 1, value);
    return f->v[3 + f->component] * sum;
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    struct fetch f = {.c = c, .v = c->tensors[0].values + (size_t)INPUT * evaluation};
    double size = fmax(c->shape->d[WIDTH], c->shape->d[HEIGHT]);
    double reach = fmax(fabs(f.v[0]), fabs(f.v[1])), u = 0x1p-23;
    for (uint32_t o = 0; o < c->outputs; o++) {
        f.texel = o / 4;
        f.component = o % 4;
        wanted[o] = check_central_difference(fetch, &f, 0, 1);
        bound[o] = (12 * u + u * reach * size) * fabs(f.v[3 + f.component]);
        if (c->shape->d[FIXED]) // eight sums, and their conversion back
            bound[o] += 8 / (2 * SCALE) + u * fabs(wanted[o]);
    }
}

const struct check_op check_bilinear_gradient = {
    .name = "bilinear_gradient",
    .fixture = "bilinear_gradient",
    CHECK_PLAIN_OP,
    .wrong_shape = 3,
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
};
