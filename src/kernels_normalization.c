// SPDX-License-Identifier: MIT
// smelt_encode_softmax, _layer_norm and _rms_norm: lines of a tensor by glsl/kernels/softmax_body.glsl and norm_body.glsl.
#include "kernels_lines.h"

#include <inttypes.h>
#include <string.h>

#define HELD 8 // chunks that an invocation of the kernels keeps
#define DEFAULT_EPSILON 1e-5f

// The push constants of softmax_body.glsl and norm_body.glsl, word for word.
struct softmax_push {
    uint64_t x, y, mask;
    uint32_t extent[3], n;
    uint32_t stride_x[4], stride_y[4], stride_mask[4];
    float scale;
};
struct norm_push {
    uint64_t x, y, gamma, beta;
    uint32_t extent[3], n;
    uint32_t stride_x[4], stride_y[4], stride_gamma, stride_beta;
    float epsilon;
};
_Static_assert(offsetof(struct softmax_push, scale) == 88, "softmax_body.glsl's constants");
_Static_assert(offsetof(struct norm_push, epsilon) == 88, "norm_body.glsl's constants");
#define PUSH_SIZE 92

static enum smelt_result check_tensors(struct smelt_lines *lines, smelt_encoder encoder, const char *name,
                                       smelt_tensor x, smelt_tensor y)
{
    lines->name = name;
    if (!x)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: x is NULL", name);
    lines->context = x->context;
    enum smelt_result result = smelt_encoder_require(encoder, lines->context, name);
    if (result || (result = smelt_lines_check_tensor(lines, "x", x)) ||
        (result = smelt_lines_check_tensor(lines, "y", y)))
        return result;
    if (!smelt_dtype_is_float(x->info.dtype))
        return smelt_fail(lines->context, SMELT_ERROR_DTYPE,
                          "%s: x '%s' is %s, wanted f32, f16, bf16, f8e4m3 or f8e5m2", name, x->info.name,
                          smelt_dtype_name(x->info.dtype));
    return SMELT_OK;
}

static enum smelt_result check_dtype(const struct smelt_lines *lines, const char *role, smelt_tensor t,
                                     smelt_tensor x)
{
    if (t->info.dtype == x->info.dtype)
        return SMELT_OK;
    return smelt_fail(lines->context, SMELT_ERROR_DTYPE, "%s: %s '%s' is %s, wanted %s as x", lines->name,
                      role, t->info.name, smelt_dtype_name(t->info.dtype), smelt_dtype_name(x->info.dtype));
}

// y is x to the byte, or apart from it.
static enum smelt_result check_overlap(const struct smelt_lines *lines, smelt_tensor y, const char *role,
                                       smelt_tensor t, bool may_be)
{
    bool same = may_be && t->info.address == y->info.address &&
                !memcmp(lines->strides[0], lines->strides[1], sizeof(lines->strides[0]));
    if (same || !smelt_tensor_share_bytes(&y->info, &t->info))
        return SMELT_OK;
    return smelt_fail(lines->context, SMELT_ERROR_INVALID_ARGUMENT,
                      "%s: y '%s' shares bytes with %s, wanted %sa separate tensor", lines->name,
                      y->info.name, role, may_be ? "the same memory and strides or " : "");
}

static enum smelt_result record(const struct smelt_lines *lines, smelt_encoder encoder,
                                struct smelt_lines_kernel *wanted, const void *push,
                                const smelt_tensor *reads, uint32_t read_count, smelt_tensor y,
                                struct smelt_dispatch *what)
{
    struct smelt_range ranges[4];
    for (uint32_t i = 0; i < read_count; i++)
        if (reads[i])
            ranges[what->range_count++] = smelt_range_of(reads[i], SMELT_ACCESS_READ);
    ranges[what->range_count++] = smelt_range_of(y, SMELT_ACCESS_WRITE);
    what->ranges = ranges;
    what->parts = 1;
    struct smelt_kernel kernel;
    wanted->group = smelt_lines_by_group(lines, wanted->dtype);
    wanted->workgroup_size = wanted->group ? smelt_lines_workgroup_size(lines, wanted->dtype, HELD) : 128;
    wanted->push_size = PUSH_SIZE;
    enum smelt_result result = smelt_lines_kernel_get(lines->context, wanted, &kernel);
    return result ? result : smelt_lines_dispatch(lines, encoder, wanted, &kernel, push, lines->count, what);
}

enum smelt_result smelt_encode_softmax(smelt_encoder encoder, const struct smelt_softmax_params *p)
{
    struct smelt_lines lines = {0};
    if (!p)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "softmax: params is NULL");
    enum smelt_result result = check_tensors(&lines, encoder, "softmax", p->x, p->y);
    if (result || (result = p->mask ? smelt_lines_check_tensor(&lines, "mask", p->mask) : SMELT_OK))
        return result;
    const struct smelt_lines_tensor tensors[] = {
        {"x", p->x, false, false}, {"y", p->y, false, false}, {"mask", p->mask, false, true}};
    if ((result = smelt_lines_view(&lines, tensors, 3, p->axis)) ||
        (result = check_dtype(&lines, "y", p->y, p->x)) ||
        (result = p->mask ? check_dtype(&lines, "mask", p->mask, p->x) : SMELT_OK) ||
        (result = check_overlap(&lines, p->y, "x", p->x, true)) ||
        (result = p->mask ? check_overlap(&lines, p->y, "the mask", p->mask, false) : SMELT_OK))
        return result;
    struct softmax_push push = {
        .x = p->x->info.address,
        .y = p->y->info.address,
        .mask = p->mask ? p->mask->info.address : 0,
        .n = lines.n,
        .scale = p->scale == 0 ? 1 : p->scale,
    };
    memcpy(push.extent, lines.extent, sizeof(push.extent));
    memcpy(push.stride_x, lines.strides[0], sizeof(push.stride_x));
    memcpy(push.stride_y, lines.strides[1], sizeof(push.stride_y));
    memcpy(push.stride_mask, lines.strides[2], sizeof(push.stride_mask));
    struct smelt_lines_kernel wanted = {.name = "softmax",
                                        .body = "softmax",
                                        .dtype = p->x->info.dtype,
                                        .baked = p->baked,
                                        .constants = {p->logarithm, p->mask != NULL},
                                        .constant_count = 2};
    const smelt_tensor reads[] = {p->x, p->mask};
    struct smelt_dispatch what = {
        .label = "smelt softmax", .operation = SMELT_OPERATION_SOFTMAX, .call = p, .call_size = sizeof(*p)};
    return record(&lines, encoder, &wanted, &push, reads, 2, p->y, &what);
}

static enum smelt_result check_weight(const struct smelt_lines *lines, const char *role, smelt_tensor weight,
                                      smelt_tensor x, smelt_tensor y)
{
    if (!weight)
        return SMELT_OK;
    enum smelt_result result = smelt_lines_check_tensor(lines, role, weight);
    if (result || (result = check_dtype(lines, role, weight, x)))
        return result;
    if (weight->info.rank != 1 || weight->info.shape[0] != lines->n)
        return smelt_fail(lines->context, SMELT_ERROR_SHAPE,
                          "%s: %s '%s' has rank %" PRIu32 " and %" PRIu64
                          " elements first, wanted rank 1 and %" PRIu32,
                          lines->name, role, weight->info.name, weight->info.rank,
                          weight->info.rank ? weight->info.shape[0] : 1, lines->n);
    return check_overlap(lines, y, role, weight, false);
}

static uint32_t weight_stride(smelt_tensor weight)
{
    return !weight ? 0 : (uint32_t)SMELT_MAX(weight->info.strides[0], 1);
}

static enum smelt_result encode_norm(smelt_encoder encoder, const struct smelt_layer_norm_params *p,
                                     bool centred, struct smelt_dispatch *what)
{
    const char *name = centred ? "layer_norm" : "rms_norm";
    struct smelt_lines lines = {0};
    enum smelt_result result = check_tensors(&lines, encoder, name, p->x, p->y);
    if (result)
        return result;
    const struct smelt_lines_tensor tensors[] = {{"x", p->x, false, false}, {"y", p->y, false, false}};
    if ((result = smelt_lines_view(&lines, tensors, 2, p->axis)) ||
        (result = check_dtype(&lines, "y", p->y, p->x)) ||
        (result = check_overlap(&lines, p->y, "x", p->x, true)) ||
        (result = check_weight(&lines, "gamma", p->gamma, p->x, p->y)) ||
        (result = check_weight(&lines, "beta", p->beta, p->x, p->y)))
        return result;
    if (!(p->epsilon >= 0))
        return smelt_fail(lines.context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: epsilon is %g, wanted 0 (the default, 1e-5) or more", name,
                          (double)p->epsilon);
    struct norm_push push = {
        .x = p->x->info.address,
        .y = p->y->info.address,
        .gamma = p->gamma ? p->gamma->info.address : 0,
        .beta = p->beta ? p->beta->info.address : 0,
        .n = lines.n,
        .stride_gamma = weight_stride(p->gamma),
        .stride_beta = weight_stride(p->beta),
        .epsilon = p->epsilon == 0 ? DEFAULT_EPSILON : p->epsilon,
    };
    memcpy(push.extent, lines.extent, sizeof(push.extent));
    memcpy(push.stride_x, lines.strides[0], sizeof(push.stride_x));
    memcpy(push.stride_y, lines.strides[1], sizeof(push.stride_y));
    struct smelt_lines_kernel wanted = {
        .name = name, .body = "norm", .centred = centred, .dtype = p->x->info.dtype, .baked = p->baked};
    const smelt_tensor reads[] = {p->x, p->gamma, p->beta};
    return record(&lines, encoder, &wanted, &push, reads, 3, p->y, what);
}

enum smelt_result smelt_encode_layer_norm(smelt_encoder encoder, const struct smelt_layer_norm_params *params)
{
    if (!params)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "layer_norm: params is NULL");
    struct smelt_dispatch what = {.label = "smelt layer norm",
                                  .operation = SMELT_OPERATION_LAYER_NORM,
                                  .call = params,
                                  .call_size = sizeof(*params)};
    return encode_norm(encoder, params, true, &what);
}

enum smelt_result smelt_encode_rms_norm(smelt_encoder encoder, const struct smelt_rms_norm_params *params)
{
    if (!params)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "rms_norm: params is NULL");
    const struct smelt_layer_norm_params p = {.x = params->x,
                                              .y = params->y,
                                              .gamma = params->gamma,
                                              .axis = params->axis,
                                              .epsilon = params->epsilon,
                                              .baked = params->baked};
    struct smelt_dispatch what = {.label = "smelt RMS norm",
                                  .operation = SMELT_OPERATION_RMS_NORM,
                                  .call = params,
                                  .call_size = sizeof(*params)};
    return encode_norm(encoder, &p, false, &what);
}
