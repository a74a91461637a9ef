// SPDX-License-Identifier: MIT
// matmul2d with quantised weights at every scope: types of weights and of scales, blocks that divide neither K nor the tile,
// zero points and offsets. At SUBGROUP and WORKGROUP scope an evaluation is a row of the result, at THREAD scope a product.
#include "check.h"

enum { M, N, K, RIGHT, BIAS, ALIGNMENT, BLOCK, SCALE, ZERO };

#define MAX_K 1024

// Names: r transposed right operand, b bias; then block, scale and zero point (p) or offset (o).
static const struct check_shape shapes[] = {
    {"3x5x7r_3_f16", {3, 5, 7, 1, 0, 1, 3, SMELT_SCALE_F16, SMELT_ZERO_NONE}, CHECK_CI},
    {"19x20x67rb_32_f16p", {19, 20, 67, 1, 1, 1, 32, SMELT_SCALE_F16, SMELT_ZERO_POINT}, CHECK_CI},
    {"17x24x64r_32_f16", {17, 24, 64, 1, 0, 8, 32, SMELT_SCALE_F16, SMELT_ZERO_NONE}, CHECK_CI},
    {"33x40x48_20_f32p", {33, 40, 48, 0, 0, 8, 20, SMELT_SCALE_F32, SMELT_ZERO_POINT}, CHECK_CI},
    {"5x18x34b_32_ue8m0", {5, 18, 34, 0, 1, 2, 32, SMELT_SCALE_UE8M0, SMELT_ZERO_NONE}, CHECK_CI},
    {"9x16x64r_64_ue8m0p", {9, 16, 64, 1, 0, 16, 64, SMELT_SCALE_UE8M0, SMELT_ZERO_POINT}, CHECK_CI},
    {"18x12x40r_8_f16o", {18, 12, 40, 1, 0, 4, 8, SMELT_SCALE_F16, SMELT_ZERO_OFFSET}, CHECK_CI},
    {"7x9x50_1024_f32o", {7, 9, 50, 0, 0, 1, 1024, SMELT_SCALE_F32, SMELT_ZERO_OFFSET}, CHECK_CI},
    {"64x129x1000rb_128_f16p", {64, 129, 1000, 1, 1, 8, 128, SMELT_SCALE_F16, SMELT_ZERO_POINT}, CHECK_FULL},
    {"130x136x512_64_f16", {130, 136, 512, 0, 0, 8, 64, SMELT_SCALE_F16, SMELT_ZERO_NONE}, CHECK_FULL},
    {"8x256x1024r_32_ue8m0", {8, 256, 1024, 1, 0, 16, 32, SMELT_SCALE_UE8M0, SMELT_ZERO_NONE}, CHECK_FULL},
};

// At THREAD scope; no alignment, and weights without scales too.
static const struct check_shape thread_shapes[] = {
    {"m1n7k5tb_3_f16", {1, 7, 5, 1, 1, 0, 3, SMELT_SCALE_F16, SMELT_ZERO_NONE}, CHECK_CI},
    {"m2n4k64t_32_f16p", {2, 4, 64, 1, 0, 0, 32, SMELT_SCALE_F16, SMELT_ZERO_POINT}, CHECK_CI},
    {"m1n7k18b_5_f32p", {1, 7, 18, 0, 1, 0, 5, SMELT_SCALE_F32, SMELT_ZERO_POINT}, CHECK_CI},
    {"m4n5k40t_16_ue8m0", {4, 5, 40, 1, 0, 0, 16, SMELT_SCALE_UE8M0, SMELT_ZERO_NONE}, CHECK_CI},
    {"m1n24k10b_4_f16o", {1, 24, 10, 0, 1, 0, 4, SMELT_SCALE_F16, SMELT_ZERO_OFFSET}, CHECK_CI},
    {"m3n5k32t_1_f32o", {3, 5, 32, 1, 0, 0, 1, SMELT_SCALE_F32, SMELT_ZERO_OFFSET}, CHECK_CI},
    {"m1n33k24tb", {1, 33, 24, 1, 1, 0, 0, SMELT_SCALE_NONE, SMELT_ZERO_NONE}, CHECK_CI},
    {"m2n16k9", {2, 16, 9, 0, 0, 0, 0, SMELT_SCALE_NONE, SMELT_ZERO_NONE}, CHECK_CI},
    {"m1n256k512tb_32_f16", {1, 256, 512, 1, 1, 0, 32, SMELT_SCALE_F16, SMELT_ZERO_NONE}, CHECK_FULL},
    {"m4n64k256_128_f16p", {4, 64, 256, 0, 0, 0, 128, SMELT_SCALE_F16, SMELT_ZERO_POINT}, CHECK_FULL},
};

static const struct check_types types[] = {
    {SMELT_DTYPE_I4, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_U4, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_I8, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
    {SMELT_DTYPE_U8, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
};

// Tensors of the block; after the weight come scales, zeros and bias where there are such.
enum { A, B };

static enum smelt_dtype scale_dtype(enum smelt_scale scale)
{
    return scale == SMELT_SCALE_F32   ? SMELT_DTYPE_F32
           : scale == SMELT_SCALE_F16 ? SMELT_DTYPE_F16
                                      : SMELT_DTYPE_U8;
}

// What the descriptors of all scopes have in common.
static void set_op(struct check_case *c, enum smelt_scope scope)
{
    const uint32_t *d = c->shape->d;
    c->matmul2d = (struct smelt_matmul2d_descriptor){.scope = scope,
                                                     .transpose_right = d[RIGHT],
                                                     .bias = d[BIAS],
                                                     .stored = c->types.stored,
                                                     .computed = c->types.computed,
                                                     .accumulated = c->types.accumulated,
                                                     .scale = (enum smelt_scale)d[SCALE],
                                                     .block = d[BLOCK],
                                                     .zero = (enum smelt_zero)d[ZERO],
                                                     .backend = c->backend};
    c->smelt = (struct smelt_op){.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &c->matmul2d};
}

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    enum smelt_scope scope = c->op->scope;
    const uint32_t *d = c->shape->d;
    set_op(c, scope);
    c->matmul2d.alignment = d[ALIGNMENT];
    c->evaluations = d[M];
    c->outputs = d[N];
    c->subgroups_per_workgroup = scope == SMELT_SCOPE_SUBGROUP ? 2 : 1;
    uint32_t blocks = (d[K] + d[BLOCK] - 1) / d[BLOCK];
    uint64_t a[2] = {d[M], d[K]}, addend[2] = {d[M], d[N]}, bias[1] = {d[N]};
    uint64_t b[2] = {d[RIGHT] ? d[N] : d[K], d[RIGHT] ? d[K] : d[N]};
    uint64_t scales[2] = {d[RIGHT] ? d[N] : blocks, d[RIGHT] ? blocks : d[N]};
    check_add(c, CHECK_INPUT, SMELT_DTYPE_F16, 2, a);
    check_add(c, CHECK_WEIGHT, c->types.stored, 2, b)->strides[0] += 16; // rows that do not follow each other
    check_add(c, CHECK_WEIGHT, scale_dtype((enum smelt_scale)d[SCALE]), 2, scales)->strides[0] += 1;
    if (d[ZERO])
        check_add(c, CHECK_WEIGHT,
                  d[ZERO] == SMELT_ZERO_POINT ? c->types.stored : scale_dtype((enum smelt_scale)d[SCALE]), 2,
                  scales)
            ->strides[0] += 1;
    if (d[BIAS])
        check_add(c, CHECK_BIAS, c->types.accumulated, 1, bias);
    check_add(c, CHECK_INPUT, SMELT_DTYPE_F32, 2, addend);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)d[M] * d[N]);
    check_define(c,
                 "#define CHECK_TRANSPOSE_LEFT 0\n#define CHECK_ACCUMULATE 0\n#define CHECK_EPILOGUE 0\n"
                 "#define CHECK_INTEGER 0\n#define CHECK_BIAS %u\n#define CHECK_GROUPS_PER_WORKGROUP %u",
                 d[BIAS], c->subgroups_per_workgroup);
    check_define(c,
                 "#define CHECK_LEFT product_left_f16_2_r_0x0\n#define CHECK_RIGHT product_right\n"
                 "#define CHECK_BIAS_TYPE product_bias_%s_1_r_0\n#define CHECK_ACCUMULATED %s",
                 smelt_dtype_name(c->types.accumulated), check_dtype_macro(c->types.accumulated));
    check_define_backend(c);
}

static void describe_thread(struct check_case *c, uint32_t wanted)
{
    const uint32_t *d = c->shape->d;
    enum smelt_dtype scale = scale_dtype((enum smelt_scale)d[SCALE]);
    set_op(c, SMELT_SCOPE_THREAD);
    c->matmul2d.m = d[M];
    c->matmul2d.n = d[N];
    c->matmul2d.k = d[K];
    c->evaluations = wanted;
    c->outputs = d[M] * d[N];
    uint32_t blocks = d[SCALE] ? (d[K] + d[BLOCK] - 1) / d[BLOCK] : 0;
    uint64_t b[2] = {d[RIGHT] ? d[N] : d[K], d[RIGHT] ? d[K] : d[N]}, bias[1] = {d[N]};
    uint64_t scales[2] = {d[RIGHT] ? d[N] : blocks, d[RIGHT] ? blocks : d[N]};
    bool plain = !d[SCALE] && smelt_dtype_is_float(c->types.stored);
    check_add_floats(c, CHECK_INPUT, c->types.computed, (uint64_t)wanted * d[M] * d[K]);
    check_add_floats(c, CHECK_INPUT, SMELT_DTYPE_F32, 1);
    struct check_tensor *weight = check_add(c, CHECK_WEIGHT, c->types.stored, 2, b);
    if (smelt_dtype_bits(c->types.stored) == 4) // rows are whole bytes
        weight->strides[0] += weight->strides[0] & 1;
    if (d[SCALE])
        check_add(c, CHECK_WEIGHT, scale, 2, scales)->strides[0] += 1;
    if (d[ZERO])
        check_add(c, CHECK_WEIGHT, d[ZERO] == SMELT_ZERO_POINT ? c->types.stored : scale, 2, scales)
            ->strides[0] += 2;
    if (d[BIAS])
        check_add(c, CHECK_BIAS, plain ? c->types.stored : c->types.accumulated, 1, bias);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)wanted * c->outputs);
    check_define(c,
                 "#define CHECK_M %u\n#define CHECK_N %u\n#define CHECK_K %u\n#define CHECK_ACCUMULATE 0\n"
                 "#define CHECK_LEFT_VALUE float",
                 d[M], d[N], d[K]);
}

// Where the weight's tensors begin: at THREAD scope after a and d.
static uint32_t first_weight(const struct check_case *c)
{
    return c->matmul2d.scope == SMELT_SCOPE_THREAD ? B + 1 : B;
}

// Integers take all of their range, LARGEST its ends with zero points at the others; scales differ from each other.
static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    const uint32_t *d = c->shape->d;
    const struct check_tensor *b = &c->tensors[first_weight(c)];
    bool whole = !smelt_dtype_is_float(tensor->dtype), scale = d[SCALE] && tensor == b + 1;
    bool zero = d[ZERO] && tensor == b + 2;
    double least = whole ? check_least(tensor->dtype) : -1,
           largest = whole ? check_largest(tensor->dtype) : 1;
    uint64_t row = tensor == &c->tensors[A] ? d[K] : tensor->shape[tensor->rank - 1];
    for (uint64_t e = 0; e < tensor->count; e++) {
        double value =
            whole ? floor(check_uniform(random, least, largest + 1)) : check_uniform(random, -1, 1);
        if (scale)
            value = d[SCALE] == SMELT_SCALE_UE8M0 ? floor(check_uniform(random, 121, 131))
                                                  : check_uniform(random, 0.01, 0.1) * (e % 3 ? 1 : -1);
        else if (c->kind == CHECK_LARGEST && whole)
            value = (e & 1) != zero ? least : largest;
        else if (c->kind == CHECK_ONE_HOT && tensor == &c->tensors[A])
            value = e % row == (e / row * 7 + 3) % row;
        else if (c->kind == CHECK_ZEROS)
            value = 0;
        tensor->values[e] = value;
    }
}

// A row of products of the terms `a`.
static void reference_row(const struct check_case *c, const double *a, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    const struct check_tensor *weight = &c->tensors[first_weight(c)];
    uint32_t blocks = d[SCALE] ? (d[K] + d[BLOCK] - 1) / d[BLOCK] : 0;
    double u = c->types.accumulated == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-23;
    double terms = c->matmul2d.scope == SMELT_SCOPE_THREAD ? d[K] + 3.0 : 2.0 * d[K] + 8;
    double v = !d[SCALE] ? 0 : c->types.computed == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-22;
    const struct check_numbers numbers = {terms * (1 + terms * u), u, c->types.stored, c->types.computed,
                                          c->types.accumulated};
    for (uint32_t n = 0; n < d[N]; n++) {
        double b[MAX_K], sum = 0, above = 0;
        for (uint32_t k = 0; k < d[K]; k++) {
            double q = weight->values[d[RIGHT] ? (uint64_t)n * d[K] + k : (uint64_t)k * d[N] + n], s = 1,
                   z = 0;
            uint64_t block = d[SCALE] ? k / d[BLOCK] : 0;
            uint64_t at = d[RIGHT] ? (uint64_t)n * blocks + block : block * d[N] + n;
            if (d[SCALE])
                s = d[SCALE] == SMELT_SCALE_UE8M0 ? ldexp(1, (int)weight[1].values[at] - 127)
                                                  : weight[1].values[at];
            if (d[ZERO])
                z = weight[2].values[at];
            b[k] = d[ZERO] == SMELT_ZERO_OFFSET ? s * q + z : (q - z) * s;
            double size = d[ZERO] == SMELT_ZERO_OFFSET ? fabs(s * q) + fabs(z) : fabs(b[k]);
            sum += fabs(a[k]) * size;
            above += fabs(a[k]) * (size - fabs(b[k]));
        }
        double bias = d[BIAS] ? weight[1 + (d[SCALE] != 0) + (d[ZERO] != 0)].values[n] : 0;
        struct check_dot dot = check_reference_dot(&numbers, d[K], a, NULL, b, 1, bias);
        wanted[n] = dot.value;
        bound[n] = dot.bound + numbers.c * u * above + v * (1 + numbers.c * u) * sum;
        if (fabs(wanted[n]) + bound[n] > check_largest(numbers.accumulated))
            bound[n] = INFINITY;
    }
}

static void reference(const struct check_case *c, uint32_t m, double *wanted, double *bound)
{
    reference_row(c, c->tensors[A].values + (uint64_t)m * c->shape->d[K], wanted, bound);
}

static void reference_thread(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    for (uint32_t m = 0; m < d[M]; m++)
        reference_row(c, c->tensors[A].values + ((uint64_t)evaluation * d[M] + m) * d[K], wanted + m * d[N],
                      bound + m * d[N]);
}

static double flops(const struct check_shape *shape)
{
    return 2.0 * shape->d[N] * shape->d[K];
}

static double flops_thread(const struct check_shape *shape)
{
    return flops(shape) * shape->d[M];
}

static void grid(const struct check_case *c, uint32_t groups[3])
{
    const struct smelt_matmul2d_tiling *tiling = &c->info.tiling;
    uint32_t columns = tiling->n * c->subgroups_per_workgroup;
    groups[0] = (c->outputs + columns - 1) / columns;
    groups[1] = (c->evaluations + tiling->m - 1) / tiling->m;
}

// A zero point is an integer.
static bool exists(const struct check_case *row)
{
    return row->shape->d[ZERO] != SMELT_ZERO_POINT || !smelt_dtype_is_float(row->types.stored);
}

#define SCALED_OP                                                                                            \
    .fixture = "matmul2d_group", CHECK_TABLES, .exists = exists, .grid = grid,                               \
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_COOPMAT | 1 << SMELT_BACKEND_COOPMAT2,      \
    .stages = VK_SHADER_STAGE_COMPUTE_BIT,                                                                   \
    .values = 1 << CHECK_RANDOM | 1 << CHECK_ZEROS | 1 << CHECK_LARGEST | 1 << CHECK_ONE_HOT,                \
    .wrong_shape = 1, .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4, .fill = fill, .flops = flops

const struct check_op check_matmul2d_scaled_subgroup = {
    .name = "scaled_subgroup", .scope = SMELT_SCOPE_SUBGROUP, .describe = describe, SCALED_OP};
const struct check_op check_matmul2d_scaled_workgroup = {
    .name = "scaled_workgroup", .scope = SMELT_SCOPE_WORKGROUP, .describe = describe, SCALED_OP};
const struct check_op check_matmul2d_scaled_thread = {
    .name = "scaled_thread",
    .fixture = "matmul2d",
    .shapes = thread_shapes,
    .shape_count = SMELT_COUNT_OF(thread_shapes),
    .types = types,
    .type_count = SMELT_COUNT_OF(types),
    .exists = exists,
    .backends = 1 << SMELT_BACKEND_PORTABLE,
    .stages = VK_SHADER_STAGE_COMPUTE_BIT,
    .values = 1 << CHECK_RANDOM | 1 << CHECK_ZEROS | 1 << CHECK_LARGEST | 1 << CHECK_ONE_HOT,
    .wrong_shape = 1,
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
    .describe = describe_thread,
    .fill = fill,
    .reference = reference_thread,
    .flops = flops_thread,
};
