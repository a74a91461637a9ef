// SPDX-License-Identifier: MIT
// Evaluates a material with decode.comp, in bands of rows: at most MAX_POINTS points, and as many as take the device no longer
// than a slice.
#include "material_decode.h"

#include "embedded.h"

#include <math.h>
#include <stdio.h>

extern const struct smelt_embedded tool_shaders[];

enum { MAX_POINTS = 1 << 20, TILE = 1024 }; // TILE: points that a workgroup takes of a deferred material

static enum smelt_result load(struct material_decoder *d, const char *path,
                              const struct material_choice *choice)
{
    struct smelt_material_params params = {.path = path,
                                           .backend = choice->backend,
                                           .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                           .computed = choice->computed,
                                           .deferred = choice->deferred};
    enum smelt_result result = tool_context(choice->device, false, &d->context);
    bool cpu = !result && smelt_context_capabilities(d->context)->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    d->portion = cpu ? 1 << 12 : 1 << 16;
    d->deferred = choice->deferred;
    if (!result)
        result = smelt_material_create(d->context, &params, &d->material);
    if (!result)
        result = smelt_material_upload_and_wait(d->material);
    if (!result) {
        const struct smelt_memory_report memory = smelt_context_memory(d->context);
        d->info = smelt_material_info(d->material);
        d->device_size = memory.bytes[SMELT_MEMORY_WEIGHTS] + memory.bytes[SMELT_MEMORY_TEXTURE];
    }
    return result;
}

static enum smelt_result compile(struct material_decoder *d)
{
    char outputs[16], latents[16], tile[16], *module = NULL;
    snprintf(outputs, sizeof(outputs), "%u", d->info->output_count);
    snprintf(latents, sizeof(latents), "%u", d->info->latent_count);
    snprintf(tile, sizeof(tile), "%d", d->deferred ? TILE : 0);
    enum smelt_result result = smelt_material_glsl(d->material, "surface", &module);
    if (result)
        return result;
    struct smelt_define defines[] = {
        {"OUTPUTS", outputs}, {"LATENTS", latents}, {"CLAMP", d->info->clamp ? "1" : "0"}, {"TILE", tile}};
    const struct smelt_op op = {.name = "surface_net", .kind = SMELT_OP_MLP, .mlp = &d->info->mlp};
    struct smelt_virtual_file file = {"surface.glsl", module};
    struct smelt_shader_params params = {.path = "decode.comp",
                                         .source = (const char *)tool_shaders[0].data,
                                         .defines = defines,
                                         .define_count = 4,
                                         .ops = &op,
                                         .op_count = d->deferred ? 1 : 0,
                                         .files = &file,
                                         .file_count = 1,
                                         .backend = d->info->mlp.backend};
    result = smelt_shader_create(d->context, &params, &d->shader);
    smelt_free_text(&module);
    return result;
}

static enum smelt_result bind(struct material_decoder *d)
{
    struct smelt_arguments_params surface = {
        .shaders = &d->shader, .shader_count = 1, .block = "surface_block"};
    struct smelt_arguments_params block = {
        .shaders = &d->shader, .shader_count = 1, .block = "decode_block", .descriptors = true};
    struct smelt_tensor_params points = {.dtype = SMELT_DTYPE_F32,
                                         .rank = 2,
                                         .shape = {MAX_POINTS, d->info->output_count},
                                         .name = "decoded points"};
    VkDeviceAddress address = 0;
    enum smelt_result result = smelt_tensor_create(d->context, &points, &d->points);
    if (!result)
        result = smelt_arguments_create(d->context, &surface, &d->surface);
    if (!result)
        result = smelt_arguments_create(d->context, &block, &d->arguments);
    if (!result)
        result = smelt_material_set_arguments(d->material, d->surface, "", 0);
    if (!result)
        result = smelt_arguments_flush(d->surface, 0, &address);
    if (!result)
        result = smelt_arguments_set_address(d->arguments, "material", address);
    if (!result)
        result = smelt_arguments_set_tensor(d->arguments, "points", d->points);
    for (uint32_t i = 0; !result && i < d->info->latent_count; i++)
        result = smelt_arguments_set_texture(
            d->arguments, "latents", i, smelt_material_latent(d->material, i),
            smelt_material_sampler(d->material), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    return result;
}

static enum smelt_result make_pipeline(struct material_decoder *d)
{
    struct smelt_encoder_params params = {.name = "decode"};
    VkDescriptorSetLayout set_layout = smelt_arguments_set_layout(d->arguments);
    enum smelt_result result = smelt_shader_create_compute_pipeline(
        d->shader, &set_layout, set_layout != VK_NULL_HANDLE, NULL, &d->layout, &d->pipeline);
    return result ? result : smelt_encoder_create(d->context, &params, &d->encoder);
}

int material_option(struct material_choice *choice, int option, const char *argument)
{
    switch (option) {
    case MATERIAL_DEVICE:
        choice->device = argument;
        return TOOL_OK;
    case MATERIAL_BACKEND:
        return tool_parse_backend(argument, &choice->backend) ? TOOL_OK : TOOL_USAGE;
    case MATERIAL_PRECISION:
        return tool_parse_float("--precision", argument, &choice->computed) ? TOOL_OK : TOOL_USAGE;
    default:
        return TOOL_USAGE;
    }
}

enum smelt_result material_decoder_try(struct material_decoder *decoder, const char *path,
                                       const struct material_choice *choice)
{
    enum smelt_result result = load(decoder, path, choice);
    if (!result)
        result = compile(decoder);
    if (!result)
        result = bind(decoder);
    return result ? result : make_pipeline(decoder);
}

int material_decoder_open(struct material_decoder *decoder, const char *path,
                          const struct material_choice *choice)
{
    enum smelt_result result = material_decoder_try(decoder, path, choice);
    if (result && decoder->info && !smelt_context_capabilities(decoder->context)->compiler)
        return tool_fail("%s: evaluating it compiles a shader, but this build has no GLSL compiler "
                         "(-Dcompiler=disabled)",
                         path);
    return result ? tool_fail_smelt() : TOOL_OK;
}

struct material_grid material_grid_of_level(const struct material_decoder *decoder, uint32_t width,
                                            uint32_t height, uint32_t mip)
{
    uint32_t w = width >> mip ? width >> mip : 1, h = height >> mip ? height >> mip : 1;
    return (struct material_grid){
        .width = w,
        .height = h,
        .step = {1.0f / (float)w, 1.0f / (float)h},
        .lod = (float)mip + log2f((float)decoder->info->latent_width / (float)width),
    };
}

static enum smelt_result set_band(const struct material_decoder *d, const struct material_grid *grid,
                                  uint32_t first, uint32_t rows)
{
    const struct {
        const char *name;
        const void *value;
        size_t size;
    } constants[] = {
        {"origin", grid->origin, sizeof(grid->origin)}, {"step", grid->step, sizeof(grid->step)},
        {"lod", &grid->lod, sizeof(grid->lod)},         {"width", &grid->width, sizeof(grid->width)},
        {"first_row", &first, sizeof(first)},           {"rows", &rows, sizeof(rows)},
    };
    enum smelt_result result = SMELT_OK;
    for (size_t i = 0; !result && i < sizeof(constants) / sizeof(constants[0]); i++)
        result = smelt_arguments_set_constant(d->arguments, constants[i].name, constants[i].value,
                                              constants[i].size);
    return result;
}

static enum smelt_result run_band(struct material_decoder *d, uint32_t width, uint32_t rows, uint64_t *time)
{
    const struct smelt_context_handles h = smelt_context_handles(d->context);
#define CALL(name) ((PFN_vk##name)h.get_device_proc_addr(h.device, "vk" #name))
    const struct smelt_barrier written =
        smelt_barrier_between(SMELT_STAGE_COMPUTE, SMELT_STAGE_TRANSFER | SMELT_STAGE_HOST);
    uint64_t begin = 0, end = 0;
    enum smelt_result result = smelt_encoder_begin(d->encoder, NULL);
    if (!result) {
        VkCommandBuffer commands = smelt_encoder_commands(d->encoder);
        result = smelt_arguments_bind(d->arguments, commands, VK_PIPELINE_BIND_POINT_COMPUTE, d->layout,
                                      VK_SHADER_STAGE_COMPUTE_BIT, 0);
        CALL(CmdBindPipeline)(commands, VK_PIPELINE_BIND_POINT_COMPUTE, d->pipeline);
        if (!result && d->deferred)
            CALL(CmdDispatch)(commands, (width * rows + TILE - 1) / TILE, 1, 1);
        else if (!result)
            CALL(CmdDispatch)(commands, (width + 7) / 8, (rows + 7) / 8, 1);
    }
#undef CALL
    if (!result)
        result = smelt_encoder_barrier(d->encoder, &written);
    if (!result)
        result = smelt_encoder_commit_and_wait(d->encoder);
    if (!result && time && !smelt_encoder_gpu_time(d->encoder, &begin, &end))
        *time += end - begin;
    return result;
}

static enum smelt_result read_band(const struct material_decoder *d, uint32_t points, float *values)
{
    const struct smelt_tensor_box box = {.shape = {points, d->info->output_count}};
    return smelt_tensor_read_and_wait(d->points, &box, values,
                                      (uint64_t)points * d->info->output_count * sizeof(float));
}

int material_decoder_run(struct material_decoder *decoder, const struct material_grid *grid, float *values,
                         uint64_t *time)
{
    for (uint32_t row = 0, rows; row < grid->height; row += rows) {
        uint32_t band = decoder->portion > grid->width ? decoder->portion / grid->width : 1;
        rows = grid->height - row < band ? grid->height - row : band;
        size_t at = (size_t)row * grid->width * decoder->info->output_count;
        tool_progress("evaluating %ux%u texels: %u %%", grid->width, grid->height, 100 * row / grid->height);
        uint64_t before = tool_time();
        if (set_band(decoder, grid, row, rows) || run_band(decoder, grid->width, rows, time))
            return tool_fail_smelt();
        if (rows == band) // else it says little
            decoder->portion = tool_next_portion(rows * grid->width, tool_time() - before, MAX_POINTS);
        if (read_band(decoder, rows * grid->width, values + at))
            return tool_fail_smelt();
    }
    return TOOL_OK;
}

void material_decoder_close(struct material_decoder *decoder)
{
    if (decoder->pipeline) {
        const struct smelt_context_handles h = smelt_context_handles(decoder->context);
#define CALL(name) ((PFN_vk##name)h.get_device_proc_addr(h.device, "vk" #name))
        CALL(DestroyPipeline)(h.device, decoder->pipeline, NULL);
        CALL(DestroyPipelineLayout)(h.device, decoder->layout, NULL);
#undef CALL
    }
    smelt_encoder_destroy(&decoder->encoder);
    smelt_arguments_destroy(&decoder->arguments);
    smelt_arguments_destroy(&decoder->surface);
    smelt_tensor_destroy(&decoder->points);
    smelt_shader_destroy(&decoder->shader);
    smelt_material_destroy(&decoder->material);
    smelt_context_destroy(&decoder->context);
}
