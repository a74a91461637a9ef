// SPDX-License-Identifier: MIT
// GLSL to SPIR-V by libshaderc: once as asked for, and where that is not PORTABLE once more as the PORTABLE twin that reflection
// reads; then the optimizer.
#include "ops_internal.h"
#include "shader_internal.h"

#include <shaderc/shaderc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SOURCE_SIZE (64u << 20) // glslang counts in int

// One shader on its way.
struct job {
    smelt_context context;
    const struct smelt_shader_params *params;
    const char *name; // in messages
    const char *text; // not NUL-terminated when mapped
    size_t size;
    struct smelt_mapping mapping;
    VkShaderStageFlagBits stage;
    shaderc_shader_kind kind;
    uint32_t backends; // the set in use, 1 << backend
    uint32_t dtypes;   // native ones that the compiler knows, 1 << dtype
    enum smelt_backend default_backend;
    char **op_texts, **twin_texts; // params->op_count of each
    struct smelt_op_info *op_infos;
    enum smelt_scope *op_scopes;
    struct smelt_sources sources;
};

// What the compiler is run for.
enum purpose { UNOPTIMIZED, OPTIMIZED, TWIN };

static const struct {
    const char *extension;
    VkShaderStageFlagBits stage;
    shaderc_shader_kind kind;
} stages[] = {
    {".vert", VK_SHADER_STAGE_VERTEX_BIT, shaderc_vertex_shader},
    {".frag", VK_SHADER_STAGE_FRAGMENT_BIT, shaderc_fragment_shader},
    {".comp", VK_SHADER_STAGE_COMPUTE_BIT, shaderc_compute_shader},
    {".geom", VK_SHADER_STAGE_GEOMETRY_BIT, shaderc_geometry_shader},
    {".tesc", VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT, shaderc_tess_control_shader},
    {".tese", VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT, shaderc_tess_evaluation_shader},
    {".mesh", VK_SHADER_STAGE_MESH_BIT_EXT, shaderc_mesh_shader},
    {".task", VK_SHADER_STAGE_TASK_BIT_EXT, shaderc_task_shader},
};

// --- Checks -----------------------------------------------------------------------------------------------

static enum smelt_result bad(const struct job *job, const char *what, const char *got)
{
    return smelt_fail(job->context, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s%s%s", job->name, what,
                      got ? ", got " : "", got ? got : "");
}

static bool is_identifier(const char *name)
{
    static const char *const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return *name && (*name < '0' || *name > '9') && !name[strspn(name, characters)];
}

static enum smelt_result check_lists(const struct job *job)
{
    const struct smelt_shader_params *p = job->params;
    if ((p->define_count && !p->defines) || (p->include_directory_count && !p->include_directories) ||
        (p->file_count && !p->files) || (p->op_count && !p->ops))
        return bad(job,
                   "wanted every list that has a count, got NULL for one of defines, include_directories, "
                   "files, ops",
                   NULL);
    for (uint32_t i = 0; i < p->define_count; i++) {
        const char *name = p->defines[i].name;
        if (!name || !is_identifier(name))
            return bad(job, "wanted an identifier as the name of a define", name ? name : "NULL");
        if (!strcmp(name, "SMELT_BACKENDS") || !strcmp(name, "SMELT_BACKEND_DEFAULT") ||
            !strcmp(name, "SMELT_NATIVE_DTYPES"))
            return bad(job, "a define has a name that smelt defines itself (see smelt_shader_params.backend)",
                       name);
    }
    for (uint32_t i = 0; i < p->include_directory_count; i++)
        if (!p->include_directories[i])
            return bad(job, "wanted a path for every include directory", "NULL");
    for (uint32_t i = 0; i < p->file_count; i++)
        if (!p->files[i].name || !p->files[i].text)
            return bad(job, "wanted a name and a text for every virtual file", "NULL");
    for (uint32_t i = 0; i < p->op_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (p->ops[i].name && p->ops[j].name && !strcmp(p->ops[i].name, p->ops[j].name))
                return bad(job, "wanted ops of different names, got two of one name", p->ops[i].name);
    return SMELT_OK;
}

static enum smelt_result find_stage(struct job *job)
{
    const struct smelt_shader_params *p = job->params;
    const char *dot = p->path ? strrchr(p->path, '.') : NULL;
    for (size_t i = 0; i < SMELT_COUNT_OF(stages); i++)
        if (p->stage ? p->stage == stages[i].stage : dot && !strcmp(dot, stages[i].extension)) {
            job->stage = stages[i].stage;
            job->kind = stages[i].kind;
            return SMELT_OK;
        }
    if (p->stage)
        return smelt_fail(
            job->context, SMELT_ERROR_INVALID_ARGUMENT,
            "%s: wanted one of the stages vertex, fragment, compute, geometry, tessellation control "
            "or evaluation, mesh, task; got 0x%x",
            job->name, (unsigned)p->stage);
    return bad(
        job,
        "cannot tell the stage: wanted a path that ends in .vert .frag .comp .geom .tesc .tese .mesh or "
        ".task, or smelt_shader_params.stage",
        p->path ? p->path : "a source without path");
}

static enum smelt_result check_params(struct job *job)
{
    const struct smelt_shader_params *p = job->params;
    if (!p->path && !p->source)
        return bad(job, "wanted a path or a source", "neither");
    if ((uint32_t)p->backend >= SMELT_BACKEND_COUNT)
        return smelt_fail(job->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: wanted a backend from 0 to %d, got %d", job->name, SMELT_BACKEND_COUNT - 1,
                          (int)p->backend);
    if ((uint32_t)p->optimization > SMELT_OPTIMIZATION_SIZE)
        return smelt_fail(job->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: wanted an optimization from 0 to %d, got %d", job->name,
                          SMELT_OPTIMIZATION_SIZE, (int)p->optimization);
    enum smelt_result result = find_stage(job);
    return result ? result : check_lists(job);
}

static enum smelt_result read_source(struct job *job)
{
    const struct smelt_shader_params *p = job->params;
    if (p->source) {
        job->text = p->source;
        job->size = strlen(p->source);
    } else {
        enum smelt_result result = smelt_os_map_file(job->context, p->path, &job->mapping);
        if (result)
            return result;
        job->text = job->mapping.size ? job->mapping.data : "";
        job->size = job->mapping.size;
        smelt_sources_add(&job->sources, SMELT_SOURCE_FILE, p->path, job->text, job->size);
    }
    if (job->size > MAX_SOURCE_SIZE)
        return smelt_fail(job->context, SMELT_ERROR_INVALID_ARGUMENT, "%s: wanted at most %u bytes, got %zu",
                          job->name, MAX_SOURCE_SIZE, job->size);
    return SMELT_OK;
}

// The length of the white space or comment at `at`; 0 when there is none.
static size_t skip_blank(const char *text, size_t size, size_t at)
{
    if (strchr(" \t\r\n\f\v", text[at]) && text[at])
        return 1;
    if (size - at < 2 || text[at] != '/' || (text[at + 1] != '/' && text[at + 1] != '*'))
        return 0;
    size_t end = at + 2;
    if (text[at + 1] == '/') {
        while (end < size && text[end] != '\n')
            end++;
        return end - at;
    }
    while (end < size && !(text[end - 1] == '*' && text[end] == '/' && end > at + 2))
        end++;
    return SMELT_MIN(end + 1, size) - at;
}

// Some glslang versions dump their built-in functions to stdout when #version is absent or too old for the stage,
// and a library must not print: it is checked first. buffer_reference needs 450.
static enum smelt_result check_version(const struct job *job)
{
    const char *text = job->text;
    size_t at = 0, skipped;
    unsigned line = 1;
    while (at < job->size && (skipped = skip_blank(text, job->size, at)))
        for (size_t end = at + skipped; at < end; at++)
            line += text[at] == '\n';
    char words[64]; // of the line, up to a comment
    size_t length = 0;
    for (; at < job->size && text[at] && text[at] != '\n' && text[at] != '/' && length < sizeof(words) - 1;
         at++)
        words[length++] = text[at];
    words[length] = 0;
    char directive[64] = "", number[64] = "", profile[64] = "", rest[64] = "";
    const char *hash = words[0] == '#' ? words + 1 : "";
    if (sscanf(hash, "%63s %63s %63s %63s", directive, number, profile, rest) < 2 ||
        strcmp(directive, "version") != 0)
        return smelt_fail(
            job->context, SMELT_ERROR_COMPILE,
            "%s:%u: error: '#version' : wanted \"#version 460\" before anything else, got \"%s\"", job->name,
            line, words);
    if ((strcmp(number, "450") != 0 && strcmp(number, "460") != 0) || *rest ||
        (*profile && strcmp(profile, "core") != 0))
        return smelt_fail(job->context, SMELT_ERROR_COMPILE,
                          "%s:%u: error: '#version' : wanted 450 or 460, core profile; got \"%s\"", job->name,
                          line, words);
    const char *zero = memchr(text, 0, job->size);
    for (const char *c = text; zero && c < zero; c++)
        line += *c == '\n';
    return zero ? smelt_fail(job->context, SMELT_ERROR_COMPILE, "%s:%u: error: a NUL byte in the text",
                             job->name, line)
                : SMELT_OK;
}

// --- Ops and backends -------------------------------------------------------------------------------------

static enum smelt_result resolve_op(struct job *job, uint32_t i)
{
    const struct smelt_op *op = &job->params->ops[i];
    struct smelt_op_info *info = &job->op_infos[i];
    struct smelt_op_plan plan;
    enum smelt_result result =
        smelt_op_resolve(job->context, op, job->stage, job->params->backend, &plan, info, &job->op_texts[i]);
    if (result)
        return result;
    job->op_scopes[i] = plan.scope;
    job->backends |= 1u << info->choice.backend;
    return smelt_op_twin(op, job->stage, info, &job->twin_texts[i]);
}

// The workgroup is as every op wants it, and the pipeline can be made so that subgroups are.
static enum smelt_result require(const struct job *job, struct smelt_shader_info *made)
{
    const uint32_t *size = made->reflection->local_size;
    uint32_t all = size[0] * size[1] * size[2], subgroup = 0, first = 0;
    smelt_shader_require(made, 0, 0);
    for (uint32_t i = 0; i < job->params->op_count; i++) {
        const struct smelt_op_info *op = &job->op_infos[i];
        const char *name = job->params->ops[i].name;
        bool whole = job->op_scopes[i] == SMELT_SCOPE_WORKGROUP;
        if (op->workgroup_size &&
            (all != size[0] || (whole ? all != op->workgroup_size : !all || all % op->workgroup_size)))
            return smelt_fail(job->context, SMELT_ERROR_INVALID_ARGUMENT,
                              "%s: the local size is %u x %u x %u, but op \"%s\" wants %s%u x 1 x 1",
                              job->name, size[0], size[1], size[2], name, whole ? "" : "a multiple of ",
                              op->workgroup_size);
        uint32_t wanted = op->subgroup_size.requiredSubgroupSize;
        if (wanted && subgroup && wanted != subgroup)
            return smelt_fail(
                job->context, SMELT_ERROR_INVALID_ARGUMENT,
                "%s: op \"%s\" wants subgroups of %u, op \"%s\" of %u: set subgroup_size in both", job->name,
                job->params->ops[first].name, subgroup, name, wanted);
        if (wanted) {
            subgroup = wanted;
            first = i;
        }
        smelt_shader_require(made, wanted, op->stage_flags);
    }
    return SMELT_OK;
}

// What SMELT_BACKEND_DEFAULT is: as asked for (by the shader or for the whole context), or the best for the
// products of one invocation's vectors.
static enum smelt_result resolve_default(struct job *job)
{
    enum smelt_backend wanted = job->params->backend;
    if (wanted == SMELT_BACKEND_AUTO && job->context)
        wanted = job->context->forced_backend;
    bool integer = wanted == SMELT_BACKEND_DOT8;
    bool group = integer || wanted == SMELT_BACKEND_COOPMAT || wanted == SMELT_BACKEND_COOPMAT2;
    struct smelt_backend_query query = {
        .op = SMELT_OP_MATMUL2D,
        .scope = group ? SMELT_SCOPE_WORKGROUP : SMELT_SCOPE_THREAD,
        .stage = job->stage,
        .stored = integer ? SMELT_DTYPE_I8 : SMELT_DTYPE_NONE,
        .computed = integer ? SMELT_DTYPE_I8 : SMELT_DTYPE_NONE,
        .backend = wanted,
    };
    struct smelt_backend_choice choice;
    enum smelt_result result = smelt_backend_choose(job->context, &query, &choice);
    if (result)
        return result;
    job->default_backend = choice.backend;
    // PORTABLE needs no extension, and is what modules take that have no instance for the default.
    job->backends |= 1u << choice.backend | 1u << SMELT_BACKEND_PORTABLE;
    return SMELT_OK;
}

static enum smelt_result resolve_backends(struct job *job)
{
    uint32_t count = job->params->op_count;
    job->op_texts = calloc((size_t)count + 1, sizeof(char *));
    job->twin_texts = calloc((size_t)count + 1, sizeof(char *));
    job->op_infos = calloc((size_t)count + 1, sizeof(*job->op_infos));
    job->op_scopes = calloc((size_t)count + 1, sizeof(*job->op_scopes));
    if (!job->op_texts || !job->twin_texts || !job->op_infos || !job->op_scopes)
        return smelt_fail(job->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for %u ops", job->name,
                          count);
    bool backends[SMELT_BACKEND_COUNT], dtypes[SMELT_DTYPE_COUNT];
    smelt_compiler_probe(job->context ? job->context->cache_directory : NULL, backends, dtypes);
    for (int i = 0; i < SMELT_DTYPE_COUNT; i++)
        job->dtypes |= (uint32_t)dtypes[i] << i;
    enum smelt_result result = resolve_default(job);
    for (uint32_t i = 0; i < count && !result; i++)
        result = resolve_op(job, i);
    return result;
}

// --- The cache key ----------------------------------------------------------------------------------------

static void add_string(struct smelt_cache_key *key, const char *string)
{
    uint8_t present = string != NULL;
    smelt_cache_key_add(key, &present, 1);
    if (string)
        smelt_cache_key_add(key, string, strlen(string));
}

// Everything that decides the result but the files, which are verified when an entry is found.
static void make_key(const struct job *job, struct smelt_cache_key *key)
{
    const struct smelt_shader_params *p = job->params;
    uint32_t numbers[] = {job->stage,        p->define_count, p->include_directory_count, p->file_count,
                          p->op_count,       job->backends,   job->default_backend,       p->optimization,
                          p->source != NULL, p->debug_info};
    smelt_cache_key_start(key);
    smelt_cache_key_add(key, numbers, sizeof(numbers));
    add_string(key, job->name);
    smelt_cache_key_add(key, job->text, job->size);
    for (uint32_t i = 0; i < p->define_count; i++) {
        add_string(key, p->defines[i].name);
        add_string(key, p->defines[i].value);
    }
    for (uint32_t i = 0; i < p->include_directory_count; i++)
        add_string(key, p->include_directories[i]);
    for (uint32_t i = 0; i < p->file_count; i++) {
        add_string(key, p->files[i].name);
        add_string(key, p->files[i].text);
    }
    for (uint32_t i = 0; i < p->op_count; i++) {
        add_string(key, p->ops[i].name);
        add_string(key, job->op_texts[i]);
    }
    add_string(key, job->context ? job->context->module_directory : NULL);
}

// --- Running the compiler ---------------------------------------------------------------------------------

static void add_macro(shaderc_compile_options_t options, const char *name, const char *value)
{
    shaderc_compile_options_add_macro_definition(options, name, strlen(name), value,
                                                 value ? strlen(value) : 0);
}

static shaderc_compile_options_t make_options(struct job *job, struct smelt_includer *includer,
                                              enum purpose purpose)
{
    const struct smelt_shader_params *p = job->params;
    bool twin = purpose == TWIN;
    shaderc_compile_options_t options = shaderc_compile_options_initialize();
    if (!options)
        return NULL;
    shaderc_compile_options_set_target_env(options, shaderc_target_env_vulkan,
                                           shaderc_env_version_vulkan_1_3);
    shaderc_compile_options_set_include_callbacks(options, smelt_include_resolve, smelt_include_release,
                                                  includer);
    if (!twin && p->debug_info)
        shaderc_compile_options_set_generate_debug_info(options);
    shaderc_optimization_level level = shaderc_optimization_level_zero;
    if (purpose == OPTIMIZED)
        level = p->optimization == SMELT_OPTIMIZATION_SIZE ? shaderc_optimization_level_size
                                                           : shaderc_optimization_level_performance;
    shaderc_compile_options_set_optimization_level(options, level);
    for (uint32_t i = 0; i < p->define_count; i++)
        add_macro(options, p->defines[i].name, p->defines[i].value);
    char number[16];
    snprintf(number, sizeof(number), "%u", twin ? 1u << SMELT_BACKEND_PORTABLE : job->backends);
    add_macro(options, "SMELT_BACKENDS", number);
    snprintf(number, sizeof(number), "%d", twin ? SMELT_BACKEND_PORTABLE : (int)job->default_backend);
    add_macro(options, "SMELT_BACKEND_DEFAULT", number);
    snprintf(number, sizeof(number), "%u", job->dtypes);
    add_macro(options, "SMELT_NATIVE_DTYPES", number);
    return options;
}

// Every message the compiler gave, without the last newline.
static enum smelt_result report(const struct job *job, shaderc_compilation_result_t compiled,
                                enum purpose purpose)
{
    const char *messages = compiled ? shaderc_result_get_error_message(compiled) : NULL;
    size_t length = messages ? strlen(messages) : 0;
    while (length && messages[length - 1] == '\n')
        length--;
    if (compiled && shaderc_result_get_compilation_status(compiled) == shaderc_compilation_status_success) {
        if (length && purpose == UNOPTIMIZED)
            smelt_log(job->context, SMELT_LOG_WARNING, "%.*s", (int)length, messages);
        return SMELT_OK;
    }
    bool defined = length && strstr(messages, "redefined") && strstr(messages, "SMELT_BACKENDS");
    return smelt_fail(job->context, SMELT_ERROR_COMPILE, "%s%s%.*s%s", length ? "" : job->name,
                      length ? (purpose == TWIN ? "for reflection, all backends PORTABLE:\n" : "")
                             : ": the compiler failed without a message",
                      (int)length, length ? messages : "",
                      defined
                          ? "\n(libsmelt defines SMELT_BACKENDS itself: write #ifndef before that line and "
                            "#endif behind it, or leave it out)"
                          : "");
}

static enum smelt_result run(struct job *job, enum purpose purpose, uint32_t **words, size_t *size)
{
    shaderc_compiler_t compiler = smelt_glsl_compiler();
    struct smelt_includer includer = {
        .context = job->context,
        .params = job->params,
        .op_texts = purpose == TWIN ? job->twin_texts : job->op_texts,
        .sources = &job->sources,
    };
    shaderc_compile_options_t options = make_options(job, &includer, purpose);
    if (!compiler || !options) {
        shaderc_compile_options_release(options);
        return smelt_fail(job->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the compiler",
                          job->name);
    }
    shaderc_compilation_result_t compiled =
        shaderc_compile_into_spv(compiler, job->text, job->size, job->kind, job->name, "main", options);
    shaderc_compile_options_release(options);
    enum smelt_result result = report(job, compiled, purpose);
    if (!result) {
        *size = shaderc_result_get_length(compiled);
        *words = malloc(*size);
        if (*words)
            memcpy(*words, shaderc_result_get_bytes(compiled), *size);
        else
            result = smelt_fail(job->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for %zu bytes",
                                job->name, *size);
    }
    if (compiled)
        shaderc_result_release(compiled);
    return result;
}

// The compile as asked for is fit for reflection itself.
static bool is_its_own_twin(const struct job *job)
{
    bool same = job->backends == 1u << SMELT_BACKEND_PORTABLE;
    for (uint32_t i = 0; i < job->params->op_count && same; i++)
        same = !strcmp(job->op_texts[i], job->twin_texts[i]);
    return same;
}

// The words by our passes, or by the compiler's own from the text; as they are where that would not be valid.
static enum smelt_result optimize(struct job *job, uint32_t **words, size_t *size)
{
    uint32_t *made = NULL;
    size_t made_size = 0;
    enum smelt_result result = SMELT_OK;
    if (job->params->optimization != SMELT_OPTIMIZATION_DEFAULT ||
        !smelt_spirv_optimize(job->context, job->name, *words, *size / 4, job->params->debug_info, &made,
                              &made_size))
        result = run(job, OPTIMIZED, &made, &made_size);
    if (result)
        return result;
    if (smelt_spirv_has_undeclared_constants(made, made_size / 4)) {
        smelt_log(job->context, SMELT_LOG_INFO, "%s: not optimized: spirv-opt made 8 or 16 bit constants",
                  job->name);
        free(made);
        return SMELT_OK;
    }
    free(*words);
    *words = made;
    *size = made_size;
    return SMELT_OK;
}

static enum smelt_result compile(struct job *job, struct smelt_shader_info *info)
{
    uint32_t *words = NULL, *twin = NULL;
    size_t size = 0, twin_size = 0;
    struct smelt_reflection *reflection = NULL;
    bool own_twin = is_its_own_twin(job);
    enum smelt_result result = check_version(job);
    if (!result)
        result = run(job, UNOPTIMIZED, &words, &size);
    if (!result && !own_twin)
        result = run(job, TWIN, &twin, &twin_size);
    if (!result)
        result = smelt_reflect(job->context, job->name, own_twin ? words : twin,
                               (own_twin ? size : twin_size) / 4, &reflection);
    free(twin);
    if (!result && job->params->optimization != SMELT_OPTIMIZATION_NONE)
        result = optimize(job, &words, &size);
    info->spirv = words;
    info->spirv_size = size;
    info->reflection = reflection;
    if (result)
        return result;
    info->stage = job->stage;
    info->backend = smelt_spirv_backend(words, size / 4);
    if (job->sources.failed)
        return smelt_fail(job->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the includes",
                          job->name);
    return smelt_info_set_dependencies(job->context, &job->sources, info);
}

enum smelt_result smelt_compile(smelt_context context, const struct smelt_shader_params *params,
                                struct smelt_shader_info *info)
{
    struct job job = {.context = context, .params = params, .name = params->path ? params->path : "shader"};
    bool cache = context && context->cache_directory && !params->no_cache;
    struct smelt_shader_info made = {0};
    struct smelt_cache_key key = {{0}};
    enum smelt_result result = check_params(&job);
    if (!result)
        result = read_source(&job);
    if (!result)
        result = resolve_backends(&job);
    if (!result && cache)
        make_key(&job, &key);
    if (!result && !(cache && smelt_cache_load_shader(context, &key, &made))) {
        result = compile(&job, &made);
        if (!result && cache)
            smelt_cache_store_shader(context, &key, &job.sources, &made);
    }
    if (!result)
        result = require(&job, &made);
    if (!result && !(made.name = smelt_copy_string(job.name)))
        result =
            smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the shader", job.name);
    for (uint32_t i = 0; i < params->op_count && job.op_texts && job.twin_texts; i++) {
        smelt_free_text(&job.op_texts[i]);
        smelt_free_text(&job.twin_texts[i]);
    }
    free(job.op_texts);
    free(job.twin_texts);
    free(job.op_infos);
    free(job.op_scopes);
    smelt_sources_free(&job.sources);
    smelt_os_unmap_file(&job.mapping);
    if (result)
        smelt_shader_info_free(&made);
    else
        *info = made;
    return result;
}
