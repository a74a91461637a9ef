// SPDX-License-Identifier: MIT
// smelt view in a build without SDL: says so.
#include "tool.h"

#include <stdio.h>
#include <string.h>

static const char without[] =
    "this build has no viewer: it was configured without SDL2 (libsdl2-dev; meson option viewer)";

int tool_view(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--help")) {
            printf("usage: smelt view FILE... [OPTIONS]\n\n%s\n", without);
            return TOOL_OK;
        }
    return tool_fail("%s", without);
}
