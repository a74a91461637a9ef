// SPDX-License-Identifier: MIT
// Op descriptors: every field's error, the backend that is chosen, the bound, and the generated include, compiled
// for every backend that the compiler knows.
#include "capabilities.h"
#include "test.h"

static struct smelt_matmul2d_descriptor product(void)
{
    return (struct smelt_matmul2d_descriptor){
        .m = 2, .n = 8, .k = 16, .transpose_right = true, .bias = true, .activation = SMELT_ACTIVATION_RELU};
}

static struct smelt_mlp_descriptor network(void)
{
    return (struct smelt_mlp_descriptor){.layer_count = 3,
                                         .widths = {32, 64, 64, 9},
                                         .activations = {SMELT_ACTIVATION_RELU, SMELT_ACTIVATION_GELU}};
}

static struct smelt_op op_matmul2d(const struct smelt_matmul2d_descriptor *d)
{
    return (struct smelt_op){.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = d};
}

static struct smelt_op op_mlp(const struct smelt_mlp_descriptor *d)
{
    return (struct smelt_op){.name = "net", .kind = SMELT_OP_MLP, .mlp = d};
}

static void names(void)
{
    static const char *const all[] = {"none",    "relu", "leaky_relu", "silu",     "gelu",
                                      "sigmoid", "tanh", "exp",        "softplus", "sine"};
    for (int i = 0; i < SMELT_ACTIVATION_COUNT; i++) {
        CHECK(!strcmp(smelt_activation_name((enum smelt_activation)i), all[i]));
        CHECK((int)smelt_activation_from_name(all[i]) == i);
    }
    CHECK(!strcmp(smelt_activation_name(SMELT_ACTIVATION_COUNT), "invalid"));
    CHECK(!strcmp(smelt_activation_name((enum smelt_activation) - 1), "invalid"));
    CHECK(smelt_activation_from_name("ReLU") == SMELT_ACTIVATION_COUNT);
    CHECK(smelt_activation_from_name("") == SMELT_ACTIVATION_COUNT);
    CHECK(smelt_activation_from_name(NULL) == SMELT_ACTIVATION_COUNT);
}

#define QUERY(op) smelt_op_query(NULL, &(op), 0, &info)

static void refuses_bad_ops(void)
{
    struct smelt_op_info info;
    struct smelt_mlp_descriptor d = network();
    struct smelt_matmul2d_descriptor m = product();
    struct smelt_op op = op_mlp(&d);
    CHECK_FAILS(smelt_op_query(NULL, NULL, 0, &info), SMELT_ERROR_INVALID_ARGUMENT, "op is NULL");
    CHECK_FAILS(smelt_op_query(NULL, &op, 0, NULL), SMELT_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_FAILS(smelt_op_glsl(NULL, &op, 0, NULL), SMELT_ERROR_INVALID_ARGUMENT, "text is NULL");
    static const char *const bad[] = {"", "1st", "a-b", "a__b", "gl_net", "smelt_net", "net\n", "n\xc3\xa9t"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        op.name = bad[i];
        CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "wanted a GLSL identifier");
    }
    op.name = NULL;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "smelt_op.name is NULL");
    op.name = "_n3t";
    CHECK_OK(QUERY(op));
    op.kind = (enum smelt_op_kind)7;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "kind is 7");
    op.kind = SMELT_OP_MATMUL2D;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "wanted exactly the descriptor");
    op.matmul2d = &m;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "mlp is set");
    op.mlp = NULL;
    CHECK_OK(QUERY(op));
}

static void refuses_bad_group_matmul2d(void)
{
    struct smelt_op_info info;
    const struct smelt_matmul2d_descriptor good = {.scope = SMELT_SCOPE_WORKGROUP};
    struct smelt_matmul2d_descriptor d = good;
    struct smelt_op op = op_matmul2d(&d);
#define REFUSED(field, value, text)                                                                          \
    d = good;                                                                                                \
    d.field = value;                                                                                         \
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, text)
    REFUSED(m, 64, "m is 64 and n is 0, wanted both or neither");
    REFUSED(subgroups_n, 2, "subgroups_m is 0 and subgroups_n is 2");
    REFUSED(tile_k, 12, "tile_k is 12, wanted a multiple of 8");
    REFUSED(tile_k, 264, "tile_k is 264, wanted 0 to 256");
    REFUSED(alignment, 3, "alignment is 3, wanted 1, 2, 4, 8 or 16");
    REFUSED(alignment, 32, "alignment is 32");
    REFUSED(subgroup_size, 129, "subgroup_size is 129, wanted 0 to 128");
    REFUSED(activation, (enum smelt_activation)77, "activation is 77");
    d = good;
    d.m = d.n = 12;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "n is 12, wanted a multiple of 8");
    d.m = d.n = 1032;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "m is 1032, wanted 0 to 1024");
    d = (struct smelt_matmul2d_descriptor){
        .scope = SMELT_SCOPE_WORKGROUP, .m = 12, .n = 16, .transpose_left = true};
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "m (with transpose_left) is 12");
    d = (struct smelt_matmul2d_descriptor){.scope = SMELT_SCOPE_SUBGROUP, .subgroups_m = 2, .subgroups_n = 1};
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "subgroups_m is 2, wanted 0 to 1");
    d = (struct smelt_matmul2d_descriptor){.scope = SMELT_SCOPE_SUBGROUP, .m = 1024, .n = 1024};
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT,
                "a tile of m 1024 by n 1024 on 1 x 1 subgroups of 32");
    d = good;
    d.computed = SMELT_DTYPE_F16;
    d.stored_left = SMELT_DTYPE_BF16;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_DTYPE, "computed is f16 and stored_left is bf16");
#undef REFUSED
}

static void refuses_bad_group_mlp(void)
{
    struct smelt_op_info info;
    struct smelt_mlp_descriptor good = network(), d;
    struct smelt_op op = op_mlp(&d);
#define REFUSED(field, value, text)                                                                          \
    d = good;                                                                                                \
    d.field = value;                                                                                         \
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, text)
    REFUSED(scope, (enum smelt_scope)3, "scope is 3");
    REFUSED(samples, 3, "samples is 3, wanted 1, 2 or 4");
    REFUSED(samples, 8, "samples is 8, wanted 1, 2 or 4");
    REFUSED(subgroups, 1, "subgroups is 1, wanted 0 to 0");
    REFUSED(subgroup_size, 32, "subgroup_size is 32, wanted 0 to 0");
    good.scope = SMELT_SCOPE_SUBGROUP;
    REFUSED(widths[1], 257, "widths[1] is 257, wanted 1 to 256");
    REFUSED(subgroups, 65, "subgroups is 65, wanted 0 to 64");
    REFUSED(subgroup_size, 129, "subgroup_size is 129, wanted 0 to 128");
#undef REFUSED
}

static void lays_out_a_group_mlp(void)
{
    struct smelt_op_info info;
    struct smelt_mlp_descriptor d = network();
    struct smelt_op op = op_mlp(&d);
    CHECK_OK(QUERY(op));
    CHECK(!info.workgroup_size && !info.scratch_size);
    d.scope = SMELT_SCOPE_SUBGROUP;
    d.samples = 2;
    d.subgroups = 4;
    CHECK_OK(QUERY(op));
    CHECK(info.choice.backend == SMELT_BACKEND_PORTABLE && info.workgroup_size == 128);
    CHECK(info.tiling.m == 64 && info.tiling.subgroups_m == 4 && !info.tiling.k);
    CHECK(info.stage_flags && info.subgroup_size.requiredSubgroupSize == 32);
    uint32_t all = info.scratch_size;
    d.scope = SMELT_SCOPE_WORKGROUP;
    CHECK_OK(QUERY(op));
    CHECK(info.tiling.k == 64 && info.scratch_size < all);
    d.backend = SMELT_BACKEND_COOPMAT;
    d.subgroups = 0;
    enum smelt_result result = QUERY(op); // where the compiler knows them
    CHECK(result == SMELT_ERROR_UNSUPPORTED || (!result && info.scratch_size <= 32768));
}

static void lays_out_a_group_matmul2d(void)
{
    struct smelt_op_info info;
    struct smelt_matmul2d_descriptor d = {.scope = SMELT_SCOPE_WORKGROUP, .k = 64};
    struct smelt_op op = op_matmul2d(&d);
    CHECK_OK(QUERY(op));
    const struct smelt_matmul2d_tiling *t = &info.tiling;
    CHECK(info.choice.backend == SMELT_BACKEND_PORTABLE);
    CHECK(t->m == 128 && t->n == 128 && t->k == 32 && t->subgroup_size == 32);
    CHECK(info.workgroup_size == 32 * t->subgroups_m * t->subgroups_n);
    CHECK((t->m / t->fragment_m) * (t->n / t->fragment_n) == info.workgroup_size);
    // [m][k] and [k][n] of f16 with 16 bytes behind each row
    CHECK(info.scratch_size == 128 * (64 + 16) + 32 * (256 + 16));
    CHECK(info.error_c > 2 * 64 + 8 && info.error_c < 2 * 64 + 8 + 30);
    CHECK(!info.stage_flags && !info.subgroup_size.requiredSubgroupSize);
    d.scope = SMELT_SCOPE_SUBGROUP;
    CHECK_OK(QUERY(op));
    CHECK(info.workgroup_size == 32 && info.subgroup_size.requiredSubgroupSize == 32);
    CHECK(info.subgroup_size.sType ==
          VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO);
    CHECK(info.stage_flags == VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT);
    CHECK_FAILS(smelt_op_query(NULL, &op, VK_SHADER_STAGE_FRAGMENT_BIT, &info), SMELT_ERROR_UNSUPPORTED,
                "in the compute stage only");
}

static void refuses_bad_matmul2d(void)
{
    struct smelt_op_info info;
    struct smelt_matmul2d_descriptor d = product();
    struct smelt_op op = op_matmul2d(&d);
    d.scope = (enum smelt_scope)9;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "scope is 9");
    d = product();
    d.m = 17;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "m is 17, wanted 0 to 16");
    d = product();
    d.n = 0;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "n is 0, wanted 1 to 1024");
    d.n = 1025;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "n is 1025");
    d = product();
    d.k = UINT32_MAX;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "k is 4294967295");
    d = product();
    d.activation = SMELT_ACTIVATION_COUNT;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "activation is 10");
    d = product();
    d.backend = SMELT_BACKEND_COUNT;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "backend is 6");
}

static void refuses_bad_types(void)
{
    struct smelt_op_info info;
    struct smelt_mlp_descriptor d = network();
    struct smelt_op op = op_mlp(&d);
    d.stored = SMELT_DTYPE_I8;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_DTYPE, "stored is i8, wanted f32, f16, bf16, f8e4m3 or f8e5m2");
    d.stored = (enum smelt_dtype)77;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_DTYPE, "stored is invalid");
    d = network();
    d.computed = SMELT_DTYPE_BF16;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_DTYPE, "computed is bf16, wanted f16 or f32");
    d = network();
    d.accumulated = SMELT_DTYPE_I32;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_DTYPE, "accumulated is i32, wanted f16 or f32");
    d = network();
    d.stored = SMELT_DTYPE_BF16;
    d.computed = SMELT_DTYPE_F16;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_DTYPE, "computed is f16 and stored is bf16");
    d = network();
    d.computed = SMELT_DTYPE_F32;
    d.accumulated = SMELT_DTYPE_F16;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_DTYPE, "accumulated is f16 and computed is f32");
    // What cannot be computed in f16 is computed in f32 when nothing is said.
    d = network();
    d.stored = SMELT_DTYPE_BF16;
    CHECK_OK(QUERY(op));
    CHECK(info.choice.computed == SMELT_DTYPE_F32 && info.choice.accumulated == SMELT_DTYPE_F32);
}

static void refuses_bad_mlp(void)
{
    struct smelt_op_info info;
    struct smelt_mlp_descriptor d = network();
    struct smelt_op op = op_mlp(&d);
    d.layer_count = 0;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "layer_count is 0, wanted 1 to 8");
    d.layer_count = 9;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "layer_count is 9");
    d = network();
    d.widths[3] = 0;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "op \"net\": widths[3] is 0, wanted 1 to 1024");
    d.widths[3] = 2000;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "widths[3] is 2000");
    d = network();
    d.activations[1] = (enum smelt_activation)99;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_INVALID_ARGUMENT, "activations[1] is 99");
    d = network();
    d.activations[3] = (enum smelt_activation)99; // beyond the layers: not read
    CHECK_OK(QUERY(op));
}

// c = n (1 + n u), n = K + 3: matmul2d_tmpl.glsl.
static void states_the_bound(void)
{
    struct smelt_op_info info;
    struct smelt_mlp_descriptor d = network();
    struct smelt_op op = op_mlp(&d);
    d.computed = SMELT_DTYPE_F32;
    CHECK_OK(QUERY(op));
    CHECK(info.error_u == 0x1p-23 && info.error_c == 67 * (1 + 67 * 0x1p-23)); // K = 64 is the longest sum
    d.computed = d.accumulated = SMELT_DTYPE_F16;
    CHECK_OK(QUERY(op));
    CHECK(info.error_u == 0x1p-10 && info.error_c == 67 * (1 + 67 * 0x1p-10));
    struct smelt_matmul2d_descriptor m = product();
    m.computed = SMELT_DTYPE_F16;
    m.accumulated = SMELT_DTYPE_F32;
    op = op_matmul2d(&m);
    CHECK_OK(QUERY(op));
    CHECK(info.error_u == 0x1p-23 && info.error_c == 19 * (1 + 19 * 0x1p-23));
}

static void unknown_device_means_portable(void)
{
    struct smelt_op_info info;
    struct smelt_mlp_descriptor d = network();
    struct smelt_op op = op_mlp(&d);
    CHECK_OK(QUERY(op));
    CHECK(info.choice.backend == SMELT_BACKEND_PORTABLE);
    d.backend = SMELT_BACKEND_COOPMAT2;
    CHECK_FAILS(QUERY(op), SMELT_ERROR_UNSUPPORTED, "");
    CHECK(info.choice.reason[SMELT_BACKEND_COOPMAT2][0]); // the choice is filled nevertheless
}

// A device with cooperative vectors of 48 components, made of the test's device.
static void too_wide_for_cooperative_vectors(void)
{
    struct smelt_context_t fake = *test_context();
    fake.log = NULL;
    fake.forced_backend = SMELT_BACKEND_AUTO;
    fake.features |= smelt_backend_features(SMELT_BACKEND_COOPVEC);
    fake.capabilities.shader_float16 = true;
    fake.capabilities.cooperative_vector = true;
    fake.capabilities.cooperative_vector_stages = VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
    fake.capabilities.max_cooperative_vector_components = 48;
    fake.capabilities.compiler_backends[SMELT_BACKEND_COOPVEC] = true;
    fake.capabilities.known_bad = NULL;
    fake.cooperative_vector_f16 = true;
    struct smelt_op_info info;
    struct smelt_mlp_descriptor d = network();
    struct smelt_op op = op_mlp(&d);
    CHECK_OK(smelt_op_query(&fake, &op, VK_SHADER_STAGE_FRAGMENT_BIT, &info));
    CHECK(info.choice.backend == SMELT_BACKEND_PORTABLE && !info.choice.eligible[SMELT_BACKEND_COOPVEC]);
    CHECK(strstr(info.choice.reason[SMELT_BACKEND_COOPVEC],
                 "at most 48 components (maxCooperativeVectorComponents), 64 are wanted"));
    d.backend = SMELT_BACKEND_COOPVEC;
    CHECK_FAILS(smelt_op_query(&fake, &op, VK_SHADER_STAGE_FRAGMENT_BIT, &info), SMELT_ERROR_UNSUPPORTED,
                "coopvec: has vectors of at most 48 components");
    CHECK(!info.choice.eligible[SMELT_BACKEND_COOPVEC]);
    d.widths[1] = d.widths[2] = 48;
    CHECK_OK(smelt_op_query(&fake, &op, VK_SHADER_STAGE_FRAGMENT_BIT, &info));
    CHECK(info.choice.backend == SMELT_BACKEND_COOPVEC);
    d.backend = SMELT_BACKEND_AUTO;
    CHECK_OK(smelt_op_query(&fake, &op, 0, &info));
    CHECK(info.choice.backend == SMELT_BACKEND_COOPVEC && info.choice.accumulated == SMELT_DTYPE_F16);
    // ... and of many, but of a matrix that a driver would unroll for minutes.
    fake.capabilities.max_cooperative_vector_components = 1024;
    d.widths[1] = d.widths[2] = 256;
    CHECK_OK(smelt_op_query(&fake, &op, 0, &info));
    CHECK(info.choice.backend == SMELT_BACKEND_PORTABLE);
    CHECK(strstr(info.choice.reason[SMELT_BACKEND_COOPVEC], "at most 32768 elements") &&
          strstr(info.choice.reason[SMELT_BACKEND_COOPVEC], "65536 are wanted"));
    d.widths[2] = 128;
    CHECK_OK(smelt_op_query(&fake, &op, 0, &info));
    CHECK(info.choice.backend == SMELT_BACKEND_COOPVEC);
    fake.capabilities.max_cooperative_vector_components = 48;
    struct smelt_matmul2d_descriptor m = product();
    op = op_matmul2d(&m);
    m.transpose_right = false;
    CHECK_OK(smelt_op_query(&fake, &op, 0, &info));
    CHECK(info.choice.backend == SMELT_BACKEND_PORTABLE);
    CHECK(strstr(info.choice.reason[SMELT_BACKEND_COOPVEC], "transpose_right"));
}

static void generates_parameters(void)
{
    static const char *const lines[] = {
        "#define SMELT_MLP net\n",
        "#define SMELT_MLP_SCOPE SMELT_SCOPE_THREAD\n",
        "#define SMELT_MLP_SAMPLES 1\n",
        "#define SMELT_MLP_LAYERS 3\n",
        "#define SMELT_MLP_WIDTH0 32\n",
        "#define SMELT_MLP_WIDTH3 9\n",
        "#define SMELT_MLP_ACTIVATION1 SMELT_ACTIVATION_GELU\n",
        "#define SMELT_MLP_ACTIVATION2 SMELT_ACTIVATION_NONE\n",
        "#define SMELT_MLP_BIAS 1\n",
        "#define SMELT_MLP_STORED SMELT_DTYPE_F16\n",
        "#define SMELT_MLP_COMPUTED SMELT_DTYPE_F32\n",
        "#define SMELT_MLP_ACCUMULATED SMELT_DTYPE_F32\n",
        "#define SMELT_MLP_LAYOUT SMELT_LAYOUT_OPTIMAL\n",
        "#define SMELT_MLP_BACKEND SMELT_BACKEND_PORTABLE\n",
        "#include \"smelt/mlp_tmpl.glsl\"\n",
    };
    struct smelt_mlp_descriptor d = network();
    d.computed = SMELT_DTYPE_F32;
    struct smelt_op op = op_mlp(&d);
    char *text = NULL;
    CHECK_OK(smelt_op_glsl(NULL, &op, 0, &text));
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        CHECK(strstr(text, lines[i]));
    CHECK(!strstr(text, "WIDTH4") && !strstr(text, "ACTIVATION3"));
    smelt_free_text(&text);
    CHECK(!text);
    smelt_free_text(&text);
    smelt_free_text(NULL);
    d.layer_count = 0;
    CHECK_FAILS(smelt_op_glsl(NULL, &op, 0, &text), SMELT_ERROR_INVALID_ARGUMENT, "layer_count");
    CHECK(!text);
}

static void run_instances(const struct smelt_op *ops, enum smelt_backend backend, enum smelt_dtype computed,
                          enum smelt_dtype accumulated)
{
    // Both ops and nothing else, so that a capability comes from an instance.
    static const char body[] =
        "#version 460\n"
        "#include \"smelt/base.glsl\"\n"
        "#include \"smelt/op/product.glsl\"\n"
        "#include \"smelt/op/net.glsl\"\n"
        "layout(buffer_reference, scalar, buffer_reference_align = 4) buffer floats_data { float e[]; };\n"
        "layout(buffer_reference, scalar, buffer_reference_align = 16) buffer block\n"
        "{ product p; net_weights n; floats_data x; floats_data y; };\n"
        "layout(push_constant, scalar) uniform push { block b; };\n"
        "layout(local_size_x = 32) in;\n"
        "void main() {\n"
        "    product_left a;\n"
        "    for (int i = 0; i < 32; i++) smelt_set(a, i / 16, i % 16, b.x.e[i]);\n"
        "    product_result d = product_run(a, b.p);\n"
        "    net_input x;\n"
        "    for (int i = 0; i < 32; i++) smelt_set(x, i, b.x.e[i]);\n"
        "    net_output y = net_run(b.n, x);\n"
        "    for (int i = 0; i < 16; i++) b.y.e[i] = smelt_get(d, i / 8, i % 8);\n"
        "    for (int i = 0; i < 9; i++) b.y.e[16 + i] = smelt_get(y, i);\n"
        "}\n";
    struct smelt_shader_params params = {.source = body,
                                         .path = "instances.comp",
                                         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                         .ops = ops,
                                         .op_count = 2,
                                         .no_cache = true};
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(NULL, &params, &shader));
    const struct smelt_shader_info *info = smelt_shader_info(shader);
    CHECK(info->backend == backend);
    struct smelt_op_info told[2];
    for (int i = 0; i < 2; i++)
        CHECK_OK(smelt_op_query(NULL, &ops[i], 0, &told[i]));
    uint64_t features = told[0].features | told[1].features;
    CHECK(!(features & ~smelt_required_features() &
            ~smelt_instance_features(backend, SMELT_SCOPE_THREAD, computed, accumulated)));
    CHECK(capability_beyond(info->spirv, info->spirv_size, features) == UINT32_MAX);
    uint32_t beyond = capability_untold(info->spirv, info->spirv_size, told, 2);
    if (beyond != UINT32_MAX)
        printf("    SPIR-V capability %u on %s\n", beyond, smelt_backend_name(backend));
    CHECK(beyond == UINT32_MAX);
    smelt_shader_destroy(&shader);
}

// DESIGN 2.1: each backend's features are one table, compared with the OpCapability set of generated instances.
static void capabilities_are_within_the_feature_table(void)
{
    static const enum smelt_dtype types[][3] = {
        {SMELT_DTYPE_F32, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
        {SMELT_DTYPE_F16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
        {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
        {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
        {SMELT_DTYPE_BF16, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
        {SMELT_DTYPE_F8E4M3, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
        {SMELT_DTYPE_F8E5M2, SMELT_DTYPE_F32, SMELT_DTYPE_F32},
    };
    int compiled = 0;
    if (!smelt_context_capabilities(test_context())->compiler)
        SKIP("this build has no GLSL compiler");
    for (int backend = SMELT_BACKEND_PORTABLE; backend < SMELT_BACKEND_COUNT; backend++)
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            struct smelt_matmul2d_descriptor m = product();
            struct smelt_mlp_descriptor d = network();
            m.stored = d.stored = types[i][0];
            m.computed = d.computed = types[i][1];
            m.accumulated = d.accumulated = types[i][2];
            m.backend = d.backend = (enum smelt_backend)backend;
            struct smelt_op ops[] = {op_matmul2d(&m), op_mlp(&d)};
            struct smelt_op_info info;
            if (smelt_op_query(NULL, &ops[1], 0, &info) != SMELT_OK) // the compiler or the backend cannot
                continue;
            run_instances(ops, (enum smelt_backend)backend, types[i][1], types[i][2]);
            compiled++;
        }
    CHECK(compiled >= 7); // PORTABLE does them all
}

// Issue 2's measure of what unrolling may cost: a material's network in every type, alone in a shader.
static void a_network_stays_small(void)
{
    static const char body[] =
        "#version 460\n"
        "#include \"smelt/base.glsl\"\n"
        "#include \"smelt/op/net.glsl\"\n"
        "layout(buffer_reference, scalar, buffer_reference_align = 16) buffer block { net_weights n; };\n"
        "layout(push_constant, scalar) uniform push { block b; };\n"
        "layout(location = 0) in vec4 x;\n"
        "layout(location = 0) out vec4 y;\n"
        "void main() {\n"
        "    net_input i;\n"
        "    [[unroll]] for (int k = 0; k < 32; k++) smelt_set(i, k, x[k % 4] + float(k));\n"
        "    net_output o = net_run(b.n, i);\n"
        "    y = vec4(smelt_get(o, 0), smelt_get(o, 3), smelt_get(o, 7), smelt_get(o, 8));\n"
        "}\n";
    static const enum smelt_dtype types[][2] = {{SMELT_DTYPE_F32, SMELT_DTYPE_F32},
                                                {SMELT_DTYPE_F16, SMELT_DTYPE_F32},
                                                {SMELT_DTYPE_F16, SMELT_DTYPE_F16}};
    bool backends[SMELT_BACKEND_COUNT], dtypes[SMELT_DTYPE_COUNT];
    smelt_compiler_probe(NULL, backends, dtypes);
    if (!backends[SMELT_BACKEND_PORTABLE])
        SKIP("this build has no GLSL compiler");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct smelt_mlp_descriptor d = network();
        d.stored = types[i][0];
        d.computed = types[i][1];
        struct smelt_op op = op_mlp(&d);
        struct smelt_shader_params params = {.source = body,
                                             .path = "network.frag",
                                             .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                                             .ops = &op,
                                             .op_count = 1,
                                             .no_cache = true};
        smelt_shader shader = NULL;
        CHECK_OK(smelt_shader_create(NULL, &params, &shader));
        size_t size = smelt_shader_info(shader)->spirv_size;
        smelt_shader_destroy(&shader);
        if (size > 65536)
            printf("    %s, %s: %zu bytes\n", smelt_dtype_name(types[i][0]), smelt_dtype_name(types[i][1]),
                   size);
        CHECK(size <= 65536);
    }
}

static const struct test tests[] = {
    {"activations have names", names},
    {"ops: name, kind and descriptor are checked", refuses_bad_ops},
    {"matmul2d: every field is checked", refuses_bad_matmul2d},
    {"matmul2d of a group: every field is checked", refuses_bad_group_matmul2d},
    {"matmul2d of a group is laid out", lays_out_a_group_matmul2d},
    {"mlp of a group: every field is checked", refuses_bad_group_mlp},
    {"mlp of a group is laid out", lays_out_a_group_mlp},
    {"types of an op are checked together", refuses_bad_types},
    {"mlp: every field is checked", refuses_bad_mlp},
    {"the error bound is the one of matmul2d_tmpl.glsl", states_the_bound},
    {"without a context AUTO means portable", unknown_device_means_portable},
    {"what cooperative vectors cannot hold falls back or says so", too_wide_for_cooperative_vectors},
    {"the generated include sets the template's parameters", generates_parameters},
    {"SPIR-V of 32-64-64-9 is at most 64 KiB", a_network_stays_small},
    {"SPIR-V capabilities are within the backend's feature table", capabilities_are_within_the_feature_table},
};
TEST_MAIN(tests)
