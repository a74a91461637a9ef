// SPDX-License-Identifier: MIT
// Read transcode_create at the end first.
#include "transcode.h"

#include <stdlib.h>

// What lives until the textures are there.
struct work {
    smelt_arguments block, set;
    smelt_pipeline pipeline;
    smelt_encoder encoder;
    smelt_tensor maps[3], blocks[3];
    size_t size; // of the blocks of a map
    void *bytes;
};

static bool ok(enum smelt_result result)
{
    return result == SMELT_OK || fail("%s", smelt_last_error());
}

static bool load(smelt_context context, const struct neural_params *params, struct transcode *t)
{
    const struct smelt_material_params material = {.path = params->package,
                                                   .backend = params->backend,
                                                   .computed = params->precision,
                                                   .stage = VK_SHADER_STAGE_COMPUTE_BIT};
    if (!ok(smelt_material_create(context, &material, &t->material)))
        return false;
    const struct smelt_material_info *info = smelt_material_info(t->material);
    return (info->source_width && info->source_height)
               ? ok(smelt_material_upload_and_wait(t->material))
               : fail("%s does not say how large its source was", params->package);
}

static bool compile(smelt_context context, const struct neural_params *params, struct transcode *t,
                    struct work *w)
{
    struct neural_source source = {0};
    if (!neural_describe(t->material, "transcode.comp", 0, &source))
        return false;
    neural_define(&source, "MIP", params->mip);
    bool compiled = ok(smelt_shader_create(context, &source.params, &t->shader));
    smelt_free_text(&source.module);
    const struct smelt_arguments_params block = {
        .shaders = &t->shader, .shader_count = 1, .block = "neural_block"};
    const struct smelt_arguments_params set = {
        .shaders = &t->shader, .shader_count = 1, .block = "", .descriptors = true};
    if (!compiled || !ok(smelt_arguments_create(context, &block, &w->block)) ||
        !ok(smelt_arguments_create(context, &set, &w->set)) ||
        !ok(smelt_material_set_arguments(t->material, w->block, "", 0)))
        return false;
    for (uint32_t i = 0; i < smelt_material_info(t->material)->latent_count; i++)
        if (!ok(smelt_arguments_set_texture(w->set, "latents", i, smelt_material_latent(t->material, i),
                                            smelt_material_sampler(t->material),
                                            VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL)))
            return false;
    const VkDescriptorSetLayout layout = smelt_arguments_set_layout(w->set);
    const struct smelt_pipeline_params pipeline = {
        .shader = t->shader, .set_layouts = &layout, .set_layout_count = 1};
    return ok(smelt_pipeline_create(context, &pipeline, &w->pipeline)) &&
           ok(smelt_encoder_create(context, NULL, &w->encoder));
}

static bool create_tensors(smelt_context context, uint32_t width, uint32_t height, struct work *w)
{
    const struct smelt_tensor_params map = {
        .dtype = SMELT_DTYPE_U8, .rank = 3, .shape = {height, width, 4}, .name = "map"};
    const struct smelt_tensor_params blocks = {.dtype = SMELT_DTYPE_U32,
                                               .rank = 3,
                                               .shape = {(height + 3) / 4, (width + 3) / 4, 4},
                                               .name = "BC7 blocks"};
    for (int i = 0; i < 3; i++)
        if (!ok(smelt_tensor_create(context, &map, &w->maps[i])) ||
            !ok(smelt_tensor_create(context, &blocks, &w->blocks[i])))
            return false;
    w->size = (size_t)smelt_tensor_info(w->blocks[0])->size;
    w->bytes = malloc(w->size);
    return w->bytes || fail("out of memory for %zu bytes of BC7 blocks", w->size);
}

// The network at every texel, then the blocks.
static bool encode(const uint32_t size[2], struct work *w)
{
    VkDeviceAddress block, maps[3];
    if (!ok(smelt_arguments_flush(w->block, 0, &block)) || !ok(smelt_arguments_flush(w->set, 0, NULL)))
        return false;
    for (int i = 0; i < 3; i++)
        maps[i] = smelt_tensor_info(w->maps[i])->address;
    // The encoder does not see through addresses in tables.
    const struct smelt_barrier written =
        smelt_barrier_between(SMELT_STAGE_MACHINE_LEARNING, SMELT_STAGE_MACHINE_LEARNING);
    bool done = ok(smelt_encoder_set_pipeline(w->encoder, w->pipeline)) &&
                ok(smelt_encoder_set_descriptors(w->encoder, 0, smelt_arguments_descriptor_set(w->set, 0))) &&
                ok(smelt_encoder_set_bytes(w->encoder, "material", &block, sizeof(block))) &&
                ok(smelt_encoder_set_bytes(w->encoder, "maps", maps, sizeof(maps))) &&
                ok(smelt_encoder_set_bytes(w->encoder, "size", size, 2 * sizeof(*size))) &&
                ok(smelt_encoder_dispatch_threads(w->encoder, size[0], size[1], 1)) &&
                ok(smelt_encoder_barrier(w->encoder, &written));
    for (int i = 0; done && i < 3; i++)
        done = ok(smelt_encode_bc7(w->encoder, w->maps[i], w->blocks[i]));
    return done && ok(smelt_encoder_commit_and_wait(w->encoder));
}

static bool upload(struct gpu *gpu, VkExtent2D extent, struct work *w, struct textures *textures)
{
    static const VkFormat formats[] = {VK_FORMAT_BC7_SRGB_BLOCK, VK_FORMAT_BC7_UNORM_BLOCK,
                                       VK_FORMAT_BC7_UNORM_BLOCK};
    for (uint32_t i = 0; i < 3; i++)
        if (!ok(smelt_tensor_read_and_wait(w->blocks[i], NULL, w->bytes, w->size)) ||
            !textures_upload(gpu, i, formats[i], extent, w->bytes, w->size, textures))
            return false;
    return true;
}

static void work_destroy(struct work *w)
{
    free(w->bytes);
    smelt_encoder_destroy(&w->encoder);
    smelt_pipeline_destroy(&w->pipeline);
    smelt_arguments_destroy(&w->set);
    smelt_arguments_destroy(&w->block);
    for (int i = 0; i < 3; i++) {
        smelt_tensor_destroy(&w->maps[i]);
        smelt_tensor_destroy(&w->blocks[i]);
    }
}

bool transcode_create(smelt_context context, struct renderer *renderer, const struct neural_params *params,
                      struct transcode *t)
{
    VkPhysicalDeviceFeatures2 has = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    vkGetPhysicalDeviceFeatures2(renderer->gpu->physical_device, &has);
    if (!has.features.textureCompressionBC) // device_open enables it where it is there
        return fail("--path transcode: %s lacks textureCompressionBC", renderer->gpu->properties.deviceName);
    struct work work = {.size = 0};
    if (!load(context, params, t))
        return false;
    const struct smelt_material_info *info = smelt_material_info(t->material);
    const uint32_t size[] = {info->source_width, info->source_height};
    t->textures.clamp = info->clamp;
    bool done = compile(context, params, t, &work) && create_tensors(context, size[0], size[1], &work) &&
                encode(size, &work) &&
                upload(renderer->gpu, (VkExtent2D){size[0], size[1]}, &work, &t->textures) &&
                textures_create(renderer, &t->textures);
    work_destroy(&work);
    return done;
}

void transcode_destroy(struct renderer *renderer, struct transcode *t)
{
    textures_destroy(renderer, &t->textures);
    smelt_shader_destroy(&t->shader);
    smelt_material_destroy(&t->material);
}
