// SPDX-License-Identifier: MIT
// smelt material train: the phases of a training with what each of them costs, checkpoints, and the verdict.
#include "material_train.h"

#include "train_options.h"
#include "train_package.h"
#include "train_report.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Seconds between checkpoints: none before the first, then these, doubled up to the most.
static const double FIRST_PAUSE = 1, LONGEST_PAUSE = 15;

// One run: a context, the maps, a trainer.
struct run {
    const struct train_options *options;
    struct train_maps maps;
    struct train_settings settings;
    struct train_plan plan;
    smelt_context context;
    smelt_trainer trainer;
    char state_path[4096], part_path[4096];
    uint32_t steps, done;
    double start, last_line, last_checkpoint, pause;
    double error;         // mean squared, of the samples since progress was read last
    double written_error; // of those before the package was written; INFINITY: there is none
    uint32_t written_step;
    bool quiet;  // a trial: no checkpoints
    bool saved;  // a state is at state_path
    bool tuning; // behind all steps, for narrow weights
};

static volatile sig_atomic_t interrupts;

static void interrupt(int signal)
{
    (void)signal;
    interrupts = interrupts + 1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// --- A run ------------------------------------------------------------------------------------------------

// FNV-1a, from `hash` on.
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
    return hash;
}

// What a state belongs to: another plan, or other maps, cannot go on with it.
static int write_key(const struct run *r, char key[160])
{
    const struct smelt_trainer_params *p = &r->plan.params;
    cJSON *json = train_settings_tell(&r->plan.settings);
    char *plan = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!plan)
        return tool_fail("out of memory for the plan");
    const uint64_t seed = 0xcbf29ce484222325;
    uint64_t maps =
        hash_bytes(seed, r->maps.values, r->maps.texels * r->maps.outputs * sizeof(*r->maps.values));
    snprintf(key, 160, "%ux%u %s, %u outputs, plan %016llx, %u steps of %u, seed %u, maps %016llx",
             r->maps.width, r->maps.height, r->maps.clamp ? "clamped" : "repeated", r->maps.outputs,
             (unsigned long long)hash_bytes(seed, plan, strlen(plan)), p->steps, p->batch, p->seed,
             (unsigned long long)maps);
    cJSON_free(plan);
    return TOOL_OK;
}

static int save_state(struct run *r)
{
    struct smelt_trainer_info info = smelt_trainer_info(r->trainer);
    void *state = malloc(info.state_size);
    char key[160], written[64];
    int status = write_key(r, key);
    snprintf(written, sizeof(written), "%u %.17g", r->written_step, r->written_error);
    const struct smelt_metadata metadata[] = {{"training", key}, {"written", written}};
    struct smelt_package_tensor tensor = {.name = "state",
                                          .dtype = SMELT_DTYPE_U8,
                                          .rank = 1,
                                          .shape = {info.state_size},
                                          .data = state,
                                          .size = info.state_size};
    if (!status && !state)
        status = tool_fail("out of memory for the state");
    if (!status && (smelt_trainer_read_state_and_wait(r->trainer, state, info.state_size) ||
                    smelt_package_write(r->state_path, &tensor, 1, NULL, metadata, 2)))
        status = tool_fail_smelt();
    r->saved |= !status;
    free(state);
    return status;
}

static int load_state(struct run *r)
{
    smelt_package package = NULL;
    char key[160];
    int status = write_key(r, key);
    if (status)
        return status;
    if (smelt_package_open(r->state_path, &package))
        return tool_fail_smelt();
    const struct smelt_package_tensor *tensor = smelt_package_find(package, "state");
    const char *found = smelt_package_metadata(package, "training"),
               *written = smelt_package_metadata(package, "written");
    struct smelt_trainer_progress progress = {0};
    if (!tensor || !found || strcmp(found, key))
        status = tool_fail("%s is of another training: wanted \"%s\", got \"%.150s\"", r->state_path, key,
                           found ? found : "nothing");
    else if (smelt_trainer_write_state_and_wait(r->trainer, tensor->data, tensor->size) ||
             smelt_trainer_progress_and_wait(r->trainer, &progress))
        status = tool_fail_smelt();
    if (!status && (!written || sscanf(written, "%u %lf", &r->written_step, &r->written_error) != 2 ||
                    access(r->options->output, F_OK)))
        r->written_error = INFINITY; // no package to compare with
    smelt_package_close(&package);
    r->done = progress.steps;
    r->saved = !status;
    return status;
}

static int write_package(struct run *r, const char *path, uint32_t latent_bits, enum smelt_dtype weights)
{
    const struct train_options *o = r->options;
    return train_package_write(path, o->name ? o->name : o->stem, &r->maps, &r->plan, r->trainer,
                               (struct train_rounding){latent_bits, weights});
}

// The trainer, with half the batch for as long as the device has not the memory.
static int make_trainer(struct run *r)
{
    struct smelt_trainer_params *p = &r->plan.params;
    r->done = 0;
    r->saved = r->tuning = false;
    r->last_checkpoint = now();
    r->pause = 0;
    r->error = r->written_error = INFINITY;
    train_plan_set_steps(&r->plan, r->steps);
    p->targets = r->maps.values;
    p->weights = r->plan.weights;
    p->seed = r->options->seed;
    for (;; p->batch /= 2) {
        enum smelt_result result = smelt_trainer_create(r->context, p, &r->trainer);
        if (!result)
            return TOOL_OK;
        if ((result != SMELT_ERROR_OUT_OF_DEVICE_MEMORY && result != SMELT_ERROR_BUDGET) ||
            p->batch / 2 < TRAIN_LEAST_BATCH)
            return tool_fail_smelt();
        fprintf(stderr, "smelt: warning: not enough device memory for a batch of %u samples, trying %u\n",
                p->batch, p->batch / 2);
    }
}

static double mean_error(const struct train_maps *maps, const double *error)
{
    double sum = 0;
    for (uint32_t c = 0; c < maps->outputs; c++)
        sum += error[c];
    return sum / maps->outputs;
}

static void tell_progress(struct run *r, const struct smelt_trainer_progress *progress, uint32_t since)
{
    bool terminal = isatty(STDERR_FILENO);
    double t = now(), each = (t - r->start) / (r->done - since);
    r->error = mean_error(&r->maps, progress->squared_error);
    if (r->quiet || (t - r->last_line < (terminal ? 0.2 : 5) && r->done < r->steps))
        return;
    r->last_line = t;
    fprintf(stderr, "%s%3u%%  step %u of %u  loss %.6f  PSNR %.2f dB  %.0f s left%s", terminal ? "\r" : "",
            (uint32_t)(100.0 * r->done / r->steps), r->done, r->steps, r->error * r->maps.outputs,
            -10 * log10(r->error), each * (r->steps - r->done), terminal ? "   " : "\n");
    if (terminal && r->done == r->steps)
        fputc('\n', stderr);
}

// What it takes to go on, and the package, unless the one that is there comes from steps with a smaller error.
static int checkpoint(struct run *r)
{
    int status = TOOL_OK;
    if (r->error <= r->written_error) {
        status = write_package(r, r->options->output, 4, r->plan.settings.weights);
        r->written_step = r->done;
        r->written_error = r->error;
    }
    if (!status)
        status = save_state(r);
    r->last_checkpoint = now();
    r->pause = fmin(fmax(2 * r->pause, FIRST_PAUSE), LONGEST_PAUSE);
    return status;
}

// Steps up to `until`, in portions of about a fifth of a second; stops early when interrupted.
static int train_until(struct run *r, uint32_t until)
{
    uint32_t portion = 8, since = r->done;
    r->start = now();
    while (r->done < until && !interrupts) {
        double before = now();
        uint32_t count = until - r->done < portion ? until - r->done : portion;
        struct smelt_trainer_progress progress;
        enum smelt_result result = smelt_trainer_run_and_wait(r->trainer, count);
        if (!result)
            result = smelt_trainer_progress_and_wait(r->trainer, &progress);
        if (result)
            return tool_fail_smelt();
        r->done += count;
        tell_progress(r, &progress, since);
        double took = now() - before;
        portion = took < 0.1 ? portion * 2 : took > 0.4 && portion > 1 ? portion / 2 : portion;
        int status = !r->quiet && now() - r->last_checkpoint > r->pause ? checkpoint(r) : TOOL_OK;
        if (status)
            return status;
    }
    return TOOL_OK;
}

// --- What each step of rounding costs ---------------------------------------------------------------------

static int score_of(struct run *r, uint32_t latent_bits, enum smelt_dtype weights, double *psnr)
{
    struct train_score score;
    int status = write_package(r, r->part_path, latent_bits, weights);
    if (!status)
        status = train_score_package(&r->maps, r->part_path, r->options->device, &score);
    remove(r->part_path);
    *psnr = status ? 0 : train_psnr(&score, 0, 0, r->maps.outputs);
    return status;
}

static int tell_score(struct run *r, const char *what, uint32_t latent_bits, enum smelt_dtype weights,
                      double *last)
{
    double psnr;
    if (r->quiet)
        return TOOL_OK;
    int status = score_of(r, latent_bits, weights, &psnr);
    if (!status && *last > 0)
        printf("  %-44s %6.2f dB  %+.2f\n", what, psnr, psnr - *last);
    else if (!status)
        printf("  %-44s %6.2f dB\n", what, psnr);
    *last = psnr;
    return status;
}

// A tenth of the steps again, for the network to live with narrow weights. They are no part of a state: what was stopped among
// them goes on from their first.
static int fine_tune(struct run *r)
{
    const float rate = 5e-4F;
    uint32_t left = r->steps / 10 ? r->steps / 10 : 1;
    int status = r->quiet ? TOOL_OK : save_state(r);
    r->tuning = true;
    if (!status &&
        smelt_trainer_fine_tune_and_wait(r->trainer, r->plan.settings.weights, rate, rate / 100, left))
        status = tool_fail_smelt();
    for (uint32_t count; left && !status && !interrupts; left -= count) {
        count = left < 64 ? left : 64;
        if (smelt_trainer_run_and_wait(r->trainer, count))
            status = tool_fail_smelt();
    }
    return status;
}

// The phases: noise of the latents' rounding, latents rounded, and weights rounded to what the package has.
static int train_phases(struct run *r)
{
    uint32_t noisy = r->steps - r->plan.params.frozen_steps;
    enum smelt_dtype weights = r->plan.settings.weights;
    double last = 0;
    int status = train_until(r, noisy);
    if (!status && !interrupts && r->done <= noisy) {
        status = tell_score(r, "trained", 8, SMELT_DTYPE_F32, &last);
        if (!status)
            status = tell_score(r, "latents of 4 bits", 4, SMELT_DTYPE_F32, &last);
    }
    if (!status)
        status = train_until(r, r->steps);
    if (status || interrupts)
        return status;
    status = tell_score(r, "the network tuned to them", 4, SMELT_DTYPE_F32, &last);
    if (!status)
        status = tell_score(r, "weights of f16", 4, SMELT_DTYPE_F16, &last);
    if (status || weights == SMELT_DTYPE_F16)
        return status;
    status = tell_score(r, weights == SMELT_DTYPE_I8 ? "weights of i8" : "weights of f8", 4, weights, &last);
    if (!status)
        status = fine_tune(r);
    return status ? status : tell_score(r, "the network tuned to them", 4, weights, &last);
}

// Behind the message of what ended a training: a lost device, a full disk.
static void tell_what_is_left(const struct run *r)
{
    if (r->saved)
        fprintf(stderr,
                "smelt: it ended at step %u: %s is the best package so far, of step %u, and --resume goes on "
                "from the last checkpoint\n",
                r->done, r->options->output, r->written_step);
    else
        fprintf(stderr, "smelt: it ended at step %u, before the first checkpoint: nothing was written\n",
                r->done);
}

// What a package cannot hold, a channel's name for one, is told before the first step.
static int try_package(struct run *r)
{
    const struct smelt_material_params params = {.path = r->part_path, .description_only = true};
    smelt_material material = NULL;
    int status = write_package(r, r->part_path, 4, r->plan.settings.weights);
    if (!status && smelt_material_create(NULL, &params, &material))
        status = tool_fail_smelt();
    smelt_material_destroy(&material);
    remove(r->part_path);
    return status;
}

// One training to a package at `path`; `status` of an interrupted one is OK too.
static int train(struct run *r, const char *path)
{
    int status = make_trainer(r);
    if (!status)
        status = try_package(r);
    if (!status && r->options->resume)
        status = load_state(r);
    if (!status)
        status = train_phases(r);
    if (!status && interrupts && !r->done)
        status = tool_fail("stopped before the first step: nothing was written");
    else if (!status && interrupts && !r->quiet && !r->tuning)
        status = checkpoint(r);
    else if (!status) {
        status = write_package(r, path, 4, r->plan.settings.weights);
        r->written_step = r->done;
    }
    if (status && !r->quiet && r->done)
        tell_what_is_left(r);
    smelt_trainer_destroy(&r->trainer);
    return status;
}

// --- The verdict ------------------------------------------------------------------------------------------

static void tell_channels(const struct run *r, const struct train_score *ours, const struct train_score *bc7)
{
    const struct train_maps *maps = &r->maps;
    printf("  %-24s %9s %9s\n", "PSNR in dB, as stored", "this", "BC7");
    for (uint32_t i = 0; i < maps->count; i++)
        printf("  %-24s %9.2f %9.2f\n", maps->maps[i].name,
               train_psnr(ours, 0, maps->maps[i].first, maps->maps[i].count),
               train_psnr(bc7, 0, maps->maps[i].first, maps->maps[i].count));
    if (ours->hue >= 0)
        printf("  %-24s %9.5f %9.5f\n", "hue, error in Oklab", ours->hue, bc7->hue);
    for (uint32_t l = 0; l < maps->levels; l++) {
        char what[32] = "all";
        if (l)
            snprintf(what, sizeof(what), "all, mip %u", l);
        printf("  %-24s %9.2f %9.2f\n", what, train_psnr(ours, l, 0, maps->outputs),
               train_psnr(bc7, l, 0, maps->outputs));
    }
}

static int tell_verdict(struct run *r)
{
    struct train_score ours, bc7, full;
    uint64_t size = r->plan.size, full_size = 0;
    double texels = (double)r->maps.width * r->maps.height;
    int status = train_score_package(&r->maps, r->options->output, r->options->device, &ours);
    if (!status)
        status = train_score_bc7(r->context, &r->maps, &size, &bc7);
    if (!status)
        status = train_score_bc7(r->context, &r->maps, &full_size, &full);
    if (status)
        return status;
    tell_channels(r, &ours, &bc7);
    double psnr = train_psnr(&ours, 0, 0, r->maps.outputs), other = train_psnr(&bc7, 0, 0, r->maps.outputs);
    double frame = ours.time * 1920 * 1080 * 1e-6;
    int digits = frame < 1 ? 3 : frame < 100 ? 1 : 0;
    printf("%s: %llu bytes of tensors, %.2f bits per texel; %llu on the device; %.2f dB; %.*f ms for "
           "1920x1080 on %s\n",
           r->options->output, (unsigned long long)r->plan.size, r->plan.bits_per_texel,
           (unsigned long long)ours.device_size, psnr, digits, frame,
           smelt_context_capabilities(r->context)->device_name);
    printf(
        "BC7 beside it: %llu bytes, %.2f bits per texel: %.2f dB; full size %llu bytes, %.2f bits: %.2f dB\n",
        (unsigned long long)size, 8 * (double)size / texels, other, (unsigned long long)full_size,
        8 * (double)full_size / texels, train_psnr(&full, 0, 0, r->maps.outputs));
    if (psnr < other + 0.5)
        printf("verdict: keep BC7: as many bytes of it are %s (%+.2f dB)\n",
               psnr < other ? "better" : "as good", other - psnr);
    else if (frame > 4)
        printf("verdict: keep BC7 on this device, or decode the material when it is loaded: it is %.2f dB "
               "better than as many "
               "bytes of BC7, but %.*f ms for a frame is too slow\n",
               psnr - other, digits, frame);
    else
        printf("verdict: use it: %.2f dB better than as many bytes of BC7, at %.*f ms for a frame\n",
               psnr - other, digits, frame);
    return TOOL_OK;
}

// --- Rates ------------------------------------------------------------------------------------------------

// The fewest bits of a ladder whose short training comes as near as the rest of a long one may bring it.
static int find_bits(struct run *r)
{
    static const double ladder[] = {1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32};
    const double still = 0.7; // dB from a quarter of the steps to all
    uint32_t low = 0, high = sizeof(ladder) / sizeof(ladder[0]), all = r->steps;
    r->quiet = true;
    r->steps = all / 4 ? all / 4 : 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        double psnr = 0;
        r->settings.bits_per_texel = ladder[middle];
        int status = train_plan_make(&r->plan, &r->maps, &r->settings);
        if (status == TOOL_USAGE) {
            low = middle + 1; // it said so; more bits hold the network
            continue;
        }
        if (!status)
            status = train(r, r->part_path);
        struct train_score score;
        if (!status && !interrupts)
            status = train_score_package(&r->maps, r->part_path, r->options->device, &score);
        remove(r->part_path);
        if (!status && interrupts)
            status = tool_fail("stopped in a trial of --target-psnr: nothing was written");
        if (status)
            return status;
        psnr = train_psnr(&score, 0, 0, r->maps.outputs);
        fprintf(stderr, "%g bits per texel: %.2f dB after %u steps\n", ladder[middle], psnr, r->steps);
        if (psnr + still >= r->options->target_psnr)
            high = middle;
        else
            low = middle + 1;
    }
    r->quiet = false;
    r->steps = all;
    if (low == sizeof(ladder) / sizeof(ladder[0]))
        return tool_fail("--target-psnr %g: %g bits per texel do not reach it", r->options->target_psnr,
                         ladder[low - 1]);
    r->settings.bits_per_texel = ladder[low];
    return TOOL_OK;
}

static int open_device(struct run *r)
{
    struct smelt_context_params params = {.device_name = r->options->device,
                                          .memory_budget = (uint64_t)r->options->memory << 20};
    if (tool_context_with(&params, &r->context))
        return tool_fail_smelt();
    if (!smelt_context_capabilities(r->context)->compiler)
        return tool_fail(
            "training compiles shaders, but this build has no GLSL compiler (-Dcompiler=disabled)");
    bool cpu = smelt_context_capabilities(r->context)->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    struct train_settings *s = &r->settings;
    s->steps = s->steps ? s->steps : cpu ? 2400 : 60000;
    s->batch = s->batch ? s->batch : cpu ? 2048 : 32768;
    r->steps = s->steps;
    return TOOL_OK;
}

// The defaults, over them what the plan's file says, over that the options.
static int settle(struct run *r)
{
    const struct train_options *o = r->options;
    struct train_settings *s = &r->settings;
    *s = train_settings_default();
    int status = o->plan ? train_settings_read(s, o->plan) : TOOL_OK;
    if (!status && s->latents[0].width && (o->bits_per_texel > 0 || o->target_psnr > 0))
        status = tool_usage_error(
            "%s has the extents of latents: wanted neither --bits-per-texel nor --target-psnr", o->plan);
    s->bits_per_texel = o->bits_per_texel > 0 ? o->bits_per_texel : s->bits_per_texel;
    s->weights = o->weights ? o->weights : s->weights;
    s->steps = o->steps ? o->steps : s->steps;
    s->batch = o->batch ? o->batch : s->batch;
    return status;
}

static int print_plan(const struct run *r)
{
    cJSON *plan = train_settings_tell(&r->plan.settings);
    if (!plan)
        return tool_fail("out of memory for the plan");
    tool_print_json(plan);
    fprintf(stderr, "%.2f bits per texel, %u steps of %u samples\n", r->plan.bits_per_texel,
            r->plan.settings.steps, r->plan.settings.batch);
    return TOOL_OK;
}

// No file that is written is one that is read, or another that is written.
static int check_files(const struct run *r)
{
    const struct train_options *o = r->options;
    const char *const written[] = {o->output, r->state_path, r->part_path, o->preview};
    int status = TOOL_OK;
    for (uint32_t i = 0; i < 4 && written[i] && !status; i++) {
        status = tool_check_apart(written[i], o->gltf);
        if (!status)
            status = tool_check_apart(written[i], o->plan);
        for (uint32_t m = 0; m < r->maps.count && !status; m++)
            status = tool_check_apart(written[i], r->maps.maps[m].file);
        for (uint32_t j = 0; j < i && !status; j++)
            status = tool_check_apart(written[i], written[j]);
        if (!status)
            status = tool_check_output(written[i]);
    }
    return status;
}

static int run_all(struct run *r)
{
    const struct train_options *o = r->options;
    int status = settle(r);
    if (!status && !o->print_plan)
        status = check_files(r); // before a glTF file is read, which names others
    if (!status && o->gltf)
        status = train_maps_from_gltf(&r->maps, o->gltf, o->material);
    if (!status && !o->print_plan)
        status = check_files(r);
    for (uint32_t i = 0; i < r->maps.count; i++)
        r->maps.maps[i].y_down = r->maps.maps[i].semantic == SMELT_SEMANTIC_NORMAL && o->normal_down;
    if (!status)
        status = train_maps_load(&r->maps);
    if (!status)
        status = open_device(r);
    if (!status && o->target_psnr > 0)
        status = find_bits(r);
    if (!status)
        status = train_plan_make(&r->plan, &r->maps, &r->settings);
    if (!status && o->print_plan)
        return print_plan(r);
    if (!status)
        status = train(r, o->output);
    if (status)
        return status;
    if (interrupts) {
        printf("stopped at step %u of %u: %s is the best package so far, of step %u; --resume goes on\n",
               r->done, r->steps, o->output, r->written_step);
    } else {
        remove(r->state_path);
        status = tell_verdict(r);
    }
    if (!status && o->preview)
        status = train_preview(&r->maps, o->output, o->device, o->preview);
    return status;
}

int material_train(int argc, char **argv)
{
    struct train_options options = {0};
    struct run run = {.options = &options};
    int status = train_options_parse(argc, argv, &options, &run.maps);
    if (!status && options.output) {
        const char *slash = strrchr(options.output, '/');
        slash = slash ? slash + 1 : options.output;
        snprintf(options.stem, sizeof(options.stem), "%s", slash);
        size_t length = strlen(options.stem);
        while (length && ((unsigned char)slash[length] & 0xc0) == 0x80) // not in the middle of a character
            options.stem[--length] = 0;
        options.stem[strcspn(options.stem, ".")] = 0;
        if (snprintf(run.state_path, sizeof(run.state_path), "%s.state", options.output) >=
                (int)sizeof(run.state_path) ||
            snprintf(run.part_path, sizeof(run.part_path), "%s.part", options.output) >=
                (int)sizeof(run.part_path))
            status = tool_usage_error("-o: the path is too long");
    }
    if (!status) {
        struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND}, before;
        sigaction(SIGINT, &action, &before); // a second Ctrl-C ends the program as it always does
        status = run_all(&run);
        sigaction(SIGINT, &before, NULL);
    }
    smelt_trainer_destroy(&run.trainer);
    smelt_context_destroy(&run.context);
    train_maps_release(&run.maps);
    return status;
}
