// SPDX-License-Identifier: MIT
// Backend names, the choice of a backend with the reason of every refusal, demotion, drivers known to be bad, and
// the table of features against the SPIR-V of every generated op.
#define _XOPEN_SOURCE 700 // mkdtemp
#include "context_rig.h"

static void names_go_both_ways(void)
{
    for (int b = 0; b < SMELT_BACKEND_COUNT; b++)
        CHECK(smelt_backend_from_name(smelt_backend_name((enum smelt_backend)b)) == (enum smelt_backend)b);
    CHECK(!strcmp(smelt_backend_name(SMELT_BACKEND_COOPMAT2), "coopmat2"));
    CHECK(!strcmp(smelt_backend_name(SMELT_BACKEND_COUNT), "invalid"));
    CHECK(smelt_backend_from_name("Portable") == SMELT_BACKEND_COUNT);
    CHECK(smelt_backend_from_name("invalid") == SMELT_BACKEND_COUNT);
    CHECK(smelt_backend_from_name(NULL) == SMELT_BACKEND_COUNT);
}

// The test context as if it were on a device with cooperative vectors, without cooperative matrices, and a compiler that
// knows them.
static smelt_context pretend(void)
{
    static struct smelt_context_t pretended;
    smelt_context real = test_context();
    pretended = (struct smelt_context_t){.vk = real->vk,
                                         .mutex = real->mutex,
                                         .capabilities = real->capabilities,
                                         .cooperative_vector_f16 = true};
    const uint64_t matrices = SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_MATRIX) |
                              SMELT_FEATURE_BIT(SMELT_FEATURE_COOPMAT2_FLEXIBLE_DIMENSIONS);
    pretended.features = (real->features & ~matrices) | smelt_backend_features(SMELT_BACKEND_COOPVEC);
    pretended.capabilities.shader_float16 = true;
    pretended.capabilities.cooperative_vector_stages =
        VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
    pretended.capabilities.compiler = true;
    pretended.capabilities.compiler_backends[SMELT_BACKEND_PORTABLE] = true;
    pretended.capabilities.compiler_backends[SMELT_BACKEND_COOPVEC] = true;
    return &pretended;
}

static struct smelt_backend_choice choose(smelt_context context, struct smelt_backend_query query)
{
    struct smelt_backend_choice choice;
    CHECK_OK(smelt_backend_choose(context, &query, &choice));
    return choice;
}

// That a backend is refused for a reason with these words, and the request for it by name as well.
static void check_refused(smelt_context context, struct smelt_backend_query query, enum smelt_backend backend,
                          const char *words)
{
    struct smelt_backend_choice choice;
    query.backend = backend;
    enum smelt_result result = smelt_backend_choose(context, &query, &choice);
    if (result == SMELT_OK || choice.eligible[backend] || !strstr(choice.reason[backend], words))
        printf("    %s: '%s', wanted '%s'\n", smelt_backend_name(backend), choice.reason[backend], words);
    CHECK(result == SMELT_ERROR_UNSUPPORTED && choice.backend == backend && !choice.eligible[backend]);
    CHECK(strstr(choice.reason[backend], words) && strstr(smelt_last_error(), words));
}

static void the_best_backend_is_chosen(void)
{
    struct smelt_backend_choice choice = choose(pretend(), (struct smelt_backend_query){.op = SMELT_OP_MLP});
    CHECK(choice.backend == SMELT_BACKEND_COOPVEC && choice.computed == SMELT_DTYPE_F16 &&
          choice.accumulated == SMELT_DTYPE_F16);
    CHECK(choice.eligible[SMELT_BACKEND_PORTABLE] && !choice.reason[SMELT_BACKEND_PORTABLE][0]);
    CHECK(!choice.eligible[SMELT_BACKEND_AUTO]);
    choice = choose(pretend(), (struct smelt_backend_query){.backend = SMELT_BACKEND_PORTABLE});
    CHECK(choice.backend == SMELT_BACKEND_PORTABLE && choice.eligible[SMELT_BACKEND_COOPVEC]);
    choice = choose(pretend(), (struct smelt_backend_query){.stored = SMELT_DTYPE_F32});
    CHECK(choice.backend == SMELT_BACKEND_PORTABLE && choice.computed == SMELT_DTYPE_F32);
    choice = choose(pretend(), (struct smelt_backend_query){.accumulated = SMELT_DTYPE_F32});
    CHECK(choice.backend == SMELT_BACKEND_PORTABLE && choice.computed == SMELT_DTYPE_F16);
    choice = choose(test_context(), (struct smelt_backend_query){.precompiled = true});
    for (int b = SMELT_BACKEND_PORTABLE; b < SMELT_BACKEND_COUNT; b++)
        CHECK(choice.eligible[b] == !choice.reason[b][0]); // every refusal has its reason
}

static void every_refusal_says_why(void)
{
    struct smelt_backend_query query = {.op = SMELT_OP_MLP};
    smelt_context context = pretend();
    check_refused(context, query, SMELT_BACKEND_DOT8, "products of i8, not of f16");
    check_refused(context, query, SMELT_BACKEND_COOPMAT,
                  "computes at SUBGROUP and WORKGROUP scope only, THREAD");
    check_refused(context, query, SMELT_BACKEND_COOPMAT2,
                  "computes at SUBGROUP and WORKGROUP scope only, THREAD");
    query.stored = SMELT_DTYPE_F32;
    check_refused(context, query, SMELT_BACKEND_COOPVEC, "weights of f16, not of f32");
    query = (struct smelt_backend_query){.computed = SMELT_DTYPE_F32};
    check_refused(context, query, SMELT_BACKEND_COOPVEC, "products of f16, not of f32");
    query = (struct smelt_backend_query){.accumulated = SMELT_DTYPE_F32};
    check_refused(context, query, SMELT_BACKEND_COOPVEC, "sums of f16, not of f32");
    query = (struct smelt_backend_query){.stage = VK_SHADER_STAGE_VERTEX_BIT};
    check_refused(context, query, SMELT_BACKEND_COOPVEC, "vertex stage");
    query.stage = 0;
    context->cooperative_vector_f16 = false;
    check_refused(context, query, SMELT_BACKEND_COOPVEC, "lists no cooperative vector product");
    context = pretend();
    context->features &= ~SMELT_FEATURE_BIT(SMELT_FEATURE_REPLICATED_COMPOSITES);
    check_refused(context, query, SMELT_BACKEND_COOPVEC, "lacks shaderReplicatedComposites");
    context->capabilities.known_bad = "because of something";
    check_refused(context, query, SMELT_BACKEND_COOPVEC, "because of something");
    context = pretend();
    context->capabilities.compiler_backends[SMELT_BACKEND_COOPVEC] = false;
    check_refused(context, query, SMELT_BACKEND_COOPVEC, "GL_NV_cooperative_vector");
    query.precompiled = true; // then the compiler does not matter
    CHECK(choose(context, query).backend == SMELT_BACKEND_COOPVEC);
    query.precompiled = false;
    context->capabilities.compiler = false; // then everything is precompiled
    CHECK(choose(context, query).backend == SMELT_BACKEND_COOPVEC);
}

static void scopes_that_no_module_has_are_refused(void)
{
    for (int scope = SMELT_SCOPE_SUBGROUP; scope <= SMELT_SCOPE_WORKGROUP; scope++) {
        struct smelt_backend_query query = {.op = SMELT_OP_REDUCTION, .scope = (enum smelt_scope)scope};
        check_refused(pretend(), query, SMELT_BACKEND_COOPMAT, "this version has no reduction of");
        query.op = SMELT_OP_MATMUL2D;
        check_refused(pretend(), query, SMELT_BACKEND_COOPVEC, "computes at THREAD scope only");
    }
}

static void groups_compute_in_compute_only(void)
{
    smelt_context context = pretend();
    context->features |= smelt_backend_features(SMELT_BACKEND_COOPMAT);
    context->capabilities.compiler_backends[SMELT_BACKEND_COOPMAT] = true;
    context->capabilities.cooperative_matrix_stages = VK_SHADER_STAGE_COMPUTE_BIT;
    context->capabilities.cooperative_matrix_count = 1;
    context->capabilities.cooperative_matrices[0] =
        (struct smelt_cooperative_matrix){.m = 8,
                                          .n = 8,
                                          .k = 8,
                                          .a = SMELT_DTYPE_F16,
                                          .b = SMELT_DTYPE_F16,
                                          .c = SMELT_DTYPE_F32,
                                          .result = SMELT_DTYPE_F32,
                                          .scope = SMELT_SCOPE_SUBGROUP};
    struct smelt_backend_query query = {.scope = SMELT_SCOPE_WORKGROUP, .accumulated = SMELT_DTYPE_F32};
    CHECK(choose(context, query).backend == SMELT_BACKEND_COOPMAT);
    query.accumulated = SMELT_DTYPE_F16;
    check_refused(context, query, SMELT_BACKEND_COOPMAT,
                  "lists no cooperative matrix product of f16 with f16");
    CHECK(choose(context, query).backend == SMELT_BACKEND_PORTABLE);
    query.computed = query.accumulated = SMELT_DTYPE_F32;
    check_refused(context, query, SMELT_BACKEND_COOPMAT,
                  "computes products of f16, bf16, f8 and i8, not of f32");
    query.stage = VK_SHADER_STAGE_FRAGMENT_BIT;
    check_refused(context, query, SMELT_BACKEND_PORTABLE, "in the compute stage only");
    query = (struct smelt_backend_query){.scope = SMELT_SCOPE_SUBGROUP};
    context->features &= ~SMELT_FEATURE_BIT(SMELT_FEATURE_COMPUTE_FULL_SUBGROUPS);
    check_refused(context, query, SMELT_BACKEND_PORTABLE, "lacks computeFullSubgroups");
    context->features |= SMELT_FEATURE_BIT(SMELT_FEATURE_COMPUTE_FULL_SUBGROUPS);
    context->capabilities.cooperative_matrix_stages = 0;
    query.accumulated = SMELT_DTYPE_F32;
    check_refused(context, query, SMELT_BACKEND_COOPMAT, "no cooperative matrices in the compute stage");
}

// Each feature of cooperative matrices 2 is one of its own.
static void flexible_matrices_want_every_part(void)
{
    smelt_context context = pretend();
    struct smelt_backend_query query = {
        .scope = SMELT_SCOPE_WORKGROUP, .accumulated = SMELT_DTYPE_F32, .backend = SMELT_BACKEND_COOPMAT2};
    const uint64_t needs = smelt_backend_features(SMELT_BACKEND_COOPMAT2);
    static const enum smelt_feature parts[] = {
        SMELT_FEATURE_COOPMAT2_FLEXIBLE_DIMENSIONS, SMELT_FEATURE_COOPMAT2_REDUCTIONS,
        SMELT_FEATURE_COOPMAT2_CONVERSIONS, SMELT_FEATURE_COOPMAT2_PER_ELEMENT};
    context->features |= needs;
    context->capabilities.compiler_backends[SMELT_BACKEND_COOPMAT2] = true;
    context->capabilities.cooperative_matrix_stages = VK_SHADER_STAGE_COMPUTE_BIT;
    context->capabilities.flexible_matrix_count = 2;
    context->capabilities.flexible_matrices[0] = (struct smelt_cooperative_matrix){16,
                                                                                   16,
                                                                                   16,
                                                                                   SMELT_DTYPE_F16,
                                                                                   SMELT_DTYPE_F16,
                                                                                   SMELT_DTYPE_F16,
                                                                                   SMELT_DTYPE_F16,
                                                                                   SMELT_SCOPE_SUBGROUP,
                                                                                   0,
                                                                                   false};
    context->capabilities.flexible_matrices[1] = (struct smelt_cooperative_matrix){32,
                                                                                   32,
                                                                                   16,
                                                                                   SMELT_DTYPE_F16,
                                                                                   SMELT_DTYPE_F16,
                                                                                   SMELT_DTYPE_F32,
                                                                                   SMELT_DTYPE_F32,
                                                                                   SMELT_SCOPE_WORKGROUP,
                                                                                   256,
                                                                                   false};
    check_refused(context, query, SMELT_BACKEND_COOPMAT2, "product of flexible size of f16 with f32 result");
    query.accumulated = SMELT_DTYPE_F16;
    CHECK(choose(context, query).backend == SMELT_BACKEND_COOPMAT2);
    for (size_t i = 0; i < SMELT_COUNT_OF(parts); i++) {
        context->features = (context->features | needs) & ~SMELT_FEATURE_BIT(parts[i]);
        check_refused(context, query, SMELT_BACKEND_COOPMAT2, smelt_feature_name(parts[i]));
    }
    context->features |= needs;
    query.computed = query.accumulated = SMELT_DTYPE_F32;
    check_refused(context, query, SMELT_BACKEND_COOPMAT2,
                  "computes products of f16, bf16, f8 and i8, not of f32");
}

// bf16 and f8 as they are stored: the device's features, its products and the compiler's types, each by itself.
static void native_types_have_reasons_of_their_own(void)
{
    static const struct {
        enum smelt_dtype dtype;
        enum smelt_feature feature;
        const char *lacks, *extension;
    } rows[] = {
        {SMELT_DTYPE_BF16, SMELT_FEATURE_BFLOAT16_COOPERATIVE_MATRIX, "lacks shaderBFloat16CooperativeMatrix",
         "GL_EXT_bfloat16"},
        {SMELT_DTYPE_F8E4M3, SMELT_FEATURE_FLOAT8_COOPERATIVE_MATRIX, "lacks shaderFloat8CooperativeMatrix",
         "GL_EXT_float_e4m3"},
        {SMELT_DTYPE_F8E5M2, SMELT_FEATURE_FLOAT8, "lacks shaderFloat8", "GL_EXT_float_e5m2"},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(rows); i++) {
        enum smelt_dtype dtype = rows[i].dtype;
        smelt_context context = pretend();
        struct smelt_capabilities *c = &context->capabilities;
        context->features |= smelt_backend_features(SMELT_BACKEND_COOPMAT) | smelt_dtype_features(dtype);
        c->compiler_backends[SMELT_BACKEND_COOPMAT] = c->compiler_dtypes[dtype] = true;
        c->cooperative_matrix_stages = VK_SHADER_STAGE_COMPUTE_BIT;
        c->cooperative_matrix_count = 1;
        c->cooperative_matrices[0] = (struct smelt_cooperative_matrix){.m = 16,
                                                                       .n = 16,
                                                                       .k = 32,
                                                                       .a = dtype,
                                                                       .b = dtype,
                                                                       .c = SMELT_DTYPE_F32,
                                                                       .result = SMELT_DTYPE_F32,
                                                                       .scope = SMELT_SCOPE_SUBGROUP};
        struct smelt_backend_query query = {
            .scope = SMELT_SCOPE_WORKGROUP, .stored = dtype, .computed = dtype};
        struct smelt_backend_choice choice = choose(context, query);
        CHECK(choice.backend == SMELT_BACKEND_COOPMAT && choice.computed == dtype &&
              choice.accumulated == SMELT_DTYPE_F32);
        CHECK(choice.eligible[SMELT_BACKEND_PORTABLE]);
        c->compiler_dtypes[dtype] = false;
        check_refused(context, query, SMELT_BACKEND_COOPMAT, rows[i].extension);
        query.precompiled = true;
        CHECK(choose(context, query).backend == SMELT_BACKEND_COOPMAT);
        c->cooperative_matrices[0].b = SMELT_DTYPE_F16;
        check_refused(context, query, SMELT_BACKEND_COOPMAT, "lists no cooperative matrix product of");
        context->features &= ~SMELT_FEATURE_BIT(rows[i].feature);
        check_refused(context, query, SMELT_BACKEND_COOPMAT, rows[i].lacks);
        CHECK(choose(context, query).backend == SMELT_BACKEND_PORTABLE);
        query.stored = SMELT_DTYPE_F16;
        CHECK_FAILS(smelt_backend_choose(context, &query, &choice), SMELT_ERROR_DTYPE, "as well");
        query = (struct smelt_backend_query){.op = SMELT_OP_MLP, .stored = dtype, .computed = dtype};
        CHECK_FAILS(smelt_backend_choose(context, &query, &choice), SMELT_ERROR_DTYPE, "wanted f16 or f32");
    }
    // What is left open loses nothing: bf16 stays bf16 where a group multiplies it, f8 goes to f16.
    struct smelt_backend_query query = {.scope = SMELT_SCOPE_WORKGROUP, .stored = SMELT_DTYPE_BF16};
    CHECK(choose(pretend(), query).computed == SMELT_DTYPE_BF16);
    query.scope = SMELT_SCOPE_THREAD;
    CHECK(choose(pretend(), query).computed == SMELT_DTYPE_F32);
    query = (struct smelt_backend_query){.scope = SMELT_SCOPE_WORKGROUP, .stored = SMELT_DTYPE_F8E4M3};
    CHECK(choose(pretend(), query).computed == SMELT_DTYPE_F16);
    query = (struct smelt_backend_query){.scope = SMELT_SCOPE_WORKGROUP,
                                         .stored = SMELT_DTYPE_BF16,
                                         .computed = SMELT_DTYPE_BF16,
                                         .accumulated = SMELT_DTYPE_F16};
    struct smelt_backend_choice choice;
    CHECK_FAILS(smelt_backend_choose(pretend(), &query, &choice), SMELT_ERROR_DTYPE, "got f16, wanted f32");
}

static void queries_out_of_range_are_refused(void)
{
    struct smelt_backend_choice choice;
    const struct {
        struct smelt_backend_query query;
        enum smelt_result result;
        const char *words;
    } rows[] = {
        {{.op = (enum smelt_op_kind)9}, SMELT_ERROR_INVALID_ARGUMENT, "op: got 9"},
        {{.scope = (enum smelt_scope)3}, SMELT_ERROR_INVALID_ARGUMENT, "scope: got 3"},
        {{.backend = SMELT_BACKEND_COUNT}, SMELT_ERROR_INVALID_ARGUMENT, "backend: got 6"},
        {{.stage = VK_SHADER_STAGE_ALL_GRAPHICS}, SMELT_ERROR_INVALID_ARGUMENT, "stage: got bits 0x1f"},
        {{.stored = SMELT_DTYPE_I16}, SMELT_ERROR_DTYPE, "stored: got i16"},
        {{.stored = SMELT_DTYPE_COUNT}, SMELT_ERROR_DTYPE, "stored: got invalid"},
        {{.computed = SMELT_DTYPE_BF16}, SMELT_ERROR_DTYPE, "computed: got bf16, wanted f16 or f32"},
        {{.accumulated = SMELT_DTYPE_I32}, SMELT_ERROR_DTYPE, "wanted i8 or u8 for integer products"},
        {{.stored = SMELT_DTYPE_BF16, .computed = SMELT_DTYPE_F16},
         SMELT_ERROR_DTYPE,
         "a stored bf16 exactly"},
        {{.computed = SMELT_DTYPE_F32, .accumulated = SMELT_DTYPE_F16},
         SMELT_ERROR_DTYPE,
         "accumulated: got f16"},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(rows); i++) {
        CHECK(smelt_backend_choose(NULL, &rows[i].query, &choice) == rows[i].result);
        CHECK(strstr(smelt_last_error(), rows[i].words));
    }
    CHECK_FAILS(smelt_backend_choose(NULL, NULL, &choice), SMELT_ERROR_INVALID_ARGUMENT, "query");
    CHECK_FAILS(smelt_backend_choose(NULL, &rows[0].query, NULL), SMELT_ERROR_INVALID_ARGUMENT, "choice");
}

static void without_a_device_auto_is_portable(void)
{
    struct smelt_backend_query query = {.precompiled = true};
    struct smelt_backend_choice choice = choose(NULL, query);
    CHECK(choice.backend == SMELT_BACKEND_PORTABLE && choice.computed == SMELT_DTYPE_F16);
    CHECK(choice.eligible[SMELT_BACKEND_COOPVEC] && !choice.eligible[SMELT_BACKEND_COOPMAT]);
}

static void a_backend_is_forced_by_parameter_and_environment(void)
{
    smelt_context context = NULL;
    struct smelt_context_params params = {.backend = SMELT_BACKEND_DOT8, .cache_directory = ""};
    struct smelt_backend_query query = {.precompiled = true};
    struct smelt_backend_choice choice;
    CHECK_OK(smelt_context_create(&params, &context));
    CHECK_FAILS(smelt_backend_choose(context, &query, &choice), SMELT_ERROR_UNSUPPORTED, "backend dot8");
    query.backend = SMELT_BACKEND_PORTABLE; // an op's own request wins
    CHECK(choose(context, query).backend == SMELT_BACKEND_PORTABLE);
    smelt_context_destroy(&context);
    const char *before = getenv("SMELT_BACKEND");
    char *kept = smelt_copy_string(before);
    setenv("SMELT_BACKEND", "portable", 1);
    params.backend = SMELT_BACKEND_AUTO;
    enum smelt_result good = smelt_context_create(&params, &context);
    setenv("SMELT_BACKEND", "fastest", 1);
    smelt_context other = NULL;
    enum smelt_result bad = smelt_context_create(&params, &other);
    if (kept)
        setenv("SMELT_BACKEND", kept, 1);
    else
        unsetenv("SMELT_BACKEND");
    free(kept);
    CHECK_FAILS(bad, SMELT_ERROR_INVALID_ARGUMENT, "SMELT_BACKEND: got 'fastest', wanted auto, portable");
    CHECK_OK(good);
    query.backend = SMELT_BACKEND_AUTO;
    CHECK(choose(context, query).backend == SMELT_BACKEND_PORTABLE);
    smelt_context_destroy(&context);
    params.backend = (enum smelt_backend)17;
    CHECK_FAILS(smelt_context_create(&params, &context), SMELT_ERROR_INVALID_ARGUMENT,
                "backend: got an unknown");
}

static void a_demoted_backend_is_refused_with_its_reason(void)
{
    smelt_context context = NULL;
    struct smelt_context_params params = {.cache_directory = ""};
    CHECK_OK(smelt_context_create(&params, &context));
    CHECK_OK(smelt_backend_demote(context, SMELT_BACKEND_COOPVEC, "row 3 was wrong"));
    CHECK_OK(smelt_backend_demote(context, SMELT_BACKEND_COOPVEC, "row 4 was wrong"));
    CHECK_OK(smelt_backend_demote(context, SMELT_BACKEND_COOPMAT, NULL));
    struct smelt_backend_query query = {.precompiled = true};
    check_refused(context, query, SMELT_BACKEND_COOPVEC, "demoted: row 4 was wrong");
    check_refused(context, query, SMELT_BACKEND_COOPMAT, "demoted: it gave wrong numbers");
    CHECK(choose(context, query).backend == SMELT_BACKEND_PORTABLE);
    const enum smelt_backend never[] = {SMELT_BACKEND_AUTO, SMELT_BACKEND_PORTABLE, SMELT_BACKEND_COUNT};
    for (size_t i = 0; i < SMELT_COUNT_OF(never); i++)
        CHECK_FAILS(smelt_backend_demote(context, never[i], "x"), SMELT_ERROR_INVALID_ARGUMENT,
                    "demote: got");
    CHECK_FAILS(smelt_backend_demote(NULL, SMELT_BACKEND_DOT8, "x"), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
    smelt_context_destroy(&context);
}

static void drivers_known_to_be_bad_are_in_a_table(void)
{
    const uint32_t preview = 572u << 22 | 15u << 14, first = 572u << 22 | 16u << 14;
    const uint32_t lost = 591u << 22 | 86u << 14, after = 591u << 22 | 87u << 14;
    uint64_t refused = 0;
    const char *reason = smelt_known_bad_driver(VK_DRIVER_ID_NVIDIA_PROPRIETARY, preview, &refused);
    CHECK(reason && strstr(reason, "572.16"));
    CHECK(refused & SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_VECTOR));
    CHECK(smelt_known_bad_driver(VK_DRIVER_ID_NVIDIA_PROPRIETARY, lost, &refused));
    CHECK(!smelt_known_bad_driver(VK_DRIVER_ID_NVIDIA_PROPRIETARY, first, &refused) && !refused);
    CHECK(!smelt_known_bad_driver(VK_DRIVER_ID_NVIDIA_PROPRIETARY, after, &refused));
    CHECK(!smelt_known_bad_driver(VK_DRIVER_ID_MESA_LLVMPIPE, 1, &refused));
}

// --- The table of features ------------------------------------------------------------------------------

static void the_table_of_features_is_whole(void)
{
    for (int i = 0; i < SMELT_FEATURE_COUNT; i++) {
        const struct smelt_feature_row *row = &smelt_features[i];
        CHECK(row->name && row->name[0] && row->single && row->aggregate && row->single_offset >= 16);
        CHECK(!strcmp(row->name, smelt_feature_name((enum smelt_feature)i)));
        for (int k = 0; k < i; k++)
            CHECK(strcmp(row->name, smelt_features[k].name));
        for (int k = 0; k < 4; k++)
            if (row->capabilities[k] > 0)
                CHECK(smelt_feature_of_capability((uint32_t)row->capabilities[k]) == i);
    }
    CHECK(smelt_feature_of_capability(1) == SMELT_FEATURE_COUNT); // Shader
    CHECK(smelt_feature_of_capability(5394) == SMELT_FEATURE_COOPERATIVE_VECTOR);
    CHECK(smelt_feature_of_capability(4444) == -1);
    CHECK(!strcmp(smelt_feature_name(SMELT_FEATURE_COUNT), "invalid"));
    CHECK(smelt_backend_features(SMELT_BACKEND_PORTABLE) == 0);
    CHECK(smelt_backend_features(SMELT_BACKEND_COUNT) == 0);
}

// Every OpCapability of a shader with one generated op is permitted by the required features, the backend's row
// of the table, and, for f16 arithmetic, shaderFloat16.
static void check_capabilities(enum smelt_backend backend, enum smelt_op_kind kind, enum smelt_dtype stored,
                               enum smelt_dtype computed)
{
    struct smelt_matmul2d_descriptor matmul = {.m = 1,
                                               .n = 8,
                                               .k = 16,
                                               .transpose_right = true,
                                               .bias = true,
                                               .stored = stored,
                                               .computed = computed,
                                               .backend = backend};
    struct smelt_mlp_descriptor mlp = {
        .layer_count = 2, .widths = {8, 16, 4}, .stored = stored, .computed = computed, .backend = backend};
    struct smelt_op op = {.name = "net",
                          .kind = kind,
                          .matmul2d = kind == SMELT_OP_MATMUL2D ? &matmul : NULL,
                          .mlp = kind == SMELT_OP_MLP ? &mlp : NULL};
    const char *of_mlp =
        "#version 460\n"
        "#include \"smelt/base.glsl\"\n"
        "#include \"smelt/op/net.glsl\"\n"
        "layout(local_size_x = 32) in;\n"
        "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer block_of {\n"
        "    net_weights net;\n};\n"
        "layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer out_of {\n"
        "    float value[];\n};\n"
        "layout(push_constant, scalar) uniform push { block_of block; out_of result; };\n"
        "void main()\n{\n"
        "    net_input x;\n"
        "    for (int i = 0; i < 8; i++) smelt_set(x, i, 1.0);\n"
        "    net_output y = net_run(block.net, x);\n"
        "    result.value[gl_GlobalInvocationID.x] = smelt_get(y, 0);\n"
        "}\n";
    const char *of_matmul = "#version 460\n"
                            "#include \"smelt/base.glsl\"\n"
                            "#include \"smelt/op/net.glsl\"\n"
                            "layout(local_size_x = 32) in;\nvoid main() {}\n";
    struct smelt_shader_params params = {.path = "table.comp",
                                         .source = kind == SMELT_OP_MLP ? of_mlp : of_matmul,
                                         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                         .ops = &op,
                                         .op_count = 1,
                                         .backend = backend,
                                         .no_cache = true};
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(NULL, &params, &shader));
    const struct smelt_shader_info *info = smelt_shader_info(shader);
    uint64_t allowed = smelt_required_features() | smelt_backend_features(backend);
    if (computed == SMELT_DTYPE_F16)
        allowed |= SMELT_FEATURE_BIT(SMELT_FEATURE_SHADER_FLOAT16);
    bool good = true;
    for (size_t at = 5; at < info->spirv_size / 4 && (info->spirv[at] & 0xffff) == 17;
         at += info->spirv[at] >> 16) {
        uint32_t capability = info->spirv[at + 1];
        int feature = smelt_feature_of_capability(capability);
        if (feature == SMELT_FEATURE_COUNT || (feature >= 0 && (allowed & SMELT_FEATURE_BIT(feature))))
            continue;
        printf("    %s, %s, computed %s: capability %u (%s) is not in the backend's row\n",
               smelt_backend_name(backend), kind == SMELT_OP_MLP ? "mlp" : "matmul2d",
               smelt_dtype_name(computed), capability,
               feature < 0 ? "unknown" : smelt_feature_name((enum smelt_feature)feature));
        good = false;
    }
    smelt_shader_destroy(&shader);
    CHECK(good);
}

static void generated_ops_need_what_the_table_says(void)
{
    const struct smelt_capabilities *c = smelt_context_capabilities(test_context());
    if (!c->compiler)
        SKIP("this build has no GLSL compiler");
    const enum smelt_dtype stored[] = {SMELT_DTYPE_F16, SMELT_DTYPE_F32, SMELT_DTYPE_BF16,
                                       SMELT_DTYPE_F8E4M3};
    const enum smelt_dtype computed[] = {SMELT_DTYPE_F16, SMELT_DTYPE_F32};
    const enum smelt_backend backends[] = {SMELT_BACKEND_PORTABLE, SMELT_BACKEND_COOPVEC};
    int rows = 0;
    for (size_t b = 0; b < SMELT_COUNT_OF(backends); b++)
        for (size_t s = 0; s < SMELT_COUNT_OF(stored); s++)
            for (size_t k = 0; k < SMELT_COUNT_OF(computed); k++) {
                struct smelt_backend_query query = {
                    .stored = stored[s], .computed = computed[k], .backend = backends[b]};
                struct smelt_backend_choice choice;
                if (smelt_backend_choose(NULL, &query, &choice) != SMELT_OK)
                    continue; // a pair of types that the backend refuses, or one that the compiler does not know
                check_capabilities(backends[b], SMELT_OP_MLP, stored[s], computed[k]);
                check_capabilities(backends[b], SMELT_OP_MATMUL2D, stored[s], computed[k]);
                rows++;
            }
    printf("    %d pairs of types\n", rows);
    CHECK(rows >= 6);
}

static const struct test tests[] = {
    {"names go both ways", names_go_both_ways},
    {"the best backend is chosen", the_best_backend_is_chosen},
    {"every refusal says why", every_refusal_says_why},
    {"scopes that no module has are refused", scopes_that_no_module_has_are_refused},
    {"groups compute in compute only", groups_compute_in_compute_only},
    {"flexible matrices want every part", flexible_matrices_want_every_part},
    {"native types have reasons of their own", native_types_have_reasons_of_their_own},
    {"queries out of range are refused", queries_out_of_range_are_refused},
    {"without a device auto is portable", without_a_device_auto_is_portable},
    {"a backend is forced by parameter and environment", a_backend_is_forced_by_parameter_and_environment},
    {"a demoted backend is refused with its reason", a_demoted_backend_is_refused_with_its_reason},
    {"drivers known to be bad are in a table", drivers_known_to_be_bad_are_in_a_table},
    {"the table of features is whole", the_table_of_features_is_whole},
    {"generated ops need what the table says", generated_ops_need_what_the_table_says},
};

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
