// SPDX-License-Identifier: MIT
// smelt run: a network, from files to files.
#include "runner.h"
#include "tensor_file.h"
#include "tensor_math.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: smelt run FILE [--input NAME=FILE]... [--output NAME=FILE]... [OPTIONS]\n"
    "\n"
    "Runs a network package, or an ONNX model, once on a device and tells its outputs.\n"
    "\n"
    "  -i, --input NAME=FILE     .npy, .pb (TensorProto) or .png; NAME= may be left out when there is one "
    "input\n"
    "  -o, --output NAME=FILE    .npy or .png; NAME may be any value of the network\n"
    "      --shape NAME=1,3,H,W  the shape of an input, where the file does not tell it\n"
    "      --random              fill inputs without a file: floats with numbers in [0, 1), the others with "
    "0\n"
    "      --layout nchw|nhwc    where an image's channels are in the tensor; nchw by default\n"
    "      --range LOW,HIGH      what the bytes 0 and 255 of an image stand for; 0,1 by default\n"
    "      --mean M[,M,M,M]      then, for each channel, x = (x - mean) / std going in,\n"
    "      --std S[,S,S,S]       and x = x std + mean coming out; clamped to the range\n"
    "      --dtype f32|f16       what f32 values are kept as; by default as the package says\n"
    "      --device D            the device, as in smelt devices (default: SMELT_DEVICE, else the best)\n"
    "      --backend B           auto portable dot8 coopvec coopmat coopmat2\n"
    "      --repeat N            run N times and tell the median time\n"
    "      --profile TRACE.json  time every dispatch; the trace opens in Perfetto (ui.perfetto.dev)\n"
    "      --json                for machines\n"
    "      --help\n";

enum { MAX_FILES = 64 };

struct request {
    const char *file, *device, *profile;
    const char *inputs[MAX_FILES], *outputs[MAX_FILES], *shapes[MAX_FILES];
    uint32_t input_count, output_count, shape_count;
    enum smelt_backend backend;
    enum smelt_dtype storage;
    uint32_t repeat;
    bool random, channels_last, as_json;
    struct image_numbers numbers;
};

// The network's inputs as the request gives them.
struct feeds {
    struct smelt_onnx_tensor tensors[MAX_FILES];
    struct smelt_network_input inputs[MAX_FILES];
    char *names[MAX_FILES];
    bool filled[MAX_FILES]; // tensors[i] holds a file's contents
    uint32_t count;
    const char *more[MAX_FILES]; // values that are asked for and are no outputs
    uint32_t more_count;
};

// --- Names --------------------------------------------------------------------------------------------------------

// What follows "NAME=" in the argument; NULL when it does not begin so.
static const char *after_name(const char *argument, const char *name)
{
    size_t length = strlen(name);
    return !strncmp(argument, name, length) && argument[length] == '=' ? argument + length + 1 : NULL;
}

// The input that "NAME=REST" names. With one input, NAME= may be missing.
static enum smelt_result find_input(const struct smelt_ir *ir, const char *argument, uint32_t *index,
                                    const char **rest)
{
    struct smelt_text text = {0};
    for (*index = 0; *index < ir->input_count; ++*index)
        if ((*rest = after_name(argument, ir->inputs[*index]->name)))
            return SMELT_OK;
    *index = 0;
    *rest = argument;
    if (ir->input_count == 1 && !strchr(argument, '='))
        return SMELT_OK;
    for (uint32_t i = 0; i < ir->input_count; i++)
        smelt_text_add(&text, "%s%s", i ? ", " : "", ir->inputs[i]->name);
    enum smelt_result result =
        smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "%s: no input '%.200s'; there are: %.400s", ir->file,
                   argument, text.data ? text.data : "none");
    smelt_text_free(&text);
    return result;
}

// --- Inputs -------------------------------------------------------------------------------------------------------

// "1,3,224,224"
static enum smelt_result parse_shape(const char *argument, const char *text,
                                     struct smelt_network_input *input)
{
    for (input->rank = 0; *text;) {
        char *end;
        unsigned long long extent = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || (*end && *end != ',') || !extent ||
            input->rank == SMELT_IR_MAX_RANK)
            return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                              "--shape %.200s: wanted at most %d numbers of at least 1 between commas",
                              argument, SMELT_IR_MAX_RANK);
        input->shape[input->rank++] = extent;
        text = *end ? end + 1 : end;
    }
    return SMELT_OK;
}

// The shape of an image's input: as given, or the model's with the image's size for its free extents.
static enum smelt_result shape_for_image(const struct request *request, const struct smelt_ir_value *value,
                                         const char *path, struct smelt_network_input *input)
{
    uint32_t width, height;
    enum smelt_result result = png_size(path, &width, &height);
    if (result || input->rank)
        return result;
    input->rank = value->rank;
    for (uint32_t d = 0; d < value->rank; d++) {
        uint32_t from_end = value->rank - 1 - d;
        uint64_t extent = value->rank == 4 && !d ? 1 : 3;
        if (request->channels_last && value->rank > 2 && from_end)
            extent = from_end == 1 ? width : from_end == 2 ? height : 1;
        else if ((!request->channels_last || value->rank == 2) && from_end < 2)
            extent = from_end ? height : width;
        input->shape[d] = value->shape[d].expression ? extent : (uint64_t)value->shape[d].constant;
    }
    return SMELT_OK;
}

static enum smelt_result read_input(const struct request *request, const struct smelt_ir *ir,
                                    const char *argument, struct feeds *feeds)
{
    uint32_t i;
    const char *path;
    enum smelt_result result = find_input(ir, argument, &i, &path);
    if (result)
        return result;
    struct smelt_network_input *input = &feeds->inputs[i];
    if (feeds->filled[i])
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "--input %.200s: given twice", feeds->names[i]);
    if (path_ends_with(path, ".png")) {
        result = shape_for_image(request, ir->inputs[i], path, input);
        if (!result)
            result = tensor_read_png(path, ir->inputs[i]->element, input->rank, input->shape,
                                     request->channels_last, &request->numbers, &feeds->tensors[i]);
    } else if (!(result = tensor_read(path, &feeds->tensors[i]))) {
        input->rank = feeds->tensors[i].rank;
        memcpy(input->shape, feeds->tensors[i].shape, sizeof(input->shape[0]) * input->rank);
    }
    feeds->filled[i] = !result;
    if (!result && smelt_ir_wants_contents(ir, ir->inputs[i])) {
        input->contents = feeds->tensors[i].data;
        input->contents_size = feeds->tensors[i].size;
    }
    return result;
}

// Values that are asked for though they are no outputs of the network.
static enum smelt_result find_more(const struct request *request, const struct smelt_ir *ir,
                                   struct feeds *feeds, char **copies)
{
    for (uint32_t i = 0; i < request->output_count; i++) {
        const char *path = strrchr(request->outputs[i], '='), *rest = NULL;
        if (!path && ir->output_count == 1)
            continue;
        for (uint32_t k = 0; k < ir->output_count && !rest; k++)
            rest = after_name(request->outputs[i], ir->outputs[k]->name);
        char *name = smelt_copy_string(request->outputs[i]);
        if (!name)
            return smelt_ir_no_memory(ir);
        if (path)
            name[path - request->outputs[i]] = 0;
        if (rest || !path || !smelt_ir_find(ir, name)) {
            enum smelt_result result =
                rest ? SMELT_OK
                     : smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "%s: no value '%.200s' (--output NAME=FILE)",
                                  ir->file, name);
            free(name);
            if (result)
                return result;
            continue;
        }
        copies[feeds->more_count] = name;
        feeds->more[feeds->more_count++] = name;
    }
    return SMELT_OK;
}

static enum smelt_result read_feeds(const struct request *request, const struct smelt_ir *ir,
                                    struct feeds *feeds)
{
    enum smelt_result result = SMELT_OK;
    if (ir->input_count > MAX_FILES)
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED, "%s: %u inputs; run takes at most %d", ir->file,
                          ir->input_count, MAX_FILES);
    feeds->count = ir->input_count;
    for (uint32_t i = 0; i < feeds->count; i++) {
        if (!(feeds->names[i] = smelt_copy_string(ir->inputs[i]->name)))
            return smelt_ir_no_memory(ir);
        feeds->inputs[i].name = feeds->names[i];
    }
    for (uint32_t i = 0; i < request->shape_count && !result; i++) {
        uint32_t index;
        const char *rest;
        result = find_input(ir, request->shapes[i], &index, &rest);
        if (!result)
            result = parse_shape(request->shapes[i], rest, &feeds->inputs[index]);
    }
    for (uint32_t i = 0; i < request->input_count && !result; i++)
        result = read_input(request, ir, request->inputs[i], feeds);
    for (uint32_t i = 0; i < feeds->count && !result; i++)
        if (!feeds->filled[i] && !request->random)
            result = smelt_fail(NULL, SMELT_ERROR_NOT_READY,
                                "%s: input '%.200s' has no file: give --input NAME=FILE or --random",
                                ir->file, feeds->names[i]);
    return result;
}

// Numbers in [0, 1) that are the same every time. SplitMix64 (https://doi.org/10.1145/2660193.2660195).
static enum smelt_result fill_randomly(struct runner *runner, uint32_t input)
{
    const struct smelt_network_binding *binding = &runner->info->inputs[input];
    struct smelt_onnx_tensor t = {.element = smelt_element_from_name(binding->element),
                                  .rank = binding->rank};
    const struct smelt_element_info *info = smelt_element_info(t.element);
    memcpy(t.shape, binding->shape, sizeof(t.shape[0]) * t.rank);
    uint64_t count = tensor_elements(&t), state = input;
    t.size = (count * info->bits + 7) / 8;
    t.data = calloc((size_t)t.size + 1, 1);
    if (!t.data)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "input \"%s\": no memory", binding->name);
    enum smelt_result result = SMELT_OK;
    for (uint64_t i = 0; i < count && info->kind == SMELT_ELEMENT_IS_FLOAT && !result; i++) {
        uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        float x = (float)((z ^ z >> 31) >> 40) / (1 << 24);
        result =
            smelt_dtype_convert(info->dtype, (char *)t.data + i * (info->bits / 8), SMELT_DTYPE_F32, &x, 1);
    }
    if (!result)
        result = runner_write(runner, input, &t);
    smelt_onnx_tensor_free(&t);
    return result;
}

static enum smelt_result write_feeds(struct runner *runner, const struct feeds *feeds)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < runner->info->input_count && !result; i++) {
        uint32_t k = 0;
        while (k < feeds->count && strcmp(feeds->names[k], runner->info->inputs[i].name) != 0)
            k++;
        result = k < feeds->count && feeds->filled[k] ? runner_write(runner, i, &feeds->tensors[k])
                                                      : fill_randomly(runner, i);
    }
    return result;
}

static void free_feeds(struct feeds *feeds)
{
    for (uint32_t i = 0; i < MAX_FILES; i++) {
        smelt_onnx_tensor_free(&feeds->tensors[i]);
        free(feeds->names[i]);
    }
}

// --- Outputs ------------------------------------------------------------------------------------------------------

// The file that the output goes to; NULL: none.
static const char *file_of(const struct request *request, const char *name, bool only)
{
    for (uint32_t i = 0; i < request->output_count; i++) {
        const char *path = after_name(request->outputs[i], name);
        if (path)
            return path;
        if (only && !strchr(request->outputs[i], '='))
            return request->outputs[i];
    }
    return NULL;
}

static enum smelt_result write_output(const struct request *request, const char *path,
                                      const struct smelt_onnx_tensor *tensor)
{
    if (path_ends_with(path, ".npy"))
        return tensor_write_npy(path, tensor);
    return tensor_write_png(path, tensor, request->channels_last, &request->numbers);
}

static void tell_output(const struct smelt_network_binding *binding, const struct smelt_onnx_tensor *tensor,
                        cJSON *list)
{
    struct statistics s = statistics_of(tensor);
    char shape[256];
    if (list) {
        cJSON *item = cJSON_CreateObject(), *extents;
        cJSON_AddItemToArray(list, item);
        cJSON_AddStringToObject(item, "name", binding->name);
        cJSON_AddStringToObject(item, "dtype", binding->element);
        extents = cJSON_AddArrayToObject(item, "shape");
        for (uint32_t d = 0; d < tensor->rank; d++)
            cJSON_AddItemToArray(extents, cJSON_CreateNumber((double)tensor->shape[d]));
        cJSON_AddNumberToObject(item, "min", s.least);
        cJSON_AddNumberToObject(item, "max", s.most);
        cJSON_AddNumberToObject(item, "mean", s.mean);
        cJSON_AddNumberToObject(item, "std", s.deviation);
        cJSON_AddNumberToObject(item, "nan", (double)s.nans);
        cJSON_AddNumberToObject(item, "inf", (double)s.infinities);
        return;
    }
    tool_format_shape(tensor->shape, tensor->rank, shape, sizeof(shape));
    printf("%-24s %-7s %-20s %12.6g %12.6g %12.6g %8llu %8llu\n", binding->name, binding->element, shape,
           s.least, s.most, s.mean, (unsigned long long)s.nans, (unsigned long long)s.infinities);
}

// Everything is read before anything is written.
static enum smelt_result take_outputs(const struct request *request, struct runner *runner, cJSON *json)
{
    uint32_t count = runner->info->output_count;
    struct smelt_onnx_tensor *tensors = calloc(count + 1, sizeof(*tensors));
    enum smelt_result result =
        tensors ? SMELT_OK : smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for the outputs");
    for (uint32_t i = 0; i < count && !result; i++)
        result = runner_read(runner, i, &tensors[i]);
    for (uint32_t i = 0; i < count && !result; i++) {
        const char *path = file_of(request, runner->info->outputs[i].name, count == 1);
        if (path)
            result = write_output(request, path, &tensors[i]);
    }
    cJSON *list = json ? cJSON_AddArrayToObject(json, "outputs") : NULL;
    if (!result && !list)
        printf("%-24s %-7s %-20s %12s %12s %12s %8s %8s\n", "output", "type", "shape", "min", "max", "mean",
               "NaN", "inf");
    for (uint32_t i = 0; i < count && !result; i++)
        tell_output(&runner->info->outputs[i], &tensors[i], list);
    for (uint32_t i = 0; i < count && tensors; i++)
        smelt_onnx_tensor_free(&tensors[i]);
    free(tensors);
    return result;
}

// --- Running ------------------------------------------------------------------------------------------------------

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void tell_times(const struct request *request, const struct runner *runner, uint64_t *times,
                       cJSON *json)
{
    qsort(times, request->repeat, sizeof(*times), by_time);
    double median = (double)times[request->repeat / 2] * 1e-6, least = (double)times[0] * 1e-6;
    if (json) {
        cJSON_AddNumberToObject(json, "time_ms", median);
        cJSON_AddNumberToObject(json, "least_time_ms", least);
        cJSON_AddNumberToObject(json, "repeat", request->repeat);
        cJSON_AddNumberToObject(json, "dispatches", runner->info->dispatch_count);
        cJSON_AddNumberToObject(json, "weights_size", (double)runner->info->weights_size);
        cJSON_AddNumberToObject(json, "intermediates_size", (double)runner->info->intermediates_size);
        cJSON_AddNumberToObject(json, "intermediates_least", (double)runner->info->intermediates_least);
        return;
    }
    printf("%.3f ms", median);
    if (request->repeat > 1)
        printf(" (median of %u, least %.3f ms)", request->repeat, least);
    printf(", %u dispatches, %llu bytes of weights, %llu of intermediates\n", runner->info->dispatch_count,
           (unsigned long long)runner->info->weights_size,
           (unsigned long long)runner->info->intermediates_size);
}

static enum smelt_result tell_profile(const struct request *request, struct runner *runner)
{
    const struct smelt_profile_node *nodes;
    uint32_t count;
    char *table = NULL;
    enum smelt_result result = smelt_encoder_profile(runner->encoder, &nodes, &count);
    if (!result)
        result = smelt_profile_write_trace(nodes, count, request->profile);
    if (!result && !request->as_json && !(result = smelt_profile_table(nodes, count, &table)))
        fputs(table, stdout);
    smelt_free_text(&table);
    return result;
}

static enum smelt_result run_network(const struct request *request, struct runner *runner, cJSON *json)
{
    uint64_t *times = calloc(request->repeat, sizeof(*times));
    enum smelt_result result =
        times ? SMELT_OK
              : smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for %u times", request->repeat);
    for (uint32_t i = 0; i < request->repeat && !result; i++)
        result = runner_run(runner, &times[i]);
    if (!result)
        result = take_outputs(request, runner, json);
    if (!result)
        tell_times(request, runner, times, json);
    if (!result && request->profile)
        result = tell_profile(request, runner);
    free(times);
    return result;
}

static enum smelt_result run_model(const struct request *request, smelt_context context, struct model *model,
                                   struct feeds *feeds, cJSON *json)
{
    struct runner runner = {0};
    const struct smelt_network_params params = {.inputs = feeds->inputs,
                                                .input_count = feeds->count,
                                                .storage = request->storage,
                                                .backend = request->backend,
                                                .more_outputs = feeds->more,
                                                .more_output_count = feeds->more_count};
    enum smelt_result result = runner_create(context, model, &params, request->profile != NULL, &runner);
    if (result)
        return result;
    result = write_feeds(&runner, feeds);
    if (!result)
        result = run_network(request, &runner, json);
    runner_destroy(&runner);
    return result;
}

static int run(const struct request *request)
{
    static struct feeds feeds; // a few tens of KiB
    struct model model = {0};
    smelt_context context = NULL;
    char *copies[MAX_FILES] = {0};
    cJSON *json = request->as_json ? cJSON_CreateObject() : NULL;
    enum smelt_result result = model_open(request->file, &model);
    if (!result)
        result = read_feeds(request, model.ir, &feeds);
    if (!result)
        result = find_more(request, model.ir, &feeds, copies);
    if (!result)
        result = tool_context(request->device, false, &context);
    if (!result)
        result = run_model(request, context, &model, &feeds, json);
    smelt_context_destroy(&context);
    model_close(&model);
    free_feeds(&feeds);
    for (uint32_t i = 0; i < MAX_FILES; i++)
        free(copies[i]);
    if (!result && json)
        tool_print_json(json);
    else
        cJSON_Delete(json);
    return result ? tool_fail_smelt() : TOOL_OK;
}

// --- Options ------------------------------------------------------------------------------------------------------

// Up to 4 numbers between commas; one counts for all.
static int parse_numbers(const char *option, const char *text, double numbers[4], uint32_t least)
{
    const char *at = text;
    uint32_t count = 0;
    for (char *end; *at && count < 4; at = *end ? end + 1 : end) {
        numbers[count] = strtod(at, &end);
        if (end == at || (*end && *end != ',') || !isfinite(numbers[count++]))
            return tool_usage_error("--%s wants numbers between commas, got '%s'", option, text);
    }
    if (*at || !count || count < least)
        return tool_usage_error("--%s wants %s numbers, got '%s'", option, least == 2 ? "2" : "1 to 4", text);
    for (uint32_t i = count; i < 4 && least != 2; i++)
        numbers[i] = numbers[count - 1];
    return TOOL_OK;
}

static int parse_range(struct image_numbers *numbers, const char *text)
{
    double range[4] = {0};
    int status = parse_numbers("range", text, range, 2);
    if (!status && range[0] == range[1])
        status = tool_usage_error("--range wants two numbers that differ, got '%s'", text);
    numbers->low = range[0];
    numbers->high = range[1];
    return status;
}

static int parse_std(struct image_numbers *numbers, const char *text)
{
    int status = parse_numbers("std", text, numbers->std, 1);
    for (int i = 0; i < 4 && !status; i++)
        if (numbers->std[i] == 0)
            status = tool_usage_error("--std wants numbers other than 0, got '%s'", text);
    return status;
}

static int add_file(const char **list, uint32_t *count, const char *option)
{
    if (*count == MAX_FILES)
        return tool_usage_error("run takes at most %d --%s", MAX_FILES, option);
    list[(*count)++] = optarg;
    return TOOL_OK;
}

static int parse_output(struct request *request)
{
    if (!path_ends_with(optarg, ".npy") && !path_ends_with(optarg, ".png"))
        return tool_usage_error("--output %s: wanted a file that ends with .npy or .png", optarg);
    return add_file(request->outputs, &request->output_count, "output");
}

static int parse_repeat(struct request *request)
{
    char *end;
    long repeat = strtol(optarg, &end, 10);
    if (*end || end == optarg || repeat < 1 || repeat > 1000000)
        return tool_usage_error("--repeat wants a number from 1 to 1000000, got '%s'", optarg);
    request->repeat = (uint32_t)repeat;
    return TOOL_OK;
}

static int parse_option(struct request *request, int option)
{
    switch (option) {
    case 'i':
        return add_file(request->inputs, &request->input_count, "input");
    case 'o':
        return parse_output(request);
    case 's':
        return add_file(request->shapes, &request->shape_count, "shape");
    case 'R':
        request->random = true;
        return TOOL_OK;
    case 'l':
        request->channels_last = !strcmp(optarg, "nhwc");
        return request->channels_last || !strcmp(optarg, "nchw")
                   ? TOOL_OK
                   : tool_usage_error("--layout wants nchw or nhwc, got '%s'", optarg);
    case 'g':
        return parse_range(&request->numbers, optarg);
    case 'm':
        return parse_numbers("mean", optarg, request->numbers.mean, 1);
    case 'd':
        return parse_std(&request->numbers, optarg);
    case 't':
        return tool_parse_storage(optarg, &request->storage) ? TOOL_OK : TOOL_USAGE;
    case 'D':
        request->device = optarg;
        return TOOL_OK;
    case 'b':
        return tool_parse_backend(optarg, &request->backend) ? TOOL_OK : TOOL_USAGE;
    case 'n':
        return parse_repeat(request);
    case 'p':
        request->profile = optarg;
        return TOOL_OK;
    case 'j':
        request->as_json = true;
        return TOOL_OK;
    default:
        return TOOL_USAGE;
    }
}

int tool_run(int argc, char **argv)
{
    static const struct option options[] = {
        {"input", required_argument, NULL, 'i'},   {"output", required_argument, NULL, 'o'},
        {"shape", required_argument, NULL, 's'},   {"random", no_argument, NULL, 'R'},
        {"layout", required_argument, NULL, 'l'},  {"range", required_argument, NULL, 'g'},
        {"mean", required_argument, NULL, 'm'},    {"std", required_argument, NULL, 'd'},
        {"dtype", required_argument, NULL, 't'},   {"device", required_argument, NULL, 'D'},
        {"backend", required_argument, NULL, 'b'}, {"repeat", required_argument, NULL, 'n'},
        {"profile", required_argument, NULL, 'p'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    static struct request request = {.repeat = 1, .numbers = {.high = 1, .std = {1, 1, 1, 1}}};
    for (int o; (o = getopt_long(argc, argv, "i:o:h", options, NULL)) != -1;) {
        if (o == 'h') {
            fputs(help, stdout);
            return TOOL_OK;
        }
        int status = parse_option(&request, o);
        if (status)
            return status;
    }
    if (optind + 1 != argc)
        return tool_usage_error("run wants one network; smelt run --help tells more");
    request.file = argv[optind];
    return run(&request);
}
