// SPDX-License-Identifier: MIT
// examples/render-upscale as a user runs it: a frame is one submission with no wait in it, the picture is the scene's.
#define _XOPEN_SOURCE 700
#include "program.h"

#include <math.h>
#include <png.h>

static void frames_are_one_submission_each(void)
{
    const char *output = in_folder("picture.png");
    unsigned frames = 0, submissions = 0, waits = 0;
    double filtered = 0, network = 0;
    CHECK(RUN(setting("RENDER_UPSCALE"), "--size", "128x96", "--samples", "1", "--frames", "3", "--precision",
              "f32", "--reference", "--validate", "--output", output) == 0);
    printf("%s", program_output);
    CHECK(strstr(program_output, "64x48 to 192x144"));

    // The scene, its luma, the network and the final pass; the host waits for a frame as a whole.
    const char *line = strstr(program_output, "frames ");
    CHECK(line && sscanf(line, "frames %u, %u submissions, %u waits", &frames, &submissions, &waits) == 3);
    CHECK(frames == 3 && submissions == 3 && waits == 3);

    // Both ways show the scene, not in the same way: 15.3 and 13.4 dB here, where a pixel is an inch.
    line = strstr(program_output, "PSNR ");
    CHECK(line && sscanf(line, "PSNR %lf dB filtered, %lf dB", &filtered, &network) == 2);
    CHECK(filtered > 14 && network > 12 && fabs(filtered - network) > 0.1);

    png_image png = {.version = PNG_IMAGE_VERSION};
    CHECK(png_image_begin_read_from_file(&png, output) && png.width == 128 && png.height == 96);
    png_image_free(&png);
}

static void bad_input_is_refused(void)
{
    static const char *const bad[][2] = {{"--size", "127x96"}, {"--size", "128"},  {"--frames", "0"},
                                         {"--samples", "2"},   {"--split", "1.5"}, {"--precision", "i8"},
                                         {"--what", "1"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        CHECK(RUN(setting("RENDER_UPSCALE"), bad[i][0], bad[i][1]) == 2);
        CHECK(output_lines() == 1 && strstr(program_output, bad[i][0]));
    }
    CHECK(RUN(setting("RENDER_UPSCALE"), "--size") == 2 && output_lines() == 1);
    CHECK(RUN(setting("RENDER_UPSCALE"), "--output", in_folder("absent/picture.png")) == 1);
    CHECK(output_lines() == 1 && strstr(program_output, "absent"));
}

static const struct test tests[] = {
    {"frames are one submission each", frames_are_one_submission_each},
    {"bad input is refused", bad_input_is_refused},
};

TEST_MAIN(tests)
