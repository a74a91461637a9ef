// SPDX-License-Identifier: MIT
// shader.h: what is kept in files: the cache of compiled shaders, and bundles.
#include "shader_rig.h"

#include "embedded.h"
#include "internal.h"

#include <threads.h>
#include <time.h>

// --- Cache --------------------------------------------------------------------------------------------------

static smelt_context cache_context(const char *directory)
{
    need_compiler();
    struct smelt_context_params params = {.cache_directory = directory};
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&params, &context));
    return context;
}

// Compiles and says whether it came from the cache.
static bool cached(smelt_context context, const struct smelt_shader_params *params)
{
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(context, params, &shader));
    bool from_cache = smelt_shader_info(shader)->from_cache;
    smelt_shader_destroy(&shader);
    return from_cache;
}

// Where the one entry of a shader is: 512 bytes.
static void find_entry(const char *directory, char *path)
{
    char command_free[512];
    unsigned found = 0;
    DIR *opened = opendir(directory);
    CHECK(opened);
    for (struct dirent *entry; (entry = readdir(opened));)
        if (!strncmp(entry->d_name, "shader-", 7)) {
            snprintf(command_free, sizeof(command_free), "%.200s/%.200s", directory, entry->d_name);
            found++;
        }
    closedir(opened);
    CHECK(found == 1);
    memcpy(path, command_free, sizeof(command_free));
}

static const char rich[] = TENSOR_EXTENSIONS
    "#include \"part.glsl\"\n#include \"smelt/base.glsl\"\n"
    "layout(local_size_x = 8) in;\nlayout(constant_id = 1) const int64_t big = -7l;\n" TENSOR(
        "w_f16_2_r_3x4", "float16_t",
        "2") "struct light { vec3 c; mat2 m; };\n"
             "layout(buffer_reference, scalar) buffer Block { w_f16_2_r_3x4 w; light l[2]; float t[3]; "
             "uint64_t a; float end[]; };\n"
             "layout(push_constant, scalar) uniform P { Block b; uint n; };\n"
             "layout(set = 0, binding = 0, r32f) writeonly uniform image2D picture;\n"
             "void main() { b.t[0] = PART + float(b.w.data.e[n]) + float(big); }\n";

static void same_block(const struct smelt_block *a, const struct smelt_block *b)
{
    CHECK(!strcmp(a->name, b->name) && a->size == b->size && a->alignment == b->alignment);
    CHECK(a->member_count == b->member_count);
    for (uint32_t i = 0; i < a->member_count; i++) {
        struct smelt_member x = a->members[i], y = b->members[i];
        CHECK(!strcmp(x.name, y.name));
        CHECK(x.kind == y.kind && x.offset == y.offset && x.size == y.size && x.dtype == y.dtype);
        CHECK(x.rank == y.rank && !memcmp(x.shape, y.shape, sizeof(x.shape)) && x.access == y.access);
        CHECK(x.vector_size == y.vector_size && x.columns == y.columns);
        CHECK(x.array_count == y.array_count && x.array_stride == y.array_stride);
    }
}

static void same_reflection(const struct smelt_reflection *a, const struct smelt_reflection *b)
{
    CHECK(a->block_count == b->block_count && a->binding_count == b->binding_count);
    for (uint32_t i = 0; i < a->block_count; i++)
        same_block(&a->blocks[i], &b->blocks[i]);
    if (a->push_constants.member_count)
        same_block(&a->push_constants, &b->push_constants);
    CHECK(a->push_constants.member_count == b->push_constants.member_count);
    for (uint32_t i = 0; i < a->push_constants.member_count; i++) {
        const char *x = a->push_constant_targets[i], *y = b->push_constant_targets[i];
        CHECK(x ? y && !strcmp(x, y) : !y);
    }
    for (uint32_t i = 0; i < a->binding_count; i++) {
        const struct smelt_binding *x = &a->bindings[i], *y = &b->bindings[i];
        CHECK(!strcmp(x->name, y->name) && x->set == y->set && x->binding == y->binding &&
              x->type == y->type);
        CHECK(x->count == y->count && x->access == y->access);
    }
    CHECK(a->specialization_count == b->specialization_count);
    for (uint32_t i = 0; i < a->specialization_count; i++) {
        const struct smelt_specialization *x = &a->specializations[i], *y = &b->specializations[i];
        CHECK(!strcmp(x->name, y->name) && x->id == y->id && x->size == y->size);
        CHECK(x->default_bits == y->default_bits);
    }
    CHECK(!memcmp(a->local_size, b->local_size, sizeof(a->local_size)));
}

static void test_cache_hit(void)
{
    smelt_context context = cache_context(folder_file("cache-hit"));
    folder_write("part.glsl", "#define PART 1.0\n", 0);
    folder_write("rich.comp", rich, 0);
    struct smelt_shader_params params = {.path = folder_file("rich.comp")};
    smelt_shader made = NULL, found = NULL;
    CHECK_OK(smelt_shader_create(context, &params, &made));
    CHECK_OK(smelt_shader_create(context, &params, &found));
    const struct smelt_shader_info *a = smelt_shader_info(made), *b = smelt_shader_info(found);
    CHECK(!a->from_cache && b->from_cache);
    CHECK(a->spirv_size == b->spirv_size && !memcmp(a->spirv, b->spirv, a->spirv_size));
    CHECK(a->stage == b->stage && a->backend == b->backend && !strcmp(a->name, b->name));
    CHECK(a->dependency_count == 2 && b->dependency_count == 2); // the source and part.glsl
    for (uint32_t i = 0; i < 2; i++)
        CHECK(!strcmp(a->dependencies[i], b->dependencies[i]));
    CHECK(a->reflection->block_count == 1 && a->reflection->push_constants.member_count == 2);
    same_reflection(a->reflection, b->reflection);
    smelt_shader_destroy(&made);
    smelt_shader_destroy(&found);
    double best = 1;
    for (int i = 0; i < 20; i++) {
        clock_t start = clock();
        CHECK(cached(context, &params));
        double took = (double)(clock() - start) / CLOCKS_PER_SEC;
        best = took < best ? took : best;
    }
    printf("    from the cache in %.2f ms\n", best * 1e3);
    CHECK(best < 5e-3);
    params.no_cache = true;
    CHECK(!cached(context, &params));
    smelt_context_destroy(&context);
}

static void test_cache_key(void)
{
    const char *directory = folder_file("cache-key");
    smelt_context context = cache_context(directory);
    const struct smelt_shader_params base = {.path = "a.comp", .source = EMPTY_COMPUTE};
    CHECK(!cached(context, &base) && cached(context, &base));
    // Each of these is another shader, though the text may be the same.
    struct smelt_shader_params p[9];
    for (int i = 0; i < 9; i++)
        p[i] = base;
    const struct smelt_define x1 = {"X", "1"}, x2 = {"X", "2"}, flag = {"X", NULL};
    const struct smelt_virtual_file file = {"f.glsl", "//"};
    const char *include = folder();
    p[0].source = EMPTY_COMPUTE "\n";
    p[1].path = "b.comp";
    p[2].define_count = p[3].define_count = p[4].define_count = 1;
    p[2].defines = &x1;
    p[3].defines = &x2;
    p[4].defines = &flag;
    p[5].optimization = SMELT_OPTIMIZATION_NONE;
    p[6].debug_info = true;
    p[7].files = &file;
    p[7].file_count = 1;
    p[8].include_directories = &include;
    p[8].include_directory_count = 1;
    for (int i = 0; i < 9; i++) {
        CHECK(!cached(context, &p[i]));
        CHECK(cached(context, &p[i]));
    }
    // Ops are part of it by the text that they generate.
    struct smelt_mlp_descriptor mlp = {.layer_count = 1, .widths = {4, 4}};
    struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp};
    struct smelt_shader_params with_op = base;
    with_op.ops = &op;
    with_op.op_count = 1;
    CHECK(!cached(context, &with_op) && cached(context, &with_op));
    mlp.widths[1] = 5;
    CHECK(!cached(context, &with_op) && cached(context, &with_op));
    CHECK(cached(context, &base));
    smelt_context_destroy(&context);
    context = cache_context(directory); // another context, as another process
    CHECK(cached(context, &base));
    smelt_context_destroy(&context);
}

static void test_cache_sources(void)
{
    smelt_context context = cache_context(folder_file("cache-sources"));
    const char *directories[] = {folder_subfolder("early"), folder_subfolder("late")};
    folder_write("late/inc.glsl", "#define V 1\n", 0);
    folder_write("src.comp",
                 "#version 460\n#include \"inc.glsl\"\nlayout(local_size_x = V) in;\nvoid main() {}\n", 0);
    struct smelt_shader_params params = {
        .path = folder_file("src.comp"), .include_directories = directories, .include_directory_count = 2};
    CHECK(!cached(context, &params) && cached(context, &params));
    folder_write("late/inc.glsl", "#define V 2\n", 0); // changed
    CHECK(!cached(context, &params) && cached(context, &params));
    folder_write("late/inc.glsl", "#define V 2\n", 0); // written again, the same
    CHECK(cached(context, &params));
    folder_write("early/inc.glsl", "#define V 3\n", 0); // one that comes first now exists
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(context, &params, &shader));
    CHECK(!smelt_shader_info(shader)->from_cache);
    CHECK(smelt_shader_info(shader)->reflection->local_size[0] == 3);
    smelt_shader_destroy(&shader);
    CHECK(cached(context, &params));
    unlink(folder_file("early/inc.glsl")); // gone again
    CHECK(!cached(context, &params) && cached(context, &params));
    smelt_context_destroy(&context);
}

static void test_cache_modules(void)
{
    smelt_context context = NULL;
    need_compiler();
    struct smelt_context_params params = {.cache_directory = folder_file("cache-modules"),
                                          .module_directory = folder_subfolder("dev")};
    folder_subfolder("dev/smelt");
    folder_write("dev/smelt/base.glsl", "#define V 1\n", 0);
    CHECK_OK(smelt_context_create(&params, &context));
    struct smelt_shader_params shader = {
        .path = "a.comp",
        .source =
            "#version 460\n#include \"smelt/base.glsl\"\nlayout(local_size_x = 1) in;\nvoid main() {}\n"};
    CHECK(!cached(context, &shader) && cached(context, &shader));
    folder_write("dev/smelt/base.glsl", "#define V 2\n", 0);
    CHECK(!cached(context, &shader) && cached(context, &shader));
    smelt_context_destroy(&context);
}

static void test_cache_damage(void)
{
    const char *directory = folder_file("cache-damage");
    smelt_context context = cache_context(directory);
    folder_write("part.glsl", "#define PART 1.0\n", 0);
    folder_write("rich.comp", rich, 0);
    struct smelt_shader_params params = {.path = folder_file("rich.comp")};
    CHECK(!cached(context, &params) && cached(context, &params));
    char path[512];
    find_entry(directory, path);
    size_t size;
    char *good = folder_read(path, &size);
    for (size_t at = 0; at < size; at += 1 + size / 97) { // any byte
        FILE *file = fopen(path, "r+b");
        CHECK(file && fseek(file, (long)at, SEEK_SET) == 0 && fputc(good[at] ^ 0x20, file) != EOF);
        CHECK(fclose(file) == 0);
        CHECK(!cached(context, &params));
        CHECK(cached(context, &params));
    }
    for (size_t length = 0; length < size; length += 1 + size / 31) { // any length
        CHECK(truncate(path, (off_t)length) == 0);
        CHECK(!cached(context, &params));
        CHECK(cached(context, &params));
    }
    size_t again_size;
    char *again = folder_read(path, &again_size);
    CHECK(again_size == size && !memcmp(good, again, size)); // and the same entry was made each time
    free(good);
    free(again);
    smelt_context_destroy(&context);
}

static char warned[512];
static void keep_warning(void *user, enum smelt_log_level level, const char *line)
{
    (void)user;
    if (level == SMELT_LOG_WARNING)
        snprintf(warned, sizeof(warned), "%s", line);
}

static void test_cache_unwritable(void)
{
    need_compiler();
    const char *file = folder_write("no-directory", "a file", 0);
    struct smelt_context_params params = {.cache_directory = file, .log = keep_warning};
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&params, &context));
    struct smelt_shader_params shader = {.source = EMPTY_COMPUTE, .stage = VK_SHADER_STAGE_COMPUTE_BIT};
    CHECK(!cached(context, &shader) && !cached(context, &shader));
    CHECK(strstr(warned, "no-directory"));
    smelt_context_destroy(&context);
    context = cache_context(""); // none
    CHECK(!cached(context, &shader) && !cached(context, &shader));
    smelt_context_destroy(&context);
}

struct racer {
    smelt_context context;
    bool failed;
};
static int race(void *user)
{
    struct racer *racer = user;
    for (int i = 0; i < 8 && !racer->failed; i++) {
        char source[256];
        snprintf(source, sizeof(source), "#version 460\nlayout(local_size_x = %d) in;\nvoid main() {}\n",
                 1 + i / 2);
        struct smelt_shader_params params = {.source = source, .stage = VK_SHADER_STAGE_COMPUTE_BIT};
        smelt_shader shader = NULL;
        racer->failed = smelt_shader_create(racer->context, &params, &shader) != SMELT_OK ||
                        smelt_shader_info(shader)->reflection->local_size[0] != (uint32_t)(1 + i / 2);
        smelt_shader_destroy(&shader);
    }
    return 0;
}

static void test_cache_race(void)
{
    const char *directory = folder_file("cache-race");
    smelt_context context = cache_context(directory);
    struct racer racers[4];
    thrd_t threads[4];
    for (int i = 0; i < 4; i++) {
        racers[i] = (struct racer){context, false};
        CHECK(thrd_create(&threads[i], race, &racers[i]) == thrd_success);
    }
    for (int i = 0; i < 4; i++) {
        thrd_join(threads[i], NULL);
        CHECK(!racers[i].failed);
    }
    unsigned shaders = 0;
    DIR *opened = opendir(directory);
    CHECK(opened);
    for (struct dirent *entry; (entry = readdir(opened));) {
        CHECK(!strstr(entry->d_name, ".tmp"));
        shaders += !strncmp(entry->d_name, "shader-", 7);
    }
    closedir(opened);
    CHECK(shaders == 4);
    smelt_context_destroy(&context);
}

// --- Bundles ------------------------------------------------------------------------------------------------

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

static void test_bundle_ops(void)
{
    need_compiler();
    struct smelt_mlp_descriptor mlp = {.layer_count = 1, .widths = {4, 4}};
    struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp};
    struct smelt_shader_params params = {
        .path = "op.comp",
        .source = "#version 460\n#include \"smelt/base.glsl\"\n#include "
                  "\"smelt/op/net.glsl\"\nlayout(local_size_x = 1) in;\n"
                  "layout(buffer_reference, scalar) buffer Block { net_weights net; float y; };\n"
                  "layout(push_constant) uniform P { Block b; };\n"
                  "void main() { net_input x; for (int i = 0; i < 4; i++) smelt_set(x, i, 1.0);\n"
                  "  b.y = smelt_get(net_run(b.net, x), 0); }\n",
        .ops = &op,
        .op_count = 1};
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
        {"a cached shader is the same shader, and fast", test_cache_hit},
        {"the cache tells apart whatever changes the result", test_cache_key},
        {"the cache sees files that change, appear and go", test_cache_sources},
        {"the cache sees modules that change", test_cache_modules},
        {"damaged cache entries are made again", test_cache_damage},
        {"a cache that cannot be written is a warning", test_cache_unwritable},
        {"threads share a cache", test_cache_race},
        {"a bundle gives the compiled shader back", test_bundle},
        {"a bundle of a shader with ops", test_bundle_ops},
        {"bundles that cannot be written or opened", test_bundle_refused},
        {"a bundle needs no compiler", test_bundle_by_hand},
        {"a bundle's variant is picked on the device", test_bundle_variants},
        {"hostile descriptions are refused by member", test_bundle_hostile},
        {"damaged bundles are refused", test_bundle_damaged},
        {"a build without compiler says so", test_without_compiler},
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
