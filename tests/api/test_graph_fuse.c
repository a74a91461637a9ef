// SPDX-License-Identifier: MIT
// Fusion in graphs: each pattern against the unfused calls, what must not be fused, patches of what was fused, and random
// graphs of library calls against serial execution.
//
// SMELT_TEST_GRAPHS: how many random graphs (8), SMELT_TEST_SEED: of the first one.
#include "folder.h"
#include "graph_rig.h"

// --- Comparing --------------------------------------------------------------------------------------------

typedef void (*program_fn)(struct fuse *fuse, uint32_t seed);

static void read_all(struct fuse *fuse, float (*data)[ROWS * COLUMNS])
{
    for (uint32_t i = 0; i < POOL; i++)
        CHECK_OK(smelt_tensor_read_and_wait(fuse->t[i], NULL, data[i], sizeof(data[i])));
}

static void run_live(struct fuse *fuse, program_fn program, uint32_t seed, float (*data)[ROWS * COLUMNS])
{
    fuse_reset(fuse);
    program(fuse, seed);
    CHECK_OK(smelt_encoder_commit_and_wait(fuse->encoder));
    read_all(fuse, data);
}

static smelt_graph capture(struct fuse *fuse, program_fn program, uint32_t seed,
                           const struct smelt_graph_params *params)
{
    smelt_graph graph = NULL;
    CHECK_OK(smelt_encoder_start_capture(fuse->encoder));
    program(fuse, seed);
    CHECK_OK(smelt_encoder_take_capture(fuse->encoder, params, &graph));
    return graph;
}

// Whether the live tensors (a mask) are what they are without a graph, to the bit or nearly.
static void compare(struct fuse *fuse, program_fn program, uint32_t seed,
                    const struct smelt_graph_params *params, uint32_t live, bool exact,
                    struct smelt_graph_counts *counts)
{
    static float wanted[POOL][ROWS * COLUMNS], got[POOL][ROWS * COLUMNS];
    run_live(fuse, program, seed, wanted);
    smelt_graph graph = capture(fuse, program, seed, params);
    for (int round = 0; round < 2; round++) {
        fuse_reset(fuse);
        CHECK_OK(smelt_encoder_replay(fuse->encoder, graph));
        CHECK_OK(smelt_encoder_commit_and_wait(fuse->encoder));
        read_all(fuse, got);
        for (uint32_t t = 0; t < POOL; t++)
            for (uint32_t i = 0; i < ROWS * COLUMNS && live >> t & 1; i++) {
                double tolerance = exact ? 0 : 1e-4 * (1 + fabs((double)wanted[t][i]));
                if (fabs((double)wanted[t][i] - (double)got[t][i]) <= tolerance)
                    continue;
                char *text = NULL;
                CHECK_OK(smelt_graph_describe(graph, SMELT_GRAPH_TEXT, true, &text));
                printf("    seed %u: t%u[%u] is %.9g, wanted %.9g\n%s", seed, t, i, (double)got[t][i],
                       (double)wanted[t][i], text);
                smelt_free_text(&text);
                CHECK(false);
            }
    }
    CHECK_OK(smelt_graph_count(graph, counts));
    smelt_graph_destroy(&graph);
}

// With one output, t7.
static struct smelt_graph_counts fused(struct fuse *fuse, program_fn program)
{
    struct smelt_graph_params params = {.outputs = &fuse->t[7], .output_count = 1};
    struct smelt_graph_counts counts;
    compare(fuse, program, 0, &params, 1u << 7, false, &counts);
    return counts;
}

// --- Patterns ---------------------------------------------------------------------------------------------

static void chain_program(struct fuse *f, uint32_t seed)
{
    (void)seed;
    CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, f->t[0], f->t[1], f->t[2]));
    CHECK_OK(activate(f, SMELT_ACTIVATION_SILU, f->t[2], f->t[3]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_MULTIPLY, f->t[3], f->t[3], f->t[4])); // one operand twice
    CHECK_OK(two(f, SMELT_ELEMENTWISE_SUBTRACT, f->t[4], f->row, f->t[4]));  // in place, broadcast
    CHECK_OK(scaled(f, f->t[4], 0.5f, f->t[5]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_MAXIMUM, f->t[0], f->t[5], f->t[7]));
}

static void chains_become_one_kernel(void)
{
    struct fuse fuse = fuse_create();
    struct smelt_graph_counts counts = fused(&fuse, chain_program);
    CHECK(counts.dispatches == 6 && counts.fused == 5 && counts.optimized_dispatches == 1);
    CHECK(counts.barriers == 5 && counts.optimized_barriers == 0);
    fuse_destroy(&fuse);
}

static void norm_program(struct fuse *f, uint32_t seed)
{
    (void)seed;
    CHECK_OK(rms_norm(f, f->t[0], f->t[1]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_MULTIPLY, f->row, f->t[1], f->t[2]));
    CHECK_OK(layer_norm(f, f->t[2], f->t[3]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_MULTIPLY, f->t[3], f->row, f->t[4]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, f->t[4], f->row, f->t[7]));
}

static void norms_take_their_scale(void)
{
    struct fuse fuse = fuse_create();
    struct smelt_graph_counts counts = fused(&fuse, norm_program);
    CHECK(counts.fused == 3 && counts.optimized_dispatches == 2);
    fuse_destroy(&fuse);
}

// A residual stream in place, which is read again; and a sum apart.
static void sum_program(struct fuse *f, uint32_t seed)
{
    smelt_tensor stream = f->t[seed ? 2 : 0];
    CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, f->t[0], f->t[1], stream));
    CHECK_OK(rms_norm(f, stream, f->t[3]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_MULTIPLY, f->t[3], f->row, f->t[4]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, stream, f->t[4], f->t[5]));
    CHECK_OK(layer_norm(f, f->t[5], f->t[7]));
}

static void norms_take_the_sum_before(void)
{
    struct fuse fuse = fuse_create();
    smelt_tensor outputs[2] = {fuse.t[7], fuse.t[5]}, longer[2];
    struct smelt_graph_params params = {.outputs = outputs, .output_count = 2};
    struct smelt_graph_counts counts;
    for (uint32_t seed = 0; seed < 2; seed++) {
        compare(&fuse, sum_program, seed, &params, 1u << 7 | 1u << 5, false, &counts);
        CHECK(counts.fused == 3 && counts.optimized_dispatches == 2);
    }
    struct smelt_rms_norm_params bad = {.x = fuse.t[0], .y = fuse.t[1], .axis = 1, .sum = fuse.t[2]};
    CHECK_FAILS(smelt_encode_rms_norm(fuse.encoder, &bad), SMELT_ERROR_INVALID_ARGUMENT,
                "without a residual");
    bad.residual = fuse.row;
    CHECK_FAILS(smelt_encode_rms_norm(fuse.encoder, &bad), SMELT_ERROR_SHAPE, "residual 'row'");
    bad.residual = fuse.t[3], bad.sum = fuse.t[1];
    CHECK_FAILS(smelt_encode_rms_norm(fuse.encoder, &bad), SMELT_ERROR_INVALID_ARGUMENT,
                "shares bytes with sum");
    bad.sum = NULL, bad.baked = true;
    CHECK_FAILS(smelt_encode_rms_norm(fuse.encoder, &bad), SMELT_ERROR_UNSUPPORTED, "not baked");
    longer[0] = make(fuse.context, 2, 1, 1 << 17, "longer");
    longer[1] = make(fuse.context, 2, 1, 1 << 17, "result");
    bad = (struct smelt_rms_norm_params){
        .x = longer[0], .residual = longer[0], .sum = longer[0], .y = longer[1], .axis = 1};
    CHECK_FAILS(smelt_encode_rms_norm(fuse.encoder, &bad), SMELT_ERROR_INVALID_ARGUMENT,
                "longer than a workgroup");
    smelt_tensor_destroy(&longer[0]);
    smelt_tensor_destroy(&longer[1]);
    fuse_destroy(&fuse);
}

static void matmul_program(struct fuse *f, uint32_t seed)
{
    (void)seed;
    CHECK_OK(matmul(f, f->t[0], f->t[1]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, f->t[1], f->row, f->t[2]));
    CHECK_OK(activate(f, SMELT_ACTIVATION_GELU, f->t[2], f->t[3]));
    CHECK_OK(matmul(f, f->t[3], f->t[4]));
    CHECK_OK(activate(f, SMELT_ACTIVATION_RELU, f->t[4], f->t[4]));
    CHECK_OK(scaled(f, f->t[4], 3, f->t[7]));
}

static void products_take_bias_and_activation(void)
{
    struct fuse fuse = fuse_create();
    struct smelt_graph_counts counts = fused(&fuse, matmul_program);
    CHECK(counts.fused == 3 && counts.optimized_dispatches == 3);
    fuse_destroy(&fuse);
}

// A residual beside bias and activation, and one in place.
static void residual_program(struct fuse *f, uint32_t seed)
{
    (void)seed;
    CHECK_OK(matmul(f, f->t[0], f->t[1]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, f->t[1], f->row, f->t[1]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, f->t[5], f->t[1], f->t[2]));
    CHECK_OK(activate(f, SMELT_ACTIVATION_RELU, f->t[2], f->t[3]));
    CHECK_OK(matmul(f, f->t[3], f->t[4]));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, f->t[7], f->t[4], f->t[7]));
}

static void products_take_a_residual(void)
{
    struct fuse fuse = fuse_create();
    struct smelt_graph_counts counts = fused(&fuse, residual_program);
    CHECK(counts.fused == 4 && counts.optimized_dispatches == 2);
    fuse_destroy(&fuse);
}

static smelt_tensor half(smelt_context context, uint32_t rank, uint64_t batch, uint64_t rows,
                         uint64_t columns, uint32_t seed)
{
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F16, .rank = rank};
    const uint64_t shape[3] = {batch, rows, columns};
    memcpy(params.shape, shape + 3 - rank, rank * sizeof(*shape));
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(context, &params, &tensor));
    uint16_t data[2 * 40 * 72];
    uint32_t state = seed * 77 + 5;
    for (uint64_t i = 0; i < batch * rows * columns; i++)
        data[i] = smelt_f16_from_f32((float)(next(&state) % 17) / 8 - 1);
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, 2 * batch * rows * columns));
    return tensor;
}

// In a batch of f16 with ragged tiles, by whatever backend is best, to the element.
static void residuals_are_added_everywhere(void)
{
    enum { M = 40, NN = 72, K = 24, COUNT = 2 * M * NN };
    struct fuse fuse = fuse_create();
    smelt_tensor a = half(fuse.context, 3, 2, M, K, 1), b = half(fuse.context, 2, 1, K, NN, 2),
                 r = half(fuse.context, 3, 2, M, NN, 3), d = half(fuse.context, 3, 2, M, NN, 4), wrong = NULL;
    static uint16_t plain[COUNT], added[COUNT], residual[COUNT];
    struct smelt_matmul2d_params params = {.a = a, .b = b, .d = d};
    CHECK_OK(smelt_tensor_read_and_wait(r, NULL, residual, sizeof(residual)));
    CHECK_OK(smelt_encode_matmul2d(fuse.encoder, &params));
    CHECK_OK(smelt_encoder_commit_and_wait(fuse.encoder));
    CHECK_OK(smelt_tensor_read_and_wait(d, NULL, plain, sizeof(plain)));
    params.residual = r;
    CHECK_OK(smelt_encode_matmul2d(fuse.encoder, &params));
    CHECK_OK(smelt_encoder_commit_and_wait(fuse.encoder));
    CHECK_OK(smelt_tensor_read_and_wait(d, NULL, added, sizeof(added)));
    for (int i = 0; i < COUNT; i++) { // multiples of 1/64 below 16: exact
        float wanted = smelt_f16_to_f32(plain[i]) + smelt_f16_to_f32(residual[i]);
        CHECK(fabsf(smelt_f16_to_f32(added[i]) - wanted) <= 0x1p-6f);
    }
    const uint64_t origin[3] = {0}, box[3] = {1, M, NN};
    CHECK_OK(smelt_tensor_slice(r, origin, box, &wrong));
    params.residual = wrong;
    CHECK_FAILS(smelt_encode_matmul2d(fuse.encoder, &params), SMELT_ERROR_SHAPE, "residual");
    params.residual = fuse.t[0];
    CHECK_FAILS(smelt_encode_matmul2d(fuse.encoder, &params), SMELT_ERROR_DTYPE, "residual 't0' is f32");
    smelt_tensor *all[] = {&wrong, &a, &b, &r, &d};
    for (int i = 0; i < 5; i++)
        smelt_tensor_destroy(all[i]);
    fuse_destroy(&fuse);
}

static smelt_tensor image, weight, result, bias, between; // views, of convolution_program
static bool channels_first;

static void convolution_program(struct fuse *f, uint32_t seed)
{
    (void)seed;
    // t0 and t7 as images of 1 x 3 x 6 pixels with 8 channels, t1 as a weight of 1 x 1 x 8 x 8.
    struct smelt_tensor_params p = {.dtype = SMELT_DTYPE_F32, .rank = 4, .shape = {1, 3, 6, 8}};
    if (channels_first)
        memcpy(p.shape, ((const uint64_t[]){1, 8, 3, 6}), 4 * sizeof(uint64_t));
    const struct smelt_tensor_info *from[] = {smelt_tensor_info(f->t[0]), smelt_tensor_info(f->t[6]),
                                              smelt_tensor_info(f->t[7]), smelt_tensor_info(f->t[1])};
    smelt_tensor *made[] = {&image, &between, &result, &weight};
    for (int i = 0; i < 4; i++) {
        smelt_tensor_destroy(made[i]);
        if (i == 3)
            memcpy(p.shape, ((const uint64_t[]){1, 1, 8, 8}), 4 * sizeof(uint64_t));
        p.buffer = from[i]->buffer;
        p.buffer_offset = from[i]->buffer_offset;
        p.buffer_size = from[i]->buffer_offset + from[i]->size;
        CHECK_OK(smelt_tensor_create(f->context, &p, made[i]));
    }
    const uint64_t zero = 0, eight = 8;
    smelt_tensor_destroy(&bias);
    CHECK_OK(smelt_tensor_slice(f->row, &zero, &eight, &bias));
    if (channels_first) { // as it is added to an image of this layout
        const struct smelt_tensor_params column = {.dtype = SMELT_DTYPE_F32, .rank = 3, .shape = {8, 1, 1}};
        smelt_tensor_destroy(&bias);
        CHECK_OK(smelt_tensor_view(f->row, 0, &column, &bias));
    }
    const struct smelt_convolution2d_params params = {.a = image,
                                                      .b = weight,
                                                      .d = between,
                                                      .image_layout = channels_first ? SMELT_IMAGE_NCHW
                                                                                     : SMELT_IMAGE_NHWC,
                                                      .backend = SMELT_BACKEND_PORTABLE};
    CHECK_OK(smelt_encode_convolution2d(f->encoder, &params));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, between, bias, between));
    CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, between, result, result));
    CHECK_OK(activate(f, SMELT_ACTIVATION_RELU, result, result));
}

static void convolutions_take_bias_and_activation(void)
{
    struct fuse fuse = fuse_create();
    for (int layout = 0; layout < 2; layout++) {
        channels_first = layout;
        struct smelt_graph_counts counts = fused(&fuse, convolution_program);
        CHECK(counts.fused == 3 && counts.optimized_dispatches == 1);
    }
    smelt_tensor_destroy(&image);
    smelt_tensor_destroy(&weight);
    smelt_tensor_destroy(&result);
    smelt_tensor_destroy(&bias);
    smelt_tensor_destroy(&between);
    fuse_destroy(&fuse);
}

// --- What must not be fused -------------------------------------------------------------------------------

static void another_reader_program(struct fuse *f, uint32_t seed)
{
    CHECK_OK(rms_norm(f, f->t[0], f->t[1]));
    if (seed == 1) // what is read is written in between
        CHECK_OK(scaled(f, f->t[2], 2, f->t[0]));
    if (seed == 2) { // an untagged dispatch in between: a copy of a call's that says nothing
        CHECK_OK(scaled(f, f->t[5], 2, f->t[6]));
        CHECK_OK(smelt_encoder_barrier(
            f->encoder,
            &(struct smelt_barrier){VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, VK_ACCESS_2_MEMORY_WRITE_BIT,
                                    VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, VK_ACCESS_2_MEMORY_READ_BIT}));
    }
    CHECK_OK(two(f, SMELT_ELEMENTWISE_MULTIPLY, f->t[1], f->row, f->t[7]));
    if (seed == 0)
        CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, f->t[1], f->t[7], f->t[7]));
}

static void what_others_need_stays(void)
{
    struct fuse fuse = fuse_create();
    struct smelt_graph_counts counts;
    smelt_tensor outputs[2] = {fuse.t[7], fuse.t[1]};
    struct smelt_graph_params params = {.outputs = outputs, .output_count = 1};
    compare(&fuse, another_reader_program, 0, &params, 1u << 7, false, &counts);
    CHECK(counts.fused == 1); // the last two, not the norm: t1 is read by both
    compare(&fuse, another_reader_program, 1, &params, 1u << 7, false, &counts);
    CHECK(counts.fused == 0);
    compare(&fuse, another_reader_program, 2, &params, 1u << 7, false, &counts);
    CHECK(counts.fused == 0);
    compare(&fuse, another_reader_program, 3, &params, 1u << 7, false, &counts);
    CHECK(counts.fused == 1);
    params.output_count = 2; // t1 is read by the caller
    compare(&fuse, another_reader_program, 3, &params, 1u << 7 | 1u << 1, true, &counts);
    CHECK(counts.fused == 0);
    params.output_count = 0; // all is
    compare(&fuse, another_reader_program, 3, &params, 0xff, true, &counts);
    CHECK(counts.fused == 0);
    params.output_count = 1;
    params.no_fusion = true;
    compare(&fuse, another_reader_program, 3, &params, 1u << 7, true, &counts);
    CHECK(counts.fused == 0);
    CHECK(setenv("SMELT_GRAPH_FUSION", "0", 1) == 0);
    params.no_fusion = false;
    compare(&fuse, another_reader_program, 3, &params, 1u << 7, true, &counts);
    CHECK(unsetenv("SMELT_GRAPH_FUSION") == 0);
    CHECK(counts.fused == 0);
    fuse_destroy(&fuse);
}

// --- Patches ----------------------------------------------------------------------------------------------

static void fused_nodes_are_patched_as_captured(void)
{
    struct fuse fuse = fuse_create();
    struct smelt_graph_params params = {.outputs = &fuse.t[7], .output_count = 1};
    float wanted[ROWS * COLUMNS], got[ROWS * COLUMNS], four = 4;
    smelt_graph graph = capture(&fuse, chain_program, 0, &params);
    CHECK_OK(smelt_graph_set_bytes(graph, "smelt elementwise#4", "steps[0].value", &four, sizeof(four)));
    CHECK_OK(smelt_graph_set_tensor(graph, "smelt elementwise#5", "inputs[0]", fuse.t[6]));
    CHECK_FAILS(smelt_graph_set_tensor(graph, "smelt elementwise#5", "inputs[2]", fuse.t[6]),
                SMELT_ERROR_NOT_FOUND, "there are: \"y\", \"inputs[0]\", \"inputs[1]\"");
    CHECK_FAILS(smelt_graph_set_tensor(graph, "smelt elementwise#5", "y", fuse.row), SMELT_ERROR_SHAPE,
                "'row'");
    CHECK_FAILS(smelt_graph_set_bytes(graph, "smelt elementwise#5", "y", &four, 4), SMELT_ERROR_NOT_FOUND,
                "\"y\"");
    CHECK_FAILS(smelt_graph_set_groups(graph, "smelt elementwise#5", 1, 1, 1), SMELT_ERROR_INVALID_ARGUMENT,
                "a call of the library");
    fuse_reset(&fuse);
    CHECK_OK(smelt_encoder_replay(fuse.encoder, graph));
    CHECK_OK(smelt_encoder_commit_and_wait(fuse.encoder));
    CHECK_OK(smelt_tensor_read_and_wait(fuse.t[7], NULL, got, sizeof(got)));
    fuse_reset(&fuse);
    CHECK_OK(two(&fuse, SMELT_ELEMENTWISE_ADD, fuse.t[0], fuse.t[1], fuse.t[2]));
    CHECK_OK(activate(&fuse, SMELT_ACTIVATION_SILU, fuse.t[2], fuse.t[3]));
    CHECK_OK(two(&fuse, SMELT_ELEMENTWISE_MULTIPLY, fuse.t[3], fuse.t[3], fuse.t[4]));
    CHECK_OK(two(&fuse, SMELT_ELEMENTWISE_SUBTRACT, fuse.t[4], fuse.row, fuse.t[4]));
    CHECK_OK(scaled(&fuse, fuse.t[4], 4, fuse.t[5]));
    CHECK_OK(two(&fuse, SMELT_ELEMENTWISE_MAXIMUM, fuse.t[6], fuse.t[5], fuse.t[7]));
    CHECK_OK(smelt_encoder_commit_and_wait(fuse.encoder));
    CHECK_OK(smelt_tensor_read_and_wait(fuse.t[7], NULL, wanted, sizeof(wanted)));
    for (int i = 0; i < ROWS * COLUMNS; i++)
        CHECK(fabsf(wanted[i] - got[i]) <= 1e-5f);
    smelt_graph_destroy(&graph);
    fuse_destroy(&fuse);
}

// --- Random graphs ----------------------------------------------------------------------------------------

static void random_graphs_are_as_serial(void)
{
    const char *graphs_text = getenv("SMELT_TEST_GRAPHS"), *seed_text = getenv("SMELT_TEST_SEED");
    uint32_t graphs = graphs_text ? (uint32_t)strtoul(graphs_text, NULL, 10) : 8;
    uint32_t first = seed_text ? (uint32_t)strtoul(seed_text, NULL, 10) : 1;
    struct fuse fuse = fuse_create();
    struct smelt_graph_counts counts = {0}, sum = {0};
    for (uint32_t seed = first; seed < first + graphs; seed++) {
        struct smelt_graph_params params = {.no_fusion = true};
        compare(&fuse, random_program, seed, &params, 0xff, true, &counts);
        smelt_tensor outputs[3] = {fuse.t[seed % POOL], fuse.t[(seed + 2) % POOL], fuse.t[(seed + 5) % POOL]};
        params = (struct smelt_graph_params){.outputs = outputs, .output_count = 3};
        compare(&fuse, random_program, seed, &params,
                1u << seed % POOL | 1u << (seed + 2) % POOL | 1u << (seed + 5) % POOL, false, &counts);
        sum.dispatches += counts.dispatches;
        sum.fused += counts.fused;
        sum.dead += counts.dead;
        sum.moved += counts.moved;
    }
    printf("    %u graphs from seed %u: %u dispatches, %u fused, %u dead, %u moved\n", graphs, first,
           sum.dispatches, sum.fused, sum.dead, sum.moved);
    CHECK(graphs < 8 || (sum.fused && sum.dead && sum.moved));
    fuse_destroy(&fuse);
}

// --- Kernels ----------------------------------------------------------------------------------------------

static void count_errors(void *user, enum smelt_log_level level, const char *line)
{
    if (level == SMELT_LOG_ERROR && strstr(line, "smelt/"))
        __atomic_fetch_add((int *)user, 1, __ATOMIC_RELAXED);
}

// Kernels that several threads make: the error is that of the first call that has one, told once.
static void the_first_error_is_told(void)
{
    int errors = 0;
    folder_subfolder("none/smelt");
    struct smelt_context_params params = {.cache_directory = "",
                                          .module_directory = folder_subfolder("none"),
                                          .log = count_errors,
                                          .log_user = &errors};
    struct fuse fuse = {0};
    smelt_graph graph = NULL;
    CHECK_OK(smelt_context_create(&params, &fuse.context));
    if (!smelt_context_capabilities(fuse.context)->compiler) {
        smelt_context_destroy(&fuse.context);
        SKIP("this build has no GLSL compiler");
    }
    CHECK_OK(smelt_encoder_create(fuse.context, NULL, &fuse.encoder));
    for (uint32_t i = 0; i < POOL; i++)
        fuse.t[i] = make(fuse.context, 2, ROWS, COLUMNS, "t");
    CHECK_OK(smelt_encoder_start_capture(fuse.encoder));
    CHECK_OK(two(&fuse, SMELT_ELEMENTWISE_ADD, fuse.t[0], fuse.t[1], fuse.t[2]));
    CHECK_OK(layer_norm(&fuse, fuse.t[2], fuse.t[3]));
    CHECK_OK(rms_norm(&fuse, fuse.t[3], fuse.t[4]));
    CHECK_OK(scaled(&fuse, fuse.t[4], 3, fuse.t[5]));
    CHECK_OK(smelt_encoder_take_capture(fuse.encoder, NULL, &graph));
    struct smelt_graph_counts counts;
    for (int round = 1; round <= 4; round++) {
        CHECK_FAILS(smelt_graph_count(graph, &counts), SMELT_ERROR_COMPILE, "smelt layer_norm:");
        CHECK(errors == round);
    }
    smelt_graph_destroy(&graph);
    smelt_encoder_destroy(&fuse.encoder);
    for (uint32_t i = 0; i < POOL; i++)
        smelt_tensor_destroy(&fuse.t[i]);
    smelt_context_destroy(&fuse.context);
}

static const struct test tests[] = {
    {"chains become one kernel", chains_become_one_kernel},
    {"norms take their scale", norms_take_their_scale},
    {"norms take the sum before", norms_take_the_sum_before},
    {"products take bias and activation", products_take_bias_and_activation},
    {"products take a residual", products_take_a_residual},
    {"residuals are added everywhere", residuals_are_added_everywhere},
    {"convolutions take bias and activation", convolutions_take_bias_and_activation},
    {"what others need stays", what_others_need_stays},
    {"fused nodes are patched as captured", fused_nodes_are_patched_as_captured},
    {"random graphs are as serial", random_graphs_are_as_serial},
    {"the first error is told", the_first_error_is_told},
};

TEST_MAIN(tests)
