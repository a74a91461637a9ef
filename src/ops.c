// SPDX-License-Identifier: MIT
// Op descriptors: checks their fields, asks for the backend, states the error bound, and writes the generated
// include, which only sets the parameters of the op's GLSL template.
#include "feature_table.h"
#include "ops_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

enum smelt_result smelt_op_check_activation(smelt_context context, const struct smelt_op_plan *plan,
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
    return stored != SMELT_DTYPE_F32 && stored != SMELT_DTYPE_BF16;
}

// Products of bf16 or f8 as they are stored: both operands, with sums that hold what their products need.
static enum smelt_result check_native(smelt_context context, const struct smelt_op_plan *plan)
{
    const char *computed = smelt_dtype_name(plan->computed);
    if (plan->stored != plan->computed || plan->stored_left != plan->computed)
        return smelt_fail(
            context, SMELT_ERROR_DTYPE,
            "op \"%s\": computed is %s, stored is %s and stored_left is %s, wanted all three the same",
            plan->op->name, computed, smelt_dtype_name(plan->stored), smelt_dtype_name(plan->stored_left));
    bool f16 = plan->computed != SMELT_DTYPE_BF16;
    if (plan->accumulated == SMELT_DTYPE_NONE || plan->accumulated == SMELT_DTYPE_F32 ||
        (plan->accumulated == SMELT_DTYPE_F16 && f16))
        return SMELT_OK;
    return smelt_fail(context, SMELT_ERROR_DTYPE,
                      "op \"%s\": accumulated is %s and computed is %s, wanted f32%s (or none: f32)",
                      plan->op->name, smelt_dtype_name(plan->accumulated), computed, f16 ? " or f16" : "");
}

enum smelt_result smelt_op_check_dtypes(smelt_context context, struct smelt_op_plan *plan)
{
    const char *name = plan->op->name;
    if (plan->stored == SMELT_DTYPE_NONE)
        plan->stored = SMELT_DTYPE_F16;
    bool native = plan->type->native_types && plan->scope != SMELT_SCOPE_THREAD;
    if (native && plan->computed == SMELT_DTYPE_NONE && plan->stored == SMELT_DTYPE_BF16 &&
        plan->stored_left == SMELT_DTYPE_BF16)
        plan->computed = SMELT_DTYPE_BF16;
    if (native && (plan->computed == SMELT_DTYPE_BF16 || plan->computed == SMELT_DTYPE_F8E4M3 ||
                   plan->computed == SMELT_DTYPE_F8E5M2))
        return check_native(context, plan);
    const struct {
        const char *field;
        enum smelt_dtype dtype;
    } operands[] = {{"stored", plan->stored},
                    {"stored_left", plan->stored_left ? plan->stored_left : plan->stored}};
    for (size_t i = 0; i < SMELT_COUNT_OF(operands); i++)
        if (!smelt_dtype_is_float(operands[i].dtype))
            return smelt_fail(context, SMELT_ERROR_DTYPE,
                              "op \"%s\": %s is %s, wanted f32, f16, bf16, f8e4m3 or f8e5m2 (or none: f16)",
                              name, operands[i].field, smelt_dtype_name(operands[i].dtype));
    // What f16 does not hold decides.
    bool left = plan->stored_left && !exact_in_f16(plan->stored_left);
    const char *field = operands[left].field;
    enum smelt_dtype stored = operands[left].dtype;
    bool exact = exact_in_f16(stored);
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
        plan->computed = plan->relaxed ? SMELT_DTYPE_F16 : SMELT_DTYPE_F32;
    if (!exact && plan->relaxed && plan->accumulated == SMELT_DTYPE_NONE)
        plan->accumulated = SMELT_DTYPE_F32;
    if (!exact && !plan->relaxed && plan->computed == SMELT_DTYPE_F16)
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

static const struct smelt_op_type *const types[SMELT_OP_COUNT] = {
    [SMELT_OP_MATMUL2D] = &smelt_op_type_matmul2d,
    [SMELT_OP_MLP] = &smelt_op_type_mlp,
    [SMELT_OP_CONVOLUTION2D] = &smelt_op_type_convolution2d,
    [SMELT_OP_REDUCTION] = &smelt_op_type_reduction,
    [SMELT_OP_SOFTMAX] = &smelt_op_type_softmax,
    [SMELT_OP_LAYER_NORM] = &smelt_op_type_layer_norm,
    [SMELT_OP_RMS_NORM] = &smelt_op_type_rms_norm,
};

const struct smelt_op_type *smelt_op_type(enum smelt_op_kind kind)
{
    return (uint32_t)kind < SMELT_OP_COUNT ? types[kind] : NULL;
}

static const void *descriptor_of(const struct smelt_op *op, const struct smelt_op_type *type)
{
    const void *descriptor;
    memcpy(&descriptor, (const char *)op + type->descriptor, sizeof(descriptor));
    return descriptor;
}

// Exactly the descriptor of the op's kind is set.
static enum smelt_result check_descriptor(smelt_context context, const struct smelt_op *op)
{
    for (int kind = 0; kind < SMELT_OP_COUNT; kind++) {
        bool wanted = kind == (int)op->kind, set = descriptor_of(op, types[kind]) != NULL;
        if (set != wanted)
            return smelt_fail(
                context, SMELT_ERROR_INVALID_ARGUMENT,
                "op \"%s\": kind is %s, but %s is %s; wanted exactly the descriptor of the kind", op->name,
                types[op->kind]->name, types[kind]->name, set ? "set" : "NULL");
    }
    return SMELT_OK;
}

static enum smelt_result make_plan(smelt_context context, const struct smelt_op *op,
                                   struct smelt_op_plan *plan)
{
    if (!op)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "op is NULL, wanted a struct smelt_op");
    enum smelt_result result = check_name(context, op->name);
    if (result)
        return result;
    plan->op = op;
    plan->type = smelt_op_type(op->kind);
    if (!plan->type)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": kind is %u, wanted one of enum smelt_op_kind (0 to %d)", op->name,
                          (uint32_t)op->kind, SMELT_OP_COUNT - 1);
    plan->software = context && context->capabilities.device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    if ((result = check_descriptor(context, op)) || (result = plan->type->check(context, plan)))
        return result;
    if ((uint32_t)plan->backend >= SMELT_BACKEND_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": backend is %u, wanted one of enum smelt_backend (0 to %d)", op->name,
                          (uint32_t)plan->backend, SMELT_BACKEND_COUNT - 1);
    return SMELT_OK;
}

// Drivers unroll a product of a vector: NVIDIA's (580.159) takes seconds for 65536 weights, and fails for 131072.
#define MOST_VECTOR_WEIGHTS 32768
void smelt_op_refuse_coopvec(smelt_context context, const struct smelt_op_plan *plan,
                             enum smelt_backend backend, char reason[160])
{
    uint32_t limit = context ? context->capabilities.max_cooperative_vector_components : UINT32_MAX;
    if (backend != SMELT_BACKEND_COOPVEC)
        return;
    if (plan->row_major_kn)
        snprintf(reason, 160,
                 "reads weights stored [n][k], as smelt_weights makes them: set transpose_right");
    else if (plan->widest > limit)
        snprintf(reason, 160,
                 "has vectors of at most %u components (maxCooperativeVectorComponents), %u are wanted",
                 limit, plan->widest);
    else if (plan->weights > MOST_VECTOR_WEIGHTS)
        snprintf(reason, 160,
                 "has matrices of at most %d elements, as drivers unroll their products; %u are wanted",
                 MOST_VECTOR_WEIGHTS, plan->weights);
}

void smelt_op_state_bound(struct smelt_op_info *info, double n)
{
    info->error_u = info->choice.accumulated == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-23;
    info->error_c = n * (1 + n * info->error_u);
}

void smelt_op_add_rounding(const struct smelt_op_plan *plan, struct smelt_op_info *info)
{
    int rounded = !exact_in_f16(plan->stored) + !exact_in_f16(plan->stored_left);
    if (plan->relaxed && info->choice.computed == SMELT_DTYPE_F16 && rounded) // each by 2^-10
        info->error_c += (rounded * 0x1p-10 + (rounded - 1) * 0x1p-20) * (1 + info->error_c * info->error_u) /
                         info->error_u;
}

// What the device must have, of an op that is laid out. maintenance4: compilers for Vulkan 1.3 write LocalSizeId.
static void state_needs(const struct smelt_op_plan *plan, struct smelt_op_info *info)
{
    const struct smelt_backend_choice *choice = &info->choice;
    info->features =
        SMELT_FEATURE_BIT(SMELT_FEATURE_BUFFER_DEVICE_ADDRESS) |
        SMELT_FEATURE_BIT(SMELT_FEATURE_SCALAR_BLOCK_LAYOUT) | SMELT_FEATURE_BIT(SMELT_FEATURE_MAINTENANCE4) |
        SMELT_FEATURE_BIT(SMELT_FEATURE_STORAGE_16BIT) | SMELT_FEATURE_BIT(SMELT_FEATURE_STORAGE_8BIT) |
        smelt_instance_features(choice->backend, plan->scope, choice->computed, choice->accumulated);
    if (info->tiling.addressed)
        info->features |= SMELT_FEATURE_BIT(SMELT_FEATURE_COOPMAT2_WORKGROUP_SCOPE) |
                          SMELT_FEATURE_BIT(SMELT_FEATURE_COOPMAT2_TENSOR_ADDRESSING);
    uint32_t *all = info->capabilities, *count = &info->capability_count;
    all[(*count)++] = 1; // Shader
    if (plan->scope != SMELT_SCOPE_THREAD)
        all[(*count)++] = 61; // GroupNonUniform
    for (int i = 0; i < SMELT_FEATURE_COUNT; i++)
        for (int k = 0; k < 4 && info->features & SMELT_FEATURE_BIT(i); k++)
            if (smelt_features[i].capabilities[k] > 0 && *count < SMELT_COUNT_OF(info->capabilities))
                all[(*count)++] = (uint32_t)smelt_features[i].capabilities[k];
}

// Of a plan that is made: the choice and what follows from it.
static enum smelt_result choose(smelt_context context, const struct smelt_op_plan *plan,
                                VkShaderStageFlagBits stage, struct smelt_op_info *info)
{
    struct smelt_backend_query query = {
        .op = plan->op->kind,
        .scope = plan->scope,
        .stage = stage,
        .stored = plan->computed == SMELT_DTYPE_I8 ? (plan->unsigned_only ? SMELT_DTYPE_U8 : SMELT_DTYPE_I8)
                  : plan->relaxed && plan->computed == SMELT_DTYPE_F16 ? SMELT_DTYPE_F16 // once it is rounded
                  : plan->stored_left && !exact_in_f16(plan->stored_left) ? plan->stored_left
                                                                          : plan->stored,
        .computed = plan->computed,
        .accumulated = plan->accumulated,
        .backend = plan->backend,
    };
    enum smelt_result result = smelt_backend_choose_for(context, &query, plan, &info->choice);
    if (!result && !(result = plan->type->lay_out(context, plan, info)))
        state_needs(plan, info);
    return result;
}

enum smelt_result smelt_op_query(smelt_context context, const struct smelt_op *op,
                                 VkShaderStageFlagBits stage, struct smelt_op_info *info)
{
    struct smelt_op_plan plan;
    if (!info)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "smelt_op_query: info is NULL");
    return smelt_op_resolve(context, op, stage, SMELT_BACKEND_AUTO, &plan, info, NULL);
}

// --- The generated include ------------------------------------------------------------------------------

static const char *const dtype_macros[SMELT_DTYPE_COUNT] = {
    [SMELT_DTYPE_F32] = "SMELT_DTYPE_F32",       [SMELT_DTYPE_F16] = "SMELT_DTYPE_F16",
    [SMELT_DTYPE_BF16] = "SMELT_DTYPE_BF16",     [SMELT_DTYPE_F8E4M3] = "SMELT_DTYPE_F8E4M3",
    [SMELT_DTYPE_F8E5M2] = "SMELT_DTYPE_F8E5M2", [SMELT_DTYPE_I8] = "SMELT_DTYPE_I8",
    [SMELT_DTYPE_U8] = "SMELT_DTYPE_U8",         [SMELT_DTYPE_I16] = "SMELT_DTYPE_I16",
    [SMELT_DTYPE_U16] = "SMELT_DTYPE_U16",       [SMELT_DTYPE_I32] = "SMELT_DTYPE_I32",
    [SMELT_DTYPE_U32] = "SMELT_DTYPE_U32",       [SMELT_DTYPE_I4] = "SMELT_DTYPE_I4",
    [SMELT_DTYPE_U4] = "SMELT_DTYPE_U4",
};

static const char *const scope_macros[] = {"SMELT_SCOPE_THREAD", "SMELT_SCOPE_SUBGROUP",
                                           "SMELT_SCOPE_WORKGROUP"};
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

const char *smelt_op_scope_macro(enum smelt_scope scope)
{
    return scope_macros[scope];
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

void smelt_op_define_types(struct smelt_text *text, const char *prefix, const struct smelt_op_plan *plan,
                           const struct smelt_backend_choice *choice)
{
    smelt_op_define(text, prefix, "STORED", dtype_macros[plan->stored]);
    smelt_op_define(text, prefix, "COMPUTED", dtype_macros[choice->computed]);
    smelt_op_define(text, prefix, "ACCUMULATED", dtype_macros[choice->accumulated]);
    smelt_op_define(text, prefix, "LAYOUT", "SMELT_LAYOUT_OPTIMAL");
    smelt_op_define(text, prefix, "BACKEND", backend_macros[choice->backend]);
}

static enum smelt_result write_text(smelt_context context, const struct smelt_op_plan *plan,
                                    const struct smelt_op_info *info, char **text)
{
    struct smelt_text out = {0};
    smelt_text_add(&out,
                   "// smelt/op/%s.glsl: generated from its descriptor; one instance for the backend %s.\n",
                   plan->op->name, smelt_backend_name(info->choice.backend));
    plan->type->write(&out, plan, info);
    if (out.failed) {
        smelt_text_free(&out);
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "op \"%s\": no memory for its GLSL text",
                          plan->op->name);
    }
    *text = out.data;
    return SMELT_OK;
}

enum smelt_result smelt_op_resolve(smelt_context context, const struct smelt_op *op,
                                   VkShaderStageFlagBits stage, enum smelt_backend automatic,
                                   struct smelt_op_plan *plan, struct smelt_op_info *info, char **text)
{
    *plan = (struct smelt_op_plan){0};
    *info = (struct smelt_op_info){0};
    enum smelt_result result = make_plan(context, op, plan);
    if (result)
        return result;
    if (plan->backend == SMELT_BACKEND_AUTO)
        plan->backend = automatic;
    result = choose(context, plan, stage, info);
    return result || !text ? result : write_text(context, plan, info, text);
}

enum smelt_result smelt_op_twin(const struct smelt_op *op, VkShaderStageFlagBits stage,
                                const struct smelt_op_info *info, char **text)
{
    struct smelt_op_plan plan = {.twin_of = info};
    struct smelt_op_info twin = {0};
    enum smelt_result result = make_plan(NULL, op, &plan);
    plan.backend = SMELT_BACKEND_PORTABLE;
    if (!result)
        result = choose(NULL, &plan, stage, &twin);
    return result ? result : write_text(NULL, &plan, &twin, text);
}

enum smelt_result smelt_op_glsl(smelt_context context, const struct smelt_op *op, VkShaderStageFlagBits stage,
                                char **text)
{
    struct smelt_op_plan plan;
    struct smelt_op_info info;
    if (!text)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "smelt_op_glsl: text is NULL");
    return smelt_op_resolve(context, op, stage, SMELT_BACKEND_AUTO, &plan, &info, text);
}

void smelt_free_text(char **text)
{
    if (!text)
        return;
    free(*text);
    *text = NULL;
}
