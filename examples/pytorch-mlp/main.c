// SPDX-License-Identifier: MIT
// pytorch-mlp: a network that PyTorch has trained, evaluated by a fragment shader and compared with PyTorch's own outputs.
//
// usage: pytorch-mlp PACKAGE [-o PICTURE.png] [--size N] [--device D]
//
// PACKAGE is what `smelt pack --mlp state.safetensors --describe mlp.json` makes. Everything that is smelt's is in this file;
// the Vulkan that any renderer has is ../neural-material/gpu.h.
#include "gpu.h"
#include "image.h"
#include "options.h" // data_path

#include <smelt/smelt.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPECTED_SIZE = 64, MAX_SIZE = 4096 };

struct program {
    const char *package, *picture, *device;
    uint32_t size;
    struct gpu gpu;
    const struct smelt_feature_list *features;
    smelt_context context;
    smelt_shader vertex, fragment;
    smelt_weights weights;
    smelt_arguments arguments;
    struct smelt_mlp_descriptor mlp;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    struct gpu_image target;
    struct gpu_buffer pixels; // f32 [size][size][4]
};

// --- smelt: the network of the package becomes part of a fragment shader, its weights are bound by name ------------------

static bool open_device(struct program *p)
{
    VkPhysicalDeviceVulkan13Features wishes = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
                                               .dynamicRendering = VK_TRUE,
                                               .synchronization2 = VK_TRUE};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &wishes};
    if (!gpu_open_instance(&p->gpu, p->device, false))
        return false;
    if (smelt_feature_list_create(vkGetInstanceProcAddr, p->gpu.instance, p->gpu.physical_device,
                                  &p->features))
        return fail("%s", smelt_last_error());
    if (p->features->missing[0])
        return fail("%s lacks %s", p->gpu.properties.deviceName, p->features->missing);
    smelt_feature_list_apply(p->features, &features);
    if (!gpu_open_device(&p->gpu, &features, p->features->extensions, p->features->extension_count))
        return false;
    const struct smelt_context_params params = {.get_instance_proc_addr = vkGetInstanceProcAddr,
                                                .instance = p->gpu.instance,
                                                .physical_device = p->gpu.physical_device,
                                                .device = p->gpu.device,
                                                .queue = p->gpu.queue,
                                                .queue_family = p->gpu.queue_family,
                                                .enabled_features = &features,
                                                .enabled_extensions = p->features->extensions,
                                                .enabled_extension_count = p->features->extension_count};
    return smelt_context_create(&params, &p->context) == SMELT_OK || fail("%s", smelt_last_error());
}

static bool good(enum smelt_result result)
{
    return result == SMELT_OK || fail("%s", smelt_last_error());
}

// The package says what the op is and how coordinates are encoded; the shader includes both under the name "flower".
static bool make_shaders(struct program *p, smelt_package package)
{
    const struct smelt_op op = {.name = "flower", .kind = SMELT_OP_MLP, .mlp = &p->mlp};
    struct smelt_op_info chosen;
    uint32_t inputs;
    char *text = NULL, fragment_path[1024], vertex_path[1024];
    if (!data_path(fragment_path, sizeof(fragment_path), "pytorch-mlp/flower.frag") ||
        !data_path(vertex_path, sizeof(vertex_path), "pytorch-mlp/triangle.vert") ||
        !good(smelt_mlp_from_package(p->context, package, op.name, &p->mlp, &inputs, &text)))
        return false;
    const struct smelt_virtual_file encoding = {"flower_encoding.glsl", text};
    const struct smelt_shader_params fragment = {
        .path = fragment_path, .ops = &op, .op_count = 1, .files = &encoding, .file_count = 1};
    const struct smelt_shader_params vertex = {.path = vertex_path};
    bool made = (inputs == 2 && p->mlp.widths[p->mlp.layer_count] == 3) ||
                fail("%s: wanted a network from 2 coordinates to 3 colours", p->package);
    made = made && good(smelt_op_query(p->context, &op, VK_SHADER_STAGE_FRAGMENT_BIT, &chosen));
    if (made)
        p->mlp.backend = chosen.choice.backend; // in whose layout the weights will be
    made = made && good(smelt_shader_create(p->context, &fragment, &p->fragment)) &&
           good(smelt_shader_create(p->context, &vertex, &p->vertex));
    smelt_free_text(&text);
    return made;
}

static bool bind_weights(struct program *p, smelt_package package)
{
    const struct smelt_weights_params weights = {.backend = p->mlp.backend};
    const struct smelt_arguments_params params = {
        .shaders = &p->fragment, .shader_count = 1, .block = "flower_block"};
    bool bound = good(smelt_weights_create_from_package(p->context, &weights, package, &p->weights)) &&
                 good(smelt_arguments_create(p->context, &params, &p->arguments));
    for (uint32_t i = 0; bound && i < p->mlp.layer_count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "net.layer%u.weight", i);
        bound = good(smelt_arguments_set_tensor(p->arguments, name, smelt_weights_matrix(p->weights, i)));
        snprintf(name, sizeof(name), "net.layer%u.bias", i);
        if (!p->mlp.no_bias)
            bound = bound &&
                    good(smelt_arguments_set_tensor(p->arguments, name, smelt_weights_bias(p->weights, i)));
    }
    return bound;
}

static bool load_network(struct program *p)
{
    smelt_package package = NULL;
    bool loaded = good(smelt_package_open(p->package, &package)) && make_shaders(p, package) &&
                  bind_weights(p, package);
    smelt_package_close(&package);
    return loaded;
}

// --- Drawing: one triangle into an image of floats -------------------------------------------------------------------------

static bool make_pipeline(struct program *p)
{
    const VkPushConstantRange range = {VK_SHADER_STAGE_FRAGMENT_BIT, 0, 8};
    const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &range};
    const struct smelt_shader_info *vertex = smelt_shader_info(p->vertex),
                                   *fragment = smelt_shader_info(p->fragment);
    struct graphics_params params = {
        .colors = &p->target.format, .color_count = 1, .extent = {p->size, p->size}};
    bool made = gpu_shader_module(&p->gpu, vertex->spirv, vertex->spirv_size, &params.vertex) &&
                gpu_shader_module(&p->gpu, fragment->spirv, fragment->spirv_size, &params.fragment) &&
                GPU_CALL(vkCreatePipelineLayout, p->gpu.device, &layout, NULL, &p->layout);
    params.layout = p->layout;
    made = made && gpu_pipeline_create(&p->gpu, &params, &p->pipeline);
    vkDestroyShaderModule(p->gpu.device, params.vertex, NULL);
    vkDestroyShaderModule(p->gpu.device, params.fragment, NULL);
    return made;
}

static bool record(struct program *p, VkCommandBuffer commands)
{
    const struct gpu_access nothing = {VK_IMAGE_LAYOUT_UNDEFINED, 0, 0};
    const struct gpu_access drawn = {VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                                     VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT,
                                     VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT};
    const struct gpu_access copied = {VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, VK_PIPELINE_STAGE_2_COPY_BIT,
                                      VK_ACCESS_2_TRANSFER_READ_BIT};
    const VkRenderingAttachmentInfo attachment = {.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                                  .imageView = p->target.view,
                                                  .imageLayout = drawn.layout,
                                                  .loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
                                                  .storeOp = VK_ATTACHMENT_STORE_OP_STORE};
    const VkRenderingInfo rendering = {.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                                       .renderArea = {{0, 0}, p->target.extent},
                                       .layerCount = 1,
                                       .colorAttachmentCount = 1,
                                       .pColorAttachments = &attachment};
    const VkBufferImageCopy copy = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                    .imageExtent = {p->size, p->size, 1}};
    gpu_image_barrier(commands, &p->target, nothing, drawn);
    vkCmdBeginRendering(commands, &rendering);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, p->pipeline);
    enum smelt_result result = smelt_arguments_bind(p->arguments, commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
                                                    p->layout, VK_SHADER_STAGE_FRAGMENT_BIT, 0);
    vkCmdDraw(commands, 3, 1, 0, 0);
    vkCmdEndRendering(commands);
    gpu_image_barrier(commands, &p->target, drawn, copied);
    vkCmdCopyImageToBuffer(commands, p->target.image, copied.layout, p->pixels.buffer, 1, &copy);
    return !result || fail("%s", smelt_last_error());
}

static bool draw(struct program *p)
{
    const VkExtent2D extent = {p->size, p->size};
    VkCommandBuffer commands;
    return gpu_image_create(&p->gpu, VK_FORMAT_R32G32B32A32_SFLOAT, extent, VK_SAMPLE_COUNT_1_BIT,
                            VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                            &p->target) &&
           gpu_buffer_create(&p->gpu, (VkDeviceSize)p->size * p->size * 16, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                             &p->pixels) &&
           make_pipeline(p) && gpu_begin_once(&p->gpu, &commands) && record(p, commands) &&
           gpu_submit_once(&p->gpu, commands);
}

// --- What came out ------------------------------------------------------------------------------------------------------------

// expected.npy: f32 [64][64][3], as train.py writes it.
static bool compare(const struct program *p)
{
    static float expected[EXPECTED_SIZE * EXPECTED_SIZE * 3];
    char path[1024];
    const float *pixels = p->pixels.mapped;
    unsigned char begin[10];
    double largest = 0, squares = 0, bound = p->mlp.stored == SMELT_DTYPE_F32 ? 5e-5 : 2e-2;
    if (!data_path(path, sizeof(path), "pytorch-mlp/expected.npy"))
        return false;
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail("cannot open %s", path);
    bool read = fread(begin, 1, sizeof(begin), file) == sizeof(begin) &&
                !fseek(file, 10 + begin[8] + 256 * begin[9], SEEK_SET) &&
                fread(expected, sizeof(float), EXPECTED_SIZE * EXPECTED_SIZE * 3, file) ==
                    EXPECTED_SIZE * EXPECTED_SIZE * 3;
    fclose(file);
    if (!read)
        return fail("%s: too short", path);
    for (int i = 0; i < EXPECTED_SIZE * EXPECTED_SIZE * 3; i++) {
        double error = fabs((double)pixels[i / 3 * 4 + i % 3] - (double)expected[i]);
        largest = error > largest || isnan(error) ? error : largest;
        squares += error * error;
    }
    printf("%s: differs from PyTorch by %.2g at most, root mean square %.2g (wanted at most %.2g)\n",
           smelt_backend_name(p->mlp.backend), largest, sqrt(squares / (EXPECTED_SIZE * EXPECTED_SIZE * 3)),
           bound);
    return largest <= bound || fail("the picture is not PyTorch's");
}

static bool write_picture(const struct program *p)
{
    const float *pixels = p->pixels.mapped;
    struct picture picture = {p->size, p->size, malloc((size_t)p->size * p->size * 4)};
    for (size_t i = 0; picture.texels && i < (size_t)p->size * p->size * 4; i++)
        picture.texels[i] = (uint8_t)(fminf(fmaxf(pixels[i], 0), 1) * 255 + 0.5f);
    bool written =
        picture.texels ? picture_write_png(&picture, p->picture) : fail("no memory for the picture");
    picture_destroy(&picture);
    return written;
}

static void close_all(struct program *p)
{
    if (p->gpu.device) {
        vkDestroyPipeline(p->gpu.device, p->pipeline, NULL);
        vkDestroyPipelineLayout(p->gpu.device, p->layout, NULL);
    }
    gpu_image_destroy(&p->gpu, &p->target);
    gpu_buffer_destroy(&p->gpu, &p->pixels);
    smelt_arguments_destroy(&p->arguments);
    smelt_weights_destroy(&p->weights);
    smelt_shader_destroy(&p->fragment);
    smelt_shader_destroy(&p->vertex);
    smelt_context_destroy(&p->context);
    smelt_feature_list_destroy(&p->features);
    gpu_close(&p->gpu);
}

static bool parse(int argc, char **argv, struct program *p)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "-o") && value)
            p->picture = argv[++i];
        else if (!strcmp(argv[i], "--device") && value)
            p->device = argv[++i];
        else if (!strcmp(argv[i], "--size") && value)
            p->size = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (argv[i][0] != '-' && !p->package)
            p->package = argv[i];
        else
            return false;
    }
    return p->package && p->size >= 1 && p->size <= MAX_SIZE;
}

int main(int argc, char **argv)
{
    static struct program program = {.size = EXPECTED_SIZE};
    fail_set_program("pytorch-mlp");
    if (!parse(argc, argv, &program)) {
        fprintf(stderr, "usage: pytorch-mlp PACKAGE [-o PICTURE.png] [--size N] [--device D]\n");
        return 2;
    }
    bool done = open_device(&program) && load_network(&program) && draw(&program) &&
                (program.size != EXPECTED_SIZE || compare(&program)) &&
                (!program.picture || write_picture(&program));
    close_all(&program);
    return done ? 0 : 1;
}
