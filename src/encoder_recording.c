// SPDX-License-Identifier: MIT
// Recordings of an encoder: begun in a slot, ended, and those of its own submitted.
#include "encoder_internal.h"

#include <inttypes.h>
#include <stdio.h>

// --- Recordings -------------------------------------------------------------------------------------------

static enum smelt_result create_commands(smelt_encoder encoder, struct smelt_encoder_slot *slot, bool part,
                                         VkCommandBuffer *commands)
{
    smelt_context context = encoder->context;
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = context->queue_family};
    VkResult vk = VK_SUCCESS;
    if (!slot->pool)
        vk =
            context->vk.CreateCommandPool(context->device, &pool, context->allocation_callbacks, &slot->pool);
    if (vk != VK_SUCCESS)
        return smelt_encoder_fail_slot(encoder, slot, vk, "vkCreateCommandPool");
    VkCommandBuffer *made = part ? &slot->secondary : &slot->primary;
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = slot->pool,
                                        .level = part ? VK_COMMAND_BUFFER_LEVEL_SECONDARY
                                                      : VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = 1};
    if (!*made) {
        vk = context->vk.AllocateCommandBuffers(context->device, &info, made);
        if (vk != VK_SUCCESS)
            return smelt_encoder_fail_slot(encoder, slot, vk, "vkAllocateCommandBuffers");
        smelt_set_debug_name(context, VK_OBJECT_TYPE_COMMAND_BUFFER, (uint64_t)(uintptr_t)*made,
                             encoder->name);
        encoder->counters.allocations++;
    }
    vk = context->vk.ResetCommandPool(context->device, slot->pool, 0);
    if (vk != VK_SUCCESS)
        return smelt_encoder_fail_slot(encoder, slot, vk, "vkResetCommandPool");
    VkCommandBufferInheritanceInfo inheritance = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                      .flags = encoder->reusable
                                                   ? VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT
                                                   : VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
                                      .pInheritanceInfo = part ? &inheritance : NULL};
    vk = context->vk.BeginCommandBuffer(*made, &begin);
    if (vk != VK_SUCCESS)
        return smelt_encoder_fail_slot(encoder, slot, vk, "vkBeginCommandBuffer");
    *commands = *made;
    return SMELT_OK;
}

// The start of a whole recording's time, and the order after earlier work of the queue.
static enum smelt_result open_own(smelt_encoder encoder)
{
    smelt_context context = encoder->context;
    struct smelt_encoder_slot *slot = encoder->slot;
    if (context->capabilities.timestamp_period > 0) {
        VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                      .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                      .queryCount = 2};
        VkResult vk = slot->times ? VK_SUCCESS
                                  : context->vk.CreateQueryPool(context->device, &info,
                                                                context->allocation_callbacks, &slot->times);
        if (vk != VK_SUCCESS)
            return smelt_encoder_fail_slot(encoder, slot, vk, "vkCreateQueryPool");
        context->vk.CmdResetQueryPool(encoder->commands, slot->times, 0, 2);
        context->vk.CmdWriteTimestamp2(encoder->commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, slot->times,
                                       0);
    }
    smelt_memory_barrier(context, encoder->commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                         VK_ACCESS_2_MEMORY_WRITE_BIT, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                         VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT);
    return SMELT_OK;
}

static void close_own(smelt_encoder encoder)
{
    smelt_context context = encoder->context;
    smelt_memory_barrier(context, encoder->commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                         VK_ACCESS_2_MEMORY_WRITE_BIT,
                         VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_2_HOST_BIT,
                         VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT);
    if (encoder->slot->times)
        context->vk.CmdWriteTimestamp2(encoder->commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                                       encoder->slot->times, 1);
}

// No recording is under way any more.
static void leave_recording(smelt_encoder encoder, enum smelt_slot_state state)
{
    __atomic_store_n(&encoder->slot->state, state, __ATOMIC_RELEASE);
    encoder->slot = NULL;
    encoder->commands = VK_NULL_HANDLE;
}

// A recording that cannot be completed.
static void drop_recording(smelt_encoder encoder)
{
    smelt_slot_release_parts(encoder->slot);
    encoder->slot->completion = NULL;
    leave_recording(encoder, SMELT_SLOT_FREE);
}

static enum smelt_result take_slot(smelt_encoder encoder, const struct smelt_recording_params *p)
{
    struct smelt_encoder_slot *slot =
        &encoder->slots[p->commands ? p->frame % encoder->frames : encoder->next % encoder->frames];
    if (smelt_slot_is_pending(slot)) {
        enum smelt_result result = smelt_encoder_see(encoder);
        if (result && result != SMELT_ERROR_NOT_READY)
            return result;
    }
    if (smelt_slot_is_pending(slot))
        return smelt_fail(
            encoder->context, SMELT_ERROR_NOT_READY,
            "encoder '%s': begin: recording '%s' has not been seen to finish, and frames_in_flight "
            "is %u: wait first",
            encoder->name, slot->label, encoder->frames);
    mtx_lock(&encoder->context->encoders_mutex);
    smelt_schedule_clear(&slot->schedule);
    slot->destroyed[0] = 0;
    mtx_unlock(&encoder->context->encoders_mutex);
    smelt_slot_release_parts(slot);
    smelt_recording_memory_reset(&slot->memory);
    smelt_timestamps_forget(&slot->timestamps);
    slot->value = 0;
    slot->completion = NULL;
    snprintf(slot->label, sizeof(slot->label), "%s", p->label ? p->label : encoder->name);
    encoder->slot = encoder->last = slot;
    if (encoder->finished == slot)
        encoder->finished = NULL;
    return SMELT_OK;
}

enum smelt_result smelt_encoder_start(smelt_encoder encoder, const struct smelt_recording_params *p)
{
    static const struct smelt_recording_params defaults;
    if (!p)
        p = &defaults;
    if (encoder->slot || (p->part && p->commands))
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT, "encoder '%s': begin: %s",
                          encoder->name,
                          encoder->slot ? "a recording has begun already"
                                        : "a part has commands of its own, wanted no others");
    enum smelt_result result = take_slot(encoder, p);
    if (result)
        return result;
    smelt_hazards_clear(&encoder->hazards);
    smelt_hazards_clear(&encoder->total);
    encoder->total_indirect = (struct smelt_interval){0};
    encoder->first = true;
    encoder->fenced = false;
    encoder->bound = VK_NULL_HANDLE;
    encoder->part = p->part;
    encoder->own = !p->part && !p->commands;
    encoder->commands = p->commands;
    if (!p->commands)
        result = create_commands(encoder, encoder->slot, p->part, &encoder->commands);
    if (!result && encoder->own)
        result = open_own(encoder);
    if (result) {
        drop_recording(encoder);
        return result;
    }
    if (encoder->labels && encoder->own)
        smelt_begin_label(encoder->context, encoder->commands, encoder->slot->label);
    __atomic_store_n(&encoder->slot->state, SMELT_SLOT_RECORDING, __ATOMIC_RELEASE);
    return SMELT_OK;
}

enum smelt_result smelt_encoder_begin(smelt_encoder encoder, const struct smelt_recording_params *params)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "begin");
    return result ? result : smelt_encoder_leave(encoder, smelt_encoder_start(encoder, params));
}

// The message of a tensor that was destroyed while in use.
static enum smelt_result check_destroyed(smelt_encoder encoder)
{
    const struct smelt_encoder_slot *slot = encoder->slot;
    if (!slot->destroyed[0])
        return SMELT_OK;
    return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT, "encoder '%s': recording '%s': %s",
                      encoder->name, slot->label, slot->destroyed);
}

static enum smelt_result end(smelt_encoder encoder)
{
    if (!encoder->slot || encoder->own)
        return smelt_fail(
            encoder->context, SMELT_ERROR_INVALID_ARGUMENT, "encoder '%s': end: %s", encoder->name,
            encoder->slot ? "a recording of the encoder's own is ended by commit" : "no recording has begun");
    enum smelt_result result = check_destroyed(encoder);
    VkResult vk = encoder->part ? encoder->context->vk.EndCommandBuffer(encoder->commands) : VK_SUCCESS;
    if (!result && vk != VK_SUCCESS)
        result = smelt_encoder_fail_slot(encoder, encoder->slot, vk, "vkEndCommandBuffer");
    if (result) {
        drop_recording(encoder);
        return result;
    }
    encoder->next += encoder->part;
    leave_recording(encoder, SMELT_SLOT_RECORDED);
    return SMELT_OK;
}

enum smelt_result smelt_encoder_end(smelt_encoder encoder)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "end");
    return result ? result : smelt_encoder_leave(encoder, end(encoder));
}

VkCommandBuffer smelt_encoder_commands(smelt_encoder encoder)
{
    encoder->bound = VK_NULL_HANDLE;
    return encoder->commands;
}

// --- Submitting -------------------------------------------------------------------------------------------

static void fill_points(const struct smelt_semaphore_point *points, uint32_t count,
                        VkSemaphoreSubmitInfo *infos)
{
    for (uint32_t i = 0; i < count; i++)
        infos[i] = (VkSemaphoreSubmitInfo){
            .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
            .semaphore = points[i].semaphore,
            .value = points[i].value,
            .stageMask = points[i].stages ? points[i].stages : VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT};
}

static enum smelt_result submit(smelt_encoder encoder, const struct smelt_commit_params *p)
{
    smelt_context context = encoder->context;
    struct smelt_encoder_slot *slot = encoder->slot;
    if (encoder->labels)
        smelt_end_label(context, encoder->commands);
    close_own(encoder);
    VkResult vk = context->vk.EndCommandBuffer(encoder->commands);
    if (vk != VK_SUCCESS)
        return smelt_encoder_fail_slot(encoder, slot, vk, "vkEndCommandBuffer");
    VkSemaphoreSubmitInfo waits[SMELT_ENCODER_MAX_POINTS], signals[SMELT_ENCODER_MAX_POINTS + 1];
    const struct smelt_semaphore_point own = {encoder->semaphore, encoder->submitted + 1, 0};
    fill_points(p->waits, p->wait_count, waits);
    fill_points(&own, 1, signals);
    fill_points(p->signals, p->signal_count, signals + 1);
    VkCommandBufferSubmitInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                          .commandBuffer = encoder->commands};
    VkSubmitInfo2 info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                          .waitSemaphoreInfoCount = p->wait_count,
                          .pWaitSemaphoreInfos = waits,
                          .commandBufferInfoCount = 1,
                          .pCommandBufferInfos = &commands,
                          .signalSemaphoreInfoCount = p->signal_count + 1,
                          .pSignalSemaphoreInfos = signals};
    vk = smelt_queue_submit(context, &info, VK_NULL_HANDLE);
    return vk == VK_SUCCESS ? SMELT_OK : smelt_encoder_fail_slot(encoder, slot, vk, "vkQueueSubmit2");
}

static enum smelt_result check_points(smelt_encoder encoder, const char *what,
                                      const struct smelt_semaphore_point *points, uint32_t count)
{
    bool valid = count <= SMELT_ENCODER_MAX_POINTS && (!count || points);
    for (uint32_t i = 0; valid && i < count; i++)
        valid = points[i].semaphore != VK_NULL_HANDLE;
    if (valid)
        return SMELT_OK;
    return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                      "encoder '%s': commit: %u %s, wanted at most %d, none of them null", encoder->name,
                      count, what, SMELT_ENCODER_MAX_POINTS);
}

static enum smelt_result commit(smelt_encoder encoder, const struct smelt_commit_params *p)
{
    static const struct smelt_commit_params defaults;
    if (!p)
        p = &defaults;
    if (!encoder->slot || !encoder->own || encoder->capture)
        return smelt_fail(
            encoder->context, SMELT_ERROR_INVALID_ARGUMENT, "encoder '%s': commit: %s", encoder->name,
            encoder->capture ? "a capture is under way: take it first"
            : !encoder->slot ? "no recording has begun"
                             : "a part, or a recording in the caller's commands, is ended by end");
    enum smelt_result result = check_points(encoder, "waits", p->waits, p->wait_count);
    if (!result)
        result = check_points(encoder, "signals", p->signals, p->signal_count);
    if (result)
        return result;
    if (!(result = check_destroyed(encoder)))
        result = submit(encoder, p);
    if (result) {
        drop_recording(encoder);
        return result;
    }
    struct smelt_encoder_slot *slot = encoder->slot;
    slot->value = ++encoder->submitted;
    slot->completion = p->completion;
    slot->user = p->user;
    encoder->next++;
    encoder->counters.submits++;
    leave_recording(encoder, SMELT_SLOT_PENDING);
    return SMELT_OK;
}

enum smelt_result smelt_encoder_commit(smelt_encoder encoder, const struct smelt_commit_params *params)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "commit");
    return result ? result : smelt_encoder_leave(encoder, commit(encoder, params));
}

enum smelt_result smelt_encoder_commit_and_wait(smelt_encoder encoder)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "commit_and_wait");
    if (result)
        return result;
    result = commit(encoder, NULL);
    return smelt_encoder_leave(encoder, result ? result : smelt_encoder_await(encoder));
}

struct smelt_semaphore_point smelt_encoder_semaphore(smelt_encoder encoder)
{
    return (struct smelt_semaphore_point){.semaphore = encoder->semaphore, .value = encoder->submitted};
}
