// SPDX-License-Identifier: MIT
// Results, the log, the last error and the version: what every other header of smelt uses.
//
// Rules that hold for the whole library, said once:
//  - Every call that can fail returns `enum smelt_result`; on failure its outputs are untouched unless the
//    call says otherwise, one line with what was wanted and got goes to the context's log, and the same line
//    is kept for the calling thread: smelt_last_error().
//  - A zero-initialised params struct means the documented defaults. Params and everything they point to are
//    read during the call only, unless a field says *borrowed* (then it must outlive the object).
//  - A NULL handle, and a NULL place for an output that is not optional, are INVALID_ARGUMENT in calls that return a
//    result; calls that return something else want a live object unless they say otherwise.
//  - `smelt_x_destroy(&x)` sets the handle to NULL and accepts a pointer to NULL. It never waits for the GPU:
//    the caller sees to it that no submitted work still uses the object.
//  - Strings are UTF-8. Sizes and offsets are bytes, extents and strides count elements, shapes are written
//    slowest dimension first. Times are nanoseconds.
//  - The library prints nothing and never aborts.
#ifndef SMELT_COMMON_H
#define SMELT_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define SMELT_BEGIN extern "C" {
#define SMELT_END }
#else
#define SMELT_BEGIN
#define SMELT_END
#endif

#if defined(__GNUC__)
#define SMELT_API __attribute__((visibility("default")))
#else
#define SMELT_API
#endif

SMELT_BEGIN

#define SMELT_VERSION_MAJOR 0
#define SMELT_VERSION_MINOR 1
#define SMELT_VERSION_PATCH 0

// The version of the library at run time, for example "0.1.0". Static storage.
SMELT_API const char *smelt_version(void);

enum smelt_result {
    SMELT_OK = 0,
    SMELT_ERROR_INVALID_ARGUMENT = -1, // a field or parameter is out of its documented range
    SMELT_ERROR_SHAPE = -2,            // rank, extents or strides do not fit
    SMELT_ERROR_DTYPE = -3,            // element type does not fit
    SMELT_ERROR_NOT_FOUND = -4,        // no such name, file or entry
    SMELT_ERROR_UNSUPPORTED = -5,      // this device, driver, GLSL compiler or build cannot do it
    SMELT_ERROR_NO_DEVICE = -6,        // no Vulkan driver, or no device that matches
    SMELT_ERROR_COMPILE = -7,          // GLSL error; the message carries file and line
    SMELT_ERROR_FORMAT = -8,           // a file's contents are malformed
    SMELT_ERROR_VERSION = -9,          // a file of a newer format version
    SMELT_ERROR_IO = -10,              // the operating system refused a read or write
    SMELT_ERROR_OUT_OF_HOST_MEMORY = -11,
    SMELT_ERROR_OUT_OF_DEVICE_MEMORY = -12,
    SMELT_ERROR_BUDGET = -13,    // would exceed smelt_context_params.memory_budget
    SMELT_ERROR_NOT_READY = -14, // something needed was not set; the message names it
    SMELT_ERROR_DEVICE_LOST = -15,
    SMELT_ERROR_VULKAN = -16, // another VkResult; the message carries its name and the call
    SMELT_ERROR_HAZARD = -17, // two dispatches conflict with no barrier between them; the message names them
};

// The name of a result, for example "SMELT_ERROR_SHAPE". Static storage; never NULL.
SMELT_API const char *smelt_result_name(enum smelt_result result);

// The calling thread's most recent error line, or "" if there was none. Valid until the thread's next failing
// call into smelt.
SMELT_API const char *smelt_last_error(void);

enum smelt_log_level {
    SMELT_LOG_DEFAULT = 0, // as a threshold: SMELT_LOG_WARNING
    SMELT_LOG_ERROR = 1,
    SMELT_LOG_WARNING = 2,
    SMELT_LOG_INFO = 3,
    SMELT_LOG_DEBUG = 4,
};

// Receives one line without a newline; `line` is valid during the call only. May be called from any thread
// that is inside a smelt call, so it must be thread-safe; it must not call smelt.
typedef void (*smelt_log_fn)(void *user, enum smelt_log_level level, const char *line);

SMELT_END

#endif
