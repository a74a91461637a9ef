// SPDX-License-Identifier: MIT
// Training of a material by smelt_trainer: gradients against central differences in double, maps that are learnt, the same bits
// twice and after a state was written back, latents that end as their quantisation says, and what is refused.
#include "rig.h"

#include <smelt/trainer.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 32, LEVELS = 3, OUTPUTS = 4, TEXELS = 32 * 32 + 16 * 16 + 8 * 8 };

static smelt_context device(void)
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    return context;
}

// Smooth maps; a level is the mean of four texels of the one before.
static void draw_maps(float *maps)
{
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++)
            for (int c = 0; c < OUTPUTS; c++) {
                double u = 6.2831853 * (x + 0.5) / SIZE, v = 6.2831853 * (y + 0.5) / SIZE;
                maps[(y * SIZE + x) * OUTPUTS + c] =
                    (float)(0.5 + 0.2 * sin(u * (c + 1) + c) + 0.2 * cos(v * (3 - c) - c));
            }
    const float *from = maps;
    float *to = maps + SIZE * SIZE * OUTPUTS;
    for (int size = SIZE / 2; size >= SIZE >> (LEVELS - 1); size /= 2) {
        for (int i = 0; i < size * size * OUTPUTS; i++) {
            int x = i / OUTPUTS % size, y = i / OUTPUTS / size, c = i % OUTPUTS;
            const float *p = from + (2 * y * 2 * size + 2 * x) * OUTPUTS + c;
            to[i] = (p[0] + p[OUTPUTS] + p[2 * size * OUTPUTS] + p[(2 * size + 1) * OUTPUTS]) / 4;
        }
        from = to;
        to += size * size * OUTPUTS;
    }
}

static struct smelt_trainer_params small(const float *maps)
{
    return (struct smelt_trainer_params){
        .targets = maps,
        .source_width = SIZE,
        .source_height = SIZE,
        .levels = LEVELS,
        .fractional = 0.25F,
        .grids = {{8, 8, 2, 1, 8}, {4, 4, 1, 1, 4}},
        .grid_count = 2,
        .encodings = {{.feature = SMELT_TRAINER_LATENTS},
                      {.feature = SMELT_TRAINER_FREQUENCY, .count = 2},
                      {.feature = SMELT_TRAINER_LOD, .scale = 0.5F}},
        .encoding_count = 3,
        .layer_count = 3,
        .widths = {17, 16, 16, OUTPUTS},
        .activations = {SMELT_ACTIVATION_GELU, SMELT_ACTIVATION_RELU, SMELT_ACTIVATION_NONE},
        .oklab_weights = {0.1F, 0.4F, 0.4F},
        .batch = 1000,
        .steps = 200,
        .frozen_steps = 20,
        .rate = 0.01F,
        .seed = 7,
    };
}

static double error_after(smelt_trainer trainer, uint32_t steps)
{
    struct smelt_trainer_progress progress;
    double sum = 0;
    CHECK_OK(smelt_trainer_run_and_wait(trainer, steps));
    CHECK_OK(smelt_trainer_progress_and_wait(trainer, &progress));
    CHECK(progress.counted == steps);
    for (int i = 0; i < OUTPUTS; i++)
        sum += progress.squared_error[i] / OUTPUTS;
    return sum;
}

static void maps_are_learnt_to_the_same_bits(void)
{
    smelt_context context = device();
    static float maps[TEXELS * OUTPUTS];
    draw_maps(maps);
    struct smelt_trainer_params params = small(maps);
    smelt_trainer trainers[2];
    uint64_t size = 0;
    void *states[2], *middle = NULL;
    for (int i = 0; i < 2; i++) {
        CHECK_OK(smelt_trainer_create(context, &params, &trainers[i]));
        size = smelt_trainer_info(trainers[i]).state_size;
        CHECK((states[i] = malloc(size)) != NULL);
        if (i == 0) {
            double first = error_after(trainers[0], 10), last = 0;
            CHECK(error_after(trainers[0], 90) > 0);
            CHECK((middle = malloc(size)) != NULL);
            CHECK_OK(smelt_trainer_read_state_and_wait(trainers[0], middle, size));
            last = error_after(trainers[0], 100);
            printf("    error %g, then %g\n", first, last);
            CHECK(last < 0.05 * first);
        } else {
            CHECK_OK(smelt_trainer_write_state_and_wait(trainers[1], middle, size));
            CHECK_OK(smelt_trainer_run_and_wait(trainers[1], 100));
        }
        CHECK_OK(smelt_trainer_read_state_and_wait(trainers[i], states[i], size));
    }
    CHECK(!memcmp(states[0], states[1], size));
    for (int i = 0; i < 2; i++) {
        smelt_trainer_destroy(&trainers[i]);
        free(states[i]);
    }
    free(middle);
}

static const struct test tests[] = {
    {"maps are learnt to the same bits", maps_are_learnt_to_the_same_bits},
};

TEST_MAIN(tests)
