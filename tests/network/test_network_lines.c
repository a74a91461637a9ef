// SPDX-License-Identifier: MIT
// Reductions, arg-max, softmax, normalisations and poolings on the device, each against the same in double on the host.
#include "network_rig.h"
#include "node_rig.h"

#include <math.h>
#include <string.h>

static const uint64_t shape[4] = {2, 3, 4, 5};
#define COUNT 120

static void fill(double *data, uint32_t count, uint32_t seed, double scale)
{
    for (uint32_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (float)(((double)(seed >> 8) / (1 << 24) - 0.5) * scale);
    }
}

// The index in `shape` without the axes of `mask`.
static uint32_t group_of(uint32_t i, uint32_t mask)
{
    uint32_t c[4], group = 0;
    for (uint32_t d = 4; d-- > 0; i /= (uint32_t)shape[d])
        c[d] = i % (uint32_t)shape[d];
    for (uint32_t d = 0; d < 4; d++)
        group = mask >> d & 1 ? group : group * (uint32_t)shape[d] + c[d];
    return group;
}

// --- Reductions -----------------------------------------------------------------------------------------------

static double join(const char *op, double sum, double v, bool first)
{
    if (!strcmp(op, "ReduceMax"))
        return first ? v : fmax(sum, v);
    if (!strcmp(op, "ReduceMin"))
        return first ? v : fmin(sum, v);
    if (!strcmp(op, "ReduceProd"))
        return first ? v : sum * v;
    if (!strcmp(op, "ReduceL1"))
        return sum + fabs(v);
    if (!strcmp(op, "ReduceL2") || !strcmp(op, "ReduceSumSquare"))
        return sum + v * v;
    return sum + (!strcmp(op, "ReduceLogSumExp") ? exp(v) : v);
}

static double finish(const char *op, double sum, uint32_t n, bool floats)
{
    if (!strcmp(op, "ReduceMean"))
        return floats ? sum / n : trunc(sum / n);
    if (!strcmp(op, "ReduceL2"))
        return sqrt(sum);
    return !strncmp(op, "ReduceLog", 9) ? log(sum) : sum;
}

static void reduce(const char *op, enum smelt_element element, uint32_t mask, bool keep)
{
    bool floats = smelt_element_is_float(element);
    double unit = element == SMELT_ELEMENT_F16 ? 1e-3 : floats ? 1e-5 : 0;
    double x[COUNT], axes[4], wanted[COUNT] = {0};
    uint32_t counts[COUNT] = {0}, count = 0;
    fill(x, COUNT, mask + 7, floats ? 2 : 4);
    for (uint32_t i = 0; i < COUNT; i++) {
        x[i] = floats ? x[i] : round(x[i]);
        if (!strcmp(op, "ReduceLogSum"))
            x[i] = fabs(x[i]) + 0.25f;
        x[i] = node_rounded(element, x[i]);
        uint32_t g = group_of(i, mask);
        wanted[g] = join(op, wanted[g], x[i], counts[g]++ == 0);
    }
    for (uint32_t d = 0; d < 4; d++)
        if (mask >> d & 1)
            axes[count++] = d % 2 ? d : (double)d - 4;
    struct node node = node_start(op);
    node_input(&node, element, 4, shape, x);
    if (count)
        node_constant(&node, SMELT_ELEMENT_I64, 1, &(uint64_t){count}, axes);
    node_integer(&node, "keepdims", keep);
    node_integer(&node, "noop_with_empty_axes", !count);
    const double *got = node_run(&node);
    for (uint32_t i = 0; i < COUNT / counts[0]; i++) {
        double w = finish(op, wanted[i], counts[0], floats);
        node_expect(&node, i, got[i], w, unit + unit * fabs(w));
    }
    node_end(&node);
}

static void reduces_floats(void)
{
    static const char *const ops[] = {"ReduceL1",  "ReduceL2",       "ReduceLogSum", "ReduceLogSumExp",
                                      "ReduceMax", "ReduceMean",     "ReduceMin",    "ReduceProd",
                                      "ReduceSum", "ReduceSumSquare"};
    static const uint32_t masks[] = {0, 1 << 1, 1 << 0 | 1 << 2, 1 << 1 | 1 << 3, 15};
    for (uint32_t o = 0; o < SMELT_COUNT_OF(ops); o++)
        for (uint32_t m = o % 2; m < SMELT_COUNT_OF(masks); m += 2)
            reduce(ops[o], SMELT_ELEMENT_F32, masks[m], m < 3);
    for (uint32_t o = 1; o < SMELT_COUNT_OF(ops); o += 4)
        reduce(ops[o], SMELT_ELEMENT_F16, 1 << 0 | 1 << 2, true);
}

static void reduces_integers(void)
{
    static const char *const ops[] = {"ReduceL1",   "ReduceMax", "ReduceMean",     "ReduceMin",
                                      "ReduceProd", "ReduceSum", "ReduceSumSquare"};
    for (uint32_t o = 0; o < SMELT_COUNT_OF(ops); o++)
        reduce(ops[o], o == 1 ? SMELT_ELEMENT_I8 : SMELT_ELEMENT_I32, 1 << 0 | 1 << 3, o % 2);
}

static void finds_arguments(void)
{
    for (int last = 0; last < 2; last++)
        for (int least = 0; least < 2; least++) {
            double x[COUNT], best[COUNT], wanted[COUNT] = {0};
            fill(x, COUNT, 3, 4);
            struct node node = node_start(least ? "ArgMin" : "ArgMax");
            node_input(&node, SMELT_ELEMENT_F32, 4, shape, x);
            node_integer(&node, "axis", -2);
            node_integer(&node, "keepdims", 0);
            node_integer(&node, "select_last_index", last);
            for (uint32_t i = 0; i < COUNT; i++) {
                uint32_t g = group_of(i, 1 << 2), at = i / 5 % 4;
                x[i] = round(x[i]); // ties
                double v = least ? -x[i] : x[i];
                if (at == 0 || v > best[g] || (last && v == best[g])) {
                    best[g] = v;
                    wanted[g] = at;
                }
            }
            const double *got = node_run(&node);
            for (uint32_t i = 0; i < COUNT / 4; i++)
                node_expect(&node, i, got[i], wanted[i], 0);
            node_end(&node);
        }
}

static void softens_along_any_axis(void)
{
    static const uint64_t five[5] = {2, 3, 2, 2, 5};
    for (uint32_t axis = 0; axis < 2; axis++)
        for (int logarithm = 0; logarithm < 2; logarithm++) {
            double x[COUNT];
            uint32_t n = (uint32_t)five[axis], step = axis ? 20 : 60;
            fill(x, COUNT, 11, 8);
            struct node node = node_start(logarithm ? "LogSoftmax" : "Softmax");
            node_input(&node, SMELT_ELEMENT_F32, 5, five, x);
            node_integer(&node, "axis", axis ? -4 : 0);
            const double *got = node_run(&node);
            for (uint32_t i = 0; i < COUNT; i++) {
                uint32_t first = i - i / step % n * step;
                double sum = 0;
                for (uint32_t k = 0; k < n; k++)
                    sum += exp(x[first + k * step]);
                double w = exp(x[i]) / sum;
                node_expect(&node, i, got[i], logarithm ? log(w) : w, 1e-5);
            }
            node_end(&node);
        }
}

// --- Normalisations ---------------------------------------------------------------------------------------------

// (x - mean) / sqrt(variance + epsilon) scale[c % scales] + bias, over groups of x that follow each other. `output`: 0, or 1
// and 2 for the statistics.
static void normalize(struct node *node, uint32_t group, uint32_t channel, uint32_t scales, bool centred,
                      uint32_t output)
{
    const double *x = node->data[0], *scale = node->data[1], *bias = node->data[2];
    node_number(node, "epsilon", 0.01f);
    node->output = output;
    const double *got = node_run(node);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t first = i / group * group, c = i / channel % scales;
        double mean = 0, variance = 0;
        for (uint32_t k = first; k < first + group && centred; k++)
            mean += x[k] / group;
        for (uint32_t k = first; k < first + group; k++)
            variance += (x[k] - mean) * (x[k] - mean) / group;
        double deviation = 1 / sqrt(variance + (double)0.01f);
        double y = (x[i] - mean) * deviation * scale[c] + (bias ? bias[c] : 0);
        uint32_t at = output ? i / group : i;
        node_expect(node, at, got[at], output == 0 ? y : output == 1 ? mean : deviation, 1e-4);
    }
    node_end(node);
}

static struct node norm(const char *op, double *x, double *scale, double *bias, uint32_t scale_rank,
                        const uint64_t *scale_shape)
{
    struct node node = node_start(op);
    fill(x, COUNT, 5, 4);
    fill(scale, COUNT, 6, 2);
    fill(bias, COUNT, 7, 2);
    node_input(&node, SMELT_ELEMENT_F32, 4, shape, x);
    node_input(&node, SMELT_ELEMENT_F32, scale_rank, scale_shape, scale);
    if (strcmp(op, "RMSNormalization"))
        node_input(&node, SMELT_ELEMENT_F32, scale_rank, scale_shape, bias);
    return node;
}

static void normalizes(void)
{
    double x[COUNT], scale[COUNT], bias[COUNT];
    struct node node = norm("InstanceNormalization", x, scale, bias, 1, shape + 1);
    normalize(&node, 20, 20, 3, true, 0);
    node = norm("GroupNormalization", x, scale, bias, 1, shape + 1);
    node_integer(&node, "num_groups", 1);
    normalize(&node, 60, 20, 3, true, 0);
    for (uint32_t output = 0; output < 3; output++) {
        node = norm("LayerNormalization", x, scale, bias, 2, shape + 2);
        node_integer(&node, "axis", 2);
        normalize(&node, 20, 1, 20, true, output);
    }
    // One scale for all: no line of weights.
    node = norm("LayerNormalization", x, scale, bias, 1, (const uint64_t[]){1});
    normalize(&node, 5, 1, 1, true, 0);
    node = norm("RMSNormalization", x, scale, bias, 1, (const uint64_t[]){1});
    normalize(&node, 5, 1, 1, false, 0);
    node = norm("RMSNormalization", x, scale, bias, 1, shape + 3);
    normalize(&node, 5, 1, 5, false, 0);
}

static void normalizes_by_given_statistics(void)
{
    for (int constant = 0; constant < 2; constant++) {
        double x[COUNT], v[4][3];
        struct node node = node_start("BatchNormalization");
        fill(x, COUNT, 5, 4);
        node_input(&node, SMELT_ELEMENT_F32, 4, shape, x);
        for (uint32_t i = 0; i < 4; i++) {
            fill(v[i], 3, i + 2, 2);
            for (uint32_t c = 0; c < 3 && i == 3; c++)
                v[i][c] = fabs(v[i][c]) + 0.5f;
            if (constant)
                node_constant(&node, SMELT_ELEMENT_F32, 1, shape + 1, v[i]);
            else
                node_input(&node, SMELT_ELEMENT_F32, 1, shape + 1, v[i]);
        }
        const double *got = node_run(&node);
        for (uint32_t i = 0; i < COUNT; i++) {
            uint32_t c = i / 20 % 3;
            double wanted = (x[i] - v[2][c]) / sqrt(v[3][c] + 1e-5) * v[0][c] + v[1][c];
            node_expect(&node, i, got[i], wanted, 1e-4);
        }
        node_end(&node);
    }
}

static void normalizes_across_channels(void)
{
    double x[COUNT];
    struct node node = node_start("LRN");
    fill(x, COUNT, 9, 4);
    node_input(&node, SMELT_ELEMENT_F32, 4, shape, x);
    node_number(&node, "alpha", 0.5);
    node_number(&node, "bias", 2);
    node_integer(&node, "size", 2); // the channel and the next one
    const double *got = node_run(&node);
    for (uint32_t i = 0; i < COUNT; i++) {
        double sum = x[i] * x[i] + (i / 20 % 3 < 2 ? x[i + 20] * x[i + 20] : 0);
        node_expect(&node, i, got[i], x[i] / pow(2 + 0.5 / 2 * sum, 0.75), 1e-5);
    }
    node_end(&node);
}

// --- Poolings -----------------------------------------------------------------------------------------------------

static void finds_places_of_maxima(void)
{
    for (int columns = 0; columns < 2; columns++) {
        double x[COUNT];
        const int64_t kernel[2] = {3, 2}, strides[2] = {2, 2}, pads[4] = {1, 1, 1, 0};
        struct node node = node_start("MaxPool");
        fill(x, COUNT, 13, 4);
        node_input(&node, SMELT_ELEMENT_F32, 4, shape, x);
        node_attribute(&node, "kernel_shape", &(struct smelt_ir_attribute){.integers = kernel, .count = 2});
        node_attribute(&node, "strides", &(struct smelt_ir_attribute){.integers = strides, .count = 2});
        node_attribute(&node, "pads", &(struct smelt_ir_attribute){.integers = pads, .count = 4});
        node_integer(&node, "storage_order", columns);
        node.output = 1;
        const double *got = node_run(&node);
        for (uint32_t i = 0; i < 2 * 3 * 2 * 3; i++) {
            uint32_t plane = i / 6 * 20, best = 0;
            double most = -INFINITY;
            for (int k = 0; k < 6; k++) {
                int row = (int)(i / 3 % 2) * 2 - 1 + k / 2, column = (int)(i % 3) * 2 - 1 + k % 2;
                if (row < 0 || row >= 4 || column < 0 || column >= 5)
                    continue;
                uint32_t at = plane + (uint32_t)(row * 5 + column);
                if (x[at] > most) {
                    most = x[at];
                    best = columns ? plane + (uint32_t)(column * 4 + row) : at;
                }
            }
            node_expect(&node, i, got[i], best, 0);
        }
        node_end(&node);
    }
}

// Between convolutions, whose images have their channels last: several at a time.
static void run_pool(bool mean, int64_t padding, enum smelt_dtype storage, const float *x, float *y)
{
    static const uint64_t in[4] = {1, 16, 7, 9}, weight[4] = {16, 16, 1, 1};
    static const int64_t kernel[2] = {3, 2}, strides[2] = {2, 1}, pads[4] = {1, 1, 1, 0};
    float same[256] = {0};
    struct smelt_ir *ir = rig_ir();
    for (uint32_t i = 0; i < 16; i++)
        same[17 * i] = 1;
    struct smelt_ir_value *w = rig_weight(ir, "w", 4, weight, same),
                          *h = rig_node(ir, "Conv", "h", rig_input(ir, "x", 4, in), w, NULL);
    struct smelt_ir_value *out = rig_node(ir, mean ? "AveragePool" : "MaxPool", "o", h, NULL, NULL);
    const struct smelt_ir_attribute kernels = {.integers = kernel, .count = 2},
                                    steps = {.integers = strides, .count = 2},
                                    around = {.integers = pads, .count = 4}, counts = {.integer = padding};
    CHECK_OK(smelt_ir_set_attribute(ir, out->producer, "kernel_shape", &kernels));
    CHECK_OK(smelt_ir_set_attribute(ir, out->producer, "strides", &steps));
    CHECK_OK(smelt_ir_set_attribute(ir, out->producer, "pads", &around));
    if (mean)
        CHECK_OK(smelt_ir_set_attribute(ir, out->producer, "count_include_pad", &counts));
    CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Conv", "y", out, w, NULL)));
    const struct smelt_network_params params = {.storage = storage};
    rig_once(ir, &params, x, y);
}

static void pools_channels_together(void)
{
    static double data[16 * 7 * 9];
    static float x[16 * 7 * 9], y[16 * 4 * 9];
    fill(data, 16 * 7 * 9, 5, 4);
    for (uint32_t i = 0; i < 16 * 7 * 9; i++)
        x[i] = (float)(int)(data[i] * 64) / 64; // f16 has it
    for (int kind = 0; kind < 6; kind++) {
        bool mean = kind % 3 > 0, padding = kind % 3 == 2;
        run_pool(mean, padding, kind < 3 ? SMELT_DTYPE_F32 : SMELT_DTYPE_F16, x, y);
        for (int i = 0; i < 16 * 4 * 9; i++) {
            double sum = 0, most = -INFINITY, wanted;
            int count = 0;
            for (int k = 0; k < 6; k++) {
                int row = i / 9 % 4 * 2 - 1 + k / 2, column = i % 9 - 1 + k % 2;
                bool inside = row >= 0 && row < 7 && column >= 0;
                double v = inside ? x[i / 36 * 63 + row * 9 + column] : 0;
                count += inside || padding;
                sum += v;
                most = inside && v > most ? v : most;
            }
            wanted = mean ? sum / count : most;
            CHECK(fabs(y[i] - wanted) <= (kind < 3 ? 1e-6 : 2e-3));
        }
    }
}

static const struct test tests[] = {
    {"reductions of floats", reduces_floats},
    {"reductions of integers", reduces_integers},
    {"arguments", finds_arguments},
    {"softmax along any axis", softens_along_any_axis},
    {"normalisations", normalizes},
    {"normalisation by given statistics", normalizes_by_given_statistics},
    {"normalisation across channels", normalizes_across_channels},
    {"places of maxima", finds_places_of_maxima},
    {"poolings of channels together", pools_channels_together},
};

TEST_MAIN(tests)
