// SPDX-License-Identifier: MIT
// The list of features that a caller enables, and reading what a caller has enabled.
#include "feature_table.h"

#include <stdlib.h>
#include <string.h>

// Room for any of the table's structs.
union node {
    VkBaseOutStructure base;
    VkPhysicalDeviceFeatures2 features2; // the largest
};

struct chain {
    uint32_t count;
    union node nodes[SMELT_FEATURE_COUNT + 1]; // one per feature is more than there are structs
};

// What smelt_feature_list points to.
struct list {
    struct smelt_feature_list public;
    uint64_t features;
    struct chain own, appended; // the list's chain; the structs that smelt_feature_list_apply hands out
    const char *extensions[16];
    struct smelt_text missing;
};

// --- Chains -------------------------------------------------------------------------------------------

static VkBool32 *node_bool(VkBaseOutStructure *node, size_t offset)
{
    return (VkBool32 *)(void *)((unsigned char *)node + offset);
}

// Where a chain keeps a feature; NULL when none of its structs has it.
static VkBool32 *chain_find(VkBaseOutStructure *chain, const struct smelt_feature_row *feature)
{
    for (VkBaseOutStructure *node = chain; node; node = node->pNext) {
        if (node->sType == feature->single)
            return node_bool(node, feature->single_offset);
        if (node->sType == feature->aggregate)
            return node_bool(node, feature->aggregate_offset);
    }
    return NULL;
}

static bool has_name(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

uint64_t smelt_features_in_chain(const VkPhysicalDeviceFeatures2 *chain, const char *const *extensions,
                                 uint32_t extension_count)
{
    uint64_t set = 0;
    for (int i = 0; i < SMELT_FEATURE_COUNT; i++) {
        const struct smelt_feature_row *feature = &smelt_features[i];
        if (feature->extension && !has_name(extensions, extension_count, feature->extension))
            continue;
        const VkBool32 *on = chain_find((VkBaseOutStructure *)(uintptr_t)chain, feature);
        if (on && *on)
            set |= SMELT_FEATURE_BIT(i);
    }
    return set;
}

// An empty struct.
static VkBaseOutStructure *chain_node(struct chain *storage, VkStructureType type)
{
    union node *node = &storage->nodes[storage->count++];
    memset(node, 0, sizeof(*node));
    node->base.sType = type;
    return &node->base;
}

static VkBaseOutStructure *chain_start(struct chain *storage)
{
    storage->count = 0;
    return chain_node(storage, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
}

static VkBaseOutStructure *chain_append(VkBaseOutStructure *chain, struct chain *storage,
                                        VkStructureType type)
{
    while (chain->pNext)
        chain = chain->pNext;
    chain->pNext = chain_node(storage, type);
    return chain->pNext;
}

// Switches a set's features on in a chain, which gets the structs that it lacks.
static void chain_enable(VkBaseOutStructure *chain, struct chain *storage, uint64_t set)
{
    for (int i = 0; i < SMELT_FEATURE_COUNT; i++) {
        if (!(set & SMELT_FEATURE_BIT(i)))
            continue;
        VkBool32 *on = chain_find(chain, &smelt_features[i]);
        if (!on)
            on = node_bool(chain_append(chain, storage, smelt_features[i].single),
                           smelt_features[i].single_offset);
        *on = VK_TRUE;
    }
}

// --- The list -----------------------------------------------------------------------------------------

struct list_vk {
    PFN_vkGetPhysicalDeviceProperties GetPhysicalDeviceProperties;
    PFN_vkGetPhysicalDeviceFeatures2 GetPhysicalDeviceFeatures2;
    PFN_vkEnumerateDeviceExtensionProperties EnumerateDeviceExtensionProperties;
};

static bool has_extension(const VkExtensionProperties *available, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(available[i].extensionName, name))
            return true;
    return false;
}

// Asks the device for every feature of the table that its extensions can give.
static void list_query(struct list *list, const struct list_vk *vk, VkPhysicalDevice device,
                       const VkExtensionProperties *available, uint32_t available_count)
{
    struct chain *chain = &list->own;
    VkBaseOutStructure *head = chain_start(chain);
    for (int i = 0; i < SMELT_FEATURE_COUNT; i++) {
        const char *name = smelt_features[i].extension;
        if (name && !has_extension(available, available_count, name))
            continue;
        if (name && !has_name(list->extensions, list->public.extension_count, name))
            list->extensions[list->public.extension_count++] = name;
        if (!chain_find(head, &smelt_features[i]))
            chain_append(head, chain, smelt_features[i].single);
    }
    vk->GetPhysicalDeviceFeatures2(device, &chain->nodes[0].features2);
    list->features =
        smelt_features_in_chain(&chain->nodes[0].features2, list->extensions, list->public.extension_count);
    // An extension none of whose features is on is left out, so that the list is what it takes and no more.
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->public.extension_count; i++) {
        bool used = false;
        for (int k = 0; k < SMELT_FEATURE_COUNT; k++)
            used |=
                (list->features & SMELT_FEATURE_BIT(k)) && smelt_features[k].extension == list->extensions[i];
        if (used)
            list->extensions[kept++] = list->extensions[i];
    }
    list->public.extension_count = kept;
}

// The chain that switches the list's features on.
static void list_chain(struct list *list)
{
    VkBaseOutStructure *head = chain_start(&list->own);
    chain_enable(head, &list->own, list->features);
    list->public.features = &list->own.nodes[0].features2;
    list->public.extensions = list->extensions;
}

static enum smelt_result list_fill(struct list *list, const struct list_vk *vk, VkPhysicalDevice device)
{
    VkPhysicalDeviceProperties properties;
    vk->GetPhysicalDeviceProperties(device, &properties);
    if (properties.apiVersion < VK_API_VERSION_1_3) { // its features are structs this device need not know
        smelt_text_add(&list->missing, "Vulkan 1.3 (the device has %u.%u)",
                       VK_API_VERSION_MAJOR(properties.apiVersion),
                       VK_API_VERSION_MINOR(properties.apiVersion));
    } else {
        uint32_t count = 0;
        VkResult result = vk->EnumerateDeviceExtensionProperties(device, NULL, &count, NULL);
        if (result != VK_SUCCESS)
            return smelt_fail_vk(NULL, result, "vkEnumerateDeviceExtensionProperties");
        VkExtensionProperties *available = calloc(SMELT_MAX(count, 1u), sizeof(*available));
        if (!available)
            return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for %u extension names",
                              count);
        result = vk->EnumerateDeviceExtensionProperties(device, NULL, &count, available);
        if (result == VK_SUCCESS || result == VK_INCOMPLETE)
            list_query(list, vk, device, available, count);
        free(available);
        if (result != VK_SUCCESS && result != VK_INCOMPLETE)
            return smelt_fail_vk(NULL, result, "vkEnumerateDeviceExtensionProperties");
        smelt_features_add_names(&list->missing, smelt_required_features() & ~list->features);
    }
    list_chain(list);
    smelt_text_add(&list->missing, "%s", "");
    list->public.missing = list->missing.data;
    if (list->missing.failed)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                          "no memory for the names of missing features");
    return SMELT_OK;
}

enum smelt_result smelt_feature_list_create(PFN_vkGetInstanceProcAddr get_instance_proc_addr,
                                            VkInstance instance, VkPhysicalDevice physical_device,
                                            const struct smelt_feature_list **out)
{
    if (!get_instance_proc_addr || !instance || !physical_device || !out)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "feature list: %s is NULL",
                          !get_instance_proc_addr ? "get_instance_proc_addr"
                          : !instance             ? "instance"
                          : !physical_device      ? "physical_device"
                                                  : "list");
    struct list_vk vk;
#define LOAD(name)                                                                                           \
    vk.name = (PFN_vk##name)get_instance_proc_addr(instance, "vk" #name);                                    \
    if (!vk.name)                                                                                            \
        return smelt_fail(NULL, SMELT_ERROR_VULKAN,                                                          \
                          "feature list: the instance has no vk" #name "; it needs API version 1.3");
    LOAD(GetPhysicalDeviceProperties)
    LOAD(GetPhysicalDeviceFeatures2)
    LOAD(EnumerateDeviceExtensionProperties)
#undef LOAD
    struct list *list = calloc(1, sizeof(*list));
    if (!list)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for a feature list");
    enum smelt_result result = list_fill(list, &vk, physical_device);
    const struct smelt_feature_list *made = &list->public;
    if (result == SMELT_OK)
        *out = made;
    else
        smelt_feature_list_destroy(&made);
    return result;
}

enum smelt_result smelt_op_feature_list_create(const struct smelt_op_info *info,
                                               const struct smelt_feature_list **out)
{
    if (!info || !info->features || !out)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "feature list of an op: %s",
                          !out    ? "list is NULL"
                          : !info ? "info is NULL"
                                  : "info.features is 0, wanted what smelt_op_query fills in");
    struct list *list = calloc(1, sizeof(*list));
    if (!list)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for a feature list");
    list->features = info->features;
    for (int i = 0; i < SMELT_FEATURE_COUNT; i++) {
        const char *name = smelt_features[i].extension;
        if (name && list->features & SMELT_FEATURE_BIT(i) &&
            !has_name(list->extensions, list->public.extension_count, name))
            list->extensions[list->public.extension_count++] = name;
    }
    list_chain(list);
    list->public.missing = "";
    *out = &list->public;
    return SMELT_OK;
}

void smelt_feature_list_destroy(const struct smelt_feature_list **list)
{
    if (!list || !*list)
        return;
    struct list *inner = (struct list *)(uintptr_t)*list; // `public` is the first member
    smelt_text_free(&inner->missing);
    free(inner);
    *list = NULL;
}

void smelt_feature_list_apply(const struct smelt_feature_list *list, VkPhysicalDeviceFeatures2 *chain)
{
    struct list *inner = (struct list *)(uintptr_t)list;
    inner->appended.count = 0;
    chain_enable((VkBaseOutStructure *)chain, &inner->appended, inner->features);
}
