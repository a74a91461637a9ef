// SPDX-License-Identifier: MIT
// A module before base.glsl.
// expect: deferred.glsl: include smelt/base.glsl first
#version 460
#include "smelt/deferred.glsl"
layout(local_size_x = 1) in;
void main()
{
}
