// SPDX-License-Identifier: MIT
// Checked JSON parsing and typed member access for files that are not trusted.
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.
bool smelt_utf8_valid(const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < size;) {
        uint32_t c = s[i], more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : c >> 3 == 30 ? 3 : 4;
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (more > 3 || more > size - i - 1)
            return false;
        c &= more ? 0x3fu >> more : 0x7fu;
        for (uint32_t k = 1; k <= more; k++) {
            if (s[i + k] >> 6 != 2)
                return false;
            c = c << 6 | (s[i + k] & 0x3fu);
        }
        if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return false;
        i += more + 1;
    }
    return true;
}

// What cJSON would let pass or recurse on: control characters (a NUL would cut a string short), deep nesting.
static enum smelt_result check_text(smelt_context context, const char *file, const char *text, size_t size)
{
    uint32_t depth = 0;
    bool string = false;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 && (string || (c != '\t' && c != '\n' && c != '\r')))
            return smelt_fail(context, SMELT_ERROR_FORMAT,
                              "%s: control character %u at byte %zu of the JSON text", file, c, i);
        if (string) {
            if (c == '\\') {
                // "\u0000" would end the string for every C reader behind.
                if (size - i >= 6 && !memcmp(text + i + 1, "u0000", 5))
                    return smelt_fail(context, SMELT_ERROR_FORMAT, "%s: \\u0000 at byte %zu of the JSON text",
                                      file, i);
                i++;
            } else if (c == '"') {
                string = false;
            }
        } else if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > SMELT_JSON_MAX_DEPTH)
                return smelt_fail(context, SMELT_ERROR_FORMAT, "%s: JSON nested deeper than %d at byte %zu",
                                  file, SMELT_JSON_MAX_DEPTH, i);
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        }
    }
    if (!smelt_utf8_valid(text, size))
        return smelt_fail(context, SMELT_ERROR_FORMAT, "%s: the JSON text is not valid UTF-8", file);
    return SMELT_OK;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum smelt_result check_object_keys(smelt_context context, const char *file, const cJSON *object)
{
    const char *few[16], **keys = few;
    size_t count = 0;
    for (const cJSON *child = object->child; child; child = child->next)
        count++;
    if (count > SMELT_COUNT_OF(few) && !(keys = malloc(count * sizeof(*keys))))
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for %zu JSON keys", file,
                          count);
    count = 0;
    for (const cJSON *child = object->child; child; child = child->next)
        keys[count++] = child->string;
    qsort(keys, count, sizeof(*keys), compare_keys);
    enum smelt_result result = SMELT_OK;
    for (size_t i = 1; i < count && !result; i++)
        if (!strcmp(keys[i - 1], keys[i]))
            result = smelt_fail(context, SMELT_ERROR_FORMAT,
                                "%s: JSON key \"%.80s\" appears twice in one object", file, keys[i]);
    if (keys != few)
        free(keys);
    return result;
}

// Depth is bounded by check_text.
static enum smelt_result check_keys(smelt_context context, const char *file, const cJSON *value)
{
    if (cJSON_IsObject(value)) {
        enum smelt_result result = check_object_keys(context, file, value);
        if (result)
            return result;
    }
    for (const cJSON *child = value->child; child; child = child->next) {
        enum smelt_result result = child->child ? check_keys(context, file, child) : SMELT_OK;
        if (result)
            return result;
    }
    return SMELT_OK;
}

enum smelt_result smelt_json_parse(smelt_context context, const char *file, const char *text, size_t size,
                                   cJSON **json)
{
    enum smelt_result result = check_text(context, file, text, size);
    if (result)
        return result;
    const char *end = text;
    cJSON *root = cJSON_ParseWithLengthOpts(text, size, &end, false);
    if (!root)
        return smelt_fail(context, SMELT_ERROR_FORMAT,
                          "%s: not JSON from byte %zu on: wanted one value, got \"%.*s\"", file,
                          (size_t)(end - text), (int)SMELT_MIN(24u, size - (size_t)(end - text)), end);
    while (end < text + size && (*end == ' ' || *end == '\t' || *end == '\n' || *end == '\r'))
        end++;
    if (end < text + size)
        result = smelt_fail(context, SMELT_ERROR_FORMAT, "%s: text after the JSON value at byte %zu", file,
                            (size_t)(end - text));
    if (!result)
        result = check_keys(context, file, root);
    if (result)
        cJSON_Delete(root);
    else
        *json = root;
    return result;
}

struct smelt_json smelt_json_root(smelt_context context, const char *file, const cJSON *value)
{
    return (struct smelt_json){.context = context, .file = file, .value = value};
}

static void describe(const cJSON *value, char *text, size_t size)
{
    if (!value)
        snprintf(text, size, "nothing");
    else if (cJSON_IsString(value))
        snprintf(text, size, "\"%.60s\"", value->valuestring);
    else if (cJSON_IsNumber(value))
        snprintf(text, size, "%.17g", value->valuedouble);
    else if (cJSON_IsArray(value))
        snprintf(text, size, "an array of %d", cJSON_GetArraySize(value));
    else
        snprintf(text, size, "%s",
                 cJSON_IsObject(value) ? "an object"
                 : cJSON_IsTrue(value) ? "true"
                 : cJSON_IsNull(value) ? "null"
                                       : "false");
}

enum smelt_result smelt_json_fail(const struct smelt_json *at, const char *wanted, ...)
{
    char got[96], text[256];
    va_list arguments;
    va_start(arguments, wanted);
    vsnprintf(text, sizeof(text), wanted, arguments);
    va_end(arguments);
    describe(at->value, got, sizeof(got));
    return smelt_fail(at->context, SMELT_ERROR_FORMAT, "%s: description: %s: wanted %s, got %s", at->file,
                      at->path[0] ? at->path : "the whole", text, got);
}

struct smelt_json smelt_json_member(const struct smelt_json *object, const char *key)
{
    struct smelt_json member = *object;
    snprintf(member.path, sizeof(member.path), "%.90s%s%.60s", object->path, object->path[0] ? "." : "", key);
    member.value =
        cJSON_IsObject(object->value) ? cJSON_GetObjectItemCaseSensitive(object->value, key) : NULL;
    return member;
}

bool smelt_json_has(const struct smelt_json *object, const char *key)
{
    return smelt_json_member(object, key).value != NULL;
}

enum smelt_result smelt_json_object(const struct smelt_json *object, const char *key,
                                    struct smelt_json *member)
{
    struct smelt_json at = smelt_json_member(object, key);
    if (!cJSON_IsObject(at.value))
        return smelt_json_fail(&at, "an object");
    *member = at;
    return SMELT_OK;
}

enum smelt_result smelt_json_array(const struct smelt_json *object, const char *key, uint32_t least,
                                   uint32_t most, struct smelt_json *member, uint32_t *count)
{
    struct smelt_json at = smelt_json_member(object, key);
    int size = cJSON_IsArray(at.value) ? cJSON_GetArraySize(at.value) : -1;
    if (size < 0 || (uint32_t)size < least || (uint32_t)size > most)
        return smelt_json_fail(&at, "an array of %u to %u", least, most);
    *member = at;
    *count = (uint32_t)size;
    return SMELT_OK;
}

struct smelt_json smelt_json_element(const struct smelt_json *array, uint32_t index)
{
    struct smelt_json element = *array;
    snprintf(element.path, sizeof(element.path), "%.140s[%u]", array->path, index);
    element.value = cJSON_GetArrayItem(array->value, (int)index);
    return element;
}

enum smelt_result smelt_json_string(const struct smelt_json *object, const char *key, const char *fallback,
                                    const char **value)
{
    struct smelt_json at = smelt_json_member(object, key);
    if (at.value ? !cJSON_IsString(at.value) : !fallback)
        return smelt_json_fail(&at, "a string");
    *value = at.value ? at.value->valuestring : fallback;
    return SMELT_OK;
}

bool smelt_json_to_u64(const cJSON *value, uint64_t *number)
{
    double v = cJSON_IsNumber(value) ? value->valuedouble : -1;
    if (!(v >= 0 && v <= 0x1p53) || v != floor(v))
        return false;
    *number = (uint64_t)v;
    return true;
}

enum smelt_result smelt_json_u32(const struct smelt_json *object, const char *key, uint32_t least,
                                 uint32_t most, uint32_t *value)
{
    struct smelt_json at = smelt_json_member(object, key);
    uint64_t number;
    if (!smelt_json_to_u64(at.value, &number) || number < least || number > most)
        return smelt_json_fail(&at, "a whole number from %u to %u", least, most);
    *value = (uint32_t)number;
    return SMELT_OK;
}

enum smelt_result smelt_json_number(const struct smelt_json *object, const char *key, double least,
                                    double most, double *value)
{
    struct smelt_json at = smelt_json_member(object, key);
    double v = cJSON_IsNumber(at.value) ? at.value->valuedouble : NAN;
    if (!(v >= least && v <= most))
        return smelt_json_fail(&at, "a number from %g to %g", least, most);
    *value = v;
    return SMELT_OK;
}

enum smelt_result smelt_json_word(const struct smelt_json *object, const char *key, const char *const *words,
                                  uint32_t count, uint32_t *value)
{
    struct smelt_json at = smelt_json_member(object, key);
    char list[200] = "";
    for (uint32_t i = 0; i < count; i++) {
        if (cJSON_IsString(at.value) && !strcmp(at.value->valuestring, words[i])) {
            *value = i;
            return SMELT_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s\"%s\"", i ? " or " : "", words[i]);
    }
    return smelt_json_fail(&at, "%s", list);
}

enum smelt_result smelt_json_only(const struct smelt_json *object, const char *const *keys, uint32_t count)
{
    for (const cJSON *child = object->value->child; child; child = child->next) {
        uint32_t i = 0;
        while (i < count && strcmp(child->string, keys[i]))
            i++;
        if (i == count) {
            char key[64];
            snprintf(key, sizeof(key), "%.60s", child->string);
            struct smelt_json at = smelt_json_member(object, key);
            at.value = child;
            return smelt_json_fail(&at, "no such member");
        }
    }
    return SMELT_OK;
}

void smelt_json_add_string(struct smelt_text *text, const char *string)
{
    smelt_text_add_bytes(text, "\"", 1);
    for (const char *s = string; *s; s++) {
        if (*s == '"' || *s == '\\')
            smelt_text_add_bytes(text, "\\", 1);
        if ((unsigned char)*s < 0x20)
            smelt_text_add(text, "\\u%04x", (unsigned)*s);
        else
            smelt_text_add_bytes(text, s, 1);
    }
    smelt_text_add_bytes(text, "\"", 1);
}
