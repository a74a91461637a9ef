// SPDX-License-Identifier: MIT
// graph.h: capture, replay, patches and listings of dispatches of the caller's pipelines, and what they refuse.
#include "encoder_rig.h"
#include "folder.h"

#include <smelt/graph.h>

#define N ENCODER_N

// Three steps in a chain: b = 2 a + a + 1; c = 3 b + a; d = c + b - 1.
struct chain {
    struct encoder_rig rig;
    smelt_encoder encoder;
    smelt_tensor a, b, c, d;
    smelt_graph graph;
};

static smelt_tensor named(smelt_context context, const char *name, uint64_t n, float value)
{
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F32, .rank = 1, .shape = {n}, .name = name};
    smelt_tensor tensor = NULL;
    float *data = malloc(n * sizeof(*data));
    CHECK(data);
    for (uint64_t i = 0; i < n; i++)
        data[i] = value;
    CHECK_OK(smelt_tensor_create(context, &params, &tensor));
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, n * sizeof(*data)));
    free(data);
    return tensor;
}

static void capture_chain(struct chain *chain, const struct smelt_graph_params *params)
{
    CHECK_OK(smelt_encoder_start_capture(chain->encoder));
    CHECK(smelt_encoder_is_capturing(chain->encoder));
    CHECK_OK(encoder_step(&chain->rig, chain->encoder, chain->a, chain->a, chain->b, 2, 1, "first"));
    CHECK_OK(encoder_step(&chain->rig, chain->encoder, chain->b, chain->a, chain->c, 3, 0, "second"));
    CHECK_OK(encoder_step(&chain->rig, chain->encoder, chain->c, chain->b, chain->d, 1, -1, "third"));
    CHECK_OK(smelt_encoder_take_capture(chain->encoder, params, &chain->graph));
    CHECK(!smelt_encoder_is_capturing(chain->encoder));
}

static struct chain make_chain(const struct smelt_graph_params *params, bool check)
{
    struct chain chain = {.rig = encoder_rig()};
    chain.encoder = encoder_create(chain.rig.context, SMELT_HAZARDS_TRACKED, check);
    chain.a = named(chain.rig.context, "a", N, 1);
    chain.b = named(chain.rig.context, "b", N, 0);
    chain.c = named(chain.rig.context, "c", N, 0);
    chain.d = named(chain.rig.context, "d", N, 0);
    capture_chain(&chain, params);
    return chain;
}

static void destroy_chain(struct chain *chain)
{
    smelt_graph_destroy(&chain->graph);
    smelt_encoder_destroy(&chain->encoder);
    smelt_tensor_destroy(&chain->a);
    smelt_tensor_destroy(&chain->b);
    smelt_tensor_destroy(&chain->c);
    smelt_tensor_destroy(&chain->d);
    encoder_rig_destroy(&chain->rig);
}

static float wanted(float a)
{
    float b = 2 * a + a + 1, c = 3 * b + a;
    return c + b - 1;
}

static void fill(smelt_tensor tensor, float value)
{
    float data[N];
    for (int i = 0; i < N; i++)
        data[i] = value;
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, sizeof(data)));
}

static void replay(struct chain *chain)
{
    CHECK_OK(smelt_encoder_replay(chain->encoder, chain->graph));
    CHECK_OK(smelt_encoder_commit_and_wait(chain->encoder));
}

static void a_graph_is_replayed_any_number_of_times(void)
{
    struct chain chain = make_chain(NULL, false);
    struct smelt_graph_counts counts;
    CHECK(encoder_element(chain.d, 0) == 0); // a capture runs nothing
    for (int i = 0; i < 5; i++) {
        fill(chain.a, (float)i);
        CHECK_OK(smelt_encoder_replay(chain.encoder, chain.graph));
        CHECK_OK(smelt_encoder_replay(chain.encoder, chain.graph)); // twice in one recording
        CHECK_OK(smelt_encoder_commit_and_wait(chain.encoder));
        CHECK(encoder_element(chain.d, N - 1) == wanted((float)i));
    }
    CHECK_OK(smelt_graph_count(chain.graph, &counts));
    CHECK(counts.dispatches == 3 && counts.barriers == 2 && counts.optimized_barriers == 2);
    CHECK(counts.recordings == 1 && counts.replays == 10);
    destroy_chain(&chain);
}

// In the checking mode the nodes are recorded one by one, so that the encoder's judge sees them.
static void the_judge_finds_no_hazard(void)
{
    struct chain chain = make_chain(NULL, true);
    CHECK_OK(encoder_step(&chain.rig, chain.encoder, chain.d, chain.a, chain.c, 1, 0, "before"));
    CHECK_OK(smelt_encoder_replay(chain.encoder, chain.graph));
    CHECK_OK(encoder_step(&chain.rig, chain.encoder, chain.d, chain.a, chain.b, 1, 0, "after"));
    CHECK_OK(smelt_encoder_check_hazards(chain.encoder));
    CHECK_OK(smelt_encoder_commit_and_wait(chain.encoder));
    CHECK(encoder_element(chain.b, 7) == wanted(1) + 1);
    destroy_chain(&chain);
}

static void work_around_a_replay_is_ordered(void)
{
    struct chain chain = make_chain(NULL, false);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(encoder_step(&chain.rig, chain.encoder, chain.a, chain.a, chain.b, 0, (float)i, "zero b"));
        CHECK_OK(encoder_step(&chain.rig, chain.encoder, chain.b, chain.b, chain.a, 0, 0, "a from b"));
        CHECK_OK(smelt_encoder_replay(chain.encoder, chain.graph));
        CHECK_OK(encoder_step(&chain.rig, chain.encoder, chain.d, chain.d, chain.a, 0, 0, "a from d"));
        CHECK_OK(smelt_encoder_commit_and_wait(chain.encoder));
    }
    struct smelt_encoder_counters counters = smelt_encoder_counters(chain.encoder);
    CHECK(counters.dispatches == 12 && counters.barriers >= 9);
    destroy_chain(&chain);
}

static void arguments_are_patched_by_name(void)
{
    struct chain chain = make_chain(NULL, false);
    smelt_context context = chain.rig.context;
    smelt_tensor other = named(context, "other", N, 5), result = named(context, "result", N, 0);
    struct smelt_graph_counts counts;
    float ten = 10, shift = 100;
    uint32_t half = 2;
    replay(&chain);
    CHECK_OK(smelt_graph_replace_tensor(chain.graph, "a", other));
    replay(&chain);
    CHECK(encoder_element(chain.d, 1) == wanted(5));
    CHECK_OK(smelt_graph_set_tensor(chain.graph, "third", "z", result));
    CHECK_OK(smelt_graph_set_bytes(chain.graph, "third", "scale", &ten, sizeof(ten)));
    CHECK_OK(smelt_graph_set_bytes(chain.graph, "third", "shift", &shift, sizeof(shift)));
    fill(chain.d, -3);
    replay(&chain);
    float b = 16, c = 3 * b + 5;
    CHECK(encoder_element(result, 9) == 10 * c + b + 100 && encoder_element(chain.d, 9) == -3);
    fill(result, 0);
    CHECK_OK(smelt_graph_set_groups(chain.graph, "third", half, 1, 1));
    replay(&chain);
    CHECK(encoder_element(result, 127) == 10 * c + b + 100 && encoder_element(result, 128) == 0);
    CHECK_OK(smelt_graph_count(chain.graph, &counts));
    CHECK(counts.recordings == 4 && counts.replays == 4);
    smelt_tensor_destroy(&result); // its successor may have the same handle
    result = named(context, "successor", N, 0);
    CHECK_OK(smelt_graph_set_tensor(chain.graph, "third", "z", result));
    CHECK_OK(smelt_graph_replace_tensor(chain.graph, "successor", chain.d));
    replay(&chain);
    CHECK(encoder_element(chain.d, 127) == 10 * c + b + 100);
    destroy_chain(&chain);
    smelt_tensor_destroy(&other);
    smelt_tensor_destroy(&result);
}

static void a_patch_that_does_not_fit_is_refused(void)
{
    struct chain chain = make_chain(NULL, false);
    smelt_context context = chain.rig.context;
    const uint64_t n = N;
    smelt_tensor shorter = named(context, "shorter", 8, 0),
                 half = rig_tensor(context, SMELT_DTYPE_F16, 1, &n, NULL);
    float value = 1;
    smelt_graph g = chain.graph;
    CHECK_FAILS(smelt_graph_set_tensor(g, "fourth", "z", chain.a), SMELT_ERROR_NOT_FOUND,
                "no node \"fourth\"; there are: \"first\", \"second\", \"third\"");
    CHECK_FAILS(smelt_graph_set_tensor(g, "third", "w", chain.a), SMELT_ERROR_NOT_FOUND, "\"w\"");
    CHECK_FAILS(smelt_graph_set_tensor(g, "third", "z", shorter), SMELT_ERROR_SHAPE,
                "is 'd' f32[256], got 'shorter' f32[8]");
    CHECK_FAILS(smelt_graph_set_tensor(g, "third", "z", half), SMELT_ERROR_DTYPE, "is 'd' f32[256], got");
    CHECK_FAILS(smelt_graph_set_tensor(g, "third", "z", NULL), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
    CHECK_FAILS(smelt_graph_set_tensor(g, "third", "scale", chain.a), SMELT_ERROR_INVALID_ARGUMENT,
                "a constant");
    CHECK_FAILS(smelt_graph_set_tensor(g, NULL, "z", chain.a), SMELT_ERROR_INVALID_ARGUMENT, "node is NULL");
    CHECK_FAILS(smelt_graph_set_tensor(g, "third", NULL, chain.a), SMELT_ERROR_INVALID_ARGUMENT,
                "argument is NULL");
    CHECK_FAILS(smelt_graph_set_tensor(NULL, "third", "z", chain.a), SMELT_ERROR_INVALID_ARGUMENT,
                "graph is NULL");
    CHECK_FAILS(smelt_graph_replace_tensor(g, "e", chain.a), SMELT_ERROR_NOT_FOUND, "\"e\"");
    CHECK_FAILS(smelt_graph_replace_tensor(g, "a", shorter), SMELT_ERROR_SHAPE, "'shorter'");
    CHECK_FAILS(smelt_graph_set_bytes(g, "third", "scale", &value, 3), SMELT_ERROR_SHAPE, "4 bytes, got 3");
    CHECK_FAILS(smelt_graph_set_bytes(g, "third", "scale", NULL, 4), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
    CHECK_FAILS(smelt_graph_set_bytes(g, "third", "x", &value, 4), SMELT_ERROR_INVALID_ARGUMENT, "a tensor");
    CHECK_FAILS(smelt_graph_set_groups(g, "third", 0, 1, 1), SMELT_ERROR_INVALID_ARGUMENT, "0 x 1 x 1");
    struct smelt_buffer_range range = {0};
    CHECK_FAILS(smelt_graph_set_buffer(g, "third", "x", &range), SMELT_ERROR_INVALID_ARGUMENT,
                "not set with a buffer");
    replay(&chain); // as before
    CHECK(encoder_element(chain.d, 5) == wanted(1));
    destroy_chain(&chain);
    smelt_tensor_destroy(&shorter);
    smelt_tensor_destroy(&half);
}

static void nodes_of_one_label_are_counted(void)
{
    struct chain chain = make_chain(NULL, false);
    smelt_graph_destroy(&chain.graph);
    CHECK_OK(smelt_encoder_start_capture(chain.encoder));
    for (int i = 0; i < 3; i++)
        CHECK_OK(encoder_step(&chain.rig, chain.encoder, chain.a, chain.a,
                              i == 0   ? chain.b
                              : i == 1 ? chain.c
                                       : chain.d,
                              1, 0, "same"));
    CHECK_OK(smelt_encoder_take_capture(chain.encoder, NULL, &chain.graph));
    float seven = 7;
    CHECK_FAILS(smelt_graph_set_bytes(chain.graph, "same", "shift", &seven, 4), SMELT_ERROR_INVALID_ARGUMENT,
                "3 nodes have the label \"same\", wanted \"same#0\" to \"same#2\"");
    CHECK_FAILS(smelt_graph_set_bytes(chain.graph, "same#3", "shift", &seven, 4), SMELT_ERROR_NOT_FOUND,
                "same#3");
    CHECK_OK(smelt_graph_set_bytes(chain.graph, "same#1", "shift", &seven, 4));
    replay(&chain);
    CHECK(encoder_element(chain.b, 0) == 2 && encoder_element(chain.c, 0) == 9 &&
          encoder_element(chain.d, 0) == 2);
    struct smelt_graph_counts counts;
    CHECK_OK(smelt_graph_count(chain.graph, &counts));
    CHECK(counts.barriers == 0);
    destroy_chain(&chain);
}

static void captures_are_taken_once(void)
{
    struct chain chain = make_chain(NULL, false);
    smelt_graph graph = NULL;
    CHECK_FAILS(smelt_encoder_take_capture(chain.encoder, NULL, &graph), SMELT_ERROR_INVALID_ARGUMENT,
                "captures nothing");
    CHECK_OK(smelt_encoder_start_capture(chain.encoder));
    CHECK_FAILS(smelt_encoder_start_capture(chain.encoder), SMELT_ERROR_INVALID_ARGUMENT, "captures already");
    CHECK_FAILS(smelt_encoder_take_capture(chain.encoder, NULL, NULL), SMELT_ERROR_INVALID_ARGUMENT,
                "graph is NULL");
    struct smelt_graph_params params = {.versions = 17};
    CHECK_FAILS(smelt_encoder_take_capture(chain.encoder, &params, &graph), SMELT_ERROR_INVALID_ARGUMENT,
                "17 versions");
    smelt_tensor none = NULL;
    params = (struct smelt_graph_params){.outputs = &none, .output_count = 1};
    CHECK_FAILS(smelt_encoder_take_capture(chain.encoder, &params, &graph), SMELT_ERROR_INVALID_ARGUMENT,
                "output 0 is NULL");
    CHECK_OK(smelt_encoder_take_capture(chain.encoder, NULL, &graph)); // an empty one
    CHECK_OK(smelt_encoder_replay(chain.encoder, graph));
    CHECK_OK(smelt_encoder_commit_and_wait(chain.encoder));
    smelt_graph_destroy(&graph);
    CHECK_FAILS(smelt_encoder_replay(chain.encoder, NULL), SMELT_ERROR_INVALID_ARGUMENT, "the graph is NULL");
    CHECK(!smelt_encoder_is_capturing(NULL));
    CHECK_OK(smelt_encoder_start_capture(chain.encoder)); // dropped with the encoder
    CHECK_OK(encoder_step(&chain.rig, chain.encoder, chain.a, chain.a, chain.b, 2, 1, "first"));
    destroy_chain(&chain);
}

// c is nobody's; d is the output of the first two steps only when nothing needs the third.
static void dead_nodes_are_left_out(void)
{
    struct chain chain = make_chain(NULL, false);
    smelt_tensor outputs[1] = {chain.c};
    struct smelt_graph_params params = {.outputs = outputs, .output_count = 1};
    struct smelt_graph_counts counts;
    smelt_graph_destroy(&chain.graph);
    capture_chain(&chain, &params);
    CHECK_OK(smelt_graph_count(chain.graph, &counts));
    CHECK(counts.dead == 1 && counts.optimized_dispatches == 2);
    replay(&chain);
    CHECK(encoder_element(chain.c, 0) == 13 && encoder_element(chain.d, 0) == 0);
    smelt_graph_destroy(&chain.graph);
    params.no_dead_nodes = true;
    capture_chain(&chain, &params);
    CHECK_OK(smelt_graph_count(chain.graph, &counts));
    CHECK(counts.dead == 0 && counts.optimized_dispatches == 3);
    smelt_graph_destroy(&chain.graph);
    params.no_dead_nodes = false;
    CHECK(setenv("SMELT_GRAPH_DEAD_NODES", "0", 1) == 0);
    capture_chain(&chain, &params);
    CHECK(unsetenv("SMELT_GRAPH_DEAD_NODES") == 0);
    CHECK_OK(smelt_graph_count(chain.graph, &counts));
    CHECK(counts.dead == 0);
    destroy_chain(&chain);
}

static void graphs_are_described_and_saved(void)
{
    struct chain chain = make_chain(NULL, false);
    char *text = NULL, *again = NULL;
    const char *path = folder_file("graph.json");
    CHECK_OK(smelt_graph_describe(chain.graph, SMELT_GRAPH_TEXT, true, &text));
    CHECK(strstr(text, "graph \"graph\": 3 dispatches, 2 barriers"));
    CHECK(strstr(text, "other          \"second\"  reads b f32[256], a f32[256]  writes c f32[256]"));
    CHECK_OK(smelt_graph_save(chain.graph, path));
    CHECK_OK(smelt_graph_describe_file(NULL, path, SMELT_GRAPH_TEXT, true, &again));
    CHECK(!strcmp(text, again));
    smelt_free_text(&again);
    smelt_free_text(&text);
    CHECK_OK(smelt_graph_describe(chain.graph, SMELT_GRAPH_DOT, false, &text));
    CHECK_OK(smelt_graph_describe_file(chain.rig.context, path, SMELT_GRAPH_DOT, false, &again));
    CHECK(!strcmp(text, again) && strstr(text, "n0 -> n1 [label=\"b\"];") && strstr(text, "cluster_2"));
    smelt_free_text(&again);
    smelt_free_text(&text);
    CHECK_FAILS(smelt_graph_describe(chain.graph, (enum smelt_graph_form)2, true, &text),
                SMELT_ERROR_INVALID_ARGUMENT, "form is 2");
    CHECK_FAILS(smelt_graph_save(chain.graph, "/nowhere/graph.json"), SMELT_ERROR_IO, "/nowhere");
    destroy_chain(&chain);
}

// y[i] = gain[0] + table[0]: `gain` by an address of a buffer, `table` of inline bytes.
static const char *const address_source =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n"
    "#define SMELT_TENSOR result\n"
    "#define SMELT_DTYPE SMELT_DTYPE_F32\n"
    "#define SMELT_RANK 1\n"
    "#define SMELT_ACCESS SMELT_ACCESS_WRITE\n"
    "#define SMELT_EXTENT0 0\n"
    "#include \"smelt/tensor_tmpl.glsl\"\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer values { float e[]; };\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer sum_block {\n"
    "    result_f32_1_w_0 y; values gain; values table; };\n"
    "layout(push_constant, scalar) uniform push { sum_block block; };\n"
    "layout(local_size_x = 64) in;\n"
    "void main()\n"
    "{\n"
    "    smelt_store(block.y, gl_GlobalInvocationID.x, block.gain.e[0] + block.table.e[0]);\n"
    "}\n";

static void places_in_buffers_and_inline_bytes_are_patched(void)
{
    smelt_context context = rig_context();
    smelt_shader shader = rig_shader(context, "address.comp", address_source, VK_SHADER_STAGE_COMPUTE_BIT);
    smelt_pipeline pipeline = NULL;
    const struct smelt_pipeline_params params = {.shader = shader, .name = "sum"};
    CHECK_OK(smelt_pipeline_create(context, &params, &pipeline));
    const float gains[4] = {1, 2, 4, 8};
    const uint64_t four = 4;
    float table[2] = {10, 0}, hundred[2] = {100, 0};
    smelt_tensor gain = rig_tensor(context, SMELT_DTYPE_F32, 1, &four, gains), y = named(context, "y", 64, 0);
    const struct smelt_tensor_info *info = smelt_tensor_info(gain);
    struct smelt_buffer_range range = {info->buffer, info->buffer_offset, 4, SMELT_ACCESS_READ};
    smelt_encoder encoder = encoder_create(context, SMELT_HAZARDS_TRACKED, false);
    smelt_graph graph = NULL;
    CHECK_OK(smelt_encoder_start_capture(encoder));
    CHECK_OK(smelt_encoder_set_pipeline(encoder, pipeline));
    CHECK_OK(smelt_encoder_set_tensor(encoder, "y", y));
    CHECK_OK(smelt_encoder_set_buffer(encoder, "gain", &range));
    CHECK_OK(smelt_encoder_set_bytes(encoder, "table", table, sizeof(table)));
    CHECK_OK(smelt_encoder_dispatch_groups(encoder, 1, 1, 1));
    CHECK_OK(smelt_encoder_take_capture(encoder, NULL, &graph));
    const float wanted[3] = {11, 14, 108};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(smelt_encoder_replay(encoder, graph));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
        CHECK(encoder_element(y, 63) == wanted[i]);
        range.offset = info->buffer_offset + (i ? 12 : 8);
        CHECK_OK(smelt_graph_set_buffer(graph, "sum", "gain", &range));
        if (i)
            CHECK_OK(smelt_graph_set_bytes(graph, "sum", "table", hundred, sizeof(hundred)));
    }
    CHECK_FAILS(smelt_graph_set_bytes(graph, "sum", "table", hundred, 4), SMELT_ERROR_SHAPE,
                "8 bytes, got 4");
    CHECK_FAILS(smelt_graph_set_bytes(graph, "sum", "gain", hundred, 8), SMELT_ERROR_INVALID_ARGUMENT,
                "not set with bytes");
    range.size = 0;
    CHECK_FAILS(smelt_graph_set_buffer(graph, "sum", "gain", &range), SMELT_ERROR_INVALID_ARGUMENT,
                "size is 0");
    smelt_graph_destroy(&graph);
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&gain);
    smelt_tensor_destroy(&y);
    smelt_pipeline_destroy(&pipeline);
    smelt_shader_destroy(&shader);
}

// In a manual encoder explicit barriers are all there is; with tags on all nodes, ranges replace them.
static void explicit_barriers_are_kept_or_replaced(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_encoder encoder = encoder_create(rig.context, SMELT_HAZARDS_MANUAL, false);
    smelt_tensor a = named(rig.context, "a", N, 1), b = named(rig.context, "b", N, 0),
                 c = named(rig.context, "c", N, 0);
    for (int tagged = 0; tagged < 2; tagged++) {
        for (int minimized = 0; minimized < 2; minimized++) {
            const struct smelt_graph_params params = {.no_barrier_minimization = !minimized};
            struct smelt_graph_counts counts;
            smelt_graph graph = NULL;
            CHECK_OK(smelt_encoder_start_capture(encoder));
            CHECK_OK(encoder_step(&rig, encoder, a, a, b, 2, 0, "b")); // 3
            CHECK_OK(smelt_encoder_barrier(encoder, NULL));
            CHECK_OK(smelt_encoder_barrier(encoder, NULL)); // one too many
            if (tagged) {
                CHECK_OK(encoder_step(&rig, encoder, b, a, c, 2, 0, "c"));
            } else { // the arguments are as they were set
                CHECK_OK(smelt_encoder_set_tensor_at(encoder, rig.x, b));
                CHECK_OK(smelt_encoder_set_tensor_at(encoder, rig.z, c));
                CHECK_OK(smelt_encoder_dispatch_threads(encoder, N, 1, 1)); // 7
            }
            CHECK_OK(smelt_encoder_barrier_between(encoder, &c, 1, NULL, 0));
            CHECK_OK(encoder_step(&rig, encoder, c, b, b, 1, 0, "last"));
            CHECK_OK(smelt_encoder_take_capture(encoder, &params, &graph));
            CHECK_OK(smelt_graph_count(graph, &counts));
            CHECK(counts.optimized_barriers == 2 && counts.barriers == 2);
            CHECK_OK(smelt_encoder_replay(encoder, graph));
            CHECK_OK(smelt_encoder_commit_and_wait(encoder));
            CHECK(encoder_element(c, 5) == 7 && encoder_element(b, 5) == 10);
            smelt_graph_destroy(&graph);
        }
    }
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&a);
    smelt_tensor_destroy(&b);
    smelt_tensor_destroy(&c);
    encoder_rig_destroy(&rig);
}

static const struct test tests[] = {
    {"places in buffers and inline bytes are patched", places_in_buffers_and_inline_bytes_are_patched},
    {"explicit barriers are kept or replaced", explicit_barriers_are_kept_or_replaced},
    {"a graph is replayed any number of times", a_graph_is_replayed_any_number_of_times},
    {"the judge finds no hazard", the_judge_finds_no_hazard},
    {"work around a replay is ordered", work_around_a_replay_is_ordered},
    {"arguments are patched by name", arguments_are_patched_by_name},
    {"a patch that does not fit is refused", a_patch_that_does_not_fit_is_refused},
    {"nodes of one label are counted", nodes_of_one_label_are_counted},
    {"captures are taken once", captures_are_taken_once},
    {"dead nodes are left out", dead_nodes_are_left_out},
    {"graphs are described and saved", graphs_are_described_and_saved},
};

TEST_MAIN(tests)
