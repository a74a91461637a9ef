// SPDX-License-Identifier: MIT
// smelt verify: ONNX test cases, run on the device and compared with the outputs that they hold.
#include "tensor_math.h"
#include "runner.h"
#include "test_case.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: smelt verify DIR... [OPTIONS]\n"
    "\n"
    "Runs ONNX test cases on a device: every folder at or below DIR that holds model.onnx and\n"
    "test_data_set_N/input_K.pb, output_K.pb. One line for each case that fails or is skipped, and at the "
    "end\n"
    "N passed, N failed, N skipped. Integers must be equal, NaN equals NaN, an infinity itself; floats pass "
    "with\n"
    "|got - want| <= atol + rtol |want|. A case is skipped when the model needs what smelt does not have.\n"
    "\n"
    "      --only PATTERN    cases whose path contains PATTERN, or matches it with * ? [...]\n"
    "      --part I/N        the I-th of N shares of the cases, I from 1; an empty share is no failure\n"
    "      --dtype f32|f16   what f32 values are kept as on the device; f32 by default\n"
    "      --device D        the device, as in smelt devices (default: SMELT_DEVICE, else the best)\n"
    "      --backend B       auto portable dot8 coopvec coopmat coopmat2\n"
    "      --tune            times kernels on the device, and keeps in the cache which is fastest\n"
    "      --slice MS, --speed GFLOPS   as in smelt run\n"
    "      --rtol R          relative tolerance; by default 1e-3 (4e-3 for f16, 1.6e-2 bf16, 0.13 f8e4m3, "
    "0.26 f8e5m2)\n"
    "      --atol A          absolute tolerance; by default 1e-5 (1e-3 for f16 and bf16, 2e-3 f8e4m3, 2e-5 "
    "f8e5m2)\n"
    "      --top1            floats: only that the largest element of every sample is the same one\n"
    "      --psnr DB         floats: only that the signal to noise ratio is at least DB decibels\n"
    "      --checks FILE     the last two by case: JSON, {\"PATTERN\": \"top1\" or decibels, ...}, or "
    "\"rounded\": that\n"
    "                        integers are off by at most 1, as those rounded from f16 may be\n"
    "      --memory R        and that intermediates take at most R times what is in use at once (and 64 "
    "bytes)\n"
    "      --validation      with Vulkan's validation layers; a message of theirs is a failure\n"
    "      --json            for machines\n"
    "      --help\n"
    "Exit status: 0 all passed or were skipped, and one passed; 1 one failed or none ran; 2 wrong usage.\n";

enum outcome { PASSED, FAILED, SKIPPED, OUTCOME_COUNT };
static const char *const outcome_names[] = {"passed", "failed", "skipped"};

enum { TENSOR_ALIGNMENT = 64 }; // of a tensor among the intermediates

enum check { CHECK_TOLERANCE, CHECK_TOP1, CHECK_PSNR, CHECK_ROUNDED };

struct request {
    const char *only, *checks_file;
    unsigned part, parts; // from 0
    struct runner_choice choice;
    double rtol, atol; // negative: by type
    enum check check;
    double decibels;
    double memory; // 0: not looked at
    bool validation, as_json;
    cJSON *checks;
    smelt_context context;
    cJSON *json; // of the cases; NULL: text
    uint32_t counts[OUTCOME_COUNT];
};

struct verdict {
    enum outcome outcome;
    char reason[512];
    uint64_t intermediates_size, intermediates_least; // of the last data set that ran
};

static void judge(struct verdict *verdict, enum outcome outcome, const char *format, ...) SMELT_PRINTF(3, 4);
static void judge(struct verdict *verdict, enum outcome outcome, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    verdict->outcome = outcome;
    vsnprintf(verdict->reason, sizeof(verdict->reason), format, arguments);
    va_end(arguments);
}

// What smelt says it does not have is a skip; anything else that goes wrong a failure.
static void judge_error(struct verdict *verdict, enum smelt_result result, const char *path)
{
    const char *error = smelt_last_error(), *rest = error + strlen(path);
    if (!strncmp(error, path, strlen(path)) && !strncmp(rest, "/model.onnx: ", 13))
        error = rest + 13; // the line begins with the path
    judge(verdict, result == SMELT_ERROR_UNSUPPORTED ? SKIPPED : FAILED, "%s", error);
}

// --- One output ---------------------------------------------------------------------------------------------------

static bool pattern_matches(const char *pattern, const char *path)
{
    return strpbrk(pattern, "*?[") ? fnmatch(pattern, path, 0) == 0 : strstr(path, pattern) != NULL;
}

// How the numbers of this case are compared.
static enum check check_of(const struct request *request, const char *path, double *decibels)
{
    const cJSON *entry;
    *decibels = request->decibels;
    cJSON_ArrayForEach(entry, request->checks)
    {
        if (!pattern_matches(entry->string, path))
            continue;
        *decibels = entry->valuedouble;
        return cJSON_IsNumber(entry)                    ? CHECK_PSNR
               : !strcmp(entry->valuestring, "rounded") ? CHECK_ROUNDED
                                                        : CHECK_TOP1;
    }
    return request->check;
}

static struct tolerance tolerance_for(const struct request *request, enum smelt_element element)
{
    struct tolerance tolerance = tolerance_of(element, request->choice.storage);
    if (request->rtol >= 0)
        tolerance.relative = request->rtol;
    if (request->atol >= 0)
        tolerance.absolute = request->atol;
    return tolerance;
}

static void compare_numbers(const struct request *request, enum check check, const char *name,
                            const struct smelt_onnx_tensor *want, const struct smelt_onnx_tensor *got,
                            struct verdict *verdict)
{
    char index[128];
    struct difference d = compare_tensors(want, got, tolerance_for(request, want->element));
    bool integer = !smelt_element_is_float(want->element) && want->element != SMELT_ELEMENT_BOOL;
    if (!d.count || (check == CHECK_ROUNDED && integer && d.largest <= 1))
        return;
    format_index(want, d.first, index, sizeof(index));
    judge(verdict, FAILED, "%s%s: wanted %.9g, got %.9g; %llu of %llu differ, the most by %.3g", name, index,
          d.want, d.got, (unsigned long long)d.count, (unsigned long long)d.elements, d.largest);
}

static void compare_output(const struct request *request, const char *path, const char *name,
                           const struct smelt_onnx_tensor *want, const struct smelt_onnx_tensor *got,
                           struct verdict *verdict)
{
    char wanted[256], shape[256];
    uint64_t row;
    double decibels, ratio;
    enum check check = check_of(request, path, &decibels);
    tool_format_shape(want->shape, want->rank, wanted, sizeof(wanted));
    tool_format_shape(got->shape, got->rank, shape, sizeof(shape));
    if (want->element != got->element || strcmp(wanted, shape) != 0)
        judge(verdict, FAILED, "%s: wanted %s%s, got %s%s", name, smelt_element_info(want->element)->name,
              wanted, smelt_element_info(got->element)->name, shape);
    else if (check == CHECK_TOLERANCE || check == CHECK_ROUNDED || !smelt_element_is_float(want->element))
        compare_numbers(request, check, name, want, got, verdict);
    else if (check == CHECK_TOP1 && !same_top1(want, got, &row))
        judge(verdict, FAILED, "%s: the largest element of sample %llu is another one", name,
              (unsigned long long)row);
    else if (check == CHECK_PSNR && !((ratio = psnr(want, got)) >= decibels))
        judge(verdict, FAILED, "%s: wanted %g dB, got %.2f dB", name, decibels, ratio);
}

// --- One case -----------------------------------------------------------------------------------------------------

static void compare_outputs(const struct request *request, const char *path, struct runner *runner,
                            const struct test_data *data, struct verdict *verdict)
{
    const struct smelt_network_info *info = runner->info;
    if (data->output_count > info->output_count)
        judge(verdict, FAILED, "wanted %u outputs, the network has %u", data->output_count,
              info->output_count);
    for (uint32_t i = 0; i < data->output_count && verdict->outcome == PASSED; i++) {
        struct smelt_onnx_tensor got = {0};
        enum smelt_result result = runner_read(runner, i, &got);
        if (result)
            judge_error(verdict, result, path);
        else
            compare_output(request, path, info->outputs[i].name, &data->outputs[i], &got, verdict);
        smelt_onnx_tensor_free(&got);
    }
}

// The inputs of the network are those of the data that were not bound by contents, by name.
static enum smelt_result write_inputs(struct runner *runner, const struct test_data *data)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < runner->info->input_count && !result; i++) {
        uint32_t k = 0;
        while (k < data->input_count && strcmp(data->names[k], runner->info->inputs[i].name) != 0)
            k++;
        result = k < data->input_count
                     ? runner_write(runner, i, &data->inputs[k])
                     : smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "the data set has no input \"%s\"",
                                  runner->info->inputs[i].name);
    }
    return result;
}

static void run_data_set(const struct request *request, const char *path, uint32_t set,
                         struct verdict *verdict)
{
    struct test_data data = {0};
    struct model model = {0};
    struct runner runner = {0};
    struct smelt_network_params params = {.storage = request->choice.storage,
                                          .tune = request->choice.tune,
                                          .slice = request->choice.slice,
                                          .speed = request->choice.speed,
                                          .backend = request->choice.backend};
    char *file = test_case_model(path);
    enum smelt_result result = file ? model_open(file, &model) : SMELT_ERROR_OUT_OF_HOST_MEMORY;
    if (!result)
        result = test_data_read(path, set, model.ir, &data);
    if (!result) {
        params.inputs = data.network_inputs;
        params.input_count = data.input_count;
        result = runner_create(request->context, &model, &params, false, &runner);
    }
    if (!result)
        result = write_inputs(&runner, &data);
    if (!result)
        result = runner_run(&runner, NULL);
    if (result)
        judge_error(verdict, result, path);
    else
        compare_outputs(request, path, &runner, &data, verdict);
    if (runner.network) {
        verdict->intermediates_size = runner.info->intermediates_size;
        verdict->intermediates_least = runner.info->intermediates_least;
        if (request->memory > 0 &&
            (double)verdict->intermediates_size >
                request->memory * (double)verdict->intermediates_least + TENSOR_ALIGNMENT)
            judge(verdict, FAILED,
                  "%llu bytes of intermediates, wanted at most %g times the %llu in use at once",
                  (unsigned long long)verdict->intermediates_size, request->memory,
                  (unsigned long long)verdict->intermediates_least);
        runner_destroy(&runner);
    }
    model_close(&model);
    test_data_free(&data);
    free(file);
}

static void report(struct request *request, const char *path, const struct verdict *verdict)
{
    request->counts[verdict->outcome]++;
    if (request->json) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(request->json, item);
        cJSON_AddStringToObject(item, "case", path);
        cJSON_AddStringToObject(item, "outcome", outcome_names[verdict->outcome]);
        cJSON_AddNumberToObject(item, "intermediates_size", (double)verdict->intermediates_size);
        cJSON_AddNumberToObject(item, "intermediates_least", (double)verdict->intermediates_least);
        if (verdict->outcome != PASSED)
            cJSON_AddStringToObject(item, "reason", verdict->reason);
    } else if (verdict->outcome != PASSED) {
        printf("%s: %s: %s\n", path, verdict->outcome == FAILED ? "FAILED" : "skipped", verdict->reason);
        fflush(stdout);
    }
}

static void run_case(struct request *request, const char *path)
{
    struct verdict verdict = {.outcome = PASSED};
    uint32_t messages = smelt_context_validation_messages(request->context), sets = 0;
    for (; verdict.outcome == PASSED && test_case_has_set(path, sets); sets++) {
        run_data_set(request, path, sets, &verdict);
        if (verdict.outcome == FAILED && test_case_has_set(path, 1)) {
            char reason[sizeof(verdict.reason)];
            snprintf(reason, sizeof(reason), "%s", verdict.reason);
            judge(&verdict, FAILED, "data set %u: %.480s", sets, reason);
        }
    }
    if (verdict.outcome == PASSED && smelt_context_validation_messages(request->context) != messages)
        judge(&verdict, FAILED, "messages of the validation layers");
    if (!sets)
        judge(&verdict, SKIPPED, "no test_data_set_0");
    report(request, path, &verdict);
}

// --- The command ----------------------------------------------------------------------------------------------------

static int run_cases(struct request *request, const struct test_cases *cases)
{
    uint32_t done = 0, wanted = 0;
    for (uint32_t i = 0; i < cases->count; i++)
        wanted += !request->only || pattern_matches(request->only, cases->paths[i]);
    for (uint32_t i = 0; i < cases->count; i++) {
        if (request->only && !pattern_matches(request->only, cases->paths[i]))
            continue;
        if (done++ % request->parts != request->part)
            continue;
        tool_progress("[%u/%u] %s", done, wanted, cases->paths[i]);
        run_case(request, cases->paths[i]);
    }
    tool_progress_end();
    bool none = !request->counts[PASSED] && (request->parts == 1 || !wanted);
    return request->counts[FAILED] || none ? TOOL_FAILED : TOOL_OK;
}

static void print_summary(const struct request *request, cJSON *all)
{
    if (all) {
        for (int i = 0; i < OUTCOME_COUNT; i++)
            cJSON_AddNumberToObject(all, outcome_names[i], request->counts[i]);
        tool_print_json(all);
    } else {
        printf("%u passed, %u failed, %u skipped\n", request->counts[PASSED], request->counts[FAILED],
               request->counts[SKIPPED]);
    }
}

static int verify(struct request *request, char **folders, int count)
{
    struct test_cases cases = {0};
    int status = TOOL_OK;
    for (int i = 0; i < count && !status; i++)
        if (test_cases_find(&cases, folders[i]) != SMELT_OK)
            status = tool_fail_smelt();
    if (!status && tool_context(request->choice.device, request->validation, &request->context) != SMELT_OK)
        status = tool_fail_smelt();
    if (!status) {
        cJSON *all = request->as_json ? cJSON_CreateObject() : NULL;
        request->json = all ? cJSON_AddArrayToObject(all, "cases") : NULL;
        status = run_cases(request, &cases);
        print_summary(request, all);
    }
    smelt_context_destroy(&request->context);
    test_cases_free(&cases);
    return status;
}

static int read_checks(struct request *request)
{
    struct smelt_mapping mapping;
    const cJSON *entry;
    if (!request->checks_file)
        return TOOL_OK;
    if (smelt_os_map_file(NULL, request->checks_file, &mapping) != SMELT_OK)
        return tool_fail_smelt();
    request->checks = cJSON_ParseWithLength(mapping.data, mapping.size);
    smelt_os_unmap_file(&mapping);
    bool good = cJSON_IsObject(request->checks);
    cJSON_ArrayForEach(entry, request->checks) good =
        good &&
        (cJSON_IsNumber(entry) || (cJSON_IsString(entry) && (!strcmp(entry->valuestring, "top1") ||
                                                             !strcmp(entry->valuestring, "rounded"))));
    return good ? TOOL_OK
                : tool_fail("%s: wanted a JSON object of patterns with \"top1\", \"rounded\" or decibels",
                            request->checks_file);
}

static int parse_number(const char *option, const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end && *number >= 0 && isfinite(*number)
               ? TOOL_OK
               : tool_usage_error("%s wants a number of at least 0, got '%s'", option, text);
}

static int parse_part(struct request *request, const char *text)
{
    int end = 0;
    if (sscanf(text, "%u/%u%n", &request->part, &request->parts, &end) != 2 || text[end] || !request->part ||
        request->part > request->parts)
        return tool_usage_error("--part wants I/N with I from 1 to N, got '%s'", text);
    request->part--;
    return TOOL_OK;
}

static int parse_option(void *command, int option)
{
    struct request *request = command;
    switch (option) {
    case 'o':
        request->only = optarg;
        return TOOL_OK;
    case 'P':
        return parse_part(request, optarg);
    case 'r':
        return parse_number("--rtol", optarg, &request->rtol);
    case 'a':
        return parse_number("--atol", optarg, &request->atol);
    case 't':
        request->check = CHECK_TOP1;
        return TOOL_OK;
    case 'p':
        request->check = CHECK_PSNR;
        return parse_number("--psnr", optarg, &request->decibels);
    case 'm':
        return parse_number("--memory", optarg, &request->memory);
    case 'c':
        request->checks_file = optarg;
        return TOOL_OK;
    case 'v':
        request->validation = true;
        return TOOL_OK;
    case 'j':
        request->as_json = true;
        return TOOL_OK;
    default:
        return runner_option(&request->choice, option, optarg);
    }
}

int tool_verify(int argc, char **argv)
{
    static const struct option options[] = {{"only", required_argument, NULL, 'o'},
                                            RUNNER_OPTIONS,
                                            {"rtol", required_argument, NULL, 'r'},
                                            {"atol", required_argument, NULL, 'a'},
                                            {"top1", no_argument, NULL, 't'},
                                            {"psnr", required_argument, NULL, 'p'},
                                            {"memory", required_argument, NULL, 'm'},
                                            {"checks", required_argument, NULL, 'c'},
                                            {"part", required_argument, NULL, 'P'},
                                            {"validation", no_argument, NULL, 'v'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct request request = {.choice = {.storage = SMELT_DTYPE_F32}, .rtol = -1, .atol = -1, .parts = 1};
    int status = tool_parse(argc, argv, "h", options, help, parse_option, &request);
    if (status)
        return status;
    if (optind == argc)
        return tool_usage_error("verify wants a folder of test cases; smelt verify --help tells more");
    if (!TOOL_HAVE_ONNX)
        return tool_fail("verify reads ONNX models, but this build has no ONNX importer (meson option onnx)");
    status = read_checks(&request);
    if (!status)
        status = verify(&request, argv + optind, argc - optind);
    cJSON_Delete(request.checks);
    return status;
}
