// SPDX-License-Identifier: MIT
// The matrices of networks in one device buffer with what belongs to them: biases, and scales and zero points of
// quantised ones. In the layout that a backend reads: row-major for all but COOPVEC, whose matrices are converted on the
// device in one batch to its inferencing-optimal layout (VK_NV_cooperative_vector). Files and callers only ever see
// row-major [out][in].
#ifndef SMELT_WEIGHTS_H
#define SMELT_WEIGHTS_H

#include "ops.h"
#include "package.h"

SMELT_BEGIN

typedef struct smelt_weights_t *smelt_weights;

struct smelt_weights_layer {
    uint32_t rows, columns; // [out][in]; each >= 1
    bool bias;              // a vector of `rows` elements
    // For the op matmul2d; zeros: as params.dtype, without scales.
    enum smelt_dtype dtype; // of the matrix. NONE: params.dtype
    // Of blocks of `block` columns: [rows][ceil(columns / block)], UE8M0 as u8. Rules for scale, block and zero are those of
    // smelt_matmul2d_descriptor. Not with COOPVEC
    enum smelt_scale scale;
    uint32_t block;
    enum smelt_zero zero;        // of the shape of the scales; POINT of dtype, OFFSET of the scales' type
    enum smelt_dtype bias_dtype; // NONE: dtype; where that is an integer i32, with scales f32
};

struct smelt_weights_params {
    const struct smelt_weights_layer *layers;
    uint32_t layer_count;       // >= 1
    enum smelt_dtype dtype;     // of matrices and biases. NONE: f16
    enum smelt_backend backend; // AUTO is an error: give what smelt_op_query chose
    uint32_t frames_in_flight;  // slots of host staging for smelt_weights_update; 0: 1
    // that read the weights; 0: VERTEX_SHADER | FRAGMENT_SHADER | COMPUTE_SHADER
    VkPipelineStageFlags2 stages;
    const char *name; // for debuggers; NULL: "weights"
};

// Contents are undefined until the first update. Errors: INVALID_ARGUMENT, DTYPE, UNSUPPORTED (the device has
// no COOPVEC), BUDGET, OUT_OF_DEVICE_MEMORY, VULKAN. Thread-safe.
SMELT_API enum smelt_result smelt_weights_create(smelt_context context,
                                                 const struct smelt_weights_params *params,
                                                 smelt_weights *weights);
// The layers that a package of kind "weights" describes (docs/packages.md), with its values; checksums are verified. Waits
// for the context's queue. params->layers and layer_count are not looked at, dtype must be NONE: the package says them. The
// package may be closed afterwards.
// Errors besides: FORMAT, SHAPE, DTYPE, each naming the member of the description; DEVICE_LOST.
SMELT_API enum smelt_result smelt_weights_create_from_package(smelt_context context,
                                                              const struct smelt_weights_params *params,
                                                              smelt_package package, smelt_weights *weights);
SMELT_API void smelt_weights_destroy(smelt_weights *weights);

SMELT_API uint32_t smelt_weights_layer_count(smelt_weights weights);
// The layer with its defaults filled in; what a descriptor of an op on it needs. NULL when the index is out of range.
SMELT_API const struct smelt_weights_layer *smelt_weights_layer_info(smelt_weights weights, uint32_t layer);

// The layer's matrix [rows][columns], bias [rows], scales and zero points as tensors to bind by name; borrowed from
// `weights`. A COOPVEC matrix is opaque: its strides are 0 and it cannot be copied, sliced or read. NULL when the index
// is out of range or the layer has no such thing.
SMELT_API smelt_tensor smelt_weights_matrix(smelt_weights weights, uint32_t layer);
SMELT_API smelt_tensor smelt_weights_bias(smelt_weights weights, uint32_t layer);
SMELT_API smelt_tensor smelt_weights_scale(smelt_weights weights, uint32_t layer);
SMELT_API smelt_tensor smelt_weights_zero(smelt_weights weights, uint32_t layer);

// Values of all layers: arrays of layer_count pointers to row-major elements; rows of 4-bit types are whole bytes, the first
// element in the low half. Entries of what a layer does not have are ignored; an array may be NULL when no layer has such.
struct smelt_weights_data {
    const void *const *matrices;
    const void *const *biases;
    const void *const *scales;
    const void *const *zeros;
};

// Records new values for all layers into the caller's command buffer, outside a render pass: a barrier after
// earlier reads (params.stages), copies from staging, conversion, a barrier before later reads.
//   frame  any number of the caller's; frame - frames_in_flight must have finished on the GPU
//   data   is read during the call
// No allocation. One thread at a time per object. Errors: INVALID_ARGUMENT (a pointer is missing), before anything changes.
SMELT_API enum smelt_result smelt_weights_update(smelt_weights weights, VkCommandBuffer commands,
                                                 uint64_t frame, const struct smelt_weights_data *data);

// The same on the context's queue, waiting for it. Errors besides: DEVICE_LOST, VULKAN.
SMELT_API enum smelt_result smelt_weights_update_and_wait(smelt_weights weights,
                                                          const struct smelt_weights_data *data);

// --- Networks for shaders ---------------------------------------------------------------------------------

// The network that a package of kind "weights" with a member "mlp" holds (`smelt pack --mlp`; docs/packages.md): layers, widths,
// activations and types for an op of kind MLP named `name`, at THREAD scope with the backend AUTO, which the caller may change.
// Its weights are those of smelt_weights_create_from_package: "layer<i>.weight" and ".bias" of NAME_weights are the layers'
// matrices and biases.
//   inputs    NULL, or receives how many coordinates it takes before the encoding
//   encoding  NULL, or receives GLSL to include after "smelt/op/NAME.glsl": NAME_input NAME_encode(float x[INPUTS]). Free with
//             smelt_free_text
// Errors: FORMAT naming the member of the description, INVALID_ARGUMENT (a name that is no GLSL identifier), OUT_OF_HOST_MEMORY.
// `context` may be NULL: errors then go to smelt_last_error only. Thread-safe.
SMELT_API enum smelt_result smelt_mlp_from_package(smelt_context context, smelt_package package,
                                                   const char *name, struct smelt_mlp_descriptor *descriptor,
                                                   uint32_t *inputs, char **encoding);

SMELT_END

#endif
