// SPDX-License-Identifier: MIT
// Results, the version, the last error, the log; and the library's own text, hash and file functions.
#define _XOPEN_SOURCE 700 // mkdtemp, symlink
#include "internal.h"
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

static void version_is_the_headers(void)
{
    char wanted[32];
    snprintf(wanted, sizeof(wanted), "%d.%d.%d", SMELT_VERSION_MAJOR, SMELT_VERSION_MINOR,
             SMELT_VERSION_PATCH);
    CHECK(!strcmp(smelt_version(), wanted));
}

static void every_result_has_its_name(void)
{
    const struct {
        enum smelt_result result;
        const char *name;
    } rows[] = {
        {SMELT_OK, "SMELT_OK"},
        {SMELT_ERROR_INVALID_ARGUMENT, "SMELT_ERROR_INVALID_ARGUMENT"},
        {SMELT_ERROR_OUT_OF_DEVICE_MEMORY, "SMELT_ERROR_OUT_OF_DEVICE_MEMORY"},
        {SMELT_ERROR_VULKAN, "SMELT_ERROR_VULKAN"},
        {SMELT_ERROR_HAZARD, "SMELT_ERROR_HAZARD"},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(rows); i++)
        CHECK(!strcmp(smelt_result_name(rows[i].result), rows[i].name));
    for (int r = SMELT_ERROR_HAZARD; r < 0; r++)
        CHECK(!strncmp(smelt_result_name((enum smelt_result)r), "SMELT_ERROR_", 12));
    CHECK(!strcmp(smelt_result_name((enum smelt_result)1), "unknown result"));
}

struct lines {
    int count;
    enum smelt_log_level level;
    char last[256];
};

static void keep_line(void *user, enum smelt_log_level level, const char *line)
{
    struct lines *lines = user;
    lines->count++;
    lines->level = level;
    snprintf(lines->last, sizeof(lines->last), "%s", line);
}

static void failing_keeps_and_logs_one_line(void)
{
    struct lines lines = {0};
    struct smelt_context_t context = {.log = keep_line, .log_user = &lines};
    CHECK(smelt_fail(&context, SMELT_ERROR_SHAPE, "got %d, wanted %s", 3, "four") == SMELT_ERROR_SHAPE);
    CHECK(!strcmp(smelt_last_error(), "got 3, wanted four"));
    CHECK(lines.count == 1 && lines.level == SMELT_LOG_ERROR && !strcmp(lines.last, "got 3, wanted four"));
    smelt_fail(&context, SMELT_ERROR_IO, "outer: %s", smelt_last_error()); // the line is its own argument
    CHECK(!strcmp(smelt_last_error(), "outer: got 3, wanted four"));
    char longer[10000];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    smelt_fail(NULL, SMELT_ERROR_IO, "%s", longer);
    CHECK(strlen(smelt_last_error()) > 1000 && strlen(smelt_last_error()) < sizeof(longer));
}

// Also after what held them in between is over.
static void errors_are_held(void)
{
    struct lines lines = {0};
    struct smelt_context_t context = {.log = keep_line, .log_user = &lines};
    smelt_hold_errors(true);
    smelt_hold_errors(true);
    smelt_hold_errors(false);
    smelt_fail(&context, SMELT_ERROR_IO, "held");
    CHECK(lines.count == 0 && !strcmp(smelt_last_error(), "held"));
    smelt_hold_errors(false);
    smelt_fail(&context, SMELT_ERROR_IO, "told");
    CHECK(lines.count == 1 && !strcmp(lines.last, "told"));
}

static int other_thread(void *user)
{
    bool empty = smelt_last_error()[0] == '\0';
    smelt_fail(NULL, SMELT_ERROR_IO, "of the other thread");
    *(bool *)user = empty && !strcmp(smelt_last_error(), "of the other thread");
    return 0;
}

static void the_last_error_belongs_to_its_thread(void)
{
    smelt_fail(NULL, SMELT_ERROR_IO, "of this thread");
    bool good = false;
    thrd_t thread;
    CHECK(thrd_create(&thread, other_thread, &good) == thrd_success);
    thrd_join(thread, NULL);
    CHECK(good);
    CHECK(!strcmp(smelt_last_error(), "of this thread"));
}

static void the_log_drops_lines_above_its_level(void)
{
    for (int threshold = SMELT_LOG_DEFAULT; threshold <= SMELT_LOG_DEBUG; threshold++) {
        int highest = threshold == SMELT_LOG_DEFAULT ? SMELT_LOG_WARNING : threshold;
        for (int level = SMELT_LOG_ERROR; level <= SMELT_LOG_DEBUG; level++) {
            struct lines lines = {0};
            struct smelt_context_t context = {
                .log = keep_line, .log_user = &lines, .log_level = (enum smelt_log_level)threshold};
            smelt_log(&context, (enum smelt_log_level)level, "line %d", level);
            CHECK(lines.count == (level <= highest));
        }
    }
    struct smelt_context_t silent = {0};
    smelt_log(&silent, SMELT_LOG_ERROR, "nobody listens");
    smelt_log(NULL, SMELT_LOG_ERROR, "nobody listens");
}

static void vulkan_results_are_mapped_and_named(void)
{
    CHECK_FAILS(smelt_fail_vk(NULL, VK_ERROR_OUT_OF_HOST_MEMORY, "vkX"), SMELT_ERROR_OUT_OF_HOST_MEMORY,
                "vkX: got VK_ERROR_OUT_OF_HOST_MEMORY");
    CHECK_FAILS(smelt_fail_vk(NULL, VK_ERROR_OUT_OF_DEVICE_MEMORY, "vkX"), SMELT_ERROR_OUT_OF_DEVICE_MEMORY,
                "VK_ERROR_OUT_OF_DEVICE_MEMORY");
    CHECK_FAILS(smelt_fail_vk(NULL, VK_ERROR_DEVICE_LOST, "vkX"), SMELT_ERROR_DEVICE_LOST,
                "VK_ERROR_DEVICE_LOST");
    CHECK_FAILS(smelt_fail_vk(NULL, VK_ERROR_FEATURE_NOT_PRESENT, "vkX"), SMELT_ERROR_VULKAN,
                "VK_ERROR_FEATURE_NOT_PRESENT");
    CHECK_FAILS(smelt_fail_vk(NULL, (VkResult)-12345678, "vkX"), SMELT_ERROR_VULKAN, "VkResult -12345678");
}

static void text_grows(void)
{
    struct smelt_text text = {0};
    CHECK(!text.data);
    for (int i = 0; i < 1000; i++)
        smelt_text_add(&text, "%d,", i);
    smelt_text_add_bytes(&text, "a\0b", 3);
    smelt_text_add_bytes(&text, NULL, 0);
    CHECK(!text.failed && text.size == 10 * 2 + 90 * 3 + 900 * 4 + 3);
    CHECK(!strncmp(text.data, "0,1,2,", 6) && !memcmp(text.data + text.size - 3, "a\0b", 4));
    smelt_text_free(&text);
    CHECK(!text.data && !text.size);
    smelt_text_add_bytes(&text, "", SIZE_MAX - 8); // more than there can be: refused, not read
    CHECK(text.failed);
    smelt_text_add(&text, "after");
    CHECK(text.failed && !text.size);
    smelt_text_free(&text);
    CHECK(smelt_copy_string(NULL) == NULL);
}

// The values of the FNV authors' own test program.
static void hash_is_fnv1a(void)
{
    CHECK(smelt_hash(SMELT_HASH_START, "", 0) == 0xcbf29ce484222325ull);
    CHECK(smelt_hash(SMELT_HASH_START, "a", 1) == 0xaf63dc4c8601ec8cull);
    CHECK(smelt_hash(SMELT_HASH_START, "foobar", 6) == 0x85944171f73967e8ull);
    CHECK(smelt_hash(smelt_hash(SMELT_HASH_START, "foo", 3), "bar", 3) == 0x85944171f73967e8ull);
}

// --- Files ----------------------------------------------------------------------------------------------

static char folder[] = "/tmp/smelt-common-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void files_are_written_whole_and_mapped(void)
{
    const char *path = in_folder("file");
    struct smelt_mapping mapping = {0};
    CHECK_OK(smelt_os_write_file(NULL, path, "first", 5));
    CHECK_OK(smelt_os_write_file(NULL, path, "second!", 7));
    CHECK(smelt_os_is_file(path));
    CHECK_OK(smelt_os_map_file(NULL, path, &mapping));
    CHECK(mapping.size == 7 && !memcmp(mapping.data, "second!", 7));
    CHECK_OK(smelt_os_write_file(NULL, path, "", 0)); // readers keep what they mapped
    CHECK(!memcmp(mapping.data, "second!", 7));
    smelt_os_unmap_file(&mapping);
    CHECK(!mapping.data && !mapping.size);
    CHECK_OK(smelt_os_map_file(NULL, path, &mapping));
    CHECK(mapping.size == 0);
    smelt_os_unmap_file(&mapping);
}

static void a_link_keeps_pointing_to_what_is_replaced(void)
{
    char link[256];
    snprintf(link, sizeof(link), "%s", in_folder("link"));
    CHECK_OK(smelt_os_write_file(NULL, in_folder("target"), "a", 1));
    CHECK(symlink("target", link) == 0);
    CHECK_OK(smelt_os_write_file(NULL, link, "bc", 2));
    struct stat status;
    CHECK(lstat(link, &status) == 0 && S_ISLNK(status.st_mode));
    CHECK(stat(in_folder("target"), &status) == 0 && status.st_size == 2);
    CHECK_OK(smelt_os_write_file(NULL, "/dev/null", "x", 1)); // a device is written in place
    CHECK(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));
}

static void files_that_cannot_be_read_or_written_are_named(void)
{
    struct smelt_mapping mapping;
    char inside[256];
    CHECK_FAILS(smelt_os_map_file(NULL, in_folder("absent"), &mapping), SMELT_ERROR_NOT_FOUND, "absent");
    CHECK_FAILS(smelt_os_map_file(NULL, folder, &mapping), SMELT_ERROR_IO,
                "a directory, wanted a regular file");
    CHECK_FAILS(smelt_os_map_file(NULL, "/dev/null", &mapping), SMELT_ERROR_IO, "special file");
    CHECK_OK(smelt_os_write_file(NULL, in_folder("plain"), "x", 1));
    snprintf(inside, sizeof(inside), "%s", in_folder("plain/inside"));
    CHECK_FAILS(smelt_os_write_file(NULL, inside, "x", 1), SMELT_ERROR_IO, "plain/inside");
    CHECK_FAILS(smelt_os_write_file(NULL, in_folder("no/such"), "x", 1), SMELT_ERROR_IO, "no/such");
    CHECK_FAILS(smelt_os_write_file(NULL, folder, "x", 1), SMELT_ERROR_IO, "is a directory");
    CHECK_FAILS(smelt_os_write_file(NULL, "/dev/full", "x", 1), SMELT_ERROR_IO, "/dev/full");
    CHECK_FAILS(smelt_os_make_directories(NULL, inside), SMELT_ERROR_IO, "plain/inside");
    CHECK(!smelt_os_is_file(folder) && !smelt_os_is_file(in_folder("absent")));
    CHECK_OK(smelt_os_make_directories(NULL, in_folder("a/b//c/")));
    CHECK_OK(smelt_os_make_directories(NULL, in_folder("a/b/c")));
    struct stat status;
    CHECK(stat(in_folder("a/b/c"), &status) == 0 && S_ISDIR(status.st_mode));
}

static void nothing_temporary_is_left(void)
{
    char command[300];
    snprintf(command, sizeof(command), "test -z \"$(find %s -name '*.tmp')\"", folder);
    CHECK(system(command) == 0);
}

static void the_cache_directory_follows_xdg(void)
{
    char *home = smelt_copy_string(getenv("HOME")), *cache = smelt_copy_string(getenv("XDG_CACHE_HOME"));
    setenv("XDG_CACHE_HOME", "/somewhere", 1);
    char *path = smelt_os_cache_directory();
    CHECK(path && !strcmp(path, "/somewhere/smelt"));
    free(path);
    setenv("HOME", "/home/me", 1);
    setenv("XDG_CACHE_HOME", "relative", 1); // to be ignored, says the specification
    path = smelt_os_cache_directory();
    CHECK(path && !strcmp(path, "/home/me/.cache/smelt"));
    free(path);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    CHECK(!smelt_os_cache_directory());
    if (home)
        setenv("HOME", home, 1);
    if (cache)
        setenv("XDG_CACHE_HOME", cache, 1);
    free(home);
    free(cache);
}

static void time_runs_forward(void)
{
    uint64_t before = smelt_os_time_ns();
    CHECK(before > 0 && smelt_os_time_ns() >= before);
}

static void libraries_that_are_absent_are_named(void)
{
    CHECK(!smelt_os_open_library("libsmelt-absent.so.1"));
    CHECK(strstr(smelt_last_error(), "libsmelt-absent.so.1"));
    smelt_os_close_library(NULL);
}

static const struct test tests[] = {
    {"the version is the header's", version_is_the_headers},
    {"every result has its name", every_result_has_its_name},
    {"failing keeps and logs one line", failing_keeps_and_logs_one_line},
    {"errors are held", errors_are_held},
    {"the last error belongs to its thread", the_last_error_belongs_to_its_thread},
    {"the log drops lines above its level", the_log_drops_lines_above_its_level},
    {"vulkan results are mapped and named", vulkan_results_are_mapped_and_named},
    {"text grows, and refuses what cannot be", text_grows},
    {"the hash is 64-bit FNV-1a", hash_is_fnv1a},
    {"files are written whole and mapped", files_are_written_whole_and_mapped},
    {"a link keeps pointing to what is replaced", a_link_keeps_pointing_to_what_is_replaced},
    {"files that cannot be read or written are named", files_that_cannot_be_read_or_written_are_named},
    {"nothing temporary is left behind", nothing_temporary_is_left},
    {"the cache directory follows XDG", the_cache_directory_follows_xdg},
    {"time runs forward", time_runs_forward},
    {"libraries that are absent are named", libraries_that_are_absent_are_named},
};

int main(int argc, char **argv)
{
    if (!mkdtemp(folder))
        return 1;
    int status = test_main(argc, argv, tests, SMELT_COUNT_OF(tests));
    char command[300];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 || status;
}
