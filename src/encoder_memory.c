// SPDX-License-Identifier: MIT
// Host-written device memory of a recording: chunks that are filled from the front and kept for the next recording.
#include "encoder_internal.h"

#include <stdlib.h>

#define CHUNK_SIZE (256ull << 10) // bytes; a larger request gets a chunk of its own size

static enum smelt_result add_chunk(smelt_encoder encoder, struct smelt_recording_memory *memory,
                                   uint64_t size)
{
    smelt_context context = encoder->context;
    struct smelt_recording_chunk *made = calloc(1, sizeof(*made));
    if (!made)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "encoder '%s': out of host memory",
                          encoder->name);
    enum smelt_result result =
        smelt_buffer_create(context, SMELT_MAX(size, CHUNK_SIZE), SMELT_PLACE_HOST_WRITE,
                            SMELT_MEMORY_ARGUMENTS, "smelt encoder", &made->buffer);
    if (result) {
        free(made);
        return result;
    }
    encoder->counters.allocations++;
    struct smelt_recording_chunk **link = memory->current ? &memory->current->next : &memory->first;
    made->next = *link;
    *link = memory->current = made;
    memory->used = 0;
    return SMELT_OK;
}

enum smelt_result smelt_recording_memory_next(smelt_encoder encoder, uint64_t size)
{
    struct smelt_recording_memory *memory = &encoder->slot->memory;
    struct smelt_recording_chunk *next = memory->current ? memory->current->next : memory->first;
    if (!next || next->buffer.size < size)
        return add_chunk(encoder, memory, size);
    memory->current = next;
    memory->used = 0;
    return SMELT_OK;
}

void smelt_recording_memory_reset(struct smelt_recording_memory *memory)
{
    memory->current = memory->first;
    memory->used = 0;
}

void smelt_recording_memory_free(smelt_context context, struct smelt_recording_memory *memory)
{
    while (memory->first) {
        struct smelt_recording_chunk *chunk = memory->first;
        memory->first = chunk->next;
        smelt_buffer_destroy(context, &chunk->buffer);
        free(chunk);
    }
    *memory = (struct smelt_recording_memory){0};
}
