// SPDX-License-Identifier: MIT
// The descriptor side of an arguments object: set layout, one set per frame in flight, values by name, and
// the writes that bring a set up to date.
#include "arguments_internal.h"
#include "feature_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *type_name(VkDescriptorType type)
{
    switch (type) {
    case VK_DESCRIPTOR_TYPE_SAMPLER:
        return "sampler";
    case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER:
        return "combined image sampler";
    case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
        return "sampled image";
    case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
        return "storage image";
    case VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT:
        return "input attachment";
    case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
        return "uniform buffer";
    case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
        return "storage buffer";
    default:
        return NULL; // not something that can be set by name
    }
}

static bool is_buffer(VkDescriptorType type)
{
    return type == VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER || type == VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

// --- Making the sets ---------------------------------------------------------------------------------------

// How many descriptors of the type one stage and one set may see.
static uint32_t type_limit(const VkPhysicalDeviceLimits *limits, VkDescriptorType type)
{
    switch (type) {
    case VK_DESCRIPTOR_TYPE_SAMPLER:
        return SMELT_MIN(limits->maxPerStageDescriptorSamplers, limits->maxDescriptorSetSamplers);
    case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER:
        return SMELT_MIN(
            SMELT_MIN(limits->maxPerStageDescriptorSamplers, limits->maxDescriptorSetSamplers),
            SMELT_MIN(limits->maxPerStageDescriptorSampledImages, limits->maxDescriptorSetSampledImages));
    case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
        return SMELT_MIN(limits->maxPerStageDescriptorSampledImages, limits->maxDescriptorSetSampledImages);
    case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
        return SMELT_MIN(limits->maxPerStageDescriptorStorageImages, limits->maxDescriptorSetStorageImages);
    case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
        return SMELT_MIN(limits->maxPerStageDescriptorUniformBuffers, limits->maxDescriptorSetUniformBuffers);
    case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
        return SMELT_MIN(limits->maxPerStageDescriptorStorageBuffers, limits->maxDescriptorSetStorageBuffers);
    default:
        return SMELT_MIN(limits->maxPerStageDescriptorInputAttachments,
                         limits->maxDescriptorSetInputAttachments);
    }
}

#define MOST_ELEMENTS (1u << 24) // of one binding, so that sums over a set and its copies stay in 32 bits

// A runtime array for which the caller named no size takes what the device's limits leave. The limits do not
// hold for a borrowed layout, which may have been made for updates after binding.
static enum smelt_result check_size(smelt_arguments arguments, const struct smelt_arguments_params *params,
                                    const VkPhysicalDeviceLimits *limits, struct arguments_binding *binding)
{
    uint32_t room =
        params->set_layout ? MOST_ELEMENTS : SMELT_MIN(type_limit(limits, binding->type), MOST_ELEMENTS);
    for (uint32_t i = 0; i < arguments->binding_count && !params->set_layout; i++)
        if (&arguments->bindings[i] != binding && arguments->bindings[i].type == binding->type)
            room -= SMELT_MIN(room, arguments->bindings[i].count);
    if (binding->runtime && !params->max_runtime_array && room)
        binding->count = SMELT_MIN(binding->count, room);
    if (binding->count <= room)
        return SMELT_OK;
    return smelt_fail(arguments->context, SMELT_ERROR_UNSUPPORTED,
                      "%s: binding \"%s\": %u descriptors of type %s wanted, the device has room for %u",
                      arguments->name, binding->name, binding->count, type_name(binding->type), room);
}

static enum smelt_result check_bindings(smelt_arguments arguments,
                                        const struct smelt_arguments_params *params)
{
    smelt_context context = arguments->context;
    VkPhysicalDeviceProperties properties;
    context->vk.GetPhysicalDeviceProperties(context->physical_device, &properties);
    for (uint32_t i = 0; i < arguments->binding_count; i++) {
        struct arguments_binding *binding = &arguments->bindings[i];
        if (!type_name(binding->type))
            return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                              "%s: binding \"%s\" has descriptor type %d, which cannot be set by name",
                              arguments->name, binding->name, (int)binding->type);
        enum smelt_result result = check_size(arguments, params, &properties.limits, binding);
        if (result != SMELT_OK)
            return result;
        uint64_t needed = SMELT_FEATURE_BIT(SMELT_FEATURE_RUNTIME_DESCRIPTOR_ARRAY) |
                          SMELT_FEATURE_BIT(SMELT_FEATURE_PARTIALLY_BOUND);
        if (binding->runtime && !params->set_layout && (needed & ~context->features)) {
            struct smelt_text names = {0};
            smelt_features_add_names(&names, needed & ~context->features);
            smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                       "%s: binding \"%s\" is a runtime array, which needs %s; the device lacks it, or it is "
                       "not enabled",
                       arguments->name, binding->name, names.data ? names.data : "a device feature");
            smelt_text_free(&names);
            return SMELT_ERROR_UNSUPPORTED;
        }
    }
    return SMELT_OK;
}

static enum smelt_result allocate_values(smelt_arguments arguments)
{
    for (uint32_t i = 0; i < arguments->binding_count; i++) {
        struct arguments_binding *binding = &arguments->bindings[i];
        binding->versions = calloc(binding->count, sizeof(*binding->versions));
        if (is_buffer(binding->type))
            binding->buffers = calloc(binding->count, sizeof(*binding->buffers));
        else
            binding->images = calloc(binding->count, sizeof(*binding->images));
        if (!binding->versions || (!binding->buffers && !binding->images))
            return smelt_fail(arguments->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                              "arguments: out of host memory");
        if (!binding->runtime)
            arguments->unset_elements += binding->count;
    }
    return SMELT_OK;
}

static enum smelt_result create_layout(smelt_arguments arguments)
{
    smelt_context context = arguments->context;
    uint32_t count = arguments->binding_count;
    VkDescriptorSetLayoutBinding *bindings = calloc(count, sizeof(*bindings));
    VkDescriptorBindingFlags *flags = calloc(count, sizeof(*flags));
    enum smelt_result result = SMELT_OK;
    if (!bindings || !flags) {
        result = smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "arguments: out of host memory");
        goto done;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct arguments_binding *binding = &arguments->bindings[i];
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = binding->binding,
            .descriptorType = binding->type,
            .descriptorCount = binding->count,
            .stageFlags = binding->stages,
        };
        flags[i] = binding->runtime ? VK_DESCRIPTOR_BINDING_PARTIALLY_BOUND_BIT : 0;
    }
    VkDescriptorSetLayoutBindingFlagsCreateInfo flags_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO,
        .bindingCount = count,
        .pBindingFlags = flags,
    };
    VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .pNext = &flags_info,
        .bindingCount = count,
        .pBindings = bindings,
    };
    VkResult status = context->vk.CreateDescriptorSetLayout(
        context->device, &info, context->allocation_callbacks, &arguments->set_layout);
    if (status != VK_SUCCESS) {
        arguments->set_layout = VK_NULL_HANDLE;
        result = smelt_fail_vk(context, status, "vkCreateDescriptorSetLayout");
        goto done;
    }
    arguments->owns_set_layout = true;
    smelt_set_debug_name(context, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT, (uint64_t)arguments->set_layout,
                         arguments->name);
done:
    free(bindings);
    free(flags);
    return result;
}

static enum smelt_result create_pool(smelt_arguments arguments)
{
    smelt_context context = arguments->context;
    VkDescriptorPoolSize sizes[VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT + 1] = {0};
    uint32_t size_count = 0;
    for (uint32_t i = 0; i < arguments->binding_count; i++) {
        uint32_t j = 0;
        while (j < size_count && sizes[j].type != arguments->bindings[i].type)
            j++;
        size_count = SMELT_MAX(size_count, j + 1);
        sizes[j].type = arguments->bindings[i].type;
        sizes[j].descriptorCount += arguments->bindings[i].count * arguments->frames;
    }
    VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        // A borrowed layout may have been made for updates after binding.
        .flags = arguments->owns_set_layout ? 0 : VK_DESCRIPTOR_POOL_CREATE_UPDATE_AFTER_BIND_BIT,
        .maxSets = arguments->frames,
        .poolSizeCount = size_count,
        .pPoolSizes = sizes,
    };
    VkResult status = context->vk.CreateDescriptorPool(context->device, &info, context->allocation_callbacks,
                                                       &arguments->pool);
    if (status != VK_SUCCESS) {
        arguments->pool = VK_NULL_HANDLE;
        return smelt_fail_vk(context, status, "vkCreateDescriptorPool");
    }
    smelt_set_debug_name(context, VK_OBJECT_TYPE_DESCRIPTOR_POOL, (uint64_t)arguments->pool, arguments->name);
    return SMELT_OK;
}

static enum smelt_result allocate_sets(smelt_arguments arguments)
{
    smelt_context context = arguments->context;
    VkDescriptorSetLayout layouts[ARGUMENTS_MAX_FRAMES];
    VkDescriptorSet sets[ARGUMENTS_MAX_FRAMES];
    uint32_t counts[ARGUMENTS_MAX_FRAMES];
    // A borrowed layout may end in a binding of variable count; the structure is ignored by any other.
    const struct arguments_binding *last = &arguments->bindings[arguments->binding_count - 1];
    for (uint32_t i = 0; i < arguments->frames; i++) {
        layouts[i] = arguments->set_layout;
        counts[i] = last->count;
    }
    VkDescriptorSetVariableDescriptorCountAllocateInfo variable = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO,
        .descriptorSetCount = arguments->frames,
        .pDescriptorCounts = counts,
    };
    VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .pNext = last->runtime && !arguments->owns_set_layout ? &variable : NULL,
        .descriptorPool = arguments->pool,
        .descriptorSetCount = arguments->frames,
        .pSetLayouts = layouts,
    };
    VkResult status = context->vk.AllocateDescriptorSets(context->device, &info, sets);
    if (status != VK_SUCCESS)
        return smelt_fail_vk(context, status, "vkAllocateDescriptorSets");
    for (uint32_t i = 0; i < arguments->frames; i++) {
        arguments->slots[i].set = sets[i];
        smelt_set_debug_name(context, VK_OBJECT_TYPE_DESCRIPTOR_SET, (uint64_t)sets[i], arguments->name);
    }
    return SMELT_OK;
}

enum smelt_result smelt_arguments_create_sets(smelt_arguments arguments,
                                              const struct smelt_arguments_params *params)
{
    arguments->descriptors = true;
    arguments->set = params->set;
    arguments->set_layout = params->set_layout;
    enum smelt_result result = check_bindings(arguments, params);
    if (result == SMELT_OK)
        result = allocate_values(arguments);
    if (result == SMELT_OK && !arguments->set_layout)
        result = create_layout(arguments);
    if (result == SMELT_OK)
        result = create_pool(arguments);
    return result == SMELT_OK ? allocate_sets(arguments) : result;
}

void smelt_arguments_destroy_sets(smelt_arguments arguments)
{
    smelt_context context = arguments->context;
    if (arguments->pool)
        context->vk.DestroyDescriptorPool(context->device, arguments->pool, context->allocation_callbacks);
    if (arguments->owns_set_layout)
        context->vk.DestroyDescriptorSetLayout(context->device, arguments->set_layout,
                                               context->allocation_callbacks);
    for (uint32_t i = 0; i < arguments->binding_count; i++) {
        free(arguments->bindings[i].name);
        free(arguments->bindings[i].images);
        free(arguments->bindings[i].buffers);
        free(arguments->bindings[i].versions);
    }
    free(arguments->bindings);
    smelt_name_table_destroy(&arguments->binding_names);
}

// --- Values ------------------------------------------------------------------------------------------------

// "name" or, for an element of an array of buffers, "name[index]" (then *index is written).
static enum smelt_result find_binding(smelt_arguments arguments, const char *name, uint32_t *index,
                                      struct arguments_binding **binding)
{
    enum smelt_result result = smelt_arguments_require(arguments, "set");
    if (result != SMELT_OK)
        return result;
    if (!name)
        return smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: the name of a binding is NULL", arguments->name);
    size_t length = strlen(name);
    uint32_t found = smelt_name_table_find(&arguments->binding_names, name, length);
    const char *bracket = index ? strrchr(name, '[') : NULL;
    if (found == UINT32_MAX && bracket && length && name[length - 1] == ']') {
        char *end;
        unsigned long value = bracket[1] >= '0' && bracket[1] <= '9' ? strtoul(bracket + 1, &end, 10) : 0;
        if (bracket[1] >= '0' && bracket[1] <= '9' && end == name + length - 1 && value < UINT32_MAX) {
            found = smelt_name_table_find(&arguments->binding_names, name, (size_t)(bracket - name));
            *index = (uint32_t)value;
        }
    }
    if (found != UINT32_MAX) {
        *binding = &arguments->bindings[found];
        return SMELT_OK;
    }
    struct smelt_text text = {0};
    if (!arguments->descriptors)
        smelt_text_add(&text, "; the object was created without descriptors");
    else if (smelt_name_table_find(&arguments->member_names, name, length) != UINT32_MAX)
        smelt_text_add(&text, "; it is a member of the argument block");
    else
        smelt_name_table_suggest(&arguments->binding_names, name, &text);
    smelt_fail(arguments->context, SMELT_ERROR_NOT_FOUND, "%s: no binding \"%s\"%s", arguments->name, name,
               text.data ? text.data : "");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_FOUND;
}

static enum smelt_result check_index(smelt_arguments arguments, const struct arguments_binding *binding,
                                     uint32_t index)
{
    if (index < binding->count)
        return SMELT_OK;
    return smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT,
                      "%s: element %u of binding \"%s\", which has %u", arguments->name, index, binding->name,
                      binding->count);
}

static enum smelt_result wrong_kind(smelt_arguments arguments, const struct arguments_binding *binding,
                                    const char *got)
{
    return smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT,
                      "%s: binding \"%s\" is for: %s; got: %s", arguments->name, binding->name,
                      type_name(binding->type), got);
}

static void mark_set(smelt_arguments arguments, struct arguments_binding *binding, uint32_t index)
{
    if (!binding->versions[index] && !binding->runtime)
        arguments->unset_elements--;
    // Also when the handle is the same: it may name a new object after the old one was destroyed.
    binding->version = binding->versions[index] = ++arguments->descriptor_version;
}

enum smelt_result smelt_arguments_set_buffer(smelt_arguments arguments, const char *name, VkBuffer buffer,
                                             uint64_t offset, uint64_t range)
{
    struct arguments_binding *binding = NULL;
    uint32_t index = 0;
    enum smelt_result result = find_binding(arguments, name, &index, &binding);
    if (result == SMELT_OK && !is_buffer(binding->type))
        result = wrong_kind(arguments, binding, "buffer");
    if (result == SMELT_OK)
        result = check_index(arguments, binding, index);
    if (result != SMELT_OK)
        return result;
    if (!buffer || !range)
        return smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT, "%s: binding \"%s\": %s",
                          arguments->name, name, buffer ? "a range of 0 bytes" : "the buffer is null");
    binding->buffers[index] = (VkDescriptorBufferInfo){.buffer = buffer, .offset = offset, .range = range};
    mark_set(arguments, binding, index);
    return SMELT_OK;
}

enum smelt_result smelt_arguments_set_texture(smelt_arguments arguments, const char *name, uint32_t index,
                                              VkImageView view, VkSampler sampler, VkImageLayout layout)
{
    struct arguments_binding *binding = NULL;
    enum smelt_result result = find_binding(arguments, name, NULL, &binding);
    if (result == SMELT_OK && (is_buffer(binding->type) || binding->type == VK_DESCRIPTOR_TYPE_SAMPLER))
        result = wrong_kind(arguments, binding, "texture");
    if (result == SMELT_OK)
        result = check_index(arguments, binding, index);
    if (result != SMELT_OK)
        return result;
    bool combined = binding->type == VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
    if (!view || (combined && !sampler))
        return smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: binding \"%s\", a %s: the %s is null", arguments->name, name,
                          type_name(binding->type), view ? "sampler" : "image view");
    binding->images[index] = (VkDescriptorImageInfo){
        .sampler = combined ? sampler : VK_NULL_HANDLE,
        .imageView = view,
        .imageLayout = layout,
    };
    mark_set(arguments, binding, index);
    return SMELT_OK;
}

enum smelt_result smelt_arguments_set_sampler(smelt_arguments arguments, const char *name, uint32_t index,
                                              VkSampler sampler)
{
    struct arguments_binding *binding = NULL;
    enum smelt_result result = find_binding(arguments, name, NULL, &binding);
    if (result == SMELT_OK && binding->type != VK_DESCRIPTOR_TYPE_SAMPLER)
        result = wrong_kind(arguments, binding, "sampler");
    if (result == SMELT_OK)
        result = check_index(arguments, binding, index);
    if (result != SMELT_OK)
        return result;
    if (!sampler)
        return smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: binding \"%s\": the sampler is null", arguments->name, name);
    binding->images[index] = (VkDescriptorImageInfo){.sampler = sampler};
    mark_set(arguments, binding, index);
    return SMELT_OK;
}

// --- Writing a set -----------------------------------------------------------------------------------------

void smelt_arguments_write_set(smelt_arguments arguments, struct arguments_slot *slot)
{
    if (slot->descriptor_version == arguments->descriptor_version)
        return;
    smelt_context context = arguments->context;
    VkWriteDescriptorSet writes[16]; // as many at a time: no allocation
    uint32_t count = 0;
    for (uint32_t b = 0; b < arguments->binding_count; b++) {
        const struct arguments_binding *binding = &arguments->bindings[b];
        if (binding->version <= slot->descriptor_version)
            continue;
        for (uint32_t i = 0; i < binding->count; i++) {
            uint32_t first = i;
            while (i < binding->count && binding->versions[i] > slot->descriptor_version)
                i++;
            if (i == first)
                continue;
            writes[count++] = (VkWriteDescriptorSet){
                .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                .dstSet = slot->set,
                .dstBinding = binding->binding,
                .dstArrayElement = first,
                .descriptorCount = i - first,
                .descriptorType = binding->type,
                .pImageInfo = binding->images ? binding->images + first : NULL,
                .pBufferInfo = binding->buffers ? binding->buffers + first : NULL,
            };
            if (count == SMELT_COUNT_OF(writes)) {
                context->vk.UpdateDescriptorSets(context->device, count, writes, 0, NULL);
                count = 0;
            }
        }
    }
    if (count)
        context->vk.UpdateDescriptorSets(context->device, count, writes, 0, NULL);
    slot->descriptor_version = arguments->descriptor_version;
}

void smelt_arguments_list_unset_bindings(smelt_arguments arguments, struct smelt_text *text)
{
    for (uint32_t b = 0; b < arguments->binding_count; b++) {
        const struct arguments_binding *binding = &arguments->bindings[b];
        for (uint32_t i = 0; i < binding->count && !binding->runtime; i++) {
            if (binding->versions[i])
                continue;
            smelt_text_add(text, "%s\"%s", text->size ? ", " : "", binding->name);
            if (binding->count > 1)
                smelt_text_add(text, "[%u]", i);
            smelt_text_add(text, "\"");
        }
    }
}
