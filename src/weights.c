// SPDX-License-Identifier: MIT
// The weights of a network in one device buffer: row-major as they come for PORTABLE, converted on the device in
// one batch for COOPVEC. Staging has one slot per frame in flight and the same places for all layers.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

// VK_NV_cooperative_vector wants 64 bytes for a matrix and 16 for a bias; whole cache lines cost nothing more.
#define MATRIX_ALIGNMENT 128
#define BIAS_ALIGNMENT 64
// Rows of a staged COOPVEC matrix: the largest alignment that any layout of the extension asks of a stride.
#define COOPVEC_STRIDE_ALIGNMENT 16

struct layer {
    uint32_t rows, columns;
    uint64_t row_size, bias_size; // bytes of one packed row and of the bias; 0: no bias
    uint64_t staged_matrix, staged_size, staged_row_pitch; // in a slot of the staging buffer
    uint64_t staged_bias;
    uint64_t matrix, matrix_size; // in the device buffer
    uint64_t bias;
    smelt_tensor matrix_tensor, bias_tensor;
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

static enum smelt_result check_params(smelt_context context, const struct smelt_weights_params *params,
                                      enum smelt_dtype dtype)
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
    if (params->backend != SMELT_BACKEND_COOPVEC && !smelt_dtype_bits(dtype))
        return smelt_fail(context, SMELT_ERROR_DTYPE,
                          "smelt_weights_params.dtype is %u, wanted an element type", (uint32_t)dtype);
    if (params->backend == SMELT_BACKEND_COOPVEC) {
        if (dtype != SMELT_DTYPE_F16)
            return smelt_fail(context, SMELT_ERROR_DTYPE,
                              "smelt_weights_params.dtype is %s, wanted f16 for the backend coopvec",
                              smelt_dtype_name(dtype));
        if (!context->capabilities.cooperative_vector || !context->vk.ConvertCooperativeVectorMatrixNV ||
            !context->vk.CmdConvertCooperativeVectorMatrixNV)
            return smelt_fail(
                context, SMELT_ERROR_UNSUPPORTED,
                "smelt_weights_params.backend is coopvec, but VK_NV_cooperative_vector is not enabled on "
                "\"%s\"",
                context->capabilities.device_name);
    }
    for (uint32_t i = 0; i < params->layer_count; i++) {
        const struct smelt_weights_layer *layer = &params->layers[i];
        if (!layer->rows || !layer->columns || (uint64_t)layer->rows * layer->columns > UINT32_MAX)
            return smelt_fail(
                context, SMELT_ERROR_INVALID_ARGUMENT,
                "smelt_weights_params.layers[%u] is %u rows by %u columns, wanted at least 1 each and "
                "less than 2^32 elements",
                i, layer->rows, layer->columns);
    }
    return SMELT_OK;
}

static VkConvertCooperativeVectorMatrixInfoNV conversion(const struct layer *layer, size_t *size)
{
    return (VkConvertCooperativeVectorMatrixInfoNV){
        .sType = VK_STRUCTURE_TYPE_CONVERT_COOPERATIVE_VECTOR_MATRIX_INFO_NV,
        .srcSize = layer->staged_row_pitch * layer->rows,
        .pDstSize = size,
        .srcComponentType = VK_COMPONENT_TYPE_FLOAT16_KHR,
        .dstComponentType = VK_COMPONENT_TYPE_FLOAT16_KHR,
        .numRows = layer->rows,
        .numColumns = layer->columns,
        .srcLayout = VK_COOPERATIVE_VECTOR_MATRIX_LAYOUT_ROW_MAJOR_NV,
        .srcStride = layer->staged_row_pitch,
        .dstLayout = VK_COOPERATIVE_VECTOR_MATRIX_LAYOUT_INFERENCING_OPTIMAL_NV,
        .dstStride = layer->row_size, // ignored for an optimal layout
    };
}

// Bytes of a layer's matrix in the device's own layout.
static enum smelt_result query_matrix_size(smelt_weights weights, uint32_t index)
{
    struct layer *layer = &weights->layers[index];
    size_t size = 0;
    VkConvertCooperativeVectorMatrixInfoNV info = conversion(layer, &size);
    VkResult result = weights->context->vk.ConvertCooperativeVectorMatrixNV(weights->context->device, &info);
    if (result != VK_SUCCESS)
        return smelt_fail_vk(weights->context, result, "vkConvertCooperativeVectorMatrixNV");
    layer->matrix_size = size;
    return SMELT_OK;
}

// Gives every matrix and bias its place; for PORTABLE the places in a slot and on the device are the same, so that
// one copy moves them all.
static enum smelt_result place_layers(smelt_weights weights, const struct smelt_weights_params *params,
                                      enum smelt_dtype dtype, uint64_t *device_size)
{
    bool coopvec = weights->backend == SMELT_BACKEND_COOPVEC;
    uint64_t staged = 0, placed = 0;
    for (uint32_t i = 0; i < weights->layer_count; i++) {
        struct layer *layer = &weights->layers[i];
        layer->rows = params->layers[i].rows;
        layer->columns = params->layers[i].columns;
        uint64_t count = (uint64_t)layer->rows * layer->columns;
        layer->row_size = smelt_dtype_size(dtype, layer->columns);
        layer->bias_size = params->layers[i].bias ? smelt_dtype_size(dtype, layer->rows) : 0;
        layer->staged_row_pitch =
            coopvec ? align_up(layer->row_size, COOPVEC_STRIDE_ALIGNMENT) : layer->row_size;
        layer->staged_size = coopvec ? layer->staged_row_pitch * layer->rows : smelt_dtype_size(dtype, count);
        layer->matrix_size = layer->staged_size;
        enum smelt_result result = coopvec ? query_matrix_size(weights, i) : SMELT_OK;
        if (result)
            return result;
        layer->staged_matrix = align_up(staged, MATRIX_ALIGNMENT);
        staged = layer->staged_matrix + layer->staged_size;
        layer->matrix = align_up(placed, MATRIX_ALIGNMENT);
        placed = layer->matrix + layer->matrix_size;
        layer->staged_bias = align_up(staged, BIAS_ALIGNMENT);
        layer->bias = align_up(placed, BIAS_ALIGNMENT);
        if (layer->bias_size) {
            staged = layer->staged_bias + layer->bias_size;
            placed = layer->bias + layer->bias_size;
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
        weights->conversion_sizes[i] = layer->matrix_size;
        weights->conversions[i] = conversion(layer, &weights->conversion_sizes[i]);
        weights->conversions[i].dstData.deviceAddress = weights->device.address + layer->matrix;
        if (layer->bias_size)
            weights->copies[weights->copy_count++] = (VkBufferCopy){
                .srcOffset = layer->staged_bias, .dstOffset = layer->bias, .size = layer->bias_size};
    }
}

static enum smelt_result make_tensors(smelt_weights weights, enum smelt_dtype dtype, const char *name)
{
    for (uint32_t i = 0; i < weights->layer_count; i++) {
        struct layer *layer = &weights->layers[i];
        enum smelt_result result = SMELT_OK;
        if (weights->backend == SMELT_BACKEND_COOPVEC) {
            result = smelt_tensor_create_opaque(
                weights->context, dtype, layer->rows, layer->columns, weights->device.buffer, layer->matrix,
                layer->matrix_size, weights->device.address + layer->matrix, name, &layer->matrix_tensor);
        } else {
            struct smelt_tensor_params matrix = {.dtype = dtype,
                                                 .rank = 2,
                                                 .shape = {layer->rows, layer->columns},
                                                 .buffer = weights->device.buffer,
                                                 .buffer_offset = layer->matrix,
                                                 .buffer_size = weights->device.size,
                                                 .name = name};
            result = smelt_tensor_create(weights->context, &matrix, &layer->matrix_tensor);
        }
        if (!result && layer->bias_size) {
            struct smelt_tensor_params bias = {.dtype = dtype,
                                               .rank = 1,
                                               .shape = {layer->rows},
                                               .buffer = weights->device.buffer,
                                               .buffer_offset = layer->bias,
                                               .buffer_size = weights->device.size,
                                               .name = name};
            result = smelt_tensor_create(weights->context, &bias, &layer->bias_tensor);
        }
        if (result)
            return result;
    }
    return SMELT_OK;
}

enum smelt_result smelt_weights_create(smelt_context context, const struct smelt_weights_params *params,
                                       smelt_weights *weights)
{
    enum smelt_dtype dtype = params && params->dtype ? params->dtype : SMELT_DTYPE_F16;
    enum smelt_result result = check_params(context, params, dtype);
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
    if (result || (result = place_layers(w, params, dtype, &device_size)) ||
        (result = smelt_buffer_create(context, device_size, SMELT_PLACE_DEVICE, SMELT_MEMORY_WEIGHTS, name,
                                      &w->device)) ||
        (result = smelt_buffer_create(context, w->slot_size * (w->slot_count + 1ull), SMELT_PLACE_HOST_WRITE,
                                      SMELT_MEMORY_STAGING, name, &w->staging)) ||
        (result = make_tensors(w, dtype, name))) {
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
    for (uint32_t i = 0; w->layers && i < w->layer_count; i++) {
        smelt_tensor_destroy(&w->layers[i].matrix_tensor);
        smelt_tensor_destroy(&w->layers[i].bias_tensor);
    }
    smelt_buffer_destroy(w->context, &w->staging);
    smelt_buffer_destroy(w->context, &w->device);
    free(w->conversion_sizes);
    free(w->conversions);
    free(w->copies);
    free(w->layers);
    free(w);
    *weights = NULL;
}

smelt_tensor smelt_weights_matrix(smelt_weights weights, uint32_t layer)
{
    return layer < weights->layer_count ? weights->layers[layer].matrix_tensor : NULL;
}

smelt_tensor smelt_weights_bias(smelt_weights weights, uint32_t layer)
{
    return layer < weights->layer_count ? weights->layers[layer].bias_tensor : NULL;
}

static enum smelt_result check_data(smelt_weights weights, const void *const *matrices,
                                    const void *const *biases)
{
    if (!matrices)
        return smelt_fail(weights->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_weights_update: matrices is NULL, wanted %u pointers", weights->layer_count);
    for (uint32_t i = 0; i < weights->layer_count; i++) {
        const char *missing = !matrices[i]                                              ? "matrices"
                              : weights->layers[i].bias_size && (!biases || !biases[i]) ? "biases"
                                                                                        : NULL;
        if (missing)
            return smelt_fail(
                weights->context, SMELT_ERROR_INVALID_ARGUMENT,
                "smelt_weights_update: %s[%u] is NULL, wanted the values of a layer of %u rows by %u "
                "columns",
                missing, i, weights->layers[i].rows, weights->layers[i].columns);
    }
    return SMELT_OK;
}

static void fill_slot(smelt_weights weights, uint64_t slot, const void *const *matrices,
                      const void *const *biases)
{
    unsigned char *base = (unsigned char *)weights->staging.mapped + slot;
    for (uint32_t i = 0; i < weights->layer_count; i++) {
        const struct layer *layer = &weights->layers[i];
        unsigned char *matrix = base + layer->staged_matrix;
        if (layer->staged_row_pitch == layer->row_size)
            memcpy(matrix, matrices[i], layer->staged_size);
        else
            for (uint32_t row = 0; row < layer->rows; row++)
                memcpy(matrix + row * layer->staged_row_pitch,
                       (const unsigned char *)matrices[i] + row * layer->row_size, layer->row_size);
        if (layer->bias_size)
            memcpy(base + layer->staged_bias, biases[i], layer->bias_size);
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
                weights->staging.address + slot + weights->layers[i].staged_matrix;
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
                                       const void *const *matrices, const void *const *biases)
{
    enum smelt_result result = check_data(weights, matrices, biases);
    if (result)
        return result;
    uint64_t slot = frame % weights->slot_count * weights->slot_size;
    fill_slot(weights, slot, matrices, biases);
    record(weights, commands, slot, weights->stages, VK_ACCESS_2_SHADER_STORAGE_READ_BIT);
    return SMELT_OK;
}

enum smelt_result smelt_weights_update_and_wait(smelt_weights weights, const void *const *matrices,
                                                const void *const *biases)
{
    VkCommandBuffer commands = NULL;
    enum smelt_result result = check_data(weights, matrices, biases);
    if (result || (result = smelt_submit_begin(weights->context, &commands)))
        return result;
    // Slots of frames in flight are not to be touched: this call has one of its own.
    uint64_t slot = weights->slot_count * weights->slot_size;
    fill_slot(weights, slot, matrices, biases);
    // The context's queue need not have the stages of the caller's, so everything waits.
    record(weights, commands, slot, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, VK_ACCESS_2_MEMORY_READ_BIT);
    return smelt_submit_end(weights->context, true);
}
