// SPDX-License-Identifier: MIT
// smelt view: neural materials on a mesh in a window. The renderer is that of examples/neural-material; pictures are
// read back and copied to the window, so that any device does, and are drawn again only when something has changed.
#include "tool.h"

#include "deferred.h"
#include "device.h"
#include "reference.h"
#include "transcode.h"

#define SDL_MAIN_HANDLED
#include <SDL.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// SDL is loaded by this command alone: other ones would start 20 ms later with it.
#define SDL_FUNCTIONS(X)                                                                                     \
    X(ConvertPixels)                                                                                         \
    X(CreateRGBSurfaceWithFormatFrom)                                                                        \
    X(CreateWindow)                                                                                          \
    X(DestroyWindow)                                                                                         \
    X(FillRect)                                                                                              \
    X(FreeSurface)                                                                                           \
    X(GetError)                                                                                              \
    X(GetWindowSurface)                                                                                      \
    X(GetWindowTitle)                                                                                        \
    X(Init)                                                                                                  \
    X(MapRGB)                                                                                                \
    X(PollEvent)                                                                                             \
    X(PushEvent)                                                                                             \
    X(Quit)                                                                                                  \
    X(SetMainReady)                                                                                          \
    X(SetSurfaceBlendMode)                                                                                   \
    X(SetWindowTitle)                                                                                        \
    X(UpdateWindowSurface)                                                                                   \
    X(UpperBlit)                                                                                             \
    X(WaitEvent)
#define SDL_MEMBER(name) __typeof__(SDL_##name) *name;
static struct {
    SDL_FUNCTIONS(SDL_MEMBER)
} sdl;

static const char usage[] =
    "usage: smelt view [OPTIONS] FILE...\n"
    "\n"
    "Shows neural materials (packages) on a mesh. The title tells path, backend, level, GPU time and the "
    "colours under the cursor.\n"
    "\n"
    "      --source DIR       maps to compare with: base_color.jpg, normal_gl.jpg, roughness.jpg and, where "
    "they exist,\n"
    "                         ao.jpg and metalness.jpg; right of the slider\n"
    "      --mesh NAME|FILE   sphere, plane or a glTF 2.0 file (default: sphere)\n"
    "      --size WxH, N      of the window (default: 640x480)\n"
    "      --device NAME      an index, discrete, integrated, virtual, cpu, gpu, or a part of the name\n"
    "      --script FILE      events to replay, one a line, then end: key LETTER, move X Y, drag X Y X Y, "
    "slide X Y, wheel N\n"
    "      --screenshot FILE  what the window shows at the end, as PNG\n"
    "      --validate         under the Vulkan validation layer; any message is a failure\n"
    "\n"
    "  drag: orbit    wheel: zoom    right drag: slider    n: next file    p: path (inline, deferred, "
    "transcode)\n"
    "  b: backend     m: level of the latents              r: first view   q, Esc: end\n";

enum path { PATH_INLINE, PATH_DEFERRED, PATH_TRANSCODE, PATH_COUNT };
static const char *const path_names[PATH_COUNT] = {"inline", "deferred", "transcode"};

// What keys choose, all of which is compiled anew for.
struct choice {
    uint32_t file, mip;
    enum path path;
    enum smelt_backend backend;
};

struct view {
    const char *const *files;
    uint32_t file_count, width, height;
    const char *source, *mesh_name, *device_name, *script, *screenshot;
    bool validate;

    struct device device;
    struct mesh mesh;
    struct renderer renderer;
    struct choice choice;
    struct neural neural;
    struct deferred deferred;
    struct transcode transcode;
    struct textures reference;
    struct picture picture, source_picture; // as drawn last
    double time;

    SDL_Window *window;
    struct scene_view camera;
    int x, y, slider; // cursor; the first column of the source
    bool stale, end;  // to be drawn again; to be ended
};

// --- What is drawn ------------------------------------------------------------------------------------------

static void release(struct view *v)
{
    neural_destroy(&v->renderer, &v->neural);
    deferred_destroy(&v->deferred);
    transcode_destroy(&v->renderer, &v->transcode);
}

static bool create(struct view *v, struct choice choice)
{
    const struct neural_params params = {
        .package = v->files[choice.file], .backend = choice.backend, .mip = choice.mip};
    const struct deferred_params deferred = {
        .packages = &v->files[choice.file], .count = 1, .backend = choice.backend, .mip = choice.mip};
    release(v);
    v->choice = choice;
    v->stale = true;
    switch (choice.path) {
    case PATH_DEFERRED:
        return deferred_create(v->device.context, &v->renderer, &deferred, &v->deferred);
    case PATH_TRANSCODE:
        return transcode_create(v->device.context, &v->renderer, &params, &v->transcode);
    default:
        return neural_create(v->device.context, &v->renderer, &params, &v->neural);
    }
}

// The choice; or, where the device cannot do it (a line has said why), what was before.
static bool choose(struct view *v, struct choice choice)
{
    struct choice before = v->choice;
    return create(v, choice) || create(v, before);
}

static const struct smelt_material_info *material_info(const struct view *v)
{
    return smelt_material_info(v->choice.path == PATH_DEFERRED    ? v->deferred.materials[0].material
                               : v->choice.path == PATH_TRANSCODE ? v->transcode.material
                                                                  : v->neural.material);
}

static bool draw_picture(struct view *v, const struct surface_pipeline *surface,
                         const struct renderer_post *post, double *time, struct picture *picture)
{
    picture_destroy(picture);
    return renderer_draw(&v->renderer, surface, post, 1, time) &&
           renderer_read(&v->renderer, &v->renderer.color, picture);
}

static bool draw(struct view *v)
{
    struct renderer_post post = {.record = NULL};
    const struct surface_pipeline *surface = &v->neural.surface;
    double time;
    if (v->choice.path == PATH_DEFERRED) {
        post = deferred_post(&v->deferred);
        surface = &v->deferred.composite;
    }
    if (v->choice.path == PATH_TRANSCODE)
        surface = &v->transcode.textures.surface;
    renderer_look(&v->renderer, &v->mesh, &v->camera);
    v->stale = false;
    return draw_picture(v, surface, &post, &v->time, &v->picture) &&
           (!v->source || draw_picture(v, &v->reference.surface, NULL, &time, &v->source_picture));
}

// --- The window ---------------------------------------------------------------------------------------------

static bool load_function(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof(symbol)); // ISO C has no such conversion
    return symbol || fail("the SDL2 library lacks %s", name);
}

static bool load_sdl(void)
{
    void *library = dlopen("libSDL2-2.0.so.0", RTLD_NOW); // stays
#define SDL_LOAD(name) &&load_function(library, "SDL_" #name, &sdl.name)
    return (library || fail("no SDL2: %s", dlerror())) SDL_FUNCTIONS(SDL_LOAD);
}

static bool check(bool done)
{
    return done || fail("%s", sdl.GetError());
}

static void set_title(struct view *v)
{
    const struct smelt_material_info *info = material_info(v);
    size_t pixel = 4 * ((size_t)v->y * v->width + (size_t)v->x);
    const uint8_t *a = v->picture.texels + pixel;
    char title[512], source[64] = "";
    if (v->source) {
        const uint8_t *b = v->source_picture.texels + pixel;
        snprintf(source, sizeof(source), ", source %u %u %u", b[0], b[1], b[2]);
    }
    snprintf(title, sizeof(title), "%.100s: %s, %s, level %u of %u, %.*f ms; (%d, %d) %u %u %u%s", info->name,
             path_names[v->choice.path], smelt_backend_name(info->mlp.backend), v->choice.mip,
             info->latent_mips, v->time < 1e8 ? 3 : 0, v->time * 1e-6, v->x, v->y, a[0], a[1], a[2], source);
    sdl.SetWindowTitle(v->window, title);
}

// Copies columns [first, end) of a picture to the window's surface.
static bool copy(const struct view *v, const struct picture *picture, int first, int end, SDL_Surface *target)
{
    SDL_Rect part = {first, 0, end - first, (int)v->height};
    SDL_Surface *from = sdl.CreateRGBSurfaceWithFormatFrom(picture->texels, (int)v->width, (int)v->height, 32,
                                                           (int)v->width * 4, SDL_PIXELFORMAT_RGBA32);
    SDL_Rect place = part;
    bool done = from && !sdl.SetSurfaceBlendMode(from, SDL_BLENDMODE_NONE) &&
                !sdl.UpperBlit(from, &part, target, &place);
    sdl.FreeSurface(from);
    return check(done);
}

static bool present(struct view *v)
{
    SDL_Surface *target = sdl.GetWindowSurface(v->window);
    if (!check(target != NULL) || !copy(v, &v->picture, 0, (int)v->width, target))
        return false;
    if (v->source) {
        const SDL_Rect line = {v->slider, 0, 1, (int)v->height};
        if (!copy(v, &v->source_picture, v->slider, (int)v->width, target) ||
            !check(!sdl.FillRect(target, &line, sdl.MapRGB(target->format, 255, 255, 255))))
            return false;
    }
    set_title(v);
    return check(!sdl.UpdateWindowSurface(v->window));
}

// The window's surface, as it was presented last.
static bool write_screenshot(struct view *v)
{
    SDL_Surface *shown = sdl.GetWindowSurface(v->window);
    struct picture picture = {v->width, v->height, malloc((size_t)v->width * v->height * 4)};
    bool done =
        check(shown != NULL) && (picture.texels || fail("out of memory for the screenshot")) &&
        check(!sdl.ConvertPixels((int)v->width, (int)v->height, shown->format->format, shown->pixels,
                                 shown->pitch, SDL_PIXELFORMAT_RGBA32, picture.texels, (int)v->width * 4)) &&
        picture_write_png(&picture, v->screenshot);
    picture_destroy(&picture);
    return done;
}

// --- Events -------------------------------------------------------------------------------------------------

static int clamp(int value, int most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static bool on_key(struct view *v, SDL_Keycode key)
{
    struct choice next = v->choice;
    switch (key) {
    case SDLK_q:
    case SDLK_ESCAPE:
        v->end = true;
        return true;
    case SDLK_r:
        v->camera = (struct scene_view){.elevation = v->mesh.elevation, .zoom = 1.0f};
        v->stale = true;
        return true;
    case SDLK_n:
        next.file = (next.file + 1) % v->file_count;
        next.mip = 0;
        return choose(v, next);
    case SDLK_m:
        next.mip = next.mip + 1 < material_info(v)->latent_mips ? next.mip + 1 : 0;
        return choose(v, next);
    case SDLK_p:
        next.path = (enum path)((next.path + 1) % PATH_COUNT);
        next.backend = SMELT_BACKEND_AUTO; // not every path has every one
        return choose(v, next);
    case SDLK_b:
        // The next one that the device has for the path (lines say why not); AUTO always works.
        for (bool made = false; !made;) {
            next.backend = (enum smelt_backend)((next.backend + 1) % SMELT_BACKEND_COUNT);
            made = create(v, next);
            if (!made && next.backend == SMELT_BACKEND_AUTO)
                return false;
        }
        return true;
    default:
        return true;
    }
}

static void on_motion(struct view *v, const SDL_MouseMotionEvent *motion)
{
    const float speed = 0.01f, steepest = 1.5f; // radians per pixel; short of looking along the y axis
    v->x = clamp(motion->x, (int)v->width - 1);
    v->y = clamp(motion->y, (int)v->height - 1);
    if (motion->state & SDL_BUTTON_RMASK)
        v->slider = v->x;
    if (motion->state & SDL_BUTTON_LMASK) {
        v->camera.turn -= speed * (float)motion->xrel;
        v->camera.elevation += speed * (float)motion->yrel;
        v->camera.elevation = fminf(fmaxf(v->camera.elevation, 0.02f), steepest); // above the floor
        v->stale = true;
    }
}

static bool on_event(struct view *v, const SDL_Event *event)
{
    switch (event->type) {
    case SDL_QUIT:
        v->end = true;
        return true;
    case SDL_KEYDOWN:
        return on_key(v, event->key.keysym.sym);
    case SDL_MOUSEMOTION:
        on_motion(v, &event->motion);
        return true;
    case SDL_MOUSEWHEEL:
        v->camera.zoom = fminf(fmaxf(v->camera.zoom * powf(1.1f, (float)event->wheel.y), 0.25f), 4.0f);
        v->stale = true;
        return true;
    default:
        return true;
    }
}

static bool push(SDL_Event event)
{
    return check(sdl.PushEvent(&event) == 1);
}

static bool push_motion(uint32_t buttons, int x, int y, int from_x, int from_y)
{
    return push((SDL_Event){.motion = {.type = SDL_MOUSEMOTION,
                                       .state = buttons,
                                       .x = x,
                                       .y = y,
                                       .xrel = x - from_x,
                                       .yrel = y - from_y}});
}

static bool push_line(const struct view *v, const char *line, unsigned number)
{
    char key;
    int a, b, c, d, used = 0;
    if (sscanf(line, " key %c %n", &key, &used) == 1 && used && !line[used])
        return push((SDL_Event){.key = {.type = SDL_KEYDOWN, .keysym.sym = key}});
    if (sscanf(line, " move %d %d %n", &a, &b, &used) == 2 && used && !line[used])
        return push_motion(0, a, b, a, b);
    if (sscanf(line, " drag %d %d %d %d %n", &a, &b, &c, &d, &used) == 4 && used && !line[used])
        return push_motion(SDL_BUTTON_LMASK, c, d, a, b);
    if (sscanf(line, " slide %d %d %n", &a, &b, &used) == 2 && used && !line[used])
        return push_motion(SDL_BUTTON_RMASK, a, b, a, b);
    if (sscanf(line, " wheel %d %n", &a, &used) == 1 && used && !line[used])
        return push((SDL_Event){.wheel = {.type = SDL_MOUSEWHEEL, .y = a}});
    return fail("%s:%u: wanted key LETTER, move X Y, drag X Y X Y, slide X Y or wheel N", v->script, number);
}

// The script's events, then the end.
static bool push_script(const struct view *v)
{
    char line[256];
    FILE *file = fopen(v->script, "r");
    if (!file)
        return fail("cannot read %s", v->script);
    bool done = true;
    for (unsigned number = 1; done && fgets(line, sizeof(line), file); number++)
        done = push_line(v, line, number);
    fclose(file);
    return done && push((SDL_Event){.type = SDL_QUIT});
}

// Events that are there together are drawn once.
static bool loop(struct view *v)
{
    bool done = true;
    while (done && !v->end) {
        SDL_Event event;
        done = check(sdl.WaitEvent(&event) == 1) && on_event(v, &event);
        while (done && !v->end && sdl.PollEvent(&event))
            done = on_event(v, &event);
        done = done && (!v->stale || draw(v)) && present(v);
    }
    return done;
}

// --- The command --------------------------------------------------------------------------------------------

static bool open_all(struct view *v)
{
    const struct device_params device = {.name = v->device_name, .validate = v->validate, .samples = 1};
    const struct renderer_params renderer = {
        .width = v->width, .height = v->height, .samples = 1, .parts = 1};
    if ((v->screenshot && !picture_can_write(v->screenshot)) || !mesh_create(v->mesh_name, &v->mesh))
        return false;
    if (!load_sdl())
        return false;
    sdl.SetMainReady();
    if (sdl.Init(SDL_INIT_VIDEO))
        return fail("no window: %s", sdl.GetError());
    v->slider = (int)v->width / 2;
    v->camera = (struct scene_view){.elevation = v->mesh.elevation, .zoom = 1.0f};
    if (!device_open(&device, &v->device) ||
        !renderer_create(&v->device.gpu, &renderer, &v->mesh, &v->renderer) || !create(v, v->choice) ||
        (v->source && !reference_create(&v->renderer, v->source, &v->reference)))
        return false;
    v->window = sdl.CreateWindow("smelt view", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
                                 (int)v->width, (int)v->height, 0);
    return check(v->window != NULL) && draw(v) && present(v) && (!v->script || push_script(v));
}

static bool close_all(struct view *v)
{
    if (v->device.gpu.device)
        vkDeviceWaitIdle(v->device.gpu.device);
    textures_destroy(&v->renderer, &v->reference);
    release(v);
    renderer_destroy(&v->renderer);
    mesh_destroy(&v->mesh);
    picture_destroy(&v->picture);
    picture_destroy(&v->source_picture);
    uint32_t messages = device_close(&v->device);
    if (v->window)
        sdl.DestroyWindow(v->window);
    if (sdl.Quit)
        sdl.Quit();
    return !messages || fail("the validation layer gave %u messages", messages);
}

static int parse_option(void *command, int option)
{
    struct view *v = command;
    switch (option) {
    case 's':
        v->source = optarg;
        return TOOL_OK;
    case 'm':
        v->mesh_name = optarg;
        return TOOL_OK;
    case 'S':
        return tool_parse_size(optarg, &v->width, &v->height)
                   ? TOOL_OK
                   : tool_usage_error("--size %s: wanted WxH or N, each 1 to 16384", optarg);
    case 'd':
        v->device_name = optarg;
        return TOOL_OK;
    case 'c':
        v->script = optarg;
        return TOOL_OK;
    case 'o':
        v->screenshot = optarg;
        return TOOL_OK;
    default:
        v->validate = true;
        return TOOL_OK;
    }
}

static int parse(int argc, char **argv, struct view *v)
{
    static const struct option options[] = {{"source", required_argument, NULL, 's'},
                                            {"mesh", required_argument, NULL, 'm'},
                                            {"size", required_argument, NULL, 'S'},
                                            {"device", required_argument, NULL, 'd'},
                                            {"script", required_argument, NULL, 'c'},
                                            {"screenshot", required_argument, NULL, 'o'},
                                            {"validate", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int status = tool_parse(argc, argv, "h", options, usage, parse_option, v);
    if (status)
        return status;
    v->files = (const char *const *)argv + optind;
    v->file_count = (uint32_t)(argc - optind);
    status = v->file_count ? TOOL_OK : tool_usage_error("view wants a package; see smelt view --help");
    const char *const others[] = {v->source, v->script, v->mesh_name};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && v->screenshot && !status; i++)
        status = tool_check_apart(v->screenshot, others[i]);
    for (uint32_t i = 0; i < v->file_count && v->screenshot && !status; i++)
        status = tool_check_apart(v->screenshot, v->files[i]);
    return status;
}

int tool_view(int argc, char **argv)
{
    static struct view view = {.width = 640, .height = 480, .mesh_name = "sphere"};
    int status = parse(argc, argv, &view);
    if (status)
        return status;
    fail_set_program("smelt view");
    bool done = open_all(&view) && loop(&view);
    if (done && view.script)
        printf("%s\n", sdl.GetWindowTitle(view.window));
    done = done && (!view.screenshot || write_screenshot(&view));
    return close_all(&view) && done ? TOOL_OK : TOOL_FAILED;
}
