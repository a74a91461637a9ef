// SPDX-License-Identifier: MIT
// smelt pack: an ONNX model into a network package, or with --mlp a state_dict into one for shaders.
#include "network.h"
#include "pack_mlp.h"
#include "runner.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: smelt pack MODEL.onnx -o FILE.safetensors [OPTIONS]\n"
    "       smelt pack --mlp STATE.safetensors --describe MLP.json -o FILE.safetensors [OPTIONS]\n"
    "\n"
    "Turns an ONNX model (opset 6 to 25, external data beside it) into a network package: weights and graph "
    "in one\n"
    "safetensors file. Constants are folded; extents that the model leaves free stay free.\n"
    "\n"
    "  -o, --output FILE             the package to write\n"
    "      --dtype f32|f16           what f32 weights are stored as; f32 by default. With f16, what an "
    "operator needs\n"
    "                                exactly and what would overflow keeps f32\n"
    "      --input-shape NAME=N,C,H,W   the shape of an input: numbers, or names for free extents\n"
    "      --mlp STATE --describe MLP.json   a PyTorch state_dict (0.weight, 0.bias, 2.weight, ...) and its "
    "encoding "
    "and\n"
    "                                activations in tiny-cuda-nn's words: a network that shaders evaluate "
    "(mlp_tmpl.glsl)\n"
    "      --quiet                   no word about progress\n"
    "      --help\n";

enum { MAX_SHAPES = 64, LARGE_MODEL = 64 << 20 };

struct request {
    const char *model, *output, *shapes[MAX_SHAPES];
    struct mlp_request mlp;
    uint32_t shape_count;
    enum smelt_element storage;
    bool quiet;
};

// One line that says what is being done, for models that take a while.
static void progress(const struct request *request, bool large, const char *what)
{
    if (large && !request->quiet)
        fprintf(stderr, "smelt: %s: %s\n", request->model, what);
}

// "NAME=N,C,H,W"; the name may hold '=', the shape not.
static int set_shape(struct smelt_ir *ir, const char *argument)
{
    const char *equals = strrchr(argument, '='), *extents[SMELT_IR_MAX_RANK];
    char *copy = equals ? strdup(argument) : NULL;
    uint32_t rank = 0;
    int status = TOOL_OK;
    if (!copy)
        return tool_usage_error("--input-shape wants NAME=N,C,H,W, got '%s'", argument);
    copy[equals - argument] = 0;
    for (char *at = copy + (equals - argument) + 1, *comma; *at && !status; at = comma) {
        comma = strchr(at, ',');
        if (rank == SMELT_IR_MAX_RANK)
            status =
                tool_usage_error("--input-shape %s: wanted at most %d extents", argument, SMELT_IR_MAX_RANK);
        else
            extents[rank++] = at;
        if (comma)
            *comma++ = 0;
        else
            comma = at + strlen(at);
    }
    if (!status && smelt_ir_set_input_shape(ir, copy, rank, extents) != SMELT_OK)
        status = tool_fail_smelt();
    free(copy);
    return status;
}

static int write_package(const struct request *request, struct smelt_ir *ir, bool large)
{
    uint32_t overflowed;
    uint64_t elements, size;
    progress(request, large, "inferring shapes");
    if (smelt_ir_infer(ir) != SMELT_OK || smelt_ir_simplify(ir) != SMELT_OK ||
        smelt_ir_set_storage(ir, request->storage, &overflowed) != SMELT_OK)
        return tool_fail_smelt();
    if (overflowed)
        fprintf(stderr, "smelt: warning: %s: %u tensor%s overflow%s f16 and keep%s f32\n", request->model,
                overflowed, overflowed == 1 ? "" : "s", overflowed == 1 ? "s" : "",
                overflowed == 1 ? "s" : "");
    progress(request, large, "writing");
    if (smelt_ir_write(ir, request->output) != SMELT_OK)
        return tool_fail_smelt();
    smelt_ir_weigh(ir, &elements, &size);
    if (!request->quiet)
        printf("%s: %u operators, %llu parameters, %llu bytes of weights\n", request->output, ir->node_count,
               (unsigned long long)elements, (unsigned long long)size);
    return TOOL_OK;
}

static int pack(const struct request *request)
{
    struct smelt_ir *ir = NULL;
    struct stat status_of;
    bool large = stat(request->model, &status_of) == 0 && status_of.st_size > LARGE_MODEL;
    int status = TOOL_OK;
    progress(request, large, "reading");
    if (model_read_onnx(request->model, &ir) != SMELT_OK)
        return tool_fail_smelt();
    for (uint32_t i = 0; i < request->shape_count && !status; i++)
        status = set_shape(ir, request->shapes[i]);
    if (!status)
        status = write_package(request, ir, large);
    smelt_ir_destroy(&ir);
    return status;
}

int tool_pack(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"dtype", required_argument, NULL, 'd'},
                                            {"input-shape", required_argument, NULL, 's'},
                                            {"mlp", required_argument, NULL, 'm'},
                                            {"describe", required_argument, NULL, 'D'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct request request = {.storage = SMELT_ELEMENT_F32};
    for (int o; (o = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        switch (o) {
        case 'o':
            request.output = optarg;
            break;
        case 'd':
            request.storage = smelt_element_from_name(optarg);
            if (!tool_parse_storage(optarg, &request.mlp.storage))
                return TOOL_USAGE;
            break;
        case 'm':
            request.mlp.state = optarg;
            break;
        case 'D':
            request.mlp.describe = optarg;
            break;
        case 's':
            if (request.shape_count == MAX_SHAPES)
                return tool_usage_error("pack takes at most %d --input-shape", MAX_SHAPES);
            request.shapes[request.shape_count++] = optarg;
            break;
        case 'q':
            request.quiet = true;
            break;
        case 'h':
            fputs(help, stdout);
            return TOOL_OK;
        default:
            return TOOL_USAGE;
        }
    }
    if (request.mlp.state || request.mlp.describe) {
        if (optind != argc || !request.output || !request.mlp.state || !request.mlp.describe ||
            request.shape_count)
            return tool_usage_error("pack --mlp wants a state, --describe MLP.json and -o FILE");
        request.mlp.output = request.output;
        request.mlp.quiet = request.quiet;
        return pack_mlp(&request.mlp);
    }
    if (optind + 1 != argc || !request.output)
        return tool_usage_error("pack wants one model and -o FILE; smelt pack --help tells more");
    request.model = argv[optind];
    return pack(&request);
}
