// SPDX-License-Identifier: MIT
// The pipeline cache on disk: one file per device and driver version, replaced whole, checked before use.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

// A file is this header and then what vkGetPipelineCacheData gave; `hash` is smelt_hash of the latter.
struct file_header {
    char magic[8];
    uint64_t size, hash;
};
static const char magic[8] = {'S', 'M', 'E', 'L', 'T', 'P', 'C', '1'};

// The file's path, to be freed; NULL without a cache directory or memory.
static char *cache_path(smelt_context context)
{
    if (!context->cache_directory)
        return NULL;
    struct smelt_text text = {0};
    smelt_text_add(&text, "%s/pipelines-", context->cache_directory);
    for (size_t i = 0; i < VK_UUID_SIZE; i++)
        smelt_text_add(&text, "%02x", context->capabilities.device_uuid[i]);
    smelt_text_add(&text, "-%08x.bin", context->capabilities.driver_version);
    if (text.failed)
        smelt_text_free(&text);
    return text.data;
}

// Whether the bytes are whole and from this device and driver. Drivers are known to crash on data they should
// refuse, so they see none that fails.
static bool data_is_ours(smelt_context context, const struct smelt_mapping *mapping, uint64_t *hash)
{
    struct file_header header;
    VkPipelineCacheHeaderVersionOne version;
    if (mapping->size < sizeof(header) + sizeof(version))
        return false;
    const unsigned char *data = mapping->data;
    memcpy(&header, data, sizeof(header));
    data += sizeof(header);
    memcpy(&version, data, sizeof(version));
    if (memcmp(header.magic, magic, sizeof(magic)) || header.size != mapping->size - sizeof(header) ||
        header.hash != smelt_hash(SMELT_HASH_START, data, (size_t)header.size))
        return false;
    VkPhysicalDeviceProperties properties;
    context->vk.GetPhysicalDeviceProperties(context->physical_device, &properties);
    *hash = header.hash;
    return version.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
           version.vendorID == properties.vendorID && version.deviceID == properties.deviceID &&
           !memcmp(version.pipelineCacheUUID, properties.pipelineCacheUUID, VK_UUID_SIZE);
}

enum smelt_result smelt_pipeline_cache_create(smelt_context context)
{
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    struct smelt_mapping mapping = {0};
    char *path = cache_path(context);
    if (path && smelt_os_is_file(path)) {
        uint64_t hash = 0;
        if (smelt_os_map_file(NULL, path, &mapping) != SMELT_OK) {
            smelt_log(context, SMELT_LOG_WARNING, "pipeline cache: %s; starting empty", smelt_last_error());
        } else if (!data_is_ours(context, &mapping, &hash)) {
            smelt_log(context, SMELT_LOG_WARNING,
                      "pipeline cache '%s' is damaged or of another driver; starting empty", path);
        } else {
            info.initialDataSize = mapping.size - sizeof(struct file_header);
            info.pInitialData = (const unsigned char *)mapping.data + sizeof(struct file_header);
            context->pipeline_cache_hash = hash;
            smelt_os_mark_used(path);
        }
    }
    VkResult vr = context->vk.CreatePipelineCache(context->device, &info, context->allocation_callbacks,
                                                  &context->pipeline_cache);
    if (vr != VK_SUCCESS && info.initialDataSize) {
        info.initialDataSize = 0;
        context->pipeline_cache_hash = 0;
        vr = context->vk.CreatePipelineCache(context->device, &info, context->allocation_callbacks,
                                             &context->pipeline_cache);
    }
    smelt_os_unmap_file(&mapping);
    free(path);
    if (vr != VK_SUCCESS)
        return smelt_fail_vk(context, vr, "vkCreatePipelineCache");
    context->owns_pipeline_cache = true;
    smelt_set_debug_name(context, VK_OBJECT_TYPE_PIPELINE_CACHE, (uint64_t)context->pipeline_cache,
                         "smelt pipeline cache");
    return SMELT_OK;
}

// The file's contents, to be freed; NULL when there is nothing new to write or no memory.
static unsigned char *cache_contents(smelt_context context, size_t *file_size)
{
    size_t size = 0;
    if (context->vk.GetPipelineCacheData(context->device, context->pipeline_cache, &size, NULL) !=
            VK_SUCCESS ||
        !size)
        return NULL;
    struct file_header header;
    unsigned char *file = malloc(sizeof(header) + size);
    if (!file)
        return NULL;
    unsigned char *data = file + sizeof(header);
    VkResult vr = context->vk.GetPipelineCacheData(context->device, context->pipeline_cache, &size, data);
    memcpy(header.magic, magic, sizeof(magic));
    header.size = size;
    header.hash = smelt_hash(SMELT_HASH_START, data, size);
    if (vr != VK_SUCCESS || header.hash == context->pipeline_cache_hash) {
        free(file);
        return NULL;
    }
    memcpy(file, &header, sizeof(header));
    *file_size = sizeof(header) + size;
    return file;
}

void smelt_trim_cache(smelt_context context)
{
    static const char *const prefixes[] = {"shader-", "pipelines-", NULL};
    uint32_t removed = smelt_os_trim_directory(context->cache_directory, prefixes, context->cache_size);
    if (removed)
        smelt_log(context, SMELT_LOG_INFO, "cache: %u files of '%s' were removed to keep it to %llu bytes",
                  removed, context->cache_directory, (unsigned long long)context->cache_size);
}

void smelt_pipeline_cache_destroy(smelt_context context)
{
    if (!context->owns_pipeline_cache)
        return;
    char *path = cache_path(context);
    size_t size = 0;
    unsigned char *file = path ? cache_contents(context, &size) : NULL;
    char *error = smelt_copy_string(smelt_last_error()); // a destroy function is no failing call
    if (file && (smelt_os_make_directories(NULL, context->cache_directory) != SMELT_OK ||
                 smelt_os_write_file(NULL, path, file, size) != SMELT_OK))
        smelt_log(context, SMELT_LOG_WARNING, "pipeline cache is not kept: %s", smelt_last_error());
    else if (file)
        smelt_trim_cache(context);
    smelt_fail(NULL, SMELT_OK, "%s", error ? error : "");
    free(error);
    free(file);
    free(path);
    context->vk.DestroyPipelineCache(context->device, context->pipeline_cache, context->allocation_callbacks);
}
