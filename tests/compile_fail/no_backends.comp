// SPDX-License-Identifier: MIT
// The set of backends in use is not said.
// expect: base.glsl: SMELT_BACKENDS (backends in use, e.g. SMELT_BACKEND_BIT_PORTABLE) is not defined
#version 460
#include "smelt/base.glsl"
layout(local_size_x = 1) in;
void main()
{
}
