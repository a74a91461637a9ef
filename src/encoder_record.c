// SPDX-License-Identifier: MIT
// The way of a dispatch into a command buffer: its memory, the barrier in front, labels, timestamps, vkCmd*.
#include "encoder_internal.h"

#include <inttypes.h>
#include <string.h>

#define MAX_PUSH 256 // bytes; pipelines with more are refused by the devices there are

// --- Barriers ---------------------------------------------------------------------------------------------

static enum smelt_result emit_barrier(smelt_encoder encoder, const struct smelt_barrier *barrier)
{
    smelt_context context = encoder->context;
    if (encoder->check) {
        mtx_lock(&context->encoders_mutex);
        bool kept = smelt_schedule_add_barrier(&encoder->slot->schedule, barrier);
        mtx_unlock(&context->encoders_mutex);
        if (!kept)
            return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "encoder '%s': out of host memory",
                              encoder->name);
    }
    smelt_memory_barrier(context, encoder->commands, barrier->source_stages, barrier->source_access,
                         barrier->destination_stages, barrier->destination_access);
    encoder->counters.barriers++;
    encoder->fenced = true;
    return SMELT_OK;
}

// What is recorded, as `order` sees it.
struct access {
    const struct smelt_range *ranges;
    uint32_t count;
    const struct smelt_interval *indirect;
    const char *label;
};

static enum smelt_result put_barrier(smelt_encoder encoder, bool indirect)
{
    struct smelt_barrier barrier;
    smelt_hazards_barrier(&encoder->hazards, indirect, &barrier);
    return emit_barrier(encoder, &barrier);
}

static enum smelt_result out_of_memory(smelt_encoder encoder)
{
    return smelt_fail(encoder->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "encoder '%s': out of host memory",
                      encoder->name);
}

// Keeps what the encoder of a part, or one that checks, wants to know later.
static enum smelt_result keep_access(smelt_encoder encoder, const struct access *access)
{
    struct smelt_interval indirect = *access->indirect, *hull = &encoder->total_indirect;
    bool kept = true;
    if (encoder->part) {
        kept = smelt_hazards_add(&encoder->total, access->ranges, access->count, (struct smelt_interval){0});
        bool empty = hull->begin >= hull->end;
        if (indirect.begin < indirect.end)
            *hull = empty ? indirect
                          : (struct smelt_interval){SMELT_MIN(hull->begin, indirect.begin),
                                                    SMELT_MAX(hull->end, indirect.end)};
    }
    if (encoder->check && kept) {
        mtx_lock(&encoder->context->encoders_mutex);
        kept = smelt_schedule_add_dispatch(&encoder->slot->schedule, access->label, access->ranges,
                                           access->count, indirect);
        mtx_unlock(&encoder->context->encoders_mutex);
    }
    return kept ? SMELT_OK : out_of_memory(encoder);
}

// Puts a barrier in front of an access where `mode` asks for one, and adds it.
SMELT_ALWAYS_INLINE enum smelt_result order(smelt_encoder encoder, const struct access *access)
{
    struct smelt_hazards *hazards = &encoder->hazards;
    struct smelt_interval indirect = *access->indirect;
    bool needed =
        encoder->mode == SMELT_HAZARDS_TRACKED
            ? smelt_hazards_find(hazards, access->ranges, access->count, indirect) != SMELT_HAZARD_NONE
            : encoder->mode == SMELT_HAZARDS_SERIAL && !encoder->first;
    if (needed) {
        enum smelt_result result = put_barrier(encoder, indirect.begin < indirect.end);
        if (result)
            return result;
    }
    encoder->counters.barriers_avoided += !encoder->fenced && !encoder->first;
    encoder->first = encoder->fenced = false;
    if (!encoder->track)
        return SMELT_OK;
    if (!smelt_hazards_add(hazards, access->ranges, access->count, indirect))
        return out_of_memory(encoder);
    return encoder->part || encoder->check ? keep_access(encoder, access) : SMELT_OK;
}

enum smelt_result smelt_encoder_record_barrier(smelt_encoder encoder,
                                               const struct smelt_barrier_request *request)
{
    if (encoder->capture)
        return encoder->capture->barrier(encoder->capture, request);
    enum smelt_result result = encoder->commands ? SMELT_OK : smelt_encoder_start(encoder, NULL);
    if (result)
        return result;
    struct smelt_interval none = {0};
    struct smelt_barrier barrier = request->barrier;
    if (!request->range_count) {
        smelt_hazards_apply(&encoder->hazards, &barrier);
    } else {
        if (!smelt_hazards_find(&encoder->hazards, request->ranges, request->range_count, none))
            return SMELT_OK;
        smelt_hazards_barrier(&encoder->hazards, false, &barrier);
    }
    return emit_barrier(encoder, &barrier);
}

// --- Dispatches -------------------------------------------------------------------------------------------

static enum smelt_result check_groups(smelt_encoder encoder, const struct smelt_dispatch *d)
{
    const uint32_t *most = encoder->most_groups;
    // Zero becomes the largest number there is.
    bool fits = d->groups[0] - 1 < most[0] && d->groups[1] - 1 < most[1] && d->groups[2] - 1 < most[2];
    if (fits || d->indirect)
        return SMELT_OK;
    return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                      "encoder '%s': dispatch '%s' of %u x %u x %u groups, wanted 1 to %u x %u x %u",
                      encoder->name, d->label, d->groups[0], d->groups[1], d->groups[2], most[0], most[1],
                      most[2]);
}

// Copies the inline bytes of one side into the recording's memory and puts their addresses into `values`.
static enum smelt_result place_inline(smelt_encoder encoder, const struct smelt_dispatch *d, bool in_push,
                                      uint8_t *values)
{
    for (uint32_t i = 0; i < d->inline_count; i++) {
        const struct smelt_inline_bytes *bytes = &d->inline_bytes[i];
        void *mapped;
        VkDeviceAddress address;
        if (!bytes->size || bytes->in_push != in_push)
            continue;
        enum smelt_result result = smelt_recording_memory_take(encoder, bytes->size, 16, &mapped, &address);
        if (result)
            return result;
        memcpy(mapped, bytes->data, bytes->size);
        memcpy(values + bytes->offset, &address, sizeof(address));
    }
    return SMELT_OK;
}

// What memcpy does, without a call for the few words that there are mostly.
static inline void copy_words(void *to, const void *from, uint32_t size)
{
    uint32_t at = 0;
    for (; at + 16 <= size && at < 128; at += 16) { // by 8, as the arguments were written
        memcpy((uint8_t *)to + at, (const uint8_t *)from + at, 8);
        memcpy((uint8_t *)to + at + 8, (const uint8_t *)from + at + 8, 8);
    }
    if (at < size)
        memcpy((uint8_t *)to + at, (const uint8_t *)from + at, size - at);
}

static inline enum smelt_result place_arguments(smelt_encoder encoder, const struct smelt_dispatch *d,
                                                uint8_t *push)
{
    enum smelt_result result = SMELT_OK;
    copy_words(push, d->push, d->push_size);
    if (d->block) {
        void *mapped;
        VkDeviceAddress address;
        uint32_t alignment = d->source ? d->source->block_alignment : 16;
        result = smelt_recording_memory_take(encoder, d->block_size, alignment, &mapped, &address);
        if (result)
            return result;
        copy_words(mapped, d->block, d->block_size);
        memcpy(push + d->block_push, &address, sizeof(address));
        if (d->inline_count)
            result = place_inline(encoder, d, false, mapped);
    }
    return result || !d->inline_count ? result : place_inline(encoder, d, true, push);
}

// What is not captured reads and writes memory.
static enum smelt_result refuse_transient(smelt_encoder encoder, const struct smelt_dispatch *d)
{
    uint32_t r = 0;
    while (r + 1 < d->range_count && !smelt_is_transient(d->ranges[r].begin))
        r++;
    return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                      "encoder '%s': dispatch '%s' accesses the transient tensor '%s', which only a capture "
                      "may",
                      encoder->name, d->label,
                      d->ranges[r].tensor ? smelt_tensor_info(d->ranges[r].tensor)->name : "(unknown)");
}

// The groups, by as many commands as the dispatch is sliced into. Their order does not matter: no barrier is between them.
static void dispatch_groups(const struct smelt_vk *vk, VkCommandBuffer commands,
                            const struct smelt_dispatch *d)
{
    const uint32_t *g = d->groups;
    if (d->slices <= 1) {
        vk->CmdDispatch(commands, g[0], g[1], g[2]);
        return;
    }
    uint32_t axis = smelt_dispatch_axis(d), slices = smelt_dispatch_commands(d);
    uint32_t base[3] = {0, 0, d->linear}, count[3];
    memcpy(count, g, sizeof(count));
    for (uint32_t i = 0; i < slices; i++) {
        base[axis] = (uint32_t)((uint64_t)g[axis] * i / slices);
        count[axis] = (uint32_t)((uint64_t)g[axis] * (i + 1) / slices) - base[axis];
        vk->CmdDispatchBase(commands, base[0], base[1], base[2], count[0], count[1], count[2]);
    }
}

static enum smelt_result record_live(smelt_encoder encoder, const struct smelt_dispatch *d)
{
    const struct smelt_vk *vk = &encoder->context->vk;
    VkCommandBuffer commands = encoder->commands;
    uint8_t push[MAX_PUSH];
    const void *pushed = d->push;
    enum smelt_result result = SMELT_OK;
    VkDeviceAddress highest = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < d->range_count; i++) {
        highest |= d->ranges[i].begin;
        bytes += d->ranges[i].end - d->ranges[i].begin;
    }
    if (smelt_is_transient(highest))
        return refuse_transient(encoder, d);
    if (d->block || d->inline_count) {
        pushed = push;
        result = place_arguments(encoder, d, push);
    }
    const struct access access = {d->ranges, d->range_count, &d->indirect_range, d->label};
    if (!result)
        result = order(encoder, &access);
    if (!result && encoder->profile)
        result = smelt_timestamps_open(encoder, d->label, d->operation, d->ranges, d->range_count, d->groups);
    if (result)
        return result;
    if (encoder->labels)
        smelt_begin_label(encoder->context, commands, d->label);
    if (encoder->bound != d->pipeline) {
        vk->CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, d->pipeline);
        encoder->bound = d->pipeline;
        encoder->counters.pipelines++;
    }
    for (uint32_t i = 0; i < d->set_count; i++)
        if (d->sets[i])
            vk->CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, d->layout, i, 1, &d->sets[i],
                                      0, NULL);
    if (d->push_size)
        vk->CmdPushConstants(commands, d->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, d->push_size, pushed);
    if (d->indirect)
        vk->CmdDispatchIndirect(commands, d->indirect, d->indirect_offset);
    else
        dispatch_groups(vk, commands, d);
    if (encoder->labels)
        smelt_end_label(encoder->context, commands);
    if (encoder->profile)
        smelt_timestamps_close(encoder);
    encoder->counters.dispatches++;
    encoder->counters.bytes += bytes;
    return SMELT_OK;
}

enum smelt_result smelt_encoder_record(smelt_encoder encoder, const struct smelt_dispatch *dispatch)
{
    enum smelt_result result = check_groups(encoder, dispatch);
    if (!result && encoder->capture)
        return encoder->capture->dispatch(encoder->capture, dispatch);
    if (!result && !encoder->commands)
        result = smelt_encoder_start(encoder, NULL);
    return result ? result : record_live(encoder, dispatch);
}

// --- Stages -----------------------------------------------------------------------------------------------

struct smelt_barrier smelt_barrier_between(uint32_t source, uint32_t destination)
{
    static const struct {
        VkPipelineStageFlags2 stages;
        VkAccessFlags2 reads, writes;
    } uses[] = {
        {VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT, VK_ACCESS_2_INDIRECT_COMMAND_READ_BIT, 0},
        {VK_PIPELINE_STAGE_2_VERTEX_INPUT_BIT | VK_PIPELINE_STAGE_2_PRE_RASTERIZATION_SHADERS_BIT,
         VK_ACCESS_2_INDEX_READ_BIT | VK_ACCESS_2_VERTEX_ATTRIBUTE_READ_BIT | VK_ACCESS_2_UNIFORM_READ_BIT |
             VK_ACCESS_2_SHADER_READ_BIT,
         VK_ACCESS_2_SHADER_WRITE_BIT},
        {VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT, VK_ACCESS_2_UNIFORM_READ_BIT | VK_ACCESS_2_SHADER_READ_BIT,
         VK_ACCESS_2_SHADER_WRITE_BIT},
        {VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT, VK_ACCESS_2_COLOR_ATTACHMENT_READ_BIT,
         VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT},
        {VK_PIPELINE_STAGE_2_EARLY_FRAGMENT_TESTS_BIT | VK_PIPELINE_STAGE_2_LATE_FRAGMENT_TESTS_BIT,
         VK_ACCESS_2_DEPTH_STENCIL_ATTACHMENT_READ_BIT, VK_ACCESS_2_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT},
        {VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT, VK_ACCESS_2_UNIFORM_READ_BIT | VK_ACCESS_2_SHADER_READ_BIT,
         VK_ACCESS_2_SHADER_WRITE_BIT},
        {VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
         VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_SAMPLED_READ_BIT,
         VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT},
        {VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT, VK_ACCESS_2_TRANSFER_READ_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT},
        {VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT, VK_ACCESS_2_HOST_WRITE_BIT},
    };
    struct smelt_barrier barrier = {0};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(uses); i++) {
        if (source >> i & 1) {
            barrier.source_stages |= uses[i].stages;
            barrier.source_access |= uses[i].writes;
        }
        if (destination >> i & 1) {
            barrier.destination_stages |= uses[i].stages;
            barrier.destination_access |= uses[i].reads | uses[i].writes;
        }
    }
    return barrier;
}

// --- Secondary command buffers ----------------------------------------------------------------------------

enum smelt_result smelt_encoder_record_commands(smelt_encoder encoder, VkCommandBuffer secondary,
                                                const char *label, const struct smelt_range *ranges,
                                                uint32_t range_count, struct smelt_interval indirect)
{
    if (encoder->capture)
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder '%s': '%s' is a command buffer, which a capture cannot hold",
                          encoder->name, label);
    enum smelt_result result = encoder->commands ? SMELT_OK : smelt_encoder_start(encoder, NULL);
    const struct access access = {ranges, range_count, &indirect, label};
    if (!result)
        result = order(encoder, &access);
    if (!result && encoder->profile)
        result = smelt_timestamps_open(encoder, label, SMELT_OPERATION_UNTAGGED, ranges, range_count,
                                       (const uint32_t[3]){0});
    if (result)
        return result;
    if (encoder->labels)
        smelt_begin_label(encoder->context, encoder->commands, label);
    encoder->context->vk.CmdExecuteCommands(encoder->commands, 1, &secondary);
    if (encoder->labels)
        smelt_end_label(encoder->context, encoder->commands);
    if (encoder->profile)
        smelt_timestamps_close(encoder);
    encoder->bound = VK_NULL_HANDLE; // the state is undefined after it
    encoder->counters.dispatches++;
    return SMELT_OK;
}

// The ranges of a set, after `count` others.
static enum smelt_result join(smelt_encoder encoder, struct smelt_interval_set *set, enum smelt_access access,
                              uint32_t *count)
{
    uint32_t leaf = 0, index = 0;
    struct smelt_interval interval;
    if (!smelt_interval_set_settle(set))
        return smelt_fail(encoder->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                          "encoder '%s': out of host memory", encoder->name);
    while (smelt_interval_set_next(set, &leaf, &index, &interval)) {
        enum smelt_result result = smelt_encoder_grow(encoder, &encoder->joined, &encoder->joined_capacity,
                                                      *count + 1, sizeof(*encoder->joined));
        if (result)
            return result;
        encoder->joined[(*count)++] =
            (struct smelt_range){interval.begin, interval.end, access, UINT32_MAX, NULL};
    }
    return SMELT_OK;
}

static enum smelt_result execute(smelt_encoder encoder, smelt_encoder part)
{
    struct smelt_encoder_slot *from = part ? part->last : NULL;
    if (!from || part->context != encoder->context || part == encoder || !part->part || part->slot ||
        __atomic_load_n(&from->state, __ATOMIC_ACQUIRE) != SMELT_SLOT_RECORDED)
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder '%s': execute: '%s' is not a part of the same context that has ended and "
                          "was not executed yet",
                          encoder->name, part ? part->name : "(NULL)");
    uint32_t count = 0;
    enum smelt_result result = encoder->commands ? SMELT_OK : smelt_encoder_start(encoder, NULL);
    if (!result)
        result = join(encoder, &part->total.reads, SMELT_ACCESS_READ, &count);
    if (!result)
        result = join(encoder, &part->total.writes, SMELT_ACCESS_READ_WRITE, &count);
    struct smelt_encoder_slot *slot = encoder->slot;
    if (!result)
        result = smelt_encoder_grow(encoder, &slot->parts, &slot->part_capacity, slot->part_count + 1,
                                    sizeof(slot->parts[0]));
    if (!result)
        result = smelt_encoder_record_commands(encoder, from->secondary, from->label, encoder->joined, count,
                                               part->total_indirect);
    if (result)
        return result;
    slot->parts[slot->part_count++] = from;
    __atomic_store_n(&from->state, SMELT_SLOT_PENDING, __ATOMIC_RELEASE);
    return SMELT_OK;
}

enum smelt_result smelt_encoder_execute(smelt_encoder encoder, const smelt_encoder *parts, uint32_t count)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "execute");
    if (result)
        return result;
    if ((count && !parts) || encoder->capture)
        result = smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT, "encoder '%s': execute: %s",
                            encoder->name, encoder->capture ? "a capture is under way" : "parts is NULL");
    for (uint32_t i = 0; i < count && !result; i++)
        result = execute(encoder, parts[i]);
    return smelt_encoder_leave(encoder, result);
}

// --- Public barriers --------------------------------------------------------------------------------------

enum smelt_result smelt_encoder_barrier(smelt_encoder encoder, const struct smelt_barrier *barrier)
{
    static const struct smelt_barrier_request between_compute = {
        .barrier = {VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT, VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
                    VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                    VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT}};
    enum smelt_result result = smelt_encoder_enter(encoder, "barrier");
    if (result)
        return result;
    struct smelt_barrier_request request = between_compute;
    if (barrier)
        request.barrier = *barrier;
    return smelt_encoder_leave(encoder, smelt_encoder_record_barrier(encoder, &request));
}

enum smelt_result smelt_encoder_barrier_between(smelt_encoder encoder, const smelt_tensor *reads,
                                                uint32_t read_count, const smelt_tensor *writes,
                                                uint32_t write_count)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "barrier_between");
    if (result)
        return result;
    uint64_t count = (uint64_t)read_count + write_count;
    if ((read_count && !reads) || (write_count && !writes) || count > UINT32_MAX)
        result = smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                            "encoder '%s': barrier_between: a list is NULL or too long", encoder->name);
    if (!result)
        result = smelt_encoder_grow(encoder, &encoder->joined, &encoder->joined_capacity, (uint32_t)count,
                                    sizeof(*encoder->joined));
    for (uint32_t i = 0; i < count && !result; i++) {
        smelt_tensor tensor = i < read_count ? reads[i] : writes[i - read_count];
        if (!tensor || smelt_tensor_context(tensor) != encoder->context)
            result = smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                                "encoder '%s': barrier_between: tensor %u is %s", encoder->name, i,
                                tensor ? "of another context" : "NULL");
        else
            encoder->joined[i] =
                smelt_range_of(tensor, i < read_count ? SMELT_ACCESS_READ : SMELT_ACCESS_WRITE);
    }
    const struct smelt_barrier_request request = {.ranges = encoder->joined, .range_count = (uint32_t)count};
    if (!result && count)
        result = smelt_encoder_record_barrier(encoder, &request);
    return smelt_encoder_leave(encoder, result);
}
