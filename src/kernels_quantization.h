// SPDX-License-Identifier: MIT
// struct smelt_quantization of whole products and convolutions: its checks, and what the kernels are told of it.
#ifndef SMELT_KERNELS_QUANTIZATION_H
#define SMELT_KERNELS_QUANTIZATION_H

#include "kernels_cache.h"

// How many there are of a zero point or a scale.
enum smelt_quantity { SMELT_QUANTITY_NONE, SMELT_QUANTITY_ONE, SMELT_QUANTITY_EACH };

// Part of the keys of kernels, which are compared as bytes; zeros where operands are floats.
struct smelt_quantization_key {
    uint32_t result;                        // enum smelt_dtype of d
    uint32_t zero_a, zero_b, scale, zero_d; // enum smelt_quantity
    uint32_t zero_a_signed, zero_b_signed;
};

// Of a call whose a, b and d are rank and context checked; `columns`: output channels. With operands of floats nothing
// may be set; with those of integers d must be what the scale makes of it. Errors: INVALID_ARGUMENT, SHAPE, DTYPE.
enum smelt_result smelt_quantization_check(const char *kernel, const struct smelt_quantization *q,
                                           smelt_tensor a, smelt_tensor d, uint64_t columns,
                                           enum smelt_dtype b, bool residual);
// Of a call with operands of integers, whose sums are never made in floats. Errors: DTYPE.
enum smelt_result smelt_quantization_check_types(smelt_context context, const char *kernel,
                                                 enum smelt_dtype computed, enum smelt_dtype accumulated);
struct smelt_quantization_key smelt_quantization_describe(const struct smelt_quantization *q, smelt_tensor d,
                                                          uint64_t columns);
// Appends a range for each tensor; returns how many there are.
#define SMELT_QUANTIZATION_RANGES 4
uint32_t smelt_quantization_ranges(const struct smelt_quantization *q, struct smelt_range *ranges);
// What glsl/kernels/quantization.glsl takes.
void smelt_quantization_write(struct smelt_text *text, const struct smelt_quantization_key *key);
// 0 for NULL.
uint64_t smelt_quantization_address(smelt_tensor tensor);

#endif
