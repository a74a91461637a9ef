// SPDX-License-Identifier: MIT
// The self-test of a backend: a small network on the device against double arithmetic on the host.
#include "dispatch.h"
#include "tool.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { INPUTS = 19, OUTPUTS = 13, SAMPLES = 64 };

// One layer without activation: then the per-element bound of one matmul2d applies as it is.
static const char source[] =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n"
    "#include \"smelt/op/net.glsl\"\n"
    "#define SMELT_TENSOR samples\n"
    "#define SMELT_DTYPE SMELT_DTYPE_F32\n"
    "#define SMELT_RANK 2\n"
    "#define SMELT_ACCESS SMELT_ACCESS_READ\n"
    "#define SMELT_EXTENT0 0\n"
    "#define SMELT_EXTENT1 19\n"
    "#include \"smelt/tensor_tmpl.glsl\"\n"
    "#define SMELT_TENSOR results\n"
    "#define SMELT_DTYPE SMELT_DTYPE_F32\n"
    "#define SMELT_RANK 2\n"
    "#define SMELT_ACCESS SMELT_ACCESS_WRITE\n"
    "#define SMELT_EXTENT0 0\n"
    "#define SMELT_EXTENT1 13\n"
    "#include \"smelt/tensor_tmpl.glsl\"\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer selftest_block {\n"
    "    net_weights net;\n"
    "    samples_f32_2_r_0x19 x;\n"
    "    results_f32_2_w_0x13 y;\n"
    "};\n"
    "layout(push_constant, scalar) uniform push { selftest_block block; };\n"
    "layout(local_size_x = 32) in;\n"
    "void main() {\n"
    "    uint i = gl_GlobalInvocationID.x;\n"
    "    net_input x;\n"
    "    for (int k = 0; k < 19; k++) smelt_set(x, k, smelt_load(block.x, i, k));\n"
    "    net_output y = net_run(block.net, x);\n"
    "    results_f32_2_w_0x13 rows = block.y;\n"
    "    for (int n = 0; n < 13; n++) smelt_store(rows, i, n, smelt_get(y, n));\n"
    "}\n";

struct numbers {
    uint16_t weight[OUTPUTS][INPUTS], bias[OUTPUTS];
    float x[SAMPLES][INPUTS], y[SAMPLES][OUTPUTS];
};

// Values that f16 holds exactly, of both signs and several magnitudes, from a fixed sequence.
static void fill(struct numbers *numbers)
{
    uint32_t state = 1;
#define NEXT() (state = state * 1664525u + 1013904223u, (float)((int)(state >> 20) - 2048) / 1024.0f)
    for (int n = 0; n < OUTPUTS; n++) {
        numbers->bias[n] = smelt_f16_from_f32(NEXT());
        for (int k = 0; k < INPUTS; k++)
            numbers->weight[n][k] = smelt_f16_from_f32(NEXT());
    }
    for (int i = 0; i < SAMPLES; i++)
        for (int k = 0; k < INPUTS; k++)
            numbers->x[i][k] = smelt_f16_to_f32(smelt_f16_from_f32(NEXT()));
#undef NEXT
    memset(numbers->y, 0xaa, sizeof(numbers->y));
}

// The largest error in units of the bound; not below 1 when a result is not a number.
static double worst_error(const struct numbers *numbers, const struct smelt_op_info *info)
{
    double worst = 0;
    for (int i = 0; i < SAMPLES; i++)
        for (int n = 0; n < OUTPUTS; n++) {
            double exact = smelt_f16_to_f32(numbers->bias[n]), magnitude = fabs(exact);
            for (int k = 0; k < INPUTS; k++) {
                double product = (double)smelt_f16_to_f32(numbers->weight[n][k]) * numbers->x[i][k];
                exact += product;
                magnitude += fabs(product);
            }
            double error = fabs(numbers->y[i][n] - exact) / (info->error_c * info->error_u * magnitude);
            if (!(error <= worst))
                worst = error;
            if (isnan(error))
                return INFINITY;
        }
    return worst;
}

struct objects {
    smelt_shader shader;
    smelt_weights weights;
    smelt_tensor x, y;
    smelt_arguments arguments;
};

static enum smelt_result make(smelt_context context, const struct smelt_op *op,
                              const struct smelt_op_info *info, const struct numbers *numbers,
                              struct objects *objects)
{
    struct smelt_shader_params shader = {.source = source,
                                         .path = "selftest.comp",
                                         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                         .ops = op,
                                         .op_count = 1};
    enum smelt_result result = smelt_shader_create(context, &shader, &objects->shader);
    struct smelt_weights_layer layer = {.rows = OUTPUTS, .columns = INPUTS, .bias = true};
    struct smelt_weights_params weights = {
        .layers = &layer, .layer_count = 1, .backend = info->choice.backend, .name = "selftest weights"};
    if (!result)
        result = smelt_weights_create(context, &weights, &objects->weights);
    const void *matrix = numbers->weight, *bias = numbers->bias;
    if (!result)
        result = smelt_weights_update_and_wait(objects->weights, &matrix, &bias);
    struct smelt_tensor_params x = {
        .dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {SAMPLES, INPUTS}, .name = "selftest x"};
    struct smelt_tensor_params y = {
        .dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {SAMPLES, OUTPUTS}, .name = "selftest y"};
    if (!result)
        result = smelt_tensor_create(context, &x, &objects->x);
    if (!result)
        result = smelt_tensor_create(context, &y, &objects->y);
    if (!result)
        result = smelt_tensor_write_and_wait(objects->x, NULL, numbers->x, sizeof(numbers->x));
    if (!result)
        result = smelt_tensor_write_and_wait(objects->y, NULL, numbers->y, sizeof(numbers->y));
    struct smelt_arguments_params arguments = {.shaders = &objects->shader, .shader_count = 1};
    if (!result)
        result = smelt_arguments_create(context, &arguments, &objects->arguments);
    return result;
}

static enum smelt_result run(smelt_context context, struct objects *objects, struct numbers *numbers)
{
    smelt_arguments arguments = objects->arguments;
    const uint32_t groups[3] = {SAMPLES / 32, 1, 1};
    const char *failed_call;
    enum smelt_result result =
        smelt_arguments_set_tensor(arguments, "net.layer0.weight", smelt_weights_matrix(objects->weights, 0));
    if (!result)
        result =
            smelt_arguments_set_tensor(arguments, "net.layer0.bias", smelt_weights_bias(objects->weights, 0));
    if (!result)
        result = smelt_arguments_set_tensor(arguments, "x", objects->x);
    if (!result)
        result = smelt_arguments_set_tensor(arguments, "y", objects->y);
    if (!result)
        result = tool_dispatch(context, objects->shader, arguments, groups, &failed_call);
    if (!result)
        result = smelt_tensor_read_and_wait(objects->y, NULL, numbers->y, sizeof(numbers->y));
    return result;
}

enum smelt_result tool_selftest_backend(smelt_context context, enum smelt_backend backend, bool *ran,
                                        double *worst)
{
    struct smelt_mlp_descriptor mlp = {
        .layer_count = 1, .widths = {INPUTS, OUTPUTS}, .stored = SMELT_DTYPE_F16, .backend = backend};
    struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp};
    struct smelt_op_info info;
    *ran = false;
    *worst = 0;
    if (smelt_op_query(context, &op, VK_SHADER_STAGE_COMPUTE_BIT, &info) != SMELT_OK)
        return SMELT_OK; // not available; smelt_last_error says why
    struct numbers numbers;
    struct objects objects = {0};
    fill(&numbers);
    enum smelt_result result = make(context, &op, &info, &numbers, &objects);
    if (!result)
        result = run(context, &objects, &numbers);
    smelt_arguments_destroy(&objects.arguments);
    smelt_tensor_destroy(&objects.y);
    smelt_tensor_destroy(&objects.x);
    smelt_weights_destroy(&objects.weights);
    smelt_shader_destroy(&objects.shader);
    if (!result) {
        *ran = true;
        *worst = worst_error(&numbers, &info);
    }
    return result;
}
