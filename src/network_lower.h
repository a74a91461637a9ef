// SPDX-License-Identifier: MIT
// Lowering: how operators of a network become recorded calls (layer 3). Each operator's table entry has a `lower`
// function (network_lower_*.c, one file per family); it takes the tensors of the node's inputs, makes those of its outputs,
// and records library calls (smelt_encode_*) or operator kernels (kernels_operator.h) on lowering->encoder, which captures
// them into the graph that fuses, orders and places them.
//
// A value's tensor has the value's ONNX shape; where its elements lie is the tensor's strides. So a Transpose, a Reshape of
// packed elements, a Slice, a Squeeze is a view and moves nothing, and images keep their channels last in memory although
// their shape is [n][c][h][w].
//
// A node of which every output has no element is not lowered.
#ifndef SMELT_NETWORK_LOWER_H
#define SMELT_NETWORK_LOWER_H

#include <smelt/network.h>

#include "network_operators.h"

// Where elements lie in memory.
enum smelt_order {
    SMELT_ORDER_ROWS,          // row-major, packed
    SMELT_ORDER_CHANNELS_LAST, // axis 1 is the innermost, the others row-major (of rank >= 3; else as ROWS)
    // As the largest input of the output's rank that is no constant, without gaps; else ROWS. Of images that a convolution
    // reads CHANNELS_LAST.
    SMELT_ORDER_LARGEST_INPUT,
};

// Where a Concat wants a value (network_join.c): from channel `begin` of its output on.
struct smelt_lowering_join {
    const struct smelt_ir_node *concat; // NULL: nowhere
    uint64_t begin;
    bool convolved; // a convolution reads the value itself, and wants its channels last
};

struct smelt_lowering {
    smelt_context context;
    smelt_encoder encoder; // captures
    struct smelt_ir *ir;   // with all shapes known
    smelt_network network;
    struct smelt_network_plan *plan;
    enum smelt_dtype storage;          // of f32 values: F32 or F16
    enum smelt_backend backend;        // AUTO, or what the caller asked for
    struct smelt_lowering_join *joins; // by a value's id
    struct smelt_lowering_attention
        *attentions; // likewise: products that are attention (network_lower_attention.c)
    bool *keeps_f32; // likewise: f32 whatever the storage
    // the node computes in f32 whatever the storage, or in bytes what has 4 bits (network_precision.c)
    bool wide;
    enum smelt_result result; // of the first service that failed
};

// Services. Those that give a tensor give NULL where the node leaves the value out or it has no element, and when they fail:
// then lowering->result is set, which is also what rules return at the end:
//     smelt_tensor x = smelt_lower_input(lowering, node, 0), y = smelt_lower_output(lowering, node, 0, ORDER);
//     return lowering->result ? lowering->result : smelt_encode_...(lowering->encoder, ...);
// All tensors belong to the network.

// The tensor of an input: what an earlier node made, a weight, or the network's input.
smelt_tensor smelt_lower_input(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                               uint32_t index);
// The same with elements row-major and packed: copied if they are not.
smelt_tensor smelt_lower_packed_input(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                      uint32_t index);
// A weight with its elements in another order in memory: `axes` are its axes from the slowest to the innermost. The tensor
// has the value's shape. Only of constants.
smelt_tensor smelt_lower_weight(struct smelt_lowering *lowering, const struct smelt_ir_value *value,
                                const uint32_t *axes);
// Makes the tensor of an output.
smelt_tensor smelt_lower_output(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                uint32_t index, enum smelt_order order);
// Makes an output a view: elements of `base` from element `offset` of its memory on with these strides, of the value's
// shape. Copies where it cannot be one: outputs of the network.
enum smelt_result smelt_lower_output_view(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                          uint32_t index, smelt_tensor base, uint64_t offset,
                                          const uint64_t *strides);
// A view for a call: another rank, shape, strides on the memory of `base`.
smelt_tensor smelt_lower_view(struct smelt_lowering *lowering, smelt_tensor base, uint64_t offset,
                              uint32_t rank, const uint64_t *shape, const uint64_t *strides);
// An intermediate tensor that is no value of the network, packed row-major.
smelt_tensor smelt_lower_temporary(struct smelt_lowering *lowering, enum smelt_dtype dtype, uint32_t rank,
                                   const uint64_t *shape);
// A constant tensor of host data: packed, of `dtype`. Equal ones are shared.
smelt_tensor smelt_lower_constant(struct smelt_lowering *lowering, enum smelt_dtype dtype, uint32_t rank,
                                  const uint64_t *shape, const void *data);
// The type of a value's tensor; NONE: it has none (f64).
enum smelt_dtype smelt_lower_dtype(const struct smelt_lowering *lowering, const struct smelt_ir_value *value);
// An input whose contents are known on the host; NULL when they are not, or it is left out.
const struct smelt_ir_value *smelt_lower_host_input(const struct smelt_ir_node *node, uint32_t index);
// The shape as integers.
void smelt_lower_shape(const struct smelt_ir_value *value, uint64_t shape[SMELT_IR_MAX_RANK]);
// Strides of a packed tensor.
void smelt_lower_strides(enum smelt_dtype dtype, uint32_t rank, const uint64_t *shape, enum smelt_order order,
                         uint64_t *strides);
// "FILE: node "NAME" (OP): ...": sets lowering->result, if nothing failed before, and returns it.
enum smelt_result smelt_lower_fail(struct smelt_lowering *lowering, const struct smelt_ir_node *node,
                                   enum smelt_result result, const char *format, ...) SMELT_PRINTF(4, 5);
// Takes the result of a call that has reported its error.
enum smelt_result smelt_lower_take(struct smelt_lowering *lowering, enum smelt_result result);

// Whether a MatMul is the last node of attention, which smelt_lower_products lowers.
bool smelt_lower_is_attention(const struct smelt_lowering *lowering, const struct smelt_ir_node *node);

// --- The operators ----------------------------------------------------------------------------------------------

typedef enum smelt_result smelt_lower_rule(struct smelt_lowering *lowering, struct smelt_ir_node *node);
// network_lower_elementwise.c
smelt_lower_rule smelt_lower_elementwise, smelt_lower_mod, smelt_lower_is_infinite, smelt_lower_clip,
    smelt_lower_cast, smelt_lower_identity;
// network_lower_movement.c
smelt_lower_rule smelt_lower_concat, smelt_lower_expand, smelt_lower_gather, smelt_lower_pad,
    smelt_lower_reshape, smelt_lower_slice, smelt_lower_split, smelt_lower_tile, smelt_lower_transpose;
// network_lower_index.c
smelt_lower_rule smelt_lower_cumsum, smelt_lower_gather_elements, smelt_lower_gather_nd,
    smelt_lower_scatter_elements, smelt_lower_scatter_nd, smelt_lower_trilu;
// network_lower_attention.c
smelt_lower_rule smelt_lower_attention, smelt_lower_products;
// network_lower_normalize.c
smelt_lower_rule smelt_lower_batch_normalization, smelt_lower_group_normalization,
    smelt_lower_layer_normalization, smelt_lower_lrn;
// network_lower_pool.c
smelt_lower_rule smelt_lower_pool, smelt_lower_global_pool;
// network_lower_reduce.c
smelt_lower_rule smelt_lower_arg, smelt_lower_reduce, smelt_lower_softmax;
// network_lower_sample.c
smelt_lower_rule smelt_lower_depth_and_space, smelt_lower_grid_sample, smelt_lower_resize;
// network_lower_quantize.c
smelt_lower_rule smelt_lower_quantize, smelt_lower_dynamic_quantize, smelt_lower_matmul_integer,
    smelt_lower_qlinear_matmul, smelt_lower_conv_integer, smelt_lower_qlinear_conv;
// network_lower_matmul.c
smelt_lower_rule smelt_lower_gemm, smelt_lower_matmul;
// network_lower_convolution.c
smelt_lower_rule smelt_lower_conv, smelt_lower_conv_transpose;

#endif
