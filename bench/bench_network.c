// SPDX-License-Identifier: MIT
// Whole networks: GPU time of a dispatch at batch 1, in f16, with the outputs compared to a run that stores f32 and takes the
// PORTABLE kernels. bench/compare_network.py puts its figures beside PyTorch's.
#include "gpu.h"

#include <getopt.h>
#include <math.h>

#define BATCHES 7
#define BATCH_NS 8e6   // at least, of each batch
#define WARM_NS 1000e6 // until the clocks are up
#define PSNR 30        // dB that an output reaches at least

struct network {
    smelt_network network;
    const struct smelt_network_info *info;
    smelt_tensor *tensors; // inputs, then outputs
    smelt_heap heap;
    struct smelt_network_argument *arguments;
    struct smelt_network_dispatch dispatch;
    double made_s;
};

struct options {
    bool json, quick, f32, tune, start;
    const char *device;
    enum smelt_backend backend;
};

static uint64_t count_of(const struct smelt_network_binding *binding)
{
    uint64_t count = 1;
    for (uint32_t d = 0; d < binding->rank; d++)
        count *= binding->shape[d];
    return count;
}

static void *allocate(size_t size)
{
    void *memory = calloc(size ? size : 1, 1);
    bench_require(memory != NULL, "calloc");
    return memory;
}

// The same numbers from 0 to 1 for every network.
static void fill(smelt_tensor tensor, const struct smelt_network_binding *binding)
{
    uint64_t count = count_of(binding), size = smelt_dtype_size(binding->dtype, count);
    float *numbers = allocate(count * sizeof(*numbers));
    void *data = allocate(size);
    uint32_t x = 12345;
    for (uint64_t i = 0; i < count; i++) {
        x ^= x << 13; // xorshift32, G. Marsaglia
        x ^= x >> 17;
        x ^= x << 5;
        numbers[i] = (float)(x >> 22) / 1024; // exact in f16
    }
    BENCH_OK(smelt_dtype_convert(binding->dtype, data, SMELT_DTYPE_F32, numbers, count));
    BENCH_OK(smelt_tensor_write_and_wait(tensor, NULL, data, size));
    free(numbers);
    free(data);
}

static void create(smelt_context context, smelt_package package, enum smelt_dtype storage,
                   enum smelt_backend backend, bool tune, struct network *n)
{
    const struct smelt_network_params params = {.storage = storage, .backend = backend, .tune = tune};
    double began = bench_now();
    *n = (struct network){0};
    BENCH_OK(smelt_network_create(context, package, &params, &n->network));
    n->made_s = bench_now() - began;
    n->info = smelt_network_info(n->network);
    uint32_t count = n->info->input_count + n->info->output_count;
    n->tensors = allocate(count * sizeof(smelt_tensor));
    n->arguments = allocate(count * sizeof(*n->arguments));
    for (uint32_t i = 0; i < count; i++) {
        const struct smelt_network_binding *b =
            i < n->info->input_count ? &n->info->inputs[i] : &n->info->outputs[i - n->info->input_count];
        struct smelt_tensor_params tensor = {.dtype = b->dtype, .rank = b->rank, .name = b->name};
        memcpy(tensor.shape, b->shape, sizeof(tensor.shape[0]) * b->rank);
        BENCH_OK(smelt_tensor_create(context, &tensor, &n->tensors[i]));
        if (i < n->info->input_count)
            fill(n->tensors[i], b);
        n->arguments[i] = (struct smelt_network_argument){.name = b->name, .tensor = n->tensors[i]};
    }
    const struct smelt_heap_params heap = {.size = n->info->intermediates_size, .name = "intermediates"};
    if (heap.size)
        BENCH_OK(smelt_heap_create(context, &heap, &n->heap));
    n->dispatch =
        (struct smelt_network_dispatch){.arguments = n->arguments, .argument_count = count, .heap = n->heap};
}

static void destroy(struct network *n)
{
    for (uint32_t i = 0; i < n->dispatch.argument_count; i++)
        smelt_tensor_destroy(&n->tensors[i]);
    free(n->tensors);
    free(n->arguments);
    smelt_network_destroy(&n->network);
    smelt_heap_destroy(&n->heap);
}

static void record(void *user, smelt_encoder encoder)
{
    const struct network *n = user;
    BENCH_OK(smelt_encoder_dispatch_network(encoder, n->network, &n->dispatch));
}

static void run(struct gpu *gpu, const struct network *n)
{
    gpu_begin(gpu);
    BENCH_OK(smelt_encoder_dispatch_network(gpu->encoder, n->network, &n->dispatch));
    gpu_submit_and_wait(gpu);
}

static float *read_output(const struct network *n, uint32_t output, uint64_t *count)
{
    const struct smelt_network_binding *b = &n->info->outputs[output];
    *count = count_of(b);
    uint64_t size = smelt_dtype_size(b->dtype, *count);
    void *data = allocate(size);
    float *numbers = allocate(*count * sizeof(*numbers));
    BENCH_OK(smelt_tensor_read_and_wait(n->tensors[n->info->input_count + output], NULL, data, size));
    BENCH_OK(smelt_dtype_convert(SMELT_DTYPE_F32, numbers, b->dtype, data, *count));
    free(data);
    return numbers;
}

// The least PSNR of the outputs, against the range of the reference's. Infinite where they are equal, at most 999 here.
static double compare(const struct network *n, const struct network *reference)
{
    double least = 999;
    for (uint32_t o = 0; o < n->info->output_count; o++) {
        uint64_t count;
        float *got = read_output(n, o, &count), *wanted = read_output(reference, o, &count);
        double error = 0, low = INFINITY, high = -INFINITY;
        for (uint64_t i = 0; i < count; i++) {
            error += ((double)got[i] - wanted[i]) * ((double)got[i] - wanted[i]);
            low = fmin(low, wanted[i]);
            high = fmax(high, wanted[i]);
        }
        double psnr = 10 * log10((high - low) * (high - low) * (double)count / error);
        if (error > 0 || isnan(error))
            least = psnr < least ? psnr : isnan(psnr) ? -999 : least;
        free(got);
        free(wanted);
    }
    return least;
}

static void print(const struct options *options, const char *path, const struct network *n,
                  struct bench_summary ns, double psnr, bool first)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *end = strstr(name, ".safetensors");
    int length = end ? (int)(end - name) : (int)strlen(name);
    const char *storage = smelt_dtype_name(n->info->storage);
    if (!options->json) {
        printf("%-28.*s %s  %10.1f us (%.1f to %.1f)  %u dispatches, %.2f MB of weights, %.2f MB of "
               "intermediates  "
               "made in %.2f s  %.1f dB%s\n",
               length, name, storage, ns.median / 1000, ns.minimum / 1000, ns.maximum / 1000,
               n->info->dispatch_count, (double)n->info->weights_size / 1e6,
               (double)n->info->intermediates_size / 1e6, n->made_s, psnr, psnr < PSNR ? " WRONG" : "");
        return;
    }
    printf(
        "%s\n  {\"network\": \"%.*s\", \"storage\": \"%s\", \"ns\": %.0f, \"ns_least\": %.0f, \"ns_most\": "
        "%.0f, "
        "\"dispatches\": %u, \"weights\": %llu, \"intermediates\": %llu, \"made_s\": %.3f, \"psnr\": %.1f}",
        first ? "" : ",", length, name, storage, ns.median, ns.minimum, ns.maximum, n->info->dispatch_count,
        (unsigned long long)n->info->weights_size, (unsigned long long)n->info->intermediates_size, n->made_s,
        psnr);
}

static bool run_package(struct gpu *gpu, const struct options *options, const char *path, bool first)
{
    smelt_package package = NULL;
    struct network n, reference;
    double ns[BATCHES];
    bool cpu = smelt_context_capabilities(gpu->context)->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    BENCH_OK(smelt_package_open(path, &package));
    create(gpu->context, package, options->f32 ? SMELT_DTYPE_F32 : SMELT_DTYPE_F16, options->backend,
           options->tune, &n);
    create(gpu->context, package, SMELT_DTYPE_F32, SMELT_BACKEND_PORTABLE, false, &reference);
    run(gpu, &reference);
    run(gpu, &n);
    double psnr = compare(&n, &reference);
    destroy(&reference);
    gpu_time(gpu, record, &n, 1, 1, ns);
    bool brief = cpu || options->quick;
    uint32_t repeats = brief ? 1 : (uint32_t)fmin(fmax(BATCH_NS / fmax(ns[0], 1), 1), 200);
    for (double warm = 0; !brief && warm < WARM_NS; warm += ns[0] * repeats)
        gpu_time(gpu, record, &n, repeats, 1, ns);
    gpu_time(gpu, record, &n, repeats, BATCHES, ns);
    print(options, path, &n, bench_summarise(ns, BATCHES), psnr, first);
    destroy(&n);
    smelt_package_close(&package);
    return psnr >= PSNR;
}

// How long a program that does nothing else takes until it has a result: `began` is when it began, context_s what its
// context took. The network is made twice, the second time with all kernels there.
static void print_start(struct gpu *gpu, const struct options *options, const char *path, double began,
                        double context_s)
{
    smelt_package package = NULL;
    struct network n, again;
    double at = bench_now();
    BENCH_OK(smelt_package_open(path, &package));
    double opened = bench_now();
    create(gpu->context, package, options->f32 ? SMELT_DTYPE_F32 : SMELT_DTYPE_F16, options->backend,
           options->tune, &n);
    double created = bench_now();
    run(gpu, &n);
    double ran = bench_now();
    run(gpu, &n);
    double second = bench_now();
    create(gpu->context, package, options->f32 ? SMELT_DTYPE_F32 : SMELT_DTYPE_F16, options->backend,
           options->tune, &again);
    printf("%s: %.1f ms: context %.1f, package %.1f, network %.1f (%.1f with its kernels there), tensors and "
           "inputs %.1f, first run %.1f (second %.1f)\n",
           path, (ran - began) * 1e3, context_s * 1e3, (opened - at) * 1e3, n.made_s * 1e3,
           again.made_s * 1e3, (created - opened - n.made_s) * 1e3, (ran - created) * 1e3,
           (second - ran) * 1e3);
    destroy(&again);
    destroy(&n);
    smelt_package_close(&package);
}

// With --tune what was chosen, with --start what took how long, too.
static void log_line(void *user, enum smelt_log_level level, const char *line)
{
    const struct options *options = user;
    if (level == SMELT_LOG_WARNING || (options->tune && !strncmp(line, "tuning", 6)) ||
        (options->start && !strncmp(line, "time", 4)))
        fprintf(stderr, "# %s\n", line);
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option list[] = {{"json", no_argument, NULL, 'j'},
                                         {"quick", no_argument, NULL, 'q'},
                                         {"f32", no_argument, NULL, 'f'},
                                         {"portable", no_argument, NULL, 'p'},
                                         {"tune", no_argument, NULL, 't'},
                                         {"start", no_argument, NULL, 's'},
                                         {"device", required_argument, NULL, 'd'},
                                         {"help", no_argument, NULL, 'h'},
                                         {0}};
    int option;
    *options = (struct options){0};
    while ((option = getopt_long(argc, argv, "h", list, NULL)) >= 0) {
        options->json |= option == 'j';
        options->quick |= option == 'q';
        options->f32 |= option == 'f';
        options->tune |= option == 't';
        options->start |= option == 's';
        if (option == 'p')
            options->backend = SMELT_BACKEND_PORTABLE;
        if (option == 'd')
            options->device = optarg;
        if (option == '?' || option == 'h')
            return false;
    }
    return optind < argc;
}

int main(int argc, char **argv)
{
    static struct gpu gpu;
    struct options options;
    double began = bench_now();
    if (!parse(argc, argv, &options)) {
        return bench_usage(argc, argv,
                           "usage: bench_network [--json] [--quick] [--f32] [--portable] [--tune] [--start]\n"
                           "                     [--device NAME] PACKAGE...\n"
                           "  --f32       store f32, not f16\n"
                           "  --portable  PORTABLE kernels only\n"
                           "  --tune      kernels by timing (smelt_network_params.tune)\n"
                           "  --start     how long the first package takes from nothing to a result\n");
    }
    const struct smelt_context_params params = {
        .device_name = options.device,
        .log = log_line,
        .log_user = &options,
        .log_level = options.tune || options.start ? SMELT_LOG_DEBUG : SMELT_LOG_WARNING};
    smelt_context made = NULL;
    BENCH_OK(smelt_context_create(&params, &made));
    double context_s = bench_now() - began;
    gpu_create(&gpu, made);
    uint32_t wrong = 0;
    if (options.start) {
        print_start(&gpu, &options, argv[optind], began, context_s);
    } else {
        bench_open(options.json, gpu.context);
        for (int i = optind; i < argc; i++)
            wrong += !run_package(&gpu, &options, argv[i], i == optind);
        bench_close(options.json, (uint32_t)(argc - optind), wrong, 0);
    }
    smelt_context context = gpu.context;
    gpu_destroy(&gpu);
    smelt_context_destroy(&context);
    return wrong > 0;
}
