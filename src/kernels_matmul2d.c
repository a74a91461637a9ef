// SPDX-License-Identifier: MIT
// smelt_encode_matmul2d: whole products by the library's own kernel, glsl/kernels/matmul2d_body.glsl. Kernels are made
// for types, layout and tile when first needed, by the compiler where this build has it, else from what was baked;
// pipelines for sizes, which are specialization constants.
#include "embedded.h"
#include "ops_internal.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIPELINES 64 // of one kernel; sizes beyond share one that reads them from push constants
#define CONSTANTS 9
#define SIZES 6 // the first of them

// The push constants of matmul2d_body.glsl, word for word.
struct push {
    uint64_t a, b, bias, d;
    uint32_t m, n, k;
    uint32_t stride_a[2], stride_b[2], stride_d;
    uint64_t batch_a, batch_b, batch_d;
};
_Static_assert(offsetof(struct push, batch_a) == 64 && sizeof(struct push) == 88,
               "matmul2d_body.glsl's constants");
#define PUSH_SIZE 88

// What a kernel is compiled for.
struct kernel_key {
    uint32_t stored, computed, accumulated, backend;
    uint32_t transpose_left, transpose_right, alignment;
    struct smelt_matmul2d_tiling tiling;
    uint32_t baked;
};

struct pipeline {
    uint32_t constants[CONSTANTS];
    VkPipeline pipeline;
};

struct smelt_matmul2d_kernel {
    struct smelt_matmul2d_kernel *next;
    struct kernel_key key;
    struct smelt_op_info info;
    smelt_shader shader;   // NULL: baked
    VkShaderModule module; // the shader's, or own when baked
    VkPipelineLayout layout;
    uint32_t count, sized; // pipelines, and how many of them have sizes
    struct pipeline *pipelines;
};

// --- Kernels ----------------------------------------------------------------------------------------------

static const char *data_type(enum smelt_dtype stored)
{
    return stored == SMELT_DTYPE_F32 ? "smelt_f32_r_data" : "smelt_u16_r_data";
}

static const char *kernel_text(void)
{
    const struct smelt_embedded *text = smelt_embedded_kernel_texts;
    while (text->name && strcmp(text->name, "kernels/matmul2d_body.glsl") != 0)
        text++;
    return (const char *)text->data;
}

static enum smelt_result compile_kernel(smelt_context context, const struct smelt_op *op,
                                        struct smelt_matmul2d_kernel *kernel)
{
    const struct kernel_key *key = &kernel->key;
    const char *dtype = smelt_dtype_name((enum smelt_dtype)key->stored);
    struct smelt_text text = {0};
    smelt_text_add(
        &text, "#version 460\n#include \"smelt/base.glsl\"\nfloat product_element(float v, uvec2 place);\n"
               "#include \"smelt/op/product.glsl\"\n");
    smelt_op_define(&text, "KERNEL_", "STORED", smelt_op_dtype_macro((enum smelt_dtype)key->stored));
    smelt_op_define(&text, "KERNEL_", "ACCUMULATED",
                    smelt_op_dtype_macro((enum smelt_dtype)key->accumulated));
    smelt_op_define(&text, "KERNEL_", "BACKEND", "SMELT_BACKEND_DEFAULT");
    smelt_op_define_number(&text, "KERNEL_", "TRANSPOSE_LEFT", key->transpose_left);
    smelt_op_define_number(&text, "KERNEL_", "TRANSPOSE_RIGHT", key->transpose_right);
    smelt_op_define(&text, "KERNEL_", "TILE_M", "product_TILE_M");
    smelt_op_define(&text, "KERNEL_", "TILE_N", "product_TILE_N");
    smelt_op_define(&text, "KERNEL_", "WORKGROUP_SIZE", "product_WORKGROUP_SIZE");
    smelt_text_add(
        &text,
        "#define KERNEL_LEFT product_left_%s_2_r_0x0\n#define KERNEL_RIGHT product_right_%s_2_r_0x0\n"
        "#define KERNEL_BIAS bias_%s_1_r_0\n#define KERNEL_DATA %s\n%s",
        dtype, dtype, dtype, data_type((enum smelt_dtype)key->stored), kernel_text());
    struct smelt_shader_params params = {.source = text.data,
                                         .path = "smelt matmul2d",
                                         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                         .ops = op,
                                         .op_count = 1,
                                         .backend = (enum smelt_backend)key->backend};
    enum smelt_result result =
        text.failed ? smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "matmul2d: no memory for its text")
                    : smelt_shader_create(context, &params, &kernel->shader);
    smelt_text_free(&text);
    return result ? result : smelt_shader_module(kernel->shader, &kernel->module);
}

static enum smelt_result load_baked(smelt_context context, struct smelt_matmul2d_kernel *kernel)
{
    char name[64];
    const struct kernel_key *key = &kernel->key;
    snprintf(name, sizeof(name), "matmul2d_%s_%s_%s", smelt_dtype_name((enum smelt_dtype)key->stored),
             smelt_dtype_name((enum smelt_dtype)key->computed),
             smelt_dtype_name((enum smelt_dtype)key->accumulated));
    const struct smelt_embedded *code = smelt_embedded_kernels;
    while (code->name && strcmp(code->name, name) != 0)
        code++;
    if (!code->name)
        return smelt_fail(
            context, SMELT_ERROR_UNSUPPORTED,
            "matmul2d of %s, computed in %s, accumulated in %s is not baked, and this build has no "
            "compiler",
            smelt_dtype_name((enum smelt_dtype)key->stored),
            smelt_dtype_name((enum smelt_dtype)key->computed),
            smelt_dtype_name((enum smelt_dtype)key->accumulated));
    VkShaderModuleCreateInfo module = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                       .codeSize = code->size,
                                       .pCode = (const uint32_t *)(const void *)code->data};
    VkResult vk = context->vk.CreateShaderModule(context->device, &module, context->allocation_callbacks,
                                                 &kernel->module);
    return vk == VK_SUCCESS ? SMELT_OK : smelt_fail_vk(context, vk, "vkCreateShaderModule");
}

static void destroy_kernel(smelt_context context, struct smelt_matmul2d_kernel *kernel)
{
    for (uint32_t i = 0; i < kernel->count; i++)
        context->vk.DestroyPipeline(context->device, kernel->pipelines[i].pipeline,
                                    context->allocation_callbacks);
    free(kernel->pipelines);
    context->vk.DestroyPipelineLayout(context->device, kernel->layout, context->allocation_callbacks);
    if (!kernel->shader)
        context->vk.DestroyShaderModule(context->device, kernel->module, context->allocation_callbacks);
    smelt_shader_destroy(&kernel->shader);
    free(kernel);
}

void smelt_matmul2d_kernels_destroy(smelt_context context)
{
    while (context->matmul2d_kernels) {
        struct smelt_matmul2d_kernel *kernel = context->matmul2d_kernels;
        context->matmul2d_kernels = kernel->next;
        destroy_kernel(context, kernel);
    }
}

static enum smelt_result make_kernel(smelt_context context, const struct smelt_op *op,
                                     struct smelt_matmul2d_kernel *kernel)
{
    enum smelt_result result =
        kernel->key.baked ? load_baked(context, kernel) : compile_kernel(context, op, kernel);
    if (result)
        return result;
    VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = PUSH_SIZE};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .pushConstantRangeCount = 1,
                                         .pPushConstantRanges = &range};
    VkResult vk = context->vk.CreatePipelineLayout(context->device, &layout, context->allocation_callbacks,
                                                   &kernel->layout);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreatePipelineLayout");
    smelt_set_debug_name(context, VK_OBJECT_TYPE_PIPELINE_LAYOUT, (uint64_t)kernel->layout, "smelt matmul2d");
    return SMELT_OK;
}

static enum smelt_result make_pipeline(smelt_context context, const struct smelt_matmul2d_kernel *kernel,
                                       struct pipeline *pipeline)
{
    VkSpecializationMapEntry entries[CONSTANTS];
    for (uint32_t i = 0; i < CONSTANTS; i++)
        entries[i] = (VkSpecializationMapEntry){i, 4 * i, 4};
    VkSpecializationInfo constants = {CONSTANTS, entries, sizeof(pipeline->constants), pipeline->constants};
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size = kernel->info.subgroup_size;
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = size.requiredSubgroupSize ? &size : NULL,
                  .flags = kernel->info.stage_flags,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = kernel->module,
                  .pName = "main",
                  .pSpecializationInfo = &constants},
        .layout = kernel->layout,
    };
    VkResult vk = context->vk.CreateComputePipelines(context->device, context->pipeline_cache, 1, &info,
                                                     context->allocation_callbacks, &pipeline->pipeline);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreateComputePipelines");
    char name[80];
    snprintf(name, sizeof(name), "smelt matmul2d %" PRIu32 "x%" PRIu32 "x%" PRIu32, pipeline->constants[0],
             pipeline->constants[1], pipeline->constants[2]);
    smelt_set_debug_name(context, VK_OBJECT_TYPE_PIPELINE, (uint64_t)pipeline->pipeline, name);
    return SMELT_OK;
}

static const struct pipeline *look_up(const struct smelt_matmul2d_kernel *kernel, const uint32_t *constants)
{
    for (uint32_t i = 0; i < kernel->count; i++)
        if (!memcmp(kernel->pipelines[i].constants, constants, sizeof(kernel->pipelines[i].constants)))
            return &kernel->pipelines[i];
    return NULL;
}

static enum smelt_result get_pipeline(smelt_context context, struct smelt_matmul2d_kernel *kernel,
                                      const uint32_t constants[CONSTANTS], VkPipeline *pipeline)
{
    const struct pipeline *known = look_up(kernel, constants);
    struct pipeline made = {0};
    memcpy(made.constants, constants, sizeof(made.constants));
    if (!known && kernel->sized >= MAX_PIPELINES) {
        memset(made.constants, 0, SIZES * sizeof(made.constants[0]));
        known = look_up(kernel, made.constants);
    }
    if (known) {
        *pipeline = known->pipeline;
        return SMELT_OK;
    }
    struct pipeline *list = realloc(kernel->pipelines, (kernel->count + 1) * sizeof(*list));
    if (!list)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "matmul2d: out of host memory");
    kernel->pipelines = list;
    enum smelt_result result = make_pipeline(context, kernel, &made);
    if (result)
        return result;
    list[kernel->count++] = made;
    kernel->sized += made.constants[0] != 0;
    *pipeline = made.pipeline;
    return SMELT_OK;
}

// The kernel of a key and its pipeline for these constants, made when first asked for.
static enum smelt_result find_pipeline(smelt_context context, const struct smelt_op *op,
                                       const struct kernel_key *key, const struct smelt_op_info *info,
                                       const uint32_t constants[CONSTANTS],
                                       struct smelt_matmul2d_kernel **found, VkPipeline *pipeline)
{
    struct smelt_matmul2d_kernel *kernel = context->matmul2d_kernels;
    enum smelt_result result = SMELT_OK;
    while (kernel && memcmp(&kernel->key, key, sizeof(*key)) != 0)
        kernel = kernel->next;
    if (!kernel) {
        if (!(kernel = calloc(1, sizeof(*kernel))))
            return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "matmul2d: out of host memory");
        kernel->key = *key;
        kernel->info = *info;
        if ((result = make_kernel(context, op, kernel))) {
            destroy_kernel(context, kernel);
            return result;
        }
        kernel->next = context->matmul2d_kernels;
        context->matmul2d_kernels = kernel;
    }
    *found = kernel;
    return get_pipeline(context, kernel, constants, pipeline);
}

// --- Calls ------------------------------------------------------------------------------------------------

// A call, checked: what one product is.
struct call {
    smelt_context context;
    const struct smelt_matmul2d_params *params;
    struct smelt_matmul2d_descriptor descriptor;
    struct smelt_op op;
    struct push push;
    uint32_t batch;
    bool d_is_f32;
};

static uint64_t row_stride(const struct smelt_tensor_info *t)
{
    return t->strides[t->rank - 2];
}

static uint64_t column_stride(const struct smelt_tensor_info *t)
{
    return t->strides[t->rank - 1];
}

static enum smelt_result check_operand(smelt_context context, const char *role, smelt_tensor tensor,
                                       bool operand)
{
    const struct smelt_tensor_info *t = &tensor->info;
    if (tensor->context != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "matmul2d: %s '%s' is of another context",
                          role, t->name);
    if (t->dtype != SMELT_DTYPE_F32 && t->dtype != SMELT_DTYPE_F16)
        return smelt_fail(context, SMELT_ERROR_DTYPE, "matmul2d: %s '%s' is %s, wanted f32 or f16", role,
                          t->name, smelt_dtype_name(t->dtype));
    if (operand ? t->rank != 2 && t->rank != 3 : t->rank != 1)
        return smelt_fail(context, SMELT_ERROR_SHAPE, "matmul2d: %s '%s' has rank %" PRIu32 ", wanted %s",
                          role, t->name, t->rank, operand ? "2, or 3 with a batch" : "1");
    return smelt_tensor_require_plain(tensor, "matmul2d");
}

static enum smelt_result check_extent(smelt_context context, const char *what, uint64_t got, uint64_t wanted)
{
    if (got == wanted)
        return SMELT_OK;
    return smelt_fail(context, SMELT_ERROR_SHAPE, "matmul2d: %s is %" PRIu64 ", wanted %" PRIu64, what, got,
                      wanted);
}

static uint64_t batch_of(const struct smelt_tensor_info *t)
{
    return t->rank == 3 ? t->shape[0] : 1;
}

static bool share_bytes(const struct smelt_tensor_info *a, const struct smelt_tensor_info *b)
{
    return a->address < b->address + b->size && b->address < a->address + a->size;
}

static enum smelt_result check_shapes(struct call *call)
{
    const struct smelt_matmul2d_params *p = call->params;
    const struct smelt_tensor_info *a = &p->a->info, *b = &p->b->info, *d = &p->d->info;
    smelt_context context = call->context;
    uint32_t ra = a->rank - 2, rb = b->rank - 2, rd = d->rank - 2;
    uint64_t m = a->shape[ra + p->transpose_left], k = a->shape[ra + !p->transpose_left];
    uint64_t n = b->shape[rb + !p->transpose_right], batch = batch_of(d);
    enum smelt_result result = SMELT_OK;
    if ((result =
             check_extent(context, "the extent of b along the sum", b->shape[rb + p->transpose_right], k)) ||
        (result = check_extent(context, "the number of rows of d", d->shape[rd], m)) ||
        (result = check_extent(context, "the number of columns of d", d->shape[rd + 1], n)) ||
        (result = a->rank == 3 ? check_extent(context, "the batch of a", a->shape[0], batch) : SMELT_OK) ||
        (result = b->rank == 3 ? check_extent(context, "the batch of b", b->shape[0], batch) : SMELT_OK) ||
        (result =
             p->bias ? check_extent(context, "the length of bias", p->bias->info.shape[0], n) : SMELT_OK) ||
        (result = check_extent(context, "the stride within a row of d", column_stride(d), 1)) ||
        (result =
             p->bias ? check_extent(context, "the stride of bias", p->bias->info.strides[0], 1) : SMELT_OK))
        return result;
    if (b->dtype != a->dtype || (p->bias && p->bias->info.dtype != a->dtype))
        return smelt_fail(context, SMELT_ERROR_DTYPE, "matmul2d: %s '%s' is %s, wanted %s as a",
                          b->dtype != a->dtype ? "b" : "bias",
                          b->dtype != a->dtype ? b->name : p->bias->info.name,
                          smelt_dtype_name(b->dtype != a->dtype ? b->dtype : p->bias->info.dtype),
                          smelt_dtype_name(a->dtype));
    if (share_bytes(d, a) || share_bytes(d, b) || (p->bias && share_bytes(d, &p->bias->info)))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "matmul2d: d '%s' shares bytes with an operand, wanted separate tensors", d->name);
    if (batch > context->capabilities.max_workgroup_count[2])
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "matmul2d: a batch of %" PRIu64 ", wanted at most %" PRIu32, batch,
                          context->capabilities.max_workgroup_count[2]);
    call->batch = (uint32_t)batch;
    call->d_is_f32 = d->dtype == SMELT_DTYPE_F32;
    call->push = (struct push){
        .a = a->address,
        .b = b->address,
        .bias = p->bias ? p->bias->info.address : 0,
        .d = d->address,
        .m = (uint32_t)m,
        .n = (uint32_t)n,
        .k = (uint32_t)k,
        .stride_a = {(uint32_t)row_stride(a), (uint32_t)column_stride(a)},
        .stride_b = {(uint32_t)row_stride(b), (uint32_t)column_stride(b)},
        .stride_d = (uint32_t)row_stride(d),
        .batch_a = a->rank == 3 ? smelt_dtype_size(a->dtype, a->strides[0]) : 0,
        .batch_b = b->rank == 3 ? smelt_dtype_size(b->dtype, b->strides[0]) : 0,
        .batch_d = d->rank == 3 ? smelt_dtype_size(d->dtype, d->strides[0]) : 0,
    };
    return SMELT_OK;
}

static enum smelt_result check_call(VkCommandBuffer commands, struct call *call)
{
    const struct smelt_matmul2d_params *p = call->params;
    if (!p || !p->a || !p->b || !p->d)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "matmul2d: %s is NULL",
                          !p      ? "params"
                          : !p->a ? "a"
                          : !p->b ? "b"
                                  : "d");
    smelt_context context = call->context = p->d->context;
    if (!commands)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "matmul2d: commands is NULL, wanted one");
    enum smelt_result result = SMELT_OK;
    if ((result = check_operand(context, "a", p->a, true)) ||
        (result = check_operand(context, "b", p->b, true)) ||
        (result = check_operand(context, "d", p->d, true)) ||
        (result = p->bias ? check_operand(context, "bias", p->bias, false) : SMELT_OK))
        return result;
    return check_shapes(call);
}

// How far an operand's rows are aligned, in elements.
static uint32_t alignment_of(const struct smelt_tensor_info *t)
{
    uint64_t size = smelt_dtype_size(t->dtype, 1);
    uint64_t all =
        t->shape[t->rank - 1] | row_stride(t) | t->address / size | (t->rank == 3 ? t->strides[0] : 0);
    uint32_t alignment = 8;
    while (alignment > 1 &&
           (all & (alignment - 1) || t->address % (alignment * size) || column_stride(t) != 1))
        alignment /= 2;
    return column_stride(t) == 1 ? alignment : 1;
}

// Tiles by the class of a shape, for subgroups of 32 and more (measured on an H200, docs/performance.md). The first row that fits is taken; sizes that a row does
// not name are free.
static const struct {
    uint32_t least_m, least_n, most_n;
    enum smelt_dtype accumulated; // NONE: any
    uint32_t m, n, k, subgroups_m, subgroups_n;
} tiles[] = {
    {256, 1, 64, SMELT_DTYPE_NONE, 128, 64, 32, 4, 1},
    {1536, 1536, UINT32_MAX, SMELT_DTYPE_F16, 128, 128, 32, 2, 2},
    {1536, 1536, UINT32_MAX, SMELT_DTYPE_NONE, 128, 256, 32, 2, 4},
    {768, 768, UINT32_MAX, SMELT_DTYPE_F16, 128, 64, 64, 2, 2},
    {1, 1, UINT32_MAX, SMELT_DTYPE_NONE, 64, 64, 64, 2, 2},
};

static void choose_tile(struct call *call, enum smelt_dtype accumulated)
{
    struct smelt_matmul2d_descriptor *d = &call->descriptor;
    const struct smelt_matmul2d_tiling *asked = &call->params->tiling;
    uint32_t i = 0;
    if (asked->m || asked->n || asked->k || asked->subgroups_m || asked->subgroups_n) {
        d->m = asked->m;
        d->n = asked->n;
        d->tile_k = asked->k;
        d->subgroups_m = asked->subgroups_m;
        d->subgroups_n = asked->subgroups_n;
        return;
    }
    if (call->context->capabilities.subgroup_size < 32)
        return; // the op's own
    while (call->push.m < tiles[i].least_m || call->push.n < tiles[i].least_n ||
           call->push.n > tiles[i].most_n || (tiles[i].accumulated && tiles[i].accumulated != accumulated))
        i++;
    d->m = tiles[i].m;
    d->n = tiles[i].n;
    d->tile_k = tiles[i].k;
    d->subgroups_m = tiles[i].subgroups_m;
    d->subgroups_n = tiles[i].subgroups_n;
}

static enum smelt_result describe(struct call *call, struct kernel_key *key, struct smelt_op_info *info)
{
    const struct smelt_matmul2d_params *p = call->params;
    struct smelt_matmul2d_descriptor *d = &call->descriptor;
    *d = (struct smelt_matmul2d_descriptor){
        .scope = SMELT_SCOPE_WORKGROUP,
        .transpose_left = p->transpose_left,
        .transpose_right = p->transpose_right,
        .epilogue = true,
        .stored = p->a->info.dtype,
        .computed = p->computed,
        .accumulated = p->accumulated,
        .alignment = SMELT_MIN(alignment_of(&p->a->info), alignment_of(&p->b->info)),
        .activation = p->activation, // for the check; the kernel's is a constant
        .backend = p->backend,
    };
    call->op = (struct smelt_op){.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = d};
    if (!SMELT_HAVE_COMPILER && d->backend == SMELT_BACKEND_AUTO)
        d->backend = SMELT_BACKEND_PORTABLE; // what is baked
    enum smelt_result result = smelt_op_query(call->context, &call->op, 0, info);
    if (result)
        return result;
    d->activation = SMELT_ACTIVATION_NONE;
    choose_tile(call, info->choice.accumulated);
    bool tiled = call->params->tiling.m || call->params->tiling.k || call->params->tiling.subgroups_m;
    result = smelt_op_query(call->context, &call->op, 0, info);
    if (result == SMELT_ERROR_UNSUPPORTED &&
        !tiled) { // a tile of the table that this device is too small for
        d->m = d->n = d->tile_k = d->subgroups_m = d->subgroups_n = 0;
        result = smelt_op_query(call->context, &call->op, 0, info);
    }
    if (result)
        return result;
    memset(key, 0, sizeof(*key)); // compared as bytes
    key->stored = (uint32_t)d->stored;
    key->computed = (uint32_t)info->choice.computed;
    key->accumulated = (uint32_t)info->choice.accumulated;
    key->backend = (uint32_t)info->choice.backend;
    key->baked = !SMELT_HAVE_COMPILER || p->baked;
    if (!key->baked) {
        key->transpose_left = d->transpose_left;
        key->transpose_right = d->transpose_right;
        key->alignment = d->alignment;
        key->tiling = info->tiling;
        d->backend = info->choice.backend;
        return SMELT_OK;
    }
    if (info->choice.backend != SMELT_BACKEND_PORTABLE)
        return smelt_fail(call->context, SMELT_ERROR_UNSUPPORTED,
                          "matmul2d: backend %s is not baked, wanted portable",
                          smelt_backend_name(info->choice.backend));
    // glsl/kernels/matmul2d_portable.glsl: it reads transposed operands by their strides.
    info->tiling = (struct smelt_matmul2d_tiling){.m = 64, .n = 64, .k = 16};
    info->stage_flags = 0;
    info->subgroup_size.requiredSubgroupSize = 0;
    if (d->transpose_left)
        call->push.stride_a[0] = (uint32_t)column_stride(&p->a->info),
        call->push.stride_a[1] = (uint32_t)row_stride(&p->a->info);
    if (d->transpose_right)
        call->push.stride_b[0] = (uint32_t)column_stride(&p->b->info),
        call->push.stride_b[1] = (uint32_t)row_stride(&p->b->info);
    return SMELT_OK;
}

enum smelt_result smelt_encode_matmul2d(VkCommandBuffer commands, const struct smelt_matmul2d_params *params)
{
    struct call call = {.params = params};
    enum smelt_result result = check_call(commands, &call);
    if (result)
        return result;
    struct kernel_key key;
    struct smelt_op_info info;
    if ((result = describe(&call, &key, &info)))
        return result;
    smelt_context context = call.context;
    const struct push *push = &call.push;
    uint64_t tiles_down = (push->m + (uint64_t)info.tiling.m - 1) / info.tiling.m;
    uint64_t groups = tiles_down * ((push->n + (uint64_t)info.tiling.n - 1) / info.tiling.n);
    if (groups > context->capabilities.max_workgroup_count[0])
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "matmul2d: %" PRIu64 " tiles of %" PRIu32 " x %" PRIu32 ", wanted at most %" PRIu32,
                          groups, info.tiling.m, info.tiling.n, context->capabilities.max_workgroup_count[0]);
    const uint32_t constants[CONSTANTS] = {
        push->m,
        push->n,
        push->k,
        push->stride_a[0],
        push->stride_b[0],
        push->stride_d,
        call.d_is_f32,
        params->bias != NULL,
        (uint32_t)params->activation,
    };
    struct smelt_matmul2d_kernel *kernel = NULL;
    VkPipeline pipeline = VK_NULL_HANDLE;
    mtx_lock(&context->matmul2d_mutex);
    result = find_pipeline(context, &call.op, &key, &info, constants, &kernel, &pipeline);
    mtx_unlock(&context->matmul2d_mutex);
    if (result)
        return result;
    smelt_begin_label(context, commands, "smelt matmul2d");
    context->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    context->vk.CmdPushConstants(commands, kernel->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, PUSH_SIZE, push);
    context->vk.CmdDispatch(commands, (uint32_t)groups, 1, call.batch);
    smelt_end_label(context, commands);
    return SMELT_OK;
}
