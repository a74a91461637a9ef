// SPDX-License-Identifier: MIT
// Copies and fills between strided tensors: the host side of glsl/kernels/copy.comp.
//
// A copy is a list of dimensions, each with an extent and a stride per side. It is sorted, merged and widened
// to the fewest and largest elements, and cut into dispatches that fit the kernel's push constants.
#include "kernels_cache.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <string.h>

#define DISPATCH_DIMENSIONS 8 // what 128 bytes of push constants hold
#define WORKGROUP_SIZE 128
// Elements of one dispatch: about a hundred MiB each way, as a display could be waiting for the device.
#define DISPATCH_ELEMENTS (1ull << 25)

// The push constants of copy.comp, word for word.
struct push {
    uint32_t destination[2], source[2]; // addresses, low word first
    uint32_t extent[DISPATCH_DIMENSIONS];
    uint32_t destination_stride[DISPATCH_DIMENSIONS], source_stride[DISPATCH_DIMENSIONS];
    uint32_t rank, items, source_first, value;
};
_Static_assert(sizeof(struct push) == 128, "copy.comp's push constants");

struct dimension {
    uint64_t extent, destination_stride, source_stride; // strides in elements
};

struct job {
    smelt_context context;
    smelt_encoder encoder;
    struct smelt_dispatch *what;
    bool counts; // the dispatches into what->parts; records none
    struct smelt_kernel kernel;
    enum smelt_dtype destination_type, source_type; // source NONE: `value`
    VkDeviceAddress destination, source;
    uint32_t source_first, value;
    uint32_t rank; // slowest dimension first
    struct dimension dimensions[SMELT_TENSOR_MAX_RANK + 1];
};

// --- Simplification ---------------------------------------------------------------------------------------

static uint32_t bits_of(enum smelt_dtype dtype)
{
    return smelt_dtype_bits(dtype);
}

static enum smelt_dtype unsigned_type(uint32_t bits)
{
    return bits == 4    ? SMELT_DTYPE_U4
           : bits == 8  ? SMELT_DTYPE_U8
           : bits == 16 ? SMELT_DTYPE_U16
                        : SMELT_DTYPE_U32;
}

// Takes a dimension in by destination stride, largest first, so that neighbours write side by side.
static void add_dimension(struct job *job, struct dimension added)
{
    if (added.extent == 1)
        return;
    uint32_t at = job->rank++;
    for (; at > 0 && job->dimensions[at - 1].destination_stride < added.destination_stride; at--)
        job->dimensions[at] = job->dimensions[at - 1];
    job->dimensions[at] = added;
}

// Joins neighbouring dimensions that step evenly on both sides.
static void merge_dimensions(struct job *job)
{
    uint32_t kept = 0;
    for (uint32_t d = 0; d < job->rank; d++) {
        struct dimension inner = job->dimensions[d];
        struct dimension *outer = kept ? &job->dimensions[kept - 1] : NULL;
        if (outer && outer->destination_stride == inner.destination_stride * inner.extent &&
            outer->source_stride == inner.source_stride * inner.extent) {
            outer->extent *= inner.extent;
            outer->destination_stride = inner.destination_stride;
            outer->source_stride = inner.source_stride;
        } else {
            job->dimensions[kept++] = inner;
        }
    }
    job->rank = kept;
}

// Whether pairs of neighbouring elements can be handled as one of twice the bits.
static bool can_widen(const struct job *job)
{
    bool fill = job->source_type == SMELT_DTYPE_NONE;
    uint32_t bits = bits_of(job->destination_type);
    const struct dimension *last = &job->dimensions[job->rank - 1];
    if (bits == 32 || (!fill && job->source_type != job->destination_type))
        return false;
    if (last->extent % 2 || last->destination_stride != 1 || (!fill && last->source_stride != 1))
        return false;
    for (uint32_t d = 0; d + 1 < job->rank; d++)
        if (job->dimensions[d].destination_stride % 2 || job->dimensions[d].source_stride % 2)
            return false;
    uint32_t bytes = 2 * bits / 8;
    return job->destination % bytes == 0 && job->source % bytes == 0;
}

static void simplify(struct job *job)
{
    if (job->source_type == job->destination_type || job->source_type == SMELT_DTYPE_NONE) {
        // Bits are copied: one pipeline for all types of a size.
        job->destination_type = unsigned_type(bits_of(job->destination_type));
        if (job->source_type != SMELT_DTYPE_NONE)
            job->source_type = job->destination_type;
    }
    merge_dimensions(job);
    // A 4-bit destination is written in pairs along a last dimension of stride 1.
    bool pairs = bits_of(job->destination_type) == 4;
    if (job->rank == 0 || (pairs && job->dimensions[job->rank - 1].destination_stride != 1))
        job->dimensions[job->rank++] = (struct dimension){1, 1, 0};
    while (can_widen(job)) {
        uint32_t bits = bits_of(job->destination_type);
        job->value |= job->value << bits;
        job->destination_type = unsigned_type(2 * bits);
        if (job->source_type != SMELT_DTYPE_NONE)
            job->source_type = job->destination_type;
        for (uint32_t d = 0; d + 1 < job->rank; d++) {
            job->dimensions[d].destination_stride /= 2;
            job->dimensions[d].source_stride /= 2;
        }
        job->dimensions[job->rank - 1].extent /= 2;
    }
}

// --- Dispatches -------------------------------------------------------------------------------------------

static enum smelt_result dispatch(const struct job *job)
{
    if (job->counts) {
        job->what->parts++;
        return SMELT_OK;
    }
    struct push push = {
        .destination = {(uint32_t)job->destination, (uint32_t)(job->destination >> 32)},
        .source = {(uint32_t)job->source, (uint32_t)(job->source >> 32)},
        .rank = job->rank,
        .source_first = job->source_first,
        .value = job->value,
        .items = 1,
    };
    for (uint32_t d = 0; d < job->rank; d++) {
        push.extent[d] = (uint32_t)job->dimensions[d].extent;
        push.destination_stride[d] = (uint32_t)job->dimensions[d].destination_stride;
        push.source_stride[d] = (uint32_t)job->dimensions[d].source_stride;
        bool pairs = d + 1 == job->rank && bits_of(job->destination_type) == 4;
        push.items *= pairs ? (push.extent[d] + 1) / 2 : push.extent[d];
    }
    uint32_t groups = (push.items + WORKGROUP_SIZE - 1) / WORKGROUP_SIZE;
    uint64_t width = SMELT_MIN(groups, job->context->capabilities.max_workgroup_count[0]);
    enum smelt_result result = smelt_kernel_dispatch(job->encoder, &job->kernel, &push, sizeof(push), width,
                                                     (uint32_t)((groups + width - 1) / width), 1, job->what);
    job->what->part++;
    return result;
}

// Moves the start of both sides by `index` steps of a dimension; whole bytes on the destination's side.
static void advance(struct job *job, const struct dimension *dimension, uint64_t index)
{
    uint32_t source_bits = bits_of(job->source_type);
    uint64_t source = job->source_first + index * dimension->source_stride;
    job->destination += index * dimension->destination_stride * bits_of(job->destination_type) / 8;
    job->source_first = source_bits == 4 ? source % 2 : 0;
    job->source += (source - job->source_first) * source_bits / 8;
}

static uint32_t smallest_but_last(const struct job *job)
{
    uint32_t smallest = 0;
    for (uint32_t d = 1; d + 1 < job->rank; d++)
        if (job->dimensions[d].extent < job->dimensions[smallest].extent)
            smallest = d;
    return smallest;
}

// Dispatches a job, cut into as many as its rank and its size ask for.
static enum smelt_result record(const struct job *job)
{
    struct job part = *job;
    if (job->rank > DISPATCH_DIMENSIONS) {
        uint32_t d = smallest_but_last(job);
        struct dimension outer = job->dimensions[d];
        part.rank--;
        memmove(&part.dimensions[d], &part.dimensions[d + 1], (part.rank - d) * sizeof(part.dimensions[0]));
        enum smelt_result result = SMELT_OK;
        for (uint64_t i = 0; i < outer.extent && !result; i++) {
            result = record(&part);
            advance(&part, &outer, 1);
        }
        return result;
    }
    uint64_t count = 1;
    uint32_t largest = 0;
    for (uint32_t d = 0; d < job->rank; d++) {
        count *= job->dimensions[d].extent;
        if (job->dimensions[d].extent > job->dimensions[largest].extent)
            largest = d;
    }
    if (count <= DISPATCH_ELEMENTS)
        return dispatch(job);
    uint64_t half = job->dimensions[largest].extent / 4 * 2; // even, for whole bytes of 4-bit elements
    part.dimensions[largest].extent = half;
    enum smelt_result result = record(&part);
    part.dimensions[largest].extent = job->dimensions[largest].extent - half;
    advance(&part, &job->dimensions[largest], half);
    return result ? result : record(&part);
}

static enum smelt_result run(struct job *job)
{
    simplify(job);
    double elements = 1;
    for (uint32_t d = 0; d < job->rank; d++)
        elements *= (double)job->dimensions[d].extent;
    const struct smelt_kernel_request request = {
        .name = "copy",
        .key = "copy",
        .key_size = 4,
        .baked = "copy",
        .push_size = sizeof(struct push),
        .operations = elements * 8 * SMELT_KERNEL_BYTE,
        .linear = true,
        .constants = {(uint32_t)job->destination_type, (uint32_t)job->source_type},
        .constant_count = 2,
    };
    enum smelt_result result = smelt_kernel_get(job->encoder, &request, &job->kernel);
    if (result != SMELT_OK)
        return result;
    job->counts = true;
    record(job);
    job->counts = false;
    return record(job);
}

static enum smelt_result copy(smelt_encoder encoder, struct smelt_dispatch *what, uint32_t rank,
                              const uint64_t *shape, const struct smelt_view *destination,
                              const struct smelt_view *source)
{
    struct job job = {.context = encoder->context,
                      .encoder = encoder,
                      .what = what,
                      .destination_type = destination->dtype,
                      .source_type = source->dtype,
                      .destination = destination->address,
                      .source = source->address};
    for (uint32_t d = 0; d < rank; d++)
        add_dimension(&job, (struct dimension){shape[d], destination->strides[d], source->strides[d]});
    return run(&job);
}

enum smelt_result smelt_kernels_copy(smelt_context context, VkCommandBuffer commands, uint32_t rank,
                                     const uint64_t *shape, const struct smelt_view *destination,
                                     const struct smelt_view *source)
{
    struct smelt_encoder_t encoder;
    struct smelt_dispatch what = {.label = "smelt copy"};
    smelt_encoder_wrap(&encoder, context, commands);
    return copy(&encoder, &what, rank, shape, destination, source);
}

// --- Tensors ----------------------------------------------------------------------------------------------

// Source dimension of each destination dimension; checked.
static enum smelt_result check_copy(smelt_tensor destination, smelt_tensor source,
                                    const uint32_t *permutation, uint32_t *from)
{
    smelt_context context = destination->context;
    const struct smelt_tensor_info *to = &destination->info, *with = &source->info;
    if (source->context != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "copy of '%s' to '%s': of two contexts, wanted one", with->name, to->name);
    if (to->rank != with->rank)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "copy of '%s' to '%s': rank %" PRIu32 " to %" PRIu32 ", wanted the same",
                          with->name, to->name, with->rank, to->rank);
    uint32_t seen = 0;
    for (uint32_t d = 0; d < to->rank; d++) {
        from[d] = permutation ? permutation[d] : d;
        if (from[d] >= to->rank || (seen >> from[d] & 1))
            return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                              "copy of '%s' to '%s': permutation[%" PRIu32 "] is %" PRIu32
                              ", wanted each of 0 to %" PRIu32 " once",
                              with->name, to->name, d, from[d], to->rank - 1);
        seen |= 1u << from[d];
        if (to->shape[d] != with->shape[from[d]])
            return smelt_fail(context, SMELT_ERROR_SHAPE,
                              "copy of '%s' to '%s': dimension %" PRIu32 " has %" PRIu64
                              " elements, the source's %" PRIu32 " has %" PRIu64,
                              with->name, to->name, d, to->shape[d], from[d], with->shape[from[d]]);
    }
    if (smelt_tensor_share_bytes(to, with))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "copy of '%s' to '%s': they share bytes, wanted separate tensors", with->name,
                          to->name);
    return SMELT_OK;
}

enum smelt_result smelt_encode_copy(smelt_encoder encoder, smelt_tensor destination, smelt_tensor source,
                                    const uint32_t *permutation)
{
    enum smelt_result result = smelt_tensor_require_plain(destination, "copy to");
    if (result == SMELT_OK)
        result = smelt_tensor_require_plain(source, "copy from");
    if (result != SMELT_OK)
        return result;
    if ((result = smelt_encoder_require(encoder, destination->context, "copy")))
        return result;
    uint32_t from[SMELT_TENSOR_MAX_RANK];
    result = check_copy(destination, source, permutation, from);
    if (result != SMELT_OK)
        return result;
    const struct smelt_tensor_info *to = &destination->info, *with = &source->info;
    struct smelt_view destination_view = {.dtype = to->dtype, .address = to->address};
    struct smelt_view source_view = {.dtype = with->dtype, .address = with->address};
    for (uint32_t d = 0; d < to->rank; d++) {
        destination_view.strides[d] = to->strides[d];
        source_view.strides[d] = with->strides[from[d]];
    }
    const struct smelt_range ranges[] = {smelt_range_of(source, SMELT_ACCESS_READ),
                                         smelt_range_of(destination, SMELT_ACCESS_WRITE)};
    struct smelt_copy_call call = {
        .destination = destination, .source = source, .permuted = permutation != NULL};
    memcpy(call.permutation, from, sizeof(from));
    struct smelt_dispatch what = {.ranges = ranges,
                                  .range_count = 2,
                                  .label = "smelt copy",
                                  .operation = SMELT_OPERATION_COPY,
                                  .call = &call,
                                  .call_size = sizeof(call)};
    return copy(encoder, &what, to->rank, to->shape, &destination_view, &source_view);
}

enum smelt_result smelt_encode_fill(smelt_encoder encoder, smelt_tensor destination, double value)
{
    enum smelt_result result = smelt_tensor_require_plain(destination, "fill");
    if (result != SMELT_OK)
        return result;
    smelt_context context = destination->context;
    const struct smelt_tensor_info *to = &destination->info;
    if ((result = smelt_encoder_require(encoder, context, "fill")))
        return result;
    const struct smelt_range range = smelt_range_of(destination, SMELT_ACCESS_WRITE);
    const struct smelt_fill_call call = {destination, value};
    struct smelt_dispatch what = {.ranges = &range,
                                  .range_count = 1,
                                  .label = "smelt fill",
                                  .operation = SMELT_OPERATION_FILL,
                                  .call = &call,
                                  .call_size = sizeof(call)};
    struct job job = {.context = context,
                      .encoder = encoder,
                      .what = &what,
                      .destination_type = to->dtype,
                      .destination = to->address,
                      .value = smelt_dtype_encode(to->dtype, value)};
    for (uint32_t d = 0; d < to->rank; d++)
        add_dimension(&job, (struct dimension){to->shape[d], to->strides[d], 0});
    return run(&job);
}
