// SPDX-License-Identifier: MIT
// shader.h: the cache of compiled shaders on disk.
#include "internal.h"
#include "shader_same.h"

#include <threads.h>
#include <time.h>

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
    enum { TIMES = 20 }; // that it is found while it is compiled once: on this machine, and now
    clock_t start = clock();
    for (int i = 0; i < TIMES; i++)
        CHECK(cached(context, &params));
    clock_t found_all = clock() - start;
    params.no_cache = true;
    start = clock();
    CHECK(!cached(context, &params));
    clock_t compiled = clock() - start;
    printf("    from the cache in %.2f ms, compiled in %.2f ms\n", 1e3 * found_all / TIMES / CLOCKS_PER_SEC,
           1e3 * compiled / CLOCKS_PER_SEC);
    CHECK(found_all < compiled * TIMES / 2);
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

// Shader number i, cached or not.
static bool numbered(smelt_context context, int i)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", i);
    const struct smelt_define define = {"NUMBER", number};
    struct smelt_shader_params params = {.source = "#version 460\nlayout(local_size_x = 1) in;\n"
                                                   "layout(binding = 0) buffer B { int v; };\n"
                                                   "void main() { v = NUMBER; }\n",
                                         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                         .defines = &define,
                                         .define_count = 1};
    return cached(context, &params);
}

static uint64_t folder_bytes(const char *directory)
{
    uint64_t bytes = 0;
    DIR *opened = opendir(directory);
    CHECK(opened);
    for (struct dirent *entry; (entry = readdir(opened));) {
        char path[512];
        struct stat status;
        snprintf(path, sizeof(path), "%.200s/%.200s", directory, entry->d_name);
        if (!strncmp(entry->d_name, "shader-", 7) && stat(path, &status) == 0)
            bytes += (uint64_t)status.st_size;
    }
    closedir(opened);
    return bytes;
}

static void test_cache_size(void)
{
    need_compiler();
    const char *directory = folder_file("cache-size");
    smelt_context context = cache_context(directory);
    CHECK(context->cache_size == 256u << 20); // the documented default
    CHECK(!numbered(context, 0) && numbered(context, 0));
    uint64_t one = folder_bytes(directory);
    smelt_context_destroy(&context);
    folder_write("cache-size/mine.txt", "not of smelt", 0);

    struct smelt_context_params params = {.cache_directory = directory, .cache_size = 8 * one + one / 2};
    CHECK_OK(smelt_context_create(&params, &context));
    for (int i = 1; i < 40; i++) {
        CHECK(!numbered(context, i));
        CHECK(numbered(context, 0)); // used all the time, so it stays
        CHECK(folder_bytes(directory) <= params.cache_size);
    }
    CHECK(numbered(context, 39) && !numbered(context, 1));
    CHECK(smelt_os_is_file(folder_file("cache-size/mine.txt")));
    smelt_context_destroy(&context);

    setenv("SMELT_CACHE_SIZE", "7", 1);
    params.cache_size = 0;
    CHECK_OK(smelt_context_create(&params, &context));
    CHECK(context->cache_size == 7 << 20);
    smelt_context_destroy(&context);
    static const char *const wrong[] = {"0", "-1", "many", "1x", "99999999999999999999"};
    for (size_t i = 0; i < SMELT_COUNT_OF(wrong); i++) {
        setenv("SMELT_CACHE_SIZE", wrong[i], 1);
        CHECK_FAILS(smelt_context_create(&params, &context), SMELT_ERROR_INVALID_ARGUMENT,
                    "SMELT_CACHE_SIZE: got '");
    }
    unsetenv("SMELT_CACHE_SIZE");
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
        {"a cache keeps to its size and to what is used", test_cache_size},
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
