// SPDX-License-Identifier: MIT
// The `smelt` command: finds the subcommand and runs it.
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"devices", "list Vulkan devices, what they can do and which backend each op takes", tool_devices},
    {"compile", "compile a shader with smelt's modules to SPIR-V or to a bundle", tool_compile},
    {"info", "say what is in a package or bundle", tool_info},
    {"graph", "show a captured graph that a program has saved", tool_graph},
    {"pack", "turn an ONNX model into a network package", tool_pack},
    {"run", "run a network on the device, from files to files", tool_run},
    {"inspect", "a web page about a network and a run of it", tool_inspect},
    {"verify", "run ONNX test cases on the device and compare", tool_verify},
    {"material", "train a neural material, decode one to images, or import one", tool_material},
    {"bench", "measure this device: matrix products, networks and more", tool_bench},
    {"render", "render a mesh with a neural material to a PNG", tool_render},
    {"view", "look at neural materials in a window", tool_view},
};

static void print_usage(FILE *file)
{
    fprintf(file, "usage: smelt COMMAND [ARGUMENTS]\n\ncommands:\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(file, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(file,
            "\nsmelt COMMAND --help tells a command's options; smelt --version the version.\n"
            "Exit status: 0 it worked, 1 it failed (one line on standard error says why), 2 wrong usage.\n");
}

static bool progress_off, progress_shown;

void tool_progress(const char *format, ...)
{
    if (progress_off || !isatty(STDERR_FILENO))
        return;
    char line[72]; // fits a terminal, which could not take a wrapped line back
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    fprintf(stderr, "\r\033[K%s\r", line);
    progress_shown = true;
}

void tool_progress_end(void)
{
    if (progress_shown)
        fputs("\r\033[K", stderr);
    progress_shown = false;
}

void tool_progress_off(void)
{
    progress_off = true;
}

static int fail(enum tool_status status, const char *format, va_list arguments)
{
    tool_progress_end();
    fputs("smelt: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    return status;
}

int tool_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int status = fail(TOOL_FAILED, format, arguments);
    va_end(arguments);
    return status;
}

int tool_usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int status = fail(TOOL_USAGE, format, arguments);
    va_end(arguments);
    return status;
}

int tool_fail_smelt(void)
{
    return tool_fail("%s", smelt_last_error());
}

int tool_check_output(const char *path)
{
    char name[4096];
    struct stat there;
    if (snprintf(name, sizeof(name), "%s.XXXXXX", path) >= (int)sizeof(name))
        return tool_fail("cannot write %.80s...: the path is too long", path);
    if (!stat(path, &there) && S_ISDIR(there.st_mode))
        return tool_fail("cannot write %s: it is a directory", path);
    int file = mkstemp(name);
    if (file < 0)
        return tool_fail("cannot write %s: %s", path, strerror(errno));
    close(file);
    remove(name);
    return TOOL_OK;
}

// A file that is there, in a folder or below, and of a kind that commands take from folders.
static bool is_read_from(const char *file, const char *folder)
{
    static const char *const endings[] = {".npy", ".pb", ".png", ".jpg", ".jpeg", ".exr"};
    const char *ending = strrchr(file, '.');
    bool kind = false;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        kind |= ending && !strcmp(ending, endings[i]);
    if (!kind)
        return false;
    char *inner = realpath(file, NULL), *outer = realpath(folder, NULL);
    size_t length = outer ? strlen(outer) : 0;
    bool below = inner && outer && !strncmp(inner, outer, length) && inner[length] == '/';
    free(inner);
    free(outer);
    return below;
}

int tool_check_apart(const char *output, const char *other)
{
    struct stat a, b;
    if (!other)
        return TOOL_OK;
    if (!strcmp(output, other))
        return tool_usage_error("%s is used twice: the output would overwrite it", other);
    if (stat(output, &a) || stat(other, &b))
        return TOOL_OK;
    if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return tool_usage_error("%s is used twice: the output %s would overwrite it", other, output);
    return S_ISDIR(b.st_mode) && !S_ISDIR(a.st_mode) && is_read_from(output, other)
               ? tool_usage_error("the output %s would overwrite a file of the folder %s, which is read",
                                  output, other)
               : TOOL_OK;
}

int tool_check_named_apart(const char *output, const char *other)
{
    int status = TOOL_OK;
    for (const char *a = output; a && !status; a = (a = strchr(a, '=')) ? a + 1 : NULL)
        for (const char *b = other; b && !status; b = (b = strchr(b, '=')) ? b + 1 : NULL)
            status = tool_check_apart(a, b);
    return status;
}

int tool_parse(int argc, char **argv, const char *letters, const struct option *options, const char *help,
               int (*take)(void *command, int option), void *command)
{
    for (int option; (option = getopt_long(argc, argv, letters, options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help, stdout);
            return TOOL_HELPED;
        }
        int status = option == '?' ? TOOL_USAGE : take(command, option); // getopt_long said what is wrong
        if (status)
            return status;
    }
    return TOOL_OK;
}

bool tool_parse_size(const char *text, uint32_t *width, uint32_t *height)
{
    char *end;
    long w = strtol(text, &end, 10), h = w;
    if (end == text)
        return false;
    if (*end == 'x') {
        const char *rest = end + 1;
        h = strtol(rest, &end, 10);
        if (end == rest)
            return false;
    }
    if (*end || w < 1 || h < 1 || w > 16384 || h > 16384)
        return false;
    *width = (uint32_t)w;
    *height = (uint32_t)h;
    return true;
}

bool tool_parse_backend(const char *text, enum smelt_backend *backend)
{
    *backend = smelt_backend_from_name(text);
    if (*backend != SMELT_BACKEND_COUNT)
        return true;
    tool_usage_error("no backend '%s'; there are: auto portable dot8 coopvec coopmat coopmat2", text);
    return false;
}

bool tool_parse_float(const char *option, const char *text, enum smelt_dtype *dtype)
{
    *dtype = smelt_dtype_from_name(text);
    if (*dtype == SMELT_DTYPE_F32 || *dtype == SMELT_DTYPE_F16)
        return true;
    tool_usage_error("%s wants f32 or f16, got '%s'", option, text);
    return false;
}

static void log_line(void *user, enum smelt_log_level level, const char *line)
{
    (void)user;
    if (level == SMELT_LOG_WARNING) // errors come back as results and are told by tool_fail_smelt
        fprintf(stderr, "smelt: warning: %s\n", line);
}

enum smelt_result tool_context_with(struct smelt_context_params *params, smelt_context *context)
{
    params->log = log_line;
    return smelt_context_create(params, context);
}

enum smelt_result tool_context(const char *device, bool validation, smelt_context *context)
{
    struct smelt_context_params params = {.device_name = device, .validation = validation};
    return tool_context_with(&params, context);
}

void tool_print_json(cJSON *json)
{
    char *text = cJSON_Print(json);
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(json);
}

void tool_format_shape(const uint64_t *shape, uint32_t rank, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "[%llu]", (unsigned long long)shape[i]);
    if (!rank)
        snprintf(text, size, "scalar");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return TOOL_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_usage(stdout);
        return TOOL_OK;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("smelt %s\n", smelt_version());
        return TOOL_OK;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!strcmp(argv[1], commands[i].name)) {
            char name[32]; // which getopt's messages begin with
            snprintf(name, sizeof(name), "smelt %s", argv[1]);
            argv[1] = name;
            int status = commands[i].run(argc - 1, argv + 1);
            if (fflush(stdout) || ferror(stdout))
                return tool_fail("writing to standard output failed");
            return status == TOOL_HELPED ? TOOL_OK : status;
        }
    return tool_usage_error("no command '%s'; smelt --help lists them", argv[1]);
}
