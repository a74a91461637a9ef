// SPDX-License-Identifier: MIT
// Allocations of this program, counted where glibc lets a program replace malloc. Included by one source of a program.
#ifndef SMELT_BENCH_ALLOCATIONS_H
#define SMELT_BENCH_ALLOCATIONS_H

#include <stddef.h>

#if defined(__has_feature) // clang's way to tell of AddressSanitizer, which replaces malloc itself
#if __has_feature(address_sanitizer)
#define COUNTS_ALLOCATIONS 0
#endif
#endif
#if !defined(COUNTS_ALLOCATIONS)
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define COUNTS_ALLOCATIONS 1
#else
#define COUNTS_ALLOCATIONS 0
#endif
#endif

static _Thread_local unsigned long long allocations;

#if COUNTS_ALLOCATIONS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}
void *realloc(void *pointer, size_t size)
{
    allocations++;
    return __libc_realloc(pointer, size);
}
#endif

#endif
