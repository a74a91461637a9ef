// SPDX-License-Identifier: MIT
// Reads the triangles of a glTF 2.0 scene: positions, normals, tangents, one set of texture coordinates.
//
// The file is treated as hostile: every index, offset, count and product is checked before it is used, and
// buffers are only taken from regular files beside the .gltf or below its folder.
#include "mesh.h"
#include "fail.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILE_SIZE ((uint64_t)1 << 31)
#define MAX_DEPTH 64 // of the node tree

struct document {
    const char *path;
    cJSON *root;
    struct file {
        uint8_t *data;
        uint64_t size;
    } * buffers;
    uint32_t buffer_count;
    uint32_t visits; // nodes seen so far; a tree has no more than there are nodes
};

// --- Files and JSON -------------------------------------------------------------------------------------

// The first `wanted` bytes of a regular file (0: all of it), NUL-terminated beyond them.
static bool read_file(const char *path, uint64_t wanted, struct file *file)
{
    struct stat status;
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return fail("%s: %s", path, strerror(errno));
    bool done = false;
    if (fstat(fileno(stream), &status) || !S_ISREG(status.st_mode))
        fail("%s: not a regular file", path);
    else if ((uint64_t)status.st_size > MAX_FILE_SIZE || (uint64_t)status.st_size < wanted)
        fail("%s: %lld bytes; wanted %llu to %llu", path, (long long)status.st_size,
             (unsigned long long)wanted, (unsigned long long)MAX_FILE_SIZE);
    else if (!(file->data = malloc((file->size = wanted ? wanted : (uint64_t)status.st_size) + 1)))
        fail("%s: out of memory for %llu bytes", path, (unsigned long long)file->size);
    else if (fread(file->data, 1, file->size, stream) != file->size)
        fail("%s: reading failed", path);
    else
        done = true;
    fclose(stream);
    if (done)
        file->data[file->size] = 0;
    return done;
}

// The element of a top-level array; NULL (after fail) when there is none.
static const cJSON *element(const struct document *document, const char *array, uint64_t index)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(document->root, array);
    int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    const cJSON *item = index < (uint64_t)count ? cJSON_GetArrayItem(list, (int)index) : NULL;
    if (cJSON_IsObject(item))
        return item;
    fail("%s: %s[%llu] is wanted, but there are %d", document->path, array, (unsigned long long)index, count);
    return NULL;
}

// A whole number >= 0. When the member is absent, `value` keeps what it had, or it is an error if required.
static bool get_number(const struct document *document, const cJSON *object, const char *name, bool required,
                       uint64_t *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!item)
        return !required || fail("%s: \"%s\" is missing", document->path, name);
    double number = cJSON_IsNumber(item) ? item->valuedouble : -1.0;
    if (!(number >= 0.0 && number <= 9007199254740992.0) || number != floor(number))
        return fail("%s: \"%s\" is not a whole number from 0 to 2^53", document->path, name);
    *value = (uint64_t)number;
    return true;
}

// `count` numbers; false and no message when the member is absent.
static bool get_floats(const cJSON *object, const char *name, int count, float *values)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != count)
        return false;
    const cJSON *item;
    int i = 0;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsNumber(item))
            return false;
        values[i++] = (float)item->valuedouble;
    }
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// The path of a buffer beside the document, percent-decoded; absolute paths, other schemes and ".." are refused.
static char *buffer_path(const struct document *document, const char *uri)
{
    const char *slash = strrchr(document->path, '/');
    size_t folder = slash ? (size_t)(slash - document->path) + 1 : 0;
    char *path = malloc(folder + strlen(uri) + 1);
    if (!path) {
        fail("%s: out of memory", document->path);
        return NULL;
    }
    memcpy(path, document->path, folder);
    size_t length = folder;
    for (const char *c = uri; *c; c++) {
        int high = *c == '%' ? hex_digit(c[1]) : -1, low = high >= 0 ? hex_digit(c[2]) : -1;
        path[length++] = low >= 0 ? (char)(high * 16 + low) : *c;
        c += low >= 0 ? 2 : 0;
    }
    path[length] = 0;
    const char *name = path + folder;
    if (!name[0] || strlen(name) != length - folder || name[0] == '/' || strchr(name, ':') ||
        strstr(name, "..")) {
        fail("%s: buffer \"%.80s\" is not a file beside it", document->path, uri);
        free(path);
        return NULL;
    }
    return path;
}

static bool load_buffers(struct document *document)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(document->root, "buffers"), *item;
    document->buffers = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*document->buffers));
    if (!document->buffers)
        return fail("%s: out of memory", document->path);
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *uri = cJSON_GetObjectItemCaseSensitive(item, "uri");
        uint64_t size = 0;
        if (!get_number(document, item, "byteLength", true, &size))
            return false;
        if (!cJSON_IsString(uri) || !strncmp(uri->valuestring, "data:", 5))
            return fail("%s: buffer %u is embedded; only buffers in files of their own are read",
                        document->path, document->buffer_count);
        if (!size || size > MAX_FILE_SIZE)
            return fail("%s: buffer %u has %llu bytes; wanted 1 to %llu", document->path,
                        document->buffer_count, (unsigned long long)size, (unsigned long long)MAX_FILE_SIZE);
        char *path = buffer_path(document, uri->valuestring);
        bool done = path && read_file(path, size, &document->buffers[document->buffer_count++]);
        free(path);
        if (!done)
            return false;
    }
    return true;
}

// --- Accessors ------------------------------------------------------------------------------------------

enum component { COMPONENT_U8 = 5121, COMPONENT_U16 = 5123, COMPONENT_U32 = 5125, COMPONENT_F32 = 5126 };

struct accessor {
    const uint8_t *data;
    uint64_t count, stride;
    enum component component;
};

// Opens an accessor of this type ("SCALAR", "VEC3", ...), which must lie inside its buffer view, and that inside
// its buffer. `allowed`: component types, ended by 0.
static bool open_accessor(const struct document *document, uint64_t index, const char *type,
                          uint32_t components, const enum component *allowed, struct accessor *accessor)
{
    const char *path = document->path;
    const cJSON *item = element(document, "accessors", index), *view;
    uint64_t view_index = 0, offset = 0, component = 0, buffer = 0, view_offset = 0, view_size = 0;
    if (!item || !get_number(document, item, "bufferView", true, &view_index) ||
        !get_number(document, item, "byteOffset", false, &offset) ||
        !get_number(document, item, "componentType", true, &component) ||
        !get_number(document, item, "count", true, &accessor->count))
        return false;
    const cJSON *got = cJSON_GetObjectItemCaseSensitive(item, "type");
    if (cJSON_GetObjectItemCaseSensitive(item, "sparse"))
        return fail("%s: accessor %llu is sparse, which is not read", path, (unsigned long long)index);
    if (!cJSON_IsString(got) || strcmp(got->valuestring, type))
        return fail("%s: accessor %llu: type %.16s; wanted %s", path, (unsigned long long)index,
                    cJSON_IsString(got) ? got->valuestring : "none", type);
    while (*allowed && *allowed != component)
        allowed++;
    if (!*allowed)
        return fail("%s: accessor %llu: component type %llu is not read here", path,
                    (unsigned long long)index, (unsigned long long)component);
    accessor->component = *allowed;
    uint64_t size = components * (component == COMPONENT_U8 ? 1 : component == COMPONENT_U16 ? 2 : 4);
    accessor->stride = size;
    if (!(view = element(document, "bufferViews", view_index)) ||
        !get_number(document, view, "buffer", true, &buffer) ||
        !get_number(document, view, "byteOffset", false, &view_offset) ||
        !get_number(document, view, "byteLength", true, &view_size) ||
        !get_number(document, view, "byteStride", false, &accessor->stride))
        return false;
    // All numbers are at most 2^53, and the count is bounded by the view before it is multiplied.
    if (buffer >= document->buffer_count || view_offset > document->buffers[buffer].size ||
        view_size > document->buffers[buffer].size - view_offset)
        return fail("%s: buffer view %llu leaves buffer %llu", path, (unsigned long long)view_index,
                    (unsigned long long)buffer);
    if (accessor->stride < size || accessor->stride > 252)
        return fail("%s: buffer view %llu: stride %llu; wanted %llu to 252", path,
                    (unsigned long long)view_index, (unsigned long long)accessor->stride,
                    (unsigned long long)size);
    if (!accessor->count || accessor->count > view_size || offset > view_size ||
        (accessor->count - 1) * accessor->stride + size > view_size - offset)
        return fail("%s: accessor %llu: %llu elements leave buffer view %llu", path,
                    (unsigned long long)index, (unsigned long long)accessor->count,
                    (unsigned long long)view_index);
    accessor->data = document->buffers[buffer].data + view_offset + offset;
    return true;
}

// Component `c` of an element; integers are normalised, as glTF has them in texture coordinates.
static float read_float(const struct accessor *accessor, uint64_t i, uint32_t c)
{
    const uint8_t *at = accessor->data + i * accessor->stride;
    uint16_t u16;
    float f32;
    switch (accessor->component) {
    case COMPONENT_U8:
        return (float)at[c] / 255.0f;
    case COMPONENT_U16:
        memcpy(&u16, at + 2 * c, 2);
        return (float)u16 / 65535.0f;
    default:
        memcpy(&f32, at + 4 * c, 4);
        return f32;
    }
}

static uint32_t read_index(const struct accessor *accessor, uint64_t i)
{
    const uint8_t *at = accessor->data + i * accessor->stride;
    uint16_t u16;
    uint32_t u32;
    switch (accessor->component) {
    case COMPONENT_U8:
        return *at;
    case COMPONENT_U16:
        memcpy(&u16, at, 2);
        return u16;
    default:
        memcpy(&u32, at, 4);
        return u32;
    }
}

// --- Primitives and nodes -------------------------------------------------------------------------------

struct primitive {
    struct accessor positions, normals, tangents, uvs, indices;
    bool has_normals, has_tangents, has_indices;
};

static bool open_attribute(const struct document *document, const cJSON *attributes, const char *name,
                           const char *type, uint32_t components, struct accessor *accessor, bool *present)
{
    static const enum component floats[] = {COMPONENT_F32, 0},
                                uvs[] = {COMPONENT_F32, COMPONENT_U8, COMPONENT_U16, 0};
    uint64_t index = 0;
    *present = cJSON_GetObjectItemCaseSensitive(attributes, name) != NULL;
    return !*present ||
           (get_number(document, attributes, name, true, &index) &&
            open_accessor(document, index, type, components, components == 2 ? uvs : floats, accessor));
}

static bool open_primitive(const struct document *document, const cJSON *item, struct primitive *primitive)
{
    static const enum component integers[] = {COMPONENT_U8, COMPONENT_U16, COMPONENT_U32, 0};
    const cJSON *attributes = cJSON_GetObjectItemCaseSensitive(item, "attributes");
    uint64_t mode = 4, index = 0;
    bool has_positions, has_uvs;
    if (!get_number(document, item, "mode", false, &mode))
        return false;
    if (mode != 4)
        return fail("%s: a primitive of mode %llu; only triangles (4) are read", document->path,
                    (unsigned long long)mode);
    if (!open_attribute(document, attributes, "POSITION", "VEC3", 3, &primitive->positions, &has_positions) ||
        !open_attribute(document, attributes, "NORMAL", "VEC3", 3, &primitive->normals,
                        &primitive->has_normals) ||
        !open_attribute(document, attributes, "TANGENT", "VEC4", 4, &primitive->tangents,
                        &primitive->has_tangents) ||
        !open_attribute(document, attributes, "TEXCOORD_0", "VEC2", 2, &primitive->uvs, &has_uvs))
        return false;
    if (!has_positions || !has_uvs)
        return fail("%s: a primitive has no %s, which a material needs", document->path,
                    has_positions ? "TEXCOORD_0" : "POSITION");
    uint64_t count = primitive->positions.count;
    if (primitive->uvs.count != count || (primitive->has_normals && primitive->normals.count != count) ||
        (primitive->has_tangents && primitive->tangents.count != count))
        return fail("%s: the attributes of a primitive differ in count", document->path);
    primitive->has_tangents &= primitive->has_normals; // glTF: tangents without normals are to be ignored
    primitive->has_indices = cJSON_GetObjectItemCaseSensitive(item, "indices") != NULL;
    if (primitive->has_indices &&
        (!get_number(document, item, "indices", true, &index) ||
         !open_accessor(document, index, "SCALAR", 1, integers, &primitive->indices)))
        return false;
    if ((primitive->has_indices ? primitive->indices.count : count) % 3)
        return fail("%s: a primitive has %llu indices, not a multiple of 3", document->path,
                    (unsigned long long)(primitive->has_indices ? primitive->indices.count : count));
    return true;
}

static struct vertex read_vertex(const struct primitive *p, uint64_t i, struct mat4 transform)
{
    struct vertex v = {0};
    v.position = (struct vec3){read_float(&p->positions, i, 0), read_float(&p->positions, i, 1),
                               read_float(&p->positions, i, 2)};
    v.position = mat4_point(transform, v.position);
    v.uv = (struct vec2){read_float(&p->uvs, i, 0), read_float(&p->uvs, i, 1)};
    if (p->has_normals) {
        struct vec3 n = {read_float(&p->normals, i, 0), read_float(&p->normals, i, 1),
                         read_float(&p->normals, i, 2)};
        v.normal = vec3_normalize(mat4_normal(transform, n), (struct vec3){0, 1, 0});
    }
    if (p->has_tangents) {
        struct vec3 t = {read_float(&p->tangents, i, 0), read_float(&p->tangents, i, 1),
                         read_float(&p->tangents, i, 2)};
        t = vec3_normalize(mat4_direction(transform, t), (struct vec3){1, 0, 0});
        bool negative = (read_float(&p->tangents, i, 3) < 0.0f) != mat4_mirrors(transform);
        v.tangent = (struct vec4){t.x, t.y, t.z, negative ? -1.0f : 1.0f};
    }
    return v;
}

// Appends one primitive. Without normals its triangles share no vertices and are flat, as glTF demands.
static bool append_primitive(const struct document *document, const cJSON *item, struct mat4 transform,
                             struct mesh *mesh)
{
    struct primitive p = {0};
    if (!open_primitive(document, item, &p))
        return false;
    uint64_t indices = p.has_indices ? p.indices.count : p.positions.count;
    uint64_t vertices = p.has_normals ? p.positions.count : indices;
    if (!mesh_reserve(mesh, vertices, indices))
        return false;
    const uint32_t first_vertex = mesh->vertex_count, first_index = mesh->index_count;
    bool mirrored = mat4_mirrors(transform);
    for (uint64_t i = 0; p.has_normals && i < vertices; i++)
        mesh->vertices[mesh->vertex_count++] = read_vertex(&p, i, transform);
    for (uint64_t i = 0; i < indices; i++) {
        uint64_t at = mirrored && i % 3 ? i - i % 3 + (3 - i % 3) : i;
        uint64_t index = p.has_indices ? read_index(&p.indices, at) : at;
        if (index >= p.positions.count)
            return fail("%s: index %llu of a primitive with %llu vertices", document->path,
                        (unsigned long long)index, (unsigned long long)p.positions.count);
        if (!p.has_normals)
            mesh->vertices[mesh->vertex_count++] = read_vertex(&p, index, transform);
        mesh->indices[mesh->index_count++] = first_vertex + (uint32_t)(p.has_normals ? index : i);
    }
    for (uint32_t i = first_vertex; !p.has_normals && i + 2 < mesh->vertex_count; i += 3) {
        struct vertex *v = mesh->vertices + i;
        struct vec3 n =
            vec3_cross(vec3_sub(v[1].position, v[0].position), vec3_sub(v[2].position, v[0].position));
        v[0].normal = v[1].normal = v[2].normal = vec3_normalize(n, (struct vec3){0, 1, 0});
    }
    return p.has_tangents || mesh_make_tangents(mesh, first_vertex, first_index);
}

static struct mat4 node_transform(const cJSON *node)
{
    struct mat4 m = mat4_identity();
    float t[3] = {0, 0, 0}, q[4] = {0, 0, 0, 1}, s[3] = {1, 1, 1};
    if (get_floats(node, "matrix", 16, m.m))
        return m;
    get_floats(node, "translation", 3, t);
    get_floats(node, "rotation", 4, q);
    get_floats(node, "scale", 3, s);
    float x = q[0], y = q[1], z = q[2], w = q[3];
    return (struct mat4){{s[0] * (1 - 2 * (y * y + z * z)), s[0] * 2 * (x * y + w * z),
                          s[0] * 2 * (x * z - w * y), 0, s[1] * 2 * (x * y - w * z),
                          s[1] * (1 - 2 * (x * x + z * z)), s[1] * 2 * (y * z + w * x), 0,
                          s[2] * 2 * (x * z + w * y), s[2] * 2 * (y * z - w * x),
                          s[2] * (1 - 2 * (x * x + y * y)), 0, t[0], t[1], t[2], 1}};
}

static bool append_node(struct document *document, uint64_t index, struct mat4 parent, int depth,
                        struct mesh *mesh)
{
    const cJSON *node = element(document, "nodes", index), *item;
    int count = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(document->root, "nodes"));
    if (!node)
        return false;
    if (depth > MAX_DEPTH || document->visits++ >= (uint32_t)count)
        return fail("%s: the nodes are not a tree of at most %d levels", document->path, MAX_DEPTH);
    struct mat4 transform = mat4_multiply(parent, node_transform(node));
    if (cJSON_GetObjectItemCaseSensitive(node, "mesh")) {
        uint64_t mesh_index = 0;
        const cJSON *source;
        if (!get_number(document, node, "mesh", true, &mesh_index) ||
            !(source = element(document, "meshes", mesh_index)))
            return false;
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(source, "primitives"))
        {
            if (!append_primitive(document, item, transform, mesh))
                return false;
        }
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(node, "children"))
    {
        double child = cJSON_IsNumber(item) ? item->valuedouble : -1.0;
        if (!(child >= 0.0 && child < (double)count))
            return fail("%s: node %llu has a child that is none of the %d nodes", document->path,
                        (unsigned long long)index, count);
        if (!append_node(document, (uint64_t)child, transform, depth + 1, mesh))
            return false;
    }
    return true;
}

static bool load_document(struct document *document, struct mesh *mesh)
{
    struct file text = {0};
    if (!read_file(document->path, 0, &text)) {
        free(text.data);
        return false;
    }
    document->root = cJSON_ParseWithLength((const char *)text.data, (size_t)text.size);
    free(text.data);
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(document->root, "asset"), "version");
    if (!cJSON_IsString(version))
        return fail("%s: not a glTF file (no JSON with asset.version)", document->path);
    if (strncmp(version->valuestring, "2.", 2))
        return fail("%s: glTF version %.16s; wanted 2", document->path, version->valuestring);
    const cJSON *required = cJSON_GetObjectItemCaseSensitive(document->root, "extensionsRequired");
    if (cJSON_GetArraySize(required) > 0) {
        const cJSON *name = cJSON_GetArrayItem(required, 0);
        return fail("%s: needs the extension %.64s, which is not read", document->path,
                    cJSON_IsString(name) ? name->valuestring : "(malformed)");
    }
    if (!load_buffers(document))
        return false;
    uint64_t scene = 0;
    const cJSON *root, *item;
    if (!get_number(document, document->root, "scene", false, &scene) ||
        !(root = element(document, "scenes", scene)))
        return false;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "nodes"))
    {
        if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0.0 && item->valuedouble < 1e9))
            return fail("%s: scene %llu has a node that is no index", document->path,
                        (unsigned long long)scene);
        if (!append_node(document, (uint64_t)item->valuedouble, mat4_identity(), 0, mesh))
            return false;
    }
    return mesh->index_count > 0 || fail("%s: the scene has no triangles", document->path);
}

bool mesh_load_gltf(const char *path, struct mesh *mesh)
{
    struct document document = {.path = path};
    mesh->tiling = 0.5f;
    mesh->turn = -0.6f;
    mesh->elevation = 0.3f;
    bool loaded = load_document(&document, mesh);
    for (uint32_t i = 0; i < document.buffer_count; i++)
        free(document.buffers[i].data);
    free(document.buffers);
    cJSON_Delete(document.root);
    return loaded;
}
