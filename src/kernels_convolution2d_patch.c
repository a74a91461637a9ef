// SPDX-License-Identifier: MIT
// Convolutions of f16 on matrices by kernels of several taps: glsl/kernels/convolution2d_patch_body.glsl, whose workgroups keep a
// rectangle of the image in shared memory for all taps.
#include "kernels_convolution2d.h"

#define MOST_TAPS 49
// Taps that the table was measured with: with more of them it is left, unless a tile is asked for, to other kernels.
#define TABLE_TAPS 9

// What a kernel is compiled for.
struct kernel_key {
    uint32_t rows, columns, tile_n, channels, taps_y, taps_x, subgroups_m, subgroups_n, lanes;
    uint32_t fragment_m, fragment_n, fragment_k;
    uint32_t activation, wide;
};

// The push constants, word for word.
struct patch_push {
    struct smelt_convolution_tile_push call;
    uint32_t rectangles_y, rectangles_x;
    uint32_t padding; // top, left << 16
};
#define PUSH_SIZE (SMELT_CONVOLUTION_TILE_PUSH_SIZE + 12)
_Static_assert(offsetof(struct patch_push, padding) == PUSH_SIZE - 4,
               "convolution2d_patch_body.glsl's constants");

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct kernel_key *key = user;
    const struct {
        const char *name;
        uint32_t value;
    } numbers[] = {
        {"ROWS", key->rows},
        {"COLUMNS", key->columns},
        {"TILE_N", key->tile_n},
        {"CHANNELS", key->channels},
        {"TAPS_Y", key->taps_y},
        {"TAPS_X", key->taps_x},
        {"SUBGROUPS_M", key->subgroups_m},
        {"SUBGROUPS_N", key->subgroups_n},
        {"LANES", key->lanes},
        {"FRAGMENT_M", key->fragment_m},
        {"FRAGMENT_N", key->fragment_n},
        {"FRAGMENT_K", key->fragment_k},
        {"D_IS_F32", key->wide},
        {"D_WHOLE", 1},
    };
    smelt_text_add(text,
                   "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/memory.glsl\"\n#include "
                   "\"smelt/tensor_data.glsl\"\n#include \"smelt/activation.glsl\"\n"
                   "#define KERNEL_ACTIVATE(v) SMELT_CAT(smelt_activation_, %s)(v)\n",
                   smelt_op_activation_macro((enum smelt_activation)key->activation));
    for (uint32_t i = 0; i < SMELT_COUNT_OF(numbers); i++)
        smelt_op_define_number(text, "KERNEL_", numbers[i].name, numbers[i].value);
    smelt_text_add(text, "%s%s", smelt_kernel_text("kernels/convolution2d_patch_body.glsl"),
                   smelt_kernel_text("kernels/convolution2d_channels.glsl"));
}

// --- Whether it is for a call ----------------------------------------------------------------------------

static bool can_patch(const struct smelt_convolution *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    uint64_t taps = call->b[KERNEL_H] * call->b[KERNEL_W];
    uint64_t more = (p->bias ? p->bias->info.address : 0) | (p->residual ? p->residual->info.address : 0);
    return p->depth_to_space <= 1 && SMELT_MAX(g->stride_y, g->stride_x) == 1 &&
           SMELT_MAX(g->dilation_y, g->dilation_x) == 1 &&
           SMELT_MAX(g->padding_top, g->padding_left) < 1u << 15 && taps > 1 && taps <= MOST_TAPS &&
           p->a->info.strides[3] == 1 && smelt_convolution_is_whole(&p->a->info, p->a->info.address) &&
           smelt_convolution_is_whole(&p->b->info, p->b->info.address) &&
           smelt_convolution_is_whole(&p->d->info, p->d->info.address) && more % 16 == 0;
}

// Bytes of shared memory: the kernel's pool.
static uint32_t shared_size(const struct smelt_convolution *call, const struct smelt_matmul2d_tiling *t)
{
    uint32_t rows = t->m / t->columns + (uint32_t)call->b[KERNEL_H] - 1,
             columns = t->columns + (uint32_t)call->b[KERNEL_W] - 1;
    uint32_t operands = rows * columns * (t->k / 8 + 1) + 2 * t->k * (t->n / 8 + 1),
             sums = t->subgroups_m * t->fragment_m * (t->n / 4 + t->subgroups_n);
    return 16 * SMELT_MAX(operands, sums);
}

static uint64_t rectangles_of(uint64_t extent, uint32_t each)
{
    return (extent + each - 1) / each;
}

static uint64_t groups_of(const struct smelt_convolution *call, const struct smelt_matmul2d_tiling *t)
{
    return call->d[N] * rectangles_of(call->d[H], t->m / t->columns) * rectangles_of(call->d[W], t->columns) *
           rectangles_of(call->d[C], t->n);
}

// Whether the kernel can be made with this tile.
static bool fits(const struct smelt_convolution *call, const struct smelt_matmul2d_tiling *t)
{
    const uint32_t extents[] = {t->m, t->n, t->k, t->subgroups_m, t->subgroups_n, t->columns};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(extents); i++)
        if (!extents[i] || extents[i] > SMELT_CONVOLUTION_MOST_EXTENT)
            return false;
    const struct smelt_capabilities *c = &call->context->capabilities;
    uint32_t threads = t->subgroups_m * t->subgroups_n * t->subgroup_size, across = t->n / 8;
    return across && t->m % t->columns == 0 && t->columns % t->fragment_m == 0 &&
           t->m % (t->fragment_m * t->subgroups_m) == 0 &&
           t->n % (SMELT_MAX(t->fragment_n, 8) * t->subgroups_n) == 0 && t->k % t->fragment_k == 0 &&
           t->fragment_k % 8 == 0 && t->fragment_n % 8 == 0 && call->a[C] % t->k == 0 &&
           threads % across == 0 && t->k * across % threads == 0 && threads <= c->max_workgroup_invocations &&
           shared_size(call, t) <= smelt_kernel_most_shared(c) &&
           groups_of(call, t) <= c->max_workgroup_count[0];
}

// Tiles by the class of a shape, for subgroups of 32 and more (measured on an H200, docs/performance.md). The first row is taken
// that fits, wastes little of its rectangles and gives at least so many workgroups; none: another kernel is faster.
static const struct {
    uint32_t least_outputs, most_outputs, least_groups;
    struct smelt_matmul2d_tiling tile;
} tiles[] = {
    {96, UINT32_MAX, 128, {.m = 256, .n = 128, .k = 32, .subgroups_m = 4, .subgroups_n = 2, .columns = 32}},
    {96, UINT32_MAX, 128, {.m = 256, .n = 128, .k = 32, .subgroups_m = 4, .subgroups_n = 2, .columns = 16}},
    {96, UINT32_MAX, 128, {.m = 128, .n = 128, .k = 16, .subgroups_m = 2, .subgroups_n = 2, .columns = 16}},
    {65, UINT32_MAX, 128, {.m = 128, .n = 64, .k = 32, .subgroups_m = 2, .subgroups_n = 2, .columns = 16}},
    {33, 64, 512, {.m = 256, .n = 64, .k = 16, .subgroups_m = 4, .subgroups_n = 1, .columns = 16}},
    {33, 64, 128, {.m = 128, .n = 64, .k = 32, .subgroups_m = 2, .subgroups_n = 2, .columns = 16}},
    {17, 64, 56, {.m = 128, .n = 32, .k = 32, .subgroups_m = 4, .subgroups_n = 1, .columns = 16}},
};

static bool choose_tile(const struct smelt_convolution *call, const struct smelt_matmul2d_tiling *fragment,
                        struct smelt_matmul2d_tiling *tile)
{
    bool measured = call->context->capabilities.subgroup_size >= 32 &&
                    call->b[KERNEL_H] * call->b[KERNEL_W] <= TABLE_TAPS;
    for (uint32_t i = 0; measured && i < SMELT_COUNT_OF(tiles); i++) {
        *tile = smelt_convolution_tile(tiles[i].tile, fragment);
        uint64_t groups = groups_of(call, tile), across = rectangles_of(call->d[C], tile->n);
        if (call->d[C] >= tiles[i].least_outputs && call->d[C] <= tiles[i].most_outputs &&
            groups >= tiles[i].least_groups && groups / across * tile->m * 3 <= call->pixels * 4 &&
            fits(call, tile))
            return true;
    }
    return false;
}

bool smelt_convolution_choose_patch(const struct smelt_convolution *call, struct smelt_op_info *info)
{
    const struct smelt_matmul2d_tiling *asked = &call->params->tiling;
    struct smelt_matmul2d_tiling tile = smelt_convolution_tile(*asked, &info->tiling);
    bool asks = smelt_convolution_asks_for_tile(call->params),
         chosen = can_patch(call) && (asks ? fits(call, &tile) : choose_tile(call, &info->tiling, &tile));
    if (chosen)
        info->tiling = tile;
    return chosen;
}

// --- The call --------------------------------------------------------------------------------------------

enum smelt_result smelt_convolution_encode_patch(smelt_encoder encoder, const struct smelt_convolution *call,
                                                 const struct smelt_op_info *info,
                                                 const struct smelt_dispatch *what)
{
    const struct smelt_convolution2d_params *p = call->params;
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    const struct patch_push push = {
        .call = smelt_convolution_tile_push(call),
        .rectangles_y = (uint32_t)rectangles_of(call->d[H], t->m / t->columns),
        .rectangles_x = (uint32_t)rectangles_of(call->d[W], t->columns),
        .padding = g->padding_top | g->padding_left << 16,
    };
    const struct kernel_key key = {
        .rows = t->m / t->columns,
        .columns = t->columns,
        .tile_n = t->n,
        .channels = t->k,
        .taps_y = (uint32_t)call->b[KERNEL_H],
        .taps_x = (uint32_t)call->b[KERNEL_W],
        .subgroups_m = t->subgroups_m,
        .subgroups_n = t->subgroups_n,
        .lanes = t->subgroup_size,
        .fragment_m = t->fragment_m,
        .fragment_n = t->fragment_n,
        .fragment_k = t->fragment_k,
        .activation = (uint32_t)p->activation,
        .wide = p->d->info.dtype == SMELT_DTYPE_F32,
    };
    const struct smelt_kernel_request request = {
        .name = "convolution2d patch",
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
        .constants = {push.call.channels, push.call.outputs},
        .constant_count = 2,
        .size_count = 2,
    };
    struct smelt_kernel kernel;
    enum smelt_result result = smelt_kernel_get(encoder, &request, &kernel);
    return result ? result
                  : smelt_kernel_dispatch(encoder, &kernel, &push, PUSH_SIZE, (uint32_t)groups_of(call, t), 1,
                                          1, what);
}
