// SPDX-License-Identifier: MIT
// Whether a recorded schedule orders all that conflicts: every pair of dispatches, and every barrier between them, by the
// rules of Vulkan's memory model. Knows nothing of the tracker that chose the barriers.
#include "encoder_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// --- Keeping ----------------------------------------------------------------------------------------------

static bool grow(void *array, uint32_t *capacity, uint32_t count, size_t size)
{
    if (count <= *capacity)
        return true;
    uint32_t wanted = SMELT_MAX(count, 2 * *capacity);
    void *old, *grown;
    memcpy(&old, array, sizeof(old));
    if (!(grown = realloc(old, wanted * size)))
        return false;
    memcpy(array, &grown, sizeof(grown));
    *capacity = wanted;
    return true;
}

bool smelt_schedule_add_dispatch(struct smelt_schedule *s, const char *label,
                                 const struct smelt_range *ranges, uint32_t count,
                                 struct smelt_interval indirect)
{
    char *copy = smelt_copy_string(label);
    if (!copy || !grow(&s->steps, &s->capacity, s->count + 1, sizeof(*s->steps)) ||
        !grow(&s->ranges, &s->range_capacity, s->range_count + count, sizeof(*s->ranges))) {
        free(copy);
        return false;
    }
    if (count)
        memcpy(s->ranges + s->range_count, ranges, count * sizeof(*ranges));
    s->steps[s->count++] = (struct smelt_schedule_step){
        .label = copy, .first_range = s->range_count, .range_count = count, .indirect = indirect};
    s->range_count += count;
    return true;
}

bool smelt_schedule_add_barrier(struct smelt_schedule *s, const struct smelt_barrier *barrier)
{
    if (!grow(&s->steps, &s->capacity, s->count + 1, sizeof(*s->steps)))
        return false;
    s->steps[s->count++] = (struct smelt_schedule_step){.is_barrier = true, .barrier = *barrier};
    return true;
}

void smelt_schedule_clear(struct smelt_schedule *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        free(s->steps[i].label);
    s->count = s->range_count = 0;
}

void smelt_schedule_free(struct smelt_schedule *s)
{
    smelt_schedule_clear(s);
    free(s->steps);
    free(s->ranges);
    *s = (struct smelt_schedule){0};
}

// --- Judging ----------------------------------------------------------------------------------------------

// The two ways in which dispatches touch memory.
enum way { SHADER, COMMAND, WAYS };

static const VkPipelineStageFlags2 stage_of[WAYS] = {VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                                                     VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT};

static bool covers_stage(VkPipelineStageFlags2 stages, enum way way)
{
    return (stages & (stage_of[way] | VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT)) != 0;
}

static bool covers_read(VkAccessFlags2 access, enum way way)
{
    VkAccessFlags2 wanted = way == SHADER ? VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_READ_BIT
                                          : VK_ACCESS_2_INDIRECT_COMMAND_READ_BIT;
    return (access & (wanted | VK_ACCESS_2_MEMORY_READ_BIT)) != 0;
}

static bool covers_write(VkAccessFlags2 access)
{
    return (access & (VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT | VK_ACCESS_2_SHADER_WRITE_BIT |
                      VK_ACCESS_2_MEMORY_WRITE_BIT)) != 0;
}

// How far barriers have ordered one dispatch before what follows them: after it in execution, by the way in which the
// later one touches memory, from the way in which it did; and its writes available, and visible to reads and writes.
struct reach {
    bool executed[WAYS][WAYS]; // [of the first][of the second]
    bool available, read[WAYS], written;
};

static void pass_barrier(struct reach *r, const struct smelt_barrier *b)
{
    for (int from = 0; from < WAYS; from++) {
        bool source = covers_stage(b->source_stages, (enum way)from);
        // A barrier after another one takes over what that one has ordered before its stages.
        for (int over = 0; over < WAYS; over++)
            source |= r->executed[from][over] && covers_stage(b->source_stages, (enum way)over);
        bool writes = from == SHADER && source;
        if (writes && covers_stage(b->source_stages, SHADER) && covers_write(b->source_access))
            r->available = true;
        for (int to = 0; to < WAYS; to++) {
            if (!source || !covers_stage(b->destination_stages, (enum way)to))
                continue;
            r->executed[from][to] = true;
            if (writes && r->available) {
                r->read[to] |= covers_read(b->destination_access, (enum way)to);
                r->written |= to == SHADER && covers_write(b->destination_access);
            }
        }
    }
}

static bool is_complete(const struct reach *r, bool commands)
{
    bool shader = r->executed[SHADER][SHADER] && r->available && r->read[SHADER] && r->written;
    return shader && (!commands || (r->executed[COMMAND][SHADER] && r->read[COMMAND]));
}

// The bytes of a dispatch: its ranges, then its command.
static bool get_range(const struct smelt_schedule *s, const struct smelt_schedule_step *step, uint32_t i,
                      struct smelt_range *range, enum way *way)
{
    *way = i < step->range_count ? SHADER : COMMAND;
    if (i > step->range_count)
        return false;
    *range = i < step->range_count ? s->ranges[step->first_range + i]
                                   : (struct smelt_range){.begin = step->indirect.begin,
                                                          .end = step->indirect.end,
                                                          .access = SMELT_ACCESS_READ};
    return true;
}

// The kind of a conflict that `r` does not order; NULL: none.
static const char *unordered(const struct reach *r, const struct smelt_range *first, enum way first_way,
                             const struct smelt_range *second, enum way second_way)
{
    if (first->begin >= second->end || second->begin >= first->end)
        return NULL;
    bool writes = first->access != SMELT_ACCESS_READ, reads = first->access != SMELT_ACCESS_WRITE;
    bool then_writes = second->access != SMELT_ACCESS_READ, then_reads = second->access != SMELT_ACCESS_WRITE;
    bool executed = r->executed[first_way][second_way];
    if (writes && then_reads && !(executed && r->read[second_way]))
        return "read after write";
    if (writes && then_writes && !(executed && r->written))
        return "write after write";
    return reads && then_writes && !executed ? "write after read" : NULL;
}

static enum smelt_result judge_pair(smelt_context context, const char *name, const struct smelt_schedule *s,
                                    uint32_t i, uint32_t j, const struct reach *reach)
{
    const struct smelt_schedule_step *first = &s->steps[i], *second = &s->steps[j];
    struct smelt_range a, b;
    enum way way_a, way_b;
    for (uint32_t k = 0; get_range(s, first, k, &a, &way_a); k++)
        for (uint32_t l = 0; get_range(s, second, l, &b, &way_b); l++) {
            const char *kind = unordered(reach, &a, way_a, &b, way_b);
            if (!kind)
                continue;
            const char *tensor = b.tensor ? smelt_tensor_info(b.tensor)->name : "a buffer";
            VkDeviceAddress begin = SMELT_MAX(a.begin, b.begin), end = SMELT_MIN(a.end, b.end);
            return smelt_fail(
                context, SMELT_ERROR_HAZARD,
                "recording '%s': no barrier orders dispatch %u '%s' and dispatch %u '%s': %s of "
                "%" PRIu64 " bytes at 0x%" PRIx64 " (%s)",
                name, i, first->label, j, second->label, kind, end - begin, begin, tensor);
        }
    return SMELT_OK;
}

enum smelt_result smelt_schedule_judge(smelt_context context, const char *name,
                                       const struct smelt_schedule *s)
{
    bool commands = false;
    for (uint32_t i = 0; i < s->count; i++)
        commands |= s->steps[i].indirect.begin < s->steps[i].indirect.end;
    for (uint32_t i = 0; i < s->count; i++) {
        struct reach reach = {0};
        if (s->steps[i].is_barrier)
            continue;
        for (uint32_t j = i + 1; j < s->count && !is_complete(&reach, commands); j++) {
            enum smelt_result result = SMELT_OK;
            if (s->steps[j].is_barrier)
                pass_barrier(&reach, &s->steps[j].barrier);
            else
                result = judge_pair(context, name, s, i, j, &reach);
            if (result)
                return result;
        }
    }
    return SMELT_OK;
}
