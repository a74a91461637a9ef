// SPDX-License-Identifier: MIT
// smelt_encode_deferred: every pixel with a material reaches its group's shader once, with what was packed for it; sizes
// that are no multiples of anything; a second frame; and what does not fit.
#include "rig.h"

#include <math.h>

enum { WIDTH = 77, HEIGHT = 41, PIXELS = WIDTH * HEIGHT, MATERIALS = 7, GROUPS = 3, TILE = 64 };
static const struct smelt_deferred_group groups[GROUPS] = {{3, TILE}, {1, TILE}, {MATERIALS - 4, 0}};

// What the shaders do: for each pixel they count the visits and keep material, group and unpacked numbers.
static const char *const source =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n"
    "#include \"smelt/deferred.glsl\"\n"
    "#extension GL_EXT_samplerless_texture_functions : require\n"
    "layout(local_size_x = 32) in;\n"
    "layout(set = 0, binding = 0) uniform utexture2D samples;\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 4) buffer visits { uint e[]; };\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) buffer seen { float e[]; };\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer test_block {\n"
    "    smelt_deferred_group deferred; visits counts; seen values; uint group; };\n"
    "layout(push_constant, scalar) uniform push { test_block block; };\n"
    "void main()\n"
    "{\n"
    "    smelt_deferred_tile tile = smelt_deferred_find(block.deferred, gl_WorkGroupID.x);\n"
    "    for (uint i = gl_LocalInvocationIndex; i < tile.count; i += 32u) {\n"
    "        uvec2 pixel = smelt_deferred_pixel(block.deferred, tile.first + i);\n"
    "        smelt_deferred_sample s = smelt_deferred_unpack(texelFetch(samples, ivec2(pixel), 0));\n"
    "        uint at = pixel.y * 77u + pixel.x;\n"
    "        atomicAdd(block.counts.e[at], 1u);\n"
    "        float v[8] = float[](s.material, tile.material, block.group, s.uv.x, s.ddx.x, s.ddx.y, s.ddy.x, "
    "s.ddy.y);\n"
    "        for (int k = 0; k < 8; k++)\n"
    "            block.values.e[8u * at + k] = v[k];\n"
    "    }\n"
    "}\n";

// The packing, by the module itself.
static const char *const packing =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n"
    "#include \"smelt/deferred.glsl\"\n"
    "layout(local_size_x = 32) in;\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer inputs { float e[]; };\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) writeonly buffer outputs { uvec4 e[]; };\n"
    "layout(push_constant, scalar) uniform push { inputs x; outputs y; uint count; };\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_GlobalInvocationID.x;\n"
    "    if (i < count) {\n"
    "        float v[7];\n"
    "        for (int k = 0; k < 7; k++)\n"
    "            v[k] = x.e[7u * i + k];\n"
    "        y.e[i] = v[0] < 0.0 ? uvec4(0u)\n"
    "                            : smelt_deferred_pack(uint(v[0]), vec2(v[1], v[2]), vec2(v[3], v[4]), "
    "vec2(v[5], v[6]));\n"
    "    }\n"
    "}\n";

struct fixture {
    struct rig_image image;
    VkImageView view;
    smelt_image handle;
    smelt_shader shader;
    smelt_pipeline pipeline;
    smelt_arguments sets;
    smelt_tensor inputs, packed, counts, values;
    smelt_deferred deferred;
};

static smelt_tensor make(enum smelt_dtype dtype, uint64_t count)
{
    return rig_tensor(rig_context(), dtype, 1, &count, NULL);
}

static smelt_pipeline make_pipeline(smelt_shader shader, const VkDescriptorSetLayout *layout)
{
    smelt_pipeline pipeline = NULL;
    const struct smelt_pipeline_params params = {
        .shader = shader, .set_layouts = layout, .set_layout_count = layout ? 1 : 0};
    CHECK_OK(smelt_pipeline_create(rig_context(), &params, &pipeline));
    return pipeline;
}

static struct fixture open_fixture(void)
{
    smelt_context context = rig_context();
    struct fixture f = {.image = rig_image(context, VK_FORMAT_R32G32B32A32_UINT, WIDTH, HEIGHT, 1,
                                           VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT)};
    f.view = rig_view(context, &f.image, 0);
    const struct smelt_image_params image = {.view = f.view,
                                             .format = VK_FORMAT_R32G32B32A32_UINT,
                                             .width = WIDTH,
                                             .height = HEIGHT,
                                             .usage = VK_IMAGE_USAGE_SAMPLED_BIT,
                                             .name = "samples"};
    CHECK_OK(smelt_image_create(context, &image, &f.handle));
    f.shader = rig_shader(context, "deferred.comp", source, VK_SHADER_STAGE_COMPUTE_BIT);
    const struct smelt_arguments_params sets = {
        .shaders = &f.shader, .shader_count = 1, .block = "", .descriptors = true};
    CHECK_OK(smelt_arguments_create(context, &sets, &f.sets));
    CHECK_OK(smelt_arguments_set_texture(f.sets, "samples", 0, f.view, VK_NULL_HANDLE,
                                         VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL));
    CHECK_OK(smelt_arguments_flush(f.sets, 0, NULL));
    VkDescriptorSetLayout layout = smelt_arguments_set_layout(f.sets);
    f.pipeline = make_pipeline(f.shader, &layout);
    f.inputs = make(SMELT_DTYPE_F32, 7 * PIXELS);
    f.packed = make(SMELT_DTYPE_U32, 4 * PIXELS);
    f.counts = make(SMELT_DTYPE_U32, PIXELS);
    f.values = make(SMELT_DTYPE_F32, 8 * PIXELS);
    const struct smelt_deferred_params params = {
        .width = WIDTH + 3, .height = HEIGHT, .groups = groups, .group_count = GROUPS};
    CHECK_OK(smelt_deferred_create(context, &params, &f.deferred));
    return f;
}

static void close_fixture(struct fixture *f)
{
    smelt_context context = rig_context();
    smelt_deferred_destroy(&f->deferred);
    CHECK(!f->deferred);
    smelt_deferred_destroy(&f->deferred);
    smelt_tensor *const tensors[] = {&f->inputs, &f->packed, &f->counts, &f->values};
    for (int i = 0; i < 4; i++)
        smelt_tensor_destroy(tensors[i]);
    smelt_pipeline_destroy(&f->pipeline);
    smelt_arguments_destroy(&f->sets);
    smelt_shader_destroy(&f->shader);
    smelt_image_destroy(&f->handle);
    context->vk.DestroyImageView(context->device, f->view, NULL);
    rig_image_destroy(context, &f->image);
}

static struct smelt_argument buffer_of(const char *name, smelt_tensor tensor)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    return (struct smelt_argument){
        .name = name, .buffer = {info->buffer, info->buffer_offset, info->size, SMELT_ACCESS_READ_WRITE}};
}

// Materials in stretches, with holes and one number that no group has; from 10 on none, from 11 on one only.
static void paint(const struct fixture *f, uint32_t seed, float *x, uint32_t *texels)
{
    for (uint32_t i = 0; i < PIXELS; i++) {
        uint32_t r = (i / 9 + seed) * 2654435761u >> 24;
        x[7 * i] = seed > 10 ? 4.0f : seed > 9 ? -1.0f : (float)(r % (MATERIALS + 2)) - 1.0f;
        for (uint32_t k = 1; k < 7; k++)
            x[7 * i + k] = ldexpf((float)((i * 37 + k * 101 + seed) % 509) - 250.0f, -(int)(i % 13));
    }
    x[1] = 1e30f;
    x[3] = 65504.0f; // the largest f16
    CHECK_OK(smelt_tensor_write_and_wait(f->inputs, NULL, x, 7 * PIXELS * sizeof(*x)));
    smelt_shader shader = rig_shader(rig_context(), "pack.comp", packing, VK_SHADER_STAGE_COMPUTE_BIT);
    smelt_pipeline pipeline = make_pipeline(shader, NULL);
    smelt_encoder encoder = NULL;
    const uint32_t count = PIXELS;
    const struct smelt_argument arguments[] = {
        buffer_of("x", f->inputs), buffer_of("y", f->packed), {.name = "count", .bytes = &count, .size = 4}};
    const struct smelt_encode_params encode = {.pipeline = pipeline,
                                               .arguments = arguments,
                                               .argument_count = 3,
                                               .kind = SMELT_DISPATCH_THREADS,
                                               .size = {PIXELS}};
    CHECK_OK(smelt_encoder_create(rig_context(), NULL, &encoder));
    CHECK_OK(smelt_encoder_encode(encoder, &encode));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(f->packed, NULL, texels, 16 * PIXELS));
    smelt_encoder_destroy(&encoder);
    smelt_pipeline_destroy(&pipeline);
    smelt_shader_destroy(&shader);
}

static void check_pixel(const float *x, uint32_t count, const float *v)
{
    bool valid = x[0] >= 0 && x[0] < MATERIALS;
    CHECK(count == (valid ? 1 : 0));
    if (!valid)
        return;
    float group = x[0] < 3 ? 0.0f : x[0] < 4 ? 1.0f : 2.0f;
    CHECK(v[0] == x[0] && v[1] == x[0] && v[2] == group && v[3] == x[1]);
    for (int k = 0; k < 4; k++) {
        float wanted = x[3 + k];
        CHECK(fabsf(v[4 + k] - wanted) <= ldexpf(fabsf(wanted), -7) + 0x1p-20f);
    }
}

static void every_pixel(void)
{
    static float x[7 * PIXELS], values[8 * PIXELS];
    static uint32_t texels[4 * PIXELS], counts[PIXELS];
    struct fixture f = open_fixture();
    static const uint32_t seeds[] = {0, 10, 1, 11};
    for (uint32_t frame = 0; frame < SMELT_COUNT_OF(seeds); frame++) {
        paint(&f, seeds[frame], x, texels);
        rig_upload(rig_context(), &f.image, texels, sizeof(texels));
        smelt_encoder encoder = NULL;
        struct smelt_deferred_pass passes[GROUPS];
        struct smelt_argument arguments[GROUPS][3];
        static const uint32_t numbers[GROUPS] = {0, 1, 2};
        for (uint32_t g = 0; g < GROUPS; g++) {
            arguments[g][0] = buffer_of("counts", f.counts);
            arguments[g][1] = buffer_of("values", f.values);
            arguments[g][2] = (struct smelt_argument){.name = "group", .bytes = &numbers[g], .size = 4};
            passes[g] = (struct smelt_deferred_pass){
                f.pipeline, arguments[g], 3, {smelt_arguments_descriptor_set(f.sets, 0)}};
        }
        CHECK_OK(
            smelt_encoder_create(rig_context(), &(struct smelt_encoder_params){.check = true}, &encoder));
        CHECK_OK(smelt_encode_fill(encoder, f.counts, 0));
        CHECK_OK(smelt_encode_deferred(encoder, f.deferred, f.handle, passes));
        CHECK_OK(smelt_encoder_check_hazards(encoder));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
        CHECK_OK(smelt_tensor_read_and_wait(f.counts, NULL, counts, sizeof(counts)));
        CHECK_OK(smelt_tensor_read_and_wait(f.values, NULL, values, sizeof(values)));
        for (uint32_t i = 0; i < PIXELS; i++)
            check_pixel(x + 7 * i, counts[i], values + 8 * i);
        smelt_encoder_destroy(&encoder);
    }
    close_fixture(&f);
}

static void refuses(void)
{
    struct fixture f = open_fixture();
    smelt_context context = rig_context();
    smelt_deferred other = NULL;
    struct smelt_deferred_params params = {
        .width = 16, .height = 16, .groups = groups, .group_count = GROUPS};
    CHECK_FAILS(smelt_deferred_create(context, NULL, &other), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    params.width = 0;
    CHECK_FAILS(smelt_deferred_create(context, &params, &other), SMELT_ERROR_INVALID_ARGUMENT, "width is 0");
    params.width = 70000;
    CHECK_FAILS(smelt_deferred_create(context, &params, &other), SMELT_ERROR_INVALID_ARGUMENT, "is 70000");
    params.width = 16;
    params.group_count = 0;
    CHECK_FAILS(smelt_deferred_create(context, &params, &other), SMELT_ERROR_INVALID_ARGUMENT,
                "group_count is 0, wanted 1 to 32");
    const struct smelt_deferred_group many[] = {{1000, 0}, {25, 0}};
    params.groups = many;
    params.group_count = 2;
    CHECK_FAILS(smelt_deferred_create(context, &params, &other), SMELT_ERROR_INVALID_ARGUMENT,
                "material_count is 25, wanted 1 to 24");
    const struct smelt_deferred_group tiny = {1, 1};
    params =
        (struct smelt_deferred_params){.width = 65536, .height = 65536, .groups = &tiny, .group_count = 1};
    if (context->capabilities.max_workgroup_count[0] < UINT32_MAX / 2)
        CHECK_FAILS(smelt_deferred_create(context, &params, &other), SMELT_ERROR_INVALID_ARGUMENT,
                    "tile is 1");

    smelt_encoder encoder = NULL;
    struct smelt_deferred_pass passes[GROUPS] = {{.pipeline = NULL}};
    CHECK_OK(smelt_encoder_create(context, NULL, &encoder));
    CHECK_FAILS(smelt_encode_deferred(encoder, NULL, f.handle, passes), SMELT_ERROR_INVALID_ARGUMENT,
                "deferred is NULL");
    CHECK_FAILS(smelt_encode_deferred(encoder, f.deferred, NULL, passes), SMELT_ERROR_INVALID_ARGUMENT,
                "image is NULL");
    CHECK_FAILS(smelt_encode_deferred(encoder, f.deferred, f.handle, passes), SMELT_ERROR_INVALID_ARGUMENT,
                "passes[0].pipeline is NULL");
    smelt_shader shader = rig_shader(context, "pack.comp", packing, VK_SHADER_STAGE_COMPUTE_BIT);
    smelt_pipeline pipeline = make_pipeline(shader, NULL);
    passes[0].pipeline = pipeline;
    CHECK_FAILS(smelt_encode_deferred(encoder, f.deferred, f.handle, passes), SMELT_ERROR_NOT_FOUND,
                "deferred");
    params =
        (struct smelt_deferred_params){.width = 32, .height = 32, .groups = groups, .group_count = GROUPS};
    CHECK_OK(smelt_deferred_create(context, &params, &other));
    CHECK_FAILS(smelt_encode_deferred(encoder, other, f.handle, passes), SMELT_ERROR_SHAPE,
                "is 77 x 41, wanted at most 32 x 32");
    smelt_encoder_destroy(&encoder);
    smelt_deferred_destroy(&other);
    smelt_pipeline_destroy(&pipeline);
    smelt_shader_destroy(&shader);
    close_fixture(&f);
}

static const struct test tests[] = {
    {"every pixel once, in its group", every_pixel},
    {"what does not fit", refuses},
};

TEST_MAIN(tests)
