// SPDX-License-Identifier: MIT
// A Vulkan layer for tests of the smelt command: what happens to it from outside happens at a moment of its own work, however
// fast the machine is. The moment is the first wait for the device behind the writing of a file, whose path is in
// SMELT_TEST_BEHIND ("": the first wait of all). Then, by SMELT_TEST_DISTURB:
//     lose       this wait and all that follow answer VK_ERROR_DEVICE_LOST; what they wait for is over, so that nothing is
//                destroyed while it runs
//     interrupt  the process gets SIGINT, once
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// One instance and one device at a time are all that a command has.
static PFN_vkGetInstanceProcAddr next_instance_proc;
static PFN_vkGetDeviceProcAddr next_device_proc;
static PFN_vkWaitSemaphores next_wait;
static PFN_vkWaitForFences next_wait_fences;
static ino_t before; // the file when the device was made; 0: there was none
static bool reached, interrupted;

// A file that is written again under a temporary name is another one.
static ino_t file_now(void)
{
    const char *path = getenv("SMELT_TEST_BEHIND");
    struct stat status;
    return path && !stat(path, &status) ? status.st_ino : 0;
}

static VkResult answer(VkResult result)
{
    const char *what = getenv("SMELT_TEST_DISTURB"), *path = getenv("SMELT_TEST_BEHIND");
    reached = reached || (path && (!*path || file_now() != before));
    if (!what || !reached)
        return result;
    if (!strcmp(what, "lose"))
        return VK_ERROR_DEVICE_LOST;
    if (!interrupted)
        raise(SIGINT);
    interrupted = true;
    return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_semaphores(VkDevice device, const VkSemaphoreWaitInfo *info,
                                                      uint64_t timeout)
{
    return answer(next_wait(device, info, timeout));
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice device, uint32_t count, const VkFence *fences,
                                                      VkBool32 all, uint64_t timeout)
{
    return answer(next_wait_fences(device, count, fences, all, timeout));
}

// What the loader chained for this layer: the calls of the next one. NULL: nothing. Both kinds of link begin with a type, what is
// next, and a function.
static void *link_of(const void *chain, VkStructureType type)
{
    const VkLayerInstanceCreateInfo *link = chain;
    while (link && !(link->sType == type && link->function == VK_LAYER_LINK_INFO))
        link = link->pNext;
    return (void *)(uintptr_t)link;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
                                                      const VkAllocationCallbacks *callbacks,
                                                      VkInstance *instance)
{
    VkLayerInstanceCreateInfo *link = link_of(info->pNext, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO);
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    next_instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    PFN_vkCreateInstance create = (PFN_vkCreateInstance)next_instance_proc(NULL, "vkCreateInstance");
    return create(info, callbacks, instance);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *callbacks, VkDevice *device)
{
    VkLayerDeviceCreateInfo *link = link_of(info->pNext, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO);
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    next_device_proc = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    PFN_vkGetInstanceProcAddr instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    PFN_vkCreateDevice create = (PFN_vkCreateDevice)instance_proc(NULL, "vkCreateDevice");
    VkResult result = create(physical, info, callbacks, device);
    if (!result) {
        before = file_now();
        next_wait = (PFN_vkWaitSemaphores)next_device_proc(*device, "vkWaitSemaphores");
        next_wait_fences = (PFN_vkWaitForFences)next_device_proc(*device, "vkWaitForFences");
    }
    return result;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice device, const char *name)
{
    if (!strcmp(name, "vkGetDeviceProcAddr"))
        return (PFN_vkVoidFunction)device_proc;
    if (!strcmp(name, "vkWaitSemaphores"))
        return (PFN_vkVoidFunction)wait_semaphores;
    if (!strcmp(name, "vkWaitForFences"))
        return (PFN_vkVoidFunction)wait_for_fences;
    return next_device_proc(device, name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc(VkInstance instance, const char *name)
{
    if (!strcmp(name, "vkGetInstanceProcAddr"))
        return (PFN_vkVoidFunction)instance_proc;
    if (!strcmp(name, "vkCreateInstance"))
        return (PFN_vkVoidFunction)create_instance;
    if (!strcmp(name, "vkCreateDevice"))
        return (PFN_vkVoidFunction)create_device;
    if (!strcmp(name, "vkGetDeviceProcAddr"))
        return (PFN_vkVoidFunction)device_proc;
    return next_instance_proc ? next_instance_proc(instance, name) : NULL;
}

VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *version);

VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *version)
{
    version->loaderLayerInterfaceVersion = 2;
    version->pfnGetInstanceProcAddr = instance_proc;
    version->pfnGetDeviceProcAddr = device_proc;
    version->pfnGetPhysicalDeviceProcAddr = NULL;
    return VK_SUCCESS;
}
