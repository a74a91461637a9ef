// SPDX-License-Identifier: MIT
// Ops written on the command line: NAME=mlp,widths=32-64-64-9,activations=relu-relu-none,computed=f16
#ifndef SMELT_TOOL_OP_SPEC_H
#define SMELT_TOOL_OP_SPEC_H

#include <smelt/smelt.h>

struct op_spec {
    char name[64];
    struct smelt_matmul2d_descriptor matmul2d;
    struct smelt_mlp_descriptor mlp;
    enum smelt_op_kind kind;
};

// Parses one spec. On failure `message` says what was wrong; it is empty on success.
bool op_spec_parse(const char *text, struct op_spec *spec, char message[256]);

// The op that the spec describes; it points into the spec.
struct smelt_op op_spec_op(const struct op_spec *spec);

#endif
