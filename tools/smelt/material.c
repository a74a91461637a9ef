// SPDX-License-Identifier: MIT
// smelt material: a neural material to images, and plain training output to a package.
#include "dispatch.h"
#include "image_file.h"
#include "material_import.h"
#include "tool.h"

#include "embedded.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct smelt_embedded tool_shaders[];

static const char help[] =
    "usage: smelt material decode FILE -o DIR [--size WxH] [--backend B] [--precision P] [--device D]\n"
    "       smelt material import IN.safetensors -o OUT.safetensors [--name NAME]\n"
    "\n"
    "decode evaluates a neural material at every texel and writes each channel as DIR/CHANNEL.png, in the\n"
    "encoding of the images it was made from.\n"
    "\n"
    "  -o DIR           is made when it does not exist\n"
    "  --size WxH       default: the size of the source images\n"
    "  --backend B      portable or coopvec; default: the best one that the device has\n"
    "  --precision P    of the network's arithmetic, f32 or f16; default: f32 on a CPU, else f16 where "
    "possible\n"
    "  --device D       an index, a type (discrete integrated virtual cpu gpu) or a part of a name\n"
    "\n"
    "import writes a described package from a plain safetensors file of latents (latentI, U8 [h][w][4]) and\n"
    "layers (layerI.weight, layerI.bias, F16) with string metadata.\n"
    "\n"
    "  -o FILE          the package\n"
    "  --name NAME      its name; default: the input's file name\n"
    "  --help\n";

struct options {
    const char *input, *output, *name, *device;
    uint32_t width, height;
    enum smelt_backend backend;
    enum smelt_dtype computed;
};

// Everything a decode holds; zero-initialised, released by finish().
struct decode {
    smelt_context context;
    smelt_material material;
    const struct smelt_material_info *info;
    char *module;
    smelt_shader shader;
    smelt_arguments surface, arguments;
    smelt_tensor rows;
    float *host;       // a band of rows [band][width][outputs]
    uint8_t *channels; // per channel [height][width][count], one after the other
    uint32_t width, height, band;
};

static void finish(struct decode *d)
{
    smelt_arguments_destroy(&d->arguments);
    smelt_arguments_destroy(&d->surface);
    smelt_tensor_destroy(&d->rows);
    smelt_shader_destroy(&d->shader);
    smelt_free_text(&d->module);
    smelt_material_destroy(&d->material);
    smelt_context_destroy(&d->context);
    free(d->host);
    free(d->channels);
}

static enum smelt_result load(struct decode *d, const struct options *options)
{
    struct smelt_material_params params = {.path = options->input,
                                           .backend = options->backend,
                                           .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                           .computed = options->computed};
    enum smelt_result result = tool_context(options->device, false, &d->context);
    if (!result)
        result = smelt_material_create(d->context, &params, &d->material);
    if (!result)
        result = smelt_material_upload_and_wait(d->material);
    if (!result)
        result = smelt_material_glsl(d->material, "surface", &d->module);
    if (!result)
        d->info = smelt_material_info(d->material);
    return result;
}

static enum smelt_result compile(struct decode *d)
{
    char outputs[16], latents[16];
    snprintf(outputs, sizeof(outputs), "%u", d->info->output_count);
    snprintf(latents, sizeof(latents), "%u", d->info->latent_count);
    struct smelt_define defines[] = {{"OUTPUTS", outputs}, {"LATENTS", latents}};
    struct smelt_virtual_file file = {"surface.glsl", d->module};
    struct smelt_shader_params params = {.path = "decode.comp",
                                         .source = (const char *)tool_shaders[0].data,
                                         .defines = defines,
                                         .define_count = 2,
                                         .files = &file,
                                         .file_count = 1,
                                         .backend = d->info->mlp.backend};
    return smelt_shader_create(d->context, &params, &d->shader);
}

static enum smelt_result bind(struct decode *d)
{
    struct smelt_arguments_params surface = {
        .shaders = &d->shader, .shader_count = 1, .block = "surface_block"};
    struct smelt_arguments_params block = {
        .shaders = &d->shader, .shader_count = 1, .block = "decode_block", .descriptors = true};
    struct smelt_tensor_params rows = {.dtype = SMELT_DTYPE_F32,
                                       .rank = 3,
                                       .shape = {d->band, d->width, d->info->output_count},
                                       .name = "decoded rows"};
    VkDeviceAddress address = 0;
    enum smelt_result result = smelt_tensor_create(d->context, &rows, &d->rows);
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
        result = smelt_arguments_set_tensor(d->arguments, "rows", d->rows);
    if (!result)
        result = smelt_arguments_set_constant(d->arguments, "height", &d->height, sizeof(d->height));
    for (uint32_t i = 0; !result && i < d->info->latent_count; i++)
        result = smelt_arguments_set_texture(
            d->arguments, "latents", i, smelt_material_latent(d->material, i),
            smelt_material_sampler(d->material), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    return result;
}

// Rounds a band of rows to bytes and sorts it into the channels.
static void quantise(struct decode *d, uint32_t first, uint32_t count)
{
    uint32_t outputs = d->info->output_count;
    uint8_t *plane = d->channels;
    for (uint32_t c = 0; c < d->info->channel_count; c++) {
        const struct smelt_channel *channel = &d->info->channels[c];
        uint8_t *out = plane + (size_t)first * d->width * channel->count;
        for (size_t i = 0; i < (size_t)count * d->width; i++)
            for (uint32_t k = 0; k < channel->count; k++) {
                float value = d->host[i * outputs + channel->first + k];
                value = value > 0 ? (value < 1 ? value : 1) : 0; // a NaN becomes 0
                *out++ = (uint8_t)(value * 255.0f + 0.5f);
            }
        plane += (size_t)d->width * d->height * channel->count;
    }
}

static int evaluate(struct decode *d)
{
    size_t band_size = (size_t)d->band * d->width * d->info->output_count * sizeof(float);
    bool show = isatty(STDERR_FILENO);
    for (uint32_t row = 0; row < d->height; row += d->band) {
        uint32_t count = d->height - row < d->band ? d->height - row : d->band;
        const uint32_t groups[3] = {(d->width + 7) / 8, (d->band + 7) / 8, 1};
        const char *call;
        if (smelt_arguments_set_constant(d->arguments, "first_row", &row, sizeof(row)))
            return tool_fail_smelt();
        if (tool_dispatch(d->context, d->shader, d->arguments, groups, &call))
            return call ? tool_fail("decoding failed in %s", call) : tool_fail_smelt();
        if (smelt_tensor_read_and_wait(d->rows, NULL, d->host, band_size))
            return tool_fail_smelt();
        quantise(d, row, count);
        if (show)
            fprintf(stderr, "\r%3u%%", (row + count) * 100 / d->height);
    }
    if (show)
        fprintf(stderr, "\r    \r");
    return TOOL_OK;
}

static int write_images(const struct decode *d, const char *directory)
{
    if (mkdir(directory, 0777) && errno != EEXIST)
        return tool_fail("cannot make the folder %s: %s", directory, strerror(errno));
    const uint8_t *plane = d->channels;
    for (uint32_t c = 0; c < d->info->channel_count; c++) {
        const struct smelt_channel *channel = &d->info->channels[c];
        char path[4096], message[256];
        snprintf(path, sizeof(path), "%s/%s.png", directory, channel->name);
        if (!image_write_png(path, plane, d->width, d->height, channel->count, message))
            return tool_fail("%s", message);
        printf("%s\n", path);
        plane += (size_t)d->width * d->height * channel->count;
    }
    return TOOL_OK;
}

static int decode_with(struct decode *d, const struct options *options)
{
    if (load(d, options))
        return tool_fail_smelt();
    d->width = options->width ? options->width : d->info->source_width;
    d->height = options->height ? options->height : d->info->source_height;
    if (!d->width || !d->height)
        return tool_usage_error("%s does not say how large its source was: give --size WxH", options->input);
    uint64_t row_size = (uint64_t)d->width * d->info->output_count * sizeof(float),
             wanted = (64u << 20) / row_size;
    d->band = wanted < 8 ? 8 : wanted < d->height ? (uint32_t)wanted : d->height;
    uint32_t components = 0;
    for (uint32_t c = 0; c < d->info->channel_count; c++)
        components += d->info->channels[c].count;
    d->host = malloc((size_t)row_size * d->band);
    d->channels = malloc((size_t)d->width * d->height * components);
    if (!d->host || !d->channels)
        return tool_fail("out of memory for %ux%u texels", d->width, d->height);
    if (!smelt_context_capabilities(d->context)->compiler)
        return tool_fail("material decode compiles a shader, but this build has no GLSL compiler "
                         "(-Dcompiler=disabled)");
    if (compile(d) || bind(d))
        return tool_fail_smelt();
    int status = evaluate(d);
    if (status)
        return status;
    status = write_images(d, options->output);
    if (!status)
        fprintf(stderr, "%ux%u texels on %s, backend %s, computed in %s\n", d->width, d->height,
                smelt_context_capabilities(d->context)->device_name, smelt_backend_name(d->info->mlp.backend),
                smelt_dtype_name(d->info->mlp.computed));
    return status;
}

static int decode(const struct options *options)
{
    struct decode d = {0};
    int status = decode_with(&d, options);
    finish(&d);
    return status;
}

static int parse(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {{"size", required_argument, NULL, 's'},
                                                 {"backend", required_argument, NULL, 'b'},
                                                 {"precision", required_argument, NULL, 'p'},
                                                 {"device", required_argument, NULL, 'd'},
                                                 {"name", required_argument, NULL, 'n'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1;) {
        switch (o) {
        case 'o':
            options->output = optarg;
            break;
        case 's':
            if (!tool_parse_size(optarg, &options->width, &options->height))
                return tool_usage_error("--size %s: wanted WxH, each 1 to 16384", optarg);
            break;
        case 'b':
            if (!tool_parse_backend(optarg, &options->backend))
                return TOOL_USAGE;
            break;
        case 'p':
            options->computed = smelt_dtype_from_name(optarg);
            if (options->computed != SMELT_DTYPE_F32 && options->computed != SMELT_DTYPE_F16)
                return tool_usage_error("--precision %s: wanted f32 or f16", optarg);
            break;
        case 'd':
            options->device = optarg;
            break;
        case 'n':
            options->name = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            exit(TOOL_OK);
        default:
            return TOOL_USAGE;
        }
    }
    if (optind + 1 != argc)
        return tool_usage_error("wanted one input file, got %d", argc - optind);
    options->input = argv[optind];
    return options->output ? TOOL_OK : tool_usage_error("no output: give -o");
}

int tool_material(int argc, char **argv)
{
    struct options options = {0};
    if (argc < 2)
        return tool_usage_error("material does what? decode or import; smelt material --help");
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        fputs(help, stdout);
        return TOOL_OK;
    }
    bool decoding = !strcmp(argv[1], "decode");
    if (!decoding && strcmp(argv[1], "import"))
        return tool_usage_error("no 'material %s'; there are: decode import", argv[1]);
    int status = parse(argc - 1, argv + 1, &options);
    if (status)
        return status;
    if (decoding)
        return decode(&options);
    return material_import(options.input, options.name, options.output);
}
