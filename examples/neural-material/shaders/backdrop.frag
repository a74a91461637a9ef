// SPDX-License-Identifier: MIT
// The studio's floor, which curves up into the background, with the mesh's shadow on it.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "shading.glsl"

layout(location = 0) in vec2 position;
layout(location = 0) out vec4 color;

void main()
{
    vec3 ray =
        normalize(scene.ray_forward.xyz + position.x * scene.ray_right.xyz + position.y * scene.ray_up.xyz);
    vec3 wall = mix(vec3(0.115, 0.12, 0.13), vec3(0.022, 0.025, 0.032), smoothstep(-0.12, 0.34, ray.y));
    vec3 radiance = wall;
    if (ray.y < -1e-4) {
        float distance = (scene.floor_height - scene.camera.y) / ray.y;
        vec3 point = scene.camera.xyz + distance * ray;
        vec2 from_mesh = (point.xz - scene.middle) / scene.radius;
        float key = scene.key_direction.y * key_visibility(point, vec3(0, 1, 0), gl_FragCoord.xy);
        float pool = exp(-0.12 * dot(from_mesh, from_mesh));                 // of light around the mesh
        float open_sky = 1.0 - 0.75 * exp(-3.5 * dot(from_mesh, from_mesh)); // the mesh hides it
        vec3 lit = vec3(0.12, 0.118, 0.117) * (0.45 * open_sky + 0.9 * key * scene.key_radiance.rgb * pool);
        radiance = mix(lit, wall, smoothstep(1.5, 7.0, length(from_mesh)));
    }
    radiance *= 1.0 - 0.35 * smoothstep(0.5, 1.9, length(position));
    color = vec4(tone_map(radiance), 0.0);
}
