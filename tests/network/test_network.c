// SPDX-License-Identifier: MIT
// Networks as pipelines: shapes, bindings, heaps, replays, and what they refuse.
#include "network_rig.h"

static const float w0[4][6] = {
    {1, 2, 0, -1, 3, 1}, {0, 1, 1, 2, -2, 1}, {2, 0, 1, 1, 1, -3}, {1, -1, 0, 2, 0, 1}};
static const float w1[6][3] = {{1, 0, 2}, {0, 1, 1}, {2, 1, 0}, {-1, 1, 0}, {1, 1, 1}, {0, -2, 1}};
static const float row[3] = {1, 2, 3};

// y = (x w0) w1 + row
static struct smelt_ir *two_layers(void)
{
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *x = rig_input(ir, "x", 2, (const uint64_t[]){0, 4});
    struct smelt_ir_value *a = rig_weight(ir, "w0", 2, (const uint64_t[]){4, 6}, w0[0]);
    struct smelt_ir_value *b = rig_weight(ir, "w1", 2, (const uint64_t[]){6, 3}, w1[0]);
    struct smelt_ir_value *c = rig_weight(ir, "row", 1, (const uint64_t[]){3}, row);
    struct smelt_ir_value *h = rig_node(ir, "MatMul", "h", x, a, NULL);
    CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Gemm", "y", h, b, c)));
    return ir;
}

static void expect_layers(uint32_t rows, const float *x, const float *y)
{
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t o = 0; o < 3; o++) {
            double sum = row[o];
            for (uint32_t k = 0; k < 6; k++)
                for (uint32_t j = 0; j < 4; j++)
                    sum += x[4 * i + j] * w0[j][k] * w1[k][o];
            CHECK(rig_is_near(y[3 * i + o], sum));
        }
}

static smelt_network create(struct smelt_ir *ir, uint64_t rows)
{
    const struct smelt_network_input input = {.name = "x", .rank = 2, .shape = {rows, 4}};
    const struct smelt_network_params params = {.inputs = &input, .input_count = 1, .name = "layers"};
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), ir, &params, &network));
    return network;
}

static void run_layers(smelt_network network, uint32_t rows)
{
    float x[64], y[64];
    struct rig_run run = rig_make(network);
    for (uint32_t i = 0; i < 4 * rows; i++)
        x[i] = (float)(i % 7) - 3;
    rig_write(&run, 0, x);
    rig_dispatch(network, &run);
    rig_read(&run, 1, y);
    expect_layers(rows, x, y);
    rig_free(&run);
}

static void dispatches(void)
{
    smelt_network network = create(two_layers(), 5);
    const struct smelt_network_info *info = smelt_network_info(network);
    CHECK(info->input_count == 1 && info->output_count == 1 && info->node_count == 2);
    CHECK(!strcmp(info->name, "layers") && !strcmp(info->inputs[0].symbols[0], "N") &&
          !info->inputs[0].symbols[1]);
    CHECK(info->outputs[0].rank == 2 && info->outputs[0].shape[0] == 5 && info->outputs[0].shape[1] == 3);
    CHECK(info->intermediates_size >= 5 * 6 * 4 && info->intermediates_least <= info->intermediates_size);
    run_layers(network, 5);
    smelt_network_destroy(&network);
}

static void reshapes(void)
{
    smelt_network network = create(two_layers(), 2);
    struct smelt_network_input input = {.name = "x", .rank = 2, .shape = {9, 4}};
    uint64_t weights = smelt_network_info(network)->weights_size;
    run_layers(network, 2);
    CHECK_OK(smelt_network_reshape(network, &input, 1));
    CHECK(smelt_network_info(network)->outputs[0].shape[0] == 9);
    CHECK(smelt_network_info(network)->weights_size == weights);
    run_layers(network, 9);
    input.shape[1] = 3;
    CHECK_FAILS(smelt_network_reshape(network, &input, 1), SMELT_ERROR_SHAPE, "extent 1 is 4");
    run_layers(network, 9);
    smelt_network_destroy(&network);
}

static const struct test tests[] = {
    {"two layers give what they should", dispatches},
    {"other shapes, with the weights where they were", reshapes},
};

TEST_MAIN(tests)
