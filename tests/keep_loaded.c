// SPDX-License-Identifier: MIT
// Linked into every program of a build under AddressSanitizer: keeps the Vulkan driver and layer in memory. Leaks are
// reported after main, and a library that was unloaded by then has no name for lsan.supp to match.
#include <dlfcn.h>
#include <stddef.h>

__attribute__((constructor)) static void keep_loaded(void)
{
    static const char *const libraries[] = {"libVkLayer_khronos_validation.so", "libvulkan_lvp.so",
                                            "libvulkan.so.1"};
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
        dlopen(libraries[i], RTLD_LAZY); // never closed; absent ones do not matter
}
