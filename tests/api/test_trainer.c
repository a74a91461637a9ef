// SPDX-License-Identifier: MIT
// Training of a material by smelt_trainer: gradients of latents against differences of the error, maps that are learnt, the same bits
// twice, after a state was written back and in slices, latents that end as their quantisation says, devices that fail, and
// what is refused.
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
        .level_fractional = {0.2F, 0.4F},
        .grids = {{8, 8, 2, 1, 8}, {4, 4, 1, 1, 4, .taps = 4, .fade = 1.5F, .until = 1.75F}},
        .grid_count = 2,
        .encodings = {{.feature = SMELT_TRAINER_LATENTS},
                      {.feature = SMELT_TRAINER_FREQUENCY, .count = 2, .fade = 2},
                      {.feature = SMELT_TRAINER_LOD, .scale = 0.5F}},
        .encoding_count = 3,
        .layer_count = 3,
        .widths = {29, 16, 16, OUTPUTS},
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
        params.slice = i ? 1e-4F : 0; // the second takes its steps in as many dispatches as there can be
        CHECK_OK(smelt_trainer_create(context, &params, &trainers[i]));
        CHECK(smelt_trainer_info(trainers[i]).pieces == 0);
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
        struct smelt_trainer_info info = smelt_trainer_info(trainers[i]);
        CHECK(info.groups > 1 && info.pieces == (i ? info.groups : 1));
        CHECK_OK(smelt_trainer_read_state_and_wait(trainers[i], states[i], size));
    }
    CHECK(!memcmp(states[0], states[1], size));
    for (int i = 0; i < 2; i++) {
        smelt_trainer_destroy(&trainers[i]);
        free(states[i]);
    }
    free(middle);
}

static void latents_and_weights_end_as_they_are_stored(void)
{
    smelt_context context = device();
    static float maps[TEXELS * OUTPUTS], before[8 * 8 * 4], after[8 * 8 * 4];
    draw_maps(maps);
    struct smelt_trainer_params params = small(maps);
    params.backend = SMELT_BACKEND_PORTABLE;
    smelt_trainer trainer = NULL;
    CHECK_OK(smelt_trainer_create(context, &params, &trainer));
    smelt_tensor image = smelt_trainer_tensor(trainer, SMELT_TRAINER_LATENT_IMAGE, 0, 0);
    CHECK(image != NULL && smelt_trainer_tensor(trainer, SMELT_TRAINER_LATENT_IMAGE, 1, 1) == NULL);
    double learnt = 0, frozen = 0, tuned = 0;
    CHECK(error_after(trainer, 100) > 0);
    learnt = error_after(trainer, 80);
    CHECK_OK(smelt_tensor_read_and_wait(image, NULL, before, sizeof(before)));
    frozen = error_after(trainer, 20); // the frozen ones
    CHECK_OK(smelt_tensor_read_and_wait(image, NULL, after, sizeof(after)));
    CHECK(!memcmp(before, after, sizeof(after)));
    CHECK(frozen < 2 * learnt);
    CHECK_OK(smelt_trainer_fine_tune_and_wait(trainer, SMELT_DTYPE_I8, 0.002F, 0.0001F, 40));
    CHECK(error_after(trainer, 20) > 0);
    tuned = error_after(trainer, 20);
    printf("    error %g, frozen %g, of i8 weights %g\n", learnt, frozen, tuned);
    CHECK(tuned < 2 * learnt);
    smelt_trainer_destroy(&trainer);
}

enum { FINE = (8 * 8 + 4 * 4) * 4, ALL = FINE + 4 * 4 * 4 }; // latents of small()'s first grid, and of both

// The summed error of a first step from latents that lie by `offsets` from where they begin; what Adam's first moment is then.
static double first_step(const struct smelt_trainer_params *params, const float *offsets, float *moments)
{
    smelt_trainer trainer = NULL;
    CHECK_OK(smelt_trainer_create(test_context(), params, &trainer));
    struct smelt_trainer_info info = smelt_trainer_info(trainer);
    uint64_t values = info.weight_count + info.latent_count;
    CHECK(info.latent_count == ALL && info.state_size == (4 + 3 * values) * sizeof(float));
    float *state = malloc(info.state_size), *latents = state + 4 + info.weight_count;
    CHECK(state != NULL);
    CHECK_OK(smelt_trainer_read_state_and_wait(trainer, state, info.state_size));
    for (int i = 0; i < ALL; i++)
        latents[i] += offsets[i];
    CHECK_OK(smelt_trainer_write_state_and_wait(trainer, state, info.state_size));
    double error = OUTPUTS * error_after(trainer, 1) * params->batch;
    CHECK_OK(smelt_trainer_read_state_and_wait(trainer, state, info.state_size));
    memcpy(moments, latents + values, ALL * sizeof(float));
    free(state);
    smelt_trainer_destroy(&trainer);
    return error;
}

// Along the gradient's signs, in which all texels and levels of detail add up, for each grid alone: one of two mips, and one
// whose taps come together and which fades out.
static void gradients_of_latents_are_differences(void)
{
    device();
    static float maps[TEXELS * OUTPUTS], offsets[ALL], moments[ALL], unused[ALL];
    draw_maps(maps);
    struct smelt_trainer_params params = small(maps);
    params.grids[0].bits = params.grids[1].bits = 0;
    params.frozen_steps = 0;
    params.loss = SMELT_LOSS_L2;                   // which progress tells
    params.activations[1] = SMELT_ACTIVATION_GELU; // no kinks
    params.weight_dtype = SMELT_DTYPE_F32;
    params.backend = SMELT_BACKEND_PORTABLE;
    memset(params.oklab_weights, 0, sizeof(params.oklab_weights));
    memset(params.level_share, 0, sizeof(params.level_share));
    for (int i = 0; i < LEVELS; i++) {
        params.level_share[i] = 1;
        params.level_fractional[i] = 0.5F;
    }
    first_step(&params, offsets, moments);
    const float step = 1.0F / 256;
    for (int grid = 0; grid < 2; grid++) {
        double slope = 0, error[2];
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < ALL; i++)
                offsets[i] = (i >= FINE) == grid ? copysignf(step, moments[i]) * (side ? 1.0F : -1.0F) : 0;
            error[side] = first_step(&params, offsets, unused);
        }
        for (int i = grid ? FINE : 0; i < (grid ? ALL : FINE); i++)
            slope += 10 * fabs((double)moments[i]); // 1 - beta1 of the gradient
        double difference = (error[1] - error[0]) / (2 * (double)step);
        printf("    grid %d: slope %g, by differences %g\n", grid, slope, difference);
        CHECK(difference > 0 && fabs(slope - difference) < 0.001 * difference);
    }
}

// --- Devices that fail ------------------------------------------------------------------------------------

static PFN_vkAllocateMemory real_allocate;
static uint32_t allocations_left;

static VKAPI_ATTR VkResult VKAPI_CALL allocate_some(VkDevice vk_device, const VkMemoryAllocateInfo *info,
                                                    const VkAllocationCallbacks *callbacks,
                                                    VkDeviceMemory *memory)
{
    if (!allocations_left) // of any type of memory: the library tries all that will do
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    allocations_left--;
    return real_allocate(vk_device, info, callbacks, memory);
}

// Each allocation in turn fails: nothing is left behind, and the trainer that finds enough memory is like any other.
static void memory_that_ends_leaves_nothing(void)
{
    smelt_context context = device();
    static float maps[TEXELS * OUTPUTS];
    draw_maps(maps);
    struct smelt_trainer_params params = small(maps);
    smelt_trainer trainer = NULL;
    CHECK_OK(smelt_trainer_create(context, &params, &trainer)); // what a context keeps is there
    smelt_trainer_destroy(&trainer);
    uint64_t before = smelt_context_memory(context).total;
    real_allocate = context->vk.AllocateMemory;
    uint32_t failed = 0;
    enum smelt_result result = SMELT_ERROR_OUT_OF_DEVICE_MEMORY;
    for (; result == SMELT_ERROR_OUT_OF_DEVICE_MEMORY && failed < 100; failed++) {
        allocations_left = failed;
        context->vk.AllocateMemory = allocate_some;
        result = smelt_trainer_create(context, &params, &trainer);
        context->vk.AllocateMemory = real_allocate;
        CHECK(!result == (trainer != NULL));
        CHECK(!result || smelt_context_memory(context).total == before);
    }
    CHECK(result == SMELT_OK && failed > 3);
    CHECK(error_after(trainer, 20) > 0);
    smelt_trainer_destroy(&trainer);
}

// A budget that a large batch passes holds a smaller one.
static void a_smaller_batch_takes_less_memory(void)
{
    device();
    static float maps[TEXELS * OUTPUTS];
    draw_maps(maps);
    struct smelt_trainer_params params = small(maps);
    const uint32_t batches[] = {64, 4096};
    struct smelt_context_params limits = {.memory_budget = 0};
    for (int i = 0; i < 3; i++) { // to measure, then to fail, then to fit
        smelt_context context = NULL;
        smelt_trainer trainer = NULL;
        CHECK_OK(smelt_context_create(&limits, &context));
        params.batch = batches[i == 1];
        params.groups = params.batch / 64; // 1 or 64 of them
        params.samples = 64;
        params.backend = SMELT_BACKEND_PORTABLE;
        enum smelt_result result = smelt_trainer_create(context, &params, &trainer);
        CHECK(i == 1 ? result == SMELT_ERROR_BUDGET && !trainer : !result);
        if (i == 0)
            limits.memory_budget = smelt_context_memory(context).peak;
        smelt_trainer_destroy(&trainer);
        smelt_context_destroy(&context);
    }
}

static VKAPI_ATTR VkResult VKAPI_CALL lose_the_device(VkDevice vk_device, const VkSemaphoreWaitInfo *info,
                                                      uint64_t timeout)
{
    (void)vk_device, (void)info, (void)timeout;
    return VK_ERROR_DEVICE_LOST;
}

static void a_lost_device_is_an_error(void)
{
    smelt_context context = device();
    static float maps[TEXELS * OUTPUTS];
    draw_maps(maps);
    struct smelt_trainer_params params = small(maps);
    smelt_trainer trainer = NULL;
    CHECK_OK(smelt_trainer_create(context, &params, &trainer));
    CHECK(error_after(trainer, 20) > 0);
    PFN_vkWaitSemaphores wait = context->vk.WaitSemaphores;
    context->vk.WaitSemaphores = lose_the_device;
    enum smelt_result result = smelt_trainer_run_and_wait(trainer, 20);
    context->vk.WaitSemaphores = wait;
    CHECK(result == SMELT_ERROR_DEVICE_LOST);
    CHECK(smelt_trainer_run_and_wait(trainer, 1) == SMELT_ERROR_DEVICE_LOST);
    CHECK(context->vk.DeviceWaitIdle(context->device) == VK_SUCCESS); // as it was not really lost
    smelt_trainer_destroy(&trainer);
}

// --- What is refused --------------------------------------------------------------------------------------

static void refuse(struct smelt_trainer_params params, enum smelt_result wanted, const char *text)
{
    smelt_trainer trainer = NULL;
    CHECK(smelt_trainer_create(test_context(), &params, &trainer) == wanted);
    if (!strstr(smelt_last_error(), text))
        printf("    %s\n    does not contain: %s\n", smelt_last_error(), text);
    CHECK(strstr(smelt_last_error(), text) != NULL);
    CHECK(trainer == NULL);
}

static void what_is_refused(void)
{
    device();
    static float maps[TEXELS * OUTPUTS];
    const struct smelt_trainer_params good = small(maps);
    struct smelt_trainer_params p = good;
    p.targets = NULL;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "targets is NULL");
    p = good, p.levels = 16;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "levels is 16, wanted 1 to 15");
    p = good, p.grids[1].bits = 9;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "bits is 9");
    p = good, p.grids[1].textures = 16;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "textures together is 17");
    p = good, p.grids[0].taps = 2;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "taps is 2, wanted 1 or 4");
    p = good, p.grids[1].fade = -1;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "a grid's fade is -1");
    p = good, p.grids[1].until = 33;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "a grid's until is 33, wanted 0, or 0.001 to 32");
    p = good, p.encodings[1].fade = 33;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "an encoding's fade is 33");
    p = good, p.level_fractional[1] = 1.5F;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "a level_fractional is 1.5");
    p = good, p.widths[0] = 18;
    refuse(p, SMELT_ERROR_SHAPE, "widths[0] is 18, wanted 29");
    p = good, p.widths[1] = 200;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "a width is 200");
    p = good, p.activations[2] = SMELT_ACTIVATION_GELU;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "last activation");
    p = good, p.grid_count = 0;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "latents begin at input 0");
    p = good, p.encodings[0] = (struct smelt_trainer_encoding){.feature = SMELT_TRAINER_PADDING, .count = 20};
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "grid_count");
    p = good, p.oklab_first = 2;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "oklab_first is 2");
    p = good, p.frozen_steps = 201;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "frozen_steps is 201");
    p = good, p.rate = NAN;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "rate is");
    p = good, p.remap_bias = INFINITY;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "remap_bias is inf");
    p = good, p.level_share[1] = -1;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "a level_share is -1");
    p = good, p.slice = -1;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "slice is -1");
    p = good, p.weight_dtype = SMELT_DTYPE_U8;
    refuse(p, SMELT_ERROR_DTYPE, "weight_dtype is u8");
    p = good, p.samples = 12, p.backend = SMELT_BACKEND_PORTABLE;
    refuse(p, SMELT_ERROR_INVALID_ARGUMENT, "samples is 12");
}

static const struct test tests[] = {
    {"maps are learnt to the same bits", maps_are_learnt_to_the_same_bits},
    {"latents and weights end as they are stored", latents_and_weights_end_as_they_are_stored},
    {"gradients of latents are differences", gradients_of_latents_are_differences},
    {"memory that ends leaves nothing", memory_that_ends_leaves_nothing},
    {"a smaller batch takes less memory", a_smaller_batch_takes_less_memory},
    {"a lost device is an error", a_lost_device_is_an_error},
    {"what is refused", what_is_refused},
};

TEST_MAIN(tests)
