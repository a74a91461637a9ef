// SPDX-License-Identifier: MIT
// What benchmarks of rows share: the device and the options, what a row's name must hold and until when one is started, how
// long a call is timed, noise for operands, and what stands before and after the rows.
#ifndef SMELT_BENCH_ROWS_H
#define SMELT_BENCH_ROWS_H

#include "gpu.h"

enum { ROWS_NOISE = 65521 }; // values before they repeat: a prime, so that lines of operands differ

struct rows {
    struct bench_options options;
    struct gpu gpu;
    bool cpu;
    double start;
    uint32_t done, skipped, wrong; // done: the number of the row that is printed
};

// Opens the device of the options and prints what stands before the rows.
void rows_open(struct rows *rows);
// Prints what stands after them. Returns the exit status: 1 where a row was wrong or there was none.
int rows_close(struct rows *rows);
// Whether a row of this name is asked for and there is time for it.
bool rows_wants(struct rows *rows, const char *name);
// Times `record`, whose result is `result`, which is wrong everywhere before: once, then for `warm_ns`, until clocks are up, then
// 7 batches of at least `batch_ns`, for the clock and the caches to settle; on a software device, which needs neither, as
// many calls as a second holds, and 1 to 7.
struct bench_summary rows_time(struct rows *rows, gpu_record record, void *user, smelt_tensor result,
                               double warm_ns, double batch_ns);
// After a row was printed: `error` in multiples of its bound.
void rows_count(struct rows *rows, double error);

// ROWS_NOISE numbers that f16 holds, in [-1, 1).
void rows_fill_noise(float *noise);

#endif
