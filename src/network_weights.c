// SPDX-License-Identifier: MIT
// The weights of a network on the device: a few heaps, filled in one submission.
#include "network_internal.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 256u
#define CHUNK ((uint64_t)1 << 20)

// Bytes that the weights of a network need at most, as they are stored; so that they are one heap.
static uint64_t estimate(smelt_network network)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < network->source->value_count; i++) {
        const struct smelt_ir_value *v = network->source->values[i];
        uint64_t widest = network->storage == SMELT_DTYPE_F16 ? 1 : 2; // f16 in the file may become f32
        if (smelt_ir_is_weight(v) && v->size > sizeof(int64_t) * SMELT_IR_MAX_RANK)
            size +=
                (v->stored == SMELT_ELEMENT_F16 && v->element == SMELT_ELEMENT_F32 ? widest : 1) * v->size +
                ALIGNMENT;
    }
    return size;
}

static enum smelt_result add_chunk(smelt_network network, uint64_t size)
{
    struct smelt_network_weights *w = &network->weights;
    size = SMELT_MAX(size, w->chunk_count ? CHUNK : SMELT_MAX(estimate(network), 64 * ALIGNMENT));
    struct smelt_network_chunk *chunks = realloc(w->chunks, (w->chunk_count + 1) * sizeof(*chunks));
    if (!chunks)
        return smelt_fail(network->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                          "network '%s': out of host memory", network->name);
    w->chunks = chunks;
    chunks[w->chunk_count] = (struct smelt_network_chunk){0};
    const struct smelt_heap_params params = {
        .size = size, .purpose = SMELT_MEMORY_WEIGHTS, .name = network->name};
    enum smelt_result result = smelt_heap_create(network->context, &params, &chunks[w->chunk_count].heap);
    w->chunk_count += !result;
    return result;
}

static enum smelt_result find_room(smelt_network network, uint64_t size, struct smelt_network_chunk **out)
{
    struct smelt_network_weights *w = &network->weights;
    for (uint32_t i = 0; i < w->chunk_count; i++) {
        struct smelt_network_chunk *chunk = &w->chunks[i];
        if (chunk->used + size <= smelt_heap_info(chunk->heap).size) {
            *out = chunk;
            return SMELT_OK;
        }
    }
    enum smelt_result result = add_chunk(network, size);
    *out = result ? NULL : &w->chunks[w->chunk_count - 1];
    return result;
}

// The staging of a chunk mirrors what is not uploaded of it.
static enum smelt_result stage(smelt_network network, struct smelt_network_chunk *chunk)
{
    return chunk->staging.buffer
               ? SMELT_OK
               : smelt_buffer_create(network->context, smelt_heap_info(chunk->heap).size - chunk->uploaded,
                                     SMELT_PLACE_HOST_WRITE, SMELT_MEMORY_STAGING, "weights",
                                     &chunk->staging);
}

static bool grow(struct smelt_network_weights *w)
{
    if (w->count < w->capacity)
        return true;
    uint32_t capacity = w->capacity ? 2 * w->capacity : 32;
    struct smelt_network_weight *weights = realloc(w->weights, capacity * sizeof(*weights));
    if (!weights)
        return false;
    w->weights = weights;
    w->capacity = capacity;
    return true;
}

enum smelt_result smelt_weights_place(smelt_network network, const char *key, const char *name,
                                      const struct smelt_tensor_params *params, smelt_tensor *tensor,
                                      void **data)
{
    struct smelt_network_weights *w = &network->weights;
    struct smelt_network_chunk *chunk = NULL;
    uint64_t size, alignment;
    *data = NULL;
    for (uint32_t i = 0; i < w->count; i++)
        if (!strcmp(w->weights[i].key, key)) {
            *tensor = w->weights[i].tensor;
            return SMELT_OK;
        }
    enum smelt_result result = smelt_tensor_size_and_alignment(params, &size, &alignment);
    char *copy = smelt_copy_string(key), *name_copy = smelt_copy_string(name);
    if (!result && (!copy || (name && !name_copy) || !grow(w)))
        result = smelt_fail(network->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                            "network '%s': out of host memory", network->name);
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!result)
        result = find_room(network, size, &chunk);
    if (!result)
        result = stage(network, chunk);
    if (!result) {
        struct smelt_tensor_params placed = *params;
        placed.heap = chunk->heap;
        placed.heap_offset = chunk->used;
        result = smelt_tensor_create(network->context, &placed, tensor);
    }
    if (result) {
        free(copy);
        free(name_copy);
        return result;
    }
    *data = (char *)chunk->staging.mapped + (chunk->used - chunk->uploaded);
    chunk->used += size;
    w->size += size;
    w->weights[w->count++] = (struct smelt_network_weight){copy, name_copy, *tensor};
    return SMELT_OK;
}

enum smelt_result smelt_weights_upload(smelt_network network)
{
    struct smelt_network_weights *w = &network->weights;
    smelt_context context = network->context;
    VkCommandBuffer commands;
    uint32_t staged = 0;
    for (uint32_t i = 0; i < w->chunk_count; i++)
        staged += w->chunks[i].staging.buffer != VK_NULL_HANDLE;
    enum smelt_result result = staged ? smelt_submit_begin(context, &commands) : SMELT_OK;
    if (result || !staged)
        return result;
    for (uint32_t i = 0; i < w->chunk_count; i++) {
        const struct smelt_network_chunk *chunk = &w->chunks[i];
        struct smelt_heap_info heap = smelt_heap_info(chunk->heap);
        const VkBufferCopy copy = {0, heap.buffer_offset + chunk->uploaded, chunk->used - chunk->uploaded};
        if (chunk->staging.buffer)
            context->vk.CmdCopyBuffer(commands, chunk->staging.buffer, heap.buffer, 1, &copy);
    }
    smelt_memory_barrier(context, commands, VK_PIPELINE_STAGE_2_TRANSFER_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                         VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                         VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT);
    result = smelt_submit_end(context, true);
    for (uint32_t i = 0; i < w->chunk_count; i++) {
        smelt_buffer_destroy(context, &w->chunks[i].staging);
        w->chunks[i].uploaded = w->chunks[i].used;
    }
    return result;
}

// --- Other contents at run time -------------------------------------------------------------------------------

static enum smelt_result no_weight(smelt_network network, const char *name)
{
    const struct smelt_network_weights *w = &network->weights;
    struct smelt_text text = {0};
    uint32_t listed = 0;
    for (uint32_t i = 0; i < w->count && listed < 16; i++)
        if (w->weights[i].name)
            smelt_text_add(&text, "%s\"%.60s\"", listed++ ? ", " : "", w->weights[i].name);
    smelt_fail(network->context, SMELT_ERROR_NOT_FOUND,
               "network '%s': no weight \"%.80s\" is on the device; there are: %s%s", network->name, name,
               text.data ? text.data : "none", listed == 16 ? ", ..." : "");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_FOUND;
}

enum smelt_result smelt_encode_network_weight(smelt_encoder encoder, smelt_network network, const char *name,
                                              smelt_tensor tensor)
{
    if (!network || !name || !tensor)
        return smelt_fail(network ? network->context : NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "network_weight: %s is NULL, wanted one",
                          !network ? "network"
                          : !name  ? "name"
                                   : "tensor");
    const struct smelt_network_weights *w = &network->weights;
    const struct smelt_ir_value *value = smelt_ir_find(network->plan->ir, name);
    enum smelt_result result = SMELT_OK;
    uint32_t found = 0;
    if (value && value->constant && value->read_on_host)
        return smelt_fail(network->context, SMELT_ERROR_UNSUPPORTED,
                          "network '%s': weight \"%.80s\" is a constant of kernels", network->name, name);
    for (uint32_t i = 0; i < w->count && !result; i++)
        if (w->weights[i].name && !strcmp(w->weights[i].name, name)) {
            result = smelt_encode_copy(encoder, w->weights[i].tensor, tensor, NULL);
            found++;
        }
    return result || found ? result : no_weight(network, name);
}

void smelt_weights_free(smelt_network network)
{
    struct smelt_network_weights *w = &network->weights;
    for (uint32_t i = 0; i < w->count; i++) {
        smelt_tensor_destroy(&w->weights[i].tensor);
        free(w->weights[i].key);
        free(w->weights[i].name);
    }
    for (uint32_t i = 0; i < w->chunk_count; i++) {
        smelt_buffer_destroy(network->context, &w->chunks[i].staging);
        smelt_heap_destroy(&w->chunks[i].heap);
    }
    free(w->weights);
    free(w->chunks);
    *w = (struct smelt_network_weights){0};
}
