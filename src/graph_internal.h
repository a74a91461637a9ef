// SPDX-License-Identifier: MIT
// The inside of a graph, for its sources: graph.c (capture, life, replay), graph_items.c (items and what library calls are
// made of), graph_fuse.c (patterns), graph_plan.c (order and barriers), graph_place.c (memory), graph_kernels.c (compiling),
// graph_picture.c (images), graph_patch.c, graph_describe.c, graph_file.c.
#ifndef SMELT_GRAPH_INTERNAL_H
#define SMELT_GRAPH_INTERNAL_H

#include <smelt/attention.h>
#include <smelt/graph.h>
#include <smelt/image.h>

#include "arguments_internal.h"
#include "encoder_internal.h"
#include "graph_plan.h"
#include "kernels_operator.h"

// A tensor as it was when it was captured or patched in, for messages and checks after it is gone.
struct smelt_graph_tensor {
    smelt_tensor tensor;
    char *name;
    enum smelt_dtype dtype;
    uint32_t rank;
    uint64_t shape[SMELT_TENSOR_MAX_RANK];
};

// A node: a dispatch of the caller's pipeline, or a library call with its dispatches, or an explicit barrier.
struct smelt_graph_item {
    char *label;
    enum smelt_operation operation;
    bool is_barrier;
    struct smelt_barrier_request barrier; // its ranges are owned
    struct smelt_dispatch **dispatches;   // each with all that it points to in one allocation
    uint32_t dispatch_count;
    union smelt_graph_call *call; // NULL: not a library call, or one that is known by its ranges only
    uint32_t fused;               // other items that it stands for
};

struct smelt_graph_list {
    struct smelt_graph_item **items;
    uint32_t count, capacity;
};

// --- Library calls as data (graph_items.c) ----------------------------------------------------------------

// The parameters of the call that `operation` names.
union smelt_graph_call {
    struct smelt_copy_call copy;
    struct smelt_fill_call fill;
    struct smelt_matmul2d_params matmul2d;
    struct smelt_convolution2d_params convolution2d;
    struct smelt_reduction_params reduction;
    struct smelt_softmax_params softmax;
    struct smelt_layer_norm_params layer_norm;
    struct smelt_rms_norm_params rms_norm;
    struct smelt_attention_params attention;
    struct smelt_elementwise_params elementwise; // with its steps behind, in the same allocation
    struct smelt_operator_call operator_call;    // with its options behind
};

// A parameter that can be patched: a tensor or a number.
struct smelt_graph_field {
    const char *name;
    uint32_t offset;
    uint32_t size; // bytes of a number; 0: a tensor
};
// The fields of an operation's parameters, ended by a NULL name; of ELEMENTWISE only `y`.
const struct smelt_graph_field *smelt_graph_fields(enum smelt_operation operation);

// A copy, with what it points to. NULL: out of memory.
union smelt_graph_call *smelt_graph_call_copy(enum smelt_operation operation, const void *call);

// --- Items (graph_items.c) --------------------------------------------------------------------------------

struct smelt_dispatch *smelt_graph_copy_dispatch(const struct smelt_dispatch *dispatch);
void smelt_graph_item_free(struct smelt_graph_item *item);
// Takes the item in, also when it fails. Errors: OUT_OF_HOST_MEMORY.
enum smelt_result smelt_graph_list_add(struct smelt_graph_list *list, struct smelt_graph_item *item);
void smelt_graph_list_free(struct smelt_graph_list *list, bool items);
// Adds what an encoder gives to a capture to the list: `drop` of the capture is the caller's.
enum smelt_result smelt_graph_list_dispatch(struct smelt_graph_list *list,
                                            const struct smelt_dispatch *dispatch);
enum smelt_result smelt_graph_list_barrier(struct smelt_graph_list *list,
                                           const struct smelt_barrier_request *request);
// What an encoder has captured so far; the capture is left empty.
struct smelt_graph_list smelt_capture_take(smelt_encoder encoder);
// An encoder that captures, for what follows.
enum smelt_result smelt_graph_make_maker(smelt_graph graph, smelt_encoder *maker);
// Makes the dispatches of a call (anew), with these kernels (smelt_kernel_get). On error the item is as it was.
// Thread-safe but for the maker and the item.
enum smelt_result smelt_graph_item_make(smelt_encoder maker, struct smelt_graph_item *item,
                                        enum smelt_kernel_making kernels);
// The same with the graph's maker, and with kernels that are there already.
enum smelt_result smelt_graph_item_refresh(smelt_graph graph, struct smelt_graph_item *item);
// Makes all kernels that dispatches of the list lack, on as many threads as there are processors (graph_kernels.c). The
// error is that of the first item in the list that has one.
enum smelt_result smelt_graph_make_kernels(smelt_graph graph, const struct smelt_graph_list *list);

// --- The graph --------------------------------------------------------------------------------------------

#define SMELT_GRAPH_MAX_VERSIONS 16

// A list of items in the order that a plan gives their dispatches.
struct smelt_graph_program {
    struct smelt_graph_list list; // borrowed items
    struct smelt_graph_unit {
        uint32_t item, dispatch;
    } * units; // what the plan's nodes are
    struct smelt_graph_plan_node *nodes;
    uint32_t count;
    struct smelt_graph_plan plan;
};

// Bytes of transient tensors that the plan accesses and that keep together, when they are in use, and where they are.
struct smelt_graph_piece {
    struct smelt_interval range;
    smelt_tensor tensor;            // one that has them, for messages
    uint32_t first, last;           // groups of nodes between barriers, both included
    uint32_t first_node, last_node; // in the order of the capture
    uint32_t reader;                // the first node, which only reads it; UINT32_MAX: it is written first
    bool written;
    uint32_t bound;  // 1 + the place among what is bound; 0: in the heap
    uint64_t offset; // in the heap
};
struct smelt_graph_memory_plan {
    struct smelt_graph_piece *pieces; // by address
    uint32_t count;
    uint64_t size, lower_bound, total;
    struct smelt_range *ranges; // of the plan's nodes: heap addresses are SMELT_TRANSIENT_HEAP + offset
};
struct smelt_graph_bound {
    struct smelt_interval range; // of the transient tensor
    char *name;
    bool written;
    struct smelt_graph_picture *picture; // NULL: bound to tensors
};

// A bound tensor that is an image in the one call that takes it (graph_picture.c). What is bound has a place for each
// image and map: an address that no memory has.
#define SMELT_GRAPH_IMAGES 32
struct smelt_graph_image {
    VkDescriptorSet set;
    struct smelt_image_map map;
    VkDeviceAddress place;
};
struct smelt_graph_picture {
    struct smelt_picture form;
    bool taken;                      // by a call; else the tensor is one
    struct smelt_tensor_t **tensors; // in the call; owned
    struct smelt_picture *forms;
    uint32_t tensor_count;
    struct smelt_graph_image images[SMELT_GRAPH_IMAGES];
    uint64_t image_count; // that were ever bound; the oldest make room
};

// A recording of the graph: its secondary command buffer, where its transient tensors were, and what it accesses.
struct smelt_graph_version {
    smelt_encoder part;
    bool valid;
    VkDeviceAddress *places;
    struct smelt_range *ranges;
    uint32_t range_count;
};

struct smelt_graph_t {
    smelt_context context;
    char *name;
    struct smelt_graph_params params; // without its pointers
    enum smelt_hazard_mode hazards;   // of the encoder that captured
    double slice;                     // its
    struct smelt_graph_tensor *tensors;
    uint32_t tensor_count, tensor_capacity;
    uint32_t *tensor_table; // of 2 * tensor_capacity: 1 + places among `tensors`, by handle
    smelt_tensor *vectors;  // views that fusion made
    uint32_t vector_count;
    smelt_tensor *outputs;
    struct smelt_graph_list captured; // owns its items
    struct smelt_graph_list made;     // owns what fusion made
    struct smelt_graph_program before, after;
    uint32_t fused;
    bool planned;               // `after` fits what was captured and patched
    smelt_encoder maker;        // captures calls again; records nothing
    struct smelt_range *ranges; // all that the plan accesses, merged
    uint32_t range_count;
    struct smelt_interval indirect; // hull of its indirect commands
    struct smelt_graph_version versions[SMELT_GRAPH_MAX_VERSIONS];
    bool recorded; // versions that are valid hold the plan
    uint64_t recordings, replays;
    // Transient tensors (graph_place.c).
    struct smelt_graph_memory_plan memory;
    VkDeviceAddress *places; // of the heap, then of what is bound; 0: nowhere
    uint64_t heap_room;
    struct smelt_graph_bound *bound;
    uint32_t bound_count;
    uint8_t *scratch; // of smelt_graph_place_dispatch
    size_t scratch_size;
};

// --- Transient tensors (graph_place.c) --------------------------------------------------------------------

// smelt_graph_plan_params.place: finds the pieces of the plan of `user`, a graph, and places them.
enum smelt_result smelt_graph_place_pieces(void *user, const uint32_t *order, uint32_t count);
void smelt_graph_memory_free(struct smelt_graph_memory_plan *memory);
// Errors: INVALID_ARGUMENT, SHAPE when a transient tensor has no place, or one that it cannot have.
enum smelt_result smelt_graph_check_places(smelt_graph graph);
// Puts real addresses into a dispatch, whose pointers are valid until the next call then.
enum smelt_result smelt_graph_place_dispatch(smelt_graph graph, struct smelt_dispatch *dispatch);

// --- Images (graph_picture.c) -----------------------------------------------------------------------------

// From the next plan on, the transient tensor, which smelt_graph_bind has named, is an image in the call that takes it,
// if it is only one that can. `form->first` is 0.
enum smelt_result smelt_graph_use_picture(smelt_graph graph, smelt_tensor transient,
                                          const struct smelt_picture *form);
// Whether it is, in the plan.
bool smelt_graph_takes_picture(smelt_graph graph, smelt_tensor transient);
// The image of this set, with the map that values take on the way.
void smelt_graph_bind_picture(smelt_graph graph, smelt_tensor transient, VkDescriptorSet set,
                              const struct smelt_image_map *map);
// Puts pictures into the calls of a list. Their dispatches are made anew.
enum smelt_result smelt_graph_place_pictures(smelt_graph graph, const struct smelt_graph_list *list);
// Of what is bound to `bound`, for a dispatch whose push constants have an address in `range`.
void smelt_graph_give_picture(const struct smelt_graph_bound *bound, VkDeviceAddress place,
                              const struct smelt_range *range, struct smelt_dispatch *dispatch);
void smelt_graph_picture_free(struct smelt_graph_picture *picture);

// Runs the passes if needed.
enum smelt_result smelt_graph_prepare(smelt_graph graph);
// The graph's entry for a tensor, made if needed. NULL: out of memory.
struct smelt_graph_tensor *smelt_graph_remember(smelt_graph graph, smelt_tensor tensor);
// The entry of a tensor that is alive, as it is now: an earlier one may have had the same handle. False: out of memory.
bool smelt_graph_renew(smelt_graph graph, smelt_tensor tensor);
enum smelt_result smelt_graph_no_memory(smelt_graph graph);

// Dimension `at` of a tensor whose other extents are 1, as a tensor of rank 1, which is the graph's. NULL: out of memory.
smelt_tensor smelt_graph_vector(smelt_graph graph, smelt_tensor tensor, uint32_t at);

// --- Fusion (graph_fuse.c) --------------------------------------------------------------------------------

// Replaces items of `list` (a copy of graph->captured) by such as it makes, which graph->made owns.
enum smelt_result smelt_graph_fuse(smelt_graph graph, struct smelt_graph_list *list);

// --- Listings (graph_describe.c, graph_file.c) ------------------------------------------------------------

// What is shown of a graph: no handle in it, so that it can also come from a file.
struct smelt_listing_range {
    uint64_t begin, end;
    enum smelt_access access;
    char *name, *type; // "x", "f16[4][8]"; "" when not a tensor
};
struct smelt_listing_node {
    char *label;
    enum smelt_operation operation;
    bool barrier; // in front of it
    uint32_t groups[3], fused;
    struct smelt_listing_range *ranges;
    uint32_t range_count;
};
struct smelt_listing {
    struct smelt_listing_node *nodes;
    uint32_t count;
};
enum smelt_result smelt_graph_list_program(smelt_graph graph, bool optimized, struct smelt_listing *listing);
void smelt_listing_free(struct smelt_listing *listing);
enum smelt_result smelt_listing_write(smelt_context context, const struct smelt_listing *listing,
                                      const char *name, enum smelt_graph_form form, char **text);
// smelt_graph_describe_file of a file's contents.
enum smelt_result smelt_graph_describe_memory(smelt_context context, const char *file, const void *data,
                                              size_t size, enum smelt_graph_form form, bool optimized,
                                              char **text);

#endif
