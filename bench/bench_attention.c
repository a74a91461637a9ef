// SPDX-License-Identifier: MIT
// smelt_encode_attention and examples/attention over head dimensions, masks, backends and tiles: GPU time, with sampled rows
// checked in double.
// bench/compare_attention.py puts its figures beside PyTorch's scaled_dot_product_attention.
#include "rows.h"
#include "scenarios.h"

#include <attention.h>
#include <attention_reference.h>
#include <smelt/attention.h>

#include <math.h>

#define HEADS 16
#define BATCH_NS 15e6 // at least, of each batch
#define WARM_NS 400e6 // a kernel was made before: the clocks are down
#define SAMPLES 8

struct shape {
    const char *name;
    uint32_t tokens, head_dim;
    bool causal;
};

static const struct shape shapes[] = {
    {"512d64", 512, 64, false},        {"4096d64", 4096, 64, false},        {"4096d128", 4096, 128, false},
    {"4096d64causal", 4096, 64, true}, {"4096d128causal", 4096, 128, true},
};

// Of the example: first what it chooses; rows of a subgroup, subgroups, keys at a time.
static const struct {
    enum smelt_backend backend;
    uint32_t rows, subgroups, keys;
} tiles[] = {
    {SMELT_BACKEND_COOPMAT2, 0, 0, 0},   {SMELT_BACKEND_COOPMAT, 0, 0, 0},
    {SMELT_BACKEND_PORTABLE, 0, 0, 0},   {SMELT_BACKEND_COOPMAT2, 16, 4, 64},
    {SMELT_BACKEND_COOPMAT2, 16, 4, 32}, {SMELT_BACKEND_COOPMAT2, 16, 8, 32},
    {SMELT_BACKEND_COOPMAT2, 16, 8, 64}, {SMELT_BACKEND_COOPMAT2, 16, 8, 128},
    {SMELT_BACKEND_COOPMAT2, 32, 4, 64}, {SMELT_BACKEND_COOPMAT2, 32, 4, 32},
    {SMELT_BACKEND_COOPMAT2, 32, 8, 64}, {SMELT_BACKEND_COOPMAT2, 32, 8, 32},
    {SMELT_BACKEND_COOPMAT, 16, 4, 64},
};

struct bench {
    struct rows run;
    smelt_tensor tensors[4]; // q, k, v, o
    smelt_tensor heads[4];   // views of them, as the example takes them
    float *values[3];
    struct attention attention; // the example's
    struct attention_call call;
    struct smelt_attention_params params; // of smelt_encode_attention
};

// What is told of a row beside its time.
struct kernel {
    const char *by; // library or example
    enum smelt_backend backend;
    uint32_t rows, keys, threads; // 0: the library's choice
    struct gpu_statistics statistics;
};

static void fill(struct bench *bench, const struct shape *shape, uint32_t which)
{
    struct smelt_tensor_params params = {
        .dtype = SMELT_DTYPE_F16, .rank = 4, .shape = {1, HEADS, shape->tokens, shape->head_dim}};
    const struct smelt_tensor_params heads = {
        .dtype = SMELT_DTYPE_F16, .rank = 3, .shape = {HEADS, shape->tokens, shape->head_dim}};
    BENCH_OK(smelt_tensor_create(bench->run.gpu.context, &params, &bench->tensors[which]));
    BENCH_OK(smelt_tensor_view(bench->tensors[which], 0, &heads, &bench->heads[which]));
    if (which == 3)
        return;
    uint64_t count = (uint64_t)HEADS * shape->tokens * shape->head_dim;
    uint16_t *halves = malloc(count * sizeof(uint16_t));
    float *values = bench->values[which] = malloc(count * sizeof(float));
    bench_require(halves && values, "malloc");
    uint32_t x = 12345 + which;
    for (uint64_t i = 0; i < count; i++) {
        x = x * 1664525u + 1013904223u;                  // Numerical Recipes
        values[i] = (float)((x >> 22) & 1023) / 512 - 1; // exact in f16, in [-1, 1)
    }
    smelt_dtype_convert(SMELT_DTYPE_F16, halves, SMELT_DTYPE_F32, values, count);
    BENCH_OK(smelt_tensor_write_and_wait(bench->tensors[which], NULL, halves, count * sizeof(uint16_t)));
    free(halves);
}

static double check(struct bench *bench, const struct shape *shape)
{
    double worst = 0;
    uint64_t d = shape->head_dim;
    for (uint32_t s = 0; s < SAMPLES; s++) {
        uint32_t head = s * 7 % HEADS, row = s ? s * 2654435761u % shape->tokens : shape->tokens - 1;
        uint64_t keys = (uint64_t)head * shape->tokens * d;
        uint16_t halves[256];
        float got[256];
        struct smelt_tensor_box box = {.origin = {0, head, row, 0}, .shape = {1, 1, 1, d}};
        BENCH_OK(smelt_tensor_read_and_wait(bench->tensors[3], &box, halves, d * sizeof(uint16_t)));
        smelt_dtype_convert(SMELT_DTYPE_F32, got, SMELT_DTYPE_F16, halves, d);
        double ratio = attention_error((uint32_t)d, attention_seen(shape->tokens, shape->causal, row),
                                       bench->values[0] + keys + row * d, bench->values[1] + keys,
                                       bench->values[2] + keys, got);
        worst = ratio <= worst ? worst : isnan(ratio) ? INFINITY : ratio;
    }
    return worst;
}

static void record_example(void *user, smelt_encoder encoder)
{
    VkCommandBuffer commands = smelt_encoder_commands(encoder);
    struct bench *bench = user;
    attention_record(&bench->attention, commands, &bench->call);
}

static void record_call(void *user, smelt_encoder encoder)
{
    struct bench *bench = user;
    BENCH_OK(smelt_encode_attention(encoder, &bench->params));
}

static void print(struct bench *bench, const struct shape *shape, const struct kernel *k,
                  struct bench_summary ns, double made, double worst)
{
    // As is usual: both products of all keys, half of them with a causal mask.
    double flops = 4.0 * HEADS * shape->tokens * shape->tokens * shape->head_dim * (shape->causal ? 0.5 : 1);
    const struct gpu_statistics *t = &k->statistics;
    const char *backend = smelt_backend_name(k->backend);
    if (bench->run.options.json)
        printf(
            "%s\n  {\"shape\": \"%s\", \"tokens\": %u, \"heads\": %u, \"head_dim\": %u, \"causal\": %s, "
            "\"by\": \"%s\", \"backend\": \"%s\", \"rows\": %u, \"keys\": %u, \"threads\": %u, \"ns\": %.0f, "
            "\"ns_least\": %.0f, \"ns_most\": %.0f, \"tflops\": %.3f, \"registers\": %lld, "
            "\"local_bytes\": %lld, \"first_call_s\": %.3f, \"error\": %.3g}",
            bench->run.done ? "," : "", shape->name, shape->tokens, HEADS, shape->head_dim,
            shape->causal ? "true" : "false", k->by, backend, k->rows, k->keys, k->threads, ns.median,
            ns.minimum, ns.maximum, flops / ns.median / 1000, t->registers, t->local_bytes, made, worst);
    else
        printf("%-15s %-7s %-8s %3u queries %3u keys %3u threads  %9.1f us (%.1f to %.1f) %7.2f TFLOP/s  "
               "%lld registers %lld local  made in %.2f s  error %.2g%s\n",
               shape->name, k->by, backend, k->rows, k->keys, k->threads, ns.median / 1000, ns.minimum / 1000,
               ns.maximum / 1000, flops / ns.median / 1000, t->registers, t->local_bytes, made, worst,
               worst > 1 ? " WRONG" : "");
}

static bool wants(struct bench *bench, const struct shape *shape, const char *by, enum smelt_backend backend)
{
    char name[64];
    snprintf(name, sizeof(name), "%s %s %s", shape->name, by, smelt_backend_name(backend));
    return rows_wants(&bench->run, name);
}

static void run_row(struct bench *bench, const struct shape *shape, gpu_record record,
                    const struct kernel *kernel, double made)
{
    struct bench_summary ns = rows_time(&bench->run, record, bench, bench->tensors[3], WARM_NS, BATCH_NS);
    double worst = check(bench, shape);
    print(bench, shape, kernel, ns, made, worst);
    rows_count(&bench->run, worst);
}

static void run_example(struct bench *bench, const struct shape *shape, size_t t)
{
    if (!wants(bench, shape, "example", tiles[t].backend))
        return;
    double before = bench_now();
    struct attention_params params = {.head_dim = shape->head_dim,
                                      .causal = shape->causal,
                                      .backend = tiles[t].backend,
                                      .rows_of_subgroup = tiles[t].rows,
                                      .subgroups = tiles[t].subgroups,
                                      .keys = tiles[t].keys};
    struct attention *a = &bench->attention;
    if (!attention_create(bench->run.gpu.context, &params, a)) { // a backend that the device lacks
        fprintf(stderr, "# %s: %s\n", shape->name, smelt_last_error());
        return;
    }
    const struct kernel kernel = {
        .by = "example",
        .backend = a->backend,
        .rows = a->rows,
        .keys = a->keys,
        .threads = a->threads,
        .statistics = gpu_statistics(&bench->run.gpu, a->pipeline, VK_SHADER_STAGE_COMPUTE_BIT)};
    run_row(bench, shape, record_example, &kernel, bench_now() - before);
    attention_destroy(a);
}

static void run_call(struct bench *bench, const struct shape *shape, enum smelt_backend backend)
{
    if (!wants(bench, shape, "library", backend))
        return;
    bench->params = (struct smelt_attention_params){.q = bench->tensors[0],
                                                    .k = bench->tensors[1],
                                                    .v = bench->tensors[2],
                                                    .y = bench->tensors[3],
                                                    .causal = shape->causal,
                                                    .backend = backend};
    smelt_encoder encoder;
    BENCH_OK(smelt_encoder_create(bench->run.gpu.context, NULL, &encoder));
    double before = bench_now();
    enum smelt_result result = smelt_encode_attention(encoder, &bench->params);
    const struct kernel kernel = {.by = "library", .backend = backend, .statistics = {-1, -1, -1}};
    double made = bench_now() - before;
    if (result == SMELT_ERROR_UNSUPPORTED) { // a backend that the device lacks
        fprintf(stderr, "# %s: %s\n", shape->name, smelt_last_error());
    } else {
        BENCH_OK(result);
        BENCH_OK(smelt_encoder_commit_and_wait(encoder));
        run_row(bench, shape, record_call, &kernel, made);
    }
    smelt_encoder_destroy(&encoder);
}

static void run_shape(struct bench *bench, const struct shape *shape)
{
    for (uint32_t i = 0; i < 4; i++)
        fill(bench, shape, i);
    uint32_t length = shape->tokens;
    struct smelt_tensor_params known = {.dtype = SMELT_DTYPE_U32, .rank = 1, .shape = {1}};
    smelt_tensor lengths = NULL;
    BENCH_OK(smelt_tensor_create(bench->run.gpu.context, &known, &lengths));
    BENCH_OK(smelt_tensor_write_and_wait(lengths, NULL, &length, sizeof(length)));
    bench->call = (struct attention_call){bench->heads[0], bench->heads[1], bench->heads[2],
                                          bench->heads[3], lengths,         HEADS};
    for (size_t t = 0; t < 3; t++)
        run_call(bench, shape, tiles[t].backend);
    for (size_t t = 0; t < (bench->run.options.tune ? sizeof(tiles) / sizeof(tiles[0]) : 3); t++)
        run_example(bench, shape, t);
    for (uint32_t i = 0; i < 4; i++) {
        smelt_tensor_destroy(&bench->heads[i]);
        smelt_tensor_destroy(&bench->tensors[i]);
        if (i < 3)
            free(bench->values[i]);
    }
    smelt_tensor_destroy(&lengths);
}

// A shape of the caller's: TOKENSxHEAD_DIM, with a c behind for a causal mask.
static bool parse_shape(const struct bench_options *options, struct shape *s)
{
    char c = 0, more = 0;
    *s = (struct shape){.name = options->shape};
    int read = sscanf(options->shape, "%ux%u%c%c", &s->tokens, &s->head_dim, &c, &more);
    s->causal = read == 3;
    return (read == 2 || (read == 3 && c == 'c')) && options->dtype == SMELT_DTYPE_F16 && s->tokens &&
           (s->head_dim == 64 || s->head_dim == 128);
}

int bench_attention(int argc, char **argv)
{
    static struct bench bench;
    struct shape own;
    if (!bench_parse(argc, argv, BENCH_MAY_TUNE | BENCH_MAY_SHAPE, &bench.run.options) ||
        (bench.run.options.shape && !parse_shape(&bench.run.options, &own))) {
        return bench_usage(
            argc, argv,
            "usage: bench_attention [--json] [--quick | --tune] [--device NAME] [--only TEXT] [--seconds N]\n"
            "                       [--shape TOKENSxHEAD_DIM[c]]\n"
            "  --shape      this one alone, of 16 heads of 64 or 128; c: with a causal mask\n"
            "  --only TEXT  rows whose \"shape library|example backend\" contains TEXT\n"
            "  --quick      the smallest shape only\n"
            "  --tune       every tile, not the example's own alone\n"
            "  --seconds N  start no row after so long (default 220)\n");
    }
    rows_open(&bench.run);
    if (bench.run.options.shape)
        run_shape(&bench, &own);
    for (size_t i = 0;
         !bench.run.options.shape && i < (bench.run.options.quick ? 1 : sizeof(shapes) / sizeof(shapes[0]));
         i++)
        run_shape(&bench, &shapes[i]);
    return rows_close(&bench.run);
}
