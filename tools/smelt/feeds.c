// SPDX-License-Identifier: MIT
// Inputs of a network from the command line: files, shapes, random numbers.
#include "feeds.h"

#include "tensor_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- Names --------------------------------------------------------------------------------------------------------

const char *after_name(const char *argument, const char *name)
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
static enum smelt_result shape_for_image(const struct feed_request *request,
                                         const struct smelt_ir_value *value, const char *path,
                                         struct smelt_network_input *input)
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

static enum smelt_result read_input(const struct feed_request *request, const struct smelt_ir *ir,
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
    feeds->filled[i] = feeds->shaped[i] = !result;
    if (!result && smelt_ir_wants_contents(ir, ir->inputs[i])) {
        input->contents = feeds->tensors[i].data;
        input->contents_size = feeds->tensors[i].size;
    }
    return result;
}

enum smelt_result feeds_read(const struct feed_request *request, const struct smelt_ir *ir,
                             struct feeds *feeds)
{
    enum smelt_result result = SMELT_OK;
    if (ir->input_count > FEEDS_MAX)
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED, "%s: %u inputs; run takes at most %d", ir->file,
                          ir->input_count, FEEDS_MAX);
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
        feeds->shaped[index] = true;
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

enum smelt_result feeds_write(const struct feeds *feeds, struct runner *runner)
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

void feeds_free(struct feeds *feeds)
{
    for (uint32_t i = 0; i < FEEDS_MAX; i++) {
        smelt_onnx_tensor_free(&feeds->tensors[i]);
        free(feeds->names[i]);
    }
}

uint32_t feeds_inputs(const struct feeds *feeds, struct smelt_network_input inputs[FEEDS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < feeds->count; i++)
        if (feeds->shaped[i])
            inputs[count++] = feeds->inputs[i];
    return count;
}

// --- Options ----------------------------------------------------------------------------------------------------------

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

static int add_argument(const char **list, uint32_t *count, const char *option, const char *argument)
{
    if (*count == FEEDS_MAX)
        return tool_usage_error("at most %d --%s", FEEDS_MAX, option);
    list[(*count)++] = argument;
    return TOOL_OK;
}

int feed_option(struct feed_request *request, int option, const char *argument)
{
    switch (option) {
    case FEED_INPUT:
        return add_argument(request->inputs, &request->input_count, "input", argument);
    case FEED_SHAPE:
        return add_argument(request->shapes, &request->shape_count, "shape", argument);
    case FEED_RANDOM:
        request->random = true;
        return TOOL_OK;
    case FEED_LAYOUT:
        request->channels_last = !strcmp(argument, "nhwc");
        return request->channels_last || !strcmp(argument, "nchw")
                   ? TOOL_OK
                   : tool_usage_error("--layout wants nchw or nhwc, got '%s'", argument);
    case FEED_RANGE:
        return parse_range(&request->numbers, argument);
    case FEED_MEAN:
        return parse_numbers("mean", argument, request->numbers.mean, 1);
    default:
        return parse_std(&request->numbers, argument);
    }
}
