// SPDX-License-Identifier: MIT
// Images to tensors and back, and as inputs and outputs of networks, in one recording with barriers of the caller's.
#include "../api/rig.h"
#include "network_rig.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH 9
#define HEIGHT 5

struct picture {
    struct rig_image image;
    VkImageView view;
    smelt_image handle;
};

static struct picture make_sized(VkFormat format, uint32_t width, uint32_t height, VkImageUsageFlags usage,
                                 VkImageLayout layout)
{
    smelt_context context = rig_context();
    struct picture p = {
        .image = rig_image(context, format, width, height, 1, usage | VK_IMAGE_USAGE_TRANSFER_DST_BIT)};
    p.view = rig_view(context, &p.image, 0);
    const struct smelt_image_params params = {.view = p.view,
                                              .format = format,
                                              .width = width,
                                              .height = height,
                                              .usage = usage,
                                              .layout = layout,
                                              .name = "picture"};
    CHECK_OK(smelt_image_create(context, &params, &p.handle));
    return p;
}

static struct picture make_picture(VkFormat format, VkImageUsageFlags usage, VkImageLayout layout)
{
    return make_sized(format, WIDTH, HEIGHT, usage, layout);
}

static void free_picture(struct picture *p)
{
    smelt_context context = rig_context();
    smelt_image_destroy(&p->handle);
    context->vk.DestroyImageView(context->device, p->view, NULL);
    rig_image_destroy(context, &p->image);
}

// Bytes of a picture of R8G8B8A8.
static void paint(uint8_t *texels)
{
    for (uint32_t i = 0; i < 4 * WIDTH * HEIGHT; i++)
        texels[i] = (uint8_t)(i * 37 + i / 7);
}

static smelt_tensor image_tensor(enum smelt_dtype dtype, uint32_t channels, bool channels_last)
{
    struct smelt_tensor_params params = {
        .dtype = dtype, .rank = 4, .shape = {1, channels, HEIGHT, WIDTH}, .name = "pixels"};
    smelt_tensor tensor;
    smelt_lower_strides(dtype, 4, params.shape, channels_last ? SMELT_ORDER_CHANNELS_LAST : SMELT_ORDER_ROWS,
                        params.strides);
    CHECK_OK(smelt_tensor_create(rig_context(), &params, &tensor));
    return tensor;
}

static void to_general(smelt_encoder encoder, const struct picture *p)
{
    rig_transition(rig_context(), smelt_encoder_commands(encoder), &p->image, VK_IMAGE_LAYOUT_UNDEFINED,
                   VK_IMAGE_LAYOUT_GENERAL);
}

// Image to tensor, tensor to another image and that one back.
static void copies(void)
{
    static uint8_t texels[4 * WIDTH * HEIGHT];
    static float there[4 * WIDTH * HEIGHT], back[4 * WIDTH * HEIGHT];
    const struct smelt_image_map map = {.scale = {2, 1, -1, 0.5f}, .offset = {-1, 0, 1, 0.25f}};
    const struct smelt_barrier done =
        smelt_barrier_between(SMELT_STAGE_MACHINE_LEARNING, SMELT_STAGE_MACHINE_LEARNING);
    struct picture from =
        make_picture(VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_USAGE_SAMPLED_BIT, VK_IMAGE_LAYOUT_UNDEFINED);
    struct picture to =
        make_picture(VK_FORMAT_R32G32B32A32_SFLOAT, VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT,
                     VK_IMAGE_LAYOUT_GENERAL);
    paint(texels);
    rig_upload(rig_context(), &from.image, texels, sizeof(texels));
    for (uint32_t channels = 1; channels <= 4; channels++) {
        smelt_tensor a = image_tensor(SMELT_DTYPE_F32, channels, channels & 1),
                     b = image_tensor(SMELT_DTYPE_F32, 4, false);
        smelt_encoder encoder = NULL;
        CHECK_OK(smelt_encoder_create(rig_context(), NULL, &encoder));
        CHECK_OK(smelt_encoder_begin(encoder, NULL));
        to_general(encoder, &to);
        CHECK_OK(smelt_encode_image_load(encoder, a, from.handle, &map));
        CHECK_OK(smelt_encode_image_store(encoder, to.handle, a, NULL));
        CHECK_OK(smelt_encoder_barrier(encoder, &done));
        CHECK_OK(smelt_encode_image_load(encoder, b, to.handle, NULL));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
        CHECK_OK(smelt_tensor_read_and_wait(a, NULL, there, sizeof(float) * channels * WIDTH * HEIGHT));
        CHECK_OK(smelt_tensor_read_and_wait(b, NULL, back, sizeof(back)));
        for (uint32_t c = 0; c < 4; c++)
            for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
                float wanted = texels[4 * i + c] / 255.0f * map.scale[c] + map.offset[c];
                wanted = c < channels ? wanted : c == 3 ? 1 : 0;
                CHECK(c >= channels || fabsf(there[c * WIDTH * HEIGHT + i] - wanted) < 1e-5f);
                CHECK(fabsf(back[c * WIDTH * HEIGHT + i] - wanted) < 1e-5f);
            }
        smelt_encoder_destroy(&encoder);
        smelt_tensor_destroy(&a);
        smelt_tensor_destroy(&b);
    }
    free_picture(&from);
    free_picture(&to);
}

// y = w x of three channels, by a convolution of 1 x 1.
static const float mix[9] = {0.5f, 0.25f, 0, 0, 1, -0.5f, 0.25f, 0.25f, 0.5f};

static struct smelt_ir *mixer(void)
{
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *x = rig_input(ir, "x", 4, (const uint64_t[]){1, 3, HEIGHT, WIDTH});
    struct smelt_ir_value *w = rig_weight(ir, "w", 4, (const uint64_t[]){3, 3, 1, 1}, mix);
    struct smelt_ir_value *h = rig_node(ir, "Conv", "h", x, w, NULL);
    CHECK_OK(smelt_ir_add_output(ir, rig_node(ir, "Conv", "y", h, w, NULL)));
    return ir;
}

// The same by operators that are no convolutions: y = x, twice by pooling of 1 x 1.
static struct smelt_ir *pooler(void)
{
    static const int64_t one[2] = {1, 1};
    const struct smelt_ir_attribute kernel = {.integers = one, .count = 2};
    struct smelt_ir *ir = rig_ir();
    struct smelt_ir_value *x = rig_input(ir, "x", 4, (const uint64_t[]){1, 3, HEIGHT, WIDTH});
    struct smelt_ir_value *h = rig_node(ir, "MaxPool", "h", x, NULL, NULL),
                          *y = rig_node(ir, "MaxPool", "y", h, NULL, NULL);
    CHECK_OK(smelt_ir_set_attribute(ir, h->producer, "kernel_shape", &kernel));
    CHECK_OK(smelt_ir_set_attribute(ir, y->producer, "kernel_shape", &kernel));
    CHECK_OK(smelt_ir_add_output(ir, y));
    return ir;
}

// A network between two images, and a tensor that takes the second one's pixels.
struct between {
    struct picture from, to;
    smelt_network network;
    smelt_heap heap;
    smelt_tensor pixels;
    struct smelt_network_argument arguments[2];
    struct smelt_network_dispatch dispatch;
};
static uint8_t texels[4 * WIDTH * HEIGHT];

static void between_start(struct between *b, struct smelt_ir *ir, enum smelt_backend backend, VkFormat format)
{
    static const char *const ends[2] = {"x", "y"};
    const VkFormat formats[2] = {VK_FORMAT_UNDEFINED, format};
    const struct smelt_network_params params = {.images = ends,
                                                .image_count = 2,
                                                .image_formats = format ? formats : NULL,
                                                .storage = SMELT_DTYPE_F32,
                                                .backend = backend};
    *b = (struct between){
        .from = make_picture(VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_USAGE_SAMPLED_BIT, VK_IMAGE_LAYOUT_UNDEFINED),
        .to = make_picture(VK_FORMAT_R16G16B16A16_SFLOAT,
                           VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT, VK_IMAGE_LAYOUT_GENERAL),
        .pixels = image_tensor(SMELT_DTYPE_F32, 4, false)};
    CHECK_OK(smelt_network_create_from_ir(rig_context(), ir, &params, &b->network));
    const struct smelt_network_info *info = smelt_network_info(b->network);
    CHECK(info->inputs[0].image && info->outputs[0].image);
    const struct smelt_heap_params room = {.size = info->intermediates_size};
    CHECK_OK(smelt_heap_create(rig_context(), &room, &b->heap));
    b->arguments[0] =
        (struct smelt_network_argument){.name = "x",
                                        .image = b->from.handle,
                                        .map = {.scale = {1, 1, 1, 1}, .offset = {-0.5f, -0.5f, -0.5f, 0}}};
    b->arguments[1] = (struct smelt_network_argument){
        .name = "y",
        .image = b->to.handle,
        .map = {.scale = {0.5f, 0.5f, 0.5f, 1}, .offset = {0.5f, 0.5f, 0.5f, 0}}};
    b->dispatch =
        (struct smelt_network_dispatch){.arguments = b->arguments, .argument_count = 2, .heap = b->heap};
    paint(texels);
    rig_upload(rig_context(), &b->from.image, texels, sizeof(texels));
}

static void between_end(struct between *b)
{
    smelt_network_destroy(&b->network);
    smelt_heap_destroy(&b->heap);
    smelt_tensor_destroy(&b->pixels);
    free_picture(&b->from);
    free_picture(&b->to);
}

// One recording, and the pixels of the second image after it: [4][h][w].
static void between_run(struct between *b, float *out)
{
    const struct smelt_barrier done =
        smelt_barrier_between(SMELT_STAGE_MACHINE_LEARNING, SMELT_STAGE_MACHINE_LEARNING);
    smelt_encoder encoder = NULL;
    CHECK_OK(smelt_encoder_create(rig_context(), NULL, &encoder));
    CHECK_OK(smelt_encoder_begin(encoder, NULL));
    to_general(encoder, &b->to);
    CHECK_OK(smelt_encoder_dispatch_network(encoder, b->network, &b->dispatch));
    CHECK_OK(smelt_encoder_barrier(encoder, &done));
    CHECK_OK(smelt_encode_image_load(encoder, b->pixels, b->to.handle, NULL));
    CHECK(smelt_encoder_counters(encoder).submits == 0);
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(b->pixels, NULL, out, 4 * WIDTH * HEIGHT * sizeof(float)));
    smelt_encoder_destroy(&encoder);
}

// `mixed`: by mix, twice. `gain`: the scale of the output's map.
static void between_check(const float *out, bool mixed, float gain)
{
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++)
        for (uint32_t c = 0; c < 4; c++) {
            float sum = 0;
            for (uint32_t k = 0; k < 3 && mixed; k++)
                for (uint32_t j = 0; j < 3 && c < 3; j++)
                    sum += mix[3 * c + k] * mix[3 * k + j] * (texels[4 * i + j] / 255.0f - 0.5f);
            sum = mixed ? sum : texels[4 * i + c] / 255.0f - 0.5f;
            CHECK(fabsf(out[c * WIDTH * HEIGHT + i] - (c < 3 ? gain * sum + 0.5f : 1)) < 2e-3f);
        }
}

// With a dispatch that converts at each end, with the first kernel reading pixels, and with the last one writing them too.
static void networks(void)
{
    static const struct {
        enum smelt_backend backend;
        VkFormat format;
        bool mixed, direct[2];
    } rows[] = {
        {SMELT_BACKEND_PORTABLE, VK_FORMAT_UNDEFINED, true, {false, false}},
        {SMELT_BACKEND_AUTO, VK_FORMAT_UNDEFINED, true, {true, false}},
        {SMELT_BACKEND_AUTO, VK_FORMAT_R16G16B16A16_SFLOAT, true, {true, true}},
        {SMELT_BACKEND_AUTO, VK_FORMAT_UNDEFINED, false, {true, false}},
        {SMELT_BACKEND_AUTO, VK_FORMAT_R16G16B16A16_SFLOAT, false, {true, true}},
    };
    static float outs[SMELT_COUNT_OF(rows)][4 * WIDTH * HEIGHT], again[4 * WIDTH * HEIGHT];
    bool cpu = smelt_context_capabilities(rig_context())->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    for (uint32_t r = 0; r < SMELT_COUNT_OF(rows); r++) {
        struct between b;
        between_start(&b, rows[r].mixed ? mixer() : pooler(), rows[r].backend, rows[r].format);
        const struct smelt_network_info *info = smelt_network_info(b.network);
        CHECK(info->inputs[0].direct == rows[r].direct[0] && info->outputs[0].direct == rows[r].direct[1]);
        CHECK(info->dispatch_count == 4u - rows[r].direct[0] - rows[r].direct[1]);
        between_run(&b, outs[r]);
        between_check(outs[r], rows[r].mixed, 0.5f);
        for (uint32_t k = 0; k < 34; k++) { // more maps than are kept, the first one at last
            float gain = k < 33 ? 0.25f + (float)k / 64 : 0.5f;
            for (uint32_t c = 0; c < 3; c++)
                b.arguments[1].map.scale[c] = gain;
            between_run(&b, again);
            between_check(again, rows[r].mixed, gain);
        }
        between_end(&b);
    }
    if (cpu) // the same kernels, with and without a tensor between
        CHECK(!memcmp(outs[1], outs[2], sizeof(outs[1])));
    CHECK(!memcmp(outs[3], outs[4], sizeof(outs[3])));
}

// --- Whole pictures ---------------------------------------------------------------------------------------------

// Of the size of a network in use, so that the device takes the kernels that it takes there.
struct whole {
    uint32_t width, height, channels, scale;
    enum smelt_dtype storage;
    float tolerance;
};

static struct smelt_ir_value *convolve(struct smelt_ir *ir, struct smelt_ir_value *x, const char *name,
                                       uint32_t in, uint32_t out, uint32_t window)
{
    uint32_t terms = in * window * window;
    const int64_t pads[4] = {window / 2, window / 2, window / 2, window / 2};
    const struct smelt_ir_attribute around = {.integers = pads, .count = 4};
    const uint64_t shape[4] = {out, in, window, window};
    float *w = calloc((size_t)terms * out, sizeof(*w));
    char weight[16];
    CHECK(w);
    for (uint32_t i = 0; i < terms * out; i++)
        w[i] = ((float)(i * 2654435761u >> 16 & 255) - 112) / (64 * sqrtf((float)terms));
    snprintf(weight, sizeof(weight), "%s.weight", name);
    struct smelt_ir_value *y = rig_node(ir, "Conv", name, x, rig_weight(ir, weight, 4, shape, w), NULL);
    free(w);
    CHECK_OK(smelt_ir_set_attribute(ir, y->producer, "pads", &around));
    return y;
}

// Two convolutions; with a scale their channels are pixels then.
static struct smelt_ir *whole_network(const struct whole *of)
{
    struct smelt_ir *ir = rig_ir();
    uint32_t out = of->channels * of->scale * of->scale;
    struct smelt_ir_value *x =
        rig_input(ir, "x", 4, (const uint64_t[]){1, of->channels, of->height, of->width});
    struct smelt_ir_value *h =
        rig_node(ir, "Relu", "r", convolve(ir, x, "h", of->channels, of->scale > 1 ? 64 : 16, 5), NULL, NULL);
    struct smelt_ir_value *y = convolve(ir, h, "o", of->scale > 1 ? 64 : 16, out, 3);
    if (of->scale > 1) {
        const struct smelt_ir_attribute size = {.integer = of->scale}, mode = {.word = "CRD"};
        y = rig_node(ir, "DepthToSpace", "y", y, NULL, NULL);
        CHECK_OK(smelt_ir_set_attribute(ir, y->producer, "blocksize", &size));
        CHECK_OK(smelt_ir_set_attribute(ir, y->producer, "mode", &mode));
    }
    CHECK_OK(smelt_ir_add_output(ir, y));
    return ir;
}

// The image with `channels` of the network's output in the order of its tensor.
static void run_images(const struct whole *of, const uint8_t *bytes, const char *const ends[2], float *out)
{
    const VkFormat from_format = of->channels == 1 ? VK_FORMAT_R8_UNORM : VK_FORMAT_R8G8B8A8_UNORM,
                   formats[2] = {VK_FORMAT_UNDEFINED, VK_FORMAT_R32G32B32A32_SFLOAT};
    const struct smelt_network_params params = {
        .images = ends, .image_count = 2, .image_formats = formats, .storage = of->storage};
    const uint32_t width = of->width * of->scale, height = of->height * of->scale;
    const struct smelt_barrier done =
        smelt_barrier_between(SMELT_STAGE_MACHINE_LEARNING, SMELT_STAGE_MACHINE_LEARNING);
    struct picture from = make_sized(from_format, of->width, of->height, VK_IMAGE_USAGE_SAMPLED_BIT,
                                     VK_IMAGE_LAYOUT_UNDEFINED),
                   to = make_sized(formats[1], width, height,
                                   VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT,
                                   VK_IMAGE_LAYOUT_GENERAL);
    const struct smelt_tensor_params pixels = {
        .dtype = SMELT_DTYPE_F32, .rank = 4, .shape = {1, of->channels, height, width}, .name = "pixels"};
    smelt_network network = NULL;
    smelt_tensor tensor = NULL;
    smelt_encoder encoder = NULL;
    smelt_heap heap = NULL;
    CHECK_OK(smelt_network_create_from_ir(rig_context(), whole_network(of), &params, &network));
    const struct smelt_network_info *info = smelt_network_info(network);
    CHECK(info->inputs[0].direct && info->outputs[0].direct);
    const struct smelt_heap_params room = {.size = info->intermediates_size};
    CHECK_OK(smelt_heap_create(rig_context(), &room, &heap));
    CHECK_OK(smelt_tensor_create(rig_context(), &pixels, &tensor));
    rig_upload(rig_context(), &from.image, bytes,
               (uint64_t)of->width * of->height * (of->channels == 1 ? 1 : 4));
    const struct smelt_network_argument arguments[2] = {{.name = ends[0], .image = from.handle},
                                                        {.name = ends[1], .image = to.handle}};
    const struct smelt_network_dispatch dispatch = {
        .arguments = arguments, .argument_count = 2, .heap = heap};
    CHECK_OK(smelt_encoder_create(rig_context(), NULL, &encoder));
    CHECK_OK(smelt_encoder_begin(encoder, NULL));
    to_general(encoder, &to);
    CHECK_OK(smelt_encoder_dispatch_network(encoder, network, &dispatch));
    CHECK_OK(smelt_encoder_barrier(encoder, &done));
    CHECK_OK(smelt_encode_image_load(encoder, tensor, to.handle, NULL));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(tensor, NULL, out,
                                        (uint64_t)of->channels * width * height * sizeof(float)));
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&tensor);
    smelt_network_destroy(&network);
    smelt_heap_destroy(&heap);
    free_picture(&from);
    free_picture(&to);
}

static void run_tensors(const struct whole *of, const float *x, float *y)
{
    const struct smelt_network_params params = {.storage = of->storage};
    rig_once(whole_network(of), &params, x, y);
}

// The same network with images and with tensors at its ends.
static void whole_pictures(void)
{
    static const struct whole all[] = {
        {320, 240, 1, 3, SMELT_DTYPE_F16, 1e-2f}, // of examples/render-upscale
        {160, 120, 1, 3, SMELT_DTYPE_F32, 1e-4f},
        {97, 65, 3, 1, SMELT_DTYPE_F16, 1e-2f},
        {97, 65, 3, 1, SMELT_DTYPE_F32, 1e-4f},
    };
    bool cpu = smelt_context_capabilities(rig_context())->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    for (uint32_t r = 0; r < SMELT_COUNT_OF(all); r++) {
        struct whole sized = all[r];
        const struct whole *of = &sized;
        const char *const ends[2] = {"x", of->scale > 1 ? "y" : "o"};
        if (cpu) { // the kernels there are the same for all sizes
            sized.width /= 2;
            sized.height /= 2;
        }
        uint32_t pixels = of->width * of->height, lanes = of->channels == 1 ? 1 : 4,
                 count = pixels * of->scale * of->scale * of->channels, wrong = 0;
        uint8_t *bytes = calloc(pixels, lanes);
        float *x = calloc((size_t)pixels * of->channels, sizeof(*x)), *image = calloc(count, sizeof(*image)),
              *tensor = calloc(count, sizeof(*tensor)), largest = 0;
        CHECK(bytes && x && image && tensor);
        for (uint32_t i = 0; i < pixels * lanes; i++)
            bytes[i] = (uint8_t)(i * 37 + i / 7 + i / of->width * 11);
        for (uint32_t i = 0; i < pixels * of->channels; i++)
            x[i] = (float)bytes[i % pixels * lanes + i / pixels] / 255;
        run_images(of, bytes, ends, image);
        run_tensors(of, x, tensor);
        for (uint32_t i = 0; i < count; i++) {
            largest = fmaxf(largest, fabsf(tensor[i]));
            wrong += !(fabsf(image[i] - tensor[i]) <= of->tolerance);
        }
        CHECK(wrong == 0);
        CHECK(largest > 0.1f && largest < 100);
        free(bytes);
        free(x);
        free(image);
        free(tensor);
    }
}

// A kernel that does not know of images says so.
static void kernels_without_images(void)
{
    const struct smelt_picture form = {.width = WIDTH, .height = HEIGHT, .channels = 3};
    smelt_tensor x = image_tensor(SMELT_DTYPE_F32, 3, false), y = image_tensor(SMELT_DTYPE_F32, 3, false);
    smelt_encoder encoder = NULL;
    const struct smelt_softmax_params params = {.x = x, .y = y};
    CHECK_OK(smelt_encoder_create(rig_context(), NULL, &encoder));
    CHECK_OK(smelt_encode_softmax(encoder, &params));
    x->picture = &form;
    CHECK_FAILS(smelt_encode_softmax(encoder, &params), SMELT_ERROR_UNSUPPORTED,
                "'pixels' is an image, wanted a tensor in memory");
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
}

static void images_that_do_not_fit(void)
{
    struct between b;
    between_start(&b, mixer(), SMELT_BACKEND_AUTO, VK_FORMAT_R8G8B8A8_UNORM);
    smelt_encoder encoder = NULL;
    CHECK_OK(smelt_encoder_create(rig_context(), NULL, &encoder));
    CHECK_FAILS(smelt_encoder_dispatch_network(encoder, b.network, &b.dispatch), SMELT_ERROR_INVALID_ARGUMENT,
                "is rgba16f, wanted rgba8 as image_formats says");
    b.arguments[1].image = b.from.handle;
    CHECK_FAILS(smelt_encoder_dispatch_network(encoder, b.network, &b.dispatch), SMELT_ERROR_INVALID_ARGUMENT,
                "without usage STORAGE");
    b.arguments[1] = (struct smelt_network_argument){.name = "y", .tensor = b.pixels};
    CHECK_FAILS(smelt_encoder_dispatch_network(encoder, b.network, &b.dispatch), SMELT_ERROR_INVALID_ARGUMENT,
                "takes an image");
    smelt_encoder_destroy(&encoder);
    static const char *const ends[1] = {"y"};
    const VkFormat format = VK_FORMAT_R8G8B8A8_SRGB;
    const struct smelt_network_params params = {.images = ends, .image_count = 1, .image_formats = &format};
    smelt_network network = NULL;
    CHECK_FAILS(smelt_network_create_from_ir(rig_context(), mixer(), &params, &network),
                SMELT_ERROR_UNSUPPORTED, "image_formats: images of format 43 cannot be written");
    between_end(&b);
}

static void refuses(void)
{
    smelt_context context = rig_context();
    struct picture p =
        make_picture(VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_USAGE_SAMPLED_BIT, VK_IMAGE_LAYOUT_UNDEFINED);
    smelt_tensor good = image_tensor(SMELT_DTYPE_F32, 3, true),
                 integers = image_tensor(SMELT_DTYPE_I32, 3, true), small;
    struct smelt_tensor_params shape = {
        .dtype = SMELT_DTYPE_F32, .rank = 4, .shape = {1, 3, HEIGHT, WIDTH - 1}};
    struct smelt_image_params params = {
        .view = p.view, .format = VK_FORMAT_R8G8B8A8_SRGB, .width = WIDTH, .height = HEIGHT};
    smelt_encoder encoder = NULL;
    smelt_image image = NULL;
    CHECK_OK(smelt_tensor_create(context, &shape, &small));
    CHECK_OK(smelt_encoder_create(context, NULL, &encoder));
    CHECK_FAILS(smelt_image_create(context, &params, &image), SMELT_ERROR_INVALID_ARGUMENT,
                "wanted pixels and SAMPLED");
    params.usage = VK_IMAGE_USAGE_STORAGE_BIT;
    CHECK_FAILS(smelt_image_create(context, &params, &image), SMELT_ERROR_UNSUPPORTED, "cannot be written");
    params.view = VK_NULL_HANDLE;
    CHECK_FAILS(smelt_image_create(context, &params, &image), SMELT_ERROR_INVALID_ARGUMENT, "view is NULL");
    CHECK_FAILS(smelt_encode_image_load(encoder, small, p.handle, NULL), SMELT_ERROR_SHAPE,
                "is 9 x 5, wanted 8 x 5");
    CHECK_FAILS(smelt_encode_image_load(encoder, integers, p.handle, NULL), SMELT_ERROR_DTYPE,
                "wanted a float type");
    CHECK_FAILS(smelt_encode_image_load(encoder, NULL, p.handle, NULL), SMELT_ERROR_INVALID_ARGUMENT,
                "tensor is NULL");
    CHECK_FAILS(smelt_encode_image_load(encoder, good, NULL, NULL), SMELT_ERROR_INVALID_ARGUMENT,
                "the image is NULL");
    CHECK_FAILS(smelt_encode_image_store(encoder, p.handle, good, NULL), SMELT_ERROR_INVALID_ARGUMENT,
                "without usage STORAGE");
    const char *const ends[1] = {"x"};
    const struct smelt_network_params images = {.images = ends, .image_count = 1};
    struct smelt_ir *ir = rig_ir();
    smelt_network network = NULL;
    CHECK_OK(smelt_ir_add_output(
        ir, rig_node(ir, "Relu", "y", rig_input(ir, "x", 2, (const uint64_t[]){4, 4}), NULL, NULL)));
    CHECK_FAILS(smelt_network_create_from_ir(context, ir, &images, &network), SMELT_ERROR_SHAPE,
                "cannot be an image");
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&good);
    smelt_tensor_destroy(&integers);
    smelt_tensor_destroy(&small);
    free_picture(&p);
}

static void names_stages(void)
{
    struct smelt_barrier b = smelt_barrier_between(SMELT_STAGE_COLOR, SMELT_STAGE_MACHINE_LEARNING);
    CHECK(b.source_stages == VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT &&
          b.source_access == VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT &&
          b.destination_stages == VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT &&
          (b.destination_access & VK_ACCESS_2_SHADER_SAMPLED_READ_BIT));
    b = smelt_barrier_between(SMELT_STAGE_MACHINE_LEARNING, SMELT_STAGE_FRAGMENT | SMELT_STAGE_TRANSFER);
    CHECK(b.source_access == VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT &&
          (b.destination_stages & VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT) &&
          (b.destination_access & VK_ACCESS_2_TRANSFER_READ_BIT));
    b = smelt_barrier_between(0, 0);
    CHECK(!b.source_stages && !b.destination_access);
}

static const struct test tests[] = {
    {"images to tensors and back", copies},
    {"an image in, an image out", networks},
    {"whole pictures are as tensors", whole_pictures},
    {"kernels without images refuse them", kernels_without_images},
    {"images that do not fit", images_that_do_not_fit},
    {"what does not fit", refuses},
    {"stages by what work does", names_stages},
};

TEST_MAIN(tests)
