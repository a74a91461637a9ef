// SPDX-License-Identifier: MIT
// What the commands work out about tensors of the host: whether two are the same as far as their type allows, statistics.
#ifndef SMELT_TOOL_TENSOR_MATH_H
#define SMELT_TOOL_TENSOR_MATH_H

#include "onnx.h"

struct tolerance {
    double relative, absolute; // |got - want| <= absolute + relative |want|
};
// What `storage` (F32, F16) of a network leaves of the precision of floats of the type; 1e-3 and 1e-5 with 32 bits.
struct tolerance tolerance_of(enum smelt_element element, enum smelt_dtype storage);

struct difference {
    uint64_t count;   // elements that differ, of `elements`
    uint64_t first;   // the first one
    double want, got; // there
    double largest;   // |got - want| over all that are finite
    uint64_t elements;
};
// Integers and bools must be equal, floats within the tolerance; NaN equals NaN, an infinity itself. Both have the same
// type and shape.
struct difference compare_tensors(const struct smelt_onnx_tensor *want, const struct smelt_onnx_tensor *got,
                                  struct tolerance tolerance);
// Whether the largest element of every sample (of the first axis; of all with a rank below 2) is the same one; `row`
// receives the first one of which it is not.
bool same_top1(const struct smelt_onnx_tensor *want, const struct smelt_onnx_tensor *got, uint64_t *row);
// 10 log10(range^2 / mean squared error), in dB, `range` that of `want`; infinity when equal, NaN with what is not finite.
double psnr(const struct smelt_onnx_tensor *want, const struct smelt_onnx_tensor *got);

struct statistics {
    uint64_t elements, nans, infinities;
    double least, most, mean, deviation; // of those that are finite; 0 when none is
};
struct statistics statistics_of(const struct smelt_onnx_tensor *tensor);

uint64_t tensor_elements(const struct smelt_onnx_tensor *tensor);
// Index `index` of the tensor as "[0][3][17]".
void format_index(const struct smelt_onnx_tensor *tensor, uint64_t index, char *text, size_t size);

#endif
