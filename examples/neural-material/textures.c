// SPDX-License-Identifier: MIT
// A surface of three textures: their upload, a descriptor set, a pipeline.
#include "textures.h"

static const uint32_t textures_frag[] =
#include "textures.frag.inc"
    ;

bool textures_upload(struct gpu *gpu, uint32_t index, VkFormat format, VkExtent2D extent, const void *texels,
                     size_t size, struct textures *textures)
{
    uint32_t limit = gpu->properties.limits.maxImageDimension2D;
    textures->gpu = gpu;
    textures->extent = extent;
    if (extent.width > limit || extent.height > limit)
        return fail("textures of %u x %u texels; this device has at most %u", extent.width, extent.height,
                    limit);
    return gpu_image_create(gpu, format, extent, VK_SAMPLE_COUNT_1_BIT,
                            VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                            &textures->maps[index]) &&
           gpu_image_upload(gpu, &textures->maps[index], texels, size);
}

static bool create_set(struct textures *textures)
{
    VkDevice device = textures->gpu->device;
    VkSamplerAddressMode mode =
        textures->clamp ? VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE : VK_SAMPLER_ADDRESS_MODE_REPEAT;
    const VkSamplerCreateInfo sampler = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                                         .magFilter = VK_FILTER_LINEAR,
                                         .minFilter = VK_FILTER_LINEAR,
                                         .addressModeU = mode,
                                         .addressModeV = mode};
    VkDescriptorSetLayoutBinding bindings[3] = {{0}};
    for (uint32_t i = 0; i < 3; i++)
        bindings[i] =
            (VkDescriptorSetLayoutBinding){.binding = i,
                                           .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                           .descriptorCount = 1,
                                           .stageFlags = VK_SHADER_STAGE_FRAGMENT_BIT};
    const VkDescriptorSetLayoutCreateInfo layout = {.sType =
                                                        VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                    .bindingCount = 3,
                                                    .pBindings = bindings};
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 3};
    const VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = 1,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    if (!GPU_CALL(vkCreateSampler, device, &sampler, NULL, &textures->sampler) ||
        !GPU_CALL(vkCreateDescriptorSetLayout, device, &layout, NULL, &textures->set_layout) ||
        !GPU_CALL(vkCreateDescriptorPool, device, &pool, NULL, &textures->pool))
        return false;
    const VkDescriptorSetAllocateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                             .descriptorPool = textures->pool,
                                             .descriptorSetCount = 1,
                                             .pSetLayouts = &textures->set_layout};
    if (!GPU_CALL(vkAllocateDescriptorSets, device, &set, &textures->set))
        return false;
    VkDescriptorImageInfo images[3];
    for (uint32_t i = 0; i < 3; i++)
        images[i] = (VkDescriptorImageInfo){textures->sampler, textures->maps[i].view,
                                            VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    const VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                        .dstSet = textures->set,
                                        .descriptorCount = 3, // runs on into bindings 1 and 2
                                        .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                        .pImageInfo = images};
    vkUpdateDescriptorSets(device, 1, &write, 0, NULL);
    return true;
}

static bool bind(void *user, VkCommandBuffer commands, VkPipelineLayout layout, uint64_t frame)
{
    struct textures *textures = user;
    (void)frame;
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout, 1, 1, &textures->set, 0, NULL);
    return true;
}

bool textures_create(struct renderer *renderer, struct textures *textures)
{
    textures->surface.bind = bind;
    textures->surface.user = textures;
    return create_set(textures) &&
           gpu_shader_module(textures->gpu, textures_frag, sizeof(textures_frag), &textures->fragment) &&
           renderer_surface_create(renderer, textures->fragment, textures->set_layout, 0, &textures->surface);
}

void textures_destroy(struct renderer *renderer, struct textures *textures)
{
    if (!textures->gpu)
        return;
    VkDevice device = textures->gpu->device;
    renderer_surface_destroy(renderer, &textures->surface);
    vkDestroyShaderModule(device, textures->fragment, NULL);
    vkDestroyDescriptorPool(device, textures->pool, NULL);
    vkDestroyDescriptorSetLayout(device, textures->set_layout, NULL);
    vkDestroySampler(device, textures->sampler, NULL);
    for (int i = 0; i < 3; i++)
        gpu_image_destroy(textures->gpu, &textures->maps[i]);
    *textures = (struct textures){0};
}
