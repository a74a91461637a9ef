// SPDX-License-Identifier: MIT
// Which version of a shared library is loaded: told by its file.
#define _GNU_SOURCE // dladdr
#include "shader_internal.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>

uint64_t smelt_os_library_stamp(void (*function)(void))
{
    void (*own)(void) = (void (*)(void))smelt_os_library_stamp;
    void *address, *own_address;
    Dl_info info, own_info;
    struct stat status;
    memcpy(&address, &function, sizeof(address)); // POSIX: function pointers fit in void *
    memcpy(&own_address, &own, sizeof(own_address));
    if (!dladdr(address, &info) || !dladdr(own_address, &own_info) || info.dli_fbase == own_info.dli_fbase ||
        stat(info.dli_fname, &status) != 0)
        return 0;
    uint64_t numbers[] = {(uint64_t)status.st_size, (uint64_t)status.st_mtim.tv_sec,
                          (uint64_t)status.st_mtim.tv_nsec};
    uint64_t hash = smelt_hash(SMELT_HASH_START, info.dli_fname, strlen(info.dli_fname));
    return smelt_hash(hash, numbers, sizeof(numbers));
}
