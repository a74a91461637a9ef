// SPDX-License-Identifier: MIT
// Kernels as SPIR-V without a compiler: how they are found, and how they are recorded.
#include "kernels_code.h"

#include "feature_table.h"

#include <stdlib.h>
#include <string.h>

enum smelt_result smelt_kernel_code_key(smelt_context context, const struct smelt_kernel_request *request,
                                        const struct smelt_text *text, uint64_t key[2])
{
    const char *version = smelt_version();
    enum smelt_result result = SMELT_OK;
    for (int i = 0; i < 2; i++) {
        uint64_t hash = smelt_hash(SMELT_HASH_START + (uint64_t)i, version, strlen(version));
        hash = smelt_hash(hash, request->name, strlen(request->name));
        hash = smelt_hash(hash, &request->backend, sizeof(request->backend));
        key[i] = smelt_hash(hash, text->data, text->size);
    }
    for (uint32_t k = 0; k < request->op_count && !result; k++) {
        struct smelt_op_plan plan;
        struct smelt_op_info info;
        char *op = NULL;
        result = smelt_op_resolve(context, &request->ops[k], VK_SHADER_STAGE_COMPUTE_BIT, request->backend,
                                  &plan, &info, &op);
        for (int i = 0; i < 2 && !result; i++)
            key[i] = smelt_hash(key[i], op, strlen(op));
        smelt_free_text(&op);
    }
    return result;
}

const struct smelt_kernel_code *smelt_kernel_code_find(smelt_context context, const uint64_t key[2])
{
    for (const struct smelt_kernel_codes *set = context->kernel_codes; set; set = set->next)
        for (uint32_t i = 0; i < set->count; i++)
            if (!memcmp(set->list[i].key, key, sizeof(set->list[i].key)))
                return &set->list[i];
    return NULL;
}

enum smelt_result smelt_kernel_code_record(smelt_context context, const struct smelt_kernel_request *request,
                                           const uint64_t key[2], const uint32_t *words, uint64_t size)
{
    struct smelt_kernel_codes *codes = context->recorded_codes;
    for (uint32_t i = 0; i < codes->count; i++)
        if (!memcmp(codes->list[i].key, key, sizeof(codes->list[i].key)))
            return SMELT_OK;
    struct smelt_kernel_code *list = realloc(codes->list, (codes->count + 1) * sizeof(*list));
    uint32_t *copy = malloc((size_t)size);
    if (list)
        codes->list = list;
    if (!list || !copy) {
        free(copy);
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: out of host memory", request->name);
    }
    memcpy(copy, words, (size_t)size);
    list[codes->count++] = (struct smelt_kernel_code){.key = {key[0], key[1]},
                                                      .name = request->name,
                                                      .backend = request->backend,
                                                      .words = copy,
                                                      .size = size};
    return SMELT_OK;
}

void smelt_kernel_codes_give(smelt_context context, struct smelt_kernel_codes *codes)
{
    mtx_lock(&context->kernels_mutex);
    codes->next = context->kernel_codes;
    context->kernel_codes = codes;
    mtx_unlock(&context->kernels_mutex);
}

void smelt_kernel_codes_take_back(smelt_context context, struct smelt_kernel_codes *codes)
{
    mtx_lock(&context->kernels_mutex);
    struct smelt_kernel_codes **at = &context->kernel_codes;
    while (*at && *at != codes)
        at = &(*at)->next;
    if (*at)
        *at = codes->next;
    mtx_unlock(&context->kernels_mutex);
}

static _Thread_local uint32_t users;

void smelt_kernels_use_codes(bool begins)
{
    users += begins ? 1u : ~0u;
}

bool smelt_kernels_have_text(void)
{
    return SMELT_HAVE_COMPILER || users > 0;
}

void smelt_kernel_codes_free(struct smelt_kernel_codes *codes)
{
    for (uint32_t i = 0; i < codes->count; i++)
        free((void *)(uintptr_t)codes->list[i].words);
    free(codes->list);
    *codes = (struct smelt_kernel_codes){0};
}

// --- A device that is not there -----------------------------------------------------------------------------------

// What NVIDIA's, AMD's and Intel's drivers list in common, 16 x 16 x 16 and x 32 of bytes.
static void list_matrices(struct smelt_capabilities *c, bool flexible)
{
    static const struct {
        enum smelt_dtype factor, sums;
        uint32_t k;
    } rows[] = {{SMELT_DTYPE_F16, SMELT_DTYPE_F32, 16},
                {SMELT_DTYPE_F16, SMELT_DTYPE_F16, 16},
                {SMELT_DTYPE_I8, SMELT_DTYPE_I32, 32},
                {SMELT_DTYPE_U8, SMELT_DTYPE_U32, 32}};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(rows); i++) {
        c->cooperative_matrices[i] = (struct smelt_cooperative_matrix){.m = 16,
                                                                       .n = 16,
                                                                       .k = rows[i].k,
                                                                       .a = rows[i].factor,
                                                                       .b = rows[i].factor,
                                                                       .c = rows[i].sums,
                                                                       .result = rows[i].sums,
                                                                       .scope = SMELT_SCOPE_SUBGROUP};
        c->flexible_matrices[i] = c->cooperative_matrices[i];
    }
    c->cooperative_matrix_count = SMELT_COUNT_OF(rows);
    c->flexible_matrix_count = flexible ? SMELT_COUNT_OF(rows) : 0;
    c->cooperative_matrix = true;
    c->cooperative_matrix_stages = VK_SHADER_STAGE_COMPUTE_BIT;
}

void smelt_context_record_kernels(smelt_context context, enum smelt_backend backend,
                                  struct smelt_kernel_codes *codes)
{
    static const enum smelt_backend optional[] = {SMELT_BACKEND_DOT8, SMELT_BACKEND_COOPVEC,
                                                  SMELT_BACKEND_COOPMAT, SMELT_BACKEND_COOPMAT2};
    struct smelt_capabilities *c = &context->capabilities;
    context->recorded_codes = codes;
    if (backend == SMELT_BACKEND_AUTO)
        return;
    for (uint32_t i = 0; i < SMELT_COUNT_OF(optional); i++)
        context->features &= ~smelt_backend_features(optional[i]);
    context->features |= SMELT_FEATURE_BIT(SMELT_FEATURE_SHADER_FLOAT16) |
                         SMELT_FEATURE_BIT(SMELT_FEATURE_SUBGROUP_SIZE_CONTROL) |
                         SMELT_FEATURE_BIT(SMELT_FEATURE_COMPUTE_FULL_SUBGROUPS) |
                         smelt_backend_features(SMELT_BACKEND_PORTABLE) | smelt_backend_features(backend);
    bool matrices = backend == SMELT_BACKEND_COOPMAT || backend == SMELT_BACKEND_COOPMAT2;
    if (matrices) // such devices have these too
        context->features |=
            smelt_backend_features(SMELT_BACKEND_DOT8) | smelt_backend_features(SMELT_BACKEND_COOPMAT);
    context->required_subgroup_size = true;
    c->device_type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    c->subgroup_size = c->min_subgroup_size = c->max_subgroup_size = 32;
    c->subgroup_size_control = c->full_subgroups = true;
    c->shader_float16 = c->shader_int8 = c->shader_int16 = true;
    c->max_workgroup_invocations = c->max_workgroup_size[0] = 1024;
    c->max_shared_memory_size = 48 << 10;
    c->cooperative_matrix_count = c->flexible_matrix_count = 0;
    if (matrices)
        list_matrices(c, backend == SMELT_BACKEND_COOPMAT2);
}
