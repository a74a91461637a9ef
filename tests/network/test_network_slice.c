// SPDX-License-Identifier: MIT
// Dispatches of networks that would take longer than a slice: recorded as several, with the same bits.
#include "network_rig.h"

#include <math.h>
#include <string.h>

enum {
    BATCH = 2,
    CHANNELS = 8,
    SIDE = 12,
    COUNT = BATCH * CHANNELS * SIDE * SIDE,
    RESULTS = BATCH * CHANNELS * (SIDE - 2) * 20
};

static float random_float(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return (float)(*state >> 9) / (float)(1 << 22) - 1;
}

// A convolution, a pooling, a sum, a softmax, a transposition and a product.
static struct smelt_ir *make_ir(void)
{
    static const uint64_t x_shape[4] = {BATCH, CHANNELS, SIDE, SIDE}, w_shape[4] = {CHANNELS, CHANNELS, 3, 3},
                          m_shape[2] = {SIDE - 2, 20};
    static const int64_t perm[4] = {0, 2, 3, 1};
    float w[CHANNELS * CHANNELS * 9], m[(SIDE - 2) * 20];
    uint32_t state = 3;
    for (uint32_t i = 0; i < SMELT_COUNT_OF(w); i++)
        w[i] = random_float(&state);
    for (uint32_t i = 0; i < SMELT_COUNT_OF(m); i++)
        m[i] = random_float(&state);
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *x = rig_input(ir, "x", 4, x_shape), *y;
    y = rig_node(ir, "Conv", "convolved", x, rig_weight(ir, "w", 4, w_shape, w), NULL);
    y = rig_node(ir, "Add", "sum", y, rig_node(ir, "Sigmoid", "sigmoid", y, NULL, NULL), NULL);
    y = rig_node(ir, "Softmax", "softmax", y, NULL, NULL);
    y = rig_node(ir, "MatMul", "product", y, rig_weight(ir, "m", 2, m_shape, m), NULL);
    y = rig_node(ir, "Transpose", "y", y, NULL, NULL);
    const struct smelt_ir_attribute order = {.set = true, .integers = perm, .count = 4};
    CHECK_OK(smelt_ir_set_attribute(ir, y->producer, "perm", &order));
    CHECK_OK(smelt_ir_add_output(ir, y));
    return ir;
}

// Runs the network into `out`; its dispatches and commands are in `info`.
static void run(const struct smelt_network_params *params, float *out, struct smelt_network_info *info)
{
    static float x[COUNT];
    smelt_network network = NULL;
    uint32_t state = 5;
    for (uint32_t i = 0; i < COUNT; i++)
        x[i] = random_float(&state);
    memset(out, 0xff, RESULTS * sizeof(*out));
    CHECK_OK(smelt_network_create_from_ir(test_context(), make_ir(), params, &network));
    *info = *smelt_network_info(network);
    struct rig_run rig = rig_make(network);
    rig_write(&rig, 0, x);
    rig_dispatch(network, &rig);
    CHECK(smelt_tensor_element_count(rig.tensors[1]) == RESULTS);
    rig_read(&rig, 1, out);
    rig_free(&rig);
    smelt_network_destroy(&network);
}

static bool same_bits(const float *whole, const float *sliced)
{
    uint32_t first = RESULTS, differ = 0;
    for (uint32_t i = RESULTS; i-- > 0;)
        if (memcmp(&whole[i], &sliced[i], sizeof(float))) {
            first = i;
            differ++;
        }
    if (differ)
        printf("    %u of %u results differ, the first at %u: whole %.9g, sliced %.9g\n", differ, RESULTS,
               first, whole[first], sliced[first]);
    return !differ;
}

static void slices_change_no_bit(void)
{
    static float whole[RESULTS], sliced[RESULTS];
    struct smelt_network_info info;
    for (int fused = 0; fused < 2; fused++) {
        // A CPU has no limit, and no device takes 50 ms for this.
        run(&(struct smelt_network_params){.no_fusion = !fused}, whole, &info);
        uint32_t dispatches = info.dispatch_count, before = dispatches;
        CHECK(info.command_count == dispatches);
        static const float slices[] = {0.1F, 1e-6F}; // of 1e5 operations, of 1
        for (uint32_t i = 0; i < SMELT_COUNT_OF(slices); i++) {
            run(&(struct smelt_network_params){.no_fusion = !fused, .slice = slices[i], .speed = 1}, sliced,
                &info);
            CHECK(info.dispatch_count == dispatches);
            CHECK(info.command_count > before);
            before = info.command_count;
            CHECK(same_bits(whole, sliced));
        }
        // As fast as this, nothing takes long.
        run(&(struct smelt_network_params){.no_fusion = !fused, .slice = 1, .speed = 1e6F}, sliced, &info);
        CHECK(info.command_count == dispatches);
    }
}

static void refuses_what_is_no_time(void)
{
    static const float wrong[] = {-1, NAN};
    smelt_network network = NULL;
    for (uint32_t i = 0; i < 2 * SMELT_COUNT_OF(wrong); i++) {
        const struct smelt_network_params params = {.slice = i % 2 ? wrong[i / 2] : 0,
                                                    .speed = i % 2 ? 0 : wrong[i / 2]};
        CHECK(smelt_network_create_from_ir(test_context(), make_ir(), &params, &network) ==
              SMELT_ERROR_INVALID_ARGUMENT);
        CHECK(strstr(smelt_last_error(), "slice") && strstr(smelt_last_error(), "wanted 0 or more"));
    }
}

static const struct test tests[] = {
    {"slices change no bit", slices_change_no_bit},
    {"what is no time", refuses_what_is_no_time},
};

TEST_MAIN(tests)
