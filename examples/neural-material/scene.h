// SPDX-License-Identifier: MIT
// The host's side of shaders/scene.glsl: camera and light, as the uniform buffer holds them (std140).
#ifndef EXAMPLE_SCENE_H
#define EXAMPLE_SCENE_H

#include "mesh.h"

struct scene {
    struct mat4 view_projection, light_view_projection;
    struct vec4 camera, ray_forward, ray_right, ray_up, key_direction, key_radiance;
    float floor_height, radius, light_size, light_extent, light_depth, tiling;
    struct vec2 middle;
};

// Where the camera stands around the mesh.
struct scene_view {
    float turn, elevation; // radians, to the right and up
    float zoom;            // 1: the whole mesh fits
};

// A camera that looks at the mesh, and the key light. aspect: width / height.
struct scene scene_for_mesh(const struct mesh *mesh, const struct scene_view *view, float aspect,
                            float tiling);

#endif
