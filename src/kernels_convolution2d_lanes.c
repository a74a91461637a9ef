// SPDX-License-Identifier: MIT
// Convolutions on devices that are processors: glsl/kernels/convolution2d_lanes_body.glsl, whose subgroups keep a tile in
// registers and read as little as can be. Products of 1 x 1 too.
#include "kernels_convolution2d.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_PIXELS 8           // of a lane
#define MOST_BYTES (1ull << 30) // of what is read, convolution2d_lanes_body.glsl's `addresses`

// What a kernel is compiled for.
struct kernel_key {
    uint32_t lanes, pixels, channels, vector, together, once, weight_vector, whole, terms;
    uint32_t image_f16, weight_f16, d_is_f32, bias, activation, residual;
    uint32_t source; // a is an image
    char format[8];  // d is one; else empty
};

static bool is_f32_or_f16(smelt_tensor tensor)
{
    return tensor->info.dtype == SMELT_DTYPE_F32 || tensor->info.dtype == SMELT_DTYPE_F16;
}

static bool is_small(smelt_tensor tensor)
{
    return !tensor || tensor->info.size <= MOST_BYTES;
}

static bool asks_for_kernel(const struct smelt_convolution2d_params *p)
{
    return smelt_convolution_asks_for_tile(p) || p->baked || p->backend != SMELT_BACKEND_AUTO;
}

bool smelt_convolution_takes_lanes(const struct smelt_convolution *convolution)
{
    const struct smelt_convolution2d_params *p = convolution->params;
    const struct smelt_capabilities *c = &convolution->context->capabilities;
    if (p->a->picture || p->d->picture)
        return true;
    return c->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU && c->subgroup_size == 8 &&
           convolution->context->subgroup_shuffle && !asks_for_kernel(p) && smelt_kernels_have_text() &&
           !convolution->integers && is_f32_or_f16(p->a) && is_f32_or_f16(p->b) && is_f32_or_f16(p->d) &&
           !convolution->geometry.transposed && is_small(p->a) && is_small(p->b) && is_small(p->residual) &&
           (convolution->geometry.groups == 1 || convolution->group_outputs >= 8);
}

// Whether the pixels of a tensor of a call lie as those of the picture.
static bool lies_as_picture(const struct smelt_convolution2d_params *p, smelt_tensor tensor,
                            const struct smelt_picture *form)
{
    const struct smelt_tensor_info *t = &tensor->info;
    const uint8_t *order = smelt_image_order[p->image_layout];
    const uint64_t shape[4] = {1, form->height, form->width, form->channels},
                   strides[4] = {0, form->width * form->channels, form->channels, 1};
    for (int i = 0; i < 4; i++)
        if (t->shape[order[i]] != shape[i] || (shape[i] > 1 && t->strides[order[i]] != strides[i]))
            return false;
    return true;
}

bool smelt_convolution_takes_picture(smelt_context context, const struct smelt_convolution2d_params *p,
                                     const struct smelt_picture *form, bool is_a, bool is_d)
{
    const struct smelt_capabilities *c = &context->capabilities;
    bool cpu = c->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    uint64_t terms =
        smelt_tensor_element_count(p->b) / p->d->info.shape[smelt_image_order[p->image_layout][C]];
    bool whole =
        is_a != is_d && is_d == (form->format != NULL) && !p->residual && !p->a->picture && !p->d->picture;
    // Where matrices are fast, a dispatch that converts costs less than many terms without them.
    return whole && (cpu || terms <= 256) && c->subgroup_size >= 8 && c->subgroup_size <= 64 &&
           context->subgroup_shuffle && !asks_for_kernel(p) && is_f32_or_f16(p->a) && is_f32_or_f16(p->b) &&
           is_f32_or_f16(p->d) && is_small(p->a) && is_small(p->b) && p->geometry.groups <= 1 &&
           !p->geometry.transposed && lies_as_picture(p, is_a ? p->a : p->d, form);
}

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct kernel_key *key = user;
    smelt_text_add(text,
                   "#version 460\n#extension GL_KHR_shader_subgroup_shuffle : require\n%s"
                   "#include \"smelt/base.glsl\"\n#include \"smelt/memory.glsl\"\n"
                   "#include \"smelt/tensor_data.glsl\"\n#include \"smelt/activation.glsl\"\n"
                   "#define KERNEL_BAKED 0\n#define KERNEL_INTEGER 0\n#define KERNEL_D_IS_F32 %s\n"
                   "#define KERNEL_HAS_BIAS %s\n#define KERNEL_HAS_RESIDUAL %s\n"
                   "#define KERNEL_ACTIVATE(v) SMELT_CAT(smelt_activation_, %s)(v)\n",
                   key->source ? "#extension GL_EXT_samplerless_texture_functions : require\n" : "",
                   key->d_is_f32 ? "true" : "false", key->bias ? "true" : "false",
                   key->residual ? "true" : "false",
                   smelt_op_activation_macro((enum smelt_activation)key->activation));
    smelt_op_define_number(text, "KERNEL_", "LANES", key->lanes);
    smelt_op_define_number(text, "KERNEL_", "PIXELS", key->pixels);
    smelt_op_define_number(text, "KERNEL_", "CHANNELS", key->channels);
    smelt_op_define_number(text, "KERNEL_", "VECTOR", key->vector);
    smelt_op_define_number(text, "KERNEL_", "TOGETHER", key->together);
    smelt_op_define_number(text, "KERNEL_", "ONCE", key->once);
    smelt_op_define_number(text, "KERNEL_", "WEIGHT_VECTOR", key->weight_vector);
    smelt_op_define_number(text, "KERNEL_", "WHOLE", key->whole);
    smelt_op_define_number(text, "KERNEL_", "IMAGE_F16", key->image_f16);
    smelt_op_define_number(text, "KERNEL_", "WEIGHT_F16", key->weight_f16);
    smelt_op_define_number(text, "KERNEL_", "TERMS", key->terms);
    smelt_op_define_number(text, "KERNEL_", "SOURCE", key->source);
    smelt_op_define_number(text, "KERNEL_", "TARGET", *key->format != 0);
    smelt_op_define(text, "KERNEL_", "FORMAT", key->format);
    smelt_text_add(text, "%s%s", smelt_kernel_text("kernels/convolution2d_constants.glsl"),
                   smelt_kernel_text("kernels/convolution2d_lanes_body.glsl"));
}

// Whether `each` neighbours from every place on, which are multiples of `each` in all strides but the last, are aligned.
static bool is_aligned(const struct smelt_tensor_info *t, const uint32_t *strides, uint64_t channels,
                       uint32_t each)
{
    uint64_t all = channels | strides[0] | strides[1] | strides[2];
    return strides[3] == 1 && all % each == 0 && t->address % smelt_dtype_size(t->dtype, each) == 0;
}

// Each turn of a loop writes all sums to memory: as few as can be, of up to 4 channels.
static uint32_t channels_at_a_time(uint32_t channels)
{
    uint32_t most = 4;
    while (channels % most)
        most--;
    return most;
}

// What every kernel's op checks.
static enum smelt_result check_op(const struct smelt_convolution *convolution)
{
    struct smelt_convolution2d_descriptor descriptor =
        smelt_convolution_descriptor(convolution, SMELT_SCOPE_THREAD);
    descriptor.backend = SMELT_BACKEND_PORTABLE;
    const struct smelt_op op = {.name = "conv", .kind = SMELT_OP_CONVOLUTION2D, .convolution2d = &descriptor};
    struct smelt_op_info info;
    return smelt_op_query(convolution->context, &op, 0, &info);
}

static struct kernel_key describe(const struct smelt_convolution *convolution,
                                  const struct smelt_convolution_push *push)
{
    const struct smelt_convolution2d_params *p = convolution->params;
    uint64_t outputs = convolution->group_outputs;
    uint32_t each = p->d->info.dtype == SMELT_DTYPE_F32 ? 4 : 8;
    struct kernel_key key;
    memset(&key, 0, sizeof(key)); // compared as bytes
    key.lanes = convolution->context->capabilities.subgroup_size;
    key.channels = p->d->picture ? 4 : outputs <= 8 ? 8 : 16;
    for (key.pixels = 1; key.pixels < MOST_PIXELS && key.pixels * key.lanes < convolution->pixels;)
        key.pixels *= 2;
    key.together = !p->a->picture && is_aligned(&p->a->info, push->stride_a, push->channels, 4);
    key.vector = channels_at_a_time(push->channels);
    key.once = key.vector == push->channels;
    for (key.terms = 1; key.vector % (2 * key.terms) == 0 && key.lanes >= key.channels / 4 * 2 * key.terms;)
        key.terms *= 2;
    key.source = p->a->picture != NULL;
    if (p->d->picture)
        snprintf(key.format, sizeof(key.format), "%s", p->d->picture->format);
    key.weight_vector = is_aligned(&p->b->info, push->stride_b, outputs, 4) ? 4 : 1;
    key.whole = is_aligned(&p->d->info, push->stride_d, outputs, each) &&
                (!p->residual || p->residual->info.address % 16 == 0);
    key.image_f16 = p->a->info.dtype == SMELT_DTYPE_F16;
    key.weight_f16 = p->b->info.dtype == SMELT_DTYPE_F16;
    key.d_is_f32 = p->d->info.dtype == SMELT_DTYPE_F32;
    key.bias = p->bias != NULL;
    key.activation = (uint32_t)p->activation;
    key.residual = p->residual != NULL;
    return key;
}

static enum smelt_result get_kernel(smelt_encoder encoder, const struct smelt_convolution *convolution,
                                    const struct smelt_convolution_push *push, const struct kernel_key *key,
                                    struct smelt_kernel *kernel)
{
    struct smelt_kernel_request request = {
        .name = "convolution2d lanes",
        .key = key,
        .key_size = sizeof(*key),
        .write = write_kernel,
        .user = key,
        .dtype = convolution->params->a->info.dtype,
        .backend = SMELT_BACKEND_PORTABLE,
        .push_size = SMELT_CONVOLUTION_PUSH_SIZE,
        .operations = smelt_convolution_operations(convolution),
        .linear = true,
        .image_type = key->source    ? VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE
                      : *key->format ? VK_DESCRIPTOR_TYPE_STORAGE_IMAGE
                                     : 0,
        .subgroup_size = convolution->context->required_subgroup_size ? key->lanes : 0,
        .constant_count = SMELT_CONVOLUTION_CONSTANTS,
        .size_count = SMELT_CONVOLUTION_SIZES,
    };
    smelt_convolution_fill_constants(convolution, push, request.constants);
    return smelt_kernel_get(encoder, &request, kernel);
}

enum smelt_result smelt_convolution_encode_lanes(smelt_encoder encoder,
                                                 const struct smelt_convolution *convolution,
                                                 const struct smelt_dispatch *what)
{
    const struct smelt_capabilities *c = &convolution->context->capabilities;
    struct smelt_convolution_push push;
    struct smelt_kernel kernel;
    enum smelt_result result = check_op(convolution);
    if (result)
        return result;
    smelt_convolution_fill_push(convolution, true, false, &push);
    struct kernel_key key = describe(convolution, &push);
    uint64_t tile = (uint64_t)key.lanes * key.pixels, sections = convolution->geometry.groups,
             blocks = (convolution->group_outputs + key.channels - 1) / key.channels * sections,
             groups = (convolution->pixels + tile - 1) / tile * blocks;
    uint32_t x = (uint32_t)SMELT_MIN(groups, c->max_workgroup_count[0]);
    uint64_t y = (groups + x - 1) / x;
    if (y > c->max_workgroup_count[1])
        return smelt_fail(convolution->context, SMELT_ERROR_UNSUPPORTED,
                          "convolution2d: %" PRIu64 " tiles of %" PRIu64 " x %" PRIu32
                          ", wanted at most %" PRIu32 " x %" PRIu32,
                          groups, tile, key.channels, c->max_workgroup_count[0], c->max_workgroup_count[1]);
    result = get_kernel(encoder, convolution, &push, &key, &kernel);
    return result ? result
                  : smelt_kernel_dispatch(encoder, &kernel, &push, SMELT_CONVOLUTION_PUSH_SIZE, x,
                                          (uint32_t)y, 1, what);
}
