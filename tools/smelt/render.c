// SPDX-License-Identifier: MIT
// smelt render: the neural-material example as a command.
#include "tool.h"

#include "neural_material.h"

int tool_render(int argc, char **argv)
{
    return neural_material_main(argc, argv);
}
