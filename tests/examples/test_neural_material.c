// SPDX-License-Identifier: MIT
// examples/neural-material as a user runs it: pictures, comparisons, bundles, bad input.
#define _XOPEN_SOURCE 700
#include "program.h"

#include "image.h"

#include <math.h>
#include <png.h>

#define PROGRAM setting("NEURAL_MATERIAL")
#define SMALL "--size", "96x64", "--frames", "1"

// --- Helpers ----------------------------------------------------------------------------------------------

static struct picture pictures[2];

static void read_png(const char *path, struct picture *picture)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    CHECK(png_image_begin_read_from_file(&png, path));
    png.format = PNG_FORMAT_RGBA;
    picture_destroy(picture);
    *picture = (struct picture){png.width, png.height, malloc(PNG_IMAGE_SIZE(png))};
    CHECK(png_image_finish_read(&png, NULL, picture->texels, 0, NULL));
}

// That a picture has this size, and more distinct colours than a flat or broken one.
static void check_picture(const char *path, uint32_t width, uint32_t height)
{
    read_png(path, &pictures[0]);
    CHECK(pictures[0].width == width && pictures[0].height == height);
    static uint8_t seen[1 << 15];
    size_t colors = 0;
    memset(seen, 0, sizeof(seen));
    for (size_t i = 0; i < (size_t)width * height; i++) {
        const uint8_t *c = pictures[0].texels + 4 * i;
        size_t at = (size_t)(c[0] >> 3) << 10 | (size_t)(c[1] >> 3) << 5 | c[2] >> 3;
        colors += !seen[at];
        seen[at] = 1;
    }
    printf("    %zu colours\n", colors);
    CHECK(colors > 100);
}

static double psnr(const char *a, const char *b)
{
    double share;
    read_png(a, &pictures[0]);
    read_png(b, &pictures[1]);
    CHECK(pictures[0].width == pictures[1].width && pictures[0].height == pictures[1].height);
    return picture_psnr(&pictures[0], &pictures[1], &share);
}

static double printed_psnr(void)
{
    const char *line = strstr(program_output, "PSNR");
    CHECK(line);
    return strtod(line + 4, NULL);
}

// A run that must work; its output is shown when it does not.
#define CHECK_RUNS(...)                                                                                      \
    do {                                                                                                     \
        int run_status = RUN(__VA_ARGS__);                                                                   \
        if (run_status)                                                                                      \
            printf("    exit status %d: %s\n", run_status, program_output);                                  \
        CHECK(run_status == 0);                                                                              \
    } while (0)

// A run that must fail with this status and one line that contains `text`.
#define CHECK_REFUSES(expected, text, ...)                                                                   \
    do {                                                                                                     \
        int run_status = RUN(__VA_ARGS__);                                                                   \
        bool run_good = run_status == (expected) && strstr(program_output, (text)) && output_lines() == 1;   \
        if (!run_good)                                                                                       \
            printf("    exit status %d, wanted %d and one line with \"%s\": %s\n", run_status, expected,     \
                   text, program_output);                                                                    \
        CHECK(run_good);                                                                                     \
    } while (0)

static bool have_compiler(void)
{
    return setting("HAVE_COMPILER")[0] == '1';
}

#define NEEDS_COMPILER                                                                                       \
    do {                                                                                                     \
        if (!have_compiler())                                                                                \
            SKIP("this build has no GLSL compiler");                                                         \
    } while (0)

static bool exists(const char *path)
{
    return !access(path, F_OK);
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(data, 1, size, file) == size && !fclose(file));
}

// --- Pictures ---------------------------------------------------------------------------------------------

// Materials of two architectures: both paths draw one picture. Texels taken at random come near it on average.
static void test_paths(void)
{
    NEEDS_COMPILER;
#define SCENE "--mesh", "sphere", "--size", "96x48", "--samples", "1", "--validate", "--material", "metal053c"
    const char *inlined = in_folder("inline.png"), *deferred = in_folder("deferred.png"),
               *alone = in_folder("alone.png"), *random = in_folder("random.png");
    CHECK_RUNS(PROGRAM, SCENE, "--material", "rock053", "--frames", "1", "--output", inlined);
    CHECK_RUNS(PROGRAM, SCENE, "--material", "rock053", "--frames", "2", "--path", "deferred", "--output",
               deferred);
    CHECK(strstr(program_output, "path        deferred"));
    CHECK(psnr(inlined, deferred) > 45);
    CHECK_RUNS(PROGRAM, SCENE, "--frames", "1", "--output", alone);
    CHECK_RUNS(PROGRAM, SCENE, "--frames", "8", "--path", "deferred", "--filter", "stochastic",
               "--accumulate", "--output", random);
    double near = psnr(alone, random);
    printf("    %.1f dB of stochastic filtering\n", near);
    CHECK(near > 18 && near < 45);
#undef SCENE
    CHECK_REFUSES(2, "wants --path deferred", PROGRAM, "--filter", "stochastic");
    CHECK_REFUSES(2, "wants --samples 1", PROGRAM, "--path", "deferred");
    CHECK_REFUSES(2, "wanted inline, deferred or transcode", PROGRAM, "--path", "other");
}

// Textures of BC7 that the network has filled draw nearly its picture, for all parts of the mesh.
static void test_transcode(void)
{
    NEEDS_COMPILER;
    // The material with a source of half its size: a quarter of the texels to evaluate and encode.
    static char bytes[4 << 20];
    char package[512];
    snprintf(package, sizeof(package), "%s/materials/metal053c.safetensors", setting("EXAMPLES"));
    FILE *file = fopen(package, "rb");
    size_t size = file ? fread(bytes, 1, sizeof(bytes) - 1, file) : 0;
    CHECK(file && feof(file) && !fclose(file));
    char *source = strstr(bytes + 8, "\\\"width\\\":1024,\\\"height\\\":1024");
    CHECK(source);
    memcpy(source, "\\\"width\\\": 512,\\\"height\\\": 512", 30);
    const char *half = in_folder("half.safetensors"), *inlined = in_folder("network.png"),
               *transcoded = in_folder("transcoded.png");
    write_file(half, bytes, size);
#define SCENE                                                                                                \
    "--mesh", "sphere", "--size", "96x48", "--samples", "1", "--frames", "1", "--material", half,            \
        "--material", half
    int status = RUN(PROGRAM, SCENE, "--path", "transcode", "--validate", "--output", transcoded);
    if (status == 1 && output_lines() == 1 && strstr(program_output, "lacks textureCompressionBC"))
        SKIP("the device has no BC7 textures");
    printf("%s", program_output);
    CHECK(status == 0 && strstr(program_output, "path        transcode"));
    CHECK_RUNS(PROGRAM, SCENE, "--output", inlined);
    double near = psnr(inlined, transcoded);
    printf("    %.1f dB\n", near);
    CHECK(near > 30 && near < 70);
    CHECK_REFUSES(2, "--path transcode wants no --levels", PROGRAM, "--path", "transcode", "--levels");
    CHECK_REFUSES(2, "--path transcode wants no --bundles", PROGRAM, "--path", "transcode", "--bundles", "a");
#undef SCENE
}

static void test_meshes(void)
{
    NEEDS_COMPILER;
    static const char *const meshes[] = {"sphere", "plane", "chair"}, *const materials[] = {"rock053",
                                                                                            "metal053c"};
    for (int i = 0; i < 3; i++) {
        const char *output = in_folder(meshes[i]);
        CHECK_RUNS(PROGRAM, "--mesh", meshes[i], "--material", materials[i % 2], "--backend", "portable",
                   "--validate", "--output", output, SMALL);
        CHECK(strstr(program_output, "backend     portable"));
        CHECK(strstr(program_output, "GPU time") && strstr(program_output, "device"));
        check_picture(output, 96, 64);
    }
}

static void test_reference(void)
{
    NEEDS_COMPILER;
    char textures[512];
    // What the networks reach is 29.6 and 35.2 dB on the textures themselves; the smaller reference textures and
    // shading take some of it. A wrong channel or a wrong normal takes far more.
    static const struct {
        const char *material;
        double wanted;
    } rows[] = {{"metal053c", 26.0}, {"rock053", 21.0}};
    double near = 0;
    for (int i = 0; i < 2; i++) {
        CHECK_RUNS(PROGRAM, "--mesh", "sphere", "--material", rows[i].material, "--validate", "--output",
                   in_folder("pair.png"), "--reference", SMALL);
        check_picture(in_folder("pair-reference.png"), 96, 64);
        near = printed_psnr();
        printf("    %s: %.2f dB\n", rows[i].material, near);
        CHECK(near > rows[i].wanted);
    }
    // The other material's textures must be far away.
    snprintf(textures, sizeof(textures), "%s/materials/metal053c", setting("EXAMPLES"));
    CHECK_RUNS(PROGRAM, "--mesh", "sphere", "--material", "rock053", "--output", in_folder("pair.png"),
               "--reference", textures, SMALL);
    printf("    rock053 beside metal053c: %.2f dB\n", printed_psnr());
    CHECK(printed_psnr() < near - 8);
}

static void test_precisions(void)
{
    NEEDS_COMPILER;
    int status =
        RUN(PROGRAM, "--mesh", "plane", "--precision", "f16", "--output", in_folder("f16.png"), SMALL);
    if (status && strstr(program_output, "shaderFloat16"))
        SKIP("the device has no f16 arithmetic");
    CHECK(status == 0);
    CHECK_RUNS(PROGRAM, "--mesh", "plane", "--precision", "f32", "--backend", "portable", "--output",
               in_folder("f32.png"), SMALL);
    CHECK(strstr(program_output, "portable, f32"));
    double agreement = psnr(in_folder("f16.png"), in_folder("f32.png"));
    printf("    f16 and f32: %.2f dB\n", agreement);
    CHECK(agreement > 50.0);
}

static void test_backends(void)
{
    NEEDS_COMPILER;
    int status = RUN(PROGRAM, "--mesh", "sphere", "--backend", "coopvec", "--validate", "--output",
                     in_folder("coopvec.png"), SMALL);
    if (status && output_lines() == 1 && strstr(program_output, "backend coopvec: ")) {
        CHECK(status == 1 && !exists(in_folder("coopvec.png")));
        SKIP("the device or the compiler has no cooperative vectors");
    }
    printf("%s", program_output);
    CHECK(status == 0 && strstr(program_output, "coopvec, f16"));
    CHECK_RUNS(PROGRAM, "--mesh", "sphere", "--backend", "portable", "--precision", "f32", "--output",
               in_folder("portable.png"), SMALL);
    double agreement = psnr(in_folder("coopvec.png"), in_folder("portable.png"));
    printf("    coopvec and portable: %.2f dB\n", agreement);
    CHECK(agreement > 50.0);
}

static void test_repeatable(void)
{
    NEEDS_COMPILER;
    CHECK_RUNS(PROGRAM, "--mesh", "sphere", "--output", in_folder("once.png"), SMALL);
    CHECK_RUNS(PROGRAM, "--mesh", "sphere", "--output", in_folder("again.png"), "--size", "96x64", "--frames",
               "5", "--validate");
    CHECK(isinf(psnr(in_folder("once.png"), in_folder("again.png"))));
}

static void test_bundles(void)
{
    NEEDS_COMPILER;
    CHECK_RUNS(PROGRAM, "--material", "rock053", "--bake", folder());
    CHECK(output_lines() == 2 && strstr(program_output, ".frag.safetensors"));
    CHECK_RUNS(PROGRAM, "--material", "rock053", "--mesh", "sphere", "--output", in_folder("compiled.png"),
               "--backend", "portable", SMALL);
    CHECK_RUNS(PROGRAM, "--material", "rock053", "--mesh", "sphere", "--output", in_folder("baked.png"),
               "--backend", "portable", "--bundles", folder(), "--validate", SMALL);
    CHECK(strstr(program_output, "from a bundle"));
    CHECK(psnr(in_folder("compiled.png"), in_folder("baked.png")) > 60.0);
    // The bundle of one architecture is not taken for another.
    CHECK_REFUSES(1, ".frag.safetensors", PROGRAM, "--material", "metal053c", "--bundles", folder(),
                  "--output", in_folder("other.png"), SMALL);
    CHECK(!exists(in_folder("other.png")));
    CHECK_REFUSES(1, "/nonexistent", PROGRAM, "--bake", "/nonexistent");
}

// --- Bad input ----------------------------------------------------------------------------------------------

static void test_command_line(void)
{
    CHECK(RUN(PROGRAM, "--help") == 0 && strstr(program_output, "--material"));
    CHECK_REFUSES(2, "--colour", PROGRAM, "--colour");
    CHECK_REFUSES(2, "--mesh wants a value", PROGRAM, "--mesh");
    CHECK_REFUSES(2, "\"fast\"; wanted auto, portable or coopvec", PROGRAM, "--backend", "fast");
    CHECK_REFUSES(2, "coopmat does not work in a fragment shader", PROGRAM, "--backend", "coopmat");
    CHECK_REFUSES(2, "\"f64\"; wanted auto, f32 or f16", PROGRAM, "--precision", "f64");
    static const char *const sizes[] = {"0x5",     "640",      "640x", "x480", "-1x5",
                                        "99999x9", "640x480x", "",     "1e3x5"};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        CHECK_REFUSES(2, "wanted WIDTHxHEIGHT", PROGRAM, "--size", sizes[i]);
    CHECK_REFUSES(2, "wanted a number from 1", PROGRAM, "--frames", "0");
    CHECK_REFUSES(2, "wanted 1 or 4", PROGRAM, "--samples", "2");
    CHECK_REFUSES(2, "wanted a number from 0.01", PROGRAM, "--tiling", "nan");
}

static void test_outputs(void)
{
    CHECK_REFUSES(1, "/nonexistent/a.png", PROGRAM, "--output", "/nonexistent/a.png");
    CHECK_REFUSES(1, "no regular file", PROGRAM, "--output", folder());
    CHECK_REFUSES(1, "no regular file", PROGRAM, "--output", "/dev/null");
}

static void test_devices(void)
{
    CHECK_REFUSES(1, "no Vulkan 1.3 device matches \"abacus\"; there are: ", PROGRAM, "--device", "abacus",
                  "--output", in_folder("d.png"));
    CHECK_REFUSES(1, "no Vulkan driver", "env", "VK_DRIVER_FILES=/nonexistent",
                  "VK_ICD_FILENAMES=/nonexistent", PROGRAM, "--output", in_folder("d.png"));
    CHECK(!exists(in_folder("d.png")));
}

static void test_materials(void)
{
    static char bytes[4096];
    const char *bad = in_folder("bad.safetensors"), *output = in_folder("m.png");
    char rock[512];
    snprintf(rock, sizeof(rock), "%s/materials/rock053.safetensors", setting("EXAMPLES"));
    FILE *file = fopen(rock, "rb");
    CHECK(file && fread(bytes, 1, sizeof(bytes), file) == sizeof(bytes));
    fclose(file);
    CHECK_REFUSES(1, "/nonexistent.safetensors", PROGRAM, "--material", "/nonexistent.safetensors",
                  "--output", output);
    CHECK_REFUSES(1, "materials/granite.safetensors", PROGRAM, "--material", "granite", "--output", output);
    write_file(bad, bytes, sizeof(bytes)); // truncated
    CHECK_REFUSES(1, "bad.safetensors", PROGRAM, "--material", bad, "--output", output);
    memset(bytes, 0xff, 8); // a header of 2^64 - 1 bytes
    write_file(bad, bytes, sizeof(bytes));
    CHECK_REFUSES(1, "bad.safetensors", PROGRAM, "--material", bad, "--output", output);
    write_file(bad, "hello", 5);
    CHECK_REFUSES(1, "bad.safetensors", PROGRAM, "--material", bad, "--output", output);
    CHECK(!exists(output));
}

static void test_references(void)
{
    NEEDS_COMPILER;
    CHECK(RUN(PROGRAM, "--output", in_folder("r.png"), "--mesh", "plane", "--reference", "/nonexistent",
              SMALL) == 1);
    CHECK(strstr(program_output, "/nonexistent/base_color.jpg: No such file"));
    write_file(in_folder("base_color.jpg"), "\xff\xd8\xff\xe0 no jpeg", 12);
    CHECK(RUN(PROGRAM, "--output", in_folder("r.png"), "--mesh", "plane", "--reference", folder(), SMALL) ==
          1);
    CHECK(strstr(program_output, "base_color.jpg: ") && !exists(in_folder("r-reference.png")));
}

static const struct test tests[] = {
    {"inline and deferred draw one picture", test_paths},
    {"textures that a network was transcoded to draw its picture", test_transcode},
    {"sphere, plane and chair are drawn without validation messages", test_meshes},
    {"pictures are near those of the original textures", test_reference},
    {"f16 and f32 give the same picture", test_precisions},
    {"cooperative vectors give the same picture", test_backends},
    {"any number of frames gives the same picture", test_repeatable},
    {"baked shaders give the same picture", test_bundles},
    {"the command line is checked", test_command_line},
    {"outputs that cannot be written are refused", test_outputs},
    {"devices that are not there are refused", test_devices},
    {"broken materials are refused", test_materials},
    {"broken reference textures are refused", test_references},
};

int main(int argc, char **argv)
{
    int status = test_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
    picture_destroy(&pictures[0]);
    picture_destroy(&pictures[1]);
    return status;
}
