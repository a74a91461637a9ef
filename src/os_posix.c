// SPDX-License-Identifier: MIT
// The operating system for POSIX: shared libraries, files, directories, time.
#define _XOPEN_SOURCE 700 // realpath
#include "internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void *smelt_os_open_library(const char *name)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "%s", dlerror());
    return library;
}

void *smelt_os_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

void smelt_os_close_library(void *library)
{
    if (library)
        dlclose(library);
}

static enum smelt_result fail_errno(smelt_context context, const char *what, const char *path, int error)
{
    enum smelt_result result = error == ENOENT || error == ENOTDIR ? SMELT_ERROR_NOT_FOUND : SMELT_ERROR_IO;
    char text[128];
    if (strerror_r(error, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "error %d", error);
    return smelt_fail(context, result, "cannot %s '%s': %s", what, path, text);
}

enum smelt_result smelt_os_map_file(smelt_context context, const char *path, struct smelt_mapping *mapping)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a FIFO must not block before it is refused
    return file < 0 ? fail_errno(context, "open", path, errno)
                    : smelt_os_map_descriptor(context, file, path, mapping);
}

enum smelt_result smelt_os_map_descriptor(smelt_context context, int file, const char *path,
                                          struct smelt_mapping *mapping)
{
    struct stat status;
    if (fstat(file, &status) != 0) {
        int error = errno;
        close(file);
        return fail_errno(context, "read the size of", path, error);
    }
    if (!S_ISREG(status.st_mode)) {
        close(file);
        return smelt_fail(context, SMELT_ERROR_IO, "cannot read '%s': %s, wanted a regular file", path,
                          S_ISDIR(status.st_mode) ? "it is a directory" : "it is a special file");
    }
    if ((uintmax_t)status.st_size > SIZE_MAX) {
        close(file);
        return smelt_fail(context, SMELT_ERROR_IO, "cannot map '%s': it is larger than the address space",
                          path);
    }
    struct smelt_mapping result = {NULL, (size_t)status.st_size};
    if (result.size) {
        void *data = mmap(NULL, result.size, PROT_READ, MAP_PRIVATE, file, 0);
        if (data == MAP_FAILED) {
            int error = errno;
            close(file);
            return fail_errno(context, "map", path, error);
        }
        result.data = data;
    }
    close(file);
    *mapping = result;
    return SMELT_OK;
}

void smelt_os_unmap_file(struct smelt_mapping *mapping)
{
    if (mapping->data)
        munmap((void *)(uintptr_t)mapping->data, mapping->size);
    *mapping = (struct smelt_mapping){0};
}

// Returns 0 or the error.
static int write_all(int file, const void *data, size_t size)
{
    const unsigned char *p = data;
    while (size) {
        ssize_t written = write(file, p, size);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            return errno;
        }
        p += written;
        size -= (size_t)written;
    }
    return 0;
}

// A pipe or a device is written in place: there is nothing to replace.
static enum smelt_result write_special(smelt_context context, const char *path, const void *data, size_t size)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return fail_errno(context, "write", path, errno);
    int error = write_all(file, data, size);
    if (close(file) != 0 && !error)
        error = errno;
    return error ? fail_errno(context, "write", path, error) : SMELT_OK;
}

// Writes beside `target` under a name no other thread or process uses, then renames. Returns 0 or the error.
static int replace_file(const char *target, const void *data, size_t size)
{
    static atomic_uint counter;
    size_t capacity = strlen(target) + 64;
    char *temporary = malloc(capacity);
    if (!temporary)
        return ENOMEM;
    int file = -1;
    for (int attempt = 0; attempt < 16 && file < 0;
         attempt++) { // a name can be left over from a killed process
        snprintf(temporary, capacity, "%s.%ld-%u.tmp", target, (long)getpid(), atomic_fetch_add(&counter, 1));
        file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST)
            break;
    }
    if (file < 0) {
        int error = errno;
        free(temporary);
        return error;
    }
    int error = write_all(file, data, size);
    if (!error && fsync(file) != 0)
        error = errno;
    if (close(file) != 0 && !error)
        error = errno;
    if (!error && rename(temporary, target) != 0)
        error = errno;
    if (error)
        unlink(temporary);
    free(temporary);
    return error;
}

enum smelt_result smelt_os_write_file(smelt_context context, const char *path, const void *data, size_t size)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        if (S_ISDIR(status.st_mode))
            return smelt_fail(context, SMELT_ERROR_IO, "cannot write '%s': it is a directory", path);
        return write_special(context, path, data, size);
    }
    char *target = realpath(path, NULL); // a link keeps pointing to the file that is replaced
    int error = replace_file(target ? target : path, data, size);
    free(target);
    if (!error)
        return SMELT_OK;
    fail_errno(context, "write", path, error);
    return SMELT_ERROR_IO;
}

enum smelt_result smelt_os_make_directories(smelt_context context, const char *path)
{
    char *copy = smelt_copy_string(path);
    if (!copy)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for the path '%s'", path);
    int error = 0;
    for (char *p = copy + 1; *copy && !error; p++) {
        char at = *p;
        if (at != '/' && at != '\0')
            continue;
        *p = '\0';
        struct stat status;
        if (mkdir(copy, 0777) != 0) {
            error = errno; // also EACCES or EROFS for a directory that exists
            if (stat(copy, &status) == 0)
                error = S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
        }
        *p = at;
        if (at == '\0')
            break;
    }
    free(copy);
    if (!error)
        return SMELT_OK;
    fail_errno(context, "make the directory", path, error);
    return SMELT_ERROR_IO;
}

bool smelt_os_is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

char *smelt_os_cache_directory(void)
{
    const char *base = getenv("XDG_CACHE_HOME");
    const char *middle = "";
    if (!base || base[0] != '/') { // relative paths are to be ignored
        base = getenv("HOME");
        middle = "/.cache";
        if (!base || base[0] != '/')
            return NULL;
    }
    struct smelt_text text = {0};
    smelt_text_add(&text, "%s%s/smelt", base, middle);
    if (text.failed)
        smelt_text_free(&text);
    return text.data;
}

uint32_t smelt_os_processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 1 ? (uint32_t)count : 1;
}

uint64_t smelt_os_time_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
