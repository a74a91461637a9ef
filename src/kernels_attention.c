// SPDX-License-Identifier: MIT
// smelt_encode_attention: glsl/kernels/attention_body.glsl, made for types, sizes of heads and kind of mask when first needed.
#include "kernels_attention.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_SIZE 256
#define MOST_TOKENS (1u << 29) // places of queries and keys are compared as int

enum { Q, K, V, Y, TENSORS };
static const char *const roles[TENSORS] = {"q", "k", "v", "y"};
enum { BATCH, HEAD, TOKEN, ELEMENT };

// What a kernel is compiled for.
struct kernel_key {
    uint32_t stored, computed, backend, size, value_size, head, value_head, rows, keys, subgroup_size,
        subgroups;
    uint32_t query[3], scores[3], values[3]; // fragments: m, n, k
    uint32_t fragment_k;                     // that the device likes
    uint32_t scratch, vectors, causal, lengths, cap, mask;
};

// The push constants, word for word.
struct push {
    uint64_t q, k, v, y, mask, lengths;
    uint32_t queries, keys, past;
    uint32_t strides[TENSORS][3], stride_mask[4];
};
#define PUSH_SIZE 124
_Static_assert(offsetof(struct push, stride_mask) == PUSH_SIZE - 16, "attention_head.glsl's constants");

struct call {
    smelt_context context;
    const struct smelt_attention_params *params;
    smelt_tensor tensors[TENSORS];
    uint64_t batch, heads, key_heads, queries, keys, size, value_size;
    struct kernel_key key;
    struct smelt_op_info info;
};

// --- The kernel -------------------------------------------------------------------------------------------

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct kernel_key *key = user;
    enum smelt_dtype stored = (enum smelt_dtype)key->stored;
    const struct {
        const char *name;
        uint32_t value;
    } numbers[] = {
        {"SIZE", key->size},
        {"VALUE_SIZE", key->value_size},
        {"HEAD", key->head},
        {"VALUE_HEAD", key->value_head},
        {"ROWS", key->rows},
        {"KEYS", key->keys},
        {"SUBGROUP_SIZE", key->subgroup_size},
        {"SUBGROUPS", key->subgroups},
        {"QUERY_M", key->query[0]},
        {"QUERY_N", key->query[1]},
        {"SCORES_M", key->scores[0]},
        {"SCORES_N", key->scores[1]},
        {"SCORES_K", key->scores[2]},
        {"VALUES_M", key->values[0]},
        {"VALUES_N", key->values[1]},
        {"VALUES_K", key->values[2]},
        {"SCRATCH", key->scratch},
        {"VECTORS", key->vectors},
        {"CAUSAL", key->causal},
        {"LENGTHS", key->lengths},
        {"CAP", key->cap},
    };
    smelt_text_add(text, "#version 460\n#include \"smelt/base.glsl\"\n");
    for (uint32_t i = 0; i < SMELT_COUNT_OF(numbers); i++)
        smelt_op_define_number(text, "KERNEL_", numbers[i].name, numbers[i].value);
    smelt_op_define(text, "KERNEL_", "STORED", smelt_op_dtype_macro(stored));
    smelt_op_define(text, "KERNEL_", "TAG", smelt_dtype_name(stored));
    smelt_op_define(text, "KERNEL_", "TYPE", stored == SMELT_DTYPE_F32 ? "f32" : "u16");
    smelt_op_define(text, "KERNEL_", "COMPUTED", smelt_op_dtype_macro((enum smelt_dtype)key->computed));
    smelt_op_define(text, "KERNEL_", "BACKEND", smelt_op_backend_macro((enum smelt_backend)key->backend));
    smelt_op_define(text, "KERNEL_", "MASK",
                    key->mask ? smelt_op_dtype_macro((enum smelt_dtype)key->mask) : "0");
    static const char *const parts[] = {"kernels/attention_head.glsl", "kernels/attention_products.glsl",
                                        "kernels/attention_softmax.glsl", "kernels/attention_blocks.glsl",
                                        "kernels/attention_body.glsl"};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(parts); i++)
        smelt_text_add(text, "%s", smelt_kernel_text(parts[i]));
}

// How the device would tile a product of this size: what fragments there are. Zeros: what it likes.
static enum smelt_result tile(smelt_context context, enum smelt_dtype stored, enum smelt_backend backend,
                              uint32_t m, uint32_t n, uint32_t k, uint32_t subgroups,
                              struct smelt_op_info *info)
{
    const struct smelt_matmul2d_descriptor d = {
        .scope = SMELT_SCOPE_WORKGROUP,
        .m = m,
        .n = n,
        .tile_k = k,
        .stored = stored,
        .computed = backend == SMELT_BACKEND_PORTABLE ? SMELT_DTYPE_F32 : SMELT_DTYPE_NONE,
        .accumulated = SMELT_DTYPE_F32,
        .subgroups_m = subgroups,
        .subgroups_n = subgroups ? 1 : 0,
        .backend = backend};
    const struct smelt_op op = {.name = "attention", .kind = SMELT_OP_MATMUL2D, .matmul2d = &d};
    return smelt_op_query(context, &op, VK_SHADER_STAGE_COMPUTE_BIT, info);
}

bool smelt_attention_backend(smelt_context context, enum smelt_dtype stored, const uint64_t scores[4],
                             uint64_t size, uint64_t value_size, enum smelt_backend asked,
                             enum smelt_backend *backend)
{
    const uint32_t *most = context->capabilities.max_workgroup_count;
    struct smelt_op_info info;
    bool can = smelt_kernels_have_text() && (stored == SMELT_DTYPE_F32 || stored == SMELT_DTYPE_F16) &&
               size && size <= MOST_SIZE && value_size && value_size <= MOST_SIZE &&
               scores[BATCH] <= most[2] && scores[HEAD] <= most[1] && scores[TOKEN] <= most[0] &&
               scores[TOKEN] < MOST_TOKENS && scores[3] < MOST_TOKENS &&
               !tile(context, stored, asked, 0, 0, 0, 0, &info);
    if (can)
        *backend = info.choice.backend;
    return can;
}

static uint32_t round_up(uint32_t n, uint32_t to)
{
    return (n + to - 1) / to * to;
}

// uvec4 of the modules' scratch: a left operand that is not held in registers, and a reduction along rows.
static uint32_t scratch_of(const struct kernel_key *key)
{
    uint32_t each = key->computed == SMELT_DTYPE_F16 ? 8 : 4, columns = SMELT_MAX(key->head, key->keys);
    uint32_t left = key->backend == SMELT_BACKEND_COOPMAT2 ? 0 : key->rows * (columns / each + 1);
    uint32_t reduction = key->subgroups * key->scores[0] * (key->scores[1] / 4 + 1) + key->rows;
    if (key->backend == SMELT_BACKEND_PORTABLE) { // a float for each row of each block
        uint32_t blocks = SMELT_MAX(key->keys / key->scores[1], key->value_head / key->values[1]);
        reduction = key->rows * blocks / 4 + key->rows;
    }
    return SMELT_MAX(SMELT_MAX(left, reduction), 64);
}

// ... and of the blocks of keys and values; those that are held leave room for both.
static uint32_t blocks_of(const struct kernel_key *key)
{
    uint32_t each = key->computed == SMELT_DTYPE_F16 ? 8 : 4;
    uint32_t k = key->keys * (key->head / each + 1), v = key->keys * (key->value_head / each + 1);
    return key->backend == SMELT_BACKEND_COOPMAT2 ? k + v : SMELT_MAX(k, v);
}

// Fills in what follows from rows, subgroups and keys.
static enum smelt_result cut(struct call *call)
{
    struct kernel_key *key = &call->key;
    enum smelt_backend backend = (enum smelt_backend)key->backend;
    enum smelt_dtype stored = (enum smelt_dtype)key->stored;
    bool matrices = backend != SMELT_BACKEND_PORTABLE, held = backend == SMELT_BACKEND_COOPMAT2;
    // Of matrices one shape is all there is; of PORTABLE an invocation's part follows from the columns.
    const uint32_t columns[3] = {key->keys, matrices ? key->keys : key->value_head,
                                 matrices ? key->keys : key->head};
    uint32_t *fragments[3] = {key->scores, key->values, key->query}, k = matrices ? key->fragment_k : 16;
    for (uint32_t i = 0; i < 3; i++) {
        struct smelt_op_info info;
        enum smelt_result result =
            tile(call->context, stored, backend, key->rows, columns[i], k, key->subgroups, &info);
        if (result)
            return result;
        const struct smelt_matmul2d_tiling *t = &info.tiling;
        fragments[i][0] = t->fragment_m;
        fragments[i][1] = t->fragment_n;
        fragments[i][2] = held ? t->fragment_n : t->fragment_k; // a chain takes the left tensor's matrices
        if (!i)
            call->info = info;
    }
    key->subgroup_size = call->info.tiling.subgroup_size;
    key->scratch = scratch_of(key);
    return SMELT_OK;
}

// Less of what was not asked for, until it fits in shared memory. False: it is as little as can be.
static bool shrink(struct call *call, uint32_t least)
{
    const struct smelt_matmul2d_tiling *asked = &call->params->tiling;
    struct kernel_key *key = &call->key;
    if (!asked->n && key->keys > least)
        key->keys /= 2;
    else if (!asked->m && !asked->subgroups_m && key->subgroups > 1) {
        key->rows = key->rows / key->subgroups * (key->subgroups / 2);
        key->subgroups /= 2;
    } else {
        return false;
    }
    return true;
}

static enum smelt_result choose_tile(struct call *call)
{
    const struct smelt_matmul2d_tiling *asked = &call->params->tiling, *t = &call->info.tiling;
    struct kernel_key *key = &call->key;
    const struct smelt_capabilities *c = &call->context->capabilities;
    bool matrices = key->backend != SMELT_BACKEND_PORTABLE, large = t->subgroup_size >= 32;
    uint32_t multiple = matrices ? SMELT_MAX(SMELT_MAX(t->fragment_n, t->fragment_k), 16) : 16;
    key->head = round_up(key->size, multiple);
    key->value_head = round_up(key->value_size, multiple);
    key->fragment_k = t->fragment_k;
    // Of PORTABLE an invocation has 32 elements of the result or less, up to sizes of 128: loops over them are unrolled.
    uint32_t rows = matrices ? t->fragment_m : large ? 8 : SMELT_MAX(key->head, key->value_head) > 64 ? 2 : 4;
    key->subgroups = asked->subgroups_m ? asked->subgroups_m : large || !matrices ? 8 : 2;
    key->rows = asked->m ? asked->m : key->subgroups * rows;
    // As measured on an H200: what is done once for each block is then spread over more keys.
    bool more = key->backend == SMELT_BACKEND_COOPMAT2 && key->head <= 64 && !key->causal;
    key->keys = asked->n ? asked->n : !large ? multiple : more ? 128 : 64;
    uint32_t most = smelt_kernel_most_shared(c), bytes;
    do {
        enum smelt_result result = cut(call);
        if (result)
            return result;
        bytes = 16 * (key->scratch + blocks_of(key));
    } while (bytes > most && shrink(call, multiple));
    if (bytes <= most)
        return SMELT_OK;
    return smelt_fail(call->context, SMELT_ERROR_UNSUPPORTED,
                      "attention: %" PRIu32 " queries and %" PRIu32 " keys at a time with heads of %" PRIu32
                      " take %" PRIu32 " bytes of shared memory, wanted at most %" PRIu32,
                      key->rows, key->keys, key->head, bytes, most);
}

// --- The call ---------------------------------------------------------------------------------------------

static enum smelt_result check_tensor(const struct call *call, const char *role, smelt_tensor t,
                                      uint32_t rank)
{
    if (t->context != call->context)
        return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "attention: %s '%s' is of another context", role, t->info.name);
    if (t->info.rank != rank)
        return smelt_fail(call->context, SMELT_ERROR_SHAPE,
                          "attention: %s '%s' has rank %" PRIu32 ", wanted %" PRIu32, role, t->info.name,
                          t->info.rank, rank);
    if (role != roles[Y] && smelt_tensor_share_bytes(&t->info, &call->params->y->info))
        return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "attention: y '%s' shares bytes with %s '%s', wanted a separate tensor",
                          call->params->y->info.name, role, t->info.name);
    return smelt_tensor_require_plain(t, "attention");
}

static enum smelt_result check_tensors(struct call *call)
{
    const struct smelt_attention_params *p = call->params;
    enum smelt_dtype dtype = p->q->info.dtype;
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < TENSORS && !result; i++) {
        const struct smelt_tensor_info *t = &call->tensors[i]->info;
        if ((result = check_tensor(call, roles[i], call->tensors[i], 4)))
            return result;
        if (t->dtype != dtype || (dtype != SMELT_DTYPE_F32 && dtype != SMELT_DTYPE_F16))
            return smelt_fail(call->context, SMELT_ERROR_DTYPE,
                              "attention: %s '%s' is %s, wanted f32 or f16, of all four the same", roles[i],
                              t->name, smelt_dtype_name(t->dtype));
        if (t->shape[ELEMENT] > 1 && t->strides[ELEMENT] != 1)
            return smelt_fail(call->context, SMELT_ERROR_SHAPE,
                              "attention: elements of %s '%s' are %" PRIu64 " apart, wanted 1", roles[i],
                              t->name, t->strides[ELEMENT]);
        for (uint32_t d = 0; d < 4; d++)
            if (!t->shape[d] || t->shape[d] >= MOST_TOKENS)
                return smelt_fail(call->context, SMELT_ERROR_SHAPE,
                                  "attention: %s '%s' has an extent of %" PRIu64 ", wanted 1 to 2^29 - 1",
                                  roles[i], t->name, t->shape[d]);
    }
    if (!result && p->mask && !(result = check_tensor(call, "mask", p->mask, 4)) &&
        p->mask->info.dtype != SMELT_DTYPE_F32 && p->mask->info.dtype != SMELT_DTYPE_F16 &&
        p->mask->info.dtype != SMELT_DTYPE_U8)
        return smelt_fail(call->context, SMELT_ERROR_DTYPE,
                          "attention: mask '%s' is %s, wanted f32, f16 or u8", p->mask->info.name,
                          smelt_dtype_name(p->mask->info.dtype));
    if (!result && p->lengths && !(result = check_tensor(call, "lengths", p->lengths, 1)) &&
        p->lengths->info.dtype != SMELT_DTYPE_I32)
        return smelt_fail(call->context, SMELT_ERROR_DTYPE, "attention: lengths '%s' is %s, wanted i32",
                          p->lengths->info.name, smelt_dtype_name(p->lengths->info.dtype));
    return result;
}

static enum smelt_result check_extents(struct call *call)
{
    const uint64_t *q = call->tensors[Q]->info.shape, *k = call->tensors[K]->info.shape,
                   *v = call->tensors[V]->info.shape, *y = call->tensors[Y]->info.shape;
    call->batch = q[BATCH];
    call->heads = q[HEAD];
    call->key_heads = k[HEAD];
    call->queries = q[TOKEN];
    call->keys = k[TOKEN];
    call->size = q[ELEMENT];
    call->value_size = v[ELEMENT];
    const struct {
        const char *what;
        uint64_t got, wanted;
    } extents[] = {
        {"the batch of k", k[BATCH], q[BATCH]},
        {"the batch of v", v[BATCH], q[BATCH]},
        {"the batch of y", y[BATCH], q[BATCH]},
        {"the heads of q beyond a multiple of those of k", q[HEAD] % k[HEAD], 0},
        {"the heads of v", v[HEAD], k[HEAD]},
        {"the heads of y", y[HEAD], q[HEAD]},
        {"the keys of v", v[TOKEN], k[TOKEN]},
        {"the queries of y", y[TOKEN], q[TOKEN]},
        {"the size of k", k[ELEMENT], q[ELEMENT]},
        {"the size of y", y[ELEMENT], v[ELEMENT]},
        {"the extent of lengths", call->params->lengths ? call->params->lengths->info.shape[0] : q[BATCH],
         q[BATCH]},
    };
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < SMELT_COUNT_OF(extents) && !result; i++)
        result = smelt_kernel_check_extent(call->context, "attention", extents[i].what, extents[i].got,
                                           extents[i].wanted);
    const uint64_t scores[4] = {call->batch, call->heads, call->queries, call->keys};
    for (uint32_t d = 0; d < 4 && call->params->mask && !result; d++)
        if (call->params->mask->info.shape[d] != 1)
            result = smelt_kernel_check_extent(call->context, "attention", "an extent of mask that is not 1",
                                               call->params->mask->info.shape[d], scores[d]);
    if (!result && SMELT_MAX(call->size, call->value_size) > MOST_SIZE)
        return smelt_fail(call->context, SMELT_ERROR_UNSUPPORTED,
                          "attention: heads of %" PRIu64 " elements, wanted at most %d",
                          SMELT_MAX(call->size, call->value_size), MOST_SIZE);
    return result;
}

static enum smelt_result check_call(struct call *call, smelt_encoder encoder)
{
    const struct smelt_attention_params *p = call->params;
    for (uint32_t i = 0; i < TENSORS; i++)
        if (!p || !call->tensors[i])
            return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "attention: %s is NULL",
                              p ? roles[i] : "params");
    call->context = p->q->context;
    enum smelt_result result = smelt_encoder_require(encoder, call->context, "attention");
    if (result || (result = check_tensors(call)) || (result = check_extents(call)))
        return result;
    if (!(p->scale >= 0) || !(p->cap >= 0) || isinf(p->scale) || isinf(p->cap))
        return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "attention: scale %g and cap %g, wanted finite numbers from 0 on", (double)p->scale,
                          (double)p->cap);
    if (p->past >= MOST_TOKENS)
        return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "attention: past is %" PRIu32 ", wanted less than 2^29", p->past);
    if (!smelt_kernels_have_text())
        return smelt_fail(call->context, SMELT_ERROR_UNSUPPORTED,
                          "attention: this build has no compiler, wanted one to make the kernel");
    return SMELT_OK;
}

// Whether rows of keys and values are read by whole loads: what the products take in 16 bytes.
static bool reads_vectors(const struct call *call)
{
    uint64_t each = call->key.computed == SMELT_DTYPE_F16 ? 8 : 4, all = call->size | call->value_size;
    uint64_t bytes = each * smelt_dtype_size((enum smelt_dtype)call->key.stored, 1), places = 0;
    for (uint32_t i = K; i <= V; i++) {
        const struct smelt_tensor_info *t = &call->tensors[i]->info;
        places |= t->address;
        for (uint32_t d = BATCH; d <= TOKEN; d++)
            all |= t->shape[d] > 1 ? t->strides[d] : 0;
    }
    return all % each == 0 && places % bytes == 0;
}

static enum smelt_result describe(struct call *call)
{
    const struct smelt_attention_params *p = call->params;
    struct kernel_key *key = &call->key;
    enum smelt_dtype stored = p->q->info.dtype;
    enum smelt_result result = tile(call->context, stored, p->backend, 0, 0, 0, 0, &call->info);
    if (result)
        return result;
    memset(key, 0, sizeof(*key)); // compared as bytes
    key->backend = call->info.choice.backend;
    key->stored = stored;
    key->computed = key->backend == SMELT_BACKEND_PORTABLE ? SMELT_DTYPE_F32 : SMELT_DTYPE_F16;
    key->size = (uint32_t)call->size;
    key->value_size = (uint32_t)call->value_size;
    key->causal = p->causal;
    key->lengths = p->lengths != NULL;
    key->cap = p->cap > 0;
    key->mask = p->mask ? p->mask->info.dtype : SMELT_DTYPE_NONE;
    key->vectors = reads_vectors(call);
    return choose_tile(call);
}

static struct push push_of(const struct call *call)
{
    const struct smelt_attention_params *p = call->params;
    struct push push = {
        .q = p->q->info.address,
        .k = p->k->info.address,
        .v = p->v->info.address,
        .y = p->y->info.address,
        .mask = p->mask ? p->mask->info.address : 0,
        .lengths = p->lengths ? p->lengths->info.address : 0,
        .queries = (uint32_t)call->queries,
        .keys = (uint32_t)call->keys,
        .past = p->past,
    };
    for (uint32_t d = BATCH; d <= TOKEN; d++)
        for (uint32_t i = 0; i < TENSORS; i++)
            push.strides[i][d] = (uint32_t)call->tensors[i]->info.strides[d];
    for (uint32_t d = 0; d < 4 && p->mask; d++)
        push.stride_mask[d] = p->mask->info.shape[d] == 1 ? 0 : (uint32_t)p->mask->info.strides[d];
    return push;
}

static uint32_t bits_of(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

static enum smelt_result record(struct call *call, smelt_encoder encoder, const struct smelt_dispatch *what)
{
    const struct smelt_attention_params *p = call->params;
    const struct smelt_capabilities *c = &call->context->capabilities;
    const struct push push = push_of(call);
    float scale = p->scale > 0 ? p->scale : (float)(1 / sqrt((double)call->size));
    double pairs = (double)call->batch * (double)call->heads * (double)call->queries * (double)call->keys;
    const struct smelt_kernel_request request = {
        .name = "attention",
        .key = &call->key,
        .key_size = sizeof(call->key),
        .write = write_kernel,
        .user = &call->key,
        .backend = (enum smelt_backend)call->key.backend,
        .dtype = (enum smelt_dtype)call->key.stored,
        .push_size = PUSH_SIZE,
        .operations = 2 * pairs * (double)(call->size + call->value_size),
        .stage_flags = call->info.stage_flags,
        .subgroup_size = call->info.subgroup_size.requiredSubgroupSize,
        .constants = {bits_of(scale), bits_of(p->cap), (uint32_t)(call->heads / call->key_heads)},
        .constant_count = 3,
    };
    uint64_t groups[3] = {(call->queries + call->key.rows - 1) / call->key.rows, call->heads, call->batch};
    for (uint32_t d = 0; d < 3; d++)
        if (groups[d] > c->max_workgroup_count[d])
            return smelt_fail(call->context, SMELT_ERROR_UNSUPPORTED,
                              "attention: %" PRIu64 " %s, wanted at most %" PRIu32, groups[d],
                              d == 0   ? "workgroups of queries"
                              : d == 1 ? "heads"
                                       : "in the batch",
                              c->max_workgroup_count[d]);
    struct smelt_kernel kernel;
    enum smelt_result result = smelt_kernel_get(encoder, &request, &kernel);
    return result ? result
                  : smelt_kernel_dispatch(encoder, &kernel, &push, PUSH_SIZE, groups[0], (uint32_t)groups[1],
                                          (uint32_t)groups[2], what);
}

enum smelt_result smelt_encode_attention(smelt_encoder encoder, const struct smelt_attention_params *params)
{
    struct call call = {.params = params};
    if (params)
        memcpy(call.tensors, (smelt_tensor[]){params->q, params->k, params->v, params->y},
               sizeof(call.tensors));
    enum smelt_result result = check_call(&call, encoder);
    if (result || (result = describe(&call)))
        return result;
    const smelt_tensor reads[] = {params->q, params->k, params->v, params->mask, params->lengths};
    struct smelt_range ranges[SMELT_COUNT_OF(reads) + 1];
    struct smelt_dispatch what = {.ranges = ranges,
                                  .label = "smelt attention",
                                  .operation = SMELT_OPERATION_ATTENTION,
                                  .call = params,
                                  .call_size = sizeof(*params),
                                  .parts = 1};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(reads); i++)
        if (reads[i])
            ranges[what.range_count++] = smelt_range_of(reads[i], SMELT_ACCESS_READ);
    ranges[what.range_count++] = smelt_range_of(params->y, SMELT_ACCESS_WRITE);
    return record(&call, encoder, &what);
}
