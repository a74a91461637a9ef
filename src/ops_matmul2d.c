// SPDX-License-Identifier: MIT
// The op matmul2d: checks its descriptor, states its bound, writes the generated include at THREAD scope;
// ops_cooperative.c does the rest at wider scopes.
#include "ops_internal.h"

#include <stdio.h>

#define MAX_ROWS 16 // that one invocation computes

bool smelt_matmul2d_stored(enum smelt_dtype dtype)
{
    return smelt_dtype_is_float(dtype) || dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_U8 ||
           dtype == SMELT_DTYPE_I4 || dtype == SMELT_DTYPE_U4;
}

static bool is_byte(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_U8;
}

// What integer products take as b.
static bool is_small_integer(enum smelt_dtype dtype)
{
    return is_byte(dtype) || dtype == SMELT_DTYPE_I4 || dtype == SMELT_DTYPE_U4;
}

enum smelt_result smelt_check_scale(smelt_context context, const char *object, enum smelt_dtype stored,
                                    enum smelt_scale scale, uint32_t block, enum smelt_zero zero)
{
    if ((uint32_t)scale >= SMELT_SCALE_COUNT || (uint32_t)zero >= SMELT_ZERO_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: scale is %u and zero is %u, wanted 0 to %d and 0 to %d", object,
                          (uint32_t)scale, (uint32_t)zero, SMELT_SCALE_COUNT - 1, SMELT_ZERO_COUNT - 1);
    if (scale == SMELT_SCALE_NONE) {
        if (block || zero)
            return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                              "%s: block is %u and zero is %u without scale, wanted 0 and 0", object, block,
                              (uint32_t)zero);
        return SMELT_OK;
    }
    if (!block || block > 1u << 30)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: block is %u, wanted 1 to %u", object,
                          block, 1u << 30);
    bool small = stored == SMELT_DTYPE_F8E4M3 || stored == SMELT_DTYPE_F8E5M2;
    if (!small && !is_small_integer(stored))
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "%s: stored is %s with scale, wanted i8, u8, i4, u4, f8e4m3 or f8e5m2", object,
                          smelt_dtype_name(stored));
    if ((zero == SMELT_ZERO_POINT && small) || (zero == SMELT_ZERO_OFFSET && scale == SMELT_SCALE_UE8M0))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: zero is %u with stored %s and scale %u, wanted NONE (0), POINT (1) with "
                          "integers or OFFSET (2) with f32 or f16 scales",
                          object, (uint32_t)zero, smelt_dtype_name(stored), (uint32_t)scale);
    return SMELT_OK;
}

static enum smelt_result check_scale(smelt_context context, const struct smelt_op_plan *plan)
{
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    const char *name = plan->op->name;
    char object[160];
    snprintf(object, sizeof(object), "op \"%s\"", name);
    enum smelt_result result = smelt_check_scale(context, object, d->stored, d->scale, d->block, d->zero);
    if (result || !d->scale)
        return result;
    if (d->computed && d->computed != SMELT_DTYPE_F16 && d->computed != SMELT_DTYPE_F32)
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "op \"%s\": computed is %s with scale, wanted f16 or f32", name,
                          smelt_dtype_name(d->computed));
    if (d->accumulated == SMELT_DTYPE_I32)
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "op \"%s\": accumulated is i32 with scale, wanted f16 or f32", name);
    return SMELT_OK;
}

bool smelt_op_is_integers(const struct smelt_op_plan *plan)
{
    bool stored = is_small_integer(plan->stored) && is_byte(plan->stored_left);
    return plan->computed == SMELT_DTYPE_I8 || plan->accumulated == SMELT_DTYPE_I32 ||
           (plan->computed == SMELT_DTYPE_NONE && plan->accumulated == SMELT_DTYPE_NONE && stored);
}

enum smelt_result smelt_op_check_integers(smelt_context context, struct smelt_op_plan *plan, bool four_bits,
                                          enum smelt_activation activation)
{
    const char *name = plan->op->name;
    if (plan->stored == SMELT_DTYPE_NONE && is_byte(plan->stored_left))
        plan->stored = plan->stored_left;
    if (plan->computed != SMELT_DTYPE_NONE && plan->computed != SMELT_DTYPE_I8)
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "op \"%s\": computed is %s with accumulated i32, wanted i8 (or none: i8)", name,
                          smelt_dtype_name(plan->computed));
    if (!is_byte(plan->stored) && !(four_bits && is_small_integer(plan->stored)))
        return smelt_fail(context, SMELT_ERROR_DTYPE, "op \"%s\": stored is %s with computed i8, wanted %s",
                          name, smelt_dtype_name(plan->stored), four_bits ? "i8, u8, i4 or u4" : "i8 or u8");
    if (!is_byte(plan->stored_left))
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "op \"%s\": stored_left is %s with computed i8, wanted i8 or u8", name,
                          smelt_dtype_name(plan->stored_left));
    if (plan->accumulated != SMELT_DTYPE_NONE && plan->accumulated != SMELT_DTYPE_I32)
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "op \"%s\": accumulated is %s with computed i8, wanted i32 (or none: i32)", name,
                          smelt_dtype_name(plan->accumulated));
    if (activation > SMELT_ACTIVATION_RELU)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": activation is %s with computed i8, wanted none or relu", name,
                          smelt_activation_name(activation));
    plan->computed = SMELT_DTYPE_I8;
    plan->accumulated = SMELT_DTYPE_I32;
    plan->unsigned_only = plan->stored_left == SMELT_DTYPE_U8 &&
                          (plan->stored == SMELT_DTYPE_U8 || plan->stored == SMELT_DTYPE_U4);
    return SMELT_OK;
}

// Fills in stored, stored_left and, where that follows, the others.
static enum smelt_result check_types(smelt_context context, struct smelt_op_plan *plan)
{
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    bool group = plan->scope != SMELT_SCOPE_THREAD;
    enum smelt_result result = check_scale(context, plan);
    if (result)
        return result;
    plan->stored_left = d->stored_left ? d->stored_left
                        : d->scale     ? SMELT_DTYPE_F16
                        : !d->stored   ? SMELT_DTYPE_F16
                                       : d->stored;
    bool integers = smelt_op_is_integers(plan) && !(d->scale && plan->computed == SMELT_DTYPE_NONE &&
                                                    plan->accumulated == SMELT_DTYPE_NONE);
    if (d->zero_points && (!integers || !group))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": zero_points is set, wanted false %s", plan->op->name,
                          group ? "but for computed i8" : "at THREAD scope");
    if (integers)
        return smelt_op_check_integers(context, plan, true, d->activation);
    const struct {
        const char *field;
        enum smelt_dtype dtype;
    } types[] = {{"stored", plan->stored}, {"stored_left", plan->stored_left}};
    for (int i = 0; i < 2; i++)
        if (types[i].dtype && !smelt_matmul2d_stored(types[i].dtype))
            return smelt_fail(
                context, SMELT_ERROR_DTYPE,
                "op \"%s\": %s is %s, wanted f32, f16, bf16, f8e4m3, f8e5m2, i8, u8, i4 or u4 (or none)",
                plan->op->name, types[i].field, smelt_dtype_name(types[i].dtype));
    if (!group && d->stored_left)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": stored_left is %s, wanted none at THREAD scope but for computed i8",
                          plan->op->name, smelt_dtype_name(d->stored_left));
    // Integers of 8 and 4 bits are among what f16 holds exactly.
    enum smelt_dtype stored = plan->stored, left = plan->stored_left;
    if (!smelt_dtype_is_float(stored))
        plan->stored = SMELT_DTYPE_F16;
    plan->stored_left = group && smelt_dtype_is_float(left) ? left : SMELT_DTYPE_NONE;
    result = smelt_op_check_dtypes(context, plan);
    plan->stored = stored ? stored : SMELT_DTYPE_F16;
    plan->stored_left = group ? left : SMELT_DTYPE_NONE;
    return result;
}

// The sizes, and what only wider scopes have.
static enum smelt_result check_thread(smelt_context context, struct smelt_op_plan *plan)
{
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    const struct {
        const char *field;
        uint32_t value, low, high;
    } ranges[] = {
        {"m", d->m, 0, MAX_ROWS},
        {"n", d->n, 1, SMELT_OP_MAX_WIDTH},
        {"k", d->k, 1, SMELT_OP_MAX_WIDTH},
        {"transpose_left (at THREAD scope)", d->transpose_left, 0, 0},
        {"epilogue (at THREAD scope)", d->epilogue, 0, 0},
        {"relaxed (at THREAD scope)", d->relaxed, 0, 0},
        {"alignment (at THREAD scope)", d->alignment, 0, 0},
        {"tile_k (at THREAD scope)", d->tile_k, 0, 0},
        {"subgroups_m (at THREAD scope)", d->subgroups_m, 0, 0},
        {"subgroups_n (at THREAD scope)", d->subgroups_n, 0, 0},
        {"subgroup_size (at THREAD scope)", d->subgroup_size, 0, 0},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(ranges); i++) {
        enum smelt_result result = smelt_op_check_range(context, plan, ranges[i].field, ranges[i].value,
                                                        ranges[i].low, ranges[i].high);
        if (result)
            return result;
    }
    plan->widest = SMELT_MAX(d->n, d->k);
    plan->weights = d->n * d->k;
    plan->max_k = d->k;
    return SMELT_OK;
}

static enum smelt_result check(smelt_context context, struct smelt_op_plan *plan)
{
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    if ((uint32_t)d->scope > SMELT_SCOPE_WORKGROUP)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": scope is %u, wanted one of enum smelt_scope (0 to %d)", plan->op->name,
                          (uint32_t)d->scope, SMELT_SCOPE_WORKGROUP);
    plan->scope = d->scope;
    plan->stored = d->stored;
    plan->computed = d->computed;
    plan->accumulated = d->accumulated;
    plan->backend = d->backend;
    plan->row_major_kn = !d->transpose_right;
    plan->relaxed = d->relaxed;
    enum smelt_result result = smelt_op_check_activation(context, plan, "activation", d->activation);
    if (result)
        return result;
    if ((result = check_types(context, plan)))
        return result;
    if (d->scope != SMELT_SCOPE_THREAD) {
        plan->max_k = d->k ? d->k : 1u << 20;
        return smelt_cooperative_check(context, plan);
    }
    return check_thread(context, plan);
}

// The bounds of glsl/smelt/matmul2d_tmpl.glsl and matmul2d_cooperative_tmpl.glsl ("errors"), which derive them.
static enum smelt_result lay_out(smelt_context context, const struct smelt_op_plan *plan,
                                 struct smelt_op_info *info)
{
    bool thread = plan->scope == SMELT_SCOPE_THREAD;
    smelt_op_state_bound(info, thread ? plan->max_k + 3.0 : 2.0 * plan->max_k + 8.0);
    if (plan->op->matmul2d->scale) // v (1 + c u) of matmul2d_scaled_tmpl.glsl
        info->error_c += (info->choice.computed == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-22) *
                         (1 + info->error_c * info->error_u) / info->error_u;
    smelt_op_add_rounding(plan, info);
    if (info->choice.computed == SMELT_DTYPE_I8)
        info->error_c = info->error_u = 0;
    return thread ? SMELT_OK : smelt_cooperative_tile(context, plan, info);
}

// An inline tensor type NAME_suffix.
static void add_inline(struct smelt_text *text, const struct smelt_op_plan *plan, const char *suffix,
                       enum smelt_dtype dtype, uint32_t rows, uint32_t columns, enum smelt_backend backend)
{
    smelt_text_add(text, "#define SMELT_INLINE %s_%s\n", plan->op->name, suffix);
    smelt_op_define(text, "SMELT_", "DTYPE", smelt_op_dtype_macro(dtype));
    smelt_op_define_number(text, "SMELT_", "RANK", 2);
    smelt_op_define_number(text, "SMELT_", "EXTENT0", rows);
    smelt_op_define_number(text, "SMELT_", "EXTENT1", columns);
    smelt_op_define(text, "SMELT_", "INLINE_BACKEND", smelt_op_backend_macro(backend));
    smelt_text_add(text, "#include \"smelt/inline_tensor_tmpl.glsl\"\n");
}

void smelt_matmul2d_write_scale(struct smelt_text *text, const struct smelt_op_plan *plan)
{
    static const char *const scales[SMELT_SCALE_COUNT] = {"SMELT_SCALE_NONE", "SMELT_SCALE_F32",
                                                          "SMELT_SCALE_F16", "SMELT_SCALE_UE8M0"};
    static const char *const zeros[SMELT_ZERO_COUNT] = {"SMELT_ZERO_NONE", "SMELT_ZERO_POINT",
                                                        "SMELT_ZERO_OFFSET"};
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    smelt_op_define(text, "SMELT_MATMUL2D_", "SCALE", scales[d->scale]);
    if (!d->scale)
        return;
    smelt_op_define_number(text, "SMELT_MATMUL2D_", "BLOCK", d->block);
    smelt_op_define(text, "SMELT_MATMUL2D_", "ZERO", zeros[d->zero]);
}

static void write_thread(struct smelt_text *text, const struct smelt_op_plan *plan,
                         const struct smelt_backend_choice *choice)
{
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    const char *prefix = "SMELT_MATMUL2D_";
    uint32_t m = d->m ? d->m : 1;
    bool bytes = choice->computed == SMELT_DTYPE_I8;
    add_inline(text, plan, "left", bytes ? plan->stored_left : choice->computed, m, d->k, choice->backend);
    add_inline(text, plan, "result", choice->accumulated, m, d->n, choice->backend);
    smelt_op_define(text, "SMELT_", "MATMUL2D", plan->op->name);
    smelt_op_define(text, prefix, "SCOPE", "SMELT_SCOPE_THREAD");
    smelt_op_define_number(text, prefix, "M", m);
    smelt_op_define_number(text, prefix, "N", d->n);
    smelt_op_define_number(text, prefix, "K", d->k);
    smelt_op_define_number(text, prefix, "TRANSPOSE_RIGHT", d->transpose_right);
    smelt_op_define_number(text, prefix, "ACCUMULATE", d->accumulate);
    smelt_op_define_number(text, prefix, "BIAS", d->bias);
    smelt_op_define(text, prefix, "ACTIVATION", smelt_op_activation_macro(d->activation));
    smelt_op_define_types(text, prefix, plan, choice);
    if (bytes)
        smelt_op_define(text, prefix, "STORED_LEFT", smelt_op_dtype_macro(plan->stored_left));
    smelt_matmul2d_write_scale(text, plan);
    smelt_text_add(text, "#define %sLEFT %s_left\n", prefix, plan->op->name);
    smelt_text_add(text, "#define %sRESULT %s_result\n", prefix, plan->op->name);
    smelt_text_add(text, "#include \"smelt/matmul2d_tmpl.glsl\"\n");
}

static void write(struct smelt_text *text, const struct smelt_op_plan *plan, const struct smelt_op_info *info)
{
    if (plan->scope == SMELT_SCOPE_THREAD)
        write_thread(text, plan, &info->choice);
    else
        smelt_cooperative_write(text, plan, info);
}

#define GROUPS (1u << SMELT_SCOPE_SUBGROUP | 1u << SMELT_SCOPE_WORKGROUP)

const struct smelt_op_type smelt_op_type_matmul2d = {
    .name = "matmul2d",
    .descriptor = offsetof(struct smelt_op, matmul2d),
    .native_types = true,
    .scopes = {[SMELT_BACKEND_PORTABLE] = 1u << SMELT_SCOPE_THREAD | GROUPS,
               [SMELT_BACKEND_DOT8] = 1u << SMELT_SCOPE_THREAD | GROUPS,
               [SMELT_BACKEND_COOPVEC] = 1u << SMELT_SCOPE_THREAD,
               [SMELT_BACKEND_COOPMAT] = GROUPS,
               [SMELT_BACKEND_COOPMAT2] = GROUPS},
    .check = check,
    .refuse = smelt_op_refuse_coopvec,
    .lay_out = lay_out,
    .write = write,
};
