// SPDX-License-Identifier: MIT
// smelt info on a network package.
#ifndef SMELT_TOOL_INFO_NETWORK_H
#define SMELT_TOOL_INFO_NETWORK_H

#include "tool.h"

// Prints what a network package holds: inputs, outputs, free extents, operators, weights; into `json` unless NULL.
int tool_print_network(smelt_package package, cJSON *json);

#endif
