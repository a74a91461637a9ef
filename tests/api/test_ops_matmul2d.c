// SPDX-License-Identifier: MIT
// smelt_encode_matmul2d: whole products against sums in double, and everything it refuses.
#include "capabilities.h"
#include "rig.h"

#include <math.h>
#include <stdlib.h>

struct product {
    uint32_t m, n, k, batch;                                          // batch 0: rank 2
    bool transpose_left, transpose_right, bias, wide, baked, relaxed; // wide: d is f32
    enum smelt_dtype dtype;
    enum smelt_activation activation;
    uint32_t gap; // elements between rows of a and b
};

static double noise(uint32_t i, uint32_t seed)
{
    uint32_t x = i * 2654435761u + seed * 40503u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return (double)(x & 255) / 128 - 1; // 8 bits: exact in f16
}

static smelt_tensor matrix(enum smelt_dtype dtype, uint32_t batch, uint32_t rows, uint32_t columns,
                           uint32_t gap)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = batch ? 3 : 2};
    uint32_t at = 0;
    if (batch) {
        params.shape[0] = batch;
        params.strides[0] = (uint64_t)rows * (columns + gap);
        at = 1;
    }
    params.shape[at] = rows;
    params.shape[at + 1] = columns;
    params.strides[at] = columns + gap;
    params.strides[at + 1] = 1;
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(test_context(), &params, &tensor));
    return tensor;
}

static void write_noise(smelt_tensor tensor, uint32_t seed)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    uint64_t count = smelt_tensor_element_count(tensor), size = smelt_dtype_size(info->dtype, count);
    float *values = malloc(count * sizeof(float));
    void *data = malloc(size);
    for (uint64_t i = 0; i < count; i++)
        values[i] = (float)noise((uint32_t)i, seed);
    smelt_dtype_convert(info->dtype, data, SMELT_DTYPE_F32, values, count);
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, size));
    free(values);
    free(data);
}

// As the type holds it.
static double rounded_noise(enum smelt_dtype dtype, uint32_t i, uint32_t seed)
{
    float value = (float)noise(i, seed);
    uint32_t bits = 0;
    smelt_dtype_convert(dtype, &bits, SMELT_DTYPE_F32, &value, 1);
    smelt_dtype_convert(SMELT_DTYPE_F32, &value, dtype, &bits, 1);
    return value;
}

static enum smelt_dtype result_type(const struct product *p)
{
    return p->wide ? SMELT_DTYPE_F32 : p->dtype == SMELT_DTYPE_BF16 ? SMELT_DTYPE_BF16 : SMELT_DTYPE_F16;
}

static double wanted(const struct product *p, uint32_t batch, uint32_t m, uint32_t n)
{
    double sum = 0;
    for (uint32_t k = 0; k < p->k; k++) {
        uint32_t a = p->transpose_left ? k * p->m + m : m * p->k + k;
        uint32_t b = p->transpose_right ? n * p->k + k : k * p->n + n;
        sum += rounded_noise(p->dtype, batch * p->m * p->k + a, 1) * rounded_noise(p->dtype, b, 2);
    }
    sum += p->bias ? rounded_noise(p->dtype, n, 3) : 0;
    return p->activation == SMELT_ACTIVATION_RELU ? fmax(sum, 0) : sum;
}

// a has the batch, b serves all of it.
static void check_product(struct product p)
{
    uint32_t batches = p.batch ? p.batch : 1;
    struct smelt_matmul2d_params params = {
        .a = matrix(p.dtype, p.batch, p.transpose_left ? p.k : p.m, p.transpose_left ? p.m : p.k, p.gap),
        .b = matrix(p.dtype, 0, p.transpose_right ? p.n : p.k, p.transpose_right ? p.k : p.n, p.gap),
        .d = matrix(result_type(&p), p.batch, p.m, p.n, 0),
        .transpose_left = p.transpose_left,
        .transpose_right = p.transpose_right,
        .activation = p.activation,
        .accumulated = SMELT_DTYPE_F32,
        .backend = p.baked ? SMELT_BACKEND_PORTABLE : SMELT_BACKEND_AUTO,
        .baked = p.baked,
        .relaxed = p.relaxed,
    };
    const struct smelt_tensor_params bias = {.dtype = p.dtype, .rank = 1, .shape = {p.n}};
    if (p.bias)
        CHECK_OK(smelt_tensor_create(test_context(), &bias, &params.bias));
    write_noise(params.a, 1);
    write_noise(params.b, 2);
    if (params.bias)
        write_noise(params.bias, 3);
    smelt_encoder encoder = test_begin();
    CHECK_OK(smelt_encode_matmul2d(encoder, &params));
    test_end(encoder);
    uint64_t count = (uint64_t)batches * p.m * p.n;
    enum smelt_dtype dtype = result_type(&p);
    double store = dtype == SMELT_DTYPE_F32 ? 0 : dtype == SMELT_DTYPE_BF16 ? 0x1p-8 : 0x1p-10;
    void *data = calloc(count, 4);
    float *got = calloc(count, sizeof(float));
    CHECK_OK(smelt_tensor_read_and_wait(params.d, NULL, data, smelt_dtype_size(dtype, count)));
    smelt_dtype_convert(SMELT_DTYPE_F32, got, dtype, data, count);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < count; i++) {
        double exact = wanted(&p, i / (p.m * p.n), i / p.n % p.m, i % p.n);
        double bound = (2 * p.k + 9) * 0x1p-23 * (p.k + 1) + store * (fabs(exact) + 1);
        wrong += !(fabs(got[i] - exact) <= bound);
    }
    CHECK(wrong == 0);
    free(got);
    free(data);
    smelt_tensor_destroy(&params.a);
    smelt_tensor_destroy(&params.b);
    smelt_tensor_destroy(&params.bias);
    smelt_tensor_destroy(&params.d);
}

static void products_are_right(void)
{
    // A matrix with few vectors, on either side.
    const enum smelt_dtype dtypes[] = {SMELT_DTYPE_F16, SMELT_DTYPE_F32, SMELT_DTYPE_BF16};
    for (uint32_t i = 0; i < 3; i++) {
        check_product((struct product){
            .m = 67, .n = 1 + i, .k = 1096, .wide = i == 1, .bias = true, .dtype = dtypes[i]});
        check_product((struct product){.m = 65,
                                       .n = 8 - i,
                                       .k = 72,
                                       .transpose_right = true,
                                       .batch = 2,
                                       .gap = 8,
                                       .wide = i == 1,
                                       .dtype = dtypes[i]});
        check_product((struct product){.m = 1 + 3 * i,
                                       .n = 70,
                                       .k = 520,
                                       .transpose_right = true,
                                       .bias = true,
                                       .activation = SMELT_ACTIVATION_RELU,
                                       .wide = i == 1,
                                       .dtype = dtypes[i]});
    }
    for (int baked = 0; baked < 2; baked++) {
        check_product((struct product){.m = 37, .n = 65, .k = 19, .dtype = SMELT_DTYPE_F16, .baked = baked});
        check_product((struct product){.m = 65,
                                       .n = 40,
                                       .k = 24,
                                       .batch = 3,
                                       .transpose_right = true,
                                       .bias = true,
                                       .wide = true,
                                       .dtype = SMELT_DTYPE_F16,
                                       .activation = SMELT_ACTIVATION_RELU,
                                       .gap = 8,
                                       .baked = baked});
        check_product((struct product){.m = 33,
                                       .n = 17,
                                       .k = 50,
                                       .transpose_left = true,
                                       .bias = true,
                                       .wide = true,
                                       .dtype = SMELT_DTYPE_F32,
                                       .gap = 3,
                                       .baked = baked});
        check_product((struct product){.m = 1,
                                       .n = 1,
                                       .k = 1,
                                       .transpose_left = true,
                                       .wide = true,
                                       .dtype = SMELT_DTYPE_F32,
                                       .baked = baked});
        check_product((struct product){
            .m = 40, .n = 33, .k = 21, .bias = true, .dtype = SMELT_DTYPE_BF16, .gap = 3, .baked = baked});
    }
    check_product((struct product){.m = 16,
                                   .n = 24,
                                   .k = 40,
                                   .transpose_right = true,
                                   .wide = true,
                                   .dtype = SMELT_DTYPE_BF16,
                                   .gap = 8});
    check_product((struct product){.m = 17, .n = 24, .k = 40, .bias = true, .dtype = SMELT_DTYPE_F8E4M3});
    check_product((struct product){
        .m = 32, .n = 16, .k = 64, .transpose_right = true, .wide = true, .dtype = SMELT_DTYPE_F8E5M2});
    check_product((struct product){.m = 1, .n = 128, .k = 64, .dtype = SMELT_DTYPE_F16});
    check_product((struct product){.m = 96, .n = 32, .k = 32, .dtype = SMELT_DTYPE_F16});
    // Operands that f16 holds: relaxed rounds nothing of them.
    check_product(
        (struct product){.m = 33, .n = 24, .k = 40, .dtype = SMELT_DTYPE_F32, .wide = true, .relaxed = true});
}

// 64 sizes have pipelines of their own; those beyond push theirs.
static void more_sizes_than_pipelines(void)
{
    for (uint32_t k = 1; k <= 68; k++)
        check_product(
            (struct product){.m = 3, .n = 5, .k = k, .wide = true, .dtype = SMELT_DTYPE_F16, .baked = true});
}

#define REFUSED(result, text) CHECK_FAILS(smelt_encode_matmul2d(encoder, &p), result, text)

static void refuses_bad_calls(void)
{
    smelt_tensor a = matrix(SMELT_DTYPE_F16, 0, 8, 16, 0), b = matrix(SMELT_DTYPE_F16, 0, 16, 8, 0);
    smelt_tensor d = matrix(SMELT_DTYPE_F16, 0, 8, 8, 0), deep = matrix(SMELT_DTYPE_F16, 2, 8, 16, 0);
    smelt_tensor single = matrix(SMELT_DTYPE_F32, 0, 16, 8, 0), bytes = matrix(SMELT_DTYPE_U8, 0, 8, 16, 0);
    const struct smelt_matmul2d_params good = {.a = a, .b = b, .d = d};
    struct smelt_matmul2d_params p = good;
    CHECK_FAILS(smelt_encode_matmul2d(NULL, &p), SMELT_ERROR_INVALID_ARGUMENT, "encoder is NULL");
    smelt_encoder encoder = test_begin();
    CHECK_FAILS(smelt_encode_matmul2d(encoder, NULL), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    p.b = NULL;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "b is NULL");
    p = good;
    p.a = bytes;
    REFUSED(SMELT_ERROR_DTYPE, "b 'tensor' is f16, wanted i8, u8, i4 or u4 with a of i8 or u8");
    p.a = b;
    REFUSED(SMELT_ERROR_SHAPE, "the extent of b along the sum is 16, wanted 8");
    p.a = deep;
    REFUSED(SMELT_ERROR_SHAPE, "the batch of a is 2, wanted 1");
    p = good;
    p.b = single;
    REFUSED(SMELT_ERROR_DTYPE, "b 'tensor' is f32, wanted f16 as a");
    p = good;
    p.computed = SMELT_DTYPE_BF16;
    REFUSED(SMELT_ERROR_DTYPE, "computed is bf16, stored is f16 and stored_left is f16");
    smelt_tensor brain = matrix(SMELT_DTYPE_BF16, 0, 16, 16, 0),
                 other = matrix(SMELT_DTYPE_F16, 0, 16, 16, 0);
    p = (struct smelt_matmul2d_params){.a = brain, .b = brain, .d = other};
    REFUSED(SMELT_ERROR_DTYPE, "d 'tensor' is f16, wanted f32 or bf16 for operands of bf16");
    smelt_tensor wide = matrix(SMELT_DTYPE_F32, 0, 16, 16, 0);
    p = (struct smelt_matmul2d_params){.a = brain, .b = brain, .d = wide, .accumulated = SMELT_DTYPE_F16};
    REFUSED(SMELT_ERROR_DTYPE, "accumulated is f16 and computed is bf16, wanted f32 (or none: f32)");
    p = good;
    p.transpose_right = true;
    REFUSED(SMELT_ERROR_SHAPE, "the extent of b along the sum is 8, wanted 16");
    p = good;
    p.d = a;
    REFUSED(SMELT_ERROR_SHAPE, "the number of columns of d is 16, wanted 8");
    p = good;
    p.bias = a;
    REFUSED(SMELT_ERROR_SHAPE, "bias 'tensor' has rank 2, wanted 1");
    smelt_tensor square = matrix(SMELT_DTYPE_F16, 0, 8, 8, 0);
    p = (struct smelt_matmul2d_params){.a = square, .b = d, .d = square};
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "shares bytes with an operand");
    p = good;
    p.activation = (enum smelt_activation)99;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "activation is 99");
    p = good;
    p.relaxed = p.baked = true;
    p.backend = SMELT_BACKEND_PORTABLE;
    REFUSED(SMELT_ERROR_UNSUPPORTED, "relaxed is set, and is not baked, wanted false");
    p = good;
    p.tiling.k = 9;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "tile_k is 9, wanted a multiple of 8");
    p = good;
    p.backend = SMELT_BACKEND_COOPVEC;
    REFUSED(SMELT_ERROR_UNSUPPORTED, "computes at THREAD scope only");
    test_end(encoder);
    smelt_tensor *all[] = {&a, &b, &d, &deep, &single, &bytes, &square, &brain, &other, &wide};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        smelt_tensor_destroy(all[i]);
}

// An instance of a whole workgroup in a type that matrices multiply as it is stored, for no particular device.
static void compile_native(enum smelt_dtype dtype, enum smelt_backend backend, uint32_t alignment, bool left,
                           bool right)
{
    struct smelt_matmul2d_descriptor d = {.scope = SMELT_SCOPE_WORKGROUP,
                                          .transpose_left = left,
                                          .transpose_right = right,
                                          .alignment = alignment,
                                          .tile_k = 64,
                                          .stored = dtype,
                                          .computed = dtype,
                                          .backend = backend};
    struct smelt_op op = {.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &d};
    char source[1024];
    const char *name = smelt_dtype_name(dtype);
    snprintf(source, sizeof(source),
             "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/op/product.glsl\"\n"
             "layout(local_size_x = product_WORKGROUP_SIZE) in;\n"
             "layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer block\n"
             "{ product_left_%s_2_r_0x0 a; product_right_%s_2_r_0x0 b; };\n"
             "layout(push_constant, scalar) uniform push { block p; };\n"
             "layout(set = 0, binding = 0, scalar) buffer result { float e[]; } r;\n"
             "void main() { product_result d; product_run(d, p.a, p.b, 0, 0); r.e[0] = smelt_get(d, 0); }\n",
             name, name);
    struct smelt_shader_params params = {.source = source,
                                         .path = "native.comp",
                                         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                         .ops = &op,
                                         .op_count = 1,
                                         .no_cache = true};
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(NULL, &params, &shader));
    const struct smelt_shader_info *info = smelt_shader_info(shader);
    struct smelt_op_info told;
    CHECK_OK(smelt_op_query(NULL, &op, 0, &told));
    uint64_t features = told.features;
    CHECK(capability_beyond(info->spirv, info->spirv_size, features) == UINT32_MAX);
    CHECK(capability_untold(info->spirv, info->spirv_size, &told, 1) == UINT32_MAX);
    // It does multiply in that type, and asks for no other.
    CHECK(capability_beyond(info->spirv, info->spirv_size, features & ~smelt_dtype_features(dtype)) !=
          UINT32_MAX);
    smelt_shader_destroy(&shader);
}

static void native_types_compile_where_the_compiler_has_them(void)
{
    static const enum smelt_dtype dtypes[] = {SMELT_DTYPE_BF16, SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F8E5M2};
    static const enum smelt_backend backends[] = {SMELT_BACKEND_COOPMAT, SMELT_BACKEND_COOPMAT2};
    const struct smelt_capabilities *c = smelt_context_capabilities(test_context());
    uint32_t compiled = 0;
    for (int t = 0; t < 3; t++)
        for (int b = 0; b < 2; b++) {
            if (!c->compiler_dtypes[dtypes[t]] || !c->compiler_backends[backends[b]])
                continue;
            for (uint32_t i = 0; i < 4; i++, compiled++)
                compile_native(dtypes[t], backends[b], 1u << i, i & 1, i >> 1);
        }
    if (!compiled)
        SKIP("the GLSL compiler has no matrices of bf16, f8e4m3 or f8e5m2");
}

static const struct test tests[] = {
    {"products are right", products_are_right},
    {"more sizes than pipelines", more_sizes_than_pipelines},
    {"refuses bad calls", refuses_bad_calls},
    {"native types compile where the compiler has them", native_types_compile_where_the_compiler_has_them},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
