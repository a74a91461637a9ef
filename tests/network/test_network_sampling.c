// SPDX-License-Identifier: MIT
// Resize, GridSample and Attention on the device, each against the same in double on the host.
#include "node_rig.h"

#include <math.h>
#include <string.h>

static void fill(double *data, uint32_t count, uint32_t seed, double scale)
{
    for (uint32_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (float)(((double)(seed >> 8) / (1 << 24) - 0.5) * scale);
    }
}

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

// --- Resize ---------------------------------------------------------------------------------------------------

// A region of interest that leaves the image.
static void crops(void)
{
    static const uint64_t shape[4] = {1, 2, 5, 6}, eight[1] = {8}, four[1] = {4};
    const double roi[8] = {0, 0, 0.25, -0.1, 1, 1, 1.5, 0.7}, sizes[4] = {1, 2, 4, 3};
    double x[60];
    struct node node = node_start("Resize");
    fill(x, 60, 2, 2);
    node_input(&node, SMELT_ELEMENT_F32, 4, shape, x);
    node_constant(&node, SMELT_ELEMENT_F32, 1, eight, roi);
    node_absent(&node);
    node_constant(&node, SMELT_ELEMENT_I64, 1, four, sizes);
    node_word(&node, "mode", "linear");
    node_word(&node, "coordinate_transformation_mode", "tf_crop_and_resize");
    node_number(&node, "extrapolation_value", 7.5);
    const double *got = node_run(&node);
    for (int i = 0; i < 2 * 4 * 3; i++) {
        double row = 0.25 * 4 + i / 3 % 4 * 1.25 * 4 / 3, column = -0.1 * 5 + i % 3 * 0.8 * 5 / 2;
        double wanted = 7.5;
        if (row >= 0 && row <= 4 && column >= 0 && column <= 5) {
            int r = (int)row, c = (int)column, plane = i / 12 * 30;
            double fr = row - r, fc = column - c;
            wanted = (1 - fr) * ((1 - fc) * x[plane + r * 6 + c] + fc * x[plane + r * 6 + clamp(c + 1, 6)]) +
                     fr * ((1 - fc) * x[plane + clamp(r + 1, 5) * 6 + c] +
                           fc * x[plane + clamp(r + 1, 5) * 6 + clamp(c + 1, 6)]);
        }
        node_expect(&node, (uint32_t)i, got[i], wanted, 1e-4);
    }
    node_end(&node);
}

// Every axis, integers: more axes than one dispatch has.
static void repeats_integers(void)
{
    static const uint64_t shape[4] = {2, 3, 2, 3}, four[1] = {4};
    const double scales[4] = {2, 0.5, 3, 2};
    double x[36];
    struct node node = node_start("Resize");
    for (int i = 0; i < 36; i++)
        x[i] = i - 18;
    node_input(&node, SMELT_ELEMENT_I32, 4, shape, x);
    node_absent(&node);
    node_constant(&node, SMELT_ELEMENT_F32, 1, four, scales);
    node_word(&node, "coordinate_transformation_mode", "asymmetric");
    node_word(&node, "nearest_mode", "floor");
    const double *got = node_run(&node);
    for (int i = 0; i < 4 * 1 * 6 * 6; i++) {
        int at = ((i / 36 / 2 * 3 + 0) * 2 + i / 6 % 6 / 3) * 3 + i % 6 / 2;
        node_expect(&node, (uint32_t)i, got[i], x[at], 0);
    }
    node_end(&node);
}

static double cubic(double x)
{
    const double a = -0.75;
    x = fabs(x);
    return x <= 1  ? ((a + 2) * x - (a + 3)) * x * x + 1
           : x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
                   : 0;
}

static void leaves_out_what_is_outside(void)
{
    static const uint64_t shape[3] = {1, 1, 5}, three[1] = {3};
    const double sizes[3] = {1, 1, 8};
    double x[5];
    struct node node = node_start("Resize");
    fill(x, 5, 8, 2);
    node_input(&node, SMELT_ELEMENT_F32, 3, shape, x);
    node_absent(&node);
    node_absent(&node);
    node_constant(&node, SMELT_ELEMENT_I64, 1, three, sizes);
    node_word(&node, "mode", "cubic");
    node_integer(&node, "exclude_outside", 1);
    const double *got = node_run(&node);
    for (int i = 0; i < 8; i++) {
        double at = (i + 0.5) * 5 / 8 - 0.5, sum = 0, weights = 0;
        for (int k = 0; k < 5; k++) {
            sum += cubic(k - at) * x[k];
            weights += cubic(k - at);
        }
        node_expect(&node, (uint32_t)i, got[i], sum / weights, 1e-5);
    }
    node_end(&node);
}

// --- GridSample -------------------------------------------------------------------------------------------------

#define DEPTH 3
#define HEIGHT 4
#define WIDTH 5

static double mirror(double x, double low, double high)
{
    for (int i = 0; i < 20; i++)
        x = x < low ? 2 * low - x : x > high ? 2 * high - x : x;
    return x;
}

// An element of [DEPTH][HEIGHT][WIDTH] by the rule for what is outside.
static double element(const double *x, int depth, const int *at, const char *padding, bool corners)
{
    const int extents[3] = {depth, HEIGHT, WIDTH};
    int place = 0;
    for (int a = 0; a < 3; a++) {
        int i = at[a], n = extents[a];
        bool outside = i < 0 || i >= n;
        if (outside && !strcmp(padding, "zeros"))
            return 0;
        if (outside && !strcmp(padding, "reflection"))
            i = (int)mirror(i, corners ? 0 : -0.5, corners ? n - 1 : n - 0.5);
        place = place * n + clamp(i, n);
    }
    return x[place];
}

static double sample(const double *x, int depth, const double *grid, const char *mode, const char *padding,
                     bool corners)
{
    const int extents[3] = {depth, HEIGHT, WIDTH};
    int from[3] = {0}, taps = !strcmp(mode, "nearest") ? 1 : !strcmp(mode, "linear") ? 2 : 4;
    double ratio[3] = {0}, sum = 0;
    for (int a = depth > 1 ? 0 : 1; a < 3; a++) {
        int n = extents[a];
        double g = grid[2 - a], low = corners ? 0 : -0.5, high = corners ? n - 1 : n - 0.5;
        double at = corners ? (g + 1) / 2 * (n - 1) : ((g + 1) * n - 1) / 2;
        at = taps == 1 ? rint(at) : at;
        if (!strcmp(padding, "border"))
            at = fmin(fmax(at, 0), n - 1);
        else if (!strcmp(padding, "reflection"))
            at = mirror(at, low, high);
        ratio[a] = at - floor(at);
        from[a] = (int)floor(at) - (taps == 4);
    }
    for (int t = 0; t < 64; t++) {
        const int tap[3] = {t / 16, t / 4 % 4, t % 4};
        double w = 1;
        int at[3];
        for (int a = 0; a < 3; a++) {
            int used = a == 0 && depth == 1 ? 1 : taps;
            double d = tap[a] - (taps == 4) - ratio[a];
            w *= tap[a] >= used ? 0 : used == 1 ? 1 : used == 2 ? 1 - fabs(d) : cubic(d);
            at[a] = from[a] + tap[a];
        }
        sum += w == 0 ? 0 : w * element(x, depth, at, padding, corners);
    }
    return sum;
}

static void sample_grid(int depth, const char *mode, const char *padding, bool corners)
{
    const uint64_t shape[5] = {1, 2, DEPTH, HEIGHT, WIDTH}, grid_shape[5] = {1, 2, 3, 4, 3};
    const uint64_t plane[4] = {1, 2, HEIGHT, WIDTH}, plane_grid[4] = {1, 4, 6, 2};
    double x[120], grid[72];
    struct node node = node_start("GridSample");
    uint32_t axes = depth > 1 ? 3 : 2, size = (uint32_t)depth * HEIGHT * WIDTH;
    fill(x, 120, 4, 2);
    fill(grid, 72, 5, 3.4);
    node_input(&node, SMELT_ELEMENT_F32, axes + 2, depth > 1 ? shape : plane, x);
    node_input(&node, SMELT_ELEMENT_F32, axes + 2, depth > 1 ? grid_shape : plane_grid, grid);
    node_word(&node, "mode", mode);
    node_word(&node, "padding_mode", padding);
    node_integer(&node, "align_corners", corners);
    const double *got = node_run(&node);
    for (uint32_t i = 0; i < 48; i++)
        node_expect(&node, i, got[i],
                    sample(x + i / 24 * size, depth, grid + i % 24 * axes, mode, padding, corners), 1e-4);
    node_end(&node);
}

static void samples_grids(void)
{
    static const char *const paddings[] = {"zeros", "border", "reflection"};
    for (uint32_t p = 0; p < 3; p++) {
        sample_grid(1, "linear", paddings[p], p == 1);
        sample_grid(1, "cubic", paddings[p], p == 2);
        sample_grid(1, "nearest", paddings[p], p == 0);
    }
    sample_grid(DEPTH, "linear", "zeros", false);
    sample_grid(DEPTH, "nearest", "reflection", false);
}

// --- Attention --------------------------------------------------------------------------------------------------

#define BATCH 2
#define QUERIES 3
#define SIZE 4
#define VALUES 6

struct attention {
    uint32_t heads, key_heads, past, keys; // keys: new ones
    bool flat, causal, lengths;            // flat: [batch][length][heads x size]
    enum smelt_element mask;               // NONE: none
    uint32_t mask_keys;
    double scale, cap; // 0: not given
    int64_t mode;      // of output 3; -1: output 0
};

static const double lengths[BATCH] = {3, 4};

static uint32_t place(bool flat, uint32_t heads, uint32_t length, uint32_t size, uint32_t b, uint32_t h,
                      uint32_t i)
{
    return flat ? ((b * length + i) * heads + h) * size : ((b * heads + h) * length + i) * size;
}

// Scores of a query at the stage of `mode`: 0 scaled, 1 capped, 2 masked, 3 probabilities.
static void score(const struct attention *a, const double *const *in, uint32_t b, uint32_t h, uint32_t i,
                  int64_t mode, double *scores)
{
    uint32_t total = a->past + a->keys, kh = h / (a->heads / a->key_heads);
    const double *q = in[0] + place(a->flat, a->heads, QUERIES, SIZE, b, h, i);
    double most = -INFINITY, sum = 0;
    for (uint32_t j = 0; j < total; j++) {
        const double *k = j < a->past
                              ? in[4] + place(false, a->key_heads, a->past, SIZE, b, kh, j)
                              : in[1] + place(a->flat, a->key_heads, a->keys, SIZE, b, kh, j - a->past);
        double s = 0;
        for (uint32_t d = 0; d < SIZE; d++)
            s += q[d] * k[d];
        s *= a->scale != 0 ? a->scale : 0.5;
        if (a->cap != 0 && mode >= 1)
            s = a->cap * tanh(s / a->cap);
        if (mode >= 2) {
            int seen = a->past ? (int)a->past : a->lengths ? (int)lengths[b] - QUERIES : 0;
            bool out = a->causal && (int)j > (int)i + seen;
            out |= a->lengths && j >= lengths[b];
            if (a->mask) {
                out |=
                    j >= a->mask_keys || (a->mask == SMELT_ELEMENT_BOOL && in[3][i * a->mask_keys + j] == 0);
                s += !out && a->mask == SMELT_ELEMENT_F32 ? in[3][i * a->mask_keys + j] : 0;
            }
            s = out ? -INFINITY : s;
        }
        scores[j] = s;
        most = fmax(most, s);
    }
    for (uint32_t j = 0; j < total && mode == 3; j++)
        sum += scores[j] = exp(scores[j] - most);
    for (uint32_t j = 0; j < total && mode == 3; j++)
        scores[j] /= sum;
}

static void input(struct node *node, enum smelt_element element, uint32_t heads, uint32_t length,
                  uint32_t size, bool flat, const double *data)
{
    if (!length)
        node_absent(node);
    else if (flat)
        node_input(node, element, 3, (const uint64_t[]){BATCH, length, heads * size}, data);
    else
        node_input(node, element, 4, (const uint64_t[]){BATCH, heads, length, size}, data);
}

static void attend(const struct attention *a, enum smelt_element element)
{
    const double bound = element == SMELT_ELEMENT_F16 ? 0.02 : 1e-4;
    static double data[6][NODE_COUNT];
    const double *const in[6] = {data[0], data[1], data[2], data[3], data[4], data[5]};
    uint32_t total = a->past + a->keys;
    struct node node = node_start("Attention");
    for (uint32_t i = 0; i < 6; i++)
        fill(data[i], NODE_COUNT, i + 20, 4);
    for (uint32_t i = 0; i < 6 * NODE_COUNT; i++)
        data[i / NODE_COUNT][i % NODE_COUNT] = node_rounded(element, data[i / NODE_COUNT][i % NODE_COUNT]);
    for (uint32_t i = 0; i < NODE_COUNT && a->mask == SMELT_ELEMENT_BOOL; i++)
        data[3][i] = i % a->mask_keys == 0 || data[3][i] > 0;
    input(&node, element, a->heads, QUERIES, SIZE, a->flat, in[0]);
    input(&node, element, a->key_heads, a->keys, SIZE, a->flat, in[1]);
    input(&node, element, a->key_heads, a->keys, VALUES, a->flat, in[2]);
    if (a->mask)
        node_input(&node, a->mask, 2, (const uint64_t[]){QUERIES, a->mask_keys}, in[3]);
    else
        node_absent(&node);
    input(&node, element, a->key_heads, a->past, SIZE, false, in[4]);
    input(&node, element, a->key_heads, a->past, VALUES, false, in[5]);
    if (a->lengths)
        node_input(&node, SMELT_ELEMENT_I64, 1, (const uint64_t[]){BATCH}, lengths);
    node_integer(&node, "q_num_heads", a->flat ? a->heads : 0);
    node_integer(&node, "kv_num_heads", a->flat ? a->key_heads : 0);
    node_integer(&node, "is_causal", a->causal);
    if (a->scale != 0)
        node_number(&node, "scale", a->scale);
    if (a->cap != 0)
        node_number(&node, "softcap", a->cap);
    node_integer(&node, "qk_matmul_output_mode", a->mode < 0 ? 0 : a->mode);
    node.output = a->mode < 0 ? 0 : 3;
    const double *got = node_run(&node);
    for (uint32_t b = 0; b < BATCH; b++)
        for (uint32_t h = 0; h < a->heads; h++)
            for (uint32_t i = 0; i < QUERIES; i++) {
                double scores[16];
                score(a, in, b, h, i, a->mode < 0 ? 3 : a->mode, scores);
                for (uint32_t j = 0; j < total && a->mode >= 0; j++) {
                    uint32_t at = ((b * a->heads + h) * QUERIES + i) * total + j;
                    node_expect(&node, at, got[at], scores[j], bound);
                }
                uint32_t kh = h / (a->heads / a->key_heads);
                for (uint32_t d = 0; d < VALUES && a->mode < 0; d++) {
                    double wanted = 0;
                    for (uint32_t j = 0; j < total; j++)
                        wanted +=
                            scores[j] *
                            (j < a->past
                                 ? in[5][place(false, a->key_heads, a->past, VALUES, b, kh, j) + d]
                                 : in[2]
                                     [place(a->flat, a->key_heads, a->keys, VALUES, b, kh, j - a->past) + d]);
                    uint32_t at = place(a->flat, a->heads, QUERIES, VALUES, b, h, i) + d;
                    node_expect(&node, at, got[at], wanted, bound);
                }
            }
    node_end(&node);
}

static void attends(void)
{
    static const struct attention cases[] = {
        {.heads = 2, .key_heads = 2, .keys = 5, .mode = -1},
        {.heads = 4, .key_heads = 2, .keys = 5, .flat = true, .scale = 0.3, .mode = -1},
        {.heads = 2,
         .key_heads = 2,
         .keys = 5,
         .mask = SMELT_ELEMENT_F32,
         .mask_keys = 5,
         .cap = 1.5,
         .mode = -1},
        {.heads = 2, .key_heads = 1, .keys = 5, .mask = SMELT_ELEMENT_BOOL, .mask_keys = 4, .mode = -1},
        {.heads = 2, .key_heads = 2, .keys = 3, .past = 2, .flat = true, .causal = true, .mode = -1},
        {.heads = 2, .key_heads = 2, .keys = 4, .lengths = true, .causal = true, .mode = -1},
        {.heads = 2, .key_heads = 2, .keys = 4, .lengths = true, .mode = -1},
        {.heads = 2, .key_heads = 2, .keys = 5, .cap = 1.5, .causal = true, .mode = 0},
        {.heads = 2, .key_heads = 2, .keys = 5, .cap = 1.5, .causal = true, .mode = 1},
        {.heads = 2, .key_heads = 2, .keys = 5, .mask = SMELT_ELEMENT_F32, .mask_keys = 5, .mode = 2},
        {.heads = 2, .key_heads = 2, .keys = 5, .past = 1, .causal = true, .mode = 3},
    };
    // In f16 it is one kernel where the device has matrices.
    for (uint32_t i = 0; i < SMELT_COUNT_OF(cases); i++) {
        attend(&cases[i], SMELT_ELEMENT_F32);
        if (cases[i].mode < 0)
            attend(&cases[i], SMELT_ELEMENT_F16);
    }
}

static const struct test tests[] = {
    {"resize crops", crops},
    {"resize repeats integers along every axis", repeats_integers},
    {"resize leaves out what is outside", leaves_out_what_is_outside},
    {"grids", samples_grids},
    {"attention", attends},
};

TEST_MAIN(tests)
