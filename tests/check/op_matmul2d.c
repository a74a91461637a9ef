// SPDX-License-Identifier: MIT
// matmul2d at THREAD scope: every layout, accumulation, bias and activation, against sums in double.
#include "check.h"

#include <stdlib.h>

enum { M, N, K, TRANSPOSE, ACCUMULATE, BIAS, ACTIVATION };

// The last letters: t transposed right operand, a accumulate, b bias.
static const struct check_shape shapes[] = {
    {"m1n1k1", {1, 1, 1, 0, 0, 0, SMELT_ACTIVATION_NONE}, CHECK_CI},
    {"m1n7k5tb", {1, 7, 5, 1, 0, 1, SMELT_ACTIVATION_RELU}, CHECK_CI},
    {"m1n5k7ab", {1, 5, 7, 0, 1, 1, SMELT_ACTIVATION_NONE}, CHECK_CI},
    {"m1n64k32tb", {1, 64, 32, 1, 0, 1, SMELT_ACTIVATION_SILU}, CHECK_CI},
    {"m2n4k8t", {2, 4, 8, 1, 0, 0, SMELT_ACTIVATION_TANH}, CHECK_CI},
    {"m2n3k9", {2, 3, 9, 0, 0, 0, SMELT_ACTIVATION_LEAKY_RELU}, CHECK_CI},
    {"m3n13k17ta", {3, 13, 17, 1, 1, 0, SMELT_ACTIVATION_SIGMOID}, CHECK_CI},
    {"m4n15k16tab", {4, 15, 16, 1, 1, 1, SMELT_ACTIVATION_GELU}, CHECK_CI},
    {"m4n17k15b", {4, 17, 15, 0, 0, 1, SMELT_ACTIVATION_SOFTPLUS}, CHECK_CI},
    {"m1n127k129tb", {1, 127, 129, 1, 0, 1, SMELT_ACTIVATION_NONE}, CHECK_FULL},
    {"m1n256k512tb", {1, 256, 512, 1, 0, 1, SMELT_ACTIVATION_NONE}, CHECK_FULL},
    {"m4n64k64tb", {4, 64, 64, 1, 0, 1, SMELT_ACTIVATION_RELU}, CHECK_FULL},
    {"m1n1024k1024t", {1, 1024, 1024, 1, 0, 0, SMELT_ACTIVATION_NONE}, CHECK_FULL},
};

static const struct check_types types[] = {
    {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
    {SMELT_DTYPE_BF16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
    {SMELT_DTYPE_F8E5M2, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
};

static void describe(struct check_case *c, uint32_t wanted)
{
    const uint32_t *d = c->shape->d;
    c->matmul2d = (struct smelt_matmul2d_descriptor){.scope = SMELT_SCOPE_THREAD,
                                                     .m = d[M],
                                                     .n = d[N],
                                                     .k = d[K],
                                                     .transpose_right = d[TRANSPOSE],
                                                     .accumulate = d[ACCUMULATE],
                                                     .bias = d[BIAS],
                                                     .activation = (enum smelt_activation)d[ACTIVATION],
                                                     .stored = c->types.stored,
                                                     .computed = c->types.computed,
                                                     .accumulated = c->types.accumulated,
                                                     .backend = c->backend};
    c->smelt = (struct smelt_op){.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &c->matmul2d};
    c->evaluations = wanted;
    c->outputs = d[M] * d[N];
    uint64_t matrix[2] = {d[TRANSPOSE] ? d[N] : d[K], d[TRANSPOSE] ? d[K] : d[N]}, bias[1] = {d[N]};
    check_add_floats(c, CHECK_INPUT, c->types.computed, (uint64_t)wanted * d[M] * d[K]);
    check_add_floats(c, CHECK_INPUT, c->types.accumulated,
                     d[ACCUMULATE] ? (uint64_t)wanted * d[M] * d[N] : 1);
    check_add(c, CHECK_WEIGHT, c->types.stored, 2, matrix);
    if (d[BIAS])
        check_add(c, CHECK_BIAS, c->types.stored, 1, bias);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)wanted * c->outputs);
    c->layers[0] = (struct smelt_weights_layer){
        .rows = (uint32_t)matrix[0], .columns = (uint32_t)matrix[1], .bias = d[BIAS]};
    c->layer_count = 1;
    check_define(c,
                 "#define CHECK_M %u\n#define CHECK_N %u\n#define CHECK_K %u\n#define CHECK_ACCUMULATE %u\n"
                 "#define CHECK_LEFT_VALUE float",
                 d[M], d[N], d[K], d[ACCUMULATE]);
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    const struct check_numbers numbers = {c->info.error_c, c->info.error_u, c->types.stored,
                                          c->types.computed, c->types.accumulated};
    const double *w = c->tensors[2].values;
    for (uint32_t m = 0; m < d[M]; m++) {
        const double *a = c->tensors[0].values + ((uint64_t)evaluation * d[M] + m) * d[K];
        for (uint32_t n = 0; n < d[N]; n++) {
            uint64_t i = m * d[N] + n;
            double bias = d[BIAS] ? c->tensors[3].values[n] : 0;
            double before = d[ACCUMULATE] ? c->tensors[1].values[(uint64_t)evaluation * c->outputs + i] : 0;
            struct check_dot dot =
                check_reference_dot(&numbers, d[K], a, NULL, d[TRANSPOSE] ? w + (uint64_t)n * d[K] : w + n,
                                    d[TRANSPOSE] ? 1 : d[N], bias);
            dot.value += before;
            dot.bound += numbers.c * numbers.u * fabs(before) + check_flushed(numbers.accumulated, before);
            wanted[i] = check_reference_activation(c->matmul2d.activation, dot.value);
            bound[i] = check_activation_bound(c->matmul2d.activation, c->backend, numbers.accumulated,
                                              dot.value, dot.bound);
        }
    }
}

static double flops(const struct check_shape *shape)
{
    return 2.0 * shape->d[M] * shape->d[N] * shape->d[K];
}

const struct check_op check_matmul2d = {
    .name = "matmul2d",
    .fixture = "matmul2d",
    CHECK_TABLES,
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_COOPVEC,
    .stages = VK_SHADER_STAGE_COMPUTE_BIT,
    .values = CHECK_FINITE_VALUES,
    .wrong_shape = 1,
    .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
    .describe = describe,
    .flops = flops,
};
