// SPDX-License-Identifier: MIT
// Error lines.
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>

static const char *program = "neural-material";

bool fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return false;
}

void fail_set_program(const char *name)
{
    program = name;
}
