// SPDX-License-Identifier: MIT
// Parses the command line.
#include "options.h"
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "Renders a mesh whose surface is a neural material, evaluated per pixel.\n"
    "\n"
    "  --material NAME|FILE    rock053, metal053c or a package (default: metal053c); up to 8 times, for a "
    "mesh each\n"
    "  --path NAME             inline: the network runs in the fragment shader; deferred: in a compute pass "
    "behind the\n"
    "                          render pass, for --samples 1; transcode: once, at load, into BC7 textures "
    "(default: inline)\n"
    "  --filter NAME           linear, or stochastic: one texel of each latent (deferred; default: linear)\n"
    "  --accumulate            average all frames (deferred)\n"
    "  --levels                take the level of detail from the derivatives instead of the finest one\n"
    "  --mesh NAME|FILE        chair, sphere, plane or a glTF 2.0 file (default: chair)\n"
    "  --output FILE           the picture, a PNG (default: neural-material.png)\n"
    "  --size WxH              in pixels (default: 640x480)\n"
    "  --samples 1|4           shaded per pixel (default: 4)\n"
    "  --tiling N              repeats of the material per unit of texture coordinate (default: by mesh)\n"
    "  --frames N              to draw; the GPU time is their median (default: 3)\n"
    "  --reference [DIR]       render the original textures too (FILE-reference.png) and compare; default: "
    "the\n"
    "                          reduced ones in the examples folder, or those in ../shared/data if it is "
    "there\n"
    "  --backend NAME          auto, portable or coopvec; deferred also coopmat or coopmat2 (default: auto)\n"
    "  --precision NAME        auto, f32 or f16: what the network computes in (default: auto)\n"
    "  --device NAME           an index, discrete, integrated, virtual, cpu, gpu, or a part of the name\n"
    "  --bundles DIR           take the fragment shader from bundles instead of compiling it\n"
    "  --bake DIR              write the material's bundles to DIR and render nothing\n"
    "  --validate              run under the Vulkan validation layer; any message is a failure\n"
    "  --help                  this text\n"
    "\n"
    "Names are looked up in $SMELT_DATA, else in the examples folder. $SMELT_DEVICE and $SMELT_BACKEND stand "
    "in\n"
    "for --device and --backend.\n";

bool data_path(char *path, size_t size, const char *format, ...)
{
    const char *folder = getenv("SMELT_DATA");
    int used = snprintf(path, size, "%s/", folder && folder[0] ? folder : EXAMPLES_DIR);
    if (used < 0 || (size_t)used >= size)
        return fail("the path of the data folder is too long");
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(path + used, size - (size_t)used, format, arguments);
    va_end(arguments);
    return (more >= 0 && (size_t)more < size - (size_t)used) ||
           fail("the path of the data folder is too long");
}

// A whole number from 1 to `limit` that ends where the text does, or at `end`.
static bool parse_number(const char *text, char end, uint32_t limit, uint32_t *number, const char **rest)
{
    uint64_t value = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9' && value <= limit; c++)
        value = value * 10 + (uint64_t)(*c - '0');
    if (c == text || *c != end || value < 1 || value > limit)
        return false;
    *number = (uint32_t)value;
    *rest = c + (end != 0);
    return true;
}

static bool parse_backend(const char *text, struct options *options)
{
    options->backend = smelt_backend_from_name(text);
    return options->backend < SMELT_BACKEND_COUNT || fail("--backend: unknown backend \"%s\"; wanted auto, "
                                                          "portable or coopvec, or with --path deferred also "
                                                          "coopmat or coopmat2",
                                                          text);
}

static bool parse_precision(const char *text, struct options *options)
{
    static const struct {
        const char *name;
        enum smelt_dtype dtype;
    } names[] = {{"auto", SMELT_DTYPE_NONE}, {"f32", SMELT_DTYPE_F32}, {"f16", SMELT_DTYPE_F16}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (!strcmp(text, names[i].name)) {
            options->precision = names[i].dtype;
            return true;
        }
    }
    return fail("--precision: \"%s\"; wanted auto, f32 or f16", text);
}

// Whether two paths lead to one file.
static bool same_file(const char *a, const char *b)
{
    struct stat at, other;
    return !stat(a, &at) && !stat(b, &other) && at.st_dev == other.st_dev && at.st_ino == other.st_ino;
}

// What one option says of another.
static bool check_together(const struct options *o)
{
    for (uint32_t i = 0; i < o->material_count; i++)
        if (same_file(o->output, o->materials[i]))
            return fail("--output: the picture would overwrite the material %s", o->materials[i]);
    if (same_file(o->output, o->mesh))
        return fail("--output: the picture would overwrite the mesh %s", o->mesh);
    bool matrices = o->backend == SMELT_BACKEND_COOPMAT || o->backend == SMELT_BACKEND_COOPMAT2;
    if (matrices && o->path != PATH_DEFERRED)
        return fail("--backend: %s does not work in a fragment shader; wanted auto, portable or coopvec",
                    smelt_backend_name(o->backend));
    if ((o->stochastic || o->accumulate) && o->path != PATH_DEFERRED)
        return fail("%s wants --path deferred", o->stochastic ? "--filter stochastic" : "--accumulate");
    if (o->path == PATH_DEFERRED && (o->samples != 1 || o->bundles))
        return fail("--path deferred wants %s", o->bundles ? "no --bundles" : "--samples 1");
    if (o->path == PATH_TRANSCODE && (o->levels || o->bundles))
        return fail("--path transcode wants no %s",
                    o->levels ? "--levels: its textures have one" : "--bundles");
    return (o->material_count <= 1 || !o->reference) || fail("--reference wants one --material");
}

static bool parse_value(const char *name, const char *text, struct options *options)
{
    const char *rest;
    char *end;
    if (!strcmp(name, "--size"))
        return (parse_number(text, 'x', 16384, &options->width, &rest) &&
                parse_number(rest, 0, 16384, &options->height, &rest)) ||
               fail("--size: \"%s\"; wanted WIDTHxHEIGHT, each from 1 to 16384", text);
    if (!strcmp(name, "--frames"))
        return parse_number(text, 0, 100000, &options->frames, &rest) ||
               fail("--frames: \"%s\"; wanted a number from 1 to 100000", text);
    if (!strcmp(name, "--samples"))
        return (parse_number(text, 0, 4, &options->samples, &rest) &&
                (options->samples == 1 || options->samples == 4)) ||
               fail("--samples: \"%s\"; wanted 1 or 4", text);
    if (!strcmp(name, "--tiling")) {
        options->tiling = strtof(text, &end);
        return (end != text && !*end && options->tiling >= 0.01f && options->tiling <= 1000.0f) ||
               fail("--tiling: \"%s\"; wanted a number from 0.01 to 1000", text);
    }
    if (!strcmp(name, "--backend"))
        return parse_backend(text, options);
    if (!strcmp(name, "--material")) {
        if (options->material_count == OPTIONS_MOST_MATERIALS)
            return fail("--material: more than %d", OPTIONS_MOST_MATERIALS);
        options->materials[options->material_count++] = text;
        return true;
    }
    if (!strcmp(name, "--path")) {
        static const char *const names[] = {"inline", "deferred", "transcode"};
        for (uint32_t i = 0; i < sizeof(names) / sizeof(*names); i++)
            if (!strcmp(text, names[i])) {
                options->path = (enum options_path)i;
                return true;
            }
        return fail("--path: \"%s\"; wanted inline, deferred or transcode", text);
    }
    if (!strcmp(name, "--filter")) {
        options->stochastic = !strcmp(text, "stochastic");
        return options->stochastic || !strcmp(text, "linear") ||
               fail("--filter: \"%s\"; wanted linear or stochastic", text);
    }
    return parse_precision(text, options);
}

enum options_result options_parse(int argc, char **argv, struct options *options)
{
    const struct {
        const char *name;
        const char **text; // NULL: parse_value
    } with_value[] = {{"--material", NULL},
                      {"--path", NULL},
                      {"--filter", NULL},
                      {"--mesh", &options->mesh},
                      {"--output", &options->output},
                      {"--device", &options->device},
                      {"--bundles", &options->bundles},
                      {"--bake", &options->bake},
                      {"--size", NULL},
                      {"--frames", NULL},
                      {"--samples", NULL},
                      {"--tiling", NULL},
                      {"--backend", NULL},
                      {"--precision", NULL}};
    *options = (struct options){.mesh = "chair",
                                .output = "neural-material.png",
                                .width = 640,
                                .height = 480,
                                .samples = 4,
                                .frames = 3};
    for (int i = 1; i < argc; i++) {
        size_t known = 0, count = sizeof(with_value) / sizeof(*with_value);
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            printf("usage: %s [OPTIONS]\n%s", argv[0], usage);
            return OPTIONS_HELP;
        }
        if (!strcmp(argv[i], "--validate")) {
            options->validate = true;
            continue;
        }
        if (!strcmp(argv[i], "--accumulate") || !strcmp(argv[i], "--levels")) {
            *(argv[i][2] == 'a' ? &options->accumulate : &options->levels) = true;
            continue;
        }
        if (!strcmp(argv[i], "--reference")) {
            options->reference = true;
            if (more && strncmp(argv[i + 1], "--", 2))
                options->textures = argv[++i];
            continue;
        }
        while (known < count && strcmp(argv[i], with_value[known].name))
            known++;
        if (known == count || !more) {
            fail(known == count ? "unknown option \"%s\"; --help lists them" : "%s wants a value", argv[i]);
            return OPTIONS_WRONG;
        }
        const char *name = argv[i], *value = argv[++i];
        if (with_value[known].text)
            *with_value[known].text = value;
        else if (!parse_value(name, value, options))
            return OPTIONS_WRONG;
    }
    if (!options->material_count)
        options->materials[options->material_count++] = "metal053c";
    return check_together(options) ? OPTIONS_RUN : OPTIONS_WRONG;
}
