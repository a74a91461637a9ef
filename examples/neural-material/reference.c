// SPDX-License-Identifier: MIT
// Loads a folder of JPEG textures and makes a surface of them.
#include "reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint32_t textures_frag[] =
#include "textures.frag.inc"
    ;

// --- Textures -------------------------------------------------------------------------------------------

static bool file_path(const char *folder, const char *name, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/%s", folder, name);
    return (length > 0 && (size_t)length < size) || fail("%s: the path is too long", folder);
}

static bool read_map(const char *folder, const char *name, struct picture *picture)
{
    char path[4096];
    return file_path(folder, name, path, sizeof(path)) && picture_read_jpeg(path, picture);
}

// Puts the red channel of a file into channel `c` of a picture of the same size. A file that may be absent
// leaves the channel as it is.
static bool read_channel(const char *folder, const char *name, bool optional, struct picture *orm, int c)
{
    char path[4096];
    struct picture map = {0};
    if (!file_path(folder, name, path, sizeof(path)))
        return false;
    if (optional && access(path, F_OK))
        return true;
    if (!picture_read_jpeg(path, &map))
        return false;
    bool fits = map.width == orm->width && map.height == orm->height;
    for (size_t i = 0; fits && i < (size_t)map.width * map.height; i++)
        orm->texels[4 * i + c] = map.texels[4 * i];
    if (!fits)
        fail("%s: %u x %u texels; wanted %u x %u as base_color.jpg has", path, map.width, map.height,
             orm->width, orm->height);
    picture_destroy(&map);
    return fits;
}

static bool upload(struct reference *reference, int index, VkFormat format, const struct picture *picture)
{
    VkExtent2D extent = {picture->width, picture->height};
    uint32_t limit = reference->gpu->properties.limits.maxImageDimension2D;
    if (extent.width > limit || extent.height > limit)
        return fail("reference textures of %u x %u texels; this device has at most %u", extent.width,
                    extent.height, limit);
    return gpu_image_create(reference->gpu, format, extent, VK_SAMPLE_COUNT_1_BIT,
                            VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                            &reference->maps[index]) &&
           gpu_image_upload(reference->gpu, &reference->maps[index], picture->texels);
}

static bool load_maps(struct reference *reference, const char *folder)
{
    struct picture color = {0}, normal = {0}, orm = {0};
    bool done = read_map(folder, "base_color.jpg", &color) && read_map(folder, "normal_gl.jpg", &normal);
    if (done) {
        size_t texels = (size_t)color.width * color.height;
        orm = (struct picture){color.width, color.height, calloc(texels, 4)};
        done = orm.texels || fail("%s: out of memory", folder);
        for (size_t i = 0; done && i < texels; i++)
            orm.texels[4 * i] = 255;
    }
    done = done && read_channel(folder, "ao.jpg", true, &orm, 0) &&
           read_channel(folder, "roughness.jpg", false, &orm, 1) &&
           read_channel(folder, "metalness.jpg", true, &orm, 2) &&
           upload(reference, 0, VK_FORMAT_R8G8B8A8_SRGB, &color) &&
           upload(reference, 1, VK_FORMAT_R8G8B8A8_UNORM, &normal) &&
           upload(reference, 2, VK_FORMAT_R8G8B8A8_UNORM, &orm);
    reference->width = color.width;
    reference->height = color.height;
    picture_destroy(&color);
    picture_destroy(&normal);
    picture_destroy(&orm);
    return done;
}

// --- Descriptors ----------------------------------------------------------------------------------------

static bool create_set(struct reference *reference)
{
    VkDevice device = reference->gpu->device;
    const VkSamplerCreateInfo sampler = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                                         .magFilter = VK_FILTER_LINEAR,
                                         .minFilter = VK_FILTER_LINEAR};
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
    if (!GPU_CALL(vkCreateSampler, device, &sampler, NULL, &reference->sampler) ||
        !GPU_CALL(vkCreateDescriptorSetLayout, device, &layout, NULL, &reference->set_layout) ||
        !GPU_CALL(vkCreateDescriptorPool, device, &pool, NULL, &reference->pool))
        return false;
    const VkDescriptorSetAllocateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                             .descriptorPool = reference->pool,
                                             .descriptorSetCount = 1,
                                             .pSetLayouts = &reference->set_layout};
    if (!GPU_CALL(vkAllocateDescriptorSets, device, &set, &reference->set))
        return false;
    VkDescriptorImageInfo images[3];
    for (uint32_t i = 0; i < 3; i++)
        images[i] = (VkDescriptorImageInfo){reference->sampler, reference->maps[i].view,
                                            VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    const VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                        .dstSet = reference->set,
                                        .descriptorCount = 3, // runs on into bindings 1 and 2
                                        .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                        .pImageInfo = images};
    vkUpdateDescriptorSets(device, 1, &write, 0, NULL);
    return true;
}

static bool bind(void *user, VkCommandBuffer commands, VkPipelineLayout layout, uint64_t frame)
{
    struct reference *reference = user;
    (void)frame;
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout, 1, 1, &reference->set, 0,
                            NULL);
    return true;
}

bool reference_create(struct renderer *renderer, const char *folder, struct reference *reference)
{
    reference->gpu = renderer->gpu;
    reference->surface.bind = bind;
    reference->surface.user = reference;
    return load_maps(reference, folder) && create_set(reference) &&
           gpu_shader_module(reference->gpu, textures_frag, sizeof(textures_frag), &reference->fragment) &&
           renderer_surface_create(renderer, reference->fragment, reference->set_layout, 0,
                                   &reference->surface);
}

void reference_destroy(struct renderer *renderer, struct reference *reference)
{
    if (!reference->gpu)
        return;
    VkDevice device = reference->gpu->device;
    renderer_surface_destroy(renderer, &reference->surface);
    vkDestroyShaderModule(device, reference->fragment, NULL);
    vkDestroyDescriptorPool(device, reference->pool, NULL);
    vkDestroyDescriptorSetLayout(device, reference->set_layout, NULL);
    vkDestroySampler(device, reference->sampler, NULL);
    for (int i = 0; i < 3; i++)
        gpu_image_destroy(reference->gpu, &reference->maps[i]);
    *reference = (struct reference){0};
}
