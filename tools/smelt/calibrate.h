// SPDX-License-Identifier: MIT
// Inputs of a folder that a network is run on, and what its values were in these runs.
#ifndef SMELT_TOOL_CALIBRATE_H
#define SMELT_TOOL_CALIBRATE_H

#include "feeds.h"

// The runs that a folder gives: each test_data_set_N with input_K.pb, K the model's input K; each other folder in it with
// NAME.npy, NAME.pb or NAME.png for every input; with one input, each such file by itself.
struct samples {
    struct feed_request numbers; // how images are numbers, and shapes
    char *(*paths)[FEEDS_MAX];   // for each run "NAME=FILE" of each input
    uint32_t count, input_count;
};
// `options` is what the command line says about images and shapes. Errors: NOT_FOUND (no folder, or no run in it; a run without
// a file for an input), UNSUPPORTED.
enum smelt_result samples_find(struct samples *samples, const char *folder, const struct smelt_ir *ir,
                               const struct feed_request *options);
void samples_free(struct samples *samples);

// A network of which some values are read after each run. Its fields may be set before the first one.
struct probe {
    smelt_context context;
    const struct smelt_ir *ir; // borrowed; not inferred, or as the inference left it
    const char *const *names;  // of values besides the network's outputs
    uint32_t name_count;
    struct runner runner; // of the last run
    struct feeds feeds;   // likewise: what it was made for
};
enum smelt_result probe_run(struct probe *probe, const struct samples *samples, uint32_t sample);
// The elements of a value, of its type in the model; smelt_onnx_tensor_free. Errors: NOT_FOUND.
enum smelt_result probe_read(struct probe *probe, const char *name, struct smelt_onnx_tensor *tensor);
void probe_free(struct probe *probe);

// What a value of type f32 was in all runs.
struct value_range {
    double least, most;  // of finite elements, and 0
    double largest;      // magnitude
    uint64_t elements;   // finite, and not 0
    uint64_t overflows;  // finite elements that f16 makes infinite
    uint64_t underflows; // ... that are not 0, and 0 in f16
    uint64_t others;     // NaN and infinities
};
// By the ids of `ir`, for everything that nodes compute and for the network's inputs; weights too. Runs it once for every
// GiB of its values.
enum smelt_result measure_ranges(smelt_context context, const struct smelt_ir *ir,
                                 const struct samples *samples, struct value_range **ranges);

#endif
