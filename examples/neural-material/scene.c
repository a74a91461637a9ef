// SPDX-License-Identifier: MIT
// Where the camera and the key light stand for a mesh.
#include "scene.h"

#include <math.h>

// The distance of the farthest vertex from the middle of the bounds.
static float bounding_radius(const struct mesh *mesh, struct vec3 middle)
{
    float square = 0.0f;
    for (uint32_t i = 0; i < mesh->vertex_count; i++) {
        struct vec3 d = vec3_sub(mesh->vertices[i].position, middle);
        square = fmaxf(square, vec3_dot(d, d));
    }
    return sqrtf(square);
}

// How far from `target` towards `back` a camera sees every vertex with some margin; tan_x and tan_y are of half
// its angles.
static float camera_distance(const struct mesh *mesh, struct vec3 target, struct vec3 back, struct vec3 up,
                             float tan_x, float tan_y)
{
    const float margin = 0.8f; // of the picture's half that the mesh may fill
    struct vec3 right = vec3_cross(up, back);
    float distance = 0.0f;
    for (uint32_t i = 0; i < mesh->vertex_count; i++) {
        struct vec3 d = vec3_sub(mesh->vertices[i].position, target);
        float aside = fmaxf(fabsf(vec3_dot(d, right)) / tan_x, fabsf(vec3_dot(d, up)) / tan_y);
        distance = fmaxf(distance, vec3_dot(d, back) + aside / margin);
    }
    return distance;
}

static struct vec4 extend(struct vec3 v)
{
    return (struct vec4){v.x, v.y, v.z, 0.0f};
}

struct scene scene_for_mesh(const struct mesh *mesh, const struct scene_view *view, float aspect,
                            float tiling)
{
    const float tan_half = 0.23f; // of half the vertical angle: a short telephoto lens, 26 degrees
    struct vec3 middle = vec3_scale(vec3_add(mesh->minimum, mesh->maximum), 0.5f);
    float radius = bounding_radius(mesh, middle);
    float flat = cosf(view->elevation), east = sinf(view->turn), south = cosf(view->turn);
    struct vec3 back = {flat * east, sinf(view->elevation), flat * south}, right = {south, 0, -east};
    struct vec3 up = vec3_cross(back, right);
    struct vec3 target = vec3_sub(middle, vec3_scale(up, 0.05f * radius)); // room for the shadow
    float distance = camera_distance(mesh, target, back, up, tan_half * aspect, tan_half) / view->zoom;
    float near = fmaxf(distance - 4.0f * radius, 0.05f * radius), far = distance + 4.0f * radius;
    struct vec3 camera = vec3_add(target, vec3_scale(back, distance));

    // From the left, above, in front; its distance is the unit of light_size.
    struct vec3 to_key = vec3_normalize((struct vec3){-0.62f, 0.85f, 0.55f}, (struct vec3){0, 1, 0});
    float light_extent = 2.6f * radius, light_depth = 8.0f * radius;
    struct mat4 light_view = mat4_look_at(vec3_add(middle, vec3_scale(to_key, 4.0f * radius)), middle);
    return (struct scene){
        .view_projection =
            mat4_multiply(mat4_perspective(tan_half, aspect, near, far), mat4_look_at(camera, target)),
        .light_view_projection =
            mat4_multiply(mat4_orthographic(light_extent, 0.0f, light_depth), light_view),
        .camera = extend(camera),
        .ray_forward = extend(vec3_scale(back, -1.0f)),
        .ray_right = extend(vec3_scale(right, tan_half * aspect)),
        .ray_up = extend(vec3_scale(up, tan_half)),
        .key_direction = extend(to_key),
        .key_radiance = {1.75f, 1.66f, 1.54f, 0.0f},
        .floor_height = mesh->minimum.y,
        .radius = radius,
        .light_size = 0.12f,
        .light_extent = light_extent,
        .light_depth = light_depth,
        .tiling = tiling,
        .middle = {middle.x, middle.z},
    };
}
