// SPDX-License-Identifier: MIT
// Weights: what is refused, where layers lie, updates in the caller's command buffer and waiting, memory given back;
// COOPVEC where the device has it (its numbers are checked by checkglsl).
#include "internal.h"
#include "test.h"

static const struct smelt_weights_layer layers[] = {{.rows = 7, .columns = 3, .bias = true},
                                                    {.rows = 5, .columns = 7},
                                                    {.rows = 1, .columns = 5, .bias = true}};
#define LAYERS 3

static struct smelt_weights_params params_of(enum smelt_dtype dtype)
{
    return (struct smelt_weights_params){
        .layers = layers, .layer_count = LAYERS, .dtype = dtype, .backend = SMELT_BACKEND_PORTABLE};
}

static void refuses_bad_params(void)
{
    smelt_context context = test_context();
    smelt_weights weights = NULL;
    struct smelt_weights_params p = params_of(SMELT_DTYPE_NONE);
    CHECK_FAILS(smelt_weights_create(context, NULL, &weights), SMELT_ERROR_INVALID_ARGUMENT,
                "params is NULL");
    p.layer_count = 0;
    CHECK_FAILS(smelt_weights_create(context, &p, &weights), SMELT_ERROR_INVALID_ARGUMENT,
                "layer_count is 0");
    p = params_of(SMELT_DTYPE_NONE);
    p.layers = NULL;
    CHECK_FAILS(smelt_weights_create(context, &p, &weights), SMELT_ERROR_INVALID_ARGUMENT, "layers is NULL");
    p = params_of(SMELT_DTYPE_NONE);
    p.backend = SMELT_BACKEND_AUTO;
    CHECK_FAILS(smelt_weights_create(context, &p, &weights), SMELT_ERROR_INVALID_ARGUMENT,
                "backend is auto, wanted a backend");
    p.backend = SMELT_BACKEND_COUNT;
    CHECK_FAILS(smelt_weights_create(context, &p, &weights), SMELT_ERROR_INVALID_ARGUMENT,
                "backend is invalid");
    p = params_of((enum smelt_dtype)99);
    CHECK_FAILS(smelt_weights_create(context, &p, &weights), SMELT_ERROR_DTYPE, "dtype is 99");
    struct smelt_weights_layer bad[] = {{.rows = 4, .columns = 4}, {.columns = 4}};
    p = params_of(SMELT_DTYPE_F16);
    p.layers = bad;
    p.layer_count = 2;
    CHECK_FAILS(smelt_weights_create(context, &p, &weights), SMELT_ERROR_INVALID_ARGUMENT,
                "layers[1] is 0 rows by 4 columns");
    bad[1] = (struct smelt_weights_layer){.rows = 70000, .columns = 70000};
    CHECK_FAILS(smelt_weights_create(context, &p, &weights), SMELT_ERROR_INVALID_ARGUMENT,
                "layers[1] is 70000 rows by 70000 columns");
    CHECK(!weights);
    smelt_weights_destroy(&weights);
    smelt_weights_destroy(NULL);
}

static void refuses_coopvec_without_it(void)
{
    smelt_context context = test_context();
    smelt_weights weights = NULL;
    struct smelt_weights_params p = params_of(SMELT_DTYPE_F32);
    p.backend = SMELT_BACKEND_COOPVEC;
    CHECK_FAILS(smelt_weights_create(context, &p, &weights), SMELT_ERROR_DTYPE, "dtype is f32, wanted f16");
    if (smelt_context_capabilities(context)->cooperative_vector)
        SKIP("the device has cooperative vectors");
    p.dtype = SMELT_DTYPE_F16;
    CHECK_FAILS(smelt_weights_create(context, &p, &weights), SMELT_ERROR_UNSUPPORTED,
                "VK_NV_cooperative_vector");
}

static void keeps_the_budget(void)
{
    struct smelt_context_params own = {.cache_directory = "", .memory_budget = 4096};
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&own, &context));
    struct smelt_weights_layer big = {.rows = 1024, .columns = 1024, .bias = true};
    struct smelt_weights_params p = params_of(SMELT_DTYPE_F16);
    p.layers = &big;
    p.layer_count = 1;
    smelt_weights weights = NULL;
    enum smelt_result result = smelt_weights_create(context, &p, &weights);
    uint64_t left = smelt_context_memory(context).total;
    smelt_context_destroy(&context);
    CHECK(result == SMELT_ERROR_BUDGET && !weights && left == 0);
}

static void layers_are_tensors(void)
{
    smelt_context context = test_context();
    uint64_t before = smelt_context_memory(context).total;
    struct smelt_weights_params p = params_of(SMELT_DTYPE_NONE); // f16
    smelt_weights weights = NULL;
    CHECK_OK(smelt_weights_create(context, &p, &weights));
    for (uint32_t i = 0; i < LAYERS; i++) {
        const struct smelt_tensor_info *m = smelt_tensor_info(smelt_weights_matrix(weights, i));
        CHECK(m->dtype == SMELT_DTYPE_F16 && m->rank == 2);
        CHECK(m->shape[0] == layers[i].rows && m->shape[1] == layers[i].columns);
        CHECK(m->strides[0] == layers[i].columns && m->strides[1] == 1);
        CHECK(m->address % 64 == 0);
        CHECK(!smelt_weights_bias(weights, i) == !layers[i].bias);
        if (!layers[i].bias)
            continue;
        const struct smelt_tensor_info *b = smelt_tensor_info(smelt_weights_bias(weights, i));
        CHECK(b->rank == 1 && b->shape[0] == layers[i].rows && b->address % 16 == 0);
    }
    CHECK(!smelt_weights_matrix(weights, LAYERS) && !smelt_weights_bias(weights, UINT32_MAX));
    CHECK(smelt_context_memory(context).bytes[SMELT_MEMORY_WEIGHTS] > 0);
    smelt_weights_destroy(&weights);
    CHECK(!weights && smelt_context_memory(context).total == before);
}

// Values that tell layer, element and update.
static void make_values(float *values, uint32_t count, uint32_t layer, uint32_t update)
{
    for (uint32_t i = 0; i < count; i++)
        values[i] = (float)(1000 * update + 100 * layer + i);
}

struct data {
    float matrix[LAYERS][64], bias[LAYERS][8];
    const void *matrices[LAYERS], *biases[LAYERS];
    struct smelt_weights_data all;
};

static void make_data(struct data *data, uint32_t update)
{
    for (uint32_t i = 0; i < LAYERS; i++) {
        make_values(data->matrix[i], layers[i].rows * layers[i].columns, i, update);
        make_values(data->bias[i], layers[i].rows, i + 5, update);
        data->matrices[i] = data->matrix[i];
        data->biases[i] = layers[i].bias ? data->bias[i] : NULL;
    }
    data->all = (struct smelt_weights_data){.matrices = data->matrices, .biases = data->biases};
}

static bool holds(smelt_weights weights, const struct data *data)
{
    float got[64];
    for (uint32_t i = 0; i < LAYERS; i++) {
        size_t size = layers[i].rows * layers[i].columns * sizeof(float);
        if (smelt_tensor_read_and_wait(smelt_weights_matrix(weights, i), NULL, got, sizeof(got)) ||
            memcmp(got, data->matrix[i], size) != 0)
            return false;
        if (layers[i].bias &&
            (smelt_tensor_read_and_wait(smelt_weights_bias(weights, i), NULL, got, sizeof(got)) ||
             memcmp(got, data->bias[i], layers[i].rows * sizeof(float)) != 0))
            return false;
    }
    return true;
}

static void updates_and_waits(void)
{
    struct smelt_weights_params p = params_of(SMELT_DTYPE_F32);
    smelt_weights weights = NULL;
    struct data data;
    CHECK_OK(smelt_weights_create(test_context(), &p, &weights));
    for (uint32_t update = 1; update <= 2; update++) {
        make_data(&data, update);
        CHECK_OK(smelt_weights_update_and_wait(weights, &data.all));
        CHECK(holds(weights, &data));
    }
    CHECK_FAILS(smelt_weights_update_and_wait(weights, NULL), SMELT_ERROR_INVALID_ARGUMENT, "data is NULL");
    data.all.matrices = NULL;
    CHECK_FAILS(smelt_weights_update_and_wait(weights, &data.all), SMELT_ERROR_INVALID_ARGUMENT,
                "matrices[0] is NULL, wanted 7 x 3 elements of f32");
    make_data(&data, 2);
    data.matrices[1] = NULL;
    CHECK_FAILS(smelt_weights_update_and_wait(weights, &data.all), SMELT_ERROR_INVALID_ARGUMENT,
                "matrices[1] is NULL");
    make_data(&data, 2);
    data.all.biases = NULL;
    CHECK_FAILS(smelt_weights_update_and_wait(weights, &data.all), SMELT_ERROR_INVALID_ARGUMENT,
                "biases[0] is NULL");
    make_data(&data, 2);
    data.biases[2] = NULL;
    CHECK_FAILS(smelt_weights_update_and_wait(weights, &data.all), SMELT_ERROR_INVALID_ARGUMENT,
                "biases[2] is NULL");
    make_data(&data, 2);
    CHECK(holds(weights, &data)); // a refused update changes nothing
    smelt_weights_destroy(&weights);
}

// Three frames in flight: their updates are recorded before any of them runs, so each needs staging of its own; a
// waiting update recorded in between must not touch theirs.
static void frames_do_not_share_staging(void)
{
    smelt_context context = test_context();
    struct smelt_weights_params p = params_of(SMELT_DTYPE_F32);
    p.frames_in_flight = 3;
    p.stages = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    smelt_weights weights = NULL;
    CHECK_OK(smelt_weights_create(context, &p, &weights));
    smelt_tensor copies[3];
    struct smelt_tensor_params copy = {.dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {7, 3}};
    for (int i = 0; i < 3; i++)
        CHECK_OK(smelt_tensor_create(context, &copy, &copies[i]));
    struct data data[3];
    smelt_encoder encoder = test_begin();
    VkCommandBuffer commands = smelt_encoder_commands(encoder);
    enum smelt_result result = SMELT_OK;
    for (uint32_t frame = 0; frame < 3 && !result; frame++) {
        make_data(&data[frame], frame);
        result = smelt_weights_update(weights, commands, frame + 40, &data[frame].all);
        memset(data[frame].matrix[0], 0xFF, sizeof(data[frame].matrix[0])); // it was read during the call
        make_data(&data[frame], frame);
        if (!result)
            result = smelt_encode_copy(encoder, copies[frame], smelt_weights_matrix(weights, 0), NULL);
    }
    test_end(encoder);
    CHECK_OK(result);
    for (uint32_t frame = 0; frame < 3; frame++) {
        float got[21];
        CHECK_OK(smelt_tensor_read_and_wait(copies[frame], NULL, got, sizeof(got)));
        CHECK(!memcmp(got, data[frame].matrix[0], sizeof(got)));
    }
    CHECK(holds(weights, &data[2]));
    for (int i = 0; i < 3; i++)
        smelt_tensor_destroy(&copies[i]);
    smelt_weights_destroy(&weights);
}

static void coopvec_matrices_are_opaque(void)
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->cooperative_vector)
        SKIP("the device has no cooperative vectors");
    struct smelt_weights_params p = params_of(SMELT_DTYPE_F16);
    p.backend = SMELT_BACKEND_COOPVEC;
    smelt_weights weights = NULL;
    CHECK_OK(smelt_weights_create(context, &p, &weights));
    struct data data;
    make_data(&data, 0); // bits that mean nothing are as good
    CHECK_OK(smelt_weights_update_and_wait(weights, &data.all));
    for (uint32_t i = 0; i < LAYERS; i++) {
        const struct smelt_tensor_info *m = smelt_tensor_info(smelt_weights_matrix(weights, i));
        CHECK(m->shape[0] == layers[i].rows && m->strides[0] == 0 && m->strides[1] == 0);
        CHECK(m->address % 64 == 0);
        uint16_t values[64];
        CHECK(smelt_tensor_read_and_wait(smelt_weights_matrix(weights, i), NULL, values, sizeof(values)) !=
              SMELT_OK);
    }
    smelt_weights_destroy(&weights);
}

static const struct test tests[] = {
    {"parameters are checked, layer by layer", refuses_bad_params},
    {"COOPVEC is refused without the extension", refuses_coopvec_without_it},
    {"a budget is kept and what was made is given back", keeps_the_budget},
    {"layers are tensors that borrow", layers_are_tensors},
    {"updates arrive, bad ones change nothing", updates_and_waits},
    {"frames in flight do not share staging", frames_do_not_share_staging},
    {"COOPVEC matrices are opaque", coopvec_matrices_are_opaque},
};
TEST_MAIN(tests)
