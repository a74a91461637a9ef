// SPDX-License-Identifier: MIT
// Steps per second of a material's training: latents of 16 channels at a quarter of the maps' size and networks
// 32-64-64-9 and 32-32-32-9, on every backend of the device, in one run.
//
// Every row is checked: after the timed steps the error must have fallen, and the same steps again, from the start, give the
// same bits.
#include "scenarios.h"

#include "bench.h"

#include <math.h>

enum { CHANNELS = 9, MOST_STEPS = 4000, PORTIONS = 5 };

struct size {
    const char *name;
    uint32_t width;
};
static const struct size networks[] = {{"32-64-64-9", 64}, {"32-32-32-9", 32}};
static const enum smelt_backend backends[] = {SMELT_BACKEND_COOPMAT2, SMELT_BACKEND_COOPMAT,
                                              SMELT_BACKEND_PORTABLE};

// The maps that compare_train.py draws, too: waves of several lengths, other ones in each channel.
static float *draw_maps(uint32_t size)
{
    float *maps = malloc((size_t)size * size * CHANNELS * sizeof(float));
    bench_require(maps != NULL, "malloc");
    for (uint32_t y = 0; y < size; y++)
        for (uint32_t x = 0; x < size; x++)
            for (uint32_t c = 0; c < CHANNELS; c++) {
                double u = 6.283185307179586 * (x + 0.5) / size, v = 6.283185307179586 * (y + 0.5) / size;
                double value = 0.5;
                for (int o = 0; o < 5; o++)
                    value += 0.09 * sin((c + 3.0) * (1 << o) * u + o * c + 2 * sin((c + 2.0) * (1 << o) * v));
                maps[((size_t)y * size + x) * CHANNELS + c] = (float)value;
            }
    return maps;
}

static double psnr(smelt_trainer trainer)
{
    struct smelt_trainer_progress progress;
    double sum = 0;
    BENCH_OK(smelt_trainer_progress_and_wait(trainer, &progress));
    for (int i = 0; i < CHANNELS; i++)
        sum += progress.squared_error[i] / CHANNELS;
    return -10 * log10(sum);
}

struct row {
    struct bench_summary seconds; // of a step
    double first, last;           // dB
    bool same;
    struct smelt_trainer_info info;
};

static void run_row(smelt_context context, const struct smelt_trainer_params *params, uint32_t steps,
                    struct row *row)
{
    void *states[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        smelt_trainer trainer = NULL;
        BENCH_OK(smelt_trainer_create(context, params, &trainer));
        row->info = smelt_trainer_info(trainer);
        BENCH_OK(smelt_trainer_run_and_wait(trainer, steps / 4)); // warm
        row->first = psnr(trainer);
        double seconds[PORTIONS];
        for (int portion = 0; portion < PORTIONS; portion++) {
            double begin = bench_now();
            BENCH_OK(smelt_trainer_run_and_wait(trainer, steps / PORTIONS));
            seconds[portion] = (bench_now() - begin) / (steps / PORTIONS);
        }
        row->seconds = bench_summarise(seconds, PORTIONS);
        psnr(trainer);
        BENCH_OK(smelt_trainer_run_and_wait(trainer, steps / 8 + 1));
        row->last = psnr(trainer);
        bench_require((states[i] = malloc(row->info.state_size)) != NULL, "malloc");
        BENCH_OK(smelt_trainer_read_state_and_wait(trainer, states[i], row->info.state_size));
        smelt_trainer_destroy(&trainer);
    }
    row->same = !memcmp(states[0], states[1], row->info.state_size);
    free(states[0]);
    free(states[1]);
}

static struct smelt_trainer_params params_of(const struct size *network, const float *maps, uint32_t size,
                                             uint32_t steps)
{
    struct smelt_trainer_params params = {
        .targets = maps,
        .source_width = size,
        .source_height = size,
        .levels = 1,
        .grids = {{size / 4, size / 4, 1, 4, 8}},
        .grid_count = 1,
        .encodings = {{.feature = SMELT_TRAINER_LATENTS}, {.feature = SMELT_TRAINER_FREQUENCY, .count = 4}},
        .encoding_count = 2,
        .layer_count = 3,
        .widths = {32, network->width, network->width, CHANNELS},
        .activations = {SMELT_ACTIVATION_RELU, SMELT_ACTIVATION_RELU, SMELT_ACTIVATION_NONE},
        .steps = 2 * steps,
        .seed = 1,
    };
    const char *samples = getenv("BENCH_TRAIN_SAMPLES"), *groups = getenv("BENCH_TRAIN_GROUPS");
    params.samples = samples ? (uint32_t)strtoul(samples, NULL, 10) : 0;
    params.groups = groups ? (uint32_t)strtoul(groups, NULL, 10) : 0;
    return params;
}

int bench_train(int argc, char **argv)
{
    struct bench_options options;
    if (!bench_parse(argc, argv, 0, &options)) {
        return bench_usage(argc, argv,
                           "usage: bench_train [--device NAME] [--quick] [--only TEXT] [--json]\n");
    }
    uint32_t size = options.quick ? 64 : 1024, steps = options.quick ? 16 : MOST_STEPS, rows = 0, wrong = 0;
    smelt_context context = bench_context(options.device);
    float *maps = draw_maps(size);
    bench_open(options.json, context);
    for (size_t n = 0; n < sizeof(networks) / sizeof(networks[0]); n++)
        for (size_t b = 0; b < sizeof(backends) / sizeof(backends[0]); b++) {
            struct smelt_trainer_params params = params_of(&networks[n], maps, size, steps);
            struct smelt_backend_choice choice;
            const struct smelt_backend_query query = {.op = SMELT_OP_MLP,
                                                      .scope = SMELT_SCOPE_SUBGROUP,
                                                      .accumulated = SMELT_DTYPE_F32,
                                                      .backend = backends[b]};
            char name[64];
            snprintf(name, sizeof(name), "%s %s", networks[n].name, smelt_backend_name(backends[b]));
            if ((options.only && !strstr(name, options.only)) ||
                smelt_backend_choose(context, &query, &choice))
                continue;
            params.backend = backends[b];
            struct row row;
            run_row(context, &params, steps, &row);
            bool good = row.same && row.last > row.first;
            wrong += !good;
            printf(options.json ? "%s{\"name\": \"%s\", \"batch\": %u, \"samples\": %u, \"groups\": %u, "
                                  "\"step_us\": %.2f, \"step_us_min\": %.2f, \"step_us_max\": %.2f, "
                                  "\"steps_per_second\": %.0f, \"psnr_first\": %.2f, "
                                  "\"psnr_last\": %.2f, \"same_bits\": %d}"
                                : "%s%-22s batch %u, %u samples x %u groups: %8.1f us a step (%.1f to %.1f), "
                                  "%7.0f steps/s, %.2f -> %.2f dB, same bits %d\n",
                   options.json && rows ? ", " : "", name, row.info.batch, row.info.samples, row.info.groups,
                   1e6 * row.seconds.median, 1e6 * row.seconds.minimum, 1e6 * row.seconds.maximum,
                   1 / row.seconds.median, row.first, row.last, row.same);
            fflush(stdout);
            rows++;
        }
    bench_close(options.json, rows, wrong, 0);
    free(maps);
    smelt_context_destroy(&context);
    return rows && !wrong ? 0 : 1;
}
