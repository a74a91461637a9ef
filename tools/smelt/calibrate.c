// SPDX-License-Identifier: MIT
// Runs a network on the inputs of a folder and looks at its values.
#include "calibrate.h"

#include "network_internal.h"
#include "tensor_math.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PATH = 4096 };
#define MAX_KEPT (UINT64_C(1) << 30) // bytes of values that are read after one run

// --- The folder -----------------------------------------------------------------------------------------------------

static bool is_folder(const char *path)
{
    struct stat status;
    return !stat(path, &status) && S_ISDIR(status.st_mode);
}

static bool is_input_file(const char *path)
{
    return path_ends_with(path, ".npy") || path_ends_with(path, ".pb") || path_ends_with(path, ".png");
}

static enum smelt_result no_memory(const struct smelt_ir *ir)
{
    return smelt_ir_no_memory(ir);
}

// A run: for each input "NAME=FILE".
static enum smelt_result add_sample(struct samples *samples, const struct smelt_ir *ir,
                                    char *const paths[FEEDS_MAX])
{
    char *(*larger)[FEEDS_MAX] = realloc(samples->paths, (samples->count + 1) * sizeof(*larger));
    if (!larger)
        return no_memory(ir);
    samples->paths = larger;
    memcpy(larger[samples->count++], paths, sizeof(*larger));
    return SMELT_OK;
}

// FOLDER/input_K.pb of the model's input K, or FOLDER/NAME.ENDING.
static enum smelt_result add_folder(struct samples *samples, const struct smelt_ir *ir, const char *folder)
{
    static const char *const endings[] = {".npy", ".pb", ".png"};
    const char *base = strrchr(folder, '/');
    bool test_case = !strncmp(base ? base + 1 : folder, "test_data_set_", 14);
    char *paths[FEEDS_MAX] = {NULL};
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < ir->input_count && !result; i++) {
        const char *name = ir->inputs[i]->name;
        char path[MAX_PATH] = "", *argument = NULL;
        for (uint32_t e = 0; e < SMELT_COUNT_OF(endings) && !argument; e++) {
            int length = test_case ? snprintf(path, sizeof(path), "%s/input_%u.pb", folder, i)
                                   : snprintf(path, sizeof(path), "%s/%s%s", folder, name, endings[e]);
            if (length < MAX_PATH && smelt_os_is_file(path) &&
                (argument = malloc(strlen(name) + (size_t)length + 2)))
                sprintf(argument, "%s=%s", name, path);
        }
        paths[i] = argument;
        if (!argument)
            result = smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "%s: no file for input \"%.80s\"", folder, name);
    }
    if (!result)
        result = add_sample(samples, ir, paths);
    for (uint32_t i = 0; result && i < ir->input_count; i++)
        free(paths[i]);
    return result;
}

static enum smelt_result add_entry(struct samples *samples, const struct smelt_ir *ir, const char *path)
{
    if (is_folder(path))
        return add_folder(samples, ir, path);
    if (ir->input_count != 1 || !is_input_file(path))
        return SMELT_OK; // a model beside its data sets, a licence
    char *paths[FEEDS_MAX] = {malloc(strlen(ir->inputs[0]->name) + strlen(path) + 2)};
    if (!paths[0])
        return no_memory(ir);
    sprintf(paths[0], "%s=%s", ir->inputs[0]->name, path);
    enum smelt_result result = add_sample(samples, ir, paths);
    if (result)
        free(paths[0]);
    return result;
}

enum smelt_result samples_find(struct samples *samples, const char *folder, const struct smelt_ir *ir,
                               const struct feed_request *options)
{
    struct dirent **entries = NULL;
    enum smelt_result result = SMELT_OK;
    *samples = (struct samples){.numbers = *options, .input_count = ir->input_count};
    if (ir->input_count > FEEDS_MAX)
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED, "%s: %u inputs; calibration takes at most %d",
                          ir->file, ir->input_count, FEEDS_MAX);
    int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0)
        return smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "cannot read the folder %s: %s", folder,
                          strerror(errno));
    for (int i = 0; i < count; i++) {
        char path[MAX_PATH];
        if (!result && entries[i]->d_name[0] != '.' &&
            snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name) < MAX_PATH)
            result = add_entry(samples, ir, path);
        free(entries[i]);
    }
    free(entries);
    if (!result && !samples->count)
        result =
            smelt_fail(NULL, SMELT_ERROR_NOT_FOUND,
                       "%s: no inputs in it: wanted folders test_data_set_N with input_K.pb, folders with "
                       "NAME.npy, .pb or .png for each input, or for a model with one input such files",
                       folder);
    if (result)
        samples_free(samples);
    return result;
}

void samples_free(struct samples *samples)
{
    for (uint32_t s = 0; s < samples->count; s++)
        for (uint32_t i = 0; i < samples->input_count; i++)
            free(samples->paths[s][i]);
    free(samples->paths);
    *samples = (struct samples){0};
}

// --- Runs -----------------------------------------------------------------------------------------------------------

static bool same_shapes(const struct feeds *a, const struct feeds *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++)
        same = a->inputs[i].rank == b->inputs[i].rank && !a->inputs[i].contents && !b->inputs[i].contents &&
               !memcmp(a->inputs[i].shape, b->inputs[i].shape,
                       sizeof(a->inputs[i].shape[0]) * a->inputs[i].rank);
    return same;
}

static enum smelt_result make_runner(struct probe *probe)
{
    struct smelt_network_input inputs[FEEDS_MAX];
    const struct smelt_network_params params = {.inputs = inputs,
                                                .input_count = feeds_inputs(&probe->feeds, inputs),
                                                .storage = SMELT_DTYPE_F32,
                                                .no_fusion = true,
                                                .more_outputs = probe->names,
                                                .more_output_count = probe->name_count};
    struct model model = {.path = probe->ir->file};
    runner_destroy(&probe->runner);
    enum smelt_result result = smelt_ir_clone(probe->ir, &model.ir);
    if (!result)
        result = runner_create(probe->context, &model, &params, false, &probe->runner);
    model_close(&model);
    return result;
}

enum smelt_result probe_run(struct probe *probe, const struct samples *samples, uint32_t sample)
{
    struct feed_request request = samples->numbers;
    struct feeds feeds = {0};
    for (uint32_t i = 0; i < samples->input_count; i++)
        request.inputs[i] = samples->paths[sample][i];
    request.input_count = samples->input_count;
    enum smelt_result result = feeds_read(&request, probe->ir, &feeds);
    bool same = !result && probe->runner.network && same_shapes(&feeds, &probe->feeds);
    feeds_free(&probe->feeds);
    probe->feeds = feeds;
    if (!result && !same)
        result = make_runner(probe);
    if (!result)
        result = feeds_write(&probe->feeds, &probe->runner);
    return result ? result : runner_run(&probe->runner, NULL);
}

enum smelt_result probe_read(struct probe *probe, const char *name, struct smelt_onnx_tensor *tensor)
{
    for (uint32_t i = 0; i < probe->runner.info->output_count; i++)
        if (!strcmp(probe->runner.info->outputs[i].name, name))
            return runner_read(&probe->runner, i, tensor);
    return smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "%s: no value \"%.80s\" was kept", probe->ir->file, name);
}

void probe_free(struct probe *probe)
{
    runner_destroy(&probe->runner);
    feeds_free(&probe->feeds);
}

// --- Ranges ---------------------------------------------------------------------------------------------------------

static void look_at(struct value_range *range, double x)
{
    if (!isfinite(x)) {
        range->others++;
        return;
    }
    range->least = fmin(range->least, x);
    range->most = fmax(range->most, x);
    range->largest = fmax(range->largest, fabs(x));
    range->elements += x != 0;
    range->overflows += fabs(x) >= 65520;              // rounds to infinity
    range->underflows += x != 0 && fabs(x) <= 0x1p-25; // rounds to 0, ties to even
}

static void look_at_tensor(struct value_range *range, const struct smelt_onnx_tensor *tensor)
{
    uint64_t count = tensor->element == SMELT_ELEMENT_F32 ? tensor_elements(tensor) : 0;
    for (uint64_t i = 0; i < count; i++)
        look_at(range, smelt_element_number(tensor->element, tensor->data, i));
}

static bool is_wanted(const struct smelt_ir_value *value)
{
    return value && value->element == SMELT_ELEMENT_F32 && !value->constant;
}

// The next values of nodes, from `*at` on, whose elements fit into MAX_KEPT; of free extents it is one. Outputs need no name.
static uint32_t next_names(const struct smelt_ir *ir, uint32_t *at, const char **names)
{
    uint32_t count = 0;
    uint64_t size = 0;
    for (; *at < ir->value_count; ++*at) {
        const struct smelt_ir_value *v = ir->values[*at];
        if (!is_wanted(v) || !v->producer)
            continue;
        uint64_t elements = smelt_ir_element_count(v);
        elements = elements == UINT64_MAX ? MAX_KEPT / 64 : elements;
        if (count && size + elements * 4 > MAX_KEPT)
            break;
        size += elements * 4;
        names[count++] = v->name;
    }
    return count;
}

static enum smelt_result measure_sample(struct probe *probe, const struct smelt_ir *ir, bool inputs,
                                        struct value_range *ranges)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < probe->name_count && !result; i++) {
        struct smelt_onnx_tensor tensor = {0};
        result = probe_read(probe, probe->names[i], &tensor);
        if (!result)
            look_at_tensor(&ranges[smelt_ir_find(ir, probe->names[i])->id], &tensor);
        smelt_onnx_tensor_free(&tensor);
    }
    for (uint32_t i = 0; i < ir->input_count && inputs; i++)
        if (is_wanted(ir->inputs[i]))
            look_at_tensor(&ranges[ir->inputs[i]->id], &probe->feeds.tensors[i]);
    return result;
}

static void look_at_weights(const struct smelt_ir *ir, struct value_range *ranges)
{
    for (uint32_t i = 0; i < ir->value_count; i++) {
        const struct smelt_ir_value *v = ir->values[i];
        if (!smelt_ir_is_weight(v) || v->element != SMELT_ELEMENT_F32)
            continue;
        uint64_t count = smelt_ir_element_count(v);
        for (uint64_t k = 0; k < count; k++)
            look_at(&ranges[i], smelt_element_number(v->stored, v->data, k));
    }
}

enum smelt_result measure_ranges(smelt_context context, const struct smelt_ir *ir,
                                 const struct samples *samples, struct value_range **out)
{
    struct value_range *ranges = calloc((size_t)ir->value_count + 1, sizeof(*ranges));
    const char **names = calloc((size_t)ir->value_count + 1, sizeof(*names));
    enum smelt_result result = ranges && names ? SMELT_OK : no_memory(ir);
    bool first = true;
    for (uint32_t at = 0; !result && at < ir->value_count;) {
        struct probe probe = {.context = context, .ir = ir, .names = names};
        probe.name_count = next_names(ir, &at, names);
        for (uint32_t s = 0; s < samples->count && !result && (probe.name_count || first); s++) {
            tool_progress("calibrating: sample %u of %u, %u %% of the tensors", s + 1, samples->count,
                          100 * at / ir->value_count);
            result = probe_run(&probe, samples, s);
            if (!result)
                result = measure_sample(&probe, ir, first, ranges);
        }
        probe_free(&probe);
        first = false;
    }
    if (!result)
        look_at_weights(ir, ranges);
    free(names);
    if (result)
        free(ranges);
    else
        *out = ranges;
    return result;
}
