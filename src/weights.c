// SPDX-License-Identifier: MIT
// The weights of networks in one device buffer: row-major as they come, converted on the device in one batch for
// COOPVEC. Staging has one slot per frame in flight and the same places for all layers.
#include "ops_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// VK_NV_cooperative_vector wants 64 bytes for a matrix and 16 for a bias; whole cache lines cost nothing more.
#define MATRIX_ALIGNMENT 128
#define PART_ALIGNMENT 64
// Rows of a staged COOPVEC matrix: the largest alignment that any layout of the extension asks of a stride.
#define COOPVEC_STRIDE_ALIGNMENT 16

// What a layer is made of; those it does not have are of size 0.
enum { MATRIX, SCALE, ZERO, BIAS, PART_COUNT };
static const char *const part_names[PART_COUNT] = {"matrices", "scales", "zeros", "biases"};

struct part {
    enum smelt_dtype dtype;
    uint32_t rank;
    uint64_t shape[2];
    uint64_t size;   // bytes of the host's array
    uint64_t staged; // in a slot of the staging buffer
    uint64_t placed; // in the device buffer
    smelt_tensor tensor;
};

struct layer {
    struct smelt_weights_layer info; // defaults filled in
    struct part parts[PART_COUNT];
    // COOPVEC: bytes of a row of the matrix as it comes and as it is staged, and of the converted matrix.
    uint64_t row_size, staged_row_pitch, matrix_size;
};

struct smelt_weights_t {
    smelt_context context;
    enum smelt_backend backend; // COOPVEC, or PORTABLE for all that read rows as they are
    VkPipelineStageFlags2 stages;
    struct smelt_buffer device, staging;
    uint64_t slot_size;
    uint32_t slot_count; // of frames; the staging buffer has one slot more, for updates that wait
    struct layer *layers;
    uint32_t layer_count;
    // What smelt_weights_update records, made once: conversions and copies with places relative to a slot.
    VkConvertCooperativeVectorMatrixInfoNV *conversions;
    size_t *conversion_sizes;
    VkBufferCopy *copies;
    uint32_t copy_count;
};

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) / alignment * alignment;
}

// The layer with its defaults, as params have it.
static struct smelt_weights_layer complete(const struct smelt_weights_params *params, uint32_t index)
{
    struct smelt_weights_layer layer = params->layers[index];
    if (!layer.dtype)
        layer.dtype = params->dtype ? params->dtype : SMELT_DTYPE_F16;
    if (!layer.bias_dtype)
        layer.bias_dtype = layer.scale                         ? SMELT_DTYPE_F32
                           : smelt_dtype_is_float(layer.dtype) ? layer.dtype
                                                               : SMELT_DTYPE_I32;
    return layer;
}

static enum smelt_result check_layer(smelt_context context, const struct smelt_weights_params *params,
                                     uint32_t index)
{
    struct smelt_weights_layer layer = complete(params, index);
    bool coopvec = params->backend == SMELT_BACKEND_COOPVEC;
    char object[64];
    snprintf(object, sizeof(object), "smelt_weights_params.layers[%u]", index);
    if (!layer.rows || !layer.columns || (uint64_t)layer.rows * layer.columns > UINT32_MAX - layer.rows)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s is %u rows by %u columns, wanted at least 1 each and less than 2^32 elements",
                          object, layer.rows, layer.columns);
    if (!smelt_dtype_bits(layer.dtype) || (coopvec && layer.dtype != SMELT_DTYPE_F16))
        return smelt_fail(context, SMELT_ERROR_DTYPE, "%s: dtype is %s, wanted %s", object,
                          smelt_dtype_name(layer.dtype),
                          coopvec ? "f16 for the backend coopvec" : "an element type");
    if (!smelt_dtype_bits(layer.bias_dtype) || smelt_dtype_bits(layer.bias_dtype) < 8 ||
        (coopvec && layer.bias_dtype != SMELT_DTYPE_F16))
        return smelt_fail(context, SMELT_ERROR_DTYPE, "%s: bias_dtype is %s, wanted %s", object,
                          smelt_dtype_name(layer.bias_dtype),
                          coopvec ? "f16 for the backend coopvec" : "an element type of 8 bits or more");
    enum smelt_result result =
        smelt_check_scale(context, object, layer.dtype, layer.scale, layer.block, layer.zero);
    if (!result && layer.scale && coopvec)
        result = smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                            "%s: scale is %u with the backend coopvec, wanted 0: it reads weights of f16",
                            object, (uint32_t)layer.scale);
    return result;
}

static enum smelt_result check_params(smelt_context context, const struct smelt_weights_params *params)
{
    if (!params || !params->layers || !params->layer_count)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_weights_create: %s, wanted at least one layer",
                          !params           ? "params is NULL"
                          : !params->layers ? "params.layers is NULL"
                                            : "params.layer_count is 0");
    if (params->backend <= SMELT_BACKEND_AUTO || params->backend >= SMELT_BACKEND_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_weights_params.backend is %s, wanted a backend (what smelt_op_query chose)",
                          smelt_backend_name(params->backend));
    if (params->dtype && !smelt_dtype_bits(params->dtype))
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "smelt_weights_params.dtype is %u, wanted an element type",
                          (uint32_t)params->dtype);
    for (uint32_t i = 0; i < params->layer_count; i++) {
        enum smelt_result result = check_layer(context, params, i);
        if (result)
            return result;
    }
    if (params->backend == SMELT_BACKEND_COOPVEC &&
        (!context->capabilities.cooperative_vector || !context->vk.ConvertCooperativeVectorMatrixNV ||
         !context->vk.CmdConvertCooperativeVectorMatrixNV))
        return smelt_fail(
            context, SMELT_ERROR_UNSUPPORTED,
            "smelt_weights_params.backend is coopvec, but VK_NV_cooperative_vector is not enabled on \"%s\"",
            context->capabilities.device_name);
    return SMELT_OK;
}

static VkConvertCooperativeVectorMatrixInfoNV conversion(const struct layer *layer, size_t *size)
{
    return (VkConvertCooperativeVectorMatrixInfoNV){
        .sType = VK_STRUCTURE_TYPE_CONVERT_COOPERATIVE_VECTOR_MATRIX_INFO_NV,
        .srcSize = layer->staged_row_pitch * layer->info.rows,
        .pDstSize = size,
        .srcComponentType = VK_COMPONENT_TYPE_FLOAT16_KHR,
        .dstComponentType = VK_COMPONENT_TYPE_FLOAT16_KHR,
        .numRows = layer->info.rows,
        .numColumns = layer->info.columns,
        .srcLayout = VK_COOPERATIVE_VECTOR_MATRIX_LAYOUT_ROW_MAJOR_NV,
        .srcStride = layer->staged_row_pitch,
        .dstLayout = VK_COOPERATIVE_VECTOR_MATRIX_LAYOUT_INFERENCING_OPTIMAL_NV,
        .dstStride = layer->row_size, // ignored for an optimal layout
    };
}

// Bytes of a layer's matrix in the device's own layout.
static enum smelt_result query_matrix_size(smelt_weights weights, struct layer *layer)
{
    size_t size = 0;
    VkConvertCooperativeVectorMatrixInfoNV info = conversion(layer, &size);
    VkResult result = weights->context->vk.ConvertCooperativeVectorMatrixNV(weights->context->device, &info);
    if (result != VK_SUCCESS)
        return smelt_fail_vk(weights->context, result, "vkConvertCooperativeVectorMatrixNV");
    layer->matrix_size = size;
    return SMELT_OK;
}

static void set_part(struct layer *layer, int kind, enum smelt_dtype dtype, uint32_t rank, uint64_t columns)
{
    layer->parts[kind] = (struct part){.dtype = dtype,
                                       .rank = rank,
                                       .shape = {layer->info.rows, columns},
                                       .size = smelt_dtype_size(dtype, columns) * layer->info.rows};
}

static void make_parts(struct layer *layer)
{
    const struct smelt_weights_layer *info = &layer->info;
    enum smelt_dtype scale = info->scale == SMELT_SCALE_F32   ? SMELT_DTYPE_F32
                             : info->scale == SMELT_SCALE_F16 ? SMELT_DTYPE_F16
                                                              : SMELT_DTYPE_U8;
    uint64_t blocks = info->scale ? ((uint64_t)info->columns + info->block - 1) / info->block : 0;
    set_part(layer, MATRIX, info->dtype, 2, info->columns);
    if (info->scale)
        set_part(layer, SCALE, scale, 2, blocks);
    if (info->zero)
        set_part(layer, ZERO, info->zero == SMELT_ZERO_POINT ? info->dtype : scale, 2, blocks);
    if (info->bias)
        set_part(layer, BIAS, info->bias_dtype, 1, 1);
}

// Gives every part its place; but for COOPVEC the places in a slot and on the device are the same, so that one copy moves
// them all.
static enum smelt_result place_layers(smelt_weights weights, const struct smelt_weights_params *params,
                                      uint64_t *device_size)
{
    bool coopvec = weights->backend == SMELT_BACKEND_COOPVEC;
    uint64_t staged = 0, placed = 0;
    for (uint32_t i = 0; i < weights->layer_count; i++) {
        struct layer *layer = &weights->layers[i];
        layer->info = complete(params, i);
        make_parts(layer);
        layer->row_size = layer->parts[MATRIX].size / layer->info.rows;
        layer->staged_row_pitch =
            coopvec ? align_up(layer->row_size, COOPVEC_STRIDE_ALIGNMENT) : layer->row_size;
        layer->matrix_size = layer->parts[MATRIX].size;
        enum smelt_result result = coopvec ? query_matrix_size(weights, layer) : SMELT_OK;
        if (result)
            return result;
        for (int k = 0; k < PART_COUNT; k++) {
            struct part *part = &layer->parts[k];
            if (!part->size)
                continue;
            part->staged = align_up(staged, k == MATRIX ? MATRIX_ALIGNMENT : PART_ALIGNMENT);
            part->placed = align_up(placed, k == MATRIX ? MATRIX_ALIGNMENT : PART_ALIGNMENT);
            staged = part->staged + (k == MATRIX ? layer->staged_row_pitch * layer->info.rows : part->size);
            placed = part->placed + (k == MATRIX ? layer->matrix_size : part->size);
        }
        if (staged > UINT64_MAX / 4 || placed > UINT64_MAX / 4)
            return smelt_fail(weights->context, SMELT_ERROR_INVALID_ARGUMENT,
                              "smelt_weights_params.layers[%u] passes 2^62 bytes in all", i);
    }
    weights->slot_size = align_up(staged, MATRIX_ALIGNMENT);
    *device_size = placed;
    if (weights->slot_size > UINT64_MAX / (weights->slot_count + 1ull))
        return smelt_fail(weights->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_weights_params.frames_in_flight is %u: slots of %llu bytes pass 2^64",
                          weights->slot_count, (unsigned long long)weights->slot_size);
    return SMELT_OK;
}

static void plan_copies(smelt_weights weights, uint64_t device_size)
{
    if (weights->backend == SMELT_BACKEND_PORTABLE) {
        weights->copies[0] = (VkBufferCopy){.size = device_size};
        weights->copy_count = 1;
        return;
    }
    for (uint32_t i = 0; i < weights->layer_count; i++) {
        struct layer *layer = &weights->layers[i];
        const struct part *bias = &layer->parts[BIAS];
        weights->conversion_sizes[i] = layer->matrix_size;
        weights->conversions[i] = conversion(layer, &weights->conversion_sizes[i]);
        weights->conversions[i].dstData.deviceAddress = weights->device.address + layer->parts[MATRIX].placed;
        if (bias->size)
            weights->copies[weights->copy_count++] =
                (VkBufferCopy){.srcOffset = bias->staged, .dstOffset = bias->placed, .size = bias->size};
    }
}

static enum smelt_result make_tensor(smelt_weights weights, struct layer *layer, int kind, const char *name)
{
    struct part *part = &layer->parts[kind];
    if (weights->backend == SMELT_BACKEND_COOPVEC && kind == MATRIX)
        return smelt_tensor_create_opaque(
            weights->context, part->dtype, layer->info.rows, layer->info.columns, weights->device.buffer,
            part->placed, layer->matrix_size, weights->device.address + part->placed, name, &part->tensor);
    struct smelt_tensor_params params = {.dtype = part->dtype,
                                         .rank = part->rank,
                                         .shape = {part->shape[0], part->shape[1]},
                                         .buffer = weights->device.buffer,
                                         .buffer_offset = part->placed,
                                         .buffer_size = weights->device.size,
                                         .name = name};
    return smelt_tensor_create(weights->context, &params, &part->tensor);
}

static enum smelt_result make_tensors(smelt_weights weights, const char *name)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < weights->layer_count; i++)
        for (int k = 0; k < PART_COUNT && !result; k++)
            if (weights->layers[i].parts[k].size)
                result = make_tensor(weights, &weights->layers[i], k, name);
    return result;
}

enum smelt_result smelt_weights_create(smelt_context context, const struct smelt_weights_params *params,
                                       smelt_weights *weights)
{
    enum smelt_result result = check_params(context, params);
    if (result)
        return result;
    const char *name = params->name ? params->name : "weights";
    uint32_t count = params->layer_count;
    smelt_weights w = calloc(1, sizeof(*w));
    if (!w)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "smelt_weights_create: no memory");
    w->context = context;
    w->backend = params->backend == SMELT_BACKEND_COOPVEC ? SMELT_BACKEND_COOPVEC : SMELT_BACKEND_PORTABLE;
    w->stages = params->stages
                    ? params->stages
                    : VK_PIPELINE_STAGE_2_VERTEX_SHADER_BIT | VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT |
                          VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    w->slot_count = params->frames_in_flight ? params->frames_in_flight : 1;
    w->layer_count = count;
    w->layers = calloc(count, sizeof(*w->layers));
    w->copies = calloc(count, sizeof(*w->copies));
    w->conversions = calloc(count, sizeof(*w->conversions));
    w->conversion_sizes = calloc(count, sizeof(*w->conversion_sizes));
    uint64_t device_size = 0;
    if (!w->layers || !w->copies || !w->conversions || !w->conversion_sizes)
        result = smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                            "smelt_weights_create: no memory for %u layers", count);
    if (result || (result = place_layers(w, params, &device_size)) ||
        (result = smelt_buffer_create(context, device_size, SMELT_PLACE_DEVICE, SMELT_MEMORY_WEIGHTS, name,
                                      &w->device)) ||
        (result = smelt_buffer_create(context, w->slot_size * (w->slot_count + 1ull), SMELT_PLACE_HOST_WRITE,
                                      SMELT_MEMORY_STAGING, name, &w->staging)) ||
        (result = make_tensors(w, name))) {
        smelt_weights_destroy(&w);
        return result;
    }
    plan_copies(w, device_size);
    *weights = w;
    return SMELT_OK;
}

void smelt_weights_destroy(smelt_weights *weights)
{
    if (!weights || !*weights)
        return;
    smelt_weights w = *weights;
    for (uint32_t i = 0; w->layers && i < w->layer_count; i++)
        for (int k = 0; k < PART_COUNT; k++)
            smelt_tensor_destroy(&w->layers[i].parts[k].tensor);
    smelt_buffer_destroy(w->context, &w->staging);
    smelt_buffer_destroy(w->context, &w->device);
    free(w->conversion_sizes);
    free(w->conversions);
    free(w->copies);
    free(w->layers);
    free(w);
    *weights = NULL;
}

uint32_t smelt_weights_layer_count(smelt_weights weights)
{
    return weights->layer_count;
}

const struct smelt_weights_layer *smelt_weights_layer_info(smelt_weights weights, uint32_t layer)
{
    return layer < weights->layer_count ? &weights->layers[layer].info : NULL;
}

static smelt_tensor tensor_of(smelt_weights weights, uint32_t layer, int kind)
{
    return layer < weights->layer_count ? weights->layers[layer].parts[kind].tensor : NULL;
}

smelt_tensor smelt_weights_matrix(smelt_weights weights, uint32_t layer)
{
    return tensor_of(weights, layer, MATRIX);
}

smelt_tensor smelt_weights_bias(smelt_weights weights, uint32_t layer)
{
    return tensor_of(weights, layer, BIAS);
}

smelt_tensor smelt_weights_scale(smelt_weights weights, uint32_t layer)
{
    return tensor_of(weights, layer, SCALE);
}

smelt_tensor smelt_weights_zero(smelt_weights weights, uint32_t layer)
{
    return tensor_of(weights, layer, ZERO);
}

// The caller's pointers, in the order of the parts.
struct values {
    const void *const *of[PART_COUNT];
};

static enum smelt_result check_data(smelt_weights weights, const struct smelt_weights_data *data,
                                    struct values *values)
{
    if (!data)
        return smelt_fail(weights->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_weights_update: data is NULL");
    *values = (struct values){
        {[MATRIX] = data->matrices, [SCALE] = data->scales, [ZERO] = data->zeros, [BIAS] = data->biases}};
    for (uint32_t i = 0; i < weights->layer_count; i++)
        for (int k = 0; k < PART_COUNT; k++) {
            const struct part *part = &weights->layers[i].parts[k];
            if (part->size && (!values->of[k] || !values->of[k][i]))
                return smelt_fail(weights->context, SMELT_ERROR_INVALID_ARGUMENT,
                                  "smelt_weights_update: %s[%u] is NULL, wanted %llu x %llu elements of %s",
                                  part_names[k], i, (unsigned long long)part->shape[0],
                                  (unsigned long long)part->shape[1], smelt_dtype_name(part->dtype));
        }
    return SMELT_OK;
}

static void fill_slot(smelt_weights weights, uint64_t slot, const struct values *values)
{
    unsigned char *base = (unsigned char *)weights->staging.mapped + slot;
    for (uint32_t i = 0; i < weights->layer_count; i++) {
        const struct layer *layer = &weights->layers[i];
        for (int k = 0; k < PART_COUNT; k++) {
            const struct part *part = &layer->parts[k];
            if (!part->size)
                continue;
            const unsigned char *from = values->of[k][i];
            if (k != MATRIX || layer->staged_row_pitch == layer->row_size)
                memcpy(base + part->staged, from, part->size);
            else
                for (uint32_t row = 0; row < layer->info.rows; row++)
                    memcpy(base + part->staged + row * layer->staged_row_pitch, from + row * layer->row_size,
                           layer->row_size);
        }
    }
}

// `readers` are the stages that read the weights before and after.
static void record(smelt_weights weights, VkCommandBuffer commands, uint64_t slot,
                   VkPipelineStageFlags2 readers, VkAccessFlags2 reads)
{
    const struct smelt_vk *vk = &weights->context->vk;
    bool coopvec = weights->backend == SMELT_BACKEND_COOPVEC;
    // Conversions read and write with the transfer accesses (VK_NV_cooperative_vector, "Synchronization").
    VkPipelineStageFlags2 writers = VK_PIPELINE_STAGE_2_COPY_BIT;
    if (coopvec)
        writers |= VK_PIPELINE_STAGE_2_CONVERT_COOPERATIVE_VECTOR_MATRIX_BIT_NV;
    smelt_begin_label(weights->context, commands, "smelt weights update");
    // Readers of the old values must be done; so must the writes of an update that nothing has read since.
    smelt_memory_barrier(weights->context, commands, readers | writers, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                         writers, VK_ACCESS_2_TRANSFER_WRITE_BIT);
    if (coopvec) {
        for (uint32_t i = 0; i < weights->layer_count; i++)
            weights->conversions[i].srcData.deviceAddress =
                weights->staging.address + slot + weights->layers[i].parts[MATRIX].staged;
        vk->CmdConvertCooperativeVectorMatrixNV(commands, weights->layer_count, weights->conversions);
    }
    for (uint32_t i = 0; i < weights->copy_count; i++) {
        VkBufferCopy copy = weights->copies[i];
        copy.srcOffset += slot;
        vk->CmdCopyBuffer(commands, weights->staging.buffer, weights->device.buffer, 1, &copy);
    }
    smelt_memory_barrier(weights->context, commands, writers, VK_ACCESS_2_TRANSFER_WRITE_BIT, readers, reads);
    smelt_end_label(weights->context, commands);
}

enum smelt_result smelt_weights_update(smelt_weights weights, VkCommandBuffer commands, uint64_t frame,
                                       const struct smelt_weights_data *data)
{
    struct values values;
    enum smelt_result result = check_data(weights, data, &values);
    if (result)
        return result;
    uint64_t slot = frame % weights->slot_count * weights->slot_size;
    fill_slot(weights, slot, &values);
    record(weights, commands, slot, weights->stages, VK_ACCESS_2_SHADER_STORAGE_READ_BIT);
    return SMELT_OK;
}

enum smelt_result smelt_weights_update_and_wait(smelt_weights weights, const struct smelt_weights_data *data)
{
    struct values values;
    VkCommandBuffer commands = NULL;
    enum smelt_result result = check_data(weights, data, &values);
    if (result || (result = smelt_submit_begin(weights->context, &commands)))
        return result;
    // Slots of frames in flight are not to be touched: this call has one of its own.
    uint64_t slot = weights->slot_count * weights->slot_size;
    fill_slot(weights, slot, &values);
    // The context's queue need not have the stages of the caller's, so everything waits.
    record(weights, commands, slot, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, VK_ACCESS_2_MEMORY_READ_BIT);
    return smelt_submit_end(weights->context, true);
}
