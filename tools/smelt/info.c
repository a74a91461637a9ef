// SPDX-License-Identifier: MIT
// smelt info: what is in a package, a bundle or any safetensors file.
#include "info_network.h"

#include <stdio.h>
#include <string.h>

static const char help[] = "usage: smelt info FILE [--verify] [--json]\n"
                           "\n"
                           "Tells what a package, a shader bundle or any safetensors file holds.\n"
                           "\n"
                           "  --verify   recompute every tensor's checksum\n"
                           "  --json     for machines\n"
                           "  --help\n";

static void print_tensors(smelt_package package, cJSON *json)
{
    cJSON *list = json ? cJSON_AddArrayToObject(json, "tensors") : NULL;
    for (uint32_t i = 0; i < smelt_package_tensor_count(package); i++) {
        const struct smelt_package_tensor *tensor = smelt_package_tensor(package, i);
        char shape[256];
        tool_format_shape(tensor->shape, tensor->rank, shape, sizeof(shape));
        if (!list) {
            printf("  %-24s %-8s %-20s %10llu bytes\n", tensor->name, tensor->dtype_name, shape,
                   (unsigned long long)tensor->size);
            continue;
        }
        cJSON *item = cJSON_CreateObject(), *extents = cJSON_AddArrayToObject(item, "shape");
        cJSON_AddItemToArray(list, item);
        cJSON_AddStringToObject(item, "name", tensor->name);
        cJSON_AddStringToObject(item, "dtype", tensor->dtype_name);
        cJSON_AddNumberToObject(item, "size", (double)tensor->size);
        for (uint32_t d = 0; d < tensor->rank; d++)
            cJSON_AddItemToArray(extents, cJSON_CreateNumber((double)tensor->shape[d]));
    }
}

static int print_material(smelt_package package, cJSON *json)
{
    struct smelt_material_params params = {.package = package, .description_only = true};
    smelt_material material = NULL;
    if (smelt_material_create(NULL, &params, &material) != SMELT_OK)
        return tool_fail_smelt();
    const struct smelt_material_info *info = smelt_material_info(material);
    char widths[128] = "";
    for (uint32_t i = 0, used = 0; i <= info->mlp.layer_count; i++)
        used += (uint32_t)snprintf(widths + used, sizeof(widths) - used, "%s%u", i ? "-" : "",
                                   info->mlp.widths[i]);
    if (json) {
        cJSON *item = cJSON_AddObjectToObject(json, "material");
        char hash[32];
        snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)info->architecture);
        cJSON_AddStringToObject(item, "name", info->name);
        cJSON_AddStringToObject(item, "architecture", hash);
        cJSON_AddStringToObject(item, "layers", widths);
        cJSON_AddNumberToObject(item, "latents", info->latent_count);
        cJSON_AddNumberToObject(item, "latent_width", info->latent_width);
        cJSON_AddNumberToObject(item, "latent_height", info->latent_height);
        cJSON_AddNumberToObject(item, "latent_mips", info->latent_mips);
        cJSON_AddNumberToObject(item, "bits_per_texel", info->bits_per_texel);
        cJSON *channels = cJSON_AddArrayToObject(item, "channels");
        for (uint32_t i = 0; i < info->channel_count; i++)
            cJSON_AddItemToArray(channels, cJSON_CreateString(info->channels[i].name));
    } else {
        printf("  network     %s\n", widths);
        for (uint32_t i = 0; i < info->latent_count; i++) {
            const struct smelt_material_texture *t = &info->latents[i];
            printf("  latent %-4u 4 of %u bits, %ux%u, %u mip%s", i, t->bits, t->width, t->height, t->mips,
                   t->mips == 1 ? "" : "s");
            if (t->taps > 1)
                printf(", fetched %u times", t->taps);
            if (t->fade > 0)
                printf(" down to level %g", (double)t->fade);
            if (t->until > 0)
                printf(", up to level %g", (double)t->until);
            printf("\n");
        }
        if (info->source_width)
            printf("  source      %ux%u, %.2f bits per texel\n", info->source_width, info->source_height,
                   info->bits_per_texel);
        printf("  hash        %016llx (materials with the same one share a pipeline)\n",
               (unsigned long long)info->architecture);
        for (uint32_t i = 0; i < info->channel_count; i++) {
            const struct smelt_channel *channel = &info->channels[i];
            printf("  channel     %-12s %s, %u component%s, %s, %g to %g%s\n", channel->name,
                   smelt_semantic_name(channel->semantic), channel->count, channel->count == 1 ? "" : "s",
                   channel->transfer == SMELT_TRANSFER_SRGB ? "sRGB" : "linear", channel->minimum,
                   channel->maximum, channel->normal_y_down ? ", y down" : "");
        }
    }
    smelt_material_destroy(&material);
    return TOOL_OK;
}

// The network of a package for shaders: coordinates, widths, activations.
static int print_weights(smelt_package package, cJSON *json)
{
    struct smelt_mlp_descriptor mlp;
    uint32_t inputs;
    const char *description = smelt_package_metadata(package, "smelt");
    cJSON *parsed = cJSON_Parse(description ? description : "");
    bool has_mlp = cJSON_HasObjectItem(parsed, "mlp");
    int layers = cJSON_GetArraySize(cJSON_GetObjectItem(parsed, "layers"));
    cJSON_Delete(parsed);
    cJSON *item = json ? cJSON_AddObjectToObject(json, "weights") : NULL;
    if (item)
        cJSON_AddNumberToObject(item, "layers", layers);
    else
        printf("  layers      %d\n", layers);
    if (!has_mlp)
        return TOOL_OK;
    if (smelt_mlp_from_package(NULL, package, NULL, &mlp, &inputs, NULL) != SMELT_OK)
        return tool_fail_smelt();
    cJSON *widths = item ? cJSON_AddArrayToObject(item, "widths") : NULL;
    cJSON *activations = item ? cJSON_AddArrayToObject(item, "activations") : NULL;
    if (item)
        cJSON_AddNumberToObject(item, "inputs", inputs);
    else
        printf("  network     %u inputs, encoded to %u", inputs, mlp.widths[0]);
    for (uint32_t i = 0; i <= mlp.layer_count; i++) {
        if (item)
            cJSON_AddItemToArray(widths, cJSON_CreateNumber(mlp.widths[i]));
        if (!i)
            continue;
        const char *activation = smelt_activation_name(mlp.activations[i - 1]);
        if (item)
            cJSON_AddItemToArray(activations, cJSON_CreateString(activation));
        else
            printf(" -> %u %s", mlp.widths[i], activation);
    }
    if (!item)
        printf("\n");
    return TOOL_OK;
}

static int print_package(smelt_package package, bool verify, cJSON *json)
{
    const char *kind = smelt_package_kind(package);
    if (json) {
        cJSON_AddStringToObject(json, "file", smelt_package_name(package));
        cJSON_AddStringToObject(json, "kind", kind);
    } else {
        printf("%s: %s%s\n", smelt_package_name(package), *kind ? kind : "safetensors",
               *kind ? " (a smelt package)" : " without a smelt description");
    }
    int status = !strcmp(kind, "material")  ? print_material(package, json)
                 : !strcmp(kind, "network") ? tool_print_network(package, json)
                 : !strcmp(kind, "weights") ? print_weights(package, json)
                                            : TOOL_OK;
    if (status)
        return status;
    cJSON *metadata = json ? cJSON_AddObjectToObject(json, "metadata") : NULL;
    const char *key, *value;
    for (uint32_t i = 0; smelt_package_metadata_at(package, i, &key, &value); i++) {
        if (metadata)
            cJSON_AddStringToObject(metadata, key, value);
        else if (strcmp(key, "smelt"))
            printf("  metadata    %s = %s\n", key, value);
    }
    print_tensors(package, json);
    if (verify) {
        if (smelt_package_verify(package) != SMELT_OK)
            return tool_fail_smelt();
        if (json)
            cJSON_AddBoolToObject(json, "verified", true);
        else
            printf("  checksums are right\n");
    }
    return TOOL_OK;
}

struct request {
    bool verify, as_json;
};

static int parse_option(void *command, int option)
{
    struct request *request = command;
    request->verify |= option == 'v';
    request->as_json |= option == 'j';
    return TOOL_OK;
}

int tool_info(int argc, char **argv)
{
    static const struct option options[] = {{"verify", no_argument, NULL, 'v'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct request request = {0};
    int status = tool_parse(argc, argv, "h", options, help, parse_option, &request);
    if (status)
        return status;
    if (optind + 1 != argc)
        return tool_usage_error("info wants one file, got %d", argc - optind);
    smelt_package package = NULL;
    if (smelt_package_open(argv[optind], &package) != SMELT_OK)
        return tool_fail_smelt();
    cJSON *json = request.as_json ? cJSON_CreateObject() : NULL;
    status = print_package(package, request.verify, json);
    if (json && !status)
        tool_print_json(json);
    else
        cJSON_Delete(json);
    smelt_package_close(&package);
    return status;
}
