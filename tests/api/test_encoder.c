// SPDX-License-Identifier: MIT
// encoder.h and pipeline.h: recording, arguments, submitting, waiting, and everything they refuse.
#include "encoder_rig.h"

#include <smelt/arguments.h>
#include <smelt/graph.h>

static const enum smelt_result invalid = SMELT_ERROR_INVALID_ARGUMENT, not_ready = SMELT_ERROR_NOT_READY;

static void a_chain_of_dispatches_in_one_recording(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_encoder encoder = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false);
    smelt_tensor t[3];
    for (int i = 0; i < 3; i++)
        t[i] = encoder_tensor(rig.context, ENCODER_N, (float)(i + 1));
    for (int round = 0; round < 3; round++) {
        // t2 = t0 + t1; t0 = 2 t2 + t1 - 1; t1 = t0 + t2: three in a chain
        CHECK_OK(encoder_step(&rig, encoder, t[0], t[1], t[2], 1, 0, "add"));
        CHECK_OK(encoder_step(&rig, encoder, t[2], t[1], t[0], 2, -1, "twice"));
        CHECK_OK(encoder_step(&rig, encoder, t[0], t[2], t[1], 1, 0, NULL));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    }
    float a = 1, b = 2, c = 0;
    for (int round = 0; round < 3; round++) {
        c = a + b;
        a = 2 * c + b - 1;
        b = a + c;
    }
    CHECK(encoder_element(t[0], 0) == a && encoder_element(t[1], ENCODER_N - 1) == b);
    CHECK(encoder_element(t[2], 77) == c);
    struct smelt_encoder_counters counters = smelt_encoder_counters(encoder);
    CHECK(counters.dispatches == 9 && counters.barriers == 6 && counters.barriers_avoided == 0);
    CHECK(counters.submits == 3 && counters.syncs == 3 && counters.pipelines == 3);
    CHECK(counters.bytes == 9ull * 3 * ENCODER_N * 4 && counters.allocations > 0);
    smelt_encoder_reset_counters(encoder);
    CHECK_OK(encoder_step(&rig, encoder, t[0], t[1], t[2], 1, 0, NULL));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    counters = smelt_encoder_counters(encoder);
    CHECK(counters.dispatches == 1 && counters.allocations == 0); // warm
    for (int i = 0; i < 3; i++)
        smelt_tensor_destroy(&t[i]);
    smelt_encoder_destroy(&encoder);
    encoder_rig_destroy(&rig);
}

// --- Arguments --------------------------------------------------------------------------------------------

static void arguments_are_checked_and_hold(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_encoder e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, true);
    smelt_tensor x = encoder_tensor(rig.context, ENCODER_N, 2), z = encoder_tensor(rig.context, ENCODER_N, 0);
    smelt_tensor square = NULL, half = NULL;
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {4, 4}};
    CHECK_OK(smelt_tensor_create(rig.context, &params, &square));
    params = (struct smelt_tensor_params){.dtype = SMELT_DTYPE_F16, .rank = 1, .shape = {4}};
    CHECK_OK(smelt_tensor_create(rig.context, &params, &half));
    float one = 1;
    CHECK_FAILS(smelt_encoder_set_tensor(e, "x", x), not_ready, "before any pipeline");
    CHECK_FAILS(smelt_encoder_dispatch_groups(e, 1, 1, 1), not_ready, "no pipeline");
    CHECK_FAILS(smelt_encoder_set_pipeline(e, NULL), invalid, "NULL");
    CHECK_OK(smelt_encoder_set_pipeline(e, rig.pipeline));
    CHECK_FAILS(smelt_encoder_set_tensor(e, "X", x), SMELT_ERROR_NOT_FOUND, "near names: \"x\"");
    CHECK_FAILS(smelt_encoder_set_tensor(e, "x", NULL), invalid, "the tensor is NULL");
    CHECK_FAILS(smelt_encoder_set_tensor(e, "x", square), SMELT_ERROR_SHAPE, "rank 1");
    CHECK_FAILS(smelt_encoder_set_tensor(e, "x", half), SMELT_ERROR_DTYPE, "f32");
    CHECK_FAILS(smelt_encoder_set_tensor(e, "scale", x), invalid, "is a constant, got a tensor");
    CHECK_FAILS(smelt_encoder_set_tensor_at(e, 99, x), invalid, "argument 99");
    CHECK_FAILS(smelt_encoder_set_bytes(e, "scale", &one, 8), invalid, "wants 4 bytes, got 8");
    CHECK_FAILS(smelt_encoder_set_bytes(e, "scale", NULL, 4), invalid, "NULL pointer");
    CHECK_FAILS(smelt_encoder_set_bytes(e, "x", &one, 4), invalid, "is a tensor");
    CHECK_FAILS(smelt_encoder_set_operation(e, SMELT_OPERATION_COUNT), invalid, "operation 13");
    CHECK_OK(smelt_encoder_set_tensor(e, "x", x));
    CHECK_OK(smelt_encoder_set_tensor(e, "y", x));
    CHECK_FAILS(smelt_encoder_dispatch_groups(e, 1, 1, 1), not_ready, "not set: \"z\", \"scale\", \"shift\"");
    CHECK_OK(smelt_encoder_set_tensor(e, "z", z));
    CHECK_OK(smelt_encoder_set_bytes(e, "scale", &one, 4));
    CHECK_OK(smelt_encoder_set_bytes(e, "shift", &one, 4));
    CHECK_FAILS(smelt_encoder_dispatch_groups(e, 1, 0, 1), invalid, "1 x 0 x 1 groups");
    CHECK_FAILS(smelt_encoder_dispatch_threads(e, 0, 1, 1), invalid, "0 x 1 x 1 groups");
    CHECK_FAILS(smelt_encoder_dispatch_groups(e, 1, 1, UINT32_MAX), invalid, "4294967295 groups");
    CHECK_OK(smelt_encoder_dispatch_threads(e, ENCODER_N, 1, 1)); // still usable
    // Another pipeline of the family keeps the arguments; a different one has none.
    smelt_pipeline wide = NULL, again = NULL, other = encoder_pipeline(rig.context, rig.shader, "other");
    const struct smelt_constant constants[] = {{"ELEMENTS", 128}, {"local_size_x", 128}};
    CHECK_OK(smelt_pipeline_specialize(rig.pipeline, constants, 2, &wide));
    CHECK_OK(smelt_pipeline_specialize(rig.pipeline, constants, 2, &again));
    CHECK(wide == again && smelt_pipeline_info(wide)->local_size[0] == 128);
    CHECK_OK(smelt_encoder_set_pipeline(e, wide));
    CHECK_OK(smelt_encoder_set_tensor_at(e, rig.x, z));
    CHECK_OK(smelt_encoder_set_tensor_at(e, rig.z, x)); // x = z + 2... of the old x: y
    CHECK_FAILS(smelt_encoder_check_hazards(e), SMELT_OK, "");
    CHECK_OK(smelt_encoder_dispatch_threads(e, ENCODER_N, 1, 1));
    CHECK_OK(smelt_encoder_set_pipeline(e, other));
    CHECK_FAILS(smelt_encoder_dispatch_groups(e, 1, 1, 1), not_ready, "\"x\", \"y\", \"z\"");
    CHECK_OK(smelt_encoder_commit_and_wait(e));
    CHECK(encoder_element(z, 9) == 5 && encoder_element(x, 9) == 8); // 2 + 2 + 1; 5 + 2 + 1
    smelt_pipeline_destroy(&other);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&z);
    smelt_tensor_destroy(&half);
    smelt_tensor_destroy(&square);
    smelt_encoder_destroy(&e);
    encoder_rig_destroy(&rig);
}

static const char *const sum_source =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer table { uint v[]; };\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) writeonly buffer target { uint v[]; };\n"
    "layout(push_constant, scalar) uniform push { table values; target sums; uint count; };\n"
    "layout(local_size_x = 1) in;\n"
    "void main()\n"
    "{\n"
    "    uint sum = 0;\n"
    "    for (uint i = 0; i < count; i++)\n"
    "        sum += values.v[i];\n"
    "    sums.v[gl_WorkGroupID.x] = sum;\n"
    "}\n";

// Addresses: a range of a buffer, and bytes far beyond push constants; and commands that a kernel has written.
static void buffers_inline_bytes_and_indirect_dispatches(void)
{
    smelt_context context = rig_context();
    smelt_shader shader = rig_shader(context, "sum.comp", sum_source, VK_SHADER_STAGE_COMPUTE_BIT);
    smelt_pipeline pipeline = NULL;
    const struct smelt_pipeline_params params = {.shader = shader};
    CHECK_OK(smelt_pipeline_create(context, &params, &pipeline));
    smelt_encoder e = encoder_create(context, SMELT_HAZARDS_TRACKED, true);
    enum { COUNT = 60000 }; // a software device stops loops at 65536
    uint32_t *values = malloc(COUNT * sizeof(*values)), count = COUNT, three = 3, ones[] = {1, 1, 1};
    CHECK(values);
    for (uint32_t i = 0; i < COUNT; i++)
        values[i] = i % 7;
    const uint64_t shape[] = {64};
    uint32_t zeros[64] = {0};
    smelt_tensor out = rig_tensor(context, SMELT_DTYPE_U32, 1, shape, zeros);
    const struct smelt_tensor_info *info = smelt_tensor_info(out);
    struct smelt_buffer_range all = {info->buffer, info->buffer_offset, 4, SMELT_ACCESS_WRITE};
    CHECK_OK(smelt_encoder_set_pipeline(e, pipeline));
    CHECK_FAILS(smelt_encoder_set_bytes(e, "values", values, 0), invalid, "at least 1");
    CHECK_OK(smelt_encoder_set_bytes(e, "values", values, COUNT * sizeof(*values)));
    CHECK_FAILS(smelt_encoder_set_buffer(e, "sums", NULL), invalid, "null");
    CHECK_FAILS(smelt_encoder_set_buffer(e, "sums", &(struct smelt_buffer_range){.buffer = info->buffer}),
                invalid, "size is 0");
    CHECK_FAILS(smelt_encoder_set_buffer(e, "count", &all), invalid, "is a constant, got an address");
    CHECK_OK(smelt_encoder_set_buffer(e, "sums", &all));
    CHECK_OK(smelt_encoder_set_bytes(e, "count", &count, 4));
    CHECK_OK(smelt_encoder_dispatch_groups(e, 1, 1, 1)); // out[0]
    memset(values, 0, COUNT * sizeof(*values));          // it was copied
    // out[16] = 3, out[17] = out[18] = 1: three dispatches side by side, then one of that size into out[32...].
    for (uint32_t i = 0; i < 3; i++) {
        all = (struct smelt_buffer_range){info->buffer, info->buffer_offset + 64 + 4 * i, 4,
                                          SMELT_ACCESS_WRITE};
        CHECK_OK(smelt_encoder_set_buffer(e, "sums", &all));
        CHECK_OK(smelt_encoder_set_bytes(e, "values", ones, sizeof(ones)));
        CHECK_OK(smelt_encoder_set_bytes(e, "count", i ? &ones[0] : &three, 4));
        CHECK_OK(smelt_encoder_dispatch_groups(e, 1, 1, 1));
    }
    CHECK(smelt_encoder_counters(e).barriers == 0);
    all = (struct smelt_buffer_range){info->buffer, info->buffer_offset + 128, 12, SMELT_ACCESS_WRITE};
    CHECK_OK(smelt_encoder_set_buffer(e, "sums", &all));
    CHECK_FAILS(smelt_encoder_dispatch_indirect(e, info->buffer, 2), invalid, "multiple of 4");
    CHECK_OK(smelt_encoder_dispatch_indirect(e, info->buffer, info->buffer_offset + 64));
    CHECK(smelt_encoder_counters(e).barriers == 1);
    CHECK_OK(smelt_encoder_check_hazards(e));
    CHECK_OK(smelt_encoder_commit_and_wait(e));
    uint32_t got[64];
    CHECK_OK(smelt_tensor_read_and_wait(out, NULL, got, sizeof(got)));
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < COUNT; i++)
        wanted += i % 7;
    CHECK(got[0] == wanted && got[16] == 3 && got[17] == 1 && got[18] == 1);
    CHECK(got[32] == 1 && got[33] == 1 && got[34] == 1 && got[35] == 0);
    free(values);
    smelt_tensor_destroy(&out);
    smelt_encoder_destroy(&e);
    smelt_pipeline_destroy(&pipeline);
    smelt_shader_destroy(&shader);
}

static void pipelines_refuse_what_they_cannot_be(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_pipeline p = NULL;
    struct smelt_constant constant = {"NONE", 1};
    struct smelt_pipeline_params params = {.shader = rig.shader, .constants = &constant, .constant_count = 1};
    CHECK_FAILS(smelt_pipeline_create(rig.context, NULL, &p), invalid, "got NULL");
    CHECK_FAILS(smelt_pipeline_create(rig.context, &params, &p), SMELT_ERROR_NOT_FOUND, "there are: ");
    constant = (struct smelt_constant){"local_size_x", 1 << 20};
    CHECK_FAILS(smelt_pipeline_create(rig.context, &params, &p), SMELT_ERROR_UNSUPPORTED,
                "local size of 1048576");
    constant.bits = 0;
    CHECK_FAILS(smelt_pipeline_specialize(rig.pipeline, &constant, 1, &p), SMELT_ERROR_UNSUPPORTED,
                "local size of 0");
    CHECK_FAILS(smelt_pipeline_specialize(rig.pipeline, NULL, 1, &p), invalid, "constants is NULL");
    uint32_t argument;
    CHECK_FAILS(smelt_pipeline_find(rig.pipeline, "w", &argument), SMELT_ERROR_NOT_FOUND,
                "no argument \"w\"");
    CHECK_FAILS(smelt_pipeline_find(NULL, "w", &argument), invalid, "got NULL");
    static const char *const bound = "#version 460\nlayout(set = 0, binding = 0) buffer b { uint v; };\n"
                                     "layout(local_size_x = 1) in;\nvoid main() { v = 1; }\n";
    static const char *const drawn = "#version 460\nvoid main() { gl_Position = vec4(0); }\n";
    static const char *const twice =
        "#version 460\n#include \"smelt/base.glsl\"\n"
        "layout(buffer_reference, scalar) readonly buffer blk { uint a; };\n"
        "layout(push_constant, scalar) uniform push { blk block; uint a; };\n"
        "layout(local_size_x = 1) in;\nvoid main() { if (block.a == a) memoryBarrier(); }\n";
    const struct {
        const char *source, *text;
        VkShaderStageFlagBits stage;
        enum smelt_result result;
    } rows[] = {
        {bound, "\"b\" is in set 0: wanted at least 1 set layouts", VK_SHADER_STAGE_COMPUTE_BIT, invalid},
        {drawn, "is a vertex shader", VK_SHADER_STAGE_VERTEX_BIT, invalid},
        {twice, "\"a\" is in the block and in the push constants", VK_SHADER_STAGE_COMPUTE_BIT, invalid}};
    for (size_t i = 0; i < SMELT_COUNT_OF(rows); i++) {
        smelt_shader shader = rig_shader(rig.context, "refused", rows[i].source, rows[i].stage);
        params = (struct smelt_pipeline_params){.shader = shader};
        enum smelt_result result = smelt_pipeline_create(rig.context, &params, &p);
        smelt_shader_destroy(&shader);
        CHECK(result == rows[i].result && strstr(smelt_last_error(), rows[i].text));
    }
    encoder_rig_destroy(&rig);
}

// --- Descriptors ------------------------------------------------------------------------------------------

// z[i] = a texel of a picture, which comes through a descriptor.
static const char *const sampled = VECTORS_GLSL
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer look_block {\n"
    "    result_f32_1_w_0 z; };\n"
    "layout(push_constant, scalar) uniform push { look_block block; };\n"
    "layout(set = 0, binding = 0) uniform sampler2D picture;\n"
    "layout(local_size_x = 64) in;\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_GlobalInvocationID.x;\n"
    "    smelt_store(block.z, i, texelFetch(picture, ivec2(i % 16, i / 16), 0).x);\n"
    "}\n";

static void descriptors_are_bound_and_captured(void)
{
    smelt_context context = rig_context();
    smelt_shader shader = rig_shader(context, "sampled.comp", sampled, VK_SHADER_STAGE_COMPUTE_BIT);
    smelt_encoder encoder = encoder_create(context, SMELT_HAZARDS_TRACKED, false);
    smelt_tensor z = encoder_tensor(context, ENCODER_N, 0);
    VkSampler sampler = rig_sampler(context);
    const struct smelt_arguments_params params = {
        .shaders = &shader, .shader_count = 1, .block = "", .descriptors = true};
    struct rig_image images[2];
    VkImageView views[2];
    smelt_arguments arguments[2];
    VkDescriptorSet sets[2];
    for (int i = 0; i < 2; i++) {
        float texels[ENCODER_N];
        for (int t = 0; t < ENCODER_N; t++)
            texels[t] = (float)(1000 * i + t);
        images[i] = rig_image(context, VK_FORMAT_R32_SFLOAT, 16, 16, 1,
                              VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
        rig_upload(context, &images[i], texels, sizeof(texels));
        views[i] = rig_view(context, &images[i], 0);
        CHECK_OK(smelt_arguments_create(context, &params, &arguments[i]));
        CHECK_OK(smelt_arguments_set_texture(arguments[i], "picture", 0, views[i], sampler,
                                             VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL));
        CHECK_OK(smelt_arguments_flush(arguments[i], 0, NULL));
        CHECK((sets[i] = smelt_arguments_descriptor_set(arguments[i], 0)));
    }
    VkDescriptorSetLayout layout = smelt_arguments_set_layout(arguments[0]);
    const VkDescriptorSetLayout many[5] = {layout, layout, layout, layout, layout};
    struct smelt_pipeline_params made = {.shader = shader, .set_layouts = many, .set_layout_count = 5};
    smelt_pipeline pipeline = NULL;
    CHECK_FAILS(smelt_encoder_set_descriptors(encoder, 0, sets[0]), not_ready, "before any pipeline");
    CHECK_FAILS(smelt_pipeline_create(context, &made, &pipeline), SMELT_ERROR_UNSUPPORTED, "at most 4");
    made.set_layout_count = 1;
    CHECK_OK(smelt_pipeline_create(context, &made, &pipeline));
    const struct smelt_argument z_argument = {.name = "z", .tensor = z};
    const struct smelt_encode_params encode = {.pipeline = pipeline,
                                               .arguments = &z_argument,
                                               .argument_count = 1,
                                               .kind = SMELT_DISPATCH_THREADS,
                                               .size = {ENCODER_N},
                                               .label = "look"};
    CHECK_FAILS(smelt_encoder_encode(encoder, &encode), not_ready, "not set: descriptor set 0");
    CHECK_FAILS(smelt_encoder_set_descriptors(encoder, 1, sets[0]), invalid,
                "set 1, pipeline 'sampled.comp' has 1");
    CHECK_OK(smelt_encoder_set_descriptors(encoder, 0, sets[1]));
    CHECK_OK(smelt_encoder_encode(encoder, &encode));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK(encoder_element(z, 0) == 1000 && encoder_element(z, 255) == 1255);
    smelt_graph graph = NULL;
    CHECK_OK(smelt_encoder_start_capture(encoder));
    CHECK_OK(smelt_encoder_set_descriptors(encoder, 0, sets[0]));
    CHECK_OK(smelt_encoder_encode(encoder, &encode));
    CHECK_OK(smelt_encoder_take_capture(encoder, NULL, &graph));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(smelt_graph_set_descriptors(graph, "look", 0, sets[i]));
        CHECK_OK(smelt_encoder_replay(encoder, graph));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
        CHECK(encoder_element(z, 7) == (float)(1000 * i + 7));
    }
    CHECK_FAILS(smelt_graph_set_descriptors(graph, "look", 1, sets[0]), invalid, "there is no set 1");
    CHECK_FAILS(smelt_graph_set_descriptors(graph, "look", 0, VK_NULL_HANDLE), invalid, "NULL for set 0");
    CHECK_FAILS(smelt_graph_set_descriptors(graph, "no", 0, sets[0]), SMELT_ERROR_NOT_FOUND, "\"look\"");
    smelt_graph_destroy(&graph);
    smelt_encoder_destroy(&encoder);
    smelt_pipeline_destroy(&pipeline);
    for (int i = 0; i < 2; i++) {
        smelt_arguments_destroy(&arguments[i]);
        context->vk.DestroyImageView(context->device, views[i], NULL);
        rig_image_destroy(context, &images[i]);
    }
    context->vk.DestroySampler(context->device, sampler, NULL);
    smelt_tensor_destroy(&z);
    smelt_shader_destroy(&shader);
}

// --- The library's calls ----------------------------------------------------------------------------------

static void calls_of_the_library_are_tracked(void)
{
    smelt_context context = rig_context();
    smelt_encoder e = encoder_create(context, SMELT_HAZARDS_TRACKED, true);
    const uint64_t matrix[] = {16, 16};
    smelt_tensor a = rig_tensor(context, SMELT_DTYPE_F32, 2, matrix, NULL),
                 b = rig_tensor(context, SMELT_DTYPE_F32, 2, matrix, NULL),
                 c = rig_tensor(context, SMELT_DTYPE_F32, 2, matrix, NULL);
    CHECK_OK(smelt_encode_fill(e, a, 2));
    CHECK_OK(smelt_encode_fill(e, b, 3)); // beside the other
    CHECK(smelt_encoder_counters(e).barriers == 0);
    const struct smelt_matmul2d_params product = {.a = a, .b = b, .d = c};
    CHECK_OK(smelt_encode_matmul2d(e, &product)); // 96
    CHECK_OK(smelt_encode_copy(e, a, c, NULL));
    const struct smelt_softmax_params softmax = {.x = a, .y = b, .axis = 1};
    CHECK_OK(smelt_encode_softmax(e, &softmax)); // 1 / 16
    CHECK(smelt_encoder_counters(e).barriers == 3);
    CHECK_OK(smelt_encoder_check_hazards(e));
    CHECK_OK(smelt_encoder_commit_and_wait(e));
    float got[256];
    CHECK_OK(smelt_tensor_read_and_wait(a, NULL, got, sizeof(got)));
    CHECK(got[0] == 96 && got[255] == 96);
    CHECK_OK(smelt_tensor_read_and_wait(b, NULL, got, sizeof(got)));
    CHECK(got[0] > 0.0624f && got[255] < 0.0626f);
    smelt_tensor_destroy(&a);
    smelt_tensor_destroy(&b);
    smelt_tensor_destroy(&c);
    smelt_encoder_destroy(&e);
}

// --- Random recordings ------------------------------------------------------------------------------------

enum { SLICES = 24, SLICE = 16, STEPS = 400 };

// Steps on overlapping slices of one tensor: what a serial machine would give, with few of its barriers.
static void random_recordings_are_as_serial(void)
{
    struct encoder_rig rig = encoder_rig();
    for (uint32_t seed = 1; seed <= 6; seed++) {
        smelt_encoder e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, true);
        float model[SLICES * SLICE / 2 + SLICE], got[SMELT_COUNT_OF(model)];
        for (size_t i = 0; i < SMELT_COUNT_OF(model); i++)
            model[i] = (float)(i % 5);
        const uint64_t n = SMELT_COUNT_OF(model);
        smelt_tensor whole = rig_tensor(rig.context, SMELT_DTYPE_F32, 1, &n, model), slices[SLICES];
        for (uint64_t i = 0; i < SLICES; i++) // every second one overlaps its neighbours by half
            CHECK_OK(smelt_tensor_slice(whole, (uint64_t[]){i * SLICE / 2}, (uint64_t[]){SLICE}, &slices[i]));
        srand(seed);
        for (int step = 0; step < STEPS; step++) {
            int z = rand() % SLICES, x = rand() % SLICES, y = rand() % SLICES;
            if (abs(z - x) < 2 || abs(z - y) < 2)
                continue; // a dispatch is not ordered within itself
            CHECK_OK(encoder_step(&rig, e, slices[x], slices[y], slices[z], 0.5f, (float)(step % 3), NULL));
            for (int i = 0; i < SLICE; i++)
                model[z * SLICE / 2 + i] =
                    0.5f * model[x * SLICE / 2 + i] + model[y * SLICE / 2 + i] + (float)(step % 3);
            if (step % 50 == 49) // keeps numbers small: exact
                for (int s = 0; s < SLICES; s += 2) {
                    CHECK_OK(smelt_encode_fill(e, slices[s], s));
                    for (int i = 0; i < SLICE; i++)
                        model[s * SLICE / 2 + i] = (float)s;
                }
        }
        CHECK_OK(smelt_encoder_check_hazards(e));
        struct smelt_encoder_counters counters = smelt_encoder_counters(e);
        CHECK_OK(smelt_encoder_commit_and_wait(e));
        CHECK_OK(smelt_tensor_read_and_wait(whole, NULL, got, sizeof(got)));
        for (size_t i = 0; i < SMELT_COUNT_OF(model); i++)
            CHECK(got[i] - model[i] <= 1e-5f * model[i] && model[i] - got[i] <= 1e-5f * model[i]);
        CHECK(counters.barriers_avoided > 50 && counters.barriers > 50);
        for (int i = 0; i < SLICES; i++)
            smelt_tensor_destroy(&slices[i]);
        smelt_tensor_destroy(&whole);
        smelt_encoder_destroy(&e);
    }
    encoder_rig_destroy(&rig);
}

static const struct test tests[] = {
    {"a chain of dispatches in one recording gives what it says", a_chain_of_dispatches_in_one_recording},
    {"arguments are checked and hold", arguments_are_checked_and_hold},
    {"buffers, inline bytes, indirect dispatches", buffers_inline_bytes_and_indirect_dispatches},
    {"pipelines refuse what they cannot be", pipelines_refuse_what_they_cannot_be},
    {"descriptors are bound and captured", descriptors_are_bound_and_captured},
    {"calls of the library are tracked", calls_of_the_library_are_tracked},
    {"random recordings are as serial ones", random_recordings_are_as_serial},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
