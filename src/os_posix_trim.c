// SPDX-License-Identifier: MIT
// The operating system for POSIX: directories of files that are kept to a size.
#define _XOPEN_SOURCE 700 // utimensat
#include "internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    char *path;
    uint64_t size;
    struct timespec used;
};

struct files {
    struct file *list;
    size_t count, capacity;
    uint64_t size;
};

static bool begins_with_one(const char *name, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (!strncmp(name, *prefixes, strlen(*prefixes)))
            return true;
    return false;
}

static bool add_file(struct files *files, const char *directory, const char *name)
{
    struct smelt_text path = {0};
    struct stat status;
    smelt_text_add(&path, "%s/%s", directory, name);
    if (path.failed || lstat(path.data, &status) != 0 || !S_ISREG(status.st_mode)) {
        smelt_text_free(&path);
        return !path.failed;
    }
    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? 2 * files->capacity : 256;
        struct file *list = realloc(files->list, capacity * sizeof(*list));
        if (!list) {
            smelt_text_free(&path);
            return false;
        }
        files->list = list;
        files->capacity = capacity;
    }
    files->list[files->count++] = (struct file){path.data, (uint64_t)status.st_size, status.st_mtim};
    files->size += (uint64_t)status.st_size;
    return true;
}

static int compare_use(const void *a, const void *b)
{
    const struct timespec *x = &((const struct file *)a)->used, *y = &((const struct file *)b)->used;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

void smelt_os_mark_used(const char *path)
{
    (void)utimensat(AT_FDCWD, path, NULL, 0); // a directory that cannot be written keeps its order
}

uint32_t smelt_os_trim_directory(const char *directory, const char *const *prefixes, uint64_t limit)
{
    DIR *opened = opendir(directory);
    struct files files = {0};
    uint32_t removed = 0;
    bool whole = opened != NULL;
    for (struct dirent *entry; whole && (entry = readdir(opened));)
        whole = !begins_with_one(entry->d_name, prefixes) || add_file(&files, directory, entry->d_name);
    if (opened)
        closedir(opened);
    if (whole && files.size > limit) { // below it by an eighth, so that not every write has to
        qsort(files.list, files.count, sizeof(*files.list), compare_use);
        for (size_t i = 0; i + 1 < files.count && files.size > limit - limit / 8; i++) {
            removed += unlink(files.list[i].path) == 0; // another process may have been first
            files.size -= files.list[i].size;
        }
    }
    for (size_t i = 0; i < files.count; i++)
        free(files.list[i].path);
    free(files.list);
    return removed;
}
