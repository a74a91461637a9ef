// SPDX-License-Identifier: MIT
// The end of both fragment shaders: from a material's channels, however they came about, to the pixel.
#ifndef SURFACE_GLSL
#define SURFACE_GLSL

#include "shading.glsl"

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 tangent;
layout(location = 3) in vec2 uv;

layout(location = 0) out vec4 color; // alpha 1: the mesh

// base_color linear; tangent_normal unit, x along growing u, y up in the image
void write_pixel(vec3 base_color, vec3 tangent_normal, float roughness, float metalness, float occlusion)
{
    surface_point s = mesh_point(normal, tangent, gl_FrontFacing, tangent_normal);
    set_channels(s, base_color, roughness, metalness, occlusion);
    color = vec4(shade(s, position, gl_FragCoord.xy), 1.0);
}

#endif
