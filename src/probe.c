// SPDX-License-Identifier: MIT
// The process's GLSL compiler, and which backends' extensions and which narrow types it accepts: found out by compiling,
// once.
#include "shader_internal.h"

#include <shaderc/shaderc.h>
#include <string.h>

// Never released: glslang's built-in tables (some 80 ms to make) live as long as any compiler does. Compiles only
// read it, so threads share it.
static shaderc_compiler_t compiler;

static void make_compiler(void)
{
    compiler = shaderc_compiler_initialize();
}

struct shaderc_compiler *smelt_glsl_compiler(void)
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, make_compiler);
    return compiler;
}

// The smallest shader that uses what the backend's modules use.
static const char *const probes[SMELT_BACKEND_COUNT] = {
    [SMELT_BACKEND_PORTABLE] = "#version 460\n"
                               "#extension GL_EXT_buffer_reference : require\n"
                               "#extension GL_EXT_scalar_block_layout : require\n"
                               "#extension GL_EXT_shader_16bit_storage : require\n"
                               "#extension GL_EXT_shader_8bit_storage : require\n"
                               "#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require\n"
                               "void main() { float16_t x = float16_t(gl_WorkGroupID.x); x += x; }\n",
    [SMELT_BACKEND_DOT8] = "#version 460\n"
                           "#extension GL_EXT_integer_dot_product : require\n"
                           "void main() { int x = dotPacked4x8EXT(int(gl_WorkGroupID.x), 1); x += x; }\n",
    [SMELT_BACKEND_COOPVEC] =
        "#version 460\n"
        "#extension GL_NV_cooperative_vector : require\n"
        "#extension GL_EXT_shader_16bit_storage : require\n"
        "#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require\n"
        "layout(set = 0, binding = 0) buffer B { float16_t e[]; } b;\n"
        "void main() { coopvecNV<float16_t, 8> x, y; coopVecLoadNV(x, b.e, 0);\n"
        "coopVecMatMulAddNV(y, x, gl_ComponentTypeFloat16NV, b.e, 64, gl_ComponentTypeFloat16NV, b.e, 32,\n"
        "gl_ComponentTypeFloat16NV, 8, 8, gl_CooperativeVectorMatrixLayoutInferencingOptimalNV, false, 0);\n"
        "coopVecStoreNV(y, b.e, 0); }\n",
    [SMELT_BACKEND_COOPMAT] =
        "#version 460\n"
        "#extension GL_KHR_memory_scope_semantics : require\n"
        "#extension GL_KHR_cooperative_matrix : require\n"
        "layout(local_size_x = 32) in;\n"
        "void main() { coopmat<float, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator> x =\n"
        "coopmat<float, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator>(0.0); x += x; }\n",
    [SMELT_BACKEND_COOPMAT2] =
        "#version 460\n"
        "#extension GL_KHR_memory_scope_semantics : require\n"
        "#extension GL_KHR_cooperative_matrix : require\n"
        "#extension GL_NV_cooperative_matrix2 : require\n"
        "layout(local_size_x = 32) in;\n"
        "void main() { coopmat<float, gl_ScopeWorkgroup, 16, 16, gl_MatrixUseAccumulator> x =\n"
        "coopmat<float, gl_ScopeWorkgroup, 16, 16, gl_MatrixUseAccumulator>(0.0); x += x; }\n",
};

// Cooperative matrices of types that came later than f16 and integers, for COOPMAT and COOPMAT2.
#define TYPE_PROBE(extension, type)                                                                          \
    "#version 460\n"                                                                                         \
    "#extension GL_KHR_memory_scope_semantics : require\n"                                                   \
    "#extension GL_KHR_cooperative_matrix : require\n"                                                       \
    "#extension " extension " : require\n"                                                                   \
    "layout(local_size_x = 32) in;\n"                                                                        \
    "shared uvec4 s[64];\n"                                                                                  \
    "void main() { coopmat<" type ", gl_ScopeSubgroup, 16, 16, gl_MatrixUseA> x;\n"                          \
    "coopMatLoad(x, s, 0, 2, gl_CooperativeMatrixLayoutRowMajor);\n"                                         \
    "coopMatStore(x, s, 32, 2, gl_CooperativeMatrixLayoutRowMajor); }\n"

static const char *const type_probes[SMELT_DTYPE_COUNT] = {
    [SMELT_DTYPE_BF16] = TYPE_PROBE("GL_EXT_bfloat16", "bfloat16_t"),
    [SMELT_DTYPE_F8E4M3] = TYPE_PROBE("GL_EXT_float_e4m3", "floate4m3_t"),
    [SMELT_DTYPE_F8E5M2] = TYPE_PROBE("GL_EXT_float_e5m2", "floate5m2_t"),
};

static bool accepts(const char *source)
{
    shaderc_compile_options_t options = shaderc_compile_options_initialize();
    if (!smelt_glsl_compiler() || !options)
        return false;
    shaderc_compile_options_set_target_env(options, shaderc_target_env_vulkan,
                                           shaderc_env_version_vulkan_1_3);
    shaderc_compilation_result_t result = shaderc_compile_into_spv(
        smelt_glsl_compiler(), source, strlen(source), shaderc_compute_shader, "probe", "main", options);
    shaderc_compile_options_release(options);
    bool accepted =
        result && shaderc_result_get_compilation_status(result) == shaderc_compilation_status_success;
    if (result)
        shaderc_result_release(result);
    return accepted;
}

static mtx_t mutex;
static once_flag mutex_once = ONCE_FLAG_INIT;
static bool known; // guarded by `mutex`, as what follows
static uint8_t answers[SMELT_BACKEND_COUNT + SMELT_DTYPE_COUNT];

static const char *probe(size_t i)
{
    return i < SMELT_BACKEND_COUNT ? probes[i] : type_probes[i - SMELT_BACKEND_COUNT];
}

static void make_mutex(void)
{
    mtx_init(&mutex, mtx_plain);
}

static void find_out(const char *cache_directory)
{
    struct smelt_cache_key key;
    struct smelt_mapping mapping, payload;
    smelt_cache_key_start(&key);
    for (size_t i = 0; i < sizeof(answers); i++)
        if (probe(i))
            smelt_cache_key_add(&key, probe(i), strlen(probe(i)));
    if (cache_directory && smelt_cache_read(NULL, cache_directory, "probe", &key, &mapping, &payload)) {
        bool fits = payload.size == sizeof(answers);
        if (fits)
            memcpy(answers, payload.data, sizeof(answers));
        smelt_os_unmap_file(&mapping);
        if (fits)
            return;
    }
    for (size_t i = 0; i < sizeof(answers); i++)
        answers[i] = probe(i) && accepts(probe(i));
    if (cache_directory)
        smelt_cache_write(NULL, cache_directory, "probe", &key, answers, sizeof(answers));
}

void smelt_compiler_probe(const char *cache_directory, bool backends[SMELT_BACKEND_COUNT],
                          bool dtypes[SMELT_DTYPE_COUNT])
{
    call_once(&mutex_once, make_mutex);
    mtx_lock(&mutex);
    if (!known)
        find_out(cache_directory);
    known = true;
    for (int i = 0; i < SMELT_BACKEND_COUNT; i++)
        backends[i] = answers[i] != 0;
    for (int i = 0; i < SMELT_DTYPE_COUNT; i++)
        dtypes[i] = answers[SMELT_BACKEND_COUNT + i] != 0;
    mtx_unlock(&mutex);
}
