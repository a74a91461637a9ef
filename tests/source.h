// SPDX-License-Identifier: MIT
// Files of the source tree that tests read.
#ifndef SMELT_TEST_SOURCE_H
#define SMELT_TEST_SOURCE_H

#include "test.h"

// The path of `name` in $SMELT_DATA where it is there, as in a bundle, else in the tree that the program was built from
// (SMELT_TEST_SOURCE): one of 8 buffers in turn.
static inline const char *source_file(const char *name)
{
    static char paths[8][1024];
    static unsigned next;
    char *path = paths[next++ % 8];
    const char *data = getenv("SMELT_DATA");
    if (data && snprintf(path, sizeof(paths[0]), "%s/%s", data, name) < (int)sizeof(paths[0])) {
        FILE *file = fopen(path, "rb");
        if (file) {
            fclose(file);
            return path;
        }
    }
    CHECK(snprintf(path, sizeof(paths[0]), "%s/%s", SMELT_TEST_SOURCE, name) < (int)sizeof(paths[0]));
    return path;
}

#endif
