// SPDX-License-Identifier: MIT
// smelt info on a network package in a build whose library is shared and keeps its inside to itself.
#include "network.h"

#include <stdio.h>

int tool_print_network(smelt_package package, cJSON *json)
{
    (void)package;
    if (!json)
        printf("  (this build does not look into networks: default_library is shared)\n");
    return TOOL_OK;
}
