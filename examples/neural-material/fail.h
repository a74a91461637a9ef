// SPDX-License-Identifier: MIT
// How this program says what went wrong: one line on standard error, by whoever finds it first.
#ifndef EXAMPLE_FAIL_H
#define EXAMPLE_FAIL_H

#include <stdbool.h>

// "PROGRAM: ..."; returns false, for `return fail(...)`.
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
bool fail(const char *format, ...);

// What stands for PROGRAM; borrowed.
void fail_set_program(const char *name);

#endif
