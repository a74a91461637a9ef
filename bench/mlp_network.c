// SPDX-License-Identifier: MIT
// Weights, inputs and the double-precision reference of bench_mlp.
#include "mlp_network.h"
#include "bench.h"

#include <math.h>

static uint32_t next_random(uint32_t *state) // xorshift32 (Marsaglia 2003)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

static uint16_t random_f16(uint32_t *state, double limit)
{
    double unit = (double)next_random(state) / 4294967296.0;
    return smelt_f16_from_f32((float)(limit * (2 * unit - 1)));
}

void mlp_network_create(struct mlp_network *network, const char *name, uint32_t layer_count,
                        const uint32_t *widths, uint32_t seed)
{
    *network = (struct mlp_network){.name = name, .layer_count = layer_count};
    memcpy(network->widths, widths, (layer_count + 1) * sizeof(*widths));
    seed += 0x9e3779b9u;
    for (uint32_t i = 0; i < layer_count; i++) {
        uint32_t in = network->widths[i], out = network->widths[i + 1];
        network->matrices[i] = malloc(sizeof(uint16_t) * in * out);
        network->biases[i] = malloc(sizeof(uint16_t) * out);
        bench_require(network->matrices[i] && network->biases[i], "malloc");
        for (uint32_t j = 0; j < in * out; j++)
            network->matrices[i][j] = random_f16(&seed, sqrt(6.0 / in));
        for (uint32_t j = 0; j < out; j++)
            network->biases[i][j] = random_f16(&seed, 0.1);
    }
}

smelt_weights mlp_network_weights(const struct mlp_network *network, smelt_context context,
                                  enum smelt_backend backend)
{
    struct smelt_weights_layer layers[MLP_MOST_LAYERS];
    const void *matrices[MLP_MOST_LAYERS], *biases[MLP_MOST_LAYERS];
    for (uint32_t i = 0; i < network->layer_count; i++) {
        layers[i] = (struct smelt_weights_layer){
            .rows = network->widths[i + 1], .columns = network->widths[i], .bias = true};
        matrices[i] = network->matrices[i];
        biases[i] = network->biases[i];
    }
    struct smelt_weights_params params = {
        .layers = layers, .layer_count = network->layer_count, .dtype = SMELT_DTYPE_F16, .backend = backend};
    smelt_weights weights = NULL;
    BENCH_OK(smelt_weights_create(context, &params, &weights));
    BENCH_OK(smelt_weights_update_and_wait(
        weights, &(struct smelt_weights_data){.matrices = matrices, .biases = biases}));
    return weights;
}

void mlp_network_destroy(struct mlp_network *network)
{
    for (uint32_t i = 0; i < network->layer_count; i++) {
        free(network->matrices[i]);
        free(network->biases[i]);
    }
    *network = (struct mlp_network){0};
}

uint64_t mlp_network_multiplies(const struct mlp_network *network)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < network->layer_count; i++)
        sum += (uint64_t)network->widths[i] * network->widths[i + 1];
    return sum;
}

// Four bytes of a hash become four inputs: no texture, no memory, and few instructions beside the network's.
// A byte in the upper bits of a mantissa with exponent 0 is 1 + byte / 256.
const char *const mlp_input_glsl =
    "void bench_input(uint x, uint y, inout net_input v)\n"
    "{\n"
    "    uint h = x * 0x9e3779b1u + y * 0x85ebca77u;\n"
    "    [[unroll]] for (int i = 0; i < 32; i += 4) {\n"
    "        h = (h ^ (h >> 15)) * 0x2c1b3c6du;\n"
    "        smelt_set(v, i, uintBitsToFloat(0x3f800000u | (h >> 9 & 0x7f8000u)) - 1.5);\n"
    "        smelt_set(v, i + 1, uintBitsToFloat(0x3f800000u | (h >> 1 & 0x7f8000u)) - 1.5);\n"
    "        smelt_set(v, i + 2, uintBitsToFloat(0x3f800000u | (h << 7 & 0x7f8000u)) - 1.5);\n"
    "        smelt_set(v, i + 3, uintBitsToFloat(0x3f800000u | (h << 15 & 0x7f8000u)) - 1.5);\n"
    "    }\n"
    "}\n";

void mlp_input(uint32_t x, uint32_t y, double input[MLP_INPUTS])
{
    uint32_t h = x * 0x9e3779b1u + y * 0x85ebca77u;
    for (int i = 0; i < MLP_INPUTS; i += 4) {
        h = (h ^ (h >> 15)) * 0x2c1b3c6du;
        for (int byte = 0; byte < 4; byte++)
            input[i + byte] = (h >> (24 - 8 * byte) & 0xff) / 256.0 - 0.5;
    }
}

// One value with the two estimates of its error: the largest, and the variance.
struct value {
    double exact, error, variance;
};

// One layer. K sums are each rounded, with an error of at most error_u of a partial sum.
static void expect_layer(const struct mlp_network *network, uint32_t layer, double error_c, double error_u,
                         const struct value *from, struct value *to)
{
    uint32_t in = network->widths[layer], out = network->widths[layer + 1];
    for (uint32_t m = 0; m < out; m++) {
        double bias = smelt_f16_to_f32(network->biases[layer][m]);
        double sum = bias, magnitude = fabs(bias), carried = 0, squares = bias * bias, variance = 0;
        for (uint32_t k = 0; k < in; k++) {
            double w = smelt_f16_to_f32(network->matrices[layer][m * in + k]);
            double product = w * from[k].exact;
            sum += product;
            squares += product * product;
            magnitude += fabs(product) + fabs(w) * from[k].error;
            carried += fabs(w) * from[k].error;
            variance += w * w * from[k].variance;
        }
        // The last layer has no activation; ReLU does not enlarge an error.
        to[m] = (struct value){.exact = layer == network->layer_count - 1 ? sum : fmax(sum, 0),
                               .error = carried + error_c * error_u * magnitude,
                               .variance = variance + in * error_u * error_u * squares};
    }
}

static const struct value *expect(const struct mlp_network *network, uint32_t x, uint32_t y, double error_c,
                                  double error_u, struct value values[2][MLP_WIDEST])
{
    double input[MLP_INPUTS];
    mlp_input(x, y, input);
    for (int i = 0; i < MLP_INPUTS; i++)
        values[0][i] = (struct value){.exact = input[i]};
    for (uint32_t layer = 0; layer < network->layer_count; layer++)
        expect_layer(network, layer, error_c, error_u, values[layer % 2], values[1 - layer % 2]);
    return values[network->layer_count % 2];
}

void mlp_expected(const struct mlp_network *network, uint32_t x, uint32_t y, double error_c, double error_u,
                  double expected[4], double bound[4])
{
    struct value values[2][MLP_WIDEST];
    const struct value *outputs = expect(network, x, y, error_c, error_u, values);
    for (uint32_t c = 0; c < 4; c++) {
        double worst = 0, variance = 0, magnitude = 0;
        expected[c] = 0;
        for (uint32_t i = c; i < network->widths[network->layer_count]; i += 4) {
            expected[c] += outputs[i].exact;
            worst += outputs[i].error;
            variance += outputs[i].variance;
            magnitude += fabs(outputs[i].exact);
        }
        // f16: at most one rounding upwards or downwards of each sum and of the store.
        bound[c] = fmin(worst, 8 * sqrt(variance)) + magnitude * 0x1p-10 + 0x1p-14;
    }
}

void mlp_expected_outputs(const struct mlp_network *network, uint32_t x, uint32_t y, double error_c,
                          double error_u, double *expected, double *bound)
{
    struct value values[2][MLP_WIDEST];
    const struct value *outputs = expect(network, x, y, error_c, error_u, values);
    for (uint32_t i = 0; i < network->widths[network->layer_count]; i++) {
        expected[i] = outputs[i].exact;
        bound[i] = fmin(outputs[i].error, 8 * sqrt(outputs[i].variance)) + fabs(outputs[i].exact) * 0x1p-10 +
                   0x1p-14;
    }
}
