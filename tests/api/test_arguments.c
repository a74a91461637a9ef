// SPDX-License-Identifier: MIT
// Tests of arguments.h in compute shaders: names, values, errors, copies per frame, memory, allocation.
#include "arguments_internal.h"
#include "rig.h"

#include <math.h>

#define TENSOR(name, dtype, rank, access)                                                                    \
    "#define SMELT_TENSOR " name "\n#define SMELT_DTYPE SMELT_DTYPE_" dtype "\n#define SMELT_RANK " rank     \
    "\n#define SMELT_ACCESS SMELT_ACCESS_" access "\n"
#define BLOCK "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer "

// Every kind of member, two blocks, and the block's address in the middle of the push constants.
static const char *const every_kind = "#version 460\n"
                                      "#include \"smelt/base.glsl\"\n"                                //
    TENSOR("x", "F32", "1", "READ") "#define SMELT_EXTENT0 0\n#include \"smelt/tensor_tmpl.glsl\"\n"  //
    TENSOR("y", "F32", "1", "WRITE") "#define SMELT_EXTENT0 0\n#include \"smelt/tensor_tmpl.glsl\"\n" //
    TENSOR(
        "table", "F16", "2",
        "READ") "#define SMELT_EXTENT0 2\n#define SMELT_EXTENT1 3\n#include \"smelt/tensor_tmpl.glsl\"\n" //
    BLOCK "extra_block { float bonus; };\n"
                "struct light { vec3 color; float power; };\n" //
    BLOCK "every_block {\n"
                "    x_f32_1_r_0 x;\n"
                "    table_f16_2_r_2x3 table;\n"
                "    y_f32_1_w_0 y;\n"
                "    light lights[2];\n"
                "    float scale;\n"
                "    uint list[3];\n"
                "    mat2x3 transform;\n"
                "    extra_block extra;\n"
                "};\n"
                "layout(push_constant, scalar) uniform push { uint before; uint unused; every_block block; "
                "};\n"
                "layout(local_size_x = 32) in;\n"
                "void main()\n"
                "{\n"
                "    uint i = gl_GlobalInvocationID.x;\n"
                "    if (i >= smelt_extent(block.y, 0)) return;\n"
                "    vec3 t = block.transform * vec2(1.0, float(i));\n"
                "    float v = smelt_load(block.x, i) * block.scale + float(smelt_load(block.table, i % 2, i "
                "% 3));\n"
                "    v += block.lights[0].color.y + block.lights[1].power + float(block.list[i % 3]);\n"
                "    smelt_store(block.y, i, v + t.x + t.y + t.z + block.extra.bonus);\n"
                "}\n";

#define COUNT 70

struct every {
    smelt_context context;
    smelt_shader shader;
    smelt_arguments arguments;
    smelt_tensor x, table, y;
};

static struct every every_create(uint32_t frames)
{
    struct every e = {.context = rig_context()};
    e.shader = rig_shader(e.context, "every_kind.comp", every_kind, VK_SHADER_STAGE_COMPUTE_BIT);
    struct smelt_arguments_params params = {
        .shaders = &e.shader, .shader_count = 1, .block = "every_block", .frames_in_flight = frames};
    CHECK_OK(smelt_arguments_create(e.context, &params, &e.arguments));
    float x[COUNT];
    uint16_t table[6];
    for (int i = 0; i < COUNT; i++)
        x[i] = 0.5f * (float)i;
    for (int i = 0; i < 6; i++)
        table[i] = smelt_f16_from_f32(100.0f * (float)i);
    e.x = rig_tensor(e.context, SMELT_DTYPE_F32, 1, (uint64_t[]){COUNT}, x);
    e.y = rig_tensor(e.context, SMELT_DTYPE_F32, 1, (uint64_t[]){COUNT}, x);
    e.table = rig_tensor(e.context, SMELT_DTYPE_F16, 2, (uint64_t[]){2, 3}, table);
    return e;
}

static void every_destroy(struct every *e)
{
    smelt_arguments_destroy(&e->arguments);
    CHECK(!e->arguments);
    smelt_tensor_destroy(&e->x);
    smelt_tensor_destroy(&e->y);
    smelt_tensor_destroy(&e->table);
    smelt_shader_destroy(&e->shader);
}

static const float every_transform[6] = {1, 2, 3, 4, 5, 6}; // two columns of three

static void every_set(struct every *e, VkDeviceAddress extra)
{
    float color[3] = {7, 8, 9}, zero = 0, power = 11, scale = 3;
    uint32_t list[3] = {1000, 2000, 3000};
    CHECK_OK(smelt_arguments_set_tensor(e->arguments, "x", e->x));
    CHECK_OK(smelt_arguments_set_tensor(e->arguments, "y", e->y));
    CHECK_OK(smelt_arguments_set_tensor(e->arguments, "table", e->table));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "lights[0].color", color, sizeof(color)));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "lights[0].power", &zero, sizeof(zero)));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "lights[1].color", color, sizeof(color)));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "lights[1].power", &power, sizeof(power)));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "scale", &scale, sizeof(scale)));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "list", list, sizeof(list)));
    CHECK_OK(
        smelt_arguments_set_constant(e->arguments, "transform", every_transform, sizeof(every_transform)));
    CHECK_OK(smelt_arguments_set_address(e->arguments, "extra", extra));
}

static float every_wanted(int i)
{
    float x = 0.5f * (float)i, table = 100.0f * (float)(i % 2 * 3 + i % 3);
    return x * 3 + table + 8 + 11 + 1000.0f * (float)(i % 3 + 1) + (1 + 2 + 3) + 15.0f * (float)i + 0.25f;
}

static void test_every_kind(void)
{
    struct every e = every_create(0);
    struct smelt_buffer extra;
    CHECK_OK(smelt_buffer_create(e.context, 16, SMELT_PLACE_HOST_WRITE, SMELT_MEMORY_STAGING, "test extra",
                                 &extra));
    *(float *)extra.mapped = 0.25f;
    every_set(&e, extra.address);
    CHECK_OK(smelt_arguments_check(e.arguments));
    VkPipelineLayout layout = rig_layout(e.context, VK_NULL_HANDLE, 16, VK_SHADER_STAGE_COMPUTE_BIT);
    VkPipeline pipeline = rig_compute(e.context, e.shader, layout);
    VkCommandBuffer commands;
    CHECK_OK(smelt_submit_begin(e.context, &commands));
    e.context->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    enum smelt_result result = smelt_arguments_bind(e.arguments, commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                                    layout, VK_SHADER_STAGE_COMPUTE_BIT, 0);
    e.context->vk.CmdDispatch(commands, (COUNT + 31) / 32, 1, 1);
    CHECK_OK(smelt_submit_end(e.context, result == SMELT_OK));
    CHECK_OK(result);
    float y[COUNT];
    CHECK_OK(smelt_tensor_read_and_wait(e.y, NULL, y, sizeof(y)));
    for (int i = 0; i < COUNT; i++)
        CHECK(y[i] == every_wanted(i));
    e.context->vk.DestroyPipeline(e.context->device, pipeline, NULL);
    e.context->vk.DestroyPipelineLayout(e.context->device, layout, NULL);
    smelt_buffer_destroy(e.context, &extra);
    every_destroy(&e);
}

static void test_names(void)
{
    struct every e = every_create(0);
    smelt_arguments a = e.arguments;
    float one = 1;
    uint32_t member = 77, again = 78;
    CHECK_FAILS(smelt_arguments_set_tensor(a, "tabel", e.table), SMELT_ERROR_NOT_FOUND, "\"table\"");
    CHECK_FAILS(smelt_arguments_set_constant(a, "lights[0].colour", &one, 4), SMELT_ERROR_NOT_FOUND,
                "\"lights[0].color\"");
    CHECK_FAILS(smelt_arguments_set_constant(a, "power", &one, 4), SMELT_ERROR_NOT_FOUND,
                "\"lights[0].power\"");
    CHECK_FAILS(smelt_arguments_find(a, "lights[2].power", &member), SMELT_ERROR_NOT_FOUND,
                "\"lights[2].power\"");
    CHECK_FAILS(smelt_arguments_find(a, "nothing like it at all", &member), SMELT_ERROR_NOT_FOUND,
                "there are");
    CHECK_FAILS(smelt_arguments_find(a, "", &member), SMELT_ERROR_NOT_FOUND, "no member \"\"");
    CHECK_FAILS(smelt_arguments_find(a, NULL, &member), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
    CHECK_FAILS(smelt_arguments_set_address(a, "extr", 1), SMELT_ERROR_NOT_FOUND, "\"extra\"");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "x", VK_NULL_HANDLE, 0, 4), SMELT_ERROR_NOT_FOUND,
                "without descriptors");
    CHECK(member == 77);
    CHECK_OK(smelt_arguments_find(a, "scale", &member));
    CHECK_OK(smelt_arguments_find(a, "scale", &again));
    CHECK(member == again);
    CHECK_OK(smelt_arguments_set_constant_at(a, member, &one, sizeof(one)));
    CHECK_OK(smelt_arguments_find(a, "x", &member));
    CHECK_OK(smelt_arguments_set_tensor_at(a, member, e.x));
    CHECK_FAILS(smelt_arguments_set_tensor_at(a, 1000, e.x), SMELT_ERROR_INVALID_ARGUMENT, "member 1000");
    CHECK_FAILS(smelt_arguments_set_constant_at(a, UINT32_MAX, &one, 4), SMELT_ERROR_INVALID_ARGUMENT,
                "there are");
    every_destroy(&e);
}

static void test_what_does_not_fit(void)
{
    struct every e = every_create(0);
    smelt_arguments a = e.arguments;
    float many[16] = {0};
    smelt_tensor wide = rig_tensor(e.context, SMELT_DTYPE_F16, 2, (uint64_t[]){2, 4}, NULL);
    CHECK_FAILS(smelt_arguments_set_tensor(a, "table", wide), SMELT_ERROR_SHAPE, "[2][3]");
    CHECK(strstr(smelt_last_error(), "[2][4]"));
    CHECK_FAILS(smelt_arguments_set_tensor(a, "x", e.table), SMELT_ERROR_DTYPE, "f32");
    CHECK(strstr(smelt_last_error(), "f16"));
    smelt_tensor flat = rig_tensor(e.context, SMELT_DTYPE_F16, 1, (uint64_t[]){6}, NULL);
    CHECK_FAILS(smelt_arguments_set_tensor(a, "table", flat), SMELT_ERROR_SHAPE, "rank 2");
    CHECK(strstr(smelt_last_error(), "rank 1"));
    smelt_tensor scalar = rig_tensor(e.context, SMELT_DTYPE_F32, 0, NULL, NULL);
    CHECK_FAILS(smelt_arguments_set_tensor(a, "x", scalar), SMELT_ERROR_SHAPE, "scalar");
    CHECK_FAILS(smelt_arguments_set_tensor(a, "x", NULL), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
    // The shader does not read the strides of [2][3], so a slice of [2][4] would be misread.
    smelt_tensor slice;
    CHECK_OK(smelt_tensor_slice(wide, (uint64_t[]){0, 0}, (uint64_t[]){2, 3}, &slice));
    CHECK_FAILS(smelt_arguments_set_tensor(a, "table", slice), SMELT_ERROR_SHAPE, "stride 4 in dimension 0");
    smelt_tensor_destroy(&slice);
    CHECK_FAILS(smelt_arguments_set_tensor(a, "scale", e.x), SMELT_ERROR_INVALID_ARGUMENT,
                "is a constant, got a tensor");
    CHECK_FAILS(smelt_arguments_set_constant(a, "x", many, 16), SMELT_ERROR_INVALID_ARGUMENT,
                "is a tensor, got a constant");
    CHECK_FAILS(smelt_arguments_set_constant(a, "extra", many, 8), SMELT_ERROR_INVALID_ARGUMENT,
                "is an address");
    CHECK_FAILS(smelt_arguments_set_address(a, "scale", 4), SMELT_ERROR_INVALID_ARGUMENT, "got an address");
    CHECK_FAILS(smelt_arguments_set_constant(a, "list", many, 16), SMELT_ERROR_INVALID_ARGUMENT,
                "wants 12 bytes, got 16");
    CHECK_FAILS(smelt_arguments_set_constant(a, "transform", many, 32), SMELT_ERROR_INVALID_ARGUMENT,
                "wants 24 bytes, got 32");
    CHECK_FAILS(smelt_arguments_set_constant(a, "scale", NULL, 4), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
    // A failing call changes nothing: all is still unset.
    CHECK_FAILS(smelt_arguments_check(a), SMELT_ERROR_NOT_READY,
                "\"x\", \"table\", \"y\", \"lights[0].color\"");
    smelt_tensor_destroy(&wide);
    smelt_tensor_destroy(&flat);
    smelt_tensor_destroy(&scalar);
    every_destroy(&e);
}

// A matrix in the layout of cooperative vectors means nothing to other shaders.
static void test_opaque_matrix(void)
{
    struct every e = every_create(0);
    const struct smelt_tensor_info *info = smelt_tensor_info(e.table);
    smelt_tensor opaque;
    CHECK_OK(smelt_tensor_create_opaque(e.context, SMELT_DTYPE_F16, 2, 3, info->buffer, 0, info->size,
                                        info->address, "matrix", &opaque));
    CHECK_FAILS(smelt_arguments_set_tensor(e.arguments, "table", opaque), SMELT_ERROR_INVALID_ARGUMENT,
                "coopvec");
    smelt_tensor_destroy(&opaque);
    every_destroy(&e);
}

static void test_unset(void)
{
    struct every e = every_create(0);
    VkDeviceAddress address = 5;
    const char *names[] = {
        "\"x\"",    "\"table\"",     "\"y\"",    "\"lights[0].color\"", "\"lights[1].power\"", "\"scale\"",
        "\"list\"", "\"transform\"", "\"extra\""};
    CHECK_FAILS(smelt_arguments_flush(e.arguments, 0, &address), SMELT_ERROR_NOT_READY, "every_block");
    for (size_t i = 0; i < SMELT_COUNT_OF(names); i++)
        CHECK(strstr(smelt_last_error(), names[i]));
    CHECK(address == 5);
    every_set(&e, 4096);
    CHECK_OK(smelt_arguments_check(e.arguments));
    CHECK_OK(smelt_arguments_flush(e.arguments, 0, &address));
    CHECK(address % 16 == 0 && address != 5);
    every_destroy(&e);
}

static void test_copies(void)
{
    struct every e = every_create(3);
    every_set(&e, 4096);
    VkDeviceAddress first[4], again;
    for (uint64_t frame = 0; frame < 4; frame++)
        CHECK_OK(smelt_arguments_flush(e.arguments, 100 + frame, &first[frame]));
    CHECK(first[0] != first[1] && first[1] != first[2] && first[0] != first[2] && first[3] == first[0]);
    // Nothing changed: nothing is written, and what is scribbled into the copy stays.
    struct arguments_slot *slot = &e.arguments->slots[103 % 3];
    float scale = 3, other = 4;
    uint8_t kept = slot->mapped[0];
    slot->mapped[0] = (uint8_t)(kept + 1);
    CHECK_OK(smelt_arguments_set_constant(e.arguments, "scale", &scale, 4)); // the value it has
    CHECK_OK(smelt_arguments_flush(e.arguments, 103, &again));
    CHECK(again == first[0] && slot->mapped[0] == (uint8_t)(kept + 1));
    CHECK_OK(smelt_arguments_set_constant(e.arguments, "scale", &other, 4));
    CHECK_OK(smelt_arguments_flush(e.arguments, 104, &again));
    CHECK(again == first[1]);
    CHECK_OK(smelt_arguments_flush(e.arguments, 106, NULL));
    CHECK(slot->mapped[0] == kept);
    every_destroy(&e);
}

static void test_create_errors(void)
{
    struct every e = every_create(0);
    smelt_arguments made = (smelt_arguments)&e; // untouched on failure
    struct smelt_arguments_params params = {.shaders = &e.shader, .shader_count = 1};
    CHECK_FAILS(smelt_arguments_create(e.context, &params, &made), SMELT_ERROR_NOT_FOUND, "\"every_block\"");
    CHECK(strstr(smelt_last_error(), "\"extra_block\""));
    params.block = "evry_block";
    CHECK_FAILS(smelt_arguments_create(e.context, &params, &made), SMELT_ERROR_NOT_FOUND, "\"every_block\"");
    params.block = "";
    CHECK_FAILS(smelt_arguments_create(e.context, &params, &made), SMELT_ERROR_INVALID_ARGUMENT, "neither");
    params.descriptors = true;
    params.set = 3;
    CHECK_FAILS(smelt_arguments_create(e.context, &params, &made), SMELT_ERROR_INVALID_ARGUMENT, "set 3");
    params = (struct smelt_arguments_params){.shaders = &e.shader, .shader_count = 1, .frames_in_flight = 17};
    CHECK_FAILS(smelt_arguments_create(e.context, &params, &made), SMELT_ERROR_INVALID_ARGUMENT, "17");
    params = (struct smelt_arguments_params){.shader_count = 1};
    CHECK_FAILS(smelt_arguments_create(e.context, &params, &made), SMELT_ERROR_INVALID_ARGUMENT,
                "no shaders");
    smelt_shader none = NULL;
    params = (struct smelt_arguments_params){.shaders = &none, .shader_count = 1};
    CHECK_FAILS(smelt_arguments_create(e.context, &params, &made), SMELT_ERROR_INVALID_ARGUMENT,
                "shader 0 of 1");
    smelt_shader plain =
        rig_shader(e.context, "plain.comp", "#version 460\nlayout(local_size_x = 1) in;\nvoid main() {}\n",
                   VK_SHADER_STAGE_COMPUTE_BIT);
    params = (struct smelt_arguments_params){.shaders = &plain, .shader_count = 1};
    CHECK_FAILS(smelt_arguments_create(e.context, &params, &made), SMELT_ERROR_NOT_FOUND,
                "no argument block");
    CHECK(made == (smelt_arguments)&e);
    smelt_shader_destroy(&plain);
    made = NULL;
    smelt_arguments_destroy(&made);
    every_destroy(&e);
}

// --- Shaders that disagree -----------------------------------------------------------------------------------

static const char *block_shader(char *text, size_t size, const char *members, const char *bindings)
{
    snprintf(
        text, size,
        "#version 460\n"
        "#include \"smelt/base.glsl\"\n"
        "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer shared_block { %s };\n"
        "layout(push_constant, scalar) uniform push { shared_block block; };\n"
        "%s\n"
        "layout(local_size_x = 1) in;\n"
        "void main() { if (block.a == 7.0) use(); }\n",
        members, bindings);
    return text;
}

static void check_disagreement(const char *members, const char *bindings, const char *message)
{
    smelt_context context = rig_context();
    char text[2048];
    const char *common = "layout(set = 0, binding = 1) buffer store { float v[]; } store_it;\n"
                         "void use() { store_it.v[0] = 1.0; }";
    smelt_shader shaders[2];
    shaders[0] = rig_shader(context, "one.comp", block_shader(text, sizeof(text), "float a; vec2 b;", common),
                            VK_SHADER_STAGE_COMPUTE_BIT);
    shaders[1] = rig_shader(context, "two.comp",
                            block_shader(text, sizeof(text), members, bindings ? bindings : common),
                            VK_SHADER_STAGE_COMPUTE_BIT);
    struct smelt_arguments_params params = {.shaders = shaders, .shader_count = 2, .descriptors = true};
    smelt_arguments arguments = NULL;
    if (message) {
        CHECK_FAILS(smelt_arguments_create(context, &params, &arguments), SMELT_ERROR_INVALID_ARGUMENT,
                    "two.comp");
        CHECK(strstr(smelt_last_error(), message));
    } else {
        CHECK_OK(smelt_arguments_create(context, &params, &arguments));
    }
    smelt_arguments_destroy(&arguments);
    smelt_shader_destroy(&shaders[0]);
    smelt_shader_destroy(&shaders[1]);
}

static void test_disagreement(void)
{
    check_disagreement("float a; vec2 b;", NULL, NULL);
    check_disagreement("float a; vec3 b;", NULL, "\"b\"");
    check_disagreement("float a; vec2 c;", NULL, "\"c\"");
    check_disagreement("float a; vec2 b; float more;", NULL, "nothing and \"more\"");
    check_disagreement("float a;", NULL, "\"b\" at offset 4, 8 bytes, constant and nothing");
    check_disagreement("float a; vec2 b;",
                       "layout(set = 0, binding = 1) uniform store { float v; } store_it;\n"
                       "layout(set = 1, binding = 0) buffer other { float v; } other_it;\n"
                       "void use() { other_it.v = store_it.v; }",
                       "binding 1");
    check_disagreement("float a; vec2 b;",
                       "layout(set = 0, binding = 2) buffer store { float v[]; } store_it;\n"
                       "void use() { store_it.v[0] = 1.0; }",
                       "binding 2");
}

static void test_two_takers(void)
{
    smelt_context context = rig_context();
    smelt_shader shader =
        rig_shader(context, "two.comp",
                   "#version 460\n"
                   "#include \"smelt/base.glsl\"\n"
                   "layout(buffer_reference, scalar) buffer pair_block { float v; };\n"
                   "layout(push_constant, scalar) uniform push { pair_block a; pair_block b; };\n"
                   "layout(local_size_x = 1) in;\n"
                   "void main() { a.v = b.v; }\n",
                   VK_SHADER_STAGE_COMPUTE_BIT);
    struct smelt_arguments_params params = {.shaders = &shader, .shader_count = 1};
    smelt_arguments arguments;
    float v = 1;
    CHECK_OK(smelt_arguments_create(context, &params, &arguments));
    CHECK_OK(smelt_arguments_set_constant(arguments, "v", &v, sizeof(v)));
    CHECK_FAILS(smelt_arguments_bind(arguments, (VkCommandBuffer)context, VK_PIPELINE_BIND_POINT_COMPUTE,
                                     (VkPipelineLayout)1, VK_SHADER_STAGE_COMPUTE_BIT, 0),
                SMELT_ERROR_INVALID_ARGUMENT, "\"a\" and \"b\"");
    CHECK_FAILS(smelt_arguments_bind(arguments, NULL, VK_PIPELINE_BIND_POINT_COMPUTE, (VkPipelineLayout)1,
                                     VK_SHADER_STAGE_COMPUTE_BIT, 0),
                SMELT_ERROR_INVALID_ARGUMENT, "command buffer");
    CHECK_FAILS(smelt_arguments_bind(arguments, (VkCommandBuffer)context, VK_PIPELINE_BIND_POINT_COMPUTE,
                                     VK_NULL_HANDLE, VK_SHADER_STAGE_COMPUTE_BIT, 0),
                SMELT_ERROR_INVALID_ARGUMENT, "pipeline layout");
    smelt_arguments_destroy(&arguments);
    smelt_shader_destroy(&shader);
}

// --- Memory --------------------------------------------------------------------------------------------------

static PFN_vkAllocateMemory real_allocate_memory;
static uint32_t allocate_memory_calls;

static VKAPI_ATTR VkResult VKAPI_CALL count_allocate_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                                                            const VkAllocationCallbacks *callbacks,
                                                            VkDeviceMemory *memory)
{
    allocate_memory_calls++;
    return real_allocate_memory(device, info, callbacks, memory);
}

static void test_shared_chunks(void)
{
    enum { OBJECTS = 300 };
    static smelt_arguments objects[OBJECTS];
    struct every e = every_create(0);
    smelt_arguments_destroy(&e.arguments);
    uint64_t before = smelt_context_memory(e.context).bytes[SMELT_MEMORY_ARGUMENTS];
    real_allocate_memory = e.context->vk.AllocateMemory;
    e.context->vk.AllocateMemory = count_allocate_memory;
    allocate_memory_calls = 0;
    struct smelt_arguments_params params = {
        .shaders = &e.shader, .shader_count = 1, .block = "every_block", .frames_in_flight = 3};
    for (int i = 0; i < OBJECTS; i++)
        CHECK_OK(smelt_arguments_create(e.context, &params, &objects[i]));
    // 3 copies of 256 bytes each fit 300 times into one chunk of 256 KiB.
    CHECK(allocate_memory_calls == 1);
    CHECK(smelt_context_memory(e.context).bytes[SMELT_MEMORY_ARGUMENTS] > before);
    // No two copies share a byte.
    static VkDeviceAddress addresses[3 * OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
        e.arguments = objects[i];
        every_set(&e, 4096);
        for (uint64_t frame = 0; frame < 3; frame++)
            CHECK_OK(smelt_arguments_flush(objects[i], frame, &addresses[3 * (uint64_t)i + frame]));
    }
    for (int i = 0; i < 3 * OBJECTS; i++)
        for (int j = 0; j < i; j++)
            CHECK(addresses[i] >= addresses[j] + smelt_shader_block(e.shader, "every_block")->size ||
                  addresses[j] >= addresses[i] + smelt_shader_block(e.shader, "every_block")->size);
    // Freed places are used again; an empty chunk goes back.
    for (int i = 0; i < OBJECTS; i += 2)
        smelt_arguments_destroy(&objects[i]);
    for (int i = 0; i < OBJECTS; i += 2)
        CHECK_OK(smelt_arguments_create(e.context, &params, &objects[i]));
    CHECK(allocate_memory_calls == 1);
    for (int i = 0; i < OBJECTS; i++)
        smelt_arguments_destroy(&objects[i]);
    CHECK(smelt_context_memory(e.context).bytes[SMELT_MEMORY_ARGUMENTS] == before);
    e.context->vk.AllocateMemory = real_allocate_memory;
    e.arguments = NULL;
    every_destroy(&e);
}

static int churn(void *user)
{
    struct every *e = user;
    struct smelt_arguments_params params = {.shaders = &e->shader, .shader_count = 1, .block = "every_block"};
    smelt_arguments kept[8] = {0};
    for (int i = 0; i < 400; i++) {
        smelt_arguments *place = &kept[i * 5 % 8];
        smelt_arguments_destroy(place);
        if (smelt_arguments_create(e->context, &params, place) != SMELT_OK)
            return 1;
    }
    for (int i = 0; i < 8; i++)
        smelt_arguments_destroy(&kept[i]);
    return 0;
}

static void test_threads(void)
{
    struct every e = every_create(0);
    thrd_t threads[4];
    int failed = 0;
    for (int i = 0; i < 4; i++)
        CHECK(thrd_create(&threads[i], churn, &e) == thrd_success);
    for (int i = 0; i < 4; i++) {
        int result = 1;
        thrd_join(threads[i], &result);
        failed += result;
    }
    CHECK(!failed);
    every_destroy(&e);
    CHECK(!smelt_context_memory(rig_context()).bytes[SMELT_MEMORY_ARGUMENTS]);
}

// --- No allocation -------------------------------------------------------------------------------------------

#if defined(__SANITIZE_ADDRESS__)
#define COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNTS_ALLOCATIONS 0
#endif
#endif
#if !defined(COUNTS_ALLOCATIONS)
#if defined(__GLIBC__)
#define COUNTS_ALLOCATIONS 1
#else
#define COUNTS_ALLOCATIONS 0
#endif
#endif

static _Thread_local uint64_t allocations; // of this thread

#if COUNTS_ALLOCATIONS
// glibc lets a program replace malloc; its own stays reachable under these names.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}
void *realloc(void *pointer, size_t size)
{
    allocations++;
    return __libc_realloc(pointer, size);
}
#endif

// Stand-ins for the driver, whose own recording may allocate.
static uint32_t pushes;
static VkDeviceAddress pushed;

static VKAPI_ATTR void VKAPI_CALL count_push_constants(VkCommandBuffer commands, VkPipelineLayout layout,
                                                       VkShaderStageFlags stages, uint32_t offset,
                                                       uint32_t size, const void *values)
{
    (void)commands, (void)layout, (void)stages;
    pushes += offset == 8 && size == 8;
    memcpy(&pushed, values, sizeof(pushed));
}

static void test_no_allocation(void)
{
    if (!COUNTS_ALLOCATIONS)
        SKIP("malloc cannot be counted in this build");
    struct every e = every_create(2);
    every_set(&e, 4096);
    PFN_vkCmdPushConstants real = e.context->vk.CmdPushConstants;
    e.context->vk.CmdPushConstants = count_push_constants;
    uint64_t before = allocations;
    free(malloc(1));
    bool counts = allocations == before + 1;
    before = allocations;
    enum smelt_result worst = SMELT_OK;
    for (uint64_t frame = 0; frame < 1000; frame++) {
        float scale = (float)frame;
        enum smelt_result results[] = {
            smelt_arguments_set_constant(e.arguments, "scale", &scale, sizeof(scale)),
            smelt_arguments_set_tensor(e.arguments, "x", frame % 2 ? e.x : e.y),
            smelt_arguments_set_tensor(e.arguments, "table", e.table),
            smelt_arguments_set_address(e.arguments, "extra", frame),
            smelt_arguments_check(e.arguments),
            smelt_arguments_bind(e.arguments, (VkCommandBuffer)e.context, VK_PIPELINE_BIND_POINT_COMPUTE,
                                 (VkPipelineLayout)1, VK_SHADER_STAGE_COMPUTE_BIT, frame),
        };
        for (size_t i = 0; i < SMELT_COUNT_OF(results); i++)
            worst = SMELT_MIN(worst, results[i]);
    }
    uint64_t made = allocations - before;
    e.context->vk.CmdPushConstants = real;
    VkDeviceAddress address;
    CHECK_OK(smelt_arguments_flush(e.arguments, 999, &address));
    CHECK(counts && worst == SMELT_OK && pushes == 1000 && pushed == address);
    CHECK(made == 0);
    every_destroy(&e);
}

// --- Frames in flight ----------------------------------------------------------------------------------------

// out[frame] = a value from the block and one from a buffer that a descriptor names.
static const char *const in_flight = "#version 460\n"
                                     "#include \"smelt/base.glsl\"\n" //
    TENSOR(
        "y", "F32", "1",
        "WRITE") "#define SMELT_EXTENT0 0\n#include \"smelt/tensor_tmpl.glsl\"\n" //
    BLOCK "frame_block { y_f32_1_w_0 y; uint frame; float value; };\n"
                 "layout(push_constant, scalar) uniform push { frame_block block; };\n"
                 "layout(set = 0, binding = 3, scalar) readonly buffer source { float value; } sources[2];\n"
                 "layout(local_size_x = 1) in;\n"
                 "void main()\n"
                 "{\n"
                 "    float v = block.value + sources[0].value + sources[1].value;\n"
                 "    smelt_store(block.y, block.frame, v);\n"
                 "}\n";

enum { FLIGHT_FRAMES = 9 };

struct flight {
    smelt_context context;
    smelt_shader shader;
    smelt_arguments arguments;
    smelt_tensor y;
    struct smelt_buffer values; // float per frame, 256 bytes apart
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkSemaphore gate, done; // timelines: the host opens frames, the device reports them
    VkCommandPool pool;
    VkCommandBuffer commands[FLIGHT_FRAMES];
};

static VkSemaphore timeline(smelt_context context)
{
    VkSemaphoreTypeCreateInfo type = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
    };
    VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
    VkSemaphore semaphore;
    CHECK(rig_vk.CreateSemaphore(context->device, &info, NULL, &semaphore) == VK_SUCCESS);
    return semaphore;
}

static struct flight flight_create(uint32_t frames)
{
    struct flight f = {.context = rig_context()};
    smelt_context context = f.context;
    f.shader = rig_shader(context, "in_flight.comp", in_flight, VK_SHADER_STAGE_COMPUTE_BIT);
    struct smelt_arguments_params params = {.shaders = &f.shader,
                                            .shader_count = 1,
                                            .frames_in_flight = frames,
                                            .descriptors = true,
                                            .name = "flight"};
    CHECK_OK(smelt_arguments_create(context, &params, &f.arguments));
    CHECK(smelt_arguments_set_layout(f.arguments));
    float zeros[FLIGHT_FRAMES] = {0};
    f.y = rig_tensor(context, SMELT_DTYPE_F32, 1, (uint64_t[]){FLIGHT_FRAMES}, zeros);
    CHECK_OK(smelt_buffer_create(context, 256 * FLIGHT_FRAMES, SMELT_PLACE_HOST_WRITE, SMELT_MEMORY_STAGING,
                                 "test values", &f.values));
    for (int i = 0; i < FLIGHT_FRAMES; i++)
        *(float *)((uint8_t *)f.values.mapped + 256 * i) = 100.0f * (float)(i + 1);
    f.layout = rig_layout(context, smelt_arguments_set_layout(f.arguments), 8, VK_SHADER_STAGE_COMPUTE_BIT);
    f.pipeline = rig_compute(context, f.shader, f.layout);
    f.gate = timeline(context);
    f.done = timeline(context);
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = context->queue_family,
    };
    CHECK(context->vk.CreateCommandPool(context->device, &pool, NULL, &f.pool) == VK_SUCCESS);
    VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = f.pool,
        .commandBufferCount = FLIGHT_FRAMES,
    };
    CHECK(context->vk.AllocateCommandBuffers(context->device, &allocate, f.commands) == VK_SUCCESS);
    return f;
}

static void flight_destroy(struct flight *f)
{
    smelt_context context = f->context;
    context->vk.DestroyCommandPool(context->device, f->pool, NULL);
    rig_vk.DestroySemaphore(context->device, f->gate, NULL);
    rig_vk.DestroySemaphore(context->device, f->done, NULL);
    context->vk.DestroyPipeline(context->device, f->pipeline, NULL);
    context->vk.DestroyPipelineLayout(context->device, f->layout, NULL);
    smelt_buffer_destroy(context, &f->values);
    smelt_tensor_destroy(&f->y);
    smelt_arguments_destroy(&f->arguments);
    smelt_shader_destroy(&f->shader);
}

// Sets the values of the frame, records and submits it behind the gate.
static void flight_submit(struct flight *f, uint32_t frame)
{
    smelt_context context = f->context;
    float value = (float)(frame + 1);
    CHECK_OK(smelt_arguments_set_tensor(f->arguments, "y", f->y));
    CHECK_OK(smelt_arguments_set_constant(f->arguments, "frame", &frame, sizeof(frame)));
    CHECK_OK(smelt_arguments_set_constant(f->arguments, "value", &value, sizeof(value)));
    CHECK_OK(
        smelt_arguments_set_buffer(f->arguments, "sources", f->values.buffer, 256 * frame, sizeof(float)));
    if (!frame)
        CHECK_OK(smelt_arguments_set_buffer(f->arguments, "sources[1]", f->values.buffer, 0, VK_WHOLE_SIZE));
    VkCommandBuffer commands = f->commands[frame];
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    CHECK(context->vk.BeginCommandBuffer(commands, &begin) == VK_SUCCESS);
    context->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, f->pipeline);
    CHECK_OK(smelt_arguments_bind(f->arguments, commands, VK_PIPELINE_BIND_POINT_COMPUTE, f->layout,
                                  VK_SHADER_STAGE_COMPUTE_BIT, frame));
    context->vk.CmdDispatch(commands, 1, 1, 1);
    CHECK(context->vk.EndCommandBuffer(commands) == VK_SUCCESS);
    VkSemaphoreSubmitInfo wait = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
        .semaphore = f->gate,
        .value = frame + 1,
        .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
    };
    VkSemaphoreSubmitInfo signal = wait;
    signal.semaphore = f->done;
    VkCommandBufferSubmitInfo submitted = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
        .commandBuffer = commands,
    };
    VkSubmitInfo2 submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
        .waitSemaphoreInfoCount = 1,
        .pWaitSemaphoreInfos = &wait,
        .commandBufferInfoCount = 1,
        .pCommandBufferInfos = &submitted,
        .signalSemaphoreInfoCount = 1,
        .pSignalSemaphoreInfos = &signal,
    };
    CHECK(context->vk.QueueSubmit2(context->queue, 1, &submit, VK_NULL_HANDLE) == VK_SUCCESS);
}

// Lets the device run `frame`, and waits for it.
static void flight_open(struct flight *f, uint32_t frame)
{
    uint64_t value = frame + 1;
    VkSemaphoreSignalInfo signal = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
        .semaphore = f->gate,
        .value = value,
    };
    VkSemaphoreWaitInfo wait = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores = &f->done,
        .pValues = &value,
    };
    CHECK(rig_vk.SignalSemaphore(f->context->device, &signal) == VK_SUCCESS);
    CHECK(rig_vk.WaitSemaphores(f->context->device, &wait, 10000000000ull) == VK_SUCCESS);
}

// `ahead` frames are submitted, values changed in between, before the device may begin the first of them.
static void flight_run(struct flight *f, uint32_t ahead, float *y)
{
    for (uint32_t frame = 0; frame < FLIGHT_FRAMES; frame++) {
        if (frame >= ahead)
            flight_open(f, frame - ahead);
        flight_submit(f, frame);
    }
    for (uint32_t frame = FLIGHT_FRAMES - ahead; frame < FLIGHT_FRAMES; frame++)
        flight_open(f, frame);
    CHECK_OK(smelt_tensor_read_and_wait(f->y, NULL, y, FLIGHT_FRAMES * sizeof(float)));
}

static void test_three_in_flight(void)
{
    struct flight f = flight_create(3);
    float y[FLIGHT_FRAMES];
    flight_run(&f, 3, y);
    for (int i = 0; i < FLIGHT_FRAMES; i++)
        CHECK(y[i] == (float)(i + 1) + 100.0f * (float)(i + 1) + 100);
    flight_destroy(&f);
}

// The bindings' own errors, on the same shader.
static void test_buffer_errors(void)
{
    struct flight f = flight_create(2);
    smelt_arguments a = f.arguments;
    VkBuffer buffer = f.values.buffer;
    CHECK_FAILS(smelt_arguments_check(a), SMELT_ERROR_NOT_READY, "\"sources[0]\", \"sources[1]\"");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "source", buffer, 0, 4), SMELT_ERROR_NOT_FOUND, "\"sources\"");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources[2]", buffer, 0, 4), SMELT_ERROR_INVALID_ARGUMENT,
                "element 2");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources[-1]", buffer, 0, 4), SMELT_ERROR_NOT_FOUND,
                "sources[-1]");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources[99999999999999999999]", buffer, 0, 4),
                SMELT_ERROR_NOT_FOUND, "sources");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources[]", buffer, 0, 4), SMELT_ERROR_NOT_FOUND, "sources[]");
    CHECK_FAILS(smelt_arguments_set_buffer(a, NULL, buffer, 0, 4), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "value", buffer, 0, 4), SMELT_ERROR_NOT_FOUND,
                "argument block");
    CHECK_FAILS(smelt_arguments_set_constant(a, "sources", &f, 4), SMELT_ERROR_NOT_FOUND, "it is a binding");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources", VK_NULL_HANDLE, 0, 4), SMELT_ERROR_INVALID_ARGUMENT,
                "buffer is null");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources", buffer, 0, 0), SMELT_ERROR_INVALID_ARGUMENT,
                "0 bytes");
    CHECK_FAILS(smelt_arguments_set_texture(a, "sources", 0, (VkImageView)1, VK_NULL_HANDLE, 0),
                SMELT_ERROR_INVALID_ARGUMENT, "storage buffer; got: texture");
    CHECK_FAILS(smelt_arguments_set_sampler(a, "sources", 0, (VkSampler)1), SMELT_ERROR_INVALID_ARGUMENT,
                "storage buffer; got: sampler");
    CHECK_FAILS(smelt_arguments_check(a), SMELT_ERROR_NOT_READY, "\"sources[0]\", \"sources[1]\"");
    flight_destroy(&f);
}

static const struct test tests[] = {
    {"members of every kind are set by name and read by the shader", test_every_kind},
    {"unknown names are told with near ones", test_names},
    {"what does not fit is refused with got and wanted", test_what_does_not_fit},
    {"a device-optimal matrix is refused by shaders of other backends", test_opaque_matrix},
    {"unset entries are reported by name", test_unset},
    {"every frame in flight has a copy", test_copies},
    {"create refuses bad params", test_create_errors},
    {"shaders that disagree are refused", test_disagreement},
    {"two push constants for one block are not guessed between", test_two_takers},
    {"blocks share memory and give it back", test_shared_chunks},
    {"objects are made on many threads", test_threads},
    {"setting and binding allocate nothing", test_no_allocation},
    {"values change while three frames are in flight", test_three_in_flight},
    {"bindings refuse what does not fit", test_buffer_errors},
};
TEST_MAIN(tests)
