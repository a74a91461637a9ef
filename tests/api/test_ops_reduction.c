// SPDX-License-Identifier: MIT
// smelt_encode_reduction, _softmax, _layer_norm and _rms_norm: against sums in double, and everything they refuse. The
// numbers of all kinds and types stand in checkglsl; here it is views, parts, masks and instances.
#include "rig.h"

#include <smelt/reduce.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COUNT 300000

static float noise(uint32_t i)
{
    uint32_t x = i * 2654435761u + 40503u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return (float)(x & 255) / 128 - 1; // 8 bits: exact in f16
}

static smelt_tensor make(enum smelt_dtype dtype, uint32_t rank, const uint64_t *shape, uint64_t gap)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = rank};
    uint64_t stride = 1;
    for (uint32_t i = rank; i-- > 0;) {
        params.shape[i] = shape[i];
        params.strides[i] = stride;
        stride = stride * shape[i] + (i + 1 == rank ? gap : 0);
    }
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(test_context(), &params, &tensor));
    return tensor;
}

// A line of a packed array: `step` elements apart from `first` on.
struct line {
    uint64_t first, step, n;
};

static struct line line_at(uint32_t rank, const uint64_t *shape, uint32_t axis, uint64_t number)
{
    struct line line = {.step = 1, .n = shape[axis]};
    for (uint32_t i = axis + 1; i < rank; i++)
        line.step *= shape[i];
    line.first = number / line.step * line.step * line.n + number % line.step;
    return line;
}

static double reduced(enum smelt_reduce reduce, const float *x, struct line line)
{
    double sum = 0, most = x[line.first];
    uint64_t at = 0;
    for (uint64_t i = 0; i < line.n; i++) {
        double v = x[line.first + i * line.step];
        sum += reduce == SMELT_REDUCE_SUM_SQUARES ? v * v : reduce == SMELT_REDUCE_LOG_SUM_EXP ? exp(v) : v;
        if (v > most) {
            most = v;
            at = i;
        }
    }
    return reduce == SMELT_REDUCE_MAX           ? most
           : reduce == SMELT_REDUCE_ARG_MAX     ? (double)at
           : reduce == SMELT_REDUCE_MEAN        ? sum / (double)line.n
           : reduce == SMELT_REDUCE_LOG_SUM_EXP ? log(sum)
                                                : sum;
}

struct reduction {
    enum smelt_dtype dtype, result;
    uint32_t rank;
    uint64_t shape[5];
    uint32_t axis;
    enum smelt_reduce reduce;
    uint64_t gap;
    bool keep, scratch, baked; // keep: the result has an extent of 1 along the axis
};

static void check_reduction(struct reduction r)
{
    uint64_t shape[5], lines = 1, size = 0;
    uint32_t rank = 0;
    for (uint32_t i = 0; i < r.rank; i++) {
        if (i != r.axis)
            lines *= r.shape[i];
        if (i != r.axis || r.keep)
            shape[rank++] = i == r.axis ? 1 : r.shape[i];
    }
    struct smelt_reduction_params params = {.x = make(r.dtype, r.rank, r.shape, r.gap),
                                            .y = make(r.result, rank, shape, 0),
                                            .axis = r.axis,
                                            .reduce = r.reduce,
                                            .baked = r.baked};
    uint64_t count = lines * r.shape[r.axis];
    float *x = malloc(count * sizeof(float)), *y = calloc(lines, sizeof(float));
    for (uint64_t i = 0; i < count; i++)
        x[i] = noise((uint32_t)i);
    rig_write_floats(params.x, x);
    CHECK_OK(smelt_reduction_scratch_size(&params, &size));
    CHECK((size > 0) == r.scratch);
    if (size) {
        const uint64_t words[1] = {size / 4};
        params.scratch = make(SMELT_DTYPE_U32, 1, words, 0);
    }
    smelt_encoder encoder = test_begin();
    enum smelt_result result = smelt_encode_reduction(encoder, &params);
    test_end(encoder);
    CHECK_OK(result);
    rig_read_floats(params.y, y);
    uint32_t wrong = 0;
    for (uint64_t i = 0; i < lines; i++) {
        double wanted = reduced(r.reduce, x, line_at(r.rank, r.shape, r.axis, i));
        double bound = (double)r.shape[r.axis] * 64 * 0x1p-23 / (r.reduce == SMELT_REDUCE_MEAN ? 100 : 1);
        if (r.reduce == SMELT_REDUCE_MAX || r.reduce == SMELT_REDUCE_ARG_MAX)
            bound = 0;
        bound += r.result == SMELT_DTYPE_F16 ? 0x1p-10 * fabs(wanted) : 0;
        wrong += !(fabs(y[i] - wanted) <= bound);
    }
    CHECK(wrong == 0);
    if (params.scratch && r.scratch) { // and without: one dispatch
        smelt_tensor scratch = params.scratch;
        params.scratch = NULL;
        encoder = test_begin();
        result = smelt_encode_reduction(encoder, &params);
        test_end(encoder);
        CHECK_OK(result);
        float *again = calloc(lines, sizeof(float));
        rig_read_floats(params.y, again);
        for (uint64_t i = 0; i < lines; i++)
            CHECK(fabsf(again[i] - y[i]) <= 1e-4f * (float)r.shape[r.axis]);
        free(again);
        smelt_tensor_destroy(&scratch);
    }
    free(x);
    free(y);
    smelt_tensor_destroy(&params.x);
    smelt_tensor_destroy(&params.y);
}

// Mean and log-sum-exp are in f32.
static void reductions_of_integers(void)
{
    const uint64_t shape[2] = {3, 40}, lines[1] = {3};
    int8_t values[120];
    for (int i = 0; i < 120; i++)
        values[i] = (int8_t)(i * 37 % 256 - 128);
    struct smelt_reduction_params p = {
        .x = make(SMELT_DTYPE_I8, 2, shape, 0), .y = make(SMELT_DTYPE_F32, 1, lines, 0), .axis = 1};
    CHECK_OK(smelt_tensor_write_and_wait(p.x, NULL, values, sizeof(values)));
    for (int mean = 0; mean < 2; mean++) {
        float y[3];
        p.reduce = mean ? SMELT_REDUCE_MEAN : SMELT_REDUCE_LOG_SUM_EXP;
        smelt_encoder encoder = test_begin();
        CHECK_OK(smelt_encode_reduction(encoder, &p));
        test_end(encoder);
        CHECK_OK(smelt_tensor_read_and_wait(p.y, NULL, y, sizeof(y)));
        for (int line = 0; line < 3; line++) {
            double sum = 0;
            for (int i = 0; i < 40; i++)
                sum += mean ? values[line * 40 + i] / 40.0 : exp(values[line * 40 + i]);
            CHECK(fabs(y[line] - (mean ? sum : log(sum))) < 1e-3);
        }
    }
    // The others stay integers.
    smelt_tensor_destroy(&p.y);
    p.y = make(SMELT_DTYPE_I32, 1, lines, 0);
    for (int max = 0; max < 2; max++) {
        int32_t y[3];
        p.reduce = max ? SMELT_REDUCE_MAX : SMELT_REDUCE_SUM;
        smelt_encoder encoder = test_begin();
        CHECK_OK(smelt_encode_reduction(encoder, &p));
        test_end(encoder);
        CHECK_OK(smelt_tensor_read_and_wait(p.y, NULL, y, sizeof(y)));
        for (int line = 0; line < 3; line++) {
            int32_t wanted = max ? INT32_MIN : 0;
            for (int i = 0; i < 40; i++)
                wanted = max ? SMELT_MAX(wanted, values[line * 40 + i]) : wanted + values[line * 40 + i];
            CHECK(y[line] == wanted);
        }
    }
    smelt_tensor_destroy(&p.x);
    smelt_tensor_destroy(&p.y);
}

static void reductions_are_right(void)
{
    const enum smelt_dtype f32 = SMELT_DTYPE_F32, f16 = SMELT_DTYPE_F16, u32 = SMELT_DTYPE_U32;
    for (int baked = 0; baked < 2; baked++) {
        check_reduction(
            (struct reduction){f32, f32, 2, {5, 131}, 1, SMELT_REDUCE_SUM, .gap = 3, .baked = baked});
        check_reduction(
            (struct reduction){f16, f16, 2, {67, 33}, 0, SMELT_REDUCE_MEAN, .keep = true, .baked = baked});
        check_reduction(
            (struct reduction){f32, u32, 3, {3, 41, 70}, 1, SMELT_REDUCE_ARG_MAX, .baked = baked});
        check_reduction((struct reduction){f16, f32, 1, {1000}, 0, SMELT_REDUCE_LOG_SUM_EXP, .baked = baked});
    }
    // Parts: of a whole tensor, and of columns.
    check_reduction((struct reduction){f32, f32, 1, {262147}, 0, SMELT_REDUCE_SUM, .scratch = true});
    check_reduction((struct reduction){f32, u32, 1, {262147}, 0, SMELT_REDUCE_ARG_MAX, .scratch = true});
    check_reduction((struct reduction){f32, f32, 2, {1001, 65}, 0, SMELT_REDUCE_SUM, .scratch = true});
    // Short rows, and dimensions that do not join.
    check_reduction((struct reduction){f32, f32, 2, {5000, 7}, 1, SMELT_REDUCE_MAX, .gap = 0});
    check_reduction((struct reduction){f32, f32, 4, {2, 3, 5, 7}, 1, SMELT_REDUCE_SUM, .gap = 1});
    check_reduction((struct reduction){f32, f32, 5, {2, 3, 2, 5, 7}, 4, SMELT_REDUCE_SUM_SQUARES, .gap = 0});
    if (smelt_context_capabilities(test_context())->compiler)
        check_reduction(
            (struct reduction){SMELT_DTYPE_BF16, f32, 2, {3, 100}, 1, SMELT_REDUCE_SUM, .gap = 0});
}

// --- Softmax and norms ------------------------------------------------------------------------------------

enum kind { SOFTMAX, LOG_SOFTMAX, LAYER_NORM, RMS_NORM };

struct normalization {
    enum kind kind;
    enum smelt_dtype dtype;
    uint32_t rank;
    uint64_t shape[4];
    uint32_t axis;
    uint64_t gap;
    bool mask, weights, in_place, baked;
};

// The mask is one row for all of the first dimension: every seventh element is taken out.
static double masked(const struct normalization *c, const float *x, struct line line, uint64_t i)
{
    uint64_t element = line.first + i * line.step, rest = 1;
    for (uint32_t d = 1; d < c->rank; d++)
        rest *= c->shape[d];
    double v = x[element];
    if (c->kind > LOG_SOFTMAX)
        return v;
    return c->mask && element % rest % 7 == 3 ? -INFINITY : v * 0.5;
}

static void wanted_line(const struct normalization *c, const float *x, struct line line, double *wanted)
{
    double n = (double)line.n, most = -INFINITY, sum = 0, squares = 0;
    for (uint64_t i = 0; i < line.n; i++) {
        most = fmax(most, masked(c, x, line, i));
        sum += masked(c, x, line, i);
    }
    double mean = c->kind == LAYER_NORM ? sum / n : 0;
    sum = 0;
    for (uint64_t i = 0; i < line.n; i++) {
        double v = masked(c, x, line, i);
        sum += c->kind <= LOG_SOFTMAX ? exp(v - most) : 0;
        squares += (v - mean) * (v - mean);
    }
    for (uint64_t i = 0; i < line.n; i++) {
        double v = masked(c, x, line, i), scale = 1 / sqrt(squares / n + 1e-5);
        double gamma = c->weights ? noise((uint32_t)i + 7) : 1,
               beta = c->weights ? noise((uint32_t)i + 9) : 0;
        wanted[i] = c->kind == SOFTMAX ? exp(v - most) / sum
                    : c->kind == LOG_SOFTMAX
                        ? v - most - log(sum)
                        : (v - mean) * scale * gamma + (c->kind == LAYER_NORM ? beta : 0);
    }
}

static enum smelt_result encode(const struct normalization *c, smelt_encoder encoder, smelt_tensor x,
                                smelt_tensor y, smelt_tensor mask, smelt_tensor gamma, smelt_tensor beta)
{
    if (c->kind <= LOG_SOFTMAX)
        return smelt_encode_softmax(encoder,
                                    &(struct smelt_softmax_params){.x = x,
                                                                   .y = y,
                                                                   .mask = mask,
                                                                   .axis = c->axis,
                                                                   .scale = 0.5f,
                                                                   .logarithm = c->kind == LOG_SOFTMAX,
                                                                   .baked = c->baked});
    if (c->kind == LAYER_NORM)
        return smelt_encode_layer_norm(
            encoder, &(struct smelt_layer_norm_params){
                         .x = x, .y = y, .gamma = gamma, .beta = beta, .axis = c->axis, .baked = c->baked});
    return smelt_encode_rms_norm(
        encoder,
        &(struct smelt_rms_norm_params){.x = x, .y = y, .gamma = gamma, .axis = c->axis, .baked = c->baked});
}

static smelt_tensor make_weight(const struct normalization *c, uint32_t seed)
{
    const uint64_t length[1] = {c->shape[c->axis]};
    smelt_tensor weight = make(c->dtype, 1, length, 0);
    float *values = malloc(length[0] * sizeof(float));
    for (uint64_t i = 0; i < length[0]; i++)
        values[i] = noise((uint32_t)i + seed);
    rig_write_floats(weight, values);
    free(values);
    return weight;
}

static void check_normalization(struct normalization c)
{
    uint64_t count = 1, mask_shape[4];
    for (uint32_t i = 0; i < c.rank; i++) {
        count *= c.shape[i];
        mask_shape[i] = i ? c.shape[i] : 1;
    }
    smelt_tensor x = make(c.dtype, c.rank, c.shape, c.gap), mask = NULL, gamma = NULL, beta = NULL;
    smelt_tensor y = c.in_place ? x : make(c.dtype, c.rank, c.shape, c.gap + 1);
    float *values = malloc(count * sizeof(float)), *got = malloc(count * sizeof(float));
    for (uint64_t i = 0; i < count; i++)
        got[i] = i % 7 == 3 ? -INFINITY : 0;
    if (c.mask) {
        mask = make(c.dtype, c.rank, mask_shape, 0);
        rig_write_floats(mask, got);
    }
    if (c.weights) {
        gamma = make_weight(&c, 7);
        beta = make_weight(&c, 9);
    }
    for (uint64_t i = 0; i < count; i++)
        values[i] = noise((uint32_t)i);
    rig_write_floats(x, values);
    smelt_encoder encoder = test_begin();
    enum smelt_result result = encode(&c, encoder, x, y, mask, gamma, beta);
    test_end(encoder);
    CHECK_OK(result);
    rig_read_floats(y, got);
    double *wanted = malloc(c.shape[c.axis] * sizeof(double));
    uint32_t wrong = 0;
    for (uint64_t l = 0; l < count / c.shape[c.axis]; l++) {
        struct line line = line_at(c.rank, c.shape, c.axis, l);
        wanted_line(&c, values, line, wanted);
        for (uint64_t i = 0; i < line.n; i++) {
            double value = got[line.first + i * line.step];
            double bound = 2e-5 * (c.kind == SOFTMAX ? wanted[i] : 1 + fabs(wanted[i])) + 1e-37;
            bound += c.dtype == SMELT_DTYPE_F16 ? 0x1p-10 * fabs(wanted[i]) + 0x1p-14 : 0;
            wrong += !(value == wanted[i] || fabs(value - wanted[i]) <= bound);
        }
    }
    CHECK(wrong == 0);
    free(wanted);
    free(values);
    free(got);
    smelt_tensor_destroy(&x);
    if (!c.in_place)
        smelt_tensor_destroy(&y);
    smelt_tensor_destroy(&mask);
    smelt_tensor_destroy(&gamma);
    smelt_tensor_destroy(&beta);
}

static void normalizations_are_right(void)
{
    const enum smelt_dtype f32 = SMELT_DTYPE_F32, f16 = SMELT_DTYPE_F16;
    for (int kind = SOFTMAX; kind <= RMS_NORM; kind++) {
        enum kind k = (enum kind)kind;
        bool w = kind != RMS_NORM; // with and without weights
        check_normalization(
            (struct normalization){k, f32, 2, {3, 133}, 1, .gap = 2, .mask = true, .weights = w});
        check_normalization((struct normalization){k, f16, 2, {3, 1024}, 1, .baked = true, .weights = !w});
        check_normalization(
            (struct normalization){k, f32, 3, {3, 17, 66}, 1, .mask = true, .baked = true, .weights = w});
        check_normalization(
            (struct normalization){k, f16, 2, {5000, 6}, 1, .weights = true, .in_place = true});
    }
    check_normalization(
        (struct normalization){SOFTMAX, f32, 2, {2, 40000}, 1, .in_place = true}); // longer than what is held
    check_normalization((struct normalization){LAYER_NORM, f32, 2, {2, 40001}, 1, .weights = true});
    // Several lines of a workgroup, which keeps the weights.
    check_normalization((struct normalization){LAYER_NORM, f32, 2, {4200, 2056}, 1, .weights = true});
}

// --- What is refused --------------------------------------------------------------------------------------

static void reductions_refuse(void)
{
    const uint64_t shape[2] = {4, 6}, rows[1] = {4}, other[1] = {5}, cube[3] = {4, 6, 1};
    smelt_tensor x = make(SMELT_DTYPE_F32, 2, shape, 0), y = make(SMELT_DTYPE_F32, 1, rows, 0);
    smelt_tensor wrong = make(SMELT_DTYPE_F32, 1, other, 0), deep = make(SMELT_DTYPE_F32, 3, cube, 0);
    smelt_tensor words = make(SMELT_DTYPE_I32, 2, shape, 0), halves = make(SMELT_DTYPE_F16, 1, rows, 0);
    smelt_tensor signs = make(SMELT_DTYPE_I32, 1, rows, 0);
    smelt_encoder encoder = test_begin();
    struct smelt_reduction_params p = {.x = x, .y = y, .axis = 1};
    uint64_t size = 1;
    CHECK_FAILS(smelt_encode_reduction(encoder, NULL), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    CHECK_FAILS(smelt_encode_reduction(NULL, &p), SMELT_ERROR_INVALID_ARGUMENT, "encoder is NULL");
    CHECK_FAILS(smelt_reduction_scratch_size(&p, NULL), SMELT_ERROR_INVALID_ARGUMENT, "size is NULL");
#define REFUSED(field, value, error, text)                                                                   \
    do {                                                                                                     \
        struct smelt_reduction_params bad = p;                                                               \
        bad.field = value;                                                                                   \
        CHECK_FAILS(smelt_encode_reduction(encoder, &bad), error, text);                                     \
        size = 1;                                                                                            \
        CHECK_FAILS(smelt_reduction_scratch_size(&bad, &size), error, text);                                 \
        CHECK(size == 0);                                                                                    \
    } while (0)
    REFUSED(x, NULL, SMELT_ERROR_INVALID_ARGUMENT, "x is NULL");
    REFUSED(y, NULL, SMELT_ERROR_INVALID_ARGUMENT, "y is NULL");
    REFUSED(axis, 2, SMELT_ERROR_INVALID_ARGUMENT, "axis is 2");
    REFUSED(reduce, (enum smelt_reduce)9, SMELT_ERROR_INVALID_ARGUMENT, "reduce is 9");
    REFUSED(y, wrong, SMELT_ERROR_SHAPE, "does not fit dimension 0");
    REFUSED(y, deep, SMELT_ERROR_SHAPE, "has rank 3, wanted 2 or one less");
    REFUSED(y, halves, SMELT_ERROR_DTYPE, "wanted f32 or as x");
    REFUSED(reduce, SMELT_REDUCE_ARG_MAX, SMELT_ERROR_DTYPE, "wanted i32 or u32");
    REFUSED(x, words, SMELT_ERROR_DTYPE, "wanted i32");
    p.y = signs;
    p.x = words;
    REFUSED(reduce, SMELT_REDUCE_MEAN, SMELT_ERROR_DTYPE, "wanted f32");
    p = (struct smelt_reduction_params){.x = x, .y = y, .axis = 1};
    smelt_tensor slice = NULL;
    CHECK_OK(smelt_tensor_slice(x, (const uint64_t[2]){0, 0}, (const uint64_t[2]){4, 1}, &slice));
    REFUSED(y, slice, SMELT_ERROR_INVALID_ARGUMENT, "shares bytes");
    p.scratch = y;
    CHECK_FAILS(smelt_encode_reduction(encoder, &p), SMELT_ERROR_DTYPE, "wanted u32");
    // A line in parts with too little for them.
    const uint64_t many[1] = {MAX_COUNT}, few[1] = {2};
    smelt_tensor line = make(SMELT_DTYPE_F32, 1, many, 0), sum = make(SMELT_DTYPE_F32, 0, NULL, 0);
    smelt_tensor small = make(SMELT_DTYPE_U32, 1, few, 0);
    CHECK_FAILS(smelt_encode_reduction(
                    encoder, &(struct smelt_reduction_params){.x = line, .y = sum, .scratch = small}),
                SMELT_ERROR_SHAPE, "wanted a packed tensor of rank 1");
    // Five dimensions that do not join.
    struct smelt_tensor_params loose = {
        .dtype = SMELT_DTYPE_F32, .rank = 5, .shape = {2, 2, 2, 2, 2}, .strides = {162, 54, 18, 6, 1}};
    const uint64_t four[4] = {2, 2, 2, 2};
    smelt_tensor gaps = NULL, cells = make(SMELT_DTYPE_F32, 4, four, 0);
    CHECK_OK(smelt_tensor_create(test_context(), &loose, &gaps));
    CHECK_FAILS(
        smelt_encode_reduction(encoder, &(struct smelt_reduction_params){.x = gaps, .y = cells, .axis = 4}),
        SMELT_ERROR_SHAPE, "wanted at most 3");
    smelt_context other_context = NULL;
    CHECK_OK(smelt_context_create(&(struct smelt_context_params){.cache_directory = ""}, &other_context));
    smelt_tensor foreign = NULL;
    struct smelt_tensor_params plain = {.dtype = SMELT_DTYPE_F32, .rank = 1, .shape = {4}};
    CHECK_OK(smelt_tensor_create(other_context, &plain, &foreign));
    p.scratch = NULL;
    REFUSED(y, foreign, SMELT_ERROR_INVALID_ARGUMENT, "is of another context");
    smelt_tensor_destroy(&foreign);
    smelt_context_destroy(&other_context);
    test_end(encoder);
    smelt_tensor *all[] = {&slice, &x,    &y,   &wrong, &deep, &words, &halves,
                           &signs, &line, &sum, &small, &gaps, &cells};
    for (size_t i = 0; i < SMELT_COUNT_OF(all); i++)
        smelt_tensor_destroy(all[i]);
}

static void normalizations_refuse(void)
{
    const uint64_t shape[2] = {4, 6}, other[2] = {4, 5}, length[1] = {6}, wide[2] = {4, 7};
    smelt_tensor x = make(SMELT_DTYPE_F32, 2, shape, 0), y = make(SMELT_DTYPE_F32, 2, shape, 0);
    smelt_tensor wrong = make(SMELT_DTYPE_F32, 2, other, 0), half = make(SMELT_DTYPE_F16, 2, shape, 0);
    smelt_tensor words = make(SMELT_DTYPE_I32, 2, shape, 0), weight = make(SMELT_DTYPE_F16, 1, length, 0);
    smelt_tensor whole = make(SMELT_DTYPE_F32, 2, wide, 0), left = NULL, right = NULL, row = NULL;
    CHECK_OK(smelt_tensor_slice(whole, (const uint64_t[2]){0, 0}, shape, &left));
    CHECK_OK(smelt_tensor_slice(whole, (const uint64_t[2]){0, 1}, shape, &right));
    CHECK_OK(smelt_tensor_slice(y, (const uint64_t[2]){0, 0}, (const uint64_t[2]){1, 6}, &row));
    smelt_encoder encoder = test_begin();
    CHECK_FAILS(smelt_encode_softmax(encoder, NULL), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    CHECK_FAILS(smelt_encode_layer_norm(encoder, NULL), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    CHECK_FAILS(smelt_encode_rms_norm(encoder, NULL), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
#define SOFTMAX_REFUSED(buffer, error, text, ...)                                                            \
    CHECK_FAILS(smelt_encode_softmax(buffer, &(struct smelt_softmax_params){__VA_ARGS__}), error, text)
#define NORM_REFUSED(buffer, error, text, ...)                                                               \
    CHECK_FAILS(smelt_encode_layer_norm(buffer, &(struct smelt_layer_norm_params){__VA_ARGS__}), error, text)
    SOFTMAX_REFUSED(NULL, SMELT_ERROR_INVALID_ARGUMENT, "encoder is NULL", .x = x, .y = y);
    SOFTMAX_REFUSED(encoder, SMELT_ERROR_INVALID_ARGUMENT, "x is NULL", .y = y);
    SOFTMAX_REFUSED(encoder, SMELT_ERROR_INVALID_ARGUMENT, "y is NULL", .x = x);
    SOFTMAX_REFUSED(encoder, SMELT_ERROR_INVALID_ARGUMENT, "axis is 2", .x = x, .y = y, .axis = 2);
    SOFTMAX_REFUSED(encoder, SMELT_ERROR_SHAPE, "does not fit dimension 1", .x = x, .y = wrong);
    SOFTMAX_REFUSED(encoder, SMELT_ERROR_SHAPE, "wanted as many or 1", .x = x, .y = y, .mask = wrong);
    SOFTMAX_REFUSED(encoder, SMELT_ERROR_DTYPE, "wanted f32 as x", .x = x, .y = half);
    SOFTMAX_REFUSED(encoder, SMELT_ERROR_DTYPE, "mask 'tensor' is f16", .x = x, .y = y, .mask = half);
    SOFTMAX_REFUSED(encoder, SMELT_ERROR_DTYPE, "is i32", .x = words, .y = words);
    SOFTMAX_REFUSED(encoder, SMELT_ERROR_INVALID_ARGUMENT, "shares bytes with x", .x = left, .y = right);
    SOFTMAX_REFUSED(encoder, SMELT_ERROR_INVALID_ARGUMENT, "shares bytes with the mask", .x = x, .y = y,
                    .mask = row);
    NORM_REFUSED(NULL, SMELT_ERROR_INVALID_ARGUMENT, "encoder is NULL", .x = x, .y = y);
    NORM_REFUSED(encoder, SMELT_ERROR_INVALID_ARGUMENT, "epsilon is -1", .x = x, .y = y, .epsilon = -1);
    NORM_REFUSED(encoder, SMELT_ERROR_DTYPE, "gamma 'tensor' is f16", .x = x, .y = y, .axis = 1,
                 .gamma = weight);
    NORM_REFUSED(encoder, SMELT_ERROR_SHAPE, "wanted rank 1 and 6", .x = x, .y = y, .axis = 1,
                 .gamma = wrong);
    NORM_REFUSED(encoder, SMELT_ERROR_SHAPE, "wanted rank 1 and 4", .x = half, .y = half, .beta = weight);
    NORM_REFUSED(encoder, SMELT_ERROR_INVALID_ARGUMENT, "shares bytes with x", .x = left, .y = right);
    CHECK_FAILS(smelt_encode_rms_norm(encoder, &(struct smelt_rms_norm_params){.x = words, .y = words}),
                SMELT_ERROR_DTYPE, "rms_norm: x 'tensor' is i32");
    test_end(encoder);
    smelt_tensor *all[] = {&left, &right, &row, &whole, &x, &y, &wrong, &half, &words, &weight};
    for (size_t i = 0; i < SMELT_COUNT_OF(all); i++)
        smelt_tensor_destroy(all[i]);
}

// Without a compiler only f32 and f16 have kernels.
static void only_some_types_are_baked(void)
{
    const uint64_t shape[2] = {4, 6}, rows[1] = {4};
    smelt_tensor x = make(SMELT_DTYPE_BF16, 2, shape, 0), y = make(SMELT_DTYPE_F32, 1, rows, 0);
    smelt_encoder encoder = test_begin();
    CHECK_FAILS(smelt_encode_reduction(
                    encoder, &(struct smelt_reduction_params){.x = x, .y = y, .axis = 1, .baked = true}),
                SMELT_ERROR_UNSUPPORTED, "kernel reduce_bf16_group is not baked");
    test_end(encoder);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
}

// --- Descriptors ------------------------------------------------------------------------------------------

static void descriptors_are_checked(void)
{
    struct smelt_op_info info;
    struct smelt_reduction_descriptor d = {.line = {.scope = SMELT_SCOPE_WORKGROUP, .rank = 2, .axis = 1}};
    struct smelt_op op = {.name = "line", .kind = SMELT_OP_REDUCTION, .reduction = &d};
#define REDUCTION_REFUSED(field, value, error, text)                                                         \
    do {                                                                                                     \
        const struct smelt_reduction_descriptor good = d;                                                    \
        d.field = value;                                                                                     \
        CHECK_FAILS(smelt_op_query(NULL, &op, 0, &info), error, text);                                       \
        d = good;                                                                                            \
    } while (0)
    CHECK_OK(smelt_op_query(NULL, &op, 0, &info));
    CHECK(info.workgroup_size == 256 && info.scratch_size == 1024 &&
          info.choice.backend == SMELT_BACKEND_PORTABLE);
    CHECK(info.error_u == 0x1p-23 && info.error_c > 64 && info.error_c < 80 &&
          !info.subgroup_size.requiredSubgroupSize);
    REDUCTION_REFUSED(line.scope, (enum smelt_scope)3, SMELT_ERROR_INVALID_ARGUMENT, "scope is 3");
    REDUCTION_REFUSED(line.rank, 0, SMELT_ERROR_INVALID_ARGUMENT, "rank is 0");
    REDUCTION_REFUSED(line.rank, 17, SMELT_ERROR_INVALID_ARGUMENT, "rank is 17");
    REDUCTION_REFUSED(line.axis, 2, SMELT_ERROR_INVALID_ARGUMENT, "axis is 2");
    REDUCTION_REFUSED(line.stored, (enum smelt_dtype)99, SMELT_ERROR_DTYPE, "stored is 99");
    REDUCTION_REFUSED(line.workgroup_size, 1025, SMELT_ERROR_INVALID_ARGUMENT, "workgroup_size is 1025");
    REDUCTION_REFUSED(line.subgroup_size, 32, SMELT_ERROR_INVALID_ARGUMENT, "subgroup_size is 32");
    REDUCTION_REFUSED(line.backend, SMELT_BACKEND_COOPMAT, SMELT_ERROR_UNSUPPORTED, "");
    REDUCTION_REFUSED(reduce, (enum smelt_reduce)9, SMELT_ERROR_INVALID_ARGUMENT, "reduce is 9");
    d.line.stored = SMELT_DTYPE_I8;
    CHECK_OK(smelt_op_query(NULL, &op, 0, &info));
    d.reduce = SMELT_REDUCE_MEAN; // in f32
    CHECK_OK(smelt_op_query(NULL, &op, 0, &info));
    CHECK(info.error_c > 64);
    d.reduce = SMELT_REDUCE_MAX;
    CHECK_OK(smelt_op_query(NULL, &op, 0, &info));
    CHECK(info.error_c == 0);
    d.line.scope = SMELT_SCOPE_SUBGROUP;
    CHECK_OK(smelt_op_query(NULL, &op, 0, &info));
    CHECK(info.workgroup_size == 32 && info.subgroup_size.requiredSubgroupSize == 32);
    CHECK(info.stage_flags == VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT);
    CHECK_FAILS(smelt_op_query(NULL, &op, VK_SHADER_STAGE_FRAGMENT_BIT, &info), SMELT_ERROR_UNSUPPORTED,
                "compute");
    d.line.scope = SMELT_SCOPE_THREAD;
    CHECK_OK(smelt_op_query(NULL, &op, VK_SHADER_STAGE_FRAGMENT_BIT, &info));
    CHECK(info.workgroup_size == 0 && info.scratch_size == 0);
    struct smelt_softmax_descriptor softmax = {.line = {.rank = 1}, .held = 17};
    struct smelt_op other = {.name = "line", .kind = SMELT_OP_SOFTMAX, .softmax = &softmax};
    CHECK_FAILS(smelt_op_query(NULL, &other, 0, &info), SMELT_ERROR_INVALID_ARGUMENT, "held is 17");
    softmax = (struct smelt_softmax_descriptor){.line = {.rank = 1, .stored = SMELT_DTYPE_U8}};
    CHECK_FAILS(smelt_op_query(NULL, &other, 0, &info), SMELT_ERROR_DTYPE, "stored is u8");
    struct smelt_layer_norm_descriptor layer = {.line = {.rank = 1}, .held = 99};
    other = (struct smelt_op){.name = "line", .kind = SMELT_OP_LAYER_NORM, .layer_norm = &layer};
    CHECK_FAILS(smelt_op_query(NULL, &other, 0, &info), SMELT_ERROR_INVALID_ARGUMENT, "held is 99");
    struct smelt_rms_norm_descriptor rms = {.line = {.rank = 1}, .held = 99};
    other = (struct smelt_op){.name = "line", .kind = SMELT_OP_RMS_NORM, .rms_norm = &rms};
    CHECK_FAILS(smelt_op_query(NULL, &other, 0, &info), SMELT_ERROR_INVALID_ARGUMENT, "held is 99");
}

static const struct test tests[] = {
    {"reductions of integers", reductions_of_integers},
    {"reductions are right", reductions_are_right},
    {"softmax and norms are right", normalizations_are_right},
    {"what a reduction refuses", reductions_refuse},
    {"what softmax and norms refuse", normalizations_refuse},
    {"f32 and f16 are baked", only_some_types_are_baked},
    {"descriptors are checked", descriptors_are_checked},
};

TEST_MAIN(tests)
