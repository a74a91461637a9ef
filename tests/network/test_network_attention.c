// SPDX-License-Identifier: MIT
// Products with a softmax between as one kernel: what is found, what is left, its numbers and the heap that it saves.
#include "network_rig.h"

#include <math.h>

enum { TOKENS = 1024, KEYS = 1030, SIZE = 16, ROWS = 8 };

struct products {
    uint32_t rank, heads; // heads: the third extent from behind
    bool turned;          // k comes as [size][keys]
    bool divides;         // by a constant; else times one
    bool mask;            // [keys]
    bool negative;        // factor
    bool shown;           // the scores are an output too
    bool half;            // with f16 storage
    bool found;
};

static void fill(float *data, uint32_t count, uint32_t seed)
{
    for (uint32_t i = 0; i < count; i++)
        data[i] = (float)((i * 2654435761u + seed * 40503u) >> 24) / 64 - 2;
}

static struct smelt_ir_value *add_input(struct smelt_ir *ir, const char *name, uint32_t rank, uint64_t heads,
                                        uint64_t rows, uint64_t columns)
{
    const uint64_t shape[4] = {1, heads, rows, columns};
    return rig_input(ir, name, rank, shape + 4 - rank);
}

static struct smelt_ir_value *add_scale(struct smelt_ir *ir, const struct products *p,
                                        struct smelt_ir_value *s)
{
    const float factor = (p->negative ? -1.0f : 1.0f) * (p->divides ? 4 : 0.25f);
    struct smelt_ir_value *by = rig_weight(ir, "by", 0, NULL, &factor);
    return p->divides ? rig_node(ir, "Div", "scaled", s, by, NULL)
                      : rig_node(ir, "Mul", "scaled", by, s, NULL);
}

static struct smelt_ir *make_products(const struct products *p)
{
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *q = add_input(ir, "q", p->rank, p->heads, TOKENS, SIZE),
                          *k = p->turned ? add_input(ir, "k", p->rank, p->heads, SIZE, KEYS)
                                         : add_input(ir, "k", p->rank, p->heads, KEYS, SIZE),
                          *v = add_input(ir, "v", p->rank, p->heads, KEYS, ROWS),
                          *mask = p->mask ? add_input(ir, "mask", 1, 1, 1, KEYS) : NULL;
    if (!p->turned) {
        static const int64_t axes[4] = {0, 1, 3, 2}, axes3[3] = {0, 2, 1}, axes2[2] = {1, 0};
        const struct smelt_ir_attribute perm = {.set = true,
                                                .integers = p->rank == 4   ? axes
                                                            : p->rank == 3 ? axes3
                                                                           : axes2,
                                                .count = p->rank};
        k = rig_node(ir, "Transpose", "kt", k, NULL, NULL);
        CHECK_OK(smelt_ir_set_attribute(ir, k->producer, "perm", &perm));
    }
    struct smelt_ir_value *s = add_scale(ir, p, rig_node(ir, "MatMul", "scores", q, k, NULL));
    if (mask)
        s = rig_node(ir, "Add", "masked", s, mask, NULL);
    if (p->shown)
        CHECK_OK(smelt_ir_add_output(ir, s));
    CHECK_OK(smelt_ir_add_output(
        ir, rig_node(ir, "MatMul", "y", rig_node(ir, "Softmax", "p", s, NULL, NULL), v, NULL)));
    return ir;
}

// Row i of a head of y.
static void attend(const struct products *p, float *const in[4], uint32_t h, uint32_t i, double y[ROWS])
{
    const float *q = in[0] + (h * TOKENS + i) * SIZE, *k = in[1] + h * KEYS * SIZE,
                *v = in[2] + h * KEYS * ROWS;
    double weights[KEYS], most = -INFINITY, sum = 0;
    for (uint32_t j = 0; j < KEYS; j++) {
        double s = 0;
        for (uint32_t e = 0; e < SIZE; e++)
            s += (double)q[e] * (double)k[p->turned ? e * KEYS + j : j * SIZE + e];
        weights[j] = s * (p->negative ? -0.25 : 0.25) + (p->mask ? (double)in[3][j] : 0);
        most = fmax(most, weights[j]);
    }
    for (uint32_t j = 0; j < KEYS; j++)
        sum += weights[j] = exp(weights[j] - most);
    memset(y, 0, ROWS * sizeof(*y));
    for (uint32_t j = 0; j < KEYS; j++)
        for (uint32_t e = 0; e < ROWS; e++)
            y[e] += weights[j] / sum * (double)v[j * ROWS + e];
}

// The size of its heap.
static uint64_t run(const struct products *p, bool no_fusion, float *const in[4])
{
    const struct smelt_network_params params = {.storage = p->half ? SMELT_DTYPE_F16 : SMELT_DTYPE_F32,
                                                .no_fusion = no_fusion};
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), make_products(p), &params, &network));
    const struct smelt_network_info *info = smelt_network_info(network);
    uint64_t size = info->intermediates_size;
    struct rig_run run = rig_make(network);
    for (uint32_t i = 0; i < info->input_count; i++)
        rig_write(&run, i, in[i]);
    rig_dispatch(network, &run);
    float *y = malloc(p->heads * TOKENS * ROWS * sizeof(float));
    rig_read(&run, run.count - 1, y);
    for (uint32_t i = 0; i < p->heads * TOKENS; i += 31) {
        double wanted[ROWS];
        attend(p, in, i / TOKENS, i % TOKENS, wanted);
        for (uint32_t e = 0; e < ROWS; e++)
            CHECK(fabs((double)y[i * ROWS + e] - wanted[e]) <= (p->half ? 0.02 : 1e-4));
    }
    free(y);
    rig_free(&run);
    smelt_network_destroy(&network);
    return size;
}

static void check(struct products p)
{
    p.heads = p.heads ? p.heads : 1;
    const uint32_t counts[4] = {p.heads * TOKENS * SIZE, p.heads * KEYS * SIZE, p.heads * KEYS * ROWS, KEYS};
    float *in[4];
    for (uint32_t i = 0; i < 4; i++)
        fill(in[i] = malloc(counts[i] * sizeof(float)), counts[i], i + 1);
    for (uint32_t j = 0; j < KEYS; j++)
        in[3][j] = j % 5 == 0 ? -INFINITY : in[3][j] / 2;
    uint64_t scores = (uint64_t)p.heads * TOKENS * KEYS * (p.half ? 2 : 4), heap = run(&p, false, in);
    CHECK(p.found ? heap < scores / 8 : heap >= scores);
    if (p.found && p.half)
        CHECK(run(&p, true, in) >= scores); // what it would be without
    for (uint32_t i = 0; i < 4; i++)
        free(in[i]);
}

static void finds_attention(void)
{
    check((struct products){.rank = 4, .heads = 2, .found = true});
    check((struct products){
        .rank = 3, .turned = true, .divides = true, .mask = true, .half = true, .found = true});
    check((struct products){.rank = 2, .mask = true, .found = true});
}

static void leaves_what_is_none(void)
{
    check((struct products){.rank = 3, .negative = true});
    check((struct products){.rank = 2, .shown = true, .half = true});
}

static const struct test tests[] = {
    {"products with a softmax between are one kernel", finds_attention},
    {"other scales, and scores that are an output, are left", leaves_what_is_none},
};

TEST_MAIN(tests)
