// SPDX-License-Identifier: MIT
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
layout(local_size_x = 1) in;
void main()
{
}
