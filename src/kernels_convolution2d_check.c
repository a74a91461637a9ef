// SPDX-License-Identifier: MIT
// What smelt_encode_convolution2d refuses.
#include "kernels_convolution2d.h"
#include "tensor_internal.h"

#include <inttypes.h>

const uint8_t smelt_image_order[2][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}};
const uint8_t smelt_weight_order[4][4] = {{3, 2, 0, 1}, {0, 3, 1, 2}, {0, 1, 2, 3}, {1, 0, 2, 3}};

static enum smelt_result check_tensor(smelt_context context, const char *role, smelt_tensor tensor,
                                      uint32_t rank)
{
    const struct smelt_tensor_info *t = &tensor->info;
    if (tensor->context != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "convolution2d: %s '%s' is of another context", role, t->name);
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

static enum smelt_result check_enums(const struct smelt_convolution *call)
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
static enum smelt_result check_result(const struct smelt_convolution *call, const char *what, uint64_t got,
                                      uint64_t image, uint64_t kernel, uint32_t stride, uint32_t dilation,
                                      uint64_t padding, uint32_t more)
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

// The extents of d before blocks of its channels became pixels.
static enum smelt_result join_blocks(struct smelt_convolution *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    uint64_t block = p->depth_to_space;
    if (block <= 1)
        return SMELT_OK;
    if (p->image_layout != SMELT_IMAGE_NHWC || block >= 1u << 10 || call->d[H] % block || call->d[W] % block)
        return smelt_fail(call->context, SMELT_ERROR_SHAPE,
                          "convolution2d: d '%s' is %" PRIu64 " x %" PRIu64
                          " pixels, wanted NHWC and multiples of depth_to_space, %" PRIu64,
                          p->d->info.name, call->d[H], call->d[W], block);
    call->d[H] /= block;
    call->d[W] /= block;
    call->d[C] *= block * block;
    return SMELT_OK;
}

static enum smelt_result check_shapes(struct smelt_convolution *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    smelt_context context = call->context;
    bool iohw = p->weight_layout == SMELT_WEIGHT_IOHW;
    for (int i = 0; i < 4; i++) {
        call->a[i] = p->a->info.shape[smelt_image_order[p->image_layout][i]];
        call->b[i] = p->b->info.shape[smelt_weight_order[p->weight_layout][i]];
        call->d[i] = p->d->info.shape[smelt_image_order[p->image_layout][i]];
        if (!call->a[i] || !call->b[i])
            return smelt_fail(context, SMELT_ERROR_SHAPE, "convolution2d: %s '%s' is empty, wanted elements",
                              !call->a[i] ? "a" : "b", !call->a[i] ? p->a->info.name : p->b->info.name);
        if (call->a[i] >= 1u << 30 || call->d[i] >= 1u << 30)
            return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                              "convolution2d: an extent of %" PRIu64 ", wanted less than 2^30",
                              SMELT_MAX(call->a[i], call->d[i]));
    }
    enum smelt_result result = join_blocks(call);
    if (result)
        return result;
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

static enum smelt_result wrong_type(smelt_context context, const char *role,
                                    const struct smelt_tensor_info *t, const char *wanted)
{
    return smelt_fail(context, SMELT_ERROR_DTYPE, "convolution2d: %s '%s' is %s, wanted %s", role, t->name,
                      smelt_dtype_name(t->dtype), wanted);
}

static bool is_byte(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_U8;
}

static bool is_word(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_F32 || dtype == SMELT_DTYPE_F16;
}

// d of integers: smelt_quantization_check.
static enum smelt_result check_types(struct smelt_convolution *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    const struct smelt_tensor_info *a = &p->a->info, *b = &p->b->info;
    call->integers = is_byte(a->dtype);
    if (!call->integers && !is_word(a->dtype))
        return wrong_type(call->context, "a", a, "f32, f16, i8 or u8");
    if (call->integers && !is_byte(b->dtype))
        return wrong_type(call->context, "b", b, "i8 or u8 with a of i8 or u8");
    if (!call->integers && b->dtype != a->dtype)
        return wrong_type(call->context, "b", b, a->dtype == SMELT_DTYPE_F32 ? "f32 as a" : "f16 as a");
    enum smelt_dtype bias = call->integers ? SMELT_DTYPE_I32 : a->dtype;
    if (p->bias && p->bias->info.dtype != bias)
        return wrong_type(call->context, "bias", &p->bias->info,
                          call->integers                ? "i32 for operands of integers"
                          : a->dtype == SMELT_DTYPE_F32 ? "f32 as a"
                                                        : "f16 as a");
    if (call->integers)
        return smelt_quantization_check_types(call->context, "convolution2d", p->computed, p->accumulated);
    return is_word(p->d->info.dtype) ? SMELT_OK : wrong_type(call->context, "d", &p->d->info, "f32 or f16");
}

static enum smelt_result check_operands(struct smelt_convolution *call)
{
    const struct smelt_convolution2d_params *p = call->params;
    smelt_context context = call->context;
    enum smelt_result result = check_enums(call);
    if (result || (result = check_tensor(context, "a", p->a, 4)) ||
        (result = check_tensor(context, "b", p->b, 4)) || (result = check_tensor(context, "d", p->d, 4)) ||
        (result = p->bias ? check_tensor(context, "bias", p->bias, 1) : SMELT_OK))
        return result;
    const struct smelt_tensor_info *a = &p->a->info, *b = &p->b->info, *d = &p->d->info;
    if ((result = check_types(call)))
        return result;
    if (smelt_tensor_share_bytes(d, a) || smelt_tensor_share_bytes(d, b) ||
        (p->bias && smelt_tensor_share_bytes(d, &p->bias->info)))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "convolution2d: d '%s' shares bytes with an operand, wanted separate tensors",
                          d->name);
    return smelt_kernel_check_lies_as("convolution2d", "residual", p->residual, "d", p->d);
}

enum smelt_result smelt_convolution_check(smelt_encoder encoder, struct smelt_convolution *call)
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
    if ((result = check_operands(call)) || (result = check_shapes(call)))
        return result;
    return smelt_quantization_check("convolution2d", &p->quantization, p->a, p->d, call->d[C],
                                    p->b->info.dtype, p->residual != NULL);
}
