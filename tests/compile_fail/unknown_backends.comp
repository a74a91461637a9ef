// SPDX-License-Identifier: MIT
// A bit that is no backend's.
// expect: base.glsl: SMELT_BACKENDS must be one or more SMELT_BACKEND_BIT_x joined by |
#version 460
#define SMELT_BACKENDS 128
#include "smelt/base.glsl"
layout(local_size_x = 1) in;
void main()
{
}
