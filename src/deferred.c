// SPDX-License-Identifier: MIT
// smelt_encode_deferred: pixels listed by material (glsl/kernels/deferred.comp), and the caller's pipelines over the lists.
#include "image_internal.h"
#include "kernels_cache.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TILE 1024
#define PIXELS 32 // of a workgroup of the kernel, across and down

// The push constants of deferred.comp, word for word.
struct push {
    uint64_t counts, firsts, tiles, places, dispatches, noted, list, groups;
    uint32_t materials, group_count, width, height;
};
_Static_assert(sizeof(struct push) == 80, "deferred.comp's constants");

struct smelt_deferred_t {
    smelt_context context;
    uint32_t width, height, material_count, group_count;
    struct smelt_deferred_group groups[SMELT_DEFERRED_MAX_GROUPS];
    smelt_tensor counts, state, list,
        table;        // counts are 0 between frames; state: firsts, tiles, places, dispatches, noted
    struct push push; // but for the size
};

// --- Life -------------------------------------------------------------------------------------------------

static enum smelt_result refuse(smelt_context context, const char *field, uint64_t value, uint64_t least,
                                uint64_t most)
{
    return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                      "deferred: %s is %" PRIu64 ", wanted %" PRIu64 " to %" PRIu64, field, value, least,
                      most);
}

static enum smelt_result take_groups(smelt_deferred d, const struct smelt_deferred_params *params)
{
    if (!params->groups || params->group_count < 1 || params->group_count > SMELT_DEFERRED_MAX_GROUPS)
        return refuse(d->context, "group_count", params->groups ? params->group_count : 0, 1,
                      SMELT_DEFERRED_MAX_GROUPS);
    d->group_count = params->group_count;
    for (uint32_t i = 0; i < d->group_count; i++) {
        d->groups[i] = params->groups[i];
        d->groups[i].tile = d->groups[i].tile ? d->groups[i].tile : DEFAULT_TILE;
        uint32_t most = SMELT_DEFERRED_MAX_MATERIALS - d->material_count;
        if (d->groups[i].material_count < 1 || d->groups[i].material_count > most)
            return refuse(d->context, "material_count", d->groups[i].material_count, 1, most);
        d->material_count += d->groups[i].material_count;
        // A dispatch has at most so many workgroups.
        uint64_t pixels = (uint64_t)d->width * d->height,
                 room = d->context->capabilities.max_workgroup_count[0] - d->groups[i].material_count;
        if (pixels / d->groups[i].tile > room || d->groups[i].tile > UINT32_MAX / 2)
            return refuse(d->context, "tile", d->groups[i].tile, pixels / room + 1, UINT32_MAX / 2);
    }
    return SMELT_OK;
}

static enum smelt_result make_words(smelt_deferred d, uint64_t count, uint32_t usage, const char *name,
                                    smelt_tensor *tensor)
{
    struct smelt_tensor_params params = {
        .dtype = SMELT_DTYPE_U32, .rank = 1, .shape = {count}, .usage = usage, .name = name};
    return smelt_tensor_create(d->context, &params, tensor);
}

static uint32_t groups_of(uint32_t pixels)
{
    return (pixels + PIXELS - 1) / PIXELS;
}

static enum smelt_result make_tensors(smelt_deferred d, const char *name)
{
    static const uint32_t none[SMELT_DEFERRED_MAX_MATERIALS + 1];
    uint32_t table[2 * SMELT_DEFERRED_MAX_GROUPS], first = 0, n = d->material_count;
    uint64_t tiles = (uint64_t)groups_of(d->width) * groups_of(d->height);
    for (uint32_t i = 0; i < d->group_count; i++) {
        table[2 * i] = first;
        table[2 * i + 1] = d->groups[i].tile;
        first += d->groups[i].material_count;
    }
    enum smelt_result result;
    if ((result = make_words(d, n + 1, SMELT_TENSOR_USAGE_HOST, name, &d->counts)) ||
        (result = make_words(d, 3 * n + 2 + 3 * d->group_count + tiles, 0, name, &d->state)) ||
        (result = make_words(d, (uint64_t)d->width * d->height, 0, name, &d->list)) ||
        (result = make_words(d, 2 * d->group_count, SMELT_TENSOR_USAGE_HOST, name, &d->table)) ||
        (result = smelt_tensor_write_and_wait(d->counts, NULL, none, (n + 1) * sizeof(*none))) ||
        (result = smelt_tensor_write_and_wait(d->table, NULL, table, 2 * d->group_count * sizeof(*table))))
        return result;
    uint64_t state = d->state->info.address;
    d->push = (struct push){.counts = d->counts->info.address,
                            .firsts = state,
                            .tiles = state + 4 * (n + 1),
                            .places = state + 4 * (2 * n + 2),
                            .dispatches = state + 4 * (3 * n + 2),
                            .noted = state + 4 * (3 * n + 2 + 3 * d->group_count),
                            .list = d->list->info.address,
                            .groups = d->table->info.address,
                            .materials = n,
                            .group_count = d->group_count};
    return SMELT_OK;
}

enum smelt_result smelt_deferred_create(smelt_context context, const struct smelt_deferred_params *params,
                                        smelt_deferred *deferred)
{
    if (!context || !params || !deferred)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "deferred: %s is NULL, wanted one",
                          !context  ? "context"
                          : !params ? "params"
                                    : "deferred");
    uint32_t largest = SMELT_MAX(params->width, params->height);
    if (!params->width || !params->height || largest > 65536)
        return refuse(context, params->width ? "height" : "width", largest > 65536 ? largest : 0, 1, 65536);
    smelt_deferred d = calloc(1, sizeof(*d));
    if (!d)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "deferred: out of host memory");
    d->context = context;
    d->width = params->width;
    d->height = params->height;
    enum smelt_result result = take_groups(d, params);
    if (!result)
        result = make_tensors(d, params->name ? params->name : "deferred");
    if (result)
        smelt_deferred_destroy(&d);
    else
        *deferred = d;
    return result;
}

void smelt_deferred_destroy(smelt_deferred *deferred)
{
    if (!deferred || !*deferred)
        return;
    smelt_deferred d = *deferred;
    smelt_tensor_destroy(&d->counts);
    smelt_tensor_destroy(&d->state);
    smelt_tensor_destroy(&d->list);
    smelt_tensor_destroy(&d->table);
    free(d);
    *deferred = NULL;
}

// --- Recording --------------------------------------------------------------------------------------------

enum stage { COUNT, PLACE, STAGES };

static enum smelt_result list_pixels(smelt_encoder encoder, smelt_deferred d, smelt_image samples)
{
    static const char key[] = "deferred", *const labels[] = {"smelt deferred count", "smelt deferred place"};
    struct smelt_range ranges[] = {smelt_range_of(d->counts, SMELT_ACCESS_READ_WRITE),
                                   smelt_range_of(d->state, SMELT_ACCESS_READ_WRITE),
                                   smelt_range_of(d->list, SMELT_ACCESS_WRITE)};
    struct push push = d->push;
    push.width = samples->width;
    push.height = samples->height;
    // The lists are used again: what evaluated them before has done with them, and the counters are 0.
    const struct smelt_barrier again = {
        VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT,
        VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
        VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT};
    enum smelt_result result = smelt_encoder_barrier(encoder, &again);
    for (uint32_t stage = 0; !result && stage < STAGES; stage++) {
        const struct smelt_kernel_request request = {.name = "deferred",
                                                     .key = key,
                                                     .key_size = sizeof(key),
                                                     .baked = "deferred",
                                                     .push_size = sizeof(push),
                                                     .image_type = VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE,
                                                     .constants = {stage},
                                                     .constant_count = 1};
        const struct smelt_dispatch what = {.sets = {samples->sets[0]},
                                            .set_count = 1,
                                            .ranges = stage == PLACE ? ranges + 1 : ranges,
                                            .range_count = 2,
                                            .label = labels[stage],
                                            .operation = SMELT_OPERATION_UNTAGGED,
                                            .part = stage,
                                            .parts = STAGES};
        struct smelt_kernel kernel;
        result = smelt_kernel_get(encoder, &request, &kernel);
        if (!result)
            result = smelt_kernel_order(encoder, &what);
        if (!result)
            result = smelt_kernel_dispatch(encoder, &kernel, &push, sizeof(push), groups_of(push.width),
                                           groups_of(push.height), 1, &what);
    }
    return result;
}

// The members of smelt_deferred_group (glsl/smelt/deferred.glsl).
static enum smelt_result set_group(smelt_encoder encoder, smelt_deferred d, uint32_t group, uint32_t first)
{
    const struct smelt_tensor_info *state = &d->state->info, *list = &d->list->info;
    const struct smelt_buffer_range state_range = {state->buffer, state->buffer_offset, state->size,
                                                   SMELT_ACCESS_READ},
                                    list_range = {list->buffer, list->buffer_offset, list->size,
                                                  SMELT_ACCESS_READ};
    struct smelt_buffer_range tiles_range = state_range;
    tiles_range.offset += d->push.tiles - d->push.firsts;
    tiles_range.size -= d->push.tiles - d->push.firsts;
    const struct {
        const char *name;
        uint32_t value;
    } numbers[] = {{"deferred.first_material", first},
                   {"deferred.material_count", d->groups[group].material_count},
                   {"deferred.tile", d->groups[group].tile}};
    enum smelt_result result = smelt_encoder_set_buffer(encoder, "deferred.firsts", &state_range);
    if (!result)
        result = smelt_encoder_set_buffer(encoder, "deferred.tiles", &tiles_range);
    if (!result)
        result = smelt_encoder_set_buffer(encoder, "deferred.list", &list_range);
    for (size_t i = 0; !result && i < SMELT_COUNT_OF(numbers); i++)
        result = smelt_encoder_set_bytes(encoder, numbers[i].name, &numbers[i].value, 4);
    return result;
}

static enum smelt_result evaluate(smelt_encoder encoder, smelt_deferred d, uint32_t group, uint32_t first,
                                  const struct smelt_deferred_pass *pass)
{
    const struct smelt_tensor_info *state = &d->state->info;
    const struct smelt_encode_params params = {.pipeline = pass->pipeline,
                                               .arguments = pass->arguments,
                                               .argument_count = pass->argument_count,
                                               .kind = SMELT_DISPATCH_INDIRECT,
                                               .indirect = state->buffer,
                                               .indirect_offset = state->buffer_offset + d->push.dispatches -
                                                                  d->push.firsts + 12 * group};
    const struct smelt_barrier listed = {
        VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT, VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
        VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT,
        VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_INDIRECT_COMMAND_READ_BIT};
    enum smelt_result result = smelt_encoder_set_pipeline(encoder, pass->pipeline);
    if (!result)
        result = set_group(encoder, d, group, first);
    for (uint32_t set = 0; !result && set < SMELT_COUNT_OF(pass->descriptors); set++)
        if (pass->descriptors[set])
            result = smelt_encoder_set_descriptors(encoder, set, pass->descriptors[set]);
    if (!result && encoder->mode == SMELT_HAZARDS_MANUAL)
        result = smelt_encoder_barrier(encoder, &listed);
    return result ? result : smelt_encoder_encode(encoder, &params);
}

enum smelt_result smelt_encode_deferred(smelt_encoder encoder, smelt_deferred d, smelt_image samples,
                                        const struct smelt_deferred_pass *passes)
{
    if (!d || !passes)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "deferred: %s is NULL, wanted one",
                          d ? "passes" : "deferred");
    enum smelt_result result = smelt_encoder_require(encoder, d->context, "deferred");
    if (!result)
        result = smelt_image_require(samples, d->context, "deferred", samples ? samples->width : 0,
                                     samples ? samples->height : 0, false);
    if (result)
        return result;
    if (samples->width > d->width || samples->height > d->height)
        return smelt_fail(d->context, SMELT_ERROR_SHAPE,
                          "deferred: image '%s' is %" PRIu32 " x %" PRIu32 ", wanted at most %" PRIu32
                          " x %" PRIu32,
                          samples->name, samples->width, samples->height, d->width, d->height);
    for (uint32_t i = 0; i < d->group_count; i++) {
        uint32_t argument;
        if (!passes[i].pipeline)
            return smelt_fail(d->context, SMELT_ERROR_INVALID_ARGUMENT,
                              "deferred: passes[%" PRIu32 "].pipeline is NULL, wanted one", i);
        if ((result = smelt_pipeline_find(passes[i].pipeline, "deferred.tile", &argument)))
            return result;
    }
    if ((result = list_pixels(encoder, d, samples)))
        return result;
    for (uint32_t i = 0, first = 0; !result && i < d->group_count; i++) {
        result = evaluate(encoder, d, i, first, &passes[i]);
        first += d->groups[i].material_count;
    }
    return result;
}
