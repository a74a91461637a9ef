// SPDX-License-Identifier: MIT
// The op matmul2d: checks its descriptor, states its bound, writes the generated include at THREAD scope;
// ops_cooperative.c does the rest at wider scopes.
#include "ops_internal.h"

#define MAX_ROWS 16 // that one invocation computes

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
    enum smelt_result result = smelt_op_check_activation(context, plan, "activation", d->activation);
    if (result)
        return result;
    if (d->scope != SMELT_SCOPE_THREAD) {
        plan->stored_left = d->stored_left ? d->stored_left : d->stored ? d->stored : SMELT_DTYPE_F16;
        plan->max_k = d->k ? d->k : 1u << 20;
        result = smelt_cooperative_check(context, plan);
        return result ? result : smelt_op_check_dtypes(context, plan);
    }
    if (d->transpose_left || d->epilogue || d->stored_left || d->alignment || d->tile_k || d->subgroups_m ||
        d->subgroups_n || d->subgroup_size)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": a field from transpose_left on is set, wanted zeros at THREAD scope",
                          plan->op->name);
    if ((result = smelt_op_check_range(context, plan, "m", d->m, 0, MAX_ROWS)) ||
        (result = smelt_op_check_range(context, plan, "n", d->n, 1, SMELT_OP_MAX_WIDTH)) ||
        (result = smelt_op_check_range(context, plan, "k", d->k, 1, SMELT_OP_MAX_WIDTH)))
        return result;
    plan->widest = SMELT_MAX(d->n, d->k);
    plan->max_k = d->k;
    return smelt_op_check_dtypes(context, plan);
}

// The bounds of glsl/smelt/matmul2d_tmpl.glsl and matmul2d_cooperative_tmpl.glsl ("errors"), which derive them.
static enum smelt_result lay_out(smelt_context context, const struct smelt_op_plan *plan,
                                 struct smelt_op_info *info)
{
    bool thread = plan->scope == SMELT_SCOPE_THREAD;
    smelt_op_state_bound(info, thread ? plan->max_k + 3.0 : 2.0 * plan->max_k + 8.0);
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

static void write_thread(struct smelt_text *text, const struct smelt_op_plan *plan,
                         const struct smelt_backend_choice *choice)
{
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    const char *prefix = "SMELT_MATMUL2D_";
    uint32_t m = d->m ? d->m : 1;
    add_inline(text, plan, "left", choice->computed, m, d->k, choice->backend);
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
               [SMELT_BACKEND_COOPVEC] = 1u << SMELT_SCOPE_THREAD,
               [SMELT_BACKEND_COOPMAT] = GROUPS,
               [SMELT_BACKEND_COOPMAT2] = GROUPS},
    .check = check,
    .refuse = smelt_op_refuse_coopvec,
    .lay_out = lay_out,
    .write = write,
};
