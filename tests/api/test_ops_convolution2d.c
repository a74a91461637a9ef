// SPDX-License-Identifier: MIT
// convolution2d: its descriptor's fields, and smelt_encode_convolution2d on whole tensors against sums in double, with
// everything it refuses.
#include "rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct convolution {
    uint32_t n, h, w, c, o, kernel_h, kernel_w; // c, o: all channels
    struct smelt_convolution2d_geometry geometry;
    enum smelt_image_layout image;
    enum smelt_weight_layout weight;
    enum smelt_dtype dtype;
    enum smelt_activation activation;
    bool bias, wide, baked, relaxed; // wide: d is f32
    enum smelt_backend backend;
    uint32_t gap; // elements between rows of images, and of the weight
    struct smelt_matmul2d_tiling tiling;
    bool residual;  // what d holds, of noise
    uint32_t step;  // between channels of a
    uint32_t block; // depth_to_space; 0: none
};

static double noise(uint64_t i, uint32_t seed)
{
    uint32_t x = (uint32_t)i * 2654435761u + seed * 40503u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return (double)(x & 255) / 128 - 1; // 8 bits: exact in f16
}

static uint32_t or_one(uint32_t value)
{
    return value ? value : 1;
}

static uint32_t extent(const struct smelt_convolution2d_geometry *g, uint32_t image, uint32_t kernel,
                       uint32_t stride, uint32_t dilation, uint32_t padding, uint32_t more)
{
    uint32_t reach = (kernel - 1) * or_one(dilation) + 1;
    return g->transposed ? (image - 1) * or_one(stride) + reach + more - padding
                         : (image + padding - reach) / or_one(stride) + 1;
}

// `gap` elements behind each innermost row, whose elements are `step` apart (0: 1).
static smelt_tensor tensor4_apart(enum smelt_dtype dtype, const uint32_t shape[4], uint32_t gap,
                                  uint32_t step)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = 4};
    uint64_t stride = or_one(step);
    for (int i = 3; i >= 0; i--) {
        params.shape[i] = shape[i];
        params.strides[i] = stride;
        stride = stride * shape[i] + (i == 3 ? gap : 0);
    }
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(test_context(), &params, &tensor));
    return tensor;
}

static smelt_tensor tensor4(enum smelt_dtype dtype, const uint32_t shape[4], uint32_t gap)
{
    return tensor4_apart(dtype, shape, gap, 1);
}

static smelt_tensor image(enum smelt_dtype dtype, enum smelt_image_layout layout, uint32_t n, uint32_t h,
                          uint32_t w, uint32_t c, uint32_t gap)
{
    const uint32_t nhwc[4] = {n, h, w, c}, nchw[4] = {n, c, h, w};
    return tensor4(dtype, layout == SMELT_IMAGE_NCHW ? nchw : nhwc, gap);
}

static void write_noise(smelt_tensor tensor, uint32_t seed)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    uint64_t count = smelt_tensor_element_count(tensor), size = smelt_dtype_size(info->dtype, count);
    float *values = malloc(count * sizeof(float));
    void *data = malloc(size);
    for (uint64_t i = 0; i < count; i++)
        values[i] = (float)noise(i, seed);
    smelt_dtype_convert(info->dtype, data, SMELT_DTYPE_F32, values, count);
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, size));
    free(values);
    free(data);
}

static uint64_t image_index(const struct convolution *p, uint32_t n, uint32_t y, uint32_t x, uint32_t c,
                            uint32_t h, uint32_t w, uint32_t channels)
{
    return p->image == SMELT_IMAGE_NCHW ? (((uint64_t)n * channels + c) * h + y) * w + x
                                        : (((uint64_t)n * h + y) * w + x) * channels + c;
}

static double weight_of(const struct convolution *p, uint32_t ky, uint32_t kx, uint32_t i, uint32_t o)
{
    uint32_t groups = or_one(p->geometry.groups), inputs = p->c / groups, outputs = p->o / groups;
    uint64_t kh = p->kernel_h, kw = p->kernel_w;
    switch (p->weight) {
    case SMELT_WEIGHT_HWIO:
        return noise(((ky * kw + kx) * inputs + i) * p->o + o, 2);
    case SMELT_WEIGHT_OHWI:
        return noise(((o * kh + ky) * kw + kx) * inputs + i, 2);
    case SMELT_WEIGHT_OIHW:
        return noise((((uint64_t)o * inputs + i) * kh + ky) * kw + kx, 2);
    default:
        return noise((((uint64_t)(o / outputs * inputs + i) * outputs + o % outputs) * kh + ky) * kw + kx, 2);
    }
}

// Where tap k of output y reads; -1: nowhere.
static int64_t source(const struct smelt_convolution2d_geometry *g, uint32_t y, uint32_t k, uint32_t stride,
                      uint32_t dilation, uint32_t padding, uint32_t image)
{
    int64_t tap = (int64_t)k * or_one(dilation) - padding;
    for (int64_t i = 0; i < image; i++)
        if (g->transposed ? i * or_one(stride) + tap == y : (int64_t)y * or_one(stride) + tap == i)
            return i;
    return -1;
}

static double wanted(const struct convolution *p, uint32_t n, uint32_t y, uint32_t x, uint32_t o,
                     double *size)
{
    const struct smelt_convolution2d_geometry *g = &p->geometry;
    uint32_t groups = or_one(g->groups), inputs = p->c / groups, first = o / (p->o / groups) * inputs;
    double sum = p->bias ? noise(o, 3) : 0;
    *size = fabs(sum);
    for (uint32_t ky = 0; ky < p->kernel_h; ky++)
        for (uint32_t kx = 0; kx < p->kernel_w; kx++) {
            int64_t at_y = source(g, y, ky, g->stride_y, g->dilation_y, g->padding_top, p->h);
            int64_t at_x = source(g, x, kx, g->stride_x, g->dilation_x, g->padding_left, p->w);
            for (uint32_t i = 0; at_y >= 0 && at_x >= 0 && i < inputs; i++) {
                double product =
                    noise(image_index(p, n, (uint32_t)at_y, (uint32_t)at_x, first + i, p->h, p->w, p->c), 1) *
                    weight_of(p, ky, kx, i, o);
                sum += product;
                *size += fabs(product);
            }
        }
    return sum;
}

static smelt_tensor weight(const struct convolution *p)
{
    uint32_t groups = or_one(p->geometry.groups), i = p->c / groups, h = p->kernel_h, w = p->kernel_w;
    const uint32_t shapes[4][4] = {
        {h, w, i, p->o}, {p->o, h, w, i}, {p->o, i, h, w}, {p->c, p->o / groups, h, w}};
    return tensor4(p->dtype, shapes[p->weight], p->gap);
}

static struct smelt_convolution2d_params params_of(const struct convolution *p, uint32_t h, uint32_t w)
{
    struct smelt_convolution2d_params params = {
        .a = p->step ? tensor4_apart(p->dtype, (const uint32_t[]){p->n, p->h, p->w, p->c}, p->gap, p->step)
                     : image(p->dtype, p->image, p->n, p->h, p->w, p->c, p->gap),
        .b = weight(p),
        .d = image(p->wide ? SMELT_DTYPE_F32 : SMELT_DTYPE_F16, p->image, p->n, h * or_one(p->block),
                   w * or_one(p->block), p->o / or_one(p->block) / or_one(p->block), p->gap),
        .depth_to_space = p->block,
        .image_layout = p->image,
        .weight_layout = p->weight,
        .geometry = p->geometry,
        .activation = p->activation,
        .accumulated = SMELT_DTYPE_F32,
        .backend = p->backend,
        .tiling = p->tiling,
        .baked = p->baked,
        .relaxed = p->relaxed,
    };
    const struct smelt_tensor_params bias = {.dtype = p->dtype, .rank = 1, .shape = {p->o}};
    if (p->bias)
        CHECK_OK(smelt_tensor_create(test_context(), &bias, &params.bias));
    write_noise(params.a, 1);
    write_noise(params.b, 2);
    if (params.bias)
        write_noise(params.bias, 3);
    if (p->residual) {
        params.residual = params.d;
        write_noise(params.d, 4);
    }
    return params;
}

static void check_convolution(struct convolution p)
{
    const struct smelt_convolution2d_geometry *g = &p.geometry;
    uint32_t h = extent(g, p.h, p.kernel_h, g->stride_y, g->dilation_y, g->padding_top + g->padding_bottom,
                        g->output_padding_y);
    uint32_t w = extent(g, p.w, p.kernel_w, g->stride_x, g->dilation_x, g->padding_left + g->padding_right,
                        g->output_padding_x);
    struct smelt_convolution2d_params params = params_of(&p, h, w);
    smelt_encoder encoder = test_begin();
    CHECK_OK(smelt_encode_convolution2d(encoder, &params));
    test_end(encoder);
    uint64_t count = (uint64_t)p.n * h * w * p.o;
    enum smelt_dtype dtype = p.wide ? SMELT_DTYPE_F32 : SMELT_DTYPE_F16;
    void *data = calloc(count, 4);
    float *got = calloc(count, sizeof(float));
    CHECK_OK(smelt_tensor_read_and_wait(params.d, NULL, data, smelt_dtype_size(dtype, count)));
    smelt_dtype_convert(SMELT_DTYPE_F32, got, dtype, data, count);
    uint32_t wrong = 0, terms = p.kernel_h * p.kernel_w * p.c / or_one(g->groups);
    for (uint32_t n = 0; n < p.n; n++)
        for (uint32_t y = 0; y < h; y++)
            for (uint32_t x = 0; x < w; x++)
                for (uint32_t o = 0; o < p.o; o++) {
                    uint32_t b = or_one(p.block), in = o % (b * b);
                    uint64_t at = image_index(&p, n, y * b + in / b, x * b + in % b, o / (b * b), h * b,
                                              w * b, p.o / (b * b));
                    double size, exact = wanted(&p, n, y, x, o, &size);
                    if (p.residual)
                        exact += noise(at, 4);
                    if (p.activation == SMELT_ACTIVATION_RELU)
                        exact = fmax(exact, 0);
                    double bound = (2 * terms + 9) * 0x1p-23 * (size + 1) +
                                   (p.wide ? 0 : 0x1p-10 * (fabs(exact) + 1e-3));
                    wrong += !(fabs(got[at] - exact) <= bound);
                }
    CHECK(wrong == 0);
    free(got);
    free(data);
    smelt_tensor_destroy(&params.a);
    smelt_tensor_destroy(&params.b);
    smelt_tensor_destroy(&params.bias);
    smelt_tensor_destroy(&params.d);
}

// Each takes a kernel of its own: tiles, single invocations, depthwise, transposed, the matrix product.
static const struct convolution convolutions[] = {
    {.n = 2,
     .h = 5,
     .w = 6,
     .c = 8,
     .o = 16,
     .kernel_h = 3,
     .kernel_w = 3,
     .geometry = {.padding_top = 1, .padding_left = 1, .padding_bottom = 1, .padding_right = 1},
     .dtype = SMELT_DTYPE_F16,
     .bias = true,
     .activation = SMELT_ACTIVATION_RELU},
    {.n = 1,
     .h = 7,
     .w = 9,
     .c = 3,
     .o = 5,
     .kernel_h = 2,
     .kernel_w = 3,
     .geometry = {.stride_y = 2, .stride_x = 3, .dilation_y = 2, .padding_left = 2, .padding_bottom = 1},
     .image = SMELT_IMAGE_NCHW,
     .weight = SMELT_WEIGHT_OIHW,
     .dtype = SMELT_DTYPE_F32,
     .wide = true,
     .gap = 3},
    {.n = 1,
     .h = 5,
     .w = 4,
     .c = 16,
     .o = 16,
     .kernel_h = 3,
     .kernel_w = 3,
     .geometry = {.groups = 16, .padding_top = 1, .padding_right = 2},
     .dtype = SMELT_DTYPE_F16,
     .bias = true},
    {.n = 2,
     .h = 4,
     .w = 3,
     .c = 6,
     .o = 9,
     .kernel_h = 2,
     .kernel_w = 2,
     .geometry = {.groups = 3},
     .weight = SMELT_WEIGHT_OHWI,
     .dtype = SMELT_DTYPE_F16,
     .wide = true,
     .bias = true},
    {.n = 1,
     .h = 3,
     .w = 4,
     .c = 4,
     .o = 8,
     .kernel_h = 3,
     .kernel_w = 3,
     .geometry = {.transposed = true,
                  .stride_y = 2,
                  .stride_x = 2,
                  .padding_top = 1,
                  .padding_left = 1,
                  .padding_bottom = 1,
                  .padding_right = 1,
                  .output_padding_y = 1},
     .weight = SMELT_WEIGHT_IOHW,
     .dtype = SMELT_DTYPE_F32,
     .wide = true},
    {.n = 2, // phases with different numbers of taps and of pixels, in groups
     .h = 3,
     .w = 4,
     .c = 8,
     .o = 16,
     .kernel_h = 5,
     .kernel_w = 4,
     .geometry = {.transposed = true,
                  .groups = 2,
                  .stride_y = 3,
                  .stride_x = 2,
                  .padding_top = 4,
                  .padding_left = 1,
                  .padding_bottom = 1,
                  .output_padding_x = 1},
     .dtype = SMELT_DTYPE_F16,
     .bias = true},
    {.n = 1, // no phases: taps of one lie in several
     .h = 3,
     .w = 4,
     .c = 3,
     .o = 4,
     .kernel_h = 3,
     .kernel_w = 1,
     .geometry = {.transposed = true, .stride_y = 2, .stride_x = 3, .dilation_y = 2},
     .dtype = SMELT_DTYPE_F32,
     .wide = true},
    {.n = 2,
     .h = 3,
     .w = 5,
     .c = 16,
     .o = 24,
     .kernel_h = 1,
     .kernel_w = 1,
     .weight = SMELT_WEIGHT_OHWI,
     .dtype = SMELT_DTYPE_F16,
     .bias = true},
    {.n = 1, // blocks of channels end in groups
     .h = 2,
     .w = 3,
     .c = 8,
     .o = 24,
     .kernel_h = 2,
     .kernel_w = 3,
     .geometry = {.groups = 2, .dilation_x = 2, .padding_left = 1, .padding_right = 2},
     .dtype = SMELT_DTYPE_F32,
     .wide = true,
     .activation = SMELT_ACTIVATION_RELU},
    {.n = 1, // one lane has a pixel
     .h = 1,
     .w = 1,
     .c = 12,
     .o = 8,
     .kernel_h = 1,
     .kernel_w = 1,
     .dtype = SMELT_DTYPE_F16,
     .wide = true,
     .bias = true},
};

// Whose sums several subgroups share: whole groups of 8 channels and not, more steps than subgroups and fewer.
static const struct convolution shared[] = {
    {.n = 2,
     .h = 5,
     .w = 6,
     .c = 8,
     .o = 16,
     .kernel_h = 3,
     .kernel_w = 3,
     .geometry = {.padding_top = 1, .padding_left = 1, .padding_bottom = 1, .padding_right = 1},
     .dtype = SMELT_DTYPE_F16,
     .bias = true,
     .activation = SMELT_ACTIVATION_RELU,
     .tiling = {.m = 16, .n = 16, .subgroups_k = 4}},
    {.n = 1,
     .h = 7,
     .w = 9,
     .c = 3,
     .o = 5,
     .kernel_h = 2,
     .kernel_w = 3,
     .geometry = {.stride_y = 2, .stride_x = 3, .dilation_y = 2, .padding_left = 2, .padding_bottom = 1},
     .dtype = SMELT_DTYPE_F16,
     .bias = true,
     .residual = true,
     .tiling = {.m = 16, .n = 16, .subgroups_k = 2}},
    {.n = 1,
     .h = 9,
     .w = 7,
     .c = 24,
     .o = 40,
     .kernel_h = 3,
     .kernel_w = 3,
     .geometry = {.stride_y = 2, .stride_x = 1, .dilation_x = 2, .padding_top = 1, .padding_right = 2},
     .step = 2,
     .dtype = SMELT_DTYPE_F16,
     .residual = true,
     .wide = true,
     .tiling = {.m = 32, .n = 32, .subgroups_k = 3}},
    {.n = 3,
     .h = 3,
     .w = 5,
     .c = 16,
     .o = 24,
     .kernel_h = 1,
     .kernel_w = 1,
     .dtype = SMELT_DTYPE_F16,
     .step = 3,
     .residual = true,
     .bias = true,
     .tiling = {.m = 16, .n = 16, .subgroups_k = 1}},
};

// Whose part of the image stays in shared memory: rectangles beyond the edges of d, steps of channels, both sides of padding.
static const struct convolution patches[] = {
    {.n = 2,
     .h = 9,
     .w = 21,
     .c = 32,
     .o = 40,
     .kernel_h = 3,
     .kernel_w = 3,
     .geometry = {.padding_top = 1, .padding_left = 1, .padding_bottom = 1, .padding_right = 1},
     .dtype = SMELT_DTYPE_F16,
     .bias = true,
     .activation = SMELT_ACTIVATION_RELU,
     .tiling = {.m = 64, .n = 32, .k = 16, .subgroups_m = 2, .subgroups_n = 1, .columns = 16}},
    {.n = 1,
     .h = 11,
     .w = 18,
     .c = 16,
     .o = 32,
     .kernel_h = 2,
     .kernel_w = 5,
     .geometry = {.padding_top = 2, .padding_left = 3, .padding_right = 1},
     .dtype = SMELT_DTYPE_F16,
     .residual = true,
     .wide = true,
     .tiling = {.m = 64, .n = 32, .k = 16, .subgroups_m = 1, .subgroups_n = 2, .columns = 32}},
};

static bool has_matrices(void)
{
    const struct smelt_backend_query query = {.op = SMELT_OP_CONVOLUTION2D,
                                              .scope = SMELT_SCOPE_WORKGROUP,
                                              .stored = SMELT_DTYPE_F16,
                                              .accumulated = SMELT_DTYPE_F32,
                                              .backend = SMELT_BACKEND_COOPMAT};
    struct smelt_backend_choice choice;
    return !smelt_backend_choose(test_context(), &query, &choice);
}

static void is_refused(struct convolution c, uint32_t h, uint32_t w, enum smelt_result wanted_result,
                       const char *message)
{
    struct smelt_convolution2d_params p = params_of(&c, h, w);
    smelt_encoder encoder = test_begin();
    enum smelt_result result = smelt_encode_convolution2d(encoder, &p);
    bool said = strstr(smelt_last_error(), message);
    test_end(encoder);
    smelt_tensor_destroy(&p.a);
    smelt_tensor_destroy(&p.b);
    smelt_tensor_destroy(&p.bias);
    smelt_tensor_destroy(&p.d);
    CHECK(result == wanted_result && said);
}

// What the op itself refuses is refused where a kernel of matrices would be taken, too.
static void wrong_calls_are_refused(const struct convolution *c, uint32_t h, uint32_t w)
{
    struct convolution wrong = *c;
    wrong.geometry.output_padding_y = 1;
    is_refused(wrong, h, w, SMELT_ERROR_INVALID_ARGUMENT, "output_padding_y is 1");
    wrong = *c;
    wrong.activation = (enum smelt_activation)99;
    is_refused(wrong, h, w, SMELT_ERROR_INVALID_ARGUMENT, "activation is 99");
}

static void shared_sums_are_right(void)
{
    wrong_calls_are_refused(&shared[0], 5, 6);
    if (!has_matrices()) {
        is_refused(shared[0], 5, 6, SMELT_ERROR_UNSUPPORTED, "no tile of 16 x 16 with subgroups_k 4");
        SKIP("the device has no matrices of f16");
    }
    for (size_t i = 0; i < SMELT_COUNT_OF(shared); i++) {
        struct convolution c = shared[i];
        check_convolution(c);
        c.block = 2;
        c.o = 12; // 3 of 2 x 2
        check_convolution(c);
    }
    struct convolution wrong = shared[0];
    wrong.tiling.m = 1u << 30; // times 16 bytes: 2^34
    is_refused(wrong, 5, 6, SMELT_ERROR_UNSUPPORTED, "no tile of 1073741824 x 16 with subgroups_k 4");
    wrong.tiling = (struct smelt_matmul2d_tiling){.subgroups_k = 4};
    is_refused(wrong, 5, 6, SMELT_ERROR_UNSUPPORTED, "no tile of 0 x 0 with subgroups_k 4");
}

static void shared_images_are_right(void)
{
    wrong_calls_are_refused(&patches[0], 9, 21);
    if (!has_matrices()) {
        is_refused(patches[0], 9, 21, SMELT_ERROR_UNSUPPORTED, "no tile of 64 x 32 with columns 16");
        SKIP("the device has no matrices of f16");
    }
    for (size_t i = 0; i < SMELT_COUNT_OF(patches); i++)
        check_convolution(patches[i]);
    struct convolution large = patches[0]; // whose tile takes 35136 bytes of shared memory
    large.tiling = (struct smelt_matmul2d_tiling){
        .m = 256, .n = 64, .k = 32, .subgroups_m = 2, .subgroups_n = 2, .columns = 16};
    if (smelt_context_capabilities(test_context())->max_shared_memory_size < 35136)
        is_refused(large, 9, 21, SMELT_ERROR_UNSUPPORTED, "no tile of 256 x 64 with columns 16");
    else
        check_convolution(large);
    struct convolution aside = patches[0];
    aside.geometry.stride_x = 2; // not for this kernel
    is_refused(aside, 9, 11, SMELT_ERROR_UNSUPPORTED, "no tile of 64 x 32 with columns 16");
}

static void convolutions_are_right(void)
{
    for (size_t i = 0; i < SMELT_COUNT_OF(convolutions); i++)
        for (int variant = 0; variant < 3;
             variant++) { // AUTO: the kernel for processors where the device is one
            struct convolution c = convolutions[i];
            c.backend = variant ? SMELT_BACKEND_PORTABLE : SMELT_BACKEND_AUTO;
            c.baked = variant == 2;
            check_convolution(c);
        }
    struct convolution thread = convolutions[0], small = convolutions[1];
    thread.tiling.m = small.tiling.m = 1;
    check_convolution(thread);
    check_convolution(small);
    struct convolution relaxed = convolutions[0]; // of values that f16 holds
    relaxed.dtype = SMELT_DTYPE_F32;
    relaxed.wide = relaxed.relaxed = true;
    check_convolution(relaxed);
}

#define REFUSED(result, text) CHECK_FAILS(smelt_encode_convolution2d(encoder, &p), result, text)

static void refuses_bad_calls(void)
{
    const uint32_t of_b[4] = {3, 3, 8, 16}, of_six[4] = {3, 3, 6, 16}, empty[4] = {1, 3, 3, 8};
    smelt_tensor a = image(SMELT_DTYPE_F16, 0, 1, 5, 6, 8, 0), b = tensor4(SMELT_DTYPE_F16, of_b, 0);
    smelt_tensor d = image(SMELT_DTYPE_F16, 0, 1, 3, 4, 16, 0), six = tensor4(SMELT_DTYPE_F16, of_six, 0);
    smelt_tensor single = tensor4(SMELT_DTYPE_F32, of_b, 0), bytes = image(SMELT_DTYPE_U8, 0, 1, 5, 6, 8, 0);
    smelt_tensor small = tensor4(SMELT_DTYPE_F16, empty, 0), flat = NULL;
    const struct smelt_tensor_params of_flat = {.dtype = SMELT_DTYPE_F16, .rank = 1, .shape = {8}};
    CHECK_OK(smelt_tensor_create(test_context(), &of_flat, &flat));
    const struct smelt_convolution2d_params good = {.a = a, .b = b, .d = d};
    struct smelt_convolution2d_params p = good;
    CHECK_FAILS(smelt_encode_convolution2d(NULL, &p), SMELT_ERROR_INVALID_ARGUMENT, "encoder is NULL");
    smelt_encoder encoder = test_begin();
    CHECK_FAILS(smelt_encode_convolution2d(encoder, NULL), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    p.b = NULL;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "b is NULL");
    p = good;
    p.a = bytes;
    REFUSED(SMELT_ERROR_DTYPE, "b 'tensor' is f16, wanted i8 or u8 with a of i8 or u8");
    p.a = flat;
    REFUSED(SMELT_ERROR_SHAPE, "a 'tensor' has rank 1, wanted 4");
    p = good;
    p.b = single;
    REFUSED(SMELT_ERROR_DTYPE, "b 'tensor' is f32, wanted f16 as a");
    p.b = six;
    REFUSED(SMELT_ERROR_SHAPE, "the extent of b along the channels of a is 6, wanted 8");
    p = good;
    p.bias = flat;
    REFUSED(SMELT_ERROR_SHAPE, "the length of bias is 8, wanted 16");
    p.bias = NULL;
    p.d = a;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "shares bytes with an operand");
    p = good;
    p.depth_to_space = 2;
    REFUSED(SMELT_ERROR_SHAPE, "d 'tensor' is 3 x 4 pixels, wanted NHWC and multiples of depth_to_space, 2");
    smelt_tensor space = image(SMELT_DTYPE_F16, 0, 1, 12, 16, 1, 0);
    p.d = space;
    p.depth_to_space = 4;
    p.backend = SMELT_BACKEND_PORTABLE;
    REFUSED(SMELT_ERROR_UNSUPPORTED, "depth_to_space, wanted a call and a device for tiles");
    smelt_tensor_destroy(&space);
    p = good;
    p.geometry.groups = 3;
    REFUSED(SMELT_ERROR_SHAPE, "a has 8 channels, wanted a multiple of groups, 3");
    p = good;
    p.geometry.padding_top = 1;
    REFUSED(SMELT_ERROR_SHAPE, "the number of rows of d is 3, wanted 4");
    p = good;
    p.geometry.stride_x = 2;
    REFUSED(SMELT_ERROR_SHAPE, "the number of columns of d is 4, wanted 2");
    p = good;
    p.a = small;
    p.geometry.dilation_y = 2;
    REFUSED(SMELT_ERROR_SHAPE, "by a kernel that reaches over 5: there is none");
    p = good;
    p.geometry.output_padding_y = 1;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "output_padding_y is 1, wanted 0 unless transposed");
    p = good;
    p.image_layout = (enum smelt_image_layout)7;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "image_layout is 7");
    p = good;
    p.weight_layout = (enum smelt_weight_layout)7;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "weight_layout is 7");
    p = good;
    p.activation = (enum smelt_activation)99;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "activation is 99");
    p = good;
    p.tiling.k = 9;
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "tile_k is 9, wanted a multiple of 8");
    p = good;
    p.relaxed = p.baked = true;
    REFUSED(SMELT_ERROR_UNSUPPORTED, "relaxed is set, and is not baked, wanted false");
    p = good;
    p.backend = SMELT_BACKEND_COOPVEC;
    REFUSED(SMELT_ERROR_UNSUPPORTED, "computes at THREAD scope only");
    p = good;
    p.backend = SMELT_BACKEND_COOPMAT;
    p.baked = true;
    CHECK(smelt_encode_convolution2d(encoder, &p) == SMELT_ERROR_UNSUPPORTED);
    test_end(encoder);
    smelt_tensor *all[] = {&a, &b, &d, &six, &single, &bytes, &small, &flat};
    for (size_t i = 0; i < SMELT_COUNT_OF(all); i++)
        smelt_tensor_destroy(all[i]);
}

// --- The descriptor ---------------------------------------------------------------------------------------

static enum smelt_result query(const struct smelt_convolution2d_descriptor *d)
{
    const struct smelt_op op = {.name = "conv", .kind = SMELT_OP_CONVOLUTION2D, .convolution2d = d};
    struct smelt_op_info info;
    return smelt_op_query(test_context(), &op, 0, &info);
}

#define BAD(text) CHECK_FAILS(query(&d), SMELT_ERROR_INVALID_ARGUMENT, text)
#define BAD_GROUP(change, text)                                                                              \
    do {                                                                                                     \
        d = group;                                                                                           \
        d.change;                                                                                            \
        BAD(text);                                                                                           \
    } while (0)

static void refuses_bad_descriptors(void)
{
    const struct smelt_convolution2d_descriptor group = {.scope = SMELT_SCOPE_WORKGROUP};
    struct smelt_convolution2d_descriptor d;
    BAD_GROUP(scope = (enum smelt_scope)5, "scope is 5, wanted 0 to 2");
    BAD_GROUP(image_layout = (enum smelt_image_layout)2, "image_layout is 2, wanted 0 to 1");
    BAD_GROUP(weight_layout = (enum smelt_weight_layout)4, "weight_layout is 4, wanted 0 to 3");
    BAD_GROUP(geometry.stride_y = 40000, "stride_y is 40000, wanted 1 to 32768");
    BAD_GROUP(geometry.output_padding_x = 2, "output_padding_x is 2, wanted 0 unless transposed");
    BAD_GROUP(kernel_h = 40000, "kernel_h is 40000");
    BAD_GROUP(alignment = 3, "alignment is 3, wanted 1, 2, 4 or 8");
    BAD_GROUP(weight_alignment = 16, "weight_alignment is 16");
    BAD_GROUP(depthwise = true, "depthwise is set, wanted false beyond THREAD scope");
    BAD_GROUP(m = 16, "m is 16 and n is 0, wanted both or neither to be 0");
    d = (struct smelt_convolution2d_descriptor){.n = 33};
    BAD("n is 33, wanted 1 to 32");
    d = (struct smelt_convolution2d_descriptor){.n = 6, .weight_alignment = 4};
    BAD("n is 6, wanted a multiple of 4");
    d = (struct smelt_convolution2d_descriptor){.tile_k = 16};
    BAD("a field from m on is set, wanted zeros at THREAD scope");
    d = (struct smelt_convolution2d_descriptor){.relaxed = true};
    BAD("relaxed (at THREAD scope) is 1, wanted 0 to 0");
    d = (struct smelt_convolution2d_descriptor){.activation = (enum smelt_activation)77};
    BAD("activation is 77");
}

static void tells_what_it_will_be(void)
{
    struct smelt_convolution2d_descriptor d = {.scope = SMELT_SCOPE_WORKGROUP,
                                               .kernel_h = 3,
                                               .kernel_w = 3,
                                               .channels = 8,
                                               .accumulated = SMELT_DTYPE_F32};
    const struct smelt_op op = {.name = "conv", .kind = SMELT_OP_CONVOLUTION2D, .convolution2d = &d};
    struct smelt_op_info info;
    CHECK_OK(smelt_op_query(test_context(), &op, 0, &info));
    double n = 2 * 72 + 8;
    CHECK(info.error_c == n * (1 + n * 0x1p-23) && info.error_u == 0x1p-23);
    CHECK(info.workgroup_size > 0 && info.scratch_size > 0 && info.tiling.m && info.tiling.n);
    d.scope = SMELT_SCOPE_THREAD;
    CHECK_OK(smelt_op_query(test_context(), &op, VK_SHADER_STAGE_FRAGMENT_BIT, &info));
    n = 72 + 3;
    CHECK(info.error_c == n * (1 + n * 0x1p-23) && info.workgroup_size == 0);
    CHECK(info.choice.backend == SMELT_BACKEND_PORTABLE);
    char *text = NULL;
    CHECK_OK(smelt_op_glsl(test_context(), &op, 0, &text));
    CHECK(text && strstr(text, "#include \"smelt/convolution2d_tmpl.glsl\""));
    smelt_free_text(&text);
}

static const struct test tests[] = {
    {"convolutions are right", convolutions_are_right},   {"shared sums are right", shared_sums_are_right},
    {"shared images are right", shared_images_are_right}, {"refuses bad calls", refuses_bad_calls},
    {"refuses bad descriptors", refuses_bad_descriptors}, {"tells what it will be", tells_what_it_will_be},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
