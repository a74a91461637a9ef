// SPDX-License-Identifier: MIT
// The networks that bench_mlp evaluates: their weights, their inputs at a pixel, and the result in double precision
// with the error that the modules allow.
#ifndef SMELT_BENCH_MLP_NETWORK_H
#define SMELT_BENCH_MLP_NETWORK_H

#include <smelt/smelt.h>

enum { MLP_MOST_LAYERS = 4, MLP_INPUTS = 32, MLP_WIDEST = 256, MLP_OUTPUTS = 9 };

struct mlp_network {
    const char *name; // "32-64-64-9"
    uint32_t layer_count;
    uint32_t widths[MLP_MOST_LAYERS + 1]; // the first is MLP_INPUTS, none is above MLP_WIDEST
    uint16_t *matrices[MLP_MOST_LAYERS];  // f16 [out][in]
    uint16_t *biases[MLP_MOST_LAYERS];    // f16 [out]
};

// Weights are uniform in +-sqrt(6 / inputs) (He et al. 2015).
void mlp_network_create(struct mlp_network *network, const char *name, uint32_t layer_count,
                        const uint32_t *widths, uint32_t seed);
// On the device, as `backend` reads them.
smelt_weights mlp_network_weights(const struct mlp_network *network, smelt_context context,
                                  enum smelt_backend backend);
void mlp_network_destroy(struct mlp_network *network);
uint64_t mlp_network_multiplies(const struct mlp_network *network); // of one evaluation

// GLSL: void bench_input(uint x, uint y, inout net_input v), for the network type `net`; the same numbers as
// mlp_input, multiples of 1/256 below 1/2, exact in f16.
extern const char *const mlp_input_glsl;
void mlp_input(uint32_t x, uint32_t y, double input[MLP_INPUTS]);

// The four numbers that the shaders store for a pixel, sums over the outputs, and for each the largest error that is
// believed. The modules allow |y - exact| <= error_c error_u (sum |a||b| + |bias|) per layer; carried through the
// layers that worst case is so far from what happens that wrong weights would pass. So the bound is the smaller of
// the worst case and 8 standard deviations of independent roundings, plus the rounding of sums and stores to f16.
void mlp_expected(const struct mlp_network *network, uint32_t x, uint32_t y, double error_c, double error_u,
                  double expected[4], double bound[4]);
// The same of each output.
void mlp_expected_outputs(const struct mlp_network *network, uint32_t x, uint32_t y, double error_c,
                          double error_u, double *expected, double *bound);

#endif
