// SPDX-License-Identifier: MIT
// Networks that are rewritten before they run, and kernels by timing: the numbers stay what they should be.
#include "network_rig.h"

#include <math.h>

enum { C = 9, O = 4, S = 6, IMAGE = C * S * S, RESULT = O * S * S };

static void fill(float *data, uint32_t count, uint32_t seed)
{
    for (uint32_t i = 0; i < count; i++)
        data[i] = (float)((i * 7 + seed * 13) % 17) / 8 - 1;
}

struct numbers {
    float x[IMAGE], w[O * C * 9], b[O];
};

static struct numbers make_numbers(void)
{
    struct numbers n;
    fill(n.x, IMAGE, 1);
    fill(n.w, O * C * 9, 2);
    fill(n.b, O, 3);
    return n;
}

// The convolution 3 x 3 with zeros around at output channel o.
static double convolved(const struct numbers *n, int o, int row, int column)
{
    double sum = n->b[o];
    for (int k = 0; k < C * 9; k++) {
        int r = row + k / 3 % 3 - 1, s = column + k % 3 - 1;
        if (r >= 0 && r < S && s >= 0 && s < S)
            sum += (double)n->x[k / 9 * S * S + r * S + s] * n->w[o * C * 9 + k];
    }
    return sum;
}

static struct smelt_ir_value *add_convolution(struct smelt_ir *ir, const struct numbers *n)
{
    struct smelt_ir_value *x = rig_input(ir, "x", 4, (const uint64_t[]){1, C, S, S});
    struct smelt_ir_value *w = rig_weight(ir, "w", 4, (const uint64_t[]){O, C, 3, 3}, n->w),
                          *b = rig_weight(ir, "b", 1, (const uint64_t[]){O}, n->b),
                          *y = rig_node(ir, "Conv", "c", x, w, b);
    const int64_t pads[4] = {1, 1, 1, 1};
    const struct smelt_ir_attribute pad = {.set = true, .integers = pads, .count = 4};
    CHECK_OK(smelt_ir_set_attribute(ir, y->producer, "pads", &pad));
    return y;
}

static struct smelt_ir_value *add_concat(struct smelt_ir *ir, const char *name, struct smelt_ir_value *a,
                                         struct smelt_ir_value *b)
{
    const struct smelt_ir_attribute axis = {.set = true, .integer = 1};
    struct smelt_ir_value *inputs[2] = {a, b}, *out;
    struct smelt_ir_node *node;
    CHECK_OK(smelt_ir_value(ir, name, &out));
    CHECK_OK(smelt_ir_add_node(ir, smelt_operator_find("Concat"), name, inputs, 2, &out, 1, &node));
    CHECK_OK(smelt_ir_set_attribute(ir, node, "axis", &axis));
    return out;
}

// Both signs of a convolution; `apart`: something else reads the negative ones.
static void run_signs(bool apart, uint32_t nodes)
{
    const struct numbers n = make_numbers();
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *c = add_convolution(ir, &n), *plus = rig_node(ir, "Relu", "plus", c, NULL, NULL),
                          *minus = rig_node(ir, "Relu", "minus",
                                            rig_node(ir, "Neg", "negative", c, NULL, NULL), NULL, NULL);
    CHECK_OK(smelt_ir_add_output(ir, add_concat(ir, "both", plus, minus)));
    if (apart)
        CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Abs", "more", minus, NULL, NULL)));
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), ir, NULL, &network));
    CHECK(smelt_network_info(network)->node_count == nodes);
    struct rig_run run = rig_make(network);
    float y[2 * RESULT];
    rig_write(&run, 0, n.x);
    rig_dispatch(network, &run);
    rig_read(&run, 1, y);
    for (int i = 0; i < RESULT; i++) {
        double sum = convolved(&n, i / (S * S), i / S % S, i % S);
        CHECK(rig_is_near(y[i], fmax(sum, 0)) && rig_is_near(y[RESULT + i], fmax(-sum, 0)));
    }
    rig_free(&run);
    smelt_network_destroy(&network);
}

static void joins_signs(void)
{
    run_signs(false, 2);
    run_signs(true, 6);
}

// Channels of an input, and of a Concat that ends with it.
static void fills_channels(void)
{
    const struct numbers n = make_numbers();
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *c = add_convolution(ir, &n), *x = smelt_ir_find(ir, "x");
    float w[2 * (O + C)];
    fill(w, 2 * (O + C), 5);
    struct smelt_ir_value *both = add_concat(ir, "both", c, x),
                          *last = rig_weight(ir, "last", 4, (const uint64_t[]){2, O + C, 1, 1}, w);
    struct smelt_ir_value *y = rig_node(ir, "Conv", "y", both, last, NULL);
    CHECK_OK(smelt_ir_add_output(ir, y));
    CHECK_OK(smelt_network_rewrite(ir, true));
    CHECK(smelt_dim_is(c->producer->inputs[1]->shape[1], 16) &&
          smelt_dim_is(y->producer->inputs[1]->shape[1], 16));
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), ir, NULL, &network));
    struct rig_run run = rig_make(network);
    float got[2 * S * S];
    rig_write(&run, 0, n.x);
    rig_dispatch(network, &run);
    rig_read(&run, 1, got);
    for (int i = 0; i < 2 * S * S; i++) {
        double sum = 0;
        for (int k = 0; k < O + C; k++)
            sum += w[i / (S * S) * (O + C) + k] *
                   (k < O ? convolved(&n, k, i / S % S, i % S) : n.x[(k - O) * S * S + i % (S * S)]);
        CHECK(rig_is_near(got[i], sum));
    }
    rig_free(&run);
    smelt_network_destroy(&network);
}

// Names say nothing: of images that differ behind 90 characters each is filled up by itself.
static void fills_channels_apart(void)
{
    float w[2 * C];
    fill(w, 2 * C, 5);
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *x[2], *y[2], *weight = rig_weight(ir, "w", 4, (const uint64_t[]){2, C, 1, 1}, w);
    for (int i = 0; i < 2; i++) {
        char name[92];
        snprintf(name, sizeof(name), "%090d%c", 0, "ab"[i]);
        x[i] = rig_input(ir, name, 4, (const uint64_t[]){1, C, S, S});
        y[i] = rig_node(ir, "Conv", i ? "y1" : "y0", x[i], weight, NULL);
        CHECK_OK(smelt_ir_add_output(ir, y[i]));
    }
    CHECK_OK(smelt_network_rewrite(ir, true));
    for (int i = 0; i < 2; i++) {
        const struct smelt_ir_node *pad = y[i]->producer->inputs[0]->producer;
        CHECK(pad && pad->inputs[0] == x[i]);
    }
    smelt_ir_destroy(&ir);
}

static void set_integers(struct smelt_ir *ir, struct smelt_ir_value *value, const char *name,
                         const int64_t *integers, uint32_t count)
{
    const struct smelt_ir_attribute a = {.set = true, .integers = integers, .count = count};
    CHECK_OK(smelt_ir_set_attribute(ir, value->producer, name, &a));
}

// 3 x 3 with zeros around beside 1 x 1, each with a Relu; and behind them each channel by itself (3 x 2, every second row),
// then 1 x 1. `split`: the ones side by side are read one by one too.
static struct smelt_ir *make_mergeable(const struct numbers *n, bool split)
{
    enum { BOTH = O + 3 };
    const int64_t pads[4] = {1, 1, 2, 0}, strides[2] = {2, 1};
    const struct smelt_ir_attribute groups = {.set = true, .integer = BOTH};
    float w[3 * C], each[BOTH * 6], shift[BOTH], last[5 * BOTH];
    fill(w, 3 * C, 4);
    fill(each, BOTH * 6, 5);
    fill(shift, BOTH, 6);
    fill(last, 5 * BOTH, 7);
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *wide = rig_node(ir, "Relu", "wide", add_convolution(ir, n), NULL, NULL),
                          *x = smelt_ir_find(ir, "x");
    struct smelt_ir_value *weight = rig_weight(ir, "w1", 4, (const uint64_t[]){3, C, 1, 1}, w),
                          *narrow = rig_node(ir, "Relu", "narrow", rig_node(ir, "Conv", "d", x, weight, NULL),
                                             NULL, NULL),
                          *both = add_concat(ir, "both", wide, narrow);
    struct smelt_ir_value *taps = rig_weight(ir, "each", 4, (const uint64_t[]){BOTH, 1, 3, 2}, each),
                          *bias = rig_weight(ir, "shift", 1, (const uint64_t[]){BOTH}, shift),
                          *e = rig_node(ir, "Conv", "e", both, taps, bias);
    CHECK_OK(smelt_ir_set_attribute(ir, e->producer, "group", &groups));
    set_integers(ir, e, "pads", pads, 4);
    set_integers(ir, e, "strides", strides, 2);
    struct smelt_ir_value *y = rig_node(
        ir, "Conv", "y", e, rig_weight(ir, "last", 4, (const uint64_t[]){5, BOTH, 1, 1}, last), NULL);
    CHECK_OK(smelt_ir_add_output(ir, y));
    if (split)
        CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Abs", "more", narrow, NULL, NULL)));
    return ir;
}

static uint32_t run_merged(struct smelt_ir *ir, const struct numbers *n, float *y)
{
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), ir, NULL, &network));
    uint32_t nodes = smelt_network_info(network)->node_count;
    struct rig_run run = rig_make(network);
    rig_write(&run, 0, n->x);
    rig_dispatch(network, &run);
    rig_read(&run, 1, y);
    rig_free(&run);
    smelt_network_destroy(&network);
    return nodes;
}

static void merges_convolutions(void)
{
    enum { ROWS = 4, COLUMNS = 6, COUNT = 5 * ROWS * COLUMNS };
    const struct numbers n = make_numbers();
    for (int split = 0; split < 2; split++) {
        float wanted[COUNT], got[COUNT];
        CHECK(run_merged(make_mergeable(&n, split), &n, wanted) == 7u + (uint32_t)split);
        struct smelt_ir *ir = make_mergeable(&n, split);
        bool merges = false;
        CHECK_OK(smelt_ir_infer(ir));
        CHECK_OK(smelt_network_merge(ir, &merges));
        CHECK(merges);
        // Conv, Relu, Conv; or all but the one of each channel.
        CHECK(run_merged(ir, &n, got) == (split ? 7 : 3));
        for (int i = 0; i < COUNT; i++)
            CHECK(rig_is_near(got[i], wanted[i]));
    }
}

// Two images through the same weights, and once more through others with the same biases: each pair becomes one convolution.
static struct smelt_ir *make_shared(const struct numbers *n)
{
    float w[3 * C], each[C], shifts[C], last[2 * O * C];
    fill(w, 3 * C, 4);
    fill(each, C, 5);
    fill(shifts, C, 7);
    fill(last, 2 * O * C, 6);
    struct smelt_ir *ir = rig_ir();
    const struct smelt_ir_attribute groups = {.set = true, .integer = C};
    struct smelt_ir_value *x = rig_input(ir, "x", 4, (const uint64_t[]){1, C, S, S}),
                          *images[2] = {x, rig_node(ir, "Neg", "negative", x, NULL, NULL)},
                          *shift = rig_weight(ir, "shift", 1, (const uint64_t[]){C}, shifts),
                          *taps = rig_weight(ir, "each", 4, (const uint64_t[]){C, 1, 1, 1}, each),
                          *wide = rig_weight(ir, "wide", 4, (const uint64_t[]){O, C, 1, 1}, n->w),
                          *narrow = rig_weight(ir, "narrow", 4, (const uint64_t[]){3, C, 1, 1}, w);
    for (int i = 0; i < 2; i++) {
        const char *const names[2][5] = {{"a", "b", "ab", "c", "d"}, {"e", "f", "ef", "g", "h"}};
        CHECK_OK(smelt_ir_add_output(
            ir, add_concat(ir, names[i][2], rig_node(ir, "Conv", names[i][0], images[i], wide, NULL),
                           rig_node(ir, "Conv", names[i][1], images[i], narrow, NULL))));
        struct smelt_ir_value *depth = rig_node(ir, "Conv", names[i][3], images[i], taps, shift);
        CHECK_OK(smelt_ir_set_attribute(ir, depth->producer, "group", &groups));
        CHECK_OK(
            smelt_ir_add_output(ir, rig_node(ir, "Conv", names[i][4], depth,
                                             rig_weight(ir, i ? "last1" : "last0", 4,
                                                        (const uint64_t[]){O, C, 1, 1}, last + i * O * C),
                                             NULL)));
    }
    return ir;
}

static void run_shared(struct smelt_ir *ir, const struct numbers *n, float y[4][(O + 3) * S * S])
{
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), ir, NULL, &network));
    struct rig_run run = rig_make(network);
    rig_write(&run, 0, n->x);
    rig_dispatch(network, &run);
    for (uint32_t i = 0; i < 4; i++)
        rig_read(&run, 1 + i, y[i]);
    rig_free(&run);
    smelt_network_destroy(&network);
}

static void merges_shared_weights(void)
{
    const struct numbers n = make_numbers();
    float wanted[4][(O + 3) * S * S], got[4][(O + 3) * S * S];
    run_shared(make_shared(&n), &n, wanted);
    struct smelt_ir *ir = make_shared(&n);
    bool merges = false;
    CHECK_OK(smelt_ir_infer(ir));
    CHECK_OK(smelt_network_merge(ir, &merges));
    CHECK(merges);
    run_shared(ir, &n, got);
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < (k % 2 ? O : O + 3) * S * S; i++)
            CHECK(rig_is_near(got[k][i], wanted[k][i]));
}

static uint64_t run_tuned(bool tune, float *y)
{
    const struct numbers n = make_numbers();
    struct smelt_ir *ir = rig_ir();
    CHECK_OK(smelt_ir_add_output(ir, add_convolution(ir, &n)));
    const struct smelt_network_params params = {.tune = tune};
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), ir, &params, &network));
    struct rig_run run = rig_make(network);
    rig_write(&run, 0, n.x);
    rig_dispatch(network, &run);
    rig_read(&run, 1, y);
    for (int i = 0; i < RESULT; i++)
        CHECK(rig_is_near(y[i], convolved(&n, i / (S * S), i / S % S, i % S)));
    uint64_t tuning = smelt_network_info(network)->tuning;
    rig_free(&run);
    smelt_network_destroy(&network);
    return tuning;
}

static void tunes(void)
{
    float first[RESULT], again[RESULT];
    CHECK(run_tuned(false, first) == 0);
    uint64_t tuning = run_tuned(true, first);
    CHECK(tuning != 0);
    CHECK(run_tuned(true, again) == tuning || !test_context()->cache_directory);
    if (test_context()->cache_directory)
        CHECK(!memcmp(first, again, sizeof(first)));
}

// --- Pixel shuffles -----------------------------------------------------------------------------------------------

struct shuffle {
    const char *op, *mode; // what it becomes; op NULL: it stays
    int64_t six[6], perm[6], y[4];
    uint64_t x[4];
};

static struct smelt_ir_value *shape_of(struct smelt_ir *ir, const int64_t *integers, uint32_t count)
{
    struct smelt_ir_value *value;
    CHECK_OK(smelt_ir_integers_constant(ir, integers, count, &value));
    return value;
}

// `watched`: what is between is an output too, which keeps the three operators.
static struct smelt_ir *make_shuffle(const struct shuffle *s, bool watched)
{
    const struct smelt_ir_attribute perm = {.set = true, .integers = s->perm, .count = 6};
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *x = rig_input(ir, "x", 4, s->x);
    struct smelt_ir_value *six = rig_node(ir, "Reshape", "six", x, shape_of(ir, s->six, 6), NULL);
    struct smelt_ir_value *moved = rig_node(ir, "Transpose", "moved", six, NULL, NULL);
    CHECK_OK(smelt_ir_set_attribute(ir, moved->producer, "perm", &perm));
    CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Reshape", "y", moved, shape_of(ir, s->y, 4), NULL)));
    if (watched)
        CHECK_OK(smelt_ir_add_output(ir, moved));
    return ir;
}

static void joins_shuffles(void)
{
    static const struct shuffle shuffles[] = {
        {"DepthToSpace", "CRD", {1, 3, 2, 2, 4, 5}, {0, 1, 4, 2, 5, 3}, {1, 3, 8, 10}, {1, 12, 4, 5}},
        {"DepthToSpace", "DCR", {1, 2, 2, 3, 4, 5}, {0, 3, 4, 1, 5, 2}, {1, 3, 8, 10}, {1, 12, 4, 5}},
        {"SpaceToDepth", NULL, {1, 3, 4, 2, 5, 2}, {0, 3, 5, 1, 2, 4}, {1, 12, 4, 5}, {1, 3, 8, 10}},
        {NULL, NULL, {1, 3, 2, 2, 4, 5}, {0, 1, 4, 3, 5, 2}, {1, 3, 8, 10}, {1, 12, 4, 5}}, // another order
        {NULL, NULL, {1, 3, 2, 2, 4, 5}, {0, 1, 4, 2, 5, 3}, {1, 6, 4, 10}, {1, 12, 4, 5}}, // another shape
        {NULL,
         NULL,
         {1, 3, 2, 2, 5, 4},
         {0, 1, 4, 2, 5, 3},
         {1, 3, 10, 8},
         {1, 12, 4, 5}}, // rows are no rows
    };
    static float x[240], joined[240], apart[240];
    fill(x, 240, 7);
    for (uint32_t i = 0; i < SMELT_COUNT_OF(shuffles); i++) {
        const struct shuffle *s = &shuffles[i];
        struct smelt_ir *ir = make_shuffle(s, false);
        CHECK_OK(smelt_ir_infer(ir));
        CHECK_OK(smelt_ir_join_shuffles(ir));
        CHECK(ir->node_count == (s->op ? 1u : 3u));
        if (s->op) {
            CHECK(!strcmp(ir->nodes[0]->op->name, s->op) && smelt_ir_integer(ir->nodes[0], "blocksize") == 2);
            CHECK(!s->mode || smelt_ir_word_is(ir->nodes[0], "mode", s->mode));
            static const char *const free_extents[4] = {"1", "12", "H", "W"};
            if (s->mode) { // any size now
                CHECK_OK(smelt_ir_set_input_shape(ir, "x", 4, free_extents));
                CHECK_OK(smelt_ir_infer(ir));
            }
            rig_once(make_shuffle(s, false), NULL, x, joined);
            rig_once(make_shuffle(s, true), NULL, x, apart);
            CHECK(!memcmp(joined, apart, sizeof(joined)));
        }
        smelt_ir_destroy(&ir);
    }
}

// Of f16, so that a device with matrices has one dispatch for both. `watched`: the convolution is an output too.
static void run_to_space(const struct numbers *n, bool watched)
{
    static _Alignas(4) uint16_t halves[SMELT_MAX(C, O) * S * S];
    static float y[O * S * S];
    smelt_network network = NULL;
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *c = add_convolution(ir, n),
                          *to_space = rig_node(ir, "DepthToSpace", "y", c, NULL, NULL);
    const struct smelt_ir_attribute two = {.set = true, .integer = 2}, crd = {.set = true, .word = "CRD"};
    CHECK_OK(smelt_ir_set_attribute(ir, to_space->producer, "blocksize", &two));
    CHECK_OK(smelt_ir_set_attribute(ir, to_space->producer, "mode", &crd));
    CHECK_OK(smelt_ir_add_output(ir, to_space));
    if (watched)
        CHECK_OK(smelt_ir_add_output(ir, c));
    const struct smelt_network_params params = {.storage = SMELT_DTYPE_F16};
    CHECK_OK(smelt_network_create_from_ir(test_context(), ir, &params, &network));
    struct rig_run run = rig_make(network);
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F16, halves, SMELT_DTYPE_F32, n->x, C * S * S));
    CHECK_OK(smelt_tensor_write_and_wait(run.tensors[0], NULL, halves, C * S * S * 2));
    rig_dispatch(network, &run);
    CHECK_OK(smelt_tensor_read_and_wait(run.tensors[1], NULL, halves, O * S * S * 2));
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F32, y, SMELT_DTYPE_F16, halves, O * S * S));
    for (int i = 0; i < O * S * S; i++) { // of [O][S][S], at [O / 4][2 S][2 S]
        int o = i / (S * S), row = i / S % S * 2 + o % 4 / 2, column = i % S * 2 + o % 2;
        double wanted = convolved(n, o, i / S % S, i % S);
        CHECK(fabs(y[(o / 4 * 2 * S + row) * 2 * S + column] - wanted) < 4e-3 + 4e-3 * fabs(wanted));
    }
    rig_free(&run);
    smelt_network_destroy(&network);
}

static void convolves_to_space(void)
{
    struct numbers n = make_numbers();
    run_to_space(&n, false);
    run_to_space(&n, true);
}

static const struct test tests[] = {
    {"Relu of both signs is one convolution", joins_signs},
    {"channels are filled up", fills_channels},
    {"channels of each image are filled up by themselves", fills_channels_apart},
    {"convolutions are merged", merges_convolutions},
    {"convolutions that share weights are merged", merges_shared_weights},
    {"pixel shuffles are one operator", joins_shuffles},
    {"pixel shuffles behind convolutions", convolves_to_space},
    {"kernels by timing", tunes},
};

TEST_MAIN(tests)
