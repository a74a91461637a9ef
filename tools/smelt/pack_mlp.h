// SPDX-License-Identifier: MIT
// What smelt pack --mlp is asked for.
#ifndef SMELT_TOOL_PACK_MLP_H
#define SMELT_TOOL_PACK_MLP_H

#include <smelt/smelt.h>

struct mlp_request {
    const char *state, *describe, *output;
    enum smelt_dtype storage; // NONE: as the state has it
    bool quiet;
};
int pack_mlp(const struct mlp_request *request);

#endif
