// SPDX-License-Identifier: MIT
// smelt_encode_matmul2d of integers, of quantised weights and of sums in parts, against sums in double.
#include "rig.h"

#include <math.h>
#include <stdlib.h>

static uint32_t hash(uint32_t i, uint32_t seed)
{
    uint32_t x = i * 2654435761u + seed * 40503u;
    x ^= x >> 15;
    x *= 2246822519u;
    return x ^ x >> 13;
}

// A tensor with its elements as the type holds them, row by row.
struct matrix {
    smelt_tensor tensor;
    double *value;
    uint64_t shape[3]; // batch first
};

static struct matrix make(enum smelt_dtype dtype, uint32_t batch, uint32_t rows, uint32_t columns,
                          uint32_t seed, double low, double high)
{
    bool flat = !rows;
    struct smelt_tensor_params params = {.dtype = dtype, .rank = flat ? 1 : batch ? 3 : 2};
    uint32_t at = 0;
    if (batch && !flat)
        params.shape[at++] = batch;
    if (!flat)
        params.shape[at++] = rows;
    params.shape[at] = columns;
    struct matrix m = {.shape = {batch ? batch : 1, flat ? 1 : rows, columns}};
    CHECK_OK(smelt_tensor_create(test_context(), &params, &m.tensor));
    uint64_t count = m.shape[0] * m.shape[1] * m.shape[2], size = smelt_dtype_size(dtype, count);
    float *values = malloc(count * sizeof(float));
    void *data = calloc(1, size + 4);
    m.value = malloc(count * sizeof(double));
    for (uint64_t i = 0; i < count; i++)
        values[i] = (float)(low + (high - low) * (hash((uint32_t)i, seed) & 255) / 255);
    smelt_dtype_convert(dtype, data, SMELT_DTYPE_F32, values, count);
    smelt_dtype_convert(SMELT_DTYPE_F32, values, dtype, data, count);
    CHECK_OK(smelt_tensor_write_and_wait(m.tensor, NULL, data, size));
    for (uint64_t i = 0; i < count; i++)
        m.value[i] = values[i];
    free(values);
    free(data);
    return m;
}

static void drop(struct matrix *m)
{
    smelt_tensor_destroy(&m->tensor);
    free(m->value);
    *m = (struct matrix){0};
}

static double at(const struct matrix *m, uint64_t batch, uint64_t row, uint64_t column)
{
    return m->value[((m->shape[0] > 1 ? batch : 0) * m->shape[1] + row) * m->shape[2] + column];
}

struct product {
    uint32_t m, n, k, batch;         // batch 0: rank 2
    enum smelt_dtype left, right, d; // right with a scale where `scale` is set
    enum smelt_dtype scale, zero;
    uint32_t block;
    bool transpose_left, transpose_right, bias;
    enum smelt_activation activation;
    uint32_t splits;
    bool automatic; // splits 0 with a scratch
    enum smelt_backend backend;
};

static double right_at(const struct product *p, const struct matrix *b, const struct matrix *scale,
                       const struct matrix *zero, uint32_t batch, uint32_t k, uint32_t n, double *magnitude)
{
    uint32_t row = p->transpose_right ? n : k, column = p->transpose_right ? k : n;
    double q = at(b, batch, row, column), result = q, offset = 0;
    if (p->scale) {
        uint32_t block = k / (p->block ? p->block : p->k);
        uint32_t r = p->transpose_right ? n : block, c = p->transpose_right ? block : n;
        double s = at(scale, batch, r, c), z = p->zero ? at(zero, batch, r, c) : 0;
        s = p->scale == SMELT_DTYPE_U8 ? ldexp(1, (int)s - 127) : s;
        bool point = p->zero == p->right;
        offset = point ? 0 : fabs(z);
        result = point ? (q - z) * s : s * q + z;
    }
    *magnitude = fabs(result) + 2 * offset; // at least |s q| + |z|
    return result;
}

static void range_of(enum smelt_dtype dtype, double *low, double *high)
{
    *low = dtype == SMELT_DTYPE_I8       ? -128
           : dtype == SMELT_DTYPE_I4     ? -8
           : smelt_dtype_is_float(dtype) ? -1
                                         : 0;
    *high = dtype == SMELT_DTYPE_I8   ? 127
            : dtype == SMELT_DTYPE_U8 ? 255
            : dtype == SMELT_DTYPE_I4 ? 7
            : dtype == SMELT_DTYPE_U4 ? 15
                                      : 1;
}

static struct matrix make_natural(enum smelt_dtype dtype, uint32_t batch, uint32_t rows, uint32_t columns,
                                  uint32_t seed)
{
    double low = 0, high = 0;
    range_of(dtype, &low, &high);
    return make(dtype, batch, rows, columns, seed, low, high);
}

static void run(const struct smelt_matmul2d_params *params)
{
    smelt_encoder encoder = test_begin();
    CHECK_OK(smelt_encode_matmul2d(encoder, params));
    test_end(encoder);
}

static void check_product(struct product p)
{
    struct matrix a =
        make_natural(p.left, p.batch, p.transpose_left ? p.k : p.m, p.transpose_left ? p.m : p.k, 1);
    struct matrix b =
        make_natural(p.right, 0, p.transpose_right ? p.n : p.k, p.transpose_right ? p.k : p.n, 2);
    struct matrix bias = {0}, scale = {0}, zero = {0}, scratch = {0};
    struct matrix d = make(p.d, p.batch, p.m, p.n, 3, 0, 0);
    uint32_t blocks = p.scale ? (p.k + (p.block ? p.block : p.k) - 1) / (p.block ? p.block : p.k) : 0;
    uint32_t rows = p.transpose_right ? p.n : blocks, columns = p.transpose_right ? blocks : p.n;
    if (p.scale == SMELT_DTYPE_U8)
        scale = make(p.scale, 0, rows, columns, 4, 118, 124);
    else if (p.scale)
        scale = make(p.scale, 0, rows, columns, 4, 0.01, 0.1);
    if (p.zero)
        zero = make_natural(p.zero, 0, rows, columns, 5);
    bool integers = p.d == SMELT_DTYPE_I32;
    if (p.bias)
        bias = make(integers ? SMELT_DTYPE_I32 : p.left, 0, 0, p.n, 6, integers ? -99999 : -1,
                    integers ? 99999 : 1);
    struct smelt_matmul2d_params params = {.a = a.tensor,
                                           .b = b.tensor,
                                           .bias = bias.tensor,
                                           .d = d.tensor,
                                           .scale = scale.tensor,
                                           .zero = zero.tensor,
                                           .block = p.block,
                                           .transpose_left = p.transpose_left,
                                           .transpose_right = p.transpose_right,
                                           .activation = p.activation,
                                           .accumulated = integers ? SMELT_DTYPE_NONE : SMELT_DTYPE_F32,
                                           .splits = p.splits,
                                           .backend = p.backend};
    uint64_t size = 1;
    CHECK_OK(smelt_matmul2d_scratch_size(&params, &size));
    CHECK(p.automatic || size == (p.splits > 1 ? 4ull * p.splits * p.m * p.n : 0));
    if (size)
        scratch = make(SMELT_DTYPE_U8, 0, 0, (uint32_t)size, 7, 9, 9);
    params.scratch = scratch.tensor;
    run(&params);
    uint64_t count = d.shape[0] * p.m * p.n;
    void *data = calloc(count, 4);
    float *got = calloc(count, sizeof(float));
    CHECK_OK(smelt_tensor_read_and_wait(d.tensor, NULL, data, smelt_dtype_size(p.d, count)));
    if (!integers)
        smelt_dtype_convert(SMELT_DTYPE_F32, got, p.d, data, count);
    bool half = p.left == SMELT_DTYPE_F16; // may be computed, and where it is, scaled, in f16
    double store = p.d == SMELT_DTYPE_F16 ? 0x1p-10 : p.d == SMELT_DTYPE_BF16 ? 0x1p-8 : 0;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t batch = i / (p.m * p.n), m = i / p.n % p.m, n = i % p.n;
        double sum = p.bias ? bias.value[n] : 0, magnitude = fabs(sum);
        for (uint32_t k = 0; k < p.k; k++) {
            double size_of = 0, x = at(&a, batch, p.transpose_left ? k : m, p.transpose_left ? m : k);
            sum += x * right_at(&p, &b, &scale, &zero, batch, k, n, &size_of);
            magnitude += fabs(x) * size_of;
        }
        sum = p.activation == SMELT_ACTIVATION_RELU ? fmax(sum, 0) : sum;
        double rounding = (2 * p.k + 9) * 0x1p-23 + (p.scale ? (half ? 0x1p-10 : 0x1p-22) : 0);
        double bound = integers ? 0 : rounding * magnitude * 1.01 + store * fabs(sum);
        double have = integers ? ((int32_t *)data)[i] : got[i];
        wrong += !(fabs(have - sum) <= bound);
    }
    if (wrong)
        printf("%u of %llu elements are wrong: %u x %u x %u, %s by %s\n", wrong, (unsigned long long)count,
               p.m, p.n, p.k, smelt_dtype_name(p.left), smelt_dtype_name(p.right));
    CHECK(wrong == 0);
    free(got);
    free(data);
    struct matrix *all[] = {&a, &b, &d, &bias, &scale, &zero, &scratch};
    for (size_t i = 0; i < SMELT_COUNT_OF(all); i++)
        if (all[i]->tensor)
            drop(all[i]);
}

#define F16 SMELT_DTYPE_F16
#define F32 SMELT_DTYPE_F32
#define I8 SMELT_DTYPE_I8
#define U8 SMELT_DTYPE_U8
#define I32 SMELT_DTYPE_I32

static void integers_are_exact(void)
{
    check_product((struct product){.m = 33,
                                   .n = 40,
                                   .k = 64,
                                   .left = U8,
                                   .right = I8,
                                   .d = I32,
                                   .transpose_right = true,
                                   .activation = SMELT_ACTIVATION_RELU});
    check_product((struct product){.m = 32,
                                   .n = 48,
                                   .k = 96,
                                   .left = I8,
                                   .right = SMELT_DTYPE_I4,
                                   .d = I32,
                                   .batch = 2,
                                   .transpose_left = true,
                                   .bias = true});
}

static void quantised_weights_are_right(void)
{
    // By the general kernel.
    check_product((struct product){.m = 20,
                                   .n = 24,
                                   .k = 48,
                                   .left = F16,
                                   .right = SMELT_DTYPE_I4,
                                   .d = F16,
                                   .scale = F16,
                                   .block = 32,
                                   .transpose_right = true,
                                   .bias = true});
    check_product((struct product){.m = 9,
                                   .n = 33,
                                   .k = 50,
                                   .left = F32,
                                   .right = U8,
                                   .d = F32,
                                   .scale = F32,
                                   .zero = U8,
                                   .block = 7,
                                   .batch = 2});
}

// One matrix, read once, by one to eight vectors.
static void quantised_matrices_by_vectors(void)
{
    static const enum smelt_dtype rights[] = {SMELT_DTYPE_I4, SMELT_DTYPE_U4, I8, U8, SMELT_DTYPE_F8E4M3};
    static const enum smelt_dtype lefts[] = {F16, F32, SMELT_DTYPE_BF16};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(rights); i++) {
        enum smelt_dtype right = rights[i], left = lefts[i % 3];
        struct product p = {.m = 1 + i % 3,
                            .n = 67,
                            .k = 1096,
                            .left = left,
                            .right = right,
                            .scale = F16,
                            .block = 32,
                            .transpose_right = true,
                            .bias = true};
        p.d = i % 2 ? F32 : left;
        p.zero = smelt_dtype_is_float(right) ? SMELT_DTYPE_NONE : right;
        check_product(p);
    }
    // By the device's matrices where it has them: one vector, then several; some quarters are beyond the last term.
    for (uint32_t each = 0; each < 16; each++) {
        uint32_t i = each % 8;
        enum smelt_dtype right = rights[i % 4], zeros[] = {SMELT_DTYPE_NONE, right, F16};
        check_product((struct product){.m = each < 8 ? 1 : 2 + i % 7,
                                       .n = 67 + 5 * i,
                                       .k = i % 2 ? 1152 : 1184,
                                       .left = F16,
                                       .right = right,
                                       .d = i % 2 ? F32 : F16,
                                       .scale = F16,
                                       .zero = zeros[i % 3],
                                       .block = i == 3  ? 16
                                                : i % 2 ? 32 << i / 4
                                                : i < 4 ? 0
                                                        : 1184,
                                       .transpose_right = true,
                                       .batch = i == 5 ? 2 : 0});
    }
    check_product((struct product){.m = 8,
                                   .n = 64,
                                   .k = 64,
                                   .left = F16,
                                   .right = SMELT_DTYPE_U4,
                                   .d = F32,
                                   .scale = F32,
                                   .zero = F32,
                                   .transpose_right = true,
                                   .batch = 2});
    check_product((struct product){.m = 2,
                                   .n = 64,
                                   .k = 4104,
                                   .left = F16,
                                   .right = SMELT_DTYPE_I4,
                                   .d = F16,
                                   .scale = U8,
                                   .block = 8,
                                   .transpose_right = true});
}

static void sums_in_parts(void)
{
    check_product((struct product){.m = 20,
                                   .n = 36,
                                   .k = 256,
                                   .left = F16,
                                   .right = F16,
                                   .d = F16,
                                   .splits = 4,
                                   .bias = true,
                                   .activation = SMELT_ACTIVATION_RELU});
    check_product((struct product){.m = 5,
                                   .n = 9,
                                   .k = 96,
                                   .left = F32,
                                   .right = F32,
                                   .d = F32,
                                   .splits = 3,
                                   .transpose_left = true,
                                   .transpose_right = true});
    check_product((struct product){
        .m = 33, .n = 17, .k = 64, .left = I8, .right = U8, .d = I32, .splits = 2, .bias = true});
    check_product((struct product){.m = 16,
                                   .n = 24,
                                   .k = 128,
                                   .left = F16,
                                   .right = SMELT_DTYPE_I4,
                                   .d = F32,
                                   .scale = F16,
                                   .zero = SMELT_DTYPE_I4,
                                   .block = 32,
                                   .splits = 2,
                                   .transpose_right = true});
    check_product((struct product){
        .m = 32, .n = 32, .k = 2048, .left = F16, .right = F16, .d = F32, .automatic = true});
}

// Operands and result are boxes of one tensor, whose ranges meet and whose bytes do not.
static void slices_of_one_tensor(void)
{
    struct matrix all = make(F16, 0, 32, 96, 11, -1, 1);
    const uint64_t a_shape[2] = {16, 32}, b_shape[2] = {32, 32};
    struct smelt_matmul2d_params params = {.accumulated = F32};
    CHECK_OK(smelt_tensor_slice(all.tensor, (const uint64_t[2]){0, 0}, a_shape, &params.a));
    CHECK_OK(smelt_tensor_slice(all.tensor, (const uint64_t[2]){0, 32}, b_shape, &params.b));
    CHECK_OK(smelt_tensor_slice(all.tensor, (const uint64_t[2]){8, 64}, a_shape, &params.d));
    run(&params);
    uint16_t got[32 * 96];
    CHECK_OK(smelt_tensor_read_and_wait(all.tensor, NULL, got, sizeof(got)));
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < 32 * 96; i++) {
        uint32_t row = i / 96, column = i % 96;
        bool inside = row >= 8 && row < 24 && column >= 64;
        double wanted = inside ? 0 : all.value[i];
        for (uint32_t k = 0; inside && k < 32; k++)
            wanted += at(&all, 0, row - 8, k) * at(&all, 0, k, 32 + column - 64);
        wrong += !(fabs(smelt_f16_to_f32(got[i]) - wanted) <= (inside ? 0.02 : 0));
    }
    CHECK(wrong == 0);
    smelt_tensor_destroy(&params.d);
    CHECK_OK(smelt_tensor_slice(all.tensor, (const uint64_t[2]){15, 0}, a_shape, &params.d)); // one row of a
    smelt_encoder encoder = test_begin();
    CHECK_FAILS(smelt_encode_matmul2d(encoder, &params), SMELT_ERROR_INVALID_ARGUMENT, "shares bytes");
    test_end(encoder);
    smelt_tensor_destroy(&params.a);
    smelt_tensor_destroy(&params.b);
    smelt_tensor_destroy(&params.d);
    drop(&all);
}

#define REFUSED(result, text) CHECK_FAILS(smelt_encode_matmul2d(encoder, &p), result, text)

static void refuses_bad_calls(void)
{
    struct matrix a = make(F16, 0, 8, 64, 1, 0, 1), b = make(SMELT_DTYPE_I4, 0, 16, 64, 2, 0, 1);
    struct matrix d = make(F32, 0, 8, 16, 3, 0, 1), s = make(F16, 0, 16, 2, 4, 0, 1);
    struct matrix point = make(SMELT_DTYPE_I4, 0, 16, 2, 5, 0, 1), bytes = make(U8, 0, 16, 64, 6, 0, 1);
    struct matrix signed_bytes = make(I8, 0, 8, 64, 6, 0, 1), sums = make(I32, 0, 8, 16, 7, 0, 1);
    struct matrix other = make(U8, 0, 16, 2, 8, 0, 1), half = make(F16, 0, 16, 64, 9, 0, 1);
    struct matrix scratch = make(F32, 0, 0, 256, 10, 0, 1), small = make(F32, 0, 0, 16, 10, 0, 1);
    const struct smelt_matmul2d_params good = {.a = a.tensor,
                                               .b = b.tensor,
                                               .d = d.tensor,
                                               .scale = s.tensor,
                                               .zero = point.tensor,
                                               .block = 32,
                                               .transpose_right = true};
    struct smelt_matmul2d_params p = good;
    smelt_encoder encoder = test_begin();
    p.a = signed_bytes.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "a 'tensor' is i8, wanted f32, f16, bf16, f8e4m3 or f8e5m2 beside a scale");
    p = good;
    p.b = half.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "b 'tensor' is f16, wanted i8, u8, i4, u4, f8e4m3 or f8e5m2 with a scale");
    p = good;
    p.scale = point.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "scale 'tensor' is i4, wanted f32, f16 or u8 (ue8m0)");
    p = good;
    p.zero = other.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "zero 'tensor' is u8, wanted the type of b");
    p = good;
    p.scale = NULL;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "zero is set without scale, wanted NULL");
    p.zero = NULL;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "block is set without scale, wanted 0");
    p.block = 0;
    REFUSED(SMELT_ERROR_DTYPE, "b 'tensor' is i4, wanted f16 as a");
    p = good;
    p.block = 16;
    REFUSED(SMELT_ERROR_SHAPE, "the number of blocks of scale is 2, wanted 4");
    p.block = UINT32_MAX;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "block is 4294967295, wanted 1 to 2^30");
    p = good;
    p.scale = d.tensor;
    p.zero = NULL;
    REFUSED(SMELT_ERROR_SHAPE, "the extent of scale along the columns of d is 8, wanted 16");
    p = (struct smelt_matmul2d_params){
        .a = signed_bytes.tensor, .b = bytes.tensor, .d = d.tensor, .transpose_right = true};
    REFUSED(SMELT_ERROR_DTYPE, "d 'tensor' is f32, wanted i32 for operands of integers");
    p.d = sums.tensor;
    p.bias = small.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "bias 'tensor' is f32, wanted i32 for operands of integers");
    p.bias = NULL;
    p.activation = SMELT_ACTIVATION_SIGMOID;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "activation is sigmoid with computed i8, wanted none or relu");
    p.activation = SMELT_ACTIVATION_NONE;
    p.b = half.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "b 'tensor' is f16, wanted i8, u8, i4 or u4 with a of i8 or u8");
    p = good;
    p.backend = SMELT_BACKEND_PORTABLE;
    p.splits = 3;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "splits is 3 with k 64, block 32");
    p.splits = 2;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "scratch is NULL with splits 2, wanted a tensor of 1024 bytes");
    p.scratch = small.tensor;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "scratch 'tensor' of rank 1 has 64 bytes, wanted");
    p.scratch = d.tensor;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "and shares some");
    p.scratch = scratch.tensor;
    CHECK_OK(smelt_encode_matmul2d(encoder, &p));
    p.baked = true;
    p.splits = 0;
    REFUSED(SMELT_ERROR_UNSUPPORTED, "a kernel of f16 by i4 is not baked, wanted f32, f16 or bf16 of both");
    uint64_t size = 0;
    CHECK_FAILS(smelt_matmul2d_scratch_size(NULL, &size), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    CHECK_FAILS(smelt_matmul2d_scratch_size(&p, NULL), SMELT_ERROR_INVALID_ARGUMENT, "size is NULL");
    test_end(encoder);
    struct matrix *all[] = {&a,    &b,     &d,    &s,       &point, &bytes, &signed_bytes,
                            &sums, &other, &half, &scratch, &small};
    for (size_t i = 0; i < SMELT_COUNT_OF(all); i++)
        drop(all[i]);
}

static const struct test tests[] = {
    {"integers are exact", integers_are_exact},
    {"quantised weights are right", quantised_weights_are_right},
    {"quantised matrices by vectors", quantised_matrices_by_vectors},
    {"sums in parts", sums_in_parts},
    {"slices of one tensor", slices_of_one_tensor},
    {"refuses bad calls", refuses_bad_calls},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
