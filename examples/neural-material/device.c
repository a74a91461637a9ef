// SPDX-License-Identifier: MIT
// Opens a device for the renderer and smelt.
#include "device.h"

#include <stdio.h>

static void on_log(void *user, enum smelt_log_level level, const char *line)
{
    (void)user;
    if (level != SMELT_LOG_ERROR) // errors are printed where they are handled
        fprintf(stderr, "smelt: %s\n", line);
}

bool device_open(const struct device_params *wanted, struct device *d)
{
    if (!gpu_open_instance(&d->gpu, wanted->name, wanted->validate))
        return false;

    // The renderer's own wishes.
    VkPhysicalDeviceFeatures2 has = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    vkGetPhysicalDeviceFeatures2(d->gpu.physical_device, &has);
    if (wanted->samples > 1 && !has.features.sampleRateShading)
        return fail("%s lacks sampleRateShading: --samples 1 works without", d->gpu.properties.deviceName);
    VkPhysicalDeviceVulkan13Features features13 = {.sType =
                                                       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
                                                   .dynamicRendering = VK_TRUE,
                                                   .synchronization2 = VK_TRUE};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &features13,
                                          .features.sampleRateShading = wanted->samples > 1,
                                          .features.textureCompressionBC = has.features.textureCompressionBC,
                                          .features.shaderSampledImageArrayDynamicIndexing =
                                              has.features.shaderSampledImageArrayDynamicIndexing};

    // smelt: join in what it would like on this device.
    if (smelt_feature_list_create(vkGetInstanceProcAddr, d->gpu.instance, d->gpu.physical_device,
                                  &d->features))
        return fail("%s", smelt_last_error());
    if (d->features->missing[0])
        return fail("%s lacks %s", d->gpu.properties.deviceName, d->features->missing);
    smelt_feature_list_apply(d->features, &features);

    if (!gpu_open_device(&d->gpu, &features, d->features->extensions, d->features->extension_count))
        return false;

    // smelt: a context on the renderer's device.
    const struct smelt_context_params params = {.get_instance_proc_addr = wanted->get_instance_proc_addr
                                                                              ? wanted->get_instance_proc_addr
                                                                              : vkGetInstanceProcAddr,
                                                .instance = d->gpu.instance,
                                                .physical_device = d->gpu.physical_device,
                                                .device = d->gpu.device,
                                                .queue = d->gpu.queue,
                                                .queue_family = d->gpu.queue_family,
                                                .enabled_features = &features,
                                                .enabled_extensions = d->features->extensions,
                                                .enabled_extension_count = d->features->extension_count,
                                                .log = on_log};
    return smelt_context_create(&params, &d->context) == SMELT_OK || fail("%s", smelt_last_error());
}

uint32_t device_close(struct device *d)
{
    smelt_context_destroy(&d->context);
    smelt_feature_list_destroy(&d->features);
    return gpu_close(&d->gpu);
}
