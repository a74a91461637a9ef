// SPDX-License-Identifier: MIT
// A byte-exact model of strided tensors in host memory, random tensors to put into it, and a device heap that is
// compared with it as a whole, so that every byte outside a tensor is a guard.
#ifndef SMELT_TENSOR_MODEL_H
#define SMELT_TENSOR_MODEL_H

#include "test.h"
#include "dtype_reference.h"
#include "internal.h"

// Elements in an array of bytes; strides and `first` in elements.
struct model_tensor {
    enum smelt_dtype dtype;
    uint32_t rank;
    uint64_t shape[SMELT_TENSOR_MAX_RANK];
    uint64_t strides[SMELT_TENSOR_MAX_RANK];
    uint64_t first;
};

static inline void model_put(enum smelt_dtype dtype, uint8_t *data, uint64_t index, uint32_t pattern)
{
    uint32_t bits = smelt_dtype_bits(dtype);
    if (bits == 4)
        data[index / 2] =
            (uint8_t)(index % 2 ? (data[index / 2] & 15) | pattern << 4 : (data[index / 2] & 240) | pattern);
    else
        memcpy(data + index * bits / 8, &pattern, bits / 8);
}

static inline uint64_t model_count(const struct model_tensor *tensor)
{
    uint64_t count = 1;
    for (uint32_t d = 0; d < tensor->rank; d++)
        count *= tensor->shape[d];
    return count;
}

// Index of the n-th element, row-major.
static inline uint64_t model_index(const struct model_tensor *tensor, uint64_t n)
{
    uint64_t index = tensor->first;
    for (uint32_t d = tensor->rank; d-- > 0;) {
        index += n % tensor->shape[d] * tensor->strides[d];
        n /= tensor->shape[d];
    }
    return index;
}

// Bytes from byte 0 to past the last element.
static inline uint64_t model_span(const struct model_tensor *tensor)
{
    return smelt_dtype_size(tensor->dtype, model_index(tensor, model_count(tensor) - 1) + 1);
}

// destination[i] = source[i], converted by the reference in double.
static inline void model_copy(const struct model_tensor *destination, uint8_t *to,
                              const struct model_tensor *source, const uint8_t *from)
{
    uint64_t count = model_count(destination);
    for (uint64_t n = 0; n < count; n++) {
        uint32_t pattern = test_get(source->dtype, from, model_index(source, n));
        if (destination->dtype != source->dtype)
            pattern = reference_pattern(destination->dtype, reference_value(source->dtype, pattern));
        model_put(destination->dtype, to, model_index(destination, n), pattern);
    }
}

// --- Random tensors -----------------------------------------------------------------------------------------

static inline enum smelt_dtype model_random_dtype(void)
{
    return (enum smelt_dtype)(1 + test_random() % (SMELT_DTYPE_COUNT - 1));
}

// Row-major without gaps.
static inline void model_pack(struct model_tensor *tensor)
{
    uint64_t stride = 1;
    for (uint32_t d = tensor->rank; d-- > 0;) {
        tensor->strides[d] = stride;
        stride *= tensor->shape[d];
    }
    tensor->first = 0;
}

// Dimensions in any order in memory, with gaps; for 4-bit types as tensor.h asks.
static inline void model_random_strides(struct model_tensor *tensor)
{
    bool nibbles = smelt_dtype_bits(tensor->dtype) == 4;
    uint32_t rank = tensor->rank, order[SMELT_TENSOR_MAX_RANK];
    for (uint32_t d = 0; d < rank; d++)
        order[d] = rank - 1 - d; // the innermost first
    for (uint32_t i = nibbles ? 1 : 0; i + 1 < rank; i++) {
        uint32_t other = i + test_random() % (rank - i), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    uint64_t covered = 0;
    bool gaps = test_random() % 3;
    for (uint32_t i = 0; i < rank; i++) {
        uint64_t stride = covered + 1 + (gaps ? test_random() % 3 : 0);
        if (nibbles)
            stride = i ? (stride + 1) / 2 * 2 : 1;
        tensor->strides[order[i]] = stride;
        covered += (tensor->shape[order[i]] - 1) * stride;
    }
}

static inline struct model_tensor model_random_shape(uint32_t rank, uint64_t most)
{
    struct model_tensor tensor = {.rank = rank};
    for (uint32_t d = 0; d < rank; d++) {
        uint64_t extent = 1 + test_random() % (rank > 8 ? 2 : 9);
        extent = SMELT_MIN(extent, most);
        tensor.shape[d] = extent;
        most /= extent;
    }
    return tensor;
}

// --- A heap and its model -----------------------------------------------------------------------------------

struct model_heap {
    struct smelt_buffer buffer; // that the test sees in any case
    smelt_heap heap;            // when tensors are to be mapped
    uint64_t size;
};

static inline struct model_heap model_heap_create(uint64_t size, bool mapped)
{
    struct model_heap made = {.size = size};
    CHECK_OK(smelt_buffer_create(test_context(), size, SMELT_PLACE_HOST_READ, SMELT_MEMORY_STAGING, "model",
                                 &made.buffer));
    struct smelt_heap_params params = {
        .size = size, .buffer = made.buffer.buffer, .mapped = made.buffer.mapped};
    if (mapped)
        CHECK_OK(smelt_heap_create(test_context(), &params, &made.heap));
    return made;
}

static inline void model_heap_destroy(struct model_heap *heap)
{
    smelt_heap_destroy(&heap->heap);
    smelt_buffer_destroy(test_context(), &heap->buffer);
}

static inline void model_poison(const struct model_heap *heap, uint8_t *model)
{
    for (uint64_t i = 0; i < heap->size; i++)
        model[i] = (uint8_t)test_random();
    memcpy(heap->buffer.mapped, model, heap->size);
}

static inline void model_compare(const struct model_heap *heap, const uint8_t *model, const char *what)
{
    const uint8_t *got = heap->buffer.mapped;
    for (uint64_t i = 0; i < heap->size; i++) {
        if (got[i] != model[i]) {
            printf("    %s: byte %llu is %#x, wanted %#x\n", what, (unsigned long long)i, got[i], model[i]);
            CHECK(got[i] == model[i]);
        }
    }
}

// Random strides and a random place in the heap for a shape.
static inline struct model_tensor model_place(const struct model_heap *heap, enum smelt_dtype dtype,
                                              struct model_tensor tensor)
{
    tensor.dtype = dtype;
    tensor.first = 0;
    do {
        model_random_strides(&tensor);
    } while (model_span(&tensor) > heap->size);
    uint64_t bits = smelt_dtype_bits(dtype), step = heap->heap ? 16 : SMELT_MAX(bits / 8, 1);
    uint64_t offset = test_random() % (heap->size - model_span(&tensor) + 1) / step * step;
    tensor.first = offset * 8 / bits;
    return tensor;
}

static inline smelt_tensor model_create(const struct model_heap *heap, const struct model_tensor *model)
{
    uint64_t offset = model->first * smelt_dtype_bits(model->dtype) / 8;
    struct smelt_tensor_params params = {.dtype = model->dtype, .rank = model->rank, .name = "model"};
    memcpy(params.shape, model->shape, sizeof(params.shape));
    memcpy(params.strides, model->strides, sizeof(params.strides));
    params.heap = heap->heap;
    params.heap_offset = offset;
    if (!heap->heap) {
        params.buffer = heap->buffer.buffer;
        params.buffer_offset = offset;
        params.buffer_size = heap->size;
    }
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(test_context(), &params, &tensor));
    return tensor;
}

#endif
