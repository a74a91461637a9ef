// SPDX-License-Identifier: MIT
// Counts what the process submits to the device and how often it waits for it, whoever does: the renderer's entry points
// and those that smelt gets are the same counting ones.
#ifndef EXAMPLE_COUNT_H
#define EXAMPLE_COUNT_H

#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct counts {
    uint64_t submissions, waits;
};
extern struct counts counts;

// For smelt_context_params: the loader's, but for the counted functions.
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL count_get_instance_proc_addr(VkInstance instance, const char *name);
// Makes the renderer's entry points count. After device_open.
void count_renderer(void);

#endif
