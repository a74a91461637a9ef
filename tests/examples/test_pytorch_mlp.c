// SPDX-License-Identifier: MIT
// examples/pytorch-mlp as a user runs it: the state_dict becomes a package, the picture is PyTorch's.
#define _XOPEN_SOURCE 700
#include "program.h"

static const char *example(const char *name)
{
    static char path[2][4096];
    static int next;
    next ^= 1;
    snprintf(path[next], sizeof(path[next]), "%s/pytorch-mlp/%s", setting("EXAMPLES"), name);
    return path[next];
}

static const char *pack(const char *dtype)
{
    const char *package = in_folder("flower.safetensors");
    CHECK(RUN(setting("SMELT_TOOL"), "pack", "--mlp", example("state.safetensors"), "--describe",
              example("mlp.json"), "-o", package, "--dtype", dtype) == 0);
    CHECK(strstr(program_output, "2 inputs, 20-32-32-3"));
    return package;
}

static void the_picture_is_pytorchs(void)
{
    static const char *const dtypes[] = {"f32", "f16"};
    static const double bounds[] = {5e-5, 2e-2};
    for (int i = 0; i < 2; i++) {
        double largest = 1;
        const char *picture = in_folder("flower.png");
        CHECK(RUN(setting("PYTORCH_MLP"), pack(dtypes[i]), "-o", picture) == 0);
        const char *line = strstr(program_output, "differs from PyTorch by ");
        CHECK(line && sscanf(line, "differs from PyTorch by %lf", &largest) == 1);
        CHECK(largest > 0 && largest <= bounds[i]);
        FILE *file = fopen(picture, "rb");
        CHECK(file);
        fclose(file);
    }
}

static void it_refuses_other_packages(void)
{
    char material[4096];
    snprintf(material, sizeof(material), "%s/materials/rock053.safetensors", setting("EXAMPLES"));
    CHECK(RUN(setting("PYTORCH_MLP")) == 2 && strstr(program_output, "usage"));
    CHECK(RUN(setting("PYTORCH_MLP"), material) == 1 &&
          strstr(program_output, "wanted a package of kind \"weights\""));
    CHECK(RUN(setting("PYTORCH_MLP"), in_folder("absent.safetensors")) == 1 &&
          strstr(program_output, "absent"));
}

static const struct test tests[] = {
    {"the picture is PyTorch's", the_picture_is_pytorchs},
    {"it refuses other packages", it_refuses_other_packages},
};

TEST_MAIN(tests)
