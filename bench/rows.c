// SPDX-License-Identifier: MIT
// Rows of a benchmark on one device.
#include "rows.h"

#include <math.h>

enum { BATCHES = 7, MOST_REPEATS = 10000, NO_RESULT = 12345 };

void rows_open(struct rows *rows)
{
    gpu_create(&rows->gpu, bench_context(rows->options.device));
    rows->gpu.stages = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT; // nothing else is recorded
    rows->cpu = smelt_context_capabilities(rows->gpu.context)->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    rows->start = bench_now();
    bench_open(rows->options.json, rows->gpu.context);
}

int rows_close(struct rows *rows)
{
    bench_close(rows->options.json, rows->done, rows->wrong, rows->skipped);
    smelt_context context = rows->gpu.context;
    gpu_destroy(&rows->gpu);
    smelt_context_destroy(&context);
    return rows->wrong || !rows->done;
}

bool rows_wants(struct rows *rows, const char *name)
{
    if (rows->options.only && !strstr(name, rows->options.only))
        return false;
    bool late = bench_now() - rows->start > rows->options.seconds;
    rows->skipped += late;
    return !late;
}

// How many calls, of which one takes `once`, fill `ns`.
static uint32_t repeats_of(double ns, double once, uint32_t most)
{
    return (uint32_t)fmin(fmax(ns / fmax(once, 1), 1), most);
}

struct bench_summary rows_time(struct rows *rows, gpu_record record, void *user, smelt_tensor result,
                               double warm_ns, double batch_ns)
{
    double ns[BATCHES];
    gpu_commit_fill(&rows->gpu, result, NO_RESULT); // what a row before it left must not pass
    gpu_time(&rows->gpu, record, user, 1, 1, ns);
    uint32_t repeats = rows->cpu ? 1 : repeats_of(batch_ns, ns[0], MOST_REPEATS);
    uint32_t batches = rows->cpu ? repeats_of(1e9, ns[0], BATCHES) : BATCHES;
    if (!rows->cpu && !rows->options.quick)
        gpu_time(&rows->gpu, record, user, repeats_of(warm_ns, ns[0], MOST_REPEATS), 1, ns);
    gpu_time(&rows->gpu, record, user, repeats, batches, ns);
    return bench_summarise(ns, batches);
}

void rows_count(struct rows *rows, double error)
{
    rows->wrong += !(error <= 1);
    rows->done++;
}

void rows_fill_noise(float *noise)
{
    uint32_t x = 12345;
    for (uint32_t i = 0; i < ROWS_NOISE; i++) {
        x ^= x << 13; // xorshift32, G. Marsaglia
        x ^= x >> 17;
        x ^= x << 5;
        noise[i] = (float)(x >> 22) / 512 - 1; // exact in f16
    }
}
