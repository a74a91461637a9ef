// SPDX-License-Identifier: MIT
// Material objects: from a package to a description with a chosen backend, and to arguments by name.
#include "material_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The material keeps a package of its own: contents and names must outlive the caller's.
static enum smelt_result open_package(smelt_context context, const struct smelt_material_params *params,
                                      smelt_package *package)
{
    if (!params || !params->path == !params->package)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_material_create: wanted path or package, got %s",
                          !params || !params->path ? "neither" : "both");
    enum smelt_result result = params->path ? smelt_package_open(params->path, package)
                                            : smelt_package_copy(params->package, package);
    if (!result)
        result = smelt_package_verify(*package);
    // The package calls know no context: bring their line to its log.
    if (result && context)
        smelt_log(context, SMELT_LOG_ERROR, "%s", smelt_last_error());
    return result;
}

// Vectors where the device has them, each invocation for itself; else what a subgroup does best together.
static enum smelt_result choose_deferred(smelt_material m, const struct smelt_op *op,
                                         struct smelt_op_info *info)
{
    struct smelt_mlp_descriptor *mlp = &m->description.mlp;
    enum smelt_backend wanted = mlp->backend;
    if (wanted == SMELT_BACKEND_AUTO && m->context)
        wanted = m->context->forced_backend;
    mlp->scope = SMELT_SCOPE_THREAD;
    if (wanted == SMELT_BACKEND_AUTO || wanted == SMELT_BACKEND_COOPVEC) {
        enum smelt_result result = smelt_op_query(m->context, op, m->stage, info);
        if (result || info->choice.backend == SMELT_BACKEND_COOPVEC)
            return result;
    }
    mlp->scope = SMELT_SCOPE_SUBGROUP;
    return smelt_op_query(m->context, op, m->stage, info);
}

static enum smelt_result choose(smelt_material m, const struct smelt_material_params *params)
{
    struct smelt_mlp_descriptor *mlp = &m->description.mlp;
    struct smelt_op op = {.name = "material", .kind = SMELT_OP_MLP, .mlp = mlp};
    struct smelt_op_info info;
    mlp->backend = params->backend;
    mlp->computed = params->computed;
    mlp->accumulated = params->accumulated;
    m->deferred = params->deferred;
    m->requested = *mlp;
    // A CPU has no f16 arithmetic worth having: it would convert around every operation. And what is made for no
    // particular device must run on those without f16.
    bool cpu = m->context && m->context->capabilities.device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    bool any = mlp->backend == SMELT_BACKEND_AUTO || mlp->backend == SMELT_BACKEND_PORTABLE;
    if (mlp->computed == SMELT_DTYPE_NONE && any && (cpu || !m->context))
        mlp->computed = SMELT_DTYPE_F32;
    m->any_backend = !m->context && params->backend == SMELT_BACKEND_AUTO;
    enum smelt_result result;
    if (params->deferred) {
        result = choose_deferred(m, &op, &info);
    } else if (params->backend == SMELT_BACKEND_AUTO) {
        result = smelt_op_query(m->context, &op, m->stage, &info);
    } else {
        // The caller may have a shader from a bundle: what the GLSL compiler can do does not matter here.
        struct smelt_backend_query query = {.op = SMELT_OP_MLP,
                                            .stage = m->stage,
                                            .stored = mlp->stored,
                                            .computed = mlp->computed,
                                            .accumulated = mlp->accumulated,
                                            .backend = mlp->backend,
                                            .precompiled = true};
        result = smelt_backend_choose(m->context, &query, &info.choice);
    }
    if (result)
        return result;
    mlp->backend = info.choice.backend;
    mlp->computed = info.choice.computed;
    mlp->accumulated = info.choice.accumulated;
    return SMELT_OK;
}

static void fill_info(smelt_material m)
{
    const struct smelt_material_description *d = &m->description;
    struct smelt_material_architecture architecture;
    smelt_material_architecture(d, &architecture);
    uint64_t hash = smelt_hash(SMELT_HASH_START, architecture.text, strlen(architecture.text));
    const uint32_t choice[] = {d->mlp.backend, d->mlp.computed, d->mlp.accumulated};
    for (size_t i = 0; i < SMELT_COUNT_OF(choice); i++) {
        uint8_t byte = (uint8_t)choice[i];
        hash = smelt_hash(hash, &byte, 1);
    }
    m->info = (struct smelt_material_info){
        .name = d->name,
        .channels = d->channels,
        .channel_count = d->channel_count,
        .output_count = d->mlp.widths[d->mlp.layer_count],
        .mlp = d->mlp,
        .latent_count = d->latent_count,
        .latents = d->textures,
        .latent_width = d->latent_width,
        .latent_height = d->latent_height,
        .clamp = d->clamp,
        .source_width = d->source_width,
        .source_height = d->source_height,
        .architecture = hash,
        .bits_per_texel = d->bits_per_texel,
    };
    for (uint32_t i = 0; i < d->latent_count; i++)
        m->info.latent_mips = SMELT_MAX(m->info.latent_mips, d->textures[i].mips);
}

enum smelt_result smelt_material_create(smelt_context context, const struct smelt_material_params *params,
                                        smelt_material *material)
{
    if (!material || (!context && !(params && params->description_only)))
        return smelt_fail(
            context, SMELT_ERROR_INVALID_ARGUMENT,
            "smelt_material_create: wanted a place for the material, and a context unless description_only");
    smelt_material m = calloc(1, sizeof(*m));
    if (!m)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for a material");
    m->context = context;
    enum smelt_result result = open_package(context, params, &m->package);
    if (!result)
        result = smelt_material_describe(context, m->package, &m->description);
    if (!result) {
        m->stage = params->stage ? params->stage : VK_SHADER_STAGE_FRAGMENT_BIT;
        m->stage = params->deferred ? VK_SHADER_STAGE_COMPUTE_BIT : m->stage;
        m->slot_count = params->frames_in_flight ? params->frames_in_flight : 2;
        result = choose(m, params);
    }
    if (!result) {
        fill_info(m);
        if (!params->description_only)
            result = smelt_material_create_gpu(m);
    }
    if (result)
        smelt_material_destroy(&m);
    else
        *material = m;
    return result;
}

void smelt_material_destroy(smelt_material *material)
{
    if (!material || !*material)
        return;
    smelt_material m = *material;
    if (m->context)
        smelt_material_destroy_gpu(m);
    smelt_package_close(&m->package);
    free(m);
    *material = NULL;
}

const struct smelt_material_info *smelt_material_info(smelt_material material)
{
    return &material->info;
}

VkImageView smelt_material_latent(smelt_material material, uint32_t index)
{
    return index < material->info.latent_count ? material->views[index] : VK_NULL_HANDLE;
}

VkSampler smelt_material_sampler(smelt_material material)
{
    return material->sampler;
}

enum smelt_result smelt_material_glsl(smelt_material material, const char *name, char **text)
{
    if (!material || !text)
        return smelt_fail(material ? material->context : NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_material_glsl: %s is NULL", material ? "text" : "material");
    struct smelt_material_glsl request = {
        .context = material->context,
        .description = &material->description,
        .coopvec = material->any_backend ? &material->requested : &material->description.mlp,
        .use = material->any_backend                                 ? SMELT_MATERIAL_COOPVEC_MAY
               : material->info.mlp.backend == SMELT_BACKEND_COOPVEC ? SMELT_MATERIAL_COOPVEC_MUST
                                                                     : SMELT_MATERIAL_COOPVEC_NEVER,
        .stage = material->stage,
        .deferred = material->deferred,
    };
    return smelt_material_write_glsl(&request, name, text);
}

enum smelt_result smelt_material_set_arguments(smelt_material material, smelt_arguments arguments,
                                               const char *prefix, uint32_t first_texture)
{
    if (!material || (material->weights && !arguments))
        return smelt_fail(material ? material->context : NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_material_set_arguments: wanted a material and its arguments, got NULL");
    if (!material->weights)
        return smelt_fail(material->context, SMELT_ERROR_NOT_READY,
                          "material \"%.80s\": wanted one with tensors, it was created with description_only",
                          material->info.name);
    const char *dot = prefix && prefix[0] ? "." : "";
    uint32_t latents[SMELT_MATERIAL_MAX_LATENTS];
    const uint32_t extent[] = {material->info.latent_width, material->info.latent_height};
    char name[256];
    enum smelt_result result = SMELT_OK;
    prefix = prefix ? prefix : "";
    for (uint32_t i = 0; i < 2 * material->info.mlp.layer_count && !result; i++) {
        smelt_tensor tensor = i % 2 ? smelt_weights_bias(material->weights, i / 2)
                                    : smelt_weights_matrix(material->weights, i / 2);
        snprintf(name, sizeof(name), "%s%snet.layer%u.%s", prefix, dot, i / 2, i % 2 ? "bias" : "weight");
        if (tensor)
            result = smelt_arguments_set_tensor(arguments, name, tensor);
    }
    for (uint32_t i = 0; i < material->info.latent_count; i++)
        latents[i] = first_texture + i;
    snprintf(name, sizeof(name), "%s%slatent_extent", prefix, dot);
    if (!result)
        result = smelt_arguments_set_constant(arguments, name, extent, sizeof(extent));
    snprintf(name, sizeof(name), "%s%slatent", prefix, dot);
    if (!result)
        result = smelt_arguments_set_constant(arguments, name, latents,
                                              material->info.latent_count * (uint32_t)sizeof(latents[0]));
    return result;
}
