// SPDX-License-Identifier: MIT
// Triangle meshes with what a material needs: a tangent frame and texture coordinates at every vertex.
#ifndef EXAMPLE_MESH_H
#define EXAMPLE_MESH_H

#include "vec.h"

#include <stdbool.h>
#include <stdint.h>

struct vertex {
    struct vec3 position;
    struct vec3 normal;
    struct vec4 tangent; // along growing u; cross(normal, tangent) * w points up in the image, as in glTF
    struct vec2 uv;      // v grows downwards in the image, as in glTF
};

struct mesh {
    struct vertex *vertices;
    uint32_t vertex_count, vertex_room;
    uint32_t *indices; // three per triangle, counter-clockwise seen from outside
    uint32_t index_count, index_room;
    struct vec3 minimum, maximum; // of the positions; mesh_finish sets them
    float tiling;    // how often the material repeats along a unit of u and v when nothing is asked
    float turn;      // radians about y that bring its best side to +z; mesh_create applies it
    float elevation; // radians: how high the camera stands
};

// "sphere", "plane", or the path of a .gltf file. Fails with one line on standard error.
bool mesh_create(const char *name, struct mesh *mesh);
bool mesh_load_gltf(const char *path, struct mesh *mesh);
void mesh_destroy(struct mesh *mesh);

// Puts `count` of the mesh side by side along x; the indices of each follow those of the one before.
bool mesh_repeat(struct mesh *mesh, uint32_t count);

// Room for more vertices and indices; false when memory is out or a count would pass 2^26.
bool mesh_reserve(struct mesh *mesh, uint64_t vertices, uint64_t indices);

// Tangents from positions and texture coordinates for the vertices from `first_vertex` on, which only the
// indices from `first_index` on use.
bool mesh_make_tangents(struct mesh *mesh, uint32_t first_vertex, uint32_t first_index);

#endif
