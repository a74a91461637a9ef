// SPDX-License-Identifier: MIT
// How many times per second a small network is evaluated inside a shader: 32-64-64-9 and 32-32-32-9, one evaluation
// per pixel, in compute and in fragment shaders, on every backend of the device, in one run.
//
// Every row is checked before it is timed: no pixel keeps the poison the output was filled with, and sampled pixels
// are within the bound that the modules state of a double-precision reference.
#include "gpu.h"
#include "scenarios.h"
#include "mlp_network.h"

#include <math.h>

enum { SAMPLES = 256, MOST_ROWS = 16 };
#define POISON 0x7e7e // an f16 NaN

struct options {
    uint32_t width, height, batches;
    double warm_up; // seconds
    const char *device, *only, *shape;
    uint32_t layer_count, widths[MLP_MOST_LAYERS + 1]; // of `shape`
    bool json;
};

struct variant {
    const char *name;
    enum smelt_backend backend;
    enum smelt_dtype computed;
};
static const struct variant variants[] = {
    {"portable f32", SMELT_BACKEND_PORTABLE, SMELT_DTYPE_F32},
    {"portable f16", SMELT_BACKEND_PORTABLE, SMELT_DTYPE_F16},
    {"coopvec f16", SMELT_BACKEND_COOPVEC, SMELT_DTYPE_F16},
};
enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

struct row {
    const char *network, *variant, *stage;
    char skipped[200];       // why; "" when it was run
    struct bench_summary ns; // of all pixels once
    double evaluations;      // per second, billions
    double ratio;            // to portable f32 of the same network and stage; 0: not known
    double tflops;
    double worst; // error over bound
    double compile_ms, pipeline_ms;
    size_t spirv_size;
    struct gpu_statistics statistics;
    uint32_t repeats;
};

struct bench {
    struct options options;
    struct gpu gpu;
    VkPipelineLayout layout;
    smelt_shader vertex;
    struct gpu_target target;
    smelt_tensor output; // f16 [height][width][4]
    struct row rows[MOST_ROWS];
    uint32_t row_count;
};

// --- Shaders -----------------------------------------------------------------------------------------------------

// `pixel` of both stages: all nine outputs are used, so that none is optimised away, and four are stored.
static const char *const common_glsl =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n"
    "#include \"smelt/op/net.glsl\"\n"
    "#include \"bench_input.glsl\"\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) writeonly buffer result_data { uvec2 e[]; "
    "};\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer bench_block {\n"
    "    net_weights net;\n"
    "    result_data result;\n"
    "    uint width, count;\n"
    "};\n"
    "layout(push_constant, scalar) uniform push { bench_block block; };\n"
    "vec4 pixel(uint x, uint y)\n"
    "{\n"
    "    net_input v;\n"
    "    bench_input(x, y, v);\n"
    "    net_output o = net_run(block.net, v);\n"
    "    return vec4(smelt_get(o, 0) + smelt_get(o, 4) + smelt_get(o, 8), smelt_get(o, 1) + smelt_get(o, "
    "5),\n"
    "                smelt_get(o, 2) + smelt_get(o, 6), smelt_get(o, 3) + smelt_get(o, 7));\n"
    "}\n";

static const char *const compute_glsl =
    "layout(local_size_x = 128) in;\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_GlobalInvocationID.x;\n"
    "    if (i < block.count) {\n"
    "        vec4 p = pixel(i % block.width, i / block.width);\n"
    "        block.result.e[i] = uvec2(packHalf2x16(p.xy), packHalf2x16(p.zw));\n"
    "    }\n"
    "}\n";

static const char *const fragment_glsl = "layout(location = 0) out vec4 color;\n"
                                         "void main()\n"
                                         "{\n"
                                         "    color = pixel(uint(gl_FragCoord.x), uint(gl_FragCoord.y));\n"
                                         "}\n";

// --- One row -----------------------------------------------------------------------------------------------------

struct job {
    struct bench *bench;
    const struct mlp_network *network;
    bool fragment;
    smelt_shader shader;
    smelt_weights weights;
    smelt_arguments arguments;
    VkPipeline pipeline;
    double error_c, error_u;
    float poison[4];
    bool clear;
};

static void job_record(void *user, smelt_encoder encoder)
{
    VkCommandBuffer commands = smelt_encoder_commands(encoder);
    struct job *job = user;
    struct bench *bench = job->bench;
    struct gpu *gpu = &bench->gpu;
    VkPipelineBindPoint point =
        job->fragment ? VK_PIPELINE_BIND_POINT_GRAPHICS : VK_PIPELINE_BIND_POINT_COMPUTE;
    gpu->vk.CmdBindPipeline(commands, point, job->pipeline);
    BENCH_OK(smelt_arguments_bind(job->arguments, commands, point, bench->layout, VK_SHADER_STAGE_ALL, 0));
    if (job->fragment) {
        gpu_begin_rendering(gpu, commands, &bench->target, job->clear ? job->poison : NULL);
        gpu->vk.CmdDraw(commands, 3, 1, 0, 0);
        gpu_end_rendering(gpu, commands);
    } else {
        gpu->vk.CmdDispatch(commands, (bench->options.width * bench->options.height + 127) / 128, 1, 1);
    }
}

static void job_arguments(struct job *job)
{
    struct bench *bench = job->bench;
    struct smelt_arguments_params params = {
        .shaders = &job->shader, .shader_count = 1, .block = "bench_block", .frames_in_flight = 1};
    BENCH_OK(smelt_arguments_create(bench->gpu.context, &params, &job->arguments));
    for (uint32_t i = 0; i < job->network->layer_count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "net.layer%u.weight", i);
        BENCH_OK(smelt_arguments_set_tensor(job->arguments, name, smelt_weights_matrix(job->weights, i)));
        snprintf(name, sizeof(name), "net.layer%u.bias", i);
        BENCH_OK(smelt_arguments_set_tensor(job->arguments, name, smelt_weights_bias(job->weights, i)));
    }
    uint32_t count = bench->options.width * bench->options.height;
    BENCH_OK(
        smelt_arguments_set_address(job->arguments, "result", smelt_tensor_info(bench->output)->address));
    BENCH_OK(smelt_arguments_set_constant(job->arguments, "width", &bench->options.width, 4));
    BENCH_OK(smelt_arguments_set_constant(job->arguments, "count", &count, 4));
}

// Compiles, uploads, binds. False with the reason in `row` when the device cannot.
static bool job_create(struct job *job, const struct variant *variant, struct row *row)
{
    struct bench *bench = job->bench;
    smelt_context context = bench->gpu.context;
    VkShaderStageFlagBits stage = job->fragment ? VK_SHADER_STAGE_FRAGMENT_BIT : VK_SHADER_STAGE_COMPUTE_BIT;
    struct smelt_mlp_descriptor mlp = {
        .layer_count = job->network->layer_count,
        .stored = SMELT_DTYPE_F16,
        .computed = variant->computed,
        .accumulated = variant->computed,
        .backend = variant->backend,
    };
    for (uint32_t i = 0; i <= mlp.layer_count; i++) {
        mlp.widths[i] = job->network->widths[i];
        if (i + 1 < mlp.layer_count)
            mlp.activations[i] = SMELT_ACTIVATION_RELU;
    }
    struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp};
    struct smelt_op_info info;
    if (smelt_op_query(context, &op, stage, &info) != SMELT_OK) {
        snprintf(row->skipped, sizeof(row->skipped), "%.*s", (int)sizeof(row->skipped) - 1,
                 smelt_last_error());
        return false;
    }
    job->error_c = info.error_c;
    job->error_u = info.error_u;
    char *source = malloc(strlen(common_glsl) + strlen(compute_glsl) + strlen(fragment_glsl) + 1);
    bench_require(source != NULL, "malloc");
    strcat(strcpy(source, common_glsl), job->fragment ? fragment_glsl : compute_glsl);
    struct smelt_virtual_file input = {"bench_input.glsl", mlp_input_glsl};
    struct smelt_shader_params params = {
        .path = job->fragment ? "bench_mlp.frag" : "bench_mlp.comp",
        .source = source,
        .stage = stage,
        .files = &input,
        .file_count = 1,
        .ops = &op,
        .op_count = 1,
        .no_cache = true,
    };
    double start = bench_now();
    BENCH_OK(smelt_shader_create(context, &params, &job->shader));
    row->compile_ms = 1e3 * (bench_now() - start);
    row->spirv_size = smelt_shader_info(job->shader)->spirv_size;
    free(source);
    job->weights = mlp_network_weights(job->network, context, info.choice.backend);
    start = bench_now();
    job->pipeline =
        job->fragment ? gpu_graphics_pipeline(&bench->gpu, bench->vertex, job->shader, bench->layout,
                                              bench->target.format, bench->target.width, bench->target.height)
                      : gpu_compute_pipeline(&bench->gpu, job->shader, bench->layout, NULL);
    row->pipeline_ms = 1e3 * (bench_now() - start);
    row->statistics = gpu_statistics(&bench->gpu, job->pipeline, stage);
    job_arguments(job);
    return true;
}

static void job_destroy(struct job *job)
{
    job->bench->gpu.vk.DestroyPipeline(job->bench->gpu.handles.device, job->pipeline, NULL);
    smelt_arguments_destroy(&job->arguments);
    smelt_weights_destroy(&job->weights);
    smelt_shader_destroy(&job->shader);
}

// Runs once on a poisoned output and compares. False: wrong, with the row's `skipped` saying where.
static bool job_check(struct job *job, struct row *row)
{
    struct bench *bench = job->bench;
    uint32_t width = bench->options.width, height = bench->options.height;
    size_t count = (size_t)width * height, size = count * 4 * sizeof(uint16_t);
    uint16_t *values = malloc(size);
    bench_require(values != NULL, "malloc");
    for (size_t i = 0; i < 4 * count; i++)
        values[i] = POISON;
    BENCH_OK(smelt_tensor_write_and_wait(bench->output, NULL, values, size));
    for (int c = 0; c < 4; c++)
        job->poison[c] = smelt_f16_to_f32(POISON);
    job->clear = true;
    VkCommandBuffer commands = gpu_begin(&bench->gpu);
    job_record(job, bench->gpu.encoder);
    if (job->fragment)
        gpu_copy_target(&bench->gpu, commands, &bench->target, smelt_tensor_info(bench->output)->buffer,
                        smelt_tensor_info(bench->output)->buffer_offset);
    gpu_barrier(&bench->gpu, commands);
    gpu_submit_and_wait(&bench->gpu);
    job->clear = false;
    BENCH_OK(smelt_tensor_read_and_wait(bench->output, NULL, values, size));
    for (size_t i = 0; i < 4 * count && !row->skipped[0]; i++)
        if (isnan(smelt_f16_to_f32(values[i])))
            snprintf(row->skipped, sizeof(row->skipped), "WRONG: pixel %zu was not written or is NaN", i / 4);
    for (uint32_t s = 0; s < SAMPLES && !row->skipped[0]; s++) {
        // Corners and random places.
        uint32_t x = s < 4 ? s % 2 * (width - 1) : (uint32_t)(s * 2654435761u >> 8) % width;
        uint32_t y = s < 4 ? s / 2 * (height - 1) : (uint32_t)(s * 2246822519u >> 8) % height;
        double expected[4], bound[4];
        mlp_expected(job->network, x, y, job->error_c, job->error_u, expected, bound);
        for (int c = 0; c < 4; c++) {
            double got = smelt_f16_to_f32(values[4 * ((size_t)y * width + x) + (size_t)c]);
            double ratio = fabs(got - expected[c]) / bound[c];
            row->worst = fmax(row->worst, ratio);
            if (ratio > 1)
                snprintf(row->skipped, sizeof(row->skipped), "WRONG at (%u, %u)[%d]: got %g, wanted %g +- %g",
                         x, y, c, got, expected[c], bound[c]);
        }
    }
    free(values);
    return !row->skipped[0];
}

static void job_time(struct job *job, struct row *row)
{
    struct bench *bench = job->bench;
    double ns[GPU_MOST_BATCHES];
    // About 20 ms a batch: 16 dispatches of a fast row, one of a slow one.
    gpu_time(&bench->gpu, job_record, job, 1, 1, ns);
    uint32_t most = job->fragment ? 3 : 16;
    row->repeats = (uint32_t)fmin(most, fmax(1, 20e6 / ns[0]));
    for (double start = bench_now(); bench_now() - start < bench->options.warm_up;)
        gpu_time(&bench->gpu, job_record, job, row->repeats, 1, ns);
    gpu_time(&bench->gpu, job_record, job, row->repeats, bench->options.batches, ns);
    row->ns = bench_summarise(ns, bench->options.batches);
    double count = (double)bench->options.width * bench->options.height;
    row->evaluations = count / row->ns.median;
    row->tflops = 2e-3 * (double)mlp_network_multiplies(job->network) * row->evaluations;
}

// --- The table -----------------------------------------------------------------------------------------------------

// Batches that differ by more than 10 % say that something else was measured, too.
static bool is_steady(const struct row *row)
{
    return row->ns.maximum <= 1.1 * row->ns.minimum;
}

static void print_row(const struct row *row)
{
    printf("%-11s %-8s %-13s ", row->network, row->stage, row->variant);
    if (row->skipped[0]) {
        printf("- %s\n", row->skipped);
        return;
    }
    printf("%8.4g %10.1f (%.1f .. %.1f)%s %6.2fx %6.3g %5.2f %5.0f %5.0f %6zu", row->evaluations,
           row->ns.median * 1e-3, row->ns.minimum * 1e-3, row->ns.maximum * 1e-3,
           is_steady(row) ? "" : " UNSTEADY", row->ratio, row->tflops, row->worst, row->compile_ms,
           row->pipeline_ms, row->spirv_size);
    if (row->statistics.registers >= 0)
        printf(" %4lld %6lld", row->statistics.registers, row->statistics.local_bytes);
    printf("\n");
}

static void print_json(const struct bench *bench)
{
    printf("{\"bench\": \"mlp\", ");
    bench_json_device(stdout, bench->gpu.context);
    printf(", \"width\": %u, \"height\": %u, \"batches\": %u, \"rows\": [", bench->options.width,
           bench->options.height, bench->options.batches);
    for (uint32_t i = 0; i < bench->row_count; i++) {
        const struct row *r = &bench->rows[i];
        printf("%s\n  {\"network\": \"%s\", \"stage\": \"%s\", \"variant\": \"%s\", ", i ? "," : "",
               r->network, r->stage, r->variant);
        if (r->skipped[0]) {
            printf("\"skipped\": ");
            bench_json_string(stdout, r->skipped);
            printf("}");
            continue;
        }
        printf("\"giga_evaluations_per_second\": %.5f, \"median_ns\": %.0f, \"minimum_ns\": %.0f, "
               "\"maximum_ns\": %.0f, \"steady\": %s, \"repeats\": %u, \"ratio_to_portable_f32\": %.3f, "
               "\"tflops\": %.4f, "
               "\"worst_error_over_bound\": %.4f, \"compile_ms\": %.1f, \"pipeline_ms\": %.1f, "
               "\"spirv_bytes\": %zu, "
               "\"registers\": %lld, \"local_bytes\": %lld, \"binary_bytes\": %lld}",
               r->evaluations, r->ns.median, r->ns.minimum, r->ns.maximum, is_steady(r) ? "true" : "false",
               r->repeats, r->ratio, r->tflops, r->worst, r->compile_ms, r->pipeline_ms, r->spirv_size,
               r->statistics.registers, r->statistics.local_bytes, r->statistics.binary_bytes);
    }
    printf("\n]}\n");
}

// False when a row gave wrong numbers.
static bool run_row(struct bench *bench, const struct mlp_network *network, bool fragment,
                    const struct variant *variant, const struct row *base)
{
    struct row *row = &bench->rows[bench->row_count];
    *row = (struct row){
        .network = network->name, .variant = variant->name, .stage = fragment ? "fragment" : "compute"};
    char label[64];
    snprintf(label, sizeof(label), "%s %s %s", row->network, row->stage, row->variant);
    if (bench->options.only && !strstr(label, bench->options.only))
        return true;
    bench->row_count++;
    struct job job = {.bench = bench, .network = network, .fragment = fragment};
    bool right = true;
    if (job_create(&job, variant, row)) {
        right = job_check(&job, row);
        if (right)
            job_time(&job, row);
        job_destroy(&job);
    }
    if (base && base->ns.median > 0 && row->ns.median > 0)
        row->ratio = base->ns.median / row->ns.median;
    if (!bench->options.json)
        print_row(row);
    return right;
}

static bool run(struct bench *bench)
{
    struct mlp_network networks[2];
    const struct options *options = &bench->options;
    int count = options->shape ? 1 : 2;
    if (options->shape) {
        mlp_network_create(&networks[0], options->shape, options->layer_count, options->widths, 64);
    } else {
        mlp_network_create(&networks[0], "32-64-64-9", 3, (uint32_t[]){MLP_INPUTS, 64, 64, MLP_OUTPUTS}, 64);
        mlp_network_create(&networks[1], "32-32-32-9", 3, (uint32_t[]){MLP_INPUTS, 32, 32, MLP_OUTPUTS}, 32);
    }
    if (!bench->options.json) {
        bench_print_device(stdout, bench->gpu.context);
        printf("# %ux%u, %u batches, median (min .. max)\n", bench->options.width, bench->options.height,
               bench->options.batches);
        printf("# network, stage, variant, Geval/s, us for all pixels, times portable f32, TFLOP/s, error / "
               "bound, "
               "ms to compile, ms to make the pipeline, SPIR-V bytes, registers, local memory bytes\n");
    }
    bool right = true;
    for (int stage = 0; stage < 2; stage++)
        for (int n = 0; n < count; n++) {
            const struct row *base = &bench->rows[bench->row_count];
            for (int v = 0; v < VARIANTS; v++) {
                bool have_base = base < &bench->rows[bench->row_count] && base->variant == variants[0].name;
                const struct row *to = v == 0 || have_base ? base : NULL;
                right = run_row(bench, &networks[n], stage == 1, &variants[v], to) && right;
            }
        }
    if (bench->options.json)
        print_json(bench);
    for (int n = 0; n < count; n++)
        mlp_network_destroy(&networks[n]);
    return right;
}

// A network of the caller's: its widths, joined by -.
static bool parse_shape(struct options *options, const char *text)
{
    options->shape = text;
    for (uint32_t i = 0; i <= MLP_MOST_LAYERS; i++) {
        char *end;
        unsigned long width = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
        if (!width || width > MLP_WIDEST || (i == 0 && width != MLP_INPUTS))
            return false;
        options->widths[i] = (uint32_t)width;
        options->layer_count = i;
        if (!*end)
            return i && width == MLP_OUTPUTS;
        if (*end != '-')
            return false;
        text = end + 1;
    }
    return false;
}

static bool parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){.width = 1920, .height = 1080, .batches = GPU_MOST_BATCHES, .warm_up = 0.5};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--json")) {
            options->json = true;
        } else if (!strcmp(argv[i], "--quick")) {
            options->width = 96;
            options->height = 54;
            options->batches = 3;
            options->warm_up = 0;
        } else if (!strcmp(argv[i], "--size") && value) {
            if (sscanf(value, "%ux%u", &options->width, &options->height) != 2 ||
                options->width - 1 > 16383 || options->height - 1 > 16383)
                return false;
            i++;
        } else if (!strcmp(argv[i], "--device") && value) {
            options->device = argv[++i];
        } else if (!strcmp(argv[i], "--shape") && value) {
            if (!parse_shape(options, argv[++i]))
                return false;
        } else if (!strcmp(argv[i], "--only") && value) {
            options->only = argv[++i];
        } else {
            return false;
        }
    }
    return true;
}

int bench_mlp(int argc, char **argv)
{
    static struct bench bench;
    if (!parse(argc, argv, &bench.options)) {
        return bench_usage(argc, argv,
                           "usage: bench_mlp [--json] [--quick] [--size WxH] [--device NAME] [--only TEXT]\n"
                           "                 [--shape 32-WIDTH-...-9]\n"
                           "  --shape      this network alone, of 1 to 4 layers that are at most 256 wide\n"
                           "  --only TEXT  rows whose \"network stage variant\" contains TEXT\n");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    smelt_context context = bench_context(bench.options.device);
    gpu_create(&bench.gpu, context);
    bench.layout = gpu_layout(&bench.gpu);
    bench.vertex = gpu_triangle(&bench.gpu);
    gpu_target_create(&bench.gpu, &bench.target, VK_FORMAT_R16G16B16A16_SFLOAT, bench.options.width,
                      bench.options.height, 0);
    struct smelt_tensor_params output = {.dtype = SMELT_DTYPE_F16,
                                         .rank = 3,
                                         .shape = {bench.options.height, bench.options.width, 4},
                                         .name = "bench output"};
    BENCH_OK(smelt_tensor_create(context, &output, &bench.output));
    bool right = run(&bench);
    smelt_tensor_destroy(&bench.output);
    gpu_target_destroy(&bench.gpu, &bench.target);
    smelt_shader_destroy(&bench.vertex);
    bench.gpu.vk.DestroyPipelineLayout(bench.gpu.handles.device, bench.layout, NULL);
    gpu_destroy(&bench.gpu);
    smelt_context_destroy(&context);
    return !right;
}
