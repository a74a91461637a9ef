// SPDX-License-Identifier: MIT
// The mesh in world space, with what a material needs.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "scene.glsl"

layout(location = 0) in vec3 in_position;
layout(location = 1) in vec3 in_normal;
layout(location = 2) in vec4 in_tangent;
layout(location = 3) in vec2 in_uv;

layout(location = 0) out vec3 position;
layout(location = 1) out vec3 normal;
layout(location = 2) out vec4 tangent;
layout(location = 3) out vec2 uv;

void main()
{
    position = in_position;
    normal = in_normal;
    tangent = in_tangent;
    uv = in_uv * scene.tiling;
    gl_Position = scene.view_projection * vec4(in_position, 1.0);
}
