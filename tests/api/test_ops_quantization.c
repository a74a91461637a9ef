// SPDX-License-Identifier: MIT
// Products and convolutions of integers with zero points and scales, against sums of integers: what ONNX's MatMulInteger,
// ConvInteger, QLinearMatMul and QLinearConv are built of. Scales are powers of 2, so that results are exact.
#include "rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define I8 SMELT_DTYPE_I8
#define U8 SMELT_DTYPE_U8
#define I32 SMELT_DTYPE_I32
#define F32 SMELT_DTYPE_F32
#define F16 SMELT_DTYPE_F16
#define MOST 8192 // elements

// Values on both sides.
struct data {
    double v[MOST];
    smelt_tensor tensor;
};

// A tensor of `count` values by a rule of their own.
static void make(struct data *t, enum smelt_dtype dtype, uint32_t rank, const uint64_t *shape, uint32_t seed)
{
    static float values[MOST];
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= shape[i];
    CHECK(count <= MOST);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t x = ((uint32_t)i + 7) * 2654435761u + seed * 40503u;
        x = (x ^ x >> 15) * 2246822519u;
        x ^= x >> 13;
        int byte = (int)(x & 255);
        t->v[i] = dtype == I8 ? byte - 128 : dtype == U8 ? byte : byte * 8 - 1000;
        values[i] = (float)t->v[i];
    }
    static uint8_t stored[4 * MOST];
    smelt_dtype_convert(dtype, stored, F32, values, count);
    t->tensor = rig_tensor(test_context(), dtype, rank, shape, stored);
}

// A vector of the values given, `count` or 1 of them.
static smelt_tensor vector(struct data *t, enum smelt_dtype dtype, uint64_t count, double first, double step)
{
    static float values[MOST];
    for (uint64_t i = 0; i < count; i++)
        values[i] = (float)(t->v[i] = first + step * (double)(i % 5));
    static uint8_t stored[4 * MOST];
    smelt_dtype_convert(dtype, stored, F32, values, count);
    return t->tensor = rig_tensor(test_context(), dtype, 1, &count, stored);
}

struct quantities {
    enum smelt_dtype left, right, d;
    bool zero_a, zero_d, residual, relu;
    uint32_t zero_b, scale; // 0, 1, or more: one for each column
};

static struct data a, b, bias, residual, zero_a, zero_b, scale, zero_d, d;

// The tensors of a call with `columns` columns; scales are 2^-7 to 2^-3 where there are several.
static struct smelt_quantization quantization_of(const struct quantities *q, uint64_t columns)
{
    struct smelt_quantization made = {0};
    if (q->zero_a)
        made.zero_a = vector(&zero_a, q->left, 1, q->left == I8 ? -128 : 131, 0);
    if (q->zero_b)
        made.zero_b = vector(&zero_b, q->right, q->zero_b > 1 ? columns : 1, q->right == I8 ? -3 : 126, 2);
    if (q->scale) {
        made.scale = vector(&scale, F32, q->scale > 1 ? columns : 1, 0, 1);
        float values[MOST];
        for (uint64_t i = 0; i < (q->scale > 1 ? columns : 1); i++)
            values[i] = (float)(scale.v[i] = ldexp(1, (int)scale.v[i] - 9));
        CHECK_OK(smelt_tensor_write_and_wait(made.scale, NULL, values, 4 * (q->scale > 1 ? columns : 1)));
    }
    if (q->zero_d)
        made.zero_d = vector(&zero_d, q->d, 1, q->d == I8 ? -5 : 120, 0);
    return made;
}

static double zero_of_b(const struct quantities *q, uint64_t column)
{
    return q->zero_b ? zero_b.v[q->zero_b > 1 ? column : 0] : 0;
}

// What a sum becomes.
static double result_of(const struct quantities *q, double sum, uint64_t column, double added)
{
    if (!q->scale)
        return q->relu ? fmax(sum + added, 0) : sum + added;
    double v = sum * scale.v[q->scale > 1 ? column : 0] + added;
    v = q->relu ? fmax(v, 0) : v;
    if (q->d == F32 || q->d == F16)
        return v;
    v = nearbyint(v) + (q->zero_d ? zero_d.v[0] : 0);
    return fmin(fmax(v, q->d == I8 ? -128 : 0), q->d == I8 ? 127 : 255);
}

// Compares d with `wanted`, to the last bit but in f16.
static uint32_t count_wrong(const struct quantities *q, const double *wanted, uint64_t count)
{
    static uint8_t data[4 * MOST];
    static float got[MOST];
    static int32_t words[MOST];
    uint32_t wrong = 0;
    CHECK_OK(smelt_tensor_read_and_wait(d.tensor, NULL, data, smelt_dtype_size(q->d, count)));
    if (q->d == I32)
        memcpy(words, data, 4 * count);
    else
        smelt_dtype_convert(F32, got, q->d, data, count);
    for (uint64_t i = 0; i < count; i++) {
        double value = q->d == I32 ? words[i] : got[i];
        wrong += !(fabs(value - wanted[i]) <= (q->d == F16 ? 0x1p-10 * fabs(wanted[i]) : 0));
    }
    return wrong;
}

static void drop_all(void)
{
    struct data *all[] = {&a, &b, &bias, &residual, &zero_a, &zero_b, &scale, &zero_d, &d};
    for (size_t i = 0; i < SMELT_COUNT_OF(all); i++)
        smelt_tensor_destroy(&all[i]->tensor);
}

// Without a scale, i32; with one of d's kinds. What zero points and scales there are is for the last ones to say.
static const struct quantities kinds[] = {
    {U8, I8, I32, .zero_a = true},
    {I8, I8, I32, .zero_b = 2, .residual = true, .relu = true},
    {U8, U8, U8, .zero_a = true, .zero_b = 1, .scale = 1, .zero_d = true},
    {U8, I8, U8, .zero_a = true, .zero_b = 2, .scale = 2, .zero_d = true},
    {I8, I8, I8, .scale = 2, .zero_d = true, .relu = true},
    {I8, U8, F32, .zero_a = true, .zero_b = 2, .scale = 2, .residual = true, .relu = true},
    {U8, I8, F16, .scale = 1},
};

// Each kernel takes a second to compile: some of the kinds, by a set of their bits, each with one of the shapes.
static bool takes(size_t kind, size_t shape, size_t shapes, uint32_t kinds_taken)
{
    return shape == kind % shapes && (kinds_taken >> kind & 1);
}

// Kernels of integers are compiled when first needed; refuses_bad_calls has what is said where they cannot be.
static void require_compiler(void)
{
    if (!smelt_context_capabilities(test_context())->compiler)
        SKIP("this build has no GLSL compiler");
}

static void products(void)
{
    require_compiler();
    const struct {
        uint32_t batch, m, n, k, splits;
        bool left, right;
    } shapes[] = {
        {1, 19, 37, 75, 0, false, true}, {2, 33, 8, 40, 0, true, false}, {1, 3, 16, 64, 2, false, true}};
    for (size_t i = 0; i < SMELT_COUNT_OF(kinds) * SMELT_COUNT_OF(shapes); i++) {
        const struct quantities *q = &kinds[i / SMELT_COUNT_OF(shapes)];
        uint32_t s = (uint32_t)(i % SMELT_COUNT_OF(shapes)), m = shapes[s].m, n = shapes[s].n,
                 k = shapes[s].k;
        bool left = shapes[s].left, right = shapes[s].right;
        if (!takes(i / SMELT_COUNT_OF(shapes), s, SMELT_COUNT_OF(shapes), 0x62))
            continue;
        const uint64_t of_a[3] = {shapes[s].batch, left ? k : m, left ? m : k};
        const uint64_t of_b[2] = {right ? n : k, right ? k : n}, of_d[3] = {shapes[s].batch, m, n},
                       columns = n;
        make(&a, q->left, 3, of_a, 1);
        make(&b, q->right, 2, of_b, 2);
        make(&bias, I32, 1, &columns, 3);
        make(&d, q->d, 3, of_d, 4);
        if (q->residual)
            make(&residual, q->d, 3, of_d, 5);
        struct smelt_matmul2d_params p = {
            .a = a.tensor,
            .b = b.tensor,
            .bias = bias.tensor,
            .d = d.tensor,
            .residual = q->residual ? residual.tensor : NULL,
            .quantization = quantization_of(q, n),
            .transpose_left = left,
            .transpose_right = right,
            .activation = q->relu ? SMELT_ACTIVATION_RELU : SMELT_ACTIVATION_NONE,
            .splits = shapes[s].splits,
        };
        uint64_t bytes = 0;
        CHECK_OK(smelt_matmul2d_scratch_size(&p, &bytes));
        const uint64_t words = SMELT_MAX(bytes / 4, 1);
        p.scratch = rig_tensor(test_context(), F32, 1, &words, NULL);
        smelt_encoder encoder = test_begin();
        CHECK_OK(smelt_encode_matmul2d(encoder, &p));
        test_end(encoder);
        static double wanted[MOST];
        for (uint64_t at = 0; at < of_d[0] * m * n; at++) {
            uint64_t column = at % n, row = at / n % m, batch = at / n / m;
            double sum = bias.v[column];
            for (uint32_t t = 0; t < k; t++)
                sum += (a.v[(batch * of_a[1] + (left ? t : row)) * of_a[2] + (left ? row : t)] -
                        (q->zero_a ? zero_a.v[0] : 0)) *
                       (b.v[right ? column * k + t : t * n + column] - zero_of_b(q, column));
            wanted[at] = result_of(q, sum, column, q->residual ? residual.v[at] : 0);
        }
        uint32_t wrong = count_wrong(q, wanted, of_d[0] * m * n);
        if (wrong)
            printf("kind %u, shape %u\n", (unsigned)(i / SMELT_COUNT_OF(shapes)), s);
        CHECK(wrong == 0);
        smelt_tensor_destroy(&p.scratch);
        drop_all();
    }
}

// NHWC and HWIO, or NCHW and OIHW.
static void convolutions(void)
{
    require_compiler();
    const struct {
        uint32_t n, h, w, c, o, kernel, stride, padding, groups;
        bool nchw;
    } shapes[] = {{2, 5, 6, 8, 17, 3, 1, 1, 1, false},
                  {1, 7, 6, 3, 8, 3, 2, 1, 1, true},
                  {1, 6, 5, 8, 8, 3, 1, 1, 8, false},
                  {1, 4, 9, 16, 12, 1, 1, 0, 1, false}};
    for (size_t i = 0; i < SMELT_COUNT_OF(kinds) * SMELT_COUNT_OF(shapes); i++) {
        const struct quantities *q = &kinds[i / SMELT_COUNT_OF(shapes)];
        uint32_t s = (uint32_t)(i % SMELT_COUNT_OF(shapes)), groups = shapes[s].groups;
        uint32_t n = shapes[s].n, h = shapes[s].h, w = shapes[s].w, c = shapes[s].c, o = shapes[s].o;
        uint32_t kernel = shapes[s].kernel, stride = shapes[s].stride, pad = shapes[s].padding;
        uint32_t inputs = c / groups, rows = (h + 2 * pad - kernel) / stride + 1,
                 columns = (w + 2 * pad - kernel) / stride + 1;
        bool nchw = shapes[s].nchw;
        if (!takes(i / SMELT_COUNT_OF(shapes), s, SMELT_COUNT_OF(shapes), 0x3c))
            continue;
        const uint64_t nhwc[4] = {n, h, w, c}, as_nchw[4] = {n, c, h, w},
                       hwio[4] = {kernel, kernel, inputs, o}, oihw[4] = {o, inputs, kernel, kernel},
                       result[4] = {n, rows, columns, o}, result_nchw[4] = {n, o, rows, columns}, outputs = o;
        make(&a, q->left, 4, nchw ? as_nchw : nhwc, 1);
        make(&b, q->right, 4, nchw ? oihw : hwio, 2);
        make(&bias, I32, 1, &outputs, 3);
        make(&d, q->d, 4, nchw ? result_nchw : result, 4);
        if (q->residual)
            make(&residual, q->d, 4, nchw ? result_nchw : result, 5);
        const struct smelt_convolution2d_params p = {
            .a = a.tensor,
            .b = b.tensor,
            .bias = bias.tensor,
            .d = d.tensor,
            .residual = q->residual ? residual.tensor : NULL,
            .image_layout = nchw ? SMELT_IMAGE_NCHW : SMELT_IMAGE_NHWC,
            .weight_layout = nchw ? SMELT_WEIGHT_OIHW : SMELT_WEIGHT_HWIO,
            .geometry = {.stride_y = stride,
                         .stride_x = stride,
                         .padding_top = pad,
                         .padding_left = pad,
                         .padding_bottom = pad,
                         .padding_right = pad,
                         .groups = groups},
            .quantization = quantization_of(q, o),
            .activation = q->relu ? SMELT_ACTIVATION_RELU : SMELT_ACTIVATION_NONE,
        };
        smelt_encoder encoder = test_begin();
        CHECK_OK(smelt_encode_convolution2d(encoder, &p));
        test_end(encoder);
        static double wanted[MOST];
        uint64_t count = (uint64_t)n * rows * columns * o;
        for (uint64_t at = 0; at < count; at++) {
            uint64_t channel = nchw ? at / columns / rows % o : at % o;
            uint64_t pixel =
                nchw ? at % ((uint64_t)rows * columns) + at / o / rows / columns * rows * columns : at / o;
            uint64_t x = pixel % columns, y = pixel / columns % rows, image = pixel / columns / rows;
            double sum = bias.v[channel];
            for (uint32_t t = 0; t < kernel * kernel * inputs; t++) {
                uint32_t in = t % inputs, kx = t / inputs % kernel, ky = t / inputs / kernel;
                int64_t sy = (int64_t)(y * stride + ky) - pad, sx = (int64_t)(x * stride + kx) - pad;
                uint64_t from = channel / (o / groups) * inputs + in;
                if (sy < 0 || sy >= h || sx < 0 || sx >= w)
                    continue; // as zero_a
                double left = nchw ? a.v[((image * c + from) * h + (uint64_t)sy) * w + (uint64_t)sx]
                                   : a.v[((image * h + (uint64_t)sy) * w + (uint64_t)sx) * c + from];
                double right = nchw ? b.v[((channel * inputs + in) * kernel + ky) * kernel + kx]
                                    : b.v[((ky * kernel + kx) * inputs + in) * o + channel];
                sum += (left - (q->zero_a ? zero_a.v[0] : 0)) * (right - zero_of_b(q, channel));
            }
            wanted[at] = result_of(q, sum, channel, q->residual ? residual.v[at] : 0);
        }
        uint32_t wrong = count_wrong(q, wanted, count);
        if (wrong)
            printf("kind %u, shape %u\n", (unsigned)(i / SMELT_COUNT_OF(shapes)), s);
        CHECK(wrong == 0);
        drop_all();
    }
}

#define REFUSED(result, text) CHECK_FAILS(smelt_encode_matmul2d(encoder, &p), result, text)

static void refuses_bad_calls(void)
{
    const uint64_t of_a[2] = {8, 16}, of_b[2] = {16, 4}, of_d[2] = {8, 4}, one = 1, two = 2, four = 4;
    static struct data half, wide, bytes, each, pair, of_f32;
    make(&a, U8, 2, of_a, 1);
    make(&b, I8, 2, of_b, 2);
    make(&half, F16, 2, of_a, 1);
    make(&wide, I32, 2, of_d, 1);
    make(&bytes, U8, 2, of_d, 1);
    make(&residual, U8, 2, of_d, 1);
    make(&zero_a, U8, 1, &one, 1);
    make(&zero_b, I8, 1, &four, 1);
    make(&each, U8, 1, &four, 1);
    make(&pair, F32, 1, &two, 1);
    make(&scale, F32, 1, &one, 1);
    make(&of_f32, F32, 2, of_d, 1);
    const struct smelt_matmul2d_params good = {.a = a.tensor, .b = b.tensor, .d = wide.tensor};
    struct smelt_matmul2d_params p = good;
    smelt_encoder encoder = test_begin();
    p.quantization.zero_a = zero_b.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "quantization.zero_a 'tensor' is i8, wanted u8");
    p.quantization.zero_a = each.tensor;
    REFUSED(SMELT_ERROR_SHAPE, "quantization.zero_a 'tensor' has rank 1 and extent 4, wanted");
    p = good;
    p.quantization.zero_b = zero_a.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "quantization.zero_b 'tensor' is u8, wanted i8");
    p = good;
    p.accumulated = F32;
    REFUSED(SMELT_ERROR_DTYPE, "computed is none and accumulated f32 with operands of integers, wanted i8");
    p.accumulated = SMELT_DTYPE_NONE;
    p.computed = F16;
    REFUSED(SMELT_ERROR_DTYPE, "computed is f16 and accumulated none with operands of integers, wanted i8");
    p = good;
    p.quantization.scale = pair.tensor;
    REFUSED(SMELT_ERROR_SHAPE,
            "extent 2, wanted rank 1 without gaps and extent 1 or one for each output channel");
    p.quantization.scale = zero_a.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "quantization.scale 'tensor' is u8, wanted f32");
    p.quantization.scale = scale.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "d 'tensor' is i32, wanted f32, f16, i8 or u8 with quantization.scale");
    p = good;
    p.d = bytes.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "d 'tensor' is u8, wanted i32 for operands of integers without");
    p.quantization.scale = scale.tensor;
    p.residual = residual.tensor;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "residual is set with d of u8, wanted NULL");
    p.residual = NULL;
    p.quantization.zero_d = zero_b.tensor;
    REFUSED(SMELT_ERROR_DTYPE, "quantization.zero_d 'tensor' is i8, wanted u8");
    p.d = of_f32.tensor;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "quantization.zero_d is set with d of f32, wanted NULL");
    p = (struct smelt_matmul2d_params){.a = half.tensor, .b = half.tensor, .d = of_f32.tensor};
    p.quantization.scale = scale.tensor;
    const uint64_t square[2] = {8, 8};
    smelt_tensor_destroy(&of_f32.tensor);
    make(&of_f32, F32, 2, square, 1);
    p.d = of_f32.tensor;
    p.transpose_right = true;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "quantization is set with a of f16, wanted NULLs");
    p = good;
    p.backend = SMELT_BACKEND_PORTABLE;
    p.baked = true;
    REFUSED(SMELT_ERROR_UNSUPPORTED, "a kernel of u8 by i8 is not baked, wanted f32, f16 or bf16 of both");
    const uint64_t of_image[4] = {1, 3, 3, 4}, of_kernel[4] = {3, 3, 4, 2}, of_result[4] = {1, 1, 1, 2};
    static struct data picture, kernel, result;
    make(&picture, U8, 4, of_image, 1);
    make(&kernel, I8, 4, of_kernel, 1);
    make(&result, I32, 4, of_result, 1);
    const struct smelt_convolution2d_params baked = {.a = picture.tensor,
                                                     .b = kernel.tensor,
                                                     .d = result.tensor,
                                                     .backend = SMELT_BACKEND_PORTABLE,
                                                     .baked = true};
    CHECK_FAILS(smelt_encode_convolution2d(encoder, &baked), SMELT_ERROR_UNSUPPORTED,
                "convolution2d: a kernel of u8 by i8 is not baked, wanted f32 or f16 of both");
    const struct smelt_convolution2d_params in_floats = {
        .a = picture.tensor, .b = kernel.tensor, .d = result.tensor, .accumulated = F32};
    CHECK_FAILS(smelt_encode_convolution2d(encoder, &in_floats), SMELT_ERROR_DTYPE,
                "convolution2d: computed is none and accumulated f32 with operands of integers, wanted i8");
    test_end(encoder);
    struct data *all[] = {&picture, &kernel, &result, &half, &wide, &bytes, &each, &pair, &of_f32};
    for (size_t i = 0; i < SMELT_COUNT_OF(all); i++)
        smelt_tensor_destroy(&all[i]->tensor);
    drop_all();
}

static enum smelt_result query(struct smelt_op op)
{
    struct smelt_op_info info;
    op.name = "op";
    return smelt_op_query(test_context(), &op, 0, &info);
}

// The descriptors' field, and types that convolutions of integers have not.
static void descriptors(void)
{
    struct smelt_matmul2d_descriptor product = {.scope = SMELT_SCOPE_WORKGROUP, .zero_points = true};
    struct smelt_op op = {.kind = SMELT_OP_MATMUL2D, .matmul2d = &product};
    CHECK_FAILS(query(op), SMELT_ERROR_INVALID_ARGUMENT,
                "zero_points is set, wanted false but for computed i8");
    product = (struct smelt_matmul2d_descriptor){
        .n = 8, .k = 8, .stored = I8, .stored_left = I8, .zero_points = true};
    CHECK_FAILS(query(op), SMELT_ERROR_INVALID_ARGUMENT, "zero_points is set, wanted false at THREAD scope");
    struct smelt_convolution2d_descriptor convolution = {.scope = SMELT_SCOPE_WORKGROUP, .zero_points = true};
    op = (struct smelt_op){.kind = SMELT_OP_CONVOLUTION2D, .convolution2d = &convolution};
    CHECK_FAILS(query(op), SMELT_ERROR_INVALID_ARGUMENT,
                "zero_points is set, wanted false but for computed i8");
    convolution.stored_left = U8;
    convolution.stored = I8;
    CHECK_OK(query(op));
    convolution.stored = SMELT_DTYPE_I4;
    CHECK_FAILS(query(op), SMELT_ERROR_DTYPE, "stored is i4 with computed i8, wanted i8 or u8");
    convolution.stored = I8;
    convolution.activation = SMELT_ACTIVATION_GELU;
    CHECK_FAILS(query(op), SMELT_ERROR_INVALID_ARGUMENT,
                "activation is gelu with computed i8, wanted none or relu");
}

static const struct test tests[] = {
    {"products", products},
    {"convolutions", convolutions},
    {"refuses bad calls", refuses_bad_calls},
    {"descriptors", descriptors},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
