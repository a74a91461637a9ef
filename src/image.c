// SPDX-License-Identifier: MIT
// Images of the caller: descriptor sets of their views, and the calls that take them to tensors and back.
#include "image_internal.h"
#include "kernels_operator.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    VkFormat format;
    const char *name; // of the layout in GLSL: those that every device stores to
} formats[] = {
    {VK_FORMAT_R8G8B8A8_UNORM, "rgba8"},
    {VK_FORMAT_R16G16B16A16_SFLOAT, "rgba16f"},
    {VK_FORMAT_R32G32B32A32_SFLOAT, "rgba32f"},
    {VK_FORMAT_R32_SFLOAT, "r32f"},
};

const char *smelt_image_layout_name(VkFormat format)
{
    for (uint32_t i = 0; i < SMELT_COUNT_OF(formats); i++)
        if (formats[i].format == format)
            return formats[i].name;
    return NULL;
}

// --- Life -----------------------------------------------------------------------------------------------------

static const VkDescriptorType types[2] = {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE};

static enum smelt_result make_set(smelt_image image, int which, VkImageView view, VkImageLayout layout)
{
    smelt_context context = image->context;
    const struct smelt_vk *vk = &context->vk;
    const VkDescriptorSetLayoutBinding binding = smelt_kernel_image_binding(types[which]);
    const VkDescriptorSetLayoutCreateInfo info = {.sType =
                                                      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                  .bindingCount = 1,
                                                  .pBindings = &binding};
    VkResult result = vk->CreateDescriptorSetLayout(context->device, &info, context->allocation_callbacks,
                                                    &image->layouts[which]);
    if (result != VK_SUCCESS)
        return smelt_fail_vk(context, result, "vkCreateDescriptorSetLayout");
    const VkDescriptorSetAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                                  .descriptorPool = image->pool,
                                                  .descriptorSetCount = 1,
                                                  .pSetLayouts = &image->layouts[which]};
    result = vk->AllocateDescriptorSets(context->device, &allocate, &image->sets[which]);
    if (result != VK_SUCCESS)
        return smelt_fail_vk(context, result, "vkAllocateDescriptorSets");
    const VkDescriptorImageInfo place = {.imageView = view, .imageLayout = layout};
    const VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                        .dstSet = image->sets[which],
                                        .descriptorCount = 1,
                                        .descriptorType = types[which],
                                        .pImageInfo = &place};
    vk->UpdateDescriptorSets(context->device, 1, &write, 0, NULL);
    return SMELT_OK;
}

static enum smelt_result fill(smelt_image image, const struct smelt_image_params *params)
{
    smelt_context context = image->context;
    const VkDescriptorPoolSize sizes[2] = {{types[0], 1}, {types[1], 1}};
    const VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = 2,
                                             .poolSizeCount = 2,
                                             .pPoolSizes = sizes};
    VkResult vk =
        context->vk.CreateDescriptorPool(context->device, &pool, context->allocation_callbacks, &image->pool);
    if (vk != VK_SUCCESS)
        return smelt_fail_vk(context, vk, "vkCreateDescriptorPool");
    smelt_set_debug_name(context, VK_OBJECT_TYPE_DESCRIPTOR_POOL, (uint64_t)image->pool, image->name);
    image->layout_name = smelt_image_layout_name(params->format);
    enum smelt_result result = SMELT_OK;
    if (params->usage & VK_IMAGE_USAGE_SAMPLED_BIT)
        result = make_set(image, 0, params->view,
                          params->layout ? params->layout : VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    if (result || !(params->usage & VK_IMAGE_USAGE_STORAGE_BIT))
        return result;
    if (!image->layout_name)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "image '%s': format %d cannot be written, wanted R8G8B8A8_UNORM, "
                          "R16G16B16A16_SFLOAT, R32G32B32A32_SFLOAT or R32_SFLOAT, or usage without STORAGE",
                          image->name, (int)params->format);
    return make_set(image, 1, params->view, VK_IMAGE_LAYOUT_GENERAL);
}

enum smelt_result smelt_image_create(smelt_context context, const struct smelt_image_params *params,
                                     smelt_image *out)
{
    if (!context || !params || !out || !params->view)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "image: %s is NULL, wanted one",
                          !context  ? "context"
                          : !params ? "params"
                          : !out    ? "image"
                                    : "view");
    const char *name = params->name ? params->name : "image";
    if (!params->width || !params->height ||
        !(params->usage & (VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT)))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "image '%s': %" PRIu32 " x %" PRIu32 " with usage 0x%x, wanted pixels and SAMPLED, "
                          "STORAGE or both",
                          name, params->width, params->height, params->usage);
    smelt_image image = calloc(1, sizeof(*image));
    if (!image || !(image->name = smelt_copy_string(name))) {
        free(image);
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "image '%s': out of host memory", name);
    }
    image->context = context;
    image->width = params->width;
    image->height = params->height;
    enum smelt_result result = fill(image, params);
    if (result)
        smelt_image_destroy(&image);
    else
        *out = image;
    return result;
}

void smelt_image_destroy(smelt_image *image)
{
    if (!image || !*image)
        return;
    smelt_context context = (*image)->context;
    context->vk.DestroyDescriptorPool(context->device, (*image)->pool, context->allocation_callbacks);
    for (int i = 0; i < 2; i++)
        context->vk.DestroyDescriptorSetLayout(context->device, (*image)->layouts[i],
                                               context->allocation_callbacks);
    free((*image)->name);
    free(*image);
    *image = NULL;
}

// --- Calls ----------------------------------------------------------------------------------------------------

enum smelt_result smelt_image_require(smelt_image image, smelt_context context, const char *call,
                                      uint64_t width, uint64_t height, bool written)
{
    if (!image || image->context != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: the image is %s", call,
                          image ? "of another context" : "NULL, wanted one");
    if (!image->sets[written])
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: image '%s' was made without usage %s",
                          call, image->name, written ? "STORAGE" : "SAMPLED");
    return image->width == width && image->height == height
               ? SMELT_OK
               : smelt_fail(context, SMELT_ERROR_SHAPE,
                            "%s: image '%s' is %" PRIu32 " x %" PRIu32 ", wanted %" PRIu64 " x %" PRIu64,
                            call, image->name, image->width, image->height, width, height);
}

static enum smelt_result check(smelt_encoder encoder, smelt_tensor tensor, smelt_image image, bool written,
                               const char *call)
{
    if (!tensor)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: tensor is NULL, wanted one", call);
    const struct smelt_tensor_info *info = &tensor->info;
    if (!smelt_dtype_is_float(info->dtype))
        return smelt_fail(tensor->context, SMELT_ERROR_DTYPE, "%s: tensor '%s' is %s, wanted a float type",
                          call, info->name, smelt_dtype_name(info->dtype));
    if (info->rank != 4 || info->shape[0] != 1 || info->shape[1] > 4)
        return smelt_fail(tensor->context, SMELT_ERROR_SHAPE,
                          "%s: tensor '%s' has another shape than [1][1 to 4][height][width]", call,
                          info->name);
    enum smelt_result result = smelt_encoder_require(encoder, tensor->context, call);
    return result
               ? result
               : smelt_image_require(image, tensor->context, call, info->shape[3], info->shape[2], written);
}

struct smelt_image_map smelt_image_whole_map(const struct smelt_image_map *map)
{
    struct smelt_image_map whole = map ? *map : (struct smelt_image_map){0};
    bool plain = true;
    for (int i = 0; i < 4; i++)
        plain = plain && whole.scale[i] == 0;
    for (int i = 0; i < 4 && plain; i++)
        whole.scale[i] = 1;
    return whole;
}

static void fill_numbers(struct smelt_operator_call *call, const struct smelt_image_map *map)
{
    const struct smelt_image_map whole = smelt_image_whole_map(map);
    memcpy(call->numbers, &whole, sizeof(whole));
    call->number_count = 8;
}

enum smelt_result smelt_encode_image_load(smelt_encoder encoder, smelt_tensor tensor, smelt_image image,
                                          const struct smelt_image_map *map)
{
    enum smelt_result result = check(encoder, tensor, image, false, "image_load");
    if (result)
        return result;
    struct smelt_operator_call call = {.body = "operator_image_load.glsl",
                                       .tensors = {tensor},
                                       .image = image->sets[0],
                                       .image_type = types[0]};
    fill_numbers(&call, map);
    return smelt_encode_operator(encoder, &call);
}

enum smelt_result smelt_encode_image_store(smelt_encoder encoder, smelt_image image, smelt_tensor tensor,
                                           const struct smelt_image_map *map)
{
    enum smelt_result result = check(encoder, tensor, image, true, "image_store");
    if (result)
        return result;
    char options[32];
    snprintf(options, sizeof(options), "FORMAT=%s", image->layout_name);
    struct smelt_operator_call call = {.body = "operator_image_store.glsl",
                                       .options = options,
                                       .tensors = {tensor},
                                       .only_reads = true,
                                       .image = image->sets[1],
                                       .image_type = types[1]};
    fill_numbers(&call, map);
    return smelt_encode_operator(encoder, &call);
}
