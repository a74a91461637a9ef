// SPDX-License-Identifier: MIT
// smelt bench: the benchmarks of bench/ on the user's device, as text, JSON or CSV.
#include "tool.h"
#include "scenarios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct scenario {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} scenarios[] = {
#if TOOL_HAVE_BENCH
#define ENTRY(name, summary) {#name, summary, bench_##name},
    BENCH_SCENARIOS(ENTRY)
#endif
        {NULL, NULL, NULL},
};

static void print_usage(FILE *file)
{
    fprintf(
        file,
        "usage: smelt bench [SCENARIO] [OPTIONS]\n\n"
        "Times smelt on a device and checks the numbers that it computes. Without SCENARIO: all of them in\n"
        "their quick form.\n\n");
    for (const struct scenario *s = scenarios; s->name; s++)
        fprintf(file, "  %-14s %s\n", s->name, s->summary);
    fprintf(file,
            "\n"
            "  --device D     the device, as in smelt devices (default: SMELT_DEVICE, else the best)\n"
            "  --only TEXT    rows whose description contains TEXT\n"
            "  --quick        small sizes and few repetitions; figures mean little\n"
            "  --json         one object for each scenario, with all figures\n"
            "  --csv          the same as a table; the first line names the columns\n"
            "  --help\n"
            "Other options are the scenario's own: smelt bench SCENARIO --help.\n"
            "Exit status: 0 all numbers were right; 1 some were wrong or nothing ran; 2 wrong usage.\n");
}

// Runs a scenario with what it prints in a file that is read back; to be freed. NULL: that was not possible.
static char *run_captured(const struct scenario *scenario, int argc, char **argv, int *status)
{
    FILE *file = tmpfile();
    int kept = file ? dup(STDOUT_FILENO) : -1;
    if (kept < 0) {
        if (file)
            fclose(file);
        return NULL;
    }
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    *status = scenario->run(argc, argv);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    long size = fseek(file, 0, SEEK_END) ? -1 : ftell(file);
    char *text = size < 0 ? NULL : calloc((size_t)size + 1, 1);
    rewind(file);
    if (text && fread(text, 1, (size_t)size, file) != (size_t)size) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

// A field of CSV: RFC 4180, section 2.
static void print_field(const char *text, bool last)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    fputs(last ? "\"\n" : "\",", stdout);
}

// The columns are the members that any row has.
static void print_csv(const cJSON *rows, const char *scenario)
{
    cJSON *columns = cJSON_CreateObject();
    const cJSON *row, *member;
    cJSON_ArrayForEach(row, rows)
        cJSON_ArrayForEach(member, row) if (!cJSON_HasObjectItem(columns, member->string))
            cJSON_AddNullToObject(columns, member->string);
    fputs("\"scenario\",", stdout);
    cJSON_ArrayForEach(member, columns) print_field(member->string, !member->next);
    cJSON_ArrayForEach(row, rows)
    {
        print_field(scenario, false);
        cJSON_ArrayForEach(member, columns)
        {
            const cJSON *value = cJSON_GetObjectItem(row, member->string);
            char *text = value ? cJSON_PrintUnformatted(value) : NULL;
            print_field(cJSON_IsString(value) ? value->valuestring : text ? text : "", !member->next);
            cJSON_free(text);
        }
    }
    cJSON_Delete(columns);
}

// The object that a scenario printed, into `all` or as CSV.
static int take_json(const struct scenario *scenario, const char *text, cJSON *all)
{
    cJSON *json = cJSON_Parse(text);
    if (!json)
        return tool_fail("bench %s printed no JSON", scenario->name);
    if (all) {
        cJSON_AddItemToObject(all, scenario->name, json);
        return TOOL_OK;
    }
    print_csv(cJSON_GetObjectItem(json, "rows"), scenario->name);
    cJSON_Delete(json);
    return TOOL_OK;
}

static int run_one(const struct scenario *scenario, int argc, char **argv, bool captured, cJSON *all)
{
    int status = TOOL_OK;
    if (!captured)
        return scenario->run(argc, argv);
    char *text = run_captured(scenario, argc, argv, &status);
    if (!text)
        return tool_fail("bench %s: no temporary file for what it prints", scenario->name);
    int taken = status == TOOL_USAGE ? TOOL_OK : take_json(scenario, text, all);
    free(text);
    return status ? status : taken;
}

static const struct scenario *find(const char *name)
{
    const struct scenario *s = scenarios;
    while (s->name && strcmp(s->name, name))
        s++;
    return s->name ? s : NULL;
}

int tool_bench(int argc, char **argv)
{
    enum { MOST = 32 };
    char *arguments[MOST + 3] = {"smelt bench"};
    int count = 1, first = 1, status = TOOL_OK;
    const struct scenario *only = NULL;
    bool json = false, csv = false;
    if (argc > 1 && argv[1][0] != '-') {
        only = find(argv[1]);
        first = 2;
    }
    for (int i = first; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            print_usage(stdout);
            if (!only)
                return TOOL_OK;
            char *help[] = {"smelt bench", "--help", NULL};
            printf("\n");
            return only->run(2, help);
        }
        csv = csv || !strcmp(argv[i], "--csv");
        json = json || !strcmp(argv[i], "--json");
        if (count > MOST)
            return tool_usage_error("bench: more than %d options", MOST);
        if (strcmp(argv[i], "--csv") != 0 && strcmp(argv[i], "--json") != 0)
            arguments[count++] = argv[i];
    }
    if (!scenarios[0].name)
        return tool_fail("bench compiles shaders, but this build has no GLSL compiler (-Dcompiler=enabled)");
    if (first == 2 && !only)
        return tool_usage_error("bench: no scenario '%s'; smelt bench --help lists them", argv[1]);
    if (json && csv)
        return tool_usage_error("bench: --json and --csv exclude each other");
    if (!only)
        arguments[count++] = "--quick";
    if (json || csv)
        arguments[count++] = "--json";
    cJSON *all = json ? cJSON_CreateObject() : NULL;
    for (const struct scenario *s = only ? only : scenarios; s->name && status != TOOL_USAGE; s++) {
        if (!only)
            fprintf(stderr, "smelt bench: %s\n", s->name);
        int result = run_one(s, count, arguments, json || csv, all);
        status = result > status ? result : status;
        if (only)
            break;
    }
    if (all)
        tool_print_json(all);
    return status;
}
