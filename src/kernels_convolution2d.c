// SPDX-License-Identifier: MIT
// smelt_encode_convolution2d: whole convolutions by the library's own kernels: glsl/kernels/convolution2d_body.glsl for
// workgroups, convolution2d_thread_body.glsl for groups of few channels, and the matrix product where it is one.
#include "kernels_matmul2d.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define THREAD_CHANNELS 8 // of an invocation of the kernels of THREAD scope
#define THREAD_SIZE 64    // of their workgroups

// The push constants of convolution2d_constants.glsl, word for word.
struct push {
    uint64_t a, b, bias, d;
    uint32_t batch, height, width, channels, outputs, kernel_h, kernel_w;
    uint32_t stride_a[4], stride_b[4], stride_d[4];
    uint32_t residual[2]; // an address, low word first
};
_Static_assert(offsetof(struct push, stride_a) == 60 && offsetof(struct push, residual) == 108,
               "convolution2d_constants.glsl's constants");
#define PUSH_SIZE 116

// What a kernel is compiled for.
struct kernel_key {
    uint32_t stored, computed, accumulated, backend, scope;
    uint32_t image_layout, weight_layout, transposed, depthwise, weight_strided, alignment, weight_alignment;
    uint32_t wide, bias, activation, residual,
        rows; // of what is compiled: d is f32, its pixels are rows of a matrix
    struct smelt_matmul2d_tiling tiling;
    uint32_t baked;
};

// Where n, h, w, c and the weight's o, i, h, w stand in the layouts.
static const uint8_t image_order[2][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}};
static const uint8_t weight_order[4][4] = {{3, 2, 0, 1}, {0, 3, 1, 2}, {0, 1, 2, 3}, {1, 0, 2, 3}};
enum { N, H, W, C };
enum { OUT, IN, KERNEL_H, KERNEL_W };

// A call, checked.
struct call {
    smelt_context context;
    const struct smelt_convolution2d_params *params;
    struct smelt_convolution2d_geometry geometry; // zeros replaced by what they mean
    struct smelt_convolution2d_descriptor descriptor;
    struct smelt_op op;
    uint64_t a[4], b[4], d[4]; // extents, in the order of the enums
    uint64_t group_outputs, pixels;
    struct push push;
    uint32_t d_is_whole;
};

// --- Kernels ----------------------------------------------------------------------------------------------

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct kernel_key *key = user;
    static const char *const images[] = {"SMELT_LAYOUT_NHWC", "SMELT_LAYOUT_NCHW"};
    static const char *const weights[] = {"SMELT_LAYOUT_HWIO", "SMELT_LAYOUT_OHWI", "SMELT_LAYOUT_OIHW",
                                          "SMELT_LAYOUT_IOHW"};
    bool thread = key->scope == SMELT_SCOPE_THREAD;
    const char *dtype = smelt_dtype_name((enum smelt_dtype)key->stored);
    smelt_text_add(
        text,
        "#version 460\n#include \"smelt/base.glsl\"\n#define KERNEL_BAKED 0\n#define KERNEL_D_IS_F32 %s\n"
        "#define KERNEL_HAS_BIAS %s\n#define KERNEL_HAS_RESIDUAL %s\n#define KERNEL_ACTIVATES %s\n"
        "#define KERNEL_ACTIVATE(v) SMELT_CAT(smelt_activation_, %s)(v)\n%s#include \"smelt/op/conv.glsl\"\n",
        key->wide ? "true" : "false", key->bias ? "true" : "false", key->residual ? "true" : "false",
        key->activation ? "true" : "false", smelt_op_activation_macro((enum smelt_activation)key->activation),
        smelt_kernel_text("kernels/convolution2d_constants.glsl"));
    smelt_op_define_number(text, "KERNEL_", "ROWS", key->rows);
    smelt_op_define(text, "KERNEL_", "STORED", smelt_op_dtype_macro((enum smelt_dtype)key->stored));
    smelt_op_define(text, "KERNEL_", "IMAGE_LAYOUT", images[key->image_layout]);
    smelt_op_define(text, "KERNEL_", "WEIGHT_LAYOUT", weights[key->weight_layout]);
    smelt_text_add(
        text,
        "#define KERNEL_IMAGE conv_image_%s_4_r_0x0x0x0\n#define KERNEL_WEIGHT conv_weight_%s_4_r_0x0x0x0\n"
        "#define KERNEL_BIAS bias_%s_1_r_0\n#define KERNEL_DATA %s\n",
        dtype, dtype, dtype, key->stored == SMELT_DTYPE_F32 ? "smelt_f32_r_data" : "smelt_u16_r_data");
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

// --- Calls ------------------------------------------------------------------------------------------------

static enum smelt_result check_tensor(smelt_context context, const char *role, smelt_tensor tensor,
                                      uint32_t rank)
{
    const struct smelt_tensor_info *t = &tensor->info;
    if (tensor->context != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "convolution2d: %s '%s' is of another context", role, t->name);
    if (t->dtype != SMELT_DTYPE_F32 && t->dtype != SMELT_DTYPE_F16)
        return smelt_fail(context, SMELT_ERROR_DTYPE, "convolution2d: %s '%s' is %s, wanted f32 or f16", role,
                          t->name, smelt_dtype_name(t->dtype));
    if (t->rank != rank)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "convolution2d: %s '%s' has rank %" PRIu32 ", wanted %" PRIu32, role, t->name,
                          t->rank, rank);
    if (t->size / smelt_dtype_size(t->dtype, 1) > UINT32_MAX)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: %s '%s' spans %" PRIu64 " bytes, wanted fewer than 2^32 elements",
                          role, t->name, t->size);
    return smelt_tensor_require_plain(tensor, "convolution2d");
}

static enum smelt_result check_enums(const struct call *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    if ((uint32_t)p->image_layout > SMELT_IMAGE_NCHW)
        return smelt_fail(
            call->context, SMELT_ERROR_INVALID_ARGUMENT,
            "convolution2d: image_layout is %u, wanted one of enum smelt_image_layout (0 to %d)",
            (uint32_t)p->image_layout, SMELT_IMAGE_NCHW);
    if ((uint32_t)p->weight_layout > SMELT_WEIGHT_IOHW)
        return smelt_fail(
            call->context, SMELT_ERROR_INVALID_ARGUMENT,
            "convolution2d: weight_layout is %u, wanted one of enum smelt_weight_layout (0 to %d)",
            (uint32_t)p->weight_layout, SMELT_WEIGHT_IOHW);
    return SMELT_OK;
}

// Rows or columns of the result: the formula of ops.h.
static enum smelt_result check_result(const struct call *call, const char *what, uint64_t got, uint64_t image,
                                      uint64_t kernel, uint32_t stride, uint32_t dilation, uint64_t padding,
                                      uint32_t more)
{
    uint64_t reach = (kernel - 1) * dilation + 1, wanted;
    if (call->geometry.transposed) {
        uint64_t whole = (image - 1) * stride + reach + more;
        wanted = whole > padding ? whole - padding : 0;
    } else {
        wanted = image + padding >= reach ? (image + padding - reach) / stride + 1 : 0;
    }
    if (!wanted)
        return smelt_fail(call->context, SMELT_ERROR_SHAPE,
                          "convolution2d: %s of an image of %" PRIu64 " with padding %" PRIu64
                          " by a kernel that reaches over %" PRIu64 ": there is none, wanted one at least",
                          what, image, padding, reach);
    return smelt_kernel_check_extent(call->context, "convolution2d", what, got, wanted);
}

static enum smelt_result check_shapes(struct call *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    smelt_context context = call->context;
    bool iohw = p->weight_layout == SMELT_WEIGHT_IOHW;
    for (int i = 0; i < 4; i++) {
        call->a[i] = p->a->info.shape[image_order[p->image_layout][i]];
        call->b[i] = p->b->info.shape[weight_order[p->weight_layout][i]];
        call->d[i] = p->d->info.shape[image_order[p->image_layout][i]];
        if (!call->a[i] || !call->b[i])
            return smelt_fail(context, SMELT_ERROR_SHAPE, "convolution2d: %s '%s' is empty, wanted elements",
                              !call->a[i] ? "a" : "b", !call->a[i] ? p->a->info.name : p->b->info.name);
        if (call->a[i] >= 1u << 30 || call->d[i] >= 1u << 30)
            return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                              "convolution2d: an extent of %" PRIu64 ", wanted less than 2^30",
                              SMELT_MAX(call->a[i], call->d[i]));
    }
    if (call->a[C] % g->groups)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "convolution2d: a has %" PRIu64 " channels, wanted a multiple of groups, %" PRIu32,
                          call->a[C], g->groups);
    uint64_t outputs = iohw ? call->b[OUT] * g->groups : call->b[OUT];
    if (outputs % g->groups)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "convolution2d: b has %" PRIu64
                          " output channels, wanted a multiple of groups, %" PRIu32,
                          outputs, g->groups);
    call->group_outputs = outputs / g->groups;
    call->pixels = call->d[N] * call->d[H] * call->d[W];
    enum smelt_result result = SMELT_OK;
    if ((result =
             smelt_kernel_check_extent(context, "convolution2d", "the extent of b along the channels of a",
                                       call->b[IN], iohw ? call->a[C] : call->a[C] / g->groups)) ||
        (result =
             smelt_kernel_check_extent(context, "convolution2d", "the batch of d", call->d[N], call->a[N])) ||
        (result = smelt_kernel_check_extent(context, "convolution2d", "the number of channels of d",
                                            call->d[C], outputs)) ||
        (result = check_result(call, "the number of rows of d", call->d[H], call->a[H], call->b[KERNEL_H],
                               g->stride_y, g->dilation_y, (uint64_t)g->padding_top + g->padding_bottom,
                               g->output_padding_y)) ||
        (result = check_result(call, "the number of columns of d", call->d[W], call->a[W], call->b[KERNEL_W],
                               g->stride_x, g->dilation_x, (uint64_t)g->padding_left + g->padding_right,
                               g->output_padding_x)) ||
        (result = p->bias ? smelt_kernel_check_extent(context, "convolution2d", "the length of bias",
                                                      p->bias->info.shape[0], outputs)
                          : SMELT_OK))
        return result;
    return p->bias ? smelt_kernel_check_extent(context, "convolution2d", "the stride of bias",
                                               p->bias->info.strides[0], 1)
                   : SMELT_OK;
}

static enum smelt_result check_operands(struct call *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    smelt_context context = call->context;
    enum smelt_result result = check_enums(call);
    if (result || (result = check_tensor(context, "a", p->a, 4)) ||
        (result = check_tensor(context, "b", p->b, 4)) || (result = check_tensor(context, "d", p->d, 4)) ||
        (result = p->bias ? check_tensor(context, "bias", p->bias, 1) : SMELT_OK))
        return result;
    const struct smelt_tensor_info *a = &p->a->info, *b = &p->b->info, *d = &p->d->info;
    const struct smelt_tensor_info *odd = b->dtype != a->dtype                         ? b
                                          : p->bias && p->bias->info.dtype != a->dtype ? &p->bias->info
                                                                                       : NULL;
    if (odd)
        return smelt_fail(context, SMELT_ERROR_DTYPE, "convolution2d: %s '%s' is %s, wanted %s as a",
                          odd == b ? "b" : "bias", odd->name, smelt_dtype_name(odd->dtype),
                          smelt_dtype_name(a->dtype));
    if (smelt_tensor_share_bytes(d, a) || smelt_tensor_share_bytes(d, b) ||
        (p->bias && smelt_tensor_share_bytes(d, &p->bias->info)))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "convolution2d: d '%s' shares bytes with an operand, wanted separate tensors",
                          d->name);
    return smelt_kernel_check_lies_as("convolution2d", "residual", p->residual, "d", p->d);
}

static enum smelt_result check_call(smelt_encoder encoder, struct call *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    if (!p || !p->a || !p->b || !p->d)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "convolution2d: %s is NULL",
                          !p      ? "params"
                          : !p->a ? "a"
                          : !p->b ? "b"
                                  : "d");
    call->context = p->d->context;
    enum smelt_result result = smelt_encoder_require(encoder, call->context, "convolution2d");
    if (result)
        return result;
    struct smelt_convolution2d_geometry *g = &call->geometry;
    *g = p->geometry;
    g->stride_y = SMELT_MAX(g->stride_y, 1);
    g->stride_x = SMELT_MAX(g->stride_x, 1);
    g->dilation_y = SMELT_MAX(g->dilation_y, 1);
    g->dilation_x = SMELT_MAX(g->dilation_x, 1);
    g->groups = SMELT_MAX(g->groups, 1);
    return check_operands(call);
}

// --- What a call takes ------------------------------------------------------------------------------------

static bool is_packed(const struct smelt_tensor_info *t)
{
    uint64_t stride = 1;
    for (uint32_t i = t->rank; i-- > 0; stride *= t->shape[i])
        if (t->strides[i] != stride && t->shape[i] > 1)
            return false;
    return true;
}

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
    if (call->params->image_layout != SMELT_IMAGE_NHWC || (t->strides[3] != 1 && t->shape[3] > 1))
        return 1;
    return alignment_of(t, (const uint64_t[]){channels, t->strides[0], t->strides[1], t->strides[2]}, 4);
}

static uint32_t weight_alignment(const struct call *call, bool depthwise)
{
    const struct smelt_tensor_info *b = &call->params->b->info;
    switch (call->params->weight_layout) {
    case SMELT_WEIGHT_HWIO:
        return alignment_of(b, (const uint64_t[]){depthwise ? call->d[C] : call->group_outputs, call->d[C]},
                            2);
    case SMELT_WEIGHT_OHWI:
        return alignment_of(b, &call->b[IN], 1);
    case SMELT_WEIGHT_OIHW:
        return alignment_of(b, (const uint64_t[]){call->b[IN] * call->b[KERNEL_H] * call->b[KERNEL_W]}, 1);
    default:
        return 1;
    }
}

// The pixels of an image as the rows of a matrix.
static bool make_rows(const struct call *call, smelt_tensor image, struct smelt_tensor_t *matrix)
{
    const struct smelt_tensor_info *t = &image->info;
    uint64_t step = t->strides[W];
    *matrix = *image;
    matrix->info.rank = 2;
    matrix->info.shape[0] = t->shape[N] * t->shape[H] * t->shape[W];
    matrix->info.shape[1] = t->shape[C];
    matrix->info.strides[0] = step;
    matrix->info.strides[1] = 1;
    return call->params->image_layout == SMELT_IMAGE_NHWC && (t->strides[C] == 1 || t->shape[C] == 1) &&
           (t->shape[H] == 1 || t->strides[H] == t->shape[W] * step) &&
           (t->shape[N] == 1 || t->strides[N] == t->shape[H] * t->shape[W] * step);
}

// A kernel of 1 x 1 in every image's own place: the matrix product.
static bool is_product(const struct call *call, struct smelt_tensor_t *a, struct smelt_tensor_t *b,
                       struct smelt_tensor_t *d)
{
    const struct smelt_convolution2d_params *p = call->params;
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    bool plain = call->b[KERNEL_H] == 1 && call->b[KERNEL_W] == 1 && g->stride_y == 1 && g->stride_x == 1 &&
                 !g->padding_top && !g->padding_left && !g->padding_bottom && !g->padding_right &&
                 !g->output_padding_y && !g->output_padding_x && g->groups == 1;
    bool ohwi = p->weight_layout == SMELT_WEIGHT_OHWI;
    if (!plain || p->tiling.m == 1 || !(ohwi || p->weight_layout == SMELT_WEIGHT_HWIO) ||
        !is_packed(&p->b->info))
        return false;
    *b = *p->b;
    b->info.rank = 2;
    b->info.shape[0] = ohwi ? call->b[OUT] : call->b[IN];
    b->info.shape[1] = ohwi ? call->b[IN] : call->b[OUT];
    b->info.strides[0] = b->info.shape[1];
    b->info.strides[1] = 1;
    return make_rows(call, p->a, a) && make_rows(call, p->d, d);
}

static enum smelt_result encode_product(smelt_encoder encoder, const struct call *call, smelt_tensor a,
                                        smelt_tensor b, smelt_tensor d, const struct smelt_dispatch *what)
{
    const struct smelt_convolution2d_params *p = call->params;
    struct smelt_tensor_t residual = *d; // lies as d does
    if (p->residual)
        residual.info.address = p->residual->info.address;
    const struct smelt_matmul2d_params product = {
        .a = a,
        .b = b,
        .bias = p->bias,
        .d = d,
        .residual = p->residual ? &residual : NULL,
        .transpose_right = p->weight_layout == SMELT_WEIGHT_OHWI,
        .activation = p->activation,
        .computed = p->computed,
        .accumulated = p->accumulated,
        .backend = p->backend,
        .tiling = p->tiling,
        .baked = p->baked,
    };
    return smelt_product_encode(encoder, &product, what);
}

static bool asks_for_tile(const struct smelt_convolution2d_params *p)
{
    return p->tiling.m || p->tiling.n || p->tiling.k || p->tiling.subgroups_m || p->tiling.subgroups_n;
}

// Groups of few channels leave most of a tile idle.
static bool takes_thread(const struct call *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    return asks_for_tile(p) ? p->tiling.m == 1
                            : call->geometry.groups > 1 && call->group_outputs < THREAD_CHANNELS;
}

// Tiles by the class of a shape, for subgroups of 32 and more (measured on an H200, docs/performance.md). The first row is
// taken whose channels fit and whose tiles are as many as it wants.
static const struct {
    uint32_t least_outputs, most_outputs, least_tiles;
    uint32_t m, n, k, subgroups_m, subgroups_n;
} tiles[] = {
    {512, UINT32_MAX, 128, 128, 256, 32, 2, 4}, {96, UINT32_MAX, 128, 128, 128, 32, 2, 2},
    {33, 64, 2048, 128, 64, 32, 2, 2},          {1, 16, 1, 64, 16, 32, 4, 1},
    {17, 32, 1024, 128, 32, 32, 4, 1},          {1, UINT32_MAX, 1, 64, 64, 64, 2, 2},
};

// Of one group of channels.
static uint64_t tiles_of(const struct call *call, uint32_t m, uint32_t n)
{
    return (call->pixels + m - 1) / m * ((call->group_outputs + n - 1) / n);
}

static void choose_tile(struct call *call)
{
    struct smelt_convolution2d_descriptor *d = &call->descriptor;
    const struct smelt_matmul2d_tiling *asked = &call->params->tiling;
    uint32_t i = 0;
    if (asks_for_tile(call->params)) {
        d->m = asked->m;
        d->n = asked->n;
        d->tile_k = asked->k;
        d->subgroups_m = asked->subgroups_m;
        d->subgroups_n = asked->subgroups_n;
        return;
    }
    if (call->context->capabilities.subgroup_size < 32)
        return; // the op's own
    while (call->group_outputs < tiles[i].least_outputs || call->group_outputs > tiles[i].most_outputs ||
           tiles_of(call, tiles[i].m, tiles[i].n) < tiles[i].least_tiles)
        i++;
    d->m = tiles[i].m;
    d->n = tiles[i].n;
    d->tile_k = tiles[i].k;
    d->subgroups_m = tiles[i].subgroups_m;
    d->subgroups_n = tiles[i].subgroups_n;
}

static enum smelt_result fit(struct call *call, struct smelt_op_info *info)
{
    struct smelt_convolution2d_descriptor *d = &call->descriptor;
    if (d->scope == SMELT_SCOPE_THREAD)
        return smelt_op_query(call->context, &call->op, 0, info);
    choose_tile(call);
    enum smelt_result result = smelt_op_query(call->context, &call->op, 0, info);
    if (result != SMELT_ERROR_UNSUPPORTED || asks_for_tile(call->params))
        return result;
    d->m = d->n = d->tile_k = d->subgroups_m = d->subgroups_n = 0; // the table's is too large for this device
    return smelt_op_query(call->context, &call->op, 0, info);
}

static enum smelt_result describe(struct call *call, struct kernel_key *key, struct smelt_op_info *info)
{
    const struct smelt_convolution2d_params *p = call->params;
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    struct smelt_convolution2d_descriptor *d = &call->descriptor;
    struct smelt_tensor_t rows;
    bool baked = !SMELT_HAVE_COMPILER || p->baked, thread = takes_thread(call);
    bool channelwise = g->groups == call->a[C] && g->groups == call->d[C] && (!baked || !g->transposed);
    *d = (struct smelt_convolution2d_descriptor){
        .scope = thread || (baked && g->transposed) ? SMELT_SCOPE_THREAD : SMELT_SCOPE_WORKGROUP,
        .geometry = *g,
        .image_layout = p->image_layout,
        .weight_layout = p->weight_layout,
        .epilogue = true,
        .activation = p->activation, // for the check; the kernel's is a constant
        .stored = p->a->info.dtype,
        .computed = p->computed,
        .accumulated = p->accumulated,
        .backend = thread && p->backend == SMELT_BACKEND_AUTO ? SMELT_BACKEND_PORTABLE : p->backend,
        .alignment = 1,
        .weight_alignment = 1,
    };
    if (baked && d->backend == SMELT_BACKEND_AUTO)
        d->backend = SMELT_BACKEND_PORTABLE;
    if (d->scope == SMELT_SCOPE_THREAD)
        d->depthwise = channelwise;
    else
        d->weight_strided = baked || !is_packed(&p->b->info);
    if (!baked) {
        bool whole = is_packed(&p->b->info);
        d->alignment = image_alignment(call, &p->a->info, d->depthwise ? call->a[C] : call->a[C] / g->groups);
        d->weight_alignment = whole ? weight_alignment(call, d->depthwise) : 1;
    }
    call->op = (struct smelt_op){.name = "conv", .kind = SMELT_OP_CONVOLUTION2D, .convolution2d = d};
    enum smelt_result result = fit(call, info);
    if (result)
        return result;
    d->activation = SMELT_ACTIVATION_NONE;
    d->geometry =
        (struct smelt_convolution2d_geometry){.transposed = g->transposed}; // constants of the kernel
    memset(key, 0, sizeof(*key));                                           // compared as bytes
    *key = (struct kernel_key){
        .stored = (uint32_t)d->stored,
        .computed = (uint32_t)info->choice.computed,
        .accumulated = (uint32_t)info->choice.accumulated,
        .backend = (uint32_t)info->choice.backend,
        .scope = (uint32_t)d->scope,
        .transposed = g->transposed,
        .depthwise = d->depthwise,
        .baked = baked,
    };
    d->backend = info->choice.backend;
    if (!baked) {
        key->image_layout = (uint32_t)d->image_layout;
        key->weight_layout = (uint32_t)d->weight_layout;
        key->weight_strided = d->weight_strided;
        key->alignment = d->alignment;
        key->weight_alignment = d->weight_alignment;
        key->wide = p->d->info.dtype == SMELT_DTYPE_F32;
        key->bias = p->bias != NULL;
        key->residual = p->residual != NULL;
        key->activation = (uint32_t)p->activation;
        key->rows = d->scope == SMELT_SCOPE_WORKGROUP && make_rows(call, p->d, &rows);
        key->tiling = info->tiling;
        return SMELT_OK;
    }
    if (info->choice.backend != SMELT_BACKEND_PORTABLE)
        return smelt_fail(call->context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: backend %s is not baked, wanted portable",
                          smelt_backend_name(info->choice.backend));
    if (p->weight_layout == SMELT_WEIGHT_IOHW && g->groups > 1 && !d->depthwise)
        return smelt_fail(call->context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: weight_layout IOHW with groups %" PRIu32
                          " is not baked, wanted another layout",
                          g->groups);
    // glsl/kernels/convolution2d_portable.glsl: any strides, so any layout.
    info->tiling = (struct smelt_matmul2d_tiling){.m = 64, .n = 64, .k = 16};
    info->stage_flags = 0;
    info->subgroup_size.requiredSubgroupSize = 0;
    return SMELT_OK;
}

// Strides in the order that the kernel takes: of its layouts, or NHWC and HWIO when it is baked.
static void fill_push(struct call *call, bool baked)
{
    const struct smelt_convolution2d_params *p = call->params;
    static const uint8_t hwio[4] = {KERNEL_H, KERNEL_W, IN, OUT};
    struct push *push = &call->push;
    uint64_t residual = p->residual ? p->residual->info.address : 0;
    *push = (struct push){
        .residual = {(uint32_t)residual, (uint32_t)(residual >> 32)},
        .a = p->a->info.address,
        .b = p->b->info.address,
        .bias = p->bias ? p->bias->info.address : 0,
        .d = p->d->info.address,
        .batch = (uint32_t)call->a[N],
        .height = (uint32_t)call->a[H],
        .width = (uint32_t)call->a[W],
        .channels = (uint32_t)(call->a[C] / call->geometry.groups),
        .outputs = (uint32_t)call->d[C],
        .kernel_h = (uint32_t)call->b[KERNEL_H],
        .kernel_w = (uint32_t)call->b[KERNEL_W],
    };
    for (int i = 0; i < 4; i++) {
        uint8_t image = baked ? image_order[p->image_layout][i] : (uint8_t)i;
        uint8_t weight = baked ? weight_order[p->weight_layout][hwio[i]] : (uint8_t)i;
        push->stride_a[i] = (uint32_t)p->a->info.strides[image];
        push->stride_d[i] = (uint32_t)p->d->info.strides[image];
        push->stride_b[i] = (uint32_t)p->b->info.strides[weight];
    }
    if (baked && call->descriptor.depthwise && p->weight_layout == SMELT_WEIGHT_IOHW)
        push->stride_b[3] = (uint32_t)p->b->info.strides[0]; // [channel][1][h][w]
}

static enum smelt_result count_groups(const struct call *call, const struct smelt_op_info *info,
                                      uint32_t grid[3])
{
    const struct smelt_capabilities *c = &call->context->capabilities;
    uint64_t groups, sections = call->descriptor.depthwise ? 1 : call->geometry.groups;
    if (call->descriptor.scope == SMELT_SCOPE_THREAD) {
        uint64_t section = call->d[C] / sections;
        uint64_t blocks = sections * ((section + THREAD_CHANNELS - 1) / THREAD_CHANNELS),
                 all = call->pixels * blocks;
        groups = (all + THREAD_SIZE - 1) / THREAD_SIZE;
        grid[0] = (uint32_t)SMELT_MIN(groups, c->max_workgroup_count[0]);
        grid[1] = (uint32_t)((groups + grid[0] - 1) / grid[0]);
        grid[2] = 1;
        if (all + (uint64_t)grid[0] * THREAD_SIZE <= UINT32_MAX && grid[1] <= c->max_workgroup_count[1])
            return SMELT_OK;
        return smelt_fail(call->context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: %" PRIu64 " invocations, wanted fewer than 2^32", all);
    }
    groups = tiles_of(call, info->tiling.m, info->tiling.n);
    grid[0] = (uint32_t)groups;
    grid[1] = 1;
    grid[2] = (uint32_t)sections;
    if (groups <= c->max_workgroup_count[0] && sections <= c->max_workgroup_count[2])
        return SMELT_OK;
    return smelt_fail(call->context, SMELT_ERROR_UNSUPPORTED,
                      "convolution2d: %" PRIu64 " tiles of %" PRIu32 " x %" PRIu32 " in %" PRIu64
                      " groups, wanted at most %" PRIu32 " in %" PRIu32,
                      groups, info->tiling.m, info->tiling.n, sections, c->max_workgroup_count[0],
                      c->max_workgroup_count[2]);
}

static enum smelt_result get_kernel(const struct call *call, const struct kernel_key *key,
                                    const struct smelt_op_info *info, struct smelt_kernel *kernel)
{
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    const struct push *push = &call->push;
    bool thread = key->scope == SMELT_SCOPE_THREAD;
    uint64_t section = key->depthwise ? call->d[C] : call->group_outputs;
    bool whole = thread && call->params->d->info.dtype == SMELT_DTYPE_F16 &&
                 image_alignment(call, &call->params->d->info, section) == 8;
    char baked[80];
    snprintf(baked, sizeof(baked), "convolution2d%s_%s_%s_%s",
             !thread          ? ""
             : key->depthwise ? "_depthwise"
             : g->transposed  ? "_transposed"
                              : "_thread",
             smelt_dtype_name((enum smelt_dtype)key->stored),
             smelt_dtype_name((enum smelt_dtype)key->computed),
             smelt_dtype_name((enum smelt_dtype)key->accumulated));
    const struct smelt_kernel_request request = {
        .name = "convolution2d",
        .key = key,
        .key_size = sizeof(*key),
        .baked = key->baked ? baked : NULL,
        .write = write_kernel,
        .user = key,
        .ops = &call->op,
        .op_count = 1,
        .backend = (enum smelt_backend)key->backend,
        .push_size = PUSH_SIZE,
        .stage_flags = info->stage_flags,
        .subgroup_size = info->subgroup_size.requiredSubgroupSize,
        .constants = {push->batch,
                      push->height,
                      push->width,
                      push->channels,
                      push->outputs,
                      push->kernel_h,
                      push->kernel_w,
                      g->stride_y,
                      g->stride_x,
                      g->dilation_y,
                      g->dilation_x,
                      g->padding_top,
                      g->padding_left,
                      g->padding_bottom,
                      g->padding_right,
                      g->output_padding_y,
                      g->output_padding_x,
                      g->groups,
                      whole,
                      call->params->d->info.dtype == SMELT_DTYPE_F32,
                      call->params->bias != NULL,
                      (uint32_t)call->params->activation,
                      call->params->residual != NULL},
        .constant_count = key->baked ? 23 : 19,
        .size_count = 7,
    };
    return smelt_kernel_get(call->context, &request, kernel);
}

enum smelt_result smelt_encode_convolution2d(smelt_encoder encoder,
                                             const struct smelt_convolution2d_params *params)
{
    struct call call = {.params = params};
    enum smelt_result result = check_call(encoder, &call);
    if (result || (result = check_shapes(&call)))
        return result;
    struct smelt_range ranges[5] = {smelt_range_of(params->a, SMELT_ACCESS_READ),
                                    smelt_range_of(params->b, SMELT_ACCESS_READ),
                                    smelt_range_of(params->d, SMELT_ACCESS_WRITE)};
    uint32_t range_count = 3;
    if (params->bias)
        ranges[range_count++] = smelt_range_of(params->bias, SMELT_ACCESS_READ);
    if (params->residual)
        ranges[range_count++] = smelt_range_of(params->residual, SMELT_ACCESS_READ);
    const struct smelt_dispatch what = {
        .ranges = ranges,
        .range_count = range_count,
        .label = "smelt convolution2d",
        .operation = SMELT_OPERATION_CONVOLUTION2D,
        .call = params,
        .call_size = sizeof(*params),
        .parts = 1,
    };
    struct smelt_tensor_t a, b, d;
    if (is_product(&call, &a, &b, &d))
        return encode_product(encoder, &call, &a, &b, &d, &what);
    struct kernel_key key;
    struct smelt_op_info info;
    uint32_t grid[3];
    struct smelt_kernel kernel;
    if ((result = describe(&call, &key, &info)) || (result = count_groups(&call, &info, grid)))
        return result;
    fill_push(&call, key.baked);
    if ((result = get_kernel(&call, &key, &info, &kernel)))
        return result;
    return smelt_kernel_dispatch(encoder, &kernel, &call.push, PUSH_SIZE, grid[0], grid[1], grid[2], &what);
}
