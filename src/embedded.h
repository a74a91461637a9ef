// SPDX-License-Identifier: MIT
// Files that are part of the library, made by glsl/embed.py at build time.
#ifndef SMELT_EMBEDDED_H
#define SMELT_EMBEDDED_H

#include <stddef.h>

struct smelt_embedded {
    const char *name; // NULL ends a table
    const unsigned char *data;
    size_t size; // bytes; text is NUL-terminated beyond it
};

extern const struct smelt_embedded smelt_embedded_modules[];      // "smelt/base.glsl", ...
extern const struct smelt_embedded smelt_embedded_kernel_texts[]; // GLSL of kernels compiled at run time
extern const struct smelt_embedded smelt_embedded_kernels[];      // SPIR-V of glsl/kernels, "copy", ...

#endif
