// SPDX-License-Identifier: MIT
// Finds the Vulkan loader, makes the instance with validation, chooses and makes the device.
#include "feature_table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

enum smelt_result smelt_loader_open(smelt_context context, PFN_vkGetInstanceProcAddr given)
{
    context->vk.GetInstanceProcAddr = given;
    if (given)
        return SMELT_OK;
    context->loader = smelt_os_open_library("libvulkan.so.1");
    if (!context->loader)
        return smelt_fail(context, SMELT_ERROR_NO_DEVICE, "no Vulkan loader: %s", smelt_last_error());
    void *symbol = smelt_os_symbol(context->loader, "vkGetInstanceProcAddr");
    memcpy(&context->vk.GetInstanceProcAddr, &symbol, sizeof(symbol)); // ISO C has no cast for this
    if (!symbol)
        return smelt_fail(context, SMELT_ERROR_NO_DEVICE,
                          "no Vulkan loader: libvulkan.so.1 has no vkGetInstanceProcAddr");
    return SMELT_OK;
}

enum smelt_result smelt_instance_load(smelt_context context)
{
    struct smelt_vk *vk = &context->vk;
#define LOAD(name) vk->name = (PFN_vk##name)vk->GetInstanceProcAddr(context->instance, "vk" #name);
#define CHECK(name)                                                                                          \
    if (!vk->name)                                                                                           \
        return smelt_fail(context, SMELT_ERROR_VULKAN, "the instance has no vk" #name ", wanted Vulkan 1.3");
    SMELT_VK_INSTANCE(LOAD)
    SMELT_VK_INSTANCE_OPTIONAL(LOAD)
    SMELT_VK_INSTANCE(CHECK)
#undef LOAD
#undef CHECK
    return SMELT_OK;
}

enum smelt_result smelt_device_load(smelt_context context)
{
    struct smelt_vk *vk = &context->vk;
#define LOAD(name) vk->name = (PFN_vk##name)vk->GetDeviceProcAddr(context->device, "vk" #name);
#define CHECK(name)                                                                                          \
    if (!vk->name)                                                                                           \
        return smelt_fail(context, SMELT_ERROR_VULKAN, "the device has no vk" #name ", wanted Vulkan 1.3");
    SMELT_VK_DEVICE(LOAD)
    SMELT_VK_DEVICE(CHECK)
    // A loader may give pointers to functions that the device cannot do: what is not enabled is not loaded.
    if (vk->CreateDebugUtilsMessengerEXT) {
        LOAD(SetDebugUtilsObjectNameEXT)
        LOAD(CmdBeginDebugUtilsLabelEXT)
        LOAD(CmdEndDebugUtilsLabelEXT)
    }
    if (context->features & SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_VECTOR)) {
        LOAD(ConvertCooperativeVectorMatrixNV)
        LOAD(CmdConvertCooperativeVectorMatrixNV)
    }
#undef LOAD
#undef CHECK
    return SMELT_OK;
}

// --- The instance -------------------------------------------------------------------------------------

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    (void)types;
    struct smelt_context_t *context = user;
    __atomic_fetch_add(&context->validation_messages, 1, __ATOMIC_RELAXED);
    smelt_log(context,
              severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT ? SMELT_LOG_ERROR : SMELT_LOG_WARNING,
              "validation: %s", data->pMessage ? data->pMessage : "(no text)");
    return VK_FALSE;
}

struct instance_vk {
    PFN_vkCreateInstance CreateInstance;
    PFN_vkEnumerateInstanceVersion EnumerateInstanceVersion;
    PFN_vkEnumerateInstanceExtensionProperties EnumerateInstanceExtensionProperties;
};

// Whether the loader and the drivers (layer NULL), or a layer, have an instance extension. `found_layer`, if
// not NULL, says whether there is such a layer at all.
static bool has_instance_extension(const struct instance_vk *vk, const char *layer, const char *name,
                                   bool *found_layer)
{
    uint32_t count = 0;
    VkResult result = vk->EnumerateInstanceExtensionProperties(layer, &count, NULL);
    if (found_layer)
        *found_layer = result == VK_SUCCESS;
    if (result != VK_SUCCESS || !count)
        return false;
    VkExtensionProperties *properties = calloc(count, sizeof(*properties));
    bool found = false;
    if (properties && vk->EnumerateInstanceExtensionProperties(layer, &count, properties) >= VK_SUCCESS)
        for (uint32_t i = 0; i < count; i++)
            found |= !strcmp(properties[i].extensionName, name);
    free(properties);
    return found;
}

// Every struct and name that the creation of an instance with validation points to.
struct instance_parts {
    VkDebugUtilsMessengerCreateInfoEXT messenger;
    VkValidationFeatureEnableEXT enable;
    VkValidationFeaturesEXT features;
    VkBool32 on;
    VkLayerSettingEXT setting;
    VkLayerSettingsCreateInfoEXT settings;
    const char *layer, *extensions[2];
    VkApplicationInfo application;
    VkInstanceCreateInfo info;
};

// Layers of 2024 and later take VK_EXT_layer_settings, which replaces VK_EXT_validation_features.
static void parts_validate(struct instance_parts *p, const struct instance_vk *vk, void *user)
{
    p->layer = VALIDATION_LAYER;
    p->info.enabledLayerCount = 1;
    p->info.ppEnabledLayerNames = &p->layer;
    p->messenger = (VkDebugUtilsMessengerCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = user};
    p->info.pNext = &p->messenger;
    if (has_instance_extension(vk, VALIDATION_LAYER, VK_EXT_LAYER_SETTINGS_EXTENSION_NAME, NULL)) {
        p->on = VK_TRUE;
        p->setting = (VkLayerSettingEXT){.pLayerName = VALIDATION_LAYER,
                                         .pSettingName = "validate_sync",
                                         .type = VK_LAYER_SETTING_TYPE_BOOL32_EXT,
                                         .valueCount = 1,
                                         .pValues = &p->on};
        p->settings =
            (VkLayerSettingsCreateInfoEXT){.sType = VK_STRUCTURE_TYPE_LAYER_SETTINGS_CREATE_INFO_EXT,
                                           .settingCount = 1,
                                           .pSettings = &p->setting};
        p->messenger.pNext = &p->settings;
        p->extensions[p->info.enabledExtensionCount++] = VK_EXT_LAYER_SETTINGS_EXTENSION_NAME;
    } else if (has_instance_extension(vk, VALIDATION_LAYER, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME,
                                      NULL)) {
        p->enable = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
        p->features = (VkValidationFeaturesEXT){.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                                .enabledValidationFeatureCount = 1,
                                                .pEnabledValidationFeatures = &p->enable};
        p->messenger.pNext = &p->features;
        p->extensions[p->info.enabledExtensionCount++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
    }
}

static enum smelt_result instance_functions(smelt_context context, struct instance_vk *vk)
{
    PFN_vkGetInstanceProcAddr get = context->vk.GetInstanceProcAddr;
    vk->CreateInstance = (PFN_vkCreateInstance)get(NULL, "vkCreateInstance");
    vk->EnumerateInstanceVersion = (PFN_vkEnumerateInstanceVersion)get(NULL, "vkEnumerateInstanceVersion");
    vk->EnumerateInstanceExtensionProperties =
        (PFN_vkEnumerateInstanceExtensionProperties)get(NULL, "vkEnumerateInstanceExtensionProperties");
    uint32_t version = VK_API_VERSION_1_0;
    if (!vk->CreateInstance || !vk->EnumerateInstanceExtensionProperties)
        return smelt_fail(context, SMELT_ERROR_NO_DEVICE, "the Vulkan loader has no vkCreateInstance");
    if (vk->EnumerateInstanceVersion)
        vk->EnumerateInstanceVersion(&version);
    if (version < VK_API_VERSION_1_3)
        return smelt_fail(context, SMELT_ERROR_NO_DEVICE, "the Vulkan loader has version %u.%u, wanted 1.3",
                          VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
    return SMELT_OK;
}

enum smelt_result smelt_instance_create(smelt_context context, bool validation)
{
    struct instance_vk vk;
    enum smelt_result result = instance_functions(context, &vk);
    if (result != SMELT_OK)
        return result;
    struct instance_parts p = {
        .application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                        .pEngineName = "smelt",
                        .engineVersion = VK_MAKE_API_VERSION(0, SMELT_VERSION_MAJOR, SMELT_VERSION_MINOR,
                                                             SMELT_VERSION_PATCH),
                        .apiVersion = VK_API_VERSION_1_3}};
    p.info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
    p.info.pApplicationInfo = &p.application;
    p.info.ppEnabledExtensionNames = p.extensions;
    bool debug_utils = has_instance_extension(&vk, NULL, VK_EXT_DEBUG_UTILS_EXTENSION_NAME, NULL);
    if (validation) {
        bool layer = false;
        debug_utils |=
            has_instance_extension(&vk, VALIDATION_LAYER, VK_EXT_DEBUG_UTILS_EXTENSION_NAME, &layer);
        if (!layer || !debug_utils)
            return smelt_fail(context, SMELT_ERROR_UNSUPPORTED, "validation: %s is not installed",
                              layer ? VK_EXT_DEBUG_UTILS_EXTENSION_NAME : VALIDATION_LAYER);
        parts_validate(&p, &vk, context);
    }
    if (debug_utils)
        p.extensions[p.info.enabledExtensionCount++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    VkResult vr = vk.CreateInstance(&p.info, context->allocation_callbacks, &context->instance);
    if (vr == VK_ERROR_INCOMPATIBLE_DRIVER)
        return smelt_fail(context, SMELT_ERROR_NO_DEVICE,
                          "no Vulkan driver is installed, wanted one of version 1.3");
    if (vr != VK_SUCCESS)
        return smelt_fail_vk(context, vr, "vkCreateInstance");
    context->owns_device = true;
    result = smelt_instance_load(context);
    if (result != SMELT_OK || !validation)
        return result;
    p.messenger.pNext = NULL;
    vr = context->vk.CreateDebugUtilsMessengerEXT(context->instance, &p.messenger,
                                                  context->allocation_callbacks, &context->messenger);
    return vr == VK_SUCCESS ? SMELT_OK : smelt_fail_vk(context, vr, "vkCreateDebugUtilsMessengerEXT");
}

void smelt_instance_destroy(smelt_context context)
{
    if (context->owns_device && context->device && context->vk.DestroyDevice)
        context->vk.DestroyDevice(context->device, context->allocation_callbacks);
    if (context->messenger)
        context->vk.DestroyDebugUtilsMessengerEXT(context->instance, context->messenger,
                                                  context->allocation_callbacks);
    if (context->owns_device && context->instance && context->vk.DestroyInstance)
        context->vk.DestroyInstance(context->instance, context->allocation_callbacks);
    smelt_os_close_library(context->loader);
}

// --- The device ---------------------------------------------------------------------------------------

const char *smelt_device_type_name(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return "cpu";
    default:
        return "other";
    }
}

static bool equal_in_any_case(const char *a, const char *b)
{
    while (*a && tolower((unsigned char)*a) == tolower((unsigned char)*b))
        a++, b++;
    return !*a && !*b;
}

static bool contains_in_any_case(const char *text, const char *part)
{
    for (; *text; text++) {
        size_t i = 0;
        while (part[i] && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (!part[i])
            return true;
    }
    return false;
}

// Whether a device is one that the name means; see smelt_context_params.device_name.
static bool device_matches(const VkPhysicalDeviceProperties *properties, uint32_t index, const char *name)
{
    if (!name)
        return true;
    if (name[strspn(name, "0123456789")] == '\0')
        return strtoul(name, NULL, 10) == index;
    if (equal_in_any_case(name, "gpu"))
        return properties->deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU;
    static const VkPhysicalDeviceType types[] = {
        VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU,
        VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU, VK_PHYSICAL_DEVICE_TYPE_CPU};
    for (size_t i = 0; i < SMELT_COUNT_OF(types); i++)
        if (equal_in_any_case(name, smelt_device_type_name(types[i])))
            return properties->deviceType == types[i];
    return contains_in_any_case(properties->deviceName, name);
}

// Smaller is taken first.
static int device_rank(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return 0;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return 1;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return 3;
    default:
        return 4;
    }
}

// All physical devices, to be freed.
static enum smelt_result devices_get(smelt_context context, VkPhysicalDevice **devices, uint32_t *count)
{
    *count = 0;
    VkResult vr = context->vk.EnumeratePhysicalDevices(context->instance, count, NULL);
    if (vr != VK_SUCCESS && vr != VK_ERROR_INITIALIZATION_FAILED)
        return smelt_fail_vk(context, vr, "vkEnumeratePhysicalDevices");
    if (vr != VK_SUCCESS || !*count)
        return smelt_fail(context, SMELT_ERROR_NO_DEVICE, "the installed Vulkan drivers find no device");
    *devices = calloc(*count, sizeof(**devices));
    if (!*devices)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for %u devices", *count);
    vr = context->vk.EnumeratePhysicalDevices(context->instance, count, *devices);
    if (vr == VK_SUCCESS || vr == VK_INCOMPLETE) // one may have come meanwhile
        return SMELT_OK;
    free(*devices);
    *devices = NULL;
    return smelt_fail_vk(context, vr, "vkEnumeratePhysicalDevices");
}

// Names what a device lacks; "" when smelt can use it.
static enum smelt_result device_missing(smelt_context context, VkPhysicalDevice device, char *missing,
                                        size_t size)
{
    const struct smelt_feature_list *list;
    enum smelt_result result =
        smelt_feature_list_create(context->vk.GetInstanceProcAddr, context->instance, device, &list);
    if (result != SMELT_OK)
        return smelt_fail(context, result, "%s", smelt_last_error());
    size_t length = SMELT_MIN(strlen(list->missing), size - 1);
    memcpy(missing, list->missing, length);
    missing[length] = '\0';
    smelt_feature_list_destroy(&list);
    return SMELT_OK;
}

static enum smelt_result device_pick(smelt_context context, const char *name, const VkPhysicalDevice *devices,
                                     uint32_t count)
{
    struct smelt_text found = {0};
    char refusal[1024] = "";
    int best = -1, best_rank = 5;
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < count && result == SMELT_OK; i++) {
        VkPhysicalDeviceProperties properties;
        context->vk.GetPhysicalDeviceProperties(devices[i], &properties);
        const char *type = smelt_device_type_name(properties.deviceType);
        smelt_text_add(&found, "%s%u: '%s' (%s)", i ? ", " : "", i, properties.deviceName, type);
        int rank = device_rank(properties.deviceType);
        if (!device_matches(&properties, i, name) || rank >= best_rank)
            continue;
        char missing[512];
        result = device_missing(context, devices[i], missing, sizeof(missing));
        if (result == SMELT_OK && missing[0]) {
            snprintf(refusal, sizeof(refusal), "device '%s' lacks %s", properties.deviceName, missing);
        } else if (result == SMELT_OK) {
            best = (int)i;
            best_rank = rank;
        }
    }
    if (result == SMELT_OK && best < 0 && refusal[0])
        result = smelt_fail(context, SMELT_ERROR_UNSUPPORTED, "%s", refusal);
    else if (result == SMELT_OK && best < 0)
        result = smelt_fail(context, SMELT_ERROR_NO_DEVICE, "no device matches '%s', found %s",
                            name ? name : "", found.data ? found.data : "none");
    else if (result == SMELT_OK)
        context->physical_device = devices[best];
    smelt_text_free(&found);
    return result;
}

enum smelt_result smelt_device_choose(smelt_context context, const char *name)
{
    VkPhysicalDevice *devices;
    uint32_t count;
    enum smelt_result result = devices_get(context, &devices, &count);
    if (result != SMELT_OK)
        return result;
    result = device_pick(context, name, devices, count);
    free(devices);
    return result;
}

// A family with graphics too, so that what renders can use the queue; else one with compute.
static enum smelt_result device_queue_family(smelt_context context)
{
    VkQueueFamilyProperties families[32];
    uint32_t count = SMELT_COUNT_OF(families);
    context->vk.GetPhysicalDeviceQueueFamilyProperties(context->physical_device, &count, families);
    static const VkQueueFlags wishes[] = {VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT, VK_QUEUE_COMPUTE_BIT};
    for (size_t k = 0; k < SMELT_COUNT_OF(wishes); k++) {
        for (uint32_t i = 0; i < count; i++) {
            if ((families[i].queueFlags & wishes[k]) == wishes[k]) {
                context->queue_family = i;
                return SMELT_OK;
            }
        }
    }
    return smelt_fail(context, SMELT_ERROR_UNSUPPORTED, "none of the device's %u queue families has compute",
                      count);
}

enum smelt_result smelt_device_create(smelt_context context)
{
    enum smelt_result result = device_queue_family(context);
    if (result != SMELT_OK)
        return result;
    const struct smelt_feature_list *list;
    result = smelt_feature_list_create(context->vk.GetInstanceProcAddr, context->instance,
                                       context->physical_device, &list);
    if (result != SMELT_OK)
        return smelt_fail(context, result, "%s", smelt_last_error());
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = context->queue_family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                               .pNext = list->features,
                               .queueCreateInfoCount = 1,
                               .pQueueCreateInfos = &queue,
                               .enabledExtensionCount = list->extension_count,
                               .ppEnabledExtensionNames = list->extensions};
    VkResult vr = context->vk.CreateDevice(context->physical_device, &info, context->allocation_callbacks,
                                           &context->device);
    if (vr == VK_SUCCESS)
        context->features = smelt_features_in_chain(list->features, list->extensions, list->extension_count);
    smelt_feature_list_destroy(&list);
    return vr == VK_SUCCESS ? SMELT_OK : smelt_fail_vk(context, vr, "vkCreateDevice");
}

enum smelt_result smelt_device_list(uint32_t *count, struct smelt_device_summary *summaries)
{
    if (!count)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "device list: count is NULL");
    struct smelt_context_t context = {0}; // only its instance is used
    VkPhysicalDevice *devices = NULL;
    uint32_t found = 0;
    enum smelt_result result = smelt_loader_open(&context, NULL);
    if (result == SMELT_OK)
        result = smelt_instance_create(&context, false);
    if (result == SMELT_OK)
        result = devices_get(&context, &devices, &found);
    for (uint32_t i = 0; summaries && result == SMELT_OK && i < SMELT_MIN(found, *count); i++) {
        VkPhysicalDeviceProperties properties;
        context.vk.GetPhysicalDeviceProperties(devices[i], &properties);
        struct smelt_device_summary *summary = &summaries[i];
        memcpy(summary->name, properties.deviceName, sizeof(summary->name));
        summary->type = properties.deviceType;
        summary->api_version = properties.apiVersion;
        result = device_missing(&context, devices[i], summary->missing, sizeof(summary->missing));
        summary->usable = !summary->missing[0];
    }
    if (result == SMELT_OK)
        *count = found;
    free(devices);
    smelt_instance_destroy(&context);
    return result;
}
