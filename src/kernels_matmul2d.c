// SPDX-License-Identifier: MIT
// smelt_encode_matmul2d: whole products by the library's own kernel, glsl/kernels/matmul2d_body.glsl. Kernels are made
// for types, layout and tile when first needed, by the compiler where this build has it, else from what was baked;
// pipelines for sizes, which are specialization constants.
#include "kernels_cache.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
    uint32_t vectors, swapped; // 1 to MAX_VECTORS: glsl/kernels/matvec_body.glsl
};

#define MAX_VECTORS 8

// --- Kernels ----------------------------------------------------------------------------------------------

static const char *data_type(enum smelt_dtype stored)
{
    return stored == SMELT_DTYPE_F32          ? "smelt_f32_r_data"
           : smelt_dtype_size(stored, 1) == 1 ? "smelt_u8_r_data"
                                              : "smelt_u16_r_data";
}

// What d may be besides f32.
static enum smelt_dtype narrow_result(enum smelt_dtype operands)
{
    return operands == SMELT_DTYPE_BF16 ? SMELT_DTYPE_BF16 : SMELT_DTYPE_F16;
}

// What matmul2d_head.glsl takes, and it.
static void write_head(struct smelt_text *text, const struct kernel_key *key)
{
    const char *dtype = smelt_dtype_name((enum smelt_dtype)key->stored);
    enum smelt_dtype narrow = narrow_result((enum smelt_dtype)key->stored);
    smelt_op_define(text, "KERNEL_", "STORED", smelt_op_dtype_macro((enum smelt_dtype)key->stored));
    smelt_op_define(text, "KERNEL_", "NARROW", smelt_op_dtype_macro(narrow));
    smelt_text_add(text,
                   "#define KERNEL_BIAS bias_%s_1_r_0\n#define KERNEL_DATA %s\n"
                   "#define KERNEL_RESULT narrow_%s_2_w_0x0\n%s",
                   dtype, data_type((enum smelt_dtype)key->stored), smelt_dtype_name(narrow),
                   smelt_kernel_text("kernels/matmul2d_head.glsl"));
}

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct kernel_key *key = user;
    const char *dtype = smelt_dtype_name((enum smelt_dtype)key->stored);
    smelt_text_add(
        text, "#version 460\n#include \"smelt/base.glsl\"\nfloat product_element(float v, uvec2 place);\n"
              "#include \"smelt/op/product.glsl\"\n");
    smelt_op_define(text, "KERNEL_", "ACCUMULATED", smelt_op_dtype_macro((enum smelt_dtype)key->accumulated));
    smelt_op_define(text, "KERNEL_", "BACKEND", "SMELT_BACKEND_DEFAULT");
    smelt_op_define_number(text, "KERNEL_", "TRANSPOSE_LEFT", key->transpose_left);
    smelt_op_define_number(text, "KERNEL_", "TRANSPOSE_RIGHT", key->transpose_right);
    smelt_op_define(text, "KERNEL_", "TILE_M", "product_TILE_M");
    smelt_op_define(text, "KERNEL_", "TILE_N", "product_TILE_N");
    smelt_op_define(text, "KERNEL_", "WORKGROUP_SIZE", "product_WORKGROUP_SIZE");
    smelt_text_add(
        text, "#define KERNEL_LEFT product_left_%s_2_r_0x0\n#define KERNEL_RIGHT product_right_%s_2_r_0x0\n",
        dtype, dtype);
    write_head(text, key);
    smelt_text_add(text, "%s", smelt_kernel_text("kernels/matmul2d_body.glsl"));
}

static void write_matvec(struct smelt_text *text, const void *user)
{
    const struct kernel_key *key = user;
    smelt_text_add(text,
                   "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/activation.glsl\"\n"
                   "#define KERNEL_VECTOR vector_%s_2_r_0x0\n",
                   smelt_dtype_name((enum smelt_dtype)key->stored));
    smelt_op_define_number(text, "KERNEL_", "VECTORS", key->vectors);
    smelt_op_define_number(text, "KERNEL_", "SWAPPED", key->swapped);
    smelt_op_define_number(text, "KERNEL_", "ALONG", key->swapped || key->transpose_right);
    write_head(text, key);
    smelt_text_add(text, "%s", smelt_kernel_text("kernels/matvec_body.glsl"));
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
    if (!smelt_dtype_is_float(t->dtype))
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "matmul2d: %s '%s' is %s, wanted f32, f16, bf16, f8e4m3 or f8e5m2", role, t->name,
                          smelt_dtype_name(t->dtype));
    if (operand ? t->rank != 2 && t->rank != 3 : t->rank != 1)
        return smelt_fail(context, SMELT_ERROR_SHAPE, "matmul2d: %s '%s' has rank %" PRIu32 ", wanted %s",
                          role, t->name, t->rank, operand ? "2, or 3 with a batch" : "1");
    return smelt_tensor_require_plain(tensor, "matmul2d");
}

static uint64_t batch_of(const struct smelt_tensor_info *t)
{
    return t->rank == 3 ? t->shape[0] : 1;
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
    if ((result = smelt_kernel_check_extent(context, "matmul2d", "the extent of b along the sum",
                                            b->shape[rb + p->transpose_right], k)) ||
        (result =
             smelt_kernel_check_extent(context, "matmul2d", "the number of rows of d", d->shape[rd], m)) ||
        (result = smelt_kernel_check_extent(context, "matmul2d", "the number of columns of d",
                                            d->shape[rd + 1], n)) ||
        (result = a->rank == 3
                      ? smelt_kernel_check_extent(context, "matmul2d", "the batch of a", a->shape[0], batch)
                      : SMELT_OK) ||
        (result = b->rank == 3
                      ? smelt_kernel_check_extent(context, "matmul2d", "the batch of b", b->shape[0], batch)
                      : SMELT_OK) ||
        (result = p->bias ? smelt_kernel_check_extent(context, "matmul2d", "the length of bias",
                                                      p->bias->info.shape[0], n)
                          : SMELT_OK) ||
        (result = smelt_kernel_check_extent(context, "matmul2d", "the stride within a row of d",
                                            column_stride(d), 1)) ||
        (result = p->bias ? smelt_kernel_check_extent(context, "matmul2d", "the stride of bias",
                                                      p->bias->info.strides[0], 1)
                          : SMELT_OK))
        return result;
    if (b->dtype != a->dtype || (p->bias && p->bias->info.dtype != a->dtype))
        return smelt_fail(context, SMELT_ERROR_DTYPE, "matmul2d: %s '%s' is %s, wanted %s as a",
                          b->dtype != a->dtype ? "b" : "bias",
                          b->dtype != a->dtype ? b->name : p->bias->info.name,
                          smelt_dtype_name(b->dtype != a->dtype ? b->dtype : p->bias->info.dtype),
                          smelt_dtype_name(a->dtype));
    if (d->dtype != SMELT_DTYPE_F32 && d->dtype != narrow_result(a->dtype))
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "matmul2d: d '%s' is %s, wanted f32 or %s for operands of %s", d->name,
                          smelt_dtype_name(d->dtype), smelt_dtype_name(narrow_result(a->dtype)),
                          smelt_dtype_name(a->dtype));
    if (smelt_tensor_ranges_meet(d, a) || smelt_tensor_ranges_meet(d, b) ||
        (p->bias && smelt_tensor_ranges_meet(d, &p->bias->info)))
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

// Tiles by the class of a shape, for subgroups of 32 and more: the first row that fits is taken. Measured on an H200;
// `bench_matmul --tune` measures the rows again (docs/performance.md).
static const struct {
    uint32_t least_m, least_n, most_n;
    enum smelt_dtype accumulated; // NONE: any
    uint32_t m, n, k, subgroups_m, subgroups_n;
} tiles[] = {
    {256, 1, 64, SMELT_DTYPE_NONE, 128, 64, 32, 4, 1},
    {3072, 3072, UINT32_MAX, SMELT_DTYPE_F16, 256, 256, 32, 2, 4},
    {1536, 1536, UINT32_MAX, SMELT_DTYPE_NONE, 128, 256, 32, 2, 4},
    {2048, 384, UINT32_MAX, SMELT_DTYPE_NONE, 128, 128, 64, 2, 4},
    {768, 768, UINT32_MAX, SMELT_DTYPE_NONE, 128, 64, 64, 2, 2},
    {1, 1, UINT32_MAX, SMELT_DTYPE_NONE, 32, 64, 64, 1, 2},
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

// Few rows or columns of d: what counts is reading the other operand once. For any backend, but where one is asked for.
static bool take_matvec(const struct call *call, struct kernel_key *key, struct smelt_op_info *info)
{
    const struct smelt_matmul2d_params *p = call->params;
    const struct smelt_matmul2d_tiling *asked = &p->tiling;
    bool swapped = call->push.m < call->push.n;
    const struct smelt_tensor_info *matrix = swapped ? &p->b->info : &p->a->info;
    uint32_t vectors = SMELT_MIN(call->push.m, call->push.n), lines = SMELT_MAX(call->push.m, call->push.n);
    enum smelt_dtype dtype = matrix->dtype;
    if (key->baked || p->backend != SMELT_BACKEND_AUTO || asked->m || asked->k || asked->subgroups_m ||
        p->transpose_left || (swapped && !p->transpose_right) || !vectors || vectors > MAX_VECTORS ||
        lines < 64 || call->push.k < 64 ||
        (dtype != SMELT_DTYPE_F32 && dtype != SMELT_DTYPE_F16 && dtype != SMELT_DTYPE_BF16) ||
        alignment_of(matrix) * smelt_dtype_size(dtype, 1) < 16 || column_stride(&p->a->info) != 1 ||
        column_stride(&p->b->info) != 1)
        return false;
    memset(&key->tiling, 0, sizeof(key->tiling));
    key->vectors = vectors;
    key->swapped = swapped;
    key->alignment = 0;
    key->transpose_left = false;
    key->computed = key->accumulated = SMELT_DTYPE_F32;
    key->backend = SMELT_BACKEND_PORTABLE;
    info->tiling =
        (struct smelt_matmul2d_tiling){.m = vectors > 2 ? 8 : 4, .n = vectors}; // ROWS in the kernel
    info->stage_flags = 0;
    info->subgroup_size.requiredSubgroupSize = 0;
    return true;
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
    bool matvec = take_matvec(&call, &key, &info);
    uint64_t down = matvec && key.swapped ? push->n : push->m, across = matvec ? key.vectors : push->n;
    uint64_t groups =
        (down + info.tiling.m - 1) / info.tiling.m * ((across + info.tiling.n - 1) / info.tiling.n);
    if (groups > context->capabilities.max_workgroup_count[0])
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "matmul2d: %" PRIu64 " tiles of %" PRIu32 " x %" PRIu32 ", wanted at most %" PRIu32,
                          groups, info.tiling.m, info.tiling.n, context->capabilities.max_workgroup_count[0]);
    char baked[64];
    snprintf(baked, sizeof(baked), "matmul2d_%s_%s_%s", smelt_dtype_name((enum smelt_dtype)key.stored),
             smelt_dtype_name(smelt_cooperative_factors(&info.choice)),
             smelt_dtype_name((enum smelt_dtype)key.accumulated));
    const struct smelt_kernel_request request = {
        .name = "matmul2d",
        .key = &key,
        .key_size = sizeof(key),
        .baked = key.baked ? baked : NULL,
        .write = matvec ? write_matvec : write_kernel,
        .user = &key,
        .ops = &call.op,
        .op_count = matvec ? 0 : 1,
        .backend = (enum smelt_backend)key.backend,
        .push_size = PUSH_SIZE,
        .stage_flags = info.stage_flags,
        .subgroup_size = info.subgroup_size.requiredSubgroupSize,
        .constants = {push->m, push->n, push->k, push->stride_a[0], push->stride_b[0], push->stride_d,
                      call.d_is_f32, params->bias != NULL, (uint32_t)params->activation},
        .constant_count = 9,
        .size_count = 6,
    };
    struct smelt_kernel kernel;
    result = smelt_kernel_get(context, &request, &kernel);
    if (result)
        return result;
    smelt_begin_label(context, commands, "smelt matmul2d");
    smelt_kernel_bind(context, commands, &kernel, push, PUSH_SIZE);
    context->vk.CmdDispatch(commands, (uint32_t)groups, 1, call.batch);
    smelt_end_label(context, commands);
    return SMELT_OK;
}
