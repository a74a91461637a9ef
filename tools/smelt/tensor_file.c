// SPDX-License-Identifier: MIT
// Reading and writing of tensors as files, and the way between an image's bytes and a network's numbers.
#include "tensor_file.h"

#include "image_file.h"
#include "tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool path_ends_with(const char *path, const char *ending)
{
    size_t length = strlen(path), wanted = strlen(ending);
    return length > wanted && !strcmp(path + length - wanted, ending);
}

enum smelt_result tensor_read(const char *path, struct smelt_onnx_tensor *tensor)
{
    if (path_ends_with(path, ".npy"))
        return smelt_onnx_npy_read(path, tensor);
#if TOOL_HAVE_ONNX
    if (path_ends_with(path, ".pb"))
        return smelt_onnx_tensor_read(path, tensor);
#endif
    return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED, "%s: wanted a file that ends with .npy, .png%s", path,
                      TOOL_HAVE_ONNX ? " or .pb" : " (this build does not read .pb)");
}

// What a tensor for an image has to be: [n][c][h][w], [c][h][w], [h][w], or with `channels_last` [n][h][w][c], [h][w][c]; n
// is 1, c 1 to 4. Sets width, height and components. Error: SHAPE, naming `what`.
static enum smelt_result image_of_shape(const char *what, uint32_t rank, const uint64_t *shape,
                                        bool channels_last, uint32_t *width, uint32_t *height,
                                        uint32_t *components)
{
    char text[256];
    uint64_t box[3] = {1, 1, 1}; // c h w
    bool good = rank >= 2 && rank <= 4 && (rank < 4 || shape[0] == 1);
    if (good && channels_last && rank > 2) {
        box[0] = shape[rank - 1];
        box[1] = shape[rank - 3];
        box[2] = shape[rank - 2];
    } else if (good) {
        for (uint32_t i = 0; i < 3 && i < rank; i++)
            box[2 - i] = shape[rank - 1 - i];
    }
    if (!good || box[0] < 1 || box[0] > 4 || box[1] < 1 || box[1] > 1 << 20 || box[2] < 1 ||
        box[2] > 1 << 20) {
        tool_format_shape(shape, rank, text, sizeof(text));
        return smelt_fail(NULL, SMELT_ERROR_SHAPE, "%s: the shape %s is no image: wanted %s, n 1, c 1 to 4",
                          what, text,
                          channels_last ? "[n][h][w][c], [h][w][c] or [h][w]"
                                        : "[n][c][h][w], [c][h][w] or [h][w] (--layout nhwc: channels last)");
    }
    *components = (uint32_t)box[0];
    *height = (uint32_t)box[1];
    *width = (uint32_t)box[2];
    return SMELT_OK;
}

enum smelt_result png_size(const char *path, uint32_t *width, uint32_t *height)
{
    char message[256];
    if (!smelt_os_is_file(path))
        return smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "%s: no such file", path);
    return image_read_png(path, 0, NULL, width, height, message)
               ? SMELT_OK
               : smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s", message);
}

// Where component c of pixel i is in the tensor.
static uint64_t place_of(bool channels_last, uint32_t components, uint64_t pixels, uint64_t i, uint32_t c)
{
    return channels_last ? i * components + c : c * pixels + i;
}

static enum smelt_result numbers_of_bytes(const uint8_t *bytes, uint64_t pixels, uint32_t components,
                                          bool channels_last, const struct image_numbers *numbers,
                                          enum smelt_dtype dtype, struct smelt_onnx_tensor *tensor)
{
    float *floats = malloc((size_t)pixels * components * sizeof(float));
    if (!floats)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for an image");
    for (uint64_t i = 0; i < pixels; i++)
        for (uint32_t c = 0; c < components; c++) {
            double x = bytes[i * components + c] / 255.0 * (numbers->high - numbers->low) + numbers->low;
            floats[place_of(channels_last, components, pixels, i, c)] =
                (float)((x - numbers->mean[c]) / numbers->std[c]);
        }
    enum smelt_result result =
        smelt_dtype_convert(dtype, tensor->data, SMELT_DTYPE_F32, floats, pixels * components);
    free(floats);
    return result;
}

enum smelt_result tensor_read_png(const char *path, enum smelt_element element, uint32_t rank,
                                  const uint64_t *shape, bool channels_last,
                                  const struct image_numbers *numbers, struct smelt_onnx_tensor *tensor)
{
    const struct smelt_element_info *info = smelt_element_info(element);
    struct smelt_onnx_tensor t = {.element = element, .rank = rank};
    uint32_t width, height, components, w, h;
    uint8_t *bytes = NULL;
    char message[256];
    enum smelt_result result = image_of_shape(path, rank, shape, channels_last, &width, &height, &components);
    if (!result)
        result = png_size(path, &w, &h);
    if (result)
        return result;
    if (!info->dtype || info->bits < 8)
        return smelt_fail(NULL, SMELT_ERROR_DTYPE, "%s: an image is no tensor of type %s", path, info->name);
    if (w != width || h != height)
        return smelt_fail(NULL, SMELT_ERROR_SHAPE, "%s: wanted an image of %ux%u, got %ux%u", path, width,
                          height, w, h);
    if (!image_read_png(path, components, &bytes, &w, &h, message))
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s", message);
    memcpy(t.shape, shape, rank * sizeof(shape[0]));
    uint64_t pixels = (uint64_t)width * height;
    t.size = pixels * components * info->bits / 8;
    t.data = malloc((size_t)t.size);
    result = t.data ? numbers_of_bytes(bytes, pixels, components, channels_last, numbers, info->dtype, &t)
                    : smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory", path);
    free(bytes);
    if (result)
        smelt_onnx_tensor_free(&t);
    else
        *tensor = t;
    return result;
}

enum smelt_result tensor_write_png(const char *path, const struct smelt_onnx_tensor *tensor,
                                   bool channels_last, const struct image_numbers *numbers)
{
    uint32_t width, height, components;
    char message[256];
    enum smelt_result result =
        image_of_shape(path, tensor->rank, tensor->shape, channels_last, &width, &height, &components);
    if (result)
        return result;
    uint64_t pixels = (uint64_t)width * height;
    uint8_t *bytes = malloc((size_t)pixels * components);
    if (!bytes)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory", path);
    for (uint64_t i = 0; i < pixels; i++)
        for (uint32_t c = 0; c < components; c++) {
            double x = smelt_element_number(tensor->element, tensor->data,
                                            place_of(channels_last, components, pixels, i, c));
            double v =
                (x * numbers->std[c] + numbers->mean[c] - numbers->low) / (numbers->high - numbers->low);
            bytes[i * components + c] = (uint8_t)lrint(v > 0 ? fmin(v, 1) * 255 : 0); // NaN is 0
        }
    if (!image_write_png(path, bytes, width, height, components, message))
        result = smelt_fail(NULL, SMELT_ERROR_IO, "%s", message);
    free(bytes);
    return result;
}

enum smelt_result tensor_write_npy(const char *path, const struct smelt_onnx_tensor *tensor)
{
    struct smelt_text text = {0};
    enum smelt_result result = smelt_onnx_npy_write(tensor, path, &text);
    if (!result)
        result = smelt_os_write_file(NULL, path, text.data, text.size);
    smelt_text_free(&text);
    return result;
}
