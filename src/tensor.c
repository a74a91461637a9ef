// SPDX-License-Identifier: MIT
// Tensors: what a description may be, where a tensor lives, and slices.
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// --- Layout -----------------------------------------------------------------------------------------------

// Bytes between the rows of a USAGE_MACHINE_LEARNING tensor are a multiple of this; so is its place in a heap.
#define ROW_ALIGNMENT 64

struct layout {
    uint64_t strides[SMELT_TENSOR_MAX_RANK];
    uint64_t size; // bytes
    uint64_t alignment;
};

static uint64_t round_up(uint64_t value, uint64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

// Elements that a row (a step of the last but one dimension) must be a multiple of.
static uint64_t row_multiple(const struct smelt_tensor_params *params)
{
    if (params->usage & SMELT_TENSOR_USAGE_MACHINE_LEARNING)
        return ROW_ALIGNMENT * 8 / smelt_dtype_bits(params->dtype);
    return smelt_dtype_bits(params->dtype) == 4 ? 2 : 1; // rows of 4-bit elements start at whole bytes
}

static enum smelt_result check_shape(smelt_context context, const struct smelt_tensor_params *params,
                                     const char *name)
{
    if (!smelt_dtype_bits(params->dtype))
        return smelt_fail(context, SMELT_ERROR_DTYPE, "tensor '%s': dtype %s (%d), wanted an element type",
                          name, smelt_dtype_name(params->dtype), (int)params->dtype);
    if (params->rank > SMELT_TENSOR_MAX_RANK)
        return smelt_fail(context, SMELT_ERROR_SHAPE, "tensor '%s': rank %" PRIu32 ", wanted at most %d",
                          name, params->rank, SMELT_TENSOR_MAX_RANK);
    uint64_t count = 1;
    for (uint32_t d = 0; d < params->rank; d++) {
        if (params->shape[d] == 0)
            return smelt_fail(context, SMELT_ERROR_SHAPE,
                              "tensor '%s': extent 0 in dimension %" PRIu32 ", wanted at least 1", name, d);
        if (params->shape[d] > UINT32_MAX / count)
            return smelt_fail(context, SMELT_ERROR_SHAPE,
                              "tensor '%s': the extents up to dimension %" PRIu32
                              " make 2^32 elements or more, wanted fewer",
                              name, d);
        count *= params->shape[d];
    }
    return SMELT_OK;
}

// Checks what a type and a usage ask of given strides.
static enum smelt_result check_given_strides(smelt_context context, const struct smelt_tensor_params *params,
                                             const char *name)
{
    uint32_t last = params->rank - 1;
    bool rows = params->usage & SMELT_TENSOR_USAGE_MACHINE_LEARNING;
    bool nibbles = smelt_dtype_bits(params->dtype) == 4;
    if ((rows || nibbles) && params->strides[last] != 1)
        return smelt_fail(context, SMELT_ERROR_SHAPE, "tensor '%s': innermost stride %" PRIu64 ", %s 1", name,
                          params->strides[last],
                          rows ? "USAGE_MACHINE_LEARNING wants" : "a 4-bit type wants");
    for (uint32_t d = 0; nibbles && d < last; d++)
        if (params->strides[d] % 2)
            return smelt_fail(context, SMELT_ERROR_SHAPE,
                              "tensor '%s': stride %" PRIu64 " of dimension %" PRIu32
                              ", a 4-bit type wants an even one",
                              name, params->strides[d], d);
    if (rows && last > 0 && params->strides[last - 1] % row_multiple(params))
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "tensor '%s': row stride %" PRIu64
                          ", USAGE_MACHINE_LEARNING wants a multiple of %" PRIu64 " elements (%d bytes)",
                          name, params->strides[last - 1], row_multiple(params), ROW_ALIGNMENT);
    return SMELT_OK;
}

// Index of the last element, or UINT64_MAX when it is 2^32 - 1 or more.
static uint64_t last_index(uint32_t rank, const uint64_t *shape, const uint64_t *strides)
{
    uint64_t last = 0;
    for (uint32_t d = 0; d < rank; d++) {
        if (shape[d] > 1 && strides[d] >= UINT32_MAX)
            return UINT64_MAX;
        last += shape[d] > 1 ? (shape[d] - 1) * strides[d] : 0; // below 2^32 * 2^32
        if (last >= UINT32_MAX)
            return UINT64_MAX;
    }
    return last;
}

// Strides that nest: taken from the smallest up, each steps over all that the smaller ones cover.
static enum smelt_result check_overlap(smelt_context context, const struct smelt_tensor_params *params,
                                       const uint64_t *strides, const char *name)
{
    uint32_t order[SMELT_TENSOR_MAX_RANK], count = 0;
    for (uint32_t d = 0; d < params->rank; d++) {
        if (params->shape[d] == 1)
            continue;
        uint32_t at = count++;
        for (; at > 0 && strides[order[at - 1]] > strides[d]; at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
    uint64_t covered = 0; // the farthest index that the dimensions so far reach
    for (uint32_t i = 0; i < count; i++) {
        uint32_t d = order[i];
        if (strides[d] <= covered)
            return smelt_fail(context, SMELT_ERROR_SHAPE,
                              "tensor '%s': stride %" PRIu64 " of dimension %" PRIu32
                              " makes elements overlap, wanted more than %" PRIu64,
                              name, strides[d], d, covered);
        covered += (params->shape[d] - 1) * strides[d];
    }
    return SMELT_OK;
}

static enum smelt_result make_layout(smelt_context context, const struct smelt_tensor_params *params,
                                     const char *name, struct layout *layout)
{
    const uint32_t known = SMELT_TENSOR_USAGE_COMPUTE | SMELT_TENSOR_USAGE_RENDER |
                           SMELT_TENSOR_USAGE_MACHINE_LEARNING | SMELT_TENSOR_USAGE_HOST;
    if (params->usage & ~known)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "tensor '%s': usage 0x%" PRIx32 ", wanted bits of 0x%" PRIx32, name, params->usage,
                          known);
    enum smelt_result result = check_shape(context, params, name);
    if (result != SMELT_OK)
        return result;
    bool given = false;
    for (uint32_t d = 0; d < params->rank; d++)
        given |= params->strides[d] != 0;
    *layout = (struct layout){.alignment = 16};
    if (given) {
        memcpy(layout->strides, params->strides, params->rank * sizeof(uint64_t));
        result = check_given_strides(context, params, name);
    } else {
        uint64_t stride = 1;
        for (uint32_t d = params->rank; d-- > 0;) {
            layout->strides[d] = stride;
            stride *= params->shape[d]; // below 2^32 * ROW_ALIGNMENT * 2
            if (d + 1 == params->rank && d > 0)
                stride = round_up(stride, row_multiple(params));
        }
    }
    if (result != SMELT_OK)
        return result;
    uint64_t last = last_index(params->rank, params->shape, layout->strides);
    if (last == UINT64_MAX)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "tensor '%s': the strides span 2^32 elements or more, wanted fewer", name);
    if (params->usage & SMELT_TENSOR_USAGE_MACHINE_LEARNING)
        layout->alignment = ROW_ALIGNMENT;
    layout->size = smelt_dtype_size(params->dtype, last + 1);
    return check_overlap(context, params, layout->strides, name);
}

enum smelt_result smelt_tensor_size_and_alignment(const struct smelt_tensor_params *params, uint64_t *size,
                                                  uint64_t *alignment)
{
    if (!params)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "tensor size: params is NULL, wanted one");
    struct layout layout;
    enum smelt_result result = make_layout(NULL, params, params->name ? params->name : "tensor", &layout);
    if (result != SMELT_OK)
        return result;
    if (size)
        *size = layout.size;
    if (alignment)
        *alignment = layout.alignment;
    return SMELT_OK;
}

// --- Place ------------------------------------------------------------------------------------------------

static enum smelt_result place_in_heap(smelt_tensor tensor, const struct smelt_tensor_params *params,
                                       uint64_t alignment)
{
    smelt_context context = tensor->context;
    struct smelt_tensor_info *info = &tensor->info;
    struct smelt_heap_info heap = smelt_heap_info(params->heap);
    if (smelt_heap_context(params->heap) != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "tensor '%s': the heap is of another context, wanted one of this", info->name);
    if (params->heap_offset % alignment || (heap.address + params->heap_offset) % alignment)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "tensor '%s': heap_offset %" PRIu64 " in a heap at address 0x%" PRIx64
                          ", wanted a multiple of %" PRIu64,
                          info->name, params->heap_offset, heap.address, alignment);
    if (params->heap_offset > heap.size || info->size > heap.size - params->heap_offset)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "tensor '%s': %" PRIu64 " bytes at heap_offset %" PRIu64
                          " do not fit the heap of %" PRIu64 " bytes",
                          info->name, info->size, params->heap_offset, heap.size);
    if ((params->usage & SMELT_TENSOR_USAGE_HOST) && !heap.mapped)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "tensor '%s': USAGE_HOST in a heap that is not mapped, wanted a host_visible one",
                          info->name);
    info->buffer = heap.buffer;
    info->buffer_offset = heap.buffer_offset + params->heap_offset;
    info->address = heap.address + params->heap_offset;
    info->mapped = heap.mapped ? (char *)heap.mapped + params->heap_offset : NULL;
    return SMELT_OK;
}

static enum smelt_result place_in_buffer(smelt_tensor tensor, const struct smelt_tensor_params *params)
{
    smelt_context context = tensor->context;
    struct smelt_tensor_info *info = &tensor->info;
    uint64_t element = SMELT_MAX(smelt_dtype_bits(params->dtype) / 8, 1);
    if (!params->buffer_size)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "tensor '%s': buffer_size 0, wanted the bytes of the buffer", info->name);
    if (params->buffer_offset % element)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "tensor '%s': buffer_offset %" PRIu64 ", %s wants a multiple of %" PRIu64,
                          info->name, params->buffer_offset, smelt_dtype_name(params->dtype), element);
    if (params->buffer_offset > params->buffer_size ||
        info->size > params->buffer_size - params->buffer_offset)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "tensor '%s': %" PRIu64 " bytes at buffer_offset %" PRIu64
                          " do not fit the buffer of %" PRIu64 " bytes",
                          info->name, info->size, params->buffer_offset, params->buffer_size);
    if (params->usage & SMELT_TENSOR_USAGE_HOST)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "tensor '%s': USAGE_HOST of a caller's buffer, wanted a heap with `mapped`",
                          info->name);
    info->buffer = params->buffer;
    info->buffer_offset = params->buffer_offset;
    info->address = smelt_buffer_address(context, params->buffer) + params->buffer_offset;
    return SMELT_OK;
}

static enum smelt_result place_in_own_memory(smelt_tensor tensor, const struct smelt_tensor_params *params)
{
    struct smelt_tensor_info *info = &tensor->info;
    // Cached for the host: what is mapped will be read there, too.
    enum smelt_memory_place place =
        params->usage & SMELT_TENSOR_USAGE_HOST ? SMELT_PLACE_HOST_READ : SMELT_PLACE_DEVICE;
    enum smelt_result result = smelt_buffer_create(tensor->context, info->size, place, SMELT_MEMORY_TENSOR,
                                                   info->name, &tensor->memory);
    if (result != SMELT_OK)
        return result;
    info->buffer = tensor->memory.buffer;
    info->address = tensor->memory.address;
    info->mapped = tensor->memory.mapped;
    return SMELT_OK;
}

// --- Tensors ----------------------------------------------------------------------------------------------

static smelt_tensor tensor_memory(void)
{
    smelt_tensor tensor = aligned_alloc(SMELT_TENSOR_LINE, round_up(sizeof(*tensor), SMELT_TENSOR_LINE));
    if (tensor)
        memset(tensor, 0, sizeof(*tensor));
    return tensor;
}

// A tensor with its own copy of `name` and nothing else; NULL when out of host memory (reported).
static smelt_tensor tensor_allocate(smelt_context context, const char *name)
{
    smelt_tensor tensor = tensor_memory();
    char *copy = smelt_copy_string(name);
    if (!tensor || !copy) {
        smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "tensor '%s': out of host memory", name);
        free(tensor);
        free(copy);
        return NULL;
    }
    tensor->context = context;
    tensor->name = copy;
    tensor->info.name = copy;
    return tensor;
}

static void make_form(smelt_tensor tensor)
{
    const struct smelt_tensor_info *info = &tensor->info;
    struct smelt_tensor_form *form = &tensor->form;
    form->type = tensor->opaque ? 0 : smelt_tensor_type(info->dtype, info->rank);
    form->address = info->address;
    form->end = info->address + info->size;
    for (uint32_t d = 0; d < info->rank; d++) {
        form->extents_strides[d] = (uint32_t)info->shape[d];
        form->extents_strides[info->rank + d] = (uint32_t)info->strides[d];
        if (info->shape[d] > UINT32_MAX || info->strides[d] > UINT32_MAX)
            form->type = 0;
    }
}

// A tensor as described but for its place.
static enum smelt_result make_plain(smelt_context context, const struct smelt_tensor_params *params,
                                    const char *name, const struct layout *layout, smelt_tensor *tensor)
{
    smelt_tensor made = tensor_allocate(context, name);
    if (!made)
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    struct smelt_tensor_info *info = &made->info;
    info->dtype = params->dtype;
    info->rank = params->rank;
    info->usage = params->usage ? params->usage : SMELT_TENSOR_USAGE_COMPUTE | SMELT_TENSOR_USAGE_RENDER;
    info->size = layout->size;
    memcpy(info->shape, params->shape, params->rank * sizeof(uint64_t));
    memcpy(info->strides, layout->strides, params->rank * sizeof(uint64_t));
    *tensor = made;
    return SMELT_OK;
}

// The name and layout of a tensor that a call is to make; `what` the call makes, for the message of a NULL.
static enum smelt_result begin(smelt_context context, const struct smelt_tensor_params *params,
                               const smelt_tensor *tensor, const char *what, const char **name,
                               struct layout *layout)
{
    if (!context || !params || !tensor)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s is NULL, wanted one", what,
                          !context  ? "context"
                          : !params ? "params"
                                    : "tensor");
    *name = params->name ? params->name : "tensor";
    return make_layout(context, params, *name, layout);
}

enum smelt_result smelt_tensor_create(smelt_context context, const struct smelt_tensor_params *params,
                                      smelt_tensor *tensor)
{
    const char *name;
    struct layout layout;
    smelt_tensor made = NULL;
    enum smelt_result result = begin(context, params, tensor, "tensor", &name, &layout);
    if (result != SMELT_OK)
        return result;
    if (params->heap && params->buffer)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "tensor '%s': heap and buffer are both given, wanted one", name);
    result = make_plain(context, params, name, &layout, &made);
    if (result != SMELT_OK)
        return result;
    if (params->heap)
        result = place_in_heap(made, params, layout.alignment);
    else if (params->buffer)
        result = place_in_buffer(made, params);
    else
        result = place_in_own_memory(made, params);
    if (result != SMELT_OK) {
        smelt_tensor_destroy(&made);
        return result;
    }
    make_form(made);
    *tensor = made;
    return SMELT_OK;
}

// What is neither of a heap nor of a buffer: transient tensors and views.
static enum smelt_result require_no_place(smelt_context context, const struct smelt_tensor_params *params,
                                          const char *name, uint32_t usage)
{
    bool placed =
        params->heap || params->buffer || params->heap_offset || params->buffer_offset || params->buffer_size;
    return placed || (params->usage & usage)
               ? smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                            "tensor '%s': %s, which a tensor without memory of its own has not", name,
                            placed ? "a heap or a buffer" : "USAGE_HOST")
               : SMELT_OK;
}

enum smelt_result smelt_tensor_create_transient(smelt_context context,
                                                const struct smelt_tensor_params *params,
                                                smelt_tensor *tensor)
{
    const char *name;
    struct layout layout;
    smelt_tensor made = NULL;
    enum smelt_result result = begin(context, params, tensor, "transient tensor", &name, &layout);
    if (result == SMELT_OK)
        result = require_no_place(context, params, name, SMELT_TENSOR_USAGE_HOST);
    if (result == SMELT_OK)
        result = make_plain(context, params, name, &layout, &made);
    if (result != SMELT_OK)
        return result;
    uint64_t room = 0 - SMELT_TRANSIENT_BASE, size = round_up(layout.size, SMELT_TRANSIENT_ALIGNMENT);
    mtx_lock(&context->mutex);
    bool fits = size < room - context->transient_size;
    made->info.address = SMELT_TRANSIENT_BASE + context->transient_size;
    context->transient_size += fits ? size : 0;
    mtx_unlock(&context->mutex);
    if (!fits) {
        smelt_tensor_destroy(&made);
        return smelt_fail(context, SMELT_ERROR_BUDGET,
                          "transient tensor '%s': no addresses for %" PRIu64 " bytes are left", name, size);
    }
    made->transient = true;
    make_form(made);
    *tensor = made;
    return SMELT_OK;
}

enum smelt_result smelt_tensor_view(smelt_tensor tensor, uint64_t offset,
                                    const struct smelt_tensor_params *params, smelt_tensor *view)
{
    enum smelt_result result = smelt_tensor_require_plain(tensor, "view");
    if (result != SMELT_OK)
        return result;
    smelt_context context = tensor->context;
    const struct smelt_tensor_info *info = &tensor->info;
    if (!params || !view)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "view of tensor '%s': %s is NULL, wanted one", info->name,
                          params ? "view" : "params");
    const char *name = params->name ? params->name : info->name;
    struct layout layout;
    smelt_tensor made = NULL;
    result = make_layout(context, params, name, &layout);
    if (result == SMELT_OK)
        result = require_no_place(context, params, name, info->mapped ? 0 : SMELT_TENSOR_USAGE_HOST);
    if (result != SMELT_OK)
        return result;
    uint64_t element = SMELT_MAX(smelt_dtype_bits(params->dtype) / 8, 1);
    if (offset % element || info->address % element)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "view '%s' at byte %" PRIu64 " of tensor '%s', %s wants a multiple of %" PRIu64,
                          name, offset, info->name, smelt_dtype_name(params->dtype), element);
    if (offset > info->size || layout.size > info->size - offset)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "view '%s': %" PRIu64 " bytes at byte %" PRIu64 " do not fit the %" PRIu64
                          " bytes of tensor '%s'",
                          name, layout.size, offset, info->size, info->name);
    result = make_plain(context, params, name, &layout, &made);
    if (result != SMELT_OK)
        return result;
    made->info.buffer = info->buffer;
    made->info.buffer_offset = info->buffer_offset + offset;
    made->info.address = info->address + offset;
    made->info.mapped = info->mapped ? (char *)info->mapped + offset : NULL;
    made->transient = tensor->transient;
    made->part = true;
    make_form(made);
    *view = made;
    return SMELT_OK;
}

enum smelt_result smelt_tensor_create_opaque(smelt_context context, enum smelt_dtype dtype, uint32_t rows,
                                             uint32_t columns, VkBuffer buffer, uint64_t offset,
                                             uint64_t size, VkDeviceAddress address, const char *name,
                                             smelt_tensor *tensor)
{
    smelt_tensor made = tensor_allocate(context, name ? name : "tensor");
    if (!made)
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    made->opaque = true;
    made->info = (struct smelt_tensor_info){.dtype = dtype,
                                            .rank = 2,
                                            .shape = {rows, columns},
                                            .usage = SMELT_TENSOR_USAGE_COMPUTE | SMELT_TENSOR_USAGE_RENDER,
                                            .buffer = buffer,
                                            .buffer_offset = offset,
                                            .size = size,
                                            .address = address,
                                            .name = made->name};
    make_form(made);
    *tensor = made;
    return SMELT_OK;
}

void smelt_tensor_destroy(smelt_tensor *tensor)
{
    if (!tensor || !*tensor)
        return;
    smelt_encoders_tensor_destroyed(*tensor);
    smelt_buffer_destroy((*tensor)->context, &(*tensor)->memory);
    free((*tensor)->name);
    free(*tensor);
    *tensor = NULL;
}

bool smelt_tensor_same_shape(const struct smelt_tensor_info *a, const struct smelt_tensor_info *b)
{
    return a->rank == b->rank && !memcmp(a->shape, b->shape, a->rank * sizeof(a->shape[0]));
}

bool smelt_tensor_is_packed(const struct smelt_tensor_info *t)
{
    uint64_t step = 1;
    for (uint32_t d = t->rank; d-- > 0;) {
        if (t->shape[d] != 1 && t->strides[d] != step)
            return false;
        step *= t->shape[d];
    }
    return true;
}

bool smelt_tensor_lies_as(const struct smelt_tensor_info *a, const struct smelt_tensor_info *b)
{
    return a->dtype == b->dtype && smelt_tensor_same_shape(a, b) &&
           !memcmp(a->strides, b->strides, a->rank * sizeof(a->strides[0]));
}

// A step of one of two tensors, in bits, and how many elements each has along it.
struct step {
    uint64_t stride, extent[2];
};

static void add_step(struct step *steps, uint32_t *count, uint64_t stride, uint64_t extent, int which)
{
    uint32_t at = 0;
    if (extent == 1)
        return;
    while (at < *count && steps[at].stride > stride)
        at++;
    if (at == *count || steps[at].stride != stride) {
        memmove(&steps[at + 1], &steps[at], (*count - at) * sizeof(*steps));
        steps[at] = (struct step){stride, {1, 1}};
        ++*count;
    }
    steps[at].extent[which] = extent;
}

// Two boxes of one layout: where every bit has one place by the steps of both, largest first, boxes are disjoint when they
// are so along one of them. Anything else is told by the ranges.
bool smelt_tensor_share_bytes(const struct smelt_tensor_info *a, const struct smelt_tensor_info *b)
{
    if (a->address >= b->address + b->size || b->address >= a->address + a->size)
        return false;
    struct step steps[2 * SMELT_TENSOR_MAX_RANK + 1];
    const struct smelt_tensor_info *both[2] = {a->address <= b->address ? a : b,
                                               a->address <= b->address ? b : a};
    uint32_t count = 0;
    for (int i = 0; i < 2; i++) {
        uint32_t bits = smelt_dtype_bits(both[i]->dtype);
        add_step(steps, &count, 1, bits, i);
        for (uint32_t d = 0; d < both[i]->rank; d++)
            add_step(steps, &count, both[i]->strides[d] * bits, both[i]->shape[d], i);
    }
    uint64_t left = (both[1]->address - both[0]->address) * 8, origin[2 * SMELT_TENSOR_MAX_RANK + 1];
    for (uint32_t i = 0; i < count; i++) {
        origin[i] = left / steps[i].stride;
        left %= steps[i].stride;
    }
    uint64_t inner = 0; // the last bit's place by the smaller steps
    bool apart = false;
    for (uint32_t i = count; i-- > 0;) {
        const struct step *s = &steps[i];
        if (inner >= s->stride)
            return true;
        inner += s->stride * SMELT_MAX(s->extent[0] - 1, origin[i] + s->extent[1] - 1);
        apart |= origin[i] >= s->extent[0];
    }
    return !apart;
}

enum smelt_result smelt_tensor_require_plain(smelt_tensor tensor, const char *action)
{
    if (!tensor)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: tensor is NULL, wanted one", action);
    if (tensor->opaque)
        return smelt_fail(tensor->context, SMELT_ERROR_UNSUPPORTED,
                          "%s: tensor '%s' is in the device's own layout, wanted one with strides", action,
                          tensor->info.name);
    return SMELT_OK;
}

enum smelt_result smelt_tensor_slice(smelt_tensor tensor, const uint64_t *origin, const uint64_t *shape,
                                     smelt_tensor *slice)
{
    enum smelt_result result = smelt_tensor_require_plain(tensor, "slice");
    if (result != SMELT_OK)
        return result;
    const struct smelt_tensor_info *info = &tensor->info;
    if (!slice || (info->rank && (!origin || !shape)))
        return smelt_fail(tensor->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "slice of tensor '%s': %s is NULL, wanted one", info->name,
                          !slice    ? "slice"
                          : !origin ? "origin"
                                    : "shape");
    struct smelt_tensor_t made = {
        .context = tensor->context, .info = *info, .transient = tensor->transient, .part = true};
    uint64_t offset = 0; // elements
    for (uint32_t d = 0; d < info->rank; d++) {
        if (shape[d] == 0 || origin[d] > info->shape[d] || shape[d] > info->shape[d] - origin[d])
            return smelt_fail(tensor->context, SMELT_ERROR_SHAPE,
                              "slice of tensor '%s': %" PRIu64 " elements from %" PRIu64
                              " in dimension %" PRIu32 ", wanted 1 or more of its %" PRIu64,
                              info->name, shape[d], origin[d], d, info->shape[d]);
        made.info.shape[d] = shape[d];
        offset += origin[d] * info->strides[d];
    }
    uint32_t bits = smelt_dtype_bits(info->dtype);
    if (offset * bits % 8)
        return smelt_fail(tensor->context, SMELT_ERROR_SHAPE,
                          "slice of tensor '%s': innermost index %" PRIu64
                          ", a slice of a 4-bit type starts at an even one",
                          info->name, origin[info->rank - 1]);
    uint64_t bytes = offset * bits / 8;
    made.info.size = smelt_dtype_size(info->dtype, last_index(info->rank, shape, info->strides) + 1);
    made.info.buffer_offset += bytes;
    made.info.address += bytes;
    made.info.mapped = info->mapped ? (char *)info->mapped + bytes : NULL;
    smelt_tensor kept = tensor_memory();
    if (!kept)
        return smelt_fail(tensor->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                          "slice of tensor '%s': out of host memory", info->name);
    make_form(&made);
    *kept = made;
    *slice = kept;
    return SMELT_OK;
}

const struct smelt_tensor_info *smelt_tensor_info(smelt_tensor tensor)
{
    return &tensor->info;
}

smelt_context smelt_tensor_context(smelt_tensor tensor)
{
    return tensor->context;
}

uint64_t smelt_tensor_element_count(smelt_tensor tensor)
{
    uint64_t count = 1;
    for (uint32_t d = 0; d < tensor->info.rank; d++)
        count *= tensor->info.shape[d];
    return count;
}
