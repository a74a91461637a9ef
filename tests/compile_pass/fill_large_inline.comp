// SPDX-License-Identifier: MIT
// The largest operand of a product of one invocation: filling it must not be unrolled.
// seconds: 5
// bytes: 20000
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_INLINE large
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 2
#define SMELT_EXTENT0 16
#define SMELT_EXTENT1 1024
#define SMELT_INLINE_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/inline_tensor_tmpl.glsl"
layout(set = 0, binding = 0) buffer result
{
    float value[];
};
layout(local_size_x = 1) in;
void main()
{
    large l;
    smelt_fill(l, value[0]);
    smelt_set(l, int(value[1]), 3, 2.0);
    value[2] = smelt_get(l, int(value[3]), 4);
}
