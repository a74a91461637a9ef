// SPDX-License-Identifier: MIT
// smelt_encode_matmul2d over shapes, sums, backends and tiles: GPU time, with sampled elements checked in double.
// bench/compare_matmul.py puts its figures beside the vendor's library; the table of tiles in
// src/kernels_matmul2d.c is filled from them.
#include "rows.h"
#include "scenarios.h"

#include <math.h>

#define SAMPLES 64
#define BATCH_NS 15e6 // at least, of each batch: the clock and the caches settle
#define WARM_NS 60e6
#define COLD_NS 900e6 // after the host was busy: until the clocks are up
#define MOST_ROWS 128 // of a shape
#define COPIES 8      // of a matrix that is read once, in turn: no cache holds them all
#define BLOCK 32      // terms with one scale

struct shape {
    const char *name;
    uint32_t m, n, k;
    bool transpose_right;
    enum smelt_dtype operands; // I4: of the right one, with scales of f16; the left one is of f16
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
    {"n1", 4096, 1, 14336, false, SMELT_DTYPE_F16, false},
    {"n2", 4096, 2, 14336, false, SMELT_DTYPE_F16, false},
    {"n4", 4096, 4, 14336, false, SMELT_DTYPE_F16, false},
    {"n8", 4096, 8, 14336, false, SMELT_DTYPE_F16, false},
    {"n8nt", 4096, 8, 14336, true, SMELT_DTYPE_F16, false},
    {"m1i4", 1, 4096, 14336, true, SMELT_DTYPE_I4, false},
    {"m2i4", 2, 4096, 14336, true, SMELT_DTYPE_I4, false},
    {"m4i4", 4, 4096, 14336, true, SMELT_DTYPE_I4, false},
    {"m8i4", 8, 4096, 14336, true, SMELT_DTYPE_I4, false},
    {"1024i8", 1024, 1024, 1024, true, SMELT_DTYPE_I8, true},
    {"2048i8", 2048, 2048, 2048, true, SMELT_DTYPE_I8, true},
    {"4096i8", 4096, 4096, 4096, true, SMELT_DTYPE_I8, true},
    {"4096i8nn", 4096, 4096, 4096, false, SMELT_DTYPE_I8, true},
    {"8192i8", 8192, 8192, 8192, true, SMELT_DTYPE_I8, true},
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
    {.m = 128, .n = 256, .k = 32, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 128, .n = 256, .k = 64, .subgroups_m = 2, .subgroups_n = 4},
    {.m = 256, .n = 128, .k = 64, .subgroups_m = 4, .subgroups_n = 2},
    {.m = 128, .n = 128, .k = 64, .subgroups_m = 2, .subgroups_n = 4},
    {.m = 128, .n = 128, .k = 64, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 128, .n = 128, .k = 128, .subgroups_m = 2, .subgroups_n = 4},
    {.m = 128, .n = 128, .k = 32, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 128, .n = 64, .k = 64, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 128, .n = 64, .k = 64, .subgroups_m = 4, .subgroups_n = 2},
    {.m = 128, .n = 64, .k = 64, .subgroups_m = 4, .subgroups_n = 1},
    {.m = 128, .n = 64, .k = 32, .subgroups_m = 4, .subgroups_n = 1},
    {.m = 64, .n = 128, .k = 64, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 64, .n = 64, .k = 128, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 64, .n = 64, .k = 64, .subgroups_m = 2, .subgroups_n = 2},
    {.m = 64, .n = 64, .k = 64, .subgroups_m = 4, .subgroups_n = 1},
    {.m = 64, .n = 64, .k = 64, .subgroups_m = 2, .subgroups_n = 1},
    {.m = 64, .n = 64, .k = 32, .subgroups_m = 2, .subgroups_n = 1},
    {.m = 32, .n = 64, .k = 64, .subgroups_m = 1, .subgroups_n = 2},
};

struct bench {
    struct rows run;
    float noise[ROWS_NOISE];
};

// A call being measured.
struct row {
    struct smelt_matmul2d_params params;
    smelt_tensor *copies; // of the larger operand, COPIES of them; NULL: one serves all repetitions
    uint32_t turn;
    double made; // seconds of the first call
};

static float value(const struct bench *bench, uint64_t index, uint32_t seed)
{
    return bench->noise[(index + 7919u * seed) % ROWS_NOISE];
}

// Of a matrix of i4, out of the same noise.
static int nibble(const struct bench *bench, uint64_t index, uint32_t seed)
{
    return ((int)((value(bench, index, seed) + 1) * 512) & 15) - 8;
}

static bool is_i4(const struct shape *shape)
{
    return shape->operands == SMELT_DTYPE_I4;
}

// As the type holds it.
static void fill_noise(struct bench *bench, enum smelt_dtype dtype)
{
    static unsigned char rounded[ROWS_NOISE * 4];
    rows_fill_noise(bench->noise);
    for (uint32_t i = 0; i < ROWS_NOISE && dtype == SMELT_DTYPE_I8; i++) // all of them
        bench->noise[i] = floorf(128 * bench->noise[i]);
    smelt_dtype_convert(dtype, rounded, SMELT_DTYPE_F32, bench->noise, ROWS_NOISE);
    smelt_dtype_convert(SMELT_DTYPE_F32, bench->noise, dtype, rounded, ROWS_NOISE);
}

static smelt_tensor make(struct bench *bench, enum smelt_dtype dtype, uint32_t rows, uint32_t columns,
                         uint32_t seed)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = columns ? 2 : 1, .shape = {rows, columns}};
    smelt_tensor tensor = NULL;
    BENCH_OK(smelt_tensor_create(bench->run.gpu.context, &params, &tensor));
    if (!seed)
        return tensor;
    uint64_t count = (uint64_t)rows * columns, bytes = smelt_dtype_size(dtype, count);
    unsigned char period[ROWS_NOISE * 4], *data = malloc(bytes);
    bench_require(data != NULL, "malloc");
    if (dtype == SMELT_DTYPE_I4) {
        for (uint64_t i = 0; i < bytes; i++)
            data[i] = (unsigned char)((nibble(bench, 2 * i, seed) & 15) |
                                      (nibble(bench, 2 * i + 1, seed) & 15) << 4);
    } else {
        uint64_t size = smelt_dtype_size(dtype, 1);
        smelt_dtype_convert(dtype, period, SMELT_DTYPE_F32, bench->noise, ROWS_NOISE);
        for (uint64_t i = 0; i < count;) {
            uint64_t at = (i + 7919u * seed) % ROWS_NOISE,
                     run = ROWS_NOISE - at < count - i ? ROWS_NOISE - at : count - i;
            memcpy(data + i * size, period + at * size, run * size);
            i += run;
        }
    }
    BENCH_OK(smelt_tensor_write_and_wait(tensor, NULL, data, bytes));
    free(data);
    return tensor;
}

// An element of the right operand, scaled where it is.
static double right_value(const struct bench *bench, const struct shape *shape, uint64_t k, uint64_t c)
{
    uint64_t at = shape->transpose_right ? c * shape->k + k : k * shape->n + c;
    if (!is_i4(shape))
        return value(bench, at, 2);
    return nibble(bench, at, 2) * (double)value(bench, c * (shape->k / BLOCK) + k / BLOCK, 3);
}

// The largest error of sampled elements, in multiples of its bound.
static double check(struct bench *bench, const struct shape *shape,
                    const struct smelt_matmul2d_params *params)
{
    double worst = 0, u = params->accumulated == SMELT_DTYPE_F16 ? 0x1p-10 : 0x1p-23, n = 2.0 * shape->k + 8;
    enum smelt_dtype dtype = smelt_tensor_info(params->d)->dtype;
    for (uint32_t s = 0; s < SAMPLES; s++) {
        // The corners, then anywhere.
        uint64_t r = s < 4 ? (s & 1) * (shape->m - 1) : s * 2654435761u % shape->m;
        uint64_t c = s < 4 ? (s >> 1) * (shape->n - 1) : s * 2246822519u % shape->n;
        double sum = 0, size = 0;
        for (uint64_t k = 0; k < shape->k; k++) {
            double product = value(bench, r * shape->k + k, 1) * right_value(bench, shape, k, c);
            sum += product;
            size += fabs(product);
        }
        struct smelt_tensor_box box = {.origin = {r, c}, .shape = {1, 1}};
        int32_t raw = 0;
        float got = 0;
        BENCH_OK(smelt_tensor_read_and_wait(params->d, &box, &raw, smelt_dtype_size(dtype, 1)));
        smelt_dtype_convert(SMELT_DTYPE_F32, &got, dtype, &raw, 1);
        // The bound holds for the worst case; 4 sqrt(k) u is what rounding at random leaves; and the store.
        double bound = fmin(n * (1 + n * u), 4 * sqrt(n) + 4) * u * size +
                       (dtype == SMELT_DTYPE_BF16 ? 0x1p-8 : 0x1p-10) * fabs(sum);
        double ratio = fabs(got - sum) / bound;
        if (dtype == SMELT_DTYPE_I32)
            ratio = raw == (int32_t)sum ? 0 : INFINITY;
        worst = ratio <= worst ? worst : isnan(ratio) ? INFINITY : ratio;
    }
    return worst;
}

static void record(void *user, smelt_encoder encoder)
{
    struct row *row = user;
    struct smelt_matmul2d_params params = row->params;
    if (row->copies)
        *(params.scale ? &params.b : &params.a) = row->copies[row->turn++ % COPIES];
    BENCH_OK(smelt_encode_matmul2d(encoder, &params));
}

// Each operand read once, and d written.
static double bytes_of(const struct smelt_matmul2d_params *p)
{
    const smelt_tensor tensors[] = {p->a, p->b, p->d, p->scale};
    double bytes = 0;
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
        bytes += tensors[i] ? (double)smelt_tensor_info(tensors[i])->size : 0;
    return bytes;
}

static void print(struct bench *bench, const struct shape *shape, const struct row *row,
                  struct bench_summary ns, double worst)
{
    const struct smelt_matmul2d_params *p = &row->params;
    double tflops = 2.0 * shape->m * shape->n * shape->k / ns.median / 1000, rate = bytes_of(p) / ns.median;
    const struct smelt_matmul2d_tiling *t = &p->tiling;
    const char *operands = smelt_dtype_name(shape->operands), *sums = smelt_dtype_name(p->accumulated);
    const char *computed = p->computed ? smelt_dtype_name(p->computed) : "default";
    if (!bench->run.options.json) {
        printf("%-10s %s/%s/%s %-8s %3ux%3ux%3u on %ux%u, %u parts  %10.1f us (%.1f to %.1f) %8.2f TFLOP/s "
               "%7.1f GB/s  first call %.2f s  error %.2g%s%s\n",
               shape->name, operands, computed, sums, smelt_backend_name(p->backend), t->m, t->n, t->k,
               t->subgroups_m, t->subgroups_n, p->splits, ns.median / 1000, ns.minimum / 1000,
               ns.maximum / 1000, tflops, rate, row->made, worst, worst > 1 ? " WRONG" : "",
               ns.maximum > 1.1 * ns.minimum ? " UNSTEADY" : "");
        return;
    }
    printf(
        "%s\n  {\"shape\": \"%s\", \"m\": %u, \"n\": %u, \"k\": %u, \"transpose_right\": %s, \"operands\": "
        "\"%s\", \"computed\": \"%s\", \"accumulated\": \"%s\", \"backend\": \"%s\", "
        "\"tile\": [%u, %u, %u, %u, %u], \"splits\": %u, \"ns\": %.0f, \"ns_least\": %.0f, "
        "\"ns_most\": %.0f, \"tflops\": %.3f, \"gbps\": %.1f, \"first_call_s\": %.3f, \"error\": %.3g}",
        bench->run.done ? "," : "", shape->name, shape->m, shape->n, shape->k,
        shape->transpose_right ? "true" : "false", operands, computed, sums, smelt_backend_name(p->backend),
        t->m, t->n, t->k, t->subgroups_m, t->subgroups_n, p->splits, ns.median, ns.minimum, ns.maximum,
        tflops, rate, row->made, fmin(worst, 1e9));
}

// Makes the kernel of a row: its first call. False: the device cannot, or there is no time left.
static bool make_row(struct bench *bench, const struct shape *shape, struct row *row)
{
    char name[96];
    snprintf(name, sizeof(name), "%s %s %s", shape->name, smelt_dtype_name(row->params.accumulated),
             smelt_backend_name(row->params.backend));
    if (!rows_wants(&bench->run, name))
        return false;
    double before = bench_now();
    gpu_begin(&bench->run.gpu);
    enum smelt_result result = smelt_encode_matmul2d(bench->run.gpu.encoder, &row->params);
    row->made = bench_now() - before;
    gpu_submit_and_wait(&bench->run.gpu);
    if (result) // a tile too large for this device, a backend it lacks
        fprintf(stderr, "# %s: %s\n", name, smelt_last_error());
    return result == SMELT_OK;
}

static void time_row(struct bench *bench, const struct shape *shape, struct row *row, double warm_ns)
{
    struct bench_summary ns = rows_time(&bench->run, record, row, row->params.d, warm_ns, BATCH_NS);
    double worst = check(bench, shape, &row->params);
    print(bench, shape, row, ns, worst);
    rows_count(&bench->run, worst);
}

// Sums of f32 in registers: more than 128 of them for an invocation spill.
static bool spills(const struct smelt_matmul2d_tiling *t, enum smelt_dtype accumulated)
{
    uint32_t threads = 32 * t->subgroups_m * t->subgroups_n;
    return accumulated != SMELT_DTYPE_F16 && t->m && t->m * t->n / threads > 128;
}

// Whether a row tells something.
static bool wants(const struct bench *bench, const struct shape *shape, const struct smelt_matmul2d_params *p)
{
    const struct smelt_matmul2d_tiling *t = &p->tiling;
    bool portable = p->backend == SMELT_BACKEND_PORTABLE, few = shape->m <= 8 || shape->n <= 8;
    bool wide = shape->operands == SMELT_DTYPE_F32 || shape->operands == SMELT_DTYPE_BF16;
    enum smelt_dtype sums = shape->operands == SMELT_DTYPE_I8 ? SMELT_DTYPE_I32 : SMELT_DTYPE_F32;
    if (few) // a kernel of its own, for any backend
        return p->backend == SMELT_BACKEND_AUTO && p->accumulated == sums && !t->m && !p->splits;
    if (p->backend == SMELT_BACKEND_AUTO || (p->accumulated != sums && p->accumulated != SMELT_DTYPE_F16) ||
        (p->accumulated == SMELT_DTYPE_F16 && (wide || sums == SMELT_DTYPE_I32)))
        return false;
    if (portable || p->backend == SMELT_BACKEND_COOPMAT2)
        return !t->m && !p->splits && (!portable || p->accumulated == sums);
    if (!t->m && !p->splits)
        return shape->operands != SMELT_DTYPE_F32;
    return bench->run.options.tune && shape->all_tiles && t->n < 2 * shape->n &&
           shape->operands != SMELT_DTYPE_F32 &&
           (!p->splits || (t->m && (uint64_t)shape->m * shape->n <= 1024u * 1024)) &&
           !spills(t, p->accumulated);
}

// Parts of the sum: 0 is the library's own choice.
static void add_rows(struct bench *bench, const struct shape *shape, struct row *row, struct row *rows,
                     uint32_t *count)
{
    static const enum smelt_backend backends[] = {SMELT_BACKEND_AUTO, SMELT_BACKEND_COOPMAT,
                                                  SMELT_BACKEND_COOPMAT2, SMELT_BACKEND_PORTABLE};
    static const enum smelt_dtype sums[] = {SMELT_DTYPE_F16, SMELT_DTYPE_F32, SMELT_DTYPE_I32};
    static const uint32_t splits[] = {0, 2, 4};
    for (int b = 0; b < 4; b++)
        for (int s = 0; s < 3; s++)
            for (size_t t = 0; t < sizeof(tiles) / sizeof(tiles[0]); t++)
                for (int p = 0; p < 3; p++) {
                    row->params.backend = backends[b];
                    row->params.accumulated = sums[s];
                    row->params.tiling = tiles[t];
                    row->params.splits = splits[p];
                    if (*count < MOST_ROWS && wants(bench, shape, &row->params) &&
                        make_row(bench, shape, row))
                        rows[(*count)++] = *row;
                }
}

static void run_shape(struct bench *bench, const struct shape *shape)
{
    enum smelt_dtype operands = shape->operands, left = is_i4(shape) ? SMELT_DTYPE_F16 : operands;
    bool float8 = operands == SMELT_DTYPE_F8E4M3, few = shape->m <= 8 || shape->n <= 8;
    enum smelt_dtype result = operands == SMELT_DTYPE_I8 ? SMELT_DTYPE_I32 : float8 ? SMELT_DTYPE_F16 : left;
    uint32_t right[2] = {shape->k, shape->n};
    if (shape->transpose_right)
        right[0] = shape->n, right[1] = shape->k;
    fill_noise(bench, left);
    struct row row = {.params = {
                          .a = make(bench, left, shape->m, shape->k, 1),
                          .b = make(bench, operands, right[0], right[1], 2),
                          .d = make(bench, result, shape->m, shape->n, 0),
                          .transpose_right = shape->transpose_right,
                      }};
    struct smelt_matmul2d_params *params = &row.params;
    smelt_tensor copies[COPIES];
    if (is_i4(shape)) {
        params->scale = make(bench, SMELT_DTYPE_F16, shape->n, shape->k / BLOCK, 3);
        params->block = BLOCK;
    }
    if (few && !bench->run.options.quick)
        row.copies = copies;
    for (int i = 0; row.copies && i < COPIES; i++)
        copies[i] = is_i4(shape) ? make(bench, operands, right[0], right[1], 2)
                                 : make(bench, left, shape->m, shape->k, 1);
    if (shape->m <= 2048 && !few) // for 4 parts
        params->scratch = make(bench, SMELT_DTYPE_F32, 4 * shape->m * shape->n, 0, 0);
    static struct row rows[MOST_ROWS];
    uint32_t count = 0;
    add_rows(bench, shape, &row, rows, &count);
    if (float8) { // by default converted to f16; and as they are stored
        params->computed = operands;
        add_rows(bench, shape, &row, rows, &count);
    }
    for (uint32_t i = 0; i < count; i++)
        time_row(bench, shape, &rows[i], i ? WARM_NS : COLD_NS);
    for (int i = 0; row.copies && i < COPIES; i++)
        smelt_tensor_destroy(&copies[i]);
    smelt_tensor *all[] = {&params->a, &params->b, &params->d, &params->scale, &params->scratch};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        smelt_tensor_destroy(all[i]);
}

// A shape of the caller's: MxNxK, with a t behind for a right operand stored [n][k].
static bool parse_shape(const struct bench_options *options, struct shape *shape)
{
    static const enum smelt_dtype dtypes[] = {SMELT_DTYPE_F32,    SMELT_DTYPE_F16, SMELT_DTYPE_BF16,
                                              SMELT_DTYPE_F8E4M3, SMELT_DTYPE_I8,  SMELT_DTYPE_I4};
    char t = 0, more = 0;
    *shape = (struct shape){.name = options->shape, .operands = options->dtype};
    int read = sscanf(options->shape, "%ux%ux%u%c%c", &shape->m, &shape->n, &shape->k, &t, &more);
    bool known = false;
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
        known = known || dtypes[i] == options->dtype;
    shape->transpose_right = read == 4;
    return known && (read == 3 || (read == 4 && t == 't')) && shape->m && shape->n && shape->k &&
           (options->dtype != SMELT_DTYPE_I4 || (shape->transpose_right && shape->k % BLOCK == 0));
}

int bench_matmul(int argc, char **argv)
{
    static struct bench bench;
    struct shape own;
    if (!bench_parse(argc, argv, BENCH_MAY_TUNE | BENCH_MAY_SHAPE, &bench.run.options) ||
        (bench.run.options.shape && !parse_shape(&bench.run.options, &own))) {
        return bench_usage(
            argc, argv,
            "usage: bench_matmul [--json] [--quick | --tune] [--device NAME] [--only TEXT] [--seconds N]\n"
            "                    [--shape MxNxK[t] [--dtype f32|f16|bf16|f8e4m3|i8|i4]]\n"
            "  --shape      this product alone; t: the right operand is stored [n][k], as i4 must be (by "
            "f16, K a\n"
            "               multiple of 32)\n"
            "  --only TEXT  rows whose \"shape accumulated backend\" contains TEXT\n"
            "  --quick      small shapes only\n"
            "  --tune       every tile, not the library's own alone: for the table in kernels_matmul2d.c\n"
            "  --seconds N  start no row after so long (default 220)\n");
    }
    rows_open(&bench.run);
    if (bench.run.options.shape)
        run_shape(&bench, &own);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]) && !bench.run.options.shape; i++)
        if (!bench.run.options.quick || (double)shapes[i].m * shapes[i].n * shapes[i].k <= 0x1p27)
            run_shape(&bench, &shapes[i]);
    return rows_close(&bench.run);
}
