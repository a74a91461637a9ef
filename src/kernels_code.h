// SPDX-License-Identifier: MIT
// SPIR-V of the library's kernels from elsewhere: recorded while a network is made, kept in its package, and taken instead of
// compiling where the package is loaded.
#ifndef SMELT_KERNELS_CODE_H
#define SMELT_KERNELS_CODE_H

#include "kernels_cache.h"

struct smelt_kernel_code {
    uint64_t key[2];
    const char *name; // of the kernel
    enum smelt_backend backend;
    const uint32_t *words;
    uint64_t size; // bytes
};
struct smelt_kernel_codes {
    struct smelt_kernel_code *list;
    uint32_t count;
    struct smelt_kernel_codes *next; // in a context's list
};

// What a kernel's text is a function of: the library's version, the kernel, its backend and ops as this device lays them out.
enum smelt_result smelt_kernel_code_key(smelt_context context, const struct smelt_kernel_request *request,
                                        const struct smelt_text *text, uint64_t key[2]);
// Of any set that the context was given; NULL: none. Under kernels_mutex, as is the use of its words.
const struct smelt_kernel_code *smelt_kernel_code_find(smelt_context context, const uint64_t key[2]);
// Adds a copy to what the context records, once. Under kernels_mutex. Errors: OUT_OF_HOST_MEMORY.
enum smelt_result smelt_kernel_code_record(smelt_context context, const struct smelt_kernel_request *request,
                                           const uint64_t key[2], const uint32_t *words, uint64_t size);
// Sets are borrowed until they are taken back.
void smelt_kernel_codes_give(smelt_context context, struct smelt_kernel_codes *codes);
void smelt_kernel_codes_take_back(smelt_context context, struct smelt_kernel_codes *codes);
// Between a call with true and one with false, calls on this thread take kernels from such sets in a build without compiler;
// elsewhere they take what is baked into the library.
void smelt_kernels_use_codes(bool begins);
// Of a recorded set, which owns its words.
void smelt_kernel_codes_free(struct smelt_kernel_codes *codes);

// Makes the context, of which nothing was made yet, record what it compiles into `codes` and make no pipeline: nothing of it can
// run. It passes for a GPU with this backend: subgroups of 32, and what its implementations list of matrices; PORTABLE: with
// none of the extensions; AUTO: for what it is.
void smelt_context_record_kernels(smelt_context context, enum smelt_backend backend,
                                  struct smelt_kernel_codes *codes);

#endif
