// SPDX-License-Identifier: MIT
// The benchmarks as functions: each is a program of its own (main.c) and a part of `smelt bench`. To add one: a file
// bench_NAME.c with bench_NAME, a line here, and one in meson.build.
//
// All understand --help, --device NAME, --quick, --only TEXT and --json: an object with "device", "driver" and "rows", a
// list of objects without others inside. They return 0, 1 (numbers were wrong, or nothing ran) or 2 (usage, which they
// print to standard error), and end the process when what must work does not.
#ifndef SMELT_BENCH_SCENARIOS_H
#define SMELT_BENCH_SCENARIOS_H

#define BENCH_SCENARIOS(X)                                                                                   \
    X(attention, "attention in one kernel, by head dimension, mask and backend")                             \
    X(conv, "convolutions of whole images by shape, sums and backend")                                       \
    X(deferred, "a frame of neural materials: inline, deferred, and the network alone")                      \
    X(graph, "a captured graph of 800 small kernels: recorded, replayed, reordered")                         \
    X(matmul, "products of whole matrices by shape, sums and backend")                                       \
    X(mlp, "networks evaluated per invocation, in compute and fragment shaders")                             \
    X(reduce, "sums, softmax and norms of 2 GiB, beside a copy")                                             \
    X(mlp_samples, "a network from memory to memory, at every scope, and samples of many materials")         \
    X(train, "steps of a material's training, by network and backend")

#define BENCH_DECLARE(name, summary) int bench_##name(int argc, char **argv);
BENCH_SCENARIOS(BENCH_DECLARE)

#endif
