// SPDX-License-Identifier: MIT
// The ops reduction, softmax, layer_norm and rms_norm: check their descriptors, lay the group out, write the generated
// includes. All of them work on a line of a tensor.
#include <smelt/reduce.h>

#include "ops_internal.h"

#include <stdio.h>

#define MAX_WORKGROUP 1024
#define MAX_HELD 16
#define DEFAULT_HELD 8
#define ASSUMED_LENGTH 0x1p20 // of lines, for the bound

static const struct smelt_line_layout *line_of(const struct smelt_op *op)
{
    switch (op->kind) {
    case SMELT_OP_REDUCTION:
        return &op->reduction->line;
    case SMELT_OP_SOFTMAX:
        return &op->softmax->line;
    case SMELT_OP_LAYER_NORM:
        return &op->layer_norm->line;
    default:
        return &op->rms_norm->line;
    }
}

static uint32_t held_of(const struct smelt_op *op)
{
    uint32_t held = op->kind == SMELT_OP_SOFTMAX      ? op->softmax->held
                    : op->kind == SMELT_OP_LAYER_NORM ? op->layer_norm->held
                                                      : op->rms_norm->held;
    return held ? held : DEFAULT_HELD;
}

// --- The descriptor ---------------------------------------------------------------------------------------

// Sums are in f32 whatever is stored, so that what backends are chosen by is always the same.
static enum smelt_result check_line(smelt_context context, struct smelt_op_plan *plan, bool floats_only)
{
    const struct smelt_line_layout *line = line_of(plan->op);
    const char *name = plan->op->name;
    if ((uint32_t)line->scope > SMELT_SCOPE_WORKGROUP)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": scope is %u, wanted one of enum smelt_scope (0 to %d)", name,
                          (uint32_t)line->scope, SMELT_SCOPE_WORKGROUP);
    if ((uint32_t)line->stored >= SMELT_DTYPE_COUNT)
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "op \"%s\": stored is %u, wanted one of enum smelt_dtype (0 to %d)", name,
                          (uint32_t)line->stored, SMELT_DTYPE_COUNT - 1);
    if (floats_only && line->stored && !smelt_dtype_is_float(line->stored))
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "op \"%s\": stored is %s, wanted f32, f16, bf16, f8e4m3 or f8e5m2 (or none: f16)",
                          name, smelt_dtype_name(line->stored));
    enum smelt_result result =
        smelt_op_check_range(context, plan, "rank", line->rank, 1, SMELT_TENSOR_MAX_RANK);
    if (result || (result = smelt_op_check_range(context, plan, "axis", line->axis, 0, line->rank - 1)))
        return result;
    uint32_t most = line->scope == SMELT_SCOPE_WORKGROUP ? MAX_WORKGROUP : 0;
    if ((result = smelt_op_check_range(context, plan, "workgroup_size", line->workgroup_size, 0, most)))
        return result;
    most = line->scope == SMELT_SCOPE_SUBGROUP ? 128 : 0;
    if ((result = smelt_op_check_range(context, plan, "subgroup_size", line->subgroup_size, 0, most)))
        return result;
    plan->scope = line->scope;
    plan->backend = line->backend;
    plan->stored = plan->computed = plan->accumulated = SMELT_DTYPE_F32;
    return SMELT_OK;
}

static enum smelt_result check_reduction(smelt_context context, struct smelt_op_plan *plan)
{
    const struct smelt_reduction_descriptor *d = plan->op->reduction;
    if ((uint32_t)d->reduce >= SMELT_REDUCE_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": reduce is %u, wanted one of enum smelt_reduce (0 to %d)",
                          plan->op->name, (uint32_t)d->reduce, SMELT_REDUCE_COUNT - 1);
    return check_line(context, plan, false);
}

static enum smelt_result check_held(smelt_context context, struct smelt_op_plan *plan)
{
    enum smelt_result result = smelt_op_check_range(context, plan, "held", held_of(plan->op), 0, MAX_HELD);
    return result ? result : check_line(context, plan, true);
}

// --- The group --------------------------------------------------------------------------------------------

static enum smelt_result check_limits(smelt_context context, const struct smelt_op_plan *plan,
                                      const struct smelt_op_info *info)
{
    const struct smelt_capabilities *c = &context->capabilities;
    uint32_t size = info->workgroup_size,
             most = SMELT_MIN(c->max_workgroup_invocations, c->max_workgroup_size[0]);
    if (size > most)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "op \"%s\": workgroup_size is %u, wanted at most %u", plan->op->name, size, most);
    if (plan->scope != SMELT_SCOPE_SUBGROUP)
        return SMELT_OK;
    if (size & (size - 1) || size < c->min_subgroup_size || size > c->max_subgroup_size)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "op \"%s\": subgroup_size is %u, wanted a power of 2 from %u to %u", plan->op->name,
                          size, c->min_subgroup_size, c->max_subgroup_size);
    if (size != c->subgroup_size && !context->required_subgroup_size)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "op \"%s\": subgroup_size is %u, wanted %u: the device takes no other in compute",
                          plan->op->name, size, c->subgroup_size);
    return SMELT_OK;
}

static enum smelt_result lay_out_group(smelt_context context, const struct smelt_op_plan *plan,
                                       struct smelt_op_info *info)
{
    const struct smelt_line_layout *line = line_of(plan->op);
    const struct smelt_capabilities *c = context ? &context->capabilities : NULL;
    if (plan->scope == SMELT_SCOPE_THREAD)
        return SMELT_OK;
    bool subgroup = plan->scope == SMELT_SCOPE_SUBGROUP;
    uint32_t size = subgroup ? line->subgroup_size : line->workgroup_size;
    if (plan->twin_of)
        size = plan->twin_of->workgroup_size;
    if (!size && subgroup)
        size = c ? c->subgroup_size : 32;
    else if (!size)
        size = c ? SMELT_MIN(256, SMELT_MIN(c->max_workgroup_invocations, c->max_workgroup_size[0])) : 256;
    info->tiling.subgroup_size = subgroup ? size : 0;
    info->workgroup_size = size;
    info->scratch_size = (size + 3) / 4 * 16;
    info->stage_flags = subgroup ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0;
    info->subgroup_size = (VkPipelineShaderStageRequiredSubgroupSizeCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = subgroup && (!context || context->required_subgroup_size) ? size : 0,
    };
    return context ? check_limits(context, plan, info) : SMELT_OK;
}

// The c of the modules' headers ("errors").
static enum smelt_result lay_out_reduction(smelt_context context, const struct smelt_op_plan *plan,
                                           struct smelt_op_info *info)
{
    enum smelt_result result = lay_out_group(context, plan, info);
    double n = ASSUMED_LENGTH, group = SMELT_MAX(info->workgroup_size, 1u);
    info->error_u = 0x1p-23;
    switch (plan->op->reduction->reduce) {
    case SMELT_REDUCE_MAX:
    case SMELT_REDUCE_MIN:
    case SMELT_REDUCE_ARG_MAX:
    case SMELT_REDUCE_ARG_MIN:
        info->error_c = 0;
        break;
    case SMELT_REDUCE_PRODUCT:
        info->error_c = n * (1 + n * info->error_u);
        break;
    case SMELT_REDUCE_LOG_SUM_EXP:
        info->error_c = 64 + 2 * n / group;
        break;
    default:
        info->error_c = 64 * (1 + n * info->error_u);
    }
    const struct smelt_reduction_descriptor *d = plan->op->reduction;
    if (d->line.stored && !smelt_dtype_is_float(d->line.stored)) {
        bool real = d->reduce == SMELT_REDUCE_MEAN || d->reduce == SMELT_REDUCE_LOG_SUM_EXP;
        info->error_c = real ? info->error_c + 1 : 0;
    }
    return result;
}

static enum smelt_result lay_out_softmax(smelt_context context, const struct smelt_op_plan *plan,
                                         struct smelt_op_info *info)
{
    enum smelt_result result = lay_out_group(context, plan, info);
    info->error_u = 0x1p-23;
    info->error_c = 64 + 2 * ASSUMED_LENGTH / SMELT_MAX(info->workgroup_size, 1u);
    return result;
}

static enum smelt_result lay_out_norm(smelt_context context, const struct smelt_op_plan *plan,
                                      struct smelt_op_info *info)
{
    info->error_u = 0x1p-23;
    info->error_c = 64 * (1 + ASSUMED_LENGTH * info->error_u);
    return lay_out_group(context, plan, info);
}

// --- The generated include --------------------------------------------------------------------------------

static enum smelt_dtype stored_of(const struct smelt_line_layout *line)
{
    return line->stored ? line->stored : SMELT_DTYPE_F16;
}

// A tensor type NAME_suffix with extents known at run time, and its name as a parameter of the template.
static void write_tensor(struct smelt_text *text, const struct smelt_op_plan *plan, const char *suffix,
                         uint32_t rank, bool writes)
{
    enum smelt_dtype stored = stored_of(line_of(plan->op));
    smelt_text_add(text, "#define SMELT_TENSOR %s_%s\n", plan->op->name, suffix);
    smelt_op_define(text, "SMELT_", "DTYPE", smelt_op_dtype_macro(stored));
    smelt_op_define_number(text, "SMELT_", "RANK", rank);
    smelt_op_define(text, "SMELT_", "ACCESS", writes ? "SMELT_ACCESS_WRITE" : "SMELT_ACCESS_READ");
    for (uint32_t i = 0; i < rank; i++)
        smelt_text_add(text, "#define SMELT_EXTENT%u 0\n", i);
    smelt_text_add(text, "#include \"smelt/tensor_tmpl.glsl\"\n");
}

static void write_tensor_name(struct smelt_text *text, const struct smelt_op_plan *plan,
                              const char *parameter, const char *suffix, uint32_t rank, bool writes)
{
    smelt_text_add(text, "#define %s %s_%s_%s_%u_%s", parameter, plan->op->name, suffix,
                   smelt_dtype_name(stored_of(line_of(plan->op))), rank, writes ? "w" : "r");
    for (uint32_t i = 0; i < rank; i++)
        smelt_text_add(text, i ? "x0" : "_0");
    smelt_text_add(text, "\n");
}

// All that is the same for these ops; `prefix` ends in "_".
static void write_line(struct smelt_text *text, const struct smelt_op_plan *plan,
                       const struct smelt_op_info *info, const char *prefix)
{
    const struct smelt_line_layout *line = line_of(plan->op);
    const char *name = plan->op->name;
    char parameter[40];
    bool subgroup = plan->scope == SMELT_SCOPE_SUBGROUP;
    write_tensor(text, plan, "source", line->rank, false);
    if (plan->scope != SMELT_SCOPE_THREAD)
        smelt_text_add(text,
                       "#define %s_WORKGROUP_SIZE %u\n#ifndef %s_SUBGROUPS\n#define %s_SUBGROUPS 1\n#endif\n"
                       "#ifndef %s_SCRATCH\n#define %s_SCRATCH %s_scratch_memory\n"
                       "shared uvec4 %s_scratch_memory[%u * %s%s];\n#endif\n",
                       name, info->workgroup_size, name, name, name, name, name, name,
                       info->scratch_size / 16, subgroup ? name : "1", subgroup ? "_SUBGROUPS" : "");
    smelt_op_define(text, prefix, "SCOPE", smelt_op_scope_macro(plan->scope));
    snprintf(parameter, sizeof(parameter), "%sTENSOR", prefix);
    write_tensor_name(text, plan, parameter, "source", line->rank, false);
    smelt_op_define(text, prefix, "DTYPE", smelt_op_dtype_macro(stored_of(line)));
    smelt_op_define_number(text, prefix, "RANK", line->rank);
    smelt_op_define_number(text, prefix, "AXIS", line->axis);
    smelt_op_define_number(text, prefix, "GROUP", SMELT_MAX(info->workgroup_size, 1u));
    smelt_text_add(text, "#define %sSCRATCH %s_SCRATCH\n", prefix, name);
    smelt_op_define_number(text, prefix, "SCRATCH_STRIDE", subgroup ? info->scratch_size / 16 : 0);
}

static void write_result(struct smelt_text *text, const struct smelt_op_plan *plan, const char *prefix)
{
    uint32_t rank = line_of(plan->op)->rank;
    char parameter[40];
    snprintf(parameter, sizeof(parameter), "%sRESULT", prefix);
    write_tensor(text, plan, "result", rank, true);
    write_tensor_name(text, plan, parameter, "result", rank, true);
    smelt_op_define_number(text, prefix, "HELD", held_of(plan->op));
}

static void write_reduction(struct smelt_text *text, const struct smelt_op_plan *plan,
                            const struct smelt_op_info *info)
{
    static const char *const kinds[SMELT_REDUCE_COUNT] = {
        "SMELT_REDUCE_SUM",     "SMELT_REDUCE_PRODUCT",     "SMELT_REDUCE_MAX",
        "SMELT_REDUCE_MIN",     "SMELT_REDUCE_MEAN",        "SMELT_REDUCE_ARG_MAX",
        "SMELT_REDUCE_ARG_MIN", "SMELT_REDUCE_SUM_SQUARES", "SMELT_REDUCE_LOG_SUM_EXP",
    };
    const struct smelt_reduction_descriptor *d = plan->op->reduction;
    write_line(text, plan, info, "SMELT_REDUCE_");
    smelt_op_define(text, "SMELT_", "REDUCE", plan->op->name);
    smelt_op_define(text, "SMELT_REDUCE_", "KIND", kinds[d->reduce]);
    smelt_op_define_number(text, "SMELT_REDUCE_", "MAP", d->map);
    smelt_text_add(text, "#include \"smelt/reduce_tmpl.glsl\"\n");
}

static void write_softmax(struct smelt_text *text, const struct smelt_op_plan *plan,
                          const struct smelt_op_info *info)
{
    const struct smelt_softmax_descriptor *d = plan->op->softmax;
    write_line(text, plan, info, "SMELT_SOFTMAX_");
    write_result(text, plan, "SMELT_SOFTMAX_");
    smelt_op_define(text, "SMELT_", "SOFTMAX", plan->op->name);
    smelt_op_define_number(text, "SMELT_SOFTMAX_", "LOGARITHM", d->logarithm);
    smelt_op_define_number(text, "SMELT_SOFTMAX_", "MAP", d->map);
    smelt_text_add(text, "#include \"smelt/softmax_tmpl.glsl\"\n");
}

static void write_norm(struct smelt_text *text, const struct smelt_op_plan *plan,
                       const struct smelt_op_info *info)
{
    bool layer = plan->op->kind == SMELT_OP_LAYER_NORM;
    const char *prefix = layer ? "SMELT_LAYER_NORM_" : "SMELT_RMS_NORM_";
    write_line(text, plan, info, prefix);
    write_result(text, plan, prefix);
    write_tensor(text, plan, "weight", 1, false);
    write_tensor_name(text, plan, layer ? "SMELT_LAYER_NORM_WEIGHT" : "SMELT_RMS_NORM_WEIGHT", "weight", 1,
                      false);
    smelt_op_define(text, "SMELT_", layer ? "LAYER_NORM" : "RMS_NORM", plan->op->name);
    smelt_text_add(text, "#include \"smelt/%s_tmpl.glsl\"\n", layer ? "layer_norm" : "rms_norm");
}

#define EVERY_SCOPE                                                                                          \
    .scopes = {[SMELT_BACKEND_PORTABLE] =                                                                    \
                   1u << SMELT_SCOPE_THREAD | 1u << SMELT_SCOPE_SUBGROUP | 1u << SMELT_SCOPE_WORKGROUP}

const struct smelt_op_type smelt_op_type_reduction = {
    .name = "reduction",
    .descriptor = offsetof(struct smelt_op, reduction),
    EVERY_SCOPE,
    .check = check_reduction,
    .lay_out = lay_out_reduction,
    .write = write_reduction,
};

const struct smelt_op_type smelt_op_type_softmax = {
    .name = "softmax",
    .descriptor = offsetof(struct smelt_op, softmax),
    EVERY_SCOPE,
    .check = check_held,
    .lay_out = lay_out_softmax,
    .write = write_softmax,
};

const struct smelt_op_type smelt_op_type_layer_norm = {
    .name = "layer_norm",
    .descriptor = offsetof(struct smelt_op, layer_norm),
    EVERY_SCOPE,
    .check = check_held,
    .lay_out = lay_out_norm,
    .write = write_norm,
};

const struct smelt_op_type smelt_op_type_rms_norm = {
    .name = "rms_norm",
    .descriptor = offsetof(struct smelt_op, rms_norm),
    EVERY_SCOPE,
    .check = check_held,
    .lay_out = lay_out_norm,
    .write = write_norm,
};
