// SPDX-License-Identifier: MIT
// docs/integration.md, followed step by step: its C and its shaders compile, a device is opened as it says, and the material is
// drawn inline and evaluated behind the render pass to the same colours: to 0.02, as software devices filter with few bits.
#include "page.h"
#include "rig.h"

#include <math.h>

// What the page calls the engine's own.
struct engine {
    PFN_vkGetInstanceProcAddr get_instance_proc_addr;
    VkInstance instance;
    VkPhysicalDevice physical_device;
    VkDevice device;
    VkQueue queue;
    uint32_t queue_family;
};
static PFN_vkVoidFunction engine_load(const struct engine *e, const char *name)
{
    return e->get_instance_proc_addr(e->instance, name);
}

static enum smelt_result engine_error(const char *text)
{
    printf("    this device lacks %s\n", text);
    return SMELT_ERROR_UNSUPPORTED;
}

static void engine_lock(void *user)
{
    (void)user;
}

static void engine_unlock(void *user)
{
    (void)user;
}

static enum smelt_result engine_create_device(struct engine *e, const VkPhysicalDeviceFeatures2 *features,
                                              const char *const *extensions, uint32_t count)
{
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = e->queue_family,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo device = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                       .pNext = features,
                                       .queueCreateInfoCount = 1,
                                       .pQueueCreateInfos = &queue,
                                       .enabledExtensionCount = count,
                                       .ppEnabledExtensionNames = extensions};
    CHECK(((PFN_vkCreateDevice)engine_load(e, "vkCreateDevice"))(e->physical_device, &device, NULL,
                                                                 &e->device) == VK_SUCCESS);
    ((PFN_vkGetDeviceQueue)engine_load(e, "vkGetDeviceQueue"))(e->device, e->queue_family, 0, &e->queue);
    return SMELT_OK;
}

enum smelt_result open_device(struct engine *e, VkPhysicalDeviceFeatures2 *features,
                              const struct smelt_feature_list **list);
enum smelt_result open_context(const struct engine *e, const VkPhysicalDeviceFeatures2 *features,
                               const struct smelt_feature_list *list, smelt_context *context);
enum smelt_result load_rock(smelt_context context, const char *package, smelt_material *rock);
enum smelt_result compile_rock(smelt_context context, smelt_material rock, const char *source,
                               smelt_shader *shader);
enum smelt_result bind_rock(smelt_context context, smelt_material rock, smelt_shader shader,
                            smelt_arguments *arguments);
enum smelt_result draw_rock(smelt_arguments arguments, VkCommandBuffer commands, VkPipelineLayout layout,
                            uint64_t frame);
enum smelt_result record_layer(smelt_encoder encoder, VkCommandBuffer commands, uint64_t frame,
                               smelt_tensor input, smelt_tensor weight, smelt_tensor bias,
                               smelt_tensor output);
enum smelt_result record_quantised(smelt_encoder encoder, smelt_tensor input, smelt_tensor weight,
                                   smelt_tensor scale, smelt_tensor output, smelt_tensor scratch);
enum smelt_result compile_rocks(smelt_context context, smelt_material rock, const char *source,
                                uint32_t latent_count, smelt_shader *shader);
struct rocks;
enum smelt_result create_rocks(smelt_context context, struct rocks *r);
enum smelt_result record_rocks(struct rocks *r, VkCommandBuffer commands, uint64_t frame);
#include "docs_integration.h"

enum { SIZE = 8 };
static const char package[] = "examples/materials/rock053.safetensors";

static void a_device_and_a_context_are_opened(void)
{
    struct smelt_context_handles own = smelt_context_handles(test_context());
    struct engine e = {.get_instance_proc_addr = own.get_instance_proc_addr,
                       .instance = own.instance,
                       .physical_device = own.physical_device,
                       .queue_family = own.queue_family};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    const struct smelt_feature_list *list = NULL;
    smelt_context context = NULL;
    smelt_material rock = NULL;
    CHECK_OK(open_device(&e, &features, &list));
    CHECK_OK(open_context(&e, &features, list, &context));
    enum smelt_result loaded = load_rock(context, source_file(package), &rock);
    smelt_material_destroy(&rock);
    smelt_context_destroy(&context);
    smelt_feature_list_destroy(&list);
    ((PFN_vkDestroyDevice)engine_load(&e, "vkDestroyDevice"))(e.device, NULL);
    CHECK_OK(loaded); // now that no device outlives its instance
}

static char *shader_of_page(int index)
{
    char *text = page_shader("docs/integration.md", index, NULL);
    CHECK(text);
    return text;
}

static void need_compiler(void)
{
    if (!smelt_context_capabilities(test_context())->compiler)
        SKIP("this build has no GLSL compiler");
}

static const char vertex_source[] =
    "#version 460\n"
    "layout(location = 0) out vec2 uv;\n"
    "void main()\n"
    "{\n"
    "    vec2 at = vec2(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0);\n"
    "    gl_Position = vec4(at, 0.0, 1.0);\n"
    "    uv = at * 0.5 + 0.5;\n"
    "}\n";

// A triangle over the target by steps 3 to 5.
static void draw_inline(smelt_context context, float pixels[4 * SIZE * SIZE])
{
    char *source = shader_of_page(0);
    smelt_material rock = NULL;
    smelt_shader shader = NULL;
    smelt_arguments arguments = NULL;
    CHECK_OK(load_rock(context, source_file(package), &rock));
    CHECK_OK(compile_rock(context, rock, source, &shader));
    CHECK_OK(bind_rock(context, rock, shader, &arguments));
    free(source);
    VkDescriptorSetLayout layouts[2] = {0, smelt_arguments_set_layout(arguments)};
    const VkDescriptorSetLayoutCreateInfo none = {.sType =
                                                      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    const VkPushConstantRange push = {VK_SHADER_STAGE_FRAGMENT_BIT, 0, 8};
    CHECK(context->vk.CreateDescriptorSetLayout(context->device, &none, NULL, &layouts[0]) == VK_SUCCESS);
    const VkPipelineLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                             .setLayoutCount = 2,
                                             .pSetLayouts = layouts,
                                             .pushConstantRangeCount = 1,
                                             .pPushConstantRanges = &push};
    VkPipelineLayout layout;
    CHECK(context->vk.CreatePipelineLayout(context->device, &info, NULL, &layout) == VK_SUCCESS);
    smelt_shader vertex = rig_shader(context, "screen.vert", vertex_source, VK_SHADER_STAGE_VERTEX_BIT);
    VkPipeline pipeline = rig_graphics(context, vertex, shader, layout, SIZE, SIZE);
    struct rig_target target = rig_target(context, SIZE, SIZE);
    VkCommandBuffer commands;
    CHECK_OK(smelt_submit_begin(context, &commands));
    rig_begin_rendering(context, commands, &target);
    context->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    CHECK_OK(draw_rock(arguments, commands, layout, 0));
    rig_vk.CmdDraw(commands, 3, 1, 0, 0);
    rig_end_rendering(context, commands, &target);
    CHECK_OK(smelt_submit_end(context, true));
    memcpy(pixels, target.pixels.mapped, 16 * SIZE * SIZE);
    rig_target_destroy(context, &target);
    context->vk.DestroyPipeline(context->device, pipeline, NULL);
    context->vk.DestroyPipelineLayout(context->device, layout, NULL);
    context->vk.DestroyDescriptorSetLayout(context->device, layouts[0], NULL);
    smelt_shader_destroy(&vertex);
    smelt_arguments_destroy(&arguments);
    smelt_shader_destroy(&shader);
    smelt_material_destroy(&rock);
}

// What the page's render pass leaves: two materials, which take turns, and uv without derivatives.
static struct rig_image attachment(smelt_context context)
{
    uint32_t texels[SIZE * SIZE][4];
    struct rig_image image = rig_image(context, VK_FORMAT_R32G32B32A32_UINT, SIZE, SIZE, 1,
                                       VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
    for (uint32_t i = 0; i < SIZE * SIZE; i++) {
        const float uv[2] = {((float)(i % SIZE) + 0.5f) / SIZE, ((float)(i / SIZE) + 0.5f) / SIZE};
        memcpy(texels[i], uv, 8);
        texels[i][2] = 1 + i % 2;
        texels[i][3] = 0;
    }
    rig_upload(context, &image, texels, sizeof(texels));
    return image;
}

static void destroy_rocks(struct rocks *r)
{
    smelt_encoder_destroy(&r->encoder);
    smelt_deferred_destroy(&r->lists);
    smelt_image_destroy(&r->texels);
    smelt_pipeline_destroy(&r->pipeline);
    smelt_arguments_destroy(&r->sets);
    for (uint32_t m = 0; m < r->count; m++) {
        smelt_arguments_destroy(&r->blocks[m]);
        smelt_material_destroy(&r->materials[m]);
    }
    smelt_shader_destroy(&r->shader);
}

// Step 8: f16 of `lit`, to be freed.
static uint16_t *evaluate_behind(smelt_context context)
{
    struct rig_image texels = attachment(context);
    struct rig_image lit = rig_image(context, VK_FORMAT_R16G16B16A16_SFLOAT, SIZE, SIZE, 1,
                                     VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT);
    struct rocks r = {.width = SIZE,
                      .height = SIZE,
                      .count = 2,
                      .texel_view = rig_view(context, &texels, 0),
                      .lit_view = rig_view(context, &lit, 0)};
    const struct smelt_material_params params = {
        .path = source_file(package), .deferred = true, .frames_in_flight = 3};
    for (uint32_t m = 0; m < r.count; m++) {
        CHECK_OK(smelt_material_create(context, &params, &r.materials[m]));
        CHECK_OK(smelt_material_upload_and_wait(r.materials[m]));
    }
    char *source = shader_of_page(2);
    CHECK_OK(compile_rocks(context, r.materials[0], source, 8, &r.shader));
    free(source);
    CHECK_OK(create_rocks(context, &r));
    struct smelt_buffer pixels;
    CHECK_OK(smelt_buffer_create(context, 8 * SIZE * SIZE, SMELT_PLACE_HOST_READ, SMELT_MEMORY_STAGING,
                                 "test pixels", &pixels));
    VkCommandBuffer commands;
    CHECK_OK(smelt_submit_begin(context, &commands));
    rig_transition(context, commands, &lit, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_GENERAL);
    CHECK_OK(record_rocks(&r, commands, 0));
    rig_transition(context, commands, &lit, VK_IMAGE_LAYOUT_GENERAL, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    const VkBufferImageCopy copy = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                    .imageExtent = {SIZE, SIZE, 1}};
    rig_vk.CmdCopyImageToBuffer(commands, lit.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, pixels.buffer, 1,
                                &copy);
    CHECK_OK(smelt_submit_end(context, true));
    uint16_t *values = malloc(8 * SIZE * SIZE);
    CHECK(values);
    memcpy(values, pixels.mapped, 8 * SIZE * SIZE);
    smelt_buffer_destroy(context, &pixels);
    destroy_rocks(&r);
    context->vk.DestroyImageView(context->device, r.texel_view, NULL);
    context->vk.DestroyImageView(context->device, r.lit_view, NULL);
    rig_image_destroy(context, &texels);
    rig_image_destroy(context, &lit);
    return values;
}

static void the_material_is_drawn_and_evaluated_alike(void)
{
    need_compiler();
    smelt_context context = rig_context();
    float drawn[4 * SIZE * SIZE];
    draw_inline(context, drawn);
    uint16_t *evaluated = evaluate_behind(context);
    float least = 1, most = 0;
    for (int i = 0; i < 4 * SIZE * SIZE; i++) {
        if (i % 4 == 3)
            continue;
        least = fminf(least, drawn[i]);
        most = fmaxf(most, drawn[i]);
        CHECK(fabsf(drawn[i] - smelt_f16_to_f32(evaluated[i])) < 0.02f);
    }
    CHECK(least >= 0 && most <= 1 && most - least > 0.1f); // a rock, not one colour
    free(evaluated);
}

static void the_render_pass_of_step_8_compiles(void)
{
    need_compiler();
    char *source = shader_of_page(1);
    smelt_shader shader = rig_shader(rig_context(), "attachment.frag", source, VK_SHADER_STAGE_FRAGMENT_BIT);
    smelt_shader_destroy(&shader);
    free(source);
}

static void products_are_recorded(void)
{
    need_compiler();
    smelt_context context = rig_context();
    smelt_encoder encoder = NULL;
    const uint64_t rows[] = {4, 32}, square[] = {32, 32}, line[] = {32}, scales[] = {32, 1};
    smelt_tensor x = rig_tensor(context, SMELT_DTYPE_F16, 2, rows, NULL),
                 y = rig_tensor(context, SMELT_DTYPE_F16, 2, rows, NULL),
                 w = rig_tensor(context, SMELT_DTYPE_F16, 2, square, NULL),
                 b = rig_tensor(context, SMELT_DTYPE_F16, 1, line, NULL),
                 q = rig_tensor(context, SMELT_DTYPE_I8, 2, square, NULL),
                 s = rig_tensor(context, SMELT_DTYPE_F16, 2, scales, NULL);
    VkCommandBuffer commands;
    CHECK_OK(smelt_encoder_create(context, NULL, &encoder));
    CHECK_OK(smelt_submit_begin(context, &commands));
    CHECK_OK(record_layer(encoder, commands, 0, x, w, b, y));
    CHECK_FAILS(record_layer(encoder, commands, 1, x, NULL, b, y), SMELT_ERROR_INVALID_ARGUMENT, "b is NULL");
    CHECK_OK(smelt_submit_end(context, true));
    CHECK_OK(record_quantised(encoder, x, q, s, y, NULL));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    smelt_encoder_destroy(&encoder);
    smelt_tensor *const tensors[] = {&x, &y, &w, &b, &q, &s};
    for (int i = 0; i < 6; i++)
        smelt_tensor_destroy(tensors[i]);
}

static const struct test tests[] = {
    {"a device and a context are opened", a_device_and_a_context_are_opened},
    {"the material is drawn and evaluated alike", the_material_is_drawn_and_evaluated_alike},
    {"the render pass of step 8 compiles", the_render_pass_of_step_8_compiles},
    {"products are recorded", products_are_recorded},
};

TEST_MAIN(tests)
