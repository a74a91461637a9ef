// SPDX-License-Identifier: MIT
// Cooperative tensors: load, map with places (the identity outside), every reduction along rows and columns, the way back
// to the elements, and a softmax made of them, at SUBGROUP and WORKGROUP scope. An evaluation is a row of the matrix.
#include "check.h"

#include <stdio.h>

enum { AXIS, REDUCTION, SOFTMAX, SUBGROUPS_M, SUBGROUPS_N, COLUMNS };
enum {
    SUM = 1,
    PRODUCT,
    MAX,
    MIN,
    MEAN,
    ARG_MAX,
    ARG_MIN,
    SUM_SQUARES,
    LOG_SUM_EXP
}; // of glsl/smelt/reduce.glsl

// Of the tile: a quarter at SUBGROUP scope.
#define ROWS 32
#define OUTSIDE_ROWS 3 // of the tile
#define OUTSIDE_COLUMNS 5

// The subgroups are those at WORKGROUP scope.
static const struct check_shape shapes[] = {
    {"sum of rows", {1, SUM, 0, 2, 2, 32}, CHECK_CI},
    {"sum of columns", {0, SUM, 0, 1, 2, 32}, CHECK_CI},
    {"product of columns", {0, PRODUCT, 0, 2, 1, 32}, CHECK_CI},
    {"max of rows", {1, MAX, 0, 1, 2, 32}, CHECK_CI},
    {"min of columns", {0, MIN, 0, 2, 2, 32}, CHECK_CI},
    {"argmax of columns", {0, ARG_MAX, 0, 2, 2, 32}, CHECK_CI},
    {"argmin of rows", {1, ARG_MIN, 0, 1, 2, 32}, CHECK_CI},
    {"mean of rows", {1, MEAN, 0, 1, 2, 32}, CHECK_CI},
    {"mean of columns", {0, MEAN, 0, 2, 2, 32}, CHECK_FULL},
    {"sum of squares of columns", {0, SUM_SQUARES, 0, 2, 1, 32}, CHECK_CI},
    {"sum of squares of rows", {1, SUM_SQUARES, 0, 1, 2, 32}, CHECK_FULL},
    {"logsumexp of rows", {1, LOG_SUM_EXP, 0, 2, 2, 32}, CHECK_CI},
    {"logsumexp of columns", {0, LOG_SUM_EXP, 0, 2, 1, 32}, CHECK_FULL},
    {"softmax of rows", {1, MAX, 1, 2, 1, 64}, CHECK_CI},
    {"softmax of columns", {0, MAX, 1, 1, 2, 64}, CHECK_FULL},
};

static const struct check_types types[] = {
    {SMELT_DTYPE_F32, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
};

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    enum smelt_scope scope = c->op->scope;
    static const char *const outside[] = {"",    "0.0",  "1.0", "-1e4", "1e4",
                                          "0.0", "-1e4", "1e4", "0.0",  "uintBitsToFloat(0xff800000u)"};
    const uint32_t *d = c->shape->d;
    uint32_t groups = scope == SMELT_SCOPE_SUBGROUP ? 2 : 1, rows = ROWS / groups;
    uint32_t columns = d[COLUMNS] / groups;
    c->evaluations = rows - OUTSIDE_ROWS;
    c->outputs = groups * columns - OUTSIDE_COLUMNS;
    c->subgroups_per_workgroup = groups;
    c->matmul2d = (struct smelt_matmul2d_descriptor){.scope = scope,
                                                     .m = rows,
                                                     .n = columns,
                                                     .tile_k = 16,
                                                     .subgroups_m = groups == 1 ? d[SUBGROUPS_M] : 0,
                                                     .subgroups_n = groups == 1 ? d[SUBGROUPS_N] : 0,
                                                     .accumulated = c->types.accumulated};
    uint64_t shape[2] = {c->evaluations, c->outputs};
    check_add(c, CHECK_INPUT, c->types.stored, 2, shape);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, shape[0] * shape[1]);
    check_define(c, "#define CHECK_AXIS %u\n#define CHECK_REDUCTION %u\n#define CHECK_SOFTMAX %u", d[AXIS],
                 d[REDUCTION], d[SOFTMAX]);
    check_define(c, "#define CHECK_OUTSIDE %s\n#define CHECK_ROWS %u\n#define CHECK_COLUMNS %u",
                 outside[d[REDUCTION]], rows, columns);
    check_define(c, "#define CHECK_INPUT input_%s_2_r_0x0\n#define CHECK_TILES %u\n#define CHECK_DTYPE %s",
                 smelt_dtype_name(c->types.stored), groups, check_dtype_macro(c->types.stored));
    check_define(c, "#define CHECK_SCOPE %s", groups == 1 ? "SMELT_SCOPE_WORKGROUP" : "SMELT_SCOPE_SUBGROUP");
}

// The fragments are those that a product with this tile would have.
static bool eligible(smelt_context context, struct check_case *c, char what[200])
{
    struct smelt_op op = {.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &c->matmul2d};
    struct smelt_op_info portable;
    c->matmul2d.backend = SMELT_BACKEND_PORTABLE;
    enum smelt_result result = smelt_op_query(context, &op, c->stage, &portable);
    c->matmul2d.backend = c->backend;
    if (result || smelt_op_query(context, &op, c->stage, &c->info)) {
        snprintf(what, 200, "%s", smelt_last_error());
        return false;
    }
    const struct smelt_matmul2d_tiling *t = &c->info.tiling, *p = &portable.tiling;
    check_define(c,
                 "#define CHECK_SUBGROUP_SIZE %u\n#define CHECK_SUBGROUPS_M %u\n#define CHECK_SUBGROUPS_N %u",
                 t->subgroup_size, t->subgroups_m, t->subgroups_n);
    check_define(c, "#define CHECK_MATRIX_M %u\n#define CHECK_MATRIX_N %u\n#define CHECK_MATRIX_K %u",
                 t->fragment_m, t->fragment_n, t->fragment_k);
    check_define(c, "#define CHECK_PORTABLE_M %u\n#define CHECK_PORTABLE_N %u", p->fragment_m, p->fragment_n);
    return true;
}

static void grid(const struct check_case *c, uint32_t groups[3])
{
    (void)c;
    groups[0] = groups[1] = groups[2] = 1;
}

// Products stay in range, extremes are found once, sums have signs, and exponentials need their maximum. With infinities a
// whole line is -infinity.
static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    const uint32_t *d = c->shape->d;
    bool negative = c->kind == CHECK_NEGATIVE;
    double shift = (negative ? -1 : 1) * (tensor->dtype == SMELT_DTYPE_F16 ? 15 : 100);
    for (uint64_t i = 0; i < tensor->count; i++) {
        double v = check_uniform(random, negative ? -2 : -1, negative ? -0.5 : 1);
        if (d[REDUCTION] == PRODUCT)
            v = (negative ? -1 : 1) * exp2(v * 0.25);
        if (d[REDUCTION] == LOG_SUM_EXP)
            v = 4 * v + shift;
        bool special = c->kind >= CHECK_NAN && check_random(random) % 64 == 0;
        if (special)
            v = c->kind == CHECK_NAN ? NAN : check_random(random) & 1 ? INFINITY : -INFINITY;
        if (c->kind == CHECK_INFINITE && d[REDUCTION] == LOG_SUM_EXP &&
            (d[AXIS] ? i / c->outputs : i % c->outputs) == 1)
            v = -INFINITY;
        tensor->values[i] = v;
    }
}

static double both(uint32_t reduction, double a, double b)
{
    switch (reduction) {
    case SUM:
    case MEAN:
    case SUM_SQUARES:
        return a + b;
    case PRODUCT:
        return a * b;
    case MAX:
    case LOG_SUM_EXP: // its maximum
    case ARG_MAX:     // a NaN is greatest and least
        return isnan(a) || isnan(b) ? NAN : fmax(a, b);
    default:
        return isnan(a) || isnan(b) ? NAN : fmin(a, b);
    }
}

// Element `at` of the line that (row, column) lies in; false: there is none.
static bool element(const struct check_case *c, uint32_t row, uint32_t column, uint32_t at, double *v)
{
    const uint32_t *d = c->shape->d;
    uint32_t columns = c->matmul2d.n;
    uint32_t r = d[AXIS] ? row : at, k = d[AXIS] ? column / columns * columns + at : column;
    if (r >= c->evaluations || k >= c->outputs || (d[AXIS] && at >= columns))
        return false;
    *v = c->tensors[0].values[(uint64_t)r * c->outputs + k];
    return true;
}

// What a line comes to.
struct line {
    double total, absolute, exps, gap, gaps; // exps of x - total; max of total - x and its mean by exps
    uint32_t n, place;                       // of the extreme
};

static struct line line_of(const struct check_case *c, uint32_t row, uint32_t column)
{
    uint32_t reduction = c->shape->d[REDUCTION];
    struct line l = {0};
    double v = 0;
    for (; element(c, row, column, l.n, &v); l.n++) {
        double before = l.total;
        if (reduction == SUM_SQUARES)
            v *= v;
        l.total = l.n ? both(reduction, l.total, v) : v;
        bool changed = isnan(l.total) ? !isnan(before) : l.total != before;
        l.place = changed || l.n == 0 ? l.n : l.place;
        l.absolute += fabs(v);
    }
    for (uint32_t at = 0; element(c, row, column, at, &v); at++) {
        l.exps += exp(v - l.total);
        l.gap = fmax(l.gap, l.total - v);
        l.gaps += isfinite(v) ? exp(v - l.total) * (l.total - v) : 0;
    }
    l.gaps /= l.exps;
    return l;
}

// cooperative_reduce_tmpl.glsl
static void reference_of_line(const struct check_case *c, const struct line *l, double *wanted, double *bound)
{
    double u = c->types.stored == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-23;
    double n = c->shape->d[AXIS] ? c->matmul2d.n : c->matmul2d.m,
           tiny = check_smallest_normal(c->types.stored);
    *wanted = l->total;
    *bound = 0;
    switch (c->shape->d[REDUCTION]) {
    case SUM:
        *bound = n * u * l->absolute;
        break;
    case PRODUCT:
        *bound = n * u * fabs(l->total);
        break;
    case MEAN:
        *wanted = l->total / l->n;
        *bound = (n + 4) * u * l->absolute / l->n + tiny;
        break;
    case SUM_SQUARES:
        *bound = (n + 1) * u * l->total + n * tiny;
        break;
    case LOG_SUM_EXP:
        if (isfinite(l->total))
            *wanted = l->total + log(l->exps);
        *bound = (3 * n + 8 + 2 * fabs(*wanted) + 3 * l->gaps) * u;
        break;
    case ARG_MAX:
    case ARG_MIN:
        *wanted = l->place;
        break;
    default:
        break;
    }
    if (!isfinite(*wanted)) // exactly so
        *bound = 0;
}

static void reference(const struct check_case *c, uint32_t row, double *wanted, double *bound)
{
    double u = c->types.stored == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-23;
    for (uint32_t column = 0; column < c->outputs; column++) {
        struct line l = line_of(c, row, column);
        if (!c->shape->d[SOFTMAX]) {
            reference_of_line(c, &l, &wanted[column], &bound[column]);
            continue;
        }
        // exp (3 + 2 |x|) 2^-23 of a difference rounded once, a rounding to u each, the sum, the quotient (2.5 ulp) and
        // its rounding
        double lines = c->shape->d[AXIS] ? c->matmul2d.n : c->matmul2d.m;
        wanted[column] = exp(c->tensors[0].values[(uint64_t)row * c->outputs + column] - l.total) / l.exps;
        bound[column] = wanted[column] * ((lines + 5 + l.gap) * u + (12 + 6 * l.gap) * 0x1p-23) +
                        check_smallest_normal(c->types.stored);
    }
}

#define COOPERATIVE_OP                                                                                       \
    .fixture = "cooperative", CHECK_TABLES, .eligible = eligible, .grid = grid, .fill = fill,                \
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_COOPMAT | 1 << SMELT_BACKEND_COOPMAT2,      \
    .stages = VK_SHADER_STAGE_COMPUTE_BIT,                                                                   \
    .values = 1 << CHECK_RANDOM | 1 << CHECK_NEGATIVE | 1 << CHECK_NAN | 1 << CHECK_INFINITE,                \
    .wrong = 1 << 1 | 1 << 4

const struct check_op check_cooperative_subgroup = {
    .name = "cooperative_subgroup", .scope = SMELT_SCOPE_SUBGROUP, .describe = describe, COOPERATIVE_OP};
const struct check_op check_cooperative_workgroup = {
    .name = "cooperative_workgroup", .scope = SMELT_SCOPE_WORKGROUP, .describe = describe, COOPERATIVE_OP};

// --- A chain of two products ------------------------------------------------------------------------------

enum { TRANSPOSE_RIGHT, CHAIN_SUBGROUPS_M, CHAIN_SUBGROUPS_N, M, N, K1, K2 };

// COOPMAT2 keeps the left operand in registers where SUBGROUPS_N is 1; else, as COOPMAT and PORTABLE, in the scratch.
static const struct check_shape chain_shapes[] = {
    {"32x32 on 2x1", {0, 2, 1, 32, 32, 16, 32}, CHECK_CI},
    {"29x31 on 1x2 t", {1, 1, 2, 29, 31, 16, 32}, CHECK_CI},
    {"32x27 on 2x2", {0, 2, 2, 32, 27, 14, 25}, CHECK_FULL},
};

static const struct check_types chain_types[] = {{SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F32}};

static void describe_chain(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    const uint32_t *d = c->shape->d;
    bool t = d[TRANSPOSE_RIGHT];
    c->evaluations = d[M];
    c->outputs = d[N];
    c->matmul2d = (struct smelt_matmul2d_descriptor){.scope = SMELT_SCOPE_WORKGROUP,
                                                     .m = 32,
                                                     .n = 32,
                                                     .tile_k = 16,
                                                     .subgroups_m = d[CHAIN_SUBGROUPS_M],
                                                     .subgroups_n = d[CHAIN_SUBGROUPS_N],
                                                     .accumulated = c->types.accumulated};
    uint64_t a[2] = {d[M], d[K1]}, b[2] = {t ? d[K2] : d[K1], t ? d[K1] : d[K2]};
    uint64_t right[2] = {t ? d[N] : d[K2], t ? d[K2] : d[N]};
    check_add(c, CHECK_INPUT, SMELT_DTYPE_F16, 2, a);
    check_add(c, CHECK_WEIGHT, SMELT_DTYPE_F16, 2, b);
    check_add(c, CHECK_WEIGHT, SMELT_DTYPE_F16, 2, right);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)d[M] * d[N]);
    check_define(c, "#define CHECK_TRANSPOSE_RIGHT %u", d[TRANSPOSE_RIGHT]);
}

static void fill_chain(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    for (uint64_t i = 0; i < tensor->count; i++)
        tensor->values[i] = check_uniform(random, -1, c->kind == CHECK_NEGATIVE ? -0.01 : 1);
}

// Element (k, n) of a right operand, which is stored [n][k] when it is transposed.
static double right_at(const struct check_case *c, uint32_t tensor, uint32_t k, uint32_t n)
{
    const struct check_tensor *t = &c->tensors[tensor];
    return t->values[c->shape->d[TRANSPOSE_RIGHT] ? n * t->shape[1] + k : k * t->shape[1] + n];
}

static void chain_reference(const struct check_case *c, uint32_t row, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    double u = 0x1p-23, c1 = 2.0 * d[K1] + 8, c2 = 2.0 * d[K2] + 8;
    for (uint32_t n = 0; n < d[N]; n++) {
        wanted[n] = bound[n] = 0;
        for (uint32_t j = 0; j < d[K2]; j++) {
            double sum = 0, size = 0, right = right_at(c, 2, j, n);
            for (uint32_t k = 0; k < d[K1]; k++) {
                double term = c->tensors[0].values[(uint64_t)row * d[K1] + k] * right_at(c, 1, k, j);
                sum += term;
                size += fabs(term);
            }
            // the first product's error, one rounding to f16, the second product's error
            double off = c1 * (1 + c1 * u) * u * size;
            off += 0x1p-10 * (fabs(sum) + off) + 0x1p-24;
            wanted[n] += sum * right;
            bound[n] += off * fabs(right) + c2 * (1 + c2 * u) * u * (fabs(sum) + off) * fabs(right);
        }
    }
}

const struct check_op check_chain = {
    .name = "chain",
    .fixture = "chain",
    .scope = SMELT_SCOPE_WORKGROUP,
    .shapes = chain_shapes,
    .shape_count = SMELT_COUNT_OF(chain_shapes),
    .types = chain_types,
    .type_count = SMELT_COUNT_OF(chain_types),
    .describe = describe_chain,
    .eligible = eligible,
    .grid = grid,
    .fill = fill_chain,
    .reference = chain_reference,
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_COOPMAT | 1 << SMELT_BACKEND_COOPMAT2,
    .stages = VK_SHADER_STAGE_COMPUTE_BIT,
    .values = 1 << CHECK_RANDOM | 1 << CHECK_NEGATIVE,
    .wrong = 1 << 1 | 1 << 4,
};
