// SPDX-License-Identifier: MIT
// What a trainer is made of, from its params: checks, the backend, where everything lies, start values.
#include "trainer_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_EXTENT 16384
#define MAX_WIDTH 128
#define MAX_STEPS (1u << 24) // counted in f32

static enum smelt_result check(smelt_context context, const char *field, double value, bool good,
                               const char *wanted)
{
    return good ? SMELT_OK
                : smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "trainer: %s is %g, wanted %s", field,
                             value, wanted);
}

struct number {
    const char *field;
    double value, low, high;
};

static enum smelt_result check_numbers(smelt_context context, const struct number *numbers, size_t count)
{
    enum smelt_result result = SMELT_OK;
    for (size_t i = 0; i < count && !result; i++) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "%g to %g", numbers[i].low, numbers[i].high);
        result = check(context, numbers[i].field, numbers[i].value,
                       numbers[i].value >= numbers[i].low && numbers[i].value <= numbers[i].high, wanted);
    }
    return result;
}

static enum smelt_result check_fade(smelt_context context, const char *field, float fade)
{
    return check(context, field, fade, fade == 0 || (fade >= 1e-3F && fade <= 32), "0, or 0.001 to 32");
}

static enum smelt_result check_grids(smelt_context context, const struct smelt_trainer_params *p)
{
    uint32_t textures = 0;
    enum smelt_result result = SMELT_OK;
    for (uint32_t g = 0; g < p->grid_count && !result; g++) {
        const struct smelt_trainer_grid *grid = &p->grids[g];
        const struct number numbers[] = {
            {"a grid's width", grid->width, 1, MAX_EXTENT},
            {"a grid's height", grid->height, 1, MAX_EXTENT},
            {"a grid's mips", grid->mips, 1, SMELT_TRAINER_MAX_LEVELS},
            {"a grid's textures", grid->textures, 1, SMELT_TRAINER_MAX_TEXTURES},
            {"a grid's bits", grid->bits, 0, 8},
        };
        result = check_numbers(context, numbers, SMELT_COUNT_OF(numbers));
        if (!result)
            result = check_fade(context, "a grid's fade", grid->fade);
        if (!result)
            result = check_fade(context, "a grid's until", grid->until);
        if (!result)
            result =
                check(context, "a grid's taps", grid->taps, grid->taps <= 1 || grid->taps == 4, "1 or 4");
        textures += grid->textures;
    }
    return result ? result
                  : check(context, "the grids' textures together", textures,
                          textures <= SMELT_TRAINER_MAX_TEXTURES, "at most 16");
}

static enum smelt_result check_network(smelt_context context, const struct smelt_trainer_params *p)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i <= p->layer_count && !result; i++) {
        const struct number width = {"a width", p->widths[i], 1,
                                     i == p->layer_count ? SMELT_TRAINER_MAX_OUTPUTS : MAX_WIDTH};
        result = check_numbers(context, &width, 1);
    }
    for (uint32_t i = 0; i < p->layer_count && !result; i++)
        result = check(context, "an activation", p->activations[i],
                       (uint32_t)p->activations[i] < SMELT_ACTIVATION_COUNT, "one of enum smelt_activation");
    enum smelt_activation last = p->activations[p->layer_count - 1];
    return result ? result
                  : check(context, "the last activation", last,
                          last != SMELT_ACTIVATION_SILU && last != SMELT_ACTIVATION_GELU &&
                              last != SMELT_ACTIVATION_SINE,
                          "one whose derivative follows from its result: not silu, gelu, sine");
}

enum smelt_result smelt_trainer_check_weight_dtype(smelt_context context, enum smelt_dtype dtype)
{
    if (dtype == SMELT_DTYPE_F32 || dtype == SMELT_DTYPE_F16 || dtype == SMELT_DTYPE_F8E4M3 ||
        dtype == SMELT_DTYPE_I8)
        return SMELT_OK;
    return smelt_fail(context, SMELT_ERROR_DTYPE,
                      "trainer: weight_dtype is %s, wanted f32, f16, f8e4m3 or i8", smelt_dtype_name(dtype));
}

static enum smelt_result check_optimizer(smelt_context context, const struct smelt_trainer_params *p)
{
    const struct number numbers[] = {
        {"batch", p->batch, 1, 1 << 24},
        {"steps", p->steps, 1, MAX_STEPS},
        {"warmup", p->warmup, 0, p->steps},
        {"frozen_steps", p->frozen_steps, 0, p->steps},
        {"rate", p->rate, 1e-30, 1e30},
        {"last_rate", p->last_rate, 0, 1e30},
        {"latent_rate", p->latent_rate, 0, 1e30},
        {"fractional", p->fractional, 0, 1},
        {"slice", p->slice, 0, 1e6},
        {"loss", p->loss, 0, SMELT_LOSS_OKLAB - 1},
    };
    enum smelt_result result = check_numbers(context, numbers, SMELT_COUNT_OF(numbers));
    bool oklab = p->oklab_weights[0] != 0 || p->oklab_weights[1] != 0 || p->oklab_weights[2] != 0;
    if (!result && oklab)
        result = check(context, "oklab_first", p->oklab_first,
                       p->oklab_first + 3 <= p->widths[p->layer_count], "the first of three outputs");
    return result ? result : smelt_trainer_check_weight_dtype(context, p->weight_dtype);
}

// What other checks, and defaults, count by.
static enum smelt_result check_counts(smelt_context context, const struct smelt_trainer_params *p)
{
    if (!p->targets)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "trainer: targets is NULL");
    const struct number numbers[] = {
        {"source_width", p->source_width, 1, MAX_EXTENT},
        {"source_height", p->source_height, 1, MAX_EXTENT},
        {"levels", p->levels, 1, SMELT_TRAINER_MAX_LEVELS},
        {"grid_count", p->grid_count, 0, SMELT_TRAINER_MAX_GRIDS},
        {"encoding_count", p->encoding_count, 1, SMELT_TRAINER_MAX_ENCODINGS},
        {"layer_count", p->layer_count, 1, SMELT_TRAINER_MAX_LAYERS},
    };
    return check_numbers(context, numbers, SMELT_COUNT_OF(numbers));
}

// What goes into a shader's text.
static enum smelt_result check_finite(smelt_context context, const struct smelt_trainer_params *p)
{
    const float most = 1e30F;
    const struct number numbers[] = {{"remap_scale", p->remap_scale, -most, most},
                                     {"remap_bias", p->remap_bias, -most, most},
                                     {"a weight of Oklab", p->oklab_weights[0], 0, most},
                                     {"a weight of Oklab", p->oklab_weights[1], 0, most},
                                     {"a weight of Oklab", p->oklab_weights[2], 0, most}};
    enum smelt_result result = check_numbers(context, numbers, SMELT_COUNT_OF(numbers));
    for (uint32_t i = 0; i < p->levels && !result; i++)
        result = check_numbers(context,
                               (const struct number[]){{"a level_share", p->level_share[i], 0, most},
                                                       {"a level_fractional", p->level_fractional[i], 0, 1}},
                               2);
    for (uint32_t i = 0; i < p->encoding_count && !result; i++) {
        result = check_numbers(context, &(struct number){"a scale", p->encodings[i].scale, -most, most}, 1);
        if (!result)
            result = check_fade(context, "an encoding's fade", p->encodings[i].fade);
    }
    for (uint32_t i = 0; i < p->widths[p->layer_count] && p->weights && !result; i++)
        result = check_numbers(context, &(struct number){"a weight", p->weights[i], 0, most}, 1);
    return result;
}

static enum smelt_result check_params(smelt_context context, const struct smelt_trainer_params *p)
{
    enum smelt_result result = check_grids(context, p);
    if (!result)
        result = check_network(context, p);
    if (!result)
        result = check_optimizer(context, p);
    return result ? result : check_finite(context, p);
}

static void fill_defaults(smelt_context context, struct smelt_trainer_params *p)
{
    bool cpu = context->capabilities.device_type == VK_PHYSICAL_DEVICE_TYPE_CPU, shares = false,
         between = false;
    p->batch = p->batch ? p->batch : cpu ? 4096 : 65536;
    p->slice = p->slice != 0 ? p->slice : cpu ? 1e6F : 50;
    p->rate = p->rate != 0 ? p->rate : 0.01F;
    p->last_rate = p->last_rate != 0 ? p->last_rate : p->rate / 100;
    p->latent_rate = p->latent_rate != 0 ? p->latent_rate : 4;
    p->weight_dtype = p->weight_dtype ? p->weight_dtype : SMELT_DTYPE_F16;
    if (p->remap_scale == 0 && p->remap_bias == 0)
        p->remap_scale = 1;
    for (uint32_t i = 0; i < p->grid_count; i++)
        p->grids[i].taps = p->grids[i].taps ? p->grids[i].taps : 1;
    for (uint32_t i = 0; i < p->encoding_count; i++)
        if (p->encodings[i].scale == 0)
            p->encodings[i].scale = 1;
    for (uint32_t i = 0; i < p->levels; i++) {
        shares |= p->level_share[i] != 0;
        between |= p->level_fractional[i] != 0;
    }
    for (uint32_t i = 0; i < p->levels && !between; i++)
        p->level_fractional[i] = p->fractional;
    float all = 0;
    for (uint32_t i = 0; i < p->levels; i++)
        all += ldexpf(1, -2 * (int)i);
    for (uint32_t i = 0; i < p->levels && !shares; i++)
        p->level_share[i] = 0.9F * ldexpf(1, -2 * (int)i) / all + 0.1F / (float)p->levels;
}

// What the encodings give must be the first width; latents begin at a group of 4.
static enum smelt_result lay_out_inputs(smelt_context context, struct smelt_trainer_layout *l)
{
    const struct smelt_trainer_params *p = &l->params;
    uint32_t at = 0, latents = 0;
    l->first_group = MAX_WIDTH;
    for (uint32_t i = 0; i < p->encoding_count; i++) {
        const struct smelt_trainer_encoding *e = &p->encodings[i];
        if ((uint32_t)e->feature >= SMELT_TRAINER_FEATURE_COUNT || e->count > 32)
            return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                              "trainer: encoding %u is feature %d with count %u, wanted one of enum "
                              "smelt_trainer_feature and at most 32",
                              i, (int)e->feature, e->count);
        if (e->feature == SMELT_TRAINER_LATENTS) {
            if (at % 4 || latents++ || !p->grid_count)
                return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                                  "trainer: latents begin at input %u, wanted them once, at a multiple of 4, "
                                  "and grids",
                                  at);
            l->first_group = at / 4;
        }
        at += e->feature == SMELT_TRAINER_LATENTS         ? 4 * l->fetches
              : e->feature == SMELT_TRAINER_UV            ? 2
              : e->feature == SMELT_TRAINER_FREQUENCY     ? 4 * e->count
              : e->feature == SMELT_TRAINER_TRIANGLE_WAVE ? 2 * e->count
              : e->feature == SMELT_TRAINER_PADDING       ? e->count
                                                          : 1;
    }
    if (at != p->widths[0])
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "trainer: widths[0] is %u, wanted %u: what encodings give", p->widths[0], at);
    return check(context, "grid_count", p->grid_count, (p->grid_count > 0) == (latents > 0),
                 "0, or encodings with latents");
}

static uint32_t halved(uint32_t extent, uint32_t times)
{
    return SMELT_MAX(extent >> times, 1u);
}

static enum smelt_result lay_out_images(smelt_context context, struct smelt_trainer_layout *l)
{
    const struct smelt_trainer_params *p = &l->params;
    uint64_t groups = 0, texels = 0;
    uint32_t mip = 0;
    for (uint32_t g = 0; g < p->grid_count; g++) {
        const struct smelt_trainer_grid *grid = &p->grids[g];
        l->grid_mip[g] = mip;
        l->textures += grid->textures;
        l->fetches += grid->textures * grid->taps;
        for (uint32_t i = 0; i < grid->mips; i++) {
            struct smelt_trainer_image *image = &l->mips[mip++];
            *image = (struct smelt_trainer_image){halved(grid->width, i), halved(grid->height, i),
                                                  (uint32_t)groups};
            groups += (uint64_t)image->width * image->height * grid->textures;
        }
    }
    l->grid_mip[p->grid_count] = mip;
    for (uint32_t i = 0; i < p->levels; i++) {
        struct smelt_trainer_image *image = &l->levels[i];
        *image = (struct smelt_trainer_image){halved(p->source_width, i), halved(p->source_height, i),
                                              (uint32_t)texels};
        texels += (uint64_t)image->width * image->height;
    }
    l->target_words = l->outputs > 4 ? (l->outputs + 7) / 8 * 4 : (l->outputs + 1) / 2;
    if (groups >= 1u << 28 || texels * l->target_words >= UINT32_MAX)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "trainer: %" PRIu64 " latents and %" PRIu64
                          " texels of maps, wanted less than 2^30, and 2^32 pairs of values",
                          4 * groups, texels);
    l->latent_groups = (uint32_t)groups;
    l->texels = (uint32_t)texels;
    return SMELT_OK;
}

// --- The network ------------------------------------------------------------------------------------------

static uint32_t padded(uint32_t width, uint32_t unit)
{
    return (width + unit - 1) / unit * unit;
}

// As mlp_gradient_tmpl.glsl counts it. A unit of 4: PORTABLE's.
static uint32_t scratch_of(const struct smelt_trainer_params *p, uint32_t unit, bool copy, uint32_t samples)
{
    uint32_t all = 0, from = 0, to = 0, weights = unit / 8;
    for (uint32_t i = 0; i <= p->layer_count; i++) {
        bool last = i == p->layer_count;
        uint32_t width = padded(p->widths[i], unit), pitch = width / (last || unit == 4 ? 4 : 8) | 1;
        all += pitch;
        from = last ? from : SMELT_MAX(from, pitch);
        to = i ? SMELT_MAX(to, pitch) : to;
        if (!last && copy)
            weights += padded(p->widths[i + 1], unit) * (width / 8 | 1) + padded(p->widths[i + 1], unit) / 8;
    }
    return unit == 4 ? samples * all : samples * (from + to) + weights;
}

static enum smelt_result choose_backend(smelt_context context, struct smelt_trainer_layout *l)
{
    const struct smelt_capabilities *c = &context->capabilities;
    struct smelt_backend_query query = {.op = SMELT_OP_MLP,
                                        .scope = SMELT_SCOPE_SUBGROUP,
                                        .stored = SMELT_DTYPE_F16,
                                        .accumulated = SMELT_DTYPE_F32,
                                        .backend = l->params.backend};
    struct smelt_backend_choice choice;
    struct smelt_matmul2d_tiling tiling = {0};
    if (!query.backend && !context->forced_backend && c->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU)
        query.backend = SMELT_BACKEND_PORTABLE; // matrices of f16 are slower there than f32
    enum smelt_result result = smelt_backend_choose(context, &query, &choice);
    if (result)
        return result;
    l->backend = choice.backend;
    l->fragment[0] = l->fragment[1] = l->fragment[2] = 1;
    if (l->backend == SMELT_BACKEND_PORTABLE)
        return SMELT_OK;
    if (!smelt_cooperative_fragment(context, SMELT_DTYPE_F16, SMELT_DTYPE_F32, &tiling))
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "trainer: the driver lists no cooperative matrix product of f16 with f32 result");
    l->fragment[0] = tiling.fragment_m;
    l->fragment[1] = tiling.fragment_n;
    l->fragment[2] = tiling.fragment_k;
    l->unroll = c->device_type != VK_PHYSICAL_DEVICE_TYPE_CPU;
    return SMELT_OK;
}

// Shared memory of a workgroup in bytes: the scratch, and a place for each sample.
static uint32_t shared_of(const struct smelt_trainer_params *p, uint32_t unit, bool copy, uint32_t samples)
{
    return (scratch_of(p, unit, copy, samples) + samples) * 16;
}

// How often a workgroup takes samples in a step.
static uint32_t turns_of(const struct smelt_trainer_params *p, uint32_t samples, uint32_t most_groups)
{
    uint32_t parts = (p->batch + samples - 1) / samples;
    return (parts + most_groups - 1) / most_groups;
}

// Samples at a time that shared memory takes, for the shortest step: what a turn takes beside its samples is as much as 64 more
// of them would (H200: 2.9 us of 5.8 with 32-32-32-9).
static uint32_t choose_samples(const struct smelt_trainer_layout *l, uint32_t unit, uint32_t step,
                               uint32_t most, uint32_t most_groups, uint32_t shared_size)
{
    const struct smelt_trainer_params *p = &l->params;
    uint32_t best = step;
    for (uint32_t samples = 2 * step; samples <= most; samples += step)
        if (shared_of(p, unit, l->copy, samples) <= shared_size &&
            turns_of(p, samples, most_groups) * (samples + 64) <=
                turns_of(p, best, most_groups) * (best + 64))
            best = samples;
    return best;
}

static enum smelt_result lay_out_group(smelt_context context, struct smelt_trainer_layout *l)
{
    const struct smelt_capabilities *c = &context->capabilities;
    struct smelt_trainer_params *p = &l->params;
    bool portable = l->backend == SMELT_BACKEND_PORTABLE;
    uint32_t unit = portable ? 4 : SMELT_MAX(l->fragment[0], SMELT_MAX(l->fragment[1], l->fragment[2]));
    uint32_t step = portable ? 32 : unit;
    uint32_t most = p->groups ? p->groups : c->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU ? 8 : 128;
    l->subgroup_size = c->subgroup_size;
    l->copy = !portable &&
              shared_of(p, unit, true, p->samples ? p->samples : 2 * step) <= c->max_shared_memory_size;
    uint32_t largest =
        portable ? 64 : SMELT_MIN(256, c->max_workgroup_invocations / l->subgroup_size * l->fragment[0]);
    if (!p->samples)
        p->samples = choose_samples(l, unit, step, largest, most, c->max_shared_memory_size);
    l->subgroups = portable ? SMELT_MAX(1, 128 / l->subgroup_size) : p->samples / l->fragment[0];
    l->scratch = scratch_of(p, unit, l->copy, p->samples);
    l->portable_scratch = scratch_of(p, 4, false, p->samples);
    if (p->samples % step || p->samples < step || p->samples > 1024)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "trainer: samples is %u, wanted a multiple of %u to 1024", p->samples, step);
    uint32_t shared = shared_of(p, unit, l->copy, p->samples);
    if (shared > c->max_shared_memory_size || l->subgroups * l->subgroup_size > c->max_workgroup_invocations)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "trainer: %u samples take %u bytes of shared memory and %u invocations, wanted at "
                          "most %u and %u: narrower layers",
                          p->samples, shared, l->subgroups * l->subgroup_size, c->max_shared_memory_size,
                          c->max_workgroup_invocations);
    uint32_t parts = (p->batch + p->samples - 1) / p->samples, turns = turns_of(p, p->samples, most);
    p->groups = p->groups ? SMELT_MIN(p->groups, parts) : (parts + turns - 1) / turns;
    for (uint32_t i = 0; i <= p->layer_count; i++)
        l->padded[i] = padded(p->widths[i], unit);
    for (uint32_t i = 0; i < p->layer_count; i++) {
        l->layer_begin[i] = l->weight_count;
        l->weight_count += l->padded[i + 1] * (l->padded[i] + 1);
    }
    l->output_groups = l->padded[p->layer_count] / 4;
    l->partial = l->weight_count + 4 * l->output_groups;
    return SMELT_OK;
}

enum smelt_result smelt_trainer_lay_out(smelt_context context, const struct smelt_trainer_params *params,
                                        struct smelt_trainer_layout *layout)
{
    struct smelt_trainer_layout *l = layout;
    memset(l, 0, sizeof(*l));
    l->params = *params;
    enum smelt_result result = check_counts(context, params);
    if (result)
        return result;
    fill_defaults(context, &l->params);
    if ((result = check_params(context, &l->params)))
        return result;
    l->outputs = params->widths[params->layer_count];
    for (uint32_t i = 0; i < l->outputs; i++)
        l->weights[i] = params->weights ? params->weights[i] : 1;
    l->params.targets = l->params.weights = NULL;
    l->frozen_from = l->params.frozen_steps ? l->params.steps - l->params.frozen_steps : UINT32_MAX;
    l->schedule_begin = l->params.warmup;
    l->schedule_end = l->params.steps;
    if ((result = lay_out_images(context, l)) || (result = lay_out_inputs(context, l)) ||
        (result = choose_backend(context, l)))
        return result;
    return lay_out_group(context, l);
}

// --- Start values -----------------------------------------------------------------------------------------

static float draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(*state >> 40) * 0x1p-23F - 1; // -1 to below 1
}

void smelt_trainer_fill(const struct smelt_trainer_layout *l, float *parameters)
{
    const struct smelt_trainer_params *p = &l->params;
    uint64_t state = p->seed;
    for (uint32_t i = 0; i < p->layer_count; i++) {
        float reach = sqrtf(6.0F / (float)p->widths[i]);
        for (uint32_t n = 0; n < p->widths[i + 1]; n++)
            for (uint32_t k = 0; k < p->widths[i]; k++)
                parameters[l->layer_begin[i] + n * l->padded[i] + k] = reach * draw(&state);
    }
    for (uint64_t i = 0; i < 4 * (uint64_t)l->latent_groups; i++)
        parameters[l->weight_count + i] = 0.5F + 0.25F * draw(&state);
}
