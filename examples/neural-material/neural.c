// SPDX-License-Identifier: MIT
// Everything this program does with smelt, but for making the context (device.c). Read it top to bottom: load the
// material, get its GLSL function compiled into the renderer's fragment shader, name what is bound, bind it.
#include "neural.h"
#include "embedded.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// The GLSL in shaders/ as text, embedded at build time (meson.build).
extern const struct smelt_embedded neural_shaders[];

static const char *shader_text(const char *name)
{
    for (const struct smelt_embedded *file = neural_shaders; file->name; file++)
        if (!strcmp(file->name, name))
            return (const char *)file->data;
    return NULL;
}

// --- The shader ------------------------------------------------------------------------------------------

// The expression with which material.frag reads a channel: a member of the generated surface struct, or what a
// material without this channel has.
static void define_channel(const struct smelt_material_info *info, enum smelt_semantic semantic,
                           const char *otherwise, char *value, size_t size)
{
    snprintf(value, size, "%s", otherwise);
    for (uint32_t i = 0; i < info->channel_count; i++)
        if (info->channels[i].semantic == semantic)
            snprintf(value, size, "material.%s", info->channels[i].name);
}

void neural_define(struct neural_source *source, const char *name, uint32_t value)
{
    uint32_t i = source->params.define_count++;
    snprintf(source->values[i], sizeof(source->values[i]), "%u", value);
    source->defines[i] = (struct smelt_define){name, source->values[i]};
}

// It depends on the architecture of the material only, so materials that share one share a pipeline.
bool neural_describe(smelt_material material, const char *shader, uint32_t latents,
                     struct neural_source *source)
{
    static const struct {
        const char *name, *otherwise;
        enum smelt_semantic semantic;
    } channels[] = {{"BASE_COLOR", "vec3(0.5)", SMELT_SEMANTIC_BASE_COLOR},
                    {"NORMAL", "vec3(0.0, 0.0, 1.0)", SMELT_SEMANTIC_NORMAL},
                    {"ROUGHNESS", "0.5", SMELT_SEMANTIC_ROUGHNESS},
                    {"METALNESS", "0.0", SMELT_SEMANTIC_METALNESS},
                    {"OCCLUSION", "1.0", SMELT_SEMANTIC_OCCLUSION}};
    static const char *const includes[NEURAL_FILES - 1] = {"scene.glsl", "shading.glsl", "surface.glsl"};
    const struct smelt_material_info *info = smelt_material_info(material);
    if (smelt_material_glsl(material, "neural", &source->module) != SMELT_OK)
        return fail("%s", smelt_last_error());
    for (int i = 0; i < NEURAL_FILES - 1; i++)
        source->files[i] = (struct smelt_virtual_file){includes[i], shader_text(includes[i])};
    source->files[NEURAL_FILES - 1] = (struct smelt_virtual_file){"neural.glsl", source->module};
    source->op = (struct smelt_op){.name = "neural_net", .kind = SMELT_OP_MLP, .mlp = &info->mlp};
    source->params = (struct smelt_shader_params){.path = shader,
                                                  .source = shader_text(shader),
                                                  .defines = source->defines,
                                                  .files = source->files,
                                                  .file_count = NEURAL_FILES,
                                                  .backend = info->mlp.backend};
    for (uint32_t i = 0; i < sizeof(channels) / sizeof(*channels); i++) {
        define_channel(info, channels[i].semantic, channels[i].otherwise, source->values[i],
                       sizeof(source->values[i]));
        source->defines[source->params.define_count++] =
            (struct smelt_define){channels[i].name, source->values[i]};
    }
    neural_define(source, "LATENT_COUNT", latents ? latents : info->latent_count);
    return true;
}

static bool compile_shader(smelt_context context, const struct neural_params *params, struct neural *neural)
{
    struct neural_source source = {0};
    if (!smelt_context_capabilities(context)->compiler)
        return fail("this build has no GLSL compiler (-Dcompiler=disabled): wanted --bundles DIR, written by "
                    "--bake DIR of a build that has it");
    bool done = neural_describe(neural->material, "material.frag", 0, &source) &&
                (neural_define(&source, "LEVELS", params->levels), neural_define(&source, "MIP", params->mip),
                 true) &&
                (smelt_shader_create(context, &source.params, &neural->fragment) == SMELT_OK ||
                 fail("%s", smelt_last_error()));
    smelt_free_text(&source.module);
    return done;
}

// --- Bundles: shaders compiled ahead of time, for builds without a compiler ----------------------------------

// What a material is, without textures and weights. With a device: as PORTABLE evaluates it there. Without: as a
// bundle holds it, with a variant for each backend.
static bool open_description(smelt_context context, const char *package, enum smelt_dtype precision,
                             smelt_material *material)
{
    const struct smelt_material_params params = {.path = package,
                                                 .description_only = true,
                                                 .backend =
                                                     context ? SMELT_BACKEND_PORTABLE : SMELT_BACKEND_AUTO,
                                                 .computed = precision,
                                                 .stage = VK_SHADER_STAGE_FRAGMENT_BIT};
    return smelt_material_create(context, &params, material) == SMELT_OK || fail("%s", smelt_last_error());
}

// Where the shader of a material lies: by architecture, so that materials share it.
static bool bundle_path(const char *folder, smelt_material description, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/%016" PRIx64 ".frag.safetensors", folder,
                          smelt_material_info(description)->architecture);
    return (length > 0 && (size_t)length < size) || fail("%s: the path is too long", folder);
}

// A bundle may lack the device's best backend, so with bundles the shader comes first: `material` gets the backend
// that was found, whose layout its weights must have.
static bool load_bundle(smelt_context context, const struct neural_params *params,
                        struct smelt_material_params *material, struct neural *neural)
{
    smelt_material description = NULL;
    char path[4096];
    bool found = open_description(context, params->package, params->precision, &description) &&
                 bundle_path(params->bundles, description, path, sizeof(path));
    if (found)
        material->computed = smelt_material_info(description)->mlp.computed;
    smelt_material_destroy(&description);
    if (!found)
        return false;
    if (smelt_shader_create_from_bundle(context, path, params->backend, &neural->fragment) != SMELT_OK)
        return fail("%s", smelt_last_error());
    material->backend = smelt_shader_info(neural->fragment)->backend;
    return true;
}

bool neural_bake(const char *package, const char *folder)
{
    static const enum smelt_dtype precisions[] = {SMELT_DTYPE_F32, SMELT_DTYPE_F16};
    bool done = true;
    for (int i = 0; done && i < 2; i++) {
        struct neural_source source = {0};
        smelt_material description = NULL;
        char path[4096];
        done = open_description(NULL, package, precisions[i], &description) &&
               bundle_path(folder, description, path, sizeof(path)) &&
               neural_describe(description, "material.frag", 0, &source);
        source.params.backend = SMELT_BACKEND_AUTO;
        neural_define(&source, "LEVELS", 0);
        neural_define(&source, "MIP", 0);
        if (done && smelt_bundle_write(&source.params, 0, path, NULL) != SMELT_OK)
            done = fail("%s", smelt_last_error());
        if (done)
            printf("baked       %s\n", path);
        smelt_free_text(&source.module);
        smelt_material_destroy(&description);
    }
    return done;
}

// --- Arguments: everything the shader reads, by name --------------------------------------------------------

static bool set_arguments(smelt_context context, struct neural *neural)
{
    const struct smelt_material_info *info = smelt_material_info(neural->material);
    const struct smelt_arguments_params params = {.shaders = &neural->fragment,
                                                  .shader_count = 1,
                                                  .block = "neural_block",
                                                  .frames_in_flight = FRAMES_IN_FLIGHT,
                                                  .descriptors = true,
                                                  .set = 1};
    enum smelt_result result = smelt_arguments_create(context, &params, &neural->arguments);
    if (!result) // "net.layer0.weight", "net.layer0.bias", ...
        result = smelt_material_set_arguments(neural->material, neural->arguments, "", 0);
    for (uint32_t i = 0; !result && i < info->latent_count; i++)
        result = smelt_arguments_set_texture(
            neural->arguments, "latents", i, smelt_material_latent(neural->material, i),
            smelt_material_sampler(neural->material), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    return !result || fail("%s", smelt_last_error());
}

// Called by the renderer inside its render pass: set 1 and the argument block's address, as push constant.
static bool bind(void *user, VkCommandBuffer commands, VkPipelineLayout layout, uint64_t frame)
{
    struct neural *neural = user;
    return smelt_arguments_bind(neural->arguments, commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout,
                                VK_SHADER_STAGE_FRAGMENT_BIT, frame) == SMELT_OK ||
           fail("%s", smelt_last_error());
}

// --- All of it ------------------------------------------------------------------------------------------------

bool neural_create(smelt_context context, struct renderer *renderer, const struct neural_params *params,
                   struct neural *neural)
{
    struct smelt_material_params material = {.path = params->package,
                                             .backend = params->backend,
                                             .computed = params->precision,
                                             .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                                             .frames_in_flight = FRAMES_IN_FLIGHT};
    if (params->bundles && !load_bundle(context, params, &material, neural))
        return false;

    // The material: its network's weights in the layout of the backend, its latent textures.
    if (smelt_material_create(context, &material, &neural->material) != SMELT_OK ||
        smelt_material_upload_and_wait(neural->material) != SMELT_OK)
        return fail("%s", smelt_last_error());

    // Its function, compiled into the fragment shader.
    if (!params->bundles && !compile_shader(context, params, neural))
        return false;

    // What the shader reads, by name.
    if (!set_arguments(context, neural))
        return false;

    // The renderer makes its own pipeline of the shader's module and the set layout.
    VkShaderModule module;
    if (smelt_shader_module(neural->fragment, &module) != SMELT_OK)
        return fail("%s", smelt_last_error());
    neural->surface.bind = bind;
    neural->surface.user = neural;
    return renderer_surface_create(renderer, module, smelt_arguments_set_layout(neural->arguments),
                                   smelt_shader_info(neural->fragment)->reflection->push_constants.size,
                                   &neural->surface);
}

void neural_destroy(struct renderer *renderer, struct neural *neural)
{
    renderer_surface_destroy(renderer, &neural->surface);
    smelt_arguments_destroy(&neural->arguments);
    smelt_shader_destroy(&neural->fragment);
    smelt_material_destroy(&neural->material);
}
