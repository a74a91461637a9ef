// SPDX-License-Identifier: MIT
// Command encoder: any number of dispatches in one recording, with barriers only where their bytes conflict
// (Metal: MTL4ComputeCommandEncoder, MTL4CommandBuffer).
//
// An encoder records into a command buffer of its own (commit submits it) or into the caller's (begin, record, end; the
// caller submits). Dispatches run concurrently unless the byte ranges of their tensors conflict: the encoder knows what
// each reads and writes from the access that the shader declares, and puts a barrier in front of the first dispatch that
// needs one. Ranges are those from a tensor's first to past its last byte; tensors whose ranges do not meet do not
// conflict, also within one buffer.
//
// Errors of all calls: INVALID_ARGUMENT (also a call that the encoder's state does not allow, and in the checking mode a
// second thread inside the encoder), and those listed. A failing call records nothing and the encoder stays usable;
// after DEVICE_LOST it can only be destroyed.
// Thread-safety: an encoder belongs to one thread at a time; different encoders record in parallel.
#ifndef SMELT_ENCODER_H
#define SMELT_ENCODER_H

#include "pipeline.h"

SMELT_BEGIN

enum smelt_hazard_mode {
    SMELT_HAZARDS_TRACKED = 0, // barriers where byte ranges conflict
    SMELT_HAZARDS_MANUAL = 1,  // only the barriers that are asked for
    SMELT_HAZARDS_SERIAL =
        2, // a barrier in front of every dispatch: to tell whether a wrong result is a hazard
};

struct smelt_encoder_params {
    // TRACKED: the environment variable SMELT_HAZARDS ("tracked", "manual", "serial") decides, else tracked.
    enum smelt_hazard_mode hazards;
    // Keeps what every dispatch reads and writes, for smelt_encoder_check_hazards; reports tensors that are destroyed
    // while in use, and a second thread inside the encoder. For tests and debugging: it allocates and is slow.
    bool check;
    // Measures the GPU time of every dispatch (smelt_encoder_profile). Devices may run dispatches less concurrently then.
    bool profile;
    // No debug labels around dispatches. Without it they are recorded where VK_EXT_debug_utils is enabled and a tool is
    // there (vkGetPhysicalDeviceToolProperties: RenderDoc, Nsight, layers); the environment variable SMELT_LABELS (1, 0)
    // decides instead of that.
    bool no_labels;
    // Recordings that may be unfinished on the GPU at a time, at most 16; 0: 2.
    uint32_t frames_in_flight;
    const char *name; // for debuggers and messages; NULL: "encoder". Copied
};

// Errors: OUT_OF_HOST_MEMORY, VULKAN. Thread-safe. Memory for arguments is allocated when it is first needed, and kept.
SMELT_API enum smelt_result smelt_encoder_create(smelt_context context,
                                                 const struct smelt_encoder_params *params,
                                                 smelt_encoder *encoder);
// Allowed in any state, also with its own recordings running on the GPU: they run to their end, and what they use is
// freed after that by later calls of the context, at the latest by its destruction, which waits for them. Completion
// callbacks not called yet are called with NOT_READY. What was recorded into the caller's command buffers must have
// finished.
SMELT_API void smelt_encoder_destroy(smelt_encoder *encoder);

// --- Recording --------------------------------------------------------------------------------------------

struct smelt_recording_params {
    // The caller's command buffer, primary or secondary, recording, outside a render pass; the caller ends and submits
    // it. Null: one of the encoder's own.
    VkCommandBuffer commands;
    // With `commands`: any number of the caller's; frame - frames_in_flight must have finished on the GPU.
    uint64_t frame;
    bool part;         // a part of another recording: own commands for smelt_encoder_execute
    const char *label; // of the recording, in debuggers and messages; NULL: the encoder's name. Copied
};

// Begins a recording. Without this call the first dispatch begins one with all defaults.
// The encoder's own recordings are ordered after all earlier work of the context's queue, and before later work of it
// and reads by the host that waits. In the caller's command buffer the caller's barriers (or smelt_encoder_barrier) do
// that. Errors: INVALID_ARGUMENT (one has begun), NOT_READY (frames_in_flight recordings still run: wait),
// OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, DEVICE_LOST, VULKAN.
SMELT_API enum smelt_result smelt_encoder_begin(smelt_encoder encoder,
                                                const struct smelt_recording_params *params);
// Ends a recording into the caller's command buffer, or a part. The encoder's own is ended by commit.
SMELT_API enum smelt_result smelt_encoder_end(smelt_encoder encoder);
// The command buffer of the recording that has begun, for commands of the caller's own among the dispatches (which the
// encoder's tracking does not see); null when none has. Pipelines and push constants bound there are bound again.
SMELT_API VkCommandBuffer smelt_encoder_commands(smelt_encoder encoder);

// The pipeline of the dispatches that follow. Another one than before leaves all arguments unset.
SMELT_API enum smelt_result smelt_encoder_set_pipeline(smelt_encoder encoder, smelt_pipeline pipeline);
// Arguments of the pipeline, by name or by smelt_pipeline_find's index; they hold for all dispatches until set again.
// A failing call changes nothing. Errors of all: NOT_FOUND, and what does not fit.
// A tensor must live until the GPU has finished. Errors: SHAPE, DTYPE as smelt_arguments_set_tensor.
SMELT_API enum smelt_result smelt_encoder_set_tensor(smelt_encoder encoder, const char *name,
                                                     smelt_tensor tensor);
SMELT_API enum smelt_result smelt_encoder_set_tensor_at(smelt_encoder encoder, uint32_t argument,
                                                        smelt_tensor tensor);
// Bytes of the caller's buffer (with SHADER_DEVICE_ADDRESS usage), for an argument of kind ADDRESS. `access` is what the
// shader does with them.
struct smelt_buffer_range {
    VkBuffer buffer;
    uint64_t offset, size;
    enum smelt_access access;
};
SMELT_API enum smelt_result smelt_encoder_set_buffer(smelt_encoder encoder, const char *name,
                                                     const struct smelt_buffer_range *range);
SMELT_API enum smelt_result smelt_encoder_set_buffer_at(smelt_encoder encoder, uint32_t argument,
                                                        const struct smelt_buffer_range *range);
// Inline bytes. For an argument of kind CONSTANT: its value, of exactly its size. For one of kind ADDRESS: any number of
// bytes, which are copied to memory that the shader reads by that address (aligned to 16 bytes).
SMELT_API enum smelt_result smelt_encoder_set_bytes(smelt_encoder encoder, const char *name, const void *data,
                                                    uint64_t size);
SMELT_API enum smelt_result smelt_encoder_set_bytes_at(smelt_encoder encoder, uint32_t argument,
                                                       const void *data, uint64_t size);

// A descriptor set of the pipeline (smelt_pipeline_params.set_layouts), for all dispatches until set again; null: unset.
// It holds while the recording runs, as all that it names does (smelt_arguments_descriptor_set gives one by names).
// What shaders access through descriptors is not tracked: order it with smelt_encoder_barrier, which may also name the
// stages around the dispatches, and change the layout of images with commands of your own (smelt_encoder_commands). A
// dispatch with descriptors is UNTAGGED. Errors: INVALID_ARGUMENT (the pipeline has no such set), NOT_READY (no pipeline).
SMELT_API enum smelt_result smelt_encoder_set_descriptors(smelt_encoder encoder, uint32_t set,
                                                          VkDescriptorSet descriptors);

// What a dispatch computes, for graphs: nodes of UNTAGGED are never moved, nor is anything moved past them.
enum smelt_operation {
    SMELT_OPERATION_UNTAGGED = 0,
    SMELT_OPERATION_OTHER = 1, // known by its ranges only
    SMELT_OPERATION_COPY = 2,
    SMELT_OPERATION_FILL = 3,
    SMELT_OPERATION_MATMUL2D = 4,
    SMELT_OPERATION_CONVOLUTION2D = 5,
    SMELT_OPERATION_REDUCTION = 6,
    SMELT_OPERATION_SOFTMAX = 7,
    SMELT_OPERATION_LAYER_NORM = 8,
    SMELT_OPERATION_RMS_NORM = 9,
    SMELT_OPERATION_ELEMENTWISE = 10,
    SMELT_OPERATION_OPERATOR = 11, // one of a network's that is none of the above
    SMELT_OPERATION_ATTENTION = 12,
    SMELT_OPERATION_COUNT = 13,
};
// "matmul2d"; "invalid" otherwise. Static storage.
SMELT_API const char *smelt_operation_name(enum smelt_operation operation);

// For the next dispatch only (or call of the library, with all its dispatches): what debuggers, messages and profiles
// call it (NULL: the pipeline's name; valid until that dispatch), and what it is.
SMELT_API enum smelt_result smelt_encoder_set_label(smelt_encoder encoder, const char *label);
SMELT_API enum smelt_result smelt_encoder_set_operation(smelt_encoder encoder,
                                                        enum smelt_operation operation);

// Dispatches. By threads: as many workgroups as have that many invocations; the last ones of a dimension may reach past
// it, so the shader compares. Indirect: the VkDispatchIndirectCommand at `offset` (a multiple of 4) of `buffer` (with
// INDIRECT_BUFFER and SHADER_DEVICE_ADDRESS usage), which is tracked as read.
// Errors: NOT_READY (no pipeline; arguments or descriptor sets not set: names them), INVALID_ARGUMENT (zero or more
// groups than the device has, got and wanted), BUDGET, OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, VULKAN.
SMELT_API enum smelt_result smelt_encoder_dispatch_groups(smelt_encoder encoder, uint32_t x, uint32_t y,
                                                          uint32_t z);
SMELT_API enum smelt_result smelt_encoder_dispatch_threads(smelt_encoder encoder, uint32_t x, uint32_t y,
                                                           uint32_t z);
SMELT_API enum smelt_result smelt_encoder_dispatch_indirect(smelt_encoder encoder, VkBuffer buffer,
                                                            uint64_t offset);

// The same in one call: sets the pipeline, the arguments, the label and the operation, then dispatches.
struct smelt_argument {
    const char *name;  // NULL: `argument`
    uint32_t argument; // smelt_pipeline_find's index
    // One of these three.
    smelt_tensor tensor;
    struct smelt_buffer_range buffer;
    const void *bytes;
    uint64_t size; // of `bytes`
};
enum smelt_dispatch_kind {
    SMELT_DISPATCH_GROUPS = 0,
    SMELT_DISPATCH_THREADS = 1,
    SMELT_DISPATCH_INDIRECT = 2,
};
struct smelt_encode_params {
    smelt_pipeline pipeline;
    const struct smelt_argument *arguments;
    uint32_t argument_count;
    enum smelt_dispatch_kind kind;
    uint32_t size[3]; // groups or threads; a 0 in y or z is 1
    VkBuffer indirect;
    uint64_t indirect_offset;
    const char *label;
    enum smelt_operation operation;
};
SMELT_API enum smelt_result smelt_encoder_encode(smelt_encoder encoder,
                                                 const struct smelt_encode_params *params);

// --- Barriers ---------------------------------------------------------------------------------------------

// One memory barrier of synchronization2, for work around the dispatches. NULL: between compute shaders, from writes to
// reads and writes. Tracking starts anew after a barrier that orders all compute shader writes before all compute shader
// accesses.
struct smelt_barrier {
    VkPipelineStageFlags2 source_stages;
    VkAccessFlags2 source_access;
    VkPipelineStageFlags2 destination_stages;
    VkAccessFlags2 destination_access;
};
SMELT_API enum smelt_result smelt_encoder_barrier(smelt_encoder encoder, const struct smelt_barrier *barrier);

// What a barrier stands between, in words for what work does.
enum smelt_stage {
    SMELT_STAGE_INDIRECT = 1 << 0,         // commands that are read
    SMELT_STAGE_VERTEX = 1 << 1,           // vertex input and all shaders in front of rasterization
    SMELT_STAGE_FRAGMENT = 1 << 2,         // fragment shaders
    SMELT_STAGE_COLOR = 1 << 3,            // color attachments
    SMELT_STAGE_DEPTH = 1 << 4,            // depth and stencil attachments
    SMELT_STAGE_COMPUTE = 1 << 5,          // the caller's compute shaders
    SMELT_STAGE_MACHINE_LEARNING = 1 << 6, // networks, and all calls and dispatches of encoders
    SMELT_STAGE_TRANSFER = 1 << 7,
    SMELT_STAGE_HOST = 1 << 8,
};
// The barrier that makes what stages (smelt_stage bits) of one side have written visible to those of the other: for
// smelt_encoder_barrier, or for the caller's own VkMemoryBarrier2 or, where an image changes its layout, VkImageMemoryBarrier2.
// In front of and behind a network, with the render pass that makes its input and the one that shows its output:
//     smelt_barrier_between(SMELT_STAGE_COLOR, SMELT_STAGE_MACHINE_LEARNING)
//     smelt_barrier_between(SMELT_STAGE_MACHINE_LEARNING, SMELT_STAGE_FRAGMENT)
SMELT_API struct smelt_barrier smelt_barrier_between(uint32_t source, uint32_t destination);
// A barrier if a dispatch that reads and writes these tensors would conflict with what has been recorded since the last
// one; else nothing. In a MANUAL encoder too: it then keeps track for these calls.
SMELT_API enum smelt_result smelt_encoder_barrier_between(smelt_encoder encoder, const smelt_tensor *reads,
                                                          uint32_t read_count, const smelt_tensor *writes,
                                                          uint32_t write_count);

// Whether every two dispatches of the last recording (or the one under way) that conflict have a barrier between them
// that orders them. For encoders with `check`; replays what was recorded, whoever chose the barriers.
// Errors: HAZARD (names the two dispatches, the kind of the conflict and the bytes), INVALID_ARGUMENT (no checking mode).
SMELT_API enum smelt_result smelt_encoder_check_hazards(smelt_encoder encoder);

// --- Parts recorded on other threads ----------------------------------------------------------------------

// Executes recordings that were begun with `part` and ended, in this order, in the recording of `encoder`: their
// secondary command buffers. A part is tracked as one dispatch that reads and writes all that its dispatches do. Parts
// are executed once; their encoders may begin again when this recording has finished (NOT_READY before, where it is one
// of the encoder's own).
SMELT_API enum smelt_result smelt_encoder_execute(smelt_encoder encoder, const smelt_encoder *parts,
                                                  uint32_t count);

// --- Submitting the encoder's own recordings --------------------------------------------------------------

struct smelt_semaphore_point {
    VkSemaphore semaphore; // a timeline semaphore, or a binary one with value 0
    uint64_t value;
    VkPipelineStageFlags2 stages; // that wait, or that signal; 0: ALL_COMMANDS
};
// Called once, when wait or poll see that the recording has finished, on the thread that called them; with what they
// return for it. It may use other encoders, not this one.
typedef void (*smelt_completion_fn)(void *user, enum smelt_result result);

struct smelt_commit_params {
    const struct smelt_semaphore_point *waits, *signals; // beside the encoder's own semaphore
    uint32_t wait_count, signal_count;
    smelt_completion_fn completion; // NULL: none
    void *user;
};

// Ends the recording and submits it to the context's queue; does not wait. An empty recording is submitted too.
// Errors: INVALID_ARGUMENT (nothing has begun; a part or the caller's commands; in the checking mode: a tensor in use was
// destroyed: the recording is dropped), OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, DEVICE_LOST (with the label), VULKAN.
SMELT_API enum smelt_result smelt_encoder_commit(smelt_encoder encoder,
                                                 const struct smelt_commit_params *params);
// Waits until all committed recordings have finished. The error of a recording that failed names its label; in the
// checking mode also a tensor that was destroyed before it had finished. Errors: INVALID_ARGUMENT, DEVICE_LOST,
// OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, VULKAN.
SMELT_API enum smelt_result smelt_encoder_wait(smelt_encoder encoder);
// Without waiting: OK when all have finished, NOT_READY when one runs. Errors otherwise as smelt_encoder_wait.
SMELT_API enum smelt_result smelt_encoder_poll(smelt_encoder encoder);
SMELT_API enum smelt_result smelt_encoder_commit_and_wait(smelt_encoder encoder);

// What the last commit signals when it has finished (value 0: nothing was committed): for other encoders' waits and for
// the caller's submissions. The semaphore is a timeline semaphore, owned by the encoder.
SMELT_API struct smelt_semaphore_point smelt_encoder_semaphore(smelt_encoder encoder);

// --- Counters and times -----------------------------------------------------------------------------------

struct smelt_encoder_counters {
    uint64_t dispatches;
    uint64_t barriers;         // between dispatches, automatic and explicit
    uint64_t barriers_avoided; // dispatches that got no barrier in front, but the first of a recording
    uint64_t submits;
    uint64_t syncs;       // waits of the host
    uint64_t bytes;       // of the ranges that dispatches read and write
    uint64_t pipelines;   // times that another pipeline was bound
    uint64_t allocations; // times that memory was allocated, of the host or the device
};
// Since the encoder was created or they were reset.
SMELT_API struct smelt_encoder_counters smelt_encoder_counters(smelt_encoder encoder);
SMELT_API void smelt_encoder_reset_counters(smelt_encoder encoder);

// When the device began and ended the encoder's own recording that finished last, in ns of the device's clock.
// Errors: NOT_READY (none has), UNSUPPORTED (the queue has no timestamps).
SMELT_API enum smelt_result smelt_encoder_gpu_time(smelt_encoder encoder, uint64_t *begin, uint64_t *end);

struct smelt_profile_node {
    const char *label;
    enum smelt_operation operation;
    uint64_t begin, end; // ns of the device's clock
    uint64_t bytes;      // of the ranges that it reads and writes
    uint32_t groups[3];  // 0 when indirect
};
// The dispatches of the recording that finished last, in the order of recording; for encoders with `profile`. A
// recording in the caller's command buffer counts as finished when this is called: the caller has seen to that. Valid
// until the next begin. Errors: NOT_READY, UNSUPPORTED (the queue has no timestamps), DEVICE_LOST, VULKAN.
SMELT_API enum smelt_result smelt_encoder_profile(smelt_encoder encoder,
                                                  const struct smelt_profile_node **nodes, uint32_t *count);
// Writes nodes in the Chrome trace event format, which Perfetto opens. Dispatches that overlap in time are on rows of
// their own. Errors: IO, OUT_OF_HOST_MEMORY.
SMELT_API enum smelt_result smelt_profile_write_trace(const struct smelt_profile_node *nodes, uint32_t count,
                                                      const char *path);
// A table for a terminal: one row per label, slowest first, with count, total, share, shortest and longest time, GB/s.
// Free with smelt_free_text. Errors: OUT_OF_HOST_MEMORY.
SMELT_API enum smelt_result smelt_profile_table(const struct smelt_profile_node *nodes, uint32_t count,
                                                char **text);

SMELT_END

#endif
