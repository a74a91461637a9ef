// SPDX-License-Identifier: MIT
// Maps a file that must lie below a directory, whatever its path says: for names that come out of files.
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum smelt_result fail_open(smelt_context context, const char *path, const char *directory, int error)
{
    char text[128];
    if (strerror_r(error, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "error %d", error);
    return smelt_fail(context, error == ENOENT ? SMELT_ERROR_NOT_FOUND : SMELT_ERROR_IO,
                      "cannot open '%.200s' below '%s': %s", path, directory, text);
}

static enum smelt_result refuse(smelt_context context, const char *path, const char *why)
{
    return smelt_fail(context, SMELT_ERROR_FORMAT, "'%.200s': wanted a path of names below the directory: %s",
                      path, why);
}

enum smelt_result smelt_os_map_file_beneath(smelt_context context, const char *directory, const char *path,
                                            struct smelt_mapping *mapping)
{
    if (!*path || *path == '/' || strchr(path, '\\') || path[strlen(path) - 1] == '/')
        return refuse(context, path, "it is absolute, empty, a directory or not portable");
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return fail_open(context, ".", directory, errno);
    for (const char *at = path;;) {
        char name[256];
        size_t length = strcspn(at, "/");
        bool last = !at[length];
        if (length >= sizeof(name) || (length == 2 && !memcmp(at, "..", 2))) {
            close(folder);
            return refuse(context, path, length == 2 ? "it goes up" : "a name is too long");
        }
        memcpy(name, at, length);
        name[length] = 0;
        // An empty name or "." is the folder itself.
        int next = openat(folder, length ? name : ".",
                          O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY));
        int error = errno;
        close(folder);
        if (next < 0 && (error == ELOOP || error == ENOTDIR))
            return refuse(context, path, "a part of it is a symbolic link, or no directory");
        if (next < 0)
            return fail_open(context, path, directory, error);
        if (last)
            return smelt_os_map_descriptor(context, next, path, mapping);
        folder = next;
        at += length + 1;
    }
}
