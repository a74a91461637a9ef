// SPDX-License-Identifier: MIT
// Chooses how the device computes attention.comp, compiles it and records it.
#include "attention.h"

#include "embedded.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const struct smelt_embedded attention_shaders[];

// The push constants of attention.comp, word for word.
struct push {
    uint64_t q, k, v, o, lengths;
    uint32_t queries, keys, heads;
};

struct text {
    char name[32], value[32];
};

struct defines {
    struct text text[32];
    struct smelt_define list[32];
    uint32_t count;
};

static void define(struct defines *d, const char *name, uint32_t value)
{
    struct text *t = &d->text[d->count];
    snprintf(t->name, sizeof(t->name), "%s", name);
    snprintf(t->value, sizeof(t->value), "%uu", value);
    t->value[strlen(t->value) - 1] = 0; // macros are compared in #if: no suffix
    d->list[d->count++] = (struct smelt_define){t->name, t->value};
}

// How the device would tile a product of this size: what fragments there are.
static bool tile(smelt_context context, enum smelt_backend backend, uint32_t m, uint32_t n, uint32_t k,
                 uint32_t subgroups, struct smelt_op_info *info)
{
    struct smelt_matmul2d_descriptor d = {.scope = SMELT_SCOPE_WORKGROUP,
                                          .m = m,
                                          .n = n,
                                          .tile_k = k,
                                          .accumulated = SMELT_DTYPE_F32,
                                          .subgroups_m = subgroups,
                                          .subgroups_n = subgroups ? 1 : 0,
                                          .backend = backend};
    struct smelt_op op = {.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &d};
    return !smelt_op_query(context, &op, VK_SHADER_STAGE_COMPUTE_BIT, info);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

// uvec4 of shared memory that the modules want: a left operand that is not held in registers, and a reduction along rows.
static uint32_t scratch_of(const struct attention_params *p, const struct attention *a,
                           const struct smelt_op_info *info, uint32_t subgroups)
{
    bool held = a->backend == SMELT_BACKEND_COOPMAT2; // the left operand stays in registers
    uint32_t head = p->head_dim / 8 + 1, keys = a->keys / 8 + 1;
    uint32_t left = held ? 0 : a->rows * larger(head, keys);
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    uint32_t reduction = subgroups * t->fragment_m * (t->fragment_n / 4 + 1) + a->rows;
    if (a->backend == SMELT_BACKEND_PORTABLE)
        reduction = a->rows * (larger(a->keys, p->head_dim) / t->fragment_n) / 4 + a->rows;
    return larger(larger(left, reduction), 64);
}

// And the blocks of keys and values; those that are held leave room for both.
static uint32_t shared_of(const struct attention_params *p, const struct attention *a,
                          const struct smelt_op_info *info, uint32_t subgroups)
{
    uint32_t block = a->keys * (p->head_dim / 8 + 1);
    return scratch_of(p, a, info, subgroups) + (a->backend == SMELT_BACKEND_COOPMAT2 ? 2 : 1) * block;
}

static bool compile(const struct attention_params *p, struct attention *a, const struct defines *defines)
{
    struct smelt_shader_params params = {.source = (const char *)attention_shaders[0].data,
                                         .path = "attention.comp",
                                         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                         .defines = defines->list,
                                         .define_count = defines->count,
                                         .backend = a->backend};
    (void)p;
    return !smelt_shader_create(a->context, &params, &a->shader);
}

static bool make_pipeline(struct attention *a, const struct smelt_op_info *info)
{
    struct smelt_context_handles h = smelt_context_handles(a->context);
    PFN_vkCreatePipelineLayout create_layout =
        (PFN_vkCreatePipelineLayout)h.get_device_proc_addr(h.device, "vkCreatePipelineLayout");
    PFN_vkCreateComputePipelines create_pipelines =
        (PFN_vkCreateComputePipelines)h.get_device_proc_addr(h.device, "vkCreateComputePipelines");
    VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(struct push)};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .pushConstantRangeCount = 1,
                                         .pPushConstantRanges = &range};
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size = info->subgroup_size;
    VkComputePipelineCreateInfo pipeline = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = size.requiredSubgroupSize ? &size : NULL,
                  .flags = info->stage_flags,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .pName = "main"}};
    if (smelt_shader_module(a->shader, &pipeline.stage.module) ||
        create_layout(h.device, &layout, NULL, &a->layout))
        return false;
    pipeline.layout = a->layout;
    return !create_pipelines(h.device, h.pipeline_cache, 1, &pipeline, NULL, &a->pipeline);
}

bool attention_create(smelt_context context, const struct attention_params *p, struct attention *a)
{
    struct smelt_op_info info, scores, values;
    struct defines defines = {.count = 0};
    *a = (struct attention){.context = context};
    if (!tile(context, p->backend, 0, 0, 0, 0, &info)) // for the backend and the smallest fragment
        return false;
    a->backend = info.choice.backend;
    bool matrices = a->backend != SMELT_BACKEND_PORTABLE, large = info.tiling.subgroup_size >= 32;
    uint32_t subgroups = p->subgroups ? p->subgroups : large ? 8 : 2;
    uint32_t rows = matrices ? info.tiling.fragment_m : 8;
    a->rows = subgroups * (p->rows_of_subgroup ? p->rows_of_subgroup : rows);
    // As measured on an H200: what is done once for each block is then spread over more keys.
    bool more = a->backend == SMELT_BACKEND_COOPMAT2 && p->head_dim <= 64 && !p->causal;
    a->keys = p->keys ? p->keys : !large ? 16 : more ? 128 : 64;
    uint32_t most = smelt_context_capabilities(context)->max_shared_memory_size;
    while (!p->keys && matrices && a->keys > 16 && 16 * shared_of(p, a, &info, subgroups) > most)
        a->keys /= 2; // what is staged must fit
    uint32_t k = matrices ? info.tiling.fragment_k : 16;
    if (!tile(context, a->backend, a->rows, a->keys, k, subgroups, &info) ||
        !tile(context, SMELT_BACKEND_PORTABLE, a->rows, a->keys, 16, subgroups, &scores) ||
        !tile(context, SMELT_BACKEND_PORTABLE, a->rows, p->head_dim, 16, subgroups, &values))
        return false;
    const struct smelt_matmul2d_tiling *t = &info.tiling;
    a->threads = info.workgroup_size;
    bool held = a->backend == SMELT_BACKEND_COOPMAT2;
    define(&defines, "HEAD_DIM", p->head_dim);
    define(&defines, "ROWS", a->rows);
    define(&defines, "KEYS", a->keys);
    define(&defines, "CAUSAL", p->causal);
    define(&defines, "SUBGROUP_SIZE", t->subgroup_size);
    define(&defines, "SUBGROUPS", subgroups);
    define(&defines, "FRAGMENT_M", t->fragment_m);
    define(&defines, "FRAGMENT_SCORES_N", t->fragment_n);
    define(&defines, "FRAGMENT_VALUES_N", t->fragment_n);
    // A chain takes the left tensor's matrices as they are.
    define(&defines, "FRAGMENT_SCORES_K", held ? t->fragment_n : t->fragment_k);
    define(&defines, "FRAGMENT_VALUES_K", held ? t->fragment_n : t->fragment_k);
    define(&defines, "PORTABLE_SCORES_M", scores.tiling.fragment_m);
    define(&defines, "PORTABLE_SCORES_N", scores.tiling.fragment_n);
    define(&defines, "PORTABLE_VALUES_M", values.tiling.fragment_m);
    define(&defines, "PORTABLE_VALUES_N", values.tiling.fragment_n);
    const struct smelt_op_info *product = a->backend == SMELT_BACKEND_PORTABLE ? &values : &info;
    uint32_t scratch = scratch_of(p, a, product, subgroups);
    a->scratch_bytes = 16 * shared_of(p, a, product, subgroups);
    if (a->scratch_bytes > most)
        return false;
    char scale[32];
    snprintf(scale, sizeof(scale), "%.9g", 1 / sqrt(p->head_dim));
    defines.list[defines.count++] = (struct smelt_define){"SCALE", scale};
    // The twin stages both operands.
    uint32_t twin = (a->rows + a->keys) * (larger(p->head_dim, a->keys) / 8 + 1) + a->rows * 32;
    char size[96];
    snprintf(size, sizeof(size), "(SMELT_BACKEND_DEFAULT == SMELT_BACKEND_PORTABLE ? %u : %u)",
             larger(scratch, a->backend == SMELT_BACKEND_PORTABLE ? scratch : twin), scratch);
    defines.list[defines.count++] = (struct smelt_define){"SCRATCH", size};
    if (compile(p, a, &defines) && make_pipeline(a, &info))
        return true;
    attention_destroy(a);
    return false;
}

void attention_destroy(struct attention *a)
{
    if (!a->context)
        return;
    struct smelt_context_handles h = smelt_context_handles(a->context);
    PFN_vkDestroyPipeline destroy_pipeline =
        (PFN_vkDestroyPipeline)h.get_device_proc_addr(h.device, "vkDestroyPipeline");
    PFN_vkDestroyPipelineLayout destroy_layout =
        (PFN_vkDestroyPipelineLayout)h.get_device_proc_addr(h.device, "vkDestroyPipelineLayout");
    destroy_pipeline(h.device, a->pipeline, NULL);
    destroy_layout(h.device, a->layout, NULL);
    smelt_shader_destroy(&a->shader);
    *a = (struct attention){0};
}

void attention_record(const struct attention *a, VkCommandBuffer commands, const struct attention_call *call)
{
    struct smelt_context_handles h = smelt_context_handles(a->context);
    PFN_vkCmdBindPipeline bind = (PFN_vkCmdBindPipeline)h.get_device_proc_addr(h.device, "vkCmdBindPipeline");
    PFN_vkCmdPushConstants push_constants =
        (PFN_vkCmdPushConstants)h.get_device_proc_addr(h.device, "vkCmdPushConstants");
    PFN_vkCmdDispatch dispatch = (PFN_vkCmdDispatch)h.get_device_proc_addr(h.device, "vkCmdDispatch");
    const struct smelt_tensor_info *q = smelt_tensor_info(call->q), *k = smelt_tensor_info(call->k);
    struct push push = {q->address,
                        k->address,
                        smelt_tensor_info(call->v)->address,
                        smelt_tensor_info(call->o)->address,
                        smelt_tensor_info(call->lengths)->address,
                        (uint32_t)q->shape[1],
                        (uint32_t)k->shape[1],
                        call->heads};
    bind(commands, VK_PIPELINE_BIND_POINT_COMPUTE, a->pipeline);
    push_constants(commands, a->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(push), &push);
    dispatch(commands, (push.queries + a->rows - 1) / a->rows, (uint32_t)q->shape[0], 1);
}
