// SPDX-License-Identifier: MIT
// A device with what the renderer needs and what smelt would like, and smelt's context on it.
#ifndef EXAMPLE_DEVICE_H
#define EXAMPLE_DEVICE_H

#include "gpu.h"

#include <smelt/smelt.h>

struct device_params {
    const char *name; // as of gpu_open_instance
    bool validate;
    uint32_t samples;                                 // shaded per pixel
    PFN_vkGetInstanceProcAddr get_instance_proc_addr; // that smelt calls; NULL: the loader's
};

struct device {
    struct gpu gpu;
    const struct smelt_feature_list *features;
    smelt_context context;
};

// Errors are one line on standard error.
bool device_open(const struct device_params *params, struct device *device);
// Returns how many warnings and errors the validation layer gave. All that was made of the device is gone by then.
uint32_t device_close(struct device *device);

#endif
