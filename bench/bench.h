// SPDX-License-Identifier: MIT
// What every benchmark shares: a summary of repeated times, and the context line that a number is worth nothing
// without.
#ifndef SMELT_BENCH_H
#define SMELT_BENCH_H

#include <smelt/smelt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench_summary {
    double median, minimum, maximum;
};

static inline int bench_compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

// Sorts the values.
static inline struct bench_summary bench_summarise(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), bench_compare);
    double median = count % 2 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
    return (struct bench_summary){.median = median, .minimum = values[0], .maximum = values[count - 1]};
}

static inline double bench_now(void) // seconds, monotonic
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Ends the program when a call that must succeed does not.
static inline void bench_require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s failed: %s\n", what, smelt_last_error());
    exit(1);
}

#define BENCH_OK(call) bench_require((call) == SMELT_OK, #call)
#define BENCH_VK(call) bench_require((call) == VK_SUCCESS, #call)

// Warnings only: who makes a failing call tells why it matters.
static inline void bench_log(void *user, enum smelt_log_level level, const char *line)
{
    (void)user;
    if (level == SMELT_LOG_WARNING)
        fprintf(stderr, "warning: %s\n", line);
}

// A device without validation, which would be measured too.
static inline smelt_context bench_context(const char *device)
{
    struct smelt_context_params params = {.device_name = device, .log = bench_log};
    smelt_context context = NULL;
    BENCH_OK(smelt_context_create(&params, &context));
    return context;
}

// Prints the usage: asked for, or because an argument is wrong. Returns the exit status, 0 or 2.
static inline int bench_usage(int argc, char **argv, const char *text)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(text, stdout);
            return 0;
        }
    fputs(text, stderr);
    return 2;
}

// What the benchmarks of rows understand (scenarios.h); `tune`, and a shape of the caller's, only where they may.
enum { BENCH_MAY_TUNE = 1, BENCH_MAY_SHAPE = 2 };
struct bench_options {
    bool json, quick, tune;
    const char *device, *only, *shape;
    enum smelt_dtype dtype; // of `shape`
    double seconds;         // start no row after so long
};

// False: print the usage.
static inline bool bench_parse(int argc, char **argv, unsigned may, struct bench_options *options)
{
    *options = (struct bench_options){.seconds = 220, .dtype = SMELT_DTYPE_F16};
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--json"))
            options->json = true;
        else if (!strcmp(argv[i], "--quick"))
            options->quick = true;
        else if (may & BENCH_MAY_TUNE && !strcmp(argv[i], "--tune"))
            options->tune = true;
        else if (next && !strcmp(argv[i], "--device"))
            options->device = argv[++i];
        else if (next && !strcmp(argv[i], "--only"))
            options->only = argv[++i];
        else if (next && may & BENCH_MAY_SHAPE && !strcmp(argv[i], "--shape"))
            options->shape = argv[++i];
        else if (next && may & BENCH_MAY_SHAPE && !strcmp(argv[i], "--dtype"))
            options->dtype = smelt_dtype_from_name(argv[++i]);
        else if (next && !strcmp(argv[i], "--seconds"))
            options->seconds = atof(argv[++i]);
        else
            return false;
    }
    return true;
}

// A string as JSON. Device names are ASCII in practice; what JSON cannot hold becomes '?'.
static inline void bench_json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
    }
    fputc('"', out);
}

// "device": ..., "driver": ..., as members of an object that is open.
static inline void bench_json_device(FILE *out, smelt_context context)
{
    const struct smelt_capabilities *c = smelt_context_capabilities(context);
    fprintf(out, "\"device\": ");
    bench_json_string(out, c->device_name);
    fprintf(out, ", \"driver\": ");
    bench_json_string(out, c->driver_name);
    fprintf(out, ", \"driver_info\": ");
    bench_json_string(out, c->driver_info);
}

static inline void bench_print_device(FILE *out, smelt_context context)
{
    const struct smelt_capabilities *c = smelt_context_capabilities(context);
    fprintf(out, "# %s, %s %s\n", c->device_name, c->driver_name, c->driver_info);
}

// What stands before and after the rows.
static inline void bench_open(bool json, smelt_context context)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!json) {
        bench_print_device(stdout, context);
        return;
    }
    printf("{");
    bench_json_device(stdout, context);
    printf(", \"rows\": [");
}

static inline void bench_close(bool json, uint32_t rows, uint32_t wrong, uint32_t skipped)
{
    if (json)
        printf("\n], \"not_run\": %u}\n", skipped);
    else
        printf("%u rows, %u wrong, %u not run for lack of time\n", rows, wrong, skipped);
}

#endif
