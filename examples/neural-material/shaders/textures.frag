// SPDX-License-Identifier: MIT
// The reference: the same surface from the original textures.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "surface.glsl"

layout(set = 1, binding = 0) uniform sampler2D base_color_map; // sRGB format: sampled linear
layout(set = 1, binding = 1) uniform sampler2D normal_map;     // (n + 1) / 2
layout(set = 1, binding = 2) uniform sampler2D orm_map;        // occlusion, roughness, metalness

void main()
{
    // The finest level, as the network has it: the picture is supersampled instead (see the README).
    vec3 n = textureLod(normal_map, uv, 0.0).xyz * 2.0 - 1.0;
    vec3 orm = textureLod(orm_map, uv, 0.0).xyz;
    write_pixel(textureLod(base_color_map, uv, 0.0).rgb, normalize(n), orm.y, orm.z, orm.x);
}
