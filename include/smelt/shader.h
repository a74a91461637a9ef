// SPDX-License-Identifier: MIT
// Shaders: GLSL with smelt's modules to SPIR-V, its reflection, and bundles of precompiled variants.
//
// Compiling needs a build with -Dcompiler=enabled; a build without it loads bundles and is otherwise
// complete.
#ifndef SMELT_SHADER_H
#define SMELT_SHADER_H

#include "ops.h"

SMELT_BEGIN

// --- Reflection -------------------------------------------------------------------------------------

// The layout of tensors in an argument block (scalar layout): a 64-bit address, then `rank` uint32 extents,
// then `rank` uint32 strides in elements. A bundle made for another version is refused.
#define SMELT_ARGUMENT_BLOCK_VERSION 1

enum smelt_access {
    SMELT_ACCESS_READ_WRITE = 0, // also when undeclared
    SMELT_ACCESS_READ = 1,
    SMELT_ACCESS_WRITE = 2,
};

enum smelt_member_kind {
    SMELT_MEMBER_TENSOR = 0,
    SMELT_MEMBER_CONSTANT = 1, // a scalar, vector, matrix, or array of them
    SMELT_MEMBER_ADDRESS = 2,  // a 64-bit address of another block or of raw memory
};

struct smelt_member {
    // nested structs by dots, array elements by index: "net.layer0.weight", "light[2].color"
    const char *name;
    enum smelt_member_kind kind;
    uint32_t offset, size; // bytes in the block
    // Tensors, decoded from the struct's name (glsl/smelt/tensor_tmpl.glsl):
    enum smelt_dtype dtype; // constants: of one component (f32, f16, i32, u32, ...; bool: u32); 64-bit: NONE
    uint32_t rank;
    uint32_t shape[SMELT_TENSOR_MAX_RANK]; // 0: known at run time only
    // 1 + constant_id where an extent is a specialization constant (shape is 0): a tensor must have the extent that the
    // pipeline's constant says, unless that is 0. 0: it is none.
    uint32_t shape_constant[SMELT_TENSOR_MAX_RANK];
    enum smelt_access access;
    // Constants: components of a vector, columns of a matrix, elements of an array (1 each when not one), and
    // the array's stride in bytes.
    uint32_t vector_size, columns, array_count, array_stride;
};

struct smelt_block {
    const char *name; // of the GLSL block type
    uint32_t size, alignment;
    // Not listed: runtime arrays of structs, tensors or addresses, and those of more than 4096 entries: they are
    // buffers of records rather than arguments with names.
    const struct smelt_member *members;
    uint32_t member_count;
};

struct smelt_binding {
    const char *name; // of the variable; of the block type when the block has no instance name
    uint32_t set, binding;
    VkDescriptorType type;
    uint32_t count; // array elements; 0: a runtime array
    enum smelt_access access;
};

struct smelt_specialization {
    const char *name;
    uint32_t id, size;
    uint64_t default_bits;
};

struct smelt_reflection {
    const struct smelt_block *blocks; // argument blocks: every buffer_reference block but tensors' own data
    uint32_t block_count;
    // member_count 0: none. A 64-bit member that points to a block is ADDRESS
    struct smelt_block push_constants;
    // per push constant member: the block's name it points to, or NULL
    const char *const *push_constant_targets;
    const struct smelt_binding *bindings;
    uint32_t binding_count;
    const struct smelt_specialization *specializations;
    uint32_t specialization_count;
    uint32_t local_size[3]; // 0 outside compute
};

// --- Compiling --------------------------------------------------------------------------------------

typedef struct smelt_shader_t *smelt_shader;

struct smelt_define {
    const char *name, *value; // value NULL: empty
};

// A file that exists only for this compile: #include "name" finds it before any directory. Generated material
// functions come in this way.
struct smelt_virtual_file {
    const char *name, *text;
};

enum smelt_optimization {
    SMELT_OPTIMIZATION_DEFAULT = 0, // performance
    SMELT_OPTIMIZATION_NONE = 1,
    SMELT_OPTIMIZATION_SIZE = 2,
};

// The source begins with #version 450 or 460, core profile.
struct smelt_shader_params {
    const char *path;   // of the source; or NULL with:
    const char *source; // text (with `path` too: `path` is only its name in messages)
    // 0: by the extension of path (.vert .frag .comp .geom .tesc .tese .mesh .task)
    VkShaderStageFlagBits stage;
    const struct smelt_define *defines;
    uint32_t define_count;
    const char *const *include_directories; // after the source's own directory, before the modules
    uint32_t include_directory_count;
    const struct smelt_virtual_file *files;
    uint32_t file_count;
    const struct smelt_op *ops; // served as "smelt/op/NAME.glsl"
    uint32_t op_count;
    enum smelt_backend backend; // of ops that are AUTO, and of the macro SMELT_BACKEND_DEFAULT. AUTO: per op
    enum smelt_optimization optimization;
    bool debug_info; // source lines for debuggers
    bool no_cache;   // neither look up nor keep in the disk cache
};

// Compiles, or finds in the cache. The macros SMELT_BACKENDS (the set of backends in use) and
// SMELT_BACKEND_DEFAULT are defined for the source. `context` NULL: for no particular device (see
// smelt_backend_choose), without cache.
// Errors: COMPILE (every compiler message, each "file:line: error: ..." of the user's source), NOT_FOUND
// (path), UNSUPPORTED (build without compiler; op or backend), INVALID_ARGUMENT (also a local size, as declared or by
// default of its constants, that does not fit an op of SUBGROUP or WORKGROUP scope, and ops that want different
// subgroup sizes). Thread-safe.
SMELT_API enum smelt_result
smelt_shader_create(smelt_context context, const struct smelt_shader_params *params, smelt_shader *shader);
SMELT_API void smelt_shader_destroy(smelt_shader *shader);

struct smelt_shader_info {
    const uint32_t *spirv;
    size_t spirv_size; // bytes
    VkShaderStageFlagBits stage;
    enum smelt_backend backend; // the best one in use in it
    const struct smelt_reflection *reflection;
    const char *const *dependencies; // files that were read; the library's own modules are none
    uint32_t dependency_count;
    bool from_cache;
    const char *name; // path or name of the source
    // What the pipeline must have for the ops in it: chain `subgroup_size` into VkPipelineShaderStageCreateInfo unless its
    // requiredSubgroupSize is 0, and set the flags. smelt_shader_create_compute_pipeline does both.
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup_size;
    VkPipelineShaderStageCreateFlags stage_flags;
};
// Valid as long as the shader.
SMELT_API const struct smelt_shader_info *smelt_shader_info(smelt_shader shader);

// The Vulkan module, made at the first call and owned by the shader. Errors: INVALID_ARGUMENT (the shader was made without
// a context), VULKAN. Thread-safe.
SMELT_API enum smelt_result smelt_shader_module(smelt_shader shader, VkShaderModule *module);

// A block of the reflection by its type name; NULL name: the only block. NULL when there is no such block (or
// more than one to choose from).
SMELT_API const struct smelt_block *smelt_shader_block(smelt_shader shader, const char *name);

// A compute pipeline with a layout made from the reflection: descriptor set layouts are `set_layouts` (may be
// NULL when the shader has no bindings), the push constant range is the shader's. For the caller's own
// pipelines use smelt_shader_module. The caller destroys both with the device. `specialization` may be NULL. The
// pipeline has the subgroup size and the flags of smelt_shader_info. Errors: INVALID_ARGUMENT (no compute shader),
// OUT_OF_HOST_MEMORY, VULKAN. Thread-safe.
SMELT_API enum smelt_result
smelt_shader_create_compute_pipeline(smelt_shader shader, const VkDescriptorSetLayout *set_layouts,
                                     uint32_t set_layout_count, const VkSpecializationInfo *specialization,
                                     VkPipelineLayout *layout, VkPipeline *pipeline);

// --- Bundles: one file with a SPIR-V per backend, made ahead of time ---------------------------------
//
// A bundle is a safetensors file: the variants are U32 tensors named by backend, the reflection is JSON under
// the metadata key "smelt" (docs/packages.md).

// Compiles `params` (its `backend` is not used) once per backend that its ops and the compiler can do (all of
// `backends`, a mask of 1 << SMELT_BACKEND_x; 0: all; PORTABLE is always in it) and writes the bundle (to a temporary
// name, then renamed). `skipped`, when not NULL, receives the mask of backends asked for by bit but not possible.
// PORTABLE must compile. A bundle is made for no particular device: ops of SUBGROUP and WORKGROUP scope are laid out as
// smelt_op_query does it without a context, and a variant is taken only on a device that has its subgroup size, its
// matrices, its invocations and its shared memory.
// Errors as smelt_shader_create, and IO.
SMELT_API enum smelt_result smelt_bundle_write(const struct smelt_shader_params *params, uint32_t backends,
                                               const char *path, uint32_t *skipped);

// Picks the best variant that the device supports (`backend` AUTO) or a certain one.
// Errors: NOT_FOUND, FORMAT, VERSION, UNSUPPORTED (names the variants there are), IO. Thread-safe.
SMELT_API enum smelt_result smelt_shader_create_from_bundle(smelt_context context, const char *path,
                                                            enum smelt_backend backend, smelt_shader *shader);
// The same from memory, which may be freed after the call. Errors: FORMAT, VERSION, UNSUPPORTED.
SMELT_API enum smelt_result smelt_shader_create_from_bundle_memory(smelt_context context, const void *data,
                                                                   size_t size, enum smelt_backend backend,
                                                                   smelt_shader *shader);

// The modules of the library, as they are embedded: `index` from 0 until NULL is returned. `name` receives
// the name for #include. Static storage.
SMELT_API const char *smelt_module_text(uint32_t index, const char **name);

SMELT_END

#endif
