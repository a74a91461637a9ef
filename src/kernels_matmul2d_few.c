// SPDX-License-Identifier: MIT
// Products with few columns or rows, for smelt_encode_matmul2d: a matrix with up to eight vectors (glsl/kernels/matvec_*) and
// many rows by a small matrix (matmul2d_narrow_body.glsl). What counts is reading the large operand once.
#include "kernels_matmul2d_call.h"

#include <string.h>

#define MAX_VECTORS 8

// --- Kernels ----------------------------------------------------------------------------------------------

void smelt_product_write_vectors(struct smelt_text *text, const void *user)
{
    const struct smelt_product_key *key = user;
    smelt_text_add(text, "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/activation.glsl\"\n");
    smelt_op_define_number(text, "KERNEL_", "VECTORS", key->vectors);
    smelt_op_define_number(text, "KERNEL_", "SWAPPED", key->swapped);
    smelt_op_define_number(text, "KERNEL_", "ALONG", key->swapped || key->transpose_right);
    if (key->scale) {
        smelt_op_define_number(text, "KERNEL_", "BLOCK", key->block);
        smelt_op_define_number(text, "KERNEL_", "PER", key->per);
        smelt_op_define(text, "KERNEL_", "ZERO",
                        key->offset ? "SMELT_ZERO_OFFSET"
                        : key->zero ? "SMELT_ZERO_POINT"
                                    : "SMELT_ZERO_NONE");
    }
    smelt_op_define_number(text, "KERNEL_", "TILES", key->tiles);
    smelt_op_define_number(text, "KERNEL_", "SUBGROUPS", key->subgroups);
    smelt_product_write_head(text, key);
    smelt_text_add(text, "%s", smelt_kernel_text("kernels/matvec_store.glsl"));
    const char *scales = key->scale ? smelt_kernel_text("kernels/matvec_scales.glsl") : "";
    if (key->tiles)
        smelt_text_add(text, "%s%s%s%s%s%s", smelt_kernel_text("kernels/matvec_matrix_head.glsl"),
                       smelt_kernel_text("kernels/matrix_places.glsl"), scales,
                       key->scale ? smelt_kernel_text("kernels/matvec_matrix_chunks.glsl") : "",
                       smelt_kernel_text(!key->scale         ? "kernels/matvec_matrix_body.glsl"
                                         : key->vectors == 1 ? "kernels/matvec_matrix_scaled_body.glsl"
                                                             : "kernels/matvec_matrix_rounded_body.glsl"),
                       smelt_kernel_text("kernels/matvec_matrix_finish.glsl"));
    else
        smelt_text_add(
            text, "%s%s%s", smelt_kernel_text("kernels/matvec_finish.glsl"), scales,
            smelt_kernel_text(key->scale ? "kernels/matvec_scaled_body.glsl" : "kernels/matvec_body.glsl"));
}

void smelt_product_write_narrow(struct smelt_text *text, const void *user)
{
    const struct smelt_product_key *key = user;
    smelt_text_add(text, "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/activation.glsl\"\n");
    smelt_op_define_number(text, "KERNEL_", "DEEP", key->deep);
    smelt_op_define_number(text, "KERNEL_", "ACROSS", key->across);
    smelt_op_define_number(text, "KERNEL_", "TRANSPOSE_RIGHT", key->transpose_right);
    smelt_product_write_head(text, key);
    smelt_text_add(text, "%s%s", smelt_kernel_text("kernels/matrix_places.glsl"),
                   smelt_kernel_text("kernels/matmul2d_narrow_body.glsl"));
}

// --- Choices ----------------------------------------------------------------------------------------------

// Few rows or columns of d: what counts is reading the other operand once. For any backend, but where one is asked for.
static bool can_matvec(const struct smelt_product_call *call, bool swapped)
{
    const struct smelt_matmul2d_params *p = call->product.params;
    const struct smelt_product_push *push = &call->product.push;
    const struct smelt_matmul2d_tiling *asked = &p->tiling;
    const struct smelt_tensor_info *a = &p->a->info, *b = &p->b->info, *matrix = swapped ? b : a;
    uint32_t vectors = SMELT_MIN(push->m, push->n), lines = SMELT_MAX(push->m, push->n);
    if (call->key.baked || call->product.integers || p->backend != SMELT_BACKEND_AUTO || asked->m ||
        asked->k || asked->subgroups_m || p->splits > 1 || p->transpose_left ||
        (swapped && !p->transpose_right) || !vectors || vectors > MAX_VECTORS || lines < 64 || push->k < 64 ||
        smelt_product_column_stride(a) != 1 || smelt_product_column_stride(b) != 1 ||
        (a->dtype != SMELT_DTYPE_F32 && a->dtype != SMELT_DTYPE_F16 && a->dtype != SMELT_DTYPE_BF16))
        return false;
    if (call->product.scale)
        return swapped && smelt_product_alignment(a) >= 8 && smelt_product_alignment(b) >= 8 &&
               (call->product.block % 8 == 0 || call->product.block >= push->k);
    return smelt_product_alignment(matrix) * smelt_dtype_size(matrix->dtype, 1) >= 16;
}

// Elements of 16 bytes where whole rows and blocks have so many, else 8: as on devices with small subgroups, where more
// are slower.
static uint32_t quantised_per(const struct smelt_product_call *call)
{
    const struct smelt_tensor_info *b = &call->product.params->b->info;
    uint32_t per = 128 / smelt_dtype_bits(b->dtype), k = call->product.push.k, block = call->product.block;
    uint64_t all = k | smelt_product_row_stride(b) | (b->rank == 3 ? b->strides[0] : 0);
    bool small = call->product.context->capabilities.subgroup_size < 32;
    return small || (all | (block >= k ? 0 : block)) % per || b->address % 16 ? 8 : per;
}

// Whether glsl/kernels/matvec_matrix_scaled_body.glsl can: of blocks of 16 bytes it reads two scales at once.
static bool can_read_scales(const struct smelt_product_call *call)
{
    const struct smelt_tensor_info *b = &call->product.params->b->info,
                                   *scale = &call->product.params->scale->info;
    uint32_t per = 128 / smelt_dtype_bits(b->dtype), k = call->product.push.k;
    uint64_t strides = smelt_product_row_stride(scale) | (scale->rank == 3 ? scale->strides[0] : 0);
    return scale->dtype == SMELT_DTYPE_F16 &&
           (call->product.block != per || (k % (2 * per) == 0 && smelt_product_column_stride(scale) == 1 &&
                                           strides % 2 == 0 && scale->address % 4 == 0));
}

#define MOST_SUBGROUPS 16              // of a workgroup, of 32 invocations
#define MOST_SHARED (16 * 1024 + 1040) // bytes: their sums, and what matrix_places.glsl has

// Products of f16 with sums of f32 by 16 x 8 x 16, for kernels that know where an invocation has which elements.
static bool has_matrices(const struct smelt_product_call *call)
{
    const struct smelt_capabilities *c = &call->product.context->capabilities;
    enum smelt_backend backend = call->info.choice.backend;
    if ((backend != SMELT_BACKEND_COOPMAT && backend != SMELT_BACKEND_COOPMAT2) || c->subgroup_size != 32 ||
        call->info.choice.computed != SMELT_DTYPE_F16 ||
        call->product.params->a->info.dtype != SMELT_DTYPE_F16 ||
        c->max_workgroup_invocations < 32 * MOST_SUBGROUPS || c->max_shared_memory_size < MOST_SHARED)
        return false;
    for (uint32_t i = 0; i < c->cooperative_matrix_count; i++) {
        const struct smelt_cooperative_matrix *one = &c->cooperative_matrices[i];
        if (one->m == 16 && one->n == 8 && one->k == 16 && one->a == SMELT_DTYPE_F16 &&
            one->b == SMELT_DTYPE_F16 && one->c == SMELT_DTYPE_F32 && one->result == SMELT_DTYPE_F32 &&
            one->scope == SMELT_SCOPE_SUBGROUP && !one->saturating)
            return true;
    }
    return false;
}

// Whether matrices multiply with the vectors. With up to four and nothing to unpack, invocations alone are as fast as memory.
static bool can_matrices(const struct smelt_product_call *call, bool swapped)
{
    const struct smelt_matmul2d_params *p = call->product.params;
    const struct smelt_tensor_info *matrix = swapped ? &p->b->info : &p->a->info,
                                   *vectors = swapped ? &p->a->info : &p->b->info;
    bool quantised = matrix->dtype == SMELT_DTYPE_I4 || matrix->dtype == SMELT_DTYPE_U4 ||
                     matrix->dtype == SMELT_DTYPE_I8 || matrix->dtype == SMELT_DTYPE_U8;
    if (!has_matrices(call) || ((swapped || p->transpose_right) && smelt_product_alignment(vectors) < 8))
        return false;
    return p->scale ? quantised && can_read_scales(call) && quantised_per(call) != 8
                    : matrix->dtype == SMELT_DTYPE_F16 && call->key.vectors > 4;
}

bool smelt_product_take_vectors(struct smelt_product_call *call)
{
    const struct smelt_matmul2d_params *p = call->product.params;
    const struct smelt_product_push *push = &call->product.push;
    struct smelt_product_key *key = &call->key;
    bool swapped = push->m < push->n;
    if (!can_matvec(call, swapped))
        return false;
    memset(&key->tiling, 0, sizeof(key->tiling));
    key->vectors = SMELT_MIN(push->m, push->n);
    key->swapped = swapped;
    key->per = call->product.scale ? quantised_per(call) : 0;
    key->alignment = 0;
    key->transpose_left = false;
    key->accumulated = SMELT_DTYPE_F32;
    if (can_matrices(call, swapped)) {
        key->tiles = p->scale ? 1 : 2;
        key->subgroups = (p->scale ? key->vectors > 1 : swapped || p->transpose_right) ? 14 : MOST_SUBGROUPS;
        key->backend = SMELT_BACKEND_COOPMAT;
        call->info.tiling = (struct smelt_matmul2d_tiling){.m = 16 * key->tiles, .n = key->vectors};
        return true;
    }
    key->computed = SMELT_DTYPE_F32;
    key->backend = SMELT_BACKEND_PORTABLE;
    call->info.tiling = (struct smelt_matmul2d_tiling){.m = key->vectors > 2 ? 8 : 4, // ROWS in the kernel
                                                       .n = key->vectors};
    call->info.stage_flags = 0;
    call->info.subgroup_size.requiredSubgroupSize = 0;
    return true;
}

// Rows: with fewer, workgroups have little to do after the small matrix is with them.
#define NARROW_LEAST 4096
#define NARROW_ROWS 128 // of a workgroup at a time: 16 of each subgroup of matmul2d_narrow_body.glsl

// Many rows by a small matrix of f16: what counts is reading and writing the rows once.
bool smelt_product_take_narrow(struct smelt_product_call *call)
{
    const struct smelt_matmul2d_params *p = call->product.params;
    const struct smelt_product_push *push = &call->product.push;
    const struct smelt_matmul2d_tiling *asked = &p->tiling;
    struct smelt_product_key *key = &call->key;
    const struct smelt_tensor_info *d = &p->d->info;
    uint32_t deep = (push->k + 31) / 32, across = (push->n + 31) / 32;
    if (key->baked || p->scale || p->backend == SMELT_BACKEND_COOPMAT2 || !has_matrices(call) ||
        p->b->info.dtype != SMELT_DTYPE_F16 || asked->m || asked->k || asked->subgroups_m || p->splits > 1 ||
        p->transpose_left || push->m < NARROW_LEAST || push->n % 8 || push->k % 8 || deep * across > 4 ||
        smelt_product_alignment(&p->a->info) < 8 || smelt_product_column_stride(&p->b->info) != 1 ||
        (d->dtype == SMELT_DTYPE_F16 && smelt_product_alignment(d) < 8))
        return false;
    memset(&key->tiling, 0, sizeof(key->tiling));
    key->deep = deep;
    key->across = across;
    key->alignment = 0;
    key->accumulated = SMELT_DTYPE_F32;
    key->backend = SMELT_BACKEND_COOPMAT;
    call->info.tiling = (struct smelt_matmul2d_tiling){.m = NARROW_ROWS, .n = 32 * across};
    return true;
}
