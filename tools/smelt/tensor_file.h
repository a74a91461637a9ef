// SPDX-License-Identifier: MIT
// Tensors as files: .npy, serialised TensorProto (.pb), .png.
#ifndef SMELT_TOOL_TENSOR_FILE_H
#define SMELT_TOOL_TENSOR_FILE_H

#include "onnx.h"

// How the bytes of an image are numbers: x = (v / 255 * (high - low) + low - mean) / std, v in 0..255.
struct image_numbers {
    double low, high; // what 0 and 255 stand for, before mean and std
    double mean[4], std[4];
};

// Reads a tensor: by the ending of the path .npy, or .pb where the build has the importer. Errors: NOT_FOUND, IO, FORMAT,
// UNSUPPORTED.
enum smelt_result tensor_read(const char *path, struct smelt_onnx_tensor *tensor);
// Reads a PNG with the components of `shape` (1 grey, 3 RGB, 4 RGBA; 2 grey and alpha), whose size must be that of the
// image. `element` is f32, f16, u8 or i8. Errors: FORMAT, SHAPE, DTYPE, IO.
enum smelt_result tensor_read_png(const char *path, enum smelt_element element, uint32_t rank,
                                  const uint64_t *shape, bool channels_last,
                                  const struct image_numbers *numbers, struct smelt_onnx_tensor *tensor);
// The size of a PNG's picture. Errors: FORMAT, NOT_FOUND, IO.
enum smelt_result png_size(const char *path, uint32_t *width, uint32_t *height);

// Writes to a temporary name, then renames. Errors: IO, DTYPE (a type that numpy has no name for), SHAPE.
enum smelt_result tensor_write_npy(const char *path, const struct smelt_onnx_tensor *tensor);
enum smelt_result tensor_write_png(const char *path, const struct smelt_onnx_tensor *tensor,
                                   bool channels_last, const struct image_numbers *numbers);

bool path_ends_with(const char *path, const char *ending);

#endif
