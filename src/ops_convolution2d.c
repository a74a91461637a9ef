// SPDX-License-Identifier: MIT
// The op convolution2d: checks its descriptor, lays its tile out as that of the matrix product that it is, writes the
// generated include.
#include "ops_internal.h"

#include <stddef.h>
#include <string.h>

#define MAX_EXTENT (1u << 15) // of a kernel, a stride and so on: the products of two stay in 32 bits
#define MAX_CHANNELS 32       // of one invocation

static const struct {
    const char *name, *parameter;
    size_t offset;
    uint32_t least; // 0 in the descriptor means this
} fields[] = {
#define FIELD(name, parameter, least)                                                                        \
    {                                                                                                        \
#name, parameter, offsetof(struct smelt_convolution2d_geometry, name), least                         \
    }
    FIELD(stride_y, "STRIDE_Y", 1),
    FIELD(stride_x, "STRIDE_X", 1),
    FIELD(dilation_y, "DILATION_Y", 1),
    FIELD(dilation_x, "DILATION_X", 1),
    FIELD(padding_top, "PADDING_TOP", 0),
    FIELD(padding_left, "PADDING_LEFT", 0),
    FIELD(padding_bottom, "PADDING_BOTTOM", 0),
    FIELD(padding_right, "PADDING_RIGHT", 0),
    FIELD(output_padding_y, "OUTPUT_PADDING_Y", 0),
    FIELD(output_padding_x, "OUTPUT_PADDING_X", 0),
    FIELD(groups, "GROUPS", 1),
};

static uint32_t field_of(const struct smelt_convolution2d_geometry *g, size_t i)
{
    uint32_t value;
    memcpy(&value, (const char *)g + fields[i].offset, sizeof(value));
    return SMELT_MAX(value, fields[i].least);
}

// --- The descriptor ---------------------------------------------------------------------------------------

// The matrix product that the convolution is.
static struct smelt_matmul2d_descriptor product_of(const struct smelt_convolution2d_descriptor *d)
{
    return (struct smelt_matmul2d_descriptor){
        .scope = d->scope,
        .m = d->m,
        .n = d->n,
        .transpose_left = d->image_layout == SMELT_IMAGE_NCHW,
        .transpose_right = d->weight_layout != SMELT_WEIGHT_HWIO || (d->weight_strided && !d->whole),
        .zero_points = d->zero_points,
        .alignment = d->weight_alignment,
        .tile_k = d->tile_k,
        .subgroups_m = d->subgroups_m,
        .subgroups_n = d->subgroups_n,
        .subgroup_size = d->subgroup_size,
    };
}

static enum smelt_result check_alignment(smelt_context context, const struct smelt_op_plan *plan,
                                         const char *field, uint32_t value)
{
    if (value <= 8 && !(value & (value - 1)))
        return SMELT_OK;
    return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                      "op \"%s\": %s is %u, wanted 1, 2, 4 or 8 (or 0: 1)", plan->op->name, field, value);
}

static enum smelt_result check_geometry(smelt_context context, const struct smelt_op_plan *plan)
{
    const struct smelt_convolution2d_descriptor *d = plan->op->convolution2d;
    const struct smelt_convolution2d_geometry *g = &d->geometry;
    for (size_t i = 0; i < SMELT_COUNT_OF(fields); i++) {
        enum smelt_result result =
            smelt_op_check_range(context, plan, fields[i].name, field_of(g, i), fields[i].least, MAX_EXTENT);
        if (result)
            return result;
    }
    if (!g->transposed && (g->output_padding_y || g->output_padding_x))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": output_padding_%c is %u, wanted 0 unless transposed", plan->op->name,
                          g->output_padding_y ? 'y' : 'x',
                          g->output_padding_y ? g->output_padding_y : g->output_padding_x);
    return SMELT_OK;
}

static enum smelt_result check_thread(smelt_context context, const struct smelt_op_plan *plan)
{
    const struct smelt_convolution2d_descriptor *d = plan->op->convolution2d;
    enum smelt_result result =
        smelt_op_check_range(context, plan, "relaxed (at THREAD scope)", d->relaxed, 0, 0);
    if (result)
        return result;
    if (d->m || d->accumulate || d->weight_strided || d->whole || d->tile_k || d->subgroups_m ||
        d->subgroups_n || d->subgroup_size)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": a field from m on is set, wanted zeros at THREAD scope",
                          plan->op->name);
    uint32_t n = d->n ? d->n : 8;
    result = smelt_op_check_range(context, plan, "n", n, 1, MAX_CHANNELS);
    bool weight = d->weight_layout == SMELT_WEIGHT_HWIO && d->weight_alignment > 1;
    bool image = d->depthwise && d->image_layout == SMELT_IMAGE_NHWC && d->alignment > 1;
    uint32_t of = SMELT_MAX(weight && d->weight_alignment <= n ? d->weight_alignment : 1,
                            image && d->alignment <= n ? d->alignment : 1);
    if (!result && n % of != 0)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": n is %u, wanted a multiple of %u: alignment and weight_alignment",
                          plan->op->name, n, of);
    return result;
}

static enum smelt_result check_types(smelt_context context, struct smelt_op_plan *plan)
{
    const struct smelt_convolution2d_descriptor *d = plan->op->convolution2d;
    if (smelt_op_is_integers(plan))
        return smelt_op_check_integers(context, plan, false, d->activation);
    if (d->zero_points)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": zero_points is set, wanted false but for computed i8", plan->op->name);
    return smelt_op_check_dtypes(context, plan);
}

// What the promise `whole` goes with.
static enum smelt_result check_whole(smelt_context context, const struct smelt_op_plan *plan)
{
    const struct smelt_convolution2d_descriptor *d = plan->op->convolution2d;
    uint32_t taps = d->kernel_h * d->kernel_w; // 0: known at run time
    bool halves = plan->stored_left == SMELT_DTYPE_F16 &&
                  (!plan->stored || plan->stored == SMELT_DTYPE_F16) &&
                  (!plan->computed || plan->computed == SMELT_DTYPE_F16);
    if (halves && d->image_layout == SMELT_IMAGE_NHWC && d->weight_layout <= SMELT_WEIGHT_OHWI &&
        d->alignment == 8 && d->weight_alignment == 8 && taps <= 32 &&
        (!d->geometry.transposed || (d->geometry.stride_y <= 1 && d->geometry.stride_x <= 1)))
        return SMELT_OK;
    return smelt_fail(
        context, SMELT_ERROR_INVALID_ARGUMENT,
        "op \"%s\": whole is set, wanted false but for f16, NHWC with HWIO or OHWI, alignment and "
        "weight_alignment 8, at most 32 taps, and strides of 1 when transposed",
        plan->op->name);
}

// Blocks in shared memory are read in rounds of all invocations: so that rounds are even.
static enum smelt_result check_rounds(smelt_context context, const struct smelt_op_plan *plan,
                                      const struct smelt_matmul2d_tiling *t)
{
    uint32_t threads = t->subgroups_m * t->subgroups_n * t->subgroup_size;
    bool rows = plan->op->convolution2d->weight_layout == SMELT_WEIGHT_OHWI; // of outputs, else of terms
    uint32_t groups = (rows ? t->k : t->n) / 8, pass = threads / groups;
    if (t->m * t->k / 8 % threads == 0 && threads % groups == 0 && pass % 8 == 0 &&
        (rows ? t->n : t->k) % pass == 0)
        return SMELT_OK;
    return smelt_fail(
        context, SMELT_ERROR_INVALID_ARGUMENT,
        "op \"%s\": whole is set with a tile of %u x %u x %u for %u invocations, wanted false, or "
        "invocations that divide the groups of 8 elements of both blocks, 8 rows at once",
        plan->op->name, t->m, t->n, t->k, threads);
}

static enum smelt_result check(smelt_context context, struct smelt_op_plan *plan)
{
    const struct smelt_convolution2d_descriptor *d = plan->op->convolution2d;
    const uint32_t enums[3] = {(uint32_t)d->scope, (uint32_t)d->image_layout, (uint32_t)d->weight_layout};
    static const struct {
        const char *field;
        uint32_t last;
    } limits[3] = {{"scope", SMELT_SCOPE_WORKGROUP},
                   {"image_layout", SMELT_IMAGE_NCHW},
                   {"weight_layout", SMELT_WEIGHT_IOHW}};
    enum smelt_result result = SMELT_OK;
    for (int i = 0; !result && i < 3; i++)
        result = smelt_op_check_range(context, plan, limits[i].field, enums[i], 0, limits[i].last);
    if (result || (result = smelt_op_check_activation(context, plan, "activation", d->activation)) ||
        (result = smelt_op_check_range(context, plan, "kernel_h", d->kernel_h, 0, MAX_EXTENT)) ||
        (result = smelt_op_check_range(context, plan, "kernel_w", d->kernel_w, 0, MAX_EXTENT)) ||
        (result = smelt_op_check_range(context, plan, "channels", d->channels, 0, MAX_EXTENT)) ||
        (result = check_alignment(context, plan, "alignment", d->alignment)) ||
        (result = check_alignment(context, plan, "weight_alignment", d->weight_alignment)) ||
        (result = check_geometry(context, plan)))
        return result;
    plan->scope = d->scope;
    plan->stored = d->stored;
    plan->stored_left = d->stored_left ? d->stored_left : d->stored ? d->stored : SMELT_DTYPE_F16;
    plan->computed = d->computed;
    plan->accumulated = d->accumulated;
    plan->backend = d->backend;
    plan->relaxed = d->relaxed;
    uint64_t terms = (uint64_t)d->kernel_h * d->kernel_w * d->channels;
    plan->max_k = terms && terms < 1u << 20 ? (uint32_t)terms : 1u << 20;
    if ((result = check_types(context, plan)) ||
        (result = d->whole && d->scope != SMELT_SCOPE_THREAD ? check_whole(context, plan) : SMELT_OK))
        return result;
    if (d->scope == SMELT_SCOPE_THREAD) {
        result = check_thread(context, plan);
    } else if (d->depthwise) {
        result = smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                            "op \"%s\": depthwise is set, wanted false beyond THREAD scope", plan->op->name);
    } else {
        struct smelt_matmul2d_descriptor product = product_of(d);
        struct smelt_op op = {.name = plan->op->name, .kind = SMELT_OP_MATMUL2D, .matmul2d = &product};
        struct smelt_op_plan of_product = *plan;
        of_product.op = &op;
        result = smelt_cooperative_check(context, &of_product);
    }
    return result;
}

// --- What it will be --------------------------------------------------------------------------------------

static bool walks(const struct smelt_op_plan *plan, const struct smelt_op_info *info)
{
    return plan->op->convolution2d->whole &&
           (info->choice.backend == SMELT_BACKEND_COOPMAT || info->choice.backend == SMELT_BACKEND_COOPMAT2);
}

// The bound is that of the matrix product.
static enum smelt_result lay_out(smelt_context context, const struct smelt_op_plan *plan,
                                 struct smelt_op_info *info)
{
    struct smelt_matmul2d_descriptor product = product_of(plan->op->convolution2d);
    product.alignment = 0; // the left operand is made out of the image: nothing for tensor addressing
    struct smelt_op op = {.name = plan->op->name, .kind = SMELT_OP_MATMUL2D, .matmul2d = &product};
    struct smelt_op_plan of_product = *plan;
    of_product.op = &op;
    of_product.type = &smelt_op_type_matmul2d;
    bool thread = plan->scope == SMELT_SCOPE_THREAD;
    smelt_op_state_bound(info, thread ? plan->max_k + 3.0 : 2.0 * plan->max_k + 8.0);
    smelt_op_add_rounding(plan, info);
    if (info->choice.computed == SMELT_DTYPE_I8)
        info->error_c = info->error_u = 0;
    if (thread)
        return SMELT_OK;
    enum smelt_result result = smelt_cooperative_tile(context, &of_product, info);
    return result || !walks(plan, info) ? result : check_rounds(context, plan, &info->tiling);
}

// --- The generated include --------------------------------------------------------------------------------

static void write_group(struct smelt_text *text, const char *prefix, const struct smelt_op_plan *plan,
                        const struct smelt_op_info *info)
{
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    const struct smelt_convolution2d_descriptor *d = plan->op->convolution2d;
    smelt_op_define_number(text, prefix, "TILE_K", t->k);
    smelt_op_define_number(text, prefix, "ACCUMULATE", d->accumulate);
    smelt_op_define_number(text, prefix, "WEIGHT_STRIDED", d->weight_strided);
    smelt_op_define_number(text, prefix, "WHOLE", walks(plan, info));
    smelt_op_define_number(text, prefix, "RELAXED", d->relaxed);
    smelt_cooperative_write_tiling(text, prefix, plan, t);
}

static void write(struct smelt_text *text, const struct smelt_op_plan *plan, const struct smelt_op_info *info)
{
    static const char *const images[] = {"SMELT_LAYOUT_NHWC", "SMELT_LAYOUT_NCHW"};
    static const char *const weights[] = {"SMELT_LAYOUT_HWIO", "SMELT_LAYOUT_OHWI", "SMELT_LAYOUT_OIHW",
                                          "SMELT_LAYOUT_IOHW"};
    const struct smelt_convolution2d_descriptor *d = plan->op->convolution2d;
    const char *prefix = "SMELT_CONVOLUTION2D_";
    bool thread = plan->scope == SMELT_SCOPE_THREAD;
    if (!thread)
        smelt_cooperative_write_group(text, plan, info);
    smelt_op_define(text, "SMELT_", "CONVOLUTION2D", plan->op->name);
    smelt_op_define(text, prefix, "SCOPE", smelt_op_scope_macro(plan->scope));
    smelt_op_define_number(text, prefix, "M", thread ? 1 : info->tiling.m);
    smelt_op_define_number(text, prefix, "N", !thread ? info->tiling.n : d->n ? d->n : 8);
    smelt_op_define(text, prefix, "IMAGE_LAYOUT", images[d->image_layout]);
    smelt_op_define(text, prefix, "WEIGHT_LAYOUT", weights[d->weight_layout]);
    smelt_op_define_number(text, prefix, "KERNEL_H", d->kernel_h);
    smelt_op_define_number(text, prefix, "KERNEL_W", d->kernel_w);
    smelt_op_define_number(text, prefix, "CHANNELS", d->channels);
    // Each may be the caller's own expression, for example a specialization constant's name.
    smelt_text_add(text, "#ifndef %s_LITERAL\n#define %s_LITERAL 1\n#endif\n", plan->op->name,
                   plan->op->name);
    smelt_text_add(text, "#define %sLITERAL %s_LITERAL\n#if %s_LITERAL\n", prefix, plan->op->name,
                   plan->op->name);
    for (size_t i = 0; i < SMELT_COUNT_OF(fields); i++)
        smelt_op_define_number(text, prefix, fields[i].parameter, field_of(&d->geometry, i));
    smelt_text_add(text, "#else\n");
    for (size_t i = 0; i < SMELT_COUNT_OF(fields); i++)
        smelt_text_add(text, "#define %s%s %s_%s\n", prefix, fields[i].parameter, plan->op->name,
                       fields[i].parameter);
    smelt_text_add(text, "#endif\n");
    smelt_op_define_number(text, prefix, "TRANSPOSED", d->geometry.transposed);
    smelt_op_define_number(text, prefix, "BIAS", d->bias);
    smelt_op_define(text, prefix, "ACTIVATION", smelt_op_activation_macro(d->activation));
    smelt_op_define_number(text, prefix, "EPILOGUE", d->epilogue);
    smelt_op_define(text, prefix, "STORED_LEFT", smelt_op_dtype_macro(plan->stored_left));
    smelt_op_define(text, prefix, "STORED", smelt_op_dtype_macro(plan->stored));
    smelt_op_define(text, prefix, "COMPUTED", smelt_op_dtype_macro(info->choice.computed));
    smelt_op_define(text, prefix, "ACCUMULATED", smelt_op_dtype_macro(info->choice.accumulated));
    if (info->choice.computed == SMELT_DTYPE_I8)
        smelt_op_define_number(text, prefix, "ZERO_POINTS", d->zero_points);
    smelt_op_define_number(text, prefix, "ALIGNMENT", SMELT_MAX(d->alignment, 1));
    smelt_op_define_number(text, prefix, "WEIGHT_ALIGNMENT", SMELT_MAX(d->weight_alignment, 1));
    smelt_op_define(text, prefix, "BACKEND", smelt_op_backend_macro(info->choice.backend));
    if (thread)
        smelt_op_define_number(text, prefix, "DEPTHWISE", d->depthwise);
    else
        write_group(text, prefix, plan, info);
    smelt_text_add(text, "#include \"smelt/convolution2d_tmpl.glsl\"\n");
}

#define GROUP_SCOPES (1u << SMELT_SCOPE_SUBGROUP | 1u << SMELT_SCOPE_WORKGROUP)

const struct smelt_op_type smelt_op_type_convolution2d = {
    .name = "convolution2d",
    .descriptor = offsetof(struct smelt_op, convolution2d),
    .scopes = {[SMELT_BACKEND_PORTABLE] = 1u << SMELT_SCOPE_THREAD | GROUP_SCOPES,
               [SMELT_BACKEND_DOT8] = GROUP_SCOPES,
               [SMELT_BACKEND_COOPMAT] = GROUP_SCOPES,
               [SMELT_BACKEND_COOPMAT2] = GROUP_SCOPES},
    .check = check,
    .lay_out = lay_out,
    .write = write,
};
