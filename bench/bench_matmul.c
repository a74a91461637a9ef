// SPDX-License-Identifier: MIT
// smelt_encode_matmul2d over shapes, sums, backends and tiles: GPU time, with sampled elements checked in double.
// bench/compare_matmul.py puts its figures beside the vendor's library; the table of tiles in
// src/kernels_matmul2d.c is filled from them.
#include "gpu.h"
#include "scenarios.h"

#include <math.h>

#define NOISE 65521 // values before they repeat: a prime, so that rows differ
#define SAMPLES 64
#define BATCHES 7
#define BATCH_NS 15e6 // at least, of each batch: the clock and the caches settle
#define WARM_NS 60e6

struct shape {
    const char *name;
    uint32_t m, n, k;
    bool transpose_right;
    enum smelt_dtype operands;
    bool all_tiles;
};

static const struct shape shapes[] = {
    {"512", 512, 512, 512, false, SMELT_DTYPE_F16, true},
    {"1024", 1024, 1024, 1024, false, SMELT_DTYPE_F16, true},
    {"2048", 2048, 2048, 2048, false, SMELT_DTYPE_F16, true},
    {"4096", 4096, 4096, 4096, false, SMELT_DTYPE_F16, true},
    {"8192", 8192, 8192, 8192, false, SMELT_DTYPE_F16, true},
    {"4096nt", 4096, 4096, 4096, true, SMELT_DTYPE_F16, false},
    {"4000", 4000, 4000, 4000, false, SMELT_DTYPE_F16, false},
    {"4100", 4100, 4100, 4100, false, SMELT_DTYPE_F16, true},
    {"4095", 4095, 4095, 4095, false, SMELT_DTYPE_F16, true},
    {"skinny", 1 << 20, 64, 64, false, SMELT_DTYPE_F16, true},
    {"512x14336", 4096, 512, 14336, false, SMELT_DTYPE_F16, true},
    {"n8nt", 4096, 8, 14336, true, SMELT_DTYPE_F16, false},
    {"n8", 4096, 8, 14336, false, SMELT_DTYPE_F16, false},
    {"n1", 4096, 1, 14336, false, SMELT_DTYPE_F16, false},
    {"n2", 4096, 2, 14336, false, SMELT_DTYPE_F16, false},
    {"n4", 4096, 4, 14336, false, SMELT_DTYPE_F16, false},
    {"1024bf16", 1024, 1024, 1024, false, SMELT_DTYPE_BF16, false},
    {"2048bf16", 2048, 2048, 2048, false, SMELT_DTYPE_BF16, false},
    {"4096bf16", 4096, 4096, 4096, false, SMELT_DTYPE_BF16, true},
    {"8192bf16", 8192, 8192, 8192, false, SMELT_DTYPE_BF16, true},
    {"4096nf8", 4096, 4096, 4096, true, SMELT_DTYPE_F8E4M3, true},
    {"1024f32", 1024, 1024, 1024, false, SMELT_DTYPE_F32, false},
    {"4096f32", 4096, 4096, 4096, false, SMELT_DTYPE_F32, false},
};

// First the library's own choice.
static const struct smelt_matmul2d_tiling tiles[] = {
    {0},
    {.m = 256, .n = 256, .k = 32, .subgroups_m = 2, .subgroups_n = 4},
    {.m = 128, .n = 256, .k = 32, .subgroups_m = 2, .subgroups_n = 4},
    {.m = 256, .n = 128, .k = 32, .subgroups_m = 4, .subgroups_n = 2},
    {.m = 128, .n = 128, .k = 64, .subgroups_m = 2, .subgroups_n = 4},
    {.m = 128, .n = 128, .k = 32, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 128, .n = 64, .k = 64, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 128, .n = 64, .k = 32, .subgroups_m = 4, .subgroups_n = 1},
    {.m = 64, .n = 128, .k = 64, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 64, .n = 64, .k = 64, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 32, .n = 64, .k = 64, .subgroups_m = 1, .subgroups_n = 2},
};

struct bench {
    struct gpu gpu;
    struct bench_options options;
    double start;
    float noise[NOISE];
    uint32_t rows, skipped, wrong;
};

static float value(const struct bench *bench, uint64_t index, uint32_t seed)
{
    return bench->noise[(index + 7919u * seed) % NOISE];
}

// As the type holds it.
static void fill_noise(struct bench *bench, enum smelt_dtype dtype)
{
    uint32_t x = 12345;
    static unsigned char rounded[NOISE * 4];
    for (uint32_t i = 0; i < NOISE; i++) {
        x ^= x << 13; // xorshift32, G. Marsaglia
        x ^= x >> 17;
        x ^= x << 5;
        bench->noise[i] = (float)(x >> 22) / 512 - 1; // exact in f16, in [-1, 1)
    }
    smelt_dtype_convert(dtype, rounded, SMELT_DTYPE_F32, bench->noise, NOISE);
    smelt_dtype_convert(SMELT_DTYPE_F32, bench->noise, dtype, rounded, NOISE);
}

static smelt_tensor make(struct bench *bench, enum smelt_dtype dtype, uint32_t rows, uint32_t columns,
                         uint32_t seed)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = 2, .shape = {rows, columns}};
    smelt_tensor tensor = NULL;
    BENCH_OK(smelt_tensor_create(bench->gpu.context, &params, &tensor));
    if (!seed)
        return tensor;
    uint64_t count = (uint64_t)rows * columns, size = smelt_dtype_size(dtype, 1);
    unsigned char period[NOISE * 4], *data = malloc(count * size);
    bench_require(data != NULL, "malloc");
    smelt_dtype_convert(dtype, period, SMELT_DTYPE_F32, bench->noise, NOISE);
    for (uint64_t i = 0; i < count;) {
        uint64_t at = (i + 7919u * seed) % NOISE, run = NOISE - at < count - i ? NOISE - at : count - i;
        memcpy(data + i * size, period + at * size, run * size);
        i += run;
    }
    BENCH_OK(smelt_tensor_write_and_wait(tensor, NULL, data, count * size));
    free(data);
    return tensor;
}

// The largest error of sampled elements, in multiples of its bound.
static double check(struct bench *bench, const struct shape *shape,
                    const struct smelt_matmul2d_params *params)
{
    double worst = 0, u = params->accumulated == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-23, n = 2.0 * shape->k + 8;
    for (uint32_t s = 0; s < SAMPLES; s++) {
        // The corners, then anywhere.
        uint64_t r = s < 4 ? (s & 1) * (shape->m - 1) : s * 2654435761u % shape->m;
        uint64_t c = s < 4 ? (s >> 1) * (shape->n - 1) : s * 2246822519u % shape->n;
        double sum = 0, size = 0;
        for (uint64_t k = 0; k < shape->k; k++) {
            uint64_t at = shape->transpose_right ? c * shape->k + k : k * shape->n + c;
            double product = (double)value(bench, r * shape->k + k, 1) * value(bench, at, 2);
            sum += product;
            size += fabs(product);
        }
        struct smelt_tensor_box box = {.origin = {r, c}, .shape = {1, 1}};
        enum smelt_dtype dtype = smelt_tensor_info(params->d)->dtype;
        unsigned char raw[4] = {0};
        float got = 0;
        BENCH_OK(smelt_tensor_read_and_wait(params->d, &box, raw, smelt_dtype_size(dtype, 1)));
        smelt_dtype_convert(SMELT_DTYPE_F32, &got, dtype, raw, 1);
        // The bound holds for the worst case; 4 sqrt(k) u is what rounding at random leaves; and the store.
        double bound = fmin(n * (1 + n * u), 4 * sqrt(n) + 4) * u * size +
                       (dtype == SMELT_DTYPE_BF16 ? 0x1p-8 : 0x1p-10) * fabs(sum);
        double ratio = fabs(got - sum) / bound;
        worst = ratio <= worst ? worst : isnan(ratio) ? INFINITY : ratio;
    }
    return worst;
}

static void record(void *user, smelt_encoder encoder)
{
    BENCH_OK(smelt_encode_matmul2d(encoder, user));
}

static void print(struct bench *bench, const struct shape *shape, const struct smelt_matmul2d_params *p,
                  struct bench_summary ns, double made, double worst)
{
    double tflops = 2.0 * shape->m * shape->n * shape->k / ns.median / 1000;
    const struct smelt_matmul2d_tiling *t = &p->tiling;
    const char *operands = smelt_dtype_name(shape->operands), *sums = smelt_dtype_name(p->accumulated);
    const char *computed = p->computed ? smelt_dtype_name(p->computed) : "default";
    if (!bench->options.json) {
        printf("%-10s %s/%s/%s %-8s %3ux%3ux%3u on %ux%u  %10.1f us (%.1f to %.1f) %8.2f TFLOP/s  first call "
               "%.2f s  "
               "error %.2g%s\n",
               shape->name, operands, computed, sums, smelt_backend_name(p->backend), t->m, t->n, t->k,
               t->subgroups_m, t->subgroups_n, ns.median / 1000, ns.minimum / 1000, ns.maximum / 1000, tflops,
               made, worst, worst > 1 ? " WRONG" : "");
        return;
    }
    printf(
        "%s\n  {\"shape\": \"%s\", \"m\": %u, \"n\": %u, \"k\": %u, \"transpose_right\": %s, \"operands\": "
        "\"%s\", \"computed\": \"%s\", "
        "\"accumulated\": \"%s\", \"backend\": \"%s\", \"tile\": [%u, %u, %u, %u, %u], \"ns\": %.0f, "
        "\"ns_least\": %.0f, \"ns_most\": %.0f, \"tflops\": %.3f, \"first_call_s\": %.3f, \"error\": %.3g}",
        bench->rows ? "," : "", shape->name, shape->m, shape->n, shape->k,
        shape->transpose_right ? "true" : "false", operands, computed, sums, smelt_backend_name(p->backend),
        t->m, t->n, t->k, t->subgroups_m, t->subgroups_n, ns.median, ns.minimum, ns.maximum, tflops, made,
        worst);
}

static void run_one(struct bench *bench, const struct shape *shape, struct smelt_matmul2d_params *params)
{
    char name[96];
    snprintf(name, sizeof(name), "%s %s %s", shape->name, smelt_dtype_name(params->accumulated),
             smelt_backend_name(params->backend));
    if (bench->options.only && !strstr(name, bench->options.only))
        return;
    if (bench_now() - bench->start > bench->options.seconds) {
        bench->skipped++;
        return;
    }
    double before = bench_now();
    gpu_begin(&bench->gpu);
    enum smelt_result result = smelt_encode_matmul2d(bench->gpu.encoder, params);
    double made = bench_now() - before;
    gpu_submit_and_wait(&bench->gpu);
    if (result) { // a tile too large for this device, a backend it lacks
        fprintf(stderr, "# %s: %s\n", name, smelt_last_error());
        return;
    }
    double ns[BATCHES];
    gpu_time(&bench->gpu, record, params, 1, 1, ns);
    bool cpu = smelt_context_capabilities(bench->gpu.context)->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    uint32_t repeats = cpu ? 1 : (uint32_t)fmin(fmax(BATCH_NS / fmax(ns[0], 1), 1), 1000);
    if (!cpu && !bench->options.quick)
        gpu_time(&bench->gpu, record, params, (uint32_t)fmin(fmax(WARM_NS / fmax(ns[0], 1), 1), 4000), 1, ns);
    gpu_time(&bench->gpu, record, params, repeats, BATCHES, ns);
    double worst = check(bench, shape, params);
    print(bench, shape, params, bench_summarise(ns, BATCHES), made, worst);
    bench->wrong += worst > 1;
    bench->rows++;
}

// Sums of f32 in registers: more than 128 of them for an invocation spill.
static bool spills(const struct smelt_matmul2d_tiling *t, enum smelt_dtype accumulated)
{
    uint32_t threads = 32 * t->subgroups_m * t->subgroups_n;
    return accumulated == SMELT_DTYPE_F32 && t->m && t->m * t->n / threads > 128;
}

static void run_types(struct bench *bench, const struct shape *shape, struct smelt_matmul2d_params *params)
{
    // Few columns have a kernel of their own, for any backend.
    const enum smelt_backend backends[] = {shape->n <= 8 ? SMELT_BACKEND_AUTO : SMELT_BACKEND_COOPMAT,
                                           SMELT_BACKEND_PORTABLE};
    const enum smelt_dtype sums[] = {SMELT_DTYPE_F16, SMELT_DTYPE_F32};
    bool f32 = shape->operands == SMELT_DTYPE_F32, wide = f32 || shape->operands == SMELT_DTYPE_BF16;
    for (int b = 0; b < 2; b++)
        for (int s = wide ? 1 : 0; s < 2; s++)
            for (size_t t = 0; t < sizeof(tiles) / sizeof(tiles[0]); t++) {
                bool own = t == 0, coopmat = backends[b] == SMELT_BACKEND_COOPMAT;
                bool few = !bench->options.tune || !shape->all_tiles || !coopmat;
                if ((few && !own) || spills(&tiles[t], sums[s]) || (f32 && coopmat))
                    continue;
                params->backend = backends[b];
                params->accumulated = sums[s];
                params->tiling = tiles[t];
                run_one(bench, shape, params);
            }
}

static void run_shape(struct bench *bench, const struct shape *shape)
{
    enum smelt_dtype operands = shape->operands;
    bool bytes = smelt_dtype_size(operands, 1) == 1;
    fill_noise(bench, operands);
    struct smelt_matmul2d_params params = {
        .a = make(bench, operands, shape->m, shape->k, 1),
        .b = make(bench, operands, shape->transpose_right ? shape->n : shape->k,
                  shape->transpose_right ? shape->k : shape->n, 2),
        .d = make(bench, bytes ? SMELT_DTYPE_F16 : operands, shape->m, shape->n, 0),
        .transpose_right = shape->transpose_right,
    };
    run_types(bench, shape, &params);
    if (bytes) { // by default converted to f16; and as they are stored
        params.computed = operands;
        run_types(bench, shape, &params);
    }
    smelt_tensor_destroy(&params.a);
    smelt_tensor_destroy(&params.b);
    smelt_tensor_destroy(&params.d);
}

int bench_matmul(int argc, char **argv)
{
    static struct bench bench;
    if (!bench_parse(argc, argv, true, &bench.options)) {
        fprintf(
            stderr,
            "usage: bench_matmul [--json] [--quick | --tune] [--device NAME] [--only TEXT] [--seconds N]\n"
            "  --only TEXT  rows whose \"shape accumulated backend\" contains TEXT\n"
            "  --quick      small shapes only\n"
            "  --tune       every tile, not the library's own alone: for the table in kernels_matmul2d.c\n"
            "  --seconds N  start no row after so long (default 220)\n");
        return 2;
    }
    gpu_create(&bench.gpu, bench_context(bench.options.device));
    bench.gpu.stages = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT; // nothing else is recorded
    bench.start = bench_now();
    bench_open(bench.options.json, bench.gpu.context);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (!bench.options.quick || (double)shapes[i].m * shapes[i].n * shapes[i].k <= 0x1p27)
            run_shape(&bench, &shapes[i]);
    bench_close(bench.options.json, bench.rows, bench.wrong, bench.skipped);
    smelt_context context = bench.gpu.context;
    gpu_destroy(&bench.gpu);
    smelt_context_destroy(&context);
    return bench.wrong || !bench.rows;
}
