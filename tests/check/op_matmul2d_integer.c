// SPDX-License-Identifier: MIT
// matmul2d of 8 bit integers and of 4 bit weights at every scope: signs in all mixes, transposes, ragged tiles, sums beyond
// 32 bits, exactly. At SUBGROUP and WORKGROUP scope an evaluation is a row of the result, at THREAD scope a product.
#include "check.h"

enum { M, N, K, LEFT, RIGHT, ACCUMULATE, BIAS, EPILOGUE, ACTIVATION, ALIGNMENT, ZERO_POINTS };

// Names as in op_matmul2d_group.c.
static const struct check_shape shapes[] = {
    {"1x1x1", {1, 1, 1, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_CI},
    {"19x37x75rb", {19, 37, 75, 0, 1, 0, 1, 0, SMELT_ACTIVATION_RELU, 0}, CHECK_CI},
    {"31x33x83la", {31, 33, 83, 1, 0, 1, 0, 0, SMELT_ACTIVATION_NONE, 0}, CHECK_CI},
    {"32x32x48lrbe", {32, 32, 48, 1, 1, 0, 1, 1, SMELT_ACTIVATION_NONE, 16}, CHECK_CI},
    {"17x20x36be", {17, 20, 36, 0, 0, 0, 1, 1, SMELT_ACTIVATION_RELU, 4}, CHECK_CI},
    {"33x40x40ra", {33, 40, 40, 0, 1, 1, 0, 0, SMELT_ACTIVATION_NONE, 8}, CHECK_CI},
    {"3x6x34", {3, 6, 34, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 2}, CHECK_CI},
    {"5x3x0b", {5, 3, 0, 0, 0, 0, 1, 0, SMELT_ACTIVATION_NONE, 1}, CHECK_CI},
    {"19x37x75rbz", {19, 37, 75, 0, 1, 0, 1, 0, SMELT_ACTIVATION_RELU, 0, 1}, CHECK_CI},
    {"33x40x70laz", {33, 40, 70, 1, 0, 1, 0, 0, SMELT_ACTIVATION_NONE, 1, 1}, CHECK_CI},
    {"124x129x200lrz", {124, 129, 200, 1, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 4, 1}, CHECK_FULL},
    {"127x129x131lr", {127, 129, 131, 1, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 0}, CHECK_FULL},
    {"256x272x512rb", {256, 272, 512, 0, 1, 0, 1, 0, SMELT_ACTIVATION_RELU, 16}, CHECK_FULL},
    {"256x256x1024", {256, 256, 1024, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE, 16}, CHECK_FULL},
    {"1x16x140000r", {1, 16, 140000, 0, 1, 0, 0, 0, SMELT_ACTIVATION_NONE, 16}, CHECK_FULL},
};

// At THREAD scope; no left transposed, no epilogue, no alignment.
static const struct check_shape thread_shapes[] = {
    {"m1n1k1", {1, 1, 1, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE}, CHECK_CI},
    {"m1n7k5tb", {1, 7, 5, 0, 1, 0, 1, 0, SMELT_ACTIVATION_RELU}, CHECK_CI},
    {"m2n8k16ta", {2, 8, 16, 0, 1, 1, 0, 0, SMELT_ACTIVATION_NONE}, CHECK_CI},
    {"m3n12k9b", {3, 12, 9, 0, 0, 0, 1, 0, SMELT_ACTIVATION_NONE}, CHECK_CI},
    {"m4n6k7a", {4, 6, 7, 0, 0, 1, 0, 0, SMELT_ACTIVATION_RELU}, CHECK_CI},
    {"m1n5k132tb", {1, 5, 132, 0, 1, 0, 1, 0, SMELT_ACTIVATION_NONE}, CHECK_CI},
    {"m4n128k256tb", {4, 128, 256, 0, 1, 0, 1, 0, SMELT_ACTIVATION_NONE}, CHECK_FULL},
    {"m1n1024k1024", {1, 1024, 1024, 0, 0, 0, 0, 0, SMELT_ACTIVATION_NONE}, CHECK_FULL},
};

static const struct check_types types[] = {
    {SMELT_DTYPE_I8, SMELT_DTYPE_I8, SMELT_DTYPE_I32}, {SMELT_DTYPE_U8, SMELT_DTYPE_I8, SMELT_DTYPE_I32},
    {SMELT_DTYPE_I8, SMELT_DTYPE_I8, SMELT_DTYPE_I32}, {SMELT_DTYPE_U8, SMELT_DTYPE_I8, SMELT_DTYPE_I32},
    {SMELT_DTYPE_I4, SMELT_DTYPE_I8, SMELT_DTYPE_I32}, {SMELT_DTYPE_U4, SMELT_DTYPE_I8, SMELT_DTYPE_I32},
    {SMELT_DTYPE_I4, SMELT_DTYPE_I8, SMELT_DTYPE_I32}, {SMELT_DTYPE_U4, SMELT_DTYPE_I8, SMELT_DTYPE_I32},
};
static const enum smelt_dtype lefts[] = {SMELT_DTYPE_I8, SMELT_DTYPE_U8, SMELT_DTYPE_U8, SMELT_DTYPE_I8,
                                         SMELT_DTYPE_I8, SMELT_DTYPE_U8, SMELT_DTYPE_U8, SMELT_DTYPE_I8};

// Tensors of the block, in order; the bias only when there is one.
enum { A, B };

// Those of the fixture: at the ends of the types, different ones for neighbouring columns.
static int zero_of_left(const struct check_case *c)
{
    return c->left == SMELT_DTYPE_I8 ? 127 : 255;
}

static int zero_of_right(const struct check_case *c, uint32_t column)
{
    return (int)check_least(c->types.stored) + (int)(column % 4);
}

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    enum smelt_scope scope = c->op->scope;
    const uint32_t *d = c->shape->d;
    c->matmul2d = (struct smelt_matmul2d_descriptor){.scope = scope,
                                                     .transpose_left = d[LEFT],
                                                     .transpose_right = d[RIGHT],
                                                     .accumulate = d[ACCUMULATE],
                                                     .bias = d[BIAS],
                                                     .epilogue = d[EPILOGUE],
                                                     .activation = (enum smelt_activation)d[ACTIVATION],
                                                     .stored = c->types.stored,
                                                     .stored_left = c->left,
                                                     .alignment = d[ALIGNMENT],
                                                     .dense = !d[ALIGNMENT],
                                                     .zero_points = d[ZERO_POINTS],
                                                     .backend = c->backend};
    c->smelt = (struct smelt_op){.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &c->matmul2d};
    c->evaluations = d[M];
    c->outputs = d[N];
    c->subgroups_per_workgroup = scope == SMELT_SCOPE_SUBGROUP ? 2 : 1;
    uint64_t a[2] = {d[LEFT] ? d[K] : d[M], d[LEFT] ? d[M] : d[K]}, bias[1] = {d[N]};
    uint64_t b[2] = {d[RIGHT] ? d[N] : d[K], d[RIGHT] ? d[K] : d[N]}, addend[2] = {d[M], d[N]};
    check_add(c, CHECK_INPUT, c->left, 2, a);
    struct check_tensor *right = check_add(c, CHECK_WEIGHT, c->types.stored, 2, b);
    right->strides[0] += 16; // rows that do not follow each other
    if (d[BIAS])
        check_add(c, CHECK_BIAS, SMELT_DTYPE_I32, 1, bias);
    check_add(c, CHECK_INPUT, SMELT_DTYPE_I32, 2, addend);
    struct check_tensor *result = check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_I32, (uint64_t)d[M] * d[N]);
    result->dtype = SMELT_DTYPE_I32;
    check_define(c, "#define CHECK_TRANSPOSE_LEFT %u\n#define CHECK_ACCUMULATE %u\n#define CHECK_BIAS %u",
                 d[LEFT], d[ACCUMULATE], d[BIAS]);
    check_define(c,
                 "#define CHECK_INTEGER 1\n#define CHECK_EPILOGUE %u\n#define CHECK_GROUPS_PER_WORKGROUP %u",
                 d[EPILOGUE], c->subgroups_per_workgroup);
    check_define(c,
                 "#define CHECK_LEFT product_left_%s_2_r_0x0\n#define CHECK_RIGHT product_right_%s_2_r_0x0\n"
                 "#define CHECK_BIAS_TYPE product_bias_i32_1_r_0\n#define CHECK_ACCUMULATED SMELT_DTYPE_I32",
                 smelt_dtype_name(c->left), smelt_dtype_name(c->types.stored));
    check_define(c, "#define CHECK_ZERO_POINTS %u\n#define CHECK_ZERO_LEFT %d\n#define CHECK_ZERO_RIGHT %d",
                 d[ZERO_POINTS], zero_of_left(c), zero_of_right(c, 0));
    check_define_backend(c);
}

static void describe_thread(struct check_case *c, uint32_t wanted)
{
    const uint32_t *d = c->shape->d;
    c->matmul2d = (struct smelt_matmul2d_descriptor){.m = d[M],
                                                     .n = d[N],
                                                     .k = d[K],
                                                     .transpose_right = d[RIGHT],
                                                     .accumulate = d[ACCUMULATE],
                                                     .bias = d[BIAS],
                                                     .activation = (enum smelt_activation)d[ACTIVATION],
                                                     .stored = c->types.stored,
                                                     .stored_left = c->left,
                                                     .backend = c->backend};
    c->smelt = (struct smelt_op){.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &c->matmul2d};
    c->evaluations = wanted;
    c->outputs = d[M] * d[N];
    uint64_t b[2] = {d[RIGHT] ? d[N] : d[K], d[RIGHT] ? d[K] : d[N]}, bias[1] = {d[N]};
    check_add_floats(c, CHECK_INPUT, c->left, (uint64_t)wanted * d[M] * d[K]);
    check_add_words(c, CHECK_INPUT, SMELT_DTYPE_I32, d[ACCUMULATE] ? (uint64_t)wanted * c->outputs : 1);
    struct check_tensor *weight = check_add(c, CHECK_WEIGHT, c->types.stored, 2, b);
    if (smelt_dtype_bits(c->types.stored) == 4) // rows are whole bytes
        weight->strides[0] += weight->strides[0] & 1;
    if (d[BIAS])
        check_add(c, CHECK_BIAS, SMELT_DTYPE_I32, 1, bias);
    check_add_words(c, CHECK_OUTPUT, SMELT_DTYPE_I32, (uint64_t)wanted * c->outputs);
    check_define(c,
                 "#define CHECK_M %u\n#define CHECK_N %u\n#define CHECK_K %u\n#define CHECK_ACCUMULATE %u\n"
                 "#define CHECK_LEFT_VALUE %s",
                 d[M], d[N], d[K], d[ACCUMULATE], c->left == SMELT_DTYPE_I8 ? "int" : "uint");
}

// LARGEST: -128 or 255 everywhere, and addends that carry the sums over the end of 32 bits.
static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    double least = check_least(tensor->rounded), largest = check_largest(tensor->rounded);
    bool word = tensor->dtype == SMELT_DTYPE_I32;
    uint64_t row = c->matmul2d.scope == SMELT_SCOPE_THREAD ? c->shape->d[K] : tensor->shape[tensor->rank - 1];
    for (uint64_t e = 0; e < tensor->count; e++) {
        double value = floor(check_uniform(random, least, largest + 1));
        if (c->kind == CHECK_LARGEST)
            value = word ? largest - (double)(e % 5) : least < 0 ? least : largest;
        else if (c->kind == CHECK_ALTERNATING)
            value = e & 1 ? least : largest;
        else if (c->kind == CHECK_ONE_HOT && tensor->role == CHECK_INPUT && !word)
            value = e % row == (e / row * 7 + 3) % row;
        else if (c->kind == CHECK_ZEROS)
            value = 0;
        tensor->values[e] = value;
    }
}

static double wrapped(double value)
{
    return (double)(int32_t)(uint32_t)(int64_t)value;
}

static void reference(const struct check_case *c, uint32_t m, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    const double *a = c->tensors[A].values, *b = c->tensors[B].values;
    const double *addend = c->tensors[B + 1 + d[BIAS]].values + (uint64_t)m * d[N];
    for (uint32_t n = 0; n < d[N]; n++) {
        double sum = (d[ACCUMULATE] ? addend[n] : 0) + (d[BIAS] ? c->tensors[B + 1].values[n] : 0);
        double left = d[ZERO_POINTS] ? zero_of_left(c) : 0, right = d[ZERO_POINTS] ? zero_of_right(c, n) : 0;
        for (uint32_t k = 0; k < d[K]; k++)
            sum += (a[d[LEFT] ? (uint64_t)k * d[M] + m : (uint64_t)m * d[K] + k] - left) *
                   (b[d[RIGHT] ? (uint64_t)n * d[K] + k : (uint64_t)k * d[N] + n] - right);
        double value = wrapped(sum);
        if (d[ACTIVATION] == SMELT_ACTIVATION_RELU)
            value = fmax(value, 0);
        wanted[n] = wrapped(value + (d[EPILOGUE] ? addend[n] : 0));
        bound[n] = 0;
    }
}

static void reference_thread(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    for (uint32_t i = 0; i < c->outputs; i++) {
        uint64_t m = (uint64_t)evaluation * d[M] + i / d[N];
        uint32_t n = i % d[N];
        double sum = (d[ACCUMULATE] ? c->tensors[1].values[(uint64_t)evaluation * c->outputs + i] : 0) +
                     (d[BIAS] ? c->tensors[3].values[n] : 0);
        for (uint32_t k = 0; k < d[K]; k++)
            sum += c->tensors[0].values[m * d[K] + k] *
                   c->tensors[2].values[d[RIGHT] ? (uint64_t)n * d[K] + k : (uint64_t)k * d[N] + n];
        wanted[i] = d[ACTIVATION] == SMELT_ACTIVATION_RELU ? fmax(wrapped(sum), 0) : wrapped(sum);
        bound[i] = 0;
    }
}

static double flops(const struct check_shape *shape)
{
    return 2.0 * shape->d[N] * shape->d[K];
}

static double flops_thread(const struct check_shape *shape)
{
    return flops(shape) * shape->d[M];
}

// Of a group, 4 bit weights differ from the others on their way into shared memory alone.
static bool exists(const struct check_case *row)
{
    return smelt_dtype_bits(row->types.stored) == 8 || row->shape->d[ACCUMULATE] || row->shape->d[EPILOGUE];
}

static void grid(const struct check_case *c, uint32_t groups[3])
{
    const struct smelt_matmul2d_tiling *tiling = &c->info.tiling;
    uint32_t columns = tiling->n * c->subgroups_per_workgroup;
    groups[0] = (c->outputs + columns - 1) / columns;
    groups[1] = (c->evaluations + tiling->m - 1) / tiling->m;
}

#define INTEGER_OP                                                                                           \
    .fixture = "matmul2d_group", CHECK_TABLES, .lefts = lefts, .exists = exists, .grid = grid,               \
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_DOT8 | 1 << SMELT_BACKEND_COOPMAT |         \
                1 << SMELT_BACKEND_COOPMAT2,                                                                 \
    .stages = VK_SHADER_STAGE_COMPUTE_BIT,                                                                   \
    .values = 1 << CHECK_RANDOM | 1 << CHECK_ZEROS | 1 << CHECK_LARGEST | 1 << CHECK_ONE_HOT |               \
              1 << CHECK_ALTERNATING,                                                                        \
    .wrong_shape = 1, .wrong = 1 << 1 | 1 << 3 | 1 << 4, .fill = fill, .flops = flops

const struct check_op check_matmul2d_integer_subgroup = {
    .name = "integer_subgroup", .scope = SMELT_SCOPE_SUBGROUP, .describe = describe, INTEGER_OP};
const struct check_op check_matmul2d_integer_workgroup = {
    .name = "integer_workgroup", .scope = SMELT_SCOPE_WORKGROUP, .describe = describe, INTEGER_OP};
const struct check_op check_matmul2d_integer_thread = {
    .name = "integer_thread",
    .fixture = "matmul2d",
    .shapes = thread_shapes,
    .shape_count = SMELT_COUNT_OF(thread_shapes),
    .types = types,
    .type_count = SMELT_COUNT_OF(types),
    .lefts = lefts,
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_DOT8,
    .stages = VK_SHADER_STAGE_COMPUTE_BIT,
    .values = 1 << CHECK_RANDOM | 1 << CHECK_ZEROS | 1 << CHECK_LARGEST | 1 << CHECK_ONE_HOT |
              1 << CHECK_ALTERNATING,
    .wrong_shape = 1,
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
    .describe = describe_thread,
    .fill = fill,
    .reference = reference_thread,
    .flops = flops_thread,
};
