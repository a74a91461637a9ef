// SPDX-License-Identifier: MIT
// Small host-written places with a device address, cut from chunks that the context shares: an argument block
// must not cost a VkDeviceMemory of its own (drivers allow as few as 4096).
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (256u << 10) // bytes; a larger request gets a chunk of its own size
#define GRANULE 64u             // bytes: a cache line, so that objects of different threads never share one

struct smelt_block_chunk {
    struct smelt_block_chunk *next;
    struct smelt_buffer buffer;
    uint32_t granules, in_use;
    uint8_t used[]; // per granule
};

// The first run of `count` free granules, taken; UINT32_MAX when there is none.
static uint32_t take_run(struct smelt_block_chunk *chunk, uint32_t count)
{
    if (chunk->granules - chunk->in_use < count)
        return UINT32_MAX;
    uint32_t run = 0;
    for (uint32_t i = 0; i < chunk->granules; i++) {
        run = chunk->used[i] ? 0 : run + 1;
        if (run == count) {
            memset(chunk->used + i + 1 - count, 1, count);
            chunk->in_use += count;
            return i + 1 - count;
        }
    }
    return UINT32_MAX;
}

static void fill_place(struct smelt_block_chunk *chunk, uint32_t first, uint32_t count, uint32_t alignment,
                       struct smelt_block_place *place)
{
    VkDeviceAddress start = chunk->buffer.address + (uint64_t)first * GRANULE;
    VkDeviceAddress address = (start + alignment - 1) & ~(VkDeviceAddress)(alignment - 1);
    *place = (struct smelt_block_place){
        .chunk = chunk,
        .first = first,
        .count = count,
        .address = address,
        .mapped = (uint8_t *)chunk->buffer.mapped + (address - chunk->buffer.address),
    };
}

static enum smelt_result create_chunk(smelt_context context, uint64_t size, struct smelt_block_chunk **chunk)
{
    uint32_t granules = (uint32_t)(size / GRANULE);
    struct smelt_block_chunk *made = calloc(1, sizeof(*made) + granules);
    if (!made)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "argument blocks: out of host memory");
    enum smelt_result result =
        smelt_buffer_create(context, size, SMELT_PLACE_HOST_WRITE, SMELT_MEMORY_ARGUMENTS,
                            "smelt argument blocks", &made->buffer);
    if (result != SMELT_OK) {
        free(made);
        return result;
    }
    made->granules = granules;
    *chunk = made;
    return SMELT_OK;
}

enum smelt_result smelt_block_allocate(smelt_context context, uint64_t size, uint32_t alignment,
                                       struct smelt_block_place *place)
{
    // The chunk's own address may be aligned to less than what is asked for.
    uint64_t needed = size + alignment - 1;
    if (needed > (1u << 30))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "argument block copies of %llu bytes, at most 2^30 are possible",
                          (unsigned long long)size);
    uint32_t count = (uint32_t)((needed + GRANULE - 1) / GRANULE);
    mtx_lock(&context->mutex);
    for (struct smelt_block_chunk *chunk = context->block_chunks; chunk; chunk = chunk->next) {
        uint32_t first = take_run(chunk, count);
        if (first != UINT32_MAX) {
            fill_place(chunk, first, count, alignment, place);
            mtx_unlock(&context->mutex);
            return SMELT_OK;
        }
    }
    mtx_unlock(&context->mutex);
    // Made outside the lock, which memory accounting takes as well.
    struct smelt_block_chunk *chunk = NULL;
    enum smelt_result result =
        create_chunk(context, SMELT_MAX(CHUNK_SIZE, (uint64_t)count * GRANULE), &chunk);
    if (result != SMELT_OK)
        return result;
    fill_place(chunk, take_run(chunk, count), count, alignment, place);
    mtx_lock(&context->mutex);
    chunk->next = context->block_chunks;
    context->block_chunks = chunk;
    mtx_unlock(&context->mutex);
    return SMELT_OK;
}

void smelt_block_free(smelt_context context, struct smelt_block_place *place)
{
    struct smelt_block_chunk *chunk = place->chunk, *empty = NULL;
    if (!chunk)
        return;
    mtx_lock(&context->mutex);
    memset(chunk->used + place->first, 0, place->count);
    chunk->in_use -= place->count;
    if (!chunk->in_use) {
        struct smelt_block_chunk **link = &context->block_chunks;
        while (*link != chunk)
            link = &(*link)->next;
        *link = chunk->next;
        empty = chunk;
    }
    mtx_unlock(&context->mutex);
    if (empty) {
        smelt_buffer_destroy(context, &empty->buffer);
        free(empty);
    }
    *place = (struct smelt_block_place){0};
}
