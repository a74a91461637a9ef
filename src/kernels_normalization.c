// SPDX-License-Identifier: MIT
// smelt_encode_softmax, _layer_norm and _rms_norm: lines of a tensor by glsl/kernels/softmax_body.glsl and norm_body.glsl.
#include "kernels_lines.h"

#include <inttypes.h>
#include <string.h>

#define HELD 8         // chunks that an invocation of the kernels keeps
#define LINES_EACH 8   // of a workgroup that keeps gamma and beta
#define LONG_LINE 8192 // bytes, from which on reading both again and again takes longer than fewer workgroups
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
    uint32_t residual[2], sum[2]; // addresses, low word first
};
_Static_assert(offsetof(struct softmax_push, scale) == 88, "softmax_body.glsl's constants");
_Static_assert(offsetof(struct norm_push, sum) == 100, "norm_body.glsl's constants");
#define SOFTMAX_PUSH_SIZE 92
#define NORM_PUSH_SIZE 108

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
                                smelt_tensor sum, struct smelt_dispatch *what)
{
    struct smelt_range ranges[6];
    for (uint32_t i = 0; i < read_count; i++)
        if (reads[i])
            ranges[what->range_count++] = smelt_range_of(reads[i], SMELT_ACCESS_READ);
    ranges[what->range_count++] = smelt_range_of(y, SMELT_ACCESS_WRITE);
    if (sum)
        ranges[what->range_count++] = smelt_range_of(sum, SMELT_ACCESS_WRITE);
    what->ranges = ranges;
    what->parts = 1;
    struct smelt_kernel kernel;
    wanted->group = wanted->group || smelt_lines_by_group(lines, wanted->dtype);
    wanted->workgroup_size = wanted->group ? smelt_lines_workgroup_size(lines, wanted->dtype, HELD) : 128;
    enum smelt_result result = smelt_lines_kernel_get(lines, encoder, wanted, &kernel);
    return result ? result : smelt_lines_dispatch(encoder, wanted, &kernel, push, lines->count, what);
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
                                        .push_size = SOFTMAX_PUSH_SIZE,
                                        .dtype = p->x->info.dtype,
                                        .baked = p->baked,
                                        .constants = {p->logarithm, p->mask != NULL},
                                        .constant_count = 2};
    const smelt_tensor reads[] = {p->x, p->mask};
    struct smelt_dispatch what = {
        .label = "smelt softmax", .operation = SMELT_OPERATION_SOFTMAX, .call = p, .call_size = sizeof(*p)};
    return record(&lines, encoder, &wanted, &push, reads, 2, p->y, NULL, &what);
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

static bool adds_in_place(const struct smelt_layer_norm_params *p)
{
    return p->sum &&
           (p->sum->info.address == p->x->info.address || p->sum->info.address == p->residual->info.address);
}

// A sum in place is right only where the group holds the line: what it reads again has changed by then.
static bool holds_line(const struct smelt_lines *lines, const struct smelt_tensor_info *x)
{
    uint64_t bits = smelt_dtype_bits(x->dtype), all = x->address, group;
    for (uint32_t d = 0; d < 3; d++)
        all |= lines->strides[0][d] * bits / 8;
    group = smelt_lines_workgroup_size(lines, x->dtype, HELD);
    return (lines->n * bits + 127) / 128 + ((all & 15) != 0) <= group * HELD;
}

static enum smelt_result check_sum(const struct smelt_lines *lines, const struct smelt_layer_norm_params *p)
{
    if (!p->residual && !p->sum)
        return SMELT_OK;
    if (!p->residual)
        return smelt_fail(lines->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: sum is set without a residual, wanted both or none", lines->name);
    if (p->baked || !smelt_kernels_have_text())
        return smelt_fail(lines->context, SMELT_ERROR_UNSUPPORTED,
                          "%s: a residual is not baked, wanted a build with the compiler", lines->name);
    enum smelt_result result = smelt_kernel_check_lies_as(lines->name, "residual", p->residual, "x", p->x);
    if (result || (result = check_overlap(lines, p->y, "the residual", p->residual, true)))
        return result;
    if (!p->sum)
        return SMELT_OK;
    if ((result = smelt_kernel_check_lies_as(lines->name, "sum", p->sum, "x", p->x)) ||
        (result = smelt_kernel_check_lies_as(lines->name, "sum", p->sum, "the residual", p->residual)) ||
        (result = check_overlap(lines, p->y, "sum", p->sum, false)) ||
        (result = p->gamma ? check_overlap(lines, p->sum, "gamma", p->gamma, false) : SMELT_OK) ||
        (result = p->beta ? check_overlap(lines, p->sum, "beta", p->beta, false) : SMELT_OK))
        return result;
    return !adds_in_place(p) || holds_line(lines, &p->x->info)
               ? SMELT_OK
               : smelt_fail(lines->context, SMELT_ERROR_INVALID_ARGUMENT,
                            "%s: sum is an operand, and a line of %" PRIu32
                            " elements is longer than a workgroup holds, wanted a separate tensor",
                            lines->name, lines->n);
}

bool smelt_norm_adds(const struct smelt_layer_norm_params *p)
{
    struct smelt_lines lines = {.context = p->x->context, .name = "norm"};
    const struct smelt_lines_tensor tensors[] = {{"x", p->x, false, false}, {"y", p->y, false, false}};
    return smelt_kernels_have_text() && !p->baked && !smelt_lines_view(&lines, tensors, 2, p->axis) &&
           (!adds_in_place(p) || holds_line(&lines, &p->x->info));
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
        (result = check_weight(&lines, "beta", p->beta, p->x, p->y)) || (result = check_sum(&lines, p)))
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
        .name = name,
        .body = "norm",
        .centred = centred,
        .adds = p->residual != NULL,
        .group = adds_in_place(p),
        .dtype = p->x->info.dtype,
        .baked = p->baked,
        .push_size = NORM_PUSH_SIZE,
        .lines_each =
            p->gamma && p->beta && smelt_dtype_size(p->x->info.dtype, lines.n) > LONG_LINE ? LINES_EACH : 1,
    };
    if (p->residual)
        memcpy(push.residual, &p->residual->info.address, sizeof(push.residual));
    if (p->sum)
        memcpy(push.sum, &p->sum->info.address, sizeof(push.sum));
    const smelt_tensor reads[] = {p->x, p->gamma, p->beta, p->residual};
    return record(&lines, encoder, &wanted, &push, reads, 4, p->y, p->sum, what);
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
                                              .baked = params->baked,
                                              .residual = params->residual,
                                              .sum = params->sum};
    struct smelt_dispatch what = {.label = "smelt RMS norm",
                                  .operation = SMELT_OPERATION_RMS_NORM,
                                  .call = params,
                                  .call_size = sizeof(*params)};
    return encode_norm(encoder, &p, false, &what);
}
