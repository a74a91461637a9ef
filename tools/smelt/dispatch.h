// SPDX-License-Identifier: MIT
// Runs one compute shader on the context's queue and waits: all the Vulkan that the command needs itself.
#ifndef SMELT_TOOL_DISPATCH_H
#define SMELT_TOOL_DISPATCH_H

#include <smelt/smelt.h>

// Dispatches `shader` with `arguments` over groups[3] workgroups and waits for it.
// Errors: as smelt_shader_create_compute_pipeline and smelt_arguments_bind; DEVICE_LOST, VULKAN.
enum smelt_result tool_dispatch(smelt_context context, smelt_shader shader, smelt_arguments arguments,
                                const uint32_t groups[3], const char **failed_call);

#endif
