// SPDX-License-Identifier: MIT
// Encoders: their life, when their recordings have finished, and what outlives them.
#include "encoder_internal.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- Entering ---------------------------------------------------------------------------------------------

enum smelt_result smelt_encoder_enter_slowly(smelt_encoder encoder, const char *call)
{
    if (!encoder)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "encoder: %s: the encoder is NULL", call);
    if (encoder->dead)
        return smelt_fail(encoder->context, SMELT_ERROR_DEVICE_LOST,
                          "encoder '%s': %s: the device was lost, the encoder can only be destroyed",
                          encoder->name, call);
    if (__atomic_exchange_n(&encoder->inside, 1, __ATOMIC_ACQUIRE))
        return smelt_fail(
            encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
            "encoder '%s': %s while another call is inside it: an encoder belongs to one thread at "
            "a time, and not to its own completion callbacks",
            encoder->name, call);
    return SMELT_OK;
}

enum smelt_result smelt_encoder_require(smelt_encoder encoder, smelt_context context, const char *call)
{
    if (!encoder || encoder->context != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: the encoder is %s", call,
                          encoder ? "of another context" : "NULL, wanted one");
    enum smelt_result result = smelt_encoder_enter(encoder, call);
    return result ? result : smelt_encoder_leave(encoder, SMELT_OK);
}

enum smelt_result smelt_encoder_grow(smelt_encoder encoder, void *array, uint32_t *capacity, uint32_t count,
                                     size_t size)
{
    if (count <= *capacity)
        return SMELT_OK;
    uint32_t wanted = SMELT_MAX(count, SMELT_MIN(2 * (uint64_t)*capacity, UINT32_MAX));
    void *old, *grown;
    memcpy(&old, array, sizeof(old));
    if (!(grown = realloc(old, wanted * size)))
        return smelt_fail(encoder->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                          "encoder '%s': out of host memory", encoder->name);
    memcpy(array, &grown, sizeof(grown));
    *capacity = wanted;
    encoder->counters.allocations++;
    return SMELT_OK;
}

// A VkResult of a call for the recording in a slot, with its label.
enum smelt_result smelt_encoder_fail_slot(smelt_encoder encoder, const struct smelt_encoder_slot *slot,
                                          VkResult result, const char *call)
{
    char text[160];
    snprintf(text, sizeof(text), "encoder '%.40s': recording '%s': %s", encoder->name, slot->label, call);
    encoder->dead |= result == VK_ERROR_DEVICE_LOST;
    encoder->guarded |= encoder->dead;
    return smelt_fail_vk(encoder->context, result, text);
}

// --- Life -------------------------------------------------------------------------------------------------

static enum smelt_result choose_hazards(smelt_context context, enum smelt_hazard_mode wanted,
                                        enum smelt_hazard_mode *mode)
{
    static const char *const names[] = {"tracked", "manual", "serial"};
    const char *text = getenv("SMELT_HAZARDS");
    *mode = wanted;
    if ((uint32_t)wanted >= SMELT_COUNT_OF(names))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder: hazards is %d, wanted one of enum smelt_hazard_mode", (int)wanted);
    if (wanted != SMELT_HAZARDS_TRACKED || !text || !text[0])
        return SMELT_OK;
    for (uint32_t i = 0; i < SMELT_COUNT_OF(names); i++)
        if (!strcmp(text, names[i])) {
            *mode = (enum smelt_hazard_mode)i;
            return SMELT_OK;
        }
    return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                      "SMELT_HAZARDS: got '%s', wanted tracked, manual or serial", text);
}

static enum smelt_result create_semaphore(smelt_encoder encoder)
{
    smelt_context context = encoder->context;
    VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
    VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
    VkResult vk = context->vk.CreateSemaphore(context->device, &info, context->allocation_callbacks,
                                              &encoder->semaphore);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreateSemaphore");
    smelt_set_debug_name(context, VK_OBJECT_TYPE_SEMAPHORE, (uint64_t)encoder->semaphore, encoder->name);
    return SMELT_OK;
}

void smelt_slot_release_parts(struct smelt_encoder_slot *slot)
{
    for (uint32_t i = 0; i < slot->part_count; i++)
        __atomic_store_n(&slot->parts[i]->state, SMELT_SLOT_FREE, __ATOMIC_RELEASE);
    slot->part_count = 0;
}

static void free_slot(smelt_context context, struct smelt_encoder_slot *slot)
{
    smelt_slot_release_parts(slot);
    smelt_timestamps_free(context, &slot->timestamps);
    context->vk.DestroyQueryPool(context->device, slot->times, context->allocation_callbacks);
    context->vk.DestroyCommandPool(context->device, slot->pool, context->allocation_callbacks);
    smelt_recording_memory_free(context, &slot->memory);
    smelt_schedule_free(&slot->schedule);
    free(slot->parts);
}

static void free_encoder(smelt_encoder encoder)
{
    smelt_context context = encoder->context;
    for (uint32_t i = 0; encoder->slots && i < encoder->frames; i++)
        free_slot(context, &encoder->slots[i]);
    context->vk.DestroySemaphore(context->device, encoder->semaphore, context->allocation_callbacks);
    smelt_hazards_free(&encoder->hazards);
    smelt_hazards_free(&encoder->total);
    for (uint32_t i = 0; i < encoder->inline_count; i++)
        free((void *)(uintptr_t)encoder->inline_bytes[i].data);
    free(encoder->inline_bytes);
    free(encoder->values);
    free(encoder->ranges);
    free(encoder->set);
    free(encoder->joined);
    free(encoder->nodes);
    free(encoder->slots);
    free(encoder->name);
    free(encoder);
}

bool smelt_slot_is_pending(const struct smelt_encoder_slot *slot)
{
    return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == SMELT_SLOT_PENDING;
}

enum smelt_result smelt_encoder_create(smelt_context context, const struct smelt_encoder_params *params,
                                       smelt_encoder *out)
{
    static const struct smelt_encoder_params defaults;
    enum smelt_hazard_mode mode;
    if (!params)
        params = &defaults;
    if (!context || !out || params->frames_in_flight > SMELT_ENCODER_MAX_FRAMES)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "encoder: %s",
                          !context ? "the context is NULL"
                          : !out   ? "the place for the handle is NULL"
                                   : "frames_in_flight is more than 16");
    enum smelt_result result = choose_hazards(context, params->hazards, &mode);
    if (result)
        return result;
    smelt_encoders_reap(context, false);
    smelt_encoder encoder = calloc(1, sizeof(*encoder));
    uint32_t frames = params->frames_in_flight ? params->frames_in_flight : 2;
    if (encoder) {
        encoder->slots = calloc(frames, sizeof(*encoder->slots));
        encoder->name = smelt_copy_string(params->name ? params->name : "encoder");
        encoder->context = context;
        encoder->frames = frames;
        encoder->mode = mode;
        encoder->track = true;
        encoder->check = encoder->guarded = params->check;
        encoder->profile = params->profile;
        encoder->labels = !params->no_labels && context->labels;
        memcpy(encoder->most_groups, context->capabilities.max_workgroup_count, sizeof(encoder->most_groups));
    }
    if (!encoder || !encoder->slots || !encoder->name)
        result = smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "encoder: out of host memory");
    if (!result)
        result = create_semaphore(encoder);
    if (result) {
        if (encoder)
            free_encoder(encoder);
        return result;
    }
    if (encoder->check) {
        mtx_lock(&context->encoders_mutex);
        encoder->next_checked = context->checked_encoders;
        context->checked_encoders = encoder;
        mtx_unlock(&context->encoders_mutex);
    }
    *out = encoder;
    return SMELT_OK;
}

void smelt_encoder_wrap(struct smelt_encoder_t *encoder, smelt_context context, VkCommandBuffer commands)
{
    *encoder = (struct smelt_encoder_t){
        .context = context,
        .name = "smelt",
        .mode = SMELT_HAZARDS_MANUAL,
        .commands = commands,
        .first = true,
        .labels = context->labels,
    };
    memcpy(encoder->most_groups, context->capabilities.max_workgroup_count, sizeof(encoder->most_groups));
}

// --- Finishing --------------------------------------------------------------------------------------------

static void complete(struct smelt_encoder_slot *slot, enum smelt_result result)
{
    smelt_completion_fn completion = slot->completion;
    slot->completion = NULL;
    if (completion)
        completion(slot->user, result);
}

// Marks own recordings up to a value as finished, oldest first. The first error is returned.
static enum smelt_result finish(smelt_encoder encoder, uint64_t value)
{
    enum smelt_result first = SMELT_OK;
    while (encoder->completed < value) {
        encoder->completed++;
        for (uint32_t i = 0; i < encoder->frames; i++) {
            struct smelt_encoder_slot *slot = &encoder->slots[i];
            if (slot->value != encoder->completed || !smelt_slot_is_pending(slot))
                continue;
            enum smelt_result result = SMELT_OK;
            if (slot->destroyed[0])
                result = smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                                    "encoder '%s': recording '%s': %s", encoder->name, slot->label,
                                    slot->destroyed);
            slot->destroyed[0] = 0;
            smelt_slot_release_parts(slot);
            __atomic_store_n(&slot->state, SMELT_SLOT_FREE, __ATOMIC_RELEASE);
            encoder->finished = slot;
            complete(slot, result);
            first = first ? first : result;
        }
    }
    return first;
}

// What has finished by now. NOT_READY when a recording runs.
enum smelt_result smelt_encoder_see(smelt_encoder encoder)
{
    smelt_context context = encoder->context;
    uint64_t value = 0;
    if (encoder->completed == encoder->submitted)
        return SMELT_OK;
    VkResult vk = context->vk.GetSemaphoreCounterValue(context->device, encoder->semaphore, &value);
    enum smelt_result result = SMELT_OK;
    if (vk == VK_SUCCESS)
        result = finish(encoder, SMELT_MIN(value, encoder->submitted));
    else
        result = smelt_encoder_fail_slot(encoder, encoder->last, vk, "vkGetSemaphoreCounterValue");
    return result || encoder->completed == encoder->submitted ? result : SMELT_ERROR_NOT_READY;
}

enum smelt_result smelt_encoder_await(smelt_encoder encoder)
{
    smelt_context context = encoder->context;
    if (encoder->completed == encoder->submitted)
        return SMELT_OK;
    VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                .semaphoreCount = 1,
                                .pSemaphores = &encoder->semaphore,
                                .pValues = &encoder->submitted};
    encoder->counters.syncs++;
    VkResult vk = context->vk.WaitSemaphores(context->device, &info, UINT64_MAX);
    if (vk == VK_SUCCESS)
        return finish(encoder, encoder->submitted);
    // The oldest that runs is what failed.
    struct smelt_encoder_slot *oldest = encoder->last;
    for (uint32_t i = 0; i < encoder->frames; i++)
        if (smelt_slot_is_pending(&encoder->slots[i]) && encoder->slots[i].value == encoder->completed + 1)
            oldest = &encoder->slots[i];
    enum smelt_result result = smelt_encoder_fail_slot(encoder, oldest, vk, "vkWaitSemaphores");
    for (uint32_t i = 0; i < encoder->frames && encoder->dead; i++)
        if (smelt_slot_is_pending(&encoder->slots[i]))
            complete(&encoder->slots[i], result);
    return result;
}

enum smelt_result smelt_encoder_wait(smelt_encoder encoder)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "wait");
    return result ? result : smelt_encoder_leave(encoder, smelt_encoder_await(encoder));
}

enum smelt_result smelt_encoder_poll(smelt_encoder encoder)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "poll");
    return result ? result : smelt_encoder_leave(encoder, smelt_encoder_see(encoder));
}

// --- Destroying -------------------------------------------------------------------------------------------

static bool has_pending(smelt_encoder encoder)
{
    bool pending = false;
    for (uint32_t i = 0; i < encoder->frames; i++)
        pending |= smelt_slot_is_pending(&encoder->slots[i]);
    return pending && !encoder->dead;
}

void smelt_encoder_destroy(smelt_encoder *handle)
{
    smelt_encoder encoder = *handle;
    *handle = NULL;
    if (!encoder)
        return;
    smelt_context context = encoder->context;
    if (encoder->capture)
        encoder->capture->drop(encoder->capture);
    encoder->capture = NULL;
    if (!encoder->dead)
        smelt_encoder_see(encoder);
    for (uint32_t i = 0; i < encoder->frames; i++)
        complete(&encoder->slots[i], SMELT_ERROR_NOT_READY);
    // A recording that was not committed is dropped, with the parts it has executed.
    if (encoder->slot && encoder->own)
        smelt_slot_release_parts(encoder->slot);
    mtx_lock(&context->encoders_mutex);
    struct smelt_encoder_t **link = &context->checked_encoders;
    while (*link && *link != encoder)
        link = &(*link)->next_checked;
    if (*link)
        *link = encoder->next_checked;
    bool retire = has_pending(encoder);
    if (retire) {
        encoder->next_retired = context->retired_encoders;
        context->retired_encoders = encoder;
    }
    mtx_unlock(&context->encoders_mutex);
    if (!retire)
        free_encoder(encoder);
    smelt_encoders_reap(context, false);
}

void smelt_encoders_reap(smelt_context context, bool wait_for_all)
{
    struct smelt_encoder_t *done = NULL;
    mtx_lock(&context->encoders_mutex);
    // First all that run, as parts are released by the recordings that have executed them.
    for (struct smelt_encoder_t *e = context->retired_encoders; e; e = e->next_retired) {
        if (wait_for_all)
            smelt_encoder_await(e);
        else
            smelt_encoder_see(e);
    }
    struct smelt_encoder_t **link = &context->retired_encoders;
    while (*link) {
        struct smelt_encoder_t *encoder = *link;
        if (!wait_for_all && has_pending(encoder)) {
            link = &encoder->next_retired;
            continue;
        }
        *link = encoder->next_retired;
        encoder->next_retired = done;
        done = encoder;
    }
    mtx_unlock(&context->encoders_mutex);
    for (struct smelt_encoder_t *e = done; e; e = e->next_retired)
        for (uint32_t i = 0; i < e->frames; i++)
            smelt_slot_release_parts(&e->slots[i]);
    while (done) {
        struct smelt_encoder_t *next = done->next_retired;
        free_encoder(done);
        done = next;
    }
}

// Whether the memory of `tensor`, or the tensor itself, is used by the recording in a slot.
static const char *user_of(const struct smelt_encoder_slot *slot, smelt_tensor tensor)
{
    const struct smelt_tensor_info *info = &tensor->info;
    for (uint32_t i = 0; i < slot->schedule.count; i++) {
        const struct smelt_schedule_step *step = &slot->schedule.steps[i];
        for (uint32_t k = 0; k < step->range_count; k++) {
            const struct smelt_range *r = &slot->schedule.ranges[step->first_range + k];
            if (r->tensor == tensor ||
                (tensor->memory.buffer && r->begin < info->address + info->size && info->address < r->end))
                return step->label;
        }
    }
    return NULL;
}

void smelt_encoders_tensor_destroyed(smelt_tensor tensor)
{
    smelt_context context = tensor->context;
    mtx_lock(&context->encoders_mutex);
    for (struct smelt_encoder_t *e = context->checked_encoders; e; e = e->next_checked) {
        uint64_t value = 0;
        context->vk.GetSemaphoreCounterValue(context->device, e->semaphore, &value);
        for (uint32_t i = 0; i < e->frames; i++) {
            struct smelt_encoder_slot *slot = &e->slots[i];
            int state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
            bool runs = state == SMELT_SLOT_PENDING && (slot->value == 0 || slot->value > value);
            const char *label = state == SMELT_SLOT_RECORDING || runs ? user_of(slot, tensor) : NULL;
            if (!label)
                continue;
            snprintf(slot->destroyed, sizeof(slot->destroyed),
                     "tensor '%.48s' was destroyed while dispatch '%.48s' uses it", tensor->info.name, label);
            smelt_log(context, SMELT_LOG_ERROR, "encoder '%s': recording '%s': %s", e->name, slot->label,
                      slot->destroyed);
        }
    }
    mtx_unlock(&context->encoders_mutex);
}

// --- Asked afterwards -------------------------------------------------------------------------------------

struct smelt_encoder_counters smelt_encoder_counters(smelt_encoder encoder)
{
    struct smelt_encoder_counters counters = encoder->counters;
    counters.allocations +=
        smelt_hazards_allocations(&encoder->hazards) + smelt_hazards_allocations(&encoder->total);
    counters.allocations -= encoder->allocations_before;
    return counters;
}

void smelt_encoder_reset_counters(smelt_encoder encoder)
{
    encoder->counters = (struct smelt_encoder_counters){0};
    encoder->allocations_before =
        smelt_hazards_allocations(&encoder->hazards) + smelt_hazards_allocations(&encoder->total);
}

enum smelt_result smelt_encoder_check_hazards(smelt_encoder encoder)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "check_hazards");
    if (result)
        return result;
    if (!encoder->check || !encoder->last)
        result = smelt_fail(
            encoder->context, SMELT_ERROR_INVALID_ARGUMENT, "encoder '%s': check_hazards: %s", encoder->name,
            encoder->check ? "nothing was recorded" : "wanted an encoder in the checking mode");
    else
        result = smelt_schedule_judge(encoder->context, encoder->last->label, &encoder->last->schedule);
    return smelt_encoder_leave(encoder, result);
}
