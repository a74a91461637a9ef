// SPDX-License-Identifier: MIT
// A captured graph of 800 small kernels with the dependencies of 24 transformer layers: what recording it costs the host,
// what replaying it does, and its time on the device with every pass, as captured, and with a barrier after each dispatch.
//
// Target: a replay under 2 % of recording.
#include "bench.h"
#include "scenarios.h"
#include "../tests/vectors.h"

enum { LAYERS = 24, HEADS = 8, REPEATS = 21, N = 4096 };

static const char *const source = VECTORS_GLSL
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer node_block {\n"
    "    source_f32_1_r_0 x; source_f32_1_r_0 y; source_f32_1_r_0 w; result_f32_1_w_0 z; };\n"
    "layout(push_constant, scalar) uniform push { node_block block; };\n"
    "layout(local_size_x = 64) in;\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_GlobalInvocationID.x;\n"
    "    smelt_store(block.z, i, fma(smelt_load(block.x, i), smelt_load(block.w, i), smelt_load(block.y, "
    "i)));\n"
    "}\n";

struct network {
    smelt_context context;
    smelt_shader shader;
    smelt_pipeline pipeline;
    smelt_tensor weight, stream, next, norm, wide, q[HEADS], k[HEADS], v[HEADS];
};

static smelt_tensor make(struct network *n)
{
    const struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F32, .rank = 1, .shape = {N}};
    smelt_tensor tensor = NULL;
    BENCH_OK(smelt_tensor_create(n->context, &params, &tensor));
    return tensor;
}

static void create(struct network *n, const char *device)
{
    n->context = bench_context(device);
    const struct smelt_shader_params shader = {
        .path = "node.comp", .source = source, .stage = VK_SHADER_STAGE_COMPUTE_BIT};
    BENCH_OK(smelt_shader_create(n->context, &shader, &n->shader));
    const struct smelt_pipeline_params pipeline = {.shader = n->shader, .name = "node"};
    BENCH_OK(smelt_pipeline_create(n->context, &pipeline, &n->pipeline));
    smelt_tensor *single[] = {&n->weight, &n->stream, &n->next, &n->norm, &n->wide};
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        *single[i] = make(n);
    for (int h = 0; h < HEADS; h++) {
        n->q[h] = make(n);
        n->k[h] = make(n);
        n->v[h] = make(n);
    }
}

static void destroy(struct network *n)
{
    smelt_tensor *single[] = {&n->weight, &n->stream, &n->next, &n->norm, &n->wide};
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        smelt_tensor_destroy(single[i]);
    for (int h = 0; h < HEADS; h++) {
        smelt_tensor_destroy(&n->q[h]);
        smelt_tensor_destroy(&n->k[h]);
        smelt_tensor_destroy(&n->v[h]);
    }
    smelt_pipeline_destroy(&n->pipeline);
    smelt_shader_destroy(&n->shader);
    smelt_context_destroy(&n->context);
}

static void node(const struct network *n, smelt_encoder encoder, smelt_tensor x, smelt_tensor y,
                 smelt_tensor z)
{
    const struct smelt_argument arguments[] = {{.argument = 0, .tensor = x},
                                               {.argument = 1, .tensor = y},
                                               {.argument = 2, .tensor = n->weight},
                                               {.argument = 3, .tensor = z}};
    const struct smelt_encode_params params = {.pipeline = n->pipeline,
                                               .arguments = arguments,
                                               .argument_count = 4,
                                               .size = {N / 64},
                                               .operation = SMELT_OPERATION_OTHER};
    BENCH_OK(smelt_encoder_encode(encoder, &params));
}

// A norm, heads one after the other as a program would call them, their sum, and two layers of a perceptron.
static void step(const struct network *n, smelt_encoder encoder)
{
    for (int layer = 0; layer < LAYERS; layer++) {
        node(n, encoder, n->stream, n->stream, n->norm);
        for (int h = 0; h < HEADS; h++) {
            node(n, encoder, n->norm, n->norm, n->q[h]);
            node(n, encoder, n->norm, n->norm, n->k[h]);
            node(n, encoder, n->norm, n->norm, n->v[h]);
            node(n, encoder, n->q[h], n->k[h], n->q[h]);
        }
        node(n, encoder, n->q[0], n->v[0], n->next);
        node(n, encoder, n->next, n->stream, n->wide);
        node(n, encoder, n->wide, n->stream, n->next);
        node(n, encoder, n->next, n->wide, n->stream);
    }
}

static void wait(smelt_encoder encoder)
{
    BENCH_OK(smelt_encoder_commit_and_wait(encoder));
}

static double device_time(smelt_encoder encoder)
{
    uint64_t begin = 0, end = 0;
    return smelt_encoder_gpu_time(encoder, &begin, &end) ? 0 : (double)(end - begin) * 1e-9;
}

struct times {
    double host[REPEATS], device[REPEATS];
};

static void measure(const struct network *n, smelt_encoder encoder, smelt_graph graph, int repeats,
                    struct times *times)
{
    for (int i = -2; i < repeats; i++) {
        BENCH_OK(smelt_encoder_begin(encoder, NULL));
        double begin = bench_now();
        if (graph)
            BENCH_OK(smelt_encoder_replay(encoder, graph));
        else
            step(n, encoder);
        double host = bench_now() - begin;
        wait(encoder);
        if (i >= 0) {
            times->host[i] = host;
            times->device[i] = device_time(encoder);
        }
    }
}

static smelt_encoder encoder_of(const struct network *n, enum smelt_hazard_mode hazards)
{
    const struct smelt_encoder_params params = {.hazards = hazards};
    smelt_encoder encoder = NULL;
    BENCH_OK(smelt_encoder_create(n->context, &params, &encoder));
    return encoder;
}

static smelt_graph capture(const struct network *n, smelt_encoder encoder, bool plain)
{
    const struct smelt_graph_params params = {
        .no_barrier_minimization = plain, .no_reordering = plain, .no_fusion = plain};
    smelt_graph graph = NULL;
    BENCH_OK(smelt_encoder_start_capture(encoder));
    step(n, encoder);
    BENCH_OK(smelt_encoder_take_capture(encoder, &params, &graph));
    return graph;
}

struct row {
    const char *name;
    struct bench_summary host, device;
    uint32_t dispatches, barriers;
};

static void print(const struct row *rows, int count, bool json, const struct smelt_capabilities *c)
{
    if (json)
        printf("{\"device\": \"%s\", \"driver\": \"%s\", \"rows\": [", c->device_name, c->driver_name);
    else
        printf("%s, %s\n%-28s %12s %8s %14s %10s %8s\n", c->device_name, c->driver_name, "", "host us",
               "ratio", "device us", "dispatches", "barriers");
    for (int i = 0; i < count; i++) {
        double ratio = rows[i].host.median / rows[0].host.median;
        if (json)
            printf("%s{\"name\": \"%s\", \"host_us\": %.3f, \"ratio\": %.5f, \"device_us\": %.2f, "
                   "\"dispatches\": %u, \"barriers\": %u}",
                   i ? ", " : "", rows[i].name, 1e6 * rows[i].host.median, ratio, 1e6 * rows[i].device.median,
                   rows[i].dispatches, rows[i].barriers);
        else
            printf("%-28s %12.2f %8.4f %14.1f %10u %8u\n", rows[i].name, 1e6 * rows[i].host.median, ratio,
                   1e6 * rows[i].device.median, rows[i].dispatches, rows[i].barriers);
    }
    puts(json ? "]}" : "");
}

static struct row summarise(const char *name, struct times *times, int repeats, uint32_t dispatches,
                            uint32_t barriers)
{
    return (struct row){name, bench_summarise(times->host, (size_t)repeats),
                        bench_summarise(times->device, (size_t)repeats), dispatches, barriers};
}

int bench_graph(int argc, char **argv)
{
    struct bench_options options;
    if (!bench_parse(argc, argv, 0, &options)) {
        return bench_usage(argc, argv, "usage: bench_graph [--device NAME] [--quick] [--json]\n");
    }
    struct network n;
    struct times times;
    struct row rows[4];
    int repeats = options.quick ? 3 : REPEATS;
    create(&n, options.device);
    smelt_encoder tracked = encoder_of(&n, SMELT_HAZARDS_TRACKED),
                  serial = encoder_of(&n, SMELT_HAZARDS_SERIAL);
    smelt_graph best = capture(&n, tracked, false), plain = capture(&n, tracked, true);
    struct smelt_graph_counts counts;
    BENCH_OK(smelt_graph_count(best, &counts));
    measure(&n, tracked, NULL, repeats, &times);
    rows[0] = summarise("recorded, tracked", &times, repeats, counts.dispatches, counts.barriers);
    measure(&n, tracked, plain, repeats, &times);
    rows[1] = summarise("replayed as captured", &times, repeats, counts.dispatches, counts.barriers);
    measure(&n, tracked, best, repeats, &times);
    rows[2] = summarise("replayed, all passes", &times, repeats, counts.optimized_dispatches,
                        counts.optimized_barriers);
    measure(&n, serial, NULL, repeats, &times);
    rows[3] = summarise("recorded, serial", &times, repeats, counts.dispatches, counts.dispatches - 1);
    print(rows, 4, options.json, smelt_context_capabilities(n.context));
    smelt_graph_destroy(&best);
    smelt_graph_destroy(&plain);
    smelt_encoder_destroy(&tracked);
    smelt_encoder_destroy(&serial);
    destroy(&n);
    return 0;
}
