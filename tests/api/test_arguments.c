// SPDX-License-Identifier: MIT
// Tests of arguments.h in compute shaders: names, values, and every error.
#include "arguments_every.h"

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

static void test_no_shaders(void)
{
    struct smelt_arguments_params params = {.shader_count = 1};
    smelt_arguments made = NULL;
    CHECK_FAILS(smelt_arguments_create(rig_context(), &params, &made), SMELT_ERROR_INVALID_ARGUMENT,
                "no shaders");
    smelt_shader none = NULL;
    params = (struct smelt_arguments_params){.shaders = &none, .shader_count = 1};
    CHECK_FAILS(smelt_arguments_create(rig_context(), &params, &made), SMELT_ERROR_INVALID_ARGUMENT,
                "shader 0 of 1");
    CHECK_FAILS(smelt_arguments_create(rig_context(), NULL, &made), SMELT_ERROR_INVALID_ARGUMENT,
                "no shaders");
    CHECK(!made);
    smelt_arguments_destroy(&made);
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

static void test_null_arguments(void)
{
    uint32_t member = 0;
    const struct {
        enum smelt_result result;
        const char *call;
    } rows[] = {
        {smelt_arguments_find(NULL, "x", &member), "find"},
        {smelt_arguments_set_tensor(NULL, "x", NULL), "set_tensor"},
        {smelt_arguments_set_tensor_at(NULL, 0, NULL), "set_tensor_at"},
        {smelt_arguments_set_constant(NULL, "x", &member, 4), "set_constant"},
        {smelt_arguments_set_constant_at(NULL, 0, &member, 4), "set_constant_at"},
        {smelt_arguments_set_address(NULL, "x", 0), "set_address"},
        {smelt_arguments_set_buffer(NULL, "x", VK_NULL_HANDLE, 0, 0), "set_buffer"},
        {smelt_arguments_set_texture(NULL, "x", 0, VK_NULL_HANDLE, VK_NULL_HANDLE, 0), "set_texture"},
        {smelt_arguments_set_sampler(NULL, "x", 0, VK_NULL_HANDLE), "set_sampler"},
        {smelt_arguments_check(NULL), "check"},
        {smelt_arguments_flush(NULL, 0, NULL), "flush"},
        {smelt_arguments_bind(NULL, NULL, VK_PIPELINE_BIND_POINT_COMPUTE, VK_NULL_HANDLE, 0, 0), "bind"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].result != SMELT_ERROR_INVALID_ARGUMENT) {
            printf("    %s of NULL: %s\n", rows[i].call, smelt_result_name(rows[i].result));
            CHECK(false);
        }
}

static const struct test tests[] = {
    {"arguments that are NULL are refused", test_null_arguments},
    {"members of every kind are set by name and read by the shader", test_every_kind},
    {"unknown names are told with near ones", test_names},
    {"what does not fit is refused with got and wanted", test_what_does_not_fit},
    {"a device-optimal matrix is refused by shaders of other backends", test_opaque_matrix},
    {"unset entries are reported by name", test_unset},
    {"create refuses to work without shaders", test_no_shaders},
    {"create refuses bad params", test_create_errors},
    {"shaders that disagree are refused", test_disagreement},
    {"two push constants for one block are not guessed between", test_two_takers},
};
TEST_MAIN(tests)
