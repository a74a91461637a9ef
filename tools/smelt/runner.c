// SPDX-License-Identifier: MIT
// A network's tensors, its heap and its encoder, and elements on their way between host and device.
#include "runner.h"

#include "network_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum smelt_result model_read_onnx(const char *path, struct smelt_ir **ir)
{
#if TOOL_HAVE_ONNX
    return smelt_onnx_read(path, ir);
#else
    (void)ir;
    return smelt_fail(
        NULL, SMELT_ERROR_UNSUPPORTED,
        "%s: this build has no ONNX importer: it was configured without protobuf-c or the ONNX schema "
        "(packages protobuf-c-compiler, libprotobuf-c-dev, libonnx-dev; meson option onnx)",
        path);
#endif
}

enum smelt_result model_open(const char *path, struct model *model)
{
    size_t length = strlen(path);
    *model = (struct model){.path = path};
    if (length > 5 && !strcmp(path + length - 5, ".onnx"))
        return model_read_onnx(path, &model->ir);
    enum smelt_result result = smelt_package_open(path, &model->package);
    if (!result)
        result = smelt_ir_read(model->package, &model->ir);
    if (result)
        model_close(model);
    return result;
}

void model_close(struct model *model)
{
    smelt_ir_destroy(&model->ir);
    smelt_package_close(&model->package);
}

// --- Elements ---------------------------------------------------------------------------------------------------

// The type of tensors whose bytes are those of the element type; NONE for those that a device has no counterpart of.
static enum smelt_dtype same_bytes(enum smelt_element element)
{
    return element == SMELT_ELEMENT_BOOL ? SMELT_DTYPE_U8 : smelt_element_info(element)->dtype;
}

// Converts packed elements of a type of the model into those of a tensor's, or back: i64 and i32, u64 and u32, bool and
// u8, and floats of any width. Errors: DTYPE, UNSUPPORTED as runner_write, naming `what`.
static enum smelt_result elements_to_device(const char *what, enum smelt_dtype dtype, void *destination,
                                            enum smelt_element element, const void *source, uint64_t count)
{
    enum smelt_dtype from = same_bytes(element);
    if (from)
        return smelt_dtype_convert(dtype, destination, from, source, count);
    if (!smelt_element_is_integer(element) || smelt_dtype_bits(dtype) != 32)
        return smelt_fail(NULL, SMELT_ERROR_DTYPE, "%s: no %s from elements of type %s", what,
                          smelt_dtype_name(dtype), smelt_element_info(element)->name);
    for (uint64_t i = 0; i < count; i++) {
        int64_t value = smelt_element_integer(element, source, i);
        bool fits = dtype == SMELT_DTYPE_I32 ? value >= INT32_MIN && value <= INT32_MAX
                                             : value >= 0 && value <= UINT32_MAX;
        if (!fits)
            return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED,
                              "%s: element %llu is %lld, which the device's %s does not hold", what,
                              (unsigned long long)i, (long long)value, smelt_dtype_name(dtype));
        uint32_t bits = (uint32_t)value;
        memcpy((char *)destination + i * 4, &bits, 4);
    }
    return SMELT_OK;
}

static enum smelt_result elements_from_device(const char *what, enum smelt_element element, void *destination,
                                              enum smelt_dtype dtype, const void *source, uint64_t count)
{
    enum smelt_dtype to = same_bytes(element);
    if (to)
        return smelt_dtype_convert(to, destination, dtype, source, count);
    if (!smelt_element_is_integer(element) || smelt_dtype_bits(dtype) != 32)
        return smelt_fail(NULL, SMELT_ERROR_DTYPE, "%s: no elements of type %s from %s", what,
                          smelt_element_info(element)->name, smelt_dtype_name(dtype));
    enum smelt_element narrow = dtype == SMELT_DTYPE_I32 ? SMELT_ELEMENT_I32 : SMELT_ELEMENT_U32;
    for (uint64_t i = 0; i < count; i++) {
        int64_t value = smelt_element_integer(narrow, source, i);
        memcpy((char *)destination + i * 8, &value, 8);
    }
    return SMELT_OK;
}

// --- The network ------------------------------------------------------------------------------------------------

static uint64_t elements_of(const struct smelt_network_binding *binding)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < binding->rank; i++)
        count *= binding->shape[i];
    return count;
}

static enum smelt_result make_tensors(struct runner *runner, const struct smelt_network_binding *bindings,
                                      uint32_t count, smelt_tensor **tensors)
{
    *tensors = calloc(count + 1, sizeof(**tensors));
    if (!*tensors)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for %u tensors", count);
    for (uint32_t i = 0; i < count; i++) {
        struct smelt_tensor_params params = {
            .dtype = bindings[i].dtype, .rank = bindings[i].rank, .name = bindings[i].name};
        memcpy(params.shape, bindings[i].shape, sizeof(params.shape[0]) * params.rank);
        if (!elements_of(&bindings[i]))
            continue; // takes no tensor
        enum smelt_result result = smelt_tensor_create(runner->context, &params, &(*tensors)[i]);
        if (result)
            return result;
    }
    return SMELT_OK;
}

static enum smelt_result make_rest(struct runner *runner, bool profile)
{
    const struct smelt_encoder_params encoder = {.profile = profile, .name = runner->info->name};
    const struct smelt_heap_params heap = {.size = runner->info->intermediates_size, .name = "intermediates"};
    enum smelt_result result = smelt_encoder_create(runner->context, &encoder, &runner->encoder);
    if (!result)
        result = make_tensors(runner, runner->info->inputs, runner->info->input_count, &runner->inputs);
    if (!result)
        result = make_tensors(runner, runner->info->outputs, runner->info->output_count, &runner->outputs);
    if (!result && heap.size)
        result = smelt_heap_create(runner->context, &heap, &runner->heap);
    return result;
}

static int parse_positive(const char *option, const char *text, float *number)
{
    char *end;
    *number = strtof(text, &end);
    if (end != text && !*end && *number > 0 && isfinite(*number))
        return TOOL_OK;
    fprintf(stderr, "smelt: %s: got '%s', wanted a number above 0\n", option, text);
    return TOOL_USAGE;
}

int runner_option(struct runner_choice *choice, int option, const char *argument)
{
    switch (option) {
    case RUNNER_DEVICE:
        choice->device = argument;
        return TOOL_OK;
    case RUNNER_BACKEND:
        return tool_parse_backend(argument, &choice->backend) ? TOOL_OK : TOOL_USAGE;
    case RUNNER_STORAGE:
        return tool_parse_float("--dtype", argument, &choice->storage) ? TOOL_OK : TOOL_USAGE;
    case RUNNER_TUNE:
        choice->tune = true;
        return TOOL_OK;
    case RUNNER_SLICE:
        return parse_positive("--slice", argument, &choice->slice);
    case RUNNER_SPEED:
        return parse_positive("--speed", argument, &choice->speed);
    default:
        return TOOL_USAGE;
    }
}

enum smelt_result runner_create(smelt_context context, struct model *model,
                                const struct smelt_network_params *params, bool profile,
                                struct runner *runner)
{
    enum smelt_result result;
    *runner = (struct runner){.context = context};
    if (model->package) {
        result = smelt_network_create(context, model->package, params, &runner->network);
    } else {
        struct smelt_ir *ir = model->ir;
        model->ir = NULL; // taken, also when it fails
        result = smelt_network_create_from_ir(context, ir, params, &runner->network);
    }
    if (!result) {
        runner->info = smelt_network_info(runner->network);
        result = make_rest(runner, profile);
    }
    if (result)
        runner_destroy(runner);
    return result;
}

void runner_destroy(struct runner *runner)
{
    smelt_encoder_destroy(&runner->encoder);
    for (uint32_t i = 0; runner->inputs && i < runner->info->input_count; i++)
        smelt_tensor_destroy(&runner->inputs[i]);
    for (uint32_t i = 0; runner->outputs && i < runner->info->output_count; i++)
        smelt_tensor_destroy(&runner->outputs[i]);
    free(runner->inputs);
    free(runner->outputs);
    smelt_network_destroy(&runner->network);
    smelt_heap_destroy(&runner->heap);
    *runner = (struct runner){0};
}

enum smelt_result runner_write(struct runner *runner, uint32_t input, const struct smelt_onnx_tensor *tensor)
{
    const struct smelt_network_binding *binding = &runner->info->inputs[input];
    enum smelt_element element = smelt_element_from_name(binding->element);
    uint64_t count = elements_of(binding);
    uint64_t size = smelt_dtype_size(binding->dtype, count);
    if (tensor->element != element)
        return smelt_fail(NULL, SMELT_ERROR_DTYPE, "input \"%s\": wanted elements of type %s, got %s",
                          binding->name, binding->element, smelt_element_info(tensor->element)->name);
    if (tensor->rank != binding->rank ||
        memcmp(tensor->shape, binding->shape, tensor->rank * sizeof(tensor->shape[0])) != 0) {
        char wanted[256], got[256];
        tool_format_shape(binding->shape, binding->rank, wanted, sizeof(wanted));
        tool_format_shape(tensor->shape, tensor->rank, got, sizeof(got));
        return smelt_fail(NULL, SMELT_ERROR_SHAPE, "input \"%s\": wanted the shape %s, got %s", binding->name,
                          wanted, got);
    }
    void *bytes = malloc((size_t)size + 1);
    if (!bytes)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "input \"%s\": no memory", binding->name);
    enum smelt_result result =
        elements_to_device(binding->name, binding->dtype, bytes, element, tensor->data, count);
    if (!result && count)
        result = smelt_tensor_write_and_wait(runner->inputs[input], NULL, bytes, size);
    free(bytes);
    return result;
}

enum smelt_result runner_run(struct runner *runner, uint64_t *time)
{
    const struct smelt_network_info *info = runner->info;
    uint32_t count = 0;
    struct smelt_network_argument *arguments =
        calloc(info->input_count + info->output_count + 1, sizeof(*arguments));
    if (!arguments)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for the arguments");
    for (uint32_t i = 0; i < info->input_count; i++)
        if (runner->inputs[i])
            arguments[count++] =
                (struct smelt_network_argument){info->inputs[i].name, .tensor = runner->inputs[i]};
    for (uint32_t i = 0; i < info->output_count; i++)
        if (runner->outputs[i])
            arguments[count++] =
                (struct smelt_network_argument){info->outputs[i].name, .tensor = runner->outputs[i]};
    const struct smelt_network_dispatch dispatch = {
        .arguments = arguments, .argument_count = count, .heap = runner->heap};
    uint64_t began = smelt_os_time_ns(), begin, end;
    enum smelt_result result = smelt_encoder_begin(runner->encoder, NULL);
    if (!result)
        result = smelt_encoder_dispatch_network(runner->encoder, runner->network, &dispatch);
    if (!result)
        result = smelt_encoder_commit_and_wait(runner->encoder);
    if (!result && time) {
        *time = smelt_os_time_ns() - began;
        if (smelt_encoder_gpu_time(runner->encoder, &begin, &end) == SMELT_OK)
            *time = end - begin;
    }
    free(arguments);
    return result;
}

enum smelt_result runner_read(struct runner *runner, uint32_t output, struct smelt_onnx_tensor *tensor)
{
    const struct smelt_network_binding *binding = &runner->info->outputs[output];
    uint64_t count = elements_of(binding);
    uint64_t size = smelt_dtype_size(binding->dtype, count);
    struct smelt_onnx_tensor t = {.element = smelt_element_from_name(binding->element),
                                  .rank = binding->rank};
    if (binding->rank > SMELT_IR_MAX_RANK)
        return smelt_fail(NULL, SMELT_ERROR_SHAPE, "output \"%s\" has rank %u", binding->name, binding->rank);
    memcpy(t.shape, binding->shape, sizeof(t.shape[0]) * t.rank);
    t.size = (count * smelt_element_info(t.element)->bits + 7) / 8;
    t.data = malloc((size_t)t.size + 1);
    void *bytes = malloc((size_t)size + 1);
    enum smelt_result result =
        t.data && bytes
            ? count ? smelt_tensor_read_and_wait(runner->outputs[output], NULL, bytes, size) : SMELT_OK
            : smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "output \"%s\": no memory", binding->name);
    if (!result && count)
        result = elements_from_device(binding->name, t.element, t.data, binding->dtype, bytes, count);
    free(bytes);
    if (result)
        smelt_onnx_tensor_free(&t);
    else
        *tensor = t;
    return result;
}
