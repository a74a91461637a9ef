// SPDX-License-Identifier: MIT
// Kernels of operators: values in the order of strides, broadcasting, 4 bit elements, many shapes, captures.
#include "kernels_operator.h"
#include "rig.h"

#include <smelt/graph.h>

static smelt_tensor make(smelt_context context, enum smelt_dtype dtype, uint32_t rank, const uint64_t *shape,
                         const uint64_t *strides, const void *data)
{
    struct smelt_tensor_params params = {.dtype = dtype, .rank = rank};
    for (uint32_t d = 0; d < rank; d++) {
        params.shape[d] = shape[d];
        params.strides[d] = strides ? strides[d] : 0;
    }
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(context, &params, &tensor));
    if (data)
        CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data,
                                             smelt_dtype_size(dtype, smelt_tensor_element_count(tensor))));
    return tensor;
}

static smelt_context device(void)
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    return context;
}

static const struct smelt_operator_call add = {.body = "operator_elementwise.glsl",
                                               .options = "EXPRESSION=a+b"};

static void elements_broadcast_and_wrap(void)
{
    smelt_context context = device();
    smelt_encoder encoder = test_begin();
    const uint64_t shape[3] = {2, 3, 5}, channels_last[3] = {15, 1, 3}, row[2] = {3, 1};
    const int8_t b[3] = {100, -100, 7};
    int8_t a[30], got[30];
    for (int i = 0; i < 30; i++)
        a[i] = (int8_t)(i * 9 - 120);
    smelt_tensor x = make(context, SMELT_DTYPE_I8, 3, shape, NULL, a),
                 z = make(context, SMELT_DTYPE_I8, 2, row, NULL, b),
                 y = make(context, SMELT_DTYPE_I8, 3, shape, channels_last, NULL);
    struct smelt_operator_call call = add;
    call.tensors[0] = y, call.tensors[1] = x, call.tensors[2] = z;
    CHECK_OK(smelt_encode_operator(encoder, &call));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(y, NULL, got, sizeof(got)));
    for (int i = 0; i < 30; i++)
        CHECK(got[i] == (int8_t)(a[i] + b[i / 5 % 3]));
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
    smelt_tensor_destroy(&z);
    smelt_encoder_destroy(&encoder);
}

// Both halves of a byte are one invocation's.
static void elements_of_4_bits(void)
{
    smelt_context context = device();
    smelt_encoder encoder = test_begin();
    const uint64_t shape[2] = {3, 5};
    const uint8_t a[8] = {0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0x0e};
    uint8_t got[15];
    smelt_tensor x = make(context, SMELT_DTYPE_U4, 2, shape, NULL, a),
                 w = make(context, SMELT_DTYPE_U4, 2, shape, NULL, NULL),
                 y = make(context, SMELT_DTYPE_U8, 2, shape, NULL, NULL);
    struct smelt_operator_call call = {
        .body = "operator_elementwise.glsl", .options = "EXPRESSION=a+3u", .tensors = {w, x}};
    CHECK_OK(smelt_encode_operator(encoder, &call));
    call.tensors[0] = y, call.tensors[1] = w, call.options = "EXPRESSION=a";
    CHECK_OK(smelt_encode_operator(encoder, &call));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(y, NULL, got, sizeof(got)));
    for (int i = 0; i < 15; i++)
        CHECK(got[i] == (i + 3) % 16);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&w);
    smelt_tensor_destroy(&y);
    smelt_encoder_destroy(&encoder);
}

// More shapes than pipelines are made for: those beyond read their sizes, with the same results.
static void any_number_of_shapes(void)
{
    enum { MOST = 80 };
    smelt_context context = device();
    smelt_encoder encoder = test_begin();
    int32_t a[2 * MOST], got[2 * MOST];
    for (int i = 0; i < 2 * MOST; i++)
        a[i] = i;
    for (uint64_t n = 1; n <= MOST; n++) {
        const uint64_t shape[2] = {2, n}, column[2] = {2, 1}, turned[2] = {1, 2};
        smelt_tensor x = make(context, SMELT_DTYPE_I32, 2, shape, NULL, a),
                     z = make(context, SMELT_DTYPE_I32, 2, column, NULL, a),
                     y = make(context, SMELT_DTYPE_I32, 2, shape, turned, NULL);
        struct smelt_operator_call call = add;
        call.tensors[0] = y, call.tensors[1] = x, call.tensors[2] = z;
        CHECK_OK(smelt_encode_operator(encoder, &call));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
        CHECK_OK(smelt_tensor_read_and_wait(y, NULL, got, 8 * n));
        for (uint64_t i = 0; i < 2 * n; i++)
            CHECK(got[i] == a[i] + (int32_t)(i / n));
        smelt_tensor_destroy(&x);
        smelt_tensor_destroy(&y);
        smelt_tensor_destroy(&z);
    }
    smelt_encoder_destroy(&encoder);
}

// A graph keeps the call as data: the options' memory may go, and its tensors are patched.
static void a_graph_replays_and_patches_it(void)
{
    smelt_context context = device();
    smelt_encoder encoder = test_begin();
    const uint64_t shape[1] = {4};
    const int32_t a[4] = {1, 2, 3, 4}, b[4] = {10, 20, 30, 40};
    int32_t got[4];
    smelt_tensor x = make(context, SMELT_DTYPE_I32, 1, shape, NULL, a),
                 z = make(context, SMELT_DTYPE_I32, 1, shape, NULL, b),
                 y = make(context, SMELT_DTYPE_I32, 1, shape, NULL, NULL);
    char options[] = "EXPRESSION=2*a";
    struct smelt_operator_call call = {
        .body = "operator_elementwise.glsl", .options = options, .tensors = {y, x}};
    smelt_graph graph = NULL;
    CHECK_OK(smelt_encoder_start_capture(encoder));
    CHECK_OK(smelt_encoder_set_label(encoder, "double"));
    CHECK_OK(smelt_encode_operator(encoder, &call));
    CHECK_OK(smelt_encoder_take_capture(encoder, NULL, &graph));
    memset(options, '?', sizeof(options) - 1);
    CHECK_OK(smelt_graph_set_tensor(graph, "double", "t1", z));
    CHECK_FAILS(smelt_graph_set_tensor(graph, "double", "t2", z), SMELT_ERROR_NOT_FOUND, "\"t2\"");
    CHECK_OK(smelt_encoder_replay(encoder, graph));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(y, NULL, got, sizeof(got)));
    for (int i = 0; i < 4; i++)
        CHECK(got[i] == 2 * b[i]);
    smelt_graph_destroy(&graph);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
    smelt_tensor_destroy(&z);
    smelt_encoder_destroy(&encoder);
}

static void what_it_refuses(void)
{
    smelt_context context = device();
    smelt_encoder encoder = test_begin();
    const uint64_t shape[9] = {1, 1, 1, 1, 1, 1, 1, 1, 2};
    smelt_tensor nine = make(context, SMELT_DTYPE_I32, 9, shape, NULL, NULL);
    struct smelt_operator_call call = add;
    CHECK_FAILS(smelt_encode_operator(encoder, &call), SMELT_ERROR_INVALID_ARGUMENT, "tensor 0");
    call.tensors[0] = call.tensors[1] = call.tensors[2] = nine;
    CHECK_FAILS(smelt_encode_operator(encoder, &call), SMELT_ERROR_SHAPE, "rank 9");
    smelt_tensor_destroy(&nine);
    smelt_encoder_destroy(&encoder);
}

static const struct test tests[] = {
    {"elements broadcast and wrap", elements_broadcast_and_wrap},
    {"elements of 4 bits", elements_of_4_bits},
    {"any number of shapes", any_number_of_shapes},
    {"a graph replays and patches it", a_graph_replays_and_patches_it},
    {"what it refuses", what_it_refuses},
};

TEST_MAIN(tests)
