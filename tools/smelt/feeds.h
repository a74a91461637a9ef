// SPDX-License-Identifier: MIT
// The inputs of a network as options of the command line give them.
#ifndef SMELT_TOOL_FEEDS_H
#define SMELT_TOOL_FEEDS_H

#include "runner.h"
#include "tensor_file.h"

enum { FEEDS_MAX = 64 };

struct feed_request {
    const char *inputs[FEEDS_MAX], *shapes[FEEDS_MAX]; // "NAME=FILE", "NAME=1,3,H,W"
    uint32_t input_count, shape_count;
    bool random, channels_last;
    struct image_numbers numbers;
};
#define FEED_DEFAULTS                                                                                        \
    {                                                                                                        \
        .numbers = {.high = 1, .std = {1, 1, 1, 1} }                                                         \
    }

// The options that commands with inputs share, for getopt_long and for their help.
enum { FEED_INPUT = 256, FEED_SHAPE, FEED_RANDOM, FEED_LAYOUT, FEED_RANGE, FEED_MEAN, FEED_STD };
#define FEED_OPTIONS                                                                                         \
    {"input", required_argument, NULL, FEED_INPUT}, {"shape", required_argument, NULL, FEED_SHAPE},          \
        {"random", no_argument, NULL, FEED_RANDOM}, {"layout", required_argument, NULL, FEED_LAYOUT},        \
        {"range", required_argument, NULL, FEED_RANGE}, {"mean", required_argument, NULL, FEED_MEAN},        \
    {                                                                                                        \
        "std", required_argument, NULL, FEED_STD                                                             \
    }
#define FEED_HELP                                                                                            \
    "  -i, --input NAME=FILE     .npy, .pb (TensorProto) or .png; NAME= may be left out when there is one "  \
    "input\n"                                                                                                \
    "      --shape NAME=1,3,H,W  the shape of an input, where the file does not tell it\n"                   \
    "      --random              fill inputs without a file: floats with numbers in [0, 1), the others "     \
    "with 0\n"                                                                                               \
    "      --layout nchw|nhwc    where an image's channels are in the tensor; nchw by default\n"             \
    "      --range LOW,HIGH      what the bytes 0 and 255 of an image stand for; 0,1 by default\n"           \
    "      --mean M[,M,M,M]      then, for each channel, x = (x - mean) / std going in,\n"                   \
    "      --std S[,S,S,S]       and x = x std + mean coming out; clamped to the range\n"
// Takes one of these options with its argument. Returns a tool_status.
int feed_option(struct feed_request *request, int option, const char *argument);

// What they are for a network: all are read before anything runs.
struct feeds {
    struct smelt_onnx_tensor tensors[FEEDS_MAX];
    struct smelt_network_input inputs[FEEDS_MAX];
    char *names[FEEDS_MAX];
    bool filled[FEEDS_MAX]; // tensors[i] holds a file's contents
    bool shaped[FEEDS_MAX]; // inputs[i] says something
    uint32_t count;
};
enum smelt_result feeds_read(const struct feed_request *request, const struct smelt_ir *ir,
                             struct feeds *feeds);
void feeds_free(struct feeds *feeds);
// Those that say something, for smelt_network_params; returns how many.
uint32_t feeds_inputs(const struct feeds *feeds, struct smelt_network_input inputs[FEEDS_MAX]);
enum smelt_result feeds_write(const struct feeds *feeds, struct runner *runner);

// What follows "NAME=" in the argument; NULL when it does not begin so.
const char *after_name(const char *argument, const char *name);

#endif
