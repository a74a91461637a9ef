// SPDX-License-Identifier: MIT
// Softmax, log-softmax, layer norm and RMS norm at THREAD, SUBGROUP and WORKGROUP scope: lines that registers hold and
// lines that they do not, that begin anywhere in 16 bytes, masks, weights, lines far from 0. An evaluation is what the
// last dimension holds.
#include "lines.h"

#include <string.h>

enum { SOFTMAX, LOG_SOFTMAX, LAYER_NORM, RMS_NORM };
#define EPSILON 0.001
#define HELD 2

// Names: extents, the axis in brackets; m: with a mask; w: with weights; g, s: gaps between rows, between elements.
static const struct check_shape shapes[] = {
    {"softmax 3x[131]m", {SOFTMAX, 2, 1, 3, 131, 0, 0, 0, 0, 1}, CHECK_CI},
    {"logsoftmax 3x[37]x2", {LOG_SOFTMAX, 3, 1, 3, 37, 2}, CHECK_CI},
    {"layer_norm 3x[131]w", {LAYER_NORM, 2, 1, 3, 131, 0, 0, 0, 0, 1}, CHECK_CI},
    {"rms_norm 5x[17]w", {RMS_NORM, 2, 1, 5, 17, 0, 0, 0, 0, 1}, CHECK_CI},
    {"softmax 7x[1]", {SOFTMAX, 2, 1, 7, 1}, CHECK_CI},
    {"layer_norm 7x[1]", {LAYER_NORM, 2, 1, 7, 1}, CHECK_CI},
    {"softmax 2x[3001]g", {SOFTMAX, 2, 1, 2, 3001, 0, 0, 1, 0, 0, 1}, CHECK_CI},
    {"layer_norm 2x[3001]wg", {LAYER_NORM, 2, 1, 2, 3001, 0, 0, 1, 0, 1, 1}, CHECK_CI},
    {"rms_norm [67]x5", {RMS_NORM, 2, 0, 67, 5}, CHECK_CI},
    {"layer_norm 3x[1024]w", {LAYER_NORM, 2, 1, 3, 1024, 0, 0, 0, 0, 1}, CHECK_CI},
    {"layer_norm 3x[40]s", {LAYER_NORM, 2, 1, 3, 40, 0, 0, 1, 2}, CHECK_CI},
    {"softmax 2x[64]", {SOFTMAX, 2, 1, 2, 64}, CHECK_CI},
    {"softmax 3x[0]", {SOFTMAX, 2, 1, 3, 0}, CHECK_CI},
    {"softmax 2x[70000]m", {SOFTMAX, 2, 1, 2, 70000, 0, 0, 0, 0, 1, 1}, CHECK_FULL},
    {"layer_norm 2x[70000]w", {LAYER_NORM, 2, 1, 2, 70000, 0, 0, 0, 0, 1, 1}, CHECK_FULL},
};
#define OF_EVERY_TYPE 4 // of them

static const struct check_types types[] = {
    {SMELT_DTYPE_F32, 0, 0},    {SMELT_DTYPE_F16, 0, 0},    {SMELT_DTYPE_BF16, 0, 0},
    {SMELT_DTYPE_F8E4M3, 0, 0}, {SMELT_DTYPE_F8E5M2, 0, 0},
};

static bool exists(const struct check_case *row)
{
    return row->types.stored == SMELT_DTYPE_F32 || row->shape - shapes < OF_EVERY_TYPE;
}

static uint32_t kind_of(const struct check_case *c)
{
    return c->shape->d[LINE_OP];
}

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    enum smelt_scope scope = c->op->scope;
    const uint32_t *d = c->shape->d;
    struct smelt_line_layout line = check_line_layout(c, scope);
    bool weights = kind_of(c) >= LAYER_NORM && d[LINE_MAP];
    uint64_t length[1] = {check_line_length(c->shape)}, total = length[0] * check_line_count(c->shape);
    c->outputs = d[LINE_E0 + d[LINE_RANK] - 1];
    c->evaluations = (uint32_t)(c->outputs ? total / c->outputs : d[LINE_E0]);
    c->softmax = (struct smelt_softmax_descriptor){
        .line = line, .logarithm = kind_of(c) == LOG_SOFTMAX, .map = d[LINE_MAP], .held = HELD};
    c->layer_norm = (struct smelt_layer_norm_descriptor){.line = line, .held = HELD};
    c->rms_norm = (struct smelt_rms_norm_descriptor){.line = line, .held = HELD};
    c->smelt = (struct smelt_op){.name = "line", .kind = SMELT_OP_SOFTMAX};
    if (kind_of(c) <= LOG_SOFTMAX) {
        c->smelt.softmax = &c->softmax;
    } else if (kind_of(c) == LAYER_NORM) {
        c->smelt.kind = SMELT_OP_LAYER_NORM;
        c->smelt.layer_norm = &c->layer_norm;
    } else {
        c->smelt.kind = SMELT_OP_RMS_NORM;
        c->smelt.rms_norm = &c->rms_norm;
    }
    check_define(c, "#define CHECK_KIND %u\n#define CHECK_WEIGHTS %d\n#define CHECK_LINES %uu", kind_of(c),
                 weights, (uint32_t)check_line_count(c->shape));
    check_define(c, "#define CHECK_W line_weight_%s_1_r_0", smelt_dtype_name(c->types.stored));
    check_add_lines(c, CHECK_INPUT, "source");
    for (int i = 0; i < 2 && weights; i++)
        check_add(c, CHECK_WEIGHT, c->types.stored, 1, length);
    check_add_lines(c, CHECK_OUTPUT, "result");
}

static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    enum smelt_dtype dtype = tensor->dtype;
    double chance = c->kind == CHECK_NAN ? 1.0 / 128 : 0;
    for (uint64_t i = 0; i < tensor->count; i++) {
        double v = check_uniform(random, -1, 1) * (kind_of(c) <= LOG_SOFTMAX ? 12 : 2);
        if (tensor->role == CHECK_WEIGHT)
            v = check_uniform(random, -1, 1);
        else if (c->kind == CHECK_ZEROS)
            v = 0;
        else if (c->kind == CHECK_NEGATIVE) // all near -9: what is between them is small
            v = check_uniform(random, -10, -8);
        else if (c->kind == CHECK_LARGEST)
            v = kind_of(c) > LOG_SOFTMAX ? v * 100 : i & 1 ? check_least(dtype) : check_largest(dtype);
        else if (c->kind == CHECK_SUBNORMAL)
            v *= check_smallest_normal(dtype) / 12;
        else if (check_uniform(random, 0, 1) < chance)
            v = NAN;
        tensor->values[i] = v;
    }
}

static double value_of(const struct check_case *c, uint64_t line, uint64_t i)
{
    double x = c->tensors[0].values[check_line_element(c->shape, line, i)];
    return kind_of(c) <= LOG_SOFTMAX ? check_line_mapped(c->shape, line, i, x, -INFINITY) : x;
}

// What one rounding to the type of the results may take.
static double rounding(enum smelt_dtype dtype, double y)
{
    switch (dtype) {
    case SMELT_DTYPE_F16:
        return 0x1p-10 * y + (y < 0x1p-14 ? y : 0) + 0x1p-24;
    case SMELT_DTYPE_BF16:
        return 0x1p-8 * y + 0x1p-126;
    case SMELT_DTYPE_F8E4M3:
        return 0x1p-4 * y + 0x1p-10;
    case SMELT_DTYPE_F8E5M2:
        return 0x1p-3 * y + 0x1p-17;
    default:
        return 0x1p-126;
    }
}

// Of a line: what its elements need.
struct line_sums {
    double most, sum, spread;             // softmax
    double mean, magnitude, scale, flush; // norms
};

static struct line_sums sum_line(const struct check_case *c, uint64_t line)
{
    struct line_sums s = {.most = -INFINITY};
    double n = (double)check_line_length(c->shape), squares = 0;
    for (uint64_t i = 0; i < check_line_length(c->shape); i++) {
        double v = value_of(c, line, i);
        s.most = isnan(v) || v > s.most ? v : s.most;
        s.mean += v / n;
        s.magnitude += fabs(v) / n;
        s.flush += check_flushed(c->types.stored, v) / n;
        if (isnan(v))
            break;
    }
    s.mean = kind_of(c) == LAYER_NORM ? s.mean : 0;
    for (uint64_t i = 0; i < check_line_length(c->shape); i++) {
        double v = value_of(c, line, i), d = v - s.most;
        s.sum += exp(d);
        s.spread += d < -700 ? 0 : exp(d) * -d;
        squares += (v - s.mean) * (v - s.mean);
    }
    s.spread /= s.sum;
    s.scale = 1 / sqrt(squares / n + EPSILON);
    return s;
}

static void softmax_element(const struct check_case *c, const struct line_sums *s, uint64_t line, uint64_t i,
                            double *wanted, double *bound)
{
    double group = SMELT_MAX(c->info.workgroup_size, 1u), n = (double)check_line_length(c->shape);
    double numbers = (64 + 2 * n / group) * 0x1p-23, d = value_of(c, line, i) - s->most;
    double p = exp(d) / s->sum, far = d < -700 ? 0 : fabs(d), flush = check_flushed(c->types.stored, 1e-300);
    bool out = isinf(value_of(c, line, i)); // by the mask
    flush = c->kind == CHECK_SUBNORMAL ? 3 * check_smallest_normal(c->types.stored) : flush;
    if (kind_of(c) == SOFTMAX) {
        *wanted = p;
        *bound = numbers * p * (1 + far + s->spread) + p * flush + 0x1p-126;
    } else {
        *wanted = d - log(s->sum);
        *bound = out ? 0 : numbers * (1 + fabs(*wanted) + fabs(d) + s->spread) + flush;
    }
    if (isinf(s->most)) { // all taken out
        *wanted = kind_of(c) == SOFTMAX ? 0 : -INFINITY;
        *bound = 0;
    }
}

static void norm_element(const struct check_case *c, const struct line_sums *s, uint64_t line, uint64_t i,
                         double *wanted, double *bound)
{
    double n = (double)check_line_length(c->shape), x = value_of(c, line, i),
           numbers = 64 * (1 + n * 0x1p-23) * 0x1p-23;
    bool weights = c->shape->d[LINE_MAP];
    double gamma = weights ? c->tensors[1].values[i] : 1;
    double beta = weights && kind_of(c) == LAYER_NORM ? c->tensors[2].values[i] : 0;
    double d = x - s->mean, far = s->magnitude * s->scale;
    *wanted = d * s->scale * gamma + beta;
    if (kind_of(c) == LAYER_NORM)
        *bound = numbers *
                 (fabs(gamma) * s->scale * (s->magnitude + fabs(d) * (1 + numbers * far * far)) + fabs(beta));
    else
        *bound = numbers * fabs(gamma) * s->scale * fabs(x);
    *bound += fabs(gamma) * s->scale * (s->flush + check_flushed(c->types.stored, x));
    *bound +=
        check_flushed(c->types.stored, gamma) * fabs(d) * s->scale + check_flushed(c->types.stored, beta);
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    struct line_sums sums = {0};
    uint64_t before = UINT64_MAX;
    for (uint32_t o = 0; o < c->outputs; o++) {
        uint64_t i, line = check_line_of(c->shape, (uint64_t)evaluation * c->outputs + o, &i);
        if (line != before)
            sums = sum_line(c, line);
        before = line;
        if (isnan(sums.most)) {
            wanted[o] = NAN;
            bound[o] = 0;
            continue;
        }
        if (kind_of(c) <= LOG_SOFTMAX)
            softmax_element(c, &sums, line, i, &wanted[o], &bound[o]);
        else
            norm_element(c, &sums, line, i, &wanted[o], &bound[o]);
        if (isinf(wanted[o])) { // f8e4m3 has none
            wanted[o] = check_rounded(c->types.stored, wanted[o]);
            continue;
        }
        if (isfinite(wanted[o]) && wanted[o] != 0)
            bound[o] += rounding(c->types.stored, fabs(wanted[o]) + bound[o]);
        if (fabs(wanted[o]) + bound[o] > check_largest(c->types.stored))
            bound[o] = INFINITY;
    }
}

#define LINE_OPS                                                                                             \
    .fixture = "normalization", CHECK_TABLES, .backends = 1 << SMELT_BACKEND_PORTABLE, .exists = exists,     \
    .grid = check_line_grid, .fill = fill, .wrong = 1 << 1 | 1 << 2 | 1 << 3,                                \
    .stages = VK_SHADER_STAGE_COMPUTE_BIT, .wrong_shape = 2,                                                 \
    .values = 1 << CHECK_RANDOM | 1 << CHECK_ZEROS | 1 << CHECK_NEGATIVE | 1 << CHECK_LARGEST |              \
              1 << CHECK_SUBNORMAL | 1 << CHECK_NAN

const struct check_op check_norm_thread = {.name = "norm_thread", .describe = describe, LINE_OPS};
const struct check_op check_norm_subgroup = {
    .name = "norm_subgroup", .scope = SMELT_SCOPE_SUBGROUP, .describe = describe, LINE_OPS};
const struct check_op check_norm_workgroup = {
    .name = "norm_workgroup", .scope = SMELT_SCOPE_WORKGROUP, .describe = describe, LINE_OPS};
