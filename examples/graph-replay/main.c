// SPDX-License-Identifier: MIT
// graph-replay: a small residual network written as plain calls, captured once, optimised, and replayed on other inputs.
//
// usage: graph-replay [--layers N] [--save FILE]
#include <smelt/smelt.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 64, WIDTH = 128, REPEATS = 50 };

struct network {
    smelt_context context;
    smelt_encoder encoder;
    int layers;
    smelt_tensor input, other, stream, norm, scaled, product, sum, hidden, back; // [ROWS][WIDTH] of f32
    smelt_tensor gamma, bias, weight;                                            // [WIDTH], [WIDTH][WIDTH]
};

static void require(enum smelt_result result, const char *what)
{
    if (result == SMELT_OK)
        return;
    fprintf(stderr, "graph-replay: %s: %s\n", what, smelt_last_error());
    exit(1);
}
#define REQUIRE(call) require((call), #call)

static double now(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// --- The network ------------------------------------------------------------------------------------------

static smelt_tensor tensor(struct network *n, const char *name, uint32_t rank, uint64_t rows, float phase)
{
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F32, .rank = rank, .name = name};
    params.shape[0] = rank == 2 ? rows : WIDTH;
    params.shape[1] = rank == 2 ? WIDTH : 0;
    smelt_tensor made = NULL;
    REQUIRE(smelt_tensor_create(n->context, &params, &made));
    static float data[WIDTH * WIDTH];
    for (int i = 0; i < WIDTH * WIDTH; i++)
        data[i] = 0.1f * sinf(phase + 0.37f * (float)i);
    REQUIRE(smelt_tensor_write_and_wait(made, NULL, data, 4 * smelt_tensor_element_count(made)));
    return made;
}

static void create(struct network *n)
{
    REQUIRE(smelt_context_create(NULL, &n->context));
    REQUIRE(smelt_encoder_create(n->context, NULL, &n->encoder));
    smelt_tensor *rows[] = {&n->input,   &n->other, &n->stream, &n->norm, &n->scaled,
                            &n->product, &n->sum,   &n->hidden, &n->back};
    static const char *const names[] = {"input",   "other", "stream", "norm", "scaled",
                                        "product", "sum",   "hidden", "back"};
    for (int i = 0; i < 9; i++)
        *rows[i] = tensor(n, names[i], 2, ROWS, (float)i);
    n->gamma = tensor(n, "gamma", 1, 0, 1);
    n->bias = tensor(n, "bias", 1, 0, 2);
    n->weight = tensor(n, "weight", 2, WIDTH, 3);
}

static void destroy(struct network *n)
{
    smelt_tensor *all[] = {&n->input, &n->other,  &n->stream, &n->norm,  &n->scaled, &n->product,
                           &n->sum,   &n->hidden, &n->back,   &n->gamma, &n->bias,   &n->weight};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        smelt_tensor_destroy(all[i]);
    smelt_encoder_destroy(&n->encoder);
    smelt_context_destroy(&n->context);
}

// y = operation(a, b), or activation(a) where there is no b.
static void element(struct network *n, const char *label, enum smelt_elementwise operation, smelt_tensor a,
                    smelt_tensor b, smelt_tensor y)
{
    const struct smelt_elementwise_step step = {
        .operation = operation, .operands = {0, 1}, .activation = SMELT_ACTIVATION_SILU};
    const struct smelt_elementwise_params params = {
        .inputs = {a, b}, .input_count = b ? 2 : 1, .steps = &step, .step_count = 1, .y = y};
    REQUIRE(smelt_encoder_set_label(n->encoder, label));
    REQUIRE(smelt_encode_elementwise(n->encoder, &params));
}

static void product(struct network *n, const char *label, smelt_tensor a, smelt_tensor d)
{
    const struct smelt_matmul2d_params params = {.a = a, .b = n->weight, .transpose_right = true, .d = d};
    REQUIRE(smelt_encoder_set_label(n->encoder, label));
    REQUIRE(smelt_encode_matmul2d(n->encoder, &params));
}

// Written as one thinks of it: a call for each operation. No barriers: the encoder knows what each reads and writes.
static void forward(struct network *n)
{
    REQUIRE(smelt_encode_copy(n->encoder, n->stream, n->input, NULL));
    for (int layer = 0; layer < n->layers; layer++) {
        const struct smelt_rms_norm_params norm = {.x = n->stream, .y = n->norm, .axis = 1};
        REQUIRE(smelt_encoder_set_label(n->encoder, "norm"));
        REQUIRE(smelt_encode_rms_norm(n->encoder, &norm));
        element(n, "scale", SMELT_ELEMENTWISE_MULTIPLY, n->norm, n->gamma, n->scaled);
        product(n, "up", n->scaled, n->product);
        element(n, "bias", SMELT_ELEMENTWISE_ADD, n->product, n->bias, n->sum);
        element(n, "silu", SMELT_ELEMENTWISE_ACTIVATE, n->sum, NULL, n->hidden);
        product(n, "down", n->hidden, n->back);
        element(n, "add", SMELT_ELEMENTWISE_ADD, n->stream, n->back, n->stream);
    }
}

// --- Capturing and replaying ------------------------------------------------------------------------------

static void read_stream(struct network *n, float *data)
{
    REQUIRE(smelt_tensor_read_and_wait(n->stream, NULL, data, 4ull * ROWS * WIDTH));
}

static double difference(const float *a, const float *b)
{
    double most = 0;
    for (int i = 0; i < ROWS * WIDTH; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

// Host time of recording what `graph` is (NULL: the calls), shortest of some.
static double recording_time(struct network *n, smelt_graph graph)
{
    double best = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        REQUIRE(smelt_encoder_begin(n->encoder, NULL));
        double begin = now();
        if (graph)
            REQUIRE(smelt_encoder_replay(n->encoder, graph));
        else
            forward(n);
        best = fmin(best, now() - begin);
        REQUIRE(smelt_encoder_commit_and_wait(n->encoder));
    }
    return best;
}

static void print(smelt_graph graph, bool optimized, const char *title)
{
    char *text = NULL;
    REQUIRE(smelt_graph_describe(graph, SMELT_GRAPH_TEXT, optimized, &text));
    printf("%s:\n%s\n", title, text);
    smelt_free_text(&text);
}

static void run(struct network *n, const char *save)
{
    static float wanted[ROWS * WIDTH], got[ROWS * WIDTH];
    forward(n);
    REQUIRE(smelt_encoder_commit_and_wait(n->encoder));
    read_stream(n, wanted);

    smelt_graph graph = NULL;
    const struct smelt_graph_params params = {.outputs = &n->stream, .output_count = 1, .name = "network"};
    REQUIRE(smelt_encoder_start_capture(n->encoder));
    forward(n);
    REQUIRE(smelt_encoder_take_capture(n->encoder, &params, &graph));
    if (n->layers == 1) {
        print(graph, false, "captured");
        print(graph, true, "replayed");
    }
    REQUIRE(smelt_encoder_replay(n->encoder, graph));
    REQUIRE(smelt_encoder_commit_and_wait(n->encoder));
    read_stream(n, got);
    printf("replay and calls differ by %.2g at most\n", difference(wanted, got));

    // Another input: the copy at the front reads "other" from now on.
    REQUIRE(smelt_graph_replace_tensor(graph, "input", n->other));
    REQUIRE(smelt_encoder_replay(n->encoder, graph));
    REQUIRE(smelt_encoder_commit_and_wait(n->encoder));
    read_stream(n, got);
    printf("with another input it differs by %.2g\n", difference(wanted, got));

    struct smelt_graph_counts counts;
    REQUIRE(smelt_graph_count(graph, &counts));
    printf("%u dispatches and %u barriers became %u and %u; %u nodes were fused\n", counts.dispatches,
           counts.barriers, counts.optimized_dispatches, counts.optimized_barriers, counts.fused);
    double calls = recording_time(n, NULL), replay = recording_time(n, graph);
    printf("recording takes the host %.1f us, replaying %.1f us\n", 1e6 * calls, 1e6 * replay);
    if (save)
        REQUIRE(smelt_graph_save(graph, save));
    smelt_graph_destroy(&graph);
}

int main(int argc, char **argv)
{
    struct network network = {.layers = 1};
    const char *save = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--layers") && i + 1 < argc && atoi(argv[i + 1]) > 0) {
            network.layers = atoi(argv[++i]);
        } else if (!strcmp(argv[i], "--save") && i + 1 < argc) {
            save = argv[++i];
        } else {
            fprintf(stderr, "usage: graph-replay [--layers N] [--save FILE]\n");
            return 2;
        }
    }
    create(&network);
    run(&network, save);
    destroy(&network);
    return 0;
}
