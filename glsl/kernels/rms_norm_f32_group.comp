// SPDX-License-Identifier: MIT
// rms_norm_f32_group.comp: the baked norm_body.glsl for f32, a workgroup a line.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#define KERNEL_DTYPE SMELT_DTYPE_F32
#define KERNEL_TAG f32
#define KERNEL_SCOPE SMELT_SCOPE_WORKGROUP
#define KERNEL_CENTRED 0
#define KERNEL_ADDS 0
#include "line_body.glsl"
#include "norm_body.glsl"
