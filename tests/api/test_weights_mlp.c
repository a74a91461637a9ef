// SPDX-License-Identifier: MIT
// Networks for shaders in packages: a layer that hands on what the encodings give, evaluated by a shader and compared with
// tiny-cuda-nn's formulas in double; descriptions that are wrong are refused with the member's name.
#define _XOPEN_SOURCE 700 // mkdtemp
#include "folder.h"
#include "rig.h"

#include <math.h>

enum { FEATURES = 15, INPUTS = 7 };

static const char *const good =
    "{\"kind\": \"weights\", \"layers\": [{\"weight\": \"w\", \"bias\": \"b\"}], \"mlp\": {\"inputs\": 7,"
    "\"encoding\": [{\"type\": \"identity\", \"inputs\": 1, \"scale\": 2, \"offset\": -0.5},"
    "{\"type\": \"frequency\", \"inputs\": 1, \"n_frequencies\": 2},"
    "{\"type\": \"triangle_wave\", \"inputs\": 1, \"n_frequencies\": 2},"
    "{\"type\": \"one_blob\", \"inputs\": 1, \"n_bins\": 4},"
    "{\"type\": \"spherical_harmonics\", \"inputs\": 3, \"degree\": 2}], \"activations\": [\"none\"]}}";

static smelt_package open_package(const char *description)
{
    static float unit[FEATURES][FEATURES], bias[FEATURES];
    static const uint16_t half[FEATURES] = {0};
    for (int i = 0; i < FEATURES; i++)
        unit[i][i] = 1;
    const struct smelt_package_tensor tensors[] = {
        {.name = "w",
         .dtype = SMELT_DTYPE_F32,
         .rank = 2,
         .shape = {FEATURES, FEATURES},
         .data = unit,
         .size = sizeof(unit)},
        {.name = "b",
         .dtype = SMELT_DTYPE_F32,
         .rank = 1,
         .shape = {FEATURES},
         .data = bias,
         .size = sizeof(bias)},
        {.name = "narrow", .dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {3, 5}, .data = unit, .size = 60},
        {.name = "half",
         .dtype = SMELT_DTYPE_F16,
         .rank = 2,
         .shape = {1, FEATURES},
         .data = half,
         .size = sizeof(half)}};
    const char *path = folder_file("mlp.safetensors");
    smelt_package package = NULL;
    CHECK_OK(smelt_package_write(path, tensors, sizeof(tensors) / sizeof(tensors[0]), description, NULL, 0));
    CHECK_OK(smelt_package_open(path, &package));
    return package;
}

static double quartic(double u)
{
    u = fmin(fmax(u, -1), 1);
    return 15.0 / 16 * (u - 2 * u * u * u / 3 + u * u * u * u * u / 5) + 0.5;
}

// tiny-cuda-nn's: the integral of the kernel over the bin, with its copies one period away.
static double one_blob(double x, int bin)
{
    double sum = 0;
    for (int period = -1; period <= 1; period++)
        sum += quartic(((bin + 1) / 4.0 - x + period) * 4) - quartic((bin / 4.0 - x + period) * 4);
    return sum;
}

static void reference(const double x[INPUTS], double y[FEATURES])
{
    double pi = acos(-1), a = 0.4886025119029199; // sqrt(3 / (4 pi))
    y[0] = 2 * x[0] - 0.5;
    for (int o = 0; o < 2; o++) {
        y[1 + 2 * o] = sin(ldexp(pi * x[1], o));
        y[2 + 2 * o] = cos(ldexp(pi * x[1], o));
        double wave = ldexp(x[2], o - 1) + 0.25 * o;
        y[5 + o] = 4 * fabs(wave - floor(wave) - 0.5) - 1;
    }
    for (int i = 0; i < 4; i++)
        y[7 + i] = one_blob(x[3], i);
    double d[3] = {2 * x[4] - 1, 2 * x[5] - 1, 2 * x[6] - 1};
    y[11] = 0.28209479177387814; // 1 / (2 sqrt(pi))
    y[12] = -a * d[1];
    y[13] = a * d[2];
    y[14] = -a * d[0];
}

static smelt_pipeline make_pipeline(const struct smelt_op *op, const char *encoding, smelt_shader *shader)
{
    const struct smelt_virtual_file file = {"encoding.glsl", encoding};
    const struct smelt_shader_params params = {
        .source =
            "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/op/net.glsl\"\n"
            "#include \"encoding.glsl\"\n"
            "#define SMELT_TENSOR result\n#define SMELT_DTYPE SMELT_DTYPE_F32\n#define SMELT_RANK 1\n"
            "#define SMELT_ACCESS SMELT_ACCESS_WRITE\n#define SMELT_EXTENT0 15\n"
            "#include \"smelt/tensor_tmpl.glsl\"\n"
            "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer values\n"
            "{ net_weights net; result_f32_1_w_15 y; float x[7]; };\n"
            "layout(push_constant, scalar) uniform push { values block; };\n"
            "layout(local_size_x = 1) in;\n"
            "void main()\n{\n    float x[7];\n    for (int i = 0; i < 7; i++)\n        x[i] = block.x[i];\n"
            "    net_output y = net_run(block.net, net_encode(x));\n"
            "    for (int n = 0; n < 15; n++)\n        smelt_store(block.y, uint(n), smelt_get(y, n));\n}\n",
        .path = "mlp.comp",
        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
        .ops = op,
        .op_count = 1,
        .files = &file,
        .file_count = 1,
        .no_cache = true};
    smelt_pipeline pipeline = NULL;
    CHECK_OK(smelt_shader_create(test_context(), &params, shader));
    const struct smelt_pipeline_params pipeline_params = {.shader = *shader};
    CHECK_OK(smelt_pipeline_create(test_context(), &pipeline_params, &pipeline));
    return pipeline;
}

static void a_shader_encodes_as_tiny_cuda_nn(void)
{
    static const double points[][INPUTS] = {{0.25, 0.3, 0.7, 0.4, 0.9, 0.1, 0.6},
                                            {0, 0, 0, 0.02, 0.5, 0.5, 1},
                                            {1, 0.96875, 0.515625, 0.98, 0, 0.25, 0.5}};
    smelt_package package = open_package(good);
    struct smelt_mlp_descriptor mlp;
    struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp};
    uint32_t inputs;
    char *encoding = NULL;
    CHECK_OK(smelt_mlp_from_package(test_context(), package, "net", &mlp, &inputs, &encoding));
    CHECK(inputs == INPUTS && mlp.layer_count == 1 && mlp.widths[0] == FEATURES && mlp.widths[1] == FEATURES);
    CHECK(mlp.stored == SMELT_DTYPE_F32 && !mlp.no_bias && mlp.activations[0] == SMELT_ACTIVATION_NONE);
    if (!smelt_context_capabilities(test_context())->compiler)
        SKIP("this build has no GLSL compiler");
    mlp.backend = SMELT_BACKEND_PORTABLE;
    const struct smelt_weights_params weights_params = {.backend = SMELT_BACKEND_PORTABLE};
    smelt_weights weights = NULL;
    CHECK_OK(smelt_weights_create_from_package(test_context(), &weights_params, package, &weights));
    smelt_package_close(&package);
    smelt_shader shader = NULL;
    smelt_pipeline pipeline = make_pipeline(&op, encoding, &shader);
    smelt_tensor y = rig_tensor(test_context(), SMELT_DTYPE_F32, 1, (const uint64_t[]){FEATURES}, NULL);
    smelt_encoder encoder = NULL;
    CHECK_OK(smelt_encoder_create(test_context(), NULL, &encoder));
    for (size_t p = 0; p < sizeof(points) / sizeof(points[0]); p++) {
        float x[INPUTS], got[FEATURES];
        double wanted[FEATURES];
        for (int i = 0; i < INPUTS; i++)
            x[i] = (float)points[p][i];
        CHECK_OK(smelt_encoder_set_pipeline(encoder, pipeline));
        CHECK_OK(smelt_encoder_set_tensor(encoder, "net.layer0.weight", smelt_weights_matrix(weights, 0)));
        CHECK_OK(smelt_encoder_set_tensor(encoder, "net.layer0.bias", smelt_weights_bias(weights, 0)));
        CHECK_OK(smelt_encoder_set_tensor(encoder, "y", y));
        CHECK_OK(smelt_encoder_set_bytes(encoder, "x", x, sizeof(x)));
        CHECK_OK(smelt_encoder_dispatch_groups(encoder, 1, 1, 1));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
        CHECK_OK(smelt_tensor_read_and_wait(y, NULL, got, sizeof(got)));
        reference(points[p], wanted);
        for (int i = 0; i < FEATURES; i++)
            CHECK(fabs(got[i] - wanted[i]) <= 2e-5);
    }
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&y);
    smelt_pipeline_destroy(&pipeline);
    smelt_shader_destroy(&shader);
    smelt_weights_destroy(&weights);
    smelt_free_text(&encoding);
}

#define MLP(layers, inputs, encoding, activations)                                                           \
    "{\"kind\": \"weights\", \"layers\": [" layers "], \"mlp\": {\"inputs\": " inputs                        \
    ", \"encoding\": [" encoding "],"                                                                        \
    "\"activations\": [" activations "]}}"
#define LAYER "{\"weight\": \"w\"}"
#define IDENTITY "{\"type\": \"identity\", \"inputs\": 15}"
#define WAVE(count) "{\"type\": \"frequency\", \"inputs\": 15, \"n_frequencies\": " count "}"

static void wrong_descriptions_are_refused(void)
{
    static const struct {
        const char *description, *text;
    } rows[] = {
        {"{\"kind\": \"shader\"}", "wanted a package of kind \"weights\", got \"shader\""},
        {"{\"kind\": \"weights\", \"layers\": [" LAYER "]}", "mlp: wanted"},
        {"{\"kind\": \"weights\", \"layers\": [" LAYER "], \"mlp\": {\"seed\": 1}}",
         "mlp.seed: wanted no such member"},
        {MLP(LAYER, "0", IDENTITY, "\"none\""), "mlp.inputs: wanted"},
        {MLP(LAYER, "15", IDENTITY, ""), "mlp.activations: wanted"},
        {MLP(LAYER, "15", IDENTITY, "\"relu\", \"none\""), "mlp.activations: wanted"},
        {MLP(LAYER, "15", IDENTITY, "\"soft\""), "mlp.activations[0]: wanted the name of an activation"},
        {MLP(LAYER, "15", "", "\"none\""), "mlp.encoding: wanted"},
        {MLP(LAYER, "15", "7", "\"none\""), "mlp.encoding[0]: wanted an object"},
        {MLP(LAYER, "15", "{\"type\": \"hash\"}", "\"none\""), "mlp.encoding[0].type: wanted"},
        {MLP(LAYER, "14", IDENTITY, "\"none\""), "mlp.inputs: wanted 15, the sum of the encodings' inputs"},
        {MLP(LAYER, "15", WAVE("0"), "\"none\""), "n_frequencies: wanted"},
        {MLP(LAYER, "15", WAVE("2"), "\"none\""),
         "that give 15 features, the columns of the first weight, not 60"},
        {MLP(LAYER, "2", "{\"type\": \"spherical_harmonics\", \"inputs\": 2, \"degree\": 1}", "\"none\""),
         "inputs: wanted 3"},
        {MLP(LAYER, "15", "{\"type\": \"identity\", \"inputs\": 15, \"bins\": 2}", "\"none\""),
         "bins: wanted no such member"},
        {MLP("{\"weight\": \"b\"}", "15", IDENTITY, "\"none\""), "layers[0].weight: wanted a matrix"},
        {MLP("{\"weight\": \"nowhere\"}", "15", IDENTITY, "\"none\""),
         "layers[0].weight: wanted the name of a tensor"},
        {MLP(LAYER ", {\"weight\": \"narrow\"}", "15", IDENTITY, "\"none\", \"none\""),
         "layers[1].weight: wanted a matrix [out][in] whose columns"},
        {MLP(LAYER ", {\"weight\": \"half\"}", "15", IDENTITY, "\"none\", \"none\""),
         "layers[1].weight: wanted the type of the first weight"},
        {MLP(LAYER ", {\"weight\": \"w\", \"bias\": \"b\"}", "15", IDENTITY, "\"none\", \"none\""),
         "a bias in every layer or in none"},
    };
    struct smelt_mlp_descriptor mlp;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        smelt_package package = open_package(rows[i].description);
        enum smelt_result result = smelt_mlp_from_package(NULL, package, NULL, &mlp, NULL, NULL);
        if (result != SMELT_ERROR_FORMAT || !strstr(smelt_last_error(), rows[i].text))
            printf("    row %zu: %s: \"%s\", wanted \"%s\"\n", i, smelt_result_name(result),
                   smelt_last_error(), rows[i].text);
        CHECK(result == SMELT_ERROR_FORMAT && strstr(smelt_last_error(), rows[i].text));
        smelt_package_close(&package);
    }
    smelt_package package = open_package(good);
    char *encoding = NULL;
    CHECK_FAILS(smelt_mlp_from_package(NULL, NULL, "n", &mlp, NULL, NULL), SMELT_ERROR_INVALID_ARGUMENT,
                "package is NULL");
    CHECK_FAILS(smelt_mlp_from_package(NULL, package, "n", NULL, NULL, NULL), SMELT_ERROR_INVALID_ARGUMENT,
                "descriptor is NULL");
    CHECK_FAILS(smelt_mlp_from_package(NULL, package, "4x", &mlp, NULL, &encoding),
                SMELT_ERROR_INVALID_ARGUMENT, "wanted as name a GLSL identifier, got \"4x\"");
    smelt_package_close(&package);
}

static const struct test tests[] = {
    {"a shader encodes as tiny-cuda-nn does", a_shader_encodes_as_tiny_cuda_nn},
    {"wrong descriptions are refused", wrong_descriptions_are_refused},
};

TEST_MAIN(tests)
