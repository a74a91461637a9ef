// SPDX-License-Identifier: MIT
// The kernels of a context: a list by what they were compiled for, each with its pipelines.
#include "kernels_code.h"

#include "embedded.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SLICES 4096
#define MAX_SIZED                                                                                            \
    64 // pipelines of one kernel that have sizes; those beyond share one that reads them when it runs

struct pipeline {
    uint32_t constants[SMELT_KERNEL_MAX_CONSTANTS];
    VkPipeline pipeline; // null: a thread is making it
};

struct smelt_kernel_entry {
    struct smelt_kernel_entry *next;
    const char *name;
    void *key;
    size_t key_size;
    bool made;                 // false: a thread is making it, and it may go again
    smelt_shader shader;       // NULL: baked
    VkShaderModule module;     // the shader's, or own when baked
    VkDescriptorSetLayout set; // of an image
    VkPipelineLayout layout;
    uint32_t count, sized;
    struct pipeline *pipelines;
};

const char *smelt_kernel_text(const char *name)
{
    const struct smelt_embedded *text = smelt_embedded_kernel_texts;
    while (text->name && strcmp(text->name, name) != 0)
        text++;
    return (const char *)text->data;
}

enum smelt_result smelt_kernel_check_extent(smelt_context context, const char *kernel, const char *what,
                                            uint64_t got, uint64_t wanted)
{
    if (got == wanted)
        return SMELT_OK;
    return smelt_fail(context, SMELT_ERROR_SHAPE, "%s: %s is %" PRIu64 ", wanted %" PRIu64, kernel, what, got,
                      wanted);
}

enum smelt_result smelt_kernel_check_lies_as(const char *kernel, const char *role, smelt_tensor tensor,
                                             const char *as, smelt_tensor other)
{
    if (!tensor)
        return SMELT_OK;
    const struct smelt_tensor_info *t = &tensor->info, *o = &other->info;
    if (tensor->context != other->context)
        return smelt_fail(other->context, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s '%s' is of another context",
                          kernel, role, t->name);
    enum smelt_result result = smelt_tensor_require_plain(tensor, kernel);
    if (result)
        return result;
    if (t->dtype != o->dtype)
        return smelt_fail(other->context, SMELT_ERROR_DTYPE, "%s: %s '%s' is %s, wanted %s as %s", kernel,
                          role, t->name, smelt_dtype_name(t->dtype), smelt_dtype_name(o->dtype), as);
    if (!smelt_tensor_lies_as(t, o))
        return smelt_fail(other->context, SMELT_ERROR_SHAPE,
                          "%s: %s '%s' has another shape or other strides than %s '%s', wanted the same",
                          kernel, role, t->name, as, o->name);
    if (t->address != o->address && smelt_tensor_share_bytes(t, o))
        return smelt_fail(other->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: %s '%s' shares bytes with %s '%s', wanted the same or a separate tensor",
                          kernel, role, t->name, as, o->name);
    return SMELT_OK;
}

// --- Making: without kernels_mutex, which guards just the lists -------------------------------------------

static enum smelt_result make_module(smelt_context context, const char *name, const uint32_t *words,
                                     uint64_t size, struct smelt_kernel_entry *entry)
{
    VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = (size_t)size, .pCode = words};
    VkResult vk =
        context->vk.CreateShaderModule(context->device, &info, context->allocation_callbacks, &entry->module);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreateShaderModule");
    char label[80];
    snprintf(label, sizeof(label), "smelt %s", name);
    smelt_set_debug_name(context, VK_OBJECT_TYPE_SHADER_MODULE, (uint64_t)entry->module, label);
    return SMELT_OK;
}

// The module of SPIR-V from a package, where there is one.
static enum smelt_result find_code(smelt_context context, const struct smelt_kernel_request *request,
                                   const uint64_t key[2], struct smelt_kernel_entry *entry)
{
    mtx_lock(&context->kernels_mutex);
    const struct smelt_kernel_code *code = smelt_kernel_code_find(context, key);
    enum smelt_result result =
        code ? make_module(context, request->name, code->words, code->size, entry) : SMELT_OK;
    mtx_unlock(&context->kernels_mutex);
    return result;
}

// By the text: SPIR-V from a package, or the compiler's.
static enum smelt_result compile_text(smelt_context context, const struct smelt_kernel_request *request,
                                      const struct smelt_shader_params *params, const struct smelt_text *text,
                                      struct smelt_kernel_entry *entry)
{
    uint64_t key[2];
    enum smelt_result result = smelt_kernel_code_key(context, request, text, key);
    if (!result)
        result = find_code(context, request, key, entry);
    if (entry->module)
        return result;
    if (!result && !context->capabilities.compiler)
        return smelt_fail(
            context, SMELT_ERROR_UNSUPPORTED,
            "%s of %s on %s: no SPIR-V of this variant: this build has no GLSL compiler; wanted a "
            "package that was baked for it (smelt pack --bake)",
            request->name, smelt_dtype_name(request->dtype), smelt_backend_name(request->backend));
    if (!result)
        result = smelt_shader_create(context, params, &entry->shader);
    if (result || !context->recorded_codes)
        return result ? result : smelt_shader_module(entry->shader, &entry->module);
    const struct smelt_shader_info *info = smelt_shader_info(entry->shader);
    mtx_lock(&context->kernels_mutex);
    result = smelt_kernel_code_record(context, request, key, info->spirv, info->spirv_size);
    mtx_unlock(&context->kernels_mutex);
    return result;
}

static enum smelt_result compile_kernel(smelt_context context, const struct smelt_kernel_request *request,
                                        struct smelt_kernel_entry *entry)
{
    struct smelt_text text = {0};
    char path[64];
    snprintf(path, sizeof(path), "smelt %s", request->name);
    request->write(&text, request->user);
    struct smelt_shader_params params = {.source = text.data,
                                         .path = path,
                                         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                         .ops = request->ops,
                                         .op_count = request->op_count,
                                         .backend = request->backend};
    enum smelt_result result = text.failed ? smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                                                        "%s: no memory for its text", request->name)
                                           : compile_text(context, request, &params, &text, entry);
    smelt_text_free(&text);
    return result;
}

static enum smelt_result load_baked(smelt_context context, const struct smelt_kernel_request *request,
                                    struct smelt_kernel_entry *entry)
{
    const struct smelt_embedded *code = smelt_embedded_kernels;
    while (code->name && strcmp(code->name, request->baked) != 0)
        code++;
    if (!code->name)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "%s: kernel %s is not baked into the library, wanted one that is, or a build with "
                          "the compiler",
                          request->name, request->baked);
    return make_module(context, request->baked, (const uint32_t *)(const void *)code->data, code->size,
                       entry);
}

static enum smelt_result fill_entry(smelt_context context, const struct smelt_kernel_request *request,
                                    struct smelt_kernel_entry *entry)
{
    uint64_t at = smelt_os_time_ns();
    enum smelt_result result =
        request->baked ? load_baked(context, request, entry) : compile_kernel(context, request, entry);
    smelt_log_time(context, "kernel", request->name, &at);
    if (result || context->recorded_codes)
        return result;
    const VkDescriptorSetLayoutBinding binding = smelt_kernel_image_binding(request->image_type);
    const VkDescriptorSetLayoutCreateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                 .bindingCount = 1,
                                                 .pBindings = &binding};
    VkResult vk = VK_SUCCESS;
    if (request->image_type)
        vk = context->vk.CreateDescriptorSetLayout(context->device, &set, context->allocation_callbacks,
                                                   &entry->set);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreateDescriptorSetLayout");
    VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = request->push_size};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .setLayoutCount = request->image_type ? 1 : 0,
                                         .pSetLayouts = &entry->set,
                                         .pushConstantRangeCount = 1,
                                         .pPushConstantRanges = &range};
    vk = context->vk.CreatePipelineLayout(context->device, &layout, context->allocation_callbacks,
                                          &entry->layout);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreatePipelineLayout");
    char name[80];
    snprintf(name, sizeof(name), "smelt %s", request->name);
    smelt_set_debug_name(context, VK_OBJECT_TYPE_PIPELINE_LAYOUT, (uint64_t)entry->layout, name);
    return SMELT_OK;
}

static void destroy_entry(smelt_context context, struct smelt_kernel_entry *entry)
{
    for (uint32_t i = 0; i < entry->count; i++)
        context->vk.DestroyPipeline(context->device, entry->pipelines[i].pipeline,
                                    context->allocation_callbacks);
    free(entry->pipelines);
    context->vk.DestroyPipelineLayout(context->device, entry->layout, context->allocation_callbacks);
    context->vk.DestroyDescriptorSetLayout(context->device, entry->set, context->allocation_callbacks);
    if (!entry->shader)
        context->vk.DestroyShaderModule(context->device, entry->module, context->allocation_callbacks);
    smelt_shader_destroy(&entry->shader);
    free(entry->key);
    free(entry);
}

void smelt_kernels_destroy(smelt_context context)
{
    while (context->kernels) {
        struct smelt_kernel_entry *entry = context->kernels;
        context->kernels = entry->next;
        destroy_entry(context, entry);
    }
}

static enum smelt_result make_pipeline(smelt_context context, const struct smelt_kernel_request *request,
                                       const struct smelt_kernel_entry *entry, struct pipeline *pipeline)
{
    VkSpecializationMapEntry entries[SMELT_KERNEL_MAX_CONSTANTS];
    for (uint32_t i = 0; i < request->constant_count; i++)
        entries[i] = (VkSpecializationMapEntry){i, 4 * i, 4};
    VkSpecializationInfo constants = {request->constant_count, entries, sizeof(pipeline->constants),
                                      pipeline->constants};
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = request->subgroup_size,
    };
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        // Of all, not of those alone that are sliced: NVIDIA's driver (580.159) takes the code of a pipeline that was made without
        // it for one of the same kernel with it, and dispatches begin at 0 then.
        .flags = VK_PIPELINE_CREATE_DISPATCH_BASE,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = request->subgroup_size ? &size : NULL,
                  .flags = request->stage_flags,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = entry->module,
                  .pName = "main",
                  .pSpecializationInfo = &constants},
        .layout = entry->layout,
    };
    uint64_t at = smelt_os_time_ns();
    VkResult vk = context->vk.CreateComputePipelines(context->device, context->pipeline_cache, 1, &info,
                                                     context->allocation_callbacks, &pipeline->pipeline);
    smelt_log_time(context, "pipeline", request->name, &at);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreateComputePipelines");
    char name[80];
    int length = snprintf(name, sizeof(name), "smelt %s", request->name);
    for (uint32_t i = 0; i < request->constant_count && length < (int)sizeof(name); i++)
        length += snprintf(name + length, sizeof(name) - (size_t)length, " %u", pipeline->constants[i]);
    smelt_set_debug_name(context, VK_OBJECT_TYPE_PIPELINE, (uint64_t)pipeline->pipeline, name);
    return SMELT_OK;
}

// --- Finding ----------------------------------------------------------------------------------------------

static struct pipeline *look_up(const struct smelt_kernel_entry *entry, const struct pipeline *wanted)
{
    for (uint32_t i = 0; i < entry->count; i++)
        if (!memcmp(entry->pipelines[i].constants, wanted->constants, sizeof(wanted->constants)))
            return &entry->pipelines[i];
    return NULL;
}

// Adds a pipeline that is made meanwhile.
static enum smelt_result add_pipeline(smelt_context context, const struct smelt_kernel_request *request,
                                      struct smelt_kernel_entry *entry, struct pipeline *made, bool sized)
{
    struct pipeline *list = realloc(entry->pipelines, (entry->count + 1) * sizeof(*list));
    if (!list)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: out of host memory", request->name);
    entry->pipelines = list;
    list[entry->count++] = *made;
    entry->sized += sized;
    mtx_unlock(&context->kernels_mutex);
    enum smelt_result result = make_pipeline(context, request, entry, made);
    mtx_lock(&context->kernels_mutex);
    struct pipeline *place = look_up(entry, made);
    if (result) {
        *place = entry->pipelines[--entry->count];
        entry->sized -= sized;
    } else {
        place->pipeline = made->pipeline;
    }
    cnd_broadcast(&context->kernels_made);
    return result;
}

static enum smelt_result get_pipeline(smelt_context context, const struct smelt_kernel_request *request,
                                      enum smelt_kernel_making making, struct smelt_kernel_entry *entry,
                                      struct smelt_kernel *kernel)
{
    struct pipeline made = {0};
    memcpy(made.constants, request->constants, request->constant_count * sizeof(made.constants[0]));
    bool sized = request->size_count > 0;
    const struct pipeline *known;
    while (true) {
        known = look_up(entry, &made);
        if (!known && sized && entry->sized >= MAX_SIZED) {
            memset(made.constants, 0, request->size_count * sizeof(made.constants[0]));
            known = look_up(entry, &made);
            sized = false;
        }
        if (!known || known->pipeline || making != SMELT_KERNELS_ALL)
            break;
        cnd_wait(&context->kernels_made, &context->kernels_mutex);
    }
    if (!known && making == SMELT_KERNELS_KNOWN)
        return SMELT_OK;
    kernel->reads_sizes = request->size_count > 0 && !sized;
    enum smelt_result result = known ? SMELT_OK : add_pipeline(context, request, entry, &made, sized);
    kernel->pipeline = known ? known->pipeline : made.pipeline;
    return result;
}

static struct smelt_kernel_entry *find_entry(smelt_context context,
                                             const struct smelt_kernel_request *request)
{
    struct smelt_kernel_entry *entry = context->kernels;
    while (entry && (strcmp(entry->name, request->name) != 0 || entry->key_size != request->key_size ||
                     memcmp(entry->key, request->key, request->key_size) != 0))
        entry = entry->next;
    return entry;
}

// Adds a kernel that is compiled meanwhile.
static enum smelt_result add_entry(smelt_context context, const struct smelt_kernel_request *request,
                                   struct smelt_kernel_entry **added)
{
    struct smelt_kernel_entry *entry;
    if (request->constant_count > SMELT_KERNEL_MAX_CONSTANTS)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: %u constants, wanted at most %u",
                          request->name, request->constant_count, SMELT_KERNEL_MAX_CONSTANTS);
    if (!(entry = calloc(1, sizeof(*entry))) || !(entry->key = malloc(request->key_size))) {
        free(entry);
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: out of host memory", request->name);
    }
    entry->name = request->name;
    entry->key_size = request->key_size;
    memcpy(entry->key, request->key, request->key_size);
    entry->next = context->kernels;
    context->kernels = entry;
    mtx_unlock(&context->kernels_mutex);
    enum smelt_result result = fill_entry(context, request, entry);
    mtx_lock(&context->kernels_mutex);
    entry->made = result == SMELT_OK;
    *added = entry->made ? entry : NULL;
    if (result) {
        struct smelt_kernel_entry **at = &context->kernels;
        while (*at != entry)
            at = &(*at)->next;
        *at = entry->next;
        destroy_entry(context, entry);
    }
    cnd_broadcast(&context->kernels_made);
    return result;
}

// NULL: it is not made now, which the caller does not want to wait for.
static enum smelt_result get_entry(smelt_context context, const struct smelt_kernel_request *request,
                                   enum smelt_kernel_making making, struct smelt_kernel_entry **found)
{
    struct smelt_kernel_entry *entry;
    while ((entry = find_entry(context, request)) && !entry->made && making == SMELT_KERNELS_ALL)
        cnd_wait(&context->kernels_made, &context->kernels_mutex);
    *found = entry && entry->made ? entry : NULL;
    return entry || making == SMELT_KERNELS_KNOWN ? SMELT_OK : add_entry(context, request, found);
}

enum smelt_result smelt_kernel_get(smelt_encoder encoder, const struct smelt_kernel_request *request,
                                   struct smelt_kernel *kernel)
{
    smelt_context context = encoder->context;
    struct smelt_kernel_entry *entry = NULL;
    bool whole = !(encoder->slice > 0) || request->operations <= encoder->slice;
    *kernel = (struct smelt_kernel){
        .linear = request->linear,
        .image = request->image_type != 0,
        .slices = whole ? 1 : (uint32_t)SMELT_MIN(ceil(request->operations / encoder->slice), MOST_SLICES)};
    bool waits = encoder->capture && !request->baked && !request->image_type; // for the graph
    enum smelt_kernel_making making = waits ? encoder->kernels : SMELT_KERNELS_ALL;
    mtx_lock(&context->kernels_mutex);
    enum smelt_result result = get_entry(context, request, making, &entry);
    if (!result && entry && !context->recorded_codes)
        result = get_pipeline(context, request, making, entry, kernel);
    if (!result && entry)
        kernel->layout = entry->layout;
    mtx_unlock(&context->kernels_mutex);
    return result;
}

// Kernels without an image would read the bytes of a picture's scale and offset.
static enum smelt_result check_pictures(smelt_encoder encoder, const struct smelt_kernel *kernel,
                                        const struct smelt_dispatch *what)
{
    for (uint32_t r = 0; r < what->range_count && !kernel->image; r++)
        if (what->ranges[r].tensor && what->ranges[r].tensor->picture)
            return smelt_fail(encoder->context, SMELT_ERROR_UNSUPPORTED,
                              "%s: '%s' is an image, wanted a tensor in memory or a kernel that takes images",
                              what->label, what->ranges[r].tensor->info.name);
    return SMELT_OK;
}

enum smelt_result smelt_kernel_dispatch(smelt_encoder encoder, const struct smelt_kernel *kernel,
                                        const void *push, uint32_t push_size, uint64_t x, uint32_t y,
                                        uint32_t z, const struct smelt_dispatch *what)
{
    struct smelt_dispatch dispatch = *what;
    uint64_t units = x * y, most = encoder->context->capabilities.max_workgroup_count[0];
    enum smelt_result result = check_pictures(encoder, kernel, what);
    if (result)
        return result;
    if (kernel->linear && kernel->slices > 1) { // rows are what is sliced
        x = (units + kernel->slices - 1) / kernel->slices;
        x = SMELT_MIN(x, most);
        y = (uint32_t)((units + x - 1) / x);
    } else if (kernel->linear) {
        x = SMELT_MIN(x, most);
    }
    dispatch.pipeline = kernel->pipeline;
    dispatch.layout = kernel->layout;
    dispatch.push = push;
    dispatch.push_size = push_size;
    dispatch.slices = kernel->slices;
    dispatch.linear = kernel->linear;
    dispatch.groups[0] = (uint32_t)x;
    dispatch.groups[1] = y;
    dispatch.groups[2] = z;
    if (encoder->draft.label) {
        dispatch.label = encoder->draft.label;
        if (what->part + 1 >= what->parts)
            encoder->draft.label = NULL; // it was for this call
    }
    return smelt_encoder_record(encoder, &dispatch);
}

enum smelt_result smelt_kernel_order(smelt_encoder encoder, const struct smelt_dispatch *what)
{
    const struct smelt_barrier_request request = {.ranges = what->ranges, .range_count = what->range_count};
    return smelt_encoder_record_barrier(encoder, &request);
}
