// SPDX-License-Identifier: MIT
// The commands that look into networks, in a build whose library is shared and keeps its inside to itself: they say so.
#include "info_network.h"

#include <stdio.h>
#include <string.h>

static int none(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        printf("usage: %s ...\n\nThis build has no %s: it was configured with a shared library only "
               "(meson "
               "option default_library).\n",
               argv[0], argv[0]);
        return TOOL_OK;
    }
    return tool_fail("this build has no %s: it was configured with a shared library only (meson option "
                     "default_library)",
                     argv[0]);
}

int tool_inspect(int argc, char **argv)
{
    return none(argc, argv);
}

int tool_pack(int argc, char **argv)
{
    return none(argc, argv);
}

int tool_run(int argc, char **argv)
{
    return none(argc, argv);
}

int tool_verify(int argc, char **argv)
{
    return none(argc, argv);
}

int tool_print_network(smelt_package package, cJSON *json)
{
    (void)package;
    if (!json)
        printf("  (this build does not look into networks: default_library is shared)\n");
    return TOOL_OK;
}
