// SPDX-License-Identifier: MIT
// Which backend an op takes on a device, and why not another.
#include "feature_table.h"
#include "ops_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const backend_names[SMELT_BACKEND_COUNT] = {
    [SMELT_BACKEND_AUTO] = "auto",       [SMELT_BACKEND_PORTABLE] = "portable",
    [SMELT_BACKEND_DOT8] = "dot8",       [SMELT_BACKEND_COOPVEC] = "coopvec",
    [SMELT_BACKEND_COOPMAT] = "coopmat", [SMELT_BACKEND_COOPMAT2] = "coopmat2",
};

// What a backend is, whatever the op.
static const struct implementation {
    const char *scopes;    // where it can compute
    const char *extension; // of GLSL
} implementations[SMELT_BACKEND_COUNT] = {
    [SMELT_BACKEND_PORTABLE] = {"THREAD, SUBGROUP and WORKGROUP scope", "GL_EXT_buffer_reference"},
    [SMELT_BACKEND_DOT8] = {"every scope", "GL_EXT_integer_dot_product"},
    [SMELT_BACKEND_COOPVEC] = {"THREAD scope", "GL_NV_cooperative_vector"},
    [SMELT_BACKEND_COOPMAT] = {"SUBGROUP and WORKGROUP scope", "GL_KHR_cooperative_matrix"},
    [SMELT_BACKEND_COOPMAT2] = {"SUBGROUP and WORKGROUP scope", "GL_NV_cooperative_matrix2"},
};

// The order in which AUTO takes them.
static const enum smelt_backend preference[] = {SMELT_BACKEND_COOPVEC, SMELT_BACKEND_COOPMAT,
                                                SMELT_BACKEND_COOPMAT2, SMELT_BACKEND_DOT8,
                                                SMELT_BACKEND_PORTABLE};

// The types that matrices multiply as they are stored, by the extension of GLSL that has them.
static const char *const native_extensions[SMELT_DTYPE_COUNT] = {
    [SMELT_DTYPE_BF16] = "GL_EXT_bfloat16",
    [SMELT_DTYPE_F8E4M3] = "GL_EXT_float_e4m3",
    [SMELT_DTYPE_F8E5M2] = "GL_EXT_float_e5m2",
};

const char *smelt_backend_name(enum smelt_backend backend)
{
    return (unsigned)backend < SMELT_BACKEND_COUNT ? backend_names[backend] : "invalid";
}

enum smelt_backend smelt_backend_from_name(const char *name)
{
    int i = 0;
    while (name && i < SMELT_BACKEND_COUNT && strcmp(name, backend_names[i]))
        i++;
    return name ? (enum smelt_backend)i : SMELT_BACKEND_COUNT;
}

enum smelt_result smelt_backend_demote(smelt_context context, enum smelt_backend backend, const char *reason)
{
    if (!context)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "demote: context is NULL");
    if (backend <= SMELT_BACKEND_PORTABLE || (unsigned)backend >= SMELT_BACKEND_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "demote: got %s, wanted dot8, coopvec, coopmat or coopmat2",
                          smelt_backend_name(backend));
    char *copy = smelt_copy_string(reason ? reason : "it gave wrong numbers");
    if (!copy)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for a reason");
    mtx_lock(&context->mutex);
    free(context->demoted[backend]);
    context->demoted[backend] = copy;
    mtx_unlock(&context->mutex);
    return SMELT_OK;
}

static const char *scope_name(enum smelt_scope scope)
{
    static const char *const names[] = {"THREAD", "SUBGROUP", "WORKGROUP"};
    return names[scope];
}

static const char *op_name(enum smelt_op_kind op)
{
    return smelt_op_type(op)->name;
}

static const char *stage_name(VkShaderStageFlagBits stage)
{
    switch (stage) {
    case VK_SHADER_STAGE_VERTEX_BIT:
        return "vertex";
    case VK_SHADER_STAGE_FRAGMENT_BIT:
        return "fragment";
    case VK_SHADER_STAGE_COMPUTE_BIT:
        return "compute";
    default:
        return "this";
    }
}

#define REASON(choice, backend, ...)                                                                         \
    snprintf((choice)->reason[backend], sizeof((choice)->reason[0]), __VA_ARGS__)

// What the selftest found out is the reason that counts, whatever else is against the backend.
static bool refuse_demoted(smelt_context context, enum smelt_backend backend,
                           struct smelt_backend_choice *choice)
{
    mtx_lock(&context->mutex);
    const char *reason = context->demoted[backend];
    if (reason)
        REASON(choice, backend, "is demoted: %s", reason);
    mtx_unlock(&context->mutex);
    return reason != NULL;
}

// The scope, then the types: what holds on every device.
static bool refuse_by_module(const struct smelt_backend_query *query, enum smelt_backend backend,
                             struct smelt_backend_choice *choice)
{
    const struct implementation *has = &implementations[backend];
    const char *scope = scope_name(query->scope);
    if (!(smelt_op_type(query->op)->scopes[backend] >> query->scope & 1)) {
        if (backend == SMELT_BACKEND_DOT8 && choice->computed != SMELT_DTYPE_I8)
            REASON(choice, backend, "computes products of i8, not of %s", smelt_dtype_name(choice->computed));
        else if (!strstr(has->scopes, scope))
            REASON(choice, backend, "computes at %s only, %s was asked for", has->scopes, scope);
        else
            REASON(choice, backend, "this version has no %s of %s scope: no template for %s exists yet",
                   op_name(query->op), scope, smelt_backend_name(backend));
        return true;
    }
    if (query->scope != SMELT_SCOPE_THREAD && query->stage && query->stage != VK_SHADER_STAGE_COMPUTE_BIT) {
        REASON(choice, backend, "computes at %s scope in the compute stage only", scope);
        return true;
    }
    if (backend == SMELT_BACKEND_DOT8 && choice->computed != SMELT_DTYPE_I8) {
        REASON(choice, backend, "computes products of i8, not of %s", smelt_dtype_name(choice->computed));
        return true;
    }
    bool matrix = backend == SMELT_BACKEND_COOPMAT || backend == SMELT_BACKEND_COOPMAT2;
    if (matrix && choice->computed == SMELT_DTYPE_F32) {
        REASON(choice, backend, "computes products of f16, bf16, f8 and i8, not of f32");
        return true;
    }
    enum smelt_dtype stored = query->stored ? query->stored : SMELT_DTYPE_F16;
    if (backend != SMELT_BACKEND_COOPVEC)
        return false;
    if (stored != SMELT_DTYPE_F16)
        REASON(choice, backend, "reads weights of f16, not of %s", smelt_dtype_name(stored));
    else if (choice->computed != SMELT_DTYPE_F16)
        REASON(choice, backend, "computes products of f16, not of %s", smelt_dtype_name(choice->computed));
    else if (choice->accumulated != SMELT_DTYPE_F16)
        REASON(choice, backend, "promises sums of f16, not of %s", smelt_dtype_name(choice->accumulated));
    else
        return false;
    return true;
}

// The device and its driver.
static bool refuse_by_device(smelt_context context, const struct smelt_backend_query *query,
                             enum smelt_backend backend, struct smelt_backend_choice *choice)
{
    uint64_t needs = smelt_instance_features(backend, query->scope, choice->computed, choice->accumulated);
    enum smelt_dtype factor = choice->computed != SMELT_DTYPE_I8 ? choice->computed
                              : query->stored == SMELT_DTYPE_U8  ? SMELT_DTYPE_U8
                                                                 : SMELT_DTYPE_I8;
    uint64_t missing = needs & ~context->features;
    struct smelt_matmul2d_tiling shape;
    const struct smelt_capabilities *c = &context->capabilities;
    VkShaderStageFlagBits stage = query->stage ? query->stage : VK_SHADER_STAGE_COMPUTE_BIT;
    if (missing && backend == SMELT_BACKEND_COOPVEC && c->known_bad) {
        REASON(choice, backend, "%s", c->known_bad);
    } else if (missing) {
        struct smelt_text names = {0};
        smelt_features_add_names(&names, missing);
        REASON(choice, backend, "the device lacks %s", names.data ? names.data : "features");
        smelt_text_free(&names);
    } else if (backend == SMELT_BACKEND_COOPVEC && !(c->cooperative_vector_stages & stage)) {
        REASON(choice, backend, "the device has no cooperative vectors in the %s stage", stage_name(stage));
    } else if (backend == SMELT_BACKEND_COOPVEC && !context->cooperative_vector_f16) {
        REASON(choice, backend, "the driver lists no cooperative vector product of f16 with f16 result");
    } else if ((backend == SMELT_BACKEND_COOPMAT || backend == SMELT_BACKEND_COOPMAT2) &&
               !(c->cooperative_matrix_stages & stage)) {
        REASON(choice, backend, "the device has no cooperative matrices in the %s stage", stage_name(stage));
    } else if (backend == SMELT_BACKEND_COOPMAT &&
               !smelt_cooperative_fragment(context, factor, choice->accumulated, &shape)) {
        REASON(choice, backend, "the driver lists no cooperative matrix product of %s with %s result",
               smelt_dtype_name(factor),
               smelt_dtype_name(factor == SMELT_DTYPE_U8 ? SMELT_DTYPE_U32 : choice->accumulated));
    } else if (backend == SMELT_BACKEND_COOPMAT2 &&
               !smelt_cooperative_flexible(context, factor, choice->accumulated, SMELT_SCOPE_SUBGROUP, 0)) {
        REASON(choice, backend,
               "the driver lists no cooperative matrix product of flexible size of %s with %s result",
               smelt_dtype_name(factor),
               smelt_dtype_name(factor == SMELT_DTYPE_U8 ? SMELT_DTYPE_U32 : choice->accumulated));
    } else {
        return false;
    }
    return true;
}

// What the GLSL compiler accepts.
struct compiler {
    bool backends[SMELT_BACKEND_COUNT], dtypes[SMELT_DTYPE_COUNT];
};

static bool refuse_by_compiler(const struct compiler *compiler, enum smelt_backend backend,
                               struct smelt_backend_choice *choice)
{
    const char *lacks = compiler->backends[backend] ? NULL : implementations[backend].extension;
    bool matrix = backend == SMELT_BACKEND_COOPMAT || backend == SMELT_BACKEND_COOPMAT2;
    if (!lacks && matrix && !compiler->dtypes[choice->computed])
        lacks = native_extensions[choice->computed];
    if (lacks)
        REASON(choice, backend, "the GLSL compiler does not know %s", lacks);
    return lacks != NULL;
}

// Whether f16 holds every value of a type of weights.
static bool fits_f16(enum smelt_dtype stored)
{
    return stored != SMELT_DTYPE_F32 && stored != SMELT_DTYPE_BF16;
}

static enum smelt_result check_integer_query(smelt_context context, const struct smelt_backend_query *query)
{
    if (query->stored != SMELT_DTYPE_I8 && query->stored != SMELT_DTYPE_U8)
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "backend choice: stored: got %s, wanted i8 or u8 for integer products",
                          smelt_dtype_name(query->stored));
    if (query->computed != SMELT_DTYPE_I8 && query->computed != SMELT_DTYPE_NONE)
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "backend choice: computed: got %s, wanted i8 for i32 sums",
                          smelt_dtype_name(query->computed));
    if (query->accumulated != SMELT_DTYPE_I32 && query->accumulated != SMELT_DTYPE_NONE)
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "backend choice: accumulated: got %s, wanted i32 for products of i8",
                          smelt_dtype_name(query->accumulated));
    return SMELT_OK;
}

// The types of factors and sums.
static enum smelt_result check_types(smelt_context context, const struct smelt_backend_query *query)
{
    bool native = (unsigned)query->computed < SMELT_DTYPE_COUNT && native_extensions[query->computed];
    if (native && query->scope != SMELT_SCOPE_THREAD && smelt_op_type(query->op)->native_types) {
        if (query->stored != query->computed)
            return smelt_fail(context, SMELT_ERROR_DTYPE,
                              "backend choice: computed: got %s, wanted a stored %s as well",
                              smelt_dtype_name(query->computed), smelt_dtype_name(query->computed));
        if (query->accumulated == SMELT_DTYPE_NONE || query->accumulated == SMELT_DTYPE_F32 ||
            (query->accumulated == SMELT_DTYPE_F16 && query->computed != SMELT_DTYPE_BF16))
            return SMELT_OK;
        return smelt_fail(context, SMELT_ERROR_DTYPE, "backend choice: accumulated: got %s, wanted f32%s",
                          smelt_dtype_name(query->accumulated),
                          query->computed == SMELT_DTYPE_BF16 ? "" : " or f16");
    }
    if (query->computed == SMELT_DTYPE_I8 || query->accumulated == SMELT_DTYPE_I32)
        return check_integer_query(context, query);
    const enum smelt_dtype types[] = {query->computed, query->accumulated};
    for (int i = 0; i < 2; i++)
        if (types[i] != SMELT_DTYPE_NONE && types[i] != SMELT_DTYPE_F16 && types[i] != SMELT_DTYPE_F32)
            return smelt_fail(context, SMELT_ERROR_DTYPE, "backend choice: %s: got %s, wanted f16 or f32",
                              i ? "accumulated" : "computed", smelt_dtype_name(types[i]));
    if (query->computed == SMELT_DTYPE_F16 && !fits_f16(query->stored))
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "backend choice: computed: got f16, wanted f32, which holds a stored %s exactly",
                          smelt_dtype_name(query->stored));
    if (query->computed == SMELT_DTYPE_F32 && query->accumulated == SMELT_DTYPE_F16)
        return smelt_fail(
            context, SMELT_ERROR_DTYPE,
            "backend choice: accumulated: got f16, wanted f32, as products are computed in f32");
    return SMELT_OK;
}

static enum smelt_result check_query(smelt_context context, const struct smelt_backend_query *query)
{
    if ((unsigned)query->op >= SMELT_OP_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "backend choice: op: got %d, wanted 0 to %d",
                          (int)query->op, SMELT_OP_COUNT - 1);
    if ((unsigned)query->scope > SMELT_SCOPE_WORKGROUP)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "backend choice: scope: got %d, wanted 0 to %d", (int)query->scope,
                          SMELT_SCOPE_WORKGROUP);
    if ((unsigned)query->backend >= SMELT_BACKEND_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "backend choice: backend: got %d, wanted 0 to %d", (int)query->backend,
                          SMELT_BACKEND_COUNT - 1);
    if (query->stage & (query->stage - 1))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "backend choice: stage: got bits 0x%x, wanted a single one",
                          (unsigned)query->stage);
    if (!smelt_matmul2d_stored(query->stored) && query->stored != SMELT_DTYPE_NONE)
        return smelt_fail(
            context, SMELT_ERROR_DTYPE,
            "backend choice: stored: got %s, wanted f32, f16, bf16, f8e4m3, f8e5m2, i8, u8, i4 or u4",
            smelt_dtype_name(query->stored));
    return check_types(context, query);
}

// What is left open: nothing that loses precision.
static void choose_types(smelt_context context, const struct smelt_backend_query *query,
                         struct smelt_backend_choice *choice)
{
    bool group = query->scope != SMELT_SCOPE_THREAD && smelt_op_type(query->op)->native_types;
    bool f16 = fits_f16(query->stored) && (!context || context->capabilities.shader_float16);
    choice->computed = query->computed;
    choice->accumulated = query->accumulated;
    if (choice->computed == SMELT_DTYPE_I8 || choice->accumulated == SMELT_DTYPE_I32) {
        choice->computed = SMELT_DTYPE_I8;
        choice->accumulated = SMELT_DTYPE_I32;
    }
    if (choice->computed == SMELT_DTYPE_NONE)
        choice->computed = group && query->stored == SMELT_DTYPE_BF16 ? SMELT_DTYPE_BF16
                           : f16                                      ? SMELT_DTYPE_F16
                                                                      : SMELT_DTYPE_F32;
    if (choice->accumulated == SMELT_DTYPE_NONE)
        choice->accumulated = choice->computed == SMELT_DTYPE_F16 ? SMELT_DTYPE_F16 : SMELT_DTYPE_F32;
}

static enum smelt_backend best(const struct smelt_backend_choice *choice)
{
    for (size_t i = 0; i < SMELT_COUNT_OF(preference); i++)
        if (choice->eligible[preference[i]])
            return preference[i];
    return SMELT_BACKEND_AUTO;
}

// What the op's own fields are against.
static bool refuse_by_op(smelt_context context, const struct smelt_op_plan *plan, enum smelt_backend backend,
                         struct smelt_backend_choice *choice)
{
    if (plan && plan->type->refuse)
        plan->type->refuse(context, plan, backend, choice->reason[backend]);
    return choice->reason[backend][0] != 0;
}

enum smelt_result smelt_backend_choose(smelt_context context, const struct smelt_backend_query *query,
                                       struct smelt_backend_choice *choice)
{
    return smelt_backend_choose_for(context, query, NULL, choice);
}

enum smelt_result smelt_backend_choose_for(smelt_context context, const struct smelt_backend_query *query,
                                           const struct smelt_op_plan *plan, struct smelt_backend_choice *out)
{
    if (!query || !out)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "backend choice: %s is NULL",
                          query ? "choice" : "query");
    enum smelt_result result = check_query(context, query);
    if (result != SMELT_OK)
        return result;
    struct compiler compiler;
    if (context) {
        memcpy(compiler.backends, context->capabilities.compiler_backends, sizeof(compiler.backends));
        memcpy(compiler.dtypes, context->capabilities.compiler_dtypes, sizeof(compiler.dtypes));
    } else {
        smelt_compiler_probe(NULL, compiler.backends, compiler.dtypes);
    }
    // A build without compiler takes all shaders as SPIR-V.
    bool precompiled =
        query->precompiled || !(context ? context->capabilities.compiler : (bool)SMELT_HAVE_COMPILER);
    struct smelt_backend_choice choice = {0};
    choose_types(context, query, &choice);
    for (enum smelt_backend b = SMELT_BACKEND_PORTABLE; b < SMELT_BACKEND_COUNT; b++)
        choice.eligible[b] = !(context && refuse_demoted(context, b, &choice)) &&
                             !refuse_by_module(query, b, &choice) &&
                             !refuse_by_op(context, plan, b, &choice) &&
                             !(context && refuse_by_device(context, query, b, &choice)) &&
                             !(!precompiled && refuse_by_compiler(&compiler, b, &choice));
    REASON(&choice, SMELT_BACKEND_AUTO, "a request, not a backend");
    enum smelt_backend wanted = query->backend;
    if (wanted == SMELT_BACKEND_AUTO && context)
        wanted = context->forced_backend;
    if (wanted == SMELT_BACKEND_AUTO)
        wanted = context ? best(&choice) : SMELT_BACKEND_PORTABLE;
    choice.backend = wanted;
    *out = choice;
    if (wanted ==
        SMELT_BACKEND_AUTO) // no backend at all; PORTABLE's reason is the one that a user can act on
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED, "%s at %s scope: no backend can: portable %s",
                          op_name(query->op), scope_name(query->scope),
                          choice.reason[SMELT_BACKEND_PORTABLE]);
    if (!choice.eligible[wanted])
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED, "%s on backend %s: %s", op_name(query->op),
                          smelt_backend_name(wanted), choice.reason[wanted]);
    return SMELT_OK;
}
