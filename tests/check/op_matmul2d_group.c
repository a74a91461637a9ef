// SPDX-License-Identifier: MIT
// matmul2d at SUBGROUP and WORKGROUP scope: every transpose, ragged tiles in all three directions, accumulation, bias,
// activation, epilogue and alignment, against sums in double. An evaluation is a row of the result.
#include "check.h"

#include <string.h>

enum { M, N, K, LEFT, RIGHT, ACCUMULATE, BIAS, EPILOGUE, ACTIVATION, ALIGNMENT };

// EPILOGUE: add the addend, or by the place alone: what lies right of the diagonal is -1024.
enum { ADD = 1, CAUSAL };

#define MAX_K 14336

// Names end in l, r: transposed left, right operand; a accumulate; b bias; e epilogue, c a causal mask. Tiles of a software device are
// 32 x 32 x 16 and 16 x 16 x 16, of others 128 x 128 x 32 and 32 x 32 x 32. Alignment 0: rows begin anywhere, and are dense.
static const struct check_shape shapes[] = {
    {"1x1x1", {1, 1, 1, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_CI},
    {"37x53x61rb", {37, 53, 61, 0, 1, 0, 1, 0, SMELT_ACTIVATION_RELU, 0}, CHECK_CI},
    {"31x33x67la", {31, 33, 67, 1, 0, 1, 0, 0, SMELT_ACTIVATION_NONE, 0}, CHECK_CI},
    {"32x32x48lrbe", {32, 32, 48, 1, 1, 0, 1, 1, SMELT_ACTIVATION_GELU, 8}, CHECK_CI},
    {"33x40x40rae", {33, 40, 40, 0, 1, 1, 0, 1, SMELT_ACTIVATION_SILU, 8}, CHECK_CI},
    {"37x45x16rc", {37, 45, 16, 0, 1, 0, 0, CAUSAL, SMELT_ACTIVATION_NONE, 8}, CHECK_CI},
    {"65x12x52b", {65, 12, 52, 0, 0, 0, 1, 0, SMELT_ACTIVATION_TANH, 4}, CHECK_CI},
    {"2x64x2r", {2, 64, 2, 0, 1, 0, 0, 0, SMELT_ACTIVATION_SIGMOID, 2}, CHECK_CI},
    {"127x129x131lr", {127, 129, 131, 1, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 0}, CHECK_FULL},
    {"128x128x128", {128, 128, 128, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 8}, CHECK_FULL},
    {"256x264x512rb", {256, 264, 512, 0, 1, 0, 1, 0, SMELT_ACTIVATION_RELU, 8}, CHECK_FULL},
    {"129x257x1000l", {129, 257, 1000, 1, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_FULL},
    {"8x1024x4096r", {8, 1024, 4096, 0, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 8}, CHECK_FULL},
    {"15x16x15", {15, 16, 15, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 0}, CHECK_FULL},
    {"16x17x16r", {16, 17, 16, 0, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_FULL},
    {"17x15x33lr", {17, 15, 33, 1, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_FULL},
    {"255x256x257", {255, 256, 257, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 0}, CHECK_FULL},
    {"257x255x256la", {257, 255, 256, 1, 0, 1, 0, 0, SMELT_ACTIVATION_NONE, 0}, CHECK_FULL},
    {"509x521x523r", {509, 521, 523, 0, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 0}, CHECK_FULL},
    {"1x1x4099", {1, 1, 4099, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_FULL},
    {"64x64x0b", {64, 64, 0, 0, 0, 0, 1, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_CI},
    {"0x5x3", {0, 5, 3, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_CI},
    {"5x0x3r", {5, 0, 3, 0, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_CI},
    // Weights of a language model: 4096 rows of 14336 terms, for few columns and for many.
    {"4096x1x14336", {4096, 1, 14336, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_FULL},
    {"4096x2x14336", {4096, 2, 14336, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 2}, CHECK_FULL},
    {"4096x3x14336r", {4096, 3, 14336, 0, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 8}, CHECK_FULL},
    {"4096x4x14336", {4096, 4, 14336, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 4}, CHECK_FULL},
    {"4096x5x14336r", {4096, 5, 14336, 0, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 8}, CHECK_FULL},
    {"4096x6x14336", {4096, 6, 14336, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 2}, CHECK_FULL},
    {"4096x7x14336r", {4096, 7, 14336, 0, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 8}, CHECK_FULL},
    {"4096x8x14336", {4096, 8, 14336, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 8}, CHECK_FULL},
    {"4096x512x14336r", {4096, 512, 14336, 0, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 8}, CHECK_FULL},
};

static const struct check_types types[] = {
    {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
    {SMELT_DTYPE_BF16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_BF16, SMELT_DTYPE_BF16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F16},
    {SMELT_DTYPE_F8E5M2, SMELT_DTYPE_F8E5M2, SMELT_DTYPE_F32},
};

// The types that products of bf16 and f8 have exactly.
static enum smelt_dtype product_type(enum smelt_dtype computed)
{
    return computed == SMELT_DTYPE_BF16                                       ? SMELT_DTYPE_F32
           : computed == SMELT_DTYPE_F8E4M3 || computed == SMELT_DTYPE_F8E5M2 ? SMELT_DTYPE_F16
                                                                              : computed;
}

// Tensors of the block, in order; the bias only when there is one.
enum { A, B };

static bool is_rounded(enum smelt_dtype stored)
{
    return stored == SMELT_DTYPE_F32 || stored == SMELT_DTYPE_BF16;
}

// Rows of f32 and bf16 that are multiplied in f16.
static bool relaxes(const struct check_case *c)
{
    return c->types.computed == SMELT_DTYPE_F16 && (is_rounded(c->types.stored) || is_rounded(c->left));
}

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    enum smelt_scope scope = c->op->scope;
    const uint32_t *d = c->shape->d;
    c->matmul2d = (struct smelt_matmul2d_descriptor){.scope = scope,
                                                     .k = 0,
                                                     .transpose_left = d[LEFT],
                                                     .transpose_right = d[RIGHT],
                                                     .accumulate = d[ACCUMULATE],
                                                     .bias = d[BIAS],
                                                     .epilogue = d[EPILOGUE] != 0,
                                                     .activation = (enum smelt_activation)d[ACTIVATION],
                                                     .stored = c->types.stored,
                                                     .stored_left = c->left,
                                                     .relaxed = relaxes(c),
                                                     .computed = c->types.computed,
                                                     .accumulated = c->types.accumulated,
                                                     .alignment = d[ALIGNMENT],
                                                     .dense = !d[ALIGNMENT],
                                                     .backend = c->backend};
    c->smelt = (struct smelt_op){.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &c->matmul2d};
    c->evaluations = d[M];
    c->outputs = d[N];
    c->subgroups_per_workgroup = scope == SMELT_SCOPE_SUBGROUP ? 2 : 1;
    uint64_t a[2] = {d[LEFT] ? d[K] : d[M], d[LEFT] ? d[M] : d[K]}, bias[1] = {d[N]};
    uint64_t b[2] = {d[RIGHT] ? d[N] : d[K], d[RIGHT] ? d[K] : d[N]}, addend[2] = {d[M], d[N]};
    enum smelt_dtype left = c->left ? c->left : c->types.stored;
    check_add(c, CHECK_INPUT, left, 2, a);
    struct check_tensor *right = check_add(c, CHECK_WEIGHT, c->types.stored, 2, b);
    right->strides[0] += 8; // rows that do not follow each other
    if (d[BIAS])
        check_add(c, CHECK_BIAS, c->types.stored, 1, bias);
    check_add(c, CHECK_INPUT, SMELT_DTYPE_F32, 2, addend)->rounded = c->types.accumulated;
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)d[M] * d[N]);
    const char *stored = smelt_dtype_name(c->types.stored);
    check_define(c, "#define CHECK_TRANSPOSE_LEFT %u\n#define CHECK_ACCUMULATE %u\n#define CHECK_BIAS %u",
                 d[LEFT], d[ACCUMULATE], d[BIAS]);
    check_define(c, "#define CHECK_INTEGER 0");
    check_define(c, "#define CHECK_EPILOGUE %u\n#define CHECK_GROUPS_PER_WORKGROUP %u", d[EPILOGUE],
                 c->subgroups_per_workgroup);
    check_define(c,
                 "#define CHECK_LEFT product_left_%s_2_r_0x0\n#define CHECK_RIGHT product_right_%s_2_r_0x0\n"
                 "#define CHECK_BIAS_TYPE product_bias_%s_1_r_0",
                 smelt_dtype_name(left), stored, stored);
    check_define(c, "#define CHECK_ACCUMULATED %s", check_dtype_macro(c->types.accumulated));
    check_define_backend(c);
}

static void reference(const struct check_case *c, uint32_t m, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    // The bound of this K, where the op itself takes any.
    double u = c->info.error_u, terms = 2.0 * d[K] + 8;
    const struct check_numbers numbers = {terms * (1 + terms * u), u, c->types.stored,
                                          product_type(c->types.computed), c->types.accumulated};
    const double *a = c->tensors[A].values, *b = c->tensors[B].values;
    const double *addend = c->tensors[B + 1 + d[BIAS]].values + (uint64_t)m * d[N];
    double x[MAX_K];
    for (uint32_t k = 0; k < d[K]; k++)
        x[k] = d[LEFT] ? a[(uint64_t)k * d[M] + m] : a[(uint64_t)m * d[K] + k];
    for (uint32_t n = 0; n < d[N]; n++) {
        double bias = d[BIAS] ? c->tensors[B + 1].values[n] : 0;
        double before = d[ACCUMULATE] ? addend[n] : 0, after = d[EPILOGUE] == ADD ? addend[n] : 0;
        struct check_dot dot = check_reference_dot(
            &numbers, d[K], x, NULL, d[RIGHT] ? b + (uint64_t)n * d[K] : b + n, d[RIGHT] ? 1 : d[N], bias);
        if (relaxes(c)) { // the rounding of an operand, which the references do not have
            double w = (is_rounded(c->left) ? 0x1p-10 : 0) + (is_rounded(c->types.stored) ? 0x1p-10 : 0),
                   size = 0;
            for (uint32_t k = 0; k < d[K]; k++)
                size += fabs(x[k] * b[d[RIGHT] ? (uint64_t)n * d[K] + k : (uint64_t)k * d[N] + n]);
            dot.bound += (w + 0x1p-20) * (1 + numbers.c * u) * size;
        }
        dot.value += before;
        dot.bound += numbers.c * u * fabs(before) + check_flushed(numbers.accumulated, before);
        double value = check_reference_activation(c->matmul2d.activation, dot.value);
        double off = check_activation_bound(c->matmul2d.activation, c->backend, numbers.accumulated,
                                            dot.value, dot.bound);
        wanted[n] = value + after;
        bound[n] = off;
        if (d[EPILOGUE] == ADD)
            bound[n] += u * (fabs(value) + off + fabs(after)) + check_flushed(numbers.accumulated, after);
        if (d[EPILOGUE] == CAUSAL && n > m) {
            wanted[n] = -1024;
            bound[n] = 0;
        }
        if (fabs(wanted[n]) + bound[n] > check_largest(numbers.accumulated))
            bound[n] = INFINITY;
    }
}

static double flops(const struct check_shape *shape)
{
    return 2.0 * shape->d[N] * shape->d[K];
}

// A group for each tile of the result; at SUBGROUP scope several of them share a workgroup.
static void grid(const struct check_case *c, uint32_t groups[3])
{
    const struct smelt_matmul2d_tiling *tiling = &c->info.tiling;
    uint32_t columns = tiling->n * c->subgroups_per_workgroup;
    groups[0] = (c->outputs + columns - 1) / columns;
    groups[1] = (c->evaluations + tiling->m - 1) / tiling->m;
}

// Of the largest shapes only what is multiplied in f16 with a bound below the results: the host makes the operands.
static bool exists(const struct check_case *row)
{
    const uint32_t *d = row->shape->d;
    // PORTABLE multiplies bf16 and f8 in other types, which have rows of their own: a single one is enough.
    if (row->backend == SMELT_BACKEND_PORTABLE && row->types.computed != product_type(row->types.computed) &&
        (d[M] != 33 || d[N] != 40))
        return false;
    // A mask does not depend on what is multiplied.
    if (d[EPILOGUE] == CAUSAL &&
        (row->types.stored != SMELT_DTYPE_F16 || row->types.accumulated != SMELT_DTYPE_F32))
        return false;
    return (uint64_t)d[M] * d[K] <= 1 << 22 ||
           (row->types.stored == SMELT_DTYPE_F16 && row->types.accumulated == SMELT_DTYPE_F32);
}

#define GROUP_OP                                                                                             \
    .fixture = "matmul2d_group", CHECK_TABLES, .exists = exists, .grid = grid,                               \
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_COOPMAT | 1 << SMELT_BACKEND_COOPMAT2,      \
    .stages = VK_SHADER_STAGE_COMPUTE_BIT, .values = CHECK_FINITE_VALUES, .wrong_shape = 1,                  \
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4, .flops = flops

const struct check_op check_matmul2d_subgroup = {
    .name = "matmul2d_subgroup", .scope = SMELT_SCOPE_SUBGROUP, .describe = describe, GROUP_OP};
const struct check_op check_matmul2d_workgroup = {
    .name = "matmul2d_workgroup", .scope = SMELT_SCOPE_WORKGROUP, .describe = describe, GROUP_OP};

// --- The types of Metal's matmul2d that are not rows above --------------------------------------------------

static const struct check_shape mixed_shapes[] = {
    {"17x24x40r", {17, 24, 40, 0, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 8}, CHECK_CI},
};

static const enum smelt_dtype mixed_lefts[] = {
    SMELT_DTYPE_F16,  SMELT_DTYPE_F16,  SMELT_DTYPE_I8,   SMELT_DTYPE_U8,   SMELT_DTYPE_F16,
    SMELT_DTYPE_F32,  SMELT_DTYPE_F32,  SMELT_DTYPE_F32,  SMELT_DTYPE_I8,   SMELT_DTYPE_U8,
    SMELT_DTYPE_BF16, SMELT_DTYPE_F32,  SMELT_DTYPE_BF16, SMELT_DTYPE_U8,   SMELT_DTYPE_BF16,
    SMELT_DTYPE_F16,  SMELT_DTYPE_F16,  SMELT_DTYPE_F16,  SMELT_DTYPE_BF16, SMELT_DTYPE_F16,
    SMELT_DTYPE_F16,  SMELT_DTYPE_BF16, SMELT_DTYPE_I8,   SMELT_DTYPE_F32,  SMELT_DTYPE_F16,
};
static const struct check_types mixed_types[] = {
    {SMELT_DTYPE_I8, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
    {SMELT_DTYPE_U8, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
    {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_I8, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_U8, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_BF16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_I8, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_BF16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_BF16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_I4, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
    {SMELT_DTYPE_U4, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_U4, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
    {SMELT_DTYPE_F8E5M2, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_I4, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_BF16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F32, SMELT_DTYPE_F16, SMELT_DTYPE_F32}, // relaxed
    {SMELT_DTYPE_BF16, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
};

const struct check_op check_matmul2d_mixed = {
    .name = "matmul2d_mixed",
    .fixture = "matmul2d_group",
    .scope = SMELT_SCOPE_WORKGROUP,
    .shapes = mixed_shapes,
    .shape_count = SMELT_COUNT_OF(mixed_shapes),
    .types = mixed_types,
    .type_count = SMELT_COUNT_OF(mixed_types),
    .lefts = mixed_lefts,
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_COOPMAT | 1 << SMELT_BACKEND_COOPMAT2,
    .stages = VK_SHADER_STAGE_COMPUTE_BIT,
    .values = 1 << CHECK_RANDOM | 1 << CHECK_ONE_HOT,
    .describe = describe,
    .reference = reference,
    .grid = grid,
    .flops = flops,
};
