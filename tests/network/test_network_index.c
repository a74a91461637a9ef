// SPDX-License-Identifier: MIT
// GatherElements, GatherND, ScatterElements, ScatterND, Trilu and CumSum against the same in C.
#include "node_rig.h"

#include <math.h>

static const char *const reductions[] = {"none", "add", "mul", "max", "min"};
static const enum smelt_element elements[] = {SMELT_ELEMENT_F32, SMELT_ELEMENT_F16, SMELT_ELEMENT_I32,
                                              SMELT_ELEMENT_U8};
static double x[60]; // [3][4][5]

static void fill(void)
{
    for (int i = 0; i < 60; i++)
        x[i] = i % 7 + 1;
}

static double reduce(uint32_t reduction, double a, double b)
{
    return reduction == 1   ? a + b
           : reduction == 2 ? a * b
           : reduction == 3 ? fmax(a, b)
           : reduction == 4 ? fmin(a, b)
                            : b;
}

static void gathers_elements(void)
{
    // [3][2][5], of which some count from the end and one lies outside
    double indices[30];
    fill();
    for (int i = 0; i < 30; i++)
        indices[i] = i == 17 ? 4 : (i * 5) % 8 - 4;
    for (uint32_t t = 0; t < SMELT_COUNT_OF(elements); t++) {
        struct node node = node_start("GatherElements");
        node_input(&node, elements[t], 3, (const uint64_t[]){3, 4, 5}, x);
        node_input(&node, t % 2 ? SMELT_ELEMENT_I32 : SMELT_ELEMENT_I64, 3, (const uint64_t[]){3, 2, 5},
                   indices);
        node_integer(&node, "axis", -2);
        const double *y = node_run(&node);
        for (uint32_t i = 0; i < 30; i++) {
            int at = (int)indices[i] + (indices[i] < 0 ? 4 : 0);
            node_expect(&node, i, y[i], at < 4 ? x[i / 10 * 20 + (uint32_t)at * 5 + i % 5] : 0, 0);
        }
        node_end(&node);
    }
}

static void gathers_tuples(void)
{
    // Without batch axes: y[i][k] = x[a][b][k]; with one: y[i][k] = x[i][a][k].
    const double pairs[8] = {0, 3, -1, 1, 2, -4, 3, 0}, singles[3] = {2, -1, 0};
    fill();
    struct node node = node_start("GatherND");
    node_input(&node, SMELT_ELEMENT_F32, 3, (const uint64_t[]){3, 4, 5}, x);
    node_input(&node, SMELT_ELEMENT_I64, 2, (const uint64_t[]){4, 2}, pairs);
    const double *y = node_run(&node);
    for (uint32_t i = 0; i < 20; i++) {
        int a = (int)pairs[i / 5 * 2], b = (int)pairs[i / 5 * 2 + 1];
        a += a < 0 ? 3 : 0;
        b += b < 0 ? 4 : 0;
        node_expect(&node, i, y[i], a < 3 ? x[a * 20 + b * 5 + (int)i % 5] : 0, 0);
    }
    node_end(&node);
    node = node_start("GatherND");
    node_input(&node, SMELT_ELEMENT_I32, 3, (const uint64_t[]){3, 4, 5}, x);
    node_input(&node, SMELT_ELEMENT_I64, 2, (const uint64_t[]){3, 1}, singles);
    node_integer(&node, "batch_dims", 1);
    y = node_run(&node);
    for (uint32_t i = 0; i < 15; i++) {
        int a = (int)singles[i / 5] + (singles[i / 5] < 0 ? 4 : 0);
        node_expect(&node, i, y[i], x[(int)i / 5 * 20 + a * 5 + (int)i % 5], 0);
    }
    node_end(&node);
}

static void scatters_elements(void)
{
    // [2][3][4] along the last axis: places repeat where there is a reduction
    double indices[24], updates[24], want[60];
    fill();
    for (uint32_t r = 0; r < SMELT_COUNT_OF(reductions); r++)
        for (uint32_t t = 0; t < 3; t += 2) {
            struct node node = node_start("ScatterElements");
            memcpy(want, x, sizeof(want));
            for (int i = 0; i < 24; i++) {
                indices[i] = r ? (i * 3) % 5 - (i % 2 ? 5 : 0) : (i % 4 + i / 4) % 5;
                updates[i] = i % 5;
                int at = (int)indices[i] + (indices[i] < 0 ? 5 : 0);
                double *place = &want[i / 12 * 20 + i / 4 % 3 * 5 + at];
                *place = reduce(r, *place, updates[i]);
            }
            node_input(&node, elements[t], 3, (const uint64_t[]){3, 4, 5}, x);
            node_input(&node, SMELT_ELEMENT_I64, 3, (const uint64_t[]){2, 3, 4}, indices);
            node_input(&node, elements[t], 3, (const uint64_t[]){2, 3, 4}, updates);
            node_integer(&node, "axis", 2);
            node_word(&node, "reduction", reductions[r]);
            const double *y = node_run(&node);
            for (uint32_t i = 0; i < 60; i++)
                node_expect(&node, i, y[i], want[i], 0);
            node_end(&node);
        }
}

static void scatters_tuples(void)
{
    const double pairs[8] = {2, 1, 0, -1, -3, 0, 1, 2}, twice[8] = {2, 1, 0, -1, 2, 1, 0, 3};
    double updates[20], want[60];
    fill();
    for (uint32_t r = 0; r < SMELT_COUNT_OF(reductions); r++) {
        const double *indices = r ? twice : pairs;
        struct node node = node_start("ScatterND");
        memcpy(want, x, sizeof(want));
        for (int i = 0; i < 20; i++) {
            int a = (int)indices[i / 5 * 2], b = (int)indices[i / 5 * 2 + 1];
            updates[i] = i % 6;
            double *place = &want[(a < 0 ? a + 3 : a) * 20 + (b < 0 ? b + 4 : b) * 5 + i % 5];
            *place = reduce(r, *place, updates[i]);
        }
        node_input(&node, SMELT_ELEMENT_F32, 3, (const uint64_t[]){3, 4, 5}, x);
        node_input(&node, SMELT_ELEMENT_I64, 3, (const uint64_t[]){2, 2, 2}, indices);
        node_input(&node, SMELT_ELEMENT_F32, 3, (const uint64_t[]){2, 2, 5}, updates);
        node_word(&node, "reduction", reductions[r]);
        const double *y = node_run(&node);
        for (uint32_t i = 0; i < 60; i++)
            node_expect(&node, i, y[i], want[i], 0);
        node_end(&node);
    }
}

static void triangles(void)
{
    fill();
    for (int upper = 0; upper < 2; upper++)
        for (int k = -2; k < 3; k++) {
            const double diagonal = k;
            struct node node = node_start("Trilu");
            node_input(&node, upper ? SMELT_ELEMENT_F32 : SMELT_ELEMENT_BOOL, 3, (const uint64_t[]){3, 4, 5},
                       x);
            if (k)
                node_constant(&node, SMELT_ELEMENT_I64, 0, NULL, &diagonal);
            node_integer(&node, "upper", upper);
            const double *y = node_run(&node);
            for (uint32_t i = 0; i < 60; i++) {
                int above = (int)(i % 5) - (int)(i / 5 % 4);
                node_expect(&node, i, y[i], (upper ? above >= k : above <= k) ? x[i] : 0, 0);
            }
            node_end(&node);
        }
}

static void running_sums(void)
{
    const double axis = 1;
    fill();
    for (int mode = 0; mode < 4; mode++) {
        bool exclusive = mode & 1, reverse = mode >> 1;
        struct node node = node_start("CumSum");
        node_input(&node, mode ? SMELT_ELEMENT_F32 : SMELT_ELEMENT_I32, 3, (const uint64_t[]){3, 4, 5}, x);
        node_constant(&node, SMELT_ELEMENT_I64, 0, NULL, &axis);
        node_integer(&node, "exclusive", exclusive);
        node_integer(&node, "reverse", reverse);
        const double *y = node_run(&node);
        for (int i = 0; i < 60; i++) {
            double sum = 0;
            for (int k = 0; k < 4; k++)
                if (reverse ? k > i / 5 % 4 : k < i / 5 % 4)
                    sum += x[i / 20 * 20 + k * 5 + i % 5];
            node_expect(&node, (uint32_t)i, y[i], sum + (exclusive ? 0 : x[i]), 0);
        }
        node_end(&node);
    }
}

// A node of x [3][4][5] and two more inputs of these types and shapes; what the inference says.
static enum smelt_result try_node(const char *op, enum smelt_element index, uint32_t index_rank,
                                  const uint64_t *shape, enum smelt_element update, uint32_t update_rank,
                                  const uint64_t *update_shape)
{
    struct node node = node_start(op);
    struct smelt_ir_value *y;
    struct smelt_ir_node *made;
    node_input(&node, SMELT_ELEMENT_F32, 3, (const uint64_t[]){3, 4, 5}, x);
    node_input(&node, index, index_rank, shape, x);
    if (update)
        node_input(&node, update, update_rank, update_shape, x);
    CHECK_OK(smelt_ir_value(node.ir, "y", &y));
    CHECK_OK(smelt_ir_add_node(node.ir, smelt_operator_find(op), "n", node.inputs, node.input_count, &y, 1,
                               &made));
    CHECK_OK(smelt_ir_add_output(node.ir, y));
    enum smelt_result result = smelt_ir_infer(node.ir);
    smelt_ir_destroy(&node.ir);
    return result;
}

static void refusals(void)
{
    const uint64_t flat[2] = {4, 5}, cube[3] = {3, 2, 5}, tuples[2] = {2, 4}, pairs[2] = {2, 2},
                   rows[2] = {2, 5};
    CHECK_FAILS(try_node("GatherElements", SMELT_ELEMENT_F32, 3, cube, SMELT_ELEMENT_NONE, 0, NULL),
                SMELT_ERROR_DTYPE, "i64");
    CHECK_FAILS(try_node("GatherElements", SMELT_ELEMENT_I64, 2, flat, SMELT_ELEMENT_NONE, 0, NULL),
                SMELT_ERROR_SHAPE, "rank");
    CHECK_FAILS(try_node("GatherND", SMELT_ELEMENT_I64, 2, tuples, SMELT_ELEMENT_NONE, 0, NULL),
                SMELT_ERROR_SHAPE, "1 to 3 coordinates");
    CHECK_FAILS(try_node("ScatterElements", SMELT_ELEMENT_I64, 3, cube, SMELT_ELEMENT_F16, 3, cube),
                SMELT_ERROR_DTYPE, "f32");
    CHECK_FAILS(try_node("ScatterND", SMELT_ELEMENT_I64, 2, pairs, SMELT_ELEMENT_F32, 2, flat),
                SMELT_ERROR_SHAPE, "extent");
    CHECK_OK(try_node("ScatterND", SMELT_ELEMENT_I64, 2, pairs, SMELT_ELEMENT_F32, 2, rows));
    CHECK_FAILS(try_node("CumSum", SMELT_ELEMENT_I64, 0, NULL, SMELT_ELEMENT_NONE, 0, NULL),
                SMELT_ERROR_UNSUPPORTED, "CumSum");
}

static const struct test tests[] = {
    {"elements by indices along an axis", gathers_elements},
    {"elements by tuples of indices", gathers_tuples},
    {"updates along an axis", scatters_elements},
    {"updates by tuples of indices", scatters_tuples},
    {"triangles", triangles},
    {"running sums", running_sums},
    {"what does not fit is refused", refusals},
};

TEST_MAIN(tests)
