// SPDX-License-Identifier: MIT
// smelt pack: an ONNX model into a network package, or with --mlp a state_dict into one for shaders.
#include "info_network.h"
#include "network_internal.h"
#include "pack_mlp.h"
#include "quantize.h"

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
    "      --calibrate DIR           run the model on the inputs in DIR: test_data_set_N/input_K.pb, folders "
    "with "
    "NAME.npy,\n"
    "                                .pb or .png for each input, or such files when there is one input. With "
    "--dtype f16\n"
    "                                it tells every tensor that overflows or underflows f16\n"
    "      --keep-f32 auto|NAME,...  tensors (or operators with their results) that keep f32; auto: those "
    "that overflow,\n"
    "                                or lose more than one element in 1000\n"
    "      --quantize i8             convolutions and matrix products in integers, with scales from "
    "--calibrate; tells\n"
    "                                what is lost in dB, for each of them and for each output\n"
    "      --shape NAME=1,3,H,W, --layout, --range, --mean, --std   what the inputs in DIR are, as in smelt "
    "run\n"
    "      --bake                    put SPIR-V of every backend that the compiler knows into the package, "
    "so that a "
    "build\n"
    "                                without it can load it; free extents are those of --shape\n"
    "      --image NAME[=FORMAT]     bakes kernels for an input or output that is an image too; of an output "
    "that "
    "its kernel\n"
    "                                writes itself with its format: rgba8 rgba16f rgba32f r32f\n"
    "      --more-outputs NAME,...   bakes them for a network with these values as outputs too\n"
    "      --device D                where the calibration runs, as in smelt devices\n"
    "      --mlp STATE --describe MLP.json   a PyTorch state_dict (0.weight, 0.bias, 2.weight, ...) and its "
    "encoding "
    "and\n"
    "                                activations in tiny-cuda-nn's words: a network that shaders evaluate "
    "(mlp_tmpl.glsl)\n"
    "      --quiet                   no word about progress\n"
    "      --help\n";

enum { MAX_SHAPES = 64, MAX_ENDS = 16, LARGE_MODEL = 64 << 20 };

struct request {
    const char *model, *output, *shapes[MAX_SHAPES];
    struct mlp_request mlp;
    uint32_t shape_count;
    enum smelt_element storage;
    bool quiet, quantize, bake;
    const char *calibrate, *keep, *device;
    // What kernels are baked for beside those of a network between tensors.
    const char *images[MAX_ENDS], *more_outputs[MAX_ENDS];
    VkFormat image_formats[MAX_ENDS];
    uint32_t image_count, more_output_count;
    struct feed_request feeds;
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

// --- What keeps f32 -----------------------------------------------------------------------------------------------

static void keep_results(struct smelt_ir_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            node->outputs[i]->keep_f32 = true;
}

static enum smelt_result keep_named(struct smelt_ir *ir, const char *name, size_t length)
{
    bool found = false;
    for (uint32_t i = 0; i < ir->value_count; i++) {
        struct smelt_ir_value *v = ir->values[i];
        bool there = v->producer || v->is_input || v->constant;
        if (there && strlen(v->name) == length && !strncmp(v->name, name, length))
            found = v->keep_f32 = true;
    }
    for (uint32_t i = 0; i < ir->node_count && !found; i++)
        if (strlen(ir->nodes[i]->name) == length && !strncmp(ir->nodes[i]->name, name, length)) {
            keep_results(ir->nodes[i]);
            found = true;
        }
    return found ? SMELT_OK
                 : smelt_fail(NULL, SMELT_ERROR_NOT_FOUND,
                              "--keep-f32: %s has no tensor and no operator \"%.*s\"", ir->file, (int)length,
                              name);
}

static enum smelt_result keep_list(const struct request *request, struct smelt_ir *ir)
{
    enum smelt_result result = SMELT_OK;
    for (const char *at = request->keep; at && *at && !result;) {
        size_t length = strcspn(at, ",");
        if (length != 4 || strncmp(at, "auto", 4) != 0)
            result = keep_named(ir, at, length);
        at += length + (at[length] == ',');
    }
    return result;
}

static bool keeps_automatically(const struct request *request)
{
    return request->keep && (!strncmp(request->keep, "auto,", 5) || !strcmp(request->keep, "auto"));
}

// Tells what f16 would lose of tensors, and keeps those that `auto` is for.
static void report_f16(const struct request *request, struct smelt_ir *ir, const struct value_range *ranges)
{
    uint32_t told = 0, kept = 0;
    for (uint32_t i = 0; i < ir->value_count; i++) {
        struct smelt_ir_value *v = ir->values[i];
        const struct value_range *r = &ranges[i];
        if (!r->overflows && !r->underflows && !r->others)
            continue;
        bool keep = keeps_automatically(request) && (r->overflows || r->underflows * 1000 > r->elements);
        v->keep_f32 |= keep;
        kept += v->keep_f32;
        told++;
        printf("f16: \"%s\" (%s): %llu of %llu elements overflow, %llu underflow, largest magnitude %g%s%s\n",
               v->name,
               v->producer   ? v->producer->op->name
               : v->is_input ? "input"
                             : "weight",
               (unsigned long long)r->overflows, (unsigned long long)r->elements,
               (unsigned long long)r->underflows, r->largest, r->others ? ", NaN or infinite in f32" : "",
               v->keep_f32 ? "; keeps f32" : "");
    }
    printf("f16: %u tensor%s overflow%s or underflow%s, %u of them keep%s f32\n", told, told == 1 ? "" : "s",
           told == 1 ? "s" : "", told == 1 ? "s" : "", kept, kept == 1 ? "s" : "");
}

// --- Calibration ----------------------------------------------------------------------------------------------------

static enum smelt_result quantize_and_report(const struct request *request, smelt_context context,
                                             struct smelt_ir *ir, const struct samples *samples,
                                             const struct value_range *ranges)
{
    struct quantized_layers layers = {0};
    struct smelt_ir *reference = NULL;
    enum smelt_result result = smelt_ir_clone(ir, &reference);
    if (!result)
        result = quantize(ir, ranges, &layers);
    if (!result && !layers.count)
        result = smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED,
                            "%s: --quantize: no Conv, Gemm or MatMul of floats with constant weights",
                            request->model);
    if (!result)
        printf("%u operators in i8, over %u sample%s: ratio of signal to error\n", layers.count,
               samples->count, samples->count == 1 ? "" : "s");
    if (!result)
        result = report_quantization(context, reference, ir, samples, &layers);
    smelt_ir_destroy(&reference);
    free(layers.layers);
    return result;
}

static enum smelt_result calibrate(const struct request *request, struct smelt_ir *ir)
{
    struct samples samples = {0};
    struct value_range *ranges = NULL;
    smelt_context context = NULL;
    enum smelt_result result = samples_find(&samples, request->calibrate, ir, &request->feeds);
    if (!result)
        result = tool_context(request->device, false, &context);
    if (!result && request->quantize && !(result = smelt_network_absorb(ir)))
        result = smelt_ir_infer(ir);
    if (!result)
        result = measure_ranges(context, ir, &samples, &ranges);
    tool_progress_end();
    if (!result && request->storage == SMELT_ELEMENT_F16)
        report_f16(request, ir, ranges);
    if (!result && request->quantize)
        result = quantize_and_report(request, context, ir, &samples, ranges);
    free(ranges);
    samples_free(&samples);
    smelt_context_destroy(&context);
    return result;
}

// --- Baking -----------------------------------------------------------------------------------------------------------

// The kernels of the network on a device with this backend, or AUTO: on the device that is here.
static enum smelt_result bake_for(const struct request *request, const struct smelt_ir *ir,
                                  const struct feeds *feeds, enum smelt_backend backend, bool other_ends,
                                  bool *known, struct smelt_kernel_codes *codes)
{
    struct smelt_network_input inputs[FEEDS_MAX];
    const struct smelt_network_params params = {
        .inputs = inputs,
        .input_count = feeds_inputs(feeds, inputs),
        .images = request->images,
        .image_formats = request->image_formats,
        .image_count = other_ends ? request->image_count : 0,
        .more_outputs = request->more_outputs,
        .more_output_count = other_ends ? request->more_output_count : 0,
    };
    smelt_context context = NULL;
    smelt_network network = NULL;
    struct smelt_ir *copy = NULL;
    enum smelt_result result = tool_context(request->device, false, &context);
    if (result)
        return result;
    *known = backend == SMELT_BACKEND_AUTO || smelt_context_capabilities(context)->compiler_backends[backend];
    if (*known) {
        smelt_context_record_kernels(context, backend, codes);
        result = smelt_ir_clone(ir, &copy);
        if (!result)
            result = smelt_network_create_from_ir(context, copy, &params, &network);
    }
    smelt_network_destroy(&network);
    smelt_context_destroy(&context);
    return result;
}

static enum smelt_result bake(const struct request *request, const struct smelt_ir *ir,
                              struct smelt_kernel_codes *codes)
{
    static const enum smelt_backend backends[] = {SMELT_BACKEND_AUTO, SMELT_BACKEND_PORTABLE,
                                                  SMELT_BACKEND_DOT8, SMELT_BACKEND_COOPMAT,
                                                  SMELT_BACKEND_COOPMAT2};
    struct feed_request shapes = request->feeds;
    struct feeds feeds = {0};
    struct smelt_text skipped = {0};
    shapes.random = true;
    enum smelt_result result = feeds_read(&shapes, ir, &feeds);
    for (uint32_t i = 0; i < SMELT_COUNT_OF(backends) && !result; i++) {
        bool known;
        result = bake_for(request, ir, &feeds, backends[i], false, &known, codes);
        if (!result && known && (request->image_count || request->more_output_count))
            result = bake_for(request, ir, &feeds, backends[i], true, &known, codes);
        if (!result && !known)
            smelt_text_add(&skipped, "%s%s", skipped.size ? ", " : "", smelt_backend_name(backends[i]));
    }
    if (!result && skipped.data)
        fprintf(stderr, "smelt: warning: %s: not baked, for the compiler does not know them: %s\n",
                request->output, skipped.data);
    smelt_text_free(&skipped);
    feeds_free(&feeds);
    return result;
}

static int write_package(const struct request *request, struct smelt_ir *ir, bool large)
{
    uint32_t overflowed;
    uint64_t elements, size;
    progress(request, large, "inferring shapes");
    enum smelt_result result = smelt_ir_infer(ir);
    if (!result)
        result = smelt_ir_simplify(ir);
    if (!result)
        result = keep_list(request, ir);
    if (!result && request->calibrate) {
        progress(request, large, "running it on the calibration inputs");
        result = calibrate(request, ir);
    }
    if (!result)
        result = smelt_ir_set_storage(ir, request->storage, &overflowed);
    if (result)
        return tool_fail_smelt();
    if (overflowed)
        fprintf(stderr, "smelt: warning: %s: %u tensor%s overflow%s f16 and keep%s f32\n", request->model,
                overflowed, overflowed == 1 ? "" : "s", overflowed == 1 ? "s" : "",
                overflowed == 1 ? "s" : "");
    struct smelt_kernel_codes codes = {0};
    if (request->bake) {
        progress(request, large, "compiling its kernels");
        result = bake(request, ir, &codes);
        ir->kernels = &codes;
    }
    progress(request, large, "writing");
    if (!result)
        result = smelt_ir_write(ir, request->output);
    if (!result && request->bake && !request->quiet)
        printf("%s: %u kernels as SPIR-V\n", request->output, codes.count);
    ir->kernels = NULL;
    smelt_kernel_codes_free(&codes);
    if (result)
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
    int status = tool_check_apart(request->output, request->model);
    if (!status)
        status = tool_check_output(request->output);
    if (status)
        return status;
    progress(request, large, "reading");
    if (model_read_onnx(request->model, &ir) != SMELT_OK)
        return tool_fail_smelt();
    uint64_t elements, size; // with external data
    smelt_ir_weigh(ir, &elements, &size);
    large = large || size > LARGE_MODEL;
    // Pixel shuffles that say one size only take any; what cannot be inferred yet may be with the other shapes.
    status = tool_check_apart(request->output, request->calibrate);
    for (uint32_t i = 0; i < ir->beside_count && !status; i++)
        status = tool_check_apart(request->output, ir->beside[i]);
    if (!status && request->shape_count && !smelt_ir_infer(ir) && smelt_ir_join_shuffles(ir))
        status = tool_fail_smelt();
    for (uint32_t i = 0; i < request->shape_count && !status; i++)
        status = set_shape(ir, request->shapes[i]);
    if (!status)
        status = write_package(request, ir, large);
    smelt_ir_destroy(&ir);
    return status;
}

// "NAME" or "NAME=rgba8"; the text is cut. False: it is neither.
static bool add_image(struct request *request, char *text)
{
    static const struct {
        const char *name;
        VkFormat format;
    } formats[] = {{"rgba8", VK_FORMAT_R8G8B8A8_UNORM},
                   {"rgba16f", VK_FORMAT_R16G16B16A16_SFLOAT},
                   {"rgba32f", VK_FORMAT_R32G32B32A32_SFLOAT},
                   {"r32f", VK_FORMAT_R32_SFLOAT}};
    char *equals = strrchr(text, '=');
    VkFormat format = VK_FORMAT_UNDEFINED;
    for (size_t i = 0; equals && i < sizeof(formats) / sizeof(*formats); i++)
        if (!strcmp(equals + 1, formats[i].name))
            format = formats[i].format;
    if (request->image_count == MAX_ENDS || (equals && !format)) {
        tool_usage_error("--image wants NAME or NAME=rgba8, rgba16f, rgba32f or r32f, at most %d, got '%s'",
                         MAX_ENDS, text);
        return false;
    }
    if (equals)
        *equals = 0;
    request->images[request->image_count] = text;
    request->image_formats[request->image_count++] = format;
    return true;
}

static int parse_option(void *command, int option)
{
    struct request *request = command;
    switch (option) {
    case 'o':
        request->output = optarg;
        return TOOL_OK;
    case 'd':
        request->storage = smelt_element_from_name(optarg);
        return tool_parse_float("--dtype", optarg, &request->mlp.storage) ? TOOL_OK : TOOL_USAGE;
    case 'm':
        request->mlp.state = optarg;
        return TOOL_OK;
    case 'D':
        request->mlp.describe = optarg;
        return TOOL_OK;
    case 's':
        if (request->shape_count == MAX_SHAPES)
            return tool_usage_error("pack takes at most %d --input-shape", MAX_SHAPES);
        request->shapes[request->shape_count++] = optarg;
        return TOOL_OK;
    case 'c':
        request->calibrate = optarg;
        return TOOL_OK;
    case 'b':
        request->bake = true;
        return TOOL_OK;
    case 'I':
        return add_image(request, optarg) ? TOOL_OK : TOOL_USAGE;
    case 'M':
        for (char *name = strtok(optarg, ","); name; name = strtok(NULL, ",")) {
            if (request->more_output_count == MAX_ENDS)
                return tool_usage_error("--more-outputs takes at most %d", MAX_ENDS);
            request->more_outputs[request->more_output_count++] = name;
        }
        return TOOL_OK;
    case 'k':
        request->keep = optarg;
        return TOOL_OK;
    case 'Q':
        if (strcmp(optarg, "i8") != 0)
            return tool_usage_error("--quantize wants i8, got '%s'", optarg);
        request->quantize = true;
        return TOOL_OK;
    case 'V':
        request->device = optarg;
        return TOOL_OK;
    case 'q':
        request->quiet = true;
        tool_progress_off();
        return TOOL_OK;
    default:
        return option >= FEED_INPUT ? feed_option(&request->feeds, option, optarg) : TOOL_USAGE;
    }
}

static int pack_layers(struct request *request, int names)
{
    if (names || !request->output || !request->mlp.state || !request->mlp.describe || request->shape_count)
        return tool_usage_error("pack --mlp wants a state, --describe MLP.json and -o FILE");
    request->mlp.output = request->output;
    request->mlp.quiet = request->quiet;
    int status = tool_check_apart(request->output, request->mlp.state);
    if (!status)
        status = tool_check_apart(request->output, request->mlp.describe);
    return status ? status : pack_mlp(&request->mlp);
}

int tool_pack(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"dtype", required_argument, NULL, 'd'},
                                            {"input-shape", required_argument, NULL, 's'},
                                            {"mlp", required_argument, NULL, 'm'},
                                            {"describe", required_argument, NULL, 'D'},
                                            {"calibrate", required_argument, NULL, 'c'},
                                            {"bake", no_argument, NULL, 'b'},
                                            {"image", required_argument, NULL, 'I'},
                                            {"more-outputs", required_argument, NULL, 'M'},
                                            {"keep-f32", required_argument, NULL, 'k'},
                                            {"quantize", required_argument, NULL, 'Q'},
                                            {"device", required_argument, NULL, 'V'},
                                            {"shape", required_argument, NULL, FEED_SHAPE},
                                            {"layout", required_argument, NULL, FEED_LAYOUT},
                                            {"range", required_argument, NULL, FEED_RANGE},
                                            {"mean", required_argument, NULL, FEED_MEAN},
                                            {"std", required_argument, NULL, FEED_STD},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct request request = {.storage = SMELT_ELEMENT_F32, .feeds = FEED_DEFAULTS};
    int status = tool_parse(argc, argv, "o:h", options, help, parse_option, &request);
    if (status)
        return status;
    if (request.mlp.state || request.mlp.describe)
        return pack_layers(&request, argc - optind);
    if (optind + 1 != argc || !request.output)
        return tool_usage_error("pack wants one model and -o FILE; smelt pack --help tells more");
    if (!request.calibrate && (request.quantize || keeps_automatically(&request)))
        return tool_usage_error("%s wants inputs to run the model on: --calibrate DIR",
                                request.quantize ? "--quantize" : "--keep-f32 auto");
    request.model = argv[optind];
    return pack(&request);
}
