// SPDX-License-Identifier: MIT
// The renderer's reader of glTF: what it makes of good files, and that it refuses bad ones.
#define _XOPEN_SOURCE 700
#include "program.h"

#include "mesh.h"

#include <fcntl.h>

// --- Helpers ----------------------------------------------------------------------------------------------

static char error[4096]; // what the last load printed

// Loads a file and keeps what was printed on standard error.
static bool load(const char *path, struct mesh *mesh)
{
    const char *log = in_folder("log");
    fflush(stderr);
    int kept = dup(2), file = open(log, O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK(kept >= 0 && file >= 0);
    dup2(file, 2);
    bool loaded = mesh_create(path, mesh);
    fflush(stderr);
    dup2(kept, 2);
    close(kept);
    ssize_t size = pread(file, error, sizeof(error) - 1, 0);
    error[size > 0 ? size : 0] = 0;
    close(file);
    return loaded;
}

static void write_file(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(in_folder(name), "wb");
    CHECK(file && fwrite(data, 1, size, file) == size && !fclose(file));
}

static size_t read_file(const char *path, char *data, size_t room)
{
    FILE *file = fopen(path, "rb");
    CHECK(file);
    size_t size = fread(data, 1, room, file);
    CHECK(size < room);
    fclose(file);
    return size;
}

// --- A square of two triangles --------------------------------------------------------------------------------

// Binary data: 4 positions, 4 normals, 4 texture coordinates, 6 indices.
struct square {
    float positions[12], normals[12], uvs[8];
    uint16_t indices[6];
};
static const struct square square = {{0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0},
                                     {0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1},
                                     {0, 1, 1, 1, 0, 0, 1, 0},
                                     {0, 1, 2, 2, 1, 3}};

#define NODES "\"nodes\":[{\"mesh\":0}]"
#define ATTRIBUTES "\"POSITION\":0,\"NORMAL\":1,\"TEXCOORD_0\":2"
#define ACCESSORS                                                                                            \
    "{\"bufferView\":0,\"componentType\":5126,\"count\":4,\"type\":\"VEC3\"},"                               \
    "{\"bufferView\":1,\"componentType\":5126,\"count\":4,\"type\":\"VEC3\"},"                               \
    "{\"bufferView\":2,\"componentType\":5126,\"count\":4,\"type\":\"VEC2\"},"                               \
    "{\"bufferView\":3,\"componentType\":5123,\"count\":6,\"type\":\"SCALAR\"}"
#define VIEWS                                                                                                \
    "{\"buffer\":0,\"byteLength\":48},{\"buffer\":0,\"byteOffset\":48,\"byteLength\":48},"                   \
    "{\"buffer\":0,\"byteOffset\":96,\"byteLength\":32},{\"buffer\":0,\"byteOffset\":128,\"byteLength\":12}"
#define BUFFER "{\"byteLength\":140,\"uri\":\"square.bin\"}"
#define HEAD "\"asset\":{\"version\":\"2.0\"},\"scenes\":[{\"nodes\":[0]}],"

// A document from its parts.
#define DOCUMENT(head, nodes, primitive, accessors, views, buffer)                                           \
    "{" head nodes ",\"meshes\":[{\"primitives\":[" primitive "]}],\"accessors\":[" accessors "],"           \
    "\"bufferViews\":[" views "],\"buffers\":[" buffer "]}"
#define PRIMITIVE "{\"attributes\":{" ATTRIBUTES "},\"indices\":3}"

static bool load_text(const char *text, struct mesh *mesh)
{
    write_file("square.bin", &square, 140);
    write_file("square.gltf", text, strlen(text));
    return load(in_folder("square.gltf"), mesh);
}

static void test_square(void)
{
    struct mesh mesh = {0};
    CHECK(load_text(DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, VIEWS, BUFFER), &mesh));
    CHECK(mesh.vertex_count == 4 && mesh.index_count == 6 && mesh.indices[5] == 3);
    for (int i = 0; i < 4; i++) {
        const struct vertex *v = mesh.vertices + i;
        struct vec3 n = v->normal, t = {v->tangent.x, v->tangent.y, v->tangent.z}, b = vec3_cross(n, t);
        CHECK(fabsf(vec3_dot(n, t)) < 1e-6f && fabsf(vec3_dot(t, t) - 1.0f) < 1e-5f);
        CHECK(v->tangent.w == 1.0f && b.y > 0.99f); // up in the image
    }
    mesh_destroy(&mesh);
}

static void test_transforms(void)
{
    struct mesh mesh = {0};
    CHECK(load_text(DOCUMENT(HEAD,
                             "\"nodes\":[{\"children\":[1],\"translation\":[0,5,0]},"
                             "{\"mesh\":0,\"scale\":[1,-2,1]}]",
                             PRIMITIVE, ACCESSORS, VIEWS, BUFFER),
                    &mesh));
    CHECK(fabsf(mesh.minimum.y - 3.0f) < 1e-5f && fabsf(mesh.maximum.y - 5.0f) < 1e-5f);
    // A mirror turns the triangles around, so that they still face along their normals.
    const struct vertex *a = mesh.vertices + mesh.indices[0], *b = mesh.vertices + mesh.indices[1],
                        *c = mesh.vertices + mesh.indices[2];
    struct vec3 face = vec3_cross(vec3_sub(b->position, a->position), vec3_sub(c->position, a->position));
    CHECK(vec3_dot(face, a->normal) > 0.0f);
    mesh_destroy(&mesh);
}

static void test_flat_normals(void)
{
    struct mesh mesh = {0};
    CHECK(load_text(DOCUMENT(HEAD, NODES, "{\"attributes\":{\"POSITION\":0,\"TEXCOORD_0\":2},\"indices\":3}",
                             ACCESSORS, VIEWS, BUFFER),
                    &mesh));
    CHECK(mesh.vertex_count == 6 &&
          fabsf(vec3_dot(mesh.vertices[0].normal, mesh.vertices[5].normal) - 1.0f) < 1e-6f);
    mesh_destroy(&mesh);
}

// --- Bad files ------------------------------------------------------------------------------------------------

static void test_bad(void)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", "not a glTF file"},
        {"{\"asset\":", "not a glTF file"},
        {"{\"asset\":{\"version\":\"3.0\"}}", "glTF version 3.0; wanted 2"},
        {"{" HEAD "\"extensionsRequired\":[\"KHR_draco_mesh_compression\"]}", "KHR_draco_mesh_compression"},
        {"{" HEAD "\"scene\":7}", "scenes[7] is wanted, but there are 1"},
        {"{" HEAD NODES "}", "meshes[0] is wanted, but there are 0"},
        {DOCUMENT(HEAD, "\"nodes\":[{\"children\":[0]}]", PRIMITIVE, ACCESSORS, VIEWS, BUFFER), "not a tree"},
        {DOCUMENT(HEAD, "\"nodes\":[{\"children\":[9]}]", PRIMITIVE, ACCESSORS, VIEWS, BUFFER),
         "none of the 1 nodes"},
        {DOCUMENT(HEAD, "\"nodes\":[{}]", PRIMITIVE, ACCESSORS, VIEWS, BUFFER), "no triangles"},
        {DOCUMENT(HEAD, NODES, "{\"attributes\":{" ATTRIBUTES "},\"mode\":1}", ACCESSORS, VIEWS, BUFFER),
         "mode 1"},
        {DOCUMENT(HEAD, NODES, "{\"attributes\":{\"POSITION\":0,\"NORMAL\":1},\"indices\":3}", ACCESSORS,
                  VIEWS, BUFFER),
         "no TEXCOORD_0"},
        {DOCUMENT(HEAD, NODES, "{\"attributes\":{" ATTRIBUTES "},\"indices\":2}", ACCESSORS, VIEWS, BUFFER),
         "type VEC2; wanted SCALAR"},
        {DOCUMENT(HEAD, NODES, "{\"attributes\":{" ATTRIBUTES "},\"indices\":44}", ACCESSORS, VIEWS, BUFFER),
         "accessors[44] is wanted, but there are 4"},
        {DOCUMENT(HEAD, NODES, "{\"attributes\":{" ATTRIBUTES "},\"indices\":-1}", ACCESSORS, VIEWS, BUFFER),
         "\"indices\" is not a whole number"},
        {DOCUMENT(HEAD, NODES, "{\"attributes\":{\"POSITION\":0,\"TEXCOORD_0\":0}}", ACCESSORS, VIEWS,
                  BUFFER),
         "type VEC3; wanted VEC2"},
        {DOCUMENT(HEAD, NODES, "{\"attributes\":{\"POSITION\":0,\"NORMAL\":1,\"TEXCOORD_0\":2}}", ACCESSORS,
                  VIEWS, BUFFER),
         "4 indices, not a multiple of 3"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE,
                  "{\"bufferView\":0,\"componentType\":5126,\"count\":9007199254740992,\"type\":\"VEC3\"}",
                  VIEWS, BUFFER),
         "leave buffer view 0"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE,
                  "{\"bufferView\":0,\"componentType\":5126,\"count\":5,\"type\":\"VEC3\"}", VIEWS, BUFFER),
         "5 elements leave buffer view 0"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE,
                  "{\"bufferView\":0,\"componentType\":5120,\"count\":4,\"type\":\"VEC3\"}", VIEWS, BUFFER),
         "component type 5120"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, "{\"buffer\":0,\"byteOffset\":100,\"byteLength\":48}",
                  BUFFER),
         "buffer view 0 leaves buffer 0"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, "{\"buffer\":3,\"byteLength\":48}", BUFFER),
         "buffer view 0 leaves buffer 3"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, "{\"buffer\":0,\"byteLength\":48,\"byteStride\":4}",
                  BUFFER),
         "stride 4; wanted 12 to 252"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, VIEWS, "{\"byteLength\":141,\"uri\":\"square.bin\"}"),
         "140 bytes; wanted 141"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, VIEWS, "{\"byteLength\":1e15,\"uri\":\"square.bin\"}"),
         "wanted 1 to"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, VIEWS, "{\"byteLength\":140,\"uri\":\"absent.bin\"}"),
         "absent.bin: No such file"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, VIEWS, "{\"byteLength\":4,\"uri\":\"../passwd\"}"),
         "not a file beside it"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, VIEWS, "{\"byteLength\":4,\"uri\":\"%2fetc/passwd\"}"),
         "not a file beside it"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, VIEWS,
                  "{\"byteLength\":4,\"uri\":\"file:///etc/passwd\"}"),
         "not a file beside it"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, VIEWS,
                  "{\"byteLength\":4,\"uri\":\"data:;base64,AAAA\"}"),
         "buffer 0 is embedded"},
        {DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, VIEWS, "{\"byteLength\":4}"), "buffer 0 is embedded"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct mesh mesh = {0};
        bool loaded = load_text(rows[i].text, &mesh);
        bool good =
            !loaded && strstr(error, rows[i].wanted) && strchr(error, '\n') == error + strlen(error) - 1;
        mesh_destroy(&mesh);
        if (!good)
            printf("    row %zu: wanted one line with \"%s\", got \"%s\"\n", i, rows[i].wanted, error);
        CHECK(good);
    }
}

static void test_bad_values(void)
{
    static const struct {
        size_t at;
        uint32_t bits;
        const char *wanted;
    } rows[] = {{128, 0x00ff0000, "index 255 of a primitive with 4 vertices"},
                {0, 0x7fc00000, "the position of vertex 0 is not finite"},
                {0, 0x7f7fffff, "units; wanted between"}};
    const char *text = DOCUMENT(HEAD, NODES, PRIMITIVE, ACCESSORS, VIEWS, BUFFER);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        unsigned char data[140];
        struct mesh mesh = {0};
        memcpy(data, &square, sizeof(data));
        memcpy(data + rows[i].at, &rows[i].bits, 4);
        write_file("square.bin", data, sizeof(data));
        write_file("square.gltf", text, strlen(text));
        bool loaded = load(in_folder("square.gltf"), &mesh);
        mesh_destroy(&mesh);
        if (loaded || !strstr(error, rows[i].wanted))
            printf("    row %zu: wanted \"%s\", got \"%s\"\n", i, rows[i].wanted, error);
        CHECK(!loaded && strstr(error, rows[i].wanted));
    }
}

// Random changes to the chair's file must neither crash (the sanitizers watch) nor hang.
static void test_mutations(void)
{
    static char text[16384], changed[16384], data[1 << 18];
    char path[512];
    snprintf(path, sizeof(path), "%s/meshes/chair.gltf", setting("EXAMPLES"));
    size_t size = read_file(path, text, sizeof(text));
    snprintf(path, sizeof(path), "%s/meshes/chair.bin", setting("EXAMPLES"));
    write_file("chair.bin", data, read_file(path, data, sizeof(data)));
    uint32_t state = 2463534242u;
    int loads = 0;
    for (int i = 0; i < 400; i++) {
        memcpy(changed, text, size);
        for (int k = 0; k <= i % 4; k++) {
            state ^= state << 13, state ^= state >> 17, state ^= state << 5;
            static const char interesting[] = "0123456789-.eE\"[]{},:";
            changed[state % size] = interesting[(state >> 16) % (sizeof(interesting) - 1)];
        }
        struct mesh mesh = {0};
        write_file("chair.gltf", changed, size);
        loads += load(in_folder("chair.gltf"), &mesh);
        mesh_destroy(&mesh);
    }
    printf("    %d of 400 changed files were still read\n", loads);
    CHECK(loads > 0 && loads < 400);
}

static const struct test tests[] = {
    {"a square gets its tangents", test_square},
    {"nodes move and mirror a mesh", test_transforms},
    {"without normals triangles are flat", test_flat_normals},
    {"malformed documents are refused in one line", test_bad},
    {"bad vertices and indices are refused", test_bad_values},
    {"changed files do not crash the reader", test_mutations},
};
TEST_MAIN(tests)
