// SPDX-License-Identifier: MIT
// Quantised weights: made by hand and from packages, bound by name to a product, against sums in double; packages that lie
// are refused with the member's name.
#define _XOPEN_SOURCE 700 // mkdtemp
#include "folder.h"
#include "rig.h"

#include <math.h>

#define ROWS 5
#define COLUMNS 7 // odd: a row of 4 bit elements ends in half a byte
#define BLOCK 3
#define BLOCKS 3
#define ROW_BYTES 4
#define ZERO_BYTES 2

static uint8_t nibbles[ROWS][ROW_BYTES], zeros[ROWS][ZERO_BYTES];
static uint16_t scales[ROWS][BLOCKS]; // f16
static float bias[ROWS];

static int stored(int row, int column)
{
    return (row * 5 + column * 3) % 16;
}

static int zero_of(int row, int block)
{
    return (row * 7 + block * 5 + 3) % 16;
}

static float scale_of(int row, int block)
{
    return 0.25f * (float)(1 + (row + block) % 4) * (row & 1 ? -1.0f : 1.0f);
}

static void make_values(void)
{
    memset(nibbles, 0, sizeof(nibbles));
    memset(zeros, 0, sizeof(zeros));
    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < COLUMNS; c++)
            nibbles[r][c / 2] |= (uint8_t)(stored(r, c) << 4 * (c & 1));
        for (int b = 0; b < BLOCKS; b++) {
            float scale = scale_of(r, b);
            zeros[r][b / 2] |= (uint8_t)(zero_of(r, b) << 4 * (b & 1));
            smelt_dtype_convert(SMELT_DTYPE_F16, &scales[r][b], SMELT_DTYPE_F32, &scale, 1);
        }
        bias[r] = (float)r - 1.5f;
    }
}

static float left(int k)
{
    return 0.5f * (float)(k + 1) * (k & 1 ? -1.0f : 1.0f);
}

// One product on the layer, by an op that its description gives, with everything bound by name.
static void check_product(smelt_weights weights, uint32_t index)
{
    smelt_context context = test_context();
    const struct smelt_weights_layer *layer = smelt_weights_layer_info(weights, index);
    const struct smelt_matmul2d_descriptor d = {.n = layer->rows,
                                                .k = layer->columns,
                                                .transpose_right = true,
                                                .bias = layer->bias,
                                                .stored = layer->dtype,
                                                .computed = SMELT_DTYPE_F32,
                                                .scale = layer->scale,
                                                .block = layer->block,
                                                .zero = layer->zero,
                                                .backend = SMELT_BACKEND_PORTABLE};
    const struct smelt_op op = {.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &d};
    struct smelt_shader_params params = {
        .source = "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/op/product.glsl\"\n"
                  "#define SMELT_TENSOR result\n#define SMELT_DTYPE SMELT_DTYPE_F32\n#define SMELT_RANK 1\n"
                  "#define SMELT_ACCESS SMELT_ACCESS_WRITE\n#define SMELT_EXTENT0 5\n"
                  "#include \"smelt/tensor_tmpl.glsl\"\n"
                  "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer values\n"
                  "{ product op; result_f32_1_w_5 y; };\n"
                  "layout(push_constant, scalar) uniform push { values block; };\n"
                  "layout(local_size_x = 1) in;\n"
                  "void main()\n{\n    product_left a;\n"
                  "    for (int k = 0; k < 7; k++)\n"
                  "        smelt_set(a, 0, k, 0.5 * float(k + 1) * ((k & 1) != 0 ? -1.0 : 1.0));\n"
                  "    product_result d = product_run(a, block.op);\n"
                  "    for (int n = 0; n < 5; n++)\n        smelt_store(block.y, uint(n), smelt_get(d, 0, "
                  "n));\n}\n",
        .path = "product.comp",
        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
        .ops = &op,
        .op_count = 1,
        .no_cache = true};
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(context, &params, &shader));
    struct smelt_arguments_params block = {.shaders = &shader, .shader_count = 1, .block = "values"};
    smelt_arguments arguments = NULL;
    CHECK_OK(smelt_arguments_create(context, &block, &arguments));
    smelt_tensor y = rig_tensor(context, SMELT_DTYPE_F32, 1, (const uint64_t[]){ROWS}, NULL);
    CHECK_OK(smelt_arguments_set_tensor(arguments, "op.weight", smelt_weights_matrix(weights, index)));
    CHECK_OK(smelt_arguments_set_tensor(arguments, "op.scale", smelt_weights_scale(weights, index)));
    CHECK_OK(smelt_arguments_set_tensor(arguments, "op.zero", smelt_weights_zero(weights, index)));
    CHECK_OK(smelt_arguments_set_tensor(arguments, "op.bias", smelt_weights_bias(weights, index)));
    CHECK_OK(smelt_arguments_set_tensor(arguments, "y", y));
    VkPipelineLayout layout = VK_NULL_HANDLE;
    VkPipeline pipeline = VK_NULL_HANDLE;
    CHECK_OK(smelt_shader_create_compute_pipeline(shader, NULL, 0, NULL, &layout, &pipeline));
    VkCommandBuffer commands = NULL;
    CHECK_OK(smelt_submit_begin(context, &commands));
    context->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    enum smelt_result result = smelt_arguments_bind(arguments, commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                                    layout, VK_SHADER_STAGE_COMPUTE_BIT, 0);
    if (!result)
        context->vk.CmdDispatch(commands, 1, 1, 1);
    smelt_memory_barrier(context, commands, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                         VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                         VK_ACCESS_2_MEMORY_READ_BIT);
    CHECK_OK(smelt_submit_end(context, !result));
    CHECK_OK(result);
    float got[ROWS];
    CHECK_OK(smelt_tensor_read_and_wait(y, NULL, got, sizeof(got)));
    for (int r = 0; r < ROWS; r++) {
        double exact = bias[r];
        for (int c = 0; c < COLUMNS; c++)
            exact += (double)left(c) * scale_of(r, c / BLOCK) * (stored(r, c) - zero_of(r, c / BLOCK));
        CHECK(fabs(got[r] - exact) <= 1e-4);
    }
    context->vk.DestroyPipeline(context->device, pipeline, context->allocation_callbacks);
    context->vk.DestroyPipelineLayout(context->device, layout, context->allocation_callbacks);
    smelt_tensor_destroy(&y);
    smelt_arguments_destroy(&arguments);
    smelt_shader_destroy(&shader);
}

static struct smelt_weights_layer quantised(void)
{
    return (struct smelt_weights_layer){.rows = ROWS,
                                        .columns = COLUMNS,
                                        .bias = true,
                                        .dtype = SMELT_DTYPE_U4,
                                        .scale = SMELT_SCALE_F16,
                                        .block = BLOCK,
                                        .zero = SMELT_ZERO_POINT};
}

static void layers_have_scales(void)
{
    const struct smelt_weights_layer layers[] = {{.rows = 3, .columns = 2}, quantised()};
    const struct smelt_weights_params params = {
        .layers = layers, .layer_count = 2, .backend = SMELT_BACKEND_PORTABLE};
    smelt_weights weights = NULL;
    CHECK_OK(smelt_weights_create(test_context(), &params, &weights));
    CHECK(smelt_weights_layer_count(weights) == 2);
    CHECK(smelt_weights_layer_info(weights, 0)->dtype == SMELT_DTYPE_F16);
    CHECK(smelt_weights_layer_info(weights, 0)->bias_dtype == SMELT_DTYPE_F16);
    CHECK(smelt_weights_layer_info(weights, 1)->bias_dtype == SMELT_DTYPE_F32);
    CHECK(!smelt_weights_scale(weights, 0) && !smelt_weights_zero(weights, 0));
    CHECK(!smelt_weights_layer_info(weights, 2) && !smelt_weights_scale(weights, 2));
    const struct smelt_tensor_info *s = smelt_tensor_info(smelt_weights_scale(weights, 1));
    const struct smelt_tensor_info *z = smelt_tensor_info(smelt_weights_zero(weights, 1));
    CHECK(s->dtype == SMELT_DTYPE_F16 && s->shape[0] == ROWS && s->shape[1] == BLOCKS);
    CHECK(z->dtype == SMELT_DTYPE_U4 && z->shape[1] == BLOCKS && z->strides[0] == 4);
    make_values();
    const uint16_t plain[6] = {0};
    const void *matrices[] = {plain, nibbles}, *all_scales[] = {NULL, scales}, *all_zeros[] = {NULL, zeros},
               *biases[] = {NULL, bias};
    struct smelt_weights_data data = {.matrices = matrices, .biases = biases, .scales = all_scales};
    CHECK_FAILS(smelt_weights_update_and_wait(weights, &data), SMELT_ERROR_INVALID_ARGUMENT,
                "zeros[1] is NULL, wanted 5 x 3 elements of u4");
    data.zeros = all_zeros;
    CHECK_OK(smelt_weights_update_and_wait(weights, &data));
    check_product(weights, 1);
    smelt_weights_destroy(&weights);
}

static void refuses_bad_layers(void)
{
    smelt_weights weights = NULL;
    struct smelt_weights_layer layer;
    struct smelt_weights_params params = {
        .layers = &layer, .layer_count = 1, .backend = SMELT_BACKEND_PORTABLE};
#define REFUSED(result, text, ...)                                                                           \
    layer = quantised();                                                                                     \
    __VA_ARGS__;                                                                                             \
    CHECK_FAILS(smelt_weights_create(test_context(), &params, &weights), result, text)
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "layers[0]: block is 0, wanted 1 to", layer.block = 0);
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "layers[0]: scale is 4 and zero is 1", layer.scale = 4);
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "block is 3 and zero is 1 without scale", layer.scale = 0);
    REFUSED(SMELT_ERROR_DTYPE, "stored is f32 with scale", layer.dtype = SMELT_DTYPE_F32);
    REFUSED(SMELT_ERROR_DTYPE, "dtype is invalid", layer.dtype = (enum smelt_dtype)99);
    REFUSED(SMELT_ERROR_DTYPE, "bias_dtype is i4, wanted an element type of 8 bits or more",
            layer.bias_dtype = SMELT_DTYPE_I4);
    REFUSED(SMELT_ERROR_INVALID_ARGUMENT, "zero is 2 with stored u4 and scale 3",
            layer.scale = SMELT_SCALE_UE8M0, layer.zero = SMELT_ZERO_OFFSET);
    params.backend = SMELT_BACKEND_COOPVEC;
    REFUSED(SMELT_ERROR_DTYPE, "dtype is u4, wanted f16 for the backend coopvec", (void)0);
#undef REFUSED
    CHECK(!weights);
}

// --- Packages ---------------------------------------------------------------------------------------------

#define GOOD                                                                                                 \
    "{\"weight\": \"w\", \"dtype\": \"u4\", \"columns\": 7, \"scale\": \"s\", \"block\": 3, "                \
    "\"zero_point\": \"z\", \"bias\": \"b\"}"
#define LAYERS(text) "{\"kind\": \"weights\", \"layers\": [" text "]}"

static smelt_package open_package(const char *description)
{
    static const uint64_t wide[4] = {0};
    const struct smelt_package_tensor tensors[] = {
        {.name = "w",
         .dtype = SMELT_DTYPE_U8,
         .rank = 2,
         .shape = {ROWS, ROW_BYTES},
         .data = nibbles,
         .size = sizeof(nibbles)},
        {.name = "s",
         .dtype = SMELT_DTYPE_F16,
         .rank = 2,
         .shape = {ROWS, BLOCKS},
         .data = scales,
         .size = sizeof(scales)},
        {.name = "z",
         .dtype = SMELT_DTYPE_U8,
         .rank = 2,
         .shape = {ROWS, ZERO_BYTES},
         .data = zeros,
         .size = sizeof(zeros)},
        {.name = "b",
         .dtype = SMELT_DTYPE_F32,
         .rank = 1,
         .shape = {ROWS},
         .data = bias,
         .size = sizeof(bias)},
        {.name = "wide", .dtype_name = "I64", .rank = 2, .shape = {2, 2}, .data = wide, .size = sizeof(wide)},
        {.name = "empty", .dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {2, 0}},
    };
    smelt_package package = NULL;
    const char *path = folder_file("weights.safetensors");
    CHECK_OK(smelt_package_write(path, tensors, sizeof(tensors) / sizeof(tensors[0]), description, NULL, 0));
    CHECK_OK(smelt_package_open(path, &package));
    return package;
}

static void packages_arrive(void)
{
    make_values();
    smelt_package package = open_package(LAYERS("{\"weight\": \"s\"}, " GOOD));
    const struct smelt_weights_params params = {.backend = SMELT_BACKEND_PORTABLE};
    smelt_weights weights = NULL;
    CHECK_OK(smelt_weights_create_from_package(test_context(), &params, package, &weights));
    smelt_package_close(&package);
    CHECK(smelt_weights_layer_count(weights) == 2);
    const struct smelt_weights_layer *layer = smelt_weights_layer_info(weights, 1);
    CHECK(layer->rows == ROWS && layer->columns == COLUMNS && layer->dtype == SMELT_DTYPE_U4);
    CHECK(layer->scale == SMELT_SCALE_F16 && layer->block == BLOCK && layer->zero == SMELT_ZERO_POINT);
    CHECK(smelt_weights_layer_info(weights, 0)->dtype == SMELT_DTYPE_F16 && !smelt_weights_bias(weights, 0));
    uint16_t got[ROWS][BLOCKS];
    CHECK_OK(smelt_tensor_read_and_wait(smelt_weights_matrix(weights, 0), NULL, got, sizeof(got)));
    CHECK(!memcmp(got, scales, sizeof(got)));
    check_product(weights, 1);
    smelt_weights_destroy(&weights);
}

static void bad_packages_are_refused(void)
{
    static const struct {
        const char *description;
        enum smelt_result result;
        const char *text;
    } rows[] = {
        {"{\"kind\": \"shader\"}", SMELT_ERROR_FORMAT,
         "wanted a package of kind \"weights\", got \"shader\""},
        {"{\"kind\": \"weights\"}", SMELT_ERROR_FORMAT, "layers: wanted an array of 1 to 65536"},
        {LAYERS(""), SMELT_ERROR_FORMAT, "layers: wanted an array of 1 to 65536"},
        {LAYERS("3"), SMELT_ERROR_FORMAT, "layers[0]: wanted an object"},
        {LAYERS("{}"), SMELT_ERROR_FORMAT, "layers[0].weight: wanted the name of a tensor"},
        {LAYERS("{\"weight\": \"w\", \"scales\": \"s\"}"), SMELT_ERROR_FORMAT,
         "layers[0].scales: wanted no such member"},
        {LAYERS("{\"weight\": \"nowhere\"}"), SMELT_ERROR_FORMAT,
         "layers[0].weight: wanted the name of a tensor"},
        {LAYERS("{\"weight\": \"b\"}"), SMELT_ERROR_SHAPE, "tensor \"b\": wanted rank 2"},
        {LAYERS("{\"weight\": \"empty\"}"), SMELT_ERROR_SHAPE,
         "tensor \"empty\": wanted rank 2 with extents of 1"},
        {LAYERS("{\"weight\": \"wide\"}"), SMELT_ERROR_DTYPE,
         "tensor \"wide\": wanted a type that smelt computes"},
        {LAYERS("{\"weight\": \"w\", \"dtype\": \"u4\"}"), SMELT_ERROR_FORMAT, "layers[0].columns: wanted"},
        {LAYERS("{\"weight\": \"w\", \"columns\": 7}"), SMELT_ERROR_FORMAT,
         "layers[0].dtype: wanted \"i4\" or \"u4\""},
        {LAYERS("{\"weight\": \"w\", \"dtype\": \"i2\", \"columns\": 7}"), SMELT_ERROR_FORMAT,
         "wanted \"i4\" or \"u4\""},
        {LAYERS("{\"weight\": \"w\", \"dtype\": \"i4\", \"columns\": 9}"), SMELT_ERROR_SHAPE,
         "wanted shape [5][5], got [5][4]"},
        {LAYERS("{\"weight\": \"s\", \"dtype\": \"i4\", \"columns\": 6}"), SMELT_ERROR_DTYPE,
         "wanted U8, two elements to a byte"},
        {LAYERS("{\"weight\": \"w\", \"block\": 3}"), SMELT_ERROR_FORMAT,
         "layers[0].block: wanted a member \"scale\""},
        {LAYERS("{\"weight\": \"w\", \"scale\": \"s\"}"), SMELT_ERROR_FORMAT, "layers[0].block: wanted"},
        {LAYERS("{\"weight\": \"w\", \"scale\": \"s\", \"block\": 0}"), SMELT_ERROR_FORMAT,
         "layers[0].block: wanted"},
        {LAYERS("{\"weight\": \"w\", \"scale\": \"s\", \"block\": 4}"), SMELT_ERROR_SHAPE,
         "wanted shape [5][1], got [5][3]"},
        {LAYERS("{\"weight\": \"w\", \"scale\": \"wide\", \"block\": 4}"), SMELT_ERROR_DTYPE,
         "wanted F32, F16, F8_E8M0 or U8"},
        {LAYERS("{\"weight\": \"s\", \"scale\": \"s\", \"block\": 1}"), SMELT_ERROR_DTYPE,
         "stored is f16 with scale"},
        {LAYERS("{\"weight\": \"w\", \"dtype\": \"u4\", \"columns\": 7, \"scale\": \"s\", \"block\": 3, "
                "\"offset\": \"z\"}"),
         SMELT_ERROR_DTYPE, "layers[0].offset: tensor \"z\": wanted f16"},
        {LAYERS("{\"weight\": \"w\", \"dtype\": \"u4\", \"columns\": 7, \"scale\": \"s\", \"block\": 3, "
                "\"zero_point\": \"w\"}"),
         SMELT_ERROR_SHAPE, "layers[0].zero_point: tensor \"w\": wanted shape [5][2], got [5][4]"},
        {LAYERS("{\"weight\": \"w\", \"dtype\": \"u4\", \"columns\": 7, \"scale\": \"s\", \"block\": 3, "
                "\"zero_point\": \"z\", "
                "\"offset\": \"s\"}"),
         SMELT_ERROR_FORMAT, "layers[0].offset: wanted no \"zero_point\" beside it"},
        {LAYERS("{\"weight\": \"w\", \"bias\": \"s\"}"), SMELT_ERROR_SHAPE,
         "layers[0].bias: tensor \"s\": wanted shape [5]"},
        {LAYERS("{\"weight\": \"w\", \"bias\": \"wide\"}"), SMELT_ERROR_DTYPE,
         "layers[0].bias: tensor \"wide\""},
    };
    make_values();
    const struct smelt_weights_params params = {.backend = SMELT_BACKEND_PORTABLE};
    smelt_weights weights = NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        smelt_package package = open_package(rows[i].description);
        enum smelt_result result =
            smelt_weights_create_from_package(test_context(), &params, package, &weights);
        smelt_package_close(&package);
        if (result != rows[i].result || !strstr(smelt_last_error(), rows[i].text))
            printf("    %s: wanted %s\n", rows[i].description, rows[i].text);
        CHECK(result == rows[i].result && !weights);
        CHECK(strstr(smelt_last_error(), rows[i].text));
    }
    struct smelt_weights_params typed = params;
    typed.dtype = SMELT_DTYPE_F16;
    smelt_package package = open_package(LAYERS(GOOD));
    CHECK_FAILS(smelt_weights_create_from_package(test_context(), &typed, package, &weights),
                SMELT_ERROR_INVALID_ARGUMENT, "params.dtype is set, wanted NONE");
    CHECK_FAILS(smelt_weights_create_from_package(test_context(), &params, NULL, &weights),
                SMELT_ERROR_INVALID_ARGUMENT, "package is NULL");
    CHECK_FAILS(smelt_weights_create_from_package(test_context(), NULL, package, &weights),
                SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    smelt_package_close(&package);
}

static const struct test tests[] = {
    {"layers have scales and zero points", layers_have_scales},
    {"layers are checked", refuses_bad_layers},
    {"packages arrive and bind by name", packages_arrive},
    {"bad packages are refused by member", bad_packages_are_refused},
};
TEST_MAIN(tests)
