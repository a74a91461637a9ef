// SPDX-License-Identifier: MIT
// struct smelt_quantization of whole products and convolutions of integers.
#include "kernels_quantization.h"
#include "tensor_internal.h"

#include <inttypes.h>

static bool is_set(const struct smelt_quantization *q)
{
    return q->zero_a || q->zero_b || q->scale || q->zero_d;
}

// A zero point or scale: one, or where `columns` is not 0 one for each of them.
static enum smelt_result check_tensor(const char *kernel, const char *role, smelt_tensor tensor,
                                      smelt_tensor d, enum smelt_dtype dtype, uint64_t columns)
{
    if (!tensor)
        return SMELT_OK;
    smelt_context context = d->context;
    const struct smelt_tensor_info *t = &tensor->info;
    if (tensor->context != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: quantization.%s '%s' is of another context", kernel, role, t->name);
    if (t->dtype != dtype)
        return smelt_fail(context, SMELT_ERROR_DTYPE, "%s: quantization.%s '%s' is %s, wanted %s", kernel,
                          role, t->name, smelt_dtype_name(t->dtype), smelt_dtype_name(dtype));
    bool fits = t->rank == 1 && (t->shape[0] == 1 || (columns && t->shape[0] == columns));
    if (!fits || (t->shape[0] > 1 && t->strides[0] != 1))
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "%s: quantization.%s '%s' has rank %" PRIu32 " and extent %" PRIu64
                          ", wanted rank 1 without gaps and extent 1%s",
                          kernel, role, t->name, t->rank, t->rank ? t->shape[0] : 0,
                          columns ? " or one for each output channel" : "");
    if (smelt_tensor_share_bytes(&d->info, t))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: d '%s' shares bytes with quantization.%s, wanted separate tensors", kernel,
                          d->info.name, role);
    return smelt_tensor_require_plain(tensor, kernel);
}

// What d is follows from the scale.
static enum smelt_result check_result(const char *kernel, const struct smelt_quantization *q, smelt_tensor d,
                                      bool residual)
{
    enum smelt_dtype dtype = d->info.dtype;
    bool byte = dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_U8;
    if (!q->scale && dtype != SMELT_DTYPE_I32)
        return smelt_fail(d->context, SMELT_ERROR_DTYPE,
                          "%s: d '%s' is %s, wanted i32 for operands of integers without quantization.scale",
                          kernel, d->info.name, smelt_dtype_name(dtype));
    if (q->scale && !byte && dtype != SMELT_DTYPE_F32 && dtype != SMELT_DTYPE_F16)
        return smelt_fail(d->context, SMELT_ERROR_DTYPE,
                          "%s: d '%s' is %s, wanted f32, f16, i8 or u8 with quantization.scale", kernel,
                          d->info.name, smelt_dtype_name(dtype));
    if (!byte && q->zero_d)
        return smelt_fail(d->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: quantization.zero_d is set with d of %s, wanted NULL but for d of i8 or u8",
                          kernel, smelt_dtype_name(dtype));
    if (byte && residual)
        return smelt_fail(d->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: residual is set with d of %s, wanted NULL, or d of i32, f32 or f16", kernel,
                          smelt_dtype_name(dtype));
    return SMELT_OK;
}

enum smelt_result smelt_quantization_check_types(smelt_context context, const char *kernel,
                                                 enum smelt_dtype computed, enum smelt_dtype accumulated)
{
    bool exact = (computed == SMELT_DTYPE_NONE || computed == SMELT_DTYPE_I8) &&
                 (accumulated == SMELT_DTYPE_NONE || accumulated == SMELT_DTYPE_I32);
    return exact ? SMELT_OK
                 : smelt_fail(context, SMELT_ERROR_DTYPE,
                              "%s: computed is %s and accumulated %s with operands of integers, wanted i8 "
                              "and i32, or none",
                              kernel, smelt_dtype_name(computed), smelt_dtype_name(accumulated));
}

enum smelt_result smelt_quantization_check(const char *kernel, const struct smelt_quantization *q,
                                           smelt_tensor a, smelt_tensor d, uint64_t columns,
                                           enum smelt_dtype b, bool residual)
{
    if (smelt_dtype_is_float(a->info.dtype)) {
        if (!is_set(q))
            return SMELT_OK;
        return smelt_fail(d->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: quantization is set with a of %s, wanted NULLs but for operands of integers",
                          kernel, smelt_dtype_name(a->info.dtype));
    }
    enum smelt_dtype right = b == SMELT_DTYPE_I4 ? SMELT_DTYPE_I8 : b == SMELT_DTYPE_U4 ? SMELT_DTYPE_U8 : b;
    enum smelt_result result = SMELT_OK;
    if ((result = check_tensor(kernel, "zero_a", q->zero_a, d, a->info.dtype, 0)) ||
        (result = check_tensor(kernel, "zero_b", q->zero_b, d, right, columns)) ||
        (result = check_tensor(kernel, "scale", q->scale, d, SMELT_DTYPE_F32, columns)) ||
        (result = check_result(kernel, q, d, residual)))
        return result;
    return check_tensor(kernel, "zero_d", q->zero_d, d, d->info.dtype, 0);
}

static uint32_t quantity(smelt_tensor tensor, uint64_t columns)
{
    return !tensor                                           ? SMELT_QUANTITY_NONE
           : tensor->info.shape[0] == columns && columns > 1 ? SMELT_QUANTITY_EACH
                                                             : SMELT_QUANTITY_ONE;
}

struct smelt_quantization_key smelt_quantization_describe(const struct smelt_quantization *q, smelt_tensor d,
                                                          uint64_t columns)
{
    return (struct smelt_quantization_key){
        .result = d->info.dtype,
        .zero_a = quantity(q->zero_a, 1),
        .zero_b = quantity(q->zero_b, columns),
        .scale = quantity(q->scale, columns),
        .zero_d = quantity(q->zero_d, 1),
        .zero_a_signed = q->zero_a && q->zero_a->info.dtype == SMELT_DTYPE_I8,
        .zero_b_signed = q->zero_b && q->zero_b->info.dtype == SMELT_DTYPE_I8,
    };
}

uint32_t smelt_quantization_ranges(const struct smelt_quantization *q, struct smelt_range *ranges)
{
    const smelt_tensor reads[SMELT_QUANTIZATION_RANGES] = {q->zero_a, q->zero_b, q->scale, q->zero_d};
    uint32_t count = 0;
    for (uint32_t i = 0; i < SMELT_QUANTIZATION_RANGES; i++)
        if (reads[i])
            ranges[count++] = smelt_range_of(reads[i], SMELT_ACCESS_READ);
    return count;
}

void smelt_quantization_write(struct smelt_text *text, const struct smelt_quantization_key *key)
{
    const struct {
        const char *parameter;
        uint32_t value;
    } lines[] = {
        {"HAS_ZERO_A", key->zero_a},
        {"HAS_ZERO_B", key->zero_b != SMELT_QUANTITY_NONE},
        {"EACH_ZERO_B", key->zero_b == SMELT_QUANTITY_EACH},
        {"HAS_SCALE", key->scale != SMELT_QUANTITY_NONE},
        {"EACH_SCALE", key->scale == SMELT_QUANTITY_EACH},
        {"HAS_ZERO_D", key->zero_d},
        {"ZERO_A_SIGNED", key->zero_a_signed},
        {"ZERO_B_SIGNED", key->zero_b_signed},
    };
    for (uint32_t i = 0; i < SMELT_COUNT_OF(lines); i++)
        smelt_op_define_number(text, "KERNEL_", lines[i].parameter, lines[i].value);
    smelt_op_define(text, "KERNEL_", "RESULT", smelt_op_dtype_macro((enum smelt_dtype)key->result));
}

uint64_t smelt_quantization_address(smelt_tensor tensor)
{
    return tensor ? tensor->info.address : 0;
}
