// SPDX-License-Identifier: MIT
// The counting entry points, in front of the loader's.
#include "count.h"
#include "gpu.h"

#include <string.h>

struct counts counts;

// Each counted function: what it counts, its parameters, its arguments. smelt and the renderer submit and wait by these.
#define COUNTED_FUNCTIONS(X)                                                                                 \
    X(vkQueueSubmit2, submissions,                                                                           \
      (VkQueue queue, uint32_t count, const VkSubmitInfo2 *submits, VkFence fence),                          \
      (queue, count, submits, fence))                                                                        \
    X(vkWaitForFences, waits,                                                                                \
      (VkDevice device, uint32_t count, const VkFence *fences, VkBool32 all, uint64_t timeout),              \
      (device, count, fences, all, timeout))                                                                 \
    X(vkWaitSemaphores, waits, (VkDevice device, const VkSemaphoreWaitInfo *info, uint64_t timeout),         \
      (device, info, timeout))                                                                               \
    X(vkDeviceWaitIdle, waits, (VkDevice device), (device))

#define DEFINE(name, counter, parameters, arguments)                                                         \
    static PFN_##name next_##name;                                                                           \
    static VKAPI_ATTR VkResult VKAPI_CALL count_##name parameters                                            \
    {                                                                                                        \
        counts.counter++;                                                                                    \
        return next_##name arguments;                                                                        \
    }
COUNTED_FUNCTIONS(DEFINE)

static PFN_vkGetDeviceProcAddr next_get_device_proc_addr;

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice device, const char *name)
{
    PFN_vkVoidFunction function = next_get_device_proc_addr(device, name);
#define REPLACE(counted, counter, parameters, arguments)                                                     \
    if (!strcmp(name, #counted)) {                                                                           \
        next_##counted = (PFN_##counted)function;                                                            \
        return (PFN_vkVoidFunction)count_##counted;                                                          \
    }
    COUNTED_FUNCTIONS(REPLACE)
    return function;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL count_get_instance_proc_addr(VkInstance instance, const char *name)
{
    PFN_vkVoidFunction function = vkGetInstanceProcAddr(instance, name);
    if (strcmp(name, "vkGetDeviceProcAddr"))
        return function;
    next_get_device_proc_addr = (PFN_vkGetDeviceProcAddr)function;
    return (PFN_vkVoidFunction)get_device_proc_addr;
}

void count_renderer(void)
{
    vkQueueSubmit2 = count_vkQueueSubmit2;
    vkWaitForFences = count_vkWaitForFences;
    vkDeviceWaitIdle = count_vkDeviceWaitIdle;
}
