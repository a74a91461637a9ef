// SPDX-License-Identifier: MIT
// Descriptors of integer products and quantised weights at every scope: what is refused and with which words, what
// is chosen; and random descriptors of every kind, which succeed or say what they wanted, and whose GLSL compiles.
#include "test.h"

#include <smelt/reduce.h>

#include <math.h>

static struct smelt_op product_of(const struct smelt_matmul2d_descriptor *d)
{
    return (struct smelt_op){.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = d};
}

#define QUERY(op) smelt_op_query(NULL, &(op), 0, &info)
#define BAD(result, text, ...)                                                                               \
    d = good;                                                                                                \
    __VA_ARGS__;                                                                                             \
    CHECK_FAILS(QUERY(op), result, text)

static void integers(enum smelt_scope scope)
{
    struct smelt_op_info info;
    const struct smelt_matmul2d_descriptor good = {
        .scope = scope, .m = scope ? 64 : 2, .n = 64, .k = 32, .stored = SMELT_DTYPE_I8};
    struct smelt_matmul2d_descriptor d = good;
    struct smelt_op op = product_of(&d);
    static const enum smelt_dtype lefts[] = {SMELT_DTYPE_I8, SMELT_DTYPE_U8};
    static const enum smelt_dtype rights[] = {SMELT_DTYPE_I8, SMELT_DTYPE_U8, SMELT_DTYPE_I4, SMELT_DTYPE_U4};
    for (int i = 0; i < 8; i++) {
        d.stored_left = lefts[i / 4];
        d.stored = rights[i % 4];
        CHECK_OK(QUERY(op));
        CHECK(info.choice.computed == SMELT_DTYPE_I8 && info.choice.accumulated == SMELT_DTYPE_I32);
        CHECK(info.error_c == 0 && info.error_u == 0); // exact
    }
    d = good;
    CHECK_OK(QUERY(op)); // a as stored
    CHECK(info.choice.computed == SMELT_DTYPE_I8);
    d.computed = SMELT_DTYPE_F16;
    CHECK_OK(QUERY(op));
    CHECK(info.choice.accumulated == SMELT_DTYPE_F16 && info.error_c > 0);
    BAD(SMELT_ERROR_DTYPE, "stored is f16 with computed i8, wanted i8, u8, i4 or u4",
        d.computed = SMELT_DTYPE_I8, d.stored = SMELT_DTYPE_F16);
    BAD(SMELT_ERROR_DTYPE, "stored_left is i4 with computed i8, wanted i8 or u8", d.computed = SMELT_DTYPE_I8,
        d.stored_left = SMELT_DTYPE_I4);
    BAD(SMELT_ERROR_DTYPE, "accumulated is f32 with computed i8, wanted i32", d.computed = SMELT_DTYPE_I8,
        d.accumulated = SMELT_DTYPE_F32);
    BAD(SMELT_ERROR_DTYPE, "computed is f16 with accumulated i32, wanted i8", d.computed = SMELT_DTYPE_F16,
        d.accumulated = SMELT_DTYPE_I32);
    BAD(SMELT_ERROR_INVALID_ARGUMENT, "activation is gelu with computed i8, wanted none or relu",
        d.activation = SMELT_ACTIVATION_GELU);
    BAD(SMELT_ERROR_DTYPE, "stored is i16, wanted f32, f16, bf16, f8e4m3, f8e5m2, i8, u8, i4 or u4",
        d.stored = SMELT_DTYPE_I16);
    BAD(SMELT_ERROR_DTYPE, "stored is invalid", d.stored = (enum smelt_dtype)99);
}

static void weights(enum smelt_scope scope)
{
    struct smelt_op_info info;
    const struct smelt_matmul2d_descriptor good = {.scope = scope,
                                                   .m = scope ? 64 : 2,
                                                   .n = 64,
                                                   .k = 32,
                                                   .transpose_right = true,
                                                   .stored = SMELT_DTYPE_U4,
                                                   .accumulated = SMELT_DTYPE_F32,
                                                   .scale = SMELT_SCALE_F16,
                                                   .block = 32,
                                                   .zero = SMELT_ZERO_POINT};
    struct smelt_matmul2d_descriptor d = good;
    struct smelt_op op = product_of(&d);
    CHECK_OK(QUERY(op));
    CHECK(info.choice.backend == SMELT_BACKEND_PORTABLE && info.choice.computed == SMELT_DTYPE_F16);
    double n = scope ? 2 * 32 + 8 : 32 + 3, u = 0x1p-23, c = n * (1 + n * u);
    CHECK(fabs(info.error_c * info.error_u - (c * u + 0x1p-10 * (1 + c * u))) < 1e-12);
    BAD(SMELT_ERROR_INVALID_ARGUMENT, "scale is 4 and zero is 1, wanted 0 to 3 and 0 to 2",
        d.scale = SMELT_SCALE_COUNT);
    BAD(SMELT_ERROR_INVALID_ARGUMENT, "scale is 2 and zero is 3, wanted 0 to 3 and 0 to 2",
        d.zero = SMELT_ZERO_COUNT);
    BAD(SMELT_ERROR_INVALID_ARGUMENT, "block is 0, wanted 1 to 1073741824", d.block = 0);
    BAD(SMELT_ERROR_INVALID_ARGUMENT, "block is 32 and zero is 1 without scale, wanted 0 and 0", d.scale = 0);
    BAD(SMELT_ERROR_DTYPE, "stored is f16 with scale, wanted i8, u8, i4, u4, f8e4m3 or f8e5m2",
        d.stored = SMELT_DTYPE_F16);
    BAD(SMELT_ERROR_DTYPE, "computed is i8 with scale, wanted f16 or f32", d.computed = SMELT_DTYPE_I8);
    BAD(SMELT_ERROR_DTYPE, "accumulated is i32 with scale, wanted f16 or f32",
        d.accumulated = SMELT_DTYPE_I32);
    BAD(SMELT_ERROR_INVALID_ARGUMENT, "zero is 1 with stored f8e4m3", d.stored = SMELT_DTYPE_F8E4M3);
    BAD(SMELT_ERROR_INVALID_ARGUMENT, "zero is 2 with stored u4 and scale 3", d.scale = SMELT_SCALE_UE8M0,
        d.zero = SMELT_ZERO_OFFSET);
    if (scope == SMELT_SCOPE_THREAD) {
        BAD(SMELT_ERROR_UNSUPPORTED, "reads weights of f16, not of u4", d.backend = SMELT_BACKEND_COOPVEC);
        BAD(SMELT_ERROR_INVALID_ARGUMENT, "stored_left is f16, wanted none at THREAD scope",
            d.stored_left = SMELT_DTYPE_F16);
        BAD(SMELT_ERROR_INVALID_ARGUMENT, "alignment (at THREAD scope) is 8, wanted 0 to 0", d.alignment = 8);
        BAD(SMELT_ERROR_INVALID_ARGUMENT, "relaxed (at THREAD scope) is 1, wanted 0 to 0", d.relaxed = true);
    }
    BAD(SMELT_ERROR_UNSUPPORTED, "computes products of i8, not of f16", d.backend = SMELT_BACKEND_DOT8);
}

static void refuses_bad_types(void)
{
    for (int scope = SMELT_SCOPE_THREAD; scope <= SMELT_SCOPE_WORKGROUP; scope++) {
        integers((enum smelt_scope)scope);
        weights((enum smelt_scope)scope);
    }
}

// --- Random descriptors -----------------------------------------------------------------------------------

static uint64_t state;

static uint32_t draw(uint32_t count)
{
    state = state * 6364136223846793005u + 1442695040888963407u; // MMIX, D. Knuth
    return (uint32_t)(state >> 33) % count;
}

// Mostly a value that may do, now and then one far outside.
static uint32_t number(uint32_t below)
{
    static const uint32_t odd[] = {0, 1, UINT32_MAX, 1u << 31, 1025, 129, 65, 7};
    return draw(80) ? draw(below) : odd[draw(sizeof(odd) / sizeof(odd[0]))];
}

static enum smelt_dtype type(void)
{
    return (enum smelt_dtype)(draw(80) ? (draw(3) ? 0 : draw(SMELT_DTYPE_COUNT)) : draw(300));
}

static void random_matmul2d(struct smelt_matmul2d_descriptor *d)
{
    bool group = draw(2), scaled = draw(3) == 0;
    *d = (struct smelt_matmul2d_descriptor){
        .scope = (enum smelt_scope)(group ? 1 + number(2) : 0),
        .m = group && draw(2) ? 0
             : group          ? 8 * number(17)
                              : number(17),
        .k = number(70),
        .transpose_right = draw(2),
        .accumulate = draw(2),
        .bias = draw(2),
        .activation = (enum smelt_activation)number(SMELT_ACTIVATION_COUNT),
        .stored = type(),
        .computed = draw(2) ? SMELT_DTYPE_NONE : type(),
        .accumulated = draw(2) ? SMELT_DTYPE_NONE : type(),
        .scale = (enum smelt_scale)(scaled ? number(SMELT_SCALE_COUNT) : 0),
        .block = scaled ? number(40) : 0,
        .zero = (enum smelt_zero)(scaled ? number(SMELT_ZERO_COUNT) : 0),
        .backend = (enum smelt_backend)(draw(2) ? 0 : number(SMELT_BACKEND_COUNT)),
        .stored_left = draw(2) ? SMELT_DTYPE_NONE : type(),
        .transpose_left = group && draw(2),
        .alignment = group && draw(2) ? 1u << number(5) % 32 : 0,
        .tile_k = group && draw(2) ? 8 * number(9) : 0,
        .subgroups_m = group && draw(4) == 0 ? number(5) : 0,
        .subgroups_n = group && draw(4) == 0 ? number(5) : 0,
        .subgroup_size = group && draw(4) == 0 ? number(70) : 0,
    };
    d->n = group ? (d->m ? 8 * number(17) : 0) : number(70);
}

static void random_convolution2d(struct smelt_convolution2d_descriptor *d)
{
    bool group = draw(2);
    *d = (struct smelt_convolution2d_descriptor){
        .scope = (enum smelt_scope)(group ? 1 + number(2) : 0),
        .geometry = {.stride_y = number(4),
                     .stride_x = number(4),
                     .dilation_y = number(3),
                     .dilation_x = number(3),
                     .padding_top = number(4),
                     .padding_left = number(4),
                     .padding_bottom = number(4),
                     .padding_right = number(4),
                     .groups = draw(2) ? 0 : number(5),
                     .transposed = draw(4) == 0},
        .image_layout = (enum smelt_image_layout)number(2),
        .weight_layout = (enum smelt_weight_layout)number(4),
        .kernel_h = number(5),
        .kernel_w = number(5),
        .channels = number(20),
        .bias = draw(2),
        .activation = (enum smelt_activation)number(SMELT_ACTIVATION_COUNT),
        .stored_left = draw(2) ? SMELT_DTYPE_NONE : type(),
        .stored = type(),
        .computed = draw(2) ? SMELT_DTYPE_NONE : type(),
        .accumulated = draw(2) ? SMELT_DTYPE_NONE : type(),
        .backend = (enum smelt_backend)(draw(2) ? 0 : number(SMELT_BACKEND_COUNT)),
        .alignment = draw(2) ? 0 : 1u << number(4) % 32,
        .weight_alignment = draw(2) ? 0 : 1u << number(4) % 32,
        .n = group ? 8 * number(17) : number(33),
        .m = group ? 8 * number(17) : 0,
        .depthwise = !group && draw(4) == 0,
        .accumulate = group && draw(4) == 0,
        .weight_strided = group && draw(4) == 0,
        .tile_k = group && draw(2) ? 8 * number(9) : 0,
        .subgroups_m = group && draw(4) == 0 ? number(5) : 0,
        .subgroups_n = group && draw(4) == 0 ? number(5) : 0,
        .subgroup_size = group && draw(4) == 0 ? number(70) : 0,
    };
}

static void random_reduction(struct smelt_reduction_descriptor *d)
{
    *d = (struct smelt_reduction_descriptor){
        .line = {.scope = (enum smelt_scope)number(3),
                 .rank = 1 + number(5),
                 .axis = number(4),
                 .stored = type(),
                 .backend = (enum smelt_backend)(draw(2) ? 0 : number(SMELT_BACKEND_COUNT)),
                 .workgroup_size = draw(2) ? 0 : 32 * number(9),
                 .subgroup_size = draw(2) ? 0 : number(70)},
        .reduce = (enum smelt_reduce)number(SMELT_REDUCE_COUNT),
    };
}

static struct {
    uint32_t good, bad, compiled;
} counts;

// The include alone must compile.
static void compile(const struct smelt_op *op)
{
    struct smelt_shader_params params = {
        .source = "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/op/x.glsl\"\n"
                  "#ifndef x_WORKGROUP_SIZE\n#define x_WORKGROUP_SIZE 1\n#endif\n"
                  "layout(local_size_x = x_WORKGROUP_SIZE) in;\nvoid main()\n{\n}\n",
        .path = "random.comp",
        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
        .ops = op,
        .op_count = 1,
        .optimization = SMELT_OPTIMIZATION_NONE,
        .no_cache = true,
    };
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(NULL, &params, &shader));
    smelt_shader_destroy(&shader);
    counts.compiled++;
}

static void try_op(smelt_context device, struct smelt_op op)
{
    static const enum smelt_result refusals[] = {SMELT_ERROR_INVALID_ARGUMENT, SMELT_ERROR_DTYPE,
                                                 SMELT_ERROR_UNSUPPORTED};
    for (int i = 0; i < 2; i++) {
        smelt_context context = i ? device : NULL;
        struct smelt_op_info info;
        char *text = NULL;
        op.name = "x";
        enum smelt_result result = smelt_op_query(context, &op, 0, &info);
        enum smelt_result written = smelt_op_glsl(context, &op, 0, &text);
        CHECK(result == written && !result == (text != NULL));
        smelt_free_text(&text);
        if (result) {
            counts.bad++;
            CHECK(result == refusals[0] || result == refusals[1] || result == refusals[2]);
            // What is wrong, got and wanted; or what a backend lacks.
            const char *error = smelt_last_error();
            CHECK(strstr(error, "wanted") || result == SMELT_ERROR_UNSUPPORTED);
            CHECK(strlen(error) > 20 && !strstr(error, "(null)"));
            continue;
        }
        counts.good++;
        CHECK(isfinite(info.error_c) && info.error_c >= 0);
        CHECK(info.choice.eligible[info.choice.backend]);
        if (!i && counts.good % 20 == 0)
            compile(&op);
    }
}

static void random_descriptors(void)
{
    struct smelt_matmul2d_descriptor matmul2d;
    struct smelt_convolution2d_descriptor convolution2d;
    struct smelt_reduction_descriptor reduction;
    const struct smelt_context_params silent = {.cache_directory = ""};
    smelt_context device = NULL;
    CHECK_OK(smelt_context_create(&silent, &device));
    for (state = 1; counts.good + counts.bad < 12000;) {
        random_matmul2d(&matmul2d);
        try_op(device, (struct smelt_op){.kind = SMELT_OP_MATMUL2D, .matmul2d = &matmul2d});
        random_convolution2d(&convolution2d);
        try_op(device, (struct smelt_op){.kind = SMELT_OP_CONVOLUTION2D, .convolution2d = &convolution2d});
        random_reduction(&reduction);
        try_op(device, (struct smelt_op){.kind = SMELT_OP_REDUCTION, .reduction = &reduction});
    }
    smelt_context_destroy(&device);
    printf("    %u descriptors were taken, %u compiled, %u refused\n", counts.good, counts.compiled,
           counts.bad);
    CHECK(counts.good > 500 && counts.bad > 500 && counts.compiled > 10);
}

static const struct test tests[] = {
    {"types that do not go together are refused, by name", refuses_bad_types},
    {"random descriptors are taken or refused, with words", random_descriptors},
};
TEST_MAIN(tests)
