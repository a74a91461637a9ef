// SPDX-License-Identifier: MIT
// examples/modules-only builds by cmake alone, without libsmelt, and its picture is what the network gives in
// double precision.
#define _XOPEN_SOURCE 700
#include "program.h"

#include <math.h>

enum { WIDTH = 60, HEIGHT = 40, WEIGHTS = 32 * 64 + 64 + 64 * 64 + 64 + 64 * 3 + 3 };

static char source[512], build[512], program[600], weights_path[600];

static void prepare(void)
{
    snprintf(source, sizeof(source), "%s/modules-only", setting("EXAMPLES"));
    snprintf(build, sizeof(build), "%s/build", folder());
    snprintf(program, sizeof(program), "%s/paint", build);
    snprintf(weights_path, sizeof(weights_path), "%s/coffee.f16", source);
}

static double half(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double value = exponent ? ldexp(1024 + (bits & 1023), exponent - 25) : ldexp(bits & 1023, -24);
    return bits & 0x8000 ? -value : value;
}

// y[o] = sum w[o][i] x[i] + b[o]; returns the weights that follow.
static const uint16_t *layer(const uint16_t *w, const double *x, int in, double *y, int out)
{
    for (int o = 0; o < out; o++) {
        y[o] = half(w[in * out + o]);
        for (int i = 0; i < in; i++)
            y[o] += half(w[o * in + i]) * x[i];
    }
    return w + in * out + out;
}

static void network(const uint16_t *weights, double u, double v, double color[3])
{
    double x[32], h[64], g[64];
    for (int o = 0; o < 8; o++) {
        double f = 3.14159265358979 * (1 << o);
        x[4 * o] = sin(f * u), x[4 * o + 1] = cos(f * u), x[4 * o + 2] = sin(f * v),
              x[4 * o + 3] = cos(f * v);
    }
    weights = layer(weights, x, 32, h, 64);
    for (int i = 0; i < 64; i++)
        h[i] = fmax(h[i], 0.0);
    weights = layer(weights, h, 64, g, 64);
    for (int i = 0; i < 64; i++)
        g[i] = fmax(g[i], 0.0);
    layer(weights, g, 64, color, 3);
    for (int c = 0; c < 3; c++)
        color[c] = 1.0 / (1.0 + exp(-color[c]));
}

static void test_build(void)
{
    if (RUN("cmake", "--version"))
        SKIP("cmake is not installed");
    if (RUN("cmake", "-S", source, "-B", build) || RUN("cmake", "--build", build)) {
        printf("%s", program_output);
        CHECK(!"cmake builds examples/modules-only");
    }
    CHECK(!strstr(program_output, "warning"));
}

static void test_picture(void)
{
    if (access(program, X_OK))
        SKIP("not built");
    const char *output = in_folder("coffee.ppm");
    if (RUN(program, weights_path, output, "60", "40")) {
        printf("%s", program_output);
        CHECK(!"paint runs");
    }
    static uint16_t weights[WEIGHTS];
    static unsigned char got[WIDTH * HEIGHT * 3 + 1];
    unsigned width = 0, height = 0;
    FILE *file = fopen(weights_path, "rb");
    CHECK(file && fread(weights, 2, WEIGHTS, file) == WEIGHTS);
    fclose(file);
    file = fopen(output, "rb");
    CHECK(file && fscanf(file, "P6 %u %u 255", &width, &height) == 2 && fgetc(file) == '\n');
    CHECK(width == WIDTH && height == HEIGHT && fread(got, 1, sizeof(got), file) == WIDTH * HEIGHT * 3);
    fclose(file);
    double worst = 0.0;
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            double color[3];
            network(weights, (x + 0.5) / WIDTH, (y + 0.5) / HEIGHT, color);
            for (int c = 0; c < 3; c++)
                worst = fmax(worst, fabs(got[3 * (y * WIDTH + x) + c] - 255.0 * color[c]));
        }
    }
    // Half a step is rounding to bytes; the network's f32 arithmetic and sines add a little.
    printf("    worst difference %.3f of 255\n", worst);
    CHECK(worst < 0.6);
}

static void test_bad_input(void)
{
    if (access(program, X_OK))
        SKIP("not built");
    CHECK(RUN(program) == 2 && strstr(program_output, "usage"));
    CHECK(RUN(program, "/nonexistent", in_folder("a.ppm")) == 1 &&
          strstr(program_output, "wanted 6467 f16 values"));
    CHECK(RUN(program, program, in_folder("a.ppm")) == 1 && strstr(program_output, "got more"));
    CHECK(RUN(program, weights_path, "/nonexistent/a.ppm") == 1 && strstr(program_output, "cannot write"));
    CHECK(RUN(program, weights_path, in_folder("a.ppm"), "0", "40") == 2);
    CHECK(RUN(program, weights_path, in_folder("a.ppm"), "60", "40", "99") == 1);
    CHECK(access(in_folder("a.ppm"), F_OK));
}

static const struct test tests[] = {
    {"cmake builds it without warnings", test_build},
    {"its picture is what the network gives in double precision", test_picture},
    {"bad input is refused", test_bad_input},
};

int main(int argc, char **argv)
{
    prepare();
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
}
