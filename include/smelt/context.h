// SPDX-License-Identifier: MIT
// The device smelt works on: borrowed from the caller or made by smelt; what it can do; which backend an op
// takes on it and why.
//
// Thread-safety: a context may be used by any number of threads at once. Objects made from it have their own
// rules.
#ifndef SMELT_CONTEXT_H
#define SMELT_CONTEXT_H

#include "common.h"
#include "dtype.h"
#include <vulkan/vulkan_core.h>

SMELT_BEGIN

typedef struct smelt_context_t *smelt_context;
typedef struct smelt_encoder_t *smelt_encoder; // encoder.h; what smelt_encode_... calls record into

// How an op instance is computed. The values are shared with GLSL (glsl/smelt/base.glsl) and with files.
enum smelt_backend {
    SMELT_BACKEND_AUTO = 0,     // as a request: the best that the device and the GLSL compiler both support
    SMELT_BACKEND_PORTABLE = 1, // plain arithmetic in f16 or f32, on every Vulkan 1.3 device
    SMELT_BACKEND_DOT8 = 2,     // VK_KHR_shader_integer_dot_product
    SMELT_BACKEND_COOPVEC = 3,  // VK_NV_cooperative_vector: THREAD scope, every stage
    SMELT_BACKEND_COOPMAT = 4,  // VK_KHR_cooperative_matrix: SUBGROUP and WORKGROUP scope, compute
    SMELT_BACKEND_COOPMAT2 = 5, // VK_NV_cooperative_matrix2: SUBGROUP and WORKGROUP scope, compute
    SMELT_BACKEND_COUNT = 6,
};

// "auto", "portable", "dot8", "coopvec", "coopmat", "coopmat2"; "invalid" otherwise. Static storage.
SMELT_API const char *smelt_backend_name(enum smelt_backend backend);

// The inverse; SMELT_BACKEND_COUNT when there is no such name.
SMELT_API enum smelt_backend smelt_backend_from_name(const char *name);

// The invocations that carry out an op together (Metal: execution_thread, execution_simdgroup(s)).
enum smelt_scope {
    SMELT_SCOPE_THREAD = 0,
    SMELT_SCOPE_SUBGROUP = 1,
    SMELT_SCOPE_WORKGROUP = 2,
};

enum smelt_op_kind {
    SMELT_OP_MATMUL2D = 0,
    SMELT_OP_MLP = 1, // a chain of matmul2d with bias and activation
    SMELT_OP_CONVOLUTION2D = 2,
    SMELT_OP_REDUCTION = 3, // this and the next three: reduce.h
    SMELT_OP_SOFTMAX = 4,
    SMELT_OP_LAYER_NORM = 5,
    SMELT_OP_RMS_NORM = 6,
    SMELT_OP_COUNT = 7,
};

// What the memory of a context is used for; see smelt_context_memory.
enum smelt_memory_purpose {
    SMELT_MEMORY_TENSOR = 0,
    SMELT_MEMORY_HEAP = 1,
    SMELT_MEMORY_WEIGHTS = 2,
    SMELT_MEMORY_TEXTURE = 3,
    SMELT_MEMORY_ARGUMENTS = 4,
    SMELT_MEMORY_STAGING = 5,
    SMELT_MEMORY_PURPOSE_COUNT = 6,
};

struct smelt_context_params {
    // --- A borrowed device: set all of instance, physical_device, device and queue, or none of them. They
    // must outlive the context. Needs what smelt_feature_list marks as required; refuses with the missing
    // names.
    PFN_vkGetInstanceProcAddr get_instance_proc_addr; // NULL: the system's Vulkan loader is opened
    VkInstance instance;
    VkPhysicalDevice physical_device;
    VkDevice device;
    VkQueue queue;         // with compute and transfer; used only by calls whose name says that they wait
    uint32_t queue_family; // of `queue`
    // What was given to vkCreateDevice: nothing that is not listed here is used. (VK_EXT_debug_utils is of
    // the instance: names and labels are given when the instance has its entry points.)
    const VkPhysicalDeviceFeatures2 *enabled_features;
    const char *const *enabled_extensions;
    uint32_t enabled_extension_count;
    const VkAllocationCallbacks *allocation_callbacks; // borrowed; NULL: the driver's own
    VkPipelineCache pipeline_cache;                    // borrowed; null: one of smelt's, kept on disk
    // Called around every queue submission smelt makes. NULL: the caller submits from no other thread.
    void (*queue_lock)(void *user);
    void (*queue_unlock)(void *user);
    void *queue_user;

    // --- A device of smelt's own, when `device` above is null.
    // An index ("0"), a type ("discrete", "integrated", "virtual", "cpu", "gpu": any but cpu), or a part of
    // the name in any case. NULL: the environment variable SMELT_DEVICE, else the first discrete, integrated,
    // virtual, cpu device, in this order.
    const char *device_name;
    bool validation; // VK_LAYER_KHRONOS_validation with synchronization checks; messages go to the log.
                     // SMELT_ERROR_UNSUPPORTED when the layer is not installed

    // --- Both.
    const char *cache_directory;   // compiled shaders and pipelines. NULL: $XDG_CACHE_HOME/smelt (or
                                   // ~/.cache/smelt); "": no disk cache
    uint64_t cache_size;           // bytes that it may hold; what was not used for longest goes first. 0: the
                                   // environment variable SMELT_CACHE_SIZE, in MiB, else 256 MiB
    const char *module_directory;  // GLSL modules are read from DIR/smelt/... instead of the library. NULL:
                                   // the environment variable SMELT_MODULES, else the library
    enum smelt_backend backend;    // force it for every op that is AUTO. AUTO: the environment variable
                                   // SMELT_BACKEND, else free choice
    bool ignore_known_bad_drivers; // see smelt_capabilities.known_bad
    uint64_t memory_budget;        // bytes of device memory that smelt may allocate; 0: no limit
    smelt_log_fn log;              // NULL: silent
    void *log_user;
    enum smelt_log_level log_level; // lines above this level are dropped
};

// Makes a context. NULL params: a device of smelt's own with every default.
// Errors: NO_DEVICE (no loader, no driver, nothing matches: the message lists what was found), UNSUPPORTED
// (a required feature is missing; named), INVALID_ARGUMENT (a borrowed device given in part), VULKAN.
SMELT_API enum smelt_result smelt_context_create(const struct smelt_context_params *params,
                                                 smelt_context *context);

// Every object made from the context must have been destroyed. Saves smelt's pipeline cache to disk.
SMELT_API void smelt_context_destroy(smelt_context *context);

// The handles in use, borrowed or own. `get_instance_proc_addr` is never NULL.
struct smelt_context_handles {
    PFN_vkGetInstanceProcAddr get_instance_proc_addr;
    PFN_vkGetDeviceProcAddr get_device_proc_addr;
    VkInstance instance;
    VkPhysicalDevice physical_device;
    VkDevice device;
    VkQueue queue;
    uint32_t queue_family;
    VkPipelineCache pipeline_cache;
};
SMELT_API struct smelt_context_handles smelt_context_handles(smelt_context context);

// Number of messages of severity warning or error that the validation layer gave so far; 0 without
// validation.
SMELT_API uint32_t smelt_context_validation_messages(smelt_context context);

// --- Before the caller makes its device --------------------------------------------------------------

// What smelt would like enabled on a device: only what that device has, so it can be passed on as it is.
struct smelt_feature_list {
    const VkPhysicalDeviceFeatures2 *features; // a whole pNext chain, for VkDeviceCreateInfo.pNext (with
                                               // pEnabledFeatures NULL)
    const char *const *extensions;
    uint32_t extension_count;
    // names of *required* features and versions that the device lacks, separated by ", "; "" when smelt can run on it
    const char *missing;
};

// Errors: VULKAN, INVALID_ARGUMENT, OUT_OF_HOST_MEMORY. `instance` needs API version 1.3. Free with
// smelt_feature_list_destroy.
SMELT_API enum smelt_result smelt_feature_list_create(PFN_vkGetInstanceProcAddr get_instance_proc_addr,
                                                      VkInstance instance, VkPhysicalDevice physical_device,
                                                      const struct smelt_feature_list **list);
SMELT_API void smelt_feature_list_destroy(const struct smelt_feature_list **list);

// Joins the list with features the caller has chosen: every feature of the list that belongs to a struct
// already in the chain is switched on there; structs that are absent are appended (they point into the list,
// which must live until vkCreateDevice has returned). No struct type appears twice afterwards: a
// VkPhysicalDeviceVulkan12Features in the caller's chain also takes the place of the structs it subsumes.
// A list serves one chain at a time.
SMELT_API void smelt_feature_list_apply(const struct smelt_feature_list *list,
                                        VkPhysicalDeviceFeatures2 *features);

// --- What a device can do ---------------------------------------------------------------------------

// A product that the device's cooperative matrices do: an m x k matrix of `a` by a k x n one of `b`, added to one of
// `c`, gives one of `result`. A type that smelt has no name for is NONE. Of flexible size (VK_NV_cooperative_matrix2):
// m, n and k are any multiples of these.
struct smelt_cooperative_matrix {
    uint32_t m, n, k;
    enum smelt_dtype a, b, c, result;
    enum smelt_scope scope;
    uint32_t invocations; // of the workgroup, for a product of flexible size of WORKGROUP scope; else 0
    bool saturating;
};

struct smelt_capabilities {
    char device_name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
    char driver_name[VK_MAX_DRIVER_NAME_SIZE];
    char driver_info[VK_MAX_DRIVER_INFO_SIZE];
    VkPhysicalDeviceType device_type;
    uint32_t vendor_id, device_id, driver_version, api_version;
    uint8_t device_uuid[VK_UUID_SIZE];
    uint32_t subgroup_size, min_subgroup_size, max_subgroup_size;
    bool subgroup_size_control, full_subgroups;
    uint32_t max_push_constants_size, max_shared_memory_size;
    uint32_t max_workgroup_invocations, max_workgroup_size[3], max_workgroup_count[3];
    uint64_t max_buffer_size;
    float timestamp_period; // ns per tick; 0 when the queue has no timestamps
    bool shader_float16, shader_int8, shader_int16, shader_int64;
    bool integer_dot_product;
    bool bfloat16, float8;         // as shader types; storage in these types always works
    bool sampled_image_nonuniform; // runtime arrays of textures with non-uniform indices
    bool cooperative_vector, cooperative_vector_training;
    VkShaderStageFlags cooperative_vector_stages;
    uint32_t max_cooperative_vector_components;
    bool cooperative_matrix;
    VkShaderStageFlags cooperative_matrix_stages;
    struct smelt_cooperative_matrix cooperative_matrices[64]; // as the driver lists them
    uint32_t cooperative_matrix_count;
    bool cooperative_matrix2_workgroup_scope, cooperative_matrix2_flexible_dimensions,
        cooperative_matrix2_reductions, cooperative_matrix2_conversions, cooperative_matrix2_per_element,
        cooperative_matrix2_tensor_addressing, cooperative_matrix2_block_loads;
    // 0 without VK_NV_cooperative_matrix2; the last in bytes, of a workgroup with matrices of its own
    uint32_t cooperative_matrix2_max_dimension, cooperative_matrix2_max_workgroup_size,
        cooperative_matrix2_reserved_shared_memory;
    struct smelt_cooperative_matrix flexible_matrices[64]; // of flexible size, as the driver lists them
    uint32_t flexible_matrix_count;
    bool pipeline_statistics; // VK_KHR_pipeline_executable_properties
    bool debug_utils;         // names and labels have an effect
    bool compiler;            // this build has the GLSL compiler (-Dcompiler)
    // Which backends' GLSL extensions this build's compiler accepts, probed by compiling; all false without
    // it.
    bool compiler_backends[SMELT_BACKEND_COUNT];
    // the same of bf16, f8e4m3 and f8e5m2 as types of cooperative matrices
    bool compiler_dtypes[SMELT_DTYPE_COUNT];
    const char *known_bad; // reason why a feature of this driver version is not used, or NULL
};

// Valid as long as the context.
SMELT_API const struct smelt_capabilities *smelt_context_capabilities(smelt_context context);

// The physical devices of the system, without making a context. `count` in: room in `devices`, out: how many
// exist. `devices` may be NULL to ask for the count. Errors: NO_DEVICE when there is no loader or no driver.
struct smelt_device_summary {
    char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
    VkPhysicalDeviceType type;
    uint32_t api_version;
    bool usable;       // smelt can make a context on it
    char missing[512]; // why not
};
SMELT_API enum smelt_result smelt_device_list(uint32_t *count, struct smelt_device_summary *devices);

// "discrete", "integrated", "virtual", "cpu" or "other". Static storage.
SMELT_API const char *smelt_device_type_name(VkPhysicalDeviceType type);

// --- Backend choice ---------------------------------------------------------------------------------

struct smelt_backend_query {
    enum smelt_op_kind op;
    enum smelt_scope scope;
    VkShaderStageFlagBits stage; // 0: compute
    enum smelt_dtype stored;     // of the weights (matmul2d: the right operand). NONE: f16
    // Of the products, holding every stored value exactly: f16 or f32; matmul2d of SUBGROUP and WORKGROUP scope: or
    // bf16, f8e4m3, f8e5m2 as stored. NONE: there bf16 if stored is; f16 where the device has it and it does, else f32
    enum smelt_dtype computed;
    // of the sums: f16 or f32; f32 with computed f32 or bf16. NONE: f16 with f16, else f32
    enum smelt_dtype accumulated;
    enum smelt_backend backend; // a request; AUTO: the context's
    bool precompiled; // SPIR-V comes from a bundle: the GLSL compiler's abilities do not matter, as in a
                      // build without compiler, where this is always so
};

struct smelt_backend_choice {
    enum smelt_backend backend;
    enum smelt_dtype computed, accumulated;
    bool eligible[SMELT_BACKEND_COUNT];
    char reason[SMELT_BACKEND_COUNT][160]; // why a backend is not eligible; "" when it is
};

// Chooses the backend for an op. `context` may be NULL: then nothing is known of a device, every backend that
// the compiler (in a build without one: the modules) can do is eligible, and AUTO means PORTABLE.
// Errors: UNSUPPORTED when a requested backend is not eligible (the message is its reason; the choice is
// filled nevertheless), INVALID_ARGUMENT, DTYPE. Thread-safe.
SMELT_API enum smelt_result smelt_backend_choose(smelt_context context,
                                                 const struct smelt_backend_query *query,
                                                 struct smelt_backend_choice *choice);

// Marks a backend as giving wrong numbers on this device (smelt_selftest_and_wait does it): it is refused
// from now on with this reason (NULL: a general one). Errors: INVALID_ARGUMENT for PORTABLE, which cannot be
// demoted, and for what is no backend. Thread-safe.
SMELT_API enum smelt_result smelt_backend_demote(smelt_context context, enum smelt_backend backend,
                                                 const char *reason);

// --- Memory, names, labels --------------------------------------------------------------------------

struct smelt_memory_report {
    uint64_t bytes[SMELT_MEMORY_PURPOSE_COUNT]; // allocated now
    uint64_t total, peak, budget;
};
SMELT_API struct smelt_memory_report smelt_context_memory(smelt_context context);
SMELT_API const char *smelt_memory_purpose_name(enum smelt_memory_purpose purpose);

// Gives a Vulkan object a name for debuggers; without VK_EXT_debug_utils it does nothing.
SMELT_API void smelt_set_debug_name(smelt_context context, VkObjectType type, uint64_t object,
                                    const char *name);

// Opens and closes a labelled region of a command buffer; without VK_EXT_debug_utils they do nothing.
SMELT_API void smelt_begin_label(smelt_context context, VkCommandBuffer commands, const char *name);
SMELT_API void smelt_end_label(smelt_context context, VkCommandBuffer commands);

SMELT_END

#endif
