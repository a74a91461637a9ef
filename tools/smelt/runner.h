// SPDX-License-Identifier: MIT
// A network on a device for the commands that run one: made from a file, fed and read in elements of the host, of the
// types that the model says.
#ifndef SMELT_TOOL_RUNNER_H
#define SMELT_TOOL_RUNNER_H

#include "network_ir.h"
#include "onnx.h"
#include "tool.h"

#include <smelt/network.h>

// A network file: a package, or an ONNX model where the build has the importer.
struct model {
    const char *path;
    smelt_package package; // NULL: ONNX
    struct smelt_ir *ir;   // not inferred; of a package only to look at
};
// Errors: UNSUPPORTED where this build has no importer; those of smelt_onnx_read.
enum smelt_result model_read_onnx(const char *path, struct smelt_ir **ir);
enum smelt_result model_open(const char *path, struct model *model);
void model_close(struct model *model);

// Where and how a network runs, as options of the command line for getopt_long.
struct runner_choice {
    const char *device;
    enum smelt_backend backend;
    enum smelt_dtype storage;
    bool tune;
    float slice, speed; // as in smelt_network_params
};
enum { RUNNER_DEVICE = 512, RUNNER_BACKEND, RUNNER_STORAGE, RUNNER_TUNE, RUNNER_SLICE, RUNNER_SPEED };
#define RUNNER_OPTIONS                                                                                       \
    {"device", required_argument, NULL, RUNNER_DEVICE}, {"tune", no_argument, NULL, RUNNER_TUNE},            \
        {"backend", required_argument, NULL, RUNNER_BACKEND},                                                \
        {"slice", required_argument, NULL, RUNNER_SLICE}, {"speed", required_argument, NULL, RUNNER_SPEED},  \
    {                                                                                                        \
        "dtype", required_argument, NULL, RUNNER_STORAGE                                                     \
    }
#define RUNNER_SLICE_HELP                                                                                    \
    "      --slice MS            a dispatch that would take longer is several (default: 50, on a CPU no "    \
    "limit), by\n"                                                                                           \
    "      --speed GFLOPS        that the slowest kernels reach (default: 1000 on a discrete GPU, else "     \
    "100)\n"
// Takes one of these options with its argument; any other is wrong usage. Returns a tool_status.
int runner_option(struct runner_choice *choice, int option, const char *argument);

struct runner {
    smelt_context context; // borrowed
    smelt_network network;
    const struct smelt_network_info *info;
    smelt_tensor *inputs, *outputs; // in the order of `info`
    smelt_heap heap;
    smelt_encoder encoder;
};
// Takes the model's graph. Inputs must have been given shapes, or contents where those decide shapes, by `params`.
enum smelt_result runner_create(smelt_context context, struct model *model,
                                const struct smelt_network_params *params, bool profile,
                                struct runner *runner);
void runner_destroy(struct runner *runner);
// Puts elements into an input, converted to what the device computes with. Errors: SHAPE, DTYPE; UNSUPPORTED: an integer
// that the device's 32 bits do not hold.
enum smelt_result runner_write(struct runner *runner, uint32_t input, const struct smelt_onnx_tensor *tensor);
// Runs once and waits. `time` (NULL: not wanted) receives ns, of the device where it tells them.
enum smelt_result runner_run(struct runner *runner, uint64_t *time);
// Elements of an output, of its type in the model; smelt_onnx_tensor_free.
enum smelt_result runner_read(struct runner *runner, uint32_t output, struct smelt_onnx_tensor *tensor);

#endif
