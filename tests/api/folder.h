// SPDX-License-Identifier: MIT
// A temporary folder for a test program, and files in it.
#ifndef SMELT_TEST_FOLDER_H
#define SMELT_TEST_FOLDER_H

#include "test.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder_path[256];

static inline void folder_remove_tree(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        char name[2048];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >= (int)sizeof(name))
            continue;
        struct stat status;
        if (lstat(name, &status) == 0 && S_ISDIR(status.st_mode))
            folder_remove_tree(name);
        else
            unlink(name);
    }
    closedir(directory);
    rmdir(path);
}

static inline void folder_remove(void)
{
    folder_remove_tree(folder_path);
}

// The folder's path; made at the first call, removed at exit.
static inline const char *folder(void)
{
    if (!folder_path[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(folder_path, sizeof(folder_path), "%s/smelt-test-XXXXXX", base ? base : "/tmp");
        if (!mkdtemp(folder_path)) {
            printf("    cannot make a folder in %s\n", base ? base : "/tmp");
            exit(1);
        }
        atexit(folder_remove);
    }
    return folder_path;
}

// The path of `name` in the folder: one of 64 buffers in turn.
static inline const char *folder_file(const char *name)
{
    static char paths[64][512];
    static unsigned next;
    char *path = paths[next++ % 64];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder(), name);
    return path;
}

static inline const char *folder_subfolder(const char *name)
{
    const char *path = folder_file(name);
    mkdir(path, 0777);
    return path;
}

// Writes bytes (size 0: the string's) and returns the path.
static inline const char *folder_write(const char *name, const void *data, size_t size)
{
    const char *path = folder_file(name);
    FILE *file = fopen(path, "wb");
    CHECK(file);
    size = size ? size : strlen(data);
    CHECK(fwrite(data, 1, size, file) == size);
    CHECK(fclose(file) == 0);
    return path;
}

// Reads a whole file; to be freed. A NUL follows it.
static inline char *folder_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    CHECK(file);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    long length = ftell(file);
    CHECK(length >= 0);
    rewind(file);
    char *data = calloc((size_t)length + 1, 1);
    CHECK(data && fread(data, 1, (size_t)length, file) == (size_t)length);
    fclose(file);
    *size = (size_t)length;
    return data;
}

// How many entries a folder has; the last one's path in `path` when not NULL (512 bytes).
static inline unsigned folder_count(const char *folder_name, char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(folder_name);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (entry->d_name[0] != '.') {
            count++;
            if (path)
                snprintf(path, 512, "%s/%.200s", folder_name, entry->d_name);
        }
    if (directory)
        closedir(directory);
    return count;
}

#endif
