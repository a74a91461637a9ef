// SPDX-License-Identifier: MIT
// rms_norm_f16_thread.comp: the baked norm_body.glsl for f16, an invocation a line.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#define KERNEL_DTYPE SMELT_DTYPE_F16
#define KERNEL_TAG f16
#define KERNEL_SCOPE SMELT_SCOPE_THREAD
#define KERNEL_CENTRED 0
#define KERNEL_ADDS 0
#include "line_body.glsl"
#include "norm_body.glsl"
