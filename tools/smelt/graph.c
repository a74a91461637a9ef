// SPDX-License-Identifier: MIT
// smelt graph: shows a captured graph that a program has saved.
#include "tool.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: smelt graph FILE [--text | --dot] [--captured | --optimized]\n"
    "\n"
    "Shows a graph that smelt_graph_save wrote: its dispatches with what they read and\n"
    "write, and the barriers between them.\n"
    "\n"
    "  --text       a line for each dispatch and barrier (the default)\n"
    "  --dot        for Graphviz: smelt graph FILE --dot | dot -Tsvg\n"
    "  --captured   as it was captured (the default: as it is replayed)\n"
    "  --optimized  as it is replayed\n"
    "  --help\n";

struct request {
    enum smelt_graph_form form;
    bool optimized;
};

static int parse_option(void *command, int option)
{
    struct request *request = command;
    if (option == 't' || option == 'd')
        request->form = option == 'd' ? SMELT_GRAPH_DOT : SMELT_GRAPH_TEXT;
    else
        request->optimized = option == 'o';
    return TOOL_OK;
}

int tool_graph(int argc, char **argv)
{
    static const struct option options[] = {
        {"text", no_argument, NULL, 't'},     {"dot", no_argument, NULL, 'd'},
        {"captured", no_argument, NULL, 'c'}, {"optimized", no_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},     {0},
    };
    struct request request = {.form = SMELT_GRAPH_TEXT, .optimized = true};
    char *text = NULL;
    int status = tool_parse(argc, argv, "h", options, help, parse_option, &request);
    if (status)
        return status;
    if (argc - optind != 1)
        return tool_usage_error("graph: wanted one FILE, got %d; smelt graph --help", argc - optind);
    if (smelt_graph_describe_file(NULL, argv[optind], request.form, request.optimized, &text))
        return tool_fail_smelt();
    fputs(text, stdout);
    smelt_free_text(&text);
    return TOOL_OK;
}
