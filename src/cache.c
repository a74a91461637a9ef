// SPDX-License-Identifier: MIT
// Compiled shaders on disk: entries that prove to be whole and whose sources are verified to be unchanged.
//
// An entry is found by a key over everything that is known before compiling (text, options, generated ops, versions).
// Which files a shader includes is known only after it, so an entry lists them with a hash of each, and with the
// names that were looked for in vain; it counts only as long as all of that is still so.
#include "shader_internal.h"
#include "embedded.h"

#include <inttypes.h>
#include <spirv_cross_c.h>
#include <shaderc/shaderc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_VERSION 2 // of the entries, and of what reflect.c and optimize.c make of a module

// First bytes of an entry; host byte order, the cache does not travel.
struct entry_header {
    char magic[8];
    uint64_t key[2];
    uint64_t size, hash; // of the payload behind it
};
static const char magic[8] = {'s', 'm', 'e', 'l', 't', 'c', 'c', 'h'};

// A shader's payload: this, JSON, SPIR-V.
struct shader_header {
    uint64_t json_size; // a multiple of 4, padded with spaces
};

// --- Keys -------------------------------------------------------------------------------------------------

void smelt_cache_key_add(struct smelt_cache_key *key, const void *bytes, size_t size)
{
    uint64_t length = size; // so that "ab" "c" differs from "a" "bc"
    for (int i = 0; i < 2; i++) {
        key->hash[i] = smelt_hash(key->hash[i], &length, sizeof(length));
        key->hash[i] = smelt_hash(key->hash[i], bytes, size);
    }
}

// The compiler's version is known when libsmelt is built; its shared library can be replaced later.
static uint64_t compiler_stamp;

static void find_compiler_stamp(void)
{
    compiler_stamp = smelt_os_library_stamp((void (*)(void))shaderc_compile_into_spv);
}

void smelt_cache_key_start(struct smelt_cache_key *key)
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, find_compiler_stamp);
    unsigned numbers[6] = {CACHE_VERSION, SMELT_VERSION_MAJOR, SMELT_VERSION_MINOR, SMELT_VERSION_PATCH};
    shaderc_get_spv_version(&numbers[4], &numbers[5]);
    const char *texts[] = {SMELT_SHADERC_VERSION, spvc_get_commit_revision_and_timestamp()};
    key->hash[0] = SMELT_HASH_START;
    key->hash[1] = ~SMELT_HASH_START;
    smelt_cache_key_add(key, numbers, sizeof(numbers));
    smelt_cache_key_add(key, &compiler_stamp, sizeof(compiler_stamp));
    for (size_t i = 0; i < SMELT_COUNT_OF(texts); i++)
        smelt_cache_key_add(key, texts[i], strlen(texts[i]));
}

// --- Entries ----------------------------------------------------------------------------------------------

static char *entry_path(const char *directory, const char *kind, const struct smelt_cache_key *key)
{
    struct smelt_text path = {0};
    smelt_text_add(&path, "%s/%s-%016" PRIx64 "%016" PRIx64, directory, kind, key->hash[0], key->hash[1]);
    if (path.failed)
        smelt_text_free(&path);
    return path.data;
}

bool smelt_cache_read(smelt_context context, const char *directory, const char *kind,
                      const struct smelt_cache_key *key, struct smelt_mapping *mapping,
                      struct smelt_mapping *payload)
{
    char *path = entry_path(directory, kind, key);
    bool there = path && smelt_os_is_file(path) && smelt_os_map_file(NULL, path, mapping) == SMELT_OK;
    struct entry_header header = {0};
    bool whole = false;
    if (there && mapping->size >= sizeof(header)) {
        memcpy(&header, mapping->data, sizeof(header));
        *payload = (struct smelt_mapping){(const char *)mapping->data + sizeof(header),
                                          mapping->size - sizeof(header)};
        whole = !memcmp(header.magic, magic, sizeof(magic)) && !memcmp(header.key, key, sizeof(*key)) &&
                header.size == payload->size &&
                header.hash == smelt_hash(SMELT_HASH_START, payload->data, payload->size);
    }
    if (whole)
        smelt_os_mark_used(path);
    if (there && !whole) {
        smelt_log(context, SMELT_LOG_WARNING, "cache: '%s' is damaged and will be made again", path);
        smelt_os_unmap_file(mapping);
    }
    free(path);
    return whole;
}

void smelt_cache_write(smelt_context context, const char *directory, const char *kind,
                       const struct smelt_cache_key *key, const void *payload, size_t size)
{
    struct entry_header header = {.size = size, .hash = smelt_hash(SMELT_HASH_START, payload, size)};
    struct smelt_text entry = {0};
    memcpy(header.magic, magic, sizeof(magic));
    memcpy(header.key, key->hash, sizeof(header.key));
    smelt_text_add_bytes(&entry, &header, sizeof(header));
    smelt_text_add_bytes(&entry, payload, size);
    char *path = entry_path(directory, kind, key);
    if (path && !entry.failed &&
        (smelt_os_make_directories(NULL, directory) != SMELT_OK ||
         smelt_os_write_file(NULL, path, entry.data, entry.size) != SMELT_OK))
        smelt_log(context, SMELT_LOG_WARNING, "cache: %s", smelt_last_error());
    free(path);
    smelt_text_free(&entry);
}

// --- Shaders ----------------------------------------------------------------------------------------------

enum smelt_result smelt_info_set_dependencies(smelt_context context, const struct smelt_sources *sources,
                                              struct smelt_shader_info *info)
{
    char **list = calloc((size_t)sources->count + 1, sizeof(*list));
    info->dependencies = (const char *const *)list;
    bool failed = !list;
    for (uint32_t i = 0; i < sources->count && !failed; i++) {
        if (sources->list[i].kind != SMELT_SOURCE_FILE)
            continue;
        list[info->dependency_count] = smelt_copy_string(sources->list[i].name);
        failed = !list[info->dependency_count];
        info->dependency_count += !failed;
    }
    return failed ? smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for %u dependencies",
                               sources->count)
                  : SMELT_OK;
}

static const char *const source_kinds[] = {"file", "absent", "module"};

void smelt_cache_store_shader(smelt_context context, const struct smelt_cache_key *key,
                              const struct smelt_sources *sources, const struct smelt_shader_info *info)
{
    struct smelt_text json = {0}, payload = {0};
    smelt_text_add(&json, "{\"stage\":\"%s\",\"backend\":\"%s\",\"sources\":[", smelt_stage_name(info->stage),
                   smelt_backend_name(info->backend));
    for (uint32_t i = 0; i < sources->count; i++) {
        const struct smelt_source *source = &sources->list[i];
        smelt_text_add(&json, "%s{\"kind\":\"%s\",\"hash\":\"%016" PRIx64 "\",\"name\":", i ? "," : "",
                       source_kinds[source->kind], source->hash);
        smelt_json_add_string(&json, source->name);
        smelt_text_add(&json, "}");
    }
    smelt_text_add(&json, "],\"reflection\":");
    smelt_reflection_write(info->reflection, &json);
    smelt_text_add(&json, "}");
    while (json.size % 4 && !json.failed)
        smelt_text_add(&json, " ");
    struct shader_header header = {json.size};
    smelt_text_add_bytes(&payload, &header, sizeof(header));
    smelt_text_add_bytes(&payload, json.data, json.size);
    smelt_text_add_bytes(&payload, info->spirv, info->spirv_size);
    if (!json.failed && !payload.failed)
        smelt_cache_write(context, context->cache_directory, "shader", key, payload.data, payload.size);
    smelt_trim_cache(context);
    smelt_text_free(&json);
    smelt_text_free(&payload);
}

static bool hash_source(const char *name, uint32_t kind, uint64_t *hash)
{
    if (kind == SMELT_SOURCE_MODULE) {
        const struct smelt_embedded *module = smelt_find_module(name);
        if (module)
            *hash = smelt_hash(SMELT_HASH_START, module->data, module->size);
        return module != NULL;
    }
    struct smelt_mapping mapping;
    if (!smelt_os_is_file(name) || smelt_os_map_file(NULL, name, &mapping) != SMELT_OK)
        return false;
    *hash = smelt_hash(SMELT_HASH_START, mapping.data, mapping.size);
    smelt_os_unmap_file(&mapping);
    return true;
}

// Verifies one source and keeps it in `sources`. `unchanged` false ends the load without an error.
static enum smelt_result check_source(const struct smelt_json *at, struct smelt_sources *sources,
                                      bool *unchanged)
{
    uint32_t kind = 0;
    const char *name = NULL, *text = NULL;
    enum smelt_result result = smelt_json_word(at, "kind", source_kinds, SMELT_COUNT_OF(source_kinds), &kind);
    if (!result)
        result = smelt_json_string(at, "name", NULL, &name);
    if (!result)
        result = smelt_json_string(at, "hash", NULL, &text);
    if (result)
        return result;
    uint64_t hash = 0;
    bool there = hash_source(name, kind, &hash);
    *unchanged = kind == SMELT_SOURCE_ABSENT ? !there : there && hash == strtoull(text, NULL, 16);
    smelt_sources_add(sources, (enum smelt_source_kind)kind, name, NULL, 0);
    return SMELT_OK;
}

static enum smelt_result read_info(const struct smelt_json *root, struct smelt_shader_info *info,
                                   bool *unchanged)
{
    struct smelt_json array, element, reflection;
    uint32_t count;
    const char *stage = NULL, *backend = NULL;
    struct smelt_reflection *read = NULL;
    enum smelt_result result = smelt_json_string(root, "stage", NULL, &stage);
    if (!result)
        result = smelt_json_string(root, "backend", NULL, &backend);
    if (!result)
        result = smelt_json_array(root, "sources", 0, UINT32_MAX, &array, &count);
    if (result)
        return result;
    info->stage = smelt_stage_from_name(stage);
    info->backend = smelt_backend_from_name(backend);
    struct smelt_sources sources = {0};
    element = array;
    for (element.value = array.value->child; element.value && !result && *unchanged;
         element.value = element.value->next)
        result = check_source(&element, &sources, unchanged);
    if (!result && *unchanged)
        result = smelt_info_set_dependencies(root->context, &sources, info);
    smelt_sources_free(&sources);
    if (!result && *unchanged)
        result = smelt_json_object(root, "reflection", &reflection);
    if (!result && *unchanged)
        result = smelt_reflection_read(&reflection, &read);
    info->reflection = read;
    return result;
}

bool smelt_cache_load_shader(smelt_context context, const struct smelt_cache_key *key,
                             struct smelt_shader_info *info)
{
    struct smelt_mapping mapping, payload;
    if (!smelt_cache_read(context, context->cache_directory, "shader", key, &mapping, &payload))
        return false;
    struct shader_header header = {0};
    cJSON *json = NULL;
    bool unchanged = true, read = false;
    const char *data = payload.data;
    if (payload.size >= sizeof(header))
        memcpy(&header, data, sizeof(header));
    // What is whole was written by this function's other half, so the rest is a matter of form.
    if (header.json_size && header.json_size <= payload.size - sizeof(header) &&
        smelt_json_parse(NULL, "cache", data + sizeof(header), header.json_size, &json) == SMELT_OK) {
        struct smelt_json root = smelt_json_root(NULL, "cache", json);
        read = read_info(&root, info, &unchanged) == SMELT_OK && unchanged;
    }
    size_t size = payload.size - sizeof(header) - header.json_size;
    uint32_t *words = read ? malloc(size + 1) : NULL;
    if (words)
        memcpy(words, data + sizeof(header) + header.json_size, size);
    info->spirv = words;
    info->spirv_size = size;
    cJSON_Delete(json);
    smelt_os_unmap_file(&mapping);
    if (!words || size % 4 || !smelt_spirv_is_valid(words, size / 4)) {
        smelt_shader_info_free(info);
        return false;
    }
    info->from_cache = true;
    return true;
}
