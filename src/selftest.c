// SPDX-License-Identifier: MIT
// The self-test of a backend: a small network against double arithmetic, and the places of elements of cooperative
// tensors, which a product by the identity shows.
#include <smelt/arguments.h>
#include <smelt/selftest.h>
#include <smelt/weights.h>

#include "ops_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS = 19, OUTPUTS = 13, SAMPLES = 64 };

// One layer without activation: then the per-element bound of one matmul2d applies as it is.
static const char network_source[] =
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

// One tile of A I, each element stored where smelt_place says it is.
static const char places_source[] =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n"
    "#define product_SUBGROUPS 1\n"
    "#include \"smelt/op/product.glsl\"\n"
    "#define SMELT_TENSOR results\n"
    "#define SMELT_DTYPE SMELT_DTYPE_F32\n"
    "#define SMELT_RANK 2\n"
    "#define SMELT_ACCESS SMELT_ACCESS_WRITE\n"
    "#define SMELT_EXTENT0 0\n"
    "#define SMELT_EXTENT1 0\n"
    "#include \"smelt/tensor_tmpl.glsl\"\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer selftest_block {\n"
    "    SELFTEST_LEFT x;\n"
    "    SELFTEST_RIGHT identity;\n"
    "    results_f32_2_w_0x0 y;\n"
    "};\n"
    "layout(push_constant, scalar) uniform push { selftest_block block; };\n"
    "layout(local_size_x = product_WORKGROUP_SIZE) in;\n"
    "void main() {\n"
    "    product_result d;\n"
    "    product_run(d, block.x, block.identity, 0, 0);\n"
    "    product_result_places places = product_result_locate();\n"
    "    [[unroll]] for (int piece = 0; piece < product_result_pieces; piece++)\n"
    "        [[unroll]] for (int i = 0; i < smelt_length(d); i++) {\n"
    "            uvec2 place = smelt_place(places, piece, i);\n"
    "            if (smelt_valid(places)) smelt_store(block.y, place.x, place.y, smelt_get(d, piece, i));\n"
    "        }\n"
    "}\n";

// --- Running ------------------------------------------------------------------------------------------------

// A shader with two operands and a result.
struct objects {
    smelt_shader shader;
    smelt_weights weights;
    smelt_tensor x, y, identity;
    smelt_arguments arguments;
    VkPipelineLayout layout;
    VkPipeline pipeline;
};

static void free_objects(smelt_context context, struct objects *objects)
{
    context->vk.DestroyPipeline(context->device, objects->pipeline, context->allocation_callbacks);
    context->vk.DestroyPipelineLayout(context->device, objects->layout, context->allocation_callbacks);
    smelt_arguments_destroy(&objects->arguments);
    smelt_tensor_destroy(&objects->identity);
    smelt_tensor_destroy(&objects->y);
    smelt_tensor_destroy(&objects->x);
    smelt_weights_destroy(&objects->weights);
    smelt_shader_destroy(&objects->shader);
}

static enum smelt_result make_shader(smelt_context context, const struct smelt_op *op, const char *source,
                                     const struct smelt_define *defines, uint32_t define_count,
                                     struct objects *objects)
{
    struct smelt_shader_params params = {.source = source,
                                         .path = "selftest.comp",
                                         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                         .defines = defines,
                                         .define_count = define_count,
                                         .ops = op,
                                         .op_count = 1};
    enum smelt_result result = smelt_shader_create(context, &params, &objects->shader);
    struct smelt_arguments_params arguments = {.shaders = &objects->shader, .shader_count = 1};
    if (!result)
        result = smelt_arguments_create(context, &arguments, &objects->arguments);
    return result;
}

// A tensor [rows][columns] that holds `values` (`y`: poison) under its name in the argument block.
static enum smelt_result make_tensor(smelt_context context, const char *name, enum smelt_dtype dtype,
                                     uint32_t rows, uint32_t columns, const float *values,
                                     smelt_arguments arguments, smelt_tensor *tensor)
{
    struct smelt_tensor_params params = {
        .dtype = dtype, .rank = 2, .shape = {rows, columns}, .name = "selftest"};
    uint64_t count = (uint64_t)rows * columns, size = smelt_dtype_size(dtype, count);
    unsigned char *data = malloc(size);
    enum smelt_result result =
        data ? smelt_tensor_create(context, &params, tensor)
             : smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for the self-test");
    if (!result && values)
        smelt_dtype_convert(dtype, data, SMELT_DTYPE_F32, values, count);
    else if (!result)
        memset(data, 0xff, size); // NaN
    if (!result)
        result = smelt_tensor_write_and_wait(*tensor, NULL, data, size);
    if (!result)
        result = smelt_arguments_set_tensor(arguments, name, *tensor);
    free(data);
    return result;
}

static enum smelt_result run(smelt_context context, struct objects *objects, uint32_t groups, float *y,
                             uint64_t size)
{
    VkDescriptorSetLayout set = smelt_arguments_set_layout(objects->arguments);
    enum smelt_result result = smelt_shader_create_compute_pipeline(
        objects->shader, &set, set != VK_NULL_HANDLE, NULL, &objects->layout, &objects->pipeline);
    VkDeviceAddress address;
    if (!result)
        result = smelt_arguments_flush(objects->arguments, 0, &address);
    VkCommandBuffer commands;
    if (!result)
        result = smelt_submit_begin(context, &commands);
    if (result)
        return result;
    result = smelt_arguments_bind(objects->arguments, commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                  objects->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0);
    context->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, objects->pipeline);
    context->vk.CmdDispatch(commands, groups, 1, 1);
    smelt_memory_barrier(context, commands, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                         VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT, VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT,
                         VK_ACCESS_2_TRANSFER_READ_BIT);
    enum smelt_result submitted = smelt_submit_end(context, result == SMELT_OK);
    if (!result)
        result = submitted;
    return result ? result : smelt_tensor_read_and_wait(objects->y, NULL, y, size);
}

// Values of both signs and several magnitudes that f16 holds exactly, from a fixed sequence.
static float draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)((int)(*state >> 20) - 2048) / 1024.0f;
}

// Otherwise, unless something ran, the report says why not.
static bool is_available(smelt_context context, const struct smelt_backend_query *query,
                         enum smelt_backend backend, struct smelt_selftest_report *report)
{
    struct smelt_backend_query plain = *query;
    struct smelt_backend_choice choice = {0};
    plain.backend = SMELT_BACKEND_PORTABLE; // is told what the others could do
    enum smelt_result result = smelt_backend_choose(context, &plain, &choice);
    bool has_template = smelt_op_type(query->op)->scopes[backend] >> query->scope & 1;
    if (!report->ran && !choice.eligible[backend] && (has_template || !report->detail[0]))
        snprintf(report->detail, sizeof(report->detail), "%s",
                 result ? smelt_last_error() : choice.reason[backend]);
    return choice.eligible[backend];
}

// --- Products -----------------------------------------------------------------------------------------------

struct numbers {
    uint16_t weight[OUTPUTS][INPUTS], bias[OUTPUTS];
    float x[SAMPLES][INPUTS], y[SAMPLES][OUTPUTS];
};

// The largest error in units of the bound; infinite when a result is not a number.
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
            if (isnan(error))
                return INFINITY;
            worst = fmax(worst, error);
        }
    return worst;
}

static enum smelt_result run_network(smelt_context context, const struct smelt_op *op,
                                     const struct smelt_op_info *info, struct numbers *numbers,
                                     struct objects *objects)
{
    struct smelt_weights_layer layer = {.rows = OUTPUTS, .columns = INPUTS, .bias = true};
    struct smelt_weights_params weights = {
        .layers = &layer, .layer_count = 1, .backend = info->choice.backend, .name = "selftest weights"};
    const void *matrix = numbers->weight, *bias = numbers->bias;
    const struct smelt_weights_data data = {.matrices = &matrix, .biases = &bias};
    enum smelt_result result = make_shader(context, op, network_source, NULL, 0, objects);
    if (!result)
        result = smelt_weights_create(context, &weights, &objects->weights);
    if (!result)
        result = smelt_weights_update_and_wait(objects->weights, &data);
    if (!result)
        result = smelt_arguments_set_tensor(objects->arguments, "net.layer0.weight",
                                            smelt_weights_matrix(objects->weights, 0));
    if (!result)
        result = smelt_arguments_set_tensor(objects->arguments, "net.layer0.bias",
                                            smelt_weights_bias(objects->weights, 0));
    if (!result)
        result = make_tensor(context, "x", SMELT_DTYPE_F32, SAMPLES, INPUTS, numbers->x[0],
                             objects->arguments, &objects->x);
    if (!result)
        result = make_tensor(context, "y", SMELT_DTYPE_F32, SAMPLES, OUTPUTS, NULL, objects->arguments,
                             &objects->y);
    return result ? result : run(context, objects, SAMPLES / 32, numbers->y[0], sizeof(numbers->y));
}

// Returns whether the backend can be demoted no more by this: right, or not available here.
static bool test_products(smelt_context context, enum smelt_backend backend,
                          struct smelt_selftest_report *report)
{
    struct smelt_mlp_descriptor mlp = {
        .layer_count = 1, .widths = {INPUTS, OUTPUTS}, .stored = SMELT_DTYPE_F16, .backend = backend};
    struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp};
    struct smelt_op_info info;
    const struct smelt_backend_query query = {.op = op.kind, .stored = mlp.stored};
    if (!is_available(context, &query, backend, report))
        return true;
    struct numbers numbers;
    struct objects objects = {0};
    uint32_t state = 1;
    for (int n = 0; n < OUTPUTS; n++) {
        numbers.bias[n] = smelt_f16_from_f32(draw(&state));
        for (int k = 0; k < INPUTS; k++)
            numbers.weight[n][k] = smelt_f16_from_f32(draw(&state));
    }
    for (int i = 0; i < SAMPLES; i++)
        for (int k = 0; k < INPUTS; k++)
            numbers.x[i][k] = draw(&state);
    enum smelt_result result = smelt_op_query(context, &op, VK_SHADER_STAGE_COMPUTE_BIT, &info);
    if (!result)
        result = run_network(context, &op, &info, &numbers, &objects);
    free_objects(context, &objects);
    report->ran = true;
    if (result) {
        snprintf(report->detail, sizeof(report->detail), "a network could not run: %s", smelt_last_error());
        return false;
    }
    report->worst = worst_error(&numbers, &info);
    if (report->worst <= 1)
        return true;
    snprintf(report->detail, sizeof(report->detail), "products of a network are off by %.3g of the bound",
             report->worst);
    return false;
}

// --- Places -------------------------------------------------------------------------------------------------

// What sums are made of where places are compared. The values of a tile are integers below `limit`, which stored and
// accumulated types hold exactly.
static const struct sums {
    enum smelt_dtype stored, computed, accumulated;
    uint32_t limit;
} sums[] = {
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F32, 2048},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_F16, 2048},
    {SMELT_DTYPE_I8, SMELT_DTYPE_I8, SMELT_DTYPE_I32, 128},
};

static const char *scope_name(enum smelt_scope scope)
{
    return scope == SMELT_SCOPE_SUBGROUP ? "SUBGROUP" : "WORKGROUP";
}

static enum smelt_result run_places(smelt_context context, const struct smelt_op *op,
                                    const struct sums *types, const struct smelt_matmul2d_tiling *tile,
                                    const float *x, float *y, struct objects *objects)
{
    char left[64], right[64];
    snprintf(left, sizeof(left), "product_left_%s_2_r_0x0", smelt_dtype_name(types->stored));
    snprintf(right, sizeof(right), "product_right_%s_2_r_0x0", smelt_dtype_name(types->stored));
    const struct smelt_define defines[] = {{"SELFTEST_LEFT", left}, {"SELFTEST_RIGHT", right}};
    enum smelt_result result = make_shader(context, op, places_source, defines, 2, objects);
    float *identity = calloc((size_t)tile->n * tile->n, sizeof(*identity));
    if (!result && !identity)
        result = smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for the self-test");
    for (uint32_t i = 0; identity && i < tile->n; i++)
        identity[i * (tile->n + 1)] = 1;
    if (!result)
        result =
            make_tensor(context, "x", types->stored, tile->m, tile->n, x, objects->arguments, &objects->x);
    if (!result)
        result = make_tensor(context, "identity", types->stored, tile->n, tile->n, identity,
                             objects->arguments, &objects->identity);
    if (!result)
        result = make_tensor(context, "y", SMELT_DTYPE_F32, tile->m, tile->n, NULL, objects->arguments,
                             &objects->y);
    free(identity);
    return result ? result : run(context, objects, 1, y, (uint64_t)tile->m * tile->n * sizeof(*y));
}

// Returns whether the places are right, or the combination is not available here.
static bool test_places(smelt_context context, enum smelt_backend backend, enum smelt_scope scope,
                        const struct sums *types, struct smelt_selftest_report *report)
{
    struct smelt_matmul2d_descriptor matmul2d = {.scope = scope,
                                                 .stored = types->stored,
                                                 .computed = types->computed,
                                                 .accumulated = types->accumulated,
                                                 .backend = backend};
    struct smelt_op op = {.name = "product", .kind = SMELT_OP_MATMUL2D, .matmul2d = &matmul2d};
    struct smelt_op_info info;
    const struct smelt_backend_query query = {.op = op.kind,
                                              .scope = scope,
                                              .stored = types->stored,
                                              .computed = types->computed,
                                              .accumulated = types->accumulated};
    if (!is_available(context, &query, backend, report))
        return true;
    report->ran = true;
    if (smelt_op_query(context, &op, VK_SHADER_STAGE_COMPUTE_BIT, &info)) {
        snprintf(report->detail, sizeof(report->detail), "%s", smelt_last_error());
        return false;
    }
    uint32_t m = info.tiling.m, n = info.tiling.n, bad = 0;
    float *x = malloc(2 * sizeof(*x) * m * n), *y = x + (size_t)m * n;
    struct objects objects = {0};
    enum smelt_result result =
        x ? SMELT_OK : smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for the self-test");
    for (uint32_t i = 0; x && i < m * n; i++) // two places of one value are rare
        x[i] = (float)((i * 2654435761u >> 16) % types->limit);
    if (!result)
        result = run_places(context, &op, types, &info.tiling, x, y, &objects);
    free_objects(context, &objects);
    while (!result && bad < m * n && y[bad] == x[bad])
        bad++;
    if (result)
        snprintf(report->detail, sizeof(report->detail),
                 "a product at %s scope with sums of %s could not run: %s", scope_name(scope),
                 smelt_dtype_name(types->accumulated), smelt_last_error());
    else if (bad < m * n)
        snprintf(report->detail, sizeof(report->detail),
                 "element (%u, %u) of a %u x %u tile at %s scope with sums of %s is not where smelt_place "
                 "says: got "
                 "%g there, wanted %g",
                 bad / n, bad % n, m, n, scope_name(scope), smelt_dtype_name(types->accumulated), y[bad],
                 x[bad]);
    bool right = !result && bad == m * n;
    report->places += right;
    free(x);
    return right;
}

enum smelt_result smelt_selftest_and_wait(smelt_context context, enum smelt_backend backend,
                                          struct smelt_selftest_report *report)
{
    if (!context || !report)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "self-test: %s is NULL",
                          context ? "report" : "context");
    if (backend <= SMELT_BACKEND_AUTO || (unsigned)backend >= SMELT_BACKEND_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "self-test: backend: got %s, wanted portable, dot8, coopvec, coopmat or coopmat2",
                          smelt_backend_name(backend));
    if (!context->capabilities.compiler)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "self-test: wanted a build with -Dcompiler=enabled");
    *report = (struct smelt_selftest_report){0};
    report->right = test_products(context, backend, report);
    static const enum smelt_scope scopes[] = {SMELT_SCOPE_SUBGROUP, SMELT_SCOPE_WORKGROUP};
    for (size_t s = 0; s < SMELT_COUNT_OF(scopes); s++)
        for (size_t t = 0; t < SMELT_COUNT_OF(sums) && report->right; t++)
            report->right = test_places(context, backend, scopes[s], &sums[t], report);
    if (!report->right)
        return backend == SMELT_BACKEND_PORTABLE ? SMELT_OK
                                                 : smelt_backend_demote(context, backend, report->detail);
    if (!report->ran)
        return SMELT_OK;
    int used = 0;
    if (report->worst > 0)
        used =
            snprintf(report->detail, sizeof(report->detail), "largest error of products %.3g of the bound%s",
                     report->worst, report->places ? ", " : "");
    if (report->places)
        snprintf(report->detail + used, sizeof(report->detail) - (size_t)used,
                 "places in %u cooperative tensors", report->places);
    return SMELT_OK;
}
