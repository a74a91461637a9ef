// SPDX-License-Identifier: MIT
// Tests of arguments.h in the caller's graphics pipelines: vertex and fragment stages, classic descriptors, and
// 256 materials in one draw.
#include "rig.h"

#include <math.h>

#define TENSOR(name, rank)                                                                                   \
    "#define SMELT_TENSOR " name "\n#define SMELT_DTYPE SMELT_DTYPE_F32\n#define SMELT_RANK " rank           \
    "\n#define SMELT_ACCESS SMELT_ACCESS_READ\n"
#define BLOCK "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer "

// The vertices of a triangle that covers the target.
static const float covering[6] = {-1, -1, 3, -1, -1, 3};

static void draw(smelt_context context, const struct rig_target *target, VkPipeline pipeline,
                 smelt_arguments arguments, VkPipelineLayout layout)
{
    VkCommandBuffer commands;
    CHECK_OK(smelt_submit_begin(context, &commands));
    rig_begin_rendering(context, commands, target);
    context->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    enum smelt_result result =
        smelt_arguments_bind(arguments, commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout,
                             VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0);
    if (result == SMELT_OK)
        rig_vk.CmdDraw(commands, 3, 1, 0, 0);
    rig_end_rendering(context, commands, target);
    enum smelt_result submitted = smelt_submit_end(context, true);
    CHECK_OK(result);
    CHECK_OK(submitted);
}

static const float *pixel(const struct rig_target *target, uint32_t x, uint32_t y)
{
    return (const float *)target->pixels.mapped + 4 * ((size_t)y * target->image.width + x);
}

// The instrument itself: what nothing is drawn to reads back as cleared.
static void test_empty_target(void)
{
    smelt_context context = rig_context();
    struct rig_target target = rig_target(context, 5, 3);
    VkCommandBuffer commands;
    CHECK_OK(smelt_submit_begin(context, &commands));
    rig_begin_rendering(context, commands, &target);
    rig_end_rendering(context, commands, &target);
    CHECK_OK(smelt_submit_end(context, true));
    for (uint32_t i = 0; i < 15 * 4; i++)
        CHECK(pixel(&target, i / 4 % 5, i / 20)[i % 4] == -1);
    rig_target_destroy(context, &target);
}

// --- Vertex and fragment stage, descriptors of every kind --------------------------------------------------------

#define SHARED_BLOCK                                                                                         \
    TENSOR("position", "2")                                                                                  \
    "#define SMELT_EXTENT0 0\n#define SMELT_EXTENT1 2\n#include \"smelt/tensor_tmpl.glsl\"\n" BLOCK          \
    "draw_block { position_f32_2_r_0x2 positions; vec3 color; };\n"                                          \
    "layout(push_constant, scalar) uniform push { vec2 unused; draw_block block; };\n"

static const char *const draw_vertex = "#version 460\n"
                                       "#include \"smelt/base.glsl\"\n" SHARED_BLOCK "void main()\n"
                                       "{\n"
                                       "    uint v = gl_VertexIndex;\n"
                                       "    gl_Position = vec4(smelt_load(block.positions, v, 0), "
                                       "smelt_load(block.positions, v, 1), 0.0, 1.0);\n"
                                       "}\n";

static const char *const draw_fragment =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n" SHARED_BLOCK
    "layout(set = 1, binding = 0) uniform sampler2D combined[2];\n"
    "layout(set = 1, binding = 1) uniform texture2D separate;\n"
    "layout(set = 1, binding = 2) uniform sampler point;\n"
    "layout(set = 1, binding = 4, scalar) uniform tint_data { float tint; } tint;\n"
    "layout(set = 1, binding = 5, scalar) readonly buffer shade_data { float shade; } shade;\n"
    "layout(location = 0) out vec4 result;\n"
    "void main()\n"
    "{\n"
    "    vec2 uv = gl_FragCoord.xy / 4.0;\n"
    "    vec4 t = texture(combined[0], uv) + 2.0 * texture(combined[1], uv);\n"
    "    t += 4.0 * texture(sampler2D(separate, point), uv);\n"
    "    result = vec4(block.color + tint.tint, shade.shade) + t;\n"
    "}\n";

struct drawing {
    smelt_context context;
    smelt_shader shaders[2];
    struct rig_target target;
    struct rig_image texture; // 4x4, 3 layers
    VkImageView views[3];
    VkSampler sampler;
    smelt_tensor positions;
    struct smelt_buffer values;
    VkPipelineLayout layout;
    VkPipeline pipeline;
};

static float texel(uint32_t layer, uint32_t x, uint32_t y, uint32_t component)
{
    return (float)(100 * layer + 10 * y + x) + 0.25f * (float)component;
}

static struct drawing drawing_create(void)
{
    struct drawing d = {.context = rig_context()};
    d.shaders[0] = rig_shader(d.context, "draw.vert", draw_vertex, VK_SHADER_STAGE_VERTEX_BIT);
    d.shaders[1] = rig_shader(d.context, "draw.frag", draw_fragment, VK_SHADER_STAGE_FRAGMENT_BIT);
    d.target = rig_target(d.context, 4, 4);
    d.texture = rig_image(d.context, RIG_FORMAT, 4, 4, 3,
                          VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
    float texels[3 * 4 * 4 * 4];
    for (uint32_t i = 0; i < SMELT_COUNT_OF(texels); i++)
        texels[i] = texel(i / 64, i / 4 % 4, i / 16 % 4, i % 4);
    rig_upload(d.context, &d.texture, texels, sizeof(texels));
    for (uint32_t i = 0; i < 3; i++)
        d.views[i] = rig_view(d.context, &d.texture, i);
    d.sampler = rig_sampler(d.context);
    d.positions = rig_tensor(d.context, SMELT_DTYPE_F32, 2, (uint64_t[]){3, 2}, covering);
    CHECK_OK(smelt_buffer_create(d.context, 1024, SMELT_PLACE_HOST_WRITE, SMELT_MEMORY_STAGING, "test values",
                                 &d.values));
    ((float *)d.values.mapped)[0] = 0.5f;
    ((float *)d.values.mapped)[128] = 7;
    return d;
}

static void drawing_set(struct drawing *d, smelt_arguments a)
{
    float color[3] = {1000, 2000, 3000};
    const VkImageLayout layout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
    CHECK_OK(smelt_arguments_set_tensor(a, "positions", d->positions));
    CHECK_OK(smelt_arguments_set_constant(a, "color", color, sizeof(color)));
    CHECK_OK(smelt_arguments_set_texture(a, "combined", 0, d->views[0], d->sampler, layout));
    CHECK_OK(smelt_arguments_set_texture(a, "combined", 1, d->views[1], d->sampler, layout));
    CHECK_OK(smelt_arguments_set_texture(a, "separate", 0, d->views[2], VK_NULL_HANDLE, layout));
    CHECK_OK(smelt_arguments_set_sampler(a, "point", 0, d->sampler));
    CHECK_OK(smelt_arguments_set_buffer(a, "tint", d->values.buffer, 0, 4));
    CHECK_OK(smelt_arguments_set_buffer(a, "shade", d->values.buffer, 512, VK_WHOLE_SIZE));
}

static void drawing_check(struct drawing *d, smelt_arguments arguments)
{
    VkDescriptorSetLayout sets[2] = {smelt_arguments_set_layout(arguments),
                                     smelt_arguments_set_layout(arguments)};
    VkShaderStageFlags stages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
    VkPushConstantRange range = {.stageFlags = stages, .size = 32};
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 2,
        .pSetLayouts = sets,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };
    VkDevice device = d->context->device;
    CHECK(d->context->vk.CreatePipelineLayout(device, &info, NULL, &d->layout) == VK_SUCCESS);
    d->pipeline = rig_graphics(d->context, d->shaders[0], d->shaders[1], d->layout, 4, 4);
    drawing_set(d, arguments);
    CHECK_FAILS(
        smelt_arguments_bind(arguments, (VkCommandBuffer)d, VK_PIPELINE_BIND_POINT_GRAPHICS, d->layout, 0, 0),
        SMELT_ERROR_INVALID_ARGUMENT, "no stages");
    draw(d->context, &d->target, d->pipeline, arguments, d->layout);
    for (uint32_t y = 0; y < 4; y++)
        for (uint32_t x = 0; x < 4; x++)
            for (uint32_t c = 0; c < 4; c++) {
                float wanted = c < 3 ? 1000.0f * (float)(c + 1) + 0.5f : 7;
                wanted += texel(0, x, y, c) + 2 * texel(1, x, y, c) + 4 * texel(2, x, y, c);
                CHECK(pixel(&d->target, x, y)[c] == wanted);
            }
    d->context->vk.DestroyPipeline(device, d->pipeline, NULL);
    d->context->vk.DestroyPipelineLayout(device, d->layout, NULL);
}

static void drawing_destroy(struct drawing *d)
{
    for (uint32_t i = 0; i < 3; i++)
        d->context->vk.DestroyImageView(d->context->device, d->views[i], NULL);
    d->context->vk.DestroySampler(d->context->device, d->sampler, NULL);
    rig_image_destroy(d->context, &d->texture);
    rig_target_destroy(d->context, &d->target);
    smelt_tensor_destroy(&d->positions);
    smelt_buffer_destroy(d->context, &d->values);
    smelt_shader_destroy(&d->shaders[0]);
    smelt_shader_destroy(&d->shaders[1]);
}

static void test_vertex_fragment(void)
{
    struct drawing d = drawing_create();
    struct smelt_arguments_params params = {
        .shaders = d.shaders, .shader_count = 2, .descriptors = true, .set = 1};
    smelt_arguments arguments;
    CHECK_OK(smelt_arguments_create(d.context, &params, &arguments));
    drawing_check(&d, arguments);
    smelt_arguments_destroy(&arguments);
    drawing_destroy(&d);
}

static void test_borrowed_layout(void)
{
    struct drawing d = drawing_create();
    VkShaderStageFlags stages = VK_SHADER_STAGE_ALL_GRAPHICS;
    VkDescriptorSetLayoutBinding bindings[] = {
        {.binding = 0, .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, .descriptorCount = 2},
        {.binding = 1, .descriptorType = VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, .descriptorCount = 1},
        {.binding = 2, .descriptorType = VK_DESCRIPTOR_TYPE_SAMPLER, .descriptorCount = 1},
        {.binding = 4, .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, .descriptorCount = 1},
        {.binding = 5, .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .descriptorCount = 1},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(bindings); i++)
        bindings[i].stageFlags = stages;
    VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = SMELT_COUNT_OF(bindings),
        .pBindings = bindings,
    };
    VkDescriptorSetLayout layout;
    CHECK(d.context->vk.CreateDescriptorSetLayout(d.context->device, &info, NULL, &layout) == VK_SUCCESS);
    struct smelt_arguments_params params = {
        .shaders = d.shaders, .shader_count = 2, .descriptors = true, .set = 1, .set_layout = layout};
    smelt_arguments arguments;
    CHECK_OK(smelt_arguments_create(d.context, &params, &arguments));
    CHECK(smelt_arguments_set_layout(arguments) == layout);
    drawing_check(&d, arguments);
    smelt_arguments_destroy(&arguments);
    d.context->vk.DestroyDescriptorSetLayout(d.context->device, layout, NULL);
    drawing_destroy(&d);
}

static void test_binding_errors(void)
{
    struct drawing d = drawing_create();
    struct smelt_arguments_params params = {.shaders = d.shaders,
                                            .shader_count = 2,
                                            .block = "",
                                            .descriptors = true,
                                            .set = 1,
                                            .name = "draw things"};
    smelt_arguments a;
    CHECK_OK(smelt_arguments_create(d.context, &params, &a));
    CHECK_FAILS(smelt_arguments_check(a), SMELT_ERROR_NOT_READY,
                "draw things: not set: \"combined[0]\", \"combined[1]\", \"separate\", \"point\", \"tint\", "
                "\"shade\"");
    CHECK_FAILS(smelt_arguments_set_tensor(a, "positions", d.positions), SMELT_ERROR_NOT_FOUND,
                "no argument block");
    CHECK_FAILS(smelt_arguments_set_texture(a, "seperate", 0, d.views[0], NULL, 0), SMELT_ERROR_NOT_FOUND,
                "\"separate\"");
    CHECK_FAILS(smelt_arguments_set_texture(a, "combined", 2, d.views[0], d.sampler, 0),
                SMELT_ERROR_INVALID_ARGUMENT, "element 2 of binding \"combined\", which has 2");
    CHECK_FAILS(smelt_arguments_set_texture(a, "combined", 0, d.views[0], NULL, 0),
                SMELT_ERROR_INVALID_ARGUMENT, "the sampler is null");
    CHECK_FAILS(smelt_arguments_set_texture(a, "separate", 0, NULL, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT,
                "the image view is null");
    CHECK_FAILS(smelt_arguments_set_sampler(a, "point", 0, NULL), SMELT_ERROR_INVALID_ARGUMENT, "null");
    CHECK_FAILS(smelt_arguments_set_sampler(a, "point", 1, d.sampler), SMELT_ERROR_INVALID_ARGUMENT,
                "element 1");
    CHECK_FAILS(smelt_arguments_set_texture(a, "point", 0, d.views[0], NULL, 0), SMELT_ERROR_INVALID_ARGUMENT,
                "sampler; got: texture");
    CHECK_FAILS(smelt_arguments_set_sampler(a, "separate", 0, d.sampler), SMELT_ERROR_INVALID_ARGUMENT,
                "sampled image; got: sampler");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "separate", d.values.buffer, 0, 4),
                SMELT_ERROR_INVALID_ARGUMENT, "sampled image; got: buffer");
    CHECK_FAILS(smelt_arguments_bind(a, (VkCommandBuffer)&d, VK_PIPELINE_BIND_POINT_GRAPHICS,
                                     (VkPipelineLayout)1, 0, 0),
                SMELT_ERROR_NOT_READY, "\"shade\"");
    smelt_arguments_destroy(&a);
    drawing_destroy(&d);
}

// --- 256 materials in one draw -----------------------------------------------------------------------------------

enum { MATERIALS = 256, WIDTH = 64, RUNTIME_ARRAY = 300 };

static const char *const plain_vertex =
    "#version 460\n"
    "void main()\n"
    "{\n"
    "    gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.0, 1.0);\n"
    "}\n";

// Neighbouring pixels have different materials. `texture` is the expression that fetches a material's texel.
#define MATERIALS_FRAGMENT(extension, declarations, fetch)                                                   \
    "#version 460\n" extension "#include \"smelt/base.glsl\"\n" TENSOR(                                      \
        "color", "1") "#define SMELT_EXTENT0 4\n#include \"smelt/tensor_tmpl.glsl\"\n" BLOCK                 \
                      "material_block { color_f32_1_r_4 color; uint picture; float gain; };\n" BLOCK         \
                      "scene_block { uvec2 materials[256]; uint width; };\n"                                 \
                      "layout(push_constant, scalar) uniform push { scene_block scene; };\n" declarations    \
                      "layout(location = 0) out vec4 result;\n"                                              \
                      "void main()\n"                                                                        \
                      "{\n"                                                                                  \
                      "    uint i = uint(gl_FragCoord.y) * scene.width + uint(gl_FragCoord.x);\n"            \
                      "    material_block m = material_block(scene.materials[i * 167 % 256]);\n"             \
                      "    vec4 color = vec4(smelt_load(m.color, 0), smelt_load(m.color, 1),\n"              \
                      "                      smelt_load(m.color, 2), smelt_load(m.color, 3));\n"             \
                      "    result = color * m.gain + " fetch ";\n"                                           \
                      "}\n"

static const char *const address_fragment = MATERIALS_FRAGMENT("", "", "vec4(float(m.picture))");
static const char *const bindless_fragment =
    MATERIALS_FRAGMENT("#extension GL_EXT_nonuniform_qualifier : require\n",
                       "layout(set = 0, binding = 3) uniform texture2D pictures[];\n"
                       "layout(set = 0, binding = 1) uniform sampler point;\n",
                       "texture(sampler2D(pictures[nonuniformEXT(m.picture)], point), vec2(0.5))");

struct scene {
    smelt_context context;
    smelt_shader shaders[2];
    smelt_tensor colors, color[MATERIALS];
    smelt_arguments materials[MATERIALS], arguments;
};

static uint32_t picture_of(uint32_t material)
{
    return material * 37 % MATERIALS;
}

static void scene_create(struct scene *s, const char *fragment, bool descriptors)
{
    *s = (struct scene){.context = rig_context()};
    s->shaders[0] = rig_shader(s->context, "plain.vert", plain_vertex, VK_SHADER_STAGE_VERTEX_BIT);
    s->shaders[1] = rig_shader(s->context, "materials.frag", fragment, VK_SHADER_STAGE_FRAGMENT_BIT);
    float colors[MATERIALS][4];
    for (uint32_t m = 0; m < MATERIALS; m++)
        for (uint32_t c = 0; c < 4; c++)
            colors[m][c] = (float)(4 * m + c);
    s->colors = rig_tensor(s->context, SMELT_DTYPE_F32, 1, (uint64_t[]){MATERIALS * 4}, colors);
    struct smelt_arguments_params params = {
        .shaders = &s->shaders[1], .shader_count = 1, .block = "material_block", .frames_in_flight = 3};
    VkDeviceAddress addresses[MATERIALS];
    for (uint32_t m = 0; m < MATERIALS; m++) {
        float gain = 0.5f + (float)m;
        uint32_t picture = picture_of(m);
        CHECK_OK(smelt_tensor_slice(s->colors, (uint64_t[]){4 * m}, (uint64_t[]){4}, &s->color[m]));
        CHECK_OK(smelt_arguments_create(s->context, &params, &s->materials[m]));
        CHECK_OK(smelt_arguments_set_tensor(s->materials[m], "color", s->color[m]));
        CHECK_OK(smelt_arguments_set_constant(s->materials[m], "picture", &picture, sizeof(picture)));
        CHECK_OK(smelt_arguments_set_constant(s->materials[m], "gain", &gain, sizeof(gain)));
        CHECK_OK(smelt_arguments_flush(s->materials[m], 0, &addresses[m]));
    }
    params = (struct smelt_arguments_params){.shaders = s->shaders,
                                             .shader_count = 2,
                                             .block = "scene_block",
                                             .descriptors = descriptors,
                                             .max_runtime_array = RUNTIME_ARRAY};
    CHECK_OK(smelt_arguments_create(s->context, &params, &s->arguments));
    uint32_t width = WIDTH;
    CHECK_OK(smelt_arguments_set_constant(s->arguments, "materials", addresses, sizeof(addresses)));
    CHECK_OK(smelt_arguments_set_constant(s->arguments, "width", &width, sizeof(width)));
}

// Draws and checks every pixel; a material's texel is all `scale` times its picture's number.
static void scene_check(struct scene *s, float scale)
{
    struct rig_target target = rig_target(s->context, WIDTH, WIDTH);
    VkPipelineLayout layout = rig_layout(s->context, smelt_arguments_set_layout(s->arguments), 8,
                                         VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT);
    VkPipeline pipeline = rig_graphics(s->context, s->shaders[0], s->shaders[1], layout, WIDTH, WIDTH);
    draw(s->context, &target, pipeline, s->arguments, layout);
    for (uint32_t i = 0; i < WIDTH * WIDTH; i++) {
        uint32_t m = i * 167 % MATERIALS;
        for (uint32_t c = 0; c < 4; c++) {
            float wanted = (float)(4 * m + c) * (0.5f + (float)m) + scale * (float)picture_of(m);
            CHECK(pixel(&target, i % WIDTH, i / WIDTH)[c] == wanted);
        }
    }
    s->context->vk.DestroyPipeline(s->context->device, pipeline, NULL);
    s->context->vk.DestroyPipelineLayout(s->context->device, layout, NULL);
    rig_target_destroy(s->context, &target);
}

static void scene_destroy(struct scene *s)
{
    smelt_arguments_destroy(&s->arguments);
    for (uint32_t m = 0; m < MATERIALS; m++) {
        smelt_arguments_destroy(&s->materials[m]);
        smelt_tensor_destroy(&s->color[m]);
    }
    smelt_tensor_destroy(&s->colors);
    smelt_shader_destroy(&s->shaders[0]);
    smelt_shader_destroy(&s->shaders[1]);
}

static void test_materials_by_address(void)
{
    static struct scene s;
    scene_create(&s, address_fragment, false);
    CHECK(!smelt_arguments_set_layout(s.arguments));
    scene_check(&s, 1);
    scene_destroy(&s);
}

static void test_materials_bindless(void)
{
    static struct scene s;
    if (!smelt_context_capabilities(rig_context())->sampled_image_nonuniform)
        SKIP("the device has no non-uniform indexing of texture arrays");
    scene_create(&s, bindless_fragment, true);
    struct rig_image picture = rig_image(s.context, RIG_FORMAT, 1, 1, MATERIALS,
                                         VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
    float texels[MATERIALS][4];
    for (uint32_t i = 0; i < MATERIALS * 4; i++)
        texels[i / 4][i % 4] = 3.0f * (float)(i / 4);
    rig_upload(s.context, &picture, texels, sizeof(texels));
    VkImageView views[MATERIALS];
    VkSampler sampler = rig_sampler(s.context);
    CHECK_OK(smelt_arguments_set_sampler(s.arguments, "point", 0, sampler));
    CHECK_OK(smelt_arguments_check(s.arguments)); // elements of runtime arrays need not be set
    for (uint32_t i = 0; i < MATERIALS; i++) {
        views[i] = rig_view(s.context, &picture, i);
        CHECK_OK(smelt_arguments_set_texture(s.arguments, "pictures", i, views[i], VK_NULL_HANDLE,
                                             VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL));
    }
    CHECK_OK(smelt_arguments_set_texture(s.arguments, "pictures", RUNTIME_ARRAY - 1, views[0], VK_NULL_HANDLE,
                                         VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL));
    CHECK_FAILS(smelt_arguments_set_texture(s.arguments, "pictures", RUNTIME_ARRAY, views[0], VK_NULL_HANDLE,
                                            VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL),
                SMELT_ERROR_INVALID_ARGUMENT, "element 300");
    scene_check(&s, 3);
    for (uint32_t i = 0; i < MATERIALS; i++)
        s.context->vk.DestroyImageView(s.context->device, views[i], NULL);
    s.context->vk.DestroySampler(s.context->device, sampler, NULL);
    rig_image_destroy(s.context, &picture);
    scene_destroy(&s);
}

// What a runtime array cannot be is said at create.
static void test_runtime_array_limits(void)
{
    smelt_context context = rig_context();
    smelt_shader shader =
        rig_shader(context, "materials.frag", bindless_fragment, VK_SHADER_STAGE_FRAGMENT_BIT);
    struct smelt_arguments_params params = {.shaders = &shader,
                                            .shader_count = 1,
                                            .block = "",
                                            .descriptors = true,
                                            .max_runtime_array = UINT32_MAX};
    smelt_arguments arguments = NULL;
    CHECK_FAILS(smelt_arguments_create(context, &params, &arguments), SMELT_ERROR_UNSUPPORTED,
                "\"pictures\"");
    params.max_runtime_array = 0;
    if (smelt_context_capabilities(context)->sampled_image_nonuniform)
        CHECK_OK(smelt_arguments_create(context, &params, &arguments));
    else
        CHECK_FAILS(smelt_arguments_create(context, &params, &arguments), SMELT_ERROR_UNSUPPORTED,
                    "runtimeDescriptorArray");
    smelt_arguments_destroy(&arguments);
    smelt_shader_destroy(&shader);
}

static const struct test tests[] = {
    {"a target that nothing is drawn to reads back as cleared", test_empty_target},
    {"vertex and fragment stages read the block, classic descriptors of every kind", test_vertex_fragment},
    {"a borrowed set layout is used as it is", test_borrowed_layout},
    {"textures and samplers refuse what does not fit", test_binding_errors},
    {"256 materials in one draw, blocks by address", test_materials_by_address},
    {"256 materials in one draw, textures in one bindless array", test_materials_bindless},
    {"runtime arrays beyond the device are refused", test_runtime_array_limits},
};
TEST_MAIN(tests)
