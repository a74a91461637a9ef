// SPDX-License-Identifier: MIT
// smelt run: a network, from files to files.
#include "feeds.h"
#include "tensor_file.h"
#include "tensor_math.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: smelt run FILE [--input NAME=FILE]... [--output NAME=FILE]... [OPTIONS]\n"
    "\n"
    "Runs a network package, or an ONNX model, once on a device and tells its outputs.\n"
    "\n" FEED_HELP "  -o, --output NAME=FILE    .npy or .png; NAME may be any value of the network\n"
    "      --dtype f32|f16       what f32 values are kept as; by default as the package says\n"
    "      --device D            the device, as in smelt devices (default: SMELT_DEVICE, else the best)\n"
    "      --backend B           auto portable dot8 coopvec coopmat coopmat2\n"
    "      --tune                times kernels on the device, and keeps in the cache which is "
    "fastest\n" RUNNER_SLICE_HELP "      --repeat N            run N times and tell the median time\n"
    "      --profile TRACE.json  time every dispatch; the trace opens in Perfetto (ui.perfetto.dev)\n"
    "      --json                for machines\n"
    "      --help\n";

enum { MAX_FILES = FEEDS_MAX };

struct request {
    const char *file, *profile;
    struct feed_request feeds;
    const char *outputs[MAX_FILES];
    uint32_t output_count;
    struct runner_choice choice;
    uint32_t repeat;
    bool as_json;
};

// Values that are asked for though they are no outputs of the network.
static enum smelt_result find_more(const struct request *request, const struct smelt_ir *ir, char **more,
                                   uint32_t *more_count)
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
        more[(*more_count)++] = name;
    }
    return SMELT_OK;
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
    return tensor_write_png(path, tensor, request->feeds.channels_last, &request->feeds.numbers);
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
    for (uint32_t i = 0; i < request->repeat && !result; i++) {
        tool_progress("running: %u of %u", i + 1, request->repeat);
        result = runner_run(runner, &times[i]);
    }
    tool_progress_end();
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
                                   struct feeds *feeds, char *const *more, uint32_t more_count, cJSON *json)
{
    struct runner runner = {0};
    struct smelt_network_input inputs[FEEDS_MAX];
    const struct smelt_network_params params = {.inputs = inputs,
                                                .input_count = feeds_inputs(feeds, inputs),
                                                .storage = request->choice.storage,
                                                .tune = request->choice.tune,
                                                .slice = request->choice.slice,
                                                .speed = request->choice.speed,
                                                .backend = request->choice.backend,
                                                .more_outputs = (const char *const *)more,
                                                .more_output_count = more_count};
    enum smelt_result result = runner_create(context, model, &params, request->profile != NULL, &runner);
    if (result)
        return result;
    result = feeds_write(feeds, &runner);
    if (!result)
        result = run_network(request, &runner, json);
    runner_destroy(&runner);
    return result;
}

// Nothing that is written is read, or written twice.
static int check_files(const struct request *request)
{
    int status = request->profile ? tool_check_apart(request->profile, request->file) : TOOL_OK;
    for (uint32_t k = 0; k < request->feeds.input_count && request->profile && !status; k++)
        status = tool_check_named_apart(request->profile, request->feeds.inputs[k]);
    for (uint32_t i = 0; i < request->output_count && !status; i++) {
        const char *output = request->outputs[i];
        status = tool_check_named_apart(output, request->file);
        if (!status)
            status = tool_check_named_apart(output, request->profile);
        for (uint32_t k = 0; k < request->feeds.input_count && !status; k++)
            status = tool_check_named_apart(output, request->feeds.inputs[k]);
        for (uint32_t k = 0; k < i && !status; k++)
            status = tool_check_named_apart(output, request->outputs[k]);
    }
    return status;
}

static int run(const struct request *request)
{
    static struct feeds feeds; // a few tens of KiB
    struct model model = {0};
    smelt_context context = NULL;
    char *more[MAX_FILES] = {0};
    uint32_t more_count = 0;
    cJSON *json = request->as_json ? cJSON_CreateObject() : NULL;
    enum smelt_result result = model_open(request->file, &model);
    if (!result)
        result = feeds_read(&request->feeds, model.ir, &feeds);
    if (!result)
        result = find_more(request, model.ir, more, &more_count);
    if (!result)
        result = tool_context(request->choice.device, false, &context);
    if (!result)
        result = run_model(request, context, &model, &feeds, more, more_count, json);
    smelt_context_destroy(&context);
    model_close(&model);
    feeds_free(&feeds);
    for (uint32_t i = 0; i < MAX_FILES; i++)
        free(more[i]);
    if (!result && json)
        tool_print_json(json);
    else
        cJSON_Delete(json);
    return result ? tool_fail_smelt() : TOOL_OK;
}

// --- Options ------------------------------------------------------------------------------------------------------

static int parse_output(struct request *request)
{
    if (!path_ends_with(optarg, ".npy") && !path_ends_with(optarg, ".png"))
        return tool_usage_error("--output %s: wanted a file that ends with .npy or .png", optarg);
    if (request->output_count == MAX_FILES)
        return tool_usage_error("run takes at most %d --output", MAX_FILES);
    request->outputs[request->output_count++] = optarg;
    return TOOL_OK;
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

static int parse_option(void *command, int option)
{
    struct request *request = command;
    switch (option) {
    case 'i':
        return feed_option(&request->feeds, FEED_INPUT, optarg);
    case 'o':
        return parse_output(request);
    case 'n':
        return parse_repeat(request);
    case 'p':
        request->profile = optarg;
        return TOOL_OK;
    case 'j':
        request->as_json = true;
        return TOOL_OK;
    default:
        return option >= RUNNER_DEVICE ? runner_option(&request->choice, option, optarg)
               : option >= FEED_INPUT  ? feed_option(&request->feeds, option, optarg)
                                       : TOOL_USAGE;
    }
}

int tool_run(int argc, char **argv)
{
    static const struct option options[] = {FEED_OPTIONS,
                                            {"output", required_argument, NULL, 'o'},
                                            RUNNER_OPTIONS,
                                            {"repeat", required_argument, NULL, 'n'},
                                            {"profile", required_argument, NULL, 'p'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static struct request request = {.repeat = 1, .feeds = FEED_DEFAULTS};
    int status = tool_parse(argc, argv, "i:o:h", options, help, parse_option, &request);
    if (status)
        return status;
    if (optind + 1 != argc)
        return tool_usage_error("run wants one network; smelt run --help tells more");
    request.file = argv[optind];
    status = check_files(&request);
    return status ? status : run(&request);
}
