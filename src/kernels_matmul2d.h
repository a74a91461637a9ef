// SPDX-License-Identifier: MIT
// The inside of smelt_encode_matmul2d: a call that has been checked (kernels_matmul2d_check.c), for the kernels of
// kernels_matmul2d.c.
#ifndef SMELT_KERNELS_MATMUL2D_H
#define SMELT_KERNELS_MATMUL2D_H

#include "kernels_cache.h"
#include "kernels_quantization.h"

// The push constants of glsl/kernels/matmul2d_head.glsl, word for word. Of integers `zero` is the address of zero_b,
// stride_scale that of zero_a and stride_zero that of zero_d, low word first.
struct smelt_product_push {
    uint64_t a, b, bias, d, scale, zero;
    uint32_t m, n, k;
    uint32_t stride_a[2], stride_b[2], stride_d, stride_scale[2], stride_zero[2];
    uint32_t batch_a, batch_b, batch_d, batch_scale, batch_zero;
    uint32_t residual[2]; // an address, low word first
};
_Static_assert(offsetof(struct smelt_product_push, residual) == 116, "matmul2d_head.glsl's constants");
#define SMELT_PRODUCT_PUSH_SIZE 124

struct smelt_product {
    smelt_context context;
    const struct smelt_matmul2d_params *params;
    struct smelt_product_push push;
    uint32_t batch;
    bool integers; // of i8 and u8
    enum smelt_scale scale;
    enum smelt_zero zero;
    uint32_t block;
};

// Fills all but `params`, which the caller has set. Errors: INVALID_ARGUMENT, SHAPE, DTYPE, UNSUPPORTED.
enum smelt_result smelt_product_check(struct smelt_product *product);

// smelt_encode_matmul2d as part of another call, which `what` describes: its ranges, label, operation and call.
enum smelt_result smelt_product_encode(smelt_encoder encoder, const struct smelt_matmul2d_params *params,
                                       const struct smelt_dispatch *what);

// What d may be besides f32.
enum smelt_dtype smelt_product_narrow(enum smelt_dtype operands);

uint64_t smelt_product_row_stride(const struct smelt_tensor_info *t);
uint64_t smelt_product_column_stride(const struct smelt_tensor_info *t);

#endif
