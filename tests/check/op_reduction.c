// SPDX-License-Identifier: MIT
// Reductions along every axis at THREAD, SUBGROUP and WORKGROUP scope, of every element type: long and short lines,
// lines that begin anywhere in 16 bytes, gaps, empty ones, NaN and infinities. An evaluation is a line.
#include "lines.h"

#include <string.h>

#define SHAPE(kind, ...)                                                                                     \
    {                                                                                                        \
        SMELT_REDUCE_##kind, __VA_ARGS__                                                                     \
    }

// Names: kind and extents, the axis in brackets; m: with a map; g, s: gaps between rows, between elements.
static const struct check_shape shapes[] = {
    {"sum 3x[131]", SHAPE(SUM, 2, 1, 3, 131), CHECK_CI},
    {"max 5x[37]x3", SHAPE(MAX, 3, 1, 5, 37, 3), CHECK_CI},
    {"argmin 7x[29]", SHAPE(ARG_MIN, 2, 1, 7, 29), CHECK_CI},
    {"min 4x[17]g", SHAPE(MIN, 2, 1, 4, 17, 0, 0, 3), CHECK_CI},
    {"argmax [67]x5", SHAPE(ARG_MAX, 2, 0, 67, 5), CHECK_CI},
    {"squares 2x3x[33]m", SHAPE(SUM_SQUARES, 3, 2, 2, 3, 33, 0, 0, 0, 1), CHECK_CI},
    {"product 3x[61]", SHAPE(PRODUCT, 2, 1, 3, 61), CHECK_CI},
    // Kinds and places that one type shows.
    {"mean 3x[19]x2", SHAPE(MEAN, 3, 1, 3, 19, 2), CHECK_CI},
    {"logsumexp 3x[131]m", SHAPE(LOG_SUM_EXP, 2, 1, 3, 131, 0, 0, 0, 0, 1), CHECK_CI},
    {"sum [1]", SHAPE(SUM, 1, 0, 1), CHECK_CI},
    {"sum 3x[1]", SHAPE(SUM, 2, 1, 3, 1), CHECK_CI},
    {"sum 2x[3001]g", SHAPE(SUM, 2, 1, 2, 3001, 0, 0, 1, 0, 0, 1), CHECK_CI},
    {"argmax 2x[3001]", SHAPE(ARG_MAX, 2, 1, 2, 3001, 0, 0, 0, 0, 0, 1), CHECK_CI},
    {"logsumexp 2x[3001]", SHAPE(LOG_SUM_EXP, 2, 1, 2, 3001, 0, 0, 0, 0, 0, 1), CHECK_CI},
    {"sum 2x3x[5]x7gs", SHAPE(SUM, 4, 2, 2, 3, 5, 7, 5, 3), CHECK_CI},
    {"sum 3x[40]s", SHAPE(SUM, 2, 1, 3, 40, 0, 0, 1, 2), CHECK_CI},
    {"sum 3x[0]", SHAPE(SUM, 2, 1, 3, 0), CHECK_CI},
    {"product 3x[0]", SHAPE(PRODUCT, 2, 1, 3, 0), CHECK_CI},
    {"max 3x[0]", SHAPE(MAX, 2, 1, 3, 0), CHECK_CI},
    {"min 3x[0]", SHAPE(MIN, 2, 1, 3, 0), CHECK_CI},
    {"argmax 3x[0]", SHAPE(ARG_MAX, 2, 1, 3, 0), CHECK_CI},
    {"mean 3x[0]", SHAPE(MEAN, 2, 1, 3, 0), CHECK_CI},
    {"logsumexp 3x[0]", SHAPE(LOG_SUM_EXP, 2, 1, 3, 0), CHECK_CI},
    {"sum 2x[1000003]", SHAPE(SUM, 2, 1, 2, 1000003, 0, 0, 0, 0, 0, 1), CHECK_FULL},
    {"logsumexp 2x[1000003]", SHAPE(LOG_SUM_EXP, 2, 1, 2, 1000003, 0, 0, 0, 0, 0, 1), CHECK_FULL},
};
#define OF_EVERY_TYPE 3 // of them

static const struct check_types types[] = {
    {SMELT_DTYPE_F32, 0, 0},    {SMELT_DTYPE_F16, 0, 0}, {SMELT_DTYPE_BF16, 0, 0}, {SMELT_DTYPE_F8E4M3, 0, 0},
    {SMELT_DTYPE_F8E5M2, 0, 0}, {SMELT_DTYPE_I8, 0, 0},  {SMELT_DTYPE_U8, 0, 0},   {SMELT_DTYPE_I16, 0, 0},
    {SMELT_DTYPE_U16, 0, 0},    {SMELT_DTYPE_I32, 0, 0}, {SMELT_DTYPE_U32, 0, 0},  {SMELT_DTYPE_I4, 0, 0},
    {SMELT_DTYPE_U4, 0, 0},
};

static enum smelt_reduce kind_of(const struct check_case *c)
{
    return (enum smelt_reduce)c->shape->d[LINE_OP];
}

static bool seeks(enum smelt_reduce kind)
{
    return kind == SMELT_REDUCE_ARG_MAX || kind == SMELT_REDUCE_ARG_MIN;
}

// In f32 whatever is stored.
static bool is_real(enum smelt_reduce kind)
{
    return kind == SMELT_REDUCE_MEAN || kind == SMELT_REDUCE_LOG_SUM_EXP;
}

static double flushed_of(enum smelt_dtype dtype, double x)
{
    return smelt_dtype_is_float(dtype) ? check_flushed(dtype, x) : 0;
}

static bool has_sign(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_I16 || dtype == SMELT_DTYPE_I32 ||
           dtype == SMELT_DTYPE_I4;
}

// Every shape of f32; of the other types the first ones and what differs in code.
static bool exists(const struct check_case *row)
{
    uint32_t shape = (uint32_t)(row->shape - shapes);
    enum smelt_dtype dtype = row->types.stored;
    bool fragment = row->stage == VK_SHADER_STAGE_FRAGMENT_BIT;
    if (fragment)
        return dtype == SMELT_DTYPE_F16 && shape == 0;
    if (dtype == SMELT_DTYPE_F32)
        return true;
    if (dtype == SMELT_DTYPE_F16 && (shape == 7 || shape == 8 || row->shape->tier == CHECK_FULL))
        return true;
    bool word = dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_U32;
    if (word && (shape == 5 || shape == 6 || !strncmp(row->shape->name, "m", 1)))
        return shape != 7;
    if (dtype == SMELT_DTYPE_I8 && (shape == 7 || shape == 8))
        return true;
    return shape < OF_EVERY_TYPE;
}

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    enum smelt_scope scope = c->op->scope;
    bool is_float = smelt_dtype_is_float(c->types.stored);
    enum smelt_dtype result = seeks(kind_of(c))                 ? SMELT_DTYPE_U32
                              : is_float || is_real(kind_of(c)) ? SMELT_DTYPE_F32
                              : has_sign(c->types.stored)       ? SMELT_DTYPE_I32
                                                                : SMELT_DTYPE_U32;
    c->reduction = (struct smelt_reduction_descriptor){
        .line = check_line_layout(c, scope), .reduce = kind_of(c), .map = c->shape->d[LINE_MAP]};
    c->smelt = (struct smelt_op){.name = "line", .kind = SMELT_OP_REDUCTION, .reduction = &c->reduction};
    c->evaluations = (uint32_t)check_line_count(c->shape);
    c->outputs = 1;
    check_define(c, "#define CHECK_V %s", is_float ? "float" : has_sign(c->types.stored) ? "int" : "uint");
    check_add_lines(c, CHECK_INPUT, "source");
    check_add_words(c, CHECK_OUTPUT, result, c->evaluations);
}

static double draw(const struct check_case *c, enum smelt_dtype dtype, uint64_t i, uint64_t *random)
{
    double least = fmax(check_least(dtype), -0x1p20), largest = fmin(check_largest(dtype), 0x1p20);
    bool is_float = smelt_dtype_is_float(dtype);
    switch (c->kind) {
    case CHECK_ZEROS:
        return i & 1 ? -0.0 : 0;
    case CHECK_NEGATIVE:
        return is_float ? check_uniform(random, -1, -0.01)
                        : floor(check_uniform(random, least, fmin(largest, 0)));
    case CHECK_LARGEST:
        return check_random(random) & 1 ? check_least(dtype) : check_largest(dtype);
    case CHECK_SUBNORMAL:
        return check_uniform(random, -1, 1) * (is_float ? check_smallest_normal(dtype) : 1);
    case CHECK_NAN:
        if (check_random(random) % 64 == 0)
            return NAN;
        break;
    case CHECK_INFINITE:
        if (check_random(random) % 64 == 0)
            return check_random(random) & 1 ? INFINITY : -INFINITY;
        break;
    default:
        break;
    }
    if (!is_float)
        return floor(check_uniform(random, least, largest + 1));
    if (kind_of(c) == SMELT_REDUCE_PRODUCT) // stays in range
        return (check_random(random) & 1 ? -1 : 1) * check_uniform(random, 0.5, 1.6);
    return check_uniform(random, -1, 1) * (kind_of(c) == SMELT_REDUCE_LOG_SUM_EXP ? 20 : 1);
}

static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    for (uint64_t i = 0; i < tensor->count; i++)
        tensor->values[i] = draw(c, tensor->dtype, i, random);
}

static double value_of(const struct check_case *c, uint64_t line, uint64_t index)
{
    double x = c->tensors[0].values[check_line_element(c->shape, line, index)];
    return check_line_mapped(c->shape, line, index, x, 0);
}

// A NaN is greatest and least.
static bool better(enum smelt_reduce kind, double x, double best)
{
    if (isnan(x) || isnan(best))
        return isnan(x) && !isnan(best);
    return kind == SMELT_REDUCE_MIN || kind == SMELT_REDUCE_ARG_MIN ? x < best : x > best;
}

static void extreme(const struct check_case *c, uint64_t line, double *wanted, double *bound)
{
    enum smelt_reduce kind = kind_of(c);
    enum smelt_dtype dtype = c->types.stored;
    uint64_t n = check_line_length(c->shape), at = UINT32_MAX;
    bool least = kind == SMELT_REDUCE_MIN || kind == SMELT_REDUCE_ARG_MIN,
         is_float = smelt_dtype_is_float(dtype);
    double best = least ? INFINITY : -INFINITY, flushed = 0;
    if (!is_float)
        best = least ? (has_sign(dtype) ? INT32_MAX : UINT32_MAX) : has_sign(dtype) ? (double)INT32_MIN : 0;
    for (uint64_t i = 0; i < n; i++) {
        double x = value_of(c, line, i);
        flushed = fmax(flushed, flushed_of(dtype, x));
        if (at == UINT32_MAX || better(kind, x, best)) {
            best = x;
            at = i;
        }
    }
    *wanted = seeks(kind) ? (double)at : best;
    *bound = dtype == SMELT_DTYPE_F32 || flushed == 0 ? 0 : seeks(kind) ? INFINITY : flushed;
}

static void integers(const struct check_case *c, uint64_t line, double *wanted)
{
    enum smelt_reduce kind = kind_of(c);
    uint32_t y = kind == SMELT_REDUCE_PRODUCT;
    for (uint64_t i = 0; i < check_line_length(c->shape); i++) {
        uint32_t x = (uint32_t)(int64_t)value_of(c, line, i);
        y = kind == SMELT_REDUCE_PRODUCT ? y * x : kind == SMELT_REDUCE_SUM_SQUARES ? y + x * x : y + x;
    }
    *wanted = has_sign(c->types.stored) ? (double)(int32_t)y : (double)y;
}

static void log_sum_exp(const struct check_case *c, uint64_t line, double *wanted, double *bound)
{
    uint64_t n = check_line_length(c->shape);
    double most = -INFINITY, sum = 0, spread = 0;
    for (uint64_t i = 0; i < n; i++) {
        double x = value_of(c, line, i);
        most = isnan(x) || x > most ? x : most;
        if (isnan(x))
            break;
    }
    *wanted = most; // -inf, inf and NaN stay
    *bound = 0;
    if (!isfinite(most))
        return;
    for (uint64_t i = 0; i < n; i++) {
        double d = value_of(c, line, i) - most;
        sum += exp(d);
        spread += d < -700 ? 0 : exp(d) * -d;
    }
    double group = SMELT_MAX(c->info.workgroup_size, 1u), flushed = flushed_of(c->types.stored, 1e-300);
    *wanted = most + log(sum);
    *bound = (64 + 2 * (double)n / group) * 0x1p-23 * (1 + fabs(*wanted) + spread / sum) + flushed;
    if (c->kind == CHECK_SUBNORMAL && smelt_dtype_is_float(c->types.stored))
        *bound += check_smallest_normal(c->types.stored);
}

static void product(const struct check_case *c, uint64_t line, double *wanted, double *bound)
{
    double y = 1, high = 1, low = 1, n = (double)check_line_length(c->shape);
    bool zero = false;
    for (uint64_t i = 0; i < check_line_length(c->shape); i++) {
        double x = value_of(c, line, i);
        y *= x;
        zero = zero || x == 0;
        high *= isfinite(x) ? fmax(fabs(x), 1) : 1;
        low *= x == 0 ? 1 : fmin(fabs(x), 1);
    }
    *wanted = y;
    *bound = zero || !isfinite(y) ? 0 : n * (1 + n * 0x1p-23) * 0x1p-23 * fabs(y);
    if (high > 0x1p127 || low < 0x1p-126)
        *bound = INFINITY;
}

static void reference(const struct check_case *c, uint32_t line, double *wanted, double *bound)
{
    enum smelt_reduce kind = kind_of(c);
    enum smelt_dtype dtype = c->types.stored;
    double n = (double)check_line_length(c->shape), sum = 0, all = 0, flushed = 0;
    *bound = 0;
    if (kind == SMELT_REDUCE_MAX || kind == SMELT_REDUCE_MIN || seeks(kind)) {
        extreme(c, line, wanted, bound);
        return;
    }
    if (!smelt_dtype_is_float(dtype) && !is_real(kind)) {
        integers(c, line, wanted);
        return;
    }
    if (kind == SMELT_REDUCE_LOG_SUM_EXP) {
        log_sum_exp(c, line, wanted, bound);
        return;
    }
    if (kind == SMELT_REDUCE_PRODUCT) {
        product(c, line, wanted, bound);
        return;
    }
    for (uint64_t i = 0; i < check_line_length(c->shape); i++) {
        double x = value_of(c, line, i), term = kind == SMELT_REDUCE_SUM_SQUARES ? x * x : x;
        sum += term;
        all += fabs(term);
        flushed += flushed_of(dtype, x) + (fabs(term) < 0x1p-126 ? fabs(term) : 0);
    }
    double by = kind == SMELT_REDUCE_MEAN ? n : 1;
    *wanted = sum / by; // of nothing: NaN
    *bound = isfinite(all) && n > 0 ? (64 * (1 + n * 0x1p-23) * 0x1p-23 * all + flushed) / by : 0;
    if (isfinite(all) && all * (1 + 0x1p-10) > check_largest(SMELT_DTYPE_F32))
        *bound = INFINITY;
}

static double flops(const struct check_shape *shape)
{
    return (double)check_line_length(shape);
}

#define LINE_OPS                                                                                             \
    .fixture = "reduction", CHECK_TABLES, .backends = 1 << SMELT_BACKEND_PORTABLE, .exists = exists,         \
    .grid = check_line_grid, .fill = fill, .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4, .flops = flops,       \
    .values = 1 << CHECK_RANDOM | 1 << CHECK_ZEROS | 1 << CHECK_NEGATIVE | 1 << CHECK_LARGEST |              \
              1 << CHECK_SUBNORMAL | 1 << CHECK_NAN | 1 << CHECK_INFINITE

const struct check_op check_reduce_thread = {.name = "reduce_thread",
                                             .describe = describe,
                                             .stages =
                                                 VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_FRAGMENT_BIT,
                                             LINE_OPS};
const struct check_op check_reduce_subgroup = {.name = "reduce_subgroup",
                                               .scope = SMELT_SCOPE_SUBGROUP,
                                               .describe = describe,
                                               .stages = VK_SHADER_STAGE_COMPUTE_BIT,
                                               LINE_OPS};
const struct check_op check_reduce_workgroup = {.name = "reduce_workgroup",
                                                .scope = SMELT_SCOPE_WORKGROUP,
                                                .describe = describe,
                                                .stages = VK_SHADER_STAGE_COMPUTE_BIT,
                                                LINE_OPS};
