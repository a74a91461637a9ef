// SPDX-License-Identifier: MIT
// Runs a row on the device: its shader, a dispatch or a draw, the copies around it, and the clock.
#include "program.h"
#include "check_fixtures.h"
#include "shader_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *check_fixture(const char *name)
{
    for (const struct smelt_embedded *f = check_embedded_fixtures; f->name; f++)
        if (!strcmp(f->name, name))
            return (const char *)f->data;
    return NULL;
}

enum smelt_result check_device_create(smelt_context context, struct check_device **device)
{
    struct check_device *d = calloc(1, sizeof(*d));
    if (!d)
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    d->context = context;
    uint32_t count = 0;
    context->vk.GetPhysicalDeviceQueueFamilyProperties(context->physical_device, &count, NULL);
    VkQueueFamilyProperties *families = calloc(count, sizeof(*families));
    if (!families) {
        free(d);
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    }
    context->vk.GetPhysicalDeviceQueueFamilyProperties(context->physical_device, &count, families);
    d->graphics = families[context->queue_family].queueFlags & VK_QUEUE_GRAPHICS_BIT;
    d->timestamps = families[context->queue_family].timestampValidBits > 0;
    free(families);
    gpu_create(&d->gpu, context);
    struct smelt_shader_params params = {
        .source = check_fixture("full.vert"), .path = "full.vert", .stage = VK_SHADER_STAGE_VERTEX_BIT};
    enum smelt_result result = smelt_shader_create(context, &params, &d->vertex);
    if (result)
        check_device_destroy(&d);
    *device = d;
    return result;
}

void check_device_destroy(struct check_device **device)
{
    struct check_device *d = *device;
    if (!d)
        return;
    smelt_shader_destroy(&d->vertex);
    gpu_destroy(&d->gpu);
    free(d);
    *device = NULL;
}

static enum smelt_result create_shader(struct check_program *p)
{
    struct check_case *c = p->c;
    char fixture[64];
    snprintf(fixture, sizeof(fixture), "%s.glsl", c->op->fixture);
    check_define(c, "#define CHECK_WRONG %u", c->wrong);
    check_define(c, "#define CHECK_FRAGMENT %d", c->stage == VK_SHADER_STAGE_FRAGMENT_BIT);
    check_define(c, "#define CHECK_EVALUATIONS %u", c->evaluations);
    check_define(c, "#define CHECK_OUTPUTS %u", c->outputs);
    check_define(c, "#define CHECK_WIDTH %u", p->width);
    check_define(c, "#define CHECK_GROUPS %u", p->groups);
    enum smelt_dtype result = c->tensors[p->result].dtype;
    check_define(c, "#define CHECK_VALUE %s",
                 result == SMELT_DTYPE_I32   ? "int"
                 : result == SMELT_DTYPE_U32 ? "uint"
                                             : "float");
    struct smelt_virtual_file files[] = {{"check/parameters.glsl", c->defines},
                                         {"check/io.glsl", check_fixture("io.glsl")},
                                         {"check/lines.glsl", check_fixture("lines.glsl")}};
    // Four fifths of the time of a row on a CPU go into the optimizer: there it runs on the first shape of an op, for every type
    // and backend.
    const struct smelt_capabilities *device = smelt_context_capabilities(p->device->context);
    bool optimized =
        device->device_type != VK_PHYSICAL_DEVICE_TYPE_CPU || (c->shape == c->op->shapes && !c->wrong);
    struct smelt_shader_params params = {.source = check_fixture(fixture),
                                         .path = fixture,
                                         .stage = c->stage,
                                         .files = files,
                                         .file_count = SMELT_COUNT_OF(files),
                                         .ops = &c->smelt,
                                         .op_count = c->smelt.name ? 1 : 0,
                                         .backend = c->backend,
                                         .optimization =
                                             optimized ? SMELT_OPTIMIZATION_DEFAULT : SMELT_OPTIMIZATION_NONE,
                                         .no_cache = true};
    enum smelt_result created = smelt_shader_create(p->device->context, &params, &p->shader);
    if (!created && !c->smelt.name) { // what the op's eligible says, where no descriptor does
        p->shader->info.subgroup_size = c->info.subgroup_size;
        p->shader->info.stage_flags = c->info.stage_flags;
    }
    return created;
}

enum smelt_result check_program_create(struct check_device *device, struct check_case *c,
                                       struct check_program **program)
{
    bool fragment = c->stage == VK_SHADER_STAGE_FRAGMENT_BIT;
    if (fragment && !device->graphics)
        return smelt_fail(device->context, SMELT_ERROR_UNSUPPORTED, "the queue family has no graphics");
    struct check_program *p = calloc(1, sizeof(*p));
    if (!p)
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    p->device = device;
    p->c = c;
    for (uint32_t i = 0; i < c->tensor_count; i++)
        if (c->tensors[i].role == CHECK_OUTPUT)
            p->result = i;
    if (fragment) {
        p->groups = (c->outputs + 3) / 4;
        p->width = SMELT_MIN(c->evaluations, MAX_WIDTH);
        p->height = (c->evaluations + p->width - 1) / p->width * p->groups;
    }
    enum smelt_result result = create_shader(p);
    if (!result)
        result = check_arena_create(p);
    if (!result && fragment)
        check_render_create(p);
    if (!result && !fragment)
        result = smelt_shader_create_compute_pipeline(p->shader, NULL, 0, NULL, &p->layout, &p->pipeline);
    *program = p;
    if (result)
        check_program_destroy(program);
    return result;
}

void check_program_destroy(struct check_program **program)
{
    struct check_program *p = *program;
    if (!p)
        return;
    smelt_context context = p->device->context;
    const struct smelt_vk *vk = &context->vk;
    if (p->target.image)
        gpu_target_destroy(&p->device->gpu, &p->target);
    if (p->pipeline)
        vk->DestroyPipeline(context->device, p->pipeline, context->allocation_callbacks);
    if (p->layout)
        vk->DestroyPipelineLayout(context->device, p->layout, context->allocation_callbacks);
    smelt_weights_destroy(&p->weights);
    smelt_buffer_destroy(context, &p->host);
    smelt_buffer_destroy(context, &p->arena);
    smelt_shader_destroy(&p->shader);
    free(p);
    *program = NULL;
}

// The op's work: a dispatch, or a draw into the target.
static void record_work(struct check_program *p, VkCommandBuffer commands)
{
    const struct smelt_vk *vk = &p->device->context->vk;
    bool fragment = p->c->stage == VK_SHADER_STAGE_FRAGMENT_BIT;
    VkDeviceAddress block = p->arena.address + p->block;
    vk->CmdBindPipeline(commands, fragment ? VK_PIPELINE_BIND_POINT_GRAPHICS : VK_PIPELINE_BIND_POINT_COMPUTE,
                        p->pipeline);
    vk->CmdPushConstants(commands, p->layout, fragment ? VK_SHADER_STAGE_ALL : VK_SHADER_STAGE_COMPUTE_BIT, 0,
                         8, &block);
    if (!fragment) {
        uint32_t groups[3] = {(p->c->evaluations + GROUP_SIZE - 1) / GROUP_SIZE, 1, 1};
        if (p->c->op->grid)
            p->c->op->grid(p->c, groups);
        vk->CmdDispatch(commands, groups[0], groups[1], groups[2]);
        return;
    }
    check_render_record(p, commands);
}

static void record_run(struct check_program *p, VkCommandBuffer commands)
{
    smelt_context context = p->device->context;
    bool fragment = p->c->stage == VK_SHADER_STAGE_FRAGMENT_BIT;
    VkPipelineStageFlags2 stage =
        fragment ? VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT : VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    VkBufferCopy all = {0, 0, p->size};
    context->vk.CmdCopyBuffer(commands, p->host.buffer, p->arena.buffer, 1, &all);
    smelt_memory_barrier(context, commands, VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                         stage, VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT);
    record_work(p, commands);
    smelt_memory_barrier(context, commands, stage, VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
                         VK_PIPELINE_STAGE_2_COPY_BIT,
                         VK_ACCESS_2_TRANSFER_READ_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT);
    if (fragment) {
        check_render_copy(p, commands);
    } else {
        context->vk.CmdCopyBuffer(commands, p->arena.buffer, p->host.buffer, 1, &all);
    }
    smelt_memory_barrier(context, commands, VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                         VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
}

enum smelt_result check_program_run(struct check_program *p, const double *errors, double *got, bool *intact,
                                    char what[200])
{
    *intact = true;
    what[0] = 0;
    enum smelt_result result = check_weights_update(p);
    if (result)
        return result;
    check_arena_fill(p, errors);
    VkCommandBuffer commands;
    result = smelt_submit_begin(p->device->context, &commands);
    if (result)
        return result;
    record_run(p, commands);
    result = smelt_submit_end(p->device->context, true);
    if (result)
        return result;
    if (p->c->stage == VK_SHADER_STAGE_FRAGMENT_BIT)
        check_render_read(p, got, intact, what);
    else
        check_arena_read(p, got, intact, what);
    return SMELT_OK;
}

static void record_user(void *user, smelt_encoder encoder)
{
    VkCommandBuffer commands = smelt_encoder_commands(encoder);
    record_work(user, commands);
}

// lavapipe's timestamps do not wait for compute work, so a software device is timed by the host's clock.
static enum smelt_result time_on_host(struct check_program *p, double *ns)
{
    VkCommandBuffer commands;
    enum smelt_result result = smelt_submit_begin(p->device->context, &commands);
    if (result)
        return result;
    record_work(p, commands);
    uint64_t start = smelt_os_time_ns();
    result = smelt_submit_end(p->device->context, true);
    *ns = (double)(smelt_os_time_ns() - start);
    return result;
}

enum smelt_result check_program_time(struct check_program *p, uint32_t *count, double *ns)
{
    bool software = p->device->context->capabilities.device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    uint32_t wanted = SMELT_MIN(*count, TIMED_RUNS);
    enum smelt_result result = SMELT_OK;
    *count = wanted;
    if (!software && !p->device->timestamps)
        return smelt_fail(p->device->context, SMELT_ERROR_UNSUPPORTED, "the queue has no timestamps");
    if (!software) { // the first one warms up
        double warm[TIMED_RUNS + 1];
        gpu_time(&p->device->gpu, record_user, p, 1, wanted + 1, warm);
        memcpy(ns, warm + 1, wanted * sizeof(*ns));
        return SMELT_OK;
    }
    for (uint32_t i = 0; i < wanted && !result; i++)
        result = time_on_host(p, &ns[i]);
    return result;
}

const struct smelt_shader_info *check_program_shader(struct check_program *program)
{
    return smelt_shader_info(program->shader);
}
