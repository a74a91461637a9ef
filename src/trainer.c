// SPDX-License-Identifier: MIT
// A trainer: its memory, its kernels, and the graph of steps that is replayed.
#include "trainer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLAYS 64         // of the graph in a submission
#define MEASURED_PIECES 16 // of the step that is timed, whatever it takes

// Tensors of its own.
enum memory {
    PARAMETERS, // f32: weights, then latents
    M,
    V,
    COPIES,   // of weights, as the network reads them
    PARTIAL,  // what each workgroup of a step leaves
    SEEN,     // latents as they are fetched
    GRADIENT, // of latents
    TARGETS,
    STATE,
    ERRORS, // squared, summed up
    MEMORY_COUNT,
};

struct step_push {
    VkDeviceAddress weights, partial, seen, gradient, targets, state;
    uint32_t first_group;
};
struct update_push {
    VkDeviceAddress parameters, m, v, copies, partial, seen, gradient, state, errors;
    uint32_t prepare;
};

struct smelt_trainer_t {
    smelt_context context;
    struct smelt_trainer_layout layout;
    smelt_encoder encoder;
    smelt_tensor memory[MEMORY_COUNT];
    smelt_tensor weights[SMELT_TRAINER_MAX_LAYERS], biases[SMELT_TRAINER_MAX_LAYERS];
    smelt_tensor images[SMELT_TRAINER_MAX_MIPS];
    smelt_graph graph; // of SMELT_TRAINER_GRAPH_STEPS; NULL: to be captured
    uint32_t counted;  // steps since the errors were read
    uint32_t pieces;   // dispatches of a step's batch; 0: not known yet
};

// --- Recording --------------------------------------------------------------------------------------------

static enum smelt_result dispatch(smelt_trainer t, smelt_encoder encoder, const char *name,
                                  void (*write)(struct smelt_text *, const void *), const void *push,
                                  uint32_t push_size, uint32_t groups, const struct smelt_range *ranges,
                                  uint32_t range_count)
{
    struct smelt_text text = {0};
    struct smelt_kernel kernel;
    write(&text, &t->layout);
    struct smelt_kernel_request request = {.name = name,
                                           .key = text.data,
                                           .key_size = text.size,
                                           .write = write,
                                           .user = &t->layout,
                                           .backend = t->layout.backend,
                                           .push_size = push_size};
    if (t->layout.backend != SMELT_BACKEND_PORTABLE) {
        request.stage_flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
        request.subgroup_size = t->context->required_subgroup_size ? t->layout.subgroup_size : 0;
    }
    enum smelt_kernel_making making = encoder->kernels;
    encoder->kernels = SMELT_KERNELS_ALL; // these are no calls that a graph could make
    enum smelt_result result = text.failed ? smelt_fail(t->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                                                        "%s: no memory for its text", name)
                                           : smelt_kernel_get(encoder, &request, &kernel);
    encoder->kernels = making;
    smelt_text_free(&text);
    if (result)
        return result;
    const struct smelt_dispatch what = {.ranges = ranges,
                                        .range_count = range_count,
                                        .label = name,
                                        .operation = SMELT_OPERATION_OTHER,
                                        .parts = 1};
    return smelt_kernel_dispatch(encoder, &kernel, push, push_size, groups, 1, 1, &what);
}

static VkDeviceAddress address(smelt_trainer t, enum memory m)
{
    return t->memory[m] ? t->memory[m]->info.address : 0;
}

// Ranges of the memories that are there; READ_WRITE unless in `reads`.
static uint32_t add_ranges(smelt_trainer t, const enum memory *list, uint32_t count, uint32_t reads,
                           uint32_t writes, struct smelt_range *ranges)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        if (t->memory[list[i]])
            ranges[used++] =
                smelt_range_of(t->memory[list[i]], reads >> list[i] & 1    ? SMELT_ACCESS_READ
                                                   : writes >> list[i] & 1 ? SMELT_ACCESS_WRITE
                                                                           : SMELT_ACCESS_READ_WRITE);
    return used;
}

static enum smelt_result encode_step(smelt_trainer t, smelt_encoder encoder)
{
    static const enum memory list[] = {COPIES, PARTIAL, SEEN, GRADIENT, TARGETS, STATE};
    struct step_push push = {address(t, COPIES),
                             address(t, PARTIAL),
                             address(t, SEEN),
                             address(t, GRADIENT),
                             address(t, TARGETS),
                             address(t, STATE),
                             0};
    uint32_t groups = t->layout.params.groups;
    enum smelt_result result = SMELT_OK;
    struct smelt_range ranges[MEMORY_COUNT];
    // PORTABLE's sums are added up in place.
    uint32_t count = add_ranges(t, list, SMELT_COUNT_OF(list),
                                1u << COPIES | 1u << SEEN | 1u << TARGETS | 1u << STATE, 0, ranges);
    for (uint32_t i = 1; i <= t->pieces && !result; i++) {
        uint32_t end = (uint32_t)((uint64_t)groups * i / t->pieces);
        result = dispatch(t, encoder, "trainer step", smelt_trainer_write_step, &push,
                          offsetof(struct step_push, first_group) + sizeof(push.first_group),
                          end - push.first_group, ranges, count);
        push.first_group = end;
    }
    return result;
}

static enum smelt_result encode_round(smelt_trainer t, smelt_encoder encoder)
{
    const VkDeviceAddress push[] = {address(t, PARAMETERS), address(t, COPIES)};
    const struct smelt_range ranges[] = {smelt_range_of(t->memory[PARAMETERS], SMELT_ACCESS_READ),
                                         smelt_range_of(t->memory[COPIES], SMELT_ACCESS_READ_WRITE)};
    uint32_t rows = 0;
    for (uint32_t i = 0; i < t->layout.params.layer_count; i++)
        rows += t->layout.padded[i + 1];
    return dispatch(t, encoder, "trainer round", smelt_trainer_write_round, push, sizeof(push), rows, ranges,
                    SMELT_COUNT_OF(ranges));
}

// Updates weights and latents, or only what the next step reads of them.
static enum smelt_result encode_update(smelt_trainer t, smelt_encoder encoder, bool prepare)
{
    static const enum memory list[] = {PARAMETERS, M, V, COPIES, PARTIAL, SEEN, GRADIENT, STATE, ERRORS};
    const struct smelt_trainer_layout *l = &t->layout;
    const struct update_push push = {
        address(t, PARAMETERS), address(t, M),    address(t, V),        address(t, COPIES),
        address(t, PARTIAL),    address(t, SEEN), address(t, GRADIENT), address(t, STATE),
        address(t, ERRORS),     prepare};
    struct smelt_range ranges[MEMORY_COUNT];
    uint32_t count = add_ranges(t, list, SMELT_COUNT_OF(list), 1u << PARTIAL | 1u << STATE,
                                1u << COPIES | 1u << SEEN, ranges);
    enum smelt_result result =
        dispatch(t, encoder, "trainer update", smelt_trainer_write_update, &push,
                 offsetof(struct update_push, prepare) + sizeof(push.prepare),
                 (l->partial + 31) / 32 + (l->latent_groups + 255) / 256, ranges, count);
    return result || l->params.weight_dtype != SMELT_DTYPE_I8 ? result : encode_round(t, encoder);
}

static enum smelt_result encode_steps(smelt_trainer t, smelt_encoder encoder, uint32_t steps)
{
    const struct smelt_trainer_params *p = &t->layout.params;
    const struct smelt_learning_rate_params rate = {.state = t->memory[STATE],
                                                    .schedule = SMELT_LEARNING_RATE_COSINE,
                                                    .first = p->rate,
                                                    .last = p->last_rate,
                                                    .warmup = t->layout.schedule_begin,
                                                    .steps = t->layout.schedule_end,
                                                    .beta2 = SMELT_TRAINER_BETA2};
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < steps && !result; i++) {
        result = smelt_encode_learning_rate(encoder, &rate);
        if (!result)
            result = encode_step(t, encoder);
        if (!result)
            result = encode_update(t, encoder, false);
    }
    return result;
}

static enum smelt_result capture(smelt_trainer t)
{
    enum smelt_result result = smelt_encoder_start_capture(t->encoder);
    if (!result)
        result = encode_steps(t, t->encoder, SMELT_TRAINER_GRAPH_STEPS);
    smelt_graph graph = NULL;
    const struct smelt_graph_params params = {.name = "training"};
    enum smelt_result taken = smelt_encoder_take_capture(t->encoder, &params, &graph);
    if (!result)
        result = taken;
    if (result)
        smelt_graph_destroy(&graph);
    t->graph = graph;
    return result;
}

// A step on the clock, which says how many dispatches the next ones are.
static enum smelt_result take_timed_step(smelt_trainer t)
{
    const struct smelt_trainer_params *p = &t->layout.params;
    t->pieces = SMELT_MIN(p->groups, MEASURED_PIECES);
    enum smelt_result result = encode_steps(t, t->encoder, 1);
    uint64_t begin = smelt_os_time_ns();
    if (!result)
        result = smelt_encoder_commit_and_wait(t->encoder);
    double slices = (double)(smelt_os_time_ns() - begin) * 1e-6 / (double)p->slice;
    t->pieces = result ? 0 : slices < p->groups ? (uint32_t)slices + 1 : p->groups;
    t->counted += !result;
    return result;
}

enum smelt_result smelt_trainer_run_and_wait(smelt_trainer t, uint32_t steps)
{
    if (!t)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "trainer_run: trainer is NULL");
    enum smelt_result result = encode_update(t, t->encoder, true); // the caller may have written masters
    if (!result && !t->pieces && steps) {
        result = take_timed_step(t);
        steps--;
    }
    if (!result && !t->graph && steps >= SMELT_TRAINER_GRAPH_STEPS)
        result = capture(t);
    while (!result && steps) {
        uint32_t replays = SMELT_MIN(steps / SMELT_TRAINER_GRAPH_STEPS, REPLAYS), taken = steps;
        for (uint32_t i = 0; i < replays && !result; i++)
            result = smelt_encoder_replay(t->encoder, t->graph);
        if (replays)
            taken = replays * SMELT_TRAINER_GRAPH_STEPS;
        else
            result = encode_steps(t, t->encoder, steps);
        if (!result)
            result = smelt_encoder_commit_and_wait(t->encoder);
        steps -= taken;
        t->counted += taken;
    }
    return result;
}

enum smelt_result smelt_trainer_fine_tune_and_wait(smelt_trainer t, enum smelt_dtype weight_dtype, float rate,
                                                   float last_rate, uint32_t steps)
{
    if (!t || !(rate > 0) || !(last_rate >= 0) || !steps || steps > 1u << 24)
        return smelt_fail(
            t ? t->context : NULL, SMELT_ERROR_INVALID_ARGUMENT,
            "trainer_fine_tune: trainer is %s, rate %g, last_rate %g, steps %u, wanted one, above "
            "0, 0 or more, 1 to 2^24",
            t ? "given" : "NULL", (double)rate, (double)last_rate, steps);
    float state[4];
    enum smelt_result result = smelt_trainer_check_weight_dtype(t->context, weight_dtype);
    if (!result)
        result = smelt_tensor_read_and_wait(t->memory[STATE], NULL, state, sizeof(state));
    if (result)
        return result;
    struct smelt_trainer_layout *l = &t->layout;
    l->params.weight_dtype = weight_dtype;
    l->params.rate = rate;
    l->params.last_rate = last_rate;
    l->schedule_begin = (uint32_t)state[0];
    l->schedule_end = SMELT_MIN(l->schedule_begin + steps, 1u << 24);
    l->frozen_from = SMELT_MIN(l->frozen_from, l->schedule_begin);
    smelt_graph_destroy(&t->graph);
    return SMELT_OK;
}

// --- Making -----------------------------------------------------------------------------------------------

static enum smelt_result make(smelt_trainer t, enum memory m, enum smelt_dtype dtype, uint64_t count,
                              const char *name)
{
    const struct smelt_tensor_params params = {.dtype = dtype, .rank = 1, .shape = {count}, .name = name};
    return count ? smelt_tensor_create(t->context, &params, &t->memory[m]) : SMELT_OK;
}

static enum smelt_result make_memory(smelt_trainer t)
{
    const struct smelt_trainer_layout *l = &t->layout;
    bool portable = l->backend == SMELT_BACKEND_PORTABLE;
    uint64_t latents = 4 * (uint64_t)l->latent_groups, all = l->weight_count + latents;
    const struct {
        enum memory memory;
        enum smelt_dtype dtype;
        uint64_t count;
        const char *name;
    } list[MEMORY_COUNT] = {
        {PARAMETERS, SMELT_DTYPE_F32, all, "trained parameters"},
        {M, SMELT_DTYPE_F32, all, "first moments"},
        {V, SMELT_DTYPE_F32, all, "second moments"},
        {COPIES, portable ? SMELT_DTYPE_F32 : SMELT_DTYPE_F16, l->weight_count, "weights in use"},
        {PARTIAL, SMELT_DTYPE_F32, (uint64_t)l->params.groups * l->partial, "gradients of workgroups"},
        {SEEN, SMELT_DTYPE_F32, latents, "latents in use"},
        {GRADIENT, SMELT_DTYPE_I32, latents, "gradients of latents"},
        {TARGETS, SMELT_DTYPE_U32, (uint64_t)l->texels * l->target_words, "maps"},
        {STATE, SMELT_DTYPE_F32, 4, "state"},
        {ERRORS, SMELT_DTYPE_F32, 4 * (uint64_t)l->output_groups, "squared errors"},
    };
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < MEMORY_COUNT && !result; i++)
        result = make(t, list[i].memory, list[i].dtype, list[i].count, list[i].name);
    return result;
}

static enum smelt_result view(smelt_trainer t, uint64_t first, const struct smelt_tensor_params *params,
                              smelt_tensor *tensor)
{
    return smelt_tensor_view(t->memory[PARAMETERS], 4 * first, params, tensor);
}

static enum smelt_result make_views(smelt_trainer t)
{
    const struct smelt_trainer_layout *l = &t->layout;
    const struct smelt_trainer_params *p = &l->params;
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < p->layer_count && !result; i++) {
        const struct smelt_tensor_params weight = {.dtype = SMELT_DTYPE_F32,
                                                   .rank = 2,
                                                   .shape = {p->widths[i + 1], p->widths[i]},
                                                   .strides = {l->padded[i], 1},
                                                   .name = "weight"};
        const struct smelt_tensor_params bias = {
            .dtype = SMELT_DTYPE_F32, .rank = 1, .shape = {p->widths[i + 1]}, .name = "bias"};
        result = view(t, l->layer_begin[i], &weight, &t->weights[i]);
        if (!result)
            result = view(t, l->layer_begin[i] + l->padded[i + 1] * l->padded[i], &bias, &t->biases[i]);
    }
    for (uint32_t g = 0; g < p->grid_count; g++)
        for (uint32_t i = l->grid_mip[g]; i < l->grid_mip[g + 1] && !result; i++) {
            const struct smelt_trainer_image *mip = &l->mips[i];
            const struct smelt_tensor_params image = {
                .dtype = SMELT_DTYPE_F32,
                .rank = 3,
                .shape = {mip->height, mip->width, 4 * (uint64_t)p->grids[g].textures},
                .name = "latents"};
            result = view(t, l->weight_count + 4 * (uint64_t)mip->first, &image, &t->images[i]);
        }
    return result;
}

static enum smelt_result write_all(smelt_tensor tensor, const void *data)
{
    return tensor ? smelt_tensor_write_and_wait(tensor, NULL, data, tensor->info.size) : SMELT_OK;
}

// Maps as halves, zeros elsewhere, start values.
static enum smelt_result fill_memory(smelt_trainer t, const float *targets)
{
    const struct smelt_trainer_layout *l = &t->layout;
    uint64_t size = 0;
    for (uint32_t i = 0; i < MEMORY_COUNT; i++)
        if (t->memory[i])
            size = SMELT_MAX(size, t->memory[i]->info.size);
    void *data = calloc(1, size);
    if (!data)
        return smelt_fail(t->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "trainer: no memory for %llu bytes",
                          (unsigned long long)size);
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < MEMORY_COUNT && !result; i++)
        if (i != PARAMETERS && i != TARGETS)
            result = write_all(t->memory[i], data);
    uint16_t *halves = data;
    for (uint32_t i = 0; i < l->texels; i++)
        for (uint32_t c = 0; c < l->outputs; c++)
            halves[(uint64_t)i * l->target_words * 2 + c] =
                smelt_f16_from_f32(targets[(uint64_t)i * l->outputs + c]);
    if (!result)
        result = write_all(t->memory[TARGETS], data);
    memset(data, 0, size);
    smelt_trainer_fill(l, data);
    if (!result)
        result = write_all(t->memory[PARAMETERS], data);
    free(data);
    return result;
}

enum smelt_result smelt_trainer_create(smelt_context context, const struct smelt_trainer_params *params,
                                       smelt_trainer *trainer)
{
    if (!context || !params || !trainer)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "trainer: wanted a context, params and a place for the trainer, got NULL");
    *trainer = NULL;
    if (!SMELT_HAVE_COMPILER)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "trainer: this build has no compiler, wanted one to make the kernels");
    smelt_trainer t = calloc(1, sizeof(*t));
    if (!t)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "trainer: out of host memory");
    t->context = context;
    const struct smelt_encoder_params encoder = {.name = "trainer"};
    enum smelt_result result = smelt_trainer_lay_out(context, params, &t->layout);
    if (!result)
        result = smelt_encoder_create(context, &encoder, &t->encoder);
    if (!result)
        result = make_memory(t);
    if (!result)
        result = make_views(t);
    if (!result)
        result = fill_memory(t, params->targets);
    if (result)
        smelt_trainer_destroy(&t);
    *trainer = t;
    return result;
}

void smelt_trainer_destroy(smelt_trainer *trainer)
{
    if (!trainer || !*trainer)
        return;
    smelt_trainer t = *trainer;
    smelt_graph_destroy(&t->graph);
    smelt_encoder_destroy(&t->encoder);
    for (uint32_t i = 0; i < SMELT_TRAINER_MAX_LAYERS; i++) {
        smelt_tensor_destroy(&t->weights[i]);
        smelt_tensor_destroy(&t->biases[i]);
    }
    for (uint32_t i = 0; i < SMELT_TRAINER_MAX_MIPS; i++)
        smelt_tensor_destroy(&t->images[i]);
    for (uint32_t i = 0; i < MEMORY_COUNT; i++)
        smelt_tensor_destroy(&t->memory[i]);
    free(t);
    *trainer = NULL;
}

// --- What is asked of it ----------------------------------------------------------------------------------

smelt_tensor smelt_trainer_tensor(smelt_trainer t, enum smelt_trainer_part part, uint32_t index, uint32_t mip)
{
    const struct smelt_trainer_params *p = t ? &t->layout.params : NULL;
    if (p && part == SMELT_TRAINER_WEIGHT && index < p->layer_count)
        return t->weights[index];
    if (p && part == SMELT_TRAINER_BIAS && index < p->layer_count)
        return t->biases[index];
    if (p && part == SMELT_TRAINER_LATENT_IMAGE && index < p->grid_count && mip < p->grids[index].mips)
        return t->images[t->layout.grid_mip[index] + mip];
    return NULL;
}

// What a state holds, in its order.
static const enum memory state_parts[] = {STATE, PARAMETERS, M, V};

struct smelt_trainer_info smelt_trainer_info(smelt_trainer t)
{
    struct smelt_trainer_info info = {0};
    if (!t)
        return info;
    const struct smelt_trainer_layout *l = &t->layout;
    info.backend = l->backend;
    info.batch = l->params.batch;
    info.samples = l->params.samples;
    info.groups = l->params.groups;
    info.pieces = t->pieces;
    info.weight_count = l->weight_count;
    info.latent_count = 4 * (uint64_t)l->latent_groups;
    for (uint32_t i = 0; i < SMELT_COUNT_OF(state_parts); i++)
        info.state_size += t->memory[state_parts[i]]->info.size;
    for (uint32_t i = 0; i < MEMORY_COUNT; i++)
        info.memory += t->memory[i] ? t->memory[i]->info.size : 0;
    return info;
}

enum smelt_result smelt_trainer_progress_and_wait(smelt_trainer t, struct smelt_trainer_progress *progress)
{
    if (!t || !progress)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "trainer_progress: %s is NULL",
                          t ? "progress" : "trainer");
    float errors[SMELT_TRAINER_MAX_OUTPUTS + 64] = {0}, state[4] = {0};
    enum smelt_result result =
        smelt_tensor_read_and_wait(t->memory[ERRORS], NULL, errors, t->memory[ERRORS]->info.size);
    if (!result)
        result = smelt_tensor_read_and_wait(t->memory[STATE], NULL, state, sizeof(state));
    if (result)
        return result;
    *progress = (struct smelt_trainer_progress){.steps = (uint32_t)state[0], .counted = t->counted};
    for (uint32_t i = 0; i < t->layout.outputs && t->counted; i++)
        progress->squared_error[i] = errors[i] / ((double)t->counted * t->layout.params.batch);
    memset(errors, 0, sizeof(errors));
    t->counted = 0;
    return write_all(t->memory[ERRORS], errors);
}

static enum smelt_result check_state(smelt_trainer t, const void *state, uint64_t size)
{
    if (!t || !state)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "trainer_state: %s is NULL",
                          t ? "state" : "trainer");
    uint64_t wanted = smelt_trainer_info(t).state_size;
    return size == wanted
               ? SMELT_OK
               : smelt_fail(t->context, SMELT_ERROR_SHAPE, "trainer_state: size is %llu, wanted %llu",
                            (unsigned long long)size, (unsigned long long)wanted);
}

enum smelt_result smelt_trainer_read_state_and_wait(smelt_trainer t, void *state, uint64_t size)
{
    enum smelt_result result = check_state(t, state, size);
    uint8_t *at = state;
    for (uint32_t i = 0; i < SMELT_COUNT_OF(state_parts) && !result; i++) {
        smelt_tensor tensor = t->memory[state_parts[i]];
        result = smelt_tensor_read_and_wait(tensor, NULL, at, tensor->info.size);
        at += tensor->info.size;
    }
    return result;
}

enum smelt_result smelt_trainer_write_state_and_wait(smelt_trainer t, const void *state, uint64_t size)
{
    enum smelt_result result = check_state(t, state, size);
    const uint8_t *at = state;
    for (uint32_t i = 0; i < SMELT_COUNT_OF(state_parts) && !result; i++) {
        result = write_all(t->memory[state_parts[i]], at);
        at += t->memory[state_parts[i]]->info.size;
    }
    return result;
}
