// SPDX-License-Identifier: MIT
// The loader, the instance, the choice of a device and the device.
#include "gpu.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPU_DEFINE(name) PFN_##name name;
GPU_DEFINE(vkGetInstanceProcAddr)
GPU_GLOBAL_FUNCTIONS(GPU_DEFINE)
GPU_FUNCTIONS(GPU_DEFINE)
#undef GPU_DEFINE

bool gpu_check(VkResult result, const char *call)
{
    switch (result) {
    case VK_SUCCESS:
        return true;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return fail("%s: out of host memory", call);
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return fail("%s: out of device memory", call);
    case VK_ERROR_DEVICE_LOST:
        return fail("%s: the device was lost", call);
    default:
        return fail("%s: VkResult %d", call, (int)result);
    }
}

static bool load_loader(struct gpu *gpu)
{
    gpu->loader = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!gpu->loader)
        return fail("no Vulkan loader: %s", dlerror());
    // ISO C has no conversion from void * to a function pointer; POSIX promises that the bytes are the same.
    void *symbol = dlsym(gpu->loader, "vkGetInstanceProcAddr");
    memcpy(&vkGetInstanceProcAddr, &symbol, sizeof(symbol));
    if (!vkGetInstanceProcAddr)
        return fail("libvulkan.so.1 has no vkGetInstanceProcAddr");
#define GPU_LOAD(name) name = (PFN_##name)vkGetInstanceProcAddr(NULL, #name);
    GPU_GLOBAL_FUNCTIONS(GPU_LOAD)
#undef GPU_LOAD
    return true;
}

static bool load_functions(VkInstance instance)
{
    const char *missing = NULL;
#define GPU_LOAD(name)                                                                                       \
    name = (PFN_##name)vkGetInstanceProcAddr(instance, #name);                                               \
    if (!name)                                                                                               \
        missing = #name;
    GPU_FUNCTIONS(GPU_LOAD)
#undef GPU_LOAD
    return missing ? fail("the Vulkan loader has no %s: Vulkan 1.3 is wanted", missing) : true;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    (void)severity;
    if (types == VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT)
        return VK_FALSE; // the loader's remarks on drivers and layers
    ((struct gpu *)user)->validation_messages++;
    fprintf(stderr, "validation: %s\n", data->pMessage);
    return VK_FALSE;
}

static bool has_layer(const char *name)
{
    VkLayerProperties layers[64];
    uint32_t count = 64;
    if (vkEnumerateInstanceLayerProperties(&count, layers) < 0)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(layers[i].layerName, name))
            return true;
    return false;
}

static bool create_instance(struct gpu *gpu, bool validate)
{
    static const char *const layer = "VK_LAYER_KHRONOS_validation";
    static const char *const extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
                                             VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME};
    const VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType =
            VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = gpu};
    static const VkValidationFeatureEnableEXT synchronization[] = {
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
    const VkValidationFeaturesEXT validation = {.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                                .pNext = &messenger,
                                                .enabledValidationFeatureCount = 1,
                                                .pEnabledValidationFeatures = synchronization};
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pNext = validate ? &validation : NULL,
                                       .pApplicationInfo =
                                           &(VkApplicationInfo){.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                                                .pApplicationName = "neural-material",
                                                                .apiVersion = VK_API_VERSION_1_3},
                                       .enabledLayerCount = validate,
                                       .ppEnabledLayerNames = &layer,
                                       .enabledExtensionCount = validate ? 2 : 0,
                                       .ppEnabledExtensionNames = extensions};
    if (validate && !has_layer(layer))
        return fail("--validate: %s is not installed", layer);
    VkResult result = vkCreateInstance(&info, NULL, &gpu->instance);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        return fail("no Vulkan driver was found");
    if (!gpu_check(result, "vkCreateInstance") || !load_functions(gpu->instance))
        return false;
    PFN_vkCreateDebugUtilsMessengerEXT create = (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
        gpu->instance, "vkCreateDebugUtilsMessengerEXT");
    return !validate || !create ||
           gpu_check(create(gpu->instance, &messenger, NULL, &gpu->messenger),
                     "vkCreateDebugUtilsMessengerEXT");
}

static bool contains_ignoring_case(const char *text, const char *part)
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

// Smaller is better; < 0 when the device is not what `wanted` says.
static int rank_device(const VkPhysicalDeviceProperties *device, uint32_t index, const char *wanted)
{
    static const struct {
        VkPhysicalDeviceType type;
        const char *name;
    } types[] = {{VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, "discrete"},
                 {VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU, "integrated"},
                 {VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU, "virtual"},
                 {VK_PHYSICAL_DEVICE_TYPE_CPU, "cpu"}};
    int rank = 4;
    for (int i = 0; i < 4; i++)
        if (device->deviceType == types[i].type)
            rank = i;
    if (device->apiVersion < VK_API_VERSION_1_3)
        return -1;
    if (!wanted || !wanted[0])
        return rank;
    char *end;
    unsigned long number = strtoul(wanted, &end, 10);
    if (!*end)
        return number == index ? rank : -1;
    if (!strcmp(wanted, "gpu"))
        return rank < 3 ? rank : -1;
    for (int i = 0; i < 4; i++)
        if (!strcmp(wanted, types[i].name))
            return rank == i ? rank : -1;
    return contains_ignoring_case(device->deviceName, wanted) ? rank : -1;
}

static bool choose_device(struct gpu *gpu, const char *wanted)
{
    VkPhysicalDevice devices[16];
    uint32_t count = 16;
    VkResult result = vkEnumeratePhysicalDevices(gpu->instance, &count, devices);
    if (result != VK_INCOMPLETE && !gpu_check(result, "vkEnumeratePhysicalDevices"))
        return false;
    if (!count)
        return fail("no Vulkan device was found");
    int best = 100;
    char found[1024] = "";
    for (uint32_t i = 0; i < count; i++) {
        VkPhysicalDeviceProperties properties;
        vkGetPhysicalDeviceProperties(devices[i], &properties);
        size_t length = strlen(found);
        snprintf(found + length, sizeof(found) - length, "%s%s", i ? ", " : "", properties.deviceName);
        int rank = rank_device(&properties, i, wanted);
        if (rank >= 0 && rank < best) {
            best = rank;
            gpu->physical_device = devices[i];
            gpu->properties = properties;
        }
    }
    if (best == 100)
        return fail("no Vulkan 1.3 device matches \"%s\"; there are: %s", wanted ? wanted : "", found);
    return true;
}

static bool choose_queue(struct gpu *gpu)
{
    VkQueueFamilyProperties families[32];
    uint32_t count = 32;
    vkGetPhysicalDeviceQueueFamilyProperties(gpu->physical_device, &count, families);
    const VkQueueFlags wanted = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
    for (uint32_t i = 0; i < count; i++) {
        if ((families[i].queueFlags & wanted) == wanted) {
            gpu->queue_family = i;
            gpu->timestamp_bits = families[i].timestampValidBits;
            return true;
        }
    }
    return fail("%s: no queue with graphics and compute", gpu->properties.deviceName);
}

bool gpu_open_instance(struct gpu *gpu, const char *device, bool validate)
{
    if (!load_loader(gpu) || !create_instance(gpu, validate))
        return false;
    if (!choose_device(gpu, device ? device : getenv("SMELT_DEVICE")) || !choose_queue(gpu))
        return false;
    vkGetPhysicalDeviceMemoryProperties(gpu->physical_device, &gpu->memory);
    return true;
}

bool gpu_open_device(struct gpu *gpu, const VkPhysicalDeviceFeatures2 *features,
                     const char *const *extensions, uint32_t extension_count)
{
    const float priority = 1.0f;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = gpu->queue_family,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = features,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &queue,
                                     .enabledExtensionCount = extension_count,
                                     .ppEnabledExtensionNames = extensions};
    if (!GPU_CALL(vkCreateDevice, gpu->physical_device, &info, NULL, &gpu->device))
        return false;
    vkGetDeviceQueue(gpu->device, gpu->queue_family, 0, &gpu->queue);
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                          .queueFamilyIndex = gpu->queue_family};
    return GPU_CALL(vkCreateCommandPool, gpu->device, &pool, NULL, &gpu->upload_pool);
}

uint32_t gpu_close(struct gpu *gpu)
{
    if (gpu->device) {
        vkDestroyCommandPool(gpu->device, gpu->upload_pool, NULL);
        vkDestroyDevice(gpu->device, NULL);
    }
    if (gpu->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT destroy =
            (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(gpu->instance,
                                                                       "vkDestroyDebugUtilsMessengerEXT");
        destroy(gpu->instance, gpu->messenger, NULL);
    }
    if (gpu->instance && vkDestroyInstance)
        vkDestroyInstance(gpu->instance, NULL);
    if (gpu->loader)
        dlclose(gpu->loader);
    uint32_t messages = gpu->validation_messages;
    *gpu = (struct gpu){0};
    return messages;
}
