// SPDX-License-Identifier: MIT
// Declarations that Debian 12's Vulkan headers (1.3.239) predate, each guarded by its extension's macro and
// copied in value from the Vulkan specification's section named beside it. No backend depends on the headers.
#ifndef SMELT_VK_MISSING_H
#define SMELT_VK_MISSING_H

#include <vulkan/vulkan_core.h>

#endif
