// SPDX-License-Identifier: MIT
// Makes and destroys contexts; their handles, debug names and labels.
#include "feature_table.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_MEBIBYTES 256 // thousands of shaders

// NULL for a variable that is not set or empty.
static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

// A borrowed device is given whole or not at all.
static enum smelt_result check_borrowed(smelt_context context, const struct smelt_context_params *p)
{
    const struct {
        const char *name;
        bool given;
    } handles[] = {{"instance", p->instance != VK_NULL_HANDLE},
                   {"physical_device", p->physical_device != VK_NULL_HANDLE},
                   {"device", p->device != VK_NULL_HANDLE},
                   {"queue", p->queue != VK_NULL_HANDLE}};
    struct smelt_text given = {0}, absent = {0};
    for (size_t i = 0; i < SMELT_COUNT_OF(handles); i++) {
        struct smelt_text *text = handles[i].given ? &given : &absent;
        smelt_text_add(text, "%s%s", text->size ? ", " : "", handles[i].name);
    }
    enum smelt_result result = SMELT_OK;
    if (given.size && absent.size)
        result = smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                            "a borrowed device needs all of its handles: got %s, wanted also %s", given.data,
                            absent.data);
    else if (given.size && (p->enabled_extension_count && !p->enabled_extensions))
        result =
            smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                       "enabled_extensions is NULL, wanted the %u names that enabled_extension_count says",
                       p->enabled_extension_count);
    else if ((p->queue_lock == NULL) != (p->queue_unlock == NULL))
        result = smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                            "got %s alone, wanted queue_lock and queue_unlock",
                            p->queue_lock ? "queue_lock" : "queue_unlock");
    smelt_text_free(&given);
    smelt_text_free(&absent);
    return result;
}

static enum smelt_result set_backend(smelt_context context, enum smelt_backend wanted)
{
    const char *source = "backend";
    if (wanted == SMELT_BACKEND_AUTO && environment("SMELT_BACKEND")) {
        source = "SMELT_BACKEND";
        wanted = smelt_backend_from_name(environment(source));
    }
    if ((unsigned)wanted >= SMELT_BACKEND_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: got %s%s%s, wanted auto, portable, dot8, coopvec, coopmat or coopmat2", source,
                          source[0] == 'S' ? "'" : "an unknown value",
                          source[0] == 'S' ? environment(source) : "", source[0] == 'S' ? "'" : "");
    context->forced_backend = wanted;
    return SMELT_OK;
}

static enum smelt_result set_cache_size(smelt_context context, uint64_t wanted)
{
    const char *text = environment("SMELT_CACHE_SIZE");
    context->cache_size = wanted ? wanted : (uint64_t)CACHE_MEBIBYTES << 20;
    if (wanted || !text)
        return SMELT_OK;
    char *end;
    unsigned long long mebibytes = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || mebibytes < 1 || mebibytes > UINT64_MAX >> 20)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "SMELT_CACHE_SIZE: got '%s', wanted a number of MiB, 1 or more", text);
    context->cache_size = (uint64_t)mebibytes << 20;
    return SMELT_OK;
}

// Copies what is not a Vulkan object. Strings that are NULL come from the environment.
static enum smelt_result set_parameters(smelt_context context, const struct smelt_context_params *p)
{
    context->log = p->log;
    context->log_user = p->log_user;
    context->log_level = p->log_level;
    context->allocation_callbacks = p->allocation_callbacks;
    context->queue_lock = p->queue_lock;
    context->queue_unlock = p->queue_unlock;
    context->queue_user = p->queue_user;
    context->memory.budget = p->memory_budget;
    const char *modules = p->module_directory ? p->module_directory : environment("SMELT_MODULES");
    if (modules && modules[0]) {
        context->module_directory = smelt_copy_string(modules);
        if (!context->module_directory)
            return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for a context");
    }
    if (!p->cache_directory) {
        context->cache_directory = smelt_os_cache_directory();
    } else if (p->cache_directory[0]) {
        context->cache_directory = smelt_copy_string(p->cache_directory);
        if (!context->cache_directory)
            return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for a context");
    }
    enum smelt_result result = set_cache_size(context, p->cache_size);
    return result ? result : set_backend(context, p->backend);
}

static enum smelt_result borrow(smelt_context context, const struct smelt_context_params *p)
{
    context->instance = p->instance;
    context->physical_device = p->physical_device;
    context->device = p->device;
    context->queue = p->queue;
    context->queue_family = p->queue_family;
    enum smelt_result result = smelt_instance_load(context);
    if (result != SMELT_OK)
        return result;
    VkPhysicalDeviceProperties properties;
    context->vk.GetPhysicalDeviceProperties(context->physical_device, &properties);
    if (properties.apiVersion < VK_API_VERSION_1_3)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED, "device '%s' lacks Vulkan 1.3 (it has %u.%u)",
                          properties.deviceName, VK_API_VERSION_MAJOR(properties.apiVersion),
                          VK_API_VERSION_MINOR(properties.apiVersion));
    context->features =
        smelt_features_in_chain(p->enabled_features, p->enabled_extensions, p->enabled_extension_count);
    uint64_t missing = smelt_required_features() & ~context->features;
    if (!missing)
        return SMELT_OK;
    struct smelt_text names = {0};
    smelt_features_add_names(&names, missing);
    result =
        smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                   "the borrowed device lacks required features (enabled_features does not have them on): %s",
                   names.data ? names.data : "");
    smelt_text_free(&names);
    return result;
}

// Keeps the compiler's answers, which smelt_capabilities_read asks for.
static int ask_compiler(void *context)
{
    bool backends[SMELT_BACKEND_COUNT], dtypes[SMELT_DTYPE_COUNT];
    smelt_compiler_probe(((smelt_context)context)->cache_directory, backends, dtypes);
    return 0;
}

// Where no cache has the compiler's answers they take as long as the device does: both at the same time.
static enum smelt_result own(smelt_context context, const struct smelt_context_params *p)
{
    uint64_t at = smelt_os_time_ns();
    thrd_t asker;
    bool asks = SMELT_HAVE_COMPILER && thrd_create(&asker, ask_compiler, context) == thrd_success;
    enum smelt_result result = smelt_instance_create(context, p->validation);
    const char *name = p->device_name && p->device_name[0] ? p->device_name : environment("SMELT_DEVICE");
    smelt_log_time(context, "context", "instance", &at);
    if (result == SMELT_OK)
        result = smelt_device_choose(context, name);
    smelt_log_time(context, "context", "choice of a device", &at);
    if (result == SMELT_OK)
        result = smelt_device_create(context);
    smelt_log_time(context, "context", "device", &at);
    if (asks)
        thrd_join(asker, NULL);
    smelt_log_time(context, "context", "compiler", &at);
    return result;
}

// Labels cost as much as a dispatch: they are recorded where a debugger, profiler or layer says that it is there.
static bool wants_labels(smelt_context context)
{
    const char *asked = environment("SMELT_LABELS");
    uint32_t tools = 0;
    if (!context->vk.CmdBeginDebugUtilsLabelEXT || !context->vk.CmdEndDebugUtilsLabelEXT)
        return false;
    if (asked)
        return strcmp(asked, "0") != 0;
    if (context->vk.GetPhysicalDeviceToolProperties)
        context->vk.GetPhysicalDeviceToolProperties(context->physical_device, &tools, NULL);
    return tools > 0;
}

static enum smelt_result start(smelt_context context, const struct smelt_context_params *p)
{
    enum smelt_result result = set_parameters(context, p);
    if (result == SMELT_OK)
        result = check_borrowed(context, p);
    if (result == SMELT_OK)
        result = smelt_loader_open(context, p->get_instance_proc_addr);
    if (result == SMELT_OK)
        result = p->device ? borrow(context, p) : own(context, p);
    uint64_t at = smelt_os_time_ns();
    if (result == SMELT_OK)
        result = smelt_capabilities_read(context, p->ignore_known_bad_drivers);
    if (result == SMELT_OK)
        result = smelt_device_load(context);
    if (result != SMELT_OK)
        return result;
    context->capabilities.debug_utils = context->vk.SetDebugUtilsObjectNameEXT != NULL;
    context->labels = wants_labels(context);
    if (context->owns_device) {
        context->vk.GetDeviceQueue(context->device, context->queue_family, 0, &context->queue);
        smelt_set_debug_name(context, VK_OBJECT_TYPE_DEVICE, (uint64_t)(uintptr_t)context->device, "smelt");
        smelt_set_debug_name(context, VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)context->queue, "smelt");
    }
    context->pipeline_cache = p->pipeline_cache;
    smelt_log_time(context, "context", "capabilities", &at);
    if (!context->pipeline_cache)
        result = smelt_pipeline_cache_create(context);
    smelt_log_time(context, "context", "pipeline cache", &at);
    if (result == SMELT_OK)
        smelt_log(context, SMELT_LOG_INFO, "device '%s', driver %s %s", context->capabilities.device_name,
                  context->capabilities.driver_name, context->capabilities.driver_info);
    if (result == SMELT_OK && context->capabilities.known_bad)
        smelt_log(context, SMELT_LOG_WARNING, "a feature of this driver is not used: %s",
                  context->capabilities.known_bad);
    return result;
}

enum smelt_result smelt_context_create(const struct smelt_context_params *params, smelt_context *out)
{
    static const struct smelt_context_params defaults;
    if (!params)
        params = &defaults;
    if (!out)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "context: the place for the handle is NULL");
    smelt_context context = calloc(1, sizeof(*context));
    if (!context)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for a context");
    mtx_t *mutexes[] = {&context->mutex, &context->submit_mutex, &context->kernels_mutex,
                        &context->queue_mutex, &context->encoders_mutex};
    for (size_t i = 0; i < SMELT_COUNT_OF(mutexes); i++)
        if (mtx_init(mutexes[i], mtx_plain) != thrd_success) {
            while (i-- > 0)
                mtx_destroy(mutexes[i]);
            free(context);
            return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for a context's lock");
        }
    if (cnd_init(&context->kernels_made) != thrd_success) {
        for (size_t i = 0; i < SMELT_COUNT_OF(mutexes); i++)
            mtx_destroy(mutexes[i]);
        free(context);
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for a context's lock");
    }
    enum smelt_result result = start(context, params);
    if (result == SMELT_OK)
        *out = context;
    else
        smelt_context_destroy(&context);
    return result;
}

void smelt_context_destroy(smelt_context *handle)
{
    if (!handle || !*handle)
        return;
    struct smelt_context_t *context = *handle;
    *handle = NULL;
    smelt_encoders_reap(context, true);
    if (context->kernels)
        smelt_kernels_destroy(context);
    smelt_pipeline_cache_destroy(context);
    if (context->submit_fence)
        context->vk.DestroyFence(context->device, context->submit_fence, context->allocation_callbacks);
    if (context->submit_pool)
        context->vk.DestroyCommandPool(context->device, context->submit_pool, context->allocation_callbacks);
    if (context->memory.total)
        smelt_log(context, SMELT_LOG_WARNING,
                  "context: %llu bytes of device memory belong to objects that were not destroyed before it",
                  (unsigned long long)context->memory.total);
    smelt_instance_destroy(context);
    for (int i = 0; i < SMELT_BACKEND_COUNT; i++)
        free(context->demoted[i]);
    free(context->cache_directory);
    free(context->module_directory);
    mtx_destroy(&context->encoders_mutex);
    mtx_destroy(&context->queue_mutex);
    cnd_destroy(&context->kernels_made);
    mtx_destroy(&context->kernels_mutex);
    mtx_destroy(&context->submit_mutex);
    mtx_destroy(&context->mutex);
    free(context);
}

struct smelt_context_handles smelt_context_handles(smelt_context context)
{
    return (struct smelt_context_handles){
        .get_instance_proc_addr = context->vk.GetInstanceProcAddr,
        .get_device_proc_addr = context->vk.GetDeviceProcAddr,
        .instance = context->instance,
        .physical_device = context->physical_device,
        .device = context->device,
        .queue = context->queue,
        .queue_family = context->queue_family,
        .pipeline_cache = context->pipeline_cache,
    };
}

uint32_t smelt_context_validation_messages(smelt_context context)
{
    return __atomic_load_n(&context->validation_messages, __ATOMIC_RELAXED);
}

const struct smelt_capabilities *smelt_context_capabilities(smelt_context context)
{
    return &context->capabilities;
}

void smelt_set_debug_name(smelt_context context, VkObjectType type, uint64_t object, const char *name)
{
    if (!context->vk.SetDebugUtilsObjectNameEXT || !object)
        return;
    VkDebugUtilsObjectNameInfoEXT info = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                          .objectType = type,
                                          .objectHandle = object,
                                          .pObjectName = name};
    context->vk.SetDebugUtilsObjectNameEXT(context->device, &info);
}

void smelt_begin_label(smelt_context context, VkCommandBuffer commands, const char *name)
{
    if (!context->vk.CmdBeginDebugUtilsLabelEXT || !context->vk.CmdEndDebugUtilsLabelEXT)
        return;
    VkDebugUtilsLabelEXT label = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT,
                                  .pLabelName = name ? name : ""};
    context->vk.CmdBeginDebugUtilsLabelEXT(commands, &label);
}

void smelt_end_label(smelt_context context, VkCommandBuffer commands)
{
    if (context->vk.CmdBeginDebugUtilsLabelEXT && context->vk.CmdEndDebugUtilsLabelEXT)
        context->vk.CmdEndDebugUtilsLabelEXT(commands);
}
