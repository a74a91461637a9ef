// SPDX-License-Identifier: MIT
// Resolves #include: virtual files, generated ops, the including file's directory, the user's directories, the
// modules; and keeps what was looked at.
#include "shader_internal.h"
#include "embedded.h"

#include <shaderc/shaderc.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64 // a file that includes itself without a guard would not end

#define OP_PREFIX "smelt/op/"
#define MODULE_PREFIX "smelt/"

// --- What was looked at -----------------------------------------------------------------------------------

void smelt_sources_add(struct smelt_sources *sources, enum smelt_source_kind kind, const char *name,
                       const void *data, size_t size)
{
    for (uint32_t i = 0; i < sources->count; i++)
        if (sources->list[i].kind == kind && !strcmp(sources->list[i].name, name))
            return;
    if (sources->count == sources->capacity) {
        uint32_t capacity = sources->capacity ? sources->capacity * 2 : 16;
        struct smelt_source *list = realloc(sources->list, capacity * sizeof(*list));
        if (!list) {
            sources->failed = true;
            return;
        }
        sources->list = list;
        sources->capacity = capacity;
    }
    struct smelt_source source = {kind, smelt_copy_string(name), smelt_hash(SMELT_HASH_START, data, size)};
    if (source.name)
        sources->list[sources->count++] = source;
    else
        sources->failed = true;
}

void smelt_sources_free(struct smelt_sources *sources)
{
    for (uint32_t i = 0; i < sources->count; i++)
        free(sources->list[i].name);
    free(sources->list);
    *sources = (struct smelt_sources){0};
}

const struct smelt_embedded *smelt_find_module(const char *name)
{
    for (const struct smelt_embedded *module = smelt_embedded_modules; module->name; module++)
        if (!strcmp(module->name, name))
            return module;
    return NULL;
}

// --- Results ----------------------------------------------------------------------------------------------

struct include {
    shaderc_include_result result;
    char *name; // of the source, for messages
    struct smelt_mapping mapping;
    struct smelt_text text; // an error's
};

static const shaderc_include_result no_memory = {"", 0, "out of memory", 13, NULL};

static bool set_name(struct include *include, const char *name)
{
    include->name = smelt_copy_string(name);
    if (!include->name)
        return false;
    include->result.source_name = include->name;
    include->result.source_name_length = strlen(name);
    return true;
}

static bool set_content(struct include *include, const char *name, const void *data, size_t size)
{
    include->result.content = size ? data : "";
    include->result.content_length = size;
    return set_name(include, name);
}

// --- Places -----------------------------------------------------------------------------------------------

// Adds what was tried to the message of a failure.
static void tried(struct include *include, const char *what)
{
    smelt_text_add(&include->text, "%s%s", include->text.size ? ", " : "", what);
}

static bool find_virtual(struct smelt_includer *includer, const char *name, struct include *include)
{
    for (uint32_t i = 0; i < includer->params->file_count; i++) {
        const struct smelt_virtual_file *file = &includer->params->files[i];
        if (!strcmp(file->name, name))
            return set_content(include, name, file->text, strlen(file->text));
    }
    if (strncmp(name, OP_PREFIX, strlen(OP_PREFIX)) != 0)
        return false;
    const char *op = name + strlen(OP_PREFIX);
    size_t length = strlen(op);
    for (uint32_t i = 0; i < includer->params->op_count; i++) {
        const char *candidate = includer->params->ops[i].name;
        if (length == strlen(candidate) + 5 && !strncmp(op, candidate, length - 5) &&
            !strcmp(op + length - 5, ".glsl"))
            return set_content(include, name, includer->op_texts[i], strlen(includer->op_texts[i]));
    }
    smelt_text_add(&include->text, "the shader's ops (%s", includer->params->op_count ? "" : "none");
    for (uint32_t i = 0; i < includer->params->op_count; i++)
        smelt_text_add(&include->text, "%s%s", i ? " " : "", includer->params->ops[i].name);
    smelt_text_add(&include->text, ")");
    return false;
}

static bool find_file(struct smelt_includer *includer, const char *directory, size_t directory_length,
                      const char *name, struct include *include)
{
    struct smelt_text path = {0};
    bool separator = directory_length && directory[directory_length - 1] != '/';
    smelt_text_add_bytes(&path, directory, directory_length);
    smelt_text_add(&path, "%s%s", separator ? "/" : "", name);
    bool found = false;
    if (path.failed) {
        includer->sources->failed = true;
    } else if (!smelt_os_is_file(path.data) ||
               smelt_os_map_file(NULL, path.data, &include->mapping) != SMELT_OK) {
        smelt_sources_add(includer->sources, SMELT_SOURCE_ABSENT, path.data, NULL, 0);
        tried(include, path.data);
    } else {
        smelt_sources_add(includer->sources, SMELT_SOURCE_FILE, path.data, include->mapping.data,
                          include->mapping.size);
        found = set_content(include, path.data, include->mapping.data, include->mapping.size);
    }
    smelt_text_free(&path);
    return found;
}

static bool is_file(const struct smelt_includer *includer, const char *name)
{
    for (uint32_t i = 0; i < includer->sources->count; i++)
        if (includer->sources->list[i].kind == SMELT_SOURCE_FILE &&
            !strcmp(includer->sources->list[i].name, name))
            return true;
    return false;
}

static bool find_module(struct smelt_includer *includer, const char *name, struct include *include)
{
    const char *directory = includer->context ? includer->context->module_directory : NULL;
    if (directory && !strncmp(name, MODULE_PREFIX, strlen(MODULE_PREFIX)))
        return find_file(includer, directory, strlen(directory), name, include);
    const struct smelt_embedded *module = directory ? NULL : smelt_find_module(name);
    if (!module) {
        tried(include,
              directory ? "no module (their names begin with smelt/)" : "the modules of the library");
        return false;
    }
    smelt_sources_add(includer->sources, SMELT_SOURCE_MODULE, name, module->data, module->size);
    return set_content(include, name, module->data, module->size);
}

static bool find(struct smelt_includer *includer, const char *name, const char *from, struct include *include)
{
    if (!*name) {
        tried(include, "nothing: the name is empty");
        return false;
    }
    if (find_virtual(includer, name, include))
        return true;
    if (*name == '/')
        return find_file(includer, "", 0, name, include);
    const char *slash = strrchr(from, '/');
    if (is_file(includer, from) &&
        find_file(includer, from, slash ? (size_t)(slash - from) + 1 : 0, name, include))
        return true;
    for (uint32_t i = 0; i < includer->params->include_directory_count; i++) {
        const char *directory = includer->params->include_directories[i];
        if (find_file(includer, directory, strlen(directory), name, include))
            return true;
    }
    return find_module(includer, name, include);
}

// --- The callbacks ----------------------------------------------------------------------------------------

shaderc_include_result *smelt_include_resolve(void *user, const char *name, int type, const char *from,
                                              size_t depth)
{
    struct smelt_includer *includer = user;
    (void)type; // <name> and "name" mean the same
    struct include *include = calloc(1, sizeof(*include));
    if (!include)
        return (shaderc_include_result *)&no_memory;
    if (depth <= MAX_DEPTH && find(includer, name, from, include))
        return &include->result;
    // An empty name marks a failure; the compiler puts "FILE:LINE: error: '#include' :" before the content and
    // " for header name: NAME" behind it.
    struct smelt_text tried_places = include->text;
    include->text = (struct smelt_text){0};
    if (depth > MAX_DEPTH)
        smelt_text_add(&include->text, "nested deeper than %d (a file without a guard that includes itself?)",
                       MAX_DEPTH);
    else
        smelt_text_add(&include->text, "no such file; tried %s", tried_places.data ? tried_places.data : "");
    smelt_text_free(&tried_places);
    include->result.source_name = "";
    include->result.source_name_length = 0;
    include->result.content = include->text.failed ? no_memory.content : include->text.data;
    include->result.content_length = strlen(include->result.content);
    return &include->result;
}

void smelt_include_release(void *user, shaderc_include_result *result)
{
    (void)user;
    if (result == &no_memory)
        return;
    struct include *include = (struct include *)result; // its first member
    smelt_os_unmap_file(&include->mapping);
    smelt_text_free(&include->text);
    free(include->name);
    free(include);
}
