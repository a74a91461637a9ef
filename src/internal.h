// SPDX-License-Identifier: MIT
// What the sources of libsmelt share: the context's inside, Vulkan entry points, errors, text, memory, files.
#ifndef SMELT_INTERNAL_H
#define SMELT_INTERNAL_H

#include <smelt/smelt.h>
#include "vk_missing.h"

#include <stdarg.h>
#include <threads.h>

#define SMELT_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SMELT_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SMELT_MAX(a, b) ((a) > (b) ? (a) : (b))

#if defined(__GNUC__)
#define SMELT_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define SMELT_ALWAYS_INLINE static inline __attribute__((always_inline)) // on the way of every dispatch
#else
#define SMELT_PRINTF(text, first)
#define SMELT_ALWAYS_INLINE static inline
#endif

// --- Vulkan entry points (context.c loads them; a NULL optional one means the extension is not enabled) ----

#define SMELT_VK_INSTANCE(X)                                                                                 \
    X(DestroyInstance)                                                                                       \
    X(EnumeratePhysicalDevices)                                                                              \
    X(EnumerateDeviceExtensionProperties)                                                                    \
    X(GetPhysicalDeviceProperties)                                                                           \
    X(GetPhysicalDeviceProperties2)                                                                          \
    X(GetPhysicalDeviceFeatures2)                                                                            \
    X(GetPhysicalDeviceMemoryProperties)                                                                     \
    X(GetPhysicalDeviceFormatProperties)                                                                     \
    X(GetPhysicalDeviceQueueFamilyProperties)                                                                \
    X(CreateDevice)                                                                                          \
    X(GetDeviceProcAddr)

#define SMELT_VK_INSTANCE_OPTIONAL(X)                                                                        \
    X(CreateDebugUtilsMessengerEXT)                                                                          \
    X(DestroyDebugUtilsMessengerEXT)                                                                         \
    X(GetPhysicalDeviceToolProperties)                                                                       \
    X(GetPhysicalDeviceCooperativeVectorPropertiesNV)                                                        \
    X(GetPhysicalDeviceCooperativeMatrixPropertiesKHR)                                                       \
    X(GetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV)

#define SMELT_VK_DEVICE(X)                                                                                   \
    X(DestroyDevice)                                                                                         \
    X(GetDeviceQueue)                                                                                        \
    X(DeviceWaitIdle)                                                                                        \
    X(QueueSubmit2)                                                                                          \
    X(AllocateMemory)                                                                                        \
    X(FreeMemory)                                                                                            \
    X(MapMemory)                                                                                             \
    X(UnmapMemory)                                                                                           \
    X(CreateBuffer)                                                                                          \
    X(DestroyBuffer)                                                                                         \
    X(GetBufferMemoryRequirements)                                                                           \
    X(BindBufferMemory)                                                                                      \
    X(GetBufferDeviceAddress)                                                                                \
    X(CreateImage)                                                                                           \
    X(DestroyImage)                                                                                          \
    X(GetImageMemoryRequirements)                                                                            \
    X(BindImageMemory)                                                                                       \
    X(CreateImageView)                                                                                       \
    X(DestroyImageView)                                                                                      \
    X(CreateSampler)                                                                                         \
    X(DestroySampler)                                                                                        \
    X(CreateFence)                                                                                           \
    X(DestroyFence)                                                                                          \
    X(ResetFences)                                                                                           \
    X(WaitForFences)                                                                                         \
    X(CreateSemaphore)                                                                                       \
    X(DestroySemaphore)                                                                                      \
    X(WaitSemaphores)                                                                                        \
    X(GetSemaphoreCounterValue)                                                                              \
    X(CreateQueryPool)                                                                                       \
    X(DestroyQueryPool)                                                                                      \
    X(GetQueryPoolResults)                                                                                   \
    X(CreateCommandPool)                                                                                     \
    X(DestroyCommandPool)                                                                                    \
    X(AllocateCommandBuffers)                                                                                \
    X(ResetCommandPool)                                                                                      \
    X(BeginCommandBuffer)                                                                                    \
    X(EndCommandBuffer)                                                                                      \
    X(CreateShaderModule)                                                                                    \
    X(DestroyShaderModule)                                                                                   \
    X(CreatePipelineLayout)                                                                                  \
    X(DestroyPipelineLayout)                                                                                 \
    X(CreateComputePipelines)                                                                                \
    X(DestroyPipeline)                                                                                       \
    X(CreatePipelineCache)                                                                                   \
    X(DestroyPipelineCache)                                                                                  \
    X(GetPipelineCacheData)                                                                                  \
    X(CreateDescriptorSetLayout)                                                                             \
    X(DestroyDescriptorSetLayout)                                                                            \
    X(CreateDescriptorPool)                                                                                  \
    X(DestroyDescriptorPool)                                                                                 \
    X(AllocateDescriptorSets)                                                                                \
    X(UpdateDescriptorSets)                                                                                  \
    X(CmdBindPipeline)                                                                                       \
    X(CmdBindDescriptorSets)                                                                                 \
    X(CmdPushConstants)                                                                                      \
    X(CmdDispatch)                                                                                           \
    X(CmdDispatchBase)                                                                                       \
    X(CmdDispatchIndirect)                                                                                   \
    X(CmdExecuteCommands)                                                                                    \
    X(CmdResetQueryPool)                                                                                     \
    X(CmdWriteTimestamp2)                                                                                    \
    X(CmdCopyBuffer)                                                                                         \
    X(CmdCopyBufferToImage)                                                                                  \
    X(CmdFillBuffer)                                                                                         \
    X(CmdPipelineBarrier2)

#define SMELT_VK_DEVICE_OPTIONAL(X)                                                                          \
    X(SetDebugUtilsObjectNameEXT)                                                                            \
    X(CmdBeginDebugUtilsLabelEXT)                                                                            \
    X(CmdEndDebugUtilsLabelEXT)                                                                              \
    X(ConvertCooperativeVectorMatrixNV)                                                                      \
    X(CmdConvertCooperativeVectorMatrixNV)

#define SMELT_VK_FIELD(name) PFN_vk##name name;

struct smelt_vk {
    PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
    SMELT_VK_INSTANCE(SMELT_VK_FIELD)
    SMELT_VK_INSTANCE_OPTIONAL(SMELT_VK_FIELD)
    SMELT_VK_DEVICE(SMELT_VK_FIELD)
    SMELT_VK_DEVICE_OPTIONAL(SMELT_VK_FIELD)
};

struct smelt_context_t {
    struct smelt_vk vk;
    VkInstance instance;
    VkPhysicalDevice physical_device;
    VkDevice device;
    VkQueue queue;
    uint32_t queue_family;
    const VkAllocationCallbacks *allocation_callbacks;
    VkPipelineCache pipeline_cache;
    bool owns_device, owns_pipeline_cache;
    bool labels;  // dispatches have debug labels: somebody looks at them
    void *loader; // smelt_os_open_library, or NULL
    VkDebugUtilsMessengerEXT messenger;
    struct smelt_capabilities capabilities;
    uint64_t features;            // enabled ones, of feature_table.h
    bool cooperative_vector_f16;  // the driver lists f16 products
    bool required_subgroup_size;  // compute pipelines can ask for one
    bool subgroup_shuffle;        // compute shaders have subgroupShuffle
    uint64_t pipeline_cache_hash; // of what was read from disk, or 0
    VkPhysicalDeviceMemoryProperties memory_properties;
    enum smelt_backend forced_backend;
    char *demoted[SMELT_BACKEND_COUNT]; // reason, guarded by `mutex`
    char *cache_directory;              // NULL: none
    uint64_t cache_size;                // bytes
    char *module_directory;             // NULL: the embedded modules
    void (*queue_lock)(void *), (*queue_unlock)(void *);
    void *queue_user;
    smelt_log_fn log;
    void *log_user;
    enum smelt_log_level log_level;
    mtx_t mutex;                       // memory accounting, demotions, lazily made objects
    uint64_t transient_size;           // bytes of addresses given to transient tensors; guarded by `mutex`
    struct smelt_memory_report memory; // guarded by `mutex`
    uint32_t validation_messages;      // atomic by __atomic builtins
    // Submissions that wait (smelt_submit_begin/end): one at a time, guarded by submit_mutex.
    mtx_t submit_mutex;
    VkCommandPool submit_pool;
    VkCommandBuffer submit_commands;
    VkFence submit_fence;
    struct smelt_kernel_entry *kernels;      // the library's own; guarded by kernels_mutex (kernels_cache.c)
    struct smelt_kernel_codes *kernel_codes; // SPIR-V of such from packages; likewise (kernels_code.c)
    struct smelt_kernel_codes *recorded_codes; // not NULL: kernels are compiled into it, and none is made
    mtx_t kernels_mutex;
    cnd_t kernels_made; // one of them, or it failed
    // The memory of argument blocks, guarded by `mutex` (block_memory.c).
    struct smelt_block_chunk *block_chunks;
    mtx_t queue_mutex; // around vkQueueSubmit2
    // Encoders in the checking mode, and those that were destroyed while the GPU ran their recordings; guarded by
    // encoders_mutex (encoder.c).
    mtx_t encoders_mutex;
    struct smelt_encoder_t *checked_encoders, *retired_encoders;
};

// --- Errors and the log (common.c) --------------------------------------------------------------------

// Keeps the line for smelt_last_error and gives it to the log (when context is not NULL); returns `result`.
enum smelt_result smelt_fail(smelt_context context, enum smelt_result result, const char *format, ...)
    SMELT_PRINTF(3, 4);
// The same for a VkResult: maps it (out of memory, device lost, ...) and names it with the call.
enum smelt_result smelt_fail_vk(smelt_context context, VkResult result, const char *call);
// From a call with true to its counterpart with false errors of this thread are not given to the log: what fails is tried
// again where it is reported, or another way.
void smelt_hold_errors(bool hold);
void smelt_log(smelt_context context, enum smelt_log_level level, const char *format, ...) SMELT_PRINTF(3, 4);
// "time: WHAT NAME: N ms" since `at` (smelt_os_time_ns), which becomes now, for whoever looks for what a start takes.
void smelt_log_time(smelt_context context, const char *what, const char *name, uint64_t *at);

// --- Text (common.c): a growing string. After an allocation failure `failed` is set and adds do nothing.
// -----

struct smelt_text {
    char *data; // NUL-terminated once anything was added; NULL before
    size_t size, capacity;
    bool failed;
};
void smelt_text_add(struct smelt_text *text, const char *format, ...) SMELT_PRINTF(2, 3);
void smelt_text_add_bytes(struct smelt_text *text, const void *bytes, size_t size);
void smelt_text_free(struct smelt_text *text);
char *smelt_copy_string(const char *string); // NULL in, NULL out; NULL when out of memory

// 64-bit FNV-1a, for cache keys and architecture hashes; start with SMELT_HASH_START.
#define SMELT_HASH_START 0xcbf29ce484222325ull
uint64_t smelt_hash(uint64_t hash, const void *bytes, size_t size);

// --- Instance, device and pipeline cache (vk_instance.c, vk_pipeline_cache.c), for context.c ---------------

// Opens the system's Vulkan loader unless `given` is set. Errors: NO_DEVICE.
enum smelt_result smelt_loader_open(smelt_context context, PFN_vkGetInstanceProcAddr given);
// Makes an instance, with its messenger when validation is asked for. Errors: NO_DEVICE, UNSUPPORTED, VULKAN.
enum smelt_result smelt_instance_create(smelt_context context, bool validation);
// Fills context->vk from the instance, and from the device. Errors: VULKAN.
enum smelt_result smelt_instance_load(smelt_context context);
enum smelt_result smelt_device_load(smelt_context context);
// Chooses by name (NULL: the default order) among the instance's devices.
// Errors: NO_DEVICE, UNSUPPORTED, VULKAN.
enum smelt_result smelt_device_choose(smelt_context context, const char *name);
// Makes the device and its queue with everything of the feature list. Errors: VULKAN and its kin.
enum smelt_result smelt_device_create(smelt_context context);
// Destroys what the functions above made.
void smelt_instance_destroy(smelt_context context);
// A pipeline cache with what the cache directory holds; anything wrong there is an empty start, not an error.
enum smelt_result smelt_pipeline_cache_create(smelt_context context);
// Writes it back if it has changed; failures are logged as warnings. Destroys it.
void smelt_pipeline_cache_destroy(smelt_context context);
void smelt_trim_cache(smelt_context context); // to its size; there is a cache_directory

// --- Memory and submission (vk_memory.c) ----------------------------------------------------------------

struct smelt_buffer {
    VkBuffer buffer;
    VkDeviceMemory memory;
    VkDeviceAddress address;
    void *mapped;       // NULL when not host-visible
    uint64_t size;      // as asked for
    uint64_t allocated; // as counted
    enum smelt_memory_purpose purpose;
};
enum smelt_memory_place {
    SMELT_PLACE_DEVICE = 0,
    SMELT_PLACE_HOST_WRITE, // coherent; device-local too where there is such memory (blocks, staging)
    SMELT_PLACE_HOST_READ,  // coherent and cached
};
// A buffer with storage, uniform, transfer and device address usage, on memory of its own.
enum smelt_result smelt_buffer_create(smelt_context context, uint64_t size, enum smelt_memory_place place,
                                      enum smelt_memory_purpose purpose, const char *name,
                                      struct smelt_buffer *buffer);
void smelt_buffer_destroy(smelt_context context, struct smelt_buffer *buffer);
VkDeviceAddress smelt_buffer_address(smelt_context context, VkBuffer buffer);
// The usage that every buffer of smelt has.
VkBufferUsageFlags smelt_buffer_usage(void);
// Allocates and counts memory; used for buffers, images, heaps. `place` picks the type among `type_bits`.
enum smelt_result smelt_memory_allocate(smelt_context context, const VkMemoryRequirements *requirements,
                                        enum smelt_memory_place place, enum smelt_memory_purpose purpose,
                                        VkDeviceMemory *memory);
void smelt_memory_free(smelt_context context, VkDeviceMemory *memory, uint64_t size,
                       enum smelt_memory_purpose purpose);

// --- Places for argument blocks (block_memory.c) ---------------------------------------------------------

struct smelt_block_place {
    struct smelt_block_chunk *chunk; // NULL: none
    uint32_t first, count;           // granules of the chunk
    VkDeviceAddress address;
    void *mapped; // coherent
};
// `alignment` is a power of two. Counted as ARGUMENTS. Thread-safe, both.
enum smelt_result smelt_block_allocate(smelt_context context, uint64_t size, uint32_t alignment,
                                       struct smelt_block_place *place);
void smelt_block_free(smelt_context context, struct smelt_block_place *place);

// --- Submissions that wait, barriers (vk_memory.c) ---------------------------------------------------------

// Begins the context's own command buffer and holds submit_mutex until smelt_submit_end, which submits and
// waits (and must be called after a successful begin, also to abandon: `submit` false).
enum smelt_result smelt_submit_begin(smelt_context context, VkCommandBuffer *commands);
enum smelt_result smelt_submit_end(smelt_context context, bool submit);

// vkQueueSubmit2 on the context's queue, between the caller's queue_lock and queue_unlock; `fence` may be null.
VkResult smelt_queue_submit(smelt_context context, const VkSubmitInfo2 *submit, VkFence fence);

// One global memory barrier.
void smelt_memory_barrier(smelt_context context, VkCommandBuffer commands,
                          VkPipelineStageFlags2 source_stages, VkAccessFlags2 source_access,
                          VkPipelineStageFlags2 destination_stages, VkAccessFlags2 destination_access);

// --- Operating system (os_posix.c) ------------------------------------------------------------------------

void *smelt_os_open_library(const char *name);
void *smelt_os_symbol(void *library, const char *name);
void smelt_os_close_library(void *library);
struct smelt_mapping {
    const void *data; // may be NULL when size is 0
    size_t size;
};
// Errors: NOT_FOUND, IO. Regular files only.
enum smelt_result smelt_os_map_file(smelt_context context, const char *path, struct smelt_mapping *mapping);
// A file below `directory`, by a relative path of names alone: no "..", no symbolic link on the way. (os_posix_beneath.c)
// Errors: FORMAT (the path leads elsewhere), NOT_FOUND, IO.
enum smelt_result smelt_os_map_file_beneath(smelt_context context, const char *directory, const char *path,
                                            struct smelt_mapping *mapping);
// The open regular file `file`, which is closed. `path` is for messages.
enum smelt_result smelt_os_map_descriptor(smelt_context context, int file, const char *path,
                                          struct smelt_mapping *mapping);
void smelt_os_unmap_file(struct smelt_mapping *mapping);
// Writes to a temporary name in the same directory, flushes, renames; removes the temporary on failure.
enum smelt_result smelt_os_write_file(smelt_context context, const char *path, const void *data, size_t size);
// Makes a directory and its parents. Errors: IO.
enum smelt_result smelt_os_make_directories(smelt_context context, const char *path);
bool smelt_os_is_file(const char *path);
// Removes the files of a directory whose names begin with one of the prefixes (NULL ends the list), least recently used
// first, until those that are left have at most `limit` bytes or are one. Returns how many. (os_posix_trim.c)
uint32_t smelt_os_trim_directory(const char *directory, const char *const *prefixes, uint64_t limit);
void smelt_os_mark_used(const char *path); // as just written, for the above
// The default cache directory (XDG base directory specification), to be freed; NULL when there is none.
char *smelt_os_cache_directory(void);
uint64_t smelt_os_time_ns(void);    // monotonic
uint32_t smelt_os_processors(void); // online; at least 1

// --- Between objects ------------------------------------------------------------------------------------

smelt_context smelt_tensor_context(smelt_tensor tensor);
smelt_context smelt_heap_context(smelt_heap heap);
// The bits of `value` in a valid type, rounded once as dtype.h says.
uint32_t smelt_dtype_encode(enum smelt_dtype dtype, double value);
// A view that only binds: an opaque device-optimal matrix (weights.c). Owned by the caller.
enum smelt_result smelt_tensor_create_opaque(smelt_context context, enum smelt_dtype dtype, uint32_t rows,
                                             uint32_t columns, VkBuffer buffer, uint64_t offset,
                                             uint64_t size, VkDeviceAddress address, const char *name,
                                             smelt_tensor *tensor);
// A tensor is being destroyed: encoders in the checking mode that use it take note (encoder.c).
void smelt_encoders_tensor_destroyed(smelt_tensor tensor);
// Frees encoders that were destroyed while the GPU ran their recordings; `wait`: all of them, after waiting.
void smelt_encoders_reap(smelt_context context, bool wait);
// Frees context->kernels (kernels_cache.c).
void smelt_kernels_destroy(smelt_context context);
// The compiler build (probe.c) and its stand-in: which backends' extensions the GLSL compiler accepts, and as
// cooperative matrices which of bf16, f8e4m3, f8e5m2. Compiles once per process (about 100 ms for the compiler's own
// tables) unless `cache_directory` (NULL: none) has the answer for this compiler.
void smelt_compiler_probe(const char *cache_directory, bool backends[SMELT_BACKEND_COUNT],
                          bool dtypes[SMELT_DTYPE_COUNT]);

#endif
