// SPDX-License-Identifier: MIT
// The inside of a shader, for the sources that make it: shader.c (life, use), compile.c with include.c, optimize.c,
// reflect.c and cache.c (from GLSL), bundle.c (from a file), reflection.c and spirv.c (plain data).
#ifndef SMELT_SHADER_INTERNAL_H
#define SMELT_SHADER_INTERNAL_H

#include "json.h"

struct smelt_shader_t {
    smelt_context context;         // NULL: for no particular device
    struct smelt_shader_info info; // owned with everything it points to
    mtx_t mutex;                   // guards `module`
    VkShaderModule module;         // made when first asked for
};

// --- Shader objects (shader.c) ------------------------------------------------------------------------

// Makes the object. Takes `info` over, also when it fails.
enum smelt_result smelt_shader_wrap(smelt_context context, struct smelt_shader_info *info,
                                    smelt_shader *shader);
void smelt_shader_info_free(struct smelt_shader_info *info);
// "vertex", "fragment", ...; NULL for what a shader cannot be.
const char *smelt_stage_name(VkShaderStageFlags stage);
VkShaderStageFlagBits smelt_stage_from_name(const char *name); // 0 when there is no such name

// What a shader's pipeline must have, filled in from what its ops want.
void smelt_shader_require(struct smelt_shader_info *info, uint32_t subgroup_size,
                          VkPipelineShaderStageCreateFlags flags);

// A compute pipeline in a layout that smelt_shader_create_compute_pipeline made for the shader.
enum smelt_result smelt_shader_create_pipeline_in(smelt_shader shader,
                                                  const VkSpecializationInfo *specialization,
                                                  VkPipelineLayout layout, VkPipeline *pipeline);

// --- Compiling (compile.c, compile_none.c) ------------------------------------------------------------

// Compiles, or finds in the cache. `info` is the caller's to free.
enum smelt_result smelt_compile(smelt_context context, const struct smelt_shader_params *params,
                                struct smelt_shader_info *info);

// The process's compiler (probe.c); NULL when out of memory.
struct shaderc_compiler *smelt_glsl_compiler(void);

// --- Optimizing (optimize.c) --------------------------------------------------------------------------

// Valid words made faster: `made` is the caller's to free. False: this build has no optimizer for SPIR-V, or it failed (logged).
bool smelt_spirv_optimize(smelt_context context, const char *name, const uint32_t *words, size_t count,
                          bool debug_info, uint32_t **made, size_t *made_size);

// --- Plain data (reflection.c, spirv.c) ---------------------------------------------------------------

void smelt_reflection_free(struct smelt_reflection *reflection); // and all it points to; NULL is accepted
void smelt_reflection_write(const struct smelt_reflection *reflection, struct smelt_text *json);
// Errors: FORMAT (the member of the JSON, wanted and got), OUT_OF_HOST_MEMORY.
enum smelt_result smelt_reflection_read(const struct smelt_json *json, struct smelt_reflection **reflection);

// Magic number, version, instruction lengths.
bool smelt_spirv_is_valid(const uint32_t *words, size_t count);
// The best backend whose instructions the valid module declares.
enum smelt_backend smelt_spirv_backend(const uint32_t *words, size_t count);
// 1 + the constant_id of each dimension of the workgroup's size; 0: a literal. For valid words.
void smelt_spirv_local_size_ids(const uint32_t *words, size_t count, uint32_t ids[3]);
// Constants of 8 or 16 bit integers without Int8 or Int16, which storage alone does not allow: spirv-opt of Debian 13
// folds conversions of literals to such (SPIR-V 1.6, section 2.16.1, "Universal Validation Rules"). For valid words.
bool smelt_spirv_has_undeclared_constants(const uint32_t *words, size_t count);

// --- Reflection of SPIR-V (reflect.c) -----------------------------------------------------------------

// Of an unoptimised module without cooperative types. Errors: COMPILE.
enum smelt_result smelt_reflect(smelt_context context, const char *name, const uint32_t *words, size_t count,
                                struct smelt_reflection **reflection);

// --- Includes (include.c) -----------------------------------------------------------------------------

// What a compile looked at beside its own text.
enum smelt_source_kind {
    SMELT_SOURCE_FILE = 0,   // read
    SMELT_SOURCE_ABSENT = 1, // looked for in vain: it would come first if it existed
    SMELT_SOURCE_MODULE = 2, // of the library
};
struct smelt_source {
    enum smelt_source_kind kind;
    char *name;    // path, or the module's name
    uint64_t hash; // of the contents
};
struct smelt_sources {
    struct smelt_source *list;
    uint32_t count, capacity;
    bool failed; // out of memory
};
// Adds one unless it is there.
void smelt_sources_add(struct smelt_sources *sources, enum smelt_source_kind kind, const char *name,
                       const void *data, size_t size);
void smelt_sources_free(struct smelt_sources *sources);

// The user pointer of the include callbacks.
struct smelt_includer {
    smelt_context context; // for its module_directory
    const struct smelt_shader_params *params;
    char *const *op_texts; // one for each op of params
    struct smelt_sources *sources;
};
struct shaderc_include_result;
struct shaderc_include_result *smelt_include_resolve(void *includer, const char *name, int type,
                                                     const char *from, size_t depth);
void smelt_include_release(void *includer, struct shaderc_include_result *result);
const struct smelt_embedded *smelt_find_module(const char *name);

// --- Cache on disk (cache.c) --------------------------------------------------------------------------

// Changes when the shared library that `function` is in is replaced (os_library.c); 0 when it is in the same file
// as libsmelt.
uint64_t smelt_os_library_stamp(void (*function)(void));

struct smelt_cache_key {
    uint64_t hash[2];
};
void smelt_cache_key_start(struct smelt_cache_key *key); // with the versions of smelt and of its compiler
void smelt_cache_key_add(struct smelt_cache_key *key, const void *bytes, size_t size);
// Entries of any content. A damaged one counts as absent. `payload` points into `mapping`.
bool smelt_cache_read(smelt_context context, const char *directory, const char *kind,
                      const struct smelt_cache_key *key, struct smelt_mapping *mapping,
                      struct smelt_mapping *payload);
// A cache that cannot be written is a warning.
void smelt_cache_write(smelt_context context, const char *directory, const char *kind,
                       const struct smelt_cache_key *key, const void *payload, size_t size);
// A shader with its sources; false when absent or when one of them has changed.
bool smelt_cache_load_shader(smelt_context context, const struct smelt_cache_key *key,
                             struct smelt_shader_info *info);
void smelt_cache_store_shader(smelt_context context, const struct smelt_cache_key *key,
                              const struct smelt_sources *sources, const struct smelt_shader_info *info);
// Dependencies of `info` from sources: the files that were read.
enum smelt_result smelt_info_set_dependencies(smelt_context context, const struct smelt_sources *sources,
                                              struct smelt_shader_info *info);

#endif
