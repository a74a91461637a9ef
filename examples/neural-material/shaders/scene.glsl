// SPDX-License-Identifier: MIT
// What every shader of the renderer knows: descriptor set 0. The host's side is struct scene in renderer.c.
#ifndef SCENE_GLSL
#define SCENE_GLSL

layout(set = 0, binding = 0) uniform scene_uniforms
{
    mat4 view_projection;
    mat4 light_view_projection; // orthographic, from the key light
    vec4 camera;                // xyz: position
    vec4 ray_forward;           // a pixel's ray is forward + x right + y up, x and y in -1..1, y up
    vec4 ray_right;
    vec4 ray_up;
    vec4 key_direction; // xyz: towards the key light
    vec4 key_radiance;  // rgb: of a white surface that faces it
    float floor_height;
    float radius;       // of the mesh's bounding sphere; the scene's unit of length
    float light_size;   // of the key light, for penumbrae: half its width, in units of the distance to it
    float light_extent; // half the width of the light's view, world units
    float light_depth;  // world units from its near to its far plane
    float tiling;       // how often the material repeats per unit of u and v
    vec2 middle;        // of the mesh, x and z
}
scene;
layout(set = 0, binding = 1) uniform sampler2D shadow_map; // depth as the key light sees it

#endif
