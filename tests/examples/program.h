// SPDX-License-Identifier: MIT
// Runs a program with arguments and keeps what it printed; a folder for its files.
#ifndef TEST_PROGRAM_H
#define TEST_PROGRAM_H

#include "test.h"

#include <ftw.h>
#include <sys/wait.h>
#include <unistd.h>

static char program_output[65536]; // of the last run, both streams
static char test_folder[64];

static inline int folder_remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static inline void folder_remove(void)
{
    if (test_folder[0])
        nftw(test_folder, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// A temporary folder that goes away when the program ends.
static inline const char *folder(void)
{
    if (!test_folder[0]) {
        strcpy(test_folder, "/tmp/smelt-test-XXXXXX");
        if (!mkdtemp(test_folder)) {
            perror("mkdtemp");
            exit(1);
        }
        atexit(folder_remove);
    }
    return test_folder;
}

// A path in that folder; of the last few calls.
static inline const char *in_folder(const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder(), name);
    return path;
}

// The exit status of a program, -1 when it did not exit by itself. Arguments end with NULL; --validate is left out where
// SMELT_TEST_VALIDATION is 0.
static inline int run_program(const char *const *arguments)
{
    int ends[2], status = 0;
    size_t used = 0, count = 0;
    const char *off = getenv("SMELT_TEST_VALIDATION"), *kept[64];
    for (; *arguments; arguments++)
        if (!(off && !strcmp(off, "0") && !strcmp(*arguments, "--validate"))) {
            CHECK(count + 1 < sizeof(kept) / sizeof(*kept));
            kept[count++] = *arguments;
        }
    kept[count] = NULL;
    fflush(stdout);
    CHECK(!pipe(ends));
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        execvp(kept[0], (char *const *)(uintptr_t)kept);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t got = 1; got > 0; used += (size_t)(got > 0 ? got : 0))
        got = used + 1 < sizeof(program_output)
                  ? read(ends[0], program_output + used, sizeof(program_output) - 1 - used)
                  : 0;
    program_output[used] = 0;
    close(ends[0]);
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...) run_program((const char *const[]){__VA_ARGS__, NULL})

static inline size_t output_lines(void)
{
    size_t lines = 0;
    for (const char *c = program_output; *c; c++)
        lines += *c == '\n';
    return lines;
}

// The environment variable meson.build sets.
static inline const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (!value) {
        printf("%s is not set: run this through meson test\n", name);
        exit(1);
    }
    return value;
}

#endif
