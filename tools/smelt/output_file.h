// SPDX-License-Identifier: MIT
// A file that gets its name when it is whole: until then, and where it does not become so, what had the name stays.
#ifndef SMELT_TOOL_OUTPUT_FILE_H
#define SMELT_TOOL_OUTPUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

struct output_file {
    FILE *stream; // to write to; NULL: not open
    const char *path;
    char temporary[4096]; // beside it
};

// The path stays borrowed until it is closed. False: errno says why.
bool output_open(struct output_file *output, const char *path);
// Whether all that was written is there now, under its name; otherwise nothing is left and errno says why. `whole` false: it
// is given up.
bool output_close(struct output_file *output, bool whole);

#endif
