// SPDX-License-Identifier: MIT
// shader.h: compiling, its messages, includes, reflection, modules and pipelines. Also test_shader_reflection.c,
// test_shader_cache.c, test_shader_bundle.c.
#include "shader_rig.h"

#include <threads.h>
#include <time.h>

// --- Stages, names, what a shader says of itself ------------------------------------------------------------

static void test_stages(void)
{
    need_compiler();
    static const struct {
        const char *extension;
        VkShaderStageFlagBits stage;
        const char *source;
    } rows[] = {
        {".vert", VK_SHADER_STAGE_VERTEX_BIT, "#version 460\nvoid main() { gl_Position = vec4(0); }\n"},
        {".frag", VK_SHADER_STAGE_FRAGMENT_BIT, "#version 450\nvoid main() {}\n"},
        {".comp", VK_SHADER_STAGE_COMPUTE_BIT, EMPTY_COMPUTE},
        {".geom", VK_SHADER_STAGE_GEOMETRY_BIT,
         "#version 460\nlayout(points) in; layout(points, max_vertices = 1) out;\nvoid main() {}\n"},
        {".tesc", VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT,
         "#version 460\nlayout(vertices = 1) out;\nvoid main() {}\n"},
        {".tese", VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT,
         "#version 460\nlayout(triangles) in;\nvoid main() {}\n"},
        {".mesh", VK_SHADER_STAGE_MESH_BIT_EXT,
         "#version 460\n#extension GL_EXT_mesh_shader : require\nlayout(local_size_x = 1) in;\n"
         "layout(triangles, max_vertices = 3, max_primitives = 1) out;\nvoid main() {}\n"},
        {".task", VK_SHADER_STAGE_TASK_BIT_EXT,
         "#version 460\n#extension GL_EXT_mesh_shader : require\nlayout(local_size_x = 1) in;\nvoid main() "
         "{}\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[32];
        snprintf(name, sizeof(name), "some%s", rows[i].extension);
        struct smelt_shader_params params = {.path = name, .source = rows[i].source};
        smelt_shader shader = NULL;
        CHECK_OK(smelt_shader_create(NULL, &params, &shader));
        const struct smelt_shader_info *info = smelt_shader_info(shader);
        CHECK(info->stage == rows[i].stage && !strcmp(info->name, name));
        CHECK(info->spirv[0] == 0x07230203 && info->spirv_size % 4 == 0 && info->spirv[1] == 0x10600);
        CHECK(info->reflection->local_size[0] == (rows[i].stage == VK_SHADER_STAGE_COMPUTE_BIT));
        CHECK(info->backend == SMELT_BACKEND_PORTABLE && !info->from_cache && !info->dependency_count);
        smelt_shader_destroy(&shader);
        CHECK(!shader);
        params.path = NULL; // the same by the stage itself
        params.stage = rows[i].stage;
        CHECK_OK(smelt_shader_create(NULL, &params, &shader));
        CHECK(!strcmp(smelt_shader_info(shader)->name, "shader"));
        smelt_shader_destroy(&shader);
    }
    smelt_shader_destroy(&(smelt_shader){NULL});
    smelt_shader_destroy(NULL);
    CHECK(!smelt_shader_info(NULL) && !smelt_shader_block(NULL, NULL));
}

static void check_refused(const struct smelt_shader_params *params, enum smelt_result result,
                          const char *text)
{
    smelt_shader shader = NULL;
    enum smelt_result got = smelt_shader_create(NULL, params, &shader);
    if (got != result || !strstr(smelt_last_error(), text))
        printf("    got %s, wanted %s with \"%s\"\n", smelt_result_name(got), smelt_result_name(result),
               text);
    CHECK(got == result && strstr(smelt_last_error(), text) && !shader);
}

static void test_arguments(void)
{
    need_compiler();
    smelt_shader shader = NULL;
    const VkShaderStageFlagBits stage = VK_SHADER_STAGE_COMPUTE_BIT;
    struct smelt_shader_params good = {.source = EMPTY_COMPUTE, .stage = stage}, p = good;
    const enum smelt_result invalid = SMELT_ERROR_INVALID_ARGUMENT;
    CHECK_FAILS(smelt_shader_create(NULL, NULL, &shader), invalid, "wanted params");
    CHECK_FAILS(smelt_shader_create(NULL, &good, NULL), invalid, "a place for the shader");
    check_refused(&(struct smelt_shader_params){0}, invalid, "wanted a path or a source");
    p.stage = 0;
    check_refused(&p, invalid, "cannot tell the stage");
    p.path = "name.glsl";
    check_refused(&p, invalid, "got name.glsl");
    p.stage = VK_SHADER_STAGE_RAYGEN_BIT_KHR;
    check_refused(&p, invalid, "got 0x100");
    p = good;
    p.stage = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
    check_refused(&p, invalid, "got 0x11");
    p = good;
    p.backend = SMELT_BACKEND_COUNT;
    check_refused(&p, invalid, "wanted a backend from 0 to 5, got 6");
    p = good;
    p.optimization = (enum smelt_optimization)3;
    check_refused(&p, invalid, "wanted an optimization from 0 to 2, got 3");
    p = good;
    p.define_count = 1;
    check_refused(&p, invalid, "wanted every list that has a count");
    p.defines = &(struct smelt_define){"3D", NULL};
    check_refused(&p, invalid, "wanted an identifier as the name of a define, got 3D");
    p.defines = &(struct smelt_define){"A B", NULL};
    check_refused(&p, invalid, "got A B");
    p.defines = &(struct smelt_define){NULL, NULL};
    check_refused(&p, invalid, "got NULL");
    p.defines = &(struct smelt_define){"SMELT_BACKENDS", "2"};
    check_refused(&p, invalid, "smelt defines itself");
    p = good;
    p.include_directory_count = 1;
    check_refused(&p, invalid, "wanted every list that has a count");
    p.include_directories = (const char *const[]){NULL};
    check_refused(&p, invalid, "wanted a path for every include directory");
    p = good;
    p.file_count = 1;
    p.files = &(struct smelt_virtual_file){"a.glsl", NULL};
    check_refused(&p, invalid, "wanted a name and a text for every virtual file");
    p = good;
    p.path = folder_file("absent.comp");
    p.source = NULL;
    check_refused(&p, SMELT_ERROR_NOT_FOUND, "absent.comp");
    p.path = folder();
    check_refused(&p, SMELT_ERROR_IO, "directory");
}

// --- Messages -----------------------------------------------------------------------------------------------

static void test_messages(void)
{
    need_compiler();
    static const struct {
        const char *source, *message;
    } rows[] = {
        {"#version 460\nvoid main() {\n  x = 1;\n}\n", "my dir/a.comp:3: error: 'x' : undeclared identifier"},
        {"#version 460\nvoid main() { float y = 2 }\n", "my dir/a.comp:2: error: "},
        {"#version 460\n#line 70\nvoid main() { x = 1; }\n", "my dir/a.comp:70: error: 'x'"},
        {"#version 460\n#error not today\nvoid main() {}\n", "my dir/a.comp:2: error: '#error' : not today"},
        {"#version 460\nvoid f();\nvoid main() { f(); }\n", "my dir/a.comp: error: Linking"},
        // Every message, not only the first.
        {"#version 460\nvoid main() {\n  x = 1;\n  y = 2;\n}\n", "my dir/a.comp:4: error: 'y'"},
        {"", "my dir/a.comp:1: error: '#version' : wanted \"#version 460\""},
        {"void main() {}\n", "got \"void main() {}\""},
        {"// one\n/* two\n three */ void main() {}\n", "my dir/a.comp:3: error: '#version'"},
        {"/* never closed", "error: '#version'"},
        {"#version\nvoid main() {}\n", "error: '#version'"},
        {"#version 110\nvoid main() {}\n", "my dir/a.comp:1: error: '#version' : wanted 450 or 460"},
        {"#version 310 es\nvoid main() {}\n", "wanted 450 or 460, core profile; got \"#version 310 es\""},
        {"#version 460 compatibility\nvoid main() {}\n", "wanted 450 or 460"},
        {"#version 460 core twice\nvoid main() {}\n", "wanted 450 or 460"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_refused(&(struct smelt_shader_params){.path = "my dir/a.comp", .source = rows[i].source},
                      SMELT_ERROR_COMPILE, rows[i].message);
    static const char *const good[] = {
        "// a comment\n\n  # version 460 core // and one\nlayout(local_size_x = 1) in; void main() {}",
        "/**/ /* * / */\n#version 450/**/\r\nlayout(local_size_x = 1) in; void main() {}",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        smelt_shader shader = compile_source(NULL, good[i]);
        smelt_shader_destroy(&shader);
    }
    static const char nul[] = "#version 460\nvoid main()\n{\0}\n";
    struct smelt_shader_params file = {.path = folder_write("nul.comp", nul, sizeof(nul) - 1)};
    check_refused(&file, SMELT_ERROR_COMPILE, "nul.comp:3: error: a NUL byte");
    check_refused(
        &(struct smelt_shader_params){.path = "b.comp",
                                      .source = "#version 460\n#include \"c.glsl\"\nvoid main() {}\n",
                                      .files = &(struct smelt_virtual_file){"c.glsl", "\n\nbroken\n"},
                                      .file_count = 1},
        SMELT_ERROR_COMPILE, "c.glsl:");
}

static void test_missing_include(void)
{
    need_compiler();
    const char *directory = folder_subfolder("includes");
    folder_write("main.comp", "#version 460\n\n#include \"no.glsl\"\nvoid main() {}\n", 0);
    char own[600], first[600];
    snprintf(own, sizeof(own), "%s/no.glsl", folder());
    snprintf(first, sizeof(first), "%s/no.glsl", directory);
    struct smelt_shader_params params = {
        .path = folder_file("main.comp"), .include_directories = &directory, .include_directory_count = 1};
    check_refused(&params, SMELT_ERROR_COMPILE, "main.comp:3: error: '#include' : no such file; tried ");
    CHECK(strstr(smelt_last_error(), own) && strstr(smelt_last_error(), first));
    CHECK(strstr(smelt_last_error(), "the modules of the library for header name: no.glsl"));
    params = (struct smelt_shader_params){.path = "a.comp",
                                          .source = "#version 460\n#include <smelt/op/net.glsl>\n"};
    check_refused(&params, SMELT_ERROR_COMPILE, "tried the shader's ops (none)");
    params.source = "#version 460\n#include \"/no/such.glsl\"\n";
    check_refused(&params, SMELT_ERROR_COMPILE, "tried /no/such.glsl for header name");
    params.source = "#version 460\n#include \"\"\n";
    check_refused(&params, SMELT_ERROR_COMPILE, "the name is empty");
    params.source = "#version 460\n#include \"loop.glsl\"\nvoid main() {}\n";
    params.files = &(struct smelt_virtual_file){"loop.glsl", "#include \"loop.glsl\"\n"};
    params.file_count = 1;
    check_refused(&params, SMELT_ERROR_COMPILE, "nested deeper than 64");
}

// --- Includes -----------------------------------------------------------------------------------------------

// What X is, read from the name of a specialization constant.
static const char *chosen(const struct smelt_shader_params *params)
{
    static char name[64];
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(NULL, params, &shader));
    const struct smelt_reflection *reflection = smelt_shader_info(shader)->reflection;
    CHECK(reflection->specialization_count == 1);
    snprintf(name, sizeof(name), "%.60s", reflection->specializations[0].name);
    smelt_shader_destroy(&shader);
    return name;
}

#define CHOICE(name) "layout(constant_id = 0) const uint " name " = 1;\n"

static void test_include_order(void)
{
    need_compiler();
    const char *first = folder_subfolder("first"), *second = folder_subfolder("second");
    const char *directories[] = {first, second};
    folder_write("order.comp",
                 "#version 460\n#include \"x.glsl\"\nlayout(local_size_x = 1) in;\nvoid main() {}\n", 0);
    folder_write("second/x.glsl", CHOICE("in_second"), 0);
    struct smelt_shader_params params = {
        .path = folder_file("order.comp"), .include_directories = directories, .include_directory_count = 2};
    CHECK(!strcmp(chosen(&params), "in_second"));
    folder_write("first/x.glsl", "#include \"deep/y.glsl\"\n", 0); // relative to first/
    folder_subfolder("first/deep");
    folder_write("first/deep/y.glsl", "#include \"z.glsl\"\n", 0); // relative to first/deep/
    folder_write("first/deep/z.glsl", CHOICE("in_deep"), 0);
    CHECK(!strcmp(chosen(&params), "in_deep"));
    folder_write("x.glsl", CHOICE("beside"), 0);
    CHECK(!strcmp(chosen(&params), "beside"));
    params.files = &(struct smelt_virtual_file){"x.glsl", CHOICE("virtual_one")};
    params.file_count = 1;
    CHECK(!strcmp(chosen(&params), "virtual_one"));
    // Given as text, `path` is only a name: its directory is not looked at.
    params = (struct smelt_shader_params){.path = folder_file("order.comp"),
                                          .source = "#version 460\n#include \"x.glsl\"\nvoid main() {}\n"};
    check_refused(&params, SMELT_ERROR_COMPILE, "tried the modules of the library");
}

static void test_dependencies(void)
{
    need_compiler();
    folder_write("dep_a.glsl",
                 "#include \"smelt/base.glsl\"\n#include \"dep_b.glsl\"\n#include \"dep_b.glsl\"\n", 0);
    folder_write("dep_b.glsl", "// empty\n", 0);
    folder_write("dep.comp",
                 "#version 460\n#include \"dep_a.glsl\"\n#include \"v.glsl\"\nlayout(local_size_x = 1) in;\n"
                 "void main() {}\n",
                 0);
    struct smelt_shader_params params = {.path = folder_file("dep.comp"),
                                         .files = &(struct smelt_virtual_file){"v.glsl", "// virtual\n"},
                                         .file_count = 1};
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(NULL, &params, &shader));
    const struct smelt_shader_info *info = smelt_shader_info(shader);
    CHECK(info->dependency_count == 3);
    CHECK(!strcmp(info->dependencies[0], folder_file("dep.comp")));
    CHECK(!strcmp(info->dependencies[1], folder_file("dep_a.glsl")));
    CHECK(!strcmp(info->dependencies[2], folder_file("dep_b.glsl")));
    smelt_shader_destroy(&shader);
}

static void test_defines(void)
{
    need_compiler();
    const struct smelt_define defines[] = {{"FLAG", NULL}, {"SIZE", "40 + 2"}, {"NAME", "named"}};
    struct smelt_shader_params params = {
        .source = "#version 460\nlayout(local_size_x = 1) in;\n"
                  "#if !defined(FLAG) || SIZE != 42 || SMELT_BACKENDS != 2 || SMELT_BACKEND_DEFAULT != 1\n"
                  "#error wrong\n#endif\nlayout(constant_id = 0) const uint NAME = SIZE;\nvoid main() {}\n",
        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
        .defines = defines,
        .define_count = 3};
    CHECK(!strcmp(chosen(&params), "named"));
    params.backend = SMELT_BACKEND_PORTABLE;
    CHECK(!strcmp(chosen(&params), "named"));
    const struct smelt_capabilities *capabilities = smelt_context_capabilities(test_context());
    CHECK(capabilities->compiler && capabilities->compiler_backends[SMELT_BACKEND_PORTABLE]);
    params.backend = SMELT_BACKEND_COOPVEC;
    if (!capabilities->compiler_backends[SMELT_BACKEND_COOPVEC]) {
        check_refused(&params, SMELT_ERROR_UNSUPPORTED, "coopvec");
        return;
    }
    // Modules without an instance for the default take PORTABLE.
    params.source = "#version 460\nlayout(local_size_x = 1) in;\n"
                    "#if SMELT_BACKEND_DEFAULT == 3 && SMELT_BACKENDS != (2 | 8)\n"
                    "#error wrong\n#endif\nvoid main() {}\n";
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(NULL, &params, &shader));
    smelt_shader_destroy(&shader);
}

static void test_shader_for_other_compilers_too(void)
{
    need_compiler();
    struct smelt_shader_params params = {
        .source = "#version 460\n#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE\n"
                  "#include \"smelt/base.glsl\"\nlayout(local_size_x = 1) in;\nvoid main() {}\n",
        .stage = VK_SHADER_STAGE_COMPUTE_BIT};
    check_refused(&params, SMELT_ERROR_COMPILE, "libsmelt defines SMELT_BACKENDS itself");
    params.source =
        "#version 460\n#ifndef SMELT_BACKENDS\n#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE\n"
        "#endif\n#include \"smelt/base.glsl\"\nlayout(local_size_x = 1) in;\nvoid main() {}\n";
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(NULL, &params, &shader));
    smelt_shader_destroy(&shader);
}

static void test_optimization(void)
{
    need_compiler();
    struct smelt_shader_params params = {
        .source =
            "#version 460\nlayout(local_size_x = 1) in;\nlayout(set = 0, binding = 0) buffer B { uint x[]; } "
            "b;\n"
            "uint twice(uint a) { return a * 2; }\nvoid main() { b.x[0] = twice(b.x[1]) + twice(b.x[2]); }\n",
        .stage = VK_SHADER_STAGE_COMPUTE_BIT};
    size_t sizes[4];
    for (int i = 0; i < 4; i++) {
        params.optimization = (enum smelt_optimization)(i % 3);
        params.debug_info = i == 3;
        smelt_shader shader = NULL;
        CHECK_OK(smelt_shader_create(NULL, &params, &shader));
        sizes[i] = smelt_shader_info(shader)->spirv_size;
        CHECK(smelt_shader_info(shader)->reflection->binding_count == 1);
        CHECK(!strcmp(smelt_shader_info(shader)->reflection->bindings[0].name, "b"));
        smelt_shader_destroy(&shader);
    }
    CHECK(sizes[SMELT_OPTIMIZATION_DEFAULT] < sizes[SMELT_OPTIMIZATION_NONE]);
    CHECK(sizes[SMELT_OPTIMIZATION_SIZE] < sizes[SMELT_OPTIMIZATION_NONE]);
    CHECK(sizes[3] > sizes[SMELT_OPTIMIZATION_DEFAULT]); // OpSource, OpLine
}

static void count_refused_passes(void *user, enum smelt_log_level level, const char *line)
{
    (void)level;
    *(int *)user += strstr(line, "SPIRV-Tools") != NULL;
}

// Those of src/optimize.c are known to the SPIRV-Tools at hand.
static void test_passes(void)
{
    need_compiler();
    int refused = 0;
    struct smelt_context_params params = {.cache_directory = "",
                                          .log = count_refused_passes,
                                          .log_user = &refused,
                                          .log_level = SMELT_LOG_INFO};
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&params, &context));
    smelt_shader shader = compile_source(context, EMPTY_COMPUTE);
    smelt_shader_destroy(&shader);
    smelt_context_destroy(&context);
    CHECK(refused == 0);
}

// --- Ops and modules ----------------------------------------------------------------------------------------

static const struct smelt_mlp_descriptor mlp = {
    .layer_count = 3,
    .widths = {32, 64, 64, 9},
    .activations = {SMELT_ACTIVATION_RELU, SMELT_ACTIVATION_RELU, SMELT_ACTIVATION_NONE}};
static const char mlp_source[] =
    "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/op/net.glsl\"\nlayout(local_size_x = 64) "
    "in;\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Block { net_weights net; "
    "};\n"
    "layout(set = 0, binding = 0) buffer Out { float y[]; };\nlayout(push_constant) uniform P { Block b; };\n"
    "void main() { net_input x;\n"
    "  for (int i = 0; i < 32; i++) smelt_set(x, i, float(gl_GlobalInvocationID.x + i));\n"
    "  net_output o = net_run(b.net, x);\n"
    "  for (int i = 0; i < 9; i++) y[gl_GlobalInvocationID.x * 9 + i] = smelt_get(o, i); }\n";

static void test_ops(void)
{
    need_compiler();
    struct smelt_op ops[] = {{.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp},
                             {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp}};
    struct smelt_shader_params params = {.path = "mlp.comp", .source = mlp_source, .ops = ops, .op_count = 1};
    smelt_shader shader = NULL;
    clock_t start = clock();
    CHECK_OK(smelt_shader_create(NULL, &params, &shader));
    double took = (double)(clock() - start) / CLOCKS_PER_SEC;
    const struct smelt_shader_info *info = smelt_shader_info(shader);
    printf("    32-64-64-9: %.0f ms cold, %zu bytes of SPIR-V\n", took * 1e3, info->spirv_size);
    CHECK(took < 5 && info->spirv_size < 64 << 10); // of the processor; with all loops unrolled it takes 36 s
    const struct smelt_block *block = smelt_shader_block(shader, NULL);
    CHECK(block && block->member_count == 6 && info->dependency_count == 0);
    static const uint32_t widths[] = {32, 64, 64, 9};
    for (uint32_t i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof(name), "net.layer%u.weight", i);
        const struct smelt_member *weight = find_member(block, name);
        snprintf(name, sizeof(name), "net.layer%u.bias", i);
        const struct smelt_member *bias = find_member(block, name);
        CHECK(weight && weight->kind == SMELT_MEMBER_TENSOR && weight->rank == 2);
        CHECK(weight->shape[0] == widths[i + 1] && weight->shape[1] == widths[i]);
        CHECK(weight->dtype == SMELT_DTYPE_F16 && weight->access == SMELT_ACCESS_READ);
        CHECK(bias && bias->kind == SMELT_MEMBER_TENSOR && bias->rank == 1 &&
              bias->shape[0] == widths[i + 1]);
    }
    smelt_shader_destroy(&shader);
    params.op_count = 2;
    check_refused(&params, SMELT_ERROR_INVALID_ARGUMENT, "two of one name, got net");
    params.ops = NULL;
    check_refused(&params, SMELT_ERROR_INVALID_ARGUMENT, "wanted every list that has a count");
    params.ops = ops;
    params.op_count = 1;
    ops[0].name = "other";
    check_refused(&params, SMELT_ERROR_COMPILE,
                  "mlp.comp:3: error: '#include' : no such file; tried the shader's ops "
                  "(other)");
    ops[0].mlp = NULL;
    check_refused(&params, SMELT_ERROR_INVALID_ARGUMENT, "other");
    struct smelt_mlp_descriptor bad = mlp;
    bad.widths[1] = 0;
    ops[0].mlp = &bad;
    check_refused(&params, SMELT_ERROR_INVALID_ARGUMENT, "widths");
}

static void test_module_text(void)
{
    const char *name = NULL;
    uint32_t count = 0;
    bool base = false;
    for (const char *text; (text = smelt_module_text(count, &name)); count++) {
        CHECK(!strncmp(name, "smelt/", 6) && strstr(text, "SPDX-License-Identifier"));
        base |= !strcmp(name, "smelt/base.glsl");
    }
    CHECK(count > 3 && base && smelt_module_text(0, NULL));
    CHECK(!smelt_module_text(count + 100, &name));
}

// What ops at SUBGROUP scope need of the pipeline is told, and must agree.
static void test_ops_tell_their_subgroup_size(void)
{
    need_compiler();
    struct smelt_matmul2d_descriptor a = {.scope = SMELT_SCOPE_SUBGROUP, .subgroup_size = 16}, b = a;
    struct smelt_op ops[] = {{.name = "a", .kind = SMELT_OP_MATMUL2D, .matmul2d = &a},
                             {.name = "b", .kind = SMELT_OP_MATMUL2D, .matmul2d = &b}};
    struct smelt_shader_params params = {
        .source = "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/op/a.glsl\"\n"
                  "#include \"smelt/op/b.glsl\"\nlayout(local_size_x = 32) in;\nvoid main() {}\n",
        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
        .ops = ops,
        .op_count = 2};
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(NULL, &params, &shader));
    const struct smelt_shader_info *info = smelt_shader_info(shader);
    CHECK(info->subgroup_size.requiredSubgroupSize == 16 && !info->subgroup_size.pNext);
    CHECK(info->stage_flags == VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT);
    smelt_shader_destroy(&shader);
    b.subgroup_size = 32;
    CHECK_FAILS(smelt_shader_create(NULL, &params, &shader), SMELT_ERROR_INVALID_ARGUMENT,
                "op \"a\" wants subgroups of 16, op \"b\" of 32");
}

static void test_module_directory(void)
{
    need_compiler();
    const char *directory = folder_subfolder("modules");
    folder_subfolder("modules/smelt");
    folder_write("modules/smelt/base.glsl", CHOICE("from_directory"), 0);
    struct smelt_context_params context_params = {
        .cache_directory = "", .module_directory = directory, .log = NULL};
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&context_params, &context));
    struct smelt_shader_params params = {
        .path = "a.comp",
        .source =
            "#version 460\n#include \"smelt/base.glsl\"\nlayout(local_size_x = 1) in;\nvoid main() {}\n"};
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(context, &params, &shader));
    const struct smelt_shader_info *info = smelt_shader_info(shader);
    CHECK(!strcmp(info->reflection->specializations[0].name, "from_directory"));
    CHECK(info->dependency_count == 1 && strstr(info->dependencies[0], "modules/smelt/base.glsl"));
    smelt_shader_destroy(&shader);
    // The directory takes the library's place: nothing is mixed.
    params.source = "#version 460\n#include \"smelt/tensor_tmpl.glsl\"\nvoid main() {}\n";
    CHECK_FAILS(smelt_shader_create(context, &params, &shader), SMELT_ERROR_COMPILE,
                "modules/smelt/tensor_tmpl.glsl for header name");
    params.source = "#version 460\n#include \"other.glsl\"\nvoid main() {}\n";
    CHECK_FAILS(smelt_shader_create(context, &params, &shader), SMELT_ERROR_COMPILE, "no module");
    smelt_context_destroy(&context);
}

// --- Vulkan -------------------------------------------------------------------------------------------------

static void test_pipeline(void)
{
    smelt_context context = test_context();
    smelt_shader shader = compile_source(
        context,
        "#version 460\nlayout(local_size_x_id = 0) in;\nlayout(push_constant) uniform P { uint n; };\n"
        "layout(set = 0, binding = 0) buffer B { uint x[]; } b;\nvoid main() { b.x[n] = n; }\n");
    VkShaderModule module = VK_NULL_HANDLE, again = VK_NULL_HANDLE;
    CHECK_OK(smelt_shader_module(shader, &module));
    CHECK_OK(smelt_shader_module(shader, &again));
    CHECK(module && module == again);
    struct smelt_context_handles h = smelt_context_handles(context);
#define LOAD(name) PFN_vk##name name = (PFN_vk##name)h.get_device_proc_addr(h.device, "vk" #name)
    LOAD(CreateDescriptorSetLayout);
    LOAD(DestroyDescriptorSetLayout);
    LOAD(DestroyPipeline);
    LOAD(DestroyPipelineLayout);
#undef LOAD
    VkDescriptorSetLayoutBinding binding = {0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1,
                                            VK_SHADER_STAGE_COMPUTE_BIT, NULL};
    VkDescriptorSetLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                            .bindingCount = 1,
                                            .pBindings = &binding};
    VkDescriptorSetLayout set_layout, none = VK_NULL_HANDLE;
    CHECK(CreateDescriptorSetLayout(h.device, &info, NULL, &set_layout) == VK_SUCCESS);
    uint32_t size = 4;
    VkSpecializationMapEntry entry = {0, 0, 4};
    VkSpecializationInfo specialization = {1, &entry, 4, &size};
    VkPipelineLayout layout = VK_NULL_HANDLE;
    VkPipeline pipeline = VK_NULL_HANDLE;
    const enum smelt_result invalid = SMELT_ERROR_INVALID_ARGUMENT;
    CHECK_FAILS(smelt_shader_create_compute_pipeline(shader, NULL, 0, NULL, &layout, &pipeline), invalid,
                "\"b\" is in set 0: wanted at least 1 set layouts, got 0");
    CHECK_FAILS(smelt_shader_create_compute_pipeline(shader, &none, 1, NULL, &layout, &pipeline), invalid,
                "set layout 0 of 1 is null");
    CHECK_FAILS(smelt_shader_create_compute_pipeline(shader, &set_layout, 1, NULL, NULL, &pipeline), invalid,
                "got NULL");
    CHECK_FAILS(smelt_shader_create_compute_pipeline(NULL, &set_layout, 1, NULL, &layout, &pipeline), invalid,
                "got NULL");
    CHECK(!layout && !pipeline);
    CHECK_OK(
        smelt_shader_create_compute_pipeline(shader, &set_layout, 1, &specialization, &layout, &pipeline));
    CHECK(layout && pipeline);
    DestroyPipeline(h.device, pipeline, NULL);
    DestroyPipelineLayout(h.device, layout, NULL);
    DestroyDescriptorSetLayout(h.device, set_layout, NULL);
    smelt_shader_destroy(&shader);

    shader = compile_source(context, EMPTY_COMPUTE); // neither sets nor push constants
    CHECK_OK(smelt_shader_create_compute_pipeline(shader, NULL, 0, NULL, &layout, &pipeline));
    DestroyPipeline(h.device, pipeline, NULL);
    DestroyPipelineLayout(h.device, layout, NULL);
    CHECK_FAILS(smelt_shader_module(shader, NULL), invalid, "got NULL");
    smelt_shader_destroy(&shader);
    CHECK_FAILS(smelt_shader_module(NULL, &module), invalid, "got NULL");
}

static void test_no_pipeline(void)
{
    need_compiler();
    smelt_shader shader = compile_source(NULL, EMPTY_COMPUTE);
    VkShaderModule module;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    CHECK_FAILS(smelt_shader_module(shader, &module), SMELT_ERROR_INVALID_ARGUMENT, "without a context");
    CHECK_FAILS(smelt_shader_create_compute_pipeline(shader, NULL, 0, NULL, &layout, &pipeline),
                SMELT_ERROR_INVALID_ARGUMENT, "without a context");
    smelt_shader_destroy(&shader);
    struct smelt_shader_params params = {.path = "a.frag", .source = "#version 460\nvoid main() {}\n"};
    CHECK_OK(smelt_shader_create(test_context(), &params, &shader));
    CHECK_FAILS(smelt_shader_create_compute_pipeline(shader, NULL, 0, NULL, &layout, &pipeline),
                SMELT_ERROR_INVALID_ARGUMENT, "wants a compute shader, got a fragment shader");
    smelt_shader_destroy(&shader);
    uint32_t limit = smelt_context_capabilities(test_context())->max_push_constants_size;
    char source[256];
    snprintf(source, sizeof(source),
             "#version 460\nlayout(local_size_x = 1) in;\nlayout(push_constant) uniform P { uint x[%u]; "
             "};\nvoid main() {}\n",
             limit / 4 + 1);
    shader = compile_source(test_context(), source);
    CHECK_FAILS(smelt_shader_create_compute_pipeline(shader, NULL, 0, NULL, &layout, &pipeline),
                SMELT_ERROR_UNSUPPORTED, "bytes of push constants, but the device has");
    smelt_shader_destroy(&shader);
}

// --- Threads ------------------------------------------------------------------------------------------------

static int compile_some(void *failed)
{
    for (int i = 0; i < 3 && !*(bool *)failed; i++) {
        struct smelt_shader_params params = {.source = EMPTY_COMPUTE, .stage = VK_SHADER_STAGE_COMPUTE_BIT};
        smelt_shader shader = NULL;
        if (smelt_shader_create(NULL, &params, &shader) != SMELT_OK ||
            smelt_shader_info(shader)->reflection->local_size[0] != 1)
            *(bool *)failed = true;
        smelt_shader_destroy(&shader);
        params.source = "#version 460\nvoid main() { x = 1; }\n";
        if (smelt_shader_create(NULL, &params, &shader) != SMELT_ERROR_COMPILE)
            *(bool *)failed = true;
    }
    return 0;
}

static void test_threads(void)
{
    need_compiler();
    thrd_t threads[4];
    bool failed[4] = {false};
    for (int i = 0; i < 4; i++)
        CHECK(thrd_create(&threads[i], compile_some, &failed[i]) == thrd_success);
    for (int i = 0; i < 4; i++)
        thrd_join(threads[i], NULL);
    CHECK(!failed[0] && !failed[1] && !failed[2] && !failed[3]);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        {"stages by extension and by field, and what a shader says of itself", test_stages},
        {"parameters out of range are refused by name", test_arguments},
        {"messages carry the user's file and line", test_messages},
        {"a missing include says what was tried", test_missing_include},
        {"includes: virtual files, own directory, directories in order, modules", test_include_order},
        {"dependencies are the files that were read", test_dependencies},
        {"defines, SMELT_BACKENDS, SMELT_BACKEND_DEFAULT", test_defines},
        {"shaders that define SMELT_BACKENDS for other compilers", test_shader_for_other_compilers_too},
        {"optimization levels and debug information", test_optimization},
        {"passes of the optimizer", test_passes},
        {"ops are served as includes; compile time and size of 32-64-64-9", test_ops},
        {"modules can be listed", test_module_text},
        {"ops tell their subgroup size", test_ops_tell_their_subgroup_size},
        {"a module directory takes the place of the library's modules", test_module_directory},
        {"modules and compute pipelines", test_pipeline},
        {"pipelines that cannot be", test_no_pipeline},
        {"shaders compile in threads at once", test_threads},
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
