// SPDX-License-Identifier: MIT
// smelt_encode_convolution2d: whole convolutions by the library's own kernels: glsl/kernels/convolution2d_body.glsl for
// workgroups, convolution2d_thread_body.glsl for groups of few channels, and the matrix product where it is one.
#include "kernels_convolution2d.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define THREAD_CHANNELS 8 // of an invocation of the kernels of THREAD scope
#define THREAD_SIZE 64    // of their workgroups

// What a kernel is compiled for.
struct kernel_key {
    uint32_t image, stored, computed, accumulated, backend, scope;
    uint32_t image_layout, weight_layout, transposed, depthwise, weight_strided, whole, alignment,
        weight_alignment;
    uint32_t wide, bias, activation, residual,
        rows; // of what is compiled: d is f32, its pixels are rows of a matrix
    struct smelt_matmul2d_tiling tiling;
    uint32_t baked;
    struct smelt_quantization_key quantization; // of integers
};

// A call on its way.
struct call {
    struct smelt_convolution convolution;
    struct smelt_convolution2d_descriptor descriptor;
    struct smelt_op op;
    struct smelt_convolution_push push;
};

// --- Kernels ----------------------------------------------------------------------------------------------

// The type that a tensor of `dtype` is read by.
static const char *data_of(uint32_t dtype)
{
    return dtype == SMELT_DTYPE_F32   ? "smelt_f32_r_data"
           : dtype == SMELT_DTYPE_F16 ? "smelt_u16_r_data"
           : dtype == SMELT_DTYPE_I8  ? "smelt_i8_r_data"
                                      : "smelt_u8_r_data";
}

static bool is_integer(const struct kernel_key *key)
{
    return key->accumulated == SMELT_DTYPE_I32;
}

// What convolution2d_constants.glsl takes, it, and the op.
static void write_op(struct smelt_text *text, const struct kernel_key *key)
{
    const char *dtype = smelt_dtype_name((enum smelt_dtype)key->stored);
    bool zeros = key->quantization.zero_a || key->quantization.zero_b;
    smelt_text_add(
        text,
        "#version 460\n#include \"smelt/base.glsl\"\n#define KERNEL_BAKED 0\n#define KERNEL_INTEGER %d\n"
        "#define KERNEL_D_IS_F32 %s\n"
        "#define KERNEL_HAS_BIAS %s\n#define KERNEL_HAS_RESIDUAL %s\n#define KERNEL_ACTIVATES %s\n"
        "#define KERNEL_ACTIVATE(v) SMELT_CAT(smelt_activation_, %s)(v)\n%s%s#include "
        "\"smelt/op/conv.glsl\"\n",
        is_integer(key), key->wide ? "true" : "false", key->bias ? "true" : "false",
        key->residual ? "true" : "false", key->activation || key->quantization.scale ? "true" : "false",
        smelt_op_activation_macro((enum smelt_activation)key->activation),
        smelt_kernel_text("kernels/convolution2d_constants.glsl"),
        zeros ? "int conv_zero_image();\nint conv_zero_weight(uint channel);\n" : "");
    smelt_text_add(text,
                   "#define KERNEL_IMAGE conv_image_%s_4_r_0x0x0x0\n"
                   "#define KERNEL_WEIGHT conv_weight_%s_4_r_0x0x0x0\n#define KERNEL_BIAS bias_%s_1_r_0\n"
                   "#define KERNEL_DATA %s\n#define KERNEL_WEIGHT_DATA %s\n",
                   smelt_dtype_name((enum smelt_dtype)key->image), dtype, is_integer(key) ? "i32" : dtype,
                   data_of(key->image), data_of(key->stored));
    if (!is_integer(key))
        return;
    smelt_quantization_write(text, &key->quantization);
    smelt_text_add(text,
                   "#define KERNEL_COLUMNS (fixed_outputs != 0 ? fixed_outputs : outputs)\n"
                   "#define KERNEL_RESIDUAL residual\n#include \"smelt/activation.glsl\"\n%s",
                   smelt_kernel_text("kernels/quantization.glsl"));
    if (zeros)
        smelt_text_add(text, "int conv_zero_image()\n{\n    return zero_point_a();\n}\n"
                             "int conv_zero_weight(uint channel)\n{\n    return zero_point_b(channel);\n}\n");
}

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct kernel_key *key = user;
    static const char *const images[] = {"SMELT_LAYOUT_NHWC", "SMELT_LAYOUT_NCHW"};
    static const char *const weights[] = {"SMELT_LAYOUT_HWIO", "SMELT_LAYOUT_OHWI", "SMELT_LAYOUT_OIHW",
                                          "SMELT_LAYOUT_IOHW"};
    bool thread = key->scope == SMELT_SCOPE_THREAD;
    write_op(text, key);
    smelt_op_define_number(text, "KERNEL_", "ROWS", key->rows);
    smelt_op_define(text, "KERNEL_", "STORED",
                    smelt_op_dtype_macro(is_integer(key) ? SMELT_DTYPE_I32 : (enum smelt_dtype)key->stored));
    smelt_op_define(text, "KERNEL_", "IMAGE_LAYOUT", images[key->image_layout]);
    smelt_op_define(text, "KERNEL_", "WEIGHT_LAYOUT", weights[key->weight_layout]);
    if (thread) {
        smelt_op_define_number(text, "KERNEL_", "CHANNELS", THREAD_CHANNELS);
        smelt_op_define_number(text, "KERNEL_", "DEPTHWISE", key->depthwise);
    } else {
        smelt_op_define(text, "KERNEL_", "ACCUMULATED",
                        smelt_op_dtype_macro((enum smelt_dtype)key->accumulated));
        smelt_op_define(text, "KERNEL_", "BACKEND", "SMELT_BACKEND_DEFAULT");
        smelt_op_define(text, "KERNEL_", "TILE_M", "conv_TILE_M");
        smelt_op_define(text, "KERNEL_", "TILE_N", "conv_TILE_N");
        smelt_op_define(text, "KERNEL_", "WORKGROUP_SIZE", "conv_WORKGROUP_SIZE");
    }
    smelt_text_add(text, "%s%s", smelt_kernel_text("kernels/convolution2d_operands.glsl"),
                   smelt_kernel_text(thread ? "kernels/convolution2d_thread_body.glsl"
                                            : "kernels/convolution2d_body.glsl"));
}

// --- What a call takes ------------------------------------------------------------------------------------

// How many elements, to 8, the address and all of `count` numbers are multiples of.
static uint32_t alignment_of(const struct smelt_tensor_info *t, const uint64_t *numbers, uint32_t count)
{
    uint64_t size = smelt_dtype_size(t->dtype, 1), all = 0;
    for (uint32_t i = 0; i < count; i++)
        all |= numbers[i];
    uint32_t alignment = 8;
    while (alignment > 1 && (all & (alignment - 1) || t->address % (alignment * size)))
        alignment /= 2;
    return alignment;
}

// Of an image whose channels are neighbours; 1 otherwise.
static uint32_t image_alignment(const struct call *call, const struct smelt_tensor_info *t, uint64_t channels)
{
    if (call->convolution.params->image_layout != SMELT_IMAGE_NHWC || (t->strides[3] != 1 && t->shape[3] > 1))
        return 1;
    return alignment_of(t, (const uint64_t[]){channels, t->strides[0], t->strides[1], t->strides[2]}, 4);
}

static uint32_t weight_alignment(const struct call *call, bool depthwise)
{
    const struct smelt_tensor_info *b = &call->convolution.params->b->info;
    switch (call->convolution.params->weight_layout) {
    case SMELT_WEIGHT_HWIO:
        return alignment_of(
            b,
            (const uint64_t[]){depthwise ? call->convolution.d[C] : call->convolution.group_outputs,
                               call->convolution.d[C]},
            2);
    case SMELT_WEIGHT_OHWI:
        return alignment_of(b, &call->convolution.b[IN], 1);
    case SMELT_WEIGHT_OIHW:
        return alignment_of(b,
                            (const uint64_t[]){call->convolution.b[IN] * call->convolution.b[KERNEL_H] *
                                               call->convolution.b[KERNEL_W]},
                            1);
    default:
        return 1;
    }
}

bool smelt_convolution_asks_for_tile(const struct smelt_convolution2d_params *p)
{
    return p->tiling.m || p->tiling.n || p->tiling.k || p->tiling.subgroups_m || p->tiling.subgroups_n ||
           p->tiling.subgroups_k || p->tiling.columns;
}

double smelt_convolution_operations(const struct smelt_convolution *call)
{
    double terms = (double)call->b[KERNEL_H] * (double)call->b[KERNEL_W] * (double)call->b[IN];
    return (double)call->pixels * (double)call->d[C] * (2 * terms + 4 * SMELT_KERNEL_BYTE);
}

struct smelt_convolution2d_descriptor smelt_convolution_descriptor(const struct smelt_convolution *call,
                                                                   enum smelt_scope scope)
{
    const struct smelt_convolution2d_params *p = call->params;
    return (struct smelt_convolution2d_descriptor){
        .scope = scope,
        .geometry = call->geometry,
        .image_layout = p->image_layout,
        .weight_layout = p->weight_layout,
        .epilogue = true,
        // For the check; the kernel's is a constant. What is scaled is a float.
        .activation = p->quantization.scale && p->activation < SMELT_ACTIVATION_COUNT ? SMELT_ACTIVATION_NONE
                                                                                      : p->activation,
        .stored_left = p->a->info.dtype,
        .stored = p->b->info.dtype,
        .zero_points = p->quantization.zero_a || p->quantization.zero_b,
        .computed = p->computed,
        .accumulated = p->accumulated,
        .relaxed = p->relaxed && scope != SMELT_SCOPE_THREAD,
        .backend = p->backend,
        .alignment = 1,
        .weight_alignment = 1,
    };
}

// Groups of few channels leave most of a tile idle.
static bool takes_thread(const struct call *call)
{
    const struct smelt_convolution2d_params *p = call->convolution.params;
    return smelt_convolution_asks_for_tile(p)
               ? p->tiling.m == 1
               : call->convolution.geometry.groups > 1 && call->convolution.group_outputs < THREAD_CHANNELS;
}

// Tiles by the class of a shape, for subgroups of 32 and more (measured on an H200, docs/performance.md). The first row is
// taken whose channels fit and whose tiles are as many as it wants.
static const struct {
    uint32_t least_outputs, most_outputs, least_tiles;
    uint32_t m, n, k, subgroups_m, subgroups_n;
    bool half; // sums of f16 only: others would not fit into registers
} tiles[] = {
    {256, UINT32_MAX, 192, 256, 256, 32, 4, 2, true}, {256, 1024, 128, 128, 256, 32, 2, 4, false},
    {96, UINT32_MAX, 128, 128, 128, 32, 2, 2, false}, {33, 64, 4096, 64, 64, 32, 2, 2, false},
    {33, 64, 528, 128, 64, 32, 2, 2, false},          {1, 16, 1, 64, 16, 32, 4, 1, false},
    {17, 32, 256, 128, 32, 32, 4, 1, false},          {1, UINT32_MAX, 512, 64, 64, 64, 2, 2, false},
    {1, UINT32_MAX, 1, 32, 64, 64, 1, 2, false},
};

// Of one group of channels.
static uint64_t tiles_of(const struct call *call, uint32_t m, uint32_t n)
{
    return (call->convolution.pixels + m - 1) / m * ((call->convolution.group_outputs + n - 1) / n);
}

static void set_tile(struct smelt_convolution2d_descriptor *d, const struct smelt_matmul2d_tiling *tile)
{
    d->m = tile->m;
    d->n = tile->n;
    d->tile_k = tile->k;
    d->subgroups_m = tile->subgroups_m;
    d->subgroups_n = tile->subgroups_n;
}

static struct smelt_matmul2d_tiling choose_tile(const struct call *call, enum smelt_dtype accumulated)
{
    uint32_t i = 0;
    while ((tiles[i].half && accumulated != SMELT_DTYPE_F16) ||
           call->convolution.group_outputs < tiles[i].least_outputs ||
           call->convolution.group_outputs > tiles[i].most_outputs ||
           tiles_of(call, tiles[i].m, tiles[i].n) < tiles[i].least_tiles)
        i++;
    return (struct smelt_matmul2d_tiling){.m = tiles[i].m,
                                          .n = tiles[i].n,
                                          .k = tiles[i].k,
                                          .subgroups_m = tiles[i].subgroups_m,
                                          .subgroups_n = tiles[i].subgroups_n};
}

static enum smelt_result fit(struct call *call, struct smelt_op_info *info)
{
    struct smelt_convolution2d_descriptor *d = &call->descriptor;
    const struct smelt_convolution2d_params *p = call->convolution.params;
    smelt_context context = call->convolution.context;
    bool group = d->scope != SMELT_SCOPE_THREAD;
    if (group)
        set_tile(d, &p->tiling);
    enum smelt_result result = smelt_op_query(context, &call->op, 0, info);
    if (result || !group || smelt_convolution_asks_for_tile(p) || context->capabilities.subgroup_size < 32)
        return result;
    struct smelt_matmul2d_tiling tile = choose_tile(call, info->choice.accumulated);
    struct smelt_op_info tiled;
    set_tile(d, &tile);
    smelt_hold_errors(true);
    result = smelt_op_query(context, &call->op, 0, &tiled);
    smelt_hold_errors(false);
    if (result == SMELT_ERROR_UNSUPPORTED) { // too large for this device: the op's own
        set_tile(d, &p->tiling);
        return SMELT_OK;
    }
    *info = tiled;
    return result;
}

// Whether the promise `whole` of the descriptor holds for a call with this tile.
static bool is_whole(const struct call *call, const struct smelt_op_info *info)
{
    const struct smelt_convolution2d_params *p = call->convolution.params;
    const struct smelt_convolution2d_geometry *g = &call->convolution.geometry;
    const struct smelt_tensor_info *b = &p->b->info;
    enum smelt_backend backend = info->choice.backend;
    bool halves = p->a->info.dtype == SMELT_DTYPE_F16 && b->dtype == SMELT_DTYPE_F16 &&
                  info->choice.computed == SMELT_DTYPE_F16;
    bool layouts = p->image_layout == SMELT_IMAGE_NHWC && p->weight_layout <= SMELT_WEIGHT_OHWI;
    uint64_t channels = call->convolution.a[C] / g->groups;
    return (backend == SMELT_BACKEND_COOPMAT || backend == SMELT_BACKEND_COOPMAT2) && halves && layouts &&
           channels % info->tiling.k == 0 && call->convolution.group_outputs % info->tiling.n == 0 &&
           call->convolution.b[KERNEL_H] * call->convolution.b[KERNEL_W] <= 32 &&
           (!g->transposed || (g->stride_y == 1 && g->stride_x == 1)) && b->strides[3] == 1 &&
           alignment_of(b, b->strides, 3) == 8 && image_alignment(call, &p->a->info, channels) == 8;
}

static void prefer_whole(struct call *call, struct smelt_op_info *info)
{
    struct smelt_convolution2d_descriptor *d = &call->descriptor, before = *d;
    struct smelt_op_info walking;
    if (d->scope == SMELT_SCOPE_THREAD || !is_whole(call, info))
        return;
    d->whole = true;
    d->weight_alignment = 8;
    smelt_hold_errors(true);
    enum smelt_result result = smelt_op_query(call->convolution.context, &call->op, 0, &walking);
    smelt_hold_errors(false);
    if (result || !is_whole(call, &walking))
        *d = before; // another tile would do
    else
        *info = walking;
}

// What the op is asked for before the device has a say.
static void fill_descriptor(struct call *call, bool baked)
{
    const struct smelt_convolution2d_params *p = call->convolution.params;
    const struct smelt_convolution2d_geometry *g = &call->convolution.geometry;
    struct smelt_convolution2d_descriptor *d = &call->descriptor;
    bool thread = takes_thread(call), packed = smelt_tensor_is_packed(&p->b->info);
    bool channelwise = g->groups == call->convolution.a[C] && g->groups == call->convolution.d[C] &&
                       (!baked || !g->transposed);
    *d = smelt_convolution_descriptor(
        &call->convolution, thread || (baked && g->transposed) ? SMELT_SCOPE_THREAD : SMELT_SCOPE_WORKGROUP);
    if ((baked || thread) && d->backend == SMELT_BACKEND_AUTO)
        d->backend = SMELT_BACKEND_PORTABLE;
    if (d->scope == SMELT_SCOPE_THREAD)
        d->depthwise = channelwise;
    else
        d->weight_strided = baked || !packed;
    if (baked)
        return;
    d->alignment = image_alignment(
        call, &p->a->info, d->depthwise ? call->convolution.a[C] : call->convolution.a[C] / g->groups);
    d->weight_alignment = packed ? weight_alignment(call, d->depthwise) : 1;
}

static void fill_key(const struct call *call, const struct smelt_op_info *info, bool baked,
                     struct kernel_key *key)
{
    const struct smelt_convolution2d_params *p = call->convolution.params;
    const struct smelt_convolution2d_descriptor *d = &call->descriptor;
    struct smelt_tensor_t rows;
    memset(key, 0, sizeof(*key)); // compared as bytes
    *key = (struct kernel_key){
        .image = (uint32_t)d->stored_left,
        .stored = (uint32_t)d->stored,
        .computed = (uint32_t)info->choice.computed,
        .accumulated = (uint32_t)info->choice.accumulated,
        .backend = (uint32_t)info->choice.backend,
        .scope = (uint32_t)d->scope,
        .transposed = call->convolution.geometry.transposed,
        .depthwise = d->depthwise,
        .baked = baked,
    };
    if (baked)
        return;
    key->image_layout = (uint32_t)d->image_layout;
    key->weight_layout = (uint32_t)d->weight_layout;
    key->weight_strided = d->weight_strided;
    key->whole = d->whole;
    key->alignment = d->alignment;
    key->weight_alignment = d->weight_alignment;
    key->wide = p->d->info.dtype == SMELT_DTYPE_F32;
    key->bias = p->bias != NULL;
    key->residual = p->residual != NULL;
    key->activation = (uint32_t)p->activation;
    if (call->convolution.integers)
        key->quantization = smelt_quantization_describe(&p->quantization, p->d, call->convolution.d[C]);
    key->rows = d->scope == SMELT_SCOPE_WORKGROUP && smelt_convolution_rows(&call->convolution, p->d, &rows);
    key->tiling = info->tiling;
}

// Whether a baked kernel can; of convolution2d_portable.glsl: any strides, so any layout.
static enum smelt_result check_baked(const struct call *call, struct smelt_op_info *info)
{
    smelt_context context = call->convolution.context;
    const struct smelt_convolution2d_descriptor *d = &call->descriptor;
    uint32_t groups = call->convolution.geometry.groups;
    if (info->choice.backend != SMELT_BACKEND_PORTABLE)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: backend %s is not baked, wanted portable",
                          smelt_backend_name(info->choice.backend));
    if (call->convolution.integers)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: a kernel of %s by %s is not baked, wanted f32 or f16 of both",
                          smelt_dtype_name(d->stored_left), smelt_dtype_name(d->stored));
    if (d->weight_layout == SMELT_WEIGHT_IOHW && groups > 1 && !d->depthwise)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: weight_layout IOHW with groups %" PRIu32
                          " is not baked, wanted another layout",
                          groups);
    info->tiling = (struct smelt_matmul2d_tiling){.m = 64, .n = 64, .k = 16};
    info->stage_flags = 0;
    info->subgroup_size.requiredSubgroupSize = 0;
    return SMELT_OK;
}

static enum smelt_result describe(struct call *call, struct kernel_key *key, struct smelt_op_info *info)
{
    const struct smelt_convolution2d_params *p = call->convolution.params;
    struct smelt_convolution2d_descriptor *d = &call->descriptor;
    bool baked = !smelt_kernels_have_text() || p->baked;
    if (baked && p->relaxed)
        return smelt_fail(call->convolution.context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: relaxed is set, and is not baked, wanted false");
    fill_descriptor(call, baked);
    call->op = (struct smelt_op){.name = "conv", .kind = SMELT_OP_CONVOLUTION2D, .convolution2d = d};
    enum smelt_result result = fit(call, info);
    if (result)
        return result;
    if (!baked)
        prefer_whole(call, info);
    // Constants of the kernel.
    d->activation = SMELT_ACTIVATION_NONE;
    d->geometry = (struct smelt_convolution2d_geometry){.transposed = call->convolution.geometry.transposed};
    fill_key(call, info, baked, key);
    d->backend = info->choice.backend;
    return baked ? check_baked(call, info) : SMELT_OK;
}

void smelt_convolution_fill_push(const struct smelt_convolution *convolution, bool any_layout, bool depthwise,
                                 struct smelt_convolution_push *push)
{
    const struct smelt_convolution2d_params *p = convolution->params;
    static const uint8_t hwio[4] = {KERNEL_H, KERNEL_W, IN, OUT};
    uint64_t residual = p->residual ? p->residual->info.address : 0;
    *push = (struct smelt_convolution_push){
        .residual = {(uint32_t)residual, (uint32_t)(residual >> 32)},
        .a = p->a->info.address,
        .b = p->b->info.address,
        .bias = p->bias ? p->bias->info.address : 0,
        .d = p->d->info.address,
        .batch = (uint32_t)convolution->a[N],
        .height = (uint32_t)convolution->a[H],
        .width = (uint32_t)convolution->a[W],
        .channels = (uint32_t)(convolution->a[C] / convolution->geometry.groups),
        .outputs = (uint32_t)convolution->d[C],
        .kernel_h = (uint32_t)convolution->b[KERNEL_H],
        .kernel_w = (uint32_t)convolution->b[KERNEL_W],
    };
    for (int i = 0; i < 4; i++) {
        uint8_t image = any_layout ? smelt_image_order[p->image_layout][i] : (uint8_t)i;
        uint8_t weight = any_layout ? smelt_weight_order[p->weight_layout][hwio[i]] : (uint8_t)i;
        push->stride_a[i] = (uint32_t)p->a->info.strides[image];
        push->stride_d[i] = (uint32_t)p->d->info.strides[image];
        push->stride_b[i] = (uint32_t)p->b->info.strides[weight];
    }
    if (any_layout && depthwise && p->weight_layout == SMELT_WEIGHT_IOHW)
        push->stride_b[3] = (uint32_t)p->b->info.strides[0]; // [channel][1][h][w]
}

void smelt_convolution_fill_constants(const struct smelt_convolution *convolution,
                                      const struct smelt_convolution_push *push,
                                      uint32_t constants[SMELT_CONVOLUTION_CONSTANTS])
{
    const struct smelt_convolution2d_geometry *g = &convolution->geometry;
    const uint32_t all[SMELT_CONVOLUTION_CONSTANTS] = {
        push->batch,         push->height,        push->width,     push->channels,    push->outputs,
        push->kernel_h,      push->kernel_w,      g->stride_y,     g->stride_x,       g->dilation_y,
        g->dilation_x,       g->padding_top,      g->padding_left, g->padding_bottom, g->padding_right,
        g->output_padding_y, g->output_padding_x, g->groups};
    memcpy(constants, all, sizeof(all));
}

static enum smelt_result count_groups(const struct call *call, const struct smelt_op_info *info,
                                      uint32_t grid[3])
{
    const struct smelt_capabilities *c = &call->convolution.context->capabilities;
    uint64_t groups, sections = call->descriptor.depthwise ? 1 : call->convolution.geometry.groups;
    if (call->descriptor.scope == SMELT_SCOPE_THREAD) {
        uint64_t section = call->convolution.d[C] / sections;
        uint64_t blocks = sections * ((section + THREAD_CHANNELS - 1) / THREAD_CHANNELS),
                 all = call->convolution.pixels * blocks;
        groups = (all + THREAD_SIZE - 1) / THREAD_SIZE;
        grid[0] = (uint32_t)SMELT_MIN(groups, c->max_workgroup_count[0]);
        grid[1] = (uint32_t)((groups + grid[0] - 1) / grid[0]);
        grid[2] = 1;
        if (all + (uint64_t)grid[0] * THREAD_SIZE <= UINT32_MAX && grid[1] <= c->max_workgroup_count[1])
            return SMELT_OK;
        return smelt_fail(call->convolution.context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: %" PRIu64 " invocations, wanted fewer than 2^32", all);
    }
    groups = tiles_of(call, info->tiling.m, info->tiling.n);
    grid[0] = (uint32_t)groups;
    grid[1] = 1;
    grid[2] = (uint32_t)sections;
    if (groups <= c->max_workgroup_count[0] && sections <= c->max_workgroup_count[2])
        return SMELT_OK;
    return smelt_fail(call->convolution.context, SMELT_ERROR_UNSUPPORTED,
                      "convolution2d: %" PRIu64 " tiles of %" PRIu32 " x %" PRIu32 " in %" PRIu64
                      " groups, wanted at most %" PRIu32 " in %" PRIu32,
                      groups, info->tiling.m, info->tiling.n, sections, c->max_workgroup_count[0],
                      c->max_workgroup_count[2]);
}

static enum smelt_result get_kernel(smelt_encoder encoder, const struct call *call,
                                    const struct kernel_key *key, const struct smelt_op_info *info,
                                    struct smelt_kernel *kernel)
{
    const struct smelt_convolution2d_params *p = call->convolution.params;
    const struct smelt_convolution_push *push = &call->push;
    bool thread = key->scope == SMELT_SCOPE_THREAD;
    uint64_t section = key->depthwise ? call->convolution.d[C] : call->convolution.group_outputs;
    bool whole =
        thread && p->d->info.dtype == SMELT_DTYPE_F16 && image_alignment(call, &p->d->info, section) == 8;
    char baked[80];
    snprintf(baked, sizeof(baked), "convolution2d%s_%s_%s_%s",
             !thread                                 ? ""
             : key->depthwise                        ? "_depthwise"
             : call->convolution.geometry.transposed ? "_transposed"
                                                     : "_thread",
             smelt_dtype_name((enum smelt_dtype)key->stored),
             smelt_dtype_name((enum smelt_dtype)key->computed),
             smelt_dtype_name((enum smelt_dtype)key->accumulated));
    struct smelt_kernel_request request = {
        .name = "convolution2d",
        .key = key,
        .key_size = sizeof(*key),
        .baked = key->baked ? baked : NULL,
        .write = write_kernel,
        .user = key,
        .dtype = (enum smelt_dtype)key->image,
        .ops = &call->op,
        .op_count = 1,
        .backend = (enum smelt_backend)key->backend,
        .push_size = key->accumulated == SMELT_DTYPE_I32 ? SMELT_CONVOLUTION_INTEGER_PUSH_SIZE
                                                         : SMELT_CONVOLUTION_PUSH_SIZE,
        .operations = smelt_convolution_operations(&call->convolution),
        .linear = thread,
        .stage_flags = info->stage_flags,
        .subgroup_size = info->subgroup_size.requiredSubgroupSize,
        .constant_count = key->baked ? 23 : 19,
        .size_count = SMELT_CONVOLUTION_SIZES,
    };
    const uint32_t more[] = {whole, p->d->info.dtype == SMELT_DTYPE_F32, p->bias != NULL,
                             (uint32_t)p->activation, p->residual != NULL};
    smelt_convolution_fill_constants(&call->convolution, push, request.constants);
    memcpy(request.constants + SMELT_CONVOLUTION_CONSTANTS, more, sizeof(more));
    if (is_integer(key)) { // constants where floats push
        memcpy(request.constants + SMELT_CONVOLUTION_CONSTANTS + 1, push->stride_b, sizeof(push->stride_b));
        request.constant_count = 23;
        request.size_count = 5;
    }
    return smelt_kernel_get(encoder, &request, kernel);
}

// The other push constants of a kernel of integers.
static struct smelt_convolution_integer_push integer_push(const struct call *call)
{
    const struct smelt_convolution_push *push = &call->push;
    const struct smelt_convolution2d_params *p = call->convolution.params;
    struct smelt_convolution_integer_push made = {
        .a = push->a,
        .b = push->b,
        .bias = push->bias,
        .d = push->d,
        .residual = smelt_quantization_address(p->residual),
        .zero_a = smelt_quantization_address(p->quantization.zero_a),
        .zero_b = smelt_quantization_address(p->quantization.zero_b),
        .scale = smelt_quantization_address(p->quantization.scale),
        .zero_d = smelt_quantization_address(p->quantization.zero_d),
        .batch = push->batch,
        .height = push->height,
        .width = push->width,
        .channels = push->channels,
        .outputs = push->outputs,
    };
    memcpy(made.stride_a, push->stride_a, sizeof(made.stride_a));
    memcpy(made.stride_d, push->stride_d, sizeof(made.stride_d));
    return made;
}

static enum smelt_result encode_kernel(smelt_encoder encoder, struct call *call,
                                       const struct smelt_dispatch *what)
{
    struct kernel_key key;
    struct smelt_op_info info;
    uint32_t grid[3];
    struct smelt_kernel kernel;
    enum smelt_result result = describe(call, &key, &info);
    if (result || (result = count_groups(call, &info, grid)))
        return result;
    smelt_convolution_fill_push(&call->convolution, key.baked, key.depthwise, &call->push);
    if ((result = get_kernel(encoder, call, &key, &info, &kernel)))
        return result;
    if (!is_integer(&key))
        return smelt_kernel_dispatch(encoder, &kernel, &call->push, SMELT_CONVOLUTION_PUSH_SIZE, grid[0],
                                     grid[1], grid[2], what);
    struct smelt_convolution_integer_push push = integer_push(call);
    return smelt_kernel_dispatch(encoder, &kernel, &push, SMELT_CONVOLUTION_INTEGER_PUSH_SIZE, grid[0],
                                 grid[1], grid[2], what);
}

static enum smelt_result encode_phases(smelt_encoder encoder, const struct smelt_convolution *whole,
                                       uint32_t count, struct smelt_dispatch *what)
{
    what->parts = count;
    for (uint32_t i = 0; i < count; i++) {
        struct smelt_convolution_phase phase;
        struct call call = {.convolution = {.params = &phase.params}};
        smelt_convolution_set_phase(whole, i, &phase);
        what->part = i;
        enum smelt_result result = smelt_convolution_check(encoder, &call.convolution);
        if (result || (result = encode_kernel(encoder, &call, what)))
            return result;
    }
    return SMELT_OK;
}

// Of the kernels of matrices alone; or the call is wrong.
static enum smelt_result refuse_tile(const struct smelt_convolution *call)
{
    const struct smelt_convolution2d_descriptor d = smelt_convolution_descriptor(call, SMELT_SCOPE_WORKGROUP);
    const struct smelt_op op = {.name = "conv", .kind = SMELT_OP_CONVOLUTION2D, .convolution2d = &d};
    const struct smelt_matmul2d_tiling *t = &call->params->tiling;
    struct smelt_op_info info;
    enum smelt_result result = smelt_op_query(call->context, &op, 0, &info);
    return result ? result
                  : smelt_fail(call->context, SMELT_ERROR_UNSUPPORTED,
                               "convolution2d: no tile of %" PRIu32 " x %" PRIu32 " with %s %" PRIu32
                               ", for this call or device",
                               t->m, t->n, t->columns ? "columns" : "subgroups_k",
                               t->columns ? t->columns : t->subgroups_k);
}

enum smelt_result smelt_encode_convolution2d(smelt_encoder encoder,
                                             const struct smelt_convolution2d_params *params)
{
    struct call call = {.convolution = {.params = params}};
    enum smelt_result result = smelt_convolution_check(encoder, &call.convolution);
    if (result)
        return result;
    struct smelt_range ranges[5 + SMELT_QUANTIZATION_RANGES] = {
        smelt_range_of(params->a, SMELT_ACCESS_READ), smelt_range_of(params->b, SMELT_ACCESS_READ),
        smelt_range_of(params->d, SMELT_ACCESS_WRITE)};
    uint32_t range_count = 3;
    if (params->bias)
        ranges[range_count++] = smelt_range_of(params->bias, SMELT_ACCESS_READ);
    if (params->residual)
        ranges[range_count++] = smelt_range_of(params->residual, SMELT_ACCESS_READ);
    range_count += smelt_quantization_ranges(&params->quantization, ranges + range_count);
    struct smelt_dispatch what = {
        .ranges = ranges,
        .range_count = range_count,
        .label = "smelt convolution2d",
        .operation = SMELT_OPERATION_CONVOLUTION2D,
        .call = params,
        .call_size = sizeof(*params),
        .parts = 1,
    };
    uint32_t phases = smelt_convolution_phases(&call.convolution);
    if (phases > 1 && params->depth_to_space <= 1)
        return encode_phases(encoder, &call.convolution, phases, &what);
    struct smelt_op_info info;
    bool matrices = smelt_convolution_has_matrices(&call.convolution, &info);
    if (matrices && smelt_convolution_choose_patch(&call.convolution, &info))
        return smelt_convolution_encode_patch(encoder, &call.convolution, &info, &what);
    if (matrices && smelt_convolution_choose_split(&call.convolution, &info))
        return smelt_convolution_encode_split(encoder, &call.convolution, &info, &what);
    if (params->depth_to_space > 1)
        return smelt_fail(call.convolution.context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: depth_to_space, wanted a call and a device for tiles whose sums "
                          "subgroups share");
    if (params->tiling.columns || params->tiling.subgroups_k)
        return refuse_tile(&call.convolution);
    if (smelt_convolution_takes_lanes(&call.convolution))
        return smelt_convolution_encode_lanes(encoder, &call.convolution, &what);
    struct smelt_tensor_t a, b, d;
    if (smelt_convolution_is_product(&call.convolution, &a, &b, &d))
        return smelt_convolution_encode_product(encoder, &call.convolution, &a, &b, &d, &what);
    return encode_kernel(encoder, &call, &what);
}
