// SPDX-License-Identifier: MIT
// Copies between tensors and the host: directly where a tensor is mapped, through staging otherwise.
//
// Staging holds a box packed. A box of few contiguous runs is transferred by vkCmdCopyBuffer, any other by the
// copy kernel. Elements of 4 bits are transferred as the bytes that hold them: where a row begins or ends
// inside a byte, a write reads those bytes first, so that the neighbours keep their values.
#include "tensor_internal.h"

#include <inttypes.h>
#include <string.h>

#define STAGING_SIZE (32u << 20)  // bytes; larger boxes go in parts
#define LEAST_STAGING (64u << 10) // of a part, also where the memory budget leaves less
#define MOST_REGIONS 64

// A box and the host's array, resolved: everything in elements, checked against both.
struct transfer {
    smelt_tensor tensor;
    bool write; // host to tensor
    uint32_t rank;
    uint64_t shape[SMELT_TENSOR_MAX_RANK];
    uint64_t offset; // of the box's first element from the tensor's first
    uint8_t *data;   // not written to when `write`
    uint64_t data_offset;
    uint64_t data_strides[SMELT_TENSOR_MAX_RANK];
};

// --- Host to host -----------------------------------------------------------------------------------------

// One side of a copy in host memory.
struct side {
    uint8_t *data;
    uint64_t offset; // elements
    const uint64_t *strides;
};

static void copy_nibble(uint8_t *to, uint64_t to_index, const uint8_t *from, uint64_t from_index)
{
    uint32_t value = from[from_index / 2] >> from_index % 2 * 4 & 15;
    uint32_t shift = to_index % 2 * 4;
    to[to_index / 2] = (uint8_t)((to[to_index / 2] & ~(15u << shift)) | value << shift);
}

// A run of elements along one dimension.
static void copy_run(uint32_t bits, uint64_t count, struct side to, uint64_t to_stride, struct side from,
                     uint64_t from_stride)
{
    if (bits == 4) {
        uint64_t i = 0;
        if (to_stride == 1 && from_stride == 1 && to.offset % 2 == 0 && from.offset % 2 == 0) {
            memcpy(to.data + to.offset / 2, from.data + from.offset / 2, (size_t)(count / 2));
            i = count / 2 * 2;
        }
        for (; i < count; i++)
            copy_nibble(to.data, to.offset + i * to_stride, from.data, from.offset + i * from_stride);
        return;
    }
    uint64_t bytes = bits / 8;
    uint8_t *target = to.data + to.offset * bytes;
    const uint8_t *source = from.data + from.offset * bytes;
    if (to_stride == 1 && from_stride == 1) {
        memcpy(target, source, (size_t)(count * bytes));
        return;
    }
    for (uint64_t i = 0; i < count; i++)
        memcpy(target + i * to_stride * bytes, source + i * from_stride * bytes, (size_t)bytes);
}

static void copy_elements(uint32_t bits, uint32_t rank, const uint64_t *shape, struct side to,
                          struct side from)
{
    if (rank == 0) {
        copy_run(bits, 1, to, 1, from, 1);
        return;
    }
    uint64_t index[SMELT_TENSOR_MAX_RANK] = {0};
    uint32_t last = rank - 1;
    for (;;) {
        copy_run(bits, shape[last], to, to.strides[last], from, from.strides[last]);
        uint32_t d = last;
        for (; d > 0; d--) { // the next row
            to.offset += to.strides[d - 1];
            from.offset += from.strides[d - 1];
            if (++index[d - 1] < shape[d - 1])
                break;
            to.offset -= shape[d - 1] * to.strides[d - 1];
            from.offset -= shape[d - 1] * from.strides[d - 1];
            index[d - 1] = 0;
        }
        if (d == 0)
            return;
    }
}

// --- Staging ----------------------------------------------------------------------------------------------

// A transfer's box in units that are copied whole: elements, or bytes of 4-bit elements.
struct units {
    enum smelt_dtype dtype;
    uint32_t size; // bytes of a unit
    uint32_t rank; // at least 1
    uint64_t shape[SMELT_TENSOR_MAX_RANK];
    uint64_t strides[SMELT_TENSOR_MAX_RANK];
    uint64_t packed[SMELT_TENSOR_MAX_RANK]; // strides in staging
    uint64_t offset;                        // of the first unit from the tensor's first
    uint64_t count;
    // Elements of 4 bits: how the box lies in its rows of units.
    uint64_t phase;                                  // elements before the box in a row's first byte
    bool whole_bytes;                                // no neighbours share bytes with the box
    uint64_t element_strides[SMELT_TENSOR_MAX_RANK]; // in staging, in elements
};

static void make_units(const struct transfer *transfer, struct units *units)
{
    const struct smelt_tensor_info *info = &transfer->tensor->info;
    uint32_t bits = smelt_dtype_bits(info->dtype);
    uint32_t per_unit = bits == 4 ? 2 : 1;
    *units = (struct units){.dtype = bits == 32   ? SMELT_DTYPE_U32
                                     : bits == 16 ? SMELT_DTYPE_U16
                                                  : SMELT_DTYPE_U8,
                            .size = SMELT_MAX(bits / 8, 1),
                            .rank = SMELT_MAX(transfer->rank, 1),
                            .shape = {1},
                            .strides = {1},
                            .offset = transfer->offset / per_unit,
                            .count = 1,
                            .phase = transfer->offset % per_unit};
    for (uint32_t d = 0; d < transfer->rank; d++) {
        units->shape[d] = transfer->shape[d];
        units->strides[d] = info->strides[d] / per_unit;
    }
    uint64_t *inner = &units->shape[units->rank - 1];
    uint64_t elements = *inner + units->phase;
    units->whole_bytes = units->phase == 0 && *inner % per_unit == 0;
    if (per_unit == 2) {
        *inner = (elements + 1) / 2;
        units->strides[units->rank - 1] = 1;
    }
    for (uint32_t d = units->rank; d-- > 0;) {
        units->packed[d] = units->count;
        units->element_strides[d] = d + 1 == units->rank ? 1 : units->count * per_unit;
        units->count *= units->shape[d];
    }
}

// Regions of the contiguous runs of a box; 0 when they are more than MOST_REGIONS.
static uint32_t make_regions(const struct transfer *transfer, const struct units *units,
                             VkBufferCopy *regions)
{
    uint64_t run = 1, count = 1;
    uint32_t outer = units->rank; // dimensions that are not part of a run
    while (outer > 0 && (units->shape[outer - 1] == 1 || units->strides[outer - 1] == run))
        run *= units->shape[--outer];
    for (uint32_t d = 0; d < outer; d++)
        count *= units->shape[d];
    if (count > MOST_REGIONS)
        return 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t offset = units->offset, rest = i;
        for (uint32_t d = outer; d-- > 0;) {
            offset += rest % units->shape[d] * units->strides[d];
            rest /= units->shape[d];
        }
        uint64_t in_tensor = transfer->tensor->info.buffer_offset + offset * units->size;
        uint64_t in_staging = i * run * units->size;
        regions[i] = (VkBufferCopy){in_tensor, in_staging, run * units->size};
        if (transfer->write)
            regions[i] = (VkBufferCopy){in_staging, in_tensor, run * units->size};
    }
    return (uint32_t)count;
}

// Records the copy between staging and the tensor.
static enum smelt_result record(const struct transfer *transfer, const struct units *units,
                                const struct smelt_buffer *staging, VkCommandBuffer commands)
{
    smelt_context context = transfer->tensor->context;
    const struct smelt_tensor_info *info = &transfer->tensor->info;
    VkBufferCopy regions[MOST_REGIONS];
    uint32_t count = make_regions(transfer, units, regions);
    if (count) {
        VkBuffer source = transfer->write ? staging->buffer : info->buffer;
        VkBuffer destination = transfer->write ? info->buffer : staging->buffer;
        context->vk.CmdCopyBuffer(commands, source, destination, count, regions);
        return SMELT_OK;
    }
    struct smelt_view tensor = {.dtype = units->dtype,
                                .address = info->address + units->offset * units->size};
    struct smelt_view packed = {.dtype = units->dtype, .address = staging->address};
    memcpy(tensor.strides, units->strides, sizeof(tensor.strides));
    memcpy(packed.strides, units->packed, sizeof(packed.strides));
    return smelt_kernels_copy(context, commands, units->rank, units->shape,
                              transfer->write ? &tensor : &packed, transfer->write ? &packed : &tensor);
}

// Submits the copy between staging and the tensor, after all earlier work of the queue and before all later.
static enum smelt_result submit(const struct transfer *transfer, const struct units *units,
                                const struct smelt_buffer *staging)
{
    smelt_context context = transfer->tensor->context;
    const VkPipelineStageFlags2 copy =
        VK_PIPELINE_STAGE_2_TRANSFER_BIT | VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    const VkPipelineStageFlags2 all = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
    const VkAccessFlags2 any = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT;
    VkCommandBuffer commands;
    enum smelt_result result = smelt_submit_begin(context, &commands);
    if (result != SMELT_OK)
        return result;
    smelt_begin_label(context, commands, transfer->write ? "smelt tensor write" : "smelt tensor read");
    smelt_memory_barrier(context, commands, all, VK_ACCESS_2_MEMORY_WRITE_BIT, copy, any);
    result = record(transfer, units, staging, commands);
    smelt_memory_barrier(context, commands, copy, VK_ACCESS_2_MEMORY_WRITE_BIT,
                         all | VK_PIPELINE_STAGE_2_HOST_BIT, any);
    smelt_end_label(context, commands);
    enum smelt_result submitted = smelt_submit_end(context, result == SMELT_OK);
    return result != SMELT_OK ? result : submitted;
}

static enum smelt_result copy_staged(const struct transfer *transfer)
{
    smelt_context context = transfer->tensor->context;
    struct units units;
    make_units(transfer, &units);
    bool reads = !transfer->write || !units.whole_bytes;
    struct smelt_buffer staging;
    enum smelt_result result = smelt_buffer_create(context, units.count * units.size,
                                                   reads ? SMELT_PLACE_HOST_READ : SMELT_PLACE_HOST_WRITE,
                                                   SMELT_MEMORY_STAGING, "smelt staging", &staging);
    if (result != SMELT_OK)
        return result;
    if (reads) {
        struct transfer back = *transfer;
        back.write = false;
        result = submit(&back, &units, &staging);
    }
    struct side packed = {staging.mapped, units.phase, units.element_strides};
    struct side data = {transfer->data, transfer->data_offset, transfer->data_strides};
    if (result == SMELT_OK)
        copy_elements(smelt_dtype_bits(transfer->tensor->info.dtype), transfer->rank, transfer->shape,
                      transfer->write ? packed : data, transfer->write ? data : packed);
    if (result == SMELT_OK && transfer->write)
        result = submit(transfer, &units, &staging);
    smelt_buffer_destroy(context, &staging);
    return result;
}

// --- Boxes ------------------------------------------------------------------------------------------------

// What a part may have: half of what the budget leaves, as memory comes in granules.
static uint64_t staging_size(smelt_context context)
{
    struct smelt_memory_report memory = smelt_context_memory(context);
    uint64_t left =
        memory.budget ? (memory.budget - SMELT_MIN(memory.total, memory.budget)) / 2 : STAGING_SIZE;
    return SMELT_MAX(LEAST_STAGING, SMELT_MIN(left, STAGING_SIZE));
}

static enum smelt_result copy_box(const struct transfer *transfer)
{
    const struct smelt_tensor_info *info = &transfer->tensor->info;
    uint32_t bits = smelt_dtype_bits(info->dtype);
    if (info->mapped) {
        struct side tensor = {info->mapped, transfer->offset, info->strides};
        struct side data = {transfer->data, transfer->data_offset, transfer->data_strides};
        copy_elements(bits, transfer->rank, transfer->shape, transfer->write ? tensor : data,
                      transfer->write ? data : tensor);
        return SMELT_OK;
    }
    uint64_t count = 1;
    uint32_t split = 0; // the slowest dimension of more than one
    for (uint32_t d = transfer->rank; d-- > 0;) {
        count *= transfer->shape[d];
        if (transfer->shape[d] > 1)
            split = d;
    }
    if (smelt_dtype_size(info->dtype, count) <= staging_size(transfer->tensor->context))
        return copy_staged(transfer);
    struct transfer part = *transfer;
    uint64_t half = transfer->shape[split] / 2;
    part.shape[split] = half;
    enum smelt_result result = copy_box(&part);
    if (result != SMELT_OK)
        return result;
    part.shape[split] = transfer->shape[split] - half;
    part.offset += half * info->strides[split];
    part.data_offset += half * transfer->data_strides[split];
    return copy_box(&part);
}

// Fills in where the box lies in the tensor.
static enum smelt_result resolve_box(const struct smelt_tensor_box *box, struct transfer *transfer)
{
    const struct smelt_tensor_info *info = &transfer->tensor->info;
    bool whole = true; // no shape given: up to the end
    for (uint32_t d = 0; d < info->rank; d++)
        whole &= box->shape[d] == 0;
    for (uint32_t d = 0; d < info->rank; d++) {
        uint64_t origin = box->origin[d], extent = info->shape[d];
        uint64_t shape = whole && origin < extent ? extent - origin : box->shape[d];
        if (shape == 0 || origin > extent || shape > extent - origin)
            return smelt_fail(transfer->tensor->context, SMELT_ERROR_SHAPE,
                              "box of tensor '%s': %" PRIu64 " elements from %" PRIu64
                              " in dimension %" PRIu32 ", wanted 1 or more of its %" PRIu64,
                              info->name, shape, origin, d, extent);
        transfer->shape[d] = shape;
        transfer->offset += origin * info->strides[d];
    }
    return SMELT_OK;
}

// Fills in the host's strides and checks the host array's size.
static enum smelt_result resolve_data(const struct smelt_tensor_box *box, uint64_t size,
                                      struct transfer *transfer)
{
    const struct smelt_tensor_info *info = &transfer->tensor->info;
    smelt_context context = transfer->tensor->context;
    bool packed = true;
    for (uint32_t d = 0; d < info->rank; d++)
        packed &= box->strides[d] == 0;
    if (!packed && smelt_dtype_bits(info->dtype) == 4)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "box of tensor '%s': strides given for %s on the host, wanted none (packed)",
                          info->name, smelt_dtype_name(info->dtype));
    uint64_t next = 1, last = 0;
    for (uint32_t d = info->rank; d-- > 0;) {
        uint64_t stride = packed ? next : box->strides[d], steps = transfer->shape[d] - 1;
        next *= transfer->shape[d];
        transfer->data_strides[d] = stride;
        if (steps && stride > (UINT64_MAX - last) / steps)
            return smelt_fail(context, SMELT_ERROR_SHAPE,
                              "box of tensor '%s': host stride %" PRIu64 " of dimension %" PRIu32
                              " passes the end of the address space",
                              info->name, stride, d);
        last += steps * stride;
    }
    uint64_t needed = last == UINT64_MAX ? UINT64_MAX : smelt_dtype_size(info->dtype, last + 1);
    if (size < needed)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "box of tensor '%s': the host array has %" PRIu64 " bytes, wanted %" PRIu64,
                          info->name, size, needed);
    return SMELT_OK;
}

static enum smelt_result copy_host(smelt_tensor tensor, const struct smelt_tensor_box *box, void *data,
                                   uint64_t size, bool write)
{
    enum smelt_result result = smelt_tensor_require_plain(tensor, write ? "write" : "read");
    if (result != SMELT_OK)
        return result;
    if (!data || tensor->transient)
        return smelt_fail(
            tensor->context, SMELT_ERROR_INVALID_ARGUMENT, "box of tensor '%s': %s", tensor->info.name,
            data ? "it is transient: it has no memory for the host to see" : "data is NULL, wanted an array");
    static const struct smelt_tensor_box everything;
    struct transfer transfer = {.tensor = tensor, .write = write, .rank = tensor->info.rank, .data = data};
    result = resolve_box(box ? box : &everything, &transfer);
    if (result == SMELT_OK)
        result = resolve_data(box ? box : &everything, size, &transfer);
    return result == SMELT_OK ? copy_box(&transfer) : result;
}

enum smelt_result smelt_tensor_write_and_wait(smelt_tensor tensor, const struct smelt_tensor_box *box,
                                              const void *data, uint64_t size)
{
    return copy_host(tensor, box, (void *)(uintptr_t)data, size, true); // a write only reads it
}

enum smelt_result smelt_tensor_read_and_wait(smelt_tensor tensor, const struct smelt_tensor_box *box,
                                             void *data, uint64_t size)
{
    return copy_host(tensor, box, data, size, false);
}
