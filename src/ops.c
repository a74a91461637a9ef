// SPDX-License-Identifier: MIT
// Op descriptors: checks their fields, asks for the backend, states the error bound, and writes the generated
// include, which only sets the parameters of the op's GLSL template.
#include "ops_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Private arrays of these extents live in registers or local memory: larger ones are a mistake.
#define MAX_WIDTH 1024
#define MAX_ROWS 16

static const char *const activation_names[SMELT_ACTIVATION_COUNT] = {
    "none", "relu", "leaky_relu", "silu", "gelu", "sigmoid", "tanh", "exp", "softplus", "sine",
};

const char *smelt_activation_name(enum smelt_activation activation)
{
    return (uint32_t)activation < SMELT_ACTIVATION_COUNT ? activation_names[activation] : "invalid";
}

enum smelt_activation smelt_activation_from_name(const char *name)
{
    for (int i = 0; name && i < SMELT_ACTIVATION_COUNT; i++)
        if (!strcmp(name, activation_names[i]))
            return (enum smelt_activation)i;
    return SMELT_ACTIVATION_COUNT;
}

static enum smelt_result check_name(smelt_context context, const char *name)
{
    if (!name || !name[0])
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_op.name is %s, wanted a GLSL identifier", name ? "empty" : "NULL");
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    bool identifier = strchr(letters, name[0]) != NULL;
    for (const char *c = name; *c; c++)
        identifier = identifier && (strchr(letters, *c) || (*c >= '0' && *c <= '9'));
    if (!identifier || strstr(name, "__") || !strncmp(name, "gl_", 3) || !strncmp(name, "smelt_", 6))
        return smelt_fail(
            context, SMELT_ERROR_INVALID_ARGUMENT,
            "smelt_op.name is \"%s\", wanted a GLSL identifier without \"__\" and not beginning with "
            "\"gl_\" or \"smelt_\"",
            name);
    return SMELT_OK;
}

enum smelt_result smelt_op_check_range(smelt_context context, const struct smelt_op_plan *plan,
                                       const char *field, uint32_t value, uint32_t low, uint32_t high)
{
    if (value >= low && value <= high)
        return SMELT_OK;
    return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "op \"%s\": %s is %u, wanted %u to %u",
                      plan->op->name, field, value, low, high);
}

static enum smelt_result check_activation(smelt_context context, const struct smelt_op_plan *plan,
                                          const char *field, enum smelt_activation activation)
{
    if ((uint32_t)activation < SMELT_ACTIVATION_COUNT)
        return SMELT_OK;
    return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                      "op \"%s\": %s is %u, wanted one of enum smelt_activation (0 to %d)", plan->op->name,
                      field, (uint32_t)activation, SMELT_ACTIVATION_COUNT - 1);
}

static bool exact_in_f16(enum smelt_dtype stored)
{
    return stored == SMELT_DTYPE_F16 || stored == SMELT_DTYPE_F8E4M3 || stored == SMELT_DTYPE_F8E5M2;
}

// The types of the templates. A conversion from stored to computed must be exact, and sums are not narrower than
// products, so that the bound has one u.
static enum smelt_result check_dtypes(smelt_context context, struct smelt_op_plan *plan)
{
    const char *name = plan->op->name;
    if (plan->stored == SMELT_DTYPE_NONE)
        plan->stored = SMELT_DTYPE_F16;
    const char *field = "stored";
    enum smelt_dtype stored = plan->stored;
    if (plan->stored_left && (!smelt_dtype_is_float(plan->stored_left) || !exact_in_f16(plan->stored_left))) {
        field = "stored_left";
        stored = plan->stored_left;
    }
    bool exact = exact_in_f16(stored);
    if (!smelt_dtype_is_float(stored))
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "op \"%s\": %s is %s, wanted f32, f16, bf16, f8e4m3 or f8e5m2 (or none: f16)", name,
                          field, smelt_dtype_name(stored));
    const struct {
        const char *field;
        enum smelt_dtype dtype;
    } types[] = {{"computed", plan->computed}, {"accumulated", plan->accumulated}};
    for (size_t i = 0; i < SMELT_COUNT_OF(types); i++)
        if (types[i].dtype != SMELT_DTYPE_NONE && types[i].dtype != SMELT_DTYPE_F16 &&
            types[i].dtype != SMELT_DTYPE_F32)
            return smelt_fail(context, SMELT_ERROR_DTYPE,
                              "op \"%s\": %s is %s, wanted f16 or f32 (or none: the default)", name,
                              types[i].field, smelt_dtype_name(types[i].dtype));
    if (!exact && plan->computed == SMELT_DTYPE_NONE)
        plan->computed = SMELT_DTYPE_F32;
    if (!exact && plan->computed == SMELT_DTYPE_F16)
        return smelt_fail(
            context, SMELT_ERROR_DTYPE,
            "op \"%s\": computed is f16 and %s is %s, wanted a stored type that f16 holds exactly: "
            "f16, f8e4m3 or f8e5m2",
            name, field, smelt_dtype_name(stored));
    if (plan->computed == SMELT_DTYPE_F32 && plan->accumulated == SMELT_DTYPE_F16)
        return smelt_fail(
            context, SMELT_ERROR_DTYPE,
            "op \"%s\": accumulated is f16 and computed is f32, wanted sums not narrower than products",
            name);
    return SMELT_OK;
}

static enum smelt_result check_matmul2d(smelt_context context, struct smelt_op_plan *plan)
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
    if (d->scope != SMELT_SCOPE_THREAD) {
        plan->stored_left = d->stored_left ? d->stored_left : d->stored ? d->stored : SMELT_DTYPE_F16;
        plan->max_k = d->k ? d->k : 1u << 20;
        enum smelt_result failed = smelt_cooperative_check(context, plan);
        return failed ? failed : check_activation(context, plan, "activation", d->activation);
    }
    if (d->transpose_left || d->epilogue || d->stored_left || d->alignment || d->tile_k || d->subgroups_m ||
        d->subgroups_n || d->subgroup_size)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": a field from transpose_left on is set, wanted zeros at THREAD scope",
                          plan->op->name);
    enum smelt_result result = SMELT_OK;
    if ((result = smelt_op_check_range(context, plan, "m", d->m, 0, MAX_ROWS)) ||
        (result = smelt_op_check_range(context, plan, "n", d->n, 1, MAX_WIDTH)) ||
        (result = smelt_op_check_range(context, plan, "k", d->k, 1, MAX_WIDTH)) ||
        (result = check_activation(context, plan, "activation", d->activation)))
        return result;
    plan->widest = SMELT_MAX(d->n, d->k);
    plan->max_k = d->k;
    return SMELT_OK;
}

static enum smelt_result check_mlp(smelt_context context, struct smelt_op_plan *plan)
{
    const struct smelt_mlp_descriptor *d = plan->op->mlp;
    enum smelt_result result =
        smelt_op_check_range(context, plan, "layer_count", d->layer_count, 1, SMELT_MLP_MAX_LAYERS);
    for (uint32_t i = 0; !result && i <= d->layer_count; i++) {
        char field[32];
        snprintf(field, sizeof(field), "widths[%u]", i);
        result = smelt_op_check_range(context, plan, field, d->widths[i], 1, MAX_WIDTH);
        if (result || i == d->layer_count)
            break;
        snprintf(field, sizeof(field), "activations[%u]", i);
        result = check_activation(context, plan, field, d->activations[i]);
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
    return SMELT_OK;
}

static enum smelt_result make_plan(smelt_context context, const struct smelt_op *op,
                                   struct smelt_op_plan *plan)
{
    *plan = (struct smelt_op_plan){.op = op};
    if (!op)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "op is NULL, wanted a struct smelt_op");
    enum smelt_result result = check_name(context, op->name);
    if (result)
        return result;
    if (op->kind != SMELT_OP_MATMUL2D && op->kind != SMELT_OP_MLP)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": kind is %u, wanted SMELT_OP_MATMUL2D (0) or SMELT_OP_MLP (1)", op->name,
                          (uint32_t)op->kind);
    bool is_mlp = op->kind == SMELT_OP_MLP;
    if ((op->mlp != NULL) != is_mlp || (op->matmul2d != NULL) == is_mlp)
        return smelt_fail(
            context, SMELT_ERROR_INVALID_ARGUMENT,
            "op \"%s\": kind is %s, but matmul2d is %s and mlp is %s; wanted exactly the descriptor of "
            "the kind",
            op->name, is_mlp ? "MLP" : "MATMUL2D", op->matmul2d ? "set" : "NULL", op->mlp ? "set" : "NULL");
    result = is_mlp ? check_mlp(context, plan) : check_matmul2d(context, plan);
    if (result || (result = check_dtypes(context, plan)))
        return result;
    if ((uint32_t)plan->backend >= SMELT_BACKEND_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": backend is %u, wanted one of enum smelt_backend (0 to %d)", op->name,
                          (uint32_t)plan->backend, SMELT_BACKEND_COUNT - 1);
    return SMELT_OK;
}

// What the device's limits and the op's own fields refuse beyond what smelt_backend_choose knows of. "" when
// nothing does.
static void coopvec_refusal(smelt_context context, const struct smelt_op_plan *plan, char reason[160])
{
    reason[0] = 0;
    uint32_t limit = context ? context->capabilities.max_cooperative_vector_components : UINT32_MAX;
    if (plan->row_major_kn)
        snprintf(reason, 160,
                 "reads weights stored [n][k], as smelt_weights makes them: set transpose_right");
    else if (plan->widest > limit)
        snprintf(reason, 160,
                 "has vectors of at most %u components (maxCooperativeVectorComponents), %u are wanted",
                 limit, plan->widest);
}

static enum smelt_result choose(smelt_context context, const struct smelt_op_plan *plan,
                                VkShaderStageFlagBits stage, struct smelt_backend_choice *choice)
{
    struct smelt_backend_query query = {
        .op = plan->op->kind,
        .scope = plan->scope,
        .stage = stage,
        .stored = plan->stored_left && !exact_in_f16(plan->stored_left) ? plan->stored_left : plan->stored,
        .computed = plan->computed,
        .accumulated = plan->accumulated,
        .backend = plan->backend,
    };
    enum smelt_result result = smelt_backend_choose(context, &query, choice);
    if (result || choice->backend != SMELT_BACKEND_COOPVEC)
        return result;
    char reason[160];
    coopvec_refusal(context, plan, reason);
    if (!reason[0])
        return SMELT_OK;
    bool forced =
        plan->backend != SMELT_BACKEND_AUTO || (context && context->forced_backend != SMELT_BACKEND_AUTO);
    if (!forced) { // the only other backend of THREAD scope
        query.backend = SMELT_BACKEND_PORTABLE;
        result = smelt_backend_choose(context, &query, choice);
    }
    choice->eligible[SMELT_BACKEND_COOPVEC] = false;
    memcpy(choice->reason[SMELT_BACKEND_COOPVEC], reason, sizeof(reason));
    if (forced)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED, "op \"%s\" on backend coopvec: %s",
                          plan->op->name, reason);
    return result;
}

// The bounds of glsl/smelt/matmul2d_tmpl.glsl and matmul2d_cooperative_tmpl.glsl ("errors"), which derive them:
// c = n (1 + n u), n = K + 3 and n = 2 K + 8.
static void state_bound(const struct smelt_op_plan *plan, struct smelt_op_info *info)
{
    double u = info->choice.accumulated == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-23;
    double n = plan->scope == SMELT_SCOPE_THREAD ? plan->max_k + 3.0 : 2.0 * plan->max_k + 8.0;
    info->error_u = u;
    info->error_c = n * (1 + n * u);
}

static enum smelt_result query(smelt_context context, const struct smelt_op *op, VkShaderStageFlagBits stage,
                               struct smelt_op_plan *plan, struct smelt_op_info *info)
{
    enum smelt_result result = make_plan(context, op, plan);
    if (result)
        return result;
    result = choose(context, plan, stage, &info->choice);
    if (result)
        return result;
    state_bound(plan, info);
    return plan->scope == SMELT_SCOPE_THREAD ? SMELT_OK : smelt_cooperative_tile(context, plan, info);
}

enum smelt_result smelt_op_query(smelt_context context, const struct smelt_op *op,
                                 VkShaderStageFlagBits stage, struct smelt_op_info *info)
{
    struct smelt_op_plan plan;
    if (!info)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "smelt_op_query: info is NULL");
    *info = (struct smelt_op_info){0};
    return query(context, op, stage, &plan, info);
}

// --- The generated include ------------------------------------------------------------------------------

static const char *const dtype_macros[SMELT_DTYPE_COUNT] = {
    [SMELT_DTYPE_F32] = "SMELT_DTYPE_F32",       [SMELT_DTYPE_F16] = "SMELT_DTYPE_F16",
    [SMELT_DTYPE_BF16] = "SMELT_DTYPE_BF16",     [SMELT_DTYPE_F8E4M3] = "SMELT_DTYPE_F8E4M3",
    [SMELT_DTYPE_F8E5M2] = "SMELT_DTYPE_F8E5M2",
};

static const char *const activation_macros[SMELT_ACTIVATION_COUNT] = {
    "SMELT_ACTIVATION_NONE", "SMELT_ACTIVATION_RELU", "SMELT_ACTIVATION_LEAKY_RELU",
    "SMELT_ACTIVATION_SILU", "SMELT_ACTIVATION_GELU", "SMELT_ACTIVATION_SIGMOID",
    "SMELT_ACTIVATION_TANH", "SMELT_ACTIVATION_EXP",  "SMELT_ACTIVATION_SOFTPLUS",
    "SMELT_ACTIVATION_SINE",
};

static const char *const backend_macros[SMELT_BACKEND_COUNT] = {
    NULL,
    "SMELT_BACKEND_PORTABLE",
    "SMELT_BACKEND_DOT8",
    "SMELT_BACKEND_COOPVEC",
    "SMELT_BACKEND_COOPMAT",
    "SMELT_BACKEND_COOPMAT2",
};

const char *smelt_op_dtype_macro(enum smelt_dtype dtype)
{
    return dtype_macros[dtype];
}

const char *smelt_op_backend_macro(enum smelt_backend backend)
{
    return backend_macros[backend];
}

const char *smelt_op_activation_macro(enum smelt_activation activation)
{
    return activation_macros[activation];
}

void smelt_op_define(struct smelt_text *text, const char *prefix, const char *parameter, const char *value)
{
    smelt_text_add(text, "#define %s%s %s\n", prefix, parameter, value);
}

void smelt_op_define_number(struct smelt_text *text, const char *prefix, const char *parameter,
                            uint32_t value)
{
    smelt_text_add(text, "#define %s%s %u\n", prefix, parameter, value);
}

// What both templates take by the same names.
static void add_types(struct smelt_text *text, const char *prefix, const struct smelt_op_plan *plan,
                      const struct smelt_backend_choice *choice)
{
    smelt_op_define(text, prefix, "STORED", dtype_macros[plan->stored]);
    smelt_op_define(text, prefix, "COMPUTED", dtype_macros[choice->computed]);
    smelt_op_define(text, prefix, "ACCUMULATED", dtype_macros[choice->accumulated]);
    smelt_op_define(text, prefix, "LAYOUT", "SMELT_LAYOUT_OPTIMAL");
    smelt_op_define(text, prefix, "BACKEND", backend_macros[choice->backend]);
}

// An inline tensor type NAME_suffix of m rows.
static void add_inline(struct smelt_text *text, const struct smelt_op_plan *plan, const char *suffix,
                       enum smelt_dtype dtype, uint32_t rows, uint32_t columns, enum smelt_backend backend)
{
    smelt_text_add(text, "#define SMELT_INLINE %s_%s\n", plan->op->name, suffix);
    smelt_op_define(text, "SMELT_", "DTYPE", dtype_macros[dtype]);
    smelt_op_define_number(text, "SMELT_", "RANK", 2);
    smelt_op_define_number(text, "SMELT_", "EXTENT0", rows);
    smelt_op_define_number(text, "SMELT_", "EXTENT1", columns);
    smelt_op_define(text, "SMELT_", "INLINE_BACKEND", backend_macros[backend]);
    smelt_text_add(text, "#include \"smelt/inline_tensor_tmpl.glsl\"\n");
}

static void write_matmul2d(struct smelt_text *text, const struct smelt_op_plan *plan,
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
    smelt_op_define(text, prefix, "ACTIVATION", activation_macros[d->activation]);
    add_types(text, prefix, plan, choice);
    smelt_text_add(text, "#define %sLEFT %s_left\n", prefix, plan->op->name);
    smelt_text_add(text, "#define %sRESULT %s_result\n", prefix, plan->op->name);
    smelt_text_add(text, "#include \"smelt/matmul2d_tmpl.glsl\"\n");
}

static void write_mlp(struct smelt_text *text, const struct smelt_op_plan *plan,
                      const struct smelt_backend_choice *choice)
{
    const struct smelt_mlp_descriptor *d = plan->op->mlp;
    const char *prefix = "SMELT_MLP_";
    smelt_op_define(text, "SMELT_", "MLP", plan->op->name);
    smelt_op_define_number(text, prefix, "LAYERS", d->layer_count);
    for (uint32_t i = 0; i <= d->layer_count; i++)
        smelt_text_add(text, "#define %sWIDTH%u %u\n", prefix, i, d->widths[i]);
    for (uint32_t i = 0; i < d->layer_count; i++)
        smelt_text_add(text, "#define %sACTIVATION%u %s\n", prefix, i, activation_macros[d->activations[i]]);
    smelt_op_define_number(text, prefix, "BIAS", !d->no_bias);
    add_types(text, prefix, plan, choice);
    smelt_text_add(text, "#include \"smelt/mlp_tmpl.glsl\"\n");
}

enum smelt_result smelt_op_glsl(smelt_context context, const struct smelt_op *op, VkShaderStageFlagBits stage,
                                char **text)
{
    struct smelt_op_plan plan;
    struct smelt_op_info info = {0};
    if (!text)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "smelt_op_glsl: text is NULL");
    enum smelt_result result = query(context, op, stage, &plan, &info);
    if (result)
        return result;
    struct smelt_text out = {0};
    smelt_text_add(&out,
                   "// smelt/op/%s.glsl: generated from its descriptor; one instance for the backend %s.\n",
                   op->name, smelt_backend_name(info.choice.backend));
    if (op->kind == SMELT_OP_MLP)
        write_mlp(&out, &plan, &info.choice);
    else if (plan.scope != SMELT_SCOPE_THREAD)
        smelt_cooperative_write(&out, &plan, &info);
    else
        write_matmul2d(&out, &plan, &info.choice);
    if (out.failed) {
        smelt_text_free(&out);
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "op \"%s\": no memory for its GLSL text",
                          op->name);
    }
    *text = out.data;
    return SMELT_OK;
}

void smelt_free_text(char **text)
{
    if (!text)
        return;
    free(*text);
    *text = NULL;
}
