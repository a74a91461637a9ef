// SPDX-License-Identifier: MIT
// The op mlp: a network of layers, in one invocation or in a workgroup with the weights in shared memory.
#include "ops_internal.h"

#include <stdio.h>

#define MAX_GROUP_WIDTH 256 // SUBGROUP, WORKGROUP: what registers of a subgroup hold
#define MAX_SUBGROUPS 64
#define GROUPS (1u << SMELT_SCOPE_SUBGROUP | 1u << SMELT_SCOPE_WORKGROUP)
#define SHARED_DEFAULT 32768 // bytes that every Vulkan 1.3 device of today has; for no particular device

static enum smelt_result check_group(smelt_context context, const struct smelt_op_plan *plan)
{
    const struct smelt_mlp_descriptor *d = plan->op->mlp;
    if ((uint32_t)d->scope > SMELT_SCOPE_WORKGROUP)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": scope is %u, wanted one of enum smelt_scope (0 to %d)", plan->op->name,
                          (uint32_t)d->scope, SMELT_SCOPE_WORKGROUP);
    if (d->samples > 4 || d->samples == 3)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": samples is %u, wanted 1, 2 or 4 (or 0: 1)", plan->op->name, d->samples);
    uint32_t most = d->scope == SMELT_SCOPE_THREAD ? 0 : MAX_SUBGROUPS;
    enum smelt_result result = smelt_op_check_range(context, plan, "subgroups", d->subgroups, 0, most);
    return result ? result
                  : smelt_op_check_range(context, plan, "subgroup_size", d->subgroup_size, 0,
                                         d->scope == SMELT_SCOPE_THREAD ? 0 : 128);
}

static enum smelt_result check(smelt_context context, struct smelt_op_plan *plan)
{
    const struct smelt_mlp_descriptor *d = plan->op->mlp;
    uint32_t most = d->scope == SMELT_SCOPE_THREAD ? SMELT_OP_MAX_WIDTH : MAX_GROUP_WIDTH;
    enum smelt_result result = check_group(context, plan);
    if (!result)
        result = smelt_op_check_range(context, plan, "layer_count", d->layer_count, 1, SMELT_MLP_MAX_LAYERS);
    for (uint32_t i = 0; !result && i <= d->layer_count; i++) {
        char field[32];
        snprintf(field, sizeof(field), "widths[%u]", i);
        result = smelt_op_check_range(context, plan, field, d->widths[i], 1, most);
        if (result || i == d->layer_count)
            break;
        snprintf(field, sizeof(field), "activations[%u]", i);
        result = smelt_op_check_activation(context, plan, field, d->activations[i]);
    }
    if (result)
        return result;
    plan->scope = d->scope;
    plan->stored = d->stored;
    plan->computed = d->computed;
    plan->accumulated = d->accumulated;
    plan->backend = d->backend;
    for (uint32_t i = 0; i <= d->layer_count; i++) {
        plan->widest = SMELT_MAX(plan->widest, d->widths[i]);
        if (i == d->layer_count)
            break;
        plan->max_k = SMELT_MAX(plan->max_k, d->widths[i]);
        plan->weights = SMELT_MAX(plan->weights, d->widths[i] * d->widths[i + 1]);
    }
    return smelt_op_check_dtypes(context, plan);
}

static void refuse(smelt_context context, const struct smelt_op_plan *plan, enum smelt_backend backend,
                   char reason[160])
{
    if (plan->scope == SMELT_SCOPE_THREAD)
        smelt_op_refuse_coopvec(context, plan, backend, reason);
    else if (backend == SMELT_BACKEND_COOPMAT2 && context &&
             !context->capabilities.cooperative_matrix2_conversions)
        snprintf(reason, 160, "the device lacks cooperativeMatrixConversions");
}

// In uvec4, as mlp_cooperative_tmpl.glsl and its parts count them.
static uint32_t scratch_of(const struct smelt_op_plan *plan, const struct smelt_op_info *info)
{
    const struct smelt_mlp_descriptor *d = plan->op->mlp;
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    bool portable = info->choice.backend == SMELT_BACKEND_PORTABLE;
    uint32_t group = info->choice.computed == SMELT_DTYPE_F16 ? 8 : 4;
    uint32_t sums = info->choice.accumulated == SMELT_DTYPE_F16 ? 8 : 4;
    uint32_t unit = portable ? group : SMELT_MAX(t->fragment_n, t->fragment_k);
    uint32_t last_unit = portable ? 4 : t->fragment_n, weights = 0;
    for (uint32_t i = 0; i < d->layer_count; i++) {
        uint32_t to = i + 1 == d->layer_count ? last_unit : unit;
        uint32_t columns = (d->widths[i] + unit - 1) / unit * unit;
        uint32_t rows = (d->widths[i + 1] + to - 1) / to * to;
        rows = t->k ? SMELT_MIN(t->k, rows) : rows;
        uint32_t size = rows * (columns / group | 1) + (d->no_bias ? 0 : (rows + sums - 1) / sums);
        weights = t->k ? SMELT_MAX(weights, size) : weights + size;
    }
    uint32_t area = portable ? 0 : SMELT_MAX(t->fragment_m, t->subgroup_size) * (unit / sums | 1);
    return weights + t->subgroups_m * area;
}

static enum smelt_result fit_fragments(smelt_context context, const struct smelt_op_plan *plan,
                                       struct smelt_op_info *info)
{
    struct smelt_matmul2d_tiling *t = &info->tiling;
    t->fragment_m = t->fragment_n = t->fragment_k = 1;
    if (info->choice.backend == SMELT_BACKEND_PORTABLE)
        return SMELT_OK;
    const char *name = plan->op->name;
    if (!smelt_cooperative_fragment(context, SMELT_DTYPE_F16, info->choice.accumulated, t))
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "op \"%s\": the driver lists no cooperative matrix product of f16 with %s result",
                          name, smelt_dtype_name(info->choice.accumulated));
    if (t->m % t->fragment_m != 0)
        return smelt_fail(
            context, SMELT_ERROR_UNSUPPORTED,
            "op \"%s\": samples %u times subgroup_size %u is %u, wanted a multiple of %u: rows of "
            "the device's matrices",
            name, t->m / t->subgroup_size, t->subgroup_size, t->m, t->fragment_m);
    if (SMELT_MAX(t->fragment_n, t->fragment_k) % SMELT_MIN(t->fragment_n, t->fragment_k) != 0 ||
        SMELT_MAX(t->fragment_m, t->subgroup_size) % SMELT_MIN(t->fragment_m, t->subgroup_size) != 0)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "op \"%s\": the device's matrices are %u x %u x %u, wanted n and k, and m and the "
                          "subgroup size, of which one divides the other",
                          name, t->fragment_m, t->fragment_n, t->fragment_k);
    return SMELT_OK;
}

// Fewer subgroups, and at WORKGROUP scope fewer rows of weights, where shared memory is short.
static enum smelt_result lay_out_group(smelt_context context, const struct smelt_op_plan *plan,
                                       struct smelt_op_info *info)
{
    const struct smelt_mlp_descriptor *d = plan->op->mlp;
    struct smelt_matmul2d_tiling *t = &info->tiling;
    uint32_t shared = context ? context->capabilities.max_shared_memory_size : SHARED_DEFAULT;
    if (plan->twin_of) {
        *t = plan->twin_of->tiling;
    } else {
        uint32_t size = context ? context->capabilities.subgroup_size : 32;
        t->subgroup_size = d->subgroup_size ? d->subgroup_size : size;
        t->subgroups_m = d->subgroups ? d->subgroups : t->subgroup_size >= 32 ? 8 : 4;
        t->subgroups_n = 1;
        t->m = SMELT_MAX(d->samples, 1u) * t->subgroup_size;
        t->k = plan->scope == SMELT_SCOPE_WORKGROUP ? 64 : 0;
    }
    enum smelt_result result = fit_fragments(context, plan, info);
    if (result)
        return result;
    uint32_t least = SMELT_MAX(8u, SMELT_MAX(t->fragment_n, t->fragment_k));
    while (!plan->twin_of && t->k / 2 >= least && scratch_of(plan, info) * 16 > shared)
        t->k /= 2;
    while (!plan->twin_of && !d->subgroups && t->subgroups_m > 1 && scratch_of(plan, info) * 16 > shared)
        t->subgroups_m /= 2;
    info->scratch_size = scratch_of(plan, info) * 16;
    if (context && info->scratch_size > shared)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "op \"%s\": the network takes %u bytes of shared memory, wanted at most %u%s",
                          plan->op->name, info->scratch_size, shared,
                          plan->scope == SMELT_SCOPE_SUBGROUP ? " (scope WORKGROUP holds a layer at a time)"
                                                              : "");
    return smelt_cooperative_need(context, plan, info);
}

// The bound of one layer: glsl/smelt/mlp_tmpl.glsl and mlp_cooperative_tmpl.glsl ("errors").
static enum smelt_result lay_out(smelt_context context, const struct smelt_op_plan *plan,
                                 struct smelt_op_info *info)
{
    if (plan->scope == SMELT_SCOPE_THREAD) {
        smelt_op_state_bound(info, plan->max_k + 3.0);
        return SMELT_OK;
    }
    smelt_op_state_bound(info, 2.0 * plan->max_k + 8.0);
    return lay_out_group(context, plan, info);
}

static void write_group(struct smelt_text *text, const struct smelt_op_plan *plan,
                        const struct smelt_op_info *info)
{
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    const char *name = plan->op->name, *prefix = "SMELT_MLP_";
    smelt_text_add(text,
                   "#define %s_WORKGROUP_SIZE %u\n#ifndef %s_SCRATCH\n#define %s_SCRATCH %s_scratch_memory\n"
                   "shared uvec4 %s_scratch_memory[%u];\n#endif\n",
                   name, info->workgroup_size, name, name, name, name, info->scratch_size / 16);
    smelt_op_define_number(text, prefix, "SUBGROUP_SIZE", t->subgroup_size);
    smelt_op_define_number(text, prefix, "SUBGROUPS", t->subgroups_m);
    smelt_op_define_number(text, prefix, "FRAGMENT_M", t->fragment_m);
    smelt_op_define_number(text, prefix, "FRAGMENT_N", t->fragment_n);
    smelt_op_define_number(text, prefix, "FRAGMENT_K", t->fragment_k);
    smelt_op_define_number(text, prefix, "STAGE", t->k);
    smelt_op_define_number(text, prefix, "UNROLL",
                           info->choice.backend != SMELT_BACKEND_PORTABLE && !plan->software);
    smelt_text_add(text, "#define %sSCRATCH %s_SCRATCH\n", prefix, name);
}

static void write(struct smelt_text *text, const struct smelt_op_plan *plan, const struct smelt_op_info *info)
{
    const struct smelt_mlp_descriptor *d = plan->op->mlp;
    const char *prefix = "SMELT_MLP_";
    if (plan->scope != SMELT_SCOPE_THREAD)
        write_group(text, plan, info);
    smelt_op_define(text, "SMELT_", "MLP", plan->op->name);
    smelt_op_define(text, prefix, "SCOPE", smelt_op_scope_macro(plan->scope));
    smelt_op_define_number(text, prefix, "SAMPLES", SMELT_MAX(d->samples, 1u));
    smelt_op_define_number(text, prefix, "LAYERS", d->layer_count);
    for (uint32_t i = 0; i <= d->layer_count; i++)
        smelt_text_add(text, "#define %sWIDTH%u %u\n", prefix, i, d->widths[i]);
    for (uint32_t i = 0; i < d->layer_count; i++)
        smelt_text_add(text, "#define %sACTIVATION%u %s\n", prefix, i,
                       smelt_op_activation_macro(d->activations[i]));
    smelt_op_define_number(text, prefix, "BIAS", !d->no_bias);
    smelt_op_define_types(text, prefix, plan, &info->choice);
    smelt_text_add(text, "#include \"smelt/mlp_tmpl.glsl\"\n");
}

const struct smelt_op_type smelt_op_type_mlp = {
    .name = "mlp",
    .descriptor = offsetof(struct smelt_op, mlp),
    .scopes = {[SMELT_BACKEND_PORTABLE] = 1u << SMELT_SCOPE_THREAD | GROUPS,
               [SMELT_BACKEND_COOPVEC] = 1u << SMELT_SCOPE_THREAD,
               [SMELT_BACKEND_COOPMAT] = GROUPS,
               [SMELT_BACKEND_COOPMAT2] = GROUPS},
    .check = check,
    .refuse = refuse,
    .lay_out = lay_out,
    .write = write,
};
