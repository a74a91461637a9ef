// SPDX-License-Identifier: MIT
// shader.h: bundles.
#include "shader_same.h"

#include "embedded.h"
#include "internal.h"

static void test_bundle(void)
{
    need_compiler();
    folder_write("part.glsl", "#define PART 1.0\n", 0);
    folder_write("rich.comp", rich, 0);
    struct smelt_shader_params params = {.path = folder_file("rich.comp")};
    const char *path = folder_file("rich.bundle");
    uint32_t skipped = 77;
    const uint32_t coopvec = 1u << SMELT_BACKEND_COOPVEC, dot8 = 1u << SMELT_BACKEND_DOT8;
    CHECK_OK(smelt_bundle_write(&params, 0, path, &skipped));
    CHECK(skipped == 0);
    CHECK_OK(smelt_bundle_write(&params, coopvec | dot8, path, &skipped)); // it has nothing for them
    CHECK(skipped == (coopvec | dot8));
    CHECK_OK(smelt_bundle_write(&params, 1u << SMELT_BACKEND_PORTABLE, path, NULL));
    smelt_shader compiled = NULL, loaded = NULL;
    CHECK_OK(smelt_shader_create(NULL, &params, &compiled));
    size_t size;
    char *bytes = folder_read(path, &size);
    for (int i = 0; i < 5; i++) {
        smelt_context context = i % 2 ? test_context() : NULL;
        if (i == 4)
            CHECK_OK(
                smelt_shader_create_from_bundle_memory(context, bytes, size, SMELT_BACKEND_AUTO, &loaded));
        else
            CHECK_OK(smelt_shader_create_from_bundle(
                context, path, i / 2 ? SMELT_BACKEND_PORTABLE : SMELT_BACKEND_AUTO, &loaded));
        const struct smelt_shader_info *a = smelt_shader_info(compiled), *b = smelt_shader_info(loaded);
        CHECK(a->spirv_size == b->spirv_size && !memcmp(a->spirv, b->spirv, a->spirv_size));
        CHECK(a->stage == b->stage && b->backend == SMELT_BACKEND_PORTABLE && !strcmp(a->name, b->name));
        CHECK(!b->from_cache && b->dependency_count == 0);
        same_reflection(a->reflection, b->reflection);
        VkShaderModule module = VK_NULL_HANDLE;
        if (context)
            CHECK_OK(smelt_shader_module(loaded, &module));
        smelt_shader_destroy(&loaded);
    }
    free(bytes);
    smelt_shader_destroy(&compiled);
    CHECK_FAILS(smelt_shader_create_from_bundle(test_context(), path, SMELT_BACKEND_COOPVEC, &loaded),
                SMELT_ERROR_UNSUPPORTED, "portable (not asked for)");
}

#define OP_SOURCE(layout)                                                                                    \
    "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/op/net.glsl\"\n" layout                    \
    "layout(buffer_reference, scalar) buffer Block { net_weights net; float y; };\n"                         \
    "layout(push_constant) uniform P { Block b; };\n"                                                        \
    "void main() { net_input x; for (int i = 0; i < 4; i++) smelt_set(x, i, 1.0);\n"                         \
    "  b.y = smelt_get(net_run(b.net, x), 0); }\n"

static void test_bundle_ops(void)
{
    need_compiler();
    struct smelt_mlp_descriptor mlp = {.layer_count = 1, .widths = {4, 4}};
    struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp};
    struct smelt_shader_params params = {
        .path = "op.comp", .source = OP_SOURCE("layout(local_size_x = 1) in;\n"), .ops = &op, .op_count = 1};
    const char *path = folder_file("op.bundle");
    CHECK_OK(smelt_bundle_write(&params, 0, path, NULL));
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create_from_bundle(test_context(), path, SMELT_BACKEND_AUTO, &shader));
    CHECK(find_member(smelt_shader_block(shader, NULL), "net.layer0.weight"));
    VkShaderModule module;
    CHECK_OK(smelt_shader_module(shader, &module));
    smelt_shader_destroy(&shader);
    mlp.backend = SMELT_BACKEND_PORTABLE; // an op's own request stands, so nothing is left for the rest
    uint32_t skipped = 0;
    CHECK_OK(smelt_bundle_write(&params, 1u << SMELT_BACKEND_COOPVEC, path, &skipped));
    CHECK(skipped == 1u << SMELT_BACKEND_COOPVEC);
}

#define GROUP_SOURCE                                                                                         \
    "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/op/product.glsl\"\n"                       \
    "layout(local_size_x = 64) in;\n"                                                                        \
    "layout(push_constant, scalar) uniform push { product_left_f16_2_r_0x0 a; product_right_f16_2_r_0x0 b; " \
    "};\n"                                                                                                   \
    "void main() { product_result d; product_run(d, a, b, 0u, 0u); product_finish(d, 0u, 0u); }\n"

static void test_bundle_refused(void)
{
    need_compiler();
    struct smelt_shader_params params = {.path = "a.comp", .source = EMPTY_COMPUTE};
    const enum smelt_result invalid = SMELT_ERROR_INVALID_ARGUMENT;
    const char *path = folder_file("refused.bundle");
    CHECK_FAILS(smelt_bundle_write(NULL, 0, path, NULL), invalid, "got NULL");
    CHECK_FAILS(smelt_bundle_write(&params, 0, NULL, NULL), invalid, "got NULL");
    CHECK_FAILS(smelt_bundle_write(&params, 1, path, NULL), invalid, "got 0x1");
    CHECK_FAILS(smelt_bundle_write(&params, 64, path, NULL), invalid, "got 0x40");
    CHECK_FAILS(smelt_bundle_write(&params, 0, folder_file("no/such/folder.bundle"), NULL), SMELT_ERROR_IO,
                "folder.bundle");
    params.source = "#version 460\nbroken\n";
    CHECK_FAILS(smelt_bundle_write(&params, 0, path, NULL), SMELT_ERROR_COMPILE, "a.comp:");
    CHECK(access(path, F_OK) != 0);
    smelt_shader shader = NULL;
    CHECK_FAILS(smelt_shader_create_from_bundle(NULL, NULL, SMELT_BACKEND_AUTO, &shader), invalid,
                "got NULL");
    CHECK_FAILS(smelt_shader_create_from_bundle(NULL, path, SMELT_BACKEND_AUTO, NULL), invalid, "got NULL");
    CHECK_FAILS(smelt_shader_create_from_bundle(NULL, path, SMELT_BACKEND_COUNT, &shader), invalid,
                "wanted a backend from 0 to 5, got 6");
    CHECK_FAILS(smelt_shader_create_from_bundle_memory(NULL, NULL, 0, SMELT_BACKEND_AUTO, &shader), invalid,
                "got NULL");
    CHECK_FAILS(smelt_shader_create_from_bundle(NULL, path, SMELT_BACKEND_AUTO, &shader),
                SMELT_ERROR_NOT_FOUND, "refused.bundle");
    CHECK_FAILS(smelt_shader_create_from_bundle(NULL, folder(), SMELT_BACKEND_AUTO, &shader), SMELT_ERROR_IO,
                "directory");
}

// Ops of a group are laid out for no particular device: subgroups of 32, and PORTABLE of a workgroup for any.
static void test_bundle_scopes(void)
{
    need_compiler();
    struct smelt_matmul2d_descriptor product = {
        .scope = SMELT_SCOPE_WORKGROUP, .m = 32, .n = 32, .subgroups_m = 1, .subgroups_n = 2};
    struct smelt_op op = {.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &product};
    struct smelt_shader_params params = {
        .path = "scopes.comp", .source = GROUP_SOURCE, .ops = &op, .op_count = 1};
    const char *path = folder_file("scopes.bundle");
    CHECK_OK(smelt_bundle_write(&params, 1u << SMELT_BACKEND_PORTABLE, path, NULL));
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create_from_bundle(test_context(), path, SMELT_BACKEND_AUTO, &shader));
    const struct smelt_shader_info *info = smelt_shader_info(shader);
    CHECK(info->reflection->local_size[0] == 64 && !info->subgroup_size.requiredSubgroupSize &&
          !info->stage_flags);
    VkPipelineLayout layout;
    VkPipeline pipeline;
    CHECK_OK(smelt_shader_create_compute_pipeline(shader, NULL, 0, NULL, &layout, &pipeline));
    smelt_context context = test_context();
    context->vk.DestroyPipeline(context->device, pipeline, NULL);
    context->vk.DestroyPipelineLayout(context->device, layout, NULL);
    smelt_shader_destroy(&shader);

    product.scope = SMELT_SCOPE_SUBGROUP; // of 32 invocations, two in the workgroup
    product.subgroups_m = product.subgroups_n = 0;
    const struct smelt_capabilities *c = smelt_context_capabilities(test_context());
    CHECK_OK(smelt_bundle_write(&params, 1u << SMELT_BACKEND_PORTABLE, path, NULL));
    if (c->subgroup_size_control && c->min_subgroup_size <= 32 && c->max_subgroup_size >= 32) {
        CHECK_OK(smelt_shader_create_from_bundle(test_context(), path, SMELT_BACKEND_AUTO, &shader));
        CHECK(smelt_shader_info(shader)->subgroup_size.requiredSubgroupSize == 32);
        smelt_shader_destroy(&shader);
    } else if (c->subgroup_size != 32) {
        CHECK_FAILS(smelt_shader_create_from_bundle(test_context(), path, SMELT_BACKEND_AUTO, &shader),
                    SMELT_ERROR_UNSUPPORTED, "subgroup");
    }
    product.subgroup_size = 128;
    CHECK_FAILS(smelt_bundle_write(&params, 1u << SMELT_BACKEND_PORTABLE, path, NULL),
                SMELT_ERROR_INVALID_ARGUMENT,
                "the local size is 64 x 1 x 1, but op \"product\" wants a multiple of 128 x 1 x 1");
    product.scope = SMELT_SCOPE_WORKGROUP;
    product.subgroup_size = 0;
    product.subgroups_m = product.subgroups_n = 2;
    CHECK_FAILS(smelt_bundle_write(&params, 1u << SMELT_BACKEND_PORTABLE, path, NULL),
                SMELT_ERROR_INVALID_ARGUMENT, "op \"product\" wants 128 x 1 x 1");
    product = (struct smelt_matmul2d_descriptor){.scope = SMELT_SCOPE_WORKGROUP + 1, .n = 4, .k = 4};
    CHECK_FAILS(smelt_bundle_write(&params, 0, path, NULL), SMELT_ERROR_INVALID_ARGUMENT, "scope is 3");
}

// A bundle by hand, of any description: for files that the library would not write, and for builds without
// compiler. Its SPIR-V is one of the library's kernels.
static const char *hand_made(const char *description, bool second)
{
    const struct smelt_embedded *kernel = &smelt_embedded_kernels[0];
    CHECK(kernel->name);
    struct smelt_package_tensor tensors[2] = {{.name = "portable",
                                               .dtype = SMELT_DTYPE_U32,
                                               .rank = 1,
                                               .shape = {kernel->size / 4},
                                               .data = kernel->data,
                                               .size = kernel->size}};
    tensors[1] = tensors[0];
    tensors[1].name = "coopvec";
    const char *path = folder_file("hand.bundle");
    CHECK_OK(smelt_package_write(path, tensors, second ? 2 : 1, description, NULL, 0));
    return path;
}

#define HEAD "{\"kind\":\"shader\",\"argument_block_version\":1,\"name\":\"hand.comp\",\"stage\":\"compute\","
#define PORTABLE "\"variants\":[{\"backend\":\"portable\",\"uses\":[]}],"
#define USE(backend, type)                                                                                   \
    "{\"op\":\"mlp\",\"scope\":\"thread\",\"backend\":\"" backend "\",\"stored\":\"" type                    \
    "\",\"computed\":\"" type "\",\"accumulated\":\"" type "\",\"widest\":64}"
#define BOTH                                                                                                 \
    "\"variants\":[{\"backend\":\"portable\",\"uses\":[" USE(                                                \
        "portable", "f32") "]},"                                                                             \
                           "{\"backend\":\"coopvec\",\"uses\":[" USE("coopvec", "f16") "]}],"
#define REFLECTION(blocks, more)                                                                             \
    "\"reflection\":{\"blocks\":[" blocks "]," more                                                          \
    "\"bindings\":[],\"specializations\":[],\"local_size\":[64,1,1]}}"
#define BLOCK(size, member) "{\"name\":\"B\",\"size\":" size ",\"alignment\":16,\"members\":[" member "]}"

// Also in a build without compiler.
static void test_bundle_by_hand(void)
{
    smelt_shader shader = NULL;
    const char *path = hand_made(
        HEAD PORTABLE REFLECTION(
            BLOCK("24",
                  "{\"name\":\"t\",\"kind\":\"tensor\",\"offset\":8,\"size\":16,\"dtype\":\"f16\",\"access\":"
                  "\"write\",\"shape\":[7]}"),
            ""),
        false);
    CHECK_OK(smelt_shader_create_from_bundle(test_context(), path, SMELT_BACKEND_AUTO, &shader));
    const struct smelt_shader_info *info = smelt_shader_info(shader);
    CHECK(!strcmp(info->name, "hand.comp") && info->stage == VK_SHADER_STAGE_COMPUTE_BIT);
    CHECK(info->reflection->local_size[0] == 64 && info->spirv_size == smelt_embedded_kernels[0].size);
    const struct smelt_member *t = find_member(smelt_shader_block(shader, "B"), "t");
    CHECK(t && t->dtype == SMELT_DTYPE_F16 && t->rank == 1 && t->shape[0] == 7 && t->offset == 8);
    CHECK(t->access == SMELT_ACCESS_WRITE);
    VkShaderModule module;
    CHECK_OK(smelt_shader_module(shader, &module));
    smelt_shader_destroy(&shader);
}

static void test_bundle_variants(void)
{
    smelt_shader shader = NULL;
    const char *path = hand_made(HEAD BOTH REFLECTION("", ""), true);
    smelt_context context = test_context();
    struct smelt_backend_choice choice = {0};
    struct smelt_backend_query query = {.op = SMELT_OP_MLP, .stored = SMELT_DTYPE_F16, .precompiled = true};
    CHECK_OK(smelt_backend_choose(context, &query, &choice));
    bool coopvec = choice.eligible[SMELT_BACKEND_COOPVEC];
    CHECK_OK(smelt_shader_create_from_bundle(context, path, SMELT_BACKEND_AUTO, &shader));
    CHECK(smelt_shader_info(shader)->backend == (coopvec ? SMELT_BACKEND_COOPVEC : SMELT_BACKEND_PORTABLE));
    smelt_shader_destroy(&shader);
    CHECK_OK(smelt_shader_create_from_bundle(context, path, SMELT_BACKEND_PORTABLE, &shader));
    CHECK(smelt_shader_info(shader)->backend == SMELT_BACKEND_PORTABLE);
    smelt_shader_destroy(&shader);
    // Without a device AUTO is PORTABLE, and anything may be asked for (smelt info does).
    CHECK_OK(smelt_shader_create_from_bundle(NULL, path, SMELT_BACKEND_AUTO, &shader));
    CHECK(smelt_shader_info(shader)->backend == SMELT_BACKEND_PORTABLE);
    smelt_shader_destroy(&shader);
    CHECK_OK(smelt_shader_create_from_bundle(NULL, path, SMELT_BACKEND_COOPVEC, &shader));
    CHECK(smelt_shader_info(shader)->backend == SMELT_BACKEND_COOPVEC);
    smelt_shader_destroy(&shader);
    CHECK_FAILS(smelt_shader_create_from_bundle(context, path, SMELT_BACKEND_COOPMAT, &shader),
                SMELT_ERROR_UNSUPPORTED,
                "wanted backend coopmat, but of its variants none will do: portable (");
    if (!coopvec) {
        CHECK_FAILS(smelt_shader_create_from_bundle(context, path, SMELT_BACKEND_COOPVEC, &shader),
                    SMELT_ERROR_UNSUPPORTED, "coopvec (the device lacks");
        struct smelt_context_params params = {.backend = SMELT_BACKEND_PORTABLE, .cache_directory = ""};
        smelt_context forced = NULL;
        CHECK_OK(smelt_context_create(&params, &forced));
        CHECK_OK(smelt_shader_create_from_bundle(forced, path, SMELT_BACKEND_AUTO, &shader));
        smelt_shader_destroy(&shader);
        smelt_context_destroy(&forced);
    }
}

static void test_bundle_hostile(void)
{
    static const struct {
        const char *description, *message;
        enum smelt_result result;
    } rows[] = {
        {"{\"kind\":\"material\"}", "wanted a shader bundle, got a package of kind material",
         SMELT_ERROR_FORMAT},
        {"{\"kind\":\"shader\"}", "argument_block_version", SMELT_ERROR_FORMAT},
        {"{\"kind\":\"shader\",\"argument_block_version\":2}",
         "argument blocks of version 2, this library has version 1", SMELT_ERROR_VERSION},
        {HEAD REFLECTION("", ""), "variants", SMELT_ERROR_FORMAT},
        {HEAD "\"variants\":[]," REFLECTION("", ""), "variants", SMELT_ERROR_FORMAT},
        {HEAD "\"variants\":[{\"backend\":\"magic\",\"uses\":[]}]," REFLECTION("", ""), "magic",
         SMELT_ERROR_FORMAT},
        {HEAD
         "\"variants\":[{\"backend\":\"portable\",\"uses\":[" USE("auto", "f32") "]}]," REFLECTION("", ""),
         "auto", SMELT_ERROR_FORMAT},
        {HEAD
         "\"variants\":[{\"backend\":\"portable\",\"uses\":[" USE("portable", "i8") "]}]," REFLECTION("", ""),
         "i8", SMELT_ERROR_UNSUPPORTED},
        {"{\"kind\":\"shader\",\"argument_block_version\":1,\"name\":\"x\",\"stage\":\"raygen\"," PORTABLE
             REFLECTION("", ""),
         "got \"raygen\"", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE "\"reflection\":[]}", "reflection", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE "\"reflection\":{}}", "blocks", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE REFLECTION("{}", ""), "name", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE REFLECTION("{\"name\":\"B\",\"size\":8,\"alignment\":12,\"members\":[]}", ""),
         "power of two", SMELT_ERROR_FORMAT},
        // Members that reach past their block.
        {HEAD PORTABLE REFLECTION(BLOCK("8", "{\"name\":\"a\",\"kind\":\"address\",\"offset\":4,\"size\":8}"),
                                  ""),
         "size", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE REFLECTION(BLOCK("8", "{\"name\":\"a\",\"kind\":\"address\",\"offset\":9,\"size\":0}"),
                                  ""),
         "offset", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE REFLECTION(BLOCK("8", "{\"name\":\"a\",\"kind\":\"address\",\"offset\":0,\"size\":4}"),
                                  ""),
         "a size of 8", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE REFLECTION(
             BLOCK("99", "{\"name\":\"a\",\"kind\":\"tensor\",\"offset\":0,\"size\":24,\"dtype\":\"f16\","
                         "\"access\":\"read\",\"shape\":[1]}"),
             ""),
         "a size of 16", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE REFLECTION(
             BLOCK("99", "{\"name\":\"a\",\"kind\":\"tensor\",\"offset\":0,\"size\":16,\"dtype\":\"f12\","
                         "\"access\":\"read\",\"shape\":[1]}"),
             ""),
         "f12", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE REFLECTION(
             BLOCK("999", "{\"name\":\"a\",\"kind\":\"tensor\",\"offset\":0,\"size\":16,\"dtype\":\"f16\","
                          "\"access\":\"read\",\"shape\":[-1]}"),
             ""),
         "an extent", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE REFLECTION(
             BLOCK("999", "{\"name\":\"a\",\"kind\":\"tensor\",\"offset\":0,\"size\":144,\"dtype\":\"f16\","
                          "\"access\":\"read\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}"),
             ""),
         "shape", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE REFLECTION(
             BLOCK("8", "{\"name\":\"a\",\"kind\":\"constant\",\"offset\":0,\"size\":4,\"dtype\":\"f32\","
                        "\"vector_size\":5}"),
             ""),
         "vector_size", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE REFLECTION(
             "", "\"push_constants\":" BLOCK("8", "{\"name\":\"a\",\"kind\":\"address\",\"offset\":0,"
                                                  "\"size\":8}") ",\"push_constant_targets\":[],"),
         "one target for each of 1", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE
         "\"reflection\":{\"blocks\":[],\"bindings\":[{\"name\":\"b\",\"set\":0,\"binding\":0,\"count\":1,"
         "\"type\":\"texture\"}]}}",
         "type", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE
         "\"reflection\":{\"blocks\":[],\"bindings\":[],\"specializations\":[{\"name\":\"b\",\"id\":0,"
         "\"size\":4,\"default_bits\":\"xyz\"}]}}",
         "hexadecimal", SMELT_ERROR_FORMAT},
        {HEAD PORTABLE
         "\"reflection\":{\"blocks\":[],\"bindings\":[],\"specializations\":[],\"local_size\":[1]}}",
         "local_size", SMELT_ERROR_FORMAT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        smelt_shader shader = NULL;
        enum smelt_result result = smelt_shader_create_from_bundle(
            NULL, hand_made(rows[i].description, false), SMELT_BACKEND_AUTO, &shader);
        if (result != rows[i].result || !strstr(smelt_last_error(), rows[i].message))
            printf("    row %zu: got %s, wanted %s with \"%s\"\n", i, smelt_result_name(result),
                   smelt_result_name(rows[i].result), rows[i].message);
        CHECK(result == rows[i].result && strstr(smelt_last_error(), rows[i].message) && !shader);
        CHECK(strstr(smelt_last_error(), "hand.bundle"));
    }
}

static void test_bundle_damaged(void)
{
    smelt_shader shader = NULL;
    const char *path = hand_made(HEAD PORTABLE REFLECTION("", ""), false);
    size_t size;
    char *bytes = folder_read(path, &size);
    bytes[size - 1] ^= 1; // in the SPIR-V
    CHECK_FAILS(smelt_shader_create_from_bundle_memory(NULL, bytes, size, SMELT_BACKEND_AUTO, &shader),
                SMELT_ERROR_FORMAT, "damaged");
    bytes[size - 1] ^= 1;
    for (size_t length = 1; length < size; length += 1 + size / 61) {
        char *part = malloc(length); // so that reads past the end are caught
        CHECK(part);
        memcpy(part, bytes, length);
        CHECK_FAILS(smelt_shader_create_from_bundle_memory(NULL, part, length, SMELT_BACKEND_AUTO, &shader),
                    SMELT_ERROR_FORMAT, "");
        free(part);
    }
    free(bytes);
    struct smelt_package_tensor text = {
        .name = "portable", .dtype = SMELT_DTYPE_U32, .rank = 1, .shape = {2}, .data = "not code", .size = 8};
    CHECK_OK(smelt_package_write(path, &text, 1, HEAD PORTABLE REFLECTION("", ""), NULL, 0));
    CHECK_FAILS(smelt_shader_create_from_bundle(NULL, path, SMELT_BACKEND_AUTO, &shader), SMELT_ERROR_FORMAT,
                "is not SPIR-V");
    text.name = "weights";
    CHECK_OK(smelt_package_write(path, &text, 1, HEAD PORTABLE REFLECTION("", ""), NULL, 0));
    CHECK_FAILS(smelt_shader_create_from_bundle(NULL, path, SMELT_BACKEND_AUTO, &shader), SMELT_ERROR_FORMAT,
                "wanted a U32 tensor \"portable\"");
    CHECK_OK(smelt_package_write(path, &text, 1, NULL, NULL, 0));
    CHECK_FAILS(smelt_shader_create_from_bundle(NULL, path, SMELT_BACKEND_AUTO, &shader), SMELT_ERROR_FORMAT,
                "a safetensors file without description");
}

// Where the compiler knows cooperative vectors, no device is needed to see the variants of a bundle.
static void test_bundle_coopvec(void)
{
    need_compiler();
    if (!smelt_context_capabilities(test_context())->compiler_backends[SMELT_BACKEND_COOPVEC])
        SKIP("the GLSL compiler does not know cooperative vectors");
    struct smelt_mlp_descriptor mlp = {.layer_count = 1, .widths = {4, 4}};
    struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp};
    struct smelt_shader_params params = {
        .path = "op.frag", .source = OP_SOURCE(""), .ops = &op, .op_count = 1};
    const char *path = folder_file("coopvec.bundle");
    uint32_t skipped = 0;
    CHECK_OK(
        smelt_bundle_write(&params, 1u << SMELT_BACKEND_COOPVEC | 1u << SMELT_BACKEND_DOT8, path, &skipped));
    CHECK(skipped == 1u << SMELT_BACKEND_DOT8);
    smelt_shader portable = NULL, coopvec = NULL;
    CHECK_OK(smelt_shader_create_from_bundle(NULL, path, SMELT_BACKEND_AUTO, &portable));
    CHECK_OK(smelt_shader_create_from_bundle(NULL, path, SMELT_BACKEND_COOPVEC, &coopvec));
    const struct smelt_shader_info *a = smelt_shader_info(portable), *b = smelt_shader_info(coopvec);
    CHECK(a->backend == SMELT_BACKEND_PORTABLE && b->backend == SMELT_BACKEND_COOPVEC);
    CHECK(a->spirv_size != b->spirv_size || memcmp(a->spirv, b->spirv, a->spirv_size) != 0);
    same_reflection(a->reflection, b->reflection);
    smelt_shader_destroy(&portable);
    smelt_shader_destroy(&coopvec);
    // The same compiled directly: one argument block, whatever the backend.
    params.backend = SMELT_BACKEND_COOPVEC;
    CHECK_OK(smelt_shader_create(NULL, &params, &coopvec));
    CHECK(smelt_shader_info(coopvec)->backend == SMELT_BACKEND_COOPVEC);
    CHECK(find_member(smelt_shader_block(coopvec, "Block"), "net.layer0.weight"));
    smelt_shader_destroy(&coopvec);
    // Cooperative types that are there whatever the backend leave nothing that the SPIRV-Cross of Debian 12 and 13 can
    // read; a newer one does.
    params = (struct smelt_shader_params){
        .path = "raw.comp",
        .source =
            "#version 460\n#extension GL_NV_cooperative_vector : require\nlayout(local_size_x = 1) in;\n"
            "layout(set = 0, binding = 0) buffer B { float e[]; } b;\n"
            "void main() { coopvecNV<float, 4> x; coopVecLoadNV(x, b.e, 0); coopVecStoreNV(x, b.e, 16); }\n"};
    enum smelt_result result = smelt_shader_create(NULL, &params, &coopvec);
    CHECK(result == SMELT_OK || result == SMELT_ERROR_COMPILE);
    CHECK(!result ||
          strstr(smelt_last_error(), "raw.comp: reflection: SPIRV-Cross cannot read the PORTABLE form"));
    smelt_shader_destroy(&coopvec);
}

// In a build with the compiler there is nothing to see.
static void test_without_compiler(void)
{
    struct smelt_shader_params params = {.path = "a.comp", .source = EMPTY_COMPUTE};
    smelt_shader shader = NULL;
    if (smelt_shader_create(NULL, &params, &shader) == SMELT_OK) {
        smelt_shader_destroy(&shader);
        SKIP("this build has the GLSL compiler");
    }
    CHECK_FAILS(smelt_shader_create(NULL, &params, &shader), SMELT_ERROR_UNSUPPORTED, "-Dcompiler=disabled");
    CHECK_FAILS(smelt_bundle_write(&params, 0, folder_file("none.bundle"), NULL), SMELT_ERROR_UNSUPPORTED,
                "-Dcompiler=disabled");
    const struct smelt_capabilities *capabilities = smelt_context_capabilities(test_context());
    CHECK(!capabilities->compiler);
    for (int i = 0; i < SMELT_BACKEND_COUNT; i++)
        CHECK(!capabilities->compiler_backends[i]);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        {"a bundle gives the compiled shader back", test_bundle},
        {"a bundle of a shader with ops", test_bundle_ops},
        {"a bundle with cooperative vectors reflects the same", test_bundle_coopvec},
        {"bundles that cannot be written or opened", test_bundle_refused},
        {"a bundle holds ops of every scope", test_bundle_scopes},
        {"a bundle needs no compiler", test_bundle_by_hand},
        {"a bundle's variant is picked on the device", test_bundle_variants},
        {"hostile descriptions are refused by member", test_bundle_hostile},
        {"damaged bundles are refused", test_bundle_damaged},
        {"a build without compiler says so", test_without_compiler},
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
