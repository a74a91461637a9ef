// SPDX-License-Identifier: MIT
// smelt_encode_matmul2d: whole products by the library's own kernels, glsl/kernels/matmul2d_body.glsl and
// matvec_body.glsl. Kernels are made for types, layout and tile when first needed, by the compiler where this build has
// it, else from what was baked; pipelines for sizes, which are specialization constants.
#include "kernels_matmul2d_call.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SUM_WORKGROUP 256 // of matmul2d_sum_body.glsl

// --- Kernels ----------------------------------------------------------------------------------------------

static void define_dtype(struct smelt_text *text, const char *parameter, uint32_t dtype)
{
    smelt_op_define(text, "KERNEL_", parameter, dtype ? smelt_op_dtype_macro((enum smelt_dtype)dtype) : "0");
}

static bool is_integer(const struct smelt_product_key *key)
{
    return key->accumulated == SMELT_DTYPE_I32;
}

// What of integers is not stored in words: see quantization.glsl.
static uint32_t narrow_result(const struct smelt_product_key *key)
{
    uint32_t result = key->quantization.result;
    if (!is_integer(key))
        return smelt_product_narrow((enum smelt_dtype)key->left);
    return result == SMELT_DTYPE_F16                              ? SMELT_DTYPE_U16
           : result == SMELT_DTYPE_I8 || result == SMELT_DTYPE_U8 ? result
                                                                  : SMELT_DTYPE_NONE;
}

// What matmul2d_head.glsl takes, and it.
void smelt_product_write_head(struct smelt_text *text, const struct smelt_product_key *key)
{
    define_dtype(text, "LEFT_STORED", key->left);
    define_dtype(text, "RIGHT_STORED", key->right);
    define_dtype(text, "BIAS_STORED", key->bias);
    define_dtype(text, "SCALE_STORED", key->scale);
    define_dtype(text, "ZERO_STORED", key->zero);
    define_dtype(text, "WIDE", is_integer(key) ? SMELT_DTYPE_I32 : SMELT_DTYPE_F32);
    define_dtype(text, "NARROW", narrow_result(key));
    if (is_integer(key))
        smelt_quantization_write(text, &key->quantization);
    smelt_text_add(text, "%s%s", smelt_kernel_text("kernels/matmul2d_head.glsl"),
                   is_integer(key) ? smelt_kernel_text("kernels/quantization.glsl") : "");
}

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct smelt_product_key *key = user;
    const char *type = is_integer(key) ? "int" : "float";
    bool zeros = key->quantization.zero_a || key->quantization.zero_b;
    smelt_text_add(text,
                   "#version 460\n#include \"smelt/base.glsl\"\n%s product_element(%s v, uvec2 place);\n%s"
                   "#include \"smelt/op/product.glsl\"\n",
                   type, type,
                   zeros ? "int product_zero_left();\nint product_zero_right(uint column);\n" : "");
    define_dtype(text, "ACCUMULATED", key->accumulated);
    smelt_op_define(text, "KERNEL_", "BACKEND", "SMELT_BACKEND_DEFAULT");
    smelt_op_define_number(text, "KERNEL_", "TRANSPOSE_LEFT", key->transpose_left);
    smelt_op_define_number(text, "KERNEL_", "TRANSPOSE_RIGHT", key->transpose_right);
    smelt_op_define(text, "KERNEL_", "TILE_M", "product_TILE_M");
    smelt_op_define(text, "KERNEL_", "TILE_N", "product_TILE_N");
    smelt_op_define(text, "KERNEL_", "WORKGROUP_SIZE", "product_WORKGROUP_SIZE");
    smelt_product_write_head(text, key);
    if (zeros)
        smelt_text_add(text, "int product_zero_left()\n{\n    return zero_point_a();\n}\n"
                             "int product_zero_right(uint column)\n{\n    return zero_point_b(column);\n}\n");
    smelt_text_add(text, "%s", smelt_kernel_text("kernels/matmul2d_body.glsl"));
}

// The second dispatch of a sum in parts. The key is of the product, whose operands it does not see.
static void write_sum(struct smelt_text *text, const void *user)
{
    smelt_text_add(text, "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/activation.glsl\"\n");
    smelt_product_write_head(text, user);
    smelt_text_add(text, "%s", smelt_kernel_text("kernels/matmul2d_sum_body.glsl"));
}

// --- Calls ------------------------------------------------------------------------------------------------

// How far an operand's rows are aligned, in elements: up to 16 of a byte and less, to 8 of others.
uint32_t smelt_product_alignment(const struct smelt_tensor_info *t)
{
    uint32_t bits = smelt_dtype_bits(t->dtype);
    uint64_t all = t->shape[t->rank - 1] | smelt_product_row_stride(t) | (t->rank == 3 ? t->strides[0] : 0);
    uint32_t alignment = bits <= 8 ? 16 : 8;
    while (alignment > 1 && (all & (alignment - 1) || t->address * 8 % (alignment * bits)))
        alignment /= 2;
    return smelt_product_column_stride(t) == 1 ? alignment : 1;
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
    {1536, 1536, UINT32_MAX, SMELT_DTYPE_I32, 256, 128, 64, 4, 2},
    {2048, 384, UINT32_MAX, SMELT_DTYPE_I32, 128, 128, 64, 2, 2},
    {256, 256, UINT32_MAX, SMELT_DTYPE_I32, 64, 64, 128, 2, 2},
    {1536, 1536, UINT32_MAX, SMELT_DTYPE_NONE, 128, 256, 32, 2, 4},
    {2048, 384, UINT32_MAX, SMELT_DTYPE_NONE, 128, 128, 64, 2, 4},
    {65536, 128, UINT32_MAX, SMELT_DTYPE_NONE, 128, 128, 32, 2, 2},
    {768, 768, UINT32_MAX, SMELT_DTYPE_NONE, 128, 64, 64, 2, 2},
    {1, 1, UINT32_MAX, SMELT_DTYPE_NONE, 32, 64, 64, 1, 2},
};

static void choose_tile(struct smelt_product_call *call, enum smelt_dtype accumulated)
{
    struct smelt_matmul2d_descriptor *d = &call->descriptor;
    const struct smelt_matmul2d_tiling *asked = &call->product.params->tiling;
    uint32_t i = 0;
    if (asked->m || asked->n || asked->k || asked->subgroups_m || asked->subgroups_n) {
        d->m = asked->m;
        d->n = asked->n;
        d->tile_k = asked->k;
        d->subgroups_m = asked->subgroups_m;
        d->subgroups_n = asked->subgroups_n;
        return;
    }
    if (call->product.context->capabilities.subgroup_size < 32)
        return; // the op's own
    while (call->product.push.m < tiles[i].least_m || call->product.push.n < tiles[i].least_n ||
           call->product.push.n > tiles[i].most_n ||
           (tiles[i].accumulated && tiles[i].accumulated != accumulated))
        i++;
    d->m = tiles[i].m;
    d->n = tiles[i].n;
    d->tile_k = tiles[i].k;
    d->subgroups_m = tiles[i].subgroups_m;
    d->subgroups_n = tiles[i].subgroups_n;
}

// A sum is cut into halves while fewer workgroups than these would run and each has as many terms left: workgroups that an
// H200 runs at once, and what makes up for the second dispatch. Estimated, not measured.
#define SPLIT_GROUPS 160
#define SPLIT_TERMS 512

static void fill_descriptor(struct smelt_product_call *call)
{
    const struct smelt_matmul2d_params *p = call->product.params;
    call->descriptor = (struct smelt_matmul2d_descriptor){
        .scope = SMELT_SCOPE_WORKGROUP,
        .transpose_left = p->transpose_left,
        .transpose_right = p->transpose_right,
        .epilogue = true,
        .stored = p->b->info.dtype,
        .stored_left = p->a->info.dtype,
        .scale = call->product.scale,
        .zero = call->product.zero,
        .block = call->product.block,
        .computed = p->computed,
        .accumulated = p->accumulated,
        .relaxed = p->relaxed,
        .alignment = SMELT_MIN(smelt_product_alignment(&p->a->info), smelt_product_alignment(&p->b->info)),
        .dense =
            smelt_product_column_stride(&p->a->info) == 1 && smelt_product_column_stride(&p->b->info) == 1,
        // For the check; the kernel's is a constant. What is scaled is a float.
        .activation = p->quantization.scale && p->activation < SMELT_ACTIVATION_COUNT ? SMELT_ACTIVATION_NONE
                                                                                      : p->activation,
        .backend = p->backend,
        .zero_points = p->quantization.zero_a || p->quantization.zero_b,
    };
    call->op = (struct smelt_op){.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &call->descriptor};
    if (!smelt_kernels_have_text() && p->backend == SMELT_BACKEND_AUTO)
        call->descriptor.backend = SMELT_BACKEND_PORTABLE; // what is baked
}

// glsl/kernels/matmul2d_portable.glsl, which reads transposed operands by their strides.
static enum smelt_result take_baked(struct smelt_product_call *call)
{
    const struct smelt_matmul2d_params *p = call->product.params;
    struct smelt_product_push *push = &call->product.push;
    if (call->info.choice.backend != SMELT_BACKEND_PORTABLE)
        return smelt_fail(call->product.context, SMELT_ERROR_UNSUPPORTED,
                          "matmul2d: backend %s is not baked, wanted portable",
                          smelt_backend_name(call->info.choice.backend));
    if (p->relaxed)
        return smelt_fail(call->product.context, SMELT_ERROR_UNSUPPORTED,
                          "matmul2d: relaxed is set, and is not baked, wanted false");
    if (p->scale || call->product.integers)
        return smelt_fail(call->product.context, SMELT_ERROR_UNSUPPORTED,
                          "matmul2d: a kernel of %s by %s is not baked, wanted f32, f16 or bf16 of both",
                          smelt_dtype_name(p->a->info.dtype), smelt_dtype_name(p->b->info.dtype));
    call->info.tiling = (struct smelt_matmul2d_tiling){.m = 64, .n = 64, .k = 16};
    call->info.stage_flags = 0;
    call->info.subgroup_size.requiredSubgroupSize = 0;
    uint32_t *turned[] = {p->transpose_left ? push->stride_a : NULL,
                          p->transpose_right ? push->stride_b : NULL};
    for (int i = 0; i < 2; i++)
        if (turned[i]) {
            uint32_t row = turned[i][0];
            turned[i][0] = turned[i][1];
            turned[i][1] = row;
        }
    return SMELT_OK;
}

static void fill_key(struct smelt_product_call *call)
{
    const struct smelt_matmul2d_params *p = call->product.params;
    struct smelt_product_key *key = &call->key;
    memset(key, 0, sizeof(*key)); // compared as bytes
    key->left = p->a->info.dtype;
    key->right = p->b->info.dtype;
    key->bias = call->product.integers ? SMELT_DTYPE_I32 : p->a->info.dtype;
    key->scale = p->scale ? p->scale->info.dtype : SMELT_DTYPE_NONE;
    key->zero = p->zero ? p->zero->info.dtype : SMELT_DTYPE_NONE;
    key->block = call->product.block;
    key->offset = call->product.zero == SMELT_ZERO_OFFSET;
    key->computed = call->info.choice.computed;
    key->accumulated = call->info.choice.accumulated;
    key->backend = call->info.choice.backend;
    key->baked = !smelt_kernels_have_text() || p->baked;
    if (call->product.integers)
        key->quantization = smelt_quantization_describe(&p->quantization, p->d, call->product.push.n);
    if (key->baked)
        return;
    key->transpose_left = p->transpose_left;
    key->transpose_right = p->transpose_right;
    key->alignment = call->descriptor.alignment;
    key->dense = call->descriptor.dense;
    key->tiling = call->info.tiling;
    call->descriptor.backend = call->info.choice.backend;
}

static enum smelt_result describe(struct smelt_product_call *call)
{
    smelt_context context = call->product.context;
    struct smelt_matmul2d_descriptor *d = &call->descriptor;
    const struct smelt_matmul2d_tiling *asked = &call->product.params->tiling;
    fill_descriptor(call);
    enum smelt_result result = smelt_op_query(context, &call->op, 0, &call->info);
    if (result)
        return result;
    d->activation = SMELT_ACTIVATION_NONE;
    choose_tile(call, call->info.choice.accumulated);
    bool tiled = asked->m || asked->k || asked->subgroups_m;
    result = smelt_op_query(context, &call->op, 0, &call->info);
    if (result == SMELT_ERROR_UNSUPPORTED &&
        !tiled) { // a tile of the table that this device is too small for
        d->m = d->n = d->tile_k = d->subgroups_m = d->subgroups_n = 0;
        result = smelt_op_query(context, &call->op, 0, &call->info);
    }
    if (result)
        return result;
    fill_key(call);
    return call->key.baked ? take_baked(call) : SMELT_OK;
}

// --- Sums in parts ----------------------------------------------------------------------------------------

static uint64_t tile_count(const struct smelt_product_call *call)
{
    const struct smelt_matmul2d_tiling *t = &call->info.tiling;
    const struct smelt_product_push *push = &call->product.push;
    uint64_t down = call->key.vectors && call->key.swapped ? push->n : push->m;
    uint64_t across = call->key.vectors ? call->key.vectors : push->n;
    return (down + t->m - 1) / t->m * ((across + t->n - 1) / t->n);
}

// Parts begin where rows of 16 bytes and blocks of scales do.
static bool can_split(const struct smelt_product_call *call, uint32_t splits)
{
    uint32_t k = call->product.push.k, block = call->product.block;
    uint32_t part = k / splits;
    return !call->key.baked && call->product.batch == 1 && splits <= 64 && k % splits == 0 &&
           (splits == 1 || (part % 16 == 0 && (!block || block >= k || part % block == 0)));
}

static enum smelt_result choose_splits(struct smelt_product_call *call)
{
    uint32_t asked = call->product.params->splits, k = call->product.push.k;
    call->splits = 1;
    if (asked > 1 && !can_split(call, asked))
        return smelt_fail(call->product.context, SMELT_ERROR_INVALID_ARGUMENT,
                          "matmul2d: splits is %" PRIu32 " with k %" PRIu32 ", block %" PRIu32
                          ", a batch of %" PRIu32 "%s, wanted 1 to 64 that cut k into multiples of 16 and of "
                          "block, no batch and a kernel that is not baked",
                          asked, k, call->product.block, call->product.batch,
                          call->key.baked ? " and a baked kernel" : "");
    if (asked) {
        call->splits = asked;
        return SMELT_OK;
    }
    if (call->product.context->capabilities.subgroup_size < 32)
        return SMELT_OK;
    while (2 * tile_count(call) * call->splits <= SPLIT_GROUPS && k / (2 * call->splits) >= SPLIT_TERMS &&
           can_split(call, 2 * call->splits))
        call->splits *= 2;
    return SMELT_OK;
}

static uint64_t scratch_size(const struct smelt_product_call *call)
{
    return call->splits > 1 ? 4ull * call->splits * call->product.push.m * call->product.push.n : 0;
}

// All but the recording.
static enum smelt_result prepare(struct smelt_product_call *call)
{
    enum smelt_result result = smelt_product_check(&call->product);
    if (result || (result = describe(call)))
        return result;
    call->splits = 1;
    return smelt_product_take_vectors(call) || smelt_product_take_narrow(call) ? SMELT_OK
                                                                               : choose_splits(call);
}

static enum smelt_result check_scratch(struct smelt_product_call *call)
{
    const struct smelt_matmul2d_params *p = call->product.params;
    smelt_context context = call->product.context;
    uint64_t wanted = scratch_size(call);
    if (!p->scratch && !p->splits)
        call->splits = 1;
    if (call->splits == 1)
        return SMELT_OK;
    if (!p->scratch)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "matmul2d: scratch is NULL with splits %" PRIu32 ", wanted a tensor of %" PRIu64
                          " bytes (smelt_matmul2d_scratch_size)",
                          call->splits, wanted);
    const struct smelt_tensor_info *t = &p->scratch->info;
    const smelt_tensor others[] = {p->a,
                                   p->b,
                                   p->bias,
                                   p->scale,
                                   p->zero,
                                   p->d,
                                   p->quantization.zero_a,
                                   p->quantization.zero_b,
                                   p->quantization.scale,
                                   p->quantization.zero_d};
    bool meets = false;
    for (uint32_t i = 0; i < SMELT_COUNT_OF(others); i++)
        meets |= others[i] && smelt_tensor_share_bytes(t, &others[i]->info);
    if (p->scratch->context != context || t->rank != 1 || t->strides[0] != 1 || t->size < wanted ||
        t->address % 16 || meets)
        return smelt_fail(
            context, SMELT_ERROR_INVALID_ARGUMENT,
            "matmul2d: scratch '%s' of rank %" PRIu32 " has %" PRIu64
            " bytes%s, wanted a tensor of this context of rank 1 without gaps, at a multiple of 16 "
            "bytes, of %" PRIu64 " bytes that no other tensor of the call shares",
            t->name, t->rank, t->size, meets ? " and shares some" : "", wanted);
    return SMELT_OK;
}

#define PRODUCT_RANGES (7 + SMELT_QUANTIZATION_RANGES) // tensors of a call

// --- Recording --------------------------------------------------------------------------------------------

static enum smelt_result record(smelt_encoder encoder, const struct smelt_kernel_request *request,
                                const struct smelt_product_push *push, uint64_t groups, uint32_t batch,
                                const struct smelt_dispatch *what)
{
    struct smelt_kernel kernel;
    enum smelt_result result = smelt_kernel_get(encoder, request, &kernel);
    return result ? result
                  : smelt_kernel_dispatch(encoder, &kernel, push, SMELT_PRODUCT_PUSH_SIZE, (uint32_t)groups,
                                          1, batch, what);
}

static struct smelt_kernel_request request_of(const struct smelt_product_call *call,
                                              const struct smelt_product_push *push, bool wide, bool finishes)
{
    const struct smelt_matmul2d_params *p = call->product.params;
    return (struct smelt_kernel_request){
        .name = "matmul2d",
        .key = &call->key,
        .key_size = sizeof(call->key),
        .write = call->key.vectors ? smelt_product_write_vectors
                 : call->key.deep  ? smelt_product_write_narrow
                                   : write_kernel,
        .user = &call->key,
        .ops = &call->op,
        .op_count = call->key.vectors || call->key.deep ? 0 : 1,
        .backend = (enum smelt_backend)call->key.backend,
        .dtype = (enum smelt_dtype)call->key.left,
        .push_size = SMELT_PRODUCT_PUSH_SIZE,
        .stage_flags = call->info.stage_flags,
        .subgroup_size = call->info.subgroup_size.requiredSubgroupSize,
        .constants = {push->m, push->n, push->k, push->stride_a[0], push->stride_b[0], push->stride_d, wide,
                      finishes && p->bias, finishes ? (uint32_t)p->activation : SMELT_ACTIVATION_NONE,
                      finishes && p->residual, finishes && p->quantization.scale},
        .constant_count = 11,
        .size_count = 6,
    };
}

static enum smelt_result record_product(const struct smelt_product_call *call, smelt_encoder encoder,
                                        const struct smelt_product_push *push, bool wide, bool finishes,
                                        uint32_t batch, const struct smelt_dispatch *what)
{
    struct smelt_kernel_request request = request_of(call, push, wide, finishes);
    char baked[64];
    snprintf(baked, sizeof(baked), "matmul2d_%s_%s_%s", smelt_dtype_name((enum smelt_dtype)call->key.left),
             smelt_dtype_name(smelt_cooperative_factors(&call->info.choice)),
             smelt_dtype_name((enum smelt_dtype)call->key.accumulated));
    request.baked = call->key.baked ? baked : NULL;
    double m = push->m, n = push->n, k = push->k, elements = m * k + k * n + m * n;
    if (!call->key.deep) // its workgroups share the rows, however many there are
        request.operations = batch * (2 * m * n * k + 2 * SMELT_KERNEL_BYTE * elements);
    uint64_t groups = tile_count(call);
    if (call->key.deep)
        groups = SMELT_MIN(groups, SMELT_NARROW_GROUPS);
    uint32_t most = call->product.context->capabilities.max_workgroup_count[0];
    if (groups > most)
        return smelt_fail(call->product.context, SMELT_ERROR_UNSUPPORTED,
                          "matmul2d: %" PRIu64 " tiles of %" PRIu32 " x %" PRIu32 ", wanted at most %" PRIu32,
                          groups, call->info.tiling.m, call->info.tiling.n, most);
    return record(encoder, &request, push, groups, batch, what);
}

// The parts into the scratch, side by side as a batch; then their sum, in order.
static enum smelt_result record_parts(const struct smelt_product_call *call, smelt_encoder encoder, bool wide,
                                      const struct smelt_dispatch *whole_call)
{
    const struct smelt_matmul2d_params *p = call->product.params;
    struct smelt_product_push push = call->product.push, whole = push;
    uint32_t part = push.k / call->splits, block = call->product.block;
    uint32_t blocks = block && block < push.k ? part / block : 0;
    push.k = part;
    push.d = p->scratch->info.address;
    push.stride_d = push.n;
    push.batch_a = part * push.stride_a[!p->transpose_left];
    push.batch_b = part * push.stride_b[p->transpose_right];
    push.batch_scale = blocks * push.stride_scale[p->transpose_right];
    push.batch_zero = blocks * push.stride_zero[p->transpose_right];
    push.batch_d = push.m * push.n;
    struct smelt_range ranges[PRODUCT_RANGES];
    struct smelt_dispatch what = *whole_call;
    what.ranges = ranges;
    what.range_count = 0;
    const smelt_tensor reads[] = {p->a, p->b, p->scale, p->zero};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(reads); i++)
        if (reads[i])
            ranges[what.range_count++] = smelt_range_of(reads[i], SMELT_ACCESS_READ);
    what.range_count += smelt_quantization_ranges(&p->quantization, ranges + what.range_count);
    ranges[what.range_count++] = smelt_range_of(p->scratch, SMELT_ACCESS_WRITE);
    what.parts = 2;
    enum smelt_result result = record_product(call, encoder, &push, true, false, call->splits, &what);
    what.part = 1;
    what.range_count = 0;
    ranges[what.range_count++] = smelt_range_of(p->scratch, SMELT_ACCESS_READ);
    if (p->bias)
        ranges[what.range_count++] = smelt_range_of(p->bias, SMELT_ACCESS_READ);
    if (p->residual)
        ranges[what.range_count++] = smelt_range_of(p->residual, SMELT_ACCESS_READ);
    what.range_count += smelt_quantization_ranges(&p->quantization, ranges + what.range_count);
    ranges[what.range_count++] = smelt_range_of(p->d, SMELT_ACCESS_WRITE);
    if (!result)
        result = smelt_kernel_order(encoder, &what);
    if (result)
        return result;
    struct smelt_product_key key = {.left = call->key.left, // D's type follows from it
                                    .right = call->key.left,
                                    .bias = call->key.bias,
                                    .accumulated = call->product.integers ? SMELT_DTYPE_I32 : SMELT_DTYPE_F32,
                                    .quantization = call->key.quantization};
    whole.a = p->scratch->info.address;
    whole.k = call->splits;
    struct smelt_kernel_request request = request_of(call, &whole, wide, true);
    request.name = "matmul2d sum";
    request.key = request.user = &key;
    request.write = write_sum;
    request.op_count = 0;
    request.backend = SMELT_BACKEND_PORTABLE;
    request.stage_flags = 0;
    request.subgroup_size = 0;
    uint64_t groups = ((uint64_t)whole.m * whole.n + SUM_WORKGROUP - 1) / SUM_WORKGROUP;
    uint32_t most = call->product.context->capabilities.max_workgroup_count[0];
    return record(encoder, &request, &whole, SMELT_MIN(groups, most), 1, &what);
}

enum smelt_result smelt_encode_matmul2d(smelt_encoder encoder, const struct smelt_matmul2d_params *params)
{
    struct smelt_range ranges[PRODUCT_RANGES];
    struct smelt_dispatch what = {
        .ranges = ranges,
        .label = "smelt matmul2d",
        .operation = SMELT_OPERATION_MATMUL2D,
        .call = params,
        .call_size = sizeof(*params),
        .parts = 1,
    };
    if (params && params->a && params->b && params->d) { // checked with the rest
        const smelt_tensor reads[] = {params->a,     params->b,    params->bias,
                                      params->scale, params->zero, params->residual};
        for (uint32_t i = 0; i < SMELT_COUNT_OF(reads); i++)
            if (reads[i])
                ranges[what.range_count++] = smelt_range_of(reads[i], SMELT_ACCESS_READ);
        what.range_count += smelt_quantization_ranges(&params->quantization, ranges + what.range_count);
        ranges[what.range_count++] = smelt_range_of(params->d, SMELT_ACCESS_WRITE);
    }
    return smelt_product_encode(encoder, params, &what);
}

enum smelt_result smelt_product_encode(smelt_encoder encoder, const struct smelt_matmul2d_params *params,
                                       const struct smelt_dispatch *what)
{
    struct smelt_product_call call = {.product = {.params = params}};
    enum smelt_result result = prepare(&call);
    if (result || (result = smelt_encoder_require(encoder, call.product.context, "matmul2d")) ||
        (result = check_scratch(&call)))
        return result;
    bool wide = params->d->info.dtype == SMELT_DTYPE_F32 || params->d->info.dtype == SMELT_DTYPE_I32;
    if (call.splits > 1)
        return record_parts(&call, encoder, wide, what);
    return record_product(&call, encoder, &call.product.push, wide, true, call.product.batch, what);
}

enum smelt_result smelt_matmul2d_scratch_size(const struct smelt_matmul2d_params *params, uint64_t *size)
{
    struct smelt_product_call call = {.product = {.params = params}};
    if (!size)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "matmul2d_scratch_size: size is NULL");
    enum smelt_result result = prepare(&call);
    if (!result)
        *size = scratch_size(&call);
    return result;
}
