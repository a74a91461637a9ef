// SPDX-License-Identifier: MIT
// smelt devices: what each Vulkan device can do, which backend each op takes and why, and whether it is right.
#include "tool.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: smelt devices [--device D] [--selftest] [--json]\n"
    "\n"
    "Lists the Vulkan devices. For each usable one (or the one chosen): its driver, its features, and for "
    "networks,\n"
    "matrix products and convolutions the backend that is chosen and why others are not. Reductions, softmax "
    "and\n"
    "norms have one implementation.\n"
    "\n"
    "  --device D    an index, a type (discrete integrated virtual cpu gpu) or a part of a name\n"
    "  --selftest    run small ops on every backend: a network against double arithmetic, and where the "
    "elements of\n"
    "                cooperative tensors are; one row per backend.\n"
    "                A backend that gives wrong numbers is demoted: refused from then on in this process\n"
    "  --json        for machines\n"
    "  --help\n"
    "\n"
    "Exit status 1: no usable device, or a backend failed the self-test.\n";

// The ops that are asked about.
static const struct row {
    const char *op, *of, *scope, *stage;
    struct smelt_backend_query query;
} asked[] = {
    {"mlp", "f16", "thread", "fragment", {.op = SMELT_OP_MLP, .stage = VK_SHADER_STAGE_FRAGMENT_BIT}},
    {"mlp", "f16", "thread", "compute", {.op = SMELT_OP_MLP}},
    {"mlp", "f16", "workgroup", "compute", {.op = SMELT_OP_MLP, .scope = SMELT_SCOPE_WORKGROUP}},
    {"matmul2d", "f16", "workgroup", "compute", {.op = SMELT_OP_MATMUL2D, .scope = SMELT_SCOPE_WORKGROUP}},
    {"matmul2d",
     "i8",
     "workgroup",
     "compute",
     {.op = SMELT_OP_MATMUL2D,
      .scope = SMELT_SCOPE_WORKGROUP,
      .stored = SMELT_DTYPE_I8,
      .computed = SMELT_DTYPE_I8,
      .accumulated = SMELT_DTYPE_I32}},
    {"convolution2d",
     "f16",
     "workgroup",
     "compute",
     {.op = SMELT_OP_CONVOLUTION2D, .scope = SMELT_SCOPE_WORKGROUP}},
};
enum { ASKED = sizeof(asked) / sizeof(asked[0]) };

// Returns whether there is a backend: one that SMELT_BACKEND asks for may not be eligible.
static bool choose(smelt_context context, const struct row *row, struct smelt_backend_choice *choice)
{
    memset(choice, 0, sizeof(*choice));
    return smelt_backend_choose(context, &row->query, choice) == SMELT_OK;
}

struct flag {
    const char *name;
    bool value;
};

// The features that decide about backends, in the order they are listed.
static size_t feature_flags(const struct smelt_capabilities *c, struct flag flags[24])
{
    const struct flag all[] = {
        {"float16", c->shader_float16},
        {"int8", c->shader_int8},
        {"int64", c->shader_int64},
        {"integer dot product", c->integer_dot_product},
        {"bfloat16", c->bfloat16},
        {"float8", c->float8},
        {"non-uniform texture arrays", c->sampled_image_nonuniform},
        {"cooperative vector", c->cooperative_vector},
        {"cooperative vector training", c->cooperative_vector_training},
        {"cooperative matrix", c->cooperative_matrix},
        {"cooperative matrix 2: workgroup scope", c->cooperative_matrix2_workgroup_scope},
        {"cooperative matrix 2: flexible dimensions", c->cooperative_matrix2_flexible_dimensions},
        {"cooperative matrix 2: reductions", c->cooperative_matrix2_reductions},
        {"cooperative matrix 2: conversions", c->cooperative_matrix2_conversions},
        {"cooperative matrix 2: per element", c->cooperative_matrix2_per_element},
        {"cooperative matrix 2: tensor addressing", c->cooperative_matrix2_tensor_addressing},
        {"cooperative matrix 2: block loads", c->cooperative_matrix2_block_loads},
        {"pipeline statistics", c->pipeline_statistics},
    };
    memcpy(flags, all, sizeof(all));
    return sizeof(all) / sizeof(all[0]);
}

static void print_device(smelt_context context)
{
    const struct smelt_capabilities *c = smelt_context_capabilities(context);
    printf("  driver      %s %s (Vulkan %u.%u.%u)\n", c->driver_name, c->driver_info,
           VK_API_VERSION_MAJOR(c->api_version), VK_API_VERSION_MINOR(c->api_version),
           VK_API_VERSION_PATCH(c->api_version));
    printf("  limits      subgroup %u (%u to %u), push constants %u bytes, shared memory %u bytes, workgroup "
           "%u\n",
           c->subgroup_size, c->min_subgroup_size, c->max_subgroup_size, c->max_push_constants_size,
           c->max_shared_memory_size, c->max_workgroup_invocations);
    struct flag flags[24];
    size_t count = feature_flags(c, flags);
    for (int has = 1; has >= 0; has--) {
        int column = printf("  %s", has ? "has         " : "has not     ");
        const char *separator = "";
        for (size_t i = 0; i < count; i++) {
            if (flags[i].value != (has != 0))
                continue;
            if (column + strlen(flags[i].name) > 98) {
                separator = ",\n              ";
                column = 0;
            }
            column += printf("%s%s", separator, flags[i].name);
            separator = ", ";
        }
        printf("\n");
    }
    if (c->known_bad)
        printf("  known bad   %s\n", c->known_bad);
    for (const struct row *row = asked; row < asked + ASKED; row++) {
        struct smelt_backend_choice choice;
        bool any = choose(context, row, &choice);
        printf("  %s of %s, %s scope, %s shader: ", row->op, row->of, row->scope, row->stage);
        if (any)
            printf("%s, computed in %s, accumulated in %s\n", smelt_backend_name(choice.backend),
                   smelt_dtype_name(choice.computed), smelt_dtype_name(choice.accumulated));
        else
            printf("none, %s\n", smelt_last_error());
        for (int b = SMELT_BACKEND_PORTABLE; b < SMELT_BACKEND_COUNT; b++)
            if (!choice.eligible[b])
                printf("    not %-9s %s\n", smelt_backend_name((enum smelt_backend)b), choice.reason[b]);
    }
}

static cJSON *json_device(smelt_context context)
{
    const struct smelt_capabilities *c = smelt_context_capabilities(context);
    cJSON *json = cJSON_CreateObject(), *features = cJSON_AddObjectToObject(json, "features");
    cJSON_AddStringToObject(json, "driver", c->driver_name);
    cJSON_AddStringToObject(json, "driver_info", c->driver_info);
    cJSON_AddNumberToObject(json, "subgroup_size", c->subgroup_size);
    cJSON_AddNumberToObject(json, "max_push_constants_size", c->max_push_constants_size);
    cJSON_AddNumberToObject(json, "max_shared_memory_size", c->max_shared_memory_size);
    struct flag flags[24];
    size_t count = feature_flags(c, flags);
    for (size_t i = 0; i < count; i++)
        cJSON_AddBoolToObject(features, flags[i].name, flags[i].value);
    cJSON *ops = cJSON_AddArrayToObject(json, "ops");
    for (const struct row *row = asked; row < asked + ASKED; row++) {
        struct smelt_backend_choice choice;
        bool any = choose(context, row, &choice);
        cJSON *op = cJSON_CreateObject();
        cJSON_AddItemToArray(ops, op);
        cJSON_AddStringToObject(op, "op", row->op);
        cJSON_AddStringToObject(op, "of", row->of);
        cJSON_AddStringToObject(op, "scope", row->scope);
        cJSON_AddStringToObject(op, "stage", row->stage);
        cJSON_AddStringToObject(op, "backend", any ? smelt_backend_name(choice.backend) : "none");
        cJSON_AddStringToObject(op, "computed", smelt_dtype_name(choice.computed));
        cJSON *refused = cJSON_AddObjectToObject(op, "refused");
        for (int b = SMELT_BACKEND_PORTABLE; b < SMELT_BACKEND_COUNT; b++)
            if (!choice.eligible[b])
                cJSON_AddStringToObject(refused, smelt_backend_name((enum smelt_backend)b), choice.reason[b]);
    }
    return json;
}

// One row per backend. Returns whether all that ran were right.
static bool selftest(smelt_context context, cJSON *json)
{
    bool good = true;
    cJSON *rows = json ? cJSON_AddArrayToObject(json, "selftest") : NULL;
    for (int b = SMELT_BACKEND_PORTABLE; b < SMELT_BACKEND_COUNT; b++) {
        enum smelt_backend backend = (enum smelt_backend)b;
        struct smelt_selftest_report report = {0};
        const char *outcome = "failed";
        if (smelt_selftest_and_wait(context, backend, &report))
            snprintf(report.detail, sizeof(report.detail), "%s", smelt_last_error());
        else
            outcome = !report.ran ? "not available" : report.right ? "right" : "wrong";
        good = good && (!report.ran || report.right);
        if (rows) {
            cJSON *row = cJSON_CreateObject();
            cJSON_AddItemToArray(rows, row);
            cJSON_AddStringToObject(row, "backend", smelt_backend_name(backend));
            cJSON_AddStringToObject(row, "outcome", outcome);
            cJSON_AddStringToObject(row, "detail", report.detail);
        } else {
            printf("  selftest %-9s %-13s %s\n", smelt_backend_name(backend), outcome, report.detail);
        }
    }
    return good;
}

// Reports device `index` (or the named one). Returns whether its self-test passed, if asked for and possible.
static bool report(const struct smelt_device_summary *device, const char *name, bool test, cJSON *list,
                   bool *untested)
{
    bool good = true;
    smelt_context context = NULL;
    cJSON *json = NULL;
    if (!list)
        printf("%s  (%s)\n", device->name, smelt_device_type_name(device->type));
    if (!device->usable) {
        if (!list)
            printf("  not usable: lacks %s\n", device->missing);
        json = list ? cJSON_CreateObject() : NULL;
        if (json)
            cJSON_AddStringToObject(json, "missing", device->missing);
    } else if (tool_context(name, false, &context) != SMELT_OK) {
        tool_fail_smelt();
        return false;
    } else {
        if (list)
            json = json_device(context);
        else
            print_device(context);
        if (test && smelt_context_capabilities(context)->compiler)
            good = selftest(context, json);
        else if (test)
            *untested = true;
    }
    if (json) {
        cJSON_AddStringToObject(json, "name", device->name);
        cJSON_AddStringToObject(json, "type", smelt_device_type_name(device->type));
        cJSON_AddBoolToObject(json, "usable", device->usable);
        cJSON_AddItemToArray(list, json);
    }
    smelt_context_destroy(&context);
    return good;
}

// The one that the library takes for `name`.
static bool report_named(const struct smelt_device_summary *devices, uint32_t count, const char *name,
                         bool test, cJSON *list, bool *untested)
{
    smelt_context context = NULL;
    if (tool_context(name, false, &context) != SMELT_OK) {
        tool_fail_smelt();
        return false;
    }
    const char *chosen = smelt_context_capabilities(context)->device_name;
    uint32_t i = 0;
    while (i < count && strcmp(devices[i].name, chosen) != 0)
        i++;
    bool good = i < count ? report(&devices[i], name, test, list, untested)
                          : !tool_fail("device '%s' is none of those listed", chosen);
    smelt_context_destroy(&context);
    return good;
}

static bool report_all(const struct smelt_device_summary *devices, uint32_t count, bool test, cJSON *list,
                       bool *untested)
{
    bool good = true, any = false;
    for (uint32_t i = 0; i < count; i++) {
        char index[16];
        snprintf(index, sizeof(index), "%u", i);
        good = report(&devices[i], index, test, list, untested) && good;
        any = any || devices[i].usable;
    }
    return any ? good : !tool_fail("no usable Vulkan device");
}

struct request {
    const char *device;
    bool test, as_json;
};

static int parse_option(void *command, int option)
{
    struct request *request = command;
    if (option == 'd')
        request->device = optarg;
    request->test |= option == 't';
    request->as_json |= option == 'j';
    return TOOL_OK;
}

int tool_devices(int argc, char **argv)
{
    static const struct option options[] = {{"device", required_argument, NULL, 'd'},
                                            {"selftest", no_argument, NULL, 't'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct request request = {0};
    bool untested = false;
    int status = tool_parse(argc, argv, "h", options, help, parse_option, &request);
    if (status)
        return status;
    if (optind < argc)
        return tool_usage_error("devices takes no argument '%s'", argv[optind]);

    struct smelt_device_summary devices[16];
    uint32_t count = 16;
    if (smelt_device_list(&count, devices) != SMELT_OK)
        return tool_fail_smelt();
    if (count > 16)
        count = 16;
    cJSON *list = request.as_json ? cJSON_CreateArray() : NULL;
    bool good = request.device ? report_named(devices, count, request.device, request.test, list, &untested)
                               : report_all(devices, count, request.test, list, &untested);
    if (list)
        tool_print_json(list);
    if (untested)
        return tool_fail("devices --selftest compiles a shader, but this build has no GLSL compiler "
                         "(-Dcompiler=disabled)");
    return good ? TOOL_OK : TOOL_FAILED;
}
