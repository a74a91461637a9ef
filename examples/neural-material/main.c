// SPDX-License-Identifier: MIT
// Renders a mesh whose surface is a neural material to a PNG: a Vulkan renderer as any, and what smelt adds to it.
//
// Read this file, then device.c, neural.c and, for the other paths, deferred.c and transcode.c (all of smelt). The rest
// is what any renderer has: gpu_*.c (device, memory), renderer.c and draw.c (pipelines, frames), mesh.c, gltf.c,
// scene.c, image.c, textures.c and reference.c (the textures it is compared with).
#include "neural_material.h"
#include "deferred.h"
#include "device.h"
#include "neural.h"
#include "options.h"
#include "reference.h"
#include "transcode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct program {
    struct options options;
    struct device device;
    struct mesh mesh;
    struct renderer renderer;
    struct neural neurals[OPTIONS_MOST_MATERIALS]; // of the inline path
    struct transcode transcodes[OPTIONS_MOST_MATERIALS];
    struct deferred deferred;
    char packages[OPTIONS_MOST_MATERIALS][4096];
    struct textures reference;
    struct picture picture, reference_picture;
};

// The file of a name among the data, or the path as it was given.
static bool find_file(const char *name, const char *folder, const char *extension, char path[4096])
{
    if (strchr(name, '/') || strchr(name, '.'))
        return (size_t)snprintf(path, 4096, "%s", name) < 4096 ||
               fail("%.80s...: the path is too long", name);
    return data_path(path, 4096, "%s/%s%s", folder, name, extension);
}

static void print_time(double nanoseconds, uint32_t frames)
{
    if (nanoseconds > 0.0)
        printf("%.3f ms per frame (median of %u)\n", nanoseconds * 1e-6, frames);
    else
        printf("unknown: this queue has no timestamps\n");
}

static void print_material(const struct smelt_material_info *material)
{
    printf("material    %s, network ", material->name);
    for (uint32_t i = 0; i <= material->mlp.layer_count; i++)
        printf("%s%u", i ? "-" : "", material->mlp.widths[i]);
    printf(", %u latent textures of %ux%u\n", material->latent_count, material->latent_width,
           material->latent_height);
}

static smelt_material material_of(const struct program *p, uint32_t part)
{
    switch (p->options.path) {
    case PATH_DEFERRED:
        return p->deferred.materials[p->deferred.numbers[part]].material;
    case PATH_TRANSCODE:
        return p->transcodes[part].material;
    default:
        return p->neurals[part].material;
    }
}

static bool draw_neural(struct program *p)
{
    double time;
    struct renderer_post post = {.record = NULL};
    const struct surface_pipeline *surface = &p->neurals[0].surface;
    smelt_shader shader = p->neurals[0].fragment;
    if (p->options.path == PATH_DEFERRED) {
        post = deferred_post(&p->deferred);
        surface = &p->deferred.composite;
        shader = p->deferred.groups[0].shader;
    }
    if (p->options.path == PATH_TRANSCODE) {
        surface = &p->transcodes[0].textures.surface;
        shader = p->transcodes[0].shader;
    }
    if (!renderer_draw(&p->renderer, surface, &post, p->options.frames, &time) ||
        !renderer_read(&p->renderer, &p->renderer.color, &p->picture) ||
        !picture_write_png(&p->picture, p->options.output))
        return false;
    printf("device      %s\n", p->device.gpu.properties.deviceName);
    for (uint32_t i = 0; i < p->options.material_count; i++)
        print_material(smelt_material_info(material_of(p, i)));
    const struct smelt_mlp_descriptor *mlp = &smelt_material_info(material_of(p, 0))->mlp;
    static const char *const paths[] = {"inline", "deferred", "transcode: textures of BC7"};
    printf("path        %s\n", paths[p->options.path]);
    printf("backend     %s, %s%s\n", smelt_backend_name(mlp->backend), smelt_dtype_name(mlp->computed),
           p->options.bundles                      ? ", shader from a bundle"
           : smelt_shader_info(shader)->from_cache ? ", shader from the cache"
                                                   : "");
    struct smelt_memory_report memory = smelt_context_memory(p->device.context);
    printf("memory      %.1f KiB of latents, %.1f KiB of weights on the device\n",
           (double)memory.bytes[SMELT_MEMORY_TEXTURE] / 1024.0,
           (double)memory.bytes[SMELT_MEMORY_WEIGHTS] / 1024.0);
    printf("mesh        %s, %u triangles\n", p->options.mesh, p->mesh.index_count / 3);
    printf("picture     %s, %ux%u, %u %s per pixel\n", p->options.output, p->options.width, p->options.height,
           p->options.samples, p->options.samples > 1 ? "samples" : "sample");
    printf("GPU time    ");
    print_time(time, p->options.frames);
    return true;
}

// "picture.png" becomes "picture-reference.png".
static bool reference_output(const char *output, char path[4096])
{
    const char *dot = strrchr(output, '.'), *slash = strrchr(output, '/');
    int stem = dot && (!slash || dot > slash) ? (int)(dot - output) : (int)strlen(output);
    int length = snprintf(path, 4096, "%.*s-reference%s", stem, output, output + stem);
    return length < 4096 || fail("%.80s...: the path is too long", output);
}

// The folder that was asked for; or the material's originals, if they lie beside the source tree; or the smaller
// copies that come with it.
static bool find_textures(const struct program *p, char folder[4096])
{
    const char *name = smelt_material_info(material_of(p, 0))->name;
    if (p->options.textures)
        return find_file(p->options.textures, "materials", "", folder);
    if (!data_path(folder, 4096, "../../shared/data/materials/ambientcg_%s", name))
        return false;
    return !access(folder, R_OK) || data_path(folder, 4096, "materials/%s", name);
}

static bool draw_reference(struct program *p)
{
    char folder[4096], output[4096];
    double time, share;
    if (!find_textures(p, folder) || !reference_output(p->options.output, output) ||
        !reference_create(&p->renderer, folder, &p->reference) ||
        !renderer_draw(&p->renderer, &p->reference.surface, NULL, p->options.frames, &time) ||
        !renderer_read(&p->renderer, &p->renderer.color, &p->reference_picture) ||
        !picture_write_png(&p->reference_picture, output))
        return false;
    printf("reference   %s, textures of %ux%u from %s\n", output, p->reference.extent.width,
           p->reference.extent.height, folder);
    printf("its time    ");
    print_time(time, p->options.frames);
    double psnr = picture_psnr(&p->picture, &p->reference_picture, &share);
    printf("PSNR        %.2f dB between both pictures, 8-bit sRGB, over the mesh (%.0f%% of the picture)\n",
           psnr, 100.0 * share);
    return true;
}

// What the mesh's parts are made of, by the path.
static bool create_materials(struct program *p)
{
    const struct options *o = &p->options;
    const char *packages[OPTIONS_MOST_MATERIALS];
    for (uint32_t i = 0; i < o->material_count; i++)
        packages[i] = p->packages[i];
    if (o->path == PATH_DEFERRED) {
        const struct deferred_params params = {
            .packages = packages,
            .count = o->material_count,
            .backend = o->backend,
            .precision = o->precision,
            .levels = o->levels,
            .stochastic = o->stochastic,
            .accumulate = o->accumulate,
        };
        return deferred_create(p->device.context, &p->renderer, &params, &p->deferred);
    }
    for (uint32_t i = 0; i < o->material_count; i++) {
        const struct neural_params params = {.package = packages[i],
                                             .backend = o->backend,
                                             .precision = o->precision,
                                             .levels = o->levels,
                                             .bundles = o->bundles};
        bool transcode = o->path == PATH_TRANSCODE;
        if (transcode ? !transcode_create(p->device.context, &p->renderer, &params, &p->transcodes[i])
                      : !neural_create(p->device.context, &p->renderer, &params, &p->neurals[i]))
            return false;
        if (i > 0 && transcode)
            p->transcodes[i - 1].textures.surface.next = &p->transcodes[i].textures.surface;
        else if (i > 0)
            p->neurals[i - 1].surface.next = &p->neurals[i].surface;
    }
    return true;
}

static bool run(struct program *p)
{
    const struct options *o = &p->options;
    char mesh[4096];
    bool built_in = !strcmp(o->mesh, "sphere") || !strcmp(o->mesh, "plane");
    for (uint32_t i = 0; i < o->material_count; i++)
        if (!find_file(o->materials[i], "materials", ".safetensors", p->packages[i]))
            return false;
    for (uint32_t i = 0; o->bake && i < o->material_count; i++)
        if (!neural_bake(p->packages[i], o->bake))
            return false;
    if (o->bake)
        return true;
    if (!built_in && !find_file(o->mesh, "meshes", ".gltf", mesh))
        return false;

    const struct renderer_params renderer = {.width = o->width,
                                             .height = o->height,
                                             .samples = o->samples,
                                             .parts = o->material_count,
                                             .tiling = o->tiling};
    const struct device_params device = {.name = o->device, .validate = o->validate, .samples = o->samples};
    if (!picture_can_write(o->output) || !mesh_create(built_in ? o->mesh : mesh, &p->mesh) ||
        !mesh_repeat(&p->mesh, o->material_count) || !device_open(&device, &p->device) ||
        !renderer_create(&p->device.gpu, &renderer, &p->mesh, &p->renderer) || !create_materials(p) ||
        !draw_neural(p))
        return false;
    return !o->reference || draw_reference(p);
}

static void close_all(struct program *p)
{
    if (p->device.gpu.device)
        vkDeviceWaitIdle(p->device.gpu.device);
    textures_destroy(&p->renderer, &p->reference);
    deferred_destroy(&p->deferred);
    for (int i = 0; i < OPTIONS_MOST_MATERIALS; i++) {
        neural_destroy(&p->renderer, &p->neurals[i]);
        transcode_destroy(&p->renderer, &p->transcodes[i]);
    }
    renderer_destroy(&p->renderer);
    mesh_destroy(&p->mesh);
    picture_destroy(&p->picture);
    picture_destroy(&p->reference_picture);
}

int main(int argc, char **argv)
{
    struct program program = {0};
    const char *slash = strrchr(argv[0], '/');
    fail_set_program(slash ? slash + 1 : argv[0]);
    switch (options_parse(argc, argv, &program.options)) {
    case OPTIONS_HELP:
        return 0;
    case OPTIONS_WRONG:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    bool done = run(&program);
    close_all(&program);
    uint32_t messages = device_close(&program.device);
    if (messages)
        done = fail("the validation layer gave %u messages", messages);
    return done ? 0 : 1;
}
