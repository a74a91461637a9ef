// SPDX-License-Identifier: MIT
// smelt material: its subcommands; a neural material to images, and plain training output to a package.
#include "distill.h"
#include "image_file.h"
#include "material_compare.h"
#include "material_import.h"
#include "material_train.h"
#include "material_transcode.h"
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: smelt material decode FILE -o DIR [--size WxH] [--backend B] [--precision P] [--device D]\n"
    "       smelt material transcode FILE -o DIR [--size WxH] [--backend B] [--precision P] [--device D]\n"
    "       smelt material compare A B [-o REPORT.html]\n"
    "       smelt material train --base-color FILE ... -o FILE.safetensors    (smelt material train --help)\n"
    "       smelt material distill --teacher FILE.glsl -o FILE.safetensors\n"
    "       smelt material import IN.safetensors -o OUT.safetensors [--name NAME]\n"
    "\n"
    "decode evaluates a neural material at every texel and writes each channel as DIR/CHANNEL.png, in the\n"
    "encoding of the images it was made from.\n"
    "\n"
    "  -o DIR           is made when it does not exist\n"
    "  --size WxH, N    default: the size of the source images\n"
    "  --backend B      portable or coopvec; default: the best one that the device has\n"
    "  --precision P    of the network's arithmetic, f32 or f16; default: f32 on a CPU, else f16 where "
    "possible\n"
    "  --device D       an index, a type (discrete integrated virtual cpu gpu) or a part of a name\n"
    "\n"
    "transcode writes BC7 textures with all mips as DDS files, for renderers without smelt, and what that "
    "loses.\n"
    "\n"
    "compare tells how a material differs from what it was made from; smelt material compare --help.\n"
    "distill makes a network of a GLSL function; smelt material distill --help.\n"
    "\n"
    "import writes a described package from a plain safetensors file of latents (latentI, U8 [h][w][4]) and\n"
    "layers (layerI.weight, layerI.bias, F16) with string metadata.\n"
    "\n"
    "  -o FILE          the package\n"
    "  --name NAME      its name; default: the input's file name\n"
    "  --help\n";

struct options {
    const char *input, *output, *name;
    uint32_t width, height;
    struct material_choice choice;
};

// One channel of [count][outputs] values as bytes.
static void quantise(const struct smelt_channel *channel, const float *values, size_t count, uint32_t outputs,
                     uint8_t *bytes)
{
    for (size_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < channel->count; k++) {
            float value = values[i * outputs + channel->first + k];
            value = value > 0 ? (value < 1 ? value : 1) : 0; // a NaN becomes 0
            *bytes++ = (uint8_t)(value * 255.0f + 0.5f);
        }
}

static int write_images(const struct smelt_material_info *info, const float *values, uint32_t width,
                        uint32_t height, const char *input, const char *directory)
{
    if (mkdir(directory, 0777) && errno != EEXIST)
        return tool_fail("cannot make the folder %s: %s", directory, strerror(errno));
    uint8_t *bytes = malloc((size_t)width * height * 4);
    int status = bytes ? TOOL_OK : tool_fail("out of memory for %ux%u texels", width, height);
    for (uint32_t c = 0; c < info->channel_count && !status; c++) {
        const struct smelt_channel *channel = &info->channels[c];
        char path[4096], message[256];
        snprintf(path, sizeof(path), "%s/%s.png", directory, channel->name);
        if ((status = tool_check_apart(path, input)))
            break;
        quantise(channel, values, (size_t)width * height, info->output_count, bytes);
        if (!image_write_png(path, bytes, width, height, channel->count, message))
            status = tool_fail("%s", message);
        else
            printf("%s\n", path);
    }
    free(bytes);
    return status;
}

static int decode(const struct options *options)
{
    struct material_decoder decoder = {0};
    float *values = NULL;
    uint32_t width = options->width, height = options->height;
    int status = material_decoder_open(&decoder, options->input, &options->choice);
    if (!status && !width) {
        width = decoder.info->source_width;
        height = decoder.info->source_height;
    }
    if (!status && (!width || !height))
        status =
            tool_usage_error("%s does not say how large its source was: give --size WxH", options->input);
    if (!status) {
        const struct material_grid grid = material_grid_of_level(&decoder, width, height, 0);
        values = malloc((size_t)width * height * decoder.info->output_count * sizeof(*values));
        status = values ? material_decoder_run(&decoder, &grid, values, NULL)
                        : tool_fail("out of memory for %ux%u texels", width, height);
    }
    tool_progress_end();
    if (!status)
        status = write_images(decoder.info, values, width, height, options->input, options->output);
    if (!status)
        fprintf(stderr, "%ux%u texels on %s, backend %s, computed in %s\n", width, height,
                smelt_context_capabilities(decoder.context)->device_name,
                smelt_backend_name(decoder.info->mlp.backend), smelt_dtype_name(decoder.info->mlp.computed));
    material_decoder_close(&decoder);
    free(values);
    return status;
}

static int parse_option(void *command, int option)
{
    struct options *options = command;
    switch (option) {
    case 'o':
        options->output = optarg;
        return TOOL_OK;
    case 's':
        return tool_parse_size(optarg, &options->width, &options->height)
                   ? TOOL_OK
                   : tool_usage_error("--size %s: wanted WxH or N, each 1 to 16384", optarg);
    case 'n':
        options->name = optarg;
        return TOOL_OK;
    default:
        return material_option(&options->choice, option, optarg);
    }
}

static int parse(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {{"size", required_argument, NULL, 's'},
                                                 MATERIAL_OPTIONS,
                                                 {"name", required_argument, NULL, 'n'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    int status = tool_parse(argc, argv, "o:h", long_options, help, parse_option, options);
    if (status)
        return status;
    if (optind + 1 != argc)
        return tool_usage_error("wanted one input file, got %d", argc - optind);
    options->input = argv[optind];
    return options->output ? TOOL_OK : tool_usage_error("no output: give -o");
}

int tool_material(int argc, char **argv)
{
    struct options options = {0};
    if (argc < 2)
        return tool_usage_error("material does what? train, distill, compare, decode, transcode or import; "
                                "smelt material --help");
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        fputs(help, stdout);
        return TOOL_OK;
    }
    if (!strcmp(argv[1], "distill"))
        return material_distill(argc - 1, argv + 1);
    if (!strcmp(argv[1], "compare"))
        return material_compare(argc - 1, argv + 1);
    if (!strcmp(argv[1], "train"))
        return material_train(argc - 1, argv + 1);
    bool decoding = !strcmp(argv[1], "decode"), transcoding = !strcmp(argv[1], "transcode");
    if (!decoding && !transcoding && strcmp(argv[1], "import"))
        return tool_usage_error("no 'material %s'; there are: train distill compare decode transcode import",
                                argv[1]);
    int status = parse(argc - 1, argv + 1, &options);
    if (status)
        return status;
    if ((status = tool_check_apart(options.output, options.input)))
        return status;
    if (decoding)
        return decode(&options);
    if (transcoding)
        return material_transcode(options.input, options.output, options.width, options.height,
                                  &options.choice);
    return material_import(options.input, options.name, options.output);
}
