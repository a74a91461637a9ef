// SPDX-License-Identifier: MIT
// Sums, softmax, layer norm and RMS norm of 2 GiB (less on a software device) of f32 and f16, and a copy of as much for
// what the memory gives: GPU time and the bytes that must move, with lines checked in double.
// bench/compare_reduction.py puts its figures beside the vendor's library.
#include "rows.h"
#include "scenarios.h"

#include <math.h>

#define BATCH_NS 15e6 // at least, of each batch: the clock and the caches settle
#define WARM_NS 300e6 // the host was busy: until the clocks are up
#define LINES 6       // that are checked
#define BYTES (1ull << 31)
#define BYTES_SOFTWARE (1ull << 24)

enum op { COPY, SUM, MAX, LOG_SUM_EXP, SOFTMAX, MASKED, LAYER_NORM, RMS_NORM };

// Of `columns` 0 the tensor is one line. axis 0: along columns, which are then short of the size.
struct shape {
    enum op op;
    const char *name;
    uint64_t columns;
    uint32_t axis;
};

static const struct shape shapes[] = {
    {COPY, "copy", 0, 0},
    {SUM, "sum of all", 0, 0},
    {SUM, "sum of rows of 64", 64, 1},
    {SUM, "sum of rows of 1024", 1024, 1},
    {SUM, "sum of rows of 1021", 1021, 1},
    {SUM, "sum of rows of 131072", 131072, 1},
    {SUM, "sum of columns of 1024", 1024, 0},
    {SUM, "sum of columns of 131072", 131072, 0},
    {MAX, "max of rows of 4096", 4096, 1},
    {LOG_SUM_EXP, "log-sum-exp of rows of 4096", 4096, 1},
    {SOFTMAX, "softmax of 64", 64, 1},
    {SOFTMAX, "softmax of 1024", 1024, 1},
    {SOFTMAX, "softmax of 1021", 1021, 1},
    {SOFTMAX, "softmax of 4096", 4096, 1},
    {SOFTMAX, "softmax of 32768", 32768, 1},
    {SOFTMAX, "softmax of 131072", 131072, 1},
    {SOFTMAX, "softmax of columns of 1024", 1024, 0},
    {MASKED, "masked softmax of 1024", 1024, 1},
    {LAYER_NORM, "layer norm of 1024", 1024, 1},
    {LAYER_NORM, "layer norm of 1021", 1021, 1},
    {LAYER_NORM, "layer norm of 4096", 4096, 1},
    {LAYER_NORM, "layer norm of 32768", 32768, 1},
    {RMS_NORM, "RMS norm of 4096", 4096, 1},
};

struct bench {
    struct rows run;
    uint64_t shape_rows, shape_columns;
    uint32_t shape_axis;
    uint64_t bytes;
    float noise[ROWS_NOISE];
    enum smelt_dtype dtype;
    smelt_tensor x, y; // of all bytes, one dimension
    double roof;       // bytes a second of the copy
    // Of the copy.
    smelt_shader shader;
    smelt_tensor block;
    VkPipelineLayout layout;
    VkPipeline copy;
};

// A call being measured.
struct call {
    struct bench *bench;
    const struct shape *shape;
    uint64_t rows, columns;
    smelt_tensor x, y, mask, gamma, beta, scratch;
};

static uint64_t element_size(const struct bench *bench)
{
    return smelt_dtype_size(bench->dtype, 1);
}

static double value(const struct bench *bench, uint64_t i)
{
    return bench->noise[i % ROWS_NOISE];
}

static smelt_tensor make(struct bench *bench, enum smelt_dtype dtype, uint32_t rank, uint64_t rows,
                         uint64_t columns)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = rank, .shape = {rows, columns}};
    smelt_tensor tensor = NULL;
    BENCH_OK(smelt_tensor_create(bench->run.gpu.context, &params, &tensor));
    return tensor;
}

// The same memory in rows.
static smelt_tensor view(struct bench *bench, smelt_tensor whole, uint32_t rank, uint64_t rows,
                         uint64_t columns)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(whole);
    struct smelt_tensor_params params = {.dtype = info->dtype,
                                         .rank = rank,
                                         .shape = {rows, columns},
                                         .buffer = info->buffer,
                                         .buffer_offset = info->buffer_offset,
                                         .buffer_size = info->buffer_offset + info->size};
    smelt_tensor tensor = NULL;
    BENCH_OK(smelt_tensor_create(bench->run.gpu.context, &params, &tensor));
    return tensor;
}

// Noise from index `first` on.
static void fill(struct bench *bench, smelt_tensor tensor, uint64_t first)
{
    uint64_t count = smelt_tensor_element_count(tensor), size = element_size(bench);
    unsigned char period[ROWS_NOISE * 4], *data = malloc(count * size);
    bench_require(data != NULL, "malloc");
    smelt_dtype_convert(bench->dtype, period, SMELT_DTYPE_F32, bench->noise, ROWS_NOISE);
    for (uint64_t i = 0; i < count;) {
        uint64_t at = (i + first) % ROWS_NOISE,
                 run = ROWS_NOISE - at < count - i ? ROWS_NOISE - at : count - i;
        memcpy(data + i * size, period + at * size, run * size);
        i += run;
    }
    BENCH_OK(smelt_tensor_write_and_wait(tensor, NULL, data, count * size));
    free(data);
}

// --- The copy -------------------------------------------------------------------------------------------------------

static const char copy_source[] =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n"
    "layout(local_size_x = 256) in;\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer words { uvec4 e[]; };\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) writeonly buffer copies { uvec4 e[]; };\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer block_data { words x; "
    "copies y; };\n"
    "layout(push_constant, scalar) uniform push { block_data block; };\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_WorkGroupID.x * 1024 + gl_LocalInvocationID.x;\n"
    "    words x = block.x;\n"
    "    uvec4 a = x.e[i], b = x.e[i + 256], c = x.e[i + 512], d = x.e[i + 768];\n"
    "    copies y = block.y;\n"
    "    y.e[i] = a;\n    y.e[i + 256] = b;\n    y.e[i + 512] = c;\n    y.e[i + 768] = d;\n"
    "}\n";

static void create_copy(struct bench *bench)
{
    struct smelt_shader_params params = {
        .source = copy_source, .path = "copy.comp", .stage = VK_SHADER_STAGE_COMPUTE_BIT, .no_cache = true};
    BENCH_OK(smelt_shader_create(bench->run.gpu.context, &params, &bench->shader));
    bench->layout = gpu_layout(&bench->run.gpu);
    bench->copy = gpu_compute_pipeline(&bench->run.gpu, bench->shader, bench->layout, NULL);
    bench->block = make(bench, SMELT_DTYPE_U32, 1, 4, 0);
}

static void destroy_copy(struct bench *bench)
{
    bench->run.gpu.vk.DestroyPipeline(bench->run.gpu.handles.device, bench->copy, NULL);
    bench->run.gpu.vk.DestroyPipelineLayout(bench->run.gpu.handles.device, bench->layout, NULL);
    smelt_tensor_destroy(&bench->block);
    smelt_shader_destroy(&bench->shader);
}

// --- Calls ----------------------------------------------------------------------------------------------------------

static enum smelt_result encode(const struct call *call, smelt_encoder encoder)
{
    struct bench *bench = call->bench;
    uint32_t axis = call->shape->columns ? call->shape->axis : 0;
    enum op op = call->shape->op;
    switch (op) {
    case COPY: {
        VkCommandBuffer commands = smelt_encoder_commands(encoder);
        VkDeviceAddress block = smelt_tensor_info(bench->block)->address;
        bench->run.gpu.vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, bench->copy);
        bench->run.gpu.vk.CmdPushConstants(commands, bench->layout, VK_SHADER_STAGE_ALL, 0, 8, &block);
        bench->run.gpu.vk.CmdDispatch(commands, (uint32_t)(bench->bytes / 16384), 1, 1);
        return SMELT_OK;
    }
    case SOFTMAX:
    case MASKED:
        return smelt_encode_softmax(
            encoder,
            &(struct smelt_softmax_params){.x = call->x, .y = call->y, .mask = call->mask, .axis = axis});
    case LAYER_NORM:
        return smelt_encode_layer_norm(
            encoder, &(struct smelt_layer_norm_params){
                         .x = call->x, .y = call->y, .gamma = call->gamma, .beta = call->beta, .axis = axis});
    case RMS_NORM:
        return smelt_encode_rms_norm(
            encoder,
            &(struct smelt_rms_norm_params){.x = call->x, .y = call->y, .gamma = call->gamma, .axis = axis});
    default:
        return smelt_encode_reduction(
            encoder, &(struct smelt_reduction_params){.x = call->x,
                                                      .y = call->y,
                                                      .axis = axis,
                                                      .reduce = op == SUM   ? SMELT_REDUCE_SUM
                                                                : op == MAX ? SMELT_REDUCE_MAX
                                                                            : SMELT_REDUCE_LOG_SUM_EXP,
                                                      .scratch = call->scratch});
    }
}

static void record(void *user, smelt_encoder encoder)
{
    BENCH_OK(encode(user, encoder));
}

static bool reduces(enum op op)
{
    return op == SUM || op == MAX || op == LOG_SUM_EXP;
}

static void create_call(struct bench *bench, const struct shape *shape, struct call *call)
{
    uint64_t count = bench->bytes / element_size(bench);
    bool line = !shape->columns;
    *call = (struct call){.bench = bench, .shape = shape};
    call->columns = line ? count : shape->axis ? shape->columns : count / shape->columns;
    call->rows = count / call->columns;
    uint64_t length = shape->axis || line ? call->columns : call->rows,
             lines = line ? 1 : call->rows * call->columns / length;
    call->x = view(bench, bench->x, line ? 1 : 2, line ? count : call->rows, call->columns);
    if (reduces(shape->op)) {
        call->y = make(bench, SMELT_DTYPE_F32, line ? 0 : 1, lines, 0);
        struct smelt_reduction_params params = {.x = call->x, .y = call->y, .axis = line ? 0 : shape->axis};
        uint64_t size = 0;
        BENCH_OK(smelt_reduction_scratch_size(&params, &size));
        if (size)
            call->scratch = make(bench, SMELT_DTYPE_U32, 1, size / 4, 0);
        return;
    }
    call->y = view(bench, bench->y, line ? 1 : 2, line ? count : call->rows, call->columns);
    if (shape->op == MASKED) {
        call->mask = make(bench, bench->dtype, 2, shape->axis ? 1 : length, shape->axis ? length : 1);
        fill(bench, call->mask, 11);
    }
    if (shape->op == LAYER_NORM || shape->op == RMS_NORM) {
        call->gamma = make(bench, bench->dtype, 1, length, 0);
        call->beta = make(bench, bench->dtype, 1, length, 0);
        fill(bench, call->gamma, 3);
        fill(bench, call->beta, 5);
    }
}

static void destroy_call(struct call *call)
{
    smelt_tensor *all[] = {&call->x, &call->y, &call->mask, &call->gamma, &call->beta, &call->scratch};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        smelt_tensor_destroy(all[i]);
}

// --- Checking -------------------------------------------------------------------------------------------------------

// A line of x: n elements, `step` apart.
struct line {
    uint64_t number, first, step, n;
};

static struct line line_of(const struct call *call, uint64_t number)
{
    if (!call->shape->columns)
        return (struct line){0, 0, 1, call->columns};
    if (call->shape->axis)
        return (struct line){number, number * call->columns, 1, call->columns};
    return (struct line){number, number, call->columns, call->rows};
}

struct sums {
    double sum, size, squares, most, exponentials;
};

static struct sums sum_line(const struct call *call, struct line line)
{
    const struct bench *bench = call->bench;
    struct sums s = {.most = -INFINITY};
    for (uint64_t i = 0; i < line.n; i++) {
        double v = value(bench, line.first + i * line.step);
        v += call->mask ? value(bench, i + 11) : 0;
        s.sum += v;
        s.size += fabs(v);
        s.squares += v * v;
        s.most = fmax(s.most, v);
        s.exponentials += exp(v);
    }
    return s;
}

static double wanted_of(const struct call *call, const struct sums *s, struct line line, uint64_t i)
{
    const struct bench *bench = call->bench;
    double n = (double)line.n, mean = s->sum / n, v = value(bench, line.first + i * line.step);
    double gamma = value(bench, i + 3), beta = value(bench, i + 5);
    switch (call->shape->op) {
    case SUM:
        return s->sum;
    case MAX:
        return s->most;
    case LOG_SUM_EXP:
        return log(s->exponentials);
    case SOFTMAX:
        return exp(v) / s->exponentials;
    case MASKED:
        return exp(v + value(bench, i + 11)) / s->exponentials;
    case LAYER_NORM:
        return (v - mean) / sqrt(s->squares / n - mean * mean + 1e-5) * gamma + beta;
    case RMS_NORM:
        return v / sqrt(s->squares / n + 1e-5) * gamma;
    default:
        return v;
    }
}

static double read_one(smelt_tensor tensor, uint64_t row, uint64_t column)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    struct smelt_tensor_box box = {.shape = {1, 1}};
    unsigned char raw[4] = {0};
    float got = 0;
    if (info->rank == 2)
        box.origin[0] = row, box.origin[1] = column;
    else if (info->rank == 1)
        box.origin[0] = row;
    BENCH_OK(
        smelt_tensor_read_and_wait(tensor, info->rank ? &box : NULL, raw, smelt_dtype_size(info->dtype, 1)));
    smelt_dtype_convert(SMELT_DTYPE_F32, &got, info->dtype, raw, 1);
    return got;
}

// The largest error of sampled elements, in multiples of what the modules state.
static double check(const struct call *call)
{
    const struct shape *shape = call->shape;
    uint64_t lines = !shape->columns ? 1 : shape->axis ? call->rows : call->columns;
    double worst = 0;
    for (uint32_t l = 0; l < LINES && l < lines; l++) {
        struct line line = line_of(call, l < 2 ? l * (lines - 1) : l * 2654435761u % lines);
        if (shape->op == COPY)
            line.n = 64;
        struct sums s = shape->op == COPY ? (struct sums){0} : sum_line(call, line);
        for (uint32_t e = 0; e < (reduces(shape->op) ? 1u : 8u); e++) {
            uint64_t i = e < 2 ? e * (line.n - 1) : e * 2246822519u % line.n;
            double wanted = wanted_of(call, &s, line, i), bound = 64 * 0x1p-23 * fabs(wanted) + 1e-37;
            bool half = call->bench->dtype == SMELT_DTYPE_F16 && !reduces(shape->op);
            if (shape->op == SUM)
                bound = 64 * 0x1p-23 * s.size;
            else if (shape->op == LAYER_NORM || shape->op == LOG_SUM_EXP)
                bound = 64 * 0x1p-23 * (4 + fabs(wanted));
            else if (shape->op == SOFTMAX || shape->op == MASKED)
                bound = 2e-5 * wanted;
            bound += half && shape->op != COPY ? 0x1p-10 * fabs(wanted) + 0x1p-14 : 0;
            uint64_t element = line.first + i * line.step;
            double got = reduces(shape->op) ? read_one(call->y, line.number, 0)
                         : !shape->columns
                             ? read_one(call->y, element, 0)
                             : read_one(call->y, element / call->columns, element % call->columns);
            double ratio = got == wanted ? 0 : fabs(got - wanted) / bound;
            worst = ratio <= worst ? worst : isnan(ratio) ? INFINITY : ratio;
        }
    }
    return worst;
}

// --- Rows -----------------------------------------------------------------------------------------------------------

static void print(struct bench *bench, const struct call *call, struct bench_summary ns, double made,
                  double worst)
{
    double moved =
        (double)(call->rows * call->columns * element_size(bench)) * (reduces(call->shape->op) ? 1 : 2);
    double rate = moved / ns.median;
    if (call->shape->op == COPY)
        bench->roof = rate;
    double of_roof = bench->roof > 0 ? rate / bench->roof : 0;
    if (!bench->run.options.json)
        printf("%-4s %-28s %10.1f us (%.1f to %.1f) %8.1f GB/s  %.3f of the copy  first call %.2f s  error "
               "%.2g%s\n",
               smelt_dtype_name(bench->dtype), call->shape->name, ns.median / 1000, ns.minimum / 1000,
               ns.maximum / 1000, rate, of_roof, made, worst, worst > 1 ? " WRONG" : "");
    else
        printf("%s\n  {\"op\": \"%s\", \"dtype\": \"%s\", \"rows\": %llu, \"columns\": %llu, \"axis\": %u, "
               "\"ns\": %.0f, "
               "\"ns_least\": %.0f, \"ns_most\": %.0f, \"gb_s\": %.1f, \"of_copy\": %.4f, \"error\": %.3g}",
               bench->run.done ? "," : "", call->shape->name, smelt_dtype_name(bench->dtype),
               (unsigned long long)call->rows, (unsigned long long)call->columns, call->shape->axis,
               ns.median, ns.minimum, ns.maximum, rate, of_roof, worst);
    rows_count(&bench->run, worst);
}

static void run_one(struct bench *bench, const struct shape *shape)
{
    struct call call;
    create_call(bench, shape, &call);
    double before = bench_now();
    gpu_begin(&bench->run.gpu);
    BENCH_OK(encode(&call, bench->run.gpu.encoder));
    double made = bench_now() - before;
    gpu_submit_and_wait(&bench->run.gpu);
    struct bench_summary ns = rows_time(&bench->run, record, &call, call.y, WARM_NS, BATCH_NS);
    print(bench, &call, ns, made, check(&call));
    destroy_call(&call);
}

// Every op of the table once, along the lines of the caller's shape; before them the copy of as many bytes, rounded up.
static void run_own(struct bench *bench)
{
    uint64_t copied = bench->bytes;
    uint32_t done = 0; // 1 << op
    run_one(bench, &shapes[0]);
    bench->bytes = bench->shape_rows * bench->shape_columns * element_size(bench);
    for (size_t i = 1; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        static const char *const names[] = {
            "copy", "sum", "max", "log-sum-exp", "softmax", "masked softmax", "layer norm", "RMS norm"};
        char name[64];
        snprintf(name, sizeof(name), "%s of %s", names[shapes[i].op], bench->run.options.shape);
        struct shape own = {shapes[i].op, name, bench->shape_columns, bench->shape_axis};
        if (!(done >> own.op & 1) && rows_wants(&bench->run, name))
            run_one(bench, &own);
        done |= 1u << own.op;
    }
    bench->bytes = copied;
}

static void run_dtype(struct bench *bench, enum smelt_dtype dtype)
{
    bench->dtype = dtype;
    bench->x = make(bench, dtype, 1, bench->bytes / element_size(bench), 0);
    bench->y = make(bench, dtype, 1, bench->bytes / element_size(bench), 0);
    fill(bench, bench->x, 0);
    VkDeviceAddress addresses[2] = {smelt_tensor_info(bench->x)->address,
                                    smelt_tensor_info(bench->y)->address};
    BENCH_OK(smelt_tensor_write_and_wait(bench->block, NULL, addresses, sizeof(addresses)));
    if (bench->run.options.shape)
        run_own(bench);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]) && !bench->run.options.shape; i++)
        if (shapes[i].op == COPY || rows_wants(&bench->run, shapes[i].name))
            run_one(bench, &shapes[i]);
    smelt_tensor_destroy(&bench->x);
    smelt_tensor_destroy(&bench->y);
}

// A shape of the caller's: ROWSxCOLUMNS, with a c behind for lines that are columns. At most BYTES of f32.
static bool parse_shape(struct bench *bench)
{
    unsigned rows = 0, columns = 0;
    char c = 0, more = 0;
    int read = sscanf(bench->run.options.shape, "%ux%u%c%c", &rows, &columns, &c, &more);
    bench->shape_rows = rows;
    bench->shape_columns = columns;
    bench->shape_axis = read == 2;
    return (read == 2 || (read == 3 && c == 'c')) && rows && columns &&
           (uint64_t)rows * columns <= BYTES / 4 &&
           (bench->run.options.dtype == SMELT_DTYPE_F32 || bench->run.options.dtype == SMELT_DTYPE_F16);
}

int bench_reduce(int argc, char **argv)
{
    static struct bench bench;
    const struct bench_options *options = &bench.run.options;
    if (!bench_parse(argc, argv, BENCH_MAY_SHAPE, &bench.run.options) ||
        (options->shape && !parse_shape(&bench))) {
        return bench_usage(
            argc, argv,
            "usage: bench_reduce [--json] [--quick] [--device NAME] [--only TEXT] [--seconds N]\n"
            "                    [--shape ROWSxCOLUMNS[c] [--dtype f32|f16]]\n"
            "  --shape      every op along the rows (c: columns) of this alone, of 2^29 elements at most\n"
            "  --only TEXT  rows whose name contains TEXT, and the copy\n"
            "  --quick      16 MiB instead of 2 GiB, as on a software device\n"
            "  --seconds N  start no row after so long (default 220)\n");
    }
    rows_open(&bench.run);
    bench.bytes = bench.run.cpu || options->quick ? BYTES_SOFTWARE : BYTES;
    if (options->shape) // the copy moves 16 KiB at a time
        bench.bytes = (bench.shape_rows * bench.shape_columns * smelt_dtype_size(options->dtype, 1) + 16383) /
                      16384 * 16384;
    rows_fill_noise(bench.noise);
    create_copy(&bench);
    if (!options->shape || options->dtype == SMELT_DTYPE_F32)
        run_dtype(&bench, SMELT_DTYPE_F32);
    if (!options->shape || options->dtype == SMELT_DTYPE_F16)
        run_dtype(&bench, SMELT_DTYPE_F16);
    destroy_copy(&bench);
    return rows_close(&bench.run);
}
