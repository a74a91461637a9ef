// SPDX-License-Identifier: MIT
// Convolutions of f16 on matrices with too little to do for large tiles: glsl/kernels/convolution2d_split_body.glsl, whose
// subgroups share the sums of a small tile.
#include "kernels_convolution2d.h"

#include <string.h>

#define TERMS 32               // of a subgroup at a time
#define MOST_PIXELS (1u << 24) // as the kernel divides
#define MOST_TERMS (1u << 19)
#define MOST_AT_ONCE 1056 // subgroups: 8 on each of an H200's 132 multiprocessors
#define MAX_SUBGROUPS 8   // of a workgroup

// What a kernel is compiled for.
struct kernel_key {
    uint32_t tile_m, tile_n, subgroups, lanes, fragment_m, fragment_n, fragment_k;
    uint32_t activation, wide, whole_a, whole_b, whole_d, block;
};

// The push constants, word for word.
struct split_push {
    struct smelt_convolution_tile_push call;
    uint32_t pixels, terms, kernel_w;
    uint32_t stride, dilation, padding; // y, x << 16
};
#define PUSH_SIZE (SMELT_CONVOLUTION_TILE_PUSH_SIZE + 24)
_Static_assert(sizeof(struct split_push) == PUSH_SIZE, "convolution2d_split_body.glsl's constants");

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct kernel_key *key = user;
    const struct {
        const char *name;
        uint32_t value;
    } numbers[] = {
        {"TILE_M", key->tile_m},         {"TILE_N", key->tile_n},         {"SUBGROUPS", key->subgroups},
        {"LANES", key->lanes},           {"FRAGMENT_M", key->fragment_m}, {"FRAGMENT_N", key->fragment_n},
        {"FRAGMENT_K", key->fragment_k}, {"D_IS_F32", key->wide},         {"A_WHOLE", key->whole_a},
        {"B_WHOLE", key->whole_b},       {"D_WHOLE", key->whole_d},       {"BLOCK", key->block},
    };
    smelt_text_add(text,
                   "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/memory.glsl\"\n#include "
                   "\"smelt/tensor_data.glsl\"\n#include \"smelt/activation.glsl\"\n"
                   "#define KERNEL_ACTIVATE(v) SMELT_CAT(smelt_activation_, %s)(v)\n",
                   smelt_op_activation_macro((enum smelt_activation)key->activation));
    for (uint32_t i = 0; i < SMELT_COUNT_OF(numbers); i++)
        smelt_op_define_number(text, "KERNEL_", numbers[i].name, numbers[i].value);
    smelt_text_add(text, "%s%s", smelt_kernel_text("kernels/convolution2d_split_body.glsl"),
                   smelt_kernel_text("kernels/convolution2d_channels.glsl"));
}

// --- Whether it is for a call ----------------------------------------------------------------------------

bool smelt_convolution_is_whole(const struct smelt_tensor_info *t, uint64_t address)
{
    uint64_t all = address / 2 | t->shape[3];
    for (uint32_t i = 0; i < 3; i++)
        all |= t->shape[i] > 1 ? t->strides[i] : 0;
    return all % 8 == 0;
}

struct smelt_convolution_tile_push smelt_convolution_tile_push(const struct smelt_convolution *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    struct smelt_convolution_tile_push push = {
        .a = p->a->info.address,
        .b = p->b->info.address,
        .bias = p->bias ? p->bias->info.address : 0,
        .d = p->d->info.address,
        .residual = p->residual ? p->residual->info.address : 0,
        .height = (uint32_t)call->a[H],
        .width = (uint32_t)call->a[W],
        .channels = (uint32_t)call->a[C],
        .rows = (uint32_t)call->d[H],
        .columns = (uint32_t)call->d[W],
        .outputs = (uint32_t)call->d[C],
    };
    for (int i = 0; i < 4; i++) {
        push.stride_a[i] = (uint32_t)p->a->info.strides[i];
        push.stride_d[i] = (uint32_t)p->d->info.strides[i];
    }
    return push;
}

// How far its channels are apart if 8 of them are so; 0: they are not.
static uint32_t whole_step(const struct smelt_tensor_info *a)
{
    uint64_t step = a->strides[3];
    return step <= 2 && smelt_convolution_is_whole(a, step == 2 ? a->address & ~UINT64_C(2) : a->address)
               ? (uint32_t)step
               : 0;
}

static bool fits_push(const struct smelt_convolution2d_geometry *g)
{
    return SMELT_MAX(g->stride_y, g->stride_x) < 1u << 15 &&
           SMELT_MAX(g->dilation_y, g->dilation_x) < 1u << 15 &&
           SMELT_MAX(g->padding_top, g->padding_left) < 1u << 15;
}

static bool can_split(const struct smelt_convolution *call)
{
    uint64_t terms = call->b[KERNEL_H] * call->b[KERNEL_W] * call->b[IN];
    return fits_push(&call->geometry) && call->pixels < MOST_PIXELS && terms < MOST_TERMS;
}

static uint64_t tiles_of(const struct smelt_convolution *call, uint32_t m, uint32_t n)
{
    return (call->pixels + m - 1) / m * ((call->d[C] + n - 1) / n);
}

// By what was measured on an H200 (docs/performance.md): as many subgroups as it runs at once, of the smallest tiles that do not
// ask for more. 0 of them: another kernel, as large tiles share what they read, unless there is little to share: few terms
// and channels, or an image that is read an element at a time anyway.
static struct smelt_matmul2d_tiling choose_tile(const struct smelt_convolution *call)
{
    uint64_t terms = call->b[KERNEL_H] * call->b[KERNEL_W] * call->b[IN], outputs = call->d[C];
    struct smelt_matmul2d_tiling t = {.m = 16, .n = outputs <= 16 ? 16 : 32};
    bool few = terms <= 288 && outputs <= 32 && (outputs > 16 || tiles_of(call, 32, 16) <= 4096),
         ragged = !whole_step(&call->params->a->info);
    if (call->context->capabilities.subgroup_size < 32 ||
        (tiles_of(call, 32, 32) > MOST_AT_ONCE && !few && !ragged))
        return t;
    if (tiles_of(call, t.m, t.n) < 100)
        t.n = 16;
    if (tiles_of(call, t.m, t.n) > MOST_AT_ONCE / 2)
        t.m = 32;
    t.subgroups_k = 1;
    while (t.subgroups_k < MAX_SUBGROUPS && t.subgroups_k * TERMS < terms &&
           2 * t.subgroups_k * tiles_of(call, t.m, t.n) <= MOST_AT_ONCE)
        t.subgroups_k *= 2;
    return t;
}

bool smelt_convolution_has_matrices(const struct smelt_convolution *call, struct smelt_op_info *info)
{
    const struct smelt_convolution2d_params *p = call->params;
    const struct smelt_tensor_info *to = &p->d->info;
    bool plain = p->a->info.dtype == SMELT_DTYPE_F16 && call->geometry.groups == 1 &&
                 !call->geometry.transposed && p->image_layout == SMELT_IMAGE_NHWC &&
                 p->weight_layout == SMELT_WEIGHT_HWIO && smelt_tensor_is_packed(&p->b->info) &&
                 (to->strides[3] == 1 || to->shape[3] == 1 || p->depth_to_space > 1);
    if (!plain || p->a->picture || p->d->picture || p->baked || !smelt_kernels_have_text())
        return false;
    struct smelt_convolution2d_descriptor d = smelt_convolution_descriptor(call, SMELT_SCOPE_WORKGROUP);
    if (d.accumulated == SMELT_DTYPE_NONE || d.accumulated == SMELT_DTYPE_F16)
        d.accumulated = SMELT_DTYPE_F32;
    const struct smelt_op op = {.name = "conv", .kind = SMELT_OP_CONVOLUTION2D, .convolution2d = &d};
    smelt_hold_errors(true);
    enum smelt_result result = smelt_op_query(call->context, &op, 0, info);
    smelt_hold_errors(false);
    return !result && info->choice.backend == SMELT_BACKEND_COOPMAT &&
           info->choice.computed == SMELT_DTYPE_F16;
}

// Rows of the tile in shared memory, with 16 bytes between: the kernel's PART.
static uint32_t shared_size(const struct smelt_matmul2d_tiling *t)
{
    uint32_t operands = t->m * (TERMS / 8 + 1) + TERMS * (t->n / 8 + 1), sums = t->m * (t->n / 4 + 1);
    return t->subgroups_k * 16 * SMELT_MAX(operands, sums);
}

// Whether the kernel can be made with this tile.
static bool fits(const struct smelt_convolution *call, const struct smelt_matmul2d_tiling *t)
{
    const struct smelt_capabilities *c = &call->context->capabilities;
    uint32_t across = t->n / 8;
    return t->m && t->m <= SMELT_CONVOLUTION_MOST_EXTENT && t->m % t->fragment_m == 0 && t->n &&
           t->n <= SMELT_CONVOLUTION_MOST_EXTENT && t->n % SMELT_MAX(t->fragment_n, 8) == 0 &&
           t->fragment_n % 8 == 0 && TERMS % t->fragment_k == 0 && t->fragment_k % 8 == 0 &&
           t->m * (TERMS / 8) % t->subgroup_size == 0 && TERMS * across % t->subgroup_size == 0 &&
           t->subgroup_size % across == 0 && t->subgroups_k && t->subgroups_k <= MAX_SUBGROUPS &&
           t->subgroups_k * t->subgroup_size <= c->max_workgroup_invocations &&
           shared_size(t) <= smelt_kernel_most_shared(c) &&
           tiles_of(call, t->m, t->n) <= c->max_workgroup_count[0];
}

bool smelt_convolution_choose_split(const struct smelt_convolution *call, struct smelt_op_info *info)
{
    const struct smelt_matmul2d_tiling *asked = &call->params->tiling;
    bool asks = smelt_convolution_asks_for_tile(call->params);
    if ((asks && (!asked->subgroups_k || asked->columns)) || !can_split(call))
        return false;
    struct smelt_matmul2d_tiling tile =
        smelt_convolution_tile(asks ? *asked : choose_tile(call), &info->tiling);
    tile.k = TERMS;
    tile.subgroups_m = tile.subgroups_n = 1;
    if (!fits(call, &tile))
        return false;
    info->tiling = tile;
    return true;
}

// --- The call --------------------------------------------------------------------------------------------

static uint32_t both(uint32_t y, uint32_t x)
{
    return y | x << 16;
}

static struct split_push push_of(const struct smelt_convolution *call)
{
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    return (struct split_push){
        .call = smelt_convolution_tile_push(call),
        .pixels = (uint32_t)call->pixels,
        .terms = (uint32_t)(call->b[KERNEL_H] * call->b[KERNEL_W] * call->b[IN]),
        .kernel_w = (uint32_t)call->b[KERNEL_W],
        .stride = both(g->stride_y, g->stride_x),
        .dilation = both(g->dilation_y, g->dilation_x),
        .padding = both(g->padding_top, g->padding_left),
    };
}

enum smelt_result smelt_convolution_encode_split(smelt_encoder encoder, const struct smelt_convolution *call,
                                                 const struct smelt_op_info *info,
                                                 const struct smelt_dispatch *what)
{
    const struct smelt_convolution2d_params *p = call->params;
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    const struct split_push push = push_of(call);
    const struct kernel_key key = {
        .tile_m = t->m,
        .tile_n = t->n,
        .subgroups = t->subgroups_k,
        .lanes = t->subgroup_size,
        .fragment_m = t->fragment_m,
        .fragment_n = t->fragment_n,
        .fragment_k = t->fragment_k,
        .activation = (uint32_t)p->activation,
        .wide = p->d->info.dtype == SMELT_DTYPE_F32,
        .whole_a = whole_step(&p->a->info),
        .whole_b = p->b->info.address % 16 == 0 && call->d[C] % 8 == 0,
        .whole_d = p->depth_to_space <= 1 && smelt_convolution_is_whole(&p->d->info, push.call.d) &&
                   (push.call.bias | push.call.residual) % 16 == 0,
        .block = SMELT_MAX(p->depth_to_space, 1),
    };
    const struct smelt_kernel_request request = {
        .name = "convolution2d split",
        .key = &key,
        .key_size = sizeof(key),
        .write = write_kernel,
        .user = &key,
        .backend = SMELT_BACKEND_COOPMAT,
        .dtype = SMELT_DTYPE_F16,
        .push_size = PUSH_SIZE,
        .operations = smelt_convolution_operations(call),
        .stage_flags = info->stage_flags,
        .subgroup_size = info->subgroup_size.requiredSubgroupSize,
    };
    struct smelt_kernel kernel;
    enum smelt_result result = smelt_kernel_get(encoder, &request, &kernel);
    return result ? result
                  : smelt_kernel_dispatch(encoder, &kernel, &push, PUSH_SIZE,
                                          (uint32_t)tiles_of(call, t->m, t->n), 1, 1, what);
}
