// SPDX-License-Identifier: MIT
// Vectors and 4x4 matrices, column-major as GLSL has them.
#ifndef EXAMPLE_VEC_H
#define EXAMPLE_VEC_H

#include <math.h>
#include <stdbool.h>

struct vec2 {
    float x, y;
};
struct vec3 {
    float x, y, z;
};
struct vec4 {
    float x, y, z, w;
};
struct mat4 {
    float m[16]; // element (row, column) at [4 * column + row]
};

static inline struct vec3 vec3_add(struct vec3 a, struct vec3 b)
{
    return (struct vec3){a.x + b.x, a.y + b.y, a.z + b.z};
}

static inline struct vec3 vec3_sub(struct vec3 a, struct vec3 b)
{
    return (struct vec3){a.x - b.x, a.y - b.y, a.z - b.z};
}

static inline struct vec3 vec3_scale(struct vec3 a, float s)
{
    return (struct vec3){a.x * s, a.y * s, a.z * s};
}

static inline float vec3_dot(struct vec3 a, struct vec3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline struct vec3 vec3_cross(struct vec3 a, struct vec3 b)
{
    return (struct vec3){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

// `fallback` when the vector has no direction.
static inline struct vec3 vec3_normalize(struct vec3 a, struct vec3 fallback)
{
    float length = sqrtf(vec3_dot(a, a));
    return length > 1e-20f ? vec3_scale(a, 1.0f / length) : fallback;
}

static inline struct mat4 mat4_identity(void)
{
    return (struct mat4){{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}};
}

static inline struct mat4 mat4_multiply(struct mat4 a, struct mat4 b)
{
    struct mat4 product;
    for (int c = 0; c < 4; c++)
        for (int r = 0; r < 4; r++) {
            float sum = 0.0f;
            for (int k = 0; k < 4; k++)
                sum += a.m[4 * k + r] * b.m[4 * c + k];
            product.m[4 * c + r] = sum;
        }
    return product;
}

static inline struct vec3 mat4_point(struct mat4 a, struct vec3 p)
{
    return (struct vec3){a.m[0] * p.x + a.m[4] * p.y + a.m[8] * p.z + a.m[12],
                         a.m[1] * p.x + a.m[5] * p.y + a.m[9] * p.z + a.m[13],
                         a.m[2] * p.x + a.m[6] * p.y + a.m[10] * p.z + a.m[14]};
}

static inline struct vec3 mat4_direction(struct mat4 a, struct vec3 d)
{
    return vec3_sub(mat4_point(a, d), (struct vec3){a.m[12], a.m[13], a.m[14]});
}

// Whether a transform turns right hands into left ones.
static inline bool mat4_mirrors(struct mat4 a)
{
    struct vec3 x = {a.m[0], a.m[1], a.m[2]}, y = {a.m[4], a.m[5], a.m[6]}, z = {a.m[8], a.m[9], a.m[10]};
    return vec3_dot(vec3_cross(x, y), z) < 0.0f;
}

// The transform of normals: the cofactors of the upper 3x3, its inverse transpose but for a factor > 0.
static inline struct vec3 mat4_normal(struct mat4 a, struct vec3 n)
{
    struct vec3 x = {a.m[0], a.m[1], a.m[2]}, y = {a.m[4], a.m[5], a.m[6]}, z = {a.m[8], a.m[9], a.m[10]};
    struct vec3 yz = vec3_cross(y, z), zx = vec3_cross(z, x), xy = vec3_cross(x, y);
    struct vec3 sum = vec3_add(vec3_add(vec3_scale(yz, n.x), vec3_scale(zx, n.y)), vec3_scale(xy, n.z));
    return vec3_scale(sum, mat4_mirrors(a) ? -1.0f : 1.0f);
}

// World to view: the camera at `eye` looks along -z at `target`, y is up.
static inline struct mat4 mat4_look_at(struct vec3 eye, struct vec3 target)
{
    struct vec3 z = vec3_normalize(vec3_sub(eye, target), (struct vec3){0, 0, 1});
    struct vec3 x = vec3_normalize(vec3_cross((struct vec3){0, 1, 0}, z), (struct vec3){1, 0, 0});
    struct vec3 y = vec3_cross(z, x);
    return (struct mat4){{x.x, y.x, z.x, 0, x.y, y.y, z.y, 0, x.z, y.z, z.z, 0, -vec3_dot(x, eye),
                          -vec3_dot(y, eye), -vec3_dot(z, eye), 1}};
}

// Vulkan's clip space: y down, depth 0 at `near` to 1 at `far`. tan_half: of half the vertical angle.
static inline struct mat4 mat4_perspective(float tan_half, float aspect, float near, float far)
{
    return (struct mat4){{1.0f / (tan_half * aspect), 0, 0, 0, 0, -1.0f / tan_half, 0, 0, 0, 0,
                          far / (near - far), -1, 0, 0, near * far / (near - far), 0}};
}

static inline struct mat4 mat4_orthographic(float half_width, float near, float far)
{
    return (struct mat4){{1.0f / half_width, 0, 0, 0, 0, -1.0f / half_width, 0, 0, 0, 0, 1.0f / (near - far),
                          0, 0, 0, near / (near - far), 1}};
}

#endif
