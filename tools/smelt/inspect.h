// SPDX-License-Identifier: MIT
// What smelt inspect finds out about a run of a network, and the page that tells it.
#ifndef SMELT_TOOL_INSPECT_H
#define SMELT_TOOL_INSPECT_H

#include "network_operators.h"
#include "tensor_math.h"
#include "tool.h"

struct inspection {
    const struct smelt_ir *ir; // as it was run: shapes known, simplified
    char facts[512];           // device, times, sizes
    const char *compare;       // what it was compared with; NULL: nothing
    // By the ids of values.
    struct smelt_onnx_tensor *tensors; // data NULL: not kept
    struct difference *differences;    // elements 0: not compared
    char (*indices)[128];              // of the first difference
    // By node.
    uint32_t *regions;         // nodes of one fused dispatch share one
    double *times;             // ns, by region
    uint32_t first_difference; // node; UINT32_MAX: none
};

// Writes the page, in one file. A tool_status, after its message.
int inspect_page(const struct inspection *inspection, const char *path);

#endif
