// SPDX-License-Identifier: MIT
// smelt compile: GLSL with smelt's modules to SPIR-V, to a bundle of all backends, or to op modules as files.
#include "op_spec.h"
#include "output_file.h"
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: smelt compile SHADER -o OUT.spv [OPTIONS]\n"
    "       smelt compile SHADER -o OUT.safetensors --backends all|B,B... [OPTIONS]\n"
    "       smelt compile --emit-ops DIR --op SPEC... [OPTIONS]\n"
    "\n"
    "Compiles GLSL with smelt's modules on the include path.\n"
    "\n"
    "  -o FILE            the SPIR-V, or with --backends the bundle: one SPIR-V per backend and its "
    "reflection\n"
    "  -I DIR             search includes here too; may be repeated\n"
    "  -D NAME[=VALUE]    define a macro; may be repeated\n"
    "  --stage S          vertex fragment compute geometry; default: by the extension .vert .frag .comp "
    ".geom\n"
    "  --op SPEC          make an op to include as \"smelt/op/NAME.glsl\"; may be repeated. SPEC is\n"
    "                     NAME=KIND,FIELD=VALUE,FLAG,... with the kinds and fields below, as in\n"
    "                     net=mlp,widths=32-64-64-9,activations=relu-relu-none,computed=f16\n"
    "  --material FILE=NAME  make the module of a neural material, to include as \"NAME.glsl\"; may be "
    "repeated\n"
    "  --backend B        for ops that name none; default: portable\n"
    "  --backends LIST    write a bundle with these variants; all: every one that the ops and the compiler "
    "allow\n"
    "  --emit-ops DIR     write the op modules and material modules as DIR/smelt/op/NAME.glsl and "
    "DIR/NAME.glsl\n"
    "  --deps FILE        write a depfile for make or ninja\n"
    "  -O0, -Os           no optimisation, or for size; default: for speed\n"
    "  -g                 keep source lines for debuggers\n"
    "  --help\n"
    "\n"
    "Kinds of ops with their fields, which smelt/ops.h and smelt/reduce.h explain:\n";

enum { MAX_OPS = 16, MAX_LIST = 64 };

struct request {
    struct smelt_shader_params params;
    const char *output, *deps, *emit_ops, *backends;
    struct smelt_define defines[MAX_LIST];
    char define_text[MAX_LIST][128];
    const char *directories[MAX_LIST];
    struct op_spec specs[MAX_OPS];
    struct smelt_op ops[MAX_OPS];
    struct smelt_virtual_file files[MAX_OPS];
    char file_names[MAX_OPS][80];
    const char *materials[MAX_OPS];
    char *texts[MAX_OPS];
    uint32_t material_count;
};

static int add_define(struct request *r, const char *text)
{
    uint32_t i = r->params.define_count;
    if (i == MAX_LIST || strlen(text) >= sizeof(r->define_text[0]))
        return tool_usage_error("-D %.40s: too long, or more than %d of them", text, MAX_LIST);
    snprintf(r->define_text[i], sizeof(r->define_text[i]), "%s", text);
    char *value = strchr(r->define_text[i], '=');
    if (value)
        *value++ = 0;
    r->defines[i] = (struct smelt_define){r->define_text[i], value};
    r->params.define_count++;
    return TOOL_OK;
}

static int add_op(struct request *r, const char *text)
{
    uint32_t i = r->params.op_count;
    char message[512];
    if (i == MAX_OPS)
        return tool_usage_error("more than %d --op", MAX_OPS);
    if (!op_spec_parse(text, &r->specs[i], message))
        return tool_usage_error("%s", message);
    r->ops[i] = op_spec_op(&r->specs[i]);
    r->params.op_count++;
    return TOOL_OK;
}

static int set_stage(struct request *r, const char *name)
{
    static const struct {
        const char *name;
        VkShaderStageFlagBits stage;
    } stages[] = {{"vertex", VK_SHADER_STAGE_VERTEX_BIT},
                  {"fragment", VK_SHADER_STAGE_FRAGMENT_BIT},
                  {"compute", VK_SHADER_STAGE_COMPUTE_BIT},
                  {"geometry", VK_SHADER_STAGE_GEOMETRY_BIT}};
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
        if (!strcmp(name, stages[i].name)) {
            r->params.stage = stages[i].stage;
            return TOOL_OK;
        }
    return tool_usage_error("no stage '%s'; there are: vertex fragment compute geometry", name);
}

static int parse_option(void *command, int option)
{
    struct request *r = command;
    switch (option) {
    case 'o':
        r->output = optarg;
        return TOOL_OK;
    case 'I':
        if (r->params.include_directory_count == MAX_LIST)
            return tool_usage_error("more than %d -I", MAX_LIST);
        r->directories[r->params.include_directory_count++] = optarg;
        return TOOL_OK;
    case 'D':
        return add_define(r, optarg);
    case 's':
        return set_stage(r, optarg);
    case 'p':
        return add_op(r, optarg);
    case 'm':
        if (r->material_count == MAX_OPS)
            return tool_usage_error("more than %d --material", MAX_OPS);
        r->materials[r->material_count++] = optarg;
        return TOOL_OK;
    case 'b':
        return tool_parse_backend(optarg, &r->params.backend) ? TOOL_OK : TOOL_USAGE;
    case 'B':
        r->backends = optarg;
        return TOOL_OK;
    case 'e':
        r->emit_ops = optarg;
        return TOOL_OK;
    case 'd':
        r->deps = optarg;
        return TOOL_OK;
    case 'O':
        if (strcmp(optarg, "0") && strcmp(optarg, "s"))
            return tool_usage_error("no -O%s; there are: -O0 -Os", optarg);
        r->params.optimization = *optarg == '0' ? SMELT_OPTIMIZATION_NONE : SMELT_OPTIMIZATION_SIZE;
        return TOOL_OK;
    case 'g':
        r->params.debug_info = true;
        return TOOL_OK;
    default:
        return TOOL_USAGE;
    }
}

// The file of --material FILE=NAME; false: it has none.
static bool material_file(const struct request *r, uint32_t i, char path[4096])
{
    const char *equals = strrchr(r->materials[i], '=');
    size_t length = equals ? (size_t)(equals - r->materials[i]) : 0;
    if (!length || length >= 4096)
        return false;
    memcpy(path, r->materials[i], length);
    path[length] = 0;
    return true;
}

// Whether something that is written is nothing that is read.
static int check_output(const struct request *r, const char *output)
{
    char path[4096];
    int status = output ? tool_check_apart(output, r->params.path) : TOOL_OK;
    for (uint32_t i = 0; i < r->material_count && output && !status; i++)
        if (material_file(r, i, path))
            status = tool_check_apart(output, path);
    return status;
}

// Turns --material FILE=NAME into virtual files.
static int make_materials(struct request *r)
{
    for (uint32_t i = 0; i < r->material_count; i++) {
        char path[4096];
        const char *equals = strrchr(r->materials[i], '=');
        if (!material_file(r, i, path) || strlen(equals + 1) > 64 || !equals[1])
            return tool_usage_error("--material %.80s: wanted FILE=NAME", r->materials[i]);
        struct smelt_material_params params = {
            .path = path, .description_only = true, .backend = r->params.backend, .stage = r->params.stage};
        smelt_material material = NULL;
        enum smelt_result result = smelt_material_create(NULL, &params, &material);
        if (!result)
            result = smelt_material_glsl(material, equals + 1, &r->texts[i]);
        smelt_material_destroy(&material);
        if (result)
            return tool_fail_smelt();
        snprintf(r->file_names[i], sizeof(r->file_names[i]), "%s.glsl", equals + 1);
        r->files[i] = (struct smelt_virtual_file){r->file_names[i], r->texts[i]};
        r->params.file_count++;
    }
    return TOOL_OK;
}

static int write_file(const char *path, const void *data, size_t size)
{
    struct output_file file;
    return output_open(&file, path) && output_close(&file, fwrite(data, 1, size, file.stream) == size)
               ? TOOL_OK
               : tool_fail("cannot write %s: %s", path, strerror(errno));
}

static int emit_ops(const struct request *r)
{
    char path[4096];
    const char *const folders[] = {"", "/smelt", "/smelt/op"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", r->emit_ops, folders[i]);
        if (mkdir(path, 0777) && errno != EEXIST)
            return tool_fail("cannot make the folder %s: %s", path, strerror(errno));
    }
    VkShaderStageFlagBits stage = r->params.stage ? r->params.stage : VK_SHADER_STAGE_COMPUTE_BIT;
    for (uint32_t i = 0; i < r->params.op_count; i++) {
        char *text = NULL;
        struct op_spec spec = r->specs[i];
        enum smelt_backend *backend = op_spec_backend(&spec);
        if (*backend == SMELT_BACKEND_AUTO)
            *backend = r->params.backend;
        struct smelt_op op = op_spec_op(&spec);
        if (smelt_op_glsl(NULL, &op, stage, &text) != SMELT_OK)
            return tool_fail_smelt();
        snprintf(path, sizeof(path), "%s/smelt/op/%s.glsl", r->emit_ops, spec.name);
        int status = check_output(r, path);
        if (!status)
            status = write_file(path, text, strlen(text));
        smelt_free_text(&text);
        if (status)
            return status;
    }
    for (uint32_t i = 0; i < r->params.file_count; i++) {
        snprintf(path, sizeof(path), "%s/%s", r->emit_ops, r->files[i].name);
        int status = check_output(r, path);
        if (!status)
            status = write_file(path, r->files[i].text, strlen(r->files[i].text));
        if (status)
            return status;
    }
    return TOOL_OK;
}

// make's escapes in a depfile: spaces, '#' and '$'.
static void print_escaped(FILE *file, const char *path)
{
    for (; *path; path++) {
        if (*path == ' ' || *path == '#')
            fputc('\\', file);
        if (*path == '$')
            fputc('$', file);
        fputc(*path, file);
    }
}

static int write_deps(const struct request *r, const struct smelt_shader_info *info)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return tool_fail("out of memory");
    print_escaped(file, r->output);
    fputc(':', file);
    for (uint32_t i = 0; i < info->dependency_count; i++) {
        fputs(" \\\n ", file);
        print_escaped(file, info->dependencies[i]);
    }
    for (uint32_t i = 0; i < r->material_count; i++) {
        char path[4096];
        fputs(" \\\n ", file);
        if (material_file(r, i, path))
            print_escaped(file, path);
    }
    fputc('\n', file);
    bool whole = !ferror(file);
    whole = !fclose(file) && whole;
    int status = whole ? write_file(r->deps, text, size) : tool_fail("out of memory for %s", r->deps);
    free(text);
    return status;
}

static int parse_mask(const char *list, uint32_t *mask)
{
    *mask = 0;
    if (!strcmp(list, "all"))
        return TOOL_OK;
    char copy[128], *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", list);
    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        enum smelt_backend backend;
        if (!tool_parse_backend(word, &backend))
            return TOOL_USAGE;
        *mask |= 1u << backend;
    }
    return *mask ? TOOL_OK
                 : tool_usage_error("--backends %s: wanted names with commas, as portable,coopmat", list);
}

static int compile(struct request *r)
{
    uint32_t mask = 0, skipped = 0;
    int status = r->backends ? parse_mask(r->backends, &mask) : TOOL_OK;
    if (status)
        return status;
    // The single compile also serves a bundle's depfile.
    smelt_shader shader = NULL;
    if (!r->backends || r->deps)
        if (smelt_shader_create(NULL, &r->params, &shader) != SMELT_OK)
            return tool_fail_smelt();
    if (r->backends) {
        if (smelt_bundle_write(&r->params, mask, r->output, &skipped) != SMELT_OK)
            status = tool_fail_smelt();
        for (int b = 1; !status && b < SMELT_BACKEND_COUNT; b++)
            if (skipped >> b & 1)
                status = tool_fail("the backend %s was asked for but %s",
                                   smelt_backend_name((enum smelt_backend)b),
                                   "this compiler or these ops cannot do it");
    } else {
        const struct smelt_shader_info *info = smelt_shader_info(shader);
        status = write_file(r->output, info->spirv, info->spirv_size);
    }
    if (!status && r->deps)
        status = write_deps(r, smelt_shader_info(shader));
    smelt_shader_destroy(&shader);
    return status;
}

static int run(struct request *r)
{
    int status = make_materials(r);
    if (!status && r->emit_ops)
        status = emit_ops(r);
    if (!status && r->params.path)
        status = compile(r);
    for (uint32_t i = 0; i < r->material_count; i++)
        smelt_free_text(&r->texts[i]);
    return status;
}

int tool_compile(int argc, char **argv)
{
    static const struct option options[] = {{"stage", required_argument, NULL, 's'},
                                            {"op", required_argument, NULL, 'p'},
                                            {"material", required_argument, NULL, 'm'},
                                            {"backend", required_argument, NULL, 'b'},
                                            {"backends", required_argument, NULL, 'B'},
                                            {"emit-ops", required_argument, NULL, 'e'},
                                            {"deps", required_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static struct request request; // a few tens of KiB
    request.params.defines = request.defines;
    request.params.include_directories = request.directories;
    request.params.ops = request.ops;
    request.params.files = request.files;
    int status = tool_parse(argc, argv, "o:I:D:O:gh", options, help, parse_option, &request);
    if (status == TOOL_HELPED)
        op_spec_print_fields(stdout);
    if (status)
        return status;
    if (optind < argc)
        request.params.path = argv[optind++];
    if (optind < argc)
        return tool_usage_error("one shader at a time: '%s' is too many", argv[optind]);
    if (!request.params.path && !request.emit_ops)
        return tool_usage_error("compile what? smelt compile --help");
    if (request.params.path && !request.output)
        return tool_usage_error("no output: give -o FILE");
    status = check_output(&request, request.output);
    if (!status)
        status = check_output(&request, request.deps);
    if (!status && request.output)
        status = tool_check_apart(request.output, request.deps);
    return status ? status : run(&request);
}
