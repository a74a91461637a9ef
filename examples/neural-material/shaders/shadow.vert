// SPDX-License-Identifier: MIT
// The mesh as the key light sees it: depth only.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "scene.glsl"

layout(location = 0) in vec3 in_position;

void main()
{
    gl_Position = scene.light_view_projection * vec4(in_position, 1.0);
}
