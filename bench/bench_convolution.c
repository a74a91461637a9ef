// SPDX-License-Identifier: MIT
// smelt_encode_convolution2d over shapes, sums, backends and tiles, NHWC in f16: GPU time, with sampled elements checked
// in double. bench/compare_convolution.py puts its figures beside the vendor's library; the table of tiles in
// src/kernels_convolution2d.c is filled from them.
#include "rows.h"
#include "scenarios.h"

#include <math.h>

#define SAMPLES 64
#define BATCH_NS 8e6 // at least, of each batch: the clock and the caches settle
#define WARM_NS 100e6
#define COLD_NS 400e6 // after the host was busy: until the clocks are up
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

struct shape {
    const char *name;
    uint32_t n, h, w, c, o, kernel, padding, groups;
    bool all_tiles;
};

// Images with padding are those of docs/performance.md's first table, those without a peer's own.
static const struct shape shapes[] = {
    {"n16c128", 16, 64, 64, 128, 128, 3, 1, 1, true},
    {"n16c256", 16, 64, 64, 256, 256, 3, 1, 1, true},
    {"n32c64", 32, 128, 128, 64, 64, 3, 1, 1, true},
    {"n8c512", 8, 32, 32, 512, 512, 3, 1, 1, true},
    {"n32c256p", 32, 64, 64, 256, 256, 1, 0, 1, true},
    {"n1c64", 1, 256, 256, 64, 64, 3, 1, 1, true},
    {"n1c32hd", 1, 1080, 1920, 32, 32, 3, 1, 1, true},
    {"k4096", 16, 19, 19, 256, 4096, 4, 0, 1, true},
    {"k128", 16, 19, 19, 8, 128, 4, 0, 1, true},
    {"c3k8", 1, 224, 224, 3, 8, 3, 0, 1, true},
    {"n1c32", 1, 58, 58, 32, 64, 3, 0, 1, true},
    {"n8c32", 8, 58, 58, 32, 64, 3, 0, 1, true},
    {"n8c128", 8, 16, 16, 128, 512, 3, 0, 1, true},
    {"n1c32w1536", 1, 1536, 1536, 32, 64, 3, 0, 1, true},
    {"depthwise", 16, 112, 112, 64, 64, 3, 1, 64, false},
};

// First the library's own choice.
static const struct smelt_matmul2d_tiling tiles[] = {
    {0},
    {.m = 256, .n = 256, .k = 32, .subgroups_m = 4, .subgroups_n = 2},
    {.m = 256, .n = 128, .k = 32, .subgroups_m = 4, .subgroups_n = 2},
    {.m = 128, .n = 256, .k = 32, .subgroups_m = 2, .subgroups_n = 4},
    {.m = 256, .n = 128, .k = 64, .subgroups_m = 4, .subgroups_n = 2},
    {.m = 256, .n = 128, .k = 32, .subgroups_m = 4, .subgroups_n = 1},
    {.m = 128, .n = 256, .k = 32, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 128, .n = 128, .k = 64, .subgroups_m = 2, .subgroups_n = 4},
    {.m = 128, .n = 128, .k = 64, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 128, .n = 128, .k = 32, .subgroups_m = 2, .subgroups_n = 1},
    {.m = 128, .n = 128, .k = 32, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 256, .n = 64, .k = 32, .subgroups_m = 4, .subgroups_n = 1},
    {.m = 128, .n = 64, .k = 32, .subgroups_m = 4, .subgroups_n = 1},
    {.m = 128, .n = 64, .k = 32, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 128, .n = 32, .k = 32, .subgroups_m = 4, .subgroups_n = 1},
    {.m = 64, .n = 64, .k = 64, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 64, .n = 64, .k = 32, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 64, .n = 64, .k = 128, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 64, .n = 32, .k = 64, .subgroups_m = 2, .subgroups_n = 1},
    {.m = 64, .n = 32, .k = 128, .subgroups_m = 2, .subgroups_n = 1},
    {.m = 32, .n = 64, .k = 64, .subgroups_m = 1, .subgroups_n = 2},
    {.m = 32, .n = 64, .k = 128, .subgroups_m = 1, .subgroups_n = 2},
    {.m = 32, .n = 32, .k = 64, .subgroups_m = 1, .subgroups_n = 1},
    {.m = 64, .n = 16, .k = 32, .subgroups_m = 4, .subgroups_n = 1},
    {.m = 256, .n = 128, .k = 32, .subgroups_m = 4, .subgroups_n = 2, .columns = 32},
    {.m = 256, .n = 128, .k = 32, .subgroups_m = 4, .subgroups_n = 2, .columns = 16},
    {.m = 128, .n = 128, .k = 16, .subgroups_m = 2, .subgroups_n = 2, .columns = 16},
    {.m = 256, .n = 64, .k = 16, .subgroups_m = 4, .subgroups_n = 1, .columns = 16},
    {.m = 128, .n = 64, .k = 32, .subgroups_m = 2, .subgroups_n = 2, .columns = 16},
    {.m = 128, .n = 32, .k = 32, .subgroups_m = 4, .subgroups_n = 1, .columns = 16},
    {.m = 16, .n = 32, .subgroups_k = 4},
    {.m = 32, .n = 32, .subgroups_k = 2},
    {.m = 1},
};

struct bench {
    struct rows run;
    float noise[ROWS_NOISE];
};

static float value(const struct bench *bench, uint64_t index, uint32_t seed)
{
    return bench->noise[(index + 7919u * seed) % ROWS_NOISE];
}

static smelt_tensor make(struct bench *bench, uint32_t n, uint32_t h, uint32_t w, uint32_t c, uint32_t seed)
{
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F16, .rank = 4, .shape = {n, h, w, c}};
    smelt_tensor tensor = NULL;
    BENCH_OK(smelt_tensor_create(bench->run.gpu.context, &params, &tensor));
    if (!seed)
        return tensor;
    uint64_t count = (uint64_t)n * h * w * c;
    unsigned char period[ROWS_NOISE * 2], *data = malloc(count * 2);
    bench_require(data != NULL, "malloc");
    smelt_dtype_convert(SMELT_DTYPE_F16, period, SMELT_DTYPE_F32, bench->noise, ROWS_NOISE);
    for (uint64_t i = 0; i < count;) {
        uint64_t at = (i + 7919u * seed) % ROWS_NOISE,
                 run = ROWS_NOISE - at < count - i ? ROWS_NOISE - at : count - i;
        memcpy(data + i * 2, period + at * 2, run * 2);
        i += run;
    }
    BENCH_OK(smelt_tensor_write_and_wait(tensor, NULL, data, count * 2));
    free(data);
    return tensor;
}

static uint32_t result_of(const struct shape *s, uint32_t extent)
{
    return extent + 2 * s->padding - s->kernel + 1;
}

// An element of the result, and the sum of the absolute values of its terms.
static double exact_at(const struct bench *bench, const struct shape *s, const uint64_t at[4], double *size)
{
    uint32_t inputs = s->c / s->groups, first = (uint32_t)at[3] / (s->o / s->groups) * inputs;
    double sum = 0;
    *size = 0;
    for (uint32_t ky = 0; ky < s->kernel; ky++)
        for (uint32_t kx = 0; kx < s->kernel; kx++) {
            int64_t y = (int64_t)at[1] - s->padding + ky, x = (int64_t)at[2] - s->padding + kx;
            bool inside = y >= 0 && x >= 0 && y < s->h && x < s->w;
            for (uint32_t i = 0; inside && i < inputs; i++) {
                uint64_t pixel = (at[0] * s->h + (uint64_t)y) * s->w + (uint64_t)x;
                double product =
                    (double)value(bench, pixel * s->c + first + i, 1) *
                    value(bench, ((uint64_t)(ky * s->kernel + kx) * inputs + i) * s->o + at[3], 2);
                sum += product;
                *size += fabs(product);
            }
        }
    return sum;
}

// The largest error of sampled elements, in multiples of its bound.
static double check(struct bench *bench, const struct shape *s,
                    const struct smelt_convolution2d_params *params)
{
    double u = params->accumulated == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-23, worst = 0;
    double n = 2.0 * s->kernel * s->kernel * s->c / s->groups + 8;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        const uint32_t extents[4] = {s->n, result_of(s, s->h), result_of(s, s->w), s->o};
        struct smelt_tensor_box box = {.shape = {1, 1, 1, 1}};
        for (int d = 0; d < 4; d++) // the corners, then anywhere
            box.origin[d] =
                i < 16 ? (i >> d & 1) * (extents[d] - 1) : (i * 2654435761u >> (4 + d)) % extents[d];
        double size, sum = exact_at(bench, s, box.origin, &size);
        uint16_t raw = 0;
        float got = 0;
        BENCH_OK(smelt_tensor_read_and_wait(params->d, &box, &raw, 2));
        smelt_dtype_convert(SMELT_DTYPE_F32, &got, SMELT_DTYPE_F16, &raw, 1);
        // The bound holds for the worst case; 4 sqrt(n) u is what rounding at random leaves, 2^-10 the store.
        double bound = fmin(n * (1 + n * u), 4 * sqrt(n) + 4) * u * size + 0x1p-10 * (fabs(sum) + 1e-3);
        double ratio = fabs(got - sum) / bound;
        worst = ratio <= worst ? worst : isnan(ratio) ? INFINITY : ratio;
    }
    return worst;
}

static void record(void *user, smelt_encoder encoder)
{
    BENCH_OK(smelt_encode_convolution2d(encoder, user));
}

static double products(const struct shape *s)
{
    return (double)s->n * result_of(s, s->h) * result_of(s, s->w) * s->o * s->kernel * s->kernel * s->c /
           s->groups;
}

static void print(struct bench *bench, const struct shape *s, const struct smelt_convolution2d_params *p,
                  struct bench_summary ns, double made, double worst)
{
    double tflops = 2 * products(s) / ns.median / 1000;
    const struct smelt_matmul2d_tiling *t = &p->tiling;
    const char *sums = smelt_dtype_name(p->accumulated);
    if (!bench->run.options.json) {
        printf("%-10s %s %-8s %3ux%3ux%3u on %ux%ux%u, %2u columns %10.1f us (%.1f to %.1f) %8.2f TFLOP/s  "
               "first call %.2f s  "
               "error %.2g%s\n",
               s->name, sums, smelt_backend_name(p->backend), t->m, t->n, t->k, t->subgroups_m,
               t->subgroups_n, t->subgroups_k, t->columns, ns.median / 1000, ns.minimum / 1000,
               ns.maximum / 1000, tflops, made, worst, worst > 1 ? " WRONG" : "");
        return;
    }
    printf("%s\n  {\"shape\": \"%s\", \"n\": %u, \"h\": %u, \"w\": %u, \"c\": %u, \"o\": %u, \"kernel\": %u, "
           "\"padding\": %u, \"groups\": %u, \"accumulated\": \"%s\", \"backend\": \"%s\", "
           "\"tile\": [%u, %u, %u, %u, %u, %u, %u], \"ns\": %.0f, \"ns_least\": %.0f, \"ns_most\": %.0f, "
           "\"tflops\": %.3f, \"first_call_s\": %.3f, \"error\": %.3g}",
           bench->run.done ? "," : "", s->name, s->n, s->h, s->w, s->c, s->o, s->kernel, s->padding,
           s->groups, sums, smelt_backend_name(p->backend), t->m, t->n, t->k, t->subgroups_m, t->subgroups_n,
           t->subgroups_k, t->columns, ns.median, ns.minimum, ns.maximum, tflops, made, worst);
}

// Makes the kernel of a row: its first call. False: the device cannot, or there is no time left.
static bool make_row(struct bench *bench, const struct shape *shape,
                     const struct smelt_convolution2d_params *params, double *made)
{
    char name[96];
    snprintf(name, sizeof(name), "%s %s %s", shape->name, smelt_dtype_name(params->accumulated),
             smelt_backend_name(params->backend));
    if (!rows_wants(&bench->run, name))
        return false;
    double before = bench_now();
    gpu_begin(&bench->run.gpu);
    enum smelt_result result = smelt_encode_convolution2d(bench->run.gpu.encoder, params);
    *made = bench_now() - before;
    gpu_submit_and_wait(&bench->run.gpu);
    if (result) // a tile too large for this device, a backend it lacks
        fprintf(stderr, "# %s: %s\n", name, smelt_last_error());
    return result == SMELT_OK;
}

static void time_row(struct bench *bench, const struct shape *shape,
                     struct smelt_convolution2d_params *params, double made, double warm_ns)
{
    struct bench_summary ns = rows_time(&bench->run, record, params, params->d, warm_ns, BATCH_NS);
    double worst = check(bench, shape, params);
    print(bench, shape, params, ns, made, worst);
    rows_count(&bench->run, worst);
}

// Sums of f32 in registers: more than 128 of them for an invocation spill.
static bool spills(const struct smelt_matmul2d_tiling *t, enum smelt_dtype accumulated)
{
    uint32_t threads = 32 * t->subgroups_m * t->subgroups_n; // 0 for THREAD, and where subgroups share sums
    return accumulated == SMELT_DTYPE_F32 && threads && t->m * t->n / threads > 128;
}

// Whether a row tells something: the library's own choice, and with --tune tiles for sums in f32 on COOPMAT, few of them
// elsewhere.
static bool wants(const struct bench *bench, const struct shape *s,
                  const struct smelt_convolution2d_params *p)
{
    const struct smelt_matmul2d_tiling *t = &p->tiling;
    bool own = !t->m, thread = t->m == 1, portable = p->backend == SMELT_BACKEND_PORTABLE;
    if (s->groups > 1) // the library's own choice is PORTABLE
        return portable && own;
    if (own)
        return !portable || p->accumulated == SMELT_DTYPE_F32;
    if (!bench->run.options.tune)
        return false;
    if (thread)
        return portable && s->c < 32 && p->accumulated == SMELT_DTYPE_F32;
    if ((t->columns || t->subgroups_k) && p->accumulated != SMELT_DTYPE_F32)
        return false; // these kernels have no others
    if (t->subgroups_k && products(s) > 0x1p30)
        return false;
    return s->all_tiles && p->backend == SMELT_BACKEND_COOPMAT &&
           (products(s) <= 0x1p30 || p->accumulated == SMELT_DTYPE_F32 || t->m * t->n >= 128 * 128) &&
           !spills(t, p->accumulated) && (t->n < 2 * s->o || t->n <= 16) && (t->n > 16 || s->o <= 16);
}

static void run_shape(struct bench *bench, const struct shape *s)
{
    uint32_t p = s->padding;
    struct smelt_convolution2d_params params = {
        .a = make(bench, s->n, s->h, s->w, s->c, 1),
        .b = make(bench, s->kernel, s->kernel, s->c / s->groups, s->o, 2),
        .d = make(bench, s->n, result_of(s, s->h), result_of(s, s->w), s->o, 0),
        .geometry = {.padding_top = p,
                     .padding_left = p,
                     .padding_bottom = p,
                     .padding_right = p,
                     .groups = s->groups},
    };
    static const enum smelt_backend backends[] = {SMELT_BACKEND_COOPMAT2, SMELT_BACKEND_COOPMAT,
                                                  SMELT_BACKEND_PORTABLE};
    static const enum smelt_dtype sums[] = {SMELT_DTYPE_F32, SMELT_DTYPE_F16};
    struct smelt_convolution2d_params rows[3 * 2 * COUNT_OF(tiles)];
    double made[COUNT_OF(rows)];
    uint32_t count = 0;
    // All kernels first: while the host compiles the device's clocks drop.
    for (int b = 0; b < 3; b++)
        for (int i = 0; i < 2; i++)
            for (size_t t = 0; t < COUNT_OF(tiles); t++) {
                params.backend = backends[b];
                params.accumulated = sums[i];
                params.tiling = tiles[t];
                rows[count] = params;
                count += wants(bench, s, &params) && make_row(bench, s, &params, &made[count]);
            }
    for (uint32_t i = 0; i < count; i++)
        time_row(bench, s, &rows[i], made[i], i ? WARM_NS : COLD_NS);
    smelt_tensor_destroy(&params.a);
    smelt_tensor_destroy(&params.b);
    smelt_tensor_destroy(&params.d);
}

// A shape of the caller's: N,H,W,C,O,KERNEL[,PADDING[,GROUPS]].
static bool parse_shape(const struct bench_options *options, struct shape *s)
{
    char more = 0;
    *s = (struct shape){.name = options->shape, .groups = 1, .all_tiles = true};
    int read = sscanf(options->shape, "%u,%u,%u,%u,%u,%u,%u,%u%c", &s->n, &s->h, &s->w, &s->c, &s->o,
                      &s->kernel, &s->padding, &s->groups, &more);
    return read >= 6 && read <= 8 && options->dtype == SMELT_DTYPE_F16 && s->n && s->c && s->o && s->kernel &&
           s->groups && s->c % s->groups == 0 && s->o % s->groups == 0 && s->h && s->w &&
           s->h + 2 * s->padding >= s->kernel && s->w + 2 * s->padding >= s->kernel;
}

int bench_conv(int argc, char **argv)
{
    static struct bench bench;
    struct shape own;
    if (!bench_parse(argc, argv, BENCH_MAY_TUNE | BENCH_MAY_SHAPE, &bench.run.options) ||
        (bench.run.options.shape && !parse_shape(&bench.run.options, &own))) {
        return bench_usage(
            argc, argv,
            "usage: bench_conv [--json] [--quick | --tune] [--device NAME] [--only TEXT] [--seconds N]\n"
            "                  [--shape N,H,W,C,O,KERNEL[,PADDING[,GROUPS]]]\n"
            "  --shape      this convolution alone, NHWC, of f16, with a square kernel and stride 1\n"
            "  --only TEXT  rows whose \"shape accumulated backend\" contains TEXT\n"
            "  --quick      small shapes only\n"
            "  --tune       every tile, not the library's own alone: for the tables in "
            "kernels_convolution2d*.c\n"
            "  --seconds N  start no row after so long (default 220)\n");
    }
    rows_fill_noise(bench.noise);
    rows_open(&bench.run);
    if (bench.run.options.shape)
        run_shape(&bench, &own);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]) && !bench.run.options.shape; i++)
        if (!bench.run.options.quick || products(&shapes[i]) <= 0x1p27)
            run_shape(&bench, &shapes[i]);
    return rows_close(&bench.run);
}
