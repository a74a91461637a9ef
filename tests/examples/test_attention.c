// SPDX-License-Identifier: MIT
// examples/attention agrees with double precision on every backend that the device has, and refuses bad input.
#define _XOPEN_SOURCE 700
#include "program.h"

#include <math.h>
#include <png.h>

static int attend(const char *backend, const char *const *rest)
{
    const char *arguments[24] = {setting("ATTENTION"), "--backend", backend};
    int count = 3;
    while (*rest)
        arguments[count++] = *rest++;
    return run_program(arguments);
}

static void test_backends(void)
{
    static const char *const backends[] = {"portable", "coopmat", "coopmat2"};
    static const char *const runs[][14] = {
        {"--queries", "19", "--keys", "33", "--heads", "2", "--causal", "--length", "21"},
        {"--queries", "20", "--keys", "37", "--heads", "1", "--head-dim", "128"},
    };
    int ran = 0;
    for (size_t b = 0; b < sizeof(backends) / sizeof(*backends); b++)
        for (size_t r = 0; r < (b ? 1 : 2); r++) { // software devices compile matrices slowly
            int status = attend(backends[b], runs[r]);
            printf("    %s", program_output);
            if (status && b && strstr(program_output, "on backend")) // the device or the compiler lacks it
                continue;
            CHECK(status == 0 && strstr(program_output, "worst error"));
            ran++;
        }
    CHECK(ran >= 2);
}

static void test_bad_input(void)
{
    static const char *const bad[][3] = {
        {"--head-dim", "60"}, {"--keys", "0"}, {"--length", "101"}, {"--what"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(attend("portable", bad[i]) == 2 && strstr(program_output, "usage"));
    static const char *const none[] = {NULL};
    CHECK(attend("coopvec", none) == 1 && strstr(program_output, "THREAD scope only"));
}

// What is left of column x, y by y, on average: the picture lies beside the one with noise.
static double column(const uint8_t *texels, int width, int height, int x)
{
    double sum = 0;
    for (int y = 0; y < height; y++)
        sum += texels[3 * (y * 2 * width + width + x)];
    return sum / height;
}

// A picture that grows lighter from left to right, with noise: closer to the picture without noise afterwards, and without steps
// where the filter's tiles of 32 pixels meet.
static void test_denoise(void)
{
    enum { WIDTH = 96, HEIGHT = 20 };
    uint8_t texels[HEIGHT][WIDTH][3];
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            memset(texels[y][x], 100 + x / 2, 3);
    char input[512], output[512];
    snprintf(input, sizeof(input), "%s/halves.png", setting("SCRATCH"));
    snprintf(output, sizeof(output), "%s/denoised.png", setting("SCRATCH"));
    png_image png = {
        .version = PNG_IMAGE_VERSION, .width = WIDTH, .height = HEIGHT, .format = PNG_FORMAT_RGB};
    CHECK(png_image_write_to_file(&png, input, 0, texels, 0, NULL));
    const char *arguments[] = {setting("DENOISE"), input,      output, "--noise", "0.1",
                               "--backend",        "portable", NULL};
    CHECK(run_program(arguments) == 0);
    const char *line = strstr(program_output, "PSNR ");
    double before = 0, after = 0;
    CHECK(line && sscanf(line, "PSNR %lf dB before, %lf dB after", &before, &after) == 2);
    CHECK(after > before + 5);
    static uint8_t both[HEIGHT][2 * WIDTH][3];
    png = (png_image){.version = PNG_IMAGE_VERSION};
    CHECK(png_image_begin_read_from_file(&png, output) && png.width == 2 * WIDTH && png.height == HEIGHT);
    png.format = PNG_FORMAT_RGB;
    CHECK(png_image_finish_read(&png, NULL, both, 0, NULL));
    for (int x = 32; x < WIDTH; x += 32) {
        double step = column(both[0][0], WIDTH, HEIGHT, x) - column(both[0][0], WIDTH, HEIGHT, x - 1);
        printf("    %.2f dB, then %.2f; a step of %.2f at %d\n", before, after, step, x);
        CHECK(fabs(step) < 2);
    }
    arguments[1] = "/nonexistent.png";
    CHECK(run_program(arguments) == 1 && strstr(program_output, "/nonexistent.png"));
    arguments[1] = input;
    arguments[2] = "/nonexistent/denoised.png";
    CHECK(run_program(arguments) == 1 && strstr(program_output, arguments[2]));
    arguments[4] = "2";
    CHECK(run_program(arguments) == 2 && strstr(program_output, "usage"));
}

static const struct test tests[] = {
    {"every backend gives what double precision gives", test_backends},
    {"bad input is refused", test_bad_input},
    {"a picture is denoised", test_denoise},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
}
