// SPDX-License-Identifier: MIT
// convolution2d at every scope: each feature alone and in combinations, against the definition in double. An evaluation
// is a pixel of the result.
#include "check.h"

#include <string.h>

// Images, then what has two directions as 0xYX, padding as 0xTLBR.
enum {
    N,
    H,
    W,
    C,
    O,
    KERNEL,
    STRIDE,
    DILATION,
    PADDING,
    GROUPS,
    FLAGS,
    ACTIVATION,
    ALIGNMENT,
    OUTPUT_PADDING
};

enum {
    NCHW = 1,
    OHWI = 2, // of the weight; none of the three: HWIO
    OIHW = 4,
    IOHW = 6,
    WEIGHTS = 6,
    TRANSPOSED = 8,
    BIAS = 16,
    EPILOGUE = 32,
    GAPS = 64,     // the image and the result have gaps between their rows
    STRIDED = 128, // the weight is read by its strides
    LITERAL = 256, // the kernel's extents and channels are literals
    ACCUMULATE = 512,
    DEPTHWISE = 1024,
    ZERO_POINTS = 2048, // of integers
    WHOLE = 4096,       // blocks of terms of one tap: matrices of f16
};

#define MAX_TERMS 1280
#define NONE SMELT_ACTIVATION_NONE

static const struct check_shape shapes[] = {
    {"1x1", {1, 1, 1, 1, 1, 0x11, 0x11, 0x11, 0, 1, 0, NONE, 1}, CHECK_CI},
    {"3x3pad-c8", {2, 5, 7, 8, 17, 0x33, 0x11, 0x11, 0x1111, 1, BIAS, SMELT_ACTIVATION_RELU, 8}, CHECK_CI},
    {"nchw-oihw-c3", {2, 6, 5, 3, 7, 0x33, 0x11, 0x11, 0x1111, 1, NCHW | OIHW | BIAS, NONE, 1}, CHECK_CI},
    {"ohwi-c17-s2",
     {1, 9, 8, 17, 8, 0x32, 0x21, 0x11, 0x0120, 1, OHWI | EPILOGUE, SMELT_ACTIVATION_SILU, 1},
     CHECK_CI},
    {"kernel-beyond-image", {2, 2, 3, 8, 9, 0x53, 0x11, 0x11, 0x2121, 1, OIHW | LITERAL, NONE, 8}, CHECK_CI},
    {"stride-beyond-kernel",
     {1, 10, 11, 7, 3, 0x12, 0x34, 0x11, 0, 1, NCHW | GAPS | BIAS, NONE, 1},
     CHECK_CI},
    {"dilated",
     {1, 9, 10, 4, 6, 0x33, 0x12, 0x23, 0x2332, 1, GAPS | ACCUMULATE, SMELT_ACTIVATION_TANH, 4},
     CHECK_CI},
    {"groups", {2, 4, 5, 24, 16, 0x33, 0x11, 0x11, 0x1111, 2, BIAS | EPILOGUE | LITERAL, NONE, 4}, CHECK_CI},
    {"groups-nchw", {1, 5, 4, 6, 9, 0x22, 0x11, 0x11, 0x0011, 3, NCHW | OIHW | BIAS, NONE, 1}, CHECK_CI},
    {"depthwise",
     {1, 6, 6, 24, 24, 0x33, 0x21, 0x11, 0x1111, 24, DEPTHWISE | BIAS, SMELT_ACTIVATION_RELU, 8},
     CHECK_CI},
    {"depthwise-nchw",
     {2, 5, 4, 5, 5, 0x32, 0x11, 0x12, 0x1111, 5, NCHW | OIHW | DEPTHWISE, NONE, 1},
     CHECK_CI},
    {"transposed-s2",
     {1, 3, 4, 8, 8, 0x33, 0x22, 0x11, 0x1111, 1, TRANSPOSED | BIAS, NONE, 8, 0x11},
     CHECK_CI},
    {"transposed-s3",
     {2, 2, 3, 3, 5, 0x23, 0x32, 0x12, 0x0110, 1, TRANSPOSED | NCHW | IOHW, NONE, 1, 0x21},
     CHECK_CI},
    {"transposed-groups",
     {1, 3, 2, 4, 6, 0x33, 0x21, 0x11, 0x1100, 2, TRANSPOSED | IOHW | BIAS | EPILOGUE, NONE, 1},
     CHECK_CI},
    {"pointwise", {1, 4, 9, 16, 24, 0x11, 0x11, 0x11, 0, 1, OHWI | LITERAL | GAPS, NONE, 8}, CHECK_CI},
    {"strided", {1, 4, 5, 5, 8, 0x33, 0x11, 0x11, 0x1111, 1, STRIDED | BIAS, NONE, 1}, CHECK_CI},
    {"wide",
     {1, 1, 65, 2, 40, 0x15, 0x11, 0x11, 0x0202, 1, STRIDED | OIHW, SMELT_ACTIVATION_GELU, 2},
     CHECK_CI},
    {"whole-s2",
     {2, 5, 7, 64, 128, 0x33, 0x21, 0x12, 0x1120, 2, WHOLE | BIAS, SMELT_ACTIVATION_RELU, 8},
     CHECK_CI},
    {"whole-transposed",
     {1, 4, 6, 32, 64, 0x32, 0x11, 0x11, 0x1111, 1, WHOLE | OHWI | TRANSPOSED, NONE, 8},
     CHECK_CI},
    {"3x3-c64", {2, 28, 28, 64, 64, 0x33, 0x11, 0x11, 0x1111, 1, BIAS, SMELT_ACTIVATION_RELU, 8}, CHECK_FULL},
    {"3x3-c128-s2", {1, 57, 55, 128, 72, 0x33, 0x22, 0x11, 0x1111, 1, OHWI, NONE, 8}, CHECK_FULL},
    {"7x7-c3-s2", {1, 65, 63, 3, 64, 0x77, 0x22, 0x11, 0x3333, 1, BIAS, NONE, 1}, CHECK_FULL},
    {"nchw-c64", {1, 30, 31, 64, 96, 0x33, 0x11, 0x11, 0x1111, 1, NCHW | OIHW, NONE, 1}, CHECK_FULL},
    {"transposed-c64-s2", {1, 17, 19, 64, 32, 0x44, 0x22, 0x11, 0x1111, 1, TRANSPOSED, NONE, 8}, CHECK_FULL},
    {"depthwise-c128", {1, 33, 34, 128, 128, 0x55, 0x11, 0x11, 0x2222, 128, DEPTHWISE, NONE, 8}, CHECK_FULL},
};

// Of integers: what differs from the above is how elements come into shared memory, and zero points.
static const struct check_shape integer_shapes[] = {
    {"1x1", {1, 1, 1, 1, 1, 0x11, 0x11, 0x11, 0, 1, ZERO_POINTS, NONE, 1}, CHECK_CI},
    {"3x3pad-c8",
     {2, 5, 7, 8, 17, 0x33, 0x11, 0x11, 0x1111, 1, BIAS | ZERO_POINTS, SMELT_ACTIVATION_RELU, 8},
     CHECK_CI},
    {"nchw-oihw-c3",
     {2, 6, 5, 3, 7, 0x33, 0x11, 0x11, 0x1111, 1, NCHW | OIHW | BIAS | ZERO_POINTS, NONE, 1},
     CHECK_CI},
    {"ohwi-c18-s2", {1, 9, 8, 18, 8, 0x32, 0x21, 0x11, 0x0120, 1, OHWI | EPILOGUE, NONE, 2}, CHECK_CI},
    {"groups",
     {2, 4, 5, 24, 16, 0x33, 0x11, 0x11, 0x1111, 2, BIAS | EPILOGUE | LITERAL | ZERO_POINTS, NONE, 4},
     CHECK_CI},
    {"depthwise",
     {1, 6, 6, 24, 24, 0x33, 0x21, 0x11, 0x1111, 24, DEPTHWISE | BIAS | ZERO_POINTS, NONE, 8},
     CHECK_CI},
    {"transposed-s2",
     {1, 3, 4, 8, 8, 0x33, 0x22, 0x11, 0x1111, 1, TRANSPOSED | BIAS | ZERO_POINTS, NONE, 8, 0x11},
     CHECK_CI},
    {"strided-dilated",
     {1, 7, 8, 5, 8, 0x33, 0x11, 0x12, 0x1111, 1, STRIDED | ACCUMULATE | ZERO_POINTS, NONE, 1},
     CHECK_CI},
    {"3x3-c64", {2, 28, 28, 64, 64, 0x33, 0x11, 0x11, 0x1111, 1, BIAS | ZERO_POINTS, NONE, 8}, CHECK_FULL},
    {"depthwise-c128", {1, 33, 34, 128, 128, 0x55, 0x11, 0x11, 0x2222, 128, DEPTHWISE, NONE, 8}, CHECK_FULL},
};

static const struct check_types integer_types[] = {
    {SMELT_DTYPE_I8, SMELT_DTYPE_I8, SMELT_DTYPE_I32},
    {SMELT_DTYPE_U8, SMELT_DTYPE_I8, SMELT_DTYPE_I32},
    {SMELT_DTYPE_I8, SMELT_DTYPE_I8, SMELT_DTYPE_I32},
    {SMELT_DTYPE_U8, SMELT_DTYPE_I8, SMELT_DTYPE_I32},
};
static const enum smelt_dtype integer_lefts[] = {SMELT_DTYPE_I8, SMELT_DTYPE_U8, SMELT_DTYPE_U8,
                                                 SMELT_DTYPE_I8};

static const struct check_types types[] = {
    {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
    {SMELT_DTYPE_BF16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
    {SMELT_DTYPE_F32, SMELT_DTYPE_F16, SMELT_DTYPE_F32}, // relaxed
};

static bool is_integer(const struct check_case *c)
{
    return c->types.accumulated == SMELT_DTYPE_I32;
}

// Rows of f32 that are multiplied in f16.
static bool relaxes(const struct check_case *c)
{
    return c->types.stored == SMELT_DTYPE_F32 && c->types.computed == SMELT_DTYPE_F16;
}

static enum smelt_dtype image_type(const struct check_case *c)
{
    return is_integer(c) ? c->left : c->types.stored;
}

// Those of the fixtures: zero points at the ends of the types, different ones for neighbouring channels.
static int zero_of_image(const struct check_case *c)
{
    return c->left == SMELT_DTYPE_I8 ? -128 : 201;
}

static int zero_of_weight(const struct check_case *c, uint32_t channel)
{
    return (c->types.stored == SMELT_DTYPE_I8 ? -1 : 126) + (int)(channel % 3);
}

struct pair {
    uint32_t y, x;
};

static struct pair pair_of(uint32_t packed)
{
    return (struct pair){packed >> 4 & 15, packed & 15};
}

// Extents of the result in one direction.
static uint32_t extent_of(const uint32_t *d, uint32_t image, uint32_t kernel, uint32_t stride,
                          uint32_t dilation, uint32_t before, uint32_t after, uint32_t more)
{
    uint32_t reach = (kernel - 1) * dilation + 1;
    if (d[FLAGS] & TRANSPOSED)
        return (image - 1) * stride + reach + more - before - after;
    return (image + before + after - reach) / stride + 1;
}

static struct pair result_of(const uint32_t *d)
{
    struct pair k = pair_of(d[KERNEL]), s = pair_of(d[STRIDE]), l = pair_of(d[DILATION]),
                more = pair_of(d[OUTPUT_PADDING]);
    uint32_t p = d[PADDING];
    return (struct pair){extent_of(d, d[H], k.y, s.y, l.y, p >> 12, p >> 4 & 15, more.y),
                         extent_of(d, d[W], k.x, s.x, l.x, p >> 8 & 15, p & 15, more.x)};
}

// A tensor of rank 4 given as (n, h, w, c) in the layout of the row, perhaps with gaps between its rows.
static void lay_image(struct check_tensor *t, bool nchw, bool gaps)
{
    uint64_t c = t->shape[3], w = t->shape[2], h = t->shape[1];
    uint64_t pixel = nchw ? 1 : c, row = w * pixel + (gaps ? 8 : 0), plane = h * row;
    const uint64_t strides[4] = {nchw ? c * plane : plane, row, pixel, nchw ? plane : 1};
    memcpy(t->strides, strides, sizeof(strides));
}

// From (n, h, w, c) to the order of dimensions that the shader has, values unmoved.
static void permute(struct check_tensor *t, const uint32_t order[4])
{
    struct check_tensor old = *t;
    for (int i = 0; i < 4; i++) {
        t->shape[i] = old.shape[order[i]];
        t->strides[i] = old.strides[order[i]];
    }
}

static struct check_tensor *add_image(struct check_case *c, enum check_role role, enum smelt_dtype dtype,
                                      uint32_t n, uint32_t h, uint32_t w, uint32_t channels, bool nchw,
                                      bool gaps)
{
    static const uint32_t to_nchw[4] = {0, 3, 1, 2};
    const uint64_t shape[4] = {n, h, w, channels};
    struct check_tensor *t = check_add(c, role, dtype, 4, shape);
    lay_image(t, nchw, gaps);
    if (nchw && role == CHECK_INPUT)
        permute(t, to_nchw);
    return t;
}

static void add_weight(struct check_case *c)
{
    const uint32_t *d = c->shape->d, flags = d[FLAGS];
    struct pair k = pair_of(d[KERNEL]);
    uint64_t i = d[C] / d[GROUPS], o = d[O];
    if ((flags & WEIGHTS) == IOHW) {
        i = d[C];
        o = d[O] / d[GROUPS];
    }
    const uint64_t hwio[4] = {k.y, k.x, i, o}, ohwi[4] = {o, k.y, k.x, i}, oihw[4] = {o, i, k.y, k.x},
                   iohw[4] = {i, o, k.y, k.x};
    const uint64_t *all[4] = {hwio, ohwi, oihw, iohw};
    struct check_tensor *t = check_add(c, CHECK_WEIGHT, c->types.stored, 4, all[(flags & WEIGHTS) / 2]);
    if (!(flags & STRIDED))
        return;
    t->strides[2] += 3; // gaps everywhere
    t->strides[1] = t->strides[2] * t->shape[2] + 1;
    t->strides[0] = t->strides[1] * t->shape[1] + 5;
}

static void add_defines(struct check_case *c, struct pair result)
{
    const uint32_t *d = c->shape->d, flags = d[FLAGS];
    const struct check_tensor *out = &c->tensors[c->tensor_count - 1];
    const uint64_t *s = out->strides;
    bool nchw = flags & NCHW;
    const char *stored = smelt_dtype_name(c->types.stored);
    check_define(c, "#define CHECK_INTEGER %d\n#define CHECK_ZERO_IMAGE %d\n#define CHECK_ZERO_WEIGHT %d",
                 is_integer(c), zero_of_image(c), zero_of_weight(c, 0));
    check_define(c, "#define CHECK_ZERO_POINTS %d", !!(flags & ZERO_POINTS));
    check_define(c, "#define CHECK_BIAS %d\n#define CHECK_EPILOGUE %d\n#define CHECK_ACCUMULATE %d",
                 !!(flags & BIAS), !!(flags & EPILOGUE), !!(flags & ACCUMULATE));
    check_define(
        c,
        "#define CHECK_LAYOUT %s\n#define CHECK_GROUPS_PER_WORKGROUP %u\n#define CHECK_CONVOLUTION_GROUPS %u",
        nchw ? "SMELT_LAYOUT_NCHW" : "SMELT_LAYOUT_NHWC", c->subgroups_per_workgroup, d[GROUPS]);
    check_define(
        c,
        "#define CHECK_IMAGE conv_image_%s_4_r_0x0x0x0\n#define CHECK_WEIGHT conv_weight_%s_4_r_0x0x0x0\n"
        "#define CHECK_BIAS_TYPE conv_bias_%s_1_r_0",
        smelt_dtype_name(image_type(c)), stored, is_integer(c) ? "i32" : stored);
    const uint32_t e[4] = {d[N], nchw ? d[O] : result.y, nchw ? result.y : result.x, nchw ? result.x : d[O]};
    check_define(c, "#define CHECK_RESULT_EXTENTS %u, %u, %u, %u", e[0], e[1], e[2], e[3]);
    check_define(c, "#define CHECK_RESULT_STRIDES %u, %u, %u, %u", (unsigned)s[0], (unsigned)s[nchw ? 3 : 1],
                 (unsigned)s[nchw ? 1 : 2], (unsigned)s[nchw ? 2 : 3]);
    check_define(c, "#define CHECK_RESULT_SPAN %u",
                 (unsigned)((e[0] - 1) * s[0] + (result.y - 1) * s[1] + (result.x - 1) * s[2] +
                            (d[O] - 1) * s[3] + 1));
    check_define(c, "#define CHECK_ROWS %d\n#define CHECK_DEPTHWISE %d\n#define CHECK_BLOCK %u",
                 !(flags & (NCHW | GAPS)), !!(flags & DEPTHWISE), c->convolution2d.n);
    check_define(c, "#define CHECK_ACCUMULATED %s", check_dtype_macro(c->types.accumulated));
    check_define_backend(c);
}

static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    enum smelt_scope scope = c->op->scope;
    const uint32_t *d = c->shape->d, flags = d[FLAGS], p = d[PADDING];
    struct pair k = pair_of(d[KERNEL]), s = pair_of(d[STRIDE]), l = pair_of(d[DILATION]),
                more = pair_of(d[OUTPUT_PADDING]), result = result_of(d);
    bool thread = scope == SMELT_SCOPE_THREAD, depthwise = thread && (flags & DEPTHWISE);
    uint32_t rows = (flags & WEIGHTS) == 0      ? d[O] / d[GROUPS]
                    : (flags & WEIGHTS) == OHWI ? d[C] / d[GROUPS]
                                                : 1;
    if (depthwise && (flags & WEIGHTS) == 0)
        rows = d[O];
    uint32_t alignment = d[ALIGNMENT], aligned = 1; // what the weight's rows allow of the image's alignment
    while (!depthwise && d[C] / d[GROUPS] % alignment != 0)
        alignment /= 2;
    while (aligned < d[ALIGNMENT] && rows % (2 * aligned) == 0)
        aligned *= 2;
    c->convolution2d = (struct smelt_convolution2d_descriptor){
        .scope = scope,
        .geometry = {.stride_y = s.y,
                     .stride_x = s.x,
                     .dilation_y = l.y,
                     .dilation_x = l.x,
                     .padding_top = p >> 12,
                     .padding_left = p >> 8 & 15,
                     .padding_bottom = p >> 4 & 15,
                     .padding_right = p & 15,
                     .output_padding_y = more.y,
                     .output_padding_x = more.x,
                     .groups = d[GROUPS],
                     .transposed = flags & TRANSPOSED},
        .image_layout = flags & NCHW ? SMELT_IMAGE_NCHW : SMELT_IMAGE_NHWC,
        .weight_layout = (enum smelt_weight_layout)((flags & WEIGHTS) / 2),
        .kernel_h = flags & LITERAL ? k.y : 0,
        .kernel_w = flags & LITERAL ? k.x : 0,
        .channels = flags & LITERAL ? d[C] / d[GROUPS] : 0,
        .bias = flags & BIAS,
        .epilogue = flags & EPILOGUE,
        .activation = (enum smelt_activation)d[ACTIVATION],
        .stored = c->types.stored,
        .stored_left = c->left,
        .zero_points = flags & ZERO_POINTS,
        .computed = c->types.computed,
        .accumulated = c->types.accumulated,
        .backend = c->backend,
        .alignment = alignment,
        .weight_alignment = flags & STRIDED ? 1 : aligned,
        .n = thread ? 8 : 0,
        .depthwise = depthwise,
        .accumulate = !thread && (flags & ACCUMULATE),
        .weight_strided = !thread && (flags & STRIDED),
        .whole = !thread && (flags & WHOLE),
        .relaxed = relaxes(c),
    };
    c->smelt =
        (struct smelt_op){.name = "conv", .kind = SMELT_OP_CONVOLUTION2D, .convolution2d = &c->convolution2d};
    c->evaluations = d[N] * result.y * result.x;
    c->outputs = d[O];
    c->subgroups_per_workgroup = scope == SMELT_SCOPE_SUBGROUP ? 2 : 1;
    const uint64_t bias[1] = {d[O]};
    enum smelt_dtype sum = is_integer(c) ? SMELT_DTYPE_I32 : SMELT_DTYPE_F32;
    add_image(c, CHECK_INPUT, image_type(c), d[N], d[H], d[W], d[C], flags & NCHW, flags & GAPS);
    add_weight(c);
    if (flags & BIAS)
        check_add(c, CHECK_BIAS, is_integer(c) ? sum : c->types.stored, 1, bias);
    add_image(c, CHECK_INPUT, sum, d[N], result.y, result.x, d[O], false, false)->rounded =
        c->types.accumulated;
    struct check_tensor *out = add_image(c, CHECK_OUTPUT, sum, d[N], result.y, result.x, d[O],
                                         !thread && (flags & NCHW), !thread && (flags & GAPS));
    out->pointer = true;
    add_defines(c, result);
}

// The element of the image that tap k of output row (or column) y reads; negative: none.
static int64_t source(const uint32_t *d, uint32_t y, uint32_t k, uint32_t stride, uint32_t dilation,
                      uint32_t padding, uint32_t extent)
{
    if (d[FLAGS] & TRANSPOSED) {
        for (uint32_t i = 0; i < extent; i++)
            if ((int64_t)i * stride - padding + (int64_t)k * dilation == y)
                return i;
        return -1;
    }
    int64_t at = (int64_t)y * stride - padding + (int64_t)k * dilation;
    return at >= 0 && at < extent ? at : -1;
}

static double weight_of(const struct check_case *c, uint32_t ky, uint32_t kx, uint32_t i, uint32_t o)
{
    const uint32_t *d = c->shape->d;
    const struct check_tensor *t = &c->tensors[1];
    uint32_t inputs = d[C] / d[GROUPS], outputs = d[O] / d[GROUPS];
    const uint64_t hwio[4] = {ky, kx, i, o}, ohwi[4] = {o, ky, kx, i}, oihw[4] = {o, i, ky, kx},
                   iohw[4] = {o / outputs * inputs + i, o % outputs, ky, kx};
    const uint64_t *all[4] = {hwio, ohwi, oihw, iohw}, *at = all[(d[FLAGS] & WEIGHTS) / 2];
    return t->values[((at[0] * t->shape[1] + at[1]) * t->shape[2] + at[2]) * t->shape[3] + at[3]];
}

static double image_of(const struct check_case *c, uint32_t n, int64_t y, int64_t x, uint32_t channel)
{
    const uint32_t *d = c->shape->d;
    uint64_t at = d[FLAGS] & NCHW
                      ? ((uint64_t)n * d[C] + channel) * d[H] * d[W] + (uint64_t)(y * d[W] + x)
                      : (((uint64_t)n * d[H] + (uint64_t)y) * d[W] + (uint64_t)x) * d[C] + channel;
    return y < 0 || x < 0 ? 0 : c->tensors[0].values[at];
}

// All terms of output channel o of a pixel; returns their number.
static uint32_t terms_of(const struct check_case *c, uint32_t pixel, uint32_t o, double *x, double *w)
{
    const uint32_t *d = c->shape->d, p = d[PADDING];
    struct pair k = pair_of(d[KERNEL]), s = pair_of(d[STRIDE]), l = pair_of(d[DILATION]),
                result = result_of(d);
    uint32_t column = pixel % result.x, row = pixel / result.x % result.y, n = pixel / result.x / result.y;
    uint32_t inputs = d[C] / d[GROUPS], first = o / (d[O] / d[GROUPS]) * inputs, terms = 0;
    for (uint32_t ky = 0; ky < k.y; ky++)
        for (uint32_t kx = 0; kx < k.x; kx++) {
            int64_t y = source(d, row, ky, s.y, l.y, p >> 12, d[H]);
            int64_t at = source(d, column, kx, s.x, l.x, p >> 8 & 15, d[W]);
            for (uint32_t i = 0; i < inputs; i++, terms++) {
                x[terms] = image_of(c, n, y < 0 ? -1 : y, at, first + i);
                if ((d[FLAGS] & ZERO_POINTS) && y >= 0 && at >= 0)
                    x[terms] -= zero_of_image(c);
                w[terms] = weight_of(c, ky, kx, i, o);
            }
        }
    return terms;
}

static void reference(const struct check_case *c, uint32_t pixel, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d, flags = d[FLAGS];
    bool thread = c->convolution2d.scope == SMELT_SCOPE_THREAD;
    double x[MAX_TERMS], w[MAX_TERMS];
    for (uint32_t o = 0; o < d[O]; o++) {
        uint32_t k = terms_of(c, pixel, o, x, w);
        double u = c->info.error_u, n = thread ? k + 3.0 : 2.0 * k + 8;
        const struct check_numbers numbers = {n * (1 + n * u), u, c->types.stored, c->types.computed,
                                              c->types.accumulated};
        double bias = flags & BIAS ? c->tensors[2].values[o] : 0;
        double before = !thread && (flags & ACCUMULATE) ? 0.5 : 0;
        double after =
            flags & EPILOGUE ? c->tensors[2 + !!(flags & BIAS)].values[(uint64_t)pixel * d[O] + o] : 0;
        struct check_dot dot = check_reference_dot(&numbers, k, x, NULL, w, 1, bias);
        if (relaxes(c)) { // both operands are rounded, which the references do not have
            double size = 0;
            for (uint32_t i = 0; i < k; i++)
                size += fabs(x[i] * w[i]);
            dot.bound += (0x1p-9 + 0x1p-20) * (1 + numbers.c * u) * size;
        }
        dot.value += before;
        dot.bound += numbers.c * u * before;
        double value = check_reference_activation(c->convolution2d.activation, dot.value);
        // At THREAD scope activation and epilogue are f32 whatever the sums are.
        enum smelt_dtype finished = thread ? SMELT_DTYPE_F32 : numbers.accumulated;
        double off =
            check_activation_bound(c->convolution2d.activation, c->backend, finished, dot.value, dot.bound);
        wanted[o] = value + after;
        bound[o] = off;
        if (flags & EPILOGUE)
            bound[o] += u * (fabs(value) + off + fabs(after)) + check_flushed(numbers.accumulated, after);
        if (fabs(wanted[o]) + bound[o] > check_largest(numbers.accumulated))
            bound[o] = INFINITY;
    }
}

static double wrapped(double value)
{
    return (double)(int32_t)(uint32_t)(int64_t)value;
}

// Exactly; what lies outside the image is as its zero point.
static void reference_integer(const struct check_case *c, uint32_t pixel, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d, flags = d[FLAGS];
    double x[MAX_TERMS], w[MAX_TERMS];
    for (uint32_t o = 0; o < d[O]; o++) {
        uint32_t k = terms_of(c, pixel, o, x, w);
        double zero = flags & ZERO_POINTS ? zero_of_weight(c, o) : 0;
        double sum = flags & BIAS ? c->tensors[2].values[o] : 0;
        sum += c->convolution2d.accumulate ? 7 : 0;
        for (uint32_t i = 0; i < k; i++)
            sum += x[i] * (w[i] - zero);
        double value = wrapped(sum);
        if (d[ACTIVATION] == SMELT_ACTIVATION_RELU)
            value = fmax(value, 0);
        if (flags & EPILOGUE)
            value = wrapped(value + c->tensors[2 + !!(flags & BIAS)].values[(uint64_t)pixel * d[O] + o]);
        wanted[o] = value;
        bound[o] = 0;
    }
}

static double flops(const struct check_shape *shape)
{
    const uint32_t *d = shape->d;
    struct pair k = pair_of(d[KERNEL]);
    return 2.0 * k.y * k.x * (d[C] / d[GROUPS]) * d[O];
}

// A group for each tile of the result; at SUBGROUP scope several of them share a workgroup.
static void grid(const struct check_case *c, uint32_t groups[3])
{
    const struct smelt_matmul2d_tiling *tiling = &c->info.tiling;
    uint32_t columns = tiling->n * c->subgroups_per_workgroup, count = c->shape->d[GROUPS];
    groups[0] = (c->outputs / count + columns - 1) / columns;
    groups[1] = (c->evaluations + tiling->m - 1) / tiling->m;
    groups[2] = count;
}

// Every feature once at each scope, in one type; all types, and subgroups, on a few shapes: the rest is the same code.
static bool exists(const struct check_case *row)
{
    static const char *const few[] = {"3x3pad-c8", "nchw-oihw-c3", "depthwise", "transposed-s2"};
    bool chosen = row->shape->tier == CHECK_FULL;
    for (size_t i = 0; i < SMELT_COUNT_OF(few); i++)
        chosen = chosen || !strcmp(row->shape->name, few[i]);
    if (is_integer(row)) { // every mix of signs at a few shapes: how matrices and zero points see them
        bool mixed = !strcmp(row->shape->name, few[0]) || !strcmp(row->shape->name, few[1]);
        bool usual = row->left == SMELT_DTYPE_U8 && row->types.stored == SMELT_DTYPE_I8;
        return row->op == &check_convolution2d_integer_subgroup ? !strcmp(row->shape->name, few[0])
                                                                : mixed || usual;
    }
    bool thread = row->op == &check_convolution2d, subgroup = row->op == &check_convolution2d_subgroup;
    enum smelt_dtype first = thread ? SMELT_DTYPE_F32 : SMELT_DTYPE_F16;
    bool usual = row->types.stored == first && row->types.accumulated == SMELT_DTYPE_F32;
    if (relaxes(row))
        return row->op == &check_convolution2d_workgroup &&
               (!strcmp(row->shape->name, few[0]) || !strcmp(row->shape->name, few[1]));
    if (row->shape->d[FLAGS] & WHOLE) // a promise that matrices make use of
        return usual && !subgroup && row->backend >= SMELT_BACKEND_COOPMAT;
    if (row->stage == VK_SHADER_STAGE_FRAGMENT_BIT)
        return usual && !strcmp(row->shape->name, few[1]);
    return chosen || (usual && !subgroup);
}

#define CONVOLUTION                                                                                          \
    CHECK_TABLES, .exists = exists, .values = CHECK_FINITE_VALUES, .wrong_shape = 1,                         \
                  .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4, .flops = flops
#define GROUP_OP                                                                                             \
    .fixture = "convolution2d_group", CONVOLUTION, .grid = grid,                                             \
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_COOPMAT | 1 << SMELT_BACKEND_COOPMAT2,      \
    .stages = VK_SHADER_STAGE_COMPUTE_BIT

const struct check_op check_convolution2d = {.name = "convolution2d",
                                             .fixture = "convolution2d",
                                             CONVOLUTION,
                                             .describe = describe,
                                             .backends = 1 << SMELT_BACKEND_PORTABLE,
                                             .stages =
                                                 VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_FRAGMENT_BIT};
const struct check_op check_convolution2d_subgroup = {
    .name = "convolution2d_subgroup", .scope = SMELT_SCOPE_SUBGROUP, .describe = describe, GROUP_OP};
const struct check_op check_convolution2d_workgroup = {
    .name = "convolution2d_workgroup", .scope = SMELT_SCOPE_WORKGROUP, .describe = describe, GROUP_OP};

#define INTEGERS                                                                                             \
    .shapes = integer_shapes, .shape_count = SMELT_COUNT_OF(integer_shapes), .types = integer_types,         \
    .type_count = SMELT_COUNT_OF(integer_types), .lefts = integer_lefts, .exists = exists,                   \
    .reference = reference_integer, .values = 1 << CHECK_RANDOM | 1 << CHECK_ZEROS | 1 << CHECK_LARGEST,     \
    .wrong_shape = 1, .stages = VK_SHADER_STAGE_COMPUTE_BIT, .flops = flops
#define INTEGER_GROUP_OP                                                                                     \
    .fixture = "convolution2d_group", INTEGERS, .wrong = 1 << 1 | 1 << 3 | 1 << 4, .grid = grid,             \
    .backends = 1 << SMELT_BACKEND_PORTABLE | 1 << SMELT_BACKEND_DOT8 | 1 << SMELT_BACKEND_COOPMAT |         \
                1 << SMELT_BACKEND_COOPMAT2

const struct check_op check_convolution2d_integer_thread = {.name = "convolution2d_i8",
                                                            .fixture = "convolution2d",
                                                            INTEGERS,
                                                            .describe = describe,
                                                            .wrong = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
                                                            .backends = 1 << SMELT_BACKEND_PORTABLE};
const struct check_op check_convolution2d_integer_subgroup = {
    .name = "convolution2d_i8_s", .scope = SMELT_SCOPE_SUBGROUP, .describe = describe, INTEGER_GROUP_OP};
const struct check_op check_convolution2d_integer_workgroup = {
    .name = "convolution2d_i8_w", .scope = SMELT_SCOPE_WORKGROUP, .describe = describe, INTEGER_GROUP_OP};
