// SPDX-License-Identifier: MIT
// The matrices and biases of a network in one device buffer, in the layout that a backend reads: row-major
// for PORTABLE and cooperative matrices, the device's inferencing-optimal layout for COOPVEC, converted on the device in one batch
// (VK_NV_cooperative_vector). Files and callers only ever see row-major [out][in].
#ifndef SMELT_WEIGHTS_H
#define SMELT_WEIGHTS_H

#include "ops.h"

SMELT_BEGIN

typedef struct smelt_weights_t *smelt_weights;

struct smelt_weights_layer {
    uint32_t rows, columns; // [out][in]; each >= 1
    bool bias;              // a vector of `rows` elements
};

struct smelt_weights_params {
    const struct smelt_weights_layer *layers;
    uint32_t layer_count;       // >= 1
    enum smelt_dtype dtype;     // of all of them. NONE: f16
    enum smelt_backend backend; // AUTO is an error: give what smelt_op_query chose
    uint32_t frames_in_flight;  // slots of host staging for smelt_weights_update; 0: 1
    VkPipelineStageFlags2
        stages;       // that read the weights; 0: VERTEX_SHADER | FRAGMENT_SHADER | COMPUTE_SHADER
    const char *name; // for debuggers; NULL: "weights"
};

// Contents are undefined until the first update. Errors: INVALID_ARGUMENT, DTYPE, UNSUPPORTED (the device has
// no COOPVEC), BUDGET, OUT_OF_DEVICE_MEMORY, VULKAN. Thread-safe.
SMELT_API enum smelt_result smelt_weights_create(smelt_context context,
                                                 const struct smelt_weights_params *params,
                                                 smelt_weights *weights);
SMELT_API void smelt_weights_destroy(smelt_weights *weights);

// The layer's matrix [rows][columns] and bias [rows] as tensors to bind by name; borrowed from `weights`.
// A COOPVEC matrix is opaque: its strides are 0 and it cannot be copied, sliced or read. NULL when the index
// is out of range or the layer has no bias.
SMELT_API smelt_tensor smelt_weights_matrix(smelt_weights weights, uint32_t layer);
SMELT_API smelt_tensor smelt_weights_bias(smelt_weights weights, uint32_t layer);

// Records new values for all layers into the caller's command buffer, outside a render pass: a barrier after
// earlier reads (params.stages), copies from staging, conversion, a barrier before later reads.
//   frame     any number of the caller's; frame - frames_in_flight must have finished on the GPU. The host
//   data
//             is read during the call
//   matrices  layer_count pointers to rows * columns elements of params.dtype, row-major, packed
//   biases    layer_count pointers to `rows` elements; entries of layers without bias are ignored; the array
//   may
//             be NULL when no layer has one
// No allocation. One thread at a time per object.
SMELT_API enum smelt_result smelt_weights_update(smelt_weights weights, VkCommandBuffer commands,
                                                 uint64_t frame, const void *const *matrices,
                                                 const void *const *biases);

// The same on the context's queue, waiting for it.
SMELT_API enum smelt_result smelt_weights_update_and_wait(smelt_weights weights, const void *const *matrices,
                                                          const void *const *biases);

SMELT_END

#endif
