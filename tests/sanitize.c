// SPDX-License-Identifier: MIT
// Linked into every program of a build under AddressSanitizer: names the leaks that are not smelt's.
#include <dlfcn.h>
#include <stddef.h>

// Leaks are reported after main: a library that was unloaded by then has no name that a suppression could match.
__attribute__((constructor)) static void keep_loaded(void)
{
    static const char *const libraries[] = {"libVkLayer_khronos_validation.so", "libvulkan_lvp.so",
                                            "libvulkan.so.1"};
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
        dlopen(libraries[i], RTLD_LAZY); // never closed; absent ones do not matter
}

// Read by LeakSanitizer: the Vulkan driver, its layers and their compilers, which smelt cannot mend.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libVkLayer_khronos_validation.so\nleak:libvulkan_lvp.so\nleak:libvulkan.so\nleak:libLLVM\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0"; // standard error is the programs' own
}
