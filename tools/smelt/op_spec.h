// SPDX-License-Identifier: MIT
// Ops written on the command line: NAME=mlp,widths=32-64-64-9,activations=relu-relu-none,computed=f16
#ifndef SMELT_TOOL_OP_SPEC_H
#define SMELT_TOOL_OP_SPEC_H

#include <smelt/smelt.h>
#include <stdio.h>

struct op_spec {
    char name[64];
    enum smelt_op_kind kind;
    union {
        struct smelt_matmul2d_descriptor matmul2d;
        struct smelt_mlp_descriptor mlp;
        struct smelt_convolution2d_descriptor convolution2d;
        struct smelt_reduction_descriptor reduction;
        struct smelt_softmax_descriptor softmax;
        struct smelt_layer_norm_descriptor layer_norm;
        struct smelt_rms_norm_descriptor rms_norm;
    };
};

// Parses one spec. On failure `message` says what was wrong; it is empty on success.
bool op_spec_parse(const char *text, struct op_spec *spec, char message[512]);

// The op that the spec describes; it points into the spec.
struct smelt_op op_spec_op(const struct op_spec *spec);
enum smelt_backend *op_spec_backend(struct op_spec *spec);

// The kinds with their fields, for a help text.
void op_spec_print_fields(FILE *file);

#endif
