// SPDX-License-Identifier: MIT
// What the library's kernels of lines share (kernels_reduction.c, kernels_normalization.c): the view of tensors as lines,
// and which instance of glsl/kernels/line_body.glsl serves them.
#ifndef SMELT_KERNELS_LINES_H
#define SMELT_KERNELS_LINES_H

#include "kernels_cache.h"
#include "tensor_internal.h"

#include <smelt/reduce.h>

#define SMELT_LINES_MAX_TENSORS 3

// Tensors of the same lines: n elements apart by strides[t][3], and three dimensions of lines, the one whose lines lie
// closest last. A tensor may have a stride of 0.
struct smelt_lines {
    smelt_context context;
    const char *name; // in messages
    uint32_t extent[3], n;
    uint32_t strides[SMELT_LINES_MAX_TENSORS][4];
    uint64_t count;
};

// That the tensor is there, is this context's and in plain memory.
enum smelt_result smelt_lines_check_tensor(const struct smelt_lines *lines, const char *role,
                                           smelt_tensor tensor);
// Makes the view of `tensors` (NULL: strides of 0) by the first one's shape, whose axis must be there. Others have its
// shape; where `reduced` is true without the axis or with an extent of 1 there, where `spread` is, extents of 1 serve all.
struct smelt_lines_tensor {
    const char *role;
    smelt_tensor tensor;
    bool reduced, spread;
};
enum smelt_result smelt_lines_view(struct smelt_lines *lines, const struct smelt_lines_tensor *tensors,
                                   uint32_t count, uint32_t axis);

// An instance of a kernel.
struct smelt_lines_kernel {
    const char *name, *body; // "layer_norm" of "norm"; also "rms_norm", "reduce" and "softmax" of their own
    bool centred;            // layer_norm
    bool adds;               // a norm of a sum
    enum smelt_dtype dtype;
    bool group; // a workgroup for each line; else an invocation
    bool baked;
    uint32_t workgroup_size;               // specialization constant 0
    uint32_t constants[4], constant_count; // those from 1 on
    uint32_t push_size;
    uint32_t lines_each; // 0: 1; lines that a workgroup takes where there are enough for every processor
};
enum smelt_result smelt_lines_kernel_get(const struct smelt_lines *lines, smelt_encoder encoder,
                                         const struct smelt_lines_kernel *wanted,
                                         struct smelt_kernel *kernel);
// Whether a workgroup for each line is better than an invocation: elements lie side by side, or there are few lines.
bool smelt_lines_by_group(const struct smelt_lines *lines, enum smelt_dtype dtype);
// Invocations of a workgroup that serves a line with `chunks` chunks for each, 32 to 1024 or what the device can.
uint32_t smelt_lines_workgroup_size(const struct smelt_lines *lines, enum smelt_dtype dtype, uint32_t chunks);
// Dispatches the kernel for `units` lines or parts; kernels loop where a device takes fewer workgroups.
enum smelt_result smelt_lines_dispatch(smelt_encoder encoder, const struct smelt_lines_kernel *wanted,
                                       const struct smelt_kernel *kernel, const void *push, uint64_t units,
                                       const struct smelt_dispatch *what);
// Whether the sum of a norm whose x and residual lie alike can be made where it is (kernels_normalization.c).
bool smelt_norm_adds(const struct smelt_layer_norm_params *params);

#endif
