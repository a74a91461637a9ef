// SPDX-License-Identifier: MIT
// What the tests of contexts share: a folder of their own, a log that is counted, environment variables put back.
#ifndef SMELT_TEST_CONTEXT_RIG_H
#define SMELT_TEST_CONTEXT_RIG_H

#include "feature_table.h"
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/smelt-context-XXXXXX";

struct lines {
    int errors, warnings, infos;
    char last[1024];
};

static inline void keep_line(void *user, enum smelt_log_level level, const char *line)
{
    struct lines *lines = user;
    lines->errors += level == SMELT_LOG_ERROR;
    lines->warnings += level == SMELT_LOG_WARNING;
    lines->infos += level == SMELT_LOG_INFO;
    snprintf(lines->last, sizeof(lines->last), "%s", line);
}

// Runs the tests with `folder` as the default cache directory, and removes it.
static inline int rig_main(int argc, char **argv, const struct test *tests, size_t count)
{
    if (!mkdtemp(folder))
        return 1;
    setenv("XDG_CACHE_HOME", folder, 1);
    int status = test_main(argc, argv, tests, count);
    char command[300];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 || status;
}

#endif
