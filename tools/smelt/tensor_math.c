// SPDX-License-Identifier: MIT
// Comparison of tensors element by element and by what a person would see of them; statistics.
#include "tensor_math.h"

#include <math.h>
#include <stdio.h>

struct tolerance tolerance_of(enum smelt_element element, enum smelt_dtype storage)
{
    switch (element) {
    case SMELT_ELEMENT_F8E4M3: // units in the last place are 1/8, 1/4, 1/128, 1/1024 of a number
        return (struct tolerance){0.13, 2e-3};
    case SMELT_ELEMENT_F8E5M2:
        return (struct tolerance){0.26, 2e-5};
    case SMELT_ELEMENT_BF16:
        return (struct tolerance){1.6e-2, 1e-3};
    default:
        if (element == SMELT_ELEMENT_F16 || storage == SMELT_DTYPE_F16)
            return (struct tolerance){4e-3, 1e-3};
        return (struct tolerance){1e-3, 1e-5};
    }
}

uint64_t tensor_elements(const struct smelt_onnx_tensor *tensor)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < tensor->rank; i++)
        count *= tensor->shape[i];
    return count;
}

static bool same_number(double want, double got, struct tolerance tolerance)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got))
        return want == got;
    return fabs(got - want) <= tolerance.absolute + tolerance.relative * fabs(want);
}

struct difference compare_tensors(const struct smelt_onnx_tensor *want, const struct smelt_onnx_tensor *got,
                                  struct tolerance tolerance)
{
    struct difference d = {.elements = tensor_elements(want)};
    bool exact = !smelt_element_is_float(want->element);
    for (uint64_t i = 0; i < d.elements; i++) {
        double w = smelt_element_number(want->element, want->data, i);
        double g = smelt_element_number(got->element, got->data, i);
        bool same = exact ? smelt_element_integer(want->element, want->data, i) ==
                                smelt_element_integer(got->element, got->data, i)
                          : same_number(w, g, tolerance);
        if (isfinite(g - w))
            d.largest = fmax(d.largest, fabs(g - w));
        if (same)
            continue;
        if (!d.count++) {
            d.first = i;
            d.want = w;
            d.got = g;
        }
    }
    return d;
}

static uint64_t largest_of(const struct smelt_onnx_tensor *t, uint64_t first, uint64_t count)
{
    uint64_t best = first;
    for (uint64_t i = first + 1; i < first + count; i++)
        if (smelt_element_number(t->element, t->data, i) > smelt_element_number(t->element, t->data, best))
            best = i;
    return best;
}

bool same_top1(const struct smelt_onnx_tensor *want, const struct smelt_onnx_tensor *got, uint64_t *row)
{
    uint64_t rows = want->rank > 1 ? want->shape[0] : 1, length = rows ? tensor_elements(want) / rows : 0;
    for (*row = 0; *row < rows; ++*row)
        if (largest_of(want, *row * length, length) != largest_of(got, *row * length, length))
            return false;
    return true;
}

double psnr(const struct smelt_onnx_tensor *want, const struct smelt_onnx_tensor *got)
{
    uint64_t count = tensor_elements(want);
    double least = INFINITY, most = -INFINITY, squares = 0;
    for (uint64_t i = 0; i < count; i++) {
        double w = smelt_element_number(want->element, want->data, i);
        double g = smelt_element_number(got->element, got->data, i);
        least = fmin(least, w);
        most = fmax(most, w);
        squares += (g - w) * (g - w);
    }
    return squares == 0 ? INFINITY : 10 * log10((most - least) * (most - least) * (double)count / squares);
}

void format_index(const struct smelt_onnx_tensor *tensor, uint64_t index, char *text, size_t size)
{
    uint64_t coordinates[SMELT_IR_MAX_RANK];
    for (uint32_t d = tensor->rank; d-- > 0;) {
        coordinates[d] = index % tensor->shape[d];
        index /= tensor->shape[d];
    }
    text[0] = 0;
    for (uint32_t d = 0, used = 0; d < tensor->rank && used < size; d++)
        used += (uint32_t)snprintf(text + used, size - used, "[%llu]", (unsigned long long)coordinates[d]);
}

struct statistics statistics_of(const struct smelt_onnx_tensor *tensor)
{
    struct statistics s = {.elements = tensor_elements(tensor), .least = INFINITY, .most = -INFINITY};
    double sum = 0, squares = 0;
    uint64_t finite = 0;
    for (uint64_t i = 0; i < s.elements; i++) {
        double x = smelt_element_number(tensor->element, tensor->data, i);
        s.nans += isnan(x) != 0;
        s.infinities += isinf(x) != 0;
        if (!isfinite(x))
            continue;
        finite++;
        sum += x;
        squares += x * x;
        s.least = fmin(s.least, x);
        s.most = fmax(s.most, x);
    }
    if (!finite) {
        s.least = s.most = 0;
        return s;
    }
    s.mean = sum / (double)finite;
    s.deviation = sqrt(fmax(squares / (double)finite - s.mean * s.mean, 0));
    return s;
}
