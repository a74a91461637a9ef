// SPDX-License-Identifier: MIT
// How many samples per second a network of 32-64-64-64-16 takes from memory to memory: f16 [N][32] to [N][16], on every
// backend and scope; the same work in a fragment shader; and samples of eight materials, as they come and binned.
//
// Every row is checked before it is timed: no output keeps the poison it was filled with, and sampled ones are within
// the bound that the modules state of a double-precision reference. bench/compare_mlp.py sets a peer beside it.
#include "gpu.h"
#include "mlp_network.h"
#include "mlp_shaders.h"
#include "scenarios.h"

#include <math.h>

enum { INPUTS = 32, OUTPUTS = 16, LAYERS = 4, MATERIALS = 8, CHECKED = 256, BIN_GROUP = 512, MOST_ROWS = 64 };
#define POISON 0x7e7e // an f16 NaN
#define F16 SMELT_DTYPE_F16
#define F32 SMELT_DTYPE_F32

enum kind { THREAD, ROWS, OWN, PIXELS, FRAGMENT, MATERIAL, BINNED };
enum order { ALIKE, SORTED, RANDOM }; // materials of the samples: all the first; one after the other; any

struct variant {
    const char *name;
    enum kind kind;
    enum smelt_backend backend;
    enum smelt_scope scope;
    uint32_t samples, subgroups, blocks; // of SUBGROUP: blocks that a workgroup evaluates
    enum smelt_dtype computed, accumulated;
    enum order order;
};

#define PORTABLE SMELT_BACKEND_PORTABLE
#define COOPVEC SMELT_BACKEND_COOPVEC
#define COOPMAT SMELT_BACKEND_COOPMAT
#define COOPMAT2 SMELT_BACKEND_COOPMAT2
#define GROUP SMELT_SCOPE_SUBGROUP
static const struct variant variants[] = {
    {"portable f16", THREAD, PORTABLE, 0, 1, 0, 0, F16, F16, 0},
    {"portable f16 x2", THREAD, PORTABLE, 0, 2, 0, 0, F16, F16, 0},
    {"portable f16 x4", THREAD, PORTABLE, 0, 4, 0, 0, F16, F16, 0},
    {"portable f16 subgroup", ROWS, PORTABLE, GROUP, 1, 8, 8, F16, F16, 0},
    {"portable f16 subgroup x2", ROWS, PORTABLE, GROUP, 2, 8, 8, F16, F16, 0},
    {"portable f16 subgroup x4", ROWS, PORTABLE, GROUP, 4, 8, 4, F16, F16, 0},
    {"portable f16 workgroup x2", ROWS, PORTABLE, SMELT_SCOPE_WORKGROUP, 2, 8, 0, F16, F16, 0},
    {"coopvec", THREAD, COOPVEC, 0, 1, 0, 0, F16, F16, 0},
    {"coopmat subgroup", ROWS, COOPMAT, GROUP, 1, 8, 32, F16, F16, 0},
    {"coopmat subgroup 16", ROWS, COOPMAT, GROUP, 1, 14, 32, F16, F16, 0},
    {"coopmat subgroup x2", ROWS, COOPMAT, GROUP, 2, 8, 16, F16, F16, 0},
    {"coopmat subgroup f32 sums", ROWS, COOPMAT, GROUP, 1, 8, 32, F16, F32, 0},
    {"coopmat subgroup own", OWN, COOPMAT, GROUP, 1, 8, 32, F16, F16, 0},
    {"coopmat workgroup", ROWS, COOPMAT, SMELT_SCOPE_WORKGROUP, 1, 8, 0, F16, F16, 0},
    {"coopmat2 subgroup", ROWS, COOPMAT2, GROUP, 1, 8, 32, F16, F16, 0},
    {"coopmat2 subgroup 4", ROWS, COOPMAT2, GROUP, 1, 4, 64, F16, F16, 0},
    {"coopmat2 subgroup 14", ROWS, COOPMAT2, GROUP, 1, 14, 32, F16, F16, 0},
    {"coopmat2 subgroup few blocks", ROWS, COOPMAT2, GROUP, 1, 8, 8, F16, F16, 0},
    {"coopmat2 subgroup x2 4", ROWS, COOPMAT2, GROUP, 2, 4, 32, F16, F16, 0},
    {"coopmat2 subgroup x2", ROWS, COOPMAT2, GROUP, 2, 8, 16, F16, F16, 0},
    // As many workgroups as an H200 runs at once, and registers for no more subgroups.
    {"coopmat2 subgroup x2 12", ROWS, COOPMAT2, GROUP, 2, 12, 42, F16, F16, 0},
    {"coopmat subgroup x2 11", ROWS, COOPMAT, GROUP, 2, 11, 46, F16, F16, 0},
    {"coopmat2 subgroup f32 sums", ROWS, COOPMAT2, GROUP, 1, 8, 32, F16, F32, 0},
    {"coopmat2 subgroup own", OWN, COOPMAT2, GROUP, 1, 8, 32, F16, F16, 0},
    {"coopmat2 workgroup", ROWS, COOPMAT2, SMELT_SCOPE_WORKGROUP, 1, 8, 0, F16, F16, 0},
    {"portable f16 pixels", PIXELS, PORTABLE, 0, 1, 0, 0, F16, F16, 0},
    {"portable f16 fragment", FRAGMENT, PORTABLE, 0, 1, 0, 0, F16, F16, 0},
    {"coopvec pixels", PIXELS, COOPVEC, 0, 1, 0, 0, F16, F16, 0},
    {"coopvec fragment", FRAGMENT, COOPVEC, 0, 1, 0, 0, F16, F16, 0},
    {"coopvec 1 material", MATERIAL, COOPVEC, 0, 1, 0, 0, F16, F16, ALIKE},
    {"coopvec 8 materials sorted", MATERIAL, COOPVEC, 0, 1, 0, 0, F16, F16, SORTED},
    {"coopvec 8 materials random", MATERIAL, COOPVEC, 0, 1, 0, 0, F16, F16, RANDOM},
    {"coopvec 8 materials binned", BINNED, COOPVEC, 0, 1, 0, 16, F16, F16, RANDOM},
    {"portable 1 material", MATERIAL, PORTABLE, 0, 1, 0, 0, F16, F16, ALIKE},
    {"portable 8 materials random", MATERIAL, PORTABLE, 0, 1, 0, 0, F16, F16, RANDOM},
    {"portable 8 materials binned", BINNED, PORTABLE, GROUP, 2, 8, 8, F16, F16, RANDOM},
    {"coopmat 8 materials binned", BINNED, COOPMAT, GROUP, 1, 8, 32, F16, F16, RANDOM},
    {"coopmat2 8 materials binned x2", BINNED, COOPMAT2, GROUP, 2, 12, 42, F16, F16, RANDOM},
    {"coopmat2 8 materials binned", BINNED, COOPMAT2, GROUP, 1, 8, 32, F16, F16, RANDOM},
};
enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

struct row {
    const char *name;
    char skipped[200];
    struct bench_summary ns;
    uint32_t evaluations;
    double worst, compile_ms, pipeline_ms;
    struct gpu_statistics statistics;
    size_t spirv_size;
    uint32_t scratch_size;
};

struct bench {
    struct gpu gpu;
    const char *device, *only;
    bool json, quick;
    uint32_t count, width, height;
    VkPipelineLayout layout;
    smelt_shader vertex;
    struct gpu_target target;
    struct mlp_network networks[MATERIALS];
    smelt_tensor x, y[2], pixels, ids[3], counters, list; // y by accumulated: f16, f32
    struct row rows[MOST_ROWS];
    uint32_t row_count;
};

static smelt_tensor tensor(struct bench *bench, enum smelt_dtype dtype, uint32_t rows, uint32_t columns)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = columns ? 2 : 1, .shape = {rows, columns}};
    smelt_tensor made = NULL;
    BENCH_OK(smelt_tensor_create(bench->gpu.context, &params, &made));
    return made;
}

// --- One row -----------------------------------------------------------------------------------------------------

struct job {
    struct bench *bench;
    const struct variant *variant;
    struct smelt_op_info info;
    smelt_shader shader, sorts[2];
    smelt_weights weights[MATERIALS];
    smelt_arguments arguments, sort_arguments;
    smelt_tensor table; // of the materials
    VkPipeline pipeline, sort_pipelines[2];
    uint32_t count, groups;
    bool clear;
};

static void dispatch(struct job *job, VkCommandBuffer commands, VkPipeline pipeline,
                     smelt_arguments arguments, uint32_t groups)
{
    struct gpu *gpu = &job->bench->gpu;
    gpu->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    BENCH_OK(smelt_arguments_bind(arguments, commands, VK_PIPELINE_BIND_POINT_COMPUTE, job->bench->layout,
                                  VK_SHADER_STAGE_ALL, 0));
    gpu->vk.CmdDispatch(commands, groups, 1, 1);
}

static void job_record(void *user, smelt_encoder encoder)
{
    VkCommandBuffer commands = smelt_encoder_commands(encoder);
    struct job *job = user;
    struct bench *bench = job->bench;
    struct gpu *gpu = &bench->gpu;
    if (job->variant->kind == FRAGMENT) {
        float poison[4] = {NAN, NAN, NAN, NAN};
        gpu->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, job->pipeline);
        BENCH_OK(smelt_arguments_bind(job->arguments, commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
                                      bench->layout, VK_SHADER_STAGE_ALL, 0));
        gpu_begin_rendering(gpu, commands, &bench->target, job->clear ? poison : NULL);
        gpu->vk.CmdDraw(commands, 3, 1, 0, 0);
        gpu_end_rendering(gpu, commands);
        return;
    }
    if (job->variant->kind == BINNED) {
        BENCH_OK(smelt_encode_fill(encoder, bench->counters, 0));
        for (int pass = 0; pass < 2; pass++) {
            gpu_barrier(gpu, commands);
            dispatch(job, commands, job->sort_pipelines[pass], job->sort_arguments,
                     (job->count + BIN_GROUP - 1) / BIN_GROUP);
        }
        gpu_barrier(gpu, commands);
    }
    dispatch(job, commands, job->pipeline, job->arguments, job->groups);
}

static char *joined(const char *const *parts, size_t count)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(parts[i]);
    char *text = calloc(1, size);
    bench_require(text != NULL, "calloc");
    for (size_t i = 0; i < count; i++)
        strcat(text, parts[i]);
    return text;
}

static smelt_shader compile(struct job *job, const char *const *parts, size_t count,
                            const struct smelt_op *op)
{
    char *source = joined(parts, count);
    bool fragment = op && job->variant->kind == FRAGMENT;
    struct smelt_shader_params params = {
        .path = fragment ? "bench_mlp_samples.frag" : "bench_mlp_samples.comp",
        .source = source,
        .stage = fragment ? VK_SHADER_STAGE_FRAGMENT_BIT : VK_SHADER_STAGE_COMPUTE_BIT,
        .ops = op,
        .op_count = op ? 1 : 0,
        .no_cache = true,
    };
    smelt_shader shader = NULL;
    BENCH_OK(smelt_shader_create(job->bench->gpu.context, &params, &shader));
    free(source);
    return shader;
}

static void compile_all(struct job *job, const struct smelt_op *op, struct row *row)
{
    const char *const mains[] = {mlp_thread_glsl, mlp_rows_glsl,     mlp_own_glsl,   mlp_pixel_glsl,
                                 mlp_pixel_glsl,  mlp_material_glsl, mlp_binned_glsl};
    const struct variant *v = job->variant;
    bool binned = v->kind == BINNED;
    char defines[200];
    snprintf(defines, sizeof(defines),
             "#define EACH %u\n#define BLOCKS %u\n#define ALL_WEIGHTS %d\n#define IS_FRAGMENT %d\n"
             "#define RESULTS net_results_%s_2_w_0x16\n",
             v->samples, v->blocks, v->scope == GROUP, v->kind == FRAGMENT, smelt_dtype_name(v->accumulated));
    const char *const parts[] = {mlp_first_glsl, defines, binned ? mlp_bins_glsl : "#define BINS\n",
                                 mlp_head_glsl, mains[v->kind]};
    double start = bench_now();
    job->shader = compile(job, parts, 5, op);
    row->compile_ms = 1e3 * (bench_now() - start);
    row->spirv_size = smelt_shader_info(job->shader)->spirv_size;
    for (int pass = 0; binned && pass < 2; pass++) {
        const char *const sort[] = {mlp_first_glsl, pass ? "#define PASS 1\n" : "#define PASS 0\n",
                                    mlp_bins_glsl, mlp_sort_glsl};
        job->sorts[pass] = compile(job, sort, 4, NULL);
        job->sort_pipelines[pass] =
            gpu_compute_pipeline(&job->bench->gpu, job->sorts[pass], job->bench->layout, NULL);
    }
    start = bench_now();
    job->pipeline = v->kind == FRAGMENT
                        ? gpu_graphics_pipeline(&job->bench->gpu, job->bench->vertex, job->shader,
                                                job->bench->layout, job->bench->target.format,
                                                job->bench->target.width, job->bench->target.height)
                        : gpu_compute_pipeline(&job->bench->gpu, job->shader, job->bench->layout, &job->info);
    row->pipeline_ms = 1e3 * (bench_now() - start);
    row->statistics =
        gpu_statistics(&job->bench->gpu, job->pipeline,
                       v->kind == FRAGMENT ? VK_SHADER_STAGE_FRAGMENT_BIT : VK_SHADER_STAGE_COMPUTE_BIT);
}

static smelt_arguments arguments_of(struct job *job, smelt_shader shader, const char *block)
{
    struct smelt_arguments_params params = {
        .shaders = &shader, .shader_count = 1, .block = block, .frames_in_flight = 1};
    smelt_arguments arguments = NULL;
    BENCH_OK(smelt_arguments_create(job->bench->gpu.context, &params, &arguments));
    BENCH_OK(smelt_arguments_set_constant(arguments, "count", &job->count, 4));
    BENCH_OK(smelt_arguments_set_address(arguments, "ids",
                                         smelt_tensor_info(job->bench->ids[job->variant->order])->address));
    if (job->variant->kind == BINNED) {
        BENCH_OK(smelt_arguments_set_tensor(arguments, "b.counters", job->bench->counters));
        BENCH_OK(smelt_arguments_set_tensor(arguments, "b.list", job->bench->list));
    }
    return arguments;
}

// A material's weights as they stand in an argument block: address, extents and strides of each tensor.
static void add_tensor(unsigned char **at, smelt_tensor tensor)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    memcpy(*at, &info->address, 8);
    *at += 8;
    for (uint32_t i = 0; i < 2 * info->rank; i++, *at += 4)
        memcpy(*at, &(uint32_t){(uint32_t)(i < info->rank ? info->shape[i] : info->strides[i - info->rank])},
               4);
}

static void bind(struct job *job)
{
    struct bench *bench = job->bench;
    bool materials = job->variant->kind == MATERIAL || job->variant->kind == BINNED;
    unsigned char table[MATERIALS * LAYERS * 40] = {0}, *at = table;
    for (uint32_t m = 0; m < (materials ? MATERIALS : 1); m++) {
        job->weights[m] =
            mlp_network_weights(&bench->networks[m], bench->gpu.context, job->info.choice.backend);
        for (uint32_t i = 0; i < LAYERS; i++) {
            add_tensor(&at, smelt_weights_matrix(job->weights[m], i));
            add_tensor(&at, smelt_weights_bias(job->weights[m], i));
        }
    }
    job->table = tensor(bench, SMELT_DTYPE_U32, sizeof(table) / 4, 0);
    BENCH_OK(smelt_tensor_write_and_wait(job->table, NULL, table, sizeof(table)));
    job->arguments = arguments_of(job, job->shader, "bench_block");
    for (uint32_t i = 0; i < LAYERS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "net.layer%u.weight", i);
        BENCH_OK(smelt_arguments_set_tensor(job->arguments, name, smelt_weights_matrix(job->weights[0], i)));
        snprintf(name, sizeof(name), "net.layer%u.bias", i);
        BENCH_OK(smelt_arguments_set_tensor(job->arguments, name, smelt_weights_bias(job->weights[0], i)));
    }
    BENCH_OK(smelt_arguments_set_tensor(job->arguments, "x", bench->x));
    BENCH_OK(smelt_arguments_set_tensor(job->arguments, "y", bench->y[job->variant->accumulated == F32]));
    BENCH_OK(smelt_arguments_set_address(job->arguments, "table", smelt_tensor_info(job->table)->address));
    BENCH_OK(
        smelt_arguments_set_address(job->arguments, "pixels", smelt_tensor_info(bench->pixels)->address));
    BENCH_OK(smelt_arguments_set_constant(job->arguments, "width", &bench->width, 4));
    if (job->variant->kind == BINNED)
        job->sort_arguments = arguments_of(job, job->sorts[0], "sort_block");
}

static uint32_t groups_of(const struct job *job)
{
    const struct variant *v = job->variant;
    uint32_t each =
        job->info.workgroup_size ? job->info.tiling.m * job->info.tiling.subgroups_m : 128 * v->samples;
    if (v->kind == BINNED)
        return job->count / (each * v->blocks) + MATERIALS;
    return (job->count + each * (v->blocks ? v->blocks : 1) - 1) / (each * (v->blocks ? v->blocks : 1));
}

// Compiles, uploads, binds. False with the reason in `row` when the device cannot.
static bool job_create(struct job *job, struct row *row)
{
    struct bench *bench = job->bench;
    const struct variant *v = job->variant;
    struct smelt_mlp_descriptor mlp = {
        .layer_count = LAYERS,
        .activations = {SMELT_ACTIVATION_RELU, SMELT_ACTIVATION_RELU, SMELT_ACTIVATION_RELU},
        .stored = F16,
        .computed = v->computed,
        .accumulated = v->accumulated,
        .backend = v->backend,
        .scope = v->scope,
        .samples = v->samples,
        .subgroups = bench->quick ? 0 : v->subgroups,
    };
    memcpy(mlp.widths, bench->networks[0].widths, (LAYERS + 1) * sizeof(mlp.widths[0]));
    struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp};
    if (smelt_op_query(bench->gpu.context, &op,
                       v->kind == FRAGMENT ? VK_SHADER_STAGE_FRAGMENT_BIT : VK_SHADER_STAGE_COMPUTE_BIT,
                       &job->info) != SMELT_OK) {
        snprintf(row->skipped, sizeof(row->skipped), "%.*s", (int)sizeof(row->skipped) - 1,
                 smelt_last_error());
        return false;
    }
    bool picture = v->kind == PIXELS || v->kind == FRAGMENT;
    job->count = picture ? bench->width * bench->height : bench->count;
    row->evaluations = job->count;
    row->scratch_size = job->info.scratch_size;
    compile_all(job, &op, row);
    fprintf(stderr, "# %s: compiled in %.0f ms, pipeline in %.0f ms\n", row->name, row->compile_ms,
            row->pipeline_ms);
    bind(job);
    job->groups = groups_of(job);
    return true;
}

static void job_destroy(struct job *job)
{
    if (!job->shader)
        return;
    struct gpu *gpu = &job->bench->gpu;
    gpu->vk.DestroyPipeline(gpu->handles.device, job->pipeline, NULL);
    smelt_arguments_destroy(&job->arguments);
    smelt_arguments_destroy(&job->sort_arguments);
    smelt_tensor_destroy(&job->table);
    smelt_shader_destroy(&job->shader);
    for (int i = 0; i < 2; i++) {
        gpu->vk.DestroyPipeline(gpu->handles.device, job->sort_pipelines[i], NULL);
        smelt_shader_destroy(&job->sorts[i]);
    }
    for (int m = 0; m < MATERIALS; m++)
        smelt_weights_destroy(&job->weights[m]);
}

static uint32_t material_of(const struct bench *bench, enum order order, uint32_t i)
{
    return order == ALIKE    ? 0
           : order == SORTED ? (uint32_t)((uint64_t)i * MATERIALS / bench->count)
                             : (i * 2654435761u >> 16) % MATERIALS;
}

// Runs once on a poisoned output and compares. False: wrong, with the row's `skipped` saying where.
static bool job_check(struct job *job, struct row *row)
{
    struct bench *bench = job->bench;
    const struct variant *v = job->variant;
    bool picture = v->kind == PIXELS || v->kind == FRAGMENT, wide = !picture && v->accumulated == F32;
    uint32_t outputs = picture ? 4 : OUTPUTS;
    smelt_tensor output = picture ? bench->pixels : bench->y[wide];
    size_t count = (size_t)job->count * outputs, size = count * (wide ? 4 : 2);
    unsigned char *values = malloc(size);
    bench_require(values != NULL, "malloc");
    for (size_t i = 0; i < size; i += 2)
        memcpy(values + i, &(uint16_t){wide && !(i & 2) ? 0 : wide ? 0x7fc0 : POISON}, 2);
    BENCH_OK(smelt_tensor_write_and_wait(output, NULL, values, size));
    job->clear = true;
    VkCommandBuffer commands = gpu_begin(&bench->gpu);
    job_record(job, bench->gpu.encoder);
    if (v->kind == FRAGMENT)
        gpu_copy_target(&bench->gpu, commands, &bench->target, smelt_tensor_info(bench->pixels)->buffer,
                        smelt_tensor_info(bench->pixels)->buffer_offset);
    gpu_barrier(&bench->gpu, commands);
    gpu_submit_and_wait(&bench->gpu);
    job->clear = false;
    BENCH_OK(smelt_tensor_read_and_wait(output, NULL, values, size));
#define VALUE(i) (wide ? ((float *)(void *)values)[i] : smelt_f16_to_f32(((uint16_t *)(void *)values)[i]))
    for (size_t i = 0; i < count && !row->skipped[0]; i++) {
        uint32_t upper = ((uint16_t *)(void *)values)[wide ? 2 * i + 1 : i] & 0x7fffu;
        if (upper > (wide ? 0x7f80u : 0x7c00u)) // bits of a NaN: faster than a conversion
            snprintf(row->skipped, sizeof(row->skipped), "WRONG: output %zu was not written or is NaN", i);
    }
    for (uint32_t s = 0; s < CHECKED && !row->skipped[0]; s++) {
        uint32_t i = s < 2 ? s * (job->count - 1) : (uint32_t)(s * 2654435761u >> 4) % job->count;
        double expected[OUTPUTS], bound[OUTPUTS];
        uint32_t material = v->kind == MATERIAL || v->kind == BINNED ? material_of(bench, v->order, i) : 0;
        mlp_expected_outputs(&bench->networks[material], i, 0, job->info.error_c,
                             v->accumulated == F16 ? job->info.error_u : 0x1p-10, expected, bound);
        for (uint32_t c = 0; c < outputs; c++) {
            double got = VALUE((size_t)i * outputs + c), ratio = fabs(got - expected[c]) / bound[c];
            row->worst = fmax(row->worst, ratio);
            if (ratio > 1)
                snprintf(row->skipped, sizeof(row->skipped),
                         "WRONG: sample %u output %u: got %g, wanted %g +- %g", i, c, got, expected[c],
                         bound[c]);
        }
    }
    free(values);
    return !row->skipped[0];
}

static void job_time(struct job *job, struct row *row, double warm_up)
{
    struct bench *bench = job->bench;
    double ns[GPU_MOST_BATCHES];
    uint32_t batches = bench->quick ? 3 : job->variant->kind == FRAGMENT ? 5 : 15;
    gpu_time(&bench->gpu, job_record, job, 1, 1, ns);
    uint32_t repeats = (uint32_t)fmin(job->variant->kind == FRAGMENT ? 2 : 20, fmax(1, 10e6 / ns[0]));
    for (double start = bench_now(); bench_now() - start < warm_up;)
        gpu_time(&bench->gpu, job_record, job, repeats, 1, ns);
    gpu_time(&bench->gpu, job_record, job, repeats, batches, ns);
    row->ns = bench_summarise(ns, batches);
}

// --- The table ---------------------------------------------------------------------------------------------------

static void print_row(const struct row *r)
{
    printf("%-30s ", r->name);
    if (r->skipped[0]) {
        printf("- %s\n", r->skipped);
        return;
    }
    printf("%8.4g %10.1f (%.1f .. %.1f)%s %5.2f %5.0f %5.0f %6zu %6u", r->evaluations / r->ns.median,
           r->ns.median * 1e-3, r->ns.minimum * 1e-3, r->ns.maximum * 1e-3,
           r->ns.maximum > 1.1 * r->ns.minimum ? " UNSTEADY" : "", r->worst, r->compile_ms, r->pipeline_ms,
           r->spirv_size, r->scratch_size);
    if (r->statistics.registers >= 0)
        printf(" %4lld %6lld", r->statistics.registers, r->statistics.local_bytes);
    printf("\n");
}

static void print_json(const struct bench *bench)
{
    printf("{\"bench\": \"mlp_samples\", ");
    bench_json_device(stdout, bench->gpu.context);
    printf(", \"samples\": %u, \"width\": %u, \"height\": %u, \"rows\": [", bench->count, bench->width,
           bench->height);
    for (uint32_t i = 0; i < bench->row_count; i++) {
        const struct row *r = &bench->rows[i];
        printf("%s\n  {\"variant\": \"%s\", ", i ? "," : "", r->name);
        if (r->skipped[0]) {
            printf("\"skipped\": ");
            bench_json_string(stdout, r->skipped);
            printf("}");
            continue;
        }
        printf("\"giga_evaluations_per_second\": %.5f, \"median_ns\": %.0f, \"minimum_ns\": %.0f, "
               "\"maximum_ns\": %.0f, \"worst_error_over_bound\": %.4f, \"compile_ms\": %.1f, "
               "\"pipeline_ms\": %.1f, \"spirv_bytes\": %zu, \"scratch_bytes\": %u, \"registers\": %lld, "
               "\"local_bytes\": %lld}",
               r->evaluations / r->ns.median, r->ns.median, r->ns.minimum, r->ns.maximum, r->worst,
               r->compile_ms, r->pipeline_ms, r->spirv_size, r->scratch_size, r->statistics.registers,
               r->statistics.local_bytes);
    }
    printf("\n]}\n");
}

// False when a row gave wrong numbers. All are compiled and checked first: a GPU that idles between rows runs them at
// the clock of an idle one.
static bool run(struct bench *bench)
{
    static struct job jobs[VARIANTS];
    bool right = true;
    for (int v = 0; v < VARIANTS; v++) {
        if (bench->only && !strstr(variants[v].name, bench->only))
            continue;
        struct row *row = &bench->rows[bench->row_count];
        struct job *job = &jobs[bench->row_count++];
        *row = (struct row){.name = variants[v].name};
        *job = (struct job){.bench = bench, .variant = &variants[v]};
        if (job_create(job, row))
            right = job_check(job, row) && right;
    }
    double warm_up = bench->quick ? 0 : 1;
    for (uint32_t r = 0; r < bench->row_count; r++) {
        if (!bench->rows[r].skipped[0])
            job_time(&jobs[r], &bench->rows[r], warm_up);
        warm_up = bench->quick ? 0 : 0.05;
    }
    for (uint32_t r = 0; r < bench->row_count; r++) {
        job_destroy(&jobs[r]);
        if (!bench->json)
            print_row(&bench->rows[r]);
    }
    return right;
}

static void create(struct bench *bench)
{
    static const uint32_t widths[] = {INPUTS, 64, 64, 64, OUTPUTS};
    for (uint32_t m = 0; m < MATERIALS; m++)
        mlp_network_create(&bench->networks[m], "32-64-64-64-16", LAYERS, widths, m);
    uint32_t pixels = bench->width * bench->height;
    uint32_t most = pixels > bench->count ? pixels : bench->count;
    bench->x = tensor(bench, F16, most, INPUTS);
    bench->y[0] = tensor(bench, F16, bench->count, OUTPUTS);
    bench->y[1] = tensor(bench, F32, bench->count, OUTPUTS);
    bench->pixels = tensor(bench, F16, pixels, 4);
    bench->counters = tensor(bench, SMELT_DTYPE_U32, 2, MATERIALS);
    bench->list = tensor(bench, SMELT_DTYPE_U32, bench->count, 0);
    uint16_t *x = malloc((size_t)most * INPUTS * 2);
    uint32_t *ids = malloc((size_t)bench->count * 4);
    bench_require(x && ids, "malloc");
    for (uint32_t i = 0; i < most; i++) {
        double input[INPUTS];
        mlp_input(i, 0, input);
        for (uint32_t k = 0; k < INPUTS; k++)
            x[(size_t)i * INPUTS + k] = smelt_f16_from_f32((float)input[k]);
    }
    BENCH_OK(smelt_tensor_write_and_wait(bench->x, NULL, x, (size_t)most * INPUTS * 2));
    for (int order = ALIKE; order <= RANDOM; order++) {
        bench->ids[order] = tensor(bench, SMELT_DTYPE_U32, bench->count, 0);
        for (uint32_t i = 0; i < bench->count; i++)
            ids[i] = material_of(bench, (enum order)order, i);
        BENCH_OK(smelt_tensor_write_and_wait(bench->ids[order], NULL, ids, (size_t)bench->count * 4));
    }
    free(ids);
    free(x);
}

static void destroy(struct bench *bench)
{
    smelt_tensor *const tensors[] = {&bench->x,      &bench->y[0],     &bench->y[1],
                                     &bench->pixels, &bench->ids[0],   &bench->ids[1],
                                     &bench->ids[2], &bench->counters, &bench->list};
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
        smelt_tensor_destroy(tensors[i]);
    for (int m = 0; m < MATERIALS; m++)
        mlp_network_destroy(&bench->networks[m]);
}

static bool parse(int argc, char **argv, struct bench *bench)
{
    bench->count = 1 << 22;
    bench->width = 1920;
    bench->height = 1080;
    for (int i = 1; i < argc; i++) {
        bool value = i + 1 < argc;
        if (!strcmp(argv[i], "--json")) {
            bench->json = true;
        } else if (!strcmp(argv[i], "--quick")) {
            bench->quick = true;
            bench->count = 1000;
            bench->width = 40;
            bench->height = 25;
        } else if (!strcmp(argv[i], "--device") && value) {
            bench->device = argv[++i];
        } else if (!strcmp(argv[i], "--only") && value) {
            bench->only = argv[++i];
        } else {
            return false;
        }
    }
    return true;
}

int bench_mlp_samples(int argc, char **argv)
{
    static struct bench bench;
    if (!parse(argc, argv, &bench)) {
        return bench_usage(argc, argv,
                           "usage: bench_mlp_samples [--json] [--quick] [--device NAME] [--only TEXT]\n"
                           "  --only TEXT  variants whose name contains TEXT\n");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    smelt_context context = bench_context(bench.device);
    gpu_create(&bench.gpu, context);
    bench.layout = gpu_layout(&bench.gpu);
    bench.vertex = gpu_triangle(&bench.gpu);
    gpu_target_create(&bench.gpu, &bench.target, VK_FORMAT_R16G16B16A16_SFLOAT, bench.width, bench.height, 0);
    create(&bench);
    if (!bench.json) {
        bench_print_device(stdout, context);
        printf("# 32-64-64-64-16, %u samples, fragments and pixels %ux%u\n"
               "# variant, Geval/s, us median (min .. max), error / bound, ms to compile, ms to make the "
               "pipeline, "
               "SPIR-V bytes, shared bytes, registers, local memory bytes\n",
               bench.count, bench.width, bench.height);
    }
    bool right = run(&bench);
    if (bench.json)
        print_json(&bench);
    destroy(&bench);
    gpu_target_destroy(&bench.gpu, &bench.target);
    smelt_shader_destroy(&bench.vertex);
    bench.gpu.vk.DestroyPipelineLayout(bench.gpu.handles.device, bench.layout, NULL);
    gpu_destroy(&bench.gpu);
    smelt_context_destroy(&context);
    return !right;
}
