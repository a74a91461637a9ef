// SPDX-License-Identifier: MIT
// smelt graph: shows a captured graph that a program has saved.
#include "tool.h"

#include <getopt.h>
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

int tool_graph(int argc, char **argv)
{
    static const struct option options[] = {
        {"text", no_argument, NULL, 't'},     {"dot", no_argument, NULL, 'd'},
        {"captured", no_argument, NULL, 'c'}, {"optimized", no_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},     {0},
    };
    enum smelt_graph_form form = SMELT_GRAPH_TEXT;
    bool optimized = true;
    char *text = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(help, stdout);
            return TOOL_OK;
        }
        if (c == '?')
            return TOOL_USAGE;
        if (c == 't' || c == 'd')
            form = c == 'd' ? SMELT_GRAPH_DOT : SMELT_GRAPH_TEXT;
        else
            optimized = c == 'o';
    }
    if (argc - optind != 1)
        return tool_usage_error("graph: wanted one FILE, got %d; smelt graph --help", argc - optind);
    if (smelt_graph_describe_file(NULL, argv[optind], form, optimized, &text))
        return tool_fail_smelt();
    fputs(text, stdout);
    smelt_free_text(&text);
    return TOOL_OK;
}
