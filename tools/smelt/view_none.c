// SPDX-License-Identifier: MIT
// smelt view in a build without SDL: says so.
#include "tool.h"

int tool_view(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return tool_fail(
        "this build has no viewer: it was configured without SDL2 (libsdl2-dev; meson option viewer)");
}
