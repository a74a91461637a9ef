// SPDX-License-Identifier: MIT
// Options of smelt material train, checked one by one and against each other.
#include "train_options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: smelt material train [--base-color FILE] [--normal FILE] ... -o FILE.safetensors\n"
    "       smelt material train --gltf FILE [--material NAME|NUMBER] -o FILE.safetensors\n"
    "\n"
    "Trains latent textures and a small network to give the maps, at every mip, and writes them as a "
    "package.\n"
    "Maps are PNG, JPEG or OpenEXR files, or a number from 0 to 1 for a constant.\n"
    "\n"
    "  --base-color --normal --roughness --metalness --ao --height --opacity --emission FILE\n"
    "  --material M          which of the glTF file's materials: a name, or a number from 0 on\n"
    "  --channel NAME=FILE   any other channel, of as many components as the file has\n"
    "  --normal-y up|down    where the normal map's green points; default: up (OpenGL's)\n"
    "  --address A           repeat or clamp, at the edges of the maps; default: repeat\n"
    "  --alpha-mask X        the opacity is a mask, cut off at X: its mips keep how much passes\n"
    "  --size WxH, N         of the material; default: that of the maps, which are then of one size\n"
    "\n"
    "  --bits-per-texel X    of all tensors of the package, for a texel of the maps; default: 8\n"
    "  --target-psnr DB      instead: the fewest bits that reach it\n"
    "  --weights T           f16, f8 or i8; default: f16\n"
    "  --steps N --batch N   default: 60000 of 32768 samples; on a CPU 2400 of 2048\n"
    "  --seed N              the same seed, maps, options, device and driver give the same bytes; default: "
    "0\n"
    "  --plan FILE           decides what would be chosen: latents, network, loss, schedule, samples "
    "(docs/materials.md).\n"
    "                        Options go before it\n"
    "  --print-plan          prints the plan that would be used, whole, as such a file; trains nothing\n"
    "  --resume              goes on where FILE.state was left by Ctrl-C or the last checkpoint before a "
    "lost device\n"
    "\n"
    "  -o FILE               the package. Checkpoints, of the first steps, a second later, and so on up to "
    "each 15 seconds, and\n"
    "                        Ctrl-C write the best so far, by the PSNR over the latest samples\n"
    "  --name NAME           of the material; default: the package's file name\n"
    "  --preview PNG         a picture of the maps, above, and of the package, below\n"
    "  --device D            an index, a type (discrete integrated virtual cpu gpu) or a part of a name\n"
    "  --memory MIB          device memory to take at most\n"
    "  --help\n";

enum { KEY_MAP = 256 }; // the first of the maps' options

// A map's option and its semantic.
static const struct {
    const char *option, *channel;
    enum smelt_semantic semantic;
} map_options[] = {
    {"base-color", "base_color", SMELT_SEMANTIC_BASE_COLOR},
    {"normal", "normal", SMELT_SEMANTIC_NORMAL},
    {"roughness", "roughness", SMELT_SEMANTIC_ROUGHNESS},
    {"metalness", "metalness", SMELT_SEMANTIC_METALNESS},
    {"ao", "occlusion", SMELT_SEMANTIC_OCCLUSION},
    {"height", "height", SMELT_SEMANTIC_HEIGHT},
    {"opacity", "opacity", SMELT_SEMANTIC_OPACITY},
    {"emission", "emission", SMELT_SEMANTIC_EMISSION},
};
enum { MAP_OPTIONS = sizeof(map_options) / sizeof(map_options[0]) };

static int add_map(struct train_maps *maps, const char *name, enum smelt_semantic semantic, const char *value)
{
    struct train_map *map = train_maps_add(maps, name, semantic);
    char *end;
    if (!map)
        return TOOL_USAGE;
    double constant = strtod(value, &end);
    if (end != value && !*end && constant >= 0 && constant <= 1) {
        if (semantic == SMELT_SEMANTIC_NORMAL)
            return tool_usage_error("--normal %s: wanted a file", value);
        map->constant = (float)constant;
        return TOOL_OK;
    }
    map->file = strdup(value);
    return map->file ? TOOL_OK : tool_fail("out of memory");
}

static int add_channel(struct train_maps *maps, const char *value)
{
    char name[64];
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !equals[1] || (size_t)(equals - value) >= sizeof(name))
        return tool_usage_error("--channel %s: wanted NAME=FILE", value);
    memcpy(name, value, (size_t)(equals - value));
    name[equals - value] = 0;
    for (const char *c = name; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && *c != '_' &&
            !(c > name && *c >= '0' && *c <= '9'))
            return tool_usage_error("--channel %s: wanted a name of letters, digits and _", value);
    return add_map(maps, name, SMELT_SEMANTIC_OTHER, equals + 1);
}

static int parse_number(const char *option, const char *text, double least, double most, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && *value >= least && *value <= most
               ? TOOL_OK
               : tool_usage_error("%s %s: wanted a number from %.10g to %.10g", option, text, least, most);
}

static int parse_count(const char *option, const char *text, double least, double most, uint32_t *count)
{
    double value;
    int status = parse_number(option, text, least, most, &value);
    if (!status && value != floor(value))
        status = tool_usage_error("%s %s: wanted a whole number", option, text);
    *count = status ? 0 : (uint32_t)value;
    return status;
}

static int parse_word(const char *option, const char *text, const char *first, const char *second,
                      bool *is_second)
{
    *is_second = !strcmp(text, second);
    return *is_second || !strcmp(text, first)
               ? TOOL_OK
               : tool_usage_error("%s %s: wanted %s or %s", option, text, first, second);
}

static int parse_weights(const char *text, enum smelt_dtype *weights)
{
    *weights = !strcmp(text, "f16")  ? SMELT_DTYPE_F16
               : !strcmp(text, "f8") ? SMELT_DTYPE_F8E4M3
               : !strcmp(text, "i8") ? SMELT_DTYPE_I8
                                     : SMELT_DTYPE_NONE;
    return *weights ? TOOL_OK : tool_usage_error("--weights %s: wanted f16, f8 or i8", text);
}

struct request {
    struct train_options *options;
    struct train_maps *maps;
};

static int parse_option(void *command, int key)
{
    struct train_options *o = ((struct request *)command)->options;
    struct train_maps *maps = ((struct request *)command)->maps;
    const char *value = optarg;
    const struct {
        int key;
        const char **value;
    } texts[] = {{'o', &o->output}, {'g', &o->gltf}, {'m', &o->material}, {'p', &o->preview},
                 {'d', &o->device}, {'N', &o->name}, {'P', &o->plan}};
    double number;
    int status = TOOL_OK;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].key == key) {
            *texts[i].value = value;
            return TOOL_OK;
        }
    if (key >= KEY_MAP) {
        o->any_map = true;
        return add_map(maps, map_options[key - KEY_MAP].channel, map_options[key - KEY_MAP].semantic, value);
    }
    switch (key) {
    case 'c':
        o->any_map = true;
        return add_channel(maps, value);
    case 'y':
        return parse_word("--normal-y", value, "up", "down", &o->normal_down);
    case 'a':
        o->address = true;
        return parse_word("--address", value, "repeat", "clamp", &maps->clamp);
    case 'k':
        status = parse_number("--alpha-mask", value, 0.001, 1, &number);
        maps->cutoff = (float)number;
        return status;
    case 's':
        return tool_parse_size(value, &maps->width, &maps->height)
                   ? TOOL_OK
                   : tool_usage_error("--size %s: wanted WxH or N, each 1 to 16384", value);
    case 'b':
        return parse_number("--bits-per-texel", value, 0.01, 64, &o->bits_per_texel);
    case 't':
        return parse_number("--target-psnr", value, 1, 80, &o->target_psnr);
    case 'w':
        return parse_weights(value, &o->weights);
    case 'n':
        return parse_count("--steps", value, 1, TRAIN_MOST_STEPS, &o->steps);
    case 'B':
        return parse_count("--batch", value, TRAIN_LEAST_BATCH, TRAIN_MOST_BATCH, &o->batch);
    case 'r':
        o->resume = true;
        return TOOL_OK;
    case 'q':
        o->print_plan = true;
        return TOOL_OK;
    case 'e':
        return parse_count("--seed", value, 0, UINT32_MAX, &o->seed);
    default:
        return parse_count("--memory", value, 1, 1 << 24, &o->memory);
    }
}

static int check_options(const struct train_options *o, const struct train_maps *maps)
{
    if ((!o->output || !*o->output) && !o->print_plan)
        return tool_usage_error("no output: give -o");
    if (o->gltf && o->any_map)
        return tool_usage_error("--gltf and maps of its own: wanted one of both");
    if (!o->gltf && !o->any_map)
        return tool_usage_error("no maps: give --base-color FILE and so on, or --gltf FILE");
    if (o->material && !o->gltf)
        return tool_usage_error("--material without --gltf");
    if (o->bits_per_texel > 0 && o->target_psnr > 0)
        return tool_usage_error("--bits-per-texel and --target-psnr: wanted one of both");
    if (o->resume && o->target_psnr > 0)
        return tool_usage_error("--resume and --target-psnr: give the bits per texel that were found");
    if (o->print_plan && o->target_psnr > 0)
        return tool_usage_error("--print-plan and --target-psnr, whose plan is found by training");
    if (o->gltf && o->address)
        return tool_usage_error("--address with --gltf: its samplers say it");
    if (o->gltf && maps->cutoff > 0)
        return tool_usage_error("--alpha-mask with --gltf: its alphaMode and alphaCutoff say it");
    bool opacity = false, normal = false;
    for (uint32_t i = 0; i < maps->count; i++) {
        opacity |= maps->maps[i].semantic == SMELT_SEMANTIC_OPACITY ||
                   maps->maps[i].semantic == SMELT_SEMANTIC_BASE_COLOR; // whose alpha may be it
        normal |= maps->maps[i].semantic == SMELT_SEMANTIC_NORMAL;
    }
    if (maps->cutoff > 0 && !opacity)
        return tool_usage_error("--alpha-mask without an opacity");
    return o->normal_down && !normal ? tool_usage_error("--normal-y without --normal") : TOOL_OK;
}

int train_options_parse(int argc, char **argv, struct train_options *o, struct train_maps *maps)
{
    struct option options[MAP_OPTIONS + 22] = {
        {"channel", required_argument, NULL, 'c'},
        {"normal-y", required_argument, NULL, 'y'},
        {"address", required_argument, NULL, 'a'},
        {"alpha-mask", required_argument, NULL, 'k'},
        {"size", required_argument, NULL, 's'},
        {"bits-per-texel", required_argument, NULL, 'b'},
        {"target-psnr", required_argument, NULL, 't'},
        {"weights", required_argument, NULL, 'w'},
        {"steps", required_argument, NULL, 'n'},
        {"batch", required_argument, NULL, 'B'},
        {"seed", required_argument, NULL, 'e'},
        {"memory", required_argument, NULL, 'M'},
        {"gltf", required_argument, NULL, 'g'},
        {"material", required_argument, NULL, 'm'},
        {"preview", required_argument, NULL, 'p'},
        {"device", required_argument, NULL, 'd'},
        {"name", required_argument, NULL, 'N'},
        {"plan", required_argument, NULL, 'P'},
        {"resume", no_argument, NULL, 'r'},
        {"print-plan", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
    };
    for (int i = 0; i < MAP_OPTIONS; i++)
        options[21 + i] = (struct option){map_options[i].option, required_argument, NULL, KEY_MAP + i};
    struct request request = {o, maps};
    int status = tool_parse(argc, argv, "o:h", options, help, parse_option, &request);
    if (status)
        return status;
    if (optind != argc)
        return tool_usage_error("wanted options only, got '%s'", argv[optind]);
    return check_options(o, maps);
}
