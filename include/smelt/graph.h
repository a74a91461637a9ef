// SPDX-License-Identifier: MIT
// Captured graphs: what an encoder would have recorded, kept, optimised, and replayed any number of times with arguments
// patched by name.
//
// A graph has a node for each dispatch of the caller's pipelines and for each call of the library (smelt_encode_...). From
// the bytes that nodes read and write, passes make what is replayed; the result is as if the nodes had run one after the
// other in the order of the capture:
//   fusion                a row of nodes becomes one where a pattern fits (docs/graphs.md has the table) and no other node
//                         nor the caller needs what lies between: within the error bounds of the fused call
//   dead nodes            those that write nothing that is read later or by the caller are left out: the same bits
//   reordering            nodes that wait for nothing are moved to the front of others, never past a conflict, an untagged
//                         node or a barrier that is kept: the same bits
//   barrier minimisation  explicit barriers between nodes with tags are replaced by what the ranges need: the same bits
// Each has a switch in smelt_graph_params, and in the environment: SMELT_GRAPH_FUSION, SMELT_GRAPH_DEAD_NODES,
// SMELT_GRAPH_REORDERING, SMELT_GRAPH_BARRIERS set to "0" switch a pass off in all graphs that are taken after that.
//
// Errors of all calls: INVALID_ARGUMENT, and those listed; a failing call changes nothing. Thread-safety: a graph belongs
// to one thread at a time.
#ifndef SMELT_GRAPH_H
#define SMELT_GRAPH_H

#include "encoder.h"

SMELT_BEGIN

typedef struct smelt_graph_t *smelt_graph;

// --- Capture ----------------------------------------------------------------------------------------------

// From now on dispatches and barriers of the encoder are captured instead of recorded; kernels of library calls are compiled
// when the graph is first replayed or looked at, those that are left after fusion, on as many threads as there are processors (up
// to 32), which may call the log and the context's allocation callbacks. Allowed whether or not a recording has begun.
// Errors: INVALID_ARGUMENT (it captures already).
SMELT_API enum smelt_result smelt_encoder_start_capture(smelt_encoder encoder);
// False for NULL.
SMELT_API bool smelt_encoder_is_capturing(smelt_encoder encoder);

struct smelt_graph_params {
    // What the caller reads after the graph; all else that the nodes write may be left undefined. None: all that they
    // write is live, which leaves little to fusion and nothing to dead nodes.
    const smelt_tensor *outputs;
    uint32_t output_count;
    // Switches; reordering needs minimisation.
    bool no_fusion, no_dead_nodes, no_reordering, no_barrier_minimization;
    // Transient tensors share memory as soon as nodes are over, and nodes stay in their order: the least memory, with more
    // barriers. Else only those do that a barrier stands between anyway.
    bool compact_memory;
    uint32_t look_ahead; // nodes that one node is moved past, at most; 0: 64
    // Recordings of the graph, which is recorded anew after a patch, that may be unfinished on the GPU; 1 to 16, 0: 2
    uint32_t versions;
    const char *name; // for debuggers and messages; NULL: "graph". Copied
};

// Ends the capture and gives what was captured, with its tensors and pipelines borrowed: they must live as long as the
// graph is replayed with them. Bytes, names and labels are copied.
// Errors: INVALID_ARGUMENT (no capture, or it has been taken; versions), OUT_OF_HOST_MEMORY.
SMELT_API enum smelt_result smelt_encoder_take_capture(smelt_encoder encoder,
                                                       const struct smelt_graph_params *params,
                                                       smelt_graph *graph);
// All that was recorded from it must have finished on the GPU.
SMELT_API void smelt_graph_destroy(smelt_graph *graph);

// --- Replay -----------------------------------------------------------------------------------------------

// Records the graph as one dispatch that reads and writes all that its nodes do. The first replay and the first one after
// a patch make a secondary command buffer; others only execute it. An encoder that profiles, checks or captures gets the
// nodes one by one. The recording that was made `versions` recordings ago must have finished on the GPU when one is made.
// Errors: those of the calls captured, OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, VULKAN.
SMELT_API enum smelt_result smelt_encoder_replay(smelt_encoder encoder, smelt_graph graph);

// --- Transient tensors ------------------------------------------------------------------------------------
//
// Tensors of smelt_tensor_create_transient that nodes use get their memory here: those that still are there after the
// passes, in one heap, in which such share bytes as are not in use at once. Outputs keep theirs to the end of the replay.
// Slices and views are where the tensor is. What a replay leaves in the heap may be overwritten after it; several graphs
// may have one heap: their replays are ordered as all that conflicts.

struct smelt_graph_memory {
    uint64_t size;      // of the heap, in bytes
    uint64_t alignment; // of its address: 256
    // what is in use at one node, at most, in the order of the capture without dead nodes
    uint64_t lower_bound;
    uint64_t unshared_size; // of all, each for itself
};
// Runs the passes if needed. Errors: as smelt_encoder_replay.
SMELT_API enum smelt_result smelt_graph_plan_memory(smelt_graph graph, struct smelt_graph_memory *memory);
// The transient tensors are in `heap` (borrowed, as long as the graph is replayed with it) from `offset` on in the replays
// that follow; NULL: nowhere, and a replay is refused. The graph is recorded for as many heaps and bindings as it has
// `versions`; to go round among these costs nothing. Errors: INVALID_ARGUMENT (alignment, another context), SHAPE (too
// small), and as smelt_encoder_replay.
SMELT_API enum smelt_result smelt_graph_set_heap(smelt_graph graph, smelt_heap heap, uint64_t offset);
// A transient tensor (no slice or view) stands for `tensor` from now on, which has its dtype, shape and strides and whose
// address is a multiple of 64: inputs and outputs that change without another plan. It shares no bytes with what else the
// graph accesses, unless both are only read: a replay refuses that. NULL: for nothing, and a replay is refused.
// The first binding of a tensor makes a new plan. Errors: DTYPE, SHAPE, INVALID_ARGUMENT, OUT_OF_HOST_MEMORY.
SMELT_API enum smelt_result smelt_graph_bind(smelt_graph graph, smelt_tensor transient, smelt_tensor tensor);

// --- Patching ---------------------------------------------------------------------------------------------
//
// `node` is the label of a node; where several have the same one, "label#0", "label#1", ... in the order of the capture.
// `argument` is the name of an argument of its pipeline, or of a member of the call's params ("a", "gamma", "epsilon"; of
// arrays "inputs[0]", "steps[2].value"; of a copy "destination", "source", of a fill "destination", "value"). Names are of
// what was captured, also where nodes were fused. The next replay uses the new values.
// Errors of all: NOT_FOUND (no such node or argument; names those there are), INVALID_ARGUMENT (another kind of argument).

// A tensor of the same dtype and shape as before. Errors: SHAPE, DTYPE (name both tensors), and those of the call that it
// is an argument of.
SMELT_API enum smelt_result smelt_graph_set_tensor(smelt_graph graph, const char *node, const char *argument,
                                                   smelt_tensor tensor);
// The same for every argument of every node, and the output, that is the tensor of this name.
SMELT_API enum smelt_result smelt_graph_replace_tensor(smelt_graph graph, const char *name,
                                                       smelt_tensor tensor);
// Another place in a buffer, for an argument that was set with a buffer.
SMELT_API enum smelt_result smelt_graph_set_buffer(smelt_graph graph, const char *node, const char *argument,
                                                   const struct smelt_buffer_range *range);
// A constant, or inline bytes of the size that they had. Of a call: a float (a fill's "value": a double). Errors: SHAPE
// (another size).
SMELT_API enum smelt_result smelt_graph_set_bytes(smelt_graph graph, const char *node, const char *argument,
                                                  const void *data, uint64_t size);
// Another descriptor set for a dispatch of the caller's pipeline that has one in this place.
SMELT_API enum smelt_result smelt_graph_set_descriptors(smelt_graph graph, const char *node, uint32_t set,
                                                        VkDescriptorSet descriptors);
// Workgroups of a direct dispatch of the caller's pipeline.
SMELT_API enum smelt_result smelt_graph_set_groups(smelt_graph graph, const char *node, uint32_t x,
                                                   uint32_t y, uint32_t z);

// --- Looking at it ----------------------------------------------------------------------------------------

struct smelt_graph_counts {
    uint32_t dispatches, barriers; // as an encoder that tracks would have recorded the capture
    uint32_t optimized_dispatches, optimized_barriers; // as replayed
    uint32_t optimized_commands; // vkCmdDispatch that these are: more where a network's are sliced
    // nodes that are part of another one, left out, at another place than captured
    uint32_t fused, dead, moved;
    uint64_t recordings, replays;
};
// Runs the passes if a patch has been made since they ran. Errors: as smelt_encoder_replay.
SMELT_API enum smelt_result smelt_graph_count(smelt_graph graph, struct smelt_graph_counts *counts);

enum smelt_graph_form {
    SMELT_GRAPH_TEXT = 0, // a line for each node and barrier
    SMELT_GRAPH_DOT = 1,  // Graphviz: nodes, an edge for each conflict, a box for those between two barriers
};
// What was captured, or what is replayed. Free with smelt_free_text. Errors: as smelt_encoder_replay.
SMELT_API enum smelt_result smelt_graph_describe(smelt_graph graph, enum smelt_graph_form form,
                                                 bool optimized, char **text);
// Writes both as JSON, for smelt_graph_describe_file and `smelt graph` (docs/graphs.md has the format): labels, tags,
// ranges, barriers; no data. Errors: IO, OUT_OF_HOST_MEMORY, and as smelt_encoder_replay.
SMELT_API enum smelt_result smelt_graph_save(smelt_graph graph, const char *path);
// smelt_graph_describe from a file that smelt_graph_save wrote, which is not trusted. `context` NULL: errors go to
// smelt_last_error only. Errors: NOT_FOUND, IO, FORMAT, VERSION, OUT_OF_HOST_MEMORY. Thread-safe.
SMELT_API enum smelt_result smelt_graph_describe_file(smelt_context context, const char *path,
                                                      enum smelt_graph_form form, bool optimized,
                                                      char **text);

SMELT_END

#endif
