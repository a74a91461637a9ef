// SPDX-License-Identifier: MIT
// The latent textures and weights of a material on the device, and the recording of new contents.
#include "material_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL_PARTS (SMELT_MATERIAL_WEIGHTS | SMELT_MATERIAL_LATENTS)

static void name_object(smelt_material m, VkObjectType type, uint64_t object, const char *what,
                        uint32_t index)
{
    char name[128];
    snprintf(name, sizeof(name), "%.64s %s%u", m->info.name, what, index);
    smelt_set_debug_name(m->context, type, object, name);
}

// Both are formats that every device samples with a linear filter (Vulkan 1.3, 33.3).
static VkFormat image_format(const struct smelt_material_texture *texture)
{
    return texture->bits == 4 ? VK_FORMAT_B4G4R4A4_UNORM_PACK16 : VK_FORMAT_R8G8B8A8_UNORM;
}

static enum smelt_result create_images(smelt_material m, VkMemoryRequirements *all, uint64_t *offsets)
{
    const struct smelt_vk *vk = &m->context->vk;
    VkPhysicalDeviceProperties properties;
    vk->GetPhysicalDeviceProperties(m->context->physical_device, &properties);
    uint32_t limit = properties.limits.maxImageDimension2D;
    *all = (VkMemoryRequirements){.alignment = 1, .memoryTypeBits = UINT32_MAX};
    for (uint32_t i = 0; i < m->info.latent_count; i++) {
        const struct smelt_material_texture *t = &m->info.latents[i];
        VkMemoryRequirements one;
        if (SMELT_MAX(t->width, t->height) > limit)
            return smelt_fail(m->context, SMELT_ERROR_UNSUPPORTED,
                              "%s: latent textures of %u x %u: the device's maxImageDimension2D is %u",
                              smelt_package_name(m->package), t->width, t->height, limit);
        VkImageCreateInfo info = {
            .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
            .imageType = VK_IMAGE_TYPE_2D,
            .format = image_format(t),
            .extent = {t->width, t->height, 1},
            .mipLevels = t->mips,
            .arrayLayers = 1,
            .samples = VK_SAMPLE_COUNT_1_BIT,
            .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
        };
        VkResult result =
            vk->CreateImage(m->context->device, &info, m->context->allocation_callbacks, &m->images[i]);
        if (result)
            return smelt_fail_vk(m->context, result, "vkCreateImage");
        name_object(m, VK_OBJECT_TYPE_IMAGE, (uint64_t)m->images[i], "latent", i);
        vk->GetImageMemoryRequirements(m->context->device, m->images[i], &one);
        offsets[i] = (all->size + one.alignment - 1) / one.alignment * one.alignment;
        all->size = offsets[i] + one.size;
        all->alignment = SMELT_MAX(all->alignment, one.alignment);
        all->memoryTypeBits &= one.memoryTypeBits;
    }
    return SMELT_OK;
}

static enum smelt_result create_view(smelt_material m, uint32_t index, uint64_t offset)
{
    const struct smelt_vk *vk = &m->context->vk;
    VkResult result = vk->BindImageMemory(m->context->device, m->images[index], m->memory, offset);
    if (result)
        return smelt_fail_vk(m->context, result, "vkBindImageMemory");
    VkImageViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = m->images[index],
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = image_format(&m->info.latents[index]),
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, m->info.latents[index].mips, 0, 1},
    };
    result =
        vk->CreateImageView(m->context->device, &info, m->context->allocation_callbacks, &m->views[index]);
    if (result)
        return smelt_fail_vk(m->context, result, "vkCreateImageView");
    name_object(m, VK_OBJECT_TYPE_IMAGE_VIEW, (uint64_t)m->views[index], "latent", index);
    return SMELT_OK;
}

static enum smelt_result create_sampler(smelt_material m)
{
    VkSamplerAddressMode address =
        m->description.clamp ? VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE : VK_SAMPLER_ADDRESS_MODE_REPEAT;
    VkSamplerCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
        .magFilter = VK_FILTER_LINEAR,
        .minFilter = VK_FILTER_LINEAR,
        .mipmapMode = VK_SAMPLER_MIPMAP_MODE_LINEAR,
        .addressModeU = address,
        .addressModeV = address,
        .addressModeW = address,
        .maxLod = VK_LOD_CLAMP_NONE,
    };
    VkResult result = m->context->vk.CreateSampler(m->context->device, &info,
                                                   m->context->allocation_callbacks, &m->sampler);
    if (result)
        return smelt_fail_vk(m->context, result, "vkCreateSampler");
    name_object(m, VK_OBJECT_TYPE_SAMPLER, (uint64_t)m->sampler, "sampler", 0);
    return SMELT_OK;
}

static enum smelt_result create_weights(smelt_material m)
{
    const struct smelt_mlp_descriptor *mlp = &m->info.mlp;
    struct smelt_weights_layer layers[SMELT_MLP_MAX_LAYERS];
    for (uint32_t i = 0; i < mlp->layer_count; i++)
        layers[i] = (struct smelt_weights_layer){
            .rows = mlp->widths[i + 1], .columns = mlp->widths[i], .bias = !mlp->no_bias};
    struct smelt_weights_params params = {
        .layers = layers,
        .layer_count = mlp->layer_count,
        .dtype = mlp->stored,
        .backend = mlp->backend,
        .frames_in_flight = m->slot_count,
        .stages = m->readers,
        .name = m->info.name,
    };
    return smelt_weights_create(m->context, &params, &m->weights);
}

// Barriers may only name stages that the queue's family has.
static VkPipelineStageFlags2 shader_stages(smelt_context context)
{
    VkQueueFamilyProperties families[16];
    uint32_t count = SMELT_COUNT_OF(families);
    context->vk.GetPhysicalDeviceQueueFamilyProperties(context->physical_device, &count, families);
    bool graphics = context->queue_family >= count ||
                    (families[context->queue_family].queueFlags & VK_QUEUE_GRAPHICS_BIT) != 0;
    return VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT |
           (graphics ? VK_PIPELINE_STAGE_2_VERTEX_SHADER_BIT | VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT : 0);
}

// Copies from buffers begin at multiples of 4 on every queue (Vulkan 1.3, vkCmdCopyBufferToImage).
static uint64_t aligned(uint64_t size)
{
    return (size + 3) / 4 * 4;
}

static enum smelt_result create_products(smelt_material m)
{
    for (uint32_t i = 0; i < m->info.mlp.layer_count; i++)
        if (m->description.scales[i] &&
            !(m->products[i] = calloc(m->description.weights[i]->size, sizeof(uint16_t))))
            return smelt_fail(m->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                              "no memory for the weights of \"%.80s\"", m->info.name);
    return SMELT_OK;
}

enum smelt_result smelt_material_create_gpu(smelt_material m)
{
    VkMemoryRequirements requirements;
    uint64_t offsets[SMELT_MATERIAL_MAX_LATENTS];
    m->readers = shader_stages(m->context);
    for (uint32_t i = 0; i < m->info.latent_count; i++)
        for (uint32_t level = 0; level < m->info.latents[i].mips; level++)
            m->slot_size += aligned(m->description.latents[i][level]->size);
    enum smelt_result result = create_products(m);
    if (!result)
        result = create_images(m, &requirements, offsets);
    if (!result)
        result = smelt_memory_allocate(m->context, &requirements, SMELT_PLACE_DEVICE, SMELT_MEMORY_TEXTURE,
                                       &m->memory);
    if (!result)
        m->memory_size = requirements.size;
    for (uint32_t i = 0; i < m->info.latent_count && !result; i++)
        result = create_view(m, i, offsets[i]);
    if (!result)
        result = create_sampler(m);
    return result ? result : create_weights(m);
}

void smelt_material_destroy_gpu(smelt_material m)
{
    const struct smelt_vk *vk = &m->context->vk;
    const VkAllocationCallbacks *callbacks = m->context->allocation_callbacks;
    smelt_weights_destroy(&m->weights);
    smelt_buffer_destroy(m->context, &m->staging);
    for (uint32_t i = 0; i < SMELT_MLP_MAX_LAYERS; i++)
        free(m->products[i]);
    vk->DestroySampler(m->context->device, m->sampler, callbacks);
    for (uint32_t i = 0; i < m->info.latent_count; i++) {
        vk->DestroyImageView(m->context->device, m->views[i], callbacks);
        vk->DestroyImage(m->context->device, m->images[i], callbacks);
    }
    if (m->memory)
        smelt_memory_free(m->context, &m->memory, m->memory_size, SMELT_MEMORY_TEXTURE);
}

static void record_transition(smelt_material m, VkCommandBuffer commands, bool before)
{
    VkImageMemoryBarrier2 barriers[SMELT_MATERIAL_MAX_LATENTS];
    for (uint32_t i = 0; i < m->info.latent_count; i++) {
        // Everything is overwritten, so the old contents and their layout do not matter.
        barriers[i] = (VkImageMemoryBarrier2){
            .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
            .srcStageMask = before ? m->readers : VK_PIPELINE_STAGE_2_COPY_BIT,
            .srcAccessMask = before ? 0 : VK_ACCESS_2_TRANSFER_WRITE_BIT,
            .dstStageMask = before ? VK_PIPELINE_STAGE_2_COPY_BIT : m->readers,
            .dstAccessMask = before ? VK_ACCESS_2_TRANSFER_WRITE_BIT : VK_ACCESS_2_SHADER_SAMPLED_READ_BIT,
            .oldLayout = before ? VK_IMAGE_LAYOUT_UNDEFINED : VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
            .newLayout =
                before ? VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL : VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
            .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
            .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
            .image = m->images[i],
            .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, m->info.latents[i].mips, 0, 1},
        };
    }
    VkDependencyInfo dependency = {
        .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
        .imageMemoryBarrierCount = m->info.latent_count,
        .pImageMemoryBarriers = barriers,
    };
    m->context->vk.CmdPipelineBarrier2(commands, &dependency);
}

// Copies the latents into a slot of host-visible `staging` and records their way to the images.
static void record_latents(smelt_material m, VkCommandBuffer commands,
                           const struct smelt_material_description *d, const struct smelt_buffer *staging,
                           uint64_t offset)
{
    record_transition(m, commands, true);
    for (uint32_t i = 0; i < m->info.latent_count; i++) {
        VkBufferImageCopy regions[SMELT_MATERIAL_MAX_MIPS];
        for (uint32_t level = 0; level < m->info.latents[i].mips; level++) {
            const struct smelt_package_tensor *tensor = d->latents[i][level];
            memcpy((char *)staging->mapped + offset, tensor->data, tensor->size);
            regions[level] = (VkBufferImageCopy){
                .bufferOffset = offset,
                .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, level, 0, 1},
                .imageExtent = {(uint32_t)tensor->shape[1], (uint32_t)tensor->shape[0], 1},
            };
            offset += aligned(tensor->size);
        }
        m->context->vk.CmdCopyBufferToImage(commands, staging->buffer, m->images[i],
                                            VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, m->info.latents[i].mips,
                                            regions);
    }
    record_transition(m, commands, false);
}

// Quantised weights times the scale of their row.
static void multiply_out(const struct smelt_material_description *d, uint32_t layer, uint16_t *products)
{
    const struct smelt_package_tensor *w = d->weights[layer], *s = d->scales[layer];
    const uint8_t *q = w->data;
    for (uint64_t row = 0; row < w->shape[0]; row++) {
        float scale;
        memcpy(&scale, (const char *)s->data + row * sizeof(scale), sizeof(scale)); // a file may be unaligned
        for (uint64_t i = row * w->shape[1]; i < (row + 1) * w->shape[1]; i++)
            products[i] = smelt_f16_from_f32(
                scale * (w->dtype == SMELT_DTYPE_I8 ? (float)(int8_t)q[i] : smelt_f8e4m3_to_f32(q[i])));
    }
}

static void weight_pointers(smelt_material m, const struct smelt_material_description *d,
                            const void **matrices, const void **biases)
{
    for (uint32_t i = 0; i < d->mlp.layer_count; i++) {
        matrices[i] = d->weights[i]->data;
        if (d->scales[i]) {
            multiply_out(d, i, m->products[i]);
            matrices[i] = m->products[i];
        }
        biases[i] = d->biases[i] ? d->biases[i]->data : NULL;
    }
}

// Another package's description, when it fits into the material.
static enum smelt_result describe_update(smelt_material m, smelt_package package,
                                         struct smelt_material_description *d)
{
    struct smelt_material_architecture ours, theirs;
    enum smelt_result result = smelt_material_describe(m->context, package, d);
    if (result)
        return result;
    for (uint32_t i = 0; i < SMELT_MIN(d->latent_count, m->info.latent_count); i++) {
        const struct smelt_material_texture *mine = &m->info.latents[i], *other = &d->textures[i];
        if (other->width != mine->width || other->height != mine->height || other->mips != mine->mips)
            return smelt_fail(
                m->context, SMELT_ERROR_INVALID_ARGUMENT,
                "%s: latent %u: wanted %u x %u with %u mips as in \"%.80s\", got %u x %u with %u",
                smelt_package_name(package), i, mine->width, mine->height, mine->mips, m->info.name,
                other->width, other->height, other->mips);
    }
    for (uint32_t i = 0; i < d->mlp.layer_count && i < m->info.mlp.layer_count; i++)
        if (!d->scales[i] != !m->products[i])
            return smelt_fail(m->context, SMELT_ERROR_INVALID_ARGUMENT,
                              "%s: layer %u: wanted weights %s a scale as in \"%.80s\"",
                              smelt_package_name(package), i, m->products[i] ? "with" : "without",
                              m->info.name);
    smelt_material_architecture(&m->description, &ours);
    smelt_material_architecture(d, &theirs);
    char *a = ours.text, *b = theirs.text;
    while (*a && *b) {
        size_t length = strcspn(a, "\n");
        if (strcspn(b, "\n") != length || memcmp(a, b, length))
            break;
        a += length + 1;
        b += length + 1;
    }
    if (!*a && !*b)
        return SMELT_OK;
    return smelt_fail(m->context, SMELT_ERROR_INVALID_ARGUMENT,
                      "%s: another architecture than \"%.80s\": wanted \"%.*s\", got \"%.*s\"",
                      smelt_package_name(package), m->info.name, (int)strcspn(a, "\n"), a,
                      (int)strcspn(b, "\n"), b);
}

static enum smelt_result require_textures(smelt_material m, const char *call)
{
    if (!m)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: material is NULL, wanted one", call);
    return m->weights
               ? SMELT_OK
               : smelt_fail(
                     m->context, SMELT_ERROR_NOT_READY,
                     "material \"%.80s\": wanted one with textures, it was created with description_only",
                     m->info.name);
}

static enum smelt_result check_update(smelt_material m, VkCommandBuffer commands, uint32_t parts)
{
    enum smelt_result result = require_textures(m, "smelt_material_update");
    if (result)
        return result;
    if (!commands || parts & ~(uint32_t)ALL_PARTS)
        return smelt_fail(m->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_material_update: wanted a command buffer and parts of 0x%x, got %p and 0x%x",
                          ALL_PARTS, (void *)commands, parts);
    return SMELT_OK;
}

enum smelt_result smelt_material_update(smelt_material material, VkCommandBuffer commands, uint64_t frame,
                                        smelt_package package, uint32_t parts)
{
    smelt_material m = material;
    struct smelt_material_description other;
    enum smelt_result result = check_update(m, commands, parts);
    if (!result && package)
        result = describe_update(m, package, &other);
    if (result)
        return result;
    const struct smelt_material_description *d = package ? &other : &m->description;
    parts = parts ? parts : ALL_PARTS;
    if (parts & SMELT_MATERIAL_LATENTS && !m->staging.buffer &&
        (result = smelt_buffer_create(m->context, m->slot_size * m->slot_count, SMELT_PLACE_HOST_WRITE,
                                      SMELT_MEMORY_STAGING, "material staging", &m->staging)))
        return result;
    smelt_begin_label(m->context, commands, "smelt material update");
    if (parts & SMELT_MATERIAL_WEIGHTS) {
        const void *matrices[SMELT_MLP_MAX_LAYERS], *biases[SMELT_MLP_MAX_LAYERS];
        weight_pointers(m, d, matrices, biases);
        result = smelt_weights_update(m->weights, commands, frame,
                                      &(struct smelt_weights_data){.matrices = matrices, .biases = biases});
    }
    if (parts & SMELT_MATERIAL_LATENTS && !result)
        record_latents(m, commands, d, &m->staging, frame % m->slot_count * m->slot_size);
    smelt_end_label(m->context, commands);
    return result;
}

enum smelt_result smelt_material_upload_and_wait(smelt_material material)
{
    smelt_material m = material;
    const void *matrices[SMELT_MLP_MAX_LAYERS], *biases[SMELT_MLP_MAX_LAYERS];
    struct smelt_buffer staging = {0};
    VkCommandBuffer commands;
    enum smelt_result result = require_textures(m, "smelt_material_upload_and_wait");
    if (result)
        return result;
    result = smelt_buffer_create(m->context, m->slot_size, SMELT_PLACE_HOST_WRITE, SMELT_MEMORY_STAGING,
                                 "material upload", &staging);
    if (!result)
        result = smelt_submit_begin(m->context, &commands);
    if (!result) {
        record_latents(m, commands, &m->description, &staging, 0);
        result = smelt_submit_end(m->context, true);
    }
    smelt_buffer_destroy(m->context, &staging);
    if (result)
        return result;
    weight_pointers(m, &m->description, matrices, biases);
    return smelt_weights_update_and_wait(
        m->weights, &(struct smelt_weights_data){.matrices = matrices, .biases = biases});
}
