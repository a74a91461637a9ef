// SPDX-License-Identifier: MIT
// smelt inspect: runs a network as it is and once more with every value kept, and writes a page about both.
#include "inspect.h"

#include "feeds.h"
#include "network_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: smelt inspect FILE -o REPORT.html [--input NAME=FILE]... [OPTIONS]\n"
    "\n"
    "Runs a network package, or an ONNX model, and writes one web page that needs nothing else: the graph, "
    "each\n"
    "operator's attributes, shapes and time, what was fused, and every intermediate tensor as a picture, a "
    "histogram\n"
    "and statistics, with NaN and infinities flagged. Inputs without a file get random numbers.\n"
    "\n"
    "  -o, --output REPORT.html  the page\n" FEED_HELP
    "      --compare WHAT        tell the first operator that differs from a reference: a backend (portable, "
    "coopmat,\n"
    "                            ...), which is run as well, or a folder with NAME.npy for values by name "
    "('/' and\n"
    "                            other characters that are no letters, digits, '.', '-' or '_' as '_')\n"
    "      --dtype f32|f16       what f32 values are kept as; by default as the package says\n"
    "      --device D            the device, as in smelt devices (default: SMELT_DEVICE, else the best)\n"
    "      --backend B           auto portable dot8 coopvec coopmat coopmat2\n"
    "      --tune                times kernels on the device, and keeps in the cache which is "
    "fastest\n" RUNNER_SLICE_HELP "      --help\n"
    "Times are of the run as it is; values of one without fusion, up to 1 GiB of them.\n";

#define MAX_KEPT (UINT64_C(1) << 30)
enum { TIMED_RUNS = 3 };

struct request {
    const char *file, *output, *compare;
    struct feed_request feeds;
    struct runner_choice choice;
    enum smelt_backend other; // of the reference
};

struct work {
    const struct request *request;
    smelt_context context;
    struct feeds feeds;
    struct runner timed; // the run as it is; its graph is what is shown
    struct model timed_model;
    struct inspection found;
    const char **names; // of the values to keep
    uint32_t name_count;
};

// --- The run as it is: times and regions ------------------------------------------------------------------------------

static enum smelt_result open_runner(struct work *work, enum smelt_backend backend, bool keep,
                                     struct model *model, struct runner *runner)
{
    struct smelt_network_input inputs[FEEDS_MAX];
    const struct smelt_network_params params = {.inputs = inputs,
                                                .input_count = feeds_inputs(&work->feeds, inputs),
                                                .storage = work->request->choice.storage,
                                                .tune = work->request->choice.tune,
                                                .slice = work->request->choice.slice,
                                                .speed = work->request->choice.speed,
                                                .backend = backend,
                                                .no_fusion = keep,
                                                .more_outputs = keep ? work->names : NULL,
                                                .more_output_count = keep ? work->name_count : 0};
    enum smelt_result result = model->ir ? SMELT_OK : model_open(work->request->file, model);
    if (!result)
        result = runner_create(work->context, model, &params, !keep, runner);
    if (!result)
        result = feeds_write(&work->feeds, runner);
    return result;
}

static uint32_t region_of(const uint32_t *regions, uint32_t node)
{
    while (regions[node] != node)
        node = regions[node];
    return node;
}

// The node whose label stands at the beginning of `label`, before " + " or the end: of several, the least used one.
static uint32_t node_of_label(const struct smelt_ir *ir, const char *label, const uint32_t *used,
                              size_t *length)
{
    uint32_t best = UINT32_MAX;
    *length = 0;
    for (uint32_t i = 0; i < ir->node_count; i++) {
        char text[128];
        smelt_network_label(ir->nodes[i], text, sizeof(text));
        size_t size = strlen(text);
        bool here = !strncmp(label, text, size) && (!label[size] || !strncmp(label + size, " + ", 3));
        if (here && (size > *length || (size == *length && used[i] < used[best]))) {
            best = i;
            *length = size;
        }
    }
    return best;
}

// Nodes whose labels stand in one dispatch are one region, whose time it adds to.
static void add_dispatch(struct inspection *found, uint32_t *used, const struct smelt_profile_node *dispatch)
{
    uint32_t first = UINT32_MAX;
    for (const char *at = dispatch->label; at && *at;) {
        size_t length;
        uint32_t node = node_of_label(found->ir, at, used, &length);
        if (node != UINT32_MAX) {
            used[node]++;
            if (first == UINT32_MAX)
                first = node;
            uint32_t a = region_of(found->regions, first), b = region_of(found->regions, node);
            found->regions[a > b ? a : b] = a < b ? a : b;
        }
        const char *plus = strstr(at + length, " + ");
        at = plus ? plus + 3 : NULL;
    }
    if (first != UINT32_MAX)
        found->times[first] += (double)(dispatch->end - dispatch->begin);
}

static enum smelt_result take_times(struct work *work)
{
    struct inspection *found = &work->found;
    const struct smelt_profile_node *dispatches;
    uint32_t count, nodes = found->ir->node_count, *used = calloc(nodes + 1, sizeof(*used));
    enum smelt_result result = used ? SMELT_OK : smelt_ir_no_memory(found->ir);
    for (uint32_t i = 0; i < nodes; i++)
        found->regions[i] = i;
    if (!result)
        result = smelt_encoder_profile(work->timed.encoder, &dispatches, &count);
    if (result == SMELT_ERROR_UNSUPPORTED) // a queue without timestamps: no times, no regions
        result = SMELT_OK;
    else
        for (uint32_t i = 0; i < count && !result; i++)
            add_dispatch(found, used, &dispatches[i]);
    for (uint32_t i = 0; i < nodes; i++) {
        uint32_t region = region_of(found->regions, i);
        found->regions[i] = region;
        if (region != i)
            found->times[region] += found->times[i];
    }
    free(used);
    return result;
}

static enum smelt_result run_as_it_is(struct work *work)
{
    uint64_t time = 0;
    enum smelt_result result =
        open_runner(work, work->request->choice.backend, false, &work->timed_model, &work->timed);
    for (int i = 0; i < TIMED_RUNS && !result; i++)
        result = runner_run(&work->timed, &time);
    if (result)
        return result;
    const struct smelt_network_info *info = work->timed.info;
    const struct smelt_ir *ir = work->timed.network->plan->ir;
    struct inspection *found = &work->found;
    found->ir = ir;
    found->tensors = calloc(ir->value_count + 1, sizeof(*found->tensors));
    found->differences = calloc(ir->value_count + 1, sizeof(*found->differences));
    found->indices = calloc(ir->value_count + 1, sizeof(*found->indices));
    found->regions = calloc(ir->node_count + 1, sizeof(*found->regions));
    found->times = calloc(ir->node_count + 1, sizeof(*found->times));
    found->first_difference = UINT32_MAX;
    work->names = calloc(ir->value_count + 1, sizeof(*work->names));
    if (!found->tensors || !found->differences || !found->indices || !found->regions || !found->times ||
        !work->names)
        return smelt_ir_no_memory(ir);
    snprintf(found->facts, sizeof(found->facts),
             "%.160s on %.120s, %s: %.3f ms, %u operators in %u dispatches, %llu bytes of weights, %llu of "
             "intermediates",
             *info->name ? info->name : work->request->file,
             smelt_context_capabilities(work->context)->device_name, smelt_dtype_name(info->storage),
             (double)time * 1e-6, info->node_count, info->dispatch_count,
             (unsigned long long)info->weights_size, (unsigned long long)info->intermediates_size);
    return take_times(work);
}

// --- The runs with every value kept -------------------------------------------------------------------------------------

// What nodes give and is no output already, up to MAX_KEPT bytes.
static void choose_values(struct work *work)
{
    const struct smelt_ir *ir = work->found.ir;
    uint64_t size = 0;
    for (uint32_t i = 0; i < ir->node_count; i++)
        for (uint32_t k = 0; k < ir->nodes[i]->output_count; k++) {
            const struct smelt_ir_value *value = ir->nodes[i]->outputs[k];
            uint64_t count = value ? smelt_ir_element_count(value) : 0;
            if (!count || count == UINT64_MAX || value->is_output || value->constant ||
                size + count * 8 > MAX_KEPT)
                continue;
            size += count * 8;
            work->names[work->name_count++] = value->name;
        }
}

// Runs with these values as outputs and reads them into tensors by the ids of found->ir.
static enum smelt_result run_keeping(struct work *work, enum smelt_backend backend,
                                     struct smelt_onnx_tensor *tensors)
{
    struct model model = {0};
    struct runner runner = {0};
    enum smelt_result result = open_runner(work, backend, true, &model, &runner);
    if (!result)
        result = runner_run(&runner, NULL);
    for (uint32_t i = 0; !result && i < runner.info->output_count; i++) {
        const struct smelt_ir_value *value = smelt_ir_find(work->found.ir, runner.info->outputs[i].name);
        if (value && !tensors[value->id].data)
            result = runner_read(&runner, i, &tensors[value->id]);
    }
    runner_destroy(&runner);
    model_close(&model);
    return result;
}

static void keep_inputs(struct work *work)
{
    for (uint32_t i = 0; i < work->feeds.count; i++) {
        const struct smelt_ir_value *value = smelt_ir_find(work->found.ir, work->feeds.names[i]);
        if (value && work->feeds.filled[i]) {
            work->found.tensors[value->id] = work->feeds.tensors[i];
            work->feeds.tensors[i].data = NULL;
        }
    }
}

// --- Comparing ------------------------------------------------------------------------------------------------------------

static void compare_value(struct work *work, const struct smelt_ir_value *value,
                          const struct smelt_onnx_tensor *want)
{
    const struct smelt_onnx_tensor *got = &work->found.tensors[value->id];
    struct difference *d = &work->found.differences[value->id];
    bool same_shape = got->data && want->data && want->element == got->element && want->rank == got->rank &&
                      !memcmp(want->shape, got->shape, want->rank * sizeof(want->shape[0]));
    if (!same_shape)
        return;
    *d = compare_tensors(want, got, tolerance_of(want->element, work->timed.info->storage));
    if (d->count)
        format_index(want, d->first, work->found.indices[value->id], sizeof(work->found.indices[0]));
}

static void find_first_difference(struct inspection *found)
{
    for (uint32_t i = 0; i < found->ir->node_count; i++)
        for (uint32_t k = 0; k < found->ir->nodes[i]->output_count; k++) {
            const struct smelt_ir_value *value = found->ir->nodes[i]->outputs[k];
            if (value && found->differences[value->id].count) {
                found->first_difference = i;
                return;
            }
        }
}

static enum smelt_result compare_backend(struct work *work)
{
    const struct smelt_ir *ir = work->found.ir;
    struct smelt_onnx_tensor *tensors = calloc(ir->value_count + 1, sizeof(*tensors));
    enum smelt_result result =
        tensors ? run_keeping(work, work->request->other, tensors) : smelt_ir_no_memory(ir);
    for (uint32_t i = 0; i < ir->value_count && tensors; i++) {
        if (!result)
            compare_value(work, ir->values[i], &tensors[i]);
        smelt_onnx_tensor_free(&tensors[i]);
    }
    free(tensors);
    return result;
}

static enum smelt_result compare_folder(struct work *work)
{
    const struct smelt_ir *ir = work->found.ir;
    uint32_t files = 0;
    for (uint32_t i = 0; i < ir->value_count; i++) {
        char path[4096];
        struct smelt_onnx_tensor want = {0};
        if (!work->found.tensors[i].data || snprintf(path, sizeof(path), "%s/%s.npy", work->request->compare,
                                                     ir->values[i]->name) >= (int)sizeof(path))
            continue;
        for (char *c = path + strlen(work->request->compare) + 1; *c; c++)
            if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *c))
                *c = '_';
        if (!smelt_os_is_file(path))
            continue;
        enum smelt_result result = tensor_read(path, &want);
        if (result)
            return result;
        compare_value(work, ir->values[i], &want);
        bool compared = work->found.differences[i].elements > 0;
        smelt_onnx_tensor_free(&want);
        if (!compared)
            return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                              "%s: its type or shape is not that of the value \"%.80s\"", path,
                              ir->values[i]->name);
        files++;
    }
    return files ? SMELT_OK
                 : smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "%s: no .npy file in it has the name of a value",
                              work->request->compare);
}

// --- The command ------------------------------------------------------------------------------------------------------------

static enum smelt_result inspect_model(struct work *work)
{
    const struct request *request = work->request;
    enum smelt_result result = model_open(request->file, &work->timed_model);
    if (!result)
        result = feeds_read(&request->feeds, work->timed_model.ir, &work->feeds);
    if (!result)
        result = tool_context(request->choice.device, false, &work->context);
    tool_progress("running it as it is");
    if (!result)
        result = run_as_it_is(work);
    if (result)
        return result;
    choose_values(work);
    tool_progress("running it without fusion, for the values");
    result = run_keeping(work, request->choice.backend, work->found.tensors);
    if (!result && request->compare) {
        work->found.compare = request->compare;
        tool_progress("comparing with %s", request->compare);
        result = request->other ? compare_backend(work) : compare_folder(work);
        find_first_difference(&work->found);
    }
    if (!result)
        keep_inputs(work);
    return result;
}

static void tell(const struct work *work)
{
    const struct inspection *found = &work->found;
    printf("%s: %s\n", work->request->output, found->facts);
    if (!found->compare)
        return;
    if (found->first_difference == UINT32_MAX)
        printf("no operator differs from %s\n", found->compare);
    else
        printf("first difference from %s: node \"%s\" (%s)\n", found->compare,
               found->ir->nodes[found->first_difference]->name,
               found->ir->nodes[found->first_difference]->op->name);
}

static int inspect(const struct request *request)
{
    static struct work work; // feeds have a few tens of KiB
    work.request = request;
    int status = inspect_model(&work) ? tool_fail_smelt() : inspect_page(&work.found, request->output);
    tool_progress_end();
    if (!status)
        tell(&work);
    for (uint32_t i = 0; work.found.tensors && i < work.found.ir->value_count; i++)
        smelt_onnx_tensor_free(&work.found.tensors[i]);
    free(work.found.tensors);
    free(work.found.differences);
    free(work.found.indices);
    free(work.found.regions);
    free(work.found.times);
    free(work.names);
    runner_destroy(&work.timed);
    model_close(&work.timed_model);
    feeds_free(&work.feeds);
    smelt_context_destroy(&work.context);
    return status;
}

// A backend or a folder.
static int parse_compare(struct request *request)
{
    struct stat status;
    enum smelt_backend backend = smelt_backend_from_name(optarg);
    request->compare = optarg;
    request->other = SMELT_BACKEND_AUTO;
    if (backend != SMELT_BACKEND_COUNT && backend != SMELT_BACKEND_AUTO)
        request->other = backend;
    else if (stat(optarg, &status) || !S_ISDIR(status.st_mode))
        return tool_usage_error("--compare %s: wanted portable, dot8, coopvec, coopmat, coopmat2 or a folder",
                                optarg);
    return TOOL_OK;
}

static int parse_option(void *command, int option)
{
    struct request *request = command;
    switch (option) {
    case 'i':
        return feed_option(&request->feeds, FEED_INPUT, optarg);
    case 'o':
        request->output = optarg;
        return TOOL_OK;
    case 'c':
        return parse_compare(request);
    default:
        return option >= RUNNER_DEVICE ? runner_option(&request->choice, option, optarg)
               : option >= FEED_INPUT  ? feed_option(&request->feeds, option, optarg)
                                       : TOOL_USAGE;
    }
}

int tool_inspect(int argc, char **argv)
{
    static const struct option options[] = {
        FEED_OPTIONS,   {"output", required_argument, NULL, 'o'}, {"compare", required_argument, NULL, 'c'},
        RUNNER_OPTIONS, {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    static struct request request = {.feeds = FEED_DEFAULTS};
    request.feeds.random = true;
    int status = tool_parse(argc, argv, "i:o:h", options, help, parse_option, &request);
    if (status)
        return status;
    if (optind + 1 != argc || !request.output)
        return tool_usage_error(
            "inspect wants one network and -o REPORT.html; smelt inspect --help tells more");
    request.file = argv[optind];
    status = tool_check_apart(request.output, request.file);
    if (!status)
        status = tool_check_apart(request.output, request.compare);
    for (uint32_t i = 0; i < request.feeds.input_count && !status; i++)
        status = tool_check_named_apart(request.output, request.feeds.inputs[i]);
    if (!status)
        status = tool_check_output(request.output);
    return status ? status : inspect(&request);
}
