// SPDX-License-Identifier: MIT
// A misspelt backend bit counts as 0.
// expect: base.glsl: SMELT_BACKENDS must be one or more SMELT_BACKEND_BIT_x joined by |
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABEL
#include "smelt/base.glsl"
layout(local_size_x = 1) in;
void main()
{
}
