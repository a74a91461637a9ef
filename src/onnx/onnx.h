// SPDX-License-Identifier: MIT
// The ONNX importer: model files into networks (network_ir.h), test data into tensors. Lives beside the tool; libsmelt
// does not link it. Built when protobuf-c and the distribution's onnx.proto are there (meson option `onnx`).
//
// Files are hostile: before protobuf-c unpacks one, its wire format is walked with bounds and a limit of depth
// (wire.c); what is unpacked has a budget of memory.
#ifndef SMELT_ONNX_H
#define SMELT_ONNX_H

#include "network_ir.h"

#define SMELT_ONNX_OPSET_OLDEST 6 // 7 and what exporters of its time declared as 6 (no broadcast by axis)

// Reads a model; external data lies beside `path`. The network is not inferred; inputs may be given shapes or
// contents first. Errors: NOT_FOUND, IO, FORMAT, VERSION (opset), UNSUPPORTED (all operators that are not there in
// one message, by node name), SHAPE, DTYPE.
enum smelt_result smelt_onnx_read(const char *path, struct smelt_ir **ir);
// From memory; `name` is for messages, external data is refused. Everything is copied.
enum smelt_result smelt_onnx_read_memory(const void *data, size_t size, const char *name,
                                         struct smelt_ir **ir);

// A tensor of a test case: a serialised TensorProto, or a file of numpy's (.npy).
struct smelt_onnx_tensor {
    enum smelt_element element;
    uint32_t rank;
    uint64_t shape[SMELT_IR_MAX_RANK];
    void *data; // packed
    uint64_t size;
};
// By the ending of the path, .npy or another. Free with smelt_onnx_tensor_free. Errors: NOT_FOUND, IO, FORMAT,
// UNSUPPORTED (element types, external data).
enum smelt_result smelt_onnx_tensor_read(const char *path, struct smelt_onnx_tensor *tensor);
enum smelt_result smelt_onnx_tensor_read_memory(const void *data, size_t size, const char *name,
                                                struct smelt_onnx_tensor *tensor);
enum smelt_result smelt_onnx_npy_read_memory(const void *data, size_t size, const char *name,
                                             struct smelt_onnx_tensor *tensor);
// npy.c alone, which needs no protobuf.
enum smelt_result smelt_onnx_npy_read(const char *path, struct smelt_onnx_tensor *tensor);
void smelt_onnx_tensor_free(struct smelt_onnx_tensor *tensor);
// A .npy file's bytes, version 1. Errors: DTYPE (numpy has no such type), OUT_OF_HOST_MEMORY.
enum smelt_result smelt_onnx_npy_write(const struct smelt_onnx_tensor *tensor, const char *name,
                                       struct smelt_text *text);

#endif
