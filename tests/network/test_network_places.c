// SPDX-License-Identifier: MIT
// Operators that move elements and that scale integers, on the device against the host: every mode, negative and outside
// indices, inputs that do not lie row-major, 4 bit elements.
#include "node_rig.h"

#include <math.h>

static void set(struct node *node, const char *name, int64_t value)
{
    struct smelt_ir_attribute attribute = {.set = true, .integer = value, .number = (double)value};
    node_attribute(node, name, &attribute);
}

static void set_word(struct node *node, const char *name, const char *word)
{
    struct smelt_ir_attribute attribute = {.set = true, .word = word};
    node_attribute(node, name, &attribute);
}

static void expect_all(const struct node *node, const double *y, uint32_t count, const double *wanted)
{
    for (uint32_t i = 0; i < count; i++)
        node_expect(node, i, y[i], wanted[i], 0);
}

static const enum smelt_element elements[] = {SMELT_ELEMENT_F32, SMELT_ELEMENT_F16, SMELT_ELEMENT_I64,
                                              SMELT_ELEMENT_U8};
static const double counting[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                    12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

// What index i of n elements becomes in a mode, -1: a constant.
static int padded(const char *mode, int i, int n)
{
    if (!strcmp(mode, "edge"))
        return SMELT_MIN(SMELT_MAX(i, 0), n - 1);
    if (!strcmp(mode, "wrap"))
        return ((i % n) + n) % n;
    while (!strcmp(mode, "reflect") && (i < 0 || i >= n))
        i = i < 0 ? -i : 2 * n - 2 - i;
    return i >= 0 && i < n ? i : -1;
}

static void pads(void)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    const double amounts[4] = {2, 3, -1, 5},
                 value = 7; // of axes 0 and 2, beyond what a single reflection gives
    const double axes[2] = {-3, 2};
    for (int m = 0; m < 4; m++)
        for (uint32_t t = 0; t < SMELT_COUNT_OF(elements); t++) {
            struct node node = node_start("Pad");
            node_input(&node, elements[t], 3, (const uint64_t[]){3, 2, 4}, counting);
            node_constant(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){4}, amounts);
            if (m == 0)
                node_input(&node, elements[t], 0, NULL, &value);
            else
                node_absent(&node);
            node_constant(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){2}, axes);
            set_word(&node, "mode", modes[m]);
            const double *y = node_run(&node);
            for (int i = 0; i < 4 * 2 * 12; i++) { // the negative pad goes before the others wrap around
                int a = padded(modes[m], i / 24 - 2, m == 3 ? 2 : 3), b = padded(modes[m], i % 12 - 3, 4);
                double wanted = a < 0 || b < 0 ? value : counting[8 * a + 4 * (i / 12 % 2) + b];
                node_expect(&node, (uint32_t)i, y[i], wanted, 0);
            }
            node_end(&node);
        }
}

static void slices(void)
{
    const double starts[2] = {-1, 1}, ends[2] = {-100, 100}, axes[2] = {0, 2}, steps[2] = {-2, 2};
    struct node node = node_start("Slice");
    node_input(&node, SMELT_ELEMENT_I32, 3, (const uint64_t[]){3, 2, 4}, counting);
    node_constant(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){2}, starts);
    node_constant(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){2}, ends);
    node_constant(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){2}, axes);
    node_constant(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){2}, steps);
    const double *y = node_run(&node);
    const double wanted[8] = {17, 19, 21, 23, 1, 3, 5, 7};
    expect_all(&node, y, 8, wanted);
    node_end(&node);
}

// Elements of 4 bits cannot be viewed in the middle of a byte.
static void slices_of_4_bits(void)
{
    const double a[10] = {0, 1, 2, 3, 4, 5, 6, 7, -8, -7}, start = 1, end = 4, axis = 1;
    struct node node = node_start("Slice");
    node_input(&node, SMELT_ELEMENT_I4, 2, (const uint64_t[]){1, 10}, a);
    node_constant(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){1}, &start);
    node_constant(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){1}, &end);
    node_constant(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){1}, &axis);
    expect_all(&node, node_run(&node), 3, &a[1]);
    node_end(&node);
}

// Rows of an odd number of elements, which end in the middle of a byte, become others.
static void rows_of_4_bits(void)
{
    const double a[15] = {0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2}, shape[2] = {5, 3};
    const int64_t swap[2] = {1, 0};
    struct node turn = node_start("Transpose");
    node_input(&turn, SMELT_ELEMENT_I4, 2, (const uint64_t[]){3, 5}, a);
    node_attribute(&turn, "perm", &(struct smelt_ir_attribute){.integers = swap, .count = 2});
    const double *y = node_run(&turn);
    for (uint32_t i = 0; i < 15; i++)
        node_expect(&turn, i, y[i], a[i % 3 * 5 + i / 3], 0);
    node_end(&turn);
    struct node reshape = node_start("Reshape");
    node_input(&reshape, SMELT_ELEMENT_I4, 2, (const uint64_t[]){3, 5}, a);
    node_constant(&reshape, SMELT_ELEMENT_I64, 1, (const uint64_t[]){2}, shape);
    expect_all(&reshape, node_run(&reshape), 15, a);
    node_end(&reshape);
    for (int axis = 0; axis < 2; axis++) {
        const double b[6] = {8, 9, 10, 11, 12, 15}, c[6] = {1, 2, 3, 4, 5, 6};
        struct node concat = node_start("Concat");
        node_input(&concat, SMELT_ELEMENT_U4, 2, (const uint64_t[]){2, 3}, b);
        node_input(&concat, SMELT_ELEMENT_U4, 2, (const uint64_t[]){2, 3}, c);
        set(&concat, "axis", axis);
        y = node_run(&concat);
        for (uint32_t i = 0; i < 12; i++) {
            bool first = axis ? i % 6 < 3 : i < 6;
            node_expect(&concat, i, y[i], (first ? b : c)[axis ? i / 6 * 3 + i % 3 : i % 6], 0);
        }
        node_end(&concat);
    }
}

static void tiles_and_expansions(void)
{
    const double repeats[2] = {2, 3}, shape[3] = {2, 3, 4}, column[3] = {5, 6, 7};
    struct node tile = node_start("Tile");
    node_input(&tile, SMELT_ELEMENT_F16, 2, (const uint64_t[]){2, 3}, counting);
    node_constant(&tile, SMELT_ELEMENT_I64, 1, (const uint64_t[]){2}, repeats);
    const double *y = node_run(&tile);
    for (uint32_t i = 0; i < 36; i++)
        node_expect(&tile, i, y[i], counting[i / 9 % 2 * 3 + i % 3], 0);
    node_end(&tile);
    struct node expand = node_start("Expand");
    node_input(&expand, SMELT_ELEMENT_U8, 2, (const uint64_t[]){3, 1}, column);
    node_constant(&expand, SMELT_ELEMENT_I64, 1, (const uint64_t[]){3}, shape);
    y = node_run(&expand);
    for (uint32_t i = 0; i < 24; i++)
        node_expect(&expand, i, y[i], column[i / 4 % 3], 0);
    node_end(&expand);
}

// Indices of rank 2 in the middle; negative ones count from the end, and those outside give 0.
static void gathers(void)
{
    const double indices[4] = {2, -1, 0, 7};
    for (uint32_t t = 0; t < SMELT_COUNT_OF(elements); t++) {
        struct node node = node_start("Gather");
        node_input(&node, elements[t], 3, (const uint64_t[]){2, 3, 4}, counting);
        node_input(&node, t % 2 ? SMELT_ELEMENT_I32 : SMELT_ELEMENT_I64, 2, (const uint64_t[]){2, 2},
                   indices);
        set(&node, "axis", 1);
        const double *y = node_run(&node);
        for (uint32_t i = 0; i < 32; i++) {
            double index = indices[i / 4 % 4];
            index += index < 0 ? 3 : 0;
            node_expect(&node, i, y[i], index < 3 ? counting[i / 16 * 12 + (int)index * 4 + (int)i % 4] : 0,
                        0);
        }
        node_end(&node);
    }
}

// A transposed input has to be copied to get another shape, and is a view else.
static void transposed_reshapes(void)
{
    struct node node = node_start("Reshape");
    const double shape[2] = {4, 6};
    const int64_t perm[3] = {2, 0, 1};
    struct smelt_ir_value *turned;
    struct smelt_ir_node *made;
    node_input(&node, SMELT_ELEMENT_F32, 3, (const uint64_t[]){2, 3, 4}, counting);
    CHECK_OK(smelt_ir_value(node.ir, "turned", &turned));
    CHECK_OK(
        smelt_ir_add_node(node.ir, smelt_operator_find("Transpose"), "t", node.inputs, 1, &turned, 1, &made));
    const struct smelt_ir_attribute attribute = {.set = true, .integers = perm, .count = 3};
    CHECK_OK(smelt_ir_set_attribute(node.ir, made, "perm", &attribute));
    node.inputs[0] = turned;
    node_constant(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){2}, shape);
    const double *y = node_run(&node);
    for (uint32_t i = 0; i < 24; i++)
        node_expect(&node, i, y[i], counting[i % 6 * 4 + i / 6], 0);
    node_end(&node);
}

static void concatenations(void)
{
    struct node node = node_start("Concat");
    node_input(&node, SMELT_ELEMENT_I16, 3, (const uint64_t[]){2, 1, 3}, counting);
    node_input(&node, SMELT_ELEMENT_I16, 3, (const uint64_t[]){2, 2, 3}, counting + 6);
    set(&node, "axis", -2);
    const double *y = node_run(&node);
    const double wanted[18] = {0, 1, 2, 6, 7, 8, 9, 10, 11, 3, 4, 5, 12, 13, 14, 15, 16, 17};
    expect_all(&node, y, 18, wanted);
    node_end(&node);
}

// --- Scaled integers ------------------------------------------------------------------------------------------

static double saturated(double v, double low, double high)
{
    return fmin(fmax(v, low), high);
}

// Ties go to even; by tensor, along an axis and in blocks.
static void quantizations(void)
{
    static const struct {
        enum smelt_element element;
        double low, high;
    } types[] = {{SMELT_ELEMENT_I8, -128, 127},      {SMELT_ELEMENT_U8, 0, 255},
                 {SMELT_ELEMENT_I16, -32768, 32767}, {SMELT_ELEMENT_U16, 0, 65535},
                 {SMELT_ELEMENT_I4, -8, 7},          {SMELT_ELEMENT_U4, 0, 15}};
    const double scales[6] = {0.5, 2, 0.25, 1, 4, 0.125}, zeros[6] = {1, 2, 3, 0, 4, 5};
    double a[24];
    for (int i = 0; i < 24; i++)
        a[i] = (i - 12) * 1.25 + (i == 5 ? 90000 : 0);
    for (uint32_t t = 0; t < SMELT_COUNT_OF(types); t++)
        for (int form = 0; form < 3; form++) {
            const uint64_t vector[1] = {2}, blocked[3] = {2, 1, 3};
            uint32_t rank = form == 0 ? 0 : form == 1 ? 1 : 3;
            struct node node = node_start("QuantizeLinear");
            node_input(&node, SMELT_ELEMENT_F32, 3, (const uint64_t[]){2, 4, 3}, a);
            node_input(&node, SMELT_ELEMENT_F32, rank, form == 1 ? vector : blocked, scales);
            node_input(&node, types[t].element, rank, form == 1 ? vector : blocked, zeros);
            set(&node, "axis", form == 2 ? 1 : 0);
            if (form == 2)
                set(&node, "block_size", 4);
            const double *y = node_run(&node);
            for (uint32_t i = 0; i < 24; i++) {
                uint32_t s = form == 0 ? 0 : form == 1 ? i / 12 : i / 12 * 3 + i % 3;
                double wanted =
                    saturated(nearbyint(a[i] / scales[s]) + zeros[s], types[t].low, types[t].high);
                node_expect(&node, i, y[i], wanted, 0);
            }
            node_end(&node);
        }
}

static void dequantizations(void)
{
    static const enum smelt_element types[] = {SMELT_ELEMENT_I8, SMELT_ELEMENT_U8, SMELT_ELEMENT_I32,
                                               SMELT_ELEMENT_I4, SMELT_ELEMENT_F8E4M3};
    const double scales[3] = {0.5, 2, 0.25}, zeros[3] = {1, 2, 3}, none[3] = {0};
    for (uint32_t t = 0; t < SMELT_COUNT_OF(types); t++) {
        bool real = smelt_element_is_float(types[t]);
        struct node node = node_start("DequantizeLinear");
        node_input(&node, types[t], 2, (const uint64_t[]){2, 3}, counting);
        node_input(&node, SMELT_ELEMENT_F32, 1, (const uint64_t[]){3}, scales);
        node_input(&node, types[t], 1, (const uint64_t[]){3}, real ? none : zeros);
        const double *y = node_run(&node);
        for (uint32_t i = 0; i < 6; i++)
            node_expect(&node, i, y[i], (counting[i] - (real ? 0 : zeros[i % 3])) * scales[i % 3], 0);
        node_end(&node);
    }
}

// Vectors on either side, zero points for rows and columns, a batch.
static void integer_products(void)
{
    const double a[12] = {1, 2, 3, 250, 5, 6, 7, 8, 9, 10, 11, 12}, b[6] = {-1, 2, -3, 4, 5, -128};
    const double a_zero[2] = {1, 7}, b_zero[2] = {3, -2};
    struct node node = node_start("MatMulInteger");
    node_input(&node, SMELT_ELEMENT_U8, 3, (const uint64_t[]){2, 2, 3}, a);
    node_input(&node, SMELT_ELEMENT_I8, 2, (const uint64_t[]){3, 2}, b);
    node_input(&node, SMELT_ELEMENT_U8, 1, (const uint64_t[]){2}, a_zero);
    node_input(&node, SMELT_ELEMENT_I8, 1, (const uint64_t[]){2}, b_zero);
    const double *y = node_run(&node);
    for (uint32_t i = 0; i < 8; i++) {
        double sum = 0;
        for (uint32_t k = 0; k < 3; k++)
            sum += (a[i / 2 * 3 + k] - a_zero[i / 2 % 2]) * (b[2 * k + i % 2] - b_zero[i % 2]);
        node_expect(&node, i, y[i], sum, 0);
    }
    node_end(&node);
    struct node row = node_start("MatMulInteger");
    node_input(&row, SMELT_ELEMENT_U8, 1, (const uint64_t[]){3}, a);
    node_input(&row, SMELT_ELEMENT_I8, 2, (const uint64_t[]){3, 2}, b);
    y = node_run(&row);
    for (uint32_t i = 0; i < 2; i++)
        node_expect(&row, i, y[i], a[0] * b[i] + a[1] * b[2 + i] + a[2] * b[4 + i], 0);
    node_end(&row);
}

// Groups, strides and padding, with a zero point for each output channel.
static void integer_convolutions(void)
{
    const double zero = 3, zeros[4] = {1, 0, 2, 1};
    const int64_t strides[2] = {1, 2}, padding[4] = {1, 0, 0, 1};
    const struct smelt_ir_attribute stride = {.set = true, .integers = strides, .count = 2},
                                    pad = {.set = true, .integers = padding, .count = 4};
    double x[2 * 3 * 4], w[4 * 1 * 2 * 2];
    for (int i = 0; i < 24; i++)
        x[i] = i * 7 % 256;
    for (int i = 0; i < 16; i++)
        w[i] = i * 5 % 11;
    struct node node = node_start("ConvInteger");
    node_input(&node, SMELT_ELEMENT_U8, 4, (const uint64_t[]){1, 2, 3, 4}, x);
    node_input(&node, SMELT_ELEMENT_U8, 4, (const uint64_t[]){4, 1, 2, 2}, w);
    node_input(&node, SMELT_ELEMENT_U8, 0, NULL, &zero);
    node_input(&node, SMELT_ELEMENT_U8, 1, (const uint64_t[]){4}, zeros);
    set(&node, "group", 2);
    node_attribute(&node, "strides", &stride);
    node_attribute(&node, "pads", &pad);
    const double *y = node_run(&node);
    for (int i = 0; i < 4 * 3 * 2; i++) {
        int m = i / 6, row = i / 2 % 3, column = i % 2;
        double sum = 0;
        for (int k = 0; k < 4; k++) {
            int r = row + k / 2 - 1, c = 2 * column + k % 2;
            if (r >= 0 && r < 3 && c < 4)
                sum += (x[m / 2 * 12 + 4 * r + c] - zero) * (w[4 * m + k] - zeros[m]);
        }
        node_expect(&node, (uint32_t)i, y[i], sum, 0);
    }
    node_end(&node);
}

// Sizes from which on the library's products and convolutions are called: y in i32, and scaled in u8.
static void large_products(void)
{
    enum { M = 8, K = 80, N = 64 };
    static double a[M * K], b[K * N], zeros[N], scales[N];
    const double a_zero = 7, a_scale = 0.125, scale = 64, zero = 100;
    for (int i = 0; i < M * K; i++)
        a[i] = i * 31 % 256;
    for (int i = 0; i < K * N; i++)
        b[i] = i * 17 % 251 - 125;
    for (int i = 0; i < N; i++)
        zeros[i] = i % 5 - 2, scales[i] = 0.25 * (1 + i % 3);
    for (int scaled = 0; scaled < 2; scaled++) {
        struct node node = node_start(scaled ? "QLinearMatMul" : "MatMulInteger");
        node_input(&node, SMELT_ELEMENT_U8, 3, (const uint64_t[]){2, M / 2, K}, a);
        if (scaled) {
            node_input(&node, SMELT_ELEMENT_F32, 0, NULL, &a_scale);
            node_input(&node, SMELT_ELEMENT_U8, 0, NULL, &a_zero);
        }
        node_input(&node, SMELT_ELEMENT_I8, 2, (const uint64_t[]){K, N}, b);
        if (scaled)
            node_input(&node, SMELT_ELEMENT_F32, 1, (const uint64_t[]){N}, scales);
        else
            node_input(&node, SMELT_ELEMENT_U8, 0, NULL, &a_zero);
        node_input(&node, SMELT_ELEMENT_I8, 1, (const uint64_t[]){N}, zeros);
        if (scaled) {
            node_input(&node, SMELT_ELEMENT_F32, 0, NULL, &scale);
            node_input(&node, SMELT_ELEMENT_U8, 0, NULL, &zero);
        }
        const double *y = node_run(&node);
        for (uint32_t i = 0; i < M * N; i++) {
            double sum = 0;
            for (uint32_t k = 0; k < K; k++)
                sum += (a[i / N * K + k] - a_zero) * (b[k * N + i % N] - zeros[i % N]);
            if (scaled)
                sum = saturated(nearbyint(sum * a_scale * scales[i % N] / scale) + zero, 0, 255);
            node_expect(&node, i, y[i], sum, 0);
        }
        node_end(&node);
    }
}

static void large_convolutions(void)
{
    enum { C = 8, S = 10, O = 16, GROUPS = 2 };
    static double x[C * S * S], w[O * C / GROUPS * 9], zeros[O], scales[O], bias[O];
    const double x_zero = 9, x_scale = 0.5, scale = 32, zero = -3;
    const int64_t padding[4] = {1, 1, 1, 1};
    const struct smelt_ir_attribute pad = {.set = true, .integers = padding, .count = 4};
    for (int i = 0; i < C * S * S; i++)
        x[i] = i * 7 % 200 - 100;
    for (uint32_t i = 0; i < SMELT_COUNT_OF(w); i++)
        w[i] = i * 13 % 251 - 125.0;
    for (int i = 0; i < O; i++)
        zeros[i] = i % 4, scales[i] = 0.03125 * (1 + i % 2), bias[i] = 100 * i;
    for (int scaled = 0; scaled < 2; scaled++) {
        struct node node = node_start(scaled ? "QLinearConv" : "ConvInteger");
        node_input(&node, SMELT_ELEMENT_I8, 4, (const uint64_t[]){1, C, S, S}, x);
        if (scaled) {
            node_input(&node, SMELT_ELEMENT_F32, 0, NULL, &x_scale);
            node_input(&node, SMELT_ELEMENT_I8, 0, NULL, &x_zero);
        }
        node_input(&node, SMELT_ELEMENT_I8, 4, (const uint64_t[]){O, C / GROUPS, 3, 3}, w);
        if (scaled)
            node_input(&node, SMELT_ELEMENT_F32, 1, (const uint64_t[]){O}, scales);
        else
            node_input(&node, SMELT_ELEMENT_I8, 0, NULL, &x_zero);
        node_input(&node, SMELT_ELEMENT_I8, 1, (const uint64_t[]){O}, zeros);
        if (scaled) {
            node_input(&node, SMELT_ELEMENT_F32, 0, NULL, &scale);
            node_input(&node, SMELT_ELEMENT_I8, 0, NULL, &zero);
            node_input(&node, SMELT_ELEMENT_I32, 1, (const uint64_t[]){O}, bias);
        }
        set(&node, "group", GROUPS);
        node_attribute(&node, "pads", &pad);
        const double *y = node_run(&node);
        for (int i = 0; i < O * S * S; i++) {
            int o = i / (S * S), row = i / S % S, column = i % S;
            double sum = scaled ? bias[o] : 0;
            for (int k = 0; k < C / GROUPS * 9; k++) {
                int c = o / (O / GROUPS) * (C / GROUPS) + k / 9, r = row + k / 3 % 3 - 1,
                    s = column + k % 3 - 1;
                if (r >= 0 && r < S && s >= 0 && s < S)
                    sum += (x[c * S * S + r * S + s] - x_zero) * (w[o * C / GROUPS * 9 + k] - zeros[o]);
            }
            if (scaled)
                sum = saturated(nearbyint(sum * x_scale * scales[o] / scale) + zero, -128, 127);
            node_expect(&node, (uint32_t)i, y[i], sum, 0);
        }
        node_end(&node);
    }
}

static const struct test tests[] = {
    {"pads", pads},
    {"slices", slices},
    {"slices of 4 bits", slices_of_4_bits},
    {"rows of 4 bits", rows_of_4_bits},
    {"tiles and expansions", tiles_and_expansions},
    {"gathers", gathers},
    {"transposed reshapes", transposed_reshapes},
    {"concatenations", concatenations},
    {"quantizations", quantizations},
    {"dequantizations", dequantizations},
    {"integer products", integer_products},
    {"integer convolutions", integer_convolutions},
    {"large products", large_products},
    {"large convolutions", large_convolutions},
};

TEST_MAIN(tests)
