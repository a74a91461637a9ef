// SPDX-License-Identifier: MIT
// The C blocks of docs/metal.md, glsl.md, graphs.md, networks.md and training.md compile, which this file shows by being
// compiled, and do what they say; so do the shaders of the Metal page with their ops, and that of getting-started.md with what
// stands below it. (Its first program is one by itself: tests/packaging.)
#define _XOPEN_SOURCE 700 // mkdtemp
#include "internal.h"
#include "page.h"

#include <math.h>

enum smelt_result record_gemm(smelt_encoder encoder, smelt_tensor a, smelt_tensor b, smelt_tensor d);
enum smelt_result bind_weight(smelt_context context, smelt_arguments arguments, VkBuffer buffer,
                              uint64_t buffer_size, smelt_tensor *weight);
enum smelt_result load_quantised(smelt_context context, const char *path, smelt_weights *weights,
                                 struct smelt_matmul2d_descriptor *product);
enum smelt_result bind_quantised(smelt_arguments arguments, smelt_weights weights);
void repack_q4_0(const uint8_t *blocks, size_t count, uint8_t *weight, uint16_t *scale);
smelt_graph record_layer(smelt_encoder encoder, smelt_tensor x, smelt_tensor gamma, smelt_tensor h,
                         smelt_tensor y);
enum smelt_result place_graph(smelt_context context, smelt_graph graph, smelt_heap *heap);
enum smelt_result load_network(smelt_context context, smelt_package package, smelt_network *network,
                               smelt_heap *heap);
enum smelt_result record_network(smelt_encoder encoder, smelt_network network, smelt_heap heap,
                                 smelt_image scene, smelt_image picture);
smelt_graph record_step(smelt_encoder encoder, smelt_tensor x, smelt_tensor target, smelt_tensor y,
                        smelt_tensor dy, const struct smelt_adam_params *weight);
enum smelt_result train(smelt_context context, const float *maps, smelt_trainer *trainer);
#include "docs_glsl.h"
#include "docs_graphs.h"
#include "docs_metal.h"
#include "docs_networks.h"
#include "docs_training.h"

static void shaders_of_the_metal_page_compile(void)
{
    if (!smelt_context_capabilities(test_context())->compiler)
        SKIP("this build has no compiler");
    const struct smelt_op *const ops[] = {gemm_ops, pixel_ops};
    int count = 0;
    VkShaderStageFlagBits stage;
    for (char *source; (source = page_shader("docs/metal.md", count, &stage)); free(source)) {
        CHECK(count < 2);
        struct smelt_shader_params params = {
            .source = source, .path = "metal.md", .stage = stage, .op_count = 1};
        params.ops = ops[count++];
        smelt_shader shader = NULL;
        CHECK_OK(smelt_shader_create(test_context(), &params, &shader));
        smelt_shader_destroy(&shader);
    }
    CHECK(count == 2);
}

static void compile_paint(smelt_context context, smelt_shader *compiled)
{
#define DOCS_BLOCK 1
#include "docs_getting-started.h"
#undef DOCS_BLOCK
    *compiled = shader;
}

static void the_shader_of_the_first_page_compiles(void)
{
    if (!smelt_context_capabilities(test_context())->compiler)
        SKIP("this build has no compiler");
    char *source = page_shader("docs/getting-started.md", 0, NULL);
    CHECK(source);
    folder_write("paint.frag", source, strlen(source));
    free(source);
    CHECK(!chdir(folder())); // where the page has it
    smelt_shader shader = NULL;
    compile_paint(test_context(), &shader);
    CHECK(shader);
    smelt_shader_destroy(&shader);
}

// The host's part on real objects.
static void calls_of_the_metal_page_work(void)
{
    smelt_tensor a = NULL, d = NULL, weight = NULL;
    smelt_context context = test_context();
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {16, 32}};
    CHECK_OK(smelt_tensor_create(context, &params, &a));
    params = (struct smelt_tensor_params){.dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {16, 16}};
    CHECK_OK(smelt_tensor_create(context, &params, &d));
    smelt_encoder encoder = test_begin();
    CHECK_OK(smelt_encode_fill(encoder, a, 0.5));
    CHECK_OK(record_gemm(encoder, a, a, d));
    test_end(encoder);
    float sums[16 * 16];
    CHECK_OK(smelt_tensor_read_and_wait(d, NULL, sums, sizeof(sums)));
    CHECK(sums[0] == 8 && sums[255] == 8);
    const struct smelt_tensor_info *info = smelt_tensor_info(a);
    CHECK_FAILS(bind_weight(context, NULL, info->buffer, 256, &weight), SMELT_ERROR_SHAPE, "buffer");
    smelt_tensor_destroy(&weight);
    smelt_tensor_destroy(&d);
    smelt_tensor_destroy(&a);
}

// Two blocks of Q4_0, repacked, through a package and back.
static void calls_of_the_glsl_page_work(void)
{
    uint8_t blocks[36], weight[32], got[32];
    uint16_t scale[2];
    for (int i = 0; i < 36; i++)
        blocks[i] = (uint8_t)(i * 37 + 11);
    repack_q4_0(blocks, 2, weight, scale);
    CHECK(!memcmp(&scale[1], blocks + 18, 2));
    for (int i = 0; i < 64; i++) {
        uint8_t byte = blocks[i / 32 * 18 + 2 + i % 16];
        int q = i % 32 < 16 ? byte & 15 : byte >> 4, nibble = weight[i / 2] >> 4 * (i & 1) & 15;
        CHECK((nibble ^ 8) - 8 == q - 8);
    }
    const struct smelt_package_tensor tensors[] = {
        {.name = "w", .dtype = SMELT_DTYPE_U8, .rank = 2, .shape = {1, 32}, .data = weight, .size = 32},
        {.name = "s", .dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {1, 2}, .data = scale, .size = 4},
    };
    const char *path = folder_file("q4_0.safetensors");
    CHECK_OK(
        smelt_package_write(path, tensors, 2,
                            "{\"kind\": \"weights\", \"layers\": [{\"weight\": \"w\", \"dtype\": \"i4\", "
                            "\"columns\": 64, \"scale\": \"s\", \"block\": 32}]}",
                            NULL, 0));
    smelt_weights weights = NULL;
    struct smelt_matmul2d_descriptor first;
    CHECK_OK(load_quantised(test_context(), path, &weights, &first));
    CHECK(first.stored == SMELT_DTYPE_I4 && first.scale == SMELT_SCALE_F16 && first.block == 32);
    struct smelt_op op = {.name = "project", .kind = SMELT_OP_MATMUL2D, .matmul2d = &first};
    struct smelt_op_info info;
    CHECK_OK(smelt_op_query(NULL, &op, 0, &info));
    CHECK_OK(smelt_tensor_read_and_wait(smelt_weights_matrix(weights, 0), NULL, got, sizeof(got)));
    CHECK(!memcmp(got, weight, sizeof(got)));
    smelt_weights_destroy(&weights);
    CHECK_FAILS(load_quantised(test_context(), "/nowhere", &weights, &first), SMELT_ERROR_NOT_FOUND,
                "nowhere");
}

static void calls_of_the_graphs_page_work(void)
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {4, 16}};
    smelt_tensor t[4] = {NULL};
    for (int i = 0; i < 4; i++) {
        params.rank = i == 1 ? 1 : 2;
        params.shape[0] = i == 1 ? 16 : 4;
        CHECK_OK(smelt_tensor_create(context, &params, &t[i]));
    }
    smelt_encoder encoder = NULL;
    CHECK_OK(smelt_encoder_create(context, NULL, &encoder));
    smelt_graph graph = record_layer(encoder, t[0], t[1], t[2], t[3]);
    struct smelt_graph_counts counts;
    CHECK_OK(smelt_graph_count(graph, &counts));
    CHECK(counts.dispatches == 2 && counts.optimized_dispatches == 1);
    smelt_graph_destroy(&graph);
    // What lies between without memory, read by something that no pattern takes.
    smelt_tensor transient = NULL;
    smelt_heap heap = NULL;
    CHECK_OK(smelt_tensor_create_transient(context, &params, &transient));
    CHECK_OK(smelt_encoder_start_capture(encoder));
    CHECK_OK(smelt_encode_fill(encoder, transient, 1));
    CHECK_OK(smelt_encode_copy(encoder, t[3], transient, NULL));
    CHECK_OK(smelt_encoder_take_capture(encoder, NULL, &graph));
    CHECK_OK(place_graph(context, graph, &heap));
    CHECK_OK(smelt_encoder_replay(encoder, graph));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK(smelt_heap_info(heap).size == 4 * 16 * sizeof(float));
    smelt_graph_destroy(&graph);
    smelt_heap_destroy(&heap);
    smelt_tensor_destroy(&transient);
    smelt_encoder_destroy(&encoder);
    for (int i = 0; i < 4; i++)
        smelt_tensor_destroy(&t[i]);
}

static void networks_page(void)
{
    if (!smelt_context_capabilities(test_context())->compiler)
        SKIP("this build has no compiler");
    static const char description[] = "{\"format\":1,\"kind\":\"network\",\"opset\":25,\"name\":\"n\","
                                      "\"storage\":\"f32\",\"inputs\":[{\"name\":"
                                      "\"scene\",\"dtype\":\"f32\",\"shape\":[1,3,\"h\",\"w\"]}],\"outputs\":"
                                      "[\"picture\"],\"constants\":[],\"nodes\":"
                                      "[{\"op\":\"Relu\",\"name\":\"r\",\"inputs\":[\"scene\"],\"outputs\":["
                                      "\"picture\"],\"attributes\":{}}]}";
    char path[300];
    snprintf(path, sizeof(path), "%s/network.safetensors", folder());
    CHECK_OK(smelt_package_write(path, NULL, 0, description, NULL, 0));
    smelt_package package = NULL;
    smelt_network network = NULL;
    smelt_heap heap = NULL;
    smelt_encoder encoder = NULL;
    CHECK_OK(smelt_package_open(path, &package));
    CHECK_OK(load_network(test_context(), package, &network, &heap));
    CHECK(smelt_network_info(network)->inputs[0].image &&
          smelt_network_info(network)->storage == SMELT_DTYPE_F16);
    CHECK_OK(smelt_encoder_create(test_context(), NULL, &encoder));
    CHECK_FAILS(record_network(encoder, network, heap, NULL, NULL), SMELT_ERROR_INVALID_ARGUMENT,
                "the image is NULL");
    smelt_encoder_destroy(&encoder);
    smelt_network_destroy(&network);
    smelt_heap_destroy(&heap);
    smelt_package_close(&package);
}

static smelt_tensor filled(uint32_t rank, uint64_t rows, uint64_t columns, float value)
{
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F32, .rank = rank, .shape = {rows, columns}};
    smelt_tensor tensor = NULL;
    float values[64];
    for (int i = 0; i < 64; i++)
        values[i] = value;
    CHECK_OK(smelt_tensor_create(test_context(), &params, &tensor));
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, values, rows * (rank > 1 ? columns : 1) * 4));
    return tensor;
}

static void calls_of_the_training_page_work(void)
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    struct smelt_adam_params weight = {.weight = filled(2, 2, 3, 0),
                                       .m = filled(2, 2, 3, 0),
                                       .v = filled(2, 2, 3, 0),
                                       .gradient = filled(2, 2, 3, 0),
                                       .state = filled(1, 4, 1, 0)};
    smelt_tensor t[4] = {filled(2, 8, 3, 1), filled(2, 8, 2, 1), filled(2, 8, 2, 0), filled(2, 8, 2, 0)};
    smelt_encoder encoder = NULL;
    float got[6], state[4];
    CHECK_OK(smelt_encoder_create(context, NULL, &encoder));
    smelt_trainer trainer = NULL;
    CHECK_FAILS(train(context, NULL, &trainer), SMELT_ERROR_INVALID_ARGUMENT, "targets is NULL");
    smelt_graph graph = record_step(encoder, t[0], t[1], t[2], t[3], &weight);
    CHECK(graph);
    for (int step = 0; step < 3; step++)
        CHECK_OK(smelt_encoder_replay(encoder, graph));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(weight.weight, NULL, got, sizeof(got)));
    CHECK_OK(smelt_tensor_read_and_wait(weight.state, NULL, state, sizeof(state)));
    CHECK(state[0] == 3);
    for (int i = 0; i < 6; i++) // the first steps are as long as the rates: 1, 2 and 3 of 100 of 0.01
        CHECK(fabsf(got[i] - 6e-4F) < 1e-5F);
    smelt_graph_destroy(&graph);
    smelt_encoder_destroy(&encoder);
    smelt_tensor *const all[] = {&weight.weight, &weight.m, &weight.v, &weight.gradient, &weight.state};
    for (size_t i = 0; i < SMELT_COUNT_OF(all); i++)
        smelt_tensor_destroy(all[i]);
    for (int i = 0; i < 4; i++)
        smelt_tensor_destroy(&t[i]);
}

static const struct test tests[] = {
    {"the calls of the training page work", calls_of_the_training_page_work},
    {"the calls of the graphs page work", calls_of_the_graphs_page_work},
    {"the calls of the GLSL page work", calls_of_the_glsl_page_work},
    {"the shaders of the Metal page compile", shaders_of_the_metal_page_compile},
    {"the calls of the Metal page work", calls_of_the_metal_page_work},
    {"the networks page's program makes a network", networks_page},
    {"the shader of the first page compiles",
     the_shader_of_the_first_page_compiles}, // last: it leaves the folder
};

TEST_MAIN(tests)
