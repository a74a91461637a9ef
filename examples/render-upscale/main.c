// SPDX-License-Identifier: MIT
// Renders the scene of examples/neural-material with half the pixels in each direction, and shows it through a
// super-resolution network: draws, network and draws again in one command buffer, one submission for each frame.
//
// Read upscale.c: the network and the passes around it. The renderer is that of examples/neural-material.
#include "count.h"
#include "device.h"
#include "neural.h"
#include "options.h"
#include "upscale.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Renders a chair at half resolution and shows it through a super-resolution network.\n"
    "\n"
    "  --output FILE           the picture, a PNG (default: render-upscale.png)\n"
    "  --size WxH              of the picture in pixels, both even (default: 640x480)\n"
    "  --samples 1|4           shaded per pixel of the scene (default: 4)\n"
    "  --frames N              to draw; the GPU time is their median (default: 3)\n"
    "  --split S               the left part of the picture, 0 to 1, is filtered without the network "
    "(default: 0)\n"
    "  --reference             render at full resolution too, and say how near both ways come to it\n"
    "  --precision f16|f32     what the network's values are kept in (default: f16)\n"
    "  --device NAME           an index, discrete, integrated, virtual, cpu, gpu, or a part of the name\n"
    "  --validate              run under the Vulkan validation layer; any message is a failure\n"
    "  --help                  this text\n"
    "\n"
    "Data is looked up in $SMELT_DATA, else in the examples folder. $SMELT_DEVICE stands in for --device.\n";

// A scene that is drawn at one resolution.
struct view {
    struct renderer renderer;
    struct neural neural;
};

struct program {
    const char *output;
    struct device_params wanted;
    uint32_t width, height, frames;
    enum smelt_dtype dtype;
    float split;
    bool reference;
    struct device device;
    struct mesh mesh;
    struct view half, full;
    struct upscale upscale;
};

static bool number(const char *text, uint32_t limit, uint32_t *value)
{
    char rest;
    return sscanf(text, "%" SCNu32 "%c", value, &rest) == 1 && *value >= 1 && *value <= limit;
}

static bool parse_value(struct program *p, const char *name, const char *value)
{
    char rest, *end;
    if (!strcmp(name, "--output"))
        p->output = value;
    else if (!strcmp(name, "--device"))
        p->wanted.name = value;
    else if (!strcmp(name, "--size"))
        return (sscanf(value, "%" SCNu32 "x%" SCNu32 "%c", &p->width, &p->height, &rest) == 2 && p->width &&
                p->height && p->width <= 16384 && p->height <= 16384 && p->width % 2 == 0 &&
                p->height % 2 == 0) ||
               fail("--size: \"%s\"; wanted WIDTHxHEIGHT, both even, from 2 to 16384", value);
    else if (!strcmp(name, "--frames"))
        return number(value, 100000, &p->frames) ||
               fail("--frames: \"%s\"; wanted a number from 1 to 100000", value);
    else if (!strcmp(name, "--samples"))
        return (number(value, 4, &p->wanted.samples) && (p->wanted.samples == 1 || p->wanted.samples == 4)) ||
               fail("--samples: \"%s\"; wanted 1 or 4", value);
    else if (!strcmp(name, "--split")) {
        p->split = strtof(value, &end);
        return (end != value && !*end && p->split >= 0.0f && p->split <= 1.0f) ||
               fail("--split: \"%s\"; wanted a number from 0 to 1", value);
    } else if (!strcmp(name, "--precision")) {
        p->dtype = smelt_dtype_from_name(value);
        return p->dtype == SMELT_DTYPE_F16 || p->dtype == SMELT_DTYPE_F32 ||
               fail("--precision: \"%s\"; wanted f16 or f32", value);
    } else
        return fail("unknown option \"%s\"; --help lists them", name);
    return true;
}

static enum options_result parse(int argc, char **argv, struct program *p)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            printf("usage: %s [OPTIONS]\n%s", argv[0], usage);
            return OPTIONS_HELP;
        }
        if (!strcmp(argv[i], "--validate"))
            p->wanted.validate = true;
        else if (!strcmp(argv[i], "--reference"))
            p->reference = true;
        else if (i + 1 == argc) {
            fail("%s: unknown, or wants a value; --help lists the options", argv[i]);
            return OPTIONS_WRONG;
        } else if (!parse_value(p, argv[i], argv[i + 1]))
            return OPTIONS_WRONG;
        else
            i++;
    }
    return OPTIONS_RUN;
}

static bool create_view(struct program *p, uint32_t divisor, struct view *view)
{
    char material[4096];
    const struct renderer_params renderer = {
        .width = p->width / divisor, .height = p->height / divisor, .samples = p->wanted.samples};
    const struct neural_params neural = {.package = material};
    return data_path(material, sizeof(material), "materials/metal053c.safetensors") &&
           renderer_create(&p->device.gpu, &renderer, &p->mesh, &view->renderer) &&
           neural_create(p->device.context, &view->renderer, &neural, &view->neural);
}

static void destroy_view(struct view *view)
{
    neural_destroy(&view->renderer, &view->neural);
    renderer_destroy(&view->renderer);
}

static bool draw(struct program *p, float split, uint32_t frames, struct picture *picture, double *time)
{
    const struct renderer_post post = {.record = upscale_record, .user = &p->upscale};
    p->upscale.split = split;
    return renderer_draw(&p->half.renderer, &p->half.neural.surface, &post, frames, time) &&
           (!picture || renderer_read(&p->half.renderer, &p->upscale.picture, picture));
}

static bool draw_picture(struct program *p)
{
    struct picture picture = {0};
    const struct smelt_network_info *network = smelt_network_info(p->upscale.network);
    const struct smelt_network_binding *in = network->inputs, *out = network->outputs;
    double time;
    counts = (struct counts){0};
    bool drawn = draw(p, p->split, p->frames, NULL, &time);
    const struct counts used = counts;
    drawn = drawn && renderer_read(&p->half.renderer, &p->upscale.picture, &picture) &&
            picture_write_png(&picture, p->output);
    picture_destroy(&picture);
    if (!drawn)
        return false;
    printf("device      %s\n", p->device.gpu.properties.deviceName);
    printf("scene       %ux%u, %u %s per pixel\n", p->width / 2, p->height / 2, p->wanted.samples,
           p->wanted.samples > 1 ? "samples" : "sample");
    printf("network     %s, %" PRIu64 "x%" PRIu64 " to %" PRIu64 "x%" PRIu64
           ", %s on %s, %u dispatches, %" PRIu64 " bytes between them\n",
           network->name, in->shape[3], in->shape[2], out->shape[3], out->shape[2],
           smelt_dtype_name(network->storage), smelt_backend_name(network->backend), network->dispatch_count,
           network->intermediates_size);
    printf("picture     %s, %ux%u\n", p->output, p->width, p->height);
    printf("frames      %u, %" PRIu64 " submissions, %" PRIu64 " waits of the host, each for a whole frame\n",
           p->frames, used.submissions, used.waits);
    if (time > 0.0)
        printf("GPU time    %.3f ms per frame (median)\n", time * 1e-6);
    return true;
}

// Both ways from the half resolution to the full one, against what the renderer draws there.
static bool compare(struct program *p)
{
    struct picture filtered = {0}, network = {0}, full = {0};
    double time, share;
    bool drawn = draw(p, 1.0f, 1, &filtered, &time) && draw(p, 0.0f, 1, &network, &time) &&
                 create_view(p, 1, &p->full) &&
                 renderer_draw(&p->full.renderer, &p->full.neural.surface, NULL, 1, &time) &&
                 renderer_read(&p->full.renderer, &p->full.renderer.color, &full);
    if (drawn) {
        double without = picture_psnr(&filtered, &full, &share);
        printf("PSNR        %.2f dB filtered, %.2f dB through the network, over the mesh (%.0f%% of the "
               "picture)\n",
               without, picture_psnr(&network, &full, &share), 100.0 * share);
    }
    picture_destroy(&filtered);
    picture_destroy(&network);
    picture_destroy(&full);
    return drawn;
}

static bool run(struct program *p)
{
    char mesh[4096], package[4096];
    const struct upscale_params upscale = {
        .package = package, .extent = {p->width, p->height}, .dtype = p->dtype};
    if (!picture_can_write(p->output) || !data_path(mesh, sizeof(mesh), "meshes/chair.gltf") ||
        !data_path(package, sizeof(package), "render-upscale/super-resolution.safetensors") ||
        !mesh_create(mesh, &p->mesh) || !device_open(&p->wanted, &p->device))
        return false;
    count_renderer();
    return create_view(p, 2, &p->half) &&
           upscale_create(p->device.context, &p->half.renderer, &upscale, &p->upscale) && draw_picture(p) &&
           (!p->reference || compare(p));
}

int main(int argc, char **argv)
{
    struct program program = {
        .output = "render-upscale.png",
        .wanted = {.samples = 4, .get_instance_proc_addr = count_get_instance_proc_addr},
        .width = 640,
        .height = 480,
        .frames = 3,
        .dtype = SMELT_DTYPE_F16};
    fail_set_program("render-upscale");
    switch (parse(argc, argv, &program)) {
    case OPTIONS_HELP:
        return 0;
    case OPTIONS_WRONG:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    bool done = run(&program);
    if (program.device.gpu.device)
        vkDeviceWaitIdle(program.device.gpu.device);
    upscale_destroy(&program.upscale);
    destroy_view(&program.half);
    destroy_view(&program.full);
    mesh_destroy(&program.mesh);
    uint32_t messages = device_close(&program.device);
    if (messages)
        done = fail("the validation layer gave %u messages", messages);
    return done ? 0 : 1;
}
