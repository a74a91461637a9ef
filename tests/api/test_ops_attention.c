// SPDX-License-Identifier: MIT
// smelt_encode_attention against sums in double, element by element, and everything it refuses.
#include "rig.h"

#include <smelt/attention.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH, HEADS, TOKENS, SIZE };
enum { Q, K, V, Y };

struct attention {
    uint64_t batch, heads, key_heads, queries, keys, size, value_size;
    enum smelt_dtype dtype, mask;    // mask NONE: none
    uint64_t mask_shape[4];          // 0: as the scores
    bool by_tokens, causal, lengths; // by_tokens: [batch][token][head][size] in memory
    uint32_t past;
    float scale, cap;
    struct smelt_matmul2d_tiling tiling;
    enum smelt_backend backend;
};

struct data {
    float *values[4], *mask;
    int32_t lengths[8];
    uint64_t mask_shape[4];
};

static float noise(uint64_t i, uint32_t seed)
{
    uint32_t x = (uint32_t)i * 2654435761u + seed * 40503u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return (float)(x & 255) / 128 - 1; // 8 bits: exact in f16
}

static uint64_t place(const uint64_t shape[4], uint64_t b, uint64_t h, uint64_t t, uint64_t e)
{
    return ((b * shape[HEADS] + h) * shape[TOKENS] + t) * shape[SIZE] + e;
}

static smelt_tensor make(enum smelt_dtype dtype, const uint64_t shape[4], bool by_tokens)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = 4};
    memcpy(params.shape, shape, 4 * sizeof(*shape));
    params.strides[SIZE] = 1;
    params.strides[HEADS] = by_tokens ? shape[SIZE] : shape[SIZE] * shape[TOKENS];
    params.strides[TOKENS] = by_tokens ? shape[SIZE] * shape[HEADS] : shape[SIZE];
    params.strides[BATCH] = shape[SIZE] * shape[TOKENS] * shape[HEADS];
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(test_context(), &params, &tensor));
    return tensor;
}

// A mask of u8 is 1 where a value is above 0.
static void write_values(smelt_tensor tensor, const float *values)
{
    uint64_t count = smelt_tensor_element_count(tensor);
    if (smelt_tensor_info(tensor)->dtype != SMELT_DTYPE_U8) {
        rig_write_floats(tensor, values);
        return;
    }
    uint8_t *data = malloc(count);
    for (uint64_t i = 0; i < count; i++)
        data[i] = values[i] > 0;
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, count));
    free(data);
}

static float *read_values(smelt_tensor tensor)
{
    float *values = malloc(smelt_tensor_element_count(tensor) * sizeof(float));
    rig_read_floats(tensor, values);
    return values;
}

static bool has(enum smelt_backend backend, enum smelt_dtype dtype)
{
    const struct smelt_backend_query query = {.op = SMELT_OP_MATMUL2D,
                                              .scope = SMELT_SCOPE_WORKGROUP,
                                              .stored = dtype,
                                              .accumulated = SMELT_DTYPE_F32};
    struct smelt_backend_choice choice;
    CHECK_OK(smelt_backend_choose(test_context(), &query, &choice));
    return choice.eligible[backend];
}

// Of query i: scores, then their weights. Returns how far a weight may be off, relatively.
static double weigh(const struct attention *a, const struct data *data, const uint64_t shapes[4][4],
                    uint64_t b, uint64_t h, uint64_t i, double *p)
{
    uint64_t group = a->heads / a->key_heads;
    double scale = a->scale > 0 ? (double)a->scale : 1 / sqrt((double)a->size), most = -INFINITY, sum = 0,
           off = 0;
    int64_t visible = a->lengths ? data->lengths[b] - (int64_t)a->queries : (int64_t)a->past;
    for (uint64_t j = 0; j < a->keys; j++) {
        double s = 0, size = 0;
        for (uint64_t e = 0; e < a->size; e++) {
            double term = (double)data->values[Q][place(shapes[Q], b, h, i, e)] *
                          (double)data->values[K][place(shapes[K], b, h / group, j, e)];
            s += term;
            size += fabs(term);
        }
        s *= scale;
        off = fmax(off, scale * size * (double)(2 * a->size + 16) * 0x1p-23 + fabs(s) * 0x1p-20);
        if (a->cap > 0)
            s = (double)a->cap * tanh(s / (double)a->cap);
        bool seen = (!a->lengths || (int64_t)j < data->lengths[b]) &&
                    (!a->causal || (int64_t)j <= (int64_t)i + visible);
        if (a->mask) {
            const uint64_t *m = data->mask_shape;
            float v = data->mask[place(m, m[0] == 1 ? 0 : b, m[1] == 1 ? 0 : h, m[2] == 1 ? 0 : i,
                                       m[3] == 1 ? 0 : j)];
            if (a->mask == SMELT_DTYPE_U8)
                seen = seen && v > 0;
            else
                s = (double)((float)s + v);
        }
        p[j] = seen ? s : -INFINITY;
        most = fmax(most, p[j]);
    }
    for (uint64_t j = 0; j < a->keys; j++)
        sum += p[j] = exp(p[j] - most);
    for (uint64_t j = 0; j < a->keys; j++)
        p[j] /= sum;
    return 2 * off + (double)(a->keys + 64) * 0x1p-23;
}

// The number of elements that are wrong.
static uint64_t judge(const struct attention *a, const struct data *data, const uint64_t shapes[4][4],
                      const float *got, bool rounds)
{
    uint64_t wrong = 0, group = a->heads / a->key_heads;
    double *p = malloc(a->keys * sizeof(double)), narrow = a->dtype == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-22;
    for (uint64_t n = 0; n < a->batch * a->heads * a->queries; n++) {
        uint64_t i = n % a->queries, h = n / a->queries % a->heads, b = n / a->queries / a->heads;
        double off = weigh(a, data, shapes, b, h, i, p) + (rounds ? 0x1p-10 : 0);
        for (uint64_t e = 0; e < a->value_size; e++) {
            double wanted = 0, size = 0;
            for (uint64_t j = 0; j < a->keys; j++) {
                double term = p[j] * (double)data->values[V][place(shapes[V], b, h / group, j, e)];
                wanted += term;
                size += fabs(term);
            }
            double y = (double)got[place(shapes[Y], b, h, i, e)];
            bool right =
                isnan(wanted) ? isnan(y) : fabs(y - wanted) <= off * size + narrow * fabs(wanted) + 0x1p-24;
            if (!right && wrong++ == 0)
                printf("    "
                       "batch %d head %d query %d element %d: got %.9g, wanted %.9g, may be off by %g\n",
                       (int)b, (int)h, (int)i, (int)e, y, wanted, off * size + narrow * fabs(wanted));
        }
    }
    free(p);
    return wrong;
}

static void fill(const struct attention *a, const uint64_t shapes[4][4], struct data *data)
{
    for (uint32_t t = 0; t < 4; t++) {
        uint64_t count = shapes[t][0] * shapes[t][1] * shapes[t][2] * shapes[t][3];
        data->values[t] = malloc(count * sizeof(float));
        for (uint64_t i = 0; i < count; i++)
            data->values[t][i] = t == Y ? 1234 : noise(i, t + 1);
    }
    const uint64_t scores[4] = {a->batch, a->heads, a->queries, a->keys};
    uint64_t count = 1;
    for (uint32_t d = 0; d < 4; d++)
        count *= data->mask_shape[d] = a->mask_shape[d] ? a->mask_shape[d] : scores[d];
    data->mask = malloc(count * sizeof(float));
    for (uint64_t i = 0; i < count; i++) {
        float v = noise(i, 9);
        bool out = a->mask != SMELT_DTYPE_U8 && v < -0.5f;
        data->mask[i] = out ? -INFINITY : v;
    }
    for (uint64_t b = 0; b < a->batch; b++)
        data->lengths[b] = b == 0 ? INT32_MAX : (int32_t)(a->keys / 2 + 1);
}

static void check(struct attention a)
{
    const uint64_t shapes[4][4] = {{a.batch, a.heads, a.queries, a.size},
                                   {a.batch, a.key_heads, a.keys, a.size},
                                   {a.batch, a.key_heads, a.keys, a.value_size},
                                   {a.batch, a.heads, a.queries, a.value_size}};
    struct data data;
    smelt_tensor t[4], mask = NULL, lengths = NULL, y, last;
    if (!has(a.backend, a.dtype))
        return;
    fill(&a, shapes, &data);
    for (uint32_t i = 0; i < 3; i++)
        write_values(t[i] = make(a.dtype, shapes[i], a.by_tokens), data.values[i]);
    // One token more than there is, which nothing may touch.
    const uint64_t larger[4] = {a.batch, a.heads, a.queries + 1, a.value_size}, zeros[4] = {0},
                   end[4] = {0, 0, a.queries, 0}, one[4] = {a.batch, a.heads, 1, a.value_size};
    t[Y] = make(a.dtype, larger, a.by_tokens);
    CHECK_OK(smelt_tensor_slice(t[Y], zeros, shapes[Y], &y));
    CHECK_OK(smelt_tensor_slice(t[Y], end, one, &last));
    write_values(y, data.values[Y]);
    write_values(last, data.values[Y]);
    if (a.mask)
        write_values(mask = make(a.mask, data.mask_shape, false), data.mask);
    if (a.lengths)
        lengths = rig_tensor(test_context(), SMELT_DTYPE_I32, 1, (const uint64_t[]){a.batch}, data.lengths);
    smelt_encoder encoder = test_begin();
    enum smelt_result result =
        smelt_encode_attention(encoder, &(struct smelt_attention_params){.q = t[Q],
                                                                         .k = t[K],
                                                                         .v = t[V],
                                                                         .y = y,
                                                                         .mask = mask,
                                                                         .lengths = lengths,
                                                                         .scale = a.scale,
                                                                         .cap = a.cap,
                                                                         .causal = a.causal,
                                                                         .past = a.past,
                                                                         .backend = a.backend,
                                                                         .tiling = a.tiling});
    test_end(encoder);
    CHECK_OK(result);
    float *got = read_values(y), *after = read_values(last);
    uint64_t wrong = judge(&a, &data, shapes, got, a.backend != SMELT_BACKEND_PORTABLE);
    for (uint64_t i = 0; i < a.batch * a.heads * a.value_size; i++)
        wrong += after[i] != 1234;
    if (wrong)
        printf("    "
               "%d wrong: %s on %s, %d x %d (%d) heads, %d queries, %d keys, sizes %d %d, mask %s\n",
               (int)wrong, smelt_dtype_name(a.dtype), smelt_backend_name(a.backend), (int)a.batch,
               (int)a.heads, (int)a.key_heads, (int)a.queries, (int)a.keys, (int)a.size, (int)a.value_size,
               smelt_dtype_name(a.mask));
    CHECK(!wrong);
    free(got);
    free(after);
    free(data.mask);
    for (uint32_t i = 0; i < 4; i++) {
        free(data.values[i]);
        smelt_tensor_destroy(&t[i]);
    }
    smelt_tensor_destroy(&y);
    smelt_tensor_destroy(&last);
    smelt_tensor_destroy(&mask);
    smelt_tensor_destroy(&lengths);
}

// In a type on PORTABLE, in f16 on matrices that the device has.
static void check_all(struct attention a)
{
    a.backend = SMELT_BACKEND_PORTABLE;
    check(a);
    a.dtype = SMELT_DTYPE_F16;
    a.backend = SMELT_BACKEND_COOPMAT;
    check(a);
    a.backend = SMELT_BACKEND_COOPMAT2;
    check(a);
}

// Cases of one type, with the same sizes and kinds of mask, are one kernel: compiling them is what takes time.
static void shapes(void)
{
    static const struct attention cases[] = {
        {1, 1, 1, 1, 1, 13, 37, .dtype = SMELT_DTYPE_F16},
        {2, 6, 2, 20, 70, 13, 37, .dtype = SMELT_DTYPE_F16},
        {2, 2, 2, 37, 41, 24, 40, .dtype = SMELT_DTYPE_F16},
        {1, 2, 2, 65, 129, 128, 128, .dtype = SMELT_DTYPE_F32},
    };
    for (uint32_t i = 0; i < SMELT_COUNT_OF(cases); i++)
        for (int by_tokens = 0; by_tokens < 2; by_tokens++) {
            struct attention a = cases[i];
            a.by_tokens = by_tokens;
            a.scale = by_tokens ? 0.4f : 0;
            check_all(a);
        }
}

static void masks(void)
{
    static const enum smelt_dtype f16 = SMELT_DTYPE_F16, f32 = SMELT_DTYPE_F32, u8 = SMELT_DTYPE_U8;
    const struct attention cases[] = {
        {.dtype = f32, .causal = true},
        {.dtype = f32, .causal = true, .past = 9},
        {.dtype = f16, .mask = f32, .cap = 1.5f},
        {.dtype = f16, .mask = f32, .mask_shape = {1, 1}, .cap = 0.7f},
        {.dtype = f32, .mask = f16, .mask_shape = {0, 1, 1, 0}, .lengths = true},
        {.dtype = f16, .mask = u8, .mask_shape = {1, 0, 0, 1}, .lengths = true, .causal = true},
        {.dtype = f16, .mask = u8, .mask_shape = {1, 1, 0, 0}, .lengths = true, .causal = true},
    };
    for (uint32_t i = 0; i < SMELT_COUNT_OF(cases); i++) {
        struct attention a = cases[i];
        a.batch = 2;
        a.heads = 2;
        a.key_heads = 1;
        a.queries = 70; // more than a workgroup has
        a.keys = 75;
        a.size = a.value_size = 16;
        check_all(a);
    }
}

static void tiles(void)
{
    struct attention a = {1, 1, 1, 70, 75, 16, 16, .dtype = SMELT_DTYPE_F32, .causal = true};
    a.tiling.n = 32;
    check_all(a);
    a.tiling = (struct smelt_matmul2d_tiling){.m = 64, .subgroups_m = 4};
    check_all(a);
}

// y of one query and head, keys and values of one element, scores q k with scale 1.
static double attend(const float *k, const float *v, const float *added, uint64_t count,
                     enum smelt_dtype dtype)
{
    const float one = 1;
    const uint64_t single[4] = {1, 1, 1, 1}, row[4] = {1, 1, count, 1}, line[4] = {1, 1, 1, count};
    smelt_tensor q = make(dtype, single, false), y = make(dtype, single, false),
                 keys = make(dtype, row, false), values = make(dtype, row, false),
                 mask = added ? make(SMELT_DTYPE_F32, line, false) : NULL;
    write_values(q, &one);
    write_values(keys, k);
    write_values(values, v);
    if (mask)
        write_values(mask, added);
    smelt_encoder encoder = test_begin();
    enum smelt_result result = smelt_encode_attention(
        encoder,
        &(struct smelt_attention_params){.q = q, .k = keys, .v = values, .y = y, .mask = mask, .scale = 1});
    test_end(encoder);
    CHECK_OK(result);
    float *got = read_values(y);
    double first = (double)got[0];
    free(got);
    smelt_tensor_destroy(&q);
    smelt_tensor_destroy(&y);
    smelt_tensor_destroy(&keys);
    smelt_tensor_destroy(&values);
    smelt_tensor_destroy(&mask);
    return first;
}

static void numbers_that_are_none(void)
{
    static const enum smelt_dtype types[] = {SMELT_DTYPE_F32, SMELT_DTYPE_F16};
    const float lowest = -3.402823466e38f;
    const float k[3] = {1, 1, 1}, v[3] = {3, 5, 10}, never[3] = {-INFINITY, -INFINITY, -INFINITY},
                least[3] = {lowest, lowest, lowest}, one[3] = {-INFINITY, 0, -INFINITY},
                under[3] = {lowest, 0, lowest}, infinite[3] = {1, INFINITY, 1}, none[3] = {1, NAN, 1},
                minus[3] = {-INFINITY, 1, -INFINITY};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(types); i++) {
        CHECK(isnan(attend(k, v, never, 3, types[i])));
        CHECK(fabs(attend(k, v, least, 3, types[i]) - 6) < 0.01); // as good as each other
        CHECK(fabs(attend(k, v, one, 3, types[i]) - 5) < 1e-6);
        CHECK(fabs(attend(k, v, under, 3, types[i]) - 5) < 1e-6);
        CHECK(isnan(attend(infinite, v, NULL, 3, types[i])));
        CHECK(isnan(attend(none, v, NULL, 3, types[i])));
        CHECK(fabs(attend(minus, v, NULL, 3, types[i]) - 5) < 1e-6);
        CHECK(isnan(attend(k, none, NULL, 3, types[i])));
        CHECK(isinf(attend(k, infinite, NULL, 3, types[i])));
    }
}

static void refusals(void)
{
    const uint64_t shape[4] = {1, 4, 8, 16}, three[4] = {1, 3, 8, 16}, nine[4] = {1, 4, 9, 16},
                   wide[4] = {1, 4, 8, 512}, two[4] = {2, 4, 8, 16}, scores[4] = {1, 4, 8, 9};
    smelt_tensor q = make(SMELT_DTYPE_F32, shape, false), k = make(SMELT_DTYPE_F32, shape, false),
                 v = make(SMELT_DTYPE_F32, shape, false), y = make(SMELT_DTYPE_F32, shape, false),
                 half = make(SMELT_DTYPE_F16, shape, false), odd = make(SMELT_DTYPE_F32, three, false),
                 more = make(SMELT_DTYPE_F32, nine, false), words = make(SMELT_DTYPE_U32, shape, false),
                 large = make(SMELT_DTYPE_F32, wide, false), large_y = make(SMELT_DTYPE_F32, wide, false),
                 pair = make(SMELT_DTYPE_F32, two, false), mask = make(SMELT_DTYPE_F32, scores, false), flat,
                 apart;
    CHECK_OK(smelt_tensor_create(
        test_context(), &(struct smelt_tensor_params){.dtype = SMELT_DTYPE_F32, .rank = 1, .shape = {1}},
        &flat));
    CHECK_OK(smelt_tensor_create(
        test_context(),
        &(struct smelt_tensor_params){
            .dtype = SMELT_DTYPE_F32, .rank = 4, .shape = {1, 4, 8, 16}, .strides = {1024, 256, 32, 2}},
        &apart));
    smelt_encoder encoder = test_begin();
    CHECK_FAILS(smelt_encode_attention(encoder, NULL), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
#define REFUSED(error, text, ...)                                                                            \
    CHECK_FAILS(smelt_encode_attention(encoder, &(struct smelt_attention_params){__VA_ARGS__}), error, text)
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "v is NULL", .q = q, .k = k, .y = y);
    CHECK_FAILS(
        smelt_encode_attention(NULL, &(struct smelt_attention_params){.q = q, .k = k, .v = v, .y = y}),
        SMELT_ERROR_INVALID_ARGUMENT, "encoder is NULL");
    REFUSED(SMELT_ERROR_SHAPE, "k 'tensor' has rank 1, wanted 4", .q = q, .k = flat, .v = v, .y = y);
    REFUSED(SMELT_ERROR_DTYPE, "k 'tensor' is f16", .q = q, .k = half, .v = v, .y = y);
    REFUSED(SMELT_ERROR_DTYPE, "q 'tensor' is u32", .q = words, .k = k, .v = v, .y = y);
    REFUSED(SMELT_ERROR_SHAPE, "are 2 apart, wanted 1", .q = q, .k = apart, .v = v, .y = y);
    REFUSED(SMELT_ERROR_SHAPE, "a multiple of those of k is 1, wanted 0", .q = q, .k = odd, .v = odd, .y = y);
    REFUSED(SMELT_ERROR_SHAPE, "the heads of v is 3, wanted 4", .q = q, .k = k, .v = odd, .y = y);
    REFUSED(SMELT_ERROR_SHAPE, "the keys of v is 8, wanted 9", .q = q, .k = more, .v = v, .y = y);
    REFUSED(SMELT_ERROR_SHAPE, "the size of k is 512, wanted 16", .q = q, .k = large, .v = v, .y = y);
    REFUSED(SMELT_ERROR_SHAPE, "the batch of k is 2, wanted 1", .q = q, .k = pair, .v = v, .y = y);
    REFUSED(SMELT_ERROR_UNSUPPORTED, "heads of 512 elements, wanted at most 256", .q = q, .k = k, .v = large,
            .y = large_y);
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "y 'tensor' shares bytes with q", .q = y, .k = k, .v = v, .y = y);
    REFUSED(SMELT_ERROR_SHAPE, "an extent of mask that is not 1 is 9, wanted 8", .q = q, .k = k, .v = v,
            .y = y, .mask = mask);
    REFUSED(SMELT_ERROR_DTYPE, "mask 'tensor' is u32", .q = q, .k = k, .v = v, .y = y, .mask = words);
    REFUSED(SMELT_ERROR_DTYPE, "lengths 'tensor' is f32, wanted i32", .q = q, .k = k, .v = v, .y = y,
            .lengths = flat);
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "scale -1", .q = q, .k = k, .v = v, .y = y, .scale = -1);
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "cap nan", .q = q, .k = k, .v = v, .y = y, .cap = NAN);
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "past is 4294967295", .q = q, .k = k, .v = v, .y = y,
            .past = UINT32_MAX);
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "n is 7, wanted a multiple of 8", .q = q, .k = k, .v = v, .y = y,
            .tiling = {.n = 7});
    REFUSED(SMELT_ERROR_UNSUPPORTED, "coopvec", .q = q, .k = k, .v = v, .y = y,
            .backend = SMELT_BACKEND_COOPVEC);
    test_end(encoder);
    smelt_tensor all[] = {q, k, v, y, half, odd, more, words, large, large_y, pair, mask, flat, apart};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(all); i++)
        smelt_tensor_destroy(&all[i]);
}

static const struct test tests[] = {
    {"shapes", shapes},     {"masks", masks},
    {"tiles", tiles},       {"numbers that are none", numbers_that_are_none},
    {"refusals", refusals},
};

TEST_MAIN(tests)
