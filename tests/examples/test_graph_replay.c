// SPDX-License-Identifier: MIT
// examples/graph-replay as a user runs it.
#define _XOPEN_SOURCE 700
#include "program.h"

static void it_replays_what_it_captured(void)
{
    CHECK(RUN(setting("GRAPH_REPLAY")) == 0);
    CHECK(strstr(program_output, "graph \"network\": 8 dispatches, 7 barriers"));
    CHECK(strstr(program_output, "\"up + bias + silu\" (3 nodes in one)"));
    CHECK(strstr(program_output, "8 dispatches and 7 barriers became 4 and 3; 4 nodes were fused"));
    double same, other;
    const char *first = strstr(program_output, "replay and calls differ by ");
    const char *second = strstr(program_output, "with another input it differs by ");
    CHECK(first && sscanf(first, "replay and calls differ by %lf", &same) == 1 && same < 1e-5);
    CHECK(second && sscanf(second, "with another input it differs by %lf", &other) == 1 && other > 1e-3);
}

static void it_takes_layers_and_saves_a_graph(void)
{
    const char *file = in_folder("graph.json");
    CHECK(RUN(setting("GRAPH_REPLAY"), "--layers", "3", "--save", file) == 0);
    CHECK(strstr(program_output, "22 dispatches and 21 barriers became 10 and 9; 12 nodes were fused"));
    char *text = NULL;
    CHECK_OK(smelt_graph_describe_file(NULL, file, SMELT_GRAPH_DOT, true, &text));
    CHECK(strstr(text, "digraph \"network\""));
    smelt_free_text(&text);
    CHECK(RUN(setting("GRAPH_REPLAY"), "--layers", "0") == 2 && strstr(program_output, "usage"));
}

static const struct test tests[] = {
    {"it replays what it captured", it_replays_what_it_captured},
    {"it takes layers and saves a graph", it_takes_layers_and_saves_a_graph},
};

TEST_MAIN(tests)
