// SPDX-License-Identifier: MIT
// Networks as pipelines: shapes, bindings, heaps, replays, and what they refuse.
#include "network_rig.h"

#include <math.h>

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
    CHECK(info->dispatch_count == 2 && info->async_suits && info->backend != SMELT_BACKEND_AUTO);
    CHECK(info->intermediates_size >= 5 * 6 * 4 && info->intermediates_least <= info->intermediates_size);
    run_layers(network, 5);
    char *text = NULL;
    CHECK_OK(smelt_network_describe(network, SMELT_GRAPH_TEXT, &text));
    CHECK(strstr(text, "MatMul") && strstr(text, "Gemm"));
    smelt_free_text(&text);
    CHECK_FAILS(smelt_network_describe(NULL, SMELT_GRAPH_TEXT, &text), SMELT_ERROR_INVALID_ARGUMENT,
                "network is NULL");
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

// y = x + (N, 2): a constant that follows the shape.
static void reshapes_contents(void)
{
    struct smelt_ir *ir = rig_ir();
    const struct smelt_ir_attribute to = {.set = true, .integer = SMELT_ELEMENT_F32};
    struct smelt_ir_value *x = rig_input(ir, "x", 2, (const uint64_t[]){0, 2}),
                          *shape = rig_node(ir, "Shape", "shape", x, NULL, NULL),
                          *numbers = rig_node(ir, "Cast", "numbers", shape, NULL, NULL);
    CHECK_OK(smelt_ir_set_attribute(ir, numbers->producer, "to", &to));
    CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Add", "y", x, numbers, NULL)));
    smelt_network network = NULL;
    for (uint64_t n = 1; n < 4; n++) {
        const struct smelt_network_input input = {.name = "x", .rank = 2, .shape = {n, 2}};
        const struct smelt_network_params params = {.inputs = &input, .input_count = 1};
        const float zeros[6] = {0};
        float y[6];
        CHECK_OK(network ? smelt_network_reshape(network, &input, 1)
                         : smelt_network_create_from_ir(test_context(), ir, &params, &network));
        struct rig_run run = rig_make(network);
        rig_write(&run, 0, zeros);
        rig_dispatch(network, &run);
        rig_read(&run, 1, y);
        for (uint64_t i = 0; i < 2 * n; i++)
            CHECK(y[i] == (i % 2 ? 2 : (float)n));
        rig_free(&run);
    }
    smelt_network_destroy(&network);
}

// --- Orders of dimensions ---------------------------------------------------------------------------------------

// Element i of `shape` in rows, transposed to dimensions `order`: the element of the tensor that it comes from.
static uint64_t transposed(uint64_t i, uint32_t rank, const uint64_t *shape, const int64_t *order)
{
    uint64_t place[SMELT_TENSOR_MAX_RANK], from = 0;
    for (uint32_t d = rank; d-- > 0;) {
        uint64_t extent = shape[order[d]];
        place[order[d]] = i % extent;
        i /= extent;
    }
    for (uint32_t d = 0; d < rank; d++)
        from = from * shape[d] + place[d];
    return from;
}

static struct smelt_ir_value *transpose(struct smelt_ir *ir, struct smelt_ir_value *x, const int64_t *order)
{
    const struct smelt_ir_attribute perm = {.set = true, .integers = order, .count = x->rank};
    struct smelt_ir_value *t = rig_node(ir, "Transpose", "t", x, NULL, NULL);
    CHECK_OK(smelt_ir_set_attribute(ir, t->producer, "perm", &perm));
    return t;
}

// Layers over several dimensions that do not lie in rows, with a scale that does.
static void normalizes_transposed(void)
{
    static const struct {
        uint32_t rank, axis;
        uint64_t shape[6];
        int64_t order[6];
    } cases[] = {{3, 1, {3, 2, 4}, {2, 1, 0}},
                 {5, 3, {2, 2, 2, 2, 2}, {2, 1, 3, 4, 0}},
                 {6, 1, {3, 2, 3, 3, 2, 3}, {2, 4, 3, 5, 1, 0}}};
    for (uint32_t c = 0; c < SMELT_COUNT_OF(cases); c++) {
        uint32_t rank = cases[c].rank, axis = cases[c].axis;
        uint64_t extents[6], count = 1, each = 1;
        float x[324], y[324], scale[324], bias[324];
        for (uint32_t d = 0; d < rank; d++) {
            extents[d] = cases[c].shape[cases[c].order[d]];
            count *= extents[d];
            each *= d < axis ? 1 : extents[d];
        }
        for (uint32_t i = 0; i < count; i++) {
            x[i] = (float)(i * 37 % 101) / 16;
            scale[i] = (float)(i * 13 % 29) / 8;
            bias[i] = (float)(i * 7 % 31) / 4;
        }
        struct smelt_ir *ir = rig_ir();
        struct smelt_ir_value *t = transpose(ir, rig_input(ir, "x", rank, cases[c].shape), cases[c].order);
        struct smelt_ir_value *w = rig_weight(ir, "scale", rank - axis, extents + axis, scale),
                              *b = rig_weight(ir, "bias", rank - axis, extents + axis, bias),
                              *out = rig_node(ir, "LayerNormalization", "y", t, w, b);
        const struct smelt_ir_attribute from = {.set = true, .integer = axis};
        CHECK_OK(smelt_ir_set_attribute(ir, out->producer, "axis", &from));
        CHECK_OK(smelt_ir_add_output(ir, out));
        rig_once(ir, NULL, x, y);
        for (uint64_t first = 0; first < count; first += each) {
            double mean = 0, variance = 0;
            for (uint64_t i = first; i < first + each; i++)
                mean += x[transposed(i, rank, cases[c].shape, cases[c].order)] / (double)each;
            for (uint64_t i = first; i < first + each; i++) {
                double off = x[transposed(i, rank, cases[c].shape, cases[c].order)] - mean;
                variance += off * off / (double)each;
            }
            for (uint64_t i = first; i < first + each; i++) {
                double off = x[transposed(i, rank, cases[c].shape, cases[c].order)] - mean;
                double wanted = off / sqrt(variance + 1e-5) * scale[i - first] + bias[i - first];
                CHECK(fabs(y[i] - wanted) < 1e-3);
            }
        }
    }
}

// Elements of more dimensions and orders than a call takes.
static void remainders_of_many_dimensions(void)
{
    static const uint64_t shape[8] = {4, 2, 4, 4, 2, 2, 4, 2}, few[8] = {1, 2, 4, 2, 1, 4, 2, 4};
    static const int64_t order[8] = {0, 7, 6, 4, 1, 3, 5, 2};
    for (int truncated = 0; truncated < 2; truncated++) {
        static float x[4096], y[4096], q[512];
        for (uint32_t i = 0; i < 4096; i++)
            x[i] = (float)(i % 13) / 4 + 0.5f;
        for (uint32_t i = 0; i < 512; i++)
            q[i] = (float)(i % 17) - 8;
        struct smelt_ir *ir = rig_ir();
        struct smelt_ir_value *t = transpose(ir, rig_input(ir, "x", 8, shape), order),
                              *rest = rig_node(ir, "Mod", "rest", rig_weight(ir, "q", 8, few, q), t, NULL);
        const struct smelt_ir_attribute fmod_of = {.set = true, .integer = truncated};
        CHECK_OK(smelt_ir_set_attribute(ir, rest->producer, "fmod", &fmod_of));
        CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Neg", "y", rest, NULL, NULL)));
        rig_once(ir, NULL, x, y);
        for (uint32_t i = 0; i < 4096; i++) {
            // i in rows of [4, 2, 4, 2, 2, 4, 2, 4], of which q has all but the first and the fifth.
            double a = q[i / 64 % 16 * 32 + i % 32], b = x[transposed(i, 8, shape, order)];
            double wanted = truncated ? fmod(a, b) : a - floor(a / b) * b;
            CHECK(fabs(y[i] + wanted) < 1e-4);
        }
    }
}

// Inputs that are strided each in its own way.
static void means_of_many_dimensions(void)
{
    static const uint64_t shape[6] = {2, 3, 2, 3, 2, 3}, even[6] = {3, 1, 3, 1, 3, 1},
                          odd[6] = {1, 2, 1, 2, 1, 2};
    static const int64_t order[6] = {5, 4, 3, 2, 1, 0};
    float x[216], y[216], p[27], q[8];
    for (uint32_t i = 0; i < 216; i++)
        x[i] = (float)(i * 37 % 101) / 4;
    for (uint32_t i = 0; i < 27; i++)
        p[i] = (float)(i * 5 % 27);
    for (uint32_t i = 0; i < 8; i++)
        q[i] = (float)(i * i);
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *t = transpose(ir, rig_input(ir, "x", 6, shape), order),
                          *mean = rig_node(ir, "Mean", "mean", t, rig_weight(ir, "p", 6, even, p),
                                           rig_weight(ir, "q", 6, odd, q));
    CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Neg", "y", mean, NULL, NULL)));
    rig_once(ir, NULL, x, y);
    for (uint32_t i = 0; i < 216; i++) {
        // i in rows of [3, 2, 3, 2, 3, 2]
        double sum = x[transposed(i, 6, shape, order)] + p[i / 72 * 9 + i / 12 % 3 * 3 + i / 2 % 3] +
                     q[i / 36 % 2 * 4 + i / 6 % 2 * 2 + i % 2];
        CHECK(fabs(y[i] + sum / 3) < 1e-4);
    }
}

// --- Heaps and replays ------------------------------------------------------------------------------------------

static void fill(float *data, uint32_t count, uint32_t seed)
{
    for (uint32_t i = 0; i < count; i++)
        data[i] = (float)((i * 7 + seed * 5) % 11) * 0.25f - 1;
}

// Two networks on one heap in one recording, then both again: the bytes of a first run each time.
static void shares_a_heap(void)
{
    smelt_network networks[2] = {create(two_layers(), 16), create(two_layers(), 9)};
    struct rig_run runs[2] = {rig_make(networks[0]), rig_make(networks[1])};
    smelt_heap own = runs[1].heap;
    smelt_encoder encoder = NULL;
    const struct smelt_encoder_params params = {.check = true};
    float x[64], first[2][48], again[48];
    runs[1].heap = runs[0].heap;
    CHECK_OK(smelt_encoder_create(test_context(), &params, &encoder));
    for (uint32_t time = 0; time < 3; time++) {
        for (uint32_t n = 0; n < 2; n++) {
            fill(x, 64, n);
            rig_write(&runs[n], 0, x);
            rig_record(encoder, networks[n], &runs[n]);
        }
        rig_record(encoder, networks[0], &runs[0]);
        CHECK_OK(smelt_encoder_check_hazards(encoder));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
        for (uint32_t n = 0; n < 2; n++) {
            uint32_t rows = n ? 9 : 16;
            rig_read(&runs[n], 1, time ? again : first[n]);
            fill(x, 64, n);
            expect_layers(rows, x, time ? again : first[n]);
            CHECK(!time || !memcmp(again, first[n], rows * 3 * sizeof(float)));
        }
    }
    smelt_encoder_destroy(&encoder);
    runs[1].heap = own;
    for (uint32_t n = 0; n < 2; n++) {
        rig_free(&runs[n]);
        smelt_network_destroy(&networks[n]);
    }
}

// --- Weights ------------------------------------------------------------------------------------------------------

static void replaces_weights(void)
{
    smelt_network network = create(two_layers(), 3);
    struct rig_run run = rig_make(network);
    smelt_encoder encoder = NULL;
    smelt_tensor fresh = NULL, wrong = NULL;
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F32, .rank = 1, .shape = {3}, .name = "fresh"};
    const float zeros[3] = {0}, x[12] = {1, 2, 3, 4, -1, 0, 2, 1, 1, 1, 1, 1};
    float before[9], after[9];
    CHECK_OK(smelt_tensor_create(test_context(), &params, &fresh));
    params.shape[0] = 4;
    CHECK_OK(smelt_tensor_create(test_context(), &params, &wrong));
    CHECK_OK(smelt_tensor_write_and_wait(fresh, NULL, zeros, sizeof(zeros)));
    rig_write(&run, 0, x);
    rig_dispatch(network, &run);
    rig_read(&run, 1, before);
    CHECK_OK(smelt_encoder_create(test_context(), NULL, &encoder));
    CHECK_FAILS(smelt_encode_network_weight(encoder, network, "none", fresh), SMELT_ERROR_NOT_FOUND,
                "\"w0\"");
    CHECK_FAILS(smelt_encode_network_weight(encoder, network, "row", wrong), SMELT_ERROR_SHAPE, "fresh");
    CHECK_FAILS(smelt_encode_network_weight(encoder, network, "row", NULL), SMELT_ERROR_INVALID_ARGUMENT,
                "tensor is NULL");
    CHECK_OK(smelt_encode_network_weight(encoder, network, "row", fresh));
    rig_record(encoder, network, &run);
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    rig_read(&run, 1, after);
    for (uint32_t i = 0; i < 9; i++)
        CHECK(rig_is_near(after[i], before[i] - row[i % 3]));
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&fresh);
    smelt_tensor_destroy(&wrong);
    rig_free(&run);
    smelt_network_destroy(&network);
}

static struct smelt_ir *normalised(bool transposed)
{
    float w[3 * 3 * 9], four[4][3];
    fill(w, 81, 3);
    for (uint32_t i = 0; i < 4; i++)
        fill(four[i], 3, i);
    for (uint32_t i = 0; i < 3; i++)
        four[3][i] += 1.5f; // the variance
    struct smelt_ir *ir = rig_ir();
    const uint64_t kernel[4] = {3, 3, 3, 3}, channels[1] = {3};
    struct smelt_ir_value *x = rig_input(ir, "x", 4, (const uint64_t[]){1, 3, 5, 5}), *inputs[5], *y;
    inputs[0] = rig_node(ir, transposed ? "ConvTranspose" : "Conv", "between", x,
                         rig_weight(ir, "w", 4, kernel, w), rig_weight(ir, "b", 1, channels, four[2]));
    static const char *const names[4] = {"scale", "bias", "mean", "variance"};
    for (uint32_t i = 0; i < 4; i++)
        inputs[1 + i] = rig_weight(ir, names[i], 1, channels, four[i]);
    struct smelt_ir_node *node;
    CHECK_OK(smelt_ir_value(ir, "y", &y));
    CHECK_OK(
        smelt_ir_add_node(ir, smelt_operator_find("BatchNormalization"), "norm", inputs, 5, &y, 1, &node));
    CHECK_OK(smelt_ir_add_output(ir, y));
    return ir;
}

static void run_normalised(bool transposed, const struct smelt_network_params *params, uint32_t nodes,
                           float *y)
{
    float x[75];
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), normalised(transposed), params, &network));
    CHECK(smelt_network_info(network)->node_count == nodes);
    struct rig_run run = rig_make(network);
    fill(x, 75, 1);
    rig_write(&run, 0, x);
    rig_dispatch(network, &run);
    rig_read(&run, 1, y);
    rig_free(&run);
    smelt_network_destroy(&network);
}

static void folds_normalisations(void)
{
    static float folded[147], kept[147];
    const struct smelt_network_params keep = {.keep_weights = true};
    for (int transposed = 0; transposed < 2; transposed++) {
        run_normalised(transposed, NULL, 1, folded);
        run_normalised(transposed, &keep, 2, kept);
        for (uint32_t i = 0; i < (transposed ? 147u : 27u); i++)
            CHECK(rig_is_near(folded[i], kept[i]));
    }
}

// --- Other storage, other places in memory ------------------------------------------------------------------------

static struct smelt_ir_value *bytes(struct smelt_ir *ir, const char *name, uint32_t rank,
                                    const uint64_t *shape, const int8_t *data, uint64_t count)
{
    struct smelt_ir_value *v;
    void *copy = smelt_ir_allocate(ir, count);
    CHECK(copy != NULL);
    memcpy(copy, data, count);
    CHECK_OK(smelt_ir_value(ir, name, &v));
    CHECK_OK(smelt_ir_set_constant(ir, v, SMELT_ELEMENT_I8, rank, shape, copy, count));
    return v;
}

// Scales of integers stay f32: the small one is 0 in f16.
static void keeps_scales(void)
{
    static const uint64_t line[2] = {1, 4}, matrix[2] = {4, 2};
    static const int8_t b[8] = {1, 0, 0, 1, 2, 1, 1, -2};
    static const float x[4] = {3, -5, 7, 2}, scales[2] = {1, 1e-9f};
    float y[2] = {0};
    const struct smelt_network_params params = {.storage = SMELT_DTYPE_F16};
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *one = rig_weight(ir, "one", 0, line, &scales[0]),
                          *small = rig_weight(ir, "small", 0, line, &scales[1]),
                          *zero = bytes(ir, "zero", 0, line, &b[1], 1), *sum;
    struct smelt_ir_value *q = rig_node(ir, "QuantizeLinear", "q", rig_input(ir, "x", 2, line), one, zero);
    struct smelt_ir_value *inputs[8] = {q,   small, zero,  bytes(ir, "b", 2, matrix, b, 8),
                                        one, zero,  small, zero};
    struct smelt_ir_node *node;
    CHECK_OK(smelt_ir_value(ir, "sum", &sum));
    CHECK_OK(smelt_ir_add_node(ir, smelt_operator_find("QLinearMatMul"), "sum", inputs, 8, &sum, 1, &node));
    CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "DequantizeLinear", "y", sum, one, zero)));
    rig_once(ir, &params, x, y);
    CHECK(y[0] == 19 && y[1] == -2);
}

static void keeps_f16(void)
{
    const struct smelt_network_input input = {.name = "x", .rank = 2, .shape = {4, 4}};
    const struct smelt_network_params params = {
        .inputs = &input, .input_count = 1, .storage = SMELT_DTYPE_F16};
    smelt_network network = NULL;
    uint16_t half[16];
    float x[16], y[12];
    CHECK_OK(smelt_network_create_from_ir(test_context(), two_layers(), &params, &network));
    CHECK(smelt_network_info(network)->storage == SMELT_DTYPE_F16 &&
          smelt_network_info(network)->inputs[0].dtype == SMELT_DTYPE_F16);
    struct rig_run run = rig_make(network);
    fill(x, 16, 0);
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F16, half, SMELT_DTYPE_F32, x, 16));
    CHECK_OK(smelt_tensor_write_and_wait(run.tensors[0], NULL, half, sizeof(half)));
    rig_dispatch(network, &run);
    CHECK_OK(smelt_tensor_read_and_wait(run.tensors[1], NULL, half, 24));
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F32, y, SMELT_DTYPE_F16, half, 12));
    for (uint32_t i = 0; i < 12; i++)
        y[i] = floorf(y[i] * 16 + 0.5f) / 16; // results are multiples of 1/4 up to 64
    expect_layers(4, x, y);
    rig_free(&run);
    smelt_network_destroy(&network);
}

static struct smelt_ir_value *cast(struct smelt_ir *ir, struct smelt_ir_value *x, const char *name,
                                   enum smelt_element to)
{
    struct smelt_ir_value *y = rig_node(ir, "Cast", name, x, NULL, NULL);
    const struct smelt_ir_attribute attribute = {.integer = to};
    CHECK_OK(smelt_ir_set_attribute(ir, y->producer, "to", &attribute));
    return y;
}

// Sums of integers and the scales that bring them back pass both ends of f16: 4e5 1e-8.
static void keeps_f32_where_f16_loses_all(void)
{
    const uint64_t shape[1] = {4}, one[1] = {1};
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *x = cast(ir, rig_input(ir, "x", 1, shape), "integers", SMELT_ELEMENT_I32),
                          *w = cast(ir, rig_weight(ir, "w", 1, one, (const float[]){100000}), "factor",
                                    SMELT_ELEMENT_I32),
                          *small = rig_weight(ir, "small", 1, one, (const float[]){1e-8f});
    struct smelt_ir_value *sums =
        cast(ir, rig_node(ir, "Mul", "products", x, w, NULL), "sums", SMELT_ELEMENT_F32);
    CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Mul", "y", sums, small, NULL)));
    const struct smelt_network_params params = {.storage = SMELT_DTYPE_F16, .no_fusion = true};
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), ir, &params, &network));
    struct rig_run run = rig_make(network);
    const float from[4] = {1, 2, 3, 4};
    uint16_t half[4];
    float y[4];
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F16, half, SMELT_DTYPE_F32, from, 4));
    CHECK_OK(smelt_tensor_write_and_wait(run.tensors[0], NULL, half, sizeof(half)));
    rig_dispatch(network, &run);
    CHECK_OK(smelt_tensor_read_and_wait(run.tensors[1], NULL, half, sizeof(half)));
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F32, y, SMELT_DTYPE_F16, half, 4));
    for (uint32_t i = 0; i < 4; i++)
        CHECK(rig_is_near(y[i], from[i] * 1e-3));
    rig_free(&run);
    smelt_network_destroy(&network);
}

static void takes_channels_last(void)
{
    static float rows[147], last[147];
    const char *const ends[2] = {"x", "y"};
    const struct smelt_network_params params = {.channels_last = ends, .channels_last_count = 2};
    const char *const none[1] = {"between"};
    const struct smelt_network_params wrong = {.channels_last = none, .channels_last_count = 1};
    smelt_network network = NULL;
    run_normalised(false, NULL, 1, rows);
    run_normalised(false, &params, 1, last); // the host's array is row-major
    for (uint32_t i = 0; i < 27; i++)
        CHECK(rig_is_near(last[i], rows[i]));
    CHECK_FAILS(smelt_network_create_from_ir(test_context(), normalised(false), &wrong, &network),
                SMELT_ERROR_NOT_FOUND, "channels_last: there is no input or output \"between\"");
}

// [relu(x), relu(w x), relu(x)]: the second use of a value is copied.
static void joins_in_place(void)
{
    static const float mix[4] = {1, -2, 0.5f, 1};
    const uint64_t shape[4] = {1, 2, 3, 3};
    float x[18], y[54];
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *in = rig_input(ir, "x", 4, shape), *a = rig_node(ir, "Relu", "a", in, NULL, NULL),
                          *out;
    struct smelt_ir_value *w = rig_weight(ir, "w", 4, (const uint64_t[]){2, 2, 1, 1}, mix);
    struct smelt_ir_value *c = rig_node(ir, "Conv", "c", in, w, NULL);
    struct smelt_ir_value *inputs[3] = {a, rig_node(ir, "Relu", "b", c, NULL, NULL), a};
    struct smelt_ir_node *node;
    const struct smelt_ir_attribute axis = {.set = true, .integer = 1};
    CHECK_OK(smelt_ir_value(ir, "joined", &out));
    CHECK_OK(smelt_ir_add_node(ir, smelt_operator_find("Concat"), "join", inputs, 3, &out, 1, &node));
    CHECK_OK(smelt_ir_set_attribute(ir, node, "axis", &axis));
    CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Neg", "y", out, NULL, NULL)));
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), ir, NULL, &network));
    CHECK(smelt_network_info(network)->dispatch_count <=
          4); // two relus (one in the convolution), a copy, neg
    struct rig_run run = rig_make(network);
    fill(x, 18, 2);
    rig_write(&run, 0, x);
    rig_dispatch(network, &run);
    rig_read(&run, 1, y);
    for (uint32_t i = 0; i < 9; i++)
        for (uint32_t k = 0; k < 2; k++) {
            float direct = fmaxf(x[9 * k + i], 0),
                  mixed = fmaxf(mix[2 * k] * x[i] + mix[2 * k + 1] * x[9 + i], 0);
            CHECK(rig_is_near(y[9 * k + i], -direct) && rig_is_near(y[9 * (4 + k) + i], -direct));
            CHECK(rig_is_near(y[9 * (2 + k) + i], -mixed));
        }
    rig_free(&run);
    smelt_network_destroy(&network);
}

static void gives_more_outputs(void)
{
    const char *const more[1] = {"h"};
    const struct smelt_network_input input = {.name = "x", .rank = 2, .shape = {2, 4}};
    struct smelt_network_params params = {
        .inputs = &input, .input_count = 1, .more_outputs = more, .more_output_count = 1};
    const float x[8] = {1, 0, 0, 0, 0, 0, 1, 0};
    float h[12];
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), two_layers(), &params, &network));
    CHECK(smelt_network_info(network)->output_count == 2 &&
          !strcmp(smelt_network_info(network)->outputs[1].name, "h"));
    struct rig_run run = rig_make(network);
    rig_write(&run, 0, x);
    rig_dispatch(network, &run);
    rig_read(&run, 2, h);
    for (uint32_t i = 0; i < 6; i++)
        CHECK(rig_is_near(h[i], w0[0][i]) && rig_is_near(h[6 + i], w0[2][i]));
    rig_free(&run);
    smelt_network_destroy(&network);
    const char *const none[1] = {"nothing"};
    params.more_outputs = none;
    CHECK_FAILS(smelt_network_create_from_ir(test_context(), two_layers(), &params, &network),
                SMELT_ERROR_NOT_FOUND, "\"nothing\"");
}

// --- What is refused ----------------------------------------------------------------------------------------------

static void refuses_inputs(void)
{
    struct smelt_network_input input = {.name = "x", .rank = 2, .shape = {5, 4}};
    struct smelt_network_params params = {.inputs = &input, .input_count = 1};
    smelt_network network = NULL;
#define REFUSES(result, text)                                                                                \
    CHECK_FAILS(smelt_network_create_from_ir(test_context(), two_layers(), &params, &network), result, text)
    input.name = "z";
    REFUSES(SMELT_ERROR_NOT_FOUND, "there is no input \"z\"; there are: \"x\"");
    input.name = "w0";
    REFUSES(SMELT_ERROR_NOT_FOUND, "there is no input \"w0\"");
    input.name = "x";
    input.rank = 3;
    REFUSES(SMELT_ERROR_SHAPE, "has rank 2, got a shape of rank 3");
    input.rank = 2;
    input.shape[1] = 5;
    REFUSES(SMELT_ERROR_SHAPE, "extent 1 is 4 in the model, got 5");
    input.shape[0] = 0;
    input.shape[1] = 4;
    REFUSES(SMELT_ERROR_SHAPE, "wanted 1 to");
    params.input_count = 0;
    REFUSES(SMELT_ERROR_SHAPE, "extent \"N\" of input \"x\" is free");
    params.storage = SMELT_DTYPE_I8;
    REFUSES(SMELT_ERROR_DTYPE, "storage is i8");
    params.storage = SMELT_DTYPE_NONE;
    params.backend = (enum smelt_backend)99;
    REFUSES(SMELT_ERROR_INVALID_ARGUMENT, "backend is 99");
    params.backend = SMELT_BACKEND_AUTO;
    params.input_count = 1;
    params.inputs = NULL;
    REFUSES(SMELT_ERROR_INVALID_ARGUMENT, "inputs is NULL");
#undef REFUSES
}

static void refuses_dispatches(void)
{
    smelt_network network = create(two_layers(), 5);
    struct rig_run run = rig_make(network), other = {0};
    struct smelt_network_dispatch dispatch = {
        .arguments = run.arguments, .argument_count = 2, .heap = run.heap};
    const struct smelt_heap_params tiny = {.size = 16};
    smelt_encoder encoder = NULL;
    CHECK_OK(smelt_encoder_create(test_context(), NULL, &encoder));
    CHECK_OK(smelt_heap_create(test_context(), &tiny, &other.heap));
#define REFUSES(result, text)                                                                                \
    CHECK_FAILS(smelt_encoder_dispatch_network(encoder, network, &dispatch), result, text)
    dispatch.argument_count = 0;
    REFUSES(SMELT_ERROR_NOT_READY, "without an argument: \"x\", \"y\"");
    dispatch.argument_count = 1;
    REFUSES(SMELT_ERROR_NOT_READY, "without an argument: \"y\"");
    dispatch.argument_count = 2;
    run.arguments[0].name = "z";
    REFUSES(SMELT_ERROR_NOT_FOUND, "no input or output \"z\"; there are: \"x\", \"y\"");
    run.arguments[0].name = "x";
    run.arguments[0].tensor = run.tensors[1];
    REFUSES(SMELT_ERROR_SHAPE, "\"x\" is f32[5][4]");
    run.arguments[0].tensor = NULL;
    REFUSES(SMELT_ERROR_INVALID_ARGUMENT, "the tensor of \"x\" is NULL");
    struct smelt_tensor_params wrong = {
        .dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {5, 4}, .name = "halves"};
    CHECK_OK(smelt_tensor_create(test_context(), &wrong, &run.arguments[0].tensor));
    REFUSES(SMELT_ERROR_DTYPE, "got the tensor 'halves' f16[5][4]");
    smelt_tensor_destroy(&run.arguments[0].tensor);
    run.arguments[0].tensor = run.tensors[0];
    dispatch.heap = NULL;
    REFUSES(SMELT_ERROR_NOT_READY, "without a heap");
    dispatch.heap = other.heap;
    REFUSES(SMELT_ERROR_SHAPE, "the heap has 16 bytes");
    dispatch.heap = run.heap;
    dispatch.heap_offset = 16;
    REFUSES(SMELT_ERROR_SHAPE, "from 16 on");
    dispatch.heap_offset = 0;
    CHECK_FAILS(smelt_encoder_dispatch_network(NULL, network, &dispatch), SMELT_ERROR_INVALID_ARGUMENT,
                "encoder");
    CHECK_FAILS(smelt_encoder_dispatch_network(encoder, network, NULL), SMELT_ERROR_INVALID_ARGUMENT,
                "dispatch is NULL");
    CHECK_OK(smelt_encoder_dispatch_network(encoder, network, &dispatch)); // nothing has changed
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
#undef REFUSES
    smelt_encoder_destroy(&encoder);
    smelt_heap_destroy(&other.heap);
    rig_free(&run);
    smelt_network_destroy(&network);
}

// Elements that no tensor has, in one error; and a package that is none of a network.
static void refuses_networks(void)
{
    smelt_network network = NULL;
    smelt_package package = NULL;
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *x = rig_input(ir, "x", 1, (const uint64_t[]){4});
    x->element = SMELT_ELEMENT_F64;
    CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Relu", "y", x, NULL, NULL)));
    CHECK_FAILS(smelt_network_create_from_ir(test_context(), ir, NULL, &network), SMELT_ERROR_UNSUPPORTED,
                "f64");
    static const char file[] = "\x18\0\0\0\0\0\0\0{\"__metadata__\":{\"a\":\"b\"}}";
    char data[8 + 26];
    memcpy(data, file, sizeof(data));
    data[0] = 26;
    CHECK_OK(smelt_package_open_memory(data, sizeof(data), "plain", &package));
    CHECK_FAILS(smelt_network_create(test_context(), package, NULL, &network), SMELT_ERROR_FORMAT,
                "wanted a package of kind \"network\"");
    smelt_package_close(&package);
    CHECK_FAILS(smelt_network_create(test_context(), NULL, NULL, &network), SMELT_ERROR_INVALID_ARGUMENT,
                "package is NULL");
}

static const struct test tests[] = {
    {"two layers give what they should", dispatches},
    {"other shapes, with the weights where they were", reshapes},
    {"constants that follow the shapes", reshapes_contents},
    {"layers over dimensions that were transposed", normalizes_transposed},
    {"remainders in many dimensions", remainders_of_many_dimensions},
    {"means in many dimensions", means_of_many_dimensions},
    {"scales of integers keep f32", keeps_scales},
    {"networks share a heap, and give the same bits each time", shares_a_heap},
    {"a weight is replaced in a recording", replaces_weights},
    {"normalisations go into the convolution before", folds_normalisations},
    {"f32 values kept as f16", keeps_f16},
    {"values that f16 would lose keep f32", keeps_f32_where_f16_loses_all},
    {"inputs and outputs with channels last", takes_channels_last},
    {"values are made where a Concat wants them", joins_in_place},
    {"intermediate values as outputs", gives_more_outputs},
    {"inputs that do not fit", refuses_inputs},
    {"dispatches that do not fit", refuses_dispatches},
    {"networks that cannot be", refuses_networks},
};

TEST_MAIN(tests)
