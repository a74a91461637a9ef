// SPDX-License-Identifier: MIT
// The sphere, the plane, tangents, bounds.
#include "mesh.h"
#include "fail.h"

#include <stdlib.h>
#include <string.h>

static const float pi = 3.14159265f;

bool mesh_reserve(struct mesh *mesh, uint64_t vertices, uint64_t indices)
{
    const uint64_t limit = 1u << 26;
    vertices += mesh->vertex_count;
    indices += mesh->index_count;
    if (vertices > limit || indices > limit)
        return fail("a mesh of %llu vertices and %llu indices is larger than the %llu allowed",
                    (unsigned long long)vertices, (unsigned long long)indices, (unsigned long long)limit);
    if (vertices > mesh->vertex_room) {
        struct vertex *grown = realloc(mesh->vertices, (size_t)vertices * sizeof(*grown));
        if (!grown)
            return fail("out of memory for %llu vertices", (unsigned long long)vertices);
        mesh->vertices = grown;
        mesh->vertex_room = (uint32_t)vertices;
    }
    if (indices > mesh->index_room) {
        uint32_t *grown = realloc(mesh->indices, (size_t)indices * sizeof(*grown));
        if (!grown)
            return fail("out of memory for %llu indices", (unsigned long long)indices);
        mesh->indices = grown;
        mesh->index_room = (uint32_t)indices;
    }
    return true;
}

// A grid of columns x rows cells whose vertices the caller has appended row by row, columns + 1 in each.
static void append_grid_indices(struct mesh *mesh, uint32_t columns, uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t c = 0; c < columns; c++) {
            uint32_t a = r * (columns + 1) + c, b = a + columns + 1;
            const uint32_t cell[] = {a, b, a + 1, a + 1, b, b + 1};
            memcpy(mesh->indices + mesh->index_count, cell, sizeof(cell));
            mesh->index_count += 6;
        }
    }
}

// Radius 1, resting on y = 0. The texture goes around twice as often as from pole to pole, so its cells are
// square at the equator; the poles lean back, so that neither faces the camera.
static bool make_sphere(struct mesh *mesh)
{
    const uint32_t columns = 128, rows = 64;
    const float lean = -0.2f /* as high as the camera stands */, c = cosf(lean), s = sinf(lean);
    if (!mesh_reserve(mesh, (columns + 1) * (rows + 1), 6 * columns * rows))
        return false;
    for (uint32_t r = 0; r <= rows; r++) {
        for (uint32_t q = 0; q <= columns; q++) {
            float u = (float)q / (float)columns, v = (float)r / (float)rows;
            float phi = 2.0f * pi * u, theta = pi * v;
            struct vec3 n = {sinf(theta) * sinf(phi), cosf(theta), sinf(theta) * cosf(phi)};
            n = (struct vec3){n.x, c * n.y - s * n.z, s * n.y + c * n.z};
            struct vec3 t = {cosf(phi), s * sinf(phi), -c * sinf(phi)};
            mesh->vertices[mesh->vertex_count++] =
                (struct vertex){{n.x, n.y + 1.0f, n.z}, n, {t.x, t.y, t.z, 1.0f}, {2.0f * u, v}};
        }
    }
    append_grid_indices(mesh, columns, rows);
    mesh->tiling = 1.0f;
    mesh->elevation = 0.2f;
    return true;
}

// A square panel of side 2 that leans back a little, standing on y = 0.
static bool make_plane(struct mesh *mesh)
{
    const float lean = 0.35f, c = cosf(lean), s = sinf(lean);
    if (!mesh_reserve(mesh, 4, 6))
        return false;
    for (int i = 0; i < 4; i++) {
        float u = (float)(i & 1), v = (float)(i >> 1);
        float height = 2.0f * (1.0f - v);
        mesh->vertices[mesh->vertex_count++] = (struct vertex){
            {2.0f * u - 1.0f, c * height, -s * height}, {0.0f, s, c}, {1.0f, 0.0f, 0.0f, 1.0f}, {u, v}};
    }
    append_grid_indices(mesh, 1, 1);
    mesh->tiling = 1.0f;
    mesh->turn = 0.45f;
    mesh->elevation = 0.25f;
    return true;
}

bool mesh_make_tangents(struct mesh *mesh, uint32_t first_vertex, uint32_t first_index)
{
    // Lengyel, Foundations of Game Engine Development 2, 7.5: the sums of the triangles' tangents and bitangents,
    // made orthogonal to the normal. The bitangents here run along growing v, against glTF's.
    struct vec3 *bitangents = calloc(mesh->vertex_count - first_vertex + 1, sizeof(*bitangents));
    if (!bitangents)
        return fail("out of memory for tangents");
    for (uint32_t i = first_vertex; i < mesh->vertex_count; i++)
        mesh->vertices[i].tangent = (struct vec4){0};
    for (uint32_t i = first_index; i + 2 < mesh->index_count; i += 3) {
        const uint32_t *corner = mesh->indices + i;
        const struct vertex *a = mesh->vertices + corner[0], *b = mesh->vertices + corner[1],
                            *c = mesh->vertices + corner[2];
        struct vec3 e1 = vec3_sub(b->position, a->position), e2 = vec3_sub(c->position, a->position);
        float u1 = b->uv.x - a->uv.x, v1 = b->uv.y - a->uv.y, u2 = c->uv.x - a->uv.x, v2 = c->uv.y - a->uv.y;
        float sign = u1 * v2 - u2 * v1 < 0.0f ? -1.0f : 1.0f;
        struct vec3 t = vec3_scale(vec3_sub(vec3_scale(e1, v2), vec3_scale(e2, v1)), sign);
        struct vec3 d = vec3_scale(vec3_sub(vec3_scale(e2, u1), vec3_scale(e1, u2)), sign);
        for (int k = 0; k < 3; k++) {
            struct vec4 *sum = &mesh->vertices[corner[k]].tangent;
            *sum = (struct vec4){sum->x + t.x, sum->y + t.y, sum->z + t.z, 0.0f};
            bitangents[corner[k] - first_vertex] = vec3_add(bitangents[corner[k] - first_vertex], d);
        }
    }
    for (uint32_t i = first_vertex; i < mesh->vertex_count; i++) {
        struct vertex *v = mesh->vertices + i;
        struct vec3 t = {v->tangent.x, v->tangent.y, v->tangent.z};
        struct vec3 any = fabsf(v->normal.x) < 0.9f ? (struct vec3){1, 0, 0} : (struct vec3){0, 0, 1};
        any = vec3_normalize(vec3_cross(any, v->normal), any);
        t = vec3_normalize(vec3_sub(t, vec3_scale(v->normal, vec3_dot(v->normal, t))), any);
        float w = vec3_dot(vec3_cross(v->normal, t), bitangents[i - first_vertex]) > 0.0f ? -1.0f : 1.0f;
        v->tangent = (struct vec4){t.x, t.y, t.z, w};
    }
    free(bitangents);
    return true;
}

// Turns the mesh, then checks and bounds its positions.
static bool finish(struct mesh *mesh, const char *name)
{
    const float c = cosf(mesh->turn), s = sinf(mesh->turn);
    mesh->minimum = (struct vec3){INFINITY, INFINITY, INFINITY};
    mesh->maximum = (struct vec3){-INFINITY, -INFINITY, -INFINITY};
    for (uint32_t i = 0; i < mesh->vertex_count; i++) {
        struct vertex *v = mesh->vertices + i;
        struct vec3 p = v->position, n = v->normal;
        struct vec4 t = v->tangent;
        v->position = p = (struct vec3){c * p.x + s * p.z, p.y, c * p.z - s * p.x};
        v->normal = (struct vec3){c * n.x + s * n.z, n.y, c * n.z - s * n.x};
        v->tangent = (struct vec4){c * t.x + s * t.z, t.y, c * t.z - s * t.x, t.w};
        if (!(isfinite(p.x) && isfinite(p.y) && isfinite(p.z)))
            return fail("%s: the position of vertex %u is not finite", name, i);
        mesh->minimum = (struct vec3){fminf(mesh->minimum.x, p.x), fminf(mesh->minimum.y, p.y),
                                      fminf(mesh->minimum.z, p.z)};
        mesh->maximum = (struct vec3){fmaxf(mesh->maximum.x, p.x), fmaxf(mesh->maximum.y, p.y),
                                      fmaxf(mesh->maximum.z, p.z)};
    }
    struct vec3 size = vec3_sub(mesh->maximum, mesh->minimum);
    float diagonal = sqrtf(vec3_dot(size, size));
    if (!(diagonal > 1e-12f && diagonal < 1e12f))
        return fail("%s: the mesh spans %g units; wanted between 1e-12 and 1e12", name, (double)diagonal);
    return true;
}

bool mesh_create(const char *name, struct mesh *mesh)
{
    size_t length = strlen(name);
    bool made;
    if (!strcmp(name, "sphere"))
        made = make_sphere(mesh);
    else if (!strcmp(name, "plane"))
        made = make_plane(mesh);
    else if (length > 5 && !strcmp(name + length - 5, ".gltf"))
        made = mesh_load_gltf(name, mesh);
    else
        made = fail("unknown mesh \"%s\": wanted sphere, plane, chair or the path of a .gltf file", name);
    return made && finish(mesh, name);
}

bool mesh_repeat(struct mesh *mesh, uint32_t count)
{
    uint32_t vertices = mesh->vertex_count, indices = mesh->index_count;
    float step = 1.15f * (mesh->maximum.x - mesh->minimum.x);
    if (!mesh_reserve(mesh, (uint64_t)vertices * (count - 1), (uint64_t)indices * (count - 1)))
        return false;
    for (uint32_t copy = 1; copy < count; copy++) {
        for (uint32_t i = 0; i < vertices; i++) {
            struct vertex *v = &mesh->vertices[mesh->vertex_count++];
            *v = mesh->vertices[i];
            v->position.x += step * (float)copy;
        }
        for (uint32_t i = 0; i < indices; i++)
            mesh->indices[mesh->index_count++] = mesh->indices[i] + copy * vertices;
    }
    mesh->maximum.x += step * (float)(count - 1);
    return true;
}

void mesh_destroy(struct mesh *mesh)
{
    free(mesh->vertices);
    free(mesh->indices);
    *mesh = (struct mesh){0};
}
