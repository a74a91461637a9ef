// SPDX-License-Identifier: MIT
// The C blocks of docs/encoder.md, in the order of the page, do what it says.
#include "encoder_rig.h"

#include <math.h>

static void finished(void *user, enum smelt_result result)
{
    *(int *)user += result == SMELT_OK;
}

static smelt_pipeline make_pipeline(smelt_context context, smelt_shader shader)
{
#define DOCS_BLOCK 0
#include "docs_encoder.h"
#undef DOCS_BLOCK
    CHECK(step);
    return step;
}

static void record_dispatches(smelt_encoder encoder, smelt_pipeline step, smelt_tensor x, smelt_tensor z,
                              float scale, uint32_t count, struct smelt_matmul2d_params product)
{
#define DOCS_BLOCK 1
#include "docs_encoder.h"
#undef DOCS_BLOCK
}

static void set_textures(smelt_encoder encoder, smelt_arguments textures, VkImageView view, VkSampler sampler,
                         uint64_t frame)
{
#define DOCS_BLOCK 2
#include "docs_encoder.h"
#undef DOCS_BLOCK
}

static void submit(smelt_encoder encoder, int *job)
{
#define DOCS_BLOCK 3
#include "docs_encoder.h"
#undef DOCS_BLOCK
}

static void record_into_mine(smelt_encoder encoder, VkCommandBuffer commands, uint64_t frame)
{
#define DOCS_BLOCK 4
#include "docs_encoder.h"
#undef DOCS_BLOCK
}

static void execute_parts(smelt_encoder encoder, smelt_encoder part, smelt_encoder *parts,
                          uint32_t part_count)
{
#define DOCS_BLOCK 5
#include "docs_encoder.h"
#undef DOCS_BLOCK
}

static void dispatches_are_recorded_and_submitted(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_pipeline step = make_pipeline(rig.context, rig.shader);
    smelt_encoder encoder = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, true);
    smelt_tensor x = encoder_tensor(rig.context, ENCODER_N, 2), y = encoder_tensor(rig.context, ENCODER_N, 5),
                 z = encoder_tensor(rig.context, ENCODER_N, 0);
    const uint64_t square[] = {16, 16};
    smelt_tensor a = rig_tensor(rig.context, SMELT_DTYPE_F32, 2, square, NULL),
                 d = rig_tensor(rig.context, SMELT_DTYPE_F32, 2, square, NULL);
    const float shift = 1;
    int done = 0;
    CHECK_OK(smelt_encode_fill(encoder, a, 0.5));
    CHECK_OK(smelt_encoder_set_pipeline(encoder, step)); // what this kernel has beside the page's arguments
    CHECK_OK(smelt_encoder_set_tensor(encoder, "y", y));
    CHECK_OK(smelt_encoder_set_bytes(encoder, "shift", &shift, sizeof(shift)));
    record_dispatches(encoder, step, x, z, 3, ENCODER_N,
                      (struct smelt_matmul2d_params){.a = a, .b = a, .d = d});
    submit(encoder, &done);
    CHECK(done == 1 && encoder_element(z, 0) == 12 && encoder_element(z, ENCODER_N - 1) == 12);
    float sums[256];
    CHECK_OK(smelt_tensor_read_and_wait(d, NULL, sums, sizeof(sums)));
    CHECK(fabsf(sums[0] - 4) < 1e-3F && fabsf(sums[255] - 4) < 1e-3F);
    smelt_encoder_destroy(&encoder);
    smelt_pipeline_destroy(&step);
    smelt_tensor *const all[] = {&x, &y, &z, &a, &d};
    for (size_t i = 0; i < SMELT_COUNT_OF(all); i++)
        smelt_tensor_destroy(all[i]);
    encoder_rig_destroy(&rig);
}

// z[i] = a texel of `frame`.
static const char *const sampled = VECTORS_GLSL
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer look_block { "
    "result_f32_1_w_0 z; };\n"
    "layout(push_constant, scalar) uniform push { look_block block; };\n"
    "layout(set = 0, binding = 0) uniform sampler2D frame;\n"
    "layout(local_size_x = 64) in;\n"
    "void main() { smelt_store(block.z, gl_GlobalInvocationID.x, texelFetch(frame, ivec2(0), 0).x); }\n";

static void textures_come_as_whole_sets(void)
{
    smelt_context context = rig_context();
    smelt_shader shader = rig_shader(context, "sampled.comp", sampled, VK_SHADER_STAGE_COMPUTE_BIT);
    smelt_encoder encoder = encoder_create(context, SMELT_HAZARDS_TRACKED, false);
    smelt_tensor z = encoder_tensor(context, 64, 0);
    struct rig_image image = rig_image(context, VK_FORMAT_R32_SFLOAT, 1, 1, 1,
                                       VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
    const float texel = 9;
    rig_upload(context, &image, &texel, sizeof(texel));
    VkImageView view = rig_view(context, &image, 0);
    VkSampler sampler = rig_sampler(context);
    smelt_arguments textures = NULL;
    CHECK_OK(
        smelt_arguments_create(context,
                               &(struct smelt_arguments_params){
                                   .shaders = &shader, .shader_count = 1, .block = "", .descriptors = true},
                               &textures));
    const VkDescriptorSetLayout layout = smelt_arguments_set_layout(textures);
    smelt_pipeline pipeline = NULL;
    CHECK_OK(smelt_pipeline_create(
        context,
        &(struct smelt_pipeline_params){.shader = shader, .set_layouts = &layout, .set_layout_count = 1},
        &pipeline));
    CHECK_OK(smelt_encoder_set_pipeline(encoder, pipeline));
    CHECK_OK(smelt_encoder_set_tensor(encoder, "z", z));
    set_textures(encoder, textures, view, sampler, 0);
    CHECK_OK(smelt_encoder_dispatch_threads(encoder, 64, 1, 1));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK(encoder_element(z, 63) == 9);
    smelt_encoder_destroy(&encoder);
    smelt_pipeline_destroy(&pipeline);
    smelt_arguments_destroy(&textures);
    context->vk.DestroySampler(context->device, sampler, NULL);
    context->vk.DestroyImageView(context->device, view, NULL);
    rig_image_destroy(context, &image);
    smelt_tensor_destroy(&z);
    smelt_shader_destroy(&shader);
}

static void recordings_go_into_the_callers_commands_and_into_parts(void)
{
    smelt_context context = rig_context();
    smelt_encoder encoder = encoder_create(context, SMELT_HAZARDS_TRACKED, false),
                  parts[] = {encoder_create(context, SMELT_HAZARDS_TRACKED, false)};
    VkCommandBuffer commands;
    CHECK_OK(smelt_submit_begin(context, &commands));
    record_into_mine(encoder, commands, 1);
    CHECK_OK(smelt_submit_end(context, true));
    CHECK(!smelt_encoder_commands(encoder)); // it has ended
    execute_parts(encoder, parts[0], parts, 1);
    CHECK_OK(smelt_encoder_wait(encoder));
    CHECK(smelt_encoder_semaphore(encoder).value > 0); // it was committed
    smelt_encoder_destroy(&parts[0]);
    smelt_encoder_destroy(&encoder);
}

static const struct test tests[] = {
    {"dispatches are recorded and submitted", dispatches_are_recorded_and_submitted},
    {"textures come as whole sets", textures_come_as_whole_sets},
    {"recordings go into the caller's commands and into parts",
     recordings_go_into_the_callers_commands_and_into_parts},
};

TEST_MAIN(tests)
