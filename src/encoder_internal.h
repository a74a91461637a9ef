// SPDX-License-Identifier: MIT
// The inside of the encoder: what a recorded dispatch is, where it goes, and what the encoder's sources share.
//
// Every call that records makes a struct smelt_dispatch and gives it to smelt_encoder_record, which either records it live
// (hazard check, barrier, vkCmd*) or hands it to the capture that is under way. Nothing else records dispatches.
#ifndef SMELT_ENCODER_INTERNAL_H
#define SMELT_ENCODER_INTERNAL_H

#include "hazards.h"
#include "tensor_internal.h"

// --- Pipelines (pipeline.c) -------------------------------------------------------------------------------

#define SMELT_NO_PLAIN_TYPE UINT32_MAX // no tensor's
struct smelt_pipeline_argument {
    uint32_t type;  // smelt_tensor_type of the tensors that fit without a further look
    uint32_t place; // in the encoder's values
    uint32_t size;
    uint32_t range; // its place among the ranges of a dispatch; UINT32_MAX: a constant
    enum smelt_access access;
    bool in_push; // else in the block
};

#define SMELT_MAX_SETS 4 // that every device has

struct smelt_pipeline_t {
    smelt_context context;
    struct smelt_pipeline_info info;
    struct smelt_pipeline_argument *arguments; // as info.arguments
    uint32_t range_count;
    uint32_t set_count, set_mask;         // descriptor sets of the layout; those with bindings
    bool coopvec;                         // reads matrices in the device's layout
    uint32_t block_size, block_alignment; // 0: no block
    uint32_t push_at;                     // where the push constants begin in the encoder's values
    uint32_t block_push;                  // where in the push constants its address goes
    uint32_t push_size;
    uint64_t *constants;                  // bits, by the reflection's order
    struct smelt_pipeline_family *family; // what it shares with those specialized from it
    struct smelt_pipeline_t *next;        // of the family
};

// --- A recorded dispatch ----------------------------------------------------------------------------------

// Bytes that are put into memory of the recording; their address goes to `offset` of the block or push constants.
struct smelt_inline_bytes {
    const void *data;
    uint64_t size; // 0: none
    uint32_t offset;
    bool in_push;
    uint32_t argument;
    uint64_t capacity; // of the encoder's own copy
};

// All that it takes to record it, now or again. The pointers are valid during smelt_encoder_record: a capture copies.
struct smelt_dispatch {
    VkPipeline pipeline;
    VkPipelineLayout layout;
    smelt_pipeline source; // what it is from; NULL: a kernel of the library
    const void *push;      // the whole push constants; the addresses of block and inline bytes are filled in
    uint32_t push_size;
    const void *block; // NULL: none. Copied to memory of the recording
    uint32_t block_size, block_push;
    const struct smelt_inline_bytes *inline_bytes;
    uint32_t inline_count;
    uint32_t set_count;
    VkDescriptorSet sets[SMELT_MAX_SETS]; // null: none
    uint32_t groups[3];                   // not indirect
    uint32_t slices; // commands that share the groups, so that none of them runs for long; 0: 1
    bool linear;     // slices are of rows, and workgroups have z = 1 to say so
    VkBuffer indirect;
    uint64_t indirect_offset;
    struct smelt_interval indirect_range; // empty: not indirect
    const struct smelt_range *ranges;
    uint32_t range_count;
    const char *label;
    enum smelt_operation operation;
    // A call of the library (smelt_encode_*): its parameters, of the type that goes with `operation`, and which of the
    // dispatches it made this is.
    const void *call;
    uint32_t call_size;
    uint32_t part, parts;
};

// What its workgroups are sliced along.
static inline uint32_t smelt_dispatch_axis(const struct smelt_dispatch *d)
{
    uint32_t axis = d->groups[1] > d->groups[0] ? 1 : 0;
    return d->linear ? 1 : d->groups[2] > d->groups[axis] ? 2 : axis;
}
static inline uint32_t smelt_dispatch_commands(const struct smelt_dispatch *d)
{
    return d->slices > 1 ? SMELT_MIN(d->slices, d->groups[smelt_dispatch_axis(d)]) : 1;
}

// The calls that have no parameters struct.
struct smelt_copy_call {
    smelt_tensor destination, source;
    uint32_t permutation[SMELT_TENSOR_MAX_RANK];
    bool permuted; // false: `permutation` counts up
};
struct smelt_fill_call {
    smelt_tensor destination;
    double value;
};

// A barrier that was asked for: `barrier`, but with ranges only if they conflict with what came before.
struct smelt_barrier_request {
    struct smelt_barrier barrier;
    const struct smelt_range *ranges;
    uint32_t range_count;
};

// Where an encoder's dispatches go while it captures (graph.c).
struct smelt_capture {
    enum smelt_result (*dispatch)(struct smelt_capture *capture, const struct smelt_dispatch *dispatch);
    enum smelt_result (*barrier)(struct smelt_capture *capture, const struct smelt_barrier_request *request);
    void (*drop)(struct smelt_capture *capture); // the encoder is destroyed: frees it
};

// Records or captures a dispatch; checks its groups. Begins a recording if none has and it is live.
enum smelt_result smelt_encoder_record(smelt_encoder encoder, const struct smelt_dispatch *dispatch);
// Records or captures a barrier.
enum smelt_result smelt_encoder_record_barrier(smelt_encoder encoder,
                                               const struct smelt_barrier_request *request);
// Executes a secondary command buffer as one dispatch with these ranges (and the hull of its indirect commands), with a
// barrier in front where they conflict.
enum smelt_result smelt_encoder_record_commands(smelt_encoder encoder, VkCommandBuffer secondary,
                                                const char *label, const struct smelt_range *ranges,
                                                uint32_t range_count, struct smelt_interval indirect);
// For the library's calls: INVALID_ARGUMENT, with `call` in the message, for NULL and for an encoder of another context;
// and what smelt_encoder_enter finds.
enum smelt_result smelt_encoder_require(smelt_encoder encoder, smelt_context context, const char *call);

static inline struct smelt_range smelt_range_of(smelt_tensor tensor, enum smelt_access access)
{
    const struct smelt_tensor_info *info = &tensor->info;
    return (struct smelt_range){info->address, info->address + info->size, access, UINT32_MAX, tensor};
}

// --- Memory of a recording (encoder_memory.c) -------------------------------------------------------------

struct smelt_recording_chunk {
    struct smelt_recording_chunk *next;
    struct smelt_buffer buffer;
};
// Host-written memory with device addresses, taken from the front and given back as a whole.
struct smelt_recording_memory {
    struct smelt_recording_chunk *first, *current;
    uint64_t used; // of `current`
};
#define SMELT_RECORDING_ALIGNMENT 256u
// Goes on to a chunk with room for `size`. Errors: BUDGET, OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, VULKAN.
enum smelt_result smelt_recording_memory_next(smelt_encoder encoder, uint64_t size);
void smelt_recording_memory_reset(struct smelt_recording_memory *memory);
void smelt_recording_memory_free(smelt_context context, struct smelt_recording_memory *memory);

// --- Timestamps of a recording (profile.c) ----------------------------------------------------------------

struct smelt_timed {
    char *label;
    enum smelt_operation operation;
    uint64_t bytes;
    uint32_t groups[3];
};
struct smelt_timestamps {
    VkQueryPool *pools;
    uint32_t pool_count, used; // queries
    struct smelt_timed *timed; // one for each two queries
    uint32_t timed_capacity;
};
void smelt_timestamps_forget(struct smelt_timestamps *timestamps); // for a new recording; keeps the memory
// Writes the first or the second of a pair. Errors: OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, VULKAN.
enum smelt_result smelt_timestamps_open(smelt_encoder encoder, const char *label,
                                        enum smelt_operation operation, const struct smelt_range *ranges,
                                        uint32_t range_count, const uint32_t *groups);
void smelt_timestamps_close(smelt_encoder encoder);
void smelt_timestamps_free(smelt_context context, struct smelt_timestamps *timestamps);

// --- The checking mode (hazards_check.c) ------------------------------------------------------------------

// What was recorded, for the judge; independent of the tracker.
struct smelt_schedule_step {
    bool is_barrier;
    struct smelt_barrier barrier;
    char *label;
    uint32_t first_range, range_count;
    struct smelt_interval indirect; // empty: none
};
struct smelt_schedule {
    struct smelt_schedule_step *steps;
    struct smelt_range *ranges;
    uint32_t count, capacity, range_count, range_capacity;
};
bool smelt_schedule_add_dispatch(struct smelt_schedule *schedule, const char *label,
                                 const struct smelt_range *ranges, uint32_t count,
                                 struct smelt_interval indirect);
bool smelt_schedule_add_barrier(struct smelt_schedule *schedule, const struct smelt_barrier *barrier);
void smelt_schedule_clear(struct smelt_schedule *schedule);
void smelt_schedule_free(struct smelt_schedule *schedule);
// Errors: HAZARD, as smelt_encoder_check_hazards. `name` is of what was recorded.
enum smelt_result smelt_schedule_judge(smelt_context context, const char *name,
                                       const struct smelt_schedule *schedule);

// --- The encoder ------------------------------------------------------------------------------------------

#define SMELT_ENCODER_MAX_FRAMES 16
#define SMELT_ENCODER_MAX_POINTS 16 // semaphores of a commit, each way

enum smelt_slot_state {
    SMELT_SLOT_FREE = 0,
    SMELT_SLOT_RECORDING,
    SMELT_SLOT_RECORDED, // ended: a part to be executed, or in the caller's hands
    SMELT_SLOT_PENDING,  // submitted, or executed by a recording that has not finished
};

// One recording that may be unfinished.
struct smelt_encoder_slot {
    int state;          // enum smelt_slot_state; atomic: a part's is changed by the encoder that executes it
    VkCommandPool pool; // of own recordings and parts
    VkCommandBuffer primary, secondary;
    uint64_t value; // of the encoder's semaphore, when submitted
    struct smelt_recording_memory memory;
    struct smelt_timestamps timestamps; // of every dispatch
    VkQueryPool times;                  // of a whole own recording
    struct smelt_schedule schedule;     // in the checking mode; guarded by the context's encoders_mutex
    char label[64];
    char destroyed[160]; // a tensor that was, while in use; "": none. Guarded likewise
    smelt_completion_fn completion;
    void *user;
    struct smelt_encoder_slot **parts; // executed in it
    uint32_t part_count, part_capacity;
};

// Which kernels are made for calls that are captured (smelt_kernel_get).
enum smelt_kernel_making {
    SMELT_KERNELS_KNOWN = 0,     // none: those that are made already are taken
    SMELT_KERNELS_UNCLAIMED = 1, // all but those that another thread is making
    SMELT_KERNELS_ALL = 2,
};

struct smelt_encoder_t {
    smelt_context context;
    char *name;
    enum smelt_hazard_mode mode;
    bool track; // false: for commands that the library records for itself, with barriers of its own
    bool check, profile, labels;
    bool reusable;                    // its parts can be executed any number of times, also at once
    bool guarded;                     // dead or in the checking mode: entering looks closer
    bool dead;                        // DEVICE_LOST
    int inside;                       // a thread is, in the checking mode; atomic
    struct smelt_encoder_slot *slots; // `frames` of them
    uint32_t frames, next;            // the slot of the next own recording
    struct smelt_encoder_slot *slot;  // of the recording under way; NULL: none
    // of the recording under way or the last one, for what is asked afterwards
    struct smelt_encoder_slot *last;
    struct smelt_encoder_slot *finished; // of the own one that finished last
    VkCommandBuffer commands;            // recorded into; null: no recording under way
    bool own, part;                      // what the recording is; neither: in the caller's commands
    VkSemaphore semaphore;
    uint64_t submitted, completed; // values of it
    bool first, fenced;            // no dispatch in the recording yet; a barrier since the last one
    uint32_t most_groups[3];       // that a dispatch may have
    VkPipeline bound;
    struct smelt_capture *capture;    // NULL: live
    enum smelt_kernel_making kernels; // of calls that are captured
    double slice;                     // operations that a command of a library call has; 0: any number
    // The pipeline and its arguments as they are set.
    smelt_pipeline pipeline;
    const struct smelt_pipeline_argument *arguments; // its, or of one of its family
    uint32_t argument_count;                         // 0 without a pipeline
    uint8_t *values;                                 // of the block, then of the push constants
    uint32_t values_capacity;
    struct smelt_range *ranges;
    uint32_t range_capacity;
    bool *set; // by argument
    uint32_t set_capacity, unset;
    struct smelt_inline_bytes *inline_bytes;
    uint32_t inline_count, inline_capacity;
    struct smelt_dispatch draft; // as it is set: all but its size
    struct smelt_range *joined;  // what a part accesses, or the tensors of a barrier
    uint32_t joined_capacity;
    struct smelt_encoder_counters counters;
    uint64_t allocations_before;      // of the tracker, when the counters were reset
    struct smelt_profile_node *nodes; // what smelt_encoder_profile gave
    uint32_t node_capacity;
    // Hazards since the last barrier; of a part also everything in it, never forgotten, with the hull of its commands.
    struct smelt_hazards hazards, total;
    struct smelt_interval total_indirect;
    struct smelt_encoder_t *next_checked, *next_retired; // lists of the context
};

enum smelt_result smelt_encoder_enter_slowly(smelt_encoder encoder, const char *call);

// In front of every public call and behind it: INVALID_ARGUMENT for NULL, DEVICE_LOST for a dead encoder, and in the
// checking mode INVALID_ARGUMENT if another thread is inside.
static inline enum smelt_result smelt_encoder_enter(smelt_encoder encoder, const char *call)
{
    return encoder && !encoder->guarded ? SMELT_OK : smelt_encoder_enter_slowly(encoder, call);
}

static inline enum smelt_result smelt_encoder_leave(smelt_encoder encoder, enum smelt_result result)
{
    if (encoder->check)
        __atomic_store_n(&encoder->inside, 0, __ATOMIC_RELEASE);
    return result;
}

// smelt_encoder_begin, from inside.
enum smelt_result smelt_encoder_start(smelt_encoder encoder, const struct smelt_recording_params *params);
// A VkResult of a call for the recording in a slot, with its label; DEVICE_LOST makes the encoder dead.
enum smelt_result smelt_encoder_fail_slot(smelt_encoder encoder, const struct smelt_encoder_slot *slot,
                                          VkResult result, const char *call);
bool smelt_slot_is_pending(const struct smelt_encoder_slot *slot);
void smelt_slot_release_parts(struct smelt_encoder_slot *slot); // their encoders may record again
// smelt_encoder_poll and smelt_encoder_wait, from inside.
enum smelt_result smelt_encoder_see(smelt_encoder encoder);
enum smelt_result smelt_encoder_await(smelt_encoder encoder);
// Memory of the recording under way. `alignment` is a power of two, at most SMELT_RECORDING_ALIGNMENT. Errors as
// smelt_recording_memory_next.
static inline enum smelt_result smelt_recording_memory_take(smelt_encoder encoder, uint64_t size,
                                                            uint32_t alignment, void **mapped,
                                                            VkDeviceAddress *address)
{
    struct smelt_recording_memory *memory = &encoder->slot->memory;
    for (;;) {
        const struct smelt_recording_chunk *chunk = memory->current;
        if (chunk) {
            VkDeviceAddress free_from = chunk->buffer.address + memory->used;
            VkDeviceAddress place = (free_from + alignment - 1) & ~(VkDeviceAddress)(alignment - 1);
            uint64_t offset = place - chunk->buffer.address;
            if (offset <= chunk->buffer.size && size <= chunk->buffer.size - offset) {
                memory->used = offset + size;
                *mapped = (uint8_t *)chunk->buffer.mapped + offset;
                *address = place;
                return SMELT_OK;
            }
        }
        enum smelt_result result = smelt_recording_memory_next(encoder, size + alignment);
        if (result)
            return result;
    }
}
// Grows an array of `size` byte elements to hold `count` and counts the allocation. Errors: OUT_OF_HOST_MEMORY.
enum smelt_result smelt_encoder_grow(smelt_encoder encoder, void *array, uint32_t *capacity, uint32_t count,
                                     size_t size);
// An encoder on the caller's stack over a command buffer, for the library's own commands: kernels without an argument
// block, no tracking. Nothing to free.
void smelt_encoder_wrap(struct smelt_encoder_t *encoder, smelt_context context, VkCommandBuffer commands);

#endif
