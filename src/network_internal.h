// SPDX-License-Identifier: MIT
// The inside of a network, for its sources: network.c (life, shapes), network_clone.c, network_lower.c (services of lowering),
// network_precision.c, network_join.c, network_weights.c, network_dispatch.c.
#ifndef SMELT_NETWORK_INTERNAL_H
#define SMELT_NETWORK_INTERNAL_H

#include "graph_internal.h"
#include "kernels_code.h"
#include "network_lower.h"

// A tensor in the memory of weights. Its key says what it is and how it lies: the same one is made once.
struct smelt_network_weight {
    char *key;
    char *name; // of the value in the model; NULL: it is none
    smelt_tensor tensor;
};
struct smelt_network_chunk {
    smelt_heap heap;
    struct smelt_buffer staging; // until it is uploaded
    uint64_t used, uploaded;
};
struct smelt_network_weights {
    struct smelt_network_weight *weights;
    struct smelt_network_chunk *chunks;
    uint32_t count, capacity, chunk_count;
    uint64_t size;
};

// The tensor of an image in some heap.
struct smelt_network_placed {
    uint32_t binding;
    VkDeviceAddress address;
    smelt_tensor tensor;
};

// A kernel for a call, as tuning found it.
struct smelt_tuned {
    uint32_t backend; // enum smelt_backend
    struct smelt_matmul2d_tiling tiling;
};
struct smelt_network_tuned {
    uint64_t key[2];
    struct smelt_tuned tuned;
};

// What a network is for one set of shapes.
struct smelt_network_plan {
    struct smelt_ir *ir;
    smelt_encoder maker;
    smelt_graph graph;
    smelt_tensor *tensors; // owned, in the order in which they were made
    uint32_t tensor_count, tensor_capacity;
    smelt_tensor *of_value;                 // by a value's id; NULL: not made, or no element
    struct smelt_network_binding *bindings; // inputs, then outputs
    smelt_tensor *bound;                    // parallel: transient tensors of the graph; NULL: no element
    // Images as tensors lie in the heap behind what the graph has there.
    uint64_t graph_size, *image_places; // places: parallel to bindings
    struct smelt_network_placed *placed;
    uint32_t placed_count;
    struct smelt_network_tuned *tuned; // by timing; each call once
    uint32_t tuned_count;
    uint64_t tuning_hash; // of them; 0: none
    struct smelt_network_info info;
};

struct smelt_network_t {
    smelt_context context;
    char *name;
    struct smelt_ir *source; // as it was read: neither shapes nor types are known
    enum smelt_dtype storage;
    enum smelt_backend backend;
    double slice; // operations that a dispatch has; 0: any number
    bool no_fusion, tune;
    bool merges; // convolutions are merged: they run on matrices
    char **more_outputs, **channels_last, **images;
    uint32_t more_output_count, channels_last_count, image_count;
    VkFormat *image_formats; // as many as images
    struct smelt_network_weights weights;
    struct smelt_kernel_codes kernels; // of the package, given to the context
    struct smelt_network_plan *plan;
};

// Kernels that a package has as SPIR-V; `codes` is borrowed from it but for its list. Errors: FORMAT. (network_package_read.c)
enum smelt_result smelt_network_read_kernels(smelt_package package, struct smelt_kernel_codes *codes);

// As smelt_network_create, of a network that is not inferred. `ir` is taken, also on failure.
enum smelt_result smelt_network_create_from_ir(smelt_context context, struct smelt_ir *ir,
                                               const struct smelt_network_params *params,
                                               smelt_network *network);

// A copy that is not inferred, with the same ids; contents and attributes are borrowed (network_clone.c).
enum smelt_result smelt_ir_clone(const struct smelt_ir *ir, struct smelt_ir **clone);

// Folds normalisations into convolutions of a network that is not inferred (network_absorb.c). Values that are outputs stay.
enum smelt_result smelt_network_absorb(struct smelt_ir *ir);

// Joins operators and fills up channels (network_rewrite.c), likewise; `matrices`: convolutions run on them.
enum smelt_result smelt_network_rewrite(struct smelt_ir *ir, bool matrices);

// Merges convolutions of an inferred network for which a dispatch takes longer than more products on matrices (network_merge.c).
// Values that are outputs stay. `merges`: it did, and what was inferred has to be again.
enum smelt_result smelt_network_merge(struct smelt_ir *ir, bool *merges);

// Lowers all nodes of plan->ir, whose shapes are known, into plan->graph (network_lower.c). Errors leave what was made to the
// plan.
enum smelt_result smelt_network_lower(smelt_network network, struct smelt_network_plan *plan);
// What the calls of a node are labelled with: its operator, and its name or that of its first output.
void smelt_network_label(const struct smelt_ir_node *node, char *label, size_t size);
// Finds values that are slices of a Concat's output (network_join.c), into lowering->joins, and makes the slice of one.
enum smelt_result smelt_network_join(struct smelt_lowering *lowering);
smelt_tensor smelt_lower_joined(struct smelt_lowering *lowering, const struct smelt_ir_value *value,
                                bool channels_last);
// Finds products with a softmax between that smelt_encode_attention serves, into lowering->attentions by the last one's output,
// and marks the nodes in front of it as taken (network_lower_attention.c).
enum smelt_result smelt_network_attend(struct smelt_lowering *lowering);
// Finds values that are kept as f32 whatever the storage (network_precision.c), into lowering->keeps_f32. Nodes that take
// floats of one type, and have such a value among others, are wide: they compute in f32, between copies.
enum smelt_result smelt_network_keep_f32(struct smelt_lowering *lowering);
bool smelt_network_is_wide(const struct smelt_lowering *lowering, const struct smelt_ir_node *node);
enum smelt_result smelt_lower_wide(struct smelt_lowering *lowering, struct smelt_ir_node *node);
// A value's tensor as a wide node takes it: a copy in f32 where it is f16. Otherwise the tensor.
smelt_tensor smelt_lower_widened(struct smelt_lowering *lowering, const struct smelt_ir_value *value,
                                 smelt_tensor tensor);
// Chooses backend and tile of a call by timing, or by what was found before (network_tune.c; only with the compiler).
enum smelt_result smelt_tune_convolution2d(struct smelt_lowering *lowering,
                                           struct smelt_convolution2d_params *params);

// Finds a weight by its key, or makes it (network_weights.c): `name` is the value's in the model, or NULL; `data`
// receives where its bytes go, NULL when it was there. Bytes are uploaded by smelt_weights_upload.
enum smelt_result smelt_weights_place(smelt_network network, const char *key, const char *name,
                                      const struct smelt_tensor_params *params, smelt_tensor *tensor,
                                      void **data);
// Copies what was placed since the last time to the device, in one submission, and waits.
enum smelt_result smelt_weights_upload(smelt_network network);
void smelt_weights_free(smelt_network network);

// --- Images (network_image.c) -----------------------------------------------------------------------------

// Before the graph's first plan, and after it: which bindings are `direct`, places for the tensors of the others, which are
// counted. Errors of the latter: SHAPE (a binding that no image can be).
enum smelt_result smelt_network_use_images(smelt_network network, struct smelt_network_plan *plan);
enum smelt_result smelt_network_place_images(smelt_network network, struct smelt_network_plan *plan,
                                             struct smelt_graph_memory *memory, uint32_t *converted);
// Binds the image of a checked argument, or its tensor in the heap, which `tensor` is then.
enum smelt_result smelt_network_bind_image(smelt_network network,
                                           const struct smelt_network_dispatch *dispatch, uint32_t binding,
                                           const struct smelt_network_argument *argument,
                                           smelt_tensor *tensor);

#endif
