// SPDX-License-Identifier: MIT
// A set of native types with a bit that means nothing.
// expect: base.glsl: SMELT_NATIVE_DTYPES must be one or more SMELT_DTYPE_BIT_x joined by |
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#define SMELT_NATIVE_DTYPES 1
#include "smelt/base.glsl"
layout(local_size_x = 1) in;
void main()
{
}
