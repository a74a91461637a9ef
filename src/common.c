// SPDX-License-Identifier: MIT
// Result names, the version, errors and the log, growing text, hashing.
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)

// Long enough for a shader compiler's output of several errors.
#define LINE_SIZE 4096

static _Thread_local char last_error[LINE_SIZE];
static _Thread_local int errors_held;

void smelt_hold_errors(bool hold)
{
    errors_held += hold ? 1 : -1;
}

const char *smelt_version(void)
{
    return STRING(SMELT_VERSION_MAJOR) "." STRING(SMELT_VERSION_MINOR) "." STRING(SMELT_VERSION_PATCH);
}

#define CASE(name)                                                                                           \
    case name:                                                                                               \
        return #name

const char *smelt_result_name(enum smelt_result result)
{
    switch (result) {
        CASE(SMELT_OK);
        CASE(SMELT_ERROR_INVALID_ARGUMENT);
        CASE(SMELT_ERROR_SHAPE);
        CASE(SMELT_ERROR_DTYPE);
        CASE(SMELT_ERROR_NOT_FOUND);
        CASE(SMELT_ERROR_UNSUPPORTED);
        CASE(SMELT_ERROR_NO_DEVICE);
        CASE(SMELT_ERROR_COMPILE);
        CASE(SMELT_ERROR_FORMAT);
        CASE(SMELT_ERROR_VERSION);
        CASE(SMELT_ERROR_IO);
        CASE(SMELT_ERROR_OUT_OF_HOST_MEMORY);
        CASE(SMELT_ERROR_OUT_OF_DEVICE_MEMORY);
        CASE(SMELT_ERROR_BUDGET);
        CASE(SMELT_ERROR_NOT_READY);
        CASE(SMELT_ERROR_DEVICE_LOST);
        CASE(SMELT_ERROR_VULKAN);
        CASE(SMELT_ERROR_HAZARD);
    }
    return "unknown result";
}

// The results that the calls smelt makes can return (Vulkan specification 1.3, section 3.7.3).
static const char *vk_result_name(VkResult result)
{
    switch ((int)result) {
        CASE(VK_SUCCESS);
        CASE(VK_NOT_READY);
        CASE(VK_TIMEOUT);
        CASE(VK_INCOMPLETE);
        CASE(VK_ERROR_OUT_OF_HOST_MEMORY);
        CASE(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        CASE(VK_ERROR_INITIALIZATION_FAILED);
        CASE(VK_ERROR_DEVICE_LOST);
        CASE(VK_ERROR_MEMORY_MAP_FAILED);
        CASE(VK_ERROR_LAYER_NOT_PRESENT);
        CASE(VK_ERROR_EXTENSION_NOT_PRESENT);
        CASE(VK_ERROR_FEATURE_NOT_PRESENT);
        CASE(VK_ERROR_INCOMPATIBLE_DRIVER);
        CASE(VK_ERROR_TOO_MANY_OBJECTS);
        CASE(VK_ERROR_FORMAT_NOT_SUPPORTED);
        CASE(VK_ERROR_FRAGMENTED_POOL);
        CASE(VK_ERROR_UNKNOWN);
        CASE(VK_ERROR_OUT_OF_POOL_MEMORY);
        CASE(VK_ERROR_INVALID_EXTERNAL_HANDLE);
        CASE(VK_ERROR_FRAGMENTATION);
        CASE(VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS);
        CASE(VK_PIPELINE_COMPILE_REQUIRED);
        CASE(VK_ERROR_INVALID_SHADER_NV);
    }
    return NULL;
}

const char *smelt_last_error(void)
{
    return last_error;
}

static bool wants(smelt_context context, enum smelt_log_level level)
{
    if (!context || !context->log)
        return false;
    return level <= (context->log_level == SMELT_LOG_DEFAULT ? SMELT_LOG_WARNING : context->log_level);
}

enum smelt_result smelt_fail(smelt_context context, enum smelt_result result, const char *format, ...)
{
    char line[LINE_SIZE]; // an argument may be smelt_last_error() itself
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    memcpy(last_error, line, strlen(line) + 1);
    if (wants(context, SMELT_LOG_ERROR) && !errors_held)
        context->log(context->log_user, SMELT_LOG_ERROR, last_error);
    return result;
}

enum smelt_result smelt_fail_vk(smelt_context context, VkResult result, const char *call)
{
    enum smelt_result mapped = SMELT_ERROR_VULKAN;
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        mapped = SMELT_ERROR_OUT_OF_HOST_MEMORY;
    else if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_POOL_MEMORY)
        mapped = SMELT_ERROR_OUT_OF_DEVICE_MEMORY;
    else if (result == VK_ERROR_DEVICE_LOST)
        mapped = SMELT_ERROR_DEVICE_LOST;
    const char *name = vk_result_name(result);
    if (!name)
        return smelt_fail(context, mapped, "%s: got VkResult %d, wanted VK_SUCCESS", call, (int)result);
    return smelt_fail(context, mapped, "%s: got %s, wanted VK_SUCCESS", call, name);
}

void smelt_log(smelt_context context, enum smelt_log_level level, const char *format, ...)
{
    if (!wants(context, level))
        return;
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    context->log(context->log_user, level, line);
}

void smelt_log_time(smelt_context context, const char *what, const char *name, uint64_t *at)
{
    uint64_t now = smelt_os_time_ns();
    smelt_log(context, SMELT_LOG_DEBUG, "time: %s %s: %.2f ms", what, name, (double)(now - *at) * 1e-6);
    *at = now;
}

// Makes room for `size` more bytes and a closing NUL.
static bool text_reserve(struct smelt_text *text, size_t size)
{
    if (text->failed)
        return false;
    if (size > SIZE_MAX / 2 - text->size - 1) {
        text->failed = true;
        return false;
    }
    size_t wanted = text->size + size + 1;
    if (wanted <= text->capacity)
        return true;
    size_t capacity = SMELT_MAX(wanted, SMELT_MAX((size_t)256, text->capacity * 2));
    char *data = realloc(text->data, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void smelt_text_add_bytes(struct smelt_text *text, const void *bytes, size_t size)
{
    if (!text_reserve(text, size))
        return;
    if (size)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void smelt_text_add(struct smelt_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0) {
        text->failed = true;
    } else if (text_reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
        text->size += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

void smelt_text_free(struct smelt_text *text)
{
    free(text->data);
    *text = (struct smelt_text){0};
}

char *smelt_copy_string(const char *string)
{
    if (!string)
        return NULL;
    size_t size = strlen(string) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, string, size);
    return copy;
}

// FNV-1a, 64 bits: Fowler, Noll, Vo; RFC draft-eastlake-fnv, section 2.
uint64_t smelt_hash(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3ull;
    return hash;
}
