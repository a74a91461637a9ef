// SPDX-License-Identifier: MIT
// The commands that look into networks, in a build whose library is shared and keeps its inside to itself: they say so.
#include "network.h"

#include <stdio.h>

static int none(const char *command)
{
    return tool_fail("this build has no %s: it was configured with a shared library only (meson option "
                     "default_library)",
                     command);
}

int tool_inspect(int argc, char **argv)
{
    (void)argc;
    return none(argv[0]);
}

int tool_pack(int argc, char **argv)
{
    (void)argc;
    return none(argv[0]);
}

int tool_run(int argc, char **argv)
{
    (void)argc;
    return none(argv[0]);
}

int tool_verify(int argc, char **argv)
{
    (void)argc;
    return none(argv[0]);
}

int tool_print_network(smelt_package package, cJSON *json)
{
    (void)package;
    if (!json)
        printf("  (this build does not look into networks: default_library is shared)\n");
    return TOOL_OK;
}
