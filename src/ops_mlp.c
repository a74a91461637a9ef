// SPDX-License-Identifier: MIT
// The op mlp: a network of layers at THREAD scope.
#include "ops_internal.h"

#include <stdio.h>

static enum smelt_result check(smelt_context context, struct smelt_op_plan *plan)
{
    const struct smelt_mlp_descriptor *d = plan->op->mlp;
    enum smelt_result result =
        smelt_op_check_range(context, plan, "layer_count", d->layer_count, 1, SMELT_MLP_MAX_LAYERS);
    for (uint32_t i = 0; !result && i <= d->layer_count; i++) {
        char field[32];
        snprintf(field, sizeof(field), "widths[%u]", i);
        result = smelt_op_check_range(context, plan, field, d->widths[i], 1, SMELT_OP_MAX_WIDTH);
        if (result || i == d->layer_count)
            break;
        snprintf(field, sizeof(field), "activations[%u]", i);
        result = smelt_op_check_activation(context, plan, field, d->activations[i]);
    }
    if (result)
        return result;
    plan->scope = SMELT_SCOPE_THREAD;
    plan->stored = d->stored;
    plan->computed = d->computed;
    plan->accumulated = d->accumulated;
    plan->backend = d->backend;
    for (uint32_t i = 0; i <= d->layer_count; i++) {
        plan->widest = SMELT_MAX(plan->widest, d->widths[i]);
        if (i < d->layer_count)
            plan->max_k = SMELT_MAX(plan->max_k, d->widths[i]);
    }
    return smelt_op_check_dtypes(context, plan);
}

// The bound of one layer: glsl/smelt/matmul2d_tmpl.glsl ("errors").
static enum smelt_result lay_out(smelt_context context, const struct smelt_op_plan *plan,
                                 struct smelt_op_info *info)
{
    (void)context;
    smelt_op_state_bound(info, plan->max_k + 3.0);
    return SMELT_OK;
}

static void write(struct smelt_text *text, const struct smelt_op_plan *plan, const struct smelt_op_info *info)
{
    const struct smelt_mlp_descriptor *d = plan->op->mlp;
    const char *prefix = "SMELT_MLP_";
    smelt_op_define(text, "SMELT_", "MLP", plan->op->name);
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
    .scopes = {[SMELT_BACKEND_PORTABLE] = 1u << SMELT_SCOPE_THREAD,
               [SMELT_BACKEND_COOPVEC] = 1u << SMELT_SCOPE_THREAD},
    .check = check,
    .refuse = smelt_op_refuse_coopvec,
    .lay_out = lay_out,
    .write = write,
};
