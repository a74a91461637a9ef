// SPDX-License-Identifier: MIT
// `smelt material distill`: a network learns a GLSL function. What its parts share.
#ifndef SMELT_TOOL_DISTILL_H
#define SMELT_TOOL_DISTILL_H

#include "tool.h"

enum { TEACHER_MAX_INPUTS = 16, TEACHER_MAX_OUTPUTS = 64 };

// How a coordinate is encoded; the words are those of packages (docs/packages.md, "Networks for shaders").
enum teacher_encoding { ENCODING_IDENTITY, ENCODING_FREQUENCY, ENCODING_TRIANGLE_WAVE, ENCODING_ONE_BLOB };

struct teacher_input {
    char name[64];
    double minimum, maximum; // the network takes (x - minimum) / (maximum - minimum)
    enum teacher_encoding encoding;
    uint32_t count; // octaves or bins
};

// The function, from its file: GLSL with `void teacher(float x[INPUTS], out float y[OUTPUTS])`, and lines of comment
//     // smelt input NAME MINIMUM..MAXIMUM ENCODING [COUNT]
//     // smelt outputs COUNT [ACTIVATION [LOSS]]
struct teacher {
    const char *path;
    char *text;   // of the file
    char *domain; // GLSL: domain_place, domain_encode
    struct teacher_input inputs[TEACHER_MAX_INPUTS];
    uint32_t input_count, output_count, feature_count;
    enum smelt_activation activation; // of the network's outputs
    enum smelt_loss loss;
};

// Of all below: a tool_status, after its message.
// `overrides`: texts NAME=MINIMUM..MAXIMUM:ENCODING[:COUNT] that replace what the file says of an input.
int teacher_read(const char *path, const char *const *overrides, uint32_t override_count,
                 struct teacher *teacher);
void teacher_release(struct teacher *teacher);
const char *teacher_encoding_name(enum teacher_encoding encoding);

struct distill_network {
    uint32_t layer_count;
    uint32_t widths[SMELT_MLP_MAX_LAYERS + 1];
    enum smelt_activation activations[SMELT_MLP_MAX_LAYERS];
};

struct distill_training {
    uint32_t steps, batch, seed;
    float rate;
};

// Trains until the steps are taken or Ctrl-C stops it. `weights` and `biases`: a malloced array for each layer,
// [out][in] and [out], which the caller frees in any case.
int distill_train(smelt_context context, const struct teacher *teacher, const struct distill_network *network,
                  const struct distill_training *training, float *weights[SMELT_MLP_MAX_LAYERS],
                  float *biases[SMELT_MLP_MAX_LAYERS], uint32_t *steps);

// A compute shader of the tool, with the teacher's files. `file`: one more, or NULL.
enum smelt_result distill_shader(smelt_context context, const struct teacher *teacher, const char *name,
                                 const struct smelt_virtual_file *file, const struct smelt_op *op,
                                 smelt_shader *shader);

int material_distill(int argc, char **argv);

#endif
