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
    // The mesh may be open (a chair's seat seen from below): both sides are surface.
    vec3 n = gl_FrontFacing ? normalize(normal) : -normalize(normal);
    vec3 t = normalize(tangent.xyz - n * dot(n, tangent.xyz));
    vec3 b = cross(normalize(normal), t) * tangent.w;
    surface_point s;
    s.base_color = clamp(base_color, 0.0, 1.0);
    s.normal = normalize(tangent_normal.x * t + tangent_normal.y * b + tangent_normal.z * n);
    s.geometric_normal = n;
    s.roughness = clamp(roughness, 0.0, 1.0);
    s.metalness = clamp(metalness, 0.0, 1.0);
    s.occlusion = clamp(occlusion, 0.0, 1.0);
    color = vec4(shade(s, position, gl_FragCoord.xy), 1.0);
}

#endif
