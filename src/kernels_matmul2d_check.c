// SPDX-License-Identifier: MIT
// What smelt_encode_matmul2d refuses, and what the kernels are told about the tensors.
#include "kernels_matmul2d.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum smelt_dtype smelt_product_narrow(enum smelt_dtype operands)
{
    return operands == SMELT_DTYPE_BF16 ? SMELT_DTYPE_BF16 : SMELT_DTYPE_F16;
}

uint64_t smelt_product_row_stride(const struct smelt_tensor_info *t)
{
    return t->strides[t->rank - 2];
}

uint64_t smelt_product_column_stride(const struct smelt_tensor_info *t)
{
    return t->strides[t->rank - 1];
}

static bool is_byte(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_U8;
}

static enum smelt_result check_tensor(smelt_context context, const char *role, smelt_tensor tensor,
                                      bool matrix)
{
    const struct smelt_tensor_info *t = &tensor->info;
    if (tensor->context != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "matmul2d: %s '%s' is of another context",
                          role, t->name);
    if (matrix ? t->rank != 2 && t->rank != 3 : t->rank != 1)
        return smelt_fail(context, SMELT_ERROR_SHAPE, "matmul2d: %s '%s' has rank %" PRIu32 ", wanted %s",
                          role, t->name, t->rank, matrix ? "2, or 3 with a batch" : "1");
    return smelt_tensor_require_plain(tensor, "matmul2d");
}

static enum smelt_result check_tensors(const struct smelt_product *product)
{
    const struct smelt_matmul2d_params *p = product->params;
    smelt_context context = product->context;
    const struct {
        const char *role;
        smelt_tensor tensor;
    } matrices[] = {{"a", p->a}, {"b", p->b}, {"d", p->d}, {"scale", p->scale}, {"zero", p->zero}};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(matrices); i++) {
        enum smelt_result result =
            matrices[i].tensor ? check_tensor(context, matrices[i].role, matrices[i].tensor, true) : SMELT_OK;
        if (result)
            return result;
    }
    return p->bias ? check_tensor(context, "bias", p->bias, false) : SMELT_OK;
}

// --- Types ------------------------------------------------------------------------------------------------

static enum smelt_result wrong_type(smelt_context context, const char *role,
                                    const struct smelt_tensor_info *t, const char *wanted)
{
    return smelt_fail(context, SMELT_ERROR_DTYPE, "matmul2d: %s '%s' is %s, wanted %s", role, t->name,
                      smelt_dtype_name(t->dtype), wanted);
}

// Scale, zero point and block of a quantised b.
static enum smelt_result check_scale(struct smelt_product *product)
{
    const struct smelt_matmul2d_params *p = product->params;
    smelt_context context = product->context;
    enum smelt_dtype stored = p->b->info.dtype, scale = p->scale->info.dtype;
    if (!smelt_dtype_is_float(p->a->info.dtype))
        return wrong_type(context, "a", &p->a->info, "f32, f16, bf16, f8e4m3 or f8e5m2 beside a scale");
    if (stored != SMELT_DTYPE_I8 && stored != SMELT_DTYPE_U8 && stored != SMELT_DTYPE_I4 &&
        stored != SMELT_DTYPE_U4 && stored != SMELT_DTYPE_F8E4M3 && stored != SMELT_DTYPE_F8E5M2)
        return wrong_type(context, "b", &p->b->info, "i8, u8, i4, u4, f8e4m3 or f8e5m2 with a scale");
    if (scale != SMELT_DTYPE_F32 && scale != SMELT_DTYPE_F16 && scale != SMELT_DTYPE_U8)
        return wrong_type(context, "scale", &p->scale->info, "f32, f16 or u8 (ue8m0)");
    product->scale = scale == SMELT_DTYPE_F32   ? SMELT_SCALE_F32
                     : scale == SMELT_DTYPE_F16 ? SMELT_SCALE_F16
                                                : SMELT_SCALE_UE8M0;
    if (p->zero) {
        enum smelt_dtype zero = p->zero->info.dtype;
        bool point = !smelt_dtype_is_float(stored) && zero == stored;
        if (!point && (zero != scale || product->scale == SMELT_SCALE_UE8M0))
            return wrong_type(context, "zero", &p->zero->info,
                              "the type of b, an integer (points), or of a scale of f32 or f16 (offsets)");
        product->zero = point ? SMELT_ZERO_POINT : SMELT_ZERO_OFFSET;
    }
    if (p->block > 1u << 30)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "matmul2d: block is %" PRIu32 ", wanted 1 to 2^30 (or 0: all of k)", p->block);
    return SMELT_OK;
}

static enum smelt_result check_types(struct smelt_product *product)
{
    const struct smelt_matmul2d_params *p = product->params;
    const struct smelt_tensor_info *a = &p->a->info, *b = &p->b->info, *d = &p->d->info;
    smelt_context context = product->context;
    char wanted[64];
    if (p->scale) {
        enum smelt_result result = check_scale(product);
        if (result)
            return result;
    } else {
        if (p->zero || p->block)
            return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                              "matmul2d: %s is set without scale, wanted %s", p->zero ? "zero" : "block",
                              p->zero ? "NULL" : "0");
        product->integers = is_byte(a->dtype);
        if (!product->integers && !smelt_dtype_is_float(a->dtype))
            return wrong_type(context, "a", a, "f32, f16, bf16, f8e4m3, f8e5m2, i8 or u8");
        if (product->integers && !is_byte(b->dtype) && b->dtype != SMELT_DTYPE_I4 &&
            b->dtype != SMELT_DTYPE_U4)
            return wrong_type(context, "b", b, "i8, u8, i4 or u4 with a of i8 or u8");
        snprintf(wanted, sizeof(wanted), "%s as a", smelt_dtype_name(a->dtype));
        if (!product->integers && b->dtype != a->dtype)
            return wrong_type(context, "b", b, wanted);
    }
    enum smelt_dtype bias = product->integers ? SMELT_DTYPE_I32 : a->dtype;
    snprintf(wanted, sizeof(wanted), "%s%s", smelt_dtype_name(bias),
             product->integers ? " for operands of integers" : " as a");
    if (p->bias && p->bias->info.dtype != bias)
        return wrong_type(context, "bias", &p->bias->info, wanted);
    if (product->integers) // d: smelt_quantization_check
        return smelt_quantization_check_types(context, "matmul2d", p->computed, p->accumulated);
    enum smelt_dtype narrow = smelt_product_narrow(a->dtype);
    snprintf(wanted, sizeof(wanted), "f32 or %s for operands of %s", smelt_dtype_name(narrow),
             smelt_dtype_name(a->dtype));
    return d->dtype == SMELT_DTYPE_F32 || d->dtype == narrow ? SMELT_OK : wrong_type(context, "d", d, wanted);
}

// --- Shapes -----------------------------------------------------------------------------------------------

static uint64_t batch_of(const struct smelt_tensor_info *t)
{
    return t->rank == 3 ? t->shape[0] : 1;
}

static uint32_t batch_stride(const struct smelt_tensor_info *t)
{
    return t->rank == 3 ? (uint32_t)t->strides[0] : 0;
}

static enum smelt_result extent(const struct smelt_product *product, const char *what, uint64_t got,
                                uint64_t wanted)
{
    return smelt_kernel_check_extent(product->context, "matmul2d", what, got, wanted);
}

// Of the scales or zero points, which have one element for a block of b.
static enum smelt_result check_blocks(const struct smelt_product *product, const char *role,
                                      smelt_tensor tensor, uint64_t n, uint64_t k)
{
    if (!tensor)
        return SMELT_OK;
    const struct smelt_tensor_info *t = &tensor->info;
    uint32_t first = t->rank - 2, across = product->params->transpose_right ? first : first + 1;
    uint32_t along = product->params->transpose_right ? first + 1 : first;
    char what[64];
    enum smelt_result result = SMELT_OK;
    snprintf(what, sizeof(what), "the extent of %s along the columns of d", role);
    if ((result = extent(product, what, t->shape[across], n)))
        return result;
    snprintf(what, sizeof(what), "the number of blocks of %s", role);
    if ((result = extent(product, what, t->shape[along], (k + product->block - 1) / product->block)))
        return result;
    snprintf(what, sizeof(what), "the batch of %s", role);
    return t->rank == 3 ? extent(product, what, t->shape[0], product->batch) : SMELT_OK;
}

static enum smelt_result check_shapes(struct smelt_product *product)
{
    const struct smelt_matmul2d_params *p = product->params;
    const struct smelt_tensor_info *a = &p->a->info, *b = &p->b->info, *d = &p->d->info;
    smelt_context context = product->context;
    uint32_t ra = a->rank - 2, rb = b->rank - 2, rd = d->rank - 2;
    uint64_t m = a->shape[ra + p->transpose_left], k = a->shape[ra + !p->transpose_left];
    uint64_t n = b->shape[rb + !p->transpose_right], batch = batch_of(d);
    product->block = p->scale ? p->block ? p->block : (uint32_t)SMELT_MIN(k, 1u << 30) : 0;
    product->batch = (uint32_t)batch;
    product->push = (struct smelt_product_push){.m = (uint32_t)m, .n = (uint32_t)n, .k = (uint32_t)k};
    enum smelt_result result = SMELT_OK;
    if ((result = extent(product, "the extent of b along the sum", b->shape[rb + p->transpose_right], k)) ||
        (result = extent(product, "the number of rows of d", d->shape[rd], m)) ||
        (result = extent(product, "the number of columns of d", d->shape[rd + 1], n)) ||
        (result = a->rank == 3 ? extent(product, "the batch of a", a->shape[0], batch) : SMELT_OK) ||
        (result = b->rank == 3 ? extent(product, "the batch of b", b->shape[0], batch) : SMELT_OK) ||
        (result = p->bias ? extent(product, "the length of bias", p->bias->info.shape[0], n) : SMELT_OK) ||
        (result = extent(product, "the stride within a row of d", smelt_product_column_stride(d), 1)) ||
        (result = p->bias ? extent(product, "the stride of bias", p->bias->info.strides[0], 1) : SMELT_OK) ||
        (result = check_blocks(product, "scale", p->scale, n, k)))
        return result;
    if ((result = check_blocks(product, "zero", p->zero, n, k)))
        return result;
    if (batch > context->capabilities.max_workgroup_count[2])
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "matmul2d: a batch of %" PRIu64 ", wanted at most %" PRIu32, batch,
                          context->capabilities.max_workgroup_count[2]);
    return SMELT_OK;
}

static enum smelt_result check_overlap(const struct smelt_product *product)
{
    const struct smelt_matmul2d_params *p = product->params;
    const smelt_tensor operands[] = {p->a, p->b, p->bias, p->scale, p->zero};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(operands); i++)
        if (operands[i] && smelt_tensor_share_bytes(&p->d->info, &operands[i]->info))
            return smelt_fail(product->context, SMELT_ERROR_INVALID_ARGUMENT,
                              "matmul2d: d '%s' shares bytes with an operand, wanted separate tensors",
                              p->d->info.name);
    return SMELT_OK;
}

static void fill_push(struct smelt_product *product)
{
    const struct smelt_matmul2d_params *p = product->params;
    struct smelt_product_push *push = &product->push;
    const struct {
        smelt_tensor tensor;
        uint64_t *address;
        uint32_t *stride, *batch;
    } operands[] = {{p->a, &push->a, push->stride_a, &push->batch_a},
                    {p->b, &push->b, push->stride_b, &push->batch_b},
                    {p->scale, &push->scale, push->stride_scale, &push->batch_scale},
                    {p->zero, &push->zero, push->stride_zero, &push->batch_zero}};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(operands); i++) {
        if (!operands[i].tensor)
            continue;
        const struct smelt_tensor_info *t = &operands[i].tensor->info;
        *operands[i].address = t->address;
        operands[i].stride[0] = (uint32_t)smelt_product_row_stride(t);
        operands[i].stride[1] = (uint32_t)smelt_product_column_stride(t);
        *operands[i].batch = batch_stride(t);
    }
    if (product->integers) {
        uint64_t zero_a = smelt_quantization_address(p->quantization.zero_a);
        uint64_t zero_d = smelt_quantization_address(p->quantization.zero_d);
        push->scale = smelt_quantization_address(p->quantization.scale);
        push->zero = smelt_quantization_address(p->quantization.zero_b);
        memcpy(push->stride_scale, &zero_a, sizeof(zero_a));
        memcpy(push->stride_zero, &zero_d, sizeof(zero_d));
    }
    push->bias = p->bias ? p->bias->info.address : 0;
    uint64_t residual = p->residual ? p->residual->info.address : 0;
    push->residual[0] = (uint32_t)residual;
    push->residual[1] = (uint32_t)(residual >> 32);
    push->d = p->d->info.address;
    push->stride_d = (uint32_t)smelt_product_row_stride(&p->d->info);
    push->batch_d = batch_stride(&p->d->info);
}

enum smelt_result smelt_product_check(struct smelt_product *product)
{
    const struct smelt_matmul2d_params *p = product->params;
    if (!p || !p->a || !p->b || !p->d)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "matmul2d: %s is NULL",
                          !p      ? "params"
                          : !p->a ? "a"
                          : !p->b ? "b"
                                  : "d");
    product->context = p->d->context;
    enum smelt_result result = SMELT_OK;
    if ((result = check_tensors(product)) || (result = check_types(product)) ||
        (result = check_shapes(product)) || (result = check_overlap(product)) ||
        (result = smelt_kernel_check_lies_as("matmul2d", "residual", p->residual, "d", p->d)) ||
        (result = smelt_quantization_check("matmul2d", &p->quantization, p->a, p->d, product->push.n,
                                           p->b->info.dtype, p->residual != NULL)))
        return result;
    fill_push(product);
    return SMELT_OK;
}
