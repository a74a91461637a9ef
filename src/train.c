// SPDX-License-Identifier: MIT
// The calls of train.h: checks of their tensors, and the operators and products that they are made of.
#include <smelt/reduce.h>
#include <smelt/train.h>

#include "kernels_operator.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define MAX_STEPS (1u << 24) // counted in f32

#define BIT(dtype) (1u << SMELT_DTYPE_##dtype)
#define ACCUMULATORS (BIT(F32) | BIT(F16))
#define FLOATS (ACCUMULATORS | BIT(BF16) | BIT(F8E4M3) | BIT(F8E5M2))

// What a tensor of a call must be.
struct wanted {
    const char *role;
    smelt_tensor tensor;
    uint32_t dtypes; // 1 << enum smelt_dtype
    uint32_t rank;
    uint64_t shape[SMELT_TENSOR_MAX_RANK];
    bool optional, written;
};

// "[4][3]"
static void write_shape(char text[128], uint32_t rank, const uint64_t *shape)
{
    int length = snprintf(text, 128, "%s", rank ? "" : "a scalar");
    for (uint32_t d = 0; d < rank && length < 128; d++)
        length += snprintf(text + length, 128 - (size_t)length, "[%" PRIu64 "]", shape[d]);
}

static void write_dtypes(char text[128], uint32_t dtypes)
{
    int length = 0;
    for (uint32_t dtype = 0; dtype < 32; dtype++)
        if (dtypes >> dtype & 1)
            length += snprintf(text + length, 128 - (size_t)length, "%s%s", length ? ", " : "",
                               smelt_dtype_name((enum smelt_dtype)dtype));
}

static enum smelt_result check_tensor(smelt_context context, const char *call, const struct wanted *w)
{
    const struct smelt_tensor_info *t = &w->tensor->info;
    char got[128], wanted[128];
    if (w->tensor->context != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s '%s' is of another context", call,
                          w->role, t->name);
    write_dtypes(wanted, w->dtypes);
    if (!(w->dtypes >> t->dtype & 1))
        return smelt_fail(context, SMELT_ERROR_DTYPE, "%s: %s '%s' is %s, wanted %s", call, w->role, t->name,
                          smelt_dtype_name(t->dtype), wanted);
    bool same = t->rank == w->rank;
    for (uint32_t d = 0; same && d < w->rank; d++)
        same = t->shape[d] == w->shape[d];
    write_shape(got, t->rank, t->shape);
    write_shape(wanted, w->rank, w->shape);
    return same ? SMELT_OK
                : smelt_fail(context, SMELT_ERROR_SHAPE, "%s: %s '%s' is %s, wanted %s", call, w->role,
                             t->name, got, wanted);
}

// Each tensor, and that nothing written shares bytes with another one; `except` are the places of two that may be the same.
static enum smelt_result check_tensors(smelt_context context, const char *call, const struct wanted *list,
                                       uint32_t count, const uint32_t except[2])
{
    for (uint32_t i = 0; i < count; i++) {
        if (!list[i].tensor && list[i].optional)
            continue;
        if (!list[i].tensor)
            return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", call, list[i].role);
        enum smelt_result result = check_tensor(context, call, &list[i]);
        if (result)
            return result;
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < count; j++) {
            if (i == j || !list[i].written || !list[i].tensor || !list[j].tensor)
                continue;
            const struct smelt_tensor_info *a = &list[i].tensor->info, *b = &list[j].tensor->info;
            if (except && i == except[0] && j == except[1] && a->address == b->address &&
                a->dtype == b->dtype && smelt_tensor_lies_as(a, b))
                continue;
            if (smelt_tensor_share_bytes(a, b))
                return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                                  "%s: %s '%s' shares bytes with %s '%s'", call, list[i].role, a->name,
                                  list[j].role, b->name);
        }
    return SMELT_OK;
}

static enum smelt_result check_number(smelt_context context, const char *call, const char *field,
                                      double value, bool good, const char *wanted)
{
    return good ? SMELT_OK
                : smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s is %g, wanted %s", call, field,
                             value, wanted);
}

static float or_default(float value, float otherwise)
{
    return value == 0 ? otherwise : value;
}

// --- Losses -----------------------------------------------------------------------------------------------

enum smelt_result smelt_encode_loss(smelt_encoder encoder, const struct smelt_loss_params *params)
{
    static const char call[] = "loss";
    static const char *const options[SMELT_LOSS_COUNT] = {"LOSS=0", "LOSS=1", "LOSS=2", "LOSS=3"};
    if (!params || !params->y)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", call,
                          params ? "y" : "params");
    const struct smelt_tensor_info *y = &params->y->info;
    smelt_context context = params->y->context;
    uint64_t n = y->shape[0], c = y->rank == 2 ? y->shape[1] : 0;
    const struct wanted list[] = {
        {"y", params->y, FLOATS, 2, {n, c}, false, false},
        {"target", params->target, FLOATS, 2, {n, c}, false, false},
        {"weights", params->weights, FLOATS, 1, {c}, true, false},
        {"gradient", params->gradient, ACCUMULATORS, 2, {n, c}, false, true},
        {"value", params->value, BIT(F32), 2, {n, c}, true, true},
    };
    enum smelt_result result =
        check_number(context, call, "loss", params->loss, (uint32_t)params->loss < SMELT_LOSS_COUNT,
                     "one of enum smelt_loss");
    if (!result)
        result = smelt_kernel_check_extent(context, call, "y's rank", y->rank, 2);
    if (!result)
        result = check_tensors(context, call, list, SMELT_COUNT_OF(list), NULL);
    if (!result && params->loss == SMELT_LOSS_OKLAB)
        result = smelt_kernel_check_extent(context, call, "y's second extent", c, 3);
    if (!result)
        result =
            check_number(context, call, "scale", params->scale, isfinite(params->scale), "a finite number");
    if (result)
        return result;
    const struct smelt_operator_call of = {
        .body = "operator_loss.glsl",
        .options = options[params->loss],
        .tensors = {params->gradient, params->y, params->target, params->weights, params->value},
        .written = 1u << 4,
        .numbers = {or_default(params->scale, 1)},
        .number_count = 1,
    };
    return smelt_encode_operator(encoder, &of);
}

// --- A layer taken back -----------------------------------------------------------------------------------

// In front of a dispatch that reads dz, also where nothing is tracked.
static enum smelt_result order(smelt_encoder encoder, smelt_tensor dz)
{
    const struct smelt_range range = smelt_range_of(dz, SMELT_ACCESS_READ);
    const struct smelt_dispatch what = {.ranges = &range, .range_count = 1};
    return smelt_kernel_order(encoder, &what);
}

static enum smelt_result encode_activation_gradient(smelt_encoder encoder,
                                                    const struct smelt_layer_gradient_params *p)
{
    static const char *const options[SMELT_ACTIVATION_COUNT] = {
        "ACTIVATION=0", "ACTIVATION=1", "ACTIVATION=2", "ACTIVATION=3", "ACTIVATION=4",
        "ACTIVATION=5", "ACTIVATION=6", "ACTIVATION=7", "ACTIVATION=8", "ACTIVATION=9",
    };
    const struct smelt_operator_call of = {
        .body = "operator_activation_gradient.glsl",
        .options = options[p->activation],
        .tensors = {p->dz, p->dy, p->activation == SMELT_ACTIVATION_NONE ? p->dy : p->z},
        .updated = p->dz == p->dy, // each element for its own place
    };
    return smelt_encode_operator(encoder, &of);
}

static enum smelt_result encode_products(smelt_encoder encoder, const struct smelt_layer_gradient_params *p)
{
    struct smelt_matmul2d_params product = {
        .computed = p->computed, .accumulated = p->accumulated, .backend = p->backend};
    enum smelt_result result = SMELT_OK;
    if (p->dx) {
        product.a = p->dz, product.b = p->weight, product.d = p->dx;
        result = smelt_encode_matmul2d(encoder, &product);
    }
    if (!result && p->dweight) {
        product.a = p->dz, product.b = p->x, product.d = p->dweight;
        product.transpose_left = true;
        product.scratch = p->scratch;
        result = smelt_encode_matmul2d(encoder, &product);
    }
    if (!result && p->dbias) {
        const struct smelt_reduction_params sum = {.x = p->dz, .y = p->dbias, .reduce = SMELT_REDUCE_SUM};
        result = smelt_encode_reduction(encoder, &sum);
    }
    return result;
}

enum smelt_result smelt_encode_layer_gradient(smelt_encoder encoder,
                                              const struct smelt_layer_gradient_params *params)
{
    static const char call[] = "layer_gradient";
    const struct smelt_layer_gradient_params *p = params;
    if (!p || !p->x || !p->weight)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", call,
                          !p     ? "params"
                          : p->x ? "weight"
                                 : "x");
    const struct smelt_tensor_info *x = &p->x->info, *w = &p->weight->info;
    smelt_context context = p->x->context;
    uint64_t n = x->shape[0], in = x->rank == 2 ? x->shape[1] : 0, out = w->rank == 2 ? w->shape[0] : 0;
    uint32_t type = 1u << x->dtype, results = x->dtype == SMELT_DTYPE_BF16 ? type | BIT(F32) : ACCUMULATORS;
    const struct wanted list[] = {
        {"x", p->x, ACCUMULATORS | BIT(BF16), 2, {n, in}, false, false},
        {"weight", p->weight, type, 2, {out, in}, false, false},
        {"z", p->z, FLOATS, 2, {n, out}, p->activation == SMELT_ACTIVATION_NONE, false},
        {"dy", p->dy, FLOATS, 2, {n, out}, false, false},
        {"dz", p->dz, type, 2, {n, out}, false, true},
        {"dx", p->dx, results, 2, {n, in}, true, true},
        {"dweight", p->dweight, results, 2, {out, in}, true, true},
        {"dbias", p->dbias, type | BIT(F32), 1, {out}, true, true},
    };
    enum smelt_result result =
        check_number(context, call, "activation", p->activation,
                     (uint32_t)p->activation < SMELT_ACTIVATION_COUNT, "one of enum smelt_activation");
    if (!result)
        result = smelt_kernel_check_extent(context, call, "x's rank", x->rank, 2);
    if (!result)
        result = smelt_kernel_check_extent(context, call, "weight's rank", w->rank, 2);
    if (!result)
        result = check_tensors(context, call, list, SMELT_COUNT_OF(list), (const uint32_t[]){4, 3});
    if (!result && !(p->dz == p->dy && p->activation == SMELT_ACTIVATION_NONE))
        result = encode_activation_gradient(encoder, p);
    if (!result)
        result = order(encoder, p->dz);
    return result ? result : encode_products(encoder, p);
}

// --- Optimizers -------------------------------------------------------------------------------------------

static enum smelt_result check_betas(smelt_context context, const char *call, float beta1, float beta2)
{
    enum smelt_result result =
        check_number(context, call, "beta1", beta1, beta1 >= 0 && beta1 < 1, "0 to below 1");
    return result ? result
                  : check_number(context, call, "beta2", beta2, beta2 >= 0 && beta2 < 1, "0 to below 1");
}

static enum smelt_result check_schedule(smelt_context context, const char *call,
                                        const struct smelt_learning_rate_params *p)
{
    bool constant = p->schedule == SMELT_LEARNING_RATE_CONSTANT;
    bool exponential = p->schedule == SMELT_LEARNING_RATE_EXPONENTIAL;
    const struct {
        const char *field;
        double value;
        bool good;
        const char *wanted;
    } numbers[] = {
        {"schedule", p->schedule, (uint32_t)p->schedule < SMELT_LEARNING_RATE_COUNT,
         "one of enum smelt_learning_rate"},
        {"first", p->first, p->first > 0 && isfinite(p->first), "a finite number above 0"},
        {"last", p->last, constant || (isfinite(p->last) && p->last >= 0 && !(exponential && p->last == 0)),
         exponential ? "a finite number above 0" : "a finite number, 0 or more"},
        {"steps", p->steps, p->steps <= MAX_STEPS && (constant || p->steps > 0), "1 to 2^24"},
        {"warmup", p->warmup, p->warmup <= (constant ? MAX_STEPS : p->steps), "at most steps"},
    };
    enum smelt_result result = check_betas(context, call, p->beta1, p->beta2);
    for (size_t i = 0; i < SMELT_COUNT_OF(numbers) && !result; i++)
        result = check_number(context, call, numbers[i].field, numbers[i].value, numbers[i].good,
                              numbers[i].wanted);
    return result;
}

enum smelt_result smelt_encode_learning_rate(smelt_encoder encoder,
                                             const struct smelt_learning_rate_params *params)
{
    static const char call[] = "learning_rate";
    if (!params || !params->state)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", call,
                          params ? "state" : "params");
    smelt_context context = params->state->context;
    const struct wanted list[] = {{"state", params->state, BIT(F32), 1, {4}, false, true}};
    enum smelt_result result = check_tensors(context, call, list, 1, NULL);
    if (!result)
        result = check_schedule(context, call, params);
    if (result)
        return result;
    const struct smelt_operator_call of = {
        .body = "operator_learning_rate.glsl",
        .tensors = {params->state},
        .updated = 1,
        .sizes = {(int32_t)params->schedule},
        .size_count = 1,
        .numbers = {params->first, params->last, (float)params->warmup, (float)params->steps,
                    or_default(params->beta1, 0.9F), or_default(params->beta2, 0.999F)},
        .number_count = 6,
    };
    return smelt_encode_operator(encoder, &of);
}

enum smelt_result smelt_encode_adam(smelt_encoder encoder, const struct smelt_adam_params *params)
{
    static const char call[] = "adam";
    if (!params || !params->weight)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", call,
                          params ? "weight" : "params");
    const struct smelt_tensor_info *w = &params->weight->info;
    smelt_context context = params->weight->context;
    struct wanted list[] = {
        {"weight", params->weight, BIT(F32), w->rank, {0}, false, true},
        {"m", params->m, BIT(F32), w->rank, {0}, false, true},
        {"v", params->v, BIT(F32), w->rank, {0}, false, true},
        {"gradient", params->gradient, ACCUMULATORS | BIT(BF16) | BIT(I32), w->rank, {0}, false, false},
        {"copy", params->copy, FLOATS, w->rank, {0}, true, true},
        {"state", params->state, BIT(F32), 1, {4}, false, false},
    };
    for (uint32_t i = 0; i < 5; i++)
        for (uint32_t d = 0; d < w->rank; d++)
            list[i].shape[d] = w->shape[d];
    enum smelt_result result = check_tensors(context, call, list, SMELT_COUNT_OF(list), NULL);
    if (!result)
        result = check_betas(context, call, params->beta1, params->beta2);
    if (!result)
        result =
            check_number(context, call, "epsilon", params->epsilon,
                         params->epsilon >= 0 && isfinite(params->epsilon), "a finite number, 0 or more");
    if (!result)
        result = check_number(context, call, "decay", params->decay,
                              params->decay >= 0 && isfinite(params->decay), "a finite number, 0 or more");
    if (!result)
        result = check_number(context, call, "gradient_scale", params->gradient_scale,
                              isfinite(params->gradient_scale), "a finite number");
    if (result)
        return result;
    const struct smelt_operator_call of = {
        .body = "operator_adam.glsl",
        .tensors = {params->weight, params->m, params->v, params->gradient, params->state, params->copy},
        .updated = 7,
        .written = 1u << 5,
        .numbers = {or_default(params->beta1, 0.9F), or_default(params->beta2, 0.999F),
                    or_default(params->epsilon, 1e-8F), params->decay, or_default(params->gradient_scale, 1)},
        .number_count = 5,
    };
    return smelt_encode_operator(encoder, &of);
}

// A list of tensors of the shape of the first one; the last one may be the optimizer's state.
static enum smelt_result check_shaped(smelt_context context, const char *call, struct wanted *list,
                                      uint32_t shaped, uint32_t count)
{
    const struct smelt_tensor_info *w = &list[0].tensor->info;
    for (uint32_t i = 0; i < shaped; i++) {
        list[i].rank = w->rank;
        for (uint32_t d = 0; d < w->rank; d++)
            list[i].shape[d] = w->shape[d];
    }
    return check_tensors(context, call, list, count, NULL);
}

enum smelt_result smelt_encode_sgd(smelt_encoder encoder, const struct smelt_sgd_params *params)
{
    static const char call[] = "sgd";
    if (!params || !params->weight)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", call,
                          params ? "weight" : "params");
    smelt_context context = params->weight->context;
    struct wanted list[] = {
        {"weight", params->weight, BIT(F32), 0, {0}, false, true},
        {"velocity", params->velocity, BIT(F32), 0, {0}, true, true},
        {"gradient", params->gradient, ACCUMULATORS | BIT(BF16) | BIT(I32), 0, {0}, false, false},
        {"copy", params->copy, FLOATS, 0, {0}, true, true},
        {"state", params->state, BIT(F32), 1, {4}, false, false},
    };
    float most = params->velocity ? 1 : 0;
    enum smelt_result result = check_shaped(context, call, list, 4, SMELT_COUNT_OF(list));
    if (!result)
        result = check_number(context, call, "momentum", params->momentum,
                              params->momentum == 0 || (params->momentum > 0 && params->momentum < most),
                              "0 to below 1, 0 without velocity");
    if (!result)
        result = check_number(context, call, "decay", params->decay,
                              params->decay >= 0 && isfinite(params->decay), "a finite number, 0 or more");
    if (!result)
        result = check_number(context, call, "gradient_scale", params->gradient_scale,
                              isfinite(params->gradient_scale), "a finite number");
    if (result)
        return result;
    const struct smelt_operator_call of = {
        .body = "operator_sgd.glsl",
        .tensors = {params->weight, params->velocity, params->gradient, params->state, params->copy},
        .updated = params->velocity ? 3 : 1,
        .written = 1u << 4,
        .numbers = {params->momentum, params->decay, or_default(params->gradient_scale, 1)},
        .number_count = 3,
    };
    return smelt_encode_operator(encoder, &of);
}

enum smelt_result smelt_encode_average(smelt_encoder encoder, const struct smelt_average_params *params)
{
    static const char call[] = "average";
    if (!params || !params->average)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", call,
                          params ? "average" : "params");
    smelt_context context = params->average->context;
    struct wanted list[] = {{"average", params->average, BIT(F32), 0, {0}, false, true},
                            {"weight", params->weight, BIT(F32), 0, {0}, false, false}};
    enum smelt_result result = check_shaped(context, call, list, 2, 2);
    if (!result)
        result = check_number(context, call, "keep", params->keep, params->keep >= 0 && params->keep < 1,
                              "0 to below 1");
    if (result)
        return result;
    const struct smelt_operator_call of = {
        .body = "operator_average.glsl",
        .tensors = {params->average, params->weight},
        .updated = 1,
        .numbers = {params->keep},
        .number_count = 1,
    };
    return smelt_encode_operator(encoder, &of);
}
